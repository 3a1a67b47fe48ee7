// SPDX-License-Identifier: MIT
// Taking a partition over.
//
// 1. Its row is made if it is new, and locked: a commit of its owner in flight is waited for.
//    Nobody of ours deletes rows: one that has vanished is no new partition, and would count again.
// 2. The epoch becomes the clock's microseconds, or one more than it was: it only ever grows, so no
//    owner before can commit any more.
//
// How it fails: a lock that is held on is waited for a few times, then STORE_RETRY. When the COMMIT
// is not answered the claim may have been made: the next claim of the partition, whatever was
// claimed in between, recognizes its epoch and takes it for its own.
#include "base/log.h"
#include "store/mysql/mysql_store.h"
#include "store/mysql/mysql_wait.h"
#include "store/store_wait.h"

enum { ATTEMPTS = 6 }; // of up to five seconds each

struct claim {
    const char *topic;
    int32_t partition;
    int64_t held_epoch_us;
    struct position_claim *out;
    bool *lost;
    int64_t found_us; // the epoch that the row had
};

static bool put_row(struct mysql_aggregates *s, const struct claim *k, struct error *err) {
    buf_put_str(&s->sql, "INSERT INTO pipeline_positions (topic, `partition`, next_offset, epoch) "
                         "VALUES (");
    sql_put_text(&s->sql, text_of(k->topic));
    buf_printf(&s->sql, ", %d, -1, 0) ON DUPLICATE KEY UPDATE epoch = epoch", k->partition);
    return mysql_send(s->c, &s->sql, "claiming a partition", err);
}

static void put_where(struct mysql_aggregates *s, const struct claim *k) {
    buf_put_str(&s->sql, " WHERE topic = ");
    sql_put_text(&s->sql, text_of(k->topic));
    buf_printf(&s->sql, " AND `partition` = %d", k->partition);
}

static bool lock_row(struct mysql_aggregates *s, struct claim *k, struct error *err) {
    buf_put_str(&s->sql, "SELECT next_offset, epoch FROM pipeline_positions");
    put_where(s, k);
    buf_put_str(&s->sql, " FOR UPDATE");
    MYSQL_RES *rows = mysql_send_question(s->c, &s->sql, "claiming a partition", err);
    if (rows == NULL) {
        return false;
    }
    MYSQL_ROW row = mysql_fetch_row(rows);
    bool there = row != NULL;
    if (there) {
        k->out->next_offset = mysql_column_int(row, 0);
        k->out->epoch_us = k->found_us = mysql_column_int(row, 1);
    } else {
        s->c->fault = MYSQL_FAULT_CONFLICT; // somebody has deleted it just now
        error_set(err, ERROR_RETRIABLE, "%s: a row of pipeline_positions vanished", s->c->name);
    }
    mysql_free_result(rows);
    return there;
}

static bool raise_epoch(struct mysql_aggregates *s, const struct claim *k, struct error *err) {
    int64_t now_us = clock_now_ms(s->clock) * 1000;
    int64_t next = k->out->epoch_us + 1;
    k->out->epoch_us = next > now_us ? next : now_us;
    buf_printf(&s->sql, "UPDATE pipeline_positions SET epoch = %lld", (long long)k->out->epoch_us);
    put_where(s, k);
    return mysql_send(s->c, &s->sql, "claiming a partition", err);
}

// --- Rows that somebody has deleted

// *is_new: the partition has no row, or one of ours that has counted nothing yet.
static bool look_for_row(struct mysql_aggregates *s, const struct claim *k, bool *is_new,
                         struct error *err) {
    buf_put_str(&s->sql, "SELECT 1 FROM pipeline_positions");
    put_where(s, k);
    if (k->held_epoch_us == 0) {
        buf_put_str(&s->sql, " AND next_offset >= 0");
    }
    MYSQL_RES *rows = mysql_send_question(s->c, &s->sql, "claiming a partition", err);
    if (rows == NULL) {
        return false;
    }
    *is_new = mysql_fetch_row(rows) == NULL;
    mysql_free_result(rows);
    return true;
}

// The row was ours. The batch that failed by it is forgotten; the partition is lost, and whoever
// claims it next is told why it cannot be.
static void note_vanished(struct mysql_aggregates *s, const struct claim *k) {
    log_error("store",
              "%s: the row of partition %d of %s has vanished from pipeline_positions while this "
              "process was counting: nothing more of it is counted",
              s->c->name, k->partition, k->topic);
    s->positions_gone = true;
    *k->lost = true;
}

// A partition that begins at the log's oldest message: everything in it is counted. Where events
// have been counted there are positions of some partition; without any they were deleted.
static bool may_be_new(struct mysql_aggregates *s, const struct claim *k, struct error *err) {
    bool gone = s->positions_gone;
    if (!gone) {
        MYSQL_RES *rows = mysql_ask(s->c,
                                    TEXT_LIT("SELECT 1 FROM pipeline_state WHERE id = 1 AND "
                                             "received > 0 AND NOT EXISTS (SELECT 1 FROM "
                                             "pipeline_positions WHERE next_offset >= 0)"),
                                    "claiming a partition", err);
        if (rows == NULL) {
            return false;
        }
        gone = mysql_fetch_row(rows) != NULL;
        mysql_free_result(rows);
    }
    if (gone) {
        s->c->fault = MYSQL_FAULT_FATAL;
        error_set(err, ERROR_FATAL,
                  "%s: pipeline_positions has lost how far partition %d of %s was counted, and "
                  "orders would count twice: restore the table from a copy as old as the totals, "
                  "or begin anew with an empty database",
                  s->c->name, k->partition, k->topic);
    }
    return !gone;
}

// The transaction, up to COMMIT.
static bool claim_once(struct mysql_aggregates *s, struct claim *k, struct error *err) {
    bool is_new;
    s->c->fault = MYSQL_FAULT_NONE;
    if (!look_for_row(s, k, &is_new, err)) {
        return false;
    }
    if (is_new && k->held_epoch_us != 0) {
        note_vanished(s, k);
        return true;
    }
    if (is_new && !may_be_new(s, k, err)) {
        return false;
    }
    // The row is made in a transaction of its own, so that nobody waits for this one to see it.
    if (!put_row(s, k, err) || !mysql_begin(s->c, "claiming a partition", err) ||
        !lock_row(s, k, err)) {
        return false;
    }
    *k->lost = k->held_epoch_us != 0 && k->found_us != k->held_epoch_us &&
               !claim_doubts_has(&s->doubts, k->topic, k->partition, k->found_us);
    return *k->lost || raise_epoch(s, k, err);
}

static enum store_result result_of(enum mysql_fault fault) {
    return fault == MYSQL_FAULT_USAGE || fault == MYSQL_FAULT_FATAL ? STORE_ERROR : STORE_RETRY;
}

static bool may_claim_again(const struct mysql_aggregates *s, enum mysql_fault fault, int attempt) {
    return fault == MYSQL_FAULT_CONFLICT && s->c != NULL && attempt + 1 < ATTEMPTS &&
           !store_wait_is_stopped(s->wait);
}

// Until the transaction is at its COMMIT, or it is known to be lost.
static enum store_result claim_patiently(struct mysql_aggregates *s, struct claim *k,
                                         struct error *err) {
    int64_t since_ns = clock_monotonic_ns(clock_system());
    bool waits = false;
    enum mysql_fault fault = MYSQL_FAULT_NONE;
    for (int attempt = 0; !claim_once(s, k, err); attempt++) {
        fault = s->c->fault;
        if (fault == MYSQL_FAULT_CONFLICT && !waits) {
            mysql_lock_wait_begin(s->c, "claiming a partition", since_ns);
            waits = true;
        }
        store_wait_tick(s->wait);
        mysql_aggregates_roll_back(s, err);
        if (!may_claim_again(s, fault, attempt)) {
            break;
        }
        fault = MYSQL_FAULT_NONE;
        mysql_pause(attempt);
    }
    if (waits) {
        store_wait_end(s->wait);
    }
    return fault == MYSQL_FAULT_NONE ? STORE_OK : result_of(fault);
}

enum store_result mysql_aggregates_claim(struct aggregates *a, const char *topic, int32_t partition,
                                         int64_t held_epoch_us, struct position_claim *out,
                                         bool *lost, struct error *err) {
    struct mysql_aggregates *s = (struct mysql_aggregates *)a;
    struct claim k = {topic, partition, held_epoch_us, out, lost, 0};
    *lost = false;
    if (!mysql_aggregates_ready(s, err)) {
        return err->cls == ERROR_RETRIABLE ? STORE_RETRY : STORE_ERROR;
    }
    enum store_result result = claim_patiently(s, &k, err);
    if (result != STORE_OK) {
        return result;
    }
    if (!mysql_end(s->c, "claiming a partition", err)) {
        if (!*lost) {
            claim_doubts_note(&s->doubts, topic, partition, held_epoch_us != 0 ? k.found_us : 0,
                              out->epoch_us);
        }
        mysql_aggregates_lost(s, err);
        return STORE_RETRY;
    }
    claim_doubts_end(&s->doubts, topic, partition);
    return STORE_OK;
}
