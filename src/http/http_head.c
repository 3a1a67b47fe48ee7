// SPDX-License-Identifier: MIT
// Reading a request's head. The library looks a header up by walking all of them; one walk that
// takes what is wanted costs as much as one look-up.
#include "http/http_head.h"

#include <strings.h>

static bool is_name(const char *key, size_t len, const char *name) {
    return strncasecmp(key, name, len) == 0;
}

// One pass over the header lines; lengths tell nearly all names apart.
static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                   size_t key_len, const char *value, size_t value_len) {
    struct http_head *h = cls;
    struct text v = {value != NULL ? value : "", value_len};
    struct text *slot = NULL;
    UNUSED(kind);
    switch (key_len) {
    case 4:
        slot = is_name(key, 4, "Host") ? &h->guard.host : NULL;
        break;
    case 6:
        if (is_name(key, 6, "Origin")) {
            slot = &h->guard.origin;
        } else if (is_name(key, 6, "Expect")) {
            h->expects_continue = v.len == 12 && strncasecmp(v.at, "100-continue", 12) == 0;
        }
        break;
    case 12:
        slot = is_name(key, 12, "Content-Type") ? &h->content_type : NULL;
        break;
    case 13:
        slot = is_name(key, 13, "Authorization") ? &h->authorization : NULL;
        break;
    case 14:
        if (is_name(key, 14, "Content-Length")) {
            h->lengths_differ |= h->content_length.at != NULL && !text_equal(h->content_length, v);
            slot = &h->content_length;
        } else if (is_name(key, 14, "Sec-Fetch-Site")) {
            slot = &h->guard.sec_fetch_site;
        } else if (is_name(key, 14, "Sec-Fetch-Mode")) {
            slot = &h->guard.sec_fetch_mode;
        }
        break;
    case 15:
        slot = is_name(key, 15, "Accept-Encoding") ? &h->accept_encoding : NULL;
        break;
    case 16:
        slot = is_name(key, 16, "Content-Encoding") ? &h->content_encoding : NULL;
        break;
    case 17:
        slot = is_name(key, 17, "Transfer-Encoding") ? &h->transfer_encoding : NULL;
        break;
    default:
        break;
    }
    if (slot != NULL) {
        *slot = v;
    }
    return MHD_YES;
}

static uint64_t parse_length(struct text digits) {
    uint64_t n = 0;
    for (size_t i = 0; i < digits.len && n < UINT64_MAX / 16; i++) {
        n = n * 10 + (uint64_t)(digits.at[i] - '0');
    }
    return n;
}

bool http_head_read(struct MHD_Connection *mhd, struct http_head *h) {
    *h = (struct http_head){0};
    MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, take_header, h);
    if (h->transfer_encoding.at != NULL) {
        h->has_body = true;
        return h->content_length.at == NULL && h->transfer_encoding.len == 7 &&
               strncasecmp(h->transfer_encoding.at, "chunked", 7) == 0;
    }
    if (h->content_length.at != NULL) {
        h->content_bytes = parse_length(h->content_length); // the library has checked the digits
        h->has_body = h->content_bytes > 0;
    }
    return !h->lengths_differ;
}
