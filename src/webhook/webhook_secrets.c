// SPDX-License-Identifier: MIT
// The file of webhook secrets. Adding and removing: take the lock file, read all, replace the file
// as a whole (base/replace_file.h), so that the server can read the new one whoever made it.
//
// How it fails: a line in another form, or a file that cannot be read, is told with its name and
// line, and nothing of it is used.
#include "webhook/webhook_secrets.h"

#include "base/buf.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/replace_file.h"
#include "order/timestamp.h"
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, LINE_BYTES = 640 };

static bool parse_line(const char *line, struct webhook_secret *s) {
    char system[16], hex[2 * WEBHOOK_SECRET_MAX_BYTES + 1] = "", extra[2];
    *s = (struct webhook_secret){0};
    bool ok =
        sscanf(line, "%8s %15s %31s %510s %1s", s->id, system, s->added_at, hex, extra) == 4 &&
        webhook_system_of(text_of(system), &s->system) && strlen(s->id) == WEBHOOK_ID_LEN &&
        hex_read(text_of(hex), s->secret, s->len = strlen(hex) / 2) && s->len > 0;
    explicit_bzero(hex, sizeof hex);
    return ok;
}

static bool read_lines(FILE *f, const char *path, struct webhook_secrets *out, struct error *err) {
    char line[LINE_BYTES];
    bool ok = true;
    for (size_t number = 1; ok && fgets(line, sizeof line, f) != NULL; number++) {
        line[strcspn(line, "#\r\n")] = '\0';
        if (line[strspn(line, " \t")] == '\0') {
            continue;
        }
        if (out->n == WEBHOOK_SECRETS_MAX) {
            ok = error_set(err, ERROR_USAGE, "%s has more than %d secrets: remove some", path,
                           WEBHOOK_SECRETS_MAX);
        } else if (!parse_line(line, &out->list[out->n++])) {
            ok = error_set(err, ERROR_USAGE,
                           "%s, line %zu is not \"ID SYSTEM TIME SECRETHEX\": repair or remove it",
                           path, number);
        }
    }
    explicit_bzero(line, sizeof line);
    if (ok && ferror(f)) {
        return error_set(err, ERROR_RETRIABLE, "cannot read %s: %s", path, strerror(errno));
    }
    return ok;
}

bool webhook_secrets_read(const char *directory, struct webhook_secrets *out, struct error *err) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/webhooks", directory);
    out->n = 0;
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return errno == ENOENT || errno == ENOTDIR
                   ? true
                   : error_set(err, ERROR_FATAL, "cannot read %s: %s", path, strerror(errno));
    }
    bool ok = read_lines(f, path, out, err);
    fclose(f);
    if (!ok) {
        explicit_bzero(out, sizeof *out);
    }
    return ok;
}

bool webhook_secrets_open_to_others(const char *directory, struct error *err) {
    char path[PATH_BYTES];
    struct stat now;
    snprintf(path, sizeof path, "%s/webhooks", directory);
    if (stat(path, &now) != 0 || (now.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)) == 0) {
        return false;
    }
    error_set(err, ERROR_USAGE,
              "%s has mode %04o: whoever reads it can sign orders as the shop does (chmod 600 it)",
              path, (unsigned)now.st_mode & 07777);
    return true;
}

// --- Changing it

static void put_secret(struct buf *lines, const struct webhook_secret *s) {
    buf_printf(lines, "%s %s %s ", s->id, webhook_system_name(s->system), s->added_at);
    char hex[2 * WEBHOOK_SECRET_MAX_BYTES + 1];
    hex_write(s->secret, s->len, hex);
    buf_printf(lines, "%s\n", hex);
    explicit_bzero(hex, sizeof hex);
}

static bool replace_secrets(const char *directory, const struct webhook_secrets *all,
                            struct error *err) {
    struct buf lines = {0};
    for (size_t i = 0; i < all->n; i++) {
        put_secret(&lines, &all->list[i]);
    }
    bool ok = lines.failed ? error_set(err, ERROR_RETRIABLE, "no memory for the file of secrets")
                           : replace_file(directory, "webhooks", buf_text(&lines), err);
    if (lines.at != NULL) {
        explicit_bzero(lines.at, lines.len);
    }
    buf_free(&lines);
    return ok;
}

static bool append(struct webhook_secrets *all, enum webhook_system system, struct text secret,
                   int64_t now_ms, struct error *err) {
    for (size_t i = 0; i < all->n; i++) {
        const struct webhook_secret *s = &all->list[i];
        if (s->system == system && text_equal((struct text){s->secret, s->len}, secret)) {
            return error_set(err, ERROR_USAGE, "this secret of %s is there already: %s",
                             webhook_system_name(system), s->id);
        }
    }
    if (all->n == WEBHOOK_SECRETS_MAX) {
        return error_set(err, ERROR_USAGE, "there are %d secrets already: remove some first",
                         WEBHOOK_SECRETS_MAX);
    }
    unsigned char id[WEBHOOK_ID_LEN / 2];
    if (RAND_bytes(id, sizeof id) != 1) {
        return error_set(err, ERROR_FATAL, "the system gives no random bytes");
    }
    struct webhook_secret *s = &all->list[all->n++];
    *s = (struct webhook_secret){.system = system, .len = secret.len};
    hex_write(id, sizeof id, s->id);
    s->added_at[timestamp_format(now_ms, s->added_at)] = '\0';
    memcpy(s->secret, secret.at, secret.len);
    return true;
}

bool webhook_secrets_add(const char *directory, enum webhook_system system, struct text secret,
                         int64_t now_ms, char id[static WEBHOOK_ID_LEN + 1], struct error *err) {
    if (secret.len == 0 || secret.len > WEBHOOK_SECRET_MAX_BYTES) {
        return error_set(err, ERROR_USAGE, "a secret has 1 to %d bytes", WEBHOOK_SECRET_MAX_BYTES);
    }
    int lock = replace_file_lock(directory, "webhooks.lock", err);
    if (lock < 0) {
        return false;
    }
    struct webhook_secrets *all = mem_zalloc(1, sizeof *all);
    bool ok = webhook_secrets_read(directory, all, err) &&
              append(all, system, secret, now_ms, err) && replace_secrets(directory, all, err);
    if (ok) {
        memcpy(id, all->list[all->n - 1].id, WEBHOOK_ID_LEN + 1);
    }
    explicit_bzero(all, sizeof *all);
    free(all);
    close(lock);
    return ok;
}

static bool drop(struct webhook_secrets *all, const char *id, struct error *err) {
    size_t kept = 0;
    for (size_t i = 0; i < all->n; i++) {
        if (strcmp(all->list[i].id, id) != 0) {
            all->list[kept++] = all->list[i];
        }
    }
    bool found = kept < all->n;
    all->n = kept;
    return found || error_set(err, ERROR_USAGE,
                              "no webhook secret with id %.40s: see `salestide webhook list`", id);
}

bool webhook_secrets_remove(const char *directory, const char *id, struct error *err) {
    int lock = replace_file_lock(directory, "webhooks.lock", err);
    if (lock < 0) {
        return false;
    }
    struct webhook_secrets *all = mem_zalloc(1, sizeof *all);
    bool ok = webhook_secrets_read(directory, all, err) && drop(all, id, err) &&
              replace_secrets(directory, all, err);
    explicit_bzero(all, sizeof *all);
    free(all);
    close(lock);
    return ok;
}
