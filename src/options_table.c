// SPDX-License-Identifier: MIT
// Every option of every sub-command: one row yields parsing, --help, the man page and
// docs/configuration.md (`make docs`). Sorted by topic. A name may have several rows, each for
// other sub-commands, where default or meaning differ.
#include "base/options.h"

#include "base/must.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

const struct option_spec option_specs[] = {
    // Where things are.
    {.name = "config",
     .value = "FILE",
     .commands = "serve load generate verify rebuild key",
     .help = "A file of options, one `name = value` a line."},
    {.name = "data",
     .value = "DIR",
     .fallback = "./data",
     .commands = "serve verify rebuild key",
     .help = "The data directory: sales.db and the API keys live there. serve makes it when it is "
             "missing."},
    {.name = "data",
     .value = "DIR",
     .commands = "load",
     .help = "Load into this data directory, which is made when it is missing; no server may be "
             "using it. Without --data and --to: ./data."},
    {.name = "listen",
     .value = "ADDRESS:PORT",
     .fallback = "127.0.0.1:8080",
     .commands = "serve",
     .help = "Where to listen for HTTP; [ADDRESS]:PORT for IPv6, port 0 for any free one. Beyond "
             "loopback API keys are required."},
    {.name = "to",
     .value = "URL",
     .commands = "load generate",
     .help = "Send the orders to the server at this address, as in http://127.0.0.1:8080."},
    {.name = "customers",
     .value = "FILE",
     .commands = "serve load",
     .help =
         "Customers as CSV (customer_id, source, state), for the source and state of orders that "
         "have none. serve reads it again on SIGHUP."},
    {.name = "products",
     .value = "FILE",
     .commands = "serve",
     .help = "Products as CSV (product_id, title, category), for names on the page. Read again on "
             "SIGHUP."},

    // What the shop is: fixed when its data directory is made.
    {.name = "currency",
     .value = "CODE",
     .commands = "serve load",
     .help = "The shop's currency, three capital letters. Fixed when the data directory is made "
             "(USD unless given); another one is refused later."},
    {.name = "timezone",
     .value = "ZONE",
     .commands = "serve load",
     .help = "The shop's time zone, as in America/New_York: for days, and for times without an "
             "offset. Fixed when the data directory is made (UTC unless given)."},
    {.name = "late-limit",
     .type = OPTION_DURATION,
     .value = "TIME",
     .min = 1000,
     .max = 30 * 24 * HOUR_MS,
     .commands = "serve load",
     .help = "Orders created longer than this before they arrive are counted as late (never "
             "dropped). Fixed when the data directory is made (10m unless given)."},

    // Who may do what.
    {.name = "require-keys",
     .type = OPTION_FLAG,
     .commands = "serve",
     .help = "Ask for an API key on loopback too. Make one with `salestide key new`."},
    {.name = "insecure",
     .type = OPTION_FLAG,
     .commands = "serve",
     .help = "Listen beyond loopback without API keys: anybody who reaches the port can read and "
             "write."},
    {.name = "scope",
     .value = "SCOPE",
     .choices = "ingest read",
     .commands = "key",
     .help = "What the new key may do: ingest (POST orders) or read (queries and the page)."},
    {.name = "key",
     .value = "KEY",
     .commands = "load generate",
     .help = "API key (scope ingest) for --to. Better in the environment, where other users of the "
             "machine cannot see it."},

    // How to reach MySQL or MariaDB.
    {.name = "mysql-password-file",
     .value = "FILE",
     .commands = "serve setup verify rebuild",
     .help = "The password for mysql:// is the first line of this file; without it, what "
             "SALESTIDE_MYSQL_PASSWORD says."},
    {.name = "mysql-tls",
     .value = "MODE",
     .choices = "off encrypt verify",
     .commands = "serve setup verify rebuild",
     .help = "TLS to mysql://: off, encrypt (whoever answers is believed) or verify (the server "
             "shows a certificate for its host name). Without it: verify if --mysql-ca is given, "
             "else off."},
    {.name = "mysql-ca",
     .value = "FILE",
     .commands = "serve setup verify rebuild",
     .help = "Certificates (PEM) to trust for mysql:// instead of the system's."},

    // Limits of one request.
    {.name = "max-body",
     .type = OPTION_BYTES,
     .value = "BYTES",
     .fallback = "16MiB",
     .min = 1 * KIB,
     .max = 1 * GIB,
     .commands = "serve",
     .help = "Largest request body as it is sent; larger ones are answered 413."},
    {.name = "max-decompressed",
     .type = OPTION_BYTES,
     .value = "BYTES",
     .fallback = "64MiB",
     .min = 1 * KIB,
     .max = 4 * GIB,
     .commands = "serve",
     .help = "Largest body after gzip is unpacked; larger ones are answered 413."},
    {.name = "max-events",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "100000",
     .min = 1,
     .max = 10000000,
     .commands = "serve",
     .help = "Most events in one request; more are answered 413."},
    {.name = "max-depth",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "32",
     .min = 4,
     .max = 1000,
     .commands = "serve load",
     .help = "Deepest nesting of JSON in one event; deeper ones are rejected."},
    {.name = "max-rows",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "100000",
     .min = 1,
     .max = 10000000,
     .commands = "serve",
     .help = "Most rows in one answer of /v1/sales; a question with more is answered 400."},

    // Limits of the server.
    {.name = "header-timeout",
     .type = OPTION_DURATION,
     .value = "TIME",
     .fallback = "10s",
     .min = 100,
     .max = 1 * HOUR_MS,
     .commands = "serve",
     .help = "How long a client may take to send a request's head."},
    {.name = "body-timeout",
     .type = OPTION_DURATION,
     .value = "TIME",
     .fallback = "60s",
     .min = 100,
     .max = 1 * HOUR_MS,
     .commands = "serve",
     .help = "How long a client may take to send a request's body; slower ones are answered 408."},
    {.name = "idle-timeout",
     .type = OPTION_DURATION,
     .value = "TIME",
     .fallback = "60s",
     .min = 1000,
     .max = 24 * HOUR_MS,
     .commands = "serve",
     .help = "How long a connection may stay open without a request."},
    {.name = "max-connections",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "4096",
     .min = 1,
     .max = 100000,
     .commands = "serve",
     .help = "Most connections at once, live pages apart; further ones wait."},
    {.name = "max-viewers",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "1024",
     .min = 0,
     .max = 100000,
     .commands = "serve",
     .help = "Most live pages at once; further ones are answered 503."},
    {.name = "max-inflight",
     .type = OPTION_BYTES,
     .value = "BYTES",
     .fallback = "256MiB",
     .min = 1 * MIB,
     .max = 64 * GIB,
     .commands = "serve",
     .help = "Memory for all requests that are being read or judged; when it is used up new ones "
             "are answered 503 with Retry-After."},
    {.name = "queue-events",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "200000",
     .min = 1,
     .max = 10000000,
     .commands = "serve load",
     .help = "Most events that wait for the engine; when they are there new requests are answered "
             "503 with Retry-After."},
    {.name = "batch-events",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "20000",
     .min = 1,
     .max = 1000000,
     .commands = "serve load",
     .help = "About how many events share one commit at most."},

    // Files of load.
    {.name = "format",
     .value = "FORMAT",
     .fallback = "auto",
     .choices = "auto csv ndjson",
     .commands = "load",
     .help =
         "How the files are written. auto: by the name (.csv, .ndjson, .jsonl, .json, each also "
         "with .gz), else by the first character."},
    {.name = "map",
     .type = OPTION_LIST,
     .value = "FIELD=COLUMN,...",
     .commands = "load",
     .help = "Names of the file's columns that differ, as in order_id=ID,customer_id=USER_ID. The "
             "field unit_price gives subtotal = quantity * unit_price. A name with a comma goes in "
             "double quotes."},
    {.name = "set",
     .type = OPTION_LIST,
     .value = "FIELD=VALUE",
     .commands = "load",
     .help = "A value for a field in all rows, as in currency=GBP; goes before a column of that "
             "name."},
    {.name = "group-by",
     .value = "FIELD",
     .choices = "order_id",
     .commands = "load",
     .help = "Each row is one line of an order: the rows of one order_id, wherever they stand, "
             "become its items. Without a column for total it is subtotal - discount + shipping + "
             "tax. Reads the file twice."},

    // The demo producer.
    {.name = "rate",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "100",
     .min = 0,
     .max = 10000000,
     .commands = "generate",
     .help = "Events per second: with --to as they are sent (0: as fast as they are taken), on "
             "standard output as created_at runs on, more slowly at night."},
    {.name = "count",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "0",
     .min = 0,
     .max = INT64_MAX,
     .commands = "generate",
     .help = "How many events to make; 0: go on until stopped."},
    {.name = "seed",
     .type = OPTION_INT,
     .value = "N",
     .min = 0,
     .max = INT64_MAX,
     .commands = "generate",
     .help = "The same seed makes the same events, another seed other orders. Without it each run "
             "is new: identifiers start from the clock."},
    {.name = "start",
     .value = "TIME",
     .commands = "generate",
     .help = "created_at of the first event, as in 2026-01-31T09:00:00Z. On standard output "
             "without it: 2026-01-01T00:00:00Z with --seed, else now. With --to without it: every "
             "event is created when it is sent."},
    {.name = "ids",
     .value = "KIND",
     .fallback = "increasing",
     .choices = "increasing random",
     .commands = "generate",
     .help = "Identifiers of orders: increasing numbers or random UUIDs."},
    {.name = "with-customer-fields",
     .type = OPTION_FLAG,
     .commands = "generate",
     .help = "Write source and state into each order, for servers without a customers file."},
    {.name = "write-customers",
     .value = "FILE",
     .commands = "generate",
     .help = "Write the customers that the orders refer to as CSV, the same for all seeds; without "
             "--count and --to that is all it does."},
    {.name = "write-products",
     .value = "FILE",
     .commands = "generate",
     .help = "Likewise the products."},

    // What is told.
    {.name = "log-level",
     .value = "LEVEL",
     .fallback = "info",
     .choices = "debug info warn error",
     .commands = "serve load generate",
     .help = "The least important lines of the log, on standard error, that are written."},
};
const size_t option_specs_count = COUNT_OF(option_specs);
