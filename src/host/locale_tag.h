// SPDX-License-Identifier: MIT
// Tags of languages and places, as in de-DE (BCP 47): what a browser writes numbers and dates by.
#pragma once
#include "base/must.h"
#include "base/text.h"

enum { LOCALE_TAG_BYTES = 36 }; // with its zero

// Whether a browser takes it for a tag, whatever it knows of the place: a language of two or three
// letters, then script, region, variants and extensions (de-CH-u-nu-latn), in that order and with
// hyphens; not longer than 35 bytes. Private parts (x-...) are none.
MUST_CHECK bool locale_tag_is(struct text tag);
