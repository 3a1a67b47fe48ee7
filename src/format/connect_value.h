// SPDX-License-Identifier: MIT
// A value as Kafka Connect's JsonConverter writes it, as plain JSON: what its schema says of it,
// the logical types of Connect and of Debezium, becomes what a person would write.
//
//     Decimal (base64 of its bytes, or a number)      "12.50"; the number as it is
//     VariableScaleDecimal {"scale":..,"value":..}    "12.50"
//     Connect's Timestamp (ms)                        "2026-01-31T12:00:00.123Z"
//     Debezium's Timestamp, MicroTimestamp, NanoTimestamp: the database's own clock reading,
//     without a zone                                  "2026-01-31T12:00:00.123456"
//     Date (days)                                     "2026-01-31"
//     Time, MicroTime, NanoTime                       "12:00:00.123"
//
// All else, ZonedTimestamp among it, is as it was. Inside src/format only.
#pragma once
#include "base/buf.h"
#include "order/order.h"
#include <yyjson.h>

struct connect_writing {
    struct buf *out;
    struct rejection *why;
    bool no_zone; // a Connect Timestamp is without a zone too: Debezium has it for such columns
};

enum { CONNECT_DEPTH_MAX = 100, CONNECT_FIELDS_MAX = 1024 };

// Writes `value`, whose schema is `schema` (NULL: it has none), with numbers kept as digits
// (YYJSON_READ_NUMBER_AS_RAW). `field` names it for messages. False: `why` is filled. Whether
// memory was refused is in w->out->failed.
MUST_CHECK bool connect_value_put(struct connect_writing *w, yyjson_val *schema, yyjson_val *value,
                                  const char *field);

// Goes through the fields of a struct's schema beside its members, which mostly come in that order.
struct connect_fields {
    yyjson_val *first, *at; // NULL: there is no schema
    size_t n, place;
};
// False: `why` is filled, there are more than CONNECT_FIELDS_MAX. `schema` may be NULL.
MUST_CHECK bool connect_fields_begin(struct connect_fields *f, yyjson_val *schema,
                                     struct rejection *why);
// The schema of a member, or NULL.
yyjson_val *connect_fields_find(struct connect_fields *f, struct text name);
