// SPDX-License-Identifier: MIT
// A byte stream to a server, TCP or TLS over it, that never blocks but in cql_pipe_open and
// cql_pipe_wait, which have deadlines. Instants are of CLOCK_MONOTONIC, in nanoseconds. One thread.
// SIGPIPE must be ignored in this process (main does that).
#pragma once
#include "base/error.h"
#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

struct cql_pipe {
    int fd;   // -1: closed
    SSL *tls; // NULL: plain
};

// TLS as one context for all connections: system certificates, or only those of ca_file.
// Certificates and host names are always verified. The caller frees it with SSL_CTX_free.
MUST_CHECK bool cql_tls_new(const char *ca_file, SSL_CTX **out, struct error *err);

// The addresses of a host name, in the order in which they are to be tried; at least one. The
// caller frees them with freeaddrinfo. Names are looked up by the system's resolver, which has its
// own time-outs. ERROR_RETRIABLE: none is known now.
struct addrinfo;
MUST_CHECK bool cql_addresses(const char *host, uint16_t port, struct addrinfo **out,
                              struct error *err);
// Connects to this one address (and shakes hands, if tls is not NULL: the certificate must be for
// `host`) until the deadline. ERROR_FATAL: the server's certificate is not to be trusted;
// everything else is ERROR_RETRIABLE.
MUST_CHECK bool cql_pipe_open(struct cql_pipe *p, const char *host, const struct addrinfo *address,
                              SSL_CTX *tls, int64_t deadline_ns, struct error *err);
// As many bytes as go without waiting, in *n (0: none now). False: the connection is broken.
MUST_CHECK bool cql_pipe_write(struct cql_pipe *p, const char *at, size_t n_bytes, size_t *n,
                               struct error *err);
MUST_CHECK bool cql_pipe_read(struct cql_pipe *p, char *at, size_t n_bytes, size_t *n,
                              struct error *err);
// Waits until something can be read, or written if asked. read_at_least: bytes that will certainly
// come; waking up for fewer is not worth it (a plain connection only). False: the time is over.
bool cql_pipe_wait(struct cql_pipe *p, bool for_write, size_t read_at_least, int64_t until_ns);
void cql_pipe_close(struct cql_pipe *p); // closed already: fine
