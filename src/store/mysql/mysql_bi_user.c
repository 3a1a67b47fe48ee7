// SPDX-License-Identifier: MIT
// The SELECT-only account of `salestide setup --bi-user`.
//
// 1. CREATE USER IF NOT EXISTS; the server's note tells whether it was there.
// 2. One that was there must not be able to do more than read such views: it may be somebody's.
// 3. GRANT SELECT on each view by its name. The views run with the rights of whoever made them
//    (SQL SECURITY DEFINER), so none on the tables are needed.
//
// How it fails: an account that may not make users gets one line that says who can; what was made
// stays, and setup again goes on.
#include "store/mysql/mysql_bi_user.h"

#include "store/mysql/mysql_sql.h"
#include "store/mysql/mysql_views.h"
#include <mysqld_error.h>
#include <stdio.h>
#include <string.h>

bool mysql_bi_user_check(const char *name, struct error *err) {
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t n = strlen(name);
    return (n > 0 && n <= MYSQL_USER_MAX_BYTES && strspn(name, allowed) == n) ||
           error_set(err, ERROR_USAGE,
                     "--bi-user %.40s: want a name of at most %d letters, digits, _ and -", name,
                     MYSQL_USER_MAX_BYTES);
}

static void put_user(struct buf *sql, const char *name) {
    sql_put_text(sql, text_of(name));
    buf_put_str(sql, "@'%'");
}

// The name after the word VIEW of a statement that makes one.
static struct text view_name(const char *statement) {
    const char *at = strstr(statement, "VIEW ") + strlen("VIEW ");
    return (struct text){at, strcspn(at, " ")};
}

static void put_grant(struct buf *sql, const char *database, const char *view, const char *name) {
    buf_put_str(sql, "GRANT SELECT ON ");
    sql_put_name(sql, database);
    buf_printf(sql, ".%.*s TO ", TEXT_ARG(view_name(view)));
    put_user(sql, name);
}

static bool refuse_rights(struct mysql_connection *c, const char *name, struct error *err) {
    unsigned code = mysql_errno(c->handle);
    if (code != ER_SPECIFIC_ACCESS_DENIED_ERROR && code != ER_DBACCESS_DENIED_ERROR &&
        code != ER_TABLEACCESS_DENIED_ERROR) {
        return false; // err has the line
    }
    return error_set(err, ERROR_USAGE,
                     "%s: this account may not make users or give rights; run setup --bi-user %s "
                     "as one that may, or let it run what setup --print --bi-user %s says",
                     c->name, name, name);
}

// The statement may hold a password: its bytes are wiped.
static bool run_wiped(struct mysql_connection *c, struct buf *sql, const char *name,
                      const char *doing, struct error *err) {
    bool ok = sql->failed ? error_set(err, ERROR_RETRIABLE, "out of memory")
                          : mysql_run(c, buf_text(sql), doing, err) || refuse_rights(c, name, err);
    if (sql->at != NULL) {
        explicit_bzero(sql->at, sql->len);
    }
    buf_clear(sql);
    return ok;
}

// What SHOW GRANTS tells of an account that can only read views for BI.
static bool is_harmless(const char *grant) {
    static const char none[] = "GRANT USAGE ON *.* TO ", some[] = "GRANT SELECT ON `";
    bool narrow = strncmp(grant, none, sizeof none - 1) == 0 ||
                  (strncmp(grant, some, sizeof some - 1) == 0 && strstr(grant, "`.`bi_") != NULL);
    return narrow && strstr(grant, "WITH GRANT OPTION") == NULL;
}

static bool check_rights(struct mysql_connection *c, const char *name, struct buf *sql,
                         struct error *err) {
    buf_put_str(sql, "SHOW GRANTS FOR ");
    put_user(sql, name);
    if (sql->failed) {
        return error_set(err, ERROR_RETRIABLE, "out of memory");
    }
    MYSQL_RES *rows = mysql_ask(c, buf_text(sql), "reading the rights of --bi-user", err);
    buf_clear(sql);
    if (rows == NULL) {
        return refuse_rights(c, name, err);
    }
    bool ok = true;
    for (MYSQL_ROW row; ok && (row = mysql_fetch_row(rows)) != NULL;) {
        ok = is_harmless(row[0]) ||
             error_set(err, ERROR_USAGE,
                       "%s: '%s'@'%%' is there and may do more than read views for BI; take "
                       "another name for --bi-user",
                       c->name, name);
    }
    mysql_free_result(rows);
    return ok;
}

bool mysql_bi_user_make(struct mysql_connection *c, const char *database, const char *name,
                        const char *password, bool *made, struct error *err) {
    struct buf sql = {0};
    buf_put_str(&sql, "CREATE USER IF NOT EXISTS ");
    put_user(&sql, name);
    buf_put_str(&sql, " IDENTIFIED BY ");
    sql_put_text(&sql, text_of(password));
    bool ok = run_wiped(c, &sql, name, "making the user of --bi-user", err);
    *made = ok && mysql_warning_count(c->handle) == 0;
    ok = ok && (*made || check_rights(c, name, &sql, err));
    for (size_t i = 0; ok && i < n_mysql_views; i++) {
        put_grant(&sql, database, mysql_views[i], name);
        ok = run_wiped(c, &sql, name, "giving --bi-user its rights", err);
    }
    buf_free(&sql);
    return ok;
}

void mysql_bi_user_print(const char *database, const char *name, struct buf *out) {
    buf_put_str(out, "\nCREATE USER IF NOT EXISTS ");
    put_user(out, name);
    buf_put_str(out, " ACCOUNT LOCK;\n");
    for (size_t i = 0; i < n_mysql_views; i++) {
        put_grant(out, database, mysql_views[i], name);
        buf_put_str(out, ";\n");
    }
    buf_put_str(out, "-- then: ALTER USER ");
    put_user(out, name);
    buf_put_str(out, " IDENTIFIED BY 'its password' ACCOUNT UNLOCK\n");
}
