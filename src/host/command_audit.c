// SPDX-License-Identifier: MIT
// `salestide verify` and `salestide rebuild`: what they print and how they exit, for a data
// directory and for aggregates of a log alike.
#include "host/commands.h"

#include "host/reader_place.h"
#include "store/audit/audit.h"
#include "store/audit/audit_cluster.h"
#include "store/audit/audit_mysql.h"
#include <inttypes.h>

// Where, as the options say.
struct audited {
    struct reader_place *place;
    struct audit_aggregates *aggregates; // NULL: a data directory
    struct raw_reader *raw;              // NULL: none
};

static int exit_code(const char *command, const struct error *err) {
    fprintf(stderr, "salestide %s: %s\n", command, err->text);
    return err->cls == ERROR_USAGE ? 2 : 1;
}

static bool open_audited(const struct options *o, struct audited *a, struct error *err) {
    *a = (struct audited){0};
    if (!reader_place_read(o, option_text(o, "raw"), &a->place, err)) {
        return false;
    }
    if (reader_place_kind(a->place) == PLACE_SQLITE) {
        return reader_place_raw_name(a->place) == NULL ||
               error_set(
                   err, ERROR_USAGE,
                   "a data directory is held against the raw orders in itself: leave --raw "
                   "out (aggregates alone in a data directory cannot be verified or rebuilt)");
    }
    a->aggregates = audit_mysql_new(reader_place_mysql(a->place));
    return reader_place_open_raw(a->place, 0, &a->raw, err);
}

static void close_audited(struct audited *a) {
    if (a->raw != NULL) {
        a->raw->ops->close(a->raw);
    }
    if (a->aggregates != NULL) {
        a->aggregates->ops->close(a->aggregates);
    }
    reader_place_free(a->place);
}

static bool run_verify(struct audited *a, struct audit_report *report, struct error *err) {
    if (a->aggregates == NULL) {
        return audit_verify(reader_place_directory(a->place), stdout, report, err);
    }
    if (a->raw == NULL) {
        puts("note: without --raw no raw orders are read; the totals are held against each other");
    }
    return audit_cluster_verify(a->aggregates, a->raw, stdout, report, err);
}

// What the laws allow, and people want to know of.
static void tell_doubts(const struct store_counts *c) {
    static const char *const what[ORDER_DOUBT_KINDS] = {
        "took back what no order known then had sold", "took back more than its order had sold"};
    for (int k = 0; k < ORDER_DOUBT_KINDS; k++) {
        const struct store_doubt *d = &c->doubts[k];
        if (d->n == 0) {
            continue;
        }
        printf("note: %" PRId64 " %s %s (newest: order", d->n, d->n == 1 ? "event" : "events",
               what[k]);
        for (int i = 0; i < DOUBTS_SHOWN && d->newest[i][0] != '\0'; i++) {
            printf("%s %s", i > 0 ? "," : "", d->newest[i]);
        }
        puts(")");
    }
}

static int tell_verify(const struct audited *a, const struct audit_report *report) {
    const char *name = reader_place_name(a->place);
    const struct store_counts *c = &report->counts;
    printf("%" PRId64 " events received: %" PRId64 " accepted, %" PRId64 " duplicate, %" PRId64
           " rejected; %" PRId64 " messages without an event skipped\n",
           c->received, c->accepted, c->duplicate, c->rejected, c->skipped);
    tell_doubts(c);
    printf("verified %s: %" PRId64 " orders, %" PRId64 " adjustments, %" PRId64 " cells compared: ",
           name, report->orders, report->adjustments, report->cells);
    if (report->problems > 0) {
        printf("%" PRId64 " problems\n", report->problems);
        fprintf(
            stderr,
            report->raw_problems > 0
                ? "salestide verify: raw orders of %s are damaged, changed or missing, and right "
                  "totals cannot be made again from them: restore them from a copy; `salestide "
                  "rebuild --accept-loss` makes the totals of what is there\n"
                : "salestide verify: %s does not add up, and its raw orders are complete; keep a "
                  "copy, then `salestide rebuild` makes the aggregates again from them\n",
            name);
        return 1;
    }
    printf("all laws hold\n");
    return 0;
}

int command_verify(const struct options *o) {
    struct audited a;
    struct audit_report report;
    struct error err = {0};
    bool ok = open_audited(o, &a, &err) && run_verify(&a, &report, &err);
    int code = ok ? tell_verify(&a, &report) : exit_code("verify", &err);
    close_audited(&a);
    return code;
}

static bool run_rebuild(struct audited *a, bool accept_loss, int64_t *changed,
                        struct audit_report *report, struct error *err) {
    if (a->aggregates == NULL) {
        return audit_rebuild(reader_place_directory(a->place), accept_loss, stdout, changed, report,
                             err);
    }
    if (a->raw == NULL) {
        return error_set(err, ERROR_USAGE,
                         "rebuild makes the aggregates again from the raw orders: say where those "
                         "are with --raw cassandra://HOST/KEYSPACE");
    }
    return audit_cluster_rebuild(a->aggregates, a->raw, accept_loss, stdout, changed, report, err);
}

int command_rebuild(const struct options *o) {
    struct audited a;
    struct audit_report report;
    struct error err = {0};
    int64_t changed = 0;
    bool ok = open_audited(o, &a, &err) &&
              run_rebuild(&a, option_flag(o, "accept-loss"), &changed, &report, &err);
    if (ok) {
        printf("rebuilt %s from %" PRId64 " orders and %" PRId64 " adjustments: %" PRId64
               " cells changed\n",
               reader_place_name(a.place), report.orders, report.adjustments, changed);
    }
    int code = ok ? 0 : exit_code("rebuild", &err);
    close_audited(&a);
    return code;
}
