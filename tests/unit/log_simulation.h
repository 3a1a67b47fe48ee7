// SPDX-License-Identifier: MIT
// Exactly once, by simulation: two engines share a topic; partitions move between them, sometimes
// without the old owner being told (a zombie); commits fail, break in doubt, are fenced; members
// are killed and started again. Whatever happens, the sums are those of the log.
#pragma once
#include "engine/zone_file.h"
#include "log_world.h"

static void fill_log(struct world *w, int n_messages) {
    int64_t next_id = 0;
    for (int i = 0; i < n_messages; i++) {
        uint64_t kind = roll(w, 100);
        struct message m = {.arrival_ms = w->now_ms + i};
        m.broken = kind < 3;
        m.tombstone = kind >= 3 && kind < 5;
        bool again = kind >= 5 && kind < 20 && next_id > 0;
        bool conflict = kind >= 20 && kind < 23 && next_id > 0;
        bool refund = kind >= 23 && kind < 33 && next_id > 0;
        int64_t id = again || conflict || refund ? (int64_t)roll(w, (uint64_t)next_id) : next_id++;
        static const char *const sources[] = {"ADS", "MAIL", "WEB"};
        m.order = (struct order){
            .order_id = {id, TEXT_NONE},
            .customer_id = IDENT_NONE,
            .product_id = {id % 7, TEXT_NONE},
            .source = text_of(sources[id % 3]),
            .state = TEXT_LIT("CA"),
            .currency = "USD",
            .created_ms = w->now_ms,
            .quantity = 1 + id % 3,
            .total_e4 = (id * 7919 % 100000 + 1) * 100 + (conflict ? 1 : 0),
        };
        if (refund) {
            static const char *const names[] = {"r0", "r1", "r2"};
            m.order.kind = ORDER_REFUNDED;
            m.order.event_id = text_of(names[roll(w, 3)]);
            m.order.total_e4 = 100;
            m.order.quantity = 0;
            m.order.source = m.order.state = TEXT_NONE;
        }
        m.order.subtotal_e4 = m.order.total_e4;
        int p = (int)(id % PARTITIONS); // keyed
        assert_true(w->log_end[p] < LOG_MAX);
        w->log[p][w->log_end[p]++] = m;
    }
    assert_true(next_id < ORDERS_MAX);
}

// The sums by a plain reading of the log: no window, no batches.
struct expected {
    int64_t orders, units, total_e4, accepted, duplicate, rejected, skipped;
};

static bool seen_before(const struct world *w, int p, int64_t at, const struct message *m,
                        const struct message **first) {
    for (int64_t i = 0; i < at; i++) {
        const struct message *e = &w->log[p][i];
        if (!e->broken && !e->tombstone && e->order.kind == m->order.kind &&
            ident_equal(e->order.order_id, m->order.order_id) &&
            text_equal(e->order.event_id, m->order.event_id)) {
            *first = e;
            return true;
        }
    }
    return false;
}

static struct expected read_log(const struct world *w) {
    struct expected x = {0};
    for (int p = 0; p < PARTITIONS; p++) {
        for (int64_t i = 0; i < w->log_end[p]; i++) {
            const struct message *m = &w->log[p][i], *first = NULL;
            if (m->tombstone) {
                x.skipped++;
            } else if (m->broken) {
                x.rejected++;
            } else if (seen_before(w, p, i, m, &first)) {
                bool same = order_same_content(&m->order, &first->order);
                x.duplicate += same;
                x.rejected += !same;
            } else {
                int sign = m->order.kind == ORDER_PLACED ? 1 : -1;
                x.accepted++;
                x.orders += m->order.kind == ORDER_PLACED;
                x.units += sign * m->order.quantity;
                x.total_e4 += sign * m->order.total_e4;
            }
        }
    }
    return x;
}

static bool is_drained(const struct world *w) {
    for (int p = 0; p < PARTITIONS; p++) {
        if (w->next_offset[p] != w->log_end[p]) {
            return false;
        }
    }
    return true;
}

// The group moves a partition. Now and then the old owner hears of it only later.
static void move_partition(struct world *w, struct member *members, bool *zombie) {
    int p = (int)roll(w, PARTITIONS), to = (int)roll(w, MEMBERS);
    int from = w->owner[p];
    if (from == to && members[to].has[p] && !members[to].lost[p]) {
        return;
    }
    if (from >= 0 && from != to) {
        if (roll(w, 3) == 0) {
            zombie[p] = true;
        } else {
            member_revoke(&members[from], p);
        }
    } else if (from == to) {
        member_revoke(&members[to], p);
    }
    if (members[to].has[p]) { // it was a zombie itself
        member_revoke(&members[to], p);
        zombie[p] = false;
    }
    w->owner[p] = member_assign(&members[to], p) ? to : -1;
}

// Within a take, perhaps in the middle of a batch: a partition is given up and comes back, now and
// then after another member has counted on meanwhile.
static void bounce_partition(struct world *w, void *member) {
    struct member *m = member, *other = &m->all[(m->number + 1) % MEMBERS];
    int p = (int)roll(w, PARTITIONS);
    if (!m->has[p] || m->lost[p] || w->owner[p] != m->number) {
        return;
    }
    member_revoke(m, p);
    w->owner[p] = -1;
    if (roll(w, 2) == 0 && !other->has[p] && member_assign(other, p)) {
        for (int i = 0; i < 3; i++) {
            (void)engine_step(other->engine, 0);
        }
        member_revoke(other, p);
    }
    w->owner[p] = member_assign(m, p) ? m->number : -1;
    if (w->owner[p] < 0 && roll(w, 2) == 0) { // not now, and the group takes it away again at once
        m->store->log->ops->release(m->store->log, p);
    }
}

// What a run went through.
struct troubles {
    int64_t retries, doubts_lost, doubts_committed, fenced, kills;
};

struct simulation {
    uint64_t seed;
    int n_messages, fail_per_mille, move_per_mille;
    bool bounce; // rebalances within takes
    // Stores other than those in memory; `end` fills the world's aggregates and rows from them.
    void (*begin)(struct world *w);
    void (*end)(struct world *w);
};

static void check_sums(const struct world *w) {
    struct expected want = read_log(w);
    assert_int_equal(w->counts.skipped, want.skipped);
    assert_int_equal(w->counts.accepted, want.accepted);
    assert_int_equal(w->counts.duplicate, want.duplicate);
    assert_int_equal(w->counts.rejected, want.rejected);
    assert_int_equal(w->counts.received, want.accepted + want.duplicate + want.rejected);
    assert_int_equal(w->orders, want.orders);
    assert_int_equal(w->units, want.units);
    assert_int_equal(w->total_e4, want.total_e4);
    int64_t raw_e4 = 0, n_raw = 0; // and every accepted order has its row
    for (int id = 0; id < ORDERS_MAX; id++) {
        n_raw += w->rows[id].there;
        raw_e4 += w->rows[id].there ? w->rows[id].total_e4 : 0;
    }
    assert_int_equal(n_raw, want.orders);
    assert_true(raw_e4 >= w->total_e4);
}

static struct troubles run(const struct simulation *sim) {
    int move_per_mille = sim->move_per_mille;
    struct world *w = calloc(1, sizeof *w);
    struct member members[MEMBERS];
    bool zombie[PARTITIONS] = {false};
    struct error err;
    *w = (struct world){
        .now_ms = INT64_C(1767268800000), .dice = sim->seed, .fail_per_mille = sim->fail_per_mille};
    w->clock = (struct clock_source){world_now_ms, world_monotonic_ns, w};
    assert_true(zone_open("UTC", &w->zone, &err));
    w->rules = (struct order_rules){.zone = w->zone, .currency = "USD", .max_depth = 32};
    for (int p = 0; p < PARTITIONS; p++) {
        w->next_offset[p] = -1;
        w->owner[p] = -1;
    }
    w->in_take = sim->bounce ? bounce_partition : NULL;
    fill_log(w, sim->n_messages);
    if (sim->begin != NULL) {
        sim->begin(w);
    }
    for (int i = 0; i < MEMBERS; i++) {
        member_start(&members[i], w, i);
    }
    int steps = 0, kills = 0;
    for (; !is_drained(w) && steps < 200000; steps++) {
        w->now_ns += (int64_t)roll(w, 50) * 1000000;
        for (int p = 0; p < PARTITIONS; p++) {
            bool orphan =
                w->owner[p] < 0 || members[w->owner[p]].lost[p] || !members[w->owner[p]].has[p];
            if ((orphan && roll(w, 4) == 0) || (int)roll(w, 1000) < move_per_mille) {
                move_partition(w, members, zombie);
            }
        }
        int i = (int)roll(w, MEMBERS);
        if ((int)roll(w, 3000) < move_per_mille) { // kill -9, started again
            kills++;
            member_stop(&members[i]);
            member_start(&members[i], w, i);
            for (int p = 0; p < PARTITIONS; p++) {
                w->owner[p] = w->owner[p] == i ? -1 : w->owner[p];
            }
        }
        enum engine_step_result result = engine_step(members[i].engine, 0);
        assert_int_not_equal(result, ENGINE_FAILED);
    }
    assert_true(is_drained(w));
    struct troubles t = {w->n_retries, w->n_doubts_lost, w->n_doubts_committed, w->n_fenced, kills};
    for (int i = 0; i < MEMBERS; i++) {
        member_stop(&members[i]);
    }
    if (sim->end != NULL) {
        sim->end(w);
    }
    check_sums(w);
    zone_free(w->zone);
    free(w);
    return t;
}
