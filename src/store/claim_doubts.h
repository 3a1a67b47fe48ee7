// SPDX-License-Identifier: MIT
// Claims of partitions whose COMMIT was not answered, one a partition: each may have been made, so
// the epoch that it set is taken for our own when it is met again. One thread. A zeroed struct is
// valid and empty.
#pragma once
#include "base/must.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct claim_doubt;
struct claim_doubts {
    struct claim_doubt *at;
    size_t n;
};

// before_us: the epoch that the row had and keeps unless the claim was made, where that was ours;
// else 0. Takes the place of an older doubt of the partition: with the row locked it was settled.
void claim_doubts_note(struct claim_doubts *d, const char *topic, int32_t partition,
                       int64_t before_us, int64_t epoch_us);
// Whether this epoch is one that a claim in doubt left.
bool claim_doubts_has(const struct claim_doubts *d, const char *topic, int32_t partition,
                      int64_t epoch_us);
// A claim of the partition was answered.
void claim_doubts_end(struct claim_doubts *d, const char *topic, int32_t partition);
void claim_doubts_free(struct claim_doubts *d);
