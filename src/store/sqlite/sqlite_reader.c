// SPDX-License-Identifier: MIT
// Reading the embedded store: each reader is a connection of its own, so it sees one consistent
// snapshot a statement (or from begin to end) and never waits for the writer.
//
// Time-outs: a progress handler interrupts a statement that runs past its deadline; the answer is
// then an error of class ERROR_RETRIABLE that says so. Amounts are sums of 64-bit integers that the
// writer's guard keeps from overflowing.
#include "base/log.h"
#include "base/mem.h"
#include "store/sqlite/sqlite_rows.h"
#include "store/sqlite/sqlite_sales.h"
#include "store/sqlite/sqlite_store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PROGRESS_STEPS = 20000 };

struct sqlite_reader {
    struct sales_reader base;
    sqlite3 *db;
    struct store *writer;         // or NULL
    struct raw_opener raw_opener; // of a file of aggregates alone
    struct raw_reader *raw;       // NULL: not opened yet, or failed
    int64_t timeout_ns, deadline_ns;
    struct order_lookup ids;
    sqlite3_stmt *order, *order_after_index, *adjustments, *recent, *recent_changes;
    sqlite3_stmt *rejected, *rejected_codes, *batch_committed;
    struct sqlite_sales sales;
};

static struct sqlite_reader *sqlite_reader_of(struct sales_reader *r) {
    return (struct sqlite_reader *)r;
}

static int64_t monotonic_ns(void) {
    return clock_monotonic_ns(clock_system());
}

static int past_deadline(void *user) {
    const struct sqlite_reader *r = user;
    return monotonic_ns() > r->deadline_ns;
}

static void start_clock(struct sqlite_reader *r) {
    r->deadline_ns = monotonic_ns() + r->timeout_ns;
}

static bool sqlite_reader_failed(struct sqlite_reader *r, const char *doing, struct error *err) {
    if ((sqlite3_errcode(r->db) & 0xFF) == SQLITE_INTERRUPT) {
        return error_set(err, ERROR_RETRIABLE,
                         "%s took longer than %lld ms: ask for less (a shorter time range)", doing,
                         (long long)(r->timeout_ns / 1000000));
    }
    sqlite_failed(r->db, doing, err);
    return false;
}

// --- Orders

// Steps through raw events; *n counts them.
static bool each_event(struct sqlite_reader *r, sqlite3_stmt *stmt, enum order_kind kind,
                       stored_event_fn each, void *user, int64_t *n, struct error *err) {
    int rc;
    bool go_on = true;
    while (go_on && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct stored_event event;
        if (!row_read(stmt, kind, NULL, &event)) {
            sqlite3_reset(stmt);
            return error_set(err, ERROR_RETRIABLE, "out of memory while reading an order");
        }
        (*n)++;
        go_on = each(user, &event);
    }
    bool ok = !go_on || rc == SQLITE_DONE;
    if (!ok) {
        sqlite_reader_failed(r, "reading orders", err);
    }
    sqlite3_reset(stmt);
    return ok;
}

static bool find_in_runs(struct sqlite_reader *r, int64_t slot, int64_t *position,
                         struct error *err) {
    bool ok = order_lookup_find(&r->ids, slot, position, err) == STORE_OK;
    if (!ok && (sqlite3_errcode(r->db) & 0xFF) == SQLITE_INTERRUPT) {
        sqlite_reader_failed(r, "looking up an order", err);
    }
    return ok;
}

struct wanted {
    struct ident order_id;
    stored_event_fn each;
    void *user;
    bool found, stopped;  // stopped: the caller has enough
    bool waiting_unknown; // nobody tells which ids are in no run yet
};

static bool pass_on(void *user, const struct stored_event *event) {
    struct wanted *w = user;
    w->found = true;
    w->stopped = !w->each(w->user, event);
    return !w->stopped;
}

static bool pass_if_wanted(void *user, const struct stored_event *event) {
    struct wanted *w = user;
    if (!ident_equal(event->order.order_id, w->order_id)) {
        return true;
    }
    pass_on(w, event);
    return false;
}

// Follows the slots of the id until a free one; the writer knows those that are in no run yet.
static bool find_placed(struct sqlite_reader *r, struct wanted *w, struct error *err) {
    int64_t slot = order_index_slot(w->order_id);
    while (!w->found) {
        int64_t position = r->writer != NULL ? sqlite_store_find_waiting(r->writer, slot) : -1;
        w->waiting_unknown = w->waiting_unknown || position < 0;
        position = position < 0 ? 0 : position;
        if (position == 0 && !find_in_runs(r, slot, &position, err)) {
            return false;
        }
        if (position == 0) {
            return true;
        }
        int64_t n = 0;
        sqlite3_bind_int64(r->order, 1, position);
        if (!each_event(r, r->order, ORDER_PLACED, pass_if_wanted, w, &n, err)) {
            return false;
        }
        if (slot >= 0) { // an integer has one slot; its row may not be committed yet
            return true;
        }
        slot = order_index_next_slot(slot);
    }
    return true;
}

static bool order_then_adjustments(struct sqlite_reader *r, struct wanted *w, struct error *err) {
    int64_t n = 0;
    if (!find_placed(r, w, err)) {
        return false;
    }
    if (!w->found && w->waiting_unknown) { // the rows that may not be indexed
        sqlite_bind_ident(r->order_after_index, 1, w->order_id);
        if (!each_event(r, r->order_after_index, ORDER_PLACED, pass_on, w, &n, err)) {
            return false;
        }
    }
    if (w->stopped) {
        return true;
    }
    sqlite_bind_ident(r->adjustments, 1, w->order_id);
    return each_event(r, r->adjustments, ORDER_CANCELLED, pass_on, w, &n, err);
}

static bool reader_order(struct sales_reader *base, struct ident order_id, stored_event_fn each,
                         void *user, struct error *err) {
    struct sqlite_reader *r = sqlite_reader_of(base);
    start_clock(r);
    order_lookup_forget(&r->ids);
    // One snapshot: between two, an id may move from the rows not indexed into the index. One that
    // was begun before may be older than what the writer no longer holds in memory.
    bool own = sqlite3_get_autocommit(r->db) != 0;
    struct wanted w = {order_id, each, user, .waiting_unknown = !own};
    if (own && !sqlite_run(r->db, "BEGIN", err)) {
        return false;
    }
    bool ok = order_then_adjustments(r, &w, err);
    if (own) {
        sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return ok;
}

static bool reader_order_elsewhere(struct sales_reader *base, struct ident order_id,
                                   stored_event_fn each, void *user, struct error *err) {
    struct sqlite_reader *r = sqlite_reader_of(base);
    if (r->raw == NULL && !r->raw_opener.open(r->raw_opener.user, &r->raw, err)) {
        r->raw = NULL;
        return false;
    }
    if (r->raw->ops->order(r->raw, order_id, each, user, err)) {
        return true;
    }
    r->raw->ops->close(r->raw); // the next question opens another
    r->raw = NULL;
    return false;
}

static bool reader_recent(struct sales_reader *base, int64_t after_position, int64_t limit,
                          stored_event_fn each, void *user, struct error *err) {
    struct sqlite_reader *r = sqlite_reader_of(base);
    int64_t n = 0;
    start_clock(r);
    sqlite3_bind_int64(r->recent, 1, after_position);
    sqlite3_bind_int64(r->recent, 2, limit);
    return each_event(r, r->recent, ORDER_PLACED, each, user, &n, err);
}

// --- Sales

static bool reader_sales(struct sales_reader *base, const struct sales_query *q, sales_row_fn each,
                         void *user, struct error *err) {
    struct sqlite_reader *r = sqlite_reader_of(base);
    bool failed;
    start_clock(r);
    if (q->deadline_ns != 0 && q->deadline_ns < r->deadline_ns) {
        r->deadline_ns = q->deadline_ns;
    }
    return sqlite_sales_ask(&r->sales, r->db, q, each, user, &failed, err) ||
           (failed && sqlite_reader_failed(r, "adding up sales", err));
}

static bool reader_day_changes(struct sales_reader *base, int32_t from, int32_t to,
                               day_change_fn each, void *user, bool *complete, struct error *err) {
    struct sqlite_reader *r = sqlite_reader_of(base);
    bool failed;
    start_clock(r);
    return sqlite_sales_day_changes(&r->sales, r->db, from, to, each, user, complete, &failed,
                                    err) ||
           (failed && sqlite_reader_failed(r, "reading which days have changed", err));
}

static bool reader_recent_changes(struct sales_reader *base, int64_t after_position, int64_t limit,
                                  stored_event_fn each, void *user, bool *kept, struct error *err) {
    struct sqlite_reader *r = sqlite_reader_of(base);
    int64_t n = 0;
    *kept = true;
    start_clock(r);
    sqlite3_bind_int64(r->recent_changes, 1, after_position);
    sqlite3_bind_int64(r->recent_changes, 2, limit);
    return each_event(r, r->recent_changes, ORDER_CANCELLED, each, user, &n, err);
}

// --- The rest

static bool reader_rejected_codes(struct sales_reader *base, int64_t newest, rejected_code_fn each,
                                  void *user, struct error *err) {
    struct sqlite_reader *r = sqlite_reader_of(base);
    int rc = SQLITE_DONE;
    bool go_on = true;
    start_clock(r);
    sqlite3_bind_int64(r->rejected_codes, 1, newest);
    while (go_on && (rc = sqlite3_step(r->rejected_codes)) == SQLITE_ROW) {
        go_on = each(user, sqlite_column_text(r->rejected_codes, 0),
                     sqlite3_column_int64(r->rejected_codes, 1));
    }
    bool ok =
        !go_on || rc == SQLITE_DONE || sqlite_reader_failed(r, "counting rejected events", err);
    sqlite3_reset(r->rejected_codes);
    return ok;
}

static bool reader_rejected(struct sales_reader *base, int64_t before_id, int64_t limit,
                            rejected_row_fn each, void *user, struct error *err) {
    struct sqlite_reader *r = sqlite_reader_of(base);
    start_clock(r);
    sqlite3_bind_int64(r->rejected, 1, before_id);
    sqlite3_bind_int64(r->rejected, 2, limit);
    int rc = SQLITE_DONE;
    bool go_on = true;
    while (go_on && (rc = sqlite3_step(r->rejected)) == SQLITE_ROW) {
        struct rejected_row row = {.id = sqlite3_column_int64(r->rejected, 0),
                                   .arrival_ms = sqlite3_column_int64(r->rejected, 1),
                                   .field = sqlite_column_text(r->rejected, 2),
                                   .code = sqlite_column_text(r->rejected, 3),
                                   .message = sqlite_column_text(r->rejected, 4),
                                   .raw = sqlite_column_text(r->rejected, 5)};
        row.raw_bytes = sqlite3_column_int64(r->rejected, 6);
        row.raw_cut = row.raw_bytes > (int64_t)row.raw.len;
        row.retried_ms = sqlite3_column_int64(r->rejected, 7);
        row.retried_verdict = sqlite_column_text(r->rejected, 8);
        row.sent_hash = (uint64_t)sqlite3_column_int64(r->rejected, 9);
        go_on = each(user, &row);
    }
    bool ok =
        !go_on || rc == SQLITE_DONE || sqlite_reader_failed(r, "reading rejected events", err);
    sqlite3_reset(r->rejected);
    return ok;
}

static bool reader_counts(struct sales_reader *base, struct store_counts *counts,
                          int64_t *last_batch_id, struct error *err) {
    struct sqlite_reader *r = sqlite_reader_of(base);
    struct pipeline_state state;
    start_clock(r);
    if (!sqlite_state_read(r->db, &state, err)) {
        return false;
    }
    *counts = state.counts;
    *last_batch_id = state.last_batch_id;
    return true;
}

static bool reader_batch_committed(struct sales_reader *base, int64_t batch_id,
                                   int64_t *committed_ms, struct error *err) {
    struct sqlite_reader *r = sqlite_reader_of(base);
    start_clock(r);
    sqlite3_bind_int64(r->batch_committed, 1, batch_id);
    int rc = sqlite3_step(r->batch_committed);
    *committed_ms = rc == SQLITE_ROW ? sqlite3_column_int64(r->batch_committed, 0) : 0;
    bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE ||
              sqlite_reader_failed(r, "reading when a batch was committed", err);
    sqlite3_reset(r->batch_committed);
    return ok;
}

// Not prepared when it is opened: a file of an earlier program may lack a column.
static bool reader_positions(struct sales_reader *base, const char *topic, counted_position_fn each,
                             void *user, struct error *err) {
    struct sqlite_reader *r = sqlite_reader_of(base);
    sqlite3_stmt *s = NULL;
    start_clock(r);
    if (!sqlite_prepare(r->db,
                        "SELECT partition, next_offset, topic_id FROM pipeline_positions "
                        "WHERE next_offset >= 0 AND topic = ?1",
                        &s, err)) {
        return false;
    }
    sqlite3_bind_text(s, 1, topic, -1, SQLITE_STATIC);
    int rc;
    bool go_on = true;
    while (go_on && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        struct counted_position found = {.partition = sqlite3_column_int(s, 0),
                                         .next_offset = sqlite3_column_int64(s, 1),
                                         .topic_id = sqlite_column_text(s, 2)};
        go_on = each(user, &found);
    }
    bool ok = !go_on || rc == SQLITE_DONE ||
              sqlite_reader_failed(r, "reading how far partitions were counted", err);
    sqlite3_finalize(s);
    return ok;
}

static bool reader_floors(struct sales_reader *base, int32_t *minute_floor, int32_t *hour_floor,
                          struct error *err) {
    struct sqlite_reader *r = sqlite_reader_of(base);
    struct pipeline_state state;
    start_clock(r);
    if (!sqlite_state_read(r->db, &state, err)) {
        return false;
    }
    *minute_floor = state.minute_floor;
    *hour_floor = state.hour_floor;
    return true;
}

static bool reader_begin(struct sales_reader *base, struct error *err) {
    start_clock(sqlite_reader_of(base));
    return sqlite_run(sqlite_reader_of(base)->db, "BEGIN", err);
}

static void reader_end(struct sales_reader *base) {
    sqlite3_exec(sqlite_reader_of(base)->db, "ROLLBACK", NULL, NULL, NULL);
}

static void reader_close(struct sales_reader *base) {
    struct sqlite_reader *r = sqlite_reader_of(base);
    if (r->raw != NULL) {
        r->raw->ops->close(r->raw);
    }
    sqlite3_stmt *statements[] = {r->order,          r->order_after_index, r->adjustments,
                                  r->recent,         r->recent_changes,    r->rejected,
                                  r->rejected_codes, r->batch_committed};
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        sqlite3_finalize(statements[i]);
    }
    order_lookup_close(&r->ids);
    sqlite_sales_close(&r->sales);
    sqlite3_close(r->db);
    free(r);
}

static const struct sales_reader_ops sqlite_reader_ops = {
    .order = reader_order,
    .sales = reader_sales,
    .recent = reader_recent,
    .recent_changes = reader_recent_changes,
    .rejected = reader_rejected,
    .rejected_codes = reader_rejected_codes,
    .counts = reader_counts,
    .batch_committed = reader_batch_committed,
    .positions = reader_positions,
    .floors = reader_floors,
    .day_changes = reader_day_changes,
    .begin = reader_begin,
    .end = reader_end,
    .close = reader_close,
};
static const struct sales_reader_ops reader_ops_raw_elsewhere = {
    .order = reader_order_elsewhere,
    .sales = reader_sales,
    .recent = reader_recent,
    .recent_changes = reader_recent_changes,
    .rejected = reader_rejected,
    .rejected_codes = reader_rejected_codes,
    .counts = reader_counts,
    .batch_committed = reader_batch_committed,
    .positions = reader_positions,
    .floors = reader_floors,
    .day_changes = reader_day_changes,
    .begin = reader_begin,
    .end = reader_end,
    .close = reader_close,
};
static const struct sales_reader_ops reader_ops_without_raw = {
    .sales = reader_sales,
    .recent = reader_recent,
    .recent_changes = reader_recent_changes,
    .rejected = reader_rejected,
    .rejected_codes = reader_rejected_codes,
    .counts = reader_counts,
    .batch_committed = reader_batch_committed,
    .positions = reader_positions,
    .floors = reader_floors,
    .day_changes = reader_day_changes,
    .begin = reader_begin,
    .end = reader_end,
    .close = reader_close,
};

// With the newest retry of each; without those that were replaced.
static const char rejected_sql[] =
    "SELECT r.id, arrival_ms, field, code, message, raw, raw_bytes, t.retried_ms, t.verdict, "
    "t.sent_hash FROM rejected_rows r LEFT JOIN rejected_retries t ON t.id = r.id AND "
    "t.retried_ms = (SELECT max(retried_ms) FROM rejected_retries WHERE id = r.id) "
    "WHERE r.id < ?1 AND coalesce(t.verdict, '') <> 'replaced' ORDER BY r.id DESC LIMIT ?2";

static bool sqlite_reader_prepare_all(struct sqlite_reader *r, struct error *err) {
    return order_lookup_open(r->db, &r->ids, err) &&
           sqlite_prepare(r->db, ORDER_SELECT_FROM "WHERE r.rowid = ?1", &r->order, err) &&
           sqlite_prepare(r->db,
                          ORDER_SELECT_FROM "WHERE r.rowid >= (SELECT indexed_below "
                                            "FROM pipeline_state) AND r.order_id = ?1",
                          &r->order_after_index, err) &&
           sqlite_prepare(r->db, ADJUSTMENT_SELECT_FROM "WHERE r.order_id = ?1 ORDER BY r.position",
                          &r->adjustments, err) &&
           sqlite_prepare(r->db,
                          ORDER_SELECT_FROM "WHERE r.rowid > ?1 ORDER BY r.rowid DESC LIMIT ?2",
                          &r->recent, err) &&
           sqlite_prepare(r->db,
                          ADJUSTMENT_SELECT_FROM
                          "WHERE r.position > ?1 ORDER BY r.position DESC LIMIT ?2",
                          &r->recent_changes, err) &&
           sqlite_prepare(r->db,
                          "SELECT code, count(*) FROM (SELECT code FROM rejected_rows ORDER BY id "
                          "DESC LIMIT ?1) GROUP BY code ORDER BY 2 DESC, 1",
                          &r->rejected_codes, err) &&
           sqlite_prepare(r->db, "SELECT committed_ms FROM batch_rows WHERE batch_id = ?1",
                          &r->batch_committed, err) &&
           sqlite_prepare(r->db, rejected_sql, &r->rejected, err);
}

bool sqlite_reader_open(const char *directory, struct store *writer, int timeout_ms,
                        struct sales_reader **out, struct store_settings *settings_out,
                        struct error *err) {
    enum sqlite_holds holds;
    struct sqlite_reader *r = mem_zalloc(1, sizeof *r);
    r->base.ops = &sqlite_reader_ops;
    r->writer = writer;
    r->timeout_ns = (int64_t)timeout_ms * 1000000;
    const char *vfs = writer != NULL ? ((struct sqlite_store *)writer)->sums.vfs : NULL;
    if (!sqlite_connect(directory, vfs, SQLITE_READER, &r->db, err) ||
        !sqlite_settings_read(r->db, settings_out, err) || !sqlite_holds_read(r->db, &holds, err) ||
        !sqlite_reader_prepare_all(r, err)) {
        reader_close(&r->base);
        return false;
    }
    if (holds == SQLITE_HOLDS_SUMS) {
        r->base.ops = &reader_ops_without_raw;
    }
    sqlite3_progress_handler(r->db, PROGRESS_STEPS, past_deadline, r);
    start_clock(r);
    *out = &r->base;
    return true;
}

bool sqlite_reader_set_raw(struct sales_reader *base, struct raw_opener raw, struct error *err) {
    struct sqlite_reader *r = sqlite_reader_of(base);
    r->raw_opener = raw;
    r->base.ops = &reader_ops_raw_elsewhere;
    return sqlite_holds_check(r->db, SQLITE_HOLDS_SUMS, err);
}
