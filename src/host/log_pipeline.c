// SPDX-License-Identifier: MIT
// The engine over a Kafka topic.
//
// Start: the addresses are read, the aggregates store is opened (it knows the shop's settings),
// then the raw store, then the consumer joins its group and the engine gets its thread. Stores that
// are down are tried again until --start-timeout is over.
//
// Stop: the source ends, the engine commits what it has judged, the member leaves its group so that
// others take its partitions at once, the stores are closed.
#include "host/log_pipeline.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "broker/kafka_config.h"
#include "broker/kafka_log.h"
#include "broker/kafka_rejected.h"
#include "engine/engine_metrics.h"
#include "host/addresses.h"
#include "host/parts.h"
#include "store/split/split_store.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { RETRY_FIRST_MS = 250, RETRY_LONGEST_MS = 4000, PARTITIONS_SHOWN = 10000 };

struct log_pipeline {
    const struct options *options;
    struct log_pipeline_hooks hooks;
    struct kafka_settings kafka;
    struct store_settings settings;
    struct zone *zone;
    struct order_rules rules;
    struct store *store;
    bool embedded; // raw orders and aggregates in one SQLite file, which knows every order for ever
    struct kafka_log *log;
    struct kafka_rejected *rejected; // NULL: no copies are wanted
    struct engine *engine;
    pthread_t thread;
    bool runs;
    atomic_bool stopping;   // read by the engine's thread while it waits for a server
    struct store_wait wait; // of the aggregates
    atomic_bool failed;
    _Atomic int64_t window_ids, window_bytes, window_covered_ms;
};

// --- The engine's thread

// The store may only be asked on this thread: what others want to know is put where they see it.
static void note_window(struct log_pipeline *p) {
    if (p->embedded) {
        return;
    }
    struct split_window_facts facts = split_store_window(p->store);
    atomic_store(&p->window_ids, (int64_t)facts.n_ids);
    atomic_store(&p->window_bytes, (int64_t)facts.bytes);
    int64_t before_ms = atomic_exchange(&p->window_covered_ms, facts.covered_ms);
    int64_t whole_ms = option_int(p->options, "dedupe-window");
    bool was_short = before_ms < whole_ms - whole_ms / 50;
    bool is_short = facts.covered_ms < whole_ms - whole_ms / 50;
    if (is_short && !was_short) {
        log_warn("engine",
                 "--dedupe-memory is used up: a repeated order is known for %" PRId64
                 " min instead of %" PRId64 "; give it more, or more processes",
                 facts.covered_ms / 60000, whole_ms / 60000);
    } else if (was_short && !is_short) {
        log_info("engine", "duplicates are known for all of --dedupe-window again");
    }
}

static void on_committed(void *user, const struct batch_summary *batch) {
    UNUSED(batch);
    note_window(user);
}

static void on_rejected(void *user, const struct rejected_event *e) {
    kafka_rejected_send(((struct log_pipeline *)user)->rejected, e);
}

static void *engine_main(void *user) {
    struct log_pipeline *p = user;
    if (!engine_run(p->engine)) {
        atomic_store(&p->failed, true);
        if (p->hooks.failed != NULL) {
            p->hooks.failed(p->hooks.user);
        }
    }
    return NULL;
}

// --- Start

// Opens a part; while it is down, again and again until the time is over.
typedef bool (*open_fn)(struct log_pipeline *p, struct error *err);

static bool open_patiently(struct log_pipeline *p, open_fn open, struct error *err) {
    const struct clock_source *clock = clock_system();
    int64_t until_ns =
        clock_monotonic_ns(clock) + option_int(p->options, "start-timeout") * INT64_C(1000000);
    int wait_ms = RETRY_FIRST_MS;
    while (!open(p, err)) {
        if (err->cls != ERROR_RETRIABLE ||
            clock_monotonic_ns(clock) + wait_ms * INT64_C(1000000) > until_ns) {
            return false;
        }
        log_warn("engine", "%s; trying again", err->text);
        clock_sleep_ms(wait_ms);
        wait_ms = wait_ms * 2 < RETRY_LONGEST_MS ? wait_ms * 2 : RETRY_LONGEST_MS;
    }
    return true;
}

static bool open_store(struct log_pipeline *p, struct error *err) {
    struct split_options split = {
        .rejected = p->rejected != NULL ? on_rejected : NULL,
        .rejected_user = p,
        .topic = p->kafka.topic,
        .clock = clock_system(),
        .window_ms = option_int(p->options, "dedupe-window"),
        .window_bytes = (size_t)option_int(p->options, "dedupe-memory"),
    };
    if (p->embedded) {
        return parts_open_embedded(p->options, &p->settings, &p->store, err);
    }
    if (!parts_open_aggregates(p->options, &p->wait, &p->settings, &split.aggregates, err)) {
        return false;
    }
    if (!parts_open_raw(p->options, &p->stopping, &split.raw, err)) {
        split.aggregates->ops->close(split.aggregates);
        return false;
    }
    p->store = split_store_new(&split);
    return true;
}

static bool open_rejected(struct log_pipeline *p, struct error *err) {
    const char *topic = option_text(p->options, "rejected-topic");
    return topic == NULL ||
           kafka_rejected_start(&p->kafka, p->kafka.topic, topic, &p->rejected, err);
}

static bool open_log(struct log_pipeline *p, struct error *err) {
    const struct options *o = p->options;
    rd_kafka_conf_t *conf = kafka_conf_new(&p->kafka, err);
    if (conf == NULL) {
        return false;
    }
    const struct kafka_log_options options = {
        .conf = conf,
        .topic = p->kafka.topic,
        .group = option_text(o, "group"),
        .rules = &p->rules,
        .store = p->store->log,
        .clock = clock_system(),
        .window_ms = p->embedded ? 0 : option_int(o, "dedupe-window"),
        .session_timeout_ms = option_int(o, "session-timeout"),
        .skip_gap = option_flag(o, "skip-gap"),
        .allow_compacted = option_flag(o, "allow-compacted"),
    };
    return kafka_log_open(&options, &p->log, err);
}

static bool make_engine(struct log_pipeline *p, struct error *err) {
    const struct options *o = p->options;
    struct customers *customers = NULL;
    const char *path = option_text(o, "customers");
    if (path != NULL && !customers_load(path, &customers, err)) {
        return false;
    }
    const struct engine_options options = {
        .clock = clock_system(),
        .batch_max_events = (size_t)option_int(o, "log-batch-events"),
        .late_limit_ms = p->settings.late_limit_ms,
        .committed = on_committed,
        .committed_user = p,
    };
    p->engine = engine_new(p->store, kafka_log_source(p->log), &p->rules, customers, &options);
    return true;
}

static bool make_rules(struct log_pipeline *p, struct error *err) {
    if (!zone_open(p->settings.timezone, &p->zone, err)) {
        return false;
    }
    p->rules = (struct order_rules){.zone = p->zone,
                                    .max_depth = (uint32_t)option_int(p->options, "max-depth")};
    memcpy(p->rules.currency, p->settings.currency, sizeof p->rules.currency);
    return true;
}

static bool start_thread(struct log_pipeline *p, struct error *err) {
    int code = pthread_create(&p->thread, NULL, engine_main, p);
    if (code != 0) {
        return error_set(err, ERROR_FATAL, "cannot start the engine's thread: %s", strerror(code));
    }
    pthread_setname_np(p->thread, "engine");
    p->runs = true;
    return true;
}

bool log_pipeline_start(const struct options *o, const struct log_pipeline_hooks *hooks,
                        struct log_pipeline **out, struct error *err) {
    struct log_pipeline *p = mem_zalloc(1, sizeof *p);
    p->options = o;
    p->hooks = *hooks;
    p->embedded = parts_embedded(o);
    store_wait_init(&p->wait, &p->stopping);
    atomic_store(&p->window_covered_ms, option_int(o, "dedupe-window"));
    const char *broker = option_text(o, "broker");
    bool ok =
        broker != NULL ||
        error_set(err, ERROR_USAGE, "say where orders come from: --broker kafka://HOST:9092/TOPIC");
    ok = ok && parts_check(o, err) && kafka_settings_read(broker, o, &p->kafka, err) &&
         open_rejected(p, err) && open_patiently(p, open_store, err) && make_rules(p, err) &&
         open_log(p, err) && make_engine(p, err) && start_thread(p, err);
    if (!ok) {
        log_pipeline_stop(p);
        return false;
    }
    *out = p;
    return true;
}

void log_pipeline_stop(struct log_pipeline *p) {
    if (p == NULL) {
        return;
    }
    atomic_store(&p->stopping, true);
    if (p->log != NULL) {
        kafka_log_stop(p->log);
    }
    if (p->runs) {
        pthread_join(p->thread, NULL);
    }
    kafka_log_close(p->log); // lets go of partitions: the store is still there
    if (p->engine != NULL) {
        engine_free(p->engine);
    }
    if (p->store != NULL) {
        p->store->ops->close(p->store);
    }
    kafka_rejected_stop(p->rejected);
    zone_free(p->zone);
    store_wait_free(&p->wait);
    free(p);
}

// --- Asked from outside

const struct store_settings *log_pipeline_settings(const struct log_pipeline *p) {
    return &p->settings;
}

bool log_pipeline_failed(struct log_pipeline *p) {
    return atomic_load(&p->failed);
}

void log_pipeline_status(struct log_pipeline *p, struct engine_status *out) {
    engine_status(p->engine, out);
}

bool log_pipeline_ready(struct log_pipeline *p, char problem[static LOG_PIPELINE_PROBLEM_BYTES]) {
    struct engine_status status;
    struct kafka_log_facts facts;
    if (!store_wait_ok(&p->wait, problem, LOG_PIPELINE_PROBLEM_BYTES)) {
        return false;
    }
    engine_status(p->engine, &status);
    kafka_log_facts(p->log, &facts, NULL, 0);
    const char *what = NULL;
    if (!status.store_ready) {
        what = status.problem[0] != '\0' ? status.problem : "the store is not open yet";
    } else if (facts.problem[0] != '\0') {
        what = facts.problem;
    } else if (!facts.brokers_up) {
        what = "kafka: no broker can be reached";
    } else if (!facts.assigned) {
        what = "kafka: waiting for the group to give out partitions";
    } else if (facts.catching_up) {
        what = "identities of the last hours are being read back from the log";
    }
    snprintf(problem, LOG_PIPELINE_PROBLEM_BYTES, "%s", what != NULL ? what : "");
    return what == NULL;
}

void log_pipeline_reload(struct log_pipeline *p) {
    struct customers *customers = NULL;
    struct error err = {0};
    const char *path = option_text(p->options, "customers");
    if (path == NULL) {
        log_info("engine", "SIGHUP: there is no --customers file to read again");
    } else if (customers_load(path, &customers, &err)) {
        log_info("engine", "SIGHUP: %zu customers read from %s", customers_count(customers), path);
        engine_set_customers(p->engine, customers);
    } else {
        log_warn("engine", "SIGHUP: %s; the customers known before stay in force", err.text);
    }
}

// --- Metrics

// How old the newest aggregates are: 0 while there is nothing to count.
static void put_freshness(struct buf *out, const struct engine_status *status,
                          const struct kafka_partition_facts *at, size_t n) {
    bool idle = true;
    for (size_t i = 0; i < n; i++) {
        idle = idle && at[i].end_offset <= (at[i].next_offset > 0 ? at[i].next_offset : 0);
    }
    metric_head(out, "staleness_seconds", "gauge",
                "Age at its commit of the oldest event of the newest batch; 0 when the lag is 0.");
    buf_printf(out, "salestide_staleness_seconds %.3f\n",
               idle ? 0.0 : (double)status->last_freshness_ms / 1e3);
}

static void put_partitions(struct buf *out, const struct kafka_partition_facts *at, size_t n) {
    metric_head(out, "kafka_next_offset", "gauge", "First offset that is not counted yet.");
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "salestide_kafka_next_offset{partition=\"%" PRId32 "\"} %" PRId64 "\n",
                   at[i].partition, at[i].next_offset);
    }
    metric_head(out, "kafka_standing_still", "gauge",
                "1 for a partition of this process that is not read: it waits, or was lost.");
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "salestide_kafka_standing_still{partition=\"%" PRId32 "\"} %d\n",
                   at[i].partition, at[i].stands_still);
    }
    metric_head(out, "kafka_lag_messages", "gauge", "Messages that are not counted yet.");
    for (size_t i = 0; i < n; i++) {
        if (at[i].end_offset >= 0) {
            int64_t next = at[i].next_offset >= 0 ? at[i].next_offset : 0;
            int64_t lag = at[i].end_offset - next;
            buf_printf(out, "salestide_kafka_lag_messages{partition=\"%" PRId32 "\"} %" PRId64 "\n",
                       at[i].partition, lag > 0 ? lag : 0);
        }
    }
}

void log_pipeline_metrics(struct log_pipeline *p, struct buf *out) {
    struct engine_status status;
    struct kafka_log_facts facts;
    struct kafka_partition_facts *at = mem_zalloc(PARTITIONS_SHOWN, sizeof *at);
    engine_status(p->engine, &status);
    kafka_log_facts(p->log, &facts, at, PARTITIONS_SHOWN);
    engine_metrics(out, &status, clock_now_ms(clock_system()));
    store_wait_metrics(&p->wait, out);
    put_partitions(out, at, facts.n_partitions);
    put_freshness(out, &status, at, facts.n_partitions);
    free(at);
    metric_value(out, "kafka_partitions", "gauge", "Partitions in this process's hands.",
                 (int64_t)facts.n_partitions);
    metric_value(out, "kafka_consumer_up", "gauge", "Whether a broker can be reached.",
                 facts.brokers_up);
    metric_value(out, "kafka_messages_total", "counter", "Messages handed to the engine.",
                 facts.messages);
    metric_value(out, "kafka_bytes_total", "counter", "Their bytes.", facts.bytes);
    metric_value(out, "kafka_rebalances_total", "counter", "Times the group moved partitions.",
                 facts.rebalances);
    metric_value(out, "fenced_total", "counter",
                 "Partitions that another process had taken over when a batch was committed.",
                 facts.fences);
    metric_value(out, "kafka_foreign_keys_total", "counter",
                 "Messages whose key or partition is not what the order's id says.",
                 facts.foreign_keys);
    metric_value(out, "kafka_odd_timestamps_total", "counter",
                 "Messages whose timestamp is not between 1970 and 9999, counted at the nearest.",
                 facts.odd_timestamps);
    metric_value(out, "kafka_gaps_skipped_total", "counter",
                 "Times deleted messages were skipped because of --skip-gap.", facts.skipped_gaps);
    if (p->rejected != NULL) {
        metric_value(out, "rejected_copies_left_out_total", "counter",
                     "Rejected events without a copy in --rejected-topic.",
                     kafka_rejected_left_out(p->rejected));
    }
    metric_value(out, "dedupe_ids", "gauge", "Identities known.", atomic_load(&p->window_ids));
    metric_value(out, "dedupe_bytes", "gauge", "Memory they take.", atomic_load(&p->window_bytes));
    metric_value(out, "dedupe_window_seconds", "gauge",
                 "How long a repeated order is known in this process.",
                 atomic_load(&p->window_covered_ms) / 1000);
}
