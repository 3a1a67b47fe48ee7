// SPDX-License-Identifier: MIT
// One event from JSON: what is not JSON, what JSON must obey beyond its grammar (duplicate keys,
// nesting, size), what comes of null and of numbers, and memory. Each event ends at a guard page
// and goes both roads of the parser, which must agree (order_testing.h).
#include "base/mem.h"
#include "order/timestamp_minute.h"
#include "order_testing.h"

static char big[12 * 1024 * 1024]; // for texts that are made

// A complete order with `value` as the value of a field that is not known.
static const char *with_unknown(const char *value) {
    static char json[256 * 1024];
    int n = snprintf(json, sizeof json, "%.*s,\"x\":%s}", (int)strlen(order_with("")) - 1,
                     order_with(""), value);
    assert_true(n > 0 && n < (int)sizeof json);
    return json;
}

static struct text text_lit_with_nul(const char *at, size_t sizeof_literal) {
    return (struct text){at, sizeof_literal - 1};
}
#define BYTES(literal) text_lit_with_nul(literal, sizeof(literal))

// --- Not JSON

static void what_is_not_json_is_broken(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "\n\t\r ",
        "{",
        "}",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{\"a\" 1}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1}}",
        "{\"a\":1} x",
        "{\"a\":1}{\"a\":1}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":[}",
        "[",
        "]",
        "\"",
        "nul",
        "nulll",
        "True",
        "undefined",
        "NaN",
        "Infinity",
        "-",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":-Infinity}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":0x1}",
        "{\"a\":1e}",
        "{\"a\":1e+}",
        "{\"a\":--1}",
        "{\"a\":1_000}",
        "{\"a\":tru}",
        "{\"a\":\"x}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\",
        "/**/{}",
        "{}//",
        "{\"a\":1;}",
        "<order/>",
        "order_id,total",
        "\xEF\xBB\xBF{}", // a byte order mark is the body's affair
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        broken(text_of(texts[i]));
    }
}

static void a_known_field_that_is_not_json_makes_the_event_broken(void **state) {
    (void)state;
    static const char *const values[] = {"01",  "1.",   ".5",  "+1",  "NaN",  "1e",  "0x1",
                                         "-",   "1 2",  "1e+", "'x'", "x",    "\"x", "\"\\q\"",
                                         "tru", "nulL", "1,2", "1-",  "1.5.", "--1", "\"a\"b"};
    for (enum order_field f = 0; f < FIELD_COUNT; f++) {
        for (size_t i = 0; i < COUNT_OF(values); i++) {
            broken(text_of(order_of(order_field_name(f), values[i])));
        }
    }
}

static void invalid_utf8_and_lone_surrogates_are_broken(void **state) {
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xC0\x80",
        "\xC3",
        "\xE6\x9C",
        "\xE0\x80\x80",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80",
        "\xF8\x88\x80\x80",
        "\xFF",
        "\xFE",
        "\\ud800",
        "\\udc00",
        "\\ud800x",
        "\\ud800\\u0041",
        "\\udc00\\ud800",
        "\\ud800\\ud800",
        "12345678\xFF",
        "1234567890123456\xC3",
    };
    static const char *const names[] = {"source", "product_id", "order_id", "x"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char value[64];
        snprintf(value, sizeof value, "\"a%sb\"", bad[i]);
        for (size_t k = 0; k < COUNT_OF(names); k++) {
            broken(text_of(order_of(names[k], value)));
        }
        char key[64];
        snprintf(key, sizeof key, ",\"%s\":1", bad[i]);
        broken(text_of(order_with(key)));
    }
    assert_true(text_equal(accepted(order_of("source", "\"\\ud83d\\uded2\""))->source,
                           TEXT_LIT("\xF0\x9F\x9B\x92")));
}

static bool is_whole(struct text json) {
    arena_reset(&ot.arena);
    return order_json_is_whole(ot.parser, json, &ot.arena);
}

static void what_is_broken_within_a_string_ends_where_it_ends(void **state) {
    (void)state;
    static const char *const whole[] = {
        "\\ud800", "\\udc00\\ud800", "\\ud800\\\"", "\\x",      "\\u12",
        "\\u",     "\\\\\\q",        "\xFF",        "\xE6\x9C", "a\nb",
        "\x01",    "\x7F",           "},{",         "\\ud800]", "\\ud800\\\\",
    };
    for (size_t i = 0; i < COUNT_OF(whole); i++) {
        char value[64], key[64];
        snprintf(value, sizeof value, "\"%s\"", whole[i]);
        snprintf(key, sizeof key, ",\"%s\":[1,{\"b\":null}]", whole[i]);
        assert_true(is_whole(text_of(order_of("source", value))));
        assert_true(is_whole(text_of(order_with(key))));
    }
    static const char *const not_whole[] = {
        "",
        "{",
        "\"a",
        "\"a\\",
        "\"a\\\"",
        "{\"a\":\"\\ud800}",
        "{\"a\":\"\\ud800\",}",
        "{\"a\":\"\\ud800\" \"b\":1}",
        "{\"a\":\"\\ud800\",\"b\":01}",
        "{\"a\":\"\\ud800\",\"b\":[1}",
        "{\"a\":\"\\ud800\",b:1}",
        "{\"a\":\"x},{\"b\":\"\\ud800\"}",
        "{\"a\":NaN}",
        "\xFF{}",
        "{}\xFF",
        "{\"a\":1} \"\\ud800\"",
    };
    for (size_t i = 0; i < COUNT_OF(not_whole); i++) {
        assert_false(is_whole(text_of(not_whole[i])));
    }
}

static void raw_control_characters_are_broken_json(void **state) {
    (void)state;
    for (int c = 0; c < 0x20; c++) {
        char json[256];
        int n = snprintf(json, sizeof json, "%s", order_of("source", "\"a@b\""));
        char *at = memchr(json, '@', (size_t)n);
        *at = (char)c;
        broken((struct text){json, (size_t)n});
    }
    broken(BYTES("{\"a\":1}\0"));
    broken(BYTES("\0{\"a\":1}"));
    broken(BYTES("{\"a\":1\0}"));
    broken(BYTES("{\"a\0\":1}"));
    broken(BYTES("\0\0\0\0"));
}

static void every_beginning_of_an_order_is_broken(void **state) {
    (void)state;
    static const char *const orders[] = {
        "{\"order_id\":\"A-1\",\"created_at\":\"2026-01-31T12:00:00Z\",\"product_id\":3,"
        "\"quantity\":2,\"customer_id\":null,\"total\":1.5e1,\"source\":\"S\xC3\xA3o Paulo\"}",
        "{ \"order_id\" : 1 , \"created_at\" : \"2026-01-31\" , \"total\" : \"1\" , \"items\" : [ "
        "{ \"product_id\" : 1 , \"quantity\" : 1 , \"x\" : [ { } ] } ] , \"y\" : false }",
    };
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        struct text whole = text_of(orders[i]);
        (void)accepted(orders[i]);
        for (size_t n = 0; n < whole.len; n++) {
            broken((struct text){whole.at, n});
        }
    }
}

static void both_roads_agree_on_every_changed_byte(void **state) {
    (void)state;
    static char json[] =
        "{\"order_id\":\"A1\",\"event\":\"placed\",\"created_at\":\"2026-01-31T12:00:00Z\","
        "\"product_id\":33,\"quantity\":2, \"tax\":null,\"total\":19.98,\"source\":\"\xC3\xA9\"}";
    static const unsigned char others[] = {0,   1,   '\t', '\n', ' ',  '"',  '\\', ',', ':',
                                           '{', '}', '[',  ']',  '-',  '+',  '.',  'e', '0',
                                           '9', 'n', 'x',  '/',  0x7F, 0x80, 0xC3, 0xFF};
    size_t n_accepted = 0;
    for (size_t i = 0; i < sizeof json - 1; i++) {
        char was = json[i];
        for (size_t k = 0; k < COUNT_OF(others); k++) {
            json[i] = (char)others[k];
            n_accepted += read_event((struct text){json, sizeof json - 1}) == ORDER_JSON_OK;
        }
        json[i] = was;
    }
    assert_true(n_accepted > 100); // digits and letters that may be others
}

static void a_message_tells_the_byte(void **state) {
    (void)state;
    broken(TEXT_LIT("{\"total\":12.x}"));
    assert_non_null(strstr(ot.why.message, "at byte 1")); // 10 to 12
    broken(TEXT_LIT("{\"total\":1}}"));
    assert_non_null(strstr(ot.why.message, "at byte 11 of the event, '}'"));
}

static void json_that_is_no_object_is_no_order(void **state) {
    (void)state;
    static const char *const texts[] = {"[]",    "[{}]", "7",     "\"x\"", "true",
                                        "false", "null", " [1] ", "-1e5"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        rejected(texts[i], "", REJECT_NOT_OBJECT);
    }
}

// --- Spellings of the same

static void white_space_between_tokens_does_not_count(void **state) {
    (void)state;
    const struct order *o = accepted(" \r\n\t{ \"order_id\"\n:\t7 ,\r\"created_at\" : "
                                     "\"2026-01-31T12:00:00Z\" , \"product_id\": 3 ,\n\n"
                                     "\"quantity\" :2, \"total\":19.98 } \n\t\r ");
    assert_true(o->order_id.num == 7 && o->total_e4 == 199800);
    broken(TEXT_LIT("\f{}"));
    broken(TEXT_LIT("{}\v"));
    broken(TEXT_LIT("\xC2\xA0{}"));
}

static void names_and_values_may_be_escaped(void **state) {
    (void)state;
    const struct order *o =
        accepted("{\"\\u006frder_id\":\"\\u0037\",\"created_at\":\"2026\\u002d01-31T12:00:00Z\","
                 "\"product_id\":3,\"quantity\":\"\\u0032\",\"tot\\u0061l\":\"\\u0031.5\","
                 "\"currency\":\"\\u0045UR\",\"event\":\"\\u0070laced\"}");
    assert_true(o->order_id.num == 7 && o->quantity == 2 && o->total_e4 == 15000);
    assert_string_equal(o->currency, "EUR");
}

static void members_may_come_in_any_order(void **state) {
    (void)state;
    const struct order *o = accepted("{\"total\":19.98,\"quantity\":2,\"product_id\":3,"
                                     "\"created_at\":\"2026-01-31T12:00:00Z\",\"order_id\":7}");
    assert_true(o->order_id.num == 7 && o->quantity == 2);
}

static void any_json_may_stand_in_a_field_that_is_not_known(void **state) {
    (void)state;
    static const char *const values[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-0.0e-0",
        "1E400",
        "-1e-400",
        "1e999999999999",
        "123456789012345678901234567890.5",
        "\"\"",
        "\"\\u0000\\n\"",
        "[]",
        "{}",
        "[[],{},[{}]]",
        "{\"order_id\":1,\"items\":[]}",
        "{\"\":{\"\":0}}",
        "\"\\ud83d\\uded2\"",
        "[1,\"a\",null,{\"b\":[true,false]}]",
    };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        (void)accepted(with_unknown(values[i]));
    }
    (void)accepted(order_with(",\"\":1,\"Order_id\":2,\"order_id \":3,\"order_i\":4,\"taxx\":5"));
}

// --- The two roads

static void ordinary_orders_take_the_short_road(void **state) {
    (void)state;
    static const struct {
        const char *members;
        bool ordinary;
    } cases[] = {
        {"", true},
        {",\"source\":\"S\xC3\xA3o Paulo\",\"tax\":null", true},
        {",\"customer_id\":\"c\",\"event\":\"placed\",\"event_id\":\"e\"", true},
        {", \"currency\" : \"EUR\" ", true},
        {" ,\n\"currency\"\t:\"EUR\"", true},
        {",\"x\":1", false},
        {",\"source\":\"a\\u0041b\"", false},
        {",\"discount\":1e+1", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char padded[1024] = {0};
        size_t n = (size_t)snprintf(padded, sizeof padded, "%s", order_with(cases[i].members));
        // The padding, not the text, ends at the guard page.
        struct text placed =
            guard_page_place(&ot.guard, (struct text){padded, n + ORDER_SCAN_PADDING});
        struct order o;
        struct rejection why;
        struct order_builder b;
        order_begin(&b, &ot.rules, &o, &why);
        b.minute = &(struct timestamp_minute){0};
        assert_int_equal(order_scan(&b, (struct text){placed.at, n}), cases[i].ordinary);
        (void)accepted(order_with(cases[i].members));
    }
}

static void the_short_road_never_reads_past_its_padding(void **state) {
    (void)state;
    static const char *const texts[] = {"{\"order_id\":\"abc",
                                        "{\"order_id\":12345678",
                                        "{\"order_id\":\"",
                                        "{\"order_id\":",
                                        "{\"order_id\"",
                                        "{\"customer_id",
                                        "{\"",
                                        "{",
                                        "",
                                        "{\"order_id\":1234567890123456",
                                        "{\"source\":\"1234567",
                                        "{\"total\":nul"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char padded[128] = {0};
        size_t n = (size_t)snprintf(padded, sizeof padded, "%s", texts[i]);
        struct text placed =
            guard_page_place(&ot.guard, (struct text){padded, n + ORDER_SCAN_PADDING});
        struct order o;
        struct rejection why;
        struct order_builder b;
        order_begin(&b, &ot.rules, &o, &why);
        b.minute = &(struct timestamp_minute){0};
        assert_false(order_scan(&b, (struct text){placed.at, n}));
    }
}

// Of an order with every field, numbers of every length and amounts of either kind: each beginning.
static void an_order_cut_off_anywhere_is_not_read_past_its_padding(void **state) {
    (void)state;
    static const char text[] =
        "{\"order_id\":9223372036854775807,\"event\":\"placed\",\"event_id\":\"e-1\","
        "\"created_at\":\"2026-11-01T10:00:00.5Z\",\"customer_id\":\"12345678901\","
        "\"product_id\":1234567,\"quantity\":3,\"subtotal\":12345.67,\"discount\":\"0.50\","
        "\"shipping\":123456.7,\"tax\":9.99,\"total\":\"99.99\",\"currency\":\"USD\","
        "\"source\":\"S\xC3\xA3o Paulo\",\"state\":\"CA\"}";
    enum { LEN = sizeof text - 1, BEHIND = 6 };
    // What lies behind it: zeros, the text's own rest or start, what no search ends at, white
    // space.
    for (size_t i = 0; i < (LEN + 1) * BEHIND; i++) {
        size_t n = i / BEHIND;
        char padded[LEN + ORDER_SCAN_PADDING];
        static const char fill[BEHIND] = {'\0', '\0', '{', 'x', '5', ' '};
        memset(padded, fill[i % BEHIND], sizeof padded);
        memcpy(padded, text, i % BEHIND == 1 ? LEN : n);
        memcpy(padded + n, text, i % BEHIND == 2 ? ORDER_SCAN_PADDING : 0);
        struct text placed =
            guard_page_place(&ot.guard, (struct text){padded, n + ORDER_SCAN_PADDING});
        struct order o;
        struct rejection why;
        struct order_builder b;
        order_begin(&b, &ot.rules, &o, &why);
        b.minute = &(struct timestamp_minute){0};
        assert_int_equal(order_scan(&b, (struct text){placed.at, n}), n == LEN);
    }
}

// By one parser, which knows the minute of the time before: each of these after one of its minute,
// and after one of another.
static void a_time_is_read_the_same_whatever_time_came_before(void **state) {
    (void)state;
    static const char *const before[] = {"2026-02-28T23:59:10.250Z", "2026-02-28T23:58:59.999Z"};
    static const char *const tails[] = {
        ":00.000Z",
        ":59.999Z",
        ":60.000Z",
        ":60.999Z",
        ":61.000Z",
        ":5a.000Z",
        ":05.0a0Z",
        ":05,000Z",
        ":05.000z",
        ":05.0000",
        ":05.00Z",
        ":05.0000Z",
        ":05Z",
        ":05.000+00:00",
        ":05",
        "",
        "Z",
        ":05.000 Z",
        ":05.000Z ",
        " :05.00Z",
        ";05.000Z",
        ":/5.000Z",
        "::5.000Z",
        ":05.000Z\xC3\xA9",
        ":05.000-00:30",
        ":05.\x2f"
        "00Z",
    };
    static const char *const minutes[] = {
        "2026-02-28T23:59", "2026-02-28t23:59", "2026-02-28 23:59", "2026-02-29T23:59",
        "2200-12-31T23:59", "1969-12-31T23:59", " 2026-02-28T23:5"};
    int n_accepted = 0;
    struct order_json *p = mem_must(order_json_new(NULL));
    for (size_t i = 0; i < COUNT_OF(tails) * COUNT_OF(minutes) * COUNT_OF(before); i++) {
        char texts[3][256];
        struct order o, want;
        struct rejection why;
        snprintf(texts[2], sizeof texts[2], "%s%s",
                 minutes[i / COUNT_OF(tails) % COUNT_OF(minutes)], tails[i % COUNT_OF(tails)]);
        const char *times[] = {before[1], before[i / COUNT_OF(tails) / COUNT_OF(minutes)],
                               texts[2]};
        for (size_t k = 0; k < COUNT_OF(times);
             k++) { // two good ones: the short road is tried again
            char json[400];
            snprintf(json, sizeof json,
                     "{\"order_id\":1,\"created_at\":\"%s\",\"product_id\":1,\"quantity\":1,"
                     "\"total\":1.00}",
                     times[k]);
            arena_reset(&ot.arena);
            enum order_json_result got =
                order_json_parse(p, &ot.rules, text_of(json), &ot.arena, &o, &why);
            assert_int_equal(got, order_json_parse_long(ot.parser, &ot.rules, text_of(json),
                                                        &ot.arena, &want, &why));
            assert_true(got != ORDER_JSON_OK || o.created_ms == want.created_ms);
            n_accepted += got == ORDER_JSON_OK;
        }
    }
    assert_true(n_accepted > 850);
    order_json_free(p);
}

// Most amounts are read where they stand in the text, the others by money_parse_text: every
// spelling of these characters, in strings (which take any) of which more characters follow.
static void an_amount_is_what_money_parse_says_it_is(void **state) {
    (void)state;
    static const char letters[] = "015.-";
    enum { LETTERS = sizeof letters - 1, LONGEST = 5 };
    int n_accepted = 0;
    for (int n = 1, all = LETTERS; n <= LONGEST; n++, all *= LETTERS) {
        for (int k = 0; k < all; k++) {
            char spelling[LONGEST + 4], members[64];
            int len = 0, rest = k;
            for (; len < n; len++, rest /= LETTERS) {
                spelling[len] = letters[rest % LETTERS];
            }
            len += snprintf(spelling + len, sizeof spelling - (size_t)len, "%s",
                            k % 3 == 0 ? "9.0" : ""); // longer ones too
            int64_t want_e4 = -1;
            bool rounded;
            bool amount = money_parse_text((struct text){spelling, (size_t)len}, &want_e4,
                                           &rounded) == MONEY_OK;
            snprintf(members, sizeof members, ",\"discount\":\"%.*s\"", len, spelling);
            bool taken = read_event(text_of(order_with(members))) == ORDER_JSON_OK;
            assert_int_equal(taken, amount);
            assert_true(!taken || ot.order.discount_e4 == want_e4);
            n_accepted += taken;
        }
    }
    assert_true(n_accepted > 300);
}

static void orders_of_both_kinds_may_alternate(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++) { // one parser, so that it also skips the short road
        const char *json =
            i % 7 == 0 || (i > 300 && i < 600) ? order_with(",\"x\":{}") : order_with(",\"tax\":1");
        arena_reset(&ot.arena);
        assert_int_equal(
            order_json_parse(ot.parser, &ot.rules, text_of(json), &ot.arena, &ot.order, &ot.why),
            ORDER_JSON_OK);
        assert_true(ot.order.order_id.num == 7 && ot.order.total_e4 == 199800);
    }
}

// --- Memory

static void an_order_lives_in_its_arena_not_in_the_input(void **state) {
    (void)state;
    static char json[64 * 1024];
    for (int road = 0; road < 2; road++) {
        snprintf(json, sizeof json, "%s",
                 order_with(road == 0 ? ",\"source\":\"abc\"" : ",\"source\":\"abc\",\"x\":1"));
        arena_reset(&ot.arena);
        assert_int_equal(
            order_json_parse(ot.parser, &ot.rules, text_of(json), &ot.arena, &ot.order, &ot.why),
            ORDER_JSON_OK);
        memset(json, '!', sizeof json);
        struct order next; // the parser's own memory is used again
        assert_int_equal(order_json_parse_long(ot.parser, &ot.rules,
                                               text_of(order_with(",\"source\":\"zzz\"")),
                                               &ot.arena, &next, &ot.why),
                         ORDER_JSON_OK);
        assert_true(text_equal(ot.order.source, TEXT_LIT("abc")));
    }
}

struct refusing {
    int allowed; // allocations before one is refused
    int asked;
};
static bool refuse_nth(void *user, size_t n_bytes) {
    struct refusing *r = user;
    (void)n_bytes;
    return r->asked++ == r->allowed;
}

static void every_refused_allocation_is_told_and_forgotten(void **state) {
    (void)state;
    // Needs arena blocks, a larger pool, a table of keys and items.
    size_t n = (size_t)sprintf(big, "{\"order_id\":1,\"created_at\":\"2026-01-31\",\"total\":1,"
                                    "\"items\":[");
    for (int i = 0; i < 200; i++) {
        n += (size_t)sprintf(big + n, "%s{\"product_id\":\"%080d\",\"quantity\":1}",
                             i > 0 ? "," : "", i);
    }
    n += (size_t)sprintf(big + n, "]");
    for (int i = 0; i < 300; i++) {
        n += (size_t)sprintf(big + n, ",\"k%d\":%d", i, i);
    }
    n += (size_t)sprintf(big + n, "}");
    int n_refused = 0;
    for (int allowed = 0;; allowed++) {
        struct order_json *p = mem_must(order_json_new(NULL));
        struct arena arena = {0};
        struct refusing r = {.allowed = allowed};
        mem_set_fail_hook(refuse_nth, &r);
        enum order_json_result result =
            order_json_parse(p, &ot.rules, (struct text){big, n}, &arena, &ot.order, &ot.why);
        mem_set_fail_hook(NULL, NULL);
        bool all_allowed = r.asked <= allowed;
        assert_int_equal(result, all_allowed ? ORDER_JSON_OK : ORDER_JSON_NO_MEMORY);
        n_refused += !all_allowed;
        // The same parser goes on.
        assert_int_equal(
            order_json_parse(p, &ot.rules, (struct text){big, n}, &arena, &ot.order, &ot.why),
            ORDER_JSON_OK);
        order_json_free(p);
        arena_free(&arena);
        if (all_allowed) {
            break;
        }
    }
    assert_true(n_refused >= 4);
}

static void ordinary_events_allocate_nothing_but_their_arena(void **state) {
    (void)state;
    assert_non_null(arena_try_bytes(&ot.arena, 64 * 1024)); // one block that holds all below
    arena_reset(&ot.arena);
    struct refusing r = {.allowed = -1};
    mem_set_fail_hook(refuse_nth, &r); // counts
    for (int i = 0; i < 20; i++) {
        assert_int_equal(order_json_parse(ot.parser, &ot.rules,
                                          text_of(order_with(i % 2 ? ",\"x\":[{}]" : "")),
                                          &ot.arena, &ot.order, &ot.why),
                         ORDER_JSON_OK);
    }
    mem_set_fail_hook(NULL, NULL);
    assert_int_equal(r.asked, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_json_is_broken),
        cmocka_unit_test(a_known_field_that_is_not_json_makes_the_event_broken),
        cmocka_unit_test(invalid_utf8_and_lone_surrogates_are_broken),
        cmocka_unit_test(what_is_broken_within_a_string_ends_where_it_ends),
        cmocka_unit_test(raw_control_characters_are_broken_json),
        cmocka_unit_test(every_beginning_of_an_order_is_broken),
        cmocka_unit_test(both_roads_agree_on_every_changed_byte),
        cmocka_unit_test(a_message_tells_the_byte),
        cmocka_unit_test(json_that_is_no_object_is_no_order),
        cmocka_unit_test(white_space_between_tokens_does_not_count),
        cmocka_unit_test(names_and_values_may_be_escaped),
        cmocka_unit_test(members_may_come_in_any_order),
        cmocka_unit_test(any_json_may_stand_in_a_field_that_is_not_known),
        cmocka_unit_test(ordinary_orders_take_the_short_road),
        cmocka_unit_test(the_short_road_never_reads_past_its_padding),
        cmocka_unit_test(a_time_is_read_the_same_whatever_time_came_before),
        cmocka_unit_test(an_order_cut_off_anywhere_is_not_read_past_its_padding),
        cmocka_unit_test(an_amount_is_what_money_parse_says_it_is),
        cmocka_unit_test(orders_of_both_kinds_may_alternate),
        cmocka_unit_test(an_order_lives_in_its_arena_not_in_the_input),
        cmocka_unit_test(every_refused_allocation_is_told_and_forgotten),
        cmocka_unit_test(ordinary_events_allocate_nothing_but_their_arena),
    };
    order_testing_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    order_testing_end();
    return failed;
}
