// SPDX-License-Identifier: MIT
// Files as the loader reads them: plain, gzip of one or several members, damaged ones; and what a
// server's answer means.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "tool/load/load_input.h"
#include "tool/load/load_text.h"
#include "tool/post_reply.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

static atomic_bool stop;
static const char *encoding; // NULL: as the file says
static char directory[] = "/tmp/salestide-input-XXXXXX";
static char path[sizeof directory + 16];

static void write_file(const char *name, struct text t) {
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(t.at, 1, t.len, f), t.len);
    assert_int_equal(fclose(f), 0);
}

static void put_gzip(struct buf *out, struct text t) {
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_true(buf_reserve(out, t.len + 1024));
    z.next_in = (unsigned char *)t.at;
    z.avail_in = (unsigned)t.len;
    z.next_out = (unsigned char *)out->at + out->len;
    z.avail_out = (unsigned)(t.len + 1024);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += t.len + 1024 - z.avail_out;
    deflateEnd(&z);
}

// Reads `path` to its end in steps of `step` bytes. False: the error.
static bool read_all(size_t step, struct buf *out, struct error *err) {
    struct load_input *in;
    if (!load_input_open(path, encoding, &stop, &in, err)) {
        return false;
    }
    enum load_input_result r;
    do {
        size_t n = 0;
        assert_true(buf_reserve(out, step));
        r = load_input_read(in, out->at + out->len, step, &n, err);
        assert_true(r != INPUT_BYTES || (n > 0 && n <= step));
        out->len += n;
    } while (r == INPUT_BYTES || r == INPUT_IDLE);
    load_input_close(in);
    return r == INPUT_END;
}

static void expect(struct text want) {
    static const size_t steps[] = {1, 7, 4096, 1 << 20};
    for (size_t i = 0; i < 4; i++) {
        struct buf got = {0};
        struct error err = {0};
        if (!read_all(steps[i], &got, &err)) {
            fail_msg("%s", err.text);
        }
        assert_true(text_equal(buf_text(&got), want));
        buf_free(&got);
    }
}

static void expect_text(const char *name, struct text file, struct text want) {
    encoding = name;
    write_file("text", file);
    expect(want);
    encoding = NULL;
}
#define TEXT_IN(name, file, want) expect_text(name, TEXT_LIT(file), TEXT_LIT(want))

static void utf_16_is_known_by_its_mark(void **state) {
    (void)state;
    TEXT_IN(NULL,
            "\xFF\xFE"
            "a\0\xFC\0\n\0\x3E\xD8\xE6\xDD",
            "a\xC3\xBC\n\xF0\x9F\xA7\xA6");
    TEXT_IN(NULL,
            "\xFE\xFF"
            "\0a\0\xFC\xD8\x3E\xDD\xE6",
            "a\xC3\xBC\xF0\x9F\xA7\xA6");
    TEXT_IN(NULL, "\xFF\xFE", "");
    TEXT_IN(NULL, "\xEF\xBB\xBF\xC3\xBC", "\xEF\xBB\xBF\xC3\xBC"); // as it is
    TEXT_IN(NULL, "\xFF", "\xFF");
    TEXT_IN(NULL, "", "");
}

static void another_encoding_is_read_as_it_is_told(void **state) {
    (void)state;
    TEXT_IN("windows-1252", "Caf\xE9 5\x80", "Caf\xC3\xA9 5\xE2\x82\xAC");
    TEXT_IN("iso-8859-1", "\xFF\xFE", "\xC3\xBF\xC3\xBE"); // what was told goes before a mark
    TEXT_IN("shift_jis", "\x83\x7D\x83\x4F", "\xE3\x83\x9E\xE3\x82\xB0");
    TEXT_IN("utf-16", "\xFE\xFF\0a", "a");
    TEXT_IN("windows-1252", "", "");
}

static void a_byte_that_is_no_character_is_one_that_no_utf_8_has(void **state) {
    (void)state;
    TEXT_IN("windows-1252", "a\x81z\x8D", "a\xFFz\xFF");
    TEXT_IN("shift_jis", "a\x83", "a\xFF"); // cut in its middle
    TEXT_IN("ascii", "\x80\x81", "\xFF\xFF");
    TEXT_IN(NULL,
            "\xFF\xFE"
            "a\0\x00\xDC"
            "b\0c",
            "a\xFF"
            "b\xFF"); // half a pair, half a unit
}

static void a_large_file_of_another_encoding_is_whole(void **state) {
    (void)state;
    struct buf file = {0}, want = {0};
    for (int i = 0; i < 50000; i++) {
        buf_printf(&file, "%d,\xE4\xF6\x81\n", i);
        buf_printf(&want, "%d,\xC3\xA4\xC3\xB6\xFF\n", i);
    }
    expect_text("windows-1252", buf_text(&file), buf_text(&want));
    struct buf packed = {0};
    put_gzip(&packed, buf_text(&file));
    expect_text("windows-1252", buf_text(&packed), buf_text(&want));
    buf_free(&packed);
    buf_free(&file);
    buf_free(&want);
}

static void an_encoding_that_nobody_knows_is_refused(void **state) {
    (void)state;
    struct error err;
    assert_true(load_text_knows("windows-1252", &err) && load_text_knows("Shift_JIS", &err));
    static const char *const names[] = {"klingon", "", "ascii//TRANSLIT", "/"};
    for (size_t i = 0; i < 4; i++) {
        assert_false(load_text_knows(names[i], &err));
        assert_int_equal(err.cls, ERROR_USAGE);
    }
}

static void expect_failure(const char *why, size_t n_before) {
    struct buf got = {0};
    struct error err = {0};
    assert_false(read_all(4096, &got, &err));
    if (strstr(err.text, why) == NULL || strstr(err.text, path) == NULL) {
        fail_msg("'%s' does not say '%s' about %s", err.text, why, path);
    }
    assert_true(got.len >= n_before);
    buf_free(&got);
}

// Text that does not shrink much.
static struct buf noise(size_t n) {
    struct buf b = {0};
    uint64_t x = 88172645463325252u;
    for (size_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        buf_put_char(&b, (char)(32 + x % 95));
    }
    return b;
}

static void plain_files_are_read_as_they_are(void **state) {
    (void)state;
    struct buf big = noise(700000);
    write_file("x", buf_text(&big));
    expect(buf_text(&big));
    write_file("x", TEXT_LIT(""));
    expect(TEXT_LIT(""));
    write_file("x", TEXT_LIT("\x1F"));
    expect(TEXT_LIT("\x1F"));
    buf_free(&big);
}

static void gzip_is_known_by_its_bytes_and_may_have_members(void **state) {
    (void)state;
    struct buf big = noise(700000), packed = {0}, all = {0};
    put_gzip(&packed, buf_text(&big));
    write_file("no-ending", buf_text(&packed));
    expect(buf_text(&big));
    put_gzip(&packed, TEXT_LIT("")); // an empty member
    put_gzip(&packed, TEXT_LIT("tail\n"));
    buf_put(&packed, "\0\0\0\0", 4); // padding, as tapes had
    buf_put_text(&all, buf_text(&big));
    buf_put_str(&all, "tail\n");
    write_file("x.gz", buf_text(&packed));
    expect(buf_text(&all));
    buf_free(&big);
    buf_free(&packed);
    buf_free(&all);
}

static void a_damaged_gzip_file_is_an_error_after_what_was_whole(void **state) {
    (void)state;
    struct buf big = noise(700000), packed = {0};
    put_gzip(&packed, buf_text(&big));
    write_file("x.gz", (struct text){packed.at, packed.len / 2});
    expect_failure("the file is cut off", 200000);
    write_file("x.gz", (struct text){packed.at, packed.len - 4});
    expect_failure("the file is cut off", big.len);
    packed.at[packed.len - 6] ^= 1; // of the check sum
    write_file("x.gz", buf_text(&packed));
    expect_failure("incorrect data check", 0);
    packed.at[packed.len - 6] ^= 1;
    buf_put_str(&packed, "rubbish");
    write_file("x.gz", buf_text(&packed));
    expect_failure("something that is not gzip follows", big.len);
    write_file("x.gz", TEXT_LIT("{\"order_id\":1}\n"));
    expect_failure("is not a gzip file", 0);
    write_file("x.gz", TEXT_LIT(""));
    expect_failure("is not a gzip file", 0);
    buf_free(&big);
    buf_free(&packed);
}

static void a_wish_to_stop_ends_the_wait_for_the_first_bytes(void **state) {
    (void)state;
    char name[64];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    snprintf(name, sizeof name, "/proc/self/fd/%d", ends[0]);
    struct load_input *in;
    struct error err = {0};
    struct text head;
    stop = 1;
    assert_true(load_input_open(name, encoding, &stop, &in, &err)); // an idle pipe
    assert_true(load_input_peek(in, &head, &err));
    assert_int_equal(head.len, 0);
    stop = 0;
    load_input_close(in);
    close(ends[0]);
    close(ends[1]);
}

static void what_is_peeked_is_still_to_be_read(void **state) {
    (void)state;
    struct buf big = noise(10000), packed = {0};
    put_gzip(&packed, buf_text(&big));
    for (int gzip = 0; gzip < 2; gzip++) {
        struct load_input *in;
        struct error err = {0};
        struct text head;
        write_file("x", buf_text(gzip ? &packed : &big));
        assert_true(load_input_open(path, encoding, &stop, &in, &err));
        assert_true(load_input_peek(in, &head, &err));
        assert_true(head.len > 1 && memcmp(head.at, big.at, head.len) == 0);
        struct buf got = {0};
        size_t n = 0;
        while (buf_reserve(&got, 100) &&
               load_input_read(in, got.at + got.len, 100, &n, &err) == INPUT_BYTES) {
            got.len += n;
        }
        assert_true(text_equal(buf_text(&got), buf_text(&big)));
        int64_t done_bytes, total_bytes;
        load_input_progress(in, &done_bytes, &total_bytes);
        assert_int_equal(done_bytes, gzip ? packed.len : big.len);
        assert_int_equal(total_bytes, done_bytes);
        buf_free(&got);
        load_input_close(in);
    }
    buf_free(&big);
    buf_free(&packed);
}

static void what_is_no_file_is_said(void **state) {
    (void)state;
    snprintf(path, sizeof path, "%s", directory);
    expect_failure("is a directory", 0);
    snprintf(path, sizeof path, "%s/none", directory);
    expect_failure("No such file", 0);
}

// --- Answers of a server

static int64_t indexes;
static void add_index(void *user, const struct post_error *error) {
    assert_ptr_equal(user, &indexes);
    assert_string_equal(error->code, "missing");
    assert_string_equal(error->field, "total");
    indexes = indexes * 10 + error->index;
}

static void an_answer_gives_counts_and_errors(void **state) {
    (void)state;
    struct post_counts c;
    indexes = 0;
    assert_true(post_reply_read(
        TEXT_LIT(
            "{\"type\":\"/problems/x\",\"accepted\":1,\"duplicate\":2,\"rejected\":2,\"errors\":["
            "{\"index\":3,\"field\":\"total\",\"code\":\"missing\",\"message\":\"m\"},{},"
            "{\"index\":5,\"field\":\"total\",\"code\":\"missing\",\"message\":\"m\"}]}"),
        &c, add_index, &indexes));
    assert_int_equal(c.accepted, 1);
    assert_int_equal(c.duplicate, 2);
    assert_int_equal(c.rejected, 2);
    assert_int_equal(indexes, 35);
}

static void what_is_no_answer_is_not_taken_for_one(void **state) {
    (void)state;
    struct post_counts c;
    assert_false(post_reply_read(TEXT_NONE, &c, NULL, NULL));
    assert_false(post_reply_read(TEXT_LIT(""), &c, NULL, NULL));
    assert_false(post_reply_read(TEXT_LIT("<html>"), &c, NULL, NULL));
    assert_false(post_reply_read(TEXT_LIT("[1]"), &c, NULL, NULL));
    assert_false(post_reply_read(TEXT_LIT("{\"accepted\":1}"), &c, NULL, NULL));
    assert_false(post_reply_read(TEXT_LIT("{\"accepted\":-1,\"duplicate\":0,\"rejected\":0}"), &c,
                                 NULL, NULL));
    assert_false(post_reply_read(
        TEXT_LIT("{\"accepted\":18446744073709551615,\"duplicate\":0,\"rejected\":0}"), &c, NULL,
        NULL));
}

int main(void) {
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf_16_is_known_by_its_mark),
        cmocka_unit_test(another_encoding_is_read_as_it_is_told),
        cmocka_unit_test(a_byte_that_is_no_character_is_one_that_no_utf_8_has),
        cmocka_unit_test(a_large_file_of_another_encoding_is_whole),
        cmocka_unit_test(an_encoding_that_nobody_knows_is_refused),
        cmocka_unit_test(plain_files_are_read_as_they_are),
        cmocka_unit_test(gzip_is_known_by_its_bytes_and_may_have_members),
        cmocka_unit_test(a_damaged_gzip_file_is_an_error_after_what_was_whole),
        cmocka_unit_test(a_wish_to_stop_ends_the_wait_for_the_first_bytes),
        cmocka_unit_test(what_is_peeked_is_still_to_be_read),
        cmocka_unit_test(what_is_no_file_is_said),
        cmocka_unit_test(an_answer_gives_counts_and_errors),
        cmocka_unit_test(what_is_no_answer_is_not_taken_for_one),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    static const char *const names[] = {"x", "x.gz", "no-ending"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        unlink(path);
    }
    rmdir(directory);
    return failed;
}
