// SPDX-License-Identifier: MIT
// Keys of other producers' messages.
#pragma once
#include "format/order_json.h"

// Whether a key is the order's id alone, in one of the forms that converters write: the id itself,
// as text or JSON; an object with it as its only member; either of them in Kafka Connect's envelope
// or behind a schema's id of Confluent's. Then all messages of an order have that key, and one
// partition. Any bytes are safe. Uses the parser's memory.
MUST_CHECK bool log_key_is(struct order_json *p, struct text key, struct text id);
