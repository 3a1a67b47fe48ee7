// SPDX-License-Identifier: MIT
// What the parts of a site share. Only the site_*.c files include this.
#pragma once
#include "alerts/alerts.h"
#include "broker/kafka_log.h"
#include "broker/kafka_producer.h"
#include "engine/engine.h"
#include "engine/queue.h"
#include "format/value_format.h"
#include "host/reader_place.h"
#include "host/site.h"
#include "http/http_server.h"
#include "live/live.h"
#include "store/day_reader.h"
#include <pthread.h>
#include <stdatomic.h>

struct site;
// Any function may be NULL, but for open and close. `close` and `halt` are also called after a
// start that went halfway, `open` of the part itself included: what is not there is left alone.
struct site_part {
    const char *name;
    // Makes the part. Threads that start here may call only parts that are open already.
    bool (*open)(struct site *s, struct error *err);
    // Starts threads that may call any part.
    bool (*run)(struct site *s, struct error *err);
    // Joins what `run` started, and whatever else calls parts that were opened later.
    void (*halt)(struct site *s);
    // Joins the rest, frees.
    void (*close)(struct site *s);

    // Asked by the door and the page, so of parts that stand before these. Loop's and live's
    // thread. False: it is in the way of orders or figures; `problem` is one line.
    bool (*ready)(struct site *s, char problem[static INTAKE_PROBLEM_BYTES]);
    void (*metrics)(struct site *s, struct buf *out);
    // Members of the page's health, each after a comma. Live's thread; must be quick.
    void (*health)(struct site *s, struct buf *json);
    // On the thread of part_reload: reads its files again. What cannot be read changes nothing.
    void (*reload)(struct site *s);
};

// How a topic's messages are read (site_messages.c); zeroed: as our own are.
struct site_messages {
    enum value_format format;
    enum epoch_unit epoch;
    struct zone *zone;        // of times without an offset; NULL: the shop's
    struct order_rules rules; // the shop's, with these
};

struct site {
    const struct options *options;
    const struct site_plan *plan;
    size_t n_open, n_running; // so many parts of the plan, from the first
    const sigset_t *signals;  // blocked in all threads; the loop takes them
    bool stuck;               // a thread cannot be joined: see site_stop
    bool stop_asked;          // while the start waited for something (site_wait)

    // The shop: set by the first part that knows it (site_set_shop).
    struct store_settings settings;
    struct zone *zone;
    struct order_rules rules;
    // What parts leave for those after them. ops NULL, NULL: this process has none.
    struct intake intake;       // where orders go
    struct reader_place *place; // where questions go
    bool others_write;          // there are commits that nobody here announces
    // Messages of a log that are not counted yet. False: not known now. Any thread.
    bool (*lag)(struct site *s, int64_t *messages);

    struct store *store;
    struct queue *queue;
    struct kafka_settings kafka; // site_read_kafka
    struct site_messages messages;
    struct kafka_producer *producer;
    struct site_log *log;
    struct site_waiting *waiting; // NULL: it is not asked what waits for others
    struct engine *engine;
    void (*after_commit)(struct site *s); // engine's thread; NULL: nobody asks
    pthread_t engine_thread;
    bool engine_runs;
    atomic_bool engine_failed;
    struct http_server *http;
    struct day_cache *days; // of questions; NULL: none
    struct live *live;
    struct alerts *alerts; // NULL: there are no rules, and nowhere to keep some
    char rules_path[4096]; // of site_alerts.c
    struct site_watch *watch;
    struct site_reload *reload;
};

// --- site.c
// The steps of site_run around the loop: open and run, halt and close. After a failure, too.
MUST_CHECK bool site_start(struct site *s, struct error *err);
void site_stop(struct site *s);
// The settings in force: zone and rules follow from them.
MUST_CHECK bool site_set_shop(struct site *s, const struct store_settings *settings,
                              struct error *err);
// For a start that waits for a server: sleeps, and true when it is told to stop meanwhile.
MUST_CHECK bool site_wait(struct site *s, int wait_ms);
// Whether nothing is in the way; else `problem` lists what is. Loop's and live's thread.
bool site_ready(struct site *s, char problem[static INTAKE_PROBLEM_BYTES]);
void site_metrics(struct site *s, struct buf *out); // those of all parts
void site_health(struct site *s, struct buf *json); // likewise
bool site_can_reload(const struct site *s);
void site_reload_parts(struct site *s); // on the thread of part_reload

// --- site_engine.c: what both engines have in common
struct site_engine_wish {
    struct source source;
    size_t batch_max_events;
};
// Over s->store, with the customers of --customers.
MUST_CHECK bool site_engine_make(struct site *s, const struct site_engine_wish *wish,
                                 struct error *err);
MUST_CHECK bool site_engine_run(struct site *s, struct error *err);
void site_engine_join(struct site *s); // the source has ended or will
void site_engine_free(struct site *s);
void site_engine_reload(struct site *s); // customers

// --- site_messages.c
// Once the shop is known.
const struct order_rules *site_message_rules(struct site *s);

// --- site_producer.c
// s->kafka from --broker, for all parts that reach it. `missing`: what to say without --broker.
MUST_CHECK bool site_read_kafka(struct site *s, const char *missing, struct error *err);

// --- site_lag.c: what waits, of partitions whose ends are known or not (end_offset -1)
// False: of some it is not known.
MUST_CHECK bool site_lag_sum(const struct kafka_partition_facts *at, size_t n, int64_t *messages);
void site_lag_metrics(struct buf *out, const struct kafka_partition_facts *at, size_t n);
// A member of the page's health: `lag`.
void site_lag_health(struct buf *json, const struct kafka_partition_facts *at, size_t n);

// --- site_reload.c
void site_reload_ask(struct site *s); // loop's thread; at once
