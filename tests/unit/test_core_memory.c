// SPDX-License-Identifier: MIT
// The core without memory: every allocation of reading and writing orders, customers and zones is
// refused once. Each time the caller is told so, nothing leaks, and the process goes on. (The
// cube's are in test_cube_parts.c.)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "engine/zone_file.h"
#include "format/csv.h"
#include "format/csv_fields.h"
#include "format/csv_groups.h"
#include "format/csv_presets.h"
#include "format/order_csv.h"
#include "format/order_json.h"
#include "format/order_write.h"
#include "sums/customers.h"
#include <limits.h>
#include <stdio.h>

#include "refusing_heap.h"

static struct order_rules rules = {.currency = "USD"};

// --- JSON

// Ordinary; with items; with more unknown keys than are compared pairwise; larger than the parser's
// first pool.
static char large[80000], many_keys[4000];
static const char *events[] = {
    "{\"order_id\":1,\"created_at\":\"2026-11-21T10:00:00Z\",\"product_id\":\"mug\",\"quantity\":1,"
    "\"total\":\"1.00\"}",
    "{\"order_id\":\"a\\u0041\",\"created_at\":\"2026-11-21T10:00:00Z\",\"total\":\"1.00\","
    "\"items\":[{\"product_id\":1,\"quantity\":1,\"subtotal\":\"1\"},{\"product_id\":2,"
    "\"quantity\":1}]}",
    many_keys,
    large,
};

static void make_events(void) {
    const char *start = "{\"order_id\":1,\"created_at\":\"2026-11-21T10:00:00Z\",\"product_id\":1,"
                        "\"quantity\":1,\"total\":\"1.00\"";
    size_t n = (size_t)snprintf(many_keys, sizeof many_keys, "%s", start);
    for (int i = 0; i < 40; i++) {
        n += (size_t)snprintf(many_keys + n, sizeof many_keys - n, ",\"k%d\":{\"a\":%d}", i, i);
    }
    snprintf(many_keys + n, sizeof many_keys - n, "}");
    n = (size_t)snprintf(large, sizeof large, "%s,\"note\":[", start);
    while (n < sizeof large - 10) {
        large[n++] = '1';
        large[n++] = ',';
    }
    snprintf(large + n, sizeof large - n, "1]}");
}

static bool parse_events(const struct mem_heap *heap) {
    struct order_json *parser = order_json_new(heap);
    struct arena arena = {.heap = heap};
    bool ok = parser != NULL;
    for (size_t i = 0; ok && i < COUNT_OF(events); i++) {
        struct order order;
        struct rejection why;
        enum order_json_result result =
            order_json_parse(parser, &rules, text_of(events[i]), &arena, &order, &why);
        ok = result == ORDER_JSON_OK;
        assert_true(ok || result == ORDER_JSON_NO_MEMORY);
        struct buf out = {.heap = heap};
        if (ok) {
            order_write(&out, &order, NULL);
            ok = !out.failed;
        }
        buf_free(&out);
    }
    arena_free(&arena);
    order_json_free(parser);
    return ok;
}

static void every_allocation_of_reading_json_may_be_refused(void **state) {
    (void)state;
    make_events();
    sweep_heap(parse_events, 8);
}

// --- CSV

static const char table[] = "order_id,product_id,quantity,created_at,unit_price\n"
                            "1,\"a \"\"b\"\"\",1,2026-11-21T10:00:00Z,1.50\n"
                            "text,x,1,2026-11-21T10:00:00Z,1.50\n"
                            "1,c,2,2026-11-21T10:00:00Z,2.50\n"
                            "2,c,2\n"
                            ",d,2,2026-11-21T10:00:00Z,2.50\n"
                            "text,y,1,2026-11-21T10:00:00Z,1.50\n"
                            "2,c,2,2026-11-21T10:00:00Z,2.50\n";

// An export that a preset reads: a time in two columns, amounts with signs, rows left out, lines
// that came back, a refund that is of another.
static const char export_of_square[] =
    "Date,Time,Item,Qty,Price Point Name,Gross Sales,Discounts,Net Sales,Tax,Transaction ID\n"
    "2026-11-21,10:00,\"a \"\"b\"\"\",1.0,x,\"$1,001.50\",-$1.00,$0.50,$0.10,T1\n"
    "2026-11-21,10:00,b,-1.0,x,-$1.50,$0.00,-$1.50,-$0.10,T1\n"
    "2026-11-22,10:00,c,-1.0,x,-$1.50,$0.00,-$1.50,-$0.10,T2\n";
static const char export_of_stripe[] =
    "id,Created date (UTC),Amount,Amount Refunded,Currency,Status\n"
    "ch_1,2026-11-21 10:00:00,\"1,001.50\",1.50,usd,Paid\n"
    "ch_2,2026-11-21 10:00:00,5.00,0.00,usd,Failed\n"
    "ch_3,2026-11-21 10:00:00,5.00,5.00,usd,Refunded\n";

// A table's rows through one pass: its readers, by themselves or grouped.
struct pass {
    const char *table;
    bool preset;
    const struct mem_heap *heap;
    struct csv_fields fields;
    struct csv_binding binding;
    struct csv_groups *groups;
    struct order_csv *orders;
    struct arena arena;
    int n_orders;
};

static bool short_of_memory(const struct error *err) {
    assert_int_equal(err->cls, ERROR_RETRIABLE);
    assert_non_null(strstr(err->text, "memory"));
    return false;
}

static bool one_order(struct pass *p, enum order_csv_result result) {
    p->n_orders += result == ORDER_CSV_OK;
    return result != ORDER_CSV_NO_MEMORY;
}

// The order of a row or a group, and what else it comes to.
static bool take_parts(struct pass *p, const struct csv_row *row, const struct csv_group *group) {
    struct order_csv_event event;
    bool ok = one_order(p, group != NULL ? order_csv_group(p->orders, group, &p->arena, &event)
                                         : order_csv_row(p->orders, row, &p->arena, &event));
    uint32_t also = ok ? event.also : 0;
    for (int i = CSV_ITS_CANCELLATION; ok && also >> i != 0; i++) {
        enum order_csv_part part = (enum order_csv_part)i;
        ok = (also >> i & 1) == 0 ||
             one_order(p, group != NULL
                              ? order_csv_group_part(p->orders, group, part, &p->arena, &event)
                              : order_csv_row_part(p->orders, row, part, &p->arena, &event));
    }
    return ok;
}

static bool take_row(struct pass *p, const struct csv_row *row) {
    return take_parts(p, row, NULL);
}

static bool count_row(struct pass *p, const struct csv_row *row) {
    struct error err;
    return csv_groups_count(p->groups, row, &err) || short_of_memory(&err);
}

static bool group_row(struct pass *p, const struct csv_row *row) {
    struct csv_group group;
    struct error err;
    switch (csv_groups_add(p->groups, row, &group, &err)) {
    case GROUP_WAITS:
        return true;
    case GROUP_READY:
        return take_parts(p, row, &group);
    case GROUP_NONE:
        return take_row(p, row);
    case GROUP_FAILED:
        break;
    }
    return short_of_memory(&err);
}

static bool make_readers(struct pass *p, const struct csv_row *header) {
    struct error err;
    const struct csv_preset *nearest, *found = csv_presets_find(NULL, header, &nearest);
    if (p->preset) {
        assert_non_null(found);
        if (!csv_preset_apply(found, header, &p->fields, &err)) {
            return short_of_memory(&err);
        }
    }
    if (!csv_fields_bind(&p->fields, header, &p->binding, &err)) {
        fail_msg("%s", err.text);
    }
    p->orders = order_csv_new(&rules, &p->binding, p->heap);
    p->groups = p->orders != NULL ? csv_groups_new(&p->binding, p->heap) : NULL;
    return p->groups != NULL;
}

static bool each_row(struct pass *p, bool (*each)(struct pass *, const struct csv_row *)) {
    struct csv *csv = csv_new(p->heap);
    if (csv == NULL) {
        return false;
    }
    struct text rest = text_of(p->table);
    assert_int_equal(csv_feed(csv, rest), rest.len);
    struct csv_row row;
    bool ok = true, header = true;
    enum csv_next next;
    while (ok && (next = csv_next(csv, &row)) != CSV_END) {
        if (next == CSV_MORE) {
            csv_fed(csv, 0);
        } else if (header) {
            csv_set_width(csv, row.n_cells);
            ok = p->groups != NULL || make_readers(p, &row);
            header = false;
        } else {
            ok = each(p, &row);
        }
    }
    csv_free(csv);
    return ok;
}

static bool read_table(const struct mem_heap *heap, const char *text, bool grouped, int n_orders) {
    struct error err;
    struct pass p = {.table = text,
                     .preset = text != table,
                     .heap = heap,
                     .fields = {.group = grouped, .arena.heap = heap},
                     .arena = {.heap = heap}};
    bool ok = p.preset ||
              csv_fields_set(&p.fields, TEXT_LIT("currency=EUR,\"source=A,B\""), &err) ||
              short_of_memory(&err);
    if (grouped) {
        ok = ok && each_row(&p, count_row);
        if (ok) {
            csv_groups_counted(p.groups);
        }
        ok = ok && each_row(&p, group_row);
    } else {
        ok = ok && each_row(&p, take_row);
    }
    assert_true(!ok || p.n_orders == n_orders);
    csv_groups_free(p.groups);
    order_csv_free(p.orders);
    csv_fields_free(&p.fields);
    arena_free(&p.arena);
    return ok;
}

static bool read_rows(const struct mem_heap *heap) {
    return read_table(heap, table, false, 5); // all but the short row and the one without an id
}

static bool read_groups(const struct mem_heap *heap) {
    return read_table(heap, table, true, 2); // 1 and text; 2 has a short row
}

static bool read_square(const struct mem_heap *heap) {
    return read_table(heap, export_of_square, true, 3); // T1, what came back of it, T2
}

static bool read_stripe(const struct mem_heap *heap) {
    return read_table(heap, export_of_stripe, false, 4); // ch_1 and ch_3, each with a refund
}

static void every_allocation_of_reading_csv_may_be_refused(void **state) {
    (void)state;
    sweep_heap(read_rows, 8);
    sweep_heap(read_groups, 20);
    sweep_heap(read_square, 8);
    sweep_heap(read_stripe, 4);
}

// --- Customers

static bool customers_of_rows(const struct mem_heap *heap) {
    enum { N = 3000 };
    static char ids[N][16], sources[N][16];
    struct text id[N], source[N];
    for (int i = 0; i < N; i++) {
        id[i] = (struct text){ids[i], (size_t)snprintf(ids[i], 16, i % 2 ? "%d" : "c%d", i)};
        source[i] = (struct text){sources[i], (size_t)snprintf(sources[i], 16, "s%d", i)};
    }
    struct customers *c = customers_new(heap);
    const struct customer_rows rows = {.n_rows = N, .ids = id, .sources = source};
    struct error err;
    bool ok = c != NULL && (customers_add(c, &rows, &err) || short_of_memory(&err));
    if (ok) {
        assert_int_equal(customers_count(c), N);
        assert_true(text_equal(customers_find(c, ident_of_text(id[7]))->source, source[7]));
    }
    customers_free(c);
    return ok;
}

static bool customers_of_bytes(const struct mem_heap *heap) {
    struct customers *c;
    struct error err;
    bool ok = customers_from_csv("c.csv", TEXT_LIT("customer_id,source,state\n1,A,B\nx,C,D\n"),
                                 heap, &c, &err) ||
              short_of_memory(&err);
    assert_int_equal(c != NULL, ok);
    customers_free(c);
    return ok;
}

static void every_allocation_of_making_customers_may_be_refused(void **state) {
    (void)state;
    sweep_heap(customers_of_rows, 15);
    sweep_heap(customers_of_bytes, 8);
}

static void what_was_refused_may_be_added_again(void **state) {
    (void)state;
    const struct text ids[] = {TEXT_LIT("a"), TEXT_LIT("2"), TEXT_LIT("c")};
    const struct text sources[] = {TEXT_LIT("A"), TEXT_NONE, TEXT_LIT("C")};
    const struct customer_rows rows = {
        .n_rows = COUNT_OF(ids), .ids = ids, .sources = sources, .states = sources};
    for (long n = 2;; n++) { // 1: the customers themselves
        struct refusing_heap h;
        struct error err;
        refusing_heap_init(&h, n);
        struct customers *c = customers_new(&h.heap);
        if (!customers_add(c, &rows, &err)) {
            assert_false(short_of_memory(&err));
            assert_true(customers_add(c, &rows, &err));
        }
        assert_int_equal(customers_count(c), COUNT_OF(ids));
        for (size_t i = 0; i < COUNT_OF(ids); i++) {
            const struct customer *found = customers_find(c, ident_of_text(ids[i]));
            assert_true(text_equal(found->source, sources[i]));
            assert_true(text_equal(found->state, sources[i]));
        }
        customers_free(c);
        assert_int_equal(h.n_live, 0);
        if (!h.hit) {
            assert_in_range(n, 6, 1000);
            return;
        }
    }
}

// --- Zones

static char zone_bytes[65536];
static size_t n_zone_bytes;

static bool zone_of_bytes(const struct mem_heap *heap) {
    struct zone *z;
    struct error err;
    struct text bytes = {zone_bytes, n_zone_bytes};
    bool ok = zone_from_bytes("Europe/Berlin", "the table", bytes, heap, &z, &err) ||
              short_of_memory(&err);
    if (ok) {
        assert_int_equal(zone_offset_s(z, 1784116800), 7200); // July 2026
    }
    zone_free(z);
    return ok;
}

static void every_allocation_of_making_a_zone_may_be_refused(void **state) {
    (void)state;
    FILE *f = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
    assert_non_null(f);
    n_zone_bytes = fread(zone_bytes, 1, sizeof zone_bytes, f);
    fclose(f);
    sweep_heap(zone_of_bytes, 2);
}

// --- Arrays that may be large

enum { SMALL = 4096, LARGE = 5 << 20 };

static void fill_and_ask_again(const struct mem_heap *heap, size_t n) {
    for (int turn = 0; turn < 3; turn++) { // the second time it may lie where the first did
        unsigned char *at = heap_map(heap, n, 3);
        assert_non_null(at);
        for (size_t i = 0; i < 3 * n; i++) {
            assert_int_equal(at[i], 0);
        }
        memset(at, 0xA5, 3 * n);
        heap_unmap(heap, at, n, 3);
    }
}

static void an_array_is_zeroed_however_large_and_wherever_it_comes_from(void **state) {
    (void)state;
    struct refusing_heap h;
    refusing_heap_init(&h, 0);
    fill_and_ask_again(NULL, SMALL);
    fill_and_ask_again(NULL, LARGE);
    fill_and_ask_again(&h.heap, LARGE);
    assert_int_equal(h.n_live, 0);
    heap_unmap(NULL, NULL, LARGE, 3);
}

static void the_front_of_an_array_goes_and_the_rest_stays(void **state) {
    (void)state;
    struct refusing_heap h;
    refusing_heap_init(&h, 0);
    const struct mem_heap *const heaps[] = {NULL, &h.heap};
    for (size_t k = 0; k < COUNT_OF(heaps); k++) {
        unsigned char *at = heap_map(heaps[k], LARGE, 3);
        assert_non_null(at);
        memset(at, 0xA5, (size_t)LARGE * 3);
        heap_unmap_front(heaps[k], at, LARGE, 3, 0);
        assert_int_equal(at[0], 0xA5);
        heap_unmap_front(heaps[k], at, LARGE, 3, LARGE / 2);
        heap_unmap_front(heaps[k], at, LARGE, 3, LARGE / 2 + 1);
        assert_int_equal(at[0], heaps[k] == NULL ? 0 : 0xA5); // of the process's own it is gone
        for (size_t i = (size_t)LARGE / 2 * 3 + 3; i < (size_t)LARGE * 3; i++) {
            assert_int_equal(at[i], 0xA5);
        }
        heap_unmap(heaps[k], at, LARGE, 3);
        at = heap_map(heaps[k], SMALL, 3);
        assert_non_null(at);
        memset(at, 0xA5, (size_t)SMALL * 3);
        heap_unmap_front(heaps[k], at, SMALL, 3, SMALL / 2);
        assert_int_equal(at[0], 0xA5);
        heap_unmap(heaps[k], at, SMALL, 3);
    }
    assert_int_equal(h.n_live, 0);
}

static bool refuse_large(void *user, size_t n_bytes) {
    (void)user;
    return n_bytes == 3 * (size_t)LARGE;
}

static void a_large_array_may_be_refused(void **state) {
    (void)state;
    struct refusing_heap h;
    refusing_heap_init(&h, 1);
    assert_null(heap_map(&h.heap, LARGE, 3));
    assert_null(heap_map(NULL, SIZE_MAX / 2, 3));      // no such size
    assert_null(heap_map(NULL, SIZE_MAX / 4096, 512)); // no room for it
    mem_set_fail_hook(refuse_large, NULL);
    assert_null(heap_map(NULL, LARGE, 3));
    mem_set_fail_hook(NULL, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_is_zeroed_however_large_and_wherever_it_comes_from),
        cmocka_unit_test(the_front_of_an_array_goes_and_the_rest_stays),
        cmocka_unit_test(a_large_array_may_be_refused),
        cmocka_unit_test(every_allocation_of_reading_json_may_be_refused),
        cmocka_unit_test(every_allocation_of_reading_csv_may_be_refused),
        cmocka_unit_test(every_allocation_of_making_customers_may_be_refused),
        cmocka_unit_test(what_was_refused_may_be_added_again),
        cmocka_unit_test(every_allocation_of_making_a_zone_may_be_refused),
    };
    struct zone *utc;
    struct error err;
    if (!zone_open("UTC", &utc, &err)) {
        return 1;
    }
    rules.zone = utc;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zone_free(utc);
    return failed;
}
