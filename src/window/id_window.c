// SPDX-License-Identifier: MIT
// The window of identities: a hash table with linear probing, whose entries carry the number of the
// step in which they came last, and the list of steps.
//
// 1. A message: a block of 16 messages that is complete moves time to its smallest stamp. Then
//    the group before gets its end of life, groups past it are dead, and a new group begins when
//    time has entered another 100th of the window or the group is long.
// 2. known: the entry is found by its digest. Of a dead step, or not there: new. Else contents are
//    compared, and when they are the same it moves into the step of now.
// 3. add: into the first free slot, which known has found. The table grows before it
//    is full (id_table.c); entries lie in the order of their digests, so it is copied front to
//    back. What is dead is left behind.
//
// A group begins where a block does: reading from there, with the time that it was, gives the same
// blocks, times, groups and ends of life again. Within a group there may be several steps, so that
// little has to be forgotten at once when memory is used up; they begin and die together.
//
// Undo: each change of an entry is noted with what it was. What is dead since the batch began stays
// in the table until the batch is kept, and so do its steps. Of two batches each has its own list
// of changes, and both are undone, the later one first, down to where the one before them was kept.
//
// An entry's second word: 20 bits of identity, 28 of content, 16 of step (0: empty slot).
//
// How it fails: when the shared budget is used up, the oldest steps of this partition are
// forgotten, so that an identity that old would count as new; id_window_facts tells. Where memory
// is refused the place may have moved on by half a message; undo takes none, and brings all of it
// back.
#include "window/id_window_internal.h"

#include <string.h>

enum {
    TIME_STEPS = 100,        // of a window
    GROUPS_OF_BUDGET = 1024, // a group has at most so many messages as a part of the budget
    GROUP_SMALLEST = 64,
    STEPS_SMALLEST = 64,
    CHANGES_SMALLEST = 1024,
};

static struct id_entry entry_of(const struct order_digest *d, int64_t step) {
    return (struct id_entry){
        d->identity.high, (d->identity.low << ID_IDENTITY_SHIFT) |
                              ((d->content << ID_STEP_BITS) & ID_CONTENT_MASK) | id_mark_of(step)};
}

static bool push_step(struct id_window *w, struct id_window_start start) {
    size_t n = (size_t)(w->at.now + 1 - w->base);
    if (n == w->cap_steps) {
        size_t cap = w->cap_steps == 0 ? STEPS_SMALLEST : w->cap_steps * 2;
        void *more = heap_realloc(w->options.heap, w->steps, cap * sizeof *w->steps);
        if (more == NULL) {
            return false;
        }
        w->steps = more;
        w->cap_steps = cap;
    }
    w->steps[n] = (struct id_step){.start = start};
    w->at.now++;
    return true;
}

struct id_window *id_window_bare(const struct id_window_options *options) {
    struct id_window *w = heap_zalloc(options->heap, 1, sizeof *w);
    if (w == NULL) {
        return NULL;
    }
    int64_t step_ms = options->window_ms / TIME_STEPS;
    int64_t group_most =
        (int64_t)(options->budget->max_bytes / sizeof(struct id_entry) / GROUPS_OF_BUDGET);
    w->options = *options;
    w->step_ms = step_ms > 0 ? step_ms : 1;
    w->group_most = group_most > GROUP_SMALLEST ? group_most : GROUP_SMALLEST;
    return w;
}

struct id_window *id_window_new(const struct id_window_options *options,
                                struct id_window_start start) {
    struct id_window *w = id_window_bare(options);
    if (w == NULL) {
        return NULL;
    }
    w->at = (struct id_place){.seen = start.offset - 1, .time_ms = start.time_ms, .now = -1};
    w->slots = id_table_take(w, ID_SLOTS_SMALLEST);
    w->n_slots = w->asked_slot = w->slots != NULL ? ID_SLOTS_SMALLEST : 0;
    w->room = id_table_room(w);
    if (w->slots == NULL || !push_step(w, start)) {
        id_window_free(w);
        return NULL;
    }
    w->kept = w->at;
    return w;
}

void id_window_free(struct id_window *w) {
    if (w == NULL) {
        return;
    }
    const struct mem_heap *heap = w->options.heap;
    if (w->slots != NULL) {
        id_table_give(w, w->slots, w->n_slots);
    }
    heap_free(heap, w->steps);
    heap_free(heap, w->changes);
    heap_free(heap, w->marked_changes);
    heap_free(heap, w);
}

static bool grow_changes(struct id_window *w) {
    size_t cap = w->cap_changes == 0 ? CHANGES_SMALLEST : w->cap_changes * 2;
    void *more = heap_realloc(w->options.heap, w->changes, cap * sizeof *w->changes);
    if (more == NULL) {
        return false;
    }
    w->changes = more;
    w->cap_changes = cap;
    return true;
}

static inline bool note_change(struct id_window *w, uint64_t key, uint64_t before, uint64_t now) {
    if (UNLIKELY(w->n_changes == w->cap_changes) && !grow_changes(w)) {
        return false;
    }
    w->changes[w->n_changes++] = (struct id_change){key, before, now};
    return true;
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
           (step >= w->at.waiting ||
            w->at.time_ms - id_step_at(w, step)->young_ms <= w->options.window_ms);
}

// A step number more: marks must not wrap around into entries that are still in the table.
static bool next_step(struct id_window *w, struct id_window_start start) {
    if (w->at.now - w->kept.first >= ID_STEPS_LIVE) {
        id_table_evict_before(w, w->at.now - ID_STEPS_LIVE / 2);
    }
    if (w->at.now + 1 - w->swept >= ID_MARKS_SWEEP && !id_table_rebuild(w, w->n_slots)) {
        return false;
    }
    return push_step(w, start);
}

// The group that waits is followed by a block now: what is in it is at least as old as that.
static void end_waiting(struct id_window *w) {
    struct id_place *at = &w->at;
    if (at->waiting == at->group) {
        return;
    }
    int64_t latest_ms = at->time_ms < INT64_MAX - w->options.window_ms
                            ? at->time_ms + w->options.window_ms
                            : INT64_MAX;
    int64_t young_ms = at_least(at->time_ms, at_most(at->waiting_max_ms, latest_ms));
    for (int64_t i = at_least(at->waiting, w->base); i < at->group; i++) {
        id_step_at(w, i)->young_ms = young_ms;
    }
    at->waiting = at->group;
}

// A block is complete, and `offset` is the message after it.
static bool end_block(struct id_window *w, int64_t offset) {
    struct id_place *at = &w->at;
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
        if (!next_step(w, (struct id_window_start){offset, at->time_ms})) {
            return false;
        }
        at->group = at->now;
    }
    return true;
}

// *fresh: the message did not come before. False: memory is refused.
static inline bool see(struct id_window *w, int64_t offset, int64_t arrival_ms, bool *fresh) {
    struct id_place *at = &w->at;
    *fresh = offset > at->seen;
    if (!*fresh) {
        return true;
    }
    if (at->block_n == ID_BLOCK) {
        if (UNLIKELY(!end_block(w, offset))) {
            return false;
        }
    } else if (id_step_at(w, at->now)->n >= w->n_slots / ID_STEPS_OF_TABLE &&
               UNLIKELY(!next_step(w, id_step_at(w, at->now)->start))) {
        return false;
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
    // Most searches are over within four entries, which may reach into the next line of memory.
    const char *home = (const char *)&w->slots[id_home_of(w, d->identity.high)];
    __builtin_prefetch(home, 1);
    __builtin_prefetch(home + 3 * sizeof *w->slots, 1);
}

bool id_window_known(struct id_window *w, const struct order_digest *d, int64_t offset,
                     int64_t arrival_ms, enum known_as *out) {
    bool fresh;
    if (UNLIKELY(!see(w, offset, arrival_ms, &fresh))) {
        return false;
    }
    struct id_entry want = entry_of(d, w->at.now);
    w->asked = want;
    w->asked_slot = id_slot_of(w, want.key, want.rest);
    struct id_entry *e = &w->slots[w->asked_slot];
    int64_t step = e->rest != 0 ? id_step_of(w, e->rest) : -1;
    if (!is_alive(w, step)) {
        *out = KNOWN_NEW;
        return true;
    }
    if (((e->rest ^ want.rest) & ID_CONTENT_MASK) != 0) {
        *out = KNOWN_OTHER; // it is rejected, and leaves nothing
        return true;
    }
    if (fresh && step != w->at.now) {
        if (UNLIKELY(!note_change(w, e->key, e->rest, want.rest))) {
            return false;
        }
        id_step_at(w, step)->n--;
        id_step_at(w, w->at.now)->n++;
        e->rest = want.rest;
    }
    *out = KNOWN_SAME;
    return true;
}

// Where known has found that it would be, unless other entries have changed since.
static size_t slot_to_add(const struct id_window *w, const struct id_entry *want) {
    if (LIKELY(w->asked_slot < w->n_slots && id_same_identity(&w->asked, want->key, want->rest))) {
        const struct id_entry *e = &w->slots[w->asked_slot];
        if (LIKELY(e->rest == 0 || id_same_identity(e, want->key, want->rest))) {
            return w->asked_slot;
        }
    }
    return id_slot_of(w, want->key, want->rest);
}

bool id_window_add(struct id_window *w, const struct order_digest *d) {
    if (UNLIKELY(w->n_used >= w->room) && !id_table_make_room(w)) {
        return false;
    }
    struct id_entry want = entry_of(d, w->at.now);
    struct id_entry *e = &w->slots[slot_to_add(w, &want)];
    if (UNLIKELY(!note_change(w, want.key, e->rest, want.rest))) {
        return false;
    }
    if (e->rest == 0) {
        w->n_used++;
    } else if (id_step_of(w, e->rest) >= w->base) {
        id_step_at(w, id_step_of(w, e->rest))->n--; // dead, and perhaps not for an undo
    }
    id_step_at(w, w->at.now)->n++;
    *e = want;
    return true;
}

bool id_window_pass(struct id_window *w, int64_t offset, int64_t arrival_ms) {
    bool fresh;
    return see(w, offset, arrival_ms, &fresh);
}

bool id_window_remember(struct id_window *w, const struct order_digest *digest, int64_t offset,
                        int64_t arrival_ms) {
    if (offset <= w->at.seen) {
        return true;
    }
    enum known_as known = KNOWN_OTHER;
    bool ok = digest == NULL ? id_window_pass(w, offset, arrival_ms)
                             : id_window_known(w, digest, offset, arrival_ms, &known);
    ok = ok && (known != KNOWN_NEW || id_window_add(w, digest));
    if (ok) {
        id_window_keep(w);
    }
    return ok;
}

static void end_batch(struct id_window *w) {
    struct id_place *at = &w->at;
    while (at->first < at->waiting && id_step_at(w, at->first)->n == 0) { // all came again since
        at->first++;
    }
    w->marked = *at;
}

void id_window_mark(struct id_window *w) {
    end_batch(w);
    struct id_change *list = w->marked_changes; // empty: the one before was kept, or undone
    size_t cap = w->cap_marked;
    w->marked_changes = w->changes;
    w->n_marked = w->n_changes;
    w->cap_marked = w->cap_changes;
    w->changes = list;
    w->n_changes = 0;
    w->cap_changes = cap;
}

void id_window_keep_marked(struct id_window *w) {
    struct id_place *kept = &w->kept;
    *kept = w->marked;
    w->n_marked = 0;
    // The next batch may have had more forgotten; an undo goes back to the step of now.
    int64_t oldest = at_most(kept->first, kept->now), n_dead = oldest - w->base;
    if (n_dead > 32 && n_dead > w->at.now - oldest) {
        memmove(w->steps, id_step_at(w, oldest),
                (size_t)(w->at.now + 1 - oldest) * sizeof *w->steps);
        w->base = oldest;
    }
}

void id_window_keep(struct id_window *w) {
    end_batch(w);
    w->n_changes = 0;
    id_window_keep_marked(w);
}

// The last change first.
static void undo_changes(struct id_window *w, const struct id_change *changes, size_t *n) {
    while (*n > 0) {
        const struct id_change *c = &changes[--*n];
        size_t slot = id_slot_of(w, c->key, c->after);
        if (w->slots[slot].rest != c->after) { // the budget took it
            continue;
        }
        id_step_at(w, id_step_of(w, c->after))->n--;
        if (c->before != 0 && id_step_of(w, c->before) >= w->kept.first) {
            id_step_at(w, id_step_of(w, c->before))->n++;
            w->slots[slot].rest = c->before;
        } else {
            id_table_take_out(w, slot);
        }
    }
}

void id_window_undo(struct id_window *w) {
    undo_changes(w, w->changes, &w->n_changes);
    undo_changes(w, w->marked_changes, &w->n_marked);
    // Also of the steps that the batch began, some may have been forgotten.
    w->kept.first = at_most(w->kept.first, w->kept.now);
    w->swept = at_most(w->swept, w->kept.first);
    w->at = w->kept;
}

struct id_window_start id_window_start(const struct id_window *w) {
    return id_step_at(w, w->at.first)->start;
}

struct id_window_facts id_window_facts(const struct id_window *w) {
    int64_t held_ms = w->at.time_ms - id_step_at(w, w->at.first)->start.time_ms;
    return (struct id_window_facts){
        .n_ids = w->n_used,
        .bytes = w->n_slots * sizeof *w->slots,
        .covered_ms = w->evicted && held_ms < w->options.window_ms ? held_ms : w->options.window_ms,
    };
}
