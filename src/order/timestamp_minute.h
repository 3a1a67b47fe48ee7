// SPDX-License-Identifier: MIT
// The minute of the time that was read last: most orders of a log are of the same minute as the one
// before, and then seconds and milliseconds are all that is to be read. Only of the spelling that
// most programs write, "2026-01-31T12:00:00.123Z"; timestamp_parse gives the same for it. One owner
// at a time; a zeroed one knows no minute.
#pragma once
#include "base/text.h"
#include "order/digits.h"

enum { MINUTE_TEXT_BYTES = 16, MINUTE_TIME_BYTES = 24 };

struct timestamp_minute {
    char text[MINUTE_TEXT_BYTES]; // "2026-01-31T12:00"
    int64_t utc_ms;
};

// ":00.123Z", at 16 of 24 bytes: milliseconds since the minute; -1: it is not spelled so, or of
// second 60.
static inline int32_t ms_of_minute(const char *at) {
    const uint64_t shape = UINT64_C(0x5a3030302e30303a); // ":00.000Z", lowest byte first
    const uint64_t kinds = UINT64_C(0x7f7676767f76767f);
    uint64_t x = load8(at) ^ shape;
    uint32_t second = (uint32_t)(x >> 8 & 0xff) * 10 + (uint32_t)(x >> 16 & 0xff);
    uint32_t ms = (uint32_t)(x >> 32 & 0xff) * 100 + (uint32_t)(x >> 40 & 0xff) * 10 +
                  (uint32_t)(x >> 48 & 0xff);
    return swar_wrong(x, kinds) == 0 && second <= 59 ? (int32_t)(second * 1000 + ms) : -1;
}

// Is `t` a time of that minute, so spelled? *out_ms then is what timestamp_parse gives for it.
static inline bool timestamp_minute_read(const struct timestamp_minute *m, struct text t,
                                         int64_t *out_ms) {
    if (t.len != MINUTE_TIME_BYTES ||
        ((load8(t.at) ^ load8(m->text)) | (load8(t.at + 8) ^ load8(m->text + 8))) != 0) {
        return false;
    }
    int32_t ms = ms_of_minute(t.at + MINUTE_TEXT_BYTES);
    *out_ms = m->utc_ms + ms;
    return ms >= 0;
}

// timestamp_parse has found `t` to be this.
static inline void timestamp_minute_note(struct timestamp_minute *m, struct text t,
                                         int64_t utc_ms) {
    int32_t ms = t.len == MINUTE_TIME_BYTES ? ms_of_minute(t.at + MINUTE_TEXT_BYTES) : -1;
    if (ms >= 0) {
        memcpy(m->text, t.at, sizeof m->text);
        m->utc_ms = utc_ms - ms;
    }
}
