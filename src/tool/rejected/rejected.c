// SPDX-License-Identifier: MIT
// A retry: the event's text is read from where rejected events are kept, posted to a server as any
// order is, and the verdict is noted beside the rejected event, which itself stays as it
// was. Being interrupted between the two is harmless: a second retry of an accepted event is a
// duplicate. Many are posted some at a time, oldest first, each as a request of its own so that
// each has its verdict.
//
// What a retry rejects again replaces, it does not add: the new rejected event has the same text
// (rejected_texts.c), and the one before is marked, so that no reader shows it. A verdict that
// comes later, behind a topic, is found at the next retry, and by list at once.
//
// How it fails: an id that is not there, a place that cannot be read or written, a server that is
// not one: one line each, and what was not sent stays as it is.
#include "tool/rejected/rejected.h"

#include "base/mem.h"
#include "order/timestamp.h"
#include "tool/rejected/rejected_edit.h"
#include "tool/rejected/rejected_send.h"
#include "tool/rejected/rejected_texts.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGE_ROWS = 1000 };

struct command {
    const struct rejected_settings *settings;
    struct sales_reader *reader;    // of settings
    struct rejected_sender *sender; // of a retry
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

static bool with_row(struct command *c, int64_t id,
                     bool (*each)(struct command *, const struct rejected_row *, struct error *),
                     struct error *err) {
    bool found;
    if (!find_row(c, id, each, &found, err)) {
        return false;
    }
    return found || error_set(err, ERROR_USAGE,
                              "there is no rejected event %" PRId64
                              " (any more?); see `salestide rejected list`",
                              id);
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

static bool retry_row(struct command *c, const struct rejected_row *row, struct error *err) {
    UNUSED(err);
    if (row->raw_cut) {
        rejected_sender_skip(c->sender, row->id,
                             "only the beginning of its text is kept; give it whole with "
                             "`salestide rejected edit ID --file FILE`");
        return true;
    }
    rejected_sender_post(c->sender, row->id, row->raw);
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

// --- Which

struct ids {
    int64_t *at;
    size_t n, cap;
};

static void add_id(struct ids *ids, int64_t id) {
    if (ids->n == ids->cap) {
        ids->cap = ids->cap > 0 ? ids->cap * 2 : 1024;
        ids->at = mem_realloc(ids->at, ids->cap * sizeof *ids->at);
    }
    ids->at[ids->n++] = id;
}

// A pass over the rejected events, newest first.
struct gathering {
    struct text code; // of those to be tried again; absent: all
    struct ids again, replaced;
    struct rejected_texts *texts;
    int64_t last_id, lowest_id; // rows below the latter are not looked at
    int64_t n_seen;             // of the page
};

static bool gather_row(void *user, const struct rejected_row *row) {
    struct gathering *g = user;
    g->n_seen++;
    g->last_id = row->id;
    if (row->id < g->lowest_id) {
        return false;
    }
    bool done = row->retried_ms != 0 && !text_equal(row->retried_verdict, TEXT_LIT("rejected"));
    if (rejected_texts_replaced(g->texts, row)) {
        add_id(&g->replaced, row->id);
    } else if (!done && (g->code.at == NULL || text_equal(g->code, row->code))) {
        add_id(&g->again, row->id);
    }
    return true;
}

// All that have not got through yet, and those that were replaced; both newest first.
static bool gather(struct command *c, struct gathering *g, struct error *err) {
    g->texts = rejected_texts_new();
    g->last_id = INT64_MAX;
    bool ok;
    do {
        g->n_seen = 0;
        ok = c->reader->ops->rejected(c->reader, g->last_id, PAGE_ROWS, gather_row, g, err);
    } while (ok && g->n_seen == PAGE_ROWS && g->last_id >= g->lowest_id);
    rejected_texts_free(g->texts);
    g->texts = NULL;
    return ok;
}

static void gathering_free(struct gathering *g) {
    free(g->again.at);
    free(g->replaced.at);
}

static bool has_id(const struct ids *ids, int64_t id) {
    for (size_t i = 0; i < ids->n; i++) {
        if (ids->at[i] == id) {
            return true;
        }
    }
    return false;
}

// Newest first, as gather. One that was named twice is submitted once: each time that it is
// rejected again would leave an event more.
static void gather_settings(const struct rejected_settings *s, struct ids *ids) {
    for (size_t i = s->n_ids; i > 0; i--) {
        if (!has_id(ids, s->ids[i - 1])) {
            add_id(ids, s->ids[i - 1]);
        }
    }
}

// One of many that is gone by now was submitted by somebody else meanwhile, or is too old: the
// others are sent all the same.
static bool retry_one(struct command *c, int64_t id, bool by_id, struct error *err) {
    bool found;
    return by_id ? with_row(c, id, retry_row, err) : find_row(c, id, retry_row, &found, err);
}

// Marks what was replaced, by this retry or since an earlier one; nothing older than `lowest_id`.
static bool mark_replaced(struct command *c, int64_t lowest_id, struct error *err) {
    struct gathering g = {.lowest_id = lowest_id};
    bool ok = gather(c, &g, err);
    for (size_t i = 0; ok && i < g.replaced.n; i++) {
        ok = rejected_sender_replaced(c->sender, g.replaced.at[i], err);
    }
    gathering_free(&g);
    return ok;
}

static int retry_rejected(struct command *c) {
    const struct rejected_settings *s = c->settings;
    struct error err = {0};
    struct gathering g = {.code = text_of(s->code)};
    struct ids *ids = &g.again;
    bool by_id = s->n_ids > 0, ok = true;
    if (by_id) {
        gather_settings(s, ids);
    } else {
        ok = gather(c, &g, &err);
    }
    ok = ok && open_sending(c, &err);
    int64_t lowest_id = by_id ? INT64_MAX : 0;
    for (size_t i = ids->n; ok && i > 0 && !rejected_sender_failed(c->sender); i--) {
        int64_t id = ids->at[i - 1];
        lowest_id = id < lowest_id ? id : lowest_id;
        ok = retry_one(c, id, by_id, &err);
    }
    gathering_free(&g);
    if (!ok) {
        return rejected_fail(&err);
    }
    int code = end_sending(c);
    return mark_replaced(c, lowest_id, &err) ? code : rejected_fail(&err);
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
    bool ok = file != NULL ? rejected_read_file(file, &event, err)
                           : rejected_edit_text(row->raw, &event, &changed, err);
    if (ok && !changed) {
        puts("Nothing was changed, so nothing was sent.");
    } else if (ok) {
        rejected_sender_post(c->sender, row->id, buf_text(&event));
    }
    buf_free(&event);
    return ok;
}

static int edit_rejected(struct command *c) {
    struct error err = {0};
    if (!open_sending(c, &err) || !with_row(c, c->settings->ids[0], edit_row, &err)) {
        return rejected_fail(&err);
    }
    return end_sending(c);
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
