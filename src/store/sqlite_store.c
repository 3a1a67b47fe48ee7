// SPDX-License-Identifier: MIT
// The embedded store's writer. One batch:
//
// 1. begin: BEGIN IMMEDIATE.
// 2. find: order ids through order_index, adjustments through their unique index; add: one row
// appended,
//    the id noted in order_index, the currency's gross sum raised.
// 3. commit: the new rows appended in one statement; cells upserted; waiting ids moved on; old
// minute and hour cells, rejections and batches
//    dropped in small steps; counts, floors and position written; COMMIT, which fsyncs the WAL.
// 4. The checkpoint thread is told how long the WAL is.
//
// How it fails: any error answers RETRY or ERROR and the engine rolls back. Memory (index, gross
// sums, positions) may then be ahead of the file, so the store counts as down until reopen has
// closed everything, opened it again, moved the whole WAL into the database file with an fsync
// (after a failed fsync nothing in the page cache may be trusted to be on disk), checked that
// positions and counts agree, and read the memory back from the file.
#include "store/sqlite_store.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/currency.h"
#include "store/sqlite_rows.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MINUTES_KEPT = 15 * 24 * 60,
    HOURS_KEPT = 400 * 24,
    BATCHES_KEPT = 10000,
    REJECTED_KEPT = 1000000,
    DROP_STEP = 2000, // rows of each kind that one commit drops at most
};
static const int64_t REJECTED_KEPT_MS = INT64_C(30) * 24 * 3600 * 1000;

static struct sqlite_store *of(struct store *s) {
    return (struct sqlite_store *)s;
}

// --- The overflow guard

static bool store_fits(struct store *base, const struct order *o) {
    int64_t sum = of(base)->gross_e4[currency_number(o->currency)];
    return money_add(&sum, currency_gross_of(o));
}

static void raise_gross(struct sqlite_store *s, const struct order *o) {
    int32_t number = currency_number(o->currency);
    s->gross_e4[number] += currency_gross_of(o);
    if (!s->gross_is_dirty[number]) {
        s->gross_is_dirty[number] = true;
        s->gross_dirty[s->n_gross_dirty++] = number;
    }
}

// --- Opening and closing

static void close_connections(struct sqlite_store *s) {
    checkpointer_stop(s->checkpointer);
    s->checkpointer = NULL;
    sqlite3_stmt **statements[] = {
        &s->begin,      &s->commit,         &s->add_orders,    &s->add_adjustment, &s->add_rejected,
        &s->get_order,  &s->get_adjustment, &s->put_state,     &s->put_position,   &s->put_batch,
        &s->drop_batch, &s->put_gross,      &s->drop_rejected, &s->drop_minutes,   &s->drop_hours};
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        sqlite3_finalize(*statements[i]);
        *statements[i] = NULL;
    }
    sqlite_cells_free(s->cells);
    s->cells = NULL;
    pthread_rwlock_wrlock(&s->index_lock);
    order_index_close(s->index);
    s->index = NULL;
    pthread_rwlock_unlock(&s->index_lock);
    sqlite3_close(s->db);
    s->db = NULL;
}

static bool prepare_all(struct sqlite_store *s, struct error *err) {
    const struct {
        sqlite3_stmt **stmt;
        const char *sql;
    } all[] = {
        {&s->begin, "BEGIN IMMEDIATE"},
        {&s->commit, "COMMIT"},
        {&s->add_orders, PENDING_INSERT},
        {&s->add_adjustment, ADJUSTMENT_INSERT},
        {&s->get_order, ORDER_SELECT_FROM "WHERE r.position = ?1"},
        {&s->get_adjustment,
         ADJUSTMENT_SELECT_FROM "WHERE r.order_id = ?1 AND r.event = ?2 AND r.event_id = ?3"},
        {&s->add_rejected, "INSERT INTO rejected_rows VALUES (?1,?2,?3,?4,?5,?6,?7)"},
        {&s->put_state,
         "UPDATE pipeline_state SET received=?1, accepted=?2, duplicate=?3, rejected=?4, "
         "rejected_expired=?5, amounts_rounded=?6, total_mismatch=?7, quantity_zero=?8, late=?9, "
         "future=?10, last_batch_id=?11, minute_floor=?12, hour_floor=?13, indexed_below=?14"},
        {&s->put_position, "UPDATE pipeline_positions SET next_offset = ?1 "
                           "WHERE topic = 'embedded' AND partition = 0"},
        {&s->put_batch, "INSERT INTO batch_rows VALUES (?1,?2,?3,?4,?5,?6)"},
        {&s->drop_batch, "DELETE FROM batch_rows WHERE batch_id <= ?1"},
        {&s->put_gross, "INSERT OR REPLACE INTO currency_gross VALUES (?1, ?2)"},
        {&s->drop_rejected, "DELETE FROM rejected_rows WHERE id IN (SELECT id FROM rejected_rows "
                            "ORDER BY id LIMIT ?3) "
                            "AND (id <= ?1 OR arrival_ms < ?2)"},
        {&s->drop_minutes, "DELETE FROM minute_cells WHERE cell IN (SELECT cell FROM minute_cells "
                           "WHERE cell < ?1 ORDER BY cell LIMIT ?2)"},
        {&s->drop_hours, "DELETE FROM hour_cells WHERE cell IN (SELECT cell FROM hour_cells "
                         "WHERE cell < ?1 ORDER BY cell LIMIT ?2)"},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (!sqlite_prepare(s->db, all[i].sql, all[i].stmt, err)) {
            return false;
        }
    }
    return true;
}

static bool read_gross(struct sqlite_store *s, struct error *err) {
    memset(s->gross_e4, 0, N_CURRENCIES * sizeof *s->gross_e4);
    memset(s->gross_is_dirty, 0, N_CURRENCIES * sizeof *s->gross_is_dirty);
    s->n_gross_dirty = 0;
    sqlite3_stmt *stmt = NULL;
    if (!sqlite_prepare(s->db, "SELECT currency, gross_e4 FROM currency_gross", &stmt, err)) {
        return false;
    }
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct text name = sqlite_column_text(stmt, 0);
        if (name.len == 3) {
            s->gross_e4[currency_number(name.at)] = sqlite3_column_int64(stmt, 1);
        }
    }
    if (rc != SQLITE_DONE) {
        sqlite_failed(s->db, "reading the sums of currencies", err);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE;
}

// Everything kept in memory, from the file; and that the file agrees with itself: positions are
// without gaps, so their highest must be the number of accepted events.
static bool read_memory(struct sqlite_store *s, struct error *err) {
    int64_t n_orders, n_adjustments, last_rejected;
    if (!sqlite_state_read(s->db, &s->state, err) ||
        !sqlite_int(s->db, "SELECT max(position) FROM order_rows", 0, &n_orders, err) ||
        !sqlite_int(s->db, "SELECT max(position) FROM adjustment_rows", 0, &n_adjustments, err) ||
        !sqlite_int(s->db, "SELECT max(id) FROM rejected_rows", 0, &last_rejected, err) ||
        !read_gross(s, err)) {
        return false;
    }
    if (n_orders + n_adjustments != s->state.counts.accepted) {
        return error_set(err, ERROR_FATAL,
                         "the database is damaged: %lld orders and %lld adjustments are stored but "
                         "%lld events were accepted; restore it from a copy",
                         (long long)n_orders, (long long)n_adjustments,
                         (long long)s->state.counts.accepted);
    }
    s->next_order = n_orders + 1;
    s->next_adjustment = n_adjustments + 1;
    // An id is never used twice, also when the newest rejected row is gone.
    s->next_rejected =
        (last_rejected > s->state.counts.rejected ? last_rejected : s->state.counts.rejected) + 1;
    s->next = s->state;
    return true;
}

static int remember_wal_pages(void *user, sqlite3 *db, const char *name, int n_pages) {
    UNUSED(db);
    UNUSED(name);
    ((struct sqlite_store *)user)->wal_pages = n_pages;
    return SQLITE_OK;
}

// Everything in the write-ahead log into the database file, with its fsync. A reader of an old
// snapshot is in the way: at the first start that is fine, after a failure it is not.
static bool make_durable(struct sqlite_store *s, bool after_failure, struct error *err) {
    int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_FULL, NULL, NULL);
    if (rc == SQLITE_OK || (rc == SQLITE_BUSY && !after_failure)) {
        return true;
    }
    sqlite_failed(s->db, "moving the write-ahead log into the database", err);
    return false;
}

static bool open_connections(struct sqlite_store *s, struct store_settings *settings,
                             bool after_failure, struct error *err) {
    if (!sqlite_connect(s->directory, s->vfs, SQLITE_WRITER, &s->db, err)) {
        return false;
    }
    sqlite3_wal_hook(s->db, remember_wal_pages, s);
    if (!sqlite_schema_prepare(s->db, settings, err)) {
        return false;
    }
    if (!make_durable(s, after_failure, err)) { // before anything else is answered
        return false;
    }
    if (!read_memory(s, err) || !pending_register(s->db, &s->pending, err) ||
        !prepare_all(s, err)) {
        return false;
    }
    s->cells = sqlite_cells_new(s->db, "main", err);
    struct order_index *index = s->cells == NULL ? NULL
                                                 : order_index_open(s->db, s->directory, s->vfs,
                                                                    s->state.indexed_below, err);
    if (index == NULL) {
        return false;
    }
    pthread_rwlock_wrlock(&s->index_lock);
    s->index = index;
    pthread_rwlock_unlock(&s->index_lock);
    s->checkpointer = checkpointer_start(s->directory, s->vfs, err);
    return s->checkpointer != NULL;
}

// --- A batch

static enum store_result store_begin(struct store *base, struct error *err) {
    struct sqlite_store *s = of(base);
    s->next = s->state;
    s->pending.n = 0;
    s->first_pending = s->next_order;
    return sqlite_do(s->begin) ? STORE_OK : sqlite_failed(s->db, "beginning a batch", err);
}

static void store_prefetch(struct store *base, const struct order *o) {
    if (o->kind == ORDER_PLACED) {
        order_index_prefetch(of(base)->index, order_index_slot(o->order_id));
    }
}

// Reads the row of a prepared and bound SELECT into s->found.
static enum store_result read_found(struct sqlite_store *s, sqlite3_stmt *select,
                                    enum order_kind kind, struct stored_event *out, bool *found,
                                    struct error *err) {
    arena_reset(&s->found);
    int rc = sqlite3_step(select);
    *found = rc == SQLITE_ROW;
    enum store_result result = STORE_OK;
    if (rc == SQLITE_ROW && !row_read(select, kind, &s->found, out)) {
        error_set(err, ERROR_RETRIABLE, "out of memory while reading an order");
        result = STORE_RETRY;
    } else if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        result = sqlite_failed(s->db, "looking up an order", err);
    }
    sqlite3_reset(select);
    return result;
}

// The order at a position: of this batch, or stored.
static enum store_result read_position(struct sqlite_store *s, int64_t position,
                                       struct stored_event *out, struct error *err) {
    if (position >= s->first_pending) {
        const struct pending_order *row = &s->pending.at[position - s->first_pending];
        *out = (struct stored_event){row->order, row->arrival_ms, position};
        return STORE_OK;
    }
    bool found;
    sqlite3_bind_int64(s->get_order, 1, position);
    enum store_result result = read_found(s, s->get_order, ORDER_PLACED, out, &found, err);
    if (result == STORE_OK && !found) {
        error_set(err, ERROR_FATAL,
                  "the database is damaged: order_index knows row %lld, order_rows does not; "
                  "restore it from a copy",
                  (long long)position);
        return STORE_ERROR;
    }
    return result;
}

static enum store_result find_order(struct sqlite_store *s, struct ident order_id,
                                    struct stored_event *out, bool *found, struct error *err) {
    int64_t slot = order_index_slot(order_id);
    *found = false;
    for (;;) {
        int64_t position;
        enum store_result result = order_index_find(s->index, slot, &position, err);
        if (result != STORE_OK || position == 0) {
            s->free_slot = slot;
            return result;
        }
        result = read_position(s, position, out, err);
        if (result != STORE_OK) {
            return result;
        }
        if (ident_equal(out->order.order_id, order_id)) {
            *found = true;
            return STORE_OK;
        }
        if (slot >= 0) { // an integer has one slot
            error_set(err, ERROR_FATAL,
                      "the database is damaged: row %lld of order_rows is not the order that "
                      "order_index knows there; restore it from a copy",
                      (long long)position);
            return STORE_ERROR;
        }
        slot = order_index_next_slot(slot); // another text with the same hash
    }
}

static enum store_result store_find(struct store *base, struct ident order_id, enum order_kind kind,
                                    struct text event_id, struct stored_event *out, bool *found,
                                    struct error *err) {
    struct sqlite_store *s = of(base);
    if (kind == ORDER_PLACED) {
        return find_order(s, order_id, out, found, err);
    }
    sqlite_bind_ident(s->get_adjustment, 1, order_id);
    sqlite3_bind_int(s->get_adjustment, 2, (int)kind);
    sqlite_bind_text(s->get_adjustment, 3, event_id.at != NULL ? event_id : TEXT_LIT(""));
    return read_found(s, s->get_adjustment, kind, out, found, err);
}

static enum store_result store_add(struct store *base, const struct order *o,
                                   struct cube_dim *group, int64_t arrival_ms, struct error *err) {
    struct sqlite_store *s = of(base);
    enum store_result result = sqlite_group_id(s->cells, group, err);
    if (result != STORE_OK) {
        return result;
    }
    raise_gross(s, o);
    if (o->kind == ORDER_PLACED) {
        if (!pending_add(&s->pending, o, group->store_id, arrival_ms)) {
            error_set(err, ERROR_RETRIABLE, "out of memory for a batch of orders");
            return STORE_RETRY;
        }
        return order_index_add(s->index, s->free_slot, s->next_order++, err);
    }
    adjustment_bind(s->add_adjustment, o, s->next_adjustment++, group->store_id, arrival_ms);
    return sqlite_do(s->add_adjustment) ? STORE_OK
                                        : sqlite_failed(s->db, "storing an adjustment", err);
}

static enum store_result store_add_rejected(struct store *base, const struct event *e,
                                            int64_t arrival_ms, struct error *err) {
    struct sqlite_store *s = of(base);
    sqlite3_stmt *stmt = s->add_rejected;
    size_t kept =
        e->raw.len < ORDER_REJECTED_TEXT_MAX_BYTES ? e->raw.len : ORDER_REJECTED_TEXT_MAX_BYTES;
    sqlite3_bind_int64(stmt, 1, s->next_rejected++);
    sqlite3_bind_int64(stmt, 2, arrival_ms);
    sqlite_bind_text(stmt, 3, text_of(e->why->field));
    sqlite_bind_text(stmt, 4, text_of(e->why->code));
    sqlite_bind_text(stmt, 5, text_of(e->why->message));
    sqlite3_bind_blob(stmt, 6, e->raw.at != NULL ? e->raw.at : "", (int)kept, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 7, (int64_t)e->raw.len);
    return sqlite_do(stmt) ? STORE_OK : sqlite_failed(s->db, "storing a rejected event", err);
}

static void store_floors(struct store *base, int64_t arrival_ms, int32_t *minute_floor,
                         int32_t *hour_floor) {
    struct sqlite_store *s = of(base);
    int32_t minute = (int32_t)(arrival_ms / 60000) - MINUTES_KEPT;
    int32_t hour = (int32_t)(arrival_ms / 3600000) - HOURS_KEPT;
    if (minute > s->next.minute_floor) {
        s->next.minute_floor = minute;
        s->drop_more = true;
    }
    if (hour > s->next.hour_floor) {
        s->next.hour_floor = hour;
        s->drop_more = true;
    }
    *minute_floor = s->next.minute_floor;
    *hour_floor = s->next.hour_floor;
}

// --- Commit

// Drops what is past its retention, a bounded step a commit, so that none takes long.
static bool drop_old(struct sqlite_store *s, struct batch_summary *batch) {
    if (s->drop_more) {
        sqlite3_bind_int64(s->drop_minutes, 1, cell_key(s->next.minute_floor, 0));
        sqlite3_bind_int(s->drop_minutes, 2, DROP_STEP);
        sqlite3_bind_int64(s->drop_hours, 1, cell_key(s->next.hour_floor, 0));
        sqlite3_bind_int(s->drop_hours, 2, DROP_STEP);
        if (!sqlite_do(s->drop_minutes)) {
            return false;
        }
        s->drop_more = sqlite3_changes64(s->db) == DROP_STEP;
        if (!sqlite_do(s->drop_hours)) {
            return false;
        }
        s->drop_more = s->drop_more || sqlite3_changes64(s->db) == DROP_STEP;
    }
    if (batch->counts.rejected > 0) {
        sqlite3_bind_int64(s->drop_rejected, 1, s->next_rejected - 1 - REJECTED_KEPT);
        sqlite3_bind_int64(s->drop_rejected, 2, batch->committed_ms - REJECTED_KEPT_MS);
        sqlite3_bind_int64(s->drop_rejected, 3, batch->counts.rejected * 2 + 16);
        if (!sqlite_do(s->drop_rejected)) {
            return false;
        }
        s->next.counts.rejected_expired += sqlite3_changes64(s->db);
    }
    sqlite3_bind_int64(s->drop_batch, 1, batch->batch_id - BATCHES_KEPT);
    return sqlite_do(s->drop_batch);
}

static void count_batch(struct sqlite_store *s, struct batch_summary *batch) {
    struct store_counts *c = &s->next.counts;
    c->received += batch->counts.received;
    c->accepted += batch->counts.accepted;
    c->duplicate += batch->counts.duplicate;
    c->rejected += batch->counts.rejected;
    for (int i = 0; i < ORDER_WARNING_KINDS; i++) {
        c->warnings[i] += batch->counts.warnings[i];
    }
    batch->batch_id = ++s->next.last_batch_id;
}

static bool write_state(struct sqlite_store *s) {
    const struct pipeline_state *n = &s->next;
    sqlite3_bind_int64(s->put_state, 1, n->counts.received);
    sqlite3_bind_int64(s->put_state, 2, n->counts.accepted);
    sqlite3_bind_int64(s->put_state, 3, n->counts.duplicate);
    sqlite3_bind_int64(s->put_state, 4, n->counts.rejected);
    sqlite3_bind_int64(s->put_state, 5, n->counts.rejected_expired);
    for (int i = 0; i < ORDER_WARNING_KINDS; i++) {
        sqlite3_bind_int64(s->put_state, 6 + i, n->counts.warnings[i]);
    }
    sqlite3_bind_int64(s->put_state, 11, n->last_batch_id);
    sqlite3_bind_int(s->put_state, 12, n->minute_floor);
    sqlite3_bind_int(s->put_state, 13, n->hour_floor);
    sqlite3_bind_int64(s->put_state, 14, n->indexed_below);
    sqlite3_bind_int64(s->put_position, 1, n->counts.received);
    return sqlite_do(s->put_state) && sqlite_do(s->put_position);
}

static bool write_batch(struct sqlite_store *s, const struct batch_summary *batch) {
    sqlite3_bind_int64(s->put_batch, 1, batch->batch_id);
    sqlite3_bind_int64(s->put_batch, 2, batch->committed_ms);
    sqlite3_bind_int64(s->put_batch, 3, batch->counts.received);
    sqlite3_bind_int64(s->put_batch, 4, batch->counts.accepted);
    sqlite3_bind_int64(s->put_batch, 5, batch->counts.duplicate);
    sqlite3_bind_int64(s->put_batch, 6, batch->counts.rejected);
    return sqlite_do(s->put_batch);
}

static bool write_gross(struct sqlite_store *s) {
    while (s->n_gross_dirty > 0) {
        int32_t number = s->gross_dirty[--s->n_gross_dirty];
        char name[4];
        currency_name(number, name);
        s->gross_is_dirty[number] = false;
        sqlite3_bind_text(s->put_gross, 1, name, 3, SQLITE_STATIC);
        sqlite3_bind_int64(s->put_gross, 2, s->gross_e4[number]);
        if (!sqlite_do(s->put_gross)) {
            return false;
        }
    }
    return true;
}

// The write-ahead log is long and the checkpoint thread is idle: copy the short rest, so that the
// next commit starts the file over. Not being able to is no failure of the batch, which is durable.
static void help_checkpoint(struct sqlite_store *s) {
    int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc != SQLITE_OK && rc != SQLITE_BUSY) {
        struct error err;
        sqlite_failed(s->db, "moving the write-ahead log into the database", &err);
        log_warn("store", "%s", err.text);
    }
}

static enum store_result store_commit(struct store *base, struct cube *cube,
                                      struct batch_summary *batch, struct error *err) {
    struct sqlite_store *s = of(base);
    if (s->pending.n > 0 && !sqlite_do(s->add_orders)) {
        return sqlite_failed(s->db, "storing orders", err);
    }
    fault_point("store-after-rows");
    enum store_result result = sqlite_cells_apply(s->cells, cube, err);
    if (result != STORE_OK) {
        return result;
    }
    fault_point("store-after-cells");
    result = order_index_drain(s->index, &s->next.indexed_below, err);
    if (result != STORE_OK) {
        return result;
    }
    count_batch(s, batch);
    if (!write_batch(s, batch) || !drop_old(s, batch) || !write_gross(s) || !write_state(s)) {
        return sqlite_failed(s->db, "closing a batch", err);
    }
    fault_point("store-before-commit");
    if (!sqlite_do(s->commit)) {
        return sqlite_failed(s->db, "committing a batch", err);
    }
    fault_point("store-after-commit");
    s->state = s->next;
    if (checkpointer_notify(s->checkpointer, s->wal_pages)) {
        help_checkpoint(s);
    }
    return STORE_OK;
}

static void store_rollback(struct store *base) {
    struct sqlite_store *s = of(base);
    // What is in memory is ahead of the file now: the store is down until reopen.
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    close_connections(s);
}

static enum store_result store_reopen(struct store *base, struct error *err) {
    struct sqlite_store *s = of(base);
    close_connections(s);
    struct store_settings settings = {0}; // whatever is in force
    if (open_connections(s, &settings, true, err)) {
        return STORE_OK;
    }
    close_connections(s);
    return err->cls == ERROR_RETRIABLE ? STORE_RETRY : STORE_ERROR;
}

static void store_counts(struct store *base, struct store_counts *out) {
    *out = of(base)->state.counts;
}

int64_t sqlite_store_find_waiting(struct store *writer, int64_t slot) {
    struct sqlite_store *s = of(writer);
    pthread_rwlock_rdlock(&s->index_lock);
    int64_t position = s->index != NULL ? order_index_find_waiting(s->index, slot) : 0;
    pthread_rwlock_unlock(&s->index_lock);
    return position;
}

// --- Life

// Orderly end: all ids into the table, so that the next start has nothing to read back.
static void finish_index(struct sqlite_store *s) {
    struct error err;
    s->next = s->state;
    bool ok = sqlite_do(s->begin) &&
              order_index_drain_all(s->index, &s->next.indexed_below, &err) == STORE_OK &&
              write_state(s) && sqlite_do(s->commit);
    if (!ok) {
        log_warn("store",
                 "order ids could not be indexed at the end: the next start reads them back");
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
}

static void free_store(struct sqlite_store *s) {
    if (s->lock_fd >= 0) {
        close(s->lock_fd);
    }
    pthread_rwlock_destroy(&s->index_lock);
    arena_free(&s->found);
    pending_free(&s->pending);
    free(s->gross_e4);
    free(s->gross_dirty);
    free(s->gross_is_dirty);
    free(s->directory);
    free(s->vfs);
    free(s);
}

static void store_close(struct store *base) {
    struct sqlite_store *s = of(base);
    if (s->index != NULL) {
        finish_index(s);
    }
    close_connections(s); // the last connection to close moves the WAL into the file
    free_store(s);
}

static bool make_directory(const char *directory, struct error *err) {
    if (mkdir(directory, 0777) != 0 && errno != EEXIST) {
        return error_set(err, ERROR_USAGE, "cannot make the data directory %s: %s", directory,
                         strerror(errno));
    }
    return true;
}

// One writer: an advisory lock that the kernel gives back however the process ends.
static bool lock_directory(struct sqlite_store *s, struct error *err) {
    char path[4096];
    snprintf(path, sizeof path, "%s/lock", s->directory);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (s->lock_fd < 0) {
        return error_set(err, ERROR_USAGE, "cannot write to the data directory %s: %s",
                         s->directory, strerror(errno));
    }
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return error_set(err, ERROR_USAGE,
                         "another salestide process writes to %s: stop it, or take another --data "
                         "(to load orders into a running server use --to)",
                         s->directory);
    }
    return true;
}

static const struct store_ops sqlite_store_ops = {
    .name = "sqlite",
    .begin = store_begin,
    .prefetch = store_prefetch,
    .find = store_find,
    .add = store_add,
    .add_rejected = store_add_rejected,
    .fits = store_fits,
    .floors = store_floors,
    .commit = store_commit,
    .rollback = store_rollback,
    .reopen = store_reopen,
    .counts = store_counts,
    .close = store_close,
};

static struct sqlite_store *new_store(const struct sqlite_options *options) {
    struct sqlite_store *s = mem_zalloc(1, sizeof *s);
    s->base.ops = &sqlite_store_ops;
    s->directory = mem_strndup(options->directory, strlen(options->directory));
    s->vfs = options->vfs != NULL ? mem_strndup(options->vfs, strlen(options->vfs)) : NULL;
    s->clock = options->clock;
    s->lock_fd = -1;
    s->gross_e4 = mem_zalloc(N_CURRENCIES, sizeof *s->gross_e4);
    s->gross_dirty = mem_zalloc(N_CURRENCIES, sizeof *s->gross_dirty);
    s->gross_is_dirty = mem_zalloc(N_CURRENCIES, sizeof *s->gross_is_dirty);
    // Writers must not starve behind readers: they hold the lock for a look-up only.
    pthread_rwlock_init(&s->index_lock, NULL);
    return s;
}

bool sqlite_store_open(const struct sqlite_options *options, struct store **out,
                       struct store_settings *settings_out, struct error *err) {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); // has no effect after the first connection
    struct sqlite_store *s = new_store(options);
    *settings_out = options->settings;
    if (!make_directory(s->directory, err) || !lock_directory(s, err) ||
        !open_connections(s, settings_out, false, err)) {
        close_connections(s);
        free_store(s);
        return false;
    }
    *out = &s->base;
    return true;
}

void sqlite_store_sizes(const char *directory, int64_t *db_bytes, int64_t *wal_bytes) {
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/sales.db", directory);
    *db_bytes = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
    snprintf(path, sizeof path, "%s/sales.db-wal", directory);
    *wal_bytes = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}
