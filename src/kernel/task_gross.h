// SPDX-License-Identifier: MIT
// Gross sums as a task is told them: {"USD":"123"}, in ten-thousandths, as text since they have 64
// bits.
#pragma once
#include "base/error.h"
#include "base/heap.h"
#include "base/must.h"
#include "base/text.h"
#include <stdint.h>

// Into N_CURRENCIES sums by currency_number, all 0 before. False: it is none of that, or memory is
// refused (ERROR_RETRIABLE).
MUST_CHECK bool task_gross_read(struct text json, const struct mem_heap *heap, int64_t *gross_e4,
                                struct error *err);
