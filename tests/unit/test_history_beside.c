// SPDX-License-Identifier: MIT
// A partition that comes with a long history does not hold up those that stay: while its identities
// are read back, what arrives in the others is committed all the time.
#include "engine/zone_file.h"
#include "log_world.h"

enum { PAST = 3000, COMES = 0, STAYS = 1, LOOK_MS = 10, WAITS_MS = 300 };

static void put_order(struct world *w, int p, int64_t id) {
    assert_true(w->log_end[p] < LOG_MAX);
    struct message *m = &w->log[p][w->log_end[p]++];
    *m = (struct message){.arrival_ms = w->now_ms};
    m->order = (struct order){.order_id = {id, TEXT_NONE},
                              .customer_id = IDENT_NONE,
                              .product_id = {1, TEXT_NONE},
                              .source = TEXT_LIT("WEB"),
                              .state = TEXT_LIT("CA"),
                              .currency = "USD",
                              .created_ms = w->now_ms,
                              .quantity = 1,
                              .subtotal_e4 = 10000,
                              .total_e4 = 10000};
}

static struct world *new_world(void) {
    struct error err;
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    *w = (struct world){.now_ms = INT64_C(1767268800000), .dice = 1, .topic_number = 1};
    w->clock = (struct clock_source){world_now_ms, world_monotonic_ns, w};
    assert_true(zone_open("UTC", &w->zone, &err));
    w->rules = (struct order_rules){.zone = w->zone, .currency = "USD", .max_depth = 32};
    for (int p = 0; p < PARTITIONS; p++) {
        w->next_offset[p] = -1;
        w->owner[p] = -1;
        w->lane[p] = -1;
    }
    return w;
}

static void step_until(struct member *m, int p, int64_t offset) {
    for (int i = 0; i < 10000 && m->w->next_offset[p] < offset; i++) {
        assert_int_not_equal(engine_step(m->engine, 0), ENGINE_STORE_DOWN);
    }
    assert_int_equal(m->w->next_offset[p], offset);
}

// Whenever the engine looks at its clock a while has gone by, and another order has arrived in the
// partition that stays.
static int64_t busy_monotonic_ns(void *user) {
    struct world *w = user;
    w->now_ns += LOOK_MS * INT64_C(1000000);
    put_order(w, STAYS, PAST + 1 + w->log_end[STAYS]);
    return w->now_ns;
}

static void
orders_of_partitions_that_stay_are_committed_while_the_history_of_another_is_read(void **state) {
    (void)state;
    struct world *w = new_world();
    struct member members[MEMBERS];
    for (int i = 0; i < MEMBERS; i++) {
        member_start(&members[i], w, i);
    }
    struct member *stays = &members[0], *leaves = &members[1];
    for (int64_t id = 1; id <= PAST; id++) {
        put_order(w, COMES, id);
    }
    assert_true(member_assign(leaves, COMES));
    step_until(leaves, COMES, PAST);
    member_revoke(leaves, COMES);

    assert_true(member_assign(stays, STAYS));
    put_order(w, STAYS, PAST + 1);
    step_until(stays, STAYS, 1);
    assert_true(member_assign(stays, COMES));
    w->clock.monotonic_ns = busy_monotonic_ns;

    int64_t committed = 1, since_ns = w->now_ns, longest_ns = 0;
    int commits = 0;
    while (stays->expected[COMES] < PAST) {
        assert_int_not_equal(engine_step(stays->engine, 0), ENGINE_STORE_DOWN);
        if (w->next_offset[STAYS] > committed) {
            longest_ns = w->now_ns - since_ns > longest_ns ? w->now_ns - since_ns : longest_ns;
            committed = w->next_offset[STAYS];
            since_ns = w->now_ns;
            commits++;
        }
    }
    assert_true(commits >= 5);
    assert_in_range(longest_ns / 1000000, 1, WAITS_MS);
    assert_int_equal(w->orders, PAST + committed);
    for (int i = 0; i < MEMBERS; i++) {
        member_stop(&members[i]);
    }
    zone_free(w->zone);
    free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            orders_of_partitions_that_stay_are_committed_while_the_history_of_another_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
