// SPDX-License-Identifier: MIT
// A world of a log for tests, in memory and virtual time: a topic, its aggregates and raw rows that
// several engines share, with failures that a test rolls dice for. The engines, split stores and
// windows in it are the real ones.
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "engine/engine_internal.h"
#include "engine/log_store.h"
#include "store/commit_thread.h"
#include "store/split/split_store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTITIONS = 4, LOG_MAX = 4000, ORDERS_MAX = 8000, MEMBERS = 2 };

struct message {
    struct order order;
    bool broken, tombstone;
    bool vanished; // removed after it was counted, as in a compacted topic
    bool hole; // no message stands at this offset: compacted, aborted, or a mark of a transaction
    int64_t arrival_ms;
};

// An order of this created_at is refused by the raw tables. A repetition with another one is the
// same order, and is not.
static const int64_t REFUSED_MS = 86400000;
enum { LANES = 64 };

// What came over a batch on its way when the next one had been judged beside it.
struct two_fell {
    int64_t retries, doubts_lost, doubts_committed, fenced, kills;
};
#define SAYS_RETRY "not stored"
#define SAYS_DOUBT_LOST "in doubt, and not there"
#define SAYS_DOUBT_COMMITTED "in doubt, and there"
#define SAYS_FENCED "fenced"

// What all members share.
struct world {
    int64_t now_ms, now_ns;
    struct clock_source clock;
    uint64_t dice;
    int fail_per_mille; // of each call that can fail
    int64_t window_ms;
    size_t window_bytes;
    bool ahead; // batches are judged while the one before is on its way
    // A rebalance from within a member's take, which may be in the middle of a batch. NULL: none.
    void (*in_take)(struct world *w, void *member);
    bool in_take_now;
    bool quiet;      // nothing comes
    bool dying;      // a member is killed: what is on its way may not get through any more
    int64_t n_ahead; // commits that were handed over
    int kill_judged_per_mille; // of the moments at which a batch was judged beside another
    struct two_fell two_fell;
    struct zone *zone;
    struct order_rules rules;

    struct message log[PARTITIONS][LOG_MAX];
    int64_t log_end[PARTITIONS];
    int owner[PARTITIONS]; // as the group sees it; -1 nobody
    int topic_number;      // which topic of that name: its id; raised when it is made anew

    // Aggregates: what was committed.
    int64_t next_offset[PARTITIONS], epoch_us[PARTITIONS];
    struct id_window_start window[PARTITIONS];
    int topic_of[PARTITIONS]; // topic_number of the row; 0: not known
    int32_t lane[PARTITIONS];
    int64_t ended[LANES]; // next offset of lanes that have ended
    int32_t n_lanes;
    int64_t refused[ORDERS_MAX]; // positions
    size_t n_refused;
    struct store_counts counts;
    int64_t last_batch_id, orders, total_e4, units;
    int64_t gross_e4[26 * 26 * 26];
    int64_t n_doubts_committed, n_doubts_lost, n_fenced, n_retries;
    int64_t n_starts_moved, n_claims_behind; // starts of the window; claims with one behind 0

    // Raw rows by order id (placed) with the write's epoch.
    struct {
        bool there;
        int64_t position, epoch_us, total_e4;
        char source[8];
    } rows[ORDERS_MAX];
    int64_t n_adjustments_written;

    // Real stores that members share, in place of those in memory; NULL: none.
    struct aggregates *(*new_aggregates)(struct world *w);
    struct raw_store *(*new_raw)(struct world *w);
    void *real;
};

static inline uint64_t roll(struct world *w, uint64_t n) {
    w->dice = hash_u64(w->dice + UINT64_C(0x9e3779b97f4a7c15));
    return w->dice % n;
}
static inline bool fails(struct world *w) {
    return (int)roll(w, 1000) < w->fail_per_mille;
}

static int64_t world_now_ms(void *user) {
    return ((struct world *)user)->now_ms;
}
static int64_t world_monotonic_ns(void *user) {
    return ((struct world *)user)->now_ns;
}

// --- The aggregates store of one member

struct fake_aggregates {
    struct aggregates base;
    struct world *w;
    bool connected;
};

static int compare_offsets(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void give_lane(struct world *w, int32_t partition, const struct position_wish *wish) {
    if (wish->anew && w->lane[partition] >= 0) {
        w->ended[w->lane[partition]] =
            w->next_offset[partition] > 0 ? w->next_offset[partition] : 0;
        w->next_offset[partition] = -1;
        w->lane[partition] = -1;
    }
    if (w->lane[partition] < 0) {
        w->lane[partition] = w->n_lanes++;
        assert_true(w->n_lanes <= LANES);
        w->window[partition] = (struct id_window_start){-1, 0};
    }
    w->topic_of[partition] = atoi(wish->topic.id);
}

static enum store_result fake_claim(struct aggregates *a, const struct position_wish *wish,
                                    struct position_claim *out, bool *lost, struct error *err) {
    struct world *w = ((struct fake_aggregates *)a)->w;
    int32_t partition = wish->partition;
    int64_t held_epoch_us = wish->held_epoch_us;
    assert_string_equal(wish->topic.name, "sales");
    if (fails(w)) {
        error_set(err, ERROR_RETRIABLE, "a claim that fails");
        return STORE_RETRY;
    }
    *lost = held_epoch_us != 0 && w->epoch_us[partition] != held_epoch_us;
    *out = (struct position_claim){.next_offset = w->next_offset[partition],
                                   .epoch_us = w->epoch_us[partition]};
    if (w->topic_of[partition] != 0 && w->topic_of[partition] != atoi(wish->topic.id) &&
        !wish->anew) {
        snprintf(out->other_id, sizeof out->other_id, "%d", w->topic_of[partition]);
        return STORE_OK;
    }
    if (!*lost) {
        w->epoch_us[partition] += 1 + (int64_t)roll(w, 3);
        give_lane(w, partition, wish);
    }
    out->next_offset = w->next_offset[partition];
    out->epoch_us = w->epoch_us[partition];
    out->lane = w->lane[partition];
    out->window = w->window[partition];
    w->n_claims_behind += out->window.offset > 0;
    out->refused = calloc(w->n_refused + 1, sizeof *out->refused);
    for (size_t i = 0; i < w->n_refused; i++) {
        if (log_position_lane(w->refused[i]) == out->lane &&
            log_position_offset(w->refused[i]) >= out->window.offset) {
            out->refused[out->n_refused++] = log_position_offset(w->refused[i]);
        }
    }
    qsort(out->refused, out->n_refused, sizeof *out->refused, compare_offsets);
    return STORE_OK;
}

static void apply(struct world *w, const struct aggregates_batch *b, struct batch_summary *s) {
    for (size_t i = 0; i < b->n_moves; i++) {
        const struct position_move *m = &b->moves[i];
        assert_int_equal(m->lane, w->lane[m->partition]);
        const struct id_window_start *start = &w->window[m->partition];
        assert_true(m->window.offset >= start->offset && m->window.offset <= m->to); // never back
        assert_true(start->offset < 0 || m->window.time_ms >= start->time_ms);
        w->n_starts_moved += start->offset >= 0 && m->window.offset > start->offset;
        w->next_offset[m->partition] = m->to;
        w->window[m->partition] = m->window;
    }
    for (size_t i = 0; i < b->n_rejected; i++) {
        if (b->rejected[i].refused) {
            assert_true(w->n_refused < ORDERS_MAX);
            w->refused[w->n_refused++] = b->rejected[i].position;
        }
    }
    const struct cube_cell *cells = cube_cells(b->cube);
    for (size_t i = 0; i < cube_n_cells(b->cube); i++) {
        if (cells[i].table == CUBE_TOTALS) {
            w->orders += cells[i].sum.orders;
            w->total_e4 += cells[i].sum.total_e4;
            w->units += cells[i].sum.units;
        }
    }
    for (size_t i = 0; i < b->n_gross; i++) {
        w->gross_e4[b->gross[i].currency] += b->gross[i].delta_e4;
    }
    assert_int_equal(b->n_rejected, s->counts.rejected);
    w->counts.received += s->counts.received;
    w->counts.accepted += s->counts.accepted;
    w->counts.duplicate += s->counts.duplicate;
    w->counts.rejected += s->counts.rejected;
    w->counts.skipped += s->counts.skipped;
    s->batch_id = ++w->last_batch_id;
}

// A process that was killed while a batch was on its way: nobody is left to be answered.
static inline bool dies_first(struct world *w, struct error *err) {
    return w->dying && roll(w, 2) == 0 && !error_set(err, ERROR_RETRIABLE, "killed");
}

static enum commit_result fake_commit(struct aggregates *a, const struct aggregates_batch *b,
                                      struct batch_summary *summary, struct error *err) {
    struct fake_aggregates *f = (struct fake_aggregates *)a;
    struct world *w = f->w;
    if (dies_first(w, err)) {
        return COMMIT_RETRY;
    }
    for (size_t i = 0; i < b->n_moves; i++) {
        const struct position_move *m = &b->moves[i];
        if (w->epoch_us[m->partition] != m->epoch_us || w->next_offset[m->partition] != m->from) {
            w->n_fenced++;
            f->connected = false;
            error_set(err, ERROR_RETRIABLE, SAYS_FENCED);
            return COMMIT_FENCED;
        }
    }
    if (fails(w)) {
        f->connected = false;
        switch (roll(w, 3)) {
        case 0:
            w->n_retries++;
            error_set(err, ERROR_RETRIABLE, SAYS_RETRY);
            return COMMIT_RETRY;
        case 1:
            w->n_doubts_lost++;
            error_set(err, ERROR_RETRIABLE, SAYS_DOUBT_LOST);
            return COMMIT_DOUBT;
        default:
            w->n_doubts_committed++;
            apply(w, b, summary);
            error_set(err, ERROR_RETRIABLE, SAYS_DOUBT_COMMITTED);
            return COMMIT_DOUBT;
        }
    }
    apply(w, b, summary);
    return COMMIT_OK;
}

static void fake_state(struct aggregates *a, struct aggregates_state *out) {
    struct world *w = ((struct fake_aggregates *)a)->w;
    *out = (struct aggregates_state){
        .counts = w->counts, .last_batch_id = w->last_batch_id, .gross_e4 = w->gross_e4};
}

static enum store_result fake_reopen(struct aggregates *a, struct error *err) {
    struct fake_aggregates *f = (struct fake_aggregates *)a;
    if (fails(f->w)) {
        error_set(err, ERROR_RETRIABLE, "still down");
        return STORE_RETRY;
    }
    f->connected = true;
    return STORE_OK;
}

static void fake_close(struct aggregates *a) {
    free(a);
}

static inline struct aggregates *fake_aggregates_new(struct world *w) {
    static const struct aggregates_ops ops = {.name = "fake",
                                              .claim = fake_claim,
                                              .commit = fake_commit,
                                              .state = fake_state,
                                              .reopen = fake_reopen,
                                              .close = fake_close};
    struct fake_aggregates *f = calloc(1, sizeof *f);
    *f = (struct fake_aggregates){{&ops}, w, true};
    return &f->base;
}

// --- The raw store of one member: rows are sent at once or at the flush, by chance

struct fake_raw {
    struct raw_store base;
    struct world *w;
};

static bool raw_fits(struct raw_store *r, const struct order *o, struct rejection *why) {
    (void)r;
    *why = (struct rejection){.field = "created_at", .code = REJECT_RANGE, .message = "refused"};
    return o->created_ms != REFUSED_MS;
}

static enum store_result raw_add(struct raw_store *r, const struct stored_event *e,
                                 int64_t epoch_us, struct error *err) {
    struct world *w = ((struct fake_raw *)r)->w;
    if (roll(w, 5000) == 0 && w->fail_per_mille > 0) {
        error_set(err, ERROR_RETRIABLE, "a row that fails");
        return STORE_RETRY;
    }
    if (e->order.kind != ORDER_PLACED) {
        w->n_adjustments_written++;
        return STORE_OK;
    }
    int64_t id = e->order.order_id.num;
    if (!w->rows[id].there || w->rows[id].epoch_us <= epoch_us) {
        w->rows[id].there = true;
        w->rows[id].position = e->position;
        w->rows[id].epoch_us = epoch_us;
        w->rows[id].total_e4 = e->order.total_e4;
        snprintf(w->rows[id].source, sizeof w->rows[id].source, "%.*s", TEXT_ARG(e->order.source));
    }
    return STORE_OK;
}

static enum store_result raw_flush(struct raw_store *r, struct error *err) {
    if (fails(((struct fake_raw *)r)->w)) {
        error_set(err, ERROR_RETRIABLE, "a flush that fails");
        return STORE_RETRY;
    }
    return STORE_OK;
}

static enum store_result raw_find(struct raw_store *r, const struct ident *ids, size_t n,
                                  raw_found_fn each, void *user, struct error *err) {
    struct world *w = ((struct fake_raw *)r)->w;
    for (size_t i = 0; i < n; i++) {
        int64_t id = ids[i].num;
        if (w->rows[id].there) {
            struct stored_event e = {.position = w->rows[id].position};
            e.order.order_id = ids[i];
            e.order.source = text_of(w->rows[id].source);
            e.order.state = TEXT_LIT("CA");
            if (!each(user, i, &e)) {
                break;
            }
        }
    }
    if (fails(w)) {
        error_set(err, ERROR_RETRIABLE, "a look-up that fails");
        return STORE_RETRY;
    }
    return STORE_OK;
}

static enum store_result raw_reopen(struct raw_store *r, struct error *err) {
    (void)r;
    (void)err;
    return STORE_OK;
}

static void raw_close(struct raw_store *r) {
    free(r);
}

static inline struct raw_store *fake_raw_new(struct world *w) {
    static const struct raw_store_ops ops = {.name = "fake",
                                             .fits = raw_fits,
                                             .add = raw_add,
                                             .flush = raw_flush,
                                             .find = raw_find,
                                             .reopen = raw_reopen,
                                             .close = raw_close};
    struct fake_raw *f = calloc(1, sizeof *f);
    *f = (struct fake_raw){{&ops}, w};
    return &f->base;
}

// --- One member of the group: a source over the world's log, a store, an engine

struct member {
    struct world *w;
    struct member *all; // MEMBERS of them
    int number;
    struct store *store;
    struct engine *engine;
    bool has[PARTITIONS], lost[PARTITIONS];
    int64_t expected[PARTITIONS], history_until[PARTITIONS];
    int32_t lane[PARTITIONS];
    bool held;
    bool skip_gap;    // of its options
    int topic_number; // that it reads
    int asked;        // what the last question was answered
    bool failed;
    bool doomed; // killed in the middle of a step: its commits may not get through any more
};

static void member_settled(struct submission *s, enum settle_result result) {
    struct member *m = s->user;
    int p = s->log.partition;
    assert_true(result == SETTLE_JUDGED || result == SETTLE_TRY_LATER);
    if (result == SETTLE_TRY_LATER && s->log.history && s->log.first_offset < m->expected[p]) {
        m->expected[p] = s->log.first_offset;
    }
    submission_free(s);
}

static struct submission *member_slice(struct member *m, int p, size_t max) {
    struct world *w = m->w;
    struct submission *s = submission_new(NULL);
    assert_non_null(s);
    s->settled = member_settled;
    s->user = m;
    s->log = (struct log_slice){.partition = p,
                                .first_offset = m->expected[p],
                                .history = m->expected[p] < m->history_until[p]};
    int64_t end = s->log.history ? m->history_until[p] : w->log_end[p];
    for (size_t n = 0; n < max && m->expected[p] < end; n++) {
        int64_t offset = m->expected[p]++;
        const struct message *msg = &w->log[p][offset];
        s->log.next_offset = offset + 1;
        if (msg->hole || msg->vanished) {
            continue;
        }
        s->arrival_ms = msg->arrival_ms > s->arrival_ms ? msg->arrival_ms : s->arrival_ms;
        if (msg->tombstone) {
            s->log.n_skipped++;
            continue;
        }
        struct event *e = submission_add(s);
        assert_non_null(e);
        e->order = msg->order;
        e->at = (struct stamp){msg->arrival_ms, log_position(m->lane[p], offset), {{0, 0}, 0}};
        if (msg->broken) {
            struct rejection why = {.field = "total", .code = REJECT_MISSING, .message = "broken"};
            assert_true(submission_reject(s, e, &why));
        } else {
            e->at.digest = order_digest(&e->order);
        }
    }
    return s;
}

static enum source_result member_take(void *self, size_t max, int timeout_ms,
                                      struct submission **list) {
    struct member *m = self;
    (void)timeout_ms;
    *list = NULL;
    if (m->held || m->failed || m->w->quiet) {
        return m->failed ? SOURCE_FAILED : SOURCE_OK;
    }
    if (m->w->in_take != NULL && !m->w->in_take_now && roll(m->w, 10) == 0) {
        m->w->in_take_now = true;
        m->w->in_take(m->w, m);
        m->w->in_take_now = false;
        return SOURCE_OK; // what comes with a rebalance is thrown away
    }
    for (int p = 0; p < PARTITIONS; p++) { // reading past the end tells, and idle ones ask
        bool at_end = m->has[p] && !m->lost[p] && m->expected[p] >= m->w->log_end[p];
        m->failed = m->failed || (at_end && m->topic_number != m->w->topic_number);
    }
    if (m->failed) {
        return SOURCE_FAILED;
    }
    struct submission **tail = list;
    for (int i = 0; i < PARTITIONS; i++) {
        int p = (int)roll(m->w, PARTITIONS);
        if (m->has[p] && !m->lost[p] && m->expected[p] < m->w->log_end[p] && roll(m->w, 3) > 0) {
            *tail = member_slice(m, p, 1 + roll(m->w, max < 40 ? max : 40));
            tail = &(*tail)->next;
        }
    }
    return SOURCE_OK;
}

static size_t member_waits(void *self) {
    const struct member *m = self;
    size_t n = 0;
    for (int p = 0; p < PARTITIONS; p++) {
        bool reads = m->has[p] && !m->lost[p] && m->expected[p] < m->w->log_end[p];
        n += reads ? (size_t)(m->w->log_end[p] - m->expected[p]) : 0;
    }
    return n;
}

static void member_hold(void *self) {
    ((struct member *)self)->held = true;
}

static bool member_rewind(void *self, struct error *err) {
    struct member *m = self;
    (void)err;
    for (int p = 0; p < PARTITIONS; p++) {
        struct log_claim held;
        m->store->log->ops->held(m->store->log, p, &held);
        if (!m->has[p]) {
            continue;
        }
        m->lost[p] = m->lost[p] || held.lost;
        int64_t next = held.next_offset >= 0 ? held.next_offset : 0;
        m->history_until[p] = next < m->history_until[p] ? next : m->history_until[p];
        if (!m->lost[p] && (m->expected[p] > m->history_until[p] || next > m->history_until[p])) {
            m->expected[p] = m->history_until[p] = next;
        }
    }
    m->held = false;
    return true;
}

static void member_ask(void *self) {
    struct member *m = self;
    m->asked = m->w->topic_number;
    // A batch has been judged; here a kill finds the one before on its way.
    int per_mille = m->w->kill_judged_per_mille;
    if (per_mille > 0 && m->engine->in_flight != NULL && (int)roll(m->w, 1000) < per_mille) {
        m->w->two_fell.kills++;
        m->doomed = m->w->dying = true;
    }
}

static bool member_confirm(void *self, struct error *err) {
    struct member *m = self;
    if (fails(m->w)) {
        return error_set(err, ERROR_RETRIABLE, "an answer that does not come");
    }
    m->failed = m->asked != m->topic_number;
    return !m->failed || error_set(err, ERROR_FATAL, "the topic was made anew");
}

static void member_committed(void *self) {
    (void)self;
}

static inline struct source member_source(struct member *m) {
    static const struct source_ops ops = {.name = "world",
                                          .is_log = true,
                                          .take = member_take,
                                          .waits = member_waits,
                                          .hold = member_hold,
                                          .rewind = member_rewind,
                                          .ask = member_ask,
                                          .confirm = member_confirm,
                                          .committed = member_committed};
    return (struct source){&ops, m};
}

static inline void member_start(struct member *m, struct world *w, int number) {
    *m = (struct member){
        .w = w, .all = m - number, .number = number, .topic_number = w->topic_number};
    bool fake = w->new_aggregates == NULL;
    const struct split_options split = {.raw = fake ? fake_raw_new(w) : w->new_raw(w),
                                        .aggregates =
                                            fake ? fake_aggregates_new(w) : w->new_aggregates(w),
                                        .topic = "sales",
                                        .window_ms = w->window_ms,
                                        .window_bytes = w->window_bytes};
    m->store = split_store_new(&split);
    struct engine_options eo = {.clock = &w->clock,
                                .batch_max_events = 60,
                                .ahead_least_events = w->ahead ? 1 + roll(w, 100) : SIZE_MAX};
    m->engine = engine_new(m->store, member_source(m), &w->rules, NULL, &eo);
}

static inline void member_stop(struct member *m) {
    engine_free(m->engine);
    m->store->ops->close(m->store);
}

static inline void member_kill(struct member *m) {
    m->w->dying = true;
    member_stop(m);
    m->w->dying = false;
}

// One step. When both batches fall in it, by what.
static inline enum engine_step_result member_step(struct member *m) {
    struct engine_status before, after;
    engine_status(m->engine, &before);
    enum engine_step_result result = engine_step(m->engine, 0);
    engine_status(m->engine, &after);
    struct two_fell *fell = &m->w->two_fell;
    if (!m->doomed && after.batches_ahead > before.batches_ahead &&
        after.commit_failures == before.commit_failures + 2) {
        fell->retries += strcmp(after.problem, SAYS_RETRY) == 0;
        fell->doubts_lost += strcmp(after.problem, SAYS_DOUBT_LOST) == 0;
        fell->doubts_committed += strcmp(after.problem, SAYS_DOUBT_COMMITTED) == 0;
        fell->fenced += strcmp(after.problem, SAYS_FENCED) == 0;
    }
    return result;
}

// A commit on its way: done at once, or when its end is waited for.
static inline bool commit_at_once(void *user) {
    struct world *w = user;
    w->n_ahead++;
    return roll(w, 2) == 0;
}

// The group gives the partition; false: the store cannot be asked, the group tries again.
static inline bool member_assign(struct member *m, int p) {
    struct log_claim claim;
    struct error err = {0};
    struct log_store *log = m->store->log;
    char id[16];
    snprintf(id, sizeof id, "%d", m->w->topic_number);
    const struct log_topic topic = {"sales", id};
    m->failed = m->failed || m->topic_number != m->w->topic_number; // it asks before it claims
    if (m->held || m->failed || log->ops->claim(log, &topic, p, false, &claim, &err) != STORE_OK) {
        return false;
    }
    if (claim.other_id[0] != '\0') {
        m->failed = !m->skip_gap;
        if (m->failed || log->ops->claim(log, &topic, p, true, &claim, &err) != STORE_OK) {
            return false;
        }
    }
    if (claim.lost) {
        return false;
    }
    m->has[p] = true;
    m->lost[p] = false;
    m->history_until[p] = claim.next_offset >= 0 ? claim.next_offset : 0;
    m->lane[p] = claim.lane;
    m->expected[p] =
        claim.history_offset < m->history_until[p] ? claim.history_offset : m->history_until[p];
    return true;
}

static inline void member_revoke(struct member *m, int p) {
    if (m->has[p]) {
        m->store->log->ops->release(m->store->log, p);
    }
    m->has[p] = m->lost[p] = false;
}
