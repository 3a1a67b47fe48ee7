// SPDX-License-Identifier: MIT
// A reader that answers questions about several whole days from sums of days in memory
// (day_cache.h), and asks the store for the days that have changed since; everything else it hands
// on. The same code for every store, exact as the store is: what it takes from memory is of the
// days as the store's snapshot has them.
#pragma once
#include "store/day_cache.h"

// Takes over `inner`, which is closed with it. Borrows `cache`, which outlives it.
MUST_CHECK struct sales_reader *day_reader_new(struct sales_reader *inner, struct day_cache *cache);
