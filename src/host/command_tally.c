// SPDX-License-Identifier: MIT
// `salestide tally`: commits what others have counted. It is made and fed by a job on Spark, by
// lines on standard input (tool/tally/tally_protocol.h).
//
// 1. The stores are opened; those that are down are tried again until --start-timeout is over.
// 2. It says that it is ready, and answers until its input ends.
//
// How it fails: one line, exit code 2 for what was asked wrongly, 1 else.
#include "host/commands.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "engine/zone_file.h"
#include "host/parts.h"
#include "tool/tally/tally_serve.h"
#include <string.h>
#include <unistd.h>

enum { RETRY_FIRST_MS = 250, RETRY_LONGEST_MS = 4000 };

struct tallying {
    const struct options *options;
    struct store_wait wait;
    struct store_settings shop;
    struct zone *zone;
    struct tally_stores stores;
    struct tally_input pipe;
};

// Who judges, far from here, asks no table: whatever is accepted has to fit.
static bool open_raw_for_all(const struct options *o, struct raw_store **out, struct error *err) {
    if (!parts_open_raw(o, stop_flag(), out, err)) {
        return false;
    }
    return *out == NULL || (*out)->ops->fits_all == NULL || (*out)->ops->fits_all(*out, err);
}

// Raw orders are written by the job itself, so they are where it can write.
static bool check_places(const struct options *o, struct error *err) {
    const char *raw = option_text(o, "raw");
    if (!parts_check(o, err)) {
        return false;
    }
    return strcmp(raw, "sqlite") != 0 ||
           error_set(err, ERROR_USAGE,
                     "--raw sqlite: here there are cassandra://HOST/KEYSPACE and none");
}

static bool open_tally_stores(struct tallying *t, struct error *err) {
    struct tally_stores *s = &t->stores;
    if (!parts_open_aggregates(t->options, &t->wait, &t->shop, &s->aggregates, err)) {
        return false;
    }
    if (open_raw_for_all(t->options, &s->raw, err) && zone_open(t->shop.timezone, &t->zone, err)) {
        s->zone = t->zone;
        return true;
    }
    if (s->raw != NULL) {
        s->raw->ops->close(s->raw);
    }
    s->aggregates->ops->close(s->aggregates);
    s->raw = NULL;
    s->aggregates = NULL;
    return false;
}

static bool open_patiently(struct tallying *t, struct error *err) {
    const struct clock_source *clock = clock_system();
    int64_t until_ns =
        clock_monotonic_ns(clock) + option_int(t->options, "start-timeout") * INT64_C(1000000);
    int pause_ms = RETRY_FIRST_MS;
    while (!open_tally_stores(t, err)) {
        if (err->cls != ERROR_RETRIABLE ||
            clock_monotonic_ns(clock) + pause_ms * INT64_C(1000000) > until_ns) {
            return false;
        }
        log_warn("tally", "%s; trying again", err->text);
        if (tally_input_pause(&t->pipe, pause_ms)) {
            return false;
        }
        pause_ms = pause_ms * 2 < RETRY_LONGEST_MS ? pause_ms * 2 : RETRY_LONGEST_MS;
    }
    return true;
}

static void close_tally_stores(struct tallying *t) {
    struct tally_stores *s = &t->stores;
    if (s->raw != NULL) {
        s->raw->ops->close(s->raw);
    }
    if (s->aggregates != NULL) {
        s->aggregates->ops->close(s->aggregates);
    }
    tally_stores_free(s);
    tally_input_free(&t->pipe);
    zone_free(t->zone);
    store_wait_free(&t->wait);
}

int command_tally(const struct options *o) {
    struct tallying t = {
        .options = o,
        .pipe = {.in = STDIN_FILENO, .out = STDOUT_FILENO, .stop = stop_flag()},
        .stores = {.give_up_ms = option_int(o, "give-up"), .pause = tally_input_pause}};
    struct error err = {0};
    t.stores.pause_user = &t.pipe;
    stop_on_signals();
    store_wait_init(&t.wait, stop_flag());
    const struct tally_settings settings = {&t.stores, &t.shop,
                                            (size_t)option_int(o, "dedupe-memory")};
    bool ok =
        check_places(o, &err) && open_patiently(&t, &err) && tally_serve(&settings, &t.pipe, &err);
    if (!ok) {
        fprintf(stderr, "salestide tally: %s\n", err.text);
    }
    close_tally_stores(&t);
    return ok ? 0 : err.cls == ERROR_USAGE ? 2 : 1;
}
