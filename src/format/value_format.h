// SPDX-License-Identifier: MIT
// How the messages of a log carry their orders, and which of these forms a value has. Pure.
#pragma once
#include "base/must.h"
#include "order/order.h"
#include <yyjson.h>

enum value_format {
    VALUE_JSON,           // the order itself
    VALUE_CONNECT,        // Kafka Connect's JsonConverter: {"schema": ..., "payload": the order}
    VALUE_DEBEZIUM,       // {"before": ..., "after": the order, "op": ...}, also as such a payload
    VALUE_CONFLUENT_JSON, // Confluent's JSON Schema serializer: the order behind a schema's id
};
#define VALUE_FORMATS 4
#define VALUE_FORMAT_NAMES "json connect debezium confluent-json" // in this order

const char *value_format_name(enum value_format f);
// False: it is the name of none.
MUST_CHECK bool value_format_of(struct text name, enum value_format *out);

// Confluent's wire format: a zero byte, then the id of a schema in 4 bytes, the highest first.
enum { SCHEMA_ID_BYTES = 5 };
bool value_has_schema_id(struct text value);

// Which form it is. `root` is the value read as JSON; NULL: it has a schema's id before it, or is
// none. What is not of one of the three others is VALUE_JSON.
enum value_format value_form_found(struct text value, yyjson_val *root);

// Always false. Fills `why`: the value's form, by its name, is not the one that was said.
bool value_form_refuse(struct rejection *why, struct text value, enum value_format found,
                       enum value_format said);
