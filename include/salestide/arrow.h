// SPDX-License-Identifier: MIT
// Salestide's kernel over the Arrow C Data Interface: messages of a Kafka topic in, checked orders,
// verdicts and exact sums out. Made to run inside other programs (Spark's executors, a notebook):
// it keeps no global state, writes to no terminal, takes no signal, and never ends the process.
//
//     1. salestide_abi() says whether this header and the library fit.
//     2. A shop is made once: currency, time zone, customers.
//     3a. salestide_orders: a batch of messages into typed order columns, nothing else; or
//     3b. a task: one range of offsets of one partition. Its batches are pushed in order;
//         duplicates are looked for, and all that the range adds to the totals is one tally.
//
// Rules for all functions
// - Results. An enum salestide_result. Where it is not SALESTIDE_OK (nor SALESTIDE_HISTORY),
//   nothing is made: out pointers are NULL, out structs are released (release == NULL). `err` may
//   be NULL; else it has one line for people (UTF-8, no line end, zero-terminated): what, where,
//   what to do. It is empty when all is well.
// - Arrays in are moved: a function that takes a struct ArrowSchema * and a struct ArrowArray * to
//   read from calls the release of both exactly once, in every case, also on an error, and marks
//   the caller's structs released. (A struct that is released already is refused.)
// - Arrays out are the caller's: structs of the caller's, filled. Each has its own release, which
//   may be called from any thread and after the shop or task is freed. Children may be moved out as
//   the interface says; each is released once.
// - Texts and bytes given in options are copied, unless said otherwise.
// - Bounds: a batch has at most 2^31 - 1 rows and 2^31 - 1 bytes of values, one message at most
//   what the rules of orders say (1 MiB; more is a rejected event, not an error). Formats, lengths,
//   offsets, null counts, children and buffers are checked before they are used. What cannot be
//   checked is the producer's promise: that a buffer is as long as the interface wants it for
//   what the array says of itself.
// - Threads: a shop may be used by any number of threads at a time once its customers are in; a
// task
//   by one at a time (not always the same).
// - Memory: malloc's. A refused allocation is SALESTIDE_NO_MEMORY.
// - Time: nothing blocks but salestide_task_new, for lock_wait_ms at most, and the disk.
#ifndef SALESTIDE_ARROW_H
#define SALESTIDE_ARROW_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The two structs of the interface, as it prescribes them: they may be in several headers.
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4
struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};
struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif

#if defined(__GNUC__)
#define SALESTIDE_PUBLIC __attribute__((visibility("default")))
#else
#define SALESTIDE_PUBLIC
#endif

// Grows when a function or struct changes its meaning. Option structs grow at their end without
// that: `size_bytes` tells how much of one the caller knows.
#define SALESTIDE_ABI 1
SALESTIDE_PUBLIC int32_t salestide_abi(void);         // the library's SALESTIDE_ABI
SALESTIDE_PUBLIC const char *salestide_version(void); // "0.1.0"; static

enum salestide_result {
    SALESTIDE_OK = 0,
    SALESTIDE_INVALID = 1,   // what the caller gave; `err` says what
    SALESTIDE_NO_MEMORY = 2, // refused; the same may work later
    SALESTIDE_BUSY = 3,      // the partition's window is locked by another task
    SALESTIDE_HISTORY = 4,   // the window knows nothing: give history first
    SALESTIDE_FAILED = 5,    // the disk, or a window_dir of others; `err` says which file and why
};

struct salestide_error {
    char text[512];
};

// --- The shop

struct salestide_shop;
struct salestide_shop_options {
    uint32_t size_bytes;   // sizeof(struct salestide_shop_options)
    const char *currency;  // "USD": of orders that carry none
    const char *timezone;  // "America/New_York"; "UTC" needs no tzif
    const void *tzif;      // the bytes of that zone's TZif file (RFC 8536); NULL with "UTC"
    size_t tzif_bytes;     // at most 256 KiB
    int64_t late_limit_ms; // an order that arrives later than this has the warning `late`
};
// OK: *out is the caller's, freed by salestide_shop_free.
SALESTIDE_PUBLIC int32_t salestide_shop_new(const struct salestide_shop_options *options,
                                            struct salestide_shop **out,
                                            struct salestide_error *err);
// Customers from the bytes of a CSV file with customer_id, source, state in its header row. Takes
// the place of those that the shop has. `name` is the file's in messages. Not while another thread
// uses the shop; on an error the shop is as it was.
SALESTIDE_PUBLIC int32_t salestide_shop_customers_csv(struct salestide_shop *shop, const char *name,
                                                      const void *bytes, size_t n_bytes,
                                                      struct salestide_error *err);
// Customers from columns by name: customer_id (utf8, large_utf8, or any integer up to 64 bits),
// source and state (utf8 or large_utf8, nullable, either may be absent). Adds to those that the
// shop has; an id that comes twice: the last row holds. Not while another thread uses the shop. On
// an error rows before the named one may have been added. Moves both structs.
SALESTIDE_PUBLIC int32_t salestide_shop_customers(struct salestide_shop *shop,
                                                  struct ArrowSchema *schema,
                                                  struct ArrowArray *rows,
                                                  struct salestide_error *err);
// Once no task of it is left and no call is running. NULL is fine.
SALESTIDE_PUBLIC void salestide_shop_free(struct salestide_shop *shop);

// --- Messages in: a struct array with these columns, by name, in any order, others ignored
//
//     value      binary | utf8 | large_binary | large_utf8. null or empty: no order in it; skipped
//     offset     int64, >= 0, below 2^48
//     timestamp  timestamp[s | ms | us | ns] in any zone, or int64 milliseconds since 1970
//     partition  int32, may be absent
//     key        binary | utf8 | large_*, null where there is none, may be absent
//     headers    list | large_list of struct<key: utf8, value: binary> (either also large_), may be
//                null, may be absent. Of a message without key the last header `salestide-rejected`
//                says that the door has rejected it already, and why.
//
// The struct itself and the columns offset, timestamp and partition may have no nulls.
//
// --- Orders out: a row for each message that is not skipped, in the same order
//
//     position     int64                  lane << 48 | offset; from salestide_orders: the offset
//     offset       int64
//     partition    int32, null when it was absent
//     arrival      timestamp[us, UTC]     the message's timestamp, held within 1970 .. 9999
//     event        utf8                   placed | cancelled | refunded
//     event_id     utf8
//     order_id     utf8
//     created_at   timestamp[us, UTC]
//     customer_id  utf8
//     product_id   utf8
//     quantity     int64
//     subtotal, discount, shipping, tax, total    decimal128(19, 4), exact
//     currency     utf8
//     source, state  utf8                 as in the order, else the customer's, else "(unknown)"
//     items        utf8                   canonical JSON of the lines of an order that has some
//     warnings     int32                  bits: 1 amount rounded, 2 total mismatch, 4 quantity
//     zero,
//                                         8 late, 16 future
//     verdict      utf8                   accepted | duplicate | rejected; new from
//     salestide_orders code, field, message  utf8          why it was rejected; null otherwise
//     epoch_us     int64                  of the task; 0 from salestide_orders
//
// All but position, offset, arrival, verdict and epoch_us may be null: no order could be read then.

// Parses and checks, nothing else: no duplicates are looked for, nothing is summed. Any number of
// threads at a time. Moves in_schema and in.
SALESTIDE_PUBLIC int32_t salestide_orders(const struct salestide_shop *shop,
                                          struct ArrowSchema *in_schema, struct ArrowArray *in,
                                          struct ArrowSchema *out_schema, struct ArrowArray *out,
                                          struct salestide_error *err);

// By what duplicates are told: of each message one row, in the same order, also of those that have
// no order in them.
//
//     identity     binary, 16 bytes       the same of all messages about the same event of the same
//                                         order, whatever else they say; what is no order (nothing
//                                         in it, cannot be read, rejected by a door) has one that
//                                         no other message of the topic has. Never null
//
// For those who keep what they have seen themselves, as Spark can; a task with a window does not
// need it. Any number of threads at a time. Moves in_schema and in.
SALESTIDE_PUBLIC int32_t salestide_identities(const struct salestide_shop *shop,
                                              struct ArrowSchema *in_schema, struct ArrowArray *in,
                                              struct ArrowSchema *out_schema,
                                              struct ArrowArray *out, struct salestide_error *err);

// --- A task: one range of offsets of one partition

struct salestide_task;
struct salestide_task_options {
    uint32_t size_bytes; // sizeof(struct salestide_task_options)
    int32_t partition;
    int32_t lane; // the store's number of this partition of this topic, as claimed
    int64_t from; // the committed next offset: messages below it are history; -1: there is none,
                  // the partition is new
    int64_t epoch_us;                 // of the claim: the write time of raw rows
    int64_t now_ms;                   // the clock that is believed, in milliseconds since 1970
    int32_t minute_floor, hour_floor; // oldest buckets that are still kept
    const char *gross_json; // {"USD":"123"}: gross sums so far, in ten-thousandths; NULL: none
    int32_t has_raw; // not 0: cancellations and refunds stay out of the sums, whose order is still
                     // to be looked up among the raw ones
    // Duplicates.
    const char *window_dir; // a directory on this machine's disk, made if it is not there; one that
                            // is has to be this user's alone (0700); NULL: none are looked for
    const char *topic_id;   // a topic made anew has another
    int64_t window_ms;      // how far back it reaches
    int64_t window_offset;  // where history begins
    int64_t window_time_ms; // the partition's time there, as claimed with it
    uint64_t window_max_bytes;
    // Offsets from window_offset on, ascending, of events that were refused though their identity
    // was new.
    const int64_t *refused;
    size_t n_refused;
    int32_t lock_wait_ms; // how long another task may hold the window
};
// OK: push the messages from `from` on. HISTORY: a task is made too, but all messages from
// window_offset on are to be pushed: those below `from` are only remembered. BUSY, FAILED, INVALID,
// NO_MEMORY: none is made. The shop must outlive the task.
SALESTIDE_PUBLIC int32_t salestide_task_new(const struct salestide_shop *shop,
                                            const struct salestide_task_options *options,
                                            struct salestide_task **out,
                                            struct salestide_error *err);
// The next messages, in order of their offsets, gaps allowed; a partition column must be the
// task's. Messages below `from` are skipped unless the task was made with HISTORY. out_schema and
// out NULL: no rows are wanted. Rows of history are not given back. Moves schema and array. After
// an error the task can only be freed.
SALESTIDE_PUBLIC int32_t salestide_task_push(struct salestide_task *task,
                                             struct ArrowSchema *schema, struct ArrowArray *array,
                                             struct ArrowSchema *out_schema, struct ArrowArray *out,
                                             struct salestide_error *err);
// What was accepted so far, summed by bucket, source, state and currency. A row for each sum:
//
//     table       utf8                  total | minute | hour | day
//     bucket      timestamp[us, UTC]    its first instant; a day's is where it begins in the shop's
//                                       zone; null of a total
//     day         date32                the shop's date of a day; null of others
//     source, state, currency  utf8
//     orders      int64                 placed less cancelled
//     units       int64
//     subtotal, discount, shipping, tax, total    decimal128(19, 4)
//     cancelled_orders, refunds  int64
//     refunded_total             decimal128(19, 4)
//
// None is null unless said so. With has_raw, cancellations and refunds are not in it. The task goes
// on, also after NO_MEMORY.
SALESTIDE_PUBLIC int32_t salestide_task_sums(struct salestide_task *task,
                                             struct ArrowSchema *out_schema, struct ArrowArray *out,
                                             struct salestide_error *err);
// The same by the shop's day, product and currency: columns day date32, product_id, currency utf8,
// orders, units int64, total decimal128(19, 4); none is null.
SALESTIDE_PUBLIC int32_t salestide_task_products(struct salestide_task *task,
                                                 struct ArrowSchema *out_schema,
                                                 struct ArrowArray *out,
                                                 struct salestide_error *err);
// Ends the range at `to` (exclusive), saves the window, and gives all that the range adds as bytes
// for `salestide tally`. They live until the task is freed; nothing can be pushed any more.
SALESTIDE_PUBLIC int32_t salestide_task_tally(struct salestide_task *task, int64_t to,
                                              const void **bytes, size_t *n_bytes,
                                              struct salestide_error *err);
// Without a tally before it the window is as it was before the task. NULL is fine.
SALESTIDE_PUBLIC void salestide_task_free(struct salestide_task *task);

#ifdef __cplusplus
}
#endif
#endif
