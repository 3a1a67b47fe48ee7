// SPDX-License-Identifier: MIT
// A SQLite file system for tests that passes everything on to the real one, counts what would reach
// the disk, and makes the n-th such call fail.
#pragma once
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

// FAULT_MAIN_SYNC: one of FAULT_SYNC, of the database itself and not of its log.
enum fault_call {
    FAULT_WRITE,
    FAULT_SYNC,
    FAULT_TRUNCATE,
    FAULT_OPEN,
    FAULT_MAIN_SYNC,
    FAULT_CALLS
};

// Atomic: the thread that fills the index opens files too.
static struct {
    atomic_long passed[FAULT_CALLS];  // calls so far
    atomic_long fail_at[FAULT_CALLS]; // fail from this call on (1-based); 0: never
    atomic_long fail_for;             // that many calls in a row
    atomic_int code;                  // SQLITE_FULL, SQLITE_IOERR_FSYNC, ...
    atomic_bool torn;                 // a failing write still writes its first half
    atomic_bool hit;
    sqlite3_vfs *real;
} fault;

struct fault_file {
    sqlite3_file base;
    sqlite3_io_methods methods;
    sqlite3_file *real;
    bool is_main;
};

static bool fault_now(enum fault_call call) {
    long n = ++fault.passed[call], from = fault.fail_at[call];
    bool fails = from > 0 && n >= from && n < from + fault.fail_for;
    if (fails) {
        fault.hit = true;
    }
    return fails;
}

#define REAL(file) (((struct fault_file *)(file))->real)

static int fault_close(sqlite3_file *f) {
    int rc = REAL(f)->pMethods != NULL ? REAL(f)->pMethods->xClose(REAL(f)) : SQLITE_OK;
    free(REAL(f));
    return rc;
}
static int fault_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) {
    return REAL(f)->pMethods->xRead(REAL(f), p, n, at);
}
static int fault_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at) {
    if (fault_now(FAULT_WRITE)) {
        if (fault.torn) {
            int rc = REAL(f)->pMethods->xWrite(REAL(f), p, n / 2, at);
            (void)rc;
        }
        return fault.code;
    }
    return REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
}
static int fault_truncate(sqlite3_file *f, sqlite3_int64 size) {
    return fault_now(FAULT_TRUNCATE) ? fault.code : REAL(f)->pMethods->xTruncate(REAL(f), size);
}
static int fault_sync(sqlite3_file *f, int flags) {
    bool main_fails = ((struct fault_file *)f)->is_main && fault_now(FAULT_MAIN_SYNC);
    return fault_now(FAULT_SYNC) || main_fails ? fault.code
                                               : REAL(f)->pMethods->xSync(REAL(f), flags);
}
static int fault_size(sqlite3_file *f, sqlite3_int64 *size) {
    return REAL(f)->pMethods->xFileSize(REAL(f), size);
}
static int fault_lock(sqlite3_file *f, int level) {
    return REAL(f)->pMethods->xLock(REAL(f), level);
}
static int fault_unlock(sqlite3_file *f, int level) {
    return REAL(f)->pMethods->xUnlock(REAL(f), level);
}
static int fault_reserved(sqlite3_file *f, int *out) {
    return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}
static int fault_control(sqlite3_file *f, int op, void *arg) {
    return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}
static int fault_sector(sqlite3_file *f) {
    return REAL(f)->pMethods->xSectorSize(REAL(f));
}
static int fault_device(sqlite3_file *f) {
    return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}
static int fault_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **p) {
    return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, p);
}
static int fault_shm_lock(sqlite3_file *f, int offset, int n, int flags) {
    return REAL(f)->pMethods->xShmLock(REAL(f), offset, n, flags);
}
static void fault_shm_barrier(sqlite3_file *f) {
    REAL(f)->pMethods->xShmBarrier(REAL(f));
}
static int fault_shm_unmap(sqlite3_file *f, int del) {
    return REAL(f)->pMethods->xShmUnmap(REAL(f), del);
}

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                      int *out_flags) {
    (void)vfs;
    struct fault_file *f = (struct fault_file *)file;
    f->base.pMethods = NULL;
    if (fault_now(FAULT_OPEN)) {
        return fault.code;
    }
    f->is_main = (flags & SQLITE_OPEN_MAIN_DB) != 0;
    f->real = calloc(1, (size_t)fault.real->szOsFile);
    int rc = fault.real->xOpen(fault.real, name, f->real, flags, out_flags);
    if (rc != SQLITE_OK) {
        free(f->real);
        return rc;
    }
    f->methods = (sqlite3_io_methods){2,
                                      fault_close,
                                      fault_read,
                                      fault_write,
                                      fault_truncate,
                                      fault_sync,
                                      fault_size,
                                      fault_lock,
                                      fault_unlock,
                                      fault_reserved,
                                      fault_control,
                                      fault_sector,
                                      fault_device,
                                      fault_shm_map,
                                      fault_shm_lock,
                                      fault_shm_barrier,
                                      fault_shm_unmap,
                                      NULL,
                                      NULL};
    f->base.pMethods = &f->methods;
    return SQLITE_OK;
}

// Registers the file system "fault"; once per program.
static inline void fault_vfs_register(void) {
    static sqlite3_vfs vfs;
    fault.real = sqlite3_vfs_find(NULL);
    vfs = *fault.real;
    vfs.zName = "fault";
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct fault_file);
    vfs.xOpen = fault_open;
    sqlite3_vfs_register(&vfs, 0);
}

static inline void fault_vfs_reset(void) {
    for (int call = 0; call < FAULT_CALLS; call++) {
        fault.passed[call] = 0;
        fault.fail_at[call] = 0;
    }
    fault.fail_for = 1;
    fault.code = SQLITE_OK;
    fault.torn = false;
    fault.hit = false;
}
