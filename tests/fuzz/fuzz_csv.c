// SPDX-License-Identifier: MIT
// Fuzzes the CSV reader and what is made of its rows. The first byte of an input is the size of the
// pieces it is fed in and, in its upper two bits, which delimiter; the rest is the file.
//
// What must hold, beside no crash and no read outside the input:
// - fed in pieces, the rows are the same as fed at once;
// - until the first bad row they are those of a reader of a few lines, written for this test;
// - a row lies in the input where its line number says, and cut once more it has the same cells;
// - an accepted order, written as JSON and read again, is the same order;
// - with --group-by every row becomes part of exactly one event.
#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "engine/zone_file.h"
#include "format/csv_dialect.h"
#include "format/csv_groups.h"
#include "format/csv_presets.h"
#include "format/order_csv.h"
#include "format/order_json.h"
#include "format/order_write.h"
#include <stdio.h>
#include <stdlib.h>

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS_MAX = 100000 };

static struct {
    struct csv *csv; // one for all: making one is slow under a sanitizer
    struct order_json *parser;
    struct zone *zone;
    struct order_rules rules;
    struct csv_fields fields; // as a user says them
    struct csv_fields preset; // of the preset that the header is
    char delimiter;
    uint64_t rows[ROWS_MAX]; // a hash of each row, of the whole feed
    size_t n_rows, first_bad;
} f;

static void start(void) {
    struct error err;
    if (!zone_open("America/New_York", &f.zone, &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    f.rules = (struct order_rules){.zone = f.zone, .currency = "USD"};
    f.csv = mem_must(csv_new(NULL));
    f.parser = mem_must(order_json_new(NULL));
}

static uint64_t row_hash(const struct csv_row *row, enum csv_next kind) {
    uint64_t h = hash_u64((uint64_t)row->line * 2 + (kind == CSV_BAD_ROW));
    for (size_t i = 0; i < row->n_cells; i++) {
        h = hash_text(row->cells[i], h);
    }
    return hash_text(row->raw, h);
}

// --- A reader of a few lines: appends one row's cells, length first, or says no.

// Between tabs a quote that is not around a cell is a character of it.
static bool is_plain(struct text quoted) {
    return f.delimiter == '\t' &&
           (quoted.len == 0 || (memchr(quoted.at, '\t', quoted.len) == NULL &&
                                memchr(quoted.at, '\n', quoted.len) == NULL &&
                                memchr(quoted.at, '\r', quoted.len) == NULL));
}

static bool simple_row(struct text in, size_t *at, struct buf *cells) {
    bool in_quotes = false, was_quoted = false, plain = false;
    size_t cell = cells->len, start_at = *at;
    uint32_t len = 0;
    buf_put(cells, &len, sizeof len);
    for (;; (*at)++) {
        bool end = *at == in.len;
        char c = end ? '\n' : in.at[*at];
        if (in_quotes) {
            if (end) {
                return false;
            }
            if (c != '"') {
                buf_put_char(cells, c);
            } else if (*at + 1 < in.len && in.at[*at + 1] == '"') {
                buf_put_char(cells, '"');
                (*at)++;
            } else {
                in_quotes = false;
            }
            continue;
        }
        if (c == '"' && *at == start_at && !plain) {
            in_quotes = was_quoted = true;
        } else if (c == '"' && f.delimiter != '\t') {
            return false;
        } else if (c == f.delimiter || c == '\n' || c == '\r') {
            len = (uint32_t)(cells->len - cell - sizeof len);
            memcpy(cells->at + cell, &len, sizeof len);
            if (c != f.delimiter) {
                *at += end ? 0 : c == '\r' && *at + 1 < in.len && in.at[*at + 1] == '\n' ? 2 : 1;
                return true;
            }
            cell = cells->len;
            len = 0;
            buf_put(cells, &len, sizeof len);
            start_at = *at + 1;
            was_quoted = plain = false;
        } else if (was_quoted) {
            size_t from = cell + sizeof len;
            if (!is_plain((struct text){cells->at + from, cells->len - from})) {
                return false;
            }
            cells->len = from; // once more, with its quotes
            *at = start_at - 1;
            was_quoted = false;
            plain = true;
        } else {
            buf_put_char(cells, c);
        }
    }
}

static void check_simple(const struct csv_row *row, struct text in, size_t *at) {
    struct buf cells = {0};
    while (*at < in.len && (in.at[*at] == '\n' || in.at[*at] == '\r')) {
        (*at)++; // empty lines are no rows
    }
    HOLDS(simple_row(in, at, &cells));
    const char *p = cells.at;
    for (size_t i = 0; i < row->n_cells; i++) {
        uint32_t len;
        HOLDS(p < cells.at + cells.len);
        memcpy(&len, p, sizeof len);
        HOLDS(text_equal(row->cells[i], (struct text){p + sizeof len, len}));
        p += sizeof len + len;
    }
    HOLDS(p == cells.at + cells.len);
    buf_free(&cells);
}

static void check_split(const struct csv_row *row) {
    static struct text cells[CSV_CELLS_MAX];
    char *scratch = malloc(row->raw.len + 1);
    size_t n;
    HOLDS(csv_split(row->raw, f.delimiter, cells, CSV_CELLS_MAX, &n, scratch));
    HOLDS(n == row->n_cells);
    for (size_t i = 0; i < n; i++) {
        HOLDS(text_equal(cells[i], row->cells[i]));
    }
    free(scratch);
}

// --- The whole input at once, then in pieces

// Looking at the first line, or at any rows, changes nothing of what is read then.
static void check_first_line(struct csv *c) {
    struct text line, again;
    char found[CSV_DELIMITERS_COUNT];
    struct csv_row row;
    enum csv_next next;
    if (csv_first_line(c, &line) != CSV_ROW) {
        return;
    }
    HOLDS(line.len > 0 && csv_first_line(c, &again) == CSV_ROW && text_equal(line, again));
    size_t n = csv_delimiters_in(line, found);
    HOLDS(n >= 1 && n <= CSV_DELIMITERS_COUNT);
    csv_mark(c);
    do {
        next = csv_next(c, &row);
    } while (next == CSV_ROW || next == CSV_BAD_ROW);
    csv_go_back(c);
}

static void read_whole(struct text in) {
    struct csv *c = f.csv;
    csv_reset(c);
    csv_set_delimiter(c, f.delimiter);
    struct csv_row row;
    size_t room, at = in.len >= 3 && memcmp(in.at, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    char *base = csv_room(c, &room);
    HOLDS(room >= in.len);
    memcpy(base, in.at, in.len);
    csv_fed(c, in.len);
    check_first_line(c);
    f.n_rows = 0;
    f.first_bad = SIZE_MAX;
    int64_t line = 1;
    const char *counted = base;
    enum csv_next next;
    while ((next = csv_next(c, &row)) != CSV_END) {
        if (next == CSV_MORE) {
            csv_fed(c, 0);
            continue;
        }
        HOLDS(f.n_rows < ROWS_MAX && row.raw.at >= counted &&
              row.raw.len + (size_t)(row.raw.at - base) <= in.len);
        for (; counted < row.raw.at; counted++) {
            bool in_crlf = *counted == '\r' && counted + 1 < base + in.len && counted[1] == '\n';
            line += *counted == '\n' || (*counted == '\r' && !in_crlf);
        }
        HOLDS(line == row.line);
        HOLDS((next == CSV_BAD_ROW) == (row.problem != NULL));
        if (next == CSV_BAD_ROW && f.first_bad == SIZE_MAX) {
            f.first_bad = f.n_rows;
        }
        if (next == CSV_ROW) {
            check_split(&row);
        }
        if (f.first_bad == SIZE_MAX) {
            check_simple(&row, in, &at);
        }
        f.rows[f.n_rows++] = row_hash(&row, next);
    }
}

// Calls each row; false when the input is at its end.
static bool next_row(struct csv *c, struct text *rest, size_t piece, struct csv_row *row,
                     enum csv_next *next) {
    while ((*next = csv_next(c, row)) == CSV_MORE) {
        struct text part = {rest->at, rest->len < piece ? rest->len : piece};
        if (part.len == 0) {
            csv_fed(c, 0);
        }
        size_t n = part.len > 0 ? csv_feed(c, part) : 0;
        HOLDS(n > 0 || part.len == 0);
        rest->at += n;
        rest->len -= n;
    }
    return *next != CSV_END;
}

static void read_pieces(struct text in, size_t piece) {
    struct csv *c = f.csv;
    csv_reset(c);
    csv_set_delimiter(c, f.delimiter);
    struct csv_row row;
    enum csv_next next;
    size_t n = 0;
    while (next_row(c, &in, piece, &row, &next)) {
        HOLDS(n < f.n_rows && f.rows[n] == row_hash(&row, next));
        n++;
    }
    HOLDS(n == f.n_rows);
}

// --- Orders

static void check_event(enum order_csv_result result, const struct order_csv_event *e) {
    HOLDS(result != ORDER_CSV_NO_MEMORY);
    if (result == ORDER_CSV_REJECTED) {
        HOLDS(e->why.code != NULL && e->why.message[0] != '\0');
        HOLDS(text_is_utf8(text_of(e->why.message)));
        return;
    }
    if (result == ORDER_CSV_LEFT_OUT) {
        HOLDS(e->n_left_out > 0 && e->also == 0);
        return;
    }
    struct buf json = {0};
    struct arena arena = {0};
    struct order again;
    struct rejection why;
    order_write(&json, &e->order, NULL);
    HOLDS(order_json_parse(f.parser, &f.rules, buf_text(&json), &arena, &again, &why) ==
          ORDER_JSON_OK);
    HOLDS(ident_equal(again.order_id, e->order.order_id));
    HOLDS(again.created_ms == e->order.created_ms);
    HOLDS(order_same_content(&again, &e->order));
    arena_free(&arena);
    buf_free(&json);
}

// What the row or the group comes to besides: it was looked at with the order, and holds.
static void check_parts(struct order_csv *o, const struct csv_row *row,
                        const struct csv_group *group, struct arena *arena, uint32_t also) {
    for (int part = CSV_ITS_CANCELLATION; also >> part != 0; part++) {
        struct order_csv_event e;
        if ((also >> part & 1) == 0) {
            continue;
        }
        enum order_csv_result r =
            group != NULL ? order_csv_group_part(o, group, (enum order_csv_part)part, arena, &e)
                          : order_csv_row_part(o, row, (enum order_csv_part)part, arena, &e);
        HOLDS(r == ORDER_CSV_OK && e.order.kind != ORDER_PLACED);
        check_event(r, &e);
    }
}

static void check_row(struct order_csv *o, const struct csv_row *row, struct arena *arena) {
    struct order_csv_event e;
    enum order_csv_result r = order_csv_row(o, row, arena, &e);
    check_event(r, &e);
    HOLDS(r == ORDER_CSV_LEFT_OUT || (text_equal(e.raw, row->raw) && e.line == row->line));
    check_parts(o, row, NULL, arena, r == ORDER_CSV_OK ? e.also : 0);
}

// With the options of a preset, when the header is one that it knows.
static bool bind_preset(const struct csv_row *header, struct csv_binding *binding) {
    const struct csv_preset *nearest;
    const struct csv_preset *found = csv_presets_find(NULL, header, &nearest);
    struct error err;
    arena_free(&f.preset.arena);
    f.preset = (struct csv_fields){.delimiter = f.delimiter};
    return found != NULL && csv_preset_apply(found, header, &f.preset, &err) &&
           csv_fields_bind(&f.preset, header, binding, &err);
}

static bool bind_header(struct csv *c, struct text *in, struct csv_binding *binding, bool group) {
    struct csv_row row;
    struct error err;
    enum csv_next next;
    f.fields.group = group;
    if (!next_row(c, in, SIZE_MAX, &row, &next) || next != CSV_ROW) {
        return false;
    }
    csv_set_width(c, row.n_cells);
    if (bind_preset(&row, binding)) {
        return binding->group == group;
    }
    return csv_fields_bind(&f.fields, &row, binding, &err);
}

static void read_orders(struct text in) {
    struct csv *c = f.csv;
    csv_reset(c);
    csv_set_delimiter(c, f.delimiter);
    struct csv_binding binding;
    if (bind_header(c, &in, &binding, false)) {
        struct order_csv *o = mem_must(order_csv_new(&f.rules, &binding, NULL));
        struct arena arena = {0};
        struct csv_row row;
        enum csv_next next;
        while (next_row(c, &in, SIZE_MAX, &row, &next)) {
            check_row(o, &row, &arena);
        }
        arena_free(&arena);
        order_csv_free(o);
    }
}

static void read_groups(struct text in) {
    struct csv_binding binding;
    struct csv_groups *g = NULL;
    struct order_csv *o = NULL;
    struct arena arena = {0};
    struct error err;
    size_t n_rows = 0, n_used = 0;
    for (int pass = 0; pass < 2; pass++) {
        struct csv *c = f.csv;
        csv_reset(c);
        csv_set_delimiter(c, f.delimiter);
        struct text rest = in;
        struct csv_row row;
        enum csv_next next;
        bool bound = bind_header(c, &rest, &binding, true);
        if (bound && g == NULL) {
            g = mem_must(csv_groups_new(&binding, NULL));
            o = mem_must(order_csv_new(&f.rules, &binding, NULL));
        }
        while (bound && next_row(c, &rest, SIZE_MAX, &row, &next)) {
            struct csv_group group;
            struct order_csv_event e;
            enum order_csv_result r;
            if (pass == 0) {
                n_rows++;
                HOLDS(csv_groups_count(g, &row, &err));
                continue;
            }
            switch (csv_groups_add(g, &row, &group, &err)) {
            case GROUP_READY:
                n_used += group.n_lines;
                r = order_csv_group(o, &group, &arena, &e);
                check_event(r, &e);
                check_parts(o, &row, &group, &arena, r == ORDER_CSV_OK ? e.also : 0);
                break;
            case GROUP_NONE:
                n_used++;
                check_row(o, &row, &arena);
                break;
            case GROUP_FAILED:
                HOLDS(!"the same file");
                break;
            default:
                break;
            }
        }
        if (bound) {
            csv_groups_counted(g);
        }
    }
    HOLDS(g == NULL || csv_groups_waiting(g) == 0);
    HOLDS(n_used == n_rows || n_rows > ORDER_ITEMS_MAX); // of a larger group not all are kept
    order_csv_free(o);
    csv_groups_free(g);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (f.parser == NULL) {
        start();
    }
    if (size == 0 || size > 64 * 1024) {
        return 0;
    }
    struct text in = {(const char *)data + 1, size - 1};
    f.delimiter = f.fields.delimiter = CSV_DELIMITERS[data[0] >> 6];
    read_whole(in);
    read_pieces(in, (size_t)data[0] + 1);
    read_orders(in);
    read_groups(in);
    return 0;
}
