// SPDX-License-Identifier: MIT
// Ranges of a Kafka topic's partitions as Arrow columns, for programs that give them to the kernel
// (arrow.h): the messages from one offset up to another, as that header takes them. Made for
// Spark's executors, whose own way from Kafka to a library, through the JVM and a pipe, costs
// several times what the kernel does. A library of its own (libsalestide_reader.so), as it needs
// Kafka's client.
//
//     1. A reader is made once, for one topic. It connects when the first range begins.
//     2. salestide_reader_begin: one range of one partition.
//     3. salestide_reader_next, until a batch has no rows: then the range is at its end.
//
// What is in a range is what the topic has between the two offsets and what is committed: records
// of aborted transactions, marks of transactions and what was compacted away are not in it.
// Messages that are gone since (retention) are an error, never a silent gap.
//
// Rules: results, errors and arrays that come out are as in arrow.h. A reader is used by one thread
// at a time; it has threads of its own, so it does not live through a fork. It keeps no global
// state, writes to no terminal and takes no signal.
#ifndef SALESTIDE_READER_H
#define SALESTIDE_READER_H

#include <salestide/arrow.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SALESTIDE_READER_ABI 1
SALESTIDE_PUBLIC int32_t salestide_reader_abi(void);
SALESTIDE_PUBLIC const char *salestide_reader_version(void); // as the kernel's; static

struct salestide_reader;
struct salestide_reader_options {
    uint32_t size_bytes; // sizeof(struct salestide_reader_options)
    const char *topic;
    // How the brokers are reached: librdkafka's settings, by name, which are mostly those of
    // Kafka's other clients ("bootstrap.servers", ...). A name that it does not know is passed
    // over, unless it is about logging in ("sasl.", "ssl.", "security."): that is INVALID.
    const char *const *names, *const *values;
    size_t n_settings;
    int32_t timeout_ms; // how long _next waits for anything at all to come; > 0
};
// OK: *out is the caller's, freed by salestide_reader_free. Nothing is asked of the brokers yet.
SALESTIDE_PUBLIC int32_t salestide_reader_new(const struct salestide_reader_options *options,
                                              struct salestide_reader **out,
                                              struct salestide_error *err);
// A range: `from` <= offset < `to`. One that was begun before and not read to its end is left.
SALESTIDE_PUBLIC int32_t salestide_reader_begin(struct salestide_reader *reader, int32_t partition,
                                                int64_t from, int64_t to,
                                                struct salestide_error *err);
// The next messages, in order of their offsets, as many as have come: some ten thousands, or some
// tens of MiB. No rows: the range is at its end, and again so until another is begun. Columns:
//     value      binary, null of a tombstone
//     offset     int64
//     timestamp  int64, milliseconds since 1970
//     key        binary, null where there is none
//     rejected   binary, null where there is none: of messages without key the last header
//                `salestide-rejected`
// FAILED: the brokers, or what they say of the partition; begin again then. NO_MEMORY likewise.
SALESTIDE_PUBLIC int32_t salestide_reader_next(struct salestide_reader *reader,
                                               struct ArrowSchema *schema, struct ArrowArray *rows,
                                               struct salestide_error *err);
// NULL is fine.
SALESTIDE_PUBLIC void salestide_reader_free(struct salestide_reader *reader);

#ifdef __cplusplus
}
#endif
#endif
