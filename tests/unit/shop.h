// SPDX-License-Identifier: MIT
// A whole pipeline for tests, without JSON or HTTP: a store in a temporary directory, an engine on
// a queue, a clock that tests move, and orders made by hand.
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "engine/queue.h"
#include "engine/zone_file.h"
#include "store/audit/audit.h"
#include "store/sqlite/sqlite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct shop {
    char directory[64];
    const char *vfs;
    int64_t now_ms, now_ns;
    struct clock_source clock;
    struct zone *zone;
    struct order_rules rules;
    struct store *store;
    struct store_settings settings; // asked for, then those in force
    struct queue *queue;
    struct engine *engine;
};

static int64_t shop_now_ms(void *user) {
    return ((struct shop *)user)->now_ms;
}
static int64_t shop_monotonic_ns(void *user) {
    return ((struct shop *)user)->now_ns;
}

static inline bool shop_try_open(struct shop *s, struct error *err) {
    struct sqlite_options options = {
        .directory = s->directory, .settings = s->settings, .vfs = s->vfs, .clock = &s->clock};
    if (!sqlite_store_open(&options, &s->store, &s->settings, err)) {
        return false;
    }
    struct engine_options eo = {.clock = &s->clock};
    s->queue = queue_new(100000);
    s->engine = engine_new(s->store, queue_source(s->queue), &s->rules, NULL, &eo);
    return true;
}

static inline void shop_open(struct shop *s) {
    struct error err = {0};
    if (!shop_try_open(s, &err)) {
        fail_msg("cannot open the shop: %s", err.text);
    }
}

static inline void shop_close(struct shop *s) {
    engine_free(s->engine);
    queue_free(s->queue);
    s->store->ops->close(s->store);
    s->store = NULL;
}

static inline void shop_restart(struct shop *s) {
    shop_close(s);
    shop_open(s);
}

// In memory where there is such a file system: these tests commit thousands of times, and it is not
// the disk that they test.
static inline void shop_make_directory(char directory[static 64]) {
    bool memory = access("/dev/shm", W_OK) == 0;
    snprintf(directory, 64, "%s/salestide-test-XXXXXX", memory ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(directory));
}

static inline void shop_make(struct shop *s, const char *vfs) {
    struct error err = {0};
    *s = (struct shop){.vfs = vfs, .now_ms = INT64_C(1767268800000)}; // 2026-01-01T12:00:00Z
    shop_make_directory(s->directory);
    s->clock = (struct clock_source){shop_now_ms, shop_monotonic_ns, s};
    assert_true(zone_open("UTC", &s->zone, &err));
    s->rules = (struct order_rules){.zone = s->zone, .currency = "USD", .max_depth = 32};
}

// Time goes by, on both clocks.
static inline void shop_pass(struct shop *s, int64_t ms) {
    s->now_ms += ms;
    s->now_ns += ms * 1000000;
}

// Before it is opened for the first time.
static inline void shop_set_zone(struct shop *s, const char *name) {
    struct error err = {0};
    zone_free(s->zone);
    assert_true(zone_open(name, &s->zone, &err));
    s->rules.zone = s->zone;
    snprintf(s->settings.timezone, sizeof s->settings.timezone, "%s", name);
}

static inline void shop_remove(struct shop *s) {
    char command[128];
    if (s->store != NULL) {
        shop_close(s);
    }
    zone_free(s->zone);
    snprintf(command, sizeof command, "rm -rf %s", s->directory);
    assert_int_equal(system(command), 0);
}

static inline struct order shop_order(const struct shop *s, int64_t id, int64_t total_e4) {
    return (struct order){.order_id = {id, TEXT_NONE},
                          .customer_id = IDENT_NONE,
                          .product_id = {id % 7, TEXT_NONE},
                          .source = TEXT_LIT("GOOGLE"),
                          .state = TEXT_LIT("CA"),
                          .currency = "USD",
                          .created_ms = s->now_ms,
                          .quantity = 2,
                          .subtotal_e4 = total_e4,
                          .total_e4 = total_e4};
}

// Sends one submission through the engine and gives back its result; *s keeps the verdicts.
static void shop_settled(struct submission *submission, enum settle_result result) {
    *(int *)submission->user = (int)result;
}
static inline struct submission *shop_submission(const struct order *orders, size_t n) {
    struct submission *s = submission_new(NULL);
    for (size_t i = 0; i < n; i++) {
        struct event *e = submission_add(s);
        e->order = orders[i];
        e->raw = TEXT_LIT("{}");
    }
    return s;
}

// Offers a submission; *result is -1 until it is settled.
static inline void shop_offer(struct shop *shop, struct submission *s, int *result) {
    *result = -1;
    s->user = result;
    s->settled = shop_settled;
    s->arrival_ms = shop->now_ms;
    assert_true(intake_offer(queue_intake(shop->queue), s));
}
static inline enum settle_result shop_send(struct shop *shop, struct submission *s) {
    int result = -1;
    s->user = &result;
    s->settled = shop_settled;
    s->arrival_ms = shop->now_ms;
    assert_true(intake_offer(queue_intake(shop->queue), s));
    engine_step(shop->engine, 0);
    assert_int_not_equal(result, -1);
    return (enum settle_result)result;
}

// One order; its verdict, or -1 when it was not stored.
static inline int shop_place(struct shop *shop, struct order o) {
    struct submission *s = shop_submission(&o, 1);
    int verdict = shop_send(shop, s) == SETTLE_DURABLE ? (int)s->events[0].verdict : -1;
    submission_free(s);
    return verdict;
}

// Sends one order that is to be rejected with this code.
static inline void shop_refuse(struct shop *shop, struct order o, const char *code) {
    struct submission *s = shop_submission(&o, 1);
    assert_int_equal(shop_send(shop, s), SETTLE_DURABLE);
    assert_int_equal(s->events[0].verdict, VERDICT_REJECTED);
    assert_string_equal(s->events[0].why->code, code);
    assert_true(s->events[0].why->message[0] != '\0');
    submission_free(s);
}

static inline struct order shop_refund(const struct shop *shop, int64_t id, const char *event_id,
                                       int64_t total_e4) {
    struct order o = shop_order(shop, id, total_e4);
    o.kind = ORDER_REFUNDED;
    o.event_id = text_of(event_id);
    return o;
}

static inline struct order shop_cancellation(const struct shop *shop, int64_t id,
                                             int64_t total_e4) {
    struct order o = shop_order(shop, id, total_e4);
    o.kind = ORDER_CANCELLED;
    return o;
}

static inline struct sales_reader *shop_reader(struct shop *shop) {
    struct sales_reader *r;
    struct store_settings settings;
    struct error err = {0};
    if (!sqlite_reader_open(shop->directory, shop->store, 10000, &r, &settings, &err)) {
        fail_msg("cannot open a reader: %s", err.text);
    }
    return r;
}

// verify, with what it prints in `out`; the number of broken laws.
static inline int64_t shop_audit(const struct shop *s, char *out, size_t cap,
                                 struct audit_report *report) {
    struct error err = {0};
    FILE *file = fmemopen(out, cap, "w");
    assert_non_null(file);
    bool ok = audit_verify(s->directory, file, report, &err);
    fclose(file);
    if (!ok) {
        fail_msg("verify could not run: %s", err.text);
    }
    return report->problems;
}

// The laws hold on what is on disk.
static inline void shop_verify(const struct shop *s, int64_t n_orders, int64_t n_adjustments) {
    struct audit_report report;
    char out[4096];
    if (shop_audit(s, out, sizeof out, &report) != 0) {
        fail_msg("%s", out);
    }
    assert_int_equal(report.orders, n_orders);
    assert_int_equal(report.adjustments, n_adjustments);
}
