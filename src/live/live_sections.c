// SPDX-License-Identifier: MIT
// The sections of the live page's events as JSON. Amounts are strings with four decimals, names are
// JSON strings; nothing here is HTML.
#include "live/live_sections.h"

#include "order/timestamp.h"
#include <inttypes.h>

static void put_money(struct buf *out, int64_t amount_e4) {
    char digits[24];
    size_t n = money_format(amount_e4, digits);
    buf_put_char(out, '"');
    buf_put(out, digits, n);
    buf_put_char(out, '"');
}

static void put_name(struct buf *out, const struct live_name *name) {
    buf_put_json(out, live_name_text(name));
}

static void put_text_or_null(struct buf *out, struct text t) {
    if (t.at == NULL) {
        buf_put_str(out, "null");
    } else {
        buf_put_json(out, t);
    }
}

static void put_sum(struct buf *out, const struct live_sum *sum) {
    buf_printf(out,
               "{\"orders\":%" PRId64 ",\"units\":%" PRId64 ",\"cancelled_orders\":%" PRId64
               ",\"refunds\":%" PRId64 ",\"refunded_total\":",
               sum->orders, sum->units, sum->cancelled_orders, sum->refunds);
    put_money(out, sum->refunded_total_e4);
    buf_put_str(out, ",\"total\":");
    put_money(out, sum->total_e4);
    buf_put_char(out, '}');
}

// --- Sections that are always there

static void put_shop(struct buf *out, const struct live_facts *facts) {
    buf_put_str(out, "{\"currency\":");
    buf_put_json(out, text_of(facts->currency));
    buf_put_str(out, ",\"timezone\":");
    buf_put_json(out, text_of(zone_name(facts->zone)));
    buf_put_char(out, '}');
}

static void put_rate(struct buf *out, const struct live_facts *facts) {
    int64_t tenths = facts->tenths_per_second;
    buf_printf(out, "%" PRId64 ".%d", tenths / 10, (int)(tenths % 10));
}

static void put_store(struct buf *out, const struct live_facts *facts) {
    buf_put_str(out, facts->store_ok ? "{\"ok\":true,\"problem\":" : "{\"ok\":false,\"problem\":");
    put_text_or_null(out, facts->store_ok ? TEXT_NONE : text_of(facts->problem));
    buf_put_char(out, '}');
}

static void put_viewers(struct buf *out, const struct live_facts *facts) {
    buf_put_i64(out, facts->viewers);
}

static void put_health(struct buf *out, const struct live_facts *facts) {
    if (facts->health.len == 0) {
        buf_put_str(out, "{}");
    } else {
        buf_put_text(out, facts->health);
    }
}

// --- Sections of the figures

static void put_day(struct buf *out, const struct live_facts *facts) {
    int32_t day = facts->figures->day;
    char date[32];
    size_t n = date_format(day, date);
    buf_put_str(out, "{\"date\":");
    buf_put_json(out, (struct text){date, n});
    buf_printf(out, ",\"start_ms\":%" PRId64 ",\"end_ms\":%" PRId64 "}",
               zone_day_start_ms(facts->zone, day), zone_day_start_ms(facts->zone, day + 1));
}

static void put_today(struct buf *out, const struct live_facts *facts) {
    put_sum(out, &facts->figures->shop.today);
}

static void put_all_time(struct buf *out, const struct live_facts *facts) {
    put_sum(out, &facts->figures->shop.all_time);
}

static void put_last_hour(struct buf *out, const struct live_facts *facts) {
    uint64_t orders = 0, total_e4 = 0;
    for (size_t i = 0; i < LIVE_MINUTES; i++) {
        orders += (uint64_t)facts->figures->minutes[i].orders;
        total_e4 += (uint64_t)facts->figures->minutes[i].total_e4;
    }
    buf_printf(out, "{\"orders\":%" PRId64 ",\"total\":", (int64_t)orders);
    put_money(out, (int64_t)total_e4);
    buf_put_char(out, '}');
}

static void put_last_minute(struct buf *out, const struct live_facts *facts) {
    buf_put_i64(out, facts->figures->last_minute);
}

static void put_figures(struct buf *out, const struct live_sum *sum) {
    buf_printf(out, "%" PRId64 ",%" PRId64 ",", sum->orders, sum->units);
    put_money(out, sum->total_e4);
}

typedef void (*ranked_name_fn)(struct buf *out, const struct live_facts *facts,
                               const struct live_name *name);

static void put_ranking(struct buf *out, const struct live_facts *facts,
                        const struct live_ranking *ranking, ranked_name_fn name) {
    buf_put_str(out, "{\"rows\":[");
    for (size_t i = 0; i < ranking->n; i++) {
        buf_put_str(out, i > 0 ? ",[" : "[");
        name(out, facts, &ranking->rows[i].name);
        put_figures(out, &ranking->rows[i].sum);
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
    put_text_or_null(out, p != NULL ? p->title : TEXT_NONE);
    buf_put_char(out, ',');
    put_text_or_null(out, p != NULL ? p->category : TEXT_NONE);
    buf_put_char(out, ',');
}

static void put_sources(struct buf *out, const struct live_facts *facts) {
    put_ranking(out, facts, &facts->figures->sources, put_plain_name);
}

static void put_states(struct buf *out, const struct live_facts *facts) {
    put_ranking(out, facts, &facts->figures->states, put_plain_name);
}

static void put_products(struct buf *out, const struct live_facts *facts) {
    put_ranking(out, facts, &facts->figures->products, put_product_name);
}

static void put_currencies(struct buf *out, const struct live_facts *facts) {
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

static void put_counts(struct buf *out, const struct live_facts *facts) {
    static const char *const warnings[ORDER_WARNING_KINDS] = {"amount_rounded", "total_mismatch",
                                                              "quantity_zero", "late", "future"};
    const struct store_counts *c = &facts->figures->counts;
    buf_printf(out,
               "{\"received\":%" PRId64 ",\"accepted\":%" PRId64 ",\"duplicate\":%" PRId64
               ",\"rejected\":%" PRId64 ",\"batches\":%" PRId64 ",\"warnings\":{",
               c->received, c->accepted, c->duplicate, c->rejected, facts->figures->last_batch_id);
    for (size_t i = 0; i < ORDER_WARNING_KINDS; i++) {
        buf_printf(out, "%s\"%s\":%" PRId64, i > 0 ? "," : "", warnings[i], c->warnings[i]);
    }
    buf_put_str(out, "}}");
}

const struct live_section live_sections[LIVE_SECTIONS] = {
    {"shop", put_shop, false},
    {"orders_per_second", put_rate, false},
    {"store", put_store, false},
    {"viewers", put_viewers, false},
    {"health", put_health, false},
    {"day", put_day, true},
    {"today", put_today, true},
    {"last_hour", put_last_hour, true},
    {"last_minute", put_last_minute, true},
    {"all_time", put_all_time, true},
    {"sources", put_sources, true},
    {"states", put_states, true},
    {"products", put_products, true},
    {"currencies", put_currencies, true},
    {"counts", put_counts, true},
};
_Static_assert(COUNT_OF(live_sections) == LIVE_SECTIONS, "one row a section");

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
        put_money(out, m->total_e4);
        buf_put_char(out, ']');
        first = false;
    }
    buf_put_char(out, ']');
}

static void put_order(struct buf *out, const struct live_facts *facts, const struct live_order *o) {
    const struct product *p = products_find(facts->products, live_name_text(&o->product_id));
    buf_printf(out,
               "{\"position\":%" PRId64 ",\"created_ms\":%" PRId64 ",\"order_id\":", o->position,
               o->created_ms);
    put_name(out, &o->order_id);
    buf_put_str(out, ",\"source\":");
    put_name(out, &o->source);
    buf_put_str(out, ",\"state\":");
    put_name(out, &o->state);
    buf_put_str(out, ",\"product_id\":");
    put_name(out, &o->product_id);
    buf_put_str(out, ",\"title\":");
    put_text_or_null(out, p != NULL ? p->title : TEXT_NONE);
    buf_printf(out, ",\"more_products\":%" PRId64 ",\"quantity\":%" PRId64 ",\"currency\":",
               o->more_products, o->quantity);
    buf_put_json(out, text_of(o->currency));
    buf_put_str(out, ",\"total\":");
    put_money(out, o->total_e4);
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
