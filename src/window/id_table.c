// SPDX-License-Identifier: MIT
// The window's table of entries: open addressing with linear probing, entries in the order of their
// digests, so that a larger table is filled front to back.
//
// At 5/8 full it grows, since a search for what is not there is three times as long at 7/8, and at
// 6/8 once a quarter of the budget is used: by a third, or faster while it is small beside what is
// left. When nothing is, it is filled to 7/8. What is dead is left behind when it is copied; when
// even 7/8 are used, so are the oldest steps.
//
// How it fails: a table that is refused leaves the one in use as it is.
#include "window/id_window_internal.h"

enum {
    FAST_PART = 16,        // of what a table could have: smaller ones are doubled, or more
    LEAVE_SLOTS = 1 << 19, // 8 MiB: some huge pages at a time
};

struct id_entry *id_table_take(const struct id_window *w, size_t n_slots) {
    const struct id_table_memory *m = w->options.table;
    struct id_entry *slots = m != NULL ? m->take(m->user, n_slots * sizeof *slots)
                                       : heap_map(w->options.heap, n_slots, sizeof *slots);
    if (slots != NULL) {
        w->options.budget->used_bytes += n_slots * sizeof *slots;
    }
    return slots;
}

void id_table_give(const struct id_window *w, struct id_entry *slots, size_t n_slots) {
    const struct id_table_memory *m = w->options.table;
    w->options.budget->used_bytes -= n_slots * sizeof *slots;
    if (m != NULL) {
        m->give(m->user, slots, n_slots * sizeof *slots);
    } else {
        heap_unmap(w->options.heap, slots, n_slots, sizeof *slots);
    }
}

// Of a table that is copied the front goes as it is done, else both would be there at once.
static void leave_front(const struct id_window *w, struct id_entry *old, size_t n_old, size_t n) {
    if (n % LEAVE_SLOTS == 0 && w->options.table == NULL) {
        heap_unmap_front(w->options.heap, old, n_old, sizeof *old, n);
    }
}

bool id_table_rebuild(struct id_window *w, size_t n_slots) {
    struct id_entry *old = w->slots, *fresh = id_table_take(w, n_slots);
    size_t n_old = w->n_slots;
    if (fresh == NULL) {
        return false;
    }
    w->slots = fresh;
    w->n_slots = w->asked_slot = n_slots;
    w->n_used = 0;
    w->room = id_table_room(w);
    for (int64_t i = w->base; i <= w->at.now; i++) {
        id_step_at(w, i)->n = 0;
    }
    for (size_t i = 0; i < n_old; i++) {
        leave_front(w, old, n_old, i);
        int64_t step = old[i].rest != 0 ? id_step_of(w, old[i].rest) : -1;
        if (step >= w->kept.first) {
            w->slots[id_slot_of(w, old[i].key, old[i].rest)] = old[i];
            w->n_used++;
            id_step_at(w, step)->n++;
        }
    }
    id_table_give(w, old, n_old);
    w->swept = w->kept.first;
    return true;
}

void id_table_evict_before(struct id_window *w, int64_t step) {
    w->evicted = w->evicted || step > w->at.first;
    w->kept.first = step > w->kept.first ? step : w->kept.first;
    w->marked.first = step > w->marked.first ? step : w->marked.first;
    w->at.first = step > w->at.first ? step : w->at.first;
}

// How large the next table is. While it is a small part of what it could have it grows fast: the
// log that is read for the first time would pass many sizes, and be zeroed and copied in each. What
// the tables of other partitions have is no longer there for this one.
static size_t grown_slots(const struct id_window *w) {
    const struct id_budget *budget = w->options.budget;
    size_t own_bytes = w->n_slots * sizeof *w->slots;
    size_t left_bytes =
        budget->max_bytes > budget->used_bytes ? budget->max_bytes - budget->used_bytes : 0;
    size_t part = left_bytes / own_bytes + 1; // its own goes when the next one is there
    return part >= FAST_PART * 4   ? w->n_slots * 8
           : part >= FAST_PART * 2 ? w->n_slots * 4
           : part >= FAST_PART     ? w->n_slots * 2
                                   : w->n_slots + w->n_slots / 3;
}

static bool grow(struct id_window *w, bool *refused) {
    const struct id_budget *budget = w->options.budget;
    size_t grown = grown_slots(w);
    size_t more_bytes = (grown - w->n_slots) * sizeof *w->slots;
    *refused = budget->used_bytes > budget->max_bytes ||
               more_bytes > budget->max_bytes - budget->used_bytes;
    return !*refused && id_table_rebuild(w, grown);
}

bool id_table_make_room(struct id_window *w) {
    size_t n_live = 0;
    bool refused;
    for (int64_t i = w->kept.first; i <= w->at.now; i++) {
        n_live += id_step_at(w, i)->n;
    }
    if (n_live <= w->n_slots / 2) { // many of them are dead
        return id_table_rebuild(w, w->n_slots);
    }
    if (w->room < id_table_room(w)) { // others have used more of the budget since
        w->room = id_table_room(w);
        return true;
    }
    if (grow(w, &refused)) {
        return true;
    }
    if (w->n_used < id_table_most(w->n_slots)) { // searches take longer from here on
        w->room = id_table_most(w->n_slots);
        return true;
    }
    if (!refused) { // no memory for more, of which there would be some left to use
        return false;
    }
    size_t enough = w->n_slots / 4 * 3;
    int64_t step = w->kept.first;
    while (step < w->at.now && n_live > enough) {
        n_live -= id_step_at(w, step++)->n;
    }
    id_table_evict_before(w, step);
    return id_table_rebuild(w, w->n_slots);
}

// Those behind it move up so that no search ends too soon.
void id_table_take_out(struct id_window *w, size_t hole) {
    w->slots[hole].rest = 0;
    w->n_used--;
    w->asked_slot = w->n_slots;
    for (size_t at = id_slot_after(w, hole); w->slots[at].rest != 0; at = id_slot_after(w, at)) {
        size_t home = id_home_of(w, w->slots[at].key);
        // Cyclic: the entry may fill the hole unless its home lies behind the hole, up to itself.
        bool stays = hole < at ? home > hole && home <= at : home > hole || home <= at;
        if (!stays) {
            w->slots[hole] = w->slots[at];
            w->slots[at].rest = 0;
            hole = at;
        }
    }
}
