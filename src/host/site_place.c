// SPDX-License-Identifier: MIT
// Where the questions of a site go when it has no embedded store: to what its engine writes by
// --raw and --aggregates, or to what other processes write. Connects nothing for long: each thread
// that asks opens a reader of its own.
#include "host/site_internal.h"

#include "host/parts.h"

enum { FIRST_LOOK_MS = 5000 };

static void close_place(struct site *s) {
    reader_place_free(s->place);
    s->place = NULL;
}

// Stands before part_log, so that addresses that cannot be are refused before anything is reached.
static bool open_own_place(struct site *s, struct error *err) {
    const char *raw = option_text(s->options, "raw");
    bool apart = raw != NULL && !parts_embedded(s->options);
    return parts_check(s->options, err) &&
           reader_place_read(s->options, apart ? raw : NULL, &s->place, err);
}

const struct site_part part_own_place = {
    .name = "place",
    .open = open_own_place,
    .close = close_place,
};

// The place knows the shop's settings, so it has to be up.
static bool open_place(struct site *s, struct error *err) {
    struct sales_reader *first;
    struct store_settings settings;
    s->others_write = true;
    if (!reader_place_read(s->options, option_text(s->options, "raw"), &s->place, err) ||
        !reader_place_open(s->place, FIRST_LOOK_MS, &first, &settings, err)) {
        return false;
    }
    first->ops->close(first);
    return site_set_shop(s, &settings, err);
}

const struct site_part part_place = {
    .name = "place",
    .open = open_place,
    .close = close_place,
};
