// SPDX-License-Identifier: MIT
// What a server answers to posted orders: counts, and an error for each rejected event. Pure.
#pragma once
#include "base/must.h"
#include "base/text.h"
#include <stdint.h>

struct post_counts {
    int64_t accepted, duplicate, rejected;
};
struct post_error {
    int64_t index; // of the event in the body, from 0
    const char *field, *code, *message;
};
typedef void (*post_error_fn)(void *user, const struct post_error *error); // borrows it

// False when `json` is not such an answer. `each` may be NULL.
MUST_CHECK bool post_reply_read(struct text json, struct post_counts *counts, post_error_fn each,
                                void *user);
