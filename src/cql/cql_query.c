// SPDX-License-Identifier: MIT
// Requests of a CQL session whose answer is waited for: PREPARE, SELECT page by page, QUERY.
//
// They use a slot of their own beside the pipelined ones, and the same retries and time-outs. The
// answer's body is copied, so that the row callback may take its time.
#include "cql/cql_session_internal.h"

#include "base/mem.h"
#include <stdlib.h>

enum store_result cql_control_run(struct cql_session *s, struct error *err) {
    struct cql_request *r = cql_control(s);
    if (r->body.failed) {
        (void)error_set(err, ERROR_RETRIABLE, "no memory for a request");
        return STORE_RETRY;
    }
    cql_request_move(r, REQUEST_OPEN);
    cql_enqueue(s, r, false);
    while (!cql_request_is(r, REQUEST_DONE)) {
        cql_step(s, INT64_MAX);
    }
    cql_request_move(r, REQUEST_FREE);
    if (s->control_result == STORE_OK && s->answer.failed) {
        (void)error_set(err, ERROR_RETRIABLE, "no memory for an answer");
        return STORE_RETRY;
    }
    if (s->control_result != STORE_OK) {
        *err = s->control_error;
    }
    return s->control_result;
}

// --- PREPARE

static struct cql_statement *statement_new(const char *cql) {
    struct cql_statement *st = mem_zalloc(1, sizeof *st);
    st->cql = mem_strndup(cql, strlen(cql));
    return st;
}

enum store_result cql_prepare(struct cql_session *s, const char *cql, struct cql_statement **out,
                              struct error *err) {
    struct cql_statement *st = statement_new(cql);
    struct cql_request *r = cql_control(s);
    *out = NULL;
    buf_clear(&r->body);
    cql_write_long_string(&r->body, text_of(cql));
    r->opcode = CQL_PREPARE;
    r->statement = NULL;
    enum store_result result = cql_control_run(s, err);
    uint64_t generation = s->generation;
    if (result == STORE_OK && (!cql_result_read(buf_text(&s->answer), &s->result) ||
                               s->result.kind != CQL_RESULT_PREPARED)) {
        (void)error_set(err, ERROR_FATAL, "Cassandra %s: the answer to PREPARE is not one",
                        s->server);
        result = STORE_ERROR;
    }
    if (result != STORE_OK) {
        free(st->cql);
        free(st);
        return result;
    }
    memcpy(st->id, s->result.id.at, s->result.id.len);
    st->id_bytes = s->result.id.len;
    st->n_values = s->result.columns.n;
    for (size_t i = 0; i < st->n_values; i++) {
        st->types[i] = s->result.columns.of[i].type;
    }
    st->known = true;
    st->generation = generation;
    st->prepared_ns = cql_now_ns();
    st->next = s->statements;
    s->statements = st;
    *out = st;
    return STORE_OK;
}

size_t cql_statement_values(const struct cql_statement *st) {
    return st->n_values;
}

enum cql_type cql_statement_type(const struct cql_statement *st, size_t i) {
    return (enum cql_type)st->types[i];
}

// --- Rows, page by page

struct cql_values *cql_begin_select(struct cql_session *s, struct cql_statement *st) {
    buf_clear(&s->select_values);
    s->select_statement = st;
    s->values = (struct cql_values){&s->select_values, 0};
    return &s->values;
}

// The request of one page: parameters around the values, which stay the same.
static void write_page(struct cql_session *s, struct cql_request *r, uint16_t n_values) {
    struct cql_parameters p = {.consistency = s->options.consistency,
                               .page_rows = s->options.page_rows,
                               .paging_state = s->paging_state.len > 0 ? buf_text(&s->paging_state)
                                                                       : TEXT_NONE};
    cql_write_parameters_begin(&r->body, &p, n_values);
    buf_put_text(&r->body, buf_text(&s->select_values));
    cql_write_parameters_end(&r->body, &p);
}

// Hands out the rows of a page. False: the row function said stop.
static bool hand_out(struct cql_session *s, cql_row_fn row, void *user) {
    struct text cells[CQL_COLUMNS_MAX];
    while (row != NULL && cql_row_next(&s->result, cells)) {
        if (!row(user, 0, cells, s->result.columns.n)) {
            return false;
        }
    }
    return true;
}

// One page. *more: there is another.
static enum store_result one_page(struct cql_session *s, cql_row_fn row, void *user, bool *more,
                                  bool *stopped, struct error *err) {
    enum store_result result = cql_control_run(s, err);
    if (result != STORE_OK) {
        return result;
    }
    struct cql_result *got = &s->result;
    bool proper = cql_result_read(buf_text(&s->answer), got) && got->kind != CQL_RESULT_PREPARED;
    if (!proper || (row != NULL && got->kind != CQL_RESULT_ROWS)) {
        (void)error_set(err, ERROR_FATAL, "Cassandra %s: the answer has no rows", s->server);
        return STORE_ERROR;
    }
    buf_clear(&s->paging_state);
    buf_put_text(&s->paging_state, got->paging_state);
    *stopped = !hand_out(s, row, user);
    *more = s->paging_state.len > 0 && !*stopped;
    if (s->paging_state.failed) {
        (void)error_set(err, ERROR_RETRIABLE, "no memory for a page");
        return STORE_RETRY;
    }
    return STORE_OK;
}

enum store_result cql_select(struct cql_session *s, cql_row_fn row, void *user, bool *stopped,
                             struct error *err) {
    struct cql_request *r = cql_control(s);
    struct cql_statement *st = s->select_statement;
    bool more = true, stop = false;
    enum store_result result = STORE_OK;
    if (s->values.n != st->n_values || s->select_values.failed) {
        (void)error_set(err, ERROR_FATAL, "Cassandra %s: a SELECT without its values", s->server);
        return STORE_ERROR;
    }
    buf_clear(&s->paging_state);
    while (more && result == STORE_OK) {
        buf_clear(&r->body);
        write_page(s, r, (uint16_t)st->n_values);
        r->opcode = CQL_EXECUTE;
        r->statement = st;
        result = one_page(s, row, user, &more, &stop, err);
    }
    if (stopped != NULL) {
        *stopped = stop;
    }
    return result;
}

enum store_result cql_query(struct cql_session *s, const char *cql, cql_row_fn row, void *user,
                            struct error *err) {
    struct cql_request *r = cql_control(s);
    bool more = true, stop = false;
    enum store_result result = STORE_OK;
    buf_clear(&s->select_values);
    buf_clear(&s->paging_state);
    while (more && result == STORE_OK) {
        buf_clear(&r->body);
        cql_write_long_string(&r->body, text_of(cql));
        write_page(s, r, 0);
        r->opcode = CQL_QUERY;
        r->statement = NULL;
        result = one_page(s, row, user, &more, &stop, err);
    }
    return result;
}
