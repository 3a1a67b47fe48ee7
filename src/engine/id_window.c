// SPDX-License-Identifier: MIT
// The window of identities: a hash table with linear probing whose entries carry the step of time
// in which they came last.
//
// 1. known: the entry is found by its digest. Too old, or not there: new. Else its step becomes
//    today's and the contents are compared.
// 2. add: into the first free slot. The table grows by half at 7/8 full; entries lie in the order
//    of their digests, so it is copied front to back. What is past the window is left behind.
// 3. Steps are kept modulo 255, so before an old one could look young again (half of that), all
//    old entries are swept out.
//
// An entry's second word:  20 bits of identity | 36 bits of content | 8 bits of step, 0: empty slot
//
// How it fails: when the shared budget is used up, the window of this partition is shortened to
// what fits, so that an identity that old would count as new; id_window_facts tells.
#include "engine/id_window.h"

#include "base/mem.h"
#include <stdlib.h>

enum {
    STEPS_KEPT = 100,         // of a window
    STEPS = 255,              // that can be told apart
    SWEEP_STEPS = STEPS_KEPT, // between two sweeps
    SLOTS_SMALLEST = 4096,
    STEP_BITS = 8,
    CONTENT_BITS = 36,
    IDENTITY_SHIFT = STEP_BITS + CONTENT_BITS,
};
#define STEP_MASK ((UINT64_C(1) << STEP_BITS) - 1)
#define CONTENT_MASK (((UINT64_C(1) << CONTENT_BITS) - 1) << STEP_BITS)
#define IDENTITY_MASK (~(STEP_MASK | CONTENT_MASK))

struct entry {
    uint64_t key;  // 64 bits of identity: also where it lies
    uint64_t rest; // 0: empty slot
};

struct id_window {
    struct id_budget *budget;
    struct entry *slots;
    size_t n_slots, n_used; // used: also by what is too old
    int64_t step_ms, step;  // now; -1: nothing came yet
    int64_t swept_step;
    int steps_kept;      // less than STEPS_KEPT after the budget was used up
    struct entry *added; // by the batch in work
    size_t n_added, cap_added;
};

static size_t home_of(const struct id_window *w, uint64_t key) {
    return (size_t)((unsigned __int128)key * w->n_slots >> 64);
}

static size_t after(const struct id_window *w, size_t slot) {
    return slot + 1 < w->n_slots ? slot + 1 : 0;
}

// 1 .. STEPS
static uint64_t step_mark(int64_t step) {
    return (uint64_t)(step % STEPS) + 1;
}

static int age_of(const struct id_window *w, const struct entry *e) {
    int64_t age = (int64_t)step_mark(w->step) - (int64_t)(e->rest & STEP_MASK);
    return (int)(age < 0 ? age + STEPS : age);
}

static bool is_old(const struct id_window *w, const struct entry *e) {
    return age_of(w, e) > w->steps_kept;
}

static bool same_identity(const struct entry *e, uint64_t key, uint64_t rest) {
    return e->key == key && ((e->rest ^ rest) & IDENTITY_MASK) == 0;
}

static struct entry entry_of(const struct order_digest *d, int64_t step) {
    return (struct entry){d->identity.high, (d->identity.low << IDENTITY_SHIFT) |
                                                ((d->content << STEP_BITS) & CONTENT_MASK) |
                                                step_mark(step)};
}

struct id_window *id_window_new(int64_t window_ms, struct id_budget *budget) {
    struct id_window *w = mem_zalloc(1, sizeof *w);
    w->budget = budget;
    w->step_ms = window_ms / STEPS_KEPT > 0 ? window_ms / STEPS_KEPT : 1;
    w->step = -1;
    w->steps_kept = STEPS_KEPT;
    w->n_slots = SLOTS_SMALLEST;
    w->slots = mem_zalloc(w->n_slots, sizeof *w->slots);
    budget->used_bytes += w->n_slots * sizeof *w->slots;
    return w;
}

void id_window_free(struct id_window *w) {
    if (w == NULL) {
        return;
    }
    w->budget->used_bytes -= w->n_slots * sizeof *w->slots;
    free(w->slots);
    free(w->added);
    free(w);
}

// --- The table

static size_t slot_of(const struct id_window *w, uint64_t key, uint64_t rest) {
    size_t slot = home_of(w, key);
    while (w->slots[slot].rest != 0 && !same_identity(&w->slots[slot], key, rest)) {
        slot = after(w, slot);
    }
    return slot; // where it is, or would be
}

// Copies what is young enough into a table of this size.
static void rebuild(struct id_window *w, size_t n_slots) {
    struct entry *old = w->slots;
    size_t n_old = w->n_slots;
    w->slots = mem_zalloc(n_slots, sizeof *w->slots);
    w->n_slots = n_slots;
    w->n_used = 0;
    for (size_t i = 0; i < n_old; i++) {
        if (old[i].rest != 0 && !is_old(w, &old[i])) {
            w->slots[slot_of(w, old[i].key, old[i].rest)] = old[i];
            w->n_used++;
        }
    }
    free(old);
    w->budget->used_bytes += (n_slots - n_old) * sizeof *w->slots; // wraps when it shrinks
    w->swept_step = w->step;
}

static void forget_all(struct id_window *w) {
    memset(w->slots, 0, w->n_slots * sizeof *w->slots);
    w->n_used = 0;
    w->n_added = 0;
    w->swept_step = w->step;
}

// How many would stay, by the age up to which they are kept.
static void count_by_age(const struct id_window *w, size_t counts[STEPS]) {
    memset(counts, 0, STEPS * sizeof *counts);
    for (size_t i = 0; i < w->n_slots; i++) {
        if (w->slots[i].rest != 0) {
            counts[age_of(w, &w->slots[i])]++;
        }
    }
    for (int age = 1; age < STEPS; age++) {
        counts[age] += counts[age - 1];
    }
}

static void make_room(struct id_window *w) {
    size_t upto_age[STEPS];
    count_by_age(w, upto_age);
    if (upto_age[w->steps_kept] <= w->n_slots / 4 * 3) { // enough of them are old
        rebuild(w, w->n_slots);
        return;
    }
    size_t grown = w->n_slots + w->n_slots / 2;
    size_t more_bytes = (grown - w->n_slots) * sizeof *w->slots;
    if (w->budget->used_bytes + more_bytes <= w->budget->max_bytes) {
        rebuild(w, grown);
        return;
    }
    while (w->steps_kept >= 0 && upto_age[w->steps_kept] > w->n_slots / 4 * 3) {
        w->steps_kept--;
    }
    if (w->steps_kept >= 0) {
        rebuild(w, w->n_slots);
    } else { // more than the budget holds came in one step of time
        w->steps_kept = 0;
        forget_all(w);
    }
}

// Takes an entry out; those behind it move up so that no search ends too soon.
static void take_out(struct id_window *w, size_t hole) {
    w->slots[hole].rest = 0;
    w->n_used--;
    for (size_t at = after(w, hole); w->slots[at].rest != 0; at = after(w, at)) {
        size_t home = home_of(w, w->slots[at].key);
        // Cyclic: the entry may fill the hole unless its home lies behind the hole, up to itself.
        bool stays = hole < at ? home > hole && home <= at : home > hole || home <= at;
        if (!stays) {
            w->slots[hole] = w->slots[at];
            w->slots[at].rest = 0;
            hole = at;
        }
    }
}

// --- Time

static void move_time(struct id_window *w, int64_t arrival_ms) {
    int64_t step = arrival_ms / w->step_ms;
    if (step <= w->step) {
        return;
    }
    int64_t jump = step - (w->step < 0 ? step : w->step);
    if (jump > STEPS_KEPT) {
        forget_all(w);
    } else if (step - w->swept_step > SWEEP_STEPS) { // before the move: marks must not wrap
        rebuild(w, w->n_slots);
    }
    // A shortened window grows again as time goes by.
    int64_t kept = w->steps_kept + jump;
    w->steps_kept = kept < STEPS_KEPT ? (int)kept : STEPS_KEPT;
    w->step = step;
}

// --- What the store asks

void id_window_prefetch(const struct id_window *w, const struct order_digest *d) {
    __builtin_prefetch(&w->slots[home_of(w, d->identity.high)], 1);
}

enum known_as id_window_known(struct id_window *w, const struct order_digest *d,
                              int64_t arrival_ms) {
    move_time(w, arrival_ms);
    struct entry want = entry_of(d, w->step);
    struct entry *e = &w->slots[slot_of(w, want.key, want.rest)];
    if (e->rest == 0) {
        return KNOWN_NEW;
    }
    if (is_old(w, e)) {
        take_out(w, (size_t)(e - w->slots));
        return KNOWN_NEW;
    }
    e->rest = (e->rest & ~STEP_MASK) | step_mark(w->step);
    return ((e->rest ^ want.rest) & CONTENT_MASK) == 0 ? KNOWN_SAME : KNOWN_OTHER;
}

static struct entry put(struct id_window *w, const struct order_digest *d) {
    if (w->n_used >= w->n_slots - w->n_slots / 8) {
        make_room(w);
    }
    struct entry e = entry_of(d, w->step);
    w->slots[slot_of(w, e.key, e.rest)] = e;
    w->n_used++;
    return e;
}

void id_window_add(struct id_window *w, const struct order_digest *d) {
    struct entry e = put(w, d);
    if (w->n_added == w->cap_added) {
        w->cap_added = w->cap_added == 0 ? 1024 : w->cap_added * 2;
        w->added = mem_realloc(w->added, w->cap_added * sizeof *w->added);
    }
    w->added[w->n_added++] = e;
}

void id_window_restore(struct id_window *w, const struct order_digest *d) {
    (void)put(w, d);
}

void id_window_keep(struct id_window *w) {
    w->n_added = 0;
}

void id_window_undo(struct id_window *w) {
    while (w->n_added > 0) {
        struct entry *e = &w->added[--w->n_added];
        size_t slot = slot_of(w, e->key, e->rest);
        if (w->slots[slot].rest != 0) { // else the budget took it
            take_out(w, slot);
        }
    }
}

struct id_window_facts id_window_facts(const struct id_window *w) {
    return (struct id_window_facts){
        .n_ids = w->n_used,
        .bytes = w->n_slots * sizeof *w->slots,
        .covered_ms = w->steps_kept * w->step_ms,
    };
}
