/*
 * ht_model.h: the model of a hand: bones, vertices that follow them, triangles of vertices.
 */
#ifndef RG_TESTS_ADBENCH_HT_MODEL_H
#define RG_TESTS_ADBENCH_HT_MODEL_H

#include <stddef.h>

/* The wrist, four bones of each finger, and the forearm. */
enum { BONES = 22 };

/* An affine map of space: 3 x 4 numbers, row by row. */
typedef struct affine {
    double at[12];
} affine;

typedef struct bone {
    int parent; /* -1: none */
    affine relative, inverse;
} bone;

/* How much a bone moves a vertex. */
typedef struct influence {
    size_t bone;
    double weight;
} influence;

typedef struct vertex {
    double rest[3];
    size_t first, count; /* its influences */
} vertex;

typedef struct hand_model {
    bone bones[BONES];
    size_t vertex_count, triangle_count;
    vertex *vertices;
    influence *influences;
    size_t (*triangles)[3];
} hand_model;

/* Reads bones.txt and vertices.txt of a folder and, if asked, triangles.txt. */
void read_model(hand_model *model, const char *folder, int with_triangles);

#endif
