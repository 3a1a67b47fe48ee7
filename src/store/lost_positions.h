// SPDX-License-Identifier: MIT
// Rows of pipeline_positions that somebody has deleted. Without its row a partition would count as
// new, from the log's oldest message on, and every order in it once more. What tells it from a new
// one: this process has held the row; or no partition at all has one though events were counted; or
// a lane was given to it (pipeline_lanes), which is done together with its row.
#pragma once
#include "store/aggregates.h"

// The row was ours while this process was counting: a line in the log. `where`: the database.
void lost_positions_vanished(const char *where, const struct position_wish *wish);
// The claim that cannot be. Answers false.
bool lost_positions_refuse(const char *where, const struct position_wish *wish, struct error *err);
