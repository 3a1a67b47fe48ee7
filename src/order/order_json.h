// SPDX-License-Identifier: MIT
// Order events as JSON: one event from its text, and a request body cut into events.
#pragma once
#include "order/order.h"

// Scratch memory of a parser: the JSON library's pool and the set of keys. One per thread; reused for
// every event, bounded by ORDER_EVENT_MAX_BYTES.
struct order_json;
MUST_CHECK struct order_json *order_json_new(void); // dies when out of memory
void order_json_free(struct order_json *p);

enum order_json_result {
    ORDER_JSON_OK,
    ORDER_JSON_REJECTED, // JSON, but not an order: `why` is filled
    ORDER_JSON_BROKEN,   // not JSON at all: `why` is filled with REJECT_NOT_JSON
    ORDER_JSON_NO_MEMORY,
};

// Parses one event. `json` is only read; what the order needs of it is copied into `arena`.
// Any input is safe: never reads outside `json`, never recurses on nesting.
MUST_CHECK enum order_json_result order_json_parse(struct order_json *p,
                                                   const struct order_rules *rules,
                                                   struct text json, struct arena *arena,
                                                   struct order *out, struct rejection *why);

// --- A body cut into events. Borrows the body.

enum body_form {
    BODY_JSON,  // application/json: one object, an array, or (an object, a line end, more) NDJSON
    BODY_LINES, // NDJSON by its content type or file name
};
enum body_next {
    BODY_EVENT,     // *event is the next one's text, without outer white space
    BODY_END,
    BODY_MALFORMED, // the body as a whole cannot be read; see body_split_problem()
};
struct body_split {
    struct text body;
    size_t at;
    enum { SPLIT_ONE, SPLIT_ARRAY, SPLIT_LINES, SPLIT_DONE } state;
    bool first;
    const char *problem; // static text
};
// A UTF-8 byte order mark and outer white space are skipped. Nothing is allocated.
void body_split_start(struct body_split *s, struct text body, enum body_form form);
MUST_CHECK enum body_next body_split_next(struct body_split *s, struct text *event);
// After BODY_MALFORMED: what is wrong (static text) and at which byte of the body.
const char *body_split_problem(const struct body_split *s, size_t *offset);
