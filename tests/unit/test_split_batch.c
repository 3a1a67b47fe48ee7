// SPDX-License-Identifier: MIT
// What a batch over a log keeps of its newest orders: of lists of any length, each gone once it was
// judged, and when memory is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "refusing_heap.h"
#include "store/split/split_batch.h"
#include <stdio.h>
#include <string.h>

enum { LIST_MAX = 2500, TEXT_MAX = 24 };

// As a source has a list: it, and all that it points to, is written over after that.
struct list {
    struct order orders[LIST_MAX];
    char ids[LIST_MAX][TEXT_MAX], sources[LIST_MAX][TEXT_MAX];
};
static struct list list;

// Orders number, number + 1, ...: false when memory is refused.
static bool judge(struct split_batch *b, int64_t number, size_t n) {
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++, number++) {
        snprintf(list.ids[i], TEXT_MAX, "order-%lld", (long long)number);
        snprintf(list.sources[i], TEXT_MAX, "shop %lld", (long long)(number % 7));
        struct order *o = &list.orders[i];
        *o = (struct order){.order_id = ident_of_text(text_of(list.ids[i])),
                            .customer_id = {number, TEXT_NONE},
                            .source = text_of(list.sources[i]),
                            .kind = ORDER_PLACED,
                            .total_e4 = number * 10000};
        struct stamp at = {.arrival_ms = number + 5, .position = number};
        ok = split_batch_add_order(b, o, &at);
        o->source = TEXT_NONE; // as the engine does once it was judged
    }
    ok = ok && split_batch_own(b);
    memset(&list, 0xA5, sizeof list);
    return ok;
}

// The newest are first .. first + n - 1, as they came.
static void newest_are(struct split_batch *b, int64_t first, size_t n) {
    struct aggregates_batch out = {0};
    split_batch_fill(b, &out);
    assert_int_equal(out.n_recent, n);
    assert_int_equal(out.n_changes, 0);
    for (size_t i = 0; i < n; i++) {
        int64_t number = first + (int64_t)i;
        char id[TEXT_MAX], source[TEXT_MAX];
        snprintf(id, TEXT_MAX, "order-%lld", (long long)number);
        snprintf(source, TEXT_MAX, "shop %lld", (long long)(number % 7));
        const struct stored_event *e = &out.recent[i];
        assert_true(text_equal(e->order.order_id.text, text_of(id)));
        assert_true(text_equal(e->order.source, text_of(source)));
        assert_int_equal(e->order.customer_id.num, number);
        assert_int_equal(e->order.total_e4, number * 10000);
        assert_int_equal(e->position, number);
        assert_int_equal(e->arrival_ms, number + 5);
    }
}

static void newest_orders_of_lists_that_are_gone(void **state) {
    (void)state;
    struct split_batch b;
    assert_true(split_batch_init(&b, NULL));
    assert_true(judge(&b, 1, 3));
    newest_are(&b, 1, 3);
    assert_true(judge(&b, 4, 700)); // with those before still less than are kept
    newest_are(&b, 1, 703);
    assert_true(judge(&b, 704, 1000));
    newest_are(&b, 704, 1000);
    assert_true(judge(&b, 1704, 2500)); // a list that alone is more
    newest_are(&b, 3204, 1000);
    assert_true(judge(&b, 4204, 40));
    assert_true(judge(&b, 4244, 0));
    newest_are(&b, 3244, 1000);
    split_batch_clear(&b);
    newest_are(&b, 0, 0);
    assert_true(judge(&b, 9000, 2));
    newest_are(&b, 9000, 2);
    split_batch_free(&b);
}

// Refused memory fails the batch: once it is cleared it can be made again.
static bool two_lists(const struct mem_heap *heap) {
    struct split_batch b;
    bool ok = split_batch_init(&b, heap);
    if (ok && !(judge(&b, 1, 20) && judge(&b, 21, 20))) {
        ok = false;
        split_batch_clear(&b);
        assert_true(judge(&b, 1, 20));
        assert_true(judge(&b, 21, 20));
        newest_are(&b, 1, 40);
    } else if (ok) {
        newest_are(&b, 1, 40);
    }
    split_batch_free(&b);
    return ok;
}

static void refused_memory_fails_the_batch_alone(void **state) {
    (void)state;
    sweep_heap(two_lists, 44); // each order's texts, the rings, the list, gross sums
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newest_orders_of_lists_that_are_gone),
        cmocka_unit_test(refused_memory_fails_the_batch_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
