// SPDX-License-Identifier: MIT
// Forgetting a customer in Cassandra.
//
// 1. The customer's own list, if that table is there, is deleted by its partition.
// 2. Orders, then adjustments, are read through once, page by page, in bounded memory: only keys of
//    rows that name the customer are kept. There is no index by customer that could be relied on.
// 3. Each such row's customer_id is overwritten: with '' (IDENT_FORGOTTEN), or with null where the
//    column is a number.
//
// Writes have the time of now, which is later than any epoch of a pipeline that has begun, so rows
// that it writes again keep the blank. How it fails: one line; doing it again is right.
#include "store/cassandra/cassandra_internal.h"

#include "base/mem.h"
#include <stdlib.h>

struct cassandra_forgetting {
    struct cql_session *session;
    const char *keyspace;
    struct ident customer;
    struct cassandra_binding columns; // of the key, and then the customer
    struct arena row;                 // of the row that is read
    struct arena kept;                // of those below
    struct stored_event *keys;
    size_t n_keys, cap_keys;
    bool no_memory;
};

static bool is_key(enum raw_table t, enum raw_field f) {
    return f == RAW_ORDER_ID || (t == RAW_ADJUSTMENTS && (f == RAW_EVENT || f == RAW_EVENT_ID));
}

// Those of the key, and the customer as the last. False: the table has no customer.
static bool choose_columns(const struct cassandra_binding *all, enum raw_table t,
                           struct cassandra_binding *out) {
    enum cql_type customer = CQL_TEXT;
    bool has = false;
    *out = (struct cassandra_binding){.exists = all->exists};
    for (size_t i = 0; i < all->n; i++) {
        if (is_key(t, all->field[i])) {
            out->field[out->n] = all->field[i];
            out->type[out->n++] = all->type[i];
        } else if (all->field[i] == RAW_CUSTOMER_ID) {
            customer = all->type[i];
            has = true;
        }
    }
    out->field[out->n] = RAW_CUSTOMER_ID;
    out->type[out->n++] = customer;
    return has;
}

// --- Looking

static bool keep_key(struct cassandra_forgetting *g, const struct stored_event *event) {
    if (g->n_keys == g->cap_keys) {
        size_t cap = g->cap_keys == 0 ? 64 : g->cap_keys * 2;
        struct stored_event *more = try_realloc(g->keys, cap * sizeof *more);
        if (more == NULL) {
            return false;
        }
        g->keys = more;
        g->cap_keys = cap;
    }
    struct order *o = &g->keys[g->n_keys].order;
    g->keys[g->n_keys] = *event;
    o->customer_id = IDENT_NONE;
    if ((o->order_id.text.at != NULL &&
         !arena_try_copy(&g->kept, o->order_id.text, &o->order_id.text)) ||
        (o->event_id.at != NULL && !arena_try_copy(&g->kept, o->event_id, &o->event_id))) {
        return false;
    }
    g->n_keys++;
    return true;
}

static bool see_customer(void *user, size_t tag, const struct text *cells, size_t n) {
    struct cassandra_forgetting *g = user;
    struct stored_event event;
    bool has_position;
    UNUSED(tag);
    arena_reset(&g->row);
    if (n != g->columns.n ||
        !cassandra_read_row(cells, &g->columns, ORDER_CANCELLED, &g->row, &event, &has_position)) {
        g->no_memory = true;
        return false;
    }
    if (ident_equal(event.order.customer_id, g->customer)) {
        g->no_memory = !keep_key(g, &event);
    }
    return !g->no_memory;
}

static bool look_through(struct cassandra_forgetting *g, enum raw_table t, struct error *err) {
    struct buf cql = {0};
    struct cql_statement *all;
    cassandra_select_text(&cql, g->keyspace, t, &g->columns);
    bool ok = cassandra_prepare(g->session, &cql, "", &all, err) == STORE_OK;
    buf_free(&cql);
    if (ok) {
        cql_begin_select(g->session, all);
        ok = cql_select(g->session, see_customer, g, NULL, err) == STORE_OK;
    }
    return ok && (!g->no_memory ||
                  error_set(err, ERROR_RETRIABLE, "out of memory while looking for a customer"));
}

// --- Blanking

static bool prepare_update(struct cassandra_forgetting *g, enum raw_table t,
                           struct cql_statement **out, struct error *err) {
    struct buf cql = {0};
    buf_printf(&cql, "UPDATE \"%s\".%s SET customer_id = ? WHERE ", g->keyspace, raw_table_name(t));
    for (size_t i = 0; i + 1 < g->columns.n; i++) {
        buf_printf(&cql, "%s\"%s\" = ?", i > 0 ? " AND " : "",
                   raw_field_column(g->columns.field[i]));
    }
    bool ok = cassandra_prepare(g->session, &cql, "", out, err) == STORE_OK;
    buf_free(&cql);
    return ok;
}

static bool blank_all(struct cassandra_forgetting *g, enum raw_table t, struct error *err) {
    struct cql_statement *update;
    size_t last = g->columns.n - 1;
    if (g->n_keys == 0) {
        return true;
    }
    if (!prepare_update(g, t, &update, err)) {
        return false;
    }
    bool ok = true;
    for (size_t i = 0; ok && i < g->n_keys; i++) {
        struct cql_values *v = cql_begin(g->session, update, 0);
        if (cassandra_id_fits(g->columns.type[last], IDENT_FORGOTTEN)) {
            cql_put_text(v, IDENT_FORGOTTEN.text);
        } else {
            cql_put_null(v);
        }
        for (size_t c = 0; c < last; c++) {
            cassandra_put_field(v, g->columns.field[c], g->columns.type[c], &g->keys[i]);
        }
        ok = cql_execute(g->session);
    }
    return cql_flush(g->session, err) == STORE_OK;
}

static bool forget_table(struct cassandra_forgetting *g, const struct cassandra_binding *all,
                         enum raw_table t, int64_t *n, struct error *err) {
    if (!choose_columns(all, t, &g->columns)) {
        return true;
    }
    g->n_keys = 0;
    if (!look_through(g, t, err) || !blank_all(g, t, err)) {
        return false;
    }
    *n += (int64_t)g->n_keys;
    return true;
}

static bool drop_list(struct cassandra_forgetting *g, const struct cassandra_binding *all,
                      struct error *err) {
    enum cql_type type = CQL_TEXT;
    for (size_t i = 0; i < all->n; i++) {
        type = all->field[i] == RAW_CUSTOMER_ID ? all->type[i] : type;
    }
    if (!all->exists || !cassandra_id_fits(type, g->customer)) {
        return true;
    }
    struct buf cql = {0};
    struct cql_statement *drop;
    const struct stored_event key = {.order = {.customer_id = g->customer}};
    buf_printf(&cql, "DELETE FROM \"%s\".%s WHERE customer_id = ?", g->keyspace,
               raw_table_name(RAW_BY_CUSTOMER));
    bool ok = cassandra_prepare(g->session, &cql, "", &drop, err) == STORE_OK;
    buf_free(&cql);
    if (!ok) {
        return false;
    }
    cassandra_put_field(cql_begin(g->session, drop, 0), RAW_CUSTOMER_ID, type, &key);
    bool sent = cql_execute(g->session);
    return cql_flush(g->session, err) == STORE_OK && sent;
}

bool cassandra_forget(const struct cassandra_address *address, struct ident customer,
                      const atomic_bool *stop, struct forgotten *out, struct error *err) {
    struct cassandra_binding tables[RAW_TABLES];
    struct cassandra_forgetting g = {.customer = customer, .keyspace = address->url.path};
    bool ok = cassandra_connect(address, CASSANDRA_READ, stop, &g.session, err) &&
              cassandra_bind_all(g.session, g.keyspace, false, tables, err) &&
              drop_list(&g, &tables[RAW_BY_CUSTOMER], err) &&
              forget_table(&g, &tables[RAW_ORDERS], RAW_ORDERS, &out->orders, err) &&
              forget_table(&g, &tables[RAW_ADJUSTMENTS], RAW_ADJUSTMENTS, &out->adjustments, err);
    cql_session_close(g.session);
    arena_free(&g.row);
    arena_free(&g.kept);
    free(g.keys);
    return ok;
}
