// SPDX-License-Identifier: MIT
// Alerts of a site: the rules of --alerts, judged on a thread of their own, for page, metrics and
// the shop's webhook. Without --alerts a server that takes orders keeps in its data directory what
// is made on the page; one that only shows them has none.
#include "host/site_internal.h"

#include <stdio.h>
#include <string.h>

#define OWN_FILE "alerts.rules"
enum { READ_TIMEOUT_MS = 5000 };

static bool alerts_reader(void *user, struct sales_reader **out, struct error *err) {
    struct site *s = user;
    struct store_settings settings;
    return reader_place_open(s->place, READ_TIMEOUT_MS, out, &settings, err);
}

static bool alerts_lag(void *user, int64_t *messages) {
    struct site *s = user;
    return s->lag(s, messages);
}

// NULL: there is none. Valid as long as the site.
static const char *rules_path(struct site *s) {
    const char *path = option_text(s->options, "alerts");
    if (path != NULL || s->intake.ops == NULL) {
        return path;
    }
    snprintf(s->rules_path, sizeof s->rules_path, "%s/" OWN_FILE, option_text(s->options, "data"));
    return s->rules_path;
}

static bool open_alerts(struct site *s, struct error *err) {
    struct alerts_options options = {
        .open_reader = alerts_reader,
        .lag = s->lag != NULL ? alerts_lag : NULL,
        .user = s,
        .zone = s->zone,
        .clock = clock_system(),
        .directory = option_text(s->options, "data"),
        .path = rules_path(s),
        .path_is_optional = option_text(s->options, "alerts") == NULL,
        .webhook_url = option_text(s->options, "alert-webhook"),
    };
    memcpy(options.currency, s->settings.currency, sizeof options.currency);
    if (options.path != NULL) {
        return alerts_start(&options, &s->alerts, err);
    }
    return options.webhook_url == NULL ||
           error_set(err, ERROR_USAGE,
                     "--alert-webhook has nothing to tell without rules: give --alerts FILE");
}

static void close_alerts(struct site *s) {
    alerts_stop(s->alerts);
}

static void put_alerts(struct site *s, struct buf *out) {
    if (s->alerts != NULL) {
        alerts_metrics(s->alerts, out);
    }
}

static void reload_alerts(struct site *s) {
    if (s->alerts != NULL) {
        alerts_reload(s->alerts);
    }
}

const struct site_part part_alerts = {
    .name = "alerts",
    .open = open_alerts,
    .close = close_alerts,
    .metrics = put_alerts,
    .reload = reload_alerts,
};
