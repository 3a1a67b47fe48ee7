// SPDX-License-Identifier: MIT
// A virtual table over an array (https://www.sqlite.org/vtab.html, "eponymous-only"): one scan, in
// order, no constraints. Its rows are only read while INSERT ... SELECT runs, when nothing is added
// to them any more.
#include "store/sqlite/sqlite_pending.h"

#include "base/mem.h"
#include <stdlib.h>

struct pending_table {
    sqlite3_vtab base;
    const struct pending_written *written;
};

struct pending_cursor {
    sqlite3_vtab_cursor base;
    size_t at;
};

static int pending_connect(sqlite3 *db, void *user, int argc, const char *const *argv,
                           sqlite3_vtab **out, char **message) {
    UNUSED(argc);
    UNUSED(argv);
    UNUSED(message);
    int rc = sqlite3_declare_vtab(
        db,
        "CREATE TABLE pending (order_id, created_ms, customer_id, product_id, quantity, "
        "subtotal_e4, discount_e4, shipping_e4, tax_e4, total_e4, group_id, arrival_ms, items)");
    if (rc != SQLITE_OK) {
        return rc;
    }
    struct pending_table *table = try_alloc(sizeof *table);
    if (table == NULL) {
        return SQLITE_NOMEM;
    }
    *table = (struct pending_table){.written = user};
    *out = &table->base;
    return SQLITE_OK;
}

static int pending_disconnect(sqlite3_vtab *table) {
    free(table);
    return SQLITE_OK;
}

static int pending_best_index(sqlite3_vtab *table, sqlite3_index_info *info) {
    UNUSED(table);
    info->estimatedCost = 1000;
    return SQLITE_OK;
}

static int pending_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out) {
    UNUSED(table);
    struct pending_cursor *cursor = try_alloc(sizeof *cursor);
    if (cursor == NULL) {
        return SQLITE_NOMEM;
    }
    *cursor = (struct pending_cursor){0};
    *out = &cursor->base;
    return SQLITE_OK;
}

static int pending_close(sqlite3_vtab_cursor *cursor) {
    free(cursor);
    return SQLITE_OK;
}

static int pending_filter(sqlite3_vtab_cursor *cursor, int index, const char *name, int argc,
                          sqlite3_value **argv) {
    UNUSED(index);
    UNUSED(name);
    UNUSED(argc);
    UNUSED(argv);
    ((struct pending_cursor *)cursor)->at = 0;
    return SQLITE_OK;
}

static int pending_next(sqlite3_vtab_cursor *cursor) {
    ((struct pending_cursor *)cursor)->at++;
    return SQLITE_OK;
}

static const struct pending_written *written_of(sqlite3_vtab_cursor *cursor) {
    return ((struct pending_table *)cursor->pVtab)->written;
}

static int pending_eof(sqlite3_vtab_cursor *cursor) {
    return ((struct pending_cursor *)cursor)->at >= written_of(cursor)->orders->n;
}

static void result_text(sqlite3_context *out, struct text t) {
    if (t.at != NULL) { // NULL is the default result
        sqlite3_result_text(out, t.at, (int)t.len, SQLITE_STATIC);
    }
}

static void result_ident(sqlite3_context *out, struct ident i) {
    if (i.num >= 0) {
        sqlite3_result_int64(out, i.num);
    } else {
        result_text(out, i.text);
    }
}

static int pending_column(sqlite3_vtab_cursor *cursor, sqlite3_context *out, int column) {
    const struct pending_written *w = written_of(cursor);
    const struct pending_order *row = &w->orders->at[((struct pending_cursor *)cursor)->at];
    const struct order *o = &row->order;
    switch (column) {
    case 0:
        result_ident(out, o->order_id);
        break;
    case 1:
        sqlite3_result_int64(out, o->created_ms);
        break;
    case 2:
        result_ident(out, o->customer_id);
        break;
    case 3:
        result_ident(out, o->product_id);
        break;
    case 4:
        sqlite3_result_int64(out, o->quantity);
        break;
    case 5:
        sqlite3_result_int64(out, o->subtotal_e4);
        break;
    case 6:
        sqlite3_result_int64(out, o->discount_e4);
        break;
    case 7:
        sqlite3_result_int64(out, o->shipping_e4);
        break;
    case 8:
        sqlite3_result_int64(out, o->tax_e4);
        break;
    case 9:
        sqlite3_result_int64(out, o->total_e4);
        break;
    case 10:
        sqlite3_result_int64(out, cube_group(w->cube, row->group)->store_id);
        break;
    case 11:
        sqlite3_result_int64(out, row->arrival_ms);
        break;
    default:
        result_text(out, o->items_json);
        break;
    }
    return SQLITE_OK;
}

static int pending_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *out) {
    *out = (sqlite3_int64)((struct pending_cursor *)cursor)->at;
    return SQLITE_OK;
}

bool pending_register(sqlite3 *db, struct pending_written *w, struct error *err) {
    static const sqlite3_module module = {
        .xConnect = pending_connect,
        .xBestIndex = pending_best_index,
        .xDisconnect = pending_disconnect,
        .xOpen = pending_open,
        .xClose = pending_close,
        .xFilter = pending_filter,
        .xNext = pending_next,
        .xEof = pending_eof,
        .xColumn = pending_column,
        .xRowid = pending_rowid,
    };
    if (sqlite3_create_module_v2(db, "pending_orders", &module, w, NULL) != SQLITE_OK) {
        sqlite_failed(db, "preparing the store", err);
        return false;
    }
    return true;
}

static bool keep_text(struct arena *arena, struct text *t) {
    return t->at == NULL || arena_try_copy(arena, *t, t);
}

bool pending_copy(struct pending_order *out, struct arena *texts, const struct order *from,
                  const struct cube_dim *group, int64_t arrival_ms) {
    *out = (struct pending_order){*from, arrival_ms, group->number};
    struct order *o = &out->order;
    o->source = group->source;
    o->state = group->state;
    o->items = NULL; // items_json says it all
    o->n_items = 0;
    return keep_text(texts, &o->order_id.text) && keep_text(texts, &o->customer_id.text) &&
           keep_text(texts, &o->product_id.text) && keep_text(texts, &o->event_id) &&
           keep_text(texts, &o->items_json);
}

bool pending_add(struct pending_orders *p, const struct order *from, const struct cube_dim *group,
                 int64_t arrival_ms) {
    if (p->n == p->cap) {
        size_t cap = p->cap > 0 ? p->cap * 2 : 64;
        struct pending_order *at = try_realloc(p->at, cap * sizeof *at);
        if (at == NULL) {
            return false;
        }
        p->at = at;
        p->cap = cap;
    }
    bool kept = pending_copy(&p->at[p->n], &p->texts, from, group, arrival_ms);
    p->n += kept;
    return kept;
}

void pending_clear(struct pending_orders *p) {
    p->n = 0;
    arena_reset(&p->texts);
}

void pending_free(struct pending_orders *p) {
    arena_free(&p->texts);
    free(p->at);
    *p = (struct pending_orders){0};
}
