// SPDX-License-Identifier: MIT
// Floors: minute cells are kept for 15 days, hour cells for 400, counted back from the newest
// arrival. Cells below are dropped, and later orders add nothing there.
//
// The engine lets floors follow the clock's plausible course only. A start with a wrong clock, or
// an earlier program, may have left them ahead all the same; then minutes and hours between the
// true floor and theirs are missing. Healing, at each opening:
// 1. A floor more than an hour ahead of what the clock gives is such a one.
// 2. The cells of the stretch between are dropped and added up again from raw orders, and the
// floors
//    put back, in one transaction.
// Verify and rebuild take the floors as they are stored, so all laws hold before and after.
//
// How it fails: an error that the opening gives back; nothing is changed then. A clock before this
// program was written is wrong itself: nothing is done but a warning.
#include "base/log.h"
#include "order/timestamp.h"
#include "store/sqlite/sqlite_store.h"
#include <stdio.h>

enum { AHEAD_HOURS = 1 };
static const int64_t PROGRAM_IS_YOUNGER_MS = INT64_C(1735689600000); // 2025-01-01

struct floors {
    int32_t minute, hour;
};

static struct floors floors_at(int64_t now_ms) {
    return (struct floors){(int32_t)(now_ms / 60000) - SQLITE_MINUTES_KEPT,
                           (int32_t)(now_ms / 3600000) - SQLITE_HOURS_KEPT};
}

static struct floors floors_stored(const struct sqlite_store *s) {
    return (struct floors){s->minute_floor, s->hour_floor};
}

static bool are_ahead(struct floors have, struct floors want) {
    return have.minute > want.minute + 60 * AHEAD_HOURS || have.hour > want.hour + AHEAD_HOURS;
}

void sqlite_floors_raise(struct sqlite_store *s, int64_t arrival_ms) {
    struct floors f = floors_at(arrival_ms);
    s->minute_floor = f.minute > s->minute_floor ? f.minute : s->minute_floor;
    s->hour_floor = f.hour > s->hour_floor ? f.hour : s->hour_floor;
}

void sqlite_floors_look(struct sqlite_store *s) {
    if (!s->told_ahead && s->clock != NULL &&
        are_ahead(floors_stored(s), floors_at(clock_now_ms(s->clock)))) {
        s->told_ahead = true;
        log_warn("store", "the clock has been put back, or it was far ahead before: rows by minute "
                          "and hour are not complete until the next start, which mends them");
    }
}

// --- Healing

// What each raw event adds to its cell, as cube.c says it.
#define PLACED                                                                                     \
    "SELECT created_ms, group_id, 1 AS orders, quantity AS units, subtotal_e4 AS subtotal, "       \
    "discount_e4 AS discount, shipping_e4 AS shipping, tax_e4 AS tax, total_e4 AS total, "         \
    "0 AS cancelled, 0 AS refunds, 0 AS refunded FROM order_rows "                                 \
    "WHERE created_ms >= ?1 AND created_ms < ?2"
#define TAKEN_BACK                                                                                 \
    "SELECT created_ms, group_id, -(event = 1), -quantity, -subtotal_e4, -discount_e4, "           \
    "-shipping_e4, -tax_e4, -total_e4, event = 1, event = 2, "                                     \
    "CASE event WHEN 2 THEN total_e4 ELSE 0 END FROM adjustment_rows "                             \
    "WHERE created_ms >= ?1 AND created_ms < ?2"
#define ADD_UP                                                                                     \
    "SELECT ((created_ms / ?3) << 32) + group_id, sum(orders), sum(units), sum(subtotal), "        \
    "sum(discount), sum(shipping), sum(tax), sum(total), sum(cancelled), sum(refunds), "           \
    "sum(refunded) FROM (" PLACED " UNION ALL " TAKEN_BACK ") GROUP BY 1 ORDER BY 1"

struct stretch {
    const char *drop, *add_up;
    int64_t bucket_ms;
    int32_t from, to;
};

static bool run_bound(sqlite3 *db, const char *sql, const struct stretch *t, bool as_keys,
                      struct error *err) {
    sqlite3_stmt *stmt = NULL;
    if (!sqlite_prepare(db, sql, &stmt, err)) {
        return false;
    }
    sqlite3_bind_int64(stmt, 1, as_keys ? cell_key(t->from, 0) : t->from * t->bucket_ms);
    sqlite3_bind_int64(stmt, 2, as_keys ? cell_key(t->to, 0) : t->to * t->bucket_ms);
    if (!as_keys) {
        sqlite3_bind_int64(stmt, 3, t->bucket_ms);
    }
    bool ok = sqlite_do(stmt);
    if (!ok) {
        sqlite_failed(db, "adding up minutes and hours again", err);
    }
    sqlite3_finalize(stmt);
    return ok;
}

static bool mend_stretch(sqlite3 *db, const struct stretch *t, struct error *err) {
    return run_bound(db, t->drop, t, true, err) && run_bound(db, t->add_up, t, false, err);
}

static bool put_back(sqlite3 *db, struct floors from, struct floors to, struct error *err) {
    const struct stretch minutes = {"DELETE FROM minute_cells WHERE cell >= ?1 AND cell < ?2",
                                    "INSERT INTO minute_cells " ADD_UP, 60000, from.minute,
                                    to.minute};
    const struct stretch hours = {"DELETE FROM hour_cells WHERE cell >= ?1 AND cell < ?2",
                                  "INSERT INTO hour_cells " ADD_UP, 3600000, from.hour, to.hour};
    char sql[128];
    snprintf(sql, sizeof sql, "UPDATE pipeline_state SET minute_floor = %d, hour_floor = %d",
             from.minute, from.hour);
    return sqlite_run(db, "BEGIN IMMEDIATE", err) && mend_stretch(db, &minutes, err) &&
           mend_stretch(db, &hours, err) && sqlite_run(db, sql, err) &&
           sqlite_run(db, "COMMIT", err);
}

static void tell_healed(struct floors from, struct floors to) {
    char was[32], is[32];
    was[timestamp_format((int64_t)to.minute * 60000, was)] = '\0';
    is[timestamp_format((int64_t)from.minute * 60000, is)] = '\0';
    log_warn("store",
             "the clock was ahead once: rows by minute were kept from %s on only, and those by "
             "hour likewise; from %s on they have been added up again from the raw orders",
             was, is);
}

static int32_t smaller(int32_t a, int32_t b) {
    return a < b ? a : b;
}

bool sqlite_floors_heal(struct sqlite_store *s, struct error *err) {
    s->minute_floor = s->sums.state.minute_floor;
    s->hour_floor = s->sums.state.hour_floor;
    if (s->clock == NULL) {
        return true;
    }
    int64_t now_ms = clock_now_ms(s->clock);
    struct floors have = floors_stored(s), want = floors_at(now_ms);
    if (!are_ahead(have, want)) {
        return true;
    }
    if (now_ms < PROGRAM_IS_YOUNGER_MS) {
        log_warn("store", "this machine's clock is wrong, it is behind by years: set it");
        return true;
    }
    want = (struct floors){smaller(want.minute, have.minute), smaller(want.hour, have.hour)};
    if (!put_back(s->sums.db, want, have, err)) {
        sqlite3_exec(s->sums.db, "ROLLBACK", NULL, NULL, NULL);
        return false;
    }
    tell_healed(want, have);
    s->minute_floor = s->sums.state.minute_floor = s->sums.next.minute_floor = want.minute;
    s->hour_floor = s->sums.state.hour_floor = s->sums.next.hour_floor = want.hour;
    return true;
}
