// SPDX-License-Identifier: MIT
// The aggregates' connection, and what is known of them in memory. Claims are in mysql_claim.c,
// commits in mysql_commit.c.
//
// How it fails: after a lost connection everything kept in memory is read again (reopen), since
// other instances write too. Between calls nothing is in flight, so a connection that went while
// nobody used it is opened again without a word to the caller.
#include "store/mysql/mysql_aggregates.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/mysql/mysql_schema.h"
#include "store/mysql/mysql_store.h"
#include "store/mysql/mysql_wait.h"
#include "store/store_wait.h"
#include <stdlib.h>
#include <time.h>

enum {
    STATEMENT_TIMEOUT_MS = 30000, // longer than any lock wait
    ASK_AFTER_S = 5,              // a connection unused for so long is asked whether it is there
};

static struct mysql_aggregates *mysql_aggregates_of(struct aggregates *a) {
    return (struct mysql_aggregates *)a;
}

static void mysql_aggregates_disconnect(struct mysql_aggregates *s) {
    projection_free(s->projection);
    s->projection = NULL;
    mysql_connection_close(s->c);
    s->c = NULL;
}

static void used(struct mysql_aggregates *s) {
    s->used_ns = clock_monotonic_ns(s->clock);
}

// A commit that was answered must have been written to disk.
static void warn_unless_durable(struct mysql_connection *c) {
    struct error err;
    MYSQL_RES *rows =
        mysql_ask(c, TEXT_LIT("SELECT @@innodb_flush_log_at_trx_commit, @@log_bin, @@sync_binlog"),
                  "looking at the server", &err);
    MYSQL_ROW row = rows != NULL ? mysql_fetch_row(rows) : NULL;
    if (row != NULL && mysql_column_int(row, 0) != 1) {
        log_warn("store",
                 "%s has innodb_flush_log_at_trx_commit = %s: a power failure there can lose "
                 "committed batches; set it to 1",
                 c->name, row[0]);
    }
    if (row != NULL && mysql_column_int(row, 1) == 1 && mysql_column_int(row, 2) != 1) {
        log_warn("store",
                 "%s has sync_binlog = %s: after a power failure there its replicas may differ; "
                 "set it to 1",
                 c->name, row[2]);
    }
    mysql_free_result(rows);
}

// Opens the connection and reads memory back; on failure it is closed again. `first`: with warnings
// about the server and the user's tables.
static bool connect_and_read(struct mysql_aggregates *s, bool first, struct error *err) {
    mysql_aggregates_disconnect(s);
    if (store_wait_is_stopped(s->wait)) { // nobody waits for it
        return error_set(err, ERROR_RETRIABLE, "the process is stopping");
    }
    if (!mysql_connection_open_watched(&s->address, MYSQL_ROLE_WRITER, STATEMENT_TIMEOUT_MS,
                                       s->wait, &s->c, err)) {
        return false;
    }
    if (!mysql_schema_check(s->c, &s->settings, err) ||
        !projection_bind(s->c, s->settings.currency, first, &s->projection, err) ||
        !mysql_state_read(s->c, &s->state, err) || !mysql_gross_read(s->c, s->gross_e4, err)) {
        mysql_aggregates_disconnect(s);
        return false;
    }
    if (first) {
        warn_unless_durable(s->c);
    }
    s->drop_more = true;
    s->noted = -1;
    used(s);
    return true;
}

bool mysql_aggregates_ready(struct mysql_aggregates *s, struct error *err) {
    if (s->c == NULL) {
        return error_set(err, ERROR_RETRIABLE, "there is no connection to MySQL");
    }
    if (clock_monotonic_ns(s->clock) - s->used_ns < ASK_AFTER_S * INT64_C(1000000000)) {
        used(s);
        return true;
    }
    if (mysql_is_alive(s->c, err)) {
        used(s);
        return true;
    }
    log_debug("store", "the idle connection is gone: %s", err->text);
    return connect_and_read(s, false, err);
}

void mysql_aggregates_lost(struct mysql_aggregates *s, const struct error *err) {
    log_warn("store", "connection lost: %s", err->text);
    mysql_aggregates_disconnect(s);
}

void mysql_aggregates_roll_back(struct mysql_aggregates *s, const struct error *err) {
    struct error ignored;
    buf_clear(&s->sql);
    if (s->c->fault == MYSQL_FAULT_LOST || !mysql_undo(s->c, &ignored)) {
        mysql_aggregates_lost(s, err);
    }
}

void mysql_pause(int attempt) {
    int64_t most_us = INT64_C(20000) << (attempt < 6 ? attempt : 6);
    most_us = most_us < 1000000 ? most_us : 1000000;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    // The low digits of the clock are as random as this needs.
    int64_t us = now.tv_nsec / 100 % most_us;
    nanosleep(&(struct timespec){0, us % 1000000 * 1000}, NULL);
}

// --- aggregates_ops

static void aggregates_state(struct aggregates *a, struct aggregates_state *out) {
    *out = mysql_aggregates_of(a)->state;
    out->gross_e4 = mysql_aggregates_of(a)->gross_e4;
}

static enum store_result aggregates_check(struct aggregates *a, struct error *err) {
    return mysql_aggregates_ready(mysql_aggregates_of(a), err) ? STORE_OK : STORE_RETRY;
}

static enum store_result aggregates_reopen(struct aggregates *a, struct error *err) {
    if (connect_and_read(mysql_aggregates_of(a), false, err)) {
        return STORE_OK;
    }
    return err->cls == ERROR_RETRIABLE ? STORE_RETRY : STORE_ERROR;
}

static void free_aggregates(struct mysql_aggregates *s) {
    mysql_aggregates_disconnect(s);
    mysql_cells_free(s->cells);
    buf_free(&s->sql);
    claim_doubts_free(&s->doubts);
    free(s->gross_e4);
    explicit_bzero(s->address.password, sizeof s->address.password);
    free(s);
}

static void aggregates_close(struct aggregates *a) {
    free_aggregates(mysql_aggregates_of(a));
}

static const struct aggregates_ops mysql_aggregates_ops = {
    .name = "mysql",
    .claim = mysql_aggregates_claim,
    .commit = mysql_aggregates_commit,
    .state = aggregates_state,
    .check = aggregates_check,
    .reopen = aggregates_reopen,
    .close = aggregates_close,
};

bool mysql_aggregates_open(const struct mysql_aggregates_options *options, struct aggregates **out,
                           struct store_settings *settings_out, struct error *err) {
    struct mysql_aggregates *s = mem_zalloc(1, sizeof *s);
    s->base.ops = &mysql_aggregates_ops;
    s->address = options->address;
    s->settings = options->settings;
    s->clock = options->clock;
    s->wait = options->wait;
    s->cells = mysql_cells_new();
    s->gross_e4 = mem_zalloc(N_CURRENCIES, sizeof *s->gross_e4);
    if (!connect_and_read(s, true, err)) {
        free_aggregates(s);
        return false;
    }
    *settings_out = s->settings;
    *out = &s->base;
    return true;
}
