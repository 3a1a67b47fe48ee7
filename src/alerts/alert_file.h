// SPDX-License-Identifier: MIT
// The file of rules: read and replaced as a whole, by this process and by people who edit it.
// Any thread; of one struct, one at a time.
#pragma once
#include "alerts/alert_rules.h"
#include "base/buf.h"

enum {
    ALERT_FILE_MAX_BYTES = 64 * 1024, // more than all rules and what one writes around them
    ALERT_TAG_BYTES = 24,
};

struct alert_file {
    const char *path; // borrowed
    bool optional;    // it need not be there: then there is no rule
    bool knows_lag;   // this process reads a log
};

// Its text as it is now; no file: empty. ERROR_USAGE says why it cannot be read.
MUST_CHECK bool alert_file_text(const struct alert_file *f, struct buf *out, struct error *err);
// Its rules. ERROR_USAGE names file and line; *out is empty then.
MUST_CHECK bool alert_file_rules(const struct alert_file *f, struct alert_rules *out,
                                 struct error *err);
// Tells one text of a file from another; with quotes, as an ETag.
void alert_file_tag(struct text lines, char tag[static ALERT_TAG_BYTES]);

enum alert_replaced {
    ALERT_REPLACED,
    ALERT_NOT_THE_SAME, // the file's text has another tag
    ALERT_NOT_REPLACED, // err tells
};
// Puts `lines` in the place of the file's text if that has the tag `known`, or whatever it is
// (absent). Atomic and durable; owner and mode stay (base/replace_file.h), a new file is 0600.
MUST_CHECK enum alert_replaced alert_file_replace(const struct alert_file *f, struct text known,
                                                  struct text lines, struct error *err);
