// SPDX-License-Identifier: MIT
// The order within a message of another producer (value_format.h), as plain JSON: what
// order_json_parse reads. A function of the message alone, so that whoever reads the log again
// finds the same.
#pragma once
#include "format/order_json.h"
#include "format/value_format.h"

enum { ENVELOPE_MAX_BYTES = 2 * ORDER_EVENT_MAX_BYTES };

// The header in which Confluent's newer serializers put the schema's id, instead of before the
// value.
#define SCHEMA_ID_HEADER "__value_schema_id"

struct envelope {
    struct text value; // of the message; not empty
    bool id_in_header; // it has a header SCHEMA_ID_HEADER
};
enum envelope_result {
    ENVELOPE_EVENT,    // *event is an order event's text, of the value or of the arena
    ENVELOPE_NO_EVENT, // nothing is in it (a tombstone), or nothing that counts was changed
    ENVELOPE_REJECTED, // `why` is filled
    ENVELOPE_NO_MEMORY,
};
// Opens what is said to be of form `said`, which is not VALUE_JSON. Any bytes are safe. Uses the
// parser's memory.
MUST_CHECK enum envelope_result envelope_open(struct order_json *p, enum value_format said,
                                              const struct envelope *e, struct arena *arena,
                                              struct text *event, struct rejection *why);

// What was kept of a rejected message, to be submitted again: opened if it is in one of the forms;
// else it is the event itself.
MUST_CHECK enum envelope_result envelope_open_kept(struct order_json *p, struct text kept,
                                                   struct arena *arena, struct text *event,
                                                   struct rejection *why);
