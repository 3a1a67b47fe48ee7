// SPDX-License-Identifier: MIT
// How the messages of a topic are to be read, where its producers are not ours: --value-format,
// --epoch and --times-in. Stands before the log. How it fails: a zone that is not known.
#include "host/site_internal.h"

#include "engine/zone_file.h"

static bool open_messages(struct site *s, struct error *err) {
    const char *times_in = option_text(s->options, "times-in");
    struct error inner;
    s->messages.epoch = epoch_unit_of(option_text(s->options, "epoch"));
    if (!value_format_of(text_of(option_text(s->options, "value-format")), &s->messages.format)) {
        return error_set(err, ERROR_USAGE, "--value-format takes " VALUE_FORMAT_NAMES);
    }
    return times_in == NULL || zone_open(times_in, &s->messages.zone, &inner) ||
           error_set(err, ERROR_USAGE, "--times-in: %.400s", inner.text);
}

static void close_messages(struct site *s) {
    zone_free(s->messages.zone);
}

const struct order_rules *site_message_rules(struct site *s) {
    struct site_messages *m = &s->messages;
    m->rules = s->rules;
    m->rules.epoch = m->epoch;
    m->rules.zone = m->zone != NULL ? m->zone : s->rules.zone;
    return &m->rules;
}

const struct site_part part_messages = {
    .name = "messages", .open = open_messages, .close = close_messages};
