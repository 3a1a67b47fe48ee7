// SPDX-License-Identifier: MIT
// Runs are of tiers by their size, each up to eight times the size of the one before.
//
// 1. As soon as a tier has eight runs, they are merged into one. So there are some dozen runs, and
//    an id is written once for each tier: three times with a hundred million.
// 2. Each commit merges a stretch: the smallest extents of all inputs, block by block, go to the
//    new run, which is not in use meanwhile; its inputs are.
// 3. With the last of them, in one transaction, the new run comes into use and its inputs are given
//    up.
// 4. The commits after that delete the blocks of what was given up, some at a time.
//
// Crash: a merge goes on behind the last id of the last block that was committed, since all ids up
// to there are in the new run, and all after it are not. An orderly end writes a block of what it
// has. A run that no merge writes was that of waiting ids, of which not all are in it: it is given
// up, and they are read back from the rows.
//
// How it fails: as the batch that it is part of; without memory nothing is merged for now.
#include "store/sqlite/order_merge.h"

#include "base/mem.h"
#include <stdlib.h>

enum {
    TOGETHER = 8,          // runs of a tier that are merged
    TOGETHER_MOST = 16,    // when there are more by then
    SMALLEST_BLOCKS = 460, // of some 400,000 random ids
    TIERS = 12,
    EXTENTS_A_BLOCK = 256, // fewer than there are: what was given up goes faster than it comes
};

struct known_run {
    int64_t run, n_blocks, merged_into;
    enum run_state state;
};

struct order_merge {
    sqlite3 *db;
    sqlite3_stmt *list, *block, *seek, *mark, *give_up, *delete_blocks, *delete_run;
    struct known_run *runs;
    size_t n_runs, cap_runs;
    bool listed;

    struct run_writer writer;
    struct run_cursor *inputs; // NULL: nothing is being merged
    size_t n_inputs;
};

static int64_t smallest_blocks = SMALLEST_BLOCKS;

void order_merge_set_smallest(int64_t n_blocks) {
    smallest_blocks = n_blocks != 0 ? n_blocks : SMALLEST_BLOCKS;
}

// --- Opening

static const char give_up_sql[] =
    "UPDATE order_runs SET state = 2 WHERE state = 0 AND run NOT IN "
    "(SELECT merged_into FROM order_runs WHERE merged_into IS NOT NULL)";

struct order_merge *order_merge_open(sqlite3 *db, struct error *err) {
    struct order_merge *m = mem_zalloc(1, sizeof *m);
    m->db = db;
    const struct {
        sqlite3_stmt **stmt;
        const char *sql;
    } all[] = {
        {&m->list, "SELECT run, state, coalesce(merged_into, 0), blocks FROM order_runs"},
        {&m->block, order_block_sql},
        {&m->seek, order_seek_sql},
        {&m->mark, "UPDATE order_runs SET merged_into = ?2 WHERE run = ?1"},
        {&m->give_up, "UPDATE order_runs SET state = 2, merged_into = NULL WHERE merged_into = ?1"},
        {&m->delete_blocks,
         "DELETE FROM order_blocks WHERE block IN (SELECT block FROM order_blocks "
         "WHERE block >= ?1 << 32 AND block < (?1 + 1) << 32 ORDER BY block LIMIT ?2)"},
        {&m->delete_run, "DELETE FROM order_runs WHERE run = ?1"},
    };
    bool ok = sqlite_run(db, give_up_sql, err) && run_writer_open(db, &m->writer, err);
    for (size_t i = 0; ok && i < COUNT_OF(all); i++) {
        ok = sqlite_prepare(db, all[i].sql, all[i].stmt, err);
    }
    if (!ok) {
        order_merge_close(m);
        return NULL;
    }
    return m;
}

void order_merge_close(struct order_merge *m) {
    if (m == NULL) {
        return;
    }
    sqlite3_stmt *all[] = {m->list,    m->block,         m->seek,      m->mark,
                           m->give_up, m->delete_blocks, m->delete_run};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        sqlite3_finalize(all[i]);
    }
    run_writer_close(&m->writer);
    free(m->inputs);
    free(m->runs);
    free(m);
}

void order_merge_look(struct order_merge *m) {
    m->listed = false;
}

static enum store_result merge_failed(struct order_merge *m, struct error *err) {
    return sqlite_failed(m->db, "merging order ids", err);
}

static enum store_result no_room(struct error *err) {
    error_set(err, ERROR_RETRIABLE, "out of memory while merging order ids");
    return STORE_RETRY;
}

static enum store_result list_runs(struct order_merge *m, struct error *err) {
    int rc;
    m->n_runs = 0;
    while ((rc = sqlite3_step(m->list)) == SQLITE_ROW) {
        if (m->n_runs == m->cap_runs) {
            size_t cap = m->cap_runs == 0 ? 64 : m->cap_runs * 2;
            struct known_run *runs = try_realloc(m->runs, cap * sizeof *runs);
            if (runs == NULL) {
                sqlite3_reset(m->list);
                return no_room(err);
            }
            m->runs = runs;
            m->cap_runs = cap;
        }
        m->runs[m->n_runs++] = (struct known_run){.run = sqlite3_column_int64(m->list, 0),
                                                  .state = sqlite3_column_int(m->list, 1),
                                                  .merged_into = sqlite3_column_int64(m->list, 2),
                                                  .n_blocks = sqlite3_column_int64(m->list, 3)};
    }
    enum store_result result = rc == SQLITE_DONE ? STORE_OK : merge_failed(m, err);
    sqlite3_reset(m->list);
    m->listed = result == STORE_OK;
    return result;
}

// --- Deleting

static enum store_result delete_given_up(struct order_merge *m, int64_t n_blocks,
                                         struct error *err) {
    struct known_run *gone = NULL;
    for (size_t i = 0; i < m->n_runs && gone == NULL; i++) {
        gone = m->runs[i].state == RUN_GIVEN_UP ? &m->runs[i] : NULL;
    }
    if (gone == NULL) {
        return STORE_OK;
    }
    sqlite3_bind_int64(m->delete_blocks, 1, gone->run);
    sqlite3_bind_int64(m->delete_blocks, 2, n_blocks);
    if (!sqlite_do(m->delete_blocks)) {
        return merge_failed(m, err);
    }
    if (sqlite3_changes64(m->db) < n_blocks) {
        sqlite3_bind_int64(m->delete_run, 1, gone->run);
        if (!sqlite_do(m->delete_run)) {
            return merge_failed(m, err);
        }
        m->listed = false;
    }
    return STORE_OK;
}

// --- Beginning

static int tier_of(const struct known_run *r) {
    int tier = 0;
    for (int64_t most = smallest_blocks; r->n_blocks > most && tier < TIERS - 1; most *= TOGETHER) {
        tier++;
    }
    return tier;
}

static bool may_merge(const struct known_run *r, int tier) {
    return r->state == RUN_IN_USE && r->merged_into == 0 && tier_of(r) == tier;
}

// The smallest tier that has enough of them; -1: none has.
static int tier_to_merge(const struct order_merge *m) {
    int n[TIERS] = {0};
    for (size_t i = 0; i < m->n_runs; i++) {
        int tier = tier_of(&m->runs[i]);
        n[tier] += may_merge(&m->runs[i], tier);
    }
    for (int tier = 0; tier < TIERS; tier++) {
        if (n[tier] >= TOGETHER) {
            return tier;
        }
    }
    return -1;
}

static bool room_for_inputs(struct order_merge *m, size_t n) {
    m->inputs = try_alloc(n * sizeof *m->inputs);
    m->n_inputs = 0;
    return m->inputs != NULL;
}

static struct run_cursor *add_input(struct order_merge *m, const struct known_run *r) {
    struct run_cursor *c = &m->inputs[m->n_inputs++];
    c->run = r->run;
    c->n_blocks = r->n_blocks;
    c->next = 0;
    c->at = c->block.n = 0;
    c->ended = false;
    return c;
}

static enum store_result begin_merge(struct order_merge *m, int tier, struct error *err) {
    if (!room_for_inputs(m, TOGETHER_MOST)) {
        return STORE_OK; // another time
    }
    enum store_result result = run_writer_begin(&m->writer, err);
    for (size_t i = 0; result == STORE_OK && i < m->n_runs && m->n_inputs < TOGETHER_MOST; i++) {
        if (!may_merge(&m->runs[i], tier)) {
            continue;
        }
        sqlite3_bind_int64(m->mark, 1, m->runs[i].run);
        sqlite3_bind_int64(m->mark, 2, m->writer.run);
        result = sqlite_do(m->mark) ? run_cursor_next(add_input(m, &m->runs[i]), m->block, err)
                                    : merge_failed(m, err);
    }
    m->listed = false;
    return result;
}

static size_t inputs_of(const struct order_merge *m, int64_t run) {
    size_t n = 0;
    for (size_t i = 0; i < m->n_runs; i++) {
        n += m->runs[i].merged_into == run;
    }
    return n;
}

// One that was not through when the writer before ended. No block of it may be there yet.
static enum store_result resume_merge(struct order_merge *m, int64_t run, struct error *err) {
    bool has_last;
    if (!room_for_inputs(m, inputs_of(m, run))) {
        return STORE_OK; // another time
    }
    enum store_result result = run_writer_resume(&m->writer, run, m->seek, &has_last, err);
    const int64_t last_id = has_last ? m->writer.last.key + (m->writer.last.n - 1) : 0;
    for (size_t i = 0; result == STORE_OK && i < m->n_runs; i++) {
        if (m->runs[i].merged_into == run) {
            struct run_cursor *c = add_input(m, &m->runs[i]);
            result = has_last ? run_cursor_seek(c, m->seek, m->block, last_id, err)
                              : run_cursor_next(c, m->block, err);
        }
    }
    return result;
}

static enum store_result find_merge(struct order_merge *m, struct error *err) {
    for (size_t i = 0; i < m->n_runs; i++) {
        if (m->runs[i].merged_into != 0) {
            return resume_merge(m, m->runs[i].merged_into, err);
        }
    }
    int tier = tier_to_merge(m);
    return tier >= 0 ? begin_merge(m, tier, err) : STORE_OK;
}

// --- Merging

static struct run_cursor *smallest_input(struct order_merge *m) {
    struct run_cursor *smallest = NULL;
    for (size_t i = 0; i < m->n_inputs; i++) {
        struct run_cursor *c = &m->inputs[i];
        if (!c->ended && (smallest == NULL || c->now.key < smallest->now.key)) {
            smallest = c;
        }
    }
    return smallest;
}

static enum store_result end_merge(struct order_merge *m, struct error *err) {
    const int64_t run = m->writer.run;
    enum store_result result = run_writer_end(&m->writer, err);
    sqlite3_bind_int64(m->give_up, 1, run);
    if (result == STORE_OK && !sqlite_do(m->give_up)) {
        result = merge_failed(m, err);
    }
    free(m->inputs);
    m->inputs = NULL;
    m->listed = false;
    return result;
}

static enum store_result merge_stretch(struct order_merge *m, size_t n_extents, struct error *err) {
    enum store_result result = STORE_OK;
    struct run_cursor *c = smallest_input(m);
    for (size_t i = 0; result == STORE_OK && c != NULL && i < n_extents; i++) {
        result = run_writer_add(&m->writer, &c->now, err);
        if (result == STORE_OK) {
            result = run_cursor_next(c, m->block, err);
        }
        c = smallest_input(m);
    }
    return result == STORE_OK && c == NULL ? end_merge(m, err) : result;
}

enum store_result order_merge_step(struct order_merge *m, size_t n_extents, struct error *err) {
    enum store_result result = m->listed ? STORE_OK : list_runs(m, err);
    if (result == STORE_OK) {
        result = delete_given_up(m, (int64_t)(n_extents / EXTENTS_A_BLOCK + 1), err);
    }
    if (result == STORE_OK && m->inputs == NULL && m->listed) {
        result = find_merge(m, err);
    }
    return result == STORE_OK && m->inputs != NULL ? merge_stretch(m, n_extents, err) : result;
}

enum store_result order_merge_pause(struct order_merge *m, struct error *err) {
    return m->inputs != NULL ? run_writer_pause(&m->writer, err) : STORE_OK;
}

enum store_result order_merge_has_many(struct order_merge *m, bool *many, struct error *err) {
    enum store_result result = m->listed ? STORE_OK : list_runs(m, err);
    int n_smallest = 0;
    for (size_t i = 0; result == STORE_OK && i < m->n_runs; i++) {
        n_smallest += m->runs[i].state == RUN_IN_USE && tier_of(&m->runs[i]) == 0;
    }
    *many = n_smallest >= TOGETHER;
    return result;
}
