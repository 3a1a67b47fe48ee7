// SPDX-License-Identifier: MIT
// From the structs of the C data interface to columns that can be read without a further look.
//
// 1. A struct array is opened: its schema's children are its array's, one for one.
// 2. A column is found by its name, and held against the rows that are wanted of it: it has them
//    all, its buffers are there, its offsets ascend from 0 on and within bounds.
// 3. Rows are read by the functions of the header, which check nothing any more.
//
// How it fails: a line that names the column. All of it is the caller's mistake, so there is one
// class. Texts of the caller are shown as excerpts: they may be any bytes.
#include "kernel/arrow_columns.h"

#include "order/order.h"

// No array is as long; below it sums of offsets, and bytes of them, stay far from 2^63.
#define PLACE_MAX (INT64_C(1) << 48)
enum { CHILDREN_MAX = 10000 };

void arrow_release(struct ArrowSchema *schema, struct ArrowArray *array) {
    if (schema != NULL && schema->release != NULL) {
        schema->release(schema);
        schema->release = NULL;
    }
    if (array != NULL && array->release != NULL) {
        array->release(array);
        array->release = NULL;
    }
}

void arrow_clear(struct ArrowSchema *schema, struct ArrowArray *array) {
    if (schema != NULL) {
        *schema = (struct ArrowSchema){0};
    }
    if (array != NULL) {
        *array = (struct ArrowArray){0};
    }
}

static bool wrong(struct error *err, const char *name, const char *what) {
    return error_set(err, ERROR_USAGE, "Arrow: %s: %s", name, what);
}

// --- What is true of every array

// The nulls of rows from `from` on. They have been found to lie within the array.
static bool read_nulls(const struct ArrowArray *a, int64_t from, int64_t n_rows, const char *name,
                       struct arrow_nulls *out, struct error *err) {
    *out = (struct arrow_nulls){NULL, a->offset + from};
    if (n_rows == 0 || a->null_count == 0) {
        return true;
    }
    out->bits = a->buffers[0];
    return out->bits != NULL || a->null_count < 0 ||
           wrong(err, name, "it says that it has nulls and has no validity buffer");
}

static bool check_array(const struct ArrowArray *a, int64_t n_buffers, int64_t from, int64_t n_rows,
                        const char *name, struct error *err) {
    if (a->length < 0 || a->offset < 0 || a->length > PLACE_MAX || a->offset > PLACE_MAX) {
        return wrong(err, name, "its length or offset is negative, or no array is as long");
    }
    if (from + n_rows > a->length) {
        return wrong(err, name, "it has fewer rows than what it is a part of");
    }
    if (a->null_count < -1 || a->null_count > a->length) {
        return wrong(err, name, "its null count is neither -1 nor within its length");
    }
    if (a->n_buffers != n_buffers || (n_rows > 0 && a->buffers == NULL)) {
        return wrong(err, name, "it has not the buffers that its type has");
    }
    return a->dictionary == NULL ||
           wrong(err, name, "it is encoded by a dictionary: give the values themselves");
}

static bool check_schema(const struct ArrowSchema *s, const char *name, struct error *err) {
    if (s->release == NULL || s->format == NULL) {
        return wrong(err, name, "its schema is released already, or has no format");
    }
    return s->dictionary == NULL ||
           wrong(err, name, "it is encoded by a dictionary: give the values themselves");
}

bool arrow_any_null(const struct arrow_nulls *nulls, int64_t n) {
    for (int64_t i = 0; nulls->bits != NULL && i < n; i++) {
        if (arrow_is_null(nulls, i)) {
            return true;
        }
    }
    return false;
}

// --- Tables

static bool wrong_type(struct error *err, const char *name, const char *format,
                       const char *expected) {
    return error_set(err, ERROR_USAGE, "Arrow: %s: its format is '%s', expected %s", name,
                     excerpt_of(text_of(format)).text, expected);
}

// Rows `from` and so on of a struct array, whose children are the columns.
static bool open_table(const struct ArrowSchema *schema, const struct ArrowArray *array,
                       int64_t from, int64_t n_rows, const char *name, struct arrow_table *out,
                       struct error *err) {
    struct arrow_nulls nulls;
    if (strcmp(schema->format, "+s") != 0) {
        return wrong_type(err, name, schema->format, "a struct ('+s')");
    }
    if (n_rows > ARROW_ROWS_MAX) {
        return error_set(err, ERROR_USAGE,
                         "Arrow: %s: %lld rows; at most 2147483647 at a time: give smaller batches",
                         name, (long long)n_rows);
    }
    if (!check_array(array, 1, from, n_rows, name, err) ||
        !read_nulls(array, from, n_rows, name, &nulls, err)) {
        return false;
    }
    if (schema->n_children != array->n_children || schema->n_children < 0 ||
        schema->n_children > CHILDREN_MAX) {
        return wrong(err, name, "schema and array have not the same number of children");
    }
    if (schema->n_children > 0 && (schema->children == NULL || array->children == NULL)) {
        return wrong(err, name, "its children are missing");
    }
    if (arrow_any_null(&nulls, n_rows)) {
        return wrong(err, name, "a row as a whole is null");
    }
    *out = (struct arrow_table){schema, array, array->offset + from, n_rows};
    return true;
}

bool arrow_table_open(const struct ArrowSchema *schema, const struct ArrowArray *array,
                      struct arrow_table *out, struct error *err) {
    static const char *const name = "the batch";
    if (schema == NULL || array == NULL || array->release == NULL) {
        return wrong(err, name, "there is none, or it is released already");
    }
    // What is from the first row on: the length itself is looked at before anything else is.
    return check_schema(schema, name, err) &&
           open_table(schema, array, 0, array->length, name, out, err);
}

// The column's place; -1: there is none. False: there are two.
static bool find(const struct arrow_table *t, const char *name, int64_t *place, struct error *err) {
    *place = -1;
    for (int64_t i = 0; i < t->schema->n_children; i++) {
        const struct ArrowSchema *child = t->schema->children[i];
        if (child == NULL || child->name == NULL || strcmp(child->name, name) != 0) {
            continue;
        }
        if (*place >= 0) {
            return wrong(err, name, "two columns have this name");
        }
        *place = i;
    }
    return true;
}

const char *arrow_format(const struct arrow_table *t, const char *name) {
    struct error ignored;
    int64_t place;
    return find(t, name, &place, &ignored) && place >= 0 ? t->schema->children[place]->format
                                                         : NULL;
}

struct child {
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
};
enum found { FOUND, FOUND_NONE, FOUND_WRONG };

static enum found find_child(const struct arrow_table *t, const char *name, struct child *out,
                             struct error *err) {
    int64_t place;
    if (!find(t, name, &place, err)) {
        return FOUND_WRONG;
    }
    if (place < 0) {
        return FOUND_NONE;
    }
    *out = (struct child){t->schema->children[place], t->array->children[place]};
    if (out->array == NULL || out->array->release == NULL) {
        (void)wrong(err, name, "its array is missing, or released already");
        return FOUND_WRONG;
    }
    return check_schema(out->schema, name, err) ? FOUND : FOUND_WRONG;
}

// --- Offsets

static bool ascend_i32(const char *at, int64_t n) {
    int32_t bad = 0;
    for (int64_t i = 0; i < n; i++) {
        bad |= arrow_load_i32(at, i + 1) < arrow_load_i32(at, i);
    }
    return bad == 0;
}

static bool ascend_i64(const char *at, int64_t n) {
    int64_t bad = 0;
    for (int64_t i = 0; i < n; i++) {
        bad |= arrow_load_i64(at, i + 1) < arrow_load_i64(at, i);
    }
    return bad == 0;
}

// n + 1 offsets of n rows, of which there is one at least. *from and *to: the first, the last.
static bool check_offsets(const char *at, bool large, int64_t n, const char *name, int64_t *from,
                          int64_t *to, struct error *err) {
    if (at == NULL) {
        return wrong(err, name, "its buffer of offsets is missing");
    }
    *from = arrow_load_offset(at, large, 0);
    *to = arrow_load_offset(at, large, n);
    if (*from < 0 || *to > PLACE_MAX || !(large ? ascend_i64(at, n) : ascend_i32(at, n))) {
        return wrong(err, name, "its offsets do not ascend from 0 on");
    }
    return true;
}

// --- Columns

static const char *first_of(const void *buffer, int64_t row, int64_t n_bytes) {
    return buffer != NULL ? (const char *)buffer + row * n_bytes : NULL;
}

bool arrow_texts(const struct arrow_table *t, const char *name, struct text_column *out,
                 struct error *err) {
    *out = (struct text_column){0};
    struct child c;
    enum found found = find_child(t, name, &c, err);
    if (found != FOUND) {
        return found == FOUND_NONE;
    }
    const char *format = c.schema->format;
    if (format[0] == '\0' || strchr("zuZU", format[0]) == NULL || format[1] != '\0') {
        return wrong_type(err, name, format, "binary or utf8, each also large");
    }
    out->large = format[0] == 'Z' || format[0] == 'U';
    if (!check_array(c.array, 3, t->from, t->n_rows, name, err) ||
        !read_nulls(c.array, t->from, t->n_rows, name, &out->nulls, err)) {
        return false;
    }
    out->present = true;
    if (t->n_rows == 0) {
        return true;
    }
    int64_t from, to;
    out->offsets = first_of(c.array->buffers[1], c.array->offset + t->from, out->large ? 8 : 4);
    out->bytes = c.array->buffers[2];
    if (!check_offsets(out->offsets, out->large, t->n_rows, name, &from, &to, err)) {
        return false;
    }
    if (to - from > ARROW_BYTES_MAX) {
        return error_set(err, ERROR_USAGE,
                         "Arrow: %s: %lld bytes; at most 2147483647 at a time: give smaller "
                         "batches",
                         name, (long long)(to - from));
    }
    return to == from || out->bytes != NULL || wrong(err, name, "its buffer of bytes is missing");
}

static int64_t number_bytes(char format) {
    switch (format) {
    case 'c':
    case 'C':
        return 1;
    case 's':
    case 'S':
        return 2;
    case 'i':
    case 'I':
        return 4;
    default:
        return 8;
    }
}

// The character that stands for the format; 0: it is no number.
static char number_format(const char *format, char *unit) {
    *unit = '\0';
    if (format[0] == 't' && format[1] == 's' && format[2] != '\0' &&
        strchr("smun", format[2]) != NULL && format[3] == ':') {
        *unit = format[2];
        return 't';
    }
    return format[0] != '\0' && format[1] == '\0' && strchr("cCsSiIlL", format[0]) != NULL
               ? format[0]
               : '\0';
}

bool arrow_numbers(const struct arrow_table *t, const char *name, const char *formats,
                   const char *expected, struct number_column *out, struct error *err) {
    *out = (struct number_column){0};
    struct child c;
    enum found found = find_child(t, name, &c, err);
    if (found != FOUND) {
        return found == FOUND_NONE;
    }
    out->format = number_format(c.schema->format, &out->unit);
    if (out->format == '\0' || strchr(formats, out->format) == NULL) {
        return wrong_type(err, name, c.schema->format, expected);
    }
    if (!check_array(c.array, 2, t->from, t->n_rows, name, err) ||
        !read_nulls(c.array, t->from, t->n_rows, name, &out->nulls, err)) {
        return false;
    }
    out->present = true;
    if (t->n_rows == 0) {
        return true;
    }
    out->at = first_of(c.array->buffers[1], c.array->offset + t->from, number_bytes(out->format));
    return out->at != NULL || wrong(err, name, "its buffer of values is missing");
}

// The structs that the rows of a list refer to.
static bool open_inner(const struct child *c, const char *name, struct list_column *out, int64_t to,
                       struct error *err) {
    if (c->schema->n_children != 1 || c->array->n_children != 1 || c->schema->children == NULL ||
        c->array->children == NULL || c->schema->children[0] == NULL ||
        c->array->children[0] == NULL || c->array->children[0]->release == NULL) {
        return wrong(err, name, "a list has one child");
    }
    return check_schema(c->schema->children[0], name, err) &&
           open_table(c->schema->children[0], c->array->children[0], out->first, to - out->first,
                      name, &out->inner, err);
}

bool arrow_lists(const struct arrow_table *t, const char *name, struct list_column *out,
                 struct error *err) {
    *out = (struct list_column){0};
    struct child c;
    enum found found = find_child(t, name, &c, err);
    if (found != FOUND) {
        return found == FOUND_NONE;
    }
    out->large = strcmp(c.schema->format, "+L") == 0;
    if (!out->large && strcmp(c.schema->format, "+l") != 0) {
        return wrong_type(err, name, c.schema->format, "a list of structs ('+l' or '+L')");
    }
    if (!check_array(c.array, 2, t->from, t->n_rows, name, err) ||
        !read_nulls(c.array, t->from, t->n_rows, name, &out->nulls, err)) {
        return false;
    }
    out->present = true;
    int64_t to = 0;
    if (t->n_rows > 0) {
        out->offsets = first_of(c.array->buffers[1], c.array->offset + t->from, out->large ? 8 : 4);
        if (!check_offsets(out->offsets, out->large, t->n_rows, name, &out->first, &to, err)) {
            return false;
        }
    }
    return open_inner(&c, name, out, to, err);
}

// --- Rows

int64_t arrow_signed_at(const struct number_column *c, int64_t i) {
    int16_t narrow;
    switch (c->format) {
    case 'c':
        return (signed char)c->at[i];
    case 's':
        memcpy(&narrow, c->at + i * 2, sizeof narrow);
        return narrow;
    case 'i':
        return arrow_load_i32(c->at, i);
    default:
        return arrow_load_i64(c->at, i);
    }
}

uint64_t arrow_unsigned_at(const struct number_column *c, int64_t i) {
    uint16_t narrow;
    switch (c->format) {
    case 'C':
        return (unsigned char)c->at[i];
    case 'S':
        memcpy(&narrow, c->at + i * 2, sizeof narrow);
        return narrow;
    case 'I':
        return (uint32_t)arrow_load_i32(c->at, i);
    default:
        return (uint64_t)arrow_load_i64(c->at, i);
    }
}
