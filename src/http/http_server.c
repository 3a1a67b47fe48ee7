// SPDX-License-Identifier: MIT
// The HTTP door's loop: one thread, one epoll set with the library's own set, the wake-up
// descriptor, signals and the viewers' sockets. The library runs without threads of its own:
// everything of it is called here and nowhere else (resuming connections from another thread stalls
// at some hundred connections in version 0.9.75).
//
// A turn: complete requests that came back (answers are queued, connections resumed), run the
// library (which reads, calls http_on_request, writes), send to some viewers, act on deadlines,
// wait.
//
// Stopping: no new connections, idle ones are closed, requests in flight get their answers, for at
// most STOP_MS; then http_run returns and the caller lets the engine settle what it still has.
#include "http/http_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "http/http_library.h"
#include "http/http_listen.h"
#include "http/login_limit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    EVENTS_A_TURN = 256,
    STOP_MS = 10 * 1000,
    SEND_MS = 120 * 1000,
    LINGER_MS = 10 * 1000,
    DRAIN_MS = 2 * 1000,
    HEARTBEAT_MS = 15 * 1000,
    STALL_MS = 30 * 1000,
    TRIM_EVERY_MS = 2000,
    WORKER_THREADS = 4, // of which questions leave one to orders
    WORKER_QUEUE = 64,
    // Head of a request, and what is read of its body at once. The library copies cookies once
    // more, so half of it is what they may have. It clears all of it after each request, which
    // costs about a microsecond: more room for the few would slow all down.
    CONNECTION_BYTES = 12 * 1024,
    SPARE_DESCRIPTORS = 128,
    LEAST_DESCRIPTORS = 64, // our own, and a few connections
};

// Heads as RFC 9112 has them. Versions without this option are looked after in http_head.c.
#if MHD_VERSION >= 0x00097601
#define STRICT_CLIENTS MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1,
#else
#define STRICT_CLIENTS
#endif

// What an epoll event is about, when it is not a viewer.
static _Alignas(4) char tag_library, tag_wake, tag_signal; // the bits EVENT_... are clear

static int64_t monotonic_ms(const struct http_server *s) {
    return clock_monotonic_ns(s->options.clock) / 1000000;
}

// --- Completed requests: a stack that any thread pushes to and the loop takes as a whole.

void http_wake(struct http_server *s) {
    if (atomic_exchange(&s->asleep, false)) {
        uint64_t one = 1;
        ssize_t n = write(s->wake_fd, &one, sizeof one);
        UNUSED(n); // a full counter wakes as well
    }
}

void http_complete(struct request *r) {
    struct http_server *s = r->server;
    struct request *top = atomic_load(&s->done);
    do {
        r->next = top;
    } while (!atomic_compare_exchange_weak(&s->done, &top, r));
    http_wake(s);
}

static void continue_completed(struct http_server *s) {
    struct request *r = atomic_exchange(&s->done, NULL), *in_order = NULL;
    while (r != NULL) { // newest first: turn the list over
        struct request *next = r->next;
        r->next = in_order;
        in_order = r;
        r = next;
    }
    while (in_order != NULL) {
        r = in_order;
        in_order = r->next;
        http_returned(r);
    }
}

void http_stream_changed(void *server) {
    struct http_server *s = server;
    atomic_store(&s->stream_changed, true);
    http_wake(s);
}

// --- Making

static bool watch(struct http_server *s, int fd, void *tag, struct error *err) {
    struct epoll_event want = {.events = EPOLLIN, .data.ptr = tag};
    return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &want) == 0 ||
           error_set(err, ERROR_FATAL, "epoll: %s", strerror(errno));
}

// Who but this machine's users can reach this server, for messages; "": nobody.
static void say_reach(const struct http_server *s, char out[static 512]) {
    const struct http_options *o = &s->options;
    const struct public_url *u = &o->public_urls.at[0];
    out[0] = '\0';
    if (!s->loopback) {
        snprintf(out, 512, "--listen %s is beyond loopback", o->listen);
    } else if (o->public_urls.n > 0) {
        snprintf(out, 512, "--public-url lets in who reaches %s://%s", u->scheme, u->host);
    }
}

static bool open_keys(struct http_server *s, struct error *err) {
    const struct http_options *o = &s->options;
    char reach[512];
    say_reach(s, reach);
    bool reachable = reach[0] != '\0';
    s->keys_needed = o->require_keys || (reachable && !o->insecure);
    s->login_limit = s->keys_needed ? mem_zalloc(1, sizeof *s->login_limit) : NULL;
    s->webhook_keyring = webhook_keyring_new(o->directory);
    if (!keys_open(o->directory, &s->keys, err)) {
        return false;
    }
    if (reachable && s->keys_needed && keys_count(s->keys) == 0) {
        return error_set(err, ERROR_USAGE,
                         "%s and there are no API keys: make one with "
                         "`salestide key new --scope ingest --data %s`, or say --insecure",
                         reach, o->directory);
    }
    if (reachable && !s->keys_needed) {
        log_warn("http", "%s, and --insecure asks for no key: anybody can read and write", reach);
    }
    if (!reachable && s->keys_needed && keys_count(s->keys) == 0) {
        log_warn("http",
                 "--require-keys and there are no API keys yet: every call is refused until one is "
                 "made with `salestide key new`");
    }
    return true;
}

// As many descriptors as connections, viewers and files can need.
static bool raise_descriptor_limit(const struct http_limits *limits, struct error *err) {
    struct rlimit now;
    rlim_t want = (rlim_t)limits->connections + limits->viewers + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_cur >= want) {
        return true;
    }
    now.rlim_cur = now.rlim_max < want ? now.rlim_max : want;
    bool raised = setrlimit(RLIMIT_NOFILE, &now) == 0;
    if (now.rlim_cur < LEAST_DESCRIPTORS) {
        return error_set(err, ERROR_FATAL,
                         "this process may open %llu files only, too few to serve anybody: raise "
                         "ulimit -n (LimitNOFILE= of a systemd unit)",
                         (unsigned long long)now.rlim_cur);
    }
    if (!raised || now.rlim_cur < want) {
        log_warn("http",
                 "this process may open %llu files only: fewer than --max-connections and "
                 "--max-viewers need (raise ulimit -n)",
                 (unsigned long long)now.rlim_cur);
    }
    return true;
}

static bool start_library(struct http_server *s, int listen_fd, struct error *err) {
    // TURBO: tries to read and write before it asks epoll, and closes without shutdown, on which
    // http_viewer.c relies.
    unsigned flags = MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    s->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, http_on_request, s, MHD_OPTION_LISTEN_SOCKET, listen_fd,
        MHD_OPTION_EXTERNAL_LOGGER, http_library_says, s, MHD_OPTION_URI_LOG_CALLBACK,
        http_on_target, s, MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, s,
        MHD_OPTION_NOTIFY_CONNECTION, http_connection_notice, s, MHD_OPTION_CONNECTION_LIMIT,
        s->options.limits.connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, STRICT_CLIENTS MHD_OPTION_END);
    if (s->daemon == NULL) {
        close(listen_fd);
        return error_set(err, ERROR_FATAL, "cannot start the HTTP library: %s", strerror(errno));
    }
    s->mhd_fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->listen_fd;
    return watch(s, s->mhd_fd, &tag_library, err);
}

static bool http_server_start(struct http_server *s, struct error *err) {
    const struct http_options *o = &s->options;
    struct listen_address address;
    if (!listen_parse(o->listen, &address, err)) {
        return false;
    }
    s->loopback = address.loopback;
    snprintf(s->listen_host, sizeof s->listen_host, "%s", address.host);
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->epoll_fd < 0 || s->wake_fd < 0) {
        return error_set(err, ERROR_FATAL, "epoll: %s", strerror(errno));
    }
    const struct http_workers_options workers = {
        .threads = WORKER_THREADS,
        .max_waiting = WORKER_QUEUE,
        .open_reader = o->open_reader,
        .open_reader_user = o->user,
    };
    if (!raise_descriptor_limit(&o->limits, err) || !watch(s, s->wake_fd, &tag_wake, err) ||
        !open_keys(s, err) || !http_files_new(s, err) ||
        !http_workers_start(&workers, &s->workers, err)) {
        return false;
    }
    int port = 0;
    int listen_fd = listen_open(&address, &port, err);
    if (listen_fd < 0 || !start_library(s, listen_fd, err)) {
        return false;
    }
    snprintf(s->url, sizeof s->url, "http://%s:%d/", address.host, port);
    return true;
}

bool http_new(const struct http_options *options, struct http_server **out, struct error *err) {
    struct http_server *s = mem_zalloc(1, sizeof *s);
    s->options = *options;
    s->budget.limit_bytes = options->limits.inflight_bytes;
    s->epoll_fd = s->wake_fd = -1;
    s->now_ms = monotonic_ms(s);
    s->started_ms = clock_now_ms(s->options.clock);
    s->deadlines.of[DEADLINE_HEADERS].after_ms = options->limits.headers_ms;
    s->deadlines.of[DEADLINE_BODY].after_ms = options->limits.body_ms;
    s->deadlines.of[DEADLINE_IDLE].after_ms = options->limits.idle_ms;
    s->deadlines.of[DEADLINE_SEND].after_ms = SEND_MS;
    s->deadlines.of[DEADLINE_LINGER].after_ms = LINGER_MS;
    s->deadlines.of[DEADLINE_DRAIN].after_ms = DRAIN_MS;
    s->deadlines.of[DEADLINE_HEARTBEAT].after_ms = HEARTBEAT_MS;
    s->deadlines.of[DEADLINE_STALL].after_ms = STALL_MS;
    s->parser = mem_must(order_json_new(NULL));
    http_replies_new(s);
    http_viewers_new(s);
    if (!http_server_start(s, err)) {
        http_free(s);
        return false;
    }
    *out = s;
    return true;
}

const char *http_url(const struct http_server *s) {
    return s->url;
}

bool http_keys_required(const struct http_server *s) {
    return s->keys_needed;
}

void http_set_stream(struct http_server *s, struct http_stream stream) {
    s->stream = stream;
}

// --- Running

static void begin_to_stop(struct http_server *s) {
    if (s->stopping) {
        return;
    }
    log_info("http", "stopping: %zu requests in flight", s->n_requests);
    s->stopping = true;
    MHD_socket fd = MHD_quiesce_daemon(s->daemon);
    if (fd != MHD_INVALID_SOCKET) {
        close(fd);
    }
    http_connections_close_idle(s);
}

static void take_signals(struct http_server *s, int signal_fd) {
    struct signalfd_siginfo info;
    while (read(signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGHUP) {
            begin_to_stop(s);
        } else if (s->options.reload != NULL) {
            s->options.reload(s->options.user);
        } else {
            log_info("http", "SIGHUP: there is nothing to read again");
        }
    }
}

static void run_library(struct http_server *s) {
    int64_t closed_before = s->n_closed;
    MHD_run(s->daemon);
    if (s->n_closed != closed_before) {
        MHD_run(s->daemon); // at the limit of connections only the next run listens again
    }
}

// How long the loop may sleep.
static int wait_ms(struct http_server *s, bool more) {
    MHD_UNSIGNED_LONG_LONG library_ms = 0;
    bool pending = MHD_get_timeout(s->daemon, &library_ms) == MHD_YES && library_ms == 0;
    bool progress = s->n_events != s->n_events_seen;
    s->n_events_seen = s->n_events;
    if (more || (pending && (progress || s->n_parked == 0))) {
        return 0;
    }
    if (pending) {
        return 1; // parked requests look like pending data; a look a millisecond finds the latter
    }
    int64_t ms = deadline_wait_ms(&s->deadlines, s->now_ms);
    int64_t longest_ms = s->stopping                                   ? 100
                         : s->keys_needed && http_viewers_count(s) > 0 ? KEYS_LOOK_EVERY_MS
                         : s->n_free_submissions > 0                   ? TRIM_EVERY_MS
                                                                       : 60000;
    return (int)(ms < 0 || ms > longest_ms ? longest_ms : ms);
}

// Sleeps until something happens; acts on signals and on viewers' sockets.
static void wait_for_events(struct http_server *s, int signal_fd, int timeout_ms) {
    struct epoll_event events[EVENTS_A_TURN];
    if (timeout_ms != 0) {
        atomic_store(&s->asleep, true);
        if (atomic_load(&s->done) != NULL || atomic_load(&s->stream_changed)) {
            timeout_ms = 0; // came between the last look and falling asleep
        }
    }
    int n = epoll_wait(s->epoll_fd, events, EVENTS_A_TURN, timeout_ms);
    atomic_store(&s->asleep, false);
    s->now_ms = monotonic_ms(s);
    for (int i = 0; i < n; i++) {
        void *tag = events[i].data.ptr;
        if (events[i].data.u64 & EVENT_LINGERING) {
            http_linger_event(s, events[i].data.u64);
            continue;
        }
        if (events[i].data.u64 & EVENT_CLIENT_DONE) {
            http_client_done(events[i].data.u64);
            continue;
        }
        if (tag == &tag_wake) {
            uint64_t count;
            ssize_t got = read(s->wake_fd, &count, sizeof count);
            UNUSED(got);
        } else if (tag == &tag_signal) {
            take_signals(s, signal_fd);
        } else if (tag != &tag_library) {
            http_viewer_event(s, tag, events[i].events);
        }
    }
}

// Gives back what a burst of requests took: submissions not needed lately, and when none is left
// the rest at once.
static void trim_memory(struct http_server *s, int64_t *trimmed_ms) {
    if (s->now_ms - *trimmed_ms < TRIM_EVERY_MS || s->n_free_submissions == 0) {
        return;
    }
    *trimmed_ms = s->now_ms;
    http_submissions_trim(s, false);
    if (s->n_free_submissions == 0 && s->n_requests == 0) {
        http_requests_free(s);
    }
}

void http_run(struct http_server *s, const sigset_t *signals) {
    struct error err = {0};
    int signal_fd = signalfd(-1, signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signal_fd < 0 || !watch(s, signal_fd, &tag_signal, &err)) {
        log_error("http", "cannot take signals: %s", strerror(errno));
        begin_to_stop(s);
    }
    int64_t trimmed_ms = s->now_ms, stop_at_ms = INT64_MAX;
    while (!(s->stopping && (s->n_requests == 0 || s->now_ms >= stop_at_ms))) {
        continue_completed(s);
        run_library(s);
        if (atomic_exchange(&s->stream_changed, false)) {
            http_viewers_notify(s);
        }
        bool more = http_viewers_pump(s);
        http_deadlines_run(s);
        http_keys_watch(s);
        trim_memory(s, &trimmed_ms);
        wait_for_events(s, signal_fd, wait_ms(s, more));
        if (s->stopping && stop_at_ms == INT64_MAX) {
            stop_at_ms = s->now_ms + STOP_MS;
        }
    }
    if (s->n_requests > 0) {
        log_warn("http", "%zu requests did not end within %d s", s->n_requests, STOP_MS / 1000);
    }
    http_viewers_close(s);
    http_lingering_close(s);
    if (signal_fd >= 0) {
        close(signal_fd);
    }
}

// --- Freeing

void http_free(struct http_server *s) {
    if (s == NULL) {
        return;
    }
    http_workers_stop(s->workers);
    s->workers = NULL;
    if (s->daemon != NULL) {
        // Whatever was away has come back by now: the engine is gone and the workers are joined.
        // The library insists that every connection is resumed.
        continue_completed(s);
        MHD_run(s->daemon);
        MHD_run(s->daemon); // answers of parked requests are made in one turn and sent in the next
        http_connections_close_all(s);
        MHD_run(s->daemon);
        MHD_stop_daemon(s->daemon);
    }
    http_lingering_close(s);
    http_viewers_free(s);
    http_files_free(s);
    http_replies_free(s);
    http_requests_free(s);
    http_submissions_trim(s, true);
    order_json_free(s->parser);
    keys_free(s->keys);
    webhook_keyring_free(s->webhook_keyring);
    free(s->login_limit);
    if (s->wake_fd >= 0) {
        close(s->wake_fd);
    }
    if (s->epoll_fd >= 0) {
        close(s->epoll_fd);
    }
    free(s);
}
