// SPDX-License-Identifier: MIT
// Values of rules from what was measured, as fractions and as texts for people.
#include "alerts/alert_measures_internal.h"
#include "alerts/alert_usual.h"
#include "base/units.h"
#include "order/money.h"
#include <inttypes.h>
#include <stdio.h>

#define MINUTE_MS INT64_C(60000)

static void set(struct alert_value *v, __int128 num, int64_t den) {
    v->known = true;
    v->num = den > 0 ? num : num > 0 ? 1 : 0;
    v->den = den > 0 ? den : num > 0 ? 0 : 1; // something of nothing is more than any share
}

// Tenths, rounded half up; more than fits is shown as the most.
static int64_t tenths(__int128 num, int64_t den) {
    __int128 q = den > 0 ? (num * 20 + (num < 0 ? -den : den)) / (2 * (__int128)den) : 0;
    const __int128 most = INT64_C(9999999999);
    return (int64_t)(q > most ? most : q < -most ? -most : q);
}

// "29.8"
static void put_tenths(char out[static 32], int64_t t) {
    int64_t size = t < 0 ? -t : t;
    snprintf(out, 32, "%s%" PRId64 ".%" PRId64, t < 0 ? "-" : "", size / 10, size % 10);
}

// "124.00", and more decimals only where they say something.
static void put_money(char out[static 24], int64_t amount_e4) {
    size_t len = money_format(amount_e4, out);
    while (len > 3 && out[len - 1] == '0' && out[len - 3] != '.') {
        len--;
    }
    out[len] = '\0';
}

static void put_window(const struct alert_rule *rule, char out[static 32]) {
    units_write(&units_duration, rule->window_ms, out, 32);
}

// --- Each kind

static void orders_value(const struct alert_measures *m, const struct alert_rule *rule,
                         struct alert_value *out) {
    int32_t n = (int32_t)(rule->window_ms / MINUTE_MS);
    struct alert_window w;
    int64_t usual;
    if (!alert_measures_window(m, n, &w) ||
        !alert_usual_of(alert_measures_usual(m), w.last_minute, n, &usual) || usual <= 0) {
        return;
    }
    char share[32], window[32], expected[32];
    set(out, (__int128)w.orders * ALERT_USUAL_PARTS, usual);
    put_tenths(share, tenths(out->num * 100, out->den));
    put_tenths(expected, tenths(usual, ALERT_USUAL_PARTS));
    put_window(rule, window);
    snprintf(out->text, sizeof out->text, "%s%% of usual (%" PRId64 " orders in %s, usual %s)",
             share, w.orders, window, expected);
}

static void refunds_value(const struct alert_measures *m, const struct alert_rule *rule,
                          struct alert_value *out) {
    struct alert_window w;
    if (!alert_measures_window(m, (int32_t)(rule->window_ms / MINUTE_MS), &w)) {
        return;
    }
    char share[32], window[32], refunded[24], sold[24];
    set(out, w.refunded_e4, w.sold_e4);
    put_tenths(share, tenths(out->num * 100, out->den));
    put_window(rule, window);
    put_money(refunded, w.refunded_e4);
    put_money(sold, w.sold_e4);
    snprintf(out->text, sizeof out->text, "%s%s refunded (%s of %s %s in %s)",
             out->den > 0 ? share : "more than sold", out->den > 0 ? "%" : "", refunded, sold,
             alert_measures_currency(m), window);
}

static void rejected_value(const struct alert_measures *m, const struct alert_rule *rule,
                           struct alert_value *out) {
    int64_t received, rejected;
    if (!alert_measures_judged(m, rule->window_ms, &received, &rejected)) {
        return;
    }
    char share[32], window[32];
    set(out, rejected, received);
    put_tenths(share, tenths(out->num * 100, out->den));
    put_window(rule, window);
    snprintf(out->text, sizeof out->text, "%s%% rejected (%" PRId64 " of %" PRId64 " in %s)", share,
             rejected, received, window);
}

static void lag_value(const struct alert_measures *m, struct alert_value *out) {
    int64_t lag = alert_measures_lag(m);
    if (lag >= 0) {
        set(out, lag, 1);
        snprintf(out->text, sizeof out->text, "%" PRId64 " messages are not counted yet", lag);
    }
}

static void quiet_value(const struct alert_measures *m, struct alert_value *out) {
    int64_t age_ms;
    if (!alert_measures_age_ms(m, &age_ms)) {
        return;
    }
    char age[32];
    int64_t step_ms = age_ms < 2 * MINUTE_MS ? 1000 : MINUTE_MS;
    set(out, age_ms, 1);
    units_write(&units_duration, age_ms / step_ms * step_ms, age, sizeof age);
    snprintf(out->text, sizeof out->text, "no order for %s%s", age, age_ms < 1000 ? "s" : "");
}

void alert_measures_value(const struct alert_measures *m, const struct alert_rule *rule,
                          struct alert_value *out) {
    *out = (struct alert_value){.known = false, .den = 1};
    switch (rule->kind) {
    case ALERT_ORDERS:
        orders_value(m, rule, out);
        break;
    case ALERT_REFUNDS:
        refunds_value(m, rule, out);
        break;
    case ALERT_REJECTED:
        rejected_value(m, rule, out);
        break;
    case ALERT_LAG:
        lag_value(m, out);
        break;
    case ALERT_QUIET:
        quiet_value(m, out);
        break;
    case ALERT_KINDS:
        break;
    }
}

// --- Against limits

// Below 0: the value is below the limit.
static int compare(const struct alert_value *v, const struct alert_rule *rule, int64_t limit) {
    __int128 unit = alert_kind_is_share(rule->kind) ? ALERT_SHARE_UNIT : 1;
    __int128 value = v->num * unit, wanted = (__int128)limit * v->den;
    return (value > wanted) - (value < wanted);
}

bool alert_value_is_beyond(const struct alert_value *v, const struct alert_rule *rule) {
    int c = compare(v, rule, rule->limit);
    return rule->under ? c < 0 : c > 0;
}

bool alert_value_is_clear(const struct alert_value *v, const struct alert_rule *rule) {
    int c = compare(v, rule, rule->clear_limit);
    return rule->under ? c >= 0 : c <= 0;
}
