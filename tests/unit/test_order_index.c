// SPDX-License-Identifier: MIT
// The index of order ids against a plain set: at every stage of an id's way (waiting, frozen, its
// run half written, in a run, in runs that are being merged), after crashes and after orderly ends,
// a known id is found at its own position and an unknown id is not found, by the writer and by
// readers.
#include "index_rows.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/audit/audit_sqlite_index.h"
#include "store/sqlite/order_merge.h"
#include "store/sqlite/sqlite_store.h"
#include <pthread.h>
#include <search.h>
#include <stdatomic.h>

enum { IDS_MAX = 60000, BATCH = 400 };

// A shop with the plain set beside it: all ids in order of position, and a table by their text.
struct world {
    struct shop shop;
    struct cube *cube;
    struct cube_dim group;
    struct ident *ids;
    int64_t n;
    struct hsearch_data set;
    struct arena texts;
    sqlite3 *look; // a connection of the test's own
    bool saw_none_moved, saw_half_moved, saw_all_moved, saw_merged, saw_given_up;
    uint64_t random;
};

static uint64_t dice(struct world *w) {
    return hash_u64(w->random += UINT64_C(0x9e3779b97f4a7c15));
}

static sqlite3 *connect_to(const char *directory) {
    char path[128];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/sales.db", directory);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 2000); // a connection of the store may just set up what all share
    return db;
}

static int64_t ask(sqlite3 *db, const char *sql) {
    int64_t value = 0;
    struct error err;
    if (!sqlite_int(db, sql, 0, &value, &err)) {
        fail_msg("%s", err.text);
    }
    return value;
}

static void world_open(struct world *w) {
    shop_open(&w->shop);
    w->look = connect_to(w->shop.directory);
}

static void world_close(struct world *w) {
    sqlite3_close(w->look);
    shop_close(&w->shop);
}

static void world_make(struct world *w, size_t run_length, size_t bloom_keys) {
    memset(w, 0, sizeof *w);
    order_index_set_sizes(run_length, bloom_keys);
    shop_make(&w->shop, NULL);
    w->cube = mem_must(cube_new(w->shop.zone, NULL));
    w->group = (struct cube_dim){.source = TEXT_LIT("GOOGLE"),
                                 .state = TEXT_LIT("CA"),
                                 .product_id = IDENT_NONE,
                                 .currency = "USD"};
    w->ids = mem_zalloc(IDS_MAX, sizeof *w->ids);
    assert_int_not_equal(hcreate_r(IDS_MAX * 2, &w->set), 0);
    world_open(w);
}

static void world_remove(struct world *w) {
    sqlite3_close(w->look);
    shop_remove(&w->shop);
    cube_free(w->cube);
    hdestroy_r(&w->set);
    arena_free(&w->texts);
    free(w->ids);
    order_index_set_sizes(0, 0);
    order_index_set_hash_bits(63);
}

// --- The plain set

static char *key_of(struct ident id, char *key) {
    if (id.num >= 0) {
        sprintf(key, "%lld", (long long)id.num);
    } else {
        sprintf(key, "%.*s", TEXT_ARG(id.text));
    }
    return key;
}

static int64_t set_find(struct world *w, struct ident id) {
    char key[ORDER_ID_MAX + 1];
    ENTRY wanted = {.key = key_of(id, key)}, *found = NULL;
    hsearch_r(wanted, FIND, &found, &w->set);
    return found != NULL ? (int64_t)(intptr_t)found->data : 0;
}

static void set_add(struct world *w, struct ident id) {
    assert_true(w->n < IDS_MAX);
    w->ids[w->n++] = id;
    char key[ORDER_ID_MAX + 1];
    struct text kept;
    assert_true(arena_try_copy(&w->texts, (struct text){key_of(id, key), strlen(key) + 1}, &kept));
    ENTRY entry = {.key = (char *)(uintptr_t)kept.at, .data = (void *)(intptr_t)w->n}, *put;
    assert_int_not_equal(hsearch_r(entry, ENTER, &put, &w->set), 0);
}

// --- What the store says

// Inside a batch.
static struct known check(struct world *w, struct ident id) {
    struct known known;
    struct error err;
    struct store *s = w->shop.store;
    int64_t want = set_find(w, id);
    struct order o = shop_order(&w->shop, 0, 10000);
    o.order_id = id;
    if (s->ops->known(s, &o, &(struct stamp){0}, &known, &err) != STORE_OK) {
        fail_msg("%s", err.text);
    }
    if (known.as != (want != 0 ? KNOWN_SAME : KNOWN_NEW) || known.position != want) {
        char key[ORDER_ID_MAX + 1];
        fail_msg("%s of %lld ids: is at %lld (0: new), the store says %lld", key_of(id, key),
                 (long long)w->n, (long long)want, (long long)known.position);
    }
    return known;
}

static bool keep_position(void *user, const struct stored_event *event) {
    *(int64_t *)user = event->position;
    return true;
}

static void check_readers(struct world *w, const struct ident *ids, int n) {
    for (int with_writer = 0; with_writer < 2; with_writer++) {
        struct sales_reader *r;
        struct store_settings settings;
        struct error err;
        assert_true(sqlite_reader_open(w->shop.directory, with_writer ? w->shop.store : NULL, 10000,
                                       &r, &settings, &err));
        for (int i = 0; i < n; i++) {
            int64_t position = 0;
            if (!r->ops->order(r, ids[i], keep_position, &position, &err)) {
                fail_msg("%s", err.text);
            }
            assert_int_equal(position, set_find(w, ids[i]));
        }
        r->ops->close(r);
    }
}

static bool half_moved(struct world *w) {
    return ask(w->look, "SELECT count(*) FROM order_runs WHERE state = 0 AND run NOT IN "
                        "(SELECT merged_into FROM order_runs WHERE merged_into IS NOT NULL)") != 0;
}

static bool half_merged(struct world *w) {
    return ask(w->look, "SELECT count(*) FROM order_runs WHERE merged_into IS NOT NULL") != 0;
}

#define HALF_MERGED_BLOCKS                                                                         \
    "SELECT count(*) FROM order_blocks WHERE run IN (SELECT merged_into FROM order_runs)"
#define GIVEN_UP "SELECT count(*) FROM order_runs WHERE state = 2"

static void observe(struct world *w) {
    int64_t below = ask(w->look, "SELECT indexed_below FROM pipeline_state");
    struct error err;
    bool half = half_moved(w);
    assert_int_equal(index_sums(w->look).ids, below - 1);
    assert_in_range(below, 1, w->n + 1);
    if (dice(w) % 10 == 0) { // what verify says of it
        struct audit_index index;
        assert_true(audit_sqlite_index(w->look, &index, &err));
        assert_int_equal(index.n_ids, below - 1);
        assert_int_equal(index.n_wrong, 0);
        assert_int_equal(index.n_damaged, 0);
    }
    w->saw_none_moved = w->saw_none_moved || (w->n > 0 && below == 1 && !half);
    w->saw_half_moved = w->saw_half_moved || half;
    w->saw_all_moved = w->saw_all_moved || (below > 1 && !half);
    w->saw_merged = w->saw_merged || half_merged(w);
    w->saw_given_up = w->saw_given_up || ask(w->look, GIVEN_UP) != 0;
}

// --- Batches

static void begin(struct world *w) {
    struct error err;
    assert_int_equal(w->shop.store->ops->begin(w->shop.store, &err), STORE_OK);
    cube_forget(w->cube);
    assert_non_null(cube_cell(w->cube, CUBE_TOTALS, 0, &w->group)); // its only group: number 0
}

static void commit(struct world *w, struct batch_summary *batch) {
    struct error err;
    struct store *s = w->shop.store;
    bool aside = false;
    if (s->ops->commit_begin(s, w->cube, batch, &aside, &err) != STORE_OK ||
        s->ops->commit_finish(s, &err) != STORE_OK) {
        fail_msg("%s", err.text);
    }
    observe(w);
}

static void check_all(struct world *w) {
    begin(w);
    for (int64_t i = 0; i < w->n; i++) {
        check(w, w->ids[i]);
    }
    commit(w, &(struct batch_summary){0});
}

// One batch: those of the ids that are new are added, as the engine would.
static void add_batch(struct world *w, const struct ident *ids, int n) {
    struct store *s = w->shop.store;
    struct error err;
    struct batch_summary batch = {0};
    begin(w);
    for (int i = 0; i < n; i++) {
        struct order o = shop_order(&w->shop, 0, 10000);
        o.order_id = ids[i];
        struct known known = check(w, ids[i]);
        batch.counts.received++;
        if (set_find(w, ids[i]) != 0) {
            batch.counts.duplicate++;
            continue;
        }
        assert_int_equal(s->ops->add(s, &o, &(struct stamp){.arrival_ms = w->shop.now_ms}, &known,
                                     &w->group, &err),
                         STORE_OK);
        set_add(w, ids[i]);
        batch.counts.accepted++;
        if (dice(w) % 16 == 0) { // at once
            check(w, ids[i]);
        }
    }
    commit(w, &batch);
}

// A sample of what is known, and of neighbours that may or may not be.
static void check_sample(struct world *w, int n) {
    begin(w);
    for (int i = 0; i < n && w->n > 0; i++) {
        struct ident id = w->ids[dice(w) % (uint64_t)w->n];
        check(w, id);
        if (id.num > 0 && id.num < INT64_MAX) {
            check(w, (struct ident){id.num - 1, TEXT_NONE});
            check(w, (struct ident){id.num + 1, TEXT_NONE});
            check(w, (struct ident){(int64_t)(dice(w) >> 1), TEXT_NONE});
        }
    }
    commit(w, &(struct batch_summary){0});
}

enum kind { INCREASING, GAPS, SHUFFLED, NEAR_THE_END, TEXTS, KINDS };
static struct ident nth(struct world *w, enum kind kind, int64_t i);
static void check_nth(struct world *w, enum kind kind, int64_t from, int64_t n) {
    begin(w);
    for (int64_t i = from; i < from + n; i++) {
        check(w, nth(w, kind, i));
    }
    commit(w, &(struct batch_summary){0});
}

static struct ident text_ident(struct world *w, const char *format, uint64_t number) {
    char text[ORDER_ID_MAX + 1];
    struct ident id = IDENT_NONE;
    int len = snprintf(text, sizeof text, format, (unsigned long long)number);
    assert_true(arena_try_copy(&w->texts, (struct text){text, (size_t)len}, &id.text));
    return id;
}

// The i-th id of a kind; all kinds are disjoint.
static struct ident nth(struct world *w, enum kind kind, int64_t i) {
    switch (kind) {
    case INCREASING:
        return (struct ident){1 + i, TEXT_NONE};
    case GAPS: // 7 of 10
        return (struct ident){1000000 + i + i / 7 * 3, TEXT_NONE};
    case SHUFFLED: // a permutation of 2^20 numbers
        return (struct ident){INT64_C(1) << 40 | (i * 517253 & 0xfffff), TEXT_NONE};
    case NEAR_THE_END:
        return (struct ident){INT64_MAX - i, TEXT_NONE};
    default:
        return text_ident(w, "order-%016llx", hash_u64((uint64_t)i + 1));
    }
}

static void add_of_kind(struct world *w, enum kind kind, int64_t from, int64_t n) {
    struct ident ids[BATCH];
    for (int64_t i = 0; i < n;) {
        int take = 0;
        // Batches of all sizes, with one known id again in each.
        int size = 1 + (int)(dice(w) % (BATCH - 1));
        for (; take < size && i < n; take++, i++) {
            ids[take] = nth(w, kind, from + i);
        }
        if (take < BATCH && w->n > 0) {
            ids[take++] = w->ids[dice(w) % (uint64_t)w->n];
        }
        add_batch(w, ids, take);
        check_sample(w, 10);
    }
}

// The sorting thread may be slow: empty batches, which move a few ids each, until all was seen.
// One extent is written at once.
static void expect_all_stages(struct world *w, bool one_extent) {
    for (int i = 0; i < 5000 && !((w->saw_half_moved || one_extent) && w->saw_all_moved); i++) {
        usleep(i < 200 ? 0 : 1000);
        check_sample(w, 1);
    }
    assert_true(w->saw_none_moved);
    assert_true(w->saw_half_moved != one_extent);
    assert_true(w->saw_all_moved);
}

// --- Tests

static void check_kind(enum kind kind, int64_t n) {
    struct world w;
    world_make(&w, 1000, 1500);
    add_of_kind(&w, kind, 0, n);
    check_all(&w);
    struct ident some[40];
    for (int i = 0; i < 40; i++) { // 20 known ones, 20 that are not
        some[i] = nth(&w, kind, i % 2 == 0 ? (int64_t)(dice(&w) % (uint64_t)n) : n + i);
    }
    check_readers(&w, some, 40);
    check_nth(&w, kind, n, 1000);
    expect_all_stages(&w, kind == INCREASING);
    world_close(&w); // orderly: everything goes into a run
    world_open(&w);
    assert_int_equal(index_sums(w.look).ids, n);
    assert_int_equal(ask(w.look, "SELECT indexed_below FROM pipeline_state"), n + 1);
    check_all(&w);
    check_readers(&w, some, 40);
    world_remove(&w);
}

static void increasing_ids_are_known_at_every_stage(void **state) {
    (void)state;
    check_kind(INCREASING, 8000);
}
static void ids_with_gaps_are_known_at_every_stage(void **state) {
    (void)state;
    check_kind(GAPS, 8000);
}
static void shuffled_ids_are_known_at_every_stage(void **state) {
    (void)state;
    check_kind(SHUFFLED, 8000);
}
static void the_largest_ids_are_known_at_every_stage(void **state) {
    (void)state;
    check_kind(NEAR_THE_END, 8000);
}
static void texts_are_known_at_every_stage(void **state) {
    (void)state;
    check_kind(TEXTS, 8000);
}

static void texts_with_equal_hashes_are_told_apart(void **state) {
    (void)state;
    struct world w;
    order_index_set_hash_bits(11); // 2,048 first slots for 1,500 texts
    world_make(&w, 200, 300);
    add_of_kind(&w, TEXTS, 0, 1500);
    expect_all_stages(&w, false);
    check_nth(&w, TEXTS, 0, 3000); // the second half is not known
    world_close(&w);
    world_open(&w);
    check_nth(&w, TEXTS, 0, 3000);
    world_remove(&w);
}

static void all_texts_may_have_one_hash(void **state) {
    (void)state;
    struct world w;
    order_index_set_hash_bits(0);
    world_make(&w, 40, 100);
    add_of_kind(&w, TEXTS, 0, 150);
    check_all(&w);
    check_nth(&w, TEXTS, 150, 1);
    assert_int_equal(index_sums(w.look).ids, index_sums(w.look).extents);
    world_remove(&w);
}

static void the_slot_after_the_last_is_the_first(void **state) {
    (void)state;
    assert_int_equal(order_index_next_slot(-1), INT64_MIN);
    assert_int_equal(order_index_next_slot(INT64_MIN), INT64_MIN + 1);
}

static void increasing_ids_fold_into_few_rows(void **state) {
    (void)state;
    struct world w;
    world_make(&w, 2000, 0);
    struct ident ids[BATCH];
    for (int64_t i = 0; i < 20000; i += BATCH) {
        for (int k = 0; k < BATCH; k++) {
            ids[k] = nth(&w, INCREASING, i + k);
        }
        add_batch(&w, ids, BATCH);
    }
    world_close(&w);
    world_open(&w);
    assert_int_equal(index_sums(w.look).ids, 20000);
    assert_in_range(index_sums(w.look).extents, 1, 11); // runs, and the rest
    check_all(&w);
    world_remove(&w);
}

// The files as they are now, in another directory: what a crash would leave.
static void crash(struct world *w) {
    char other[64], command[512];
    shop_make_directory(other);
    snprintf(command, sizeof command, "cp %s/sales.db %s/sales.db-wal %s/", w->shop.directory,
             w->shop.directory, other);
    assert_int_equal(system(command), 0);
    world_close(w);
    snprintf(command, sizeof command, "rm -rf %s", w->shop.directory);
    assert_int_equal(system(command), 0);
    strcpy(w->shop.directory, other);
    world_open(w);
}

static void crashes_forget_no_id(void **state) {
    (void)state;
    struct world w;
    order_index_set_hash_bits(14);
    world_make(&w, 500, 700);
    int64_t next[KINDS] = {0};
    int n_half = 0;
    for (int round = 0; round < 15; round++) {
        for (int kind = 0; kind < KINDS; kind++) {
            int64_t n = (int64_t)(dice(&w) % 250);
            add_of_kind(&w, (enum kind)kind, next[kind], n);
            next[kind] += n;
        }
        for (int i = 0; i < 300 && round % 2 == 1 && !half_moved(&w); i++) {
            usleep(200);
            add_of_kind(&w, SHUFFLED, next[SHUFFLED]++, 1);
        }
        n_half += half_moved(&w);
        crash(&w);
        check_all(&w);
        check_sample(&w, 100);
    }
    assert_true(n_half >= 4); // crashes in the middle of a run
    world_close(&w);
    world_open(&w);
    check_all(&w);
    for (int kind = 0; kind < KINDS; kind++) {
        check_nth(&w, (enum kind)kind, next[kind], 50);
    }
    assert_int_equal(index_sums(w.look).ids, w.n);
    world_remove(&w);
}

// Adds ids until runs are half merged. The merging thread may be slow, and there are no ids without
// end: it has more time the longer it takes.
static void add_until_half_merged(struct world *w, int64_t *next) {
    for (int i = 0; i < 300 && !half_merged(w); i++) {
        add_of_kind(w, SHUFFLED, *next, i < 200 ? 100 : 1);
        *next += i < 200 ? 100 : 1;
        usleep(i < 200 ? 500 : 50000);
    }
    assert_true(half_merged(w));
}

static void add_until_merged(struct world *w, int64_t *next) {
    for (int i = 0; i < 400 && (half_merged(w) || ask(w->look, GIVEN_UP) != 0); i++) {
        add_of_kind(w, SHUFFLED, *next, 1);
        *next += 1;
        usleep(i < 200 ? 0 : 50000);
    }
    assert_false(half_merged(w));
    assert_int_equal(ask(w->look, GIVEN_UP), 0);
}

static void runs_are_merged_and_nothing_of_them_stays(void **state) {
    (void)state;
    struct world w;
    int64_t next = 0;
    world_make(&w, 150, 200);
    for (int i = 0; i < 2; i++) {
        add_until_half_merged(&w, &next);
        check_all(&w);
        add_until_merged(&w, &next);
    }
    assert_true(w.saw_given_up);
    assert_int_equal(ask(w.look, "SELECT count(*) FROM order_blocks"),
                     ask(w.look, "SELECT sum(blocks) FROM order_runs"));
    assert_in_range(ask(w.look, "SELECT count(*) FROM order_runs"), 1, 15);
    check_all(&w);
    world_remove(&w);
}

static void a_merge_goes_on_after_a_crash(void **state) {
    (void)state;
    struct world w;
    int64_t next = 0;
    world_make(&w, 250, 0);
    add_until_half_merged(&w, &next);
    const int64_t n_blocks = ask(w.look, HALF_MERGED_BLOCKS); // some of it is written
    assert_true(n_blocks > 0);
    crash(&w);
    assert_int_equal(ask(w.look, HALF_MERGED_BLOCKS), n_blocks);
    check_all(&w);
    add_of_kind(&w, SHUFFLED, next++, 1);
    if (half_merged(&w)) { // behind what was there
        assert_true(ask(w.look, HALF_MERGED_BLOCKS) > n_blocks);
    }
    add_until_merged(&w, &next);
    assert_false(half_merged(&w));
    check_all(&w);
    world_remove(&w);
}

static void open_and_add_one(struct world *w, int64_t *next) {
    world_close(w);
    world_open(w);
    add_of_kind(w, SHUFFLED, (*next)++, 1);
}

// As `load` is for each of many small files.
static void writers_that_live_briefly_end_a_merge_and_make_few_runs(void **state) {
    (void)state;
    struct world w;
    int64_t next = 0;
    world_make(&w, 4000, 0);
    order_block_set_bytes(0); // more extents than a commit merges at the least
    for (int i = 0; i < 8; i++) {
        add_of_kind(&w, SHUFFLED, next, 3900);
        next += 3900;
        open_and_add_one(&w, &next);
    }
    int64_t most = 0;
    for (int i = 0; i < 100 && (i < 20 || half_merged(&w)); i++) {
        open_and_add_one(&w, &next);
        int64_t n = ask(w.look, "SELECT count(*) FROM order_runs");
        most = n > most ? n : most;
    }
    assert_false(half_merged(&w));
    assert_in_range(most, 8, 12);
    check_all(&w);
    world_remove(&w);
}

// Nobody asks it, and the runs that are merged have everything.
static void a_damaged_block_of_what_is_being_merged_is_mended(void **state) {
    (void)state;
    struct world w;
    struct error err;
    int64_t next = 0;
    world_make(&w, 250, 0);
    add_until_half_merged(&w, &next);
    world_close(&w);
    sqlite3 *db = connect_to(w.shop.directory);
    assert_true(sqlite_run(db,
                           "UPDATE order_blocks SET extents = zeroblob(8) WHERE run IN "
                           "(SELECT run FROM order_runs WHERE state = 0)",
                           &err));
    assert_true(sqlite3_changes(db) > 0);
    const int64_t below = ask(db, "SELECT indexed_below FROM pipeline_state");
    assert_true(audit_sqlite_mend_index(db, below, stdout, &err));
    assert_int_equal(ask(db, "SELECT indexed_below FROM pipeline_state"), below);
    sqlite3_close(db);
    world_open(&w);
    add_until_half_merged(&w, &next);
    add_until_merged(&w, &next);
    check_all(&w);
    world_remove(&w);
}

static void write_run(struct run_writer *writer, int64_t key, int64_t position) {
    struct error err;
    for (int64_t i = 0; i < 300; i++) { // every second id, so that none folds
        const struct extent e = {key + 2 * i, position + i, 1};
        assert_int_equal(run_writer_add(writer, &e, &err), STORE_OK);
    }
}

// The last block of what is merged ends with ids of two runs, folded into one extent.
static void a_merge_goes_on_behind_a_folded_extent(void **state) {
    (void)state;
    struct error err;
    static struct run_writer writer;
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_true(sqlite_run(db, order_runs_sql, &err) && run_writer_open(db, &writer, &err));
    for (int run = 0; run < 2; run++) { // 402 .. 1000 and 1001 .. 1599
        assert_int_equal(run_writer_begin(&writer, &err), STORE_OK);
        write_run(&writer, run == 0 ? 402 : 1001, 1 + 300 * run);
        assert_int_equal(run_writer_end(&writer, &err), STORE_OK);
    }
    assert_int_equal(run_writer_begin(&writer, &err), STORE_OK);
    write_run(&writer, 402, 1);
    const struct extent folds = {1001, 301, 1};
    assert_int_equal(run_writer_add(&writer, &folds, &err), STORE_OK);
    assert_int_equal(run_writer_pause(&writer, &err), STORE_OK);
    run_writer_close(&writer);
    assert_true(sqlite_run(db, "UPDATE order_runs SET merged_into = 3 WHERE run < 3", &err));
    struct order_merge *merge = order_merge_open(db, &err);
    assert_non_null(merge);
    assert_int_equal(order_merge_step(merge, 10000, &err), STORE_OK);
    order_merge_close(merge);
    const struct index_sums sums = index_sums(db);
    assert_int_equal(sums.ids, 600);
    assert_int_equal(sums.extents, 599);
    assert_int_equal(ask(db, "SELECT count(*) FROM order_runs WHERE state = 1"), 1);
    sqlite3_close(db);
}

// What a rebuild of a damaged index, and the migration of an earlier file, leave.
static void an_index_is_made_anew_from_the_rows(void **state) {
    (void)state;
    struct world w;
    struct error err;
    order_index_set_hash_bits(11);
    world_make(&w, 100, 150);
    add_of_kind(&w, TEXTS, 0, 1500);
    world_close(&w);
    sqlite3 *db = connect_to(w.shop.directory);
    assert_true(audit_sqlite_forget_index(db, &err));
    sqlite3_close(db);
    world_open(&w); // all but the last ids are in runs again
    const int64_t below = ask(w.look, "SELECT indexed_below FROM pipeline_state");
    assert_in_range(below, 2, 1500);
    assert_int_equal(index_sums(w.look).ids, below - 1);
    check_nth(&w, TEXTS, 0, 3000);
    crash(&w); // the rest is read back as carefully
    check_nth(&w, TEXTS, 0, 3000);
    world_close(&w);
    world_open(&w);
    assert_int_equal(index_sums(w.look).ids, w.n);
    check_nth(&w, TEXTS, 0, 3000);
    world_remove(&w);
}

// A filter filled while the last ids of a run were moved in a transaction not yet committed did not
// have them: they were new again.
static void ids_moved_while_the_filter_grows_stay_known(void **state) {
    (void)state;
    struct world w;
    world_make(&w, 250, 300);
    struct ident ids[BATCH];
    for (int64_t i = 0; i < 20000; i += BATCH) { // each batch longer than a run
        for (int k = 0; k < BATCH; k++) {
            ids[k] = nth(&w, SHUFFLED, i + k);
        }
        add_batch(&w, ids, BATCH);
        usleep(2000); // sorted and filled by now, most often
    }
    check_all(&w);
    world_remove(&w);
}

// An id that the writer knows but has not committed is not there for a reader; the look-up must
// neither go on to the ids after it nor past the largest integer.
static void an_uncommitted_id_is_not_there_for_readers(void **state) {
    (void)state;
    struct world w;
    world_make(&w, 0, 0);
    struct store *s = w.shop.store;
    struct error err;
    struct ident largest = {INT64_MAX, TEXT_NONE};
    struct order o = shop_order(&w.shop, 0, 10000);
    o.order_id = largest;
    begin(&w);
    struct known known = check(&w, largest);
    assert_int_equal(
        s->ops->add(s, &o, &(struct stamp){.arrival_ms = w.shop.now_ms}, &known, &w.group, &err),
        STORE_OK);
    check_readers(&w, &largest, 1);
    struct batch_summary batch = {.counts = {.received = 1, .accepted = 1}};
    commit(&w, &batch);
    set_add(&w, largest);
    check_readers(&w, &largest, 1);
    world_remove(&w);
}

// --- Readers on other threads

struct onlooker {
    struct world *w;
    bool with_writer;
    pthread_t thread;
    atomic_llong *n_committed;
    atomic_bool *stop;
    atomic_llong n_asked;
    int64_t n_missed, n_failed;
};

static void *look_on(void *user) {
    struct onlooker *o = user;
    struct sales_reader *r;
    struct store_settings settings;
    struct error err;
    uint64_t random = o->with_writer;
    if (!sqlite_reader_open(o->w->shop.directory, o->with_writer ? o->w->shop.store : NULL, 10000,
                            &r, &settings, &err)) {
        o->n_failed++;
        return NULL;
    }
    while (!atomic_load(o->stop)) {
        int64_t n = atomic_load(o->n_committed), position = 0;
        if (n == 0) {
            continue;
        }
        random += UINT64_C(0x9e3779b97f4a7c15);
        int64_t i = (int64_t)(hash_u64(random) % (uint64_t)n);
        struct ident id = nth(o->w, SHUFFLED, i);
        o->n_failed += !r->ops->order(r, id, keep_position, &position, &err);
        o->n_missed += position != i + 1;
        atomic_fetch_add(&o->n_asked, 1);
    }
    r->ops->close(r);
    return NULL;
}

// Whatever the index does meanwhile, an order that was committed is found.
static void readers_never_miss_a_committed_order(void **state) {
    (void)state;
    struct world w;
    struct onlooker lookers[2];
    struct ident ids[100];
    atomic_llong n_committed = 0;
    atomic_bool stop = false;
    world_make(&w, 150, 200);
    for (int i = 0; i < 2; i++) {
        lookers[i] = (struct onlooker){
            .w = &w, .with_writer = i == 1, .n_committed = &n_committed, .stop = &stop};
        assert_int_equal(pthread_create(&lookers[i].thread, NULL, look_on, &lookers[i]), 0);
    }
    for (int64_t i = 0; i < 12000; i += 100) {
        for (int k = 0; k < 100; k++) {
            ids[k] = nth(&w, SHUFFLED, i + k);
        }
        add_batch(&w, ids, 100);
        atomic_store(&n_committed, i + 100);
    }
    for (int i = 0; i < 20000 &&
                    !(atomic_load(&lookers[0].n_asked) > 0 && atomic_load(&lookers[1].n_asked) > 0);
         i++) {
        usleep(1000);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++) {
        pthread_join(lookers[i].thread, NULL);
        assert_int_equal(lookers[i].n_failed, 0);
        assert_int_equal(lookers[i].n_missed, 0);
        assert_true(atomic_load(&lookers[i].n_asked) > 0);
    }
    world_remove(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(increasing_ids_are_known_at_every_stage),
        cmocka_unit_test(ids_with_gaps_are_known_at_every_stage),
        cmocka_unit_test(shuffled_ids_are_known_at_every_stage),
        cmocka_unit_test(the_largest_ids_are_known_at_every_stage),
        cmocka_unit_test(texts_are_known_at_every_stage),
        cmocka_unit_test(texts_with_equal_hashes_are_told_apart),
        cmocka_unit_test(all_texts_may_have_one_hash),
        cmocka_unit_test(the_slot_after_the_last_is_the_first),
        cmocka_unit_test(increasing_ids_fold_into_few_rows),
        cmocka_unit_test(crashes_forget_no_id),
        cmocka_unit_test(runs_are_merged_and_nothing_of_them_stays),
        cmocka_unit_test(a_merge_goes_on_after_a_crash),
        cmocka_unit_test(writers_that_live_briefly_end_a_merge_and_make_few_runs),
        cmocka_unit_test(a_damaged_block_of_what_is_being_merged_is_mended),
        cmocka_unit_test(a_merge_goes_on_behind_a_folded_extent),
        cmocka_unit_test(an_index_is_made_anew_from_the_rows),
        cmocka_unit_test(ids_moved_while_the_filter_grows_stay_known),
        cmocka_unit_test(an_uncommitted_id_is_not_there_for_readers),
        cmocka_unit_test(readers_never_miss_a_committed_order),
    };
    log_set_level(LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
