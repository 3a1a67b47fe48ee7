// SPDX-License-Identifier: MIT
// Header values: content types, codings, keys, entity tags.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/http_header.h"

static bool form_of(const char *type, enum body_form *form) {
    return header_body_form(text_of(type), form);
}

static void json_types_are_read_with_their_parameters(void **state) {
    UNUSED(state);
    const char *const json[] = {"application/json",
                                "Application/JSON",
                                "application/json;charset=utf-8",
                                "application/json ; charset=\"UTF-8\"",
                                "application/json;",
                                "application/json; profile=x; charset=us-ascii"};
    const char *const lines[] = {"application/x-ndjson", "application/ndjson", "application/jsonl",
                                 "application/x-jsonlines;charset=utf-8"};
    enum body_form form;
    for (size_t i = 0; i < COUNT_OF(json); i++) {
        assert_true(form_of(json[i], &form));
        assert_int_equal(form, BODY_JSON);
    }
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        assert_true(form_of(lines[i], &form));
        assert_int_equal(form, BODY_LINES);
    }
}

static void other_types_and_charsets_are_not(void **state) {
    UNUSED(state);
    const char *const bad[] = {"",
                               ";",
                               "text/json",
                               "application/jsonp",
                               "application/json2",
                               "application/json; charset=latin1",
                               "application/json, text/plain",
                               "application/x-www-form-urlencoded",
                               "json"};
    enum body_form form;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(form_of(bad[i], &form));
    }
    assert_false(header_body_form(TEXT_NONE, &form));
}

static void codings_of_a_body(void **state) {
    UNUSED(state);
    assert_int_equal(header_content_coding(TEXT_NONE), CODING_NONE);
    assert_int_equal(header_content_coding(text_of("identity")), CODING_NONE);
    assert_int_equal(header_content_coding(text_of("gzip")), CODING_GZIP);
    assert_int_equal(header_content_coding(text_of(" GZip ")), CODING_GZIP);
    assert_int_equal(header_content_coding(text_of("x-gzip")), CODING_GZIP);
    assert_int_equal(header_content_coding(text_of("br")), CODING_OTHER);
    assert_int_equal(header_content_coding(text_of("gzip, gzip")), CODING_OTHER);
}

static bool accepts(const char *value) {
    return header_accepts_gzip(text_of(value));
}

static void gzip_is_sent_to_those_who_accept_it(void **state) {
    UNUSED(state);
    assert_false(accepts(NULL));
    assert_false(accepts(""));
    assert_true(accepts("gzip"));
    assert_true(accepts("br, gzip;q=0.5, *;q=0"));
    assert_true(accepts("*"));
    assert_true(accepts("deflate , GZIP"));
    assert_false(accepts("gzip;q=0"));
    assert_false(accepts("gzip; q=0.000, *"));
    assert_true(accepts("gzip;q=0.001"));
    assert_false(accepts("br"));
    assert_false(accepts("*;q=0"));
    assert_false(accepts("gzippy"));
}

// The key of a header as text, or "(none)".
static const char *key_of(const char *value) {
    static char key[65];
    size_t len;
    if (!header_api_key(text_of(value), key, 64, &len)) {
        return "(none)";
    }
    key[len] = '\0';
    return key;
}

static void a_key_is_read_from_bearer_and_basic(void **state) {
    UNUSED(state);
    assert_string_equal(key_of("Bearer abc"), "abc");
    assert_string_equal(key_of("bearer  abc "), "abc");
    assert_string_equal(key_of("Basic dXNlcjphYmM="), "abc"); // user:abc
    assert_string_equal(key_of("basic OmFiYw=="), "abc");     // :abc
    assert_string_equal(key_of("Basic dTphOmI="), "a:b");     // u:a:b
}

static void what_is_no_key_is_none(void **state) {
    UNUSED(state);
    const char *const bad[] = {NULL,
                               "",
                               "Bearer",
                               "Bearer ",
                               "Bearer  ",
                               "Digest abc",
                               "Basic",
                               "Basic !!!!",
                               "Basic dXNlcg==" /* user */,
                               "Basic dXNlcjo=" /* user: */,
                               "Basic =",
                               "abc"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_string_equal(key_of(bad[i]), "(none)");
    }
}

static void a_key_longer_than_its_room_is_none(void **state) {
    UNUSED(state);
    char value[200] = "Bearer ";
    memset(value + 7, 'a', 64);
    value[7 + 64] = '\0';
    assert_int_equal(strlen(key_of(value)), 64);
    value[7 + 64] = 'a';
    value[7 + 65] = '\0';
    assert_string_equal(key_of(value), "(none)");
    memcpy(value, "Basic ", 6); // 120 characters of base64 decode to 90 bytes
    memset(value + 6, 'A', 120);
    value[126] = '\0';
    assert_string_equal(key_of(value), "(none)");
}

static void entity_tags_are_found_in_a_list(void **state) {
    UNUSED(state);
    assert_true(header_etag_matches(text_of("\"a\""), "\"a\""));
    assert_true(header_etag_matches(text_of("\"b\", W/\"a\""), "\"a\""));
    assert_true(header_etag_matches(text_of("*"), "\"a\""));
    assert_false(header_etag_matches(text_of("\"b\""), "\"a\""));
    assert_false(header_etag_matches(text_of("a"), "\"a\""));
    assert_false(header_etag_matches(TEXT_NONE, "\"a\""));
}

static void cookies_are_found_among_others(void **state) {
    UNUSED(state);
    struct text rest = text_of("a=1; s=x;s=\"y\" ; xs=2; s=; s"), value;
    const char *const want[] = {"x", "y", ""};
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        assert_true(header_next_cookie(&rest, "s", &value));
        assert_true(text_equal(value, text_of(want[i])));
    }
    assert_false(header_next_cookie(&rest, "s", &value));
    rest = TEXT_NONE;
    assert_false(header_next_cookie(&rest, "s", &value));
}

static void fields_of_a_form_are_decoded(void **state) {
    UNUSED(state);
    static const struct {
        const char *body, *want; // NULL: none
    } cases[] = {
        {"key=abc", "abc"}, {"a=1&key=%41+b%2f&key=2", "A b/"},
        {"key=", ""},       {"key=12345678", NULL},
        {"kex=1", NULL},    {"key=%4", NULL},
        {"key=%g0", NULL},  {"", NULL},
        {"key", NULL},      {"key=1234567", "1234567"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char out[7];
        size_t len = 0;
        struct text body = text_of(cases[i].body);
        bool found = header_form_field(body, "key", out, sizeof out, &len);
        assert_int_equal(found, cases[i].want != NULL);
        assert_true(!found || text_equal((struct text){out, len}, text_of(cases[i].want)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_types_are_read_with_their_parameters),
        cmocka_unit_test(other_types_and_charsets_are_not),
        cmocka_unit_test(codings_of_a_body),
        cmocka_unit_test(gzip_is_sent_to_those_who_accept_it),
        cmocka_unit_test(a_key_is_read_from_bearer_and_basic),
        cmocka_unit_test(what_is_no_key_is_none),
        cmocka_unit_test(a_key_longer_than_its_room_is_none),
        cmocka_unit_test(entity_tags_are_found_in_a_list),
        cmocka_unit_test(cookies_are_found_among_others),
        cmocka_unit_test(fields_of_a_form_are_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
