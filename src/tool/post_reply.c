// SPDX-License-Identifier: MIT
#include "tool/post_reply.h"

#include <stdbool.h>
#include <yyjson.h>

static bool read_count(yyjson_val *object, const char *name, int64_t *out) {
    yyjson_val *v = yyjson_obj_get(object, name);
    if (!yyjson_is_uint(v) || yyjson_get_uint(v) > INT64_MAX) {
        return false;
    }
    *out = (int64_t)yyjson_get_uint(v);
    return true;
}

static const char *read_text(yyjson_val *object, const char *name) {
    const char *text = yyjson_get_str(yyjson_obj_get(object, name));
    return text != NULL ? text : "";
}

bool post_reply_read(struct text json, struct post_counts *counts, post_error_fn each, void *user) {
    if (json.at == NULL) {
        return false;
    }
    yyjson_doc *doc = yyjson_read(json.at, json.len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc); // NULL of NULL
    bool ok = read_count(root, "accepted", &counts->accepted) &&
              read_count(root, "duplicate", &counts->duplicate) &&
              read_count(root, "rejected", &counts->rejected);
    yyjson_val *errors = yyjson_obj_get(root, "errors");
    yyjson_arr_iter at;
    if (ok && each != NULL && yyjson_arr_iter_init(errors, &at)) {
        yyjson_val *one;
        while ((one = yyjson_arr_iter_next(&at)) != NULL) {
            struct post_error error = {.field = read_text(one, "field"),
                                       .code = read_text(one, "code"),
                                       .message = read_text(one, "message")};
            if (read_count(one, "index", &error.index)) {
                each(user, &error);
            }
        }
    }
    yyjson_doc_free(doc);
    return ok;
}
