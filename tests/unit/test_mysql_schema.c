// SPDX-License-Identifier: MIT
// What is decided about tables without a server: the DDL, which columns can hold what, how a user's
// total_sales_by_source_state is written, addresses and kinds of failures.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/mysql/mysql_projection_plan.h"
#include "store/mysql/mysql_schema.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static void says(const struct error *err, const char *word) {
    if (strstr(err->text, word) == NULL) {
        fail_msg("'%s' does not say '%s'", err->text, word);
    }
    assert_null(strchr(err->text, '\n'));
}

// --- DDL

static void every_statement_is_plain_and_has_a_key(void **state) {
    UNUSED(state);
    for (size_t i = 0; i < n_mysql_tables; i++) {
        struct buf ddl = {0};
        table_spec_ddl(&mysql_tables[i], &ddl);
        buf_put_char(&ddl, '\0');
        assert_false(ddl.failed);
        assert_non_null(strstr(ddl.at, "CREATE TABLE IF NOT EXISTS"));
        assert_non_null(strstr(ddl.at, "PRIMARY KEY (`"));
        assert_non_null(strstr(ddl.at, "utf8mb4_bin"));
        static const char *const bad[] = {"enum",   "unsigned", "json",       "bit(",
                                          "double", "float",    "timestamp(", "blob NOT NULL"};
        for (size_t k = 0; k < COUNT_OF(bad); k++) {
            assert_null(strcasestr(ddl.at, bad[k]));
        }
        buf_free(&ddl);
    }
}

static void keys_stay_below_the_limit_of_innodb(void **state) {
    UNUSED(state);
    for (size_t i = 0; i < n_mysql_tables; i++) {
        const struct table_spec *t = &mysql_tables[i];
        int bytes = 0;
        for (size_t k = 0; k < t->n_columns; k++) {
            if (strstr(t->key, t->columns[k].name) != NULL) {
                int n = 0;
                bytes += sscanf(t->columns[k].type, "varchar(%d)", &n) == 1 ? n * 4 + 2 : 8;
            }
        }
        assert_in_range(bytes, 1, 3072);
    }
}

static void the_script_has_all_that_setup_makes(void **state) {
    UNUSED(state);
    const struct store_settings settings = {"EUR", "Europe/Berlin", 0};
    struct buf out = {0};
    struct error err = {0};
    assert_true(mysql_schema_print("sales`db", &settings, &out, &err));
    buf_put_char(&out, '\0');
    assert_non_null(
        strstr(out.at, "CREATE DATABASE IF NOT EXISTS `sales``db` CHARACTER SET utf8mb4"));
    for (size_t i = 0; i < n_mysql_tables; i++) {
        assert_non_null(strstr(out.at, mysql_tables[i].name));
    }
    assert_non_null(strstr(out.at, "VIEW bi_sales_by_minute"));
    assert_non_null(strstr(out.at, "('currency', 'EUR')"));
    assert_non_null(strstr(out.at, "('late_limit_ms', '600000')"));
    buf_free(&out);
}

// --- Types that were found

static struct found_column column(const char *name, const char *type, const char *collation) {
    struct found_column c = {.nullable = true, .scale = -1};
    snprintf(c.name, sizeof c.name, "%s", name);
    snprintf(c.type, sizeof c.type, "%s", type);
    snprintf(c.kind, sizeof c.kind, "%.*s", (int)strcspn(type, "( "), type);
    snprintf(c.collation, sizeof c.collation, "%s", collation);
    snprintf(c.charset, sizeof c.charset, "%.*s", (int)strcspn(collation, "_"), collation);
    const char *sizes = strchr(type, '(');
    int n = 0, k = 0;
    if (sizes != NULL) {
        sscanf(sizes, "(%d,%d)", &n, &k);
    }
    c.max_chars = strstr(type, "char") != NULL ? n : strstr(type, "text") != NULL ? 65535 : 0;
    if (strcmp(c.kind, "decimal") == 0) {
        c.precision = n;
        c.scale = k;
    }
    c.fraction = strcmp(c.kind, "datetime") == 0 ? n : 0;
    return c;
}

static void a_column_holds_what_is_no_wider(void **state) {
    UNUSED(state);
    static const struct {
        const char *want, *found, *collation;
        bool holds;
    } cases[] = {
        {"varchar(100)", "varchar(100)", "utf8mb4_bin", true},
        {"varchar(100)", "varchar(255)", "utf8mb4_0900_bin", true},
        {"varchar(100)", "text", "utf8mb4_bin", true},
        {"varchar(100)", "varchar(99)", "utf8mb4_bin", false},
        {"varchar(100)", "varchar(100)", "utf8mb4_general_ci", false},
        {"varchar(100)", "varchar(100)", "utf8mb3_bin", false},
        {"varchar(100)", "varchar(100)", "latin1_bin", false},
        {"varchar(100)", "bigint(20)", "", false},
        {"decimal(19,4)", "decimal(19,4)", "", true},
        {"decimal(19,4)", "decimal(30,6)", "", true},
        {"decimal(19,4)", "decimal(19,6)", "", false}, // 13 digits before the point
        {"decimal(19,4)", "decimal(18,4)", "", false},
        {"decimal(19,4)", "decimal(30,2)", "", false},
        {"decimal(19,4)", "decimal(19,4) unsigned", "", false},
        {"decimal(19,4)", "double", "", false},
        {"bigint", "bigint(20)", "", true},
        {"bigint", "bigint", "", true},
        {"bigint", "bigint(20) unsigned", "", false},
        {"bigint", "int(11)", "", false},
        {"int", "int(11)", "", true},
        {"int", "bigint", "", true},
        {"int", "smallint", "", false},
        {"datetime", "datetime", "", true},
        {"datetime", "datetime(6)", "", true},
        {"datetime(3)", "datetime(3)", "", true},
        {"datetime(3)", "datetime", "", false},
        {"datetime(3)", "timestamp(3)", "", false},
        {"date", "date", "", true},
        {"date", "datetime", "", false},
        {"mediumtext", "longtext", "utf8mb4_bin", true},
        {"mediumtext", "text", "utf8mb4_bin", false},
        {"mediumblob", "mediumblob", "", true},
        {"mediumblob", "blob", "", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct found_column c = column("c", cases[i].found, cases[i].collation);
        if (column_holds(cases[i].want, &c) != cases[i].holds) {
            fail_msg("%s in %s %s", cases[i].want, cases[i].found, cases[i].collation);
        }
        c.generated = true;
        assert_false(column_holds(cases[i].want, &c));
    }
}

// --- The projection

struct user_table {
    struct found_column columns[8];
    struct found_table table;
};

static void user_table(struct user_table *t, const char *amount, const char *processed,
                       const char *batch_id, const char *collation) {
    *t = (struct user_table){.table = {.name = PROJECTION_TABLE, .engine = "InnoDB"}};
    t->columns[0] = column("Source", "varchar(100)", collation);
    t->columns[1] = column("state", "varchar(100)", collation);
    t->columns[2] = column("total_sum_amount", amount, "utf8mb4_bin");
    t->columns[3] = column("processed_at", processed, "utf8mb4_bin");
    t->columns[4] = column("batch_id", batch_id, "utf8mb4_bin");
    t->table.columns = t->columns;
    t->table.n_columns = 5;
}

static void add_key(struct user_table *t, const char *name, const char *a, const char *b) {
    struct found_key *key = &t->table.keys[t->table.n_keys++];
    snprintf(key->name, sizeof key->name, "%s", name);
    snprintf(key->columns[key->n++], sizeof key->columns[0], "%s", a);
    if (b != NULL) {
        snprintf(key->columns[key->n++], sizeof key->columns[0], "%s", b);
    }
}

static void types_that_lose_little_are_taken_with_a_note(void **state) {
    UNUSED(state);
    static const struct {
        const char *amount, *processed, *batch_id, *collation, *note; // note NULL: none
    } cases[] = {
        {"decimal(19,4)", "datetime(3)", "bigint(20)", "utf8mb4_bin", NULL},
        {"decimal(30,10)", "varchar(100)", "bigint", "utf8mb4_bin", NULL},
        {"decimal(19,2)", "datetime", "bigint", "utf8mb4_bin", "2 decimals"},
        {"double", "varchar(100)", "int(11)", "utf8mb4_general_ci", "15 digits"},
        {"double", "varchar(100)", "int(11)", "utf8mb4_general_ci", "2147483647"},
        {"float", "varchar(100)", "bigint", "utf8mb4_bin", "6 digits"},
        {"bigint(20)", "varchar(100)", "bigint", "utf8mb4_bin", "whole units"},
        {"varchar(21)", "varchar(100)", "bigint", "utf8mb4_bin", NULL},
        {"double", "timestamp", "bigint", "utf8mb4_bin", "2038"},
        {"double", "date", "bigint", "utf8mb4_bin", "the time is cut"},
        {"double", "bigint", "smallint(6)", "utf8mb4_bin", "32767"},
        {"double", "varchar(100)", "bigint", "latin1_swedish_ci", "latin1"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct user_table t;
        struct projection_plan plan;
        struct error err = {0};
        user_table(&t, cases[i].amount, cases[i].processed, cases[i].batch_id, cases[i].collation);
        if (!projection_plan_make(&t.table, "here", &plan, &err)) {
            fail_msg("%s", err.text);
        }
        assert_false(plan.keyed);
        if (cases[i].note == NULL) {
            assert_string_equal(plan.notes, "");
        } else if (strstr(plan.notes, cases[i].note) == NULL) {
            fail_msg("'%s' does not say '%s'", plan.notes, cases[i].note);
        }
    }
}

static void the_time_is_written_as_the_column_can_hold_it(void **state) {
    UNUSED(state);
    static const struct {
        const char *type;
        enum processed_as as;
    } cases[] = {{"varchar(24)", PROCESSED_RFC3339}, {"varchar(23)", PROCESSED_SECONDS},
                 {"text", PROCESSED_RFC3339},        {"datetime(6)", PROCESSED_DATETIME},
                 {"timestamp", PROCESSED_DATETIME},  {"bigint", PROCESSED_MS}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct user_table t;
        struct projection_plan plan;
        struct error err = {0};
        user_table(&t, "double", cases[i].type, "bigint", "utf8mb4_bin");
        assert_true(projection_plan_make(&t.table, "here", &plan, &err));
        assert_int_equal(plan.processed, cases[i].as);
    }
}

static void types_in_which_a_commit_could_fail_are_refused(void **state) {
    UNUSED(state);
    static const struct {
        const char *amount, *processed, *batch_id, *word;
    } cases[] = {
        {"decimal(18,4)", "datetime", "bigint", "15 digits before the point"},
        {"decimal(10,2)", "datetime", "bigint", "total_sum_amount"},
        {"double unsigned", "datetime", "bigint", "below zero"},
        {"double(10,2)", "datetime", "bigint", "total_sum_amount"},
        {"int(11)", "datetime", "bigint", "total_sum_amount"},
        {"varchar(20)", "datetime", "bigint", "total_sum_amount"},
        {"double", "varchar(18)", "bigint", "processed_at"},
        {"double", "time", "bigint", "processed_at"},
        {"double", "int(11)", "bigint", "processed_at"},
        {"double", "datetime", "tinyint(4)", "batch_id"},
        {"double", "datetime", "varchar(10)", "batch_id"},
        {"double", "datetime", "date", "batch_id"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct user_table t;
        struct projection_plan plan;
        struct error err = {0};
        user_table(&t, cases[i].amount, cases[i].processed, cases[i].batch_id, "utf8mb4_bin");
        if (strstr(cases[i].amount, "double(") != NULL) {
            t.columns[2].scale = 2;
        }
        assert_false(projection_plan_make(&t.table, "here", &plan, &err));
        assert_int_equal(err.cls, ERROR_USAGE);
        says(&err, cases[i].word);
        says(&err, "ALTER TABLE");
    }
}

static void keys_are_used_where_they_tell_every_group_apart(void **state) {
    UNUSED(state);
    struct user_table t;
    struct projection_plan plan;
    struct error err = {0};
    user_table(&t, "double", "datetime", "bigint", "utf8mb4_bin");
    add_key(&t, "PRIMARY", "state", "SOURCE");
    assert_true(projection_plan_make(&t.table, "here", &plan, &err));
    assert_true(plan.keyed);
    user_table(&t, "double", "datetime", "bigint", "utf8mb4_bin");
    t.columns[t.table.n_columns++] = column("id", "bigint", "");
    t.columns[5].nullable = false;
    t.columns[5].has_default = true;
    add_key(&t, "PRIMARY", "id", NULL);
    assert_true(projection_plan_make(&t.table, "here", &plan, &err));
    assert_false(plan.keyed);
    t.columns[5].has_default = false;
    assert_false(projection_plan_make(&t.table, "here", &plan, &err));
    says(&err, "column id");
    user_table(&t, "double", "datetime", "bigint", "utf8mb4_bin");
    add_key(&t, "one", "source", NULL);
    assert_false(projection_plan_make(&t.table, "here", &plan, &err));
    says(&err, "unique key one");
    user_table(&t, "double", "datetime", "bigint", "utf8mb4_bin");
    add_key(&t, "two", "batch_id", NULL);
    assert_false(projection_plan_make(&t.table, "here", &plan, &err));
    user_table(&t, "double", "datetime", "bigint", "utf8mb4_0900_ai_ci");
    add_key(&t, "PRIMARY", "source", "state");
    assert_false(projection_plan_make(&t.table, "here", &plan, &err));
    says(&err, "COLLATE utf8mb4_bin");
}

static void a_table_without_a_column_or_without_transactions_is_refused(void **state) {
    UNUSED(state);
    struct user_table t;
    struct projection_plan plan;
    struct error err = {0};
    user_table(&t, "double", "datetime", "bigint", "utf8mb4_bin");
    t.table.n_columns = 4;
    assert_false(projection_plan_make(&t.table, "here", &plan, &err));
    says(&err, "no column batch_id");
    user_table(&t, "double", "datetime", "bigint", "utf8mb4_bin");
    snprintf(t.table.engine, sizeof t.table.engine, "MyISAM");
    assert_false(projection_plan_make(&t.table, "here", &plan, &err));
    says(&err, "MyISAM");
    user_table(&t, "double", "datetime", "bigint", "utf8mb4_bin");
    t.columns[0] = column("source", "varchar(99)", "utf8mb4_bin");
    assert_false(projection_plan_make(&t.table, "here", &plan, &err));
    says(&err, "column source");
}

// --- Addresses and failures

static void an_address_says_as_whom_and_never_a_password(void **state) {
    UNUSED(state);
    struct mysql_address a;
    struct error err = {0};
    assert_true(mysql_address_read("mysql://u@h1,h2:3307/sales_db", &a, &err));
    assert_int_equal(a.url.n_hosts, 2);
    assert_int_equal(a.url.hosts[0].port, 3306);
    assert_int_equal(a.url.hosts[1].port, 3307);
    static const char *const bad[] = {"mysql://h/db", "mysql://u:secret@h/db", "mysql://u@h",
                                      "mysql://u@h/d`b", "postgres://u@h/db"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(mysql_address_read(bad[i], &a, &err));
        assert_int_equal(err.cls, ERROR_USAGE);
        assert_null(strstr(err.text, "secret"));
    }
}

static void failures_are_sorted_by_what_helps(void **state) {
    UNUSED(state);
    static const struct {
        unsigned number;
        enum mysql_fault fault;
    } cases[] = {
        {2006, MYSQL_FAULT_LOST},  {2013, MYSQL_FAULT_LOST},     {2002, MYSQL_FAULT_LOST},
        {1053, MYSQL_FAULT_LOST},  {1213, MYSQL_FAULT_CONFLICT}, {1205, MYSQL_FAULT_CONFLICT},
        {1040, MYSQL_FAULT_BUSY},  {1021, MYSQL_FAULT_BUSY},     {1290, MYSQL_FAULT_BUSY},
        {1045, MYSQL_FAULT_USAGE}, {1049, MYSQL_FAULT_USAGE},    {1146, MYSQL_FAULT_USAGE},
        {1064, MYSQL_FAULT_FATAL}, {1264, MYSQL_FAULT_FATAL}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(mysql_fault_of(cases[i].number), cases[i].fault);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_statement_is_plain_and_has_a_key),
        cmocka_unit_test(keys_stay_below_the_limit_of_innodb),
        cmocka_unit_test(the_script_has_all_that_setup_makes),
        cmocka_unit_test(a_column_holds_what_is_no_wider),
        cmocka_unit_test(types_that_lose_little_are_taken_with_a_note),
        cmocka_unit_test(the_time_is_written_as_the_column_can_hold_it),
        cmocka_unit_test(types_in_which_a_commit_could_fail_are_refused),
        cmocka_unit_test(keys_are_used_where_they_tell_every_group_apart),
        cmocka_unit_test(a_table_without_a_column_or_without_transactions_is_refused),
        cmocka_unit_test(an_address_says_as_whom_and_never_a_password),
        cmocka_unit_test(failures_are_sorted_by_what_helps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
