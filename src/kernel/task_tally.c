// SPDX-License-Identifier: MIT
// The end of a task's range: all that it adds becomes bytes, then the window is saved. When that
// fails the bytes are not given out: whoever commits them would count what a next task does not
// know.
#include "kernel/task.h"

#include "store/tally.h"
#include <inttypes.h>

static bool end_ok(const struct salestide_task *t, int64_t to, struct error *err) {
    int64_t least = t->seen + 1 > t->from ? t->seen + 1 : t->from;
    return (to >= least && to >= 0 && to < INT64_C(1) << POSITION_OFFSET_BITS) ||
           error_set(err, ERROR_USAGE,
                     "partition %" PRId32 ": the range cannot end at %" PRId64
                     ": its messages go up to %" PRId64 ", exclusive",
                     t->partition, to, least);
}

// As of the range's end. Without a window it is left where it was: who reads with one begins there.
static struct id_window_start start_as_of_now(const struct salestide_task *t) {
    const struct id_window *window = t->store.window.window;
    return window != NULL ? id_window_start(window) : t->told;
}

static bool write_tally(struct salestide_task *t, int64_t to) {
    struct task_store *s = &t->store;
    struct aggregates_batch lists = {0};
    size_t n_recent;
    if (!task_recent_read(&t->recent, t->shop, t->parser, t->lane, &n_recent)) {
        return false;
    }
    split_batch_fill(&s->batch, &lists);
    const struct tally tally = {
        .move = {t->partition, t->from, to, t->epoch_us, t->lane, start_as_of_now(t)},
        .summary = t->summary,
        .minute_floor = s->floors.minute,
        .hour_floor = s->floors.hour,
        .cube = t->cube,
        .rejected = lists.rejected,
        .n_rejected = lists.n_rejected,
        .recent = t->recent.events,
        .n_recent = n_recent,
        .changes = lists.changes,
        .n_changes = lists.n_changes,
        .gross = lists.gross,
        .n_gross = lists.n_gross,
        .adjustments = s->adjustments,
        .n_adjustments = s->n_adjustments,
    };
    return tally_write(&tally, &t->tally);
}

enum salestide_result task_tally(struct salestide_task *t, int64_t to, struct error *err) {
    if (!end_ok(t, to, err)) {
        return SALESTIDE_INVALID;
    }
    t->state = TASK_FAILED;
    if (!write_tally(t, to)) {
        error_set(err, ERROR_RETRIABLE, "out of memory for a tally");
        return SALESTIDE_NO_MEMORY;
    }
    enum salestide_result result = window_use_save(&t->store.window, to, err);
    t->state = result == SALESTIDE_OK ? TASK_TALLIED : TASK_FAILED;
    return result;
}
