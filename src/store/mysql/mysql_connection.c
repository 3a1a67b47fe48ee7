// SPDX-License-Identifier: MIT
// Connecting to MySQL or MariaDB.
//
// 1. Each host of the address is tried in turn, over TCP, with TLS if it was asked for.
//    caching_sha2_password: over TLS the password goes through the tunnel; without TLS libmariadb
//    fetches the server's RSA key and encrypts with it, which an attacker in between can undo.
// 2. The session is set up, so that no default of the server matters.
// 3. A writer looks whether the server is read-only (a replica, the wrong half of a failover) and
//    goes on to the next host if so.
//
// How it fails: one line with host, what the server said and what to do. Names, rights and
// certificates are ERROR_USAGE and end the search; everything else may pass (ERROR_RETRIABLE) and
// the next host is tried.
#include "store/mysql/mysql_connection.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/mysql/mysql_wait.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MYSQL_PORT_DEFAULT = 3306,
    CONNECT_TIMEOUT_S = 5,
    PAUSE_S = 5,
    MIN_PACKET_BYTES = 1024 * 1024
};

// --- Addresses

bool mysql_address_read(const char *url, struct mysql_address *out, struct error *err) {
    *out = (struct mysql_address){0};
    if (!url_read(url, "mysql", MYSQL_PORT_DEFAULT, "DATABASE", &out->url, err)) {
        return false;
    }
    if (out->url.user[0] == '\0') {
        return error_set(err, ERROR_USAGE,
                         "\"%.200s\" does not say as whom; want mysql://USER@HOST/DATABASE", url);
    }
    if (strlen(out->url.path) > 64 || strchr(out->url.path, '`') != NULL) {
        return error_set(err, ERROR_USAGE, "\"%.200s\": a database name has at most 64 characters",
                         out->url.path);
    }
    return true;
}

// --- Statements

bool mysql_run(struct mysql_connection *c, struct text sql, const char *doing, struct error *err) {
    return mysql_query_waiting(c, sql, doing, err);
}

typedef MYSQL_RES *STDCALL rows_fn(MYSQL *);

static MYSQL_RES *ask(struct mysql_connection *c, struct text sql, const char *doing,
                      rows_fn *rows_of, struct error *err) {
    if (!mysql_query_waiting(c, sql, doing, err)) {
        return NULL;
    }
    MYSQL_RES *rows = rows_of(c->handle);
    if (rows == NULL) {
        mysql_failed(c, doing, err);
    }
    return rows;
}

MYSQL_RES *mysql_ask(struct mysql_connection *c, struct text sql, const char *doing,
                     struct error *err) {
    return ask(c, sql, doing, mysql_store_result, err);
}

MYSQL_RES *mysql_ask_unfetched(struct mysql_connection *c, struct text sql, const char *doing,
                               struct error *err) {
    return ask(c, sql, doing, mysql_use_result, err);
}

int64_t mysql_column_int(MYSQL_ROW row, unsigned i) {
    return row[i] != NULL ? strtoll(row[i], NULL, 10) : 0;
}

// --- Transactions

// MariaDB knows a limit for silence inside of transactions (set_up_session); MySQL only one for
// silence, which is short as long as a transaction lasts. Its failure shows in the next statement.
static void limit_silence(struct mysql_connection *c, int seconds) {
    char sql[64];
    struct error ignored;
    if (!c->mariadb) {
        snprintf(sql, sizeof sql, "SET SESSION wait_timeout = %d", seconds);
        if (!mysql_run(c, text_of(sql), "setting a limit", &ignored)) {
            log_debug("store", "%s", ignored.text);
        }
    }
}

enum { IDLE_LIMIT_S = 8 * 3600 }; // MySQL's own

bool mysql_begin(struct mysql_connection *c, const char *doing, struct error *err) {
    limit_silence(c, MYSQL_STALL_LIMIT_S);
    return mysql_run(c, TEXT_LIT("START TRANSACTION"), doing, err);
}

bool mysql_end(struct mysql_connection *c, const char *doing, struct error *err) {
    if (!mysql_run(c, TEXT_LIT("COMMIT"), doing, err)) {
        return false;
    }
    limit_silence(c, IDLE_LIMIT_S);
    return true;
}

bool mysql_undo(struct mysql_connection *c, struct error *err) {
    if (!mysql_run(c, TEXT_LIT("ROLLBACK"), "rolling back", err)) {
        return false;
    }
    limit_silence(c, IDLE_LIMIT_S);
    return true;
}

// --- Connecting

// pause_s: for each read and write of the library, the greeting of the server among them.
static void set_options(MYSQL *handle, const struct mysql_address *a, int pause_s) {
    unsigned connect_s = CONNECT_TIMEOUT_S, statement_s = (unsigned)pause_s, off = 0;
    unsigned protocol = MYSQL_PROTOCOL_TCP; // "localhost" is no reason for a socket file
    my_bool yes = 1;
    mysql_options(handle, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_options(handle, MYSQL_OPT_READ_TIMEOUT, &statement_s);
    mysql_options(handle, MYSQL_OPT_WRITE_TIMEOUT, &statement_s);
    mysql_options(handle, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &off); // a server may not ask for our files
    mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (a->tls != MYSQL_TLS_OFF) {
        mysql_options(handle, MYSQL_OPT_SSL_ENFORCE, &yes);
    }
    if (a->tls == MYSQL_TLS_VERIFY) {
        mysql_options(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
        if (a->ca_file[0] != '\0') {
            mysql_options(handle, MYSQL_OPT_SSL_CA, a->ca_file);
        }
    }
}

static bool set_up_session(struct mysql_connection *c, int timeout_ms, struct error *err) {
    char limit[128];
    if (c->role != MYSQL_ROLE_READER) {
        // Longer than a commit of another instance, shorter than the time-out of a statement.
        snprintf(limit, sizeof limit, "SET SESSION innodb_lock_wait_timeout = 5, autocommit = 1");
        if (c->mariadb) {
            snprintf(limit + strlen(limit), sizeof limit - strlen(limit),
                     ", idle_transaction_timeout = %d", MYSQL_STALL_LIMIT_S);
        }
    } else if (c->mariadb) {
        snprintf(limit, sizeof limit, "SET SESSION max_statement_time = %d.%03d", timeout_ms / 1000,
                 timeout_ms % 1000);
    } else {
        snprintf(limit, sizeof limit, "SET SESSION max_execution_time = %d", timeout_ms);
    }
    const char *const all[] = {
        "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
        "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00'",
        c->role == MYSQL_ROLE_READER
            ? "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
            : "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        limit,
    };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (!mysql_run(c, text_of(all[i]), "setting up the connection", err)) {
            return false;
        }
    }
    return true;
}

// Answers false with ERROR_RETRIABLE for a server that is read-only: the next host may not be.
static bool look_at_server(struct mysql_connection *c, struct error *err) {
    MYSQL_RES *rows = mysql_ask(c, TEXT_LIT("SELECT @@max_allowed_packet, @@global.read_only"),
                                "looking at the server", err);
    MYSQL_ROW row = rows != NULL ? mysql_fetch_row(rows) : NULL;
    if (row == NULL) {
        mysql_free_result(rows);
        return false;
    }
    c->max_packet_bytes = (size_t)mysql_column_int(row, 0);
    // 0 and 1, or words where a server has more than two answers.
    bool read_only = row[1] != NULL && strcmp(row[1], "0") != 0 && strcasecmp(row[1], "OFF") != 0;
    mysql_free_result(rows);
    if (c->role == MYSQL_ROLE_READER) {
        return true;
    }
    if (read_only) {
        return error_set(err, ERROR_RETRIABLE,
                         "%s is read-only (a replica?): give the address of the primary", c->name);
    }
    if (c->max_packet_bytes < MIN_PACKET_BYTES) {
        return error_set(err, ERROR_USAGE,
                         "%s takes statements of %zu bytes only: raise max_allowed_packet to at "
                         "least %d there",
                         c->name, c->max_packet_bytes, MIN_PACKET_BYTES);
    }
    return true;
}

static bool connect_host(struct mysql_connection *c, const struct mysql_address *a,
                         const struct url_host *host, int timeout_ms, struct error *err) {
    bool v6 = strchr(host->name, ':') != NULL;
    snprintf(c->name, sizeof c->name, "mysql://%s@%s%s%s:%u/%s", a->url.user, v6 ? "[" : "",
             host->name, v6 ? "]" : "", host->port, a->url.path);
    c->handle = mysql_init(NULL);
    if (c->handle == NULL) {
        return error_set(err, ERROR_RETRIABLE, "out of memory while connecting to %s", c->name);
    }
    // A reader's statement is ended by the server, before the connection has to be given up; its
    // rows may come with pauses. A writer waits for the beginning of an answer (mysql_wait.c).
    bool reader = c->role == MYSQL_ROLE_READER;
    int statement_s = (timeout_ms + 999) / 1000 + (reader ? 2 : 0);
    c->answer_ms = statement_s * 1000;
    set_options(c->handle, a, reader || statement_s < PAUSE_S ? statement_s : PAUSE_S);
    const char *database = c->role == MYSQL_ROLE_SETUP ? NULL : a->url.path;
    if (mysql_real_connect(c->handle, host->name, a->url.user, a->password, database, host->port,
                           NULL, CLIENT_FOUND_ROWS) == NULL) {
        mysql_failed(c, "connecting", err);
        return false;
    }
    // libmariadb goes on without TLS where a server has none, unless it is to verify it.
    if (a->tls != MYSQL_TLS_OFF && mysql_get_ssl_cipher(c->handle) == NULL) {
        return error_set(err, ERROR_USAGE,
                         "%s offers no TLS; set it up there, or leave out --mysql-tls", c->name);
    }
    c->mariadb = strstr(mysql_get_server_info(c->handle), "MariaDB") != NULL ||
                 mariadb_connection(c->handle);
    return set_up_session(c, timeout_ms, err) && look_at_server(c, err);
}

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static void start_library(void) {
    if (mysql_library_init(0, NULL, NULL) != 0) {
        log_error("store", "libmariadb could not be started");
    }
}

static void log_connected(const struct mysql_connection *c) {
    const char *cipher = mysql_get_ssl_cipher(c->handle);
    log_line(c->role == MYSQL_ROLE_READER ? LOG_DEBUG : LOG_INFO, "store",
             "connected to %s (%s %s, %s%s)", c->name, c->mariadb ? "MariaDB" : "MySQL",
             mysql_get_server_info(c->handle), cipher != NULL ? "TLS " : "no TLS",
             cipher != NULL ? cipher : "");
}

bool mysql_connection_open(const struct mysql_address *address, enum mysql_role role,
                           int timeout_ms, struct mysql_connection **out, struct error *err) {
    return mysql_connection_open_watched(address, role, timeout_ms, NULL, out, err);
}

bool mysql_connection_open_watched(const struct mysql_address *address, enum mysql_role role,
                                   int timeout_ms, struct store_wait *wait,
                                   struct mysql_connection **out, struct error *err) {
    pthread_once(&library_once, start_library);
    struct mysql_connection *c = mem_zalloc(1, sizeof *c);
    c->role = role;
    c->wait = wait;
    for (size_t i = 0; i < address->url.n_hosts; i++) {
        if (connect_host(c, address, &address->url.hosts[i], timeout_ms, err)) {
            log_connected(c);
            *out = c;
            return true;
        }
        if (c->handle != NULL) {
            mysql_close(c->handle);
            c->handle = NULL;
        }
        if (err->cls != ERROR_RETRIABLE) {
            break;
        }
        if (i + 1 < address->url.n_hosts) {
            log_warn("store", "%s; trying the next host", err->text);
        }
    }
    free(c);
    return false;
}

void mysql_connection_close(struct mysql_connection *c) {
    if (c == NULL) {
        return;
    }
    mysql_close(c->handle);
    free(c);
}
