// SPDX-License-Identifier: MIT
// An event's text in the user's editor, or from a file.
#pragma once
#include "base/buf.h"
#include "base/error.h"

// Opens $VISUAL or $EDITOR (else vi) on a temporary file with this text and waits. *changed:
// whether it differs afterwards. The caller frees `out`.
MUST_CHECK bool rejected_edit_text(struct text event, struct buf *out, bool *changed,
                                   struct error *err);
// The whole of a file ("-": standard input), at most ORDER_EVENT_MAX_BYTES.
MUST_CHECK bool rejected_read_file(const char *path, struct buf *out, struct error *err);
