// SPDX-License-Identifier: MIT
// `salestide dashboard`: the page, the live stream and the query API of aggregates that other
// processes write; takes no orders. While a server is away after the start, the page keeps its
// figures and says so, questions are answered 503, /readyz names what is down, and everything
// connects again by itself. With --broker it also tells what waits there to be counted.
#include "host/commands.h"
#include "host/site.h"

static void tell_ready(const struct options *o, const char *url, const char *place, FILE *out) {
    (void)o;
    fprintf(out, "Salestide's dashboard is ready: %s (reads %s)\n", url, place);
}

static const struct site_plan plan = {
    .command = "dashboard",
    .parts = {&part_place, &part_watch, &part_waiting, &part_alerts, &part_door, &part_page,
              &part_reload},
    .tell_ready = tell_ready,
};

int command_dashboard(const struct options *o) {
    return site_run(o, &plan);
}
