// SPDX-License-Identifier: MIT
// Rules of --skip. A rule's values are compared one after the other; there are few of them.
#include "format/csv_skip.h"

#include "order/order.h"
#include <string.h>
#include <strings.h>

bool csv_skip_read(struct text rule, struct csv_skip *out, struct error *err) {
    const char *equals = rule.len > 0 ? memchr(rule.at, '=', rule.len) : NULL;
    if (equals == NULL || !text_is_utf8(rule)) {
        return error_set(err, ERROR_USAGE, "'%s' is not COLUMN=VALUE,VALUE", excerpt_of(rule).text);
    }
    size_t before = (size_t)(equals - rule.at);
    *out = (struct csv_skip){.values = {equals + 1, rule.len - before - 1}};
    out->others = before > 0 && equals[-1] == '!';
    out->column = text_trim((struct text){rule.at, before - out->others});
    return out->column.len > 0 ||
           error_set(err, ERROR_USAGE, "the name of a column stands before '='");
}

// Takes the next value off the list.
static struct text next_value(struct text *list) {
    bool quoted = list->len > 1 && list->at[0] == '"';
    const char *end = quoted ? memchr(list->at + 1, '"', list->len - 1) : NULL;
    size_t from = end != NULL ? 1 : 0;
    size_t to = end != NULL ? (size_t)(end - list->at) : 0;
    const char *comma = memchr(list->at + to, ',', list->len - to);
    size_t used = comma != NULL ? (size_t)(comma - list->at) : list->len;
    struct text value = {list->at + from, (end != NULL ? to : used) - from};
    used += comma != NULL;
    *list = (struct text){list->at + used, list->len - used};
    return text_trim(value);
}

bool csv_skip_fits(const struct csv_skip *s, struct text cell) {
    struct text list = s->values;
    cell = text_trim(cell);
    bool found = list.len == 0 && cell.len == 0;
    while (list.len > 0 && !found) {
        struct text value = next_value(&list);
        found = value.len == cell.len &&
                (value.len == 0 || strncasecmp(value.at, cell.at, value.len) == 0);
    }
    return found != s->others;
}
