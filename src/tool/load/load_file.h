// SPDX-License-Identifier: MIT
// Reading one file's events into a sink: NDJSON and JSON (load_json.c), CSV (load_csv.c). Main
// thread.
#pragma once
#include "format/csv_fields.h"
#include "tool/load/load_input.h"
#include "tool/load/load_sink.h"

struct load_job {
    struct load_sink *sink;
    const struct load_target *target;
    const struct csv_fields *fields;
    const char *path; // as the user gave it: "-" is standard input
    const char *name; // for messages; lives as long as the load
};

// True when the user wants to stop. Also shows the progress.
bool load_must_stop(const struct load_job *job, const struct load_input *in);

// False: the error; what was read before it is with the sink. Stopping is not an error.
MUST_CHECK bool load_ndjson(const struct load_job *job, struct load_input *in, struct error *err);
// A whole JSON document: one event or an array.
MUST_CHECK bool load_json_document(const struct load_job *job, struct load_input *in,
                                   struct error *err);
MUST_CHECK bool load_csv(const struct load_job *job, struct load_input *in, struct error *err);
