// SPDX-License-Identifier: MIT
// Fuzzes a task: its messages are put together from the input's bytes (orders, parts of orders,
// some again, nulls, keys, headers of a door), with a window of duplicates, its history, or none.
// The structs are as they should be; fuzz_arrow.c has those that are not.
//
// What must hold for any input:
// - what is given is released once, and so is all that comes out; what is refused is told in one
//   line of UTF-8, and only offsets that do not ascend are;
// - there is a row for each message that has something in it and is not history; the tally counts
//   what the rows say, and the sums of totals and of days are those of its cube;
// - the same messages in other batches give the same tally, but for cells that are not kept.
#include "kernel/shop.h"
#include "store/tally.h"
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
// What arrow_testing.h asks of cmocka.
#define assert_true(condition) HOLDS(condition)
#define assert_false(condition) HOLDS(!(condition))
#define assert_non_null(pointer) HOLDS((pointer) != NULL)
#define fail_msg(...) HOLDS(!"a column")
#include "../unit/arrow_testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGES_MAX = 400, ORDER_BYTES = 320, POOL_BYTES = MESSAGES_MAX * ORDER_BYTES + (1 << 15) };
#define NOW_MS INT64_C(1796040000000)

// --- Messages from the input

static struct {
    const uint8_t *at;
    size_t left;
    char pool[POOL_BYTES]; // of all texts
    size_t used;

    size_t n;
    int64_t offsets[MESSAGES_MAX], stamps[MESSAGES_MAX];
    const char *values[MESSAGES_MAX], *keys[MESSAGES_MAX], *headers[MESSAGES_MAX]; // NULL: none
} f;

static uint8_t byte(void) {
    if (f.left == 0) {
        return 0;
    }
    f.left--;
    return *f.at++;
}

static const char *rest_of_line(void) {
    const char *line = f.pool + f.used;
    char c;
    do {
        c = (char)byte();
        c = (char)(c == '\n' ? 0 : c);
        f.pool[f.used++] = c;
    } while (c != '\0');
    return line;
}

static const char *an_order(void) {
    static const char *const events[] = {"placed", "placed", "cancelled", "refunded"};
    static const char *const totals[] = {
        "1.25", "0.00005", "900000", "400000000000\",\"currency\":\"JPY", "-3", "7.1", "0", "12.5"};
    static const char *const places[] = {"", ",\"source\":\"ADS\"", ",\"state\":\"CA\"",
                                         ",\"source\":\"CA\",\"state\":\"ADS\""};
    static const char *const products[] = {
        ",\"product_id\":\"a\",\"quantity\":2",
        ",\"items\":[{\"product_id\":1,\"quantity\":1,\"subtotal\":3}]",
        ",\"items\":[{\"product_id\":1,\"quantity\":2},{\"product_id\":1,\"quantity\":1}]",
        ",\"product_id\":\"b\",\"quantity\":1"};
    static const char *const days[] = {"2026-11-30T10:00:00", "2026-11-30T09:59",    "2026-11-15",
                                       "2026-11-14T09:58:00", "2025-10-26T00:30:00", "2020-02-29",
                                       "2026-12-24",          "1970-01-01"};
    char *order = f.pool + f.used;
    uint8_t id = byte(), a = byte(), b = byte();
    int n = snprintf(order, ORDER_BYTES,
                     "{\"order_id\":%d,\"event\":\"%s\",\"event_id\":\"e%d\",\"created_at\":\"%s\","
                     "\"customer_id\":%d,\"total\":\"%s\"%s%s}",
                     id % 32, events[a % 4], id / 128, days[b % 8], id % 3, totals[a / 4 % 8],
                     places[b / 8 % 4], products[b / 32 % 4]);
    HOLDS(n > 0 && n < ORDER_BYTES);
    f.used += (size_t)n + 1;
    return order;
}

static void next_message(void) {
    uint8_t head = byte();
    size_t i = f.n++;
    int64_t gap = head >> 4 == 15 ? -1 : head >> 4 == 14 ? 1000 : 1 + head / 64;
    f.offsets[i] = (i > 0 ? f.offsets[i - 1] : 0) + gap;
    f.stamps[i] = NOW_MS + (int64_t)i * 1000;
    f.keys[i] = f.headers[i] = NULL;
    switch (head & 7) {
    case 0:
        f.values[i] = (head & 8) != 0 ? "" : NULL;
        break;
    case 1:
        f.values[i] = rest_of_line();
        break;
    case 2:
        f.values[i] = i > 0 ? f.values[byte() % i] : "[]";
        break;
    case 3:
        f.values[i] = rest_of_line();
        f.headers[i] = rest_of_line();
        break;
    case 4:
        f.stamps[i] += ((int64_t)byte() - 128) * 600000;
        f.values[i] = an_order();
        break;
    default:
        f.values[i] = an_order();
    }
    f.keys[i] = (head & 8) != 0 ? f.values[i] : NULL;
}

static bool ascend(void) {
    for (size_t i = 1; i < f.n; i++) {
        if (f.offsets[i] <= f.offsets[i - 1]) {
            return false;
        }
    }
    return f.n == 0 || f.offsets[0] >= 0;
}

// Messages number from .. to as a batch.
static void make_batch(struct batch *b, size_t from, size_t to) {
    static const char *names[MESSAGES_MAX], *reasons[MESSAGES_MAX];
    int32_t ends[MESSAGES_MAX] = {0}, n_headers = 0;
    int64_t n = (int64_t)(to - from);
    for (size_t i = from; i < to; i++) {
        if (f.headers[i] != NULL) {
            names[n_headers] = "salestide-rejected";
            reasons[n_headers++] = f.headers[i];
        }
        ends[i - from] = n_headers;
    }
    begin_batch(b, n);
    add_texts(b, "z", "value", f.values + from, n);
    add_numbers(b, "l", "offset", f.offsets + from, 8, n);
    add_numbers(b, "tsm:UTC", "timestamp", f.stamps + from, 8, n);
    add_texts(b, "z", "key", f.keys + from, n);
    add_headers(b, ends, n, names, reasons);
}

// --- One task

struct plan {
    bool window, has_raw;
    int64_t from; // -1: new
    int64_t refused[MESSAGES_MAX];
    size_t n_refused;
    size_t batch; // messages of each, but of the last
};
struct outcome {
    int64_t n_rows, n_accepted, n_duplicate;
    struct arena arena;
    struct cube *cube;
    struct tally tally;
};

static void told(int32_t result, const struct salestide_error *err) {
    HOLDS((result == SALESTIDE_OK) == (err->text[0] == '\0'));
    HOLDS(text_is_utf8(text_of(err->text)) && strchr(err->text, '\n') == NULL);
}

static int32_t push_one(struct salestide_task *task, size_t from, size_t to, struct outcome *o) {
    struct salestide_error err;
    struct batch in, out;
    make_batch(&in, from, to);
    int32_t result =
        salestide_task_push(task, &in.schema, &in.array, &out.schema, &out.array, &err);
    told(result, &err);
    HOLDS(n_live_schemas == 0 && n_live_arrays == 0);
    if (result != SALESTIDE_OK) {
        HOLDS(out.schema.release == NULL && out.array.release == NULL);
        return result;
    }
    o->n_rows += out.array.length;
    for (int64_t i = 0; i < out.array.length; i++) {
        const char *verdict = out_string(&out, "verdict", i);
        o->n_accepted += strcmp(verdict, "accepted") == 0;
        o->n_duplicate += strcmp(verdict, "duplicate") == 0;
    }
    release_batch(&out);
    return result;
}

// Of a table: orders, and what they come to in all currencies, modulo 2^64.
struct sum {
    uint64_t orders, total_e4;
};

static void add_rows(const struct batch *b, const char *table, struct sum *sum) {
    const uint64_t *totals = out_child(b, "total")->buffers[1]; // halves
    for (int64_t i = 0; i < b->array.length; i++) {
        if (strcmp(out_string(b, "table", i), table) == 0) {
            sum->orders += (uint64_t)out_number(b, "orders", i);
            sum->total_e4 += totals[2 * i];
        }
    }
}

static void add_cells(const struct cube *c, enum cube_table table, struct sum *sum) {
    for (size_t i = 0; i < cube_n_cells(c); i++) {
        if (cube_cells(c)[i].table == table) {
            sum->orders += (uint64_t)cube_cells(c)[i].sum.orders;
            sum->total_e4 += (uint64_t)cube_cells(c)[i].sum.total_e4;
        }
    }
}

static void take_sums(struct salestide_task *task, struct sum *totals, struct sum *days) {
    struct salestide_error err;
    struct batch b;
    told(salestide_task_sums(task, &b.schema, &b.array, &err), &err);
    add_rows(&b, "total", totals);
    add_rows(&b, "day", days);
    release_batch(&b);
    told(salestide_task_products(task, &b.schema, &b.array, &err), &err);
    release_batch(&b);
}

// Of a task that has taken all messages.
static void end_task(struct salestide_task *task, const struct plan *plan, struct outcome *o) {
    struct salestide_error err;
    struct error why = {0};
    struct sum sums[2] = {{0, 0}}, cells[2] = {{0, 0}};
    const void *bytes;
    size_t n_bytes;
    int64_t end = f.n > 0 ? f.offsets[f.n - 1] + 1 : 0, n_rows = 0;
    take_sums(task, &sums[0], &sums[1]);
    end = end > plan->from ? end : plan->from;
    HOLDS(salestide_task_tally(task, end, &bytes, &n_bytes, &err) == SALESTIDE_OK);
    o->cube = cube_new(NULL, NULL);
    HOLDS(o->cube != NULL);
    HOLDS(tally_read((struct text){bytes, n_bytes}, &o->arena, o->cube, &o->tally, &why));
    add_cells(o->cube, CUBE_TOTALS, &cells[0]);
    add_cells(o->cube, CUBE_DAY, &cells[1]);
    HOLDS(memcmp(sums, cells, sizeof sums) == 0);
    HOLDS(memcmp(&sums[0], &sums[1], sizeof sums[0]) == 0);
    for (size_t i = 0; i < f.n; i++) {
        n_rows += f.offsets[i] >= plan->from && f.values[i] != NULL && f.values[i][0] != '\0';
    }
    const struct store_counts *counts = &o->tally.summary.counts;
    HOLDS(o->n_rows == n_rows && counts->received == n_rows);
    HOLDS(counts->accepted == o->n_accepted && counts->duplicate == o->n_duplicate);
    HOLDS(counts->accepted + counts->duplicate + counts->rejected == n_rows);
    HOLDS(plan->window || counts->duplicate == 0);
    HOLDS(plan->has_raw || o->tally.n_adjustments == 0);
}

static char directory[64];
static void remove_directory(void) {
    (void)rmdir(directory);
}

static const char *window_directory(void) {
    if (directory[0] == '\0') {
        snprintf(directory, sizeof directory, "%s/salestide-fuzz-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        HOLDS(mkdtemp(directory) != NULL);
        atexit(remove_directory);
    }
    return directory;
}

static void forget_windows(void) {
    DIR *list = opendir(window_directory());
    HOLDS(list != NULL);
    for (struct dirent *e; (e = readdir(list)) != NULL;) {
        (void)unlinkat(dirfd(list), e->d_name, 0);
    }
    closedir(list);
}

// False: the offsets do not ascend.
static bool run_task(const struct salestide_shop *shop, const struct plan *plan,
                     struct outcome *o) {
    const struct salestide_task_options options = {
        .size_bytes = sizeof options,
        .lane = 2,
        .from = plan->from,
        .now_ms = NOW_MS,
        .gross_json = "{\"JPY\":\"9216000000000000000\"}", // not far from where it is refused
        .has_raw = plan->has_raw,
        .window_dir = plan->window ? window_directory() : NULL,
        .topic_id = "topic",
        .window_ms = 3600000,
        .window_max_bytes = 1 << 22,
        .refused = plan->refused,
        .n_refused = plan->n_refused};
    struct salestide_task *task;
    struct salestide_error err;
    *o = (struct outcome){0};
    int32_t result = salestide_task_new(shop, &options, &task, &err);
    HOLDS(result == (plan->window && plan->from > 0 ? SALESTIDE_HISTORY : SALESTIDE_OK));
    result = SALESTIDE_OK;
    for (size_t at = 0; at < f.n && result == SALESTIDE_OK; at += plan->batch) {
        result = push_one(task, at, at + plan->batch < f.n ? at + plan->batch : f.n, o);
    }
    if (result == SALESTIDE_OK) {
        end_task(task, plan, o);
    } else {
        HOLDS(result == SALESTIDE_INVALID);
        HOLDS(push_one(task, 0, f.n, o) == SALESTIDE_INVALID); // it can only be freed
    }
    salestide_task_free(task);
    forget_windows();
    return result == SALESTIDE_OK;
}

// --- The same in other batches

// Cells below the floors may be there or not: which were so by then depends on the batches.
static void cells_are_within(struct outcome *a, struct outcome *b) {
    for (size_t i = 0; i < cube_n_cells(a->cube); i++) {
        const struct cube_cell *cell = &cube_cells(a->cube)[i];
        if ((cell->table == CUBE_MINUTE && cell->bucket < a->tally.minute_floor) ||
            (cell->table == CUBE_HOUR && cell->bucket < a->tally.hour_floor)) {
            continue;
        }
        const struct cube_dim *dim = cell->table == CUBE_PRODUCT ? cube_product(a->cube, cell->dim)
                                                                 : cube_group(a->cube, cell->dim);
        const struct measures *sum = cube_find(b->cube, cell->table, cell->bucket, dim);
        HOLDS(sum != NULL && memcmp(sum, &cell->sum, sizeof *sum) == 0);
    }
}

static void same_outcome(struct outcome *a, struct outcome *b) {
    const struct tally *x = &a->tally, *y = &b->tally;
    const struct store_counts *n = &x->summary.counts, *m = &y->summary.counts;
    HOLDS(n->accepted == m->accepted && n->duplicate == m->duplicate && n->skipped == m->skipped);
    HOLDS(memcmp(n->warnings, m->warnings, sizeof n->warnings) == 0);
    HOLDS(x->move.to == y->move.to && x->move.window.offset == y->move.window.offset &&
          x->move.window.time_ms == y->move.window.time_ms);
    HOLDS(x->minute_floor == y->minute_floor && x->hour_floor == y->hour_floor);
    HOLDS(x->n_recent == y->n_recent && x->n_changes == y->n_changes);
    HOLDS(x->n_adjustments == y->n_adjustments);
    HOLDS(x->n_rejected == y->n_rejected && x->n_gross == y->n_gross);
    for (size_t i = 0; i < x->n_rejected; i++) {
        const struct rejected_event *r = &x->rejected[i], *s = &y->rejected[i];
        HOLDS(r->position == s->position && r->refused == s->refused);
        HOLDS(text_equal(r->code, s->code) && text_equal(r->raw, s->raw));
    }
    cells_are_within(a, b);
    cells_are_within(b, a);
}

static void make_plan(struct plan *plan, uint8_t options, uint8_t history) {
    plan->window = (options & 1) != 0;
    plan->has_raw = (options & 2) != 0;
    plan->from = -1;
    if ((options & 4) == 0 || f.n == 0) {
        return;
    }
    plan->from = f.offsets[history % f.n];
    for (size_t i = 0; i < history % f.n && (options & 8) != 0; i += 3) {
        plan->refused[plan->n_refused++] = f.offsets[i];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char customers[] = "customer_id,source,state\n1,WEB,NY\n2,,TX\n";
    static struct salestide_shop *shop;
    const struct salestide_shop_options options = {
        .size_bytes = sizeof options, .currency = "USD", .timezone = "UTC"};
    struct salestide_error err;
    if (shop == NULL) {
        HOLDS(salestide_shop_new(&options, &shop, &err) == SALESTIDE_OK);
        HOLDS(salestide_shop_customers_csv(shop, "c", customers, sizeof customers - 1, &err) ==
              SALESTIDE_OK);
    }
    if (size < 3 || size > 16 * 1024) {
        return 0;
    }
    f.at = data;
    f.left = size;
    f.used = f.n = 0;
    uint8_t chosen = byte(), history = byte(), batch = byte();
    while (f.left > 0 && f.n < MESSAGES_MAX) {
        next_message();
    }
    struct plan plan = {.batch = 1 + f.n};
    bool good = ascend();
    make_plan(&plan, good ? chosen : chosen & 3, history);
    struct outcome whole, cut;
    HOLDS(run_task(shop, &plan, &whole) == good);
    plan.batch = 1 + batch % (1 + f.n);
    HOLDS(run_task(shop, &plan, &cut) == good);
    if (good) {
        same_outcome(&whole, &cut);
    }
    cube_free(whole.cube);
    cube_free(cut.cube);
    arena_free(&whole.arena);
    arena_free(&cut.arena);
    return 0;
}
