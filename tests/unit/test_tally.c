// SPDX-License-Identifier: MIT
// A tally as bytes: what is written is what is read, whatever was cut or changed on its way is
// refused, and memory may be refused anywhere.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "refusing_heap.h"
#include "tally_right.h"
#include "tally_testing.h"

static struct text written(const struct tally *t, struct buf *out) {
    assert_true(tally_write(t, out));
    return buf_text(out);
}

// Copies at the end of a page before one that cannot be read would be better still; the sanitizer
// sees the same of an allocation of exactly this size.
static bool read_exactly(struct text bytes, struct arena *arena, struct cube *into,
                         struct tally *out, struct error *err) {
    char *copy = malloc(bytes.len > 0 ? bytes.len : 1);
    memcpy(copy, bytes.at, bytes.len);
    bool ok = tally_read((struct text){copy, bytes.len}, arena, into, out, err);
    free(copy); // what it needs it has copied
    return ok;
}

static void what_is_read_is_what_was_written(void **state) {
    (void)state;
    struct tally_sample sample;
    sample_make(&sample);
    struct buf first = {0}, second = {0};
    struct arena arena = {0};
    struct error err = {0};
    struct tally t;
    struct cube *into = cube_new(NULL, NULL);
    sample.tally.changes = &sample.adjustment; // as of a task without a raw store
    sample.tally.n_changes = 1;
    struct text bytes = written(&sample.tally, &first);
    if (!read_exactly(bytes, &arena, into, &t, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(t.move.from, 100);
    assert_int_equal(t.move.window.time_ms, 1767268000000);
    assert_int_equal(t.summary.counts.accepted, 4);
    assert_int_equal(t.summary.counts.warnings[1], 2);
    assert_int_equal(t.n_rejected, 2);
    assert_true(t.rejected[0].refused);
    assert_int_equal(t.rejected[0].partition, 3);
    assert_ptr_equal(t.rejected[1].event_key.at, NULL);
    assert_memory_equal(t.rejected[1].raw.at, "\xFF\0{", 3);
    assert_int_equal(t.n_recent, 2);
    assert_true(text_equal(t.recent[1].order.items_json, text_of(SAMPLE_ITEMS)));
    assert_int_equal(t.n_changes, 1);
    assert_int_equal(t.changes[0].order.kind, ORDER_REFUNDED);
    assert_true(text_equal(t.changes[0].order.event_id, sample.adjustment.order.event_id));
    assert_int_equal(t.n_adjustments, 1);
    assert_int_equal(t.adjustments[0].order.n_items, 2);
    assert_int_equal(t.adjustments[0].order.items[1].quantity, 3);
    assert_int_equal(t.n_gross, 2);
    assert_int_equal(cube_n_cells(into), cube_n_cells(sample.tally.cube));
    assert_true(text_equal(written(&t, &second), bytes));
    cube_free(into);
    buf_free(&first);
    buf_free(&second);
    arena_free(&arena);
    sample_free(&sample);
}

static void two_tallies_in_one_cube_are_their_sum(void **state) {
    (void)state;
    struct tally_sample sample;
    sample_make(&sample);
    struct buf out = {0};
    struct arena arena = {0};
    struct error err = {0};
    struct tally t;
    struct cube *into = cube_new(NULL, NULL);
    struct text bytes = written(&sample.tally, &out);
    for (int i = 0; i < 2; i++) {
        assert_true(tally_read(bytes, &arena, into, &t, &err));
    }
    struct cube *c = (struct cube *)(uintptr_t)sample.tally.cube;
    assert_int_equal(cube_n_cells(into), cube_n_cells(c));
    for (size_t i = 0; i < cube_n_cells(c); i++) {
        const struct cube_cell cell = cube_cells(c)[i];
        const struct cube_dim *dim =
            cell.table == CUBE_PRODUCT ? cube_product(c, cell.dim) : cube_group(c, cell.dim);
        const struct measures *both = cube_find(into, cell.table, cell.bucket, dim);
        assert_non_null(both);
        assert_int_equal(both->total_e4, 2 * cell.sum.total_e4);
        assert_int_equal(both->units, 2 * cell.sum.units);
    }
    cube_free(into);
    buf_free(&out);
    arena_free(&arena);
    sample_free(&sample);
}

// Reads it with a cube of its own, which must be empty afterwards.
static void is_refused(struct text bytes, const char *about) {
    struct arena arena = {0};
    struct error err = {0};
    struct tally t;
    struct cube *into = cube_new(NULL, NULL);
    assert_false(read_exactly(bytes, &arena, into, &t, &err));
    assert_int_equal(err.cls, ERROR_FATAL);
    if (about != NULL && strstr(err.text, about) == NULL) {
        fail_msg("\"%s\" is not about \"%s\"", err.text, about);
    }
    assert_int_equal(cube_n_cells(into), 0);
    cube_free(into);
    arena_free(&arena);
}

static void every_cut_and_every_changed_byte_is_refused(void **state) {
    (void)state;
    struct tally_sample sample;
    sample_make(&sample);
    struct buf out = {0};
    struct text bytes = written(&sample.tally, &out);
    for (size_t n = 0; n < bytes.len; n++) {
        is_refused((struct text){bytes.at, n}, NULL);
    }
    for (size_t i = 0; i < bytes.len; i++) {
        out.at[i] ^= (char)(1 << i % 8);
        is_refused(bytes, NULL);
        out.at[i] ^= (char)(1 << i % 8);
    }
    buf_put_char(&out, 0);
    is_refused(buf_text(&out), "as long as it says");
    buf_free(&out);
    sample_free(&sample);
}

// With a checksum that is right again each changed byte is read safely: what is accepted can be
// written, and is then the same.
static void a_changed_byte_with_a_right_checksum_is_read_safely(void **state) {
    (void)state;
    struct tally_sample sample;
    sample_make(&sample);
    struct buf out = {0};
    struct text bytes = written(&sample.tally, &out);
    size_t n_taken = 0;
    for (size_t i = 0; i < bytes.len * 8; i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct tally t;
        struct cube *into = cube_new(NULL, NULL);
        out.at[i / 8] ^= (char)(1 << i % 8);
        tally_make_right(out.at, out.len);
        if (read_exactly(bytes, &arena, into, &t, &err)) {
            struct buf again = {0};
            n_taken++;
            assert_true(tally_write(&t, &again));
            buf_free(&again);
        } else {
            assert_int_equal(err.cls, ERROR_FATAL);
        }
        out.at[i / 8] ^= (char)(1 << i % 8);
        cube_free(into);
        arena_free(&arena);
    }
    assert_true(n_taken > 0);
    buf_free(&out);
    sample_free(&sample);
}

// --- What does not make sense

static void refuses(const struct tally *t, const char *about) {
    struct buf out = {0};
    is_refused(written(t, &out), about);
    buf_free(&out);
}

static void a_tally_that_does_not_make_sense_is_refused(void **state) {
    (void)state;
    struct tally_sample sample;
    sample_make(&sample);
    struct tally t = sample.tally;
    t.move.to = 99;
    refuses(&t, "range");
    t = sample.tally;
    t.move.to = 104; // its events do not fit any more
    refuses(&t, "counts");
    t = sample.tally;
    t.move.from = 101;
    t.summary.counts.skipped = 0;
    refuses(&t, "outside its range");
    t = sample.tally;
    t.move.lane = 4;
    refuses(&t, "outside its range");
    t = sample.tally;
    t.summary.counts.rejected++;
    refuses(&t, "counts");
    t.summary.counts.received++;
    t.summary.counts.skipped = 0;
    refuses(&t, "rejected events");
    t = sample.tally;
    t.n_recent = 0;
    t.recent = NULL;
    t.n_adjustments = 5; // more than were accepted
    struct stored_event many[5];
    for (size_t i = 0; i < 5; i++) {
        many[i] = sample.adjustment;
    }
    t.adjustments = many;
    refuses(&t, "than it accepted");
    t = sample.tally;
    t.minute_floor = INT32_MAX;
    refuses(&t, "time");
    t = sample.tally;
    t.adjustments = sample.recent; // placed orders
    refuses(&t, "does not belong there");
    t = sample.tally;
    t.changes = sample.recent;
    t.n_changes = 1;
    refuses(&t, "does not belong there");
    t.changes = many;
    t.n_changes = 5;
    refuses(&t, "more new changes");
    sample_free(&sample);
}

static void fields_that_no_order_has_are_refused(void **state) {
    (void)state;
    struct tally_sample sample;
    sample_make(&sample);
    const struct stored_event good = sample.adjustment;
    struct stored_event *e = &sample.adjustment;
    e->order.order_id = (struct ident){-1, TEXT_LIT("7")}; // is the number
    refuses(&sample.tally, "order_id");
    *e = good;
    e->order.order_id = IDENT_NONE;
    refuses(&sample.tally, "order_id");
    *e = good;
    e->order.total_e4 = MONEY_LIMIT_E4;
    refuses(&sample.tally, "amount");
    *e = good;
    e->order.source = TEXT_LIT("\xC3(");
    refuses(&sample.tally, "source");
    *e = good;
    e->order.items_json = TEXT_LIT("[{\"product_id\":1}]");
    refuses(&sample.tally, "items");
    *e = good;
    e->order.quantity++;
    refuses(&sample.tally, "items");
    *e = good;
    e->order.event_id = TEXT_NONE;
    refuses(&sample.tally, "event_id");
    *e = good;
    e->order.created_ms = -1;
    refuses(&sample.tally, "created_at");
    *e = good;
    sample.rejected[0].code = TEXT_LIT("no_such_code");
    refuses(&sample.tally, "code");
    sample_free(&sample);
}

// Two products of which the bytes are made one: their cells would count twice.
static void a_cell_that_comes_twice_is_refused(void **state) {
    (void)state;
    struct tally_sample sample;
    sample_make(&sample);
    struct buf out = {0};
    const int64_t ids[] = {0x1122334455667788, 0x1122334455667789};
    uint32_t group;
    for (int i = 0; i < 2; i++) {
        struct order o = sample.recent[0].order;
        o.product_id = (struct ident){ids[i], TEXT_NONE};
        assert_int_equal(cube_add(sample.cube, &o, 0, 0, &group), CUBE_OK);
    }
    struct text bytes = written(&sample.tally, &out);
    char *second = memmem(bytes.at, bytes.len, &ids[1], sizeof ids[1]);
    assert_non_null(second);
    memcpy(second, &ids[0], sizeof ids[0]);
    tally_make_right(out.at, out.len);
    is_refused(bytes, "a cell comes twice");
    buf_free(&out);
    sample_free(&sample);
}

static void a_sum_past_64_bits_is_refused_and_changes_nothing(void **state) {
    (void)state;
    struct tally_sample sample;
    sample_make(&sample);
    struct buf out = {0};
    struct arena arena = {0};
    struct error err = {0};
    struct tally t;
    struct cube *into = cube_new(NULL, NULL);
    struct cube_dim dim = {.source = TEXT_LIT("GOOGLE"),
                           .state = TEXT_LIT("CA"),
                           .product_id = IDENT_NONE,
                           .currency = "USD"};
    struct measures *sum = cube_cell(into, CUBE_TOTALS, 0, &dim);
    sum->total_e4 = INT64_MAX - 1;
    assert_false(tally_read(written(&sample.tally, &out), &arena, into, &t, &err));
    assert_non_null(strstr(err.text, "64 bits"));
    assert_int_equal(cube_n_cells(into), 1);
    assert_int_equal(cube_cells(into)->sum.total_e4, INT64_MAX - 1);
    cube_free(into);
    buf_free(&out);
    arena_free(&arena);
    sample_free(&sample);
}

// --- Memory

static bool write_with(const struct mem_heap *heap) {
    struct tally_sample sample;
    sample_make(&sample);
    struct buf out = {.heap = heap};
    bool ok = tally_write(&sample.tally, &out);
    assert_true(ok || out.failed);
    buf_free(&out);
    sample_free(&sample);
    return ok;
}

static bool read_with(const struct mem_heap *heap) {
    struct tally_sample sample;
    sample_make(&sample);
    struct buf out = {0};
    struct arena arena = {.heap = heap};
    struct error err = {0};
    struct tally t;
    bool ok = false;
    struct cube *into = cube_new(NULL, heap);
    if (into != NULL) {
        ok = tally_read(written(&sample.tally, &out), &arena, into, &t, &err);
        assert_int_equal(err.cls, ok ? ERROR_NONE : ERROR_RETRIABLE);
        assert_int_equal(cube_n_cells(into) > 0, ok);
    }
    cube_free(into);
    buf_free(&out);
    arena_free(&arena);
    sample_free(&sample);
    return ok;
}

static void refused_memory_is_told_wherever_it_happens(void **state) {
    (void)state;
    sweep_heap(write_with, 4);
    sweep_heap(read_with, 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_what_was_written),
        cmocka_unit_test(two_tallies_in_one_cube_are_their_sum),
        cmocka_unit_test(every_cut_and_every_changed_byte_is_refused),
        cmocka_unit_test(a_changed_byte_with_a_right_checksum_is_read_safely),
        cmocka_unit_test(a_tally_that_does_not_make_sense_is_refused),
        cmocka_unit_test(fields_that_no_order_has_are_refused),
        cmocka_unit_test(a_cell_that_comes_twice_is_refused),
        cmocka_unit_test(a_sum_past_64_bits_is_refused_and_changes_nothing),
        cmocka_unit_test(refused_memory_is_told_wherever_it_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
