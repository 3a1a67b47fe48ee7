// SPDX-License-Identifier: MIT
// `salestide process`: the engine over a Kafka topic as a process of its own, any number of them in
// one group. Its HTTP door has /healthz, /readyz and /metrics, nothing else. An engine that ends
// for good (a gap in the log, no permission) has said why: exit code 1.
#include "host/commands.h"
#include "host/site.h"

static void tell_ready(const struct options *o, const char *url, const char *place, FILE *out) {
    (void)place;
    fprintf(out, "Salestide is ready: %s (orders come from %s)\n", url, option_text(o, "broker"));
}

static const struct site_plan plan = {
    .command = "process",
    .parts = {&part_messages, &part_log, &part_door, &part_reload},
    .tell_ready = tell_ready,
};

int command_process(const struct options *o) {
    return site_run(o, &plan);
}
