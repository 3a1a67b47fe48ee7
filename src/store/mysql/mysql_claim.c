// SPDX-License-Identifier: MIT
// Taking a partition over.
//
// 1. Its row is made if it is new, and locked: a commit of its owner in flight is waited for.
//    Nobody of ours deletes rows: one that has vanished is no new partition, and would count again.
// 2. A row of another topic of that name is left as it is, and told, unless the partition is to
//    begin anew: then its lane ends where it was counted to. A partition without a lane gets one:
//    its own number where that is free, so that most positions tell the partition.
// 3. The epoch becomes the clock's microseconds, or one more than it was: it only ever grows, so no
//    owner before can commit any more.
//
// How it fails: a lock that is held on is waited for a few times, then STORE_RETRY. When the COMMIT
// is not answered the claim may have been made: the next claim of the partition, whatever was
// claimed in between, recognizes its epoch and takes it for its own.
#include "base/mem.h"
#include "store/lost_positions.h"
#include "store/mysql/mysql_store.h"
#include "store/mysql/mysql_wait.h"
#include "store/store_wait.h"
#include <stdio.h>
#include <stdlib.h>

enum { ATTEMPTS = 6 }; // of up to five seconds each
static const char doing[] = "claiming a partition";

struct claim {
    const struct position_wish *wish;
    struct position_claim *out;
    bool *lost;
    int64_t found_us;                  // the epoch that the row had
    char topic_id[LOG_TOPIC_ID_BYTES]; // of the row, as found and as it will be
};

static bool put_row(struct mysql_aggregates *s, const struct claim *k, struct error *err) {
    buf_put_str(&s->sql, "INSERT INTO pipeline_positions (topic, `partition`, next_offset, epoch, "
                         "topic_id, lane, window_offset, window_ms) VALUES (");
    sql_put_text(&s->sql, text_of(k->wish->topic.name));
    buf_printf(&s->sql, ", %d, -1, 0, '', -1, -1, 0) ON DUPLICATE KEY UPDATE epoch = epoch",
               k->wish->partition);
    return mysql_send(s->c, &s->sql, doing, err);
}

static void put_where(struct mysql_aggregates *s, const struct claim *k) {
    buf_put_str(&s->sql, " WHERE topic = ");
    sql_put_text(&s->sql, text_of(k->wish->topic.name));
    buf_printf(&s->sql, " AND `partition` = %d", k->wish->partition);
}

static bool lock_row(struct mysql_aggregates *s, struct claim *k, struct error *err) {
    buf_put_str(&s->sql, "SELECT next_offset, epoch, topic_id, lane, window_offset, window_ms "
                         "FROM pipeline_positions");
    put_where(s, k);
    buf_put_str(&s->sql, " FOR UPDATE");
    MYSQL_RES *rows = mysql_send_question(s->c, &s->sql, doing, err);
    if (rows == NULL) {
        return false;
    }
    MYSQL_ROW row = mysql_fetch_row(rows);
    bool there = row != NULL;
    if (there) {
        k->out->next_offset = mysql_column_int(row, 0);
        k->out->epoch_us = k->found_us = mysql_column_int(row, 1);
        snprintf(k->topic_id, sizeof k->topic_id, "%s", row[2]);
        k->out->lane = (int32_t)mysql_column_int(row, 3);
        k->out->window =
            (struct id_window_start){mysql_column_int(row, 4), mysql_column_int(row, 5)};
    } else {
        s->c->fault = MYSQL_FAULT_CONFLICT; // somebody has deleted it just now
        error_set(err, ERROR_RETRIABLE, "%s: a row of pipeline_positions vanished", s->c->name);
    }
    mysql_free_result(rows);
    return there;
}

// --- Lanes

static bool end_lane(struct mysql_aggregates *s, struct claim *k, struct error *err) {
    buf_printf(&s->sql, "UPDATE pipeline_lanes SET next_offset = %lld WHERE lane = %d",
               (long long)(k->out->next_offset > 0 ? k->out->next_offset : 0), k->out->lane);
    k->out->lane = -1;
    k->out->next_offset = k->out->window.offset = -1;
    k->out->window.time_ms = 0;
    return mysql_send(s->c, &s->sql, doing, err);
}

// The partition's number, or the next after all that were given, which are locked until COMMIT.
static bool find_lane(struct mysql_aggregates *s, struct claim *k, struct error *err) {
    buf_printf(&s->sql,
               "SELECT coalesce(sum(lane = %d), 0), coalesce(max(lane), -1) FROM pipeline_lanes "
               "FOR UPDATE",
               k->wish->partition);
    MYSQL_RES *rows = mysql_send_question(s->c, &s->sql, doing, err);
    MYSQL_ROW row = rows != NULL ? mysql_fetch_row(rows) : NULL;
    bool ok = row != NULL;
    if (ok) {
        int64_t lane =
            mysql_column_int(row, 0) == 0 ? k->wish->partition : mysql_column_int(row, 1) + 1;
        k->out->lane = (int32_t)lane;
        ok = lane <= POSITION_LANE_MAX;
        if (!ok) {
            s->c->fault = MYSQL_FAULT_USAGE;
            error_set(err, ERROR_USAGE,
                      "%s: pipeline_lanes has given all of its %d lanes: take other aggregates",
                      s->c->name, POSITION_LANE_MAX + 1);
        }
    }
    mysql_free_result(rows);
    return ok;
}

static bool note_lane(struct mysql_aggregates *s, const struct claim *k, struct error *err) {
    buf_printf(&s->sql,
               "INSERT INTO pipeline_lanes (lane, topic, `partition`, topic_id, next_offset) "
               "VALUES (%d, ",
               k->out->lane);
    sql_put_text(&s->sql, text_of(k->wish->topic.name));
    buf_printf(&s->sql, ", %d, ", k->wish->partition);
    sql_put_text(&s->sql, text_of(k->topic_id));
    buf_put_str(&s->sql, ", -1) ON DUPLICATE KEY UPDATE topic_id = VALUES(topic_id)");
    return mysql_send(s->c, &s->sql, doing, err);
}

// The row's topic becomes the wished one. Nothing is written when nothing changes.
static bool take_lane(struct mysql_aggregates *s, struct claim *k, struct error *err) {
    const char *id = k->wish->topic.id;
    bool adopts = k->wish->anew || (id[0] != '\0' && strcmp(id, k->topic_id) != 0);
    if (adopts) {
        snprintf(k->topic_id, sizeof k->topic_id, "%s", id);
    }
    // A lane ends also where nothing was counted: raw rows of a batch that was not may stand in it.
    bool ends = k->wish->anew && (k->out->next_offset >= 0 || k->out->lane >= 0);
    if (ends && !end_lane(s, k, err)) {
        return false;
    }
    bool without = k->out->lane < 0;
    if (without && k->out->next_offset >= 0) { // of an earlier program
        k->out->lane = k->wish->partition;
    } else if (without && !find_lane(s, k, err)) {
        return false;
    }
    return (!adopts && !without) || note_lane(s, k, err);
}

static bool write_row(struct mysql_aggregates *s, const struct claim *k, struct error *err) {
    int64_t now_us = clock_now_ms(s->clock) * 1000;
    int64_t next = k->out->epoch_us + 1;
    k->out->epoch_us = next > now_us ? next : now_us;
    buf_printf(&s->sql,
               "UPDATE pipeline_positions SET next_offset = %lld, epoch = %lld, lane = %d, "
               "window_offset = %lld, window_ms = %lld, topic_id = ",
               (long long)k->out->next_offset, (long long)k->out->epoch_us, k->out->lane,
               (long long)k->out->window.offset, (long long)k->out->window.time_ms);
    sql_put_text(&s->sql, text_of(k->topic_id));
    put_where(s, k);
    return mysql_send(s->c, &s->sql, doing, err);
}

static bool read_refused(struct mysql_aggregates *s, const struct claim *k, struct error *err) {
    struct position_claim *out = k->out;
    buf_printf(&s->sql,
               "SELECT `offset` FROM pipeline_refused WHERE lane = %d AND `offset` >= %lld "
               "ORDER BY `offset`",
               out->lane, (long long)out->window.offset);
    MYSQL_RES *rows = mysql_send_question(s->c, &s->sql, doing, err);
    if (rows == NULL) {
        return false;
    }
    free(out->refused);
    out->refused = mem_zalloc(mysql_num_rows(rows) + 1, sizeof *out->refused);
    out->n_refused = 0;
    MYSQL_ROW row;
    while ((row = mysql_fetch_row(rows)) != NULL) {
        out->refused[out->n_refused++] = mysql_column_int(row, 0);
    }
    mysql_free_result(rows);
    return true;
}

// --- Rows that somebody has deleted

// *is_new: the partition has no row, or one of ours that has counted nothing yet.
static bool look_for_row(struct mysql_aggregates *s, const struct claim *k, bool *is_new,
                         struct error *err) {
    buf_put_str(&s->sql, "SELECT 1 FROM pipeline_positions");
    put_where(s, k);
    if (k->wish->held_epoch_us == 0) {
        buf_put_str(&s->sql, " AND next_offset >= 0");
    }
    MYSQL_RES *rows = mysql_send_question(s->c, &s->sql, doing, err);
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
    lost_positions_vanished(s->c->name, k->wish);
    s->positions_gone = true;
    *k->lost = true;
}

// Where events have been counted: no partition at all has a position, or this one was given a lane,
// which the row that it no longer has would name.
static bool ask_whether_deleted(struct mysql_aggregates *s, const struct claim *k, bool *deleted,
                                struct error *err) {
    buf_put_str(&s->sql,
                "SELECT 1 FROM pipeline_state WHERE id = 1 AND received > 0 AND (NOT EXISTS "
                "(SELECT 1 FROM pipeline_positions WHERE next_offset >= 0 OR lane >= 0) OR "
                "(EXISTS (SELECT 1 FROM pipeline_lanes");
    put_where(s, k);
    buf_put_str(&s->sql, " AND next_offset = -1) AND NOT EXISTS (SELECT 1 FROM pipeline_positions");
    put_where(s, k);
    buf_put_str(&s->sql, " AND lane >= 0)))");
    MYSQL_RES *rows = mysql_send_question(s->c, &s->sql, doing, err);
    if (rows == NULL) {
        return false;
    }
    *deleted = mysql_fetch_row(rows) != NULL;
    mysql_free_result(rows);
    return true;
}

// A partition that begins at the log's oldest message: everything in it is counted.
static bool may_be_new(struct mysql_aggregates *s, const struct claim *k, struct error *err) {
    bool deleted = s->positions_gone;
    if (!deleted && !ask_whether_deleted(s, k, &deleted, err)) {
        return false;
    }
    if (deleted) {
        s->c->fault = MYSQL_FAULT_FATAL;
        return lost_positions_refuse(s->c->name, k->wish, err);
    }
    return true;
}

// --- All of it

// The transaction, up to COMMIT.
static bool claim_once(struct mysql_aggregates *s, struct claim *k, struct error *err) {
    const struct position_wish *wish = k->wish;
    bool is_new;
    s->c->fault = MYSQL_FAULT_NONE;
    k->out->other_id[0] = '\0';
    if (!look_for_row(s, k, &is_new, err)) {
        return false;
    }
    if (is_new && wish->held_epoch_us != 0) {
        note_vanished(s, k);
        return true;
    }
    if (is_new && !may_be_new(s, k, err)) {
        return false;
    }
    // The row is made in a transaction of its own, so that nobody waits for this one to see it.
    if (!put_row(s, k, err) || !mysql_begin(s->c, doing, err) || !lock_row(s, k, err)) {
        return false;
    }
    *k->lost = wish->held_epoch_us != 0 && k->found_us != wish->held_epoch_us &&
               !claim_doubts_has(&s->doubts, wish->topic.name, wish->partition, k->found_us);
    if (!*k->lost && !wish->anew && wish->topic.id[0] != '\0' && k->topic_id[0] != '\0' &&
        strcmp(wish->topic.id, k->topic_id) != 0) {
        memcpy(k->out->other_id, k->topic_id, sizeof k->topic_id);
        return true;
    }
    return *k->lost || (take_lane(s, k, err) && write_row(s, k, err) && read_refused(s, k, err));
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
            mysql_lock_wait_begin(s->c, doing, since_ns);
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

static enum store_result give_claim_up(struct claim *k, enum store_result result) {
    free(k->out->refused);
    *k->out = (struct position_claim){0};
    return result;
}

enum store_result mysql_aggregates_claim(struct aggregates *a, const struct position_wish *wish,
                                         struct position_claim *out, bool *lost,
                                         struct error *err) {
    struct mysql_aggregates *s = (struct mysql_aggregates *)a;
    struct claim k = {.wish = wish, .out = out, .lost = lost};
    *out = (struct position_claim){0};
    *lost = false;
    if (!mysql_aggregates_ready(s, err)) {
        return err->cls == ERROR_RETRIABLE ? STORE_RETRY : STORE_ERROR;
    }
    enum store_result result = claim_patiently(s, &k, err);
    if (result != STORE_OK) {
        return give_claim_up(&k, result);
    }
    if (!mysql_end(s->c, doing, err)) {
        if (!*lost && out->other_id[0] == '\0') {
            claim_doubts_note(&s->doubts, wish->topic.name, wish->partition,
                              wish->held_epoch_us != 0 ? k.found_us : 0, out->epoch_us);
        }
        mysql_aggregates_lost(s, err);
        return give_claim_up(&k, STORE_RETRY);
    }
    claim_doubts_end(&s->doubts, wish->topic.name, wish->partition);
    return STORE_OK;
}
