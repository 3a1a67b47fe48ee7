// SPDX-License-Identifier: MIT
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#undef error_set // the function itself, for the analyzer too

bool error_set(struct error *err, enum error_class cls, const char *format, ...) {
    err->cls = cls;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return false;
}
