/*
 * time_stepping_record.c: writes the C code that time_stepping.c steps with.
 *
 *     time_stepping_record SCHEME FILE.c FILE.h
 *
 * One step of SCHEME, lax_wendroff or burgers, is recorded, compiled with its vector-Jacobian
 * product, and written as a C file and its header. The build runs this program before it compiles
 * time_stepping.c.
 */
#include <reelgrad.h>

#include <stdio.h>
#include <string.h>

#include "time_stepping.h"

/* q[i] += f[i - 1] - f[i] with the flux f of u_t + u_x = 0, periodic. */
static void lax_wendroff(const rg_value *q, rg_value *next)
{
    rg_value flux[POINTS];
    for (int i = 0; i + 1 < POINTS; i++) {
        rg_value mean = rg_add(q[i], q[i + 1]), slope = rg_sub(q[i], q[i + 1]);
        flux[i] = rg_mul(0.5 * COURANT, rg_add(mean, rg_mul(COURANT, slope)));
    }
    for (int i = 1; i + 1 < POINTS; i++)
        next[i] = rg_add(q[i], rg_sub(flux[i - 1], flux[i]));
    next[0] = next[POINTS - 2];
    next[POINTS - 1] = next[1];
}

/* The two-step scheme of Richtmyer for u_t + (u^2 / 2)_x = 0, periodic. */
static void burgers(const rg_value *q, rg_value *next)
{
    rg_value flux[POINTS], half_flux[POINTS];
    for (int i = 0; i < POINTS; i++)
        flux[i] = rg_mul(0.5, rg_square(q[i]));
    for (int i = 0; i + 1 < POINTS; i++) {
        rg_value mean = rg_mul(0.5, rg_add(q[i], q[i + 1]));
        rg_value half = rg_sub(mean, rg_mul(0.5 * RATIO, rg_sub(flux[i + 1], flux[i])));
        half_flux[i] = rg_mul(0.5, rg_square(half));
    }
    for (int i = 1; i + 1 < POINTS; i++)
        next[i] = rg_sub(q[i], rg_mul(RATIO, rg_sub(half_flux[i], half_flux[i - 1])));
    next[0] = next[POINTS - 2];
    next[POINTS - 1] = next[1];
}

static rg_program *record(const char *scheme, rg_error *error)
{
    rg_tape *tape = rg_tape_create();
    rg_value q[POINTS], next[POINTS];
    for (int i = 0; i < POINTS; i++)
        q[i] = rg_input(tape, 1);
    if (strcmp(scheme, "burgers") == 0)
        burgers(q, next);
    else
        lax_wendroff(q, next);
    rg_program *program = rg_program_create(
        POINTS, next, POINTS, q, &(rg_program_options){.derivatives = RG_PROGRAM_VJP}, error);
    rg_tape_destroy(tape);
    return program;
}

static int write_file(const rg_program *program, const char *scheme, const char *path, int header,
                      rg_error *error)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        fprintf(stderr, "%s cannot be written\n", path);
        return 0;
    }
    const rg_emit_options options = {.name = scheme, .header = header};
    rg_status status = rg_program_write_c(program, file, &options, error);
    if (status != RG_OK)
        fprintf(stderr, "%s: %s\n", path, error->message);
    return fclose(file) == 0 && status == RG_OK;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s lax_wendroff|burgers FILE.c FILE.h\n", argv[0]);
        return 2;
    }
    rg_error error = {.status = RG_OK};
    rg_program *program = record(argv[1], &error);
    if (!program)
        fprintf(stderr, "%s\n", error.message);
    int written = program && write_file(program, argv[1], argv[2], 0, &error) &&
                  write_file(program, argv[1], argv[3], 1, &error);
    rg_program_destroy(program);
    return written ? 0 : 1;
}
