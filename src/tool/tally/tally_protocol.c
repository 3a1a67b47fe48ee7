// SPDX-License-Identifier: MIT
// Reads a line as JSON and takes its fields, one rule each; what it does not know it ignores.
//
// How it fails: the first field that is not as it must be is told. A line that is no JSON object,
// or whose `bytes` are none, may be followed by anything: then the reader is lost.
#include "tool/tally/tally_protocol.h"

#include <stdlib.h>
#include <yyjson.h>

struct taking {
    struct arena *arena;
    struct error *err;
    bool failed; // sticky
};

static void wrong(struct taking *t, const char *what) {
    if (!t->failed) {
        error_set(t->err, ERROR_USAGE, "%s", what);
    }
    t->failed = true;
}

static void *take_room(struct taking *t, size_t n, size_t size_bytes) {
    void *room = t->failed ? NULL : arena_try_alloc(t->arena, (n > 0 ? n : 1) * size_bytes);
    if (room == NULL) {
        wrong(t, "out of memory for a request");
    }
    return room;
}

static bool int_in(yyjson_val *v, int64_t least, int64_t most, int64_t *out) {
    bool fits = yyjson_is_sint(v) || (yyjson_is_uint(v) && yyjson_get_uint(v) <= INT64_MAX);
    *out = fits ? yyjson_get_sint(v) : 0;
    return fits && *out >= least && *out <= most;
}

static int64_t take_int(struct taking *t, yyjson_val *object, const char *name, int64_t least,
                        int64_t most) {
    int64_t v;
    if (!int_in(yyjson_obj_get(object, name), least, most, &v)) {
        char what[128];
        snprintf(what, sizeof what, "%s is not an integer from %lld to %lld", name,
                 (long long)least, (long long)most);
        wrong(t, what);
    }
    return v;
}

// A zero-terminated copy of at most so many bytes; absent: "".
static const char *take_string(struct taking *t, yyjson_val *object, const char *name,
                               size_t most) {
    yyjson_val *v = yyjson_obj_get(object, name);
    size_t len = yyjson_get_len(v);
    if (v == NULL || yyjson_is_null(v)) {
        return "";
    }
    if (!yyjson_is_str(v) || len > most || memchr(yyjson_get_str(v), '\0', len) != NULL) {
        char what[128];
        snprintf(what, sizeof what, "%s is not a text of up to %zu bytes", name, most);
        wrong(t, what);
        return "";
    }
    char *copy = take_room(t, len + 1, 1);
    if (copy == NULL) {
        return "";
    }
    memcpy(copy, yyjson_get_str(v), len);
    copy[len] = '\0';
    return copy;
}

static void take_topic(struct taking *t, yyjson_val *root, struct tally_request *out) {
    out->topic = take_string(t, root, "topic", TALLY_TOPIC_MAX);
    if (out->topic[0] == '\0') {
        wrong(t, "topic is missing");
    }
}

// --- claim

static int by_number(const void *a, const void *b) {
    const int32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void take_claim(struct taking *t, yyjson_val *root, struct tally_request *out) {
    take_topic(t, root, out);
    out->topic_id = take_string(t, root, "topic_id", LOG_TOPIC_ID_BYTES - 1);
    yyjson_val *anew = yyjson_obj_get(root, "anew");
    if (anew != NULL && !yyjson_is_bool(anew)) {
        wrong(t, "anew is neither true nor false");
    }
    out->anew = yyjson_is_true(anew);
    yyjson_val *list = yyjson_obj_get(root, "partitions"), *v;
    size_t n = yyjson_arr_size(list), i, max;
    if (n == 0) {
        wrong(t, "partitions is not a list of numbers");
    }
    int32_t *partitions = take_room(t, n, sizeof *partitions);
    if (partitions == NULL) {
        return;
    }
    yyjson_arr_foreach(list, i, max, v) {
        int64_t partition;
        if (!int_in(v, 0, TALLY_PARTITION_MAX, &partition)) {
            wrong(t, "partitions is not a list of numbers");
        }
        partitions[i] = (int32_t)partition;
    }
    qsort(partitions, n, sizeof *partitions, by_number);
    for (i = 1; i < n; i++) {
        if (partitions[i] == partitions[i - 1]) {
            wrong(t, "partitions has a partition twice");
        }
    }
    out->partitions = partitions;
    out->n_partitions = n;
}

// --- commit

static int by_partition(const void *a, const void *b) {
    const struct position_move *x = a, *y = b;
    return (x->partition > y->partition) - (x->partition < y->partition);
}

static struct position_move take_move(struct taking *t, yyjson_val *v) {
    const int64_t last = INT64_C(1) << POSITION_OFFSET_BITS;
    struct position_move m = {0};
    m.partition = (int32_t)take_int(t, v, "partition", 0, TALLY_PARTITION_MAX);
    m.from = take_int(t, v, "from", -1, last - 1);
    m.to = take_int(t, v, "to", m.from + 1, last);
    m.epoch_us = take_int(t, v, "epoch_us", 0, INT64_MAX);
    m.lane = (int32_t)take_int(t, v, "lane", 0, POSITION_LANE_MAX);
    m.window.offset = take_int(t, v, "window_offset", -1, m.to);
    m.window.time_ms = take_int(t, v, "window_ms", INT64_MIN, INT64_MAX);
    return m;
}

static void take_moves(struct taking *t, yyjson_val *root, struct tally_request *out) {
    yyjson_val *list = yyjson_obj_get(root, "moves"), *v;
    size_t n = yyjson_arr_size(list), i, max;
    if (n == 0) {
        wrong(t, "moves is not a list of moves");
    }
    struct position_move *moves = take_room(t, n, sizeof *moves);
    if (moves == NULL) {
        return;
    }
    yyjson_arr_foreach(list, i, max, v) {
        moves[i] = take_move(t, v);
    }
    qsort(moves, n, sizeof *moves, by_partition);
    for (i = 1; i < n; i++) {
        if (moves[i].partition == moves[i - 1].partition) {
            wrong(t, "moves has a partition twice");
        }
    }
    out->moves = moves;
    out->n_moves = n;
}

// False: there is no telling what follows the line.
static bool take_bytes(struct taking *t, yyjson_val *root, struct tally_request *out) {
    yyjson_val *list = yyjson_obj_get(root, "bytes"), *v;
    size_t n = yyjson_arr_size(list), i, max;
    if (list == NULL) {
        return true;
    }
    size_t *bytes = yyjson_is_arr(list) ? take_room(t, n, sizeof *bytes) : NULL;
    int64_t all = 0, one = 0;
    bool ok = bytes != NULL;
    if (ok) {
        yyjson_arr_foreach(list, i, max, v) {
            ok = ok && int_in(v, 1, TALLY_BYTES_MAX - all, &one);
            bytes[i] = (size_t)one;
            all += ok ? one : 0;
        }
    }
    if (!ok) {
        wrong(t, "bytes is not a list of lengths, or there is no memory for that many");
        return false;
    }
    out->bytes = bytes;
    out->n_tallies = n;
    return true;
}

// --- A line

static void take_verb(struct taking *t, yyjson_val *root, struct tally_request *out) {
    yyjson_val *verb = yyjson_obj_get(root, "do");
    if (yyjson_equals_str(verb, "claim")) {
        out->verb = TALLY_CLAIM;
        take_claim(t, root, out);
    } else if (yyjson_equals_str(verb, "state")) {
        out->verb = TALLY_STATE;
    } else if (yyjson_equals_str(verb, "commit")) {
        out->verb = TALLY_COMMIT;
        take_topic(t, root, out);
        take_moves(t, root, out);
    } else {
        wrong(t, "do is none of claim, state, commit");
    }
    if (out->verb != TALLY_COMMIT && out->n_tallies > 0) {
        wrong(t, "bytes belongs to commit alone");
    }
}

enum tally_line tally_request_read(struct text line, struct arena *arena, struct tally_request *out,
                                   struct error *err) {
    struct taking t = {.arena = arena, .err = err};
    *out = (struct tally_request){.topic = "", .topic_id = ""};
    yyjson_doc *doc = line.len > 0 ? yyjson_read(line.at, line.len, 0) : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc);
    enum tally_line result = TALLY_LINE_LOST;
    if (!yyjson_is_obj(root)) {
        wrong(&t, "a line is not a JSON object");
    } else if (take_bytes(&t, root, out)) {
        take_verb(&t, root, out);
        result = t.failed ? TALLY_LINE_BAD : TALLY_LINE_OK;
    }
    yyjson_doc_free(doc);
    return result;
}
