// SPDX-License-Identifier: MIT
// What all who submit rejected events again agree on: when somebody is sending one, and how those
// are marked that were replaced.
//
// Marking is one pass over the rejected events, newest first, by their texts
// (store/rejected_texts.h); then what was found is marked from its end. It fails with the reader or
// the place of retries; what is not marked yet is marked by the next who does.
#include "store/rejected_retries.h"

#include "base/mem.h"
#include "store/rejected_texts.h"
#include <stdlib.h>

enum { PAGE_ROWS = 1000 };

bool rejected_is_busy(const struct rejected_row *row, int64_t now_ms) {
    return row->retried_ms != 0 && text_equal(row->retried_verdict, TEXT_LIT("trying")) &&
           now_ms - row->retried_ms < REJECTED_TRY_MS;
}

// A pass.
struct marking {
    struct rejected_texts *texts;
    struct {
        int64_t id, retried_ms;
    } * replaced; // newest first
    size_t n_replaced, cap;
    int64_t last_id;
    int64_t n_seen; // of the page
};

static bool look_at_row(void *user, const struct rejected_row *row) {
    struct marking *m = user;
    m->n_seen++;
    m->last_id = row->id;
    if (!rejected_texts_replaced(m->texts, row)) {
        return true;
    }
    if (m->n_replaced == m->cap) {
        m->cap = m->cap > 0 ? m->cap * 2 : 64;
        m->replaced = mem_realloc(m->replaced, m->cap * sizeof *m->replaced);
    }
    m->replaced[m->n_replaced].id = row->id;
    m->replaced[m->n_replaced++].retried_ms = row->retried_ms;
    return true;
}

bool rejected_mark_replaced(struct sales_reader *reader, struct rejected_retries *retries,
                            struct error *err) {
    struct marking m = {.texts = rejected_texts_new(), .last_id = INT64_MAX};
    bool ok;
    do {
        m.n_seen = 0;
        ok = reader->ops->rejected(reader, m.last_id, PAGE_ROWS, look_at_row, &m, err);
    } while (ok && m.n_seen == PAGE_ROWS);
    for (size_t i = m.n_replaced; ok && i > 0; i--) {
        ok = retries->ops->put(retries, m.replaced[i - 1].id, m.replaced[i - 1].retried_ms,
                               "replaced", err);
    }
    rejected_texts_free(m.texts);
    free(m.replaced);
    return ok;
}
