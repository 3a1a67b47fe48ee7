// SPDX-License-Identifier: MIT
// Bytes of a file in another encoding, as UTF-8 (iconv of the C library). One thread.
#pragma once
#include "base/error.h"
#include "base/text.h"

struct load_text;
// Is it an encoding that can be read? Else the error says so.
MUST_CHECK bool load_text_knows(const char *encoding, struct error *err);
// The encoding that a file's first bytes tell (UTF-16 by its mark), or NULL.
const char *load_text_by_mark(struct text head);

MUST_CHECK bool load_text_new(const char *encoding, struct load_text **out, struct error *err);
void load_text_free(struct load_text *t); // NULL is fine
// Where to put the next bytes of the file; 0 bytes of room: first take what is ready.
char *load_text_room(struct load_text *t, size_t *n_bytes);
void load_text_fed(struct load_text *t, size_t n_bytes); // 0: the file has ended
// Takes up to `room` bytes of UTF-8; 0: more are to be fed, or it has ended. What is no character
// of the encoding is one byte that no UTF-8 has, so that its row can be told.
size_t load_text_take(struct load_text *t, char *to, size_t room);
