// SPDX-License-Identifier: MIT
// The panels of the live page's events that are no rows of sums, as JSON. Amounts are strings with
// four decimals, names are JSON strings; nothing here is HTML.
#include "live/live_sections.h"

#include "live/json.h"
#include "order/timestamp.h"
#include <inttypes.h>

static void put_amount(struct buf *out, const char *key, int64_t amount_e4) {
    json_key(out, key);
    json_money(out, amount_e4);
}

static void put_name(struct buf *out, const struct live_name *name) {
    buf_put_json(out, live_name_text(name));
}

// n / d, rounded half to even; d > 0.
static int64_t quotient(__int128 n, int64_t d) {
    __int128 q = n / d, r = n % d;
    if (r < 0) {
        q--;
        r += d;
    }
    bool up = 2 * r > d || (2 * r == d && (q & 1) != 0);
    return (int64_t)(q + up);
}

// What an order is worth on average before refunds.
static void put_aov(struct buf *out, const struct live_sum *sum) {
    if (sum->orders <= 0) {
        buf_put_str(out, "null");
    } else {
        json_money(out, quotient((__int128)sum->total_e4 + sum->refunded_total_e4, sum->orders));
    }
}

static void put_sum_members(struct buf *out, const struct live_sum *sum) {
    buf_printf(out,
               "\"orders\":%" PRId64 ",\"units\":%" PRId64 ",\"cancelled_orders\":%" PRId64
               ",\"refunds\":%" PRId64 ",",
               sum->orders, sum->units, sum->cancelled_orders, sum->refunds);
    put_amount(out, "refunded_total", sum->refunded_total_e4);
    buf_put_char(out, ',');
    put_amount(out, "total", sum->total_e4);
    buf_put_str(out, ",\"aov\":");
    put_aov(out, sum);
}

static void put_sum(struct buf *out, const struct live_sum *sum) {
    buf_put_char(out, '{');
    put_sum_members(out, sum);
    buf_put_char(out, '}');
}

// --- Panels that are always there

void live_put_shop(struct buf *out, const struct live_facts *facts) {
    buf_put_str(out, "{\"currency\":");
    buf_put_json(out, text_of(facts->currency));
    buf_put_str(out, ",\"timezone\":");
    buf_put_json(out, text_of(zone_name(facts->zone)));
    buf_put_str(out, ",\"locale\":");
    if (facts->locale != NULL && *facts->locale != '\0') {
        buf_put_json(out, text_of(facts->locale));
    } else {
        buf_put_str(out, "null");
    }
    buf_put_char(out, '}');
}

static void put_tenths(struct buf *out, int64_t tenths) {
    buf_printf(out, "%" PRId64 ".%d", tenths / 10, (int)(tenths % 10));
}

void live_put_rate(struct buf *out, const struct live_facts *facts) {
    put_tenths(out, facts->tenths_per_second);
}

void live_put_store(struct buf *out, const struct live_facts *facts) {
    buf_put_str(out, facts->store_ok ? "{\"ok\":true,\"problem\":" : "{\"ok\":false,\"problem\":");
    json_text(out, facts->store_ok ? TEXT_NONE : text_of(facts->problem));
    buf_put_char(out, '}');
}

void live_put_viewers(struct buf *out, const struct live_facts *facts) {
    buf_put_i64(out, facts->viewers);
}

void live_put_health(struct buf *out, const struct live_facts *facts) {
    if (facts->health.len == 0) {
        buf_put_str(out, "{}");
    } else {
        buf_put_text(out, facts->health);
    }
}

void live_put_alerts(struct buf *out, const struct live_facts *facts) {
    if (facts->alerts.len == 0) {
        buf_put_str(out, "{\"active\":0,\"rules\":[]}");
    } else {
        buf_put_text(out, facts->alerts);
    }
}

// --- Panels of the figures

void live_put_batch(struct buf *out, const struct live_facts *facts) {
    buf_put_i64(out, facts->figures->last_batch_id);
}

void live_put_pipeline(struct buf *out, const struct live_facts *facts) {
    const struct live_figures *f = facts->figures;
    buf_put_str(out, "{\"received_per_second\":");
    put_tenths(out, facts->received_tenths_per_second);
    buf_put_str(out, ",\"accepted_per_second\":");
    put_tenths(out, facts->tenths_per_second);
    buf_put_str(out, ",\"rejected_by\":[");
    for (size_t i = 0; i < f->n_rejected_by; i++) {
        buf_put_str(out, i > 0 ? ",[" : "[");
        json_text(out, text_of(f->rejected_by[i].code));
        buf_printf(out, ",%" PRId64 "]", f->rejected_by[i].n);
    }
    buf_put_str(out, "]}");
}

static void put_before(struct buf *out, const char *key, const struct live_before *before) {
    json_key(out, key);
    buf_put_char(out, '{');
    put_sum_members(out, &before->sum);
    buf_put_str(out, ",\"until_ms\":");
    if (before->until_ms != INT64_MAX) {
        buf_put_i64(out, before->until_ms);
    } else {
        buf_put_str(out, "null");
    }
    buf_put_char(out, '}');
}

void live_put_before(struct buf *out, const struct live_facts *facts) {
    buf_put_char(out, '{');
    put_before(out, "yesterday", &facts->figures->before[LIVE_YESTERDAY]);
    buf_put_char(out, ',');
    put_before(out, "week", &facts->figures->before[LIVE_WEEK_AGO]);
    buf_put_char(out, '}');
}

void live_put_day(struct buf *out, const struct live_facts *facts) {
    int32_t day = facts->figures->day;
    char date[32];
    size_t n = date_format(day, date);
    buf_put_str(out, "{\"date\":");
    buf_put_json(out, (struct text){date, n});
    buf_printf(out, ",\"start_ms\":%" PRId64 ",\"end_ms\":%" PRId64 "}",
               zone_day_start_ms(facts->zone, day), zone_day_start_ms(facts->zone, day + 1));
}

void live_put_today(struct buf *out, const struct live_facts *facts) {
    put_sum(out, &facts->figures->shop.today);
}

void live_put_all_time(struct buf *out, const struct live_facts *facts) {
    put_sum(out, &facts->figures->shop.all_time);
}

void live_put_last_hour(struct buf *out, const struct live_facts *facts) {
    uint64_t orders = 0, total_e4 = 0;
    for (size_t i = 0; i < LIVE_MINUTES; i++) {
        orders += (uint64_t)facts->figures->minutes[i].orders;
        total_e4 += (uint64_t)facts->figures->minutes[i].total_e4;
    }
    buf_printf(out, "{\"orders\":%" PRId64 ",\"total\":", (int64_t)orders);
    json_money(out, (int64_t)total_e4);
    buf_put_char(out, '}');
}

void live_put_last_minute(struct buf *out, const struct live_facts *facts) {
    buf_put_i64(out, facts->figures->last_minute);
}

static void put_figures(struct buf *out, const struct live_sum *sum) {
    buf_printf(out, "%" PRId64 ",%" PRId64 ",", sum->orders, sum->units);
    json_money(out, sum->total_e4);
}

typedef void (*ranked_name_fn)(struct buf *out, const struct live_facts *facts,
                               const struct live_name *name);

static void put_ranking(struct buf *out, const struct live_facts *facts,
                        const struct live_ranking *ranking, ranked_name_fn name, bool compared) {
    buf_put_str(out, "{\"rows\":[");
    for (size_t i = 0; i < ranking->n; i++) {
        buf_put_str(out, i > 0 ? ",[" : "[");
        name(out, facts, &ranking->rows[i].name);
        put_figures(out, &ranking->rows[i].sum);
        int32_t before = ranking->rows[i].rank_before;
        if (compared) {
            buf_printf(out, before > 0 ? ",%" PRId32 : ",null", before);
        }
        buf_put_char(out, ']');
    }
    buf_put_str(out, "],\"others\":");
    if (ranking->n_others > 0) {
        buf_printf(out, "[%" PRId64 ",", ranking->n_others);
        put_figures(out, &ranking->others);
        buf_put_char(out, ']');
    } else {
        buf_put_str(out, "null");
    }
    buf_put_str(out, ranking->too_many ? ",\"too_many\":true}" : ",\"too_many\":false}");
}

static void put_plain_name(struct buf *out, const struct live_facts *facts,
                           const struct live_name *name) {
    UNUSED(facts);
    put_name(out, name);
    buf_put_char(out, ',');
}

// Product id, title and category: `"7","Rustic paper wallet","Gizmo",`.
static void put_product_name(struct buf *out, const struct live_facts *facts,
                             const struct live_name *id) {
    const struct product *p = products_find(facts->products, live_name_text(id));
    put_name(out, id);
    buf_put_char(out, ',');
    json_text(out, p != NULL ? p->title : TEXT_NONE);
    buf_put_char(out, ',');
    json_text(out, p != NULL ? p->category : TEXT_NONE);
    buf_put_char(out, ',');
}

void live_put_sources(struct buf *out, const struct live_facts *facts) {
    put_ranking(out, facts, &facts->figures->sources, put_plain_name, false);
}

void live_put_states(struct buf *out, const struct live_facts *facts) {
    put_ranking(out, facts, &facts->figures->states, put_plain_name, false);
}

void live_put_products(struct buf *out, const struct live_facts *facts) {
    put_ranking(out, facts, &facts->figures->products, put_product_name, true);
}

void live_put_currencies(struct buf *out, const struct live_facts *facts) {
    const struct live_figures *f = facts->figures;
    buf_put_str(out, "{\"rows\":[");
    for (size_t i = 0; i < f->n_others; i++) {
        buf_put_str(out, i > 0 ? ",{\"currency\":" : "{\"currency\":");
        buf_put_json(out, text_of(f->others[i].code));
        buf_put_str(out, ",\"today\":");
        put_sum(out, &f->others[i].today);
        buf_put_str(out, ",\"all_time\":");
        put_sum(out, &f->others[i].all_time);
        buf_put_char(out, '}');
    }
    buf_put_str(out, f->more_currencies ? "],\"more\":true}" : "],\"more\":false}");
}

// "unknown_order":["17","18"]
static void put_doubtful(struct buf *out, const char *kind, const struct store_doubt *d) {
    buf_printf(out, "\"%s\":[", kind);
    for (int i = 0; i < DOUBTS_SHOWN && d->newest[i][0] != '\0'; i++) {
        buf_put_str(out, i > 0 ? "," : "");
        buf_put_json(out, text_of(d->newest[i]));
    }
    buf_put_char(out, ']');
}

void live_put_counts(struct buf *out, const struct live_facts *facts) {
    static const char *const warnings[ORDER_WARNING_KINDS] = {"amount_rounded", "total_mismatch",
                                                              "quantity_zero", "late", "future"};
    static const char *const doubts[ORDER_DOUBT_KINDS] = STORE_DOUBT_NAMES;
    const struct store_counts *c = &facts->figures->counts;
    buf_printf(out,
               "{\"received\":%" PRId64 ",\"accepted\":%" PRId64 ",\"duplicate\":%" PRId64
               ",\"rejected\":%" PRId64 ",\"batches\":%" PRId64 ",\"warnings\":{",
               c->received, c->accepted, c->duplicate, c->rejected, facts->figures->last_batch_id);
    for (size_t i = 0; i < ORDER_WARNING_KINDS; i++) {
        buf_printf(out, "%s\"%s\":%" PRId64, i > 0 ? "," : "", warnings[i], c->warnings[i]);
    }
    for (size_t i = 0; i < ORDER_DOUBT_KINDS; i++) {
        buf_printf(out, ",\"%s\":%" PRId64, doubts[i], c->doubts[i].n);
    }
    buf_put_str(out, "},\"doubtful_orders\":{");
    for (size_t i = 0; i < ORDER_DOUBT_KINDS; i++) {
        put_doubtful(out, doubts[i], &c->doubts[i]);
        buf_put_str(out, i + 1 < ORDER_DOUBT_KINDS ? "," : "}}");
    }
}

// --- Rows

void live_put_minutes(struct buf *out, const struct live_figures *f,
                      const struct live_minute *sent) {
    buf_put_char(out, '[');
    bool first = true;
    for (int32_t i = LIVE_MINUTES - 1; i >= 0; i--) {
        size_t slot = (size_t)((f->last_minute - i) % LIVE_MINUTES);
        const struct live_minute *m = &f->minutes[slot];
        const struct live_minute *old = sent != NULL ? &sent[slot] : NULL;
        bool zero = m->orders == 0 && m->total_e4 == 0;
        // Minutes that are not mentioned are zero for whoever did not know them.
        bool known = old != NULL && old->minute == m->minute;
        if (known ? m->orders == old->orders && m->total_e4 == old->total_e4 : zero) {
            continue;
        }
        buf_printf(out, "%s[%" PRId32 ",%" PRId64 ",", first ? "" : ",", m->minute, m->orders);
        json_money(out, m->total_e4);
        buf_put_char(out, ']');
        first = false;
    }
    buf_put_char(out, ']');
}

static void put_order(struct buf *out, const struct live_facts *facts, const struct live_order *o) {
    const struct product *p = products_find(facts->products, live_name_text(&o->product_id));
    buf_printf(out,
               "{\"position\":%" PRId64 ",\"created_ms\":%" PRId64 ",\"received_ms\":%" PRId64
               ",\"order_id\":",
               o->position, o->created_ms, o->received_ms);
    put_name(out, &o->order_id);
    buf_put_str(out, ",\"source\":");
    put_name(out, &o->source);
    buf_put_str(out, ",\"state\":");
    put_name(out, &o->state);
    buf_put_str(out, ",\"product_id\":");
    put_name(out, &o->product_id);
    buf_put_str(out, ",\"title\":");
    json_text(out, p != NULL ? p->title : TEXT_NONE);
    buf_printf(out, ",\"more_products\":%" PRId64 ",\"quantity\":%" PRId64 ",\"currency\":",
               o->more_products, o->quantity);
    buf_put_json(out, text_of(o->currency));
    buf_put_str(out, ",\"total\":");
    json_money(out, o->total_e4);
    buf_put_char(out, '}');
}

void live_put_orders(struct buf *out, const struct live_facts *facts, int64_t after) {
    const struct live_figures *f = facts->figures;
    buf_put_char(out, '[');
    for (size_t i = 0; i < f->n_recent && f->recent[i].position > after; i++) {
        if (i > 0) {
            buf_put_char(out, ',');
        }
        put_order(out, facts, &f->recent[i]);
    }
    buf_put_char(out, ']');
}

static void put_change(struct buf *out, const struct live_change *c) {
    buf_printf(out,
               "{\"position\":%" PRId64 ",\"event\":\"%s\",\"created_ms\":%" PRId64
               ",\"received_ms\":%" PRId64 ",\"order_id\":",
               c->position, order_kind_name(c->kind), c->created_ms, c->received_ms);
    put_name(out, &c->order_id);
    buf_put_str(out, ",\"source\":");
    put_name(out, &c->source);
    buf_put_str(out, ",\"state\":");
    put_name(out, &c->state);
    buf_put_str(out, ",\"currency\":");
    buf_put_json(out, text_of(c->currency));
    buf_put_char(out, ',');
    put_amount(out, "total", c->total_e4);
    buf_put_char(out, '}');
}

void live_put_changes(struct buf *out, const struct live_facts *facts, int64_t after) {
    const struct live_figures *f = facts->figures;
    buf_put_char(out, '[');
    for (size_t i = 0; i < f->n_changes && f->changes[i].position > after; i++) {
        buf_put_str(out, i > 0 ? "," : "");
        put_change(out, &f->changes[i]);
    }
    buf_put_char(out, ']');
}
