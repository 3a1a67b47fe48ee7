// SPDX-License-Identifier: MIT
// Rows are compared by the fields that an event has, each as it would be written: a column of text
// that the log leaves out when it is unchanged stands for what it was.
#include "format/envelope_change.h"

#define LEFT_OUT "\"__debezium_unavailable_value\""

static struct text text_in(yyjson_val *v) {
    return yyjson_is_str(v) ? (struct text){yyjson_get_str(v), yyjson_get_len(v)} : TEXT_NONE;
}

static yyjson_val *schema_of(yyjson_val *schema, const char *member, struct rejection *why,
                             bool *ok) {
    struct connect_fields fields;
    *ok = connect_fields_begin(&fields, schema, why);
    return *ok ? connect_fields_find(&fields, text_of(member)) : NULL;
}

// --- An update

struct change {
    struct connect_writing *w;
    yyjson_val *row_schema;
    yyjson_val *before, *after;
    struct buf was, is;
};

static bool write_field(struct change *c, struct buf *out, yyjson_val *row, yyjson_val *key) {
    struct connect_fields fields;
    struct connect_writing w = *c->w;
    yyjson_val *value = yyjson_obj_getn(row, text_in(key).at, text_in(key).len);
    w.out = out;
    buf_clear(out);
    return connect_fields_begin(&fields, c->row_schema, w.why) &&
           connect_value_put(&w, connect_fields_find(&fields, text_in(key)), value,
                             order_field_name(order_field_of(text_in(key))));
}

// False: `why` is filled.
static bool same_field(struct change *c, yyjson_val *key, bool *same) {
    if (!write_field(c, &c->was, c->before, key) || !write_field(c, &c->is, c->after, key)) {
        return false;
    }
    *same = text_equal(buf_text(&c->was), buf_text(&c->is)) ||
            text_equal(buf_text(&c->is), TEXT_LIT(LEFT_OUT));
    return true;
}

static enum envelope_result refuse_update(struct change *c, enum order_field f) {
    reject(c->w->why, order_field_name(f), REJECT_CHANGED,
           "an update (op u) changes %s from %s to %s: what is counted does not change; send an "
           "event cancelled or refunded, or undo it",
           order_field_name(f), excerpt_of(buf_text(&c->was)).text,
           excerpt_of(buf_text(&c->is)).text);
    return ENVELOPE_REJECTED;
}

// Of keys of one row; a key that the other row lacks is absent there.
static enum envelope_result compare_keys(struct change *c, yyjson_val *row) {
    size_t i, n;
    yyjson_val *key, *value;
    yyjson_obj_foreach(row, i, n, key, value) {
        enum order_field f = order_field_of(text_in(key));
        bool same = true;
        if (f == FIELD_UNKNOWN) {
            continue;
        }
        if (!same_field(c, key, &same)) {
            return ENVELOPE_REJECTED;
        }
        if (c->was.failed || c->is.failed) {
            return ENVELOPE_NO_MEMORY;
        }
        if (!same) {
            return refuse_update(c, f);
        }
    }
    return ENVELOPE_NO_EVENT;
}

static enum envelope_result judge_update(struct change *c) {
    if (!yyjson_is_obj(c->before)) {
        reject(c->w->why, "", REJECT_CHANGED,
               "an update (op u) without the row before it: whether it changes what is counted "
               "cannot be told; have the log keep whole rows (PostgreSQL: REPLICA IDENTITY FULL)");
        return ENVELOPE_REJECTED;
    }
    enum envelope_result result = compare_keys(c, c->after);
    return result == ENVELOPE_NO_EVENT ? compare_keys(c, c->before) : result;
}

static enum envelope_result take_update(struct connect_writing *w, yyjson_val *change,
                                        yyjson_val *row_schema) {
    struct change c = {.w = w,
                       .row_schema = row_schema,
                       .before = yyjson_obj_get(change, "before"),
                       .after = yyjson_obj_get(change, "after"),
                       .was = {.heap = w->out->heap},
                       .is = {.heap = w->out->heap}};
    enum envelope_result result = judge_update(&c);
    buf_free(&c.was);
    buf_free(&c.is);
    return result;
}

// --- Any change

static enum envelope_result refuse_end(struct rejection *why, char op) {
    if (op == 't') {
        reject(why, "", REJECT_CHANGED,
               "the table was emptied (op t): orders that were counted stay counted; send an event "
               "cancelled for each that is to be taken back");
    } else {
        reject(why, "", REJECT_CHANGED,
               "the row was deleted (op d): an order that was counted stays counted; send an event "
               "cancelled of it if it is to be taken back");
    }
    return ENVELOPE_REJECTED;
}

static enum envelope_result take_row(struct connect_writing *w, yyjson_val *row,
                                     yyjson_val *row_schema) {
    if (!yyjson_is_obj(row)) {
        reject(w->why, "after", REJECT_NOT_OBJECT,
               "a Debezium change event of a new row (op c, r) must have the row in 'after'");
        return ENVELOPE_REJECTED;
    }
    return connect_value_put(w, row_schema, row, "") ? ENVELOPE_EVENT : ENVELOPE_REJECTED;
}

enum envelope_result envelope_change(struct connect_writing *w, yyjson_val *change,
                                     yyjson_val *schema) {
    struct text op = text_in(yyjson_obj_get(change, "op"));
    yyjson_val *after = yyjson_obj_get(change, "after");
    bool ok;
    yyjson_val *row_schema = schema_of(schema, "after", w->why, &ok);
    if (!ok) {
        return ENVELOPE_REJECTED;
    }
    switch (op.len == 1 ? op.at[0] : '\0') {
    case 'c':
    case 'r':
        return take_row(w, after, row_schema);
    case 'u': // of a row that is no order event the fields tell nothing
        return !yyjson_is_null(yyjson_obj_get(after, "order_id")) &&
                       yyjson_obj_get(after, "order_id") != NULL
                   ? take_update(w, change, row_schema)
                   : take_row(w, after, row_schema);
    case 'd':
    case 't':
        return refuse_end(w->why, op.at[0]);
    default:
        reject(w->why, "op", REJECT_UNKNOWN_VALUE,
               "op of a Debezium change event must be c, r, u, d or t: '%s'", excerpt_of(op).text);
        return ENVELOPE_REJECTED;
    }
}
