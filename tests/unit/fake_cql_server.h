// SPDX-License-Identifier: MIT
// A server for tests that speaks enough of the CQL protocol v4 to be well or badly behaved: one
// thread, one connection at a time, on a port of its own.
#pragma once
#include "base/buf.h"
#include "base/url.h"
#include "cql/cql_write.h"
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct fake_cql {
    // How it behaves; set before start. Numbers count down with each use.
    const char *user, *password;     // asks for them
    const char *versions;            // of SUPPORTED; NULL: 4/v4
    atomic_int unprepared;           // EXECUTEs answered with UNPREPARED until a PREPARE comes
    atomic_int n_errors, error_code; // EXECUTEs answered with this error
    atomic_int silent_after;         // EXECUTEs answered before it falls silent; -1: never
    atomic_int close_after;          // EXECUTEs answered before it closes; -1: never
    atomic_bool close_once;          // and answers again from then on
    atomic_bool backwards;           // what came together is answered last first
    atomic_bool extras;              // tracing id, warnings and payload in front of each body
    atomic_bool id_changes;          // another id at each PREPARE
    int n_pages;                     // of three rows each, for a SELECT
    const void *raw;                 // bytes that answer an EXECUTE as they are
    size_t raw_bytes;
    int wrong_kind;   // kind of RESULT for an EXECUTE, instead of void
    int stream_shift; // added to the stream of an answer
    // What it saw
    atomic_int n_connections, n_prepares, n_executes, n_good;
    char last_user[130], last_password[130];
    int64_t last_timestamp_us;
    struct buf last_values; // bytes of the last good EXECUTE, behind the id
    // Inside
    int listener;
    uint16_t port;
    pthread_t thread;
    atomic_bool stop;
    unsigned char id[16];
};

static bool fake_read(int fd, void *at, size_t n) {
    for (size_t done = 0; done < n;) {
        ssize_t got = recv(fd, (char *)at + done, n - done, 0);
        if (got <= 0) {
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

static void fake_put(struct buf *b, size_t n_bytes, uint64_t v) {
    while (n_bytes-- > 0) {
        buf_put_char(b, (char)(v >> 8 * n_bytes));
    }
}

static void fake_put_string(struct buf *b, const char *s) {
    fake_put(b, 2, strlen(s));
    buf_put_str(b, s);
}

static void fake_frame(struct fake_cql *f, struct buf *out, int stream, int opcode,
                       const struct buf *body) {
    struct buf extras = {0};
    if (atomic_load(&f->extras)) {
        fake_put(&extras, 8, 1);
        fake_put(&extras, 8, 2);
        fake_put(&extras, 2, 2);
        fake_put_string(&extras, "a warning");
        fake_put_string(&extras, "and another");
        fake_put(&extras, 2, 1);
        fake_put_string(&extras, "key");
        fake_put(&extras, 4, 5);
        buf_put_str(&extras, "value");
    }
    fake_put(out, 1, 0x84);
    fake_put(out, 1, extras.len > 0 ? 0x0E : 0);
    fake_put(out, 2, (uint16_t)stream);
    fake_put(out, 1, (uint64_t)opcode);
    fake_put(out, 4, extras.len + body->len);
    buf_put_text(out, buf_text(&extras));
    buf_put_text(out, buf_text(body));
    buf_free(&extras);
}

static void fake_error(struct fake_cql *f, struct buf *out, int stream, int code) {
    struct buf body = {0};
    fake_put(&body, 4, (uint64_t)code);
    fake_put_string(&body, "as the test asked");
    if (code == CQL_UNPREPARED) {
        fake_put(&body, 2, sizeof f->id);
        buf_put(&body, f->id, sizeof f->id);
    }
    fake_frame(f, out, stream, CQL_ERROR, &body);
    buf_free(&body);
}

// A statement that contains SELECT has one value and gives rows of (text, bigint); others have two.
static void fake_prepared(struct fake_cql *f, struct buf *out, int stream, struct text cql) {
    struct buf body = {0};
    bool select = memmem(cql.at, cql.len, "SELECT", 6) != NULL;
    int n = atomic_fetch_add(&f->n_prepares, 1);
    memset(f->id, atomic_load(&f->id_changes) ? 'a' + n : 'i', sizeof f->id);
    f->id[0] = select ? 'S' : 'I';
    atomic_store(&f->unprepared, 0);
    fake_put(&body, 4, CQL_RESULT_PREPARED);
    fake_put(&body, 2, sizeof f->id);
    buf_put(&body, f->id, sizeof f->id);
    fake_put(&body, 4, 1);
    fake_put(&body, 4, select ? 1 : 2);
    fake_put(&body, 4, 0);
    fake_put_string(&body, "ks");
    fake_put_string(&body, "table");
    fake_put_string(&body, "id");
    fake_put(&body, 2, CQL_TEXT);
    if (!select) {
        fake_put_string(&body, "n");
        fake_put(&body, 2, CQL_BIGINT);
    }
    fake_put(&body, 4, 4);
    fake_put(&body, 4, 0);
    fake_frame(f, out, stream, CQL_RESULT, &body);
    buf_free(&body);
}

// Page `page` of n: rows ("r<page>", page * 3 + i), the state is one byte, the next page's number.
static void fake_page(struct fake_cql *f, struct buf *out, int stream, int page) {
    struct buf body = {0};
    bool more = page + 1 < f->n_pages;
    fake_put(&body, 4, CQL_RESULT_ROWS);
    fake_put(&body, 4, 1 + (more ? 2 : 0));
    fake_put(&body, 4, 2);
    if (more) {
        fake_put(&body, 4, 1);
        fake_put(&body, 1, (uint64_t)page + 1);
    }
    fake_put_string(&body, "ks");
    fake_put_string(&body, "table");
    fake_put_string(&body, "id");
    fake_put(&body, 2, CQL_TEXT);
    fake_put_string(&body, "n");
    fake_put(&body, 2, CQL_BIGINT);
    fake_put(&body, 4, 3);
    for (int i = 0; i < 3; i++) {
        fake_put(&body, 4, 2);
        buf_printf(&body, "r%d", page % 10);
        fake_put(&body, 4, 8);
        fake_put(&body, 8, (uint64_t)(page * 3 + i));
    }
    fake_frame(f, out, stream, CQL_RESULT, &body);
    buf_free(&body);
}

// True: the countdown had something left.
static bool fake_use(atomic_int *n) {
    if (atomic_load(n) <= 0) {
        return false;
    }
    atomic_fetch_sub(n, 1);
    return true;
}

static void fake_execute(struct fake_cql *f, struct buf *out, int stream, struct text body) {
    atomic_fetch_add(&f->n_executes, 1);
    struct cql_in in = cql_in_of(body);
    struct text id = cql_get_string(&in);
    if (fake_use(&f->unprepared) || id.len != sizeof f->id ||
        (id.at[0] == (char)f->id[0] && memcmp(id.at, f->id, id.len) != 0)) {
        fake_error(f, out, stream, CQL_UNPREPARED);
        return;
    }
    if (fake_use(&f->n_errors)) {
        fake_error(f, out, stream, atomic_load(&f->error_code));
        return;
    }
    if (f->raw != NULL) {
        buf_put(out, f->raw, f->raw_bytes);
        return;
    }
    buf_clear(&f->last_values);
    buf_put(&f->last_values, in.at, in.left);
    atomic_fetch_add(&f->n_good, 1);
    if (id.at[0] == 'S') {
        (void)cql_get_u16(&in);
        bool paged = cql_get_u8(&in) & 0x08;
        (void)cql_get_u16(&in);
        (void)cql_get_bytes(&in);
        (void)cql_get_i32(&in);
        struct text state = paged ? cql_get_bytes(&in) : TEXT_NONE;
        fake_page(f, out, stream, state.len == 1 ? state.at[0] : 0);
        return;
    }
    if (body.len >= 8) {
        struct cql_in tail = {(const unsigned char *)body.at + body.len - 8, 8, false};
        f->last_timestamp_us = cql_get_i64(&tail);
    }
    struct buf answer = {0};
    fake_put(&answer, 4, f->wrong_kind ? (uint64_t)f->wrong_kind : CQL_RESULT_VOID);
    fake_put(&answer, 2, 0);
    fake_frame(f, out, stream + f->stream_shift, CQL_RESULT, &answer);
    buf_free(&answer);
}

static void fake_login(struct fake_cql *f, struct buf *out, int stream, struct text body) {
    struct cql_in in = cql_in_of(body);
    struct text token = cql_get_bytes(&in);
    char copy[128] = {0};
    memcpy(copy, token.at, token.len < sizeof copy ? token.len : sizeof copy - 1);
    snprintf(f->last_user, sizeof f->last_user, "%s", copy + 1);
    snprintf(f->last_password, sizeof f->last_password, "%s", copy + 2 + strlen(copy + 1));
    bool ok = strcmp(f->last_user, f->user) == 0 && strcmp(f->last_password, f->password) == 0;
    struct buf answer = {0};
    fake_put(&answer, 4, UINT32_MAX);
    if (ok) {
        fake_frame(f, out, stream, CQL_AUTH_SUCCESS, &answer);
    } else {
        fake_error(f, out, stream, CQL_AUTH_ERROR);
    }
    buf_free(&answer);
}

static void fake_answer(struct fake_cql *f, struct buf *out, int opcode, int stream,
                        struct text body) {
    struct buf b = {0};
    struct cql_in in = cql_in_of(body);
    switch (opcode) {
    case CQL_OPTIONS:
        fake_put(&b, 2, 1);
        fake_put_string(&b, "PROTOCOL_VERSIONS");
        fake_put(&b, 2, 2);
        fake_put_string(&b, "3/v3");
        fake_put_string(&b, f->versions != NULL ? f->versions : "4/v4");
        fake_frame(f, out, stream, CQL_SUPPORTED, &b);
        break;
    case CQL_STARTUP:
        if (f->user != NULL) {
            fake_put_string(&b, "org.apache.cassandra.auth.PasswordAuthenticator");
        }
        fake_frame(f, out, stream, f->user != NULL ? CQL_AUTHENTICATE : CQL_READY, &b);
        break;
    case CQL_AUTH_RESPONSE:
        fake_login(f, out, stream, body);
        break;
    case CQL_PREPARE: {
        size_t n = (size_t)cql_get_i32(&in);
        fake_prepared(f, out, stream, cql_get_raw(&in, n));
        break;
    }
    case CQL_EXECUTE:
        fake_execute(f, out, stream, body);
        break;
    default:
        fake_error(f, out, stream, CQL_SYNTAX_ERROR);
    }
    buf_free(&b);
}

static void fake_send_all(int fd, const struct buf *b) {
    for (size_t done = 0; done < b->len;) {
        ssize_t n = send(fd, b->at + done, b->len - done, MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        done += (size_t)n;
    }
}

static bool fake_more_waits(int fd, int timeout_ms) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, timeout_ms) > 0;
}

// One request; its answer is gathered until nothing more waits. False: the connection is over.
static bool fake_serve_one(struct fake_cql *f, int fd, struct buf answers[static 64], size_t *n) {
    unsigned char header[CQL_HEADER_BYTES];
    if (!fake_read(fd, header, sizeof header)) {
        return false;
    }
    struct cql_in in = {header + 2, 7, false};
    int stream = cql_get_u16(&in), opcode = cql_get_u8(&in);
    struct buf body = {0};
    body.len = (size_t)cql_get_i32(&in);
    body.at = malloc(body.len + 1);
    bool ok = fake_read(fd, body.at, body.len);
    bool execute = opcode == CQL_EXECUTE;
    if (execute && atomic_load(&f->close_after) == 0) {
        if (atomic_load(&f->close_once)) {
            atomic_store(&f->close_after, -1);
        }
        ok = false;
    } else if (execute && atomic_load(&f->silent_after) == 0) {
        // nothing
    } else if (ok) {
        if (execute) {
            (void)fake_use(&f->close_after);
            (void)fake_use(&f->silent_after);
        }
        fake_answer(f, &answers[(*n)++], opcode, stream, buf_text(&body));
    }
    free(body.at);
    return ok;
}

static void fake_serve(struct fake_cql *f, int fd) {
    struct buf answers[64] = {{0}};
    bool ok = true;
    while (ok && !atomic_load(&f->stop)) {
        size_t n = 0;
        if (!fake_more_waits(fd, 20)) {
            continue;
        }
        do {
            ok = fake_serve_one(f, fd, answers, &n);
        } while (ok && n < 64 && fake_more_waits(fd, 1));
        for (size_t i = 0; i < n; i++) {
            fake_send_all(fd, &answers[atomic_load(&f->backwards) ? n - 1 - i : i]);
        }
        for (size_t i = 0; i < n; i++) {
            buf_clear(&answers[i]);
        }
    }
    for (size_t i = 0; i < 64; i++) {
        buf_free(&answers[i]);
    }
}

static void *fake_run(void *user) {
    struct fake_cql *f = user;
    while (!atomic_load(&f->stop)) {
        if (!fake_more_waits(f->listener, 20)) {
            continue;
        }
        int fd = accept(f->listener, NULL, NULL);
        if (fd >= 0) {
            atomic_fetch_add(&f->n_connections, 1);
            fake_serve(f, fd);
            close(fd);
        }
    }
    return NULL;
}

static struct fake_cql *fake_new(void) {
    struct fake_cql *f = calloc(1, sizeof *f);
    atomic_store(&f->silent_after, -1);
    atomic_store(&f->close_after, -1);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    f->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(f->listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(f->listener, 8) != 0 ||
        getsockname(f->listener, (struct sockaddr *)&a, &size) != 0) {
        abort();
    }
    f->port = ntohs(a.sin_port);
    return f;
}

static void fake_start(struct fake_cql *f) {
    if (pthread_create(&f->thread, NULL, fake_run, f) != 0) {
        abort();
    }
}

static void fake_stop(struct fake_cql *f) {
    atomic_store(&f->stop, true);
    pthread_join(f->thread, NULL);
    close(f->listener);
    buf_free(&f->last_values);
    free(f);
}
