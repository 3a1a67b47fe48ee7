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

void cql_window_init(struct cql_session *s) {
    s->n_pipelined = (uint16_t)s->options.in_flight_max;
    s->requests = mem_zalloc((size_t)s->n_pipelined + 2, sizeof *s->requests);
    s->free_head = s->queue_head = s->queue_tail = NO_REQUEST;
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
    r->state = REQUEST_OPEN;
    return r;
}

void cql_release(struct cql_session *s, struct cql_request *r) {
    bool was_sent = r->state == REQUEST_SENT;
    s->n_sent -= was_sent;
    if (cql_is_pipelined(s, r)) {
        if (was_sent || r->state == REQUEST_QUEUED) {
            s->n_busy--;
            s->busy_bytes -= r->body.len;
        }
        r->next = s->free_head;
        s->free_head = cql_stream(s, r);
    }
    r->state = REQUEST_FREE;
    r->statement = NULL;
    r->row = NULL;
    if (r->body.cap > BODY_KEPT_BYTES) {
        buf_free(&r->body);
    }
}

void cql_enqueue(struct cql_session *s, struct cql_request *r, bool first) {
    if (r->state == REQUEST_OPEN) {
        r->queued_ns = cql_now_ns();
        r->n_refused = 0;
        if (cql_is_pipelined(s, r)) {
            s->n_busy++;
            s->busy_bytes += r->body.len;
        }
    }
    s->n_sent -= r->state == REQUEST_SENT;
    r->state = REQUEST_QUEUED;
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
    if (p->state == REQUEST_FREE) {
        buf_clear(&p->body);
        cql_write_long_string(&p->body, text_of(st->cql));
        p->opcode = CQL_PREPARE;
        p->state = REQUEST_OPEN;
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
    r->state = REQUEST_SENT;
    s->n_sent++;
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
    if (p->state == REQUEST_QUEUED) {
        unlink_request(s, p);
    }
    cql_release(s, p);
    s->preparing = NULL;
    for (size_t i = (size_t)s->n_pipelined + 1; i-- > 0;) {
        if (s->requests[i].state == REQUEST_SENT) {
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
        on_the_way = on_the_way || r->state == REQUEST_SENT;
        if (r->state == REQUEST_QUEUED) {
            unlink_request(s, r);
        }
        if (r->state == REQUEST_QUEUED || r->state == REQUEST_SENT) {
            cql_release(s, r);
        }
    }
    // Their answers may still come, and must not be taken for those of later requests.
    if (on_the_way) {
        cql_link_lost(s, "requests were given up");
    }
}

void cql_request_failed(struct cql_session *s, struct cql_request *r, enum store_result result,
                        const char *why) {
    if (r->state == REQUEST_QUEUED) {
        unlink_request(s, r);
    }
    if (cql_is_pipelined(s, r)) {
        remember(s, result, why);
        cql_release(s, r);
        return;
    }
    bool was_sent = r->state == REQUEST_SENT;
    cql_release(s, r);
    if (r == cql_control(s)) {
        s->control_result = result;
        (void)error_set(&s->control_error, result == STORE_RETRY ? ERROR_RETRIABLE : ERROR_FATAL,
                        "Cassandra %s: %s", s->server, why);
        r->state = REQUEST_DONE;
    } else { // a statement cannot be prepared: nothing that waits for it can go on
        struct cql_statement *st = s->preparing;
        s->preparing = NULL;
        if (cql_control(s)->state == REQUEST_QUEUED && cql_control(s)->statement == st) {
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
        if (r->state != REQUEST_QUEUED && r->state != REQUEST_SENT) {
            continue;
        }
        silent = silent || (r->state == REQUEST_SENT && now_ns - r->sent_ns >= answer_ns);
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
