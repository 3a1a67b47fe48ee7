// SPDX-License-Identifier: MIT
// What libmicrohttpd 0.9.75 does not offer by itself: to be told of a head that it refuses, before
// its own page of HTML goes out. Loop's thread.
#pragma once
#include "http/http_internal.h"
#include <stdarg.h>

// An MHD_LogCallback (MHD_OPTION_EXTERNAL_LOGGER); `server` is the struct http_server.
void http_library_says(void *server, const char *format, va_list args);
// The library turns to this connection: whatever it refuses next is of this one.
void http_library_at(int fd);
