// SPDX-License-Identifier: MIT
// Alerts of a process: a thread that, once a second while there are rules, measures
// (alert_measures.h), moves the rules (alert_board.h) and tells the shop of each start and end once
// (alert_told.h, alert_webhook.h). Everything else asks what it last found.
#pragma once
#include "alerts/alert_file.h"
#include "base/buf.h"
#include "base/clock.h"
#include "order/zone.h"
#include "store/sales_reader.h"

struct alerts;
struct alerts_options {
    // A reader of the store for the alerts' thread.
    bool (*open_reader)(void *user, struct sales_reader **out, struct error *err);
    // Messages of a log that are not counted yet; false: not known. NULL: this process reads none.
    // On the alerts' thread.
    bool (*lag)(void *user, int64_t *messages);
    void *user;
    const struct zone *zone; // borrowed
    char currency[4];        // the shop's
    const struct clock_source *clock;
    const char *directory;   // the data directory; borrowed
    const char *path;        // the file of rules; borrowed
    bool path_is_optional;   // no file: no rules, until some are made
    const char *webhook_url; // NULL: none
};
// Reads the rules. ERROR_USAGE: one of them or the webhook's address is wrong.
MUST_CHECK bool alerts_start(const struct alerts_options *options, struct alerts **out,
                             struct error *err);
void alerts_stop(struct alerts *a); // joins, frees; NULL is fine

// SIGHUP: the file is read again. One that cannot be changes nothing, and a log line says why. Any
// thread.
void alerts_reload(struct alerts *a);

// The text of the file of rules as it is now, and its tag. Any thread but the loop's: it reads.
MUST_CHECK bool alerts_rules_text(struct alerts *a, struct buf *out,
                                  char tag[static ALERT_TAG_BYTES], struct error *err);
enum alerts_put {
    ALERTS_PUT,
    ALERTS_PUT_WRONG,  // *mistake
    ALERTS_PUT_OTHERS, // the file's text has another tag than `known`
    ALERTS_PUT_FAILED, // err
};
// Makes `lines` the file's text and their rules those in force, or changes nothing. known: the tag
// of the text that they are to take the place of; absent: of any. *tag: that of the new text. Any
// thread but the loop's: it writes and syncs.
MUST_CHECK enum alerts_put alerts_rules_put(struct alerts *a, struct text lines, struct text known,
                                            char tag[static ALERT_TAG_BYTES],
                                            struct alert_mistake *mistake, struct error *err);

// What it found last, as JSON (alert_board_json). Any thread, never blocks for long.
void alerts_json(struct alerts *a, struct buf *out);
void alerts_metrics(struct alerts *a, struct buf *out);
