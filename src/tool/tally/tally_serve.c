// SPDX-License-Identifier: MIT
// A line is read, with the tallies that follow it; it is done; its answer is written. What is wrong
// with a request is its answer, and nothing of it is stored.
//
// How it ends: at the end of input, when nobody reads answers, or when a stop is asked for, each
// after the request in work. How it fails: a line after which it cannot be told where the next one
// begins; it is answered, and is the last.
#include "tool/tally/tally_serve.h"

#include "base/clock.h"
#include "engine/clock_course.h"
#include "store/split/split_part.h"
#include <stdlib.h>

struct serving {
    const struct tally_settings *settings;
    struct tally_input *pipe;
    struct clock_course course;
    struct arena arena; // of the request
    struct buf body, answer;
};

static int64_t believed_now_ms(struct serving *s) {
    const struct clock_source *clock = clock_system();
    return clock_course_now(&s->course, clock_now_ms(clock), clock_monotonic_ns(clock) / 1000000);
}

static void put_result(struct serving *s, enum tally_result result, const struct error *err) {
    buf_clear(&s->answer);
    if (result == TALLY_FENCED) {
        tally_put_fenced(&s->answer, err->text);
    } else {
        tally_put_failed(&s->answer, err->text);
    }
}

// --- Requests

static void do_claim(struct serving *s, const struct tally_request *r) {
    enum tally_result result = TALLY_OK;
    struct error err = {0};
    tally_put_claims_begin(&s->answer);
    for (size_t i = 0; result == TALLY_OK && i < r->n_partitions; i++) {
        struct position_claim claim = {0};
        result = tally_stores_claim(s->settings->stores, r->topic, r->topic_id, r->partitions[i],
                                    r->anew, &claim, &err);
        if (result == TALLY_OK) {
            tally_put_claim(&s->answer, r->partitions[i], &claim,
                            split_part_history(&claim, s->settings->window_bytes));
            free(claim.refused);
        }
    }
    tally_put_claims_end(&s->answer);
    if (result != TALLY_OK) {
        put_result(s, result, &err);
    }
}

static void do_state(struct serving *s) {
    struct aggregates *a = s->settings->stores->aggregates;
    struct aggregates_state state;
    a->ops->state(a, &state);
    tally_put_state(&s->answer, &state, believed_now_ms(s));
}

// False: there is no memory for the list.
static bool split_body(struct serving *s, const struct tally_request *r, struct text **out) {
    struct text *tallies = arena_try_alloc(&s->arena, (r->n_tallies + 1) * sizeof *tallies);
    const char *at = s->body.at;
    for (size_t i = 0; tallies != NULL && i < r->n_tallies; i++) {
        tallies[i] = (struct text){at, r->bytes[i]};
        at += r->bytes[i];
    }
    *out = tallies;
    return tallies != NULL;
}

static void do_commit(struct serving *s, const struct tally_request *r) {
    struct tally_stores *stores = s->settings->stores;
    struct tally_merge merge = {0};
    struct error err = {0};
    struct text *tallies;
    int64_t batch_id = 0;
    enum tally_result result = TALLY_FAILED;
    if (!split_body(s, r, &tallies)) {
        error_set(&err, ERROR_RETRIABLE, "out of memory for a commit");
    } else if (tally_merge_read(&merge, stores->zone, r->moves, r->n_moves, tallies, r->n_tallies,
                                &err)) {
        result = tally_stores_commit(stores, r->topic, &merge, &batch_id, &err);
    }
    tally_merge_free(&merge);
    if (result == TALLY_OK) {
        tally_put_committed(&s->answer, batch_id);
    } else {
        put_result(s, result, &err);
    }
}

// --- One line

static enum tally_end take_body(struct serving *s, const struct tally_request *r, bool keep) {
    size_t n_bytes = 0;
    for (size_t i = 0; i < r->n_tallies; i++) {
        n_bytes += r->bytes[i]; // bounded as a whole
    }
    return tally_input_bytes(s->pipe, n_bytes, keep ? &s->body : NULL);
}

static void do_request(struct serving *s, const struct tally_request *r) {
    switch (r->verb) {
    case TALLY_CLAIM:
        do_claim(s, r);
        return;
    case TALLY_STATE:
        do_state(s);
        return;
    case TALLY_COMMIT:
        do_commit(s, r);
    }
}

// Reads and answers one line. *lost: it is the last.
static enum tally_end serve_line(struct serving *s, struct text line, bool *lost,
                                 struct error *err) {
    struct tally_request request;
    enum tally_line read = tally_request_read(line, &s->arena, &request, err);
    enum tally_end end = TALLY_MORE;
    *lost = read == TALLY_LINE_LOST;
    if (!*lost) {
        end = take_body(s, &request, read == TALLY_LINE_OK);
    }
    if (end == TALLY_TOO_LONG) {
        *lost = !error_set(err, ERROR_FATAL, "out of memory for tallies");
    }
    if (end == TALLY_ENDED) {
        return end;
    }
    if (read == TALLY_LINE_OK && !*lost) {
        do_request(s, &request);
    } else {
        tally_put_failed(&s->answer, err->text);
    }
    return TALLY_MORE;
}

static bool write_answer(struct serving *s) {
    return !s->answer.failed && tally_output(s->pipe, buf_text(&s->answer));
}

// False: it ends; *err is set when that is a failure.
static bool serve_next(struct serving *s, struct error *err) {
    struct text line;
    bool lost = false;
    arena_reset(&s->arena);
    buf_clear(&s->answer);
    buf_clear(&s->body);
    switch (tally_input_line(s->pipe, TALLY_LINE_MAX_BYTES, &line)) {
    case TALLY_ENDED:
        return false;
    case TALLY_TOO_LONG:
        lost = !error_set(err, ERROR_USAGE, "a line is longer than %d bytes", TALLY_LINE_MAX_BYTES);
        tally_put_failed(&s->answer, err->text);
        break;
    case TALLY_MORE:
        if (serve_line(s, line, &lost, err) == TALLY_ENDED) {
            return false;
        }
    }
    err->cls = lost ? ERROR_FATAL : ERROR_NONE; // an answer has said it
    return write_answer(s) && !lost;
}

bool tally_serve(const struct tally_settings *settings, struct tally_input *pipe,
                 struct error *err) {
    struct serving s = {.settings = settings, .pipe = pipe};
    const struct tally_ready ready = {settings->shop, settings->stores->raw != NULL};
    err->cls = ERROR_NONE;
    (void)believed_now_ms(&s); // its course begins here
    tally_put_ready(&s.answer, &ready);
    if (write_answer(&s)) {
        while (serve_next(&s, err)) {
        }
    }
    arena_free(&s.arena);
    buf_free(&s.body);
    buf_free(&s.answer);
    return err->cls == ERROR_NONE;
}
