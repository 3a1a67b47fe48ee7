// SPDX-License-Identifier: MIT
// How many cells a second a commit of the MySQL aggregates brings into its tables: new ones, and
// the same again.
// usage: SALESTIDE_MYSQL_PASSWORD=... bench_mysql_cells mysql://user@host:port/database
// The database is dropped and made again: give it one of its own.
#include "base/mem.h"
#include "engine/zone_file.h"
#include "order/zone.h"
#include "store/mysql/mysql_aggregates.h"
#include "store/mysql/mysql_schema.h"
#include "sums/currency.h"
#include <stdio.h>
#include <stdlib.h>

enum { GROUPS = 250, MINUTES = 240, ROUNDS = 5 };

static _Noreturn void die(const char *doing, const struct error *err) {
    fprintf(stderr, "bench_mysql_cells: %s: %s\n", doing, err->text);
    exit(1);
}

static int64_t now_ns(void) {
    return clock_monotonic_ns(clock_system());
}

static void make_tables(const struct mysql_address *address) {
    struct mysql_connection *c;
    struct store_settings settings = {0};
    struct error err = {0};
    char sql[512];
    if (!mysql_connection_open(address, MYSQL_ROLE_SETUP, 30000, &c, &err)) {
        die("connecting", &err);
    }
    snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS `%s`", address->url.path);
    if (!mysql_run(c, text_of(sql), "dropping", &err) ||
        !mysql_schema_prepare(c, address->url.path, &settings, &err)) {
        die("setting up", &err);
    }
    mysql_connection_close(c);
}

// A cell for each group and minute, and what follows from that in the other tables.
static int64_t fill(struct cube *cube) {
    char source[16], state[16];
    int64_t gross = 0;
    for (int minute = 0; minute < MINUTES; minute++) {
        for (int group = 0; group < GROUPS; group++) {
            snprintf(source, sizeof source, "SOURCE%d", group / 50);
            snprintf(state, sizeof state, "S%02d", group % 50);
            struct order o = {.order_id = {1, TEXT_NONE},
                              .customer_id = IDENT_NONE,
                              .product_id = {group * 40 + minute % 40, TEXT_NONE},
                              .source = text_of(source),
                              .state = text_of(state),
                              .currency = "USD",
                              .created_ms = INT64_C(1767268800000) + (int64_t)60000 * minute,
                              .quantity = 2,
                              .subtotal_e4 = 123456,
                              .total_e4 = 123456};
            uint32_t number;
            if (cube_add(cube, &o, 0, 0, &number) != CUBE_OK) {
                abort();
            }
            gross += currency_gross_of(&o);
        }
    }
    return gross;
}

static void commit(struct aggregates *a, struct cube *cube, int64_t *next_offset,
                   int64_t epoch_us) {
    struct gross_delta gross = {currency_number("USD"), fill(cube)};
    struct position_move move = {0, *next_offset, *next_offset < 0 ? 1 : *next_offset + 1, epoch_us,
                                 0, {0, 0}};
    struct aggregates_batch batch = {.topic = "bench",
                                     .moves = &move,
                                     .n_moves = 1,
                                     .cube = cube,
                                     .gross = &gross,
                                     .n_gross = 1};
    struct batch_summary summary = {.committed_ms = INT64_C(1767268800000),
                                    .counts = {.received = 1, .accepted = 1}};
    struct error err = {0};
    size_t n_cells = cube_n_cells(cube);
    int64_t start = now_ns();
    if (a->ops->commit(a, &batch, &summary, &err) != COMMIT_OK) {
        die("committing", &err);
    }
    double seconds = (double)(now_ns() - start) / 1e9;
    printf("%-8s %7zu cells  %6.3f s  %8.0f cells/s\n", *next_offset < 0 ? "new" : "again", n_cells,
           seconds, (double)n_cells / seconds);
    *next_offset = move.to;
    cube_clear(cube);
}

int main(int argc, char **argv) {
    struct mysql_aggregates_options options = {.clock = clock_system()};
    struct store_settings settings;
    struct aggregates *a;
    struct position_claim claim;
    struct zone *zone;
    struct error err = {0};
    bool lost;
    if (argc != 2 || !mysql_address_read(argv[1], &options.address, &err) ||
        !secret_read("SALESTIDE_MYSQL_PASSWORD", NULL, options.address.password, &err)) {
        die("usage: bench_mysql_cells mysql://user@host:port/database", &err);
    }
    make_tables(&options.address);
    if (!mysql_aggregates_open(&options, &a, &settings, &err) ||
        a->ops->claim(a, &(struct position_wish){.topic = {"bench", ""}}, &claim, &lost, &err) !=
            STORE_OK ||
        !zone_open("UTC", &zone, &err)) {
        die("opening", &err);
    }
    struct cube *cube = mem_must(cube_new(zone, NULL));
    for (int i = 0; i < ROUNDS; i++) {
        commit(a, cube, &claim.next_offset, claim.epoch_us);
    }
    cube_free(cube);
    zone_free(zone);
    a->ops->close(a);
    return 0;
}
