// SPDX-License-Identifier: MIT
// Raw orders alone in a SQLite file: a row for each identity whatever is written again, the newer
// writer's row wins, what was flushed is durable, and every failure of the disk can be gone on
// from.
#include "shop_sql.h"

#include "base/log.h"
#include "fault_vfs.h"
#include "store/sqlite/sqlite_aggregates.h"
#include "store/sqlite/sqlite_raw.h"

struct world {
    struct shop shop; // its store is never opened
    struct raw_store *raw;
};

static void open_world(struct world *w) {
    struct error err = {0};
    if (!sqlite_raw_open(w->shop.directory, w->shop.vfs, &w->raw, &err)) {
        fail_msg("%s", err.text);
    }
}

static void make_world(struct world *w, const char *vfs) {
    *w = (struct world){0};
    shop_make(&w->shop, vfs);
    open_world(w);
}

static void close_world(struct world *w) {
    w->raw->ops->close(w->raw);
    w->raw = NULL;
}

static void remove_world(struct world *w) {
    if (w->raw != NULL) {
        close_world(w);
    }
    shop_remove(&w->shop);
}

static struct stored_event event_of(struct world *w, struct order o, int64_t offset) {
    return (struct stored_event){o, w->shop.now_ms, log_position(2, offset)};
}

static void add(struct world *w, struct order o, int64_t offset, int64_t epoch_us) {
    struct error err = {0};
    struct stored_event e = event_of(w, o, offset);
    if (w->raw->ops->add(w->raw, &e, epoch_us, &err) != STORE_OK) {
        fail_msg("%s", err.text);
    }
}

static void flush(struct world *w) {
    struct error err = {0};
    assert_int_equal(w->raw->ops->flush(w->raw, &err), STORE_OK);
}

static struct order refund_of(struct world *w, int64_t id, const char *event_id) {
    struct order o = shop_order(&w->shop, id, 500);
    o.kind = ORDER_REFUNDED;
    o.event_id = text_of(event_id);
    return o;
}

static void what_is_written_again_is_one_row(void **state) {
    (void)state;
    struct world w;
    make_world(&w, NULL);
    for (int again = 0; again < 3; again++) {
        for (int64_t i = 0; i < 10; i++) {
            add(&w, shop_order(&w.shop, i, 10000 + i), i, 7);
            add(&w, refund_of(&w, i, "r1"), 10 + i, 7);
            add(&w, refund_of(&w, i, "r2"), 20 + i, 7);
        }
        flush(&w);
        if (again == 1) {
            close_world(&w);
            open_world(&w);
        }
    }
    shop_sql_expect(&w.shop,
                    "SELECT count(*), count(DISTINCT order_id), sum(round(total * 10000)) "
                    "FROM orders",
                    "10|10|100045.0");
    shop_sql_expect(&w.shop, "SELECT count(*), min(event), min(event_id) FROM order_adjustments",
                    "20|refunded|r1");
    remove_world(&w);
}

static void the_row_of_the_newer_owner_wins_in_either_order(void **state) {
    (void)state;
    struct world w;
    make_world(&w, NULL);
    add(&w, shop_order(&w.shop, 1, 10000), 1, 100);
    add(&w, shop_order(&w.shop, 1, 20000), 2, 200);
    add(&w, shop_order(&w.shop, 1, 30000), 3, 150); // a zombie's late write
    add(&w, refund_of(&w, 1, "r1"), 5, 200);
    add(&w, refund_of(&w, 1, "r1"), 4, 100);
    flush(&w);
    shop_sql_expect(&w.shop, "SELECT total, position & 0xffffffff FROM orders", "2.0|2");
    shop_sql_expect(&w.shop, "SELECT position & 0xffffffff FROM order_adjustments", "5");
    remove_world(&w);
}

static bool note_found(void *user, size_t index, const struct stored_event *e) {
    char *out = user;
    size_t len = strlen(out);
    snprintf(out + len, 256 - len, "%zu:%.*s/%.*s ", index, TEXT_ARG(e->order.source),
             TEXT_ARG(e->order.state));
    return true;
}

static void orders_are_found_by_id(void **state) {
    (void)state;
    struct world w;
    struct error err = {0};
    char out[256] = "";
    make_world(&w, NULL);
    struct order text = shop_order(&w.shop, 0, 10000);
    text.order_id = (struct ident){-1, TEXT_LIT("7a")};
    text.source = TEXT_LIT("MAIL");
    add(&w, shop_order(&w.shop, 7, 10000), 1, 1);
    add(&w, text, 2, 1);
    add(&w, refund_of(&w, 8, "r"), 3, 1); // whose order is not there
    flush(&w);
    const struct ident ids[] = {
        {8, TEXT_NONE}, {7, TEXT_NONE}, {-1, TEXT_LIT("7a")}, {-1, TEXT_LIT("nobody")}};
    assert_int_equal(w.raw->ops->find(w.raw, ids, 4, note_found, out, &err), STORE_OK);
    assert_string_equal(out, "1:GOOGLE/CA 2:MAIL/CA ");
    remove_world(&w);
}

static bool note_event(void *user, const struct stored_event *e) {
    char *out = user;
    size_t len = strlen(out);
    snprintf(out + len, 256 - len, "%d@%d:%lld(%u) ", (int)e->order.kind,
             (int)log_position_offset(e->position), (long long)e->order.total_e4,
             (unsigned)e->order.n_items);
    return true;
}

static bool stop_at_once(void *user, const struct stored_event *e) {
    (void)e;
    ++*(int *)user;
    return false;
}

static void a_reader_gives_an_order_with_its_adjustments_and_all_of_them(void **state) {
    (void)state;
    struct world w;
    struct error err = {0};
    struct raw_reader *r;
    char out[256] = "";
    int n = 0;
    make_world(&w, NULL);
    struct order o = shop_order(&w.shop, 1, 10000);
    o.items_json = TEXT_LIT("[{\"product_id\":\"a\",\"quantity\":2,\"subtotal\":\"1.0000\"},"
                            "{\"product_id\":5,\"quantity\":1,\"subtotal\":\"2.5000\"}]");
    add(&w, o, 1, 1);
    add(&w, shop_order(&w.shop, 2, 20000), 2, 1);
    add(&w, refund_of(&w, 1, "b"), 4, 1);
    add(&w, refund_of(&w, 1, "a"), 3, 1);
    flush(&w);
    add(&w, shop_order(&w.shop, 3, 30000), 5, 1); // not flushed
    assert_true(sqlite_raw_reader_open(w.shop.directory, &r, &err));
    assert_true(r->ops->order(r, (struct ident){1, TEXT_NONE}, note_event, out, &err));
    assert_string_equal(out, "0@1:10000(2) 2@3:500(0) 2@4:500(0) ");
    out[0] = '\0';
    assert_true(r->ops->order(r, (struct ident){9, TEXT_NONE}, note_event, out, &err));
    assert_string_equal(out, "");
    assert_true(r->ops->scan(r, note_event, out, &err));
    assert_string_equal(out, "0@1:10000(2) 0@2:20000(0) 2@4:500(0) 2@3:500(0) ");
    assert_true(r->ops->scan(r, stop_at_once, &n, &err));
    assert_int_equal(n, 1);
    r->ops->close(r);
    remove_world(&w);
}

static void what_was_not_flushed_is_forgotten_by_reopen_and_close(void **state) {
    (void)state;
    struct world w;
    struct error err = {0};
    make_world(&w, NULL);
    add(&w, shop_order(&w.shop, 1, 10000), 1, 1);
    flush(&w);
    flush(&w); // nothing to do
    add(&w, shop_order(&w.shop, 2, 10000), 2, 1);
    assert_int_equal(w.raw->ops->reopen(w.raw, &err), STORE_OK);
    add(&w, shop_order(&w.shop, 3, 10000), 3, 1);
    close_world(&w);
    open_world(&w);
    shop_sql_expect(&w.shop, "SELECT group_concat(order_id) FROM orders", "1");
    remove_world(&w);
}

// --- Failures

enum { N_FLUSHES = 3, PER_FLUSH = 5 };

static bool write_step(struct world *w, int step) {
    struct error err = {0};
    for (int i = 0; i < PER_FLUSH; i++) {
        int64_t id = (int64_t)step * PER_FLUSH + i;
        struct stored_event e = event_of(w, shop_order(&w->shop, id, 10000), id);
        if (w->raw->ops->add(w->raw, &e, 1, &err) != STORE_OK) {
            return false;
        }
    }
    return w->raw->ops->flush(w->raw, &err) == STORE_OK;
}

static bool play(enum fault_call call, long n, int code, bool torn) {
    struct world w;
    fault_vfs_reset();
    make_world(&w, "fault");
    fault.code = code;
    fault.torn = torn;
    fault.fail_at[call] = fault.passed[call] + n;
    for (int step = 0, tries = 0; step < N_FLUSHES; tries++) {
        struct error err = {0};
        assert_true(tries < 20);
        if (write_step(&w, step)) {
            step++;
        } else if (w.raw->ops->reopen(w.raw, &err) != STORE_OK) {
            assert_int_equal(err.cls, ERROR_RETRIABLE);
        }
    }
    bool hit = fault.hit;
    fault_vfs_reset();
    close_world(&w);
    shop_sql_expect(&w.shop, "SELECT count(*), sum(total) FROM orders", "15|15.0");
    remove_world(&w);
    return hit;
}

static void sweep(enum fault_call call, int code, bool torn, long at_least) {
    long n = 1;
    while (play(call, n, code, torn)) {
        n++;
    }
    print_message("failed each of %ld calls\n", n - 1);
    assert_true(n - 1 >= at_least);
}

static void every_write_and_fsync_may_fail(void **state) {
    (void)state;
    sweep(FAULT_WRITE, SQLITE_FULL, false, 10);
    sweep(FAULT_WRITE, SQLITE_IOERR_WRITE, true, 10);
    sweep(FAULT_SYNC, SQLITE_IOERR_FSYNC, false, N_FLUSHES);
}

// --- What a directory is for

static void expect_refused(const struct error *err) {
    assert_int_equal(err->cls, ERROR_USAGE);
    assert_non_null(strstr(err->text, "holds raw orders alone"));
    assert_null(strchr(err->text, '\n'));
}

static void a_directory_of_raw_orders_is_nothing_else(void **state) {
    (void)state;
    struct world w;
    struct error err = {0};
    struct aggregates *aggregates;
    struct sales_reader *reader;
    struct store_settings settings;
    struct audit_report report;
    make_world(&w, NULL);
    add(&w, shop_order(&w.shop, 1, 10000), 1, 1);
    flush(&w);
    struct raw_store *second;
    assert_false(sqlite_raw_open(w.shop.directory, NULL, &second, &err));
    assert_non_null(strstr(err.text, "another salestide process writes"));
    close_world(&w);
    assert_false(shop_try_open(&w.shop, &err));
    expect_refused(&err);
    assert_false(audit_verify(w.shop.directory, stdout, &report, &err));
    expect_refused(&err);
    assert_false(sqlite_reader_open(w.shop.directory, NULL, 1000, &reader, &settings, &err));
    expect_refused(&err);
    struct sqlite_options options = {.directory = w.shop.directory, .clock = &w.shop.clock};
    assert_false(sqlite_aggregates_open(&options, &aggregates, &settings, &err));
    expect_refused(&err);
    open_world(&w);
    shop_sql_expect(&w.shop, "SELECT count(*) FROM orders", "1");
    remove_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_again_is_one_row),
        cmocka_unit_test(the_row_of_the_newer_owner_wins_in_either_order),
        cmocka_unit_test(orders_are_found_by_id),
        cmocka_unit_test(a_reader_gives_an_order_with_its_adjustments_and_all_of_them),
        cmocka_unit_test(what_was_not_flushed_is_forgotten_by_reopen_and_close),
        cmocka_unit_test(every_write_and_fsync_may_fail),
        cmocka_unit_test(a_directory_of_raw_orders_is_nothing_else),
    };
    log_set_level(LOG_ERROR + 1);
    fault_vfs_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
