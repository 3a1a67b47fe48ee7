// SPDX-License-Identifier: MIT
// Bodies that come in and hold memory of the budget. When it runs short, one that stands still or
// trickles gives way to those that move: it is answered 408, and its memory is free at once. While
// there is room nobody is hurried; --body-timeout is for them.
#include "http/http_internal.h"

enum {
    STANDS_STILL_MS = 500,           // without a byte
    SLOW_BYTES_A_SECOND = 64 * 1024, // since its head, on average
};

static void upload_unlink(struct http_server *s, struct request *r) {
    struct upload *u = &r->upload;
    if (u->prev != NULL) {
        u->prev->upload.next = u->next;
    } else {
        s->uploads = u->next;
    }
    if (u->next != NULL) {
        u->next->upload.prev = u->prev;
    } else {
        s->last_upload = u->prev;
    }
}

void http_upload_moves(struct request *r) {
    struct http_server *s = r->server;
    struct upload *u = &r->upload;
    if (!body_is_charged(&r->body)) {
        return;
    }
    if (u->listed) {
        upload_unlink(s, r);
    } else {
        u->listed = true;
        u->begun_ms = s->now_ms;
    }
    u->moved_ms = s->now_ms;
    u->next = NULL;
    u->prev = s->last_upload;
    if (u->prev != NULL) {
        u->prev->upload.next = r;
    } else {
        s->uploads = r;
    }
    s->last_upload = r;
}

void http_upload_end(struct request *r) {
    if (r->upload.listed) {
        upload_unlink(r->server, r);
        r->upload = (struct upload){0};
    }
}

// The one that stands still for the longest time, else the slowest. NULL: all move well.
static struct request *find_slow(struct http_server *s, const struct request *but) {
    struct request *first = s->uploads != but ? s->uploads : but->upload.next, *slowest = NULL;
    int64_t least = SLOW_BYTES_A_SECOND;
    if (first != NULL && s->now_ms - first->upload.moved_ms >= STANDS_STILL_MS) {
        return first;
    }
    for (struct request *r = first; r != NULL; r = r->upload.next) {
        int64_t age_ms = s->now_ms - r->upload.begun_ms;
        int64_t rate = age_ms >= STANDS_STILL_MS ? (int64_t)r->body.len * 1000 / age_ms : least;
        if (r != but && rate < least) {
            least = rate;
            slowest = r;
        }
    }
    return slowest;
}

bool http_upload_shed(struct http_server *s, const struct request *for_whom) {
    struct request *slow = find_slow(s, for_whom);
    if (slow == NULL) {
        return false;
    }
    s->stats.timed_out++;
    http_reply_raw(slow, PROBLEM_BODY_TIMEOUT,
                   "the body came too slowly while memory for requests in flight "
                   "(--max-inflight) was short; nothing of it was taken");
    return true;
}
