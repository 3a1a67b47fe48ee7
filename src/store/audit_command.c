// SPDX-License-Identifier: MIT
// `salestide verify` and `salestide rebuild`: what they print and how they exit.
#include "commands.h"

#include "store/audit.h"
#include <inttypes.h>

static int exit_code(const struct error *err) {
    fprintf(stderr, "salestide: %s\n", err->text);
    return err->cls == ERROR_USAGE ? 2 : 1;
}

int command_verify(const struct options *o) {
    struct audit_report report;
    struct error err = {0};
    const char *directory = option_text(o, "data");
    if (!audit_verify(directory, stdout, &report, &err)) {
        return exit_code(&err);
    }
    printf("verified %s: %" PRId64 " orders, %" PRId64 " adjustments, %" PRId64 " cells compared: ",
           directory, report.orders, report.adjustments, report.cells);
    if (report.problems > 0) {
        printf("%" PRId64 " problems\n", report.problems);
        fprintf(stderr,
                "salestide: %s does not add up; keep a copy, then `salestide rebuild` makes "
                "the aggregates again from the raw orders\n",
                directory);
        return 1;
    }
    printf("all laws hold\n");
    return 0;
}

int command_rebuild(const struct options *o) {
    struct audit_report report;
    struct error err = {0};
    int64_t changed = 0;
    const char *directory = option_text(o, "data");
    if (!audit_rebuild(directory, stdout, &changed, &report, &err)) {
        return exit_code(&err);
    }
    printf("rebuilt %s from %" PRId64 " orders and %" PRId64 " adjustments: %" PRId64
           " cells changed\n",
           directory, report.orders, report.adjustments, changed);
    return 0;
}
