// SPDX-License-Identifier: MIT
// Titles and categories of products, for people who read the live page. Immutable once loaded.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include "base/text.h"
#include <stddef.h>

struct products;
struct product {
    struct text title, category; // absent when the file has none
};

// Reads a CSV with a header row: product_id, title, category in any order, other columns ignored.
// An id that comes twice: the last row holds. On failure nothing is kept and `err` names file and
// row.
MUST_CHECK bool products_load(const char *path, struct products **out, struct error *err);
void products_free(struct products *p); // NULL is fine
// `id` as text ("7" is the integer 7). NULL when it is not known (or `p` is NULL). Borrowed from
// `p`.
const struct product *products_find(const struct products *p, struct text id);
size_t products_count(const struct products *p); // 0 for NULL
