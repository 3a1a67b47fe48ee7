// SPDX-License-Identifier: MIT
// How long one order event takes from JSON text to a checked struct order, on one core, warm.
//
// Makes a few thousand varied orders of about 250 bytes with every field of a single-product order
// (integer and text ids, RFC 3339 times with and without fraction and offset, amounts as numbers
// and as texts), parses them over and over with the arena reset every 1,000 as a batch would, and
// prints the minimum and median over many short rounds, in CPU time of the thread, so that other
// programs on the machine disturb little. Beside it, for scale: what yyjson alone takes to read the
// same texts in place, without looking at a single field; what the general road takes, which events
// with something out of the ordinary go (order_json.c); and what it takes to find an order in a
// body of them, an array or lines. A verdict other than OK ends the run: a benchmark of rejections
// would mean nothing.
//
// bench_parse [rounds]
#include "bench_orders.h"

#include "base/mem.h"
#include "engine/zone_file.h"
#include "format/order_json.h"
#include "format/order_scan.h"
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

enum { N_ORDERS = 4096, ORDER_ROOM = 512, ARENA_EVERY = 1000 };

struct bench {
    struct order_json *parser;
    struct order_rules rules;
    struct arena arena;
    struct text texts[N_ORDERS];
    struct text array, lines; // bodies of all of them
    size_t total_bytes;
    int64_t checksum; // keeps the compiler from leaving work out
};

typedef enum order_json_result parse_fn(struct order_json *, const struct order_rules *,
                                        struct text, struct arena *, struct order *,
                                        struct rejection *);

static void parse_by(struct bench *b, parse_fn *parse) {
    struct order order;
    struct rejection why;
    for (int i = 0; i < N_ORDERS; i++) {
        if (parse(b->parser, &b->rules, b->texts[i], &b->arena, &order, &why) != ORDER_JSON_OK) {
            fprintf(stderr, "bench_parse: %.*s\n%s: %s\n", TEXT_ARG(b->texts[i]), why.field,
                    why.message);
            exit(1);
        }
        b->checksum += order.total_e4 + order.created_ms;
        if (i % ARENA_EVERY == ARENA_EVERY - 1) {
            arena_reset(&b->arena);
        }
    }
}

static void parse_all(struct bench *b) {
    parse_by(b, order_json_parse);
}

static void parse_all_by_the_long_road(struct bench *b) {
    parse_by(b, order_json_parse_long);
}

static void read_all(struct bench *b) {
    static char pool[64 * 1024], copy[ORDER_ROOM + YYJSON_PADDING_SIZE];
    for (int i = 0; i < N_ORDERS; i++) {
        yyjson_alc alc;
        yyjson_alc_pool_init(&alc, pool, sizeof pool);
        memcpy(copy, b->texts[i].at, b->texts[i].len);
        memset(copy + b->texts[i].len, 0, YYJSON_PADDING_SIZE);
        yyjson_doc *doc = yyjson_read_opts(
            copy, b->texts[i].len, YYJSON_READ_INSITU | YYJSON_READ_NUMBER_AS_RAW, &alc, NULL);
        b->checksum += (int64_t)yyjson_doc_get_val_count(doc);
    }
}

static void split(struct bench *b, struct text body, enum body_form form) {
    struct body_split s;
    struct text event;
    int n = 0;
    body_split_start(&s, body, form);
    while (body_split_next(&s, &event) == BODY_EVENT) {
        n++;
        b->checksum += (int64_t)event.len;
    }
    if (n != N_ORDERS) {
        fprintf(stderr, "bench_parse: %d events in a body of %d\n", n, (int)N_ORDERS);
        exit(1);
    }
}

static void split_array(struct bench *b) {
    split(b, b->array, BODY_JSON);
}

static void split_lines(struct bench *b) {
    split(b, b->lines, BODY_LINES);
}

static struct text body_of(const struct bench *b, const char *open, const char *between,
                           const char *close) {
    static char room[2][(ORDER_ROOM + 2) * N_ORDERS];
    static int n_rooms;
    char *body = room[n_rooms++], *at = body;
    at += sprintf(at, "%s", open);
    for (int i = 0; i < N_ORDERS; i++) {
        at += sprintf(at, "%s%.*s", i > 0 ? between : "", TEXT_ARG(b->texts[i]));
    }
    at += sprintf(at, "%s", close);
    return (struct text){body, (size_t)(at - body)};
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { MAX_ROUNDS = 10000 };
static void measure(struct bench *b, const char *name, void (*round)(struct bench *b), int rounds) {
    static double ns[MAX_ROUNDS];
    round(b); // warms caches and predictors
    for (int i = 0; i < rounds; i++) {
        double started_ns = now_ns();
        round(b);
        ns[i] = (now_ns() - started_ns) / N_ORDERS;
    }
    qsort(ns, (size_t)rounds, sizeof ns[0], by_value);
    double bytes = (double)b->total_bytes / N_ORDERS, median = ns[rounds / 2];
    printf("%-18s min %6.1f ns, median %6.1f ns an order of %.0f bytes, %5.0f MB/s\n", name, ns[0],
           median, bytes, bytes / median * 1e3);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 300;
    if (rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: bench_parse [rounds, 1 to %d]\n", MAX_ROUNDS);
        return 2;
    }
    struct error err;
    struct zone *zone;
    if (!zone_open("America/New_York", &zone, &err)) {
        fprintf(stderr, "bench_parse: %s\n", err.text);
        return 1;
    }
    static char room[N_ORDERS][ORDER_ROOM];
    static struct bench b;
    b.rules = (struct order_rules){.zone = zone, .currency = "USD"};
    b.parser = mem_must(order_json_new(NULL));
    for (int i = 0; i < N_ORDERS; i++) {
        b.texts[i] = (struct text){room[i], make_order(room[i], (uint64_t)i, true)};
        b.total_bytes += b.texts[i].len;
    }
    b.array = body_of(&b, "[", ",", "]");
    b.lines = body_of(&b, "", "\n", "\n");
    measure(&b, "yyjson alone", read_all, rounds);
    measure(&b, "parse + validate", parse_all, rounds);
    measure(&b, "  by the long road", parse_all_by_the_long_road, rounds);
    measure(&b, "cut from an array", split_array, rounds);
    measure(&b, "cut from lines", split_lines, rounds);
    printf("%d rounds of %d orders, checksum %" PRId64 "\n", rounds, N_ORDERS, b.checksum);
    arena_free(&b.arena);
    order_json_free(b.parser);
    zone_free(zone);
    return 0;
}
