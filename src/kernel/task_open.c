// SPDX-License-Identifier: MIT
// A task begins: what it was told is checked and copied, the window is opened, judging is set up.
//
// How it fails: INVALID with what is wrong; BUSY or FAILED by the window; memory is refused. What
// was made by then the task's free gives back.
#include "kernel/task.h"

#include "kernel/task_gross.h"
#include <inttypes.h>

#define WINDOW_MS_MAX (INT64_C(366) * 86400000)
enum { LOCK_WAIT_MS_MAX = 600000 };
static const int64_t OFFSETS = INT64_C(1) << POSITION_OFFSET_BITS;

static enum salestide_result open_no_memory(struct error *err) {
    error_set(err, ERROR_RETRIABLE, "out of memory for a task");
    return SALESTIDE_NO_MEMORY;
}

static bool range_ok(const struct salestide_task_options *o, struct error *err) {
    if (o->partition < 0) {
        return error_set(err, ERROR_USAGE, "partition %" PRId32 " is none", o->partition);
    }
    if (o->lane < 0 || o->lane > POSITION_LANE_MAX) {
        return error_set(err, ERROR_USAGE, "lane %" PRId32 " is none: 0 to %d", o->lane,
                         POSITION_LANE_MAX);
    }
    if (o->from < -1 || o->from >= OFFSETS) {
        return error_set(err, ERROR_USAGE, "from %" PRId64 " is no offset (-1: a new partition)",
                         o->from);
    }
    if (o->minute_floor < 0 || o->hour_floor < 0) {
        return error_set(err, ERROR_USAGE,
                         "minute_floor and hour_floor are buckets since 1970, "
                         "not below 0");
    }
    return (o->now_ms >= 0 && o->epoch_us >= 0) ||
           error_set(err, ERROR_USAGE, "now_ms and epoch_us are times since 1970, not below 0");
}

static bool window_ok(const struct salestide_task_options *o, struct error *err) {
    int64_t end = o->from > 0 ? o->from : 0;
    if (o->window_dir == NULL) {
        return true;
    }
    if (o->topic_id == NULL || strlen(o->topic_id) >= LOG_TOPIC_ID_BYTES) {
        return error_set(err, ERROR_USAGE, "a window needs topic_id, of at most %d bytes",
                         LOG_TOPIC_ID_BYTES - 1);
    }
    if (o->window_ms <= 0 || o->window_ms > WINDOW_MS_MAX) {
        return error_set(err, ERROR_USAGE, "window_ms %" PRId64 " is not within 1 .. 366 days",
                         o->window_ms);
    }
    if (o->window_offset < 0 || o->window_offset > end) {
        return error_set(err, ERROR_USAGE,
                         "window_offset %" PRId64 " is not within 0 .. from (%" PRId64 ")",
                         o->window_offset, o->from);
    }
    return (o->lock_wait_ms >= 0 && o->lock_wait_ms <= LOCK_WAIT_MS_MAX) ||
           error_set(err, ERROR_USAGE, "lock_wait_ms %" PRId32 " is not within 0 .. %d",
                     o->lock_wait_ms, LOCK_WAIT_MS_MAX);
}

static bool refused_ok(const struct salestide_task_options *o, struct error *err) {
    if (o->n_refused > 0 && o->refused == NULL) {
        return error_set(err, ERROR_USAGE, "n_refused without refused");
    }
    for (size_t i = 1; i < o->n_refused; i++) {
        if (o->refused[i] <= o->refused[i - 1]) {
            return error_set(err, ERROR_USAGE, "refused offsets do not ascend (%" PRId64 ")",
                             o->refused[i]);
        }
    }
    return true;
}

// --- What judging needs

static int64_t told_now_ms(void *user) {
    return ((const struct salestide_task *)user)->now_ms;
}
// Time stands still for a task: what is believed was decided by who told it.
static int64_t still_ns(void *user) {
    UNUSED(user);
    return 0;
}

static void set_up(struct salestide_task *t, const struct salestide_task_options *o) {
    t->partition = o->partition;
    t->lane = o->lane;
    t->from = o->from;
    t->epoch_us = o->epoch_us;
    t->now_ms = o->now_ms;
    t->seen = -1;
    t->told = (struct id_window_start){o->window_offset, o->window_time_ms};
    t->clock = (struct clock_source){told_now_ms, still_ns, t};
    t->summary = (struct batch_summary){
        .minute_min = INT32_MAX, .minute_max = INT32_MIN, .oldest_arrival_ms = INT64_MAX};
    t->recent.heap = t->tally.heap = t->heap;
    t->store.partition = o->partition;
    t->store.has_raw = o->has_raw != 0;
    t->store.floors = (struct split_floors){o->minute_floor, o->hour_floor};
}

static bool make_parts(struct salestide_task *t) {
    const struct salestide_shop *shop = t->shop;
    t->cube = cube_new(shop->zone, t->heap);
    t->parser = order_json_new(t->heap);
    t->slice = submission_new(t->heap);
    t->judge = (struct judge){.store = &t->store.base,
                              .cube = t->cube,
                              .customers = shop->customers,
                              .clock = &t->clock,
                              .late_limit_ms = shop->late_limit_ms};
    judge_init(&t->judge);
    return t->cube != NULL && t->parser != NULL && t->slice != NULL;
}

static bool copy_refused(struct salestide_task *t, const struct salestide_task_options *o) {
    if (o->n_refused == 0) {
        return true;
    }
    int64_t *at = heap_zalloc(t->heap, o->n_refused, sizeof *at);
    if (at != NULL) {
        memcpy(at, o->refused, o->n_refused * sizeof *at);
        t->store.refused = (struct split_refused){at, o->n_refused, 0};
    }
    return at != NULL;
}

static enum salestide_result
open_window(struct salestide_task *t, const struct salestide_task_options *o, struct error *err) {
    const int64_t committed = o->from > 0 ? o->from : 0;
    const struct window_file_key key = {.directory = o->window_dir,
                                        .topic_id = o->topic_id,
                                        .partition = o->partition,
                                        .lane = o->lane,
                                        .window_ms = o->window_ms,
                                        .max_bytes = o->window_max_bytes,
                                        .heap = t->heap,
                                        .kept = t->shop->kept};
    bool knows = true;
    if (o->window_dir == NULL) {
        return SALESTIDE_OK;
    }
    enum salestide_result result =
        window_use_open(&t->store.window, &key, committed, t->told, o->lock_wait_ms, &knows, err);
    knows = knows || t->told.offset >= committed; // there is nothing to know
    t->remembers = result == SALESTIDE_OK && !knows;
    return t->remembers ? SALESTIDE_HISTORY : result;
}

enum salestide_result task_open(struct salestide_task *t, const struct salestide_task_options *o,
                                struct error *err) {
    if (!range_ok(o, err) || !window_ok(o, err) || !refused_ok(o, err)) {
        return SALESTIDE_INVALID;
    }
    if (!task_store_init(&t->store, t->heap)) {
        return open_no_memory(err);
    }
    set_up(t, o);
    if (o->gross_json != NULL &&
        !task_gross_read(text_of(o->gross_json), t->heap, t->store.stored_gross_e4, err)) {
        return err->cls == ERROR_USAGE ? SALESTIDE_INVALID : SALESTIDE_NO_MEMORY;
    }
    if (!make_parts(t) || !copy_refused(t, o)) {
        return open_no_memory(err);
    }
    return open_window(t, o, err);
}
