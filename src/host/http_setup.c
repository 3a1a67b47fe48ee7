// SPDX-License-Identifier: MIT
#include "host/http_setup.h"

#include <pthread.h>

void http_prepare_process(sigset_t *signals) {
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL); // every thread inherits it; the loop takes them
    signal(SIGPIPE, SIG_IGN);
}

bool http_options_read(const struct options *o, struct http_options *out, struct error *err) {
    out->listen = option_text(o, "listen");
    out->directory = option_text(o, "data");
    out->require_keys = option_flag(o, "require-keys");
    out->insecure = option_flag(o, "insecure");
    out->limits.inflight_bytes = (size_t)option_int(o, "max-inflight");
    out->limits.headers_ms = option_int(o, "header-timeout");
    out->limits.body_ms = out->limits.headers_ms; // of a body that is thrown away
    out->limits.idle_ms = option_int(o, "idle-timeout");
    out->limits.connections = (unsigned)option_int(o, "max-connections");
    for (size_t i = 0; i < option_list_count(o, "public-url"); i++) {
        if (!public_urls_add(&out->public_urls, option_list_at(o, "public-url", i), err)) {
            return false;
        }
    }
    return true;
}

void http_orders_options_read(const struct options *o, struct http_options *out) {
    out->limits.body_bytes = (size_t)option_int(o, "max-body");
    out->limits.decompressed_bytes = (size_t)option_int(o, "max-decompressed");
    out->limits.events = option_int(o, "max-events");
    out->limits.body_ms = option_int(o, "body-timeout");
}

void http_sales_options_read(const struct options *o, struct http_options *out) {
    out->limits.rows = option_int(o, "max-rows");
    out->limits.viewers = (unsigned)option_int(o, "max-viewers");
}
