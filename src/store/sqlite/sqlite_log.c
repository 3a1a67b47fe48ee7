// SPDX-License-Identifier: MIT
// The embedded store over a log: positions of the log's partitions are rows of pipeline_positions,
// written in the transaction of the orders themselves. The directory's lock makes this process the
// only writer, so no epoch is needed, and order_index knows every order for ever, so no history.
//
// The row has the topic's id: one made anew begins as a new partition, when that is wished.
//
// claim reads a partition's row; advance notes where the batch has come to; the commit writes it.
// After a failure everything in memory is thrown away with the rest and read again.
#include "base/mem.h"
#include "store/sqlite/sqlite_store.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { NOT_MOVED = -1 };

struct sqlite_part {
    char *topic; // NULL: not held
    char topic_id[LOG_TOPIC_ID_BYTES];
    int64_t committed, moved_to;
};

static struct sqlite_store *sqlite_log_of(struct log_store *log) {
    return (struct sqlite_store *)((char *)log - offsetof(struct sqlite_store, log));
}

static void make_parts(struct sqlite_store *s, int32_t partition) {
    if (partition < s->n_parts) {
        return;
    }
    s->parts = mem_realloc(s->parts, ((size_t)partition + 1) * sizeof *s->parts);
    for (; s->n_parts <= partition; s->n_parts++) {
        s->parts[s->n_parts] = (struct sqlite_part){.moved_to = NOT_MOVED};
    }
}

static bool read_position(struct sqlite_store *s, const char *topic, int32_t partition,
                          int64_t *next_offset, char topic_id[static LOG_TOPIC_ID_BYTES],
                          struct error *err) {
    sqlite3_stmt *stmt = NULL;
    if (!sqlite_prepare(s->sums.db,
                        "SELECT next_offset, topic_id FROM pipeline_positions "
                        "WHERE topic = ?1 AND partition = ?2",
                        &stmt, err)) {
        return false;
    }
    sqlite3_bind_text(stmt, 1, topic, -1, SQLITE_STATIC);
    sqlite3_bind_int(stmt, 2, partition);
    int rc = sqlite3_step(stmt);
    *next_offset = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
    snprintf(topic_id, LOG_TOPIC_ID_BYTES, "%s",
             rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 1) : "");
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        sqlite_failed(s->sums.db, "reading a position of the log", err);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

static void log_held(struct log_store *base, int32_t partition, struct log_claim *out) {
    const struct sqlite_store *s = sqlite_log_of(base);
    const struct sqlite_part *p = partition < s->n_parts ? &s->parts[partition] : NULL;
    bool held = p != NULL && p->topic != NULL;
    *out = (struct log_claim){.next_offset = held ? p->committed : -1,
                              .counted_offset = held ? p->committed : -1,
                              .lost = !held,
                              .lane = partition};
    if (held && p->moved_to != NOT_MOVED) {
        out->next_offset = p->moved_to;
    }
    out->history_offset = out->next_offset;
}

static enum store_result log_claim(struct log_store *base, const struct log_topic *topic,
                                   int32_t partition, bool anew, struct log_claim *out,
                                   struct error *err) {
    struct sqlite_store *s = sqlite_log_of(base);
    int64_t next_offset;
    char id[LOG_TOPIC_ID_BYTES];
    if (s->sums.db == NULL) {
        error_set(err, ERROR_RETRIABLE, "the store is not open");
        return STORE_RETRY;
    }
    if (!read_position(s, topic->name, partition, &next_offset, id, err)) {
        return err->cls == ERROR_RETRIABLE ? STORE_RETRY : STORE_ERROR;
    }
    if (!anew && id[0] != '\0' && topic->id[0] != '\0' && strcmp(id, topic->id) != 0) {
        *out = (struct log_claim){.next_offset = next_offset};
        memcpy(out->other_id, id, sizeof id);
        return STORE_OK;
    }
    make_parts(s, partition);
    struct sqlite_part *p = &s->parts[partition];
    if (p->moved_to == NOT_MOVED) { // else given up and back within a batch: it goes on
        p->committed = anew ? -1 : next_offset;
    }
    free(p->topic);
    p->topic = mem_strndup(topic->name, strlen(topic->name));
    snprintf(p->topic_id, sizeof p->topic_id, "%s", topic->id[0] != '\0' || anew ? topic->id : id);
    log_held(base, partition, out);
    return STORE_OK;
}

static void log_release(struct log_store *base, int32_t partition) {
    struct sqlite_store *s = sqlite_log_of(base);
    // One with events in the batch in work is committed with them all the same: nobody else writes.
    if (partition < s->n_parts && s->parts[partition].moved_to == NOT_MOVED) {
        free(s->parts[partition].topic);
        s->parts[partition].topic = NULL;
    }
}

static void log_advance(struct log_store *base, int32_t partition, int64_t next_offset) {
    sqlite_log_of(base)->parts[partition].moved_to = next_offset;
}

struct log_store *sqlite_log_init(struct log_store *log) {
    static const struct log_store_ops ops = {
        .claim = log_claim, .held = log_held, .release = log_release, .advance = log_advance};
    log->ops = &ops;
    return log;
}

bool sqlite_log_write(struct sqlite_store *s) {
    for (int32_t i = 0; i < s->n_parts; i++) {
        struct sqlite_part *p = &s->parts[i];
        if (p->moved_to == NOT_MOVED) {
            continue;
        }
        sqlite3_bind_text(s->put_log_position, 1, p->topic, -1, SQLITE_STATIC);
        sqlite3_bind_int(s->put_log_position, 2, i);
        sqlite3_bind_int64(s->put_log_position, 3, p->moved_to);
        sqlite3_bind_text(s->put_log_position, 4, p->topic_id, -1, SQLITE_STATIC);
        if (!sqlite_do(s->put_log_position)) {
            return false;
        }
    }
    return true;
}

void sqlite_log_committed(struct sqlite_store *s) {
    for (int32_t i = 0; i < s->n_parts; i++) {
        if (s->parts[i].moved_to != NOT_MOVED) {
            s->parts[i].committed = s->parts[i].moved_to;
            s->parts[i].moved_to = NOT_MOVED;
        }
    }
}

bool sqlite_log_read(struct sqlite_store *s, struct error *err) {
    for (int32_t i = 0; i < s->n_parts; i++) {
        struct sqlite_part *p = &s->parts[i];
        p->moved_to = NOT_MOVED;
        char id[LOG_TOPIC_ID_BYTES];
        if (p->topic != NULL && !read_position(s, p->topic, i, &p->committed, id, err)) {
            return false;
        }
    }
    return true;
}

void sqlite_log_free(struct sqlite_store *s) {
    for (int32_t i = 0; i < s->n_parts; i++) {
        free(s->parts[i].topic);
    }
    free(s->parts);
}
