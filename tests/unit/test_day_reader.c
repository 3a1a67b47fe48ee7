// SPDX-License-Identifier: MIT
// Questions about days from sums in memory: whatever is committed between them, and by whom, they
// are answered as the store itself answers them.
#include "shop_sql.h"

#include "base/heap.h"
#include "base/mem.h"
#include "store/day_reader.h"
#include "store/sales_query.h"
#include <pthread.h>

enum { DAY_MS = 24 * 3600 * 1000, DAYS = 150, ROWS = 4000, MIB = 1 << 20 };

static uint64_t dice_state;
static unsigned dice(unsigned sides) {
    dice_state = dice_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(dice_state >> 33) % sides;
}

// --- A shop with a past

static struct order some_order(const struct shop *shop, int64_t id, int64_t days_ago) {
    static const char *const sources[] = {"GOOGLE", "EMAIL", "tv"}, *const states[] = {"CA", "NY"};
    struct order o = shop_order(shop, id, 100 + (int64_t)dice(100000));
    o.created_ms = shop->now_ms - days_ago * DAY_MS;
    o.source = text_of(sources[dice(3)]);
    o.state = text_of(states[dice(2)]);
    o.product_id = (struct ident){(int64_t)dice(40), TEXT_NONE};
    if (dice(5) == 0) {
        o.product_id = (struct ident){-1, TEXT_LIT("tea")};
    }
    memcpy(o.currency, dice(4) == 0 ? "EUR" : "USD", 4);
    return o;
}

static void place_on(struct shop *shop, int64_t id, int64_t days_ago) {
    assert_int_equal(shop_place(shop, some_order(shop, id, days_ago)), VERDICT_ACCEPTED);
}

static void sell(struct shop *shop, int first_id) {
    struct order orders[600];
    for (int i = 0; i < 600; i++) {
        orders[i] = some_order(shop, first_id + i, (int64_t)dice(DAYS));
    }
    struct submission *s = shop_submission(orders, COUNT_OF(orders));
    assert_int_equal(shop_send(shop, s), SETTLE_DURABLE);
    submission_free(s);
}

static void make_shop(struct shop *shop) {
    dice_state = 11;
    shop_make(shop, NULL);
    shop_set_zone(shop, "America/New_York");
    shop_open(shop);
    sell(shop, 0);
}

static int32_t today(const struct shop *shop) {
    return zone_day(shop->zone, shop->now_ms);
}

// --- Answers

struct answer {
    struct sales_row rows[ROWS];
    struct arena texts;
    size_t n;
};

static _Thread_local bool taking; // what the test itself allocates does not fail

static bool take_row(void *user, const struct sales_row *row) {
    struct answer *a = user;
    taking = true;
    assert_true(a->n < ROWS);
    struct sales_row *mine = &a->rows[a->n++];
    *mine = *row;
    struct text *const texts[] = {&mine->source, &mine->state, &mine->product_id.text,
                                  &mine->currency};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_true(texts[i]->at == NULL || arena_try_copy(&a->texts, *texts[i], texts[i]));
    }
    taking = false;
    return true;
}

static struct answer *ask(struct sales_reader *r, const struct sales_query *q) {
    struct answer *a = mem_zalloc(1, sizeof *a);
    struct error err = {0};
    if (!r->ops->sales(r, q, take_row, a, &err)) {
        fail_msg("%s", err.text);
    }
    return a;
}

static void free_answer(struct answer *a) {
    arena_free(&a->texts);
    free(a);
}

static int by_key(const void *a, const void *b) {
    return sales_row_compare(a, b);
}

// In the order in which they came, where one was asked for.
static void expect_same(struct answer *a, struct answer *b, const struct sales_query *q) {
    if (q->any_order) {
        qsort(a->rows, a->n, sizeof *a->rows, by_key);
        qsort(b->rows, b->n, sizeof *b->rows, by_key);
    }
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_int_equal(sales_row_compare(&a->rows[i], &b->rows[i]), 0);
        assert_memory_equal(&a->rows[i].sum, &b->rows[i].sum, sizeof a->rows[i].sum);
        assert_int_equal(a->rows[i].source.at == NULL, b->rows[i].source.at == NULL);
    }
    free_answer(a);
    free_answer(b);
}

static struct sales_query some_query(const struct shop *shop) {
    int32_t day = today(shop), from = day - (int32_t)dice(DAYS + 20);
    struct sales_query q = {.from = from,
                            .to = from + 1 + (int32_t)dice((unsigned)(day - from) + 3),
                            .max_rows = ROWS,
                            .any_order = dice(2) == 0};
    q.by_product = dice(2) == 0;
    q.by_source = !q.by_product && dice(2) == 0;
    q.by_state = !q.by_product && dice(2) == 0;
    q.bucket = !q.by_product && dice(3) == 0 ? BUCKET_DAY : BUCKET_NONE;
    if (dice(3) == 0) {
        q.filters[SALES_CURRENCY] = (struct sales_filter){1, {TEXT_LIT("USD")}};
    }
    if (!q.by_product && dice(3) == 0) {
        q.filters[SALES_SOURCE] = (struct sales_filter){2, {TEXT_LIT("EMAIL"), TEXT_LIT("tv")}};
    }
    return q;
}

static void begin(struct sales_reader *r) {
    struct error err = {0};
    assert_true(r->ops->begin(r, &err));
}

// Both see what was committed before.
static void expect_as_store(struct sales_reader *days, struct sales_reader *store,
                            const struct sales_query *q) {
    begin(days);
    begin(store);
    expect_same(ask(days, q), ask(store, q), q);
    days->ops->end(days);
    store->ops->end(store);
}

static int64_t metric(struct day_cache *c, const char *name) {
    struct buf out = {0};
    char line[80];
    day_cache_metrics(c, &out);
    buf_put_char(&out, '\0');
    snprintf(line, sizeof line, "\nsalestide_%s ", name);
    const char *at = strstr(out.at, line);
    assert_non_null(at);
    int64_t v = strtoll(at + strlen(line), NULL, 10);
    buf_free(&out);
    return v;
}

// Something between two questions: an order of today, a late one, what takes back, nothing.
static void something_happens(struct shop *shop, int64_t id) {
    switch (dice(5)) {
    case 0:
        place_on(shop, id, 0);
        break;
    case 1:
        place_on(shop, id, (int64_t)dice(DAYS));
        break;
    case 2: {
        struct order o = shop_refund(shop, (int64_t)dice(600), "r", 50);
        char event_id[24];
        snprintf(event_id, sizeof event_id, "r%lld", (long long)id);
        o.event_id = text_of(event_id);
        o.created_ms = shop->now_ms - (int64_t)dice(DAYS) * DAY_MS;
        assert_int_equal(shop_place(shop, o), VERDICT_ACCEPTED);
        break;
    }
    case 3:
        shop_pass(shop, (int64_t)dice(20) * 3600 * 1000);
        break;
    default:
        break;
    }
}

// --- The tests

static void every_answer_is_the_stores(int64_t max_bytes) {
    struct shop shop;
    make_shop(&shop);
    struct day_cache *cache = day_cache_new(max_bytes);
    struct sales_reader *store = shop_reader(&shop), *readers[2];
    readers[0] = day_reader_new(shop_reader(&shop), cache);
    readers[1] = day_reader_new(shop_reader(&shop), cache);
    for (int64_t turn = 0; turn < 600; turn++) {
        struct sales_query q = some_query(&shop);
        something_happens(&shop, 1000 + turn);
        expect_as_store(readers[dice(2)], store, &q);
        assert_true(metric(cache, "day_sums_bytes") <= max_bytes);
    }
    assert_true(metric(cache, "day_sums_used_total") > 0);
    assert_true((metric(cache, "day_sums_dropped_total") > 0) == (max_bytes < MIB));
    for (int i = 0; i < 2; i++) {
        readers[i]->ops->close(readers[i]);
    }
    store->ops->close(store);
    day_cache_free(cache);
    shop_remove(&shop);
}

static void whatever_is_committed_between_them_answers_are_the_stores(void **state) {
    UNUSED(state);
    every_answer_is_the_stores(64 * MIB);
}

static void with_little_memory_too(void **state) {
    UNUSED(state);
    every_answer_is_the_stores(200000);
}

static void with_no_room_for_the_names_too(void **state) {
    UNUSED(state);
    struct shop shop;
    make_shop(&shop);
    struct day_cache *cache = day_cache_new(1000);
    int64_t made = 0;
    struct sales_reader *store = shop_reader(&shop), *r = day_reader_new(shop_reader(&shop), cache);
    for (int64_t turn = 0; turn < 100; turn++) {
        struct sales_query q = some_query(&shop);
        something_happens(&shop, 1000 + turn);
        expect_as_store(r, store, &q);
        made = turn == 50 ? metric(cache, "day_sums_made_total") : made;
    }
    assert_int_equal(metric(cache, "day_sums_made_total"), made); // it is given up
    assert_int_equal(metric(cache, "day_sums_bytes"), 0);
    r->ops->close(r);
    store->ops->close(store);
    day_cache_free(cache);
    shop_remove(&shop);
}

// Counts what the store is asked about sales; hands everything on.
struct counting {
    struct sales_reader base;
    struct sales_reader_ops ops;
    struct sales_reader *inner;
    int64_t n_asked, n_days_asked;
};

static bool count_sales(struct sales_reader *r, const struct sales_query *q, sales_row_fn each,
                        void *user, struct error *err) {
    struct counting *c = (struct counting *)r;
    c->n_asked++;
    c->n_days_asked += q->to - q->from;
    return c->inner->ops->sales(c->inner, q, each, user, err);
}
static bool count_changes(struct sales_reader *r, int32_t from, int32_t to, day_change_fn each,
                          void *user, bool *complete, struct error *err) {
    struct counting *c = (struct counting *)r;
    return c->inner->ops->day_changes(c->inner, from, to, each, user, complete, err);
}
static bool count_begin(struct sales_reader *r, struct error *err) {
    struct counting *c = (struct counting *)r;
    return c->inner->ops->begin(c->inner, err);
}
static void count_end(struct sales_reader *r) {
    struct counting *c = (struct counting *)r;
    c->inner->ops->end(c->inner);
}
static void count_close(struct sales_reader *r) {
    struct counting *c = (struct counting *)r;
    c->inner->ops->close(c->inner);
}

static void count_reader(struct counting *c, struct sales_reader *inner) {
    *c = (struct counting){.inner = inner};
    c->ops = *inner->ops;
    c->ops.sales = count_sales;
    c->ops.day_changes = count_changes;
    c->ops.begin = count_begin;
    c->ops.end = count_end;
    c->ops.close = count_close;
    c->base.ops = &c->ops;
}

static int64_t days_asked_for(struct counting *c, struct sales_reader *days,
                              const struct sales_query *q) {
    c->n_days_asked = 0;
    begin(days);
    free_answer(ask(days, q));
    days->ops->end(days);
    return c->n_days_asked;
}

static void days_that_have_not_changed_are_not_read_again(void **state) {
    UNUSED(state);
    struct shop shop;
    struct counting c;
    make_shop(&shop);
    struct day_cache *cache = day_cache_new(64 * MIB);
    count_reader(&c, shop_reader(&shop));
    struct sales_reader *days = day_reader_new(&c.base, cache);
    struct sales_query products = {.by_product = true,
                                   .from = today(&shop) - DAYS,
                                   .to = today(&shop) + 1,
                                   .max_rows = ROWS,
                                   .any_order = true};
    struct sales_query by_day = products;
    by_day.by_product = false;
    by_day.bucket = BUCKET_DAY;
    assert_int_equal(days_asked_for(&c, days, &products), DAYS + 1);
    assert_int_equal(days_asked_for(&c, days, &by_day), DAYS + 1);
    assert_int_equal(days_asked_for(&c, days, &products), 0);
    assert_int_equal(days_asked_for(&c, days, &by_day), 0);
    place_on(&shop, 5000, 0); // today
    assert_in_range(days_asked_for(&c, days, &products), 1, 8);
    assert_int_equal(days_asked_for(&c, days, &by_day), 1);
    place_on(&shop, 5001, 0); // again: the days beside it are known one by one by now
    assert_int_equal(days_asked_for(&c, days, &products), 1);
    assert_int_equal(days_asked_for(&c, days, &by_day), 1);
    place_on(&shop, 5002, 77); // late
    assert_in_range(days_asked_for(&c, days, &products), 1, 8);
    assert_int_equal(days_asked_for(&c, days, &by_day), 1);
    place_on(&shop, 5003, 77);
    assert_int_equal(days_asked_for(&c, days, &products), 1);
    days->ops->close(days);
    day_cache_free(cache);
    shop_remove(&shop);
}

static void days_that_would_not_fit_into_memory_are_the_stores_to_answer(void **state) {
    UNUSED(state);
    struct shop shop;
    struct counting c;
    make_shop(&shop);
    sell(&shop, 1000);
    sell(&shop, 2000);
    struct day_cache *cache = day_cache_new(MIB / 8);
    struct sales_reader *store = shop_reader(&shop);
    count_reader(&c, shop_reader(&shop));
    struct sales_reader *days = day_reader_new(&c.base, cache);
    struct sales_query q = {.by_source = true,
                            .bucket = BUCKET_DAY,
                            .from = today(&shop) - DAYS,
                            .to = today(&shop) + 1,
                            .max_rows = ROWS};
    assert_in_range(days_asked_for(&c, days, &q), DAYS + 2, DAYS + 17); // and a few that tell
    expect_as_store(days, store, &q);
    q.from = today(&shop) - 8;
    days_asked_for(&c, days, &q);
    assert_int_equal(days_asked_for(&c, days, &q), 0); // fewer are kept
    expect_as_store(days, store, &q);
    days->ops->close(days);
    store->ops->close(store);
    day_cache_free(cache);
    shop_remove(&shop);
}

static void what_is_looked_at_and_not_used_is_not_counted(void **state) {
    UNUSED(state);
    struct shop shop;
    struct counting c;
    make_shop(&shop);
    struct day_cache *cache = day_cache_new(64 * MIB);
    count_reader(&c, shop_reader(&shop));
    struct sales_reader *days = day_reader_new(&c.base, cache);
    struct sales_query q = {.bucket = BUCKET_DAY,
                            .from = (today(&shop) - 40) / 8 * 8,
                            .to = (today(&shop) - 40) / 8 * 8 + 8,
                            .max_rows = ROWS};
    days_asked_for(&c, days, &q);
    int64_t before = metric(cache, "day_sums_used_total");
    days_asked_for(&c, days, &q);
    assert_int_equal(metric(cache, "day_sums_used_total") - before, 8);
    days->ops->close(days);
    day_cache_free(cache);
    shop_remove(&shop);
}

static void a_reader_in_an_older_snapshot_sees_what_was_there(void **state) {
    UNUSED(state);
    struct shop shop;
    make_shop(&shop);
    struct day_cache *cache = day_cache_new(64 * MIB);
    struct sales_reader *old = day_reader_new(shop_reader(&shop), cache),
                        *new = day_reader_new(shop_reader(&shop), cache),
                        *store = shop_reader(&shop);
    struct sales_query q = {
        .by_product = true, .from = today(&shop) - 60, .to = today(&shop), .max_rows = ROWS};
    begin(old);
    struct answer *before = ask(old, &q);
    place_on(&shop, 5000, 30);
    expect_as_store(new, store, &q); // what is kept is newer now
    expect_same(ask(old, &q), before, &q);
    old->ops->end(old);
    expect_as_store(old, store, &q);
    expect_as_store(new, store, &q);
    old->ops->close(old);
    new->ops->close(new);
    store->ops->close(store);
    day_cache_free(cache);
    shop_remove(&shop);
}

static void a_rebuild_of_sums_is_seen(void **state) {
    UNUSED(state);
    struct shop shop;
    make_shop(&shop);
    struct day_cache *cache = day_cache_new(64 * MIB);
    struct sales_query q = {
        .by_product = true, .from = today(&shop) - 60, .to = today(&shop), .max_rows = ROWS};
    // The sums are damaged while nobody looks, and seen like that; then they are mended.
    shop_sql(&shop, "UPDATE product_cells SET total_e4 = total_e4 + 5");
    struct sales_reader *days = day_reader_new(shop_reader(&shop), cache);
    begin(days);
    free_answer(ask(days, &q));
    days->ops->end(days);
    shop_close(&shop);
    struct audit_report report;
    struct error err = {0};
    int64_t changed;
    FILE *out = tmpfile();
    assert_true(audit_rebuild(shop.directory, false, out, &changed, &report, &err));
    assert_true(changed > 0);
    fclose(out);
    shop_open(&shop);
    struct sales_reader *store = shop_reader(&shop);
    expect_as_store(days, store, &q);
    days->ops->close(days);
    store->ops->close(store);
    day_cache_free(cache);
    shop_remove(&shop);
}

static bool take_none(void *user, const struct sales_row *row) {
    UNUSED(user);
    UNUSED(row);
    return true;
}

static void where_days_are_not_noted_the_store_is_asked(void **state) {
    UNUSED(state);
    struct shop shop;
    make_shop(&shop);
    struct day_cache *cache = day_cache_new(64 * MIB);
    struct sales_reader *days = day_reader_new(shop_reader(&shop), cache),
                        *store = shop_reader(&shop);
    struct sales_query q = {
        .by_source = true, .from = today(&shop) - 60, .to = today(&shop), .max_rows = ROWS};
    expect_as_store(days, store, &q);
    // As an earlier program commits: it counts, and notes nothing.
    shop_sql(&shop, "UPDATE day_cells SET total_e4 = total_e4 + 7; "
                    "UPDATE pipeline_state SET accepted = accepted + 1");
    expect_as_store(days, store, &q);
    shop_sql(&shop, "DROP TABLE day_changes"); // which every file of this version has
    days->ops->close(days);
    days = day_reader_new(shop_reader(&shop), cache);
    struct error err = {0};
    begin(days);
    assert_false(days->ops->sales(days, &q, take_none, NULL, &err));
    assert_non_null(strstr(err.text, "no such table: day_changes"));
    days->ops->end(days);
    days->ops->close(days);
    store->ops->close(store);
    day_cache_free(cache);
    shop_remove(&shop);
}

static void days_that_an_earlier_program_has_changed_are_read_again(void **state) {
    UNUSED(state);
    struct shop shop;
    make_shop(&shop);
    struct day_cache *cache = day_cache_new(64 * MIB);
    struct sales_reader *days = day_reader_new(shop_reader(&shop), cache),
                        *store = shop_reader(&shop);
    struct sales_query q = {
        .by_source = true, .from = today(&shop) - 60, .to = today(&shop), .max_rows = ROWS};
    expect_as_store(days, store, &q);
    shop_close(&shop);
    shop_sql(&shop,
             "UPDATE day_cells SET total_e4 = total_e4 + 7; "
             "UPDATE day_changes SET accepted = accepted - 1"); // the last batch is not noted
    shop_open(&shop);
    place_on(&shop, 5000, 0); // none of the range, and noted
    expect_as_store(days, store, &q);
    place_on(&shop, 5001, 0);
    int64_t made = metric(cache, "day_sums_made_total");
    expect_as_store(days, store, &q);
    assert_int_equal(metric(cache, "day_sums_made_total"), made); // from memory again
    days->ops->close(days);
    store->ops->close(store);
    day_cache_free(cache);
    shop_remove(&shop);
}

static void each_batch_notes_the_days_that_it_changes(void **state) {
    UNUSED(state);
    struct shop shop;
    shop_make(&shop, NULL); // 2026-01-01T12:00:00Z
    shop_set_zone(&shop, "America/New_York");
    shop_open(&shop);
    place_on(&shop, 1, 0);
    place_on(&shop, 2, 3);
    shop_pass(&shop, 1000);
    place_on(&shop, 3, 0);
    shop_refuse(&shop, some_order(&shop, 3, 5), "conflict");
    shop_sql_expect(&shop,
                    "SELECT group_concat(day || ' ' || accepted || ' ' || changed_at, ', ') "
                    "FROM (SELECT * FROM sales_day_changes ORDER BY day)",
                    "2025-12-29 2 2026-01-01T12:00:00.000Z, 2026-01-01 3 2026-01-01T12:00:01.000Z");
    shop_remove(&shop);
}

static void an_answer_that_is_too_long_is_refused(void **state) {
    UNUSED(state);
    struct shop shop;
    make_shop(&shop);
    struct day_cache *cache = day_cache_new(64 * MIB);
    struct sales_reader *days = day_reader_new(shop_reader(&shop), cache);
    struct sales_query q = {
        .by_product = true, .from = today(&shop) - 60, .to = today(&shop), .max_rows = 10};
    struct answer *a = mem_zalloc(1, sizeof *a);
    struct error err = {0};
    begin(days);
    assert_false(days->ops->sales(days, &q, take_row, a, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    assert_true(a->n <= 10);
    days->ops->end(days);
    free_answer(a);
    days->ops->close(days);
    day_cache_free(cache);
    shop_remove(&shop);
}

// --- Memory

static long fail_at, n_allocations;
static bool fail_one(void *user, size_t n_bytes) {
    UNUSED(user);
    UNUSED(n_bytes);
    return !taking && ++n_allocations == fail_at;
}

static void without_memory_the_answer_is_right_or_an_error(void **state) {
    UNUSED(state);
    struct shop shop;
    make_shop(&shop);
    struct sales_reader *store = shop_reader(&shop);
    struct sales_query q = {.by_product = true,
                            .from = today(&shop) - 20,
                            .to = today(&shop),
                            .max_rows = ROWS,
                            .any_order = true};
    begin(store);
    bool refused = true;
    for (fail_at = 1; refused; fail_at++) {
        struct day_cache *cache = day_cache_new(64 * MIB);
        struct sales_reader *days = day_reader_new(shop_reader(&shop), cache);
        q.by_product = !q.by_product;
        q.by_source = !q.by_product;
        struct answer *a = mem_zalloc(1, sizeof *a);
        struct error err = {0};
        begin(days);
        n_allocations = 0;
        mem_set_fail_hook(fail_one, NULL);
        bool ok = days->ops->sales(days, &q, take_row, a, &err);
        mem_set_fail_hook(NULL, NULL);
        refused = n_allocations >= fail_at;
        if (ok) {
            expect_same(a, ask(store, &q), &q);
        } else {
            assert_int_equal(err.cls, ERROR_RETRIABLE);
            free_answer(a);
        }
        days->ops->end(days);
        days->ops->close(days);
        day_cache_free(cache);
    }
    assert_true(fail_at > 20);
    store->ops->end(store);
    store->ops->close(store);
    shop_remove(&shop);
}

// --- Threads

struct asker {
    struct sales_reader *days, *store;
    struct sales_query q;
};

static void *ask_often(void *user) {
    struct asker *k = user;
    for (int i = 0; i < 40; i++) {
        begin(k->days);
        free_answer(ask(k->days, &k->q));
        k->days->ops->end(k->days);
        k->q.by_product = !k->q.by_product;
    }
    return NULL;
}

static void several_threads_share_what_is_kept(void **state) {
    UNUSED(state);
    struct shop shop;
    make_shop(&shop);
    struct day_cache *cache = day_cache_new(200000); // so that much is dropped while others hold it
    struct asker askers[3];
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        askers[i] = (struct asker){.days = day_reader_new(shop_reader(&shop), cache),
                                   .store = shop_reader(&shop),
                                   .q = {.by_product = i == 0,
                                         .from = today(&shop) - 100 - i,
                                         .to = today(&shop) + 1,
                                         .max_rows = ROWS,
                                         .any_order = true}};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &askers[i]), 0);
    }
    for (int64_t id = 5000; id < 5040; id++) {
        place_on(&shop, id, (int64_t)dice(100));
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        expect_as_store(askers[i].days, askers[i].store, &askers[i].q);
        askers[i].days->ops->close(askers[i].days);
        askers[i].store->ops->close(askers[i].store);
    }
    day_cache_free(cache);
    shop_remove(&shop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_is_committed_between_them_answers_are_the_stores),
        cmocka_unit_test(with_little_memory_too),
        cmocka_unit_test(with_no_room_for_the_names_too),
        cmocka_unit_test(days_that_have_not_changed_are_not_read_again),
        cmocka_unit_test(days_that_would_not_fit_into_memory_are_the_stores_to_answer),
        cmocka_unit_test(what_is_looked_at_and_not_used_is_not_counted),
        cmocka_unit_test(a_reader_in_an_older_snapshot_sees_what_was_there),
        cmocka_unit_test(a_rebuild_of_sums_is_seen),
        cmocka_unit_test(where_days_are_not_noted_the_store_is_asked),
        cmocka_unit_test(days_that_an_earlier_program_has_changed_are_read_again),
        cmocka_unit_test(each_batch_notes_the_days_that_it_changes),
        cmocka_unit_test(an_answer_that_is_too_long_is_refused),
        cmocka_unit_test(without_memory_the_answer_is_right_or_an_error),
        cmocka_unit_test(several_threads_share_what_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
