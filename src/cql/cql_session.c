// SPDX-License-Identifier: MIT
// A CQL session: opening, the round of sending and receiving, and pipelined execution.
//
//     cql_begin     takes a free slot (driving the connection while there is none)
//     cql_execute   queues it; bytes go out when enough have gathered
//     cql_flush     drives the connection until nothing is on its way
//
// How it fails: the first failure is kept until cql_flush hands it out; from then on cql_begin
// writes into a slot that is thrown away, so callers check once. Requests that are too old are
// given up by cql_check_deadlines, which every round asks: no loop here can last longer than
// give_up_ms plus one attempt to connect.
#include "cql/cql_session_internal.h"

#include "base/clock.h"
#include "base/mem.h"
#include <stdlib.h>

enum {
    PUSH_BYTES = 32 * 1024,      // as much is gathered before it is sent
    BUSY_MAX_BYTES = 32 << 20,   // of requests on their way
    REQUEST_MAX_BYTES = 8 << 20, // Cassandra's own limit is 16 MiB for a frame
};

int64_t cql_now_ns(void) {
    return clock_monotonic_ns(clock_system());
}

void cql_options_default(struct cql_options *o) {
    *o = (struct cql_options){.consistency = CQL_LOCAL_QUORUM,
                              .in_flight_max = 1024,
                              .page_rows = 1000,
                              .answer_max_bytes = 64 << 20,
                              .connect_timeout_ms = 5000,
                              .request_timeout_ms = 10000,
                              .give_up_ms = 30000,
                              .down_give_up_ms = 5000, // has a try in it, whatever the back-off
                              .backoff_min_ms = 100,
                              .backoff_max_ms = 3000};
}

// --- Opening and closing

static struct cql_session *session_new(const struct cql_options *o) {
    struct cql_session *s = mem_zalloc(1, sizeof *s);
    s->options = *o;
    memcpy(s->contacts, o->contacts, o->n_contacts * sizeof *o->contacts);
    s->options.contacts = s->contacts;
    s->user = o->user != NULL ? mem_strndup(o->user, strlen(o->user)) : NULL;
    const char *password = o->password != NULL ? o->password : "";
    s->password = mem_strndup(password, strlen(password));
    s->ca_file = o->ca_file != NULL ? mem_strndup(o->ca_file, strlen(o->ca_file)) : NULL;
    s->contact = o->first_contact % o->n_contacts;
    s->random = (uint64_t)cql_now_ns() | 1;
    cql_window_init(s);
    s->limit = (uint32_t)s->n_pipelined + 2;
    return s;
}

bool cql_session_open(const struct cql_options *o, struct cql_session **out, struct error *err) {
    *out = NULL;
    if (o->n_contacts == 0 || o->n_contacts > URL_HOSTS_MAX || o->in_flight_max == 0 ||
        o->in_flight_max > CQL_IN_FLIGHT_MAX || o->give_up_ms <= 0 || o->down_give_up_ms <= 0) {
        return error_set(err, ERROR_USAGE, "Cassandra: options out of range");
    }
    struct cql_session *s = session_new(o);
    if (o->tls && !cql_tls_new(s->ca_file, &s->tls, err)) {
        cql_session_close(s);
        return false;
    }
    bool hopeless = true;
    for (size_t i = 0; i < o->n_contacts; i++) {
        if (cql_link_try(s, err)) {
            *out = s;
            return true;
        }
        hopeless = hopeless && err->cls != ERROR_RETRIABLE;
    }
    err->cls = hopeless ? ERROR_FATAL : ERROR_RETRIABLE;
    cql_session_close(s);
    return false;
}

void cql_session_close(struct cql_session *s) {
    if (s == NULL) {
        return;
    }
    cql_connection_free(&s->connection);
    SSL_CTX_free(s->tls);
    cql_window_free(s);
    while (s->statements != NULL) {
        struct cql_statement *st = s->statements;
        s->statements = st->next;
        free(st->cql);
        free(st);
    }
    buf_free(&s->answer);
    buf_free(&s->select_values);
    buf_free(&s->paging_state);
    if (s->password != NULL) {
        explicit_bzero(s->password, strlen(s->password));
    }
    free(s->user);
    free(s->password);
    free(s->ca_file);
    free(s);
}

const char *cql_session_server(const struct cql_session *s) {
    return s->server;
}

// --- The round

// Frames of waiting requests, as many as may go, to the socket. False: the connection is lost.
static bool push(struct cql_session *s, int64_t now_ns, bool *moved) {
    struct error err;
    cql_send_queued(s, now_ns);
    s->new_bytes = 0;
    if (s->connection.out.failed) {
        cql_link_lost(s, "no memory for the bytes to be sent");
        return false;
    }
    if (!cql_connection_send(&s->connection, moved, &err)) {
        cql_link_lost(s, err.text);
        return false;
    }
    return true;
}

// How long a round may sleep: until something must be looked at.
static int64_t sleep_until(const struct cql_session *s, int64_t now_ns, int64_t until_ns) {
    int64_t t = s->next_check_ns < until_ns ? s->next_check_ns : until_ns;
    bool pausing = s->queue_head != NO_REQUEST && s->pause_until_ns > now_ns;
    return pausing && s->pause_until_ns < t ? s->pause_until_ns : t;
}

void cql_step(struct cql_session *s, int64_t until_ns) {
    int64_t now_ns = cql_now_ns();
    if (cql_check_deadlines(s, now_ns)) {
        cql_link_lost(s, "requests are not answered in time");
    }
    if (!s->connection.open) {
        cql_link_up(s, now_ns, until_ns);
        return;
    }
    bool moved = false;
    struct error err;
    if (!push(s, now_ns, &moved)) {
        return;
    }
    if (!cql_connection_receive(&s->connection, &moved, &err)) {
        cql_take_answers(s); // what came before the end counts
        cql_link_lost(s, err.text);
        return;
    }
    cql_take_answers(s);
    if (!moved && s->connection.open) {
        // A quarter of the answers at a time: as few wake-ups as rows allow.
        cql_connection_wait(&s->connection, s->n_sent / 4, sleep_until(s, now_ns, until_ns));
    }
}

// --- Pipelined execution

// Until a quarter of the window is free: one answer at a time would cost a receive and a send for
// each row.
static void make_room(struct cql_session *s) {
    do {
        cql_step(s, INT64_MAX);
    } while (s->failure == STORE_OK && s->n_busy > (uint32_t)s->n_pipelined / 4 * 3);
}

struct cql_values *cql_begin(struct cql_session *s, struct cql_statement *st,
                             int64_t timestamp_us) {
    struct cql_request *r = NULL;
    while (s->failure == STORE_OK && r == NULL) {
        r = s->busy_bytes < BUSY_MAX_BYTES ? cql_take_free(s) : NULL;
        if (r == NULL) {
            make_room(s);
        }
    }
    if (r == NULL) {
        r = &s->scratch;
    }
    buf_clear(&r->body);
    r->statement = st;
    r->opcode = CQL_EXECUTE;
    r->row = NULL;
    s->open = r;
    s->parameters = (struct cql_parameters){.consistency = s->options.consistency,
                                            .timestamp_us = timestamp_us};
    s->values = (struct cql_values){&r->body, 0};
    cql_write_parameters_begin(&r->body, &s->parameters, (uint16_t)st->n_values);
    return &s->values;
}

static bool refuse_open(struct cql_session *s, enum store_result result, const char *why) {
    cql_request_failed(s, s->open, result, why);
    return false;
}

bool cql_execute(struct cql_session *s) {
    struct cql_request *r = s->open;
    if (r == &s->scratch) {
        return false;
    }
    cql_write_parameters_end(&r->body, &s->parameters);
    if (r->body.failed) {
        return refuse_open(s, STORE_RETRY, "no memory for a request");
    }
    if (s->values.n != r->statement->n_values) {
        return refuse_open(s, STORE_ERROR, "a statement was given another number of values");
    }
    if (r->body.len > REQUEST_MAX_BYTES) {
        return refuse_open(s, STORE_ERROR, "a row is larger than 8 MiB");
    }
    cql_enqueue(s, r, false);
    s->new_bytes += r->body.len;
    if (s->new_bytes >= PUSH_BYTES && s->connection.open) {
        bool moved = false;
        (void)push(s, cql_now_ns(), &moved);
    }
    return s->failure == STORE_OK;
}

bool cql_execute_rows(struct cql_session *s, cql_row_fn row, void *user, size_t tag) {
    s->open->row = row;
    s->open->user = user;
    s->open->tag = tag;
    return cql_execute(s);
}

enum store_result cql_flush(struct cql_session *s, struct error *err) {
    while (s->n_busy > 0) {
        cql_step(s, INT64_MAX);
    }
    enum store_result result = s->failure;
    if (result != STORE_OK) {
        *err = s->failure_error;
    }
    s->failure = STORE_OK;
    s->n_answered = 0;
    return result;
}
