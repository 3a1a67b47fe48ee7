// SPDX-License-Identifier: MIT
// Events as cells. What an event does not have (a guest's customer, the items of a plain order) is
// left unset, not null: a null is a tombstone, and Cassandra refuses to read past many of them.
//
// Rows that other programs wrote may hold anything: what cannot be read counts as absent.
#include "store/cassandra/cassandra_row.h"

#include "order/money.h"
#include "order/timestamp.h"

enum { MS_PER_DAY = 86400000 };

static bool is_text(enum cql_type type) {
    return type == CQL_TEXT || type == CQL_ASCII;
}

// --- Writing

static void put_integer(struct cql_values *v, enum cql_type type, int64_t value) {
    switch (type) {
    case CQL_TINYINT:
        cql_put_i8(v, (int8_t)value);
        return;
    case CQL_SMALLINT:
        cql_put_i16(v, (int16_t)value);
        return;
    case CQL_INT:
        cql_put_i32(v, (int32_t)value);
        return;
    case CQL_VARINT:
        cql_put_varint(v, value);
        return;
    default:
        cql_put_i64(v, value);
    }
}

static void put_ident(struct cql_values *v, enum cql_type type, struct ident id) {
    char digits[24];
    if (!ident_present(id)) {
        cql_put_unset(v);
    } else if (is_text(type)) {
        cql_put_text(v, ident_text(id, digits));
    } else {
        put_integer(v, type, id.num);
    }
}

static void put_instant(struct cql_values *v, enum cql_type type, int64_t utc_ms) {
    char out[32];
    if (is_text(type)) {
        cql_put_text(v, (struct text){out, timestamp_format(utc_ms, out)});
    } else if (type == CQL_DATE) {
        cql_put_date(v, (int32_t)(utc_ms / MS_PER_DAY)); // from 1970 on
    } else {
        put_integer(v, type, utc_ms);
    }
}

static void put_money(struct cql_values *v, enum cql_type type, int64_t amount_e4) {
    char out[24];
    if (is_text(type)) {
        cql_put_text(v, (struct text){out, money_format(amount_e4, out)});
    } else if (type == CQL_DECIMAL) {
        cql_put_decimal_e4(v, amount_e4);
    } else if (type == CQL_DOUBLE) {
        cql_put_double(v, (double)amount_e4 / 10000);
    } else {
        cql_put_float(v, (float)((double)amount_e4 / 10000));
    }
}

static void put_count(struct cql_values *v, enum cql_type type, int64_t value) {
    struct ident digits = {value, TEXT_NONE};
    switch (type) {
    case CQL_TEXT:
    case CQL_ASCII:
        put_ident(v, type, digits);
        return;
    case CQL_DECIMAL:
        cql_put_decimal_e4(v, value * 10000);
        return;
    case CQL_DOUBLE:
        cql_put_double(v, (double)value);
        return;
    case CQL_FLOAT:
        cql_put_float(v, (float)value);
        return;
    default:
        put_integer(v, type, value);
    }
}

static void put_optional(struct cql_values *v, struct text t) {
    if (t.at == NULL) {
        cql_put_unset(v);
    } else {
        cql_put_text(v, t);
    }
}

static int64_t *money_of(struct order *o, enum raw_field f) {
    switch (f) {
    case RAW_SUBTOTAL:
        return &o->subtotal_e4;
    case RAW_DISCOUNT:
        return &o->discount_e4;
    case RAW_SHIPPING:
        return &o->shipping_e4;
    case RAW_TAX:
        return &o->tax_e4;
    default:
        return &o->total_e4;
    }
}

void cassandra_put_field(struct cql_values *v, enum raw_field f, enum cql_type type,
                         const struct stored_event *event) {
    const struct order *o = &event->order;
    switch (f) {
    case RAW_ORDER_ID:
        put_ident(v, type, o->order_id);
        return;
    case RAW_CUSTOMER_ID:
        put_ident(v, type, o->customer_id);
        return;
    case RAW_PRODUCT_ID:
        put_ident(v, type, o->product_id);
        return;
    case RAW_EVENT:
        cql_put_text(v, text_of(order_kind_name(o->kind)));
        return;
    case RAW_EVENT_ID: // a part of the key: never unset
        cql_put_text(v, o->event_id.at != NULL ? o->event_id : TEXT_LIT(""));
        return;
    case RAW_CREATED_AT:
        put_instant(v, type, o->created_ms);
        return;
    case RAW_ARRIVAL:
        put_instant(v, type, event->arrival_ms);
        return;
    case RAW_QUANTITY:
        put_count(v, type, o->quantity);
        return;
    case RAW_CURRENCY:
        cql_put_text(v, text_of(o->currency));
        return;
    case RAW_SOURCE:
        put_optional(v, o->source);
        return;
    case RAW_STATE:
        put_optional(v, o->state);
        return;
    case RAW_ITEMS:
        put_optional(v, o->items_json);
        return;
    case RAW_POSITION:
        put_integer(v, type, event->position);
        return;
    default: // only read here
        put_money(v, type, *money_of((struct order *)(uintptr_t)o, f));
    }
}

void cassandra_put_row(struct cql_values *v, const struct cassandra_binding *b,
                       const struct stored_event *event) {
    for (size_t i = 0; i < b->n; i++) {
        cassandra_put_field(v, b->field[i], b->type[i], event);
    }
}

bool cassandra_id_fits(enum cql_type type, struct ident id) {
    static const int64_t max[] = {[CQL_TINYINT] = INT8_MAX,
                                  [CQL_SMALLINT] = INT16_MAX,
                                  [CQL_INT] = INT32_MAX,
                                  [CQL_BIGINT] = INT64_MAX,
                                  [CQL_VARINT] = INT64_MAX};
    return is_text(type) || (id.num >= 0 && type < (int)COUNT_OF(max) && id.num <= max[type]);
}

// --- Reading

static bool read_ident(struct text cell, enum cql_type type, struct arena *arena,
                       struct ident *out) {
    int64_t v;
    *out = IDENT_NONE;
    if (cell.at == NULL) {
        return true;
    }
    if (is_text(type)) {
        *out = ident_of_text(cell);
    } else if (cql_cell_int(cell, &v) && v >= 0) {
        *out = (struct ident){v, TEXT_NONE};
    } else if (cql_cell_int(cell, &v)) { // another program's: "-7" is a text
        struct buf digits = {0};
        buf_put_i64(&digits, v);
        bool ok = !digits.failed && arena_try_copy(arena, buf_text(&digits), &out->text);
        buf_free(&digits);
        return ok;
    }
    return true;
}

static int64_t read_instant(struct text cell, enum cql_type type) {
    int64_t ms = 0;
    int32_t day;
    bool has_offset =
        cell.len > 0 && (cell.at[cell.len - 1] == 'Z' || cell.at[cell.len - 1] == 'z');
    if (is_text(type)) { // without an offset it is another program's, in a zone nobody knows
        return has_offset && timestamp_parse(cell, NULL, &ms) == TIMESTAMP_OK ? ms : 0;
    }
    if (type == CQL_DATE) {
        return cql_cell_date(cell, &day) ? (int64_t)day * MS_PER_DAY : 0;
    }
    return cql_cell_int(cell, &ms) ? ms : 0;
}

static int64_t read_money(struct text cell, enum cql_type type) {
    int64_t e4 = 0;
    bool exact;
    double d;
    if (is_text(type)) { // a total may be below zero
        bool negative = cell.len > 0 && cell.at[0] == '-';
        struct text digits = {cell.at + negative, cell.len - negative};
        return cell.at != NULL && money_parse(digits, &e4, &exact) == MONEY_OK
                   ? (negative ? -e4 : e4)
                   : 0;
    }
    if (type == CQL_DECIMAL) {
        return cql_cell_decimal_e4(cell, &e4, &exact) ? e4 : 0;
    }
    if (!cql_cell_double(cell, &d) || !(d > -9e14 && d < 9e14)) {
        return 0;
    }
    return (int64_t)(d < 0 ? d * 10000 - 0.5 : d * 10000 + 0.5);
}

static int64_t read_count(struct text cell, enum cql_type type) {
    int64_t v = 0;
    if (is_text(type)) {
        v = cell.at != NULL ? ident_of_text(cell).num : 0;
        return v < 0 ? 0 : v;
    }
    if (type == CQL_DECIMAL || type == CQL_DOUBLE || type == CQL_FLOAT) {
        return read_money(cell, type) / 10000;
    }
    return cql_cell_int(cell, &v) ? v : 0;
}

static void read_currency(struct text cell, char out[static 4]) {
    if (cell.at != NULL && cell.len == 3) {
        memcpy(out, cell.at, 3);
    }
}

static bool read_field(struct text cell, enum raw_field f, enum cql_type type, struct arena *arena,
                       struct stored_event *out, bool *has_position) {
    struct order *o = &out->order;
    switch (f) {
    case RAW_ORDER_ID:
        return read_ident(cell, type, arena, &o->order_id);
    case RAW_CUSTOMER_ID:
        return read_ident(cell, type, arena, &o->customer_id);
    case RAW_PRODUCT_ID:
        return read_ident(cell, type, arena, &o->product_id);
    case RAW_EVENT:
        o->kind = text_equal(cell, TEXT_LIT("refunded")) ? ORDER_REFUNDED : ORDER_CANCELLED;
        break;
    case RAW_EVENT_ID:
        o->event_id = cell.len > 0 ? cell : TEXT_NONE;
        break;
    case RAW_CREATED_AT:
        o->created_ms = read_instant(cell, type);
        break;
    case RAW_ARRIVAL:
        out->arrival_ms = read_instant(cell, type);
        break;
    case RAW_QUANTITY:
        o->quantity = read_count(cell, type);
        break;
    case RAW_CURRENCY:
        read_currency(cell, o->currency);
        break;
    case RAW_SOURCE:
        o->source = cell;
        break;
    case RAW_STATE:
        o->state = cell;
        break;
    case RAW_ITEMS:
        o->items_json = cell.len > 0 ? cell : TEXT_NONE;
        break;
    case RAW_POSITION:
        *has_position = cql_cell_int(cell, &out->position);
        break;
    default:
        *money_of(o, f) = read_money(cell, type);
    }
    return true;
}

bool cassandra_read_row(const struct text *cells, const struct cassandra_binding *b,
                        enum order_kind table_kind, struct arena *arena, struct stored_event *out,
                        bool *has_position) {
    *out = (struct stored_event){0};
    out->order.kind = table_kind;
    out->order.order_id = out->order.customer_id = out->order.product_id = IDENT_NONE;
    *has_position = false;
    bool ok = true;
    for (size_t i = 0; i < b->n; i++) {
        ok = read_field(cells[i], b->field[i], b->type[i], arena, out, has_position) && ok;
    }
    return ok;
}
