// SPDX-License-Identifier: MIT
// `salestide webhook add SYSTEM --secret-file FILE`, `webhook list`, `webhook remove ID`.
#include "host/commands.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "webhook/webhook_secrets.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int command_webhook_fail(const struct error *err) {
    fprintf(stderr, "salestide webhook: %s\n", err->text);
    return err->cls == ERROR_USAGE ? 2 : 1;
}

static void warn_of_open_secrets(const char *directory) {
    struct error err;
    if (webhook_secrets_open_to_others(directory, &err)) {
        fprintf(stderr, "salestide webhook: warning: %s\n", err.text);
    }
}

static int webhook_add(const struct options *o, const char *directory) {
    enum webhook_system system;
    struct error err = {0};
    const char *file = option_text(o, "secret-file");
    if (option_args_count(o) != 2 || !webhook_system_of(text_of(option_arg(o, 1)), &system)) {
        error_set(&err, ERROR_USAGE,
                  "say whose: `salestide webhook add shopify | woocommerce | stripe`");
        return command_webhook_fail(&err);
    }
    if (file == NULL) {
        error_set(&err, ERROR_USAGE,
                  "say where the secret is: --secret-file FILE, its first line; - is standard "
                  "input");
        return command_webhook_fail(&err);
    }
    char secret[SECRET_MAX_BYTES + 1], id[WEBHOOK_ID_LEN + 1] = "";
    bool ok = secret_read("", strcmp(file, "-") == 0 ? "/dev/stdin" : file, secret, &err) &&
              webhook_secrets_add(directory, system, text_of(secret), clock_now_ms(clock_system()),
                                  id, &err);
    explicit_bzero(secret, sizeof secret);
    if (!ok) {
        return command_webhook_fail(&err);
    }
    warn_of_open_secrets(directory);
    fprintf(stderr,
            "Secret %s of %s is in %s/webhooks; a running server notices within a second. Let it "
            "post to /v1/webhooks/%s.\n",
            id, webhook_system_name(system), directory, webhook_system_name(system));
    return 0;
}

static int webhook_list(const char *directory) {
    struct webhook_secrets *all = mem_zalloc(1, sizeof *all);
    struct error err = {0};
    bool ok = webhook_secrets_read(directory, all, &err);
    if (ok && all->n == 0) {
        fprintf(stderr,
                "No webhook secrets in %s. Add one with `salestide webhook add shopify "
                "--secret-file FILE`.\n",
                directory);
    }
    for (size_t i = 0; ok && i < all->n; i++) {
        const struct webhook_secret *s = &all->list[i];
        printf("%s  %-11s  %s\n", s->id, webhook_system_name(s->system), s->added_at);
    }
    explicit_bzero(all, sizeof *all);
    free(all);
    if (ok && (fflush(stdout) != 0 || ferror(stdout))) {
        ok =
            error_set(&err, ERROR_RETRIABLE, "the list cannot be written out: %s", strerror(errno));
    }
    return ok ? 0 : command_webhook_fail(&err);
}

static int webhook_remove(const struct options *o, const char *directory) {
    struct error err = {0};
    if (option_args_count(o) != 2) {
        error_set(&err, ERROR_USAGE,
                  "say which: `salestide webhook remove ID` (see `webhook list`)");
        return command_webhook_fail(&err);
    }
    if (!webhook_secrets_remove(directory, option_arg(o, 1), &err)) {
        return command_webhook_fail(&err);
    }
    fprintf(stderr, "Secret %s is removed; a running server notices within a second.\n",
            option_arg(o, 1));
    return 0;
}

int command_webhook(const struct options *o) {
    const char *directory = option_text(o, "data");
    const char *verb = option_args_count(o) > 0 ? option_arg(o, 0) : "";
    if (strcmp(verb, "add") == 0) {
        return webhook_add(o, directory);
    }
    if (strcmp(verb, "list") == 0 && option_args_count(o) == 1) {
        return webhook_list(directory);
    }
    if (strcmp(verb, "remove") == 0) {
        return webhook_remove(o, directory);
    }
    fprintf(stderr,
            "salestide webhook: use `webhook add SYSTEM --secret-file FILE`, `webhook list` "
            "or `webhook remove ID`\n");
    return 2;
}
