// SPDX-License-Identifier: MIT
// A request body cut into the texts of its events, without parsing them.
//
// Happy path: body_split_start skips a byte order mark and white space and decides by the first
// character: '[' is an array, '{' with a line end and more after its closing brace is NDJSON, all
// else is one event. body_split_next then gives one event after the other: elements of the array
// (brackets are counted, strings are skipped), or lines.
//
// Fails (BODY_MALFORMED): nothing in the body, an empty array, what stands between the elements or
// after the end is not what must be there. What is inside an event is the parser's affair.
#include "format/order_json.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

// JSON's white space: no other character may stand around a value.
static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(struct text t, size_t at) {
    while (at < t.len && is_space(t.at[at])) {
        at++;
    }
    return at;
}

static struct text slice_trimmed(struct text t, size_t from, size_t to) {
    while (from < to && is_space(t.at[from])) {
        from++;
    }
    while (to > from && is_space(t.at[to - 1])) {
        to--;
    }
    return (struct text){t.at + from, to - from};
}

// --- Finding where a value ends: brackets are counted, strings are skipped. A parser then checks
// what is inside; here kinds of brackets are not told apart.

struct bracket_scan {
    struct text t;
    size_t at;
    size_t n_open;
    bool in_string;
    bool stop_at_comma; // outside brackets
};

// Goes over the bytes before `limit` one by one. True: s->at is where the value ends.
static bool scan_bytes(struct bracket_scan *s, size_t limit) {
    for (; s->at < limit; s->at++) {
        char c = s->t.at[s->at];
        if (s->in_string) {
            s->at += c == '\\'; // the escaped character, also a quote, does not end the string
            s->in_string = c != '"';
        } else if (c == '"') {
            s->in_string = true;
        } else if (c == '{' || c == '[') {
            s->n_open++;
        } else if (c == '}' || c == ']') {
            if (s->n_open == 0) {
                return true;
            }
            s->n_open--;
        } else if (c == ',' && s->n_open == 0 && s->stop_at_comma) {
            return true;
        }
    }
    return false;
}

#ifdef __SSE2__
enum { BLOCK_BYTES = 64 };

struct block_marks { // bit i: byte i is such a character
    uint64_t quotes, escapes, brackets, commas;
};

static inline struct block_marks mark_block(const char *at) {
    struct block_marks m = {0};
    for (int i = 0; i < BLOCK_BYTES; i += 16) {
        __m128i w = _mm_loadu_si128((const __m128i *)(at + i));
        __m128i folded = _mm_or_si128(w, _mm_set1_epi8(0x20)); // '[' and ']' become '{' and '}'
        __m128i brackets = _mm_or_si128(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{')),
                                        _mm_cmpeq_epi8(folded, _mm_set1_epi8('}')));
        __m128i quotes = _mm_cmpeq_epi8(w, _mm_set1_epi8('"'));
        __m128i escapes = _mm_cmpeq_epi8(w, _mm_set1_epi8('\\'));
        __m128i commas = _mm_cmpeq_epi8(w, _mm_set1_epi8(','));
        m.quotes |= (uint64_t)(uint32_t)_mm_movemask_epi8(quotes) << i;
        m.escapes |= (uint64_t)(uint32_t)_mm_movemask_epi8(escapes) << i;
        m.brackets |= (uint64_t)(uint32_t)_mm_movemask_epi8(brackets) << i;
        m.commas |= (uint64_t)(uint32_t)_mm_movemask_epi8(commas) << i;
    }
    return m;
}

// Bit i: an odd number of bits 0 .. i is set.
static inline uint64_t odd_so_far(uint64_t bits) {
    for (unsigned n = 1; n < 64; n *= 2) {
        bits ^= bits << n;
    }
    return bits;
}

// As scan_bytes for the next 64 bytes, several times as fast: of most blocks only the brackets
// outside strings are looked at, and a block of an order has few.
static inline bool scan_block(struct bracket_scan *s) {
    struct block_marks m = mark_block(s->t.at + s->at);
    if (m.escapes != 0) {
        return scan_bytes(s, s->at + BLOCK_BYTES);
    }
    uint64_t inside = odd_so_far(m.quotes) ^ (s->in_string ? ~UINT64_C(0) : 0);
    uint64_t brackets = m.brackets & ~inside;
    uint64_t commas = s->stop_at_comma ? m.commas & ~inside : 0;
    for (;;) {
        uint64_t next = s->n_open == 0 ? brackets | commas : brackets;
        if (next == 0) {
            break;
        }
        unsigned i = (unsigned)__builtin_ctzll(next);
        char c = s->t.at[s->at + i];
        if (c == '{' || c == '[') {
            s->n_open++;
        } else if (s->n_open == 0) { // a closing bracket or a comma
            s->at += i;
            return true;
        } else {
            s->n_open--;
        }
        uint64_t after = ~UINT64_C(1) << i;
        brackets &= after;
        commas &= after;
    }
    s->in_string = inside >> 63 != 0;
    s->at += BLOCK_BYTES;
    return false;
}
#endif

// The first closing bracket (or comma) outside strings and inner brackets from `at` on, or the end
// of the text.
static size_t find_end(struct text t, size_t at, bool stop_at_comma) {
    struct bracket_scan s = {.t = t, .at = at, .stop_at_comma = stop_at_comma};
#ifdef __SSE2__
    while (s.at < t.len && t.len - s.at >= BLOCK_BYTES) {
        if (scan_block(&s)) {
            return s.at;
        }
    }
#endif
    return scan_bytes(&s, t.len) ? s.at : t.len;
}

static bool has_line_end(struct text t, size_t from, size_t to) {
    return to > from && memchr(t.at + from, '\n', to - from) != NULL;
}

static enum body_next malformed(struct body_split *s, size_t at, const char *problem) {
    s->state = SPLIT_DONE;
    s->at = at;
    s->problem = problem;
    return BODY_MALFORMED;
}

// The body starts with '{': one object, or objects one a line?
static void decide_object(struct body_split *s) {
    struct text t = s->body;
    s->state = SPLIT_ONE;
    if (!has_line_end(t, s->at, t.len)) {
        return;
    }
    size_t close = find_end(t, s->at + 1, false);
    size_t end = close < t.len ? close + 1 : close;
    size_t more = skip_space(t, end);
    if (more == t.len) {
        return; // also when the object does not end: its parser will say so
    }
    if (!has_line_end(t, end, more)) {
        (void)malformed(s, more,
                        "something follows the object on its last line; send one object, "
                        "an array, or one object a line");
    } else if (has_line_end(t, s->at, end)) {
        (void)malformed(s, more,
                        "a second value follows an object of several lines; send an "
                        "array, or one object a line");
    } else {
        s->state = SPLIT_LINES;
    }
}

void body_split_start(struct body_split *s, struct text body, enum body_form form) {
    *s = (struct body_split){.body = body, .first = true};
    if (body.len >= 3 && memcmp(body.at, "\xEF\xBB\xBF", 3) == 0) {
        s->at = 3;
    }
    s->at = skip_space(body, s->at);
    if (s->at == body.len) {
        (void)malformed(s, s->at, "the body is empty");
    } else if (form == BODY_LINES) {
        s->state = SPLIT_LINES;
    } else if (body.at[s->at] == '[') {
        s->state = SPLIT_ARRAY;
        s->at++;
    } else if (body.at[s->at] == '{') {
        decide_object(s);
    } else {
        s->state = SPLIT_ONE; // not an order; its parser says what it is
    }
}

static enum body_next next_line(struct body_split *s, struct text *event) {
    struct text t = s->body;
    while (s->at < t.len) {
        const char *from = t.at + s->at;
        const char *line_end = memchr(from, '\n', t.len - s->at);
        size_t end = line_end == NULL ? t.len : (size_t)(line_end - t.at);
        *event = slice_trimmed(t, s->at, end);
        s->at = end < t.len ? end + 1 : end;
        if (event->len > 0) {
            return BODY_EVENT;
        }
    }
    s->state = SPLIT_DONE;
    return BODY_END;
}

static enum body_next end_of_array(struct body_split *s, size_t after) {
    size_t more = skip_space(s->body, after);
    if (more < s->body.len) {
        return malformed(s, more, "something follows the end of the array");
    }
    s->at = more;
    s->state = SPLIT_DONE;
    return BODY_END;
}

static enum body_next next_element(struct body_split *s, struct text *event) {
    struct text t = s->body;
    bool first = s->first;
    s->first = false;
    size_t from = skip_space(t, s->at);
    if (!first) { // s->at is one after the last element, at what find_end stopped at
        if (t.at[from] == ']') {
            return end_of_array(s, from + 1);
        }
        from = skip_space(t, from + 1);
    } else if (from < t.len && t.at[from] == ']') {
        return malformed(s, from, "the array is empty");
    }
    size_t end = find_end(t, from, true);
    if (end == t.len) {
        return malformed(s, end, "the array does not end: ] is missing");
    }
    if (t.at[end] == '}') {
        return malformed(s, end, "a } in the array that closes nothing");
    }
    if (end == from) {
        return malformed(s, end,
                         "an element of the array is missing: there is nothing before this "
                         "comma or bracket");
    }
    *event = slice_trimmed(t, from, end);
    s->at = end;
    return BODY_EVENT;
}

enum body_next body_split_next(struct body_split *s, struct text *event) {
    switch (s->state) {
    case SPLIT_ONE:
        *event = slice_trimmed(s->body, s->at, s->body.len);
        s->state = SPLIT_DONE;
        return BODY_EVENT;
    case SPLIT_LINES:
        return next_line(s, event);
    case SPLIT_ARRAY:
        return next_element(s, event);
    case SPLIT_DONE:
        break;
    }
    return s->problem == NULL ? BODY_END : BODY_MALFORMED;
}

const char *body_split_problem(const struct body_split *s, size_t *offset) {
    *offset = s->at;
    return s->problem;
}
