// SPDX-License-Identifier: MIT
// SQL literals. Statements are written as text, many rows in each: one round trip moves a thousand
// cells, which no statement with parameters does on MySQL and MariaDB alike.
#include "store/mysql/mysql_sql.h"

#include "order/timestamp.h"

// What could end the literal or change its bytes. Any other byte stands for itself: in UTF-8 none
// of these is ever a part of a longer character.
static bool needs_escape(char c) {
    return c == '\'' || c == '\\' || c == '\0';
}

static void put_escaped(struct buf *b, struct text t) {
    size_t done = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (needs_escape(t.at[i])) {
            buf_put(b, t.at + done, i - done);
            buf_put_char(b, '\\');
            buf_put_char(b, t.at[i] != '\0' ? t.at[i] : '0');
            done = i + 1;
        }
    }
    if (t.len > done) {
        buf_put(b, t.at + done, t.len - done);
    }
}

void sql_put_text(struct buf *b, struct text t) {
    if (t.at == NULL) {
        buf_put_str(b, "NULL");
        return;
    }
    buf_put_char(b, '\'');
    put_escaped(b, t);
    buf_put_char(b, '\'');
}

void sql_put_bytes(struct buf *b, struct text t) {
    static const char digits[] = "0123456789ABCDEF";
    if (t.at == NULL) {
        buf_put_str(b, "NULL");
        return;
    }
    buf_put_str(b, "X'");
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.at[i];
        char pair[2] = {digits[c >> 4], digits[c & 15]};
        buf_put(b, pair, sizeof pair);
    }
    buf_put_char(b, '\'');
}

// Length of the UTF-8 character at the start of `t`; 0 when there is none.
static size_t character_bytes(struct text t) {
    for (size_t n = 1; n <= 4 && n <= t.len; n++) {
        if (text_is_utf8((struct text){t.at, n})) {
            return n;
        }
    }
    return 0;
}

void sql_put_readable(struct buf *b, struct text t) {
    if (t.at == NULL || text_is_utf8(t)) {
        sql_put_text(b, t);
        return;
    }
    buf_put_char(b, '\'');
    for (size_t i = 0; i < t.len;) {
        size_t n = character_bytes((struct text){t.at + i, t.len - i});
        if (n > 0) {
            put_escaped(b, (struct text){t.at + i, n});
        } else {
            buf_put_str(b, "\xEF\xBF\xBD");
        }
        i += n > 0 ? n : 1;
    }
    buf_put_char(b, '\'');
}

void sql_put_ident(struct buf *b, struct ident i) {
    char digits[24];
    sql_put_text(b, ident_present(i) ? ident_text(i, digits) : TEXT_NONE);
}

void sql_put_amount(struct buf *b, int64_t amount_e4) {
    char digits[24];
    if (amount_e4 == 0) { // most of a cell's amounts; servers read it faster than 0.0000
        buf_put_char(b, '0');
    } else {
        buf_put(b, digits, money_format(amount_e4, digits));
    }
}

// RFC 3339 without its T and Z, `kept` characters of it.
static void put_instant(struct buf *b, int64_t utc_ms, size_t kept) {
    char instant[32];
    size_t n = timestamp_format(utc_ms, instant);
    instant[10] = ' ';
    buf_put_char(b, '\'');
    buf_put(b, instant, n - 1 < kept ? n - 1 : kept);
    buf_put_char(b, '\'');
}

void sql_put_instant(struct buf *b, int64_t utc_ms) {
    put_instant(b, utc_ms, sizeof "2026-01-31 12:00:00.123" - 1);
}

void sql_put_minute(struct buf *b, int32_t minute) {
    put_instant(b, (int64_t)minute * 60000, sizeof "2026-01-31 12:00:00" - 1);
}

void sql_put_hour(struct buf *b, int32_t hour) {
    put_instant(b, (int64_t)hour * 3600000, sizeof "2026-01-31 12:00:00" - 1);
}

void sql_put_day(struct buf *b, int32_t day) {
    char date[32];
    size_t n = date_format(day, date);
    buf_put_char(b, '\'');
    buf_put(b, date, n);
    buf_put_char(b, '\'');
}

void sql_put_name(struct buf *b, const char *name) {
    buf_put_char(b, '`');
    for (; *name != '\0'; name++) {
        if (*name == '`') {
            buf_put_char(b, '`');
        }
        buf_put_char(b, *name);
    }
    buf_put_char(b, '`');
}

void sql_put_measures(struct buf *b, const struct measures *m) {
    const struct {
        int64_t value;
        bool amount;
    } all[] = {{m->orders, false},     {m->units, false},
               {m->subtotal_e4, true}, {m->discount_e4, true},
               {m->shipping_e4, true}, {m->tax_e4, true},
               {m->total_e4, true},    {m->cancelled_orders, false},
               {m->refunds, false},    {m->refunded_total_e4, true}};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (i > 0) {
            buf_put_char(b, ',');
        }
        if (all[i].amount) {
            sql_put_amount(b, all[i].value);
        } else {
            buf_put_i64(b, all[i].value);
        }
    }
}
