// SPDX-License-Identifier: MIT
// Tables of the made-up shop. 40 things in 5 makes are its 200 products; a few of them sell far
// more than the others (Zipf); customers live in the United States as its people do (census of
// 2020) and come from five sources. All choices are integer arithmetic, so every machine makes the
// same shop.
#include "tool/generate/demo_shop.h"

#include "base/hash.h"
#include <stdio.h>

enum { MAKES = 5, THINGS = DEMO_PRODUCTS / MAKES, TICKETS = 65536 };

static const struct thing {
    const char *name, *category;
    uint32_t price_cents;
    uint8_t makes; // row of the table below
} things[THINGS] = {
    {"Coffee Mug", "Kitchen", 1400, 0},
    {"Teapot", "Kitchen", 3900, 0},
    {"Cutting Board", "Kitchen", 3200, 1},
    {"Chef's Knife", "Kitchen", 7900, 2},
    {"Salad Bowl", "Kitchen", 4500, 1},
    {"Frying Pan", "Kitchen", 5900, 2},
    {"Pepper Mill", "Kitchen", 2900, 1},
    {"Spice Rack", "Kitchen", 3400, 1},
    {"Table Lamp", "Home", 6900, 2},
    {"Wall Clock", "Home", 4900, 1},
    {"Candle", "Home", 1900, 3},
    {"Throw Blanket", "Home", 5900, 4},
    {"Cushion", "Home", 2900, 4},
    {"Picture Frame", "Home", 2400, 1},
    {"Flower Vase", "Home", 3900, 0},
    {"Door Mat", "Home", 2700, 4},
    {"Desk Organizer", "Office", 2600, 1},
    {"Fountain Pen", "Office", 4800, 2},
    {"Notebook", "Office", 1500, 5},
    {"Letter Opener", "Office", 1900, 2},
    {"Pen Holder", "Office", 1700, 0},
    {"Monitor Stand", "Office", 6400, 1},
    {"Planner", "Office", 2200, 5},
    {"Paperweight", "Office", 2100, 0},
    {"Garden Trowel", "Garden", 2300, 2},
    {"Plant Pot", "Garden", 1800, 0},
    {"Bird House", "Garden", 3600, 1},
    {"Watering Can", "Garden", 3300, 2},
    {"Herb Planter", "Garden", 2800, 1},
    {"Wind Chime", "Garden", 2500, 2},
    {"Messenger Bag", "Accessories", 8900, 5},
    {"Wallet", "Accessories", 4500, 5},
    {"Scarf", "Accessories", 3500, 4},
    {"Belt", "Accessories", 3900, 5},
    {"Beanie", "Accessories", 2400, 4},
    {"Key Ring", "Accessories", 900, 2},
    {"Building Blocks", "Toys", 3800, 1},
    {"Toy Train", "Toys", 4200, 1},
    {"Soft Bear", "Toys", 2600, 4},
    {"Spinning Top", "Toys", 1200, 1},
};

static const struct make {
    const char *name;
    uint32_t price_percent;
} makes[][MAKES] = {
    {{"Stoneware", 100}, {"Porcelain", 135}, {"Glazed", 110}, {"Enamel", 90}, {"Marble", 180}},
    {{"Oak", 120}, {"Walnut", 150}, {"Bamboo", 80}, {"Beech", 95}, {"Olive Wood", 165}},
    {{"Steel", 100}, {"Brass", 140}, {"Copper", 155}, {"Iron", 90}, {"Aluminum", 85}},
    {{"Beeswax", 130}, {"Lavender", 105}, {"Cedar", 100}, {"Vanilla", 95}, {"Sea Salt", 115}},
    {{"Wool", 130}, {"Cotton", 85}, {"Linen", 110}, {"Alpaca", 190}, {"Fleece", 75}},
    {{"Leather", 140}, {"Canvas", 85}, {"Recycled", 95}, {"Suede", 150}, {"Waxed", 110}},
};

const struct demo_state demo_states[DEMO_STATES] = {
    {"AL", 5024, 400},  {"AK", 733, 0},     {"AZ", 7152, 560},  {"AR", 3012, 650},
    {"CA", 39538, 725}, {"CO", 5774, 290},  {"CT", 3606, 635},  {"DE", 990, 0},
    {"DC", 690, 600},   {"FL", 21538, 600}, {"GA", 10712, 400}, {"HI", 1455, 400},
    {"ID", 1839, 600},  {"IL", 12813, 625}, {"IN", 6786, 700},  {"IA", 3190, 600},
    {"KS", 2938, 650},  {"KY", 4506, 600},  {"LA", 4658, 445},  {"ME", 1362, 550},
    {"MD", 6177, 600},  {"MA", 7030, 625},  {"MI", 10077, 600}, {"MN", 5706, 688},
    {"MS", 2961, 700},  {"MO", 6155, 423},  {"MT", 1084, 0},    {"NE", 1962, 550},
    {"NV", 3105, 685},  {"NH", 1378, 0},    {"NJ", 9289, 663},  {"NM", 2118, 488},
    {"NY", 20201, 400}, {"NC", 10439, 475}, {"ND", 779, 500},   {"OH", 11799, 575},
    {"OK", 3959, 450},  {"OR", 4237, 0},    {"PA", 13003, 600}, {"RI", 1097, 700},
    {"SC", 5118, 600},  {"SD", 887, 420},   {"TN", 6910, 700},  {"TX", 29146, 625},
    {"UT", 3272, 610},  {"VT", 643, 600},   {"VA", 8631, 530},  {"WA", 7705, 650},
    {"WV", 1794, 600},  {"WI", 5894, 500},  {"WY", 577, 400},
};

const struct demo_source demo_sources[DEMO_SOURCES] = {
    {"ORGANIC", 34}, {"GOOGLE", 29}, {"FACEBOOK", 19}, {"AFFILIATE", 11}, {"TWITTER", 7},
};

struct demo_product demo_product(uint32_t id) {
    const struct thing *thing = &things[(id - 1) / MAKES];
    const struct make *make = &makes[thing->makes][(id - 1) % MAKES];
    // To whole dollars, less five cents: prices as shops like them.
    uint32_t dollars = (thing->price_cents * make->price_percent / 100 + 99) / 100;
    return (struct demo_product){id, dollars * 100 - 5};
}

void demo_product_names(uint32_t id, char title[static 64], const char **category) {
    const struct thing *thing = &things[(id - 1) / MAKES];
    snprintf(title, 64, "%s %s", makes[thing->makes][(id - 1) % MAKES].name, thing->name);
    *category = thing->category;
}

// Hands the tickets to n choices by weight, the remainder to the heaviest one (`heaviest`).
static void share_out(uint8_t *tickets, size_t n, const uint64_t *weights, size_t heaviest) {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += weights[i];
    }
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        for (uint64_t left = weights[i] * TICKETS / sum; left > 0; left--) {
            tickets[at++] = (uint8_t)i;
        }
    }
    while (at < TICKETS) {
        tickets[at++] = (uint8_t)heaviest;
    }
}

void demo_lottery_fill(struct demo_lottery *l) {
    uint64_t weights[DEMO_PRODUCTS];
    for (size_t i = 0; i < DEMO_STATES; i++) {
        weights[i] = demo_states[i].people_thousands;
    }
    share_out(l->states, DEMO_STATES, weights, 4); // California
    for (size_t i = 0; i < DEMO_SOURCES; i++) {
        weights[i] = demo_sources[i].weight;
    }
    share_out(l->sources, DEMO_SOURCES, weights, 0);
    size_t best = 0;
    for (size_t i = 0; i < DEMO_PRODUCTS; i++) {
        size_t rank = (i * 67 + 13) % DEMO_PRODUCTS; // 67 and 200 share no factor: a permutation
        weights[i] = 1000000 / (rank + 3);
        best = rank == 0 ? i : best;
    }
    share_out(l->products, DEMO_PRODUCTS, weights, best);
}

void demo_customer(const struct demo_lottery *l, uint32_t customer_id, uint8_t *source,
                   uint8_t *state) {
    uint64_t fate = hash_u64(customer_id + UINT64_C(0x9E3779B97F4A7C15));
    *source = l->sources[fate & 0xFFFF];
    *state = l->states[fate >> 16 & 0xFFFF];
}

uint32_t demo_busy_permille(int64_t utc_ms) {
    // By the hour in the middle of the country (UTC-6); they sum to 24,000.
    static const uint16_t by_hour[24] = {480,  300,  200,  150,  150,  220,  380,  600,
                                         850,  1080, 1280, 1400, 1450, 1400, 1350, 1320,
                                         1300, 1350, 1500, 1700, 1800, 1650, 1250, 840};
    enum { MINUTES = 24 * 60 };
    int64_t minute = (utc_ms / 60000 - 6 * 60) % MINUTES;
    minute += minute < 0 ? MINUTES : 0;
    uint32_t from = by_hour[minute / 60], to = by_hour[(minute / 60 + 1) % 24];
    uint32_t part = (uint32_t)(minute % 60);
    return (from * (60 - part) + to * part) / 60;
}

void demo_write_customers(struct buf *csv) {
    struct demo_lottery l;
    demo_lottery_fill(&l);
    buf_put_str(csv, "customer_id,source,state\n");
    for (uint32_t id = 1; id <= DEMO_CUSTOMERS; id++) {
        uint8_t source, state;
        demo_customer(&l, id, &source, &state);
        buf_printf(csv, "%u,%s,%s\n", id, demo_sources[source].name, demo_states[state].code);
    }
}

void demo_write_products(struct buf *csv) {
    buf_put_str(csv, "product_id,title,category,price\n");
    for (uint32_t id = 1; id <= DEMO_PRODUCTS; id++) {
        char title[64];
        const char *category;
        struct demo_product p = demo_product(id);
        demo_product_names(id, title, &category);
        buf_printf(csv, "%u,%s,%s,%u.%02u\n", id, title, category, p.price_cents / 100,
                   p.price_cents % 100);
    }
}
