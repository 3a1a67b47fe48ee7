// SPDX-License-Identifier: MIT
// Fuzzes the messages of other producers. The first byte of an input is the form that is said and
// whether a schema's id is in a header; the rest is the value, and a key.
//
// What must hold, beside no crash and no read outside the input:
// - the same message is opened in the same way, and by its own form as well when that is the one
//   said;
// - what is taken out of it is one line of JSON, no longer than what it was made of allows;
// - a rejection has a code and words;
// - no message is of two forms: whoever says another one rejects it by its form.
#include "base/mem.h"
#include "engine/zone_file.h"
#include "format/envelope.h"
#include "format/log_key.h"
#include <stdio.h>
#include <stdlib.h>

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct order_json *parser;
static struct zone *zone;

static void start(void) {
    struct error err;
    if (!zone_open("America/New_York", &zone, &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    parser = mem_must(order_json_new(NULL));
}

static void check_event(struct text event, struct arena *arena) {
    const struct order_rules rules = {.zone = zone, .currency = "USD"};
    struct order order;
    struct rejection why;
    enum order_json_result result = order_json_parse(parser, &rules, event, arena, &order, &why);
    HOLDS(result != ORDER_JSON_NO_MEMORY);
    HOLDS(event.len == 0 || event.at != NULL);
}

static enum envelope_result open_once(enum value_format said, const struct envelope *e,
                                      struct arena *arena, struct text *event) {
    struct rejection why = {0};
    enum envelope_result result = envelope_open(parser, said, e, arena, event, &why);
    HOLDS(result != ENVELOPE_NO_MEMORY);
    HOLDS(result != ENVELOPE_REJECTED ||
          (reject_code_of(text_of(why.code)) != NULL && why.message[0] != '\0'));
    return result;
}

static void check_message(enum value_format said, const struct envelope *e) {
    struct arena arena = {0};
    struct text event, again;
    struct rejection why;
    enum envelope_result result = open_once(said, e, &arena, &event);
    HOLDS(open_once(said, e, &arena, &again) == result);
    if (result == ENVELOPE_EVENT) {
        HOLDS(text_equal(event, again));
        check_event(event, &arena);
    }
    for (int other = VALUE_CONNECT; other < VALUE_FORMATS; other++) {
        if (result == ENVELOPE_EVENT && other != (int)said && !e->id_in_header) {
            HOLDS(open_once((enum value_format)other, e, &arena, &again) == ENVELOPE_REJECTED);
        }
    }
    HOLDS(envelope_open_kept(parser, e->value, &arena, &again, &why) != ENVELOPE_NO_MEMORY);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (parser == NULL) {
        start();
    }
    if (size < 2) {
        return 0;
    }
    const struct envelope e = {{(const char *)data + 1, size - 1}, (data[0] & 4) != 0};
    check_message((enum value_format)(1 + data[0] % 3), &e);
    (void)log_key_is(parser, e.value, TEXT_LIT("7"));
    return 0;
}
