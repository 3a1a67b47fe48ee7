// SPDX-License-Identifier: MIT
// How a tally lies in its bytes. For tally_write.c and tally_read.c alone.
//
// Numbers are little-endian, i64 and i32 two's complement. A text is its length in bytes as u32,
// then the bytes; the length TALLY_ABSENT: it is absent. An ident is i64 num; when that is -1, a
// text follows (absent: there is no ident). A currency is three capital letters.
//
//     8      TALLY_MAGIC, whose last byte is the version
//     u64    bytes of the whole tally, from the magic to the checksum
//     move          i32 partition, i64 from, to, epoch_us, i32 lane, i64 window.offset, .time_ms
//     counts        i64 received, accepted, duplicate, rejected, rejected_expired, skipped,
//                   then of each warning
//     times         i32 minute_min, minute_max, i64 oldest_arrival_ms, i32 minute_floor, hour_floor
//     groups        u32 n; each: text source, state, currency
//     products      u32 n; each: ident, currency
//     cells         u32 n; each: u8 table, i32 bucket, u32 number of its group or product,
//                   u16 which measures follow (bit i: enum cube_measure), i64 of each;
//                   the others are 0
//     rejected      u32 n; each: i64 position, arrival_ms, u8 refused, i64 raw_bytes,
//                   text field, code, message, raw, event_key
//     recent        u32 n; each an event
//     changes       u32 n; each an event
//     adjustments   u32 n; each an event
//     gross         u32 n; each: i32 currency_number, i64 delta_e4
//     u64    XXH3 of all bytes before
//
// An event: i64 position, arrival_ms, u8 kind, u8 warnings, ident order_id, customer_id,
// product_id, text event_id, source, state, items_json, currency, i64 created_ms, quantity,
// subtotal_e4, discount_e4, shipping_e4, tax_e4, total_e4.
//
// A reader of another version refuses it: both sides are of one release.
#pragma once
#include "sums/cube_columns.h"

#define TALLY_MAGIC "sstally\2"
enum {
    TALLY_MAGIC_BYTES = 8,
    TALLY_SUM_BYTES = 8,
    TALLY_LEAST_BYTES = TALLY_MAGIC_BYTES + 8 + TALLY_SUM_BYTES,
    TALLY_SUM_SEED = 11,
};
#define TALLY_ABSENT UINT32_MAX
