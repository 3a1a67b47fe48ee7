// SPDX-License-Identifier: MIT
// Kafka Connect's Decimal: a whole number as base64 of its bytes, big-endian in two's complement,
// that stands for itself times 10 to the power of -scale. Pure.
#pragma once
#include "base/must.h"
#include "base/text.h"

// Bytes of the number; Java's have no limit, those of any SQL database's columns are less than 60.
enum { DECIMAL_BYTES_MAX = 64, DECIMAL_SCALE_MAX = 200, DECIMAL_TEXT_MAX = 512 };

// Writes its exact digits, as in -12.50; returns the length. 0: it is no base64, empty, longer than
// DECIMAL_BYTES_MAX, or the scale is beyond +-DECIMAL_SCALE_MAX.
size_t connect_decimal(struct text base64, int scale, char out[static DECIMAL_TEXT_MAX]);
