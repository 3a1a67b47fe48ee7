// SPDX-License-Identifier: MIT
// One order event from JSON.
//
// Happy path:
// 1. An ordinary event is read by order_scan.c, where it stands if it may, else in the copy of 2.
// 2. The text is copied into the arena, with the padding that yyjson wants, and parsed in place:
//    strings are unescaped where they stand and numbers stay digits, so the order's slices simply
//    point into that copy. yyjson's own memory is a pool held in struct order_json: nothing is
//    allocated for an ordinary event.
// 3. One pass over the keys of the object: known fields go to order_set, keys that are not known
//    into a set that finds duplicates.
// 4. Only if there are any: the items; containers under unknown keys (duplicate keys, nesting).
// 5. order_finish.
//
// Fails: not JSON (broken, with yyjson's message and the byte), JSON that is not an order (rejected
// with field and code), no memory.
#include "format/order_json.h"

#include "format/json_check.h"
#include "format/order_scan.h"
#include "format/order_tree.h"
#include "order/timestamp_minute.h"

// Enough for any JSON of 5,000 bytes, which nearly every event is below; the memory is touched only
// as far as an event needs it.
enum { POOL_BYTES = 64 * 1024 };

static const yyjson_read_flag READ_FLAGS = YYJSON_READ_INSITU | YYJSON_READ_NUMBER_AS_RAW;

// After as many events in a row that were not ordinary, the next ones go the long road at once: a
// shop whose every order has a field of its own need not pay for both. It is tried again now and
// then. No verdict depends on it.
enum { MAX_SHORT_SKIPS = 64 };

struct order_json {
    const struct mem_heap *heap;
    char *pool;
    size_t pool_bytes;
    struct key_set keys;
    struct timestamp_minute minute;
    unsigned short_skips;      // events that go the long road before the short one is tried again
    unsigned next_short_skips; // that many after the next one that is not ordinary
};

struct order_json *order_json_new(const struct mem_heap *heap) {
    struct order_json *p = heap_zalloc(heap, 1, sizeof *p);
    if (p == NULL) {
        return NULL;
    }
    p->heap = heap;
    key_set_init(&p->keys, heap);
    p->pool = heap_alloc(heap, POOL_BYTES);
    p->pool_bytes = POOL_BYTES;
    if (p->pool == NULL) {
        order_json_free(p);
        return NULL;
    }
    return p;
}

void order_json_free(struct order_json *p) {
    if (p == NULL) {
        return;
    }
    key_set_free(&p->keys);
    heap_free(p->heap, p->pool);
    heap_free(p->heap, p);
}

// --- Parsing

bool order_json_parse_short(struct order_json *p, const struct order_rules *rules, struct text json,
                            struct order *out, struct rejection *why) {
    if (UNLIKELY(json.len - 1 >= ORDER_EVENT_MAX_BYTES)) { // 0 wraps around
        return false;
    }
    if (p->short_skips > 0) {
        p->short_skips--;
        return false;
    }
    struct order_builder builder;
    order_begin(&builder, rules, out, why);
    builder.minute = &p->minute;
    if (LIKELY(order_scan(&builder, json))) {
        p->next_short_skips = 0;
        return true;
    }
    p->short_skips = p->next_short_skips;
    p->next_short_skips = p->next_short_skips == 0                ? 1
                          : p->next_short_skips < MAX_SHORT_SKIPS ? p->next_short_skips * 2
                                                                  : MAX_SHORT_SKIPS;
    return false;
}

static bool pool_fits(struct order_json *p, size_t need) {
    if (LIKELY(need <= p->pool_bytes)) {
        return true;
    }
    size_t want = p->pool_bytes;
    while (want < need) { // doubling: at most ten times until ENVELOPE_MAX_BYTES fits
        want *= 2;
    }
    char *pool = heap_alloc(p->heap, want);
    if (pool == NULL) {
        return false;
    }
    heap_free(p->heap, p->pool);
    p->pool = pool;
    p->pool_bytes = want;
    return true;
}

static enum order_json_result not_json(struct rejection *why, struct text json,
                                       const yyjson_read_err *err) {
    if (err->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
        // The pool holds any JSON of this length, one value in two bytes. Only brackets that are
        // not closed make more.
        reject(why, "", REJECT_NOT_JSON, "not JSON: more brackets are opened than closed");
        return ORDER_JSON_BROKEN;
    }
    size_t at = err->pos < json.len ? err->pos : json.len;
    struct text rest = {json.at + at, json.len - at};
    reject(why, "", REJECT_NOT_JSON, "not JSON: %s at byte %zu of the event%s%s%s", err->msg, at,
           rest.len > 0 ? ", '" : "", rest.len > 0 ? excerpt_of(rest).text : "",
           rest.len > 0 ? "'" : "");
    return ORDER_JSON_BROKEN;
}

// `copy` of `json` has zeros after it.
static enum order_json_result take_long_road(struct order_json *p, const struct order_rules *rules,
                                             char *copy, struct text json, struct arena *arena,
                                             struct order *out, struct rejection *why) {
    if (!pool_fits(p, yyjson_read_max_memory_usage(json.len, READ_FLAGS))) {
        return ORDER_JSON_NO_MEMORY;
    }
    yyjson_alc pool;
    yyjson_read_err err;
    yyjson_alc_pool_init(&pool, p->pool, p->pool_bytes);
    // The document needs no free: the next event's starts the pool anew.
    yyjson_doc *doc = yyjson_read_opts(copy, json.len, READ_FLAGS, &pool, &err);
    if (UNLIKELY(doc == NULL)) {
        return not_json(why, json, &err);
    }
    return order_tree_read(&p->keys, rules, yyjson_doc_get_root(doc), arena, out, why);
}

// Sizes that no road takes, then the copy.
static enum order_json_result order_json_start(struct text json, struct arena *arena,
                                               struct rejection *why, char **copy) {
    if (UNLIKELY(json.len > ORDER_EVENT_MAX_BYTES)) {
        reject(why, "", REJECT_TOO_LARGE, "the event has %zu bytes, at most %d are allowed",
               json.len, (int)ORDER_EVENT_MAX_BYTES);
        return ORDER_JSON_REJECTED;
    }
    if (UNLIKELY(json.len == 0)) {
        reject(why, "", REJECT_NOT_JSON, "not JSON: the event is empty");
        return ORDER_JSON_BROKEN;
    }
    _Static_assert(ORDER_SCAN_PADDING >= YYJSON_PADDING_SIZE, "one padding for both roads");
    *copy = arena_try_bytes(arena, json.len + ORDER_SCAN_PADDING);
    if (*copy == NULL) {
        return ORDER_JSON_NO_MEMORY;
    }
    memcpy(*copy, json.at, json.len);
    memset(*copy + json.len, 0, ORDER_SCAN_PADDING);
    return ORDER_JSON_OK;
}

enum order_json_result order_json_parse(struct order_json *p, const struct order_rules *rules,
                                        struct text json, struct arena *arena, struct order *out,
                                        struct rejection *why) {
    char *copy;
    enum order_json_result result = order_json_start(json, arena, why, &copy);
    if (UNLIKELY(result != ORDER_JSON_OK) ||
        LIKELY(order_json_parse_short(p, rules, (struct text){copy, json.len}, out, why))) {
        return result;
    }
    return take_long_road(p, rules, copy, json, arena, out, why);
}

enum order_json_result order_json_parse_long(struct order_json *p, const struct order_rules *rules,
                                             struct text json, struct arena *arena,
                                             struct order *out, struct rejection *why) {
    char *copy;
    enum order_json_result result = order_json_start(json, arena, why, &copy);
    return result != ORDER_JSON_OK ? result : take_long_road(p, rules, copy, json, arena, out, why);
}

enum order_json_result order_json_parse_there(struct order_json *p, const struct order_rules *rules,
                                              struct text json, struct arena *arena,
                                              struct order *out, struct rejection *why) {
    return LIKELY(order_json_parse_short(p, rules, json, out, why))
               ? ORDER_JSON_OK
               : order_json_parse_long(p, rules, json, arena, out, why);
}

yyjson_val *order_json_tree(struct order_json *p, struct text json, bool *no_memory,
                            struct rejection *why) {
    // Its texts are copied into the pool, which is as large as that needs.
    const yyjson_read_flag flags = YYJSON_READ_NUMBER_AS_RAW;
    *no_memory = !pool_fits(p, yyjson_read_max_memory_usage(json.len, flags));
    if (*no_memory) {
        return NULL;
    }
    yyjson_alc pool;
    yyjson_read_err err;
    yyjson_alc_pool_init(&pool, p->pool, p->pool_bytes);
    yyjson_doc *doc =
        json.len == 0 ? NULL
                      : yyjson_read_opts((char *)(uintptr_t)json.at, json.len, flags, &pool, &err);
    if (doc == NULL && json.len == 0) {
        reject(why, "", REJECT_NOT_JSON, "not JSON: the event is empty");
    } else if (doc == NULL) {
        (void)not_json(why, json, &err);
    }
    return yyjson_doc_get_root(doc);
}

// Puts a letter in the place of all within strings that a parser could refuse. False: a string
// does not end.
static bool blank_strings(char *at, size_t len) {
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)at[i];
        if (!in_string) {
            in_string = c == '"';
        } else if (c == '"') {
            in_string = false;
        } else if (c == '\\') {
            at[i++] = 'x';
            if (i < len) {
                at[i] = 'x';
            }
        } else if (c < 0x20 || c >= 0x7F) {
            at[i] = 'x';
        }
    }
    return !in_string;
}

bool order_json_is_whole(struct order_json *p, struct text json, struct arena *arena) {
    if (json.len == 0 || json.len > ORDER_EVENT_MAX_BYTES ||
        !pool_fits(p, yyjson_read_max_memory_usage(json.len, READ_FLAGS))) {
        return false;
    }
    char *copy = arena_try_bytes(arena, json.len + YYJSON_PADDING_SIZE);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, json.at, json.len);
    memset(copy + json.len, 0, YYJSON_PADDING_SIZE);
    yyjson_alc pool;
    yyjson_alc_pool_init(&pool, p->pool, p->pool_bytes);
    return blank_strings(copy, json.len) &&
           yyjson_read_opts(copy, json.len, READ_FLAGS, &pool, NULL) != NULL;
}
