// SPDX-License-Identifier: MIT
// A set of rules: the file of --alerts, and the rules that were made on the page, which are the
// file <data>/alerts. Both have one rule a line; empty lines and what follows a # are skipped.
#pragma once
#include "alerts/alert_rule.h"
#include "base/error.h"
#include <stddef.h>

enum { ALERT_RULES_MAX = 64 }; // of file and page together

// An own copy of all; a zeroed struct is an empty set.
struct alert_rules {
    size_t n;
    struct alert_rule at[ALERT_RULES_MAX];
};

// Where rules are from, and what rules are possible there.
struct alert_origin {
    const char *name; // for messages: the path of the file
    bool by_page;
    bool knows_lag;                  // this process reads a log
    const struct alert_rules *taken; // the other rules there are: their names; may be NULL
};

// Replaces *out by the rules of `lines`. ERROR_USAGE names file and line; *out is empty then.
MUST_CHECK bool alert_rules_read(struct text lines, const struct alert_origin *origin,
                                 struct alert_rules *out, struct error *err);
// Those of a file. `missing_is_none`: a file that is not there has no rules.
MUST_CHECK bool alert_rules_read_file(const char *path, const struct alert_origin *origin,
                                      bool missing_is_none, struct alert_rules *out,
                                      struct error *err);
// NULL: there is no rule of this name.
const struct alert_rule *alert_rules_find(const struct alert_rules *rules, const char *name);
