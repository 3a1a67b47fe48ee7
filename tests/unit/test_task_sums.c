// SPDX-License-Identifier: MIT
// A task's sums and products, cell for cell, against sums that are added up here from the orders as
// they were made up: nothing of the program's has a part in them. The shop is in a zone whose days
// begin at 18:30 UTC all year.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arrow_testing.h"
#include "base/hash.h"
#include "base/text.h"
#include "message_batch.h"
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { N_EVENTS = 900, N_PUSHES = 3, LINES_MAX = 3, CELLS_MAX = 20000, MEASURES = 10 };
#define NOW_MS INT64_C(1796040000000)
#define DAY_MS INT64_C(86400000)
#define ZONE_MS INT64_C(19800000) // of Asia/Kolkata, ahead of UTC
#define ABSENT INT64_MIN

static uint64_t dice;
static int64_t toss(int64_t n) {
    dice = hash_u64(dice + UINT64_C(0x9e3779b97f4a7c15));
    return (int64_t)(dice % (uint64_t)n);
}

// --- Events as they are made up

enum kind { PLACED, CANCELLED, REFUNDED, BROKEN, NOTHING };
struct line {
    int product;
    int64_t quantity, amount_e4;
};
struct made {
    enum kind kind;
    int customer;                          // 0: none
    const char *source, *state, *currency; // NULL: it has none
    int64_t created_ms;
    int n_items; // 0: one product, in lines[0]
    struct line lines[LINES_MAX];
    int64_t amounts_e4[5]; // subtotal, discount, shipping, tax, total
};
static const char *const amount_names[] = {"subtotal", "discount", "shipping", "tax", "total"};

static const char customers[] = "customer_id,source,state\n1,WEB,NY\n2,WEB,\n3,,TX\n4,NY,WEB\n";
static const char *const of_customer[][2] = {{NULL, NULL}, {"WEB", "NY"}, {"WEB", NULL},
                                             {NULL, "TX"}, {"NY", "WEB"}, {NULL, NULL}};

// Near enough that many share their minute, and older than minutes and hours are kept.
static int64_t a_time_ms(void) {
    int64_t age_ms = toss(40) * 420000;
    switch (toss(10)) {
    case 0:
        age_ms += (16 + toss(300)) * DAY_MS;
        break;
    case 1:
        age_ms += (402 + toss(2000)) * DAY_MS;
        break;
    default:
        age_ms += toss(3) * 5 * DAY_MS;
    }
    return NOW_MS - age_ms - toss(60000);
}

static void make_event(struct made *m) {
    static const char *const sources[] = {"ADS", "MAIL", "CA", NULL};
    static const char *const states[] = {"CA", "ADS", "\xC3\x8Ele", NULL};
    static const char *const currencies[] = {"EUR", "JPY", NULL, NULL};
    int64_t kind = toss(20);
    *m = (struct made){.kind = kind == 0   ? BROKEN
                               : kind == 1 ? NOTHING
                               : kind < 5  ? CANCELLED
                               : kind < 8  ? REFUNDED
                                           : PLACED,
                       .customer = (int)toss(6),
                       .source = sources[toss(4)],
                       .state = states[toss(4)],
                       .currency = currencies[toss(4)],
                       .created_ms = a_time_ms(),
                       .n_items = (int)toss(LINES_MAX + 1)};
    for (int i = 0; i < 4; i++) {
        m->amounts_e4[i] = toss(10000000);
    }
    m->amounts_e4[4] = m->amounts_e4[0] - m->amounts_e4[1] + m->amounts_e4[2] + m->amounts_e4[3];
    for (int i = 0; i < LINES_MAX; i++) { // some come twice in an order
        m->lines[i] = (struct line){(int)toss(5), toss(9), toss(1000000)};
    }
    if (m->n_items == 0) {
        m->lines[0].amount_e4 = m->amounts_e4[4];
    }
}

// "-1.2345"
static void put_amount(struct buf *out, const char *name, int64_t e4) {
    char text[80];
    int64_t size = e4 < 0 ? -e4 : e4;
    snprintf(text, sizeof text, ",\"%s\":\"%s%" PRId64 ".%04d\"", name, e4 < 0 ? "-" : "",
             size / 10000, (int)(size % 10000));
    buf_put_text(out, text_of(text));
}

static void put_named(struct buf *out, const char *name, const char *value) {
    char text[80];
    snprintf(text, sizeof text, ",\"%s\":\"%s\"", name, value);
    buf_put_text(out, text_of(value != NULL ? text : ""));
}

static void put_time(struct buf *out, int64_t ms) {
    char second[40], text[60];
    time_t at = (time_t)(ms / 1000);
    struct tm parts;
    gmtime_r(&at, &parts);
    strftime(second, sizeof second, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, sizeof text, "%s.%03dZ", second, (int)(ms % 1000));
    put_named(out, "created_at", text);
}

static void put_lines(struct buf *out, const struct made *m) {
    char text[120];
    if (m->n_items == 0) {
        snprintf(text, sizeof text, ",\"product_id\":\"p%d\",\"quantity\":%" PRId64,
                 m->lines[0].product, m->lines[0].quantity);
        buf_put_text(out, text_of(text));
        return;
    }
    for (int i = 0; i < m->n_items; i++) {
        const struct line *line = &m->lines[i];
        snprintf(text, sizeof text, "%s{\"product_id\":\"p%d\",\"quantity\":%" PRId64,
                 i == 0 ? ",\"items\":[" : ",", line->product, line->quantity);
        buf_put_text(out, text_of(text));
        put_amount(out, "subtotal", line->amount_e4);
        buf_put_text(out, TEXT_LIT("}"));
    }
    buf_put_text(out, TEXT_LIT("]"));
}

static void put_event(struct buf *out, const struct made *m, int number) {
    static const char *const names[] = {"placed", "cancelled", "refunded", "returned", ""};
    char text[80];
    snprintf(text, sizeof text, "{\"order_id\":%d", number);
    buf_put_text(out, text_of(text));
    put_named(out, "event", names[m->kind]);
    put_named(out, "event_id", "e");
    put_time(out, m->created_ms);
    snprintf(text, sizeof text, ",\"customer_id\":%d", m->customer);
    buf_put_text(out, text_of(m->customer > 0 ? text : ""));
    put_named(out, "source", m->source);
    put_named(out, "state", m->state);
    put_named(out, "currency", m->currency);
    put_lines(out, m);
    for (int i = 0; i < 5; i++) {
        put_amount(out, amount_names[i], m->amounts_e4[i]);
    }
    buf_put_text(out, TEXT_LIT("}"));
}

// --- What they add up to

struct cell {
    const char *table; // "product" for those of products
    int64_t bucket_us, day;
    char names[3][20]; // source, state, currency; of a product itself, nothing, currency
    int64_t measures[MEASURES];
    bool seen;
};
enum { ORDERS, UNITS, AMOUNTS, TOTAL = AMOUNTS + 4, CANCELLATIONS, REFUNDS, REFUNDED_TOTAL };
static const char *const measure_names[MEASURES] = {
    "orders", "units", "subtotal",         "discount", "shipping",
    "tax",    "total", "cancelled_orders", "refunds",  "refunded_total"};

struct sums {
    struct cell cells[CELLS_MAX];
    size_t n;
};

static struct cell *find(struct sums *s, const struct cell *key) {
    for (size_t i = 0; i < s->n; i++) {
        struct cell *c = &s->cells[i];
        if (c->bucket_us == key->bucket_us && c->day == key->day &&
            strcmp(c->table, key->table) == 0 &&
            memcmp(c->names, key->names, sizeof c->names) == 0) {
            return c;
        }
    }
    return NULL;
}

static int64_t *measures_of(struct sums *s, const struct cell *key) {
    struct cell *c = find(s, key);
    if (c == NULL) {
        assert_true(s->n < CELLS_MAX);
        c = &s->cells[s->n++];
        *c = *key;
    }
    return c->measures;
}

static void name(struct cell *c, int which, const char *value) {
    snprintf(c->names[which], sizeof c->names[which], "%s", value);
}

static const char *first_of(const char *a, const char *b, const char *c) {
    return a != NULL ? a : b != NULL ? b : c;
}

static void add_event(int64_t *to, const struct made *m) {
    int64_t sign = m->kind == PLACED ? 1 : -1;
    to[ORDERS] += m->kind == PLACED ? 1 : m->kind == CANCELLED ? -1 : 0;
    for (int i = 0; i < (m->n_items == 0 ? 1 : m->n_items); i++) {
        to[UNITS] += sign * m->lines[i].quantity;
    }
    for (int i = 0; i < 5; i++) {
        to[AMOUNTS + i] += sign * m->amounts_e4[i];
    }
    to[CANCELLATIONS] += m->kind == CANCELLED;
    to[REFUNDS] += m->kind == REFUNDED;
    to[REFUNDED_TOTAL] += m->kind == REFUNDED ? m->amounts_e4[4] : 0;
}

static void add_to_sums(struct sums *s, const struct made *m) {
    int64_t age_ms = NOW_MS - m->created_ms, day = (m->created_ms + ZONE_MS) / DAY_MS;
    struct cell key = {0};
    name(&key, 0, first_of(m->source, of_customer[m->customer][0], "(unknown)"));
    name(&key, 1, first_of(m->state, of_customer[m->customer][1], "(unknown)"));
    name(&key, 2, first_of(m->currency, NULL, "USD"));
    key.table = "total", key.bucket_us = ABSENT, key.day = ABSENT;
    add_event(measures_of(s, &key), m);
    if (age_ms < 15 * DAY_MS) {
        key.table = "minute", key.bucket_us = m->created_ms / 60000 * 60000000;
        add_event(measures_of(s, &key), m);
    }
    if (age_ms < 400 * DAY_MS) {
        key.table = "hour", key.bucket_us = m->created_ms / 3600000 * 3600000000;
        add_event(measures_of(s, &key), m);
    }
    key.table = "day", key.bucket_us = (day * DAY_MS - ZONE_MS) * 1000, key.day = day;
    add_event(measures_of(s, &key), m);
}

static void add_to_products(struct sums *s, const struct made *m) {
    int64_t sign = m->kind == PLACED ? 1 : -1;
    for (int i = 0; i < (m->n_items == 0 ? 1 : m->n_items); i++) {
        const struct line *line = &m->lines[i];
        bool before = false;
        for (int k = 0; k < i; k++) {
            before = before || m->lines[k].product == line->product;
        }
        struct cell key = {.table = "product",
                           .bucket_us = ABSENT,
                           .day = (m->created_ms + ZONE_MS) / DAY_MS,
                           .names = {{'p', (char)('0' + line->product)}}};
        name(&key, 2, first_of(m->currency, NULL, "USD"));
        int64_t *to = measures_of(s, &key);
        to[ORDERS] += before ? 0 : m->kind == PLACED ? 1 : m->kind == CANCELLED ? -1 : 0;
        to[UNITS] += sign * line->quantity;
        to[TOTAL] += sign * line->amount_e4;
    }
}

// --- What the columns say

static int64_t out_money_e4(const struct batch *b, const char *column, int64_t i) {
    const struct ArrowArray *a = out_child(b, column);
    const int64_t *halves = a->buffers[1];
    assert_false(out_is_null(a, i));
    assert_int_equal(halves[2 * i + 1], halves[2 * i] < 0 ? -1 : 0);
    return halves[2 * i];
}

static void has_format(const struct batch *b, const char *column, const char *format) {
    for (int64_t i = 0; i < b->schema.n_children; i++) {
        if (strcmp(b->schema.children[i]->name, column) == 0) {
            assert_string_equal(b->schema.children[i]->format, format);
            return;
        }
    }
    fail_msg("no column %s", column);
}

static bool is_amount(int measure) {
    return (measure >= AMOUNTS && measure <= TOTAL) || measure == REFUNDED_TOTAL;
}

// The row is one of the expected cells, comes for the first time, and has its measures.
static void is_expected(struct sums *wanted, const struct cell *key, const struct batch *b,
                        int64_t row, unsigned measures) {
    struct cell *c = find(wanted, key);
    if (c == NULL || c->seen) {
        fail_msg("row %d, %s of %s, %s, %s at %" PRId64 ": %s", (int)row, key->table, key->names[0],
                 key->names[1], key->names[2], key->bucket_us, c == NULL ? "unexpected" : "again");
    }
    c->seen = true;
    for (int k = 0; k < MEASURES; k++) {
        if ((measures >> k & 1) != 0) {
            assert_int_equal(is_amount(k) ? out_money_e4(b, measure_names[k], row)
                                          : out_number(b, measure_names[k], row),
                             c->measures[k]);
        }
    }
}

static void begin_looking(struct sums *wanted, const struct batch *b) {
    assert_int_equal(b->array.length, wanted->n); // and no row comes twice
    for (size_t i = 0; i < wanted->n; i++) {
        wanted->cells[i].seen = false;
    }
}

static int64_t day_of_row(const struct batch *b, int64_t row) {
    const struct ArrowArray *a = out_child(b, "day");
    return out_is_null(a, row) ? ABSENT : ((const int32_t *)a->buffers[1])[row];
}

static void sums_are(struct salestide_task *task, struct sums *wanted) {
    static const char *const tables[] = {"total", "minute", "hour", "day"};
    struct salestide_error err;
    struct batch b;
    assert_int_equal(salestide_task_sums(task, &b.schema, &b.array, &err), SALESTIDE_OK);
    has_format(&b, "bucket", "tsu:UTC");
    has_format(&b, "day", "tdD");
    for (int k = 0; k < MEASURES; k++) {
        has_format(&b, measure_names[k], is_amount(k) ? "d:19,4" : "l");
    }
    begin_looking(wanted, &b);
    for (int64_t row = 0; row < b.array.length; row++) {
        struct cell key = {.day = day_of_row(&b, row)};
        const char *table = out_string(&b, "table", row);
        for (size_t i = 0; i < 4; i++) {
            key.table = strcmp(table, tables[i]) == 0 ? tables[i] : key.table;
        }
        assert_non_null(key.table);
        key.bucket_us =
            out_is_null(out_child(&b, "bucket"), row) ? ABSENT : out_number(&b, "bucket", row);
        name(&key, 0, out_string(&b, "source", row));
        name(&key, 1, out_string(&b, "state", row));
        name(&key, 2, out_string(&b, "currency", row));
        is_expected(wanted, &key, &b, row, (1U << MEASURES) - 1);
    }
    release_batch(&b);
}

static void products_are(struct salestide_task *task, struct sums *wanted) {
    struct salestide_error err;
    struct batch b;
    assert_int_equal(salestide_task_products(task, &b.schema, &b.array, &err), SALESTIDE_OK);
    has_format(&b, "day", "tdD");
    has_format(&b, "total", "d:19,4");
    begin_looking(wanted, &b);
    for (int64_t row = 0; row < b.array.length; row++) {
        struct cell key = {.table = "product", .bucket_us = ABSENT, .day = day_of_row(&b, row)};
        name(&key, 0, out_string(&b, "product_id", row));
        name(&key, 2, out_string(&b, "currency", row));
        is_expected(wanted, &key, &b, row, 1U << ORDERS | 1U << UNITS | 1U << TOTAL);
    }
    release_batch(&b);
}

// --- Tests

static struct salestide_shop *open_shop(void) {
    static char tzif[65536];
    FILE *f = fopen("/usr/share/zoneinfo/Asia/Kolkata", "rb");
    assert_non_null(f);
    struct salestide_shop_options options = {.size_bytes = sizeof options,
                                             .currency = "USD",
                                             .timezone = "Asia/Kolkata",
                                             .tzif = tzif,
                                             .tzif_bytes = fread(tzif, 1, sizeof tzif, f)};
    fclose(f);
    struct salestide_shop *shop;
    struct salestide_error err;
    assert_int_equal(salestide_shop_new(&options, &shop, &err), SALESTIDE_OK);
    assert_int_equal(
        salestide_shop_customers_csv(shop, "customers.csv", customers, sizeof customers - 1, &err),
        SALESTIDE_OK);
    return shop;
}

static struct salestide_task *open_task(const struct salestide_shop *shop, bool has_raw) {
    const struct salestide_task_options options = {
        .size_bytes = sizeof options, .from = -1, .now_ms = NOW_MS, .has_raw = has_raw};
    struct salestide_task *task;
    struct salestide_error err;
    assert_int_equal(salestide_task_new(shop, &options, &task, &err), SALESTIDE_OK);
    return task;
}

static void push_events(struct salestide_task *task, const struct made *events, int from, int to) {
    struct message_batch batch = {0};
    struct buf text = {0};
    struct ArrowSchema schema;
    struct ArrowArray array;
    struct salestide_error err;
    for (int i = from; i < to; i++) {
        buf_clear(&text);
        put_event(&text, &events[i], i);
        message_batch_add(&batch, i, NOW_MS,
                          events[i].kind == NOTHING ? TEXT_NONE : buf_text(&text));
    }
    message_batch_export(&batch, &schema, &array);
    assert_int_equal(salestide_task_push(task, &schema, &array, NULL, NULL, &err), SALESTIDE_OK);
    message_batch_free(&batch);
    buf_free(&text);
}

static void add_up(struct sums *sums, struct sums *products, const struct made *m, bool has_raw) {
    bool counts = m->kind == PLACED || (!has_raw && (m->kind == CANCELLED || m->kind == REFUNDED));
    if (counts) {
        add_to_sums(sums, m);
        add_to_products(products, m);
    }
}

static void every_cell_is_what_the_orders_add_up_to(bool has_raw) {
    static struct sums sums, products;
    static struct made events[N_EVENTS];
    struct salestide_shop *shop = open_shop();
    struct salestide_task *task = open_task(shop, has_raw);
    sums.n = products.n = 0;
    dice = 11;
    sums_are(task, &sums); // no row yet
    products_are(task, &products);
    for (int at = 0; at < N_EVENTS;
         at += N_EVENTS / N_PUSHES) { // what was asked for before goes on
        int end = at + N_EVENTS / N_PUSHES;
        for (int i = at; i < end; i++) {
            make_event(&events[i]);
            add_up(&sums, &products, &events[i], has_raw);
        }
        push_events(task, events, at, end);
        sums_are(task, &sums);
        products_are(task, &products);
    }
    sums_are(task, &sums); // asking changes nothing
    print_message("%d cells, %d of products\n", (int)sums.n, (int)products.n);
    assert_true(sums.n > 500 && products.n > 100);
    salestide_task_free(task);
    salestide_shop_free(shop);
}

static void sums_and_products_are_those_of_the_orders_cell_for_cell(void **state) {
    (void)state;
    every_cell_is_what_the_orders_add_up_to(false);
}

static void with_raw_orders_what_is_taken_back_is_in_no_cell(void **state) {
    (void)state;
    every_cell_is_what_the_orders_add_up_to(true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_and_products_are_those_of_the_orders_cell_for_cell),
        cmocka_unit_test(with_raw_orders_what_is_taken_back_is_in_no_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
