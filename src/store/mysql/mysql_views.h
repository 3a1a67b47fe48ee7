// SPDX-License-Identifier: MIT
// Flat views for BI tools (Superset, Power BI): plain numbers, UTC, the state's ISO 3166-2 code.
#pragma once
#include <stddef.h>

extern const char *const mysql_views[]; // CREATE OR REPLACE VIEW, no semicolon
extern const size_t n_mysql_views;
