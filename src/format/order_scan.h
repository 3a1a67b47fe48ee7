// SPDX-License-Identifier: MIT
// The short road for an ordinary order: one pass over its text without building a JSON tree, which
// takes about half the time. Inside src/format only; order_json.c tells what becomes of the others.
#pragma once
#include "format/order_json.h"

// True: `json`, which has ORDER_SCAN_PADDING bytes of any kind behind it, is an order and finished
// in `b`, which was begun by order_begin and has a minute;
// its slices borrow from `json`. False: it is not, or it
// has something that is not ordinary (a field not known, items, an escape, a wrong value ...); then
// nothing is known about it, and `b` and what it fills are to be begun anew. Never true for what
// the long road rejects, and never with another order: that is what the tests and the fuzz target
// hold the two against each other for.
MUST_CHECK bool order_scan(struct order_builder *b, struct text json);

// order_json_parse (see there) without the short road: what it is held against.
MUST_CHECK enum order_json_result order_json_parse_long(struct order_json *p,
                                                        const struct order_rules *rules,
                                                        struct text json, struct arena *arena,
                                                        struct order *out, struct rejection *why);
