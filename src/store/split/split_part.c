// SPDX-License-Identifier: MIT
// The partition's states: each function here is one event and makes the moves that it means. The
// batch's events of a part are never dropped without the batch: what was judged is counted, or the
// whole batch fails.
#include "store/split/split_part.h"

#include <stdlib.h>

static bool part_holds(const void *owner, uint8_t now) {
    const struct split_part *p = owner;
    bool window = p->window != NULL, moved = split_part_in_batch(p);
    switch ((enum split_part_state)now) {
    case SPLIT_PART_FREE:
        return !window && !moved;
    case SPLIT_PART_HELD:
    case SPLIT_PART_LOST:
        return window && !moved;
    case SPLIT_PART_MOVED:
    case SPLIT_PART_RELEASED:
    case SPLIT_PART_DOOMED:
        return window && moved;
    case SPLIT_PART_STATES:
        break;
    }
    return false;
}

#define BIT(name) STATE_BIT(SPLIT_PART_##name)
static const struct state_row part_rows[SPLIT_PART_STATES] = {
    [SPLIT_PART_FREE] = {"free", BIT(HELD)},
    [SPLIT_PART_HELD] = {"held", BIT(HELD) | BIT(MOVED) | BIT(LOST) | BIT(FREE)},
    [SPLIT_PART_MOVED] = {"moved",
                          BIT(MOVED) | BIT(HELD) | BIT(RELEASED) | BIT(DOOMED) | BIT(LOST)},
    [SPLIT_PART_RELEASED] = {"released", BIT(MOVED) | BIT(DOOMED) | BIT(FREE)},
    [SPLIT_PART_DOOMED] = {"doomed", BIT(DOOMED) | BIT(MOVED) | BIT(RELEASED) | BIT(LOST)},
    [SPLIT_PART_LOST] = {"lost", BIT(HELD) | BIT(FREE)},
};
const struct state_table split_part_table = {"split partition", part_rows, SPLIT_PART_STATES,
                                             part_holds};

static void move(struct split_part *p, enum split_part_state to) {
    state_move(&split_part_table, &p->state, (uint8_t)to, p);
}

static void drop_window(struct split_part *p) {
    id_window_free(p->window);
    free(p->refused.at);
    p->window = NULL;
    p->refused = (struct split_refused){0};
}

static void to_free(struct split_part *p) {
    drop_window(p);
    p->moved_to = p->sent_to = NOT_MOVED;
    move(p, SPLIT_PART_FREE);
}

void split_part_free(struct split_part *p) {
    drop_window(p);
    *p = SPLIT_PART_NEW;
}

struct id_window_start split_part_history(const struct position_claim *claim, size_t window_bytes) {
    if (claim->next_offset < 0 || claim->window.offset >= 0) {
        return claim->next_offset < 0 ? (struct id_window_start){0, 0} : claim->window;
    }
    int64_t most = (int64_t)(window_bytes / ID_WINDOW_ENTRY_BYTES);
    return (struct id_window_start){claim->next_offset > most ? claim->next_offset - most : 0, 0};
}

void split_part_claimed(struct split_part *p, struct position_claim *claim,
                        struct id_window *window) {
    if (!split_part_in_batch(p)) {
        drop_window(p);
        p->window = window;
        p->refused = (struct split_refused){claim->refused, claim->n_refused, 0};
        p->lane = claim->lane;
        p->committed = claim->next_offset;
        p->epoch_us = claim->epoch_us;
        move(p, SPLIT_PART_HELD);
        return;
    }
    id_window_free(window);
    free(claim->refused);
    if (claim->next_offset != p->committed || claim->lane != p->lane) {
        move(p, SPLIT_PART_DOOMED);
    } else { // given up and back within one batch, which goes on counting
        p->epoch_us = claim->epoch_us;
        move(p, SPLIT_PART_MOVED);
    }
}

void split_part_advanced(struct split_part *p, int64_t next_offset) {
    p->moved_to = next_offset;
    move(p, SPLIT_PART_MOVED);
}

void split_part_released(struct split_part *p) {
    switch ((enum split_part_state)p->state.now) {
    case SPLIT_PART_MOVED:
    case SPLIT_PART_DOOMED: // its events stay in the batch: with the epoch from before, it is
                            // fenced
        move(p, SPLIT_PART_RELEASED);
        return;
    case SPLIT_PART_HELD:
    case SPLIT_PART_LOST:
        to_free(p);
        return;
    case SPLIT_PART_FREE:
    case SPLIT_PART_RELEASED:
    case SPLIT_PART_STATES:
        return; // it is not here
    }
}

void split_part_held(const struct split_part *p, struct log_claim *out) {
    bool moved = split_part_is(p, SPLIT_PART_MOVED);
    bool ours = moved || split_part_is(p, SPLIT_PART_HELD);
    int64_t judged = p->moved_to != NOT_MOVED ? p->moved_to : p->sent_to;
    *out = (struct log_claim){.next_offset = !ours   ? -1
                                             : moved ? judged
                                                     : p->committed,
                              .counted_offset = ours ? p->committed : -1,
                              .lost = !ours,
                              .lane = p->lane};
}

void split_part_sent(struct split_part *p) {
    if (p->moved_to == NOT_MOVED) {
        return;
    }
    id_window_mark(p->window);
    p->sent_to = p->moved_to;
    p->moved_to = NOT_MOVED;
}

void split_part_committed(struct split_part *p) {
    if (p->sent_to == NOT_MOVED) {
        return;
    }
    id_window_keep_marked(p->window);
    p->committed = p->sent_to;
    p->sent_to = NOT_MOVED;
    if (split_part_in_batch(p)) {
        return; // the next one goes on
    }
    if (split_part_is(p, SPLIT_PART_RELEASED)) {
        to_free(p);
    } else {
        move(p, SPLIT_PART_HELD);
    }
}

void split_part_undone(struct split_part *p) {
    if (p->window != NULL) { // also of a slice that was not judged to its end
        id_window_undo(p->window);
    }
    p->moved_to = p->sent_to = NOT_MOVED;
    switch ((enum split_part_state)p->state.now) {
    case SPLIT_PART_MOVED:
        move(p, SPLIT_PART_HELD);
        return;
    case SPLIT_PART_RELEASED:
        to_free(p);
        return;
    case SPLIT_PART_DOOMED:
        move(p, SPLIT_PART_LOST);
        return;
    case SPLIT_PART_FREE:
    case SPLIT_PART_HELD:
    case SPLIT_PART_LOST:
    case SPLIT_PART_STATES:
        return;
    }
}

void split_part_doubted(struct split_part *p) {
    if (p->sent_to == NOT_MOVED) {
        split_part_undone(p);
    } else { // its identities are those of both batches until the store tells
        p->moved_to = NOT_MOVED;
    }
}

enum split_again split_part_again(struct split_part *p, const struct position_claim *claim,
                                  bool lost) {
    bool committed = p->sent_to != NOT_MOVED && claim->next_offset == p->sent_to;
    free(claim->refused); // the window has them
    enum split_again again = lost                                 ? SPLIT_TAKEN_OVER
                             : committed                          ? SPLIT_DOUBT_COMMITTED
                             : claim->next_offset == p->committed ? SPLIT_STILL_OURS
                                                                  : SPLIT_TAKEN_OVER;
    if (again == SPLIT_DOUBT_COMMITTED) {
        id_window_keep_marked(p->window);
    }
    id_window_undo(p->window); // also of a next batch
    p->moved_to = p->sent_to = NOT_MOVED;
    p->committed = claim->next_offset;
    p->epoch_us = claim->epoch_us;
    move(p, again == SPLIT_TAKEN_OVER ? SPLIT_PART_LOST : SPLIT_PART_HELD);
    return again;
}

void split_part_not_asked(struct split_part *p) {
    if (split_part_in_batch(p)) { // RELEASED and DOOMED: gone, whatever became of the batch
        split_part_undone(p);
    }
}
