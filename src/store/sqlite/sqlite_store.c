// SPDX-License-Identifier: MIT
// The embedded store's writer. One batch:
//
// 1. begin: BEGIN IMMEDIATE.
// 2. known: order ids through order_index, adjustments in the batch and through their unique index.
//    add: the row is kept for the commit, its id noted in order_index, its currency's gross sum
//    raised. Judging writes into memory alone (sqlite_batch.h).
//    While the batch before is on its way there is no BEGIN yet: what is known is in the memory of
//    both batches, and in the file as a second connection sees it (sqlite_aside.h).
// 3. commit: see sqlite_commit.c.
//
// How it fails: any error answers RETRY or ERROR and the engine rolls back. Memory (index, gross
// sums, positions) may then be ahead of the file, so the store counts as down until reopen has
// closed everything and opened it again (sqlite_open.c).
#include "store/sqlite/sqlite_store.h"

#include "base/mem.h"
#include <stdlib.h>

static struct sqlite_store *sqlite_store_of(struct store *s) {
    return (struct sqlite_store *)s;
}

static enum store_result no_room(struct error *err) {
    error_set(err, ERROR_RETRIABLE, "out of memory for a batch of orders");
    return STORE_RETRY;
}

// --- The overflow guard

static bool store_fits(struct store *base, const struct order *o, struct rejection *why) {
    int64_t sum = sqlite_store_of(base)->sums.gross_e4[currency_number(o->currency)];
    return money_add(&sum, currency_gross_of(o)) || currency_reject_overflow(o, why);
}

// --- A batch

static enum store_result store_begin(struct store *base, struct error *err) {
    struct sqlite_store *s = sqlite_store_of(base);
    sqlite_batch_clear(s->work, s->next_order, s->next_adjustment);
    sqlite_floors_look(s);
    if (s->in_flight != NULL) { // its transaction comes first
        return STORE_OK;
    }
    order_lookup_forget(&s->lookup.ids);
    enum store_result result = sqlite_sums_begin(&s->sums, err);
    s->work->begun = result == STORE_OK;
    return result;
}

static void store_prefetch(struct store *base, const struct order *o, const struct stamp *at) {
    UNUSED(at);
    if (o->kind == ORDER_PLACED) {
        order_index_prefetch(sqlite_store_of(base)->index, order_index_slot(o->order_id));
    }
}

// For what only the file knows: within the batch's own transaction, or beside that of the batch
// before. NULL: `err` says why.
static struct sqlite_lookup *file_of(struct sqlite_store *s, struct error *err) {
    return s->work->begun ? &s->lookup
                          : sqlite_aside_use(&s->aside, s->sums.directory, s->sums.vfs, err);
}

// The order at a position: of a batch in flight, or stored.
static enum store_result read_position(struct sqlite_store *s, int64_t position,
                                       struct stored_event *out, struct error *err) {
    if (sqlite_batch_order(s->work, position, out) ||
        (s->in_flight != NULL && sqlite_batch_order(s->in_flight, position, out))) {
        return STORE_OK;
    }
    struct sqlite_lookup *file = file_of(s, err);
    return file != NULL ? sqlite_lookup_order(file, position, &s->found, out, err) : STORE_RETRY;
}

// 0: the slot is free.
static enum store_result find_position(struct sqlite_store *s, int64_t slot, int64_t *position,
                                       struct error *err) {
    if (LIKELY(order_index_find(s->index, slot, position))) {
        return STORE_OK;
    }
    struct sqlite_lookup *file = file_of(s, err);
    return file != NULL ? order_lookup_find(&file->ids, slot, position, err) : STORE_RETRY;
}

// *free_slot: where the order will stand, when it is not found.
static enum store_result find_order(struct sqlite_store *s, struct ident order_id,
                                    struct stored_event *out, int64_t *free_slot, bool *found,
                                    struct error *err) {
    int64_t slot = order_index_slot(order_id);
    *found = false;
    for (;;) {
        int64_t position;
        enum store_result result = find_position(s, slot, &position, err);
        if (result != STORE_OK || position == 0) {
            *free_slot = slot;
            return result;
        }
        result = read_position(s, position, out, err);
        if (result != STORE_OK) {
            return result;
        }
        if (ident_equal(out->order.order_id, order_id)) {
            *found = true;
            return STORE_OK;
        }
        if (slot >= 0) { // an integer has one slot
            error_set(err, ERROR_FATAL,
                      "the database is damaged: row %lld of order_rows is not the order that "
                      "the index of order ids knows there; restore it from a copy",
                      (long long)position);
            return STORE_ERROR;
        }
        slot = order_index_next_slot(slot); // another text with the same hash
    }
}

static enum store_result find_adjustment(struct sqlite_store *s, const struct order *o,
                                         struct stored_event *out, bool *found, struct error *err) {
    *found = sqlite_batch_adjustment(s->work, o, out) ||
             (s->in_flight != NULL && sqlite_batch_adjustment(s->in_flight, o, out));
    if (*found) {
        return STORE_OK;
    }
    struct sqlite_lookup *file = file_of(s, err);
    return file != NULL ? sqlite_lookup_adjustment(file, o, &s->found, out, found, err)
                        : STORE_RETRY;
}

static enum store_result store_known(struct store *base, const struct order *o,
                                     const struct stamp *at, struct known *out, struct error *err) {
    UNUSED(at);
    struct sqlite_store *s = sqlite_store_of(base);
    struct stored_event event;
    bool found;
    *out = (struct known){.as = KNOWN_NEW};
    enum store_result result = o->kind == ORDER_PLACED
                                   ? find_order(s, o->order_id, &event, &out->slot, &found, err)
                                   : find_adjustment(s, o, &event, &found, err);
    if (result == STORE_OK && found) {
        out->as = order_same_content(o, &event.order) ? KNOWN_SAME : KNOWN_OTHER;
        out->position = event.position;
    }
    return result;
}

static enum store_result store_origin(struct store *base, struct ident order_id,
                                      const struct stamp *at, struct origin *out,
                                      enum origin_known *known, struct error *err) {
    UNUSED(at);
    struct stored_event event;
    int64_t free_slot;
    bool found = false;
    enum store_result result =
        find_order(sqlite_store_of(base), order_id, &event, &free_slot, &found, err);
    *known = found ? ORIGIN_KNOWN : ORIGIN_UNKNOWN;
    if (result == STORE_OK && found) {
        *out = (struct origin){event.order.source, event.order.state};
    }
    return result;
}

// What was taken back so far of an order, in one currency. A batch in flight is in memory, and may
// be in the file by now: it counts once.
static enum store_result taken_back(struct sqlite_store *s, const struct order *o,
                                    int64_t *total_e4, struct error *err) {
    const struct sqlite_batch *oldest = s->in_flight != NULL ? s->in_flight : s->work;
    struct sqlite_lookup *file = file_of(s, err);
    if (file == NULL) {
        return STORE_RETRY;
    }
    enum store_result result =
        sqlite_lookup_taken(file, o, oldest->first_adjustment, total_e4, err);
    *total_e4 += sqlite_batch_taken(s->work, o);
    *total_e4 += s->in_flight != NULL ? sqlite_batch_taken(s->in_flight, o) : 0;
    return result;
}

// 0 or more of it was sold; what is taken back in another currency was not.
static enum store_result store_doubt(struct store *base, const struct order *o, uint32_t *doubts,
                                     struct error *err) {
    struct sqlite_store *s = sqlite_store_of(base);
    struct stored_event event;
    int64_t free_slot, taken_e4 = 0;
    bool found = false;
    *doubts = 0;
    enum store_result result = find_order(s, o->order_id, &event, &free_slot, &found, err);
    if (result != STORE_OK) {
        return result;
    }
    bool same = found && memcmp(event.order.currency, o->currency, sizeof o->currency) == 0;
    int64_t sold_e4 = same ? event.order.total_e4 : 0;
    if (!found) {
        *doubts = WARN_UNKNOWN_ORDER;
    } else if (o->total_e4 > 0) {
        result = taken_back(s, o, &taken_e4, err);
        *doubts = taken_e4 > sold_e4 - o->total_e4 ? WARN_TAKEN_BEYOND : 0;
    }
    if (result == STORE_OK && *doubts != 0 &&
        !sqlite_batch_add_doubt(s->work, *doubts == WARN_TAKEN_BEYOND, o->order_id)) {
        result = no_room(err);
    }
    return result;
}

static enum store_result store_add(struct store *base, const struct order *o,
                                   const struct stamp *at, const struct known *known,
                                   const struct cube_dim *group, struct error *err) {
    struct sqlite_store *s = sqlite_store_of(base);
    struct sqlite_batch *b = s->work;
    sqlite_sums_raise(&s->sums, &b->gross, currency_number(o->currency), currency_gross_of(o));
    if (o->kind == ORDER_PLACED) {
        return pending_add(&b->orders, o, group, at->arrival_ms) &&
                       sqlite_batch_note_slot(b, o->order_id, known->slot, s->next_order)
                   ? order_index_add(s->index, known->slot, s->next_order++, err)
                   : no_room(err);
    }
    s->next_adjustment++;
    return sqlite_batch_add_adjustment(b, o, group, at->arrival_ms) ? STORE_OK : no_room(err);
}

static enum store_result store_add_rejected(struct store *base, const struct event *e,
                                            struct error *err) {
    return sqlite_batch_add_rejected(sqlite_store_of(base)->work, e) ? STORE_OK : no_room(err);
}

static void store_floors(struct store *base, int64_t arrival_ms, int32_t *minute_floor,
                         int32_t *hour_floor) {
    struct sqlite_store *s = sqlite_store_of(base);
    sqlite_floors_raise(s, arrival_ms);
    *minute_floor = s->minute_floor;
    *hour_floor = s->hour_floor;
}

static void store_rollback(struct store *base) {
    struct sqlite_store *s = sqlite_store_of(base);
    // What is in memory is ahead of the file now: the store is down until reopen.
    sqlite3_exec(s->sums.db, "ROLLBACK", NULL, NULL, NULL);
    sqlite_store_disconnect(s);
}

// Somebody may have removed the file while nothing came.
static enum store_result store_check(struct store *base, struct error *err) {
    return sqlite_sums_in_place(&sqlite_store_of(base)->sums, err) ? STORE_OK : STORE_RETRY;
}

static enum store_result store_reopen(struct store *base, struct error *err) {
    struct sqlite_store *s = sqlite_store_of(base);
    sqlite_store_disconnect(s);
    struct store_settings settings = {0}; // whatever is in force
    if (sqlite_store_connect(s, &settings, true, err)) {
        return STORE_OK;
    }
    sqlite_store_disconnect(s);
    return err->cls == ERROR_RETRIABLE ? STORE_RETRY : STORE_ERROR;
}

static void store_counts(struct store *base, struct store_counts *out) {
    *out = sqlite_store_of(base)->sums.state.counts;
}

int64_t sqlite_store_find_waiting(struct store *writer, int64_t slot) {
    struct sqlite_store *s = sqlite_store_of(writer);
    pthread_rwlock_rdlock(&s->index_lock);
    int64_t position = s->index != NULL ? order_index_find_waiting(s->index, slot) : -1;
    pthread_rwlock_unlock(&s->index_lock);
    return position;
}

// --- Life

static void free_store(struct sqlite_store *s) {
    pthread_rwlock_destroy(&s->index_lock);
    arena_free(&s->found);
    commit_thread_end(&s->committer);
    sqlite_batch_free(&s->batches[0]);
    sqlite_batch_free(&s->batches[1]);
    sqlite_log_free(s);
    sqlite_sums_free(&s->sums);
    free(s);
}

static void store_close(struct store *base) {
    struct sqlite_store *s = sqlite_store_of(base);
    if (s->index != NULL) {
        sqlite_store_finish_index(s);
    }
    sqlite_store_disconnect(s); // the last connection to close moves the WAL into the file
    free_store(s);
}

static const struct store_ops sqlite_store_ops = {
    .name = "sqlite",
    .begin = store_begin,
    .prefetch = store_prefetch,
    .known = store_known,
    .origin = store_origin,
    .add = store_add,
    .add_rejected = store_add_rejected,
    .fits = store_fits,
    .floors = store_floors,
    .commit_begin = sqlite_store_commit_begin,
    .commit_finish = sqlite_store_commit_finish,
    .rollback = store_rollback,
    .check = store_check,
    .reopen = store_reopen,
    .doubt = store_doubt,
    .counts = store_counts,
    .close = store_close,
};

static struct sqlite_store *new_store(const struct sqlite_options *options) {
    struct sqlite_store *s = mem_zalloc(1, sizeof *s);
    s->base.ops = &sqlite_store_ops;
    s->base.log = options->follows_log ? sqlite_log_init(&s->log) : NULL;
    s->clock = options->clock;
    sqlite_sums_init(&s->sums, options->directory, options->vfs);
    sqlite_batch_init(&s->batches[0]);
    sqlite_batch_init(&s->batches[1]);
    s->work = &s->batches[0];
    commit_thread_init(&s->committer, sqlite_store_commit_run, s);
    // Writers must not starve behind readers: they hold the lock for a look-up only.
    pthread_rwlock_init(&s->index_lock, NULL);
    return s;
}

bool sqlite_store_open(const struct sqlite_options *options, struct store **out,
                       struct store_settings *settings_out, struct error *err) {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); // has no effect after the first connection
    struct sqlite_store *s = new_store(options);
    *settings_out = options->settings;
    if (!sqlite_sums_lock(&s->sums, err) || !sqlite_store_connect(s, settings_out, false, err)) {
        sqlite_store_disconnect(s);
        free_store(s);
        return false;
    }
    *out = &s->base;
    return true;
}
