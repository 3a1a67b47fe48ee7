// SPDX-License-Identifier: MIT
// A key is read as JSON only when it is not the id's text. How it fails: what cannot be read, or is
// longer than keys of one id are, is no such key.
#include "format/log_key.h"

#include "format/order_tree.h"
#include "format/value_format.h"

enum { KEY_MAX_BYTES = 16 * 1024 };

static bool is_id(yyjson_val *v, struct text id) {
    struct text text = {yyjson_is_raw(v) ? yyjson_get_raw(v) : yyjson_get_str(v),
                        yyjson_get_len(v)};
    return text.at != NULL && text_equal(text, id);
}

bool log_key_is(struct order_json *p, struct text key, struct text id) {
    struct rejection why;
    bool no_memory;
    if (text_equal(key, id)) {
        return true;
    }
    if (value_has_schema_id(key)) {
        key = (struct text){key.at + SCHEMA_ID_BYTES, key.len - SCHEMA_ID_BYTES};
    }
    if (key.at == NULL || key.len > KEY_MAX_BYTES) {
        return false;
    }
    if (text_equal(key, id)) {
        return true;
    }
    yyjson_val *v = order_json_tree(p, key, &no_memory, &why);
    yyjson_val *payload = yyjson_obj_get(v, "payload");
    v = payload != NULL && yyjson_obj_get(v, "schema") != NULL ? payload : v;
    if (yyjson_is_obj(v) && yyjson_obj_size(v) == 1) {
        v = unsafe_yyjson_get_first(v) + 1;
    }
    return is_id(v, id);
}
