// SPDX-License-Identifier: MIT
// Drives the raw store on Cassandra from a test, without a broker.
//
//     cassandra_probe ddl                  the statements of setup
//     cassandra_probe setup                runs them
//     cassandra_probe load [EPOCH_US]      NDJSON of orders from stdin: the n-th has offset n - 1
//                                          of partition 3; prints what became of it, and figures
//     cassandra_probe find ID...           placed orders, as the engine asks for them
//     cassandra_probe order ID             the order and its adjustments
//     cassandra_probe customer ID          its orders, newest first
//     cassandra_probe scan                 every event
//     cassandra_probe bench N              N made orders, as fast as it goes
//
// From the environment: PROBE_URL, PROBE_PASSWORD, PROBE_CA_FILE.
#include "base/clock.h"
#include "base/mem.h"
#include "engine/zone_file.h"
#include "format/order_json.h"
#include "format/order_write.h"
#include "store/cassandra/cassandra.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static struct cassandra_address address;
static struct error err;
static int64_t epoch_us = INT64_C(1700000000000000);
enum { PARTITION = 3, FLUSH_EVERY = 20000, ARRIVAL_MS = 1000 };

static int die(void) {
    fprintf(stderr, "cassandra_probe: %s\n", err.text);
    return 1;
}

// An event as one line: the order's JSON, then what is not in it.
static bool print_event(void *user, const struct stored_event *event) {
    struct buf *b = user;
    buf_clear(b);
    buf_put_str(b, "{\"order\": ");
    order_write(b, &event->order, NULL);
    buf_printf(b, ", \"arrival_ms\": %" PRId64 ", \"position\": %" PRId64 ", \"n_items\": %u}\n",
               event->arrival_ms, event->position, event->order.n_items);
    return fwrite(b->at, 1, b->len, stdout) == b->len;
}

static bool print_found(void *user, size_t index, const struct stored_event *event) {
    printf("%zu ", index);
    return print_event(user, event);
}

static double cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

// --- Writing

static enum store_result add(struct raw_store *raw, const struct order *o, int64_t n) {
    struct stored_event event = {*o, o->created_ms + ARRIVAL_MS, log_position(PARTITION, n)};
    struct rejection why;
    if (event.order.source.at == NULL) { // what the engine would have done
        event.order.source = event.order.state = TEXT_LIT("(unknown)");
    }
    if (!raw->ops->fits(raw, &event.order, &why)) {
        printf("%" PRId64 " rejected %s %s: %s\n", n, why.field, why.code, why.message);
        return STORE_OK;
    }
    return raw->ops->add(raw, &event, epoch_us, &err);
}

static int load(struct raw_store *raw) {
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    int64_t n = 0;
    struct zone *zone;
    if (!zone_open("UTC", &zone, &err)) {
        return die();
    }
    struct order_rules rules = {.zone = zone, .currency = "USD"};
    struct order_json *parser = mem_must(order_json_new(NULL));
    struct arena arena = {0};
    enum store_result result = STORE_OK;
    while (result == STORE_OK && (len = getline(&line, &room, stdin)) > 0) {
        struct order o;
        struct rejection why;
        arena_reset(&arena);
        if (order_json_parse(parser, &rules, (struct text){line, (size_t)len}, &arena, &o, &why) !=
            ORDER_JSON_OK) {
            printf("%" PRId64 " unreadable %s\n", n, why.message);
        } else {
            result = add(raw, &o, n);
        }
        n++;
        if (result == STORE_OK && n % FLUSH_EVERY == 0) {
            result = raw->ops->flush(raw, &err);
        }
    }
    result = result == STORE_OK ? raw->ops->flush(raw, &err) : result;
    free(line);
    arena_free(&arena);
    order_json_free(parser);
    zone_free(zone);
    return result == STORE_OK ? 0 : die();
}

static int bench(struct raw_store *raw, int64_t n) {
    double cpu = cpu_s();
    int64_t start_ns = clock_monotonic_ns(clock_system());
    enum store_result result = STORE_OK;
    for (int64_t i = 0; i < n && result == STORE_OK; i++) {
        struct order o = {.order_id = {i, TEXT_NONE},
                          .customer_id = {i % 10007, TEXT_NONE},
                          .product_id = {-1, TEXT_LIT("SKU-000123")},
                          .source = TEXT_LIT("web"),
                          .state = TEXT_LIT("CA"),
                          .currency = "USD",
                          .created_ms = INT64_C(1700000000000) + i,
                          .quantity = 1 + i % 5,
                          .subtotal_e4 = 199900 + i,
                          .tax_e4 = 15992,
                          .total_e4 = 215892 + i};
        result = add(raw, &o, i);
        if (result == STORE_OK && (i + 1) % FLUSH_EVERY == 0) {
            result = raw->ops->flush(raw, &err);
        }
    }
    result = result == STORE_OK ? raw->ops->flush(raw, &err) : result;
    double s = (double)(clock_monotonic_ns(clock_system()) - start_ns) / 1e9;
    printf("%" PRId64 " orders, %.0f orders/s, client CPU %.3f s per million\n", n, (double)n / s,
           (cpu_s() - cpu) * 1e6 / (double)n);
    return result == STORE_OK ? 0 : die();
}

// --- Reading

static int read_some(int argc, char **argv, struct raw_reader *reader) {
    struct buf b = {0};
    struct ident id = argc > 2 ? ident_of_text(text_of(argv[2])) : IDENT_NONE;
    bool ok = strcmp(argv[1], "scan") == 0 ? reader->ops->scan(reader, print_event, &b, &err)
              : strcmp(argv[1], "order") == 0
                  ? reader->ops->order(reader, id, print_event, &b, &err)
                  : cassandra_reader_customer(reader, id, 5, print_event, &b, &err);
    buf_free(&b);
    reader->ops->close(reader);
    return ok ? 0 : die();
}

static int find(int argc, char **argv, struct raw_store *raw) {
    struct buf b = {0};
    size_t n = (size_t)argc - 2;
    struct ident *ids = calloc(n + 1, sizeof *ids);
    for (size_t i = 0; i < n; i++) {
        ids[i] = ident_of_text(text_of(argv[i + 2]));
    }
    enum store_result result = raw->ops->find(raw, ids, n, print_found, &b, &err);
    buf_free(&b);
    free(ids);
    return result == STORE_OK ? 0 : die();
}

static int ddl(void) {
    struct buf b = {0};
    cassandra_ddl(&b, address.url.path, 1);
    fwrite(b.at, 1, b.len, stdout);
    buf_free(&b);
    return 0;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    const char *url = getenv("PROBE_URL"), *password = getenv("PROBE_PASSWORD");
    const char *ca = getenv("PROBE_CA_FILE"), *what = argc > 1 ? argv[1] : "";
    if (argc < 2 || url == NULL) {
        fputs("cassandra_probe: say what to do, and PROBE_URL\n", stderr);
        return 2;
    }
    if (!cassandra_address_read(url, &address, &err)) {
        return die();
    }
    snprintf(address.password, sizeof address.password, "%s", password != NULL ? password : "");
    snprintf(address.ca_file, sizeof address.ca_file, "%s", ca != NULL ? ca : "");
    address.tls = ca != NULL;
    if (strcmp(what, "ddl") == 0) {
        return ddl();
    }
    if (strcmp(what, "setup") == 0) {
        return cassandra_setup(&address, 1, &err) ? 0 : die();
    }
    if (strcmp(what, "load") == 0 || strcmp(what, "find") == 0 || strcmp(what, "bench") == 0) {
        struct raw_store *raw;
        if (!cassandra_raw_open(&address, NULL, &raw, &err)) {
            return die();
        }
        epoch_us = what[0] == 'l' && argc > 2 ? strtoll(argv[2], NULL, 10) : epoch_us;
        int code = what[0] == 'l'   ? load(raw)
                   : what[0] == 'f' ? find(argc, argv, raw)
                                    : bench(raw, strtoll(argv[2], NULL, 10));
        raw->ops->close(raw);
        return code;
    }
    struct raw_reader *reader;
    return cassandra_reader_open(&address, &reader, &err) ? read_some(argc, argv, reader) : die();
}
