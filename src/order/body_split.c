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
#include "order/order_json.h"

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

// One after the closing quote of the string that starts at `at`, or the end of the text.
static size_t skip_string(struct text t, size_t at) {
    for (at++; at < t.len; at++) {
        if (t.at[at] == '"') {
            return at + 1;
        }
        if (t.at[at] == '\\') {
            at++; // the escaped character, also a quote, does not end it
        }
    }
    return t.len;
}

// The first ',' or closing bracket outside strings and inner brackets, or the end of the text.
// Kinds of brackets are not told apart: a parser does that.
static size_t find_value_end(struct text t, size_t at) {
    size_t n_open = 0;
    while (at < t.len) {
        switch (t.at[at]) {
        case '"':
            at = skip_string(t, at);
            continue;
        case '{':
        case '[':
            n_open++;
            break;
        case '}':
        case ']':
            if (n_open == 0) {
                return at;
            }
            n_open--;
            break;
        case ',':
            if (n_open == 0) {
                return at;
            }
            break;
        default:
            break;
        }
        at++;
    }
    return t.len;
}

// One after the closing bracket of the object or array at `at`, or the end of the text.
static size_t find_container_end(struct text t, size_t at) {
    size_t close = find_value_end(t, at + 1);
    while (close < t.len && t.at[close] == ',') { // commas between its own members
        close = find_value_end(t, close + 1);
    }
    return close < t.len ? close + 1 : t.len;
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
    size_t end = find_container_end(t, s->at);
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
    if (!first) { // s->at is one after the last element, at what find_value_end stopped at
        if (t.at[from] == ']') {
            return end_of_array(s, from + 1);
        }
        from = skip_space(t, from + 1);
    } else if (from < t.len && t.at[from] == ']') {
        return malformed(s, from, "the array is empty");
    }
    size_t end = find_value_end(t, from);
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
