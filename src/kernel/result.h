// SPDX-License-Identifier: MIT
// How the public functions answer.
#pragma once
#include "base/error.h"
#include <salestide/arrow.h>
#include <stdint.h>

// Empties `err` (NULL is fine): how a public function begins.
void kernel_begin(struct salestide_error *err);
// Fills `err` and gives `result`, so that callers can `return kernel_answer(...)`.
int32_t kernel_answer(struct salestide_error *err, enum salestide_result result, const char *format,
                      ...) PRINTF_LIKE(3, 4);
int32_t kernel_no_memory(struct salestide_error *err);
// The same of an error of the rooms below: what was asked for wrongly is INVALID; what may go away
// is NO_MEMORY, as these read no disk.
int32_t kernel_failed(struct salestide_error *err, const struct error *why);
