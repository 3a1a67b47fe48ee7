// SPDX-License-Identifier: MIT
// Reading times by a form.
//
// Happy path: form and text are gone through side by side; each letter reads its part; at the end
// both are used up, and what was read is written in the one form that timestamp_parse knows, which
// judges calendar and range.
//
// How it fails: something else stands there, also a month 13. The C library's strptime is not used:
// it takes what looks roughly right, and its names depend on the locale.
#include "order/date_form.h"

#include <stdio.h>
#include <strings.h>

struct form_reader {
    const char *at, *end;
    int year, month, day, hour, minute, second;
    int half; // 0: none, 1: AM, 2: PM
    bool hour_of_half, has_time;
    char fraction[10];
    char offset[16]; // "", "Z" or "+hh:mm"
};

static bool is_digit(char c) {
    return (unsigned char)(c - '0') <= 9;
}

static bool read_number(struct form_reader *r, int least, int most, int *out) {
    int n = 0;
    *out = 0;
    while (n < most && r->at < r->end && is_digit(*r->at)) {
        *out = *out * 10 + (*r->at++ - '0');
        n++;
    }
    return n >= least;
}

static bool read_name(struct form_reader *r, const char *const *names, int n_names, int *out) {
    enum { SHORT = 3 };
    for (int i = 0; i < n_names; i++) {
        size_t whole = strlen(names[i]);
        size_t left = (size_t)(r->end - r->at);
        size_t len = left >= whole && strncasecmp(r->at, names[i], whole) == 0   ? whole
                     : left >= SHORT && strncasecmp(r->at, names[i], SHORT) == 0 ? SHORT
                                                                                 : 0;
        if (len > 0) {
            *out = i + 1;
            r->at += len;
            return true;
        }
    }
    return false;
}

static void skip_space(struct form_reader *r) {
    while (r->at < r->end && (*r->at == ' ' || (*r->at >= '\t' && *r->at <= '\r'))) {
        r->at++;
    }
}

// ".123": at most nine digits.
static bool read_fraction(struct form_reader *r) {
    size_t n = 0;
    while (r->at < r->end && is_digit(*r->at)) {
        if (n + 1 == sizeof r->fraction) {
            return false;
        }
        r->fraction[n++] = *r->at++;
    }
    return n > 0;
}

static bool read_offset(struct form_reader *r) {
    static const char *const zero[] = {"UTC", "GMT", "Z"};
    for (size_t i = 0; i < sizeof zero / sizeof zero[0]; i++) {
        size_t len = strlen(zero[i]);
        if ((size_t)(r->end - r->at) >= len && strncasecmp(r->at, zero[i], len) == 0) {
            r->at += len;
            memcpy(r->offset, "Z", 2);
            return true;
        }
    }
    if (r->at == r->end || (*r->at != '+' && *r->at != '-')) {
        return false;
    }
    char sign = *r->at++;
    int hours, minutes = 0;
    if (r->end - r->at < 2 || !read_number(r, 2, 2, &hours)) {
        return false;
    }
    bool colon = r->at < r->end && *r->at == ':';
    r->at += colon;
    if ((colon || (r->at < r->end && is_digit(*r->at))) && !read_number(r, 2, 2, &minutes)) {
        return false;
    }
    snprintf(r->offset, sizeof r->offset, "%c%02d:%02d", sign, hours, minutes);
    return true;
}

static bool read_short_year(struct form_reader *r) {
    enum { FIRST_OF_1900 = 69 };
    if (!read_number(r, 2, 2, &r->year)) {
        return false;
    }
    r->year += r->year >= FIRST_OF_1900 ? 1900 : 2000;
    return true;
}

static bool read_second(struct form_reader *r, char next) {
    if (!read_number(r, 1, 2, &r->second)) {
        return false;
    }
    bool point = r->end - r->at >= 2 && (*r->at == '.' || *r->at == ',') && is_digit(r->at[1]);
    if (!point || next == *r->at) {
        return true;
    }
    r->at++;
    return read_fraction(r);
}

static bool read_half(struct form_reader *r) {
    if (r->end - r->at < 2 || (r->at[1] | 0x20) != 'm') {
        return false;
    }
    r->half = (*r->at | 0x20) == 'a' ? 1 : (*r->at | 0x20) == 'p' ? 2 : 0;
    r->at += 2;
    return r->half != 0;
}

static bool read_date_letter(struct form_reader *r, char letter) {
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
    int ignored;
    switch (letter) {
    case 'Y':
        return read_number(r, 4, 4, &r->year);
    case 'y':
        return read_short_year(r);
    case 'm':
        return read_number(r, 1, 2, &r->month);
    case 'e':
        skip_space(r);
        return read_number(r, 1, 2, &r->day);
    case 'd':
        return read_number(r, 1, 2, &r->day);
    case 'b':
    case 'B':
    case 'h':
        return read_name(r, months, 12, &r->month);
    default: // a, A
        return read_name(r, days, 7, &ignored);
    }
}

static bool read_time_letter(struct form_reader *r, char letter, char next) {
    switch (letter) {
    case 'H':
    case 'I':
        r->has_time = true;
        r->hour_of_half = letter == 'I';
        return read_number(r, 1, 2, &r->hour);
    case 'M':
        return read_number(r, 1, 2, &r->minute);
    case 'S':
        return read_second(r, next);
    case 'f':
        return read_fraction(r);
    case 'p':
        return read_half(r);
    default: // z
        return read_offset(r);
    }
}

// What a letter stands for that is made of others.
static const char *long_form(char letter) {
    return letter == 'F'   ? "%Y-%m-%d"
           : letter == 'T' ? "%H:%M:%S"
           : letter == 'R' ? "%H:%M"
           : letter == 'D' ? "%m/%d/%y"
                           : NULL;
}

static bool read_form(struct form_reader *r, const char *form) {
    for (; *form != '\0'; form++) {
        if (*form == ' ' || (*form == '%' && (form[1] == 'n' || form[1] == 't'))) {
            form += *form == '%';
            skip_space(r);
            continue;
        }
        if (*form != '%' || form[1] == '%') {
            form += *form == '%';
            if (r->at == r->end || *r->at++ != *form) {
                return false;
            }
            continue;
        }
        form++;
        bool ok = long_form(*form) != NULL              ? read_form(r, long_form(*form))
                  : strchr("YymdebBhaA", *form) != NULL ? read_date_letter(r, *form)
                                                        : read_time_letter(r, *form, form[1]);
        if (!ok) {
            return false;
        }
    }
    return true;
}

bool date_form_read(const char *form, struct text t, char out[static DATE_FORM_BYTES],
                    size_t *n_bytes) {
    struct form_reader r = {.at = t.at, .end = t.at + t.len};
    if (!read_form(&r, form) || r.at != r.end) {
        return false;
    }
    if (r.hour_of_half) {
        if (r.hour < 1 || r.hour > 12 || r.half == 0) {
            return false;
        }
        r.hour = r.hour % 12 + (r.half == 2 ? 12 : 0);
    } else if (r.half != 0 && r.hour <= 12) { // 14:30 PM says it twice, 02:30 PM once
        r.hour = r.hour % 12 + (r.half == 2 ? 12 : 0);
    } else if (r.half == 1) {
        return false; // 14:30 AM
    }
    if (r.month < 1 || r.month > 12 || r.day < 1 || r.day > 31) {
        return false; // of another form, as 18/07 is for month/day
    }
    int n = snprintf(out, DATE_FORM_BYTES, "%04d-%02d-%02d", r.year, r.month, r.day);
    if (r.has_time || r.offset[0] != '\0') {
        n += snprintf(out + n, DATE_FORM_BYTES - (size_t)n, "T%02d:%02d:%02d%s%s%s", r.hour,
                      r.minute, r.second, r.fraction[0] != '\0' ? "." : "", r.fraction, r.offset);
    }
    *n_bytes = (size_t)n;
    return true;
}

// --- Is it a form?

// Bits of the letters that are in it, or 0 when one is none.
static uint32_t letters_of(const char *form) {
    static const char known[] = "YymdebBhaAHIMSfpz";
    uint32_t found = UINT32_C(1) << 31;
    for (; *form != '\0'; form++) {
        if (*form != '%') {
            continue;
        }
        form++;
        if (*form == '%' || *form == 'n' || *form == 't') {
            continue;
        }
        const char *at = *form != '\0' ? strchr(known, *form) : NULL;
        uint32_t more = long_form(*form) != NULL ? letters_of(long_form(*form))
                        : at != NULL             ? UINT32_C(1) << (at - known)
                                                 : 0;
        if (more == 0) {
            return 0;
        }
        found |= more;
    }
    return found;
}

static bool has(uint32_t letters, const char *any) {
    static const char known[] = "YymdebBhaAHIMSfpz";
    for (; *any != '\0'; any++) {
        if ((letters >> (strchr(known, *any) - known) & 1) != 0) {
            return true;
        }
    }
    return false;
}

bool date_form_check(const char *form, struct error *err) {
    uint32_t letters = strlen(form) <= 64 ? letters_of(form) : 0;
    if (letters == 0) {
        return error_set(err, ERROR_USAGE,
                         "'%.64s' has a letter that is none of %%Y %%y %%m %%d %%e %%b %%B %%a %%A "
                         "%%H %%I %%M %%S %%f %%p %%z %%F %%T %%R %%D, or is longer than 64",
                         form);
    }
    if (!has(letters, "Yy") || !has(letters, "mbBh") || !has(letters, "de")) {
        return error_set(err, ERROR_USAGE, "'%s' says no year, month and day", form);
    }
    bool fits = has(letters, "I") ? has(letters, "p") : !has(letters, "p") || has(letters, "H");
    return fits || error_set(err, ERROR_USAGE,
                             "'%s': %%I (hours to 12) and %%p (AM, PM) go together", form);
}

// --- Counts since 1970

bool epoch_read(enum epoch_unit unit, struct text t, int64_t *out_ms) {
    enum { DIGITS_MAX = 19 };
    const int64_t most_s = INT64_C(100000000000);
    size_t at = 0;
    uint64_t whole = 0; // nineteen digits fit
    for (; at < t.len && is_digit(t.at[at]); at++) {
        if (at == DIGITS_MAX) {
            return false;
        }
        whole = whole * 10 + (uint64_t)(t.at[at] - '0');
    }
    size_t point = at;
    int64_t thousandths = 0;
    for (int i = 0; i < 3; i++) {
        size_t k = point + 1 + (size_t)i;
        thousandths = thousandths * 10 + (k < t.len && is_digit(t.at[k]) ? t.at[k] - '0' : 0);
    }
    if (at < t.len) {
        at++;
        while (at < t.len && is_digit(t.at[at])) {
            at++;
        }
        if (t.at[point] != '.' || at != t.len || at == point + 1) {
            return false;
        }
    }
    uint64_t per_ms = unit == EPOCH_NS ? 1000000 : unit == EPOCH_US ? 1000 : 1;
    if (point == 0 || (unit == EPOCH_S && whole > (uint64_t)most_s) ||
        whole / per_ms > (uint64_t)most_s * 1000) {
        return false;
    }
    *out_ms = unit == EPOCH_S ? (int64_t)whole * 1000 + thousandths : (int64_t)(whole / per_ms);
    return true;
}

enum epoch_unit epoch_unit_of(const char *name) {
    static const char *const names[] = {
        [EPOCH_S] = "s", [EPOCH_MS] = "ms", [EPOCH_US] = "us", [EPOCH_NS] = "ns"};
    for (int u = EPOCH_S; name != NULL && u <= EPOCH_NS; u++) {
        if (strcmp(name, names[u]) == 0) {
            return (enum epoch_unit)u;
        }
    }
    return EPOCH_NONE;
}
