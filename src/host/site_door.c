// SPDX-License-Identifier: MIT
// The HTTP door of a site, and the live page behind it. What the door has follows from the parts
// before it: orders are taken when there is an intake, questions are answered when there is a place
// to ask, and each brings its limits along.
#include "host/site_internal.h"

#include "host/http_setup.h"
#include "host/shop_settings.h"
#include "live/live_stream.h"
#include "live/page_files.h"
#include "live/sales_questions.h"
#include <string.h>

enum { QUESTION_TIMEOUT_MS = 5000, LIVE_POLL_MS = 200 };

// --- The door

static bool door_ready(void *user, char problem[static INTAKE_PROBLEM_BYTES]) {
    return site_ready(user, problem);
}

static void door_metrics(void *user, struct buf *out) {
    site_metrics(user, out);
}

static bool door_reader(void *user, struct sales_reader **out, struct error *err) {
    struct site *s = user;
    struct store_settings settings;
    if (!reader_place_open(s->place, QUESTION_TIMEOUT_MS, out, &settings, err)) {
        return false;
    }
    *out = s->days != NULL ? day_reader_new(*out, s->days) : *out;
    return true;
}

static bool door_retries(void *user, struct rejected_retries **out, struct error *err) {
    struct site *s = user;
    return reader_place_open_retries(s->place, out, err);
}

// Also asked by the page.
static void door_alerts(void *user, struct buf *json) {
    const struct site *s = user;
    if (s->alerts != NULL) {
        alerts_json(s->alerts, json);
    } else {
        buf_put_str(json, "{\"active\":0,\"rules\":[]}");
    }
}

// Workers' threads.
static bool door_rules(void *of, struct buf *lines, char etag[static RULES_TAG_BYTES],
                       struct error *err) {
    return alerts_rules_text(of, lines, etag, err);
}

static enum rules_put door_put_rules(void *of, struct text lines, struct text known,
                                     char etag[static RULES_TAG_BYTES],
                                     struct rules_mistake *mistake, struct error *err) {
    struct alert_mistake found;
    switch (alerts_rules_put(of, lines, known, etag, &found, err)) {
    case ALERTS_PUT:
        return RULES_TAKEN;
    case ALERTS_PUT_WRONG:
        *mistake = (struct rules_mistake){.line = found.line, .part = found.why.part};
        memcpy(mistake->rule, found.rule, sizeof found.rule);
        memcpy(mistake->text, found.why.text, sizeof found.why.text);
        return RULES_WRONG;
    case ALERTS_PUT_OTHERS:
        return RULES_OTHERS;
    case ALERTS_PUT_FAILED:
        break;
    }
    return RULES_NOT_WRITTEN;
}

static void door_reload(void *user) {
    site_reload_ask(user);
}

static bool open_door(struct site *s, struct error *err) {
    struct http_options options = {
        .rules = &s->rules,
        .timezone = s->settings.timezone,
        .intake = s->intake,
        .files = s->place != NULL ? &page_files : &api_files,
        .questions = s->place != NULL ? &sales_questions : NULL,
        .clock = clock_system(),
        .ready = door_ready,
        .metrics = door_metrics,
        .open_reader = s->place != NULL ? door_reader : NULL,
        .open_retries = s->place != NULL && s->intake.ops != NULL ? door_retries : NULL,
        .alerts = s->place != NULL ? door_alerts : NULL,
        .reload = site_can_reload(s) ? door_reload : NULL,
        .user = s,
    };
    if (!http_options_read(s->options, &options, err)) {
        return false;
    }
    if (s->intake.ops != NULL) {
        http_orders_options_read(s->options, &options);
    }
    if (s->place != NULL) {
        http_sales_options_read(s->options, &options);
        int64_t bytes = option_int(s->options, "day-memory");
        s->days = bytes > 0 ? day_cache_new(bytes) : NULL;
    }
    if (s->alerts != NULL) {
        options.rules_of_alerts = (struct http_rules){door_rules, door_put_rules, s->alerts};
    }
    return http_new(&options, &s->http, err);
}

static void close_door(struct site *s) {
    http_free(s->http);
    day_cache_free(s->days);
}

static void put_days(struct site *s, struct buf *out) {
    if (s->days != NULL) {
        day_cache_metrics(s->days, out);
    }
}

const struct site_part part_door = {
    .name = "door",
    .open = open_door,
    .close = close_door,
    .metrics = put_days,
};

// --- The page

// Live's thread. Whether orders can be stored is of interest where they are; elsewhere the page
// tells by itself what it cannot read. When the newest batch was committed the tables tell, since
// others may write them too; how long its events had waited by then they do not: only the engine
// that took them knows. What waits now others may be asked for (site_waiting.c).
static void page_health(void *user, int64_t last_commit_ms, struct buf *json) {
    struct site *s = user;
    char problem[INTAKE_PROBLEM_BYTES];
    buf_printf(json, "{\"keys_required\":%s,\"rules\":%s",
               http_keys_required(s->http) ? "true" : "false",
               s->alerts != NULL ? "true" : "false");
    if (s->intake.ops != NULL) {
        buf_printf(json, ",\"queue_events\":%zu,\"queue_capacity\":%zu", intake_events(s->intake),
                   intake_capacity(s->intake));
    }
    if (last_commit_ms > 0) {
        buf_printf(json, ",\"last_commit_ms\":%lld", (long long)last_commit_ms);
    }
    if (s->engine != NULL) {
        struct engine_status status;
        engine_status(s->engine, &status);
        bool ready = site_ready(s, problem);
        if (status.last_commit_ms > 0) {
            buf_printf(json, ",\"freshness_ms\":%lld", (long long)status.last_freshness_ms);
        }
        buf_printf(json, ",\"ready\":%s", ready ? "true" : "false");
        if (!ready && problem[0] != '\0') {
            buf_put_str(json, ",\"problem\":");
            buf_put_json(json, text_of(problem));
        }
    }
    site_health(s, json);
    buf_put_char(json, '}');
}

static bool page_products(void *user, struct sales_reader **out, struct error *err) {
    const struct site *s = user;
    struct store_settings settings;
    return reader_place_open(s->place, QUESTION_TIMEOUT_MS, out, &settings, err);
}

static bool open_page(struct site *s, struct error *err) {
    struct live_options options = {
        .zone = s->zone,
        .products_path = option_text(s->options, "products"),
        .clock = clock_system(),
        .poll_ms = s->others_write ? LIVE_POLL_MS : 0,
        .changed = http_stream_changed,
        .changed_user = s->http,
        .health = page_health,
        .health_user = s,
        .alerts = door_alerts,
        .alerts_user = s,
        .open_products = page_products,
        .open_user = s,
    };
    struct store_settings settings;
    memcpy(options.currency, s->settings.currency, sizeof options.currency);
    if (!locale_of_options(s->options, &options.locale, err) ||
        !reader_place_open(s->place, QUESTION_TIMEOUT_MS, &options.reader, &settings, err)) {
        return false;
    }
    s->live = live_start(&options, err);
    if (s->live == NULL) {
        return false;
    }
    http_set_stream(s->http, live_stream(s->live));
    return true;
}

static void close_page(struct site *s) {
    if (s->live != NULL) {
        http_set_stream(s->http, (struct http_stream){0});
        live_stop(s->live);
    }
}

static void reload_page(struct site *s) {
    live_reload_products(s->live);
}

const struct site_part part_page = {
    .name = "page",
    .open = open_page,
    .close = close_page,
    .reload = reload_page,
};
