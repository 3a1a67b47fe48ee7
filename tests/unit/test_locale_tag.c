// SPDX-License-Identifier: MIT
// What --locale takes is what browsers take: the lists were held against Intl.getCanonicalLocales.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/locale_tag.h"

static void a_tag_of_a_language_is_taken_with_script_region_and_more(void **state) {
    (void)state;
    static const char *const good[] = {
        "de",
        "de-DE",
        "en-US",
        "pt-br",
        "fil",
        "es-419",
        "zh-Hant-TW",
        "sr-Latn-RS",
        "ca-ES-valencia",
        "de-CH-1996",
        "zh-Hans",
        "ar-EG-u-nu-latn",
        "de-u-co-phonebk",
        "en-GB-oxendict-u-hc-h12",
        "hy-Latn-IT-arevela-u-ca-gregory-nu1",
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        if (!locale_tag_is(text_of(good[i]))) {
            fail_msg("%s is refused", good[i]);
        }
    }
}

static void what_a_browser_would_throw_at_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "d",
        "german",
        "de_DE",
        "de-",
        "-de",
        "de--DE",
        "de-DE-",
        "de-DE-DE",
        "DE-de-Latn",
        "de-Germany-",
        "1e-DE",
        "en-US.UTF-8",
        "de-DE@euro",
        "de DE",
        "de-x-shop",
        "de-DE-u",
        "de-DE-u-",
        "de-12",
        "de-u-nu-waytoolong1",
        "d\xc3\xa9-FR",
        "<script>",
        "en-US-u-ca-gregory-nu-latn-hc-h23-kn", // 36 bytes
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (locale_tag_is(text_of(bad[i]))) {
            fail_msg("%s is taken", bad[i]);
        }
    }
    assert_false(locale_tag_is(TEXT_NONE));
    assert_false(locale_tag_is((struct text){"de\0DE", 5}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tag_of_a_language_is_taken_with_script_region_and_more),
        cmocka_unit_test(what_a_browser_would_throw_at_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
