// SPDX-License-Identifier: MIT
// A rejection as a header's value, and back. How it fails: a value that is too long, no JSON, or
// whose code is none of ours is no rejection; the message is then judged as any other.
#include "format/rejected_header.h"

#include <yyjson.h>

// The pool has what the library takes at most (yyjson_read_max_memory_usage): 17 bytes for each
// byte of the value, and 256.
enum { HEADER_MAX_BYTES = 2048, POOL_BYTES = 18 * HEADER_MAX_BYTES };

void rejected_header_put(struct buf *out, struct text field, struct text code,
                         struct text message) {
    buf_put_str(out, "{\"field\":");
    buf_put_json(out, field);
    buf_put_str(out, ",\"code\":");
    buf_put_json(out, code);
    buf_put_str(out, ",\"message\":");
    buf_put_json(out, message);
    buf_put_char(out, '}');
}

static const char *member(yyjson_val *object, const char *name) {
    const char *value = yyjson_get_str(yyjson_obj_get(object, name));
    return value != NULL ? value : "";
}

bool rejected_header_read(struct text value, struct rejection *why) {
    _Alignas(16) char memory[POOL_BYTES];
    char copy[HEADER_MAX_BYTES];
    if (value.at == NULL || value.len > HEADER_MAX_BYTES) {
        return false;
    }
    yyjson_alc pool;
    yyjson_alc_pool_init(&pool, memory, sizeof memory);
    memcpy(copy, value.at, value.len);
    yyjson_doc *doc = yyjson_read_opts(copy, value.len, 0, &pool, NULL);
    yyjson_val *object = yyjson_doc_get_root(doc);
    const char *code = reject_code_of(text_of(member(object, "code")));
    if (code == NULL) {
        return false;
    }
    (void)reject(why, member(object, "field"), code, "%s", member(object, "message"));
    return true;
}
