// SPDX-License-Identifier: MIT
// The engine over a Kafka topic as a part of a site: raw and aggregates store by their URLs, the
// consumer, the engine.
//
// Start: the addresses are read, the aggregates store is opened (it knows the shop's settings),
// then the raw store, then the consumer joins its group; the engine gets its thread when all parts
// are there. Stores that are down are tried again until --start-timeout is over.
//
// Stop: the source ends, the engine commits what it has judged, the member leaves its group so that
// others take its partitions at once, the stores are closed.
#include "host/site_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "broker/kafka_config.h"
#include "broker/kafka_log.h"
#include "broker/kafka_rejected.h"
#include "engine/engine_metrics.h"
#include "host/parts.h"
#include "store/split/split_store.h"
#include <inttypes.h>
#include <stdlib.h>

enum { RETRY_FIRST_MS = 250, RETRY_LONGEST_MS = 4000, PARTITIONS_SHOWN = 10000 };

struct site_log {
    bool embedded; // raw orders and aggregates in one SQLite file, which knows every order for ever
    struct kafka_log *log;
    struct kafka_rejected *rejected; // NULL: no copies are wanted
    atomic_bool stopping;            // read by the engine's thread while it waits for a server
    struct store_wait wait;          // of the aggregates
    _Atomic int64_t window_ids, window_bytes, window_covered_ms;
};

// --- The engine's thread

// The store may only be asked on this thread: what others want to know is put where they see it.
static void note_window(struct site *s) {
    struct site_log *l = s->log;
    if (l->embedded) {
        return;
    }
    struct split_window_facts facts = split_store_window(s->store);
    atomic_store(&l->window_ids, (int64_t)facts.n_ids);
    atomic_store(&l->window_bytes, (int64_t)facts.bytes);
    int64_t before_ms = atomic_exchange(&l->window_covered_ms, facts.covered_ms);
    int64_t whole_ms = option_int(s->options, "dedupe-window");
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

static void on_rejected(void *user, const struct rejected_event *e) {
    kafka_rejected_send(((struct site *)user)->log->rejected, e);
}

// --- Start

// Opens a part; while it is down, again and again until the time is over.
typedef bool (*open_fn)(struct site *s, struct error *err);

static bool open_patiently(struct site *s, open_fn open, struct error *err) {
    const struct clock_source *clock = clock_system();
    int64_t until_ns =
        clock_monotonic_ns(clock) + option_int(s->options, "start-timeout") * INT64_C(1000000);
    int wait_ms = RETRY_FIRST_MS;
    while (!open(s, err)) {
        if (err->cls != ERROR_RETRIABLE ||
            clock_monotonic_ns(clock) + wait_ms * INT64_C(1000000) > until_ns) {
            return false;
        }
        log_warn("engine", "%s; trying again", err->text);
        if (site_wait(s, wait_ms)) {
            return false;
        }
        wait_ms = wait_ms * 2 < RETRY_LONGEST_MS ? wait_ms * 2 : RETRY_LONGEST_MS;
    }
    return true;
}

static bool open_log_stores(struct site *s, struct error *err) {
    struct site_log *l = s->log;
    struct split_options split = {
        .rejected = l->rejected != NULL ? on_rejected : NULL,
        .rejected_user = s,
        .topic = s->kafka.topic,
        .window_ms = option_int(s->options, "dedupe-window"),
        .window_bytes = (size_t)option_int(s->options, "dedupe-memory"),
    };
    if (l->embedded) {
        return parts_open_embedded(s->options, &s->settings, &s->store, err);
    }
    if (!parts_open_aggregates(s->options, &l->wait, &s->settings, &split.aggregates, err)) {
        return false;
    }
    if (!parts_open_raw(s->options, &l->stopping, &split.raw, err)) {
        split.aggregates->ops->close(split.aggregates);
        return false;
    }
    s->store = split_store_new(&split);
    return true;
}

static bool open_rejected(struct site *s, struct error *err) {
    const char *topic = option_text(s->options, "rejected-topic");
    return topic == NULL ||
           kafka_rejected_start(&s->kafka, s->kafka.topic, topic, &s->log->rejected, err);
}

static enum kafka_group_protocol group_protocol(const struct options *o) {
    const char *name = option_text(o, "group-protocol");
    return strcmp(name, "consumer") == 0 ? KAFKA_GROUP_CONSUMER
           : strcmp(name, "auto") == 0   ? KAFKA_GROUP_AUTO
                                         : KAFKA_GROUP_CLASSIC;
}

static bool open_consumer(struct site *s, struct error *err) {
    const struct options *o = s->options;
    rd_kafka_conf_t *conf = kafka_conf_new(&s->kafka, err);
    if (conf == NULL) {
        return false;
    }
    const struct kafka_log_options options = {
        .conf = conf,
        .topic = s->kafka.topic,
        .group = option_text(o, "group"),
        .rules = site_message_rules(s),
        .value_format = s->messages.format,
        .store = s->store->log,
        .clock = clock_system(),
        .window_ms = s->log->embedded ? 0 : option_int(o, "dedupe-window"),
        .group_protocol = group_protocol(o),
        .session_timeout_ms = option_int(o, "session-timeout"),
        .skip_gap = option_flag(o, "skip-gap"),
        .allow_compacted = option_flag(o, "allow-compacted"),
    };
    return kafka_log_open(&options, &s->log->log, err);
}

static bool make_log_engine(struct site *s, struct error *err) {
    s->after_commit = note_window;
    const struct site_engine_wish wish = {
        .source = kafka_log_source(s->log->log),
        .batch_max_events = (size_t)option_int(s->options, "log-batch-events"),
    };
    return site_engine_make(s, &wish, err);
}

// Of the partitions in this process's hands; the caller frees them.
static struct kafka_partition_facts *partitions_now(struct site *s, struct kafka_log_facts *facts) {
    struct kafka_partition_facts *at = mem_zalloc(PARTITIONS_SHOWN, sizeof *at);
    kafka_log_facts(s->log->log, facts, at, PARTITIONS_SHOWN);
    return at;
}

// Of all whose end is known.
static bool sum_lag(struct site *s, int64_t *messages) {
    struct kafka_log_facts facts;
    struct kafka_partition_facts *at = partitions_now(s, &facts);
    bool known = site_lag_sum(at, facts.n_partitions, messages);
    free(at);
    return known && facts.assigned;
}

static bool open_log(struct site *s, struct error *err) {
    struct site_log *l = s->log = mem_zalloc(1, sizeof *l);
    l->embedded = parts_embedded(s->options);
    store_wait_init(&l->wait, &l->stopping);
    s->others_write = true;
    s->lag = sum_lag;
    atomic_store(&l->window_covered_ms, option_int(s->options, "dedupe-window"));
    return site_read_kafka(s, "say where orders come from", err) && parts_check(s->options, err) &&
           open_rejected(s, err) && open_patiently(s, open_log_stores, err) &&
           site_set_shop(s, &s->settings, err) && open_consumer(s, err) && make_log_engine(s, err);
}

// --- Stop

static void halt_log(struct site *s) {
    struct site_log *l = s->log;
    atomic_store(&l->stopping, true);
    if (l->log != NULL) {
        kafka_log_stop(l->log);
    }
    site_engine_join(s);
}

static void close_log(struct site *s) {
    struct site_log *l = s->log;
    kafka_log_close(l->log); // lets go of partitions: the store is still there
    site_engine_free(s);
    if (s->store != NULL) {
        s->store->ops->close(s->store);
    }
    kafka_rejected_stop(l->rejected);
    store_wait_free(&l->wait);
    free(l);
}

// --- Asked from outside

static bool log_is_ready(struct site *s, char problem[static INTAKE_PROBLEM_BYTES]) {
    struct engine_status status;
    struct kafka_log_facts facts;
    if (!store_wait_ok(&s->log->wait, problem, INTAKE_PROBLEM_BYTES)) {
        return false;
    }
    engine_status(s->engine, &status);
    kafka_log_facts(s->log->log, &facts, NULL, 0);
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
    snprintf(problem, INTAKE_PROBLEM_BYTES, "%s", what != NULL ? what : "");
    return what == NULL;
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
    site_lag_metrics(out, at, n);
    metric_head(out, "kafka_standing_still", "gauge",
                "1 for a partition of this process that is not read: it waits, or was lost.");
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "salestide_kafka_standing_still{partition=\"%" PRId32 "\"} %d\n",
                   at[i].partition, at[i].stands_still);
    }
}

static void put_log(struct site *s, struct buf *out) {
    struct site_log *l = s->log;
    struct engine_status status;
    struct kafka_log_facts facts;
    struct kafka_partition_facts *at = partitions_now(s, &facts);
    engine_status(s->engine, &status);
    engine_metrics(out, &status, clock_now_ms(clock_system()));
    store_wait_metrics(&l->wait, out);
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
    if (l->rejected != NULL) {
        metric_value(out, "rejected_copies_left_out_total", "counter",
                     "Rejected events without a copy in --rejected-topic.",
                     kafka_rejected_left_out(l->rejected));
    }
    metric_value(out, "dedupe_ids", "gauge", "Identities known.", atomic_load(&l->window_ids));
    metric_value(out, "dedupe_bytes", "gauge", "Memory they take.", atomic_load(&l->window_bytes));
    metric_value(out, "dedupe_window_seconds", "gauge",
                 "How long a repeated order is known in this process.",
                 atomic_load(&l->window_covered_ms) / 1000);
}

static void put_lag(struct site *s, struct buf *json) {
    struct kafka_log_facts facts;
    struct kafka_partition_facts *at = partitions_now(s, &facts);
    site_lag_health(json, at, facts.n_partitions);
    free(at);
}

const struct site_part part_log = {
    .name = "log",
    .open = open_log,
    .run = site_engine_run,
    .halt = halt_log,
    .close = close_log,
    .ready = log_is_ready,
    .metrics = put_log,
    .health = put_lag,
    .reload = site_engine_reload,
};
