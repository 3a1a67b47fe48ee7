// SPDX-License-Identifier: MIT
// Opening the embedded store: settings that are fixed for ever, one writer, files that are not a
// store's, and a store that is damaged. Each refusal is one line that says what and what to do.
#include "fault_vfs.h"
#include "index_rows.h"
#include "log_taken.h"
#include "shop_sql.h"

#include "store/sqlite/sqlite_checkpoint.h"
#include <sys/stat.h>

// Opening is refused: with this class, and a line that has all of these words.
static void refused(struct shop *shop, struct store_settings settings, enum error_class cls,
                    const char *const *words) {
    struct sqlite_options options = {
        .directory = shop->directory, .settings = settings, .clock = &shop->clock};
    struct store *store = NULL;
    struct store_settings in_force;
    struct error err = {0};
    assert_false(sqlite_store_open(&options, &store, &in_force, &err));
    assert_null(store);
    assert_int_equal(err.cls, cls);
    assert_null(strchr(err.text, '\n'));
    for (; *words != NULL; words++) {
        if (strstr(err.text, *words) == NULL) {
            fail_msg("'%s' does not say '%s'", err.text, *words);
        }
    }
}
#define REFUSED(shop, settings, cls, ...)                                                          \
    refused(shop, settings, cls, (const char *const[]){__VA_ARGS__, NULL})

static const struct store_settings NO_SETTINGS;

static void expect_settings(const struct store_settings *s, const char *currency,
                            const char *timezone, int64_t late_limit_ms) {
    assert_string_equal(s->currency, currency);
    assert_string_equal(s->timezone, timezone);
    assert_int_equal(s->late_limit_ms, late_limit_ms);
}

static void a_new_store_has_the_defaults(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    expect_settings(&shop.settings, "USD", "UTC", 600000);
    shop_remove(&shop);
}

static void settings_are_fixed_at_the_first_opening(void **state) {
    (void)state;
    struct shop shop;
    const struct store_settings given = {"EUR", "Europe/Berlin", 90000};
    shop_make(&shop, NULL);
    shop.settings = given;
    shop_open(&shop);
    expect_settings(&shop.settings, "EUR", "Europe/Berlin", 90000);
    shop_close(&shop);
    shop.settings = NO_SETTINGS; // whatever is in force
    shop_open(&shop);
    expect_settings(&shop.settings, "EUR", "Europe/Berlin", 90000);
    struct sales_reader *r;
    struct store_settings read;
    struct error err;
    assert_true(sqlite_reader_open(shop.directory, NULL, 1000, &r, &read, &err));
    expect_settings(&read, "EUR", "Europe/Berlin", 90000);
    r->ops->close(r);
    shop_restart(&shop); // the same ones again
    shop_remove(&shop);
}

static void other_settings_are_refused(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    shop_close(&shop);
    REFUSED(&shop, ((struct store_settings){.currency = "EUR"}), ERROR_USAGE, "--currency", "USD",
            "EUR", "--data");
    REFUSED(&shop, ((struct store_settings){.timezone = "Asia/Tokyo"}), ERROR_USAGE, "--timezone",
            "UTC", "Asia/Tokyo", "--data");
    REFUSED(&shop, ((struct store_settings){.late_limit_ms = 5000}), ERROR_USAGE, "--late-limit",
            "600000ms", "5000ms", "--data");
    shop_open(&shop); // none of them left anything behind, not even the lock
    expect_settings(&shop.settings, "USD", "UTC", 600000);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_DUPLICATE);
    shop_remove(&shop);
}

static void a_second_writer_is_refused(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    REFUSED(&shop, NO_SETTINGS, ERROR_USAGE, "another salestide process", shop.directory, "--to");
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    shop_close(&shop);
    shop_open(&shop);
    shop_remove(&shop);
}

static void the_data_directory_is_made(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    assert_int_equal(rmdir(shop.directory), 0);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    shop_remove(&shop);
}

static void a_directory_that_cannot_be_is_refused(void **state) {
    (void)state;
    struct shop shop, below;
    shop_make(&shop, NULL);
    below = shop;
    strcat(below.directory, "/no/such");
    REFUSED(&below, NO_SETTINGS, ERROR_USAGE, "cannot make the data directory", below.directory);
    below = shop;
    strcat(below.directory, "/file");
    FILE *f = fopen(below.directory, "w");
    assert_non_null(f);
    fclose(f);
    REFUSED(&below, NO_SETTINGS, ERROR_USAGE, "cannot write to the data directory",
            below.directory);
    shop_remove(&shop);
}

static void write_database(const struct shop *shop, const char *bytes, size_t n) {
    char path[128];
    snprintf(path, sizeof path, "%s/sales.db", shop->directory);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void a_file_that_is_no_database_is_refused(void **state) {
    (void)state;
    struct shop shop;
    char bytes[8192];
    memset(bytes, 'x', sizeof bytes);
    shop_make(&shop, NULL);
    write_database(&shop, bytes, sizeof bytes);
    REFUSED(&shop, NO_SETTINGS, ERROR_FATAL, shop.directory, "not a database", "restore it");
    struct sales_reader *r;
    struct store_settings settings;
    struct error err = {0};
    assert_false(sqlite_reader_open(shop.directory, NULL, 1000, &r, &settings, &err));
    assert_non_null(strstr(err.text, "not a database"));
    shop_remove(&shop);
}

static void the_database_of_another_program_is_refused(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    write_database(&shop, "", 0);
    shop_sql(&shop, "CREATE TABLE orders (id); INSERT INTO orders VALUES (1)");
    REFUSED(&shop, NO_SETTINGS, ERROR_USAGE, "sales.db", "not one of salestide", "version is 0");
    assert_int_equal(shop_sql(&shop, "SELECT count(*) FROM orders"), 1); // left as it was
    shop_sql(&shop, "PRAGMA user_version = 1");
    REFUSED(&shop, NO_SETTINGS, ERROR_FATAL, "settings");
    assert_int_equal(shop_sql(&shop, "SELECT count(*) FROM sqlite_schema"), 1);
    shop_remove(&shop);
}

static void a_newer_schema_is_refused(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    shop_close(&shop);
    shop_sql(&shop, "PRAGMA user_version = 99");
    REFUSED(&shop, NO_SETTINGS, ERROR_USAGE, "sales.db", "version 99", "of a newer salestide");
    struct sales_reader *r;
    struct store_settings settings;
    struct error err = {0};
    assert_false(sqlite_reader_open(shop.directory, NULL, 1000, &r, &settings, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    assert_non_null(strstr(err.text, "version 99"));
    shop_remove(&shop);
}

static void a_reader_needs_a_database(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    struct sales_reader *r;
    struct store_settings settings;
    struct error err = {0};
    assert_false(sqlite_reader_open(shop.directory, NULL, 1000, &r, &settings, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    assert_non_null(strstr(err.text, "--data"));
    shop_remove(&shop);
}

static void lost_rows_are_noticed_at_the_start(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 2, 10000)), VERDICT_ACCEPTED);
    shop_close(&shop);
    shop_sql(&shop, "DELETE FROM order_rows WHERE rowid = 2");
    REFUSED(&shop, NO_SETTINGS, ERROR_FATAL, "end with order 1", "2 events were accepted",
            "restore it");
    shop_remove(&shop);
}

static void an_index_that_points_elsewhere_stops_the_store(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 5, 10000)), VERDICT_ACCEPTED);
    shop_close(&shop);
    index_tamper(&shop, "UPDATE order_index SET position = 3 - position");
    shop_open(&shop);
    // Neither "duplicate" nor "accepted" would be right.
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), -1);
    struct engine_status status;
    engine_status(shop.engine, &status);
    assert_false(status.store_ready);
    assert_non_null(strstr(status.problem, "damaged"));
    shop_remove(&shop);
}

static void positions_and_batches_are_counted(void **state) {
    (void)state;
    struct shop shop;
    shop_make(&shop, NULL);
    shop_open(&shop);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)),
                         i == 0 ? VERDICT_ACCEPTED : VERDICT_DUPLICATE);
        shop.now_ms += 1000;
    }
    shop_restart(&shop);
    shop_refuse(&shop, shop_order(&shop, 1, 10001), REJECT_CONFLICT);
    shop_sql_expect(&shop, "SELECT * FROM pipeline_positions", "embedded|0|4|0||-1|-1|0");
    shop_sql_expect(&shop,
                    "SELECT group_concat(batch_id || ':' || (committed_ms - 1767268800000) "
                    "|| ':' || accepted || duplicate || rejected, ' ') FROM batch_rows",
                    "1:0:100 2:1000:010 3:2000:010 4:3000:001");
    shop_verify(&shop, 1, 0);
    shop_remove(&shop);
}

static void sizes_of_the_files_are_told(void **state) {
    (void)state;
    struct shop shop;
    int64_t db_bytes, wal_bytes;
    shop_make(&shop, NULL);
    sqlite_store_sizes(shop.directory, &db_bytes, &wal_bytes);
    assert_int_equal(db_bytes + wal_bytes, 0);
    shop_open(&shop);
    assert_int_equal(shop_place(&shop, shop_order(&shop, 1, 10000)), VERDICT_ACCEPTED);
    sqlite_store_sizes(shop.directory, &db_bytes, &wal_bytes);
    assert_true(db_bytes >= 4096 && wal_bytes >= 4096);
    shop_close(&shop);
    sqlite_store_sizes(shop.directory, &db_bytes, &wal_bytes);
    assert_int_equal(wal_bytes, 0); // an orderly end leaves one file
    shop_remove(&shop);
}

// Distinct orders until the write-ahead log has so many pages.
static int64_t grow_log(struct shop *shop, int64_t first, int64_t n_pages) {
    enum { IN_ONE = 200, MOST = 500 };
    struct order o[IN_ONE];
    int64_t db_bytes, wal_bytes = 0;
    for (int i = 0; wal_bytes < n_pages * 4120; i++) { // a page and its head
        assert_true(i < MOST);
        for (int k = 0; k < IN_ONE; k++) {
            o[k] = shop_order(shop, first++, 10000);
        }
        struct submission *s = shop_submission(o, IN_ONE);
        assert_int_equal(shop_send(shop, s), SETTLE_DURABLE);
        submission_free(s);
        sqlite_store_sizes(shop->directory, &db_bytes, &wal_bytes);
    }
    return first;
}

static void a_log_that_a_reader_makes_long_is_told_once(void **state) {
    (void)state;
    enum { START = 8, HELP = 64, WARN = 600 };
    struct shop shop;
    int64_t db_bytes, wal_bytes, next_id = 1;
    shop_make(&shop, NULL);
    checkpointer_set_pages(START, HELP, WARN);
    shop_open(&shop);
    for (int round = 0; round < 2; round++) { // it starts over in between, so it is told again
        sqlite3 *reader = shop_sql_open(&shop);
        assert_int_equal(
            sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM order_rows", NULL, NULL, NULL),
            SQLITE_OK);
        struct log_taken taken = log_taken_begin(LOG_WARN);
        next_id = grow_log(&shop, next_id, WARN + 300);
        char *told = log_taken_end(&taken);
        if (log_taken_count(
                told, " warn store: the write-ahead log has 2 MiB: a long reader keeps it from "
                      "starting over; close tools that hold sales.db open\n") != 1 ||
            log_taken_count(told, "\n") != 1) {
            fail_msg("told in round %d: %s", round, told);
        }
        free(told);
        sqlite_store_sizes(shop.directory, &db_bytes, &wal_bytes);
        assert_true(wal_bytes > WARN * 4096);
        sqlite3_close(reader);
        shop_sql_expect(&shop, "PRAGMA wal_checkpoint(TRUNCATE)", "0|0|0");
    }
    shop_verify(&shop, next_id - 1, 0);
    shop_remove(&shop);
    checkpointer_set_pages(2000, 16000, 262144);
}

// What the disk has refused once is lost, and it tells so once. The log has it, as long as it is
// kept.
static void a_log_whose_copy_was_not_synced_is_kept_for_the_next_start(void **state) {
    (void)state;
    enum { START = 8, HELP = 64, LONG = 400 };
    struct shop shop;
    int64_t db_bytes, wal_bytes;
    shop_make(&shop, "fault");
    checkpointer_set_pages(START, HELP, 1 << 20);
    shop_open(&shop);
    fault_vfs_reset();
    fault.code = SQLITE_IOERR_FSYNC;
    fault.fail_at[FAULT_MAIN_SYNC] = 1;
    struct log_taken taken = log_taken_begin(LOG_WARN);
    int64_t next_id = grow_log(&shop, 1, LONG); // it never starts over
    char *told = log_taken_end(&taken);
    assert_true(fault.hit);
    assert_int_equal(log_taken_count(told, "the log is kept and grows until the next start"), 1);
    assert_int_equal(log_taken_count(told, "\n"), 1);
    free(told);
    fault_vfs_reset();
    shop_close(&shop);
    sqlite_store_sizes(shop.directory, &db_bytes, &wal_bytes);
    assert_true(wal_bytes >= (int64_t)LONG * 4096);
    shop_open(&shop);
    assert_int_equal(grow_log(&shop, next_id, START) > next_id, 1);
    shop_close(&shop);
    sqlite_store_sizes(shop.directory, &db_bytes, &wal_bytes);
    assert_int_equal(wal_bytes, 0);
    shop_open(&shop);
    shop_sql_expect(&shop, "PRAGMA integrity_check", "ok");
    shop_remove(&shop);
    checkpointer_set_pages(2000, 16000, 262144);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_store_has_the_defaults),
        cmocka_unit_test(settings_are_fixed_at_the_first_opening),
        cmocka_unit_test(other_settings_are_refused),
        cmocka_unit_test(a_second_writer_is_refused),
        cmocka_unit_test(the_data_directory_is_made),
        cmocka_unit_test(a_directory_that_cannot_be_is_refused),
        cmocka_unit_test(a_file_that_is_no_database_is_refused),
        cmocka_unit_test(the_database_of_another_program_is_refused),
        cmocka_unit_test(a_newer_schema_is_refused),
        cmocka_unit_test(a_reader_needs_a_database),
        cmocka_unit_test(lost_rows_are_noticed_at_the_start),
        cmocka_unit_test(an_index_that_points_elsewhere_stops_the_store),
        cmocka_unit_test(positions_and_batches_are_counted),
        cmocka_unit_test(sizes_of_the_files_are_told),
        cmocka_unit_test(a_log_that_a_reader_makes_long_is_told_once),
        cmocka_unit_test(a_log_whose_copy_was_not_synced_is_kept_for_the_next_start),
    };
    log_set_level(LOG_ERROR + 1);
    fault_vfs_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
