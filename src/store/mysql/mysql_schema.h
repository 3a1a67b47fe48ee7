// SPDX-License-Identifier: MIT
// The tables of the aggregates in MySQL or MariaDB: one list of columns yields the DDL, and the
// check of what is there. Names and meaning as in sqlite_schema.c; money is DECIMAL(19,4), days are
// DATE, other times DATETIME in UTC.
#pragma once
#include "base/buf.h"
#include "store/mysql/mysql_catalog.h"
#include "store/settings.h"

enum { MYSQL_SCHEMA_VERSION = 1 };

struct column_spec {
    const char *name, *type;  // type in lower case: "decimal(19,4)"
    bool nullable, automatic; // automatic: counts up by itself
};

struct table_spec {
    const char *name;
    const char *key; // primary key: column names separated by commas
    const struct column_spec *columns;
    size_t n_columns;
};

// Every table, the projection total_sales_by_source_state (which users may have made in another
// form, see mysql_projection.h) last.
extern const struct table_spec mysql_tables[];
extern const size_t n_mysql_tables;
#define PROJECTION_TABLE "total_sales_by_source_state"

// CREATE TABLE IF NOT EXISTS, no semicolon.
void table_spec_ddl(const struct table_spec *spec, struct buf *out);
// Whether a table that was found can be used as this one. ERROR_USAGE names the column, what it
// cannot hold and the statement that mends it. `where`: the database, for the line.
MUST_CHECK bool table_spec_check(const struct table_spec *spec, const struct found_table *found,
                                 const char *where, struct error *err);

// All that setup does, as a script for people: database, tables, views, settings. False when the
// system does not know the time zone.
MUST_CHECK bool mysql_schema_print(const char *database, const struct store_settings *settings,
                                   struct buf *out, struct error *err);
// Makes what is missing of database, tables, settings and views; nothing that is there is changed
// but views, and positions of an earlier version, which get their lanes. Settings as
// sqlite_schema_prepare: empty ones are filled with what is in force, others are refused with
// ERROR_USAGE. `c` has MYSQL_ROLE_SETUP.
MUST_CHECK bool mysql_schema_prepare(struct mysql_connection *c, const char *database,
                                     struct store_settings *settings, struct error *err);
// For a process: everything is there, can be used, and has these settings (or `settings` is filled
// with what is in force). ERROR_USAGE says to run setup.
MUST_CHECK bool mysql_schema_check(struct mysql_connection *c, struct store_settings *settings,
                                   struct error *err);
// The settings in force, for a reader.
MUST_CHECK bool mysql_settings_read(struct mysql_connection *c, struct store_settings *settings,
                                    struct error *err);
