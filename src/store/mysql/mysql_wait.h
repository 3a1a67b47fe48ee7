// SPDX-License-Identifier: MIT
// Statements whose answer is waited for in small steps, so that a wait is seen, told and given up.
#pragma once
#include "store/mysql/mysql_connection.h"

// Sends a statement and waits until its answer has begun, c->answer_ms at most. False: it failed,
// or was given up: c->fault and `err` are set; after giving up the connection is of no use
// (MYSQL_FAULT_LOST).
MUST_CHECK bool mysql_query_waiting(struct mysql_connection *c, struct text sql, const char *doing,
                                    struct error *err);
// Asks for a sign of life: told and given up sooner than a statement.
MUST_CHECK bool mysql_is_alive(struct mysql_connection *c, struct error *err);
// A transaction is tried again because of a lock: its attempts are one wait from since_ns
// (monotonic) until store_wait_end(c->wait).
void mysql_lock_wait_begin(struct mysql_connection *c, const char *doing, int64_t since_ns);
