// SPDX-License-Identifier: MIT
// `salestide generate`: what was asked, as settings of the demo producer
// (tool/generate/generate.h). How it fails: one line, exit code 2; the producer's own exit code
// else.
#include "host/commands.h"

#include "base/secret.h"
#include "engine/zone_file.h"
#include "host/addresses.h"
#include "host/send_to_options.h"
#include "order/timestamp.h"
#include "order/zone.h"
#include "tool/generate/generate.h"
#include <string.h>

enum { USAGE = 2 };

static bool read_generate_start(const struct options *o, int64_t *start_ms, struct error *err) {
    const char *start = option_text(o, "start");
    *start_ms = -1;
    if (start == NULL) {
        return true;
    }
    struct zone *utc = NULL;
    if (!zone_open("UTC", &utc, err)) {
        return false;
    }
    bool ok = timestamp_parse(text_of(start), utc, start_ms) == TIMESTAMP_OK;
    zone_free(utc);
    return ok || error_set(err, ERROR_USAGE,
                           "--start: '%.60s' is not a time such as "
                           "2026-01-31T09:00:00Z",
                           start);
}

static bool read_generate_target(const struct options *o, struct send_to *to, struct error *err) {
    struct error inner = {0};
    if (!kafka_options_fit(o, &inner) || !send_to_of_options(o, to, &inner)) {
        return error_set(err, inner.cls, "--to: %.480s", inner.text);
    }
    if (to->kind == SEND_TO_TOPIC) {
        to->wish = kafka_topic_wish_of(o);
    }
    return true;
}

// --as SYSTEM: its webhooks, to a server that knows the secret.
static bool read_generate_webhooks(const struct options *o, struct generate_settings *s,
                                   char secret[static SECRET_MAX_BYTES + 1], struct error *err) {
    const char *as = option_text(o, "as"), *file = option_text(o, "secret-file");
    if (as == NULL) {
        return file == NULL ||
               error_set(err, ERROR_USAGE,
                         "--secret-file is for --as: what webhooks are signed with");
    }
    if (!webhook_system_of(text_of(as), &s->webhook_system) || s->to.kind != SEND_TO_SERVER) {
        return error_set(
            err, ERROR_USAGE,
            "--as sends webhooks to a server: --to http://HOST:8080 --secret-file FILE");
    }
    if (file == NULL) {
        return error_set(
            err, ERROR_USAGE,
            "--as %s wants --secret-file FILE: the secret that `salestide webhook add` "
            "was given",
            as);
    }
    if (s->random_ids) {
        return error_set(err, ERROR_USAGE, "--as has increasing ids, as shop systems do");
    }
    s->webhook_secret = secret;
    return secret_read("", strcmp(file, "-") == 0 ? "/dev/stdin" : file, secret, err);
}

static bool read_generate(const struct options *o, struct generate_settings *s, struct error *err) {
    bool to_server = option_text(o, "to") != NULL;
    bool files = option_given(o, "write-customers") || option_given(o, "write-products");
    *s = (struct generate_settings){
        .count = option_int(o, "count"),
        .rate = option_int(o, "rate"),
        .seeded = option_given(o, "seed"),
        .seed = option_int(o, "seed"),
        .random_ids = strcmp(option_text(o, "ids"), "random") == 0,
        .customer_fields = option_flag(o, "with-customer-fields"),
        .customers_file = option_text(o, "write-customers"),
        .products_file = option_text(o, "write-products"),
        .files_alone = files && !to_server && !option_given(o, "count"),
    };
    if (!read_generate_start(o, &s->start_ms, err)) {
        return false;
    }
    if (!to_server && s->rate == 0) {
        return error_set(err, ERROR_USAGE,
                         "--rate 0 is for --to; on standard output the rate is how created_at "
                         "runs on");
    }
    return !to_server || read_generate_target(o, &s->to, err);
}

int command_generate(const struct options *o) {
    struct generate_settings settings;
    struct error err = {0};
    char secret[SECRET_MAX_BYTES + 1] = "";
    int code = USAGE;
    if (read_generate(o, &settings, &err) && read_generate_webhooks(o, &settings, secret, &err)) {
        code = generate_run(&settings);
    } else {
        fprintf(stderr, "salestide generate: %s\n", err.text);
    }
    send_to_wipe(&settings.to);
    explicit_bzero(secret, sizeof secret);
    return code;
}
