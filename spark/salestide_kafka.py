# SPDX-License-Identifier: MIT
"""How the brokers are reached: in the words of Kafka's Java client, as Spark's source takes them to plan batches, and in those
of librdkafka, with which tasks read.

Certificates are given as texts, not as files: executors need nothing on their disks.
"""

from salestide_address import read_secret
from salestide_failure import Failure

MODULES = {"plain": "plain.PlainLoginModule", "scram-sha-256": "scram.ScramLoginModule", "scram-sha-512": "scram.ScramLoginModule"}


def client_options(options):
    """{"bootstrap.servers": ...}, for an AdminClient; with "kafka." before each name for Spark."""
    found = {"bootstrap.servers": options.topic.servers(), **_login(options)}
    if options.kafka_tls:
        found.update(_tls(options))
    return {**found, "security.protocol": _protocol(options)}


def _protocol(options):
    return ("SASL_" if options.kafka_sasl else "") + ("SSL" if options.kafka_tls else "PLAINTEXT")


def _login(options):
    if not options.kafka_sasl:
        return {}
    module = f"org.apache.kafka.common.security.{MODULES[options.kafka_sasl]}"
    login = f"{module} required username={_quoted(options.kafka_user)} password={_quoted(_password(options))};"
    return {"sasl.mechanism": options.kafka_sasl.upper(), "sasl.jaas.config": login}


def _password(options):
    password = read_secret("SALESTIDE_KAFKA_PASSWORD", options.kafka_password_file)
    if not password:
        raise Failure(f"--kafka-user {options.kafka_user} has no password: put it into a file (--kafka-password-file) or "
                      "into the environment (SALESTIDE_KAFKA_PASSWORD)", 2)  # fmt: skip
    return password


def _quoted(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _tls(options):
    found = {"ssl.endpoint.identification.algorithm": "https"}
    if options.kafka_ca:
        found.update({"ssl.truststore.type": "PEM", "ssl.truststore.certificates": _file("kafka-ca", options.kafka_ca)})
    if options.kafka_certificate:
        found.update({"ssl.keystore.type": "PEM",
                      "ssl.keystore.certificate.chain": _file("kafka-certificate", options.kafka_certificate),
                      "ssl.keystore.key": _file("kafka-certificate-key", options.kafka_certificate_key)})  # fmt: skip
    return found


def _file(option, path):
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as problem:
        raise Failure(f"--{option}: cannot read {path}: {getattr(problem, 'strerror', None) or 'it is not PEM'}", 2) from None


def reader_settings(options):
    """For salestide_reader.py: librdkafka's names, which are the Java client's but for logins. What was said by --kafka-option
    goes to both; the reader passes over what it does not know."""
    found = {"bootstrap.servers": options.topic.servers(), "security.protocol": _protocol(options)}
    if options.kafka_sasl:
        found.update({"sasl.mechanism": options.kafka_sasl.upper(), "sasl.username": options.kafka_user, "sasl.password": _password(options)})
    if options.kafka_tls:
        found["ssl.endpoint.identification.algorithm"] = "https"
        if options.kafka_ca:
            found["ssl.ca.pem"] = _file("kafka-ca", options.kafka_ca)
        if options.kafka_certificate:
            found.update({"ssl.certificate.pem": _file("kafka-certificate", options.kafka_certificate),
                          "ssl.key.pem": _file("kafka-certificate-key", options.kafka_certificate_key)})  # fmt: skip
    prefix = "kafka."
    return {**found, **{name.removeprefix(prefix): value for name, value in options.kafka_option if name.startswith(prefix)}}


def source_options(options):
    """Of Spark's source, without the topic and its offsets. Records of aborted transactions are no orders."""
    found = {f"kafka.{name}": value for name, value in client_options(options).items()}
    # The client's own 500 records for each poll cost a third more of a whole batch's CPU.
    found["kafka.max.poll.records"] = "20000"
    return {**found, **dict(options.kafka_option), "kafka.isolation.level": "read_committed", "failOnDataLoss": "true",
            "includeHeaders": "true"}  # fmt: skip
