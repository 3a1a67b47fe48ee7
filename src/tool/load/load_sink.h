// SPDX-License-Identifier: MIT
// Where the loader's events go: into a data directory (load_store.c), to a server (load_http.c) or
// into a Kafka topic (load_kafka.c).
// The readers of files (load_json.c, load_csv.c) know only this. Main thread.
#pragma once
#include "base/error.h"
#include "engine/store.h"
#include "format/order_csv.h"
#include "tool/load/load_report.h"
#include "tool/send_to.h"
#include <stdatomic.h>

// A piece of a file, shared by the events whose text lies in it. Counted: a sink that keeps a text
// longer than the call holds its block.
struct load_block {
    _Atomic int holders;
    size_t len;
    char bytes[];
};
struct load_block *load_block_new(size_t n_bytes); // dies when out of memory; one holder
void load_block_hold(struct load_block *b);
void load_block_drop(struct load_block *b); // NULL is fine

// Where an event comes from. `file` lives as long as the load.
struct load_place {
    const char *file;
    int64_t line;
};

struct load_sink {
    const struct load_sink_ops *ops;
};

// False ends the load with the error.
struct load_sink_ops {
    // One event's JSON text, which lies in `block`.
    MUST_CHECK bool (*json)(struct load_sink *s, struct text event, struct load_block *block,
                            struct load_place place, struct error *err);
    // An event of a file that is too long to be one: only the start of its text.
    MUST_CHECK bool (*too_long)(struct load_sink *s, struct text start, struct load_place place,
                                struct error *err);
    // For a CSV event: parse into this arena, then hand it over with its verdict. The arena is the
    // sink's; it is good until the next call. NULL: the error is set.
    MUST_CHECK struct arena *(*arena)(struct load_sink *s, struct error *err);
    MUST_CHECK bool (*order)(struct load_sink *s, const struct order_csv_event *e, bool rejected,
                             struct load_place place, struct error *err);
    // Sends on what is gathered, without waiting for its verdict.
    MUST_CHECK bool (*flush)(struct load_sink *s, struct error *err);
    // Waits until every event has its verdict.
    MUST_CHECK bool (*finish)(struct load_sink *s, struct error *err);
    const struct order_rules *(*rules)(const struct load_sink *s);
    void (*close)(struct load_sink *s); // frees s; what has no verdict by now is not counted
};

struct load_target {
    struct load_report *report; // borrowed
    const atomic_bool *stop;    // true: the user wants to stop; waits become short
};

// Of a data directory.
struct load_store_settings {
    const char *directory;      // made when it is missing
    struct store_settings shop; // empty or 0 where any is right; already checked
    const char *customers;      // a CSV file of sources and states; NULL: none
    int64_t queue_events;       // most that wait for the engine; >= 1
    int64_t batch_events;       // about how many share a commit; >= 1
    uint32_t max_depth;         // of an event's JSON; 1 .. ORDER_DEPTH_MAX
    enum epoch_unit epoch;      // of times that are JSON numbers
};
MUST_CHECK bool load_store_open(const struct load_store_settings *settings,
                                const struct load_target *target, struct load_sink **out,
                                struct error *err);
// To SEND_TO_SERVER.
MUST_CHECK bool load_http_open(const struct send_to *to, const struct load_target *target,
                               struct load_sink **out, struct error *err);
// To SEND_TO_TOPIC; tells the report that it only sends.
MUST_CHECK bool load_kafka_open(const struct send_to *to, const struct load_target *target,
                                struct load_sink **out, struct error *err);
