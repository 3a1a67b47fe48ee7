// SPDX-License-Identifier: MIT
#include "alerts/alert_news.h"

#include <string.h>

static struct alert_message message_of(const struct alert *alert, bool start, int64_t since_ms,
                                       int64_t at_ms) {
    struct alert_message m = {.start = start, .since_ms = since_ms, .at_ms = at_ms};
    memcpy(m.name, alert->rule.name, sizeof m.name);
    memcpy(m.rule, alert->rule.text, sizeof m.rule);
    memcpy(m.value, alert->value.text, sizeof m.value);
    return m;
}

static struct alert_message message_of_removed(const struct told_alert *told, int64_t at_ms) {
    struct alert_message m = {.removed = true, .since_ms = told->since_ms, .at_ms = at_ms};
    memcpy(m.name, told->name, sizeof m.name);
    return m;
}

bool alert_news_begin(struct alert_board *board, struct alert_told *told, struct alert_now now) {
    if (board->n == 0 && told->n == 0 && !alert_told_is_there(told)) {
        return false; // a directory that is not needed is not made
    }
    enum told_turn turn = alert_told_take(told);
    for (size_t i = 0; turn == TOLD_TAKEN && i < told->n; i++) {
        struct alert *alert = alert_board_find(board, told->at[i].name);
        if (alert != NULL) {
            alert_resume(alert, told->at[i].since_ms, now);
        }
    }
    return turn != TOLD_OTHER;
}

static size_t take_ends(const struct alert_board *board, struct alert_told *told, int64_t now_ms,
                        struct alert_message *out) {
    size_t n = 0;
    for (size_t i = 0; i < told->n;) {
        const struct alert *alert = alert_board_find((struct alert_board *)board, told->at[i].name);
        if (alert != NULL && alert_is_active(alert)) {
            i++;
            continue;
        }
        struct alert_message *m = &out[n++];
        *m = alert != NULL ? message_of(alert, false, told->at[i].since_ms, now_ms)
                           : message_of_removed(&told->at[i], now_ms);
        alert_told_remove(told, m->name); // another takes its place: look there again
    }
    return n;
}

size_t alert_news_take(const struct alert_board *board, struct alert_told *told,
                       struct alert_now now, struct alert_message out[static ALERT_NEWS_MAX]) {
    size_t n = take_ends(board, told, now.utc_ms, out);
    for (size_t i = 0; i < board->n; i++) {
        const struct alert *alert = &board->at[i];
        if (alert_is_active(alert) && alert_told_find(told, alert->rule.name) == NULL &&
            alert_told_add(told, alert->rule.name, alert->since_ms)) {
            out[n++] = message_of(alert, true, alert->since_ms, now.utc_ms);
        }
    }
    return n;
}
