// SPDX-License-Identifier: MIT
// The files that the door serves, embedded in the binary.
#pragma once
#include "http/http_ports.h"

extern const struct http_files page_files; // the page, and what api_files has
extern const struct http_files api_files;  // the API's description: /openapi.json
