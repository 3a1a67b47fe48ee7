// SPDX-License-Identifier: MIT
// 1. The value is read as a tree, unless it is Confluent's: there the order is what follows the
//    schema's id, as it is.
// 2. Its form is the one that was said, or it is rejected by the name of the form that it has.
// 3. The order is written as plain JSON, by its schema if there is one, and copied to the arena.
//
// How it fails: another form, no JSON, a value that its schema does not fit, more bytes than any
// order needs; or memory is refused.
#include "format/envelope.h"

#include "format/envelope_change.h"
#include "format/order_tree.h"

// One message on its way.
struct opening {
    struct order_json *parser;
    enum value_format said;
    struct text value;
    struct arena *arena;
    struct text *event;
    struct rejection *why;
};

static enum envelope_result open_confluent(const struct opening *o, bool id_in_header) {
    struct text rest = o->value;
    if (value_has_schema_id(rest)) {
        rest = text_trim((struct text){rest.at + SCHEMA_ID_BYTES, rest.len - SCHEMA_ID_BYTES});
        if (rest.len == 0 || rest.at[0] != '{') {
            value_form_refuse(o->why, o->value, VALUE_CONFLUENT_JSON, o->said);
            return ENVELOPE_REJECTED;
        }
    } else if (!id_in_header) {
        bool no_memory;
        struct rejection not_json;
        yyjson_val *root = order_json_tree(o->parser, rest, &no_memory, &not_json);
        if (no_memory) {
            return ENVELOPE_NO_MEMORY;
        }
        value_form_refuse(o->why, rest, value_form_found(rest, root), o->said);
        return ENVELOPE_REJECTED;
    }
    *o->event = rest;
    return ENVELOPE_EVENT;
}

// --- With a tree

static enum envelope_result keep(const struct opening *o, struct text event) {
    return arena_try_copy(o->arena, event, o->event) ? ENVELOPE_EVENT : ENVELOPE_NO_MEMORY;
}

static enum envelope_result put_payload(struct connect_writing *w, yyjson_val *root) {
    yyjson_val *payload = yyjson_obj_get(root, "payload");
    struct text text = TEXT_NONE;
    if (yyjson_is_str(payload)) {
        text = text_trim((struct text){yyjson_get_str(payload), yyjson_get_len(payload)});
    }
    if (text.len > 0 && text.at[0] == '{') { // JSON in a text: a converter had it from elsewhere
        buf_put_text(w->out, text);
        return ENVELOPE_EVENT;
    }
    if (!yyjson_is_obj(payload)) {
        reject(w->why, "payload", REJECT_NOT_OBJECT,
               "the payload of a Kafka Connect envelope must be an order as an object");
        return ENVELOPE_REJECTED;
    }
    if (yyjson_equals_str(yyjson_obj_get(payload, "__deleted"), "true")) {
        reject(w->why, "__deleted", REJECT_CHANGED,
               "a deleted row, as Debezium's ExtractNewRecordState rewrites it: what was counted "
               "stays counted");
        return ENVELOPE_REJECTED;
    }
    return connect_value_put(w, yyjson_obj_get(root, "schema"), payload, "") ? ENVELOPE_EVENT
                                                                             : ENVELOPE_REJECTED;
}

static enum envelope_result put_tree(const struct opening *o, yyjson_val *root, struct buf *out) {
    struct connect_writing w = {.out = out, .why = o->why, .no_zone = o->said == VALUE_DEBEZIUM};
    if (o->said == VALUE_CONNECT) {
        return put_payload(&w, root);
    }
    yyjson_val *payload = yyjson_obj_get(root, "payload");
    return envelope_change(&w, payload != NULL ? payload : root,
                           payload != NULL ? yyjson_obj_get(root, "schema") : NULL);
}

static bool has_nothing(yyjson_val *root) {
    return yyjson_is_null(root) || (yyjson_obj_get(root, "schema") != NULL &&
                                    yyjson_is_null(yyjson_obj_get(root, "payload")));
}

static enum envelope_result open_tree(const struct opening *o, yyjson_val *root) {
    enum value_format found = value_form_found(o->value, root);
    if (has_nothing(root)) {
        return ENVELOPE_NO_EVENT;
    }
    if (found != o->said) {
        value_form_refuse(o->why, o->value, found, o->said);
        return ENVELOPE_REJECTED;
    }
    struct buf out = {.heap = o->arena->heap};
    enum envelope_result result = put_tree(o, root, &out);
    if (out.failed) {
        result = ENVELOPE_NO_MEMORY;
    } else if (result == ENVELOPE_EVENT) {
        result = keep(o, buf_text(&out));
    }
    buf_free(&out);
    return result;
}

// *root NULL: it has a schema's id, or the result says what is wrong.
static enum envelope_result read_tree(const struct opening *o, yyjson_val **root) {
    bool no_memory = false;
    *root = NULL;
    if (o->value.len > ENVELOPE_MAX_BYTES) {
        reject(o->why, "", REJECT_TOO_LARGE, "the message has %zu bytes, at most %d are allowed",
               o->value.len, (int)ENVELOPE_MAX_BYTES);
        return ENVELOPE_REJECTED;
    }
    if (value_has_schema_id(o->value)) {
        return ENVELOPE_EVENT;
    }
    *root = order_json_tree(o->parser, o->value, &no_memory, o->why);
    return *root != NULL ? ENVELOPE_EVENT : no_memory ? ENVELOPE_NO_MEMORY : ENVELOPE_REJECTED;
}

enum envelope_result envelope_open(struct order_json *p, enum value_format said,
                                   const struct envelope *e, struct arena *arena,
                                   struct text *event, struct rejection *why) {
    const struct opening o = {p, said, e->value, arena, event, why};
    yyjson_val *root;
    if (said == VALUE_CONFLUENT_JSON) {
        return open_confluent(&o, e->id_in_header);
    }
    enum envelope_result result = read_tree(&o, &root);
    if (result != ENVELOPE_EVENT) {
        return result;
    }
    if (root == NULL) {
        value_form_refuse(why, e->value, VALUE_CONFLUENT_JSON, said);
        return ENVELOPE_REJECTED;
    }
    return open_tree(&o, root);
}

enum envelope_result envelope_open_kept(struct order_json *p, struct text kept, struct arena *arena,
                                        struct text *event, struct rejection *why) {
    struct opening o = {p, VALUE_JSON, kept, arena, event, why};
    yyjson_val *root;
    enum envelope_result result = read_tree(&o, &root);
    *event = kept;
    if (result != ENVELOPE_EVENT) { // whoever takes it says what it is
        return result == ENVELOPE_NO_MEMORY ? result : ENVELOPE_EVENT;
    }
    o.said = value_form_found(kept, root);
    return o.said == VALUE_JSON             ? ENVELOPE_EVENT
           : o.said == VALUE_CONFLUENT_JSON ? open_confluent(&o, false)
                                            : open_tree(&o, root);
}
