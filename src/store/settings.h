// SPDX-License-Identifier: MIT
// What the shop fixed when its store was made (struct store_settings): defaults, names as every
// store keeps them, and the comparison with what a process was started with. Pure.
#pragma once
#include "base/error.h"
#include "engine/store.h"

enum { N_SETTINGS = 3, SETTING_MAX_BYTES = 63 };
extern const char *const setting_names[N_SETTINGS]; // "currency", "timezone", "late_limit_ms"

// Setting i as text, and back; what does not fit is cut. Setting a text that is none keeps it
// empty.
void setting_get(const struct store_settings *s, int i, char out[static SETTING_MAX_BYTES + 1]);
void setting_set(struct store_settings *s, int i, const char *value);

// Empty ones become USD, UTC, 10 minutes.
void settings_fill(struct store_settings *s);
// Whether a process started with `want` (empty: anything) may use a store made with `have`; *want
// is then what is in force. `place`: the option that names the store, "--data", for the advice.
MUST_CHECK bool settings_compare(const struct store_settings *have, struct store_settings *want,
                                 const char *place, struct error *err);
