// SPDX-License-Identifier: MIT
// An order from a JSON tree, whatever it is made of. Inside src/format only.
#pragma once
#include "format/json_check.h"
#include "format/order_json.h"

// `root` and what it holds were parsed with YYJSON_READ_NUMBER_AS_RAW from memory that lives as
// long as `arena`: the order borrows from both. Uses up the keys. Results as of order_json_parse,
// but never ORDER_JSON_BROKEN.
MUST_CHECK enum order_json_result order_tree_read(struct key_set *keys,
                                                  const struct order_rules *rules, yyjson_val *root,
                                                  struct arena *arena, struct order *out,
                                                  struct rejection *why);

// Any JSON as a tree in the parser's memory, valid until the parser is used again, with numbers as
// digits (order_json.c). NULL: memory was refused (*no_memory), or `why` says what is wrong.
MUST_CHECK yyjson_val *order_json_tree(struct order_json *p, struct text json, bool *no_memory,
                                       struct rejection *why);
