// SPDX-License-Identifier: MIT
// One batch of what the SQLite stores share, and dropping what is past its retention: a bounded
// step a commit, so that none takes long.
//
// How it fails: any error before or in COMMIT is the batch's; the caller disconnects.
#include "store/sqlite/sqlite_sums.h"

#include "base/mem.h"
#include "store/sales_reader.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BATCHES_KEPT = 10000,
    BATCHES_STEP = 256, // dropped at once: most commits do not touch the table's oldest page
    REJECTED_KEPT = 1000000,
    DROP_STEP = 2000, // rows of each kind that one commit drops at most
};
static const int64_t REJECTED_KEPT_MS = INT64_C(30) * 24 * 3600 * 1000;
static const int64_t BELIEVED_AFTER_MS = INT64_C(3600) * 1000;

// --- Life

void sqlite_sums_init(struct sqlite_sums *s, const char *directory, const char *vfs) {
    *s = (struct sqlite_sums){.lock_fd = -1};
    s->directory = mem_strndup(directory, strlen(directory));
    s->vfs = vfs != NULL ? mem_strndup(vfs, strlen(vfs)) : NULL;
    s->gross_e4 = mem_zalloc(N_CURRENCIES, sizeof *s->gross_e4);
}

void sqlite_sums_free(struct sqlite_sums *s) {
    if (s->lock_fd >= 0) {
        close(s->lock_fd);
    }
    free(s->gross_e4);
    free(s->directory);
    free(s->vfs);
}

void sqlite_gross_init(struct sqlite_gross *g) {
    *g = (struct sqlite_gross){
        .currency =
            mem_alloc(N_CURRENCIES * sizeof *g->currency), // touched as far as they are used
        .sum_e4 = mem_alloc(N_CURRENCIES * sizeof *g->sum_e4),
        .is_in = mem_zalloc(N_CURRENCIES, sizeof *g->is_in),
    };
}

void sqlite_gross_free(struct sqlite_gross *g) {
    free(g->currency);
    free(g->sum_e4);
    free(g->is_in);
}

void sqlite_gross_clear(struct sqlite_gross *g) {
    while (g->n > 0) {
        g->is_in[g->currency[--g->n]] = false;
    }
}

void sqlite_sums_settle(const struct sqlite_sums *s, struct sqlite_gross *batch) {
    for (int32_t i = 0; i < batch->n; i++) {
        batch->sum_e4[i] = s->gross_e4[batch->currency[i]];
    }
}

// --- A batch

enum store_result sqlite_sums_begin(struct sqlite_sums *s, struct error *err) {
    s->next = s->state;
    if (!sqlite_files_whole(&s->files, s->db, s->directory, err)) {
        return STORE_RETRY;
    }
    return sqlite_do(s->begin) ? STORE_OK : sqlite_failed(s->db, "beginning a batch", err);
}

enum store_result sqlite_sums_add_rejected(struct sqlite_sums *s, const struct sqlite_rejected *e,
                                           struct error *err) {
    sqlite3_stmt *stmt = s->add_rejected;
    size_t kept =
        e->raw.len < ORDER_REJECTED_TEXT_MAX_BYTES ? e->raw.len : ORDER_REJECTED_TEXT_MAX_BYTES;
    sqlite3_bind_int64(stmt, 1, s->next_rejected++);
    sqlite3_bind_int64(stmt, 2, e->arrival_ms);
    sqlite_bind_text(stmt, 3, e->field.at != NULL ? e->field : TEXT_LIT(""));
    sqlite_bind_text(stmt, 4, e->code);
    sqlite_bind_text(stmt, 5, e->message);
    sqlite3_bind_blob(stmt, 6, e->raw.at != NULL ? e->raw.at : "", (int)kept, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 7, (int64_t)e->raw_bytes);
    return sqlite_do(stmt) ? STORE_OK : sqlite_failed(s->db, "storing a rejected event", err);
}

static bool drop_cells(struct sqlite_sums *s) {
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
    return true;
}

// The batch's time as far as the floors believe it: a clock that is ahead drops nothing.
static int64_t time_for_dropping(const struct sqlite_sums *s, const struct batch_summary *batch) {
    int64_t latest_ms = ((int64_t)s->next.minute_floor + SQLITE_MINUTES_KEPT + 1) * 60000;
    return batch->committed_ms < latest_ms ? batch->committed_ms : latest_ms;
}

// Up to when rejected events have been kept for long enough. Cells that a start with a wrong clock
// drops are added up again, but these are nowhere else: nothing of them goes by time before the
// clock has gone on for an hour.
static int64_t rejected_kept_from_ms(struct sqlite_sums *s, const struct batch_summary *batch) {
    int64_t now_ms = time_for_dropping(s, batch);
    if (s->believed_from_ms == 0 || now_ms < s->believed_from_ms) {
        s->believed_from_ms = now_ms;
    }
    return now_ms - s->believed_from_ms < BELIEVED_AFTER_MS ? INT64_MIN : now_ms - REJECTED_KEPT_MS;
}

static bool drop_old(struct sqlite_sums *s, const struct batch_summary *batch) {
    if (s->drop_more && !drop_cells(s)) {
        return false;
    }
    if (batch->counts.rejected > 0) {
        sqlite3_bind_int64(s->drop_rejected, 1, s->next_rejected - 1 - REJECTED_KEPT);
        sqlite3_bind_int64(s->drop_rejected, 2, rejected_kept_from_ms(s, batch));
        sqlite3_bind_int64(s->drop_rejected, 3, batch->counts.rejected * 2 + 16);
        if (!sqlite_do(s->drop_rejected)) {
            return false;
        }
        s->next.counts.rejected_expired += sqlite3_changes64(s->db);
    }
    if (batch->batch_id % BATCHES_STEP != 0) {
        return true;
    }
    sqlite3_bind_int64(s->drop_batch, 1, batch->batch_id - BATCHES_KEPT);
    return sqlite_do(s->drop_batch);
}

static void count_batch(struct sqlite_sums *s, struct batch_summary *batch) {
    struct store_counts *c = &s->next.counts;
    c->received += batch->counts.received;
    c->accepted += batch->counts.accepted;
    c->duplicate += batch->counts.duplicate;
    c->rejected += batch->counts.rejected;
    c->skipped += batch->counts.skipped;
    for (int i = 0; i < ORDER_WARNING_KINDS; i++) {
        c->warnings[i] += batch->counts.warnings[i];
    }
    for (int i = 0; i < ORDER_DOUBT_KINDS; i++) {
        store_doubt_add(&c->doubts[i], &batch->counts.doubts[i]);
    }
    batch->batch_id = ++s->next.last_batch_id;
}

bool sqlite_sums_write_state(struct sqlite_sums *s) {
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
    sqlite3_bind_int64(s->put_state, 15, n->counts.skipped);
    return sqlite_do(s->put_state);
}

static bool write_batch(struct sqlite_sums *s, const struct batch_summary *batch) {
    sqlite3_bind_int64(s->put_batch, 1, batch->batch_id);
    sqlite3_bind_int64(s->put_batch, 2, batch->committed_ms);
    sqlite3_bind_int64(s->put_batch, 3, batch->counts.received);
    sqlite3_bind_int64(s->put_batch, 4, batch->counts.accepted);
    sqlite3_bind_int64(s->put_batch, 5, batch->counts.duplicate);
    sqlite3_bind_int64(s->put_batch, 6, batch->counts.rejected);
    return sqlite_do(s->put_batch);
}

static bool write_gross(struct sqlite_sums *s, const struct sqlite_gross *gross) {
    for (int32_t i = 0; i < gross->n; i++) {
        char name[4];
        currency_name(gross->currency[i], name);
        sqlite3_bind_text(s->put_gross, 1, name, 3, SQLITE_STATIC);
        sqlite3_bind_int64(s->put_gross, 2, gross->sum_e4[i]);
        if (!sqlite_do(s->put_gross)) {
            return false;
        }
    }
    return true;
}

static bool write_day(struct sqlite_sums *s, const struct batch_summary *batch, int32_t day) {
    sqlite3_bind_int(s->put_day, 1, day);
    sqlite3_bind_int64(s->put_day, 2, batch->committed_ms);
    sqlite3_bind_int64(s->put_day, 3, s->next.counts.accepted);
    return sqlite_do(s->put_day);
}

static bool write_days(struct sqlite_sums *s, const struct batch_summary *batch) {
    size_t n;
    const int32_t *days = sqlite_cells_days(s->cells, &n);
    bool ok = !s->note_all || write_day(s, batch, DAY_CHANGE_ALL);
    for (size_t i = 0; ok && i < n; i++) {
        ok = write_day(s, batch, days[i]);
    }
    return ok;
}

bool sqlite_sums_write(struct sqlite_sums *s, struct batch_summary *batch,
                       const struct sqlite_gross *gross) {
    count_batch(s, batch);
    return write_batch(s, batch) && write_days(s, batch) && drop_old(s, batch) &&
           write_gross(s, gross) && sqlite_sums_write_state(s);
}

bool sqlite_sums_commit(struct sqlite_sums *s) {
    return sqlite_do(s->commit);
}

void sqlite_sums_committed(struct sqlite_sums *s) {
    s->state = s->next;
    s->note_all = false;
    checkpointer_after_commit(s->checkpointer);
}
