// SPDX-License-Identifier: MIT
// The checkpoint thread.
//
// 1. After each commit the writer says how long the WAL is.
// 2. From start_pages on the thread copies it into the database file (PASSIVE: it never blocks the
//    writer or readers), and again while it grows.
//    What is copied goes to the disk as it comes, so that the next step has little to wait for.
// 3. While the writer is busy the copy never quite reaches the end, so the file would grow for
//    ever: past help_pages the writer copies the short rest itself between two commits, and its
//    next commit starts the file over.
// 4. A long reader keeps the file from starting over; it grows meanwhile, which /metrics shows and
//    a warning says. While there is a long log the thread looks again by itself: when the reader
//    has ended it copies the rest and cuts the file, also when no commit comes any more.
// Fails: an I/O error is logged and tried again; commits are durable in the WAL all the while.
// After a failed sync of the database nothing is copied any more, and the log is kept when it is
// closed.
#include "store/sqlite/sqlite_checkpoint.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/sqlite/sqlite_schema.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

static int start_pages = 2000;  // 8 MB
static int help_pages = 16000;  // 64 MB
static int warn_pages = 262144; // 1 GiB
enum {
    LOOK_AGAIN_S = 5,
    SEND_PAGES = 2000, // 8 MB
    CUT_WAIT_MS = 50,  // for readers, while the writer waits
};
static const int64_t CUT_BYTES = INT64_C(64) * 1024 * 1024;

void checkpointer_set_pages(int start, int help, int warn) {
    start_pages = start;
    help_pages = help;
    warn_pages = warn;
}

struct checkpointer {
    sqlite3 *db, *writer;
    int n_sent;  // pages that were copied and sent to the disk since; its thread's
    int n_pages; // of the log, after the writer's newest commit; its thread's
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool keeps_log; // a sync of the database has failed
    bool stop, asked, works, warned;
    bool look_again; // there is a long log: not only when asked
};

// What the disk refused to sync is lost, and no later sync tells of it. So the log, which has it,
// is kept from then on, also when it is closed: the next start copies all of it again.
static void keep_log(struct checkpointer *c, const char *why) {
    if (!atomic_exchange(&c->keeps_log, true)) {
        log_error("store",
                  "the disk did not take what was moved from the write-ahead log into the database "
                  "(%s): the log is kept and grows until the next start; look after the disk",
                  why);
    }
}

// Not being able to is no failure of a batch: it is durable. True: all of the log was copied.
static bool copy_log(struct checkpointer *c, sqlite3 *db, int mode, int *n_copied) {
    int n_log = 0;
    *n_copied = 0;
    int rc = sqlite3_wal_checkpoint_v2(db, NULL, mode, &n_log, n_copied);
    if (rc == SQLITE_IOERR_FSYNC) {
        keep_log(c, sqlite3_errmsg(db));
    } else if (rc != SQLITE_OK && rc != SQLITE_BUSY) {
        struct error err;
        sqlite_failed(db, "moving the write-ahead log into the database", &err);
        log_warn("store", "%s", err.text);
    }
    return rc == SQLITE_OK && *n_copied == n_log;
}

static int64_t log_bytes(sqlite3 *db) {
    char path[4200];
    struct stat st;
    snprintf(path, sizeof path, "%s-wal", sqlite3_db_filename(db, "main"));
    return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

// SQLite syncs the database when all of the log is in it; what was copied by then would be on its
// way to the disk while the writer waits for it.
static void send_copied(struct checkpointer *c) {
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(c->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (rc == SQLITE_OK && file != NULL && file->pMethods != NULL) {
        rc = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
    }
    if (rc != SQLITE_OK) {
        keep_log(c, sqlite3_errstr(rc));
    }
}

// The thread's own. True: the log is long still, so look again.
static bool work_on_log(struct checkpointer *c) {
    int n_copied;
    if (atomic_load(&c->keeps_log)) {
        return false;
    }
    bool copied = copy_log(c, c->db, SQLITE_CHECKPOINT_PASSIVE, &n_copied);
    if (copied || n_copied < c->n_sent) {
        c->n_sent = 0;
    }
    if (!copied && n_copied - c->n_sent >= SEND_PAGES) {
        send_copied(c);
        c->n_sent = n_copied;
    }
    if (log_bytes(c->db) <= CUT_BYTES) {
        return false;
    }
    // A writer that is busy cuts the file itself, by its journal_size_limit, when it starts over.
    return !copied || !copy_log(c, c->db, SQLITE_CHECKPOINT_TRUNCATE, &n_copied);
}

// With the lock. Until somebody asks; or for a while, when there is something to look at again.
static void wait_for_work(struct checkpointer *c) {
    struct timespec until;
    if (!c->look_again) {
        pthread_cond_wait(&c->wake, &c->lock);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_AGAIN_S;
    if (pthread_cond_timedwait(&c->wake, &c->lock, &until) == ETIMEDOUT) {
        c->asked = true;
    }
}

static void *sqlite_checkpoint_run(void *user) {
    struct checkpointer *c = user;
    pthread_mutex_lock(&c->lock);
    c->look_again = log_bytes(c->db) > CUT_BYTES;
    while (!c->stop) {
        if (!c->asked) {
            wait_for_work(c);
            continue;
        }
        c->asked = false;
        c->works = true;
        pthread_mutex_unlock(&c->lock);
        bool look_again = work_on_log(c);
        fault_point("store-checkpoint");
        pthread_mutex_lock(&c->lock);
        c->look_again = look_again;
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
    sqlite3_busy_timeout(c->db, CUT_WAIT_MS);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&c->thread, NULL, sqlite_checkpoint_run, c) != 0) {
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
    if (atomic_load(&c->keeps_log)) {
        (void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        (void)sqlite3_db_config(c->writer, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    sqlite3_close(c->db);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->wake);
    free(c);
}

// Wakes the thread when there is enough to do. True: it does not keep up.
static bool wake_thread(struct checkpointer *c) {
    pthread_mutex_lock(&c->lock);
    bool help = c->n_pages >= help_pages && !c->works && !c->asked;
    if (!help && !c->asked && !c->works) {
        c->asked = true;
        pthread_cond_signal(&c->wake);
    }
    if (help && !c->look_again) { // it may be the last commit for long
        c->look_again = true;
        pthread_cond_signal(&c->wake);
    }
    bool warn = c->n_pages >= warn_pages && !c->warned && !atomic_load(&c->keeps_log);
    c->warned = c->n_pages >= warn_pages;
    pthread_mutex_unlock(&c->lock);
    if (warn) {
        log_warn("store",
                 "the write-ahead log has %d MiB: a long reader keeps it from starting over; close "
                 "tools that hold sales.db open",
                 c->n_pages / 256);
    }
    return help;
}

bool checkpointer_is_behind(const struct checkpointer *c) {
    return c->n_pages >= help_pages && !atomic_load(&c->keeps_log);
}

void checkpointer_after_commit(struct checkpointer *c) {
    if (c->n_pages >= start_pages && wake_thread(c) && !atomic_load(&c->keeps_log)) {
        int n_copied; // the short rest, so that the next commit starts the file over
        (void)copy_log(c, c->writer, SQLITE_CHECKPOINT_PASSIVE, &n_copied);
    }
}
