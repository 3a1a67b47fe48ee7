// SPDX-License-Identifier: MIT
// `salestide load FILE...`: what was asked, as settings of the loader (tool/load/load.h).
//
// Checked before the first file is loaded: files that are there, --map and --set that make sense,
// one target, and options that go with it. How it fails: one line, exit code 2; the loader's own
// exit code else.
#include "host/commands.h"

#include "base/mem.h"
#include "format/csv_presets.h"
#include "host/addresses.h"
#include "host/send_to_options.h"
#include "host/shop_settings.h"
#include "tool/load/load.h"
#include "tool/load/load_text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { USAGE = 2 };

// --- Presets

static bool preset_is_known(const char *name) {
    bool known = false;
    for (size_t i = 0; i < csv_presets_count; i++) {
        known |= strcmp(csv_presets[i].name, name) == 0;
    }
    return known;
}

// --preset list, and --preset show NAME.
static int load_presets_tell(const struct options *o, bool list) {
    const char *name = option_args_count(o) == 1 ? option_arg(o, 0) : "";
    if (list ? option_args_count(o) > 0 : !preset_is_known(name)) {
        fprintf(stderr, "salestide load: %s\n",
                list ? "--preset list takes no file"
                     : "--preset show NAME, with a name of --preset list");
        return USAGE;
    }
    for (size_t i = 0; i < csv_presets_count; i++) {
        const struct csv_preset *p = &csv_presets[i];
        struct buf options = {0}, others = {0};
        if (list) {
            printf("%-16s %s\n", p->name, p->what);
        } else if (strcmp(p->name, name) == 0) {
            csv_preset_show(p, &options);
            csv_preset_show_others(p, &others);
            printf("# %s%s%s\nsalestide load FILE%.*s\n", p->what, p->note != NULL ? ": " : "",
                   p->note != NULL ? p->note : "", TEXT_ARG(buf_text(&options)));
            if (others.len > 0) {
                printf("# other exports: %.*s\n", TEXT_ARG(buf_text(&others)));
            }
        }
        buf_free(&options);
        buf_free(&others);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("salestide load: cannot write to standard output\n", stderr);
        return 1;
    }
    return 0;
}

// --- Options

static bool read_delimiter(const char *sign, char *out, struct error *err) {
    if (sign == NULL) {
        return true;
    }
    *out = strcmp(sign, "tab") == 0 || strcmp(sign, "\\t") == 0 ? '\t' : sign[0];
    bool one = *out == '\t' || (sign[0] != '\0' && sign[1] == '\0');
    return (one && strchr(CSV_DELIMITERS, *out) != NULL) ||
           error_set(err, ERROR_USAGE, "--delimiter: '%.40s' is none of , ; | and tab", sign);
}

static bool read_encoding(const struct options *o, struct csv_fields *fields, struct error *err) {
    fields->encoding = option_text(o, "encoding");
    struct error inner;
    return fields->encoding == NULL || load_text_knows(fields->encoding, &inner) ||
           error_set(err, inner.cls, "--encoding: %.480s", inner.text);
}

static bool read_times(const struct options *o, struct csv_written *w, struct error *err) {
    const char *unit = option_text(o, "epoch");
    w->epoch = epoch_unit_of(unit);
    size_t n = option_list_count(o, "date-format");
    if (n > CSV_DATE_FORMS_MAX || (n > 0 && unit != NULL)) {
        return error_set(err, ERROR_USAGE,
                         n > CSV_DATE_FORMS_MAX ? "--date-format: at most eight forms"
                                                : "--epoch or --date-format, not both");
    }
    for (size_t i = 0; i < n; i++) {
        struct error inner;
        w->date_forms[w->n_date_forms++] = option_list_at(o, "date-format", i);
        if (!date_form_check(option_list_at(o, "date-format", i), &inner)) {
            return error_set(err, inner.cls, "--date-format: %.480s", inner.text);
        }
    }
    return true;
}

static bool read_numbers(const struct options *o, struct csv_written *w, struct error *err) {
    const char *decimal = option_text(o, "decimal"), *thousands = option_text(o, "thousands");
    if (decimal == NULL && thousands == NULL) {
        return true;
    }
    bool space =
        thousands != NULL && (strcmp(thousands, "space") == 0 || strcmp(thousands, " ") == 0);
    w->thousands = space ? 's' : thousands != NULL ? thousands[0] : '\0';
    w->decimal = decimal != NULL ? decimal[0] : w->thousands == '.' ? ',' : '.';
    if (decimal != NULL && strcmp(decimal, ".") != 0 && strcmp(decimal, ",") != 0) {
        return error_set(err, ERROR_USAGE, "--decimal is . or , and not '%.40s'", decimal);
    }
    if (thousands != NULL && !space &&
        (thousands[0] == '\0' || thousands[1] != '\0' || strchr(".,'", thousands[0]) == NULL)) {
        return error_set(err, ERROR_USAGE, "--thousands is . or , or ' or space, and not '%.40s'",
                         thousands);
    }
    return w->decimal != w->thousands ||
           error_set(err, ERROR_USAGE, "--decimal and --thousands are the same sign");
}

// Which rows are left out, and which say that something was taken back.
static bool read_taken_back(const struct options *o, struct csv_fields *fields, struct error *err) {
    static const struct {
        const char *option;
        int field;
    } columns[] = {
        {"refund", CSV_REFUND}, {"cancelled", CSV_CANCELLED}, {"original", CSV_ORIGINAL}};
    struct error inner;
    for (size_t i = 0; i < option_list_count(o, "skip"); i++) {
        if (!csv_fields_skip(fields, text_of(option_list_at(o, "skip", i)), &inner)) {
            return error_set(err, inner.cls, "--skip: %.480s", inner.text);
        }
    }
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        const char *name = option_text(o, columns[i].option);
        if (name != NULL && !csv_fields_column(fields, columns[i].field, text_of(name), &inner)) {
            return error_set(err, inner.cls, "--%s: %.480s", columns[i].option, inner.text);
        }
    }
    fields->returns = option_flag(o, "returns");
    fields->skip_short = option_flag(o, "skip-short");
    fields->times_in = option_text(o, "times-in");
    return fields->column[CSV_ORIGINAL].at == NULL || fields->returns || fields->preset != NULL ||
           error_set(err, ERROR_USAGE, "--original is for return lines: --returns");
}

static bool read_load_fields(const struct options *o, struct csv_fields *fields,
                             struct error *err) {
    fields->preset = option_text(o, "preset");
    if (fields->preset != NULL && !preset_is_known(fields->preset)) {
        return error_set(err, ERROR_USAGE, "--preset: '%.40s' is none of them; --preset list",
                         fields->preset);
    }
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
    for (size_t i = 0; i < option_list_count(o, "per-line"); i++) {
        struct error inner;
        if (!csv_fields_per_line(fields, text_of(option_list_at(o, "per-line", i)), &inner)) {
            return error_set(err, inner.cls, "--per-line: %.480s", inner.text);
        }
    }
    fields->group = option_text(o, "group-by") != NULL;
    if (fields->per_line != 0 && !fields->group && fields->preset == NULL) {
        return error_set(err, ERROR_USAGE, "--per-line is for rows that are lines: --group-by");
    }
    return read_taken_back(o, fields, err) &&
           read_delimiter(option_text(o, "delimiter"), &fields->delimiter, err) &&
           read_encoding(o, fields, err) && read_times(o, &fields->written, err) &&
           read_numbers(o, &fields->written, err);
}

// All files are there before the first one is loaded.
static bool check_load_files(const struct options *o, struct error *err) {
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

static bool check_load_target(const struct options *o, struct error *err) {
    static const char *const local[] = {"data", "customers", "currency", "timezone", "late-limit"};
    for (size_t i = 0; i < COUNT_OF(local) && option_text(o, "to") != NULL; i++) {
        if (option_typed(o, local[i])) {
            return error_set(err, ERROR_USAGE,
                             "--%s is for a data directory; what --to names has its own", local[i]);
        }
    }
    return kafka_options_fit(o, err);
}

static bool read_load_target(const struct options *o, struct load_settings *s, struct error *err) {
    if (!send_to_of_options(o, &s->to, err)) {
        return false;
    }
    if (s->to.kind == SEND_TO_TOPIC) {
        s->to.wish = kafka_topic_wish_of(o);
    }
    if (s->to.kind != SEND_TO_NOTHING) {
        return true;
    }
    const char *directory = option_text(o, "data");
    s->store = (struct load_store_settings){
        .directory = directory != NULL ? directory : "./data",
        .customers = option_text(o, "customers"),
        .queue_events = option_int(o, "queue-events"),
        .batch_events = option_int(o, "batch-events"),
        .max_depth = (uint32_t)option_int(o, "max-depth"),
        .epoch = s->fields->written.epoch,
    };
    return settings_of_options(o, &s->store.shop, err);
}

static enum load_format read_load_format(const char *choice) {
    return strcmp(choice, "csv") == 0      ? LOAD_CSV
           : strcmp(choice, "ndjson") == 0 ? LOAD_NDJSON
                                           : LOAD_AUTO;
}

int command_load(const struct options *o) {
    const char *preset = option_text(o, "preset");
    if (preset != NULL && (strcmp(preset, "list") == 0 || strcmp(preset, "show") == 0)) {
        return load_presets_tell(o, strcmp(preset, "list") == 0);
    }
    struct csv_fields fields = {0};
    struct error err = {0};
    size_t n = option_args_count(o);
    const char **paths = mem_alloc((n + 1) * sizeof *paths);
    for (size_t i = 0; i < n; i++) {
        paths[i] = option_arg(o, i);
    }
    struct load_settings settings = {.paths = paths,
                                     .n_paths = n,
                                     .format = read_load_format(option_text(o, "format")),
                                     .fields = &fields};
    int code = USAGE;
    if (check_load_files(o, &err) && check_load_target(o, &err) &&
        read_load_fields(o, &fields, &err) && read_load_target(o, &settings, &err)) {
        fields.no_shop = settings.to.kind != SEND_TO_NOTHING;
        code = load_run(&settings);
    } else {
        fprintf(stderr, "salestide load: %s\n", err.text);
    }
    send_to_wipe(&settings.to);
    csv_fields_free(&fields);
    free(paths);
    return code;
}
