// SPDX-License-Identifier: MIT
// Binding events to the columns found.
//
// 1. The key must be ours, column by column: a row that is written again has to replace itself.
// 2. Each of our columns is looked up by name. A type that holds it, at least in part, is taken;
//    one that cannot refuses the table. A column that is not there is left out, unless it must be
//    there. Other columns stay as they are.
// 3. What is lost is said, one line for each kind of loss, and remembered for verify and rebuild.
//
// What each kind of field can be kept in, and what is lost:
//     identifier   text, ascii; tinyint .. bigint, varint: only integers of that range
//     instant      timestamp; text, ascii (RFC 3339); bigint, varint (ms since 1970); date: the day
//     money        decimal; text, ascii ("12.3400"); double, float: rounded
//     count        tinyint .. bigint, varint, decimal, double, text, ascii; float: rounded
//     text         text; ascii: only ASCII
//     position     bigint, varint
#include "store/cassandra/cassandra_table.h"

#include <stdio.h>

enum field_kind { KIND_IDENT, KIND_INSTANT, KIND_MONEY, KIND_COUNT, KIND_TEXT, KIND_POSITION };

static const struct {
    const char *column;
    enum field_kind kind;
} fields[RAW_FIELDS] = {
    [RAW_ORDER_ID] = {"order_id", KIND_IDENT},
    [RAW_EVENT] = {"event", KIND_TEXT},
    [RAW_EVENT_ID] = {"event_id", KIND_TEXT},
    [RAW_CREATED_AT] = {"created_at", KIND_INSTANT},
    [RAW_CUSTOMER_ID] = {"customer_id", KIND_IDENT},
    [RAW_PRODUCT_ID] = {"product_id", KIND_IDENT},
    [RAW_QUANTITY] = {"quantity", KIND_COUNT},
    [RAW_SUBTOTAL] = {"subtotal", KIND_MONEY},
    [RAW_DISCOUNT] = {"discount", KIND_MONEY},
    [RAW_SHIPPING] = {"shipping", KIND_MONEY},
    [RAW_TAX] = {"tax", KIND_MONEY},
    [RAW_TOTAL] = {"total", KIND_MONEY},
    [RAW_CURRENCY] = {"currency", KIND_TEXT},
    [RAW_SOURCE] = {"source", KIND_TEXT},
    [RAW_STATE] = {"state", KIND_TEXT},
    [RAW_ITEMS] = {"items", KIND_TEXT},
    [RAW_ARRIVAL] = {"timestamp", KIND_INSTANT},
    [RAW_POSITION] = {"position", KIND_POSITION},
};

static const struct {
    const char *name;
    size_t n_partition, n_key;
    enum raw_field key[3];
} tables[RAW_TABLES] = {
    [RAW_ORDERS] = {"orders", 1, 1, {RAW_ORDER_ID}},
    [RAW_ADJUSTMENTS] = {"order_adjustments", 1, 3, {RAW_ORDER_ID, RAW_EVENT, RAW_EVENT_ID}},
    [RAW_BY_CUSTOMER] = {"orders_by_customer",
                         1,
                         3,
                         {RAW_CUSTOMER_ID, RAW_CREATED_AT, RAW_ORDER_ID}},
};

static const struct {
    const char *name;
    enum cql_type type;
    int64_t min, max; // of integers
} types[] = {
    {"text", CQL_TEXT, 0, 0},
    {"varchar", CQL_TEXT, 0, 0},
    {"ascii", CQL_ASCII, 0, 0},
    {"tinyint", CQL_TINYINT, INT8_MIN, INT8_MAX},
    {"smallint", CQL_SMALLINT, INT16_MIN, INT16_MAX},
    {"int", CQL_INT, INT32_MIN, INT32_MAX},
    {"bigint", CQL_BIGINT, INT64_MIN, INT64_MAX},
    {"varint", CQL_VARINT, INT64_MIN, INT64_MAX},
    {"decimal", CQL_DECIMAL, 0, 0},
    {"double", CQL_DOUBLE, 0, 0},
    {"float", CQL_FLOAT, 0, 0},
    {"timestamp", CQL_TIMESTAMP, 0, 0},
    {"date", CQL_DATE, 0, 0},
};

const char *raw_field_column(enum raw_field f) {
    return fields[f].column;
}

const char *raw_table_name(enum raw_table t) {
    return tables[t].name;
}

static enum cql_type type_of(const char *name) {
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (strcmp(types[i].name, name) == 0) {
            return types[i].type;
        }
    }
    return CQL_CUSTOM;
}

static const char *name_of(enum cql_type type) {
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (types[i].type == type) {
            return types[i].name;
        }
    }
    return "?";
}

static bool is_integer(enum cql_type type, int64_t *min, int64_t *max) {
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (types[i].type == type && types[i].min != 0) {
            *min = types[i].min;
            *max = types[i].max;
            return true;
        }
    }
    return false;
}

// --- What a type holds

enum loss { LOSS_NONE, LOSS_ROUNDED, LOSS_DAY, LOSS_RANGE, LOSS_ASCII, LOSS_MISSING, LOSS_KINDS };

static bool is_text(enum cql_type type) {
    return type == CQL_TEXT || type == CQL_ASCII;
}

// Whether a type can hold such a field at all, and what gets lost.
static bool holds(enum field_kind kind, enum cql_type type, enum loss *loss) {
    int64_t min = 0, max = 0;
    bool integer = is_integer(type, &min, &max);
    *loss = LOSS_NONE;
    switch (kind) {
    case KIND_IDENT:
        // An identifier is printable ASCII, but that of a product may be any text.
        *loss = integer ? LOSS_RANGE : type == CQL_ASCII ? LOSS_ASCII : LOSS_NONE;
        return integer || is_text(type);
    case KIND_INSTANT:
        *loss = type == CQL_DATE ? LOSS_DAY : LOSS_NONE;
        return type == CQL_TIMESTAMP || type == CQL_DATE || is_text(type) || type == CQL_BIGINT ||
               type == CQL_VARINT;
    case KIND_MONEY:
        *loss = type == CQL_DOUBLE || type == CQL_FLOAT ? LOSS_ROUNDED : LOSS_NONE;
        return type == CQL_DECIMAL || type == CQL_DOUBLE || type == CQL_FLOAT || is_text(type);
    case KIND_COUNT:
        *loss = type == CQL_FLOAT            ? LOSS_ROUNDED
                : integer && max < INT32_MAX ? LOSS_RANGE
                                             : LOSS_NONE;
        return integer || type == CQL_DECIMAL || type == CQL_DOUBLE || type == CQL_FLOAT ||
               is_text(type);
    case KIND_TEXT:
        *loss = type == CQL_ASCII ? LOSS_ASCII : LOSS_NONE;
        return is_text(type);
    case KIND_POSITION:
        return type == CQL_BIGINT || type == CQL_VARINT;
    }
    return false;
}

static const char *wanted_type(enum field_kind kind) {
    static const char *const wanted[] = {
        [KIND_IDENT] = "text or an integer type",
        [KIND_INSTANT] = "timestamp, text, bigint or date",
        [KIND_MONEY] = "decimal, text, double or float",
        [KIND_COUNT] = "an integer type, decimal, double, float or text",
        [KIND_TEXT] = "text",
        [KIND_POSITION] = "bigint",
    };
    return (size_t)kind < COUNT_OF(wanted) ? wanted[kind] : "";
}

// --- Binding

struct binder {
    const char *keyspace;
    enum raw_table table;
    const struct cassandra_column *columns;
    size_t n;
    char lost[LOSS_KINDS][256]; // "subtotal float, tax float"
};

static const struct cassandra_column *cassandra_table_find(const struct binder *b,
                                                           const char *name) {
    for (size_t i = 0; i < b->n; i++) {
        if (strcmp(b->columns[i].name, name) == 0) {
            return &b->columns[i];
        }
    }
    return NULL;
}

static void cassandra_table_append(char out[static 256], const char *name, const char *type) {
    size_t n = strlen(out);
    snprintf(out + n, 256 - n, "%s%s%s%s", n > 0 ? ", " : "", name, type[0] != '\0' ? " " : "",
             type);
}

static bool check_key(const struct binder *b, struct error *err) {
    char wanted[256] = "", have[256] = "";
    bool same = true;
    size_t n_have = 0, n_key = tables[b->table].n_key;
    for (size_t i = 0; i < n_key; i++) {
        cassandra_table_append(wanted, fields[tables[b->table].key[i]].column, "");
    }
    for (size_t i = 0; i < b->n; i++) {
        const struct cassandra_column *c = &b->columns[i];
        bool partition = strcmp(c->kind, "partition_key") == 0;
        if (!partition && strcmp(c->kind, "clustering") != 0) {
            continue;
        }
        cassandra_table_append(have, c->name, "");
        size_t at = (size_t)c->position + (partition ? 0 : tables[b->table].n_partition);
        same = same && partition == (at < tables[b->table].n_partition) && at < n_key &&
               strcmp(c->name, fields[tables[b->table].key[at]].column) == 0;
        n_have++;
    }
    if (same && n_have == n_key) {
        return true;
    }
    return error_set(err, ERROR_USAGE,
                     "Cassandra table %s.%s: its primary key is made of %s; it must be %s, so that "
                     "a row written again replaces itself. Use another keyspace, or make the table "
                     "anew with `salestide setup`",
                     b->keyspace, tables[b->table].name, have, wanted);
}

static bool is_needed(enum raw_field f) { // without it a row is of no use
    return f == RAW_CREATED_AT || f == RAW_TOTAL;
}

static bool belongs(enum raw_table t, enum raw_field f) {
    return t == RAW_ADJUSTMENTS || (f != RAW_EVENT && f != RAW_EVENT_ID);
}

static bool bind_field(struct binder *b, enum raw_field f, struct cassandra_binding *out,
                       struct error *err) {
    const struct cassandra_column *c = cassandra_table_find(b, fields[f].column);
    const char *table = tables[b->table].name;
    enum loss loss = LOSS_MISSING;
    if (c == NULL) {
        if (is_needed(f)) {
            return error_set(err, ERROR_USAGE,
                             "Cassandra table %s.%s has no column %s, which every order needs",
                             b->keyspace, table, fields[f].column);
        }
        cassandra_table_append(b->lost[loss], fields[f].column, "");
        return true;
    }
    enum cql_type type = type_of(c->type);
    if (!holds(fields[f].kind, type, &loss) || strcmp(c->kind, "static") == 0) {
        return error_set(err, ERROR_USAGE,
                         "Cassandra table %s.%s: column %s is %s%s; it cannot hold %s. It has to "
                         "be %s; or leave the column out",
                         b->keyspace, table, c->name,
                         strcmp(c->kind, "static") == 0 ? "static " : "", c->type,
                         fields[f].kind == KIND_MONEY   ? "an amount such as 12.34"
                         : fields[f].kind == KIND_IDENT ? "an identifier such as A-17"
                                                        : "what belongs there",
                         wanted_type(fields[f].kind));
    }
    out->field[out->n] = f;
    out->type[out->n++] = type;
    // An identifier other than the product's is ASCII anyway, and so is the kind of event.
    bool always_ascii = f == RAW_ORDER_ID || f == RAW_CUSTOMER_ID || f == RAW_EVENT ||
                        f == RAW_EVENT_ID || f == RAW_CURRENCY;
    if (loss != LOSS_NONE && !(loss == LOSS_ASCII && always_ascii)) {
        cassandra_table_append(b->lost[loss], c->name, c->type);
        if (loss == LOSS_RANGE || loss == LOSS_ASCII) {
            out->narrow = true;
            cassandra_table_append(out->narrow_columns, c->name, c->type);
        }
    }
    return true;
}

static void say_losses(struct binder *b, struct cassandra_binding *out, struct buf *warnings) {
    static const char *const says[LOSS_KINDS] = {
        [LOSS_ROUNDED] = "amounts are rounded in these rows; the aggregates stay exact",
        [LOSS_DAY] = "only the day is kept",
        [LOSS_RANGE] = "orders with anything but an integer of that range there are rejected",
        [LOSS_ASCII] = "orders with anything but ASCII there are rejected",
        [LOSS_MISSING] = "there are no such columns; this is not kept",
    };
    out->complete = true;
    for (enum loss loss = LOSS_ROUNDED; loss < LOSS_KINDS; loss++) {
        const char *lost = b->lost[loss];
        bool matters = loss == LOSS_ROUNDED || loss == LOSS_DAY || loss == LOSS_MISSING;
        if (lost[0] == '\0') {
            continue;
        }
        buf_printf(warnings, "Cassandra table %s.%s: %s: %s%s\n", b->keyspace,
                   tables[b->table].name, lost, says[loss],
                   matters && b->table != RAW_BY_CUSTOMER
                       ? ". verify and rebuild cannot be done from this table"
                       : "");
        if (matters && out->complete) {
            out->complete = false;
            snprintf(out->why_not, sizeof out->why_not, "%s: %.150s", lost, says[loss]);
        }
    }
}

bool cassandra_bind(const char *keyspace, enum raw_table t, const struct cassandra_column *columns,
                    size_t n, struct cassandra_binding *out, struct buf *warnings,
                    struct error *err) {
    struct binder b = {.keyspace = keyspace, .table = t, .columns = columns, .n = n};
    *out = (struct cassandra_binding){.exists = n > 0};
    if (n == 0) {
        return true;
    }
    if (!check_key(&b, err)) {
        return false;
    }
    for (enum raw_field f = 0; f < RAW_FIELDS; f++) {
        if (belongs(t, f) && !bind_field(&b, f, out, err)) {
            return false;
        }
    }
    say_losses(&b, out, warnings);
    return true;
}

// --- Values that do not fit

static struct text text_of_field(const struct order *o, enum raw_field f) {
    switch (f) {
    case RAW_SOURCE:
        return o->source;
    case RAW_STATE:
        return o->state;
    case RAW_ITEMS:
        return o->items_json;
    default:
        return TEXT_NONE;
    }
}

static struct ident ident_of_field(const struct order *o, enum raw_field f) {
    return f == RAW_ORDER_ID ? o->order_id : f == RAW_CUSTOMER_ID ? o->customer_id : o->product_id;
}

static bool is_ascii(struct text t) {
    for (size_t i = 0; i < t.len; i++) {
        if ((unsigned char)t.at[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static bool fits_integer(const struct order *o, enum raw_field f, enum cql_type type,
                         struct rejection *why) {
    int64_t min, max;
    if (!is_integer(type, &min, &max)) {
        return true;
    }
    if (fields[f].kind == KIND_COUNT) {
        return o->quantity <= max || reject(why, fields[f].column, REJECT_RANGE,
                                            "the table of raw orders keeps this as %s, at most "
                                            "%lld; this is %lld",
                                            name_of(type), (long long)max, (long long)o->quantity);
    }
    struct ident id = ident_of_field(o, f);
    if (!ident_present(id) || (id.num >= 0 && id.num <= max)) {
        return true;
    }
    char digits[24];
    return reject(why, fields[f].column, REJECT_TYPE,
                  "the table of raw orders keeps this as %s, an integer of 0 to %lld; '%s' is none",
                  name_of(type), (long long)max, excerpt_of(ident_text(id, digits)).text);
}

static bool fits_ascii(const struct order *o, enum raw_field f, struct rejection *why) {
    struct text t = fields[f].kind == KIND_IDENT ? ident_of_field(o, f).text : text_of_field(o, f);
    return is_ascii(t) || reject(why, fields[f].column, REJECT_BAD_CHARACTER,
                                 "the table of raw orders keeps this as ascii; '%s' has other "
                                 "characters",
                                 excerpt_of(t).text);
}

bool cassandra_binding_fits(const struct cassandra_binding *b, const struct order *o,
                            struct rejection *why) {
    if (!b->narrow) {
        return true;
    }
    for (size_t i = 0; i < b->n; i++) {
        enum raw_field f = b->field[i];
        bool checked = fields[f].kind == KIND_IDENT || fields[f].kind == KIND_COUNT;
        if ((checked && !fits_integer(o, f, b->type[i], why)) ||
            (b->type[i] == CQL_ASCII && !fits_ascii(o, f, why))) {
            return false;
        }
    }
    return true;
}
