// SPDX-License-Identifier: MIT
// A message's value as an event. What is no order gets a reason that helps: Confluent's serializers
// put a zero byte and the id of a schema (4 bytes, the highest first) before the value; Kafka
// Connect's JsonConverter makes it {"schema": ..., "payload": ...}. Neither is an order:
// "unexpected character" and "order_id is required" would send people looking for the wrong
// mistake.
#include "format/log_message.h"

#include <string.h>

static bool has_schema_id(struct text value) {
    return value.len > 5 && value.at[0] == '\0';
}

// Of an object without an order_id; names as they are written by the converter.
static bool has_payload(struct text value, const struct rejection *why) {
    return strcmp(why->code, REJECT_MISSING) == 0 && strcmp(why->field, "order_id") == 0 &&
           memmem(value.at, value.len, "\"schema\"", 8) != NULL &&
           memmem(value.at, value.len, "\"payload\"", 9) != NULL;
}

// The code stays.
static void explain_envelope(struct text value, struct rejection *why) {
    if (has_schema_id(value)) {
        const unsigned char *id = (const unsigned char *)value.at + 1;
        (void)reject(why, "", why->code,
                     "not JSON but Confluent's wire format (a zero byte and schema id %u, then the "
                     "value): let the producer write plain JSON",
                     (unsigned)id[0] << 24 | (unsigned)id[1] << 16 | (unsigned)id[2] << 8 | id[3]);
    } else if (has_payload(value, why)) {
        (void)reject(why, "", why->code,
                     "the order lies in Kafka Connect's envelope of schema and payload: set "
                     "value.converter.schemas.enable=false");
    }
}

enum order_json_result log_message_parse(struct order_json *p, const struct order_rules *rules,
                                         struct text value, bool there, struct arena *arena,
                                         struct order *out, struct rejection *why) {
    enum order_json_result result =
        (there ? order_json_parse_there : order_json_parse)(p, rules, value, arena, out, why);
    if (result == ORDER_JSON_REJECTED || result == ORDER_JSON_BROKEN) {
        explain_envelope(value, why);
        return ORDER_JSON_REJECTED;
    }
    return result;
}
