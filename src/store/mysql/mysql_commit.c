// SPDX-License-Identifier: MIT
// Committing a batch: one transaction.
//
// 1. The positions of its partitions are locked in order, compared with what the owner saw, and
//    moved. They are not what it saw: FENCED, nothing is stored.
// 2. Rejected events are inserted, cells are upserted in an order that all instances share.
// 3. pipeline_state is counted up, which locks it until the end: from here on one instance at a
//    time works, so batch ids have the order of commits. Gross sums, the newest events, the batch's
//    row, the projection, and a step of dropping what is past its retention.
// 4. The state is read back, COMMIT.
//
// How it fails: a deadlock or a lock wait that timed out undoes the transaction, which is tried
// again here after a short random pause, up to a limit. A connection that is lost before COMMIT was
// sent has stored nothing (RETRY); lost while committing, only the positions tell (DOUBT).
#include "base/fault.h"
#include "base/log.h"
#include "store/mysql/mysql_newest.h"
#include "store/mysql/mysql_store.h"
#include "store/mysql/mysql_wait.h"
#include "store/store_wait.h"
#include <stdio.h>

enum { ATTEMPTS = 8, ATTEMPTS_MS = 30000 };

struct work {
    struct mysql_aggregates *s;
    const struct aggregates_batch *batch;
    struct batch_summary *summary;
    struct aggregates_state next; // what this transaction leaves
    bool fenced, overflow;
    bool waits;    // for others' locks, on record
    int64_t noted; // s->noted after this
};

// --- 1. Positions

static bool fence(struct work *w, const struct position_move *move, const char *row_says,
                  struct error *err) {
    w->fenced = true;
    return error_set(err, ERROR_FATAL,
                     "partition %d of %s is not ours any more: expected next offset %lld and epoch "
                     "%lld, found %s; nothing was stored",
                     move->partition, w->batch->topic, (long long)move->from,
                     (long long)move->epoch_us, row_says);
}

static bool compare_positions(struct work *w, MYSQL_RES *rows, struct error *err) {
    for (size_t i = 0; i < w->batch->n_moves; i++) {
        const struct position_move *move = &w->batch->moves[i];
        MYSQL_ROW row = mysql_fetch_row(rows);
        if (row == NULL || mysql_column_int(row, 0) != move->partition) {
            return fence(w, move, "no row: somebody has deleted it from pipeline_positions", err);
        }
        int64_t next_offset = mysql_column_int(row, 1), epoch_us = mysql_column_int(row, 2);
        if (next_offset != move->from || epoch_us != move->epoch_us) {
            char found[80];
            snprintf(found, sizeof found, "%lld and %lld", (long long)next_offset,
                     (long long)epoch_us);
            return fence(w, move, found, err);
        }
    }
    return true;
}

static bool lock_positions(struct work *w, struct error *err) {
    struct buf *sql = &w->s->sql;
    buf_put_str(sql, "SELECT `partition`, next_offset, epoch FROM pipeline_positions FORCE INDEX "
                     "(PRIMARY) WHERE topic = ");
    sql_put_text(sql, text_of(w->batch->topic));
    buf_put_str(sql, " AND `partition` IN (");
    for (size_t i = 0; i < w->batch->n_moves; i++) {
        buf_printf(sql, "%s%d", i > 0 ? "," : "", w->batch->moves[i].partition);
    }
    buf_put_str(sql, ") ORDER BY `partition` FOR UPDATE");
    MYSQL_RES *rows = mysql_send_question(w->s->c, sql, "comparing positions", err);
    if (rows == NULL) {
        return false;
    }
    bool ok = compare_positions(w, rows, err);
    mysql_free_result(rows);
    return ok;
}

static bool move_positions(struct work *w, struct error *err) {
    struct mysql_rows rows = {
        .c = w->s->c,
        .sql = &w->s->sql,
        .head = "INSERT INTO pipeline_positions (topic, `partition`, next_offset, epoch, topic_id, "
                "lane, window_offset, window_ms) VALUES ",
        .tail = " ON DUPLICATE KEY UPDATE next_offset = VALUES(next_offset), "
                "window_offset = VALUES(window_offset), window_ms = VALUES(window_ms)",
        .doing = "moving positions",
        .limit_bytes = mysql_rows_limit(w->s->c)};
    for (size_t i = 0; i < w->batch->n_moves; i++) {
        const struct position_move *move = &w->batch->moves[i];
        mysql_row_begin(&rows);
        sql_put_text(rows.sql, text_of(w->batch->topic));
        buf_printf(rows.sql, ",%d,%lld,%lld,'',%d,%lld,%lld", move->partition, (long long)move->to,
                   (long long)move->epoch_us, move->lane, (long long)move->window.offset,
                   (long long)move->window.time_ms);
        if (!mysql_row_end(&rows, err)) {
            return false;
        }
    }
    return mysql_rows_flush(&rows, err);
}

// --- 2. Rejected events; cells are in mysql_cells.c

static struct text first_bytes(struct text t, size_t most) {
    return (struct text){t.at, t.len < most ? t.len : most};
}

static void put_rejected(struct buf *sql, const struct rejected_event *e) {
    struct text raw =
        first_bytes(e->raw.at != NULL ? e->raw : TEXT_LIT(""), ORDER_REJECTED_TEXT_MAX_BYTES);
    buf_put_i64(sql, e->position);
    buf_put_char(sql, ',');
    sql_put_instant(sql, e->arrival_ms);
    buf_put_char(sql, ',');
    sql_put_readable(sql, e->field.at != NULL ? e->field : TEXT_LIT(""));
    buf_put_char(sql, ',');
    sql_put_readable(sql, e->code);
    buf_put_char(sql, ',');
    sql_put_readable(sql, e->message);
    buf_put_char(sql, ',');
    sql_put_readable(sql, raw);
    buf_put_char(sql, ',');
    sql_put_bytes(sql, text_is_utf8(raw) ? TEXT_NONE : raw);
    buf_put_char(sql, ',');
    buf_put_i64(sql, (int64_t)e->raw_bytes);
    buf_put_char(sql, ',');
    sql_put_bytes(sql, first_bytes(e->event_key, 1024));
    buf_put_str(sql, ",'new'");
}

static bool insert_rejected(struct work *w, struct error *err) {
    struct mysql_rows rows = {
        .c = w->s->c,
        .sql = &w->s->sql,
        .head = "INSERT INTO rejected_events (position, arrived_at, field, code, message, event, "
                "event_raw, event_bytes, event_key, status) VALUES ",
        .tail = "",
        .doing = "storing rejected events",
        .limit_bytes = mysql_rows_limit(w->s->c)};
    for (size_t i = 0; i < w->batch->n_rejected; i++) {
        mysql_row_begin(&rows);
        put_rejected(rows.sql, &w->batch->rejected[i]);
        if (!mysql_row_end(&rows, err)) {
            return false;
        }
    }
    return mysql_rows_flush(&rows, err);
}

// Those that leave no identity; what the batch's moves have left behind goes.
static bool insert_refused(struct work *w, struct error *err) {
    struct mysql_rows rows = {.c = w->s->c,
                              .sql = &w->s->sql,
                              .head =
                                  "INSERT IGNORE INTO pipeline_refused (lane, `offset`) VALUES ",
                              .tail = "",
                              .doing = "storing rejected events",
                              .limit_bytes = mysql_rows_limit(w->s->c)};
    bool any = false;
    for (size_t i = 0; i < w->batch->n_rejected; i++) {
        const struct rejected_event *e = &w->batch->rejected[i];
        if (!e->refused) {
            continue;
        }
        any = true;
        mysql_row_begin(&rows);
        buf_printf(rows.sql, "%d,%lld", log_position_lane(e->position),
                   (long long)log_position_offset(e->position));
        if (!mysql_row_end(&rows, err)) {
            return false;
        }
    }
    bool ok = mysql_rows_flush(&rows, err);
    for (size_t i = 0; ok && any && i < w->batch->n_moves; i++) {
        const struct position_move *move = &w->batch->moves[i];
        buf_printf(&w->s->sql, "DELETE FROM pipeline_refused WHERE lane = %d AND `offset` < %lld",
                   move->lane, (long long)move->window.offset);
        ok = mysql_send(w->s->c, &w->s->sql, "dropping old rejected events", err);
    }
    return ok;
}

// --- 3. What only one instance at a time does

static bool insert_batch(struct work *w, struct error *err) {
    const struct batch_summary *b = w->summary;
    struct buf *sql = &w->s->sql;
    buf_printf(sql,
               "INSERT INTO pipeline_batches (batch_id, committed_at, received, accepted, "
               "duplicate, rejected, minute_min, minute_max) VALUES (%lld, ",
               (long long)b->batch_id);
    sql_put_instant(sql, b->committed_ms);
    buf_printf(sql, ", %lld, %lld, %lld, %lld, ", (long long)b->counts.received,
               (long long)b->counts.accepted, (long long)b->counts.duplicate,
               (long long)b->counts.rejected);
    if (b->minute_min <= b->minute_max) {
        buf_printf(sql, "%d, %d)", b->minute_min, b->minute_max);
    } else {
        buf_put_str(sql, "NULL, NULL)");
    }
    return mysql_send(w->s->c, sql, "storing a batch", err);
}

static bool count_and_project(struct work *w, struct error *err) {
    struct mysql_aggregates *s = w->s;
    int64_t n_expired;
    if (!mysql_state_count(s, w->batch, w->summary, err) ||
        !mysql_state_read(s->c, &w->next, err)) {
        return false;
    }
    w->summary->batch_id = w->next.last_batch_id;
    if (w->next.minute_floor > s->state.minute_floor || w->next.hour_floor > s->state.hour_floor) {
        s->drop_more = true;
    }
    if (!mysql_gross_add(s, w->batch, &w->overflow, err) ||
        !mysql_newest_put(s->c, w->batch, &s->sql, err) || !insert_batch(w, err) ||
        !mysql_note_days(s, w->summary, w->next.counts.accepted, &w->noted, err) ||
        !projection_set(s->projection, s->c, s->cells, w->batch->cube, w->summary, &s->sql, err) ||
        !mysql_drop_old(s, &w->next, w->summary, &n_expired, err)) {
        return false;
    }
    w->next.counts.rejected_expired += n_expired;
    return true;
}

// --- All of it

static bool run_transaction(struct work *w, struct error *err) {
    struct mysql_aggregates *s = w->s;
    w->fenced = w->overflow = false;
    s->c->fault = MYSQL_FAULT_NONE;
    w->noted = s->noted;
    bool ok = mysql_begin(s->c, "beginning a batch", err) && lock_positions(w, err) &&
              move_positions(w, err) && insert_rejected(w, err) && insert_refused(w, err);
    fault_point("aggregates-after-positions");
    ok = ok && mysql_cells_apply(s->cells, s->c, w->batch->cube, &s->sql, err);
    fault_point("aggregates-after-cells");
    return ok && count_and_project(w, err);
}

// What a failure before COMMIT means; the transaction is undone.
static enum commit_result give_up(struct work *w, struct error *err) {
    enum mysql_fault fault = w->s->c->fault;
    bool fenced = w->fenced, overflow = w->overflow;
    mysql_aggregates_roll_back(w->s, err);
    if (fenced) {
        return COMMIT_FENCED;
    }
    bool hopeless = fault == MYSQL_FAULT_USAGE || fault == MYSQL_FAULT_FATAL;
    return overflow || !hopeless ? COMMIT_RETRY : COMMIT_ERROR;
}

static bool may_try_again(const struct work *w, int attempt, int64_t since_ns) {
    int64_t waited_ms = (clock_monotonic_ns(clock_system()) - since_ns) / 1000000;
    return !store_wait_is_stopped(w->s->wait) && !w->fenced && !w->overflow &&
           w->s->c->fault == MYSQL_FAULT_CONFLICT && attempt + 1 < ATTEMPTS &&
           waited_ms < ATTEMPTS_MS;
}

static enum commit_result send_commit(struct work *w, struct error *err) {
    struct mysql_aggregates *s = w->s;
    fault_point("aggregates-before-commit");
    if (!mysql_end(s->c, "committing a batch", err)) {
        // In a cluster a COMMIT may lose against another member: that one is undone for certain.
        if (s->c->fault == MYSQL_FAULT_CONFLICT) {
            mysql_aggregates_roll_back(s, err);
            return COMMIT_RETRY;
        }
        mysql_aggregates_lost(s, err);
        err->cls = ERROR_RETRIABLE;
        return COMMIT_DOUBT;
    }
    fault_point("aggregates-after-commit");
    s->state = w->next;
    s->noted = w->noted;
    return COMMIT_OK;
}

// Attempts that others' locks have ended are one wait, from the first of them.
static void note_lock(struct work *w, int attempt, int64_t since_ns) {
    if (attempt == 0) {
        mysql_lock_wait_begin(w->s->c, "storing a batch", since_ns);
    } else {
        store_wait_tick(w->s->wait);
    }
    w->waits = true;
}

static enum commit_result run_attempts(struct work *w, struct error *err) {
    struct mysql_aggregates *s = w->s;
    int64_t since_ns = clock_monotonic_ns(clock_system());
    for (int attempt = 0; !run_transaction(w, err); attempt++) {
        bool again = may_try_again(w, attempt, since_ns);
        if (!again) {
            return give_up(w, err);
        }
        note_lock(w, attempt, since_ns);
        log_info("store", "%s; trying the batch again", err->text);
        mysql_aggregates_roll_back(s, err);
        if (s->c == NULL) {
            return COMMIT_RETRY;
        }
        mysql_pause(attempt);
    }
    return send_commit(w, err);
}

enum commit_result mysql_aggregates_commit(struct aggregates *a,
                                           const struct aggregates_batch *batch,
                                           struct batch_summary *summary, struct error *err) {
    struct mysql_aggregates *s = (struct mysql_aggregates *)a;
    struct work w = {.s = s, .batch = batch, .summary = summary};
    if (!mysql_aggregates_ready(s, err)) {
        return err->cls == ERROR_RETRIABLE ? COMMIT_RETRY : COMMIT_ERROR;
    }
    int32_t minute_floor = batch->minute_floor, hour_floor = batch->hour_floor;
    mysql_cells_sort(s->cells, batch->cube,
                     minute_floor > s->state.minute_floor ? minute_floor : s->state.minute_floor,
                     hour_floor > s->state.hour_floor ? hour_floor : s->state.hour_floor);
    enum commit_result result = run_attempts(&w, err);
    if (w.waits) {
        store_wait_end(s->wait);
    }
    return result;
}
