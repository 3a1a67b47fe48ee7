// SPDX-License-Identifier: MIT
// TCP and TLS for the CQL client.
//
// Opening: connect without blocking, poll, then the TLS handshake in the same way, all until one
// deadline. From then on reads and writes never wait.
//
// How it fails: one line that says what happened; a certificate that does not verify is the only
// fatal reason, since it will not go away by waiting.
#include "cql/cql_pipe.h"

#include "base/clock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int64_t now_ns(void) {
    return clock_monotonic_ns(clock_system());
}

// Milliseconds for poll, rounded up so that it does not spin at the end.
static int poll_ms(int64_t until_ns) {
    int64_t left = until_ns - now_ns();
    return left <= 0                       ? 0
           : left > INT64_C(3600000000000) ? 3600000
                                           : (int)((left + 999999) / 1000000);
}

static bool poll_fd(int fd, short events, int64_t until_ns) {
    struct pollfd p = {.fd = fd, .events = events};
    int n;
    do {
        n = poll(&p, 1, poll_ms(until_ns));
    } while (n < 0 && errno == EINTR && now_ns() < until_ns);
    return n > 0;
}

// --- TLS

static const char *tls_reason(char out[static 256]) {
    unsigned long code = ERR_get_error();
    if (code == 0) {
        return "the server closed the connection";
    }
    ERR_error_string_n(code, out, 256);
    const char *reason = ERR_reason_error_string(code);
    ERR_clear_error();
    return reason != NULL ? reason : out;
}

bool cql_tls_new(const char *ca_file, SSL_CTX **out, struct error *err) {
    char why[256];
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL) {
        return error_set(err, ERROR_FATAL, "TLS cannot be set up: %s", tls_reason(why));
    }
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    int ok = ca_file != NULL ? SSL_CTX_load_verify_locations(ctx, ca_file, NULL)
                             : SSL_CTX_set_default_verify_paths(ctx);
    if (ok != 1) {
        SSL_CTX_free(ctx);
        return error_set(err, ERROR_USAGE, "%s: no certificates of authorities can be read: %s",
                         ca_file != NULL ? ca_file : "the system's store", tls_reason(why));
    }
    *out = ctx;
    return true;
}

// The certificate has to be for this host: by address if it is one, else by name.
static bool expect_host(SSL *tls, const char *host) {
    unsigned char address[16];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) == 1;
    }
    return SSL_set1_host(tls, host) == 1 && SSL_set_tlsext_host_name(tls, host) == 1;
}

static bool handshake_failed(SSL *tls, struct error *err) {
    long verify = SSL_get_verify_result(tls);
    if (verify != X509_V_OK) {
        return error_set(err, ERROR_FATAL,
                         "its certificate is refused: %s (does the file of certificate authorities "
                         "fit, and is the host named as in the certificate?)",
                         X509_verify_cert_error_string(verify));
    }
    char why[256];
    return error_set(err, ERROR_RETRIABLE, "the TLS handshake failed: %s (does it speak TLS?)",
                     tls_reason(why));
}

static bool tls_handshake(struct cql_pipe *p, const char *host, SSL_CTX *ctx, int64_t deadline_ns,
                          struct error *err) {
    p->tls = SSL_new(ctx);
    if (p->tls == NULL || !expect_host(p->tls, host) || SSL_set_fd(p->tls, p->fd) != 1) {
        char why[256];
        return error_set(err, ERROR_FATAL, "TLS cannot be set up: %s", tls_reason(why));
    }
    for (;;) {
        ERR_clear_error();
        int n = SSL_connect(p->tls);
        if (n == 1) {
            return true;
        }
        int wants = SSL_get_error(p->tls, n);
        if (wants != SSL_ERROR_WANT_READ && wants != SSL_ERROR_WANT_WRITE) {
            return handshake_failed(p->tls, err);
        }
        if (!poll_fd(p->fd, wants == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline_ns)) {
            return error_set(err, ERROR_RETRIABLE, "the TLS handshake was not answered in time");
        }
    }
}

// --- TCP

static bool connect_address(struct cql_pipe *p, const struct addrinfo *a, int64_t deadline_ns,
                            struct error *err) {
    p->fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (p->fd < 0) {
        return error_set(err, ERROR_RETRIABLE, "no socket: %s", strerror(errno));
    }
    int on = 1;
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(p->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    int code = 0;
    if (connect(p->fd, a->ai_addr, a->ai_addrlen) != 0) {
        code = errno;
        if (code == EINPROGRESS) {
            socklen_t size = sizeof code;
            if (!poll_fd(p->fd, POLLOUT, deadline_ns)) {
                code = ETIMEDOUT;
            } else if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0) {
                code = errno;
            }
        }
    }
    return code == 0 || error_set(err, ERROR_RETRIABLE, "%s", strerror(code));
}

bool cql_addresses(const char *host, uint16_t port, struct addrinfo **out, struct error *err) {
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG};
    int code = getaddrinfo(host, service, &hints, out);
    return code == 0 ||
           error_set(err, ERROR_RETRIABLE, "no address of that name: %s", gai_strerror(code));
}

bool cql_pipe_open(struct cql_pipe *p, const char *host, const struct addrinfo *address,
                   SSL_CTX *tls, int64_t deadline_ns, struct error *err) {
    *p = (struct cql_pipe){.fd = -1};
    bool ok = connect_address(p, address, deadline_ns, err) &&
              (tls == NULL || tls_handshake(p, host, tls, deadline_ns, err));
    if (!ok) {
        cql_pipe_close(p);
    }
    return ok;
}

// --- Bytes

// What a call of OpenSSL that did not succeed means: later, or broken.
static bool tls_outcome(struct cql_pipe *p, int result, struct error *err) {
    int wants = SSL_get_error(p->tls, result);
    if (wants == SSL_ERROR_WANT_READ || wants == SSL_ERROR_WANT_WRITE) {
        return true;
    }
    char why[256];
    return error_set(err, ERROR_RETRIABLE, "%s",
                     wants == SSL_ERROR_SYSCALL && errno != 0 ? strerror(errno) : tls_reason(why));
}

bool cql_pipe_write(struct cql_pipe *p, const char *at, size_t n_bytes, size_t *n,
                    struct error *err) {
    *n = 0;
    if (p->tls != NULL) {
        ERR_clear_error();
        int result = SSL_write_ex(p->tls, at, n_bytes, n);
        return result == 1 || tls_outcome(p, result, err);
    }
    ssize_t sent = send(p->fd, at, n_bytes, MSG_NOSIGNAL);
    if (sent >= 0) {
        *n = (size_t)sent;
        return true;
    }
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ||
           error_set(err, ERROR_RETRIABLE, "%s", strerror(errno));
}

bool cql_pipe_read(struct cql_pipe *p, char *at, size_t n_bytes, size_t *n, struct error *err) {
    *n = 0;
    if (p->tls != NULL) {
        ERR_clear_error();
        int result = SSL_read_ex(p->tls, at, n_bytes, n);
        return result == 1 || tls_outcome(p, result, err);
    }
    ssize_t got = recv(p->fd, at, n_bytes, 0);
    if (got > 0) {
        *n = (size_t)got;
        return true;
    }
    if (got == 0) {
        return error_set(err, ERROR_RETRIABLE, "the server closed the connection");
    }
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ||
           error_set(err, ERROR_RETRIABLE, "%s", strerror(errno));
}

bool cql_pipe_wait(struct cql_pipe *p, bool for_write, size_t read_at_least, int64_t until_ns) {
    if (p->tls != NULL && SSL_pending(p->tls) > 0) {
        return true;
    }
    if (p->tls == NULL) {
        // One wake-up for many small answers. Not with TLS: its records are counted by nobody here.
        enum { LOW_MAX_BYTES = 16 * 1024 };
        int low = read_at_least > LOW_MAX_BYTES ? LOW_MAX_BYTES
                                                : (read_at_least > 0 ? (int)read_at_least : 1);
        setsockopt(p->fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low);
    }
    return poll_fd(p->fd, (short)(POLLIN | (for_write ? POLLOUT : 0)), until_ns);
}

void cql_pipe_close(struct cql_pipe *p) {
    if (p->tls != NULL) {
        SSL_set_quiet_shutdown(p->tls, 1);
        SSL_free(p->tls);
        p->tls = NULL;
    }
    if (p->fd >= 0) {
        close(p->fd);
        p->fd = -1;
    }
}
