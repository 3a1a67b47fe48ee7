// SPDX-License-Identifier: MIT
// The data directory of the stores that live in a SQLite file.
#pragma once
#include "base/error.h"
#include "base/must.h"

// Makes the directory if it is missing and locks it for the one writer there may be: an advisory
// lock on <directory>/lock, which the kernel gives back however the process ends. Returns the open
// file to close at the end; -1: ERROR_USAGE says why.
MUST_CHECK int sqlite_directory_lock(const char *directory, struct error *err);
