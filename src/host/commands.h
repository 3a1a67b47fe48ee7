// SPDX-License-Identifier: MIT
// The sub-commands, one function each. Each gets its parsed options, makes them into plain structs
// for the parts that do the work, and returns the exit code: 0, 1 failed, 2 usage.
#pragma once
#include "host/options.h"

int command_serve(const struct options *o);
int command_ingest(const struct options *o);
int command_process(const struct options *o);
int command_dashboard(const struct options *o);
int command_tally(const struct options *o);
int command_load(const struct options *o);
int command_generate(const struct options *o);
int command_setup(const struct options *o);
int command_verify(const struct options *o);
int command_rebuild(const struct options *o);
int command_backup(const struct options *o);
int command_forget(const struct options *o);
int command_rejected(const struct options *o);
int command_key(const struct options *o);
int command_ready(const struct options *o);
int command_webhook(const struct options *o);
