// SPDX-License-Identifier: MIT
// An account for BI tools, which may read the bi_* views and nothing else. Needs a connection of
// MYSQL_ROLE_SETUP whose account may make users and give rights.
#pragma once
#include "base/buf.h"
#include "store/mysql/mysql_connection.h"

enum { MYSQL_USER_MAX_BYTES = 32 };

// Letters, digits, _ and -; else ERROR_USAGE.
MUST_CHECK bool mysql_bi_user_check(const char *name, struct error *err);
// Makes 'name'@'%' unless it is there (*made says which; one that is there keeps its password), and
// gives it SELECT on the views of `database`. One that is there and may do more than that is
// refused with ERROR_USAGE, and nothing is changed.
MUST_CHECK bool mysql_bi_user_make(struct mysql_connection *c, const char *database,
                                   const char *name, const char *password, bool *made,
                                   struct error *err);
// The same as a script for people. The account is locked there until somebody gives it a password.
void mysql_bi_user_print(const char *database, const char *name, struct buf *out);
