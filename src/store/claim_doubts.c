// SPDX-License-Identifier: MIT
// A short list: there are entries only between a failure and the next answered claim.
#include "store/claim_doubts.h"

#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

struct claim_doubt {
    char *topic;
    int32_t partition;
    int64_t before_us, epoch_us;
};

static struct claim_doubt *find_doubt(const struct claim_doubts *d, const char *topic,
                                      int32_t partition) {
    for (size_t i = 0; i < d->n; i++) {
        if (d->at[i].partition == partition && strcmp(d->at[i].topic, topic) == 0) {
            return &d->at[i];
        }
    }
    return NULL;
}

void claim_doubts_note(struct claim_doubts *d, const char *topic, int32_t partition,
                       int64_t before_us, int64_t epoch_us) {
    struct claim_doubt *doubt = find_doubt(d, topic, partition);
    if (doubt == NULL) {
        d->at = mem_realloc(d->at, (d->n + 1) * sizeof *d->at);
        doubt = &d->at[d->n++];
        doubt->topic = mem_strndup(topic, strlen(topic));
        doubt->partition = partition;
    }
    doubt->before_us = before_us;
    doubt->epoch_us = epoch_us;
}

bool claim_doubts_has(const struct claim_doubts *d, const char *topic, int32_t partition,
                      int64_t epoch_us) {
    const struct claim_doubt *doubt = find_doubt(d, topic, partition);
    return doubt != NULL && epoch_us != 0 &&
           (doubt->epoch_us == epoch_us || doubt->before_us == epoch_us);
}

void claim_doubts_end(struct claim_doubts *d, const char *topic, int32_t partition) {
    struct claim_doubt *doubt = find_doubt(d, topic, partition);
    if (doubt != NULL) {
        free(doubt->topic);
        *doubt = d->at[--d->n];
    }
}

void claim_doubts_free(struct claim_doubts *d) {
    for (size_t i = 0; i < d->n; i++) {
        free(d->at[i].topic);
    }
    free(d->at);
    *d = (struct claim_doubts){0};
}
