// SPDX-License-Identifier: MIT
// Aggregates of a log in SQLite. One commit, one transaction:
//
// 1. The positions of its partitions are compared with what the owner saw, and moved. They are not
//    what it saw: FENCED, nothing is stored.
// 2. Rejected events, the cube's cells, the newest orders and changes, and gross sums.
// 3. Batch, counts and what is past its retention (sqlite_sums.c); COMMIT, with its fsync.
//
// The newest 1,000 orders stand in order_rows, in order of commits, and the newest 1,000
// cancellations and refunds in adjustment_rows, so that readers and views of the embedded store
// find them.
//
// How it fails: after any failure the transaction is undone and the file closed until reopen, since
// memory may be ahead of it. When COMMIT itself fails the log may hold it all the same: DOUBT, the
// positions tell after reopen.
#include "store/sqlite/sqlite_aggregates.h"

#include "base/fault.h"
#include "base/mem.h"
#include "store/claim_doubts.h"
#include "store/sqlite/sqlite_positions.h"
#include "store/sqlite/sqlite_rows.h"
#include "store/sqlite/sqlite_sums.h"
#include <stdlib.h>

enum { RECENT_KEPT = 1000 };

struct sqlite_aggregates {
    struct aggregates base; // first: a struct aggregates * is a struct sqlite_aggregates *
    const struct clock_source *clock;
    struct sqlite_sums sums;
    struct sqlite_gross gross; // of the batch in work
    struct sqlite_positions positions;
    sqlite3_stmt *add_recent, *drop_recent, *add_change, *drop_changes;
    int64_t next_recent, next_change; // positions in order_rows and adjustment_rows
    struct claim_doubts doubts;
};

static struct sqlite_aggregates *sqlite_aggregates_of(struct aggregates *a) {
    return (struct sqlite_aggregates *)a;
}

// --- The file

static void sqlite_aggregates_disconnect(struct sqlite_aggregates *s) {
    sqlite3_stmt **statements[] = {&s->add_recent, &s->drop_recent, &s->add_change,
                                   &s->drop_changes};
    sqlite_positions_close(&s->positions);
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        sqlite3_finalize(*statements[i]);
        *statements[i] = NULL;
    }
    sqlite_sums_disconnect(&s->sums);
}

static bool sqlite_aggregates_prepare_all(struct sqlite_aggregates *s, struct error *err) {
    const struct {
        sqlite3_stmt **stmt;
        const char *sql;
    } all[] = {
        {&s->add_recent,
         "INSERT INTO order_rows (rowid, order_id, created_ms, customer_id, product_id, "
         "quantity, subtotal_e4, discount_e4, shipping_e4, tax_e4, total_e4, group_id, arrival_ms, "
         "items) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)"},
        {&s->drop_recent, "DELETE FROM order_rows WHERE rowid <= ?1"},
        // One whose identity is long forgotten may be counted again.
        {&s->add_change, ADJUSTMENT_PUT("INSERT OR REPLACE")},
        {&s->drop_changes, "DELETE FROM adjustment_rows WHERE position <= ?1"},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (!sqlite_prepare(s->sums.db, all[i].sql, all[i].stmt, err)) {
            return false;
        }
    }
    return true;
}

static bool connect(struct sqlite_aggregates *s, struct store_settings *settings,
                    bool after_failure, struct error *err) {
    int64_t newest, newest_change;
    if (!sqlite_sums_connect(&s->sums, SQLITE_HOLDS_SUMS, settings, after_failure, err) ||
        !sqlite_aggregates_prepare_all(s, err) ||
        !sqlite_positions_open(&s->positions, s->sums.db, err) ||
        !sqlite_int(s->sums.db, "SELECT max(rowid) FROM order_rows", 0, &newest, err) ||
        !sqlite_int(s->sums.db, "SELECT max(position) FROM adjustment_rows", 0, &newest_change,
                    err)) {
        sqlite_aggregates_disconnect(s);
        return false;
    }
    s->next_recent = newest + 1;
    s->next_change = newest_change + 1;
    return true;
}

static bool is_open(const struct sqlite_aggregates *s, struct error *err) {
    return s->sums.db != NULL || error_set(err, ERROR_RETRIABLE, "the store is not open");
}

// What was not committed never was; memory is read again at reopen.
static void give_up(struct sqlite_aggregates *s) {
    sqlite3_exec(s->sums.db, "ROLLBACK", NULL, NULL, NULL);
    sqlite_aggregates_disconnect(s);
}

// --- Positions

static bool epoch_is_ours(void *user, const struct position_wish *wish, int64_t epoch_us) {
    struct sqlite_aggregates *s = user;
    return claim_doubts_has(&s->doubts, wish->topic.name, wish->partition, epoch_us);
}

static enum store_result aggregates_claim(struct aggregates *a, const struct position_wish *wish,
                                          struct position_claim *out, bool *lost,
                                          struct error *err) {
    struct sqlite_aggregates *s = sqlite_aggregates_of(a);
    struct sqlite_claim claim = {.where = s->sums.directory,
                                 .wish = wish,
                                 .now_us = clock_now_ms(s->clock) * 1000,
                                 .epoch_is_ours = epoch_is_ours,
                                 .user = s};
    const char *topic = wish->topic.name;
    *out = (struct position_claim){0};
    *lost = false;
    if (!is_open(s, err)) {
        return STORE_RETRY;
    }
    enum store_result result = sqlite_do(s->sums.begin)
                                   ? sqlite_positions_claim(&s->positions, &claim, out, err)
                                   : sqlite_failed(s->sums.db, "claiming a partition", err);
    *lost = claim.lost;
    if (result == STORE_OK && !sqlite_sums_commit(&s->sums)) {
        if (!*lost && out->other_id[0] == '\0') {
            claim_doubts_note(&s->doubts, topic, wish->partition,
                              wish->held_epoch_us != 0 ? claim.found_us : 0, out->epoch_us);
        }
        result = sqlite_failed(s->sums.db, "claiming a partition", err);
    } else if (result == STORE_OK) {
        claim_doubts_end(&s->doubts, topic, wish->partition);
    }
    if (result != STORE_OK) {
        free(out->refused);
        *out = (struct position_claim){0};
        give_up(s);
    }
    return result;
}

// --- A batch

static enum commit_result of_store(enum store_result result) {
    return result == STORE_OK ? COMMIT_OK : result == STORE_RETRY ? COMMIT_RETRY : COMMIT_ERROR;
}

static enum commit_result move_all(struct sqlite_aggregates *s, const struct aggregates_batch *b,
                                   struct error *err) {
    enum commit_result result = COMMIT_OK;
    for (size_t i = 0; result == COMMIT_OK && i < b->n_moves; i++) {
        result = sqlite_positions_move(&s->positions, b->topic, &b->moves[i], err);
    }
    return result;
}

static enum store_result add_rejected(struct sqlite_aggregates *s, const struct aggregates_batch *b,
                                      struct error *err) {
    enum store_result result = STORE_OK;
    for (size_t i = 0; result == STORE_OK && i < b->n_rejected; i++) {
        const struct rejected_event *e = &b->rejected[i];
        const struct sqlite_rejected row = {e->arrival_ms, e->field, e->code,
                                            e->message,    e->raw,   e->raw_bytes};
        result = sqlite_sums_add_rejected(&s->sums, &row, err);
    }
    return result;
}

static enum store_result add_events(struct sqlite_aggregates *s, const struct stored_event *list,
                                    size_t n, sqlite3_stmt *add, int64_t *next, struct error *err) {
    for (size_t i = 0; i < n; i++) {
        const struct order *o = &list[i].order;
        struct cube_dim group = {.source = o->source, .state = o->state, .store_id = -1};
        memcpy(group.currency, o->currency, sizeof group.currency);
        enum store_result result = sqlite_group_id(s->sums.cells, &group, err);
        if (result != STORE_OK) {
            return result;
        }
        event_bind(add, o, (*next)++, group.store_id, list[i].arrival_ms);
        if (!sqlite_do(add)) {
            return sqlite_failed(s->sums.db, "storing recent events", err);
        }
    }
    return STORE_OK;
}

static enum store_result drop_events(struct sqlite_aggregates *s, sqlite3_stmt *drop, int64_t next,
                                     struct error *err) {
    sqlite3_bind_int64(drop, 1, next - 1 - RECENT_KEPT);
    return sqlite_do(drop) ? STORE_OK : sqlite_failed(s->sums.db, "dropping older events", err);
}

static enum store_result add_recent(struct sqlite_aggregates *s, const struct aggregates_batch *b,
                                    struct error *err) {
    enum store_result result =
        add_events(s, b->recent, b->n_recent, s->add_recent, &s->next_recent, err);
    if (result == STORE_OK && b->n_recent > 0) {
        result = drop_events(s, s->drop_recent, s->next_recent, err);
    }
    if (result == STORE_OK && b->n_changes > 0) {
        result = add_events(s, b->changes, b->n_changes, s->add_change, &s->next_change, err);
    }
    return result == STORE_OK && b->n_changes > 0
               ? drop_events(s, s->drop_changes, s->next_change, err)
               : result;
}

static enum store_result add_gross(struct sqlite_aggregates *s, const struct aggregates_batch *b,
                                   struct error *err) {
    sqlite_gross_clear(&s->gross);
    for (size_t i = 0; i < b->n_gross; i++) {
        int64_t sum_e4 = s->sums.gross_e4[b->gross[i].currency];
        if (!money_add(&sum_e4, b->gross[i].delta_e4)) { // the split store has asked before
            error_set(err, ERROR_RETRIABLE, "the sums of a currency do not fit into 64 bits");
            return STORE_RETRY;
        }
        sqlite_sums_raise(&s->sums, &s->gross, b->gross[i].currency, b->gross[i].delta_e4);
    }
    sqlite_sums_settle(&s->sums, &s->gross);
    return STORE_OK;
}

// The transaction, up to COMMIT.
static enum commit_result write_batch(struct sqlite_aggregates *s, const struct aggregates_batch *b,
                                      struct batch_summary *summary, struct error *err) {
    enum store_result result = sqlite_sums_begin(&s->sums, err);
    if (result != STORE_OK) {
        return of_store(result);
    }
    sqlite_sums_raise_floors(&s->sums, b->minute_floor, b->hour_floor);
    enum commit_result moved = move_all(s, b, err);
    if (moved != COMMIT_OK) {
        return moved;
    }
    fault_point("aggregates-after-positions");
    result = sqlite_positions_refuse(&s->positions, b, err);
    result = result == STORE_OK ? add_rejected(s, b, err) : result;
    result = result == STORE_OK ? sqlite_cells_apply(s->sums.cells, b->cube, err) : result;
    fault_point("aggregates-after-cells");
    result = result == STORE_OK ? add_recent(s, b, err) : result;
    result = result == STORE_OK ? add_gross(s, b, err) : result;
    if (result == STORE_OK && !sqlite_sums_write(&s->sums, summary, &s->gross)) {
        result = sqlite_failed(s->sums.db, "closing a batch", err);
    }
    return of_store(result);
}

static enum commit_result aggregates_commit(struct aggregates *a,
                                            const struct aggregates_batch *batch,
                                            struct batch_summary *summary, struct error *err) {
    struct sqlite_aggregates *s = sqlite_aggregates_of(a);
    if (!is_open(s, err)) {
        return COMMIT_RETRY;
    }
    enum commit_result result = write_batch(s, batch, summary, err);
    if (result == COMMIT_OK) {
        fault_point("aggregates-before-commit");
        if (!sqlite_sums_commit(&s->sums)) {
            sqlite_failed(s->sums.db, "committing a batch", err);
            err->cls = ERROR_RETRIABLE;
            result = COMMIT_DOUBT;
        } else if (!sqlite_sums_in_place(&s->sums, err)) {
            result = COMMIT_DOUBT;
        }
    }
    if (result != COMMIT_OK) {
        give_up(s);
        return result;
    }
    fault_point("aggregates-after-commit");
    sqlite_sums_committed(&s->sums);
    return COMMIT_OK;
}

// --- The rest

static void aggregates_state(struct aggregates *a, struct aggregates_state *out) {
    const struct sqlite_sums *s = &sqlite_aggregates_of(a)->sums;
    *out = (struct aggregates_state){.counts = s->state.counts,
                                     .last_batch_id = s->state.last_batch_id,
                                     .minute_floor = s->state.minute_floor,
                                     .hour_floor = s->state.hour_floor,
                                     .gross_e4 = s->gross_e4};
}

static enum store_result aggregates_reopen(struct aggregates *a, struct error *err) {
    struct store_settings settings = {0}; // whatever is in force
    sqlite_aggregates_disconnect(sqlite_aggregates_of(a));
    if (connect(sqlite_aggregates_of(a), &settings, true, err)) {
        return STORE_OK;
    }
    return err->cls == ERROR_RETRIABLE ? STORE_RETRY : STORE_ERROR;
}

static void aggregates_close(struct aggregates *a) {
    struct sqlite_aggregates *s = sqlite_aggregates_of(a);
    sqlite_aggregates_disconnect(s); // the last connection to close moves the log into the file
    claim_doubts_free(&s->doubts);
    sqlite_sums_free(&s->sums);
    sqlite_gross_free(&s->gross);
    free(s);
}

bool sqlite_aggregates_open(const struct sqlite_options *options, struct aggregates **out,
                            struct store_settings *settings_out, struct error *err) {
    static const struct aggregates_ops ops = {
        .name = "sqlite",
        .claim = aggregates_claim,
        .commit = aggregates_commit,
        .state = aggregates_state,
        .reopen = aggregates_reopen,
        .close = aggregates_close,
    };
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); // has no effect after the first connection
    struct sqlite_aggregates *s = mem_zalloc(1, sizeof *s);
    s->base.ops = &ops;
    s->clock = options->clock;
    sqlite_sums_init(&s->sums, options->directory, options->vfs);
    sqlite_gross_init(&s->gross);
    *settings_out = options->settings;
    if (!sqlite_sums_lock(&s->sums, err) || !connect(s, settings_out, false, err)) {
        aggregates_close(&s->base);
        return false;
    }
    *out = &s->base;
    return true;
}
