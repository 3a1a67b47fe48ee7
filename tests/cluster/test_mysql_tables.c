// SPDX-License-Identifier: MIT
// What setup makes, what it refuses, the tables that users made, rejected and recent rows, and what
// is dropped when it is old.
#include "mysql_lab.h"

// --- Setup

static void setup_makes_everything_and_changes_nothing_the_second_time(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    struct error err = {0};
    lab_open_empty(&lab);
    lab.settings = (struct store_settings){"EUR", "Europe/Berlin", 90000};
    assert_true(lab_try_setup(&lab, &err));
    instance_open(&lab, &in, 0);
    struct order o = lab_order(1, "A", "TX", 10000);
    instance_add(&in, &o);
    instance_commit(&in);
    lab.settings = (struct store_settings){0};
    if (!lab_try_setup(&lab, &err)) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(lab.settings.currency, "EUR");
    assert_string_equal(lab.settings.timezone, "Europe/Berlin");
    assert_int_equal(lab.settings.late_limit_ms, 90000);
    ASSERT_ASK(&lab, "SELECT received, last_batch_id FROM pipeline_state", "1|1");
    ASSERT_ASK(&lab, "SELECT orders FROM sales_totals", "1");
    ASSERT_ASK(&lab, "SELECT COUNT(*) FROM total_sales_by_source_state", "0"); // USD is not EUR
    lab.settings.currency[0] = 'U';
    assert_false(lab_try_setup(&lab, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    ASSERT_SAYS(&err, "--currency EUR", "--aggregates");
    instance_close(&in);
    lab_close(&lab);
}

static void every_table_has_a_primary_key_and_plain_types(void **state) {
    UNUSED(state);
    struct lab lab;
    lab_open(&lab);
    ASSERT_ASK(&lab,
               "SELECT t.table_name FROM information_schema.tables t WHERE table_schema = "
               "DATABASE() AND table_type = 'BASE TABLE' AND NOT EXISTS (SELECT 1 FROM "
               "information_schema.statistics s WHERE s.table_schema = t.table_schema AND "
               "s.table_name = t.table_name AND index_name = 'PRIMARY')",
               "");
    ASSERT_ASK(&lab,
               "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema "
               "= DATABASE() AND (data_type IN ('enum', 'set', 'bit', 'json', 'float', 'double') "
               "OR column_type LIKE '%unsigned%' OR (collation_name IS NOT NULL AND collation_name "
               "<> 'utf8mb4_bin'))",
               "");
    lab_close(&lab);
}

static void views_have_iso_codes_and_leave_out_what_is_past_its_retention(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    struct order o = lab_order(1, "A", "TX", 10000);
    instance_add(&in, &o);
    o = lab_order(2, "A", "tx", 10000);
    instance_add(&in, &o);
    instance_commit(&in);
    ASSERT_ASK(
        &lab,
        "SELECT minute_utc, source, state, state_iso, total FROM bi_sales_by_minute ORDER BY "
        "state",
        "2026-01-01 12:00:00|A|TX|US-TX|1.0000\n2026-01-01 12:00:00|A|tx|NULL|1.0000");
    ASSERT_ASK(&lab, "SELECT COUNT(*) FROM bi_sales_by_hour", "2");
    char sql[128];
    snprintf(sql, sizeof sql, "UPDATE pipeline_state SET minute_floor = %d, hour_floor = %d",
             LAB_MINUTE + 1, LAB_HOUR + 1);
    lab_do(&lab, sql);
    ASSERT_ASK(&lab, "SELECT COUNT(*) FROM bi_sales_by_minute", "0");
    ASSERT_ASK(&lab, "SELECT COUNT(*) FROM bi_sales_by_hour", "0");
    ASSERT_ASK(&lab, "SELECT COUNT(*) FROM bi_sales_by_day", "2");
    ASSERT_ASK(&lab, "SELECT SUM(total) FROM bi_sales_by_product", "2.0000");
    ASSERT_ASK(&lab, "SELECT SUM(orders) FROM bi_sales_totals", "2");
    ASSERT_ASK(&lab, "SELECT COUNT(*) FROM bi_recent_orders", "0");
    instance_close(&in);
    lab_close(&lab);
}

// Opening is refused with these words after `sql` has changed the tables.
static void refused_after(const char *sql, const char *const *words) {
    struct lab lab;
    struct instance in;
    struct error err = {0};
    lab_open(&lab);
    lab_do(&lab, sql);
    assert_false(lab_try_instance(&lab, &in, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    assert_says(&err, words);
    lab_close(&lab);
}
#define REFUSED_AFTER(sql, ...) refused_after(sql, (const char *const[]){__VA_ARGS__, NULL})

static void tables_in_another_form_are_refused_by_name(void **state) {
    UNUSED(state);
    REFUSED_AFTER("DROP TABLE sales_by_hour", "no table sales_by_hour", "salestide setup");
    REFUSED_AFTER("DELETE FROM pipeline_settings", "settings", "salestide setup");
    REFUSED_AFTER("DELETE FROM pipeline_state", "pipeline_state is empty", "salestide setup");
    REFUSED_AFTER("ALTER TABLE sales_totals DROP COLUMN tax", "column tax", "sales_totals",
                  "missing", "ALTER TABLE", "ADD");
    REFUSED_AFTER("ALTER TABLE sales_totals MODIFY total FLOAT NOT NULL", "column total", "float",
                  "decimal(19,4)", "MODIFY");
    REFUSED_AFTER(
        "ALTER TABLE sales_by_day MODIFY source VARCHAR(50) CHARACTER SET utf8mb4 COLLATE "
        "utf8mb4_bin NOT NULL",
        "column source", "sales_by_day", "varchar(50)", "varchar(100)");
    REFUSED_AFTER("ALTER TABLE sales_by_day MODIFY source VARCHAR(100) CHARACTER SET utf8mb4 "
                  "COLLATE utf8mb4_general_ci NOT NULL",
                  "column source", "utf8mb4_general_ci", "utf8mb4_bin");
    REFUSED_AFTER("ALTER TABLE sales_by_product DROP PRIMARY KEY", "sales_by_product",
                  "primary key", "day,product_id,currency");
    REFUSED_AFTER("ALTER TABLE sales_by_product ADD UNIQUE KEY one (product_id)",
                  "sales_by_product", "unique key one");
    REFUSED_AFTER("ALTER TABLE sales_totals ADD COLUMN mine INT NOT NULL", "column mine");
    REFUSED_AFTER("ALTER TABLE pipeline_batches ENGINE = MyISAM", "pipeline_batches", "MyISAM");
    REFUSED_AFTER("UPDATE pipeline_settings SET value = '99' WHERE name = 'schema_version'",
                  "version 99");
}

static void what_is_wider_or_the_user_s_own_is_fine(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    lab_open(&lab);
    lab_do(&lab, "ALTER TABLE sales_totals MODIFY total DECIMAL(30,6) NOT NULL, ADD COLUMN note "
                 "TEXT, ADD COLUMN seen INT NOT NULL DEFAULT 0, MODIFY source VARCHAR(150) "
                 "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL");
    instance_open(&lab, &in, 0);
    struct order o = lab_order(1, "A", "TX", 10000);
    instance_add(&in, &o);
    instance_commit(&in);
    ASSERT_ASK(&lab, "SELECT total, note, seen FROM sales_totals", "1.000000|NULL|0");
    instance_close(&in);
    lab_close(&lab);
}

// --- The projection in tables that users made

#define USER_TABLE                                                                                 \
    "CREATE TABLE total_sales_by_source_state (source VARCHAR(100), state VARCHAR(100), "          \
    "total_sum_amount double, processed_at VARCHAR(100), batch_id int)"

static void open_with(struct lab *lab, struct instance *in, const char *table) {
    struct error err = {0};
    lab_open_empty(lab);
    lab_do(lab, table);
    if (!lab_try_setup(lab, &err)) {
        fail_msg("%s", err.text);
    }
    instance_open(lab, in, 0);
}

static void place(struct instance *in, const char *source, const char *state, int64_t total_e4) {
    struct order o = lab_order(1, source, state, total_e4);
    instance_add(in, &o);
}

static void a_user_s_table_without_a_key_is_set_from_exact_sums(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    open_with(&lab, &in, USER_TABLE " CHARACTER SET utf8mb4");
    // Somebody's old rows: one of a group that will be set, one that is none of ours.
    lab_do(&lab, "INSERT INTO total_sales_by_source_state VALUES ('GOOGLE', 'CA', 99, 'x', 3), "
                 "('OTHER', 'ZZ', 5, 'y', 4)");
    for (int i = 0; i < 10; i++) { // a tenth has no double: added up it would drift
        place(&in, "GOOGLE", "CA", 1000);
        place(&in, "GOOGLE", "ca", 1000);
        place(&in, "\xF0\x9F\x98\x80", "TX", 1000);
        instance_commit(&in);
    }
    ASSERT_ASK(&lab,
               "SELECT source, state, total_sum_amount, processed_at, batch_id FROM "
               "total_sales_by_source_state ORDER BY HEX(source), HEX(state)",
               "GOOGLE|CA|1|2026-01-01T12:00:00.000Z|10\n"
               "GOOGLE|ca|1|2026-01-01T12:00:00.000Z|10\n"
               "OTHER|ZZ|5|y|4\n"
               "\xF0\x9F\x98\x80|TX|1|2026-01-01T12:00:00.000Z|10");
    // A row that somebody deletes comes back with the group's next order.
    lab_do(&lab, "DELETE FROM total_sales_by_source_state WHERE HEX(state) = HEX('ca')");
    place(&in, "GOOGLE", "ca", 1000);
    instance_commit(&in);
    ASSERT_ASK(&lab,
               "SELECT total_sum_amount, batch_id FROM total_sales_by_source_state WHERE "
               "HEX(state) = HEX('ca')",
               "1.1|11");
    ASSERT_ASK(&lab, "SELECT COUNT(*) FROM total_sales_by_source_state", "4");
    instance_close(&in);
    lab_close(&lab);
}

static void in_a_small_character_set_other_groups_are_left_out(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    open_with(&lab, &in, USER_TABLE " CHARACTER SET latin1");
    for (int i = 0; i < 2; i++) {
        place(&in, "caf\xC3\xA9", "TX", 10000);              // latin1 has it
        place(&in, "\xE6\x97\xA5\xE6\x9C\xAC", "TX", 10000); // not these
        place(&in, "\xE4\xB8\xAD\xE5\x9B\xBD", "TX", 10000);
        instance_commit(&in);
    }
    ASSERT_ASK(&lab,
               "SELECT CONVERT(source USING utf8mb4), total_sum_amount FROM "
               "total_sales_by_source_state",
               "caf\xC3\xA9|2");
    ASSERT_ASK(&lab, "SELECT COUNT(*), SUM(total) FROM sales_totals", "3|6.0000");
    lab_command("expect source is latin1: groups with characters that it lacks are left out");
    lab_command("expect leaves out source \xE6\x97\xA5\xE6\x9C\xAC, state TX");
    instance_close(&in);
    lab_close(&lab);
}

static void columns_of_other_types_get_what_they_can_hold(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    open_with(&lab, &in,
              "CREATE TABLE total_sales_by_source_state (id BIGINT AUTO_INCREMENT PRIMARY KEY, "
              "batch_id SMALLINT, processed_at BIGINT, total_sum_amount VARCHAR(30), "
              "state TEXT, source CHAR(120), note VARCHAR(10) DEFAULT 'n') CHARACTER SET utf8mb4");
    place(&in, "GOOGLE", "CA", -1);
    instance_commit(&in);
    lab_do(&lab, "UPDATE pipeline_state SET last_batch_id = 40000");
    place(&in, "GOOGLE", "CA", 123456);
    instance_commit(&in);
    ASSERT_ASK(&lab, "SELECT * FROM total_sales_by_source_state",
               "1|32767|1767268800000|12.3455|CA|GOOGLE|n");
    instance_close(&in);
    lab_close(&lab);
}

static void two_instances_insert_a_group_into_a_table_without_a_key_once(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance one, two;
    open_with(&lab, &one, USER_TABLE);
    instance_open(&lab, &two, 1);
    place(&one, "A", "TX", 10000);
    instance_commit(&one);
    place(&two, "A", "TX", 10000);
    place(&two, "B", "TX", 10000);
    instance_commit(&two);
    place(&one, "B", "TX", 10000);
    instance_commit(&one);
    ASSERT_ASK(&lab,
               "SELECT source, total_sum_amount, batch_id FROM total_sales_by_source_state ORDER "
               "BY source",
               "A|2|2\nB|2|3");
    instance_close(&one);
    instance_close(&two);
    lab_close(&lab);
}

static void refused_table(const char *table, const char *const *words) {
    struct lab lab;
    struct error err = {0};
    struct instance in;
    lab_open_empty(&lab);
    lab_do(&lab, table);
    bool opened = lab_try_setup(&lab, &err) && lab_try_instance(&lab, &in, &err);
    assert_false(opened);
    assert_int_equal(err.cls, ERROR_USAGE);
    assert_says(&err, words);
    lab_close(&lab);
}
#define REFUSED_TABLE(table, ...) refused_table(table, (const char *const[]){__VA_ARGS__, NULL})
#define MADE(columns) "CREATE TABLE total_sales_by_source_state (" columns ")"

static void a_user_s_table_that_cannot_hold_it_is_refused_with_a_way_out(void **state) {
    UNUSED(state);
    REFUSED_TABLE(MADE("source VARCHAR(100), state VARCHAR(100), total_sum_amount double, "
                       "processed_at VARCHAR(100)"),
                  "no column batch_id", "ADD batch_id BIGINT");
    REFUSED_TABLE(MADE("source VARCHAR(20), state VARCHAR(100), total_sum_amount double, "
                       "processed_at VARCHAR(100), batch_id int"),
                  "column source", "varchar(20)", "MODIFY source");
    REFUSED_TABLE(MADE("source VARCHAR(100), state VARCHAR(100), total_sum_amount DECIMAL(10,2), "
                       "processed_at VARCHAR(100), batch_id int"),
                  "column total_sum_amount", "decimal(10,2)", "DECIMAL(19,4)");
    REFUSED_TABLE(MADE("source VARCHAR(100), state VARCHAR(100), total_sum_amount INT, "
                       "processed_at VARCHAR(100), batch_id int"),
                  "column total_sum_amount", "int");
    REFUSED_TABLE(MADE("source VARCHAR(100), state VARCHAR(100), total_sum_amount double, "
                       "processed_at VARCHAR(10), batch_id int"),
                  "column processed_at", "DATETIME(3)");
    REFUSED_TABLE(MADE("source VARCHAR(100), state VARCHAR(100), total_sum_amount double, "
                       "processed_at VARCHAR(100), batch_id int, mine INT NOT NULL"),
                  "column mine");
    REFUSED_TABLE(MADE("source VARCHAR(100), state VARCHAR(100), total_sum_amount double, "
                       "processed_at VARCHAR(100), batch_id int, PRIMARY KEY (source)"),
                  "unique key PRIMARY");
    REFUSED_TABLE(MADE("source VARCHAR(100), state VARCHAR(100), total_sum_amount double, "
                       "processed_at VARCHAR(100), batch_id int, PRIMARY KEY (source, state)"),
                  "unique key PRIMARY", "utf8mb4_bin"); // in the server's collation ca is CA
    REFUSED_TABLE("CREATE VIEW total_sales_by_source_state AS SELECT 1 AS source", "a view");
}

// --- Rejected and recent

static void rejected_events_keep_every_byte(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    struct error err = {0};
    lab_open(&lab);
    const int64_t to_lab_ms = LAB_NOW_MS - clock_now_ms(clock_system());
    lab_wall_ahead_ms = to_lab_ms;
    instance_open(&lab, &in, 0);
    static const char zero[] = "{\"a\":\0'\\'\"}";
    char *big = malloc(ORDER_REJECTED_TEXT_MAX_BYTES);
    assert_non_null(big);
    memset(big, '\\', ORDER_REJECTED_TEXT_MAX_BYTES);
    const struct rejected_event events[] = {
        {.position = log_position(1, 5),
         .arrival_ms = LAB_NOW_MS + 7,
         .field = TEXT_LIT("total"),
         .code = TEXT_LIT("malformed"),
         .message = TEXT_LIT("not an amount: 'x\xF0\x9F\x98\x80'"),
         .raw = TEXT_LIT("{\"total\":\"x\xF0\x9F\x98\x80\"}"),
         .raw_bytes = 18,
         .event_key = TEXT_LIT("17")},
        {.arrival_ms = LAB_NOW_MS,
         .code = TEXT_LIT("not_json"),
         .message = TEXT_LIT(""),
         .raw = {zero, sizeof zero - 1},
         .raw_bytes = sizeof zero - 1},
        {.arrival_ms = LAB_NOW_MS,
         .code = TEXT_LIT("not_json"),
         .message = TEXT_LIT(""),
         .raw = TEXT_LIT("a\xFF\xC3"
                         "b\xC3\xA9"),
         .raw_bytes = 6,
         .event_key = TEXT_LIT("\x00\xFF")},
        {.arrival_ms = LAB_NOW_MS,
         .code = TEXT_LIT("too_large"),
         .message = TEXT_LIT(""),
         .raw = {big, ORDER_REJECTED_TEXT_MAX_BYTES},
         .raw_bytes = 2000000},
    };
    in.summary.counts = (struct store_counts){.received = 4, .rejected = 4};
    const struct aggregates_batch more = {.rejected = events, .n_rejected = 4};
    if (instance_try_commit(&in, more, &err) != COMMIT_OK) {
        fail_msg("%s", err.text);
    }
    ASSERT_ASK(&lab,
               "SELECT id, position, arrived_at, field, code, message, event, event_raw, "
               "event_bytes, event_key, status FROM rejected_events WHERE id = 1",
               "1|281474976710661|2026-01-01 12:00:00.007|total|malformed|not an amount: "
               "'x\xF0\x9F\x98\x80'|{\"total\":\"x\xF0\x9F\x98\x80\"}|NULL|18|17|new");
    ASSERT_ASK(&lab, "SELECT HEX(event), event_raw IS NULL FROM rejected_events WHERE id = 2",
               "7B2261223A00275C27227D|1");
    ASSERT_ASK(
        &lab, "SELECT HEX(event), HEX(event_raw), HEX(event_key) FROM rejected_events WHERE id = 3",
        "61EFBFBDEFBFBD62C3A9|61FFC362C3A9|00FF");
    ASSERT_ASK(
        &lab, "SELECT event = REPEAT('\\\\', 65536), event_bytes FROM rejected_events WHERE id = 4",
        "1|2000000");
    free(big);
    // A clock that jumps ahead drops nothing, nor does one that has just begun.
    struct rejected_event later = events[0];
    later.arrival_ms = LAB_NOW_MS + INT64_C(31) * 86400000;
    const struct aggregates_batch again = {.rejected = &later, .n_rejected = 1};
    lab_wall_ahead_ms = to_lab_ms + INT64_C(3650) * 86400000;
    in.summary.counts = (struct store_counts){.received = 1, .rejected = 1};
    assert_int_equal(instance_try_commit(&in, again, &err), COMMIT_OK);
    lab_wall_ahead_ms = to_lab_ms;
    lab_do(&lab, "UPDATE rejected_events SET arrived_at = '2020-01-01' WHERE id <= 3");
    in.summary.counts = (struct store_counts){.received = 1, .rejected = 1};
    assert_int_equal(instance_try_commit(&in, again, &err), COMMIT_OK);
    ASSERT_ASK(&lab, "SELECT COUNT(*), MIN(id) FROM rejected_events", "6|1");
    // A month later they are dropped as others come, and counted.
    lab_monotonic_ahead_ms = 2 * 3600 * 1000;
    lab_wall_ahead_ms = to_lab_ms + lab_monotonic_ahead_ms;
    in.summary.counts = (struct store_counts){.received = 1, .rejected = 1};
    assert_int_equal(instance_try_commit(&in, again, &err), COMMIT_OK);
    lab_wall_ahead_ms = lab_monotonic_ahead_ms = 0;
    ASSERT_ASK(&lab, "SELECT COUNT(*), MIN(id) FROM rejected_events", "4|4");
    ASSERT_ASK(&lab, "SELECT rejected, rejected_expired FROM pipeline_state", "7|3");
    struct aggregates_state now;
    in.a->ops->state(in.a, &now);
    assert_int_equal(now.counts.rejected_expired, 3);
    instance_close(&in);
    lab_close(&lab);
}

static void the_newest_thousand_orders_are_kept_in_order(void **state) {
    UNUSED(state);
    enum { N = 700 };
    struct lab lab;
    struct instance in;
    struct error err = {0};
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    struct stored_event *recent = calloc(N, sizeof *recent);
    assert_non_null(recent);
    for (int64_t round = 0; round < 3; round++) {
        for (int64_t i = 0; i < N; i++) {
            struct order o = lab_order(round * N + i, "A", "TX", 12345);
            o.customer_id = (struct ident){-1, TEXT_LIT("c'1")};
            o.shipping_e4 = 5;
            recent[i] = (struct stored_event){o, LAB_NOW_MS, log_position(2, round * N + i)};
            instance_add(&in, &o);
        }
        recent[N - 1].order.product_id = IDENT_NONE;
        recent[N - 1].order.items_json = TEXT_LIT("[{\"product_id\":\"\xC3\xA9\\\"\"}]");
        const struct aggregates_batch more = {.recent = recent, .n_recent = N};
        if (instance_try_commit(&in, more, &err) != COMMIT_OK) {
            fail_msg("%s", err.text);
        }
    }
    free(recent);
    ASSERT_ASK(&lab,
               "SELECT COUNT(*), MIN(CAST(order_id AS SIGNED)), MAX(CAST(order_id AS SIGNED)), "
               "MAX(position) & 281474976710655 FROM recent_orders",
               "1000|1100|2099|2099");
    ASSERT_ASK(
        &lab,
        "SELECT order_id, created_at, customer_id, discount, product_id, quantity, subtotal, "
        "tax, `timestamp`, total, source, state, currency, shipping, items FROM "
        "recent_orders ORDER BY id DESC LIMIT 1",
        "2099|2026-01-01 12:00:00.000|c'1|0.0000|NULL|2|1.2345|0.0000|2026-01-01 "
        "12:00:00.000|1.2345|A|TX|USD|0.0005|[{\"product_id\":\"\xC3\xA9\\\"\"}]");
    instance_close(&in);
    lab_close(&lab);
}

static void the_newest_thousand_changes_are_kept_in_order(void **state) {
    UNUSED(state);
    enum { N = 700 };
    struct lab lab;
    struct instance in;
    struct error err = {0};
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    struct stored_event *changes = calloc(N, sizeof *changes);
    assert_non_null(changes);
    for (int64_t round = 0; round < 2; round++) {
        for (int64_t i = 0; i < N; i++) {
            struct order o = lab_order(round * N + i, "A", "TX", 12345);
            o.kind = ORDER_REFUNDED;
            o.event_id = TEXT_LIT("r'1");
            changes[i] = (struct stored_event){o, LAB_NOW_MS, log_position(2, round * N + i)};
            instance_add(&in, &o);
        }
        const struct aggregates_batch more = {.changes = changes, .n_changes = N};
        if (instance_try_commit(&in, more, &err) != COMMIT_OK) {
            fail_msg("%s", err.text);
        }
    }
    free(changes);
    ASSERT_ASK(&lab,
               "SELECT COUNT(*), MIN(CAST(order_id AS SIGNED)), MAX(CAST(order_id AS SIGNED)), "
               "MAX(position) & 281474976710655 FROM recent_changes",
               "1000|400|1399|1399");
    ASSERT_ASK(&lab,
               "SELECT event, event_id, created_at, `timestamp`, total, source, state, currency "
               "FROM recent_changes ORDER BY id DESC LIMIT 1",
               "refunded|r'1|2026-01-01 12:00:00.000|2026-01-01 12:00:00.000|1.2345|A|TX|USD");
    instance_close(&in);
    lab_close(&lab);
}

// --- Retention

static void cells_below_the_floors_are_not_written_and_old_ones_are_dropped(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    struct error err = {0};
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    for (int i = 0; i < 5000; i++) { // old minutes, more than one commit drops
        struct order o = lab_order(i, "A", "TX", 10000);
        o.created_ms = LAB_NOW_MS - (int64_t)60000 * (10000 + i);
        instance_add(&in, &o);
    }
    instance_commit(&in);
    ASSERT_ASK(&lab, "SELECT COUNT(*) FROM sales_by_minute", "5000");
    const struct aggregates_batch floors = {.minute_floor = LAB_MINUTE - 100,
                                            .hour_floor = LAB_HOUR - 100};
    struct order old = lab_order(1, "B", "TX", 10000);
    old.created_ms = LAB_NOW_MS - (int64_t)60000 * 101;
    static const char *const left[] = {"3001", "1001", "1", "1"};
    for (size_t i = 0; i < COUNT_OF(left); i++) {
        struct order o = lab_order(1, "A", "TX", 10000);
        instance_add(&in, &o);
        instance_add(&in, &old);
        if (instance_try_commit(&in, floors, &err) != COMMIT_OK) {
            fail_msg("%s", err.text);
        }
        ASSERT_ASK(&lab, "SELECT COUNT(*) FROM sales_by_minute", left[i]);
    }
    ASSERT_ASK(&lab, "SELECT COUNT(*) FROM sales_by_minute WHERE source = 'B'", "0");
    ASSERT_ASK(&lab, "SELECT orders FROM sales_totals WHERE source = 'B'", "4");
    char want[64];
    snprintf(want, sizeof want, "%d|%d", LAB_MINUTE - 100, LAB_HOUR - 100);
    ASSERT_ASK(&lab, "SELECT minute_floor, hour_floor FROM pipeline_state", want);
    // A batch with lower floors than the store has seen lowers nothing.
    instance_add(&in, &old);
    instance_commit(&in);
    ASSERT_ASK(&lab, "SELECT minute_floor, hour_floor FROM pipeline_state", want);
    ASSERT_ASK(&lab, "SELECT COUNT(*) FROM sales_by_minute WHERE source = 'B'", "0");
    instance_close(&in);
    lab_close(&lab);
}

// clang-format off
static const struct CMUnitTest tests[] = {
    cmocka_unit_test(setup_makes_everything_and_changes_nothing_the_second_time),
    cmocka_unit_test(every_table_has_a_primary_key_and_plain_types),
    cmocka_unit_test(views_have_iso_codes_and_leave_out_what_is_past_its_retention),
    cmocka_unit_test(tables_in_another_form_are_refused_by_name),
    cmocka_unit_test(what_is_wider_or_the_user_s_own_is_fine),
    cmocka_unit_test(a_user_s_table_without_a_key_is_set_from_exact_sums),
    cmocka_unit_test(in_a_small_character_set_other_groups_are_left_out),
    cmocka_unit_test(columns_of_other_types_get_what_they_can_hold),
    cmocka_unit_test(two_instances_insert_a_group_into_a_table_without_a_key_once),
    cmocka_unit_test(a_user_s_table_that_cannot_hold_it_is_refused_with_a_way_out),
    cmocka_unit_test(rejected_events_keep_every_byte),
    cmocka_unit_test(the_newest_thousand_orders_are_kept_in_order),
    cmocka_unit_test(the_newest_thousand_changes_are_kept_in_order),
    cmocka_unit_test(cells_below_the_floors_are_not_written_and_old_ones_are_dropped),
};
// clang-format on
LAB_MAIN(tests)
