// SPDX-License-Identifier: MIT
// Value and schema are gone through side by side. Depth is bounded before anything is written, and
// so is what it takes to find the schema of a member.
//
// How it fails: a Decimal or a time that cannot be read (malformed), nesting (too_deep), a schema
// of more fields than any table has (too_large).
#include "format/connect_value.h"

#include "format/connect_decimal.h"
#include "format/connect_time.h"

#define DECIMAL "org.apache.kafka.connect.data.Decimal"
#define VARIABLE_DECIMAL "io.debezium.data.VariableScaleDecimal"

static struct text text_in(yyjson_val *v) {
    return (struct text){yyjson_is_raw(v) ? yyjson_get_raw(v) : yyjson_get_str(v),
                         yyjson_get_len(v)};
}

static bool is_text(yyjson_val *v, const char *text) {
    return yyjson_is_str(v) && text_equal(text_in(v), text_of(text));
}

// A whole number of at most 4 digits, as digits or in a text.
static bool small_number(yyjson_val *v, int *out) {
    struct text t = yyjson_is_raw(v) || yyjson_is_str(v) ? text_in(v) : TEXT_NONE;
    bool negative = t.len > 0 && t.at[0] == '-';
    size_t n = t.len - negative;
    *out = 0;
    for (size_t i = negative; i < t.len && n <= 4; i++) {
        if (t.at[i] < '0' || t.at[i] > '9') {
            return false;
        }
        *out = *out * 10 + (t.at[i] - '0');
    }
    *out = negative ? -*out : *out;
    return n > 0 && n <= 4;
}

// --- Fields of a schema

bool connect_fields_begin(struct connect_fields *f, yyjson_val *schema, struct rejection *why) {
    yyjson_val *fields = yyjson_obj_get(schema, "fields");
    *f = (struct connect_fields){.n = yyjson_arr_size(fields)};
    f->first = f->at = yyjson_arr_get_first(fields);
    return f->n <= CONNECT_FIELDS_MAX ||
           reject(why, "", REJECT_TOO_LARGE, "the schema has %zu fields, at most %d are read", f->n,
                  (int)CONNECT_FIELDS_MAX);
}

yyjson_val *connect_fields_find(struct connect_fields *f, struct text name) {
    for (size_t i = 0; i < f->n; i++) {
        yyjson_val *here = f->at, *field = yyjson_obj_get(here, "field");
        f->place = f->place + 1 < f->n ? f->place + 1 : 0;
        f->at = f->place == 0 ? f->first : unsafe_yyjson_get_next(here);
        if (yyjson_is_str(field) && text_equal(text_in(field), name)) {
            return here;
        }
    }
    return NULL;
}

// --- Values

struct naming {
    const char *field;
    uint32_t depth;
};

static bool put_value(struct connect_writing *w, yyjson_val *schema, yyjson_val *value,
                      struct naming at);

static void put_quoted(struct buf *out, const char *text, size_t len) {
    buf_put_char(out, '"');
    buf_put(out, text, len);
    buf_put_char(out, '"');
}

static bool put_base64_decimal(struct connect_writing *w, yyjson_val *scale, yyjson_val *value,
                               const char *field) {
    char text[DECIMAL_TEXT_MAX];
    int places;
    if (!small_number(scale, &places)) {
        return reject(w->why, field, REJECT_MALFORMED,
                      "%s is a Decimal whose schema has no scale: what it is cannot be told",
                      field);
    }
    size_t len = connect_decimal(text_in(value), places, text);
    if (len == 0) {
        return reject(w->why, field, REJECT_MALFORMED,
                      "%s must be a Decimal, base64 of at most %d bytes with a scale: '%s'", field,
                      (int)DECIMAL_BYTES_MAX, excerpt_of(text_in(value)).text);
    }
    put_quoted(w->out, text, len);
    return true;
}

static bool put_time(struct connect_writing *w, struct text name, yyjson_val *value,
                     const char *field) {
    char text[CONNECT_TIME_MAX];
    size_t len = connect_time(name, text_in(value), w->no_zone, text);
    if (len == 0) {
        return reject(w->why, field, REJECT_MALFORMED, "%s is no time of a %s: '%s'", field,
                      excerpt_of(name).text, excerpt_of(text_in(value)).text);
    }
    put_quoted(w->out, text, len);
    return true;
}

static bool put_object(struct connect_writing *w, yyjson_val *schema, yyjson_val *value,
                       struct naming at) {
    struct connect_fields fields;
    if (!connect_fields_begin(&fields, schema, w->why)) {
        return false;
    }
    size_t i, n;
    yyjson_val *key, *member;
    buf_put_char(w->out, '{');
    yyjson_obj_foreach(value, i, n, key, member) {
        if (i > 0) {
            buf_put_char(w->out, ',');
        }
        buf_put_json(w->out, text_in(key));
        buf_put_char(w->out, ':');
        if (!put_value(
                w, connect_fields_find(&fields, text_in(key)), member,
                (struct naming){at.depth == 1 ? yyjson_get_str(key) : at.field, at.depth + 1})) {
            return false;
        }
    }
    buf_put_char(w->out, '}');
    return true;
}

static bool put_array(struct connect_writing *w, yyjson_val *schema, yyjson_val *value,
                      struct naming at) {
    yyjson_val *items = yyjson_obj_get(schema, "items"), *element;
    size_t i, n;
    buf_put_char(w->out, '[');
    yyjson_arr_foreach(value, i, n, element) {
        if (i > 0) {
            buf_put_char(w->out, ',');
        }
        if (!put_value(w, items, element, (struct naming){at.field, at.depth + 1})) {
            return false;
        }
    }
    buf_put_char(w->out, ']');
    return true;
}

static bool put_plain(struct connect_writing *w, yyjson_val *value) {
    switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_STR:
        buf_put_json(w->out, text_in(value));
        break;
    case YYJSON_TYPE_RAW:
        buf_put_text(w->out, text_in(value));
        break;
    case YYJSON_TYPE_BOOL:
        buf_put_str(w->out, yyjson_get_bool(value) ? "true" : "false");
        break;
    default:
        buf_put_str(w->out, "null");
    }
    return true;
}

// An order's items in a column of JSON, whose value is a text: written as what it says, if that is
// JSON to its end.
static bool put_json_text(struct connect_writing *w, yyjson_val *value) {
    struct text text = text_trim(text_in(value));
    size_t pool_bytes = yyjson_read_max_memory_usage(text.len, YYJSON_READ_NUMBER_AS_RAW);
    if (text.len == 0 || text.at[0] != '[') {
        return put_plain(w, value);
    }
    char *memory = heap_alloc(w->out->heap, pool_bytes);
    if (memory == NULL) {
        w->out->failed = true;
        return true;
    }
    yyjson_alc pool;
    yyjson_alc_pool_init(&pool, memory, pool_bytes);
    bool whole = yyjson_read_opts((char *)(uintptr_t)text.at, text.len, YYJSON_READ_NUMBER_AS_RAW,
                                  &pool, NULL) != NULL;
    heap_free(w->out->heap, memory);
    if (!whole) {
        return put_plain(w, value);
    }
    buf_put_text(w->out, text);
    return true;
}

static bool put_value(struct connect_writing *w, yyjson_val *schema, yyjson_val *value,
                      struct naming at) {
    if (at.depth > CONNECT_DEPTH_MAX) {
        return reject(w->why, at.field, REJECT_TOO_DEEP, "the payload is nested deeper than %d",
                      (int)CONNECT_DEPTH_MAX);
    }
    yyjson_val *name = yyjson_obj_get(schema, "name");
    if (yyjson_is_str(value) && is_text(name, DECIMAL)) {
        yyjson_val *parameters = yyjson_obj_get(schema, "parameters");
        return put_base64_decimal(w, yyjson_obj_get(parameters, "scale"), value, at.field);
    }
    if (yyjson_is_obj(value) && is_text(name, VARIABLE_DECIMAL) &&
        yyjson_is_str(yyjson_obj_get(value, "value"))) {
        return put_base64_decimal(w, yyjson_obj_get(value, "scale"), yyjson_obj_get(value, "value"),
                                  at.field);
    }
    if (yyjson_is_raw(value) && yyjson_is_str(name) && connect_time_is(text_in(name))) {
        return put_time(w, text_in(name), value, at.field);
    }
    if (at.depth == 2 && yyjson_is_str(value) && strcmp(at.field, "items") == 0) {
        return put_json_text(w, value);
    }
    return yyjson_is_obj(value)   ? put_object(w, schema, value, at)
           : yyjson_is_arr(value) ? put_array(w, schema, value, at)
                                  : put_plain(w, value);
}

bool connect_value_put(struct connect_writing *w, yyjson_val *schema, yyjson_val *value,
                       const char *field) {
    return put_value(w, schema, value, (struct naming){field, field[0] == '\0' ? 1 : 2});
}
