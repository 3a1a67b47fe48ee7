// SPDX-License-Identifier: MIT
// The window of identities of one partition (window/id_window.h) on this machine's disk, from one
// task to the next, whichever process runs it: its table of entries lies in a mapped file, all else
// in a small one beside it.
//
// What is there is a memory, never the truth: that is in the log, from where a window can always be
// read back. So whatever cannot be trusted is left alone and the window begins empty: another
// committed offset than the file tells of, an earlier boot of the machine (written pages may be
// lost; told by /proc/sys/kernel/random/boot_id, without which nothing is trusted), a process that
// died while it judged, files that are damaged, foreign or gone.
//
// Where there is room the best directory is one in memory (tmpfs): it is as fast as the heap, and
// nothing is good after a reboot anyway. On a disk changed pages are written back all the time.
//
// Nothing here ends the process or changes anything outside of the directory. A task is used by one
// thread at a time; tasks are independent of each other.
#pragma once
#include "base/error.h"
#include "base/heap.h"
#include "base/must.h"
#include "kernel/window_kept.h"
#include "window/id_window.h"

// Borrowed until open returns, but for the heap and what is kept.
struct window_file_key {
    const char *directory; // made if it is not there, in one that is; this user's alone (0700)
    const char *topic_id;  // "": not known; at most LOG_TOPIC_ID_BYTES - 1 (engine/log_store.h)
    int32_t partition, lane;
    int64_t window_ms;
    uint64_t max_bytes;          // of the table
    const struct mem_heap *heap; // NULL: the process's own
    struct window_kept *kept;    // of this process, for its next task (window_kept.h); NULL: none
};

enum window_file_result {
    WINDOW_FILE_OK,
    WINDOW_FILE_BUSY, // another has it open, in this process or another
    WINDOW_FILE_NO_MEMORY,
    WINDOW_FILE_FAILED, // the disk, a directory of others, or a key that cannot be
};

struct window_file;
// Opens it for what comes from committed_offset on: the partition's next offset as it is in the
// aggregates. *knows: the window knows all before that. Else it is empty, of `start`, and is to be
// given history (id_window_remember) from there to committed_offset before anything else. Waits for
// another that has it for at most lock_wait_ms. Not OK: `err` is filled and *out NULL.
//
// Other windows in the directory that nobody has open are removed: of this partition of this topic
// (its lane or window was another) at once, of others when they were not used for a day.
MUST_CHECK enum window_file_result window_file_open(const struct window_file_key *key,
                                                    int64_t committed_offset,
                                                    struct id_window_start start, int lock_wait_ms,
                                                    struct window_file **out, bool *knows,
                                                    struct error *err);
// To judge with; keep and undo are not the caller's. False answers of it: window_file_refused.
struct id_window *window_file_window(struct window_file *f);
// Why memory was refused to the window: the disk (full, say), or FALSE: the heap.
bool window_file_refused(const struct window_file *f, struct error *err);
// Everything before `to` was judged. The next open with `to` committed goes on from here; one with
// the same committed offset as this one undoes what was judged since. Nothing may be judged
// afterwards. Not OK (NO_MEMORY, FAILED): it was not saved, and `err` is filled.
MUST_CHECK enum window_file_result window_file_save(struct window_file *f, int64_t to,
                                                    struct error *err);
// Without a save the next open finds it as it was at committed_offset; or empty when it did not
// know that. NULL is fine.
void window_file_close(struct window_file *f);
