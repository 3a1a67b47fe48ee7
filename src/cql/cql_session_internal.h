// SPDX-License-Identifier: MIT
// Inside the CQL session. A request is a slot whose number is its stream id:
//
//     FREE → OPEN → QUEUED → SENT → FREE          (the control request: SENT → DONE → FREE)
//                     ↑        │ connection lost, UNPREPARED, overloaded
//                     └────────┘
// The moves are a table (cql_window.c), and one function makes them: it keeps the counts.
// Invariants: `queue` links exactly the QUEUED ones; n_sent counts the SENT ones; n_busy the QUEUED
// and SENT ones among the pipelined; when the connection is closed none is SENT.
#pragma once
#include "base/state.h"
#include "cql/cql_connection.h"
#include "cql/cql_session.h"
#include <openssl/ssl.h>

enum cql_request_state {
    REQUEST_FREE,
    REQUEST_OPEN,   // its body is being written
    REQUEST_QUEUED, // waits to be sent, for the first time or again
    REQUEST_SENT,   // its answer is waited for
    REQUEST_DONE,   // control: its result is there to be taken
    REQUEST_STATES,
};

struct cql_request {
    struct cql_session *session;
    struct buf body;                 // of EXECUTE: what follows the id
    struct cql_statement *statement; // of EXECUTE; else NULL
    cql_row_fn row;                  // NULL: the answer is RESULT void
    void *user;
    size_t tag;
    int64_t queued_ns, sent_ns;
    uint16_t n_refused; // answers that said: try again
    uint16_t next;      // in the queue or the list of free ones; NO_REQUEST: the last
    uint8_t opcode;
    struct state state; // enum cql_request_state
};
enum { NO_REQUEST = UINT16_MAX };

struct cql_statement {
    struct cql_statement *next;
    char *cql;
    unsigned char id[CQL_ID_MAX_BYTES];
    size_t id_bytes;
    uint64_t generation; // of the connection it is prepared on; 0: of none
    int64_t prepared_ns;
    bool known; // values and types are filled
    size_t n_values;
    uint16_t types[CQL_COLUMNS_MAX];
};

struct cql_session {
    struct cql_options options;
    struct url_host contacts[URL_HOSTS_MAX];
    char *user, *password, *ca_file;
    SSL_CTX *tls;

    // The connection (cql_link.c)
    struct cql_connection connection;
    uint64_t generation; // counts connections, from 1
    size_t contact;      // the one in use, or to be tried next
    size_t n_tried;      // contacts tried in vain since the last good answer
    int64_t next_try_ns, backoff_ms;
    int64_t down_ns; // when the last connection was lost
    char server[URL_HOST_MAX_BYTES + 16];
    char problem[256]; // the last one, for messages
    uint64_t random;

    // Requests (cql_window.c): in_flight_max pipelined ones, then control, then prepare
    struct cql_request *requests;
    uint16_t n_pipelined, free_head, queue_head, queue_tail;
    uint32_t n_sent, n_busy;
    size_t busy_bytes; // of the bodies of the busy ones
    size_t new_bytes;  // of those since bytes were last sent
    int64_t next_check_ns;

    // How fast (cql_answer.c)
    uint32_t limit; // of n_sent: falls when the server is overloaded, recovers slowly
    uint32_t n_good;
    int64_t pause_ms, pause_until_ns, logged_ns;

    // What cql_begin is writing
    struct cql_request *open;
    struct cql_request scratch; // when it cannot be sent
    struct cql_values values;
    struct cql_parameters parameters;

    // Since the last flush
    enum store_result failure;
    struct error failure_error;
    uint64_t n_answered;

    // Control: one request at a time whose answer is waited for
    struct buf answer; // its body
    enum store_result control_result;
    struct error control_error;
    struct buf select_values;
    struct cql_statement *select_statement;
    struct buf paging_state;
    struct cql_result result;

    struct cql_statement *statements, *preparing;
};

static inline struct cql_request *cql_control(struct cql_session *s) {
    return &s->requests[s->n_pipelined];
}
static inline struct cql_request *cql_preparer(struct cql_session *s) {
    return &s->requests[s->n_pipelined + 1];
}
static inline uint16_t cql_stream(const struct cql_session *s, const struct cql_request *r) {
    return (uint16_t)(r - s->requests);
}
static inline bool cql_is_pipelined(const struct cql_session *s, const struct cql_request *r) {
    return r < s->requests + s->n_pipelined;
}
int64_t cql_now_ns(void);

// cql_window.c
void cql_window_init(struct cql_session *s);
void cql_window_free(struct cql_session *s);
extern const struct state_table cql_request_table;
void cql_request_move(struct cql_request *r, enum cql_request_state to);
static inline bool cql_request_is(const struct cql_request *r, enum cql_request_state state) {
    return r->state.now == state;
}
struct cql_request *cql_take_free(struct cql_session *s); // NULL: none
// Its body and what it belongs to are no longer needed; to FREE, or (control) to DONE.
void cql_release(struct cql_session *s, struct cql_request *r, enum cql_request_state to);
void cql_enqueue(struct cql_session *s, struct cql_request *r, bool first);
void cql_send_queued(struct cql_session *s, int64_t now_ns); // as frames into connection.out
void cql_requeue_sent(struct cql_session *s);                // the connection is gone
// Every request that is older than give_up_ms fails; true: the connection must go, since one was
// not answered in time.
bool cql_check_deadlines(struct cql_session *s, int64_t now_ns);
// All pipelined requests are given up.
void cql_abandon(struct cql_session *s, enum store_result result, const char *why);
// This one request fails, for ever or for now.
void cql_request_failed(struct cql_session *s, struct cql_request *r, enum store_result result,
                        const char *why);

// cql_link.c
MUST_CHECK bool cql_link_try(struct cql_session *s, struct error *err);    // one contact point, now
void cql_link_up(struct cql_session *s, int64_t now_ns, int64_t until_ns); // waits, then tries one
void cql_link_lost(struct cql_session *s, const char *why);
void cql_link_good(struct cql_session *s); // an answer came

// cql_answer.c
void cql_take_answers(struct cql_session *s); // of what was received; may lose the connection

// cql_session.c: one round of sending and receiving, waiting at most until then
void cql_step(struct cql_session *s, int64_t until_ns);

// cql_query.c: runs the control request, whose body is written
MUST_CHECK enum store_result cql_control_run(struct cql_session *s, struct error *err);
