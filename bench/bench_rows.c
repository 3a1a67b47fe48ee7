// SPDX-License-Identifier: MIT
// How many raw rows a second our client of Cassandra writes, and what CPU that takes: the orders of
// a file are parsed and kept in memory, then each becomes its rows (the order and its customer's
// list, or an adjustment), all answered by the end. Prints one JSON object: rows, wall_s and cpu_s
// of all threads, from the first row sent to the last one answered.
//
// bench_rows cassandra://host:port/keyspace ORDERS.ndjson    (tables by `salestide setup`;
// consistency ONE)
#include "base/mem.h"
#include "engine/zone_file.h"
#include "format/order_json.h"
#include "store/cassandra/cassandra.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EVENTS_MAX = 5000000, LINE_MAX_BYTES = 64 * 1024 };

static _Noreturn void die(const char *doing, const char *why) {
    fprintf(stderr, "bench_rows: %s: %s\n", doing, why);
    exit(1);
}

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct events {
    struct stored_event *at;
    size_t n, rows;
    struct arena arena;
};

static void events_add(struct events *e, const struct order *o) {
    if (e->n == EVENTS_MAX) {
        die("reading", "more orders than fit");
    }
    e->at[e->n] = (struct stored_event){
        .order = *o, .arrival_ms = o->created_ms, .position = (int64_t)e->n + 1};
    e->rows += 1 + (o->kind == ORDER_PLACED && ident_present(o->customer_id));
    e->n++;
}

static void events_read(struct events *e, const char *path, const struct zone *zone) {
    static char line[LINE_MAX_BYTES];
    struct order_rules rules = {.zone = zone, .currency = "USD"};
    struct order_json *parser = mem_must(order_json_new(NULL));
    struct rejection why;
    struct order order;
    FILE *in = fopen(path, "r");
    if (in == NULL) {
        die(path, "cannot be opened");
    }
    while (fgets(line, sizeof line, in) != NULL) {
        struct text json = {line, strcspn(line, "\n")};
        if (order_json_parse(parser, &rules, json, &e->arena, &order, &why) != ORDER_JSON_OK) {
            die(line, why.message);
        }
        events_add(e, &order);
    }
    fclose(in);
    order_json_free(parser);
}

static void write_all(struct raw_store *store, const struct events *e) {
    const int64_t epoch_us = 1; // tables are new
    struct error err;
    for (size_t i = 0; i < e->n; i++) {
        if (store->ops->add(store, &e->at[i], epoch_us, &err) != STORE_OK) {
            die("adding", err.text);
        }
    }
    if (store->ops->flush(store, &err) != STORE_OK) {
        die("flushing", err.text);
    }
}

int main(int argc, char **argv) {
    static atomic_bool stop;
    static struct cassandra_address address;
    struct events events = {0};
    struct raw_store *store;
    struct zone *zone;
    struct error err;
    if (argc != 3) {
        fprintf(stderr, "usage: bench_rows cassandra://host:port/keyspace ORDERS.ndjson\n");
        return 2;
    }
    if (!zone_open("UTC", &zone, &err) || !cassandra_address_read(argv[1], &address, &err)) {
        die("starting", err.text);
    }
    events.at = mem_zalloc(EVENTS_MAX, sizeof *events.at);
    events_read(&events, argv[2], zone);
    address.consistency = CQL_ONE;
    if (!cassandra_raw_open(&address, &stop, &store, &err)) {
        die("connecting", err.text);
    }
    double wall_s = seconds(CLOCK_MONOTONIC), cpu_s = seconds(CLOCK_PROCESS_CPUTIME_ID);
    write_all(store, &events);
    printf("{\"rows\": %zu, \"wall_s\": %.6f, \"cpu_s\": %.6f}\n", events.rows,
           seconds(CLOCK_MONOTONIC) - wall_s, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_s);
    store->ops->close(store);
    arena_free(&events.arena);
    free(events.at);
    zone_free(zone);
    return 0;
}
