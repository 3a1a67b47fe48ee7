// SPDX-License-Identifier: MIT
// The demo producer.
//
// To standard output: NDJSON as fast as it is taken; created_at runs on by 1/rate an event, more
// slowly by day and faster by night, as a shop's customers do (on average of a day, the rate). To a
// server: paced by the clock at the rate, created_at is now; with rate 0 as fast as the server
// takes them. To a Kafka topic likewise.
//
// How it fails: standard output or the server goes away. A reader that has seen enough (head) is no
// failure.
#include "tool/generate/generate.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/stop.h"
#include "tool/generate/demo_orders.h"
#include "tool/generate/demo_shop.h"
#include "tool/generate/demo_target.h"
#include "tool/generate/demo_webhook.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    DONE = 0,
    FAILED = 1,
    USAGE = 2,
    WRITE_BYTES = 256 * 1024,
    POST_EVENTS = 1000, // of one body at most
    TICK_MS = 5,
    BEHIND_MAX_MS = 1000, // what could not be sent for longer is not sent later
};
#define IDS_PER_SEED INT64_C(1000000000)
#define SEEDS_APART INT64_C(9000000) // so that ids stay below 2^53

static int generate_fail(const char *text) {
    fprintf(stderr, "salestide generate: %s\n", text);
    return FAILED;
}

static bool write_all(int fd, const char *at, size_t n) {
    while (n > 0) {
        ssize_t wrote = write(fd, at, n);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return false;
        }
        at += wrote;
        n -= (size_t)wrote;
    }
    return true;
}

// --- The files that go with the orders

static bool write_file(const char *path, void (*content)(struct buf *), struct error *err) {
    struct buf b = {0};
    content(&b);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && !b.failed && write_all(fd, b.at, b.len);
    int problem = errno;
    ok = (fd < 0 || close(fd) == 0) && ok;
    buf_free(&b);
    return ok || error_set(err, ERROR_FATAL, "cannot write %s: %s", path, strerror(problem));
}

static bool write_files(const struct generate_settings *s, struct error *err) {
    return (s->customers_file == NULL ||
            write_file(s->customers_file, demo_write_customers, err)) &&
           (s->products_file == NULL || write_file(s->products_file, demo_write_products, err));
}

// --- To standard output

static int write_events(struct demo_orders *d, int64_t count, int64_t rate, int64_t start_ms) {
    struct buf b = {0};
    int64_t ms = start_ms, ns = 0; // of created_at; ns: below one millisecond
    bool ok = true;
    for (int64_t n = 0; ok && (count == 0 || n < count) && !stop_asked(); n++) {
        demo_orders_next(d, ms, &b);
        ns += INT64_C(1000000000) * 1000 / rate / demo_busy_permille(ms);
        ms += ns / 1000000;
        ns %= 1000000;
        if (b.len >= WRITE_BYTES) {
            ok = !b.failed && write_all(STDOUT_FILENO, b.at, b.len);
            buf_clear(&b);
        }
    }
    ok = ok && !b.failed && write_all(STDOUT_FILENO, b.at, b.len);
    buf_free(&b);
    if (!ok && errno != EPIPE) {
        perror("salestide generate: cannot write to standard output");
        return FAILED;
    }
    return DONE;
}

// --- To a server or a topic

struct posting {
    struct demo_orders *orders;
    int64_t count, rate, start_ms; // start_ms < 0: created_at is now
    int64_t sent;
    struct demo_signing signing; // secret NULL: orders
    struct demo_target *target;
    bool failed;
};

// created_at of the i-th event from now on.
static int64_t posted_ms(const struct posting *p, int64_t i) {
    return p->start_ms < 0 ? clock_now_ms(clock_system())
                           : p->start_ms + (p->rate > 0 ? (p->sent + i) * 1000 / p->rate : 0);
}

// The next event, as a body of its own.
static void post_webhook(struct posting *p) {
    struct buf body = {0};
    struct demo_event e;
    demo_orders_draw(p->orders, posted_ms(p, 0), &e);
    const char *topic = demo_webhook_put(&body, p->signing.system, &e);
    p->failed = body.failed;
    if (p->failed) {
        buf_free(&body);
        generate_fail("out of memory");
        return;
    }
    p->sent++;
    p->target->ops->send_webhook(p->target, topic, &body);
}

// Makes and sends n events as one body.
static void post_events(struct posting *p, int64_t n) {
    struct buf body = {0};
    for (int64_t i = 0; i < n; i++) {
        demo_orders_next(p->orders, posted_ms(p, i), &body);
    }
    if (body.failed) {
        generate_fail("out of memory");
        p->failed = true;
        buf_free(&body);
        return;
    }
    p->sent += n;
    p->target->ops->send(p->target, &body);
}

// How many events are due by now, that have not been sent.
static int64_t due(struct posting *p, int64_t *origin_ns) {
    if (p->rate == 0) {
        return POST_EVENTS;
    }
    int64_t now_ns = clock_monotonic_ns(clock_system());
    int64_t behind_ns = INT64_C(1000000) * BEHIND_MAX_MS;
    int64_t should = (int64_t)((__int128)(now_ns - *origin_ns) * p->rate / 1000000000) + 1;
    int64_t limit = p->rate * BEHIND_MAX_MS / 1000 + 1;
    if (should - p->sent > limit) { // the server was away: go on from here
        *origin_ns = now_ns - (int64_t)((__int128)p->sent * 1000000000 / p->rate) - behind_ns;
        should = p->sent + limit;
    }
    return should - p->sent;
}

static void post_all(struct posting *p) {
    int64_t origin_ns = clock_monotonic_ns(clock_system()), n_now;
    struct demo_target *t = p->target;
    while ((p->count == 0 || p->sent < p->count) && t->ops->problem(t) == NULL && !p->failed &&
           !stop_asked()) {
        int64_t n = due(p, &origin_ns);
        if (p->count > 0 && n > p->count - p->sent) {
            n = p->count - p->sent;
        }
        n_now = n < POST_EVENTS ? n : POST_EVENTS;
        if (n > 0 && p->signing.secret == NULL) {
            post_events(p, n_now);
        }
        for (int64_t i = 0; p->signing.secret != NULL && i < n_now && !p->failed; i++) {
            post_webhook(p);
        }
        if (n <= POST_EVENTS && p->rate > 0) {
            t->ops->drive(t, TICK_MS);
        }
    }
    t->ops->finish(t);
}

static int tell(const struct posting *p, int64_t ms) {
    struct demo_target *t = p->target;
    struct demo_counts c = t->ops->counts(t);
    const char *problem = t->ops->problem(t);
    if (c.judged) {
        // What was made and found no server was not sent.
        int64_t sent = problem == NULL ? p->sent : c.accepted + c.duplicate + c.rejected;
        fprintf(stderr,
                "%" PRId64 " events sent in %" PRId64 ".%01d s: %" PRId64 " accepted, %" PRId64
                " duplicate, %" PRId64 " rejected\n",
                sent, ms / 1000, (int)(ms / 100 % 10), c.accepted, c.duplicate, c.rejected);
    } else {
        fprintf(stderr, "%" PRId64 " events sent in %" PRId64 ".%01d s\n", c.accepted, ms / 1000,
                (int)(ms / 100 % 10));
    }
    if (problem != NULL && !stop_asked()) {
        return generate_fail(problem);
    }
    return p->failed || c.rejected > 0 ? FAILED : DONE;
}

static int post_stream(const struct send_to *to, struct posting *p) {
    struct error err;
    bool ok = to->kind == SEND_TO_TOPIC ? demo_kafka_open(to, &p->target, &err)
                                        : demo_http_open(to, p->signing, &p->target, &err);
    if (!ok) {
        fprintf(stderr, "salestide generate: --to: %s\n", err.text);
        return err.cls == ERROR_USAGE ? USAGE : FAILED;
    }
    int64_t start_ns = clock_monotonic_ns(clock_system());
    post_all(p);
    int code = tell(p, (clock_monotonic_ns(clock_system()) - start_ns) / 1000000);
    p->target->ops->close(p->target);
    return code;
}

// --- What was asked

// Without a seed each run is another one: its identifiers are the clock's microseconds and on.
static struct demo_options demo_options_of(const struct generate_settings *s) {
    int64_t now_ms = clock_now_ms(clock_system());
    uint64_t noise = hash_u64((uint64_t)clock_monotonic_ns(clock_system()) ^ (uint64_t)getpid());
    return (struct demo_options){
        .seed = s->seeded ? (uint64_t)s->seed : noise ^ (uint64_t)now_ms,
        .first_id = s->seeded ? (uint64_t)(s->seed % SEEDS_APART * IDS_PER_SEED + 1)
                              : (uint64_t)now_ms * 1000,
        .random_ids = s->random_ids,
        .customer_fields = s->customer_fields};
}

static int64_t default_start_ms(const struct generate_settings *s) {
    static const int64_t NEW_YEAR_2026_MS = INT64_C(1767225600000);
    return s->seeded ? NEW_YEAR_2026_MS : clock_now_ms(clock_system());
}

int generate_run(const struct generate_settings *s) {
    struct error err = {0};
    if (!write_files(s, &err)) {
        return generate_fail(err.text);
    }
    if (s->files_alone) {
        return DONE;
    }
    struct demo_options options = demo_options_of(s);
    struct demo_orders *orders = demo_orders_new(&options);
    stop_on_signals();
    int code;
    if (s->to.kind != SEND_TO_NOTHING) {
        struct posting p = {.orders = orders,
                            .count = s->count,
                            .rate = s->rate,
                            .start_ms = s->start_ms,
                            .signing = {s->webhook_system, s->webhook_secret}};
        code = post_stream(&s->to, &p);
    } else {
        int64_t start_ms = s->start_ms >= 0 ? s->start_ms : default_start_ms(s);
        code = write_events(orders, s->count, s->rate, start_ms);
    }
    demo_orders_free(orders);
    return code;
}
