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

bool csv_rewrite(struct order_csv *c, int field, struct text *value, struct arena *arena,
                 struct rejection *why, bool *no_memory) {
    const struct csv_binding *b = c->binding;
    enum csv_written_result r =
        field == FIELD_CREATED_AT
            ? csv_read_time(b->written, value, arena, why)
            : csv_read_number(b->written, value, csv_field_name(field),
                              field == FIELD_QUANTITY ? NULL : &c->signs, arena, why);
    *no_memory |= r == CSV_WRITTEN_NO_MEMORY;
    return r == CSV_WRITTEN;
}

static bool is_number_field(int field) {
    return (CSV_PER_LINE >> field & 1) != 0 || field == FIELD_SUBTOTAL || field == CSV_UNIT_PRICE ||
           field == FIELD_QUANTITY;
}

void csv_hint(const struct csv_binding *b, int field, struct text value, struct rejection *why) {
    if (why->code == NULL || strcmp(why->code, REJECT_MALFORMED) != 0) {
        return;
    }
    struct excerpt shown = excerpt_of(value);
    char name[sizeof why->field];
    memcpy(name, why->field, sizeof name);
    if (field == FIELD_CREATED_AT && !csv_tells_times(b->written)) {
        reject(why, name, REJECT_MALFORMED,
               "%s must be %s, or its form be told with --date-format, not '%s'", name,
               order_field_expects(FIELD_CREATED_AT), shown.text);
    } else if (is_number_field(field) && !csv_tells_numbers(b->written) &&
               memchr(value.at, ',', value.len) != NULL) {
        reject(why, name, REJECT_MALFORMED,
               "'%s' may be read in two ways; say how numbers are written with --decimal and "
               "--thousands",
               shown.text);
    }
}
