// SPDX-License-Identifier: MIT
// The checkpoint thread.
//
// 1. After each commit the writer says how long the WAL is.
// 2. From START_PAGES on the thread copies it into the database file (PASSIVE: it never blocks the
//    writer or readers), and again while it grows.
// 3. While the writer is busy the copy never quite reaches the end, so the file would grow for
//    ever: past HELP_PAGES the writer copies the short rest itself between two commits, and its
//    next commit starts the file over.
// A long reader keeps the file from starting over; it grows meanwhile, which /metrics shows and a
// warning says. Fails: an I/O error is logged and tried again after the next commit; commits are
// durable in the WAL all the while.
#include "store/sqlite/sqlite_checkpoint.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/sqlite/sqlite_schema.h"
#include <pthread.h>
#include <stdlib.h>

enum {
    START_PAGES = 2000,   // 8 MB
    HELP_PAGES = 16000,   // 64 MB
    WARN_PAGES = 1000000, // 4 GB
};

struct checkpointer {
    sqlite3 *db, *writer;
    int n_pages; // of the log, after the writer's newest commit; its thread's
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop, asked, works, warned;
};

// Not being able to is no failure of a batch: it is durable.
static void copy_log(sqlite3 *db) {
    int rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc != SQLITE_OK && rc != SQLITE_BUSY) {
        struct error err;
        sqlite_failed(db, "moving the write-ahead log into the database", &err);
        log_warn("store", "%s", err.text);
    }
}

static void *run(void *user) {
    struct checkpointer *c = user;
    pthread_mutex_lock(&c->lock);
    while (!c->stop) {
        if (!c->asked) {
            pthread_cond_wait(&c->wake, &c->lock);
            continue;
        }
        c->asked = false;
        c->works = true;
        pthread_mutex_unlock(&c->lock);
        copy_log(c->db);
        fault_point("store-checkpoint");
        pthread_mutex_lock(&c->lock);
        c->works = false;
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static int note_pages(void *user, sqlite3 *db, const char *name, int n_pages) {
    UNUSED(db);
    UNUSED(name);
    ((struct checkpointer *)user)->n_pages = n_pages;
    return SQLITE_OK;
}

struct checkpointer *checkpointer_start(const char *directory, const char *vfs, sqlite3 *writer,
                                        struct error *err) {
    struct checkpointer *c = mem_zalloc(1, sizeof *c);
    c->writer = writer;
    if (!sqlite_connect(directory, vfs, SQLITE_CHECKPOINTER, &c->db, err)) {
        free(c);
        return NULL;
    }
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, NULL);
    if (pthread_create(&c->thread, NULL, run, c) != 0) {
        error_set(err, ERROR_RETRIABLE, "cannot start the checkpoint thread");
        sqlite3_close(c->db);
        free(c);
        return NULL;
    }
    pthread_setname_np(c->thread, "checkpoint");
    sqlite3_wal_hook(writer, note_pages, c);
    return c;
}

void checkpointer_stop(struct checkpointer *c) {
    if (c == NULL) {
        return;
    }
    sqlite3_wal_hook(c->writer, NULL, NULL);
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    sqlite3_close(c->db);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->wake);
    free(c);
}

// Wakes the thread when there is enough to do. True: it does not keep up.
static bool wake_thread(struct checkpointer *c) {
    pthread_mutex_lock(&c->lock);
    bool help = c->n_pages >= HELP_PAGES && !c->works && !c->asked;
    if (!help && !c->asked && !c->works) {
        c->asked = true;
        pthread_cond_signal(&c->wake);
    }
    bool warn = c->n_pages >= WARN_PAGES && !c->warned;
    c->warned = c->n_pages >= WARN_PAGES;
    pthread_mutex_unlock(&c->lock);
    if (warn) {
        log_warn("store",
                 "the write-ahead log has %d pages: a long reader keeps it from starting "
                 "over; close tools that hold sales.db open",
                 c->n_pages);
    }
    return help;
}

void checkpointer_after_commit(struct checkpointer *c) {
    if (c->n_pages >= START_PAGES && wake_thread(c)) {
        copy_log(c->writer); // the short rest, so that the next commit starts the file over
    }
}
