// SPDX-License-Identifier: MIT
// Reading files and gzip.
//
// Plain: read(2) straight into the caller's room. gzip: read(2) into `packed`, inflate into the
// caller's room; at the end of a member the next one begins if there is one. What is not UTF-8 goes
// through load_text.c from there.
//
// How it fails: a file that is not there, is a directory, breaks while being read; a gzip file that
// is damaged, ends in the middle, or has something else behind its end. Each is one line, which
// says where, since what came before is loaded.
#include "tool/load/load_input.h"

#include "base/mem.h"
#include "tool/load/load_text.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { PACKED_BYTES = 256 * 1024, HEAD_BYTES = 16384, IDLE_AFTER_MS = 200 };

struct load_input {
    const char *path; // for messages
    const atomic_bool *stop;
    int fd;
    bool regular;
    bool gzip, in_member, source_ended;
    int64_t done_bytes, total_bytes;
    struct load_text *text; // of another encoding; NULL: as it is
    char head[HEAD_BYTES];  // read by a peek
    size_t head_at, head_end;
    z_stream z;
    unsigned char packed[PACKED_BYTES];
};

static bool has_suffix(const char *path, const char *suffix) {
    size_t n = strlen(path), m = strlen(suffix);
    return n >= m && strcmp(path + n - m, suffix) == 0;
}

static bool open_file(struct load_input *in, struct error *err) {
    if (strcmp(in->path, "-") == 0) {
        in->path = "standard input";
        in->fd = STDIN_FILENO;
    } else {
        in->fd = open(in->path, O_RDONLY | O_CLOEXEC);
    }
    struct stat st;
    if (in->fd < 0 || fstat(in->fd, &st) != 0) {
        return error_set(err, ERROR_USAGE, "cannot open %s: %s", in->path, strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return error_set(err, ERROR_USAGE, "%s is a directory; name the files in it", in->path);
    }
    in->regular = S_ISREG(st.st_mode);
    in->total_bytes = in->regular ? st.st_size : 0;
    if (in->regular) {
        posix_fadvise(in->fd, 0, 0, POSIX_FADV_SEQUENTIAL); // a hint: it may fail
    }
    return true;
}

// read(2) with idling. *n == 0 after INPUT_END.
static enum load_input_result read_file(struct load_input *in, void *to, size_t room, size_t *n,
                                        struct error *err) {
    if (in->source_ended) {
        return INPUT_END;
    }
    if (!in->regular) {
        struct pollfd p = {.fd = in->fd, .events = POLLIN};
        if (poll(&p, 1, IDLE_AFTER_MS) <= 0) {
            return INPUT_IDLE; // also when a signal came
        }
    }
    ssize_t got = read(in->fd, to, room);
    if (got < 0 && errno == EINTR) {
        return INPUT_IDLE;
    }
    if (got < 0) {
        error_set(err, ERROR_RETRIABLE, "cannot read %s at byte %lld: %s", in->path,
                  (long long)in->done_bytes, strerror(errno));
        return INPUT_FAILED;
    }
    in->source_ended = got == 0;
    in->done_bytes += got;
    *n = (size_t)got;
    return got == 0 ? INPUT_END : INPUT_BYTES;
}

// --- gzip

static enum load_input_result gzip_failed(struct load_input *in, const char *what,
                                          struct error *err) {
    error_set(err, ERROR_FATAL,
              "%s: %s near byte %lld of the gzip file; what came before that is read", in->path,
              what, (long long)(in->done_bytes - in->z.avail_in));
    return INPUT_FAILED;
}

// Behind a member: another one begins, or zero bytes pad the file to its end.
static enum load_input_result next_member(struct load_input *in, struct error *err) {
    while (in->z.avail_in > 0 && in->z.next_in[0] == 0) {
        in->z.next_in++;
        in->z.avail_in--;
    }
    if (in->z.avail_in == 0) {
        return INPUT_BYTES;
    }
    if (in->z.next_in[0] != 0x1F) {
        return gzip_failed(in, "something that is not gzip follows", err);
    }
    in->in_member = true;
    return inflateReset(&in->z) == Z_OK ? INPUT_BYTES : gzip_failed(in, "cannot go on", err);
}

static enum load_input_result fill_packed(struct load_input *in, struct error *err) {
    size_t n = 0;
    enum load_input_result r = read_file(in, in->packed, sizeof in->packed, &n, err);
    if (r == INPUT_BYTES) {
        in->z.next_in = in->packed;
        in->z.avail_in = (unsigned)n;
    } else if (r == INPUT_END && in->in_member) {
        return gzip_failed(in, "the file is cut off", err);
    }
    return r;
}

static enum load_input_result read_gzip(struct load_input *in, char *to, size_t room, size_t *n,
                                        struct error *err) {
    in->z.next_out = (unsigned char *)to;
    in->z.avail_out = room > (1u << 30) ? 1u << 30 : (unsigned)room;
    unsigned all = in->z.avail_out;
    while (in->z.avail_out == all) { // until something came out
        if (in->z.avail_in == 0) {
            enum load_input_result r = fill_packed(in, err);
            if (r != INPUT_BYTES) {
                return r;
            }
        }
        if (!in->in_member) {
            enum load_input_result r = next_member(in, err);
            if (r != INPUT_BYTES) {
                return r;
            }
            continue;
        }
        int code = inflate(&in->z, Z_NO_FLUSH);
        if (code == Z_STREAM_END) {
            in->in_member = false;
        } else if (code != Z_OK && code != Z_BUF_ERROR) {
            return gzip_failed(in, in->z.msg != NULL ? in->z.msg : "damaged", err);
        }
    }
    *n = all - in->z.avail_out;
    return INPUT_BYTES;
}

// --- All

// Looks at the first bytes of the file: gzip or not.
static bool find_packing(struct load_input *in, struct error *err) {
    size_t have = 0;
    while (have < 2) {
        size_t n = 0;
        enum load_input_result r =
            read_file(in, in->packed + have, sizeof in->packed - have, &n, err);
        if (r == INPUT_FAILED) {
            return false;
        }
        if (r == INPUT_END) {
            break;
        }
        if (r == INPUT_IDLE) {
            if (*in->stop || (have > 0 && in->packed[0] != 0x1F)) {
                break;
            }
            continue;
        }
        have += n;
    }
    in->gzip = have >= 2 && in->packed[0] == 0x1F && in->packed[1] == 0x8B;
    if (!in->gzip && !*in->stop && has_suffix(in->path, ".gz")) {
        return error_set(err, ERROR_FATAL, "%s is not a gzip file, as its name says", in->path);
    }
    in->z.next_in = in->packed; // of a plain file as well: its first bytes
    in->z.avail_in = (unsigned)have;
    in->in_member = in->gzip;
    return !in->gzip || inflateInit2(&in->z, 15 + 16) == Z_OK ||
           error_set(err, ERROR_RETRIABLE, "out of memory");
}

static enum load_input_result read_decoded(struct load_input *in, char *to, size_t room, size_t *n,
                                           struct error *err) {
    if (in->gzip) {
        return read_gzip(in, to, room, n, err);
    }
    if (in->z.avail_in == 0) {
        return read_file(in, to, room, n, err);
    }
    *n = in->z.avail_in < room ? in->z.avail_in : room;
    memcpy(to, in->z.next_in, *n);
    in->z.next_in += *n;
    in->z.avail_in -= (unsigned)*n;
    return INPUT_BYTES;
}

// --- Encodings

static enum load_input_result read_text(struct load_input *in, char *to, size_t room, size_t *n,
                                        struct error *err) {
    if (in->text == NULL) {
        return read_decoded(in, to, room, n, err);
    }
    enum load_input_result r = INPUT_BYTES;
    while ((*n = load_text_take(in->text, to, room)) == 0 && r == INPUT_BYTES) {
        size_t raw_room, got = 0;
        char *raw = load_text_room(in->text, &raw_room);
        r = read_decoded(in, raw, raw_room, &got, err);
        if (r == INPUT_BYTES || r == INPUT_END) {
            load_text_fed(in->text, got);
        }
        if (r == INPUT_END && (*n = load_text_take(in->text, to, room)) > 0) {
            return INPUT_BYTES; // the rest of a character that was cut
        }
    }
    return *n > 0 ? INPUT_BYTES : r;
}

// Reads the first bytes, two at least, into `head`.
static bool read_head(struct load_input *in, struct error *err) {
    enum load_input_result r = INPUT_BYTES;
    while (in->head_end < 2 && (r == INPUT_BYTES || r == INPUT_IDLE) && !*in->stop) {
        size_t n = 0;
        r = read_decoded(in, in->head + in->head_end, sizeof in->head - in->head_end, &n, err);
        in->head_end += n;
        bool mark = in->head_end == 1 && ((unsigned char)in->head[0] & 0xFE) == 0xFE;
        if (r == INPUT_IDLE && in->head_end == 1 && !mark) {
            break;
        }
    }
    return r != INPUT_FAILED;
}

// From the mark, or as it was told; what is in `head` is of that encoding too.
static bool find_encoding(struct load_input *in, const char *encoding, struct error *err) {
    if (!read_head(in, err)) {
        return false;
    }
    const char *by_mark = load_text_by_mark((struct text){in->head, in->head_end});
    const char *name = encoding != NULL ? encoding : by_mark;
    if (name == NULL) {
        return true;
    }
    if (!load_text_new(name, &in->text, err)) {
        return false;
    }
    size_t room, mark = encoding == NULL ? 2 : 0;
    char *raw = load_text_room(in->text, &room);
    memcpy(raw, in->head + mark, in->head_end - mark);
    if (in->head_end > mark) { // fed with nothing it would have ended
        load_text_fed(in->text, in->head_end - mark);
    }
    in->head_end = 0;
    return true;
}

bool load_input_open(const char *path, const char *encoding, const atomic_bool *stop,
                     struct load_input **out, struct error *err) {
    struct load_input *in = mem_zalloc(1, sizeof *in);
    in->stop = stop;
    in->path = path;
    in->fd = -1;
    if (!open_file(in, err) || !find_packing(in, err) || !find_encoding(in, encoding, err)) {
        load_input_close(in);
        *out = NULL;
        return false;
    }
    *out = in;
    return true;
}

void load_input_close(struct load_input *in) {
    if (in == NULL) {
        return;
    }
    if (in->gzip) {
        inflateEnd(&in->z);
    }
    if (in->fd > STDIN_FILENO) {
        close(in->fd);
    }
    load_text_free(in->text);
    free(in);
}

enum load_input_result load_input_read(struct load_input *in, char *to, size_t room, size_t *n,
                                       struct error *err) {
    if (in->head_at == in->head_end) {
        return read_text(in, to, room, n, err);
    }
    *n = in->head_end - in->head_at < room ? in->head_end - in->head_at : room;
    memcpy(to, in->head + in->head_at, *n);
    in->head_at += *n;
    return INPUT_BYTES;
}

bool load_input_peek(struct load_input *in, struct text *head, struct error *err) {
    enum load_input_result r = INPUT_IDLE;
    while (!*in->stop && in->head_end < sizeof in->head &&
           ((r == INPUT_IDLE && in->head_end == 0) ||
            (r == INPUT_BYTES && memchr(in->head, '\n', in->head_end) == NULL))) {
        size_t n = 0;
        r = read_text(in, in->head + in->head_end, sizeof in->head - in->head_end, &n, err);
        in->head_end += n;
    }
    *head = (struct text){in->head, in->head_end};
    return r != INPUT_FAILED;
}

void load_input_progress(const struct load_input *in, int64_t *done_bytes, int64_t *total_bytes) {
    *done_bytes = in->done_bytes;
    *total_bytes = in->total_bytes;
}
