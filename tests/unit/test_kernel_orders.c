// SPDX-License-Identifier: MIT
// The kernel through its public functions: messages in, orders out. What is good, what is odd, what
// is wrong, without memory, and by many threads.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/shop.h"
#include <limits.h>
#include <pthread.h>
#include <stdio.h>

#include "arrow_testing.h"
#include "refusing_heap.h"

#define ORDER(id, more)                                                                            \
    "{\"order_id\":" id ",\"created_at\":\"2026-11-21T10:00:00Z\",\"product_id\":\"mug\","         \
    "\"quantity\":2,\"total\":\"31.9\"" more "}"

static const struct salestide_shop_options utc = {
    .size_bytes = sizeof utc, .currency = "USD", .timezone = "UTC", .late_limit_ms = 86400000};
static struct salestide_error err;

static struct salestide_shop *new_shop(void) {
    struct salestide_shop *shop;
    assert_int_equal(salestide_shop_new(&utc, &shop, &err), SALESTIDE_OK);
    return shop;
}

// All of it is released afterwards; `out` is what came out.
static int32_t orders(const struct salestide_shop *shop, struct batch *in, struct batch *out) {
    int32_t result =
        salestide_orders(shop, &in->schema, &in->array, &out->schema, &out->array, &err);
    assert_null(in->schema.release);
    assert_null(in->array.release);
    assert_int_equal(n_live_schemas, 0);
    assert_int_equal(n_live_arrays, 0);
    assert_int_equal(err.text[0] == '\0', result == SALESTIDE_OK);
    assert_int_equal(out->array.release != NULL, result == SALESTIDE_OK);
    assert_int_equal(out->schema.release != NULL, result == SALESTIDE_OK);
    return result;
}

static void refused(struct batch *in, const char *why) {
    struct salestide_shop *shop = new_shop();
    struct batch out;
    assert_int_equal(orders(shop, in, &out), SALESTIDE_INVALID);
    if (strstr(err.text, why) == NULL) {
        fail_msg("expected '%s' in: %s", why, err.text);
    }
    salestide_shop_free(shop);
}

static const char *const some[] = {ORDER("1", ",\"source\":\"GOOGLE\",\"customer_id\":7"), NULL, "",
                                   "no order", ORDER("\"a\"", ",\"event\":\"cancelled\"")};
enum { N_SOME = sizeof some / sizeof some[0] };

// --- What is good

static void messages_become_typed_rows(void **state) {
    (void)state;
    struct salestide_shop *shop = new_shop();
    struct batch in, out;
    static const char customers[] = "customer_id,source,state\n7,BING,CA\n";
    assert_int_equal(
        salestide_shop_customers_csv(shop, "c.csv", customers, strlen(customers), &err),
        SALESTIDE_OK);
    make_messages(&in, some, N_SOME);
    assert_int_equal(orders(shop, &in, &out), SALESTIDE_OK);
    assert_int_equal(out.array.length, 3); // a tombstone and an empty value are none
    assert_int_equal(out_number(&out, "offset", 0), 100);
    assert_int_equal(out_number(&out, "arrival", 0), INT64_C(1795000000000000));
    assert_int_equal(out_number(&out, "created_at", 0), INT64_C(1795255200000000));
    assert_string_equal(out_string(&out, "order_id", 0), "1");
    assert_string_equal(out_string(&out, "source", 0), "GOOGLE");
    assert_string_equal(out_string(&out, "state", 0), "CA");
    assert_string_equal(out_string(&out, "verdict", 0), "new");
    assert_null(out_string(&out, "code", 0));
    const int64_t *total = out_child(&out, "total")->buffers[1];
    assert_int_equal(total[0], 319000);
    assert_int_equal(total[1], 0);
    assert_string_equal(out_string(&out, "verdict", 1), "rejected");
    assert_string_equal(out_string(&out, "code", 1), "not_json");
    assert_null(out_string(&out, "order_id", 1));
    assert_true(out_is_null(out_child(&out, "total"), 1));
    assert_true(out_is_null(out_child(&out, "partition"), 1));
    assert_int_equal(out_number(&out, "offset", 2), 104);
    assert_string_equal(out_string(&out, "event", 2), "cancelled");
    release_batch(&out);
    salestide_shop_free(shop);
}

static void no_messages_are_no_rows(void **state) {
    (void)state;
    struct salestide_shop *shop = new_shop();
    struct batch in, out;
    make_messages(&in, NULL, 0);
    for (int i = 0; i < 3; i++) { // of no rows there need not be buffers
        for (int j = 0; j < 3; j++) {
            set_buffer(in.array.children[i], j, NULL, 0);
        }
    }
    assert_int_equal(orders(shop, &in, &out), SALESTIDE_OK);
    assert_int_equal(out.array.length, 0);
    assert_int_equal(((const int32_t *)out_child(&out, "order_id")->buffers[1])[0], 0);
    release_batch(&out);
    salestide_shop_free(shop);
}

static void slices_are_read_from_their_place_on(void **state) {
    (void)state;
    struct salestide_shop *shop = new_shop();
    for (int large = 0; large < 2; large++) {
        struct batch in, out;
        const char *texts[20];
        for (int i = 0; i < 20; i++) {
            texts[i] = i % 3 == 0 ? NULL : i % 3 == 1 ? ORDER("1", "") : ORDER("\"x\"", "");
        }
        make_messages(&in, texts, 20);
        if (large) {
            struct batch column;
            make_texts(&column, "U", "value", texts, 20);
            in.schema.children[0]->release(in.schema.children[0]);
            in.array.children[0]->release(in.array.children[0]);
            *in.schema.children[0] = column.schema;
            *in.array.children[0] = column.array;
        }
        for (int i = 0; i < 3; i++) { // 3 of the columns, and 7 of the batch: from row 10 on
            in.array.children[i]->offset = 3;
            in.array.children[i]->length = 17;
            in.array.children[i]->null_count = i == 0 ? -1 : 0;
        }
        in.array.offset = 7;
        in.array.length = 4;
        assert_int_equal(orders(shop, &in, &out), SALESTIDE_OK);
        assert_int_equal(out.array.length, 3); // rows 10, 11, 13
        assert_int_equal(out_number(&out, "offset", 0), 110);
        assert_string_equal(out_string(&out, "order_id", 0), "1");
        assert_string_equal(out_string(&out, "order_id", 1), "x");
        assert_int_equal(out_number(&out, "offset", 2), 113);
        release_batch(&out);
    }
    salestide_shop_free(shop);
}

static void every_unit_of_time_is_known(void **state) {
    (void)state;
    static const struct {
        const char *format;
        int64_t value, arrival_us;
    } cases[] = {
        {"tss:", 1795000000, 1795000000000000},
        {"tsm:UTC", 1795000000001, 1795000000001000},
        {"tsu:Europe/Berlin", 1795000000001999, 1795000000001000},
        {"tsn:", INT64_C(1795000000001999999), 1795000000001000},
        {"l", 1795000000001, 1795000000001000},
        {"tss:", INT64_MAX, 253402214400000000},
        {"tss:", INT64_MIN, 1000},
        {"tsn:", -1, 1000},
        {"l", INT64_MIN, 1000},
    };
    struct salestide_shop *shop = new_shop();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct batch in, out;
        make_messages(&in, some, 1);
        in.schema.children[2]->format = cases[i].format;
        set_buffer(in.array.children[2], 1, &cases[i].value, 8);
        assert_int_equal(orders(shop, &in, &out), SALESTIDE_OK);
        assert_int_equal(out_number(&out, "arrival", 0), cases[i].arrival_us);
        release_batch(&out);
    }
    salestide_shop_free(shop);
}

static void a_doors_rejection_counts_without_a_key_only(void **state) {
    (void)state;
    static const char *const values[] = {ORDER("1", ""), ORDER("2", ""), ORDER("3", ""),
                                         ORDER("4", "")};
    static const char *const keys[] = {NULL, "2", NULL, NULL};
    static const int32_t ends[] = {2, 3, 3, 5};
    static const char reason[] = "{\"field\":\"total\",\"code\":\"negative\",\"message\":\"m\"}";
    static const char *const names[] = {"salestide-rejected", "salestide-rejected",
                                        "salestide-rejected", "salestide-rejected", NULL};
    static const char *const headers[] = {"{}", reason, reason, reason, NULL};
    struct salestide_shop *shop = new_shop();
    struct batch in, out;
    make_messages(&in, values, 4);
    add_texts(&in, "z", "key", keys, 4);
    add_headers(&in, ends, 4, names, headers);
    assert_int_equal(orders(shop, &in, &out), SALESTIDE_OK);
    assert_string_equal(out_string(&out, "verdict", 0), "rejected");
    assert_string_equal(out_string(&out, "code", 0), "negative"); // the last one is the one
    assert_string_equal(out_string(&out, "field", 0), "total");
    assert_string_equal(out_string(&out, "verdict", 1), "new");
    assert_string_equal(out_string(&out, "verdict", 2), "new");
    assert_string_equal(out_string(&out, "verdict", 3), "rejected");
    release_batch(&out);
    salestide_shop_free(shop);
}

static void a_child_moved_out_outlives_its_parent(void **state) {
    (void)state;
    struct salestide_shop *shop = new_shop();
    struct batch in, out;
    make_messages(&in, some, N_SOME);
    assert_int_equal(orders(shop, &in, &out), SALESTIDE_OK);
    struct ArrowArray *from = out_child(&out, "order_id"), moved = *from;
    from->release = NULL;
    struct ArrowSchema schema = *out.schema.children[0];
    out.schema.children[0]->release = NULL;
    struct batch whole = out; // the whole is moved too
    out.schema.release = NULL;
    out.array.release = NULL;
    release_batch(&whole);
    salestide_shop_free(shop);
    assert_int_equal(((const char *)moved.buffers[2])[0], '1');
    assert_string_equal(schema.name, "position");
    moved.release(&moved);
    schema.release(&schema);
    assert_null(moved.release);
}

static void many_rows_grow(void **state) {
    (void)state;
    enum { N = 5000 };
    static char texts[N][200];
    const char *values[N];
    for (int i = 0; i < N; i++) {
        char id[24];
        snprintf(id, sizeof id, "%d", i);
        snprintf(texts[i], sizeof texts[i], i % 5 == 0 ? "%s" : ORDER("%s", ""), id);
        values[i] = texts[i];
    }
    struct salestide_shop *shop = new_shop();
    struct batch in, out;
    make_messages(&in, values, N);
    assert_int_equal(orders(shop, &in, &out), SALESTIDE_OK);
    assert_int_equal(out.array.length, N);
    assert_int_equal(out_child(&out, "order_id")->null_count, N / 5);
    for (int i = 0; i < N; i++) {
        char id[24];
        snprintf(id, sizeof id, "%d", i);
        assert_int_equal(out_number(&out, "position", i), 100 + i);
        const char *got = out_string(&out, "order_id", i);
        assert_int_equal(got == NULL, i % 5 == 0);
        assert_true(got == NULL || strcmp(got, id) == 0);
    }
    release_batch(&out);
    salestide_shop_free(shop);
}

// --- What is wrong

typedef void spoil_fn(struct batch *b);
static void no_value(struct batch *b) {
    b->schema.children[0]->name = "values";
}
static void nameless(struct batch *b) {
    b->schema.children[0]->name = NULL;
}
static void twice(struct batch *b) {
    b->schema.children[1]->name = "value";
}
static void no_offset(struct batch *b) {
    b->schema.children[1]->name = "";
}
static void no_time(struct batch *b) {
    b->schema.children[2]->name = "time";
}
static void int_value(struct batch *b) {
    b->schema.children[0]->format = "l";
}
static void no_format(struct batch *b) {
    b->schema.children[0]->format = NULL;
}
static void empty_format(struct batch *b) {
    b->schema.children[1]->format = "";
}
static void view_value(struct batch *b) {
    b->schema.children[0]->format = "vu";
}
static void odd_format(struct batch *b) {
    b->schema.children[2]->format = "ts";
}
static void no_struct(struct batch *b) {
    b->schema.format = "+l";
}
static void negative_length(struct batch *b) {
    b->array.length = -1;
}
static void least_length(struct batch *b) {
    b->array.length = INT64_MIN;
}
static void huge_length(struct batch *b) {
    b->array.length = INT64_MAX;
}
static void many(struct batch *b) {
    b->array.length = INT64_C(1) << 31;
}
static void negative_offset(struct batch *b) {
    b->array.offset = -1;
}
static void huge_offset(struct batch *b) {
    b->array.offset = INT64_MAX;
}
static void long_slice(struct batch *b) {
    b->array.offset = 1;
}
static void child_negative_length(struct batch *b) {
    b->array.children[1]->length = -5;
}
static void child_short(struct batch *b) {
    b->array.children[1]->length = N_SOME - 1;
}
static void child_negative_offset(struct batch *b) {
    b->array.children[0]->offset = INT64_MIN;
}
static void child_huge_offset(struct batch *b) {
    b->array.children[0]->offset = INT64_MAX;
}
static void few_buffers(struct batch *b) {
    b->array.children[0]->n_buffers = 2;
}
static void no_buffers(struct batch *b) {
    b->array.children[0]->n_buffers = INT64_MIN;
}
static void null_offsets(struct batch *b) {
    b->array.children[0]->buffers[1] = NULL;
}
static void null_bytes(struct batch *b) {
    b->array.children[0]->buffers[2] = NULL;
}
static void null_numbers(struct batch *b) {
    b->array.children[1]->buffers[1] = NULL;
}
static void no_validity(struct batch *b) {
    b->array.children[0]->buffers[0] = NULL;
}
static void null_count_low(struct batch *b) {
    b->array.children[0]->null_count = -2;
}
static void null_count_high(struct batch *b) {
    b->array.children[0]->null_count = N_SOME + 1;
}
static void fewer_children(struct batch *b) {
    b->array.n_children = 2;
}
static void negative_children(struct batch *b) {
    b->array.n_children = b->schema.n_children = -1;
}
static void dictionary(struct batch *b) {
    b->schema.children[0]->dictionary = b->schema.children[1];
}
static void dictionary_array(struct batch *b) {
    b->array.children[0]->dictionary = b->array.children[1];
}
static void released_child(struct batch *b) {
    b->array.children[0]->release(b->array.children[0]);
}
static void released_schema(struct batch *b) {
    b->schema.children[0]->release(b->schema.children[0]);
}
static void null_offset_value(struct batch *b) {
    uint8_t valid = 0xFE;
    set_buffer(b->array.children[1], 0, &valid, 1);
    b->array.children[1]->null_count = -1;
}
static void null_row(struct batch *b) {
    uint8_t valid = 0xFE;
    set_buffer(&b->array, 0, &valid, 1);
    b->array.null_count = 1;
}
static void set_i32(struct ArrowArray *a, int i, int32_t v) {
    memcpy((char *)((struct test_array *)a->private_data)->buffers[1] + i * 4, &v, sizeof v);
}
static void set_i64(struct ArrowArray *a, int i, int64_t v) {
    memcpy((char *)((struct test_array *)a->private_data)->buffers[1] + i * 8, &v, sizeof v);
}
static void falling(struct batch *b) {
    set_i32(b->array.children[0], 1, INT32_MAX);
}
static void below_zero(struct batch *b) {
    set_i32(b->array.children[0], 0, -1);
}
static void offset_negative(struct batch *b) {
    set_i64(b->array.children[1], 2, -1);
}
static void offset_huge(struct batch *b) {
    set_i64(b->array.children[1], 2, INT64_C(1) << 48);
}
static void too_many_bytes(struct batch *b) {
    struct batch column;
    make_texts(&column, "Z", "value", some, N_SOME);
    b->schema.children[0]->release(b->schema.children[0]);
    b->array.children[0]->release(b->array.children[0]);
    *b->schema.children[0] = column.schema;
    *b->array.children[0] = column.array;
    set_i64(b->array.children[0], N_SOME, INT64_C(1) << 31);
}
static void far_bytes(struct batch *b) {
    too_many_bytes(b);
    set_i64(b->array.children[0], N_SOME, INT64_MAX);
}
static void partition_of_64(struct batch *b) {
    int64_t zeros[N_SOME] = {0};
    add_numbers(b, "l", "partition", zeros, 8, N_SOME);
}
static void partition_negative(struct batch *b) {
    int32_t values[N_SOME] = {0, 0, -1};
    add_numbers(b, "i", "partition", values, 4, N_SOME);
}
static const char *const none[N_SOME + 2] = {NULL};
static const int32_t ends[N_SOME] = {1, 2, 3, 3, 4};
static void headers_without_key(struct batch *b) {
    add_headers(b, ends, N_SOME, none, none);
}
static struct ArrowArray *with_headers(struct batch *b) {
    add_texts(b, "z", "key", none, N_SOME);
    return add_headers(b, ends, N_SOME, none, none);
}
static void headers_beyond(struct batch *b) {
    set_i32(with_headers(b), N_SOME, 5);
}
static void headers_falling(struct batch *b) {
    set_i32(with_headers(b), 2, 4);
}
static void headers_childless(struct batch *b) {
    with_headers(b)->n_children = 0;
}
static void headers_of_texts(struct batch *b) {
    with_headers(b);
    b->schema.children[4]->children[0]->format = "u";
}
static void headers_without_value(struct batch *b) {
    with_headers(b);
    b->schema.children[4]->children[0]->children[1]->name = "v";
}
static void headers_short(struct batch *b) {
    with_headers(b)->children[0]->children[1]->length = 3;
}

static void what_is_wrong_is_refused_by_a_line_and_released(void **state) {
    (void)state;
    static const struct {
        spoil_fn *spoil;
        const char *why;
    } cases[] = {
        {no_value, "no column value"},
        {nameless, "no column value"},
        {twice, "two columns"},
        {no_offset, "no column offset"},
        {no_time, "no column timestamp"},
        {int_value, "value: its format is 'l', expected binary or utf8"},
        {no_format, "value: its schema"},
        {empty_format, "offset: its format is ''"},
        {view_value, "value: its format is 'vu'"},
        {odd_format, "timestamp: its format is 'ts'"},
        {no_struct, "expected a struct"},
        {negative_length, "negative"},
        {least_length, "negative"},
        {huge_length, "at most 2147483647 at a time"},
        {many, "2147483648 rows"},
        {negative_offset, "negative"},
        {huge_offset, "negative, or no array"},
        {child_negative_length, "offset: its length"},
        {long_slice, "fewer rows"},
        {child_short, "offset: it has fewer rows"},
        {child_negative_offset, "value: its length or offset"},
        {child_huge_offset, "value: its length or offset"},
        {few_buffers, "value: it has not the buffers"},
        {no_buffers, "value: it has not the buffers"},
        {null_offsets, "value: its buffer of offsets"},
        {null_bytes, "value: its buffer of bytes"},
        {null_numbers, "offset: its buffer of values"},
        {no_validity, "value: it says that it has nulls"},
        {null_count_low, "value: its null count"},
        {null_count_high, "value: its null count"},
        {fewer_children, "number of children"},
        {negative_children, "number of children"},
        {dictionary, "value: it is encoded by a dictionary"},
        {dictionary_array, "value: it is encoded by a dictionary"},
        {released_child, "value: its array is missing"},
        {released_schema, "value: its schema is released"},
        {null_offset_value, "offset: it has nulls"},
        {null_row, "a row as a whole is null"},
        {falling, "value: its offsets do not ascend"},
        {below_zero, "value: its offsets do not ascend"},
        {offset_negative, "offset: one is negative"},
        {offset_huge, "2^48"},
        {too_many_bytes, "value: 2147483648 bytes"},
        {far_bytes, "value: its offsets do not ascend"},
        {partition_of_64, "partition: its format is 'l'"},
        {partition_negative, "row 2 is of partition -1"},
        {headers_without_key, "no column key"},
        {headers_beyond, "headers: it has fewer rows"},
        {headers_falling, "headers: its offsets"},
        {headers_childless, "headers: a list has one child"},
        {headers_of_texts, "headers: its format is 'u'"},
        {headers_without_value, "no column key or value"},
        {headers_short, "value: it has fewer rows"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct batch in;
        make_messages(&in, some, N_SOME);
        cases[i].spoil(&in);
        refused(&in, cases[i].why);
    }
}

static void nothing_at_all_is_refused_and_the_rest_released(void **state) {
    (void)state;
    struct salestide_shop *shop = new_shop();
    struct batch in, out;
    make_messages(&in, some, N_SOME);
    assert_int_equal(salestide_orders(NULL, &in.schema, &in.array, &out.schema, &out.array, NULL),
                     SALESTIDE_INVALID);
    assert_true(in.schema.release == NULL && in.array.release == NULL);
    assert_int_equal( // released already
        salestide_orders(shop, &in.schema, &in.array, &out.schema, &out.array, NULL),
        SALESTIDE_INVALID);
    make_messages(&in, some, N_SOME);
    assert_int_equal(salestide_orders(shop, NULL, &in.array, &out.schema, &out.array, &err),
                     SALESTIDE_INVALID);
    assert_null(in.array.release);
    assert_int_equal(salestide_orders(shop, &in.schema, NULL, &out.schema, &out.array, &err),
                     SALESTIDE_INVALID);
    assert_null(in.schema.release);
    make_messages(&in, some, N_SOME);
    assert_int_equal(salestide_orders(shop, &in.schema, &in.array, NULL, &out.array, &err),
                     SALESTIDE_INVALID);
    assert_int_equal(n_live_schemas + n_live_arrays, 0);
    assert_null(out.array.release);
    salestide_shop_free(shop);
}

static void the_rows_may_come_out_where_the_messages_went_in(void **state) {
    (void)state;
    struct salestide_shop *shop = new_shop();
    struct batch b;
    make_messages(&b, some, N_SOME);
    assert_int_equal(salestide_orders(shop, &b.schema, &b.array, &b.schema, &b.array, &err),
                     SALESTIDE_OK);
    assert_int_equal(n_live_schemas + n_live_arrays, 0);
    assert_int_equal(b.array.length, 3);
    release_batch(&b);
    salestide_shop_free(shop);
}

// --- Without memory

static bool orders_with(const struct mem_heap *heap) {
    static const char customers[] = "customer_id,source,state\n7,BING,CA\nx,A,\n";
    struct salestide_shop *shop = NULL;
    struct batch in, out;
    const char *ids[] = {"9", "y"};
    int32_t result = shop_new(&utc, heap, &shop, &err);
    if (result == SALESTIDE_OK) {
        result = salestide_shop_customers_csv(shop, "c.csv", customers, strlen(customers), &err);
    }
    if (result == SALESTIDE_OK) {
        begin_batch(&in, 2);
        add_texts(&in, "u", "customer_id", ids, 2);
        add_texts(&in, "u", "source", ids, 2);
        result = salestide_shop_customers(shop, &in.schema, &in.array, &err);
    }
    if (result == SALESTIDE_OK) {
        make_messages(&in, some, N_SOME);
        result = orders(shop, &in, &out);
    }
    assert_int_equal(n_live_schemas + n_live_arrays, 0);
    assert_true(result == SALESTIDE_OK || result == SALESTIDE_NO_MEMORY);
    assert_int_equal(strstr(err.text, "memory") != NULL, result == SALESTIDE_NO_MEMORY);
    salestide_shop_free(shop);
    if (result == SALESTIDE_OK) {
        release_batch(&out);
    }
    return result == SALESTIDE_OK;
}

static void every_allocation_may_be_refused(void **state) {
    (void)state;
    sweep_heap(orders_with, 100);
}

// --- Threads

enum { N_THREADS = 16, ROUNDS = 20 };
struct worker {
    pthread_t thread;
    const struct salestide_shop *shop;
    struct batch in[ROUNDS], out[ROUNDS];
    int32_t result[ROUNDS];
};

static void *work(void *arg) {
    struct worker *w = arg;
    struct salestide_error mine;
    for (int i = 0; i < ROUNDS; i++) {
        w->result[i] = salestide_orders(w->shop, &w->in[i].schema, &w->in[i].array,
                                        &w->out[i].schema, &w->out[i].array, &mine);
    }
    return NULL;
}

// The counters of releases are of one thread: what is read does not count here.
static void release_uncounted_schema(struct ArrowSchema *s) {
    s->release = NULL;
}
static void release_uncounted_array(struct ArrowArray *a) {
    a->release = NULL;
}

static void sixteen_threads_use_one_shop(void **state) {
    (void)state;
    static struct worker workers[N_THREADS];
    struct salestide_shop *shop = new_shop();
    static const char customers[] = "customer_id,source,state\n7,BING,CA\n";
    assert_int_equal(
        salestide_shop_customers_csv(shop, "c.csv", customers, strlen(customers), &err),
        SALESTIDE_OK);
    struct batch in; // one and the same for all: it is only read
    make_messages(&in, some, N_SOME);
    for (int t = 0; t < N_THREADS; t++) {
        workers[t].shop = shop;
        for (int i = 0; i < ROUNDS; i++) {
            workers[t].in[i] = in;
            workers[t].in[i].schema.release = release_uncounted_schema;
            workers[t].in[i].array.release = release_uncounted_array;
        }
        assert_int_equal(pthread_create(&workers[t].thread, NULL, work, &workers[t]), 0);
    }
    for (int t = 0; t < N_THREADS; t++) {
        assert_int_equal(pthread_join(workers[t].thread, NULL), 0);
        for (int i = 0; i < ROUNDS; i++) {
            assert_int_equal(workers[t].result[i], SALESTIDE_OK);
            assert_int_equal(workers[t].out[i].array.length, 3);
            assert_string_equal(out_string(&workers[t].out[i], "state", 0), "CA");
            release_batch(&workers[t].out[i]); // by another thread than made it
        }
    }
    release_batch(&in);
    salestide_shop_free(shop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_become_typed_rows),
        cmocka_unit_test(no_messages_are_no_rows),
        cmocka_unit_test(slices_are_read_from_their_place_on),
        cmocka_unit_test(every_unit_of_time_is_known),
        cmocka_unit_test(a_doors_rejection_counts_without_a_key_only),
        cmocka_unit_test(a_child_moved_out_outlives_its_parent),
        cmocka_unit_test(many_rows_grow),
        cmocka_unit_test(what_is_wrong_is_refused_by_a_line_and_released),
        cmocka_unit_test(nothing_at_all_is_refused_and_the_rest_released),
        cmocka_unit_test(the_rows_may_come_out_where_the_messages_went_in),
        cmocka_unit_test(every_allocation_may_be_refused),
        cmocka_unit_test(sixteen_threads_use_one_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
