// SPDX-License-Identifier: MIT
// The plain model of the window of identities: what is known, from the whole log, by the rules in
// docs/guarantees.md ("The window"), without steps, tables or undo. Include after cmocka.h.
#pragma once
#include "window/id_window.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { MODEL_IDS = 40000, MODEL_GROUPS = 60000, BLOCK = 16 };

struct record {
    uint64_t id, content;
    int64_t offset, at_ms;
    bool refused; // by the tables: it leaves nothing
    enum known_as verdict;
};

struct model {
    int64_t window_ms;
    int group_most; // messages of a group
    struct {
        bool came;
        uint64_t content;
        int group;
    } ids[MODEL_IDS];
    int64_t young_ms[MODEL_GROUPS]; // by group; those from `waiting` on have none yet
    int group, waiting;             // waiting: -1, none
    int64_t time_ms, block_min_ms, group_max_ms, waiting_max_ms;
    int block_n, group_n;
};

static inline int model_group_most(size_t budget_bytes) {
    size_t most = budget_bytes / ID_WINDOW_ENTRY_BYTES / 1024;
    return most > 64 ? (int)most : 64;
}

static inline struct model *model_new(int64_t window_ms, size_t budget_bytes) {
    struct model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->window_ms = window_ms;
    m->group_most = model_group_most(budget_bytes);
    m->waiting = -1;
    return m;
}

static inline int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}
static inline int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline void model_block(struct model *m) {
    int64_t before = m->time_ms, step_ms = m->window_ms / 100;
    m->time_ms = larger(m->time_ms, m->block_min_ms);
    m->block_n = 0;
    if (m->waiting >= 0) {
        m->young_ms[m->waiting] =
            larger(m->time_ms, smaller(m->waiting_max_ms, m->time_ms + m->window_ms));
        m->waiting = -1;
    }
    if (before / step_ms != m->time_ms / step_ms || m->group_n >= m->group_most) {
        m->waiting = m->group++;
        m->waiting_max_ms = m->group_max_ms;
        m->group_n = 0;
        m->group_max_ms = 0;
    }
}

// A message, whatever is in it: time moves on by it.
static inline void model_pass(struct model *m, int64_t at_ms) {
    if (m->block_n == BLOCK) {
        model_block(m);
    }
    m->block_min_ms = m->block_n++ == 0 ? at_ms : smaller(m->block_min_ms, at_ms);
    m->group_max_ms = larger(m->group_max_ms, at_ms);
    m->group_n++;
}

static inline enum known_as model_see(struct model *m, const struct record *r) {
    assert_true(r->id < MODEL_IDS);
    model_pass(m, r->at_ms);
    bool known = m->ids[r->id].came;
    if (known) {
        int group = m->ids[r->id].group;
        known = group >= m->group - (m->waiting >= 0) ||
                m->time_ms - m->young_ms[group] <= m->window_ms;
    }
    if (known && m->ids[r->id].content != r->content) {
        return KNOWN_OTHER;
    }
    if (known || !r->refused) {
        m->ids[r->id].came = true;
        m->ids[r->id].content = r->content;
        m->ids[r->id].group = m->group;
    }
    return known ? KNOWN_SAME : KNOWN_NEW;
}
