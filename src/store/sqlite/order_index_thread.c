// SPDX-License-Identifier: MIT
// The background thread of the index of order ids. It has one task at a time, for order_index.c:
//
// - when ids are frozen: it sorts them, and fills a filter from them and from the runs when one is
//   wanted;
// - when they are written: it makes room for the next ones, which would hold up the batch that
//   wanted it.
//
// What it made is taken over when it is joined. How it fails: without memory nothing is sorted, and
// the writer asks again; a filter that could not be filled is not used, and ids are looked up in
// the file meanwhile, which is slower and just as right; room is made when it is wanted.
#include "base/log.h"
#include "store/sqlite/order_index_inside.h"
#include <assert.h>
#include <stdlib.h>

enum { BLOOM_SMALLEST = 1 << 20 };

static size_t bloom_smallest = BLOOM_SMALLEST; // smaller for tests only

void order_index_set_smallest_filter(size_t n_keys) {
    bloom_smallest = n_keys != 0 ? n_keys : BLOOM_SMALLEST;
}

static bool fill_filter(struct order_index *ix) {
    struct error err;
    bool frozen_in = waiting_count(&ix->frozen) == 0 || ix->sorted != NULL;
    if (ix->sorted != NULL) {
        for (size_t i = 0; i < ix->n_sorted; i++) {
            order_filter_add_extent(ix->next_bloom, &ix->sorted[i]);
        }
    }
    if (!frozen_in ||
        order_filter_add_runs(ix->next_bloom, ix->directory, ix->vfs, &ix->stop, &err)) {
        return frozen_in;
    }
    if (!atomic_load(&ix->stop)) {
        log_warn("store", "%s; ids are looked up in the file meanwhile", err.text);
    }
    return false;
}

// Memory that is large is slow to get: the kernel makes it zero when it is first written to, and
// the batch in which a map or a filter began would wait for all of that.
static void make_room(struct order_index *ix) {
    waiting_renew(&ix->used, ix->spare_ids);
    if (ix->ready_keys > 0) {
        ix->ready_bloom = bloom_new(ix->ready_keys); // NULL: begun without, as at the start
    }
    if (ix->ready_bloom != NULL) {
        bloom_touch(ix->ready_bloom, &ix->stop);
    }
}

static void *background(void *user) {
    struct order_index *ix = user;
    if (ix->want_room) {
        make_room(ix);
        atomic_store(&ix->thread_done, true);
        return NULL;
    }
    if (waiting_count(&ix->frozen) > 0 && ix->run == NULL) {
        // NULL, without memory: the writer tries again later.
        ix->sorted = waiting_sorted(&ix->frozen, &ix->n_sorted);
    }
    ix->bloom_failed = ix->want_bloom && !fill_filter(ix);
    atomic_store(&ix->thread_done, true);
    return NULL;
}

void order_index_start_thread(struct order_index *ix) {
    assert(!ix->thread_runs);
    atomic_store(&ix->thread_done, false);
    ix->sorted = NULL;
    ix->thread_runs = pthread_create(&ix->thread, NULL, background, ix) == 0;
    if (ix->thread_runs) {
        pthread_setname_np(ix->thread, "index");
    }
}

void order_index_join_thread(struct order_index *ix) {
    pthread_join(ix->thread, NULL);
    ix->thread_runs = false;
    if (ix->want_room) {
        ix->want_room = false;
        waiting_free(&ix->spare);
        ix->spare = ix->used;
        ix->used = (struct waiting){0};
        return; // nothing was sorted or filled
    }
    if (ix->sorted != NULL) {
        ix->run = ix->sorted;
        ix->run_len = ix->n_sorted;
        ix->run_at = 0;
        ix->sorted = NULL;
    }
    if (ix->want_bloom) {
        ix->want_bloom = false;
        if (ix->bloom_failed) {
            bloom_free(ix->next_bloom);
        } else {
            bloom_free(ix->bloom);
            ix->bloom = ix->next_bloom;
        }
        ix->next_bloom = NULL;
    }
}

size_t order_index_keys_for(int64_t n_ids) {
    size_t n_keys = (size_t)n_ids * 2;
    return n_keys < bloom_smallest ? bloom_smallest : n_keys;
}

void order_index_begin_filter(struct order_index *ix, int64_t n_ids) {
    bloom_free(ix->next_bloom); // one whose thread could not be started
    ix->next_bloom =
        ix->ready_bloom != NULL ? ix->ready_bloom : bloom_new(order_index_keys_for(n_ids));
    ix->ready_bloom = NULL;
    ix->want_bloom = ix->next_bloom != NULL; // without memory for it: slower, and just as right
}
