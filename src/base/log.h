// SPDX-License-Identifier: MIT
// Log lines on stderr: `2026-01-31T12:00:00.123Z warn store: text`. One write(2) a line, so lines
// of several threads never mix. Any thread may call.
#pragma once
#include "base/must.h"

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level lowest);
// By its name: trace, debug, info, warn or error (the choices of --log-level); others change
// nothing.
void log_set_level_named(const char *name);
// `layer` is the room that speaks: "http", "engine", "broker", "store" (cql, its client, too),
// "live"; of the process as a whole it is its command: "serve".
void log_line(enum log_level level, const char *layer, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_trace(layer, ...) log_line(LOG_TRACE, layer, __VA_ARGS__)
#define log_debug(layer, ...) log_line(LOG_DEBUG, layer, __VA_ARGS__)
#define log_info(layer, ...) log_line(LOG_INFO, layer, __VA_ARGS__)
#define log_warn(layer, ...) log_line(LOG_WARN, layer, __VA_ARGS__)
#define log_error(layer, ...) log_line(LOG_ERROR, layer, __VA_ARGS__)
