// SPDX-License-Identifier: MIT
// What an event's JSON must obey beyond its grammar, known field or not: no two equal keys in one
// object, no nesting beyond a limit; and the path of a key for messages. Works on the immutable
// values of yyjson, which lie in memory in the order of the text, a container right before what it
// contains. Inside src/order only.
#pragma once
#include "base/heap.h"
#include "base/must.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

// The keys of one object. The first few are compared pairwise, as nearly every object has no more;
// from then on they go into a hash table, so that n keys take O(n) time and memory. The table is
// kept for the next object. One owner at a time.
enum { KEY_SET_FEW = 16 };
struct key_set {
    yyjson_val *few[KEY_SET_FEW];
    size_t n;
    const struct mem_heap *heap;
    struct key_slot *slots;
    size_t cap_slots; // allocated
    size_t n_slots;   // used by this object: a power of two
    uint64_t seed;    // not known outside, so that nobody can choose keys which collide
};
enum key_added { KEY_NEW, KEY_AGAIN, KEY_NO_MEMORY };

void key_set_init(struct key_set *s, const struct mem_heap *heap);
void key_set_free(struct key_set *s);
static inline void key_set_begin(struct key_set *s) {
    s->n = 0;
}
// `key` is one of the n_keys keys of `object`, each added once; it is borrowed until the next
// begin.
MUST_CHECK enum key_added key_set_add(struct key_set *s, yyjson_val *object, yyjson_val *key);

enum json_problem { JSON_FINE, JSON_DUPLICATE_KEY, JSON_TOO_DEEP, JSON_NO_MEMORY };
// Checks everything in `value`, which itself stands at `depth` (a container inside the event's
// object is at 2). On a problem *culprit is the key that comes again, or the container that is too
// deep. Uses up the keys of `s`. No recursion.
MUST_CHECK enum json_problem json_check(struct key_set *s, yyjson_val *value, uint32_t depth,
                                        uint32_t max_depth, yyjson_val **culprit);

// The path of a key or value in the document, as "meta.tags[2].name"; cut at the end to fit, never
// inside a character; control characters as '?'. Writes at most n_bytes with the zero.
void json_path(yyjson_val *root, yyjson_val *at, char *out, size_t n_bytes);
