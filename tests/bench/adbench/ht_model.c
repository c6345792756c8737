#include "ht_model.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "text.h"

/* ---- records: a line each, fields between colons ---- */

typedef struct records {
    char *path, *rest; /* of the text, as strsep leaves it */
    char *line;        /* what is left of this line; NULL: nothing */
    size_t number;
} records;

static records open_records(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    records records = {.path = new_array(size, 1)};
    snprintf(records.path, size, "%s/%s", folder, name);
    records.rest = read_file(records.path);
    return records;
}

/* How many records are left. */
static size_t count_records(const records *records)
{
    size_t count = 0;
    for (const char *at = records->rest; at && *at; count++) {
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    return count;
}

/* Goes on to the next record; false after the last. */
static int next_record(records *records)
{
    if (!records->rest || !*records->rest)
        return 0;
    records->line = strsep(&records->rest, "\n");
    size_t length = strlen(records->line);
    if (length && records->line[length - 1] == '\r')
        records->line[length - 1] = 0;
    records->number++;
    return 1;
}

static const char *take_field(records *records)
{
    if (!records->line)
        stop(STOP_INPUT, "%s: line %zu: a field is missing", records->path, records->number);
    return strsep(&records->line, ":");
}

static double take_number(records *records)
{
    const char *text = take_field(records);
    double number;
    if (!parse_number(text, &number))
        stop(STOP_INPUT, "%s: line %zu: \"%.40s\" is not a number", records->path, records->number,
             text);
    return number;
}

/* A whole number from `least` to below `end`. */
static long take_index(records *records, long least, size_t end)
{
    double number = take_number(records);
    if (!(number >= (double)least && number < (double)end) || number != (double)(long)number)
        stop(STOP_INPUT, "%s: line %zu: %g is not a whole number from %ld to below %zu",
             records->path, records->number, number, least, end);
    return (long)number;
}

static void end_record(const records *records)
{
    if (records->line)
        stop(STOP_INPUT, "%s: line %zu: there are fields too many", records->path, records->number);
}

/* ---- the files ---- */

/* A 4 x 4 matrix whose last row says that it is affine. */
static affine take_affine(records *records)
{
    affine affine;
    for (int i = 0; i < 12; i++)
        affine.at[i] = take_number(records);
    for (int i = 0; i < 4; i++)
        if (take_number(records) != (i == 3))
            stop(STOP_INPUT, "%s: line %zu: the last row of a matrix is not 0 0 0 1", records->path,
                 records->number);
    return affine;
}

static void read_bones(hand_model *model, const char *folder)
{
    records records = open_records(folder, "bones.txt");
    size_t count = count_records(&records);
    if (count != BONES)
        stop(STOP_INPUT, "%s: holds %zu bones, not %d", records.path, count, BONES);
    for (size_t i = 0; next_record(&records); i++) {
        take_field(&records);
        model->bones[i].parent = (int)take_index(&records, -1, i);
        model->bones[i].relative = take_affine(&records);
        model->bones[i].inverse = take_affine(&records);
        end_record(&records);
    }
}

/* At least as many influences as there are in the file. */
static size_t most_influences(const records *records)
{
    size_t colons = 0;
    for (const char *at = records->rest; (at = strchr(at, ':')); at++)
        colons++;
    return colons;
}

static void read_vertices(hand_model *model, const char *folder)
{
    enum { UNUSED = 5 };
    records records = open_records(folder, "vertices.txt");
    model->vertices = new_array(count_records(&records), sizeof *model->vertices);
    model->influences = new_array(most_influences(&records), sizeof *model->influences);
    size_t next = 0;
    while (next_record(&records)) {
        vertex *vertex = &model->vertices[model->vertex_count++];
        for (int i = 0; i < 3; i++)
            vertex->rest[i] = take_number(&records);
        for (int i = 0; i < UNUSED; i++)
            take_number(&records);
        vertex->first = next;
        vertex->count = (size_t)take_index(&records, 0, BONES + 1);
        for (size_t i = 0; i < vertex->count; i++) {
            model->influences[next].bone = (size_t)take_index(&records, 0, BONES);
            model->influences[next++].weight = take_number(&records);
        }
        end_record(&records);
    }
}

static void read_triangles(hand_model *model, const char *folder)
{
    records records = open_records(folder, "triangles.txt");
    model->triangles = new_array(count_records(&records), sizeof *model->triangles);
    while (next_record(&records)) {
        size_t *corners = model->triangles[model->triangle_count++];
        for (int i = 0; i < 3; i++)
            corners[i] = (size_t)take_index(&records, 0, model->vertex_count);
        end_record(&records);
    }
}

void read_model(hand_model *model, const char *folder, int with_triangles)
{
    read_bones(model, folder);
    read_vertices(model, folder);
    if (with_triangles)
        read_triangles(model, folder);
}
