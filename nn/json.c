#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- UTF-8 (RFC 3629) ---- */

/* The bytes of the character that begins at `at`, 1 to 4; 0 if it is not one in its only valid
 * form. */
static int utf8_length(const unsigned char *at, size_t left)
{
    int length = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (at[0] > 0xf4 || left < (size_t)length)
        return 0;
    for (int i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    /* Too long forms, surrogates, and what lies beyond U+10FFFF. */
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}

/* Writes a character and returns how many bytes it took. */
static size_t utf8_write(char *out, unsigned code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(marks[length] | code);
    return length;
}

/* ---- places ---- */

rg_status rgi_json_unexpected(const rgi_json *json, const char *expected)
{
    char found[16] = "the end";
    if (json->at < json->size) {
        unsigned char c = (unsigned char)json->text[json->at];
        snprintf(found, sizeof found, c > ' ' && c < 0x7f ? "%c" : "byte 0x%02x", c);
    }
    return RGI_FAIL(json->error, RG_ERROR_FORMAT, "%s, byte %" PRId64 ": expected %s, found %s",
                    json->name, json->origin + (int64_t)json->at, expected, found);
}

static void skip_blanks(rgi_json *json)
{
    while (json->at < json->size && json->text[json->at] && strchr(" \t\r\n", json->text[json->at]))
        json->at++;
}

bool rgi_json_take(rgi_json *json, char c)
{
    skip_blanks(json);
    bool found = json->at < json->size && json->text[json->at] == c;
    json->at += found;
    return found;
}

rg_status rgi_json_end(rgi_json *json)
{
    skip_blanks(json);
    return json->at == json->size ? RG_OK : rgi_json_unexpected(json, "the end");
}

/* ---- strings ---- */

/* Reads four hexadecimal digits; false if there are others. */
static bool read_hex(rgi_json *json, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, json->at++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        char c = 0;
        if (json->at < json->size)
            c = json->text[json->at];
        const char *digit = c ? strchr(digits, c) : NULL;
        if (!digit)
            return false;
        *out = *out << 4 | ((unsigned)(digit - digits) & 15);
    }
    return true;
}

/* Reads what follows \u, with the second half of a pair; false if that is no character but 0. */
static bool read_code(rgi_json *json, unsigned *code)
{
    unsigned low;
    if (!read_hex(json, code))
        return false;
    if (*code < 0xd800 || *code > 0xdfff)
        return *code != 0;
    if (*code > 0xdbff || json->size - json->at < 2 || json->text[json->at] != '\\' ||
        json->text[json->at + 1] != 'u')
        return false;
    json->at += 2;
    if (!read_hex(json, &low) || low < 0xdc00 || low > 0xdfff)
        return false;
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

/* Reads what follows a backslash into `out` and adds its length to *length. */
static rg_status read_escape(rgi_json *json, char *out, size_t *length)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    char c = 0;
    if (json->at < json->size)
        c = json->text[json->at];
    const char *letter = c ? strchr(letters, c) : NULL;
    unsigned code;
    if (letter) {
        json->at++;
        code = (unsigned char)meanings[letter - letters];
    } else if (c != 'u') {
        return rgi_json_unexpected(json, "one of \"\\/bfnrtu");
    } else {
        size_t start = json->at++;
        if (!read_code(json, &code)) {
            json->at = start;
            return rgi_json_unexpected(json, "a character's code other than 0 after \\u");
        }
    }
    *length += utf8_write(out, code);
    return RG_OK;
}

rg_status rgi_json_string(rgi_json *json, char **out)
{
    if (!rgi_json_take(json, '"'))
        return rgi_json_unexpected(json, "a string");
    char *text = json->text + json->at;
    size_t length = 0;
    for (;;) {
        const char *next = json->text + json->at;
        int bytes = 0;
        if (json->at < json->size && (unsigned char)*next >= ' ')
            bytes = utf8_length((const unsigned char *)next, json->size - json->at);
        if (bytes == 0)
            return rgi_json_unexpected(json, "a character of UTF-8 or the end of a string");
        json->at += (size_t)bytes;
        if (*next == '"')
            break;
        if (*next == '\\') {
            rg_status status = read_escape(json, text + length, &length);
            if (status != RG_OK)
                return status;
        } else {
            memmove(text + length, next, (size_t)bytes);
            length += (size_t)bytes;
        }
    }
    text[length] = 0;
    *out = text;
    return RG_OK;
}

bool rgi_json_add_string(rgi_buffer *buffer, const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length;) {
        int bytes = utf8_length((const unsigned char *)text + i, length - i);
        if (bytes == 0)
            return false;
        i += (size_t)bytes;
    }
    rgi_buffer_add(buffer, "\"", 1);
    while (*text) {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= ' ' && text[plain] != '"' && text[plain] != '\\')
            plain++;
        rgi_buffer_add(buffer, text, plain);
        text += plain;
        if (*text == '"' || *text == '\\')
            rgi_buffer_print(buffer, "\\%c", *text++);
        else if (*text)
            rgi_buffer_print(buffer, "\\u%04x", (unsigned)*text++);
    }
    rgi_buffer_add(buffer, "\"", 1);
    return true;
}

/* ---- numbers, objects, arrays ---- */

rg_status rgi_json_count(rgi_json *json, int64_t *out)
{
    static const char expected[] = "an integer from 0 to 2^63 - 1 in plain digits";
    skip_blanks(json);
    size_t start = json->at;
    int64_t value = 0;
    for (; json->at < json->size; json->at++) {
        int digit = json->text[json->at] - '0';
        if (digit < 0 || digit > 9)
            break;
        if (value > (INT64_MAX - digit) / 10 || (value == 0 && json->at > start)) {
            json->at = start;
            return rgi_json_unexpected(json, expected);
        }
        value = 10 * value + digit;
    }
    if (json->at == start)
        return rgi_json_unexpected(json, expected);
    *out = value;
    return RG_OK;
}

rg_status rgi_json_object(rgi_json *json, rgi_json_value *read, void *context)
{
    if (!rgi_json_take(json, '{'))
        return rgi_json_unexpected(json, "an object");
    for (bool first = true; !rgi_json_take(json, '}'); first = false) {
        char *key;
        if (!first && !rgi_json_take(json, ','))
            return rgi_json_unexpected(json, "a comma or }");
        rg_status status = rgi_json_string(json, &key);
        if (status == RG_OK && !rgi_json_take(json, ':'))
            status = rgi_json_unexpected(json, "a colon");
        if (status == RG_OK)
            status = read(context, key);
        if (status != RG_OK)
            return status;
    }
    return RG_OK;
}

rg_status rgi_json_element(rgi_json *json, int64_t *count, bool *found)
{
    *found = false;
    if (*count == 0 && !rgi_json_take(json, '['))
        return rgi_json_unexpected(json, "an array");
    if (rgi_json_take(json, ']'))
        return RG_OK;
    if (*count > 0 && !rgi_json_take(json, ','))
        return rgi_json_unexpected(json, "a comma or ]");
    ++*count;
    *found = true;
    return RG_OK;
}
