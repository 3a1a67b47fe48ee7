// SPDX-License-Identifier: MIT
// What the split store (store/split/split_store.h) asks of the place of raw orders when the input
// is a log: one const struct of functions. Rows are a pure function of the log and are written
// before the aggregates: writing the same row again changes nothing, and rows of an owner with a
// lower epoch lose against those of a higher one. One thread (the engine's) calls.
#pragma once
#include "engine/store.h"

struct raw_store {
    const struct raw_store_ops *ops;
};

// One placed order that was asked for. Texts borrow until the callback returns.
typedef bool (*raw_found_fn)(void *user, size_t index, const struct stored_event *event);

struct raw_store_ops {
    const char *name;
    // Whether the tables can hold this order (tables that users made: an int order_id cannot be a
    // text). False: `why` is filled and the event is rejected. NULL: they hold every order.
    bool (*fits)(struct raw_store *r, const struct order *o, struct rejection *why);
    // Whether fits is true of every order, as far as the tables were when it was opened: for those
    // who judge where they cannot ask. False: `err` (USAGE) names the table. NULL: it is.
    bool (*fits_all)(struct raw_store *r, struct error *err);
    // One accepted event, placed or not, source and state resolved. Copies what it needs; may only
    // have been sent when it returns. epoch_us orders the writes of several owners.
    MUST_CHECK enum store_result (*add)(struct raw_store *r, const struct stored_event *event,
                                        int64_t epoch_us, struct error *err);
    // OK: all that was added since the last flush is durable. RETRY: some may not be; adding all of
    // it again is harmless.
    MUST_CHECK enum store_result (*flush)(struct raw_store *r, struct error *err);
    // Looks up placed orders by id, pipelined; `each` is called for those that are there, in any
    // order, with the index of the id. Sees what was flushed.
    MUST_CHECK enum store_result (*find)(struct raw_store *r, const struct ident *order_ids,
                                         size_t n, raw_found_fn each, void *user,
                                         struct error *err);
    // Whether its server answers, with nothing to flush. NULL: there is none.
    MUST_CHECK enum store_result (*check)(struct raw_store *r, struct error *err);
    // After RETRY: forgets what was not flushed, connects again.
    MUST_CHECK enum store_result (*reopen)(struct raw_store *r, struct error *err);
    void (*close)(struct raw_store *r); // frees r
};

// --- Reading raw orders: questions, verify, rebuild. A connection of its own; one thread at a
// time.

struct raw_reader {
    const struct raw_reader_ops *ops;
};

typedef bool (*raw_event_fn)(void *user, const struct stored_event *event); // false: stop

struct raw_reader_ops {
    // The placed order of this id first (if known), then its adjustments by position.
    MUST_CHECK bool (*order)(struct raw_reader *r, struct ident order_id, raw_event_fn each,
                             void *user, struct error *err);
    // Every raw event once, placed orders and adjustments, in no particular order, in bounded
    // memory. Items are parsed (order.items is set when there are items).
    MUST_CHECK bool (*scan)(struct raw_reader *r, raw_event_fn each, void *user, struct error *err);
    void (*close)(struct raw_reader *r); // frees r
};

// Makes the reader of raw orders when it is first needed, and again after it has failed.
struct raw_opener {
    bool (*open)(void *user, struct raw_reader **out, struct error *err); // NULL: there are none
    void *user;
};
