// SPDX-License-Identifier: MIT
// `salestide tally` at its pipe: requests in, answers out, over played stores.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tally_testing.h"
#include "tally_world.h"
#include "tool/tally/tally_serve.h"
#include <signal.h>
#include <unistd.h>

#define MOVE                                                                                       \
    "{\"partition\":3,\"from\":100,\"to\":107,\"epoch_us\":10,\"lane\":5,\"window_offset\":90,"    \
    "\"window_ms\":-1}"

// --- Lines

static enum tally_line read_line(const char *line, struct error *err) {
    struct arena arena = {0};
    struct tally_request r;
    size_t len = strlen(line);
    char *copy = malloc(len + 1); // the sanitizer sees a read past it
    memcpy(copy, line, len);
    enum tally_line result = tally_request_read((struct text){copy, len}, &arena, &r, err);
    free(copy);
    arena_free(&arena);
    return result;
}

static void requests_are_read(void **state) {
    (void)state;
    struct arena arena = {0};
    struct tally_request r;
    struct error err = {0};
    struct text claim = TEXT_LIT("{\"do\":\"claim\",\"topic\":\"sales\",\"topic_id\":\"x-1\","
                                 "\"partitions\":[4,0],\"anew\":true,\"more\":[{}]}");
    assert_int_equal(tally_request_read(claim, &arena, &r, &err), TALLY_LINE_OK);
    assert_int_equal(r.verb, TALLY_CLAIM);
    assert_string_equal(r.topic, "sales");
    assert_string_equal(r.topic_id, "x-1");
    assert_true(r.anew);
    assert_int_equal(r.n_partitions, 2);
    assert_int_equal(r.partitions[1], 4); // in order
    struct text commit = TEXT_LIT(
        "{\"do\":\"commit\",\"topic\":\"sales\",\"bytes\":[5,6],\"moves\":[" MOVE
        ",{\"partition\":1,\"from\":-1,\"to\":0,\"epoch_us\":9223372036854775807,\"lane\":0,"
        "\"window_offset\":0,\"window_ms\":0}]}");
    assert_int_equal(tally_request_read(commit, &arena, &r, &err), TALLY_LINE_OK);
    assert_int_equal(r.n_moves, 2);
    assert_int_equal(r.moves[0].partition, 1); // in order
    assert_int_equal(r.moves[0].epoch_us, INT64_MAX);
    assert_int_equal(r.moves[1].window.time_ms, -1);
    assert_int_equal(r.n_tallies, 2);
    assert_int_equal(r.bytes[1], 6);
    arena_free(&arena);
}

static void lines_that_are_wrong_are_told_from_those_that_cannot_be_followed(void **state) {
    (void)state;
    const struct {
        const char *line;
        enum tally_line result;
    } lines[] = {
        {"", TALLY_LINE_LOST},
        {"null", TALLY_LINE_LOST},
        {"{\"do\":\"state\"", TALLY_LINE_LOST},
        {"{\"do\":\"commit\",\"bytes\":[0]}", TALLY_LINE_LOST},
        {"{\"do\":\"commit\",\"bytes\":[-1]}", TALLY_LINE_LOST},
        {"{\"do\":\"commit\",\"bytes\":[1.5]}", TALLY_LINE_LOST},
        {"{\"do\":\"commit\",\"bytes\":5}", TALLY_LINE_LOST},
        {"{\"do\":\"commit\",\"bytes\":[1073741824,1]}", TALLY_LINE_LOST},
        {"{}", TALLY_LINE_BAD},
        {"{\"do\":\"go\"}", TALLY_LINE_BAD},
        {"{\"do\":\"state\",\"bytes\":[3]}", TALLY_LINE_BAD},
        {"{\"do\":\"claim\",\"topic\":\"s\",\"partitions\":[]}", TALLY_LINE_BAD},
        {"{\"do\":\"claim\",\"topic\":\"s\",\"partitions\":[-1]}", TALLY_LINE_BAD},
        {"{\"do\":\"claim\",\"topic\":\"s\",\"partitions\":[1e3]}", TALLY_LINE_BAD},
        {"{\"do\":\"claim\",\"topic\":\"s\",\"partitions\":[1,0,1]}", TALLY_LINE_BAD},
        {"{\"do\":\"claim\",\"topic\":\"s\",\"partitions\":[2000000]}", TALLY_LINE_BAD},
        {"{\"do\":\"claim\",\"topic\":7,\"partitions\":[1]}", TALLY_LINE_BAD},
        {"{\"do\":\"claim\",\"topic\":\"a\\u0000b\",\"partitions\":[1]}", TALLY_LINE_BAD},
        {"{\"do\":\"claim\",\"partitions\":[1]}", TALLY_LINE_BAD},
        {"{\"do\":\"claim\",\"topic\":\"s\",\"partitions\":[1],\"anew\":1}", TALLY_LINE_BAD},
        {"{\"do\":\"claim\",\"topic\":\"s\",\"partitions\":[1],\"topic_id\":"
         "\"0123456789012345678901234567890123456\"}",
         TALLY_LINE_BAD},
        {"{\"do\":\"commit\",\"topic\":\"s\",\"bytes\":[9]}", TALLY_LINE_BAD},
        {"{\"do\":\"commit\",\"topic\":\"s\",\"moves\":[7]}", TALLY_LINE_BAD},
        {"{\"do\":\"commit\",\"topic\":\"s\",\"moves\":[" MOVE "," MOVE "]}", TALLY_LINE_BAD},
        {"{\"do\":\"commit\",\"topic\":\"s\",\"moves\":[{\"partition\":0,\"from\":5,\"to\":5,"
         "\"epoch_us\":1,\"lane\":0,\"window_offset\":0,\"window_ms\":0}]}",
         TALLY_LINE_BAD},
        {"{\"do\":\"commit\",\"topic\":\"s\",\"moves\":[{\"partition\":0,\"from\":5,\"to\":6,"
         "\"epoch_us\":18446744073709551615,\"lane\":0,\"window_offset\":0,\"window_ms\":0}]}",
         TALLY_LINE_BAD},
        {"{\"do\":\"commit\",\"topic\":\"s\",\"moves\":[{\"partition\":0,\"from\":5,\"to\":6,"
         "\"epoch_us\":1,\"lane\":32768,\"window_offset\":0,\"window_ms\":0}]}",
         TALLY_LINE_BAD},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct error err = {0};
        enum tally_line result = read_line(lines[i].line, &err);
        if (result != lines[i].result) {
            fail_msg("%s is %d", lines[i].line, (int)result);
        }
        assert_true(err.text[0] != '\0');
    }
}

// --- The pipe

struct talking {
    struct tally_world w;
    struct tally_sample sample;
    struct tally_stores stores;
    struct store_settings shop;
    struct buf input, output;
    atomic_bool stop;
    bool ok;
    struct error err;
};

static void talking_begin(struct talking *t) {
    *t = (struct talking){
        .shop = {.currency = "EUR", .timezone = "Europe/Berlin", .late_limit_ms = 1}};
    world_make(&t->w);
    sample_make(&t->sample);
    t->stores = world_stores(&t->w, t->sample.zone);
}

static void talking_end(struct talking *t) {
    tally_stores_free(&t->stores);
    sample_free(&t->sample);
    buf_free(&t->input);
    buf_free(&t->output);
}

static void say(struct talking *t, const char *line) {
    buf_put_str(&t->input, line);
    buf_put_char(&t->input, '\n');
}

static void say_commit(struct talking *t) {
    struct buf bytes = {0};
    t->sample.tally.move.epoch_us = 10; // of the first claim
    assert_true(tally_write(&t->sample.tally, &bytes));
    buf_printf(&t->input,
               "{\"do\":\"commit\",\"topic\":\"sales\",\"moves\":[" MOVE "],\"bytes\":[%zu]}\n",
               bytes.len);
    buf_put(&t->input, bytes.at, bytes.len);
    buf_free(&bytes);
}

// All that is said at once, then the end of it. Gives what was answered, line by line.
static const char *answers(struct talking *t) {
    int in[2], out[2];
    assert_int_equal(pipe(in) | pipe(out), 0);
    assert_true(t->input.len < 60000); // fits into a pipe
    assert_int_equal(write(in[1], t->input.at, t->input.len), (ssize_t)t->input.len);
    close(in[1]);
    struct tally_input p = {.in = in[0], .out = out[1], .stop = &t->stop};
    const struct tally_settings settings = {&t->stores, &t->shop, 1 << 20};
    t->ok = tally_serve(&settings, &p, &t->err);
    tally_input_free(&p);
    close(out[1]);
    char chunk[4096];
    ssize_t n;
    while ((n = read(out[0], chunk, sizeof chunk)) > 0) {
        buf_put(&t->output, chunk, (size_t)n);
    }
    close(in[0]);
    close(out[0]);
    buf_put_char(&t->output, '\0');
    return t->output.at;
}

#define READY                                                                                      \
    "{\"ready\":true,\"version\":\"" SALESTIDE_VERSION                                             \
    "\",\"currency\":\"EUR\",\"timezone\":\"Europe/Berlin\",\"late_limit_ms\":1,\"raw\":true}\n"
#define CLAIM "{\"do\":\"claim\",\"topic\":\"sales\",\"topic_id\":\"id\",\"partitions\":[3]}"
#define CLAIMED                                                                                    \
    "{\"claims\":[{\"partition\":3,\"next_offset\":100,\"epoch_us\":10,\"lane\":5,"                \
    "\"window_offset\":0,\"window_ms\":0,\"refused\":[],\"other_id\":\"\"}]}\n"

static void it_says_that_it_is_ready_and_ends_with_its_input(void **state) {
    (void)state;
    struct talking t;
    talking_begin(&t);
    assert_string_equal(answers(&t), READY);
    assert_true(t.ok);
    talking_end(&t);
}

static void what_is_claimed_can_be_committed_once(void **state) {
    (void)state;
    struct talking t;
    talking_begin(&t);
    say(&t, CLAIM);
    say_commit(&t);
    say_commit(&t);
    assert_string_equal(answers(&t), READY CLAIMED
                        "{\"result\":\"ok\",\"batch_id\":1}\n"
                        "{\"result\":\"fenced\",\"message\":\"partition 3 is not ours "
                        "any more\"}\n");
    assert_true(t.ok);
    assert_int_equal(t.w.orders, 3);
    talking_end(&t);
}

static void the_state_tells_gross_sums_as_texts(void **state) {
    (void)state;
    struct talking t;
    talking_begin(&t);
    t.w.gross_e4[currency_number("USD")] = INT64_MAX;
    t.w.gross_e4[currency_number("AAA")] = 5;
    t.w.last_batch_id = 9;
    say(&t, "{\"do\":\"state\"}");
    const char *said = answers(&t);
    assert_non_null(strstr(said, "{\"minute_floor\":7,\"hour_floor\":0,\"now_ms\":"));
    assert_non_null(strstr(said, ",\"last_batch_id\":9,\"gross\":{\"AAA\":\"5\","
                                 "\"USD\":\"9223372036854775807\"}}\n"));
    talking_end(&t);
}

static void a_wrong_request_is_answered_and_the_next_one_is_done(void **state) {
    (void)state;
    struct talking t;
    talking_begin(&t);
    say(&t, "{\"do\":\"nothing\"}");
    say(&t, "{\"do\":\"commit\",\"topic\":\"sales\",\"moves\":[],\"bytes\":[9]}");
    buf_put_str(&t.input, "\n{\"a\":1}\n"); // skipped
    say(&t, CLAIM);
    assert_string_equal(
        answers(&t),
        READY "{\"result\":\"failed\",\"message\":\"do is none of claim, state, commit\"}\n"
              "{\"result\":\"failed\",\"message\":\"moves is not a list of moves\"}\n" CLAIMED);
    assert_true(t.ok);
    talking_end(&t);
}

static void a_line_that_cannot_be_followed_is_the_last(void **state) {
    (void)state;
    struct talking t;
    talking_begin(&t);
    say(&t, "oh no");
    say(&t, CLAIM);
    assert_string_equal(answers(&t), READY "{\"result\":\"failed\",\"message\":\"a line is not a "
                                           "JSON object\"}\n");
    assert_false(t.ok);
    assert_int_equal(t.w.n_claims, 0);
    talking_end(&t);
}

static void a_damaged_tally_is_refused_and_nothing_is_stored(void **state) {
    (void)state;
    struct talking t;
    talking_begin(&t);
    say(&t, CLAIM);
    say_commit(&t);
    t.input.at[t.input.len - 30] ^= 1;
    assert_non_null(strstr(answers(&t), CLAIMED "{\"result\":\"failed\",\"message\":\"a tally is "
                                                "refused: its checksum is wrong"));
    assert_true(t.ok);
    assert_int_equal(t.w.n_commits, 0);
    talking_end(&t);
}

static void a_commit_that_is_cut_off_is_not_done(void **state) {
    (void)state;
    struct talking t;
    talking_begin(&t);
    say(&t, CLAIM);
    say_commit(&t);
    t.input.len--;
    assert_string_equal(answers(&t), READY CLAIMED);
    assert_true(t.ok);
    assert_int_equal(t.w.n_commits, 0);
    talking_end(&t);
}

static void a_claim_that_fails_tells_why(void **state) {
    (void)state;
    struct talking t;
    talking_begin(&t);
    t.w.claims[0] = PLAY_RETRY; // tried again
    t.w.claims[1] = PLAY_ERROR;
    say(&t, CLAIM);
    say(&t, CLAIM);
    assert_string_equal(answers(&t), READY
                        "{\"result\":\"failed\",\"message\":\"a claim that fails\"}\n" CLAIMED);
    talking_end(&t);
}

// A stop is asked for in the middle of a commit.
static bool pause_and_stop(void *user, int ms) {
    struct talking *t = user;
    (void)ms;
    atomic_store(&t->stop, true);
    return false;
}

static void a_stop_ends_it_after_the_commit_in_work(void **state) {
    (void)state;
    struct talking t;
    talking_begin(&t);
    t.w.commits[0] = PLAY_RETRY;
    t.stores.pause = pause_and_stop;
    t.stores.pause_user = &t;
    say(&t, CLAIM);
    say_commit(&t);
    say(&t, "{\"do\":\"state\"}");
    assert_string_equal(answers(&t), READY CLAIMED "{\"result\":\"ok\",\"batch_id\":1}\n");
    assert_true(t.ok);
    talking_end(&t);
}

static void it_ends_when_nobody_reads_its_answers(void **state) {
    (void)state;
    struct talking t;
    talking_begin(&t);
    int in[2], out[2];
    signal(SIGPIPE, SIG_IGN); // as main does
    assert_int_equal(pipe(in) | pipe(out), 0);
    close(out[0]);
    struct tally_input p = {.in = in[0], .out = out[1], .stop = &t.stop};
    const struct tally_settings settings = {&t.stores, &t.shop, 1 << 20};
    assert_true(tally_serve(&settings, &p, &t.err)); // though its input is open
    tally_input_free(&p);
    close(in[0]);
    close(in[1]);
    close(out[1]);
    talking_end(&t);
}

static void a_pause_ends_when_the_other_side_is_gone(void **state) {
    (void)state;
    int in[2];
    assert_int_equal(pipe(in), 0);
    struct tally_input p = {.in = in[0]};
    assert_false(tally_input_pause(&p, 1));
    close(in[1]);
    assert_true(tally_input_pause(&p, 3600000));
    close(in[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_read),
        cmocka_unit_test(lines_that_are_wrong_are_told_from_those_that_cannot_be_followed),
        cmocka_unit_test(it_says_that_it_is_ready_and_ends_with_its_input),
        cmocka_unit_test(what_is_claimed_can_be_committed_once),
        cmocka_unit_test(the_state_tells_gross_sums_as_texts),
        cmocka_unit_test(a_wrong_request_is_answered_and_the_next_one_is_done),
        cmocka_unit_test(a_line_that_cannot_be_followed_is_the_last),
        cmocka_unit_test(a_damaged_tally_is_refused_and_nothing_is_stored),
        cmocka_unit_test(a_commit_that_is_cut_off_is_not_done),
        cmocka_unit_test(a_claim_that_fails_tells_why),
        cmocka_unit_test(a_stop_ends_it_after_the_commit_in_work),
        cmocka_unit_test(it_ends_when_nobody_reads_its_answers),
        cmocka_unit_test(a_pause_ends_when_the_other_side_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
