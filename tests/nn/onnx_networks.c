/* onnx_networks.c: writes networks of every make into a folder as ONNX, each with inputs and what
 * it makes of them as .npy, for test_onnx.py. Prints how many there are. */
#include <stdio.h>

#include "../../reelgrad.h"

enum { EXAMPLES = 5, PATH_SIZE = 512 };

static int failed(const rg_error *error)
{
    fprintf(stderr, "%s\n", error->message);
    return 1;
}

/* Makes every number of the network one that matters; variances are positive. */
static void randomise(rg_mlp *mlp, rg_random *random)
{
    rg_params *params = rg_mlp_params(mlp);
    for (int i = 0; i < rg_params_count(params); i++) {
        rg_param *param = rg_params_at(params, i);
        double numbers[64];
        for (int64_t k = 0; k < rg_param_size(param); k++)
            numbers[k] = rg_params_is_buffer(params, i) ? 0.5 + rg_random_uniform(random)
                                                        : rg_random_normal(random);
        rg_param_write(param, numbers);
    }
}

static int write_examples(rg_mlp *mlp, rg_type type, rg_random *random, const char *folder,
                          int number)
{
    char path[PATH_SIZE];
    rg_error error = {.message = ""};
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_constant_tensor(tape, type, RG_SHAPE(EXAMPLES, 3), NULL);
    for (int64_t i = 0; i < (int64_t)EXAMPLES * 3; i++) {
        double number_in = 3 * rg_random_normal(random);
        if (type == RG_F64)
            ((double *)rg_data(x, type))[i] = number_in;
        else
            ((float *)rg_data(x, type))[i] = (float)number_in;
    }
    rg_mlp_set_training(mlp, 0);
    rg_value y = rg_mlp_forward(mlp, tape, x);
    rg_status status = rg_tape_status(tape);
    snprintf(path, sizeof path, "%s/%d.x.npy", folder, number);
    if (status == RG_OK)
        status = rg_npy_write(path, type, RG_SHAPE(EXAMPLES, 3), rg_data(x, type), NULL, &error);
    snprintf(path, sizeof path, "%s/%d.y.npy", folder, number);
    if (status == RG_OK)
        status = rg_npy_write(path, type, RG_SHAPE(EXAMPLES, 2), rg_data(y, type), NULL, &error);
    snprintf(path, sizeof path, "%s/%d.onnx", folder, number);
    if (status == RG_OK)
        status = rg_mlp_write_onnx(mlp, path, &error);
    rg_tape_destroy(tape);
    return status == RG_OK ? 0 : failed(&error);
}

int main(int count, char **arguments)
{
    static const int64_t widths[] = {3, 5, 4, 2};
    static const rg_type types[] = {RG_F64, RG_F32};
    rg_random random = rg_random_create(1);
    int number = 0;
    if (count != 2)
        return 2;
    for (int t = 0; t < 2; t++)
        for (int a = 0; rg_activation_name((rg_activation)a); a++)
            for (int norm = RG_NORM_NONE; norm <= RG_NORM_BATCH; norm++, number++) {
                const rg_mlp_options options = {.type = types[t],
                                                .widths = widths,
                                                .width_count = 4,
                                                .hidden = (rg_activation)a,
                                                .output = norm ? RG_IDENTITY : (rg_activation)a,
                                                .norm = (rg_norm_kind)norm,
                                                .dropout = 0.5,
                                                .no_bias = a == RG_TANH};
                rg_error error;
                rg_mlp *mlp = rg_mlp_create(&options, &error);
                if (!mlp)
                    return failed(&error);
                randomise(mlp, &random);
                if (write_examples(mlp, types[t], &random, arguments[1], number) != 0)
                    return 1;
                rg_mlp_destroy(mlp);
            }
    printf("%d\n", number);
    return 0;
}
