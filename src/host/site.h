// SPDX-License-Identifier: MIT
// A process that opens the HTTP door, put together from parts. A command says which parts it has
// and what its line on standard output is; how they are started, asked and stopped is written once.
//
// Life of a site, all on the thread that calls site_run:
//   open   each part in the order of the plan: it is made from the options and from what the parts
//          before it left in struct site (site_internal.h)
//   run    in the same order: threads start that may call any part
//   ready  the line; the HTTP loop, until SIGTERM or SIGINT
//   halt   in the opposite order: what `run` started is joined
//   close  in the opposite order: the rest is joined and freed
// So nothing is freed while a thread lives that calls it: threads that call parts which came later
// are all gone before the first close, and each of the others calls only parts that are closed
// after it.
#pragma once
#include "host/options.h"
#include <stdio.h>

struct site_part;                             // static tables of functions
extern const struct site_part part_file;      // the embedded store, read and written
extern const struct site_part part_queue;     // door -> queue -> engine -> the embedded store
extern const struct site_part part_messages;  // how the messages of others' topics are read
extern const struct site_part part_shop;      // currency and time zone as the options say
extern const struct site_part part_producer;  // door -> Kafka
extern const struct site_part part_log;       // Kafka -> engine -> --raw and --aggregates
extern const struct site_part part_own_place; // questions go to what part_log writes
extern const struct site_part part_place;     // questions go to what others write
extern const struct site_part part_watch;     // whether that place answers
extern const struct site_part part_waiting;   // what waits in --broker until others count it
extern const struct site_part part_alerts;    // rules, for the page and the shop's webhook
extern const struct site_part part_door;      // HTTP: what there is of orders, questions, health
extern const struct site_part part_page;      // the live page
extern const struct site_part part_reload;    // SIGHUP

enum { SITE_PARTS_MAX = 12 };
struct site_plan {
    const char *command; // before messages for people, "salestide serve: ...", and in its log lines
    // In the order of the start: what a part needs stands before it. NULL ends them.
    const struct site_part *parts[SITE_PARTS_MAX];
    // The line that says that it is ready. `place`: where questions go, "" when nowhere.
    void (*tell_ready)(const struct options *o, const char *url, const char *place, FILE *out);
};

// Runs until it is told to stop, or until the engine ends for good. What fails on the way up is one
// line. The exit code: 0, 1 failed, 2 usage.
int site_run(const struct options *o, const struct site_plan *plan);
