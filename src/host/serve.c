// SPDX-License-Identifier: MIT
// `salestide serve`: door, engine, store and live page in one process; with --broker a Kafka topic
// is between door and engine, and the stores are those that `process` writes.
#include "host/commands.h"
#include "host/site.h"

static void tell_ready_embedded(const struct options *o, const char *url, const char *place,
                                FILE *out) {
    (void)o;
    fprintf(out, "Salestide is ready: %s (data in %s)\n", url, place);
}

static const struct site_plan embedded = {
    .command = "serve",
    .parts = {&part_file, &part_queue, &part_alerts, &part_door, &part_page, &part_reload},
    .tell_ready = tell_ready_embedded,
};

static void tell_ready_over_broker(const struct options *o, const char *url, const char *place,
                                   FILE *out) {
    fprintf(out, "Salestide is ready: %s (orders go through %s into %s)\n", url,
            option_text(o, "broker"), place);
}

// The producer makes the topic if wished, so it stands before the engine that reads it.
static const struct site_plan over_broker = {
    .command = "serve",
    .parts = {&part_own_place, &part_producer, &part_log, &part_alerts, &part_door, &part_page,
              &part_reload},
    .tell_ready = tell_ready_over_broker,
};

int command_serve(const struct options *o) {
    return site_run(o, option_text(o, "broker") != NULL ? &over_broker : &embedded);
}
