// SPDX-License-Identifier: MIT
// Reads items with the JSON library that has read the order itself.
#include "store/raw_items.h"

#include "order/money.h"
#include <yyjson.h>

// One item of the canonical text. Its texts borrow from the document, so they are copied.
static bool item_read(yyjson_val *val, struct arena *arena, struct order_item *item) {
    yyjson_val *product = yyjson_obj_get(val, "product_id");
    yyjson_val *subtotal = yyjson_obj_get(val, "subtotal");
    bool rounded;
    struct text digits = {yyjson_get_str(subtotal), yyjson_get_len(subtotal)};
    item->quantity = (int64_t)yyjson_get_uint(yyjson_obj_get(val, "quantity"));
    if (money_parse(digits, &item->subtotal_e4, &rounded) != MONEY_OK) {
        return false;
    }
    if (yyjson_is_int(product)) {
        item->product_id = (struct ident){(int64_t)yyjson_get_uint(product), TEXT_NONE};
        return true;
    }
    item->product_id = IDENT_NONE;
    struct text id = {yyjson_get_str(product), yyjson_get_len(product)};
    return id.at != NULL && arena_try_copy(arena, id, &item->product_id.text);
}

bool raw_items_read(struct order *o, struct arena *arena) {
    yyjson_doc *doc = yyjson_read(o->items_json.at, o->items_json.len, 0);
    yyjson_val *array = yyjson_doc_get_root(doc);
    size_t n = yyjson_arr_size(array), i, max;
    struct order_item *items = n > 0 ? arena_try_alloc(arena, n * sizeof *items) : NULL;
    bool ok = items != NULL;
    yyjson_val *val;
    if (ok) {
        yyjson_arr_foreach(array, i, max, val) {
            ok = ok && item_read(val, arena, &items[i]);
        }
    }
    o->items = items;
    o->n_items = (uint32_t)n;
    yyjson_doc_free(doc);
    return ok;
}
