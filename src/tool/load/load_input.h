// SPDX-License-Identifier: MIT
// The bytes of one file for the loader: plain or gzip (known by its first bytes; several members
// one after the other are one file), or standard input. One thread.
#pragma once
#include "base/error.h"
#include "base/text.h"
#include <stdatomic.h>
#include <stdint.h>

struct load_input;
enum load_input_result {
    INPUT_BYTES,
    INPUT_IDLE, // a pipe has nothing just now
    INPUT_END,
    INPUT_FAILED, // err
};

// "-" is standard input. The path is borrowed. `encoding`: of the text; NULL: UTF-8, or UTF-16 when
// its mark stands at the beginning. Waits for the first bytes, which tell whether it is
// gzip, until *stop is true: then there is nothing to be read.
MUST_CHECK bool load_input_open(const char *path, const char *encoding, const atomic_bool *stop,
                                struct load_input **out, struct error *err);
void load_input_close(struct load_input *in); // NULL is fine

// Reads at most `room` bytes (> 0); *n > 0 after INPUT_BYTES.
MUST_CHECK enum load_input_result load_input_read(struct load_input *in, char *to, size_t room,
                                                  size_t *n, struct error *err);
// The first bytes, up to 16 KiB, still to be read: those of the first line if they are to be had;
// waits for at least one, or for the wish to stop. Empty at the end.
MUST_CHECK bool load_input_peek(struct load_input *in, struct text *head, struct error *err);
// Bytes taken from the file so far, as they lie on disk, and its size (0: not known).
void load_input_progress(const struct load_input *in, int64_t *done_bytes, int64_t *total_bytes);
