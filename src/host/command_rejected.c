// SPDX-License-Identifier: MIT
// `salestide rejected list | show ID... | edit ID | retry ID...`: what was asked, as settings of
// tool/rejected/rejected.h.
//
// 1. The words are read: a verb, and which events.
// 2. The place of rejected events is opened for reading.
// 3. The tool runs; it asks for the place of the verdicts when it sends.
//
// How it fails: one line; exit code 2 for what was asked wrongly, the tool's own else.
#include "host/commands.h"

#include "base/mem.h"
#include "host/reader_place.h"
#include "host/send_to_options.h"
#include "order/order.h"
#include "tool/rejected/rejected.h"
#include <stdlib.h>
#include <string.h>

enum { READ_TIMEOUT_MS = 30 * 1000 };

static bool read_rejected_id(const char *text, int64_t *out, struct error *err) {
    struct ident id = ident_of_text(text_of(text));
    *out = id.num;
    return (id.num >= 0 && id.num < INT64_MAX) ||
           error_set(err, ERROR_USAGE, "'%.40s' is no id of a rejected event", text);
}

// --code is one that events are rejected with, if it is given.
static bool check_code(const char *code, struct error *err) {
    if (code == NULL || reject_code_of(text_of(code)) != NULL) {
        return true;
    }
    char known[400];
    reject_codes_list(known, sizeof known);
    return error_set(err, ERROR_USAGE, "there is no code '%.40s'; there are %s", code, known);
}

static bool read_rejected_verb(const struct options *o, struct rejected_settings *s,
                               struct error *err) {
    const char *verb = option_args_count(o) > 0 ? option_arg(o, 0) : "";
    if (strcmp(verb, "list") == 0 && s->n_ids == 0) {
        s->verb = REJECTED_LIST;
        return true;
    }
    if (strcmp(verb, "show") == 0 && s->n_ids > 0) {
        s->verb = REJECTED_SHOW;
        return true;
    }
    if (strcmp(verb, "edit") == 0) {
        s->verb = REJECTED_EDIT;
        return s->n_ids == 1 ||
               error_set(err, ERROR_USAGE, "say which event: `salestide rejected edit ID`");
    }
    if (strcmp(verb, "retry") == 0) {
        s->verb = REJECTED_RETRY;
        return (s->n_ids > 0) + option_flag(o, "all") + (s->code != NULL) == 1 ||
               error_set(err, ERROR_USAGE,
                         "say which events: `salestide rejected retry ID...`, `retry --code CODE` "
                         "or `retry --all`");
    }
    return error_set(err, ERROR_USAGE,
                     "use `rejected list`, `rejected show ID`, `rejected edit ID` or `rejected "
                     "retry ID...`");
}

// `ids` has room for all words.
static bool read_rejected(const struct options *o, int64_t *ids, struct rejected_settings *s,
                          struct error *err) {
    size_t n_words = option_args_count(o);
    s->ids = ids;
    s->n_ids = n_words > 0 ? n_words - 1 : 0;
    s->code = option_text(o, "code");
    s->limit = option_int(o, "limit");
    s->file = option_text(o, "file");
    if (!read_rejected_verb(o, s, err) || !check_code(s->code, err)) {
        return false;
    }
    for (size_t i = 0; i < s->n_ids; i++) {
        if (!read_rejected_id(option_arg(o, i + 1), &ids[i], err)) {
            return false;
        }
    }
    bool sends = s->verb == REJECTED_EDIT || s->verb == REJECTED_RETRY;
    return !sends || send_to_of_options(o, &s->to, err);
}

static bool open_retries(void *user, struct rejected_retries **out, struct error *err) {
    return reader_place_open_retries(user, out, err);
}

static bool open_rejected(const struct options *o, struct rejected_settings *s,
                          struct reader_place **place, struct error *err) {
    struct store_settings shop;
    if (!reader_place_read(o, NULL, place, err) ||
        !reader_place_open(*place, READ_TIMEOUT_MS, &s->reader, &shop, err)) {
        return false;
    }
    s->open_retries = open_retries;
    s->user = *place;
    return true;
}

int command_rejected(const struct options *o) {
    struct rejected_settings settings = {0};
    struct reader_place *place = NULL;
    struct error err = {0};
    int64_t *ids = mem_zalloc(option_args_count(o) + 1, sizeof *ids);
    int code;
    if (read_rejected(o, ids, &settings, &err) && open_rejected(o, &settings, &place, &err)) {
        code = rejected_run(&settings);
    } else {
        fprintf(stderr, "salestide rejected: %s\n", err.text);
        code = err.cls == ERROR_USAGE ? 2 : 1;
    }
    if (settings.reader != NULL) {
        settings.reader->ops->close(settings.reader);
    }
    reader_place_free(place);
    send_to_wipe(&settings.to);
    free(ids);
    return code;
}
