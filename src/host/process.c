// SPDX-License-Identifier: MIT
// `salestide process`: the engine over a Kafka topic as a process of its own, any number of them in
// one group. Its HTTP door has /healthz, /readyz and /metrics, nothing else.
//
// Start: stores, consumer and engine (log_pipeline.c), then the door, then one line on standard
// output. Stop: SIGTERM, SIGINT, or the engine ends for good (a gap in the log, no permission):
// exit code 1 then, after the line that says why.
#include "host/commands.h"

#include "base/log.h"
#include "host/http_setup.h"
#include "host/log_pipeline.h"
#include "live/page_files.h"
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

struct process {
    struct log_pipeline *pipeline;
    struct http_server *http;
};

static bool is_ready(void *user, char problem[static INTAKE_PROBLEM_BYTES]) {
    return log_pipeline_ready(((struct process *)user)->pipeline, problem);
}

static void put_metrics(void *user, struct buf *out) {
    log_pipeline_metrics(((struct process *)user)->pipeline, out);
}

static void reload(void *user) {
    log_pipeline_reload(((struct process *)user)->pipeline);
}

// Engine's thread: the loop takes the signal and ends.
static void on_failed(void *user) {
    UNUSED(user);
    kill(getpid(), SIGTERM);
}

static bool start(struct process *p, const struct options *o, struct error *err) {
    const struct log_pipeline_hooks hooks = {.failed = on_failed, .user = p};
    if (!log_pipeline_start(o, &hooks, &p->pipeline, err)) {
        return false;
    }
    struct http_options options = {
        .timezone = log_pipeline_settings(p->pipeline)->timezone,
        .clock = clock_system(),
        .ready = is_ready,
        .metrics = put_metrics,
        .files = &api_files,
        .reload = reload,
        .user = p,
    };
    http_options_read(o, &options);
    return http_new(&options, &p->http, err);
}

int command_process(const struct options *o) {
    sigset_t signals;
    http_prepare_process(&signals);
    struct process p = {0};
    struct error err = {0};
    bool ok = start(&p, o, &err);
    if (ok) {
        printf("Salestide is ready: %s (orders come from %s)\n", http_url(p.http),
               option_text(o, "broker"));
        fflush(stdout);
        http_run(p.http, &signals);
        ok = !log_pipeline_failed(p.pipeline);
    } else {
        fprintf(stderr, "salestide process: %s\n", err.text);
    }
    log_pipeline_stop(p.pipeline);
    http_free(p.http);
    if (ok) {
        log_info("engine", "stopped");
    }
    return ok ? 0 : err.cls == ERROR_USAGE ? 2 : 1;
}
