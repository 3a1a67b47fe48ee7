// SPDX-License-Identifier: MIT
// The query side of the HTTP API: parameters into questions, answers into JSON. Parsing is pure;
// the others ask a reader, so they run on a thread that has one.
#pragma once
#include "base/buf.h"
#include "base/must.h"
#include "http/http_ports.h"
#include "store/sales_reader.h"

enum {
    API_ANSWER_MAX_BYTES = 32 * 1024 * 1024, // an answer that would be longer is an ERROR_USAGE
};

enum { FILTER_MAX_BYTES = 4096 }; // of all values of a question together

struct sales_request {
    struct sales_query query; // its texts are in `texts`
    bool has_from, has_to;
    bool csv;
    char texts[FILTER_MAX_BYTES];
    size_t n_texts_bytes;
};

// GET /v1/sales. On failure `detail` says which parameter is wrong and what it takes.
// `out` stays where it is.
MUST_CHECK bool sales_request_parse(const struct question_param *params, size_t n,
                                    const struct question_facts *facts, struct sales_request *out,
                                    char detail[static QUESTION_DETAIL_BYTES]);
struct rejected_request {
    int64_t before_id, limit;
};
// GET /v1/rejected; as above.
MUST_CHECK bool rejected_request_parse(const struct question_param *params, size_t n,
                                       struct rejected_request *out,
                                       char detail[static QUESTION_DETAIL_BYTES]);
// A call that takes no parameter; as above.
MUST_CHECK bool no_params_parse(const struct question_param *params, size_t n,
                                char detail[static QUESTION_DETAIL_BYTES]);
// A path's {order_id}, decoded. False: no order can have this id.
MUST_CHECK bool order_request_parse(struct text path_segment, struct ident *out);

// Each writes the whole answer as JSON (sales: or as CSV). False: the reader failed, or the answer
// would be too long (ERROR_USAGE). Sales: within a snapshot.
MUST_CHECK bool sales_api_sales(struct sales_reader *reader, const struct sales_request *request,
                                const struct question_facts *facts, struct buf *out,
                                struct error *err);
MUST_CHECK bool sales_api_rejected(struct sales_reader *reader,
                                   const struct rejected_request *request, struct buf *out,
                                   struct error *err);
// *found: whether anything is known of this order.
MUST_CHECK bool sales_api_order(struct sales_reader *reader, struct ident order_id, struct buf *out,
                                bool *found, struct error *err);
// Each event of an order with every sum that it changed: trace.c. *found as above.
MUST_CHECK bool sales_api_trace(struct sales_reader *reader, struct ident order_id,
                                const struct zone *zone, struct buf *out, bool *found,
                                struct error *err);

// What the above share. An event as an object; whether a whole answer was written, else err says
// what to do.
void sales_event_json(struct buf *out, const struct stored_event *e);
MUST_CHECK bool sales_api_finish(const struct buf *out, const char *what_to_do, struct error *err);
