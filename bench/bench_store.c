// SPDX-License-Identifier: MIT
// Engine and embedded store alone: events that are parsed already are judged, added up and
// committed, with fsync, 20,000 a batch. Shows what the store does as it grows.
//
//     bench_store DIRECTORY N_ORDERS increasing|random
// prints a line per million orders: orders stored, orders/s over that million, slowest commit in
// ms.
#include "base/hash.h"
#include "engine/engine.h"
#include "engine/zone_file.h"
#include "store/sqlite/sqlite.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PER_BATCH = 20000, N_STATES = 50, N_SOURCES = 5, N_PRODUCTS = 200 };

struct producer {
    int64_t next, total, start_ms;
    bool random_ids;
    struct submission *reuse;
};

static void fill(struct producer *p, struct submission *s, struct event *e) {
    static const char *const states[N_STATES] = {
        "AK", "AL", "AR", "AZ", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "IA", "ID",
        "IL", "IN", "KS", "KY", "LA", "MA", "MD", "ME", "MI", "MN", "MO", "MS", "MT",
        "NC", "ND", "NE", "NH", "NJ", "NM", "NV", "NY", "OH", "OK", "OR", "PA", "RI",
        "SC", "SD", "TN", "TX", "UT", "VA", "VT", "WA", "WI", "WV", "WY"};
    static const char *const sources[N_SOURCES] = {"GOOGLE", "FACEBOOK", "TWITTER", "ORGANIC",
                                                   "AFFILIATE"};
    uint64_t n = (uint64_t)p->next++, h = hash_u64(n + 1), g = hash_u64(h);
    struct order *o = &e->order;
    *o = (struct order){.order_id = {(int64_t)n, TEXT_NONE},
                        .customer_id = {(int64_t)(h % 100000), TEXT_NONE},
                        .product_id = {(int64_t)(g % N_PRODUCTS), TEXT_NONE},
                        .source = text_of(sources[h >> 20 & 3]),
                        .state = text_of(states[(h >> 32) % N_STATES]),
                        .currency = "USD",
                        .created_ms = p->start_ms + (int64_t)n / 50,
                        .quantity = 1 + (int64_t)(g >> 40 & 3),
                        .subtotal_e4 = (int64_t)(g >> 8 & 0xFFFFF) * 100,
                        .tax_e4 = (int64_t)(g >> 30 & 0xFFFF) * 100,
                        .total_e4 = (int64_t)(h >> 8 & 0xFFFFF) * 100};
    if (p->random_ids) { // the form of a UUID
        char *id = arena_try_bytes(&s->arena, 37);
        if (id == NULL) {
            exit(1);
        }
        snprintf(id, 37, "%08x-%04x-4%03x-8%03x-%012" PRIx64, (unsigned)h, (unsigned)(g & 0xFFFF),
                 (unsigned)(h >> 52), (unsigned)(g >> 52), hash_u64(g) >> 16);
        o->order_id = (struct ident){-1, {id, 36}};
    }
    e->verdict = VERDICT_NEW;
}

static void settled(struct submission *s, enum settle_result result) {
    if (result != SETTLE_DURABLE) {
        fprintf(stderr, "bench_store: a batch was not stored\n");
        exit(1);
    }
    struct producer *p = s->user;
    p->reuse = s;
}

static enum source_result take(void *self, size_t max_events, int timeout_ms,
                               struct submission **list) {
    struct producer *p = self;
    (void)timeout_ms;
    *list = NULL;
    if (p->next >= p->total) {
        return SOURCE_END;
    }
    struct submission *s = p->reuse != NULL ? p->reuse : submission_new(NULL);
    arena_reset(&s->arena);
    s->n_events = 0;
    s->settled = settled;
    s->user = p;
    s->next = NULL;
    s->arrival_ms = clock_now_ms(clock_system());
    for (size_t i = 0; i < max_events && p->next < p->total; i++) {
        struct event *e = submission_add(s);
        if (e == NULL) {
            exit(1);
        }
        fill(p, s, e);
    }
    *list = s;
    return SOURCE_OK;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: bench_store DIRECTORY N_ORDERS increasing|random\n");
        return 2;
    }
    static const struct source_ops ops = {.name = "bench", .take = take};
    const struct clock_source *clock = clock_system();
    struct producer p = {.next = 0,
                         .total = atoll(argv[2]),
                         .start_ms = clock_now_ms(clock),
                         .random_ids = argv[3][0] == 'r'};
    struct error err = {0};
    struct store_settings settings;
    struct store *store = NULL;
    struct zone *zone = NULL;
    struct sqlite_options so = {.directory = argv[1], .clock = clock};
    if (!zone_open("UTC", &zone, &err) || !sqlite_store_open(&so, &store, &settings, &err)) {
        fprintf(stderr, "bench_store: %s\n", err.text);
        return 1;
    }
    struct order_rules rules = {.zone = zone, .currency = "USD", .max_depth = 32};
    struct engine_options eo = {.clock = clock, .batch_max_events = PER_BATCH};
    struct engine *engine = engine_new(store, (struct source){&ops, &p}, &rules, NULL, &eo);
    int64_t mark_ns = clock_monotonic_ns(clock), at_ns = mark_ns, worst_ns = 0, last = 0;
    while (engine_step(engine, 0) != ENGINE_END) {
        int64_t now_ns = clock_monotonic_ns(clock);
        worst_ns = now_ns - at_ns > worst_ns ? now_ns - at_ns : worst_ns;
        at_ns = now_ns;
        if (p.next - last >= 1000000 || p.next == p.total) {
            printf("%9" PRId64 " orders  %8.0f orders/s  slowest commit %4" PRId64 " ms\n", p.next,
                   (double)(p.next - last) * 1e9 / (double)(now_ns - mark_ns), worst_ns / 1000000);
            fflush(stdout);
            last = p.next;
            mark_ns = now_ns;
            worst_ns = 0;
        }
    }
    engine_free(engine);
    store->ops->close(store);
    submission_free(p.reuse);
    zone_free(zone);
    return 0;
}
