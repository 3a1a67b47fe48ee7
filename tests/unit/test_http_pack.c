// SPDX-License-Identifier: MIT
// Packed events: one packed form for all viewers, streams of them that unpack to what they are of,
// and when events are let go.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http/http_pack.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { EVENTS = 40, KEPT_BY_PACKS = 8 };

// An event of the test's: how many hold it, as the stream counts it.
struct held_event {
    struct stream_event event; // first: the two pointers are the same
    int n_held;
};

static struct {
    struct held_event events[EVENTS];
    struct packs *packs;
    z_stream z;
} world;

static void release(const struct stream_event *event) {
    struct held_event *e = (struct held_event *)(uintptr_t)event;
    assert_true(e->n_held > 0);
    e->n_held--;
}
static const struct http_stream_ops ops = {.release = release};

// Lengths from one byte over what a change has to several of deflate's windows; every third of
// them cannot be made smaller.
static char *made_bytes(size_t n, size_t *len) {
    static const size_t lens[] = {1, 5, 100, 1000, 4000, 33000, 70000, 200000};
    uint32_t random = (uint32_t)n + 1;
    *len = lens[n % COUNT_OF(lens)];
    char *bytes = mem_alloc(*len + 1);
    for (size_t i = 0; i < *len; i++) {
        random = random * 1664525 + 1013904223;
        bytes[i] = n % 3 == 0 ? (char)(random >> 24) : "{\"orders\":1234}"[(i + n) % 15];
    }
    return bytes;
}

static int set_up(void **state) {
    UNUSED(state);
    for (size_t i = 0; i < EVENTS; i++) {
        struct held_event *e = &world.events[i];
        e->n_held = 0;
        e->event.id = i + 1;
        e->event.bytes = made_bytes(i, &e->event.len);
    }
    world.packs = packs_new();
    world.z = (z_stream){0};
    assert_int_equal(inflateInit2(&world.z, 16 + MAX_WBITS), Z_OK);
    return 0;
}

static int tear_down(void **state) {
    UNUSED(state);
    packs_clear(world.packs, &ops);
    packs_free(world.packs);
    for (size_t i = 0; i < EVENTS; i++) {
        assert_int_equal(world.events[i].n_held, 0); // whatever the test did, nobody holds it now
        free((char *)(uintptr_t)world.events[i].event.bytes);
    }
    inflateEnd(&world.z);
    return 0;
}

// As a viewer takes an event.
static struct packed *take(size_t n) {
    world.events[n].n_held++;
    return packs_get(world.packs, &world.events[n].event, &ops);
}

// Goes on unpacking what a viewer gets, as a browser would.
static void expect_unpacked(struct text packed, struct text want) {
    static unsigned char out[256 * 1024];
    world.z.next_in = (unsigned char *)(uintptr_t)packed.at;
    world.z.avail_in = (uInt)packed.len;
    world.z.next_out = out;
    world.z.avail_out = sizeof out;
    int rc = inflate(&world.z, Z_SYNC_FLUSH);
    assert_true(rc == Z_OK || (rc == Z_BUF_ERROR && want.len == 0));
    assert_int_equal(world.z.avail_in, 0);
    assert_int_equal(sizeof out - world.z.avail_out, want.len);
    assert_memory_equal(out, want.at, want.len);
}

static void send_event(size_t n) {
    struct packed *packed = take(n);
    const struct stream_event *event = &world.events[n].event;
    expect_unpacked((struct text){packed->bytes, packed->len},
                    (struct text){event->bytes, event->len});
    packed_release(packed, &ops);
}

static void an_event_is_packed_once_for_all(void **state) {
    UNUSED(state);
    struct packed *first = take(4), *second = take(4);
    assert_ptr_equal(first, second);
    assert_int_equal(world.events[4].n_held, 1); // by the packed form
    struct packed *other = take(5);
    assert_ptr_not_equal(first, other);
    assert_true(first->len * 10 < world.events[4].event.len);
    packed_release(first, &ops);
    packed_release(second, &ops);
    packed_release(other, &ops);
    assert_int_equal(world.events[4].n_held, 1); // kept for whoever comes next
}

static void every_event_can_be_seen_whole_at_once(void **state) {
    UNUSED(state);
    expect_unpacked(packed_head, TEXT_LIT(""));
    for (size_t i = 0; i < EVENTS; i++) {
        send_event(i);
        expect_unpacked(packed_heartbeat, TEXT_LIT(":\n\n"));
    }
}

static void any_event_may_follow_any_other(void **state) {
    UNUSED(state);
    uint32_t random = 1;
    expect_unpacked(packed_head, TEXT_LIT(""));
    for (int i = 0; i < 400; i++) {
        random = random * 1664525 + 1013904223;
        // Of all that a stream has seen: a viewer misses some, and meets some again.
        send_event((random >> 16) % EVENTS);
    }
}

static void an_event_is_let_go_when_neither_kept_nor_on_its_way(void **state) {
    UNUSED(state);
    struct packed *slow = take(0);
    packed_release(take(1), &ops);
    for (size_t i = 2; i < 2 + KEPT_BY_PACKS; i++) {
        packed_release(take(i), &ops);
    }
    assert_int_equal(world.events[1].n_held, 0);
    assert_int_equal(world.events[0].n_held, 1); // a viewer still sends it
    struct packed *again = take(0);
    assert_ptr_not_equal(again, slow); // no longer kept: packed anew
    assert_int_equal(world.events[0].n_held, 2);
    packed_release(slow, &ops);
    packed_release(again, &ops);
    assert_int_equal(world.events[0].n_held, 1);
}

static void clearing_lets_go_of_all_that_no_viewer_holds(void **state) {
    UNUSED(state);
    struct packed *held = take(3);
    packed_release(take(4), &ops);
    packs_clear(world.packs, &ops);
    assert_int_equal(world.events[4].n_held, 0);
    assert_int_equal(world.events[3].n_held, 1);
    packed_release(held, &ops);
    packed_release(NULL, &ops); // as of a viewer that sends nothing
    expect_unpacked(packed_head, TEXT_LIT(""));
    send_event(4); // it goes on: a stream may begin again
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_packed_once_for_all),
        TEST(every_event_can_be_seen_whole_at_once),
        TEST(any_event_may_follow_any_other),
        TEST(an_event_is_let_go_when_neither_kept_nor_on_its_way),
        TEST(clearing_lets_go_of_all_that_no_viewer_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
