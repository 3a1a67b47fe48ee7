// SPDX-License-Identifier: MIT
// Made-up orders of about 250 bytes, and the clock of the thread, for programs that measure.
#pragma once
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

static uint64_t random_state = 20260131;
static uint64_t random_below(uint64_t n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % n;
}

// Two decimals as shops write them, a fifth of them as JSON strings.
static int put_amount(char *at, const char *name, uint64_t cents, bool text) {
    const char *quote = text ? "\"" : "";
    return sprintf(at, ",\"%s\":%s%" PRIu64 ".%02" PRIu64 "%s", name, quote, cents / 100,
                   cents % 100, quote);
}

// Of any time of 2026, or within ten minutes of its last hour.
static int put_time(char *at, bool any) {
    static const char *const ends[] = {"Z", "Z", "Z", ".535Z", ".12Z", "-05:00", "+01:00"};
    if (!any) {
        return sprintf(at, ",\"created_at\":\"2026-12-31T23:%02d:%02d%s\"", (int)random_below(10),
                       (int)random_below(60), ends[random_below(5)]);
    }
    return sprintf(at, ",\"created_at\":\"2026-%02d-%02dT%02d:%02d:%02d%s\"",
                   1 + (int)random_below(12), 1 + (int)random_below(28), (int)random_below(24),
                   (int)random_below(60), (int)random_below(60), ends[random_below(7)]);
}

static size_t make_order(char *out, uint64_t number, bool any_time) {
    static const char *const sources[] = {"Organic", "Google", "Facebook", "Affiliate", "Twitter"};
    static const char *const states[] = {"CA", "TX", "NY", "FL", "IL", "WA", "Ohio"};
    char *at = out;
    if (random_below(4) == 0) {
        at += sprintf(at, "{\"order_id\":\"ORD-2026-%07" PRIu64 "\"", number);
    } else {
        at += sprintf(at, "{\"order_id\":%" PRIu64, 10000000 + number);
    }
    if (random_below(2) == 0) {
        at += sprintf(at, ",\"event\":\"placed\"");
    }
    at += put_time(at, any_time);
    at += sprintf(at,
                  random_below(5) == 0 ? ",\"customer_id\":\"cus_%06" PRIu64 "\""
                                       : ",\"customer_id\":%" PRIu64,
                  random_below(1000000));
    at += sprintf(at, ",\"product_id\":%" PRIu64 ",\"quantity\":%" PRIu64, 1 + random_below(5000),
                  1 + random_below(4));
    bool text = random_below(5) == 0;
    uint64_t subtotal = 500 + random_below(30000), discount = random_below(subtotal / 4);
    uint64_t shipping = random_below(1500), tax = subtotal * 8 / 100;
    at += put_amount(at, "subtotal", subtotal, text);
    at += put_amount(at, "discount", discount, text);
    at += put_amount(at, "shipping", shipping, text);
    at += put_amount(at, "tax", tax, text);
    at += put_amount(at, "total", subtotal - discount + shipping + tax, text);
    at += sprintf(at, ",\"currency\":\"USD\",\"source\":\"%s\",\"state\":\"%s\"}",
                  sources[random_below(5)], states[random_below(7)]);
    return (size_t)(at - out);
}

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}
