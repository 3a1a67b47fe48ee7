// SPDX-License-Identifier: MIT
// A SQLite database of one table, in memory, made of rows in record format: what a database file
// holds (https://www.sqlite.org/fileformat.html), page by page. It is written by this, read by
// SQLite (rows_source.h).
#pragma once
#include "base/must.h"
#include "base/text.h"
#include <stddef.h>
#include <stdint.h>

enum { TABLE_PAGE_BYTES = 4096, TABLE_PAGES_MAX = 1 << 24 };

struct table_page { // of the level that is being put together, or is whole
    uint32_t number;
    int64_t last_row; // of all that lie beneath it
};

struct table_pages {
    unsigned char *at; // n pages; number 1 first
    size_t n, cap;
    struct table_page *level; // n_level leaves, or pages of one level above
    size_t n_level, cap_level;
    uint32_t leaf;              // number of the leaf that is filled; 0: none
    size_t n_in_leaf, free_end; // its rows, and where they begin: they grow towards its start
    int64_t n_rows;
};

// Page 1: its one table is `name`, made by `sql`, which fit together with 3,000 bytes. False:
// memory was refused, or they do not.
MUST_CHECK bool table_pages_init(struct table_pages *p, struct text name, struct text sql);
void table_pages_free(struct table_pages *p);

// Begins anew, without rows: as another version of the file, so that nobody keeps pages of before.
void table_pages_clear(struct table_pages *p);
// The next row; its number is that of the rows. False: memory was refused, or there are too many
// pages (64 GiB), so only clear is left.
MUST_CHECK bool table_pages_add(struct table_pages *p, struct text row);
// After the last row: it can be read now. False: likewise.
MUST_CHECK bool table_pages_end(struct table_pages *p);
