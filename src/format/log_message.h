// SPDX-License-Identifier: MIT
// A message of a log as an order event: what of it is the same whoever reads the log.
#pragma once
#include "format/order_json.h"

// Parses a message's value, which is one event: as order_json_parse, of which both OK and
// NO_MEMORY are. Otherwise `why` is filled and the event is a rejected one (ORDER_JSON_REJECTED);
// where the value has the order in an envelope (format/envelope.h) it says so instead, and what to
// do about it. `there`: the value is such as order_json_parse_there wants it.
MUST_CHECK static inline enum order_json_result
log_message_parse(struct order_json *p, const struct order_rules *rules, struct text value,
                  bool there, struct arena *arena, struct order *out, struct rejection *why);

// What is no ordinary order; `tried`: order_json_parse_short has found so.
MUST_CHECK enum order_json_result
log_message_parse_any(struct order_json *p, const struct order_rules *rules, struct text value,
                      bool tried, struct arena *arena, struct order *out, struct rejection *why);
static inline enum order_json_result
log_message_parse(struct order_json *p, const struct order_rules *rules, struct text value,
                  bool there, struct arena *arena, struct order *out, struct rejection *why) {
    return there && LIKELY(order_json_parse_short(p, rules, value, out, why))
               ? ORDER_JSON_OK
               : log_message_parse_any(p, rules, value, there, arena, out, why);
}

// The broker's stamp, UTC, held within these: a function of the message alone, so that whoever
// reads the log again finds the same.
#define LOG_ARRIVAL_FIRST_MS INT64_C(1) // 1970; what gives no time has this one
// 9999-12-31T00:00:00Z: whole seconds, and a year of four digits in every zone, for those who read.
#define LOG_ARRIVAL_LAST_MS INT64_C(253402214400000)
static inline int64_t log_arrival_ms(int64_t stamp_ms) {
    return stamp_ms < LOG_ARRIVAL_FIRST_MS  ? LOG_ARRIVAL_FIRST_MS
           : stamp_ms > LOG_ARRIVAL_LAST_MS ? LOG_ARRIVAL_LAST_MS
                                            : stamp_ms;
}
