// SPDX-License-Identifier: MIT
// Reads items with the JSON library that has read the order itself.
#include "store/raw_items.h"

#include "order/money.h"
#include <yyjson.h>

// One item of the canonical text. Its texts borrow from the document, so they are copied.
static enum raw_items item_read(yyjson_val *val, struct arena *arena, struct order_item *item) {
    yyjson_val *product = yyjson_obj_get(val, "product_id");
    yyjson_val *subtotal = yyjson_obj_get(val, "subtotal");
    bool rounded;
    struct text digits = {yyjson_get_str(subtotal), yyjson_get_len(subtotal)};
    item->quantity = (int64_t)yyjson_get_uint(yyjson_obj_get(val, "quantity"));
    if (money_parse(digits, &item->subtotal_e4, &rounded) != MONEY_OK) {
        return RAW_ITEMS_BAD;
    }
    if (yyjson_is_int(product)) {
        item->product_id = (struct ident){(int64_t)yyjson_get_uint(product), TEXT_NONE};
        return RAW_ITEMS_OK;
    }
    item->product_id = IDENT_NONE;
    struct text id = {yyjson_get_str(product), yyjson_get_len(product)};
    if (id.at == NULL) {
        return RAW_ITEMS_BAD;
    }
    return arena_try_copy(arena, id, &item->product_id.text) ? RAW_ITEMS_OK : RAW_ITEMS_NO_MEMORY;
}

static enum raw_items items_read(yyjson_val *array, struct order *o, struct arena *arena) {
    size_t n = yyjson_arr_size(array), i, max;
    if (n == 0) {
        return RAW_ITEMS_BAD;
    }
    struct order_item *items = arena_try_alloc(arena, n * sizeof *items);
    enum raw_items result = items != NULL ? RAW_ITEMS_OK : RAW_ITEMS_NO_MEMORY;
    yyjson_val *val;
    if (result == RAW_ITEMS_OK) {
        yyjson_arr_foreach(array, i, max, val) {
            result = result == RAW_ITEMS_OK ? item_read(val, arena, &items[i]) : result;
        }
    }
    o->items = items;
    o->n_items = (uint32_t)n;
    return result;
}

enum raw_items raw_items_read(struct order *o, struct arena *arena) {
    yyjson_read_err err = {0};
    // Read only, as the text is not ours: so the cast takes nothing away.
    yyjson_doc *doc =
        yyjson_read_opts((char *)(uintptr_t)o->items_json.at, o->items_json.len, 0, NULL, &err);
    if (doc == NULL) {
        return err.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION ? RAW_ITEMS_NO_MEMORY
                                                               : RAW_ITEMS_BAD;
    }
    enum raw_items result = items_read(yyjson_doc_get_root(doc), o, arena);
    yyjson_doc_free(doc);
    return result;
}
