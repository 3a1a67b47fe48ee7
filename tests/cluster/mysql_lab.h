// SPDX-License-Identifier: MIT
// For programs that pytest starts with a real MySQL or MariaDB (tests/cluster/test_mysql.py): the
// aggregates on a database of their own, batches made by hand, and questions asked beside them.
//
// The environment says where: SALESTIDE_TEST_MYSQL (through a proxy that breaks connections on
// command) and SALESTIDE_TEST_MYSQL_DIRECT. lab_command("cut_at commit after") asks pytest for a
// break.
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/zone_file.h"
#include "order/zone.h"
#include "store/mysql/mysql_aggregates.h"
#include "store/mysql/mysql_schema.h"
#include "store/mysql/mysql_sql.h"
#include "sums/cube.h"
#include "sums/currency.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define LAB_TOPIC "sales"
#define LAB_NOW_MS INT64_C(1767268800000) // 2026-01-01T12:00:00Z
enum { LAB_MINUTE = (int)(LAB_NOW_MS / 60000), LAB_HOUR = (int)(LAB_NOW_MS / 3600000) };

struct lab {
    struct mysql_address proxied, direct;
    struct mysql_connection *sql; // direct, for questions
    struct zone *zone;
    struct store_settings settings;
};

// One instance: a connection, a cube, a partition.
struct instance {
    struct aggregates *a;
    struct cube *cube;
    struct position_claim claim;
    int32_t partition;
    int64_t next_offset; // -1: new
    struct batch_summary summary;
    struct gross_delta gross;
};

static inline const char *lab_env(const char *name) {
    const char *value = getenv(name);
    if (value == NULL) {
        fail_msg("%s is not set: pytest starts this program, see tests/cluster/test_mysql.py",
                 name);
    }
    return value;
}

static inline void lab_command(const char *command) {
    char answer[16] = "";
    printf("\n@%s\n", command);
    fflush(stdout);
    assert_non_null(fgets(answer, sizeof answer, stdin));
    assert_string_equal(answer, "ok\n");
}

static inline void lab_address(const char *variable, struct mysql_address *out) {
    struct error err = {0};
    if (!mysql_address_read(lab_env(variable), out, &err) ||
        !secret_read("SALESTIDE_MYSQL_PASSWORD", NULL, out->password, &err)) {
        fail_msg("%s", err.text);
    }
}

// Runs a statement on the lab's own connection.
static inline void lab_do(struct lab *lab, const char *sql) {
    struct error err = {0};
    MYSQL_RES *rows = NULL;
    if (mysql_real_query(lab->sql->handle, sql, strlen(sql)) != 0) {
        mysql_failed(lab->sql, sql, &err);
        fail_msg("%s", err.text);
    }
    rows = mysql_store_result(lab->sql->handle);
    mysql_free_result(rows);
}

// All rows as text: columns with |, rows with newlines. Static memory, until the next call.
static inline const char *lab_ask(struct lab *lab, const char *sql) {
    static char out[65536];
    struct error err = {0};
    MYSQL_RES *rows = mysql_ask(lab->sql, text_of(sql), sql, &err);
    if (rows == NULL) {
        fail_msg("%s", err.text);
    }
    size_t n = 0;
    out[0] = '\0';
    MYSQL_ROW row;
    while ((row = mysql_fetch_row(rows)) != NULL && n < sizeof out) {
        n += (size_t)snprintf(out + n, sizeof out - n, "%s", n > 0 ? "\n" : "");
        for (unsigned i = 0; i < mysql_num_fields(rows) && n < sizeof out; i++) {
            n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", i > 0 ? "|" : "",
                                  row[i] != NULL ? row[i] : "NULL");
        }
    }
    mysql_free_result(rows);
    return out;
}

#define ASSERT_ASK(lab, sql, expected) assert_string_equal(lab_ask(lab, sql), expected)

// An empty database, without any table.
static inline void lab_open_empty(struct lab *lab) {
    struct error err = {0};
    *lab = (struct lab){0};
    lab_address("SALESTIDE_TEST_MYSQL", &lab->proxied);
    lab_address("SALESTIDE_TEST_MYSQL_DIRECT", &lab->direct);
    if (!mysql_connection_open(&lab->direct, MYSQL_ROLE_SETUP, 30000, &lab->sql, &err)) {
        fail_msg("%s", err.text);
    }
    char sql[512];
    snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS `%s`", lab->direct.url.path);
    lab_do(lab, sql);
    snprintf(sql, sizeof sql, "CREATE DATABASE `%s`", lab->direct.url.path); // the server's charset
    lab_do(lab, sql);
    assert_int_equal(mysql_select_db(lab->sql->handle, lab->direct.url.path), 0);
    assert_true(zone_open("UTC", &lab->zone, &err));
}

static inline bool lab_try_setup(struct lab *lab, struct error *err) {
    return mysql_schema_prepare(lab->sql, lab->direct.url.path, &lab->settings, err);
}

static inline void lab_open(struct lab *lab) {
    struct error err = {0};
    lab_open_empty(lab);
    if (!lab_try_setup(lab, &err)) {
        fail_msg("setup: %s", err.text);
    }
}

static inline void lab_close(struct lab *lab) {
    mysql_connection_close(lab->sql);
    zone_free(lab->zone);
}

// The machine's clocks, but for what a test adds to each.
static int64_t lab_wall_ahead_ms, lab_monotonic_ahead_ms;
static inline int64_t lab_now_ms(void *user) {
    (void)user;
    return clock_now_ms(clock_system()) + lab_wall_ahead_ms;
}
static inline int64_t lab_monotonic_ns(void *user) {
    (void)user;
    return clock_monotonic_ns(clock_system()) + lab_monotonic_ahead_ms * 1000000;
}
static const struct clock_source lab_clock = {lab_now_ms, lab_monotonic_ns, NULL};

static inline bool lab_try_instance(struct lab *lab, struct instance *in, struct error *err) {
    struct mysql_aggregates_options options = {.address = lab->proxied, .clock = &lab_clock};
    struct store_settings settings;
    *in = (struct instance){.next_offset = -1};
    return mysql_aggregates_open(&options, &in->a, &settings, err);
}

static inline enum store_result lab_claim_as(struct aggregates *a, const char *topic_id,
                                             int32_t partition, int64_t held_epoch_us, bool anew,
                                             struct position_claim *out, bool *lost,
                                             struct error *err) {
    const struct position_wish wish = {{LAB_TOPIC, topic_id}, partition, held_epoch_us, anew};
    enum store_result result = a->ops->claim(a, &wish, out, lost, err);
    free(out->refused);
    out->refused = NULL;
    return result;
}

static inline enum store_result lab_claim(struct aggregates *a, int32_t partition,
                                          int64_t held_epoch_us, struct position_claim *out,
                                          bool *lost, struct error *err) {
    return lab_claim_as(a, "one", partition, held_epoch_us, false, out, lost, err);
}

static inline void instance_claim(struct instance *in, int32_t partition) {
    struct error err = {0};
    bool lost = true;
    in->partition = partition;
    if (lab_claim(in->a, partition, 0, &in->claim, &lost, &err) != STORE_OK) {
        fail_msg("claim: %s", err.text);
    }
    assert_false(lost);
    in->next_offset = in->claim.next_offset;
}

static inline void instance_open(struct lab *lab, struct instance *in, int32_t partition) {
    struct error err = {0};
    if (!lab_try_instance(lab, in, &err)) {
        fail_msg("open: %s", err.text);
    }
    in->cube = mem_must(cube_new(lab->zone, NULL));
    instance_claim(in, partition);
}

static inline void instance_close(struct instance *in) {
    cube_free(in->cube);
    in->a->ops->close(in->a);
}

static inline struct order lab_order(int64_t id, const char *source, const char *state,
                                     int64_t total_e4) {
    return (struct order){.order_id = {id, TEXT_NONE},
                          .customer_id = IDENT_NONE,
                          .product_id = {7, TEXT_NONE},
                          .source = text_of(source),
                          .state = text_of(state),
                          .currency = "USD",
                          .created_ms = LAB_NOW_MS,
                          .quantity = 2,
                          .subtotal_e4 = total_e4,
                          .total_e4 = total_e4};
}

static inline void instance_add(struct instance *in, const struct order *o) {
    assert_int_equal(cube_add(in->cube, o, 0, 0, &(uint32_t){0}), CUBE_OK);
    in->summary.counts.received++;
    in->summary.counts.accepted++;
    in->gross.currency = currency_number(o->currency);
    in->gross.delta_e4 += currency_gross_of(o);
}

// Commits what was added, moving the partition by as many offsets; `more` has what else there is.
static inline enum commit_result
instance_try_commit(struct instance *in, struct aggregates_batch more, struct error *err) {
    int64_t n = in->summary.counts.received;
    struct position_move move = {
        in->partition,      in->next_offset, (in->next_offset < 0 ? 0 : in->next_offset) + n,
        in->claim.epoch_us, in->claim.lane,  {in->next_offset, 0}};
    more.topic = LAB_TOPIC;
    more.moves = &move;
    more.n_moves = 1;
    more.cube = in->cube;
    if (in->gross.delta_e4 > 0) {
        more.gross = &in->gross;
        more.n_gross = 1;
    }
    in->summary.committed_ms = LAB_NOW_MS;
    in->summary.minute_min = in->summary.minute_max = LAB_MINUTE;
    enum commit_result result = in->a->ops->commit(in->a, &more, &in->summary, err);
    if (result == COMMIT_OK) {
        in->next_offset = move.to;
        cube_clear(in->cube);
        in->summary.counts = (struct store_counts){0};
        in->gross.delta_e4 = 0;
    }
    return result;
}

static inline void instance_commit(struct instance *in) {
    struct error err = {0};
    enum commit_result result = instance_try_commit(in, (struct aggregates_batch){0}, &err);
    if (result != COMMIT_OK) {
        fail_msg("commit: %d, %s", (int)result, err.text);
    }
}

static inline void instance_reopen(struct instance *in) {
    struct error err = {0};
    if (in->a->ops->reopen(in->a, &err) != STORE_OK) {
        fail_msg("reopen: %s", err.text);
    }
}

static inline void assert_says(const struct error *err, const char *const *words) {
    assert_null(strchr(err->text, '\n'));
    for (; *words != NULL; words++) {
        if (strstr(err->text, *words) == NULL) {
            fail_msg("'%s' does not say '%s'", err->text, *words);
        }
    }
}
#define ASSERT_SAYS(err, ...) assert_says(err, (const char *const[]){__VA_ARGS__, NULL})

// main: all tests, or the one whose name is given.
#define LAB_MAIN(tests)                                                                            \
    int main(int argc, char **argv) {                                                              \
        if (argc > 1) {                                                                            \
            cmocka_set_test_filter(argv[1]);                                                       \
        }                                                                                          \
        return cmocka_run_group_tests(tests, NULL, NULL);                                          \
    }
