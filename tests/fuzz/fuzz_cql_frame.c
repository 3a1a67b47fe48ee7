// SPDX-License-Identifier: MIT
// Fuzzes the reader of CQL frames and of what is in them.
//
// What must hold, beside no crash and no read outside the input:
// - a frame that is not whole asks for more bytes than there are, and stays unread however it is
// cut;
// - a whole frame is not longer than the input, and what it hands out lies inside it;
// - of rows as many come as were announced, and none of their cells lies outside the body;
// - a decimal that is read and written as ten-thousandths is the same when it is read again.
#include "base/buf.h"
#include "cql/cql_frame.h"
#include "cql/cql_value.h"
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

enum { BODY_MAX_BYTES = 1 << 16 };

static bool inside(struct text part, struct text whole) {
    return part.at == NULL || (part.at >= whole.at && part.at + part.len <= whole.at + whole.len);
}

static void check_cell(struct text cell) {
    int64_t v, again;
    int32_t day;
    double d;
    bool exact;
    (void)!cql_cell_int(cell, &v);
    (void)!cql_cell_date(cell, &day);
    (void)!cql_cell_double(cell, &d);
    if (cql_cell_decimal_e4(cell, &v, &exact)) {
        struct buf b = {0};
        struct cql_values values = {&b, 0};
        cql_put_decimal_e4(&values, v);
        HOLDS(cql_cell_decimal_e4((struct text){b.at + 4, b.len - 4}, &again, &exact));
        HOLDS(again == v && exact);
        buf_free(&b);
    }
}

static void check_result(struct text body) {
    struct cql_result r;
    struct text cells[CQL_COLUMNS_MAX];
    if (!cql_result_read(body, &r)) {
        return;
    }
    HOLDS(r.columns.n <= CQL_COLUMNS_MAX && inside(r.id, body) && inside(r.paging_state, body));
    for (size_t i = 0; r.kind == CQL_RESULT_PREPARED && i < r.columns.n; i++) {
        HOLDS(inside(r.columns.of[i].name, body));
    }
    int32_t announced = r.n_rows, n = 0;
    while (cql_row_next(&r, cells)) {
        n++;
        for (size_t i = 0; i < r.columns.n; i++) {
            HOLDS(inside(cells[i], body));
            check_cell(cells[i]);
        }
        HOLDS(!r.cells.bad);
    }
    HOLDS(n == announced);
}

static void check_cuts(struct text frame) {
    struct cql_frame f;
    size_t step = 1 + frame.len / 64;
    for (size_t n = 0; n < frame.len; n += step) {
        HOLDS(cql_frame_read((struct text){frame.at, n}, BODY_MAX_BYTES, &f) == CQL_READ_MORE);
        HOLDS(f.n_bytes > n && f.n_bytes <= frame.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text rest = {(const char *)data, size};
    struct cql_frame f;
    enum cql_read r = CQL_READ_MORE;
    while (rest.len > 0 && (r = cql_frame_read(rest, BODY_MAX_BYTES, &f)) == CQL_READ_OK) {
        HOLDS(f.n_bytes >= CQL_HEADER_BYTES && f.n_bytes <= rest.len);
        struct text frame = {rest.at, f.n_bytes};
        HOLDS(inside(f.body, frame) && inside(f.warning, frame));
        check_cuts(frame);
        struct cql_error e;
        bool named, found;
        if (cql_error_read(f.body, &e)) {
            HOLDS(inside(e.message, f.body) && inside(e.unprepared_id, f.body));
            HOLDS(cql_error_name(e.code) != NULL);
        }
        (void)!cql_supported_read(f.body, TEXT_LIT("PROTOCOL_VERSIONS"), TEXT_LIT("/v4"), &named,
                                  &found);
        check_result(f.body);
        rest.at += f.n_bytes;
        rest.len -= f.n_bytes;
    }
    if (rest.len > 0 && r == CQL_READ_MORE) {
        HOLDS(f.n_bytes > rest.len);
    } else if (r == CQL_READ_BAD) {
        HOLDS(f.problem != NULL);
    }
    return 0;
}
