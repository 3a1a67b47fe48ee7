// SPDX-License-Identifier: MIT
// Questions to aggregates on a real server: the same history as the embedded store's reader is
// asked about, snapshots, lost connections, rejected events and their retries.
#include "mysql_lab.h"

#include "../unit/reader_history.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/day_reader.h"
#include "store/mysql/mysql_reader.h"
#include "store/rejected_retries.h"

static struct sales_reader *open_reader(const struct mysql_address *address) {
    struct sales_reader *r;
    struct store_settings settings;
    struct error err = {0};
    if (!mysql_reader_open(address, (struct raw_opener){0}, 10000, &r, &settings, &err)) {
        fail_msg("cannot open a reader: %s", err.text);
    }
    assert_string_equal(settings.currency, "USD");
    return r;
}

static int64_t count_batches(struct sales_reader *r) {
    struct store_counts counts;
    int64_t last_batch_id;
    struct error err = {0};
    if (!r->ops->counts(r, &counts, &last_batch_id, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(counts.received, counts.accepted + counts.duplicate + counts.rejected);
    return last_batch_id;
}

static void commit_one(struct instance *in, const struct order *o) {
    instance_add(in, o);
    instance_commit(in);
}

static void every_question_is_answered_as_by_the_embedded_store(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    struct history *h = history_make();
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    cube_free(in.cube);
    in.cube = mem_must(cube_new(h->shop.zone, NULL));
    for (int i = 0; i < EVENTS; i++) {
        instance_add(&in, &h->events[i]);
        in.gross.delta_e4 = 0; // of several currencies; no question is about it
        if (i % 50 == 49) {
            instance_commit(&in);
        }
    }
    struct sales_reader *r = open_reader(&lab.direct);
    expect_every_answer(h, r);
    assert_int_equal(count_batches(r), EVENTS / 50);
    r->ops->close(r);
    instance_close(&in);
    lab_close(&lab);
    history_remove(h);
}

static bool count_row(void *user, const struct sales_row *row) {
    UNUSED(row);
    ++*(int *)user;
    return true;
}

struct added_up {
    int64_t n, orders, total_e4;
};

static bool add_up(void *user, const struct sales_row *row) {
    struct added_up *sum = user;
    sum->n++;
    sum->orders += row->sum.orders;
    sum->total_e4 += row->sum.total_e4 * (1 + row->bucket % 7);
    return true;
}

// Of ten days by product, and by day, source and state.
static struct added_up ask_days(struct sales_reader *r) {
    const struct sales_query questions[] = {
        {.by_product = true, .from = 20445, .to = 20455, .max_rows = 1000},
        {.by_source = true,
         .by_state = true,
         .bucket = BUCKET_DAY,
         .from = 20445,
         .to = 20455,
         .max_rows = 1000}};
    struct added_up sum = {0};
    struct error err = {0};
    assert_true(r->ops->begin(r, &err));
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        if (!r->ops->sales(r, &questions[i], add_up, &sum, &err)) {
            fail_msg("%s", err.text);
        }
    }
    r->ops->end(r);
    return sum;
}

static void sums_in_memory_follow_what_others_commit(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    struct day_cache *cache = day_cache_new(1 << 20);
    struct sales_reader *store = open_reader(&lab.direct),
                        *days = day_reader_new(open_reader(&lab.direct), cache);
    for (int i = 0; i < 30; i++) { // today, and late ones
        struct order o = lab_order(i, i % 3 ? "A" : "B", "TX", 10000 + i);
        o.created_ms -= i % 2 * i * INT64_C(86400000) / 3;
        commit_one(&in, &o);
        struct added_up want = ask_days(store), have = ask_days(days);
        assert_memory_equal(&have, &want, sizeof want);
    }
    assert_true(ask_days(store).n > 10);
    // An earlier program counts what it does not note; what is noted after it says so.
    lab_do(&lab, "UPDATE sales_by_product SET total = total + 1");
    lab_do(&lab, "UPDATE pipeline_state SET accepted = accepted + 1");
    for (int i = 30; i < 32; i++) {
        struct added_up want = ask_days(store), have = ask_days(days);
        assert_memory_equal(&have, &want, sizeof want);
        struct order o = lab_order(i, "A", "TX", 10000);
        commit_one(&in, &o);
    }
    // Without the table, or rights to it, the store is asked.
    lab_do(&lab, "RENAME TABLE sales_day_changes TO elsewhere");
    lab_do(&lab, "UPDATE sales_by_product SET total = total + 1");
    struct added_up want = ask_days(store), have = ask_days(days);
    assert_memory_equal(&have, &want, sizeof want);
    store->ops->close(store);
    days->ops->close(days);
    day_cache_free(cache);
    instance_close(&in);
    lab_close(&lab);
}

static void more_rows_than_asked_for_are_refused(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    for (int i = 0; i < 5; i++) {
        struct order o = lab_order(i, "GOOGLE", "CA", 1);
        o.product_id = (struct ident){i, TEXT_NONE};
        o.created_ms -= i * INT64_C(3600000);
        instance_add(&in, &o);
    }
    instance_commit(&in);
    struct sales_reader *r = open_reader(&lab.direct);
    for (int by_product = 0; by_product < 2; by_product++) {
        struct sales_query q = {.by_product = by_product,
                                .bucket = by_product ? BUCKET_DAY : BUCKET_HOUR,
                                .from = INT32_MIN,
                                .to = INT32_MAX,
                                .max_rows = 4};
        struct error err = {0};
        int n = 0;
        assert_false(r->ops->sales(r, &q, count_row, &n, &err));
        assert_int_equal(err.cls, ERROR_USAGE);
        ASSERT_SAYS(&err, "more than 4 rows", "shorter time range");
        q.max_rows = 5;
        n = 0;
        assert_true(r->ops->sales(r, &q, count_row, &n, &err));
        assert_int_equal(n, 5);
    }
    struct sales_query bad = {.by_product = true, .bucket = BUCKET_MINUTE, .max_rows = 10};
    struct error err = {0};
    int n = 0;
    assert_false(r->ops->sales(r, &bad, count_row, &n, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    r->ops->close(r);
    instance_close(&in);
    lab_close(&lab);
}

static bool put_id(void *user, const struct sales_row *row) {
    char *text = user, digits[24];
    struct text id = ident_text(row->product_id, digits);
    size_t len = strlen(text);
    snprintf(text + len, 256 - len, "%.*s ", TEXT_ARG(id));
    return true;
}

static void products_come_numbers_first_then_texts_byte_by_byte(void **state) {
    UNUSED(state);
    static const char *const ids[] = {
        "b",        "10", "9",   "B", "9223372036854775807", "9223372036854775808",
        "\xC3\xA9", "0",  "007", "a"};
    struct lab lab;
    struct instance in;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct order o = lab_order((int64_t)i, "GOOGLE", "CA", 1);
        o.product_id = ident_of_text(text_of(ids[i]));
        instance_add(&in, &o);
    }
    instance_commit(&in);
    struct sales_reader *r = open_reader(&lab.direct);
    struct sales_query q = {
        .by_product = true, .from = INT32_MIN, .to = INT32_MAX, .max_rows = 100};
    char text[256] = "";
    struct error err = {0};
    assert_true(r->ops->sales(r, &q, put_id, text, &err));
    assert_string_equal(text, "0 9 10 9223372036854775807 007 9223372036854775808 B a b \xC3\xA9 ");
    r->ops->close(r);
    instance_close(&in);
    lab_close(&lab);
}

static void cells_below_the_floor_are_not_shown(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    struct order now = lab_order(1, "GOOGLE", "CA", 1), old = lab_order(2, "GOOGLE", "CA", 1);
    old.created_ms -= 60000;
    instance_add(&in, &now);
    commit_one(&in, &old);
    struct sales_reader *r = open_reader(&lab.direct);
    struct sales_query q = {
        .bucket = BUCKET_MINUTE, .from = INT32_MIN, .to = INT32_MAX, .max_rows = 10};
    struct error err = {0};
    int n = 0;
    assert_true(r->ops->sales(r, &q, count_row, &n, &err));
    assert_int_equal(n, 2);
    char sql[128];
    snprintf(sql, sizeof sql, "UPDATE pipeline_state SET minute_floor = %d, hour_floor = %d",
             LAB_MINUTE, LAB_HOUR);
    lab_do(&lab, sql);
    n = 0;
    assert_true(r->ops->sales(r, &q, count_row, &n, &err));
    assert_int_equal(n, 1);
    q.bucket = BUCKET_HOUR;
    n = 0;
    assert_true(r->ops->sales(r, &q, count_row, &n, &err));
    assert_int_equal(n, 1);
    r->ops->close(r);
    instance_close(&in);
    lab_close(&lab);
}

static int64_t committed_ms(struct sales_reader *r, int64_t batch_id) {
    int64_t ms = -1;
    struct error err = {0};
    if (!r->ops->batch_committed(r, batch_id, &ms, &err)) {
        fail_msg("%s", err.text);
    }
    return ms;
}

static void a_batch_is_read_with_the_time_of_its_commit(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    struct order o = lab_order(1, "GOOGLE", "CA", 1);
    commit_one(&in, &o);
    lab_do(&lab, "UPDATE pipeline_batches SET committed_at = committed_at + INTERVAL 1234 * 1000 "
                 "MICROSECOND");
    struct sales_reader *r = open_reader(&lab.direct);
    struct error err = {0};
    assert_true(r->ops->begin(r, &err));
    assert_int_equal(committed_ms(r, 1), LAB_NOW_MS + 1234);
    commit_one(&in, &o);
    assert_int_equal(committed_ms(r, 2), 0); // not in this snapshot
    r->ops->end(r);
    assert_int_equal(committed_ms(r, 2), LAB_NOW_MS);
    assert_int_equal(committed_ms(r, 0), 0); // no batch
    r->ops->close(r);
    instance_close(&in);
    lab_close(&lab);
}

static void calls_between_begin_and_end_see_one_snapshot(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    struct order o = lab_order(1, "GOOGLE", "CA", 1);
    commit_one(&in, &o);
    struct sales_reader *r = open_reader(&lab.direct);
    struct error err = {0};
    struct sales_query all = {.from = INT32_MIN, .to = INT32_MAX, .max_rows = 10};
    assert_true(r->ops->begin(r, &err));
    assert_int_equal(count_batches(r), 1);
    o.currency[0] = 'X';
    commit_one(&in, &o);
    int n = 0;
    assert_true(r->ops->sales(r, &all, count_row, &n, &err));
    assert_int_equal(n, 1);
    assert_int_equal(count_batches(r), 1);
    r->ops->end(r);
    n = 0;
    assert_true(r->ops->sales(r, &all, count_row, &n, &err));
    assert_int_equal(n, 2);
    assert_int_equal(count_batches(r), 2);
    r->ops->close(r);
    instance_close(&in);
    lab_close(&lab);
}

// A question that fails now and then until the server is back.
static void wait_until_answered(struct sales_reader *r) {
    struct store_counts counts;
    int64_t last_batch_id;
    struct error err = {0};
    for (int i = 0; i < 200; i++) {
        if (r->ops->counts(r, &counts, &last_batch_id, &err)) {
            return;
        }
        assert_int_equal(err.cls, ERROR_RETRIABLE);
        struct timespec pause = {0, 100 * 1000 * 1000};
        nanosleep(&pause, NULL);
    }
    fail_msg("not answered: %s", err.text);
}

static void a_lost_connection_is_made_again_and_a_snapshot_is_not_pretended(void **state) {
    UNUSED(state);
    struct lab lab;
    lab_open(&lab);
    struct sales_reader *r = open_reader(&lab.proxied);
    struct error err = {0};
    struct store_counts counts;
    int64_t last_batch_id;
    assert_int_equal(count_batches(r), 0);
    lab_command("cut");
    assert_int_equal(count_batches(r), 0); // on a new connection
    assert_true(r->ops->begin(r, &err));
    lab_command("cut");
    for (int i = 0; i < 2; i++) { // also when it is asked again
        assert_false(r->ops->counts(r, &counts, &last_batch_id, &err));
        assert_int_equal(err.cls, ERROR_RETRIABLE);
    }
    r->ops->end(r);
    assert_true(r->ops->begin(r, &err));
    assert_int_equal(count_batches(r), 0);
    r->ops->end(r);
    lab_command("refuse");
    lab_command("cut");
    for (int i = 0; i < 50; i++) { // at once, most of them without a try
        assert_false(r->ops->counts(r, &counts, &last_batch_id, &err));
        assert_int_equal(err.cls, ERROR_RETRIABLE);
        assert_true(err.text[0] != '\0');
    }
    assert_false(r->ops->begin(r, &err));
    lab_command("accept");
    wait_until_answered(r);
    r->ops->close(r);
    lab_close(&lab);
}

// --- Rows as they come

enum { MANY = 100000, AT_ONCE = 10000 };
#define DIGITS                                                                                     \
    "(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 "      \
    "UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) "

// Far more than fits between server and reader: what happens at the first row happens before the
// last is sent. Some at a time: a statement has to end before a busy machine's time-out.
static void make_many(struct lab *lab) {
    char sql[1024];
    for (int i = 0; i < MANY / AT_ONCE; i++) {
        snprintf(sql, sizeof sql,
                 "INSERT INTO sales_by_product (day, product_id, currency, orders, units, total) "
                 "SELECT '2026-01-01', CONCAT(REPEAT('x', 90), %d, a.d, b.d, c.d, d.d), 'USD', "
                 "1, 1, 1 FROM " DIGITS "a, " DIGITS "b, " DIGITS "c, " DIGITS "d",
                 i);
        lab_do(lab, sql);
    }
}

struct taking {
    int n;
    enum { TAKE_ALL, TAKE_ONE, CUT, SLEEP } how;
};

static bool take_as_it_comes(void *user, const struct sales_row *row) {
    struct taking *t = user;
    assert_int_equal(row->sum.total_e4, 10000);
    if (t->n++ == 0 && t->how == CUT) {
        lab_command("cut");
    } else if (t->n == 1 && t->how == SLEEP) {
        const struct timespec pause = {0, 60 * 1000 * 1000};
        nanosleep(&pause, NULL);
    }
    return t->how != TAKE_ONE;
}

static bool ask_for_many(struct sales_reader *r, struct taking *t, int64_t deadline_ns,
                         struct error *err) {
    const struct sales_query q = {.by_product = true,
                                  .from = 20454,
                                  .to = 20455,
                                  .max_rows = MANY,
                                  .any_order = true,
                                  .deadline_ns = deadline_ns};
    return r->ops->sales(r, &q, take_as_it_comes, t, err);
}

static void expect_all_of_many(struct sales_reader *r) {
    struct taking all = {0};
    struct error err = {0};
    if (!ask_for_many(r, &all, 0, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(all.n, MANY);
}

static void rows_end_early_without_harm_to_the_next_question(void **state) {
    UNUSED(state);
    struct lab lab;
    struct error err = {0};
    lab_open(&lab);
    make_many(&lab);
    struct sales_reader *r = open_reader(&lab.proxied);
    struct taking one = {.how = TAKE_ONE};
    assert_true(ask_for_many(r, &one, 0, &err)); // has enough
    assert_int_equal(one.n, 1);
    expect_all_of_many(r);
    struct taking cut = {.how = CUT}; // loses the connection
    assert_false(ask_for_many(r, &cut, 0, &err));
    assert_int_equal(err.cls, ERROR_RETRIABLE);
    assert_true(cut.n > 0 && cut.n < MANY);
    expect_all_of_many(r);
    struct taking late = {.how = SLEEP}; // takes too long
    int64_t soon_ns = clock_monotonic_ns(clock_system()) + INT64_C(50000000);
    assert_false(ask_for_many(r, &late, soon_ns, &err));
    assert_int_equal(err.cls, ERROR_RETRIABLE);
    ASSERT_SAYS(&err, "adding up sales took longer than", "shorter time range");
    assert_true(late.n > 0 && late.n < 100);
    expect_all_of_many(r);
    r->ops->close(r);
    lab_close(&lab);
}

// --- Newest orders and rejected events

struct words {
    char text[1024];
    int n, max;
};

static void put_words(struct words *w, const char *format, ...) PRINTF_LIKE(2, 3);
static void put_words(struct words *w, const char *format, ...) {
    va_list args;
    size_t len = strlen(w->text);
    va_start(args, format);
    vsnprintf(w->text + len, sizeof w->text - len, format, args);
    va_end(args);
    w->n++;
}

static bool put_recent(void *user, const struct stored_event *e) {
    struct words *w = user;
    char digits[24];
    struct text id = ident_text(e->order.order_id, digits);
    assert_int_equal(e->order.kind, ORDER_PLACED);
    put_words(w, "%lld:%.*s/%.*s ", (long long)e->position, TEXT_ARG(id),
              TEXT_ARG(e->order.source));
    return w->n != w->max;
}

static void commit_recent(struct instance *in, struct order o, int64_t offset) {
    const struct stored_event event = {
        .order = o, .arrival_ms = LAB_NOW_MS + 1, .position = log_position(in->partition, offset)};
    struct error err = {0};
    instance_add(in, &o);
    if (instance_try_commit(in, (struct aggregates_batch){.recent = &event, .n_recent = 1}, &err) !=
        COMMIT_OK) {
        fail_msg("%s", err.text);
    }
}

static bool keep_recent(void *user, const struct stored_event *e) {
    struct stored_event *out = user;
    assert_string_equal(e->order.items_json.at, ITEMS_JSON);
    assert_true(text_equal(e->order.product_id.text, TEXT_NONE));
    *out = *e;
    return false;
}

static void the_newest_orders_of_all_partitions_come_first(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance one, two;
    lab_open(&lab);
    instance_open(&lab, &one, 0);
    instance_open(&lab, &two, 1);
    commit_recent(&two, lab_order(1, "A", "CA", 1), 0);
    commit_recent(&one, lab_order(2, "B", "CA", 1), 0);
    commit_recent(&two, lab_order(3, "C", "CA", 1), 1);
    struct sales_reader *r = open_reader(&lab.direct);
    struct words w = {.max = 10}, newer = {.max = 10}, few = {.max = 10};
    struct error err = {0};
    assert_true(r->ops->recent(r, 0, 10, put_recent, &w, &err));
    assert_string_equal(w.text, "3:3/C 2:2/B 1:1/A ");
    assert_true(r->ops->recent(r, 2, 10, put_recent, &newer, &err));
    assert_string_equal(newer.text, "3:3/C ");
    assert_true(r->ops->recent(r, 0, 2, put_recent, &few, &err));
    assert_string_equal(few.text, "3:3/C 2:2/B ");

    struct order o = lab_order(7, "D", "CA", 987654321);
    o.customer_id = (struct ident){-1, TEXT_LIT("c'\\1")};
    o.product_id = IDENT_NONE;
    o.items = ITEMS;
    o.n_items = COUNT_OF(ITEMS);
    o.items_json = TEXT_LIT(ITEMS_JSON);
    o.discount_e4 = 1;
    o.shipping_e4 = 20;
    o.tax_e4 = 300;
    o.created_ms += 123;
    struct stored_event have;
    commit_recent(&one, o, 1);
    assert_true(r->ops->recent(r, 3, 1, keep_recent, &have, &err));
    assert_int_equal(have.order.total_e4, 987654321);
    assert_int_equal(have.order.discount_e4, 1);
    assert_int_equal(have.order.shipping_e4, 20);
    assert_int_equal(have.order.tax_e4, 300);
    assert_int_equal(have.order.created_ms, LAB_NOW_MS + 123);
    assert_int_equal(have.arrival_ms, LAB_NOW_MS + 1);
    assert_string_equal(have.order.currency, "USD");
    assert_null(r->ops->order); // raw orders are not kept here
    r->ops->close(r);
    instance_close(&one);
    instance_close(&two);
    lab_close(&lab);
}

static bool put_change(void *user, const struct stored_event *e) {
    struct words *w = user;
    char digits[24];
    struct text id = ident_text(e->order.order_id, digits);
    put_words(w, "%lld:%.*s/%s/%.*s/%.*s/%s/%lld/%lld/%lld ", (long long)e->position, TEXT_ARG(id),
              order_kind_name(e->order.kind), TEXT_ARG(e->order.source), TEXT_ARG(e->order.state),
              e->order.currency, (long long)e->order.total_e4,
              (long long)(e->order.created_ms - LAB_NOW_MS),
              (long long)(e->arrival_ms - LAB_NOW_MS));
    return w->n != w->max;
}

static void commit_change(struct instance *in, enum order_kind kind, int64_t order_id,
                          const char *event_id, int64_t offset) {
    struct order o = lab_order(order_id, "A", "it's", 12345);
    o.kind = kind;
    o.event_id = text_of(event_id);
    o.created_ms += 5;
    const struct stored_event event = {
        .order = o, .arrival_ms = LAB_NOW_MS + 1, .position = log_position(in->partition, offset)};
    struct error err = {0};
    instance_add(in, &o);
    if (instance_try_commit(in, (struct aggregates_batch){.changes = &event, .n_changes = 1},
                            &err) != COMMIT_OK) {
        fail_msg("%s", err.text);
    }
}

static void the_newest_cancellations_and_refunds_are_read_as_changes(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance one, two;
    lab_open(&lab);
    instance_open(&lab, &one, 0);
    instance_open(&lab, &two, 1);
    commit_change(&two, ORDER_REFUNDED, 1, "r'1", 0);
    commit_recent(&one, lab_order(2, "B", "CA", 1), 0);
    commit_change(&one, ORDER_CANCELLED, 3, NULL, 1);
    struct sales_reader *r = open_reader(&lab.direct);
    struct words w = {.max = 10}, newer = {.max = 10}, gone = {.max = 10};
    bool kept = false;
    struct error err = {0};
    assert_true(r->ops->begin(r, &err));
    assert_true(r->ops->recent_changes(r, 0, 10, put_change, &w, &kept, &err) && kept);
    assert_string_equal(w.text, "2:3/cancelled/A/it's/USD/12345/5/1 "
                                "1:1/refunded/A/it's/USD/12345/5/1 ");
    assert_true(r->ops->recent_changes(r, 1, 10, put_change, &newer, &kept, &err) && kept);
    assert_string_equal(newer.text, "2:3/cancelled/A/it's/USD/12345/5/1 ");
    r->ops->end(r);
    // Tables of an earlier program: there are none, and other questions of the snapshot go on.
    lab_do(&lab, "DROP TABLE recent_changes");
    struct words orders = {.max = 10};
    assert_true(r->ops->begin(r, &err));
    assert_true(r->ops->recent_changes(r, 0, 10, put_change, &gone, &kept, &err) && !kept);
    assert_int_equal(gone.n, 0);
    assert_true(r->ops->recent(r, 0, 10, put_recent, &orders, &err));
    assert_string_equal(orders.text, "1:2/B ");
    r->ops->end(r);
    r->ops->close(r);
    instance_close(&one);
    instance_close(&two);
    lab_close(&lab);
}

static bool put_rejected(void *user, const struct rejected_row *row) {
    struct words *w = user;
    assert_int_equal(row->arrival_ms, LAB_NOW_MS);
    put_words(w, "%lld %.*s %.*s %.*s%s%s%.*s\n", (long long)row->id, TEXT_ARG(row->field),
              TEXT_ARG(row->code), TEXT_ARG(row->raw), row->raw_cut ? " cut" : "",
              row->retried_ms != 0 ? " retried " : "", TEXT_ARG(row->retried_verdict));
    return w->n != w->max;
}

static void commit_rejected(struct instance *in, const char *raw, size_t raw_bytes) {
    const struct rejected_event e = {.position = log_position(in->partition, 0),
                                     .arrival_ms = LAB_NOW_MS,
                                     .field = TEXT_LIT("total"),
                                     .code = TEXT_LIT(REJECT_MISSING),
                                     .message = TEXT_LIT("total is missing"),
                                     .raw = text_of(raw),
                                     .raw_bytes = raw_bytes};
    struct error err = {0};
    in->summary.counts.received = in->summary.counts.rejected = 1;
    if (instance_try_commit(in, (struct aggregates_batch){.rejected = &e, .n_rejected = 1}, &err) !=
        COMMIT_OK) {
        fail_msg("%s", err.text);
    }
}

// A try as `salestide rejected` makes it: claimed, sent, its verdict noted. seen_ms: the try
// before.
static int64_t try_again(struct rejected_retries *retries, int64_t id, int64_t seen_ms,
                         int64_t now_ms) {
    const struct rejected_claim claim = {.id = id, .seen_ms = seen_ms, .now_ms = now_ms};
    struct error err = {0};
    int64_t retried_ms;
    if (!retries->ops->claim(retries, &claim, &retried_ms, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(retried_ms, now_ms);
    return retried_ms;
}

static void became(struct rejected_retries *retries, int64_t id, int64_t retried_ms,
                   const char *verdict) {
    struct error err = {0};
    if (!retries->ops->put(retries, id, retried_ms, verdict, &err)) {
        fail_msg("%s", err.text);
    }
}

static void rejected_events_are_read_with_what_became_of_them(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    struct rejected_retries *retries;
    struct error err = {0};
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    commit_rejected(&in, "{\"a\":1}", 7);
    commit_rejected(&in, "{\"b\":\xFF}", 7); // no UTF-8: kept to the byte
    commit_rejected(&in, "{\"c\"", 70000);
    struct sales_reader *r = open_reader(&lab.direct);
    struct words all = {.max = 10}, page = {.max = 10}, again = {.max = 10};
    assert_true(r->ops->rejected(r, INT64_MAX, 10, put_rejected, &all, &err));
    assert_string_equal(all.text, "3 total missing {\"c\" cut\n2 total missing {\"b\":\xFF}\n"
                                  "1 total missing {\"a\":1}\n");
    assert_true(r->ops->rejected(r, 3, 1, put_rejected, &page, &err));
    assert_string_equal(page.text, "2 total missing {\"b\":\xFF}\n");

    assert_true(mysql_retries_open(&lab.proxied, &retries, &err));
    int64_t first_ms = try_again(retries, 1, 0, LAB_NOW_MS + 5);
    became(retries, 1, first_ms, "rejected");
    int64_t second_ms = try_again(retries, 1, first_ms, LAB_NOW_MS + 9);
    lab_command("cut");
    became(retries, 1, second_ms, "accepted");
    retries->ops->close(retries);
    assert_true(r->ops->rejected(r, 3, 10, put_rejected, &again, &err));
    assert_string_equal(again.text, "2 total missing {\"b\":\xFF}\n"
                                    "1 total missing {\"a\":1} retried accepted\n");
    ASSERT_ASK(&lab, "SELECT id, event, status FROM rejected_events WHERE id = 1",
               "1|{\"a\":1}|accepted");
    ASSERT_ASK(&lab, "SELECT count(*) FROM rejected_retries", "2");
    // One that a newer one has replaced is not handed out, and its row stays.
    assert_true(mysql_retries_open(&lab.direct, &retries, &err));
    int64_t third_ms = try_again(retries, 2, 0, LAB_NOW_MS + 10);
    became(retries, 2, third_ms, "rejected");
    became(retries, 2, third_ms, "replaced");
    retries->ops->close(retries);
    struct words left = {.max = 10};
    assert_true(r->ops->rejected(r, 3, 10, put_rejected, &left, &err));
    assert_string_equal(left.text, "1 total missing {\"a\":1} retried accepted\n");
    ASSERT_ASK(&lab, "SELECT count(*) FROM rejected_events", "3");
    r->ops->close(r);
    instance_close(&in);
    lab_close(&lab);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_question_is_answered_as_by_the_embedded_store),
        cmocka_unit_test(sums_in_memory_follow_what_others_commit),
        cmocka_unit_test(more_rows_than_asked_for_are_refused),
        cmocka_unit_test(products_come_numbers_first_then_texts_byte_by_byte),
        cmocka_unit_test(cells_below_the_floor_are_not_shown),
        cmocka_unit_test(a_batch_is_read_with_the_time_of_its_commit),
        cmocka_unit_test(calls_between_begin_and_end_see_one_snapshot),
        cmocka_unit_test(rows_end_early_without_harm_to_the_next_question),
        cmocka_unit_test(a_lost_connection_is_made_again_and_a_snapshot_is_not_pretended),
        cmocka_unit_test(the_newest_orders_of_all_partitions_come_first),
        cmocka_unit_test(the_newest_cancellations_and_refunds_are_read_as_changes),
        cmocka_unit_test(rejected_events_are_read_with_what_became_of_them),
    };
    log_set_level(LOG_ERROR + 1);
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
