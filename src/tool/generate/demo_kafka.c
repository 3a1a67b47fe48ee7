// SPDX-License-Identifier: MIT
// Demo orders to a Kafka topic: through the loader's sink, which knows how to wait and try again.
#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include "tool/generate/demo_target.h"
#include "tool/load/load_sink.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct demo_kafka {
    struct demo_target base;
    struct load_report *report;
    struct load_sink *sink;
    struct error failure;
};

static struct demo_kafka *demo_kafka_of(struct demo_target *t) {
    return (struct demo_kafka *)t;
}

static void send_body(struct demo_target *t, struct buf *body) {
    struct demo_kafka *d = demo_kafka_of(t);
    struct load_sink *sink = d->sink;
    struct load_block *block = load_block_new(body->len);
    struct load_place place = {"generate", 0};
    memcpy(block->bytes, body->at, body->len);
    block->len = body->len;
    buf_free(body);
    bool ok = d->failure.cls == ERROR_NONE;
    for (size_t at = 0; ok && at < block->len;) {
        const char *line = block->bytes + at;
        const char *end = memchr(line, '\n', block->len - at); // each line has its end
        size_t len = (size_t)(end - line);
        ok = sink->ops->json(sink, (struct text){line, len}, block, place, &d->failure);
        at += len + 1;
    }
    ok = ok && sink->ops->flush(sink, &d->failure);
    UNUSED(ok); // the failure is kept
    load_block_drop(block);
}

static void drive(struct demo_target *t, int timeout_ms) {
    UNUSED(t);
    clock_sleep_ms(timeout_ms); // the producer has a thread of its own
}

static void demo_kafka_finish(struct demo_target *t) {
    struct demo_kafka *d = demo_kafka_of(t);
    if (d->failure.cls == ERROR_NONE && !d->sink->ops->finish(d->sink, &d->failure)) {
        return; // the failure is kept
    }
}

static const char *problem_of(const struct demo_target *t) {
    const struct demo_kafka *d = (const struct demo_kafka *)t;
    return d->failure.cls != ERROR_NONE ? d->failure.text : NULL;
}

static struct demo_counts counts_of(struct demo_target *t) {
    struct demo_counts c = {0};
    load_report_counts(demo_kafka_of(t)->report, &c.accepted, &c.duplicate, &c.rejected);
    return c;
}

static void close_target(struct demo_target *t) {
    struct demo_kafka *d = demo_kafka_of(t);
    if (d->sink != NULL) {
        d->sink->ops->close(d->sink);
    }
    load_report_free(d->report);
    free(d);
}

bool demo_kafka_open(const struct send_to *to, struct demo_target **out, struct error *err) {
    static const struct demo_target_ops ops = {.send = send_body,
                                               .drive = drive,
                                               .finish = demo_kafka_finish,
                                               .problem = problem_of,
                                               .counts = counts_of,
                                               .close = close_target};
    struct demo_kafka *d = mem_zalloc(1, sizeof *d);
    d->base.ops = &ops;
    d->report = load_report_new(clock_system(), "salestide generate");
    const struct load_target target = {.report = d->report, .stop = stop_flag()};
    if (!load_kafka_open(to, &target, &d->sink, err)) {
        close_target(&d->base);
        return false;
    }
    *out = &d->base;
    return true;
}
