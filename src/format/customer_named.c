// SPDX-License-Identifier: MIT
// Looks at each place of the text where the id may begin: as it is, and with JSON's escapes undone,
// so that "\u0061nn" is found as ann.
//
// How it fails: it does not. A text that is cut or broken is looked through as far as it goes.
#include "format/customer_named.h"

#include <strings.h>

struct look {
    struct text event;
    struct text id;
    bool escaped; // undo JSON's escapes
    bool by_key;  // only behind a key with "customer" in it
};

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// The character after \u, if it is one of ASCII; else 0.
static char of_code(struct text t, size_t at) {
    int code = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = at + i < t.len ? hex_digit(t.at[at + i]) : -1;
        if (digit < 0) {
            return '\0';
        }
        code = code * 16 + digit;
    }
    return code < 128 ? (char)code : '\0';
}

// One character and where the next one is.
static char character_at(const struct look *l, size_t at, size_t *next) {
    struct text t = l->event;
    *next = at + 1;
    if (!l->escaped || t.at[at] != '\\' || at + 1 >= t.len) {
        return t.at[at];
    }
    char c = t.at[at + 1], code = c == 'u' ? of_code(t, at + 2) : '\0';
    *next = at + (code != '\0' ? 6 : 2);
    return code != '\0' ? code : c == '"' || c == '\\' || c == '/' ? c : ' ';
}

static bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool id_begins(const struct look *l, size_t at) {
    for (size_t i = 0; i < l->id.len; i++) {
        if (at >= l->event.len || character_at(l, at, &at) != l->id.at[i]) {
            return false;
        }
    }
    size_t next;
    return at >= l->event.len || !is_word(character_at(l, at, &next));
}

static bool has_customer(const char *word, size_t len) {
    static const char customer[] = "customer";
    for (size_t i = 0; i + sizeof customer - 1 <= len; i++) {
        if (strncasecmp(word + i, customer, sizeof customer - 1) == 0) {
            return true;
        }
    }
    return false;
}

// The word before *at past characters of `past`; *at moves to its beginning. None: it is empty.
static struct text word_before(struct text t, size_t *at, const char *past) {
    while (*at > 0 && !is_word(t.at[*at - 1]) && strchr(past, t.at[*at - 1]) != NULL) {
        (*at)--;
    }
    size_t end = *at;
    while (*at > 0 && is_word(t.at[*at - 1])) {
        (*at)--;
    }
    return (struct text){t.at + *at, end - *at};
}

// What stands before `at` is a key with "customer" in it, or the first key, id, of an object of
// such a key.
static bool key_before(struct text t, size_t at) {
    struct text key = word_before(t, &at, " \t\r\n\"':=\\");
    if (text_equal(key, TEXT_LIT("id"))) {
        key = word_before(t, &at, " \t\r\n\"':=\\{");
    }
    return has_customer(key.at, key.len);
}

static bool look(const struct look *l) {
    char before = ' ';
    size_t next;
    for (size_t at = 0; at < l->event.len; at = next) {
        if (!is_word(before) && id_begins(l, at) && (!l->by_key || key_before(l->event, at))) {
            return true;
        }
        before = character_at(l, at, &next);
    }
    return false;
}

bool customer_named(struct text event, struct ident customer) {
    char digits[24];
    struct text trimmed = text_trim(event);
    bool json = trimmed.len > 0 && trimmed.at[0] == '{';
    struct look l = {
        .event = event, .id = ident_text(customer, digits), .by_key = json && customer.num >= 0};
    if (l.id.len == 0) {
        return false;
    }
    if (look(&l)) {
        return true;
    }
    l.escaped = true;
    return look(&l);
}
