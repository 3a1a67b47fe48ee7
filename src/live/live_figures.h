// SPDX-License-Identifier: MIT
// What the live page shows, as numbers: one consistent picture of the store, bounded in size.
#pragma once
#include "store/sales_reader.h"

enum {
    LIVE_MINUTES = 60,    // of the chart, the running one included
    LIVE_RECENT = 20,     // newest orders
    LIVE_TOP = 10,        // rows of a ranking; the rest is summed up as "others"
    LIVE_CURRENCIES = 12, // besides the shop's
    LIVE_CODES = 24,      // of rejected events
    LIVE_REJECTED = 1000, // newest rejected events that are looked at
    LIVE_NAME_BYTES = 4 * ORDER_TEXT_MAX,
};

struct live_sum {
    int64_t orders, units, total_e4;
    int64_t cancelled_orders, refunds, refunded_total_e4;
};

// A short text with its bytes: names live longer than the row they were read from.
struct live_name {
    size_t len;
    char at[LIVE_NAME_BYTES];
};

// The biggest groups in the shop's currency, by total, then orders, then name.
struct live_ranking {
    struct live_ranked {
        struct live_name name;
        struct live_sum sum;
        int32_t rank_before; // of yesterday; 0: none
    } rows[LIVE_TOP];
    size_t n;
    int64_t n_others; // groups that are not among the rows
    struct live_sum others;
    bool too_many; // more groups than are read: nothing is ranked
};

struct live_currency {
    char code[4];
    struct live_sum today, all_time;
};

struct live_minute {
    int32_t minute;           // since 1970 UTC
    int64_t orders, total_e4; // in the shop's currency
};

// The same time of another day.
struct live_before {
    struct live_sum sum; // in the shop's currency
    int64_t until_ms;    // INT64_MAX: it could not be cut, this is the whole day
};
enum live_before_which { LIVE_YESTERDAY, LIVE_WEEK_AGO, LIVE_BEFORES };

// A cancellation or refund.
struct live_change {
    int64_t position, created_ms, received_ms, total_e4;
    enum order_kind kind;
    struct live_name order_id, source, state;
    char currency[4];
};

struct live_code {
    char code[32];
    int64_t n;
};

struct live_order {
    int64_t position, created_ms, received_ms, quantity, total_e4;
    struct live_name order_id, source, state, product_id; // product_id: of the first line
    int64_t more_products;                                // lines beyond the first
    char currency[4];
};

struct live_figures {
    struct store_counts counts;
    int64_t last_batch_id;
    int64_t last_commit_ms; // of that batch, by the clock of who wrote it; 0: not known
    int32_t day;            // the shop's date that "today" means
    struct live_currency shop;
    struct live_currency others[LIVE_CURRENCIES]; // as they come: sorted by code
    size_t n_others;
    bool more_currencies;                          // some are not listed
    struct live_ranking sources, states, products; // today
    int32_t last_minute;                           // the chart's newest minute
    struct live_minute minutes[LIVE_MINUTES];      // minute m at m % LIVE_MINUTES
    struct live_order recent[LIVE_RECENT];         // newest first
    size_t n_recent;
    struct live_change changes[LIVE_RECENT]; // newest first
    size_t n_changes;
    bool knows_changes;
    struct live_before before[LIVE_BEFORES];
    struct live_code rejected_by[LIVE_CODES]; // the commonest first
    size_t n_rejected_by;
};

static inline struct text live_name_text(const struct live_name *n) {
    return (struct text){n->at, n->len};
}
static inline void live_name_set(struct live_name *n, struct text t) {
    n->len = t.len < sizeof n->at ? t.len : sizeof n->at;
    if (n->len > 0) {
        memcpy(n->at, t.at, n->len);
    }
}
