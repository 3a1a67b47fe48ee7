// SPDX-License-Identifier: MIT
// The identities of a log's partition within the dedupe window, in memory: 16 bytes each. What is
// known is a pure function of the log: of offsets and stamps, never of the clock, of batches or of
// when it was read. So it can be read back, and every verdict with it.
//
// Stamps may be anything: arrivals, times of events, 1970, one far ahead. Time is the partition's
// own and slow to believe: it is the smallest stamp of the last 16 messages that came together,
// and never goes back. So it is never ahead of the true time while stamps are not, and fewer than
// 16 messages ahead do not move it.
//
// Identities lie in steps, in the order of the log. A step lives until time has gone on by
// window_ms since the messages that came after it, or since its own latest stamp, whichever is
// later (its stamp counts for at most a window more). So an identity is known for at least
// window_ms of arrival, see docs/guarantees.md.
//
// An entry holds 84 bits of the identity's digest and 28 bits of the content's: among 33 million
// identities (512 MiB) two collide with a chance of 3 in 10^11.
//
// What a batch does to it (identities, time, steps) is undone when the batch fails. So too when
// memory is refused: after a false answer the batch has to be undone before anything else. A batch
// that waits for its commit may be marked, and the next one begun.
//
// Everything but the table of entries can be saved as bytes, with the batch in work, and loaded
// again over the same table, also by another process. One thread at a time.
#pragma once
#include "base/buf.h"
#include "base/heap.h"
#include "base/must.h"
#include "order/order_digest.h"
#include "window/known.h"
#include <stdint.h>

// Memory that all windows of a process share: of the tables of entries.
struct id_budget {
    size_t max_bytes, used_bytes;
};
#define ID_WINDOW_ENTRY_BYTES 16

// Where a table of entries lies, if not in the heap: in a file, say.
struct id_table_memory {
    void *(*take)(void *user, size_t n_bytes); // zeroed, aligned as by malloc; NULL: refused
    void (*give)(void *user, void *table, size_t n_bytes); // back what was taken
    void *user;
};

// All that it points to is borrowed for the window's life.
struct id_window_options {
    int64_t window_ms;
    struct id_budget *budget;
    const struct mem_heap *heap;         // NULL: the process's own
    const struct id_table_memory *table; // NULL: the heap
};

// From where the log has to be read so that the same is known again: an offset, and the partition's
// time there. {0, 0}: from the beginning of a partition.
struct id_window_start {
    int64_t offset, time_ms;
};

struct id_window;
// Knows nothing yet. NULL: memory is refused.
MUST_CHECK struct id_window *id_window_new(const struct id_window_options *options,
                                           struct id_window_start start);
void id_window_free(struct id_window *w); // with its table; NULL is fine

void id_window_prefetch(const struct id_window *w, const struct order_digest *d);
// The next message, offsets ascending. What comes again with the same content is as young as its
// newest repetition. One that came before (offset) changes nothing. False: memory is refused.
MUST_CHECK bool id_window_known(struct id_window *w, const struct order_digest *d, int64_t offset,
                                int64_t arrival_ms, enum known_as *out);
// Adds the message's identity, which was new. When the budget is used up the oldest are forgotten.
// False: memory is refused.
MUST_CHECK bool id_window_add(struct id_window *w, const struct order_digest *d);
// The next message, which has no identity to know, or leaves none: time moves on. False: memory is
// refused.
MUST_CHECK bool id_window_pass(struct id_window *w, int64_t offset, int64_t arrival_ms);
// The next message, which was committed before: as known and add. It stays whatever becomes of the
// batch. digest NULL: it was refused then, as pass. False: memory is refused; once that is undone
// it can be given again, with all that were remembered before it still there.
MUST_CHECK bool id_window_remember(struct id_window *w, const struct order_digest *digest,
                                   int64_t offset, int64_t arrival_ms);

// Ends a batch: what it did stays, or is undone.
void id_window_keep(struct id_window *w);
void id_window_undo(struct id_window *w);
// Two batches: the one in work was judged, and what follows is of the next. When it was committed,
// keep_marked has it stay, while the next one can still be undone; undo undoes both. It is one of
// the two before the next mark.
void id_window_mark(struct id_window *w);
void id_window_keep_marked(struct id_window *w);

// As of now, with the batch in work. The offset never goes back.
struct id_window_start id_window_start(const struct id_window *w);

struct id_window_facts {
    size_t n_ids, bytes;
    int64_t covered_ms; // the window in force: window_ms, or less after the budget was used up
};
struct id_window_facts id_window_facts(const struct id_window *w);

// --- Out of memory and back (id_window_saved.c)

// Appends everything but the table and the changes of the batch in work: versioned, checksummed,
// for this machine alone (its byte order). Good until the window changes. out->failed when memory
// is refused. No batch is marked.
void id_window_save(const struct id_window *w, struct buf *out);
// Those changes: 24 bytes for each identity, so they are not copied. Borrowed until the window
// changes; whoever keeps them sees to it that they come back as they were. Empty, never absent.
struct text id_window_changes(const struct id_window *w);

enum id_window_loaded {
    ID_WINDOW_LOADED,
    ID_WINDOW_OTHER, // damaged, of another version, of other options, or not of this table
    ID_WINDOW_NO_MEMORY,
};
// What is loaded: borrowed, but for the table, which is the window's from LOADED on.
struct id_window_saved {
    struct text saved;
    struct text changes; // absent: the batch is kept
    void *table;         // what the saved window had from `take`, with what was in it then
    size_t table_bytes;
    bool as_left; // it is known that nothing has changed in the table since
};
// The window that was saved, with its batch in work: to go on, keep or undo. Any bytes are safe,
// in the table too, all of which is read once: one that was changed since but still adds up is not
// told apart. Only where it is `as_left` it is not read, which for a long window takes longer than
// to judge a short batch.
MUST_CHECK enum id_window_loaded id_window_load(const struct id_window_options *options,
                                                const struct id_window_saved *from,
                                                struct id_window **out);
