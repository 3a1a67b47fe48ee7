// SPDX-License-Identifier: MIT
// A borrowed piece of text: (base, length), never NUL-terminated, never owned.
// The bytes belong to whoever made the slice (a request body, an arena, a literal).
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct text {
    const char *at; // NULL: absent
    size_t len;     // bytes
};

#define TEXT_LIT(literal) ((struct text){("" literal), sizeof(literal) - 1})
#define TEXT_NONE ((struct text){NULL, 0})
// For printf("%.*s", TEXT_ARG(t)).
#define TEXT_ARG(t) (int)(t).len, (t).at ? (t).at : ""

static inline struct text text_of(const char *zero_terminated) {
    return (struct text){zero_terminated, zero_terminated ? strlen(zero_terminated) : 0};
}
static inline bool text_equal(struct text a, struct text b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}
// Without leading and trailing ASCII white space (space, \t, \r, \n, \f, \v).
struct text text_trim(struct text t);
// Number of code points; `t` must be valid UTF-8.
size_t text_characters(struct text t);
// Strict UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
bool text_is_utf8(struct text t);
// Bytes of the first character of `t` (which has one) if it may be shown to people as it is; 0: it
// is to be shown as '?', since a terminal would act on it (controls of ASCII and C1), it turns or
// breaks the line that shows it, is invisible, or is no UTF-8. *taken: how many bytes that is about.
size_t text_shown(struct text t, size_t *taken);
