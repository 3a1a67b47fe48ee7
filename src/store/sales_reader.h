// SPDX-License-Identifier: MIT
// What the query API, the live page and the audit ask of a store: a read-only connection with its
// own snapshot. One thread at a time uses a reader; make one per thread. Every call has a time-out.
#pragma once
#include "engine/store.h"

struct sales_reader {
    const struct sales_reader_ops *ops;
};

enum sales_bucket { BUCKET_NONE, BUCKET_MINUTE, BUCKET_HOUR, BUCKET_DAY };

// What sales can be narrowed by.
enum sales_field { SALES_SOURCE, SALES_STATE, SALES_PRODUCT, SALES_CURRENCY, SALES_FIELDS };
enum { SALES_FILTER_MAX = 16 };
struct sales_filter {
    size_t n;                             // 0: everything
    struct text values[SALES_FILTER_MAX]; // one of these; a product as ident_text writes it
};

enum sales_order { SALES_BY_KEY, SALES_BY_TOTAL, SALES_BY_ORDERS, SALES_BY_UNITS };

struct sales_query {
    bool by_source, by_state, by_product; // grouping; product only with BUCKET_NONE or BUCKET_DAY
    enum sales_bucket bucket;
    // Bucket numbers, from inclusive, to exclusive (minutes or hours since 1970 UTC; the shop's day
    // numbers). With BUCKET_NONE and both at their extremes (INT32_MIN, INT32_MAX) the all-time
    // totals are read, otherwise they are day numbers.
    int32_t from, to;
    int64_t max_rows;
    bool any_order; // rows may come in whatever order is cheapest
    // Borrowed texts. A product goes with what sales by product are kept by: see by_product.
    struct sales_filter filters[SALES_FIELDS];

    // What follows is made by sales_answer.h, the same for every store: `sales` below does not look
    // at it.
    enum sales_order order; // but for SALES_BY_KEY the largest groups come first
    int32_t top;            // so many groups of each currency, the rest as one; 0: all
    // A second range: as many buckets, from compare_from on; what happened from compare_cut_ms on
    // (UTC; INT64_MAX: no limit) does not count, as far as minutes and hours are kept.
    bool compare;
    int32_t compare_from;
    int64_t compare_cut_ms;
    // By the system's monotonic clock; 0: none. An answer that asks several times ends by then, as
    // does each call where the reader can end one early; else a call has the reader's own time-out.
    int64_t deadline_ns;
};

// One row of an answer. Texts borrow until the callback returns; absent when not grouped by.
// Currencies are never added together, so currency is always part of the group.
struct sales_row {
    struct text source, state, currency;
    struct ident product_id;
    int32_t bucket;      // meaningful unless BUCKET_NONE
    struct measures sum; // by product: orders, units and total only
};

struct rejected_row {
    int64_t id; // grows with time
    int64_t arrival_ms;
    struct text field, code, message, raw;
    int64_t raw_bytes; // of the whole text
    bool raw_cut;      // raw is only its beginning
    // When it was last submitted again by `salestide rejected`, what became of it, and the hash of
    // the text that was sent (0: not known); 0: never. What was noted as replaced is not handed
    // out. See store/rejected_retries.h.
    int64_t retried_ms;
    struct text retried_verdict;
    uint64_t sent_hash;
};

// When the sums of a day last changed. A pair of values that is known already tells that they have
// not changed since: `accepted` grows with every batch that changes sums.
#define DAY_CHANGE_ALL (-354285) // the first of January 1000: any day may have changed
struct day_change {
    int32_t day;        // of the shop, or DAY_CHANGE_ALL
    int64_t changed_ms; // the writer's clock
    int64_t accepted;   // events that were accepted by then, of all days
};

// How far a partition of a log was counted, by whoever counts it.
struct counted_position {
    int32_t partition;
    int64_t next_offset;
    struct text topic_id; // which topic of that name; empty: not known
};

// A callback returns false to stop; the call is then still a success.
typedef bool (*sales_row_fn)(void *user, const struct sales_row *row);
typedef bool (*stored_event_fn)(void *user, const struct stored_event *event);
typedef bool (*rejected_row_fn)(void *user, const struct rejected_row *row);
typedef bool (*rejected_code_fn)(void *user, struct text code, int64_t n);
typedef bool (*counted_position_fn)(void *user, const struct counted_position *position);
typedef bool (*day_change_fn)(void *user, const struct day_change *change);

struct sales_reader_ops {
    // The placed order of this id first (if known), then its adjustments in order of acceptance.
    // NULL: raw orders are not kept where this reader looks.
    MUST_CHECK bool (*order)(struct sales_reader *r, struct ident order_id, stored_event_fn each,
                             void *user, struct error *err);
    // Sorted by bucket, then source, state, product, currency (or any_order). ERROR_USAGE when more
    // than max_rows. When it fails, some rows may have been handed over: what was made of them is
    // void.
    MUST_CHECK bool (*sales)(struct sales_reader *r, const struct sales_query *q, sales_row_fn each,
                             void *user, struct error *err);
    // Placed orders newest first, those with position > after_position only. Of aggregates of a log
    // these positions count the newest orders alone: they are none of the log.
    MUST_CHECK bool (*recent)(struct sales_reader *r, int64_t after_position, int64_t limit,
                              stored_event_fn each, void *user, struct error *err);
    // Cancellations and refunds newest first, likewise. NULL: never. *kept false: an earlier
    // program made these tables, which keep none.
    MUST_CHECK bool (*recent_changes)(struct sales_reader *r, int64_t after_position, int64_t limit,
                                      stored_event_fn each, void *user, bool *kept,
                                      struct error *err);
    // Newest first, ids below before_id only (INT64_MAX: from the newest).
    MUST_CHECK bool (*rejected)(struct sales_reader *r, int64_t before_id, int64_t limit,
                                rejected_row_fn each, void *user, struct error *err);
    // How often each code is among the newest rejected events; the commonest first.
    MUST_CHECK bool (*rejected_codes)(struct sales_reader *r, int64_t newest, rejected_code_fn each,
                                      void *user, struct error *err);
    MUST_CHECK bool (*counts)(struct sales_reader *r, struct store_counts *counts,
                              int64_t *last_batch_id, struct error *err);
    // When this batch was committed, by the clock of who wrote it; 0: it is not listed (any more).
    MUST_CHECK bool (*batch_committed)(struct sales_reader *r, int64_t batch_id,
                                       int64_t *committed_ms, struct error *err);
    // Of this topic, in any order; partitions of which nothing was counted are left out. NULL: of
    // a reader that only answers the door's questions.
    MUST_CHECK bool (*positions)(struct sales_reader *r, const char *topic,
                                 counted_position_fn each, void *user, struct error *err);
    // The oldest minute and hour (since 1970 UTC) of which sums are kept.
    MUST_CHECK bool (*floors)(struct sales_reader *r, int32_t *minute_floor, int32_t *hour_floor,
                              struct error *err);
    // Those of the days from `from` on, below `to`, and that of all, in any order; a day without
    // one has not changed since the store began to note them. *complete false: they are not noted
    // by all who write. NULL: never.
    MUST_CHECK bool (*day_changes)(struct sales_reader *r, int32_t from, int32_t to,
                                   day_change_fn each, void *user, bool *complete,
                                   struct error *err);
    // Calls between begin and end see one snapshot.
    MUST_CHECK bool (*begin)(struct sales_reader *r, struct error *err);
    void (*end)(struct sales_reader *r);
    void (*close)(struct sales_reader *r); // frees r
};
