// SPDX-License-Identifier: MIT
// One connection to one server that speaks CQL: a pipe, the handshake, and frames out of bytes.
// One thread. Instants are of CLOCK_MONOTONIC, in nanoseconds.
#pragma once
#include "base/buf.h"
#include "cql/cql_frame.h"
#include "cql/cql_pipe.h"

struct cql_login {
    const char *user; // NULL: none; borrowed
    const char *password;
    SSL_CTX *tls; // NULL: plain; borrowed
    size_t body_max_bytes;
};

struct cql_connection {
    struct cql_pipe pipe;
    struct buf out; // frames to be sent; whoever sends appends here
    size_t out_at;  // bytes of it that are sent
    struct buf in;  // bytes received; in_at of them were handed out as frames
    size_t in_at;
    size_t body_max_bytes;
    bool open;
};

// Connects and logs in: the connection is ready for requests. ERROR_FATAL: waiting will not help
// (wrong password, certificate, protocol); ERROR_RETRIABLE otherwise. The text does not name the
// host (of several addresses the one it is about). Every address gets its share of the time. Keeps
// the memory of its buffers from an earlier use.
MUST_CHECK bool cql_connection_open(struct cql_connection *c, const char *host, uint16_t port,
                                    const struct cql_login *login, int64_t deadline_ns,
                                    struct error *err);
// Sends and receives what goes without waiting; *moved: there was something. False: broken.
MUST_CHECK bool cql_connection_send(struct cql_connection *c, bool *moved, struct error *err);
MUST_CHECK bool cql_connection_receive(struct cql_connection *c, bool *moved, struct error *err);
// The next whole frame, borrowed until the next receive. CQL_READ_BAD: `err` is filled.
MUST_CHECK enum cql_read cql_connection_next(struct cql_connection *c, struct cql_frame *out,
                                             struct error *err);
// Waits for the server; n_answers: how many are still to come (see cql_pipe_wait).
void cql_connection_wait(struct cql_connection *c, size_t n_answers, int64_t until_ns);
static inline size_t cql_connection_unsent(const struct cql_connection *c) {
    return c->out.len - c->out_at;
}
void cql_connection_close(struct cql_connection *c); // keeps the buffers
void cql_connection_free(struct cql_connection *c);
