// SPDX-License-Identifier: MIT
#include "store/mysql/mysql_decode.h"

struct ident mysql_ident_at(const struct mysql_values *v, unsigned i) {
    struct text t = mysql_text_at(v, i);
    return t.at != NULL ? ident_of_text(t) : IDENT_NONE;
}

bool mysql_amount_at(const struct mysql_values *v, unsigned i, int64_t *out_e4) {
    struct text digits = mysql_text_at(v, i);
    *out_e4 = 0;
    return digits.at == NULL || money_read(digits, out_e4);
}

bool mysql_measures_at(const struct mysql_values *v, unsigned first, bool of_product,
                       struct measures *out) {
    *out = (struct measures){.orders = mysql_int_at(v, first), .units = mysql_int_at(v, first + 1)};
    if (of_product) {
        return mysql_amount_at(v, first + 2, &out->total_e4);
    }
    int64_t *const amounts[] = {&out->subtotal_e4, &out->discount_e4, &out->shipping_e4,
                                &out->tax_e4, &out->total_e4};
    for (unsigned i = 0; i < COUNT_OF(amounts); i++) {
        if (!mysql_amount_at(v, first + 2 + i, amounts[i])) {
            return false;
        }
    }
    out->cancelled_orders = mysql_int_at(v, first + 7);
    out->refunds = mysql_int_at(v, first + 8);
    return mysql_amount_at(v, first + 9, &out->refunded_total_e4);
}

bool mysql_no_amount(struct error *err) {
    return error_set(err, ERROR_FATAL, "a sum in the database is no amount that fits into 64 bits");
}
