// SPDX-License-Identifier: MIT
// The engine over a Kafka topic, as a part of a process: raw and aggregates store by their URLs,
// the consumer, the engine and its thread. `process` is this and little else; `serve` with --broker
// has it beside its door and its page.
//
// The start, stop and free are one thread's; the rest is for any.
#pragma once
#include "base/buf.h"
#include "engine/engine.h"
#include "host/options.h"

struct log_pipeline;
struct log_pipeline_hooks {
    // On the engine's thread: it ended for good and has said why. NULL: nobody asks.
    void (*failed)(void *user);
    void *user;
};

// Opens the stores (waiting up to --start-timeout for those that are down) and joins the group.
// ERROR_USAGE: an option cannot be, or does not fit to what is stored.
MUST_CHECK bool log_pipeline_start(const struct options *o, const struct log_pipeline_hooks *hooks,
                                   struct log_pipeline **out, struct error *err);
// Commits what is judged, leaves the group, closes all. NULL is fine.
void log_pipeline_stop(struct log_pipeline *p);

const struct store_settings *log_pipeline_settings(const struct log_pipeline *p);
bool log_pipeline_failed(struct log_pipeline *p);
// False: orders are not being counted just now; one line says which part is in the way.
enum { LOG_PIPELINE_PROBLEM_BYTES = 512 };
MUST_CHECK bool log_pipeline_ready(struct log_pipeline *p,
                                   char problem[static LOG_PIPELINE_PROBLEM_BYTES]);
void log_pipeline_metrics(struct log_pipeline *p, struct buf *out);
void log_pipeline_status(struct log_pipeline *p, struct engine_status *out);
// Customers are read again (SIGHUP). What cannot be read changes nothing.
void log_pipeline_reload(struct log_pipeline *p);
