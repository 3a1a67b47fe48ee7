// SPDX-License-Identifier: MIT
// A retry: the event's text is read from where rejected events are kept, the try is claimed there
// (of several at once one sends), the text is posted to a server as any order is, and the verdict
// is noted beside the rejected event, which itself stays as it was. Being ended between the two is
// harmless: some time later it is sent again, and a second retry of an accepted event is a
// duplicate. Many are posted some at a time, oldest first, each as a request of its own so that
// each has its verdict.
//
// What a retry or an edit has rejected again replaces, it does not add: the new rejected event has
// the text that was sent (store/rejected_texts.h), and the one before is marked, so that no reader
// shows it. A verdict that comes later, behind a topic, is marked at the next retry, and seen by
// list at once.
//
// How it fails: an id that is not there, a place that cannot be read or written, a server that is
// not one: one line each, and what was not sent stays as it is.
#include "tool/rejected/rejected.h"

#include "base/clock.h"
#include "order/timestamp.h"
#include "store/rejected_texts.h"
#include "tool/rejected/rejected_edit.h"
#include "tool/rejected/rejected_send.h"
#include "tool/rejected/rejected_which.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGE_ROWS = 1000 };

struct command {
    const struct rejected_settings *settings;
    struct sales_reader *reader;    // of settings
    struct rejected_sender *sender; // of a retry
    int64_t seen_ms;                // of the event that is sent next: see struct rejected_found
};

static int rejected_fail(const struct error *err) {
    fprintf(stderr, "salestide rejected: %s\n", err->text);
    return err->cls == ERROR_USAGE ? 2 : 1;
}

// --- Showing

static void print_time(int64_t utc_ms) {
    char at[32];
    size_t n = timestamp_format(utc_ms, at);
    fwrite(at, 1, n, stdout);
}

static void print_row(const struct rejected_row *row) {
    printf("%" PRId64 "  ", row->id);
    print_time(row->arrival_ms);
    printf("  %.*s  %.*s  ", TEXT_ARG(row->code), row->field.len > 0 ? (int)row->field.len : 1,
           row->field.len > 0 ? row->field.at : "-");
    rejected_print_text(row->message, true);
    if (row->retried_ms != 0) {
        fputs("  (tried again ", stdout);
        print_time(row->retried_ms);
        printf(": %.*s)", TEXT_ARG(row->retried_verdict));
    }
    putchar('\n');
}

struct listing {
    struct text code; // absent: all
    struct rejected_texts *texts;
    int64_t left, last_id;
    int64_t n_seen; // of the page
};

static bool list_row(void *user, const struct rejected_row *row) {
    struct listing *l = user;
    l->n_seen++;
    l->last_id = row->id;
    if (rejected_texts_replaced(l->texts, row)) {
        return true;
    }
    if (l->code.at == NULL || text_equal(l->code, row->code)) {
        print_row(row);
        l->left--;
    }
    return l->left > 0;
}

static int list_rejected(struct command *c) {
    struct error err = {0};
    struct listing l = {.code = text_of(c->settings->code),
                        .texts = rejected_texts_new(),
                        .left = c->settings->limit,
                        .last_id = INT64_MAX};
    bool ok = true;
    do {
        l.n_seen = 0;
        ok = c->reader->ops->rejected(c->reader, l.last_id, PAGE_ROWS, list_row, &l, &err);
    } while (ok && l.n_seen == PAGE_ROWS && l.left > 0);
    rejected_texts_free(l.texts);
    return ok ? 0 : rejected_fail(&err);
}

struct wanted {
    int64_t id;
    bool found;
    bool (*each)(struct command *c, const struct rejected_row *row, struct error *err);
    struct command *command;
    struct error *err;
    bool ok;
};

static bool take_wanted(void *user, const struct rejected_row *row) {
    struct wanted *w = user;
    w->found = row->id == w->id;
    if (w->found) {
        w->ok = w->each(w->command, row, w->err);
    }
    return false;
}

// Finds one rejected event and hands it over, while its texts live; *found: it is there.
static bool find_row(struct command *c, int64_t id,
                     bool (*each)(struct command *, const struct rejected_row *, struct error *),
                     bool *found, struct error *err) {
    struct wanted w = {.id = id, .each = each, .command = c, .err = err, .ok = true};
    bool ok = c->reader->ops->rejected(c->reader, id + 1, 1, take_wanted, &w, err);
    *found = w.found;
    return ok && w.ok;
}

static bool no_such_event(int64_t id, struct error *err) {
    return error_set(
        err, ERROR_USAGE,
        "there is no rejected event %" PRId64 " (any more?); see `salestide rejected list`", id);
}

static bool with_row(struct command *c, int64_t id,
                     bool (*each)(struct command *, const struct rejected_row *, struct error *),
                     struct error *err) {
    bool found;
    if (!find_row(c, id, each, &found, err)) {
        return false;
    }
    return found || no_such_event(id, err);
}

static bool show_row(struct command *c, const struct rejected_row *row, struct error *err) {
    UNUSED(c);
    UNUSED(err);
    print_row(row);
    rejected_print_text(row->raw, false);
    fputs(row->raw_cut ? "\n(only the beginning of its text is kept)\n" : "\n", stdout);
    return true;
}

// --- Submitting again

static bool open_sending(struct command *c, struct error *err) {
    const struct rejected_settings *s = c->settings;
    struct rejected_retries *retries = NULL;
    return s->open_retries(s->user, &retries, err) &&
           rejected_sender_open(&s->to, retries, &c->sender, err);
}

static void skip_busy(struct command *c, int64_t id, int64_t retried_ms) {
    char since[32], until[32], why[200];
    since[timestamp_format(retried_ms, since)] = '\0';
    until[timestamp_format(retried_ms + REJECTED_TRY_MS, until)] = '\0';
    snprintf(why, sizeof why,
             "somebody else has been sending it since %s; if that was broken off, it can be sent "
             "from %s on",
             since, until);
    rejected_sender_skip(c->sender, id, why);
}

static bool retry_row(struct command *c, const struct rejected_row *row, struct error *err) {
    UNUSED(err);
    if (row->raw_cut) {
        rejected_sender_skip(c->sender, row->id,
                             "only the beginning of its text is kept; give it whole with "
                             "`salestide rejected edit ID --file FILE`");
        return true;
    }
    rejected_sender_post(c->sender, &(struct rejected_found){row->id, c->seen_ms}, row->raw);
    return true;
}

static int end_sending(struct command *c) {
    struct error err = {0};
    bool all;
    if (!rejected_sender_end(c->sender, &all, &err)) {
        return rejected_fail(&err);
    }
    return all ? 0 : 1;
}

// Those that were asked for by id have to be there.
static bool check_ids(const struct rejected_which *w, struct error *err) {
    for (size_t i = 0; i < w->n_ids; i++) {
        bool found = false;
        for (size_t k = 0; k < w->again.n; k++) {
            found = found || w->again.at[k].id == w->ids[i];
        }
        for (size_t k = 0; k < w->busy.n; k++) {
            found = found || w->busy.at[k].id == w->ids[i];
        }
        if (!found) {
            return no_such_event(w->ids[i], err);
        }
    }
    return true;
}

// Oldest first. One that is gone by now was submitted by somebody else meanwhile, or is too old:
// the others are sent all the same.
static bool send_all(struct command *c, const struct rejected_which *w, struct error *err) {
    bool ok = true, found;
    for (size_t i = w->busy.n; i > 0; i--) {
        skip_busy(c, w->busy.at[i - 1].id, w->busy.at[i - 1].retried_ms);
    }
    for (size_t i = w->again.n; ok && i > 0 && !rejected_sender_failed(c->sender); i--) {
        c->seen_ms = w->again.at[i - 1].retried_ms;
        ok = find_row(c, w->again.at[i - 1].id, retry_row, &found, err);
    }
    return ok;
}

static int64_t lowest_of(const int64_t *ids, size_t n) {
    int64_t lowest = n > 0 ? INT64_MAX : 0;
    for (size_t i = 0; i < n; i++) {
        lowest = ids[i] < lowest ? ids[i] : lowest;
    }
    return lowest;
}

static int retry_rejected(struct command *c) {
    const struct rejected_settings *s = c->settings;
    struct error err = {0};
    struct rejected_which w = {.ids = s->ids,
                               .n_ids = s->n_ids,
                               .code = s->code,
                               .lowest_id = lowest_of(s->ids, s->n_ids),
                               .now_ms = clock_now_ms(clock_system())};
    bool ok = rejected_which_find(&w, c->reader, &err) && check_ids(&w, &err) &&
              open_sending(c, &err) && send_all(c, &w, &err);
    rejected_which_free(&w);
    if (!ok) {
        return rejected_fail(&err);
    }
    int code = end_sending(c);
    return rejected_sender_mark(c->sender, c->reader, &err) ? code : rejected_fail(&err);
}

// --- Editing

static bool edit_row(struct command *c, const struct rejected_row *row, struct error *err) {
    const char *file = c->settings->file;
    struct buf event = {0};
    bool changed = true;
    if (file == NULL && row->raw_cut) {
        return error_set(err, ERROR_USAGE,
                         "only the beginning of this event's text is kept: give it whole with "
                         "--file FILE");
    }
    if (rejected_is_busy(row, clock_now_ms(clock_system()))) {
        skip_busy(c, row->id, row->retried_ms);
        return true;
    }
    bool ok = file != NULL ? rejected_read_file(file, &event, err)
                           : rejected_edit_text(row->raw, &event, &changed, err);
    if (ok && !changed) {
        puts("Nothing was changed, so nothing was sent.");
    } else if (ok) {
        rejected_sender_post(c->sender, &(struct rejected_found){row->id, row->retried_ms},
                             buf_text(&event));
    }
    buf_free(&event);
    return ok;
}

static int edit_rejected(struct command *c) {
    struct error err = {0};
    if (!open_sending(c, &err) || !with_row(c, c->settings->ids[0], edit_row, &err)) {
        return rejected_fail(&err);
    }
    int code = end_sending(c);
    return rejected_sender_mark(c->sender, c->reader, &err) ? code : rejected_fail(&err);
}

static int show_rejected(struct command *c) {
    struct error err = {0};
    for (size_t i = 0; i < c->settings->n_ids; i++) {
        if (!with_row(c, c->settings->ids[i], show_row, &err)) {
            return rejected_fail(&err);
        }
    }
    return 0;
}

int rejected_run(const struct rejected_settings *settings) {
    static int (*const verbs[])(struct command *) = {
        [REJECTED_LIST] = list_rejected,
        [REJECTED_SHOW] = show_rejected,
        [REJECTED_EDIT] = edit_rejected,
        [REJECTED_RETRY] = retry_rejected,
    };
    struct command c = {.settings = settings, .reader = settings->reader};
    int code = verbs[settings->verb](&c);
    rejected_sender_close(c.sender);
    return code;
}
