// SPDX-License-Identifier: MIT
// Which alerts the shop was told of and not yet of their end: the file <data>/alerts.told, so that
// each start and each end is told once, whoever restarts. Of several processes on one data
// directory the one that has the lock <data>/alerts.lock tells; when it ends another takes over.
// One thread.
#pragma once
#include "alerts/alert_rules.h"

enum { ALERT_TOLD_MAX = 2 * ALERT_RULES_MAX }; // removed rules wait here for their end to be told

struct alert_told {
    const char *directory; // borrowed
    int lock_fd;           // below 0: not ours
    bool warned;           // of a directory that cannot be used: once
    size_t n;
    struct told_alert {
        char name[ALERT_NAME_MAX + 1];
        int64_t since_ms;
    } at[ALERT_TOLD_MAX];
};

void alert_told_init(struct alert_told *t, const char *directory);
void alert_told_free(struct alert_told *t); // gives the lock up

// Whether an earlier run has left something to go on with.
bool alert_told_is_there(const struct alert_told *t);

enum told_turn {
    TOLD_OURS,  // we tell, as before
    TOLD_TAKEN, // we tell from now on: what was told before is in `at`
    TOLD_OTHER, // another process tells
};
// Tries to become the one that tells. Where the directory cannot be used we tell without a memory
// that outlives us, and a log line says so.
enum told_turn alert_told_take(struct alert_told *t);

const struct told_alert *alert_told_find(const struct alert_told *t, const char *name);
// False: there is no room; try again when something was removed.
MUST_CHECK bool alert_told_add(struct alert_told *t, const char *name, int64_t since_ms);
void alert_told_remove(struct alert_told *t, const char *name);
void alert_told_save(struct alert_told *t); // durable, or a log line says why not
