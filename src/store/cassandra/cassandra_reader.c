// SPDX-License-Identifier: MIT
// Reading raw orders from Cassandra: one order with its adjustments, the orders of a customer, and
// every event once, for verify and rebuild.
//
// A scan reads page by page in the order of the tokens, in bounded memory. Rows without a position
// were written by other programs: they are no part of the pipeline's sums, so they are left out and
// counted in one line of the log.
//
// How it fails: a page that stays away ends the question; it is asked again from its beginning.
#include "store/cassandra/cassandra_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/raw_items.h"
#include <stdlib.h>

enum { ADJUSTMENTS_MAX = 100000 }; // of one order

struct cassandra_reader {
    struct raw_reader base;
    struct cql_session *session;
    char keyspace[64];
    struct cassandra_binding tables[RAW_TABLES];
    struct cql_statement *by_id[2]; // RAW_ORDERS, RAW_ADJUSTMENTS
    struct cql_statement *all[2];
    struct cql_statement *by_customer; // NULL: there is no such table
    struct arena arena;
    // The question that is running
    enum raw_table table;
    bool gather, stopped, no_memory, damaged;
    size_t n_foreign, n_max, n;
    raw_event_fn each;
    void *user;
    struct stored_event *gathered; // adjustments of one order, until they are sorted
    size_t n_gathered, cap_gathered;
};

static struct cassandra_reader *cassandra_reader_of(struct raw_reader *base) {
    return (struct cassandra_reader *)base;
}

static bool keep(struct arena *arena, struct text *t) {
    return t->at == NULL || arena_try_copy(arena, *t, t);
}

static bool keep_texts(struct order *o, struct arena *arena) {
    return keep(arena, &o->order_id.text) && keep(arena, &o->customer_id.text) &&
           keep(arena, &o->product_id.text) && keep(arena, &o->event_id) &&
           keep(arena, &o->source) && keep(arena, &o->state) && keep(arena, &o->items_json);
}

static bool gather(struct cassandra_reader *r, struct stored_event *event) {
    if (r->n_gathered == r->cap_gathered) {
        size_t cap = r->cap_gathered == 0 ? 16 : r->cap_gathered * 2;
        struct stored_event *more =
            cap > ADJUSTMENTS_MAX ? NULL : try_realloc(r->gathered, cap * sizeof *more);
        if (more == NULL) {
            return false;
        }
        r->gathered = more;
        r->cap_gathered = cap;
    }
    if (!keep_texts(&event->order, &r->arena)) {
        return false;
    }
    r->gathered[r->n_gathered++] = *event;
    return true;
}

static bool see_row(void *user, size_t tag, const struct text *cells, size_t n) {
    struct cassandra_reader *r = user;
    const struct cassandra_binding *b = &r->tables[r->table];
    struct stored_event event;
    bool has_position;
    UNUSED(tag);
    if (!r->gather) {
        arena_reset(&r->arena);
    }
    if (n != b->n ||
        !cassandra_read_row(cells, b, r->table == RAW_ADJUSTMENTS ? ORDER_CANCELLED : ORDER_PLACED,
                            &r->arena, &event, &has_position)) {
        r->no_memory = true;
        return false;
    }
    bool scanning = r->n_max == 0;
    if (scanning && !r->gather && !has_position) {
        r->n_foreign++;
        return true;
    }
    if (event.order.items_json.at != NULL &&
        raw_items_read(&event.order, &r->arena) != RAW_ITEMS_OK) {
        r->damaged = true;
        return false;
    }
    if (r->gather) {
        r->no_memory = !gather(r, &event);
        return !r->no_memory;
    }
    r->stopped = !r->each(r->user, &event);
    r->n++;
    return !r->stopped && (scanning || r->n < r->n_max);
}

static void begin(struct cassandra_reader *r, enum raw_table t, raw_event_fn each, void *user) {
    arena_reset(&r->arena);
    r->table = t;
    r->each = each;
    r->user = user;
    r->gather = r->stopped = r->no_memory = r->damaged = false;
    r->n_foreign = r->n = r->n_max = r->n_gathered = 0;
}

static bool cassandra_reader_run(struct cassandra_reader *r, struct error *err) {
    if (cql_select(r->session, see_row, r, NULL, err) != STORE_OK) {
        return false;
    }
    if (r->damaged) {
        return error_set(err, ERROR_FATAL,
                         "Cassandra table %s.%s: the items of a row are not as they were written",
                         r->keyspace, raw_table_name(r->table));
    }
    return !r->no_memory || error_set(err, ERROR_RETRIABLE, "out of memory while reading orders");
}

static int by_position(const void *a, const void *b) {
    const struct stored_event *x = a, *y = b;
    return x->position < y->position ? -1 : x->position > y->position;
}

static void put_id(struct cassandra_reader *r, struct cql_statement *st, enum raw_field f,
                   struct ident id) {
    struct stored_event key = {.order = {.order_id = id, .customer_id = id}};
    const struct cassandra_binding *b = &r->tables[r->table];
    struct cql_values *v = cql_begin_select(r->session, st);
    for (size_t i = 0; i < b->n; i++) {
        if (b->field[i] == f) {
            cassandra_put_field(v, f, b->type[i], &key);
        }
    }
}

static bool id_fits(const struct cassandra_reader *r, enum raw_table t, enum raw_field f,
                    struct ident id) {
    const struct cassandra_binding *b = &r->tables[t];
    for (size_t i = 0; i < b->n; i++) {
        if (b->field[i] == f) {
            return cassandra_id_fits(b->type[i], id);
        }
    }
    return false;
}

static bool reader_order(struct raw_reader *base, struct ident order_id, raw_event_fn each,
                         void *user, struct error *err) {
    struct cassandra_reader *r = cassandra_reader_of(base);
    begin(r, RAW_ORDERS, each, user);
    if (id_fits(r, RAW_ORDERS, RAW_ORDER_ID, order_id)) {
        r->n_max = 1;
        put_id(r, r->by_id[RAW_ORDERS], RAW_ORDER_ID, order_id);
        if (!cassandra_reader_run(r, err)) {
            return false;
        }
    }
    bool stopped = r->stopped;
    begin(r, RAW_ADJUSTMENTS, each, user);
    if (stopped || !id_fits(r, RAW_ADJUSTMENTS, RAW_ORDER_ID, order_id)) {
        return true;
    }
    r->gather = true;
    put_id(r, r->by_id[RAW_ADJUSTMENTS], RAW_ORDER_ID, order_id);
    if (!cassandra_reader_run(r, err)) {
        return false;
    }
    if (r->n_gathered > 0) {
        qsort(r->gathered, r->n_gathered, sizeof *r->gathered, by_position);
    }
    for (size_t i = 0; i < r->n_gathered && each(user, &r->gathered[i]); i++) {
    }
    return true;
}

static bool reader_scan(struct raw_reader *base, raw_event_fn each, void *user, struct error *err) {
    struct cassandra_reader *r = cassandra_reader_of(base);
    for (enum raw_table t = RAW_ORDERS; t <= RAW_ADJUSTMENTS; t++) {
        if (!r->tables[t].complete) {
            return error_set(err, ERROR_USAGE,
                             "Cassandra table %s.%s does not keep all of an order, so it cannot be "
                             "verified or rebuilt from: %s",
                             r->keyspace, raw_table_name(t), r->tables[t].why_not);
        }
    }
    for (enum raw_table t = RAW_ORDERS; t <= RAW_ADJUSTMENTS; t++) {
        begin(r, t, each, user);
        cql_begin_select(r->session, r->all[t]);
        if (!cassandra_reader_run(r, err)) {
            return false;
        }
        if (r->n_foreign > 0) {
            log_warn("store",
                     "Cassandra table %s.%s: %zu rows have no position; other programs "
                     "wrote them, they were left out",
                     r->keyspace, raw_table_name(t), r->n_foreign);
        }
        if (r->stopped) {
            return true;
        }
    }
    return true;
}

bool cassandra_reader_customer(struct raw_reader *base, struct ident customer_id, size_t n_max,
                               raw_event_fn each, void *user, struct error *err) {
    struct cassandra_reader *r = cassandra_reader_of(base);
    if (r->by_customer == NULL) {
        return error_set(err, ERROR_USAGE,
                         "Cassandra has no table %s.orders_by_customer; `salestide setup` makes it",
                         r->keyspace);
    }
    begin(r, RAW_BY_CUSTOMER, each, user);
    if (n_max == 0 || !id_fits(r, RAW_BY_CUSTOMER, RAW_CUSTOMER_ID, customer_id)) {
        return true;
    }
    r->n_max = n_max;
    put_id(r, r->by_customer, RAW_CUSTOMER_ID, customer_id);
    return cassandra_reader_run(r, err);
}

static void reader_close(struct raw_reader *base) {
    struct cassandra_reader *r = cassandra_reader_of(base);
    cql_session_close(r->session);
    arena_free(&r->arena);
    free(r->gathered);
    free(r);
}

static const struct raw_reader_ops ops = {
    .order = reader_order, .scan = reader_scan, .close = reader_close};

static bool prepare(struct cassandra_reader *r, struct buf *cql, enum raw_table t, const char *rest,
                    struct cql_statement **out, struct error *err) {
    cassandra_select_text(cql, r->keyspace, t, &r->tables[t]);
    return cassandra_prepare(r->session, cql, rest, out, err) == STORE_OK;
}

static bool cassandra_reader_prepare_all(struct cassandra_reader *r, struct error *err) {
    struct buf cql = {0};
    bool ok = true;
    for (enum raw_table t = RAW_ORDERS; t <= RAW_ADJUSTMENTS && ok; t++) {
        ok = prepare(r, &cql, t, " WHERE order_id = ?", &r->by_id[t], err) &&
             prepare(r, &cql, t, "", &r->all[t], err);
    }
    if (ok && r->tables[RAW_BY_CUSTOMER].exists) {
        ok = prepare(r, &cql, RAW_BY_CUSTOMER, " WHERE customer_id = ? ORDER BY created_at DESC",
                     &r->by_customer, err);
    }
    buf_free(&cql);
    return ok;
}

bool cassandra_reader_open(const struct cassandra_address *address, struct raw_reader **out,
                           struct error *err) {
    struct cassandra_reader *r = mem_zalloc(1, sizeof *r);
    memcpy(r->keyspace, address->url.path, strnlen(address->url.path, sizeof r->keyspace - 1));
    r->base.ops = &ops;
    *out = NULL;
    if (!cassandra_connect(address, CASSANDRA_READ, NULL, &r->session, err) ||
        !cassandra_bind_all(r->session, r->keyspace, false, r->tables, err) ||
        !cassandra_reader_prepare_all(r, err)) {
        reader_close(&r->base);
        return false;
    }
    *out = &r->base;
    return true;
}
