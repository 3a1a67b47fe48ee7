// SPDX-License-Identifier: MIT
#include "live/json.h"

#include "order/timestamp.h"

void json_key(struct buf *out, const char *key) {
    buf_put_char(out, '"');
    buf_put_str(out, key);
    buf_put_str(out, "\":");
}

static void put_quoted(struct buf *out, const char *at, size_t len) {
    buf_put_char(out, '"');
    buf_put(out, at, len);
    buf_put_char(out, '"');
}

void json_money(struct buf *out, int64_t amount_e4) {
    char digits[24];
    put_quoted(out, digits, money_format(amount_e4, digits));
}

void json_text(struct buf *out, struct text t) {
    if (t.at == NULL) {
        buf_put_str(out, "null");
    } else {
        buf_put_json(out, t);
    }
}

void json_ident(struct buf *out, struct ident i) {
    if (i.num >= 0) {
        buf_put_i64(out, i.num);
    } else {
        json_text(out, i.text);
    }
}

void json_instant(struct buf *out, int64_t utc_ms) {
    char at[32];
    put_quoted(out, at, timestamp_format(utc_ms, at));
}

void json_date(struct buf *out, int32_t day) {
    char date[32];
    put_quoted(out, date, date_format(day, date));
}
