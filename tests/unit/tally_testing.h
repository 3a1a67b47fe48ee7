// SPDX-License-Identifier: MIT
// A tally for tests that has one of everything. Include after cmocka.h.
#pragma once
#include "engine/zone_file.h"
#include "store/tally.h"
#include "sums/currency.h"
#include <stdlib.h>

#define SAMPLE_ITEMS                                                                               \
    "[{\"product_id\":1,\"quantity\":2,\"subtotal\":\"10.0000\"},"                                 \
    "{\"product_id\":\"mug\",\"quantity\":3,\"subtotal\":\"1.5000\"}]"
#define SAMPLE_NOW_MS INT64_C(1767268800000) // 2026-01-01T12:00:00Z
enum { SAMPLE_PARTITION = 3, SAMPLE_LANE = 5 };

struct tally_sample {
    struct zone *zone;
    struct cube *cube;
    struct rejected_event rejected[2];
    struct stored_event recent[2], adjustment;
    struct gross_delta gross[2];
    struct tally tally; // points to all of these
};

static inline struct stored_event sample_event(int64_t offset, enum order_kind kind,
                                               int64_t order_id) {
    struct order o = {.order_id = {order_id, TEXT_NONE},
                      .customer_id = {-1, TEXT_LIT("c-1")},
                      .product_id = {-1, TEXT_LIT("m\xC3\xBCg")},
                      .event_id = kind == ORDER_PLACED ? TEXT_NONE : TEXT_LIT("e-1"),
                      .source = TEXT_LIT("GOOGLE"),
                      .state = TEXT_LIT("CA"),
                      .warnings = WARN_TOTAL_MISMATCH,
                      .kind = kind,
                      .currency = "USD",
                      .created_ms = SAMPLE_NOW_MS,
                      .quantity = 2,
                      .subtotal_e4 = 250000,
                      .total_e4 = 250000};
    return (struct stored_event){o, SAMPLE_NOW_MS, log_position(SAMPLE_LANE, offset)};
}

static inline void sample_items(struct order *o) {
    o->product_id = IDENT_NONE;
    o->items_json = text_of(SAMPLE_ITEMS);
    o->quantity = 5;
}

static inline void sample_orders(struct tally_sample *s) {
    uint32_t group;
    s->recent[0] = sample_event(100, ORDER_PLACED, 1);
    s->recent[1] = sample_event(101, ORDER_PLACED, 2);
    s->adjustment = sample_event(102, ORDER_REFUNDED, 1);
    struct stored_event elsewhere = sample_event(103, ORDER_PLACED, 3);
    elsewhere.order.product_id = (struct ident){9, TEXT_NONE};
    memcpy(elsewhere.order.currency, "EUR", 4);
    const struct stored_event *placed[] = {&s->recent[0], &s->recent[1], &elsewhere};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(cube_add(s->cube, &placed[i]->order, 0, 0, &group), CUBE_OK);
    }
    sample_items(&s->recent[1].order);
    sample_items(&s->adjustment.order);
    s->gross[0] = (struct gross_delta){currency_number("USD"), 750000};
    s->gross[1] = (struct gross_delta){currency_number("EUR"), 250000};
}

static inline void sample_rejected(struct tally_sample *s) {
    s->rejected[0] = (struct rejected_event){.position = log_position(SAMPLE_LANE, 104),
                                             .arrival_ms = SAMPLE_NOW_MS,
                                             .partition = SAMPLE_PARTITION,
                                             .refused = true,
                                             .field = TEXT_LIT("order_id"),
                                             .code = TEXT_LIT(REJECT_CONFLICT),
                                             .message = TEXT_LIT("it is known already"),
                                             .raw = TEXT_LIT("{}"),
                                             .raw_bytes = 70000,
                                             .event_key = TEXT_LIT("1")};
    s->rejected[1] = s->rejected[0];
    s->rejected[1].position++;
    s->rejected[1].refused = false;
    s->rejected[1].field = TEXT_LIT("");
    s->rejected[1].code = TEXT_LIT(REJECT_NOT_JSON);
    s->rejected[1].raw = (struct text){"\xFF\0{", 3};
    s->rejected[1].event_key = TEXT_NONE;
}

static inline void sample_make(struct tally_sample *s) {
    struct error err;
    *s = (struct tally_sample){0};
    assert_true(zone_open("UTC", &s->zone, &err));
    s->cube = cube_new(s->zone, NULL);
    assert_non_null(s->cube);
    sample_orders(s);
    sample_rejected(s);
    s->tally = (struct tally){
        .move = {SAMPLE_PARTITION, 100, 107, 77, SAMPLE_LANE, {90, SAMPLE_NOW_MS - 800000}},
        .summary = {.counts = {.received = 6,
                               .accepted = 4,
                               .rejected = 2,
                               .skipped = 1,
                               .warnings = {0, 2}},
                    .minute_min = 29454480,
                    .minute_max = 29454480,
                    .oldest_arrival_ms = SAMPLE_NOW_MS},
        .minute_floor = 29400000,
        .hour_floor = 400000,
        .cube = s->cube,
        .rejected = s->rejected,
        .n_rejected = 2,
        .recent = s->recent,
        .n_recent = 2,
        .gross = s->gross,
        .n_gross = 2,
        .adjustments = &s->adjustment,
        .n_adjustments = 1,
    };
}

static inline void sample_free(struct tally_sample *s) {
    cube_free(s->cube);
    zone_free(s->zone);
}
