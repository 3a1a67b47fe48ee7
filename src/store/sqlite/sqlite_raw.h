// SPDX-License-Identifier: MIT
// Raw orders of a log's pipeline in the SQLite file of a data directory, for aggregates that are
// kept elsewhere: struct raw_store and struct raw_reader (store/raw_store.h). Rows are unique
// by identity: written again they are the same row, and the writer with the higher epoch wins. The
// store takes <directory>/lock: one process writes.
#pragma once
#include "store/raw_store.h"

MUST_CHECK bool sqlite_raw_open(const char *directory, const char *vfs, struct raw_store **out,
                                struct error *err);
// Any number, also from other processes, while a store writes.
MUST_CHECK bool sqlite_raw_reader_open(const char *directory, struct raw_reader **out,
                                       struct error *err);
