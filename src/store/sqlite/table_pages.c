// SPDX-License-Identifier: MIT
// Pages of a table, as SQLite's file format has them.
//
// 1. Page 1 has the header of a database file, and the schema: one row. Page 2 is the table's root.
// 2. Rows fill leaves, page 3 and so on; of a row that no page has room for, the rest lies in a
//    chain of pages of its own.
// 3. At the end the level above the leaves is made, and so on, until all of it fits into the root.
//    A single leaf is the root.
//
// How it fails: memory is refused. Half a table is never read, for nobody reads before the end.
#include "store/sqlite/table_pages.h"

#include "base/heap.h"
#include "store/sqlite/sql_record.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILE_HEADER_BYTES = 100,
    LEAF_HEADER_BYTES = 8,
    INNER_HEADER_BYTES = 12,
    TYPE_LEAF = 13,
    TYPE_INNER = 5,
    ROOT = 2,
    VARINT_MAX = 9,
    // Bytes of a row that lie in its leaf: all up to MOST, else at least LEAST.
    MOST_LOCAL = TABLE_PAGE_BYTES - 35,
    LEAST_LOCAL = (TABLE_PAGE_BYTES - 12) * 32 / 255 - 23,
    CHAINED_BYTES = TABLE_PAGE_BYTES - 4, // in each page of a chain
    INNER_CELL_MAX = 2 + 4 + VARINT_MAX,  // with its place in the list of cells
    // Below a page of an upper level, but for the rightmost.
    FANOUT = (TABLE_PAGE_BYTES - INNER_HEADER_BYTES) / INNER_CELL_MAX,
    CHANGE_COUNTER = 24, // bytes 24 to 27 of the file
    SCHEMA_BYTES_MAX = 3000,
};

static void put16(unsigned char *at, size_t v) {
    uint16_t big = htobe16((uint16_t)v);
    memcpy(at, &big, sizeof big);
}

static void put32(unsigned char *at, uint32_t v) {
    uint32_t big = htobe32(v);
    memcpy(at, &big, sizeof big);
}

static unsigned char *page_at(const struct table_pages *p, uint32_t number) {
    return p->at + (size_t)(number - 1) * TABLE_PAGE_BYTES;
}

// 0: memory was refused, or there are too many.
static uint32_t new_page(struct table_pages *p) {
    if (p->n == TABLE_PAGES_MAX) {
        return 0;
    }
    if (p->n == p->cap) {
        size_t cap = p->cap > 0 ? p->cap * 2 : 4;
        unsigned char *at = try_realloc(p->at, cap * TABLE_PAGE_BYTES);
        if (at == NULL) {
            return 0;
        }
        p->at = at;
        p->cap = cap;
    }
    return (uint32_t)++p->n;
}

static void begin_page(unsigned char *page, unsigned char type) {
    page[0] = type;
    memset(page + 1, 0, LEAF_HEADER_BYTES - 1);
}

// --- Page 1

static void put_file_header(unsigned char *page) {
    memset(page, 0, TABLE_PAGE_BYTES);
    memcpy(page, "SQLite format 3", 16);
    put16(page + 16, TABLE_PAGE_BYTES);
    page[18] = page[19] = 1; // written and read without a write-ahead log
    page[21] = 64;
    page[22] = page[23] = 32; // these three are always so
    put32(page + 40, 1);      // version of the schema
    put32(page + 44, 4);      // its format
    put32(page + 56, 1);      // UTF-8
    // For which change counter the number of pages is right: none, so that the file's size counts.
}

static void put_schema(unsigned char *page, struct text row) {
    unsigned char cell[2 * VARINT_MAX], *head = page + FILE_HEADER_BYTES;
    size_t n = varint_put(cell, row.len);
    n += varint_put(cell + n, 1);
    size_t at = TABLE_PAGE_BYTES - n - row.len;
    begin_page(head, TYPE_LEAF);
    put16(head + 3, 1);
    put16(head + 5, at);
    put16(head + LEAF_HEADER_BYTES, at);
    memcpy(page + at, cell, n);
    memcpy(page + at + n, row.at, row.len);
}

bool table_pages_init(struct table_pages *p, struct text name, struct text sql) {
    struct sql_record r = {0};
    struct text row;
    *p = (struct table_pages){0};
    if (name.len + sql.len > SCHEMA_BYTES_MAX || new_page(p) == 0 || new_page(p) == 0) {
        return false;
    }
    put_file_header(p->at);
    record_begin(&r);
    record_text(&r, TEXT_LIT("table"));
    record_text(&r, name);
    record_text(&r, name);
    record_i64(&r, ROOT);
    record_text(&r, sql);
    bool ok = record_end(&r, &row);
    if (ok) {
        put_schema(p->at, row);
    }
    record_free(&r);
    table_pages_clear(p);
    return ok;
}

void table_pages_free(struct table_pages *p) {
    free(p->at);
    free(p->level);
    *p = (struct table_pages){0};
}

void table_pages_clear(struct table_pages *p) {
    uint32_t counter;
    memcpy(&counter, p->at + CHANGE_COUNTER, sizeof counter);
    put32(p->at + CHANGE_COUNTER, be32toh(counter) + 1);
    p->n = ROOT;
    p->n_level = 0;
    p->leaf = 0;
    p->n_rows = 0;
    begin_page(page_at(p, ROOT), TYPE_LEAF);
    put16(page_at(p, ROOT) + 5, TABLE_PAGE_BYTES);
}

// --- Leaves

static bool add_to_level(struct table_pages *p, uint32_t number, int64_t last_row) {
    if (p->n_level == p->cap_level) {
        size_t cap = p->cap_level > 0 ? p->cap_level * 2 : 64;
        struct table_page *level = try_realloc(p->level, cap * sizeof *level);
        if (level == NULL) {
            return false;
        }
        p->level = level;
        p->cap_level = cap;
    }
    p->level[p->n_level++] = (struct table_page){number, last_row};
    return true;
}

// The leaf is full, or there is no row any more.
static void end_leaf(struct table_pages *p) {
    if (p->leaf != 0) {
        unsigned char *leaf = page_at(p, p->leaf);
        put16(leaf + 3, p->n_in_leaf);
        put16(leaf + 5, p->free_end);
    }
}

// Its last row is noted with each row.
static bool next_leaf(struct table_pages *p) {
    end_leaf(p);
    p->leaf = new_page(p);
    p->free_end = TABLE_PAGE_BYTES;
    p->n_in_leaf = 0;
    if (p->leaf == 0 || !add_to_level(p, p->leaf, p->n_rows)) {
        return false;
    }
    begin_page(page_at(p, p->leaf), TYPE_LEAF);
    return true;
}

// How many bytes of a row lie in its leaf.
static size_t local_bytes(size_t n_bytes) {
    if (n_bytes <= MOST_LOCAL) {
        return n_bytes;
    }
    size_t n = LEAST_LOCAL + (n_bytes - LEAST_LOCAL) % CHAINED_BYTES;
    return n <= MOST_LOCAL ? n : LEAST_LOCAL;
}

// What of a row has no room in its leaf. 0: memory was refused; else the chain's first page.
static uint32_t put_chain(struct table_pages *p, struct text rest) {
    uint32_t first = 0, before = 0;
    while (rest.len > 0) {
        uint32_t number = new_page(p);
        if (number == 0) {
            return 0;
        }
        if (before != 0) {
            put32(page_at(p, before), number);
        }
        first = first != 0 ? first : number;
        before = number;
        size_t n = rest.len < CHAINED_BYTES ? rest.len : CHAINED_BYTES;
        put32(page_at(p, number), 0);
        memcpy(page_at(p, number) + 4, rest.at, n);
        rest = (struct text){rest.at + n, rest.len - n};
    }
    return first;
}

bool table_pages_add(struct table_pages *p, struct text row) {
    size_t local = local_bytes(row.len);
    bool has_rest = local < row.len;
    unsigned char start[2 * VARINT_MAX];
    size_t n_start = varint_put(start, row.len);
    n_start += varint_put(start + n_start, (uint64_t)p->n_rows + 1);
    size_t n_cell = n_start + local + (has_rest ? 4 : 0);
    // Its list of cells has two bytes for each.
    bool fits = p->leaf != 0 && LEAF_HEADER_BYTES + 2 * (p->n_in_leaf + 1) + n_cell <= p->free_end;
    if (!fits && !next_leaf(p)) {
        return false;
    }
    uint32_t chain = has_rest ? put_chain(p, (struct text){row.at + local, row.len - local}) : 0;
    if (has_rest && chain == 0) {
        return false;
    }
    unsigned char *leaf = page_at(p, p->leaf);
    p->free_end -= n_cell;
    put16(leaf + LEAF_HEADER_BYTES + 2 * p->n_in_leaf++, p->free_end);
    memcpy(leaf + p->free_end, start, n_start);
    memcpy(leaf + p->free_end + n_start, row.at, length_unseen(local));
    if (chain != 0) {
        put32(leaf + p->free_end + n_start + local, chain);
    }
    p->level[p->n_level - 1].last_row = ++p->n_rows;
    return true;
}

// --- Above them

// A page over `n` of the level, the last of which is its rightmost.
static void put_inner(unsigned char *page, const struct table_page *below, size_t n) {
    size_t end = TABLE_PAGE_BYTES;
    begin_page(page, TYPE_INNER);
    for (size_t i = 0; i + 1 < n; i++) {
        unsigned char cell[4 + VARINT_MAX];
        put32(cell, below[i].number);
        size_t n_cell = 4 + varint_put(cell + 4, (uint64_t)below[i].last_row);
        end -= n_cell;
        memcpy(page + end, cell, n_cell);
        put16(page + INNER_HEADER_BYTES + 2 * i, end);
    }
    put16(page + 3, n - 1);
    put16(page + 5, end);
    put32(page + 8, below[n - 1].number);
}

// Of a level that has too many pages for the root. Each gets two at least.
static bool put_level(struct table_pages *p) {
    size_t n_above = (p->n_level + FANOUT) / (FANOUT + 1), n_done = 0;
    for (size_t i = 0; i < n_above; i++) {
        size_t n = (p->n_level - n_done) / (n_above - i);
        uint32_t number = new_page(p);
        if (number == 0) {
            return false;
        }
        put_inner(page_at(p, number), p->level + n_done, n);
        p->level[i] = (struct table_page){number, p->level[n_done + n - 1].last_row};
        n_done += n;
    }
    p->n_level = n_above;
    return true;
}

bool table_pages_end(struct table_pages *p) {
    end_leaf(p);
    if (p->n_level == 1) {
        memcpy(page_at(p, ROOT), page_at(p, p->level[0].number), TABLE_PAGE_BYTES);
        return true;
    }
    while (p->n_level > FANOUT + 1) {
        if (!put_level(p)) {
            return false;
        }
    }
    if (p->n_level > 0) {
        put_inner(page_at(p, ROOT), p->level, p->n_level);
    }
    return true;
}
