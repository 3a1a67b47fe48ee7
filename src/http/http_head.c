// SPDX-License-Identifier: MIT
// Reading a request's head. The library looks a header up by walking all of them; one walk that
// takes what is wanted costs as much as one look-up.
//
// Version 0.9.75 of the library lets pass what RFC 9112 section 5 wants refused, and joins folded
// lines in its own way (to the name). But it cuts the head up where it stands and copies nothing,
// so the lines that it hands over must lie one after the other, as they came: a name, one zero
// where the colon was, white space, the value, then the zeros of one line end. Where they do not,
// a line was folded or has a zero in it. Later versions refuse such heads by themselves
// (MHD_OPTION_CLIENT_DISCIPLINE_LVL, http_server.c) and need not be looked after.
#include "http/http_head.h"

#include <strings.h>

#define LINES_STAND_AS_SENT (MHD_VERSION < 0x00097601)

static const char bad_line[] =
    "a header line is malformed: white space or no name before the colon, a folded line, or "
    "control characters";

// What a character may stand in: a header's name (RFC 9110 section 5.6.2), a host with its port
// (RFC 3986 section 3.2.2, a comma apart: no name has one, lists of hosts do).
enum { IN_NAME = 1, IN_HOST = 2, IN_BOTH = IN_NAME | IN_HOST };
static const unsigned char may_stand_in[256] = {
    ['0' ... '9'] = IN_BOTH, ['A' ... 'Z'] = IN_BOTH, ['a' ... 'z'] = IN_BOTH, ['!'] = IN_BOTH,
    ['#'] = IN_NAME,         ['$'] = IN_BOTH,         ['%'] = IN_BOTH,         ['&'] = IN_BOTH,
    ['\''] = IN_BOTH,        ['*'] = IN_BOTH,         ['+'] = IN_BOTH,         ['-'] = IN_BOTH,
    ['.'] = IN_BOTH,         ['^'] = IN_NAME,         ['_'] = IN_BOTH,         ['`'] = IN_NAME,
    ['|'] = IN_NAME,         ['~'] = IN_BOTH,         ['('] = IN_HOST,         [')'] = IN_HOST,
    [';'] = IN_HOST,         ['='] = IN_HOST,         [':'] = IN_HOST,         ['['] = IN_HOST,
    [']'] = IN_HOST,
};

static bool all_stand_in(struct text t, unsigned char where) {
    unsigned char all = where;
    for (size_t i = 0; i < t.len; i++) {
        all &= may_stand_in[(unsigned char)t.at[i]];
    }
    return all == where && t.len > 0;
}

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

// Is none of these eight bytes a control character? False now and then without reason.
static bool surely_no_control(uint64_t bytes) {
    uint64_t below_space = (bytes - EACH_BYTE(0x20)) & ~bytes;
    uint64_t differs = bytes ^ EACH_BYTE(0x7F);
    uint64_t is_delete = (differs - EACH_BYTE(1)) & ~differs;
    return ((below_space | is_delete) & EACH_BYTE(0x80)) == 0;
}

static bool has_control(struct text value) {
    size_t i = 0;
    for (uint64_t bytes; i + sizeof bytes <= value.len; i += sizeof bytes) {
        memcpy(&bytes, value.at + i, sizeof bytes);
        if (!surely_no_control(bytes)) {
            break;
        }
    }
    for (; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F) {
            return true;
        }
    }
    return false;
}

static bool is_well_formed(struct text name, struct text value) {
    return all_stand_in(name, IN_NAME) && !has_control(value);
}

// Does `next` begin right after the line that ends at `end`? One line end is one or two zeros.
static bool follows(const char *end, const char *next) {
    return next == end + 1 || (next == end + 2 && end[1] == '\0');
}

// Does the line stand as it was sent, right after the one before?
static bool stands_as_sent(const struct http_head *h, struct text name, struct text value) {
    const char *at = name.at + name.len + 1; // after the colon
    if (!LINES_STAND_AS_SENT) {
        return true;
    }
    while (at < value.at && (*at == ' ' || *at == '\t')) {
        at++;
    }
    return at == value.at && follows(h->line_end, name.at);
}

static bool is_name(const char *key, size_t len, const char *name) {
    return strncasecmp(key, name, len) == 0;
}

// One pass over the header lines; lengths tell nearly all names apart.
static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                   size_t key_len, const char *value, size_t value_len) {
    struct http_head *h = cls;
    struct text v = {value != NULL ? value : "", value_len};
    struct text *slot = NULL;
    if (kind != MHD_HEADER_KIND) {
        h->first_param = h->first_param.at == NULL ? (struct text){key, key_len} : h->first_param;
        return MHD_YES;
    }
    if (!is_well_formed((struct text){key, key_len}, v) ||
        !stands_as_sent(h, (struct text){key, key_len}, v)) {
        h->problem = bad_line;
        return MHD_NO;
    }
    h->line_end = v.at + v.len;
    switch (key_len) {
    case 4:
        if (is_name(key, 4, "Host")) {
            h->problem = h->guard.host.at != NULL ? "there are two Host lines" : h->problem;
            slot = &h->guard.host;
        }
        break;
    case 6:
        if (is_name(key, 6, "Origin")) {
            slot = &h->guard.origin;
        } else if (is_name(key, 6, "Expect")) {
            h->expects_continue = v.len == 12 && strncasecmp(v.at, "100-continue", 12) == 0;
        } else if (is_name(key, 6, "Cookie")) {
            slot = &h->cookies;
        }
        break;
    case 10:
        h->goes_on &= !is_name(key, 10, "Connection") || strcasestr(v.at, "close") == NULL;
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
        *slot = text_trim(v);
    }
    return MHD_YES;
}

static uint64_t parse_length(struct text digits) {
    uint64_t n = 0;
    for (size_t i = 0; i < digits.len; i++) { // the library refuses what is over UINT64_MAX
        n = n * 10 + (uint64_t)(digits.at[i] - '0');
    }
    return n;
}

// How long the body is. False: it cannot be told.
static bool read_length(struct http_head *h) {
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

// The zeros after the last line are the end of the head.
static bool ends_as_sent(struct MHD_Connection *mhd, const char *method,
                         const struct http_head *h) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (!LINES_STAND_AS_SENT || info == NULL) {
        return true;
    }
    const char *end = method + info->header_size;
    return end > h->line_end && (follows(h->line_end, end - 1) || follows(h->line_end, end - 2));
}

static bool check_host(struct http_head *h, const char *version, struct text authority) {
    struct text host, port;
    if (h->guard.host.at == NULL) {
        return strcmp(version, "HTTP/1.0") == 0 || authority.at != NULL;
    }
    return all_stand_in(h->guard.host, IN_HOST) && guard_split_host(h->guard.host, &host, &port);
}

bool http_head_read(struct MHD_Connection *mhd, const char *method, const char *version,
                    struct text authority, struct http_head *h) {
    *h = (struct http_head){.line_end = version + strlen(version),
                            .goes_on = strcmp(version, "HTTP/1.1") == 0};
    MHD_get_connection_values_n(mhd, MHD_HEADER_KIND | MHD_GET_ARGUMENT_KIND, take_header, h);
    if (h->problem == NULL && !ends_as_sent(mhd, method, h)) {
        h->problem = bad_line;
    }
    if (h->problem == NULL && !check_host(h, version, authority)) {
        h->problem = "the Host line is missing, or is no host";
    }
    if (h->problem == NULL && !read_length(h)) {
        h->problem = "the body's length is ambiguous: send either Content-Length or "
                     "Transfer-Encoding: chunked";
    }
    if (authority.at != NULL) {
        h->guard.host = authority; // RFC 9112 section 3.2.2: it goes before Host
    }
    return h->problem == NULL;
}

const char *http_target_path(const char *target, struct text *authority) {
    size_t scheme_len = target[0] == '/'                          ? 0
                        : strncasecmp(target, "http://", 7) == 0  ? 7
                        : strncasecmp(target, "https://", 8) == 0 ? 8
                                                                  : 0;
    *authority = TEXT_NONE;
    if (scheme_len == 0) {
        return target;
    }
    const char *path = target + scheme_len;
    path += strcspn(path, "/");
    *authority = (struct text){target + scheme_len, (size_t)(path - target) - scheme_len};
    return *path == '\0' ? "/" : path;
}
