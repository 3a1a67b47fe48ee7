// SPDX-License-Identifier: MIT
#include "http/http_answer.h"

#include "http/problem.h"

struct answer_counts answer_count(const struct submission *s) {
    struct answer_counts n = {0};
    for (size_t i = 0; i < s->n_events; i++) {
        switch (s->events[i].verdict) {
        case VERDICT_ACCEPTED:
            n.accepted++;
            break;
        case VERDICT_DUPLICATE:
            n.duplicate++;
            break;
        case VERDICT_NEW: // cannot be after settling
        case VERDICT_REJECTED:
            n.rejected++;
            break;
        }
    }
    return n;
}

unsigned answer_status(const struct answer_counts *counts) {
    return counts->accepted + counts->duplicate > 0 ? 202 : 422;
}

static void put_error(struct buf *out, size_t index, const struct rejection *why) {
    buf_put_str(out, "{\"index\":");
    buf_put_i64(out, (int64_t)index);
    buf_put_str(out, ",\"field\":");
    buf_put_json(out, text_of(why->field));
    buf_put_str(out, ",\"code\":\"");
    buf_put_str(out, why->code);
    buf_put_str(out, "\",\"message\":");
    buf_put_json(out, text_of(why->message));
    buf_put_char(out, '}');
}

void answer_put(struct buf *out, const struct submission *s, const struct answer_counts *counts) {
    if (answer_status(counts) == 422) {
        problem_open(out, PROBLEM_NOTHING_ACCEPTED,
                     s->n_events == 0 ? "there is no event in the body"
                                      : "see errors; nothing of this request was taken");
        buf_put_char(out, ',');
    } else {
        buf_put_char(out, '{');
    }
    answer_put_counts(out, s, counts);
}

void answer_put_counts(struct buf *out, const struct submission *s,
                       const struct answer_counts *counts) {
    buf_printf(out, "\"accepted\":%zu,\"duplicate\":%zu,\"rejected\":%zu,\"errors\":[",
               counts->accepted, counts->duplicate, counts->rejected);
    bool first = true;
    for (size_t i = 0; i < s->n_events; i++) {
        if (s->events[i].why != NULL) {
            if (!first) {
                buf_put_char(out, ',');
            }
            first = false;
            put_error(out, i, s->events[i].why);
        }
    }
    buf_put_str(out, "]}");
}
