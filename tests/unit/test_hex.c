// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"

static void bytes_come_back_as_they_were(void **state) {
    UNUSED(state);
    unsigned char bytes[256], again[256];
    char digits[2 * sizeof bytes + 1];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)i;
    }
    hex_write(bytes, sizeof bytes, digits);
    assert_int_equal(strlen(digits), 2 * sizeof bytes);
    assert_memory_equal(digits, "000102", 6);
    assert_string_equal(digits + 2 * 0xFD, "fdfeff");
    assert_true(hex_read(text_of(digits), again, sizeof again));
    assert_memory_equal(again, bytes, sizeof bytes);
}

static void other_texts_are_refused(void **state) {
    UNUSED(state);
    unsigned char out[2];
    static const char *const bad[] = {"", "0", "000", "00000", "000g", "000G", "00 0", "00-1"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(hex_read(text_of(bad[i]), out, sizeof out));
    }
    assert_false(hex_read(TEXT_LIT("AABB"), out, sizeof out)); // only as it is written here
    assert_true(hex_read(TEXT_LIT(""), out, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back_as_they_were),
        cmocka_unit_test(other_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
