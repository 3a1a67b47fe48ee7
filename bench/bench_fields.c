// SPDX-License-Identifier: MIT
// How long the readers of single fields take: ns per call, the median of several rounds, one line
// for each kind of input. Each kind is a row of spellings of one form, so that what is timed is not
// one text that the branch predictor has learned.
#include "base/must.h"
#include "engine/zone_file.h"
#include "order/money.h"
#include "order/timestamp.h"
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SPELLINGS = 1024, SPELLING_MAX = 40, CALLS = 500 * SPELLINGS, ROUNDS = 11 };

struct row {
    char at[SPELLINGS][SPELLING_MAX];
    struct text text[SPELLINGS];
};

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 16) % n);
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef int64_t (*read_one)(struct text t, const struct zone *z); // INT64_MIN: refused

static int64_t read_money(struct text t, const struct zone *z) {
    UNUSED(z);
    int64_t e4;
    bool rounded;
    return money_parse(t, &e4, &rounded) == MONEY_OK ? e4 : INT64_MIN;
}

static int64_t read_timestamp(struct text t, const struct zone *z) {
    int64_t ms;
    return timestamp_parse(t, z, &ms) == TIMESTAMP_OK ? ms : INT64_MIN;
}

static int64_t read_day(struct text t, const struct zone *z) {
    return zone_day(z, (int64_t)t.len * 6000000000 + (int64_t)(uintptr_t)t.at % 86400000);
}

static void measure(const char *what, const struct row *r, read_one read, const struct zone *z) {
    double ns[ROUNDS];
    int64_t sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = now_ns();
        for (int k = 0; k < CALLS; k++) {
            int64_t value = read(r->text[k % SPELLINGS], z);
            if (value == INT64_MIN) {
                fprintf(stderr, "bench_fields: %s: \"%.*s\" was refused\n", what,
                        TEXT_ARG(r->text[k % SPELLINGS]));
                exit(1);
            }
            sum += value & 0xff;
        }
        ns[round] = (double)(now_ns() - start) / CALLS;
    }
    qsort(ns, ROUNDS, sizeof ns[0], compare);
    printf("%-44s %6.1f ns   (best %.1f, checksum %" PRId64 ")\n", what, ns[ROUNDS / 2], ns[0],
           sum);
}

static void finish(struct row *r, int k, int len) {
    r->text[k] = (struct text){r->at[k], (size_t)len};
}

static void fill_money(struct row *r, uint32_t units, const char *format) {
    for (int k = 0; k < SPELLINGS; k++) {
        uint32_t whole = units == 0 ? 123 : random_below(units);
        uint32_t decimals = units == 0 ? 45 : random_below(100);
        finish(r, k, snprintf(r->at[k], SPELLING_MAX, format, whole, decimals));
    }
}

static void fill_time(struct row *r, char separator, const char *tail) {
    for (int k = 0; k < SPELLINGS; k++) {
        finish(r, k,
               snprintf(r->at[k], SPELLING_MAX, "%04u-%02u-%02u%c%02u:%02u:%02u%s",
                        2000 + random_below(50), 1 + random_below(12), 1 + random_below(28),
                        separator, random_below(24), random_below(60), random_below(60), tail));
    }
}

int main(void) {
    static struct row r;
    struct zone *utc, *new_york;
    struct error err;
    if (!zone_open("UTC", &utc, &err) || !zone_open("America/New_York", &new_york, &err)) {
        fprintf(stderr, "bench_fields: %s\n", err.text);
        return 1;
    }
    fill_money(&r, 0, "%u.%02u");
    measure("money_parse 123.45", &r, read_money, utc);
    fill_money(&r, 2000, "%u.%02u");
    measure("money_parse 0.00 .. 1999.99", &r, read_money, utc);
    fill_money(&r, 2000, "%u.%02u48145389078365");
    measure("money_parse of 16 decimals, rounded", &r, read_money, utc);
    fill_time(&r, 'T', "Z");
    measure("timestamp_parse ...T12:34:56Z", &r, read_timestamp, utc);
    fill_time(&r, 'T', ".123Z");
    measure("timestamp_parse ...T12:34:56.123Z", &r, read_timestamp, utc);
    fill_time(&r, 'T', "+02:00");
    measure("timestamp_parse ...T12:34:56+02:00", &r, read_timestamp, utc);
    fill_time(&r, ' ', "");
    measure("timestamp_parse without offset, UTC", &r, read_timestamp, utc);
    measure("timestamp_parse without offset, New York", &r, read_timestamp, new_york);
    measure("zone_day, UTC", &r, read_day, utc);
    measure("zone_day, New York", &r, read_day, new_york);
    zone_free(utc);
    zone_free(new_york);
    return 0;
}
