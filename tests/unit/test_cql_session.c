// SPDX-License-Identifier: MIT
// The CQL client against a server that is well or badly behaved (fake_cql_server.h). Time-outs are
// short here; what is tested is that they end, not how fast.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "cql/cql_session_internal.h"
#include "fake_cql_server.h"
#include <netdb.h>
#include <signal.h>
#include <sys/wait.h>

static struct fake_cql *server, *second;
static struct url_host contacts[2];
static struct cql_options options;
static struct cql_session *session;
static struct cql_statement *insert;
static struct error err;

// A resolver that is played: "two.test" has two addresses, 127.0.0.2 first. It stands in for the
// system's in this program.
static struct sockaddr_in played_names[2];
static struct addrinfo played[2];

int getaddrinfo(const char *restrict host, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict out) {
    bool two = strcmp(host, "two.test") == 0;
    for (size_t i = 0; i < 2; i++) {
        played_names[i] = (struct sockaddr_in){
            .sin_family = AF_INET,
            .sin_port = htons((uint16_t)strtol(service, NULL, 10)),
            .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (two && i == 0 ? 1 : 0))};
        played[i] = (struct addrinfo){.ai_family = AF_INET,
                                      .ai_socktype = hints->ai_socktype,
                                      .ai_addr = (struct sockaddr *)&played_names[i],
                                      .ai_addrlen = sizeof played_names[i],
                                      .ai_next = two && i == 0 ? &played[1] : NULL};
    }
    *out = &played[0];
    return 0;
}

void freeaddrinfo(struct addrinfo *all) {
    UNUSED(all);
}

static int set_up(void **state) {
    UNUSED(state);
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_ERROR);
    server = fake_new();
    second = NULL;
    cql_options_default(&options);
    options.contacts = contacts;
    options.n_contacts = 1;
    options.in_flight_max = 16;
    options.connect_timeout_ms = 2000;
    options.request_timeout_ms = 300;
    options.give_up_ms = options.down_give_up_ms = 20000; // of those that end well
    options.backoff_min_ms = 10;
    options.backoff_max_ms = 50;
    contacts[0] = (struct url_host){"127.0.0.1", server->port};
    return 0;
}

static int tear_down(void **state) {
    UNUSED(state);
    cql_session_close(session);
    session = NULL;
    fake_stop(server);
    if (second != NULL) {
        fake_stop(second);
    }
    mem_set_fail_hook(NULL, NULL);
    return 0;
}

static void give_up_soon(void) {
    options.give_up_ms = 700;
}

static void open_session(void) {
    fake_start(server);
    if (!cql_session_open(&options, &session, &err)) {
        fail_msg("%s", err.text);
    }
    if (cql_prepare(session, "INSERT INTO t (id, n) VALUES (?, ?)", &insert, &err) != STORE_OK) {
        fail_msg("%s", err.text);
    }
}

static bool put_row(int i) {
    struct cql_values *v = cql_begin(session, insert, 1700000000000000 + i);
    cql_put_text(v, TEXT_LIT("an id"));
    cql_put_i64(v, i);
    return cql_execute(session);
}

static enum store_result put_rows(int n) {
    for (int i = 0; i < n && put_row(i); i++) {
    }
    return cql_flush(session, &err);
}

static void rows_are_answered_many_at_a_time_and_in_any_order(void **state) {
    UNUSED(state);
    atomic_store(&server->backwards, true);
    options.request_timeout_ms = 20000; // on a busy machine too each row is sent once
    open_session();
    assert_int_equal(cql_statement_values(insert), 2);
    assert_int_equal(cql_statement_type(insert, 1), CQL_BIGINT);
    assert_int_equal(put_rows(500), STORE_OK);
    assert_int_equal(atomic_load(&server->n_good), 500);
    assert_int_equal(atomic_load(&server->n_prepares), 1);
    assert_int_equal(cql_flush(session, &err), STORE_OK);
}

static void an_execute_carries_values_and_the_timestamp_as_documented(void **state) {
    UNUSED(state);
    open_session();
    assert_int_equal(put_rows(1), STORE_OK);
    assert_int_equal(server->last_timestamp_us, 1700000000000000);
    static const unsigned char expected[] = {0,   6, 0x21, 0, 2, 0, 0, 0, 5, 'a', 'n', ' ', 'i',
                                             'd', 0, 0,    0, 8, 0, 0, 0, 0, 0,   0,   0,   0};
    assert_int_equal(server->last_values.len, sizeof expected + 8);
    assert_memory_equal(server->last_values.at, expected, sizeof expected);
}

static void a_login_sends_the_name_and_password(void **state) {
    UNUSED(state);
    server->user = "shop";
    server->password = "p\xC3\xA4ss word";
    options.user = "shop";
    options.password = "p\xC3\xA4ss word";
    open_session();
    assert_string_equal(server->last_user, "shop");
    assert_int_equal(put_rows(3), STORE_OK);
}

static void a_wrong_password_is_fatal_and_said_so(void **state) {
    UNUSED(state);
    server->user = "shop";
    server->password = "right";
    options.user = "shop";
    options.password = "wrong";
    fake_start(server);
    assert_false(cql_session_open(&options, &session, &err));
    assert_int_equal(err.cls, ERROR_FATAL);
    assert_non_null(strstr(err.text, "BAD_CREDENTIALS"));
    assert_null(strstr(err.text, "wrong"));
}

static void a_server_that_wants_a_password_is_not_silently_given_none(void **state) {
    UNUSED(state);
    server->user = "shop";
    server->password = "right";
    fake_start(server);
    assert_false(cql_session_open(&options, &session, &err));
    assert_int_equal(err.cls, ERROR_FATAL);
    assert_non_null(strstr(err.text, "user name and password"));
}

static void a_server_without_version_4_is_refused(void **state) {
    UNUSED(state);
    server->versions = "5/v5";
    fake_start(server);
    assert_false(cql_session_open(&options, &session, &err));
    assert_int_equal(err.cls, ERROR_FATAL);
    assert_non_null(strstr(err.text, "version 4"));
}

static void what_is_not_cassandra_is_refused(void **state) {
    UNUSED(state);
    // Nobody answers at all: the listener accepts, its thread was not started.
    options.connect_timeout_ms = 100;
    assert_false(cql_session_open(&options, &session, &err));
    assert_int_equal(err.cls, ERROR_RETRIABLE);
    assert_non_null(strstr(err.text, "no answer in time"));
    fake_start(server);
}

static void an_unprepared_statement_is_prepared_again(void **state) {
    UNUSED(state);
    atomic_store(&server->id_changes, true);
    open_session();
    assert_int_equal(put_rows(5), STORE_OK);
    atomic_store(&server->unprepared, 1000);
    assert_int_equal(put_rows(40), STORE_OK);
    assert_int_equal(atomic_load(&server->n_good), 45);
    assert_true(atomic_load(&server->n_prepares) >= 2);
    assert_true(atomic_load(&server->n_prepares) <= 4);
}

static void an_overloaded_server_is_asked_again_more_slowly(void **state) {
    UNUSED(state);
    open_session();
    static const int codes[] = {CQL_OVERLOADED, CQL_WRITE_TIMEOUT, CQL_UNAVAILABLE,
                                CQL_READ_TIMEOUT};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        atomic_store(&server->error_code, codes[i]);
        atomic_store(&server->n_errors, 20);
        atomic_store(&server->n_good, 0);
        assert_int_equal(put_rows(60), STORE_OK);
        assert_int_equal(atomic_load(&server->n_good), 60);
    }
    assert_int_equal(atomic_load(&server->n_connections), 1);
}

static void a_server_overloaded_for_ever_ends_in_retry(void **state) {
    UNUSED(state);
    give_up_soon();
    open_session();
    atomic_store(&server->error_code, CQL_OVERLOADED);
    atomic_store(&server->n_errors, INT32_MAX);
    assert_int_equal(put_rows(60), STORE_RETRY);
    assert_non_null(strstr(err.text, "OVERLOADED"));
    assert_non_null(strstr(err.text, "outcome is not known"));
    assert_int_equal(err.cls, ERROR_RETRIABLE);
    atomic_store(&server->n_errors, 0);
    assert_int_equal(put_rows(60), STORE_OK); // the session goes on
}

static void a_refused_request_is_an_error_and_the_others_are_answered(void **state) {
    UNUSED(state);
    open_session();
    atomic_store(&server->error_code, CQL_INVALID);
    atomic_store(&server->n_errors, 1);
    for (int i = 0; i < 10; i++) {
        (void)!put_row(i);
    }
    assert_int_equal(cql_flush(session, &err), STORE_ERROR);
    assert_int_equal(err.cls, ERROR_FATAL);
    assert_non_null(strstr(err.text, "INVALID: as the test asked"));
    assert_int_equal(put_rows(10), STORE_OK);
}

static void warnings_payload_and_tracing_ids_are_skipped(void **state) {
    UNUSED(state);
    atomic_store(&server->extras, true);
    open_session();
    assert_int_equal(put_rows(100), STORE_OK);
    assert_int_equal(atomic_load(&server->n_good), 100);
}

static void a_silent_server_ends_in_retry_with_counts(void **state) {
    UNUSED(state);
    give_up_soon();
    open_session();
    atomic_store(&server->silent_after, 5);
    assert_int_equal(put_rows(12), STORE_RETRY);
    assert_non_null(strstr(err.text, "5 requests were answered, of 7 the outcome is not known"));
    atomic_store(&server->silent_after, -1);
    assert_int_equal(put_rows(12), STORE_OK);
}

static void a_server_that_is_gone_ends_in_retry(void **state) {
    UNUSED(state);
    give_up_soon();
    open_session();
    assert_int_equal(put_rows(3), STORE_OK);
    fake_stop(server);
    assert_int_equal(put_rows(12), STORE_RETRY);
    assert_non_null(strstr(err.text, "0 requests were answered, of 12"));
    server = fake_new();
    fake_start(server);
}

static void a_closed_connection_is_opened_again_and_all_is_sent_again(void **state) {
    UNUSED(state);
    open_session();
    atomic_store(&server->close_once, true);
    atomic_store(&server->close_after, 30);
    for (int i = 0; i < 100; i++) {
        assert_true(put_row(i));
    }
    assert_int_equal(cql_flush(session, &err), STORE_OK);
    assert_int_equal(atomic_load(&server->close_after), -1); // it did close
    assert_true(atomic_load(&server->n_good) >= 100);
    assert_true(atomic_load(&server->n_prepares) >= 1);
}

static void the_next_contact_point_takes_over(void **state) {
    UNUSED(state);
    second = fake_new();
    memset(second->id, 'z', sizeof second->id); // knows no statement yet
    contacts[1] = (struct url_host){"127.0.0.1", second->port};
    options.n_contacts = 2;
    atomic_store(&server->close_after, 20);
    fake_start(second);
    open_session();
    assert_int_equal(put_rows(100), STORE_OK);
    assert_int_equal(atomic_load(&second->n_prepares), 1);
    assert_true(atomic_load(&second->n_good) >= 80);
    assert_true(atomic_load(&server->n_good) + atomic_load(&second->n_good) >= 100);
}

static void a_dead_first_contact_point_does_not_matter(void **state) {
    UNUSED(state);
    struct fake_cql *dead = fake_new();
    contacts[1] = contacts[0];
    contacts[0] = (struct url_host){"127.0.0.1", dead->port};
    fake_start(dead);
    fake_stop(dead);
    options.n_contacts = 2;
    open_session();
    assert_int_equal(put_rows(10), STORE_OK);
}

// A listener at 127.0.0.2 that never answers; with_backlog: it takes connections, else the one that
// fills its queue is in *filler and others get no answer at all.
static int deaf_listener(uint16_t port, bool with_backlog, int *filler) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, with_backlog ? 8 : 0), 0);
    *filler = -1;
    if (!with_backlog) {
        *filler = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(*filler, (struct sockaddr *)&a, sizeof a), 0);
    }
    return fd;
}

static void expect_the_second_address_in_one_try(bool with_backlog) {
    int filler, deaf = deaf_listener(server->port, with_backlog, &filler);
    snprintf(contacts[0].name, sizeof contacts[0].name, "two.test");
    options.connect_timeout_ms = 1000;
    open_session();
    assert_int_equal(put_rows(10), STORE_OK);
    assert_int_equal(atomic_load(&server->n_connections), 1);
    close(deaf);
    if (filler >= 0) {
        close(filler);
    }
}

static void a_dead_first_address_of_a_name_leaves_the_others_their_time(void **state) {
    UNUSED(state);
    expect_the_second_address_in_one_try(false);
}

static void a_silent_first_address_of_a_name_leaves_the_others_their_time(void **state) {
    UNUSED(state);
    expect_the_second_address_in_one_try(true);
}

static void the_addresses_of_a_name_have_one_deadline_together(void **state) {
    UNUSED(state);
    int filler, deaf = deaf_listener(server->port, true, &filler);
    snprintf(contacts[0].name, sizeof contacts[0].name, "two.test");
    options.connect_timeout_ms = 200; // the server's thread was not started: silent as well
    int64_t from_ns = cql_now_ns();
    assert_false(cql_session_open(&options, &session, &err));
    assert_true(cql_now_ns() - from_ns >= 190 * INT64_C(1000000));
    assert_int_equal(err.cls, ERROR_RETRIABLE);
    assert_non_null(strstr(err.text, "127.0.0.1: no answer in time"));
    close(deaf);
    fake_start(server);
}

// --- States of a request

static int signal_of_move(enum cql_request_state from, enum cql_request_state to) {
    struct cql_session *s = session;
    struct cql_request *r = &s->requests[0];
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        r->state.now = (uint8_t)from;
        cql_request_move(r, to);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void a_request_makes_only_the_moves_of_its_table(void **state) {
    UNUSED(state);
    open_session();
    static const uint32_t moves[REQUEST_STATES] = {
        [REQUEST_FREE] = STATE_BIT(REQUEST_OPEN),
        [REQUEST_OPEN] = STATE_BIT(REQUEST_QUEUED) | STATE_BIT(REQUEST_FREE),
        [REQUEST_QUEUED] =
            STATE_BIT(REQUEST_SENT) | STATE_BIT(REQUEST_FREE) | STATE_BIT(REQUEST_DONE),
        [REQUEST_SENT] =
            STATE_BIT(REQUEST_QUEUED) | STATE_BIT(REQUEST_FREE) | STATE_BIT(REQUEST_DONE),
        [REQUEST_DONE] = STATE_BIT(REQUEST_FREE)};
    for (uint8_t from = 0; from < REQUEST_STATES; from++) {
        assert_int_equal(cql_request_table.rows[from].moves, moves[from]);
    }
    assert_int_equal(signal_of_move(REQUEST_FREE, REQUEST_OPEN), 0);
    assert_int_equal(signal_of_move(REQUEST_FREE, REQUEST_SENT), SIGABRT);
    assert_int_equal(signal_of_move(REQUEST_DONE, REQUEST_QUEUED), SIGABRT);
}

static void what_must_hold_of_a_request_is_looked_at(void **state) {
    UNUSED(state);
    open_session();
    struct cql_request *r = &session->requests[0];
    const struct state_table *t = &cql_request_table;
    assert_true(t->holds(r, REQUEST_FREE));
    assert_false(t->holds(r, REQUEST_DONE)); // only the control request
    r->statement = insert;
    assert_false(t->holds(r, REQUEST_FREE));
    r->sent_ns = 1;
    assert_true(t->holds(r, REQUEST_SENT));
    session->connection.open = false;
    assert_false(t->holds(r, REQUEST_SENT));
    session->connection.open = true;
    r->statement = NULL;
    session->n_sent++; // a count that drifts
    assert_false(t->holds(r, REQUEST_FREE));
    session->n_sent--;
    session->queue_head = session->queue_tail = 0; // a free one in the queue
    assert_false(t->holds(r, REQUEST_FREE));
    session->queue_head = session->queue_tail = NO_REQUEST;
    assert_int_equal(put_rows(5), STORE_OK);
}

static void instants_of_giving_up_hold_while_nobody_listens(void **state) {
    UNUSED(state);
    give_up_soon();
    open_session();
    fake_stop(server);
    struct cql_statement *other;
    assert_int_equal(cql_prepare(session, "INSERT", &other, &err), STORE_RETRY);
    assert_int_equal(cql_flush(session, &err), STORE_OK); // nothing was on its way
    server = fake_new();
    fake_start(server);
}

// --- Answers that lie

static void expect_lost(const void *raw, size_t n_bytes) {
    give_up_soon();
    server->raw = raw;
    server->raw_bytes = n_bytes;
    open_session();
    assert_int_equal(put_rows(3), STORE_RETRY);
    assert_true(atomic_load(&server->n_connections) > 1);
}

static void a_frame_that_claims_too_much_ends_the_connection(void **state) {
    UNUSED(state);
    static const unsigned char raw[] = {0x84, 0, 0, 0, CQL_RESULT, 0x7F, 0xFF, 0xFF, 0xFF};
    expect_lost(raw, sizeof raw);
    assert_non_null(strstr(err.text, "256 MiB"));
}

static void a_frame_that_never_ends_is_given_up(void **state) {
    UNUSED(state);
    static const unsigned char raw[] = {0x84, 0, 0, 0, CQL_RESULT, 0, 0x10, 0, 0, 0, 0};
    expect_lost(raw, sizeof raw);
}

static void a_body_shorter_than_its_content_ends_the_connection(void **state) {
    UNUSED(state);
    static const unsigned char raw[] = {0x84, 0x08, 0, 0, CQL_RESULT, 0, 0, 0, 4, 0, 9, 0, 1};
    expect_lost(raw, sizeof raw);
    assert_non_null(strstr(err.text, "longer than the frame"));
}

static void another_protocol_ends_the_connection(void **state) {
    UNUSED(state);
    expect_lost("HTTP/1.1 400 Bad Request\r\n\r\n", 28);
    assert_non_null(strstr(err.text, "not the CQL protocol"));
}

static void only_the_right_kind_of_result_is_success(void **state) {
    UNUSED(state);
    give_up_soon();
    server->wrong_kind = CQL_RESULT_SET_KEYSPACE;
    open_session();
    assert_int_equal(put_rows(3), STORE_RETRY);
    assert_non_null(strstr(err.text, "not of the kind"));
}

static void an_answer_nobody_asked_for_ends_the_connection(void **state) {
    UNUSED(state);
    give_up_soon();
    server->stream_shift = 9;
    open_session();
    assert_int_equal(put_rows(3), STORE_RETRY);
    assert_non_null(strstr(err.text, "not made"));
}

static void a_ready_frame_is_no_answer_to_an_execute(void **state) {
    UNUSED(state);
    static const unsigned char raw[] = {0x84, 0, 0, 0, CQL_READY, 0, 0, 0, 0};
    expect_lost(raw, sizeof raw);
    assert_non_null(strstr(err.text, "neither"));
}

// --- Rows

struct seen {
    size_t n, stop_at;
    int64_t sum;
    size_t tags;
};

static bool see_row(void *user, size_t tag, const struct text *cells, size_t n) {
    struct seen *seen = user;
    int64_t v;
    assert_int_equal(n, 2);
    assert_int_equal(cells[0].len, 2);
    assert_true(cql_cell_int(cells[1], &v));
    seen->sum += v;
    seen->tags += tag;
    return ++seen->n != seen->stop_at;
}

static enum store_result select_rows(struct cql_statement *st, struct seen *seen, bool *stopped) {
    cql_put_text(cql_begin_select(session, st), TEXT_LIT("key"));
    return cql_select(session, see_row, seen, stopped, &err);
}

static void a_select_reads_all_pages(void **state) {
    UNUSED(state);
    struct cql_statement *st;
    struct seen seen = {0};
    bool stopped;
    server->n_pages = 5;
    open_session();
    assert_int_equal(cql_prepare(session, "SELECT", &st, &err), STORE_OK);
    assert_int_equal(select_rows(st, &seen, &stopped), STORE_OK);
    assert_int_equal(seen.n, 15);
    assert_int_equal(seen.sum, 105);
    assert_false(stopped);
    seen = (struct seen){.stop_at = 4};
    assert_int_equal(select_rows(st, &seen, &stopped), STORE_OK);
    assert_int_equal(seen.n, 4);
    assert_true(stopped);
}

static void a_select_survives_errors_between_its_pages(void **state) {
    UNUSED(state);
    struct cql_statement *st;
    struct seen seen = {0};
    bool stopped;
    server->n_pages = 5;
    open_session();
    assert_int_equal(cql_prepare(session, "SELECT", &st, &err), STORE_OK);
    atomic_store(&server->error_code, CQL_READ_TIMEOUT);
    atomic_store(&server->n_errors, 3);
    assert_int_equal(select_rows(st, &seen, &stopped), STORE_OK);
    assert_int_equal(seen.n, 15);
    atomic_store(&server->error_code, CQL_INVALID);
    atomic_store(&server->n_errors, 1);
    assert_int_equal(select_rows(st, &seen, &stopped), STORE_ERROR);
    assert_int_equal(put_rows(2), STORE_OK);
}

static void many_selects_are_on_their_way_at_once(void **state) {
    UNUSED(state);
    struct cql_statement *st;
    struct seen seen = {0};
    server->n_pages = 1;
    open_session();
    assert_int_equal(cql_prepare(session, "SELECT", &st, &err), STORE_OK);
    for (size_t i = 0; i < 50; i++) {
        cql_put_text(cql_begin(session, st, 0), TEXT_LIT("key"));
        assert_true(cql_execute_rows(session, see_row, &seen, i));
    }
    assert_int_equal(cql_flush(session, &err), STORE_OK);
    assert_int_equal(seen.n, 150);
    assert_int_equal(seen.tags, 3 * 49 * 50 / 2);
}

static void a_statement_without_all_its_values_is_not_sent(void **state) {
    UNUSED(state);
    open_session();
    cql_put_text(cql_begin(session, insert, 0), TEXT_LIT("only one"));
    assert_false(cql_execute(session));
    assert_int_equal(cql_flush(session, &err), STORE_ERROR);
    assert_int_equal(atomic_load(&server->n_executes), 0);
    assert_int_equal(put_rows(5), STORE_OK);
}

static void a_query_that_is_refused_says_why(void **state) {
    UNUSED(state);
    open_session();
    assert_int_equal(cql_query(session, "nonsense", NULL, NULL, &err), STORE_ERROR);
    assert_non_null(strstr(err.text, "SYNTAX_ERROR"));
    assert_int_equal(put_rows(5), STORE_OK);
}

static void a_dead_server_is_given_up_sooner_than_a_slow_one(void **state) {
    UNUSED(state);
    options.give_up_ms = 600000;
    options.down_give_up_ms = 200;
    open_session();
    fake_stop(server);
    assert_int_equal(put_rows(5), STORE_RETRY);
    assert_non_null(strstr(err.text, "given up after 200 ms: no connection"));
    server = fake_new(); // for the tear-down
    fake_start(server);
}

static void a_wish_to_stop_ends_the_wait_for_a_dead_server(void **state) {
    UNUSED(state);
    static atomic_bool stop;
    options.stop = &stop;
    options.give_up_ms = 600000;
    open_session();
    fake_stop(server);
    atomic_store(&stop, true);
    assert_int_equal(put_rows(5), STORE_RETRY);
    assert_non_null(strstr(err.text, "asked to stop"));
    atomic_store(&stop, false);
    server = fake_new();
    fake_start(server);
}

// --- Memory that is refused: at each allocation of the client in turn

static pthread_t this_thread;
static int allocations_left;

static bool refuse_one(void *user, size_t n_bytes) {
    UNUSED(user);
    UNUSED(n_bytes);
    return pthread_equal(pthread_self(), this_thread) && --allocations_left == 0;
}

static bool see_nothing(void *user, size_t tag, const struct text *cells, size_t n) {
    UNUSED(tag);
    UNUSED(cells);
    UNUSED(n);
    ++*(int *)user;
    return true;
}

// Every result of one run is either success or a line that says what failed.
static void run_all(int *n_rows) {
    struct cql_statement *st;
    if (!cql_session_open(&options, &session, &err)) {
        assert_int_equal(err.cls, ERROR_RETRIABLE);
        session = NULL;
        return;
    }
    if (cql_prepare(session, "INSERT", &insert, &err) == STORE_OK) {
        (void)put_rows(20);
    }
    if (cql_prepare(session, "SELECT", &st, &err) == STORE_OK) {
        cql_put_text(cql_begin_select(session, st), TEXT_LIT("key"));
        (void)!cql_select(session, see_nothing, n_rows, NULL, &err);
    }
}

static void refused_memory_is_an_error_and_never_a_crash(void **state) {
    UNUSED(state);
    server->n_pages = 2;
    options.request_timeout_ms = 20000; // on a busy machine too what has its memory is answered
    this_thread = pthread_self();
    mem_set_fail_hook(refuse_one, NULL); // before the server's thread, which allocates too
    fake_start(server);
    bool was_refused = true;
    int n;
    for (n = 1; was_refused && n < 500; n++) {
        int n_rows = 0;
        err = (struct error){0};
        allocations_left = n;
        run_all(&n_rows);
        was_refused = allocations_left <= 0;
        allocations_left = 0; // refuses no more
        if (!was_refused) {
            assert_int_equal(n_rows, 6);
        }
        if (session != NULL) { // and it works afterwards
            assert_int_equal(cql_prepare(session, "INSERT", &insert, &err), STORE_OK);
            assert_int_equal(put_rows(3), STORE_OK);
        }
        cql_session_close(session);
        session = NULL;
    }
    assert_true(n > 20 && n < 500);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(rows_are_answered_many_at_a_time_and_in_any_order),
        TEST(an_execute_carries_values_and_the_timestamp_as_documented),
        TEST(a_login_sends_the_name_and_password),
        TEST(a_wrong_password_is_fatal_and_said_so),
        TEST(a_server_that_wants_a_password_is_not_silently_given_none),
        TEST(a_server_without_version_4_is_refused),
        TEST(what_is_not_cassandra_is_refused),
        TEST(an_unprepared_statement_is_prepared_again),
        TEST(an_overloaded_server_is_asked_again_more_slowly),
        TEST(a_server_overloaded_for_ever_ends_in_retry),
        TEST(a_refused_request_is_an_error_and_the_others_are_answered),
        TEST(warnings_payload_and_tracing_ids_are_skipped),
        TEST(a_silent_server_ends_in_retry_with_counts),
        TEST(a_server_that_is_gone_ends_in_retry),
        TEST(a_closed_connection_is_opened_again_and_all_is_sent_again),
        TEST(the_next_contact_point_takes_over),
        TEST(a_dead_first_contact_point_does_not_matter),
        TEST(a_dead_first_address_of_a_name_leaves_the_others_their_time),
        TEST(a_silent_first_address_of_a_name_leaves_the_others_their_time),
        TEST(the_addresses_of_a_name_have_one_deadline_together),
        TEST(a_request_makes_only_the_moves_of_its_table),
        TEST(what_must_hold_of_a_request_is_looked_at),
        TEST(instants_of_giving_up_hold_while_nobody_listens),
        TEST(a_frame_that_claims_too_much_ends_the_connection),
        TEST(a_frame_that_never_ends_is_given_up),
        TEST(a_body_shorter_than_its_content_ends_the_connection),
        TEST(another_protocol_ends_the_connection),
        TEST(only_the_right_kind_of_result_is_success),
        TEST(an_answer_nobody_asked_for_ends_the_connection),
        TEST(a_ready_frame_is_no_answer_to_an_execute),
        TEST(a_select_reads_all_pages),
        TEST(a_select_survives_errors_between_its_pages),
        TEST(many_selects_are_on_their_way_at_once),
        TEST(a_statement_without_all_its_values_is_not_sent),
        TEST(a_query_that_is_refused_says_why),
        TEST(refused_memory_is_an_error_and_never_a_crash),
        TEST(a_dead_server_is_given_up_sooner_than_a_slow_one),
        TEST(a_wish_to_stop_ends_the_wait_for_a_dead_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
