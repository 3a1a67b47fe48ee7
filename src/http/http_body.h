// SPDX-License-Identifier: MIT
// A request's body in memory, charged to the budget as it grows. One owner at a time. Valid when
// at, len and cap are zero.
#pragma once
#include "base/must.h"
#include "base/text.h"
#include "http/http_budget.h"

enum { BODY_SMALL_BYTES = 2048 };

struct http_body {
    char *at; // NULL, small, or malloc'ed and charged with cap bytes
    size_t len, cap;
    char small[BODY_SMALL_BYTES]; // most bodies fit: no allocation, no charge
};

enum body_result {
    BODY_OK,
    BODY_NO_BUDGET, // or no memory
    BODY_TOO_LARGE,
    BODY_BROKEN, // not gzip, cut off, or followed by something else
};

// Appends; expected_bytes (0: not known) is what the body will be in the end, for the first step.
// Charges in steps, so that a body that is only announced costs nothing, and within
// budget_for_uploads.
MUST_CHECK enum body_result body_append(struct http_body *b, struct http_budget *budget,
                                        const char *at, size_t n_bytes, size_t expected_bytes);
// Unpacks gzip (one or more members) into `out`, which is empty.
MUST_CHECK enum body_result body_gunzip(struct text packed, size_t max_bytes,
                                        struct http_budget *budget, struct http_body *out);
void body_clear(struct http_body *b, struct http_budget *budget); // empty, all given back
// Is any of it charged to the budget?
static inline bool body_is_charged(const struct http_body *b) {
    return b->at != NULL && b->at != b->small;
}
static inline struct text body_text(const struct http_body *b) {
    return (struct text){b->at, b->len};
}
