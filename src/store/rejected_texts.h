// SPDX-License-Identifier: MIT
// Which rejected events have been replaced: when one is submitted again and rejected again, the new
// rejected event takes its place. Nobody has to say which it is, at a server or behind a topic: it
// is newer and has the text that was sent, which an edited event remembers by its hash. One thread.
#pragma once
#include "store/sales_reader.h"

// Of a text as it is submitted again: one line without white space around; of a long one, its
// beginning and its length. It is stored: it has to stay what it is. Never 0.
uint64_t rejected_text_hash(struct text event);

struct rejected_texts;
MUST_CHECK struct rejected_texts *rejected_texts_new(void); // dies when out of memory
void rejected_texts_free(struct rejected_texts *t);         // NULL is fine
// To be asked of every row, newest first. True: a newer one has taken its place; each takes that of
// one only, so two events of the same text stay two.
bool rejected_texts_replaced(struct rejected_texts *t, const struct rejected_row *row);
