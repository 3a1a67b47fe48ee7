// SPDX-License-Identifier: MIT
// Members of JSON objects as the API and the stream write them: amounts are texts with four
// decimals, so that no client reads them as floats; what is absent is null; nothing is HTML.
#pragma once
#include "base/buf.h"
#include "order/order.h"
#include <stdint.h>

void json_key(struct buf *out, const char *key); // "key":
void json_money(struct buf *out, int64_t amount_e4);
void json_text(struct buf *out, struct text t);
void json_ident(struct buf *out, struct ident i); // a number where it is one
void json_instant(struct buf *out, int64_t utc_ms);
void json_date(struct buf *out, int32_t day);
static inline void json_bool(struct buf *out, bool b) {
    buf_put_str(out, b ? "true" : "false");
}
