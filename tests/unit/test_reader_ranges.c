// SPDX-License-Identifier: MIT
// Ranges of a topic as Arrow columns (include/salestide/reader.h), from a cluster that librdkafka
// plays: what is in a range, what a row holds, and how it fails.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kafka_testing.h"
#include <salestide/reader.h>

enum { SILENCE_MS = 20000, SHORT_SILENCE_MS = 1000, FETCH = 1, MANY = 3000 };

struct world {
    struct mock mock;
    rd_kafka_t *producer;
};

static void start(struct world *w) {
    char why[200];
    mock_start(&w->mock, 1);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(
        rd_kafka_conf_set(conf, "bootstrap.servers", w->mock.settings.brokers, why, sizeof why),
        RD_KAFKA_CONF_OK);
    w->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(w->producer);
}

static void stop(struct world *w) {
    rd_kafka_destroy(w->producer);
    mock_stop(&w->mock);
}

// To partition 1, durable when it returns.
static void produce(struct world *w, const char *key, const char *text, const char *rejected) {
    size_t key_bytes = key != NULL ? strlen(key) : 0, text_bytes = text != NULL ? strlen(text) : 0;
    void *content = (void *)(uintptr_t)text;
    const char *header = rejected != NULL ? "salestide-rejected" : "other";
    rd_kafka_resp_err_t code = rd_kafka_producev(
        w->producer, RD_KAFKA_V_TOPIC("sales"), RD_KAFKA_V_PARTITION(1),
        RD_KAFKA_V_KEY(key, key_bytes), RD_KAFKA_V_VALUE(content, text_bytes),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_TIMESTAMP(1764547200123),
        RD_KAFKA_V_HEADER(header, rejected, -1), RD_KAFKA_V_END);
    assert_int_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void produced(struct world *w, int n) {
    for (int i = 0; i < n; i++) {
        char value[20];
        snprintf(value, sizeof value, "v%d", i);
        produce(w, "k", value, NULL);
    }
    assert_int_equal(rd_kafka_flush(w->producer, SILENCE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
}

static int32_t make(const char *brokers, const char *name, const char *value, int32_t timeout_ms,
                    struct salestide_reader **out, struct salestide_error *err) {
    const char *names[] = {"bootstrap.servers", name};
    const char *values[] = {brokers, value};
    const struct salestide_reader_options options = {sizeof options,       "sales",   names, values,
                                                     name != NULL ? 2 : 1, timeout_ms};
    return salestide_reader_new(&options, out, err);
}

static struct salestide_reader *reader_of(struct world *w, int32_t timeout_ms) {
    struct salestide_reader *r;
    struct salestide_error err;
    if (make(w->mock.settings.brokers, NULL, NULL, timeout_ms, &r, &err) != SALESTIDE_OK) {
        fail_msg("%s", err.text);
    }
    return r;
}

struct rows {
    struct ArrowSchema schema;
    struct ArrowArray array;
};

static int64_t next(struct salestide_reader *r, struct rows *rows) {
    struct salestide_error err;
    if (salestide_reader_next(r, &rows->schema, &rows->array, &err) != SALESTIDE_OK) {
        fail_msg("%s", err.text);
    }
    return rows->array.length;
}

static void drop(struct rows *rows) {
    rows->schema.release(&rows->schema);
    rows->array.release(&rows->array);
}

static int64_t offset_at(const struct rows *rows, int64_t i) {
    return ((const int64_t *)rows->array.children[1]->buffers[1])[i];
}

static bool is_null(const struct rows *rows, int column, int64_t i) {
    const uint8_t *valid = rows->array.children[column]->buffers[0];
    return (valid[i / 8] >> (i % 8) & 1) == 0;
}

static void assert_bytes(const struct rows *rows, int column, int64_t i, const char *wanted) {
    const struct ArrowArray *c = rows->array.children[column];
    const int32_t *ends = c->buffers[1];
    assert_false(is_null(rows, column, i));
    assert_int_equal(ends[i + 1] - ends[i], strlen(wanted));
    assert_memory_equal((const char *)c->buffers[2] + ends[i], wanted, strlen(wanted));
}

// Reads a range to its end: its offsets are those from `from` up to `to`, each once. False:
// *err says why there is no more of it.
static bool range_comes(struct salestide_reader *r, int64_t from, int64_t to,
                        struct salestide_error *err) {
    struct rows rows;
    assert_int_equal(salestide_reader_begin(r, 1, from, to, err), SALESTIDE_OK);
    int64_t wanted = from;
    for (;;) {
        if (salestide_reader_next(r, &rows.schema, &rows.array, err) != SALESTIDE_OK) {
            return false;
        }
        int64_t n = rows.array.length;
        for (int64_t i = 0; i < n; i++) {
            assert_int_equal(offset_at(&rows, i), wanted++);
        }
        drop(&rows);
        if (n == 0) {
            assert_int_equal(wanted, to);
            return true;
        }
    }
}

static void read_range(struct salestide_reader *r, int64_t from, int64_t to) {
    struct salestide_error err;
    if (!range_comes(r, from, to, &err)) {
        fail_msg("%s", err.text);
    }
}

static void a_range_has_its_offsets_and_no_other(void **state) {
    (void)state;
    struct world w;
    start(&w);
    produced(&w, MANY);
    struct salestide_reader *r = reader_of(&w, SILENCE_MS);
    read_range(r, 0, MANY);
    read_range(r, 17, 18);
    read_range(r, 1000, 2999);
    read_range(r, 5, 5);
    read_range(r, 1000, 2999); // as often as it is asked for
    salestide_reader_free(r);
    stop(&w);
}

static void a_range_that_is_left_makes_room_for_the_next(void **state) {
    (void)state;
    struct world w;
    struct rows rows;
    struct salestide_error err;
    start(&w);
    produced(&w, MANY);
    struct salestide_reader *r = reader_of(&w, SILENCE_MS);
    assert_int_equal(salestide_reader_begin(r, 1, 0, MANY, &err), SALESTIDE_OK);
    read_range(r, 10, 20);
    assert_int_equal(next(r, &rows), 0); // and at its end it stays there
    drop(&rows);
    salestide_reader_free(r);
    stop(&w);
}

static void a_row_holds_what_its_message_does(void **state) {
    (void)state;
    struct world w;
    struct rows rows;
    struct salestide_error err;
    start(&w);
    produce(&w, "key", "value", "not read, as there is a key");
    produce(&w, NULL, "value", "{}");
    produce(&w, NULL, NULL, NULL);
    produce(&w, "key", "", NULL);
    assert_int_equal(rd_kafka_flush(w.producer, SILENCE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    struct salestide_reader *r = reader_of(&w, SILENCE_MS);
    assert_int_equal(salestide_reader_begin(r, 1, 0, 4, &err), SALESTIDE_OK);
    assert_int_equal(next(r, &rows), 4);
    static const char *const names[] = {"value", "offset", "timestamp", "key", "rejected"};
    assert_int_equal(rows.schema.n_children, 5);
    for (int i = 0; i < 5; i++) {
        assert_string_equal(rows.schema.children[i]->name, names[i]);
    }
    assert_bytes(&rows, 0, 0, "value");
    assert_bytes(&rows, 3, 0, "key");
    assert_true(is_null(&rows, 4, 0));
    assert_true(is_null(&rows, 3, 1));
    assert_bytes(&rows, 4, 1, "{}");
    assert_true(is_null(&rows, 0, 2));
    assert_true(is_null(&rows, 4, 2));
    assert_bytes(&rows, 3, 3, "key");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(((const int64_t *)rows.array.children[2]->buffers[1])[i], 1764547200123);
    }
    drop(&rows);
    salestide_reader_free(r);
    stop(&w);
}

static void what_does_not_come_is_waited_for_and_then_told(void **state) {
    (void)state;
    struct world w;
    struct rows rows;
    struct salestide_error err;
    start(&w);
    produced(&w, 5);
    struct salestide_reader *r = reader_of(&w, SHORT_SILENCE_MS);
    // On a busy machine the time may be up before the first of the 5 that are there has come.
    for (int tries = 0; tries < 20; tries++) {
        assert_int_equal(salestide_reader_begin(r, 1, 0, 9, &err), SALESTIDE_OK);
        assert_int_equal(salestide_reader_next(r, &rows.schema, &rows.array, &err),
                         SALESTIDE_FAILED);
        if (strstr(err.text, "partition 1, offset 0: nothing came") == NULL) {
            break;
        }
    }
    assert_non_null(strstr(err.text, "partition 1, offset 5: nothing came"));
    assert_null(rows.schema.release);
    assert_null(rows.array.release);
    // It is as good as before: as often as a busy machine needs for what is there.
    bool again = false;
    for (int tries = 0; tries < 20 && !again; tries++) {
        again = range_comes(r, 0, 5, &err);
    }
    if (!again) {
        fail_msg("%s", err.text);
    }
    salestide_reader_free(r);
    stop(&w);
}

static void a_range_beyond_the_log_is_no_silent_gap(void **state) {
    (void)state;
    struct world w;
    struct rows rows;
    struct salestide_error err;
    start(&w);
    produced(&w, 5);
    struct salestide_reader *r = reader_of(&w, SILENCE_MS);
    assert_int_equal(salestide_reader_begin(r, 1, 100, 200, &err), SALESTIDE_OK);
    assert_int_equal(salestide_reader_next(r, &rows.schema, &rows.array, &err), SALESTIDE_FAILED);
    assert_non_null(strstr(err.text, "messages from offset 100 on were deleted"));
    salestide_reader_free(r);
    stop(&w);
}

static void a_wrong_setting_is_told_and_one_of_other_clients_passed_over(void **state) {
    (void)state;
    struct salestide_reader *r;
    struct salestide_error err;
    assert_int_equal(make("127.0.0.1:1", "max.poll.records", "5", 100, &r, &err), SALESTIDE_OK);
    salestide_reader_free(r);
    assert_int_equal(make("127.0.0.1:1", "sasl.jaas.config", "x", 100, &r, &err),
                     SALESTIDE_INVALID);
    assert_non_null(strstr(err.text, "sasl.jaas.config"));
    assert_null(r);
    assert_int_equal(make("127.0.0.1:1", "fetch.min.bytes", "many", 100, &r, &err),
                     SALESTIDE_INVALID);
    assert_int_equal(make("127.0.0.1:1", NULL, NULL, 0, &r, &err), SALESTIDE_INVALID);
    assert_int_equal(salestide_reader_new(NULL, &r, &err), SALESTIDE_INVALID);
    assert_null(r);
}

static void what_exactness_rests_upon_cannot_be_set_otherwise(void **state) {
    (void)state;
    struct world w;
    struct rows rows;
    struct salestide_error err;
    struct salestide_reader *r;
    start(&w);
    produced(&w, 5);
    assert_int_equal(
        make(w.mock.settings.brokers, "auto.offset.reset", "earliest", SILENCE_MS, &r, &err),
        SALESTIDE_OK);
    assert_int_equal(salestide_reader_begin(r, 1, 100, 200, &err), SALESTIDE_OK);
    assert_int_equal(salestide_reader_next(r, &rows.schema, &rows.array, &err), SALESTIDE_FAILED);
    salestide_reader_free(r);
    stop(&w);
}

static void a_range_that_is_none_is_refused(void **state) {
    (void)state;
    struct salestide_reader *r;
    struct salestide_error err;
    assert_int_equal(make("127.0.0.1:1", NULL, NULL, 100, &r, &err), SALESTIDE_OK);
    assert_int_equal(salestide_reader_begin(r, -1, 0, 1, &err), SALESTIDE_INVALID);
    assert_int_equal(salestide_reader_begin(r, 0, -1, 1, &err), SALESTIDE_INVALID);
    assert_int_equal(salestide_reader_begin(r, 0, 2, 1, &err), SALESTIDE_INVALID);
    salestide_reader_free(r);
    salestide_reader_free(NULL);
}

static void brokers_that_are_not_there_are_named_when_time_is_up(void **state) {
    (void)state;
    struct salestide_reader *r;
    struct rows rows;
    struct salestide_error err;
    assert_int_equal(make("127.0.0.1:1", NULL, NULL, 1500, &r, &err), SALESTIDE_OK);
    assert_int_equal(salestide_reader_begin(r, 0, 0, 1, &err), SALESTIDE_OK);
    assert_int_equal(salestide_reader_next(r, &rows.schema, &rows.array, &err), SALESTIDE_FAILED);
    assert_non_null(strstr(err.text, "127.0.0.1:1"));
    salestide_reader_free(r);
}

static bool refuse(void *user, size_t n_bytes) {
    (void)n_bytes;
    return (*(int *)user)-- == 0;
}

static void memory_that_is_refused_is_told_and_the_range_can_be_read_again(void **state) {
    (void)state;
    struct world w;
    struct rows rows;
    struct salestide_error err;
    start(&w);
    produced(&w, 500);
    struct salestide_reader *r = reader_of(&w, SILENCE_MS);
    int at = 0;
    bool refused = true;
    for (; refused; at++) {
        int left = at;
        assert_int_equal(salestide_reader_begin(r, 1, 0, 500, &err), SALESTIDE_OK);
        mem_set_fail_hook(refuse, &left);
        int32_t result = salestide_reader_next(r, &rows.schema, &rows.array, &err);
        mem_set_fail_hook(NULL, NULL);
        refused = left < 0;
        assert_int_equal(result, refused ? SALESTIDE_NO_MEMORY : SALESTIDE_OK);
        if (!refused) {
            assert_int_equal(rows.array.length, 500);
            drop(&rows);
        }
    }
    assert_true(at > 10);
    salestide_reader_free(r);
    stop(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_has_its_offsets_and_no_other),
        cmocka_unit_test(a_range_that_is_left_makes_room_for_the_next),
        cmocka_unit_test(a_row_holds_what_its_message_does),
        cmocka_unit_test(what_does_not_come_is_waited_for_and_then_told),
        cmocka_unit_test(a_range_beyond_the_log_is_no_silent_gap),
        cmocka_unit_test(a_wrong_setting_is_told_and_one_of_other_clients_passed_over),
        cmocka_unit_test(what_exactness_rests_upon_cannot_be_set_otherwise),
        cmocka_unit_test(a_range_that_is_none_is_refused),
        cmocka_unit_test(brokers_that_are_not_there_are_named_when_time_is_up),
        cmocka_unit_test(memory_that_is_refused_is_told_and_the_range_can_be_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
