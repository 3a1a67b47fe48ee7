// SPDX-License-Identifier: MIT
// Values of cells: amounts that follow from others, and what is no text.
#include "format/order_csv_internal.h"
#include "order/money.h"

bool csv_set_amount(struct order_builder *b, enum order_field f, int64_t amount_e4) {
    char text[24];
    size_t n = money_format(amount_e4, text);
    return order_set(b, f, VALUE_TEXT, (struct text){text, n});
}

bool csv_set_derived_total(struct order_builder *b) {
    const struct order *o = b->order; // each amount is below 10^16: no overflow
    return csv_set_amount(b, FIELD_TOTAL,
                          o->subtotal_e4 - o->discount_e4 + o->shipping_e4 + o->tax_e4);
}

bool csv_check_utf8(const struct csv_binding *b, int field, struct text value,
                    struct rejection *why) {
    if (text_is_utf8(value)) {
        return true;
    }
    const char *name = csv_field_name(field);
    return b->encoding != NULL
               ? reject(why, name, REJECT_BAD_CHARACTER, "holds a byte that is no %.30s: '%s'",
                        b->encoding, excerpt_of(value).text)
               : reject(why, name, REJECT_BAD_CHARACTER,
                        "not UTF-8 (say --encoding, or save the file as UTF-8): '%s'",
                        excerpt_of(value).text);
}
