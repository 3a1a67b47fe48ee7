// SPDX-License-Identifier: MIT
// The pipeline without a broker, in two parts: the SQLite file of --data, which this process writes
// and reads, and the bounded queue with the engine behind it.
//
// Stop: the queue takes no more, the engine commits what is in it and settles it all; then both can
// be freed.
#include "host/site_internal.h"

#include "host/shop_settings.h"

#include "base/metrics.h"
#include "engine/engine_metrics.h"
#include "store/settings.h"
#include "store/sqlite/sqlite.h"
#include <string.h>

// --- The file

static bool is_sqlite(const char *address) {
    return address == NULL || strcmp(address, "sqlite") == 0;
}

static bool open_file(struct site *s, struct error *err) {
    const struct options *o = s->options;
    struct sqlite_options options = {.directory = option_text(o, "data"), .clock = clock_system()};
    struct store_settings in_force;
    // Without a broker one transaction does all, so both are in one file.
    if (!is_sqlite(option_text(o, "raw")) || !is_sqlite(option_text(o, "aggregates"))) {
        return error_set(err, ERROR_USAGE,
                         "--raw and --aggregates go with --broker kafka://HOST/TOPIC; without a "
                         "broker everything is in the SQLite file of --data");
    }
    if (!settings_of_options(o, &options.settings, err) ||
        !sqlite_store_open(&options, &s->store, &in_force, err)) {
        return false;
    }
    s->place = reader_place_of_store(options.directory, s->store);
    return site_set_shop(s, &in_force, err);
}

static void close_file(struct site *s) {
    reader_place_free(s->place);
    s->place = NULL;
    if (s->store != NULL) {
        s->store->ops->close(s->store);
    }
}

static void put_sizes(struct site *s, struct buf *out) {
    int64_t db_bytes = 0, wal_bytes = 0;
    sqlite_store_sizes(option_text(s->options, "data"), &db_bytes, &wal_bytes);
    metric_value(out, "database_bytes", "gauge", "Size of sales.db.", db_bytes);
    metric_value(out, "wal_bytes", "gauge", "Size of its write-ahead log.", wal_bytes);
}

const struct site_part part_file = {
    .name = "file",
    .open = open_file,
    .close = close_file,
    .metrics = put_sizes,
};

// --- The queue and its engine

static bool open_queue(struct site *s, struct error *err) {
    s->queue = queue_new((size_t)option_int(s->options, "queue-events"));
    s->intake = queue_intake(s->queue);
    const struct site_engine_wish wish = {
        .source = queue_source(s->queue),
        .batch_max_events = (size_t)option_int(s->options, "batch-events"),
    };
    return site_engine_make(s, &wish, err);
}

static void halt_queue(struct site *s) {
    if (s->queue != NULL) {
        intake_close(s->intake);
    }
    site_engine_join(s);
}

static void close_queue(struct site *s) {
    site_engine_free(s);
    queue_free(s->queue);
}

static bool queue_is_ready(struct site *s, char problem[static INTAKE_PROBLEM_BYTES]) {
    struct engine_status status;
    engine_status(s->engine, &status);
    if (!status.store_ready) {
        snprintf(problem, INTAKE_PROBLEM_BYTES, "store: %.480s",
                 status.problem[0] != '\0' ? status.problem : "not open yet");
        return false;
    }
    return intake_ready(s->intake, problem);
}

static void put_engine(struct site *s, struct buf *out) {
    struct engine_status status;
    engine_status(s->engine, &status);
    engine_metrics(out, &status, clock_now_ms(clock_system()));
}

const struct site_part part_queue = {
    .name = "queue",
    .open = open_queue,
    .run = site_engine_run,
    .halt = halt_queue,
    .close = close_queue,
    .ready = queue_is_ready,
    .metrics = put_engine,
    .reload = site_engine_reload,
};
