// SPDX-License-Identifier: MIT
// Writes rows by DataStax' C++ driver, called from C: what it can do without a language around it.
// A library that cassandra_rows.py loads behind acsylla's, which has the driver in it and shows its
// functions; their declarations are of the driver's manual.
//
// Rows come as one piece of memory, native byte order: u8 statement, u8 cells, then each cell: u8
// kind, and its value:
//     t  text: u32 length, bytes       i  int: i32       l  bigint, timestamp: i64
//     d  decimal of scale 4: u32 length, bytes of the unscaled number       u  unset
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct CassCluster CassCluster;
typedef struct CassSession CassSession;
typedef struct CassFuture CassFuture;
typedef struct CassPrepared CassPrepared;
typedef struct CassStatement CassStatement;
enum { CASS_OK = 0, CASS_CONSISTENCY_ONE = 1 };

CassCluster *cass_cluster_new(void);
int cass_cluster_set_contact_points(CassCluster *c, const char *hosts);
int cass_cluster_set_port(CassCluster *c, int port);
int cass_cluster_set_consistency(CassCluster *c, int consistency);
void cass_cluster_free(CassCluster *c);
CassSession *cass_session_new(void);
CassFuture *cass_session_connect(CassSession *s, const CassCluster *c);
CassFuture *cass_session_close(CassSession *s);
void cass_session_free(CassSession *s);
CassFuture *cass_session_prepare(CassSession *s, const char *query);
CassFuture *cass_session_execute(CassSession *s, const CassStatement *statement);
int cass_future_error_code(CassFuture *f); // waits
void cass_future_error_message(CassFuture *f, const char **text, size_t *length);
const CassPrepared *cass_future_get_prepared(CassFuture *f);
int cass_future_set_callback(CassFuture *f, void (*done)(CassFuture *, void *), void *data);
void cass_future_free(CassFuture *f);
CassStatement *cass_prepared_bind(const CassPrepared *p);
void cass_prepared_free(const CassPrepared *p);
int cass_statement_bind_string_n(CassStatement *s, size_t i, const char *text, size_t length);
int cass_statement_bind_int32(CassStatement *s, size_t i, int32_t value);
int cass_statement_bind_int64(CassStatement *s, size_t i, int64_t value);
int cass_statement_bind_decimal(CassStatement *s, size_t i, const uint8_t *bytes, size_t length,
                                int32_t scale);
void cass_statement_free(CassStatement *s);

enum { STATEMENTS = 3 };

struct rows_writer {
    CassCluster *cluster;
    CassSession *session;
    const CassPrepared *prepared[STATEMENTS];
    unsigned in_flight;
    sem_t room;
    atomic_uint failed;
};

// What cassandra_rows.py calls.
struct rows_writer *rows_open(const char *host, int port, unsigned in_flight);
int rows_prepare(struct rows_writer *w, int statement, const char *cql);
long rows_write(struct rows_writer *w, const char *at, size_t length);
void rows_close(struct rows_writer *w);

// Frees the future; whether it went well.
static int done_well(CassFuture *f) {
    int code = cass_future_error_code(f);
    if (code != CASS_OK) {
        const char *text;
        size_t length;
        cass_future_error_message(f, &text, &length);
        fprintf(stderr, "cpp_driver: %.*s\n", (int)length, text);
    }
    cass_future_free(f);
    return code == CASS_OK;
}

struct rows_writer *rows_open(const char *host, int port, unsigned in_flight) {
    struct rows_writer *w = calloc(1, sizeof *w);
    if (w == NULL || sem_init(&w->room, 0, in_flight) != 0) {
        free(w);
        return NULL;
    }
    w->in_flight = in_flight;
    w->cluster = cass_cluster_new();
    w->session = cass_session_new();
    cass_cluster_set_contact_points(w->cluster, host);
    cass_cluster_set_port(w->cluster, port);
    cass_cluster_set_consistency(w->cluster, CASS_CONSISTENCY_ONE);
    if (!done_well(cass_session_connect(w->session, w->cluster))) {
        rows_close(w);
        return NULL;
    }
    return w;
}

int rows_prepare(struct rows_writer *w, int statement, const char *cql) {
    CassFuture *f = cass_session_prepare(w->session, cql);
    if (cass_future_error_code(f) == CASS_OK) {
        w->prepared[statement] = cass_future_get_prepared(f);
    }
    return done_well(f);
}

static void on_answer(CassFuture *f, void *user) { // on the driver's thread
    struct rows_writer *w = user;
    if (cass_future_error_code(f) != CASS_OK) {
        w->failed++;
    }
    sem_post(&w->room);
}

static uint32_t take_u32(const char **at) {
    uint32_t v;
    memcpy(&v, *at, sizeof v);
    *at += sizeof v;
    return v;
}

static int bind_cell(CassStatement *s, size_t i, const char **at) {
    char kind = *(*at)++;
    uint32_t length;
    int64_t wide;
    int code;
    switch (kind) {
    case 't':
        length = take_u32(at);
        code = cass_statement_bind_string_n(s, i, *at, length);
        *at += length;
        return code;
    case 'd':
        length = take_u32(at);
        code = cass_statement_bind_decimal(s, i, (const uint8_t *)*at, length, 4);
        *at += length;
        return code;
    case 'i':
        return cass_statement_bind_int32(s, i, (int32_t)take_u32(at));
    case 'l':
        memcpy(&wide, *at, sizeof wide);
        *at += sizeof wide;
        return cass_statement_bind_int64(s, i, wide);
    default:
        return CASS_OK;
    }
}

static void send_row(struct rows_writer *w, const char **at) {
    unsigned statement = (unsigned char)*(*at)++, cells = (unsigned char)*(*at)++;
    CassStatement *s = cass_prepared_bind(w->prepared[statement]);
    for (unsigned i = 0; i < cells; i++) {
        if (bind_cell(s, i, at) != CASS_OK) {
            w->failed++;
        }
    }
    sem_wait(&w->room);
    CassFuture *f = cass_session_execute(w->session, s);
    cass_future_set_callback(f, on_answer, w);
    cass_future_free(f);
    cass_statement_free(s);
}

// All rows are answered when it returns: their number, or -1.
long rows_write(struct rows_writer *w, const char *at, size_t length) {
    const char *end = at + length;
    long n = 0;
    for (; at < end; n++) {
        send_row(w, &at);
    }
    for (unsigned i = 0; i < w->in_flight; i++) {
        sem_wait(&w->room);
    }
    for (unsigned i = 0; i < w->in_flight; i++) {
        sem_post(&w->room);
    }
    return w->failed == 0 ? n : -1;
}

void rows_close(struct rows_writer *w) {
    for (int i = 0; i < STATEMENTS; i++) {
        if (w->prepared[i] != NULL) {
            cass_prepared_free(w->prepared[i]);
        }
    }
    (void)done_well(cass_session_close(w->session));
    cass_session_free(w->session);
    cass_cluster_free(w->cluster);
    sem_destroy(&w->room);
    free(w);
}
