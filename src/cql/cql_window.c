// SPDX-License-Identifier: MIT
// The requests of a CQL session: which are free, waiting, on their way, too old.
//
// A request keeps its body until it is answered, so that it can be sent again; header and the
// statement's id are put in front when it goes out, since the id may differ on another server. Each
// slot keeps its memory: after the first round nothing is allocated for a request.
#include "cql/cql_session_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    OUT_FULL_BYTES = 256 * 1024, // frames wait in their slots when so much is not yet sent
    BODY_KEPT_BYTES = 16 * 1024, // a slot that grew beyond gives its memory back
    CHECK_MS = 50,
};

// --- States

static const struct state_row request_rows[REQUEST_STATES] = {
    [REQUEST_FREE] = {"free", STATE_BIT(REQUEST_OPEN)},
    [REQUEST_OPEN] = {"open", STATE_BIT(REQUEST_QUEUED) | STATE_BIT(REQUEST_FREE)},
    [REQUEST_QUEUED] = {"queued", STATE_BIT(REQUEST_SENT) | STATE_BIT(REQUEST_FREE) |
                                      STATE_BIT(REQUEST_DONE)},
    [REQUEST_SENT] = {"sent", STATE_BIT(REQUEST_QUEUED) | STATE_BIT(REQUEST_FREE) |
                                  STATE_BIT(REQUEST_DONE)},
    [REQUEST_DONE] = {"done", STATE_BIT(REQUEST_FREE)},
};

static bool is_busy(uint8_t state) {
    return state == REQUEST_QUEUED || state == REQUEST_SENT;
}

static bool queue_holds(const struct cql_session *s, uint32_t n_queued) {
    uint32_t n = 0;
    uint16_t last = NO_REQUEST;
    for (uint16_t i = s->queue_head; i != NO_REQUEST && n <= n_queued; i = s->requests[i].next) {
        if (!cql_request_is(&s->requests[i], REQUEST_QUEUED)) {
            return false;
        }
        last = i;
        n++;
    }
    return n == n_queued && last == s->queue_tail;
}

// The counts and the queue, against each slot.
static bool window_holds(const struct cql_session *s) {
    uint32_t n_sent = 0, n_queued = 0, n_busy = 0;
    size_t busy_bytes = 0;
    for (size_t i = 0; i < (size_t)s->n_pipelined + 2; i++) {
        const struct cql_request *r = &s->requests[i];
        n_sent += cql_request_is(r, REQUEST_SENT);
        n_queued += cql_request_is(r, REQUEST_QUEUED);
        if (cql_is_pipelined(s, r) && is_busy(r->state.now)) {
            n_busy++;
            busy_bytes += r->body.len;
        }
    }
    return n_sent == s->n_sent && n_busy == s->n_busy && busy_bytes == s->busy_bytes &&
           queue_holds(s, n_queued);
}

static bool request_holds(const void *owner, uint8_t now) {
    const struct cql_request *r = owner;
    const struct cql_session *s = r->session;
    switch (now) {
    case REQUEST_SENT:
        return s->connection.open && r->sent_ns != 0 &&
               (r->statement == NULL || r->statement->known);
    case REQUEST_DONE:
        return cql_stream(s, r) == s->n_pipelined && r->statement == NULL && window_holds(s);
    case REQUEST_FREE: // a look at all of them costs too much at each
        return r->statement == NULL && r->row == NULL && (s->n_busy > 0 || window_holds(s));
    default:
        return true;
    }
}

const struct state_table cql_request_table = {"CQL request", request_rows, REQUEST_STATES,
                                              request_holds};

void cql_request_move(struct cql_request *r, enum cql_request_state to) {
    struct cql_session *s = r->session;
    const uint8_t from = r->state.now;
    s->n_sent = s->n_sent - (from == REQUEST_SENT) + (to == REQUEST_SENT);
    if (cql_is_pipelined(s, r) && is_busy(from) != is_busy((uint8_t)to)) {
        const bool more = is_busy((uint8_t)to);
        s->n_busy = more ? s->n_busy + 1 : s->n_busy - 1;
        s->busy_bytes = more ? s->busy_bytes + r->body.len : s->busy_bytes - r->body.len;
    }
    state_move(&cql_request_table, &r->state, (uint8_t)to, r);
}

// --- Slots

void cql_window_init(struct cql_session *s) {
    s->n_pipelined = (uint16_t)s->options.in_flight_max;
    s->requests = mem_zalloc((size_t)s->n_pipelined + 2, sizeof *s->requests);
    s->free_head = s->queue_head = s->queue_tail = NO_REQUEST;
    for (size_t i = 0; i < (size_t)s->n_pipelined + 2; i++) {
        s->requests[i].session = s;
    }
    for (uint16_t i = s->n_pipelined; i-- > 0;) {
        s->requests[i].next = s->free_head;
        s->free_head = i;
    }
}

void cql_window_free(struct cql_session *s) {
    for (size_t i = 0; s->requests != NULL && i < (size_t)s->n_pipelined + 2; i++) {
        buf_free(&s->requests[i].body);
    }
    free(s->requests);
    buf_free(&s->scratch.body);
}

struct cql_request *cql_take_free(struct cql_session *s) {
    if (s->free_head == NO_REQUEST) {
        return NULL;
    }
    struct cql_request *r = &s->requests[s->free_head];
    s->free_head = r->next;
    cql_request_move(r, REQUEST_OPEN);
    return r;
}

void cql_release(struct cql_session *s, struct cql_request *r, enum cql_request_state to) {
    r->statement = NULL;
    r->row = NULL;
    cql_request_move(r, to);
    if (cql_is_pipelined(s, r)) {
        r->next = s->free_head;
        s->free_head = cql_stream(s, r);
    }
    if (r->body.cap > BODY_KEPT_BYTES) {
        buf_free(&r->body);
    }
}

void cql_enqueue(struct cql_session *s, struct cql_request *r, bool first) {
    if (cql_request_is(r, REQUEST_OPEN)) {
        r->queued_ns = cql_now_ns();
        r->n_refused = 0;
    }
    cql_request_move(r, REQUEST_QUEUED);
    uint16_t i = cql_stream(s, r);
    if (s->queue_head == NO_REQUEST) {
        r->next = NO_REQUEST;
        s->queue_head = s->queue_tail = i;
    } else if (first) {
        r->next = s->queue_head;
        s->queue_head = i;
    } else {
        r->next = NO_REQUEST;
        s->requests[s->queue_tail].next = i;
        s->queue_tail = i;
    }
}

// Removes one from the middle of the queue; only when something failed.
static void unlink_request(struct cql_session *s, const struct cql_request *r) {
    uint16_t i = cql_stream(s, r), before = NO_REQUEST;
    for (uint16_t at = s->queue_head; at != NO_REQUEST; at = s->requests[at].next) {
        if (at == i) {
            uint16_t next = s->requests[at].next;
            *(before == NO_REQUEST ? &s->queue_head : &s->requests[before].next) = next;
            if (s->queue_tail == i) {
                s->queue_tail = before;
            }
            return;
        }
        before = at;
    }
}

static struct cql_request *pop_queue(struct cql_session *s) {
    struct cql_request *r = &s->requests[s->queue_head];
    s->queue_head = r->next;
    if (s->queue_head == NO_REQUEST) {
        s->queue_tail = NO_REQUEST;
    }
    return r;
}

// The statement must be prepared on this connection first. True: it is.
static bool is_prepared(struct cql_session *s, struct cql_statement *st) {
    if (st == NULL || st->generation == s->generation) {
        return true;
    }
    struct cql_request *p = cql_preparer(s);
    if (cql_request_is(p, REQUEST_FREE)) {
        buf_clear(&p->body);
        cql_write_long_string(&p->body, text_of(st->cql));
        p->opcode = CQL_PREPARE;
        cql_request_move(p, REQUEST_OPEN);
        s->preparing = st;
        cql_enqueue(s, p, true);
    }
    return false;
}

static void put_frame(struct cql_session *s, struct cql_request *r, int64_t now_ns) {
    struct buf *out = &s->connection.out;
    const struct cql_statement *st = r->statement;
    size_t id_bytes = st != NULL ? 2 + st->id_bytes : 0;
    if (!buf_reserve(out, CQL_HEADER_BYTES + id_bytes + r->body.len)) {
        return; // out->failed: the connection will be given up
    }
    cql_write_header(out, r->opcode, cql_stream(s, r), id_bytes + r->body.len);
    if (st != NULL) {
        unsigned char length[2];
        cql_store_u16(length, (uint16_t)st->id_bytes);
        buf_put(out, length, sizeof length);
        buf_put(out, st->id, st->id_bytes);
    }
    buf_put(out, r->body.at, r->body.len);
    r->sent_ns = now_ns;
    cql_request_move(r, REQUEST_SENT);
}

void cql_send_queued(struct cql_session *s, int64_t now_ns) {
    while (s->queue_head != NO_REQUEST && s->n_sent < s->limit && now_ns >= s->pause_until_ns &&
           cql_connection_unsent(&s->connection) < OUT_FULL_BYTES && !s->connection.out.failed) {
        struct cql_request *r = &s->requests[s->queue_head];
        if (is_prepared(s, r->statement)) {
            put_frame(s, pop_queue(s), now_ns);
        } else if (s->queue_head != cql_stream(s, cql_preparer(s))) {
            return; // its PREPARE is on the way
        }
    }
}

void cql_requeue_sent(struct cql_session *s) {
    // A PREPARE begins anew with the first request that needs it: it has to be in front of them.
    struct cql_request *p = cql_preparer(s);
    if (cql_request_is(p, REQUEST_QUEUED)) {
        unlink_request(s, p);
    }
    if (!cql_request_is(p, REQUEST_FREE)) {
        cql_release(s, p, REQUEST_FREE);
    }
    s->preparing = NULL;
    for (size_t i = (size_t)s->n_pipelined + 1; i-- > 0;) {
        if (cql_request_is(&s->requests[i], REQUEST_SENT)) {
            cql_enqueue(s, &s->requests[i], true);
        }
    }
}

// --- Failing

static void remember(struct cql_session *s, enum store_result result, const char *why) {
    if (s->failure == STORE_OK) {
        s->failure = result;
        (void)error_set(&s->failure_error, result == STORE_RETRY ? ERROR_RETRIABLE : ERROR_FATAL,
                        "Cassandra %s: %s", s->server, why);
    }
}

void cql_abandon(struct cql_session *s, enum store_result result, const char *why) {
    if (s->n_busy == 0) {
        return;
    }
    char text[400];
    snprintf(text, sizeof text,
             "%.300s (%llu requests were answered, of %u the outcome is not known)", why,
             (unsigned long long)s->n_answered, s->n_busy);
    remember(s, result, text);
    bool on_the_way = false;
    for (uint16_t i = 0; i < s->n_pipelined; i++) {
        struct cql_request *r = &s->requests[i];
        on_the_way = on_the_way || cql_request_is(r, REQUEST_SENT);
        if (cql_request_is(r, REQUEST_QUEUED)) {
            unlink_request(s, r);
        }
        if (is_busy(r->state.now)) {
            cql_release(s, r, REQUEST_FREE);
        }
    }
    // Their answers may still come, and must not be taken for those of later requests.
    if (on_the_way) {
        cql_link_lost(s, "requests were given up");
    }
}

void cql_request_failed(struct cql_session *s, struct cql_request *r, enum store_result result,
                        const char *why) {
    if (cql_request_is(r, REQUEST_QUEUED)) {
        unlink_request(s, r);
    }
    if (cql_is_pipelined(s, r)) {
        remember(s, result, why);
        cql_release(s, r, REQUEST_FREE);
        return;
    }
    bool was_sent = cql_request_is(r, REQUEST_SENT);
    cql_release(s, r, r == cql_control(s) ? REQUEST_DONE : REQUEST_FREE);
    if (r == cql_control(s)) {
        s->control_result = result;
        (void)error_set(&s->control_error, result == STORE_RETRY ? ERROR_RETRIABLE : ERROR_FATAL,
                        "Cassandra %s: %s", s->server, why);
    } else { // a statement cannot be prepared: nothing that waits for it can go on
        struct cql_statement *st = s->preparing;
        s->preparing = NULL;
        if (cql_request_is(cql_control(s), REQUEST_QUEUED) && cql_control(s)->statement == st) {
            cql_request_failed(s, cql_control(s), result, why);
        }
        cql_abandon(s, result, why);
    }
    if (was_sent && result == STORE_RETRY) {
        cql_link_lost(s, "a request was given up");
    }
}

// The limit that the request has passed, in milliseconds; 0: it has not.
static int64_t passed_limit_ms(const struct cql_session *s, const struct cql_request *r,
                               int64_t now_ns) {
    const struct cql_options *o = &s->options;
    if (now_ns - r->queued_ns >= o->give_up_ms * 1000000) {
        return o->give_up_ms;
    }
    int64_t down_ns = r->queued_ns > s->down_ns ? r->queued_ns : s->down_ns;
    bool overdue = !s->connection.open && now_ns - down_ns >= o->down_give_up_ms * 1000000;
    return overdue ? o->down_give_up_ms : 0;
}

bool cql_check_deadlines(struct cql_session *s, int64_t now_ns) {
    if (now_ns < s->next_check_ns) {
        return false;
    }
    s->next_check_ns = now_ns + CHECK_MS * INT64_C(1000000);
    int64_t answer_ns = s->options.request_timeout_ms * 1000000;
    bool silent = false;
    for (size_t i = 0; i < (size_t)s->n_pipelined + 2; i++) {
        struct cql_request *r = &s->requests[i];
        if (!is_busy(r->state.now)) {
            continue;
        }
        silent = silent || (cql_request_is(r, REQUEST_SENT) && now_ns - r->sent_ns >= answer_ns);
        int64_t waited_ms = passed_limit_ms(s, r, now_ns);
        if (waited_ms > 0) {
            char why[400];
            snprintf(why, sizeof why, "given up after %lld ms: %s", (long long)waited_ms,
                     s->problem[0] != '\0' ? s->problem : "no answer");
            if (cql_is_pipelined(s, r)) {
                cql_abandon(s, STORE_RETRY, why);
            } else {
                cql_request_failed(s, r, STORE_RETRY, why);
            }
            silent = false;
        }
    }
    return silent;
}
