// SPDX-License-Identifier: MIT
// Answers of the public functions: a result and a line. How it fails: it does not; a line that is
// too long is cut between two characters.
#include "kernel/result.h"

#include "base/text.h"
#include <stdarg.h>
#include <stdio.h>

void kernel_begin(struct salestide_error *err) {
    if (err != NULL) {
        err->text[0] = '\0';
    }
}

int32_t kernel_answer(struct salestide_error *err, enum salestide_result result, const char *format,
                      ...) {
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        int n = vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        size_t len = n < 0 ? 0 : strlen(err->text);
        while (len > 0 && !text_is_utf8((struct text){err->text, len})) {
            len--;
        }
        err->text[len] = '\0';
    }
    return result;
}

int32_t kernel_no_memory(struct salestide_error *err) {
    return kernel_answer(err, SALESTIDE_NO_MEMORY, "out of memory; free some and try again");
}

int32_t kernel_failed(struct salestide_error *err, const struct error *why) {
    return kernel_answer(err, why->cls == ERROR_RETRIABLE ? SALESTIDE_NO_MEMORY : SALESTIDE_INVALID,
                         "%s", why->text);
}
