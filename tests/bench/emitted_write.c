/*
 * emitted_write.c: writes the C code that emitted.c measures: for each problem a file and its
 * header.
 *
 *     bench_emitted_write a.c a.h b.c b.h c.c c.h
 */
#include "batches.h"

static int write_file(const rg_program *program, const char *path, int number, int header)
{
    const char *const names[PROBLEMS] = {"options", "mixture", "network"};
    FILE *file = fopen(path, "w");
    if (!file)
        return 0;
    const rg_emit_options options = {.name = names[number], .batch = 1, .header = header};
    rg_status status = rg_program_write_c(program, file, &options, NULL);
    return fclose(file) == 0 && status == RG_OK;
}

int main(int argc, char **argv)
{
    if (argc != 1 + 2 * PROBLEMS)
        return 2;
    for (int i = 0; i < PROBLEMS; i++) {
        problem p;
        double seconds;
        rg_program *program = create_problem(&p, i) ? compile(&p, &seconds) : NULL;
        if (!program || !write_file(program, argv[1 + 2 * i], i, 0) ||
            !write_file(program, argv[2 + 2 * i], i, 1))
            return 1;
        rg_program_destroy(program);
        free(p.data);
    }
    return 0;
}
