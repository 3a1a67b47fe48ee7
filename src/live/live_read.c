// SPDX-License-Identifier: MIT
// Reads the parts of the live page's figures: each function runs one or two queries and replaces
// its part. On failure the part is in pieces, so the caller works on a copy.
//
// Sums are asked for at their finest grain, which a store can read off without adding up, and are
// added up here. When that is more rows than we are willing to read, each ranking is asked for
// alone.
#include "live/live_read.h"

#include "live/live_groups.h"
#include "store/sales_answer.h"
#include <yyjson.h>

enum {
    MAX_GROUPS = 50000,         // sources, states or both of a day; all currencies are fewer
    MAX_MINUTE_ROWS = 500000,   // of the chart
    MAX_CURRENCY_ROWS = 2000000 // an hour of all currencies there can be
};

// What the rows of a query are added up into; NULL: not wanted.
struct rows_of {
    struct live_figures *f;
    struct live_groups *sources, *states;
    struct panel_book *book;                                   // its panels of today
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
    if (u->book != NULL) {
        panel_book_add(u->book, SPAN_TODAY, row);
    }
    return true;
}

static struct sales_query today_query(const struct live_figures *f) {
    return (struct sales_query){.bucket = BUCKET_DAY,
                                .from = f->day,
                                .to = f->day + 1,
                                .max_rows = MAX_GROUPS,
                                .any_order = true};
}

// Of the shop's currency alone.
static struct sales_query shop_query(const struct live_figures *f) {
    struct sales_query q = today_query(f);
    q.bucket = BUCKET_NONE;
    q.filters[SALES_CURRENCY] = (struct sales_filter){1, {text_of(f->shop.code)}};
    return q;
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
    struct rows_of rows = {
        .f = f, .sources = q->by_source ? &groups : NULL, .states = q->by_state ? &groups : NULL};
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

static struct panel_range today_range(const struct live_figures *f) {
    // The one bucket of a span without buckets: its rows are kept with 0.
    return (struct panel_range){.from = f->day, .to = f->day + 1, .origin = f->day};
}

static bool read_today_in_parts(struct sales_reader *r, struct live_figures *f,
                                struct panel_book *book, struct error *err) {
    struct sales_query all = today_query(f), by_source = all, by_state = all;
    by_source.by_source = by_state.by_state = true;
    forget(f, today_of);
    struct rows_of rows = {.f = f, .shop = &f->shop.today, .other = today_of};
    return r->ops->sales(r, &all, take_row, &rows, err) &&
           read_ranking(r, f, &by_source, &f->sources, err) &&
           read_ranking(r, f, &by_state, &f->states, err) &&
           panel_book_read_apart(book, r, SPAN_TODAY, today_range(f), f->shop.code, err);
}

bool live_read_today(struct sales_reader *r, struct live_figures *f, struct panel_book *book,
                     struct error *err) {
    struct live_groups sources = {0}, states = {0};
    struct rows_of rows = {.f = f,
                           .sources = &sources,
                           .states = &states,
                           .book = book,
                           .shop = &f->shop.today,
                           .other = today_of};
    struct sales_query finest = today_query(f);
    finest.by_source = finest.by_state = true;
    forget(f, today_of);
    panel_book_forget(book, SPAN_TODAY, today_range(f));
    bool ok = r->ops->sales(r, &finest, take_row, &rows, err);
    if (ok) {
        live_groups_rank(&sources, &f->sources);
        live_groups_rank(&states, &f->states);
    }
    live_groups_free(&sources);
    live_groups_free(&states);
    return ok || (err->cls == ERROR_USAGE && read_today_in_parts(r, f, book, err));
}

bool live_read_all_time(struct sales_reader *r, struct live_figures *f, struct error *err) {
    struct sales_query finest = {.by_source = true,
                                 .by_state = true,
                                 .from = INT32_MIN,
                                 .to = INT32_MAX,
                                 .max_rows = MAX_GROUPS,
                                 .any_order = true};
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

// --- Products

static bool take_product(void *user, const struct sales_answer_row *row) {
    struct live_ranking *ranking = user;
    if (row->n_others > 0) {
        ranking->n_others = row->n_others;
        live_sum_add(&ranking->others, &row->row.sum);
    } else if (row->row.sum.orders != 0 || row->row.sum.units != 0 || row->row.sum.total_e4 != 0) {
        struct live_ranked *mine = &ranking->rows[ranking->n++];
        *mine = (struct live_ranked){.rank_before = row->rank_before};
        set_ident(&mine->name, row->row.product_id);
        live_sum_add(&mine->sum, &row->row.sum);
    }
    return true;
}

bool live_read_products(struct sales_reader *r, const struct zone *zone, struct live_figures *f,
                        struct error *err) {
    struct sales_query q = shop_query(f);
    struct sales_answer answer;
    q.by_product = true;
    q.order = SALES_BY_TOTAL;
    q.top = LIVE_TOP;
    q.compare = true;
    q.compare_from = f->day - 1;
    q.compare_cut_ms = INT64_MAX;
    f->products = (struct live_ranking){0};
    if (sales_answer(r, &q, zone, take_product, &f->products, &answer, err)) {
        return true;
    }
    f->products = (struct live_ranking){.too_many = true};
    return err->cls == ERROR_USAGE;
}

// --- The same time of other days

static bool take_before(void *user, const struct sales_answer_row *row) {
    live_sum_add(user, &row->before);
    return true;
}

bool live_read_before(struct sales_reader *r, const struct zone *zone, int64_t now_ms,
                      struct live_figures *f, struct error *err) {
    static const int32_t days_ago[LIVE_BEFORES] = {[LIVE_YESTERDAY] = 1, [LIVE_WEEK_AGO] = 7};
    int64_t elapsed_ms = now_ms - zone_day_start_ms(zone, f->day);
    for (int i = 0; i < LIVE_BEFORES; i++) {
        struct sales_query q = shop_query(f);
        struct sales_answer answer;
        q.compare = true;
        q.compare_from = f->day - days_ago[i];
        q.compare_cut_ms = zone_day_start_ms(zone, q.compare_from) + elapsed_ms;
        f->before[i] = (struct live_before){0};
        if (!sales_answer(r, &q, zone, take_before, &f->before[i].sum, &answer, err)) {
            return false;
        }
        f->before[i].until_ms = answer.compare_end_ms;
    }
    return true;
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
                                 .max_rows = MAX_MINUTE_ROWS,
                                 .any_order = true};
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
                              .received_ms = e->arrival_ms,
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

// --- Cancellations and refunds

struct fresh_changes {
    struct live_figures *f;
    size_t n;
};

static bool take_change(void *user, const struct stored_event *e) {
    struct fresh_changes *fresh = user;
    struct live_figures *f = fresh->f;
    struct live_change *row = &f->changes[fresh->n];
    size_t n_after = f->n_changes - fresh->n;
    n_after -= f->n_changes == LIVE_RECENT; // the oldest makes room
    memmove(row + 1, row, n_after * sizeof *row);
    f->n_changes = fresh->n + n_after + 1;
    *row = (struct live_change){.position = e->position,
                                .created_ms = e->order.created_ms,
                                .received_ms = e->arrival_ms,
                                .total_e4 = e->order.total_e4,
                                .kind = e->order.kind};
    set_ident(&row->order_id, e->order.order_id);
    live_name_set(&row->source, e->order.source);
    live_name_set(&row->state, e->order.state);
    memcpy(row->currency, e->order.currency, sizeof row->currency);
    fresh->n++;
    return fresh->n < LIVE_RECENT;
}

bool live_read_changes(struct sales_reader *r, struct live_figures *f, struct error *err) {
    struct fresh_changes fresh = {.f = f};
    int64_t after = f->n_changes > 0 ? f->changes[0].position : 0;
    f->knows_changes = false;
    return r->ops->recent_changes == NULL ||
           r->ops->recent_changes(r, after, LIVE_RECENT, take_change, &fresh, &f->knows_changes,
                                  err);
}

// --- Rejected events

static bool take_code(void *user, struct text code, int64_t n) {
    struct live_figures *f = user;
    struct live_code *row = &f->rejected_by[f->n_rejected_by++];
    size_t len = code.len < sizeof row->code ? code.len : sizeof row->code - 1;
    *row = (struct live_code){.n = n};
    memcpy(row->code, code.at, len);
    return f->n_rejected_by < LIVE_CODES;
}

bool live_read_rejected(struct sales_reader *r, struct live_figures *f, struct error *err) {
    f->n_rejected_by = 0;
    return r->ops->rejected_codes(r, LIVE_REJECTED, take_code, f, err);
}
