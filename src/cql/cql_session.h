// SPDX-License-Identifier: MIT
// A client of the CQL native protocol v4 (Cassandra): one connection at a time to one of several
// contact points, prepared statements, many requests on their way at once, retries, time-outs.
//
// EVERY STATEMENT MUST BE IDEMPOTENT: whatever is not answered is sent again, to the same server or
// the next one. (An INSERT with a given timestamp is; a counter or `IF` is not.)
//
// One thread uses a session; it starts none. Calls drive the connection: what blocks is bounded by
// give_up_ms and then ends with STORE_RETRY and a line that says how many requests were answered
// and of how many the outcome is not known.
//
//     cql_session_open, cql_prepare
//     many times: v = cql_begin(...), cql_put_...(v, ...), cql_execute     (pipelined)
//     cql_flush                                                            (all answered, or why
//     not) cql_begin_select, cql_put_..., cql_select                            (rows, page by
//     page)
#pragma once
#include "base/url.h"
#include "cql/cql_value.h"
#include "cql/cql_write.h"
#include "engine/store.h"
#include <stdatomic.h>

struct cql_options {
    const struct url_host *contacts; // tried in turn; copied
    size_t n_contacts;               // 1 .. URL_HOSTS_MAX
    size_t first_contact;            // where to begin, any number: spreads instances
    const char *user, *password;     // NULL: none; copied
    bool tls;                        // certificates and host names are verified, always
    const char *ca_file;             // NULL: the system's authorities
    enum cql_consistency consistency;
    uint32_t in_flight_max; // 1 .. CQL_IN_FLIGHT_MAX
    int32_t page_rows;      // rows of one page of cql_select
    uint32_t answer_max_bytes;
    int64_t connect_timeout_ms; // TCP, TLS and login together
    int64_t request_timeout_ms; // a server that does not answer for so long is left
    int64_t give_up_ms;         // from the first try of a request to its last
    int64_t down_give_up_ms;    // while there is no connection: from when there is none
    int64_t backoff_min_ms, backoff_max_ms;
    const atomic_bool *stop; // true: do not wait for a server that is down; may be NULL
};
enum { CQL_IN_FLIGHT_MAX = 32000 };
// LOCAL_QUORUM, 1,024 in flight, 1,000 rows a page, 5 s to connect, 10 s to answer, 30 s in all,
// 5 s without a connection.
void cql_options_default(struct cql_options *o);

struct cql_session;
struct cql_statement;

// Tries each contact point once. ERROR_FATAL, ERROR_USAGE: waiting does not help at any of them.
MUST_CHECK bool cql_session_open(const struct cql_options *o, struct cql_session **out,
                                 struct error *err);
void cql_session_close(struct cql_session *s); // NULL is fine; requests on their way are forgotten
const char *cql_session_server(const struct cql_session *s); // "host:port", for messages

// A statement that lives as long as the session; prepared again by itself wherever that is needed.
MUST_CHECK enum store_result cql_prepare(struct cql_session *s, const char *cql,
                                         struct cql_statement **out, struct error *err);
size_t cql_statement_values(const struct cql_statement *st);
enum cql_type cql_statement_type(const struct cql_statement *st, size_t i); // of its i-th value

// One row; cells are absent where null, and borrowed until it returns. False: stop here. It must
// not use the session.
typedef bool (*cql_row_fn)(void *user, size_t tag, const struct text *cells, size_t n);

// Begins one execution; put exactly cql_statement_values(st) values. timestamp_us 0: the server's.
// May drive the connection while too many are on their way. Never NULL: after a failure what is put
// is thrown away.
struct cql_values *cql_begin(struct cql_session *s, struct cql_statement *st, int64_t timestamp_us);
// Hands it over. False: something failed since the last flush, which will say what.
MUST_CHECK bool cql_execute(struct cql_session *s);
// The same for a SELECT of a few rows, all in one page: `row` is called with `tag` before the next
// cql_flush returns.
MUST_CHECK bool cql_execute_rows(struct cql_session *s, cql_row_fn row, void *user, size_t tag);
// Until all of them are answered. RETRY: some outcomes are not known, and doing all of it again is
// right. ERROR: a request was refused, others may have been carried out.
MUST_CHECK enum store_result cql_flush(struct cql_session *s, struct error *err);

// A SELECT of any number of rows, page by page; a page is asked for again when it is lost, and
// handed out only when it came as a whole. *stopped (may be NULL): `row` said stop.
struct cql_values *cql_begin_select(struct cql_session *s, struct cql_statement *st);
MUST_CHECK enum store_result cql_select(struct cql_session *s, cql_row_fn row, void *user,
                                        bool *stopped, struct error *err);
// A statement as text, for schemas: waits for its end. row NULL: its rows do not matter.
MUST_CHECK enum store_result cql_query(struct cql_session *s, const char *cql, cql_row_fn row,
                                       void *user, struct error *err);
