// SPDX-License-Identifier: MIT
// Which starts and ends of alerts the shop is to be told of now: each once, whoever restarts
// (alert_told.h). The clock is the caller's; one thread.
#pragma once
#include "alerts/alert_board.h"
#include "alerts/alert_message.h"
#include "alerts/alert_told.h"

enum { ALERT_NEWS_MAX = 2 * ALERT_TOLD_MAX };

// Before rules are moved: whether this process is the one that tells. When it has just become that,
// what was told before goes on, so that its end is told when it is over.
bool alert_news_begin(struct alert_board *board, struct alert_told *told, struct alert_now now);
// After they were moved, of the one that tells: what there is to tell, noted as told. How many.
// Save `told` before they are sent.
size_t alert_news_take(const struct alert_board *board, struct alert_told *told,
                       struct alert_now now, struct alert_message out[static ALERT_NEWS_MAX]);
