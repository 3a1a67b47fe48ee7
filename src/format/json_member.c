// SPDX-License-Identifier: MIT
#include "format/json_member.h"

#include <yyjson.h>

// yyjson makes two values of 16 bytes of each pair of brackets or quotes, and keeps the texts.
enum { POOL_BYTES = 20 * JSON_MEMBER_DOCUMENT_MAX };

bool json_member_text(struct text json, const char *name, char *out, size_t cap, size_t *len) {
    _Alignas(16) char memory[POOL_BYTES];
    char copy[JSON_MEMBER_DOCUMENT_MAX];
    if (json.at == NULL || json.len > sizeof copy) {
        return false;
    }
    yyjson_alc pool;
    yyjson_alc_pool_init(&pool, memory, sizeof memory);
    memcpy(copy, json.at, json.len);
    yyjson_doc *doc = yyjson_read_opts(copy, json.len, 0, &pool, NULL);
    yyjson_val *value = yyjson_obj_get(yyjson_doc_get_root(doc), name);
    *len = yyjson_get_len(value);
    if (!yyjson_is_str(value) || *len > cap) {
        return false;
    }
    memcpy(out, yyjson_get_str(value), *len);
    return true;
}
