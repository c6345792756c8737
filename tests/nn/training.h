/* training.h: a training with all that goes with it, for the suites of its options. */
#ifndef RG_TESTS_NN_TRAINING_H
#define RG_TESTS_NN_TRAINING_H

#include "../failing.h"
#include "small.h"

/* With everything that has a state: dropout and batch normalisation. */
static inline rg_mlp *make_full(const rg_allocator *allocator, rg_type type)
{
    static const int64_t widths[] = {2, 6, 5, 2};
    return rg_mlp_create(&(rg_mlp_options){.type = type,
                                           .widths = widths,
                                           .width_count = 4,
                                           .hidden = RG_TANH,
                                           .norm = RG_NORM_BATCH,
                                           .dropout = 0.3,
                                           .seed = 11,
                                           .allocator = allocator},
                         NULL);
}

static inline int same(rg_mlp *a, rg_mlp *b)
{
    double *of_a = snapshot(a), *of_b = snapshot(b);
    size_t bytes = (size_t)rg_params_size(rg_mlp_params(a)) * sizeof *of_a;
    int equal = memcmp(of_a, of_b, bytes) == 0;
    free(of_a);
    free(of_b);
    return equal;
}

typedef struct setup {
    rg_dataset *data, *validation;
    rg_mlp *mlp;
    rg_optimizer *optimizer;
    rg_history *history;
    rg_train_options options;
    rg_train_result result;
} setup;

static inline setup begin(rg_mlp *mlp)
{
    setup s = {.data = make_halves(22, 7), .validation = make_halves(30, 8), .mlp = mlp};
    s.optimizer = rg_adam_create(rg_mlp_params(mlp), &(rg_adam_options){.rate = 0.01}, NULL);
    s.history = rg_history_create(NULL);
    s.options = (rg_train_options){.epochs = 4, .batch = 5, .seed = 3};
    return s;
}

static inline rg_status train(setup *s)
{
    s->options.result = &s->result;
    return rg_train(s->mlp, s->optimizer, s->data, NULL, &s->options, s->history, NULL);
}

static inline void end(setup *s)
{
    rg_history_destroy(s->history);
    rg_optimizer_destroy(s->optimizer);
    rg_mlp_destroy(s->mlp);
    rg_dataset_destroy(s->data);
    rg_dataset_destroy(s->validation);
}

/* Runs what is given with a network and an optimizer of one allocator, each allocation of which
 * fails in turn. */
static inline void check_failures(rg_status (*run)(rg_mlp *mlp, rg_optimizer *optimizer,
                                                   const rg_dataset *data, rg_error *error))
{
    rg_dataset *data = make_halves(9, 7);
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_error error = {RG_OK, ""};
        rg_mlp *mlp = make_full(&allocator, RG_F64);
        rg_optimizer *optimizer = mlp ? rg_sgd_create(rg_mlp_params(mlp), NULL, &error) : NULL;
        rg_status status = optimizer ? RG_OK : RG_ERROR_MEMORY;
        if (status == RG_OK) {
            status = run(mlp, optimizer, data, &error);
            cr_assert(status == error.status);
        }
        rg_optimizer_destroy(optimizer);
        rg_mlp_destroy(mlp);
        CHECK_FAILURE(memory, status);
    }
    rg_dataset_destroy(data);
}

static inline void check_end(const setup *s, rg_stop stop, int64_t epoch, int64_t step)
{
    const rg_train_result *r = &s->result;
    cr_assert(r->stop == stop && r->next_epoch == epoch && r->next_step == step,
              "it ended by %d before step %d of epoch %d", (int)r->stop, (int)r->next_step,
              (int)r->next_epoch);
}

#endif
