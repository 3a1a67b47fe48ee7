// SPDX-License-Identifier: MIT
// A TZif file (RFC 8536, version 2 and later) as a list of clock changes. Pure functions.
#pragma once
#include "base/heap.h"
#include "base/must.h"
#include "base/text.h"
#include "order/zone_rule.h"

#define ZONE_FILE_MAX_BYTES (256 * 1024) // the largest in use is under 4 KiB
#define ZONE_LAST_YEAR 2201              // changes are known to the end of this year

struct zone_changes {
    int32_t first_offset_s; // before the first change
    size_t n;
    struct zone_change *list; // ascending at_s, each a real change of offset; owned, heap_free()
};

// Reads the bytes of a file, its final rule expanded to ZONE_LAST_YEAR. Any bytes are safe. False:
// *problem is a static text that completes "the file ...", or NULL when memory is refused; nothing
// is owned then.
MUST_CHECK bool zone_tzif_read(struct text file, const struct mem_heap *heap,
                               struct zone_changes *out, const char **problem);
