// SPDX-License-Identifier: MIT
// The product file, read into an arena and found by an open-addressing table over the ids.
//
// In steps: the header row says which column is which; each further row adds one entry; a row that
// breaks the CSV grammar, has no id or is not UTF-8 fails the load as a whole with its line, so
// that a half-read file never replaces a good one.
#include "live/products.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"
#include "format/csv.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TITLE_MAX_CHARACTERS = 120 }; // a page has no room for more

struct entry {
    struct text id; // absent: free
    struct product product;
};

struct products {
    struct arena arena; // all texts
    struct entry *table;
    size_t n, cap; // cap: a power of two, more than n
};

enum column { COLUMN_ID, COLUMN_TITLE, COLUMN_CATEGORY, COLUMNS };

struct loading {
    struct products *products;
    const char *path;
    bool header_read;
    size_t at[COLUMNS]; // position of each column; SIZE_MAX: not in the file
    struct error *err;
};

// --- The table

static struct entry *find_slot(struct entry *table, size_t cap, struct text id) {
    size_t i = (size_t)hash_text(id, 0) & (cap - 1);
    while (table[i].id.at != NULL && !text_equal(table[i].id, id)) {
        i = (i + 1) & (cap - 1);
    }
    return &table[i];
}

static bool products_grow(struct products *p) {
    size_t cap = p->cap > 0 ? 2 * p->cap : 256;
    struct entry *table = try_alloc(cap * sizeof *table);
    if (table == NULL) {
        return false;
    }
    memset(table, 0, cap * sizeof *table);
    for (size_t i = 0; i < p->cap; i++) {
        if (p->table[i].id.at != NULL) {
            *find_slot(table, cap, p->table[i].id) = p->table[i];
        }
    }
    free(p->table);
    p->table = table;
    p->cap = cap;
    return true;
}

const struct product *products_find(const struct products *p, struct text id) {
    if (p == NULL || p->n == 0 || id.len == 0) {
        return NULL;
    }
    const struct entry *e = find_slot(p->table, p->cap, id);
    return e->id.at != NULL ? &e->product : NULL;
}

size_t products_count(const struct products *p) {
    return p != NULL ? p->n : 0;
}

void products_free(struct products *p) {
    if (p != NULL) {
        arena_free(&p->arena);
        free(p->table);
        free(p);
    }
}

// --- Rows

static bool bad_row(struct loading *l, const struct csv_row *row, const char *problem) {
    return error_set(l->err, ERROR_USAGE, "%s, line %" PRId64 ": %s", l->path, row->line, problem);
}

static bool read_header(struct loading *l, const struct csv_row *row) {
    static const char *const names[COLUMNS] = {"product_id", "title", "category"};
    for (size_t c = 0; c < COLUMNS; c++) {
        l->at[c] = SIZE_MAX;
        for (size_t i = 0; i < row->n_cells; i++) {
            if (text_equal(text_trim(row->cells[i]), text_of(names[c]))) {
                l->at[c] = i;
            }
        }
    }
    l->header_read = true;
    if (l->at[COLUMN_ID] == SIZE_MAX || l->at[COLUMN_TITLE] == SIZE_MAX) {
        return bad_row(
            l, row, "the header row needs the columns product_id and title (category is optional)");
    }
    return true;
}

// The trimmed cell, at most TITLE_MAX_CHARACTERS of it; absent when empty.
static struct text cell(const struct loading *l, const struct csv_row *row, enum column column) {
    if (l->at[column] == SIZE_MAX) {
        return TEXT_NONE;
    }
    struct text t = text_trim(row->cells[l->at[column]]);
    size_t characters = 0;
    for (size_t i = 0; i < t.len; i++) {
        bool starts = ((unsigned char)t.at[i] & 0xC0) != 0x80;
        characters += starts;
        if (starts && characters > TITLE_MAX_CHARACTERS) {
            t.len = i;
        }
    }
    return t.len > 0 ? t : TEXT_NONE;
}

static bool products_copy(struct products *p, struct text from, struct text *to) {
    if (from.at == NULL) {
        *to = TEXT_NONE;
        return true;
    }
    return arena_try_copy(&p->arena, from, to);
}

static bool read_row(struct loading *l, const struct csv_row *row) {
    struct products *p = l->products;
    struct text id = cell(l, row, COLUMN_ID);
    if (id.at == NULL) {
        return bad_row(l, row, "product_id is empty");
    }
    if (!text_is_utf8(row->raw)) {
        return bad_row(l, row, "the text is not UTF-8; save the file as UTF-8");
    }
    struct entry fresh;
    if ((2 * (p->n + 1) > p->cap && !products_grow(p)) || !products_copy(p, id, &fresh.id) ||
        !products_copy(p, cell(l, row, COLUMN_TITLE), &fresh.product.title) ||
        !products_copy(p, cell(l, row, COLUMN_CATEGORY), &fresh.product.category)) {
        return error_set(l->err, ERROR_RETRIABLE, "%s: not enough memory to hold it", l->path);
    }
    struct entry *e = find_slot(p->table, p->cap, fresh.id);
    p->n += e->id.at == NULL;
    *e = fresh;
    return true;
}

// --- The file

static bool read_rows(struct loading *l, struct csv *csv, bool *more) {
    struct csv_row row;
    for (;;) {
        switch (csv_next(csv, &row)) {
        case CSV_ROW:
            if (l->header_read ? !read_row(l, &row) : !read_header(l, &row)) {
                return false;
            }
            csv_set_width(csv, row.n_cells);
            break;
        case CSV_BAD_ROW:
            return bad_row(l, &row, row.problem);
        case CSV_MORE:
            *more = true;
            return true;
        case CSV_END:
            *more = false;
            return l->header_read ||
                   error_set(l->err, ERROR_USAGE,
                             "%s is empty: it needs a header row with product_id and title",
                             l->path);
        }
    }
}

static bool read_file(struct loading *l, FILE *file, struct csv *csv) {
    bool more = true;
    while (more) {
        size_t room;
        char *at = csv_room(csv, &room);
        size_t n = fread(at, 1, room, file);
        if (n == 0 && ferror(file)) {
            return error_set(l->err, ERROR_USAGE, "%s cannot be read: %s", l->path,
                             strerror(errno));
        }
        csv_fed(csv, n);
        if (!read_rows(l, csv, &more)) {
            return false;
        }
    }
    return true;
}

bool products_load(const char *path, struct products **out, struct error *err) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return error_set(err, ERROR_USAGE, "the product file %s cannot be opened: %s", path,
                         strerror(errno));
    }
    struct csv *csv = mem_must(csv_new(NULL));
    struct products *p = mem_zalloc(1, sizeof *p);
    struct loading l = {.products = p, .path = path, .err = err};
    bool ok = read_file(&l, file, csv);
    csv_free(csv);
    fclose(file);
    if (!ok) {
        products_free(p);
        return false;
    }
    *out = p;
    return true;
}
