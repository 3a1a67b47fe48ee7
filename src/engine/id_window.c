// SPDX-License-Identifier: MIT
// The window of identities: a hash table with linear probing, whose entries carry the number of the
// step in which they came last, and the list of steps.
//
// 1. A message: a block of BLOCK messages that is complete moves time to its smallest stamp. Then
//    the group before gets its end of life, groups past it are dead, and a new group begins when
//    time has entered another 100th of the window or the group is long.
// 2. known: the entry is found by its digest. Of a dead step, or not there: new. Else contents are
//    compared, and when they are the same it moves into the step of now.
// 3. add: into the first free slot. The table grows by half at 7/8 full; entries lie in the order
//    of their digests, so it is copied front to back. What is dead is left behind.
//
// A group begins where a block does: reading from there, with the time that it was, gives the same
// blocks, times, groups and ends of life again. Within a group there may be several steps, so that
// little has to be forgotten at once when memory is used up; they begin and die together.
//
// Undo: each change of an entry is noted with what it was. What is dead since the batch began stays
// in the table until the batch is kept, and so do its steps.
//
// An entry's second word:  20 bits of identity | 28 bits of content | 16 bits of step, 0: empty
// slot
//
// How it fails: when the shared budget is used up, the oldest steps of this partition are
// forgotten, so that an identity that old would count as new; id_window_facts tells.
#include "engine/id_window.h"

#include "base/mem.h"
#include <stdlib.h>

enum {
    BLOCK = 16,              // messages that move time together
    TIME_STEPS = 100,        // of a window
    GROUPS_OF_BUDGET = 1024, // a group has at most so many messages as a part of the budget
    GROUP_SMALLEST = 64,
    STEPS_OF_TABLE = 16, // a step has at most this part of the table's slots
    MARKS = 65535,       // steps that can be told apart
    MARKS_SWEEP = 60000, // before they could not, dead entries are swept out
    STEPS_LIVE = 30000,
    SLOTS_SMALLEST = 4096,
    STEP_BITS = 16,
    CONTENT_BITS = 28,
    IDENTITY_SHIFT = STEP_BITS + CONTENT_BITS,
};
#define STEP_MASK ((UINT64_C(1) << STEP_BITS) - 1)
#define CONTENT_MASK (((UINT64_C(1) << CONTENT_BITS) - 1) << STEP_BITS)
#define IDENTITY_MASK (~(STEP_MASK | CONTENT_MASK))

struct entry {
    uint64_t key;  // 64 bits of identity: also where it lies
    uint64_t rest; // 0: empty slot
};
_Static_assert(sizeof(struct entry) == ID_WINDOW_ENTRY_BYTES, "as told");

struct step {
    struct id_window_start start; // of its group
    int64_t young_ms;             // as young as that; set when the group after it has a block
    size_t n;                     // entries
};

// Where the partition stands. Steps have numbers, 0, 1, ...; those of the current group are
// group .. now, those that wait for young_ms waiting .. group - 1.
struct place {
    int64_t seen; // offset of the newest message
    int64_t time_ms;
    int block_n;
    int64_t block_min_ms;
    int64_t group_n;                      // messages of it
    int64_t group_max_ms, waiting_max_ms; // latest stamp
    int64_t first, waiting, group, now;   // first: all before it are dead
};

struct change { // of an entry: `before` 0, it was not there
    uint64_t key, before, after;
};

struct id_window {
    struct id_budget *budget;
    int64_t window_ms, step_ms, group_most;
    struct entry *slots;
    size_t n_slots, n_used; // used: also by what is dead
    struct step *steps;     // from number `base`
    size_t cap_steps;
    int64_t base;
    int64_t swept; // no entry is of a step before this
    bool evicted;  // steps that were alive were forgotten
    struct place at, kept;
    struct change *changes; // by the batch in work
    size_t n_changes, cap_changes;
};

static size_t home_of(const struct id_window *w, uint64_t key) {
    return (size_t)((unsigned __int128)key * w->n_slots >> 64);
}

static size_t after(const struct id_window *w, size_t slot) {
    return slot + 1 < w->n_slots ? slot + 1 : 0;
}

static struct step *step_at(const struct id_window *w, int64_t number) {
    return &w->steps[number - w->base];
}

// 1 .. MARKS
static uint64_t mark_of(int64_t step) {
    return (uint64_t)(step % MARKS) + 1;
}

static int64_t step_of(const struct id_window *w, uint64_t rest) {
    int64_t age = (int64_t)mark_of(w->at.now) - (int64_t)(rest & STEP_MASK);
    return w->at.now - (age < 0 ? age + MARKS : age);
}

static bool same_identity(const struct entry *e, uint64_t key, uint64_t rest) {
    return e->key == key && ((e->rest ^ rest) & IDENTITY_MASK) == 0;
}

static struct entry entry_of(const struct order_digest *d, int64_t step) {
    return (struct entry){d->identity.high, (d->identity.low << IDENTITY_SHIFT) |
                                                ((d->content << STEP_BITS) & CONTENT_MASK) |
                                                mark_of(step)};
}

static void push_step(struct id_window *w, struct id_window_start start) {
    size_t n = (size_t)(++w->at.now - w->base);
    if (n == w->cap_steps) {
        w->cap_steps *= 2;
        w->steps = mem_realloc(w->steps, w->cap_steps * sizeof *w->steps);
    }
    w->steps[n] = (struct step){.start = start};
}

struct id_window *id_window_new(int64_t window_ms, struct id_budget *budget,
                                struct id_window_start start) {
    struct id_window *w = mem_zalloc(1, sizeof *w);
    w->budget = budget;
    w->window_ms = window_ms;
    w->step_ms = window_ms / TIME_STEPS > 0 ? window_ms / TIME_STEPS : 1;
    w->group_most = (int64_t)(budget->max_bytes / sizeof(struct entry) / GROUPS_OF_BUDGET);
    w->group_most = w->group_most > GROUP_SMALLEST ? w->group_most : GROUP_SMALLEST;
    w->n_slots = SLOTS_SMALLEST;
    w->slots = mem_zalloc(w->n_slots, sizeof *w->slots);
    w->cap_steps = 64;
    w->steps = mem_zalloc(w->cap_steps, sizeof *w->steps);
    w->at = (struct place){.seen = start.offset - 1, .time_ms = start.time_ms, .now = -1};
    push_step(w, start);
    w->kept = w->at;
    budget->used_bytes += w->n_slots * sizeof *w->slots;
    return w;
}

void id_window_free(struct id_window *w) {
    if (w == NULL) {
        return;
    }
    w->budget->used_bytes -= w->n_slots * sizeof *w->slots;
    free(w->slots);
    free(w->steps);
    free(w->changes);
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

// Copies what an undo could need alive into a table of this size, and counts it by step anew.
static void rebuild(struct id_window *w, size_t n_slots) {
    struct entry *old = w->slots;
    size_t n_old = w->n_slots;
    w->slots = mem_zalloc(n_slots, sizeof *w->slots);
    w->n_slots = n_slots;
    w->n_used = 0;
    for (int64_t i = w->base; i <= w->at.now; i++) {
        step_at(w, i)->n = 0;
    }
    for (size_t i = 0; i < n_old; i++) {
        int64_t step = old[i].rest != 0 ? step_of(w, old[i].rest) : -1;
        if (step >= w->kept.first) {
            w->slots[slot_of(w, old[i].key, old[i].rest)] = old[i];
            w->n_used++;
            step_at(w, step)->n++;
        }
    }
    free(old);
    w->budget->used_bytes += (n_slots - n_old) * sizeof *w->slots; // wraps when it shrinks
    w->swept = w->kept.first;
}

// Steps before this one are forgotten, also when the batch fails.
static void evict_before(struct id_window *w, int64_t step) {
    w->evicted = w->evicted || step > w->at.first;
    w->kept.first = step > w->kept.first ? step : w->kept.first;
    w->at.first = step > w->at.first ? step : w->at.first;
}

static void make_room(struct id_window *w) {
    size_t enough = w->n_slots / 4 * 3, n_live = 0;
    for (int64_t i = w->kept.first; i <= w->at.now; i++) {
        n_live += step_at(w, i)->n;
    }
    if (n_live <= enough) { // many of them are dead
        rebuild(w, w->n_slots);
        return;
    }
    size_t grown = w->n_slots + w->n_slots / 2;
    size_t more_bytes = (grown - w->n_slots) * sizeof *w->slots;
    if (w->budget->used_bytes + more_bytes <= w->budget->max_bytes) {
        rebuild(w, grown);
        return;
    }
    int64_t step = w->kept.first;
    while (step < w->at.now && n_live > enough) {
        n_live -= step_at(w, step++)->n;
    }
    evict_before(w, step);
    rebuild(w, w->n_slots);
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

static void note_change(struct id_window *w, uint64_t key, uint64_t before, uint64_t now) {
    if (w->n_changes == w->cap_changes) {
        w->cap_changes = w->cap_changes == 0 ? 1024 : w->cap_changes * 2;
        w->changes = mem_realloc(w->changes, w->cap_changes * sizeof *w->changes);
    }
    w->changes[w->n_changes++] = (struct change){key, before, now};
}

// --- Time and steps

static int64_t at_most(int64_t a, int64_t b) {
    return a < b ? a : b;
}
static int64_t at_least(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static bool is_alive(const struct id_window *w, int64_t step) {
    return step >= w->at.first &&
           (step >= w->at.waiting || w->at.time_ms - step_at(w, step)->young_ms <= w->window_ms);
}

// A step number more: marks must not wrap around into entries that are still in the table.
static void next_step(struct id_window *w, struct id_window_start start) {
    if (w->at.now - w->kept.first >= STEPS_LIVE) {
        evict_before(w, w->at.now - STEPS_LIVE / 2);
    }
    if (w->at.now + 1 - w->swept >= MARKS_SWEEP) {
        rebuild(w, w->n_slots);
    }
    push_step(w, start);
}

// The group that waits is followed by a block now: what is in it is at least as old as that.
static void end_waiting(struct id_window *w) {
    struct place *at = &w->at;
    if (at->waiting == at->group) {
        return;
    }
    int64_t latest_ms =
        at->time_ms < INT64_MAX - w->window_ms ? at->time_ms + w->window_ms : INT64_MAX;
    int64_t young_ms = at_least(at->time_ms, at_most(at->waiting_max_ms, latest_ms));
    for (int64_t i = at_least(at->waiting, w->base); i < at->group; i++) {
        step_at(w, i)->young_ms = young_ms;
    }
    at->waiting = at->group;
}

// A block is complete, and `offset` is the message after it.
static void end_block(struct id_window *w, int64_t offset) {
    struct place *at = &w->at;
    int64_t before_ms = at->time_ms;
    at->time_ms = at_least(at->time_ms, at->block_min_ms);
    at->block_n = 0;
    end_waiting(w);
    while (at->first < at->waiting && !is_alive(w, at->first)) {
        at->first++;
    }
    if (at->time_ms / w->step_ms != before_ms / w->step_ms || at->group_n >= w->group_most) {
        at->waiting_max_ms = at->group_max_ms;
        at->group_n = at->group_max_ms = 0;
        next_step(w, (struct id_window_start){offset, at->time_ms});
        at->group = at->now;
    }
}

// False: the message came before.
static bool see(struct id_window *w, int64_t offset, int64_t arrival_ms) {
    struct place *at = &w->at;
    if (offset <= at->seen) {
        return false;
    }
    if (at->block_n == BLOCK) {
        end_block(w, offset);
    } else if (step_at(w, at->now)->n >= w->n_slots / STEPS_OF_TABLE) {
        next_step(w, step_at(w, at->now)->start);
    }
    at->block_min_ms = at->block_n == 0 ? arrival_ms : at_most(at->block_min_ms, arrival_ms);
    at->block_n++;
    at->group_n++;
    at->group_max_ms = at_least(at->group_max_ms, arrival_ms);
    at->seen = offset;
    return true;
}

// --- What the store asks

void id_window_prefetch(const struct id_window *w, const struct order_digest *d) {
    __builtin_prefetch(&w->slots[home_of(w, d->identity.high)], 1);
}

enum known_as id_window_known(struct id_window *w, const struct order_digest *d, int64_t offset,
                              int64_t arrival_ms) {
    bool fresh = see(w, offset, arrival_ms);
    struct entry want = entry_of(d, w->at.now);
    struct entry *e = &w->slots[slot_of(w, want.key, want.rest)];
    int64_t step = e->rest != 0 ? step_of(w, e->rest) : -1;
    if (!is_alive(w, step)) {
        return KNOWN_NEW;
    }
    if (((e->rest ^ want.rest) & CONTENT_MASK) != 0) {
        return KNOWN_OTHER; // it is rejected, and leaves nothing
    }
    if (fresh && step != w->at.now) {
        note_change(w, e->key, e->rest, want.rest);
        step_at(w, step)->n--;
        step_at(w, w->at.now)->n++;
        e->rest = want.rest;
    }
    return KNOWN_SAME;
}

void id_window_add(struct id_window *w, const struct order_digest *d) {
    if (w->n_used >= w->n_slots - w->n_slots / 8) {
        make_room(w);
    }
    struct entry want = entry_of(d, w->at.now);
    struct entry *e = &w->slots[slot_of(w, want.key, want.rest)];
    if (e->rest == 0) {
        w->n_used++;
    } else if (step_of(w, e->rest) >= w->base) {
        step_at(w, step_of(w, e->rest))->n--; // dead, and perhaps not for an undo
    }
    note_change(w, want.key, e->rest, want.rest);
    step_at(w, w->at.now)->n++;
    *e = want;
}

void id_window_pass(struct id_window *w, int64_t offset, int64_t arrival_ms) {
    (void)see(w, offset, arrival_ms);
}

void id_window_remember(struct id_window *w, const struct order_digest *digest, int64_t offset,
                        int64_t arrival_ms) {
    if (offset <= w->at.seen) {
        return;
    }
    if (digest == NULL) {
        id_window_pass(w, offset, arrival_ms);
    } else if (id_window_known(w, digest, offset, arrival_ms) == KNOWN_NEW) {
        id_window_add(w, digest);
    }
    id_window_keep(w);
}

void id_window_keep(struct id_window *w) {
    struct place *at = &w->at;
    w->n_changes = 0;
    while (at->first < at->waiting && step_at(w, at->first)->n == 0) { // all came again since
        at->first++;
    }
    int64_t n_dead = at->first - w->base;
    if (n_dead > 32 && n_dead > at->now - at->first) {
        memmove(w->steps, step_at(w, at->first),
                (size_t)(at->now + 1 - at->first) * sizeof *w->steps);
        w->base = at->first;
    }
    w->kept = *at;
}

void id_window_undo(struct id_window *w) {
    while (w->n_changes > 0) {
        const struct change *c = &w->changes[--w->n_changes];
        size_t slot = slot_of(w, c->key, c->after);
        if (w->slots[slot].rest == 0) { // the budget took it
            continue;
        }
        step_at(w, step_of(w, c->after))->n--;
        if (c->before != 0 && step_of(w, c->before) >= w->kept.first) {
            step_at(w, step_of(w, c->before))->n++;
            w->slots[slot].rest = c->before;
        } else {
            take_out(w, slot);
        }
    }
    // Also of the steps that the batch began, some may have been forgotten.
    w->kept.first = at_most(w->kept.first, w->kept.now);
    w->swept = at_most(w->swept, w->kept.first);
    w->at = w->kept;
}

struct id_window_start id_window_start(const struct id_window *w) {
    return step_at(w, w->at.first)->start;
}

struct id_window_facts id_window_facts(const struct id_window *w) {
    int64_t held_ms = w->at.time_ms - step_at(w, w->at.first)->start.time_ms;
    return (struct id_window_facts){
        .n_ids = w->n_used,
        .bytes = w->n_slots * sizeof *w->slots,
        .covered_ms = w->evicted && held_ms < w->window_ms ? held_ms : w->window_ms,
    };
}
