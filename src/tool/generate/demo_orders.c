// SPDX-License-Identifier: MIT
// Making up orders.
//
// An order: draw a customer (some come back often), a product (some sell well), a quantity; the
// amounts follow in whole cents: total = subtotal - discount + shipping + tax, exactly. It is
// remembered in a ring of the newest orders; now and then one of these is cancelled, or money for
// it is given back.
//
// Lines are written by hand into reserved room, since a benchmark must not wait for its producer.
#include "tool/generate/demo_orders.h"

#include "base/hash.h"
#include "base/mem.h"
#include "order/timestamp.h"
#include "tool/generate/demo_shop.h"
#include <stdlib.h>

enum {
    RING = 8192,         // orders that may still be taken back
    CANCEL_WITHIN = 512, // of the newest
    LINE_MAX_BYTES = 1024,
};

struct demo_orders {
    struct demo_options options;
    uint64_t random[4]; // xoshiro256++
    uint64_t n_orders;  // placed so far
    struct demo_order ring[RING];
    struct demo_lottery lottery;
    int64_t second;   // of the text below
    char instant[32]; // "2026-01-31T12:00:00.123Z"
    size_t instant_bytes;
};

// --- Random numbers (xoshiro256++ by Blackman and Vigna, seeded by SplitMix64)

static uint64_t rotate(uint64_t x, int k) {
    return x << k | x >> (64 - k);
}

static uint64_t draw(struct demo_orders *d) {
    uint64_t *s = d->random;
    uint64_t result = rotate(s[0] + s[3], 23) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

// Of 0 .. n-1, from 32 of the bits of a draw.
static uint32_t below(uint64_t bits, uint32_t n) {
    return (uint32_t)((bits & UINT32_MAX) * n >> 32);
}

struct demo_orders *demo_orders_new(const struct demo_options *options) {
    struct demo_orders *d = mem_zalloc(1, sizeof *d);
    d->options = *options;
    for (size_t i = 0; i < COUNT_OF(d->random); i++) {
        d->random[i] = hash_u64(options->seed + (i + 1) * UINT64_C(0x9E3779B97F4A7C15));
    }
    d->second = INT64_MIN;
    demo_lottery_fill(&d->lottery);
    return d;
}

void demo_orders_free(struct demo_orders *d) {
    free(d);
}

// --- Making up an order

static void draw_id(struct demo_orders *d, struct demo_order *o) {
    if (!d->options.random_ids) {
        o->id = d->options.first_id + d->n_orders;
        return;
    }
    o->id = (draw(d) & ~UINT64_C(0xF000)) | UINT64_C(0x4000); // version 4
    o->id_low = draw(d) >> 2 | UINT64_C(0x8000000000000000);  // variant 1
}

static void draw_customer(struct demo_orders *d, struct demo_order *o) {
    uint64_t bits = draw(d);
    if (below(bits >> 32, 100) < 3) {
        o->source = d->lottery.sources[bits & 0xFFFF];
        o->state = d->lottery.states[bits >> 16 & 0xFFFF];
        return; // a guest
    }
    // The square of a uniform draw: a tenth of the customers makes a third of the orders.
    uint64_t u = bits & UINT32_MAX;
    uint32_t place = (uint32_t)((u * u >> 32) * DEMO_CUSTOMERS >> 32);
    o->customer = place * UINT32_C(7919) % DEMO_CUSTOMERS + 1; // 7919 is prime: a permutation
    demo_customer(&d->lottery, o->customer, &o->source, &o->state);
}

static uint32_t draw_quantity(uint64_t bits) {
    uint32_t luck = below(bits, 1000);
    if (luck < 700) {
        return 1;
    }
    return luck < 880 ? 2 : luck < 950 ? 3 : 4 + below(bits >> 32, 7);
}

static uint32_t percent_of(uint32_t cents, uint32_t hundredths_of_percent) {
    return (uint32_t)(((uint64_t)cents * hundredths_of_percent + 5000) / 10000);
}

static void draw_amounts(struct demo_orders *d, struct demo_order *o) {
    uint64_t bits = draw(d);
    o->product = (uint16_t)(d->lottery.products[bits & 0xFFFF] + 1);
    o->quantity = draw_quantity(draw(d));
    o->subtotal = demo_product(o->product).price_cents * o->quantity;
    uint32_t sale = below(bits >> 16, 100);
    if (sale < 12) { // one of eight orders has a coupon of 5, 10, 15 or 20 %
        o->discount = percent_of(o->subtotal, 500 * (1 + sale % 4));
    }
    o->shipping = o->subtotal >= 7500 ? 0 : bits >> 63 ? 799 : 499;
    o->tax = percent_of(o->subtotal - o->discount, demo_states[o->state].tax_bp);
}

// --- Writing a line

static char *demo_orders_put(char *to, const char *text, size_t n) {
    memcpy(to, text, n);
    return to + n;
}
#define PUT(to, literal) demo_orders_put(to, literal, sizeof(literal) - 1)

static char *put_number(char *to, uint64_t v) {
    char digits[20];
    char *at = digits + sizeof digits;
    do {
        *--at = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    return demo_orders_put(to, at, (size_t)(digits + sizeof digits - at));
}

static char *put_cents(char *to, uint32_t cents) {
    to = put_number(to, cents / 100);
    *to++ = '.';
    *to++ = (char)('0' + cents / 10 % 10);
    *to++ = (char)('0' + cents % 10);
    return to;
}

static char *put_hex(char *to, uint64_t bits, int from_digit, int n_digits) {
    for (int i = from_digit; i < from_digit + n_digits; i++) {
        *to++ = "0123456789abcdef"[bits >> (60 - 4 * i) & 0xF];
    }
    return to;
}

static char *put_id(const struct demo_orders *d, char *to, const struct demo_order *o) {
    if (!d->options.random_ids) {
        return put_number(to, o->id);
    }
    *to++ = '"';
    to = put_hex(to, o->id, 0, 8);
    *to++ = '-';
    to = put_hex(to, o->id, 8, 4);
    *to++ = '-';
    to = put_hex(to, o->id, 12, 4);
    *to++ = '-';
    to = put_hex(to, o->id_low, 0, 4);
    *to++ = '-';
    to = put_hex(to, o->id_low, 4, 12);
    *to++ = '"';
    return to;
}

// Only the milliseconds differ from line to line of one second.
static char *put_instant(struct demo_orders *d, char *to, int64_t ms) {
    if (ms / 1000 != d->second) {
        d->second = ms / 1000;
        d->instant_bytes = timestamp_format(d->second * 1000, d->instant);
    }
    size_t n = d->instant_bytes;
    int64_t fraction = ms % 1000;
    d->instant[n - 4] = (char)('0' + fraction / 100);
    d->instant[n - 3] = (char)('0' + fraction / 10 % 10);
    d->instant[n - 2] = (char)('0' + fraction % 10);
    return demo_orders_put(to, d->instant, n);
}

// kind: what stands between order_id and created_at; "" for an order.
static void write_line(struct demo_orders *d, const struct demo_order *o, const char *kind,
                       int64_t created_ms, struct buf *out) {
    if (!buf_reserve(out, LINE_MAX_BYTES)) {
        return;
    }
    char *to = PUT(out->at + out->len, "{\"order_id\":");
    to = put_id(d, to, o);
    to = demo_orders_put(to, kind, strlen(kind));
    to = put_instant(d, PUT(to, ",\"created_at\":\""), created_ms);
    to = PUT(to, "\"");
    if (o->customer != 0) {
        to = put_number(PUT(to, ",\"customer_id\":"), o->customer);
    }
    to = put_number(PUT(to, ",\"product_id\":"), o->product);
    to = put_number(PUT(to, ",\"quantity\":"), o->quantity);
    to = put_cents(PUT(to, ",\"subtotal\":"), o->subtotal);
    to = put_cents(PUT(to, ",\"discount\":"), o->discount);
    to = put_cents(PUT(to, ",\"shipping\":"), o->shipping);
    to = put_cents(PUT(to, ",\"tax\":"), o->tax);
    to = put_cents(PUT(to, ",\"total\":"), o->subtotal - o->discount + o->shipping + o->tax);
    if (o->customer == 0 || d->options.customer_fields) { // nobody else knows a guest's
        const char *source = demo_sources[o->source].name;
        to = demo_orders_put(PUT(to, ",\"source\":\""), source, strlen(source));
        to = demo_orders_put(PUT(to, "\",\"state\":\""), demo_states[o->state].code, 2);
        to = PUT(to, "\"");
    }
    to = PUT(to, "}\n");
    out->len = (size_t)(to - out->at);
}

// --- Taking orders back

// One of the newest `within` orders that nothing was taken back of, or NULL.
static struct demo_order *draw_earlier(struct demo_orders *d, uint32_t within) {
    uint32_t known = d->n_orders < within ? (uint32_t)d->n_orders : within;
    if (known == 0) {
        return NULL;
    }
    uint64_t back = 1 + below(draw(d), known);
    struct demo_order *o = &d->ring[(d->n_orders - back) % RING];
    return o->taken_back ? NULL : o;
}

// What is given back: all of it, or one piece of several, without the shipping.
static struct demo_order refund_of(const struct demo_order *o, bool all) {
    struct demo_order r = *o;
    if (!all && o->quantity > 1) {
        r.quantity = 1;
        r.subtotal = o->subtotal / o->quantity; // price times quantity: nothing is left over
        r.discount = o->discount / o->quantity;
        r.tax = o->tax / o->quantity;
        r.shipping = 0;
    }
    return r;
}

static bool take_back(struct demo_orders *d, bool cancel, int64_t created_ms,
                      struct demo_event *e) {
    struct demo_order *o = draw_earlier(d, cancel ? CANCEL_WITHIN : RING);
    if (o == NULL) {
        return false;
    }
    o->taken_back = true;
    *e = (struct demo_event){
        .kind = cancel ? DEMO_CANCELLED : DEMO_REFUNDED, .order = *o, .created_ms = created_ms};
    e->back = cancel ? *o : refund_of(o, draw(d) >> 62 != 0);
    return true;
}

void demo_orders_draw(struct demo_orders *d, int64_t created_ms, struct demo_event *e) {
    uint32_t luck = below(draw(d), 1000);
    if (luck < 30 && take_back(d, luck < 10, created_ms, e)) {
        return;
    }
    struct demo_order *o = &d->ring[d->n_orders % RING];
    *o = (struct demo_order){.placed_ms = created_ms};
    draw_id(d, o);
    draw_customer(d, o);
    draw_amounts(d, o);
    d->n_orders++;
    *e = (struct demo_event){.kind = DEMO_PLACED, .order = *o, .created_ms = created_ms};
}

void demo_orders_next(struct demo_orders *d, int64_t created_ms, struct buf *out) {
    static const char *const kinds[] = {
        [DEMO_PLACED] = "",
        [DEMO_CANCELLED] = ",\"event\":\"cancelled\"",
        [DEMO_REFUNDED] = ",\"event\":\"refunded\",\"event_id\":\"refund-1\"",
    };
    struct demo_event e;
    demo_orders_draw(d, created_ms, &e);
    write_line(d, e.kind == DEMO_PLACED ? &e.order : &e.back, kinds[e.kind], created_ms, out);
}
