// SPDX-License-Identifier: MIT
// Order events as JSON: one event from its text, and a request body cut into events.
#pragma once
#include "order/order.h"

// Scratch memory of a parser: the JSON library's pool and the set of keys. One per thread; reused
// for every event, bounded by ORDER_EVENT_MAX_BYTES.
struct order_json;
MUST_CHECK struct order_json *order_json_new(const struct mem_heap *heap); // NULL: refused
void order_json_free(struct order_json *p);                                // NULL is fine

enum order_json_result {
    ORDER_JSON_OK,
    ORDER_JSON_REJECTED, // JSON, but not an order: `why` is filled
    ORDER_JSON_BROKEN,   // not JSON at all: `why` is filled with REJECT_NOT_JSON
    ORDER_JSON_NO_MEMORY,
};

// Parses one event. `json` is only read; its text is copied once into `arena`, which the slices of
// `out` and its items borrow. Any input is safe: never reads outside `json`, never recurses on
// nesting. `out` is valid after ORDER_JSON_OK only, `why` after REJECTED and BROKEN only.
//
// A known field that is null is absent. Fields not known are ignored, but two keys that are equal
// in one object (anywhere) and nesting beyond rules->max_depth reject the event; why->field is then
// the path of the key, as "meta.tags[2].name", as far as it fits.
MUST_CHECK enum order_json_result order_json_parse(struct order_json *p,
                                                   const struct order_rules *rules,
                                                   struct text json, struct arena *arena,
                                                   struct order *out, struct rejection *why);

// As order_json_parse, for a text that lives as long as the order and has ORDER_SCAN_PADDING bytes
// behind it that may be read, whatever they are: an ordinary order borrows from it and nothing is
// copied.
enum { ORDER_SCAN_PADDING = 48 };
// Reads an ordinary order of such a text. False: it may be one all the same, and nothing of `out`
// and `why` is valid.
MUST_CHECK bool order_json_parse_short(struct order_json *p, const struct order_rules *rules,
                                       struct text json, struct order *out, struct rejection *why);
MUST_CHECK enum order_json_result order_json_parse_there(struct order_json *p,
                                                         const struct order_rules *rules,
                                                         struct text json, struct arena *arena,
                                                         struct order *out, struct rejection *why);

// After ORDER_JSON_BROKEN: is the text JSON but for what stands within its strings (an escape of
// half a surrogate pair or of nothing, bytes that are no UTF-8, raw control characters)? Then it is
// certain where the event ends, and what stands beside it can be trusted. Takes as much of `arena`
// as the text is long; false when that is refused.
MUST_CHECK bool order_json_is_whole(struct order_json *p, struct text json, struct arena *arena);

// --- A body cut into events. Borrows the body.

enum body_form {
    // application/json: one object, an array, or NDJSON: an object on one line, a line end, more.
    // Several objects that are not one a line are malformed.
    BODY_JSON,
    BODY_LINES, // NDJSON by its content type or file name
};
enum body_next {
    BODY_EVENT,     // *event is the next one's text, without outer white space, never empty
    BODY_END,       // at least one event came before
    BODY_MALFORMED, // the body as a whole cannot be read; see body_split_problem()
};
enum split_state { SPLIT_ONE, SPLIT_ARRAY, SPLIT_LINES, SPLIT_DONE };
struct body_split {
    struct text body;
    size_t at;
    enum split_state state;
    bool first;
    const char *problem; // static text
};
// A UTF-8 byte order mark, outer white space and empty lines are skipped. Nothing is allocated.
//
// Lines and arrays differ in what a broken event means. A line is a unit: one that is
// ORDER_JSON_BROKEN is one rejected event, the others count. The elements of an array (and the one
// event of SPLIT_ONE) are found by counting brackets, not checked as JSON: when one is BROKEN the
// body as a whole is not JSON, as it is when BODY_MALFORMED comes after some events; except that an
// element which order_json_is_whole is one rejected event too. So a caller parses a whole body
// before anything of it is stored, unless it is in lines (s->state == SPLIT_LINES after
// body_split_start; no BODY_MALFORMED comes after an event then).
void body_split_start(struct body_split *s, struct text body, enum body_form form);
// After BODY_END or BODY_MALFORMED every further call answers the same.
MUST_CHECK enum body_next body_split_next(struct body_split *s, struct text *event);
// After BODY_MALFORMED: what is wrong (static text) and at which byte of the body.
const char *body_split_problem(const struct body_split *s, size_t *offset);
