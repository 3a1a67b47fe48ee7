// SPDX-License-Identifier: MIT
// The one row of pipeline_state, and the sums that guard against overflow. Whoever has updated that
// row is alone until its COMMIT, so batch ids have the order of commits and sums can be written as
// they were computed here.
#include "store/mysql/mysql_store.h"

#include "base/mem.h"
#include <stdlib.h>

bool mysql_state_read(struct mysql_connection *c, struct aggregates_state *out, struct error *err) {
    MYSQL_RES *rows = mysql_ask(
        c,
        TEXT_LIT("SELECT received, accepted, duplicate, rejected, rejected_expired, skipped, "
                 "amounts_rounded, total_mismatch, quantity_zero, late, future, last_batch_id, "
                 "minute_floor, hour_floor FROM pipeline_state WHERE id = 1"),
        "reading the state", err);
    if (rows == NULL) {
        return false;
    }
    MYSQL_ROW row = mysql_fetch_row(rows);
    if (row == NULL) {
        mysql_free_result(rows);
        c->fault = MYSQL_FAULT_USAGE;
        return error_set(err, ERROR_USAGE,
                         "%s: pipeline_state is empty; run `salestide setup --aggregates URL`, or "
                         "restore it from a copy if it was there",
                         c->name);
    }
    *out = (struct aggregates_state){0}; // doubts about orders are not kept here
    struct store_counts *n = &out->counts;
    int64_t *const counts[] = {&n->received, &n->accepted,         &n->duplicate,
                               &n->rejected, &n->rejected_expired, &n->skipped};
    for (unsigned i = 0; i < COUNT_OF(counts); i++) {
        *counts[i] = mysql_column_int(row, i);
    }
    for (unsigned i = 0; i < ORDER_WARNING_KINDS; i++) {
        n->warnings[i] = mysql_column_int(row, 6 + i);
    }
    out->last_batch_id = mysql_column_int(row, 11);
    out->minute_floor = (int32_t)mysql_column_int(row, 12);
    out->hour_floor = (int32_t)mysql_column_int(row, 13);
    mysql_free_result(rows);
    return true;
}

bool mysql_gross_read(struct mysql_connection *c, int64_t *gross_e4, struct error *err) {
    MYSQL_RES *rows = mysql_ask(c, TEXT_LIT("SELECT currency, gross FROM currency_gross"),
                                "reading the sums of currencies", err);
    if (rows == NULL) {
        return false;
    }
    memset(gross_e4, 0, N_CURRENCIES * sizeof *gross_e4);
    bool ok = true;
    MYSQL_ROW row;
    while (ok && (row = mysql_fetch_row(rows)) != NULL) {
        const unsigned long *lengths = mysql_fetch_lengths(rows);
        struct text name = mysql_column(row, lengths, 0);
        int64_t sum_e4;
        ok = currency_is(name) && money_read(mysql_column(row, lengths, 1), &sum_e4);
        if (ok) {
            gross_e4[currency_number(name.at)] = sum_e4;
        } else {
            c->fault = MYSQL_FAULT_FATAL;
            error_set(
                err, ERROR_FATAL,
                "%s: currency_gross has a row that is none of ours (%.20s, %.40s); restore it "
                "from a copy or run `salestide rebuild`",
                c->name, row[0], row[1]);
        }
    }
    mysql_free_result(rows);
    return ok;
}

bool mysql_state_count(struct mysql_aggregates *s, const struct aggregates_batch *batch,
                       const struct batch_summary *summary, struct error *err) {
    static const char *const warnings[ORDER_WARNING_KINDS] = {"amounts_rounded", "total_mismatch",
                                                              "quantity_zero", "late", "future"};
    const struct store_counts *n = &summary->counts;
    const struct {
        const char *column;
        int64_t add;
    } counts[] = {{"received", n->received}, {"accepted", n->accepted}, {"duplicate", n->duplicate},
                  {"rejected", n->rejected}, {"skipped", n->skipped},   {"last_batch_id", 1}};
    buf_put_str(&s->sql, "UPDATE pipeline_state SET ");
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        buf_printf(&s->sql, "%s = %s + %lld, ", counts[i].column, counts[i].column,
                   (long long)counts[i].add);
    }
    for (int i = 0; i < ORDER_WARNING_KINDS; i++) {
        buf_printf(&s->sql, "%s = %s + %lld, ", warnings[i], warnings[i],
                   (long long)n->warnings[i]);
    }
    buf_printf(&s->sql,
               "minute_floor = GREATEST(minute_floor, %d), hour_floor = GREATEST(hour_floor, %d) "
               "WHERE id = 1",
               batch->minute_floor, batch->hour_floor);
    return mysql_send(s->c, &s->sql, "counting a batch", err);
}

bool mysql_gross_add(struct mysql_aggregates *s, const struct aggregates_batch *batch,
                     bool *overflow, struct error *err) {
    if (batch->n_gross == 0) {
        return true;
    }
    if (!mysql_gross_read(s->c, s->gross_e4, err)) {
        return false;
    }
    struct mysql_rows rows = {.c = s->c,
                              .sql = &s->sql,
                              .head = "INSERT INTO currency_gross (currency, gross) VALUES ",
                              .tail = " ON DUPLICATE KEY UPDATE gross = VALUES(gross)",
                              .doing = "adding up a currency",
                              .limit_bytes = mysql_rows_limit(s->c)};
    for (size_t i = 0; i < batch->n_gross; i++) {
        char name[4];
        int32_t currency = batch->gross[i].currency;
        currency_name(currency, name);
        if (!money_add(&s->gross_e4[currency], batch->gross[i].delta_e4)) {
            *overflow = true;
            return error_set(err, ERROR_RETRIABLE,
                             "another instance has brought the sums of %s so far that this batch "
                             "does not fit into 64 bits; its events are judged again",
                             name);
        }
        mysql_row_begin(&rows);
        sql_put_text(&s->sql, text_of(name));
        buf_put_char(&s->sql, ',');
        sql_put_amount(&s->sql, s->gross_e4[currency]);
        if (!mysql_row_end(&rows, err)) {
            return false;
        }
    }
    return mysql_rows_flush(&rows, err);
}
