// SPDX-License-Identifier: MIT
// What the answers of a CQL server mean for a session.
//
// Success is a RESULT of the kind that the request has: void for a write, rows for a SELECT,
// prepared for a PREPARE. Everything else is an error:
//     UNPREPARED                                  prepare again, then send again
//     OVERLOADED, UNAVAILABLE, time-outs, ...     half as many at a time, a pause, then send again,
//                                                 up to REFUSED_MAX times
//     IS_BOOTSTRAPPING                            another contact point
//     a frame that makes no sense                 the connection is of no more use
//     SYNTAX_ERROR, INVALID, UNAUTHORIZED, ...    the request failed for ever
#include "cql/cql_session_internal.h"

#include "base/log.h"
#include <stdio.h>

enum {
    REFUSED_MAX = 12,
    LIMIT_MIN = 4,
    PAUSE_MIN_MS = 50,
    PAUSE_MAX_MS = 2000,
    LOG_EVERY_MS = 5000,
};

// What may come with every answer is said now and then.
static bool may_log(struct cql_session *s) {
    int64_t now_ns = cql_now_ns();
    if (s->logged_ns != 0 && now_ns - s->logged_ns < LOG_EVERY_MS * INT64_C(1000000)) {
        return false;
    }
    s->logged_ns = now_ns;
    return true;
}

// --- How fast

static void slow_down(struct cql_session *s, const char *why) {
    int64_t now_ns = cql_now_ns();
    if (now_ns < s->pause_until_ns) {
        return; // of the same burst
    }
    s->limit = s->limit / 2 > LIMIT_MIN ? s->limit / 2 : LIMIT_MIN;
    s->pause_ms = s->pause_ms == 0 ? PAUSE_MIN_MS : s->pause_ms * 2;
    s->pause_ms = s->pause_ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : s->pause_ms;
    s->pause_until_ns = now_ns + s->pause_ms * 1000000;
    s->n_good = 0;
    if (may_log(s)) {
        log_warn("store",
                 "Cassandra %s: slowed down to %u requests at a time, pause of %lld ms: %s",
                 s->server, s->limit, (long long)s->pause_ms, why);
    }
}

static void speed_up(struct cql_session *s) {
    if (++s->n_good < s->limit) {
        return;
    }
    s->n_good = 0;
    s->pause_ms /= 2;
    uint32_t max = (uint32_t)s->n_pipelined + 2;
    s->limit += s->limit / 4 + 1;
    if (s->limit >= max) {
        s->limit = max;
    }
}

// --- Errors

static void try_again(struct cql_session *s, struct cql_request *r, const char *why) {
    snprintf(s->problem, sizeof s->problem, "%.250s", why);
    if (++r->n_refused > REFUSED_MAX) {
        char text[400];
        snprintf(text, sizeof text, "refused %d times: %s", REFUSED_MAX, why);
        if (cql_is_pipelined(s, r)) {
            cql_abandon(s, STORE_RETRY, text);
        } else {
            cql_request_failed(s, r, STORE_RETRY, text);
        }
        return;
    }
    cql_enqueue(s, r, r == cql_preparer(s));
}

static void take_error(struct cql_session *s, struct cql_request *r, const struct cql_error *e) {
    char why[320], line[CQL_MESSAGE_MAX_BYTES + 1];
    snprintf(why, sizeof why, "%s: %s", cql_error_name(e->code),
             cql_message_line(e->message, line));
    switch (e->code) {
    case CQL_UNPREPARED:
        if (r->statement == NULL) {
            cql_link_lost(s, why);
            return;
        }
        // Those that were sent before it was prepared anew do not make it old again.
        if (r->sent_ns >= r->statement->prepared_ns) {
            r->statement->generation = 0;
        }
        try_again(s, r, why);
        return;
    case CQL_OVERLOADED:
    case CQL_UNAVAILABLE:
    case CQL_WRITE_TIMEOUT:
    case CQL_READ_TIMEOUT:
    case CQL_WRITE_FAILURE:
    case CQL_READ_FAILURE:
    case CQL_SERVER_ERROR:
        slow_down(s, why);
        try_again(s, r, why);
        return;
    case CQL_IS_BOOTSTRAPPING:
    case CQL_PROTOCOL_ERROR:
        cql_link_lost(s, why);
        return;
    default:
        cql_request_failed(s, r, STORE_ERROR, why);
    }
}

// --- Results

static void take_prepared(struct cql_session *s, struct cql_request *r) {
    struct cql_statement *st = s->preparing;
    const struct cql_result *result = &s->result;
    if (st->known && st->n_values != result->columns.n) {
        cql_request_failed(s, r, STORE_ERROR, "a table was changed while it is in use: restart");
        return;
    }
    memcpy(st->id, result->id.at, result->id.len);
    st->id_bytes = result->id.len;
    st->n_values = result->columns.n;
    for (size_t i = 0; i < st->n_values; i++) {
        st->types[i] = result->columns.of[i].type;
    }
    st->known = true;
    st->generation = s->generation;
    st->prepared_ns = cql_now_ns();
    s->preparing = NULL;
    cql_release(s, r, REQUEST_FREE);
}

static void take_rows(struct cql_session *s, struct cql_request *r) {
    struct text cells[CQL_COLUMNS_MAX];
    while (cql_row_next(&s->result, cells) && r->row(r->user, r->tag, cells, s->result.columns.n)) {
    }
}

static void take_result(struct cql_session *s, struct cql_request *r, struct text body) {
    if (r == cql_control(s)) {
        buf_clear(&s->answer);
        buf_put_text(&s->answer, body);
        s->control_result = STORE_OK;
        cql_release(s, r, REQUEST_DONE);
        return;
    }
    struct cql_result *result = &s->result;
    enum cql_result_kind wanted = r == cql_preparer(s) ? CQL_RESULT_PREPARED
                                  : r->row != NULL     ? CQL_RESULT_ROWS
                                                       : CQL_RESULT_VOID;
    if (!cql_result_read(body, result) || result->kind != wanted) {
        cql_link_lost(s, "a RESULT is not of the kind that was asked for");
        return;
    }
    if (wanted == CQL_RESULT_PREPARED) {
        take_prepared(s, r);
        return;
    }
    if (wanted == CQL_RESULT_ROWS) {
        take_rows(s, r);
    }
    s->n_answered++;
    cql_release(s, r, REQUEST_FREE);
    speed_up(s);
}

static void take_frame(struct cql_session *s, const struct cql_frame *f) {
    if (f->stream == -1 && f->opcode == CQL_EVENT) {
        return; // nobody registered for any; harmless
    }
    struct cql_request *r =
        f->stream >= 0 && f->stream < s->n_pipelined + 2 ? &s->requests[f->stream] : NULL;
    if (r == NULL || !cql_request_is(r, REQUEST_SENT)) {
        cql_link_lost(s, "an answer to a request that was not made");
        return;
    }
    char line[CQL_MESSAGE_MAX_BYTES + 1];
    if (f->warning.at != NULL && may_log(s)) {
        log_warn("store", "Cassandra %s warns: %s", s->server, cql_message_line(f->warning, line));
    }
    struct cql_error e;
    if (f->opcode == CQL_RESULT) {
        cql_link_good(s);
        take_result(s, r, f->body);
    } else if (f->opcode == CQL_ERROR && cql_error_read(f->body, &e)) {
        take_error(s, r, &e);
    } else {
        cql_link_lost(s, "an answer is neither a RESULT nor a proper ERROR");
    }
}

void cql_take_answers(struct cql_session *s) {
    struct cql_frame f;
    struct error err;
    while (s->connection.open) {
        switch (cql_connection_next(&s->connection, &f, &err)) {
        case CQL_READ_OK:
            take_frame(s, &f);
            break;
        case CQL_READ_MORE:
            return;
        case CQL_READ_BAD:
            cql_link_lost(s, err.text);
            return;
        }
    }
}
