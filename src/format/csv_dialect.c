// SPDX-License-Identifier: MIT
// The delimiter of a CSV file: named by a sep= line, or one of those that stand between the column
// names. Which of several it is, is for the caller to see: only one of them parts the columns that
// are needed.
#include "format/csv_dialect.h"

#include <strings.h>

bool csv_is_sep_line(struct text line, char *delimiter) {
    if (line.len >= 2 && line.at[0] == '"' && line.at[line.len - 1] == '"') {
        line = (struct text){line.at + 1, line.len - 2};
    }
    if (line.len < 4 || line.len > 5 || strncasecmp(line.at, "sep=", 4) != 0) {
        return false;
    }
    char sign = line.len == 5 ? line.at[4] : '\0';
    *delimiter = sign != '\0' && strchr(CSV_DELIMITERS, sign) != NULL ? sign : '\0';
    return true;
}

size_t csv_delimiters_in(struct text header, char out[static CSV_DELIMITERS_COUNT]) {
    size_t count[CSV_DELIMITERS_COUNT] = {0};
    bool inside = false;
    for (size_t i = 0; i < header.len; i++) {
        char c = header.at[i];
        inside ^= c == '"';
        const char *found = inside || c == '\0' ? NULL : strchr(CSV_DELIMITERS, c);
        if (found != NULL) {
            count[found - CSV_DELIMITERS]++;
        }
    }
    size_t n = 0;
    for (size_t d = 0; d < CSV_DELIMITERS_COUNT; d++) {
        size_t at = n;
        for (; at > 0 && count[strchr(CSV_DELIMITERS, out[at - 1]) - CSV_DELIMITERS] < count[d];
             at--) {
            out[at] = out[at - 1];
        }
        if (count[d] > 0) {
            out[at] = CSV_DELIMITERS[d];
            n++;
        }
    }
    if (n == 0) {
        out[n++] = ',';
    }
    return n;
}
