// SPDX-License-Identifier: MIT
// `salestide setup`: makes what --raw and --aggregates need, or prints it (--print).
//
// 1. Each address is matched with a half of the table below by its option and scheme.
// 2. Settings are checked before anything is made with them.
// 3. The halves are printed, or made, one after the other. Each is idempotent: what is there stays.
//
// How it fails: one line, exit code 2 for what somebody has to change, 1 for what may pass. A half
// that was made stays; running setup again goes on.
#include "host/commands.h"

#include "host/addresses.h"
#include "host/shop_settings.h"
#include "store/mysql/mysql_bi_user.h"
#include "store/mysql/mysql_projection.h"
#include "store/mysql/mysql_schema.h"
#include <stdio.h>
#include <string.h>

// One place to set up. `print` puts the statements as a script; `make` makes what is missing, and
// fills *settings with those in force where the place keeps them.
struct half {
    const char *option, *scheme;
    bool (*print)(const struct options *o, const char *url, const struct store_settings *settings,
                  struct buf *out, struct error *err);
    bool (*make)(const struct options *o, const char *url, struct store_settings *settings,
                 struct error *err);
};

// --- MySQL

// --bi-user with its password, checked before anything is made. *name NULL: it is not asked for.
static bool bi_user_read(const struct options *o, const char **name,
                         char password[static SECRET_MAX_BYTES + 1], struct error *err) {
    *name = option_text(o, "bi-user");
    if (*name == NULL) {
        return option_text(o, "bi-password-file") == NULL ||
               error_set(err, ERROR_USAGE, "--bi-password-file goes with --bi-user");
    }
    return mysql_bi_user_check(*name, err) &&
           secret_read("SALESTIDE_BI_PASSWORD", option_text(o, "bi-password-file"), password,
                       err) &&
           (password[0] != '\0' ||
            error_set(err, ERROR_USAGE,
                      "--bi-user %s has no password: put it into a file (--bi-password-file) or "
                      "into the environment (SALESTIDE_BI_PASSWORD)",
                      *name));
}

static bool bi_user_make(struct mysql_connection *c, const char *database, const char *name,
                         const char *password, struct error *err) {
    bool made;
    if (name == NULL) {
        return true;
    }
    if (!mysql_bi_user_make(c, database, name, password, &made, err)) {
        return false;
    }
    printf("'%s'@'%%' may read the bi_* views%s\n", name,
           made ? "" : " (it was there and keeps its password)");
    return true;
}

static bool mysql_print(const struct options *o, const char *url,
                        const struct store_settings *settings, struct buf *out, struct error *err) {
    struct mysql_address address;
    const char *bi_user = option_text(o, "bi-user");
    if (!mysql_address_read(url, &address, err) ||
        (bi_user != NULL && !mysql_bi_user_check(bi_user, err)) ||
        !mysql_schema_print(address.url.path, settings, out, err)) {
        return false;
    }
    if (bi_user != NULL) {
        mysql_bi_user_print(address.url.path, bi_user, out);
    }
    return true;
}

static bool mysql_make(const struct options *o, const char *url, struct store_settings *settings,
                       struct error *err) {
    enum { TIMEOUT_MS = 120000 }; // ALTER and CREATE may wait for others
    struct mysql_address address;
    struct mysql_connection *c;
    const char *bi_user;
    char bi_password[SECRET_MAX_BYTES + 1] = "";
    bool ok = bi_user_read(o, &bi_user, bi_password, err) &&
              mysql_address_of_options(o, url, &address, err) &&
              mysql_connection_open(&address, MYSQL_ROLE_SETUP, TIMEOUT_MS, &c, err);
    explicit_bzero(address.password, sizeof address.password);
    if (!ok) {
        explicit_bzero(bi_password, sizeof bi_password);
        return false;
    }
    struct projection *projection = NULL;
    ok = mysql_schema_prepare(c, address.url.path, settings, err) &&
         projection_bind(c, settings->currency, true, &projection, err);
    projection_free(projection);
    ok = ok && bi_user_make(c, address.url.path, bi_user, bi_password, err);
    explicit_bzero(bi_password, sizeof bi_password);
    if (ok) {
        printf("%s is ready: currency %s, time zone %s, late after %lld s\n", c->name,
               settings->currency, settings->timezone, (long long)settings->late_limit_ms / 1000);
    }
    mysql_connection_close(c);
    return ok;
}

// --- Cassandra

static bool cassandra_print(const struct options *o, const char *url,
                            const struct store_settings *settings, struct buf *out,
                            struct error *err) {
    UNUSED(settings);
    struct cassandra_address address;
    if (!cassandra_address_read(url, &address, err)) {
        return false;
    }
    cassandra_ddl(out, address.url.path, (int)option_int(o, "cassandra-replication"));
    return true;
}

static bool cassandra_make(const struct options *o, const char *url,
                           struct store_settings *settings, struct error *err) {
    UNUSED(settings);
    struct cassandra_address address;
    bool ok = cassandra_address_of_options(o, url, &address, err) &&
              cassandra_setup(&address, (int)option_int(o, "cassandra-replication"), err);
    explicit_bzero(address.password, sizeof address.password);
    if (ok) {
        printf("%s is ready\n", url);
    }
    return ok;
}

// Aggregates first: they say whether the settings are right.
static const struct half halves[] = {
    {"aggregates", "mysql", mysql_print, mysql_make},
    {"raw", "cassandra", cassandra_print, cassandra_make},
};

// --- What is asked for

// The half for an option's address. NULL with an empty error: there is nothing to set up.
static const struct half *half_of(const char *option, const char *url, struct error *err) {
    err->cls = ERROR_NONE;
    if (url == NULL || strcmp(url, "none") == 0 || strcmp(url, "sqlite") == 0) {
        return NULL;
    }
    for (size_t i = 0; i < COUNT_OF(halves); i++) {
        if (strcmp(halves[i].option, option) == 0 && url_has_scheme(url, halves[i].scheme)) {
            return &halves[i];
        }
    }
    error_set(err, ERROR_USAGE,
              "--%s %.200s is no address that can be set up; want --aggregates "
              "mysql://USER@HOST/DATABASE, --raw cassandra://HOST/KEYSPACE",
              option, url);
    return NULL;
}

static bool run_half(const struct options *o, const struct half *half, bool print,
                     struct store_settings *settings, struct error *err) {
    const char *url = option_text(o, half->option);
    if (!print) {
        return half->make(o, url, settings, err);
    }
    struct buf out = {0};
    bool ok = half->print(o, url, settings, &out, err);
    if (ok && (out.failed || fwrite(out.at, 1, out.len, stdout) != out.len)) {
        ok = error_set(err, ERROR_FATAL, "cannot write to standard output");
    }
    buf_free(&out);
    return ok;
}

static bool command_setup_run(const struct options *o, struct error *err) {
    static const char *const order[] = {"aggregates", "raw"};
    const struct half *chosen[COUNT_OF(order)];
    struct store_settings settings;
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        chosen[i] = half_of(order[i], option_text(o, order[i]), err);
        if (err->cls != ERROR_NONE) {
            return false;
        }
        n += chosen[i] != NULL;
    }
    if (n == 0) {
        return error_set(err, ERROR_USAGE,
                         "say what to set up: --aggregates mysql://USER@HOST/DATABASE, --raw "
                         "cassandra://HOST/KEYSPACE");
    }
    if (option_text(o, "bi-user") != NULL && chosen[0] == NULL) {
        return error_set(err, ERROR_USAGE,
                         "--bi-user needs --aggregates mysql://USER@HOST/DATABASE");
    }
    bool ok = settings_of_options(o, &settings, err);
    for (size_t i = 0; ok && i < COUNT_OF(order); i++) {
        ok = chosen[i] == NULL || run_half(o, chosen[i], option_flag(o, "print"), &settings, err);
    }
    return ok;
}

int command_setup(const struct options *o) {
    struct error err = {0};
    if (command_setup_run(o, &err) && fflush(stdout) == 0) {
        return 0;
    }
    fprintf(stderr, "salestide setup: %s\n", err.text);
    return err.cls == ERROR_USAGE ? 2 : 1;
}
