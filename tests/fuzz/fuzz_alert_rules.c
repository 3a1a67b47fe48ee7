// SPDX-License-Identifier: MIT
// Fuzzes rules of alerts, which come as a text by HTTP. What must hold for any input:
// - what is refused names a line that there is, a part, and what is wanted, in plain ASCII;
// - what is taken is plain ASCII and within its bounds, and means the same when its rules are
//   written one by one and read again, as the page does it.
#include "alerts/alert_rules.h"
#include <stdio.h>
#include <stdlib.h>

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_plain(const char *text) {
    for (; *text != '\0'; text++) {
        if ((*text < ' ' && *text != '\t') || *text == 0x7F) {
            return false;
        }
    }
    return true;
}

static void check_mistake(const struct alert_mistake *m, struct text lines) {
    size_t n = 1;
    for (size_t i = 0; i < lines.len; i++) {
        n += lines.at[i] == '\n';
    }
    HOLDS(m->line >= 1 && m->line <= n);
    HOLDS(is_plain(m->rule) && m->why.part != NULL);
    HOLDS(m->why.text[0] != '\0' && is_plain(m->why.text));
}

static void check_rule(const struct alert_rule *rule) {
    struct alert_rule again;
    struct alert_why why;
    char line[sizeof rule->name + sizeof rule->text + 4];
    HOLDS(rule->name[0] != '\0' && is_plain(rule->name) && is_plain(rule->text));
    HOLDS(rule->limit >= 0 && rule->clear_limit >= 0 && rule->for_ms >= 0);
    HOLDS(rule->window_ms >= 0 && rule->window_ms <= ALERT_WINDOW_MAX_MINUTES * INT64_C(60000));
    HOLDS(rule->under ? rule->clear_limit >= rule->limit : rule->clear_limit <= rule->limit);
    // Without spaces around the "=" it is never longer than it was.
    snprintf(line, sizeof line, "%s=%s", rule->name, rule->text);
    HOLDS(alert_rule_read(text_of(line), &again, &why));
    HOLDS(again.kind == rule->kind && again.under == rule->under);
    HOLDS(again.limit == rule->limit && again.clear_limit == rule->clear_limit);
    HOLDS(again.window_ms == rule->window_ms && again.for_ms == rule->for_ms);
    HOLDS(again.clear_for_ms == rule->clear_for_ms && strcmp(again.text, rule->text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct alert_rules rules;
    struct alert_mistake mistake = {.line = 0};
    const struct text lines = {(const char *)data, size};
    if (!alert_rules_read(lines, true, &rules, &mistake)) {
        HOLDS(rules.n == 0);
        check_mistake(&mistake, lines);
        return 0;
    }
    HOLDS(rules.n <= ALERT_RULES_MAX);
    for (size_t i = 0; i < rules.n; i++) {
        check_rule(&rules.at[i]);
    }
    return 0;
}
