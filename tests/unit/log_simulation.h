// SPDX-License-Identifier: MIT
// Exactly once, by simulation: two engines share a topic; partitions move between them, sometimes
// without the old owner being told (a zombie); commits fail, break in doubt, are fenced; members
// are killed and started again. Whatever happens, the sums are those of the log.
#pragma once
#include "engine/zone_file.h"
#include "log_world.h"
#include "window_model.h"

enum stamps {
    STAMPS_OF_ARRIVAL,
    STAMPS_IN_ANY_ORDER,
    STAMPS_OF_1970,
    STAMPS_AHEAD,
    STAMPS_KINDS, // those above lie within the window, but for a few that are years ahead
    STAMPS_OVER_WINDOWS = STAMPS_KINDS, // arrivals over many windows, in order
    STAMPS_IN_DISORDER,                 // the same, by up to half a window
    STAMPS_ODD,                         // and some of 1970, some ahead
    STAMPS_IN_RUNS, // arrivals, then so many of 1970 that groups are of them alone, and again
    STAMPS_END,
};

enum { MESSAGES_OF_WINDOW = 200 }; // where stamps run over many

static inline int64_t running_stamp(struct world *w, enum stamps stamps, int i) {
    int64_t at_ms = w->now_ms + i * (w->window_ms / MESSAGES_OF_WINDOW);
    int64_t off_ms = (int64_t)roll(w, (uint64_t)w->window_ms) - w->window_ms / 2;
    uint64_t odd = roll(w, 30);
    if (stamps == STAMPS_OVER_WINDOWS) {
        return at_ms;
    }
    if (stamps == STAMPS_IN_RUNS) { // 300 arrivals and 600 of 1970, for which time stands
        int n_arrivals = i / 900 * 300 + (i % 900 < 300 ? i % 900 : 300);
        return i % 900 < 300 ? w->now_ms + n_arrivals * (w->window_ms / MESSAGES_OF_WINDOW) : 1;
    }
    if (stamps == STAMPS_ODD && odd < 3) {
        return odd == 0 ? 1 : odd == 1 ? INT64_C(1) << 52 : at_ms + 3 * w->window_ms;
    }
    return at_ms + off_ms;
}

static inline int64_t a_stamp(struct world *w, enum stamps stamps, int i) {
    static const int64_t hour_ms = 3600000;
    switch (stamps) {
    case STAMPS_IN_ANY_ORDER:
        return w->now_ms + (int64_t)roll(w, 20 * hour_ms) - 10 * hour_ms;
    case STAMPS_OF_1970:
        return 1;
    case STAMPS_AHEAD:
        return roll(w, 20) == 0 ? INT64_C(1) << 52 : w->now_ms + i;
    case STAMPS_OVER_WINDOWS:
    case STAMPS_IN_DISORDER:
    case STAMPS_ODD:
    case STAMPS_IN_RUNS:
        return running_stamp(w, stamps, i);
    case STAMPS_OF_ARRIVAL:
    case STAMPS_END:
        break;
    }
    return w->now_ms + i;
}

static inline void put_message(struct world *w, int p, const struct message *m) {
    assert_true(w->log_end[p] < LOG_MAX);
    w->log[p][w->log_end[p]++] = *m;
}

struct filling {
    int n_messages;
    enum stamps stamps;
    bool holes, refused;
    int64_t first_id;
};

static inline int64_t fill_log(struct world *w, const struct filling *f) {
    int64_t next_id = f->first_id;
    for (int i = 0; i < f->n_messages; i++) {
        uint64_t kind = roll(w, 100);
        struct message m = {.arrival_ms = a_stamp(w, f->stamps, i)};
        m.broken = kind < 3;
        m.tombstone = kind >= 3 && kind < 5;
        bool old = next_id > f->first_id;
        bool again = kind >= 5 && kind < 20 && old;
        bool conflict = kind >= 20 && kind < 23 && old;
        bool refund = kind >= 23 && kind < 33 && old;
        int64_t oldest = f->first_id;
        if (f->stamps > STAMPS_AHEAD && next_id - oldest > 100 && roll(w, 2) == 0) {
            oldest = next_id - 100;
        }
        int64_t id = again || conflict || refund
                         ? oldest + (int64_t)roll(w, (uint64_t)(next_id - oldest))
                         : next_id++;
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
        m.order.created_ms = f->refused && roll(w, 12) == 0 ? REFUSED_MS : m.order.created_ms;
        int p = (int)(id % PARTITIONS); // keyed
        while (f->holes && roll(w, 4) == 0) {
            put_message(w, p, &(struct message){.hole = true});
        }
        put_message(w, p, &m);
    }
    assert_true(next_id < ORDERS_MAX);
    return next_id;
}

// The sums by a plain reading of the log: no window, no batches.
struct expected {
    int64_t orders, units, total_e4, accepted, duplicate, rejected, skipped;
    int64_t again, again_e4; // of those orders: that were counted before and were no longer known
    int64_t replaced;        // of those: see miss_replaced_rows
    int64_t anew, repeated;  // identities that counted before: no longer known, and known
};

static inline bool seen_before(const struct world *w, int p, int64_t at, const struct message *m,
                               const struct message **first) {
    for (int64_t i = 0; i < at; i++) {
        const struct message *e = &w->log[p][i]; // one that was refused leaves nothing
        if (!e->broken && !e->tombstone && !e->hole && e->order.created_ms != REFUSED_MS &&
            e->order.kind == m->order.kind && ident_equal(e->order.order_id, m->order.order_id) &&
            text_equal(e->order.event_id, m->order.event_id)) {
            *first = e;
            return true;
        }
    }
    return false;
}

// Kinds of identities: an order, and refunds of it by their names.
static inline uint64_t model_id(const struct order *o) {
    uint64_t kind = o->kind == ORDER_PLACED ? 0 : 1 + (uint64_t)(o->event_id.at[1] - '0');
    return (uint64_t)o->order_id.num * 4 + kind;
}

static inline enum known_as plainly_known(const struct world *w, int p, int64_t at,
                                          const struct message *m) {
    const struct message *first = NULL;
    if (!seen_before(w, p, at, m, &first)) {
        return KNOWN_NEW;
    }
    return order_same_content(&m->order, &first->order) ? KNOWN_SAME : KNOWN_OTHER;
}

// What an identity counted as before, if it did, in the log that was read last.
struct last_count {
    bool counted;
    int64_t at_ms; // it, or its last repetition
    int64_t total_e4;
};
static struct last_count last_counts[MODEL_IDS];

static inline void add_message(struct expected *x, const struct message *m, enum known_as known,
                               struct last_count *last) {
    x->repeated += known == KNOWN_SAME;
    if (known == KNOWN_SAME) {
        x->duplicate++;
        last->at_ms = m->arrival_ms;
    } else if (known == KNOWN_OTHER || m->order.created_ms == REFUSED_MS) {
        x->rejected++;
    } else {
        bool placed = m->order.kind == ORDER_PLACED;
        x->accepted++;
        x->orders += placed;
        x->units += (placed ? 1 : -1) * m->order.quantity;
        x->total_e4 += (placed ? 1 : -1) * m->order.total_e4;
        x->anew += last->counted;
        x->again += placed && last->counted;
        x->again_e4 += placed && last->counted ? last->total_e4 : 0;
        *last = (struct last_count){true, m->arrival_ms, m->order.total_e4};
    }
}

// Adds what the log has before `ends`. Where stamps run over many windows the plain model of the
// window says what is known, else everything is that came before.
static inline struct expected read_log(const struct world *w, struct expected x,
                                       const int64_t *ends, enum stamps stamps) {
    memset(last_counts, 0, sizeof last_counts);
    for (int p = 0; p < PARTITIONS; p++) {
        struct model *model =
            stamps >= STAMPS_KINDS ? model_new(w->window_ms, w->window_bytes) : NULL;
        for (int64_t i = 0; i < ends[p]; i++) {
            const struct message *m = &w->log[p][i];
            if (m->hole) {
                continue;
            }
            if (m->tombstone) {
                x.skipped++;
                continue;
            }
            if (m->broken) {
                x.rejected++;
                if (model != NULL) {
                    model_pass(model, m->arrival_ms);
                }
                continue;
            }
            struct record r = {.id = model_id(&m->order),
                               .content = order_digest(&m->order).content,
                               .at_ms = m->arrival_ms,
                               .refused = m->order.created_ms == REFUSED_MS};
            assert_true(r.id < MODEL_IDS);
            enum known_as known = model != NULL ? model_see(model, &r) : plainly_known(w, p, i, m);
            struct last_count *before = &last_counts[r.id];
            if (stamps == STAMPS_OVER_WINDOWS && before->counted &&
                m->arrival_ms - before->at_ms <= w->window_ms) {
                assert_int_not_equal(known, KNOWN_NEW); // the promise, whatever the model says
            }
            add_message(&x, m, known, before);
        }
        free(model);
    }
    return x;
}

static inline bool is_drained(const struct world *w) {
    for (int p = 0; p < PARTITIONS; p++) {
        if (w->next_offset[p] != w->log_end[p] || w->topic_of[p] != w->topic_number) {
            return false;
        }
    }
    return true;
}

// The group moves a partition. Now and then the old owner hears of it only later.
static inline void move_partition(struct world *w, struct member *members, bool *zombie) {
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
static inline void bounce_partition(struct world *w, void *member) {
    struct member *m = member, *other = &m->all[(m->number + 1) % MEMBERS];
    int p = (int)roll(w, PARTITIONS);
    if (!m->has[p] || m->lost[p] || w->owner[p] != m->number) {
        return;
    }
    member_revoke(m, p);
    w->owner[p] = -1;
    if (roll(w, 2) == 0 && !other->has[p] && member_assign(other, p)) {
        for (int i = 0; i < 3 && !other->doomed; i++) {
            (void)member_step(other);
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
    int64_t ahead;            // commits that were handed over
    struct two_fell two_fell; // of those with the next batch judged
    int64_t stopped;          // processes, since the topic was another one
    int64_t starts_moved, claims_behind, anew, repeated; // of the window and its identities
    int64_t vanished, replaced;
};

static inline void add_two_fell(struct two_fell *sum, const struct two_fell *more) {
    sum->retries += more->retries;
    sum->doubts_lost += more->doubts_lost;
    sum->doubts_committed += more->doubts_committed;
    sum->fenced += more->fenced;
    sum->kills += more->kills;
}

static inline void add_troubles(struct troubles *sum, const struct troubles *more) {
    sum->retries += more->retries;
    sum->doubts_lost += more->doubts_lost;
    sum->doubts_committed += more->doubts_committed;
    sum->fenced += more->fenced;
    sum->kills += more->kills;
    sum->ahead += more->ahead;
    add_two_fell(&sum->two_fell, &more->two_fell);
    sum->stopped += more->stopped;
    sum->starts_moved += more->starts_moved;
    sum->claims_behind += more->claims_behind;
    sum->anew += more->anew;
    sum->repeated += more->repeated;
    sum->vanished += more->vanished;
    sum->replaced += more->replaced;
}

// Each trouble has met two batches, the second of them judged.
static inline void expect_two_fell(const struct two_fell *t, int64_t more_than) {
    print_message("with the next one judged: %d retries, %d + %d doubts, %d fenced, %d kills\n",
                  (int)t->retries, (int)t->doubts_lost, (int)t->doubts_committed, (int)t->fenced,
                  (int)t->kills);
    assert_true(t->retries > more_than && t->doubts_lost > more_than);
    assert_true(t->doubts_committed > more_than && t->fenced > more_than);
    assert_true(t->kills > more_than);
}

struct simulation {
    uint64_t seed;
    int n_messages, fail_per_mille, move_per_mille;
    bool bounce; // rebalances within takes
    bool ahead;  // two batches in flight
    enum stamps stamps;
    bool holes;   // in offsets
    bool refused; // the raw tables refuse some orders
    int remakes;  // so often the topic is deleted and made anew
    // Of identities; 0: 24 hours, 64 MiB.
    int64_t window_ms;
    size_t window_bytes;
    bool vanish; // messages that were counted are removed, as in a compacted topic
    // Stores other than those in memory; `end` fills the world's aggregates and rows from them.
    void (*begin)(struct world *w);
    void (*end)(struct world *w);
};

// A raw order counts if it stands before the end of its lane: as verify and rebuild add up.
static inline void check_lanes(const struct world *w, const struct expected *want) {
    int64_t n = 0, raw_e4 = 0;
    for (int id = 0; id < ORDERS_MAX; id++) {
        int32_t lane = log_position_lane(w->rows[id].position);
        int64_t end = w->ended[lane];
        for (int p = 0; p < PARTITIONS; p++) {
            end = w->lane[p] == lane ? w->next_offset[p] : end;
        }
        if (w->rows[id].there && log_position_offset(w->rows[id].position) < end) {
            n++;
            raw_e4 += w->rows[id].total_e4;
        }
    }
    assert_int_equal(n, want->orders - want->again);        // by its id: the one that counted last
    assert_true(raw_e4 >= want->total_e4 - want->again_e4); // refunds take from it
}

static inline struct expected check_sums(const struct world *w, struct expected past,
                                         enum stamps stamps) {
    struct expected want = read_log(w, past, w->log_end, stamps);
    assert_int_equal(w->counts.skipped, want.skipped);
    assert_int_equal(w->counts.accepted, want.accepted);
    assert_int_equal(w->counts.duplicate, want.duplicate);
    assert_int_equal(w->counts.rejected, want.rejected);
    assert_int_equal(w->counts.received, want.accepted + want.duplicate + want.rejected);
    assert_int_equal(w->orders, want.orders);
    assert_int_equal(w->units, want.units);
    assert_int_equal(w->total_e4, want.total_e4);
    check_lanes(w, &want); // and every accepted order has its row
    return want;
}

// Where messages vanish after they were counted, their repetitions may count again. Still each
// message is judged once, nothing that should count does not, and each order has one row.
static inline struct expected check_what_is_left(const struct world *w) {
    struct expected want = read_log(w, (struct expected){0}, w->log_end, STAMPS_OF_ARRIVAL);
    assert_int_equal(w->counts.skipped, want.skipped);
    assert_int_equal(w->counts.received, want.accepted + want.duplicate + want.rejected);
    assert_int_equal(w->counts.received,
                     w->counts.accepted + w->counts.duplicate + w->counts.rejected);
    assert_true(w->counts.accepted >= want.accepted && w->orders >= want.orders);
    want.anew = w->counts.accepted - want.accepted;
    want.again = w->orders - want.orders;
    want.orders = w->orders;
    int64_t n_rows = 0;
    for (int id = 0; id < ORDERS_MAX; id++) {
        n_rows += w->rows[id].there;
    }
    assert_int_equal(n_rows, want.orders - want.again);
    return want;
}

static inline int64_t vanish_some(struct world *w) {
    int64_t n = 0;
    for (int p = 0; p < PARTITIONS; p++) {
        for (int64_t i = 0; i < w->next_offset[p]; i++) {
            if (!w->log[p][i].vanished && roll(w, 20) == 0) {
                w->log[p][i].vanished = true;
                n++;
            }
        }
    }
    return n;
}

// Rows of orders that were never counted and now never will. One case is known and left: a member
// that had lost its partition without knowing may have read such orders at offsets that others had
// counted in the topic before; were the topic not made anew once more, their count would put the
// rows right.
static inline void forget_rows(struct world *w, const int64_t *counted) {
    for (int p = 0; p < PARTITIONS; p++) {
        for (int64_t i = counted[p]; i < w->log_end[p]; i++) {
            const struct order *o = &w->log[p][i].order;
            bool counts = w->log[p][i].hole;
            for (int64_t k = 0; k < counted[p] && !counts; k++) {
                counts = w->log[p][k].order.order_id.num == o->order_id.num;
            }
            w->rows[o->order_id.num].there = w->rows[o->order_id.num].there && counts;
        }
    }
}

// Known and left too: an order that came again after its window had its row written anew, at an
// offset that was never counted, and now never will be. The row that counted was replaced.
static inline void miss_replaced_rows(const struct world *w, const int64_t *counted,
                                      struct expected *past) {
    for (int id = 0; id < ORDERS_MAX; id++) {
        int p = id % PARTITIONS;
        const struct last_count *last = &last_counts[id * 4];
        if (w->rows[id].there && last->counted &&
            log_position_lane(w->rows[id].position) == w->lane[p] &&
            log_position_offset(w->rows[id].position) >= counted[p]) {
            past->again++;
            past->again_e4 += last->total_e4;
            past->replaced++;
        }
    }
}

// What is on its way still counts: it was seen to be of the old topic.
static inline void finish_all(struct world *w, struct member *members) {
    w->quiet = true;
    for (int i = 0; i < MEMBERS; i++) {
        (void)member_step(&members[i]);
    }
    w->quiet = false;
}

// Deleted and made anew, with other messages; often it is longer than the old positions at once.
// What the old one had and was not counted is lost. Nobody is told.
static inline struct expected remake_topic(struct world *w, struct member *members,
                                           struct expected past, struct filling *f) {
    int64_t counted[PARTITIONS];
    finish_all(w, members);
    for (int p = 0; p < PARTITIONS; p++) {
        bool any = w->topic_of[p] == w->topic_number && w->next_offset[p] > 0;
        counted[p] = any ? w->next_offset[p] : 0;
    }
    past = read_log(w, past, counted, f->stamps);
    forget_rows(w, counted);
    miss_replaced_rows(w, counted, &past);
    memset(w->log_end, 0, sizeof w->log_end);
    w->topic_number++;
    f->first_id = fill_log(w, f);
    return past;
}

// A process that has stopped since the topic is another one is started again, told to go on.
static inline void start_again(struct world *w, struct member *m) {
    member_stop(m);
    member_start(m, w, m->number);
    m->skip_gap = true;
    for (int p = 0; p < PARTITIONS; p++) {
        w->owner[p] = w->owner[p] == m->number ? -1 : w->owner[p];
    }
}

// kill -9, started again.
static inline void kill_and_start(struct world *w, struct member *m) {
    member_kill(m);
    member_start(m, w, m->number);
    for (int p = 0; p < PARTITIONS; p++) {
        w->owner[p] = w->owner[p] == m->number ? -1 : w->owner[p];
    }
}

static inline struct troubles run(const struct simulation *sim) {
    int move_per_mille = sim->move_per_mille;
    struct world *w = calloc(1, sizeof *w);
    struct member members[MEMBERS];
    bool zombie[PARTITIONS] = {false};
    struct error err;
    *w = (struct world){
        .now_ms = INT64_C(1767268800000),
        .dice = sim->seed,
        .fail_per_mille = sim->fail_per_mille,
        .window_ms = sim->window_ms > 0 ? sim->window_ms : INT64_C(24) * 3600 * 1000,
        .window_bytes = sim->window_bytes > 0 ? sim->window_bytes : (size_t)64 << 20};
    w->clock = (struct clock_source){world_now_ms, world_monotonic_ns, w};
    assert_true(zone_open("UTC", &w->zone, &err));
    w->rules = (struct order_rules){.zone = w->zone, .currency = "USD", .max_depth = 32};
    for (int p = 0; p < PARTITIONS; p++) {
        w->next_offset[p] = -1;
        w->owner[p] = -1;
        w->lane[p] = -1;
    }
    w->topic_number = 1;
    w->in_take = sim->bounce ? bounce_partition : NULL;
    w->ahead = sim->ahead;
    w->kill_judged_per_mille = move_per_mille; // where members are killed at all
    commit_thread_set_turns(commit_at_once, w);
    struct filling filling = {sim->n_messages, sim->stamps, sim->holes, sim->refused, 0};
    struct expected past = {0};
    int remakes = 0;
    filling.first_id = fill_log(w, &filling);
    if (sim->begin != NULL) {
        sim->begin(w);
    }
    for (int i = 0; i < MEMBERS; i++) {
        member_start(&members[i], w, i);
    }
    int steps = 0, kills = 0, stopped = 0;
    int64_t vanished = 0;
    for (; (!is_drained(w) || remakes < sim->remakes) && steps < 200000; steps++) {
        if (remakes < sim->remakes && (roll(w, 200) == 0 || is_drained(w))) {
            past = remake_topic(w, members, past, &filling);
            remakes++;
        }
        if (sim->vanish && roll(w, 10) == 0) {
            vanished += vanish_some(w);
        }
        w->now_ns += (int64_t)roll(w, 50) * 1000000;
        for (int p = 0; p < PARTITIONS; p++) {
            bool orphan =
                w->owner[p] < 0 || members[w->owner[p]].lost[p] || !members[w->owner[p]].has[p];
            if ((orphan && roll(w, 4) == 0) || (int)roll(w, 1000) < move_per_mille) {
                move_partition(w, members, zombie);
            }
        }
        int i = (int)roll(w, MEMBERS);
        if ((int)roll(w, 3000) < move_per_mille) {
            kills++;
            kill_and_start(w, &members[i]);
        }
        enum engine_step_result result = member_step(&members[i]);
        assert_true(result != ENGINE_FAILED || sim->remakes > 0);
        for (int k = 0; k < MEMBERS; k++) { // also one that was stepped within a take
            if (members[k].doomed) {
                kills++;
                kill_and_start(w, &members[k]);
            }
        }
        if (members[i].failed) {
            stopped++;
            start_again(w, &members[i]);
        }
    }
    assert_true(is_drained(w));
    struct troubles t = {.retries = w->n_retries,
                         .doubts_lost = w->n_doubts_lost,
                         .doubts_committed = w->n_doubts_committed,
                         .fenced = w->n_fenced,
                         .kills = kills,
                         .ahead = w->n_ahead,
                         .two_fell = w->two_fell,
                         .stopped = stopped,
                         .starts_moved = w->n_starts_moved,
                         .claims_behind = w->n_claims_behind,
                         .vanished = vanished};
    for (int i = 0; i < MEMBERS; i++) {
        member_stop(&members[i]);
    }
    commit_thread_set_turns(NULL, NULL);
    if (sim->end != NULL) {
        sim->end(w);
    }
    struct expected want = sim->vanish ? check_what_is_left(w) : check_sums(w, past, sim->stamps);
    assert_true(sim->stamps >= STAMPS_KINDS || want.replaced == 0);
    t.replaced = want.replaced;
    t.anew = want.anew;
    t.repeated = want.repeated;
    zone_free(w->zone);
    free(w);
    return t;
}
