// SPDX-License-Identifier: MIT
#include "alerts/alert_rules.h"

#include <stdio.h>

static bool has_name(const struct alert_rules *rules, const char *name) {
    for (size_t i = 0; i < rules->n; i++) {
        if (strcmp(rules->at[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool refuse(struct alert_why *why, const char *part, const char *text) {
    why->part = part;
    snprintf(why->text, sizeof why->text, "%s", text);
    return false;
}

// What stands before the "=", also of a line that is no rule.
static void name_of(struct text line, char out[static ALERT_NAME_MAX + 1]) {
    const char *equals = memchr(line.at, '=', line.len);
    struct text name =
        text_trim((struct text){line.at, equals != NULL ? (size_t)(equals - line.at) : 0});
    bool fits = name.len <= ALERT_NAME_MAX;
    for (size_t i = 0; fits && i < name.len; i++) {
        fits = name.at[i] > ' ' && name.at[i] < 0x7F;
    }
    snprintf(out, ALERT_NAME_MAX + 1, "%.*s", fits ? (int)name.len : 0, name.at);
}

static bool add_line(struct text line, bool knows_lag, struct alert_rules *out,
                     struct alert_why *why) {
    struct alert_rule rule;
    char text[ALERT_WHY_BYTES];
    if (out->n == ALERT_RULES_MAX) {
        snprintf(text, sizeof text, "more than %d rules", ALERT_RULES_MAX);
        return refuse(why, "line", text);
    }
    if (!alert_rule_read(line, &rule, why)) {
        return false;
    }
    if (has_name(out, rule.name)) {
        snprintf(text, sizeof text, "there is a rule of the name %s already", rule.name);
        return refuse(why, "name", text);
    }
    if (rule.kind == ALERT_LAG && !knows_lag) {
        return refuse(why, "what",
                      "lag is known only to a process that asks Kafka: serve or dashboard with "
                      "--broker");
    }
    out->at[out->n++] = rule;
    return true;
}

bool alert_rules_read(struct text lines, bool knows_lag, struct alert_rules *out,
                      struct alert_mistake *mistake) {
    out->n = 0;
    for (size_t number = 1; lines.len > 0; number++) {
        const char *end = memchr(lines.at, '\n', lines.len);
        size_t len = end != NULL ? (size_t)(end - lines.at) : lines.len;
        const char *comment = memchr(lines.at, '#', len);
        size_t kept = comment != NULL ? (size_t)(comment - lines.at) : len;
        struct text line = text_trim((struct text){lines.at, kept});
        if (line.len > 0 && !add_line(line, knows_lag, out, &mistake->why)) {
            out->n = 0;
            mistake->line = number;
            name_of(line, mistake->rule);
            return false;
        }
        len += end != NULL;
        lines.at += len;
        lines.len -= len;
    }
    return true;
}
