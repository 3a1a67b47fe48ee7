// SPDX-License-Identifier: MIT
// Raw orders in SQLite. The first row after a flush begins a transaction; each row is an upsert by
// its identity; flush commits, with its fsync.
//
// How it fails: after any failure the transaction is undone and the file closed until reopen. When
// COMMIT itself fails the rows may be there all the same, which changes nothing: they are written
// again.
#include "store/sqlite/sqlite_raw.h"

#include "base/mem.h"
#include "store/sqlite/sqlite_checkpoint.h"
#include "store/sqlite/sqlite_directory.h"
#include "store/sqlite/sqlite_raw_rows.h"
#include "store/sqlite/sqlite_rows.h"
#include "store/sqlite/sqlite_schema.h"
#include <stdlib.h>
#include <unistd.h>

struct sqlite_raw {
    struct raw_store base; // first: a struct raw_store * is a struct sqlite_raw *
    char *directory, *vfs;
    int lock_fd;
    struct sqlite_files files;

    // NULL while the store is down.
    sqlite3 *db;
    struct checkpointer *checkpointer;
    sqlite3_stmt *begin, *commit, *add_order, *add_adjustment, *find;

    bool in_transaction;
};

static struct sqlite_raw *sqlite_raw_of(struct raw_store *r) {
    return (struct sqlite_raw *)r;
}

// --- The file

// What a row takes from its newer writer.
#define RAW_UPDATE                                                                                 \
    "DO UPDATE SET position = excluded.position, created_ms = excluded.created_ms, "               \
    "customer_id = excluded.customer_id, product_id = excluded.product_id, "                       \
    "quantity = excluded.quantity, subtotal_e4 = excluded.subtotal_e4, "                           \
    "discount_e4 = excluded.discount_e4, shipping_e4 = excluded.shipping_e4, "                     \
    "tax_e4 = excluded.tax_e4, total_e4 = excluded.total_e4, arrival_ms = excluded.arrival_ms, "   \
    "items = excluded.items, source = excluded.source, state = excluded.state, "                   \
    "currency = excluded.currency, epoch_us = excluded.epoch_us "                                  \
    "WHERE excluded.epoch_us >= epoch_us"
#define RAW_INSERT_COLUMNS                                                                         \
    "position, order_id, created_ms, customer_id, product_id, quantity, subtotal_e4, "             \
    "discount_e4, shipping_e4, tax_e4, total_e4, arrival_ms, items, source, state, currency, "     \
    "epoch_us"
// As event_bind has them: 12 (a group) is not used, 15 and 16 are kind and event_id.
#define RAW_INSERT_VALUES "?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?13,?14,?17,?18,?19,?20"

static void sqlite_raw_disconnect(struct sqlite_raw *s) {
    sqlite3_stmt **statements[] = {&s->begin, &s->commit, &s->add_order, &s->add_adjustment,
                                   &s->find};
    checkpointer_stop(s->checkpointer);
    s->checkpointer = NULL;
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        sqlite3_finalize(*statements[i]);
        *statements[i] = NULL;
    }
    sqlite3_close(s->db);
    s->db = NULL;
    s->in_transaction = false;
}

static bool sqlite_raw_prepare_all(struct sqlite_raw *s, struct error *err) {
    return sqlite_prepare(s->db, "BEGIN IMMEDIATE", &s->begin, err) &&
           sqlite_prepare(s->db, "COMMIT", &s->commit, err) &&
           sqlite_prepare(s->db,
                          "INSERT INTO raw_orders (" RAW_INSERT_COLUMNS
                          ") VALUES (" RAW_INSERT_VALUES ") ON CONFLICT (order_id) " RAW_UPDATE,
                          &s->add_order, err) &&
           sqlite_prepare(s->db,
                          "INSERT INTO raw_adjustments (" RAW_INSERT_COLUMNS
                          ", event, event_id) VALUES (" RAW_INSERT_VALUES
                          ",?15,?16) ON CONFLICT (order_id, event, event_id) " RAW_UPDATE,
                          &s->add_adjustment, err) &&
           sqlite_prepare(s->db, RAW_ORDER_SELECT "WHERE order_id = ?1", &s->find, err);
}

static bool connect(struct sqlite_raw *s, struct error *err) {
    struct store_settings settings = {0}; // those are with the aggregates
    if (sqlite_files_in_place(&s->files, s->directory, false, err) &&
        sqlite_directory_keep(s->directory, s->lock_fd, err) &&
        sqlite_connect(s->directory, s->vfs, SQLITE_WRITER, &s->db, err) &&
        sqlite_files_whole(&s->files, s->db, s->directory, err) &&
        sqlite_schema_prepare(s->db, SQLITE_HOLDS_RAW, &settings, err) &&
        sqlite_files_note(&s->files, s->db, s->directory, err) && sqlite_raw_prepare_all(s, err)) {
        sqlite_directory_mark(s->lock_fd);
        s->checkpointer = checkpointer_start(s->directory, s->vfs, s->db, err);
    }
    if (s->checkpointer == NULL) {
        sqlite_raw_disconnect(s);
        return false;
    }
    return true;
}

static enum store_result sqlite_raw_failed(struct sqlite_raw *s, const char *doing,
                                           struct error *err) {
    enum store_result result = sqlite_failed(s->db, doing, err);
    if (s->in_transaction) {
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    sqlite_raw_disconnect(s);
    return result;
}

static bool is_open(const struct sqlite_raw *s, struct error *err) {
    return s->db != NULL || error_set(err, ERROR_RETRIABLE, "the raw store is not open");
}

// --- raw_store_ops

static enum store_result raw_add(struct raw_store *r, const struct stored_event *event,
                                 int64_t epoch_us, struct error *err) {
    struct sqlite_raw *s = sqlite_raw_of(r);
    const struct order *o = &event->order;
    if (!is_open(s, err)) {
        return STORE_RETRY;
    }
    if (!s->in_transaction && !sqlite_files_whole(&s->files, s->db, s->directory, err)) {
        sqlite_raw_disconnect(s);
        return STORE_RETRY;
    }
    if (!s->in_transaction && !sqlite_do(s->begin)) {
        return sqlite_raw_failed(s, "beginning to store raw orders", err);
    }
    s->in_transaction = true;
    sqlite3_stmt *stmt = o->kind == ORDER_PLACED ? s->add_order : s->add_adjustment;
    event_bind(stmt, o, event->position, 0, event->arrival_ms);
    sqlite_bind_text(stmt, 17, o->source);
    sqlite_bind_text(stmt, 18, o->state);
    sqlite_bind_text(stmt, 19, text_of(o->currency));
    sqlite3_bind_int64(stmt, 20, epoch_us);
    return sqlite_do(stmt) ? STORE_OK : sqlite_raw_failed(s, "storing a raw order", err);
}

static enum store_result raw_flush(struct raw_store *r, struct error *err) {
    struct sqlite_raw *s = sqlite_raw_of(r);
    if (!is_open(s, err)) {
        return STORE_RETRY;
    }
    if (!s->in_transaction) {
        return STORE_OK;
    }
    if (!sqlite_do(s->commit)) {
        return sqlite_raw_failed(s, "committing raw orders", err);
    }
    s->in_transaction = false;
    if (!sqlite_files_in_place(&s->files, s->directory, true, err) ||
        !sqlite_files_whole(&s->files, s->db, s->directory, err) ||
        !sqlite_directory_keep(s->directory, s->lock_fd, err)) {
        sqlite_raw_disconnect(s);
        return STORE_RETRY;
    }
    checkpointer_after_commit(s->checkpointer);
    return STORE_OK;
}

static enum store_result raw_find(struct raw_store *r, const struct ident *order_ids, size_t n,
                                  raw_found_fn each, void *user, struct error *err) {
    struct sqlite_raw *s = sqlite_raw_of(r);
    if (!is_open(s, err)) {
        return STORE_RETRY;
    }
    bool go_on = true;
    for (size_t i = 0; go_on && i < n; i++) {
        sqlite_bind_ident(s->find, 1, order_ids[i]);
        int rc = sqlite3_step(s->find);
        struct stored_event event;
        // Without an arena nothing can fail: texts borrow from the row.
        if (rc == SQLITE_ROW && row_read(s->find, ORDER_PLACED, NULL, &event)) {
            go_on = each(user, i, &event);
        }
        sqlite3_reset(s->find);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
            return sqlite_raw_failed(s, "looking up raw orders", err);
        }
    }
    return STORE_OK;
}

static enum store_result raw_reopen(struct raw_store *r, struct error *err) {
    struct sqlite_raw *s = sqlite_raw_of(r);
    if (s->in_transaction) {
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    sqlite_raw_disconnect(s);
    if (connect(s, err)) {
        return STORE_OK;
    }
    return err->cls == ERROR_RETRIABLE ? STORE_RETRY : STORE_ERROR;
}

static void raw_close(struct raw_store *r) {
    struct sqlite_raw *s = sqlite_raw_of(r);
    sqlite_raw_disconnect(s); // what was not flushed is undone
    if (s->lock_fd >= 0) {
        close(s->lock_fd);
    }
    free(s->directory);
    free(s->vfs);
    free(s);
}

bool sqlite_raw_open(const char *directory, const char *vfs, struct raw_store **out,
                     struct error *err) {
    static const struct raw_store_ops ops = {
        .name = "sqlite",
        .add = raw_add,
        .flush = raw_flush,
        .find = raw_find,
        .reopen = raw_reopen,
        .close = raw_close,
    };
    struct sqlite_raw *s = mem_zalloc(1, sizeof *s);
    s->base.ops = &ops;
    s->directory = mem_strndup(directory, strlen(directory));
    s->vfs = vfs != NULL ? mem_strndup(vfs, strlen(vfs)) : NULL;
    s->lock_fd = sqlite_directory_lock(directory, err);
    if (s->lock_fd < 0 || !connect(s, err)) {
        raw_close(&s->base);
        return false;
    }
    *out = &s->base;
    return true;
}
