// SPDX-License-Identifier: MIT
// Inside of the window of identities, for its own files: not for other rooms. How it works is told
// in id_window.c.
#pragma once
#include "window/id_window.h"

enum {
    ID_BLOCK = 16, // messages that move time together
    ID_SLOTS_SMALLEST = 4096,
    ID_STEPS_OF_TABLE = 16, // a step has at most this part of the table's slots
    ID_MARKS = 65535,       // steps that can be told apart
    ID_MARKS_SWEEP = 60000, // before they could not, dead entries are swept out
    ID_STEPS_LIVE = 30000,
    ID_STEP_BITS = 16,
    ID_CONTENT_BITS = 28,
    ID_IDENTITY_SHIFT = ID_STEP_BITS + ID_CONTENT_BITS,
};
#define ID_STEP_MASK ((UINT64_C(1) << ID_STEP_BITS) - 1)
#define ID_CONTENT_MASK (((UINT64_C(1) << ID_CONTENT_BITS) - 1) << ID_STEP_BITS)
#define ID_IDENTITY_MASK (~(ID_STEP_MASK | ID_CONTENT_MASK))

struct id_entry {
    uint64_t key;  // 64 bits of identity: also where it lies
    uint64_t rest; // 0: empty slot
};
_Static_assert(sizeof(struct id_entry) == ID_WINDOW_ENTRY_BYTES, "as told");

struct id_step {
    struct id_window_start start; // of its group
    int64_t young_ms;             // as young as that; set when the group after it has a block
    size_t n;                     // entries
};

// Where the partition stands. Steps have numbers, 0, 1, ...; those of the current group are
// group .. now, those that wait for young_ms waiting .. group - 1.
struct id_place {
    int64_t seen; // offset of the newest message
    int64_t time_ms;
    int64_t block_n;
    int64_t block_min_ms;
    int64_t group_n;                      // messages of it
    int64_t group_max_ms, waiting_max_ms; // latest stamp
    int64_t first, waiting, group, now;   // first: all before it are dead
};

struct id_change { // of an entry: `before` 0, it was not there
    uint64_t key, before, after;
};

struct id_window {
    struct id_window_options options;
    int64_t step_ms, group_most;
    struct id_entry *slots;
    size_t n_slots, n_used; // used: also by what is dead
    size_t room;            // so many may be used before more room is made
    struct id_entry asked;  // what known has looked for last,
    size_t asked_slot;      // and where it would be; n_slots: that may no longer be so
    struct id_step *steps;  // from number `base`
    size_t cap_steps;
    int64_t base;
    int64_t swept; // no entry is of a step before this
    bool evicted;  // steps that were alive were forgotten
    struct id_place at, kept;
    struct id_change *changes; // by the batch in work
    size_t n_changes, cap_changes;
    struct id_place marked;           // where the batch that is marked has ended
    struct id_change *marked_changes; // by it
    size_t n_marked, cap_marked;
};

// A window without table and steps. NULL: memory is refused.
MUST_CHECK struct id_window *id_window_bare(const struct id_window_options *options);

static inline struct id_step *id_step_at(const struct id_window *w, int64_t number) {
    return &w->steps[number - w->base];
}

// 1 .. ID_MARKS
static inline uint64_t id_mark_of(int64_t step) {
    return (uint64_t)(step % ID_MARKS) + 1;
}

static inline int64_t id_step_of(const struct id_window *w, uint64_t rest) {
    int64_t age = (int64_t)id_mark_of(w->at.now) - (int64_t)(rest & ID_STEP_MASK);
    return w->at.now - (age < 0 ? age + ID_MARKS : age);
}

// --- id_table.c

static inline size_t id_home_of(const struct id_window *w, uint64_t key) {
    return (size_t)((unsigned __int128)key * w->n_slots >> 64);
}

// What may be used of a table: of one that could still grow, less while the budget has most of its
// bytes yet; and of one that cannot.
static inline size_t id_table_room(const struct id_window *w) {
    const struct id_budget *budget = w->options.budget;
    return w->n_slots / 8 * (budget->used_bytes <= budget->max_bytes / 4 ? 5 : 6);
}
static inline size_t id_table_most(size_t n_slots) {
    return n_slots - n_slots / 8;
}

static inline size_t id_slot_after(const struct id_window *w, size_t slot) {
    return slot + 1 < w->n_slots ? slot + 1 : 0;
}

static inline bool id_same_identity(const struct id_entry *e, uint64_t key, uint64_t rest) {
    return e->key == key && ((e->rest ^ rest) & ID_IDENTITY_MASK) == 0;
}

// Where it is, or would be.
static inline size_t id_slot_of(const struct id_window *w, uint64_t key, uint64_t rest) {
    size_t slot = id_home_of(w, key);
    while (w->slots[slot].rest != 0 && !id_same_identity(&w->slots[slot], key, rest)) {
        slot = id_slot_after(w, slot);
    }
    return slot;
}

// Zeroed; counted by the budget. NULL: refused.
MUST_CHECK struct id_entry *id_table_take(const struct id_window *w, size_t n_slots);
void id_table_give(const struct id_window *w, struct id_entry *slots, size_t n_slots);
// Copies what an undo could need alive into a table of this size, and counts it by step anew.
// False: memory is refused, and nothing is changed.
MUST_CHECK bool id_table_rebuild(struct id_window *w, size_t n_slots);
// The table is full: leaves dead entries behind, grows, or forgets the oldest steps. False: memory
// is refused.
MUST_CHECK bool id_table_make_room(struct id_window *w);
// Takes an entry out.
void id_table_take_out(struct id_window *w, size_t slot);
// Steps before this one are forgotten, also when the batch fails.
void id_table_evict_before(struct id_window *w, int64_t step);
