// SPDX-License-Identifier: MIT
// Opening the embedded store: what it shares with others first (sqlite_sums_open.c), then raw
// orders.
//
// 1. Mend floors that are ahead of the clock.
// 2. Read the positions and check that they agree with the counts.
// 3. Prepare the statements; open the index of order ids.
//
// How it fails: `err` says what; everything that was opened is closed again by the caller with
// sqlite_store_disconnect.
#include "store/sqlite/sqlite_rows.h"
#include "store/sqlite/sqlite_store.h"

void sqlite_store_disconnect(struct sqlite_store *s) {
    sqlite3_stmt **statements[] = {&s->add_orders, &s->add_adjustment, &s->put_position,
                                   &s->put_log_position};
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        sqlite3_finalize(*statements[i]);
        *statements[i] = NULL;
    }
    sqlite_doubts_close(&s->doubts);
    sqlite_lookup_close(&s->lookup);
    sqlite_aside_close(&s->aside);
    pthread_rwlock_wrlock(&s->index_lock);
    order_index_close(s->index);
    s->index = NULL;
    pthread_rwlock_unlock(&s->index_lock);
    sqlite_sums_disconnect(&s->sums);
    rows_source_close(&s->arriving);
}

static bool sqlite_open_prepare_all(struct sqlite_store *s, struct error *err) {
    const struct {
        sqlite3_stmt **stmt;
        const char *sql;
    } all[] = {
        {&s->add_orders, PENDING_INSERT},
        {&s->add_adjustment, ADJUSTMENT_INSERT},
        {&s->put_position, "UPDATE pipeline_positions SET next_offset = ?1 "
                           "WHERE topic = 'embedded' AND partition = 0"},
        {&s->put_log_position, "INSERT OR REPLACE INTO pipeline_positions (topic, partition, "
                               "next_offset, epoch, topic_id) VALUES (?1, ?2, ?3, 0, ?4)"},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (!sqlite_prepare(s->sums.db, all[i].sql, all[i].stmt, err)) {
            return false;
        }
    }
    return true;
}

// Positions are without gaps, so their highest must be the number of accepted events.
static bool read_positions(struct sqlite_store *s, struct error *err) {
    int64_t n_orders, n_adjustments, accepted = s->sums.state.counts.accepted;
    if (!sqlite_int(s->sums.db, "SELECT max(rowid) FROM order_rows", 0, &n_orders, err) ||
        !sqlite_int(s->sums.db, "SELECT max(position) FROM adjustment_rows", 0, &n_adjustments,
                    err)) {
        return false;
    }
    if (n_orders + n_adjustments != accepted) {
        return error_set(
            err, ERROR_FATAL,
            "the database is damaged: %lld events were accepted, but its rows end with "
            "order %lld and adjustment %lld; restore it from a copy",
            (long long)accepted, (long long)n_orders, (long long)n_adjustments);
    }
    s->next_order = n_orders + 1;
    s->next_adjustment = n_adjustments + 1;
    return true;
}

bool sqlite_store_connect(struct sqlite_store *s, struct store_settings *settings,
                          bool after_failure, struct error *err) {
    struct sqlite_sums *sums = &s->sums;
    if (!sqlite_sums_connect(sums, SQLITE_HOLDS_ALL, settings, after_failure, err) ||
        !sqlite_floors_heal(s, err) || !read_positions(s, err) || !sqlite_log_read(s, err) ||
        !rows_source_open(&s->arriving, sums->db, "order_rows", err) ||
        !sqlite_open_prepare_all(s, err) || !sqlite_doubts_open(sums->db, &s->doubts, err) ||
        !sqlite_lookup_open(sums->db, &s->lookup, err)) {
        return false;
    }
    struct order_index *index =
        order_index_open(sums->db, sums->directory, sums->vfs, sums->state.indexed_below, err);
    if (index == NULL) {
        return false;
    }
    pthread_rwlock_wrlock(&s->index_lock);
    s->index = index;
    pthread_rwlock_unlock(&s->index_lock);
    return true;
}
