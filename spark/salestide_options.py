# SPDX-License-Identifier: MIT
"""The job's options, in the words of `salestide process`. Each may also come from the environment (--broker as
SALESTIDE_BROKER); a flag is stronger.

How it fails: a Failure of code 2 that names the option and what it takes.
"""

import argparse
import os
import re

import salestide_address as address
from salestide_failure import LEVELS, Failure

DURATION = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
BYTES = {"": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}
YES, NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")
# Handed on to `salestide tally` as they are.
TALLY_OPTIONS = ("raw", "aggregates", "mysql-password-file", "mysql-tls", "mysql-ca", "cassandra-password-file",
                 "cassandra-tls", "cassandra-ca", "cassandra-consistency", "start-timeout", "give-up", "log-level")  # fmt: skip
# Options of Spark's Kafka source that would break a promise, and why.
REFUSED_SOURCE_OPTIONS = {
    "minpartitions": "several tasks would read one partition, whose duplicates one window knows",
    "maxrecordsperpartition": "several tasks would read one partition, whose duplicates one window knows",
    "startingoffsets": "where reading starts is what the aggregates say",
    "startingoffsetsbytimestamp": "where reading starts is what the aggregates say",
    "startingtimestamp": "where reading starts is what the aggregates say",
    "endingoffsets": "a stream has no end; there is --available-now",
    "subscribe": "the topic is named by --broker",
    "subscribepattern": "the topic is named by --broker",
    "assign": "the topic is named by --broker",
    "failondataloss": "lost orders stop the job",
    "includeheaders": "the job needs them",
    "kafka.bootstrap.servers": "the brokers are named by --broker",
    "kafka.isolation.level": "records of aborted transactions are no orders",
    "maxoffsetspertrigger": "it is --max-offsets",
}


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Failure(f"{message}; see --help", 2)


def number(units, least, most, example):
    def read(text):
        match = re.fullmatch(r"([0-9]+)([A-Za-z]*)", text)
        factor = units.get(match[2].lower()) if match else None
        if match and factor is None and int(match[1]) == 0 and not match[2]:
            factor = 1
        value = int(match[1]) * factor if factor is not None else -1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f'"{text}" is not {example}')
        return value

    return read


def duration(least_ms, most_ms):
    return number(DURATION, least_ms, most_ms, "a number with a unit, as in 500ms, 10s, 24h, within its bounds")


def source_option(text):
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f'"{text}" is not NAME=VALUE')
    why = REFUSED_SOURCE_OPTIONS.get(name.lower())
    if why:
        raise argparse.ArgumentTypeError(f"{name} is refused: {why}")
    return name, value


def parser():
    p = Parser(prog="submit.sh", allow_abbrev=False, usage="submit.sh OPTION... [-- SPARK-SUBMIT'S OPTION...]",
               description="Counts the orders of a Kafka topic inside Spark, exactly once. --master (local[*] unless given) "
               "and what follows -- is spark-submit's.")  # fmt: skip
    add = p.add_argument
    day = DURATION["d"]
    add("--broker", metavar="URL", help="The Kafka topic, as in kafka://h1:9092,h2:9092/sales.")
    add("--raw", metavar="URL", help="Where raw orders are kept: cassandra://h1,h2:9042/keyspace, or none.")
    add("--aggregates", metavar="URL", help="Where aggregates are kept: mysql://user@host:3306/database.")
    add("--checkpoint", metavar="DIR", help="Where Spark keeps how far it is: a directory, hdfs://... or any file system of Spark's.")
    add("--archive", metavar="DIR", help="Also write accepted placed orders here as Parquet, by day; likewise a directory or hdfs://...")
    add("--customers", metavar="FILE", help="Customers (customer_id, source, state): a CSV file, hdfs://..., or the table "
        "mysql://user@host/database (named customers), read once at the start.")  # fmt: skip
    add("--dedupe", metavar="HOW", choices=("kernel", "spark"), default="kernel", help="How duplicates are known: kernel (default), by "
        "windows on the executors' own disks, as `salestide process` knows them; or spark, by Spark's state in the checkpoint: plain, "
        "and several times slower. With spark a duplicate is left out unseen: it is in no count, also when it says something else than "
        "the order did (kernel rejects that as a conflict); an order that was rejected is known too; and messages whose stamps are older "
        "than the newest one less --dedupe-window stop the job. Either wants a --checkpoint of its own.")  # fmt: skip
    add("--dedupe-window", metavar="TIME", type=duration(1000, 90 * day), default=day, help="How long after an order its "
        "repetition is known as a duplicate. Default 24h.")  # fmt: skip
    add("--dedupe-memory", metavar="BYTES", type=number(BYTES, 1 << 20, 1 << 40, "a number of bytes, as in 64MiB"),
        default=512 << 20, help="Most room for the identities within --dedupe-window, about 20 bytes each. Default 512MiB.")  # fmt: skip
    add("--window-dir", metavar="DIR", help="Where each executor keeps those identities on its own disk: a directory that "
        "is its user's alone (mode 0700), made if it is not there. Default /var/tmp/salestide-windows-UID.")  # fmt: skip
    add("--available-now", action="store_true", help="Count what is there now, then end.")
    add("--trigger", metavar="TIME", type=duration(0, day), default=0, help="Least time from one batch to the next. Default 0: "
        "a batch begins when the one before is done.")  # fmt: skip
    add("--max-offsets", metavar="N", type=number({"": 1}, 1, 1 << 40, "a whole number from 1 on"), help="Most messages in one batch.")
    add("--skip-gap", action="store_true", help="When messages were deleted before they were counted, or the topic was made anew, "
        "go on instead of stopping.")  # fmt: skip
    add("--allow-compacted", action="store_true", help="Read a topic whose cleanup.policy has compact, which is refused else: the broker "
        "removes orders from it.")  # fmt: skip
    add("--mysql-password-file", metavar="FILE", help="Its first line is the password; without it, SALESTIDE_MYSQL_PASSWORD.")
    add("--mysql-tls", metavar="MODE", choices=("off", "encrypt", "verify"), help="TLS to mysql://: off, encrypt or verify.")
    add("--mysql-ca", metavar="FILE", help="Certificates (PEM) to trust for mysql://.")
    add("--cassandra-password-file", metavar="FILE", help="Its first line is the password; without it, SALESTIDE_CASSANDRA_PASSWORD.")
    add("--cassandra-tls", action="store_true", help="TLS to cassandra://.")
    add("--cassandra-ca", metavar="FILE", help="Certificates (PEM) to trust for cassandra://; Spark's connector wants them in a "
        "trust store too: spark.cassandra.connection.ssl.trustStore.path.")  # fmt: skip
    add("--cassandra-consistency", metavar="LEVEL", default="LOCAL_QUORUM", choices=(
        "LOCAL_QUORUM", "QUORUM", "EACH_QUORUM", "ALL", "LOCAL_ONE", "ONE", "TWO", "THREE"), help="How many replicas have to answer.")  # fmt: skip
    add("--kafka-user", metavar="NAME", help="Log in to the brokers as this user.")
    add("--kafka-password-file", metavar="FILE", help="Its first line is the password; without it, SALESTIDE_KAFKA_PASSWORD.")
    add("--kafka-sasl", metavar="MECHANISM", choices=("plain", "scram-sha-256", "scram-sha-512"), help="How --kafka-user logs in.")
    add("--kafka-tls", action="store_true", help="Encrypt the connections to the brokers and check their certificates and names.")
    add("--kafka-ca", metavar="FILE", help="Authorities that the brokers' certificates are checked with (PEM).")
    add("--kafka-certificate", metavar="FILE", help="A certificate of our own for brokers that ask for one (PEM).")
    add("--kafka-certificate-key", metavar="FILE", help="Its private key (PEM, PKCS #8, without a pass phrase).")
    add("--kafka-option", metavar="NAME=VALUE", type=source_option, action="append", default=[], help="A further option of Spark's "
        "Kafka source, as in kafka.fetch.max.bytes=52428800.")  # fmt: skip
    add("--start-timeout", metavar="TIME", type=duration(0, day), default=60_000, help="How long a start waits for what cannot be "
        "reached. Default 60s.")  # fmt: skip
    add("--give-up", metavar="TIME", type=duration(0, day), default=120_000, help="How long a batch waits for stores that cannot be "
        "reached; then the job ends, and a restart goes on. Default 120s.")  # fmt: skip
    add("--salestide", metavar="FILE", help="The program. Default: the one beside this script.")
    add("--kernel", metavar="FILE", help="libsalestide.so. Default: the one beside this script.")
    add("--log-level", metavar="LEVEL", choices=LEVELS, default="info", help="debug, info, warn or error.")
    return p


def read(arguments):
    """The options, checked. What is a file is not opened yet."""
    p = parser()
    options = p.parse_args([*_of_environment(p), *arguments])
    for name in ("broker", "raw", "aggregates", "checkpoint"):
        if not getattr(options, name):
            raise Failure(f"--{name} is missing; see --help", 2)
    options.topic = address.read_address(options.broker, "kafka", "topic")
    if options.topic.user:
        raise Failure(f"kafka://{options.topic.user}@...: the user of a broker is given by --kafka-user", 2)
    if not re.fullmatch(r"[A-Za-z0-9._-]+", options.topic.path) or options.topic.path in (".", ".."):
        raise Failure(f"'{options.topic.path}' cannot be a topic: its name has 1 to 249 of the characters a-z A-Z 0-9 . _ -", 2)
    address.read_address(options.aggregates, "mysql", "database")
    options.keyspace = None if options.raw == "none" else address.read_address(options.raw, "cassandra", "keyspace")
    _check_kafka(options)
    return options


def _of_environment(p):
    """Options of the environment as arguments, for the parser to read and refuse as it does those."""
    for action in p._actions:
        name = action.option_strings[-1].removeprefix("--")
        value = os.environ.get("SALESTIDE_" + name.upper().replace("-", "_"))
        if value is None or name == "help":
            continue
        if action.nargs != 0:
            yield f"--{name}={value}"
        elif value.lower() in YES:
            yield f"--{name}"
        elif value.lower() not in NO:
            raise Failure(f"SALESTIDE_{name.upper().replace('-', '_')}: want yes or no, not {value}", 2)


def _check_kafka(options):
    if bool(options.kafka_user) != bool(options.kafka_sasl):
        raise Failure("--kafka-user and --kafka-sasl go together: say which user, and whether by plain, scram-sha-256 or scram-sha-512", 2)
    if options.kafka_password_file and not options.kafka_user:
        raise Failure("--kafka-password-file goes with --kafka-user", 2)
    if (options.kafka_ca or options.kafka_certificate) and not options.kafka_tls:
        raise Failure("--kafka-ca and --kafka-certificate are for encrypted connections: say --kafka-tls too", 2)
    if bool(options.kafka_certificate) != bool(options.kafka_certificate_key):
        raise Failure("--kafka-certificate and --kafka-certificate-key go together", 2)


def for_tally(options):
    """The arguments of `salestide tally`."""
    arguments = []
    for name in TALLY_OPTIONS:
        value = getattr(options, name.replace("-", "_"))
        if value is True:
            arguments.append(f"--{name}")
        elif name in ("start-timeout", "give-up"):
            arguments.append(f"--{name}={value}ms")
        elif value not in (None, False):
            arguments.append(f"--{name}={value}")
    return arguments
