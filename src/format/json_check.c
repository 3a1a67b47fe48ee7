// SPDX-License-Identifier: MIT
// Duplicate keys, nesting and paths. All three are loops over yyjson's flat array of values: no
// recursion, and what takes memory (the table of an object's keys) is bounded by the event's size.
//
// Happy path of json_check: go over the values one by one; at a container, count the depth by a
// stack of where each open one ends; at an object, put its keys into the set.
//
// Fails: a key comes again, a container is too deep, the table of keys finds no memory.
#include "format/json_check.h"

#include "base/hash.h"
#include "order/order.h"
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

struct key_slot {
    uint32_t tag;   // upper half of the hash
    uint32_t index; // of the key, counted in values from its object; 0: free (it is the object)
};

void key_set_init(struct key_set *s, const struct mem_heap *heap) {
    *s = (struct key_set){.heap = heap};
    if (getrandom(&s->seed, sizeof s->seed, GRND_NONBLOCK) != sizeof s->seed) {
        // Only at a machine's very start. No verdict depends on it, so a guessable one will do.
        s->seed = hash_u64((uint64_t)time(NULL) ^ (uintptr_t)s);
    }
}

void key_set_free(struct key_set *s) {
    heap_free(s->heap, s->slots);
    *s = (struct key_set){.heap = s->heap};
}

static struct text key_text(yyjson_val *key) {
    return (struct text){unsafe_yyjson_get_str(key), unsafe_yyjson_get_len(key)};
}

static enum key_added put_slot(struct key_set *s, yyjson_val *object, yyjson_val *key) {
    struct text name = key_text(key);
    uint64_t hash = hash_text(name, s->seed);
    uint32_t tag = (uint32_t)(hash >> 32);
    size_t mask = s->n_slots - 1;
    for (size_t at = hash & mask;;
         at = (at + 1) & mask) { // ends: at most half of the slots are used
        struct key_slot *slot = &s->slots[at];
        if (slot->index == 0) {
            *slot = (struct key_slot){tag, (uint32_t)(key - object)};
            return KEY_NEW;
        }
        if (slot->tag == tag && text_equal(key_text(object + slot->index), name)) {
            return KEY_AGAIN;
        }
    }
}

// From pairs to the table. The keys so far are known to differ.
static bool make_table(struct key_set *s, yyjson_val *object) {
    size_t n_keys = unsafe_yyjson_get_len(object);
    size_t want = 64;
    while (want < 2 * n_keys) {
        want *= 2;
    }
    if (want > s->cap_slots) {
        struct key_slot *slots = heap_realloc(s->heap, s->slots, want * sizeof *slots);
        if (slots == NULL) {
            return false;
        }
        s->slots = slots;
        s->cap_slots = want;
    }
    s->n_slots = want;
    memset(s->slots, 0, want * sizeof *s->slots);
    for (size_t i = 0; i < KEY_SET_FEW; i++) {
        (void)put_slot(s, object, s->few[i]);
    }
    return true;
}

enum key_added key_set_add(struct key_set *s, yyjson_val *object, yyjson_val *key) {
    if (s->n < KEY_SET_FEW) {
        struct text name = key_text(key);
        for (size_t i = 0; i < s->n; i++) {
            if (text_equal(key_text(s->few[i]), name)) {
                return KEY_AGAIN;
            }
        }
        s->few[s->n++] = key;
        return KEY_NEW;
    }
    if (s->n == KEY_SET_FEW && !make_table(s, object)) {
        return KEY_NO_MEMORY;
    }
    s->n++;
    return put_slot(s, object, key);
}

static enum json_problem check_keys(struct key_set *s, yyjson_val *object, yyjson_val **culprit) {
    key_set_begin(s);
    size_t n_keys = unsafe_yyjson_get_len(object);
    yyjson_val *key = object + 1;
    for (size_t i = 0; i < n_keys; i++, key = unsafe_yyjson_get_next(key + 1)) {
        switch (key_set_add(s, object, key)) {
        case KEY_NEW:
            break;
        case KEY_AGAIN:
            *culprit = key;
            return JSON_DUPLICATE_KEY;
        case KEY_NO_MEMORY:
            return JSON_NO_MEMORY;
        }
    }
    return JSON_FINE;
}

enum json_problem json_check(struct key_set *s, yyjson_val *value, uint32_t depth,
                             uint32_t max_depth, yyjson_val **culprit) {
    yyjson_val *ends[ORDER_DEPTH_MAX]; // of the open containers
    size_t n_open = 0;
    yyjson_val *end = unsafe_yyjson_get_next(value);
    for (yyjson_val *v = value; v < end; v++) {
        if (!unsafe_yyjson_is_ctn(v)) {
            continue;
        }
        while (n_open > 0 && v >= ends[n_open - 1]) {
            n_open--;
        }
        if (depth + n_open > max_depth || n_open == ORDER_DEPTH_MAX) {
            *culprit = v;
            return JSON_TOO_DEEP;
        }
        ends[n_open++] = unsafe_yyjson_get_next(v);
        if (unsafe_yyjson_is_obj(v)) {
            enum json_problem problem = check_keys(s, v, culprit);
            if (problem != JSON_FINE) {
                return problem;
            }
        }
    }
    return JSON_FINE;
}

// --- Paths

struct path {
    char *out;
    size_t n_bytes, len;
    bool full;
};

// Adds one character whole or not at all.
static void path_put(struct path *p, const char *bytes, size_t n) {
    p->full = p->full || p->len + n >= p->n_bytes;
    if (!p->full) {
        memcpy(p->out + p->len, bytes, n);
        p->len += n;
    }
}

static void path_put_key(struct path *p, struct text key) {
    if (p->len > 0) {
        path_put(p, ".", 1);
    }
    for (size_t i = 0; i < key.len && !p->full;) {
        size_t n = 1;
        while (i + n < key.len && ((unsigned char)key.at[i + n] & 0xC0) == 0x80) {
            n++;
        }
        bool control = (unsigned char)key.at[i] < 0x20 || key.at[i] == 0x7F;
        path_put(p, control ? "?" : key.at + i, n);
        i += n;
    }
}

static void path_put_index(struct path *p, size_t index) {
    char text[32];
    int n = snprintf(text, sizeof text, "[%zu]", index);
    path_put(p, text, (size_t)n);
}

// The child of `container` that is `at` or holds it: children lie in memory one after the other.
static yyjson_val *path_step(struct path *p, yyjson_val *container, yyjson_val *at) {
    bool object = unsafe_yyjson_is_obj(container);
    size_t n = unsafe_yyjson_get_len(container);
    yyjson_val *child = container + 1;
    for (size_t i = 0; i < n; i++) {
        yyjson_val *value = child + (object ? 1 : 0);
        yyjson_val *next = unsafe_yyjson_get_next(value);
        if (at < next) {
            if (object) {
                path_put_key(p, key_text(child));
            } else {
                path_put_index(p, i);
            }
            return at == child ? at : value;
        }
        child = next;
    }
    return at;
}

void json_path(yyjson_val *root, yyjson_val *at, char *out, size_t n_bytes) {
    struct path p = {.out = out, .n_bytes = n_bytes};
    for (yyjson_val *v = root; v != at && !p.full;) {
        v = path_step(&p, v, at);
    }
    out[p.len] = '\0';
}
