// SPDX-License-Identifier: MIT
// /healthz (the process answers), /readyz (orders can be stored), /v1/alerts (what fires) and
// /metrics (Prometheus text).
#include "http/http_internal.h"

#include "base/metrics.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

void http_healthz(struct request *r) {
    http_reply_cached(r, ANSWER_HEALTHY);
}

void http_readyz(struct request *r) {
    struct http_server *s = r->server;
    char problem[INTAKE_PROBLEM_BYTES] = "";
    if (s->stopping) {
        http_reply_problem(r, PROBLEM_NOT_READY, "the server is stopping");
        return;
    }
    if (!s->options.ready(s->options.user, problem)) {
        http_reply_problem(r, PROBLEM_NOT_READY,
                           r->reason_hidden ? "with an API key of scope read this says why"
                                            : problem);
        return;
    }
    struct buf body = {0};
    buf_put_str(&body, "{\"status\":\"ready\"}");
    http_reply_buf(r, 200, "application/json", &body);
}

void http_alerts(struct request *r) {
    struct http_server *s = r->server;
    struct buf body = {0};
    s->options.alerts(s->options.user, &body);
    http_reply_buf(r, 200, "application/json", &body);
}

// --- Metrics

static void put_door(struct buf *out, struct http_server *s) {
    if (s->options.intake.ops != NULL) {
        metric_value(out, "queue_events", "gauge", "Events that wait to be stored.",
                     (int64_t)intake_events(s->options.intake));
        metric_value(out, "queue_capacity_events", "gauge", "Most events that may wait.",
                     (int64_t)intake_capacity(s->options.intake));
    }
    metric_value(out, "http_connections", "gauge", "Open connections, viewers apart.",
                 s->n_connections);
    metric_value(out, "http_requests_in_flight", "gauge",
                 "Requests that are read, judged or answered.", (int64_t)s->n_requests);
    metric_value(out, "http_inflight_bytes", "gauge", "Memory charged to requests in flight.",
                 (int64_t)budget_used(&s->budget));
    metric_value(out, "http_inflight_limit_bytes", "gauge", "Most of it.",
                 (int64_t)s->budget.limit_bytes);
    metric_value(out, "http_body_bytes_total", "counter", "Bytes of request bodies taken.",
                 s->stats.body_bytes);
    metric_value(out, "http_timeouts_total", "counter", "Connections ended for slowness.",
                 s->stats.timed_out);
    metric_value(out, "viewers", "gauge", "Live pages connected.", (int64_t)http_viewers_count(s));
    metric_head(out, "http_responses_total", "counter", "Answers by status.");
    for (int status = 0; status < STATUS_MAX; status++) {
        if (s->stats.answers[status] > 0) {
            buf_printf(out, "salestide_http_responses_total{status=\"%d\"} %lld\n", status,
                       (long long)s->stats.answers[status]);
        }
    }
}

static void put_webhooks(struct buf *out, const struct http_server *s) {
    metric_head(out, "webhooks_total", "counter", "Webhooks by system and what became of them.");
    for (int system = 0; system < WEBHOOK_SYSTEMS; system++) {
        for (int result = 0; result < WEBHOOK_RESULTS; result++) {
            if (s->stats.webhooks[system][result] > 0) {
                buf_printf(out, "salestide_webhooks_total{system=\"%s\",result=\"%s\"} %lld\n",
                           webhook_system_name((enum webhook_system)system),
                           http_webhook_result_name((enum webhook_result)result),
                           (long long)s->stats.webhooks[system][result]);
            }
        }
    }
}

// The second number of /proc/self/statm, in pages; 0 when it cannot be read.
static long long resident_pages(void) {
    char line[128] = "";
    FILE *f = fopen("/proc/self/statm", "re");
    if (f == NULL) {
        return 0;
    }
    const char *got = fgets(line, sizeof line, f);
    fclose(f);
    const char *second = got != NULL ? strchr(line, ' ') : NULL;
    return second != NULL ? strtoll(second, NULL, 10) : 0;
}

static void put_process(struct buf *out, int64_t started_ms) {
    struct rusage use;
    buf_printf(out,
               "# HELP process_start_time_seconds Start time of the process since 1970.\n"
               "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %lld.%03d\n",
               (long long)(started_ms / 1000), (int)(started_ms % 1000));
    buf_printf(out,
               "# HELP process_resident_memory_bytes Resident memory size in bytes.\n"
               "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %lld\n",
               resident_pages() * sysconf(_SC_PAGESIZE));
    if (getrusage(RUSAGE_SELF, &use) == 0) {
        double cpu_s = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
        buf_printf(out,
                   "# HELP process_cpu_seconds_total Total user and system CPU time spent.\n"
                   "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %.3f\n",
                   cpu_s);
    }
}

static void put_build(struct buf *out) {
    metric_head(out, "build_info", "gauge", "Which build this is.");
    buf_put_str(out, "salestide_build_info{version=\"" SALESTIDE_VERSION "\"} 1\n");
}

void http_metrics(struct request *r) {
    struct http_server *s = r->server;
    struct buf out = {0};
    s->options.metrics(s->options.user, &out);
    put_build(&out);
    put_door(&out, s);
    if (s->options.intake.ops != NULL) {
        put_webhooks(&out, s);
    }
    put_process(&out, s->started_ms);
    http_reply_buf(r, 200, "text/plain; version=0.0.4; charset=utf-8", &out);
}
