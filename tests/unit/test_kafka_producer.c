// SPDX-License-Identifier: MIT
// The producer as an intake, against a cluster that librdkafka plays: what becomes of a submission
// when all goes well and in every way it can fail.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/kafka_producer_internal.h"
#include "broker/kafka_rejected.h"
#include "format/rejected_header.h"
#include "kafka_testing.h"

enum { MANY = 1000, TIMEOUT_MS = 10000 };

static bool is_ready(struct kafka_producer *p, const char *problem_has) {
    char problem[INTAKE_PROBLEM_BYTES] = "";
    bool ready = intake_ready(kafka_producer_intake(p), problem);
    return problem_has == NULL ? ready : !ready && strstr(problem, problem_has) != NULL;
}

static void end(struct kafka_producer *p, struct mock *m) {
    kafka_producer_stop(p, 5000);
    kafka_producer_free(p);
    mock_stop(m);
}

// --- Reading the topic back

struct found {
    char key[64], value[128 * 1024], why[400];
    size_t value_len;
    int64_t timestamp_ms;
};

static rd_kafka_t *reader(const struct mock *m) {
    char why[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", m->settings.brokers, why, sizeof why);
    rd_kafka_conf_set(conf, "group.id", "reader", why, sizeof why);
    rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", why, sizeof why);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    assert_non_null(rk);
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(1);
    for (int i = 0; i < MOCK_TOPIC_PARTITIONS; i++) {
        rd_kafka_topic_partition_list_add(all, "sales", i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    assert_int_equal(rd_kafka_assign(rk, all), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(all);
    return rk;
}

static void copy_out(char *to, size_t room, const void *from, size_t len) {
    assert_true(len < room);
    if (len > 0) {
        memcpy(to, from, len);
    }
    to[len] = '\0';
}

static void read_next(rd_kafka_t *rk, struct found *f) {
    rd_kafka_message_t *m = NULL;
    for (int tries = 0; tries < 100; tries++) {
        m = rd_kafka_consumer_poll(rk, 200);
        if (m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            break;
        }
        if (m != NULL) {
            rd_kafka_message_destroy(m);
            m = NULL;
        }
    }
    assert_non_null(m);
    rd_kafka_timestamp_type_t type;
    rd_kafka_headers_t *headers = NULL;
    copy_out(f->key, sizeof f->key, m->key, m->key_len);
    copy_out(f->value, sizeof f->value, m->payload, m->len);
    f->value_len = m->len;
    f->timestamp_ms = rd_kafka_message_timestamp(m, &type);
    f->why[0] = '\0';
    if (rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const void *why;
        size_t len;
        assert_int_equal(rd_kafka_header_get_last(headers, REJECTED_HEADER, &why, &len), 0);
        copy_out(f->why, sizeof f->why, why, len);
    }
    rd_kafka_message_destroy(m);
}

// --- What goes well

static void an_event_becomes_a_message_with_its_order_as_key(void **state) {
    (void)state;
    static const struct {
        const char *text, *key;
    } cases[] = {
        {ORDER_TEXT("7"), "7"},
        {ORDER_TEXT("\"7\""), "7"},
        {ORDER_TEXT("\"007\""), "007"},
        {ORDER_TEXT("\" A-1 \""), "A-1"},
        {ORDER_TEXT("9223372036854775807"), "9223372036854775807"},
    };
    struct mock m;
    mock_start(&m, 1);
    struct kafka_producer *p = mock_producer(&m, 100, TIMEOUT_MS);
    rd_kafka_t *rk = reader(&m);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ending ending = ENDING_START;
        struct found found;
        struct submission *s = submission_of(&ending, &cases[i].text, 1);
        assert_true(intake_offer(kafka_producer_intake(p), s));
        wait_for_endings(&ending, 1);
        assert_int_equal(ending.durable, 1);
        assert_int_equal(s->events[0].verdict, VERDICT_ACCEPTED);
        submission_free(s);
        read_next(rk, &found);
        assert_string_equal(found.key, cases[i].key);
        assert_string_equal(found.value, cases[i].text); // byte for byte
        assert_int_equal(found.timestamp_ms, 1764547200123);
        assert_string_equal(found.why, "");
    }
    rd_kafka_destroy(rk);
    end(p, &m);
}

static void a_rejected_event_is_kept_with_its_reason_and_without_a_key(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 1);
    struct kafka_producer *p = mock_producer(&m, 100, TIMEOUT_MS);
    struct ending ending = ENDING_START;
    static char longest[100 * 1024];
    memset(longest, 'x', sizeof longest - 1);
    const char *texts[] = {longest};
    struct submission *s = submission_of(&ending, texts, 1);
    assert_true(intake_offer(kafka_producer_intake(p), s));
    wait_for_endings(&ending, 1);
    assert_int_equal(ending.durable, 1);
    assert_int_equal(s->events[0].verdict, VERDICT_REJECTED);
    submission_free(s);
    static struct found found;
    rd_kafka_t *rk = reader(&m);
    read_next(rk, &found);
    assert_string_equal(found.key, "");
    assert_int_equal(found.value_len, ORDER_REJECTED_TEXT_MAX_BYTES);
    assert_non_null(strstr(found.why, "\"code\":\"not_json\""));
    rd_kafka_destroy(rk);
    end(p, &m);
}

static void many_submissions_are_settled_once_each(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 3);
    struct kafka_producer *p = mock_producer(&m, 10 * MANY, TIMEOUT_MS);
    struct ending ending = ENDING_START;
    static struct submission *all[MANY];
    const char *texts[] = {ORDER_TEXT("1"), ORDER_TEXT("2"), "{}"};
    for (int i = 0; i < MANY; i++) {
        all[i] = submission_of(&ending, texts, 1 + (size_t)i % 3);
        assert_true(intake_offer(kafka_producer_intake(p), all[i]));
    }
    wait_for_endings(&ending, MANY);
    assert_int_equal(ending.durable, MANY);
    assert_int_equal(intake_events(kafka_producer_intake(p)), 0);
    for (int i = 0; i < MANY; i++) {
        submission_free(all[i]);
    }
    end(p, &m);
}

// --- Bounds

static void beyond_its_capacity_an_offer_is_refused(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 1);
    struct kafka_producer *p = mock_producer(&m, 2, TIMEOUT_MS);
    struct intake intake = kafka_producer_intake(p);
    struct ending ending = ENDING_START;
    const char *texts[] = {ORDER_TEXT("1"), ORDER_TEXT("2"), ORDER_TEXT("3")};
    rd_kafka_mock_broker_set_rtt(m.cluster, 1, 4000); // they stay under way for a while
    struct submission *large = submission_of(&ending, texts, 3);
    struct submission *small = submission_of(&ending, texts, 1);
    assert_true(intake_offer(intake, large)); // one is always taken
    assert_int_equal(intake_events(intake), 3);
    assert_false(intake_offer(intake, small));
    assert_true(is_ready(p, "3 events wait"));
    rd_kafka_mock_broker_set_rtt(m.cluster, 1, 0);
    assert_true(intake_offer_wait(intake, small)); // there is room when the others are delivered
    assert_int_equal(atomic_load(&large->undelivered), 0);
    wait_for_endings(&ending, 2);
    assert_int_equal(ending.durable, 2);
    submission_free(large);
    submission_free(small);
    end(p, &m);
}

static void a_closed_intake_takes_no_more(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 1);
    struct kafka_producer *p = mock_producer(&m, 10, TIMEOUT_MS);
    struct ending ending = ENDING_START;
    const char *texts[] = {ORDER_TEXT("1")};
    struct submission *s = submission_of(&ending, texts, 1);
    intake_close(kafka_producer_intake(p));
    assert_false(intake_offer(kafka_producer_intake(p), s));
    assert_false(intake_offer_wait(kafka_producer_intake(p), s));
    submission_free(s);
    end(p, &m);
}

static void stopping_settles_what_cannot_be_delivered(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 1);
    struct kafka_producer *p = mock_producer(&m, 10, TIMEOUT_MS);
    struct ending ending = ENDING_START;
    const char *texts[] = {ORDER_TEXT("1"), ORDER_TEXT("2")};
    rd_kafka_mock_broker_set_rtt(m.cluster, 1, 9000);
    struct submission *s = submission_of(&ending, texts, 2);
    assert_true(intake_offer(kafka_producer_intake(p), s));
    kafka_producer_stop(p, 1000);
    wait_for_endings(&ending, 1);
    assert_int_equal(ending.durable, 0);
    submission_free(s);
    end(p, &m);
}

// --- What fails

static void one_event_that_fails_makes_the_whole_submission_try_later(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 1);
    struct kafka_producer *p = mock_producer(&m, 100, TIMEOUT_MS);
    struct ending ending = ENDING_START;
    const char *texts[] = {ORDER_TEXT("1"), ORDER_TEXT("2"), ORDER_TEXT("3"), ORDER_TEXT("4"),
                           ORDER_TEXT("5"), ORDER_TEXT("6"), ORDER_TEXT("7"), ORDER_TEXT("8")};
    rd_kafka_mock_push_request_errors(m.cluster, PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    struct submission *s = submission_of(&ending, texts, COUNT_OF(texts));
    assert_true(intake_offer(kafka_producer_intake(p), s));
    wait_for_endings(&ending, 1);
    assert_int_equal(ending.durable, 0);
    submission_free(s);
    end(p, &m);
}

static void a_topic_that_takes_nothing_is_said_until_it_does(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 1);
    struct kafka_producer *p = mock_producer(&m, 100, TIMEOUT_MS);
    struct ending ending = ENDING_START;
    const char *texts[] = {ORDER_TEXT("1")};
    rd_kafka_mock_push_request_errors(m.cluster, PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    struct submission *s = submission_of(&ending, texts, 1);
    assert_true(intake_offer(kafka_producer_intake(p), s));
    wait_for_endings(&ending, 1);
    assert_int_equal(ending.durable, 0);
    assert_true(EVENTUALLY(is_ready(p, "did not take the last events")));
    // It does again. The library finds that out when it is asked to send something.
    for (int i = 2; i < 50 && ending.durable == 0; i++) {
        assert_true(intake_offer(kafka_producer_intake(p), s));
        wait_for_endings(&ending, i);
        clock_sleep_ms(100);
    }
    assert_int_equal(ending.durable, 1);
    assert_true(EVENTUALLY(is_ready(p, NULL)));
    submission_free(s);
    end(p, &m);
}

static void errors_that_pass_are_tried_again_unseen(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 1);
    struct kafka_producer *p = mock_producer(&m, 100, TIMEOUT_MS);
    struct ending ending = ENDING_START;
    const char *texts[] = {ORDER_TEXT("1")};
    rd_kafka_mock_push_request_errors(m.cluster, PRODUCE, 2, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    struct submission *s = submission_of(&ending, texts, 1);
    assert_true(intake_offer(kafka_producer_intake(p), s));
    wait_for_endings(&ending, 1);
    assert_int_equal(ending.durable, 1);
    submission_free(s);
    end(p, &m);
}

static void refuse_size(struct mock *m, size_t n) {
    rd_kafka_resp_err_t errors[32];
    assert_true(n <= COUNT_OF(errors));
    for (size_t i = 0; i < n; i++) {
        errors[i] = RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    }
    rd_kafka_mock_push_request_errors_array(m->cluster, PRODUCE, n, errors);
}

// A batch that was refused says nothing of an event in it.
static void events_that_are_too_large_together_go_again_in_smaller_batches(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 1);
    struct kafka_producer *p = mock_producer(&m, 100, TIMEOUT_MS);
    struct ending ending = ENDING_START;
    const char *texts[] = {ORDER_TEXT("1"), ORDER_TEXT("2"), "not an order",  ORDER_TEXT("4"),
                           ORDER_TEXT("5"), ORDER_TEXT("6"), ORDER_TEXT("7"), ORDER_TEXT("8")};
    refuse_size(&m, 5);
    struct submission *s = submission_of(&ending, texts, COUNT_OF(texts));
    assert_true(intake_offer(kafka_producer_intake(p), s));
    wait_for_endings(&ending, 1);
    assert_int_equal(ending.durable, 1);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_int_equal(s->events[i].verdict, i == 2 ? VERDICT_REJECTED : VERDICT_ACCEPTED);
    }
    struct found found;
    rd_kafka_t *rk = reader(&m);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        read_next(rk, &found);
        assert_null(strstr(found.why, "too_large"));
    }
    rd_kafka_destroy(rk);
    submission_free(s);
    end(p, &m);
}

static void a_rejection_too_large_for_the_topic_is_kept_with_less_text(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 1);
    struct kafka_producer *p = mock_producer(&m, 100, TIMEOUT_MS);
    struct ending ending = ENDING_START;
    const char *texts[] = {"not an order"};
    refuse_size(&m, 10);
    struct submission *s = submission_of(&ending, texts, 1);
    assert_true(intake_offer(kafka_producer_intake(p), s));
    wait_for_endings(&ending, 1);
    assert_int_equal(ending.durable, 1);
    struct found found;
    rd_kafka_t *rk = reader(&m);
    read_next(rk, &found);
    assert_string_equal(found.value, "not an");
    assert_non_null(strstr(found.why, "\"code\":\"" REJECT_NOT_JSON "\""));
    rd_kafka_destroy(rk);
    submission_free(s);
    end(p, &m);
}

static void a_clock_that_the_brokers_do_not_believe_is_named(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 1);
    struct kafka_producer *p = mock_producer(&m, 100, TIMEOUT_MS);
    struct ending ending = ENDING_START;
    const char *texts[] = {ORDER_TEXT("1")};
    rd_kafka_mock_push_request_errors(m.cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP);
    struct submission *s = submission_of(&ending, texts, 1);
    assert_true(intake_offer(kafka_producer_intake(p), s));
    wait_for_endings(&ending, 1);
    assert_int_equal(ending.durable, 0);
    assert_true(EVENTUALLY(is_ready(p, "do not believe the clock of this machine")));
    submission_free(s);
    end(p, &m);
}

static void an_event_too_large_for_the_topic_is_rejected_and_kept(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 1);
    struct kafka_producer *p = mock_producer(&m, 100, TIMEOUT_MS);
    struct ending ending = ENDING_START;
    const char *texts[] = {ORDER_TEXT("1")};
    refuse_size(&m, 8); // until batches have less bytes than the event has
    struct submission *s = submission_of(&ending, texts, 1);
    assert_true(intake_offer(kafka_producer_intake(p), s));
    wait_for_endings(&ending, 1);
    assert_int_equal(ending.durable, 1);
    assert_int_equal(s->events[0].verdict, VERDICT_REJECTED);
    assert_string_equal(s->events[0].why->code, REJECT_TOO_LARGE);
    submission_free(s);
    struct found found;
    rd_kafka_t *rk = reader(&m);
    read_next(rk, &found);
    assert_string_equal(found.key, "");
    assert_string_equal(found.value, texts[0]);
    assert_non_null(strstr(found.why, "\"code\":\"too_large\""));
    rd_kafka_destroy(rk);
    end(p, &m);
}

static void what_is_not_acknowledged_in_time_is_try_later(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 1);
    struct kafka_producer *p = mock_producer(&m, 100, 1000);
    struct ending ending = ENDING_START;
    const char *texts[] = {ORDER_TEXT("1"), "not an order"};
    rd_kafka_mock_broker_set_rtt(m.cluster, 1, 5000);
    struct submission *s = submission_of(&ending, texts, 2);
    assert_true(intake_offer(kafka_producer_intake(p), s));
    wait_for_endings(&ending, 1);
    assert_int_equal(ending.durable, 0);
    assert_int_equal(s->events[0].verdict, VERDICT_NEW); // may be offered again
    submission_free(s);
    rd_kafka_mock_broker_set_rtt(m.cluster, 1, 0);
    end(p, &m);
}

static void without_a_broker_offers_are_refused_until_one_is_back(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 1);
    struct kafka_producer *p = mock_producer(&m, 100, TIMEOUT_MS);
    struct ending ending = ENDING_START;
    const char *texts[] = {ORDER_TEXT("1")};
    struct submission *s = submission_of(&ending, texts, 1);
    assert_true(is_ready(p, NULL));
    rd_kafka_mock_broker_set_down(m.cluster, 1);
    assert_true(EVENTUALLY(is_ready(p, "no broker of")));
    assert_false(intake_offer(kafka_producer_intake(p), s));
    rd_kafka_mock_broker_set_up(m.cluster, 1);
    assert_true(EVENTUALLY(is_ready(p, NULL)));
    assert_true(intake_offer(kafka_producer_intake(p), s));
    wait_for_endings(&ending, 1);
    assert_int_equal(ending.durable, 1);
    submission_free(s);
    end(p, &m);
}

static void it_starts_without_a_broker_and_goes_on_when_there_is_one(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 1);
    rd_kafka_mock_broker_set_down(m.cluster, 1);
    const struct kafka_producer_options options = {.settings = &m.settings,
                                                   .max_events = 10,
                                                   .delivery_timeout_ms = 5000,
                                                   .start_timeout_ms = 500};
    struct kafka_producer *p = NULL;
    struct error err = {0};
    assert_true(kafka_producer_start(&options, &p, &err));
    assert_true(is_ready(p, "kafka: "));
    rd_kafka_mock_broker_set_up(m.cluster, 1);
    assert_true(EVENTUALLY(is_ready(p, NULL)));
    end(p, &m);
}

static void who_must_reach_a_broker_fails_without_one(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 1);
    rd_kafka_mock_broker_set_down(m.cluster, 1);
    const struct kafka_producer_options options = {.settings = &m.settings,
                                                   .max_events = 10,
                                                   .delivery_timeout_ms = 5000,
                                                   .start_timeout_ms = 500,
                                                   .must_reach = true};
    struct kafka_producer *p = NULL;
    struct error err = {0};
    assert_false(kafka_producer_start(&options, &p, &err));
    assert_int_equal(err.cls, ERROR_RETRIABLE);
    assert_non_null(strstr(err.text, m.settings.brokers));
    mock_stop(&m);
}

static bool has_restarted_once(struct kafka_producer *p) {
    struct buf metrics = {0};
    kafka_producer_metrics(p, &metrics);
    buf_put_char(&metrics, '\0');
    bool once = strstr(metrics.at, "salestide_kafka_producer_restarts_total 1\n") != NULL;
    buf_free(&metrics);
    return once;
}

static void after_a_fatal_error_a_new_handle_takes_over(void **state) {
    (void)state;
    struct mock m;
    mock_start(&m, 1);
    struct kafka_producer *p = mock_producer(&m, 100, TIMEOUT_MS);
    struct ending ending = ENDING_START;
    const char *texts[] = {ORDER_TEXT("1")};
    rd_kafka_mock_broker_set_rtt(m.cluster, 1, 8000); // longer than a busy machine takes
    struct submission *lost = submission_of(&ending, texts, 1);
    assert_true(intake_offer(kafka_producer_intake(p), lost));
    assert_int_equal(rd_kafka_test_fatal_error(p->handle.rk,
                                               RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                               "only a test"),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    wait_for_endings(&ending, 1);
    assert_int_equal(ending.durable, 0);
    rd_kafka_mock_broker_set_rtt(m.cluster, 1, 0);
    // What the old handle still takes is answered "try later".
    assert_true(EVENTUALLY(has_restarted_once(p)));
    struct submission *next = submission_of(&ending, texts, 1);
    assert_true(EVENTUALLY(intake_offer(kafka_producer_intake(p), next)));
    wait_for_endings(&ending, 2);
    assert_int_equal(ending.durable, 1);
    assert_true(has_restarted_once(p));
    submission_free(lost);
    submission_free(next);
    end(p, &m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_becomes_a_message_with_its_order_as_key),
        cmocka_unit_test(a_rejected_event_is_kept_with_its_reason_and_without_a_key),
        cmocka_unit_test(many_submissions_are_settled_once_each),
        cmocka_unit_test(beyond_its_capacity_an_offer_is_refused),
        cmocka_unit_test(a_closed_intake_takes_no_more),
        cmocka_unit_test(stopping_settles_what_cannot_be_delivered),
        cmocka_unit_test(one_event_that_fails_makes_the_whole_submission_try_later),
        cmocka_unit_test(a_topic_that_takes_nothing_is_said_until_it_does),
        cmocka_unit_test(errors_that_pass_are_tried_again_unseen),
        cmocka_unit_test(an_event_too_large_for_the_topic_is_rejected_and_kept),
        cmocka_unit_test(events_that_are_too_large_together_go_again_in_smaller_batches),
        cmocka_unit_test(a_rejection_too_large_for_the_topic_is_kept_with_less_text),
        cmocka_unit_test(a_clock_that_the_brokers_do_not_believe_is_named),
        cmocka_unit_test(what_is_not_acknowledged_in_time_is_try_later),
        cmocka_unit_test(without_a_broker_offers_are_refused_until_one_is_back),
        cmocka_unit_test(it_starts_without_a_broker_and_goes_on_when_there_is_one),
        cmocka_unit_test(who_must_reach_a_broker_fails_without_one),
        cmocka_unit_test(after_a_fatal_error_a_new_handle_takes_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
