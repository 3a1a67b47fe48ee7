// SPDX-License-Identifier: MIT
// Encodings other than UTF-8.
//
// Bytes are put into `raw`, converted into `ready` as far as they are whole characters, and taken
// from there. A character cut by the end of `raw` waits for its rest.
//
// How it fails: a byte that is no character of the encoding becomes BROKEN, and reading goes on
// behind it; whoever reads the row sees that it is not UTF-8.
#include "tool/load/load_text.h"

#include "base/mem.h"
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <strings.h>

enum { RAW_BYTES = 64 * 1024, READY_BYTES = 64 * 1024, CHARACTER_MAX_BYTES = 16 };
#define BROKEN '\xFF'

struct load_text {
    iconv_t cd;
    size_t unit; // bytes to pass over at a character that is none
    bool ended;
    size_t raw_at, raw_end, ready_at, ready_end;
    char raw[RAW_BYTES];
    char ready[READY_BYTES];
};

static bool open_iconv(const char *encoding, iconv_t *cd, struct error *err) {
    bool plain = encoding[0] != '\0' && strchr(encoding, '/') == NULL; // no //TRANSLIT: no guesses
    *cd = plain ? iconv_open("UTF-8", encoding) : (iconv_t)-1;
    return *cd != (iconv_t)-1 ||
           error_set(err, ERROR_USAGE,
                     "'%.60s' is no encoding that the C library reads (iconv -l lists them)",
                     encoding);
}

bool load_text_knows(const char *encoding, struct error *err) {
    iconv_t cd;
    if (!open_iconv(encoding, &cd, err)) {
        return false;
    }
    iconv_close(cd);
    return true;
}

const char *load_text_by_mark(struct text head) {
    return head.len < 2                          ? NULL
           : memcmp(head.at, "\xFF\xFE", 2) == 0 ? "UTF-16LE"
           : memcmp(head.at, "\xFE\xFF", 2) == 0 ? "UTF-16BE"
                                                 : NULL;
}

bool load_text_new(const char *encoding, struct load_text **out, struct error *err) {
    iconv_t cd;
    *out = NULL;
    if (!open_iconv(encoding, &cd, err)) {
        return false;
    }
    *out = mem_zalloc(1, sizeof **out);
    (*out)->cd = cd;
    (*out)->unit = strncasecmp(encoding, "UTF-16", 6) == 0 || strncasecmp(encoding, "UCS-2", 5) == 0
                       ? 2
                   : strncasecmp(encoding, "UTF-32", 6) == 0 ? 4
                                                             : 1;
    return true;
}

void load_text_free(struct load_text *t) {
    if (t != NULL) {
        iconv_close(t->cd);
        free(t);
    }
}

char *load_text_room(struct load_text *t, size_t *n_bytes) {
    memmove(t->raw, t->raw + t->raw_at, t->raw_end - t->raw_at);
    t->raw_end -= t->raw_at;
    t->raw_at = 0;
    *n_bytes = RAW_BYTES - t->raw_end;
    return t->raw + t->raw_end;
}

void load_text_fed(struct load_text *t, size_t n_bytes) {
    t->raw_end += n_bytes;
    t->ended |= n_bytes == 0;
}

// Passes over one unit of the input that is no character.
static void put_broken(struct load_text *t) {
    size_t left = t->raw_end - t->raw_at;
    t->ready[t->ready_end++] = BROKEN;
    t->raw_at += left < t->unit ? left : t->unit;
    iconv(t->cd, NULL, NULL, NULL, NULL); // back to the state of the beginning
}

// Converts as much as there is; `ready` is empty before.
static void convert(struct load_text *t) {
    t->ready_at = t->ready_end = 0;
    while (t->raw_at < t->raw_end && READY_BYTES - t->ready_end > CHARACTER_MAX_BYTES) {
        char *in = t->raw + t->raw_at, *out = t->ready + t->ready_end;
        size_t in_left = t->raw_end - t->raw_at;
        size_t out_left = READY_BYTES - t->ready_end - 1; // one for BROKEN
        size_t r = iconv(t->cd, &in, &in_left, &out, &out_left);
        int why = errno;
        t->raw_at = (size_t)(in - t->raw);
        t->ready_end = (size_t)(out - t->ready);
        if (r != (size_t)-1) {
            continue; // all of it
        }
        if (why == E2BIG || (why == EINVAL && !t->ended)) {
            return; // `ready` is full, or the rest of the character is to come
        }
        put_broken(t);
    }
}

size_t load_text_take(struct load_text *t, char *to, size_t room) {
    if (t->ready_at == t->ready_end) {
        convert(t);
    }
    size_t have = t->ready_end - t->ready_at;
    size_t n = have < room ? have : room;
    memcpy(to, t->ready + t->ready_at, n);
    t->ready_at += n;
    return n;
}
