// SPDX-License-Identifier: MIT
// The customers of a shop, read from a CSV file and then never changed.
//
// The happy path: the header tells the columns; each row's cells pass the rules of order.h; the
// pair (source, state) gets a number, since a million customers share a few hundred pairs; the
// customer's id and that number go into an open-addressing table: 12 bytes a slot, 16 to 32 a
// customer, plus the text of identifiers that are not numbers.
//
// How it fails: the file cannot be read, has no customer_id column, or one row is wrong. Then
// nothing is kept, and the error names the file and the line: half a customers file would give
// orders the wrong source and state without a word.
#include "sums/customers.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "format/csv.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

enum { FIRST_SLOTS = 1024, CUSTOMERS_MAX = 500 * 1000 * 1000 };

struct customers {
    int64_t *keys;     // >= 0: the integer; else -1 - offset of the text in id_texts
    uint32_t *pair_of; // 1 + index into pairs; 0: the slot is free
    size_t n_slots;    // a power of two
    size_t count;
    struct buf id_texts; // length (1 byte: at most ORDER_ID_MAX), bytes

    struct customer *pairs;
    uint32_t *pair_slots; // 1 + index into pairs; 0: free
    size_t n_pairs, n_pair_slots;
    struct arena pair_texts;
};

void customers_free(struct customers *c) {
    if (c == NULL) {
        return;
    }
    free(c->keys);
    free(c->pair_of);
    free(c->pairs);
    free(c->pair_slots);
    buf_free(&c->id_texts);
    arena_free(&c->pair_texts);
    free(c);
}

size_t customers_count(const struct customers *c) {
    return c != NULL ? c->count : 0;
}

static bool out_of_memory(struct error *err) {
    return error_set(err, ERROR_RETRIABLE, "out of memory");
}

// --- Pairs of source and state

static uint64_t pair_hash(const struct customer *pair) {
    return hash_text(pair->state, hash_text(pair->source, 0));
}

static bool same_pair(const struct customer *a, const struct customer *b) {
    return text_equal(a->source, b->source) && text_equal(a->state, b->state);
}

static uint32_t *find_pair_slot(struct customers *c, const struct customer *pair) {
    size_t mask = c->n_pair_slots - 1;
    size_t i = pair_hash(pair) & mask;
    while (c->pair_slots[i] != 0 && !same_pair(&c->pairs[c->pair_slots[i] - 1], pair)) {
        i = (i + 1) & mask;
    }
    return &c->pair_slots[i];
}

static bool grow_pairs(struct customers *c) {
    size_t n = c->n_pair_slots == 0 ? FIRST_SLOTS : c->n_pair_slots * 2;
    struct customer *pairs = try_realloc(c->pairs, n / 2 * sizeof *pairs);
    if (pairs == NULL) {
        return false;
    }
    c->pairs = pairs;
    uint32_t *slots = try_alloc(n * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    memset(slots, 0, n * sizeof *slots);
    free(c->pair_slots);
    c->pair_slots = slots;
    c->n_pair_slots = n;
    for (size_t i = 0; i < c->n_pairs; i++) {
        *find_pair_slot(c, &c->pairs[i]) = (uint32_t)i + 1;
    }
    return true;
}

static bool copy_optional(struct customers *c, struct text from, struct text *to) {
    *to = TEXT_NONE;
    return from.at == NULL || arena_try_copy(&c->pair_texts, from, to);
}

// The pair's number, 1 + index. 0: memory is refused.
static uint32_t pair_number(struct customers *c, const struct customer *pair) {
    if (c->n_pairs * 2 >= c->n_pair_slots && !grow_pairs(c)) {
        return 0;
    }
    uint32_t *slot = find_pair_slot(c, pair);
    if (*slot == 0) {
        struct customer *fresh = &c->pairs[c->n_pairs];
        if (!copy_optional(c, pair->source, &fresh->source) ||
            !copy_optional(c, pair->state, &fresh->state)) {
            return 0;
        }
        *slot = (uint32_t)++c->n_pairs;
    }
    return *slot;
}

// --- Customers

static uint64_t id_hash(struct ident id) {
    return id.num >= 0 ? hash_u64((uint64_t)id.num) : hash_text(id.text, 0);
}

static struct ident key_ident(const struct customers *c, int64_t key) {
    if (key >= 0) {
        return (struct ident){key, {NULL, 0}};
    }
    const char *at = c->id_texts.at + (-1 - key);
    return (struct ident){-1, {at + 1, (unsigned char)at[0]}};
}

// The slot of this customer, or the free one where it belongs.
static size_t find_slot(const struct customers *c, struct ident id) {
    size_t mask = c->n_slots - 1;
    size_t i = id_hash(id) & mask;
    while (c->pair_of[i] != 0 && !ident_equal(key_ident(c, c->keys[i]), id)) {
        i = (i + 1) & mask;
    }
    return i;
}

const struct customer *customers_find(const struct customers *c, struct ident customer_id) {
    if (c == NULL || c->count == 0 || !ident_present(customer_id)) {
        return NULL;
    }
    uint32_t pair = c->pair_of[find_slot(c, customer_id)];
    return pair != 0 ? &c->pairs[pair - 1] : NULL;
}

static bool grow_slots(struct customers *c) {
    size_t old_n = c->n_slots;
    int64_t *old_keys = c->keys;
    uint32_t *old_pairs = c->pair_of;
    size_t n = old_n == 0 ? FIRST_SLOTS : old_n * 2;
    int64_t *keys = try_alloc(n * sizeof *keys);
    uint32_t *pair_of = try_alloc(n * sizeof *pair_of);
    if (keys == NULL || pair_of == NULL) {
        free(keys);
        free(pair_of);
        return false;
    }
    memset(pair_of, 0, n * sizeof *pair_of);
    c->keys = keys;
    c->pair_of = pair_of;
    c->n_slots = n;
    for (size_t i = 0; i < old_n; i++) {
        if (old_pairs[i] != 0) {
            size_t to = find_slot(c, key_ident(c, old_keys[i]));
            c->keys[to] = old_keys[i];
            c->pair_of[to] = old_pairs[i];
        }
    }
    free(old_keys);
    free(old_pairs);
    return true;
}

static bool add_customer(struct customers *c, struct ident id, const struct customer *pair) {
    if (c->count * 4 >= c->n_slots * 3 && !grow_slots(c)) {
        return false;
    }
    uint32_t number = pair_number(c, pair);
    if (number == 0) {
        return false;
    }
    size_t slot = find_slot(c, id);
    if (c->pair_of[slot] == 0) {
        c->keys[slot] = id.num;
        if (id.num < 0) {
            c->keys[slot] = -1 - (int64_t)c->id_texts.len;
            buf_put_char(&c->id_texts, (char)id.text.len);
            buf_put_text(&c->id_texts, id.text);
        }
        c->count++;
    }
    c->pair_of[slot] = number; // the last row of an id holds
    return !c->id_texts.failed;
}

// --- The file

enum { ID, SOURCE, STATE, COLUMNS };

// The work on one file.
struct reading {
    const char *path;
    struct customers *c;
    int column[COLUMNS]; // -1: not there
    struct error *err;
};

static const enum order_field fields[COLUMNS] = {FIELD_CUSTOMER_ID, FIELD_SOURCE, FIELD_STATE};

static bool wrong(struct reading *r, int64_t line, const char *what) {
    return error_set(r->err, ERROR_USAGE, "%s:%lld: %s", r->path, (long long)line, what);
}

static bool read_header(struct reading *r, const struct csv_row *row) {
    if (row->problem != NULL) {
        return wrong(r, row->line, row->problem);
    }
    for (int f = 0; f < COLUMNS; f++) {
        struct text name = text_of(order_field_name(fields[f]));
        r->column[f] = -1;
        for (size_t i = 0; i < row->n_cells; i++) {
            struct text cell = text_trim(row->cells[i]);
            if (cell.len != name.len || strncasecmp(cell.at, name.at, name.len) != 0) {
                continue;
            }
            if (r->column[f] >= 0) {
                return error_set(r->err, ERROR_USAGE, "%s:%lld: two columns are called %s", r->path,
                                 (long long)row->line, name.at);
            }
            r->column[f] = (int)i;
        }
    }
    if (r->column[ID] < 0) {
        return wrong(r, row->line,
                     "no column customer_id in the first row (source and state are read too)");
    }
    return true;
}

// Passes the row's cells through the rules of an order's fields.
static bool read_fields(struct reading *r, const struct csv_row *row, struct order *o) {
    static const struct order_rules rules = {.currency = "USD"};
    struct rejection why;
    struct order_builder b;
    order_begin(&b, &rules, o, &why);
    for (int f = 0; f < COLUMNS; f++) {
        if (r->column[f] < 0) {
            continue;
        }
        struct text cell = text_trim(row->cells[r->column[f]]);
        if (!text_is_utf8(cell)) {
            return error_set(r->err, ERROR_USAGE, "%s:%lld: %s: not UTF-8: '%s'", r->path,
                             (long long)row->line, order_field_name(fields[f]),
                             excerpt_of(cell).text);
        }
        if (cell.len > 0 && !order_set(&b, fields[f], VALUE_TEXT, cell)) {
            return error_set(r->err, ERROR_USAGE, "%s:%lld: %s: %s", r->path, (long long)row->line,
                             why.field, why.message);
        }
    }
    return ident_present(o->customer_id) || wrong(r, row->line, "customer_id is empty");
}

static bool read_row(struct reading *r, const struct csv_row *row) {
    struct order o;
    if (row->problem != NULL) {
        return wrong(r, row->line, row->problem);
    }
    if (!read_fields(r, row, &o)) {
        return false;
    }
    if (r->c->count >= CUSTOMERS_MAX) {
        return wrong(r, row->line, "more than 500 million customers");
    }
    struct customer pair = {o.source, o.state};
    return add_customer(r->c, o.customer_id, &pair) || out_of_memory(r->err);
}

static bool fill(struct reading *r, int fd, struct csv *csv) {
    size_t room;
    char *to = csv_room(csv, &room);
    ssize_t n;
    do {
        n = read(fd, to, room);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return error_set(r->err, ERROR_RETRIABLE, "cannot read %s: %s", r->path, strerror(errno));
    }
    csv_fed(csv, (size_t)n);
    return true;
}

static bool read_rows(struct reading *r, int fd, struct csv *csv) {
    struct csv_row row;
    bool has_header = false;
    for (;;) {
        switch (csv_next(csv, &row)) {
        case CSV_MORE:
            if (!fill(r, fd, csv)) {
                return false;
            }
            break;
        case CSV_END:
            return has_header || wrong(r, 1, "the file is empty; its first row must name columns");
        default:
            if (!has_header) {
                if (!read_header(r, &row)) {
                    return false;
                }
                csv_set_width(csv, row.n_cells);
                has_header = true;
            } else if (!read_row(r, &row)) {
                return false;
            }
        }
    }
}

bool customers_load(const char *path, struct customers **out, struct error *err) {
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set(err, ERROR_USAGE, "cannot open customers %s: %s", path, strerror(errno));
    }
    struct reading r = {.path = path, .c = mem_zalloc(1, sizeof *r.c), .err = err};
    struct csv *csv = csv_new();
    bool ok = read_rows(&r, fd, csv);
    csv_free(csv);
    close(fd);
    if (!ok) {
        customers_free(r.c);
        return false;
    }
    *out = r.c;
    return true;
}
