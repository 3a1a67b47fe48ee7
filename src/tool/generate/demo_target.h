// SPDX-License-Identifier: MIT
// Where the demo producer sends its orders: a server (demo_http.c) or a Kafka topic (demo_kafka.c).
// One thread: calls return or make progress within bounded time.
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include "tool/send_to.h"
#include "webhook/webhook.h"
#include <inttypes.h>

struct demo_target {
    const struct demo_target_ops *ops;
};

struct demo_counts {
    int64_t accepted, duplicate, rejected;
    bool judged; // by a server; else accepted means sent
};

struct demo_target_ops {
    // Sends the lines of *body, whose memory it takes. May wait for room.
    void (*send)(struct demo_target *t, struct buf *body);
    // Likewise a webhook's body, signed; `topic` as of demo_webhook_put. NULL: this takes none.
    void (*send_webhook)(struct demo_target *t, const char *topic, struct buf *body);
    // Moves what is under way along for up to timeout_ms.
    void (*drive)(struct demo_target *t, int timeout_ms);
    void (*finish)(struct demo_target *t); // until nothing is under way
    // What went wrong for good, one line; NULL: nothing so far.
    const char *(*problem)(const struct demo_target *t);
    struct demo_counts (*counts)(struct demo_target *t);
    void (*close)(struct demo_target *t); // frees t
};

// What bodies are signed as and with; secret NULL: they are orders of ours.
struct demo_signing {
    enum webhook_system system;
    const char *secret; // borrowed until the target is closed
};
// To SEND_TO_SERVER.
MUST_CHECK bool demo_http_open(const struct send_to *to, struct demo_signing signing,
                               struct demo_target **out, struct error *err);
// To SEND_TO_TOPIC.
MUST_CHECK bool demo_kafka_open(const struct send_to *to, struct demo_target **out,
                                struct error *err);
