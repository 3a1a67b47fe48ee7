// SPDX-License-Identifier: MIT
// Deciding how to write into total_sales_by_source_state as it was found.
//
// 1. Each column of ours is looked up and its type held against what it has to hold. A type that
//    loses something small (a double's 16th digit, thousandths) is taken, with a note; one in which
//    a commit could fail some day is refused now.
// 2. Columns of the user's own must get along without a value from us.
// 3. A unique key on source and state is used; others must not make two groups one row.
//
// How it fails: one line with the column, why, and the ALTER TABLE that mends it.
#include "store/mysql/mysql_projection_plan.h"

#include "store/mysql/mysql_schema.h"
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#define T PROJECTION_TABLE

static bool kind_is(const struct found_column *col, const char *kinds) {
    size_t n = strlen(col->kind);
    for (const char *at = kinds; *at != '\0';) {
        size_t len = strcspn(at, " ");
        if (len == n && strncasecmp(at, col->kind, n) == 0) {
            return true;
        }
        at += len + (at[len] == ' ');
    }
    return false;
}
#define TEXT_KINDS "char varchar text mediumtext longtext"

static void note(struct projection_plan *p, const char *format, ...) PRINTF_LIKE(2, 3);
static void note(struct projection_plan *p, const char *format, ...) {
    size_t n = strlen(p->notes);
    va_list args;
    va_start(args, format);
    if (n > 0 && n + 2 < sizeof p->notes) {
        n += (size_t)snprintf(p->notes + n, sizeof p->notes - n, "; ");
    }
    vsnprintf(p->notes + n, sizeof p->notes - n, format, args);
    va_end(args);
}

static bool mysql_projection_plan_refuse(const struct found_column *col, const char *where,
                                         const char *what, const char *better, struct error *err) {
    return error_set(err, ERROR_USAGE,
                     "%s: column %s of " T
                     " is %.100s, which cannot hold %s; mend it: ALTER TABLE " T " MODIFY %s %s",
                     where, col->name, col->type, what, col->name, better);
}

static bool plan_text(const struct found_column *col, const char *where, char charset[static 33],
                      struct projection_plan *p, struct error *err) {
    if (!kind_is(col, TEXT_KINDS) || col->max_chars < 100 || col->generated) {
        return mysql_projection_plan_refuse(
            col, where, "100 characters of text",
            "VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", err);
    }
    snprintf(charset, 33, "%s", col->charset);
    if (strcasecmp(col->charset, "utf8mb4") != 0) {
        p->partial_charset = true;
        note(p, "%s is %s: groups with characters that it lacks are left out", col->name,
             col->charset);
    }
    return true;
}

static bool plan_amount(const struct found_column *col, const char *where,
                        struct projection_plan *p, struct error *err) {
    static const char better[] = "DECIMAL(19,4)";
    bool is_unsigned = strcasestr(col->type, "unsigned") != NULL;
    if (is_unsigned || col->generated) { // more can be refunded than was sold
        return mysql_projection_plan_refuse(col, where, "amounts below zero", better, err);
    }
    if (kind_is(col, "decimal")) {
        if (col->precision - col->scale < 15) {
            return mysql_projection_plan_refuse(col, where, "sums up to 15 digits before the point",
                                                better, err);
        }
        if (col->scale < 4) {
            note(p, "%s is rounded to %d decimals", col->name, col->scale);
        }
        return true;
    }
    if (kind_is(col, "double") && col->scale < 0) {
        note(p, "%s is a double: sums of more than 15 digits are rounded", col->name);
        return true;
    }
    if (kind_is(col, "float") && col->scale < 0) {
        note(p, "%s is a float: sums of more than 6 digits are rounded", col->name);
        return true;
    }
    if (kind_is(col, "bigint")) {
        note(p, "%s is a bigint: sums are rounded to whole units", col->name);
        return true;
    }
    p->amount_as_text = true;
    return (kind_is(col, TEXT_KINDS) && col->max_chars >= 21) ||
           mysql_projection_plan_refuse(col, where, "sums up to 922337203685477.5807", better, err);
}

static bool plan_processed(const struct found_column *col, const char *where,
                           struct projection_plan *p, struct error *err) {
    if (kind_is(col, "datetime timestamp date") && !col->generated) {
        p->processed = PROCESSED_DATETIME;
        if (kind_is(col, "timestamp")) {
            note(p, "%s is a timestamp: it ends in 2038", col->name);
        }
        if (kind_is(col, "date")) {
            note(p, "%s is a date: the time is cut", col->name);
        }
        return true;
    }
    if (kind_is(col, "bigint") && !col->generated) {
        p->processed = PROCESSED_MS;
        note(p, "%s is a bigint: it gets milliseconds since 1970", col->name);
        return true;
    }
    if (kind_is(col, TEXT_KINDS) && col->max_chars >= 19 && !col->generated) {
        p->processed = col->max_chars >= 24 ? PROCESSED_RFC3339 : PROCESSED_SECONDS;
        return true;
    }
    return mysql_projection_plan_refuse(col, where, "a time", "DATETIME(3)", err);
}

static bool plan_batch_id(const struct found_column *col, const char *where,
                          struct projection_plan *p, struct error *err) {
    static const struct {
        const char *kind;
        int64_t max;
    } kinds[] = {{"bigint", INT64_MAX},
                 {"int", INT32_MAX},
                 {"mediumint", 8388607},
                 {"smallint", INT16_MAX},
                 {"double", INT64_C(1) << 53}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (kind_is(col, kinds[i].kind) && !col->generated) {
            p->batch_id_max = kinds[i].max;
            if (p->batch_id_max < INT64_MAX) {
                note(p, "%s is %s: it stays at %lld from batch %lld on", col->name, col->kind,
                     (long long)p->batch_id_max, (long long)p->batch_id_max);
            }
            return true;
        }
    }
    p->batch_id_max = INT64_MAX;
    bool fits =
        !col->generated && ((kind_is(col, "decimal") && col->precision - col->scale >= 19) ||
                            (kind_is(col, TEXT_KINDS) && col->max_chars >= 20));
    return fits || mysql_projection_plan_refuse(col, where, "a batch id", "BIGINT", err);
}

static const char *const column_names[] = {"source", "state", "total_sum_amount", "processed_at",
                                           "batch_id"};

static bool is_ours(const char *name) {
    for (size_t i = 0; i < COUNT_OF(column_names); i++) {
        if (strcasecmp(name, column_names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool plan_columns(const struct found_table *t, const char *where, struct projection_plan *p,
                         struct error *err) {
    const struct found_column *col[COUNT_OF(column_names)];
    for (size_t i = 0; i < COUNT_OF(column_names); i++) {
        static const char *const types[] = {"VARCHAR(100)", "VARCHAR(100)", "DECIMAL(19,4)",
                                            "DATETIME(3)", "BIGINT"};
        col[i] = found_column_of(t, column_names[i]);
        if (col[i] == NULL) {
            return error_set(err, ERROR_USAGE,
                             "%s: " T " has no column %s; mend it: ALTER TABLE " T " ADD %s %s, or "
                             "rename the table and run salestide setup",
                             where, column_names[i], column_names[i], types[i]);
        }
    }
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct found_column *other = &t->columns[i];
        if (!is_ours(other->name) && !other->nullable && !other->has_default && !other->generated) {
            return error_set(err, ERROR_USAGE,
                             "%s: " T
                             " has a column %s that needs a value and is not ours; give it "
                             "a default or drop it",
                             where, other->name);
        }
    }
    return plan_text(col[0], where, p->source_charset, p, err) &&
           plan_text(col[1], where, p->state_charset, p, err) &&
           plan_amount(col[2], where, p, err) && plan_processed(col[3], where, p, err) &&
           plan_batch_id(col[4], where, p, err);
}

// A unique key with a column of the user's own does not bind us; one with only ours must be on
// source and state.
static bool plan_keys(const struct found_table *t, const char *where, struct projection_plan *p,
                      struct error *err) {
    bool bytewise = column_is_binary_text(found_column_of(t, "source")) &&
                    column_is_binary_text(found_column_of(t, "state"));
    for (size_t i = 0; i < t->n_keys; i++) {
        const struct found_key *key = &t->keys[i];
        bool ours = true, source = false, state = false;
        for (size_t k = 0; k < key->n; k++) {
            ours = ours && is_ours(key->columns[k]);
            source = source || strcasecmp(key->columns[k], "source") == 0;
            state = state || strcasecmp(key->columns[k], "state") == 0;
        }
        if (ours && !(source && state && bytewise)) {
            return error_set(err, ERROR_USAGE,
                             "%s: " T " has a unique key %s in which two groups would be one row "
                             "(another column than source and state, or a collation to which ca is "
                             "CA); drop the key, or ALTER TABLE " T
                             " CONVERT TO CHARACTER SET utf8mb4 "
                             "COLLATE utf8mb4_bin",
                             where, key->name);
        }
        p->keyed = p->keyed || (ours && key->n == 2);
    }
    return true;
}

bool projection_plan_make(const struct found_table *found, const char *where,
                          struct projection_plan *out, struct error *err) {
    *out = (struct projection_plan){0};
    if (found->is_view || strcasecmp(found->engine, "InnoDB") != 0) {
        return error_set(err, ERROR_USAGE,
                         "%s: " T
                         " is %s, not a table of InnoDB, which has the transactions that are "
                         "needed; rename it and run salestide setup",
                         where, found->is_view ? "a view" : found->engine);
    }
    return plan_columns(found, where, out, err) && plan_keys(found, where, out, err);
}
