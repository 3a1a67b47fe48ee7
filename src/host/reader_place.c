// SPDX-License-Identifier: MIT
#include "host/reader_place.h"

#include "base/mem.h"
#include "host/addresses.h"
#include "store/mysql/mysql_reader.h"
#include "store/sqlite/sqlite.h"
#include "store/sqlite/sqlite_raw.h"
#include <stdio.h>
#include <stdlib.h>

enum { QUESTION_TIMEOUT_MS = 5000 }; // of raw orders

struct reader_place {
    enum place_kind kind;
    char *directory;      // PLACE_SQLITE
    struct store *writer; // of this process, or NULL
    struct mysql_address mysql;
    bool has_raw;
    struct cassandra_address raw; // of has_raw, unless
    char *raw_directory;          // is there
    char *name;
};

static bool read_aggregates(struct reader_place *p, const struct options *o, const char *url,
                            struct error *err) {
    const char *directory = option_text(o, "data");
    if (url_has_scheme(url, "mysql")) {
        p->kind = PLACE_MYSQL;
        return mysql_address_of_options(o, url, &p->mysql, err);
    }
    if (strncmp(url, "sqlite:", 7) == 0 && url[7] != '\0') {
        directory = url + 7;
    } else if (strcmp(url, "sqlite") != 0) {
        return error_set(err, ERROR_USAGE,
                         "--aggregates \"%.200s\": want sqlite, sqlite:DIR or "
                         "mysql://USER@HOST/DATABASE",
                         url);
    }
    p->kind = PLACE_SQLITE;
    p->directory = mem_strndup(directory, strlen(directory));
    return true;
}

static bool read_raw(struct reader_place *p, const struct options *o, const char *url,
                     struct error *err) {
    if (url == NULL || strcmp(url, "none") == 0) {
        return true;
    }
    if (strcmp(url, "sqlite") == 0 && p->kind == PLACE_SQLITE) {
        return true; // both in one
    }
    p->has_raw = true;
    if (strcmp(url, "sqlite") == 0) {
        const char *directory = option_text(o, "data");
        p->raw_directory = mem_strndup(directory, strlen(directory));
        return true;
    }
    if (!url_has_scheme(url, "cassandra")) {
        return error_set(err, ERROR_USAGE,
                         "--raw \"%.200s\": want cassandra://HOST/KEYSPACE or sqlite", url);
    }
    return cassandra_address_of_options(o, url, &p->raw, err);
}

bool reader_place_read(const struct options *o, const char *raw, struct reader_place **out,
                       struct error *err) {
    struct reader_place *p = mem_zalloc(1, sizeof *p);
    const char *url = option_text(o, "aggregates");
    if (!read_aggregates(p, o, url, err) || !read_raw(p, o, raw, err)) {
        reader_place_free(p);
        return false;
    }
    char name[1200];
    snprintf(name, sizeof name, "%s%s%s", p->directory != NULL ? p->directory : url,
             p->has_raw ? ", raw orders in " : "", p->has_raw ? raw : "");
    p->name = mem_strndup(name, strlen(name));
    *out = p;
    return true;
}

struct reader_place *reader_place_of_store(const char *directory, struct store *store) {
    struct reader_place *p = mem_zalloc(1, sizeof *p);
    p->kind = PLACE_SQLITE;
    p->directory = mem_strndup(directory, strlen(directory));
    p->name = mem_strndup(directory, strlen(directory));
    p->writer = store;
    return p;
}

void reader_place_free(struct reader_place *p) {
    if (p == NULL) {
        return;
    }
    explicit_bzero(p->mysql.password, sizeof p->mysql.password);
    explicit_bzero(p->raw.password, sizeof p->raw.password);
    free(p->directory);
    free(p->raw_directory);
    free(p->name);
    free(p);
}

bool reader_place_open_raw(const struct reader_place *p, int timeout_ms, struct raw_reader **out,
                           struct error *err) {
    *out = NULL;
    if (!p->has_raw) {
        return true;
    }
    if (p->raw_directory != NULL) {
        return sqlite_raw_reader_open(p->raw_directory, out, err);
    }
    struct cassandra_address address = p->raw;
    address.read_give_up_ms = timeout_ms;
    bool ok = cassandra_reader_open(&address, out, err);
    explicit_bzero(address.password, sizeof address.password);
    return ok;
}

static bool open_raw(void *user, struct raw_reader **out, struct error *err) {
    return reader_place_open_raw(user, QUESTION_TIMEOUT_MS, out, err);
}

bool reader_place_open(const struct reader_place *p, int timeout_ms, struct sales_reader **out,
                       struct store_settings *settings, struct error *err) {
    struct raw_opener raw = {p->has_raw ? open_raw : NULL, (void *)(uintptr_t)p};
    if (p->kind == PLACE_MYSQL) {
        return mysql_reader_open(&p->mysql, raw, timeout_ms, out, settings, err);
    }
    if (!sqlite_reader_open(p->directory, p->writer, timeout_ms, out, settings, err)) {
        return false;
    }
    if (p->has_raw && !sqlite_reader_set_raw(*out, raw, err)) {
        (*out)->ops->close(*out);
        return false;
    }
    return true;
}

enum place_kind reader_place_kind(const struct reader_place *p) {
    return p->kind;
}

const char *reader_place_directory(const struct reader_place *p) {
    return p->directory;
}

const struct mysql_address *reader_place_mysql(const struct reader_place *p) {
    return p->kind == PLACE_MYSQL ? &p->mysql : NULL;
}

const char *reader_place_raw_directory(const struct reader_place *p) {
    return p->raw_directory;
}

const struct cassandra_address *reader_place_raw_cassandra(const struct reader_place *p) {
    return p->has_raw && p->raw_directory == NULL ? &p->raw : NULL;
}

const char *reader_place_name(const struct reader_place *p) {
    return p->name;
}

const char *reader_place_raw_name(const struct reader_place *p) {
    return !p->has_raw ? NULL : p->raw_directory != NULL ? "sqlite" : "cassandra";
}

bool reader_place_open_retries(const struct reader_place *p, struct rejected_retries **out,
                               struct error *err) {
    return p->kind == PLACE_SQLITE ? sqlite_retries_open(p->directory, out, err)
                                   : mysql_retries_open(&p->mysql, out, err);
}
