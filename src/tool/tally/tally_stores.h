// SPDX-License-Identifier: MIT
// Claims of partitions and commits of tallies in the stores, each tried again while a store cannot
// be reached. One topic; one thread.
//
// A partition is held from the claim on. When the answer to a COMMIT is lost, the partition is
// claimed again to see what became of it, which raises its epoch: whoever commits goes on to name
// the epoch of its own claim, and here is known which one that is by now.
#pragma once
#include "store/aggregates.h"
#include "store/raw_store.h"
#include "tool/tally/tally_merge.h"

struct tally_held {
    bool held;
    int64_t told_us, epoch_us; // as it was told at the claim; as it is
};

struct tally_stores {
    // Set by the maker, borrowed.
    struct aggregates *aggregates;
    struct raw_store *raw; // NULL: none
    const struct zone *zone;
    int64_t give_up_ms; // of each request
    // Waits; true: nobody waits for an answer any more.
    bool (*pause)(void *user, int ms);
    void *pause_user;
    // Its own; zeroed at first.
    char topic[250], topic_id[LOG_TOPIC_ID_BYTES];
    struct tally_held *held; // by partition
    int32_t n_held;
};

enum tally_result {
    TALLY_OK,
    TALLY_FENCED, // a partition is another's by now; of what was asked nothing was stored
    TALLY_FAILED, // nothing was stored, or it is not known (err says so): a claim tells
};

// Claims one partition; on OK the caller frees out->refused. out->other_id: as in
// store/aggregates.h.
MUST_CHECK enum tally_result tally_stores_claim(struct tally_stores *s, const char *topic,
                                                const char *topic_id, int32_t partition, bool anew,
                                                struct position_claim *out, struct error *err);
// Commits what was merged, of moves with the epochs that their claims told; once.
MUST_CHECK enum tally_result tally_stores_commit(struct tally_stores *s, const char *topic,
                                                 struct tally_merge *m, int64_t *batch_id,
                                                 struct error *err);
void tally_stores_free(struct tally_stores *s);
