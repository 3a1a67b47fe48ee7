// SPDX-License-Identifier: MIT
// `salestide forget --customer ID`: takes what names a customer out of what is stored; sums stay.
//
// How it fails: one line; what is forgotten stays so, and the same command goes on with the rest.
#include "host/commands.h"

#include "base/stop.h"
#include "host/reader_place.h"
#include "store/cassandra/cassandra.h"
#include "store/mysql/mysql_forget.h"
#include "store/sqlite/sqlite_forget.h"
#include <inttypes.h>

struct forget_run {
    struct reader_place *place;
    struct ident customer;
    struct forgotten n;
    bool file_is_busy; // a process writes to a sales.db, so that its free room stays as it is
};

static bool read_customer(const struct options *o, struct ident *out, struct error *err) {
    const char *typed = option_text(o, "customer");
    struct text id = text_trim(text_of(typed != NULL ? typed : ""));
    if (id.len == 0 || id.len > ORDER_ID_MAX) {
        return error_set(err, ERROR_USAGE,
                         "say which customer, by the customer_id of their orders (1 to %d "
                         "characters), as in: salestide forget --customer 4711",
                         ORDER_ID_MAX);
    }
    *out = ident_of_text(id);
    return true;
}

static bool in_file(struct forget_run *r, const char *directory, struct error *err) {
    const struct sqlite_forget f = {directory, r->customer, stop_flag()};
    bool rewritten;
    if (!sqlite_forget(&f, &r->n, &rewritten, err)) {
        return false;
    }
    r->file_is_busy = r->file_is_busy || !rewritten;
    return true;
}

// Raw orders first: they are what aggregates and rejected events could be taken from again.
static bool in_raw(struct forget_run *r, struct error *err) {
    const struct cassandra_address *cassandra = reader_place_raw_cassandra(r->place);
    const char *directory = reader_place_raw_directory(r->place);
    return (cassandra == NULL ||
            cassandra_forget(cassandra, r->customer, stop_flag(), &r->n, err)) &&
           (directory == NULL || in_file(r, directory, err));
}

static bool in_aggregates(struct forget_run *r, struct error *err) {
    const struct mysql_address *mysql = reader_place_mysql(r->place);
    return mysql != NULL ? mysql_forget(mysql, r->customer, stop_flag(), &r->n, err)
                         : in_file(r, reader_place_directory(r->place), err);
}

static bool run_forget(const struct options *o, struct forget_run *r, struct error *err) {
    return read_customer(o, &r->customer, err) &&
           reader_place_read(o, option_text(o, "raw"), &r->place, err) && in_raw(r, err) &&
           in_aggregates(r, err);
}

static void tell_forgotten(const struct forget_run *r) {
    printf("forgotten in %s: %" PRId64 " orders, %" PRId64 " cancellations and refunds, %" PRId64
           " of the newest orders beside aggregates, %" PRId64
           " rejected events; every sum is as it was\n",
           reader_place_name(r->place), r->n.orders, r->n.adjustments, r->n.recent, r->n.rejected);
    if (r->file_is_busy) {
        printf("no row names the customer any more; what older pages left in the free room of "
               "sales.db goes when the same command is run while no salestide process writes "
               "there\n");
    }
}

int command_forget(const struct options *o) {
    struct forget_run r = {0};
    struct error err = {0};
    stop_on_signals();
    bool ok = run_forget(o, &r, &err);
    if (ok) {
        tell_forgotten(&r);
        ok = fflush(stdout) == 0 || error_set(&err, ERROR_FATAL, "cannot write to standard output");
    }
    if (!ok) {
        fprintf(stderr, "salestide forget: %s\n", err.text);
    }
    reader_place_free(r.place);
    return ok ? 0 : err.cls == ERROR_USAGE ? 2 : 1;
}
