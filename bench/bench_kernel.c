// SPDX-License-Identifier: MIT
// How long the shared library takes for one message as an order, through its public functions as
// another program calls them (dlopen), on one core: salestide_orders over batches of 10,000
// messages, rows released at once. Beside it what parsing alone takes of the same texts, by the
// same code linked in. CPU time of the thread; the minimum and median over the rounds.
//
// bench_kernel [rounds [library]]
#include "bench_orders.h"

#include "../tests/unit/message_batch.h"
#include "base/mem.h"
#include "format/order_json.h"
#include <dlfcn.h>
#include <stdlib.h>

enum { BATCH = 10000, BATCHES = 10, MAX_ROUNDS = 1000, ARENA_EVERY = 1000 };
static const int64_t NOW_MS = INT64_C(1798761600000); // the end of 2026

typedef int32_t shop_new_fn(const struct salestide_shop_options *, struct salestide_shop **,
                            struct salestide_error *);
typedef void shop_free_fn(struct salestide_shop *);
typedef int32_t orders_fn(const struct salestide_shop *, struct ArrowSchema *, struct ArrowArray *,
                          struct ArrowSchema *, struct ArrowArray *, struct salestide_error *);

static struct {
    struct message_batch batches[BATCHES];
    struct salestide_shop *shop;
    orders_fn *orders;
    struct order_json *parser;
    struct arena arena;
    struct zone *zone;
    int64_t checksum; // keeps the compiler from leaving work out
} b;

static void fail(const char *why) {
    fprintf(stderr, "bench_kernel: %s\n", why);
    exit(1);
}

static void *function(void *library, const char *name) {
    void *f = dlsym(library, name);
    if (f == NULL) {
        fail(dlerror());
    }
    return f;
}

static void make_batches(void) {
    char order[512];
    int64_t offset = 0;
    for (int i = 0; i < BATCHES; i++) {
        for (int k = 0; k < BATCH; k++, offset++) {
            size_t len = make_order(order, (uint64_t)offset, false);
            message_batch_add(&b.batches[i], offset, NOW_MS + offset, (struct text){order, len});
        }
    }
}

static void orders_all(void) {
    for (int i = 0; i < BATCHES; i++) {
        struct ArrowSchema schema, out_schema;
        struct ArrowArray array, out;
        struct salestide_error err;
        message_batch_export(&b.batches[i], &schema, &array);
        if (b.orders(b.shop, &schema, &array, &out_schema, &out, &err) != SALESTIDE_OK) {
            fail(err.text);
        }
        if (out.length != BATCH || b.batches[i].released != 2) {
            fail("not every message is a row, or what went in was not given back");
        }
        out_schema.release(&out_schema);
        out.release(&out);
    }
}

static void parse_all(void) {
    const struct order_rules rules = {.zone = b.zone, .currency = "USD"};
    for (int i = 0; i < BATCHES; i++) {
        const struct message_batch *batch = &b.batches[i];
        for (int k = 0; k < BATCH; k++) {
            struct order order;
            struct rejection why;
            struct text value = {batch->values.at + batch->ends[k],
                                 (size_t)(batch->ends[k + 1] - batch->ends[k])};
            if (order_json_parse(b.parser, &rules, value, &b.arena, &order, &why) !=
                ORDER_JSON_OK) {
                fail(why.message);
            }
            b.checksum += order.total_e4;
            if (k % ARENA_EVERY == ARENA_EVERY - 1) {
                arena_reset(&b.arena);
            }
        }
    }
}

static int by_value(const void *x, const void *y) {
    double p = *(const double *)x, q = *(const double *)y;
    return (p > q) - (p < q);
}

static void measure(const char *name, void (*round)(void), int rounds) {
    static double ns[MAX_ROUNDS];
    round(); // warms up
    for (int i = 0; i < rounds; i++) {
        double started_ns = now_ns();
        round();
        ns[i] = (now_ns() - started_ns) / (BATCH * BATCHES);
    }
    qsort(ns, (size_t)rounds, sizeof *ns, by_value);
    printf("%-18s min %6.1f ns, median %6.1f ns an order, %5.2f M orders/s\n", name, ns[0],
           ns[rounds / 2], 1e3 / ns[rounds / 2]);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 30;
    if (rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: bench_kernel [rounds, 1 to %d [library]]\n", MAX_ROUNDS);
        return 2;
    }
    void *library = dlopen(argc > 2 ? argv[2] : "build/libsalestide.so", RTLD_NOW | RTLD_LOCAL);
    struct salestide_error err;
    struct error why;
    if (library == NULL) {
        fail(dlerror());
    }
    const struct salestide_shop_options options = {
        .size_bytes = sizeof options, .currency = "USD", .timezone = "UTC"};
    b.orders = (orders_fn *)function(library, "salestide_orders");
    if (((shop_new_fn *)function(library, "salestide_shop_new"))(&options, &b.shop, &err) !=
        SALESTIDE_OK) {
        fail(err.text);
    }
    if (!zone_from_bytes("UTC", "", TEXT_NONE, NULL, &b.zone, &why)) {
        fail(why.text);
    }
    b.parser = mem_must(order_json_new(NULL));
    make_batches();
    measure("parsing alone", parse_all, rounds);
    measure("salestide_orders", orders_all, rounds);
    printf("%d rounds of %d orders, checksum %" PRId64 "\n", rounds, BATCH * BATCHES, b.checksum);
    ((shop_free_fn *)function(library, "salestide_shop_free"))(b.shop);
    order_json_free(b.parser);
    arena_free(&b.arena);
    zone_free(b.zone);
    for (int i = 0; i < BATCHES; i++) {
        message_batch_free(&b.batches[i]);
    }
    return 0;
}
