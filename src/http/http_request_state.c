// SPDX-License-Identifier: MIT
// The table of a request's states, and what must hold of it in each.
#include "http/http_internal.h"

static const struct state_row rows[REQUEST_STATES] = {
    [REQUEST_FREE] = {"free", STATE_BIT(REQUEST_READING)},
    // To free: the connection is gone, or a viewer's stream took its socket over.
    [REQUEST_READING] = {"reading", STATE_BIT(REQUEST_DRAINING) | STATE_BIT(REQUEST_SUSPENDED) |
                                        STATE_BIT(REQUEST_PARKED) | STATE_BIT(REQUEST_ANSWERED) |
                                        STATE_BIT(REQUEST_FREE)},
    [REQUEST_DRAINING] = {"draining", STATE_BIT(REQUEST_FREE)},
    [REQUEST_SUSPENDED] = {"suspended", STATE_BIT(REQUEST_ANSWERED)},
    [REQUEST_PARKED] = {"parked", STATE_BIT(REQUEST_RETURNED) | STATE_BIT(REQUEST_ORPHANED)},
    // To suspended: a worker renders its answer.
    [REQUEST_RETURNED] = {"returned", STATE_BIT(REQUEST_ANSWERED) | STATE_BIT(REQUEST_SUSPENDED) |
                                          STATE_BIT(REQUEST_FREE)},
    [REQUEST_ORPHANED] = {"orphaned", STATE_BIT(REQUEST_FREE)},
    [REQUEST_ANSWERED] = {"answered", STATE_BIT(REQUEST_FREE)},
};

static bool holds_body(const struct http_body *b) {
    return b->at != NULL || b->len > 0 || b->cap > 0;
}

// Looks at nothing that the intake or a worker may be writing: of a request that is away only what
// they leave alone.
static bool request_holds(const void *owner, uint8_t now) {
    const struct request *r = owner;
    bool connected = r->connection != NULL && r->connection->request == r && r->mhd != NULL;
    switch ((enum request_state)now) {
    case REQUEST_FREE: // nothing of the last one is left
        return r->connection == NULL && r->mhd == NULL && r->submission == NULL &&
               r->question == NULL && r->charged_bytes == 0 && !holds_body(&r->body) &&
               !holds_body(&r->unpacked) && !r->upload.listed;
    case REQUEST_READING:
        return connected && r->submission == NULL && r->question == NULL;
    case REQUEST_DRAINING: // holds no memory of a body that nobody will read
        return connected && r->submission == NULL && !holds_body(&r->body) && !r->upload.listed;
    case REQUEST_SUSPENDED:
        return connected && !r->upload.listed && (r->submission != NULL || r->question != NULL);
    case REQUEST_PARKED:
    case REQUEST_RETURNED:
        return connected && r->submission != NULL && r->server->n_parked > 0;
    case REQUEST_ORPHANED: // the library has freed these
        return r->connection == NULL && r->mhd == NULL && r->submission != NULL &&
               r->server->n_parked > 0;
    case REQUEST_ANSWERED:
        return connected;
    case REQUEST_STATES:
        break;
    }
    return false;
}

const struct state_table request_states = {"request", rows, REQUEST_STATES, request_holds};
