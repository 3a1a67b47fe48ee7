// SPDX-License-Identifier: MIT
// Which groups are the largest, within their currency and in both ranges.
#pragma once
#include "base/must.h"
#include "store/sales_table.h"

// Sets rank, and with a second range rank_before, of each group as the question orders them; with
// `top`, behind the top ones all ranks are only known to be behind.
MUST_CHECK bool sales_rank(const struct sales_query *q, struct sales_table *groups,
                           struct error *err);
