// SPDX-License-Identifier: MIT
// The query API: parameters into questions, rows into JSON.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/zone_file.h"
#include "live/sales_api.h"
#include "order/timestamp.h"
#include "store/rejected_texts.h"

static struct zone *new_york;
static struct sales_request request;
static struct rejected_request rejected;
static char detail[QUESTION_DETAIL_BYTES];
static struct buf out;

static int set_up_group(void **state) {
    UNUSED(state);
    struct error err;
    return !zone_open("America/New_York", &new_york, &err);
}

static int tear_down_group(void **state) {
    UNUSED(state);
    zone_free(new_york);
    buf_free(&out);
    return 0;
}

// 2026-01-31T17:30:00Z: half past noon in New York.
static struct question_facts facts_of(int64_t max_rows, const char *timezone) {
    return (struct question_facts){.zone = new_york,
                                   .timezone = timezone,
                                   .max_rows = max_rows,
                                   .now_ms = INT64_C(1769880600000)};
}

// Parses "by=source&bucket=day" (already decoded).
static size_t cut(const char *query, struct question_param params[static 24]) {
    size_t n = 0;
    for (const char *at = query; *at != '\0' && n < 24; n++) {
        size_t len = strcspn(at, "&"), name = strcspn(at, "=&");
        params[n].name = (struct text){at, name};
        params[n].value = name < len ? (struct text){at + name + 1, len - name - 1} : TEXT_LIT("");
        at += at[len] == '&' ? len + 1 : len;
    }
    return n;
}

static bool sales(const char *query) {
    struct question_param params[24];
    detail[0] = '\0';
    struct question_facts facts = facts_of(1000, "America/New_York");
    return sales_request_parse(params, cut(query, params), &facts, &request, detail);
}

static bool reject_query(const char *query) {
    struct question_param params[24];
    detail[0] = '\0';
    return rejected_request_parse(params, cut(query, params), &rejected, detail);
}

static void without_parameters_all_time_sums_by_source_and_state_are_asked(void **state) {
    UNUSED(state);
    assert_true(sales(""));
    assert_true(request.query.by_source && request.query.by_state && !request.query.by_product);
    assert_int_equal(request.query.bucket, BUCKET_NONE);
    assert_int_equal(request.query.from, INT32_MIN);
    assert_int_equal(request.query.to, INT32_MAX);
    assert_int_equal(request.query.max_rows, 1000);
}

static void groups_are_chosen_one_by_one(void **state) {
    UNUSED(state);
    assert_true(sales("by=source"));
    assert_true(request.query.by_source && !request.query.by_state);
    assert_true(sales("by=state,source"));
    assert_true(request.query.by_source && request.query.by_state);
    assert_true(sales("by="));
    assert_true(!request.query.by_source && !request.query.by_state && !request.query.by_product);
    assert_true(sales("by=product&bucket=day"));
    assert_true(request.query.by_product && !request.query.by_source);
}

static void a_day_is_the_shops(void **state) {
    UNUSED(state);
    assert_true(sales("bucket=day&from=2026-01-31&to=2026-02-01"));
    assert_int_equal(request.query.from, days_from_civil(2026, 1, 31));
    assert_int_equal(request.query.to, days_from_civil(2026, 2, 1));
    assert_true(sales("from=2026-01-31T04:59:59Z")); // still the 30th in New York
    assert_int_equal(request.query.from, days_from_civil(2026, 1, 30));
    assert_true(sales("from=2026-01-31T05:00:00Z"));
    assert_int_equal(request.query.from, days_from_civil(2026, 1, 31));
}

static void minutes_and_hours_are_taken_down(void **state) {
    UNUSED(state);
    const int64_t minute = (int64_t)days_from_civil(2026, 1, 31) * 1440;
    assert_true(sales("bucket=minute&from=2026-01-31T12:34:56.789Z&to=2026-01-31T12:36:00Z"));
    assert_int_equal(request.query.from, minute + 12 * 60 + 34);
    assert_int_equal(request.query.to, minute + 12 * 60 + 36);
    assert_true(sales("bucket=hour&from=2026-01-31T12:34:56Z"));
    assert_int_equal(request.query.from, minute / 60 + 12);
    assert_true(sales("bucket=hour&from=2026-01-31")); // midnight in New York
    assert_int_equal(request.query.from, minute / 60 + 5);
}

static void a_plus_that_became_a_space_is_understood(void **state) {
    UNUSED(state);
    assert_true(sales("bucket=hour&from=2026-01-31T12:00:00 01:00"));
    assert_int_equal(request.query.from, days_from_civil(2026, 1, 31) * 24 + 11);
    assert_true(sales("bucket=hour&from=2026-01-31 12:00:00+01:00"));
    assert_int_equal(request.query.from, days_from_civil(2026, 1, 31) * 24 + 11);
}

static void wrong_sales_parameters_are_named(void **state) {
    UNUSED(state);
    const struct {
        const char *query, *name;
    } bad[] = {
        {"by=customer", "by:"},
        {"by=source,", "by:"},
        {"by=source,source", "by:"},
        {"by=,", "by:"},
        {"by=Source", "by:"},
        {"by=product,state", "by:"},
        {"by=product&bucket=minute", "bucket:"},
        {"by=product&bucket=hour", "bucket:"},
        {"bucket=week", "bucket:"},
        {"bucket=", "bucket:"},
        {"from=yesterday", "from:"},
        {"from=", "from:"},
        {"from=2026-02-30", "from:"},
        {"from=1969-12-31", "from:"},
        {"to=2201-01-02", "to:"},
        {"from=2026-01-02&to=2026-01-01", "to:"},
        {"from=2026-01-01&to=2026-01-01", "to:"},
        {"from=2026-01-02T10:00:00Z&to=2026-01-02T09:00:00Z", "to:"},
        {"from=2026-01-01&from=2026-01-01", "from:"},
        {"curency=USD", "curency:"},
        {"source=", "source:"},
        {"source=\xff", "source:"},
        {"product_id=7&by=source", "product_id:"},
        {"product_id=7&state=CA", "product_id:"},
        {"by=product&source=A", "product_id:"},
        {"product_id=7&bucket=hour", "bucket:"},
        {"top=0", "top:"},
        {"top=1001", "top:"},
        {"top=3&order=key", "order:"},
        {"order=revenue", "order:"},
        {"compare=2026-01-01", "compare:"},
        {"compare=2026-01-01&from=2026-01-02", "compare:"},
        {"compare=x&from=2026-01-02&to=2026-01-03", "compare:"},
        {"format=xml", "format:"},
        {"=x", ":"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(sales(bad[i].query));
        if (strncmp(detail, bad[i].name, strlen(bad[i].name)) != 0) {
            fail_msg("%s: %s", bad[i].query, detail);
        }
    }
}

static void a_range_within_one_bucket_is_refused_with_what_to_ask_instead(void **state) {
    UNUSED(state);
    static const struct {
        const char *query, *advice;
    } within[] = {
        {"from=2026-01-02T10:00:00Z&to=2026-01-02T12:00:00Z", "bucket=hour or bucket=minute"},
        {"bucket=day&from=2026-01-02T10:00:00Z&to=2026-01-02T12:00:00Z", "bucket=hour or"},
        {"by=product&from=2026-01-02T10:00:00Z&to=2026-01-02T12:00:00Z", "take the next day"},
        {"bucket=hour&from=2026-01-02T10:10:00Z&to=2026-01-02T10:20:00Z", "or bucket=minute"},
        {"bucket=minute&from=2026-01-02T10:10:01Z&to=2026-01-02T10:10:09Z", "same minute"},
    };
    for (size_t i = 0; i < COUNT_OF(within); i++) {
        assert_false(sales(within[i].query));
        assert_non_null(strstr(detail, within[i].advice));
    }
    assert_true(sales("bucket=hour&from=2026-01-02T10:00:00Z&to=2026-01-02T12:00:00Z"));
}

static void an_empty_group_between_commas_is_refused(void **state) {
    UNUSED(state);
    assert_false(sales("by=source,,state"));
}

static void filters_are_given_again_for_each_value(void **state) {
    UNUSED(state);
    assert_true(sales("source=A, B&source=C&state=CA&currency=USD"));
    const struct sales_filter *f = request.query.filters;
    assert_int_equal(f[SALES_SOURCE].n, 2);
    assert_true(text_equal(f[SALES_SOURCE].values[0], TEXT_LIT("A, B")));
    assert_true(text_equal(f[SALES_SOURCE].values[1], TEXT_LIT("C")));
    assert_int_equal(f[SALES_STATE].n, 1);
    assert_int_equal(f[SALES_CURRENCY].n, 1);
    assert_int_equal(f[SALES_PRODUCT].n, 0);
    assert_true(sales("product_id=7&product_id=tea")); // not by source and state then
    assert_int_equal(f[SALES_PRODUCT].n, 2);
    assert_false(request.query.by_source || request.query.by_state || request.query.by_product);
    assert_true(sales("state=a&state=b&state=c&state=d&state=e&state=f&state=g&state=h&state=i&"
                      "state=j&state=k&state=l&state=m&state=n&state=o&state=p"));
    assert_false(sales("state=a&state=b&state=c&state=d&state=e&state=f&state=g&state=h&state=i&"
                       "state=j&state=k&state=l&state=m&state=n&state=o&state=p&state=q"));
}

static void the_largest_are_by_total_unless_said_otherwise(void **state) {
    UNUSED(state);
    assert_true(sales("top=7"));
    assert_int_equal(request.query.top, 7);
    assert_int_equal(request.query.order, SALES_BY_TOTAL);
    assert_true(sales("top=7&order=units"));
    assert_int_equal(request.query.order, SALES_BY_UNITS);
    assert_true(sales("order=orders"));
    assert_int_equal(request.query.top, 0);
    assert_int_equal(request.query.order, SALES_BY_ORDERS);
    assert_true(sales("order=key"));
    assert_int_equal(request.query.order, SALES_BY_KEY);
}

// It is half past noon in New York.
static void an_unfinished_bucket_is_compared_with_as_much(void **state) {
    UNUSED(state);
    const int64_t hour_ms = INT64_C(3600000), now_ms = INT64_C(1769880600000);
    assert_true(sales("by=&from=2026-01-31&to=2026-02-01&compare=2026-01-30"));
    assert_true(request.query.compare);
    assert_int_equal(request.query.compare_from, days_from_civil(2026, 1, 30));
    assert_true(request.query.compare_cut_ms == now_ms - 24 * hour_ms);
    assert_true(sales("by=&from=2026-01-30&to=2026-01-31&compare=2026-01-29")); // over
    assert_true(request.query.compare_cut_ms == INT64_MAX);
    assert_true(sales("by=&bucket=hour&from=2026-01-31&to=2026-02-01&compare=2026-01-24"));
    assert_true(request.query.compare_cut_ms == INT64_MAX); // the last hour is yet to come
    assert_true(sales("by=&bucket=hour&from=2026-01-31T15:00:00Z&to=2026-01-31T18:00:00Z&"
                      "compare=2026-01-24T15:00:00Z"));
    assert_true(request.query.compare_cut_ms == now_ms - 7 * 24 * hour_ms);
    // Across the clocks' change: as long after midnight.
    assert_true(sales("by=&from=2026-01-31&to=2026-02-01&compare=2025-11-02"));
    assert_true(request.query.compare_cut_ms ==
                zone_day_start_ms(new_york, days_from_civil(2025, 11, 2)) + 25 * hour_ms / 2);
}

static void a_long_unknown_name_is_cut_in_the_answer(void **state) {
    UNUSED(state);
    char name[5000];
    memset(name, 'x', sizeof name);
    struct question_param param = {{name, sizeof name}, TEXT_LIT("1")};
    struct question_facts facts = facts_of(1000, "America/New_York");
    assert_false(sales_request_parse(&param, 1, &facts, &request, detail));
    assert_true(strlen(detail) < 200);
}

static void pages_of_rejected_events(void **state) {
    UNUSED(state);
    assert_true(reject_query(""));
    assert_int_equal(rejected.limit, 100);
    assert_int_equal(rejected.before_id, INT64_MAX);
    assert_true(reject_query("limit=1000&before=9223372036854775807"));
    assert_int_equal(rejected.limit, 1000);
    assert_int_equal(rejected.before_id, INT64_MAX);
    const char *const bad[] = {"limit=0",
                               "limit=1001",
                               "limit=-1",
                               "limit=",
                               "limit=1x",
                               "limit=1&limit=2",
                               "before=0",
                               "before=9223372036854775808",
                               "before=99999999999999999999",
                               "after=1"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(reject_query(bad[i]));
        assert_true(detail[0] != '\0');
    }
}

static void an_order_id_in_a_path_is_canonical(void **state) {
    UNUSED(state);
    struct ident id;
    assert_true(order_request_parse(text_of("7"), &id));
    assert_int_equal(id.num, 7);
    assert_true(order_request_parse(text_of("007"), &id));
    assert_int_equal(id.num, -1);
    assert_true(order_request_parse(text_of("a/b ?#%"), &id));
    assert_true(text_equal(id.text, text_of("a/b ?#%")));
    char text[66];
    memset(text, 'x', sizeof text);
    assert_true(order_request_parse((struct text){text, 64}, &id));
    assert_false(order_request_parse((struct text){text, 65}, &id));
    assert_false(order_request_parse(text_of(""), &id));
    assert_false(order_request_parse(text_of("a\nb"), &id));
    assert_false(order_request_parse(text_of("\xc3\xa4"), &id));
}

// --- Answers, from a reader that gives what the test wants

static struct sales_row rows[3];
static struct stored_event events[3];
static struct rejected_row rejects[4];
static size_t n_rows, n_events, n_rejects, n_rejects_given;

static bool give_sales(struct sales_reader *r, const struct sales_query *q, sales_row_fn each,
                       void *user, struct error *err) {
    UNUSED(r);
    if ((int64_t)n_rows > q->max_rows) {
        return error_set(err, ERROR_USAGE, "too many rows");
    }
    for (size_t i = 0; i < n_rows; i++) {
        assert_true(each(user, &rows[i]));
    }
    return true;
}

static bool give_order(struct sales_reader *r, struct ident id, stored_event_fn each, void *user,
                       struct error *err) {
    UNUSED(r);
    UNUSED(id);
    UNUSED(err);
    for (size_t i = 0; i < n_events; i++) {
        assert_true(each(user, &events[i]));
    }
    return true;
}

static bool give_rejected(struct sales_reader *r, int64_t before_id, int64_t limit,
                          rejected_row_fn each, void *user, struct error *err) {
    UNUSED(r);
    UNUSED(err);
    for (size_t i = 0; i < n_rejects && limit > 0; i++) {
        const struct rejected_row *row = &rejects[i % COUNT_OF(rejects)];
        if (row->id < before_id && limit-- > 0 && !each(user, row)) {
            n_rejects_given = i + 1;
            break;
        }
    }
    return true;
}

static const struct sales_reader_ops ops = {
    .order = give_order, .sales = give_sales, .rejected = give_rejected};
static struct sales_reader reader = {&ops};

// The answer without line ends.
static const char *answer(void) {
    static char text[4096];
    size_t n = 0;
    assert_false(out.failed);
    for (size_t i = 0; i < out.len && n < sizeof text - 1; i++) {
        if (out.at[i] != '\n') {
            text[n++] = out.at[i];
        }
    }
    text[n] = '\0';
    buf_clear(&out);
    return text;
}

static void sums_are_written_with_four_decimals_and_in_their_bucket(void **state) {
    UNUSED(state);
    struct error err;
    assert_true(sales("bucket=day&from=2026-01-31"));
    rows[0] = (struct sales_row){.source = text_of("A \"b\""),
                                 .state = text_of("CA"),
                                 .currency = text_of("USD"),
                                 .bucket = days_from_civil(2026, 1, 31),
                                 .sum = {.orders = 1,
                                         .units = -2,
                                         .subtotal_e4 = 10000,
                                         .discount_e4 = 1,
                                         .shipping_e4 = -1,
                                         .tax_e4 = 0,
                                         .total_e4 = INT64_MAX,
                                         .cancelled_orders = 3,
                                         .refunds = 4,
                                         .refunded_total_e4 = 50000}};
    n_rows = 1;
    struct question_facts facts = facts_of(1000, "America/New_York");
    assert_true(sales_api_sales(&reader, &request, &facts, &out, &err));
    assert_string_equal(
        answer(),
        "{\"rows\":[{\"bucket\":\"2026-01-31\",\"source\":\"A \\\"b\\\"\",\"state\":\"CA\","
        "\"currency\":\"USD\",\"orders\":1,\"units\":-2,\"subtotal\":\"1.0000\",\"discount\":\"0."
        "0001\","
        "\"shipping\":\"-0.0001\",\"tax\":\"0.0000\",\"total\":\"922337203685477.5807\","
        "\"refunded_total\":\"5.0000\",\"cancelled_orders\":3,\"refunds\":4}],"
        "\"from\":\"2026-01-31\",\"to\":null,\"bucket\":\"day\",\"timezone\":\"America/"
        "New_York\"}");
}

static void minutes_are_written_as_instants(void **state) {
    UNUSED(state);
    struct error err;
    assert_true(sales("by=&bucket=minute&to=2026-01-31T12:34:56Z"));
    n_rows = 0;
    struct question_facts facts = facts_of(1000, "UTC");
    assert_true(sales_api_sales(&reader, &request, &facts, &out, &err));
    assert_string_equal(answer(), "{\"rows\":[],\"from\":null,\"to\":\"2026-01-31T12:34:00.000Z\","
                                  "\"bucket\":\"minute\",\"timezone\":\"UTC\"}");
}

static void products_have_their_three_figures(void **state) {
    UNUSED(state);
    struct error err;
    assert_true(sales("by=product"));
    rows[0] = (struct sales_row){.currency = text_of("USD"),
                                 .product_id = {7, TEXT_NONE},
                                 .sum = {.orders = 1, .units = 2, .total_e4 = 30000}};
    rows[1] = (struct sales_row){.currency = text_of("USD"),
                                 .product_id = {-1, text_of("tea")},
                                 .sum = {.orders = 1, .units = 1, .total_e4 = 5}};
    n_rows = 2;
    struct question_facts facts = facts_of(1000, "UTC");
    assert_true(sales_api_sales(&reader, &request, &facts, &out, &err));
    assert_string_equal(answer(),
                        "{\"rows\":[{\"product_id\":7,\"currency\":\"USD\",\"orders\":1,\"units\":"
                        "2,\"total\":\"3.0000\"},"
                        "{\"product_id\":\"tea\",\"currency\":\"USD\",\"orders\":1,\"units\":1,"
                        "\"total\":\"0.0005\"}],"
                        "\"from\":null,\"to\":null,\"bucket\":null,\"timezone\":\"UTC\"}");
}

static void what_a_spreadsheet_would_run_stays_text(void **state) {
    UNUSED(state);
    struct error err;
    assert_true(sales("format=csv"));
    static const char *const names[] = {"=1+1", "-A", "a \"b\", c"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        rows[i] = (struct sales_row){.source = text_of(names[i]),
                                     .state = i == 0 ? text_of("@x") : text_of("\tCA"),
                                     .currency = text_of("USD"),
                                     .sum = {.orders = -1, .total_e4 = -15000}};
    }
    rows[2].state = text_of("CA");
    n_rows = 3;
    struct question_facts facts = facts_of(1000, "UTC");
    assert_true(sales_api_sales(&reader, &request, &facts, &out, &err));
    assert_string_equal(
        answer(),
        "source,state,currency,orders,units,subtotal,discount,shipping,tax,total,refunded_total,"
        "cancelled_orders,refunds\r"
        "\"'=1+1\",\"'@x\",USD,-1,0,0.0000,0.0000,0.0000,0.0000,-1.5000,0.0000,0,0\r"
        "\"'-A\",\"'\tCA\",USD,-1,0,0.0000,0.0000,0.0000,0.0000,-1.5000,0.0000,0,0\r"
        "\"a \"\"b\"\", c\",CA,USD,-1,0,0.0000,0.0000,0.0000,0.0000,-1.5000,0.0000,0,0\r");
}

static void too_many_rows_are_an_error_of_the_asker(void **state) {
    UNUSED(state);
    struct error err = {0};
    struct question_param none[1] = {{TEXT_NONE, TEXT_NONE}};
    struct question_facts facts = facts_of(1, "UTC");
    assert_true(sales_request_parse(none, 0, &facts, &request, detail));
    n_rows = 2;
    assert_false(sales_api_sales(&reader, &request, &facts, &out, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    buf_clear(&out);
}

static struct stored_event event(enum order_kind kind) {
    struct stored_event e = {.arrival_ms = 1500, .position = 9};
    e.order = (struct order){.order_id = {7, TEXT_NONE},
                             .customer_id = IDENT_NONE,
                             .product_id = IDENT_NONE,
                             .kind = kind,
                             .currency = "USD",
                             .source = text_of("A"),
                             .state = text_of("CA"),
                             .quantity = 1,
                             .total_e4 = 10000};
    return e;
}

static void an_order_comes_with_its_adjustments(void **state) {
    UNUSED(state);
    struct error err;
    bool found = false;
    events[0] = event(ORDER_PLACED);
    events[0].order.items_json = text_of("[{\"product_id\":7}]");
    events[1] = event(ORDER_REFUNDED);
    events[1].order.event_id = text_of("r1");
    events[2] = event(ORDER_CANCELLED);
    n_events = 3;
    assert_true(sales_api_order(&reader, IDENT_NONE, &out, &found, &err));
    assert_true(found);
    const char *text = answer();
    assert_non_null(strstr(text,
                           "{\"order\":{\"order_id\":7,\"event\":\"placed\",\"event_id\":null,"
                           "\"created_at\":\"1970-01-01T00:00:00.000Z\","
                           "\"received_at\":\"1970-01-01T00:00:01.500Z\",\"customer_id\":null,"));
    assert_non_null(strstr(text, "\"items\":[{\"product_id\":7}],"));
    assert_non_null(strstr(
        text, "\"adjustments\":[{\"order_id\":7,\"event\":\"refunded\",\"event_id\":\"r1\","));
    assert_non_null(strstr(text, "},{\"order_id\":7,\"event\":\"cancelled\","));
    assert_string_equal(text + strlen(text) - 3, "}]}");
}

static void an_order_alone_has_no_adjustments(void **state) {
    UNUSED(state);
    struct error err;
    bool found = false;
    events[0] = event(ORDER_PLACED);
    n_events = 1;
    assert_true(sales_api_order(&reader, IDENT_NONE, &out, &found, &err));
    assert_true(found);
    const char *text = answer();
    assert_string_equal(text + strlen(text) - strlen(",\"adjustments\":[]}"),
                        ",\"adjustments\":[]}");
}

static void adjustments_of_an_unknown_order_are_shown(void **state) {
    UNUSED(state);
    struct error err;
    bool found = false;
    events[0] = event(ORDER_CANCELLED);
    n_events = 1;
    assert_true(sales_api_order(&reader, IDENT_NONE, &out, &found, &err));
    assert_true(found);
    const char *text = answer();
    assert_ptr_equal(strstr(text, "{\"order\":null,\"adjustments\":[{"), text);
}

static void an_unknown_order_is_not_found(void **state) {
    UNUSED(state);
    struct error err;
    bool found = true;
    n_events = 0;
    assert_true(sales_api_order(&reader, IDENT_NONE, &out, &found, &err));
    assert_false(found);
    buf_clear(&out);
}

static void rejected_events_tell_where_the_next_page_is(void **state) {
    UNUSED(state);
    struct error err;
    rejects[0] = (struct rejected_row){.id = 12,
                                       .arrival_ms = 1000,
                                       .field = text_of("total"),
                                       .code = text_of("missing"),
                                       .message = text_of("m"),
                                       .raw = text_of("{\"a\":\xff"),
                                       .retried_ms = 2000,
                                       .retried_verdict = text_of("accepted")};
    rejects[1] = (struct rejected_row){.id = 11,
                                       .arrival_ms = 1000,
                                       .field = text_of(""),
                                       .code = text_of("not_json"),
                                       .message = text_of("m"),
                                       .raw = text_of("{"),
                                       .raw_cut = true};
    n_rejects = 2;
    assert_true(reject_query("limit=2"));
    assert_true(sales_api_rejected(&reader, &rejected, &out, &err));
    assert_string_equal(
        answer(),
        "{\"rows\":[{\"id\":12,\"received_at\":\"1970-01-01T00:00:01.000Z\",\"field\":\"total\","
        "\"code\":\"missing\",\"message\":\"m\",\"raw\":\"{\\\"a\\\":\xEF\xBF\xBD\",\"raw_cut\":"
        "false,\"retried_at\":\"1970-01-01T00:00:02.000Z\",\"retried_verdict\":\"accepted\"},"
        "{\"id\":11,\"received_at\":\"1970-01-01T00:00:01.000Z\",\"field\":\"\",\"code\":\"not_"
        "json\","
        "\"message\":\"m\",\"raw\":\"{\",\"raw_cut\":true}],\"next_before\":11}");
    n_rejects = 1;
    assert_true(sales_api_rejected(&reader, &rejected, &out, &err));
    const char *text = answer();
    assert_string_equal(text + strlen(text) - strlen("\"next_before\":null}"),
                        "\"next_before\":null}");
}

static void what_a_topic_has_rejected_again_is_left_out_at_once(void **state) {
    UNUSED(state);
    struct error err;
    const char *const texts[] = {"x", "y", "x", "edited"};
    for (int i = 0; i < 4; i++) {
        rejects[i] =
            (struct rejected_row){.id = 14 - i,
                                  .code = text_of("conflict"),
                                  .raw = text_of(texts[i]),
                                  .retried_ms = i >= 2 ? 2000 : 0,
                                  .retried_verdict = text_of(i >= 2 ? "sent" : NULL),
                                  .sent_hash = i == 3 ? rejected_text_hash(TEXT_LIT(" y\n")) : 0};
    }
    n_rejects = 4;
    assert_true(reject_query("limit=3"));
    assert_true(sales_api_rejected(&reader, &rejected, &out, &err));
    const char *text = answer();
    assert_non_null(strstr(text, "\"id\":14,"));
    assert_non_null(strstr(text, "\"id\":13,"));
    assert_null(strstr(text, "\"id\":12,"));
    assert_null(strstr(text, "\"id\":11,"));
    assert_non_null(strstr(text, "\"next_before\":null}"));
    assert_true(reject_query("before=13")); // on the next page too
    assert_true(sales_api_rejected(&reader, &rejected, &out, &err));
    assert_string_equal(answer(), "{\"rows\":[],\"next_before\":null}");
}

static void an_answer_that_would_be_too_long_is_stopped_in_time(void **state) {
    UNUSED(state);
    static char quotes[64 * 1024];
    struct error err = {0};
    memset(quotes, '"', sizeof quotes);
    for (size_t i = 0; i < COUNT_OF(rejects); i++) {
        rejects[i].raw = (struct text){quotes, sizeof quotes};
    }
    n_rejects = 1000 * 1000;
    assert_true(reject_query("limit=1000"));
    assert_false(sales_api_rejected(&reader, &rejected, &out, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    assert_true(n_rejects_given < 400); // 128 KiB each, 32 MiB in all
    buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_parameters_all_time_sums_by_source_and_state_are_asked),
        cmocka_unit_test(groups_are_chosen_one_by_one),
        cmocka_unit_test(a_day_is_the_shops),
        cmocka_unit_test(minutes_and_hours_are_taken_down),
        cmocka_unit_test(a_plus_that_became_a_space_is_understood),
        cmocka_unit_test(wrong_sales_parameters_are_named),
        cmocka_unit_test(a_range_within_one_bucket_is_refused_with_what_to_ask_instead),
        cmocka_unit_test(an_empty_group_between_commas_is_refused),
        cmocka_unit_test(filters_are_given_again_for_each_value),
        cmocka_unit_test(the_largest_are_by_total_unless_said_otherwise),
        cmocka_unit_test(an_unfinished_bucket_is_compared_with_as_much),
        cmocka_unit_test(a_long_unknown_name_is_cut_in_the_answer),
        cmocka_unit_test(pages_of_rejected_events),
        cmocka_unit_test(an_order_id_in_a_path_is_canonical),
        cmocka_unit_test(sums_are_written_with_four_decimals_and_in_their_bucket),
        cmocka_unit_test(minutes_are_written_as_instants),
        cmocka_unit_test(products_have_their_three_figures),
        cmocka_unit_test(what_a_spreadsheet_would_run_stays_text),
        cmocka_unit_test(too_many_rows_are_an_error_of_the_asker),
        cmocka_unit_test(an_order_comes_with_its_adjustments),
        cmocka_unit_test(an_order_alone_has_no_adjustments),
        cmocka_unit_test(adjustments_of_an_unknown_order_are_shown),
        cmocka_unit_test(an_unknown_order_is_not_found),
        cmocka_unit_test(rejected_events_tell_where_the_next_page_is),
        cmocka_unit_test(what_a_topic_has_rejected_again_is_left_out_at_once),
        cmocka_unit_test(an_answer_that_would_be_too_long_is_stopped_in_time),
    };
    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
