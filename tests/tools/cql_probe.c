// SPDX-License-Identifier: MIT
// Drives the CQL client from a test: writes and reads rows of every type that it knows, against a
// real server, and says what it saw.
//
//     cql_probe write N   keyspace, table and N rows, many at a time; prints rows/s and CPU seconds
//     cql_probe read      all rows, page by page, one line of JSON each
//     cql_probe hold      writes one row at a time until its input ends; a line for each flush
//
// From the environment: PROBE_URL (cassandra://h:p,h:p/keyspace), PROBE_USER, PROBE_PASSWORD,
// PROBE_CA_FILE (TLS), PROBE_CONSISTENCY, PROBE_GIVE_UP_MS, PROBE_PAGE_ROWS.
#include "base/buf.h"
#include "base/clock.h"
#include "cql/cql_session.h"
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static struct cql_session *session;
static struct url url;
static struct error err;
static char statement[1024];

static int die(const char *what) {
    fprintf(stderr, "cql_probe: %s: %s\n", what, err.text);
    cql_session_close(session);
    return 1;
}

static bool open_session(void) {
    struct cql_options o;
    const char *text = getenv("PROBE_URL");
    cql_options_default(&o);
    if (text == NULL || !url_read(text, "cassandra", 9042, "keyspace", &url, &err)) {
        return false;
    }
    o.contacts = url.hosts;
    o.n_contacts = url.n_hosts;
    o.user = getenv("PROBE_USER");
    o.password = getenv("PROBE_PASSWORD");
    o.ca_file = getenv("PROBE_CA_FILE");
    o.tls = o.ca_file != NULL;
    const char *number = getenv("PROBE_GIVE_UP_MS");
    o.give_up_ms = number != NULL ? strtol(number, NULL, 10) : o.give_up_ms;
    number = getenv("PROBE_PAGE_ROWS");
    o.page_rows = number != NULL ? (int32_t)strtol(number, NULL, 10) : o.page_rows;
    const char *consistency = getenv("PROBE_CONSISTENCY");
    if (consistency != NULL && !cql_consistency_of(text_of(consistency), &o.consistency)) {
        return error_set(&err, ERROR_USAGE, "no such consistency");
    }
    return cql_session_open(&o, &session, &err);
}

static bool run_cql(const char *format) {
    snprintf(statement, sizeof statement, format, url.path);
    return cql_query(session, statement, NULL, NULL, &err) == STORE_OK;
}

static bool create(struct cql_statement **insert) {
    if (!run_cql("CREATE KEYSPACE IF NOT EXISTS \"%s\" WITH replication = "
                 "{'class': 'SimpleStrategy', 'replication_factor': 1}") ||
        !run_cql("CREATE TABLE IF NOT EXISTS \"%s\".probe (id text PRIMARY KEY, a_bigint bigint, "
                 "an_int int, a_smallint smallint, a_tinyint tinyint, a_varint varint, "
                 "a_decimal decimal, a_double double, a_float float, a_date date, "
                 "a_timestamp timestamp, an_ascii ascii, a_null text)")) {
        return false;
    }
    snprintf(statement, sizeof statement,
             "INSERT INTO \"%s\".probe (id, a_bigint, an_int, a_smallint, a_tinyint, a_varint, "
             "a_decimal, a_double, a_float, a_date, a_timestamp, an_ascii, a_null) "
             "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
             url.path);
    return cql_prepare(session, statement, insert, &err) == STORE_OK;
}

// Values that reach both ends of each type as i runs.
static bool put_row(struct cql_statement *insert, int64_t i) {
    char id[32], ascii[32];
    int64_t spread = (i % 2 == 0 ? i : -i) * INT64_C(1000003);
    int n = snprintf(id, sizeof id, "row-\xC3\xA9-%" PRId64, i);
    int n_ascii = snprintf(ascii, sizeof ascii, "ascii %" PRId64, i);
    struct cql_values *v = cql_begin(session, insert, INT64_C(1700000000000000));
    cql_put_text(v, (struct text){id, (size_t)n});
    cql_put_i64(v, i == 0 ? INT64_MIN : i == 1 ? INT64_MAX : spread);
    cql_put_i32(v, i == 0 ? INT32_MIN : i == 1 ? INT32_MAX : (int32_t)i);
    cql_put_i16(v, (int16_t)i);
    cql_put_i8(v, (int8_t)i);
    cql_put_varint(v, i == 0 ? INT64_MIN : i == 1 ? INT64_MAX : spread);
    cql_put_decimal_e4(v, i == 0 ? INT64_MIN : i == 1 ? INT64_MAX : spread);
    cql_put_double(v, (double)i / 8);
    cql_put_float(v, (float)i / 8);
    cql_put_date(v, (int32_t)(i % 40000) - 10000);
    cql_put_i64(v, INT64_C(1700000000123) + i);
    cql_put_text(v, (struct text){ascii, (size_t)n_ascii});
    cql_put_null(v);
    return cql_execute(session);
}

static double cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int write_rows(int64_t n) {
    struct cql_statement *insert;
    if (!create(&insert)) {
        return die("create");
    }
    double cpu = cpu_s();
    int64_t start_ns = clock_monotonic_ns(clock_system());
    for (int64_t i = 0; i < n && put_row(insert, i); i++) {
    }
    if (cql_flush(session, &err) != STORE_OK) {
        return die("write");
    }
    double s = (double)(clock_monotonic_ns(clock_system()) - start_ns) / 1e9;
    printf("%" PRId64 " rows, %.0f rows/s, client CPU %.3f s per million\n", n, (double)n / s,
           (cpu_s() - cpu) * 1e6 / (double)n);
    return 0;
}

static bool print_row(void *user, size_t tag, const struct text *cells, size_t n) {
    struct buf *b = user;
    UNUSED(tag);
    if (n != 13) {
        return false;
    }
    buf_clear(b);
    buf_put_str(b, "[");
    buf_put_json(b, cells[0]);
    for (size_t i = 1; i < n; i++) {
        int64_t v = 0;
        int32_t day = 0;
        double d = 0;
        bool exact, ok = true;
        buf_put_str(b, ", ");
        if (cells[i].at == NULL) {
            buf_put_str(b, "null");
        } else if (i == 6) {
            ok = cql_cell_decimal_e4(cells[i], &v, &exact) && exact;
            buf_put_i64(b, v);
        } else if (i == 7 || i == 8) {
            ok = cql_cell_double(cells[i], &d);
            buf_printf(b, "%.17g", d);
        } else if (i == 9) {
            ok = cql_cell_date(cells[i], &day);
            buf_put_i64(b, day);
        } else if (i == 11) {
            buf_put_json(b, cells[i]);
        } else {
            ok = cql_cell_int(cells[i], &v);
            buf_put_i64(b, v);
        }
        if (!ok) {
            buf_put_str(b, "\"NOT READABLE\"");
        }
    }
    buf_put_str(b, "]\n");
    return fwrite(b->at, 1, b->len, stdout) == b->len;
}

static int read_rows(void) {
    struct buf b = {0};
    struct cql_statement *select;
    snprintf(statement, sizeof statement,
             "SELECT id, a_bigint, an_int, a_smallint, a_tinyint, a_varint, a_decimal, a_double, "
             "a_float, a_date, a_timestamp, an_ascii, a_null FROM \"%s\".probe",
             url.path);
    if (cql_prepare(session, statement, &select, &err) != STORE_OK) {
        return die("prepare");
    }
    cql_begin_select(session, select);
    if (cql_select(session, print_row, &b, NULL, &err) != STORE_OK) {
        return die("read");
    }
    buf_free(&b);
    return 0;
}

static int hold(void) {
    struct cql_statement *insert;
    if (!create(&insert)) {
        return die("create");
    }
    for (int64_t i = 0;; i++) {
        struct pollfd in = {.fd = 0, .events = POLLIN};
        if (poll(&in, 1, 10) > 0) {
            return 0;
        }
        bool put = put_row(insert, i);
        enum store_result r = cql_flush(session, &err);
        printf("%" PRId64 " %s %s\n", i,
               r == STORE_OK && put ? "ok"
               : r == STORE_RETRY   ? "retry"
                                    : "error",
               r == STORE_OK ? "" : err.text);
        fflush(stdout);
    }
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2 || getenv("PROBE_URL") == NULL) {
        fputs("usage: PROBE_URL=... cql_probe write N | read | hold\n", stderr);
        return 2;
    }
    if (!open_session()) {
        return die("open");
    }
    int code = strcmp(argv[1], "write") == 0  ? write_rows(strtoll(argv[2], NULL, 10))
               : strcmp(argv[1], "read") == 0 ? read_rows()
                                              : hold();
    if (code == 0) {
        cql_session_close(session);
    }
    return code;
}
