// SPDX-License-Identifier: MIT
// The window as bytes, without its table:
//
//   head (struct saved_head) | steps, from number `base` | XXH3 of all before, 64 bits
//
// and apart from them the changes of the batch in work, struct id_change each, which only an undo
// needs. All in the machine's byte order: they go with a table that lies on this machine.
//
// Load: the lengths and the sum are right; numbers are such as the window's own rules leave them,
// so that none can lead out of an array or overflow; the entries in the table are of steps that it
// tells, as many of each as it tells, and leave free slots, so that every search ends. Only then is
// there a window. Of a table that is known to be as it was left all of that was true then.
//
// How it fails: whatever does not fit is OTHER, and the table stays the caller's.
#include "base/hash.h"
#include "window/id_window_internal.h"

#include <string.h>

static const char saved_magic[8] = "ID-WIN 2"; // the last is the version of this form

// 8 bytes each, so that there is nothing in between.
struct saved_head {
    char magic[8];
    int64_t window_ms;
    uint64_t max_bytes;
    uint64_t n_slots, n_used, n_steps, n_changes;
    int64_t base, swept, evicted;
    struct id_place at, kept;
};
_Static_assert(sizeof(struct saved_head) == 32 * 8, "no padding");
_Static_assert(sizeof(struct id_step) == 4 * 8, "no padding");
_Static_assert(sizeof(struct id_change) == 3 * 8, "no padding");
#define NUMBERS_BELOW (INT64_C(1) << 62)

void id_window_save(const struct id_window *w, struct buf *out) {
    struct saved_head head = {
        .window_ms = w->options.window_ms,
        .max_bytes = w->options.budget->max_bytes,
        .n_slots = w->n_slots,
        .n_used = w->n_used,
        .n_steps = (uint64_t)(w->at.now - w->base + 1),
        .n_changes = w->n_changes,
        .base = w->base,
        .swept = w->swept,
        .evicted = w->evicted,
        .at = w->at,
        .kept = w->kept,
    };
    memcpy(head.magic, saved_magic, sizeof head.magic);
    size_t steps_bytes = head.n_steps * sizeof *w->steps, from = out->len;
    if (!buf_reserve(out, sizeof head + steps_bytes + sizeof(uint64_t))) {
        return;
    }
    buf_put(out, &head, sizeof head);
    buf_put(out, w->steps, steps_bytes);
    uint64_t sum = hash_bytes(out->at + from, out->len - from, 0);
    buf_put(out, &sum, sizeof sum);
}

struct text id_window_changes(const struct id_window *w) {
    size_t n_bytes = w->n_changes * sizeof *w->changes;
    return n_bytes == 0 ? TEXT_LIT("") : (struct text){(const char *)w->changes, n_bytes};
}

static bool between(int64_t low, int64_t number, int64_t high) {
    return low <= number && number <= high;
}

static bool place_fits(const struct id_place *p) {
    return p->seen >= -1 && p->time_ms >= 0 && between(0, p->block_n, ID_BLOCK) &&
           between(0, p->group_n, NUMBERS_BELOW) && p->group_max_ms >= 0 &&
           p->waiting_max_ms >= 0 && p->first >= 0 && between(0, p->waiting, p->group) &&
           between(p->group, p->now, NUMBERS_BELOW);
}

static bool numbers_fit(const struct saved_head *h) {
    const struct id_place *at = &h->at, *kept = &h->kept;
    return place_fits(at) && place_fits(kept) && between(0, h->base, kept->first) &&
           between(kept->first, at->first, at->now) && between(h->base, kept->now, at->now) &&
           kept->seen <= at->seen && between(0, h->swept, kept->first) &&
           at->now - h->swept <= ID_MARKS_SWEEP && at->now - kept->first <= ID_STEPS_LIVE &&
           between(0, h->evicted, 1) && h->n_steps == (uint64_t)(at->now - h->base + 1);
}

// Of this form and length, whole, of these options and a table of this size.
static bool open_saved(const struct id_window_options *o, const struct id_window_saved *from,
                       struct saved_head *h) {
    uint64_t sum;
    const struct text saved = from->saved;
    if (saved.len < sizeof *h + sizeof sum) {
        return false;
    }
    size_t len = saved.len - sizeof sum, steps_bytes = len - sizeof *h;
    memcpy(h, saved.at, sizeof *h);
    memcpy(&sum, saved.at + len, sizeof sum);
    return memcmp(h->magic, saved_magic, sizeof h->magic) == 0 &&
           h->n_steps == steps_bytes / sizeof(struct id_step) &&
           steps_bytes % sizeof(struct id_step) == 0 && hash_bytes(saved.at, len, 0) == sum &&
           (from->changes.at == NULL ||
            (h->n_changes == from->changes.len / sizeof(struct id_change) &&
             from->changes.len % sizeof(struct id_change) == 0)) &&
           h->window_ms == o->window_ms && h->max_bytes == o->budget->max_bytes &&
           h->n_slots >= ID_SLOTS_SMALLEST && h->n_slots <= SIZE_MAX / sizeof(struct id_entry) &&
           h->n_slots * sizeof(struct id_entry) == from->table_bytes &&
           h->n_used <= id_table_most(h->n_slots) && numbers_fit(h);
}

static bool copy_lists(struct id_window *w, const struct saved_head *h,
                       const struct id_window_saved *from) {
    const struct mem_heap *heap = w->options.heap;
    size_t steps_bytes = h->n_steps * sizeof *w->steps;
    w->steps = heap_alloc(heap, steps_bytes);
    if (w->steps == NULL) {
        return false;
    }
    memcpy(w->steps, from->saved.at + sizeof *h, steps_bytes);
    w->cap_steps = h->n_steps;
    if (from->changes.len == 0) {
        return true;
    }
    w->changes = heap_alloc(heap, from->changes.len);
    if (w->changes == NULL) {
        return false;
    }
    memcpy(w->changes, from->changes.at, from->changes.len);
    w->n_changes = w->cap_changes = h->n_changes;
    return true;
}

static bool steps_fit(const struct id_window *w) {
    for (int64_t i = w->base; i <= w->at.now; i++) {
        const struct id_step *s = id_step_at(w, i);
        if (s->start.offset < 0 || s->start.time_ms < 0 || s->young_ms < 0 ||
            s->n > w->n_slots / 4 * 3) { // more could not be forgotten for want of room
            return false;
        }
    }
    return true;
}

static bool changes_fit(const struct id_window *w) {
    for (size_t i = 0; i < w->n_changes; i++) {
        const struct id_change *c = &w->changes[i];
        bool noted = (c->after & ID_STEP_MASK) != 0 && id_step_of(w, c->after) >= w->base;
        bool same =
            (c->before & ID_STEP_MASK) != 0 && ((c->before ^ c->after) & ID_IDENTITY_MASK) == 0;
        if (!noted || (c->before != 0 && !same)) {
            return false;
        }
    }
    return true;
}

// Counts the entries by step anew: they must be those that were saved. Reads the whole table, so
// what does not change is at hand: the step of a mark as id_step_of has it.
static bool table_fits(struct id_window *w, const char *saved_steps) {
    const struct id_entry *slots = w->slots;
    struct id_step *steps = w->steps;
    const size_t n_slots = w->n_slots;
    const int64_t now = w->at.now, base = w->base, swept = w->swept;
    const int64_t mark_now = (int64_t)id_mark_of(now);
    size_t n_used = 0;
    for (int64_t i = base; i <= now; i++) {
        steps[i - base].n = 0;
    }
    for (size_t i = 0; i < n_slots; i++) {
        if (slots[i].rest == 0) {
            continue;
        }
        int64_t mark = (int64_t)(slots[i].rest & ID_STEP_MASK);
        int64_t step = now - (mark > mark_now ? mark_now - mark + ID_MARKS : mark_now - mark);
        if (mark == 0 || step < swept) {
            return false;
        }
        n_used++;
        if (step >= base) {
            steps[step - base].n++;
        }
    }
    return n_used == w->n_used &&
           memcmp(steps, saved_steps, (size_t)(now - base + 1) * sizeof *steps) == 0;
}

enum id_window_loaded id_window_load(const struct id_window_options *options,
                                     const struct id_window_saved *from, struct id_window **out) {
    struct saved_head head;
    *out = NULL;
    if (!open_saved(options, from, &head)) {
        return ID_WINDOW_OTHER;
    }
    struct id_window *w = id_window_bare(options);
    if (w == NULL || !copy_lists(w, &head, from)) {
        id_window_free(w);
        return ID_WINDOW_NO_MEMORY;
    }
    w->n_slots = w->asked_slot = head.n_slots;
    w->n_used = head.n_used;
    w->base = head.base;
    w->swept = head.swept;
    w->evicted = head.evicted != 0;
    w->at = head.at;
    w->kept = head.kept;
    w->slots = from->table;
    if (!steps_fit(w) || !changes_fit(w) ||
        (!from->as_left && !table_fits(w, from->saved.at + sizeof head))) {
        w->slots = NULL; // it stays the caller's
        id_window_free(w);
        return ID_WINDOW_OTHER;
    }
    options->budget->used_bytes += from->table_bytes;
    w->room = id_table_room(w);
    if (from->changes.at == NULL) {
        id_window_keep(w);
    }
    *out = w;
    return ID_WINDOW_LOADED;
}
