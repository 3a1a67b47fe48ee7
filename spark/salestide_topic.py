# SPDX-License-Identifier: MIT
"""Questions to the brokers, by the Java client that Spark's source has: which topic it is now, which partitions it has,
and where their messages begin and end.

How it fails: no answer within the time given, or no such topic: a Failure. Brokers that do not tell ids leave
it at offsets: the id is "" then.
"""

import time

from py4j.protocol import Py4JJavaError

from salestide_failure import Failure, log

CALL_TIMEOUT_S = 10
PAUSE_S = 0.2


def cause_of(problem):
    """The innermost Java exception, as ("UnknownTopicOrPartitionException", the first line of its message; a server may send
    its whole stack)."""
    at = problem.java_exception
    while at.getCause() is not None:
        at = at.getCause()
    return at.getClass().getSimpleName(), (at.getMessage() or "").partition("\n")[0]


class Topic:
    def __init__(self, jvm, name, options):
        self.jvm, self.name = jvm, name
        # A name of Java's costs a question to the JVM for each of its parts: a batch asks by what was found once.
        self.seconds = jvm.java.util.concurrent.TimeUnit.SECONDS
        self.names = jvm.java.util.Collections.singletonList(name)
        self.no_id = str(jvm.org.apache.kafka.common.Uuid.ZERO_UUID.toString())
        properties = jvm.java.util.Properties()
        timeouts = {"default.api.timeout.ms": str(CALL_TIMEOUT_S * 1000), "request.timeout.ms": str(CALL_TIMEOUT_S * 500)}
        for key, value in {**options, **timeouts, "client.id": "salestide"}.items():
            properties.setProperty(key, value)
        try:
            self.admin = jvm.org.apache.kafka.clients.admin.AdminClient.create(properties)
        except Py4JJavaError as problem:
            raise Failure("kafka: " + ": ".join(cause_of(problem)), 2) from None

    def close(self):
        self.admin.close(self.jvm.java.time.Duration.ofSeconds(1))

    def describe(self, patience_s):
        """(id, partitions). A topic just made may be unknown for a moment."""
        described, found = self._described(patience_s)
        return found, [p.partition() for p in described.partitions()]

    def identity(self, patience_s):
        return self._described(patience_s)[1]

    def _described(self, patience_s):
        until = time.monotonic() + patience_s
        while True:
            try:
                described = self._wait(self.admin.describeTopics(self.names).allTopicNames()).get(self.name)
                found = str(described.topicId().toString())
                return described, "" if found == self.no_id else found
            except Py4JJavaError as problem:
                kind, message = cause_of(problem)
            if time.monotonic() >= until:
                raise Failure(f"the topic {self.name} does not exist" if kind == "UnknownTopicOrPartitionException"
                              else f"the topic {self.name} cannot be asked for: {kind}: {message}")  # fmt: skip
            time.sleep(PAUSE_S)

    def firsts(self, partitions):
        """{partition: offset of its oldest message}"""
        return self._offsets(partitions, self.jvm.org.apache.kafka.clients.admin.OffsetSpec.earliest())

    def ends(self, partitions):
        """{partition: the offset that the next message gets}"""
        return self._offsets(partitions, self.jvm.org.apache.kafka.clients.admin.OffsetSpec.latest())

    def _offsets(self, partitions, spec):
        wanted = self.jvm.java.util.HashMap()
        keys = {p: self.jvm.org.apache.kafka.common.TopicPartition(self.name, p) for p in partitions}
        for key in keys.values():
            wanted.put(key, spec)
        try:
            found = self._wait(self.admin.listOffsets(wanted).all())
        except Py4JJavaError as problem:
            raise Failure(f"the topic {self.name} cannot be asked for its offsets: {': '.join(cause_of(problem))}") from None
        return {p: found.get(key).offset() for p, key in keys.items()}

    def is_compacted(self):
        """None when the brokers do not tell."""
        kind = self.jvm.org.apache.kafka.common.config.ConfigResource.Type.TOPIC
        resource = self.jvm.org.apache.kafka.common.config.ConfigResource(kind, self.name)
        wanted = self.jvm.java.util.Collections.singletonList(resource)
        try:
            found = self._wait(self.admin.describeConfigs(wanted).all()).get(resource)
        except Py4JJavaError as problem:
            log("debug", f"the topic's settings cannot be asked for: {': '.join(cause_of(problem))}")
            return None
        return "compact" in found.get("cleanup.policy").value()

    def _wait(self, future):
        return future.get(CALL_TIMEOUT_S, self.seconds)
