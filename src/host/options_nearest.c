// SPDX-License-Identifier: MIT
// "Did you mean ...?": the known name with the fewest typing slips between it and what was typed.
#include "host/options.h"

#include <string.h>

#define MAX_NAME 32

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

// Letters to change, add or drop, or neighbours to swap, until `a` is `b` (restricted
// Damerau-Levenshtein). Both are at most MAX_NAME long.
static size_t slips(const char *a, const char *b) {
    size_t n_a = strlen(a);
    size_t n_b = strlen(b);
    size_t rows[MAX_NAME + 1][MAX_NAME + 1];
    for (size_t i = 0; i <= n_a; i++) {
        rows[i][0] = i;
    }
    for (size_t j = 0; j <= n_b; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= n_a; i++) {
        for (size_t j = 1; j <= n_b; j++) {
            size_t change = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            rows[i][j] = least(change, least(rows[i - 1][j], rows[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                rows[i][j] = least(rows[i][j], rows[i - 2][j - 2] + 1);
            }
        }
    }
    return rows[n_a][n_b];
}

const char *options_nearest(const char *typed, const char *(*name_at)(size_t i, const void *user),
                            const void *user) {
    if (strlen(typed) > MAX_NAME) {
        return NULL;
    }
    const char *best = NULL;
    size_t best_slips = 0;
    for (size_t i = 0;; i++) {
        const char *name = name_at(i, user);
        if (name == NULL) {
            return best;
        }
        if (strlen(name) > MAX_NAME) {
            continue;
        }
        size_t n = slips(typed, name);
        // One slip in three letters is a typing mistake; more is another word.
        if (n <= least(3, strlen(name) / 3) && (best == NULL || n < best_slips)) {
            best = name;
            best_slips = n;
        }
    }
}
