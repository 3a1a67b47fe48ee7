// SPDX-License-Identifier: MIT
// From POST to the live page: orders go in at a steady rate, viewers of /v1/stream read along.
//
//     bench_stream PORT RATE SECONDS VIEWERS [CONNECTIONS [BEFORE [plain]]]
//
// One thread, one epoll set, so that it takes little from the cores it shares with the server.
// 1. VIEWERS connections open the stream, packed as browsers ask for it or plain; each waits for
//    its first snapshot.
// 2. Order k is due at start + k / RATE. It goes out on the next idle of CONNECTIONS keep-alive
//    connections. All times count from when it was due, so a server (or this program) that falls
//    behind is seen in them.
// 3. Every event says how many orders were accepted in all. The k-th order sent has arrived at a
//    viewer with the first event whose count includes k orders.
// 4. It ends when every answer is there and every viewer has seen all orders, or DRAIN_NS later. A
//    viewer is right when the last total it was told is that of all orders, to the last digit.
// Prints one JSON object: counts, times in ms, and when the first order was due (monotonic clock).
// Ends with 1 when an answer is not 202 or something breaks. With 0 viewers there is no stream.
#include "stream_events.h"

#include "base/clock.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS INT64_C(1000000000)
#define BUCKET_NS INT64_C(10000)
#define START_NS (60 * SECOND_NS)
#define DRAIN_NS (60 * SECOND_NS)
enum { BUCKETS = 1000000, EVENTS_A_TURN = 256, READ_BYTES = 256 * 1024, FIRST_ID = 1000000 };

// Times in buckets of 10 us; the last one holds all that is longer than 10 s.
struct times {
    uint32_t *count;
    int64_t n, max_ns;
};

enum peer_kind { POSTER, VIEWER };
struct peer {
    enum peer_kind kind;
    int fd;
    struct buf in;
    int64_t due_ns;   // poster: of the order it waits for; 0: idle
    int64_t n_seen;   // viewer: orders its events have counted
    int64_t n_events; // viewer
    struct told told; // viewer: last
    bool answered;    // viewer: the answer's head is there
    bool started;     // viewer: has its snapshot
};

struct bench {
    const struct clock_source *clock;
    int epoll_fd, port;
    int64_t interval_ns, start_ns;
    int64_t n_orders, n_sent, n_answered, n_late_sends;
    int64_t n_before; // orders in the store at the start: without viewers, as told
    int64_t total_before_e4, sent_e4;
    bool plain;
    struct stream_events events;
    int64_t n_turns; // of the posters
    int64_t n_viewers, n_posters, n_started, n_complete, event_bytes;
    struct peer *viewers, *posters;
    struct times answers, arrivals;
};

static int64_t now_ns(const struct bench *b) {
    return clock_monotonic_ns(b->clock);
}

// --- Times

static void times_add(struct times *t, int64_t ns) {
    int64_t bucket = ns < 0 ? 0 : ns / BUCKET_NS;
    t->count[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    t->n++;
    t->max_ns = ns > t->max_ns ? ns : t->max_ns;
}

static double times_ms(const struct times *t, double share) {
    int64_t want = (int64_t)((double)t->n * share), sum = 0;
    for (int i = 0; i < BUCKETS; i++) {
        sum += t->count[i];
        if (sum > want) {
            return (double)((i + 1) * BUCKET_NS) / 1e6;
        }
    }
    return (double)t->max_ns / 1e6;
}

static void times_print(const char *name, const struct times *t) {
    printf(",\"%s\":{\"n\":%" PRId64 ",\"p50\":%.2f,\"p99\":%.2f,\"p999\":%.2f,\"max\":%.2f}", name,
           t->n, times_ms(t, 0.5), times_ms(t, 0.99), times_ms(t, 0.999), (double)t->max_ns / 1e6);
}

// --- Connections

static void peer_open(struct bench *b, struct peer *p, enum peer_kind kind) {
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)b->port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct epoll_event want = {.events = EPOLLIN, .data.ptr = p};
    int on = 1;
    p->kind = kind;
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&to, sizeof to) != 0 ||
        setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        fcntl(p->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(b->epoll_fd, EPOLL_CTL_ADD, p->fd, &want) != 0) {
        die("cannot connect");
    }
}

static void peer_send(struct peer *p, const char *at, size_t n_bytes) {
    errno = 0;
    if (send(p->fd, at, n_bytes, MSG_NOSIGNAL) != (ssize_t)n_bytes) {
        die("cannot send a request");
    }
}

// Appends what is there; false: nothing more for now.
static bool peer_read(struct peer *p) {
    static char bytes[READ_BYTES];
    errno = 0;
    ssize_t n = recv(p->fd, bytes, sizeof bytes, 0);
    if (n < 0 && errno == EAGAIN) {
        return false;
    }
    if (n <= 0) {
        die("the server closed a connection");
    }
    buf_put(&p->in, bytes, (size_t)n);
    return (size_t)n == sizeof bytes;
}

static void peer_consume(struct peer *p, size_t n_bytes) {
    memmove(p->in.at, p->in.at + n_bytes, p->in.len - n_bytes);
    p->in.len -= n_bytes;
}

// --- Viewers

static void take_event(struct bench *b, struct peer *v, struct told told, int64_t at_ns) {
    told_more(&v->told, told);
    if (told.accepted < 0) {
        return; // nothing was counted, as in a heartbeat
    }
    if (!v->started) {
        v->started = true;
        v->n_seen = 0;
        b->n_started++;
        b->n_before = told.accepted;
        b->total_before_e4 = told.total_e4;
        return;
    }
    v->n_events++;
    for (; v->n_seen < told.accepted - b->n_before; v->n_seen++) {
        times_add(&b->arrivals, at_ns - (b->start_ns + v->n_seen * b->interval_ns));
        b->n_complete += v->n_seen + 1 == b->n_orders;
    }
}

// These take the whole events of what has come, and answer how many bytes they were.
static size_t take_plain(struct bench *b, struct peer *v, size_t known, int64_t at_ns) {
    size_t begin = 0;
    const char *end;
    while ((end = memmem(v->in.at + known, v->in.len - known, "\n\n", 2)) != NULL) {
        size_t next = (size_t)(end - v->in.at) + 2;
        take_event(b, v, told_by(v->in.at + begin, next - begin), at_ns);
        begin = known = next;
    }
    return begin;
}

static size_t take_packed(struct bench *b, struct peer *v, int64_t at_ns) {
    size_t begin = 0;
    const struct known_event *k;
    while (begin < v->in.len &&
           (k = find_event(&b->events, v->in.at + begin, v->in.len - begin)) != NULL) {
        take_event(b, v, k->told, at_ns);
        begin += k->packed.len;
    }
    return begin;
}

// The answer's head, and of a packed stream also gzip's. False: not whole yet.
static bool take_head(struct bench *b, struct peer *v) {
    static const char packed[] = "Content-Encoding: gzip\r\n";
    const char *end = memmem(v->in.at, v->in.len, "\r\n\r\n", 4);
    if (end == NULL) {
        return false;
    }
    size_t len = (size_t)(end - v->in.at) + 4;
    size_t gzip_bytes = b->plain ? 0 : GZIP_HEAD_BYTES;
    if (b->plain != (memmem(v->in.at, len, packed, sizeof packed - 1) == NULL)) {
        die_of(b->plain ? "a stream that is packed" : "a stream that is not packed");
    }
    if (v->in.len < len + gzip_bytes) {
        return false;
    }
    if (v == b->viewers && !b->plain) { // this one is also unpacked as a browser does it
        take_whole(&b->events, v->in.at + len, v->in.len - len);
    }
    peer_consume(v, len + gzip_bytes);
    return true;
}

static void viewer_ready(struct bench *b, struct peer *v) {
    bool more;
    do {
        size_t before = v->in.len;
        more = peer_read(v);
        int64_t at_ns = now_ns(b);
        b->event_bytes += (int64_t)(v->in.len - before);
        if (!v->answered) {
            v->answered = take_head(b, v);
            before = 0;
        } else if (v == b->viewers && !b->plain) {
            take_whole(&b->events, v->in.at + before, v->in.len - before);
        }
        if (v->answered) {
            size_t known = before > 0 ? before - 1 : 0; // there is no end before
            peer_consume(v, b->plain ? take_plain(b, v, known, at_ns) : take_packed(b, v, at_ns));
        }
    } while (more);
}

// --- Orders

static void post(struct bench *b, struct peer *p) {
    char body[400], request[600], created[40];
    int64_t k = b->n_sent++, cents = 1000 + k % 9000;
    time_t now_s = clock_now_ms(b->clock) / 1000;
    struct tm t;
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now_s, &t));
    int n =
        snprintf(body, sizeof body,
                 "{\"order_id\":%" PRId64 ",\"created_at\":\"%s\",\"customer_id\":%" PRId64
                 ",\"product_id\":%" PRId64 ",\"quantity\":1,\"subtotal\":%" PRId64 ".%02" PRId64
                 ",\"total\":%" PRId64 ".%02" PRId64 ",\"source\":\"GOOGLE\",\"state\":\"%s\"}",
                 FIRST_ID + b->n_before + k, created, k % 5000, k % 200, cents / 100, cents % 100,
                 cents / 100, cents % 100, k % 2 == 0 ? "CA" : "NY");
    n = snprintf(request, sizeof request,
                 "POST /v1/orders HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                 "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                 b->port, n, body);
    p->due_ns = b->start_ns + k * b->interval_ns;
    b->sent_e4 += cents * 100;
    peer_send(p, request, (size_t)n);
}

static void post_due(struct bench *b) {
    int64_t now = now_ns(b);
    for (int64_t i = 0; i < b->n_posters; i++) {
        if (b->n_sent >= b->n_orders || b->start_ns + b->n_sent * b->interval_ns > now) {
            return;
        }
        // In turn: a connection that is never used is closed by the server after --header-timeout.
        struct peer *p = &b->posters[b->n_turns++ % b->n_posters];
        if (p->due_ns == 0) {
            b->n_late_sends += now - (b->start_ns + b->n_sent * b->interval_ns) > SECOND_NS / 1000;
            post(b, p);
        }
    }
}

static void poster_ready(struct bench *b, struct peer *p) {
    peer_read(p);
    buf_put_char(&p->in, '\0');
    p->in.len--;
    char *body = p->in.len > 0 ? strstr(p->in.at, "\r\n\r\n") : NULL;
    char *length = body != NULL ? strcasestr(p->in.at, "content-length:") : NULL;
    if (length == NULL || strlen(body + 4) < strtoul(length + 15, NULL, 10)) {
        return;
    }
    if (strncmp(p->in.at, "HTTP/1.1 202", 12) != 0) {
        fprintf(stderr, "%s\n", p->in.at);
        errno = 0;
        die("an order was not accepted");
    }
    p->in.len = 0;
    times_add(&b->answers, now_ns(b) - p->due_ns);
    p->due_ns = 0;
    b->n_answered++;
}

// --- The loop

static void turn(struct bench *b, int64_t until_ns) {
    struct epoll_event events[EVENTS_A_TURN];
    int64_t wait_ns = until_ns - now_ns(b);
    wait_ns = wait_ns < 0 ? 0 : wait_ns;
    struct timespec wait = {wait_ns / SECOND_NS, wait_ns % SECOND_NS};
    int n = epoll_pwait2(b->epoll_fd, events, EVENTS_A_TURN, &wait, NULL);
    for (int i = 0; i < n; i++) {
        struct peer *p = events[i].data.ptr;
        if (p->kind == VIEWER) {
            viewer_ready(b, p);
        } else {
            poster_ready(b, p);
        }
    }
}

static void open_all(struct bench *b) {
    char request[200];
    int n =
        snprintf(request, sizeof request, "GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\n",
                 b->port, b->plain ? "" : "Accept-Encoding: gzip\r\n");
    b->viewers = mem_zalloc((size_t)b->n_viewers, sizeof *b->viewers);
    b->posters = mem_zalloc((size_t)b->n_posters, sizeof *b->posters);
    int64_t deadline_ns = now_ns(b) + START_NS;
    for (int64_t i = 0; i < b->n_viewers; i++) {
        peer_open(b, &b->viewers[i], VIEWER);
        peer_send(&b->viewers[i], request, (size_t)n);
    }
    for (int64_t i = 0; i < b->n_posters; i++) {
        peer_open(b, &b->posters[i], POSTER);
    }
    while (b->n_started < b->n_viewers) {
        if (now_ns(b) > deadline_ns) {
            errno = 0;
            die("not every viewer got its snapshot");
        }
        turn(b, deadline_ns);
    }
    b->event_bytes = 0;
}

static void run(struct bench *b) {
    b->start_ns = now_ns(b) + SECOND_NS / 10;
    int64_t last_ns = b->start_ns + b->n_orders * b->interval_ns + DRAIN_NS;
    while (b->n_answered < b->n_orders || b->n_complete < b->n_viewers) {
        int64_t now = now_ns(b);
        if (now > last_ns) {
            return;
        }
        post_due(b);
        int64_t due_ns = b->start_ns + b->n_sent * b->interval_ns;
        bool waits = b->n_sent >= b->n_orders || due_ns <= now; // for an answer
        turn(b, waits ? now + SECOND_NS / 100 : due_ns);
    }
}

static bool is_right(const struct bench *b, struct told told) {
    return told.accepted == b->n_before + b->n_orders &&
           told.total_e4 == b->total_before_e4 + b->sent_e4;
}

static void report(const struct bench *b) {
    int64_t n_events = 0, n_right = 0;
    for (int64_t i = 0; i < b->n_viewers; i++) {
        n_events += b->viewers[i].n_events;
        n_right += is_right(b, b->viewers[i].told);
    }
    if (n_right == b->n_viewers && n_right > 0 && !b->plain && !is_right(b, b->events.whole_told)) {
        die_of("the stream that was unpacked as a whole tells something else");
    }
    printf("{\"orders\":%" PRId64 ",\"answered\":%" PRId64 ",\"late_sends\":%" PRId64
           ",\"viewers\":%" PRId64 ",\"complete_viewers\":%" PRId64 ",\"right_viewers\":%" PRId64
           ",\"unpacked\":%" PRIu64 ",\"events\":%" PRId64 ",\"event_bytes\":%" PRId64
           ",\"first_id\":%" PRId64 ",\"start_ns\":%" PRId64 ",\"interval_ns\":%" PRId64,
           b->n_orders, b->n_answered, b->n_late_sends, b->n_viewers, b->n_complete, n_right,
           b->events.n_known, n_events, b->event_bytes, FIRST_ID + b->n_before, b->start_ns,
           b->interval_ns);
    times_print("answer_ms", &b->answers);
    times_print("arrival_ms", &b->arrivals);
    printf("}\n");
}

int main(int argc, char **argv) {
    int64_t rate = argc > 2 ? atoll(argv[2]) : 0, seconds = argc > 3 ? atoll(argv[3]) : 0;
    struct bench b = {.clock = clock_system(),
                      .port = argc > 1 ? atoi(argv[1]) : 0,
                      .n_viewers = argc > 4 ? atoll(argv[4]) : 0,
                      .n_posters = argc > 5 ? atoll(argv[5]) : 16,
                      .n_before = argc > 6 ? atoll(argv[6]) : 0,
                      .plain = argc > 7 && strcmp(argv[7], "plain") == 0};
    if (b.port < 1 || rate < 1 || seconds < 1 || b.n_viewers < 0 || b.n_posters < 1) {
        fprintf(stderr,
                "usage: bench_stream PORT RATE SECONDS VIEWERS [CONNECTIONS [BEFORE [plain]]]\n");
        return 2;
    }
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    b.interval_ns = SECOND_NS / rate;
    b.n_orders = rate * seconds;
    b.answers.count = mem_zalloc(BUCKETS, sizeof *b.answers.count);
    b.arrivals.count = mem_zalloc(BUCKETS, sizeof *b.arrivals.count);
    b.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    stream_events_start(&b.events);
    open_all(&b);
    run(&b);
    report(&b);
    return 0;
}
