// SPDX-License-Identifier: MIT
// Stripe: an event with its type and, in data.object, a charge or a checkout session.
//
// 1. A payment is one order, whatever tells it: its id is the payment intent's (a charge's own
//    where there is none), its total is what was paid. A payment intent, its charge and the session
//    that it was paid in make the same event.
// 2. charge.refunded has what was refunded so far. previous_attributes has what was refunded before
//    that, so each event takes back the piece in between, by an id made of both: however they come,
//    the pieces fit together. Where that is missing the charge's list of refunds is taken.
// 3. When less is captured than was authorized the rest is released, which Stripe counts as the
//    first refund of the charge: it was never paid, so it takes nothing back.
//
// Amounts are whole numbers of the currency's smallest unit.
#include "webhook/webhook_map_internal.h"

#include <inttypes.h>
#include <stdio.h>

// --- Amounts

// Ten-thousandths in the unit that Stripe counts by. ISK and UGX have no smaller unit, but are
// counted in hundredths there.
static int64_t unit_e4(struct text currency) {
    static const char *const whole[] = {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA",
                                        "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"};
    static const char *const thousandths[] = {"BHD", "JOD", "KWD", "OMR", "TND"};
    for (size_t i = 0; i < COUNT_OF(whole); i++) {
        if (text_equal(currency, text_of(whole[i]))) {
            return 10000;
        }
    }
    for (size_t i = 0; i < COUNT_OF(thousandths); i++) {
        if (text_equal(currency, text_of(thousandths[i]))) {
            return 10;
        }
    }
    return 100;
}

static bool minor(struct mapping *m, yyjson_val *object, const char *name, struct text currency,
                  int64_t *out_e4) {
    int64_t units_e4;
    if (!webhook_amount(m, webhook_text(object, name), name, &units_e4)) {
        return false;
    }
    if (units_e4 < 0 || units_e4 % 10000 != 0) {
        return webhook_unmapped(m, name, REJECT_MALFORMED, "%s is no whole number from 0 on", name);
    }
    return (!__builtin_mul_overflow(units_e4 / 10000, unit_e4(currency), out_e4) &&
            *out_e4 < MONEY_LIMIT_E4) ||
           webhook_unmapped(m, name, REJECT_RANGE, "%s is too large", name);
}

// Absent: the shop's.
static bool upper(struct mapping *m, struct text t, struct text *out) {
    t = t.len > 0 ? t : text_of(m->rules->currency);
    char *at = arena_try_bytes(&m->sub->arena, t.len + 1);
    if (at == NULL) {
        m->no_memory = true;
        return false;
    }
    for (size_t i = 0; i < t.len; i++) {
        at[i] = (char)(t.at[i] >= 'a' && t.at[i] <= 'z' ? t.at[i] - 'a' + 'A' : t.at[i]);
    }
    *out = (struct text){at, t.len};
    return true;
}

// Seconds since 1970 as our readers take a time.
static bool stripe_time(struct mapping *m, yyjson_val *object, struct text *out) {
    int64_t e4;
    char text[32];
    if (!webhook_amount(m, webhook_text(object, "created"), "created", &e4)) {
        return false;
    }
    int64_t ms = e4 / 10; // of seconds
    if (webhook_text(object, "created").len == 0 || !timestamp_in_range(ms)) {
        return webhook_unmapped(m, "created", REJECT_MALFORMED,
                                "created is no time in seconds since 1970");
    }
    text[timestamp_format(ms, text)] = '\0';
    return webhook_join(m, text_of(text), "", out);
}

// --- A payment

static bool read_payment(struct mapping *m, yyjson_val *o, const char *address, const char *amount,
                         struct webhook_event *e) {
    *e = (struct webhook_event){.kind = ORDER_PLACED, .quantity = 1, .source = TEXT_LIT("stripe")};
    e->order_id = webhook_text(o, "payment_intent");
    if (e->order_id.len == 0) { // expanded
        e->order_id = webhook_text_in(o, "payment_intent", "id");
    }
    struct text state = webhook_text_in(yyjson_obj_get(o, address), "address", "state");
    if ((e->order_id.len == 0 && !webhook_id(m, o, "id", &e->order_id)) ||
        !upper(m, webhook_text(o, "currency"), &e->currency) ||
        !stripe_time(m, o, &e->created_at) || !webhook_name(m, state, &e->state) ||
        !minor(m, o, amount, e->currency, &e->total_e4)) {
        return false;
    }
    e->subtotal_e4 = e->total_e4;
    return true;
}

static bool read_charge(struct mapping *m, yyjson_val *charge, struct webhook_event *e) {
    const char *amount =
        webhook_text(charge, "amount_captured").len > 0 ? "amount_captured" : "amount";
    if (webhook_text(charge, "amount").len == 0) {
        return webhook_unmapped(m, "amount", REJECT_MISSING, "the charge has no amount");
    }
    return read_payment(m, charge, "billing_details", amount, e);
}

// What was authorized and never captured.
static bool read_released(struct mapping *m, yyjson_val *charge, const struct webhook_event *placed,
                          int64_t *out_e4) {
    int64_t amount_e4 = 0;
    if (!minor(m, charge, "amount", placed->currency, &amount_e4)) {
        return false;
    }
    *out_e4 = amount_e4 > placed->total_e4 ? amount_e4 - placed->total_e4 : 0;
    return true;
}

static enum webhook_outcome map_charge(struct mapping *m, yyjson_val *charge) {
    struct webhook_event e;
    bool ok = read_charge(m, charge, &e) && webhook_emit(m, &e);
    UNUSED(ok); // m tells
    return WEBHOOK_MAPPED;
}

static enum webhook_outcome map_intent(struct mapping *m, yyjson_val *intent) {
    struct webhook_event e;
    if (webhook_text(intent, "amount_received").len == 0) {
        (void)webhook_unmapped(m, "amount_received", REJECT_MISSING,
                               "the payment intent has no amount_received");
        return WEBHOOK_MAPPED;
    }
    bool ok = read_payment(m, intent, "shipping", "amount_received", &e) && webhook_emit(m, &e);
    UNUSED(ok); // m tells
    return WEBHOOK_MAPPED;
}

static enum webhook_outcome map_session(struct mapping *m, yyjson_val *session) {
    struct webhook_event e;
    struct text status = webhook_text(session, "payment_status");
    bool has_payment = yyjson_obj_get(session, "payment_intent") != NULL &&
                       !yyjson_is_null(yyjson_obj_get(session, "payment_intent"));
    if (text_equal(status, TEXT_LIT("unpaid")) ||
        text_equal(webhook_text(session, "mode"), TEXT_LIT("setup"))) {
        return WEBHOOK_NOT_SOLD; // checkout.session.async_payment_succeeded comes, or nothing
    }
    if (!read_payment(m, session, "customer_details", "amount_total", &e)) {
        return WEBHOOK_MAPPED;
    }
    if (!has_payment && e.total_e4 > 0) {
        (void)webhook_unmapped(m, "payment_intent", REJECT_MISSING,
                               "a session without a payment_intent (a subscription's) is paid by "
                               "an invoice: have charge.succeeded sent, too");
        return WEBHOOK_MAPPED;
    }
    bool ok = webhook_emit(m, &e);
    UNUSED(ok); // m tells
    return WEBHOOK_MAPPED;
}

// --- Refunds

static bool emit_refund(struct mapping *m, const struct webhook_event *placed, struct text id,
                        struct text created_at, int64_t total_e4) {
    struct webhook_event e = *placed;
    e.kind = ORDER_REFUNDED;
    e.event_id = id;
    e.created_at = created_at;
    e.quantity = 0;
    webhook_split(&e, total_e4, 0, 0);
    return total_e4 == 0 || webhook_emit(m, &e);
}

// The piece from what was refunded before to what is now.
static bool emit_piece(struct mapping *m, const struct webhook_event *placed, yyjson_val *charge,
                       yyjson_val *before, int64_t released_e4) {
    int64_t from_e4, to_e4;
    struct text id = webhook_text(charge, "id"), created_at;
    char piece[64];
    if (!minor(m, before, "amount_refunded", placed->currency, &from_e4) ||
        !minor(m, charge, "amount_refunded", placed->currency, &to_e4) ||
        !stripe_time(m, m->root, &created_at)) {
        return false;
    }
    if (to_e4 < from_e4) {
        return webhook_unmapped(m, "amount_refunded", REJECT_NEGATIVE,
                                "less is refunded than before");
    }
    if (to_e4 < released_e4) {
        return webhook_unmapped(m, "amount_refunded", REJECT_AMBIGUOUS,
                                "less is refunded than was not captured: whether that is given "
                                "back, or was never taken, cannot be told");
    }
    snprintf(piece, sizeof piece, "-%" PRId64 "-%" PRId64, from_e4 / unit_e4(placed->currency),
             to_e4 / unit_e4(placed->currency));
    from_e4 = from_e4 > released_e4 ? from_e4 : released_e4;
    to_e4 = to_e4 > released_e4 ? to_e4 : released_e4;
    return webhook_join(m, id, piece, &id) &&
           emit_refund(m, placed, id, created_at, to_e4 - from_e4);
}

// One of a charge's list of refunds.
static bool emit_listed(struct mapping *m, const struct webhook_event *placed, yyjson_val *refund,
                        int64_t total_e4) {
    struct text id, created_at, status = webhook_text(refund, "status");
    if (text_equal(status, TEXT_LIT("failed")) || text_equal(status, TEXT_LIT("canceled"))) {
        return true;
    }
    return webhook_id(m, refund, "id", &id) && stripe_time(m, refund, &created_at) &&
           emit_refund(m, placed, id, created_at, total_e4);
}

// The newest comes first, so a release is the last.
static bool emit_list(struct mapping *m, const struct webhook_event *placed, yyjson_val *list,
                      int64_t released_e4) {
    size_t i, n;
    yyjson_val *refund;
    yyjson_arr_foreach(yyjson_obj_get(list, "data"), i, n, refund) {
        int64_t total_e4;
        if (!minor(m, refund, "amount", placed->currency, &total_e4)) {
            return false;
        }
        if (released_e4 > 0 && i == n - 1) {
            return total_e4 == released_e4 ||
                   webhook_unmapped(m, "refunds", REJECT_AMBIGUOUS,
                                    "less was captured than authorized, and none of the refunds "
                                    "is the rest");
        }
        if (!emit_listed(m, placed, refund, total_e4)) {
            return false;
        }
    }
    return true;
}

static bool emit_refunds(struct mapping *m, yyjson_val *charge) {
    struct webhook_event placed;
    yyjson_val *before = yyjson_obj_get(yyjson_obj_get(m->root, "data"), "previous_attributes");
    yyjson_val *list = yyjson_obj_get(charge, "refunds");
    int64_t released_e4;
    if (!read_charge(m, charge, &placed) || !read_released(m, charge, &placed, &released_e4) ||
        !webhook_emit(m, &placed)) {
        return false;
    }
    if (webhook_text(before, "amount_refunded").len > 0) {
        return emit_piece(m, &placed, charge, before, released_e4);
    }
    if (yyjson_arr_size(yyjson_obj_get(list, "data")) > 0 && !webhook_true(list, "has_more")) {
        return emit_list(m, &placed, list, released_e4);
    }
    return webhook_unmapped(m, "amount_refunded", REJECT_MISSING,
                            "how much was refunded before is not said: neither "
                            "previous_attributes.amount_refunded nor refunds is there");
}

static enum webhook_outcome map_refunds(struct mapping *m, yyjson_val *charge) {
    bool ok = emit_refunds(m, charge);
    UNUSED(ok); // m tells
    return WEBHOOK_MAPPED;
}

// --- Which is which

enum stripe_kind { STRIPE_CHARGE, STRIPE_REFUNDS, STRIPE_SESSION, STRIPE_INTENT };

enum webhook_outcome webhook_map_stripe(struct mapping *m) {
    static const struct {
        const char *type;
        enum stripe_kind kind;
    } types[] = {
        {"charge.succeeded", STRIPE_CHARGE},
        {"charge.captured", STRIPE_CHARGE},
        {"charge.refunded", STRIPE_REFUNDS},
        {"checkout.session.completed", STRIPE_SESSION},
        {"checkout.session.async_payment_succeeded", STRIPE_SESSION},
        {"payment_intent.succeeded", STRIPE_INTENT},
    };
    struct text type = webhook_text(m->root, "type");
    yyjson_val *object = yyjson_obj_get(yyjson_obj_get(m->root, "data"), "object");
    bool captured = !yyjson_is_false(yyjson_obj_get(object, "captured"));
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (!text_equal(type, text_of(types[i].type))) {
            continue;
        }
        switch (types[i].kind) {
        case STRIPE_SESSION:
            return map_session(m, object);
        case STRIPE_INTENT:
            return map_intent(m, object);
        case STRIPE_CHARGE: // not captured: charge.captured comes, or it lapses
            return captured ? map_charge(m, object) : WEBHOOK_NOT_SOLD;
        case STRIPE_REFUNDS: // or it has lapsed
            return captured ? map_refunds(m, object) : WEBHOOK_NOT_SOLD;
        }
    }
    return WEBHOOK_UNKNOWN_TOPIC;
}
