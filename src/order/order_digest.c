// SPDX-License-Identifier: MIT
// Digests: the parts that count are written one after the other into a small buffer, texts with
// their length before them so that no two events write the same bytes, and hashed once.
#include "order/order_digest.h"

#include "base/hash.h"

enum { TEXTS_BYTES = 3 * (8 + ORDER_TEXT_MAX * 4) };

struct bytes {
    unsigned char at[64 + TEXTS_BYTES];
    size_t len;
};

static void put_i64(struct bytes *b, int64_t v) {
    memcpy(b->at + b->len, &v, sizeof v);
    b->len += sizeof v;
}

static void put_text(struct bytes *b, struct text t) {
    put_i64(b, t.at == NULL ? -1 : (int64_t)t.len);
    if (t.at != NULL && t.len > 0) {
        memcpy(b->at + b->len, t.at, t.len);
        b->len += t.len;
    }
}

static void put_ident(struct bytes *b, struct ident i) {
    if (i.num >= 0) {
        put_i64(b, i.num);
    } else {
        put_i64(b, -2); // no length is below -1, no number below 0
        put_text(b, i.text);
    }
}

static struct order_identity digest_of(const struct bytes *b) {
    struct order_identity d;
    hash_bytes_128(b->at, b->len, &d.high, &d.low);
    return d;
}

struct order_identity order_identity_digest(const struct order *o) {
    if (LIKELY(o->order_id.num >= 0 && o->kind == ORDER_PLACED)) { // as below, without the buffer
        struct order_identity d;
        hash_bytes_128(&o->order_id.num, sizeof o->order_id.num, &d.high, &d.low);
        return d;
    }
    struct bytes b;
    b.len = 0;
    put_ident(&b, o->order_id);
    if (o->kind != ORDER_PLACED) {
        put_i64(&b, (int64_t)o->kind);
        put_text(&b, o->event_id.at != NULL ? o->event_id : TEXT_LIT(""));
    }
    return digest_of(&b);
}

struct order_identity order_placed_digest(struct ident order_id) {
    struct bytes b;
    b.len = 0;
    put_ident(&b, order_id);
    return digest_of(&b);
}

uint64_t order_content_digest(const struct order *o) {
    struct bytes b;
    int32_t currency = 0;
    memcpy(&currency, o->currency, sizeof currency);
    if (LIKELY(o->customer_id.num >= 0 && o->product_id.num >= 0 &&
               o->items_json.at == NULL)) { // as below, likewise
        const int64_t parts[] = {
            o->total_e4,        o->subtotal_e4,    o->discount_e4,
            o->shipping_e4,     o->tax_e4,         o->quantity << 32 | currency,
            o->customer_id.num, o->product_id.num,
        };
        return hash_bytes(parts, sizeof parts, 0);
    }
    b.len = 0;
    put_i64(&b, o->total_e4);
    put_i64(&b, o->subtotal_e4);
    put_i64(&b, o->discount_e4);
    put_i64(&b, o->shipping_e4);
    put_i64(&b, o->tax_e4);
    put_i64(&b, o->quantity << 32 | currency);
    put_ident(&b, o->customer_id);
    put_ident(&b, o->product_id);
    uint64_t items = o->items_json.at == NULL ? 0 : hash_text(o->items_json, 1);
    return hash_bytes(b.at, b.len, items);
}
