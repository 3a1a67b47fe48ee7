// SPDX-License-Identifier: MIT
// Times as Kafka Connect and Debezium write them: whole numbers whose unit is in the name of their
// schema. Pure.
#pragma once
#include "base/must.h"
#include "base/text.h"

enum { CONNECT_TIME_MAX = 48 };
// Whether `name` is a schema of such times.
bool connect_time_is(struct text name);
// Writes the time that `digits` is by schema `name`, which is one; without quotes. no_zone: as of
// struct connect_writing. 0: no whole number of 64 bits, or beyond the years 0 to 9999.
size_t connect_time(struct text name, struct text digits, bool no_zone,
                    char out[static CONNECT_TIME_MAX]);
