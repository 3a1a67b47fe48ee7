// SPDX-License-Identifier: MIT
// Fuzzes the reader of tallies. Length and checksum are made right first, as nothing would get past
// them else.
//
// What must hold, beside no crash and no read outside the input: what is refused has changed no
// cell; what is taken can be written again, is then read again, and written the same once more.
#include "../unit/tally_right.h"
#include "store/tally.h"
#include <stdio.h>
#include <stdlib.h>

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// False: refused. Else `out` has it as it is written.
static bool read_and_write(struct text bytes, struct buf *out) {
    struct arena arena = {0};
    struct error err = {0};
    struct tally t;
    struct cube *cube = cube_new(NULL, NULL);
    HOLDS(cube != NULL);
    bool ok = tally_read(bytes, &arena, cube, &t, &err);
    if (ok) {
        HOLDS(tally_write(&t, out));
    } else {
        HOLDS(cube_n_cells(cube) == 0 && err.text[0] != '\0');
    }
    cube_free(cube);
    arena_free(&arena);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *input = malloc(size > 0 ? size : 1);
    HOLDS(input != NULL);
    if (size > 0) {
        memcpy(input, data, size);
    }
    tally_make_right(input, size);
    struct buf first = {0}, second = {0};
    if (read_and_write((struct text){input, size}, &first)) {
        HOLDS(read_and_write(buf_text(&first), &second));
        HOLDS(text_equal(buf_text(&first), buf_text(&second)));
    }
    buf_free(&first);
    buf_free(&second);
    free(input);
    return 0;
}
