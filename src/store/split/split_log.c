// SPDX-License-Identifier: MIT
// The split store's partitions, as the log takes and gives them: each is claimed in the store of
// aggregates, and claimed again after a failure. The rules are those of split_part.h.
//
// How it fails: a claim that is not answered leaves the partition as it was; what it did is found
// by the next one.
#include "store/split/split_internal.h"

#include "base/heap.h"
#include "base/log.h"
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static struct split_store *of_log(struct log_store *log) {
    return (struct split_store *)((char *)log - offsetof(struct split_store, log));
}

static bool make_parts(struct split_store *s, int32_t partition) {
    if (partition < s->n_parts) {
        return true;
    }
    struct split_part *more = try_realloc(s->parts, ((size_t)partition + 1) * sizeof *s->parts);
    if (more == NULL) {
        return false;
    }
    s->parts = more;
    for (; s->n_parts <= partition; s->n_parts++) {
        s->parts[s->n_parts] = SPLIT_PART_NEW;
    }
    return true;
}

static void split_held(struct log_store *base, int32_t partition, struct log_claim *out) {
    const struct split_store *s = of_log(base);
    const struct split_part nothing = SPLIT_PART_NEW;
    split_part_held(partition < s->n_parts ? &s->parts[partition] : &nothing, out);
}

static void split_advance(struct log_store *base, int32_t partition, int64_t next_offset) {
    split_part_advanced(&of_log(base)->parts[partition], next_offset);
}

// A claim that failed may have closed the store of aggregates. Without a batch nothing else would
// open it again; the batch in work, if there is one, is in memory and does not mind.
static void open_for_next_claim(struct split_store *s) {
    struct error err;
    if (s->options.aggregates->ops->reopen(s->options.aggregates, &err) != STORE_OK) {
        log_debug("store", "%s", err.text);
    }
}

static bool note_lane(struct split_store *s, int32_t lane, int32_t partition) {
    if (lane >= s->n_lanes) {
        int32_t *more = try_realloc(s->lanes, ((size_t)lane + 1) * sizeof *s->lanes);
        if (more == NULL) {
            return false;
        }
        s->lanes = more;
        memset(s->lanes + s->n_lanes, 0, (size_t)(lane + 1 - s->n_lanes) * sizeof *s->lanes);
        s->n_lanes = lane + 1;
    }
    s->lanes[lane] = partition;
    return true;
}

static enum store_result split_claim(struct log_store *base, const struct log_topic *topic,
                                     int32_t partition, bool anew, struct log_claim *out,
                                     struct error *err) {
    struct split_store *s = of_log(base);
    if (s->down) {
        error_set(err, ERROR_RETRIABLE, "the store is not open");
        return STORE_RETRY;
    }
    if (!split_commit_settle(s)) {
        error_set(err, ERROR_RETRIABLE, "a batch that was not stored is to be undone first");
        return STORE_RETRY;
    }
    const struct position_wish wish = {*topic, partition, 0, anew};
    struct position_claim claim = {0};
    bool lost;
    enum store_result result =
        s->options.aggregates->ops->claim(s->options.aggregates, &wish, &claim, &lost, err);
    if (result != STORE_OK) {
        open_for_next_claim(s);
        return result;
    }
    if (claim.other_id[0] != '\0') {
        *out = (struct log_claim){.next_offset = claim.next_offset};
        memcpy(out->other_id, claim.other_id, sizeof out->other_id);
        return STORE_OK;
    }
    snprintf(s->topic_id, sizeof s->topic_id, "%s", topic->id);
    struct id_window_start start = split_part_history(&claim, s->options.window_bytes);
    const struct id_window_options options = {.window_ms = s->options.window_ms,
                                              .budget = &s->budget};
    struct id_window *window = make_parts(s, partition) && note_lane(s, claim.lane, partition)
                                   ? id_window_new(&options, start)
                                   : NULL;
    if (window == NULL) { // the claim is not taken up: the next one is another
        free(claim.refused);
        return split_out_of_window(err);
    }
    split_part_claimed(&s->parts[partition], &claim, window);
    split_held(base, partition, out);
    // One that goes on with the batch in work knows its history.
    out->history_offset =
        split_part_in_batch(&s->parts[partition]) ? out->next_offset : start.offset;
    return STORE_OK;
}

static void split_release(struct log_store *base, int32_t partition) {
    struct split_store *s = of_log(base);
    if (partition < s->n_parts) {
        split_part_released(&s->parts[partition]);
    }
}

static enum store_result split_remember(struct log_store *base, const struct event *e,
                                        struct error *err) {
    struct split_part *p = split_part_of(of_log(base), &e->at);
    int64_t offset = log_position_offset(e->at.position);
    bool leaves_it = split_was_asked(e) && !split_refused_has(&p->refused, offset);
    bool ok =
        id_window_remember(p->window, leaves_it ? &e->at.digest : NULL, offset, e->at.arrival_ms);
    return ok ? STORE_OK : split_out_of_window(err);
}

// After a failure: is the partition still ours, and was the batch in doubt committed?
static enum store_result claim_again(struct split_store *s, int32_t partition, struct error *err) {
    struct split_part *p = &s->parts[partition];
    const struct position_wish wish = {{s->topic, s->topic_id}, partition, p->epoch_us, false};
    struct position_claim claim = {0};
    bool lost;
    enum store_result result =
        s->options.aggregates->ops->claim(s->options.aggregates, &wish, &claim, &lost, err);
    if (result != STORE_OK) {
        return result;
    }
    switch (split_part_again(p, &claim, lost || claim.other_id[0] != '\0')) {
    case SPLIT_STILL_OURS:
        break;
    case SPLIT_DOUBT_COMMITTED:
        log_info("store", "partition %" PRId32 ": the batch in doubt was committed", partition);
        break;
    case SPLIT_TAKEN_OVER:
        log_warn("store",
                 "partition %" PRId32 " was taken over by another process: it is given up here",
                 partition);
        break;
    }
    return STORE_OK;
}

enum store_result split_log_reopen(struct split_store *s, struct error *err) {
    enum store_result result = STORE_OK;
    for (int32_t i = 0; result == STORE_OK && i < s->n_parts; i++) {
        struct split_part *p = &s->parts[i];
        if (split_part_is(p, SPLIT_PART_HELD) || split_part_is(p, SPLIT_PART_MOVED)) {
            result = claim_again(s, i, err);
        } else {
            split_part_not_asked(p);
        }
    }
    return result;
}

struct log_store *split_log_init(struct log_store *log) {
    static const struct log_store_ops ops = {
        .claim = split_claim,
        .held = split_held,
        .release = split_release,
        .remember = split_remember,
        .advance = split_advance,
    };
    log->ops = &ops;
    return log;
}
