// SPDX-License-Identifier: MIT
#include "live/live_stream.h"

static const struct stream_event *stream_next(void *of, uint64_t *last_id) {
    return live_next(of, last_id);
}

static void stream_set_viewers(void *of, int64_t n) {
    live_set_viewers(of, n);
}

static void stream_served(void *of) {
    live_served(of);
}

struct http_stream live_stream(struct live *l) {
    static const struct http_stream_ops ops = {
        .next = stream_next,
        .release = live_release,
        .set_viewers = stream_set_viewers,
        .served = stream_served,
    };
    return (struct http_stream){&ops, l};
}
