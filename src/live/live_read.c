// SPDX-License-Identifier: MIT
// Reads the parts of the live page's figures: each function runs one or two queries and replaces
// its part. On failure the part is in pieces, so the caller works on a copy.
//
// Sums are asked for at their finest grain, which a store can read off without adding up, and are
// added up here. When that is more rows than we are willing to read, each ranking is asked for
// alone.
#include "live/live_read.h"

#include "live/live_groups.h"
#include <yyjson.h>

enum {
    MAX_GROUPS = 50000,         // sources, states or both of a day; all currencies are fewer
    MAX_PRODUCTS = 200000,      // of a day
    MAX_MINUTE_ROWS = 500000,   // of the chart
    MAX_CURRENCY_ROWS = 2000000 // an hour of all currencies there can be
};

// What the rows of a query are added up into; NULL: not wanted.
struct rows_of {
    struct live_figures *f;
    struct live_groups *sources, *states, *products;
    struct live_sum *shop;                                     // of its currency
    struct live_sum *(*other)(struct live_currency *currency); // of another
};

static void set_ident(struct live_name *n, struct ident id) {
    char digits[24];
    live_name_set(n, ident_present(id) ? ident_text(id, digits) : TEXT_NONE);
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

// --- Today and all time

static struct live_sum *today_of(struct live_currency *c) {
    return &c->today;
}

static struct live_sum *all_time_of(struct live_currency *c) {
    return &c->all_time;
}

static void take_other_currency(struct rows_of *u, const struct sales_row *row) {
    struct live_currency *c = u->other != NULL ? other_currency(u->f, row->currency) : NULL;
    if (c != NULL) {
        live_sum_add(u->other(c), &row->sum);
    }
}

static bool take_row(void *user, const struct sales_row *row) {
    struct rows_of *u = user;
    if (!is_shop_currency(u->f, row->currency)) {
        take_other_currency(u, row);
        return true;
    }
    if (u->shop != NULL) {
        live_sum_add(u->shop, &row->sum);
    }
    if (u->sources != NULL) {
        live_groups_add(u->sources, row->source, &row->sum);
    }
    if (u->states != NULL) {
        live_groups_add(u->states, row->state, &row->sum);
    }
    if (u->products != NULL) {
        char digits[24];
        live_groups_add(u->products, ident_text(row->product_id, digits), &row->sum);
    }
    return true;
}

static struct sales_query today_query(const struct live_figures *f) {
    return (struct sales_query){
        .bucket = BUCKET_DAY, .from = f->day, .to = f->day + 1, .max_rows = MAX_GROUPS};
}

static void forget(struct live_figures *f, struct live_sum *(*part)(struct live_currency *)) {
    *part(&f->shop) = (struct live_sum){0};
    for (size_t i = 0; i < f->n_others; i++) {
        *part(&f->others[i]) = (struct live_sum){0};
    }
}

// One ranking by itself. More groups than we are willing to read is an answer, not a failure.
static bool read_ranking(struct sales_reader *r, struct live_figures *f,
                         const struct sales_query *q, struct live_ranking *ranking,
                         struct error *err) {
    struct live_groups groups = {0};
    struct rows_of rows = {.f = f,
                           .sources = q->by_source ? &groups : NULL,
                           .states = q->by_state ? &groups : NULL,
                           .products = q->by_product ? &groups : NULL};
    bool ok = r->ops->sales(r, q, take_row, &rows, err);
    if (ok) {
        live_groups_rank(&groups, ranking);
    } else if (err->cls == ERROR_USAGE) {
        *ranking = (struct live_ranking){.too_many = true};
        ok = true;
    }
    live_groups_free(&groups);
    return ok;
}

static bool read_today_in_parts(struct sales_reader *r, struct live_figures *f, struct error *err) {
    struct sales_query all = today_query(f), by_source = all, by_state = all;
    by_source.by_source = by_state.by_state = true;
    forget(f, today_of);
    struct rows_of rows = {.f = f, .shop = &f->shop.today, .other = today_of};
    return r->ops->sales(r, &all, take_row, &rows, err) &&
           read_ranking(r, f, &by_source, &f->sources, err) &&
           read_ranking(r, f, &by_state, &f->states, err);
}

bool live_read_today(struct sales_reader *r, struct live_figures *f, struct error *err) {
    struct live_groups sources = {0}, states = {0};
    struct rows_of rows = {
        .f = f, .sources = &sources, .states = &states, .shop = &f->shop.today, .other = today_of};
    struct sales_query finest = today_query(f);
    finest.by_source = finest.by_state = true;
    forget(f, today_of);
    bool ok = r->ops->sales(r, &finest, take_row, &rows, err);
    if (ok) {
        live_groups_rank(&sources, &f->sources);
        live_groups_rank(&states, &f->states);
    }
    live_groups_free(&sources);
    live_groups_free(&states);
    return ok || (err->cls == ERROR_USAGE && read_today_in_parts(r, f, err));
}

bool live_read_all_time(struct sales_reader *r, struct live_figures *f, struct error *err) {
    struct sales_query finest = {.by_source = true,
                                 .by_state = true,
                                 .from = INT32_MIN,
                                 .to = INT32_MAX,
                                 .max_rows = MAX_GROUPS};
    struct sales_query all = finest;
    all.by_source = all.by_state = false;
    struct rows_of rows = {.f = f, .shop = &f->shop.all_time, .other = all_time_of};
    forget(f, all_time_of);
    if (r->ops->sales(r, &finest, take_row, &rows, err)) {
        return true;
    }
    if (err->cls != ERROR_USAGE) {
        return false;
    }
    forget(f, all_time_of); // the rows before the limit have been added
    return r->ops->sales(r, &all, take_row, &rows, err);
}

bool live_read_products(struct sales_reader *r, struct live_figures *f, struct error *err) {
    struct sales_query q = today_query(f);
    q.by_product = true;
    q.max_rows = MAX_PRODUCTS;
    return read_ranking(r, f, &q, &f->products, err);
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
        m->orders = (int64_t)((uint64_t)m->orders + (uint64_t)row->sum.orders);
        m->total_e4 = (int64_t)((uint64_t)m->total_e4 + (uint64_t)row->sum.total_e4);
    }
    return true;
}

static void forget_minutes(struct live_figures *f, int32_t first, int32_t last) {
    for (int32_t m = first; m <= last; m++) {
        *minute_slot(f, m) = (struct live_minute){.minute = m};
    }
}

bool live_read_minutes(struct sales_reader *r, struct live_figures *f, int32_t first, int32_t last,
                       struct error *err) {
    struct sales_query finest = {.by_source = true,
                                 .by_state = true,
                                 .bucket = BUCKET_MINUTE,
                                 .from = first,
                                 .to = last + 1,
                                 .max_rows = MAX_MINUTE_ROWS};
    struct rows_of rows = {.f = f};
    forget_minutes(f, first, last);
    if (r->ops->sales(r, &finest, take_minute, &rows, err)) {
        return true;
    }
    if (err->cls != ERROR_USAGE) {
        return false;
    }
    struct sales_query all = finest;
    all.by_source = all.by_state = false;
    all.max_rows = MAX_CURRENCY_ROWS;
    forget_minutes(f, first, last);
    return r->ops->sales(r, &all, take_minute, &rows, err);
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
        live_name_set(&o->product_id, (struct text){yyjson_get_str(id), yyjson_get_len(id)});
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
    live_name_set(&to->source, o->source);
    live_name_set(&to->state, o->state);
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
