// SPDX-License-Identifier: MIT
// One read transaction for each batch that asks anything, so that its locks are taken once.
//
// How it fails: what SQLite says, as the failure of the batch in work; it is closed and opened
// again with everything else then.
#include "store/sqlite/sqlite_aside.h"

#include "store/sqlite/sqlite_schema.h"

static bool open_aside(struct sqlite_aside *a, const char *directory, const char *vfs,
                       struct error *err) {
    bool ok = sqlite_connect(directory, vfs, SQLITE_READER, &a->db, err) &&
              sqlite_prepare(a->db, "BEGIN", &a->begin, err) &&
              sqlite_prepare(a->db, "COMMIT", &a->end, err) &&
              sqlite_lookup_open(a->db, &a->lookup, err);
    if (!ok) {
        sqlite_aside_close(a);
    }
    return ok;
}

struct sqlite_lookup *sqlite_aside_use(struct sqlite_aside *a, const char *directory,
                                       const char *vfs, struct error *err) {
    if (a->in_use) {
        return &a->lookup;
    }
    if (a->db == NULL && !open_aside(a, directory, vfs, err)) {
        return NULL;
    }
    if (!sqlite_do(a->begin)) {
        sqlite_failed(a->db, "looking up what is known", err);
        return NULL;
    }
    order_lookup_forget(&a->lookup.ids);
    a->in_use = true;
    return &a->lookup;
}

bool sqlite_aside_end(struct sqlite_aside *a) {
    bool was = a->in_use;
    if (was && !sqlite_do(a->end)) {
        sqlite_aside_close(a);
    }
    a->in_use = false;
    return was;
}

void sqlite_aside_close(struct sqlite_aside *a) {
    sqlite_lookup_close(&a->lookup);
    sqlite3_finalize(a->begin);
    sqlite3_finalize(a->end);
    sqlite3_close(a->db);
    *a = (struct sqlite_aside){0};
}
