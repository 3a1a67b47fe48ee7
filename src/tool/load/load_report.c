// SPDX-License-Identifier: MIT
// Counters, the first few rejections as they come, and lines for people: rejections and progress on
// standard error, the summary on standard output. One lock; it is taken once per submission and
// once per rejection.
#include "tool/load/load_report.h"

#include "base/mem.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SHOWN_MAX = 10, // rejections told one by one
    CODES_MAX = 64, // kinds of them told apart
    BAR_CELLS = 20,
};
#define BAR_EVERY_NS INT64_C(150000000)

struct code_count {
    char code[24];
    int64_t count;
};

struct load_report {
    const struct clock_source *clock;
    const char *who;
    bool sends;
    int64_t start_ns, bar_ns;
    bool terminal;
    pthread_mutex_t lock;
    bool bar_shown;
    int64_t accepted, duplicate, rejected;
    int64_t left_out; // rows
    int64_t n_told;   // rejections told one by one or counted below
    struct code_count hidden[CODES_MAX];
    size_t n_codes;
    struct load_doubts doubts;
};

struct load_report *load_report_new(const struct clock_source *clock, const char *who) {
    struct load_report *r = mem_zalloc(1, sizeof *r);
    r->clock = clock;
    r->who = who;
    r->start_ns = clock_monotonic_ns(clock);
    r->terminal = isatty(STDERR_FILENO) == 1;
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void load_report_free(struct load_report *r) {
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void load_report_count(struct load_report *r, int64_t accepted, int64_t duplicate,
                       int64_t rejected) {
    pthread_mutex_lock(&r->lock);
    r->accepted += accepted;
    r->duplicate += duplicate;
    r->rejected += rejected;
    pthread_mutex_unlock(&r->lock);
}

enum { DOUBT_KINDS = ORDER_WARNING_KINDS + ORDER_DOUBT_KINDS };

void load_doubts_add(struct load_doubts *d, const struct order *o, const char *file, int64_t line) {
    for (int kind = 0; o->warnings >> kind != 0 && kind < DOUBT_KINDS; kind++) {
        struct load_doubt *k = &d->kinds[kind];
        if ((o->warnings >> kind & 1) == 0) {
            continue;
        }
        if (k->count < LOAD_DOUBT_PLACES) {
            k->first[k->count].file = file;
            k->first[k->count].line = line;
            char digits[24];
            struct text id = ident_text(o->order_id, digits);
            snprintf(k->first[k->count].order_id, sizeof k->first[0].order_id, "%.*s",
                     TEXT_ARG(id));
        }
        k->count++;
        d->any = true;
    }
}

void load_report_doubts(struct load_report *r, const struct load_doubts *d) {
    if (!d->any) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    for (int kind = 0; kind < DOUBT_KINDS; kind++) {
        struct load_doubt *to = &r->doubts.kinds[kind];
        const struct load_doubt *from = &d->kinds[kind];
        for (int64_t i = 0; i < from->count && to->count + i < LOAD_DOUBT_PLACES; i++) {
            to->first[to->count + i] = from->first[i];
        }
        to->count += from->count;
    }
    pthread_mutex_unlock(&r->lock);
}

void load_report_left_out(struct load_report *r, size_t n_rows) {
    r->left_out += (int64_t)n_rows;
}

void load_report_counts(struct load_report *r, int64_t *accepted, int64_t *duplicate,
                        int64_t *rejected) {
    pthread_mutex_lock(&r->lock);
    *accepted = r->accepted;
    *duplicate = r->duplicate;
    *rejected = r->rejected;
    pthread_mutex_unlock(&r->lock);
}

void load_report_sends(struct load_report *r) {
    r->sends = true;
}

// The lock is held.
static void clear_bar(struct load_report *r) {
    if (r->bar_shown) {
        fputs("\r\033[K", stderr);
        r->bar_shown = false;
    }
}

static void count_hidden(struct load_report *r, const char *code) {
    size_t i = 0;
    while (i < r->n_codes && strncmp(r->hidden[i].code, code, sizeof r->hidden[i].code - 1) != 0) {
        i++;
    }
    if (i == CODES_MAX) {
        i--; // the last one stands for all others
    } else if (i == r->n_codes) {
        snprintf(r->hidden[i].code, sizeof r->hidden[i].code, "%s", code);
        r->n_codes++;
    }
    r->hidden[i].count++;
}

void load_report_rejected(struct load_report *r, const char *file, int64_t line, const char *field,
                          const char *code, const char *message) {
    pthread_mutex_lock(&r->lock);
    if (r->n_told++ < SHOWN_MAX) {
        char row[24] = "";
        if (line > 0) {
            snprintf(row, sizeof row, ":%" PRId64, line);
        }
        clear_bar(r);
        fprintf(stderr, "%s%s: %s%s%s (%s)\n", file, row, field, field[0] != '\0' ? ": " : "",
                message, code);
    } else {
        count_hidden(r, code);
    }
    pthread_mutex_unlock(&r->lock);
}

void load_report_problem(struct load_report *r, const char *text) {
    pthread_mutex_lock(&r->lock);
    clear_bar(r);
    fprintf(stderr, "%s: %s\n", r->who, text);
    pthread_mutex_unlock(&r->lock);
}

// --- Numbers for people

// 1234567 as 1,234,567.
static const char *grouped(int64_t n, char out[static 32]) {
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRId64, n);
    char *to = out;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            *to++ = ',';
        }
        *to++ = digits[i];
    }
    *to = '\0';
    return out;
}

static const char *size_text(int64_t bytes, char out[static 32]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    int64_t tenths = bytes > INT64_MAX / 10 ? INT64_MAX : bytes * 10;
    while (tenths >= 10240 && unit + 1 < sizeof units / sizeof units[0]) {
        tenths /= 1024;
        unit++;
    }
    snprintf(out, 32, "%" PRId64 ".%d %s", tenths / 10, (int)(tenths % 10), units[unit]);
    return out;
}

static int64_t per_second(int64_t n, int64_t ns) {
    return ns <= 0 ? 0 : (int64_t)((__int128)n * 1000000000 / ns);
}

static void draw_bar(struct load_report *r, const char *file, int64_t done_bytes,
                     int64_t total_bytes, int64_t now_ns) {
    char orders[32], rate[32], size[32], bar[BAR_CELLS + 16] = "";
    int64_t n = r->accepted + r->duplicate + r->rejected;
    if (total_bytes > 0) {
        int64_t done = done_bytes < total_bytes ? done_bytes : total_bytes;
        int filled = (int)(done * BAR_CELLS / total_bytes);
        char cells[BAR_CELLS + 1];
        memset(cells, '.', BAR_CELLS);
        memset(cells, '#', (size_t)filled);
        cells[BAR_CELLS] = '\0';
        snprintf(bar, sizeof bar, " [%s] %3d %%", cells, (int)(done * 100 / total_bytes));
    }
    const char *slash = strrchr(file, '/');
    fprintf(stderr, "\r\033[K%.30s%s  %s orders  %s/s  %s", slash != NULL ? slash + 1 : file, bar,
            grouped(n, orders), grouped(per_second(n, now_ns - r->start_ns), rate),
            size_text(done_bytes, size));
    fflush(stderr);
    r->bar_shown = true;
}

void load_report_progress(struct load_report *r, const char *file, int64_t done_bytes,
                          int64_t total_bytes) {
    if (!r->terminal) {
        return;
    }
    int64_t now_ns = clock_monotonic_ns(r->clock);
    if (now_ns - r->bar_ns < BAR_EVERY_NS) {
        return;
    }
    r->bar_ns = now_ns;
    pthread_mutex_lock(&r->lock);
    draw_bar(r, file, done_bytes, total_bytes, now_ns);
    pthread_mutex_unlock(&r->lock);
}

static void tell_hidden(const struct load_report *r) {
    int64_t n = 0;
    for (size_t i = 0; i < r->n_codes; i++) {
        n += r->hidden[i].count;
    }
    if (n == 0) {
        return;
    }
    char number[32];
    fprintf(stderr, "... and %s more rejected:", grouped(n, number));
    for (size_t i = 0; i < r->n_codes; i++) {
        fprintf(stderr, "%s %s %s", i > 0 ? "," : "", grouped(r->hidden[i].count, number),
                r->hidden[i].code);
    }
    fputc('\n', stderr);
}

static void tell_left_out(const struct load_report *r) {
    char number[32];
    if (r->left_out > 0) {
        fprintf(stderr, "%s: %s %s left out, as --skip says\n", r->who,
                grouped(r->left_out, number), r->left_out == 1 ? "row" : "rows");
    }
}

static void tell_doubts(const struct load_report *r) {
    static const char *const what[DOUBT_KINDS][2] = {
        {"with an amount rounded to four decimals", "with an amount rounded to four decimals"},
        {"whose total is not subtotal - discount + shipping + tax",
         "whose totals are not subtotal - discount + shipping + tax"},
        {"of quantity 0", "of quantity 0"},
        {"older than the late limit", "older than the late limit"},
        {"more than 24 hours ahead of now", "more than 24 hours ahead of now"},
        {"that takes back what no order known here has sold",
         "that take back what no order known here has sold"},
        {"with which more is taken back than was sold",
         "with which more is taken back than was sold"},
    };
    for (int kind = 0; kind < DOUBT_KINDS; kind++) {
        const struct load_doubt *d = &r->doubts.kinds[kind];
        char number[32];
        if (d->count == 0) {
            continue;
        }
        fprintf(stderr, "%s: in doubt: %s %s %s:", r->who, grouped(d->count, number),
                d->count == 1 ? "event" : "events", what[kind][d->count > 1]);
        for (int64_t i = 0; i < d->count && i < LOAD_DOUBT_PLACES; i++) {
            fprintf(stderr, "%s %s:%" PRId64, i > 0 ? "," : "", d->first[i].file, d->first[i].line);
            if (kind >= ORDER_WARNING_KINDS) {
                fprintf(stderr, " (order %s)", d->first[i].order_id);
            }
        }
        fputs(d->count > LOAD_DOUBT_PLACES ? ", ...\n" : "\n", stderr);
    }
}

bool load_report_summary(struct load_report *r, bool complete) {
    int64_t ns = clock_monotonic_ns(r->clock) - r->start_ns;
    pthread_mutex_lock(&r->lock);
    clear_bar(r);
    tell_hidden(r);
    tell_left_out(r);
    tell_doubts(r);
    int64_t n = r->accepted + r->duplicate + r->rejected;
    char accepted[32], duplicate[32], rejected[32], rate[32];
    printf("%s%s %s", complete ? "" : "not complete: ", grouped(r->accepted, accepted),
           r->sends ? "sent" : "accepted");
    if (!r->sends) {
        printf(", %s duplicate", grouped(r->duplicate, duplicate));
    }
    printf(", %s rejected in %" PRId64 ".%02d s (%s orders/s)\n", grouped(r->rejected, rejected),
           ns / 1000000000, (int)(ns / 10000000 % 100), grouped(per_second(n, ns), rate));
    fflush(stdout);
    bool any = r->rejected > 0;
    pthread_mutex_unlock(&r->lock);
    return any;
}
