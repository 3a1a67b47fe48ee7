// SPDX-License-Identifier: MIT
// Messages of other producers whose value is not the order itself but has it in an envelope.
#pragma once
#include "order/order.h"

// `value` was rejected because of `why`. Where the value is in one of the two usual envelopes, says
// so instead, and what to do about it. The code stays.
void kafka_envelope_explain(struct text value, struct rejection *why);
