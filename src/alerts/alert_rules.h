// SPDX-License-Identifier: MIT
// A set of rules: the file of --alerts. It has one rule a line; empty lines and what follows a #
// are skipped.
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

// Where rules are from, and what rules are possible there.
struct alert_origin {
    const char *path; // of the file; for messages
    bool knows_lag;   // this process reads a log
};

// Replaces *out by the rules of `lines`. ERROR_USAGE names file and line; *out is empty then.
MUST_CHECK bool alert_rules_read(struct text lines, const struct alert_origin *origin,
                                 struct alert_rules *out, struct error *err);
// Those of the file.
MUST_CHECK bool alert_rules_read_file(const struct alert_origin *origin, struct alert_rules *out,
                                      struct error *err);
