// SPDX-License-Identifier: MIT
// The answer to POST /v1/orders, from the verdicts. Pure, any thread.
#pragma once
#include "base/buf.h"
#include "engine/submission.h"

struct answer_counts {
    size_t accepted, duplicate, rejected;
};
struct answer_counts answer_count(const struct submission *s);

// 202 when anything was accepted or known already, else 422 (a problem with the same members).
unsigned answer_status(const struct answer_counts *counts);
// "accepted":... to the closing brace.
void answer_put_counts(struct buf *out, const struct submission *s,
                       const struct answer_counts *counts);
void answer_put(struct buf *out, const struct submission *s, const struct answer_counts *counts);
