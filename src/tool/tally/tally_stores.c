// SPDX-License-Identifier: MIT
// A commit:
//
// 1. Its moves are held with the epochs that they name, else it is fenced without asking anybody.
// 2. The orders of its cancellations and refunds are looked up, these are counted, and their raw
//    rows written until they are durable.
// 3. The gross sums must stay below their margin; the aggregates take all of it in one transaction.
//
// How it fails: a store that cannot be reached is opened again and asked again, with growing
// pauses, for give_up_ms. When the connection breaks while committing, claims with the held epochs
// tell whether it was done. Steps 1 and 2 are harmless to do twice, and 3 compares positions.
#include "tool/tally/tally_stores.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/split/split_batch.h"
#include "sums/currency.h"
#include <stdio.h>
#include <stdlib.h>

enum { PAUSE_FIRST_MS = 100, PAUSE_LONGEST_MS = 5000 };

// --- Trying again

struct trying {
    struct tally_stores *s;
    int64_t until_ns;
    int pause_ms;
    bool told;
};

static int64_t now_ns(void) {
    return clock_monotonic_ns(clock_system());
}

static struct trying trying_begin(struct tally_stores *s) {
    return (struct trying){s, now_ns() + s->give_up_ms * 1000000, PAUSE_FIRST_MS, false};
}

// What was asked could not be done. True: once more, after a pause.
static bool try_again(struct trying *t, const struct error *err) {
    if (now_ns() + t->pause_ms * INT64_C(1000000) > t->until_ns) {
        return false;
    }
    if (!t->told) {
        log_warn("tally", "%s; trying again", err->text);
    }
    t->told = true;
    bool stopped = t->s->pause(t->s->pause_user, t->pause_ms);
    t->pause_ms = t->pause_ms * 2 < PAUSE_LONGEST_MS ? t->pause_ms * 2 : PAUSE_LONGEST_MS;
    return !stopped;
}

static enum store_result reopen(struct tally_stores *s, struct error *err) {
    enum store_result result = s->aggregates->ops->reopen(s->aggregates, err);
    return result == STORE_OK && s->raw != NULL ? s->raw->ops->reopen(s->raw, err) : result;
}

// Until the stores can be asked again. False: given up.
static bool reopen_patiently(struct trying *t, struct error *err) {
    enum store_result result = STORE_RETRY;
    while (result == STORE_RETRY && try_again(t, err)) {
        result = reopen(t->s, err);
    }
    return result == STORE_OK;
}

// --- Claims

static enum tally_result claim_patiently(struct trying *t, const struct position_wish *wish,
                                         struct position_claim *out, bool *lost,
                                         struct error *err) {
    struct aggregates *a = t->s->aggregates;
    for (;;) {
        enum store_result result = a->ops->claim(a, wish, out, lost, err);
        if (result == STORE_OK) {
            return TALLY_OK;
        }
        if (result == STORE_ERROR || !reopen_patiently(t, err)) {
            return TALLY_FAILED;
        }
    }
}

static struct tally_held *held_of(struct tally_stores *s, int32_t partition) {
    if (partition >= s->n_held) {
        size_t n = (size_t)partition + 1;
        s->held = mem_realloc(s->held, n * sizeof *s->held);
        memset(s->held + s->n_held, 0, (n - (size_t)s->n_held) * sizeof *s->held);
        s->n_held = partition + 1;
    }
    return &s->held[partition];
}

static bool set_topic(struct tally_stores *s, const char *topic, const char *topic_id,
                      struct error *err) {
    if (s->topic[0] != '\0' && strcmp(s->topic, topic) != 0) {
        return error_set(err, ERROR_USAGE, "this process is of topic %s: %s needs one of its own",
                         s->topic, topic);
    }
    snprintf(s->topic, sizeof s->topic, "%s", topic);
    snprintf(s->topic_id, sizeof s->topic_id, "%s", topic_id);
    return true;
}

enum tally_result tally_stores_claim(struct tally_stores *s, const char *topic,
                                     const char *topic_id, int32_t partition, bool anew,
                                     struct position_claim *out, struct error *err) {
    if (!set_topic(s, topic, topic_id, err)) {
        return TALLY_FAILED;
    }
    const struct position_wish wish = {{s->topic, s->topic_id}, partition, 0, anew};
    struct trying t = trying_begin(s);
    bool lost;
    enum tally_result result = claim_patiently(&t, &wish, out, &lost, err);
    struct tally_held *held = held_of(s, partition);
    *held = (struct tally_held){0};
    if (result == TALLY_OK && out->other_id[0] == '\0') {
        *held = (struct tally_held){true, out->epoch_us, out->epoch_us};
    }
    return result;
}

// --- What is committed

// The moves' epochs become those that the rows have by now.
static enum tally_result find_epochs(struct tally_stores *s, const char *topic,
                                     struct tally_merge *m, struct error *err) {
    for (size_t i = 0; i < m->n_moves; i++) {
        struct position_move *move = &m->moves[i];
        const struct tally_held *held =
            move->partition < s->n_held ? &s->held[move->partition] : NULL;
        if (held == NULL || !held->held || strcmp(topic, s->topic) != 0) {
            error_set(err, ERROR_USAGE, "partition %d of %s was not claimed by this process",
                      move->partition, topic);
            return TALLY_FAILED;
        }
        if (held->told_us != move->epoch_us) {
            error_set(err, ERROR_FATAL,
                      "partition %d of %s was claimed again since: its epoch is %lld, not %lld; "
                      "nothing was stored",
                      move->partition, topic, (long long)held->told_us, (long long)move->epoch_us);
            return TALLY_FENCED;
        }
        move->epoch_us = held->epoch_us;
    }
    return TALLY_OK;
}

// --- Raw rows

static enum store_result add_raw(struct tally_stores *s, const struct tally_merge *m,
                                 struct error *err) {
    enum store_result result = STORE_OK;
    for (size_t i = 0; result == STORE_OK && i < m->n_adjustments; i++) {
        const struct tally_adjustment *a = &m->adjustments[i];
        result = s->raw->ops->add(s->raw, &a->event, m->moves[a->move].epoch_us, err);
    }
    return result == STORE_OK ? s->raw->ops->flush(s->raw, err) : result;
}

static enum tally_result write_adjustments(struct trying *t, struct tally_merge *m,
                                           struct error *err) {
    if (m->n_adjustments == 0) {
        return TALLY_OK;
    }
    if (t->s->raw == NULL) {
        error_set(err, ERROR_USAGE,
                  "a tally has cancellations or refunds to look up, and --raw is none");
        return TALLY_FAILED;
    }
    for (;;) {
        enum store_result result = tally_merge_look_up(m, t->s->raw, err);
        result = result == STORE_OK ? add_raw(t->s, m, err) : result;
        if (result == STORE_OK) {
            return TALLY_OK;
        }
        if (result == STORE_ERROR || !reopen_patiently(t, err)) {
            return TALLY_FAILED;
        }
    }
}

// --- The aggregates

static bool gross_fits(struct tally_stores *s, const struct tally_merge *m, struct error *err) {
    struct aggregates_state state;
    s->aggregates->ops->state(s->aggregates, &state);
    for (size_t i = 0; i < m->n_gross; i++) {
        const struct gross_delta *g = &m->gross[i];
        if (!split_gross_fits(state.gross_e4[g->currency], g->delta_e4)) {
            char name[4];
            currency_name(g->currency, name);
            return error_set(err, ERROR_FATAL,
                             "the sums in %s would no longer fit into 15 digits before the decimal "
                             "point; judge the batch again by the sums that `state` tells",
                             name);
        }
    }
    return true;
}

enum doubt { DOUBT_DONE, DOUBT_NOT_DONE, DOUBT_FENCED, DOUBT_OPEN };

// Asks for one move; its partition is ours again unless it was taken over.
static enum doubt settle_move(struct trying *t, struct position_move *move, struct error *err) {
    struct tally_stores *s = t->s;
    const struct position_wish wish = {
        {s->topic, s->topic_id}, move->partition, move->epoch_us, false};
    struct position_claim claim = {0};
    bool lost;
    if (claim_patiently(t, &wish, &claim, &lost, err) != TALLY_OK) {
        return DOUBT_OPEN;
    }
    free(claim.refused);
    struct tally_held *held = held_of(s, move->partition);
    held->held = !lost && claim.other_id[0] == '\0';
    if (!held->held) {
        return DOUBT_FENCED;
    }
    move->epoch_us = held->epoch_us = claim.epoch_us;
    return claim.next_offset == move->to     ? DOUBT_DONE
           : claim.next_offset == move->from ? DOUBT_NOT_DONE
                                             : DOUBT_FENCED;
}

// All moves are of one transaction: one that was done tells of all. A partition that was taken over
// since tells nothing.
static enum doubt settle(struct trying *t, struct tally_merge *m, struct error *err) {
    enum doubt all = DOUBT_FENCED;
    bool fenced = false;
    for (size_t i = 0; i < m->n_moves; i++) {
        enum doubt one = settle_move(t, &m->moves[i], err);
        if (one == DOUBT_OPEN) {
            return one;
        }
        fenced = fenced || one == DOUBT_FENCED;
        all = one != DOUBT_FENCED ? one : all;
    }
    return all == DOUBT_NOT_DONE && fenced ? DOUBT_FENCED : all;
}

static enum tally_result after_doubt(struct trying *t, struct tally_merge *m, bool *done,
                                     struct error *err) {
    *done = false;
    switch (reopen_patiently(t, err) ? settle(t, m, err) : DOUBT_OPEN) {
    case DOUBT_DONE:
        log_info("tally", "the batch in doubt was committed");
        *done = true;
        return TALLY_OK;
    case DOUBT_NOT_DONE:
        return TALLY_OK;
    case DOUBT_FENCED:
        error_set(err, ERROR_FATAL,
                  "the connection was lost while committing, and partitions were taken over since: "
                  "claim them to see what was stored");
        return TALLY_FENCED;
    case DOUBT_OPEN:
        break;
    }
    struct error why = *err;
    error_set(err, ERROR_RETRIABLE,
              "whether the batch was stored is not known, a claim tells: %.400s", why.text);
    return TALLY_FAILED;
}

static enum tally_result commit_aggregates(struct trying *t, struct tally_merge *m,
                                           struct error *err) {
    struct tally_stores *s = t->s;
    for (;;) {
        if (!gross_fits(s, m, err)) {
            return TALLY_FAILED;
        }
        const struct aggregates_batch batch = tally_merge_batch(m, s->topic);
        struct batch_summary summary = m->summary;
        summary.committed_ms = clock_now_ms(clock_system());
        enum tally_result result;
        bool done = false;
        switch (s->aggregates->ops->commit(s->aggregates, &batch, &summary, err)) {
        case COMMIT_OK:
            m->summary = summary;
            return TALLY_OK;
        case COMMIT_FENCED:
            return TALLY_FENCED;
        case COMMIT_ERROR:
            return TALLY_FAILED;
        case COMMIT_RETRY:
            result = reopen_patiently(t, err) ? TALLY_OK : TALLY_FAILED;
            break;
        case COMMIT_DOUBT:
            result = after_doubt(t, m, &done, err);
            break;
        }
        if (result != TALLY_OK || done) {
            m->summary = summary;
            return result;
        }
    }
}

enum tally_result tally_stores_commit(struct tally_stores *s, const char *topic,
                                      struct tally_merge *m, int64_t *batch_id, struct error *err) {
    struct trying t = trying_begin(s);
    enum tally_result result = find_epochs(s, topic, m, err);
    if (result == TALLY_OK) {
        result = write_adjustments(&t, m, err);
    }
    if (result == TALLY_OK) {
        result = commit_aggregates(&t, m, err);
    }
    *batch_id = m->summary.batch_id;
    return result;
}

void tally_stores_free(struct tally_stores *s) {
    free(s->held);
    s->held = NULL;
    s->n_held = 0;
}
