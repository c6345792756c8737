#include "save.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "number.h"
#include "places.h"

static const char optimizer_key[] = "optimizer", lbfgs_name[] = "lbfgs";

/* ---- writing ---- */

/* What the library itself adds to the metadata. */
enum { OWN_METADATA = 5 };

typedef struct own_metadata {
    rg_metadata list[OWN_METADATA];
    int count;
    char dropout[RGI_NUMBER_SIZE]; /* what its line has */
} own_metadata;

static void note(own_metadata *own, const char *key, const char *value)
{
    own->list[own->count++] = (rg_metadata){key, value};
}

static rg_status write_places(const rgi_places *places, const own_metadata *own,
                              const rg_metadata *metadata, int64_t metadata_count, const char *path,
                              rg_error *error)
{
    int64_t count = own->count + metadata_count;
    size_t bytes = (size_t)(count + 1) * sizeof(rg_metadata);
    rg_metadata *all = rgi_alloc(places->allocator, bytes);
    if (!all)
        return RGI_FAIL(error, RG_ERROR_MEMORY, "%s: there is no memory to write it",
                        rgi_path_end(path));
    memcpy(all, own->list, (size_t)own->count * sizeof *all);
    if (metadata_count > 0)
        memcpy(all + own->count, metadata, (size_t)metadata_count * sizeof *all);
    rg_status status = rg_safetensors_write(path, places->list, places->count, all, count,
                                            places->allocator, error);
    rgi_free(places->allocator, all, bytes);
    return status;
}

/* Whether what changes parameters is of exactly these. Without the state of one that was added
 * later, the file could not be loaded. */
static bool belongs(rgi_changer changer, const rg_params *params)
{
    int count = rg_params_count(params);
    const rg_optimizer *optimizer = changer.optimizer;
    const rg_lbfgs *lbfgs = changer.lbfgs;
    return (!optimizer || (optimizer->params == params && optimizer->count == count)) &&
           (!lbfgs || (lbfgs->params == params && lbfgs->count == count));
}

static rg_status save(const rg_params *params, rgi_changer changer, own_metadata *own,
                      const rg_metadata *metadata, int64_t metadata_count, const char *path,
                      rg_error *error)
{
    if (metadata_count < 0)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: the number of lines of metadata is negative",
                        rgi_path_end(path));
    if (!belongs(changer, params))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: the optimizer is of other parameters",
                        rgi_path_end(path));
    if (changer.optimizer)
        note(own, optimizer_key, changer.optimizer->kind->name);
    if (changer.lbfgs)
        note(own, optimizer_key, lbfgs_name);
    rgi_places places;
    rg_status status = rgi_places_create(&places, params, changer, error);
    if (status != RG_OK)
        return status;
    status = write_places(&places, own, metadata, metadata_count, path, error);
    rgi_places_destroy(&places);
    return status;
}

rg_status rg_params_save(const rg_params *params, const rg_optimizer *optimizer,
                         const rg_metadata *metadata, int64_t metadata_count, const char *path,
                         rg_error *error)
{
    own_metadata own = {.count = 0};
    return save(params, (rgi_changer){.optimizer = optimizer}, &own, metadata, metadata_count, path,
                error);
}

/* ---- reading ---- */

/* Reads the number "optimizer.KEY", a scalar of that type. */
static rg_status read_number(const rg_safetensors *file, const char *name, const char *key,
                             rg_type type, void *out, rg_error *error)
{
    char full[RGI_PLACE_NAME_SIZE];
    snprintf(full, sizeof full, "%s%s", RGI_PLACE_PREFIX, key);
    const rg_stored *found = rg_safetensors_find(file, full);
    if (!found || !found->data || found->type != type || found->shape.rank != 0)
        return RGI_FAIL(error, RG_ERROR_FORMAT, "%s: has no %s number %s", name, rg_type_name(type),
                        full);
    memcpy(out, found->data, rg_type_size(type));
    return RG_OK;
}

/* What came of making an optimizer of a file's numbers. */
static rg_status refuse(const rg_error *why, const char *name, rg_error *error)
{
    if (why->status == RG_ERROR_MEMORY)
        return RGI_FAIL(error, RG_ERROR_MEMORY, "%s", why->message);
    return RGI_FAIL(error, RG_ERROR_FORMAT, "%s: %.128s", name, why->message);
}

/* The optimizer of the kind and with the numbers in the file, in its first state; NULL if the file
 * has none. */
static rg_status create_optimizer(rg_params *params, const rg_safetensors *file, const char *name,
                                  rg_optimizer **out, rg_error *error)
{
    const char *kind_name = rg_safetensors_metadata(file, optimizer_key);
    if (!kind_name)
        return RG_OK;
    if (strcmp(kind_name, lbfgs_name) == 0)
        return RGI_FAIL(error, RG_ERROR_FORMAT, "%s: holds an L-BFGS, which rg_lbfgs_load reads",
                        name);
    const rgi_kind *kind = rgi_kind_find(kind_name);
    if (!kind)
        return RGI_FAIL(error, RG_ERROR_FORMAT, "%s: there is no kind of optimizer called %.32s",
                        name, kind_name);
    double numbers[RGI_MAX_NUMBERS] = {0};
    for (int i = 0; i < RGI_MAX_NUMBERS && kind->number[i].name; i++) {
        rg_status status =
            read_number(file, name, kind->number[i].name, RG_F64, &numbers[i], error);
        if (status != RG_OK)
            return status;
    }
    rg_error why;
    *out = rgi_optimizer_create(params, kind, numbers, &why);
    return *out ? RG_OK : refuse(&why, name, error);
}

/* Reads parameters and the state of what changes them from a file that has exactly these. */
static rg_status load_places(rg_params *params, rgi_changer changer, const rg_safetensors *file,
                             const char *name, rg_error *error)
{
    rgi_places places;
    rg_status status = rgi_places_create(&places, params, changer, error);
    if (status != RG_OK)
        return status;
    status = rgi_places_check(&places, file, name, error);
    if (status == RG_OK)
        rgi_places_load(&places, file);
    rgi_places_destroy(&places);
    for (int i = 0; status == RG_OK && i < rg_params_count(params); i++)
        rgi_param_changed(rg_params_at(params, i));
    return status;
}

static rg_status load(rg_params *params, rg_optimizer **optimizer, const rg_safetensors *file,
                      const char *name, rg_error *error)
{
    rg_optimizer *made = NULL;
    rg_status status = RG_OK;
    if (optimizer)
        status = create_optimizer(params, file, name, &made, error);
    if (status == RG_OK)
        status = load_places(params, (rgi_changer){.optimizer = made}, file, name, error);
    if (status != RG_OK)
        rg_optimizer_destroy(made);
    else if (optimizer)
        *optimizer = made;
    return status;
}

rg_status rg_params_load(rg_params *params, rg_optimizer **optimizer, const char *path,
                         rg_error *error)
{
    rg_safetensors *file;
    if (optimizer)
        *optimizer = NULL;
    rg_status status = rg_safetensors_read(path, rg_params_allocator(params), &file, error);
    if (status == RG_OK)
        status = load(params, optimizer, file, rgi_path_end(path), error);
    rg_safetensors_destroy(file);
    return status;
}

/* ---- networks ---- */

static const char *const norm_names[] = {
    [RG_NORM_NONE] = "none", [RG_NORM_LAYER] = "layer", [RG_NORM_BATCH] = "batch"};

static void note_network(own_metadata *own, const rg_mlp *mlp)
{
    enum { EXACT_DIGITS = 17 };
    const rg_norm_layer *norm = rg_mlp_norm(mlp, 0);
    int last = rg_mlp_layer_count(mlp) - 1;
    note(own, "mlp.hidden", rg_activation_name(rg_mlp_activation(mlp, last > 0 ? 0 : -1)));
    note(own, "mlp.output", rg_activation_name(rg_mlp_activation(mlp, last)));
    note(own, "mlp.norm", norm_names[norm ? norm->kind : RG_NORM_NONE]);
    note(own, "mlp.dropout", rgi_number(own->dropout, rg_mlp_dropout(mlp), EXACT_DIGITS));
}

rg_status rg_mlp_save(const rg_mlp *mlp, const rg_optimizer *optimizer, const rg_metadata *metadata,
                      int64_t metadata_count, const char *path, rg_error *error)
{
    own_metadata own = {.count = 0};
    note_network(&own, mlp);
    return save(rg_mlp_params(mlp), (rgi_changer){.optimizer = optimizer}, &own, metadata,
                metadata_count, path, error);
}

/* The value of a key that must be there. */
static rg_status find_text(const rg_safetensors *file, const char *name, const char *key,
                           const char **value, rg_error *error)
{
    *value = rg_safetensors_metadata(file, key);
    if (*value)
        return RG_OK;
    return RGI_FAIL(error, RG_ERROR_FORMAT, "%s: holds no network: its metadata have no %s", name,
                    key);
}

static rg_status unknown(const char *name, const char *key, const char *value, rg_error *error)
{
    return RGI_FAIL(error, RG_ERROR_FORMAT, "%s: %s cannot be %.32s", name, key, value);
}

static rg_status read_activation(const rg_safetensors *file, const char *name, const char *key,
                                 rg_activation *out, rg_error *error)
{
    const char *value;
    rg_status status = find_text(file, name, key, &value, error);
    if (status == RG_OK && rg_activation_find(value, out) != RG_OK)
        status = unknown(name, key, value, error);
    return status;
}

static rg_status read_norm(const rg_safetensors *file, const char *name, rg_norm_kind *out,
                           rg_error *error)
{
    const char *value;
    rg_status status = find_text(file, name, "mlp.norm", &value, error);
    if (status != RG_OK)
        return status;
    for (int i = RG_NORM_NONE; i <= RG_NORM_BATCH; i++)
        if (strcmp(value, norm_names[i]) == 0) {
            *out = (rg_norm_kind)i;
            return RG_OK;
        }
    return unknown(name, "mlp.norm", value, error);
}

static rg_status read_dropout(const rg_safetensors *file, const char *name, double *out,
                              rg_error *error)
{
    const char *value;
    rg_status status = find_text(file, name, "mlp.dropout", &value, error);
    if (status == RG_OK &&
        (!rgi_number_read(value, value + strlen(value), out) || !(*out >= 0 && *out < 1)))
        status = unknown(name, "mlp.dropout", value, error);
    return status;
}

static rg_status read_options(const rg_safetensors *file, const char *name, rg_mlp_options *options,
                              rg_error *error)
{
    rg_status status = read_activation(file, name, "mlp.hidden", &options->hidden, error);
    if (status == RG_OK)
        status = read_activation(file, name, "mlp.output", &options->output, error);
    if (status == RG_OK)
        status = read_norm(file, name, &options->norm, error);
    if (status == RG_OK)
        status = read_dropout(file, name, &options->dropout, error);
    return status;
}

/* The weight of layer `i`, NULL if there is none of two dimensions. */
static const rg_stored *weight_of(const rg_safetensors *file, int i)
{
    char key[32];
    snprintf(key, sizeof key, "layer%d.weight", i);
    const rg_stored *weight = rg_safetensors_find(file, key);
    bool fits =
        weight && weight->shape.rank == 2 && weight->shape.dim[0] > 0 && weight->shape.dim[1] > 0;
    return fits ? weight : NULL;
}

/* Reads the widths off the weights. Each layer must take what the one before gives, so that the
 * network is no larger than the file. */
static rg_status read_widths(const rg_safetensors *file, const char *name, int64_t *widths,
                             int layers, rg_error *error)
{
    for (int i = 0; i < layers; i++) {
        const rg_stored *weight = weight_of(file, i);
        if (i == 0)
            widths[0] = weight->shape.dim[1];
        else if (weight->shape.dim[1] != widths[i])
            return RGI_FAIL(error, RG_ERROR_FORMAT,
                            "%s: layer%d.weight takes not as many inputs as layer%d has outputs",
                            name, i, i - 1);
        widths[i + 1] = weight->shape.dim[0];
    }
    return RG_OK;
}

static rg_status create_mlp(const rg_safetensors *file, const char *name,
                            const rg_allocator *allocator, rg_mlp **out, rg_error *error)
{
    int layers = 0;
    while (weight_of(file, layers))
        layers++;
    if (layers == 0 || !weight_of(file, 0)->data || weight_of(file, 0)->type == RG_I64)
        return RGI_FAIL(error, RG_ERROR_FORMAT,
                        "%s: holds no network: there is no layer0.weight of float64 or float32",
                        name);
    rg_mlp_options options = {.type = weight_of(file, 0)->type,
                              .width_count = layers + 1,
                              .init = RG_INIT_ZEROS,
                              .no_bias = !rg_safetensors_find(file, "layer0.bias"),
                              .allocator = allocator};
    rg_status status = read_options(file, name, &options, error);
    if (status != RG_OK)
        return status;
    size_t bytes = (size_t)(layers + 1) * sizeof(int64_t);
    int64_t *widths = rgi_alloc(allocator, bytes);
    if (!widths)
        return RGI_FAIL(error, RG_ERROR_MEMORY, "%s: there is no memory to read it", name);
    options.widths = widths;
    status = read_widths(file, name, widths, layers, error);
    if (status == RG_OK) {
        rg_error local;
        error = error ? error : &local;
        *out = rg_mlp_create(&options, error);
        status = *out ? RG_OK : error->status;
    }
    rgi_free(allocator, widths, bytes);
    return status;
}

rg_status rg_mlp_load(const char *path, const rg_allocator *allocator, rg_mlp **mlp,
                      rg_optimizer **optimizer, rg_error *error)
{
    const char *name = rgi_path_end(path);
    rg_safetensors *file;
    *mlp = NULL;
    if (optimizer)
        *optimizer = NULL;
    rg_status status = rg_safetensors_read(path, allocator, &file, error);
    if (status == RG_OK)
        status = create_mlp(file, name, allocator, mlp, error);
    if (status == RG_OK)
        status = load(rg_mlp_params(*mlp), optimizer, file, name, error);
    rg_safetensors_destroy(file);
    if (status != RG_OK) {
        rg_mlp_destroy(*mlp);
        *mlp = NULL;
    }
    return status;
}

/* ---- L-BFGS ---- */

rg_status rg_lbfgs_save(const rg_lbfgs *lbfgs, const rg_mlp *mlp, const rg_metadata *metadata,
                        int64_t metadata_count, const char *path, rg_error *error)
{
    own_metadata own = {.count = 0};
    if (mlp)
        note_network(&own, mlp);
    return save(mlp ? rg_mlp_params(mlp) : lbfgs->params, (rgi_changer){.lbfgs = lbfgs}, &own,
                metadata, metadata_count, path, error);
}

/* An L-BFGS with the options in the file and as many pairs, which are still to be read. */
static rg_status create_lbfgs(rg_params *params, const rg_safetensors *file, const char *name,
                              rg_lbfgs **out, rg_error *error)
{
    const char *kind = rg_safetensors_metadata(file, optimizer_key);
    if (!kind || strcmp(kind, lbfgs_name) != 0)
        return RGI_FAIL(error, RG_ERROR_FORMAT, "%s: holds no L-BFGS", name);
    rg_lbfgs_options options;
    int64_t pairs;
    const struct {
        const char *key;
        rg_type type;
        void *out;
    } numbers[] = {{"history", RG_I64, &options.history},
                   {"iterations", RG_I64, &options.iterations},
                   {"evaluations", RG_I64, &options.evaluations},
                   {"decrease", RG_F64, &options.decrease},
                   {"curvature", RG_F64, &options.curvature},
                   {"tolerance", RG_F64, &options.tolerance},
                   {"pairs", RG_I64, &pairs}};
    rg_status status = RG_OK;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && status == RG_OK; i++)
        status = read_number(file, name, numbers[i].key, numbers[i].type, numbers[i].out, error);
    if (status != RG_OK)
        return status;
    rg_error why;
    *out = rgi_lbfgs_create(params, &options, &why);
    if (!*out)
        return refuse(&why, name, error);
    if (pairs < 0 || pairs > options.history || pairs > rg_safetensors_count(file))
        return RGI_FAIL(error, RG_ERROR_FORMAT,
                        "%s: optimizer.pairs is %" PRId64 "; there cannot be so many", name, pairs);
    (*out)->pairs = pairs;
    return RG_OK;
}

rg_status rg_lbfgs_load(rg_params *params, rg_lbfgs **lbfgs, const char *path, rg_error *error)
{
    const char *name = rgi_path_end(path);
    rg_safetensors *file;
    *lbfgs = NULL;
    rg_status status = rg_safetensors_read(path, rg_params_allocator(params), &file, error);
    if (status == RG_OK)
        status = create_lbfgs(params, file, name, lbfgs, error);
    if (status == RG_OK)
        status = load_places(params, (rgi_changer){.lbfgs = *lbfgs}, file, name, error);
    rg_safetensors_destroy(file);
    if (status != RG_OK) {
        rg_lbfgs_destroy(*lbfgs);
        *lbfgs = NULL;
    }
    return status;
}
