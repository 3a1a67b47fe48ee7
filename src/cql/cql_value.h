// SPDX-License-Identifier: MIT
// Values of CQL types as bytes, both ways. Writing: a struct cql_values puts one after the other
// into a request; failure is sticky and seen when the request is handed over. Reading: a cell is
// what cql_row_next gave. Pure functions; one owner at a time.
#pragma once
#include "base/buf.h"
#include "cql/cql_frame.h"

struct cql_values {
    struct buf *out;
    uint32_t n;
};
void cql_put_null(struct cql_values *v);
void cql_put_unset(struct cql_values *v); // what is there stays; not for parts of a key
void cql_put_text(struct cql_values *v, struct text t); // text, ascii, blob; absent: null
void cql_put_i64(struct cql_values *v, int64_t value);  // bigint, timestamp (UTC ms)
void cql_put_i32(struct cql_values *v, int32_t value);  // int
void cql_put_i16(struct cql_values *v, int16_t value);  // smallint
void cql_put_i8(struct cql_values *v, int8_t value);    // tinyint
void cql_put_varint(struct cql_values *v, int64_t value);
void cql_put_decimal_e4(struct cql_values *v, int64_t value_e4); // decimal of scale 4
void cql_put_double(struct cql_values *v, double value);
void cql_put_float(struct cql_values *v, float value);
void cql_put_date(struct cql_values *v, int32_t day); // date: days since 1970-01-01

// False: the cell is null or has not the form of that type.
MUST_CHECK bool cql_cell_int(struct text cell,
                             int64_t *out); // tinyint .. bigint, timestamp, varint
MUST_CHECK bool cql_cell_date(struct text cell, int32_t *day);
MUST_CHECK bool cql_cell_double(struct text cell, double *out); // float and double
// A decimal as ten-thousandths. *exact tells whether nothing was cut (it rounds half to even).
// False also when it does not fit 64 bits.
MUST_CHECK bool cql_cell_decimal_e4(struct text cell, int64_t *out_e4, bool *exact);
