// SPDX-License-Identifier: MIT
// `salestide load FILE...`
//
// 1. Check what was asked: files that are there, --map and --set that make sense, one target.
// 2. Open the target: a data directory (load_store.c), a server (load_http.c) or a Kafka topic
//    (load_kafka.c).
// 3. Read each file into it (load_json.c, load_csv.c), told apart by name, else by the first bytes.
// 4. Wait for the last verdict; tell the summary.
//
// Exit codes: 0 every event was accepted or known already; 1 some were rejected, or the load failed
// or was stopped; 2 it was asked for wrongly. What was loaded before a failure stays: loading again
// finds it as duplicates.
#include "host/commands.h"

#include "base/stop.h"
#include "broker/kafka_config.h"
#include "tool/load/load_file.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { LOADED = 0, FAILED = 1, USAGE = 2 };

bool load_must_stop(const struct load_job *job, const struct load_input *in) {
    int64_t done_bytes, total_bytes;
    load_input_progress(in, &done_bytes, &total_bytes);
    load_report_progress(job->target->report, job->name, done_bytes, total_bytes);
    return *job->target->stop != 0;
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

static enum form form_of(const char *path, const char *format, struct text head) {
    struct text name = text_of(path);
    if (strcmp(format, "csv") == 0) {
        return FORM_CSV;
    }
    if (strcmp(format, "ndjson") == 0) {
        return FORM_NDJSON;
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

static bool load_file(const struct load_job *job, const char *format, struct error *err) {
    struct load_input *in;
    struct text head;
    if (!load_input_open(job->path, job->target->stop, &in, err)) {
        return false;
    }
    bool ok = load_input_peek(in, &head, err);
    if (ok) {
        switch (form_of(job->path, format, head)) {
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

// --- What was asked

static bool read_fields(const struct options *o, struct csv_fields *fields, struct error *err) {
    for (size_t i = 0; i < option_list_count(o, "map"); i++) {
        struct error inner;
        if (!csv_fields_map(fields, text_of(option_list_at(o, "map", i)), &inner)) {
            return error_set(err, inner.cls, "--map: %.480s", inner.text);
        }
    }
    for (size_t i = 0; i < option_list_count(o, "set"); i++) {
        struct error inner;
        if (!csv_fields_set(fields, text_of(option_list_at(o, "set", i)), &inner)) {
            return error_set(err, inner.cls, "--set: %.480s", inner.text);
        }
    }
    fields->group = option_text(o, "group-by") != NULL;
    return true;
}

// All files are there before the first one is loaded.
static bool check_files(const struct options *o, struct error *err) {
    if (option_args_count(o) == 0) {
        return error_set(err, ERROR_USAGE, "name a file to load, or - for standard input");
    }
    int from_stdin = 0;
    for (size_t i = 0; i < option_args_count(o); i++) {
        const char *path = option_arg(o, i);
        if (strcmp(path, "-") == 0) {
            from_stdin++;
            continue;
        }
        if (access(path, R_OK) != 0) {
            return error_set(err, ERROR_USAGE, "cannot open %.300s: %s", path, strerror(errno));
        }
    }
    return from_stdin <= 1 ||
           error_set(err, ERROR_USAGE, "standard input (-) can be read once only");
}

static bool check_target(const struct options *o, struct error *err) {
    static const char *const local[] = {"data", "customers", "currency", "timezone", "late-limit"};
    for (size_t i = 0; i < COUNT_OF(local) && option_text(o, "to") != NULL; i++) {
        if (option_typed(o, local[i])) {
            return error_set(err, ERROR_USAGE,
                             "--%s is for a data directory; what --to names has its own", local[i]);
        }
    }
    return kafka_options_fit(o, err);
}

static bool open_sink(const struct options *o, const struct load_target *target,
                      struct load_sink **sink, struct error *err) {
    if (kafka_is_address(option_text(o, "to"))) {
        return load_kafka_open(o, target, sink, err);
    }
    if (option_text(o, "to") != NULL) {
        return load_http_open(option_text(o, "to"), option_text(o, "key"), target, sink, err);
    }
    const char *directory = option_text(o, "data");
    struct load_store_options store = {.directory = directory != NULL ? directory : "./data",
                                       .currency = option_text(o, "currency"),
                                       .timezone = option_text(o, "timezone"),
                                       .customers = option_text(o, "customers"),
                                       .late_limit_ms = option_int(o, "late-limit"),
                                       .queue_events = option_int(o, "queue-events"),
                                       .batch_events = option_int(o, "batch-events"),
                                       .max_depth = option_int(o, "max-depth")};
    return load_store_open(&store, target, sink, err);
}

// --- The load

// Reads all files; the sink is open. False: the error was told.
static bool load_files(const struct options *o, struct load_sink *sink,
                       const struct load_target *target, const struct csv_fields *fields) {
    struct error err = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < option_args_count(o) && !*target->stop; i++) {
        const char *path = option_arg(o, i);
        struct load_job job = {.sink = sink,
                               .target = target,
                               .fields = fields,
                               .path = path,
                               .name = strcmp(path, "-") == 0 ? "standard input" : path};
        ok = load_file(&job, option_text(o, "format"), &err);
    }
    if (!ok) {
        load_report_problem(target->report, err.text);
    }
    struct error late = {0};
    if (!sink->ops->finish(sink, &late)) { // also what came before a failure is stored and counted
        if (ok || strcmp(err.text, late.text) != 0) {
            load_report_problem(target->report, late.text);
        }
        ok = false;
    }
    return ok;
}

static int run(const struct options *o, struct load_target *target,
               const struct csv_fields *fields) {
    struct error err = {0};
    struct load_sink *sink = NULL;
    if (!open_sink(o, target, &sink, &err)) {
        load_report_problem(target->report, err.text);
        return err.cls == ERROR_USAGE ? USAGE : FAILED;
    }
    stop_on_signals();
    bool ok = load_files(o, sink, target, fields);
    if (*target->stop) {
        load_report_problem(target->report,
                            "stopped; what is loaded stays, load again for the rest");
        ok = false;
    }
    bool any_rejected = load_report_summary(target->report, ok);
    sink->ops->close(sink);
    return ok && !any_rejected ? LOADED : FAILED;
}

int command_load(const struct options *o) {
    struct csv_fields fields = {0};
    struct error err = {0};
    int code = USAGE;
    if (check_files(o, &err) && check_target(o, &err) && read_fields(o, &fields, &err)) {
        struct load_target target = {.report = load_report_new(clock_system(), "salestide load"),
                                     .stop = stop_flag()};
        code = run(o, &target, &fields);
        load_report_free(target.report);
    } else {
        fprintf(stderr, "salestide load: %s\n", err.text);
    }
    csv_fields_free(&fields);
    return code;
}
