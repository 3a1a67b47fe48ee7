// SPDX-License-Identifier: MIT
// An order from the tree that yyjson made of its text.
//
// Happy path: one pass over the keys of the object; known fields go to order_set, keys that are not
// known into a set that finds duplicates. Then, only if there are any: containers under unknown
// keys (duplicate keys in them, nesting), and the items, each read like the object. Then
// order_finish.
//
// Fails at the first problem: the rules' own rejections, a value of a type that no field can have,
// a key that comes twice, nesting; or memory is refused.
#include "format/order_tree.h"

#include "order/price.h"

#include <inttypes.h>
#include <stdio.h>

// One event on its way: what the functions below pass around.
struct reading {
    struct key_set *keys;
    struct order_builder builder;
    struct arena *arena;
    struct rejection *why;
    yyjson_val *root;
    uint32_t max_depth;
    enum order_json_result failure; // set by whoever answers false
};

static bool order_tree_fail(struct reading *r, enum order_json_result failure) {
    r->failure = failure;
    return false;
}

// For the result of the builder's functions.
static bool taken(struct reading *r, bool ok) {
    if (LIKELY(ok)) {
        return true;
    }
    return order_tree_fail(r,
                           r->builder.out_of_memory ? ORDER_JSON_NO_MEMORY : ORDER_JSON_REJECTED);
}

static struct text text_in(yyjson_val *v) {
    return (struct text){unsafe_yyjson_get_str(v), unsafe_yyjson_get_len(v)};
}

// --- What is wrong with the JSON itself

static bool duplicate_key(struct reading *r, yyjson_val *key) {
    char path[sizeof r->why->field];
    json_path(r->root, key, path, sizeof path);
    reject(r->why, path, REJECT_DUPLICATE_KEY, "the key '%s' comes twice in one object",
           excerpt_of(text_in(key)).text);
    return order_tree_fail(r, ORDER_JSON_REJECTED);
}

static bool too_deep(struct reading *r, yyjson_val *container) {
    char path[sizeof r->why->field];
    json_path(r->root, container, path, sizeof path);
    reject(r->why, path, REJECT_TOO_DEEP, "the JSON is nested deeper than %" PRIu32 " levels",
           r->max_depth);
    return order_tree_fail(r, ORDER_JSON_REJECTED);
}

static bool check_container(struct reading *r, yyjson_val *v, uint32_t depth) {
    yyjson_val *culprit = NULL;
    switch (json_check(r->keys, v, depth, r->max_depth, &culprit)) {
    case JSON_FINE:
        return true;
    case JSON_DUPLICATE_KEY:
        return duplicate_key(r, culprit);
    case JSON_TOO_DEEP:
        return too_deep(r, culprit);
    case JSON_NO_MEMORY:
        break;
    }
    return order_tree_fail(r, ORDER_JSON_NO_MEMORY);
}

static bool add_unknown_key(struct reading *r, yyjson_val *object, yyjson_val *key) {
    switch (key_set_add(r->keys, object, key)) {
    case KEY_NEW:
        return true;
    case KEY_AGAIN:
        return duplicate_key(r, key);
    case KEY_NO_MEMORY:
        break;
    }
    return order_tree_fail(r, ORDER_JSON_NO_MEMORY);
}

// Goes once more over an object in which some unknown key has a container.
static bool check_unknown_containers(struct reading *r, yyjson_val *object, uint32_t depth,
                                     bool (*known)(enum order_field f)) {
    size_t n = unsafe_yyjson_get_len(object);
    yyjson_val *key = object + 1;
    for (size_t i = 0; i < n; i++, key = unsafe_yyjson_get_next(key + 1)) {
        if (unsafe_yyjson_is_ctn(key + 1) && !known(order_field_of(text_in(key))) &&
            !check_container(r, key + 1, depth + 1)) {
            return false;
        }
    }
    return true;
}

// --- Fields

static const char *type_name(yyjson_val *v) {
    switch (unsafe_yyjson_get_type(v)) {
    case YYJSON_TYPE_BOOL:
        return unsafe_yyjson_is_true(v) ? "true" : "false";
    case YYJSON_TYPE_NULL:
        return "null";
    case YYJSON_TYPE_RAW:
        return "a number";
    case YYJSON_TYPE_STR:
        return "a text";
    case YYJSON_TYPE_ARR:
        return "an array";
    default:
        return "an object";
    }
}

static bool wrong_type(struct reading *r, yyjson_val *v, const char *expects) {
    char path[sizeof r->why->field];
    json_path(r->root, v, path, sizeof path);
    reject(r->why, path, REJECT_TYPE, "%s must be %s, not %s", path, expects, type_name(v));
    return order_tree_fail(r, ORDER_JSON_REJECTED);
}

enum spelled { SPELLED, SPELLED_NULL, SPELLED_WRONG };
static inline enum spelled spelling_of(yyjson_val *v, enum value_kind *kind, struct text *out) {
    switch (unsafe_yyjson_get_type(v)) {
    case YYJSON_TYPE_STR:
        *kind = VALUE_TEXT;
        *out = text_in(v);
        return SPELLED;
    case YYJSON_TYPE_RAW:
        *kind = VALUE_NUMBER;
        *out = text_in(v);
        return SPELLED;
    case YYJSON_TYPE_NULL:
        return SPELLED_NULL;
    default:
        return SPELLED_WRONG;
    }
}

static inline bool read_field(struct reading *r, enum order_field f, yyjson_val *value) {
    enum value_kind kind;
    struct text spelling;
    switch (spelling_of(value, &kind, &spelling)) {
    case SPELLED:
        return taken(r, order_set(&r->builder, f, kind, spelling));
    case SPELLED_NULL: // absent
        return true;
    case SPELLED_WRONG:
        break;
    }
    return wrong_type(r, value, order_field_expects(f));
}

// --- Items

static bool is_item_field(enum order_field f) {
    return f == FIELD_PRODUCT_ID || f == FIELD_QUANTITY || f == FIELD_SUBTOTAL;
}

static bool read_item_field(struct reading *r, struct order_item *item, size_t index,
                            enum order_field f, yyjson_val *value, uint32_t *set) {
    enum value_kind kind;
    struct text spelling;
    switch (spelling_of(value, &kind, &spelling)) {
    case SPELLED:
        *set |= UINT32_C(1) << f;
        return taken(r, order_item_set(&r->builder, item, index, f, kind, spelling));
    case SPELLED_NULL:
        return true;
    case SPELLED_WRONG:
        break;
    }
    return wrong_type(r, value, order_field_expects(f));
}

// A price of one piece stands for the subtotal where that is not given.
static bool read_item_price(struct reading *r, struct order_item *item, size_t index,
                            yyjson_val *value) {
    enum value_kind kind;
    struct text price, subtotal;
    switch (spelling_of(value, &kind, &price)) {
    case SPELLED:
        break;
    case SPELLED_NULL:
        return true;
    case SPELLED_WRONG:
        return wrong_type(r, value, order_field_expects(FIELD_SUBTOTAL));
    }
    char path[sizeof r->why->field];
    bool no_memory = false;
    snprintf(path, sizeof path, "items[%zu].unit_price", index);
    if (!price_times(text_trim(price), kind, item->quantity, path, r->arena, r->why, &no_memory,
                     &subtotal)) {
        return order_tree_fail(r, no_memory ? ORDER_JSON_NO_MEMORY : ORDER_JSON_REJECTED);
    }
    return taken(r, order_item_set(&r->builder, item, index, FIELD_SUBTOTAL, VALUE_TEXT, subtotal));
}

static bool item_lacks(struct reading *r, size_t index, enum order_field f) {
    char path[sizeof r->why->field];
    snprintf(path, sizeof path, "items[%zu].%s", index, order_field_name(f));
    reject(r->why, path, REJECT_MISSING, "%s is required: %s", path, order_field_expects(f));
    return order_tree_fail(r, ORDER_JSON_REJECTED);
}

static bool read_item(struct reading *r, yyjson_val *object, size_t index,
                      struct order_item *item) {
    if (!unsafe_yyjson_is_obj(object)) {
        return wrong_type(r, object, "an object of product_id, quantity and subtotal");
    }
    *item = (struct order_item){.product_id = IDENT_NONE};
    uint32_t seen = 0, set = 0;
    bool containers = false;
    yyjson_val *price = NULL;
    size_t n = unsafe_yyjson_get_len(object);
    yyjson_val *key = object + 1;
    key_set_begin(r->keys);
    for (size_t i = 0; i < n; i++, key = unsafe_yyjson_get_next(key + 1)) {
        enum order_field f = order_field_of(text_in(key));
        if (!is_item_field(f)) {
            price = text_equal(text_in(key), TEXT_LIT("unit_price")) ? key + 1 : price;
            containers |= unsafe_yyjson_is_ctn(key + 1);
            if (!add_unknown_key(r, object, key)) {
                return false;
            }
            continue;
        }
        if ((seen & (UINT32_C(1) << f)) != 0) {
            return duplicate_key(r, key);
        }
        seen |= UINT32_C(1) << f;
        if (!read_item_field(r, item, index, f, key + 1, &set)) {
            return false;
        }
    }
    if (containers && !check_unknown_containers(r, object, 3, is_item_field)) {
        return false;
    }
    if ((set & (UINT32_C(1) << FIELD_PRODUCT_ID)) == 0) {
        return item_lacks(r, index, FIELD_PRODUCT_ID);
    }
    if ((set & (UINT32_C(1) << FIELD_QUANTITY)) == 0) {
        return item_lacks(r, index, FIELD_QUANTITY);
    }
    bool has_subtotal = (set & (UINT32_C(1) << FIELD_SUBTOTAL)) != 0;
    return price == NULL || has_subtotal || read_item_price(r, item, index, price);
}

static bool read_items(struct reading *r, yyjson_val *array) {
    if (!unsafe_yyjson_is_arr(array)) {
        return unsafe_yyjson_is_null(array) ||
               wrong_type(r, array, order_field_expects(FIELD_ITEMS));
    }
    size_t n = unsafe_yyjson_get_len(array);
    if (r->max_depth < (n > 0 && unsafe_yyjson_is_ctn(array + 1) ? 3 : 2)) {
        return too_deep(r, array);
    }
    if (n == 0 || n > ORDER_ITEMS_MAX) {
        reject(r->why, "items", n == 0 ? REJECT_EMPTY : REJECT_TOO_LONG,
               "items must have 1 to %d lines, not %zu", (int)ORDER_ITEMS_MAX, n);
        return order_tree_fail(r, ORDER_JSON_REJECTED);
    }
    struct order_item *items = arena_try_alloc(r->arena, n * sizeof *items);
    if (items == NULL) {
        return order_tree_fail(r, ORDER_JSON_NO_MEMORY);
    }
    yyjson_val *element = array + 1;
    for (size_t i = 0; i < n; i++, element = unsafe_yyjson_get_next(element)) {
        if (!read_item(r, element, i, &items[i])) {
            return false;
        }
    }
    return taken(r, order_set_items(&r->builder, items, n, r->arena));
}

// --- The event

static bool is_order_field(enum order_field f) {
    return f != FIELD_UNKNOWN;
}

static bool read_object(struct reading *r) {
    uint32_t seen = 0;
    bool containers = false;
    yyjson_val *items = NULL;
    size_t n = unsafe_yyjson_get_len(r->root);
    yyjson_val *key = r->root + 1;
    key_set_begin(r->keys);
    for (size_t i = 0; i < n; i++, key = unsafe_yyjson_get_next(key + 1)) {
        enum order_field f = order_field_of(text_in(key));
        if (UNLIKELY(f == FIELD_UNKNOWN)) {
            containers |= unsafe_yyjson_is_ctn(key + 1);
            if (!add_unknown_key(r, r->root, key)) {
                return false;
            }
            continue;
        }
        if (UNLIKELY((seen & (UINT32_C(1) << f)) != 0)) {
            return duplicate_key(r, key);
        }
        seen |= UINT32_C(1) << f;
        if (UNLIKELY(f == FIELD_ITEMS)) {
            items = key + 1;
        } else if (!read_field(r, f, key + 1)) {
            return false;
        }
    }
    if (containers && !check_unknown_containers(r, r->root, 1, is_order_field)) {
        return false;
    }
    if (items != NULL && !read_items(r, items)) {
        return false;
    }
    return taken(r, order_finish(&r->builder));
}

static uint32_t depth_limit(const struct order_rules *rules) {
    uint32_t depth = rules->max_depth == 0 ? ORDER_DEPTH_DEFAULT : rules->max_depth;
    return depth > ORDER_DEPTH_MAX ? ORDER_DEPTH_MAX : depth;
}

enum order_json_result order_tree_read(struct key_set *keys, const struct order_rules *rules,
                                       yyjson_val *root, struct arena *arena, struct order *out,
                                       struct rejection *why) {
    if (!unsafe_yyjson_is_obj(root)) {
        reject(why, "", REJECT_NOT_OBJECT, "an order must be a JSON object, not %s",
               type_name(root));
        return ORDER_JSON_REJECTED;
    }
    struct reading r = {
        .keys = keys, .arena = arena, .why = why, .root = root, .max_depth = depth_limit(rules)};
    order_begin(&r.builder, rules, out, why);
    return read_object(&r) ? ORDER_JSON_OK : r.failure;
}
