// SPDX-License-Identifier: MIT
// What all who submit rejected events again agree on.
#include "store/rejected_retries.h"

bool rejected_is_busy(const struct rejected_row *row, int64_t now_ms) {
    return row->retried_ms != 0 && text_equal(row->retried_verdict, TEXT_LIT("trying")) &&
           now_ms - row->retried_ms < REJECTED_TRY_MS;
}
