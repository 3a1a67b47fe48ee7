// SPDX-License-Identifier: MIT
// One rule of alerts, from a line as people write it:
//
//     slow     = orders under 50% of usual in 15m for 5m, clear over 70%
//     rush     = orders over 300% of usual
//     refunds  = refunds over 10% in 1h
//     quiet    = no orders for 30m
//     rejected = rejected over 5% in 10m
//     behind   = lag over 100000 for 2m, clear under 1000 for 1m
//
// WHAT over|under LIMIT [of usual] [in WINDOW] [for TIME] [, clear [under|over LIMIT] [for TIME]].
// It fires when the value has been beyond its limit for so long, and clears when it has been back
// behind the limit of `clear` for so long. Pure.
#pragma once
#include "base/must.h"
#include "base/text.h"
#include <stdint.h>

enum {
    ALERT_NAME_MAX = 40,  // characters of a rule's name
    ALERT_LINE_MAX = 200, // of a line
    ALERT_WHY_BYTES = 200,
    ALERT_WINDOW_MAX_MINUTES = 24 * 60,
};

enum alert_kind {
    ALERT_ORDERS,   // of the window, as a share of the usual
    ALERT_REFUNDS,  // refunded amount of the window, as a share of what was sold in it
    ALERT_REJECTED, // events of the window, as a share of those that came in
    ALERT_LAG,      // messages of a log that are not counted yet
    ALERT_QUIET,    // how long ago the newest order arrived
    ALERT_KINDS,
};

// What a limit of 1 is in the value: shares are kept in hundredths of a percent.
enum { ALERT_SHARE_UNIT = 10000 };

struct alert_rule {
    char name[ALERT_NAME_MAX + 1];
    char text[ALERT_LINE_MAX + 1]; // what stands behind the "="
    enum alert_kind kind;
    bool under;                 // fires below the limit, not above
    int64_t limit, clear_limit; // 1/ALERT_SHARE_UNIT; messages; milliseconds
    int64_t window_ms;          // whole minutes; 0: the kind has none
    int64_t for_ms, clear_for_ms;
};

// What is wrong with a line, and in which part of it: "line", "name", "what", "direction", "limit",
// "window", "for", "clear" (its limit), "clear_for" or "rest", what is left over.
struct alert_why {
    const char *part; // static
    char text[ALERT_WHY_BYTES];
};
// Reads a line without comment. False: `why` tells.
MUST_CHECK bool alert_rule_read(struct text line, struct alert_rule *out, struct alert_why *why);
// Whether the kind is a share, so that 1 is 100 %.
static inline bool alert_kind_is_share(enum alert_kind kind) {
    return kind == ALERT_ORDERS || kind == ALERT_REFUNDS || kind == ALERT_REJECTED;
}
