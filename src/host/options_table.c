// SPDX-License-Identifier: MIT
// Every option of every sub-command: one row yields parsing, --help, the man page and
// docs/configuration.md (`make docs`). Sorted by topic. A name may have several rows, each for
// other sub-commands, where default or meaning differ.
#include "host/options.h"

#include "base/must.h"
#include "format/value_format.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

const struct option_spec option_specs[] = {
    // Where things are.
    {.name = "config",
     .value = "FILE",
     .commands = "serve ingest load generate verify rebuild backup forget key process setup "
                 "dashboard rejected tally ready",
     .help = "A file of options, one `name = value` a line."},
    {.name = "data",
     .value = "DIR",
     .fallback = "./data",
     .commands = "serve verify rebuild forget key webhook dashboard rejected",
     .help = "The data directory: sales.db, API keys and webhook secrets live there. serve makes "
             "it when it is "
             "missing."},
    {.name = "data",
     .value = "DIR",
     .commands = "load",
     .help = "Load into this data directory, which is made when it is missing; no server may be "
             "using it. Without --data and --to: ./data."},
    {.name = "data",
     .value = "DIR",
     .fallback = "./data",
     .commands = "backup",
     .help = "The data directory whose sales.db is copied."},
    {.name = "data",
     .value = "DIR",
     .fallback = "./data",
     .commands = "ingest",
     .help = "Where API keys and webhook secrets are; ingest stores nothing itself."},
    {.name = "customer",
     .value = "ID",
     .commands = "forget",
     .help = "The customer_id, as orders have it."},
    {.name = "aggregates",
     .value = "URL",
     .fallback = "sqlite",
     .commands = "dashboard verify rebuild forget rejected",
     .help = "Where the aggregates are: sqlite (the data directory), sqlite:DIR, or "
             "mysql://USER@HOST[:PORT][,HOST...]/DATABASE."},
    {.name = "raw",
     .value = "URL",
     .commands = "dashboard verify rebuild",
     .help = "Where the raw orders of mysql:// aggregates are: "
             "cassandra://HOST[:PORT][,HOST...]/KEYSPACE. Without it they cannot be shown or "
             "added up again."},
    {.name = "raw",
     .value = "URL",
     .commands = "forget",
     .help = "Where the raw orders beside these aggregates are: "
             "cassandra://HOST[:PORT][,HOST...]/KEYSPACE, or sqlite: the file in --data. Without "
             "it raw orders elsewhere keep the customer."},
    {.name = "listen",
     .value = "ADDRESS:PORT",
     .fallback = "127.0.0.1:8080",
     .commands = "serve ingest process dashboard",
     .help = "Where to listen for HTTP; [ADDRESS]:PORT for IPv6, port 0 for any free one. Beyond "
             "loopback API keys are required."},
    {.name = "listen",
     .value = "ADDRESS:PORT",
     .fallback = "127.0.0.1:8080",
     .commands = "ready",
     .help = "Where the server listens, as its own --listen says."},
    {.name = "public-url",
     .type = OPTION_LIST,
     .value = "URL,...",
     .commands = "serve ingest process dashboard",
     .help = "Where a proxy in front of this server is reached, as in https://sales.example.com or "
             "https://shop.example.com/sales: such a Host, Origin and base path are taken as "
             "ours, and API keys are required. See docs/behind-a-proxy.md."},
    {.name = "to",
     .value = "URL",
     .commands = "load generate",
     .help = "Send the orders to the server at this address, as in http://127.0.0.1:8080, or to a "
             "Kafka topic, as in kafka://h1:9092,h2:9092/sales."},
    {.name = "broker",
     .value = "URL",
     .commands = "ingest",
     .help = "The Kafka topic that orders go to, as in kafka://h1:9092,h2:9092/sales."},
    {.name = "broker",
     .value = "URL",
     .commands = "serve",
     .help = "Put a Kafka topic between the door and the engine, as in "
             "kafka://h1:9092,h2:9092/sales; with --raw and --aggregates."},
    {.name = "broker",
     .value = "URL",
     .commands = "process",
     .help = "The Kafka topic that orders come from, as in kafka://h1:9092,h2:9092/sales."},
    {.name = "broker",
     .value = "URL",
     .commands = "dashboard",
     .help = "The Kafka topic that others count into --aggregates, as in "
             "kafka://h1:9092,h2:9092/sales: the page and /metrics then tell how much of it waits, "
             "and for how long. It is read, and nothing is written to it."},
    {.name = "raw",
     .value = "URL",
     .commands = "process serve",
     .help =
         "Where raw orders are kept: cassandra://h1,h2:9042/keyspace, sqlite: the file in --data "
         "(one process then), or none."},
    {.name = "raw",
     .value = "URL",
     .commands = "setup",
     .help = "The keyspace to set up, as in cassandra://h1,h2:9042/keyspace; none when there is "
             "none."},
    {.name = "aggregates",
     .value = "URL",
     .commands = "setup",
     .help = "The database to set up, as in mysql://user@host:3306/database."},
    {.name = "bi-user",
     .value = "NAME",
     .commands = "setup",
     .help =
         "Also make this account in MySQL, for BI tools: it may read the bi_* views and nothing "
         "else. One that is there keeps its password. Needs an account in --aggregates that may "
         "make users."},
    {.name = "bi-password-file",
     .value = "FILE",
     .commands = "setup",
     .help = "The password for --bi-user is the first line of this file; without it, what "
             "SALESTIDE_BI_PASSWORD says."},
    {.name = "print",
     .type = OPTION_FLAG,
     .commands = "setup",
     .help = "Print the statements, and make nothing."},
    {.name = "aggregates",
     .value = "URL",
     .commands = "process serve",
     .help = "Where aggregates are kept: mysql://user@host:3306/database, or sqlite: the file in "
             "--data (one process then)."},
    {.name = "data",
     .value = "DIR",
     .fallback = "./data",
     .commands = "process",
     .help = "Where the API keys are, and with sqlite the data."},
    {.name = "raw",
     .value = "URL",
     .commands = "tally",
     .help = "Where the job writes raw orders, for those that cancellations and refunds speak of: "
             "cassandra://h1,h2:9042/keyspace, or none."},
    {.name = "aggregates",
     .value = "URL",
     .commands = "tally",
     .help = "Where aggregates are kept: mysql://user@host:3306/database, or sqlite: the file in "
             "--data."},
    {.name = "data",
     .value = "DIR",
     .fallback = "./data",
     .commands = "tally",
     .help = "Where the data is, with sqlite."},
    {.name = "to",
     .value = "URL",
     .fallback = "http://127.0.0.1:8080",
     .commands = "rejected",
     .help = "Submit events again to the server at this address, or into a Kafka topic, as in "
             "kafka://h1:9092,h2:9092/sales."},
    {.name = "customers",
     .value = "FILE",
     .commands = "serve load process",
     .help =
         "Customers as CSV (customer_id, source, state), for the source and state of orders that "
         "have none. serve reads it again on SIGHUP."},
    {.name = "products",
     .value = "FILE",
     .commands = "serve dashboard",
     .help = "Products as CSV (product_id, title, category), for names on the page. Read again on "
             "SIGHUP."},

    {.name = "alerts",
     .value = "FILE",
     .commands = "serve dashboard",
     .help =
         "Rules of alerts, one `name = rule` a line, as in quiet = no orders for 30m. What fires "
         "is on the page, in /metrics and at --alert-webhook. Read again on SIGHUP, written when "
         "rules are changed on the page. Without it serve keeps those of the page in "
         "DIR/alerts.rules of --data. See docs/dashboard.md."},
    {.name = "alert-webhook",
     .value = "URL",
     .commands = "serve dashboard",
     .help =
         "Post the start and the end of each alert to this address, as JSON that Slack and its "
         "kind take. Whoever knows it can post there: better in the environment or in --config, "
         "where other users of the machine cannot see it."},

    // What the shop is: but for the locale fixed when its data directory is made.
    {.name = "currency",
     .value = "CODE",
     .commands = "serve load process setup tally",
     .help = "The shop's currency, three capital letters. Fixed when the data directory is made "
             "(USD unless given); another one is refused later."},
    {.name = "currency",
     .value = "CODE",
     .fallback = "USD",
     .commands = "ingest",
     .help = "The shop's currency, three capital letters, of orders that name none. Must be the "
             "one that the topic is processed with."},
    {.name = "timezone",
     .value = "ZONE",
     .commands = "serve load process setup tally",
     .help = "The shop's time zone, as in America/New_York: for days, and for times without an "
             "offset. Fixed when the data directory is made (UTC unless given)."},
    {.name = "timezone",
     .value = "ZONE",
     .fallback = "UTC",
     .commands = "ingest",
     .help = "The shop's time zone, as in America/New_York, for times without an offset. Must be "
             "the one that the topic is processed with."},
    {.name = "locale",
     .value = "TAG",
     .commands = "serve dashboard",
     .help = "How the page writes numbers, amounts, dates and names of days, as in en-US or de-DE "
             "(BCP 47). Without it: as each browser is set."},
    {.name = "late-limit",
     .type = OPTION_DURATION,
     .value = "TIME",
     .min = 1000,
     .max = 30 * 24 * HOUR_MS,
     .commands = "serve load process setup tally",
     .help = "Orders created longer than this before they arrive are counted as late (never "
             "dropped). Fixed when the data directory is made (10m unless given)."},

    // Who may do what.
    {.name = "require-keys",
     .type = OPTION_FLAG,
     .commands = "serve ingest process dashboard",
     .help = "Ask for an API key on loopback too. Make one with `salestide key new`."},
    {.name = "insecure",
     .type = OPTION_FLAG,
     .commands = "serve ingest process dashboard",
     .help = "Listen beyond loopback, or behind a --public-url, without API keys: anybody who "
             "reaches it can read and write."},
    {.name = "scope",
     .value = "SCOPE",
     .choices = "ingest read",
     .commands = "key",
     .help = "What the new key may do: ingest (POST orders) or read (queries and the page)."},
    {.name = "secret-file",
     .value = "FILE",
     .commands = "webhook",
     .help = "The file on whose first line the secret stands; - is standard input."},
    {.name = "key",
     .value = "KEY",
     .commands = "load generate rejected",
     .help = "API key (scope ingest) for --to. Better in the environment, where other users of the "
             "machine cannot see it."},
    {.name = "key-file",
     .value = "FILE",
     .commands = "load generate rejected",
     .help = "The API key for --to is the first line of this file."},

    // How to reach MySQL or MariaDB.
    {.name = "mysql-password-file",
     .value = "FILE",
     .commands = "serve setup verify rebuild forget process dashboard rejected tally",
     .help = "The password for mysql:// is the first line of this file; without it, what "
             "SALESTIDE_MYSQL_PASSWORD says."},
    {.name = "mysql-tls",
     .value = "MODE",
     .choices = "off encrypt verify",
     .commands = "serve setup verify rebuild forget process dashboard rejected tally",
     .help = "TLS to mysql://: off, encrypt (whoever answers is believed) or verify (the server "
             "shows a certificate for its host name). Without it: verify if --mysql-ca is given, "
             "else off."},
    {.name = "mysql-ca",
     .value = "FILE",
     .commands = "serve setup verify rebuild forget process dashboard rejected tally",
     .help = "Certificates (PEM) to trust for mysql:// instead of the system's."},

    // How to reach Cassandra.
    {.name = "cassandra-password-file",
     .value = "FILE",
     .commands = "serve setup verify rebuild forget process dashboard tally",
     .help =
         "The password for cassandra://USER@... is the first line of this file; without it, what "
         "SALESTIDE_CASSANDRA_PASSWORD says."},
    {.name = "cassandra-tls",
     .type = OPTION_FLAG,
     .commands = "serve setup verify rebuild forget process dashboard tally",
     .help = "TLS to cassandra://; the server has to show a certificate for its host name."},
    {.name = "cassandra-ca",
     .value = "FILE",
     .commands = "serve setup verify rebuild forget process dashboard tally",
     .help = "Certificates (PEM) to trust for cassandra:// instead of the system's; means "
             "--cassandra-tls."},
    {.name = "cassandra-consistency",
     .value = "LEVEL",
     .fallback = "LOCAL_QUORUM",
     .choices = "LOCAL_QUORUM QUORUM EACH_QUORUM ALL LOCAL_ONE ONE TWO THREE",
     .commands = "serve setup verify rebuild forget process dashboard tally",
     .help = "How many replicas of Cassandra have to answer. With less than a quorum, rows may be "
             "lost with a node, and verify may not see the newest ones."},

    {.name = "cassandra-replication",
     .type = OPTION_INT,
     .value = "N",
     .min = 1,
     .max = 100,
     .commands = "setup",
     .help =
         "Copies of each row, of a keyspace that setup makes; unless given, 3 or as many as there "
         "are nodes."},

    // Limits of one request.
    {.name = "max-body",
     .type = OPTION_BYTES,
     .value = "BYTES",
     .fallback = "16MiB",
     .min = 1 * KIB,
     .max = 1 * GIB,
     .commands = "serve ingest",
     .help = "Largest request body as it is sent; larger ones are answered 413."},
    {.name = "max-decompressed",
     .type = OPTION_BYTES,
     .value = "BYTES",
     .fallback = "64MiB",
     .min = 1 * KIB,
     .max = 4 * GIB,
     .commands = "serve ingest",
     .help = "Largest body after gzip is unpacked; larger ones are answered 413."},
    {.name = "max-events",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "100000",
     .min = 1,
     .max = 10000000,
     .commands = "serve ingest",
     .help = "Most events in one request; more are answered 413."},
    {.name = "max-depth",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "32",
     .min = 4,
     .max = 1000,
     .commands = "serve ingest load process",
     .help = "Deepest nesting of JSON in one event; deeper ones are rejected."},
    {.name = "max-rows",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "100000",
     .min = 1,
     .max = 10000000,
     .commands = "serve dashboard",
     .help = "Most rows in one answer of /v1/sales; a question with more is answered 400."},

    // Limits of the server.
    {.name = "header-timeout",
     .type = OPTION_DURATION,
     .value = "TIME",
     .fallback = "10s",
     .min = 100,
     .max = 1 * HOUR_MS,
     .commands = "serve ingest process dashboard",
     .help = "How long a client may take to send a request's head."},
    {.name = "body-timeout",
     .type = OPTION_DURATION,
     .value = "TIME",
     .fallback = "60s",
     .min = 100,
     .max = 1 * HOUR_MS,
     .commands = "serve ingest",
     .help = "How long a client may take to send a request's body; slower ones are answered 408."},
    {.name = "idle-timeout",
     .type = OPTION_DURATION,
     .value = "TIME",
     .fallback = "60s",
     .min = 1000,
     .max = 24 * HOUR_MS,
     .commands = "serve ingest process dashboard",
     .help = "How long a connection may stay open without a request."},
    {.name = "max-connections",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "4096",
     .min = 1,
     .max = 100000,
     .commands = "serve ingest process dashboard",
     .help = "Most connections at once, live pages apart; further ones wait."},
    {.name = "max-viewers",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "1024",
     .min = 0,
     .max = 100000,
     .commands = "serve dashboard",
     .help = "Most live pages at once; further ones are answered 503."},
    {.name = "day-memory",
     .type = OPTION_BYTES,
     .value = "BYTES",
     .fallback = "64MiB",
     .min = 0,
     .max = 64 * GIB,
     .commands = "serve dashboard",
     .help = "Most memory for sums of whole days, kept so that questions about months and years "
             "need not read all days again; it is taken as they are asked. 0: none are kept."},
    {.name = "max-inflight",
     .type = OPTION_BYTES,
     .value = "BYTES",
     .fallback = "256MiB",
     .min = 1 * MIB,
     .max = 64 * GIB,
     .commands = "serve ingest process dashboard",
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
    {.name = "queue-events",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "200000",
     .min = 1,
     .max = 10000000,
     .commands = "ingest",
     .help = "Most events that wait for the brokers; when they are there new requests are answered "
             "503 with Retry-After."},
    {.name = "batch-events",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "20000",
     .min = 1,
     .max = 1000000,
     .commands = "serve load",
     .help = "About how many events share one commit at most."},

    // Kafka.
    {.name = "create-topic",
     .type = OPTION_FLAG,
     .commands = "ingest load generate serve",
     .help = "Make the topic when it does not exist, with --partitions and --replication."},
    {.name = "partitions",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "6",
     .min = 1,
     .max = 10000,
     .commands = "ingest load generate serve",
     .help = "Partitions of a topic made by --create-topic: as many processes can share the work."},
    {.name = "replication",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "3",
     .min = 1,
     .max = 100,
     .commands = "ingest load generate serve",
     .help = "Copies of a topic made by --create-topic; with 3 or more two of them have to "
             "acknowledge (min.insync.replicas=2), so that no single broker can lose an order."},
    {.name = "delivery-timeout",
     .type = OPTION_DURATION,
     .value = "TIME",
     .fallback = "15s",
     .min = 1000,
     .max = 10 * MINUTE_MS,
     .commands = "ingest load generate serve rejected",
     .help = "How long the brokers may take to acknowledge an order, with all retries; then it is "
             "answered 503. Longer than a broker's fail-over, which takes about 10 s by default."},
    {.name = "kafka-user",
     .value = "NAME",
     .commands = "ingest load generate process serve dashboard rejected",
     .help = "Log in to the brokers as this user. The password is the first line of "
             "--kafka-password-file, or SALESTIDE_KAFKA_PASSWORD in the environment."},
    {.name = "kafka-password-file",
     .value = "FILE",
     .commands = "ingest load generate process serve dashboard rejected",
     .help = "A file with the password of --kafka-user."},
    {.name = "kafka-sasl",
     .value = "MECHANISM",
     .choices = "plain scram-sha-256 scram-sha-512",
     .commands = "ingest load generate process serve dashboard rejected",
     .help = "How --kafka-user logs in."},
    {.name = "kafka-tls",
     .type = OPTION_FLAG,
     .commands = "ingest load generate process serve dashboard rejected",
     .help = "Encrypt the connections to the brokers and check their certificates and names."},
    {.name = "kafka-ca",
     .value = "FILE",
     .commands = "ingest load generate process serve dashboard rejected",
     .help = "Authorities that the brokers' certificates are checked with (PEM); without it the "
             "system's."},
    {.name = "kafka-certificate",
     .value = "FILE",
     .commands = "ingest load generate process serve dashboard rejected",
     .help = "A certificate of our own for brokers that ask for one (PEM)."},
    {.name = "kafka-certificate-key",
     .value = "FILE",
     .commands = "ingest load generate process serve dashboard rejected",
     .help = "Its private key (PEM, without a pass phrase)."},

    // Reading a Kafka topic.
    {.name = "value-format",
     .value = "FORMAT",
     .fallback = "json",
     .choices = VALUE_FORMAT_NAMES,
     .commands = "process",
     .help = "How the topic's messages carry their orders: as plain JSON; in Kafka Connect's "
             "envelope of schema and payload; as Debezium's changes of a table; or behind the id "
             "of a schema, as Confluent's JSON Schema serializer writes them. A message in another "
             "form is rejected."},
    {.name = "epoch",
     .value = "UNIT",
     .choices = "s ms us ns",
     .commands = "process",
     .help = "A created_at that is a number is so many seconds, or thousandths, millionths, "
             "billionths of one, since 1970. Without it a number is rejected."},
    {.name = "times-in",
     .value = "ZONE",
     .commands = "process",
     .help = "The zone of times without an offset, as in UTC or America/New_York: of a database's "
             "columns that have none, too. Without it the shop's."},
    {.name = "group",
     .value = "NAME",
     .fallback = "salestide",
     .commands = "process serve",
     .help = "The consumer group whose members share the topic's partitions."},
    {.name = "dedupe-window",
     .type = OPTION_DURATION,
     .value = "TIME",
     .fallback = "24h",
     .min = 1000,
     .max = 90 * 24 * HOUR_MS,
     .commands = "process serve",
     .help = "How long after an order its repetition is known as a duplicate, by the time of "
             "arrival at the broker. So much of the log is read again at the start."},
    {.name = "dedupe-memory",
     .type = OPTION_BYTES,
     .value = "BYTES",
     .fallback = "512MiB",
     .min = 1 * MIB,
     .max = 1024 * GIB,
     .commands = "process serve",
     .help = "Most memory for the identities within --dedupe-window, about 20 bytes each; when it "
             "is used up the window gets shorter, and a log line and a metric say so."},
    {.name = "dedupe-memory",
     .type = OPTION_BYTES,
     .value = "BYTES",
     .fallback = "512MiB",
     .min = 1 * MIB,
     .max = 1024 * GIB,
     .commands = "tally",
     .help = "Memory that a task has for the identities of its partition: of one that an earlier "
             "program has counted, so much of the log is read again."},
    {.name = "give-up",
     .type = OPTION_DURATION,
     .value = "TIME",
     .fallback = "2m",
     .min = 0,
     .max = 1 * HOUR_MS,
     .commands = "tally",
     .help = "How long a claim or a commit is tried again while a store cannot be reached; then it "
             "is answered as failed."},
    {.name = "group-protocol",
     .value = "PROTOCOL",
     .fallback = "classic",
     .choices = "auto classic consumer",
     .commands = "process serve",
     .help = "Who shares out a topic's partitions among a group's members: one of them (classic), "
             "or the brokers (consumer, with Kafka 4.0 or later), where --session-timeout is what "
             "they say (group.consumer.session.timeout.ms, 45s unless changed). auto: the brokers "
             "if they can."},
    {.name = "session-timeout",
     .type = OPTION_DURATION,
     .value = "TIME",
     .fallback = "15s",
     .min = 1000,
     .max = 5 * MINUTE_MS,
     .commands = "process serve",
     .help = "A process that is silent for so long loses its partitions to others of its group. "
             "The brokers have limits of their own, 6s to 30min unless changed."},
    {.name = "log-batch-events",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "1000000",
     .min = 1,
     .max = 10000000,
     .commands = "process serve",
     .help = "About how many events of a topic share one commit at most; a commit takes what is "
             "there, half a second's worth at most."},
    {.name = "skip-gap",
     .type = OPTION_FLAG,
     .commands = "process serve",
     .help =
         "When messages were deleted before they were counted, or the topic was made anew, go on "
         "with the oldest message there is instead of stopping. Orders of those that are gone "
         "are in no total."},
    {.name = "allow-compacted",
     .type = OPTION_FLAG,
     .commands = "process serve",
     .help = "Read a topic whose cleanup.policy has compact, which is refused else: the broker "
             "removes orders from it, and what comes again may count again after a restart."},
    {.name = "rejected-topic",
     .value = "NAME",
     .commands = "process serve",
     .help =
         "Also send a copy of each rejected event to this topic, as in sales.rejected, with the "
         "reason and where it came from in its headers. They are kept in rejected_events in "
         "any case."},
    {.name = "start-timeout",
     .type = OPTION_DURATION,
     .value = "TIME",
     .fallback = "60s",
     .min = 0,
     .max = 24 * HOUR_MS,
     .commands = "process serve tally",
     .help = "How long a start waits for stores that cannot be reached."},

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

    {.name = "per-line",
     .type = OPTION_LIST,
     .value = "FIELD,...",
     .commands = "load",
     .help =
         "With --group-by: amounts of each line, of discount, shipping, tax and total, that are "
         "added up. Else an order whose rows hold different ones is rejected."},
    {.name = "preset",
     .value = "NAME",
     .commands = "load",
     .help =
         "Reads the export of a shop system: shopify, woocommerce, amazon and others. list shows "
         "them; show NAME prints the options that one stands for. Without it a file is known by "
         "its row of column names."},
    {.name = "skip",
     .type = OPTION_LIST,
     .value = "COLUMN=VALUE,...",
     .commands = "load",
     .help = "Leaves out the rows that have one of these values in a column, as in "
             "Status=Cancelled,Failed; COLUMN!=VALUE,... leaves out all others. They are counted."},
    {.name = "skip-short",
     .type = OPTION_FLAG,
     .commands = "load",
     .help =
         "Leaves out rows of at most three cells, or a quarter of the columns, with at most three "
         "filled: titles and counts among the rows."},
    {.name = "refund",
     .value = "COLUMN",
     .commands = "load",
     .help = "A column with what was given back of the order: an amount there makes a refund of "
             "it."},
    {.name = "cancelled",
     .value = "COLUMN",
     .commands = "load",
     .help = "A column with the time when the order was cancelled: one there takes the order back "
             "whole."},
    {.name = "returns",
     .type = OPTION_FLAG,
     .commands = "load",
     .help = "Lines whose quantity or amount is below zero become refunds; without it they are "
             "rejected."},
    {.name = "original",
     .value = "COLUMN",
     .commands = "load",
     .help = "With --returns: a column with the order_id of the order that a return is of."},
    {.name = "times-in",
     .value = "ZONE",
     .commands = "load",
     .help = "The zone of the file's times where they have no offset, as in UTC or "
             "America/New_York. Without it the shop's."},

    {.name = "delimiter",
     .value = "SIGN",
     .commands = "load",
     .help = "What stands between the cells of a CSV file: , ; | or tab. Without it, it is found "
             "from the row of column names, or from a line sep=; before it."},

    {.name = "encoding",
     .value = "NAME",
     .commands = "load",
     .help = "How the files' characters are encoded, as in windows-1252, iso-8859-1 or shift_jis "
             "(iconv -l lists what the C library knows). Without it UTF-8, or UTF-16 when its mark "
             "stands at the beginning."},

    {.name = "date-format",
     .type = OPTION_LIST,
     .value = "FORM",
     .commands = "load",
     .help = "How times are written in a CSV file, in strptime's letters, as in %d.%m.%Y %H:%M or "
             "%m/%d/%Y; given again for each more form. %z is an offset, names of months are "
             "English."},
    {.name = "epoch",
     .value = "UNIT",
     .choices = "s ms us ns",
     .commands = "load",
     .help = "Times are numbers: so many seconds, or thousandths, millionths, billionths of one, "
             "since 1970."},
    {.name = "decimal",
     .value = "SIGN",
     .commands = "load",
     .help = "The sign before the decimals in numbers of a CSV file: . or a comma. With it, or "
             "--thousands, a sign or code of the currency may stand beside an amount; it must be "
             "the order's."},
    {.name = "thousands",
     .value = "SIGN",
     .commands = "load",
     .help = "The sign between thousands in numbers of a CSV file: . or a comma, ' or space."},

    // Rejected events.
    {.name = "code",
     .value = "CODE",
     .commands = "rejected",
     .help = "Only events that were rejected with this code, as in malformed or conflict."},
    {.name = "limit",
     .type = OPTION_INT,
     .value = "N",
     .fallback = "20",
     .min = 1,
     .max = 1000000,
     .commands = "rejected",
     .help = "How many events list shows at most."},
    {.name = "all",
     .type = OPTION_FLAG,
     .commands = "rejected",
     .help = "retry: all events that have not got through yet."},
    {.name = "file",
     .value = "FILE",
     .commands = "rejected",
     .help = "edit: take the event from this file (-: standard input) instead of an editor."},

    // The demo producer.
    {.name = "as",
     .value = "SYSTEM",
     .choices = "shopify woocommerce stripe",
     .commands = "generate",
     .help = "Send each event as that system posts it to a webhook, signed with the secret in "
             "--secret-file; wants --to a server."},
    {.name = "secret-file",
     .value = "FILE",
     .commands = "generate",
     .help = "The file on whose first line the secret for --as stands; - is standard input."},
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

    {.name = "accept-loss",
     .type = OPTION_FLAG,
     .commands = "rebuild",
     .help = "Make the totals again although accepted orders are missing from the raw orders, or "
             "were changed there. Missing ones are in no total then, and may be sent again."},

    // What is told.
    {.name = "log-level",
     .value = "LEVEL",
     .fallback = "info",
     .choices = "trace debug info warn error",
     .commands =
         "serve ingest load generate process setup dashboard verify rebuild backup forget rejected "
         "key webhook tally ready",
     .help =
         "The least important lines of the log, on standard error, that are written. trace tells "
         "each move of each state machine, too."},
};
const size_t option_specs_count = COUNT_OF(option_specs);
