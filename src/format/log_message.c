// SPDX-License-Identifier: MIT
// A message's value as an event. What is no order is looked at for the form it has: a message that
// is in an envelope is told so, since "unexpected character" and "order_id is required" would send
// people looking for the wrong mistake.
#include "format/log_message.h"

#include "format/envelope.h"
#include "format/order_scan.h"
#include "format/order_tree.h"

// False: memory was refused.
static bool explain_form(struct order_json *p, struct text value, struct rejection *why) {
    bool no_memory = false;
    struct rejection not_json;
    yyjson_val *root = value_has_schema_id(value) || value.len > ENVELOPE_MAX_BYTES
                           ? NULL
                           : order_json_tree(p, value, &no_memory, &not_json);
    enum value_format found = value_form_found(value, root);
    if (found != VALUE_JSON && !no_memory) {
        value_form_refuse(why, value, found, VALUE_JSON);
    }
    return !no_memory;
}

enum order_json_result log_message_parse_any(struct order_json *p, const struct order_rules *rules,
                                             struct text value, bool tried, struct arena *arena,
                                             struct order *out, struct rejection *why) {
    enum order_json_result result =
        (tried ? order_json_parse_long : order_json_parse)(p, rules, value, arena, out, why);
    if (result == ORDER_JSON_OK || result == ORDER_JSON_NO_MEMORY) {
        return result;
    }
    return explain_form(p, value, why) ? ORDER_JSON_REJECTED : ORDER_JSON_NO_MEMORY;
}
