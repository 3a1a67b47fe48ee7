// SPDX-License-Identifier: MIT
// Orders, clocks and event reading for the tests of the live page.
#pragma once
#include "base/clock.h"
#include "engine/zone_file.h"
#include "fake_reader.h"
#include <yyjson.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS INT64_C(60000)
#define HOUR_MS INT64_C(3600000)
#define DAY_MS INT64_C(86400000)
#define MS_NS INT64_C(1000000)
// 2026-01-31T12:00:00Z
#define NOON_MS INT64_C(1769860800000)

struct virtual_clock {
    struct clock_source source;
    int64_t ms;
    int64_t extra_ns; // moves the monotonic clock alone: work that takes its time
};

static int64_t virtual_now_ms(void *user) {
    return ((struct virtual_clock *)user)->ms;
}

static int64_t virtual_monotonic_ns(void *user) {
    const struct virtual_clock *c = user;
    return (c->ms - NOON_MS) * MS_NS + DAY_MS * MS_NS + c->extra_ns;
}

static inline void virtual_clock_set(struct virtual_clock *c, int64_t ms) {
    *c = (struct virtual_clock){.source = {virtual_now_ms, virtual_monotonic_ns, c}, .ms = ms};
}

static inline struct zone *open_zone(const char *name) {
    struct zone *z;
    struct error err;
    if (!zone_open(name, &z, &err)) {
        fail_msg("%s", err.text);
    }
    return z;
}

// A placed order of one product in US dollars; change what matters to the test.
static inline struct order an_order(int64_t id, int64_t created_ms, int64_t total_e4) {
    return (struct order){.order_id = {.num = id},
                          .customer_id = IDENT_NONE,
                          .product_id = {.num = 7},
                          .source = TEXT_LIT("GOOGLE"),
                          .state = TEXT_LIT("TX"),
                          .kind = ORDER_PLACED,
                          .currency = "USD",
                          .created_ms = created_ms,
                          .quantity = 2,
                          .total_e4 = total_e4};
}

// --- Reading events: `path` is "/today/orders" and the like (JSON pointer).

static inline yyjson_doc *event_json(struct text event) {
    const char *data = memmem(event.at, event.len, "\ndata: ", 7);
    assert_non_null(data);
    data += 7;
    size_t len = event.len - (size_t)(data - event.at);
    assert_true(len > 2 && memcmp(data + len - 2, "\n\n", 2) == 0);
    assert_null(memchr(data, '\n', len - 2)); // one line of data
    yyjson_read_err problem;
    yyjson_doc *doc = yyjson_read_opts((char *)data, len - 2, 0, NULL, &problem);
    if (doc == NULL) {
        fail_msg("not JSON: %s at %zu of %.*s", problem.msg, problem.pos, (int)len, data);
    }
    return doc;
}

static inline void expect_json(yyjson_doc *doc, const char *path, const char *want) {
    yyjson_val *v = yyjson_doc_ptr_get(doc, path);
    char *got = v != NULL ? yyjson_val_write(v, 0, NULL) : NULL;
    if (got == NULL ? want != NULL : want == NULL || strcmp(got, want) != 0) {
        fail_msg("%s is %s, wanted %s", path, got ? got : "absent", want ? want : "absent");
    }
    free(got);
}
