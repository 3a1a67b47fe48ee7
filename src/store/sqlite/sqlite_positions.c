// SPDX-License-Identifier: MIT
// The rows of pipeline_positions, pipeline_lanes and pipeline_refused.
//
// A lane is given once: to a partition of a topic the first time that it is claimed, its own number
// where that is free. When a topic was made anew its lane ends, with how far it was counted, and
// another one begins: raw rows of both stay apart, and count.
//
// How it fails: whatever SQLite says; the caller undoes the transaction.
#include "store/sqlite/sqlite_positions.h"

#include "base/mem.h"
#include "store/lost_positions.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum statement {
    GET_ROW,
    WAS_DELETED,
    NEW_ROW,
    SET_ROW,
    MOVE_ROW,
    LANE_IS_FREE,
    NEXT_LANE,
    BEGIN_LANE,
    END_LANE,
    GET_REFUSED,
    ADD_REFUSED,
    DROP_REFUSED,
    N_STATEMENTS
};
_Static_assert((int)N_STATEMENTS <= (int)N_POSITION_STATEMENTS, "there is room for all");

static const char *const statements[N_STATEMENTS] = {
    [GET_ROW] = "SELECT next_offset, epoch, topic_id, lane, window_offset, window_ms "
                "FROM pipeline_positions WHERE topic = ?1 AND partition = ?2",
    // Where events have been counted: no partition at all has a position, or this one was given a
    // lane, which the row that it no longer has would name.
    [WAS_DELETED] =
        "SELECT (SELECT received FROM pipeline_state) > 0 AND (NOT EXISTS (SELECT 1 FROM "
        "pipeline_positions WHERE next_offset >= 0 OR lane >= 0) OR (EXISTS (SELECT 1 FROM "
        "pipeline_lanes WHERE topic = ?1 AND partition = ?2 AND next_offset = -1) AND NOT EXISTS "
        "(SELECT 1 FROM pipeline_positions WHERE topic = ?1 AND partition = ?2 AND lane >= 0)))",
    [NEW_ROW] = "INSERT OR IGNORE INTO pipeline_positions (topic, partition, next_offset, epoch) "
                "VALUES (?1, ?2, -1, 0)",
    [SET_ROW] = "UPDATE pipeline_positions SET next_offset = ?3, epoch = ?4, topic_id = ?5, "
                "lane = ?6, window_offset = ?7, window_ms = ?8 "
                "WHERE topic = ?1 AND partition = ?2",
    [MOVE_ROW] = "UPDATE pipeline_positions SET next_offset = ?3, window_offset = ?4, "
                 "window_ms = ?5 WHERE topic = ?1 AND partition = ?2",
    [LANE_IS_FREE] = "SELECT NOT EXISTS (SELECT 1 FROM pipeline_lanes WHERE lane = ?1)",
    [NEXT_LANE] = "SELECT coalesce(max(lane), -1) + 1 FROM pipeline_lanes",
    [BEGIN_LANE] = "INSERT INTO pipeline_lanes VALUES (?1, ?2, ?3, ?4, -1) "
                   "ON CONFLICT (lane) DO UPDATE SET topic_id = excluded.topic_id",
    [END_LANE] = "UPDATE pipeline_lanes SET next_offset = ?2 WHERE lane = ?1",
    [GET_REFUSED] = "SELECT \"offset\" FROM pipeline_refused WHERE lane = ?1 AND \"offset\" >= ?2 "
                    "ORDER BY \"offset\"",
    [ADD_REFUSED] = "INSERT OR IGNORE INTO pipeline_refused VALUES (?1, ?2)",
    [DROP_REFUSED] = "DELETE FROM pipeline_refused WHERE lane = ?1 AND \"offset\" < ?2",
};

bool sqlite_positions_open(struct sqlite_positions *p, sqlite3 *db, struct error *err) {
    p->db = db;
    for (int i = 0; i < N_STATEMENTS; i++) {
        if (!sqlite_prepare(db, statements[i], &p->at[i], err)) {
            return false;
        }
    }
    return true;
}

void sqlite_positions_close(struct sqlite_positions *p) {
    for (int i = 0; i < N_STATEMENTS; i++) {
        sqlite3_finalize(p->at[i]);
        p->at[i] = NULL;
    }
}

static sqlite3_stmt *bound(struct sqlite_positions *p, enum statement which, const char *topic,
                           int32_t partition) {
    sqlite3_bind_text(p->at[which], 1, topic, -1, SQLITE_STATIC);
    sqlite3_bind_int(p->at[which], 2, partition);
    return p->at[which];
}

// Reads the row, if there is one.
static enum store_result read_row(struct sqlite_positions *p, const char *topic, int32_t partition,
                                  bool *there, struct position_claim *out, char *topic_id,
                                  struct error *err) {
    sqlite3_stmt *stmt = bound(p, GET_ROW, topic, partition);
    int rc = sqlite3_step(stmt);
    *there = rc == SQLITE_ROW;
    if (*there) {
        out->next_offset = sqlite3_column_int64(stmt, 0);
        out->epoch_us = sqlite3_column_int64(stmt, 1);
        snprintf(topic_id, LOG_TOPIC_ID_BYTES, "%s", (const char *)sqlite3_column_text(stmt, 2));
        out->lane = sqlite3_column_int(stmt, 3);
        out->window =
            (struct id_window_start){sqlite3_column_int64(stmt, 4), sqlite3_column_int64(stmt, 5)};
    }
    enum store_result result = rc == SQLITE_ROW || rc == SQLITE_DONE
                                   ? STORE_OK
                                   : sqlite_failed(p->db, "reading a position", err);
    sqlite3_reset(stmt);
    return result;
}

static enum store_result failed_claim(struct sqlite_positions *p, struct error *err) {
    return sqlite_failed(p->db, "claiming a partition", err);
}

static bool ask_number(sqlite3_stmt *stmt, int64_t *out) {
    bool ok = sqlite3_step(stmt) == SQLITE_ROW;
    *out = ok ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_reset(stmt);
    return ok;
}

// out->lane is of nobody else.
static enum store_result give_lane(struct sqlite_positions *p, int32_t partition,
                                   struct position_claim *out, struct error *err) {
    int64_t is_free, lane = partition;
    sqlite3_bind_int(p->at[LANE_IS_FREE], 1, partition);
    if (!ask_number(p->at[LANE_IS_FREE], &is_free) ||
        (is_free == 0 && !ask_number(p->at[NEXT_LANE], &lane))) {
        return failed_claim(p, err);
    }
    if (lane > POSITION_LANE_MAX) {
        error_set(err, ERROR_USAGE,
                  "pipeline_lanes has given all of its %d lanes: take other "
                  "aggregates",
                  POSITION_LANE_MAX + 1);
        return STORE_ERROR;
    }
    out->lane = (int32_t)lane;
    return STORE_OK;
}

static enum store_result begin_lane(struct sqlite_positions *p, const struct position_wish *wish,
                                    const char *topic_id, struct position_claim *out,
                                    struct error *err) {
    // Also where nothing was counted: raw rows of a batch that was not may stand in that lane.
    if (wish->anew && (out->next_offset >= 0 || out->lane >= 0)) {
        sqlite3_bind_int(p->at[END_LANE], 1, out->lane);
        sqlite3_bind_int64(p->at[END_LANE], 2, out->next_offset > 0 ? out->next_offset : 0);
        if (!sqlite_do(p->at[END_LANE])) {
            return failed_claim(p, err);
        }
        out->lane = -1;
        out->next_offset = out->window.offset = -1;
        out->window.time_ms = 0;
    }
    if (out->lane < 0) {
        enum store_result result = give_lane(p, wish->partition, out, err);
        if (result != STORE_OK) {
            return result;
        }
    }
    sqlite3_stmt *stmt = p->at[BEGIN_LANE];
    sqlite3_bind_int(stmt, 1, out->lane);
    sqlite3_bind_text(stmt, 2, wish->topic.name, -1, SQLITE_STATIC);
    sqlite3_bind_int(stmt, 3, wish->partition);
    sqlite3_bind_text(stmt, 4, topic_id, -1, SQLITE_STATIC);
    return sqlite_do(stmt) ? STORE_OK : failed_claim(p, err);
}

static enum store_result write_row(struct sqlite_positions *p, const struct position_wish *wish,
                                   const char *topic_id, const struct position_claim *c,
                                   struct error *err) {
    sqlite3_stmt *stmt = bound(p, SET_ROW, wish->topic.name, wish->partition);
    sqlite3_bind_int64(stmt, 3, c->next_offset);
    sqlite3_bind_int64(stmt, 4, c->epoch_us);
    sqlite3_bind_text(stmt, 5, topic_id, -1, SQLITE_STATIC);
    sqlite3_bind_int(stmt, 6, c->lane);
    sqlite3_bind_int64(stmt, 7, c->window.offset);
    sqlite3_bind_int64(stmt, 8, c->window.time_ms);
    return sqlite_do(stmt) ? STORE_OK : failed_claim(p, err);
}

static enum store_result read_refused(struct sqlite_positions *p, struct position_claim *out,
                                      struct error *err) {
    sqlite3_stmt *stmt = p->at[GET_REFUSED];
    size_t cap = 0;
    int rc;
    sqlite3_bind_int(stmt, 1, out->lane);
    sqlite3_bind_int64(stmt, 2, out->window.offset);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (out->n_refused == cap) {
            cap = cap == 0 ? 64 : cap * 2;
            out->refused = mem_realloc(out->refused, cap * sizeof *out->refused);
        }
        out->refused[out->n_refused++] = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? STORE_OK : failed_claim(p, err);
}

// A partition that begins at the log's oldest message: everything in it is counted.
static enum store_result may_be_new(struct sqlite_positions *p, const struct sqlite_claim *claim,
                                    struct error *err) {
    const struct position_wish *wish = claim->wish;
    int64_t deleted = 1;
    if (!p->gone &&
        !ask_number(bound(p, WAS_DELETED, wish->topic.name, wish->partition), &deleted)) {
        return failed_claim(p, err);
    }
    return deleted == 0 || lost_positions_refuse(claim->where, wish, err) ? STORE_OK : STORE_ERROR;
}

// The row as it is, or a new one. One that was ours and is no longer there is lost, and whoever
// claims it next is told why it cannot be.
static enum store_result find_row(struct sqlite_positions *p, struct sqlite_claim *claim,
                                  struct position_claim *out, char *id, struct error *err) {
    const struct position_wish *wish = claim->wish;
    bool there;
    enum store_result result = read_row(p, wish->topic.name, wish->partition, &there, out, id, err);
    if (result != STORE_OK || (there && (wish->held_epoch_us != 0 || out->next_offset >= 0))) {
        return result;
    }
    if (!there && wish->held_epoch_us != 0) {
        lost_positions_vanished(claim->where, wish);
        p->gone = claim->lost = true;
        return STORE_OK;
    }
    result = may_be_new(p, claim, err);
    if (result == STORE_OK && !there &&
        !sqlite_do(bound(p, NEW_ROW, wish->topic.name, wish->partition))) {
        result = failed_claim(p, err);
    }
    return result == STORE_OK && !there
               ? read_row(p, wish->topic.name, wish->partition, &there, out, id, err)
               : result;
}

enum store_result sqlite_positions_claim(struct sqlite_positions *p, struct sqlite_claim *claim,
                                         struct position_claim *out, struct error *err) {
    const struct position_wish *wish = claim->wish;
    char id[LOG_TOPIC_ID_BYTES] = "";
    *out = (struct position_claim){.next_offset = -1};
    enum store_result result = find_row(p, claim, out, id, err);
    if (result != STORE_OK || claim->lost) {
        return result;
    }
    claim->found_us = out->epoch_us;
    claim->lost = wish->held_epoch_us != 0 && claim->found_us != wish->held_epoch_us &&
                  !claim->epoch_is_ours(claim->user, wish, claim->found_us);
    bool other = id[0] != '\0' && wish->topic.id[0] != '\0' && strcmp(id, wish->topic.id) != 0;
    if (result == STORE_OK && other && !wish->anew) {
        memcpy(out->other_id, id, sizeof id);
    }
    if (result != STORE_OK || claim->lost || out->other_id[0] != '\0') {
        return result;
    }
    const char *topic_id = wish->anew || wish->topic.id[0] != '\0' ? wish->topic.id : id;
    out->epoch_us = out->epoch_us + 1 > claim->now_us ? out->epoch_us + 1 : claim->now_us;
    result = begin_lane(p, wish, topic_id, out, err);
    result = result == STORE_OK ? write_row(p, wish, topic_id, out, err) : result;
    return result == STORE_OK ? read_refused(p, out, err) : result;
}

enum commit_result sqlite_positions_move(struct sqlite_positions *p, const char *topic,
                                         const struct position_move *m, struct error *err) {
    struct position_claim row = {.next_offset = -1};
    char id[LOG_TOPIC_ID_BYTES];
    bool there;
    enum store_result result = read_row(p, topic, m->partition, &there, &row, id, err);
    if (result != STORE_OK) {
        return result == STORE_RETRY ? COMMIT_RETRY : COMMIT_ERROR;
    }
    if (!there || row.next_offset != m->from || row.epoch_us != m->epoch_us) {
        error_set(err, ERROR_FATAL,
                  "partition %d of %s is not ours any more: expected next offset %lld and epoch "
                  "%lld, found %lld and %lld; nothing was stored",
                  m->partition, topic, (long long)m->from, (long long)m->epoch_us,
                  (long long)row.next_offset, (long long)row.epoch_us);
        return COMMIT_FENCED;
    }
    sqlite3_stmt *stmt = bound(p, MOVE_ROW, topic, m->partition);
    sqlite3_bind_int64(stmt, 3, m->to);
    sqlite3_bind_int64(stmt, 4, m->window.offset);
    sqlite3_bind_int64(stmt, 5, m->window.time_ms);
    if (sqlite_do(stmt)) {
        return COMMIT_OK;
    }
    result = sqlite_failed(p->db, "moving positions", err);
    return result == STORE_RETRY ? COMMIT_RETRY : COMMIT_ERROR;
}

static bool run_refused(sqlite3_stmt *stmt, int32_t lane, int64_t offset) {
    sqlite3_bind_int(stmt, 1, lane);
    sqlite3_bind_int64(stmt, 2, offset);
    return sqlite_do(stmt);
}

enum store_result sqlite_positions_refuse(struct sqlite_positions *p,
                                          const struct aggregates_batch *b, struct error *err) {
    bool any = false, ok = true;
    for (size_t i = 0; ok && i < b->n_rejected; i++) {
        int64_t position = b->rejected[i].position;
        if (b->rejected[i].refused) {
            any = true;
            ok = run_refused(p->at[ADD_REFUSED], log_position_lane(position),
                             log_position_offset(position));
        }
    }
    for (size_t i = 0; ok && any && i < b->n_moves; i++) {
        ok = run_refused(p->at[DROP_REFUSED], b->moves[i].lane, b->moves[i].window.offset);
    }
    return ok ? STORE_OK : sqlite_failed(p->db, "storing rejected events", err);
}
