// SPDX-License-Identifier: MIT
// What became of the columns of a file, for people: a field that was found by its name alone is
// worth a look, and so is a column that nobody reads.
#include "format/csv_fields.h"

static void put_source(const struct csv_source *s, const struct csv_row *header, struct buf *out) {
    const char *field = csv_field_name(s->field);
    if (s->column < 0) { // set, by the command or a preset
        buf_printf(out, "%s = %s", field, excerpt_of(s->constant).text);
        return;
    }
    struct text name = text_trim(header->cells[s->column]);
    if (s->n_more == 0 && text_equal(name, text_of(field))) {
        buf_put_str(out, field);
    } else {
        buf_printf(out, "%s ← %s", field, excerpt_of(name).text);
        for (size_t i = 0; i < s->n_more; i++) {
            buf_printf(out, " + %s", excerpt_of(text_trim(header->cells[s->more[i]])).text);
        }
    }
}

static void put_sources(const struct csv_binding *b, const struct csv_row *header,
                        enum csv_bound_by by, struct buf *out) {
    static const char *const how[] = {[CSV_BY_SET] = "--set",
                                      [CSV_BY_MAP] = "--map",
                                      [CSV_BY_NAME] = "name",
                                      [CSV_BY_PRESET] = "--preset "};
    bool any = false;
    for (size_t i = 0; i < b->n_sources; i++) {
        if (b->sources[i].by == by) {
            buf_put_str(out, any ? ", " : out->len > 0 ? "; " : "");
            put_source(&b->sources[i], header, out);
            any = true;
        }
    }
    if (any) {
        buf_printf(out, " by %s%s", how[by], by == CSV_BY_PRESET ? b->preset : "");
    }
}

static bool is_read(const struct csv_binding *b, size_t column) {
    bool read = false;
    for (size_t i = 0; i < b->n_sources; i++) {
        read |= b->sources[i].column == (int)column;
        for (size_t k = 0; k < b->sources[i].n_more; k++) {
            read |= b->sources[i].more[k] == (int)column;
        }
    }
    for (size_t i = 0; i < b->n_skips; i++) {
        read |= b->skip_columns[i] == (int)column;
    }
    return read;
}

static void put_unread(const struct csv_binding *b, const struct csv_row *header, struct buf *out) {
    enum { TOLD_MAX = 12 };
    size_t n = 0;
    for (size_t i = 0; i < header->n_cells; i++) {
        struct text name = text_trim(header->cells[i]);
        if (name.len == 0 || is_read(b, i)) {
            continue;
        }
        if (n < TOLD_MAX) {
            buf_printf(out, "%s%s", n > 0 ? ", " : "; not read: ", excerpt_of(name).text);
        }
        n++;
    }
    if (n > TOLD_MAX) {
        buf_printf(out, " and %zu more", n - TOLD_MAX);
    }
}

void csv_fields_tell(const struct csv_binding *b, const struct csv_row *header, struct buf *out) {
    put_sources(b, header, CSV_BY_PRESET, out);
    put_sources(b, header, CSV_BY_MAP, out);
    put_sources(b, header, CSV_BY_NAME, out);
    put_sources(b, header, CSV_BY_SET, out);
    put_unread(b, header, out);
}
