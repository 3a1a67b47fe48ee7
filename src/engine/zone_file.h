// SPDX-License-Identifier: MIT
// The system's time zone of a name. The core makes zones from bytes; finding and reading the file
// is done here, for all rooms that know a zone by its name.
#pragma once
#include "order/zone.h"

// Reads TZDIR (or /usr/share/zoneinfo) /NAME; "UTC" needs no file. Owned by the caller, zone_free.
// False with a line that names the zone or file and what to do; *out is NULL then.
MUST_CHECK bool zone_open(const char *name, struct zone **out, struct error *err);
