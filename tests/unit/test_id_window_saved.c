// SPDX-License-Identifier: MIT
// The window of identities out of memory and back: saved and loaded at any point it says what one
// says that never left; and nothing that could be read in place of what was saved leads it astray.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>

#include "id_window_model.h"
#include "refusing_heap.h"

// --- A table of the test's own, that stays when the window goes

struct shelf {
    void *table;
    size_t n_bytes;
    int n_out;
};

static void *shelf_take(void *user, size_t n_bytes) {
    struct shelf *s = user;
    s->table = calloc(1, n_bytes);
    s->n_bytes = n_bytes;
    s->n_out++;
    return s->table;
}

static void shelf_give(void *user, void *table, size_t n_bytes) {
    (void)n_bytes;
    ((struct shelf *)user)->n_out--;
    free(table);
}

static void *copy_of(const void *at, size_t n_bytes) {
    void *copy = malloc(n_bytes > 0 ? n_bytes : 1);
    assert_non_null(copy);
    memcpy(copy, at, n_bytes);
    return copy;
}

// The window of another process, over the same table, which every other time is read.
static struct id_window *moved(struct id_window *w, const struct id_window_options *o) {
    static int n_moves;
    struct shelf *s = o->table->user;
    struct buf saved = {0};
    size_t used_bytes = o->budget->used_bytes;
    id_window_save(w, &saved);
    assert_false(saved.failed);
    void *table = copy_of(s->table, s->n_bytes);
    struct text changes = id_window_changes(w);
    char *changes_copy = copy_of(changes.at, changes.len);
    id_window_free(w);
    const struct id_window_saved from = {.saved = buf_text(&saved),
                                         .changes = {changes_copy, changes.len},
                                         .table = table,
                                         .table_bytes = s->n_bytes,
                                         .as_left = ++n_moves % 2 == 0};
    assert_int_equal(id_window_load(o, &from, &w), ID_WINDOW_LOADED);
    free(changes_copy);
    s->table = table;
    s->n_out++;
    assert_int_equal(o->budget->used_bytes, used_bytes);
    buf_free(&saved);
    return w;
}

// --- Any history

// Batches fail and are judged again, are kept, and the window moves at any point of them.
static void run_moving(const struct record *log, struct dice *dice, struct id_budget *budget) {
    struct shelf shelf = {0};
    const struct id_table_memory memory = {shelf_take, shelf_give, &shelf};
    const struct id_window_options o = {WINDOW_MS, budget, NULL, &memory};
    struct id_window *w = id_window_new(&o, (struct id_window_start){log[0].offset, 0});
    assert_non_null(w);
    int at = 0, committed = 0, batch = 0;
    while (at < LOG) {
        const struct record *r = &log[at];
        struct order_digest d = digest_of(r->id, r->content);
        enum known_as have = known_of(w, &d, r->offset, r->at_ms);
        if (have != r->verdict) {
            fail_msg("message %d: %d, not %d", at, (int)have, (int)r->verdict);
        }
        if (have == KNOWN_NEW && !r->refused) {
            assert_true(id_window_add(w, &d));
        }
        at++;
        if (roll(dice, 2000) == 0) {
            w = moved(w, &o);
        }
        if (++batch < (int)roll(dice, 3000)) {
            continue;
        }
        batch = 0;
        w = roll(dice, 2) == 0 ? moved(w, &o) : w;
        if (roll(dice, 3) == 0) {
            id_window_undo(w);
            at = committed;
        } else {
            id_window_keep(w);
            committed = at;
        }
        w = roll(dice, 2) == 0 ? moved(w, &o) : w;
    }
    id_window_free(w);
    assert_int_equal(shelf.n_out, 0);
}

static void moving_between_processes_changes_no_verdict(void **state) {
    (void)state;
    struct record *log = calloc(LOG, sizeof *log);
    assert_non_null(log);
    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct dice dice = {seed};
        struct id_budget budget = {.max_bytes = (size_t)1 << (20 + seed % 3 * 4)};
        fill_log(log, &dice, &budget);
        run_moving(log, &dice, &budget);
        assert_int_equal(budget.used_bytes, 0);
    }
    free(log);
}

// --- Beside a twin that stays: more in one batch than the budget holds, or than steps can be
// numbered

static void like_its_twin(size_t max_bytes, int64_t stamp_step_ms, int64_t n, int64_t n_batch) {
    struct id_budget budgets[2] = {{.max_bytes = max_bytes}, {.max_bytes = max_bytes}};
    struct shelf shelf = {0};
    const struct id_table_memory memory = {shelf_take, shelf_give, &shelf};
    const struct id_window_options o = {WINDOW_MS, &budgets[0], NULL, &memory};
    struct id_window *w = id_window_new(&o, (struct id_window_start){0, 0});
    struct id_window *twin = window_of(&budgets[1], (struct id_window_start){0, 0});
    assert_non_null(w);
    struct dice dice = {3};
    for (int64_t i = 0; i < n; i++) {
        int64_t newest = i < 20000 ? i + 1 : 20000;
        struct order_digest d =
            digest_of((uint64_t)(i - (int64_t)roll(&dice, (uint64_t)newest)), 0);
        enum known_as have = known_of(w, &d, i, i * stamp_step_ms);
        assert_int_equal(have, known_of(twin, &d, i, i * stamp_step_ms));
        if (have == KNOWN_NEW) {
            assert_true(id_window_add(w, &d));
            assert_true(id_window_add(twin, &d));
        }
        if (i % (n / 40) == 0) {
            w = moved(w, &o);
        }
        if (i % n_batch == n_batch - 1) {
            void (*end)(struct id_window *) = roll(&dice, 2) == 0 ? id_window_keep : id_window_undo;
            end(w);
            end(twin);
        }
        if (i % (n / 20) == 0) {
            assert_memory_equal(&(struct id_window_facts[]){id_window_facts(w)},
                                &(struct id_window_facts[]){id_window_facts(twin)},
                                sizeof(struct id_window_facts));
            assert_int_equal(id_window_start(w).offset, id_window_start(twin).offset);
        }
    }
    id_window_free(w);
    id_window_free(twin);
    assert_int_equal(budgets[0].used_bytes, 0);
}

static void a_full_budget_is_the_same_after_moving(void **state) {
    (void)state;
    like_its_twin(256 * 1024, 0, 100000, 100000); // 16,384 entries, one batch
    like_its_twin(256 * 1024, 1, 100000, 7000);
}

static void more_steps_than_have_numbers_are_the_same_after_moving(void **state) {
    (void)state;
    like_its_twin(1 << 20, STEP_MS / BLOCK + 1, 1200000, 1200000); // a step each block
    like_its_twin(1 << 20, STEP_MS / BLOCK + 1, 1200000, 500000);
}

// --- A window with all that there can be: steps that are dead, that wait, changes of all kinds

enum { N_KEPT = 1600, N_BATCH = 150 };

struct saved_window {
    struct id_budget budget;
    struct shelf shelf;
    struct id_table_memory memory;
    struct id_window_options o;
    struct id_window *w;
    struct buf bytes, changes;
};

static void judge(struct id_window *w, uint64_t id, uint64_t content, int64_t offset) {
    struct order_digest d = digest_of(id, content);
    if (known_of(w, &d, offset, offset * 400) == KNOWN_NEW) {
        assert_true(id_window_add(w, &d));
    }
}

static void make_saved(struct saved_window *s, const struct mem_heap *heap) {
    *s = (struct saved_window){.budget = {.max_bytes = 1 << 20}};
    s->memory = (struct id_table_memory){shelf_take, shelf_give, &s->shelf};
    s->o = (struct id_window_options){WINDOW_MS, &s->budget, heap, &s->memory};
    s->w = id_window_new(&s->o, (struct id_window_start){0, 0});
    assert_non_null(s->w);
    for (int64_t i = 0; i < N_KEPT; i++) {
        judge(s->w, (uint64_t)i % 1000, 0, i); // some are dead, and of steps that are no more
    }
    id_window_keep(s->w);
    for (int64_t i = N_KEPT; i < N_KEPT + N_BATCH; i++) {
        judge(s->w, (uint64_t)i % 3 == 0 ? (uint64_t)i : (uint64_t)(i - 100) % 1000, 0, i);
    }
    id_window_save(s->w, &s->bytes);
    buf_put_text(&s->changes, id_window_changes(s->w));
    assert_false(s->bytes.failed || s->changes.failed);
    assert_true(s->changes.len > 1000);
}

static void free_saved(struct saved_window *s) {
    buf_free(&s->bytes);
    buf_free(&s->changes);
    id_window_free(s->w);
    assert_int_equal(s->budget.used_bytes, 0);
}

// Loads these bytes over a copy of this table; what could be loaded is used: it may say anything,
// but must not fall.
static enum id_window_loaded try_changes(const struct saved_window *s, struct text bytes,
                                         struct text changes, const void *table,
                                         size_t table_bytes) {
    struct id_budget budget = {.max_bytes = s->budget.max_bytes};
    struct shelf shelf = {0};
    const struct id_table_memory memory = {shelf_take, shelf_give, &shelf};
    const struct id_window_options o = {WINDOW_MS, &budget, NULL, &memory};
    void *copy = copy_of(table, table_bytes);
    struct id_window *w;
    const struct id_window_saved from = {
        .saved = bytes, .changes = changes, .table = copy, .table_bytes = table_bytes};
    enum id_window_loaded result = id_window_load(&o, &from, &w);
    if (result != ID_WINDOW_LOADED) {
        assert_null(w);
        assert_int_equal(budget.used_bytes, 0);
        free(copy);
        return result;
    }
    for (int round = 0; round < 3; round++) {
        (void)id_window_start(w);
        (void)id_window_facts(w);
        for (int64_t i = N_KEPT; i < N_KEPT + 200; i++) {
            judge(w, (uint64_t)i % 500, 0, i + round * 1000);
        }
        if (round == 1) {
            id_window_keep(w);
        } else {
            id_window_undo(w);
        }
    }
    for (int64_t i = 0; i < 5000; i++) { // past the room that there is
        judge(w, 10000 + (uint64_t)i, 0, 1000000 + i);
    }
    id_window_undo(w);
    id_window_free(w);
    assert_int_equal(budget.used_bytes, 0);
    return result;
}

// With its changes, and without them.
static enum id_window_loaded try_load(const struct saved_window *s, struct text bytes,
                                      const void *table, size_t table_bytes) {
    enum id_window_loaded kept = try_changes(s, bytes, TEXT_NONE, table, table_bytes);
    enum id_window_loaded result = try_changes(s, bytes, buf_text(&s->changes), table, table_bytes);
    assert_true(kept == ID_WINDOW_LOADED || result != ID_WINDOW_LOADED); // there is less to refuse
    return result;
}

static void bytes_that_were_damaged_are_refused(void **state) {
    (void)state;
    struct saved_window s;
    make_saved(&s, NULL);
    struct text whole = buf_text(&s.bytes);
    assert_int_equal(try_load(&s, whole, s.shelf.table, s.shelf.n_bytes), ID_WINDOW_LOADED);
    for (size_t i = 0; i < whole.len; i++) {
        s.bytes.at[i] ^= 0x10;
        assert_int_equal(try_load(&s, whole, s.shelf.table, s.shelf.n_bytes), ID_WINDOW_OTHER);
        s.bytes.at[i] ^= 0x10;
        char *cut = copy_of(whole.at, i + 1); // so that a byte too far is seen
        assert_int_equal(try_load(&s, (struct text){cut, i}, s.shelf.table, s.shelf.n_bytes),
                         ID_WINDOW_OTHER);
        free(cut);
    }
    for (size_t len = 0; len < s.changes.len; len += 7) { // 24 bytes each
        char *cut = copy_of(s.changes.at, len);
        assert_int_equal(
            try_changes(&s, whole, (struct text){cut, len}, s.shelf.table, s.shelf.n_bytes),
            ID_WINDOW_OTHER);
        free(cut);
    }
    free_saved(&s);
}

static void seal(struct buf *bytes) {
    uint64_t sum = hash_bytes(bytes->at, bytes->len - sizeof sum, 0);
    memcpy(bytes->at + bytes->len - sizeof sum, &sum, sizeof sum);
}

// Made by somebody who knows the sum: it may be loaded, and is safe to use then.
static void bytes_that_were_made_up_lead_nowhere(void **state) {
    (void)state;
    static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct saved_window s;
    make_saved(&s, NULL);
    char *good = copy_of(s.bytes.at, s.bytes.len);
    char *good_changes = copy_of(s.changes.at, s.changes.len);
    int n_loaded = 0, n_other = 0;
    const size_t n_bytes = s.bytes.len - sizeof(uint64_t);
    for (size_t i = 0; i < n_bytes + s.changes.len; i += i < 320 ? 1 : 5) {
        char *place = i < n_bytes ? &s.bytes.at[i] : &s.changes.at[i - n_bytes];
        char was = *place;
        for (size_t v = 0; v < sizeof values; v++) {
            *place = (char)values[v];
            seal(&s.bytes);
            bool loaded = try_load(&s, buf_text(&s.bytes), s.shelf.table, s.shelf.n_bytes) ==
                          ID_WINDOW_LOADED;
            n_loaded += loaded;
            n_other += !loaded;
        }
        *place = was;
    }
    assert_true(n_loaded > 0 && n_other > 1000);
    struct dice dice = {7};
    for (int round = 0; round < 1000; round++) { // several at once
        for (uint64_t n = 1 + roll(&dice, 4); n > 0; n--) {
            s.bytes.at[roll(&dice, roll(&dice, 2) == 0 ? 256 : s.bytes.len)] =
                (char)values[roll(&dice, sizeof values)];
            s.changes.at[roll(&dice, s.changes.len)] = (char)values[roll(&dice, sizeof values)];
        }
        seal(&s.bytes);
        (void)try_load(&s, buf_text(&s.bytes), s.shelf.table, s.shelf.n_bytes);
        memcpy(s.bytes.at, good, s.bytes.len);
        memcpy(s.changes.at, good_changes, s.changes.len);
    }
    free(good);
    free(good_changes);
    free_saved(&s);
}

// A change that says it was made to an entry, whichever: also to one of a step that is no more.
static void changes_that_were_made_up_lead_nowhere(void **state) {
    (void)state;
    struct saved_window s;
    make_saved(&s, NULL);
    const uint64_t *words = s.shelf.table;
    int n_loaded = 0, n_other = 0;
    for (size_t i = 0; i < s.shelf.n_bytes / sizeof *words; i += 2) {
        if (words[i + 1] != 0) {
            const uint64_t change[3] = {words[i], 0, words[i + 1]};
            memcpy(s.changes.at, change, sizeof change);
            bool loaded = try_load(&s, buf_text(&s.bytes), s.shelf.table, s.shelf.n_bytes) ==
                          ID_WINDOW_LOADED;
            n_loaded += loaded;
            n_other += !loaded;
        }
    }
    assert_true(n_loaded > 100 && n_other > 100);
    free_saved(&s);
}

static void a_table_that_does_not_add_up_is_refused(void **state) {
    (void)state;
    struct saved_window s;
    make_saved(&s, NULL);
    struct text bytes = buf_text(&s.bytes);
    uint64_t *words = copy_of(s.shelf.table, s.shelf.n_bytes);
    size_t n_words = s.shelf.n_bytes / sizeof *words;
    for (size_t i = 1; i < n_words; i += 2) { // each entry's second word
        uint64_t was = words[i];
        words[i] = was == 0 ? 1 : 0;
        assert_int_equal(try_load(&s, bytes, words, s.shelf.n_bytes), ID_WINDOW_OTHER);
        words[i] = was;
        i += i > 200 ? 62 : 0;
    }
    assert_int_equal(try_load(&s, bytes, words, s.shelf.n_bytes - 16), ID_WINDOW_OTHER);
    assert_int_equal(try_load(&s, bytes, words, s.shelf.n_bytes / 2), ID_WINDOW_OTHER);
    assert_int_equal(try_load(&s, bytes, words, s.shelf.n_bytes), ID_WINDOW_LOADED);
    memset(words, 0xff, s.shelf.n_bytes); // without a free slot no search would end
    assert_int_equal(try_load(&s, bytes, words, s.shelf.n_bytes), ID_WINDOW_OTHER);
    memset(words, 0, s.shelf.n_bytes);
    assert_int_equal(try_load(&s, bytes, words, s.shelf.n_bytes), ID_WINDOW_OTHER);
    free(words);
    free_saved(&s);
}

static void another_window_or_budget_is_not_this_one(void **state) {
    (void)state;
    struct saved_window s;
    make_saved(&s, NULL);
    struct id_budget other = {.max_bytes = s.budget.max_bytes * 2};
    struct id_window_options o = s.o;
    struct id_window *w;
    struct id_window_saved from = {buf_text(&s.bytes), buf_text(&s.changes), s.shelf.table,
                                   s.shelf.n_bytes, true};
    o.window_ms++;
    assert_int_equal(id_window_load(&o, &from, &w), ID_WINDOW_OTHER);
    o = s.o;
    o.budget = &other;
    assert_int_equal(id_window_load(&o, &from, &w), ID_WINDOW_OTHER);
    free_saved(&s);
}

// --- Memory is refused

struct refused_log {
    struct record *log;
    int n;
};
static struct refused_log small;

// One message; false when memory was refused.
static bool judge_record(struct id_window *w, const struct record *r) {
    struct order_digest d = digest_of(r->id, r->content);
    enum known_as have;
    if (!id_window_known(w, &d, r->offset, r->at_ms, &have)) {
        return false;
    }
    assert_int_equal(have, r->verdict);
    return have != KNOWN_NEW || r->refused || id_window_add(w, &d);
}

// Saved and loaded over a copy of its table; when that is refused the window goes on as it is.
static struct id_window *reload(struct id_window *w, const struct id_window_options *o, bool *ok) {
    struct shelf *shelf = o->table->user;
    struct buf saved = {.heap = o->heap};
    struct id_window *loaded = NULL;
    id_window_save(w, &saved);
    if (!saved.failed) {
        void *copy = copy_of(shelf->table, shelf->n_bytes);
        const struct id_window_saved from = {buf_text(&saved), id_window_changes(w), copy,
                                             shelf->n_bytes, *ok};
        enum id_window_loaded result = id_window_load(o, &from, &loaded);
        assert_int_not_equal(result, ID_WINDOW_OTHER);
        if (result == ID_WINDOW_LOADED) {
            id_window_free(w);
            shelf->table = copy;
            shelf->n_out++;
            w = loaded;
        } else {
            free(copy);
        }
    }
    buf_free(&saved);
    *ok = *ok && loaded != NULL;
    return w;
}

// A heap that refuses once: the batch is undone, judged again, and nothing is different.
static bool history_with_refusals(const struct mem_heap *heap) {
    struct id_budget budget = {.max_bytes = 1 << 20};
    struct shelf shelf = {0};
    const struct id_table_memory memory = {shelf_take, shelf_give, &shelf};
    const struct id_window_options in_heap = {WINDOW_MS, &budget, heap, NULL},
                                   on_shelf = {WINDOW_MS, &budget, heap, &memory};
    bool ok = true;
    for (int kind = 0; kind < 2; kind++) {
        const struct id_window_options *o = kind == 0 ? &in_heap : &on_shelf;
        const struct id_window_start start = {small.log[0].offset, 0};
        struct id_window *w = id_window_new(o, start);
        if (w == NULL) {
            ok = false;
            w = id_window_new(o, start);
        }
        assert_non_null(w);
        for (int at = 0, committed = 0; at < small.n;) {
            if (!judge_record(w, &small.log[at])) {
                ok = false;
                id_window_undo(w);
                at = committed;
                continue;
            }
            if (++at % 2500 == 0) {
                w = kind == 1 ? reload(w, o, &ok) : w;
                id_window_keep(w);
                committed = at;
            }
        }
        id_window_free(w);
        assert_int_equal(budget.used_bytes, 0);
    }
    return ok;
}

static void every_allocation_of_a_window_may_be_refused(void **state) {
    (void)state;
    struct dice dice = {11};
    struct id_budget budget = {.max_bytes = 1 << 20};
    small = (struct refused_log){calloc(LOG, sizeof(struct record)), 9000};
    assert_non_null(small.log);
    fill_log(small.log, &dice, &budget);
    sweep_heap(history_with_refusals, 20);
    free(small.log);
}

// History that was read back before stays, and what was refused is given again.
static bool remember_with_refusals(const struct mem_heap *heap) {
    struct id_budget budget = {.max_bytes = 1 << 20};
    const struct id_window_options o = {WINDOW_MS, &budget, heap, NULL};
    bool ok = true;
    struct id_window *w = id_window_new(&o, (struct id_window_start){0, 0});
    if (w == NULL) {
        ok = false;
        w = id_window_new(&o, (struct id_window_start){0, 0});
    }
    assert_non_null(w);
    for (int64_t i = 0; i < 5000; i++) {
        struct order_digest d = digest_of((uint64_t)i, 0);
        if (!id_window_remember(w, &d, i, i)) {
            ok = false;
            id_window_undo(w);
            assert_int_equal(id_window_facts(w).n_ids, i);
            assert_true(id_window_remember(w, &d, i, i));
        }
    }
    id_window_undo(w);
    assert_int_equal(id_window_facts(w).n_ids, 5000);
    id_window_free(w);
    // A larger table that is refused is no failure while the one in use has room.
    return ok && !((const struct refusing_heap *)heap->user)->hit;
}

static void history_is_read_back_though_memory_is_refused(void **state) {
    (void)state;
    sweep_heap(remember_with_refusals, 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moving_between_processes_changes_no_verdict),
        cmocka_unit_test(a_full_budget_is_the_same_after_moving),
        cmocka_unit_test(more_steps_than_have_numbers_are_the_same_after_moving),
        cmocka_unit_test(bytes_that_were_damaged_are_refused),
        cmocka_unit_test(bytes_that_were_made_up_lead_nowhere),
        cmocka_unit_test(changes_that_were_made_up_lead_nowhere),
        cmocka_unit_test(a_table_that_does_not_add_up_is_refused),
        cmocka_unit_test(another_window_or_budget_is_not_this_one),
        cmocka_unit_test(every_allocation_of_a_window_may_be_refused),
        cmocka_unit_test(history_is_read_back_though_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
