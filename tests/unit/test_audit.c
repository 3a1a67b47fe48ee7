// SPDX-License-Identifier: MIT
// verify and rebuild on data that was tampered with: each broken law is named, rebuild mends what
// can be made again from the raw orders and nothing else, and sound data stays as it is.
#include "index_rows.h"

#include "base/log.h"
#include "store/audit/audit_cluster.h"
#include "store/sqlite/order_index.h"
#include <sys/stat.h>

// A closed shop with a bit of everything, and a copy of its file to begin each case with.
struct world {
    struct shop shop;
    char out[8192]; // what verify or rebuild printed
    struct audit_report report;
};

static const struct order_item ITEMS[] = {{{7, TEXT_NONE}, 1, 1000}, {{-1, {"tea", 3}}, 4, 500}};

static struct order of_items(struct order o) {
    o.product_id = IDENT_NONE;
    o.items = ITEMS;
    o.n_items = 2;
    o.items_json = TEXT_LIT("[{\"product_id\":7,\"quantity\":1,\"subtotal\":\"0.1000\"},"
                            "{\"product_id\":\"tea\",\"quantity\":4,\"subtotal\":\"0.0500\"}]");
    o.quantity = 5;
    return o;
}

// 12 orders (10 with ids that fold, 2 texts) in 2 currencies and 2 states; 2 adjustments.
enum { ORDERS = 12, ADJUSTMENTS = 2 };
static void place_all(struct shop *shop) {
    struct order orders[ORDERS + ADJUSTMENTS];
    for (int i = 0; i < ORDERS; i++) {
        orders[i] = shop_order(shop, 100 + i, 10000 + i);
        orders[i].created_ms -= (int64_t)i * 3600000;
        orders[i].state = i % 2 == 0 ? TEXT_LIT("CA") : TEXT_LIT("NY");
    }
    memcpy(orders[3].currency, "EUR", 4);
    orders[4] = of_items(orders[4]);
    orders[10].order_id = (struct ident){-1, TEXT_LIT("A-1")};
    orders[11].order_id = (struct ident){-1, TEXT_LIT("A-2")};
    orders[12] = shop_cancellation(shop, 100, 10000);
    orders[13] = of_items(shop_refund(shop, 104, "r1", 500));
    struct submission *s = shop_submission(orders, COUNT_OF(orders));
    assert_int_equal(shop_send(shop, s), SETTLE_DURABLE);
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        assert_int_equal(s->events[i].verdict, VERDICT_ACCEPTED);
    }
    submission_free(s);
}

static void copy(const struct shop *shop, const char *from, const char *to) {
    char path[128], bytes[65536];
    size_t n;
    snprintf(path, sizeof path, "%s/%s", shop->directory, from);
    FILE *in = fopen(path, "r");
    snprintf(path, sizeof path, "%s/%s", shop->directory, to);
    FILE *out = fopen(path, "w");
    assert_true(in != NULL && out != NULL);
    while ((n = fread(bytes, 1, sizeof bytes, in)) > 0) {
        assert_int_equal(fwrite(bytes, 1, n, out), n);
    }
    assert_int_equal(fclose(in) | fclose(out), 0);
}

static void world_make(struct world *w) {
    shop_make(&w->shop, NULL);
    shop_open(&w->shop);
    place_all(&w->shop);
    shop_refuse(&w->shop, shop_order(&w->shop, 100, 1), REJECT_CONFLICT);
    assert_int_equal(shop_place(&w->shop, shop_order(&w->shop, 100, 10000)), VERDICT_DUPLICATE);
    shop_close(&w->shop);
    copy(&w->shop, "sales.db", "sound.db");
}

static int64_t verify(struct world *w) {
    return shop_audit(&w->shop, w->out, sizeof w->out, &w->report);
}

static void expect_said(const struct world *w, const char *words) {
    if (strstr(w->out, words) == NULL) {
        fail_msg("does not say '%s':\n%s", words, w->out);
    }
}

static void expect_sound(struct world *w) {
    if (verify(w) != 0) {
        fail_msg("%s", w->out);
    }
    assert_int_equal(w->report.orders, ORDERS);
    assert_int_equal(w->report.adjustments, ADJUSTMENTS);
}

// The SQL breaks a law that verify names with these words.
static void tamper(struct world *w, const char *sql, const char *words) {
    copy(&w->shop, "sound.db", "sales.db");
    shop_sql(&w->shop, sql);
    if (verify(w) == 0) {
        fail_msg("not noticed: %s\n%s", sql, w->out);
    }
    expect_said(w, "problem: ");
    expect_said(w, words);
}

static int64_t rebuild(struct world *w) {
    struct error err = {0};
    struct audit_report report;
    int64_t changed = -1;
    FILE *out = fmemopen(w->out, sizeof w->out, "w");
    bool ok = audit_rebuild(w->shop.directory, false, out, &changed, &report, &err);
    fclose(out);
    if (!ok) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(report.orders, ORDERS);
    assert_int_equal(report.adjustments, ADJUSTMENTS);
    return changed;
}

static const char *const TABLES[] = {"total_cells", "minute_cells", "hour_cells", "day_cells",
                                     "product_cells"};
static const char *const MEASURES[] = {
    "orders", "units",    "subtotal_e4",      "discount_e4", "shipping_e4",
    "tax_e4", "total_e4", "cancelled_orders", "refunds",     "refunded_total_e4"};

// Everything in the file, one number a table: rows and their content.
static void fingerprint(const struct world *w, char *out, size_t cap) {
    static const char *const tables[] = {"total_cells",     "minute_cells",       "hour_cells",
                                         "day_cells",       "product_cells",      "order_rows",
                                         "adjustment_rows", "order_blocks",       "sales_groups",
                                         "sales_products",  "rejected_rows",      "pipeline_state",
                                         "currency_gross",  "pipeline_positions", "batch_rows"};
    size_t len = 0;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        char sql[512], columns[512], row[1024];
        snprintf(sql, sizeof sql,
                 "SELECT group_concat('quote(' || name || ')', '||') FROM pragma_table_info('%s')",
                 tables[i]);
        shop_sql_text(&w->shop, sql, columns, sizeof columns);
        snprintf(row, sizeof row,
                 "SELECT count(*), group_concat(r) FROM (SELECT %s%s AS r FROM %s)",
                 strcmp(tables[i], "order_rows") == 0 ? "rowid || " : "", columns, tables[i]);
        shop_sql_text(&w->shop, row, out + len, cap - len);
        len += strlen(out + len);
    }
}

// --- verify

static void sound_data_is_told_in_figures(void **state) {
    (void)state;
    struct world w;
    world_make(&w);
    expect_sound(&w);
    assert_int_equal(w.report.groups, 3); // CA and NY in USD, NY in EUR
    // 3 totals; 12 orders in minutes, hours and days of their own or shared; and products.
    int64_t cells = 0;
    for (size_t i = 0; i < COUNT_OF(TABLES); i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", TABLES[i]);
        cells += shop_sql(&w.shop, sql);
    }
    assert_int_equal(w.report.cells, cells);
    assert_string_equal(w.out, "EUR: 1 groups, 1 orders, total 1.0003\n"
                               "USD: 2 groups, 10 orders, total 9.9563\n");
    shop_remove(&w.shop);
}

static void every_measure_of_every_table_is_compared(void **state) {
    (void)state;
    struct world w;
    world_make(&w);
    for (size_t table = 0; table < COUNT_OF(TABLES); table++) {
        for (size_t i = 0; i < COUNT_OF(MEASURES); i++) {
            char sql[256];
            snprintf(sql, sizeof sql,
                     "UPDATE %s SET %s = %s %s 1 WHERE cell = (SELECT max(cell) FROM %s)",
                     TABLES[table], MEASURES[i], MEASURES[i], i % 2 == 0 ? "+" : "-",
                     TABLES[table]);
            tamper(&w, sql, TABLES[table]);
            expect_said(&w, "is not what raw orders add up to");
            assert_int_equal(w.report.problems, 1);
        }
    }
    shop_remove(&w.shop);
}

static void missing_and_extra_cells_are_named(void **state) {
    (void)state;
    struct world w;
    world_make(&w);
    for (size_t table = 0; table < COUNT_OF(TABLES); table++) {
        char sql[512];
        for (int last = 0; last < 2; last++) {
            const char *end = last ? "max" : "min";
            snprintf(sql, sizeof sql, "DELETE FROM %s WHERE cell = (SELECT %s(cell) FROM %s)",
                     TABLES[table], end, TABLES[table]);
            tamper(&w, sql, TABLES[table]);
            expect_said(&w, "raw orders give it, but it is not stored");
            assert_int_equal(w.report.problems, 1);
            snprintf(sql, sizeof sql,
                     "INSERT INTO %s SELECT %s(cell) %s 1000, 0,0,0,0,0, 0,0,0,0,0 FROM %s",
                     TABLES[table], end, last ? "+" : "-", TABLES[table]);
            tamper(&w, sql, TABLES[table]);
            expect_said(&w, "is stored, but no raw order gives it"); // even one of zeros
            assert_int_equal(w.report.problems, 1);
        }
        snprintf(sql, sizeof sql, "UPDATE %s SET total_e4 = total_e4 + 0.5", TABLES[table]);
        tamper(&w, sql, "is not what raw orders add up to"); // a fraction is no integer
    }
    shop_remove(&w.shop);
}

static void many_differences_are_counted_and_some_shown(void **state) {
    (void)state;
    struct world w;
    world_make(&w);
    tamper(&w, "UPDATE hour_cells SET units = units + 1", "hour_cells");
    assert_int_equal(w.report.problems, shop_sql(&w.shop, "SELECT count(*) FROM hour_cells"));
    int n_shown = 0;
    for (const char *at = w.out; (at = strstr(at, "problem: ")) != NULL; at++) {
        n_shown++;
    }
    assert_int_equal(n_shown, 5);
    shop_remove(&w.shop);
}

static void counts_that_do_not_agree_are_named(void **state) {
    (void)state;
    const char *const cases[][2] = {
        {"UPDATE pipeline_state SET received = received + 1", "received 17 is not accepted 14"},
        {"UPDATE pipeline_state SET duplicate = duplicate - 1", "received 16 is not"},
        {"UPDATE pipeline_state SET accepted = accepted + 1, duplicate = duplicate - 1",
         "accepted is 15, but 12 orders and 2 adjustments"},
        {"UPDATE pipeline_state SET rejected = rejected + 1, received = received + 1",
         "rejected events kept: 1, but it should be 2"},
        {"UPDATE pipeline_state SET rejected_expired = 1", "rejected events kept: 1"},
        {"DELETE FROM rejected_rows", "rejected events kept: 0, but it should be 1"},
        {"UPDATE pipeline_positions SET next_offset = 15", "position in the input: 15"},
        {"UPDATE pipeline_state SET last_batch_id = 9", "newest batch: 3, but it should be 9"},
        {"DELETE FROM batch_rows WHERE batch_id = 3", "newest batch: 2"},
        {"UPDATE pipeline_state SET indexed_below = 14",
         "the index knows 12 ids of 12 orders, and 13"},
    };
    struct world w;
    world_make(&w);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        tamper(&w, cases[i][0], cases[i][1]);
    }
    shop_remove(&w.shop);
}

static void gross_sums_are_compared(void **state) {
    (void)state;
    const char *const cases[][2] = {
        {"UPDATE currency_gross SET gross_e4 = gross_e4 + 1 WHERE currency = 'USD'",
         "gross sum of USD is"},
        {"DELETE FROM currency_gross WHERE currency = 'EUR'", "gross sum of EUR is missing"},
        {"INSERT INTO currency_gross VALUES ('ABC', 5)", "gross sum of ABC is 5"},
        {"INSERT INTO currency_gross VALUES ('zz', 5)", "currency that none can be"},
        {"INSERT INTO currency_gross VALUES ('usd', 5)", "currency that none can be"},
    };
    struct world w;
    world_make(&w);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        tamper(&w, cases[i][0], cases[i][1]);
        assert_int_equal(w.report.problems, 1);
    }
    shop_remove(&w.shop);
}

static void raw_rows_that_are_gone_or_doubled_are_named(void **state) {
    (void)state;
    const char *const cases[][2] = {
        {"DELETE FROM order_rows WHERE rowid = 5", "1 positions of raw events are missing"},
        {"DELETE FROM order_rows WHERE rowid = 5", "accepted is 14, but 11 orders and 2"},
        {"DELETE FROM order_rows WHERE rowid = 12", "accepted is 14, but 11 orders and 2"},
        {"DELETE FROM order_rows WHERE rowid = 1", "1 positions of raw events are missing"},
        {"DELETE FROM adjustment_rows WHERE position = 2", "12 orders and 1 adjustments"},
        {"DELETE FROM adjustment_rows WHERE position = 1", "1 positions of raw events"},
        {"UPDATE order_rows SET order_id = 101 WHERE rowid = 1",
         "order ids that are stored twice: 1"},
        {"UPDATE order_rows SET order_id = 'A-1' WHERE rowid = 12",
         "order ids that are stored twice: 1"},
        {"DELETE FROM sales_groups WHERE currency = 'EUR'", "11 orders and 2 adjustments"},
    };
    struct world w;
    world_make(&w);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        tamper(&w, cases[i][0], cases[i][1]);
    }
    shop_remove(&w.shop);
}

static void every_raw_figure_is_in_some_sum(void **state) {
    (void)state;
    const char *const columns[] = {"quantity",    "subtotal_e4", "discount_e4",
                                   "shipping_e4", "tax_e4",      "total_e4"};
    struct world w;
    world_make(&w);
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "UPDATE order_rows SET %s = %s + 1 WHERE rowid = 2", columns[i],
                 columns[i]);
        tamper(&w, sql, "total_cells");
        snprintf(sql, sizeof sql, "UPDATE adjustment_rows SET %s = %s + 1 WHERE position = 2",
                 columns[i], columns[i]);
        tamper(&w, sql, "total_cells");
    }
    tamper(&w, "UPDATE order_rows SET created_ms = created_ms + 60000 WHERE rowid = 2",
           "minute_cells");
    tamper(&w, "UPDATE order_rows SET group_id = 1 WHERE rowid = 2", "total_cells");
    tamper(&w, "UPDATE order_rows SET product_id = 99 WHERE rowid = 2", "product_cells");
    tamper(&w, "UPDATE order_rows SET items = replace(items, '4', '5') WHERE rowid = 5",
           "product_cells");
    tamper(&w, "UPDATE adjustment_rows SET event = 2 WHERE position = 1", "total_cells");
    tamper(&w, "UPDATE sales_products SET product_id = 98 WHERE product_id = 'tea'",
           "product_cells");
    shop_remove(&w.shop);
}

static void figures_that_no_order_has_are_named_and_not_added_up(void **state) {
    (void)state;
    const char *const cases[] = {
        "UPDATE order_rows SET total_e4 = 9223372036854775807 WHERE rowid = 1",
        "UPDATE order_rows SET total_e4 = -9223372036854775807 - 1 WHERE rowid = 1",
        "UPDATE order_rows SET tax_e4 = 10000000000000000 WHERE rowid = 1",
        "UPDATE order_rows SET discount_e4 = -1 WHERE rowid = 1",
        "UPDATE order_rows SET quantity = -9223372036854775807 - 1 WHERE rowid = 1",
        "UPDATE order_rows SET created_ms = -1 WHERE rowid = 1",
        "UPDATE order_rows SET created_ms = 9223372036854775807 WHERE rowid = 1",
        "UPDATE adjustment_rows SET event = 7 WHERE position = 1",
        "UPDATE adjustment_rows SET event = 0 WHERE position = 1",
        "UPDATE sales_groups SET currency = 'eur' WHERE currency = 'EUR'",
        "UPDATE sales_groups SET currency = '' WHERE currency = 'EUR'",
        "UPDATE order_rows SET items = replace(items, '4,', '18446744073709551615,')"};
    struct world w;
    world_make(&w);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        tamper(&w, cases[i], "1 raw events have an amount, a time or a currency that no order has");
        struct audit_report report;
        struct error err = {0};
        int64_t changed;
        FILE *out = fmemopen(w.out, sizeof w.out, "w");
        assert_false(audit_rebuild(w.shop.directory, false, out, &changed, &report, &err));
        fclose(out);
        assert_int_equal(err.cls, ERROR_FATAL);
        assert_non_null(strstr(err.text, "damaged"));
    }
    shop_remove(&w.shop);
}

static void the_index_must_lead_to_the_orders(void **state) {
    (void)state;
    const char *const cases[][2] = {
        {"UPDATE order_index SET position = position + 1 WHERE key = 100", "do not lead to"},
        {"UPDATE order_index SET key = key + 1 WHERE key = 100", "10 ids of the index do not"},
        {"UPDATE order_index SET key = key + 1 WHERE key < 0", "2 ids of the index do not"},
        {"UPDATE order_index SET position = 23 - position WHERE key < 0", "2 ids of the index"},
        {"UPDATE order_index SET n = n + 1 WHERE key = 100", "the index knows 13 ids"},
        {"UPDATE order_index SET n = n - 1 WHERE key = 100", "the index knows 11 ids"},
        {"UPDATE order_index SET n = 9223372036854775807 WHERE key = 100", "do not lead to"},
        {"UPDATE order_index SET position = 0 WHERE key = 100", "do not lead to"},
        {"UPDATE order_index SET n = 0 WHERE key < 0", "do not lead to"},
        {"DELETE FROM order_index WHERE key < 0", "the index knows 10 ids of 12"},
        {"INSERT INTO order_index VALUES (5000, 1, 1)", "1 ids of the index do not"},
        {"UPDATE order_rows SET order_id = 105000 WHERE rowid = 3", "1 ids of the index"},
    };
    struct world w;
    world_make(&w);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        copy(&w.shop, "sound.db", "sales.db");
        index_tamper(&w.shop, cases[i][0]);
        if (verify(&w) == 0) {
            fail_msg("not noticed: %s\n%s", cases[i][0], w.out);
        }
        expect_said(&w, cases[i][1]);
        rebuild(&w);
        expect_said(&w, "the next start makes it anew");
        expect_sound(&w);
        shop_open(&w.shop);
        assert_int_equal(shop_place(&w.shop, shop_order(&w.shop, 109, 10009)), VERDICT_DUPLICATE);
        shop_close(&w.shop);
        expect_sound(&w);
        assert_int_equal(shop_sql(&w.shop, "SELECT indexed_below FROM pipeline_state"), ORDERS + 1);
    }
    shop_remove(&w.shop);
}

static void a_damaged_block_is_named_and_the_index_made_anew(void **state) {
    (void)state;
    static const char *const cases[] = {
        "UPDATE order_blocks SET extents = zeroblob(length(extents))",
        "UPDATE order_blocks SET extents = CAST(substr(extents, 2) AS BLOB)",
        "UPDATE order_blocks SET extents = x''",
        "UPDATE order_blocks SET key = key + 1",
        "UPDATE order_blocks SET key = key - 1",
        "UPDATE order_runs SET low = low + 1",
        "UPDATE order_runs SET high = high - 1",
        "UPDATE order_runs SET blocks = 0",
    };
    struct world w;
    world_make(&w);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        tamper(&w, cases[i], "block 4294967296 of order_blocks is not as it was written");
        expect_said(&w, "rebuild has the index made anew");
        rebuild(&w);
        expect_sound(&w);
    }
    tamper(&w, cases[0], "block");
    shop_open(&w.shop); // a question that needs the block is not answered
    assert_int_equal(shop_place(&w.shop, shop_order(&w.shop, 100, 10000)), -1);
    struct engine_status status;
    engine_status(w.shop.engine, &status);
    assert_non_null(strstr(status.problem, "block 4294967296 of order_blocks"));
    assert_non_null(strstr(status.problem, "salestide rebuild"));
    shop_remove(&w.shop);
}

static void texts_with_equal_hashes_are_no_problem(void **state) {
    (void)state;
    struct shop shop;
    order_index_set_hash_bits(3);
    shop_make(&shop, NULL);
    shop_open(&shop);
    char ids[40][8];
    for (int i = 0; i < 40; i++) {
        struct order o = shop_order(&shop, i, 10000);
        sprintf(ids[i], "text-%d", i);
        o.order_id = (struct ident){-1, text_of(ids[i])};
        assert_int_equal(shop_place(&shop, o), VERDICT_ACCEPTED);
    }
    shop_close(&shop);
    shop_verify(&shop, 40, 0);
    struct world w = {.shop = shop};
    index_tamper(&shop, "DELETE FROM order_index WHERE key = (SELECT min(key) FROM order_index)");
    assert_true(verify(&w) > 0); // a look-up would end at the gap
    expect_said(&w, "do not lead to");
    order_index_set_hash_bits(63);
    shop_remove(&shop);
}

static void items_that_cannot_be_read_stop_verify(void **state) {
    (void)state;
    struct world w;
    world_make(&w);
    shop_sql(&w.shop, "UPDATE order_rows SET items = '[{' WHERE rowid = 5");
    struct audit_report report;
    struct error err = {0};
    FILE *out = fmemopen(w.out, sizeof w.out, "w");
    assert_false(audit_verify(w.shop.directory, out, &report, &err));
    fclose(out);
    assert_non_null(strstr(err.text, "position 5"));
    shop_remove(&w.shop);
}

static void there_must_be_something_to_verify(void **state) {
    (void)state;
    struct shop shop;
    struct audit_report report;
    struct error err = {0};
    int64_t changed;
    shop_make(&shop, NULL);
    assert_false(audit_verify(shop.directory, stdout, &report, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    assert_non_null(strstr(err.text, "--data"));
    assert_false(audit_rebuild(shop.directory, false, stdout, &changed, &report, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    assert_non_null(strstr(err.text, "not a data directory"));
    shop_open(&shop); // an empty one is sound
    shop_verify(&shop, 0, 0);
    shop_remove(&shop);
}

// --- rebuild

static void rebuild_changes_nothing_on_sound_data(void **state) {
    (void)state;
    struct world w;
    static char before[32768], after[32768];
    world_make(&w);
    fingerprint(&w, before, sizeof before);
    assert_true(strlen(before) > 2000);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rebuild(&w), 0);
        fingerprint(&w, after, sizeof after);
        assert_string_equal(after, before);
    }
    expect_sound(&w);
    shop_remove(&w.shop);
}

static void rebuild_mends_the_sums_and_leaves_the_rest(void **state) {
    (void)state;
    static char sound[32768], after[32768];
    struct world w;
    world_make(&w);
    fingerprint(&w, sound, sizeof sound);
    for (size_t table = 0; table < COUNT_OF(TABLES); table++) {
        char sql[1024];
        const char *const name = TABLES[table];
        snprintf(sql, sizeof sql,
                 "UPDATE %s SET total_e4 = 1 WHERE cell = (SELECT min(cell) FROM %s);"
                 "DELETE FROM %s WHERE cell = (SELECT max(cell) FROM %s);"
                 "INSERT INTO %s SELECT max(cell) + 1000, 1,1,1,1,1, 1,1,1,1,1 FROM %s",
                 name, name, name, name, name, name);
        tamper(&w, sql, name);
        assert_int_equal(w.report.problems, 3);
        assert_int_equal(rebuild(&w), 3);
        expect_sound(&w);
        fingerprint(&w, after, sizeof after);
        assert_string_equal(after, sound);
    }
    tamper(&w, "UPDATE currency_gross SET gross_e4 = 1", "gross sum");
    assert_int_equal(rebuild(&w), 0); // no cell, but mended as well
    expect_sound(&w);
    for (size_t table = 0; table < COUNT_OF(TABLES); table++) { // everything at once
        char sql[64];
        snprintf(sql, sizeof sql, "DELETE FROM %s", TABLES[table]);
        shop_sql(&w.shop, sql);
    }
    assert_true(rebuild(&w) > 20);
    expect_sound(&w);
    fingerprint(&w, after, sizeof after);
    assert_string_equal(after, sound);
    shop_remove(&w.shop);
}

static bool try_rebuild(struct world *w, bool accept_loss, struct error *err) {
    struct audit_report report;
    int64_t changed = -1;
    FILE *out = fmemopen(w->out, sizeof w->out, "w");
    assert_non_null(out);
    bool ok = audit_rebuild(w->shop.directory, accept_loss, out, &changed, &report, err);
    fclose(out);
    return ok;
}

static void missing_raw_rows_are_told_and_rebuild_takes_them_out_only_when_told(void **state) {
    (void)state;
    static const struct {
        const char *sql, *count;
        int64_t orders, adjustments;
    } cases[] = {
        {"DELETE FROM order_rows WHERE rowid IN (3, 5, 12)", "3 of 14", 9, 2},
        {"DELETE FROM order_rows WHERE rowid = 12", "1 of 14", 11, 2},
        {"DELETE FROM adjustment_rows WHERE position = 1", "1 of 14", 12, 1},
        {"UPDATE order_rows SET group_id = 0 WHERE rowid IN (1, 2)", "2 of 14", 10, 2},
        {"DELETE FROM order_rows; DELETE FROM adjustment_rows", "14 of 14", 0, 0},
    };
    struct world w;
    world_make(&w);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static char before[32768], after[32768];
        struct error err = {0};
        tamper(&w, cases[i].sql, "raw events are missing");
        assert_true(w.report.raw_problems > 0);
        fingerprint(&w, before, sizeof before);
        assert_false(try_rebuild(&w, false, &err));
        assert_int_equal(err.cls, ERROR_USAGE);
        assert_non_null(strstr(err.text, cases[i].count));
        assert_non_null(strstr(err.text, "--accept-loss"));
        fingerprint(&w, after, sizeof after);
        assert_string_equal(after, before);
        if (!try_rebuild(&w, true, &err)) {
            fail_msg("%s: %s", cases[i].sql, err.text);
        }
        shop_verify(&w.shop, cases[i].orders, cases[i].adjustments);
        shop_open(&w.shop); // what was lost may be sent again
        struct order lost = shop_order(&w.shop, 102, 10002);
        lost.created_ms -= 2 * 3600000;
        lost.state = TEXT_LIT("CA");
        bool was_lost = i == 0 || i == 4; // position 3
        assert_int_equal(shop_place(&w.shop, lost),
                         was_lost ? VERDICT_ACCEPTED : VERDICT_DUPLICATE);
        shop_close(&w.shop);
        shop_verify(&w.shop, cases[i].orders + was_lost, cases[i].adjustments);
    }
    shop_remove(&w.shop);
}

static void a_file_that_was_cut_is_not_rebuilt_from_what_is_left(void **state) {
    (void)state;
    struct world w;
    struct error err = {0};
    char path[128];
    world_make(&w);
    snprintf(path, sizeof path, "%s/sales.db", w.shop.directory);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size - 100), 0); // whichever page that is
    assert_false(try_rebuild(&w, false, &err));
    assert_non_null(strstr(err.text, "from a copy"));
    copy(&w.shop, "sound.db", "sales.db");
    shop_sql(&w.shop, "CREATE TABLE notes (x); INSERT INTO notes VALUES (zeroblob(90000))");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size - 100), 0); // somewhere else
    assert_true(verify(&w) > 0);
    expect_said(&w, "sales.db was cut");
    assert_true(w.report.raw_problems > 0);
    assert_false(try_rebuild(&w, false, &err));
    assert_non_null(strstr(err.text, "restore the file from a copy"));
    copy(&w.shop, "sound.db", "sales.db");
    expect_sound(&w);
    shop_remove(&w.shop);
}

// Raw orders were changed, in a way that two tables of aggregates speak against: verify says so,
// and rebuild changes nothing, with a line that has these words, unless told.
static void raw_was_changed(struct world *w, const char *sql, const char *tables,
                            const char *first) {
    static char before[32768], after[32768];
    struct error err = {0};
    tamper(w, sql, "it is those that were changed");
    expect_said(w, tables);
    expect_said(w, first);
    assert_int_equal(w->report.raw_problems, 1);
    fingerprint(w, before, sizeof before);
    if (try_rebuild(w, false, &err)) {
        fail_msg("rebuilt: %s", sql);
    }
    assert_int_equal(err.cls, ERROR_USAGE);
    const char *const words[] = {"raw orders were changed", tables, first, "from a copy",
                                 "--accept-loss"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strstr(err.text, words[i]) == NULL) {
            fail_msg("does not say '%s': %s", words[i], err.text);
        }
    }
    assert_null(strchr(err.text, '\n'));
    fingerprint(w, after, sizeof after);
    assert_string_equal(after, before);
    err = (struct error){0};
    if (!try_rebuild(w, true, &err)) {
        fail_msg("%s: %s", sql, err.text);
    }
    expect_sound(w);
}

static void the_side_that_is_damaged_is_told(void **state) {
    (void)state;
    static const char *const columns[] = {"quantity",    "subtotal_e4", "discount_e4",
                                          "shipping_e4", "tax_e4",      "total_e4"};
    struct world w;
    char sql[256];
    world_make(&w);
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        for (int text = 0; text < 2; text++) {
            snprintf(sql, sizeof sql, "UPDATE %s SET %s = %s + 1 WHERE rowid = 2",
                     text ? "adjustment_rows" : "order_rows", columns[i], columns[i]);
            raw_was_changed(&w, sql, "totals and days", text ? ", CA, USD" : ", NY, USD");
        }
    }
    raw_was_changed(&w, "UPDATE order_rows SET total_e4 = 1", "totals and days", "3 such sums");
    raw_was_changed(&w, "UPDATE order_rows SET group_id = 1 WHERE rowid = 2", "totals and days",
                    ", CA, USD");
    raw_was_changed(&w, "UPDATE adjustment_rows SET event = 2 WHERE position = 1",
                    "totals and days", ", CA, USD");
    // Sums of all time are as they were: another day, another number of a product, another hour.
    raw_was_changed(&w,
                    "UPDATE order_rows SET created_ms = created_ms - 40 * 86400000 "
                    "WHERE rowid = 2",
                    "days and products", "2026-01-01, USD");
    raw_was_changed(&w, "UPDATE order_rows SET items = replace(items, '4,', '6,') WHERE rowid = 5",
                    "days and products", "2026-01-01, USD");
    raw_was_changed(&w, "UPDATE order_rows SET created_ms = created_ms + 3600000 WHERE rowid = 9",
                    "hours and minutes", "2026-01-01T04:00:00.000Z, GOOGLE, CA, USD");
    shop_remove(&w.shop);
}

static void damaged_sums_are_mended_from_raw_orders_that_are_right(void **state) {
    (void)state;
    static const char *const cases[] = {
        "UPDATE total_cells SET total_e4 = total_e4 + 1",
        "UPDATE total_cells SET orders = 0, units = 0, subtotal_e4 = 0, total_e4 = 0",
        "UPDATE total_cells SET total_e4 = 9223372036854775807",
        "UPDATE day_cells SET total_e4 = 9223372036854775807",
        "UPDATE day_cells SET total_e4 = -9223372036854775807 - 1",
        "UPDATE day_cells SET total_e4 = total_e4 + 0.5",
        "UPDATE day_cells SET cell = cell + (40 << 32)", // totals still agree with them
        "UPDATE hour_cells SET cell = cell + (1 << 32) WHERE cell = (SELECT max(cell) FROM "
        "hour_cells)",
        "UPDATE minute_cells SET units = 9223372036854775807",
        "UPDATE product_cells SET units = units * 2",
        "UPDATE product_cells SET cell = cell + (40 << 32)",
        "DELETE FROM day_cells",
        "DELETE FROM total_cells; DELETE FROM day_cells",
        "DELETE FROM day_cells; DELETE FROM product_cells",
        "DELETE FROM hour_cells; DELETE FROM minute_cells",
        "DELETE FROM total_cells WHERE cell = 1; DELETE FROM day_cells WHERE cell & 4294967295 = 1",
        "UPDATE total_cells SET total_e4 = total_e4 + 1; UPDATE hour_cells SET units = 0;"
        "UPDATE product_cells SET units = 7",
        "UPDATE currency_gross SET gross_e4 = 1",
    };
    static char sound[32768], after[32768];
    struct world w;
    world_make(&w);
    fingerprint(&w, sound, sizeof sound);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        tamper(&w, cases[i], "problem: ");
        if (w.report.raw_problems != 0) {
            fail_msg("%s: %s", cases[i], w.out);
        }
        rebuild(&w);
        expect_sound(&w);
        fingerprint(&w, after, sizeof after);
        assert_string_equal(after, sound);
    }
    shop_remove(&w.shop);
}

static void a_restored_copy_needs_no_lock_file(void **state) {
    (void)state;
    struct world w;
    char path[128];
    world_make(&w);
    tamper(&w, "UPDATE hour_cells SET units = units + 1", "hour_cells");
    snprintf(path, sizeof path, "%s/lock", w.shop.directory);
    assert_int_equal(unlink(path), 0);
    assert_true(rebuild(&w) > 0);
    expect_sound(&w);
    shop_remove(&w.shop);
}

// --- The same rule over a cluster: aggregates that have counted two orders, raw orders that hold
// none

struct fake_cluster {
    struct audit_aggregates aggregates; // first
    struct raw_reader raw;
    int64_t n_repairs, n_events;
};

static bool fake_read(struct audit_aggregates *a, struct audit_picture *out, struct laws *laws,
                      struct error *err) {
    (void)a;
    (void)laws;
    (void)err;
    out->settings = (struct store_settings){.currency = "USD", .timezone = "UTC"};
    out->counts = (struct store_counts){.received = 2, .accepted = 2};
    out->next_offset[0] = 2;
    struct cube_dim group = {TEXT_LIT("GOOGLE"), TEXT_LIT("CA"), IDENT_NONE, "USD", 0, -1};
    cube_cell(out->cells, CUBE_TOTALS, 0, &group)->orders = 2;
    return true;
}

static bool fake_repair(struct audit_aggregates *a, const struct audit_picture *seen,
                        const struct audit_repair *repair, struct error *err) {
    (void)seen;
    (void)err;
    ((struct fake_cluster *)a)->n_repairs++;
    ((struct fake_cluster *)a)->n_events = repair->n_events;
    return true;
}

static bool fake_scan(struct raw_reader *r, raw_event_fn each, void *user, struct error *err) {
    (void)r;
    (void)each;
    (void)user;
    (void)err;
    return true; // TRUNCATE, or all rows have expired
}

static void a_cluster_without_its_raw_orders_is_not_set_to_zero_unless_told(void **state) {
    (void)state;
    static const struct audit_aggregates_ops aggregates_ops = {.read = fake_read,
                                                               .repair = fake_repair};
    static const struct raw_reader_ops raw_ops = {.scan = fake_scan};
    struct fake_cluster f = {.aggregates = {&aggregates_ops}, .raw = {&raw_ops}, .n_events = -1};
    struct audit_report report;
    struct error err = {0};
    int64_t changed;
    FILE *quiet = fopen("/dev/null", "w");
    assert_non_null(quiet);
    assert_true(audit_cluster_verify(&f.aggregates, &f.raw, quiet, &report, &err));
    assert_true(report.raw_problems > 0);
    assert_false(
        audit_cluster_rebuild(&f.aggregates, &f.raw, false, quiet, &changed, &report, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    assert_non_null(strstr(err.text, "2 of 2"));
    assert_int_equal(f.n_repairs, 0);
    assert_true(audit_cluster_rebuild(&f.aggregates, &f.raw, true, quiet, &changed, &report, &err));
    assert_int_equal(f.n_repairs, 1);
    assert_int_equal(f.n_events, 0);
    fclose(quiet);
}

// Two orders of 10 on two days, counted into every table, and raw orders that say what they like.
static struct order told[2];

static struct order told_order(int64_t id, int64_t created_ms) {
    return (struct order){.order_id = {id, TEXT_NONE},
                          .customer_id = IDENT_NONE,
                          .product_id = {7, TEXT_NONE},
                          .source = TEXT_LIT("GOOGLE"),
                          .state = TEXT_LIT("CA"),
                          .currency = "USD",
                          .created_ms = created_ms,
                          .quantity = 2,
                          .subtotal_e4 = 100000,
                          .total_e4 = 100000};
}

static bool told_scan(struct raw_reader *r, raw_event_fn each, void *user, struct error *err) {
    (void)r;
    (void)err;
    for (int i = 0; i < 2; i++) {
        struct stored_event event = {.order = told[i], .position = i};
        if (!each(user, &event)) {
            break;
        }
    }
    return true;
}

static void (*damage)(struct cube *cells); // of what was counted
static bool told_read(struct audit_aggregates *a, struct audit_picture *out, struct laws *laws,
                      struct error *err) {
    struct zone *zone;
    uint32_t group;
    assert_true(fake_read(a, out, laws, err));
    assert_true(zone_open("UTC", &zone, err));
    cube_free(out->cells);
    out->cells = cube_new(zone, NULL);
    for (int i = 0; i < 2; i++) {
        struct order o = told_order(1 + i, INT64_C(1767268800000) + i * INT64_C(86400000));
        assert_int_equal(cube_add(out->cells, &o, 0, 0, &group), CUBE_OK);
        out->gross_e4[currency_number("USD")] += currency_gross_of(&o);
    }
    zone_free(zone);
    if (damage != NULL) {
        damage(out->cells);
    }
    return true;
}

static struct measures *first_of(struct cube *cells, enum cube_table table) {
    for (size_t i = 0; i < cube_n_cells(cells); i++) {
        const struct cube_cell *c = &cube_cells(cells)[i];
        if (c->table == table) {
            return cube_cell(cells, table, c->bucket,
                             table == CUBE_PRODUCT ? cube_product(cells, c->dim)
                                                   : cube_group(cells, c->dim));
        }
    }
    fail();
    return NULL;
}

static void damage_totals(struct cube *cells) {
    first_of(cells, CUBE_TOTALS)->total_e4++;
}
static void damage_days(struct cube *cells) {
    first_of(cells, CUBE_DAY)->units++;
}
static void damage_hours(struct cube *cells) {
    first_of(cells, CUBE_HOUR)->units++;
}
static void damage_minutes(struct cube *cells) {
    first_of(cells, CUBE_MINUTE)->orders = 5;
}
static void damage_products(struct cube *cells) {
    first_of(cells, CUBE_PRODUCT)->units = 9;
}
static void damage_all(struct cube *cells) { // as if the tables had been emptied
    for (size_t i = 0; i < cube_n_cells(cells); i++) {
        const struct cube_cell *c = &cube_cells(cells)[i];
        *cube_cell(cells, (enum cube_table)c->table, c->bucket,
                   c->table == CUBE_PRODUCT ? cube_product(cells, c->dim)
                                            : cube_group(cells, c->dim)) = (struct measures){0};
    }
}

static void raw_orders_of_a_cluster_that_were_changed_are_told_from_damaged_sums(void **state) {
    (void)state;
    static const struct audit_aggregates_ops aggregates_ops = {.read = told_read,
                                                               .repair = fake_repair};
    static const struct raw_reader_ops raw_ops = {.scan = told_scan};
    static const struct {
        int64_t total_e4, quantity, later_ms;
        const char *tables, *first;
    } changed[] = {
        {1, 0, 0, "totals and days", "GOOGLE, CA, USD"},
        {0, 1, 0, "totals and days", "GOOGLE, CA, USD"},
        {0, 0, INT64_C(86400000), "days and products", "2026-01-01, USD"},
        {0, 0, 3600000, "hours and minutes", "2026-01-01T12:00:00.000Z, GOOGLE, CA, USD"},
    };
    static void (*const damaged[])(struct cube *) = {damage_totals,  damage_days,     damage_hours,
                                                     damage_minutes, damage_products, damage_all};
    struct fake_cluster f = {.aggregates = {&aggregates_ops}, .raw = {&raw_ops}};
    struct audit_report report;
    static char said[8192];
    int64_t n_changed;
    for (size_t i = 0; i < COUNT_OF(changed) + 1 + COUNT_OF(damaged); i++) {
        struct error err = {0};
        bool raw_side = i < COUNT_OF(changed);
        told[0] = told_order(1, INT64_C(1767268800000));
        told[1] = told_order(2, INT64_C(1767268800000) + INT64_C(86400000));
        damage = i > COUNT_OF(changed) ? damaged[i - COUNT_OF(changed) - 1] : NULL;
        if (raw_side) {
            told[0].total_e4 += changed[i].total_e4;
            told[0].quantity += changed[i].quantity;
            told[0].created_ms += changed[i].later_ms;
        }
        FILE *out = fmemopen(said, sizeof said, "w");
        assert_non_null(out);
        assert_true(audit_cluster_verify(&f.aggregates, &f.raw, out, &report, &err));
        assert_int_equal(report.raw_problems, raw_side);
        assert_int_equal(report.problems > 0, i != COUNT_OF(changed));
        int64_t n_repairs = f.n_repairs;
        bool ok =
            audit_cluster_rebuild(&f.aggregates, &f.raw, false, out, &n_changed, &report, &err);
        assert_int_equal(ok, !raw_side);
        if (raw_side) {
            assert_int_equal(f.n_repairs, n_repairs);
            assert_int_equal(err.cls, ERROR_USAGE);
            assert_non_null(strstr(err.text, "--accept-loss"));
            assert_non_null(strstr(err.text, changed[i].tables));
            assert_non_null(strstr(err.text, changed[i].first));
            assert_true(
                audit_cluster_rebuild(&f.aggregates, &f.raw, true, out, &n_changed, &report, &err));
        }
        assert_int_equal(f.n_repairs, n_repairs + 1);
        assert_int_equal(n_changed > 0, i != COUNT_OF(changed));
        fclose(out);
        if (raw_side) {
            assert_non_null(strstr(said, "it is those that were changed"));
            assert_non_null(strstr(said, changed[i].first));
        }
    }
}

static void rebuild_is_refused_while_a_writer_works(void **state) {
    (void)state;
    struct world w;
    struct audit_report report;
    struct error err = {0};
    int64_t changed;
    world_make(&w);
    shop_open(&w.shop);
    assert_false(audit_rebuild(w.shop.directory, false, stdout, &changed, &report, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    assert_non_null(strstr(err.text, "stop it before rebuild"));
    expect_sound(&w); // verify is not
    shop_close(&w.shop);
    assert_int_equal(rebuild(&w), 0);
    shop_open(&w.shop); // the lock was given back
    assert_int_equal(shop_place(&w.shop, shop_order(&w.shop, 100, 10000)), VERDICT_DUPLICATE);
    shop_remove(&w.shop);
}

static void verify_sees_one_snapshot_of_a_batch_in_work(void **state) {
    (void)state;
    struct world w;
    world_make(&w);
    shop_open(&w.shop);
    struct store *s = w.shop.store;
    struct error err;
    struct cube_dim group = {TEXT_LIT("NEW"), TEXT_LIT("TX"), IDENT_NONE, "USD", 0, -1};
    struct order o = shop_order(&w.shop, 500, 10000);
    struct known known;
    struct stamp at = {.arrival_ms = w.shop.now_ms};
    assert_int_equal(s->ops->begin(s, &err), STORE_OK);
    assert_int_equal(s->ops->known(s, &o, &at, &known, &err), STORE_OK);
    assert_int_equal(s->ops->add(s, &o, &at, &known, &group, &err), STORE_OK);
    expect_sound(&w);
    s->ops->rollback(s);
    assert_int_equal(s->ops->reopen(s, &err), STORE_OK);
    expect_sound(&w);
    shop_remove(&w.shop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_data_is_told_in_figures),
        cmocka_unit_test(every_measure_of_every_table_is_compared),
        cmocka_unit_test(missing_and_extra_cells_are_named),
        cmocka_unit_test(many_differences_are_counted_and_some_shown),
        cmocka_unit_test(counts_that_do_not_agree_are_named),
        cmocka_unit_test(gross_sums_are_compared),
        cmocka_unit_test(raw_rows_that_are_gone_or_doubled_are_named),
        cmocka_unit_test(every_raw_figure_is_in_some_sum),
        cmocka_unit_test(figures_that_no_order_has_are_named_and_not_added_up),
        cmocka_unit_test(the_index_must_lead_to_the_orders),
        cmocka_unit_test(a_damaged_block_is_named_and_the_index_made_anew),
        cmocka_unit_test(texts_with_equal_hashes_are_no_problem),
        cmocka_unit_test(items_that_cannot_be_read_stop_verify),
        cmocka_unit_test(there_must_be_something_to_verify),
        cmocka_unit_test(rebuild_changes_nothing_on_sound_data),
        cmocka_unit_test(rebuild_mends_the_sums_and_leaves_the_rest),
        cmocka_unit_test(missing_raw_rows_are_told_and_rebuild_takes_them_out_only_when_told),
        cmocka_unit_test(a_file_that_was_cut_is_not_rebuilt_from_what_is_left),
        cmocka_unit_test(the_side_that_is_damaged_is_told),
        cmocka_unit_test(damaged_sums_are_mended_from_raw_orders_that_are_right),
        cmocka_unit_test(a_restored_copy_needs_no_lock_file),
        cmocka_unit_test(a_cluster_without_its_raw_orders_is_not_set_to_zero_unless_told),
        cmocka_unit_test(raw_orders_of_a_cluster_that_were_changed_are_told_from_damaged_sums),
        cmocka_unit_test(rebuild_is_refused_while_a_writer_works),
        cmocka_unit_test(verify_sees_one_snapshot_of_a_batch_in_work),
    };
    log_set_level(LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
