// SPDX-License-Identifier: MIT
// The tables of raw orders in Cassandra as they are found: which column holds which part of an
// event, in which type, and what that type cannot hold. Tables may be our own (cassandra_schema.c)
// or made by hand with other types. Pure, any thread.
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include "cql/cql_frame.h"
#include "order/order.h"

enum raw_field {
    RAW_ORDER_ID,
    RAW_EVENT,
    RAW_EVENT_ID,
    RAW_CREATED_AT,
    RAW_CUSTOMER_ID,
    RAW_PRODUCT_ID,
    RAW_QUANTITY,
    RAW_SUBTOTAL,
    RAW_DISCOUNT,
    RAW_SHIPPING,
    RAW_TAX,
    RAW_TOTAL,
    RAW_CURRENCY,
    RAW_SOURCE,
    RAW_STATE,
    RAW_ITEMS,
    RAW_ARRIVAL,
    RAW_POSITION,
    RAW_FIELDS,
};
const char *raw_field_column(enum raw_field f); // "order_id"; the arrival's is "timestamp"

enum raw_table { RAW_ORDERS, RAW_ADJUSTMENTS, RAW_BY_CUSTOMER, RAW_TABLES };
const char *raw_table_name(enum raw_table t); // "orders", "order_adjustments", ...

// A column as system_schema.columns describes it.
struct cassandra_column {
    char name[64]; // longer ones are none of ours
    char type[64]; // "text", "frozen<list<int>>"; cut when longer
    char kind[16]; // "partition_key", "clustering", "regular", "static"
    int position;  // in its part of the key
};

struct cassandra_binding {
    bool exists;
    size_t n;                         // bound columns
    enum raw_field field[RAW_FIELDS]; // of the i-th
    enum cql_type type[RAW_FIELDS];   // of the i-th
    bool narrow;                      // some values do not fit: cassandra_binding_fits has to look
    char narrow_columns[256];         // of narrow: which, "order_id int, items ascii"
    bool complete;     // every event comes back as it was: verify and rebuild can use it
    char why_not[256]; // of not complete: one reason
};

// Finds the columns of table `t` among those found. One line for each kind of loss is appended to
// `warnings` (ended by '\n'). False (ERROR_USAGE): the table cannot be used, and why. Without any
// column: exists is false.
MUST_CHECK bool cassandra_bind(const char *keyspace, enum raw_table t,
                               const struct cassandra_column *columns, size_t n,
                               struct cassandra_binding *out, struct buf *warnings,
                               struct error *err);
// Whether a row of this order fits into the columns' types.
MUST_CHECK bool cassandra_binding_fits(const struct cassandra_binding *b, const struct order *o,
                                       struct rejection *why);
