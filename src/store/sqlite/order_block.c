// SPDX-License-Identifier: MIT
// The bytes of a block: its entries, then
//
//     first key (8), lowest position (8), number of entries (4), three widths (3), form (1),
//     XXH3 of all that is before (8)
//
// An entry is key - first key, position - lowest position and n - 1, each in as many bytes as the
// largest of the block takes, the low byte first. That head comes last so that eight bytes can be
// read at every field without leaving the block.
//
// How it fails: a block whose hash is not that of its bytes, or whose length is not what its head
// says, does not open.
#include "store/sqlite/order_block.h"

#include "base/hash.h"
#include <assert.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "fields are read and written as they are");

enum { FORM = 1, HEAD_BYTES = 32, HASHED_BYTES_OF_HEAD = 24 };

struct head {
    int64_t first_key, low_position;
    uint32_t n;
    uint8_t key_bytes, position_bytes, n_bytes, form;
    uint64_t hash;
};
_Static_assert(sizeof(struct head) == HEAD_BYTES, "without gaps");

static size_t most_bytes = ORDER_BLOCK_BYTES; // fewer in tests only

void order_block_set_bytes(size_t bytes) {
    most_bytes = bytes != 0 ? bytes : ORDER_BLOCK_BYTES;
}

static unsigned bytes_for(uint64_t largest) {
    return largest == 0 ? 0 : (unsigned)(71 - __builtin_clzll(largest)) / 8;
}

static uint64_t apart(int64_t from, int64_t to) {
    return (uint64_t)to - (uint64_t)from; // the distance of two int64 may not fit in one
}

// --- Writing

static struct head head_of(const struct order_block_draft *d, int64_t last_key) {
    return (struct head){
        .first_key = d->n > 0 ? d->at[0].key : last_key,
        .low_position = d->low_position,
        .n = (uint32_t)d->n,
        .key_bytes = (uint8_t)bytes_for(d->n > 0 ? apart(d->at[0].key, last_key) : 0),
        .position_bytes = (uint8_t)bytes_for(apart(d->low_position, d->high_position)),
        .n_bytes = (uint8_t)bytes_for((uint64_t)d->longest - 1),
        .form = FORM,
    };
}

static size_t entry_bytes(const struct head *h) {
    return (size_t)h->key_bytes + h->position_bytes + h->n_bytes;
}

bool order_block_add(struct order_block_draft *d, const struct extent *e) {
    const int64_t low = d->low_position, high = d->high_position, longest = d->longest;
    assert(d->n == 0 || d->at[d->n - 1].key < e->key);
    d->low_position = d->n == 0 || e->position < low ? e->position : low;
    d->high_position = d->n == 0 || e->position > high ? e->position : high;
    d->longest = d->n == 0 || e->n > longest ? e->n : longest;
    const struct head h = head_of(d, e->key);
    bool fits = d->n < ORDER_BLOCK_EXTENTS &&
                (d->n == 0 || (d->n + 1) * entry_bytes(&h) + HEAD_BYTES <= most_bytes);
    if (fits) {
        d->at[d->n++] = *e;
    } else {
        d->low_position = low;
        d->high_position = high;
        d->longest = longest;
    }
    return fits;
}

size_t order_block_write(struct order_block_draft *d, uint8_t out[static ORDER_BLOCK_BYTES]) {
    struct head h = head_of(d, d->at[d->n - 1].key);
    uint8_t *at = out;
    for (size_t i = 0; i < d->n; i++) { // each field's high bytes are written over by the next
        const uint64_t fields[] = {apart(h.first_key, d->at[i].key),
                                   apart(h.low_position, d->at[i].position),
                                   (uint64_t)d->at[i].n - 1};
        const unsigned widths[] = {h.key_bytes, h.position_bytes, h.n_bytes};
        for (size_t k = 0; k < 3; k++) {
            memcpy(at, &fields[k], sizeof fields[k]);
            at += widths[k];
        }
    }
    memcpy(at, &h, HASHED_BYTES_OF_HEAD);
    at += HASHED_BYTES_OF_HEAD;
    h.hash = hash_bytes(out, (size_t)(at - out), 0);
    memcpy(at, &h.hash, sizeof h.hash);
    d->n = 0;
    return (size_t)(at - out) + sizeof h.hash;
}

// --- Reading

bool order_block_open(const void *bytes, size_t n_bytes, struct order_block *out) {
    struct head h;
    if (bytes == NULL || n_bytes < HEAD_BYTES || n_bytes > ORDER_BLOCK_BYTES) {
        return false;
    }
    memcpy(&h, (const uint8_t *)bytes + n_bytes - HEAD_BYTES, sizeof h);
    if (h.form != FORM || h.n == 0 || h.n > ORDER_BLOCK_EXTENTS || h.key_bytes > 8 ||
        h.position_bytes > 8 || h.n_bytes > 8 || h.n * entry_bytes(&h) + HEAD_BYTES != n_bytes ||
        hash_bytes(bytes, n_bytes - sizeof h.hash, 0) != h.hash) {
        return false;
    }
    *out = (struct order_block){.entries = bytes,
                                .n = h.n,
                                .entry_bytes = entry_bytes(&h),
                                .key_bytes = h.key_bytes,
                                .position_bytes = h.position_bytes,
                                .n_bytes = h.n_bytes,
                                .first_key = h.first_key,
                                .low_position = h.low_position};
    return true;
}

static uint64_t field(const uint8_t *at, unsigned n_bytes) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return n_bytes == 8 ? value : value & ((UINT64_C(1) << n_bytes * 8) - 1);
}

struct extent order_block_extent(const struct order_block *b, size_t i) {
    const uint8_t *at = b->entries + i * b->entry_bytes;
    uint64_t key = field(at, b->key_bytes);
    uint64_t position = field(at + b->key_bytes, b->position_bytes);
    uint64_t n = field(at + b->key_bytes + b->position_bytes, b->n_bytes);
    return (struct extent){(int64_t)((uint64_t)b->first_key + key),
                           (int64_t)((uint64_t)b->low_position + position), (int64_t)(n + 1)};
}

size_t order_block_upto(const struct order_block *b, int64_t slot) {
    if (slot < b->first_key) {
        return 0;
    }
    const uint64_t wanted = apart(b->first_key, slot);
    size_t low = 0, high = b->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (field(b->entries + middle * b->entry_bytes, b->key_bytes) <= wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int64_t order_block_find(const struct order_block *b, int64_t slot) {
    size_t n = order_block_upto(b, slot);
    if (n == 0) {
        return 0;
    }
    struct extent e = order_block_extent(b, n - 1);
    return extent_position(slot, e.key, e.position, e.n);
}
