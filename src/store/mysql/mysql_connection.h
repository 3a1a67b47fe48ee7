// SPDX-License-Identifier: MIT
// One connection to MySQL or MariaDB (libmariadb), set up alike for everybody, with a time-out on
// everything that can block. One thread at a time uses a connection; make one per thread.
#pragma once
#include "base/secret.h"
#include "base/text.h"
#include "base/url.h"
#include <mysql.h>

struct store_wait;

enum mysql_tls {
    MYSQL_TLS_OFF,
    MYSQL_TLS_ENCRYPT, // encrypted, but whoever answers is believed
    MYSQL_TLS_VERIFY,  // encrypted, and the server has to show a certificate for its host name
};

// Where the database is and who asks. A plain value.
struct mysql_address {
    struct url url; // mysql://user@host[:3306][,host...]/database; hosts are tried in this order
    char password[SECRET_MAX_BYTES + 1];
    enum mysql_tls tls;
    char ca_file[4096]; // certificates to trust; "": the system's
};

// Reads the URL; the rest stays zero. ERROR_USAGE says what is wrong with it.
MUST_CHECK bool mysql_address_read(const char *url, struct mysql_address *out, struct error *err);

// A writer's session that is silent for so long is ended by the server: inside of a transaction,
// and on MySQL outside of one too.
enum { MYSQL_STALL_LIMIT_S = 20 };

enum mysql_role {
    MYSQL_ROLE_WRITER, // READ COMMITTED, short lock waits; refuses a server that is read-only
    MYSQL_ROLE_READER, // read-only transactions, REPEATABLE READ, each statement bounded in time
    MYSQL_ROLE_SETUP,  // as a writer, but connected to no database: it may not be there yet
};

// What kind of failure a call had.
enum mysql_fault {
    MYSQL_FAULT_NONE,
    MYSQL_FAULT_LOST,     // the connection is gone: open another
    MYSQL_FAULT_CONFLICT, // a deadlock or a lock wait: roll back and run the transaction again
    MYSQL_FAULT_BUSY,     // full disk, shut-down, too many connections: may pass
    MYSQL_FAULT_USAGE,    // rights, names, schema: somebody has to do something
    MYSQL_FAULT_FATAL,
};

struct mysql_connection {
    MYSQL *handle;
    enum mysql_role role;
    char name[512];          // "mysql://user@host:port/database" of the host that answered
    size_t max_packet_bytes; // longest statement that the server takes
    bool mariadb;            // else MySQL
    enum mysql_fault fault;  // of the last call that failed
    int answer_ms;           // the most that a statement is waited for
    struct store_wait *wait; // borrowed: where a wait is on record; NULL: nowhere
};

// Connects to the first host that answers, and sets the session up: utf8mb4 with utf8mb4_bin,
// strict SQL mode, UTC, CLIENT_FOUND_ROWS (an UPDATE counts the rows it matched). timeout_ms bounds
// each statement (rounded up to seconds). Logs the connection of a writer.
MUST_CHECK bool mysql_connection_open(const struct mysql_address *address, enum mysql_role role,
                                      int timeout_ms, struct mysql_connection **out,
                                      struct error *err);
// The same, whose waits are on record (store/store_wait.h) and end when it says stop.
MUST_CHECK bool mysql_connection_open_watched(const struct mysql_address *address,
                                              enum mysql_role role, int timeout_ms,
                                              struct store_wait *wait,
                                              struct mysql_connection **out, struct error *err);
void mysql_connection_close(struct mysql_connection *c); // NULL is fine

// Runs one statement that gives no rows. `doing`, for the line of an error: "storing a batch".
MUST_CHECK bool mysql_run(struct mysql_connection *c, struct text sql, const char *doing,
                          struct error *err);
// Runs a statement and fetches all of its rows; the caller frees them with mysql_free_result. NULL
// when it failed.
MUST_CHECK MYSQL_RES *mysql_ask(struct mysql_connection *c, struct text sql, const char *doing,
                                struct error *err);
// The same, whose rows are fetched one by one, up to the end or mysql_free_result, before anything
// else is asked: mysql_fetch_row answers NULL, too, when the connection failed (mysql_errno).
MUST_CHECK MYSQL_RES *mysql_ask_unfetched(struct mysql_connection *c, struct text sql,
                                          const char *doing, struct error *err);
// A writer's transaction. It must not keep its locks when the process stands still (SIGSTOP) or its
// machine is gone: the server ends the session after MYSQL_STALL_LIMIT_S of silence.
MUST_CHECK bool mysql_begin(struct mysql_connection *c, const char *doing, struct error *err);
MUST_CHECK bool mysql_end(struct mysql_connection *c, const char *doing, struct error *err);
MUST_CHECK bool mysql_undo(struct mysql_connection *c, struct error *err);
// Rows that the last statement matched, inserted or deleted.
static inline int64_t mysql_rows(const struct mysql_connection *c) {
    return (int64_t)mysql_affected_rows(c->handle);
}
// Column i of a row that was fetched: absent when NULL. Borrows from the result.
static inline struct text mysql_column(MYSQL_ROW row, const unsigned long *lengths, unsigned i) {
    return (struct text){row[i], row[i] != NULL ? lengths[i] : 0};
}
// A column that holds an integer; 0 when it is NULL.
int64_t mysql_column_int(MYSQL_ROW row, unsigned i);

enum mysql_fault mysql_fault_of(unsigned error_number);
// Fills `err` for a failed call of libmariadb: what was being done, what the server said, what to
// do where that is known. Answers the kind, which c->fault keeps.
enum mysql_fault mysql_failed(struct mysql_connection *c, const char *doing, struct error *err);
