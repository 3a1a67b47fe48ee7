// SPDX-License-Identifier: MIT
// A set of rules: the lines of a file of rules. It has one rule a line; empty lines and what
// follows a # are skipped. Pure.
#pragma once
#include "alerts/alert_rule.h"
#include "base/error.h"
#include <stddef.h>

enum { ALERT_RULES_MAX = 64 };

// An own copy of all; a zeroed struct is an empty set.
struct alert_rules {
    size_t n;
    struct alert_rule at[ALERT_RULES_MAX];
};

// Which line is wrong, and of which rule.
struct alert_mistake {
    size_t line;                   // from 1
    char rule[ALERT_NAME_MAX + 1]; // its name; empty: none can be told
    struct alert_why why;
};

// Replaces *out by the rules of `lines`; knows_lag: this process reads a log. False: *mistake is
// the first one, *out is empty.
MUST_CHECK bool alert_rules_read(struct text lines, bool knows_lag, struct alert_rules *out,
                                 struct alert_mistake *mistake);
