// SPDX-License-Identifier: MIT
// The description of the HTTP API (OpenAPI 3.1), embedded from openapi.json at build time.
#pragma once
#include <stddef.h>

extern const char openapi_json[];
extern const size_t openapi_json_len;
