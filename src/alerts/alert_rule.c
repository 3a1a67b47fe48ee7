// SPDX-License-Identifier: MIT
// A rule from its line: the line is cut into words, and each part takes its words from the front.
// Fails with what is expected where, never with a guess.
#include "alerts/alert_rule.h"

#include "base/units.h"
#include <ctype.h>
#include <stdio.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS (1440 * MINUTE_MS)
enum { WORDS_MAX = 24, WORD_BYTES = 32 };

static const struct kind_row {
    const char *word; // the first of the rule
    bool under_too;   // it may also be too little
    bool has_window;
    int64_t window_ms, for_ms; // unless the rule says
    int64_t most;              // of a limit
    const char *example;
} kind_rows[ALERT_KINDS] = {
    [ALERT_ORDERS] = {"orders", true, true, 15 * MINUTE_MS, 5 * MINUTE_MS, 1000000,
                      "orders under 50% of usual in 15m for 5m, clear over 70%"},
    [ALERT_REFUNDS] = {"refunds", false, true, 60 * MINUTE_MS, 5 * MINUTE_MS, 1000000,
                       "refunds over 10% in 1h for 5m, clear under 8%"},
    [ALERT_REJECTED] = {"rejected", false, true, 10 * MINUTE_MS, MINUTE_MS, ALERT_SHARE_UNIT,
                        "rejected over 5% in 10m for 1m, clear under 1%"},
    [ALERT_LAG] = {"lag", false, false, 0, MINUTE_MS, INT64_C(1000000000000),
                   "lag over 100000 for 2m, clear under 1000"},
    [ALERT_QUIET] = {"no", false, false, 0, 0, 30 * DAY_MS, "no orders for 30m"},
};

struct words {
    char at[WORDS_MAX][WORD_BYTES];
    size_t n, next;
};

static bool refuse(struct alert_why *why, const char *wanted, const char *found) {
    snprintf(why->text, sizeof why->text, "want %s%s%.40s%s", wanted,
             found != NULL ? ", not \"" : "", found != NULL ? found : "",
             found != NULL ? "\"" : "");
    return false;
}

// A comma is a word's end and nothing else.
static bool split(struct text t, struct words *w) {
    *w = (struct words){.n = 0};
    for (size_t i = 0; i < t.len;) {
        size_t len = 0;
        while (i + len < t.len && !isspace((unsigned char)t.at[i + len]) && t.at[i + len] != ',') {
            len++;
        }
        if (len == 0) {
            i++;
            continue;
        }
        if (w->n == WORDS_MAX || len >= WORD_BYTES) {
            return false;
        }
        memcpy(w->at[w->n], t.at + i, len);
        w->at[w->n++][len] = '\0';
        i += len;
    }
    return true;
}

static const char *peek(const struct words *w) {
    return w->next < w->n ? w->at[w->next] : NULL;
}

static bool take(struct words *w, const char *word) {
    bool is = w->next < w->n && strcmp(w->at[w->next], word) == 0;
    w->next += is;
    return is;
}

// "12.5%" is 1250: at most two decimals.
static bool read_percent(const char *word, int64_t *share) {
    int64_t whole = 0;
    int decimals = 0;
    const char *at = word;
    bool point = false;
    for (; isdigit((unsigned char)*at) || (*at == '.' && !point); at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        decimals += point;
        if (decimals > 2 || whole > 100000000) {
            return false;
        }
        whole = whole * 10 + (*at - '0');
    }
    for (; decimals < 2; decimals++) {
        whole *= 10;
    }
    *share = whole;
    return isdigit((unsigned char)word[0]) && isdigit((unsigned char)at[-1]) &&
           strcmp(at, "%") == 0;
}

static bool take_limit(struct words *w, const struct alert_rule *rule, int64_t *limit,
                       struct alert_why *why) {
    const char *word = peek(w);
    int64_t most = kind_rows[rule->kind].most;
    bool share = alert_kind_is_share(rule->kind);
    bool ok = word != NULL &&
              (share ? read_percent(word, limit) : units_read(&units_none, word, limit)) &&
              *limit >= 0 && *limit <= most;
    char wanted[96];
    snprintf(wanted, sizeof wanted,
             share ? "a share as in 50%% or 2.5%%, %lld%% at most"
                   : "a number of messages, %lld at most",
             (long long)(share ? most / 100 : most));
    w->next += ok;
    return ok || refuse(why, wanted, word);
}

static bool take_time(struct words *w, int64_t least_ms, int64_t most_ms, int64_t *ms,
                      struct alert_why *why) {
    const char *word = peek(w);
    bool ok =
        word != NULL && units_read(&units_duration, word, ms) && *ms >= least_ms && *ms <= most_ms;
    char least[32], most[32], wanted[120];
    units_write(&units_duration, least_ms, least, sizeof least);
    units_write(&units_duration, most_ms, most, sizeof most);
    snprintf(wanted, sizeof wanted, "a time as in 30s, 10m or 2h, from %s to %s", least, most);
    w->next += ok;
    return ok || refuse(why, wanted, word);
}

static bool take_kind(struct words *w, struct alert_rule *rule, struct alert_why *why) {
    why->part = "what";
    for (int kind = 0; kind < ALERT_KINDS; kind++) {
        if (take(w, kind_rows[kind].word)) {
            rule->kind = (enum alert_kind)kind;
            return true;
        }
    }
    return refuse(why, "orders, refunds, rejected, lag or \"no orders\"", peek(w));
}

static bool take_window(struct words *w, struct alert_rule *rule, struct alert_why *why) {
    why->part = "window";
    rule->window_ms = kind_rows[rule->kind].window_ms;
    if (!kind_rows[rule->kind].has_window || !take(w, "in")) {
        return true;
    }
    return take_time(w, MINUTE_MS, ALERT_WINDOW_MAX_MINUTES * MINUTE_MS, &rule->window_ms, why) &&
           (rule->window_ms % MINUTE_MS == 0 || refuse(why, "whole minutes", w->at[w->next - 1]));
}

// "no orders for 30m": the time is the limit.
static bool take_quiet(struct words *w, struct alert_rule *rule, struct alert_why *why) {
    if (!take(w, "orders") || !take(w, "for")) {
        return refuse(why, "\"no orders for TIME\"", peek(w));
    }
    why->part = "limit";
    return take_time(w, 1000, kind_rows[ALERT_QUIET].most, &rule->limit, why);
}

static bool take_condition(struct words *w, struct alert_rule *rule, struct alert_why *why) {
    const struct kind_row *row = &kind_rows[rule->kind];
    rule->for_ms = row->for_ms;
    if (rule->kind == ALERT_QUIET) {
        return take_quiet(w, rule, why);
    }
    why->part = "direction";
    rule->under = row->under_too && take(w, "under");
    if (!rule->under && !take(w, "over")) {
        return refuse(why, row->under_too ? "over or under" : "over", peek(w));
    }
    why->part = "limit";
    if (!take_limit(w, rule, &rule->limit, why)) {
        return false;
    }
    if (rule->kind == ALERT_ORDERS && (!take(w, "of") || !take(w, "usual"))) {
        return refuse(why, "\"of usual\"", peek(w));
    }
    if (!take_window(w, rule, why)) {
        return false;
    }
    why->part = "for";
    return !take(w, "for") || take_time(w, 0, DAY_MS, &rule->for_ms, why);
}

// Where it clears: unless said, at the same limit and after the same time.
static bool take_clear(struct words *w, struct alert_rule *rule, struct alert_why *why) {
    rule->clear_limit = rule->limit;
    rule->clear_for_ms = rule->for_ms;
    if (!take(w, "clear")) {
        return true;
    }
    why->part = "clear";
    bool has_limit = rule->kind != ALERT_QUIET && take(w, rule->under ? "over" : "under");
    if (has_limit && !take_limit(w, rule, &rule->clear_limit, why)) {
        return false;
    }
    if (rule->under ? rule->clear_limit < rule->limit : rule->clear_limit > rule->limit) {
        return refuse(why,
                      rule->under ? "a share to clear over that is not below the first"
                                  : "a limit to clear under that is not above the first",
                      w->at[w->next - 1]);
    }
    why->part = "clear_for";
    bool has_time = take(w, "for");
    if (has_time && !take_time(w, 0, DAY_MS, &rule->clear_for_ms, why)) {
        return false;
    }
    return has_limit || has_time ||
           refuse(why,
                  rule->under ? "\"over\" or \"for\" behind clear"
                              : "\"under\" or \"for\" behind clear",
                  peek(w));
}

static bool read_name(struct text t, struct alert_rule *rule) {
    bool ok = t.len > 0 && t.len <= ALERT_NAME_MAX;
    for (size_t i = 0; ok && i < t.len; i++) {
        ok = isalnum((unsigned char)t.at[i]) || t.at[i] == '-' || t.at[i] == '_';
    }
    if (ok) {
        memcpy(rule->name, t.at, t.len);
    }
    return ok;
}

static bool read_parts(struct text line, const char *equals, struct alert_rule *rule,
                       struct alert_why *why) {
    struct words words;
    const char *begin = equals + 1;
    why->part = "name";
    struct text text = text_trim((struct text){begin, (size_t)(line.at + line.len - begin)});
    if (!read_name(text_trim((struct text){line.at, (size_t)(equals - line.at)}), rule)) {
        return refuse(why, "a name of 1 to 40 letters, digits, - and _ before the =", NULL);
    }
    why->part = "what";
    if (!split(text, &words)) {
        return refuse(why, "a rule such as \"no orders for 30m\"", NULL);
    }
    memcpy(rule->text, text.at, text.len);
    if (!take_kind(&words, rule, why) || !take_condition(&words, rule, why) ||
        !take_clear(&words, rule, why)) {
        return false;
    }
    char wanted[120];
    why->part = "rest";
    snprintf(wanted, sizeof wanted, "nothing more, as in \"%s\"", kind_rows[rule->kind].example);
    return words.next == words.n || refuse(why, wanted, peek(&words));
}

bool alert_rule_read(struct text line, struct alert_rule *out, struct alert_why *why) {
    *out = (struct alert_rule){.name = ""};
    why->part = "line";
    if (line.len > ALERT_LINE_MAX || line.len == 0 || memchr(line.at, '\0', line.len) != NULL) {
        return refuse(why, "a line of 1 to 200 characters", NULL);
    }
    const char *equals = memchr(line.at, '=', line.len);
    if (equals == NULL) {
        return refuse(why, "`name = rule`", NULL);
    }
    for (size_t i = 0; i < line.len; i++) { // it is shown to people and put into JSON
        if ((unsigned char)line.at[i] < ' ' && line.at[i] != '\t') {
            return refuse(why, "a line without control characters", NULL);
        }
        if ((unsigned char)line.at[i] >= 0x7F) {
            return refuse(why, "plain ASCII", NULL);
        }
    }
    return read_parts(line, equals, out, why);
}
