// SPDX-License-Identifier: MIT
// Cells that are written otherwise.
//
// A number: a minus as accountants write it and a sign of a currency are taken off, then the digits
// are copied, groups of thousands checked and left out, the decimal sign made a point. A time: the
// forms are tried one after the other; what two of them read differently is not guessed.
#include "format/csv_written.h"

#include "order/timestamp.h"
#include <stdio.h>

// --- Times

static enum csv_written_result keep(struct text made, struct text *value, struct arena *arena) {
    char *copy = arena_try_bytes(arena, made.len);
    if (copy == NULL) {
        return CSV_WRITTEN_NO_MEMORY;
    }
    memcpy(copy, made.at, made.len);
    *value = (struct text){copy, made.len};
    return CSV_WRITTEN;
}

static enum csv_written_result read_epoch(const struct csv_written *w, struct text *value,
                                          struct arena *arena, struct rejection *why) {
    char text[32];
    int64_t ms;
    if (!epoch_read(w->epoch, *value, &ms)) {
        reject(why, "created_at", REJECT_MALFORMED,
               "created_at is no count since 1970, as --epoch says it is: '%s'",
               excerpt_of(*value).text);
        return CSV_WRITTEN_OTHERWISE;
    }
    return keep((struct text){text, timestamp_format(ms, text)}, value, arena);
}

enum csv_written_result csv_read_time(const struct csv_written *w, struct text *value,
                                      struct arena *arena, struct rejection *why) {
    if (w->epoch != EPOCH_NONE) {
        return read_epoch(w, value, arena, why);
    }
    char found[DATE_FORM_BYTES], other[DATE_FORM_BYTES];
    size_t n_found = 0, n_other;
    for (size_t i = 0; i < w->n_date_forms; i++) {
        if (!date_form_read(w->date_forms[i], *value, other, &n_other)) {
            continue;
        }
        if (n_found > 0 && (n_found != n_other || memcmp(found, other, n_found) != 0)) {
            reject(why, "created_at", REJECT_AMBIGUOUS,
                   "created_at has two of the forms of --date-format, with two meanings: '%s'",
                   excerpt_of(*value).text);
            return CSV_WRITTEN_OTHERWISE;
        }
        memcpy(found, other, n_other);
        n_found = n_other;
    }
    if (n_found == 0) {
        reject(why, "created_at", REJECT_MALFORMED,
               "created_at has not the form '%s' of --date-format: '%s'", w->date_forms[0],
               excerpt_of(*value).text);
        return CSV_WRITTEN_OTHERWISE;
    }
    return keep((struct text){found, n_found}, value, arena);
}

// --- Signs of currencies

static const struct {
    const char *sign, *currencies;
} sign_table[] = {
    {"$", "USD CAD AUD NZD SGD HKD MXN ARS CLP COP TWD UYU"},
    {"US$", "USD"},
    {"CA$", "CAD"},
    {"C$", "CAD"},
    {"AU$", "AUD"},
    {"A$", "AUD"},
    {"NZ$", "NZD"},
    {"S$", "SGD"},
    {"HK$", "HKD"},
    {"NT$", "TWD"},
    {"R$", "BRL"},
    {"\xE2\x82\xAC", "EUR"},     // €
    {"\xC2\xA3", "GBP EGP"},     // £
    {"\xC2\xA5", "JPY CNY"},     // ¥
    {"\xEF\xBF\xA5", "JPY CNY"}, // ￥
    {"\xE5\x86\x86", "JPY"},     // 円
    {"\xE5\x85\x83", "CNY TWD"}, // 元
    {"\xE2\x82\xB9", "INR"},     // ₹
    {"Rs", "INR PKR LKR NPR"},
    {"Rs.", "INR PKR LKR NPR"},
    {"R", "ZAR"},
    {"RM", "MYR"},
    {"Rp", "IDR"},
    {"MX$", "MXN"},
    {"z\xC5\x82", "PLN"}, // zł
    {"K\xC4\x8D", "CZK"}, // Kč
    {"Ft", "HUF"},
    {"lei", "RON"},
    {"kr", "SEK NOK DKK ISK"},
    {"kr.", "DKK"},
    {"Fr.", "CHF"},
    {"SFr.", "CHF"},
    {"\xE2\x82\xBD", "RUB"}, // ₽
    {"\xE2\x82\xBA", "TRY"}, // ₺
    {"\xE2\x82\xB4", "UAH"}, // ₴
    {"\xE2\x82\xA9", "KRW"}, // ₩
    {"\xE2\x82\xAB", "VND"}, // ₫
    {"\xE0\xB8\xBF", "THB"}, // ฿
    {"\xE2\x82\xAA", "ILS"}, // ₪
    {"\xE2\x82\xB1", "PHP"}, // ₱
};

static bool is_letter(char c) {
    return (unsigned char)((c | 0x20) - 'a') < 26;
}

// "AU $" is "AU$".
static bool is_same_sign(struct text t, const char *sign) {
    size_t i = 0;
    while (i < t.len && (t.at[i] == ' ' || t.at[i] == *sign) && *sign != '\0') {
        sign += t.at[i++] != ' ';
    }
    return i == t.len && *sign == '\0';
}

// The currencies that a sign may be of; a code is its own. NULL: it is none. *no_memory: refused.
static const char *currencies_of(struct text sign, struct arena *arena, bool *no_memory) {
    for (size_t i = 0; i < COUNT_OF(sign_table); i++) {
        if (is_same_sign(sign, sign_table[i].sign)) {
            return sign_table[i].currencies;
        }
    }
    if (sign.len != 3 || !is_letter(sign.at[0]) || !is_letter(sign.at[1]) ||
        !is_letter(sign.at[2])) {
        return NULL;
    }
    char *code = arena_try_bytes(arena, 4);
    *no_memory = code == NULL;
    for (int i = 0; code != NULL && i < 3; i++) {
        code[i] = (char)(sign.at[i] & ~0x20);
    }
    if (code != NULL) {
        code[3] = '\0';
    }
    return code;
}

static size_t space_at(struct text t) {
    return t.len >= 1 && t.at[0] == ' '                         ? 1
           : t.len >= 2 && memcmp(t.at, "\xC2\xA0", 2) == 0     ? 2 // no-break space
           : t.len >= 3 && memcmp(t.at, "\xE2\x80\xAF", 3) == 0 ? 3 // narrow no-break
                                                                : 0;
}

static struct text without_spaces(struct text t) {
    size_t n;
    while ((n = space_at(t)) > 0) {
        t = (struct text){t.at + n, t.len - n};
    }
    for (;;) {
        n = 0;
        for (size_t k = 1; k <= 3 && k <= t.len && n == 0; k++) {
            n = space_at((struct text){t.at + t.len - k, k}) == k ? k : 0;
        }
        if (n == 0) {
            return t;
        }
        t.len -= n;
    }
}

static bool is_of_number(char c) {
    return (unsigned char)(c - '0') <= 9 || c == '.' || c == ',';
}

// The number between what stands before and behind it; what does is the sign. A minus or plus may
// stand before either.
static struct text take_sign_off(struct text t, struct text *sign, char *plus_minus) {
    size_t from = 0, to = t.len;
    *plus_minus = '\0';
    if (t.len > 0 && (t.at[0] == '-' || t.at[0] == '+')) {
        *plus_minus = t.at[from++];
    }
    size_t start = from;
    while (from < to && !is_of_number(t.at[from]) && t.at[from] != '-' && t.at[from] != '+') {
        from++;
    }
    if (from < to && t.at[from] == '.' && from > start && is_letter(t.at[from - 1])) {
        from++; // "Rs." and "kr."
    }
    struct text before = without_spaces((struct text){t.at + start, from - start});
    if (from < to && *plus_minus == '\0' && (t.at[from] == '-' || t.at[from] == '+')) {
        *plus_minus = t.at[from++];
    }
    while (to > from && (unsigned char)(t.at[to - 1] - '0') > 9) {
        to--;
    }
    while (to < t.len && (t.at[to] == '.' || t.at[to] == ',')) {
        to++; // "5,": the number's own
    }
    struct text behind = without_spaces((struct text){t.at + to, t.len - to});
    *sign = before.len > 0 ? before : behind;
    bool both = before.len > 0 && behind.len > 0;
    return both ? TEXT_NONE : without_spaces((struct text){t.at + from, to - from});
}

// --- Numbers

// How many bytes the sign between thousands takes here; 0: it is none.
static size_t thousands_at(const struct csv_written *w, struct text t) {
    if (w->thousands == 's') {
        return space_at(t);
    }
    if (w->thousands == '\'' && t.len >= 3 && memcmp(t.at, "\xE2\x80\x99", 3) == 0) {
        return 3; // the typographic one
    }
    return w->thousands != '\0' && t.len > 0 && t.at[0] == w->thousands ? 1 : 0;
}

// Copies the digits. Groups: one to three, then two or three each (as in India), the last of three.
static bool plain_digits(const struct csv_written *w, struct text t, char *out, size_t *n_out) {
    size_t group = 0, n_groups = 0;
    bool fraction = false, any = false, wrong = false;
    while (t.len > 0 && !wrong) {
        size_t skip = fraction ? 0 : thousands_at(w, t);
        size_t used = skip > 0 ? skip : 1;
        char c = t.at[0];
        if (skip > 0) {
            wrong = group == 0 || group > 3 || (n_groups > 0 && group < 2);
            group = 0;
            n_groups++;
        } else if (c == w->decimal && !fraction) {
            wrong = n_groups > 0 && group != 3;
            fraction = true;
            out[(*n_out)++] = '.';
        } else {
            wrong = (unsigned char)(c - '0') > 9;
            group += !fraction;
            any = true;
            out[(*n_out)++] = c;
        }
        t = (struct text){t.at + used, t.len - used};
    }
    return !wrong && any && (fraction || n_groups == 0 || group == 3);
}

// "(5.00)", "5.00-", and the sign of mathematics before it: all are below zero.
static bool take_minus_off(struct text *t) {
    static const char sign[] = "\xE2\x88\x92";
    char last = t->len > 2 ? t->at[t->len - 1] : '\0';
    size_t before = last == ')' && t->at[0] == '('              ? 1
                    : t->len > 3 && memcmp(t->at, sign, 3) == 0 ? 3
                                                                : 0;
    size_t behind = before == 1 || (before == 0 && last == '-') ? 1 : 0;
    if (before + behind > 0) {
        *t = without_spaces((struct text){t->at + before, t->len - before - behind});
    }
    return before + behind > 0;
}

enum csv_written_result csv_read_number(const struct csv_written *w, struct text *value,
                                        const char *field, struct csv_signs *signs,
                                        struct arena *arena, struct rejection *why) {
    struct text sign, inner = *value;
    char plus_minus;
    bool minus = take_minus_off(&inner);
    struct text digits = take_sign_off(inner, &sign, &plus_minus);
    bool no_memory = false;
    const char *currencies =
        sign.len > 0 && signs != NULL ? currencies_of(sign, arena, &no_memory) : NULL;
    if (no_memory) {
        return CSV_WRITTEN_NO_MEMORY;
    }
    bool fits = digits.len > 0 && !(minus && plus_minus != '\0') &&
                (sign.len == 0 || (currencies != NULL && signs->n < CSV_SIGNS_MAX));
    char *out = fits ? arena_try_bytes(arena, digits.len + 1) : NULL;
    if (fits && out == NULL) {
        return CSV_WRITTEN_NO_MEMORY;
    }
    size_t n = 0;
    plus_minus = minus ? '-' : plus_minus;
    if (fits && plus_minus != '\0') {
        out[n++] = plus_minus;
    }
    if (!fits || !plain_digits(w, digits, out, &n)) {
        reject(why, field, REJECT_MALFORMED,
               "%s is not written as --decimal and --thousands say: '%s'", field,
               excerpt_of(*value).text);
        return CSV_WRITTEN_OTHERWISE;
    }
    *value = (struct text){out, n};
    bool again = false;
    for (size_t i = 0; sign.len > 0 && i < signs->n; i++) {
        again |= text_equal(signs->sign[i], sign);
    }
    if (sign.len > 0 && !again) {
        signs->currencies[signs->n] = currencies;
        signs->sign[signs->n++] = sign;
    }
    return CSV_WRITTEN;
}

// Is the code one of "USD CAD ..."?
static bool is_among(const char *codes, const char currency[static 4]) {
    enum { STEP = 4 }; // a code and a space
    for (size_t n = strlen(codes), at = 0; at + 3 <= n; at += STEP) {
        if (memcmp(codes + at, currency, 3) == 0) {
            return true;
        }
    }
    return false;
}

bool csv_signs_fit(const struct csv_signs *s, const char currency[static 4], bool known,
                   struct rejection *why) {
    for (size_t i = 0; i < s->n; i++) {
        if (!known) {
            return reject(why, "currency", REJECT_MISSING,
                          "'%s' stands beside amounts, and the order's currency is not known here: "
                          "--map or --set currency",
                          excerpt_of(s->sign[i]).text);
        }
        if (!is_among(s->currencies[i], currency)) {
            return reject(why, "currency", REJECT_AMBIGUOUS,
                          "'%s' stands beside amounts of an order in %s (--map or --set currency)",
                          excerpt_of(s->sign[i]).text, currency);
        }
    }
    return true;
}
