// SPDX-License-Identifier: MIT
// What the webhook is told: the text that Slack and others of its kind show, and the same as fields
// for programs. Pure.
#pragma once
#include "alerts/alert_board.h"

struct alert_message {
    char name[ALERT_NAME_MAX + 1];
    char rule[ALERT_LINE_MAX + 1];
    char value[160]; // "": not known
    bool start;      // else its end
    bool removed;    // it ended since there is no such rule any more
    int64_t since_ms, at_ms;
};
// {"text":"...","alert":"slow","event":"start","rule":"...","value":"...","since":"...","at":"..."}
void alert_message_put(const struct alert_message *m, struct buf *out);
