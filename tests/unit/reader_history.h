// SPDX-License-Identifier: MIT
// A shop's history and what every question about it has to be answered: sums made from the events
// one by one. For the readers of every store.
#pragma once
#include "base/mem.h"
#include "shop.h"

enum { EVENTS = 300, ROWS_MAX = 4000, DAY_S = 24 * 3600 };

static const struct order_item ITEMS[] = {
    {{7, TEXT_NONE}, 1, 1000}, {{-1, {"tea", 3}}, 4, 500}, {{7, TEXT_NONE}, 2, 30}};
#define ITEMS_JSON                                                                                 \
    "[{\"product_id\":7,\"quantity\":1,\"subtotal\":\"0.1000\"},"                                  \
    "{\"product_id\":\"tea\",\"quantity\":4,\"subtotal\":\"0.0500\"},"                             \
    "{\"product_id\":7,\"quantity\":2,\"subtotal\":\"0.0030\"}]"

// --- The shop's history: EVENTS events, spread over three days

struct history {
    struct shop shop;
    struct order events[EVENTS];
};

static uint64_t dice_state;
static inline unsigned dice(unsigned sides) {
    dice_state = dice_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(dice_state >> 33) % sides;
}

static inline struct order made_up(const struct shop *shop, int i) {
    static const char *const sources[] = {"GOOGLE", "EMAIL", "tv"};
    static const char *const states[] = {"CA", "NY", "(unknown)"};
    static const char *const currencies[] = {"USD", "USD", "EUR"};
    struct order o = shop_order(shop, i, (int64_t)dice(5000));
    o.source = text_of(sources[dice(3)]);
    o.state = text_of(states[dice(3)]);
    memcpy(o.currency, currencies[dice(3)], 4);
    o.kind = (enum order_kind)(dice(5) < 3 ? 0 : 1 + dice(2));
    o.event_id = o.kind == ORDER_REFUNDED ? TEXT_LIT("r") : TEXT_NONE;
    // Few minutes, so that cells are shared; around midnights of the shop and of UTC.
    o.created_ms = shop->now_ms - (int64_t)dice(3) * DAY_S * 1000 + (int64_t)dice(40) * 1800000;
    o.quantity = dice(4);
    o.discount_e4 = dice(100);
    o.shipping_e4 = dice(100);
    o.tax_e4 = dice(100);
    o.total_e4 = dice(3000);
    if (dice(4) == 0) {
        o.product_id = IDENT_NONE;
        o.items = ITEMS;
        o.n_items = COUNT_OF(ITEMS);
        o.items_json = TEXT_LIT(ITEMS_JSON);
    } else if (dice(4) == 0) {
        o.product_id = (struct ident){-1, TEXT_LIT("mug")};
    }
    return o;
}

static inline struct history *history_make(void) {
    struct history *h = mem_zalloc(1, sizeof *h);
    struct shop *shop = &h->shop;
    dice_state = 7;
    shop_make(shop, NULL);
    shop_set_zone(shop, "America/New_York");
    shop_open(shop);
    for (int i = 0; i < EVENTS; i++) {
        h->events[i] = made_up(shop, i);
    }
    for (int at = 0; at < EVENTS; at += 50) {
        struct submission *s = shop_submission(&h->events[at], 50);
        assert_int_equal(shop_send(shop, s), SETTLE_DURABLE);
        for (int i = 0; i < 50; i++) {
            assert_int_equal(s->events[i].verdict, VERDICT_ACCEPTED);
        }
        submission_free(s);
    }
    return h;
}

static inline void history_remove(struct history *h) {
    shop_remove(&h->shop);
    free(h);
}

// --- Sums by hand

struct rows {
    struct sales_row at[ROWS_MAX];
    int n;
};

static inline int compare_text(struct text a, struct text b) {
    size_t len = a.len < b.len ? a.len : b.len;
    int first = len > 0 ? memcmp(a.at, b.at, len) : 0;
    return first != 0 ? first : (a.len > b.len) - (a.len < b.len);
}

// Bucket, source, state, product (numbers before texts), currency.
static inline int compare_rows(const void *left, const void *right) {
    const struct sales_row *a = left, *b = right;
    if (a->bucket != b->bucket) {
        return a->bucket < b->bucket ? -1 : 1;
    }
    int c = compare_text(a->source, b->source);
    c = c != 0 ? c : compare_text(a->state, b->state);
    if (c == 0 && (a->product_id.num >= 0) != (b->product_id.num >= 0)) {
        return a->product_id.num >= 0 ? -1 : 1;
    }
    if (c == 0 && a->product_id.num != b->product_id.num) {
        return a->product_id.num < b->product_id.num ? -1 : 1;
    }
    c = c != 0 ? c : compare_text(a->product_id.text, b->product_id.text);
    return c != 0 ? c : compare_text(a->currency, b->currency);
}

static inline struct measures *row_of(struct rows *rows, const struct sales_row *key) {
    for (int i = 0; i < rows->n; i++) {
        if (compare_rows(&rows->at[i], key) == 0) {
            return &rows->at[i].sum;
        }
    }
    assert_true(rows->n < ROWS_MAX);
    rows->at[rows->n] = *key;
    return &rows->at[rows->n++].sum;
}

static inline int32_t bucket_of(const struct history *h, const struct order *o,
                                enum sales_bucket bucket) {
    return bucket == BUCKET_MINUTE ? (int32_t)(o->created_ms / 60000)
           : bucket == BUCKET_HOUR ? (int32_t)(o->created_ms / 3600000)
                                   : zone_day(h->shop.zone, o->created_ms);
}

static inline void add_by_product(struct rows *rows, struct sales_row key, const struct order *o) {
    int64_t sign = o->kind == ORDER_PLACED ? 1 : -1;
    int64_t orders = o->kind == ORDER_PLACED ? 1 : o->kind == ORDER_CANCELLED ? -1 : 0;
    if (o->n_items == 0) {
        key.product_id = o->product_id;
        struct measures *m = row_of(rows, &key);
        m->orders += orders;
        m->units += sign * o->quantity;
        m->total_e4 += sign * o->total_e4;
        return;
    }
    // The history's items: product 7 twice, tea once.
    key.product_id = (struct ident){7, TEXT_NONE};
    struct measures *m = row_of(rows, &key);
    m->orders += orders;
    m->units += sign * 3;
    m->total_e4 += sign * 1030;
    key.product_id = (struct ident){-1, TEXT_LIT("tea")};
    m = row_of(rows, &key);
    m->orders += orders;
    m->units += sign * 4;
    m->total_e4 += sign * 500;
}

static inline void add_by_group(struct rows *rows, const struct sales_row *key,
                                const struct order *o) {
    struct measures *m = row_of(rows, key);
    int64_t sign = o->kind == ORDER_PLACED ? 1 : -1;
    m->orders += o->kind == ORDER_PLACED ? 1 : o->kind == ORDER_CANCELLED ? -1 : 0;
    m->units += sign * o->quantity;
    m->subtotal_e4 += sign * o->subtotal_e4;
    m->discount_e4 += sign * o->discount_e4;
    m->shipping_e4 += sign * o->shipping_e4;
    m->tax_e4 += sign * o->tax_e4;
    m->total_e4 += sign * o->total_e4;
    m->cancelled_orders += o->kind == ORDER_CANCELLED;
    m->refunds += o->kind == ORDER_REFUNDED;
    m->refunded_total_e4 += o->kind == ORDER_REFUNDED ? o->total_e4 : 0;
}

static inline bool is_among(const struct sales_filter *f, struct text value) {
    for (size_t i = 0; i < f->n; i++) {
        if (text_equal(f->values[i], value)) {
            return true;
        }
    }
    return f->n == 0;
}

// Takes out what the filter by product does not want, and the names where it alone is about them.
static inline void filter_products(struct rows *rows, const struct sales_query *q) {
    struct rows *all = mem_alloc(sizeof *all);
    *all = *rows;
    rows->n = 0;
    for (int i = 0; i < all->n; i++) {
        char digits[24];
        struct sales_row key = all->at[i];
        if (!is_among(&q->filters[SALES_PRODUCT], ident_text(key.product_id, digits))) {
            continue;
        }
        key.product_id = q->by_product ? key.product_id : IDENT_NONE;
        key.sum = (struct measures){0};
        struct measures *m = row_of(rows, &key);
        m->orders += all->at[i].sum.orders;
        m->units += all->at[i].sum.units;
        m->total_e4 += all->at[i].sum.total_e4;
    }
    free(all);
}

static inline void sums_by_hand(const struct history *h, const struct sales_query *q,
                                struct rows *rows) {
    rows->n = 0;
    for (int i = 0; i < EVENTS; i++) {
        const struct order *o = &h->events[i];
        int32_t bucket = bucket_of(h, o, q->bucket);
        bool all_time = q->bucket == BUCKET_NONE && q->from == INT32_MIN && q->to == INT32_MAX;
        if (!all_time && (bucket < q->from || bucket >= q->to)) {
            continue;
        }
        if (!is_among(&q->filters[SALES_SOURCE], o->source) ||
            !is_among(&q->filters[SALES_STATE], o->state) ||
            !is_among(&q->filters[SALES_CURRENCY], text_of(o->currency))) {
            continue;
        }
        struct sales_row key = {.source = q->by_source ? o->source : TEXT_NONE,
                                .state = q->by_state ? o->state : TEXT_NONE,
                                .currency = text_of(o->currency),
                                .product_id = IDENT_NONE,
                                .bucket = q->bucket == BUCKET_NONE ? 0 : bucket};
        if (q->by_product || q->filters[SALES_PRODUCT].n > 0) {
            add_by_product(rows, key, o);
        } else {
            add_by_group(rows, &key, o);
        }
    }
    if (q->filters[SALES_PRODUCT].n > 0) {
        filter_products(rows, q);
    }
    qsort(rows->at, (size_t)rows->n, sizeof *rows->at, compare_rows);
}

// --- Against the reader

struct expectation {
    const struct rows *rows;
    const struct sales_query *q;
    int at;
};

static inline bool expect_row(void *user, const struct sales_row *row) {
    struct expectation *e = user;
    assert_true(e->at < e->rows->n);
    const struct sales_row *want = &e->rows->at[e->at++];
    assert_int_equal(compare_rows(row, want), 0);
    assert_int_equal(row->source.at != NULL, e->q->by_source);
    assert_int_equal(row->state.at != NULL, e->q->by_state);
    assert_int_equal(ident_present(row->product_id), e->q->by_product);
    assert_memory_equal(&row->sum, &want->sum, sizeof row->sum);
    return true;
}

static inline void expect_answer(struct history *h, struct sales_reader *r,
                                 const struct sales_query *q) {
    struct rows *rows = mem_zalloc(1, sizeof *rows);
    struct expectation e = {rows, q, 0};
    struct error err = {0};
    sums_by_hand(h, q, rows);
    if (!r->ops->sales(r, q, expect_row, &e, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(e.at, rows->n);
    free(rows);
}

// Over all time and over ranges.
static inline void expect_ranges(struct history *h, struct sales_reader *r, struct sales_query q) {
    int32_t middle = bucket_of(h, &h->events[0], q.bucket);
    q.from = INT32_MIN;
    q.to = INT32_MAX;
    q.max_rows = ROWS_MAX;
    expect_answer(h, r, &q); // all time
    q.from = middle;         // inclusive
    expect_answer(h, r, &q);
    q.to = middle + 1; // one bucket
    expect_answer(h, r, &q);
    q.to = middle; // exclusive: nothing
    expect_answer(h, r, &q);
    q.from = INT32_MIN; // all before
    expect_answer(h, r, &q);
    q.from = middle + 1; // to before from: nothing
    expect_answer(h, r, &q);
}

// Every grouping and bucket, with filters of every kind.
static inline void expect_every_answer(struct history *h, struct sales_reader *r) {
    const struct sales_filter tv = {1, {TEXT_LIT("tv")}},
                              two = {2, {TEXT_LIT("EMAIL"), TEXT_LIT("tv")}},
                              ca = {1, {TEXT_LIT("CA")}}, usd = {1, {TEXT_LIT("USD")}},
                              other = {1, {TEXT_LIT("it's \\ \"none\"")}},
                              products = {2, {TEXT_LIT("7"), TEXT_LIT("mug")}};
    const struct {
        struct sales_filter at[SALES_FIELDS];
        bool of_products;
    } filters[] = {
        {.at = {{0}}},
        {.at = {[SALES_SOURCE] = tv}},
        {.at = {[SALES_SOURCE] = two, [SALES_STATE] = ca}},
        {.at = {[SALES_STATE] = other}},
        {.at = {[SALES_SOURCE] = two, [SALES_CURRENCY] = usd}},
        {.at = {[SALES_CURRENCY] = usd}, .of_products = true},
        {.at = {[SALES_PRODUCT] = products}, .of_products = true},
        {.at = {[SALES_PRODUCT] = products, [SALES_CURRENCY] = usd}, .of_products = true},
        {.at = {[SALES_PRODUCT] = other}, .of_products = true},
    };
    for (size_t f = 0; f < COUNT_OF(filters); f++) {
        for (int bucket = BUCKET_NONE; bucket <= BUCKET_DAY; bucket++) {
            for (int by = 0; by < 5; by++) {
                struct sales_query q = {.by_source = by < 4 && by & 1,
                                        .by_state = by < 4 && by & 2,
                                        .by_product = by == 4,
                                        .bucket = (enum sales_bucket)bucket};
                bool of_products = q.by_product || filters[f].at[SALES_PRODUCT].n > 0;
                bool kept = bucket == BUCKET_NONE || bucket == BUCKET_DAY;
                if (of_products &&
                    (!kept || (f > 0 && !filters[f].of_products) || q.by_source || q.by_state)) {
                    continue;
                }
                memcpy(q.filters, filters[f].at, sizeof q.filters);
                expect_ranges(h, r, q);
            }
        }
    }
}
