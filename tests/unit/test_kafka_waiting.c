// SPDX-License-Identifier: MIT
// What waits in a topic that others count, on a cluster that librdkafka plays: how far it is from
// the ends, since when, of which topic of that name, and brokers that go away and come back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "broker/kafka_waiting.h"
#include "kafka_testing.h"

enum { FETCH = 1 }; // the protocol's number of that request

struct world {
    struct mock mock;
    rd_kafka_t *producer;
    struct kafka_waiting *w;
};

static void begin(struct world *x) {
    char why[200];
    struct error err = {0};
    log_set_level(LOG_ERROR + 1);
    mock_start(&x->mock, 1);
    rd_kafka_conf_t *conf = kafka_conf_new(&x->mock.settings, &err);
    assert_non_null(conf);
    x->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(x->producer);
    if (!kafka_waiting_open(&x->mock.settings, &x->w, &err)) {
        fail_msg("%s", err.text);
    }
}

static void end(struct world *x) {
    kafka_waiting_close(x->w);
    rd_kafka_destroy(x->producer);
    mock_stop(&x->mock);
}

static void produce(struct world *x, int32_t partition, int64_t stamp_ms) {
    assert_int_equal(
        rd_kafka_producev(x->producer, RD_KAFKA_V_TOPIC("sales"), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_TIMESTAMP(stamp_ms), RD_KAFKA_V_VALUE("x", 1), RD_KAFKA_V_END),
        RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(x->producer, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void ask(struct world *x) {
    struct error err = {0};
    for (int tries = 0; !kafka_waiting_ask(x->w, &err); tries++) {
        if (tries == 20) {
            fail_msg("%s", err.text);
        }
    }
}

static int fetches(struct world *x) {
    size_t n;
    int found = 0;
    rd_kafka_mock_request_t **requests = rd_kafka_mock_get_requests(x->mock.cluster, &n);
    for (size_t i = 0; i < n; i++) {
        found += rd_kafka_mock_request_api_key(requests[i]) == FETCH;
    }
    rd_kafka_mock_request_destroy_array(requests, n);
    return found;
}

static void count(struct world *x, int32_t partition, int64_t next_offset) {
    kafka_waiting_count(x->w, partition, TEXT_NONE, next_offset);
}

static void expect(struct world *x, const int64_t next[MOCK_TOPIC_PARTITIONS],
                   const int64_t ends[MOCK_TOPIC_PARTITIONS]) {
    size_t n;
    const struct kafka_partition_facts *at = kafka_waiting_partitions(x->w, &n);
    assert_int_equal(n, MOCK_TOPIC_PARTITIONS);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(at[i].partition, i);
        assert_int_equal(at[i].next_offset, next[i]);
        assert_int_equal(at[i].end_offset, ends[i]);
    }
}

// Until it is known: a first message may take longer than a round waits for it.
static int64_t since_ms(struct world *x) {
    int64_t found = KAFKA_WAITING_UNKNOWN;
    for (int tries = 0; found == KAFKA_WAITING_UNKNOWN && tries < 30; tries++) {
        found = kafka_waiting_since_ms(x->w);
    }
    return found;
}

static void what_is_not_counted_waits_since_the_oldest_first_message_came(void **state) {
    UNUSED(state);
    struct world x;
    begin(&x);
    ask(&x);
    expect(&x, (int64_t[]){0, 0, 0}, (int64_t[]){0, 0, 0});
    assert_int_equal(since_ms(&x), KAFKA_WAITING_NONE);
    for (int i = 0; i < 4; i++) {
        produce(&x, 0, 5000 + i);
        produce(&x, 2, 3000 + i);
    }
    ask(&x);
    expect(&x, (int64_t[]){0, 0, 0}, (int64_t[]){4, 0, 4});
    assert_int_equal(since_ms(&x), 3000);
    ask(&x);
    count(&x, 0, 1);
    count(&x, 2, 3);
    expect(&x, (int64_t[]){1, 0, 3}, (int64_t[]){4, 0, 4});
    assert_int_equal(since_ms(&x), 3003);
    ask(&x);
    count(&x, 2, 4);
    count(&x, 0, 1);
    assert_int_equal(since_ms(&x), 5001);
    ask(&x);
    count(&x, 2, 4);
    count(&x, 0, 1);
    rd_kafka_mock_start_request_tracking(x.mock.cluster);
    assert_int_equal(kafka_waiting_since_ms(x.w), 5001);
    assert_int_equal(fetches(&x), 0); // it has stayed where it was
    ask(&x);
    count(&x, 0, 4);
    count(&x, 2, 9); // further than there is anything: the topic has lost messages
    count(&x, -1, 1);
    count(&x, MOCK_TOPIC_PARTITIONS, 1); // of a partition that is not there
    expect(&x, (int64_t[]){4, 0, 9}, (int64_t[]){4, 0, 4});
    assert_int_equal(since_ms(&x), KAFKA_WAITING_NONE);
    end(&x);
}

static void what_was_deleted_before_it_was_counted_does_not_wait(void **state) {
    UNUSED(state);
    struct world x;
    begin(&x);
    for (int i = 0; i < 5; i++) {
        produce(&x, 1, 1000 + i);
    }
    rd_kafka_mock_partition_delete_records(x.mock.cluster, "sales", 1, 3);
    ask(&x);
    expect(&x, (int64_t[]){0, 3, 0}, (int64_t[]){0, 5, 0});
    count(&x, 1, 2);
    expect(&x, (int64_t[]){0, 3, 0}, (int64_t[]){0, 5, 0});
    assert_int_equal(since_ms(&x), 1003);
    end(&x);
}

static void positions_of_another_topic_of_that_name_are_left_out(void **state) {
    UNUSED(state);
    struct world x;
    begin(&x);
    produce(&x, 1, 1000);
    ask(&x);
    kafka_waiting_count(x.w, 1, TEXT_LIT("AAAAAAAAAAAAAAAAAAAAAA"), 1);
    expect(&x, (int64_t[]){0, 0, 0}, (int64_t[]){0, 1, 0});
    assert_int_equal(since_ms(&x), 1000);
    kafka_waiting_count(x.w, 1, TEXT_NONE, 1); // of which it is not known
    expect(&x, (int64_t[]){0, 1, 0}, (int64_t[]){0, 1, 0});
    end(&x);
}

static void brokers_that_are_away_are_an_error_until_they_are_back(void **state) {
    UNUSED(state);
    struct world x;
    struct error err = {0};
    begin(&x);
    produce(&x, 0, 1000);
    ask(&x);
    rd_kafka_mock_broker_set_down(x.mock.cluster, 1);
    assert_false(kafka_waiting_ask(x.w, &err));
    assert_int_equal(err.cls, ERROR_RETRIABLE);
    assert_non_null(strstr(err.text, "no answer about the topic sales: "));
    rd_kafka_mock_broker_set_up(x.mock.cluster, 1);
    ask(&x);
    expect(&x, (int64_t[]){0, 0, 0}, (int64_t[]){1, 0, 0});
    assert_int_equal(since_ms(&x), 1000);
    kafka_waiting_halt(x.w);
    assert_false(kafka_waiting_ask(x.w, &err));
    assert_string_equal(err.text, "stopped");
    end(&x);
    kafka_waiting_close(NULL);
}

static void a_topic_that_is_not_there_is_said(void **state) {
    UNUSED(state);
    struct world x;
    struct error err = {0};
    begin(&x);
    struct kafka_settings other = x.mock.settings;
    struct kafka_waiting *w = NULL;
    snprintf(other.topic, sizeof other.topic, "others");
    rd_kafka_mock_topic_set_error(x.mock.cluster, "others",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_true(kafka_waiting_open(&other, &w, &err));
    assert_false(kafka_waiting_ask(w, &err));
    assert_int_equal(err.cls, ERROR_RETRIABLE);
    assert_non_null(strstr(err.text, "others"));
    kafka_waiting_close(w);
    end(&x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_counted_waits_since_the_oldest_first_message_came),
        cmocka_unit_test(what_was_deleted_before_it_was_counted_does_not_wait),
        cmocka_unit_test(positions_of_another_topic_of_that_name_are_left_out),
        cmocka_unit_test(brokers_that_are_away_are_an_error_until_they_are_back),
        cmocka_unit_test(a_topic_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
