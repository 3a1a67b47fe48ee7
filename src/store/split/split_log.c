// SPDX-License-Identifier: MIT
// The split store's partitions, as the log takes and gives them: each is claimed in the store of
// aggregates, and claimed again after a failure. The rules are those of split_part.h.
//
// How it fails: a claim that is not answered leaves the partition as it was; what it did is found
// by the next one.
#include "store/split/split_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include <inttypes.h>
#include <stddef.h>

static struct split_store *of_log(struct log_store *log) {
    return (struct split_store *)((char *)log - offsetof(struct split_store, log));
}

static void make_parts(struct split_store *s, int32_t partition) {
    if (partition < s->n_parts) {
        return;
    }
    s->parts = mem_realloc(s->parts, ((size_t)partition + 1) * sizeof *s->parts);
    for (; s->n_parts <= partition; s->n_parts++) {
        s->parts[s->n_parts] = SPLIT_PART_NEW;
    }
}

static void split_held(struct log_store *base, int32_t partition, struct log_claim *out) {
    const struct split_store *s = of_log(base);
    static const struct split_part nothing = {.moved_to = NOT_MOVED};
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

static enum store_result split_claim(struct log_store *base, const char *topic, int32_t partition,
                                     struct log_claim *out, struct error *err) {
    struct split_store *s = of_log(base);
    if (s->down) {
        error_set(err, ERROR_RETRIABLE, "the store is not open");
        return STORE_RETRY;
    }
    struct position_claim claim;
    bool lost;
    enum store_result result = s->options.aggregates->ops->claim(s->options.aggregates, topic,
                                                                 partition, 0, &claim, &lost, err);
    if (result != STORE_OK) {
        open_for_next_claim(s);
        return result;
    }
    make_parts(s, partition);
    split_part_claimed(&s->parts[partition], &claim,
                       id_window_new(s->options.window_ms, &s->budget));
    split_held(base, partition, out);
    return STORE_OK;
}

static void split_release(struct log_store *base, int32_t partition) {
    struct split_store *s = of_log(base);
    if (partition < s->n_parts) {
        split_part_released(&s->parts[partition]);
    }
}

static enum store_result split_remember(struct log_store *base, const struct order *o,
                                        const struct stamp *at, struct error *err) {
    UNUSED(o);
    UNUSED(err);
    struct split_store *s = of_log(base);
    struct id_window *w = split_part_of(s, at)->window;
    if (id_window_known(w, &at->digest, split_believed(s, at->arrival_ms)) == KNOWN_NEW) {
        id_window_restore(w, &at->digest);
    }
    return STORE_OK;
}

// After a failure: is the partition still ours, and was the batch in doubt committed?
static enum store_result claim_again(struct split_store *s, int32_t partition, struct error *err) {
    struct split_part *p = &s->parts[partition];
    struct position_claim claim;
    bool lost;
    enum store_result result = s->options.aggregates->ops->claim(
        s->options.aggregates, s->topic, partition, p->epoch_us, &claim, &lost, err);
    if (result != STORE_OK) {
        return result;
    }
    switch (split_part_again(p, &claim, lost)) {
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
