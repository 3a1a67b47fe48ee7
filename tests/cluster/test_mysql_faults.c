// SPDX-License-Identifier: MIT
// What breaks while a batch is committed: connections, locks, the server's patience. After each the
// batch counts exactly once.
#include "mysql_lab.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void add_one(struct instance *in, int64_t id) {
    struct order o = lab_order(id, "A", "TX", 10000);
    instance_add(in, &o);
}

static enum commit_result try_commit(struct instance *in, struct error *err) {
    return instance_try_commit(in, (struct aggregates_batch){0}, err);
}

// What the owner learns by claiming again after a failure.
static struct position_claim claim_again(struct instance *in) {
    struct position_claim claim;
    struct error err = {0};
    bool lost = true;
    assert_int_equal(lab_claim(in->a, in->partition, in->claim.epoch_us, &claim, &lost, &err),
                     STORE_OK);
    assert_false(lost);
    return claim;
}

static void expect_orders(struct lab *lab, const char *n) {
    ASSERT_ASK(lab, "SELECT orders FROM sales_totals", n);
    ASSERT_ASK(lab, "SELECT received FROM pipeline_state", n);
    ASSERT_ASK(lab, "SELECT next_offset FROM pipeline_positions", n);
    ASSERT_ASK(lab, "SELECT SUM(received) FROM pipeline_batches", n);
}

static void a_connection_cut_before_commit_has_stored_nothing(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    struct error err = {0};
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    add_one(&in, 1);
    instance_commit(&in);
    static const char *const places[] = {"cut_at start transaction before",
                                         "cut_at insert into sales_totals after",
                                         "cut_at insert into pipeline_batches before"};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        add_one(&in, 2);
        lab_command(places[i]);
        assert_int_equal(try_commit(&in, &err), COMMIT_RETRY);
        assert_int_equal(err.cls, ERROR_RETRIABLE);
        assert_int_equal(try_commit(&in, &err), COMMIT_RETRY); // down until reopen
        instance_reopen(&in);
        struct position_claim claim = claim_again(&in);
        assert_int_equal(claim.next_offset, 1);
        in.claim = claim;
        cube_clear(in.cube);
        in.summary.counts = (struct store_counts){0};
        in.gross.delta_e4 = 0;
    }
    expect_orders(&lab, "1");
    add_one(&in, 2);
    instance_commit(&in);
    expect_orders(&lab, "2");
    instance_close(&in);
    lab_close(&lab);
}

static void commit_in_doubt(const char *cut, int64_t next_offset) {
    struct lab lab;
    struct instance in;
    struct error err = {0};
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    add_one(&in, 1);
    lab_command(cut);
    assert_int_equal(try_commit(&in, &err), COMMIT_DOUBT);
    instance_reopen(&in);
    struct position_claim claim = claim_again(&in);
    assert_int_equal(claim.next_offset, next_offset);
    struct aggregates_state now;
    in.a->ops->state(in.a, &now);
    assert_int_equal(now.last_batch_id, next_offset == 1 ? 1 : 0);
    in.claim = claim;
    if (next_offset != 1) { // the same again
        assert_int_equal(try_commit(&in, &err), COMMIT_OK);
    }
    lab_command("expect warn store: connection lost: committing a batch at");
    expect_orders(&lab, "1");
    instance_close(&in);
    lab_close(&lab);
}

static void a_commit_that_was_carried_out_without_an_answer_is_found_by_claiming(void **state) {
    UNUSED(state);
    commit_in_doubt("cut_at \\x03commit after", 1);
}

static void a_commit_that_never_arrived_is_found_by_claiming(void **state) {
    UNUSED(state);
    commit_in_doubt("cut_at \\x03commit before", -1);
}

static void a_claim_without_an_answer_is_known_as_ones_own(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    struct error err = {0};
    struct position_claim claim;
    bool lost = false;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    add_one(&in, 1);
    instance_commit(&in);
    lab_command("cut_at \\x03commit after");
    assert_int_equal(lab_claim(in.a, 0, in.claim.epoch_us, &claim, &lost, &err), STORE_RETRY);
    instance_reopen(&in);
    in.claim = claim_again(&in); // with the epoch from before
    add_one(&in, 2);
    instance_commit(&in);
    expect_orders(&lab, "2");
    instance_close(&in);
    lab_close(&lab);
}

// A claim of a partition whose COMMIT is cut before or after the server has it; then the connection
// is opened again.
static void claim_unanswered(struct instance *in, const char *cut, int64_t held_epoch_us) {
    struct position_claim claim;
    struct error err = {0};
    bool lost = false;
    lab_command(cut);
    assert_int_equal(lab_claim(in->a, 0, held_epoch_us, &claim, &lost, &err), STORE_RETRY);
    instance_reopen(in);
}

static void a_claim_without_an_answer_is_known_after_another_partition_was_claimed(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    struct position_claim other;
    struct error err = {0};
    bool lost = true;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    add_one(&in, 1);
    instance_commit(&in);
    claim_unanswered(&in, "cut_at \\x03commit after", in.claim.epoch_us);
    assert_int_equal(lab_claim(in.a, 1, 0, &other, &lost, &err), STORE_OK);
    in.claim = claim_again(&in); // with the epoch from before
    add_one(&in, 2);
    instance_commit(&in);
    ASSERT_ASK(&lab, "SELECT orders FROM sales_totals", "2");
    instance_close(&in);
    lab_close(&lab);
}

static void a_claim_without_an_answer_is_known_after_one_that_did_not_arrive(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    add_one(&in, 1);
    instance_commit(&in);
    claim_unanswered(&in, "cut_at \\x03commit after", in.claim.epoch_us);
    claim_unanswered(&in, "cut_at \\x03commit before", in.claim.epoch_us);
    in.claim = claim_again(&in); // with the epoch from before both
    add_one(&in, 2);
    instance_commit(&in);
    expect_orders(&lab, "2");
    instance_close(&in);
    lab_close(&lab);
}

static void a_connection_that_the_server_closed_while_idle_is_opened_again(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    add_one(&in, 1);
    instance_commit(&in);
    lab_command("cut");
    sleep(6); // past the time after which a connection is asked first
    add_one(&in, 2);
    instance_commit(&in);
    expect_orders(&lab, "2");
    instance_close(&in);
    lab_close(&lab);
}

// --- Locks

struct committer {
    struct instance *in;
    enum commit_result result;
    struct error err;
};

static void *commit_in_thread(void *user) {
    struct committer *c = user;
    c->result = try_commit(c->in, &c->err);
    return NULL;
}

// Until the server shows a transaction that waits for a lock. MySQL keeps what it shows for as long
// as it is asked more than ten times a second.
static void wait_for_a_waiter(struct lab *lab) {
    for (int i = 0; i < 25; i++) {
        if (strcmp(lab_ask(lab, "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE "
                                "trx_state = 'LOCK WAIT'"),
                   "0") != 0) {
            return;
        }
        nanosleep(&(struct timespec){0, 200000000}, NULL);
    }
    fail_msg("nobody waits for a lock");
}

static void a_deadlock_is_tried_again_and_counts_once(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    pthread_t thread;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    add_one(&in, 1);
    instance_commit(&in);
    lab_do(&lab, "CREATE TABLE weight (id INT PRIMARY KEY)");
    // The other session has changed more rows, so the server ends ours.
    lab_do(&lab, "START TRANSACTION");
    for (int i = 0; i < 50; i++) {
        char sql[600];
        size_t n = (size_t)snprintf(sql, sizeof sql, "INSERT INTO weight VALUES ");
        for (int k = 0; k < 40; k++) {
            n += (size_t)snprintf(sql + n, sizeof sql - n, "%s(%d)", k > 0 ? "," : "", i * 40 + k);
        }
        lab_do(&lab, sql);
    }
    lab_do(&lab, "UPDATE pipeline_state SET id = id WHERE id = 1");
    lab_do(&lab, "SELECT * FROM pipeline_state WHERE id = 1 FOR UPDATE");
    add_one(&in, 2);
    struct committer c = {.in = &in};
    assert_int_equal(pthread_create(&thread, NULL, commit_in_thread, &c), 0);
    struct lab other = lab; // another connection, to look
    struct error err = {0};
    assert_true(mysql_connection_open(&lab.direct, MYSQL_ROLE_READER, 30000, &other.sql, &err));
    wait_for_a_waiter(&other);
    lab_do(&lab, "UPDATE sales_totals SET orders = orders WHERE currency = 'USD'"); // the cycle
    lab_do(&lab, "COMMIT");
    pthread_join(thread, NULL);
    if (c.result != COMMIT_OK) {
        fail_msg("%d: %s", (int)c.result, c.err.text);
    }
    lab_command("expect (1213); trying the batch again");
    expect_orders(&lab, "2");
    mysql_connection_close(other.sql);
    instance_close(&in);
    lab_close(&lab);
}

static void a_lock_wait_that_times_out_is_tried_again_and_counts_once(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    pthread_t thread;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    add_one(&in, 1);
    instance_commit(&in);
    lab_do(&lab, "START TRANSACTION");
    lab_do(&lab, "SELECT * FROM sales_totals FOR UPDATE");
    add_one(&in, 2);
    struct committer c = {.in = &in};
    assert_int_equal(pthread_create(&thread, NULL, commit_in_thread, &c), 0);
    sleep(7); // longer than one wait of five seconds
    lab_do(&lab, "ROLLBACK");
    pthread_join(thread, NULL);
    if (c.result != COMMIT_OK) {
        fail_msg("%d: %s", (int)c.result, c.err.text);
    }
    lab_command("expect (1205); trying the batch again");
    expect_orders(&lab, "2");
    instance_close(&in);
    lab_close(&lab);
}

struct claimer {
    struct instance *in;
    struct position_claim claim;
    enum store_result result;
    bool lost;
};

static void *claim_in_thread(void *user) {
    struct claimer *c = user;
    struct error err = {0};
    c->result = lab_claim(c->in->a, 0, 0, &c->claim, &c->lost, &err);
    return NULL;
}

static void a_claim_waits_for_a_commit_in_flight(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in, heir;
    pthread_t committing, claiming;
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    instance_open(&lab, &heir, 1);
    lab_do(&lab, "START TRANSACTION"); // holds the commit up, after it has moved its position
    lab_do(&lab, "SELECT * FROM pipeline_state FOR UPDATE");
    add_one(&in, 1);
    struct committer c = {.in = &in};
    assert_int_equal(pthread_create(&committing, NULL, commit_in_thread, &c), 0);
    struct lab other = lab;
    struct error err = {0};
    assert_true(mysql_connection_open(&lab.direct, MYSQL_ROLE_READER, 30000, &other.sql, &err));
    wait_for_a_waiter(&other);
    struct claimer k = {.in = &heir};
    assert_int_equal(pthread_create(&claiming, NULL, claim_in_thread, &k), 0);
    nanosleep(&(struct timespec){0, 300000000}, NULL);
    lab_do(&lab, "COMMIT");
    pthread_join(committing, NULL);
    pthread_join(claiming, NULL);
    assert_int_equal(c.result, COMMIT_OK);
    assert_int_equal(k.result, STORE_OK);
    assert_int_equal(k.claim.next_offset, 1); // not -1: it has seen the commit
    mysql_connection_close(other.sql);
    instance_close(&in);
    instance_close(&heir);
    lab_close(&lab);
}

// A process of its own that commits one order to partition 0; its exit code is the result.
static pid_t start_committer(struct lab *lab) {
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct instance in;
        struct error err = {0};
        instance_open(lab, &in, 0);
        add_one(&in, 1);
        _exit((int)try_commit(&in, &err));
    }
    return child;
}

static void full_a_process_that_stands_still_loses_its_locks_and_its_batch(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance heir;
    int status;
    lab_open(&lab);
    instance_open(&lab, &heir, 1);
    lab_do(&lab, "START TRANSACTION"); // holds the commit up in its middle
    lab_do(&lab, "SELECT * FROM pipeline_state FOR UPDATE");
    pid_t child = start_committer(&lab);
    struct lab other = lab;
    struct error err = {0};
    assert_true(mysql_connection_open(&lab.direct, MYSQL_ROLE_READER, 30000, &other.sql, &err));
    wait_for_a_waiter(&other);
    assert_int_equal(kill(child, SIGSTOP), 0);
    lab_do(&lab, "COMMIT"); // the lock is the child's now, and it does not move
    struct claimer k = {.in = &heir};
    for (int i = 0; i < 3 && k.claim.epoch_us == 0; i++) { // the heir waits and asks again
        claim_in_thread(&k);
        if (k.result != STORE_OK) {
            k.claim.epoch_us = 0;
        }
    }
    assert_int_equal(k.result, STORE_OK);
    assert_int_equal(k.claim.next_offset, -1);
    heir.partition = 0;
    heir.claim = k.claim;
    heir.next_offset = -1;
    add_one(&heir, 1);
    instance_commit(&heir);
    assert_int_equal(kill(child, SIGCONT), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), COMMIT_RETRY);
    ASSERT_ASK(&lab, "SELECT orders FROM sales_totals", "1");
    ASSERT_ASK(&lab, "SELECT received FROM pipeline_state", "1");
    mysql_connection_close(other.sql);
    instance_close(&heir);
    lab_close(&lab);
}

static void a_server_that_is_away_is_a_failure_that_may_pass(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    struct error err = {0};
    lab_open(&lab);
    instance_open(&lab, &in, 0);
    lab_command("refuse");
    lab_command("cut");
    add_one(&in, 1);
    assert_int_equal(try_commit(&in, &err), COMMIT_RETRY);
    assert_int_equal(in.a->ops->reopen(in.a, &err), STORE_RETRY);
    ASSERT_SAYS(&err, "connecting", "127.0.0.1");
    struct aggregates *a;
    struct mysql_aggregates_options options = {.address = lab.proxied, .clock = clock_system()};
    struct store_settings settings;
    assert_false(mysql_aggregates_open(&options, &a, &settings, &err));
    assert_int_equal(err.cls, ERROR_RETRIABLE);
    // With a second host it goes on there.
    options.address.url.hosts[1] = lab.direct.url.hosts[0];
    options.address.url.n_hosts = 2;
    assert_true(mysql_aggregates_open(&options, &a, &settings, &err));
    a->ops->close(a);
    lab_command("accept");
    instance_reopen(&in);
    in.claim = claim_again(&in);
    assert_int_equal(try_commit(&in, &err), COMMIT_OK);
    expect_orders(&lab, "1");
    instance_close(&in);
    lab_close(&lab);
}

static void a_server_that_may_lose_commits_is_told_about_at_the_start(void **state) {
    UNUSED(state);
    struct lab lab;
    struct instance in;
    lab_open(&lab);
    lab_command("sql SET GLOBAL innodb_flush_log_at_trx_commit = 2");
    instance_open(&lab, &in, 0);
    lab_command("sql SET GLOBAL innodb_flush_log_at_trx_commit = 1");
    lab_command("expect warn store: mysql://");
    lab_command("expect has innodb_flush_log_at_trx_commit = 2: a power failure");
    instance_close(&in);
    lab_close(&lab);
}

// clang-format off
static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_connection_cut_before_commit_has_stored_nothing),
    cmocka_unit_test(a_commit_that_was_carried_out_without_an_answer_is_found_by_claiming),
    cmocka_unit_test(a_commit_that_never_arrived_is_found_by_claiming),
    cmocka_unit_test(a_claim_without_an_answer_is_known_as_ones_own),
    cmocka_unit_test(a_claim_without_an_answer_is_known_after_another_partition_was_claimed),
    cmocka_unit_test(a_claim_without_an_answer_is_known_after_one_that_did_not_arrive),
    cmocka_unit_test(a_connection_that_the_server_closed_while_idle_is_opened_again),
    cmocka_unit_test(a_deadlock_is_tried_again_and_counts_once),
    cmocka_unit_test(a_lock_wait_that_times_out_is_tried_again_and_counts_once),
    cmocka_unit_test(a_claim_waits_for_a_commit_in_flight),
    cmocka_unit_test(full_a_process_that_stands_still_loses_its_locks_and_its_batch),
    cmocka_unit_test(a_server_that_is_away_is_a_failure_that_may_pass),
    cmocka_unit_test(a_server_that_may_lose_commits_is_told_about_at_the_start),
};
// clang-format on
LAB_MAIN(tests)
