// SPDX-License-Identifier: MIT
// Reads the parts of the live page's figures: each function runs one or two queries and replaces
// its part. On failure the part is in pieces, so the caller works on a copy.
#include "dashboard/live_read.h"

#include <yyjson.h>

enum {
    MAX_GROUPS = 50000,       // sources or states of a day; all currencies there can be are fewer
    MAX_PRODUCTS = 200000,    // of a day
    MAX_MINUTE_ROWS = 2000000 // an hour of all currencies there can be
};

// The engine has refused every event that could push a sum past 64 bits; a file that somebody
// edited may still do so, and must not be undefined behaviour.
static int64_t plus(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void add_measures(struct live_sum *sum, const struct measures *m) {
    sum->orders = plus(sum->orders, m->orders);
    sum->units = plus(sum->units, m->units);
    sum->total_e4 = plus(sum->total_e4, m->total_e4);
    sum->cancelled_orders = plus(sum->cancelled_orders, m->cancelled_orders);
    sum->refunds = plus(sum->refunds, m->refunds);
    sum->refunded_total_e4 = plus(sum->refunded_total_e4, m->refunded_total_e4);
}

static void add_sum(struct live_sum *sum, const struct live_sum *more) {
    add_measures(sum, &(struct measures){.orders = more->orders,
                                         .units = more->units,
                                         .total_e4 = more->total_e4,
                                         .cancelled_orders = more->cancelled_orders,
                                         .refunds = more->refunds,
                                         .refunded_total_e4 = more->refunded_total_e4});
}

static void set_name(struct live_name *n, struct text t) {
    n->len = t.len < sizeof n->at ? t.len : sizeof n->at;
    if (n->len > 0) {
        memcpy(n->at, t.at, n->len);
    }
}

static void set_ident(struct live_name *n, struct ident id) {
    char digits[24];
    set_name(n, ident_present(id) ? ident_text(id, digits) : TEXT_NONE);
}

static bool is_shop_currency(const struct live_figures *f, struct text currency) {
    return text_equal(currency, text_of(f->shop.code));
}

// The entry of another currency, made when it is new; NULL when there is no room.
static struct live_currency *other_currency(struct live_figures *f, struct text code) {
    for (size_t i = 0; i < f->n_others; i++) {
        if (text_equal(text_of(f->others[i].code), code)) {
            return &f->others[i];
        }
    }
    if (f->n_others == LIVE_CURRENCIES || code.len != 3) {
        f->more_currencies = true;
        return NULL;
    }
    struct live_currency *c = &f->others[f->n_others++];
    *c = (struct live_currency){0};
    memcpy(c->code, code.at, 3);
    return c;
}

// --- Rankings

static bool ranks_before(const struct live_sum *a, const struct live_sum *b) {
    return a->total_e4 != b->total_e4 ? a->total_e4 > b->total_e4 : a->orders > b->orders;
}

// Rows come sorted by name, so equal ones stay in that order.
static void rank(struct live_ranking *r, struct text name, const struct measures *m) {
    struct live_sum sum = {0};
    add_measures(&sum, m);
    size_t at = r->n;
    while (at > 0 && ranks_before(&sum, &r->rows[at - 1].sum)) {
        at--;
    }
    if (r->n == LIVE_TOP) {
        r->n_others++;
        add_sum(&r->others, at == LIVE_TOP ? &sum : &r->rows[LIVE_TOP - 1].sum);
        if (at == LIVE_TOP) {
            return;
        }
        r->n--;
    }
    memmove(&r->rows[at + 1], &r->rows[at], (r->n - at) * sizeof r->rows[0]);
    r->n++;
    set_name(&r->rows[at].name, name);
    r->rows[at].sum = sum;
}

// --- Today and all time

struct rows_of {
    struct live_figures *f;
    struct live_ranking *ranking; // NULL: no ranking
    bool all_time;
};

static bool take_total(void *user, const struct sales_row *row) {
    struct rows_of *u = user;
    struct live_figures *f = u->f;
    struct live_currency *c =
        is_shop_currency(u->f, row->currency) ? &f->shop : other_currency(f, row->currency);
    if (c != NULL) {
        add_measures(u->all_time ? &c->all_time : &c->today, &row->sum);
    }
    return true;
}

static bool take_source(void *user, const struct sales_row *row) {
    struct rows_of *u = user;
    if (is_shop_currency(u->f, row->currency)) {
        rank(u->ranking, row->source, &row->sum);
    }
    return take_total(user, row);
}

static bool take_state(void *user, const struct sales_row *row) {
    struct rows_of *u = user;
    if (is_shop_currency(u->f, row->currency)) {
        rank(u->ranking, row->state, &row->sum);
    }
    return true;
}

static bool take_product(void *user, const struct sales_row *row) {
    struct rows_of *u = user;
    if (is_shop_currency(u->f, row->currency)) {
        char digits[24];
        rank(u->ranking, ident_text(row->product_id, digits), &row->sum);
    }
    return true;
}

static bool query(struct sales_reader *r, const struct sales_query *q, sales_row_fn each,
                  struct rows_of *user, struct error *err) {
    return r->ops->sales(r, q, each, user, err);
}

static struct sales_query today_query(const struct live_figures *f, int64_t max_rows) {
    return (struct sales_query){
        .bucket = BUCKET_DAY, .from = f->day, .to = f->day + 1, .max_rows = max_rows};
}

// A ranking of today. More groups than we are willing to read is an answer, not a failure.
static bool read_ranking(struct sales_reader *r, struct live_figures *f,
                         const struct sales_query *q, sales_row_fn each,
                         struct live_ranking *ranking, struct error *err) {
    *ranking = (struct live_ranking){0};
    struct rows_of rows = {.f = f, .ranking = ranking};
    if (query(r, q, each, &rows, err)) {
        return true;
    }
    if (err->cls != ERROR_USAGE) {
        return false;
    }
    *ranking = (struct live_ranking){.too_many = true};
    return true;
}

static void forget_today(struct live_figures *f) {
    f->shop.today = (struct live_sum){0};
    for (size_t i = 0; i < f->n_others; i++) {
        f->others[i].today = (struct live_sum){0};
    }
}

bool live_read_today(struct sales_reader *r, struct live_figures *f, struct error *err) {
    struct sales_query by_state = today_query(f, MAX_GROUPS);
    by_state.by_state = true;
    struct sales_query by_source = today_query(f, MAX_GROUPS);
    by_source.by_source = true;
    forget_today(f);
    if (!read_ranking(r, f, &by_source, take_source, &f->sources, err) ||
        !read_ranking(r, f, &by_state, take_state, &f->states, err)) {
        return false;
    }
    if (!f->sources.too_many) {
        return true;
    }
    forget_today(f); // the rows before the limit have been added
    struct sales_query all = today_query(f, MAX_GROUPS);
    struct rows_of rows = {.f = f};
    return query(r, &all, take_total, &rows, err);
}

bool live_read_all_time(struct sales_reader *r, struct live_figures *f, struct error *err) {
    f->shop.all_time = (struct live_sum){0};
    for (size_t i = 0; i < f->n_others; i++) {
        f->others[i].all_time = (struct live_sum){0};
    }
    struct sales_query q = {.from = INT32_MIN, .to = INT32_MAX, .max_rows = MAX_GROUPS};
    struct rows_of rows = {.f = f, .all_time = true};
    return query(r, &q, take_total, &rows, err);
}

bool live_read_products(struct sales_reader *r, struct live_figures *f, struct error *err) {
    struct sales_query q = today_query(f, MAX_PRODUCTS);
    q.by_product = true;
    return read_ranking(r, f, &q, take_product, &f->products, err);
}

// --- Minutes

static struct live_minute *minute_slot(struct live_figures *f, int32_t minute) {
    return &f->minutes[minute % LIVE_MINUTES];
}

static bool take_minute(void *user, const struct sales_row *row) {
    struct rows_of *u = user;
    struct live_figures *f = u->f;
    bool inside = row->bucket > f->last_minute - LIVE_MINUTES && row->bucket <= f->last_minute;
    if (inside && is_shop_currency(u->f, row->currency)) {
        struct live_minute *m = minute_slot(f, row->bucket);
        m->orders = plus(m->orders, row->sum.orders);
        m->total_e4 = plus(m->total_e4, row->sum.total_e4);
    }
    return true;
}

bool live_read_minutes(struct sales_reader *r, struct live_figures *f, int32_t first, int32_t last,
                       struct error *err) {
    for (int32_t m = first; m <= last; m++) {
        *minute_slot(f, m) = (struct live_minute){.minute = m};
    }
    struct sales_query q = {
        .bucket = BUCKET_MINUTE, .from = first, .to = last + 1, .max_rows = MAX_MINUTE_ROWS};
    struct rows_of rows = {.f = f};
    return query(r, &q, take_minute, &rows, err);
}

// --- Newest orders

// The first product of an order with items, and how many lines follow.
static void set_items(struct live_order *o, struct text items_json) {
    yyjson_doc *doc = yyjson_read(items_json.at, items_json.len, 0);
    yyjson_val *items = yyjson_doc_get_root(doc);
    yyjson_val *id = yyjson_obj_get(yyjson_arr_get_first(items), "product_id");
    if (yyjson_is_int(id)) {
        set_ident(&o->product_id, (struct ident){.num = yyjson_get_sint(id)});
    } else if (yyjson_is_str(id)) {
        set_name(&o->product_id, (struct text){yyjson_get_str(id), yyjson_get_len(id)});
    }
    size_t n = yyjson_arr_size(items);
    o->more_products = n > 0 ? (int64_t)n - 1 : 0;
    yyjson_doc_free(doc);
}

static void set_order(struct live_order *to, const struct stored_event *e) {
    const struct order *o = &e->order;
    *to = (struct live_order){.position = e->position,
                              .created_ms = o->created_ms,
                              .quantity = o->quantity,
                              .total_e4 = o->total_e4};
    set_ident(&to->order_id, o->order_id);
    set_ident(&to->product_id, o->product_id);
    set_name(&to->source, o->source);
    set_name(&to->state, o->state);
    memcpy(to->currency, o->currency, sizeof to->currency);
    if (o->items_json.at != NULL) {
        set_items(to, o->items_json);
    }
}

struct fresh_orders {
    struct live_figures *f;
    size_t n;
};

// Newest first: the n-th row comes before all that was known.
static bool take_order(void *user, const struct stored_event *e) {
    struct fresh_orders *fresh = user;
    struct live_figures *f = fresh->f;
    struct live_order *row = &f->recent[fresh->n];
    size_t n_after = f->n_recent - fresh->n;
    n_after -= f->n_recent == LIVE_RECENT; // the oldest makes room
    memmove(row + 1, row, n_after * sizeof *row);
    f->n_recent = fresh->n + n_after + 1;
    set_order(row, e);
    fresh->n++;
    return fresh->n < LIVE_RECENT;
}

bool live_read_recent(struct sales_reader *r, struct live_figures *f, struct error *err) {
    struct fresh_orders fresh = {.f = f};
    int64_t after = f->n_recent > 0 ? f->recent[0].position : 0;
    return r->ops->recent(r, after, LIVE_RECENT, take_order, &fresh, err);
}
