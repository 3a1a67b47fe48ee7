// SPDX-License-Identifier: MIT
// Files into a target.
//
// 1. Open the target: a data directory (load_store.c), a server (load_http.c) or a Kafka topic
//    (load_kafka.c).
// 2. Read each file into it (load_json.c, load_csv.c), told apart by name, else by the first bytes.
// 3. Wait for the last verdict; tell the summary.
//
// How it fails: the first thing that goes wrong ends it with one line. What was loaded before a
// failure stays: loading again finds it as duplicates.
#include "tool/load/load.h"

#include "base/stop.h"
#include "tool/load/load_file.h"
#include <string.h>
#include <strings.h>

enum { LOADED = 0, FAILED = 1, USAGE = 2 };

bool load_must_stop(const struct load_job *job, const struct load_input *in) {
    int64_t done_bytes, total_bytes;
    load_input_progress(in, &done_bytes, &total_bytes);
    load_report_progress(job->target->report, job->name, done_bytes, total_bytes);
    return *job->target->stop;
}

// --- What a file is

enum form { FORM_CSV, FORM_NDJSON, FORM_DOCUMENT };

static bool ends_in(struct text name, const char *suffix) {
    size_t n = strlen(suffix);
    return name.len >= n && strncasecmp(name.at + name.len - n, suffix, n) == 0;
}

// An array, or one object over several lines, is a document; else each line is an event.
static enum form json_form(struct text head) {
    struct text rest = head;
    if (rest.len >= 3 && memcmp(rest.at, "\xEF\xBB\xBF", 3) == 0) {
        rest.at += 3;
        rest.len -= 3;
    }
    rest = text_trim(rest);
    if (rest.len > 0 && rest.at[0] == '[') {
        return FORM_DOCUMENT;
    }
    const char *lf = rest.len > 0 ? memchr(rest.at, '\n', rest.len) : NULL;
    if (lf != NULL &&
        text_equal(text_trim((struct text){rest.at, (size_t)(lf - rest.at)}), TEXT_LIT("{"))) {
        return FORM_DOCUMENT;
    }
    return FORM_NDJSON;
}

static bool looks_like_json(struct text head) {
    struct text rest = head;
    if (rest.len >= 3 && memcmp(rest.at, "\xEF\xBB\xBF", 3) == 0) {
        rest.at += 3;
        rest.len -= 3;
    }
    rest = text_trim(rest);
    return rest.len > 0 && (rest.at[0] == '{' || rest.at[0] == '[');
}

static enum form form_of(const char *path, enum load_format format, struct text head) {
    struct text name = text_of(path);
    if (format != LOAD_AUTO) {
        return format == LOAD_CSV ? FORM_CSV : FORM_NDJSON;
    }
    if (ends_in(name, ".gz")) {
        name.len -= 3;
    }
    if (ends_in(name, ".csv")) {
        return FORM_CSV;
    }
    if (ends_in(name, ".ndjson") || ends_in(name, ".jsonl")) {
        return FORM_NDJSON; // also when its first line is broken: that is one rejected event
    }
    return ends_in(name, ".json") || looks_like_json(head) ? json_form(head) : FORM_CSV;
}

// JSON names its fields itself; options that would have no effect are refused.
static bool check_json_options(const struct load_job *job, struct error *err) {
    const char *asked = csv_fields_asked(job->fields);
    if (asked != NULL) {
        return error_set(err, ERROR_USAGE, "%s is JSON, and %s is for CSV", job->name, asked);
    }
    return job->fields->written.epoch == EPOCH_NONE || !job->fields->no_shop ||
           error_set(err, ERROR_USAGE,
                     "%s is JSON, whose times are read by what --to names: --epoch is for --data",
                     job->name);
}

static bool load_file(const struct load_job *job, enum load_format format, struct error *err) {
    struct load_input *in;
    struct text head;
    if (!load_input_open(job->path, job->fields->encoding, job->target->stop, &in, err)) {
        return false;
    }
    bool ok = load_input_peek(in, &head, err);
    enum form form = ok ? form_of(job->path, format, head) : FORM_CSV;
    ok = ok && (form == FORM_CSV || check_json_options(job, err));
    if (ok) {
        switch (form) {
        case FORM_CSV:
            ok = load_csv(job, in, err);
            break;
        case FORM_NDJSON:
            ok = load_ndjson(job, in, err);
            break;
        case FORM_DOCUMENT:
            ok = load_json_document(job, in, err);
            break;
        }
    }
    load_input_close(in);
    return ok;
}

// --- The load

static bool open_sink(const struct load_settings *s, const struct load_target *target,
                      struct load_sink **sink, struct error *err) {
    switch (s->to.kind) {
    case SEND_TO_TOPIC:
        return load_kafka_open(&s->to, target, sink, err);
    case SEND_TO_SERVER:
        return load_http_open(&s->to, target, sink, err);
    case SEND_TO_NOTHING:
        break;
    }
    return load_store_open(&s->store, target, sink, err);
}

// Reads all files; the sink is open. Not LOADED: the error was told.
static int load_files(const struct load_settings *s, struct load_sink *sink,
                      const struct load_target *target) {
    struct error err = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < s->n_paths && !*target->stop; i++) {
        const char *path = s->paths[i];
        struct load_job job = {.sink = sink,
                               .target = target,
                               .fields = s->fields,
                               .path = path,
                               .name = strcmp(path, "-") == 0 ? "standard input" : path};
        ok = load_file(&job, s->format, &err);
    }
    if (!ok) {
        load_report_problem(target->report, err.text);
    }
    struct error late = {0};
    if (!sink->ops->finish(sink, &late)) { // also what came before a failure is stored and counted
        if (ok || strcmp(err.text, late.text) != 0) {
            load_report_problem(target->report, late.text);
        }
        return FAILED;
    }
    return ok ? LOADED : err.cls == ERROR_USAGE ? USAGE : FAILED;
}

static int load_into(const struct load_settings *s, const struct load_target *target) {
    struct error err = {0};
    struct load_sink *sink = NULL;
    if (!open_sink(s, target, &sink, &err)) {
        load_report_problem(target->report, err.text);
        return err.cls == ERROR_USAGE ? USAGE : FAILED;
    }
    stop_on_signals();
    int code = load_files(s, sink, target);
    if (*target->stop) {
        load_report_problem(target->report,
                            "stopped; what is loaded stays, load again for the rest");
        code = FAILED;
    }
    bool any_rejected = load_report_summary(target->report, code == LOADED);
    sink->ops->close(sink);
    return code == LOADED && any_rejected ? FAILED : code;
}

int load_run(const struct load_settings *settings) {
    const struct load_target target = {.report = load_report_new(clock_system(), "salestide load"),
                                       .stop = stop_flag()};
    int code = load_into(settings, &target);
    load_report_free(target.report);
    return code;
}
