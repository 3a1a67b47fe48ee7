// SPDX-License-Identifier: MIT
// Places an input so that its last byte is the last one before an inaccessible page: a parser that
// reads one byte too far dies there, in every build, also with hand-made wide loads that a
// sanitizer might not see. One per test program; release it when done.
#pragma once
#include "base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct guard_page {
    char *at;    // start of the mapping
    size_t room; // bytes in front of the inaccessible page
    size_t page_bytes;
};

static inline struct guard_page guard_page_new(size_t room_bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct guard_page g = {.room = (room_bytes + page - 1) / page * page, .page_bytes = page};
    g.at = mmap(NULL, g.room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g.at == MAP_FAILED || mprotect(g.at + g.room, page, PROT_NONE) != 0) {
        perror("guard page");
        abort();
    }
    return g;
}

// A copy of `t` that ends at the inaccessible page; valid until the next call. An absent text stays
// absent, an empty one points at the inaccessible page itself.
static inline struct text guard_page_place(struct guard_page *g, struct text t) {
    if (t.at == NULL) {
        return t;
    }
    if (t.len > g->room) {
        fprintf(stderr, "guard page: %zu bytes do not fit in %zu\n", t.len, g->room);
        abort();
    }
    char *to = g->at + g->room - t.len;
    memcpy(to, t.at, t.len);
    return (struct text){to, t.len};
}

static inline void guard_page_free(struct guard_page *g) {
    munmap(g->at, g->room + g->page_bytes);
}
