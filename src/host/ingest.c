// SPDX-License-Identifier: MIT
// `salestide ingest`: the HTTP door in front of a Kafka topic. Without a store, so there is nothing
// to ask and nothing to read again.
#include "host/commands.h"
#include "host/site.h"

static void tell_ready(const struct options *o, const char *url, const char *place, FILE *out) {
    (void)place;
    fprintf(out, "Salestide is ready: %s (orders go to %s)\n", url, option_text(o, "broker"));
}

static const struct site_plan plan = {
    .command = "ingest",
    .parts = {&part_shop, &part_producer, &part_door},
    .tell_ready = tell_ready,
};

int command_ingest(const struct options *o) {
    return site_run(o, &plan);
}
