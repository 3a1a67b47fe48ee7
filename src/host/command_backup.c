// SPDX-License-Identifier: MIT
// `salestide backup FILE`: a copy of a data directory's sales.db while a server may write.
//
// 1. FILE.part is copied from one snapshot (sqlite_backup.h).
// 2. Every law is held on the copy, as `verify` does.
// 3. FILE.part is named FILE, if nothing has that name yet.
//
// How it fails: one line. An incomplete copy is removed; one that does not add up stays at
// FILE.part, since it may be the best there is, and the exit code is 1.
#include "host/commands.h"

#include "base/stop.h"
#include "store/audit/audit.h"
#include "store/sqlite/sqlite_backup.h"
#include <inttypes.h>
#include <unistd.h>

static bool file_of(const struct options *o, const char **file, char part[static 4096],
                    struct error *err) {
    *file = option_args_count(o) == 1 ? option_arg(o, 0) : "";
    if (**file == '\0') {
        return error_set(err, ERROR_USAGE,
                         "say which file to write, as in: salestide backup "
                         "sales-2026-01-31.db");
    }
    if (snprintf(part, 4096, "%s.part", *file) >= 4096) {
        return error_set(err, ERROR_USAGE, "the name of the file is too long");
    }
    return access(*file, F_OK) != 0 ||
           error_set(err, ERROR_USAGE,
                     "%s is there, and a backup replaces nothing: take another "
                     "name",
                     *file);
}

static bool run_backup(const struct options *o, struct error *err) {
    const char *file;
    char part[4096];
    int64_t bytes;
    struct audit_report report;
    if (!file_of(o, &file, part, err) ||
        !sqlite_backup(option_text(o, "data"), part, stop_flag(), &bytes, err) ||
        !audit_verify_copy(part, stdout, &report, err)) {
        return false;
    }
    if (report.problems > 0) {
        return error_set(err, ERROR_FATAL,
                         "the copy does not add up (%" PRId64 " problems), as `salestide verify` "
                         "says of %s too; it stays at %s",
                         report.problems, option_text(o, "data"), part);
    }
    if (!sqlite_backup_name(part, file, err)) {
        return false;
    }
    printf("backed up %s to %s: %" PRId64 " bytes, %" PRId64 " orders, %" PRId64
           " adjustments, %" PRId64 " cells compared: all laws hold\n",
           option_text(o, "data"), file, bytes, report.orders, report.adjustments, report.cells);
    return true;
}

int command_backup(const struct options *o) {
    struct error err = {0};
    stop_on_signals();
    if (run_backup(o, &err) && fflush(stdout) == 0) {
        return 0;
    }
    fprintf(stderr, "salestide backup: %s\n", err.text);
    return err.cls == ERROR_USAGE ? 2 : 1;
}
