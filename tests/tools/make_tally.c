// SPDX-License-Identifier: MIT
// Makes a tally for tests, from NDJSON of orders on standard input: the n-th line stands at offset
// FROM + n - 1 (from 0 where FROM is -1), arrived when it was created, and what is before the range
// is not known. Judged here in the plainest way, with the parts that judging has everywhere.
//
//     make_tally PARTITION FROM TO EPOCH_US LANE raw|none [CURRENCY TIMEZONE]
//
// raw: there is a raw store, so cancellations and refunds are left to be looked up.
#include "engine/zone_file.h"
#include "format/order_json.h"
#include "store/split/split_batch.h"
#include "store/tally.h"
#include "sums/origin.h"
#include "window/id_window.h"
#include <stdio.h>
#include <stdlib.h>

enum { LINES_MAX = 200000, WINDOW_MS = 86400000 };

struct making {
    struct tally t;
    struct split_batch batch;
    struct cube *cube;
    struct id_budget budget;
    struct id_window *window;
    struct order_rules rules;
    struct order_json *parser;
    struct arena arena;
    struct stored_event *adjustments;
    bool raw;
};

static int die(const char *why) {
    fprintf(stderr, "make_tally: %s\n", why);
    return 1;
}

static void must(bool ok) {
    if (!ok) {
        exit(die("out of memory"));
    }
}

static void count_accepted(struct making *m, const struct stored_event *e) {
    const struct order *o = &e->order;
    struct batch_summary *s = &m->t.summary;
    uint32_t group;
    s->counts.accepted++;
    for (int bit = 0; bit < ORDER_WARNING_KINDS; bit++) {
        s->counts.warnings[bit] += o->warnings >> bit & 1;
    }
    int32_t minute = (int32_t)(o->created_ms / 60000);
    s->minute_min = minute < s->minute_min ? minute : s->minute_min;
    s->minute_max = minute > s->minute_max ? minute : s->minute_max;
    const struct split_gross gross = split_gross_of(o);
    must(split_batch_add(&m->batch, &gross));
    bool later = m->raw && o->kind != ORDER_PLACED;
    const struct stamp at = {.arrival_ms = e->arrival_ms, .position = e->position};
    must(later || (o->kind != ORDER_PLACED
                       ? split_batch_add_change(&m->batch, e)
                       : split_batch_add_order(&m->batch, o, &at) && split_batch_own(&m->batch)));
    if (later) {
        m->adjustments[m->t.n_adjustments++] = *e;
    } else if (cube_add(m->cube, o, 0, 0, &group) != CUBE_OK) {
        exit(die("a sum does not fit"));
    }
}

static void reject_event(struct making *m, struct event *e, const struct rejection *why) {
    struct rejection copy = *why; // copied again by the batch
    e->why = &copy;
    bool asked = (e->at.digest.identity.high | e->at.digest.identity.low) != 0;
    m->t.summary.counts.rejected++;
    must(split_batch_add_rejected(&m->batch, e, m->t.move.partition, asked));
}

static void judge_parsed(struct making *m, struct event *e, int64_t offset) {
    struct rejection why;
    enum known_as as;
    e->at.arrival_ms = e->order.created_ms;
    e->at.digest = order_digest(&e->order);
    must(id_window_known(m->window, &e->at.digest, offset, e->at.arrival_ms, &as));
    switch (as) {
    case KNOWN_SAME:
        m->t.summary.counts.duplicate++;
        return;
    case KNOWN_OTHER:
        reject(&why, "order_id", REJECT_CONFLICT, "known with other content");
        reject_event(m, e, &why);
        return;
    case KNOWN_NEW:
        break;
    }
    origin_resolve(&e->order, NULL, NULL);
    must(id_window_add(m->window, &e->at.digest));
    count_accepted(m, &(struct stored_event){e->order, e->at.arrival_ms, e->at.position});
}

static void judge_line(struct making *m, struct text line, int64_t offset) {
    struct event e = {.at.position = log_position(m->t.move.lane, offset), .raw = line};
    struct rejection why;
    m->t.summary.counts.received++;
    if (order_json_parse(m->parser, &m->rules, line, &m->arena, &e.order, &why) == ORDER_JSON_OK) {
        judge_parsed(m, &e, offset);
    } else {
        must(id_window_pass(m->window, offset, 0));
        reject_event(m, &e, &why);
    }
    if (e.at.arrival_ms < m->t.summary.oldest_arrival_ms) {
        m->t.summary.oldest_arrival_ms = e.at.arrival_ms;
    }
}

static bool read_arguments(struct making *m, int argc, char **argv) {
    struct error err;
    struct zone *zone;
    if (argc < 7 || !zone_open(argc > 8 ? argv[8] : "UTC", &zone, &err)) {
        return false;
    }
    m->t.move = (struct position_move){.partition = atoi(argv[1]),
                                       .from = atoll(argv[2]),
                                       .to = atoll(argv[3]),
                                       .epoch_us = atoll(argv[4]),
                                       .lane = atoi(argv[5])};
    m->raw = strcmp(argv[6], "raw") == 0;
    m->rules.zone = zone;
    snprintf(m->rules.currency, sizeof m->rules.currency, "%s", argc > 7 ? argv[7] : "USD");
    return true;
}

static bool write_tally(struct making *m) {
    struct aggregates_batch batch;
    struct buf out = {0};
    split_batch_fill(&m->batch, &batch);
    m->t.cube = m->cube;
    m->t.rejected = batch.rejected;
    m->t.n_rejected = batch.n_rejected;
    m->t.recent = batch.recent;
    m->t.n_recent = batch.n_recent;
    m->t.gross = batch.gross;
    m->t.n_gross = batch.n_gross;
    m->t.adjustments = m->adjustments;
    m->t.move.window = id_window_start(m->window);
    return tally_write(&m->t, &out) && fwrite(out.at, 1, out.len, stdout) == out.len;
}

int main(int argc, char **argv) {
    static struct making m;
    static char *lines[LINES_MAX]; // events borrow from them
    size_t room = 0;
    ssize_t len;
    if (!read_arguments(&m, argc, argv)) {
        return die("PARTITION FROM TO EPOCH_US LANE raw|none [CURRENCY TIMEZONE]");
    }
    int64_t offset = m.t.move.from > 0 ? m.t.move.from : 0;
    m.budget.max_bytes = (size_t)64 << 20;
    const struct id_window_options options = {.window_ms = WINDOW_MS, .budget = &m.budget};
    m.window = id_window_new(&options, (struct id_window_start){offset, 0});
    m.cube = cube_new(m.rules.zone, NULL);
    m.parser = order_json_new(NULL);
    m.adjustments = calloc(LINES_MAX, sizeof *m.adjustments);
    if (m.window == NULL || m.cube == NULL || m.parser == NULL || m.adjustments == NULL ||
        !split_batch_init(&m.batch, NULL)) {
        return die("out of memory");
    }
    m.t.summary = (struct batch_summary){
        .minute_min = INT32_MAX, .minute_max = INT32_MIN, .oldest_arrival_ms = INT64_MAX};
    for (size_t n = 0; n < LINES_MAX && (len = getline(&lines[n], &room, stdin)) > 0; n++) {
        len -= lines[n][len - 1] == '\n';
        judge_line(&m, (struct text){lines[n], (size_t)len}, offset++);
        room = 0; // the next has its own
    }
    return write_tally(&m) ? 0 : die("cannot write it");
}
