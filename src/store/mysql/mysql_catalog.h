// SPDX-License-Identifier: MIT
// Tables as they are found in a database (information_schema), and whether a column that was found
// can hold what a column of ours holds.
#pragma once
#include "store/mysql/mysql_connection.h"

struct found_column {
    char name[65];
    char type[128];                  // as in CREATE TABLE: "varchar(100)", "int(11) unsigned"
    char kind[32];                   // the type's first word: "varchar", "int"
    int64_t max_chars;               // of texts
    int precision, scale;            // of numbers; scale is -1 for float and double without one
    int fraction;                    // digits of a second's fraction
    char charset[33], collation[65]; // of texts, else ""
    bool nullable, has_default, generated;
};

enum { FOUND_KEY_COLUMNS = 16, FOUND_KEYS = 16 };

struct found_key { // unique keys only
    char name[65]; // "PRIMARY"
    char columns[FOUND_KEY_COLUMNS][65];
    size_t n;
};

struct found_table {
    char name[65];
    char engine[65]; // "InnoDB"; "" for a view
    bool is_view;
    struct found_column *columns; // in the table's order
    size_t n_columns;
    struct found_key keys[FOUND_KEYS];
    size_t n_keys;
};

// Reads one table of the connection's database. *found is false when there is none of that name.
// Free it with found_table_free.
MUST_CHECK bool catalog_read(struct mysql_connection *c, const char *table, struct found_table *out,
                             bool *found, struct error *err);
void found_table_free(struct found_table *t);
// NULL when the table has no such column; names compare without case, as the server does.
const struct found_column *found_column_of(const struct found_table *t, const char *name);
// Whether the unique key is on exactly these columns, separated by commas: "source,state".
bool found_key_is(const struct found_key *key, const char *columns);

// A type of ours (lower case, as in mysql_schema.c) and what was found for it. Wider is fine, also
// another binary collation of utf8mb4.
bool column_holds(const char *type, const struct found_column *found);
// utf8mb4, compared byte by byte.
bool column_is_binary_text(const struct found_column *found);
