// SPDX-License-Identifier: MIT
// The order event: the noun of the whole program. What its fields mean, which values they may have,
// and why an event is rejected is known here and nowhere else (DESIGN: "The order event").
#pragma once
#include "base/arena.h"
#include "base/must.h"
#include "base/text.h"
#include "order/date_form.h"
#include "order/money.h"
#include "order/zone.h"
#include <stdint.h>

enum order_kind { ORDER_PLACED = 0, ORDER_CANCELLED = 1, ORDER_REFUNDED = 2 };

enum {
    ORDER_ID_MAX = 64,     // characters of order_id, event_id, customer_id
    ORDER_TEXT_MAX = 100,  // characters of product_id, source, state
    ORDER_ITEMS_MAX = 200, // lines of one order
    ORDER_QUANTITY_MAX = 1000000,
    ORDER_EVENT_MAX_BYTES = 1024 * 1024,       // of one event's text
    ORDER_REJECTED_TEXT_MAX_BYTES = 64 * 1024, // of that text kept with a rejected event
    ORDER_DEPTH_DEFAULT = 32, // nesting of an event's JSON: {"a":1} is 1, its items are 2 and 3
    ORDER_DEPTH_MAX = 1000,   // rules may not ask for more
};

// Warnings are counted, never a reason to reject. Bits of order.warnings.
enum order_warning {
    WARN_AMOUNT_ROUNDED = 1 << 0, // an amount had more than four decimals
    WARN_TOTAL_MISMATCH = 1 << 1, // total is off subtotal - discount + shipping + tax by > 0.01
    WARN_QUANTITY_ZERO = 1 << 2,  // the order's quantity (with items: their sum) is 0
    WARN_LATE = 1 << 3,           // created_at before arrival by more than the late limit
    WARN_FUTURE = 1 << 4,         // created_at more than 24 h ahead of arrival
    // Of what is taken back, where the store can tell (engine/store.h).
    WARN_UNKNOWN_ORDER = 1 << 5, // of an order that is not known when it comes
    WARN_TAKEN_BEYOND = 1 << 6,  // with it more was taken back of its order than was sold
};
#define ORDER_WARNING_KINDS 5 // those that follow from the event, its arrival and the late limit
#define ORDER_DOUBT_KINDS 2   // the others, from WARN_UNKNOWN_ORDER on

// An identifier that is an integer or a text. Canonical: 7 and "7" are both the integer 7; "007"
// and "-7" are texts. Absent: num < 0 and text.at == NULL.
struct ident {
    int64_t num;      // >= 0: the integer; -1: see text
    struct text text; // set when num < 0 and the identifier is present
};
#define IDENT_NONE ((struct ident){-1, {NULL, 0}})
static inline bool ident_present(struct ident i) {
    return i.num >= 0 || i.text.at != NULL;
}
static inline bool ident_equal(struct ident a, struct ident b) {
    return a.num == b.num && (a.num >= 0 || text_equal(a.text, b.text));
}
// In a stored event: its customer was forgotten (`salestide forget`). No event can come with it.
#define IDENT_FORGOTTEN ((struct ident){-1, {"", 0}})
static inline bool ident_forgotten(struct ident i) {
    return i.num < 0 && i.text.at != NULL && i.text.len == 0;
}
// Canonical identifier of a text that is already checked and trimmed: digits without leading zeros
// up to 2^63-1 become the integer. Borrows `t`.
struct ident ident_of_text(struct text t);
// The identifier as text (no zero at the end): the integer's digits go to `digits`.
struct text ident_text(struct ident i, char digits[static 24]);

struct order_item {
    struct ident product_id;
    int64_t quantity;    // 0 .. ORDER_QUANTITY_MAX
    int64_t subtotal_e4; // >= 0
};

// One event. Slices borrow from the arena it was parsed into (or from the row it was read from).
struct order {
    struct ident order_id;
    struct ident customer_id; // may be absent
    struct ident product_id;  // absent when there are items
    struct text event_id;     // may be absent; never for ORDER_REFUNDED
    struct text source;       // absent until the engine resolves it, unless the event carries it
    struct text state;        // likewise
    struct text items_json;   // canonical JSON text of the items; absent without items
    const struct order_item *items;
    enum order_kind kind;
    char currency[4];   // zero-terminated
    int64_t created_ms; // UTC
    int64_t quantity;   // with items: their sum
    // All >= 0, below MONEY_LIMIT_E4.
    int64_t subtotal_e4, discount_e4, shipping_e4, tax_e4, total_e4;
    uint32_t n_items;
    uint32_t warnings; // bits of enum order_warning; last, beside an event's verdict
};

// Why an event is rejected. `field` and `code` are for programs, `message` for people.
struct rejection {
    char field[48];    // "total", "items[3].quantity", "" when it is the event as a whole
    const char *code;  // static: one of REJECT_ below
    char message[200]; // one line of UTF-8, what was expected and what came
};

// What the shop fixes for all its orders. Immutable while in use.
struct order_rules {
    const struct zone *zone;
    char currency[4];      // default currency
    uint32_t max_depth;    // of nested JSON, 1 .. ORDER_DEPTH_MAX; 0: ORDER_DEPTH_DEFAULT
    enum epoch_unit epoch; // of a created_at that is a number; EPOCH_NONE: it may be none
};

// Static texts of rejection.code. A code never changes its meaning.
#define REJECT_MISSING "missing"     // a required field is absent
#define REJECT_TYPE "wrong_type"     // a JSON type that the field cannot have
#define REJECT_MALFORMED "malformed" // not what the field holds (dates, amounts, ids)
#define REJECT_NEGATIVE "negative"
#define REJECT_RANGE "out_of_range"
#define REJECT_TOO_LONG "too_long"           // too many characters, or more items than allowed
#define REJECT_EMPTY "empty"                 // an identifier of no characters, or no item in items
#define REJECT_BAD_CHARACTER "bad_character" // control, or not printable ASCII in an id
#define REJECT_UNKNOWN_VALUE "unknown_value" // event is none of placed, cancelled, refunded
#define REJECT_DUPLICATE_KEY "duplicate_key" // the same key twice in one JSON object
#define REJECT_TOO_DEEP "too_deep"
#define REJECT_TOO_LARGE "too_large" // the event's text is over ORDER_EVENT_MAX_BYTES
#define REJECT_NOT_JSON "not_json"   // an NDJSON line that is not JSON
#define REJECT_NOT_OBJECT "not_an_object"
#define REJECT_AMBIGUOUS "ambiguous" // items beside product_id or quantity
#define REJECT_BAD_ROW "bad_row"     // a CSV row with too many or too few cells
#define REJECT_CONFLICT "conflict"   // the same identity with other content (engine)
#define REJECT_OVERFLOW "overflow"   // a sum would no longer fit (engine)
#define REJECT_FORM "other_form"     // a log's message in another form than it is read in
#define REJECT_CHANGED "changed"     // an order event's row was changed or deleted in its database

// The static text of a code that is one of these, else NULL.
const char *reject_code_of(struct text code);
void reject_codes_list(char *out, size_t out_bytes); // all of them, for messages

const char *order_kind_name(enum order_kind kind); // "placed", "cancelled", "refunded"

// True when a later event with the same identity is the same order again: same amounts, currency,
// customer and products, whatever its created_at, source and state. A customer that was forgotten
// may have been any. Items are compared by their items_json, so an order read back from a row needs
// no array of items.
bool order_same_content(const struct order *a, const struct order *b);

// Fills `why`, cutting what does not fit between two characters; always returns false.
bool reject(struct rejection *why, const char *field, const char *code, const char *format, ...)
    PRINTF_LIKE(4, 5);

// A value as it may be shown in a message: at most 40 characters, what is not printable as '?',
// "..." where it was cut. `value` may be any bytes. As an argument it lives until the call is over:
// reject(why, "total", REJECT_MALFORMED, "not an amount: '%s'", excerpt_of(t).text).
struct excerpt {
    char text[168];
};
struct excerpt excerpt_of(struct text value);

// --- Building an event from named fields: the one place that knows the rules. JSON and CSV readers
// --- call these; a reader decides only how its format spells a value.

enum order_field {
    FIELD_ORDER_ID,
    FIELD_EVENT,
    FIELD_EVENT_ID,
    FIELD_CREATED_AT,
    FIELD_CUSTOMER_ID,
    FIELD_PRODUCT_ID,
    FIELD_QUANTITY,
    FIELD_ITEMS,
    FIELD_SUBTOTAL,
    FIELD_DISCOUNT,
    FIELD_SHIPPING,
    FIELD_TAX,
    FIELD_TOTAL,
    FIELD_CURRENCY,
    FIELD_SOURCE,
    FIELD_STATE,
    FIELD_COUNT,
    FIELD_UNKNOWN = FIELD_COUNT,
};
const char *order_field_name(enum order_field f);    // "order_id", ...
enum order_field order_field_of(struct text name);   // exact, case-sensitive
const char *order_field_expects(enum order_field f); // "an amount such as 12.50", for messages

enum value_kind { VALUE_TEXT, VALUE_NUMBER }; // a JSON string or CSV cell; a JSON number's digits

struct timestamp_minute;
struct order_builder {
    const struct order_rules *rules;
    struct timestamp_minute *minute; // borrowed, of the reader: of the time that it has read last
    struct order *order;
    struct rejection *why;
    uint32_t seen;      // bit per enum order_field that was set
    bool out_of_memory; // a setter answered false because the arena refused; `why` is not filled
};
// Starts with every optional field at its default. `out` and `why` are borrowed until finish.
void order_begin(struct order_builder *b, const struct order_rules *rules, struct order *out,
                 struct rejection *why);
// Sets one field from its spelling, which is borrowed: valid UTF-8 that lives as long as the order.
// Outer white space of a VALUE_TEXT does not count. False: rejected, `why` is filled. A reader does
// not call it for an absent field (JSON null, an empty CSV cell); FIELD_ITEMS has no spelling and
// is rejected as wrong_type; FIELD_UNKNOWN is ignored. A field set twice has its last value: a
// reader that can meet that looks at `seen` first.
MUST_CHECK bool order_set(struct order_builder *b, enum order_field f, enum value_kind kind,
                          struct text spelling);
// Sets one field of an item (FIELD_PRODUCT_ID, FIELD_QUANTITY, FIELD_SUBTOTAL); as order_set.
MUST_CHECK bool order_item_set(struct order_builder *b, struct order_item *item, size_t index,
                               enum order_field f, enum value_kind kind, struct text spelling);
// Hands over the items (borrowed, living as long as the order; 1 .. ORDER_ITEMS_MAX of them, each
// with product_id and quantity set) and writes their canonical JSON into `arena`. False: memory was
// refused.
MUST_CHECK bool order_set_items(struct order_builder *b, const struct order_item *items, size_t n,
                                struct arena *arena);
// Checks what must be there, sums the items and sets warnings. False: rejected.
MUST_CHECK bool order_finish(struct order_builder *b);
// Warnings that depend on the arrival: WARN_LATE, WARN_FUTURE.
void order_mark_arrival(struct order *o, int64_t arrival_ms, int64_t late_limit_ms);
