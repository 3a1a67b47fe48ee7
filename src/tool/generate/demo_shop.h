// SPDX-License-Identifier: MIT
// The made-up shop of `salestide generate`: its products, its customers, and where they come from.
// Always the same shop, whatever the seed: a customers file written once fits every run. Pure
// functions over constant tables; any thread.
#pragma once
#include "base/buf.h"
#include <stdint.h>

enum { DEMO_PRODUCTS = 200, DEMO_CUSTOMERS = 20000 };

struct demo_product {
    uint32_t id; // 1 .. DEMO_PRODUCTS
    uint32_t price_cents;
};
struct demo_product demo_product(uint32_t id);
// Title and category, zero-terminated.
void demo_product_names(uint32_t id, char title[static 64], const char **category);

struct demo_state {
    const char *code; // "CA"
    uint32_t people_thousands;
    uint32_t tax_bp; // sales tax in hundredths of a percent
};
enum { DEMO_STATES = 51, DEMO_SOURCES = 5 };
extern const struct demo_state demo_states[DEMO_STATES];
struct demo_source {
    const char *name; // "GOOGLE"
    uint32_t weight;
};
extern const struct demo_source demo_sources[DEMO_SOURCES];

// Weighted choices by one byte look-up: 65,536 tickets, shared out by weight.
struct demo_lottery {
    uint8_t states[65536], sources[65536], products[65536]; // products: id - 1
};
void demo_lottery_fill(struct demo_lottery *l);

// Indexes of a customer's (1 .. DEMO_CUSTOMERS) source and state.
void demo_customer(const struct demo_lottery *l, uint32_t customer_id, uint8_t *source,
                   uint8_t *state);

// How busy the shop is at this instant: 1000 is the mean of a day.
uint32_t demo_busy_permille(int64_t utc_ms);

void demo_write_customers(struct buf *csv);
void demo_write_products(struct buf *csv);
