// SPDX-License-Identifier: MIT
// Where recent events were counted: small tables in front of the cube's dictionaries and slots. A
// shop's orders come from few groups and products, and most are of the minute and day of those
// before. Such an event finds its cells here with one line of memory a group and one a product; by
// the dictionary and the slots it takes three or four of each, one after the other, from tables
// that are larger than the processor's cache.
//
// They are hints: a name is compared whole. Where cells lie holds until some are taken out, which
// the cube counts (cube.generation).
//
// An event moves its group's cells, up to four, by the same: it is added to the path alone, and the
// path to its cells when somebody asks for them (cube_settle). Inside src/sums only.
#pragma once
#include "order/digits.h"
#include "sums/cube.h"

enum {
    GROUP_HINTS_BITS = 10,
    PATH_HINTS_BITS = 11,
    PRODUCT_HINTS_BITS = 13,
};

// A number is 1 + that of a dimension; 0: there is none here.
struct group_hint {
    uint64_t source_ends, state_ends; // text_ends
    uint16_t source_len, state_len;
    char currency[4];
    uint32_t number;
};

// The cells of a group for an event of this minute and day.
enum { PATH_CELLS = 4 }; // totals, day, and unless they are past their retention hour and minute
struct path_hint {
    uint64_t generation; // of the cube; 0: there is none here
    int32_t minute, day;
    uint32_t group; // the dimension's
    uint8_t kept;   // which are not past it
    uint8_t n_cells;
    bool waits; // for cube_settle: sum is not 0, perhaps
    uint32_t cells[PATH_CELLS];
    struct measures sum; // of the events that are not in the cells yet
};

// A product whose identifier is a number.
struct product_hint {
    int64_t id;
    char currency[4];
    uint32_t number;
    uint32_t cell; // of its newest day, or any number: the cell is asked what it is
};

struct cube_hints {
    struct group_hint groups[1 << GROUP_HINTS_BITS];
    struct path_hint paths[1 << PATH_HINTS_BITS];
    struct product_hint products[1 << PRODUCT_HINTS_BITS];
    uint32_t n_waiting;
    uint16_t waiting[1 << PATH_HINTS_BITS]; // places of the paths that wait
};
_Static_assert(PATH_HINTS_BITS <= 16, "a path's place fits");

// A text's first and last four characters as a number; of up to eight, together with their count,
// it is the whole text. (Not the first eight: whether a source has as many nobody can guess.)
static inline uint64_t text_ends(struct text t) {
    return t.len >= 4   ? load4(t.at) | load4(t.at + t.len - 4) << 32
           : t.len >= 2 ? load2(t.at) | load2(t.at + t.len - 2) << 16
           : t.len == 1 ? (uint64_t)(unsigned char)t.at[0]
                        : 0;
}

// The upper bits of a product with the golden ratio: numbers in a row, as a shop's products often
// are, fall on different places.
static inline uint32_t hint_place(uint64_t key, int bits) {
    return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - bits));
}
static inline uint32_t product_hint_place(int64_t id) {
    return hint_place((uint64_t)id, PRODUCT_HINTS_BITS);
}
static inline uint32_t group_hint_place(uint64_t source_ends, uint64_t state_ends) {
    uint64_t both = source_ends ^ (state_ends << 17 | state_ends >> 47) * 3;
    return hint_place(both ^ both >> 32, GROUP_HINTS_BITS);
}
// Of one to 512 groups in four minutes, or of 128 in sixteen, no two fall on one place.
static inline uint32_t path_hint_place(uint32_t group, int32_t minute) {
    uint32_t beside = (uint32_t)minute & 3, apart = (uint32_t)minute >> 2 & 3;
    return ((group << 2 | beside) ^ apart << (PATH_HINTS_BITS - 2)) & ((1U << PATH_HINTS_BITS) - 1);
}
