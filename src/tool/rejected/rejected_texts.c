// SPDX-License-Identifier: MIT
// A table from the hash of a text to how many newer rows with it have replaced none yet. A text is
// submitted again as one line without white space around, so that is how it is compared. What is
// not kept whole is never submitted as it is, and left out.
#include "tool/rejected/rejected_texts.h"

#include "base/hash.h"
#include "base/mem.h"
#include <stdint.h>
#include <stdlib.h>

struct slot {
    uint64_t hash;
    uint32_t n_newer;
    bool used;
};

struct rejected_texts {
    struct slot *slots;
    size_t n_slots, n_used; // a power of two; at most half are used
};

struct rejected_texts *rejected_texts_new(void) {
    struct rejected_texts *t = mem_zalloc(1, sizeof *t);
    t->n_slots = 1024;
    t->slots = mem_zalloc(t->n_slots, sizeof *t->slots);
    return t;
}

void rejected_texts_free(struct rejected_texts *t) {
    if (t != NULL) {
        free(t->slots);
        free(t);
    }
}

static struct slot *find_text(struct rejected_texts *t, uint64_t hash) {
    size_t i = hash & (t->n_slots - 1);
    while (t->slots[i].used && t->slots[i].hash != hash) {
        i = (i + 1) & (t->n_slots - 1);
    }
    return &t->slots[i];
}

static void grow_texts(struct rejected_texts *t) {
    struct slot *old = t->slots;
    size_t n_old = t->n_slots;
    t->n_slots *= 2;
    t->slots = mem_zalloc(t->n_slots, sizeof *t->slots);
    for (size_t i = 0; i < n_old; i++) {
        if (old[i].used) {
            *find_text(t, old[i].hash) = old[i];
        }
    }
    free(old);
}

static bool ends_line(char c) {
    return c == '\n' || c == '\r';
}

// Line ends as spaces: piece by piece, so that nothing is copied.
static uint64_t hash_as_sent(struct text t) {
    t = text_trim(t);
    uint64_t h = 0;
    size_t from = 0;
    for (size_t i = 0; i <= t.len; i++) {
        if (i == t.len || ends_line(t.at[i]) || t.at[i] == ' ') {
            h = hash_bytes(t.at + from, i - from, h);
            from = i + 1;
        }
    }
    return h;
}

bool rejected_texts_replaced(struct rejected_texts *t, const struct rejected_row *row) {
    if (row->raw_cut) {
        return false;
    }
    if (2 * (t->n_used + 1) > t->n_slots) {
        grow_texts(t);
    }
    uint64_t hash = hash_as_sent(row->raw);
    struct slot *slot = find_text(t, hash);
    bool again = row->retried_ms != 0 && (text_equal(row->retried_verdict, TEXT_LIT("rejected")) ||
                                          text_equal(row->retried_verdict, TEXT_LIT("sent")));
    bool replaced = again && slot->used && slot->n_newer > 0;
    t->n_used += !slot->used;
    slot->used = true;
    slot->hash = hash;
    slot->n_newer +=
        !replaced; // or the newer one is used up, and this one may have replaced another
    return replaced;
}
