// SPDX-License-Identifier: MIT
// The raw store on Cassandra, for the engine of a pipeline over a log.
//
//     add     one EXECUTE for the order (or its adjustment), one more for its customer's list, with
//             the epoch as write timestamp: writing it again changes nothing, a lower epoch loses
//     flush   all of them are answered
//     find    pipelined SELECTs by id
//
// How it fails: RETRY when answers are missing or the server is down; the batch is done again as a
// whole. ERROR when Cassandra refuses a statement (rights, a table that was changed).
#include "store/cassandra/cassandra_internal.h"

#include "base/mem.h"
#include <stdlib.h>

struct cassandra_raw {
    struct raw_store base;
    struct cql_session *session;
    struct cassandra_binding tables[RAW_TABLES];
    struct cql_statement *insert[RAW_TABLES]; // NULL: there is no such table
    struct cql_statement *select;             // a placed order by id
    struct arena arena;
    // The look-up that is running
    raw_found_fn each;
    void *user;
    bool stopped, no_memory;
};

static struct cassandra_raw *cassandra_raw_of(struct raw_store *base) {
    return (struct cassandra_raw *)base;
}

static bool raw_fits(struct raw_store *base, const struct order *o, struct rejection *why) {
    struct cassandra_raw *r = cassandra_raw_of(base);
    if (o->kind != ORDER_PLACED) {
        return cassandra_binding_fits(&r->tables[RAW_ADJUSTMENTS], o, why);
    }
    return cassandra_binding_fits(&r->tables[RAW_ORDERS], o, why) &&
           (r->insert[RAW_BY_CUSTOMER] == NULL || !ident_present(o->customer_id) ||
            cassandra_binding_fits(&r->tables[RAW_BY_CUSTOMER], o, why));
}

static bool raw_fits_all(struct raw_store *base, struct error *err) {
    const struct cassandra_raw *r = cassandra_raw_of(base);
    for (enum raw_table t = 0; t < RAW_TABLES; t++) {
        if (r->tables[t].narrow) {
            return error_set(err, ERROR_USAGE,
                             "Cassandra table %s cannot hold every order (%s). In Spark orders are "
                             "judged without asking it, so that all must fit: make it anew with "
                             "`salestide setup`, or count with `salestide process`, which rejects "
                             "those that do not",
                             raw_table_name(t), r->tables[t].narrow_columns);
        }
    }
    return true;
}

static bool cassandra_raw_put(struct cassandra_raw *r, enum raw_table t,
                              const struct stored_event *event, int64_t epoch_us) {
    cassandra_put_row(cql_begin(r->session, r->insert[t], epoch_us), &r->tables[t], event);
    return cql_execute(r->session);
}

// A failure was seen: what the session knows of it.
static enum store_result cassandra_raw_failed(struct cassandra_raw *r, struct error *err) {
    enum store_result result = cql_flush(r->session, err);
    if (result == STORE_OK) { // cannot be; but then nothing must pass for stored
        error_set(err, ERROR_RETRIABLE, "Cassandra: a request failed");
        result = STORE_RETRY;
    }
    return result;
}

static enum store_result raw_add(struct raw_store *base, const struct stored_event *event,
                                 int64_t epoch_us, struct error *err) {
    struct cassandra_raw *r = cassandra_raw_of(base);
    const struct order *o = &event->order;
    bool ok = cassandra_raw_put(r, o->kind == ORDER_PLACED ? RAW_ORDERS : RAW_ADJUSTMENTS, event,
                                epoch_us);
    if (ok && o->kind == ORDER_PLACED && r->insert[RAW_BY_CUSTOMER] != NULL &&
        ident_present(o->customer_id)) {
        ok = cassandra_raw_put(r, RAW_BY_CUSTOMER, event, epoch_us);
    }
    return ok ? STORE_OK : cassandra_raw_failed(r, err);
}

static enum store_result raw_flush(struct raw_store *base, struct error *err) {
    return cql_flush(cassandra_raw_of(base)->session, err);
}

// --- Looking up

static bool see_order(void *user, size_t tag, const struct text *cells, size_t n) {
    struct cassandra_raw *r = user;
    struct stored_event event;
    bool has_position;
    arena_reset(&r->arena);
    if (n != r->tables[RAW_ORDERS].n || r->stopped || r->no_memory) {
        return false;
    }
    if (!cassandra_read_row(cells, &r->tables[RAW_ORDERS], ORDER_PLACED, &r->arena, &event,
                            &has_position)) {
        r->no_memory = true;
        return false;
    }
    r->stopped = !r->each(r->user, tag, &event);
    return false; // an id has one row
}

static enum store_result raw_find(struct raw_store *base, const struct ident *ids, size_t n,
                                  raw_found_fn each, void *user, struct error *err) {
    struct cassandra_raw *r = cassandra_raw_of(base);
    enum cql_type type = r->tables[RAW_ORDERS].type[0]; // order_id is the first
    r->each = each;
    r->user = user;
    r->stopped = r->no_memory = false;
    for (size_t i = 0; i < n && !r->stopped; i++) {
        if (!cassandra_id_fits(type, ids[i])) {
            continue; // such an order cannot be there
        }
        struct stored_event key = {.order.order_id = ids[i]};
        cassandra_put_field(cql_begin(r->session, r->select, 0), RAW_ORDER_ID, type, &key);
        if (!cql_execute_rows(r->session, see_order, r, i)) {
            break;
        }
    }
    enum store_result result = cql_flush(r->session, err);
    if (result == STORE_OK && r->no_memory) {
        error_set(err, ERROR_RETRIABLE, "out of memory while looking up orders");
        result = STORE_RETRY;
    }
    return result;
}

// --- Life

static enum store_result raw_check(struct raw_store *base, struct error *err) {
    return cql_query(cassandra_raw_of(base)->session, "SELECT release_version FROM system.local",
                     NULL, NULL, err);
}

static enum store_result raw_reopen(struct raw_store *base, struct error *err) {
    struct error ignored;
    (void)!cql_flush(cassandra_raw_of(base)->session,
                     &ignored); // what was on its way is done again
    return raw_check(base, err);
}

static void raw_close(struct raw_store *base) {
    struct cassandra_raw *r = cassandra_raw_of(base);
    cql_session_close(r->session);
    arena_free(&r->arena);
    free(r);
}

static const struct raw_store_ops ops = {.name = "cassandra",
                                         .fits = raw_fits,
                                         .fits_all = raw_fits_all,
                                         .add = raw_add,
                                         .flush = raw_flush,
                                         .find = raw_find,
                                         .check = raw_check,
                                         .reopen = raw_reopen,
                                         .close = raw_close};

static bool cassandra_raw_prepare_all(struct cassandra_raw *r, const char *keyspace,
                                      struct error *err) {
    struct buf cql = {0};
    bool ok = true;
    for (enum raw_table t = 0; t < RAW_TABLES && ok; t++) {
        if (r->tables[t].exists) {
            cassandra_insert_text(&cql, keyspace, t, &r->tables[t]);
            ok = cassandra_prepare(r->session, &cql, "", &r->insert[t], err) == STORE_OK;
        }
    }
    if (ok) {
        cassandra_select_text(&cql, keyspace, RAW_ORDERS, &r->tables[RAW_ORDERS]);
        ok =
            cassandra_prepare(r->session, &cql, " WHERE order_id = ?", &r->select, err) == STORE_OK;
    }
    buf_free(&cql);
    return ok;
}

bool cassandra_raw_open(const struct cassandra_address *address, const atomic_bool *stop,
                        struct raw_store **out, struct error *err) {
    struct cassandra_raw *r = mem_zalloc(1, sizeof *r);
    const char *keyspace = address->url.path;
    r->base.ops = &ops;
    *out = NULL;
    if (!cassandra_connect(address, CASSANDRA_WRITE, stop, &r->session, err) ||
        !cassandra_bind_all(r->session, keyspace, true, r->tables, err) ||
        !cassandra_say_safety(r->session, keyspace, err) ||
        !cassandra_raw_prepare_all(r, keyspace, err)) {
        raw_close(&r->base);
        return false;
    }
    *out = &r->base;
    return true;
}
