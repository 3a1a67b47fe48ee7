// SPDX-License-Identifier: MIT
// The events in a tally: rejected ones, the newest orders, what is still to be counted; and gross
// sums. Every field has to keep the rule that it keeps in an order that was read from its text, so
// that no store meets anything else.
//
// Fails as tally_take.h says: what does not make sense, or memory is refused.
#include "store/raw_items.h"
#include "store/tally_take.h"
#include "sums/currency.h"

enum {
    FIELD_MAX_BYTES = sizeof((struct rejection){0}.field) - 1,
    MESSAGE_MAX_BYTES = sizeof((struct rejection){0}.message) - 1,
    RAW_MAX_BYTES = INT32_MAX,         // of a whole message
    IDENT_LEAST_BYTES = 8,             // of a number
    REJECTED_LEAST_BYTES = 25 + 5 * 4, // without any text
    EVENT_LEAST_BYTES = 18 + 8 + 2 * 8 + 4 * 4 + 3 + 7 * 8,
    GROSS_BYTES = 12,
};

// Where the event stands: in the range that was judged.
static int64_t take_position(struct tally_bytes *b, const struct position_move *move) {
    int64_t position = tally_take_i64(b);
    int64_t offset = log_position_offset(position);
    tally_want(b,
               position >= 0 && log_position_lane(position) == move->lane && offset < move->to &&
                   offset >= move->from,
               "an event stands outside its range");
    return position;
}

static int64_t take_arrival(struct tally_bytes *b) {
    return tally_take_in(b, 0, TALLY_ARRIVAL_LAST_MS, "an event arrived at no time there is");
}

// --- Rejected events

static struct text take_utf8(struct tally_bytes *b, size_t most_bytes, const char *what) {
    struct text t = tally_take_text(b, most_bytes, what);
    tally_want(b, t.at != NULL && text_is_utf8(t), what);
    return t;
}

static void take_rejected_event(struct tally_bytes *b, const struct position_move *move,
                                struct rejected_event *r) {
    r->partition = move->partition;
    r->position = take_position(b, move);
    r->arrival_ms = take_arrival(b);
    uint64_t refused = tally_take_number(b, 1);
    tally_want(b, refused <= 1, "a rejected event is neither refused nor not");
    r->refused = refused == 1;
    r->raw_bytes = (size_t)tally_take_in(b, 0, RAW_MAX_BYTES, "a message is too long");
    r->field = take_utf8(b, FIELD_MAX_BYTES, "a rejected event's field is none");
    struct text code = take_utf8(b, FIELD_MAX_BYTES, "a rejected event's code is none");
    r->code = text_of(reject_code_of(code)); // static
    tally_want(b, r->code.at != NULL, "a rejected event's code is not known");
    r->message = take_utf8(b, MESSAGE_MAX_BYTES, "a rejected event's message is none");
    r->raw = tally_take_text(b, ORDER_REJECTED_TEXT_MAX_BYTES, "a rejected event is too long");
    tally_want(b, r->raw.len <= r->raw_bytes, "a rejected event is longer than its message");
    r->event_key = tally_take_text(b, RAW_MAX_BYTES, "a rejected event's key is too long");
}

void tally_take_rejected(struct tally_bytes *b, struct tally *t) {
    static const char count[] = "its rejected events are not as many as it counts";
    t->n_rejected = tally_take_count(b, REJECTED_LEAST_BYTES, count);
    tally_want(b, (int64_t)t->n_rejected == t->summary.counts.rejected, count);
    struct rejected_event *r = tally_room(b, t->n_rejected, sizeof *r);
    for (size_t i = 0; r != NULL && i < t->n_rejected && !b->failed; i++) {
        take_rejected_event(b, &t->move, &r[i]);
    }
    t->rejected = r;
}

// --- Orders

static int64_t take_amount(struct tally_bytes *b, int64_t least_e4) {
    return tally_take_in(b, least_e4, MONEY_LIMIT_E4 - 1, "an amount is out of range");
}

static void take_names(struct tally_bytes *b, struct order *o) {
    o->order_id = tally_take_ident(b, ORDER_ID_MAX, "an order_id is none");
    tally_want(b, ident_present(o->order_id), "an event has no order_id");
    o->customer_id = tally_take_ident(b, ORDER_ID_MAX, "a customer_id is none");
    o->product_id = tally_take_ident(b, ORDER_TEXT_MAX, "a product_id is none");
    o->event_id = tally_take_words(b, ORDER_ID_MAX, "an event_id is none");
    tally_want(b, o->kind != ORDER_REFUNDED || o->event_id.at != NULL, "a refund has no event_id");
    o->source = tally_take_words(b, ORDER_TEXT_MAX, "a source is none");
    o->state = tally_take_words(b, ORDER_TEXT_MAX, "a state is none");
    tally_want(b, o->source.at != NULL && o->state.at != NULL, "an event has no source or state");
    o->items_json = tally_take_text(b, ORDER_EVENT_MAX_BYTES, "items are too long");
    tally_want(b, ident_present(o->product_id) == (o->items_json.at == NULL),
               "an event has not either a product or items");
    tally_want(b, o->items_json.at == NULL || text_is_utf8(o->items_json), "items are no text");
    tally_take_currency(b, o->currency);
}

static void take_figures(struct tally_bytes *b, struct order *o) {
    static const int64_t most = (int64_t)ORDER_QUANTITY_MAX * ORDER_ITEMS_MAX;
    o->created_ms = tally_take_in(b, 0, TALLY_CREATED_LAST_MS, "created_at is no time there is");
    o->quantity = tally_take_in(b, 0, most, "a quantity is out of range");
    o->subtotal_e4 = take_amount(b, 0);
    o->discount_e4 = take_amount(b, 0);
    o->shipping_e4 = take_amount(b, 0);
    o->tax_e4 = take_amount(b, 0);
    o->total_e4 = take_amount(b, 1 - MONEY_LIMIT_E4);
}

static void take_stored(struct tally_bytes *b, const struct position_move *move, bool placed,
                        struct stored_event *e) {
    e->position = take_position(b, move);
    e->arrival_ms = take_arrival(b);
    uint64_t kind = tally_take_number(b, 1), warnings = tally_take_number(b, 1);
    tally_want(b, kind <= ORDER_REFUNDED && (kind == ORDER_PLACED) == placed,
               "an event is of a kind that does not belong there");
    tally_want(b, warnings < 1 << ORDER_WARNING_KINDS, "an event has a warning that is not known");
    e->order.kind = b->failed ? ORDER_PLACED : (enum order_kind)kind;
    e->order.warnings = (uint32_t)warnings;
    take_names(b, &e->order);
    take_figures(b, &e->order);
}

void tally_take_recent(struct tally_bytes *b, struct tally *t) {
    static const char count[] = "it has more new orders than it accepted, or than are kept";
    t->n_recent = tally_take_count(b, EVENT_LEAST_BYTES, count);
    tally_want(
        b, t->n_recent <= TALLY_RECENT_MAX && (int64_t)t->n_recent <= t->summary.counts.accepted,
        count);
    struct stored_event *e = tally_room(b, t->n_recent, sizeof *e);
    for (size_t i = 0; e != NULL && i < t->n_recent && !b->failed; i++) {
        take_stored(b, &t->move, true, &e[i]);
    }
    t->recent = e;
}

void tally_take_changes(struct tally_bytes *b, struct tally *t) {
    static const char count[] = "it has more new changes than it accepted, or than are kept";
    t->n_changes = tally_take_count(b, EVENT_LEAST_BYTES, count);
    tally_want(
        b, t->n_changes <= TALLY_RECENT_MAX && (int64_t)t->n_changes <= t->summary.counts.accepted,
        count);
    struct stored_event *e = tally_room(b, t->n_changes, sizeof *e);
    for (size_t i = 0; e != NULL && i < t->n_changes && !b->failed; i++) {
        take_stored(b, &t->move, false, &e[i]);
    }
    t->changes = e;
}

// --- Adjustments: they are still to be counted, by item too

static bool item_is(const struct order_item *item) {
    struct ident id = item->product_id;
    bool text = id.num == -1 && id.text.at != NULL && id.text.len > 0 && text_is_utf8(id.text) &&
                text_characters(id.text) <= ORDER_TEXT_MAX;
    return (id.num >= 0 || text) && item->quantity >= 0 && item->quantity <= ORDER_QUANTITY_MAX;
}

static void read_items(struct tally_bytes *b, struct order *o) {
    if (b->failed || o->items_json.at == NULL) {
        return;
    }
    enum raw_items read = raw_items_read(o, b->arena);
    if (read == RAW_ITEMS_NO_MEMORY) {
        tally_no_memory(b);
        return;
    }
    bool ok = read == RAW_ITEMS_OK && o->n_items > 0 && o->n_items <= ORDER_ITEMS_MAX;
    int64_t quantity = 0;
    for (uint32_t i = 0; ok && i < o->n_items; i++) {
        ok = item_is(&o->items[i]);
        quantity += ok ? o->items[i].quantity : 0;
    }
    tally_want(b, ok && quantity == o->quantity, "an event's items cannot be read");
}

void tally_take_adjustments(struct tally_bytes *b, struct tally *t) {
    static const char count[] = "it has more cancellations and refunds than it accepted";
    t->n_adjustments = tally_take_count(b, EVENT_LEAST_BYTES, count);
    tally_want(b, (int64_t)t->n_adjustments <= t->summary.counts.accepted, count);
    struct stored_event *e = tally_room(b, t->n_adjustments, sizeof *e);
    for (size_t i = 0; e != NULL && i < t->n_adjustments && !b->failed; i++) {
        take_stored(b, &t->move, false, &e[i]);
        read_items(b, &e[i].order);
    }
    t->adjustments = e;
}

// --- Gross sums

void tally_take_gross(struct tally_bytes *b, struct tally *t) {
    t->n_gross = tally_take_count(b, GROSS_BYTES, "it has more gross sums than bytes");
    tally_want(b, t->n_gross <= N_CURRENCIES, "it has more gross sums than there are currencies");
    struct gross_delta *gross = tally_room(b, t->n_gross, sizeof *gross);
    for (size_t i = 0; gross != NULL && i < t->n_gross && !b->failed; i++) {
        gross[i].currency = tally_take_i32(b);
        tally_want(b, gross[i].currency >= 0 && gross[i].currency < N_CURRENCIES,
                   "a gross sum is of no currency");
        gross[i].delta_e4 = tally_take_in(b, 0, INT64_MAX, "a gross sum is below zero");
    }
    t->gross = gross;
}
