// SPDX-License-Identifier: MIT
// From rows to Arrow columns without a copy: a column grows in the very buffers that are handed
// over.
//
// Export makes two blocks: one has the parent's and children's schemas, which point to static texts
// and own nothing; the other the arrays of the children, each of which has a small block of its own
// with its buffers. So a child that was moved out lives on when its parent is released, as the
// interface wants it.
//
// How it fails: memory is refused, or what is put would not fit behind offsets of 32 bits.
#include "kernel/arrow_out.h"

#include "kernel/arrow_columns.h"

// What is asked for at first: as many rows as are expected, but not more than EXPECTED_MAX, since a
// message costs its sender nothing; and what a short text has for each.
enum { FIRST_ROWS = 256, EXPECTED_MAX = 64 * 1024, TEXT_BYTES = 8 };

bool out_table_init(struct out_table *t, const struct out_column_kind *kinds, int64_t n_columns,
                    const struct mem_heap *heap) {
    *t = (struct out_table){.heap = heap, .kinds = kinds, .n_columns = n_columns};
    t->columns = heap_zalloc(heap, (size_t)n_columns, sizeof *t->columns);
    return t->columns != NULL;
}

static void free_column(const struct mem_heap *heap, struct out_column *c) {
    heap_free(heap, c->fixed);
    heap_free(heap, c->bytes);
    heap_free(heap, c->valid);
}

void out_table_free(struct out_table *t) {
    for (int64_t i = 0; t->columns != NULL && i < t->n_columns; i++) {
        free_column(t->heap, &t->columns[i]);
    }
    heap_free(t->heap, t->columns);
    *t = (struct out_table){0};
}

// --- Growing

static bool grow(const struct mem_heap *heap, char **at, size_t n_bytes) {
    char *more = heap_realloc(heap, *at, n_bytes);
    if (more == NULL) {
        return false;
    }
    *at = more;
    return true;
}

static bool grow_column(const struct out_table *t, int64_t i, int64_t rows) {
    struct out_column *c = &t->columns[i];
    const struct out_column_kind *kind = &t->kinds[i];
    bool first = c->fixed == NULL;
    size_t bytes = kind->n_bytes > 0 ? (size_t)rows * kind->n_bytes : (size_t)(rows + 1) * 4;
    if (!grow(t->heap, &c->fixed, bytes)) {
        return false;
    }
    if (first && kind->n_bytes == 0) {
        memset(c->fixed, 0, 4); // the first text begins at 0
    }
    if (kind->nullable) {
        uint8_t *valid = heap_realloc(t->heap, c->valid, (size_t)(rows + 7) / 8);
        c->valid = valid != NULL ? valid : c->valid;
        return valid != NULL;
    }
    return true;
}

static int64_t first_rows(const struct out_table *t) {
    int64_t rows = t->expected_rows < EXPECTED_MAX ? t->expected_rows : EXPECTED_MAX;
    return rows > FIRST_ROWS ? rows : FIRST_ROWS;
}

bool out_row_room(struct out_table *t) {
    if (LIKELY(t->n_rows < t->cap_rows)) {
        return !t->failed;
    }
    int64_t rows = t->cap_rows == 0 ? first_rows(t) : t->cap_rows * 2;
    if (t->failed || t->n_rows >= ARROW_ROWS_MAX) {
        t->too_large = t->too_large || !t->failed;
        t->failed = true;
        return false;
    }
    for (int64_t i = 0; i < t->n_columns && !t->failed; i++) {
        t->failed = !grow_column(t, i, rows);
    }
    t->cap_rows = t->failed ? t->cap_rows : rows;
    return !t->failed;
}

bool out_text_room(struct out_table *t, struct out_column *c, size_t n_bytes) {
    if ((uint64_t)n_bytes > (uint64_t)(ARROW_BYTES_MAX - c->n_bytes)) {
        t->too_large = t->too_large || !t->failed;
        t->failed = true;
        return false;
    }
    int64_t cap = c->cap_bytes == 0 ? t->cap_rows * TEXT_BYTES : c->cap_bytes * 2;
    int64_t need = c->n_bytes + (int64_t)n_bytes;
    cap = cap > need ? cap : need;
    if (!grow(t->heap, &c->bytes, (size_t)cap)) {
        t->failed = true;
        return false;
    }
    c->cap_bytes = cap;
    return true;
}

// --- Export

struct out_array { // what one child owns, or what the parent does
    const struct mem_heap *heap;
    const void *buffers[3];
    struct ArrowArray **children; // the parent's; in one block with the arrays
    int64_t n_children;
};

static void release_array(struct ArrowArray *a) {
    struct out_array *owned = a->private_data;
    for (int64_t i = 0; i < owned->n_children; i++) {
        struct ArrowArray *child = owned->children[i];
        if (child->release != NULL) { // else it was moved out
            child->release(child);
        }
    }
    const struct mem_heap *heap = owned->heap;
    for (int i = 0; i < 3; i++) {
        heap_free(heap, (void *)(uintptr_t)owned->buffers[i]);
    }
    heap_free(heap, owned->children);
    heap_free(heap, owned);
    a->release = NULL;
}

struct out_schema { // the parent's block
    const struct mem_heap *heap;
    struct ArrowSchema **children;
    int64_t n_children;
};

static void release_child_schema(struct ArrowSchema *s) {
    s->release = NULL; // it owns nothing
}

static void release_schema(struct ArrowSchema *s) {
    struct out_schema *owned = s->private_data;
    for (int64_t i = 0; i < owned->n_children; i++) {
        struct ArrowSchema *child = owned->children[i];
        if (child->release != NULL) {
            child->release(child);
        }
    }
    heap_free(owned->heap, owned->children);
    heap_free(owned->heap, owned);
    s->release = NULL;
}

// Pointers, then what they point to, in one block.
static void *pointer_block(const struct mem_heap *heap, int64_t n, size_t size_bytes) {
    size_t pointers_bytes = (size_t)n * sizeof(void *);
    char *block = heap_zalloc(heap, 1, pointers_bytes + (size_t)n * size_bytes);
    for (int64_t i = 0; block != NULL && i < n; i++) {
        char *at = block + pointers_bytes + (size_t)i * size_bytes;
        memcpy(block + (size_t)i * sizeof(void *), &at, sizeof at);
    }
    return block;
}

static bool make_schema(const struct out_table *t, struct ArrowSchema *out) {
    struct out_schema *owned = heap_zalloc(t->heap, 1, sizeof *owned);
    struct ArrowSchema **children = pointer_block(t->heap, t->n_columns, sizeof **children);
    if (owned == NULL || children == NULL) {
        heap_free(t->heap, owned);
        heap_free(t->heap, children);
        return false;
    }
    *owned = (struct out_schema){t->heap, children, t->n_columns};
    for (int64_t i = 0; i < t->n_columns; i++) {
        *children[i] = (struct ArrowSchema){.format = t->kinds[i].format,
                                            .name = t->kinds[i].name,
                                            .flags = t->kinds[i].nullable ? ARROW_FLAG_NULLABLE : 0,
                                            .release = release_child_schema};
    }
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = t->n_columns,
                                .children = children,
                                .release = release_schema,
                                .private_data = owned};
    return true;
}

// Takes the column's memory over, which cannot fail.
static void fill_child(const struct out_table *t, int64_t i, struct out_array *owned,
                       struct ArrowArray *child) {
    struct out_column *c = &t->columns[i];
    bool is_text = t->kinds[i].n_bytes == 0;
    owned->buffers[0] = c->valid;
    owned->buffers[1] = c->fixed;
    owned->buffers[2] = c->bytes;
    *child = (struct ArrowArray){.length = t->n_rows,
                                 .null_count = c->n_nulls,
                                 .n_buffers = is_text ? 3 : 2,
                                 .buffers = owned->buffers,
                                 .release = release_array,
                                 .private_data = owned};
    *c = (struct out_column){0};
}

// The blocks of the parent (at n_columns) and of all children.
static struct out_array **make_owners(const struct out_table *t) {
    size_t n = (size_t)t->n_columns + 1;
    struct out_array **owners = heap_zalloc(t->heap, n, sizeof(void *));
    bool ok = owners != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        owners[i] = heap_zalloc(t->heap, 1, sizeof **owners);
        ok = owners[i] != NULL;
        if (ok) {
            owners[i]->heap = t->heap;
        }
    }
    for (size_t i = 0; !ok && owners != NULL && i < n; i++) {
        heap_free(t->heap, owners[i]);
    }
    if (!ok) {
        heap_free(t->heap, owners);
    }
    return ok ? owners : NULL;
}

// A table without rows has buffers too: some readers want offsets even of no rows.
static bool have_buffers(struct out_table *t) {
    return t->cap_rows > 0 || out_row_room(t);
}

bool out_table_export(struct out_table *t, struct ArrowSchema *schema, struct ArrowArray *array) {
    struct ArrowArray **children = NULL;
    struct out_array **owners = NULL;
    struct ArrowSchema made;
    if (!have_buffers(t) ||
        (children = pointer_block(t->heap, t->n_columns, sizeof **children)) == NULL ||
        (owners = make_owners(t)) == NULL || !make_schema(t, &made)) {
        heap_free(t->heap, children);
        for (int64_t i = 0; owners != NULL && i <= t->n_columns; i++) {
            heap_free(t->heap, owners[i]);
        }
        heap_free(t->heap, owners);
        return false;
    }
    for (int64_t i = 0; i < t->n_columns; i++) {
        fill_child(t, i, owners[i], children[i]);
    }
    struct out_array *parent = owners[t->n_columns];
    parent->children = children;
    parent->n_children = t->n_columns;
    *schema = made;
    *array = (struct ArrowArray){.length = t->n_rows,
                                 .n_buffers = 1,
                                 .buffers = parent->buffers,
                                 .n_children = t->n_columns,
                                 .children = children,
                                 .release = release_array,
                                 .private_data = parent};
    heap_free(t->heap, owners);
    t->n_rows = t->cap_rows = 0;
    return true;
}
