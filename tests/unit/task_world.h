// SPDX-License-Identifier: MIT
// A random log of one partition as JSON texts, and the native engine's judgement of it: judge.c
// over the real split store, whose aggregates only record what is committed. For tests of the
// kernel's tasks. Include after cmocka.h.
#pragma once
#include "base/buf.h"
#include "base/hash.h"
#include "engine/judge.h"
#include "format/log_message.h"
#include "kernel/shop.h"
#include "store/split/split_batch.h"
#include "store/split/split_store.h"
#include "sums/currency.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOG_MESSAGES = 4000, LANE = 3, PARTITION = 5 };
#define TASK_NOW_MS INT64_C(1796040000000)
#define TASK_WINDOW_MS INT64_C(3600000)
#define TASK_WINDOW_BYTES (UINT64_C(1) << 22)

struct logged {
    int64_t offset, stamp_ms;
    struct text value; // absent: a tombstone
};

struct task_world {
    uint64_t dice;
    struct arena texts;
    struct logged log[LOG_MESSAGES];
    struct salestide_shop *shop;

    // What native has committed.
    struct aggregates aggregates;
    struct raw_store raw;
    struct cube *cube;
    struct store_counts counts;
    struct arena kept;
    struct rejected_event rejected[LOG_MESSAGES];
    size_t n_rejected;
    struct position_move move;
    int32_t minute_min, minute_max, minute_floor, hour_floor;
    int64_t oldest_arrival_ms;
    struct stored_event recent[SPLIT_RECENT_MAX], changes[SPLIT_RECENT_MAX];
    size_t n_recent, n_changes;
    int64_t gross_e4[N_CURRENCIES];
    int64_t refused[LOG_MESSAGES]; // offsets, ascending
    size_t n_refused;
    struct id_window_start window;
    int64_t next_offset;
    int64_t n_batches;
};

static uint64_t toss(struct task_world *w, uint64_t n) {
    w->dice = hash_u64(w->dice + UINT64_C(0x9e3779b97f4a7c15));
    return w->dice % n;
}

// --- The log

static int64_t a_stamp_ms(struct task_world *w, int i) {
    switch (toss(w, 40)) {
    case 0:
        return 0; // what gives no time
    case 1:
        return INT64_MAX; // one far ahead
    case 2:
        return TASK_NOW_MS + (int64_t)toss(w, 7200000) - 3600000;
    default:
        return TASK_NOW_MS + (int64_t)i * 3000 + (int64_t)toss(w, 60000) - 30000;
    }
}

static struct text an_order(struct task_world *w, int64_t id) {
    static const char *const amounts[] = {"12.5", "\"0.00005\"", "1e2", "7.12345", "\"900000.99\""};
    static const char *const ends[] = {",\"source\":\"ADS\",\"state\":\"CA\"",
                                       ",\"source\":\"MAIL\"", "", ",\"currency\":\"EUR\""};
    char text[900];
    const char *amount = amounts[id % 5];
    int n =
        snprintf(text, sizeof text,
                 id % 4 == 0 ? "{\"order_id\":\"T-%" PRId64 "\"" : "{\"order_id\":%" PRId64, id);
    n += snprintf(text + n, sizeof text - (size_t)n,
                  ",\"created_at\":\"2026-11-%02dT10:%02d:00Z\",\"customer_id\":%d,\"total\":%s%s",
                  (int)(1 + id % 28), (int)(id % 60), (int)(id % 50), amount, ends[id % 4]);
    n += snprintf(text + n, sizeof text - (size_t)n,
                  id % 6 == 0
                      ? ",\"items\":[{\"product_id\":\"a\",\"quantity\":2,\"subtotal\":\"1.5\"},"
                        "{\"product_id\":%d,\"quantity\":1}]}"
                      : ",\"product_id\":%d,\"quantity\":2}",
                  (int)(id % 7));
    struct text copy;
    assert_true(arena_try_copy(&w->texts, (struct text){text, (size_t)n}, &copy));
    return copy;
}

static struct text an_adjustment(struct task_world *w, int64_t id, bool cancelled) {
    char text[400];
    int n = snprintf(text, sizeof text, "{\"order_id\":%s%" PRId64 "%s,\"event\":\"%s\"",
                     id % 4 == 0 ? "\"T-" : "", id, id % 4 == 0 ? "\"" : "",
                     cancelled ? "cancelled" : "refunded");
    n +=
        snprintf(text + n, sizeof text - (size_t)n,
                 ",\"event_id\":\"e%d\",\"created_at\":\"2026-11-29T10:00:00Z\",\"customer_id\":%d,"
                 "\"product_id\":%d,\"quantity\":1,\"total\":\"1.2\"}",
                 (int)toss(w, 3), (int)(id % 50), (int)(id % 7));
    struct text copy;
    assert_true(arena_try_copy(&w->texts, (struct text){text, (size_t)n}, &copy));
    return copy;
}

static struct text an_odd_one(struct task_world *w) {
    static const char *const odd[] = {
        "{\"order_id\":1,", "[]", "{\"order_id\":5,\"total\":\"-3\"}", "\xff\xfe",
        // Each moves its currency's sum by a lot; some of them are refused.
        "{\"order_id\":\"big-1\",\"created_at\":\"2026-11-01T00:00:00Z\",\"product_id\":1,"
        "\"quantity\":1,\"total\":\"400000000000\",\"currency\":\"JPY\"}",
        "{\"order_id\":\"big-2\",\"created_at\":\"2026-11-01T00:00:00Z\",\"product_id\":1,"
        "\"quantity\":1,\"total\":\"500000000000\",\"currency\":\"JPY\"}",
        "{\"order_id\":\"big-3\",\"created_at\":\"2026-11-01T00:00:00Z\",\"product_id\":1,"
        "\"quantity\":1,\"total\":\"600000000000\",\"currency\":\"JPY\"}",
        ""};
    return text_of(odd[toss(w, sizeof odd / sizeof *odd)]);
}

// The text of an earlier message with its amount changed, if it has such a one.
static struct text otherwise(struct task_world *w, struct text value) {
    struct text copy;
    assert_true(arena_try_copy(&w->texts, value, &copy));
    char *at = memmem(copy.at, copy.len, "\"quantity\":", 11);
    if (at != NULL) {
        at[11] = '3';
    }
    return copy;
}

static void fill_task_log(struct task_world *w) {
    int64_t offset = 10, next_id = 1;
    for (int i = 0; i < LOG_MESSAGES; i++) {
        uint64_t kind = toss(w, 100);
        struct logged *m = &w->log[i], *old = &w->log[toss(w, (uint64_t)(i > 0 ? i : 1))];
        *m = (struct logged){offset, a_stamp_ms(w, i), TEXT_NONE};
        int64_t old_id = (int64_t)toss(w, (uint64_t)next_id) + 1;
        if (kind < 60 || i == 0) {
            m->value = an_order(w, next_id++);
        } else if (kind < 73) {
            m->value = old->value;
        } else if (kind < 78 && old->value.at != NULL) {
            m->value = otherwise(w, old->value);
        } else if (kind < 88) {
            m->value = an_adjustment(w, old_id, toss(w, 2) == 0);
        } else if (kind < 96) {
            m->value = an_odd_one(w);
        }
        offset += toss(w, 8) == 0 ? 1 + (int64_t)toss(w, 30) : 1;
    }
}

// --- Aggregates that record

static struct task_world *world_of(struct aggregates *a) {
    return (struct task_world *)((char *)a - offsetof(struct task_world, aggregates));
}

static enum store_result record_claim(struct aggregates *a, const struct position_wish *wish,
                                      struct position_claim *out, bool *lost, struct error *err) {
    UNUSED(wish);
    UNUSED(err);
    *out = (struct position_claim){.next_offset = -1, .epoch_us = 7, .lane = LANE};
    out->window = (struct id_window_start){-1, 0};
    *lost = world_of(a) == NULL;
    return STORE_OK;
}

static struct text keep(struct task_world *w, struct text t) {
    struct text copy = TEXT_NONE;
    assert_true(t.at == NULL || arena_try_copy(&w->kept, t, &copy));
    return copy;
}

static size_t keep_events(struct task_world *w, const struct stored_event *list, size_t n,
                          struct stored_event *out) {
    for (size_t i = 0; i < n; i++) {
        char *at = arena_try_bytes(&w->kept, split_event_bytes(&list[i]));
        assert_non_null(at);
        split_event_copy(&list[i], at, &out[i]);
    }
    return n;
}

static enum commit_result record_commit(struct aggregates *a, const struct aggregates_batch *b,
                                        struct batch_summary *s, struct error *err) {
    struct task_world *w = world_of(a);
    UNUSED(err);
    assert_int_equal(b->n_moves, 1);
    w->move = b->moves[0];
    w->window = b->moves[0].window;
    w->next_offset = b->moves[0].to;
    assert_int_equal(cube_merge(w->cube, b->cube), CUBE_OK);
    for (size_t i = 0; i < b->n_rejected; i++) {
        struct rejected_event r = b->rejected[i];
        r.field = keep(w, r.field);
        r.message = keep(w, r.message);
        r.raw = keep(w, r.raw);
        w->rejected[w->n_rejected++] = r;
        if (r.refused) {
            w->refused[w->n_refused++] = log_position_offset(r.position);
        }
    }
    for (size_t i = 0; i < b->n_gross; i++) {
        w->gross_e4[b->gross[i].currency] += b->gross[i].delta_e4;
    }
    w->n_recent = keep_events(w, b->recent, b->n_recent, w->recent);
    w->n_changes = keep_events(w, b->changes, b->n_changes, w->changes);
    w->counts.received += s->counts.received;
    w->counts.accepted += s->counts.accepted;
    w->counts.duplicate += s->counts.duplicate;
    w->counts.rejected += s->counts.rejected;
    w->counts.skipped += s->counts.skipped;
    for (int i = 0; i < ORDER_WARNING_KINDS; i++) {
        w->counts.warnings[i] += s->counts.warnings[i];
    }
    w->minute_min = s->minute_min;
    w->minute_max = s->minute_max;
    w->oldest_arrival_ms = s->oldest_arrival_ms;
    w->minute_floor = b->minute_floor;
    w->hour_floor = b->hour_floor;
    s->batch_id = ++w->n_batches;
    return COMMIT_OK;
}

static void record_state(struct aggregates *a, struct aggregates_state *out) {
    struct task_world *w = world_of(a);
    *out = (struct aggregates_state){
        .gross_e4 = w->gross_e4, .minute_floor = w->minute_floor, .hour_floor = w->hour_floor};
}
static enum store_result record_reopen(struct aggregates *a, struct error *err) {
    UNUSED(a);
    UNUSED(err);
    return STORE_OK;
}
static void record_close(struct aggregates *a) {
    UNUSED(a);
}
static const struct aggregates_ops record_ops = {.name = "record",
                                                 .claim = record_claim,
                                                 .commit = record_commit,
                                                 .state = record_state,
                                                 .reopen = record_reopen,
                                                 .close = record_close};

// --- The native engine over it

struct native {
    struct task_world *w;
    struct store *store;
    struct cube *cube;
    struct judge judge;
    struct order_json *parser;
    struct clock_source clock;
};

static int64_t native_now_ms(void *user) {
    UNUSED(user);
    return TASK_NOW_MS;
}
static int64_t native_still_ns(void *user) {
    UNUSED(user);
    return 0;
}

static void native_open(struct native *n, struct task_world *w) {
    struct error err;
    struct log_claim claim;
    w->aggregates.ops = &record_ops;
    const struct split_options options = {.aggregates = &w->aggregates,
                                          .topic = "sales",
                                          .window_ms = TASK_WINDOW_MS,
                                          .window_bytes = TASK_WINDOW_BYTES};
    *n = (struct native){.w = w,
                         .store = split_store_new(&options),
                         .cube = cube_new(w->shop->zone, NULL),
                         .parser = order_json_new(NULL),
                         .clock = {native_now_ms, native_still_ns, NULL}};
    n->judge = (struct judge){.store = n->store,
                              .cube = n->cube,
                              .customers = w->shop->customers,
                              .clock = &n->clock,
                              .late_limit_ms = w->shop->late_limit_ms};
    judge_init(&n->judge);
    const struct log_topic topic = {"sales", "id"};
    assert_int_equal(
        n->store->log->ops->claim(n->store->log, &topic, PARTITION, false, &claim, &err), STORE_OK);
}

static void native_close(struct native *n) {
    n->store->ops->close(n->store);
    cube_free(n->cube);
    order_json_free(n->parser);
}

// As a log's reader makes them.
static struct submission *native_submission(struct native *n, int from, int to) {
    struct submission *s = submission_new(NULL);
    assert_non_null(s);
    s->log = (struct log_slice){.partition = PARTITION, .first_offset = n->w->log[from].offset};
    for (int i = from; i < to; i++) {
        const struct logged *m = &n->w->log[i];
        int64_t arrival_ms = log_arrival_ms(m->stamp_ms);
        s->log.next_offset = m->offset + 1;
        s->arrival_ms = arrival_ms > s->arrival_ms ? arrival_ms : s->arrival_ms;
        if (m->value.len == 0) {
            s->log.n_skipped++;
            continue;
        }
        struct event *e = submission_add(s);
        struct rejection why;
        assert_non_null(e);
        e->at.arrival_ms = arrival_ms;
        e->at.position = log_position(LANE, m->offset);
        e->raw = m->value;
        if (log_message_parse(n->parser, &n->w->shop->rules, m->value, false, &s->arena, &e->order,
                              &why) == ORDER_JSON_OK) {
            e->at.digest = order_digest(&e->order);
        } else {
            assert_true(submission_reject(s, e, &why));
        }
    }
    return s;
}

// One batch of messages number from .. to.
static void native_batch(struct native *n, int from, int to) {
    struct error err;
    struct batch_summary summary = {
        .minute_min = INT32_MAX, .minute_max = INT32_MIN, .oldest_arrival_ms = INT64_MAX};
    struct submission *s = native_submission(n, from, to);
    bool aside = false;
    assert_int_equal(n->store->ops->begin(n->store, &err), STORE_OK);
    assert_int_equal(judge_all(&n->judge, s, &summary, &err), STORE_OK);
    assert_int_equal(n->store->ops->commit_begin(n->store, n->cube, &summary, &aside, &err),
                     STORE_OK);
    assert_int_equal(n->store->ops->commit_finish(n->store, &err), STORE_OK);
    cube_clear(n->cube);
    submission_free(s);
}
