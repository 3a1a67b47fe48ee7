// SPDX-License-Identifier: MIT
// A table from the hash of a text to how many newer rows with it have replaced none yet. A text is
// submitted again as one line without white space around, so that is how it is compared. Of one
// that is too long to be kept whole the beginning and the length are compared.
#include "store/rejected_texts.h"

#include "base/hash.h"
#include "base/mem.h"
#include "order/order.h"
#include <stdint.h>
#include <stdlib.h>

// Of a long text; less than is kept of any, as a place may cut it at the end of a character.
enum { LONG_BYTES = ORDER_REJECTED_TEXT_MAX_BYTES - 64 };

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

// Line ends as spaces: piece by piece, so that nothing is copied. whole_bytes: of the text that t
// is the beginning of, or t's.
static uint64_t hash_event(struct text t, uint64_t whole_bytes) {
    uint64_t h = 0;
    if (whole_bytes > ORDER_REJECTED_TEXT_MAX_BYTES) {
        t.len = LONG_BYTES;
        h = hash_bytes(&whole_bytes, sizeof whole_bytes, 0);
    }
    size_t from = 0;
    for (size_t i = 0; i <= t.len; i++) {
        if (i == t.len || ends_line(t.at[i]) || t.at[i] == ' ') {
            h = hash_bytes(t.at + from, i - from, h);
            from = i + 1;
        }
    }
    return h != 0 ? h : 1;
}

uint64_t rejected_text_hash(struct text event) {
    event = text_trim(event);
    return hash_event(event, event.len);
}

// Of a row's own text; 0: it cannot be told.
static uint64_t hash_of_row(const struct rejected_row *row) {
    if (!row->raw_cut) {
        return rejected_text_hash(row->raw);
    }
    bool enough = row->raw_bytes > ORDER_REJECTED_TEXT_MAX_BYTES && row->raw.len >= LONG_BYTES;
    return enough ? hash_event(row->raw, (uint64_t)row->raw_bytes) : 0;
}

static struct slot *slot_of(struct rejected_texts *t, uint64_t hash) {
    if (2 * (t->n_used + 1) > t->n_slots) {
        grow_texts(t);
    }
    struct slot *slot = find_text(t, hash);
    t->n_used += !slot->used;
    slot->used = true;
    slot->hash = hash;
    return slot;
}

// One that is still being tried counts as well: if it was ended between, this is all there is to
// see of it; if it gets through after all, it is back then.
static bool may_be_back(const struct rejected_row *row) {
    static const char *const verdicts[] = {"rejected", "sent", "trying"};
    for (size_t i = 0; row->retried_ms != 0 && i < COUNT_OF(verdicts); i++) {
        if (text_equal(row->retried_verdict, text_of(verdicts[i]))) {
            return true;
        }
    }
    return false;
}

bool rejected_texts_replaced(struct rejected_texts *t, const struct rejected_row *row) {
    uint64_t own = hash_of_row(row);
    uint64_t sent = row->sent_hash != 0 ? row->sent_hash : own;
    bool replaced = false;
    if (sent != 0 && may_be_back(row)) {
        struct slot *newer = slot_of(t, sent);
        replaced = newer->n_newer > 0;
        newer->n_newer -= replaced;
    }
    if (own != 0) {
        slot_of(t, own)->n_newer++; // it may have replaced another itself
    }
    return replaced;
}
