// SPDX-License-Identifier: MIT
// What a batch of the embedded store gathers before it is written. Adjustments are found by the
// slot of their order, of which there are few: a chain each.
//
// How it fails: memory that is refused is the batch's failure.
#include "store/sqlite/sqlite_batch.h"

#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

void sqlite_batch_init(struct sqlite_batch *b) {
    *b = (struct sqlite_batch){0};
    sqlite_gross_init(&b->gross);
}

void sqlite_batch_free(struct sqlite_batch *b) {
    pending_free(&b->orders);
    arena_free(&b->texts);
    id_map_free(&b->by_order);
    sqlite_gross_free(&b->gross);
    free(b->adjustments);
    free(b->rejected);
    free(b->doubts);
    free(b->displaced);
}

void sqlite_batch_clear(struct sqlite_batch *b, int64_t first_order, int64_t first_adjustment) {
    pending_clear(&b->orders);
    arena_reset(&b->texts);
    if (b->n_adjustments > 0) {
        id_map_free(&b->by_order);
    }
    sqlite_gross_clear(&b->gross);
    b->n_adjustments = b->n_rejected = b->n_doubts = b->n_displaced = 0;
    b->first_order = first_order;
    b->first_adjustment = first_adjustment;
    b->begun = false;
}

// --- Adding

// A list of this capacity or more, twice as long where it has to grow; NULL when memory is refused.
static void *with_room(void *list, size_t n, size_t *cap, size_t size_bytes) {
    if (n < *cap) {
        return list;
    }
    size_t more = *cap == 0 ? 64 : *cap * 2;
    void *grown = try_realloc(list, more * size_bytes);
    *cap = grown != NULL ? more : *cap;
    return grown;
}

// Behind the first one of its slot, so that the map stays as it is.
static bool link_adjustment(struct sqlite_batch *b, uint32_t index) {
    struct pending_adjustment *a = &b->adjustments[index];
    int64_t slot = order_index_slot(a->row.order.order_id), first = id_map_find(&b->by_order, slot);
    if (first == 0) {
        return id_map_add(&b->by_order, slot, (int64_t)index + 1);
    }
    a->next = b->adjustments[first - 1].next;
    b->adjustments[first - 1].next = index + 1;
    return true;
}

bool sqlite_batch_add_adjustment(struct sqlite_batch *b, const struct order *o,
                                 const struct cube_dim *group, int64_t arrival_ms) {
    struct pending_adjustment *list =
        with_room(b->adjustments, b->n_adjustments, &b->cap_adjustments, sizeof *list);
    if (list == NULL) {
        return false;
    }
    b->adjustments = list;
    struct pending_adjustment *a = &list[b->n_adjustments];
    a->next = 0;
    if (!pending_copy(&a->row, &b->texts, o, group, arrival_ms) ||
        !link_adjustment(b, (uint32_t)b->n_adjustments)) {
        return false;
    }
    b->n_adjustments++;
    return true;
}

bool sqlite_batch_add_rejected(struct sqlite_batch *b, const struct event *e) {
    struct sqlite_rejected *list =
        with_room(b->rejected, b->n_rejected, &b->cap_rejected, sizeof *list);
    if (list == NULL) {
        return false;
    }
    b->rejected = list;
    struct sqlite_rejected *r = &list[b->n_rejected];
    struct text raw = e->raw.at != NULL ? e->raw : TEXT_LIT("");
    *r = (struct sqlite_rejected){
        .arrival_ms = e->at.arrival_ms, .code = text_of(e->why->code), .raw_bytes = raw.len};
    raw.len = raw.len < ORDER_REJECTED_TEXT_MAX_BYTES ? raw.len : ORDER_REJECTED_TEXT_MAX_BYTES;
    if (!arena_try_copy(&b->texts, text_of(e->why->field), &r->field) ||
        !arena_try_copy(&b->texts, text_of(e->why->message), &r->message) ||
        !arena_try_copy(&b->texts, raw, &r->raw)) {
        return false;
    }
    b->n_rejected++;
    return true;
}

bool sqlite_batch_add_doubt(struct sqlite_batch *b, int kind, struct ident order_id) {
    struct pending_doubt *list = with_room(b->doubts, b->n_doubts, &b->cap_doubts, sizeof *list);
    if (list == NULL) {
        return false;
    }
    b->doubts = list;
    list[b->n_doubts] = (struct pending_doubt){kind, order_id};
    if (order_id.text.at != NULL &&
        !arena_try_copy(&b->texts, order_id.text, &list[b->n_doubts].order_id.text)) {
        return false;
    }
    b->n_doubts++;
    return true;
}

bool sqlite_batch_note_slot(struct sqlite_batch *b, struct ident order_id, int64_t slot,
                            int64_t position) {
    if (LIKELY(slot == order_index_slot(order_id))) {
        return true;
    }
    struct id_entry *list =
        with_room(b->displaced, b->n_displaced, &b->cap_displaced, sizeof *list);
    if (list == NULL) {
        return false;
    }
    b->displaced = list;
    list[b->n_displaced++] = (struct id_entry){slot, position};
    return true;
}

// --- Looking up

static struct stored_event stored(const struct pending_order *row, int64_t position) {
    return (struct stored_event){row->order, row->arrival_ms, position};
}

bool sqlite_batch_order(const struct sqlite_batch *b, int64_t position, struct stored_event *out) {
    if (position < b->first_order || position - b->first_order >= (int64_t)b->orders.n) {
        return false;
    }
    *out = stored(&b->orders.at[position - b->first_order], position);
    return true;
}

// Index + 1 of the first adjustment in the order's chain.
static size_t chain_of(const struct sqlite_batch *b, struct ident order_id) {
    return b->n_adjustments == 0 ? 0
                                 : (size_t)id_map_find(&b->by_order, order_index_slot(order_id));
}

bool sqlite_batch_adjustment(const struct sqlite_batch *b, const struct order *o,
                             struct stored_event *out) {
    for (size_t i = chain_of(b, o->order_id); i != 0; i = b->adjustments[i - 1].next) {
        const struct pending_order *row = &b->adjustments[i - 1].row;
        if (row->order.kind == o->kind && ident_equal(row->order.order_id, o->order_id) &&
            text_equal(row->order.event_id, o->event_id)) {
            *out = stored(row, b->first_adjustment + (int64_t)i - 1);
            return true;
        }
    }
    return false;
}

int64_t sqlite_batch_taken(const struct sqlite_batch *b, const struct order *o) {
    int64_t taken_e4 = 0; // the guard of gross sums keeps it within 64 bits
    for (size_t i = chain_of(b, o->order_id); i != 0; i = b->adjustments[i - 1].next) {
        const struct order *other = &b->adjustments[i - 1].row.order;
        if (ident_equal(other->order_id, o->order_id) &&
            memcmp(other->currency, o->currency, sizeof o->currency) == 0) {
            taken_e4 += other->total_e4;
        }
    }
    return taken_e4;
}
