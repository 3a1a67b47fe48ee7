// SPDX-License-Identifier: MIT
// Header values: lists by comma, parameters by semicolon, names without case (RFC 9110).
#include "http/http_header.h"

#include "base/base64.h"
#include <strings.h>

static bool is_word(struct text t, const char *word) {
    size_t n = strlen(word);
    return t.len == n && strncasecmp(t.at, word, n) == 0;
}

// Cuts the piece before `separator` off *rest, trimmed. False when *rest is used up.
static bool next_piece(struct text *rest, char separator, struct text *piece) {
    if (rest->at == NULL) {
        return false;
    }
    const char *cut = rest->len ? memchr(rest->at, separator, rest->len) : NULL;
    if (cut == NULL) {
        *piece = text_trim(*rest);
        *rest = TEXT_NONE;
        return true;
    }
    *piece = text_trim((struct text){rest->at, (size_t)(cut - rest->at)});
    *rest = (struct text){cut + 1, rest->len - (size_t)(cut + 1 - rest->at)};
    return true;
}

static struct text unquoted(struct text t) {
    if (t.len >= 2 && t.at[0] == '"' && t.at[t.len - 1] == '"') {
        return (struct text){t.at + 1, t.len - 2};
    }
    return t;
}

bool header_body_form(struct text content_type, enum body_form *form) {
    if (content_type.len == 16 && memcmp(content_type.at, "application/json", 16) == 0) {
        *form = BODY_JSON; // what nearly everybody sends
        return true;
    }
    struct text piece;
    if (!next_piece(&content_type, ';', &piece)) {
        return false;
    }
    if (is_word(piece, "application/json")) {
        *form = BODY_JSON;
    } else if (is_word(piece, "application/x-ndjson") || is_word(piece, "application/ndjson") ||
               is_word(piece, "application/jsonl") || is_word(piece, "application/x-jsonlines")) {
        *form = BODY_LINES;
    } else {
        return false;
    }
    while (next_piece(&content_type, ';', &piece)) {
        if (piece.len > 8 && strncasecmp(piece.at, "charset=", 8) == 0) {
            struct text charset = unquoted((struct text){piece.at + 8, piece.len - 8});
            if (!is_word(charset, "utf-8") && !is_word(charset, "utf8") &&
                !is_word(charset, "us-ascii")) {
                return false;
            }
        }
    }
    return true;
}

enum header_coding header_content_coding(struct text content_encoding) {
    if (content_encoding.at == NULL) {
        return CODING_NONE;
    }
    content_encoding = text_trim(content_encoding);
    if (is_word(content_encoding, "gzip") || is_word(content_encoding, "x-gzip")) {
        return CODING_GZIP;
    }
    if (content_encoding.len == 0 || is_word(content_encoding, "identity")) {
        return CODING_NONE;
    }
    return CODING_OTHER;
}

// q=0, q=0.0, ... mean "not this".
static bool has_zero_weight(struct text parameters) {
    struct text piece;
    while (next_piece(&parameters, ';', &piece)) {
        if (piece.len >= 3 && (piece.at[0] == 'q' || piece.at[0] == 'Q') && piece.at[1] == '=') {
            for (size_t i = 2; i < piece.len; i++) {
                if (piece.at[i] >= '1' && piece.at[i] <= '9') {
                    return false;
                }
            }
            return true;
        }
    }
    return false;
}

bool header_accepts_gzip(struct text accept_encoding) {
    struct text element, coding;
    bool any = false;
    while (next_piece(&accept_encoding, ',', &element)) {
        struct text rest = element;
        if (!next_piece(&rest, ';', &coding)) {
            continue;
        }
        if (is_word(coding, "gzip") || is_word(coding, "x-gzip")) {
            return !has_zero_weight(rest);
        }
        if (is_word(coding, "*")) {
            any = !has_zero_weight(rest);
        }
    }
    return any;
}

bool header_prefers_csv(struct text accept) {
    struct text element, type;
    while (next_piece(&accept, ',', &element)) {
        struct text rest = element;
        if (!next_piece(&rest, ';', &type)) {
            continue;
        }
        if (is_word(type, "application/json")) {
            return false;
        }
        if (is_word(type, "text/csv")) {
            return !has_zero_weight(rest);
        }
    }
    return false;
}

bool header_api_key(struct text authorization, char *out, size_t cap, size_t *len) {
    if (authorization.len > 7 && strncasecmp(authorization.at, "Bearer ", 7) == 0) {
        struct text key = text_trim((struct text){authorization.at + 7, authorization.len - 7});
        if (key.len == 0 || key.len > cap) {
            return false;
        }
        memcpy(out, key.at, key.len);
        *len = key.len;
        return true;
    }
    if (authorization.len > 6 && strncasecmp(authorization.at, "Basic ", 6) == 0) {
        struct text coded = text_trim((struct text){authorization.at + 6, authorization.len - 6});
        size_t n = 0;
        if (!base64_decode(coded, out, cap, &n)) {
            return false;
        }
        const char *colon = memchr(out, ':', n); // user:password; the user does not matter
        if (colon == NULL) {
            return false;
        }
        size_t skip = (size_t)(colon + 1 - out);
        memmove(out, colon + 1, n - skip);
        *len = n - skip;
        return *len > 0;
    }
    return false;
}

bool header_etag_matches(struct text if_none_match, const char *etag) {
    struct text piece;
    while (next_piece(&if_none_match, ',', &piece)) {
        if (piece.len > 2 && piece.at[0] == 'W' && piece.at[1] == '/') {
            piece = (struct text){piece.at + 2, piece.len - 2};
        }
        if (text_equal(piece, text_of(etag)) || text_equal(piece, TEXT_LIT("*"))) {
            return true;
        }
    }
    return false;
}

bool header_next_cookie(struct text *rest, const char *name, struct text *value) {
    size_t n = strlen(name);
    struct text piece;
    while (next_piece(rest, ';', &piece)) {
        if (piece.len > n && memcmp(piece.at, name, n) == 0 && piece.at[n] == '=') {
            *value = unquoted((struct text){piece.at + n + 1, piece.len - n - 1});
            return true;
        }
    }
    return false;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool form_decode(struct text in, char *out, size_t cap, size_t *len) {
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++, n++) {
        int c = in.at[i] == '+' ? ' ' : (unsigned char)in.at[i];
        if (c == '%') {
            int high = i + 2 < in.len ? hex_digit(in.at[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(in.at[i + 2]) : -1;
            if (low < 0) {
                return false;
            }
            c = high << 4 | low;
            i += 2;
        }
        if (n == cap) {
            return false;
        }
        out[n] = (char)c;
    }
    *len = n;
    return true;
}

bool header_form_field(struct text body, const char *name, char *out, size_t cap, size_t *len) {
    size_t n = strlen(name);
    struct text piece;
    while (next_piece(&body, '&', &piece)) {
        if (piece.len > n && memcmp(piece.at, name, n) == 0 && piece.at[n] == '=') {
            return form_decode((struct text){piece.at + n + 1, piece.len - n - 1}, out, cap, len);
        }
    }
    return false;
}

bool header_is_type(struct text content_type, const char *type) {
    struct text piece;
    return next_piece(&content_type, ';', &piece) && is_word(piece, type);
}
