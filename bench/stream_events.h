// SPDX-License-Identifier: MIT
// Events of /v1/stream as bench_stream.c reads them for thousands of viewers, plain and packed.
//
// Thousands of browsers unpack on machines of their own. Here an event is unpacked when its packed
// bytes come for the first time, and known again by them: a viewer costs a comparison. One stream
// can be unpacked as a whole beside that, as a browser does it. One thread; dies of what is no
// event.
#pragma once
#include "base/buf.h"
#include "base/mem.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { KNOWN_EVENTS = 64, EVENT_BYTES = 8 * 1024 * 1024, GZIP_HEAD_BYTES = 10 };

// What an event tells of all time; -1: nothing.
struct told {
    int64_t accepted;
    int64_t total_e4;
};

struct known_event {
    struct buf packed;
    struct told told;
};

struct stream_events {
    struct known_event known[KNOWN_EVENTS]; // the newest one at n_known - 1, and so on
    uint64_t n_known;                       // as many were unpacked
    z_stream one, whole;                    // of single events; of one stream
    char *text;                             // EVENT_BYTES to unpack into
    struct told whole_told;                 // what that one stream told last
};

static _Noreturn void die(const char *what) {
    fprintf(stderr, "bench_stream: %s: %s\n", what, errno != 0 ? strerror(errno) : "unexpected");
    exit(1);
}

static _Noreturn void die_of(const char *what) {
    errno = 0;
    die(what);
}

static void stream_events_start(struct stream_events *s) {
    s->text = mem_alloc(EVENT_BYTES);
    s->whole_told = (struct told){-1, -1};
    if (inflateInit2(&s->one, -MAX_WBITS) != Z_OK ||
        inflateInit2(&s->whole, 16 + MAX_WBITS) != Z_OK) {
        die_of("zlib does not start");
    }
}

// --- What an event tells

static const char *after(const char *at, const char *end, const char *key) {
    const char *found = at == NULL ? NULL : memmem(at, (size_t)(end - at), key, strlen(key));
    return found == NULL ? NULL : found + strlen(key);
}

static int64_t amount_e4(const char *at) {
    char *point;
    int64_t whole = strtoll(at, &point, 10);
    if (*point != '.' || strspn(point + 1, "0123456789") != 4) {
        die_of("an amount that is none");
    }
    return whole * 10000 + strtoll(point + 1, NULL, 10);
}

// A panel that has not changed is not in the event.
static struct told told_by(const char *at, size_t len) {
    const char *end = at + len;
    const char *accepted = after(after(at, end, "\"counts\":{"), end, "\"accepted\":");
    const char *total = after(after(at, end, "\"all_time\":{"), end, "\"total\":\"");
    return (struct told){.accepted = accepted == NULL ? -1 : strtoll(accepted, NULL, 10),
                         .total_e4 = total == NULL ? -1 : amount_e4(total)};
}

static void told_more(struct told *all, struct told more) {
    all->accepted = more.accepted >= 0 ? more.accepted : all->accepted;
    all->total_e4 = more.total_e4 >= 0 ? more.total_e4 : all->total_e4;
}

// --- Packed events

// Unpacks what may be one event, of `len` bytes; false: it does not end there.
static bool unpack(struct stream_events *s, const char *at, size_t len, struct text *text) {
    s->one.next_in = (unsigned char *)(uintptr_t)at;
    s->one.avail_in = (uInt)len;
    s->one.next_out = (unsigned char *)s->text;
    s->one.avail_out = EVENT_BYTES;
    int rc = inflateReset(&s->one) == Z_OK ? inflate(&s->one, Z_SYNC_FLUSH) : Z_MEM_ERROR;
    if (rc != Z_OK || s->one.avail_in > 0 || s->one.avail_out == 0) {
        die_of("an event that cannot be unpacked");
    }
    *text = (struct text){s->text, EVENT_BYTES - s->one.avail_out};
    return text->len >= 2 && memcmp(text->at + text->len - 2, "\n\n", 2) == 0;
}

static const struct known_event *learn(struct stream_events *s, const char *at, size_t len,
                                       struct text text) {
    struct known_event *k = &s->known[s->n_known++ % KNOWN_EVENTS];
    buf_clear(&k->packed);
    buf_put(&k->packed, at, len);
    k->told = told_by(text.at, text.len);
    return k;
}

// The packed event that `at` begins with, as far as it is known by its bytes.
static const struct known_event *find_known(const struct stream_events *s, const char *at,
                                            size_t len) {
    // ":\n\n", what a quiet stream sends, is stored as it is and ends without a flush.
    static char heartbeat_bytes[] = "\0\x03\0\xfc\xff:\n\n";
    static const struct known_event heartbeat = {
        .packed = {.at = heartbeat_bytes, .len = sizeof heartbeat_bytes - 1}, .told = {-1, -1}};
    if (len >= heartbeat.packed.len && memcmp(at, heartbeat_bytes, heartbeat.packed.len) == 0) {
        return &heartbeat;
    }
    for (uint64_t i = s->n_known; i > 0 && i + KNOWN_EVENTS > s->n_known; i--) {
        const struct known_event *k = &s->known[(i - 1) % KNOWN_EVENTS];
        if (k->packed.len <= len && memcmp(k->packed.at, at, k->packed.len) == 0) {
            return k;
        }
    }
    return NULL;
}

// The packed event that `at` begins with; NULL: more has to come.
static const struct known_event *find_event(struct stream_events *s, const char *at, size_t len) {
    static const char flushed[] = {0, 0, (char)0xff, (char)0xff}; // how a flush ends
    const struct known_event *known = find_known(s, at, len);
    if (known != NULL) {
        return known;
    }
    struct text text;
    const char *from = at, *end;
    while ((end = memmem(from, len - (size_t)(from - at), flushed, sizeof flushed)) != NULL) {
        from = end + 1; // these four may also be inside
        size_t packed_bytes = (size_t)(end - at) + sizeof flushed;
        if (unpack(s, at, packed_bytes, &text)) {
            return learn(s, at, packed_bytes, text);
        }
    }
    return NULL;
}

// More bytes of the stream that is unpacked as a whole, from gzip's head on.
static void take_whole(struct stream_events *s, const char *at, size_t len) {
    s->whole.next_in = (unsigned char *)(uintptr_t)at;
    s->whole.avail_in = (uInt)len;
    while (s->whole.avail_in > 0) {
        s->whole.next_out = (unsigned char *)s->text;
        s->whole.avail_out = EVENT_BYTES;
        if (inflate(&s->whole, Z_SYNC_FLUSH) != Z_OK) {
            die_of("a stream that is no gzip");
        }
        const char *line = s->text, *end = s->text + (EVENT_BYTES - s->whole.avail_out), *next;
        while ((next = memmem(line, (size_t)(end - line), "\n\n", 2)) != NULL) {
            told_more(&s->whole_told, told_by(line, (size_t)(next - line)));
            line = next + 2;
        }
    }
}
