// SPDX-License-Identifier: MIT
// What others may know of the source: the engine's thread notes it as it goes, under a lock, a few
// times a second; any thread reads it. Partitions that stand still are a problem with a name.
#include "broker/kafka_log_internal.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FACTS_EVERY_NS INT64_C(200000000)
enum { STANDING_SHOWN = 8 };

static void note_history(struct kafka_log *log) {
    bool catching_up = false;
    for (int32_t i = 0; i < log->n_partitions; i++) {
        struct log_partition *p = &log->partitions[i];
        bool reading = partition_catches_up(p);
        catching_up = catching_up || reading;
        if (partition_is(p, PARTITION_ACTIVE) && !reading && p->history_from < p->history_until) {
            int64_t took_ns = clock_monotonic_ns(log->options.clock) - p->history_began_ns;
            log_info("broker",
                     "partition %" PRId32 ": %" PRId64 " messages read again in %.1f s, going on",
                     i, p->history_until - p->history_from, (double)took_ns / 1e9);
            p->history_from = p->history_until;
        }
    }
    log->now.catching_up = catching_up;
}

// Which partitions are ours and not read. Without one the problem stays as it is.
static void note_standing(struct kafka_log *log, char problem[static KAFKA_LOG_PROBLEM_BYTES]) {
    char list[STANDING_SHOWN * 16] = "";
    size_t len = 0;
    int n = 0;
    bool any_lost = false;
    for (int32_t i = 0; i < log->n_partitions; i++) {
        const struct log_partition *p = &log->partitions[i];
        if (!partition_stands_still(p)) {
            continue;
        }
        any_lost = any_lost || partition_is(p, PARTITION_LOST);
        if (n++ < STANDING_SHOWN) {
            len +=
                (size_t)snprintf(list + len, sizeof list - len, "%s%" PRId32, n > 1 ? ", " : "", i);
        }
    }
    if (n == 0) {
        return;
    }
    const char *why = log->now.problem[0] != '\0' ? log->now.problem
                      : any_lost ? "another process has counted on; the group takes them away, or "
                                   "they are taken over again"
                                 : "they wait for the store";
    snprintf(problem, KAFKA_LOG_PROBLEM_BYTES, "partitions %s%s of %.100s stand still: %.200s",
             list, n > STANDING_SHOWN ? ", ..." : "", log->topic, why);
}

void kafka_log_publish(struct kafka_log *log) {
    int64_t now_ns = clock_monotonic_ns(log->options.clock);
    bool offsets = now_ns >= log->facts_at_ns;
    note_history(log);
    pthread_mutex_lock(&log->lock);
    log->facts = log->now;
    note_standing(log, log->facts.problem);
    if (offsets) {
        log->facts_at_ns = now_ns + FACTS_EVERY_NS;
        if (log->cap_partition_facts < (size_t)log->n_partitions) {
            log->cap_partition_facts = (size_t)log->n_partitions;
            log->partition_facts = mem_realloc(
                log->partition_facts, log->cap_partition_facts * sizeof *log->partition_facts);
        }
        log->now.n_partitions = 0;
        for (int32_t i = 0; i < log->n_partitions; i++) {
            struct log_claim held;
            int64_t low, high;
            log->options.store->ops->held(log->options.store, i, &held);
            if (partition_is(&log->partitions[i], PARTITION_NONE)) {
                continue;
            }
            bool known = rd_kafka_get_watermark_offsets(log->rk, log->topic, i, &low, &high) ==
                             RD_KAFKA_RESP_ERR_NO_ERROR &&
                         high >= 0;
            log->partition_facts[log->now.n_partitions++] = (struct kafka_partition_facts){
                .next_offset = held.lost ? -1 : held.counted_offset,
                .end_offset = known ? high : -1,
                .partition = i,
                .stands_still = partition_stands_still(&log->partitions[i])};
        }
    }
    log->facts.n_partitions = log->now.n_partitions;
    pthread_mutex_unlock(&log->lock);
}

void kafka_log_facts(struct kafka_log *log, struct kafka_log_facts *out,
                     struct kafka_partition_facts *partitions, size_t cap) {
    pthread_mutex_lock(&log->lock);
    *out = log->facts;
    out->n_partitions = out->n_partitions < cap ? out->n_partitions : cap;
    if (out->n_partitions > 0) {
        memcpy(partitions, log->partition_facts, out->n_partitions * sizeof *partitions);
    }
    pthread_mutex_unlock(&log->lock);
}
