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

bool csv_check_id(const struct order *o, struct rejection *why) {
    struct text t = o->order_id.text;
    if (o->order_id.num >= 0 || t.len < 4 || t.at[t.len - 3] != '+' ||
        (t.at[t.len - 4] | 0x20) != 'e') {
        return true;
    }
    bool number = t.at[0] >= '0' && t.at[0] <= '9';
    for (size_t i = 0; i < t.len && number; i++) {
        char c = t.at[i];
        number = (c >= '0' && c <= '9') || c == '.' || c == ',' || c == '+' || (c | 0x20) == 'e';
    }
    return !number ||
           reject(why, "order_id", REJECT_AMBIGUOUS,
                  "order_id '%s' is a long number that a spreadsheet has cut, so that several "
                  "orders may have it: use the file as it was before it was saved there",
                  excerpt_of(t).text);
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
        field == FIELD_CREATED_AT || field == CSV_CANCELLED
            ? csv_read_time(b->written, value, arena, why)
            : csv_read_number(b->written, value, csv_field_name(field),
                              field == FIELD_QUANTITY ? NULL : &c->signs, arena, why);
    *no_memory |= r == CSV_WRITTEN_NO_MEMORY;
    return r == CSV_WRITTEN;
}

// --- Values of several columns

static bool join_texts(const struct csv_source *s, const struct text *cells, struct arena *arena,
                       struct text *value) {
    struct text parts[CSV_PARTS_MAX] = {text_trim(cells[s->column])};
    size_t n_bytes = parts[0].len;
    for (size_t i = 0; i < s->n_more; i++) {
        parts[i + 1] = text_trim(cells[s->more[i]]);
        n_bytes += 1 + parts[i + 1].len;
    }
    char *to = arena_try_bytes(arena, n_bytes);
    size_t n = 0;
    for (size_t i = 0; to != NULL && i <= s->n_more; i++) {
        if (parts[i].len > 0) {
            to[n] = ' ';
            n += n > 0;
            memcpy(to + n, parts[i].at, parts[i].len);
            n += parts[i].len;
        }
    }
    *value = n > 0 ? (struct text){to, n} : TEXT_NONE;
    return to != NULL;
}

// Each part is below 10^16: no overflow.
static bool add_part(struct order_csv *c, int field, struct text part, struct arena *arena,
                     int64_t *sum_e4, struct rejection *why, bool *no_memory) {
    if ((c->binding->rewrites >> field & 1) != 0 &&
        !csv_rewrite(c, field, &part, arena, why, no_memory)) {
        return false;
    }
    struct text digits = csv_without_minus(field, part);
    int64_t amount_e4;
    bool rounded;
    if (money_parse_text(digits, &amount_e4, &rounded) != MONEY_OK || rounded) {
        return reject(why, csv_field_name(field), REJECT_MALFORMED,
                      "%s adds up amounts such as 12.50 of at most four decimals, not '%s'",
                      csv_field_name(field), excerpt_of(part).text);
    }
    *sum_e4 += digits.len == part.len ? amount_e4 : -amount_e4;
    return true;
}

bool csv_join(struct order_csv *c, const struct csv_source *s, struct arena *arena,
              struct text *value, struct rejection *why, bool *no_memory) {
    if (!csv_is_among(CSV_MONEY, s->field)) {
        *no_memory |= !join_texts(s, c->cells, arena, value);
        return !*no_memory && (value->at == NULL || (c->binding->rewrites >> s->field & 1) == 0 ||
                               csv_rewrite(c, s->field, value, arena, why, no_memory));
    }
    int64_t sum_e4 = 0;
    bool any = false;
    for (size_t i = 0; i <= s->n_more; i++) {
        struct text part = text_trim(c->cells[i == 0 ? s->column : s->more[i - 1]]);
        if (part.len > 0 && !add_part(c, s->field, part, arena, &sum_e4, why, no_memory)) {
            return false;
        }
        any |= part.len > 0;
    }
    char text[24];
    size_t n = money_format(sum_e4, text);
    struct text kept = TEXT_NONE;
    if (any && !arena_try_copy(arena, (struct text){text, n}, &kept)) {
        *no_memory = true;
        return false;
    }
    *value = kept;
    return true;
}

static bool is_control(char c) {
    return (unsigned char)c < ' ' || c == '\x7F';
}

// A name of several lines on one.
static bool in_one_line(struct arena *arena, struct text *value) {
    size_t i = 0;
    while (i < value->len && !is_control(value->at[i])) {
        i++;
    }
    if (i == value->len) {
        return true;
    }
    char *to = arena_try_bytes(arena, value->len);
    for (i = 0; to != NULL && i < value->len; i++) {
        to[i] = is_control(value->at[i]) ? ' ' : value->at[i];
    }
    value->at = to;
    return to != NULL;
}

// A name, as long as it may be.
static struct text cut_name(struct text value) {
    if (value.len <= ORDER_TEXT_MAX) {
        return value;
    }
    size_t n = 0, at = 0;
    while (at < value.len && n < ORDER_TEXT_MAX) {
        at++;
        n += at == value.len || ((unsigned char)value.at[at] & 0xC0) != 0x80;
    }
    return text_trim((struct text){value.at, at});
}

bool csv_preset_value(const struct csv_binding *b, int field, bool below_zero, struct arena *arena,
                      struct text *value) {
    const uint32_t names = 1u << FIELD_PRODUCT_ID | 1u << FIELD_SOURCE | 1u << FIELD_STATE;
    if (below_zero || (b->preset != NULL && field == FIELD_DISCOUNT)) {
        *value = csv_without_minus(field, *value);
    }
    if (b->preset == NULL || !csv_is_among(names, field) || value->at == NULL) {
        return true;
    }
    *value = cut_name(*value);
    return in_one_line(arena, value);
}

static bool has_digit(struct text t) {
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] >= '0' && t.at[i] <= '9') {
            return true;
        }
    }
    return false;
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
    } else if (csv_is_among(CSV_NUMBERS, field) && !csv_tells_numbers(b->written) &&
               memchr(value.at, ',', value.len) != NULL) {
        reject(why, name, REJECT_MALFORMED,
               "'%s' may be read in two ways; say how numbers are written with --decimal and "
               "--thousands",
               shown.text);
    } else if (csv_is_among(CSV_MONEY, field) && !csv_tells_numbers(b->written) &&
               has_digit(value)) {
        reject(why, name, REJECT_MALFORMED,
               "%s must be an amount such as 12.50, not '%s'; say how numbers are written with "
               "--decimal and --thousands, then a currency may stand beside them",
               name, shown.text);
    } else if (field == FIELD_QUANTITY && has_digit(value)) {
        reject(why, name, REJECT_MALFORMED,
               "%s must be a whole number from 0 to %d, not '%s'; what is sold by weight may be "
               "counted by rows: --set quantity=1",
               name, ORDER_QUANTITY_MAX, shown.text);
    }
}
