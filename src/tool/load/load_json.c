// SPDX-License-Identifier: MIT
// JSON files.
//
// NDJSON: read a block of a little over 1 MiB, find the line ends (memchr), hand each line to the
// sink as a slice of the block, carry the unfinished last line over into the next block. Nothing is
// copied and nothing allocated per line. A line longer than an event may be is one rejected event;
// its rest is passed over.
//
// A document that is an array (or one event over several lines) is read whole, up to 1 GiB, and
// checked to its end before its first event is handed over: a broken array is refused, not half
// loaded.
#include "tool/load/load_file.h"

#include "base/buf.h"
#include "base/mem.h"
#include "format/order_json.h"
#include <stdlib.h>

enum {
    BLOCK_BYTES = ORDER_EVENT_MAX_BYTES + 256 * 1024, // the longest line, and room to read
    DOCUMENT_MAX_BYTES = 1024 * 1024 * 1024,
};

// --- NDJSON

struct line_reader {
    const struct load_job *job;
    struct load_input *in;
    struct load_block *block;
    size_t at;     // in the block: start of the first line not handed over
    int64_t line;  // its number
    bool skipping; // in the rest of a line that is too long
    bool started;  // the byte order mark has been looked for
};

static bool reject_long(const struct load_job *job, struct text event, int64_t line,
                        struct error *err) {
    struct load_place place = {job->name, line};
    event.len = ORDER_REJECTED_TEXT_MAX_BYTES + 1; // kept, and one to tell that it is cut
    return job->sink->ops->too_long(job->sink, event, place, err);
}

static bool hand_over_line(struct line_reader *r, struct text line, struct error *err) {
    struct load_place place = {r->job->name, r->line};
    struct text event = text_trim(line);
    if (event.len == 0) {
        return true;
    }
    if (event.len > ORDER_EVENT_MAX_BYTES) {
        return reject_long(r->job, event, r->line, err);
    }
    return r->job->sink->ops->json(r->job->sink, event, r->block, place, err);
}

// Hands over every line that ends in the block.
static bool hand_over_lines(struct line_reader *r, struct error *err) {
    const char *end = r->block->bytes + r->block->len;
    for (;;) {
        const char *at = r->block->bytes + r->at;
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        if (lf == NULL) {
            return true;
        }
        if (!r->skipping && !hand_over_line(r, (struct text){at, (size_t)(lf - at)}, err)) {
            return false;
        }
        r->skipping = false;
        r->at += (size_t)(lf + 1 - at);
        r->line++;
    }
}

// The block is full: a fresh one with the unfinished line. A line that fills all of it is
// too long to be an event.
static bool next_block(struct line_reader *r, struct error *err) {
    struct text rest = {r->block->bytes + r->at, r->block->len - r->at};
    if (r->skipping) {
        rest.len = 0;
    } else if (rest.len > ORDER_EVENT_MAX_BYTES) {
        if (!reject_long(r->job, rest, r->line, err)) {
            return false;
        }
        r->skipping = true;
        rest.len = 0;
    }
    struct load_block *fresh = load_block_new(BLOCK_BYTES);
    memcpy(fresh->bytes, rest.at, rest.len);
    fresh->len = rest.len;
    load_block_drop(r->block);
    r->block = fresh;
    r->at = 0;
    return true;
}

static void skip_byte_order_mark(struct line_reader *r) {
    if (!r->started && r->block->len >= 3) {
        r->started = true;
        r->at = memcmp(r->block->bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    }
}

// One read and what it brings. *ended: nothing more comes.
static bool read_lines(struct line_reader *r, bool *ended, struct error *err) {
    struct load_block *b = r->block;
    size_t n = 0;
    switch (load_input_read(r->in, b->bytes + b->len, BLOCK_BYTES - b->len, &n, err)) {
    case INPUT_BYTES:
        b->len += n;
        skip_byte_order_mark(r);
        return hand_over_lines(r, err) && (b->len < BLOCK_BYTES || next_block(r, err));
    case INPUT_IDLE: // what came is not kept waiting
        return r->job->sink->ops->flush(r->job->sink, err);
    case INPUT_END: {
        *ended = true;
        struct text last = {b->bytes + r->at, b->len - r->at};
        return r->skipping || last.len == 0 || hand_over_line(r, last, err);
    }
    default: // the lines before are whole, the last one may not be
        return false;
    }
}

bool load_ndjson(const struct load_job *job, struct load_input *in, struct error *err) {
    struct line_reader r = {.job = job, .in = in, .block = load_block_new(BLOCK_BYTES), .line = 1};
    bool ended = false, ok = true;
    while (ok && !ended && !load_must_stop(job, in)) {
        ok = read_lines(&r, &ended, err);
    }
    load_block_drop(r.block);
    return ok;
}

// --- Documents

static bool read_document(const struct load_job *job, struct load_input *in, struct buf *out,
                          struct error *err) {
    while (!load_must_stop(job, in)) {
        size_t n = 0;
        if (out->len >= DOCUMENT_MAX_BYTES) {
            return error_set(err, ERROR_FATAL,
                             "%s: a JSON array of more than 1 GiB; write it as NDJSON, one event a "
                             "line (jq -c '.[]')",
                             job->name);
        }
        if (!buf_reserve(out, BLOCK_BYTES)) {
            return error_set(err, ERROR_RETRIABLE, "%s: out of memory", job->name);
        }
        switch (load_input_read(in, out->at + out->len, BLOCK_BYTES, &n, err)) {
        case INPUT_BYTES:
            out->len += n;
            break;
        case INPUT_END:
            return true;
        case INPUT_FAILED:
            return false;
        default:
            break;
        }
    }
    return true;
}

// Is all of it JSON? Events that are JSON but no orders are the sink's to reject.
static bool check_document(const struct load_job *job, struct text document, struct error *err) {
    struct order_json *parser = mem_must(order_json_new(NULL));
    struct arena arena = {0};
    struct body_split split;
    struct text event;
    enum body_next next;
    int64_t number = 0;
    bool ok = true;
    body_split_start(&split, document, BODY_JSON);
    while (ok && (next = body_split_next(&split, &event)) != BODY_END) {
        if (next == BODY_MALFORMED) {
            size_t offset = 0;
            const char *problem = body_split_problem(&split, &offset);
            ok =
                error_set(err, ERROR_FATAL, "%s: not JSON at byte %zu: %s; nothing of it is loaded",
                          job->name, offset, problem);
            break;
        }
        struct order order;
        struct rejection why;
        number++;
        if (order_json_parse(parser, job->sink->ops->rules(job->sink), event, &arena, &order,
                             &why) == ORDER_JSON_BROKEN &&
            !order_json_is_whole(parser, event, &arena)) {
            ok = error_set(err, ERROR_FATAL,
                           "%s: event %lld is not JSON: %s; nothing of it is loaded", job->name,
                           (long long)number, why.message);
        }
        arena_reset(&arena);
    }
    arena_free(&arena);
    order_json_free(parser);
    return ok;
}

static bool hand_over_document(const struct load_job *job, struct load_input *in,
                               struct load_block *block, struct error *err) {
    struct body_split split;
    struct text event;
    int64_t number = 0;
    body_split_start(&split, (struct text){block->bytes, block->len}, BODY_JSON);
    while (body_split_next(&split, &event) == BODY_EVENT && !load_must_stop(job, in)) {
        struct load_place place = {job->name, ++number};
        if (event.len > ORDER_EVENT_MAX_BYTES
                ? !reject_long(job, event, number, err)
                : !job->sink->ops->json(job->sink, event, block, place, err)) {
            return false;
        }
    }
    return true;
}

bool load_json_document(const struct load_job *job, struct load_input *in, struct error *err) {
    struct buf text = {0};
    bool ok = read_document(job, in, &text, err) && !load_must_stop(job, in) &&
              check_document(job, buf_text(&text), err);
    if (ok && text.len > 0) {
        struct load_block *block = load_block_new(text.len);
        memcpy(block->bytes, text.at, text.len);
        block->len = text.len;
        buf_free(&text);
        ok = hand_over_document(job, in, block, err);
        load_block_drop(block);
    }
    buf_free(&text);
    return ok || err->cls == ERROR_NONE; // stopped
}
