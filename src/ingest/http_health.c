// SPDX-License-Identifier: MIT
// /healthz (the process answers), /readyz (orders can be stored) and /metrics (Prometheus text).
#include "ingest/http_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

void http_healthz(struct request *r) {
    http_reply_cached(r, ANSWER_HEALTHY);
}

void http_readyz(struct request *r) {
    struct http_server *s = r->server;
    struct engine_status status;
    s->options.status(s->options.user, &status);
    char detail[DETAIL_BYTES] = "";
    if (s->stopping) {
        snprintf(detail, sizeof detail, "the server is stopping");
    } else if (!status.store_ready) {
        snprintf(detail, sizeof detail, "store: %s",
                 status.problem[0] != '\0' ? status.problem : "not open yet");
    } else if (queue_events(s->options.queue) >= queue_capacity(s->options.queue)) {
        snprintf(detail, sizeof detail, "queue: %zu events wait, it is full",
                 queue_events(s->options.queue));
    }
    if (detail[0] != '\0') {
        http_reply_problem(r, PROBLEM_NOT_READY, detail);
        return;
    }
    struct buf body = {0};
    buf_put_str(&body, "{\"status\":\"ready\"}");
    http_reply_buf(r, 200, "application/json", &body);
}

// --- Metrics

static void head(struct buf *out, const char *name, const char *type, const char *help) {
    buf_printf(out, "# HELP salestide_%s %s\n# TYPE salestide_%s %s\n", name, help, name, type);
}

static void value(struct buf *out, const char *name, const char *type, const char *help,
                  int64_t v) {
    head(out, name, type, help);
    buf_printf(out, "salestide_%s %lld\n", name, (long long)v);
}

static void put_counts(struct buf *out, const struct store_counts *c) {
    static const char *const kinds[ORDER_WARNING_KINDS] = {"amount_rounded", "total_mismatch",
                                                           "quantity_zero", "late", "future"};
    head(out, "events_total", "counter", "Order events by verdict, since the store was made.");
    buf_printf(out,
               "salestide_events_total{verdict=\"accepted\"} %lld\n"
               "salestide_events_total{verdict=\"duplicate\"} %lld\n"
               "salestide_events_total{verdict=\"rejected\"} %lld\n",
               (long long)c->accepted, (long long)c->duplicate, (long long)c->rejected);
    head(out, "warnings_total", "counter",
         "Warnings of accepted events, since the store was made.");
    for (int i = 0; i < ORDER_WARNING_KINDS; i++) {
        buf_printf(out, "salestide_warnings_total{kind=\"%s\"} %lld\n", kinds[i],
                   (long long)c->warnings[i]);
    }
    value(out, "rejected_expired_total", "counter", "Rejected events that are no longer kept.",
          c->rejected_expired);
}

static void put_engine(struct buf *out, const struct engine_status *e, int64_t now_ms) {
    put_counts(out, &e->counts);
    value(out, "store_ready", "gauge", "1 when orders can be stored.", e->store_ready);
    value(out, "commit_failures_total", "counter", "Commits that failed and were tried again.",
          e->commit_failures);
    head(out, "commit_duration_seconds", "histogram",
         "From the first write of a batch to durable.");
    for (size_t i = 0; i < COUNT_OF(e->commit_le); i++) {
        if (engine_commit_bounds_us[i] == INT64_MAX) {
            buf_put_str(out, "salestide_commit_duration_seconds_bucket{le=\"+Inf\"}");
        } else {
            buf_printf(out, "salestide_commit_duration_seconds_bucket{le=\"%g\"}",
                       (double)engine_commit_bounds_us[i] / 1e6);
        }
        buf_printf(out, " %lld\n", (long long)e->commit_le[i]);
    }
    buf_printf(out,
               "salestide_commit_duration_seconds_sum %.6f\n"
               "salestide_commit_duration_seconds_count %lld\n",
               (double)e->commit_sum_us / 1e6, (long long)e->commits);
    head(out, "last_commit_age_seconds", "gauge", "Since the last commit; NaN before the first.");
    if (e->last_commit_ms > 0) {
        buf_printf(out, "salestide_last_commit_age_seconds %.3f\n",
                   (double)(now_ms - e->last_commit_ms) / 1e3);
    } else {
        buf_put_str(out, "salestide_last_commit_age_seconds NaN\n");
    }
    value(out, "customers", "gauge", "Customers known by the customers file.", e->customers);
}

static void put_door(struct buf *out, struct http_server *s) {
    value(out, "queue_events", "gauge", "Events that wait for the engine.",
          (int64_t)queue_events(s->options.queue));
    value(out, "queue_capacity_events", "gauge", "Most events that may wait.",
          (int64_t)queue_capacity(s->options.queue));
    value(out, "http_connections", "gauge", "Open connections, viewers apart.", s->n_connections);
    value(out, "http_requests_in_flight", "gauge", "Requests that are read, judged or answered.",
          (int64_t)s->n_requests);
    value(out, "http_inflight_bytes", "gauge", "Memory charged to requests in flight.",
          (int64_t)budget_used(&s->budget));
    value(out, "http_inflight_limit_bytes", "gauge", "Most of it.", (int64_t)s->budget.limit_bytes);
    value(out, "http_body_bytes_total", "counter", "Bytes of request bodies taken.",
          s->stats.body_bytes);
    value(out, "http_timeouts_total", "counter", "Connections ended for slowness.",
          s->stats.timed_out);
    value(out, "viewers", "gauge", "Live pages connected.", (int64_t)http_viewers_count(s));
    head(out, "http_responses_total", "counter", "Answers by status.");
    for (int status = 0; status < STATUS_MAX; status++) {
        if (s->stats.answers[status] > 0) {
            buf_printf(out, "salestide_http_responses_total{status=\"%d\"} %lld\n", status,
                       (long long)s->stats.answers[status]);
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

static void put_process(struct buf *out) {
    struct rusage use;
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

void http_metrics(struct request *r) {
    struct http_server *s = r->server;
    struct engine_status status;
    int64_t db_bytes = 0, wal_bytes = 0;
    struct buf out = {0};
    s->options.status(s->options.user, &status);
    s->options.sizes(s->options.user, &db_bytes, &wal_bytes);
    put_engine(&out, &status, clock_now_ms(s->options.clock));
    put_door(&out, s);
    value(&out, "database_bytes", "gauge", "Size of sales.db.", db_bytes);
    value(&out, "wal_bytes", "gauge", "Size of its write-ahead log.", wal_bytes);
    put_process(&out);
    http_reply_buf(r, 200, "text/plain; version=0.0.4; charset=utf-8", &out);
}
