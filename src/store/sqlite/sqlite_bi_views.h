// SPDX-License-Identifier: MIT
// bi_*: flat views for BI tools, with the names and meaning of those in MySQL (mysql_views.h).
#pragma once

extern const char *const sqlite_bi_views[]; // CREATE VIEW; NULL ends it
