// SPDX-License-Identifier: MIT
// Where questions are asked: the options --aggregates, --raw and --data, made into readers.
//
//   --aggregates sqlite | sqlite:DIR         the data directory (--data, or DIR), raw orders there
//                                            or, of aggregates alone, as below
//   --aggregates mysql://USER@HOST/DATABASE  --raw cassandra://HOST/KEYSPACE for raw orders, or
//                                            --raw sqlite: the file in --data
#pragma once
#include "host/options.h"
#include "store/raw_store.h"
#include "store/rejected_retries.h"
#include "store/sales_reader.h"

struct reader_place; // immutable once read: any thread may open readers

// Reads the options; connects to nothing. `raw`: what --raw says, or NULL. ERROR_USAGE says what
// cannot be.
MUST_CHECK bool reader_place_read(const struct options *o, const char *raw,
                                  struct reader_place **out, struct error *err);
// The embedded store that this process writes: its readers know what the store has not yet put into
// its index. Borrows both.
struct reader_place *reader_place_of_store(const char *directory, struct store *store);
void reader_place_free(struct reader_place *p); // NULL is fine

// A reader of aggregates and raw orders, for one thread. timeout_ms bounds each call.
MUST_CHECK bool reader_place_open(const struct reader_place *p, int timeout_ms,
                                  struct sales_reader **out, struct store_settings *settings,
                                  struct error *err);
// A reader of raw orders; *out is NULL when the place has none of its own. timeout_ms bounds each
// question, or a page of a scan; 0: a minute.
MUST_CHECK bool reader_place_open_raw(const struct reader_place *p, int timeout_ms,
                                      struct raw_reader **out, struct error *err);

// For writing what became of rejected events, beside whatever else writes there.
MUST_CHECK bool reader_place_open_retries(const struct reader_place *p,
                                          struct rejected_retries **out, struct error *err);

enum place_kind { PLACE_SQLITE, PLACE_MYSQL };
enum place_kind reader_place_kind(const struct reader_place *p);
const char *reader_place_directory(const struct reader_place *p); // of PLACE_SQLITE; else NULL
struct mysql_address;
const struct mysql_address *reader_place_mysql(const struct reader_place *p); // of PLACE_MYSQL
// Where its raw orders are, when elsewhere: one of the two, or neither.
const char *reader_place_raw_directory(const struct reader_place *p);
struct cassandra_address;
const struct cassandra_address *reader_place_raw_cassandra(const struct reader_place *p);
// For people: "./data", "mysql://u@h:3306/sales_db, raw cassandra://h:9042/sales_ks".
const char *reader_place_name(const struct reader_place *p);
const char *
reader_place_raw_name(const struct reader_place *p); // "cassandra", "sqlite"; NULL: none
