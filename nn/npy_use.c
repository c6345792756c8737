/* npy_use.c: .npy files as parameters and datasets. */
#include <inttypes.h>

#include "internal.h"
#include "npy.h"

rg_status rg_npy_read_param(const char *path, rg_param *param, const rg_allocator *allocator,
                            rg_error *error)
{
    const char *name = rgi_path_end(path);
    char has[RG_SHAPE_TEXT_SIZE], wants[RG_SHAPE_TEXT_SIZE];
    rg_shape shape = rg_param_shape(param);
    rg_array *array;
    rg_status status = rg_npy_read(path, allocator, &array, error);
    if (status != RG_OK)
        return status;
    if (array->type == RG_I64) {
        status = RGI_FAIL(error, RG_ERROR_TYPE, "%s: holds integers, the parameter %s", name,
                          rg_type_name(rg_param_type(param)));
    } else if (!rg_shape_equal(&array->shape, &shape)) {
        rg_shape_text(&array->shape, has);
        rg_shape_text(&shape, wants);
        status = RGI_FAIL(error, RG_ERROR_SHAPE, "%s: has shape %.60s, the parameter %.60s", name,
                          has, wants);
    } else {
        rgi_convert(rg_param_data(param), rg_param_type(param), array->data, array->type,
                    rg_param_size(param));
        rgi_param_changed(param);
    }
    rg_array_destroy(array);
    return status;
}

/* ---- datasets ---- */

/* The number of elements an example has; 0 if there is none. */
static int64_t width_of(const rg_array *array)
{
    int64_t size = rg_shape_size(&array->shape);
    return array->shape.rank > 0 && size > 0 ? size / array->shape.dim[0] : 0;
}

static rg_status check_inputs(const char *name, const rg_array *inputs, rg_error *error)
{
    if (width_of(inputs) > 0)
        return RG_OK;
    return RGI_FAIL(error, RG_ERROR_FORMAT, "%s: has no examples with features", name);
}

/* Checks the answers to `count` examples; *classes is how many there are, 0 for targets. */
static rg_status check_answers(const char *name, const rg_array *answers, int64_t count,
                               int64_t *classes, rg_error *error)
{
    int64_t width = width_of(answers);
    *classes = 0;
    if (width == 0 || answers->shape.dim[0] != count)
        return RGI_FAIL(error, RG_ERROR_FORMAT,
                        "%s: has answers to %" PRId64 " examples, but there are %" PRId64, name,
                        width ? answers->shape.dim[0] : 0, count);
    if (answers->type != RG_I64)
        return RG_OK;
    if (width != 1)
        return RGI_FAIL(error, RG_ERROR_FORMAT,
                        "%s: has %" PRId64 " integers an example; a class is one", name, width);
    const int64_t *list = answers->data;
    for (int64_t i = 0; i < count; i++) {
        if (list[i] < 0 || list[i] == INT64_MAX)
            return RGI_FAIL(error, RG_ERROR_FORMAT,
                            "%s: example %" PRId64 " has the class %" PRId64, name, i, list[i]);
        if (list[i] >= *classes)
            *classes = list[i] + 1;
    }
    return RG_OK;
}

static rg_status make_dataset(const rg_array *inputs, const rg_array *answers, int64_t classes,
                              rg_type type, const rg_allocator *allocator, rg_dataset **out,
                              rg_error *error)
{
    int64_t count = inputs->shape.dim[0], features = width_of(inputs);
    int64_t targets = answers && classes == 0 ? width_of(answers) : 0;
    rg_status status =
        rg_dataset_create(out, allocator, type, count, features, classes, targets, error);
    if (status != RG_OK)
        return status;
    rg_dataset *data = *out;
    rgi_convert(data->inputs, type, inputs->data, inputs->type, count * features);
    if (targets > 0)
        rgi_convert(data->targets, type, answers->data, answers->type, count * targets);
    if (classes > 0)
        rgi_convert(data->classes, RG_I64, answers->data, RG_I64, count);
    return RG_OK;
}

rg_status rg_npy_read_dataset(const char *inputs_path, const char *answers_path, rg_type type,
                              const rg_allocator *allocator, rg_dataset **out, rg_error *error)
{
    rg_array *inputs, *answers = NULL;
    int64_t classes = 0;
    *out = NULL;
    rg_status status = rg_npy_read(inputs_path, allocator, &inputs, error);
    if (status == RG_OK)
        status = check_inputs(rgi_path_end(inputs_path), inputs, error);
    if (status == RG_OK && answers_path)
        status = rg_npy_read(answers_path, allocator, &answers, error);
    if (status == RG_OK && answers)
        status = check_answers(rgi_path_end(answers_path), answers, inputs->shape.dim[0], &classes,
                               error);
    if (status == RG_OK)
        status = make_dataset(inputs, answers, classes, type, allocator, out, error);
    rg_array_destroy(inputs);
    rg_array_destroy(answers);
    return status;
}
