// SPDX-License-Identifier: MIT
// The topic as the engine's source, on a cluster that librdkafka plays, with a store of positions
// alone: every message is handed over once, in its partition's order, parsed; and again after the
// store has failed, from where the store says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "broker/kafka_log.h"
#include "broker/kafka_rejected.h"
#include "engine/zone_file.h"
#include "kafka_testing.h"
#include <stdlib.h>

enum { N_MANY = 6000, TAKE_MAX = 1500, SESSION_MS = 10000, LANE = 5 };
enum { HEARTBEAT = 12 }; // the protocol's number of that request

// --- A store that knows positions

struct positions {
    struct log_store base;
    int64_t next[MOCK_TOPIC_PARTITIONS];
    bool held[MOCK_TOPIC_PARTITIONS];
    char topic_id[LOG_TOPIC_ID_BYTES]; // of what it has counted; "": not known
    int64_t history_offset;            // 0: it reads none
};

static enum store_result claim(struct log_store *s, const struct log_topic *topic,
                               int32_t partition, bool anew, struct log_claim *out,
                               struct error *err) {
    UNUSED(err);
    struct positions *p = (struct positions *)s;
    *out = (struct log_claim){.next_offset = p->next[partition]};
    if (!anew && p->topic_id[0] != '\0' && strcmp(p->topic_id, topic->id) != 0) {
        memcpy(out->other_id, p->topic_id, sizeof p->topic_id);
        return STORE_OK;
    }
    p->held[partition] = true;
    p->next[partition] = out->next_offset = anew ? -1 : p->next[partition];
    out->lane = LANE + partition;
    out->history_offset = p->history_offset > 0 ? p->history_offset : out->next_offset;
    return STORE_OK;
}

static void held(struct log_store *s, int32_t partition, struct log_claim *out) {
    struct positions *p = (struct positions *)s;
    *out = (struct log_claim){.next_offset = p->next[partition],
                              .counted_offset = p->next[partition],
                              .lost = !p->held[partition]};
}

static void release(struct log_store *s, int32_t partition) {
    ((struct positions *)s)->held[partition] = false;
}

static const struct log_store_ops position_ops = {.claim = claim, .held = held, .release = release};

// --- One topic, read

struct reading {
    struct mock mock;
    struct kafka_producer *producer;
    struct positions store;
    bool skip_gap;
    int64_t session_ms;
    struct clock_source clock;
    int64_t jumped_ns; // of its monotonic time
    struct zone *zone;
    struct order_rules rules;
    struct kafka_log *log;
    struct source source;
    int64_t seen[MOCK_TOPIC_PARTITIONS]; // offset of the next message to come
    int n_events, n_rejected;
    int64_t first_arrival_ms, last_arrival_ms; // the smallest and the largest seen
    int64_t stamp_ms;                          // of what is produced; 0: what submission_of gives
};

static void produce(struct reading *r, int first_id, int n) {
    struct ending ending = ENDING_START;
    char(*texts)[160] = calloc((size_t)n, sizeof *texts);
    const char **list = calloc((size_t)n, sizeof *list);
    assert_true(texts != NULL && list != NULL);
    for (int i = 0; i < n; i++) {
        snprintf(texts[i], sizeof texts[i], i % 100 == 99 ? "{\"order_id\":%d}" : ORDER_TEXT("%d"),
                 first_id + i);
        list[i] = texts[i];
    }
    struct submission *s = submission_of(&ending, list, (size_t)n);
    s->arrival_ms = r->stamp_ms != 0 ? r->stamp_ms : s->arrival_ms;
    assert_true(intake_offer(kafka_producer_intake(r->producer), s));
    wait_for_endings(&ending, 1);
    assert_int_equal(ending.durable, 1);
    submission_free(s);
    free(list);
    free(texts);
}

static void begin(struct reading *r) {
    static const struct reading empty;
    struct error err = {0};
    *r = empty;
    log_set_level(LOG_ERROR);
    mock_start(&r->mock, 1);
    r->producer = mock_producer(&r->mock, N_MANY, 10000);
    r->store.base.ops = &position_ops;
    r->session_ms = SESSION_MS;
    for (int i = 0; i < MOCK_TOPIC_PARTITIONS; i++) {
        r->store.next[i] = -1;
    }
    assert_true(zone_open("UTC", &r->zone, &err));
    r->rules = (struct order_rules){.zone = r->zone, .currency = "USD", .max_depth = 32};
}

static int64_t reading_now_ms(void *user) {
    UNUSED(user);
    return clock_now_ms(clock_system());
}
static int64_t reading_monotonic_ns(void *user) {
    return clock_monotonic_ns(clock_system()) + ((struct reading *)user)->jumped_ns;
}

static void open_log(struct reading *r) {
    struct error err = {0};
    r->clock = (struct clock_source){reading_now_ms, reading_monotonic_ns, r};
    rd_kafka_conf_t *conf = kafka_conf_new(&r->mock.settings, &err);
    assert_non_null(conf);
    const struct kafka_log_options options = {.conf = conf,
                                              .topic = "sales",
                                              .group = "test",
                                              .rules = &r->rules,
                                              .store = &r->store.base,
                                              .clock = &r->clock,
                                              .session_timeout_ms = r->session_ms,
                                              .skip_gap = r->skip_gap};
    if (!kafka_log_open(&options, &r->log, &err)) {
        fail_msg("%s", err.text);
    }
    r->source = kafka_log_source(r->log);
}

static void end(struct reading *r) {
    kafka_log_close(r->log);
    kafka_producer_stop(r->producer, 5000);
    kafka_producer_free(r->producer);
    mock_stop(&r->mock);
    zone_free(r->zone);
}

static void see_event(struct reading *r, const struct event *e) {
    if (e->verdict == VERDICT_REJECTED) {
        r->n_rejected++;
    } else {
        assert_true(ident_present(e->order.order_id));
        assert_true(e->at.arrival_ms > 0);
    }
    r->n_events++;
    if (r->n_events == 1 || e->at.arrival_ms < r->first_arrival_ms) {
        r->first_arrival_ms = e->at.arrival_ms;
    }
    if (e->at.arrival_ms > r->last_arrival_ms) {
        r->last_arrival_ms = e->at.arrival_ms;
    }
}

// One take, as the engine does it. Returns how many events came.
static size_t take(struct reading *r, bool keep_positions) {
    struct submission *list = NULL;
    size_t n = 0;
    assert_int_equal(r->source.ops->take(r->source.self, TAKE_MAX, 100, &list), SOURCE_OK);
    for (struct submission *s = list, *next; s != NULL; s = next) {
        next = s->next;
        int32_t partition = s->log.partition;
        assert_int_equal(s->log.first_offset, r->seen[partition]);
        r->seen[partition] = s->log.next_offset;
        if (keep_positions) {
            r->store.next[partition] = s->log.next_offset;
        }
        for (size_t i = 0; i < s->n_events; i++) {
            assert_int_equal(log_position_offset(s->events[i].at.position),
                             s->log.first_offset + (int64_t)i);
            assert_int_equal(log_position_lane(s->events[i].at.position), LANE + partition);
            see_event(r, &s->events[i]);
        }
        n += s->n_events;
        s->settled(s, SETTLE_JUDGED);
    }
    return n;
}

static void take_until(struct reading *r, int n_events) {
    for (int tries = 0; r->n_events < n_events && tries < 300; tries++) {
        (void)take(r, true);
    }
    assert_int_equal(r->n_events, n_events);
}

// Until many came at once: some that follow them are being parsed then.
static void take_many_at_once(struct reading *r) {
    for (int tries = 0; take(r, true) < 300; tries++) {
        assert_true(tries < 100);
        clock_sleep_ms(100); // what is fetched meanwhile comes at once
    }
}

// --- Tests

static void a_backlog_is_handed_over_once_in_order(void **state) {
    UNUSED(state);
    struct reading r;
    begin(&r);
    produce(&r, 0, N_MANY);
    open_log(&r);
    take_until(&r, N_MANY);
    assert_int_equal(r.n_rejected, N_MANY / 100);
    assert_int_equal(take(&r, true), 0);
    struct kafka_log_facts facts;
    kafka_log_facts(r.log, &facts, NULL, 0);
    assert_int_equal(facts.messages, N_MANY);
    assert_int_equal(facts.foreign_keys, 0);
    end(&r);
}

static void a_single_message_does_not_wait_for_the_next(void **state) {
    UNUSED(state);
    struct reading r;
    begin(&r);
    open_log(&r);
    produce(&r, 0, 1);
    take_until(&r, 1);
    produce(&r, 1, 1);
    take_until(&r, 2);
    end(&r);
}

// What was being parsed when the store failed is read again: nothing is left out, nothing is handed
// over twice but what the store did not keep.
static void after_a_failure_reading_goes_on_at_the_stores_positions(void **state) {
    UNUSED(state);
    struct reading r;
    begin(&r);
    produce(&r, 0, N_MANY);
    open_log(&r);
    for (int turn = 0; turn < 3; turn++) {
        struct error err = {0};
        take_many_at_once(&r);
        (void)take(&r, false); // judged, not committed
        r.source.ops->hold(r.source.self);
        assert_int_equal(take(&r, false), 0);
        if (!r.source.ops->rewind(r.source.self, &err)) {
            fail_msg("%s", err.text);
        }
        r.n_events = 0;
        for (int i = 0; i < MOCK_TOPIC_PARTITIONS; i++) {
            r.seen[i] = r.store.next[i] > 0 ? r.store.next[i] : 0;
            r.n_events += (int)r.seen[i];
        }
    }
    take_until(&r, N_MANY);
    end(&r);
}

static void it_ends_with_messages_ahead(void **state) {
    UNUSED(state);
    struct reading r;
    begin(&r);
    produce(&r, 0, N_MANY);
    open_log(&r);
    take_many_at_once(&r);
    end(&r);
    int64_t n_left = N_MANY;
    for (int i = 0; i < MOCK_TOPIC_PARTITIONS; i++) {
        n_left -= r.seen[i];
    }
    assert_true(n_left > 0);
}

// Another process, which is no member of the group, has moved a partition's position: this one
// waits for the group to take it away, says so meanwhile, and then takes it over again.
static void a_lost_partition_that_stays_is_named_and_taken_over_again(void **state) {
    UNUSED(state);
    struct reading r;
    struct error err = {0};
    struct kafka_log_facts facts;
    struct kafka_partition_facts at[MOCK_TOPIC_PARTITIONS];
    begin(&r);
    produce(&r, 0, 300);
    open_log(&r);
    take_until(&r, 300);
    r.store.held[1] = false;
    r.source.ops->hold(r.source.self);
    assert_true(r.source.ops->rewind(r.source.self, &err));
    int64_t seen = r.seen[1];
    produce(&r, 300, 300);
    for (int tries = 0; r.seen[0] + r.seen[2] + seen < 500 && tries < 100; tries++) {
        (void)take(&r, true);
    }
    r.jumped_ns += INT64_C(1000000000); // facts of partitions are looked at now and then
    (void)take(&r, true);
    assert_int_equal(r.seen[1], seen);
    kafka_log_facts(r.log, &facts, at, MOCK_TOPIC_PARTITIONS);
    assert_int_equal(facts.fences, 1);
    assert_non_null(strstr(facts.problem, "partitions 1 of sales stand still"));
    assert_int_equal(facts.n_partitions, MOCK_TOPIC_PARTITIONS);
    for (size_t i = 0; i < facts.n_partitions; i++) {
        assert_int_equal(at[i].stands_still, at[i].partition == 1);
    }
    r.jumped_ns += SESSION_MS * INT64_C(1000000);
    take_until(&r, 600);
    assert_true(r.seen[1] > seen);
    r.jumped_ns += INT64_C(1000000000);
    (void)take(&r, true);
    kafka_log_facts(r.log, &facts, at, MOCK_TOPIC_PARTITIONS);
    assert_string_equal(facts.problem, "");
    for (size_t i = 0; i < facts.n_partitions; i++) {
        assert_false(at[i].stands_still);
    }
    end(&r);
}

// Microseconds where milliseconds belong, or a time before 1970: no table takes such an arrival.
static void a_timestamp_that_is_none_counts_as_the_nearest_that_is(void **state) {
    UNUSED(state);
    struct reading r;
    struct kafka_log_facts facts;
    begin(&r);
    r.stamp_ms = INT64_C(1764547200123000);
    produce(&r, 0, 3);
    r.stamp_ms = INT64_C(-1764547200123);
    produce(&r, 3, 2);
    r.stamp_ms = INT64_C(253402214400000);
    produce(&r, 5, 1);
    open_log(&r);
    take_until(&r, 6);
    assert_int_equal(r.first_arrival_ms, 1);
    assert_int_equal(r.last_arrival_ms, INT64_C(253402214400000));
    assert_int_equal(take(&r, true), 0);
    kafka_log_facts(r.log, &facts, NULL, 0);
    assert_int_equal(facts.odd_timestamps, 5);
    end(&r);
}

static void the_topic_is_the_same_one_at_each_commit(void **state) {
    UNUSED(state);
    struct reading r;
    struct error err = {0};
    begin(&r);
    produce(&r, 0, 300);
    open_log(&r);
    take_until(&r, 300);
    r.source.ops->ask(r.source.self);
    r.source.ops->ask(r.source.self); // the answer to the first is not taken for that to the second
    if (!r.source.ops->confirm(r.source.self, &err)) {
        fail_msg("%s", err.text);
    }
    r.jumped_ns += INT64_C(10000000000); // idle for a while: it asks by itself
    for (int i = 0; i < 5; i++) {
        assert_int_equal(take(&r, true), 0);
    }
    end(&r);
}

// What was counted so far is of a topic of this name that is no more.
static void a_topic_made_anew_ends_the_source_and_nothing_is_claimed(void **state) {
    UNUSED(state);
    struct reading r;
    struct submission *list = NULL;
    begin(&r);
    produce(&r, 0, 300);
    snprintf(r.store.topic_id, sizeof r.store.topic_id, "another");
    for (int i = 0; i < MOCK_TOPIC_PARTITIONS; i++) {
        r.store.next[i] = 5;
    }
    open_log(&r);
    enum source_result result = SOURCE_OK;
    for (int tries = 0; result == SOURCE_OK && tries < 200; tries++) {
        result = r.source.ops->take(r.source.self, TAKE_MAX, 100, &list);
        assert_null(list);
    }
    assert_int_equal(result, SOURCE_FAILED);
    struct kafka_log_facts facts;
    kafka_log_facts(r.log, &facts, NULL, 0);
    assert_non_null(strstr(facts.problem, "made anew"));
    assert_non_null(strstr(facts.problem, "another"));
    assert_false(r.store.held[0] || r.store.held[1] || r.store.held[2]);
    end(&r);
}

static void with_skip_gap_a_topic_made_anew_is_read_from_its_oldest_message(void **state) {
    UNUSED(state);
    struct reading r;
    begin(&r);
    produce(&r, 0, 300);
    r.skip_gap = true;
    snprintf(r.store.topic_id, sizeof r.store.topic_id, "another");
    for (int i = 0; i < MOCK_TOPIC_PARTITIONS; i++) {
        r.store.next[i] = 5;
    }
    open_log(&r);
    take_until(&r, 300);
    end(&r);
}

static void history_is_read_from_where_the_stores_window_begins(void **state) {
    UNUSED(state);
    struct reading r;
    begin(&r);
    produce(&r, 0, 600);
    for (int i = 0; i < MOCK_TOPIC_PARTITIONS; i++) {
        r.store.next[i] = 50;
        r.seen[i] = r.store.history_offset = 20;
    }
    open_log(&r);
    take_until(&r, 600 - 3 * 20);
    end(&r);
}

static size_t n_heartbeats(const struct reading *r) {
    size_t n = 0, found = 0;
    rd_kafka_mock_request_t **requests = rd_kafka_mock_get_requests(r->mock.cluster, &n);
    for (size_t i = 0; i < n; i++) {
        found += rd_kafka_mock_request_api_key(requests[i]) == HEARTBEAT;
    }
    rd_kafka_mock_request_destroy_array(requests, n);
    return found;
}

// By the answer to one a member hears that the group changes: a tenth of a session may be a minute.
static void a_member_asks_often_whether_its_group_changes(void **state) {
    UNUSED(state);
    struct reading r;
    begin(&r);
    r.session_ms = 300000;
    rd_kafka_mock_start_request_tracking(r.mock.cluster);
    open_log(&r);
    for (int tries = 0; n_heartbeats(&r) < 4; tries++) {
        assert_true(tries < 100);
        assert_int_equal(take(&r, true), 0);
    }
    end(&r);
}

static void a_topic_name_that_cannot_be_is_refused(void **state) {
    UNUSED(state);
    struct mock mock;
    struct kafka_rejected *rejected = NULL;
    struct error err = {0};
    char name[700];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    mock_start(&mock, 1);
    assert_false(kafka_rejected_start(&mock.settings, "sales", name, &rejected, &err));
    assert_int_equal(err.cls, ERROR_USAGE);
    assert_non_null(strstr(err.text, "topic xxx"));
    mock_stop(&mock);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backlog_is_handed_over_once_in_order),
        cmocka_unit_test(a_single_message_does_not_wait_for_the_next),
        cmocka_unit_test(after_a_failure_reading_goes_on_at_the_stores_positions),
        cmocka_unit_test(it_ends_with_messages_ahead),
        cmocka_unit_test(a_lost_partition_that_stays_is_named_and_taken_over_again),
        cmocka_unit_test(a_timestamp_that_is_none_counts_as_the_nearest_that_is),
        cmocka_unit_test(the_topic_is_the_same_one_at_each_commit),
        cmocka_unit_test(a_topic_made_anew_ends_the_source_and_nothing_is_claimed),
        cmocka_unit_test(with_skip_gap_a_topic_made_anew_is_read_from_its_oldest_message),
        cmocka_unit_test(history_is_read_from_where_the_stores_window_begins),
        cmocka_unit_test(a_member_asks_often_whether_its_group_changes),
        cmocka_unit_test(a_topic_name_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
