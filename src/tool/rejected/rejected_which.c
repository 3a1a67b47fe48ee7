// SPDX-License-Identifier: MIT
// Pages of rejected events, newest first, each put into one of two lists, or none. Which were
// replaced is told by their texts (store/rejected_texts.h), so every newer row is looked at too.
#include "tool/rejected/rejected_which.h"

#include "base/mem.h"
#include "store/rejected_retries.h"
#include "store/rejected_texts.h"
#include <stdlib.h>

enum { PAGE_ROWS = 1000 };

// A pass.
struct finding {
    struct rejected_which *which;
    struct rejected_texts *texts;
    int64_t last_id;
    int64_t n_seen; // of the page
};

static void add_found(struct rejected_ids *ids, const struct rejected_row *row) {
    if (ids->n == ids->cap) {
        ids->cap = ids->cap > 0 ? ids->cap * 2 : 1024;
        ids->at = mem_realloc(ids->at, ids->cap * sizeof *ids->at);
    }
    ids->at[ids->n++] = (struct rejected_found){row->id, row->retried_ms};
}

static bool got_through(const struct rejected_row *row) {
    return row->retried_ms != 0 && !text_equal(row->retried_verdict, TEXT_LIT("rejected")) &&
           !text_equal(row->retried_verdict, TEXT_LIT("trying"));
}

static bool is_asked_for(const struct rejected_which *w, const struct rejected_row *row) {
    if (w->n_ids == 0) {
        return !got_through(row) && (w->code == NULL || text_equal(text_of(w->code), row->code));
    }
    for (size_t i = 0; i < w->n_ids; i++) {
        if (w->ids[i] == row->id) {
            return true;
        }
    }
    return false;
}

static bool find_one(void *user, const struct rejected_row *row) {
    struct finding *f = user;
    struct rejected_which *w = f->which;
    f->n_seen++;
    f->last_id = row->id;
    if (row->id < w->lowest_id) {
        return false;
    }
    if (!rejected_texts_replaced(f->texts, row) && is_asked_for(w, row)) {
        add_found(rejected_is_busy(row, w->now_ms) ? &w->busy : &w->again, row);
    }
    return true;
}

bool rejected_which_find(struct rejected_which *w, struct sales_reader *reader, struct error *err) {
    struct finding f = {.which = w, .texts = rejected_texts_new(), .last_id = INT64_MAX};
    bool ok;
    do {
        f.n_seen = 0;
        ok = reader->ops->rejected(reader, f.last_id, PAGE_ROWS, find_one, &f, err);
    } while (ok && f.n_seen == PAGE_ROWS && f.last_id >= w->lowest_id);
    rejected_texts_free(f.texts);
    return ok;
}

void rejected_which_free(struct rejected_which *w) {
    free(w->again.at);
    free(w->busy.at);
}
