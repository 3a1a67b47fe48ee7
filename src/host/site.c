// SPDX-License-Identifier: MIT
// Starting, asking and stopping the parts of a site; site.h has the order and why it is safe.
//
// How it fails: a part that cannot be opened or run says why in one line, those before it are
// stopped, and the exit code is 2 for what somebody has to change, 1 for what may pass.
#include "host/site_internal.h"

#include "base/log.h"
#include "engine/zone_file.h"
#include "host/http_setup.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// --- What the parts are as a whole

bool site_set_shop(struct site *s, const struct store_settings *settings, struct error *err) {
    s->settings = *settings;
    if (!zone_open(s->settings.timezone, &s->zone, err)) {
        return false;
    }
    s->rules.zone = s->zone;
    memcpy(s->rules.currency, s->settings.currency, sizeof s->rules.currency);
    return true;
}

// Appends one more problem, as far as there is room.
static void add_problem(char list[static INTAKE_PROBLEM_BYTES], const char *one) {
    size_t len = strlen(list);
    snprintf(list + len, INTAKE_PROBLEM_BYTES - len, "%s%s", len > 0 ? "; " : "", one);
}

bool site_ready(struct site *s, char problem[static INTAKE_PROBLEM_BYTES]) {
    bool all = true;
    problem[0] = '\0';
    for (const struct site_part *const *p = s->plan->parts; *p != NULL; p++) {
        char one[INTAKE_PROBLEM_BYTES] = "";
        if ((*p)->ready != NULL && !(*p)->ready(s, one)) {
            add_problem(problem, one);
            all = false;
        }
    }
    return all;
}

void site_metrics(struct site *s, struct buf *out) {
    for (const struct site_part *const *p = s->plan->parts; *p != NULL; p++) {
        if ((*p)->metrics != NULL) {
            (*p)->metrics(s, out);
        }
    }
}

void site_health(struct site *s, struct buf *json) {
    for (const struct site_part *const *p = s->plan->parts; *p != NULL; p++) {
        if ((*p)->health != NULL) {
            (*p)->health(s, json);
        }
    }
}

bool site_can_reload(const struct site *s) {
    bool can = false;
    for (const struct site_part *const *p = s->plan->parts; *p != NULL; p++) {
        can = can || (*p)->reload != NULL;
    }
    return can;
}

void site_reload_parts(struct site *s) {
    for (const struct site_part *const *p = s->plan->parts; *p != NULL; p++) {
        if ((*p)->reload != NULL) {
            (*p)->reload(s);
        }
    }
}

// --- Start and stop

bool site_wait(struct site *s, int wait_ms) {
    const struct timespec longest = {.tv_sec = wait_ms / 1000,
                                     .tv_nsec = wait_ms % 1000 * INT64_C(1000000)};
    int number = sigtimedwait(s->signals, NULL, &longest);
    if (number == SIGHUP) {
        return false; // files are read by what comes next anyway
    }
    s->stop_asked = s->stop_asked || number > 0;
    return s->stop_asked;
}

bool site_start(struct site *s, struct error *err) {
    const struct site_part *const *parts = s->plan->parts;
    while (parts[s->n_open] != NULL) {
        if (!parts[s->n_open++]->open(s, err)) {
            return false;
        }
    }
    while (parts[s->n_running] != NULL) {
        const struct site_part *part = parts[s->n_running++];
        if (part->run != NULL && !part->run(s, err)) {
            return false;
        }
    }
    return true;
}

void site_stop(struct site *s) {
    const struct site_part *const *parts = s->plan->parts;
    for (size_t i = s->n_open; i-- > 0;) {
        if (parts[i]->halt != NULL) {
            parts[i]->halt(s);
        }
    }
    if (s->stuck) { // it may still use what close frees
        _exit(1);
    }
    for (size_t i = s->n_open; i-- > 0;) {
        parts[i]->close(s);
    }
    zone_free(s->zone);
}

// All parts have looked at their options by now. One that was typed and that nobody has asked for
// would be obeyed by nobody: that is said. Those of environment and file may be meant for others.
static void tell_unread_options(const struct site *s) {
    struct buf unread = {0};
    size_t i = 0;
    bool typed = false;
    for (const char *name; (name = options_next_unread(s->options, &i, &typed)) != NULL;) {
        if (typed) {
            log_warn(s->plan->command, "--%s has no effect: nothing that runs here uses it", name);
        }
        buf_printf(&unread, " %s", name);
    }
    buf_put_char(&unread, '\0');
    if (!unread.failed) {
        log_debug(s->plan->command, "options that nothing here uses:%s", unread.at);
    }
    buf_free(&unread);
}

int site_run(const struct options *o, const struct site_plan *plan) {
    sigset_t signals;
    http_prepare_process(&signals);
    struct site s = {.options = o, .plan = plan, .signals = &signals};
    struct error err = {0};
    bool ok = site_start(&s, &err);
    if (ok) {
        tell_unread_options(&s);
        const char *place = s.place != NULL ? reader_place_name(s.place) : "";
        plan->tell_ready(o, http_url(s.http), place, stdout);
        fflush(stdout);
        http_run(s.http, &signals);
        ok = !atomic_load(&s.engine_failed);
    } else if (s.stop_asked) {
        ok = true;
    } else {
        fprintf(stderr, "salestide %s: %s\n", plan->command, err.text);
    }
    site_stop(&s);
    if (ok) {
        log_info(plan->command, "stopped");
    }
    return ok ? 0 : err.cls == ERROR_USAGE ? 2 : 1;
}
