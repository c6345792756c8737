#include "save.h"

#include <stdio.h>
#include <string.h>

#include "number.h"
#include "places.h"

static const char optimizer_key[] = "optimizer";

/* ---- writing ---- */

/* What the library itself adds to the metadata. */
enum { OWN_METADATA = 5 };

typedef struct own_metadata {
    rg_metadata list[OWN_METADATA];
    int count;
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

static rg_status save(const rg_params *params, const rg_optimizer *optimizer, own_metadata *own,
                      const rg_metadata *metadata, int64_t metadata_count, const char *path,
                      rg_error *error)
{
    if (metadata_count < 0)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: the number of lines of metadata is negative",
                        rgi_path_end(path));
    if (optimizer && optimizer->params != params)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: the optimizer is of other parameters",
                        rgi_path_end(path));
    if (optimizer)
        note(own, optimizer_key, optimizer->kind->name);
    rgi_places places;
    rg_status status = rgi_places_create(&places, params, optimizer, error);
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
    return save(params, optimizer, &own, metadata, metadata_count, path, error);
}

/* ---- reading ---- */

/* The optimizer of the kind and with the numbers in the file, in its first state; NULL if the file
 * has none. */
static rg_status create_optimizer(rg_params *params, const rg_safetensors *file, const char *name,
                                  rg_optimizer **out, rg_error *error)
{
    const char *kind_name = rg_safetensors_metadata(file, optimizer_key);
    if (!kind_name)
        return RG_OK;
    const rgi_kind *kind = rgi_kind_find(kind_name);
    if (!kind)
        return RGI_FAIL(error, RG_ERROR_FORMAT, "%s: there is no kind of optimizer called %.32s",
                        name, kind_name);
    double numbers[RGI_MAX_NUMBERS] = {0};
    for (int i = 0; i < RGI_MAX_NUMBERS && kind->number[i].name; i++) {
        char key[RGI_PLACE_NAME_SIZE];
        snprintf(key, sizeof key, "optimizer.%s", kind->number[i].name);
        const rg_stored *found = rg_safetensors_find(file, key);
        if (!found || !found->data || found->type != RG_F64 || found->shape.rank != 0)
            return RGI_FAIL(error, RG_ERROR_FORMAT, "%s: has no float64 number %s", name, key);
        numbers[i] = *(const double *)found->data;
    }
    rg_error why;
    *out = rgi_optimizer_create(params, kind, numbers, &why);
    if (*out)
        return RG_OK;
    if (why.status == RG_ERROR_MEMORY)
        return RGI_FAIL(error, RG_ERROR_MEMORY, "%s", why.message);
    return RGI_FAIL(error, RG_ERROR_FORMAT, "%s: %.128s", name, why.message);
}

static rg_status load(rg_params *params, rg_optimizer **optimizer, const rg_safetensors *file,
                      const char *name, rg_error *error)
{
    rg_optimizer *made = NULL;
    rgi_places places;
    rg_status status = RG_OK;
    if (optimizer)
        status = create_optimizer(params, file, name, &made, error);
    if (status == RG_OK)
        status = rgi_places_create(&places, params, made, error);
    if (status == RG_OK) {
        status = rgi_places_check(&places, file, name, error);
        if (status == RG_OK)
            rgi_places_load(&places, file);
        rgi_places_destroy(&places);
    }
    if (status != RG_OK) {
        rg_optimizer_destroy(made);
        return status;
    }
    for (int i = 0; i < rg_params_count(params); i++)
        rgi_param_changed(rg_params_at(params, i));
    if (optimizer)
        *optimizer = made;
    return RG_OK;
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

rg_status rg_mlp_save(const rg_mlp *mlp, const rg_optimizer *optimizer, const rg_metadata *metadata,
                      int64_t metadata_count, const char *path, rg_error *error)
{
    enum { EXACT_DIGITS = 17 };
    char dropout[RGI_NUMBER_SIZE];
    const rg_norm_layer *norm = rg_mlp_norm(mlp, 0);
    int last = rg_mlp_layer_count(mlp) - 1;
    own_metadata own = {.count = 0};
    note(&own, "mlp.hidden", rg_activation_name(rg_mlp_activation(mlp, last > 0 ? 0 : -1)));
    note(&own, "mlp.output", rg_activation_name(rg_mlp_activation(mlp, last)));
    note(&own, "mlp.norm", norm_names[norm ? norm->kind : RG_NORM_NONE]);
    note(&own, "mlp.dropout", rgi_number(dropout, rg_mlp_dropout(mlp), EXACT_DIGITS));
    return save(rg_mlp_params(mlp), optimizer, &own, metadata, metadata_count, path, error);
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
