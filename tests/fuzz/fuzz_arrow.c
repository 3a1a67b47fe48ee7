// SPDX-License-Identifier: MIT
// Fuzzes the kernel's imported structs: a batch put together from the input's bytes, in which all
// is as they want it (formats, names, lengths, offsets, null counts, children, missing buffers) but
// one thing: a buffer is as long as the interface wants it for what its array says of itself, as
// that is the one thing the kernel cannot see. What must hold for any input:
// - nothing is read outside of the buffers, each of which is a block of its own;
// - schema and array are released once, every child of theirs too, whatever comes of it;
// - what comes out are columns as the header says: offsets ascend, texts are UTF-8, all are as long
//   as the batch; what does not is told in one line of UTF-8.
#include "base/text.h"
#include "kernel/shop.h"
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

enum { ROWS_MAX = 40, BYTES_MAX = 1 << 16, DEPTH_MAX = 4 };

static struct {
    const uint8_t *at;
    size_t left;
    int n_live; // structs that are not released
} f;

static uint8_t byte(void) {
    if (f.left == 0) {
        return 0;
    }
    f.left--;
    return *f.at++;
}

// --- Structs that know what was made of them, whatever they say of themselves

struct own_schema {
    char format[16], name[32];
    struct ArrowSchema *children[8];
    int n_children;
};
struct own_array {
    const void *pointers[4]; // as the array shows them
    void *buffers[4];        // as they are
    struct ArrowArray *children[8];
    int n_children;
};

static void release_schema(struct ArrowSchema *s) {
    struct own_schema *own = s->private_data;
    HOLDS(own != NULL);
    for (int i = 0; i < own->n_children; i++) {
        if (own->children[i] != NULL && own->children[i]->release != NULL) {
            own->children[i]->release(own->children[i]);
        }
        free(own->children[i]);
    }
    free(own);
    s->private_data = NULL; // a second release would be seen
    s->release = NULL;
    f.n_live--;
}

static void release_array(struct ArrowArray *a) {
    struct own_array *own = a->private_data;
    HOLDS(own != NULL);
    for (int i = 0; i < own->n_children; i++) {
        if (own->children[i] != NULL && own->children[i]->release != NULL) {
            own->children[i]->release(own->children[i]);
        }
        free(own->children[i]);
    }
    for (int i = 0; i < 4; i++) {
        free(own->buffers[i]);
    }
    free(own);
    a->private_data = NULL;
    a->release = NULL;
    f.n_live--;
}

// --- Values from the input

// Mostly what it should be; else small, or what has to be refused wherever it stands: a length or
// offset that is only large would be a lie that nobody can see.
static int64_t odd_i64(int64_t usual) {
    static const int64_t odd[] = {
        -1, -2, INT64_MIN, INT64_MAX, -INT64_MAX, (INT64_C(1) << 48) + 1, INT64_MAX - 1};
    uint8_t b = byte();
    return b < 240 ? usual : b < 247 ? odd[b - 240] : b - 247;
}

static void *exact(size_t n_bytes) {
    void *p = malloc(n_bytes);
    HOLDS(p != NULL || n_bytes == 0);
    return p;
}

static void *input_bytes(size_t n_bytes) {
    uint8_t *p = exact(n_bytes);
    for (size_t i = 0; i < n_bytes; i++) {
        p[i] = byte();
    }
    return p;
}

// Whether a batch may be as long: those longer are refused before a buffer is looked at.
static size_t rows_of(const struct ArrowArray *a) {
    bool sane =
        a->length > 0 && a->length <= 2 * ROWS_MAX && a->offset >= 0 && a->offset <= 2 * ROWS_MAX;
    return sane ? (size_t)(a->length + a->offset) : 0;
}

// Offsets, mostly ascending by little; *end: where the last row ends, when that could be believed.
static void *input_offsets(size_t n, bool large, size_t *end) {
    size_t width = large ? 8 : 4;
    char *p = exact((n + 1) * width);
    int64_t at = 0;
    *end = 0;
    for (size_t i = 0; i <= n; i++) {
        uint8_t b = byte();
        at = b < 250 ? at + (i == 0 ? b & 3 : b) : odd_i64(at - 1);
        int32_t narrow = (int32_t)at;
        memcpy(p + i * width, large ? (void *)&at : (void *)&narrow, width);
        at = large ? at : narrow;
        at = at > BYTES_MAX || at < 0 ? at % BYTES_MAX : at;
        *end = at > (int64_t)*end ? (size_t)at : *end;
    }
    return p;
}

// Room for every end that some row may have; what is larger is refused.
static void *texts_bytes(const char *offsets, size_t n, bool large) {
    static const char order[] = "{\"order_id\":1,\"created_at\":\"2026-11-21T10:00:00Z\",\"product_"
                                "id\":\"m\",\"quantity\":2,"
                                "\"total\":\"3\"}";
    int64_t most = 0;
    for (size_t i = 0; i <= n; i++) {
        int64_t at;
        int32_t narrow;
        memcpy(&narrow, offsets + i * 4, large ? 0 : 4);
        memcpy(&at, offsets + i * 8, large ? 8 : 0);
        at = large ? at : narrow;
        most = at > most && at <= (BYTES_MAX << 4) ? at : most;
    }
    char *p = exact((size_t)most);
    for (int64_t i = 0; i < most; i++) { // mostly parts of an order
        uint8_t b = i < 512 ? byte() : 0;
        p[i] = b < 200 ? order[(size_t)i % (sizeof order - 1)] : (char)b;
    }
    return p;
}

// --- One node of a batch, and those below it

struct node {
    struct ArrowSchema schema;
    struct ArrowArray array;
};

static size_t number_bytes(char kind) {
    return strchr("cC", kind) != NULL ? 1 : strchr("sS", kind) != NULL ? 2 : kind == 'i' ? 4 : 8;
}

static void make_buffers(struct ArrowArray *a, struct own_array *own, char kind) {
    size_t n = rows_of(a), end;
    own->buffers[0] = byte() < 128 ? NULL : input_bytes((n + 7) / 8);
    switch (kind) {
    case 'z':
    case 'u':
    case 'Z':
    case 'U': {
        bool large = kind == 'Z' || kind == 'U';
        own->buffers[1] = input_offsets(n, large, &end);
        own->buffers[2] = texts_bytes(own->buffers[1], n, large);
        a->n_buffers = 3;
        break;
    }
    case '+':
        a->n_buffers = 1;
        break;
    case '<':
    case '>': // lists, narrow and large
        own->buffers[1] = input_offsets(n, kind == '>', &end);
        a->n_buffers = 2;
        break;
    default:
        own->buffers[1] = input_bytes(n * number_bytes(kind));
        a->n_buffers = 2;
    }
    memcpy(own->pointers, own->buffers, sizeof own->pointers);
    a->n_buffers = odd_i64(a->n_buffers);
    uint8_t missing = byte();
    if (missing < 3) {
        own->pointers[missing] = NULL;
    }
}

struct shape {
    const char *format, *name;
    const struct shape *children;
    int n_children;
};
static const struct shape header_fields[] = {{"u", "key", NULL, 0}, {"z", "value", NULL, 0}};
static const struct shape header[] = {{"+s", "item", header_fields, 2}};
static const struct shape columns[] = {
    {"z", "value", NULL, 0},       {"l", "offset", NULL, 0}, {"tsm:", "timestamp", NULL, 0},
    {"i", "partition", NULL, 0},   {"z", "key", NULL, 0},    {"+l", "headers", header, 1},
    {"l", "customer_id", NULL, 0}, {"u", "source", NULL, 0},
};
static const struct shape batch_shape = {"+s", "", columns, 8};

static void choose_names(struct own_schema *own, const struct shape *shape) {
    static const char *const formats[] = {"z",  "u",  "Z",  "U", "l", "i",  "tss:", "tsn:UTC",
                                          "+l", "+L", "+s", "C", "s", "vu", "",     "d:19,4"};
    uint8_t b = byte();
    const char *format = b < 220 ? shape->format : formats[b % 16];
    if (b >= 190 && b < 220 && shape->format[0] == 'z') {
        format = formats[b % 4]; // of the same kind
    }
    snprintf(own->format, sizeof own->format, "%s", format);
    b = byte();
    snprintf(own->name, sizeof own->name, "%s", b < 250 ? shape->name : columns[b % 8].name);
}

// What buffers the array has: those of its format, as far as the kernel takes it.
static char kind_of(const char *format) {
    if (strcmp(format, "+l") == 0 || strcmp(format, "+L") == 0) {
        return format[1] == 'l' ? '<' : '>';
    }
    return format[1] == '\0' && strchr("zuZU", format[0]) != NULL ? format[0]
           : strcmp(format, "+s") == 0                            ? '+'
           : format[0] != '\0' && format[1] == '\0'               ? format[0]
                                                                  : 'n';
}

static void make_node(struct node *out, const struct shape *shape, int64_t n_rows, int depth) {
    struct own_schema *s = calloc(1, sizeof *s);
    struct own_array *a = calloc(1, sizeof *a);
    HOLDS(s != NULL && a != NULL);
    choose_names(s, shape);
    out->array = (struct ArrowArray){.length = odd_i64(n_rows), .null_count = byte() % 8 - 1};
    if (depth == 0 && byte() >= 250) {
        out->array.length = (INT64_C(1) << 31) + byte(); // too many for a batch
    }
    out->array.offset = byte() < 200 ? 0 : odd_i64(byte() % 8);
    if (out->array.length >= 0 && out->array.length <= ROWS_MAX && byte() < 100) {
        out->array.length += byte() % 8;
    }
    make_buffers(&out->array, a, kind_of(s->format));
    int n = depth < DEPTH_MAX ? shape->n_children : 0;
    for (int i = 0; i < n; i++) {
        struct node child;
        make_node(&child, &shape->children[i], shape->format[1] == 'l' ? 3 * n_rows : n_rows,
                  depth + 1);
        s->children[i] = exact(sizeof child.schema);
        a->children[i] = exact(sizeof child.array);
        *s->children[i] = child.schema;
        *a->children[i] = child.array;
    }
    s->n_children = a->n_children = n;
    // Numbers of children: fewer are fine, more would be a lie that nobody can see.
    int64_t said = odd_i64(n);
    said = said > n && said <= 10000 ? n : said;
    out->schema = (struct ArrowSchema){.format = byte() < 254 ? s->format : NULL,
                                       .name = byte() < 254 ? s->name : NULL,
                                       .n_children = said,
                                       .children = byte() < 254 ? s->children : NULL,
                                       .release = release_schema,
                                       .private_data = s};
    out->array.n_children = byte() < 250 ? said : n;
    out->array.children = byte() < 254 ? a->children : NULL;
    out->array.buffers = byte() < 254 ? a->pointers : NULL;
    out->array.release = release_array;
    out->array.private_data = a;
    f.n_live += 2;
}

// --- What comes out

static void check_column(const struct ArrowSchema *s, const struct ArrowArray *a, int64_t n) {
    HOLDS(a->length == n && a->offset == 0 && a->release != NULL);
    const uint8_t *valid = a->buffers[0];
    int64_t nulls = 0;
    for (int64_t i = 0; i < n; i++) {
        nulls += valid != NULL && (valid[i / 8] >> i % 8 & 1) == 0;
    }
    HOLDS(nulls == a->null_count);
    if (strcmp(s->format, "u") == 0) {
        const int32_t *offsets = a->buffers[1];
        HOLDS(offsets[0] == 0);
        for (int64_t i = 0; i < n; i++) {
            HOLDS(offsets[i + 1] >= offsets[i]);
            size_t len = (size_t)(offsets[i + 1] - offsets[i]);
            HOLDS(len == 0 ||
                  text_is_utf8((struct text){(const char *)a->buffers[2] + offsets[i], len}));
        }
    }
}

static void check_answer(int32_t result, const struct salestide_error *err) {
    HOLDS(result == SALESTIDE_OK || result == SALESTIDE_INVALID);
    HOLDS((err->text[0] == '\0') == (result == SALESTIDE_OK));
    HOLDS(text_is_utf8(text_of(err->text)) && strchr(err->text, '\n') == NULL);
    HOLDS(f.n_live == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct salestide_shop *shop;
    const struct salestide_shop_options options = {
        .size_bytes = sizeof options, .currency = "USD", .timezone = "UTC"};
    struct salestide_error err;
    HOLDS(shop != NULL || salestide_shop_new(&options, &shop, &err) == SALESTIDE_OK);
    if (size == 0 || size > 16 * 1024) {
        return 0;
    }
    f.at = data;
    f.left = size;
    struct node in;
    uint8_t verb = byte();
    bool customers = verb >= 192;
    make_node(&in, &batch_shape, byte() % ROWS_MAX, 0);
    if (customers) {
        check_answer(salestide_shop_customers(shop, &in.schema, &in.array, &err), &err);
        salestide_shop_free(shop);
        shop = NULL;
        return 0;
    }
    struct ArrowSchema schema;
    struct ArrowArray array;
    int32_t result = verb < 32
                         ? salestide_identities(shop, &in.schema, &in.array, &schema, &array, &err)
                         : salestide_orders(shop, &in.schema, &in.array, &schema, &array, &err);
    check_answer(result, &err);
    if (result != SALESTIDE_OK) {
        HOLDS(schema.release == NULL && array.release == NULL);
        return 0;
    }
    for (int64_t i = 0; i < schema.n_children; i++) {
        check_column(schema.children[i], array.children[i], array.length);
    }
    schema.release(&schema);
    array.release(&array);
    return 0;
}
