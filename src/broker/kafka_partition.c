// SPDX-License-Identifier: MIT
// The partition's states: each function here is one event and makes the move that it means.
#include "broker/kafka_partition.h"

static bool partition_holds(const void *owner, uint8_t now) {
    const struct log_partition *p = owner;
    bool timed = p->again_at_ns != 0;
    switch ((enum partition_state)now) {
    case PARTITION_NONE:
        return !timed;
    case PARTITION_WAITING: // nothing of it is wanted
        return !timed && p->expected == INT64_MAX;
    case PARTITION_ACTIVE:
        return !timed && p->begin >= 0 && p->history_from <= p->history_until &&
               p->history_from <= p->expected && p->expected != INT64_MAX;
    case PARTITION_LOST:
        return timed;
    case PARTITION_STATES:
        break;
    }
    return false;
}

#define BIT(name) STATE_BIT(PARTITION_##name)
static const struct state_row partition_rows[PARTITION_STATES] = {
    [PARTITION_NONE] = {"none", BIT(WAITING)},
    [PARTITION_WAITING] = {"waiting", BIT(ACTIVE) | BIT(NONE)},
    [PARTITION_ACTIVE] = {"active", BIT(WAITING) | BIT(LOST) | BIT(NONE)},
    [PARTITION_LOST] = {"lost", BIT(WAITING) | BIT(NONE)},
};
const struct state_table kafka_partition_table = {"kafka partition", partition_rows,
                                                  PARTITION_STATES, partition_holds};

static void partition_move(struct log_partition *p, enum partition_state to) {
    p->again_at_ns = to == PARTITION_LOST ? p->again_at_ns : 0;
    p->expected = to == PARTITION_WAITING ? INT64_MAX : p->expected;
    if (!partition_is(p, to)) {
        state_move(&kafka_partition_table, &p->state, (uint8_t)to, p);
    }
}

void kafka_partition_given(struct log_partition *p) {
    *p = (struct log_partition){.state = p->state};
    partition_move(p, PARTITION_WAITING);
}

void kafka_partition_taken_over(struct log_partition *p) {
    partition_move(p, PARTITION_ACTIVE);
}

void kafka_partition_place_lost(struct log_partition *p) {
    if (partition_is(p, PARTITION_ACTIVE)) {
        partition_move(p, PARTITION_WAITING);
    }
}

void kafka_partition_rewind(struct log_partition *p, const struct log_claim *held,
                            int64_t again_at_ns) {
    if (!partition_is(p, PARTITION_ACTIVE)) {
        return;
    }
    if (held->lost) {
        p->again_at_ns = again_at_ns;
        partition_move(p, PARTITION_LOST);
        return;
    }
    // A new partition begins where the log did, as does one whose gap was skipped.
    int64_t next = held->next_offset > p->begin ? held->next_offset : p->begin;
    // What was taken for history when the partition came back within a batch is none any more when
    // that batch has failed.
    p->history_until = next < p->history_until ? next : p->history_until;
    // Identities read back so far are still known: history goes on at the first that is not.
    if (p->expected > p->history_until || next > p->history_until) {
        p->expected = p->history_until = p->history_from = next;
    }
}

bool kafka_partition_again(struct log_partition *p, int64_t now_ns) {
    if (!partition_is(p, PARTITION_LOST) || now_ns < p->again_at_ns) {
        return false;
    }
    partition_move(p, PARTITION_WAITING);
    return true;
}

void kafka_partition_taken_away(struct log_partition *p) {
    partition_move(p, PARTITION_NONE);
}
