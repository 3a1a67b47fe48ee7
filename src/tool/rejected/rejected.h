// SPDX-License-Identifier: MIT
// What was rejected, and submitting it again: `salestide rejected`.
#pragma once
#include "store/rejected_retries.h"
#include "store/sales_reader.h"
#include "tool/send_to.h"

enum rejected_verb { REJECTED_LIST, REJECTED_SHOW, REJECTED_EDIT, REJECTED_RETRY };

// A plain value; everything is borrowed until rejected_run returns.
struct rejected_settings {
    enum rejected_verb verb;
    // Which events, by id (0 .. INT64_MAX - 1): of SHOW at least 1, of EDIT 1, of RETRY none when
    // all are meant that have not got through yet.
    const int64_t *ids;
    size_t n_ids;
    const char *code;            // LIST, RETRY without ids: only of this code; NULL: all
    int64_t limit;               // LIST: most events to show, >= 1
    const char *file;            // EDIT: takes the event from there ("-": standard input); NULL:
                                 // from an editor
    struct send_to to;           // EDIT, RETRY: a server or a topic
    struct sales_reader *reader; // where rejected events are kept
    // EDIT, RETRY: opens the place beside them for what becomes of them, when it is needed.
    bool (*open_retries)(void *user, struct rejected_retries **out, struct error *err);
    void *user;
};

// Prints what was asked for and what becomes of each event. 0; 1: an event was rejected again or
// could not be sent, or it failed; 2: something asked for cannot be.
MUST_CHECK int rejected_run(const struct rejected_settings *settings);
