// SPDX-License-Identifier: MIT
// Grouping rows by order.
//
// First pass: an open-addressing table of orders, 16 bytes an order and its key, counts their rows.
// Second pass: each row is kept with its order until the count is reached; then the order is handed
// over and its memory used again.
//
// An order is identified by order_id and, if the file has them, event and event_id, so that a
// refund does not melt into the order it refunds.
//
// Nothing may be half counted: a bad row (broken quotes, wrong number of cells) makes its order bad
// as a whole. Whose row it is, is told by the cell at the column of order_id. Where that cannot be
// relied on (the cell is missing or may be shifted, and no good row has this id) the orders of the
// neighbouring rows are rejected too: better asked again than short of a line.
#include "format/csv_groups.h"

#include "base/buf.h"
#include "base/hash.h"

enum {
    KEPT_LINES = ORDER_ITEMS_MAX + 1,
    NO_ENTRY = UINT32_MAX,
    ENTRIES_MAX = INT32_MAX,
    ROWS_MAX = (1 << 30) - 1,
};
#define WAITING_MAX_BYTES ((size_t)1024 * 1024 * 1024)

// One order of the file.
struct entry {
    int64_t key;          // >= 0: the integer; else -1 - offset of the text in keys
    uint32_t rows : 30;   // counted in the first pass, counted down in the second
    uint32_t good : 1;    // has a row that is not bad
    uint32_t suspect : 1; // a bad row next to its rows may be its own
    uint32_t group;       // 1 + index of its group while its rows are kept; 0: none
};

// An order whose rows are being gathered. There may be millions of them: rows lie packed.
struct group {
    struct buf rows; // each: struct row_head, bytes
    uint32_t n_lines;
    uint32_t next_free;
    int64_t bad_line;
    char *problem; // NULL: none
};
struct row_head {
    int64_t line;
    size_t len;
};

// A bad row of the first pass whose order is not certain.
struct doubt {
    uint32_t entry, before, after; // NO_ENTRY: none
};

struct csv_groups {
    const struct mem_heap *heap;
    const struct csv_binding *binding;
    int event_column, event_id_column; // -1: none
    struct entry *entries;
    size_t n_entries, cap_entries;
    uint32_t *slots; // 1 + index of an entry; 0: free
    size_t n_slots;  // a power of two
    struct buf keys; // texts: length (4 bytes), bytes
    struct buf key;  // of the row in work

    struct doubt *doubts;
    size_t n_doubts, cap_doubts, open_doubts; // open: from here on `after` is not known yet
    uint32_t last_good;                       // entry of the newest good row
    bool after_broken; // the row before is broken: this one may start in its middle

    struct group **groups;
    size_t n_groups, cap_groups, n_waiting;
    uint32_t free_group; // 1 + index; 0: none
    size_t waiting_bytes;
    struct group *handed_over; // to be freed at the next call
    struct csv_line lines[KEPT_LINES];
};

static int column_of(const struct csv_binding *b, int field) {
    for (size_t i = 0; i < b->n_sources; i++) {
        if (b->sources[i].field == field) {
            return b->sources[i].column;
        }
    }
    return -1;
}

struct csv_groups *csv_groups_new(const struct csv_binding *binding, const struct mem_heap *heap) {
    struct csv_groups *g = heap_zalloc(heap, 1, sizeof *g);
    if (g == NULL) {
        return NULL;
    }
    g->heap = g->keys.heap = g->key.heap = heap;
    g->binding = binding;
    g->event_column = column_of(binding, FIELD_EVENT);
    g->event_id_column = column_of(binding, FIELD_EVENT_ID);
    g->last_good = NO_ENTRY;
    return g;
}

void csv_groups_free(struct csv_groups *g) {
    if (g == NULL) {
        return;
    }
    for (size_t i = 0; i < g->n_groups; i++) {
        buf_free(&g->groups[i]->rows);
        heap_free(g->heap, g->groups[i]->problem);
        heap_free(g->heap, g->groups[i]);
    }
    heap_free(g->heap, g->groups);
    heap_free(g->heap, g->doubts);
    heap_free(g->heap, g->entries);
    heap_free(g->heap, g->slots);
    buf_free(&g->keys);
    buf_free(&g->key);
    heap_free(g->heap, g);
}

static bool out_of_memory(struct error *err) {
    return error_set(err, ERROR_RETRIABLE,
                     "out of memory while grouping rows (split the file into smaller ones)");
}

// --- Keys

struct row_key {
    struct ident id;
    bool present;
    bool certain; // the cells can be relied on
};

static struct text cell_of(const struct csv_row *row, int column) {
    return column >= 0 && (size_t)column < row->n_cells ? text_trim(row->cells[column])
                                                        : (struct text){"", 0};
}

static struct row_key key_of(struct csv_groups *g, const struct csv_row *row) {
    int id_column = g->binding->id_column;
    struct text id = cell_of(row, id_column);
    if (id.len == 0) {
        return (struct row_key){.id = IDENT_NONE};
    }
    // Cells before a fault are in place; a surplus cell may have shifted all but the first.
    bool reaches = (size_t)id_column < row->n_cells && g->event_column < (int)row->n_cells &&
                   g->event_id_column < (int)row->n_cells;
    bool in_place = row->broken || (id_column == 0 && g->event_column <= 0);
    bool certain = row->problem == NULL || (reaches && in_place && !g->after_broken);

    struct text event = cell_of(row, g->event_column);
    struct text event_id = cell_of(row, g->event_id_column);
    if (text_equal(event, TEXT_LIT("placed"))) {
        event.len = 0;
    }
    if (event.len == 0 && event_id.len == 0) {
        return (struct row_key){ident_of_text(id), true, certain};
    }
    buf_clear(&g->key);
    buf_put_text(&g->key, id);
    buf_put_char(&g->key, '\x1F');
    buf_put_text(&g->key, event);
    buf_put_char(&g->key, '\x1F');
    buf_put_text(&g->key, event_id);
    return (struct row_key){{-1, buf_text(&g->key)}, true, certain};
}

static struct text key_text(const struct csv_groups *g, int64_t key) {
    const char *at = g->keys.at + (-1 - key);
    uint32_t len;
    memcpy(&len, at, sizeof len);
    return (struct text){at + sizeof len, len};
}

static uint64_t key_hash(struct ident id) {
    return id.num >= 0 ? hash_u64((uint64_t)id.num) : hash_text(id.text, 0);
}

// --- The table of orders

static struct ident entry_ident(const struct csv_groups *g, const struct entry *e) {
    return e->key >= 0 ? (struct ident){e->key, {NULL, 0}}
                       : (struct ident){-1, key_text(g, e->key)};
}

// The slot of this key, or the free slot where it belongs.
static uint32_t *find_slot(struct csv_groups *g, struct ident id) {
    size_t mask = g->n_slots - 1;
    for (size_t i = key_hash(id) & mask;; i = (i + 1) & mask) {
        uint32_t at = g->slots[i];
        if (at == 0 || ident_equal(entry_ident(g, &g->entries[at - 1]), id)) {
            return &g->slots[i];
        }
    }
}

static bool grow_slots(struct csv_groups *g) {
    size_t n = g->n_slots == 0 ? 1024 : g->n_slots * 2;
    uint32_t *old = g->slots;
    g->slots = heap_zalloc(g->heap, n, sizeof *g->slots);
    if (g->slots == NULL) {
        g->slots = old;
        return false;
    }
    heap_free(g->heap, old);
    g->n_slots = n;
    for (size_t i = 0; i < g->n_entries; i++) {
        *find_slot(g, entry_ident(g, &g->entries[i])) = (uint32_t)i + 1;
    }
    return true;
}

// Room for one more element of an array that doubles.
static bool grow_array(const struct csv_groups *g, void **array, size_t n, size_t *cap,
                       size_t element_bytes) {
    if (n < *cap) {
        return true;
    }
    size_t want = *cap == 0 ? 256 : *cap * 2;
    void *more = heap_realloc(g->heap, *array, want * element_bytes);
    if (more == NULL) {
        return false;
    }
    *array = more;
    *cap = want;
    return true;
}

static bool add_key(struct csv_groups *g, struct ident id, int64_t *key) {
    *key = id.num;
    if (id.num < 0) {
        uint32_t len = (uint32_t)id.text.len;
        *key = -1 - (int64_t)g->keys.len;
        buf_put(&g->keys, &len, sizeof len);
        buf_put_text(&g->keys, id.text);
    }
    return !g->keys.failed;
}

// The entry of this key, made if it is new. NULL when memory is refused.
static struct entry *entry_of(struct csv_groups *g, struct ident id) {
    if (g->n_entries * 2 >= g->n_slots && !grow_slots(g)) {
        return NULL;
    }
    uint32_t *slot = find_slot(g, id);
    if (*slot == 0) {
        void *entries = g->entries;
        int64_t key;
        bool room = g->n_entries < ENTRIES_MAX &&
                    grow_array(g, &entries, g->n_entries, &g->cap_entries, sizeof *g->entries);
        g->entries = entries;
        if (!room || !add_key(g, id, &key)) {
            return NULL;
        }
        g->entries[g->n_entries++] = (struct entry){.key = key};
        *slot = (uint32_t)g->n_entries;
    }
    return &g->entries[*slot - 1];
}

// --- First pass

static bool note_doubt(struct csv_groups *g, uint32_t entry) {
    void *doubts = g->doubts;
    bool room = grow_array(g, &doubts, g->n_doubts, &g->cap_doubts, sizeof *g->doubts);
    g->doubts = doubts;
    if (room) {
        g->doubts[g->n_doubts++] = (struct doubt){entry, g->last_good, NO_ENTRY};
    }
    return room;
}

static void note_good(struct csv_groups *g, uint32_t entry) {
    g->entries[entry].good = 1;
    g->last_good = entry;
    for (; g->open_doubts < g->n_doubts; g->open_doubts++) {
        g->doubts[g->open_doubts].after = entry;
    }
}

bool csv_groups_count(struct csv_groups *g, const struct csv_row *row, struct error *err) {
    struct row_key key = key_of(g, row);
    uint32_t entry = NO_ENTRY;
    if (g->key.failed) {
        return out_of_memory(err);
    }
    if (key.present) {
        struct entry *e = entry_of(g, key.id);
        if (e == NULL) {
            return out_of_memory(err);
        }
        if (e->rows == ROWS_MAX) {
            return error_set(err, ERROR_FATAL, "line %lld: one order_id has over 10^9 rows",
                             (long long)row->line);
        }
        e->rows++;
        entry = (uint32_t)(e - g->entries);
    }
    if (row->problem == NULL && entry != NO_ENTRY) {
        note_good(g, entry);
    } else if (row->problem != NULL && !key.certain && !note_doubt(g, entry)) {
        return out_of_memory(err);
    }
    g->after_broken = row->broken;
    return true;
}

void csv_groups_counted(struct csv_groups *g) {
    for (size_t i = 0; i < g->n_doubts; i++) {
        const struct doubt *d = &g->doubts[i];
        if (d->entry != NO_ENTRY && g->entries[d->entry].good) {
            continue; // an order of this file: it is rejected as a whole anyway
        }
        if (d->before != NO_ENTRY) {
            g->entries[d->before].suspect = 1;
        }
        if (d->after != NO_ENTRY) {
            g->entries[d->after].suspect = 1;
        }
    }
    heap_free(g->heap, g->doubts);
    g->doubts = NULL;
    g->n_doubts = g->cap_doubts = g->open_doubts = 0;
    g->after_broken = false;
}

// --- Second pass

static struct group *open_group(struct csv_groups *g, struct entry *e) {
    if (g->free_group == 0) {
        void *groups = g->groups;
        struct group *fresh = NULL;
        if (grow_array(g, &groups, g->n_groups, &g->cap_groups, sizeof(struct group *))) {
            g->groups = groups;
            fresh = heap_alloc(g->heap, sizeof *fresh);
        }
        if (fresh == NULL) {
            return NULL;
        }
        *fresh = (struct group){.rows.heap = g->heap};
        g->groups[g->n_groups++] = fresh;
        g->free_group = (uint32_t)g->n_groups;
    }
    struct group *group = g->groups[g->free_group - 1];
    e->group = g->free_group;
    g->free_group = group->next_free;
    g->waiting_bytes += sizeof *group;
    g->n_waiting++;
    return group;
}

static void close_group(struct csv_groups *g, struct entry *e) {
    struct group *group = g->groups[e->group - 1];
    g->waiting_bytes -= sizeof *group + group->rows.len;
    g->n_waiting--;
    group->next_free = g->free_group;
    g->free_group = e->group;
    e->group = 0;
    g->handed_over = group;
}

// What was handed over is out of use now. Its memory is kept for the next order, unless it is much.
static void forget_handed_over(struct csv_groups *g) {
    enum { KEEP_BYTES = 64 * 1024 };
    struct group *group = g->handed_over;
    g->handed_over = NULL;
    if (group == NULL) {
        return;
    }
    heap_free(g->heap, group->problem);
    group->problem = NULL;
    group->n_lines = 0;
    group->bad_line = 0;
    buf_clear(&group->rows);
    if (group->rows.cap > KEEP_BYTES) {
        buf_free(&group->rows);
    }
}

static bool keep_row(struct csv_groups *g, struct group *group, const struct csv_row *row) {
    if (row->problem != NULL && group->bad_line == 0) {
        size_t n_bytes = strlen(row->problem) + 1;
        group->problem = heap_alloc(g->heap, n_bytes);
        if (group->problem == NULL) {
            return false;
        }
        memcpy(group->problem, row->problem, n_bytes);
        group->bad_line = row->line;
    }
    if (group->n_lines == KEPT_LINES) {
        return true; // too many to be an order
    }
    struct row_head head = {row->line, row->raw.len};
    buf_put(&group->rows, &head, sizeof head);
    buf_put_text(&group->rows, row->raw);
    group->n_lines++;
    g->waiting_bytes += sizeof head + row->raw.len;
    return !group->rows.failed;
}

static void hand_over(struct csv_groups *g, struct entry *e, struct csv_group *out) {
    struct group *group = g->groups[e->group - 1];
    const char *at = group->rows.at;
    for (uint32_t i = 0; i < group->n_lines; i++) {
        struct row_head head;
        memcpy(&head, at, sizeof head);
        at += sizeof head;
        g->lines[i] = (struct csv_line){head.line, {at, head.len}};
        at += head.len;
    }
    *out = (struct csv_group){.lines = g->lines, .n_lines = group->n_lines};
    if (group->bad_line != 0) {
        out->problem = group->problem;
        out->problem_line = group->bad_line;
    } else if (e->suspect) {
        out->problem = "a broken row next to this order's rows may be one of them";
    }
    close_group(g, e);
}

static enum csv_group_step csv_groups_failed(bool set) {
    UNUSED(set); // error_set answers false
    return GROUP_FAILED;
}

enum csv_group_step csv_groups_add(struct csv_groups *g, const struct csv_row *row,
                                   struct csv_group *out, struct error *err) {
    forget_handed_over(g);
    struct row_key key = key_of(g, row);
    g->after_broken = row->broken;
    if (g->key.failed) {
        return csv_groups_failed(out_of_memory(err));
    }
    if (!key.present) {
        return GROUP_NONE;
    }
    uint32_t *slot = g->n_slots > 0 ? find_slot(g, key.id) : NULL;
    struct entry *e = slot != NULL && *slot != 0 ? &g->entries[*slot - 1] : NULL;
    if (e == NULL || e->rows == 0) {
        return csv_groups_failed(error_set(err, ERROR_FATAL,
                                           "line %lld: the file has changed while it was read",
                                           (long long)row->line));
    }
    struct group *group = e->group != 0 ? g->groups[e->group - 1] : open_group(g, e);
    if (group == NULL || !keep_row(g, group, row)) {
        return csv_groups_failed(out_of_memory(err));
    }
    if (g->waiting_bytes > WAITING_MAX_BYTES) {
        return csv_groups_failed(
            error_set(err, ERROR_FATAL,
                      "line %lld: the rows of %zu orders lie too far apart (over 1 GiB of "
                      "them waits); sort the file by order_id",
                      (long long)row->line, g->n_waiting));
    }
    if (--e->rows > 0) {
        return GROUP_WAITS;
    }
    hand_over(g, e, out);
    return GROUP_READY;
}

size_t csv_groups_waiting(const struct csv_groups *g) {
    return g->n_waiting;
}
