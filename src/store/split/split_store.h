// SPDX-License-Identifier: MIT
// A store whose input is a log and whose raw orders and aggregates live in two systems: what the
// engine asks of a store (engine/store.h), made of a raw store, an aggregates store and the
// identities of the log's last hours in memory (window/id_window.h).
#pragma once
#include "base/clock.h"
#include "store/aggregates.h"
#include "store/raw_store.h"

struct split_options {
    struct raw_store *raw;         // owned from then on; NULL: raw orders are not kept
    struct aggregates *aggregates; // owned from then on
    const char *topic;             // copied
    int64_t window_ms;             // of duplicates
    size_t window_bytes;           // memory for it, of all partitions
    int minutes_kept, hours_kept;  // 0: as everywhere
    // After a commit, for each rejected event of it; must not block. NULL: nobody asks.
    void (*rejected)(void *user, const struct rejected_event *e);
    void *rejected_user;
};
MUST_CHECK struct store *split_store_new(const struct split_options *options);

// The window of duplicates, of all partitions held. Engine's thread.
struct split_window_facts {
    size_t n_ids, bytes;
    int64_t covered_ms; // the shortest of the partitions'; window_ms when none is held
};
struct split_window_facts split_store_window(const struct store *s);
