// SPDX-License-Identifier: MIT
// What the door asks of the parts that show sales, so that it knows none of them: a stream of
// events, questions to the store, files of the page. Each is plain data and functions, handed in by
// the host; the ones that are there are in live/.
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include "base/must.h"
#include "base/text.h"
#include "order/zone.h"
#include "store/sales_reader.h"
#include <stddef.h>
#include <stdint.h>

// --- The stream: GET /v1/stream

// One rendered server-sent event ("id: ...\nevent: ...\ndata: ...\n\n"), immutable. Whoever is
// handed one holds a reference to it and releases it.
struct stream_event {
    uint64_t id;
    size_t len;
    const char *bytes;
};

struct http_stream_ops {
    // The next event for a viewer whose last one was *last_id (0, or an id that is not known any
    // more: all there is to show), and moves *last_id on. NULL: nothing new. Loop's thread, so it
    // never blocks for long.
    const struct stream_event *(*next)(void *of, uint64_t *last_id);
    void (*release)(const struct stream_event *event); // any thread
    // Told whenever it changes. Loop's thread.
    void (*set_viewers)(void *of, int64_t n);
    // After a change every viewer has what there is, or waits for its own socket. Loop's thread.
    void (*served)(void *of);
};
struct http_stream {
    const struct http_stream_ops *ops; // NULL: there is no stream
    void *of;
};

// --- Questions: GET /v1/sales and others

// One query parameter, decoded.
struct question_param {
    struct text name, value;
};
enum { QUESTION_DETAIL_BYTES = 256 };

// What questions depend on besides their parameters.
struct question_facts {
    const struct zone *zone; // the shop's
    const char *timezone;    // its name
    int64_t max_rows;        // of one answer
    int64_t now_ms;          // UTC
    int64_t started_ms;      // of the process
    int64_t deadline_ns;     // monotonic: an answer by then, or none. Set when it is asked
    bool wants_csv;          // by its Accept header
    struct text known;       // its If-None-Match header; absent: none. Lives as the question
};

enum question_result {
    QUESTION_OK,
    QUESTION_BAD,       // a parameter is wrong: detail names it and what it takes
    QUESTION_NOT_FOUND, // what was asked for is not there: detail
    QUESTION_UNCHANGED, // the client has the answer already: facts.known holds its etag
    QUESTION_FAILED,    // err tells. ERROR_USAGE: the answer would be too long
};

struct question_answer {
    struct buf body;
    const char *content_type; // static; NULL: JSON
    const char *disposition;  // static; NULL: none
    char etag[64];            // quoted; empty: none
};

struct question_kind {
    // "/v1/sales"; or, ending with a slash, "/v1/orders/": one segment follows, which is part of
    // the question.
    const char *path;
    // "/trace": so the target ends, which is no part of the segment; NULL: with the segment. A
    // slash of the segment itself is written as %2F, then. Kinds with one come first.
    const char *tail;
    size_t bytes; // of what parse fills
    // Fills `q` (zeroed, aligned as by malloc). `segment`: what follows the path, decoded. All that
    // is borrowed is gone afterwards. Loop's thread.
    enum question_result (*parse)(const struct question_facts *facts, struct text segment,
                                  const struct question_param *params, size_t n_params, void *q,
                                  char detail[static QUESTION_DETAIL_BYTES]);
    // Asks the reader and makes the whole answer. Worker's thread.
    enum question_result (*ask)(struct sales_reader *reader, const struct question_facts *facts,
                                const void *q, struct question_answer *out,
                                char detail[static QUESTION_DETAIL_BYTES], struct error *err);
};
struct http_questions {
    const struct question_kind *kinds;
    size_t n;
};

// --- Rules of alerts: GET and PUT /v1/alerts/rules

enum { RULES_TAG_BYTES = 64, RULES_BODY_MAX_BYTES = 64 * 1024 };
enum rules_put {
    RULES_TAKEN,       // they are in force
    RULES_WRONG,       // *mistake
    RULES_OTHERS,      // there is another text than the one that was known
    RULES_NOT_WRITTEN, // err
};
struct rules_mistake {
    size_t line;      // from 1
    char rule[48];    // its name; empty: none can be told
    const char *part; // of the rule; static
    char text[200];   // what is wanted there
};
// Both on a worker's thread: they wait for a disk. etag: quoted, of the text that there is then.
struct http_rules {
    // NULL: there are no rules to read or change.
    bool (*get)(void *of, struct buf *lines, char etag[static RULES_TAG_BYTES], struct error *err);
    // known: the tag of the text that `lines` take the place of; absent: of any.
    enum rules_put (*put)(void *of, struct text lines, struct text known,
                          char etag[static RULES_TAG_BYTES], struct rules_mistake *mistake,
                          struct error *err);
    void *of;
};

// --- Files: the page and the API's description

struct http_file {
    const char *path; // "/", "/favicon.svg", ...
    const char *content_type;
    char etag[40]; // quoted, from the content
    const unsigned char *bytes;
    size_t len;
    const char *scripts, *styles; // that may run and be used in it, as in a policy; NULL: none
    bool gzip;                    // bytes are packed; clients that take no gzip get them unpacked
    bool is_page;                 // of the page, on which people sign in: no key is asked for
};
struct http_files {
    size_t (*count)(void);
    // The i-th one; what it points to lives as long as the process.
    struct http_file (*at)(size_t i);
};
