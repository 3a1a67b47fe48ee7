// SPDX-License-Identifier: MIT
// Takes a tag apart from the left: each part may be followed by those below it only.
#include "host/locale_tag.h"

// What a part may be of: bits.
enum { LETTERS = 1, DIGITS = 2 };

static bool is_of(struct text part, int signs) {
    for (size_t i = 0; i < part.len; i++) {
        char c = part.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool digit = c >= '0' && c <= '9';
        if (!(letter && (signs & LETTERS)) && !(digit && (signs & DIGITS))) {
            return false;
        }
    }
    return true;
}

// The part at the front, without its hyphen; of no length: there is none, or it is empty.
static struct text front(struct text rest) {
    size_t len = 0;
    while (len < rest.len && rest.at[len] != '-') {
        len++;
    }
    return (struct text){rest.at, len};
}

// Takes the part at the front off when it is one of these signs and of such a length.
static bool take(struct text *rest, int signs, size_t least, size_t most) {
    struct text part = front(*rest);
    if (part.len < least || part.len > most || !is_of(part, signs)) {
        return false;
    }
    // A hyphen at the end stays: nothing takes it.
    size_t taken = part.len + (part.len + 1 < rest->len ? 1 : 0);
    *rest = (struct text){rest->at + taken, rest->len - taken};
    return true;
}

static bool take_variant(struct text *rest) {
    struct text part = front(*rest);
    bool of_four = part.len == 4 && is_of((struct text){part.at, 1}, DIGITS);
    return take(rest, LETTERS | DIGITS, of_four ? 4 : 5, 8);
}

// A single sign and what it is about; alone it is none, and stays.
static bool take_extension(struct text *rest) {
    struct text after = *rest;
    if (!take(&after, LETTERS | DIGITS, 1, 1) || *rest->at == 'x' || *rest->at == 'X' ||
        !take(&after, LETTERS | DIGITS, 2, 8)) {
        return false;
    }
    while (take(&after, LETTERS | DIGITS, 2, 8)) {
    }
    *rest = after;
    return true;
}

bool locale_tag_is(struct text tag) {
    struct text rest = tag;
    if (tag.len >= LOCALE_TAG_BYTES || !take(&rest, LETTERS, 2, 3)) {
        return false;
    }
    bool script = take(&rest, LETTERS, 4, 4);
    bool region = take(&rest, LETTERS, 2, 2) || take(&rest, DIGITS, 3, 3);
    (void)script;
    (void)region; // may be left out
    while (take_variant(&rest)) {
    }
    while (take_extension(&rest)) {
    }
    return rest.len == 0;
}
