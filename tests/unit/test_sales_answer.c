// SPDX-License-Identifier: MIT
// Whole answers of sales questions, on the real store: the largest groups and the rest, order, and
// the second range, cut to the minute; each against sums made from the events one by one.
#include "reader_history.h"
#include "shop_sql.h"

#include "base/log.h"
#include "store/sales_answer.h"
#include "store/sales_query.h"

enum { ANSWER_MAX = 500 };

struct answer {
    struct sales_answer_row rows[ANSWER_MAX];
    char texts[ANSWER_MAX * 64];
    size_t n, n_texts;
    struct sales_answer facts;
};

static struct text keep(struct answer *a, struct text t) {
    if (t.at == NULL) {
        return t;
    }
    char *at = a->texts + a->n_texts;
    assert_true(a->n_texts + t.len <= sizeof a->texts);
    memcpy(at, t.at, t.len);
    a->n_texts += t.len;
    return (struct text){at, t.len};
}

static bool take_answer(void *user, const struct sales_answer_row *row) {
    struct answer *a = user;
    assert_true(a->n < ANSWER_MAX);
    struct sales_answer_row *mine = &a->rows[a->n++];
    *mine = *row;
    mine->row.source = keep(a, row->row.source);
    mine->row.state = keep(a, row->row.state);
    mine->row.currency = keep(a, row->row.currency);
    mine->row.product_id.text = keep(a, row->row.product_id.text);
    return true;
}

static struct answer *ask(struct history *h, struct sales_reader *r, const struct sales_query *q) {
    struct answer *a = mem_zalloc(1, sizeof *a);
    struct error err = {0};
    if (!sales_answer(r, q, h->shop.zone, take_answer, a, &a->facts, &err)) {
        fail_msg("%s", err.text);
    }
    return a;
}

static bool add_total(void *user, const struct sales_answer_row *row) {
    int64_t *sums = user;
    sums[0] += row->row.sum.total_e4;
    sums[1] += row->before.total_e4;
    return true;
}

static void the_largest_groups_come_first_and_the_rest_is_one_row(void **state) {
    UNUSED(state);
    struct history *h = history_make();
    struct sales_reader *r = shop_reader(&h->shop);
    struct sales_query q = {.by_source = true,
                            .by_state = true,
                            .from = INT32_MIN,
                            .to = INT32_MAX,
                            .max_rows = 100,
                            .order = SALES_BY_TOTAL,
                            .top = 4};
    struct rows *all = mem_zalloc(1, sizeof *all);
    sums_by_hand(h, &q, all);
    struct answer *a = ask(h, r, &q);
    assert_int_equal(a->n, 10); // EUR and USD: four and the rest of nine each
    for (size_t first = 0; first < 10; first += 5) {
        struct text currency = a->rows[first].row.currency;
        int64_t rest = 0;
        for (int i = 0; i < all->n; i++) {
            bool mine = text_equal(all->at[i].currency, currency);
            rest += mine ? all->at[i].sum.total_e4 : 0;
            // None of those left out is larger than the least that is shown.
            int32_t rank = 1;
            for (int j = 0; j < all->n; j++) {
                rank += text_equal(all->at[j].currency, currency) &&
                        all->at[j].sum.total_e4 > all->at[i].sum.total_e4;
            }
            for (size_t k = first; mine && rank <= 4 && k < first + 4; k++) {
                if (sales_row_compare(&a->rows[k].row, &all->at[i]) == 0) {
                    assert_int_equal(a->rows[k].rank, rank);
                    assert_memory_equal(&a->rows[k].row.sum, &all->at[i].sum,
                                        sizeof all->at[i].sum);
                    rest -= all->at[i].sum.total_e4;
                }
            }
        }
        assert_int_equal(a->rows[first + 4].n_others, 5);
        assert_int_equal(a->rows[first + 4].rank, 0);
        assert_null(a->rows[first + 4].row.source.at);
        assert_true(a->rows[first + 4].row.sum.total_e4 == rest);
    }
    free(a);
    free(all);
    r->ops->close(r);
    history_remove(h);
}

static void in_every_bucket_the_same_groups_are_the_largest(void **state) {
    UNUSED(state);
    struct history *h = history_make();
    struct sales_reader *r = shop_reader(&h->shop);
    struct sales_query q = {.by_source = true,
                            .bucket = BUCKET_DAY,
                            .from = INT32_MIN,
                            .to = INT32_MAX,
                            .max_rows = 100,
                            .order = SALES_BY_TOTAL,
                            .top = 1};
    q.filters[SALES_CURRENCY] = (struct sales_filter){1, {TEXT_LIT("USD")}};
    struct answer *a = ask(h, r, &q);
    assert_true(a->n >= 6 && a->n % 2 == 0);
    int64_t sums[2] = {0}, whole[2] = {0};
    for (size_t i = 0; i < a->n; i += 2) {
        assert_true(text_equal(a->rows[i].row.source, a->rows[0].row.source));
        assert_int_equal(a->rows[i].rank, 1);
        assert_int_equal(a->rows[i + 1].n_others, 2);
        assert_int_equal(a->rows[i].row.bucket, a->rows[i + 1].row.bucket);
        add_total(sums, &a->rows[i]);
        add_total(sums, &a->rows[i + 1]);
    }
    struct error err = {0};
    struct sales_answer facts;
    q.by_source = false;
    q.order = SALES_BY_KEY;
    q.top = 0;
    assert_true(sales_answer(r, &q, h->shop.zone, add_total, whole, &facts, &err));
    assert_true(sums[0] == whole[0] && whole[0] != 0);
    free(a);
    r->ops->close(r);
    history_remove(h);
}

// --- The second range

static int64_t total_between(const struct history *h, int64_t from_ms, int64_t to_ms) {
    int64_t sum = 0;
    for (int i = 0; i < EVENTS; i++) {
        const struct order *o = &h->events[i];
        if (o->created_ms >= from_ms && o->created_ms < to_ms) {
            sum += o->kind == ORDER_PLACED ? o->total_e4 : -o->total_e4;
        }
    }
    return sum;
}

// Currencies added together: for the test alone.
static int64_t total_before(struct history *h, struct sales_reader *r, struct sales_query q,
                            struct sales_answer *facts) {
    int64_t sums[2] = {0};
    struct error err = {0};
    q.max_rows = 1000;
    if (!sales_answer(r, &q, h->shop.zone, add_total, sums, facts, &err)) {
        fail_msg("%s", err.text);
    }
    return sums[1];
}

static void an_unfinished_day_is_compared_to_the_minute(void **state) {
    UNUSED(state);
    struct history *h = history_make();
    struct sales_reader *r = shop_reader(&h->shop);
    const struct zone *zone = h->shop.zone;
    int32_t today = zone_day(zone, h->shop.now_ms), before = today - 1;
    struct sales_query q = {
        .from = today, .to = today + 1, .compare = true, .compare_from = before};
    int64_t start_ms = zone_day_start_ms(zone, before), seen = 0;
    for (int minute = 0; minute <= 24 * 60; minute += 15) {
        struct sales_answer facts;
        q.compare_cut_ms = start_ms + minute * INT64_C(60000) + 59000; // this minute is not over
        int64_t want = total_between(h, start_ms, start_ms + minute * INT64_C(60000));
        int64_t have = total_before(h, r, q, &facts);
        if (minute < 24 * 60) {
            assert_true(facts.compare_end_ms == start_ms + minute * INT64_C(60000));
        } else {
            assert_true(facts.compare_end_ms == INT64_MAX);
        }
        if (have != want) {
            fail_msg("minute %d: %lld, wanted %lld", minute, (long long)have, (long long)want);
        }
        seen += want != 0;
    }
    assert_true(seen > 30);
    r->ops->close(r);
    history_remove(h);
}

// However much of the day is before the cut.
static void a_group_that_sold_only_after_the_cut_is_no_row(void **state) {
    UNUSED(state);
    struct history *h = history_make();
    struct sales_reader *r = shop_reader(&h->shop);
    int32_t today = zone_day(h->shop.zone, h->shop.now_ms);
    int64_t start_ms = zone_day_start_ms(h->shop.zone, today - 1);
    struct sales_query q = {.by_source = true,
                            .by_state = true,
                            .from = today + 8,
                            .to = today + 9,
                            .max_rows = 100,
                            .compare = true,
                            .compare_from = today - 1};
    size_t fewest = SIZE_MAX, most = 0;
    for (int minute = 20; minute < 24 * 60; minute += 65) {
        q.compare_cut_ms = start_ms + minute * INT64_C(60000);
        struct answer *a = ask(h, r, &q);
        int64_t sum = 0;
        for (size_t i = 0; i < a->n; i++) {
            assert_false(sales_sum_is_zero(&a->rows[i].before));
            sum += a->rows[i].before.total_e4;
        }
        assert_true(sum == total_between(h, start_ms, q.compare_cut_ms));
        fewest = a->n < fewest ? a->n : fewest;
        most = a->n > most ? a->n : most;
        free(a);
    }
    assert_true(fewest < most);
    r->ops->close(r);
    history_remove(h);
}

static void an_unfinished_hour_and_the_last_of_several_days_likewise(void **state) {
    UNUSED(state);
    struct history *h = history_make();
    struct sales_reader *r = shop_reader(&h->shop);
    const struct zone *zone = h->shop.zone;
    struct sales_answer facts;
    int32_t hour = (int32_t)(h->shop.now_ms / 3600000);
    struct sales_query q = {.bucket = BUCKET_HOUR,
                            .from = hour - 4,
                            .to = hour + 1,
                            .compare = true,
                            .compare_from = hour - 28};
    q.compare_cut_ms = (hour - 24) * INT64_C(3600000) + 30 * 60000;
    assert_true(total_before(h, r, q, &facts) ==
                total_between(h, (hour - 28) * INT64_C(3600000), q.compare_cut_ms));
    int32_t today = zone_day(zone, h->shop.now_ms);
    q = (struct sales_query){.bucket = BUCKET_DAY,
                             .from = today - 1,
                             .to = today + 1,
                             .compare = true,
                             .compare_from = today - 2};
    q.compare_cut_ms = zone_day_start_ms(zone, today - 1) + INT64_C(9) * 3600000;
    assert_true(total_before(h, r, q, &facts) ==
                total_between(h, zone_day_start_ms(zone, today - 2), q.compare_cut_ms));
    r->ops->close(r);
    history_remove(h);
}

static void where_minutes_are_not_kept_the_cut_is_at_the_hour_or_the_day(void **state) {
    UNUSED(state);
    struct history *h = history_make();
    const struct zone *zone = h->shop.zone;
    int32_t today = zone_day(zone, h->shop.now_ms), before = today - 1;
    int64_t start_ms = zone_day_start_ms(zone, before);
    struct sales_query q = {
        .from = today, .to = today + 1, .compare = true, .compare_from = before};
    q.compare_cut_ms = start_ms + (9 * 60 + 30) * INT64_C(60000);
    shop_sql(&h->shop, "UPDATE pipeline_state SET minute_floor = 2000000000");
    struct sales_reader *r = shop_reader(&h->shop);
    struct sales_answer facts;
    assert_true(total_before(h, r, q, &facts) ==
                total_between(h, start_ms, start_ms + 9 * INT64_C(3600000)));
    assert_true(facts.compare_end_ms == start_ms + 9 * INT64_C(3600000));
    r->ops->close(r);
    shop_sql(&h->shop, "UPDATE pipeline_state SET hour_floor = 2000000000");
    r = shop_reader(&h->shop);
    assert_true(total_before(h, r, q, &facts) ==
                total_between(h, start_ms, zone_day_start_ms(zone, today)));
    assert_true(facts.compare_end_ms == INT64_MAX);
    r->ops->close(r);
    history_remove(h);
}

static void a_group_of_either_range_is_a_row_with_its_rank_in_both(void **state) {
    UNUSED(state);
    struct history *h = history_make();
    struct sales_reader *r = shop_reader(&h->shop);
    int32_t today = zone_day(h->shop.zone, h->shop.now_ms);
    struct sales_query q = {.by_product = true,
                            .from = today,
                            .to = today + 1,
                            .max_rows = 100,
                            .order = SALES_BY_TOTAL,
                            .compare = true,
                            .compare_from = today - 1,
                            .compare_cut_ms = INT64_MAX};
    struct sales_query yesterday = q;
    yesterday.from = q.compare_from;
    yesterday.to = q.compare_from + 1;
    struct rows *now = mem_zalloc(1, sizeof *now), *then = mem_zalloc(1, sizeof *then);
    sums_by_hand(h, &q, now);
    sums_by_hand(h, &yesterday, then);
    struct answer *a = ask(h, r, &q);
    int n_now = 0, n_then = 0;
    for (size_t i = 0; i < a->n; i++) {
        struct sales_row key = a->rows[i].row;
        int32_t rank_before = 0;
        const struct measures zero = {0}, *before = &zero, *sum = &zero;
        for (int k = 0; k < then->n; k++) {
            if (compare_rows(&then->at[k], &key) == 0) {
                before = &then->at[k].sum;
                n_then++;
            }
        }
        for (int k = 0; k < now->n; k++) {
            if (compare_rows(&now->at[k], &key) == 0) {
                sum = &now->at[k].sum;
                n_now++;
            }
        }
        for (int k = 0; before != &zero && k < then->n; k++) {
            rank_before += text_equal(then->at[k].currency, key.currency) &&
                           then->at[k].sum.total_e4 >= before->total_e4;
        }
        assert_memory_equal(&a->rows[i].before, before, sizeof zero);
        assert_memory_equal(&a->rows[i].row.sum, sum, sizeof zero);
        assert_int_equal(a->rows[i].rank_before, rank_before);
        assert_true(i == 0 || a->rows[i].rank == 1 || a->rows[i].rank == a->rows[i - 1].rank + 1);
    }
    assert_int_equal(n_now, now->n);
    assert_int_equal(n_then, then->n);
    free(a);
    free(now);
    free(then);
    r->ops->close(r);
    history_remove(h);
}

// Few are picked out, many are sorted.
static void the_first_few_have_the_ranks_that_they_have_among_all(void **state) {
    UNUSED(state);
    struct history *h = history_make();
    struct sales_reader *r = shop_reader(&h->shop);
    int32_t today = zone_day(h->shop.zone, h->shop.now_ms);
    for (enum sales_order order = SALES_BY_TOTAL; order <= SALES_BY_UNITS; order++) {
        for (int32_t top = 1; top < 8; top++) {
            struct sales_query q = {.by_product = true,
                                    .from = today - 2,
                                    .to = today + 1,
                                    .max_rows = 100,
                                    .order = order,
                                    .compare = true,
                                    .compare_from = today - 5,
                                    .compare_cut_ms = INT64_MAX};
            q.filters[SALES_CURRENCY] = (struct sales_filter){1, {TEXT_LIT("USD")}};
            struct answer *all = ask(h, r, &q);
            q.top = top;
            struct answer *few = ask(h, r, &q);
            for (int32_t i = 0; i < top && i < (int32_t)all->n; i++) {
                assert_true(sales_row_compare(&few->rows[i].row, &all->rows[i].row) == 0);
                assert_int_equal(few->rows[i].rank, i + 1);
                assert_int_equal(few->rows[i].rank, all->rows[i].rank);
                assert_int_equal(few->rows[i].rank_before, all->rows[i].rank_before);
            }
            assert_true(all->n > 7 && few->rows[top].n_others == (int64_t)all->n - top);
            free(all);
            free(few);
        }
    }
    r->ops->close(r);
    history_remove(h);
}

static void more_rows_than_allowed_are_refused_however_they_come(void **state) {
    UNUSED(state);
    struct history *h = history_make();
    struct sales_reader *r = shop_reader(&h->shop);
    struct sales_query q = {.by_source = true,
                            .by_state = true,
                            .from = INT32_MIN,
                            .to = INT32_MAX,
                            .max_rows = 17, // there are 18
                            .order = SALES_BY_UNITS};
    struct error err = {0};
    struct sales_answer facts;
    int64_t sums[2] = {0};
    assert_false(sales_answer(r, &q, h->shop.zone, add_total, sums, &facts, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    q.top = 8; // 16 and two rests
    assert_false(sales_answer(r, &q, h->shop.zone, add_total, sums, &facts, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    q.top = 7;
    assert_true(sales_answer(r, &q, h->shop.zone, add_total, sums, &facts, &err));
    r->ops->close(r);
    history_remove(h);
}

// However many ranges it reads: the time is of all of them together.
static void an_answer_that_takes_too_long_is_ended(void **state) {
    UNUSED(state);
    struct history *h = history_make();
    struct sales_reader *r = shop_reader(&h->shop);
    struct sales_query q = {.by_source = true,
                            .from = INT32_MIN,
                            .to = INT32_MAX,
                            .max_rows = 1000,
                            .order = SALES_BY_TOTAL,
                            .deadline_ns = 1};
    struct error err = {0};
    struct sales_answer facts;
    int64_t sums[2] = {0};
    assert_false(sales_answer(r, &q, h->shop.zone, add_total, sums, &facts, &err));
    assert_int_equal(err.cls, ERROR_RETRIABLE);
    q.deadline_ns = INT64_MAX;
    assert_true(sales_answer(r, &q, h->shop.zone, add_total, sums, &facts, &err));
    r->ops->close(r);
    history_remove(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_groups_come_first_and_the_rest_is_one_row),
        cmocka_unit_test(in_every_bucket_the_same_groups_are_the_largest),
        cmocka_unit_test(an_unfinished_day_is_compared_to_the_minute),
        cmocka_unit_test(an_unfinished_hour_and_the_last_of_several_days_likewise),
        cmocka_unit_test(a_group_that_sold_only_after_the_cut_is_no_row),
        cmocka_unit_test(the_first_few_have_the_ranks_that_they_have_among_all),
        cmocka_unit_test(where_minutes_are_not_kept_the_cut_is_at_the_hour_or_the_day),
        cmocka_unit_test(a_group_of_either_range_is_a_row_with_its_rank_in_both),
        cmocka_unit_test(more_rows_than_allowed_are_refused_however_they_come),
        cmocka_unit_test(an_answer_that_takes_too_long_is_ended),
    };
    log_set_level(LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
