// SPDX-License-Identifier: MIT
#include "alerts/alert_rules.h"

#include "base/buf.h"
#include <errno.h>
#include <stdio.h>

enum { FILE_MAX_BYTES = 64 * 1024 }; // more than all rules and what one writes around them

static bool has_name(const struct alert_rules *rules, const char *name) {
    for (size_t i = 0; i < rules->n; i++) {
        if (strcmp(rules->at[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool refuse_line(const struct alert_origin *origin, size_t number, const char *why,
                        struct error *err) {
    return error_set(err, ERROR_USAGE, "%s:%zu: %s", origin->path, number, why);
}

static bool add_line(struct text line, size_t number, const struct alert_origin *origin,
                     struct alert_rules *out, struct error *err) {
    char why[ALERT_WHY_BYTES];
    struct alert_rule rule;
    if (out->n == ALERT_RULES_MAX) {
        snprintf(why, sizeof why, "more than %d rules", ALERT_RULES_MAX);
        return refuse_line(origin, number, why, err);
    }
    if (!alert_rule_read(line, &rule, why)) {
        return refuse_line(origin, number, why, err);
    }
    if (has_name(out, rule.name)) {
        snprintf(why, sizeof why, "there is a rule of the name %s already", rule.name);
        return refuse_line(origin, number, why, err);
    }
    if (rule.kind == ALERT_LAG && !origin->knows_lag) {
        return refuse_line(origin, number,
                           "lag is known only to a process that reads Kafka: serve --broker", err);
    }
    out->at[out->n++] = rule;
    return true;
}

bool alert_rules_read(struct text lines, const struct alert_origin *origin, struct alert_rules *out,
                      struct error *err) {
    out->n = 0;
    for (size_t number = 1; lines.len > 0; number++) {
        const char *end = memchr(lines.at, '\n', lines.len);
        size_t len = end != NULL ? (size_t)(end - lines.at) : lines.len;
        const char *comment = memchr(lines.at, '#', len);
        size_t kept = comment != NULL ? (size_t)(comment - lines.at) : len;
        struct text line = text_trim((struct text){lines.at, kept});
        if (line.len > 0 && !add_line(line, number, origin, out, err)) {
            out->n = 0;
            return false;
        }
        len += end != NULL;
        lines.at += len;
        lines.len -= len;
    }
    return true;
}

static bool read_all(FILE *f, struct buf *out) {
    char bytes[4096];
    size_t n;
    while ((n = fread(bytes, 1, sizeof bytes, f)) > 0 && out->len <= FILE_MAX_BYTES) {
        buf_put(out, bytes, n);
    }
    return !ferror(f);
}

bool alert_rules_read_file(const struct alert_origin *origin, struct alert_rules *out,
                           struct error *err) {
    struct buf lines = {0};
    FILE *f = fopen(origin->path, "re");
    out->n = 0;
    bool ok = f != NULL && read_all(f, &lines);
    if (!ok || lines.failed) {
        ok = error_set(err, ERROR_USAGE, "cannot read the alerts of %s: %s", origin->path,
                       lines.failed ? "no memory" : strerror(errno));
    } else if (lines.len > FILE_MAX_BYTES) {
        ok = error_set(err, ERROR_USAGE, "%s is larger than %d KiB: it is no file of alerts",
                       origin->path, FILE_MAX_BYTES / 1024);
    } else {
        ok = alert_rules_read(buf_text(&lines), origin, out, err);
    }
    if (f != NULL) {
        fclose(f);
    }
    buf_free(&lines);
    return ok;
}
