// SPDX-License-Identifier: MIT
#include "alerts/alert_board.h"

#include "base/mem.h"
#include "base/metrics.h"
#include <inttypes.h>
#include <stdlib.h>

#define MS_NS INT64_C(1000000)

static const struct state_row rows[ALERT_STATES] = {
    // To firing: it was told before a restart.
    [ALERT_OK] = {"ok", STATE_BIT(ALERT_PENDING) | STATE_BIT(ALERT_FIRING)},
    [ALERT_PENDING] = {"pending", STATE_BIT(ALERT_OK) | STATE_BIT(ALERT_FIRING)},
    [ALERT_FIRING] = {"firing", STATE_BIT(ALERT_CLEARING)},
    [ALERT_CLEARING] = {"clearing", STATE_BIT(ALERT_FIRING) | STATE_BIT(ALERT_OK)},
};

static bool alert_holds(const void *owner, uint8_t now) {
    const struct alert *a = owner;
    return (now == ALERT_OK) == (a->since_ms == 0);
}

const struct state_table alert_states = {"alert", rows, ALERT_STATES, alert_holds};

static void turn(struct alert *a, enum alert_state to, struct alert_now now) {
    a->turned_ns = now.monotonic_ns;
    if (to == ALERT_OK) {
        a->since_ms = 0;
    }
    state_move(&alert_states, &a->state, (uint8_t)to, a);
}

static bool has_lasted(const struct alert *a, int64_t ms, struct alert_now now) {
    return now.monotonic_ns - a->turned_ns >= ms * MS_NS;
}

// From quiet towards firing.
static void step_up(struct alert *a, bool beyond, struct alert_now now) {
    if (a->state.now == ALERT_OK && beyond) {
        a->since_ms = now.utc_ms > 0 ? now.utc_ms : 1;
        turn(a, ALERT_PENDING, now);
    }
    if (a->state.now == ALERT_PENDING && !beyond) {
        turn(a, ALERT_OK, now);
    } else if (a->state.now == ALERT_PENDING && has_lasted(a, a->rule.for_ms, now)) {
        a->fired++;
        turn(a, ALERT_FIRING, now);
    }
}

// And back.
static void step_down(struct alert *a, bool clear, struct alert_now now) {
    if (a->state.now == ALERT_FIRING && clear) {
        turn(a, ALERT_CLEARING, now);
    }
    if (a->state.now == ALERT_CLEARING && !clear) {
        turn(a, ALERT_FIRING, now);
    } else if (a->state.now == ALERT_CLEARING && has_lasted(a, a->rule.clear_for_ms, now)) {
        turn(a, ALERT_OK, now);
    }
}

bool alert_step(struct alert *a, const struct alert_value *value, struct alert_now now) {
    const uint8_t before = a->state.now;
    const bool was_known = a->value.known;
    a->value = *value;
    if (alert_is_active(a)) {
        step_down(a, value->known && alert_value_is_clear(value, &a->rule), now);
    } else {
        step_up(a, value->known && alert_value_is_beyond(value, &a->rule), now);
    }
    return a->state.now != before || a->value.known != was_known;
}

void alert_resume(struct alert *a, int64_t since_ms, struct alert_now now) {
    if (!alert_is_active(a)) {
        a->since_ms = since_ms > 0 ? since_ms : 1;
        turn(a, ALERT_FIRING, now);
    }
}

struct alert *alert_board_find(struct alert_board *b, const char *name) {
    for (size_t i = 0; i < b->n; i++) {
        if (strcmp(b->at[i].rule.name, name) == 0) {
            return &b->at[i];
        }
    }
    return NULL;
}

void alert_board_set(struct alert_board *b, const struct alert_rules *rules) {
    struct alert_board *fresh = mem_zalloc(1, sizeof *fresh); // large for a stack
    for (; fresh->n < rules->n; fresh->n++) {
        const struct alert *known = alert_board_find(b, rules->at[fresh->n].name);
        struct alert *a = &fresh->at[fresh->n];
        *a = known != NULL ? *known : (struct alert){.value.den = 1};
        a->rule = rules->at[fresh->n];
    }
    *b = *fresh;
    free(fresh);
}

// --- For people and machines

static void put_alert(const struct alert *a, struct buf *out) {
    buf_put_str(out, "{\"name\":");
    buf_put_json(out, text_of(a->rule.name));
    buf_put_str(out, ",\"rule\":");
    buf_put_json(out, text_of(a->rule.text));
    buf_printf(out,
               ",\"state\":\"%s\",\"firing\":%s,\"since_ms\":", state_name(&alert_states, a->state),
               alert_is_active(a) ? "true" : "false");
    if (a->since_ms != 0) {
        buf_put_i64(out, a->since_ms);
    } else {
        buf_put_str(out, "null");
    }
    buf_put_str(out, ",\"value\":");
    if (a->value.known) {
        buf_put_json(out, text_of(a->value.text));
    } else {
        buf_put_str(out, "null");
    }
    buf_put_char(out, '}');
}

void alert_board_json(const struct alert_board *b, struct buf *out) {
    int64_t active = 0;
    for (size_t i = 0; i < b->n; i++) {
        active += alert_is_active(&b->at[i]);
    }
    buf_printf(out, "{\"active\":%" PRId64 ",\"rules\":[", active);
    for (size_t i = 0; i < b->n; i++) {
        buf_put_str(out, i > 0 ? "," : "");
        put_alert(&b->at[i], out);
    }
    buf_put_str(out, "]}");
}

void alert_board_metrics(const struct alert_board *b, struct buf *out) {
    metric_head(out, "alert_active", "gauge", "1 while the rule fires.");
    for (size_t i = 0; i < b->n; i++) {
        buf_printf(out, "salestide_alert_active{rule=\"%s\"} %d\n", b->at[i].rule.name,
                   alert_is_active(&b->at[i]));
    }
    metric_head(out, "alerts_fired_total", "counter", "Times the rule has fired.");
    for (size_t i = 0; i < b->n; i++) {
        buf_printf(out, "salestide_alerts_fired_total{rule=\"%s\"} %" PRId64 "\n",
                   b->at[i].rule.name, b->at[i].fired);
    }
}
