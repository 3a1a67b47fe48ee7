// SPDX-License-Identifier: MIT
// A small pool of threads for what would hold the HTTP loop up: large bodies to parse and questions
// to the store. Its queue is bounded; questions never take the last thread, so slow ones cannot
// keep orders out.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include "format/order_json.h"
#include "store/sales_reader.h"
#include <stddef.h>

// What one thread has for itself.
struct http_worker {
    struct order_json *parser;
    struct sales_reader *reader; // opened at the first question
    struct http_workers *pool;
};

enum job_kind {
    JOB_ORDERS, // taken first, by any thread
    JOB_QUESTION,
    JOB_KINDS,
};
struct http_job {
    struct http_job *next;
    // On a worker's thread; the job may be reused as soon as it has run.
    void (*run)(struct http_job *job, struct http_worker *worker);
};

struct http_workers_options {
    int threads;        // at least 2
    size_t max_waiting; // jobs of a kind
    bool (*open_reader)(void *user, struct sales_reader **out, struct error *err);
    void *open_reader_user;
};
struct http_workers;
MUST_CHECK bool http_workers_start(const struct http_workers_options *options,
                                   struct http_workers **out, struct error *err);
// Any thread. False: too many wait already, or there is no pool any more (NULL); nothing happened.
MUST_CHECK bool http_workers_submit(struct http_workers *w, enum job_kind kind,
                                    struct http_job *job);
// The thread's reader, opened when needed; call from a job. False: it cannot be opened now.
MUST_CHECK bool http_worker_reader(struct http_worker *worker, struct sales_reader **out,
                                   struct error *err);
// After a failure: the next question opens a new reader.
void http_worker_drop_reader(struct http_worker *worker);
void http_workers_stop(struct http_workers *w); // runs what waits, joins, frees; NULL is fine
