// SPDX-License-Identifier: MIT
// What a change of a database's row, as Debezium tells it, means for an order event. Inside
// src/format only.
//
//     op            before, after          it is
//     c, r          after                  the event
//     u             the same event         nothing: other columns were changed
//     u             another event          rejected as changed: what is counted does not change
//     u             no before              rejected as changed: it cannot be told
//     d, t          -                      rejected as changed: what is counted stays
//
// So an event is taken from the one message that says its row is new, and no other can count it
// once more, however late it comes; and no change of money goes by without a word.
#pragma once
#include "format/connect_value.h"
#include "format/envelope.h"

// `change` is the object with op, `schema` its schema or NULL. ENVELOPE_EVENT: the event was
// written to w->out, unless that has failed.
MUST_CHECK enum envelope_result envelope_change(struct connect_writing *w, yyjson_val *change,
                                                yyjson_val *schema);
