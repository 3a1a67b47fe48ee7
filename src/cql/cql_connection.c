// SPDX-License-Identifier: MIT
// One CQL connection.
//
// Opening: each address of the host's name in turn, each with its share of the time. Then the
// handshake, one request at a time on stream 0:
//     OPTIONS → SUPPORTED   (so a password goes only to what speaks CQL)
//     STARTUP → READY, or AUTHENTICATE: AUTH_RESPONSE (SASL PLAIN) → AUTH_SUCCESS
// Then frames go out of `out` and come into `in`, as the socket allows.
//
// How it fails: everything that is not the expected answer ends the connection, with a line that
// says what came. A server that is silent is given up at the deadline.
#include "cql/cql_connection.h"

#include "base/clock.h"
#include "cql/cql_write.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

enum {
    READ_ROOM_BYTES = 64 * 1024,
    BUFFER_KEPT_BYTES = 4 << 20, // a buffer that grew beyond is given back
    ANSWER_MIN_BYTES = CQL_HEADER_BYTES + 4,
};

bool cql_connection_send(struct cql_connection *c, bool *moved, struct error *err) {
    while (c->out_at < c->out.len) {
        size_t n;
        if (!cql_pipe_write(&c->pipe, c->out.at + c->out_at, c->out.len - c->out_at, &n, err)) {
            return false;
        }
        if (n == 0) {
            return true;
        }
        c->out_at += n;
        *moved = true;
    }
    buf_clear(&c->out);
    c->out_at = 0;
    return true;
}

// Moves what is not used yet to the front.
static void compact_input(struct cql_connection *c) {
    size_t left = c->in.len - c->in_at;
    if (left == 0 && c->in.cap > BUFFER_KEPT_BYTES) {
        buf_free(&c->in);
    } else if (left > 0 && c->in_at > 0) {
        memmove(c->in.at, c->in.at + c->in_at, left);
    }
    c->in.len = left;
    c->in_at = 0;
}

bool cql_connection_receive(struct cql_connection *c, bool *moved, struct error *err) {
    compact_input(c);
    // A large frame is read in growing steps: memory follows what came, not what was announced.
    size_t room = c->in.len > READ_ROOM_BYTES ? c->in.len : READ_ROOM_BYTES;
    if (!buf_reserve(&c->in, room)) {
        c->in.failed = false;
        return error_set(err, ERROR_RETRIABLE, "no memory for an answer of more than %zu bytes",
                         c->in.len);
    }
    size_t n;
    if (!cql_pipe_read(&c->pipe, c->in.at + c->in.len, c->in.cap - c->in.len, &n, err)) {
        return false;
    }
    c->in.len += n;
    *moved = *moved || n > 0;
    return true;
}

enum cql_read cql_connection_next(struct cql_connection *c, struct cql_frame *out,
                                  struct error *err) {
    struct text rest = {c->in.at + c->in_at, c->in.len - c->in_at};
    if (rest.len == 0) {
        return CQL_READ_MORE;
    }
    enum cql_read r = cql_frame_read(rest, c->body_max_bytes, out);
    if (r == CQL_READ_OK) {
        c->in_at += out->n_bytes;
    } else if (r == CQL_READ_BAD && out->version_seen > 0) {
        (void)error_set(err, ERROR_FATAL, "%s (it answered in version %u)", out->problem,
                        out->version_seen);
    } else if (r == CQL_READ_BAD) {
        (void)error_set(err, ERROR_RETRIABLE, "%s", out->problem);
    }
    return r;
}

void cql_connection_wait(struct cql_connection *c, size_t n_answers, int64_t until_ns) {
    size_t partial = c->in.len - c->in_at, least = n_answers * ANSWER_MIN_BYTES;
    bool for_write = cql_connection_unsent(c) > 0;
    (void)cql_pipe_wait(&c->pipe, for_write, least > partial ? least - partial : 1, until_ns);
}

// --- Handshake

// Sends what is in `out` and waits for one frame.
static bool ask(struct cql_connection *c, int64_t deadline_ns, struct cql_frame *answer,
                struct error *err) {
    if (c->out.failed) {
        return error_set(err, ERROR_RETRIABLE, "no memory for a request");
    }
    for (;;) {
        bool moved = false;
        if (!cql_connection_send(c, &moved, err)) {
            return false;
        }
        switch (cql_connection_next(c, answer, err)) {
        case CQL_READ_OK:
            return true;
        case CQL_READ_BAD:
            return false;
        case CQL_READ_MORE:
            break;
        }
        if (clock_monotonic_ns(clock_system()) >= deadline_ns) {
            return error_set(err, ERROR_RETRIABLE, "no answer in time");
        }
        cql_connection_wait(c, 0, deadline_ns);
        if (!cql_connection_receive(c, &moved, err)) {
            return false;
        }
    }
}

static bool refused(const struct cql_frame *f, const char *to, struct error *err) {
    struct cql_error e;
    if (f->opcode != CQL_ERROR || !cql_error_read(f->body, &e)) {
        return error_set(err, ERROR_RETRIABLE, "an unexpected answer to %s: opcode 0x%02x", to,
                         f->opcode);
    }
    char line[CQL_MESSAGE_MAX_BYTES + 1];
    bool for_ever = e.code == CQL_AUTH_ERROR || e.code == CQL_PROTOCOL_ERROR;
    return error_set(err, for_ever ? ERROR_FATAL : ERROR_RETRIABLE, "%s refused with %s: %s", to,
                     cql_error_name(e.code), cql_message_line(e.message, line));
}

static bool check_options(struct cql_connection *c, int64_t deadline_ns, struct error *err) {
    struct cql_frame f;
    bool named, found;
    cql_write_options(&c->out, 0);
    if (!ask(c, deadline_ns, &f, err)) {
        return false;
    }
    if (f.opcode != CQL_SUPPORTED) {
        return refused(&f, "OPTIONS", err);
    }
    if (!cql_supported_read(f.body, TEXT_LIT("PROTOCOL_VERSIONS"), TEXT_LIT("/v4"), &named,
                            &found)) {
        return error_set(err, ERROR_RETRIABLE, "SUPPORTED is not as it should be");
    }
    return !named || found ||
           error_set(err, ERROR_FATAL, "the server does not offer version 4 of the CQL protocol");
}

static bool log_in(struct cql_connection *c, const struct cql_login *login, int64_t deadline_ns,
                   struct error *err) {
    struct cql_frame f;
    if (login->user == NULL) {
        return error_set(err, ERROR_FATAL, "it asks for a user name and password; none were given");
    }
    cql_write_auth_plain(&c->out, 0, text_of(login->user), text_of(login->password));
    if (!ask(c, deadline_ns, &f, err)) {
        return false;
    }
    return f.opcode == CQL_AUTH_SUCCESS || refused(&f, "the login", err);
}

static bool handshake(struct cql_connection *c, const struct cql_login *login, int64_t deadline_ns,
                      struct error *err) {
    struct cql_frame f;
    if (!check_options(c, deadline_ns, err)) {
        return false;
    }
    cql_write_startup(&c->out, 0);
    if (!ask(c, deadline_ns, &f, err)) {
        return false;
    }
    if (f.opcode == CQL_AUTHENTICATE) {
        return log_in(c, login, deadline_ns, err);
    }
    return f.opcode == CQL_READY || refused(&f, "STARTUP", err);
}

static bool open_at(struct cql_connection *c, const char *host, const struct addrinfo *address,
                    const struct cql_login *login, int64_t deadline_ns, struct error *err) {
    cql_connection_close(c);
    if (!cql_pipe_open(&c->pipe, host, address, login->tls, deadline_ns, err)) {
        return false;
    }
    c->open = true;
    if (!handshake(c, login, deadline_ns, err)) {
        cql_connection_close(c);
        return false;
    }
    return true;
}

// When the next of n_left addresses is given up: the time that is left is shared out among them,
// the handshake included, so that none that is dead or silent takes the time of the others.
static int64_t share_ends_ns(int64_t deadline_ns, size_t n_left) {
    int64_t now_ns = clock_monotonic_ns(clock_system());
    return now_ns < deadline_ns ? now_ns + (deadline_ns - now_ns) / (int64_t)n_left : deadline_ns;
}

// The last error, with the address it is of where there are several.
static void name_address(const struct addrinfo *address, struct error *err) {
    char name[INET6_ADDRSTRLEN];
    struct error inner = *err;
    if (getnameinfo(address->ai_addr, address->ai_addrlen, name, sizeof name, NULL, 0,
                    NI_NUMERICHOST) == 0) {
        (void)error_set(err, inner.cls, "%s: %.400s", name, inner.text);
    }
}

bool cql_connection_open(struct cql_connection *c, const char *host, uint16_t port,
                         const struct cql_login *login, int64_t deadline_ns, struct error *err) {
    struct addrinfo *all;
    cql_connection_close(c);
    c->body_max_bytes = login->body_max_bytes;
    if (!cql_addresses(host, port, &all, err)) {
        return false;
    }
    size_t n_left = 0;
    for (const struct addrinfo *a = all; a != NULL; a = a->ai_next) {
        n_left++;
    }
    const bool several = n_left > 1;
    bool ok = false;
    for (const struct addrinfo *a = all; a != NULL && !ok; a = a->ai_next, n_left--) {
        ok = open_at(c, host, a, login, share_ends_ns(deadline_ns, n_left), err);
        if (!ok && several) {
            name_address(a, err);
        }
        if (!ok && err->cls != ERROR_RETRIABLE) {
            break; // nor will another address of the host know this password
        }
    }
    freeaddrinfo(all);
    return ok;
}

void cql_connection_close(struct cql_connection *c) {
    if (c->open) {
        cql_pipe_close(&c->pipe);
        c->open = false;
    }
    buf_clear(&c->out);
    buf_clear(&c->in);
    c->out_at = c->in_at = 0;
}

void cql_connection_free(struct cql_connection *c) {
    cql_connection_close(c);
    // A password went through here.
    if (c->out.at != NULL) {
        explicit_bzero(c->out.at, c->out.cap);
    }
    buf_free(&c->out);
    buf_free(&c->in);
}
