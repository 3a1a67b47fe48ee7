// SPDX-License-Identifier: MIT
// What one order has changed: each of its events, and every aggregate cell that it was added to.
//
// The cells are those of the cube, the code that counted the event: it is added alone to an empty
// cube, with the store's floors, so that cells which are no longer kept are not shown.
//
// Fails when the reader does, for want of memory, or when the answer would be too long.
#include "live/sales_api.h"

#include "live/sales_rows.h"
#include "store/raw_items.h"
#include "sums/cube.h"

struct tracing {
    struct buf *out;
    struct cube *cube;
    struct arena arena;
    int32_t minute_floor, hour_floor;
    bool any, failed;
};

static void put_names(struct buf *out, struct cube *cube, const struct cube_cell *cell) {
    if (cell->table == CUBE_PRODUCT) {
        json_key(out, "product_id");
        json_ident(out, cube_product(cube, cell->dim)->product_id);
        return;
    }
    const struct cube_dim *group = cube_group(cube, cell->dim);
    json_key(out, "source");
    json_text(out, group->source);
    buf_put_char(out, ',');
    json_key(out, "state");
    json_text(out, group->state);
}

static void put_bucket(struct buf *out, const struct cube_cell *cell) {
    static const enum sales_bucket buckets[CUBE_TABLES] = {[CUBE_MINUTE] = BUCKET_MINUTE,
                                                           [CUBE_HOUR] = BUCKET_HOUR,
                                                           [CUBE_DAY] = BUCKET_DAY,
                                                           [CUBE_PRODUCT] = BUCKET_DAY};
    json_key(out, "bucket");
    if (cell->table == CUBE_TOTALS) {
        buf_put_str(out, "null");
    } else {
        sales_bucket_json(out, buckets[cell->table], cell->bucket);
    }
}

static void put_cell(struct buf *out, struct cube *cube, const struct cube_cell *cell) {
    static const char *const tables[CUBE_TABLES] = {[CUBE_TOTALS] = "total",
                                                    [CUBE_MINUTE] = "minute",
                                                    [CUBE_HOUR] = "hour",
                                                    [CUBE_DAY] = "day",
                                                    [CUBE_PRODUCT] = "product"};
    bool of_product = cell->table == CUBE_PRODUCT;
    const struct cube_dim *dim =
        of_product ? cube_product(cube, cell->dim) : cube_group(cube, cell->dim);
    buf_printf(out, "{\"table\":\"%s\",", tables[cell->table]);
    put_bucket(out, cell);
    buf_put_char(out, ',');
    put_names(out, cube, cell);
    buf_put_str(out, ",\"currency\":");
    json_text(out, text_of(dim->currency));
    buf_put_char(out, ',');
    sales_measures_json(out, &cell->sum, of_product);
    buf_put_char(out, '}');
}

static bool trace_event(void *user, const struct stored_event *event) {
    struct tracing *t = user;
    struct order o = event->order;
    uint32_t group;
    cube_clear(t->cube);
    arena_reset(&t->arena);
    if ((o.items_json.at != NULL && raw_items_read(&o, &t->arena) != RAW_ITEMS_OK) ||
        cube_add(t->cube, &o, t->minute_floor, t->hour_floor, &group) != CUBE_OK) {
        t->failed = true;
        return false;
    }
    buf_put_str(t->out, t->any ? ",\n{\"event\":" : "\n{\"event\":");
    t->any = true;
    sales_event_json(t->out, event);
    buf_put_str(t->out, ",\"cells\":[");
    const struct cube_cell *cells = cube_cells(t->cube);
    for (size_t i = 0; i < cube_n_cells(t->cube); i++) {
        buf_put_str(t->out, i > 0 ? ",\n" : "\n");
        put_cell(t->out, t->cube, &cells[i]);
    }
    buf_put_str(t->out, "]}");
    return !t->out->failed && t->out->len <= API_ANSWER_MAX_BYTES;
}

bool sales_api_trace(struct sales_reader *reader, struct ident order_id, const struct zone *zone,
                     struct buf *out, bool *found, struct error *err) {
    struct tracing t = {.out = out, .cube = cube_new(zone, NULL)};
    buf_put_str(out, "{\"events\":[");
    bool ok = (t.cube != NULL || error_set(err, ERROR_RETRIABLE, "no memory for this answer")) &&
              reader->ops->floors(reader, &t.minute_floor, &t.hour_floor, err) &&
              reader->ops->order(reader, order_id, trace_event, &t, err);
    if (ok && t.failed) {
        ok = error_set(err, ERROR_RETRIABLE, "the items of this order cannot be read");
    }
    buf_put_str(out, "]}\n");
    *found = t.any;
    cube_free(t.cube);
    arena_free(&t.arena);
    return ok && sales_api_finish(out, "this order has too many adjustments to be shown", err);
}
