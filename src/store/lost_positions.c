// SPDX-License-Identifier: MIT
// The two lines that people get; each store sees it in its own tables.
#include "store/lost_positions.h"

#include "base/log.h"

void lost_positions_vanished(const char *where, const struct position_wish *wish) {
    log_error("store",
              "%s: the row of partition %d of %s has vanished from pipeline_positions while this "
              "process was counting: nothing more of it is counted",
              where, wish->partition, wish->topic.name);
}

bool lost_positions_refuse(const char *where, const struct position_wish *wish, struct error *err) {
    return error_set(err, ERROR_FATAL,
                     "%s: pipeline_positions has lost how far partition %d of %s was counted, and "
                     "orders would count twice: restore the table from a copy as old as the "
                     "totals, or begin anew with an empty database",
                     where, wish->partition, wish->topic.name);
}
