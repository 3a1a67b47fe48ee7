// SPDX-License-Identifier: MIT
// Times written in a form that is told, since they would have two meanings, or as a count since
// 1970. Pure functions, any thread.
#pragma once
#include "base/error.h"
#include "base/must.h"
#include "base/text.h"
#include <stdint.h>

// A form is strptime's: %Y %y %m %d %e %b %B %h %a %A %H %I %M %S %p %z %f %F %T %R %D %n %t %%,
// other characters as they are, white space for any. Names are English. Is it one, with a whole
// date?
MUST_CHECK bool date_form_check(const char *form, struct error *err);

enum { DATE_FORM_BYTES = 64 };
// Writes what `t` says as timestamp_parse reads it. False: it has another form. Whether there is
// such a date is not looked at. Digits are taken as told: %Y has four, %y two (69 is 1969), the
// others one or two. A fraction may follow %S.
MUST_CHECK bool date_form_read(const char *form, struct text t, char out[static DATE_FORM_BYTES],
                               size_t *n_bytes);

enum epoch_unit { EPOCH_NONE, EPOCH_S, EPOCH_MS, EPOCH_US, EPOCH_NS };
// By its name: s, ms, us, ns. EPOCH_NONE: NULL, or the name of none.
enum epoch_unit epoch_unit_of(const char *name);
// A count of these units since 1970, a fraction allowed, cut to milliseconds. False: it is none, or
// beyond the range of times.
MUST_CHECK bool epoch_read(enum epoch_unit unit, struct text t, int64_t *out_ms);
