// SPDX-License-Identifier: MIT
// Blocks of the index of order ids against plain lists of extents: whatever the keys, positions and
// lengths, what was written is read and found, and no byte can change unnoticed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "store/sqlite/order_block.h"
#include <stdlib.h>

static uint64_t random_state = 1;
static uint64_t dice(uint64_t n) {
    return hash_u64(random_state += UINT64_C(0x9e3779b97f4a7c15)) % n;
}

static int64_t dice_between(int64_t low, int64_t high) {
    uint64_t width = (uint64_t)high - (uint64_t)low;
    return (int64_t)((uint64_t)low +
                     (width == UINT64_MAX ? hash_u64(dice(UINT64_MAX)) : dice(width + 1)));
}

static int by_key(const void *a, const void *b) {
    const struct extent *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

// Extents that do not overlap, sorted; *n becomes how many there are.
static void draw(struct extent *list, size_t *n, int64_t low, int64_t high, int64_t n_most) {
    for (size_t i = 0; i < *n; i++) {
        list[i] = (struct extent){dice_between(low, high), dice_between(1, INT64_C(1) << 40), 1};
    }
    qsort(list, *n, sizeof *list, by_key);
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++) {
        if (kept > 0 && list[kept - 1].key == list[i].key) {
            continue;
        }
        list[kept++] = list[i];
    }
    for (size_t i = 0; i < kept; i++) { // into the room before the next one
        uint64_t room = i + 1 < kept ? (uint64_t)list[i + 1].key - (uint64_t)list[i].key : 1;
        int64_t n_ids = dice_between(1, n_most);
        list[i].n = room < (uint64_t)n_ids ? (int64_t)room : n_ids;
    }
    *n = kept;
}

static void check_block(const struct extent *list, size_t n, const uint8_t *bytes, size_t n_bytes) {
    struct order_block b;
    assert_true(order_block_open(bytes, n_bytes, &b));
    assert_int_equal(b.n, n);
    assert_int_equal(order_block_find(&b, INT64_MIN),
                     list[0].key == INT64_MIN ? list[0].position : 0);
    for (size_t i = 0; i < n; i++) {
        const struct extent e = order_block_extent(&b, i);
        assert_memory_equal(&e, &list[i], sizeof e);
        assert_int_equal(order_block_upto(&b, e.key), i + 1);
        assert_int_equal(order_block_find(&b, e.key), e.position);
        const int64_t last = e.key + (e.n - 1);
        assert_int_equal(order_block_find(&b, last), e.position + (e.n - 1));
        bool next_is_free = last < INT64_MAX && (i + 1 == n || list[i + 1].key != last + 1);
        if (next_is_free) {
            assert_int_equal(order_block_find(&b, last + 1), 0);
        }
    }
}

// All of the list in as many blocks as it takes.
static void write_and_check(const struct extent *list, size_t n) {
    static struct order_block_draft draft;
    static uint8_t bytes[ORDER_BLOCK_BYTES];
    draft.n = 0;
    size_t from = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && order_block_add(&draft, &list[i])) {
            continue;
        }
        assert_true(draft.n > 0);
        assert_int_equal(draft.n, i - from);
        size_t n_bytes = order_block_write(&draft, bytes);
        assert_in_range(n_bytes, 32, ORDER_BLOCK_BYTES);
        check_block(list + from, i - from, bytes, n_bytes);
        from = i;
        if (i < n) {
            assert_true(order_block_add(&draft, &list[i]));
        }
    }
}

static void what_was_written_is_found(void **state) {
    (void)state;
    static const int64_t ranges[][2] = {{0, 1000},
                                        {0, INT64_MAX},
                                        {INT64_MIN, -1},
                                        {INT64_MIN, INT64_MAX},
                                        {INT64_MAX - 2000, INT64_MAX},
                                        {INT64_MIN, INT64_MIN + 2000},
                                        {-300, 300}};
    static struct extent list[5000];
    for (size_t r = 0; r < COUNT_OF(ranges); r++) {
        for (int round = 0; round < 12; round++) {
            size_t n = 1 + dice(round % 4 == 0 ? 5000 : 60);
            int64_t n_most = round % 3 == 0 ? 1 : round % 3 == 1 ? 7 : INT64_C(1) << 33;
            draw(list, &n, ranges[r][0], ranges[r][1], n_most);
            order_block_set_bytes(round % 2 == 0 ? 0 : 60 + dice(400));
            write_and_check(list, n);
        }
    }
    order_block_set_bytes(0);
}

static void random_ids_take_ten_bytes(void **state) {
    (void)state;
    static struct order_block_draft draft;
    static uint8_t bytes[ORDER_BLOCK_BYTES];
    const int64_t step = (int64_t)(UINT64_C(1) << 63 >> 21); // two million of all there are
    draft.n = 0;
    for (int64_t i = 0;; i++) {
        const struct extent e = {INT64_MIN + i * step + dice_between(0, step - 1),
                                 dice_between(1, 1 << 21), 1};
        if (!order_block_add(&draft, &e)) {
            assert_in_range(i, 850, 870);
            break;
        }
    }
    assert_in_range(order_block_write(&draft, bytes), ORDER_BLOCK_BYTES - 10, ORDER_BLOCK_BYTES);
}

static void a_changed_byte_is_noticed(void **state) {
    (void)state;
    static struct order_block_draft draft;
    static uint8_t bytes[ORDER_BLOCK_BYTES + 1];
    struct order_block b;
    draft.n = 0;
    for (int i = 0; i < 40; i++) {
        const struct extent e = {i * INT64_C(1000), 100 - i, 1 + i % 3};
        assert_true(order_block_add(&draft, &e));
    }
    size_t n_bytes = order_block_write(&draft, bytes);
    assert_true(order_block_open(bytes, n_bytes, &b));
    for (size_t i = 0; i < n_bytes; i++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (uint8_t)(1 << bit);
            assert_false(order_block_open(bytes, n_bytes, &b));
            bytes[i] ^= (uint8_t)(1 << bit);
        }
    }
    for (size_t len = 0; len < n_bytes; len++) {
        assert_false(order_block_open(bytes, len, &b));
        assert_false(order_block_open(bytes + n_bytes - len, len, &b));
    }
    assert_false(order_block_open(bytes, n_bytes + 1, &b));
    assert_false(order_block_open(NULL, 0, &b));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_found),
        cmocka_unit_test(random_ids_take_ten_bytes),
        cmocka_unit_test(a_changed_byte_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
