// SPDX-License-Identifier: MIT
// The table of sub-commands, in the order in which a newcomer meets them.
#include "host/commands.h"

#include "base/must.h"

const struct command_spec command_specs[] = {
    {"serve", "", "run the pipeline: HTTP API, engine, store and live page in one process",
     "Listens for orders on POST /v1/orders, stores each durably before it answers, keeps exact "
     "totals, and shows them live at /. SIGTERM or SIGINT drains and stops; SIGHUP reads the "
     "customers and products files again. One process at a time may use a data directory.",
     command_serve},
    {"ingest", "", "take orders by HTTP and hand them to Kafka",
     "The HTTP API of `serve` in front of a Kafka topic: an order is answered when all in-sync "
     "replicas have it (acks=all), keyed by its order_id. Duplicates are judged later, by whoever "
     "processes the topic. While no broker is reachable orders are answered 503 with Retry-After, "
     "and the server goes on by itself when one is back. --currency and --timezone have to be the "
     "shop's, as for processing. SIGTERM or SIGINT drains and stops.",
     command_ingest},
    {"process", "", "count the orders of a Kafka topic, exactly once",
     "A member of a consumer group: it reads its share of the topic, writes raw orders to "
     "Cassandra and aggregates to MySQL, with the position in the topic in the same transaction, "
     "so that whatever crashes, every order counts once. Any number of processes may run; "
     "partitions move when one joins, leaves or dies. Tables are made by `salestide setup`. "
     "/readyz and /metrics are at --listen. SIGTERM or SIGINT commits what is judged and leaves "
     "the group.",
     command_process},
    {"dashboard", "", "show the live page and answer queries, beside the processes that write",
     "Reads the aggregates that `serve` or `process` write, in a data directory or in MySQL, and "
     "takes no orders. SIGTERM or SIGINT stops; SIGHUP reads the products file again.",
     command_dashboard},
    {"tally", "", "commit what a job on Spark has counted",
     "Made and fed by the job on Spark, not by people: it takes claims of partitions and commits "
     "of "
     "tallies as lines of JSON on standard input, and answers each by a line. Positions, sums and "
     "rejected events of a commit are one transaction, compared with what is there, so that "
     "whatever is repeated counts once. It ends with its input; SIGTERM or SIGINT ends it after "
     "the commit in work.",
     command_tally},
    {"load", "FILE...", "load orders from CSV or NDJSON files, .gz too",
     "Takes the files through the same checks as the HTTP API, into a data directory or, with "
     "--to, to a running server or a Kafka topic. A file may be - for standard input. Loading a "
     "file twice changes "
     "nothing: "
     "its orders are known the second time.",
     command_load},
    {"generate", "", "make realistic demo orders",
     "Writes NDJSON to standard output, or sends it with --to to a server or a Kafka topic.",
     command_generate},
    {"setup", "", "make the database and tables that `process` needs",
     "Makes what is missing in MySQL (--aggregates) and Cassandra (--raw): database, tables and "
     "views; what is there stays as it is. Tables that somebody made in another form are used "
     "where they can hold what they get, else refused with the column and the reason. --print "
     "shows the statements and does nothing.",
     command_setup},
    {"verify", "", "check that every total is what the raw orders add up to",
     "Reads one snapshot, also while a server or processes write, and holds every aggregate "
     "against "
     "the raw orders, to the last digit: of a data directory, or of MySQL and Cassandra by "
     "--aggregates and --raw. Exit code 1 when something does not add up.",
     command_verify},
    {"rebuild", "", "make all totals again from the raw orders",
     "Writes only what differs, in one transaction. Refused when accepted orders are missing from "
     "the raw orders, or were changed there so that totals agree with each other and not with "
     "them, unless told --accept-loss. No server may be using the data directory; with "
     "--aggregates mysql:// nothing may be committed meanwhile.",
     command_rebuild},
    {"backup", "FILE", "copy a data directory's database into one file, also while a server writes",
     "Copies sales.db as it is at one instant, holds every total of the copy against its raw "
     "orders, and only then gives it the name FILE, which nothing may have yet; until then it is "
     "FILE.part. Exit code 1 when the copy does not add up; it stays at FILE.part then. To restore "
     "one, put it as sales.db into an empty data directory. API keys and webhook secrets are in "
     "other files, `keys` and `webhooks`.",
     command_backup},
    {"forget", "", "take what names a customer out of what is stored; every sum stays",
     "Blanks the customer_id of all orders, cancellations and refunds of one customer, and the "
     "text "
     "of kept rejected events that name them. Rows, sums and counts stay to the digit, verify and "
     "rebuild go on working, and an order of theirs that is sent again is still a duplicate. It "
     "may "
     "run beside a server; while none runs, sales.db is written anew as well, so that no byte of "
     "the id is left in its free room. Running it again is always right. What it cannot reach is "
     "in docs/operations.md: copies, topics, archives, customers files.",
     command_forget},
    {"rejected", "list | show ID... | edit ID | retry ID...",
     "show rejected events and submit them again",
     "list shows them, newest first. edit opens an event in $EDITOR (or takes --file) and submits "
     "it; retry submits events as they are, by id, by --code or --all that have not got through "
     "yet. They go to the server at --to; what became of each is noted beside the rejected event. "
     "What a retry or an edit has rejected again takes the place of the event before; of several "
     "at once one sends each event. Exit code 1 when one was rejected again or could not be sent.",
     command_rejected},
    {"key", "new | list | revoke ID", "make, list and revoke API keys",
     "A new key is printed once; only its hash is stored. A running server sees changes within a "
     "second.",
     command_key},
    {"ready", "", "ask a server of this machine whether it is ready",
     "Asks /readyz of the server at --listen, for a few seconds at most. Exit code 1, with the "
     "reason, when it is not ready or does not answer. It is what a container's health check runs.",
     command_ready},
    {"webhook", "add SYSTEM | list | remove ID", "keep the secrets of webhooks",
     "SYSTEM is shopify, woocommerce or stripe: what it posts to /v1/webhooks/SYSTEM is taken when "
     "it is signed with one of the secrets added here. Several of a system hold at once, so that "
     "one can replace another. They are kept in the file `webhooks` of the data directory, mode "
     "0600. A running server sees changes within a second.",
     command_webhook},
};
const size_t command_specs_count = COUNT_OF(command_specs);
