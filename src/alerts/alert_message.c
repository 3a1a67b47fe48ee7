// SPDX-License-Identifier: MIT
// Names and rules are plain ASCII; of the signs that Slack gives a meaning to (& < >) a rule has
// none that could be read, so nothing needs escaping beyond JSON.
#include "alerts/alert_message.h"

#include "base/units.h"
#include "order/timestamp.h"
#include <stdio.h>

static void put_instant(struct buf *out, const char *key, int64_t utc_ms) {
    char at[32];
    size_t n = timestamp_format(utc_ms, at);
    buf_printf(out, ",\"%s\":\"%.*s\"", key, (int)n, at);
}

// "25m": whole minutes, below two of them seconds.
static void put_lasted(const struct alert_message *m, char *out, size_t out_bytes) {
    int64_t ms = m->at_ms > m->since_ms ? m->at_ms - m->since_ms : 0;
    int64_t step_ms = ms < 120000 ? 1000 : 60000;
    units_write(&units_duration, ms < 1000 ? 1000 : ms / step_ms * step_ms, out, out_bytes);
}

static void put_text(const struct alert_message *m, char *out, size_t out_bytes) {
    char lasted[32];
    if (m->start) {
        snprintf(out, out_bytes, "Alert %s: %s. The rule: %s", m->name, m->value, m->rule);
        return;
    }
    put_lasted(m, lasted, sizeof lasted);
    if (m->removed) {
        snprintf(out, out_bytes, "Alert %s is over after %s: its rule was removed", m->name,
                 lasted);
    } else {
        snprintf(out, out_bytes, "Alert %s is over after %s: %s", m->name, lasted, m->value);
    }
}

void alert_message_put(const struct alert_message *m, struct buf *out) {
    char text[600];
    put_text(m, text, sizeof text);
    buf_put_str(out, "{\"text\":");
    buf_put_json(out, text_of(text));
    buf_put_str(out, ",\"alert\":");
    buf_put_json(out, text_of(m->name));
    buf_printf(out, ",\"event\":\"%s\",\"rule\":", m->start ? "start" : "end");
    buf_put_json(out, text_of(m->rule));
    buf_put_str(out, ",\"value\":");
    buf_put_json(out, text_of(m->value));
    put_instant(out, "since", m->since_ms);
    put_instant(out, "at", m->at_ms);
    buf_put_char(out, '}');
}
