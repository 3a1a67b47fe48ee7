// SPDX-License-Identifier: MIT
// Positions of a log in a file of aggregates: whose a partition is, how far it was counted, its
// lane, and what leaves no identity. All of it runs within a transaction of the caller
// (sqlite_aggregates.c). One thread.
#pragma once
#include "store/aggregates.h"
#include "store/sqlite/sqlite_util.h"

enum { N_POSITION_STATEMENTS = 13 };

struct sqlite_positions {
    sqlite3 *db;
    sqlite3_stmt *at[N_POSITION_STATEMENTS]; // NULL while the file is closed
    bool gone; // a row that was ours was deleted: no partition is new any more
};

MUST_CHECK bool sqlite_positions_open(struct sqlite_positions *p, sqlite3 *db, struct error *err);
void sqlite_positions_close(struct sqlite_positions *p);

// The row as it is, made if it was not there; the wish's topic becomes its topic and its lane is
// given, unless out->other_id says whose it is, or its epoch is not the one that is held (*found_us
// tells; `epoch_is_ours` then). The epoch is raised to now_us at least. A row that was deleted is
// not made again: STORE_ERROR, or `lost` for its owner.
struct sqlite_claim {
    const char *where; // the directory, for a line to people
    const struct position_wish *wish;
    int64_t now_us;
    bool (*epoch_is_ours)(void *user, const struct position_wish *wish, int64_t epoch_us);
    void *user;
    int64_t found_us;
    bool lost;
};
MUST_CHECK enum store_result sqlite_positions_claim(struct sqlite_positions *p,
                                                    struct sqlite_claim *claim,
                                                    struct position_claim *out, struct error *err);
// Compares and moves. Not as its owner saw it: COMMIT_FENCED.
MUST_CHECK enum commit_result sqlite_positions_move(struct sqlite_positions *p, const char *topic,
                                                    const struct position_move *m,
                                                    struct error *err);
// Notes the batch's refused events, and drops those that its moves have left behind.
MUST_CHECK enum store_result sqlite_positions_refuse(struct sqlite_positions *p,
                                                     const struct aggregates_batch *b,
                                                     struct error *err);
