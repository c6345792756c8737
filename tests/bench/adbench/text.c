#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static const char space[] = " \t\r\n\v\f";

static void close_file(void *stream)
{
    fclose(stream);
}

char *read_file(const char *path)
{
    FILE *stream = fopen(path, "rb");
    if (!stream)
        stop(STOP_INPUT, "%s: %s", path, strerror(errno));
    keep(stream, close_file);
    char *text = NULL;
    size_t size = 0, room = 0;
    do {
        if (size + 1 >= room) {
            room = room ? 2 * room : 1 << 16;
            char *more = new_array(room, 1);
            if (size)
                memcpy(more, text, size);
            text = more;
        }
        size += fread(text + size, 1, room - 1 - size, stream);
    } while (!feof(stream) && !ferror(stream));
    if (ferror(stream))
        stop(STOP_INPUT, "%s: %s", path, strerror(errno));
    text[size] = 0;
    if (strlen(text) != size)
        stop(STOP_INPUT, "%s: holds bytes that are no text", path);
    return text;
}

int parse_number(const char *text, double *number)
{
    char *end = NULL;
    *number = strtod(text, &end);
    return end != text && *end == 0 && strspn(text, "+-.0123456789eE") == strlen(text) &&
           isfinite(*number);
}

static size_t count_words(const char *text)
{
    size_t count = 0;
    for (const char *at = text + strspn(text, space); *at; count++) {
        at += strcspn(at, space);
        at += strspn(at, space);
    }
    return count;
}

numbers read_numbers(const char *path)
{
    char *text = read_file(path);
    numbers numbers = {.path = path};
    numbers.all = new_doubles(count_words(text));
    for (char *at = text + strspn(text, space); *at;) {
        char *end = at + strcspn(at, space);
        char *next = end + strspn(end, space);
        *end = 0;
        if (!parse_number(at, &numbers.all[numbers.count]))
            stop(STOP_INPUT, "%s: word %zu, \"%.40s\", is not a number", path, numbers.count + 1,
                 at);
        numbers.count++;
        at = next;
    }
    return numbers;
}

size_t take_size(numbers *numbers, const char *name, size_t least)
{
    if (numbers->next >= numbers->count)
        stop(STOP_INPUT, "%s: ends before %s", numbers->path, name);
    double number = numbers->all[numbers->next++];
    if (number != floor(number) || number < (double)least || number > 0x1p53)
        stop(STOP_INPUT, "%s: %s is %g, which must be a whole number, at least %zu", numbers->path,
             name, number, least);
    return (size_t)number;
}

const double *take_numbers(numbers *numbers, size_t count)
{
    const double *first = numbers->all + numbers->next;
    numbers->next += count;
    return first;
}

void expect_count(const numbers *numbers, size_t count)
{
    if (numbers->count != count)
        stop(STOP_INPUT, "%s: holds %zu numbers where its sizes need %zu", numbers->path,
             numbers->count, count);
}
