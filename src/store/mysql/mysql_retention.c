// SPDX-License-Identifier: MIT
// Dropping what is past its retention, a bounded step a commit, so that none takes long. It runs
// after pipeline_state is locked: two instances never drop at the same time.
//
// Cells are dropped an hour after they fell below their floor: an instance that has not heard of
// the new floor yet may still hold locks there, and would deadlock with this one. Readers leave
// out whatever is below the floors.
#include "store/mysql/mysql_store.h"

enum {
    BATCHES_KEPT = 10000,
    BATCHES_STEP = 256,
    REJECTED_KEPT = 1000000,
    DROP_STEP = 2000, // rows of each kind that one commit drops at most
    MINUTES_GRACE = 60,
    HOURS_GRACE = 1,
};
static const int64_t REJECTED_KEPT_MS = INT64_C(30) * 24 * 3600 * 1000;
static const int64_t BELIEVED_AFTER_MS = INT64_C(3600) * 1000;

static bool drop_cells(struct mysql_aggregates *s, const struct aggregates_state *state,
                       struct error *err) {
    bool more = false;
    buf_put_str(&s->sql, "DELETE FROM sales_by_minute WHERE bucket < ");
    sql_put_minute(&s->sql, state->minute_floor - MINUTES_GRACE);
    buf_printf(&s->sql, " ORDER BY bucket LIMIT %d", DROP_STEP);
    if (!mysql_send(s->c, &s->sql, "dropping old minutes", err)) {
        return false;
    }
    more = mysql_rows(s->c) == DROP_STEP;
    buf_put_str(&s->sql, "DELETE FROM sales_by_hour WHERE bucket < ");
    sql_put_hour(&s->sql, state->hour_floor - HOURS_GRACE);
    buf_printf(&s->sql, " ORDER BY bucket LIMIT %d", DROP_STEP);
    if (!mysql_send(s->c, &s->sql, "dropping old hours", err)) {
        return false;
    }
    s->drop_more = more || mysql_rows(s->c) == DROP_STEP;
    return true;
}

// Up to when rejected events have been kept for long enough. Dropped ones are nowhere else, so a
// clock that is ahead must not do it: nothing goes by time before the clock's plausible course has
// gone on for an hour in this process.
static int64_t rejected_kept_from_ms(struct mysql_aggregates *s) {
    int64_t now_ms = clock_course_now(&s->course, clock_now_ms(s->clock),
                                      clock_monotonic_ns(s->clock) / 1000000);
    if (s->believed_from_ms == 0 || now_ms < s->believed_from_ms) {
        s->believed_from_ms = now_ms;
    }
    return now_ms - s->believed_from_ms < BELIEVED_AFTER_MS ? 0 : now_ms - REJECTED_KEPT_MS;
}

// The oldest: as many as there are too many, and of the next few those that are too old.
static bool drop_rejected(struct mysql_aggregates *s, const struct aggregates_state *state,
                          const struct batch_summary *summary, int64_t *n_expired,
                          struct error *err) {
    int64_t step = summary->counts.rejected * 2 + 16;
    int64_t excess = state->counts.rejected - state->counts.rejected_expired - REJECTED_KEPT;
    if (excess > 0) {
        buf_printf(&s->sql, "DELETE FROM rejected_events ORDER BY id LIMIT %lld",
                   (long long)(excess < step ? excess : step));
        if (!mysql_send(s->c, &s->sql, "dropping old rejected events", err)) {
            return false;
        }
        *n_expired += mysql_rows(s->c);
    }
    buf_printf(&s->sql,
               "DELETE FROM rejected_events WHERE id IN (SELECT id FROM (SELECT id FROM "
               "rejected_events ORDER BY id LIMIT %lld) oldest) AND arrived_at < ",
               (long long)step);
    sql_put_instant(&s->sql, rejected_kept_from_ms(s));
    if (!mysql_send(s->c, &s->sql, "dropping old rejected events", err)) {
        return false;
    }
    *n_expired += mysql_rows(s->c);
    if (*n_expired == 0) {
        return true;
    }
    buf_printf(&s->sql,
               "UPDATE pipeline_state SET rejected_expired = rejected_expired + %lld WHERE id = 1",
               (long long)*n_expired);
    return mysql_send(s->c, &s->sql, "counting dropped events", err);
}

static bool drop_batches(struct mysql_aggregates *s, const struct batch_summary *summary,
                         struct error *err) {
    buf_printf(&s->sql, "DELETE FROM pipeline_batches WHERE batch_id <= %lld",
               (long long)summary->batch_id - BATCHES_KEPT);
    return mysql_send(s->c, &s->sql, "dropping old batches", err);
}

bool mysql_drop_old(struct mysql_aggregates *s, const struct aggregates_state *state,
                    const struct batch_summary *summary, int64_t *n_expired, struct error *err) {
    *n_expired = 0;
    return (!s->drop_more || drop_cells(s, state, err)) &&
           (summary->counts.rejected == 0 || drop_rejected(s, state, summary, n_expired, err)) &&
           (summary->batch_id % BATCHES_STEP != 0 || drop_batches(s, summary, err));
}
