# SPDX-License-Identifier: MIT
"""Apache Kafka 4 (KRaft): one broker, or three that replicate (RF 3, min ISR 2).

Questions and orders to it go through kafka-python, an implementation of the protocol that shares nothing
with librdkafka; large amounts through kcat.
"""

import concurrent.futures
import json
import pathlib
import shutil
import signal
import subprocess
import time

import kafka
import kafka.admin
import kafka.errors

from . import process
from .java import java_17, tiers

CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"  # any 16 bytes as base64url
LEADER_TIMEOUT_S = 60
USER, PASSWORD = "sales", "only-for-tests"  # of the listeners that want a login

PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners={listeners}
advertised.listeners={advertised}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT{protocols}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
num.network.threads=2
num.io.threads=4
num.partitions=4
auto.create.topics.enable=false
default.replication.factor={replication}
min.insync.replicas={min_isr}
offsets.topic.replication.factor={replication}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replication}
transaction.state.log.min.isr={min_isr}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={replication}
share.coordinator.state.topic.min.isr={min_isr}
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=3000
group.consumer.min.heartbeat.interval.ms=300
group.consumer.heartbeat.interval.ms=300
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
log.retention.ms=-1
"""
SASL = """\
listener.name.{name}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.{name}.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";
listener.name.{name}.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.{name}.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
"""
TLS = """\
listener.name.{name}.ssl.keystore.type=PEM
listener.name.{name}.ssl.keystore.location={certs.chain_and_key}
listener.name.{name}.ssl.client.auth=none
"""


class Kafka:
    """Brokers are counted from 1. PLAINTEXT is always there; `secure` names further listeners, of SSL,
    SASL_PLAINTEXT and SASL_SSL (those with SSL need `certs`); SASL takes PLAIN and SCRAM.
    `ports` of a single broker, PLAINTEXT's first and the controller's second; free ones without."""

    host = "127.0.0.1"

    def __init__(self, directory, brokers=1, heap_mb=512, secure=(), certs=None, properties=None, ports=None,
                 jit_tiers=1):  # fmt: skip
        self.directory = pathlib.Path(directory)
        self.lib = process.server_home("kafka") / "lib"
        self.nodes = range(1, brokers + 1)
        self.heap_mb, self.jit_tiers = heap_mb, jit_tiers
        self.secure = tuple(secure)
        self.certs = certs
        self.properties = properties or {}
        names = ("PLAINTEXT", "CONTROLLER", *self.secure)
        self.ports = {node: dict(zip(names, ports or process.free_ports(len(names)), strict=True)) for node in self.nodes}
        self.processes = {}
        self.admin_client = None
        for node in self.nodes:
            self.configure(node)

    # --- start and end

    def folder(self, node):
        return self.directory / f"broker-{node}"

    def configure(self, node):
        folder = self.folder(node)
        folder.mkdir(parents=True, exist_ok=True)
        replication = min(len(self.nodes), 3)
        text = PROPERTIES.format(
            node=node, voters=",".join(f"{n}@{self.host}:{self.ports[n]['CONTROLLER']}" for n in self.nodes),
            listeners=",".join(f"{name}://{self.host}:{port}" for name, port in self.ports[node].items()),
            advertised=",".join(f"{name}://{self.host}:{port}" for name, port in self.ports[node].items()
                                if name != "CONTROLLER"),
            protocols="".join(f",{name}:{name}" for name in self.secure), data=folder / "data",
            replication=replication, min_isr=2 if replication > 1 else 1,
        )  # fmt: skip
        for name in self.secure:
            text += SASL.format(name=name.lower(), user=USER, password=PASSWORD) if "SASL" in name else ""
            text += TLS.format(name=name.lower(), certs=self.certs) if "SSL" in name else ""
        text += "".join(f"{key}={value}\n" for key, value in self.properties.items())
        (folder / "server.properties").write_text(text, "ascii")
        log = folder / "kafka.log"
        self.processes[node] = process.Process(f"Kafka broker {node}", self.broker_command(folder), log)

    def broker_command(self, folder):
        return [java_17(), tiers(self.jit_tiers), f"-Xms{self.heap_mb}m", f"-Xmx{self.heap_mb}m", "-XX:+UseG1GC",
                "-Djava.awt.headless=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
                "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-cp", f"{self.lib}/*", "kafka.Kafka", folder / "server.properties"]  # fmt: skip

    def format(self, node):
        """Makes a broker's storage, with the user of the listeners that want a login."""
        folder = self.folder(node)
        scram = []
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512") if self.secure else ():
            scram += ["--add-scram", f"{mechanism}=[name={USER},password={PASSWORD}]"]
        process.run_to_end([java_17(), tiers(1), "-cp", f"{self.lib}/*", "kafka.tools.StorageTool",
                            "format", "-t", CLUSTER_ID, "-c", folder / "server.properties", *scram],
                           folder / "format.log")  # fmt: skip

    def launch(self):
        new = [node for node in self.nodes if not (self.folder(node) / "data").exists()]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(self.format, new))
        for node in self.nodes:
            self.processes[node].launch()
        return self

    def wait_ready(self):
        try:
            for one in self.processes.values():
                if one.is_running:
                    one.wait_ready(self.is_ready)
        except BaseException:
            self.kill_all()
            raise
        return self

    def start(self):
        return self.launch().wait_ready()

    def is_ready(self):
        """When every running broker is in the answer to a metadata request."""
        running = {node for node, one in self.processes.items() if one.is_running}
        done = subprocess.run(["kcat", "-L", "-J", "-m", "2", "-b", self.bootstrap()], capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=30, check=False)  # fmt: skip
        return done.returncode == 0 and running <= {b["id"] for b in json.loads(done.stdout)["brokers"]}

    def stop(self):
        """All in order; with several, those that are left at the end may have lost their quorum."""
        self.disconnect()
        if len(self.nodes) > 1:
            return self.kill_all()
        self.processes[1].stop()

    def restart(self):
        self.stop()
        return self.start()

    def kill_all(self):
        self.disconnect()
        for one in self.processes.values():
            one.kill9()

    def kill9(self, node=1):
        self.disconnect()
        self.processes[node].kill9()

    def revive(self, node=1):
        self.processes[node].launch()
        return self.wait_ready()

    def sigstop(self, node=1):
        self.processes[node].send(signal.SIGSTOP)

    def sigcont(self, node=1):
        self.processes[node].send(signal.SIGCONT)

    def close(self):
        self.kill_all()
        for node in self.nodes:
            shutil.rmtree(self.folder(node) / "data", ignore_errors=True)

    def __enter__(self):
        return self if any(one.is_running for one in self.processes.values()) else self.start()

    def __exit__(self, *_):
        self.close()

    # --- where it is

    def bootstrap(self, listener="PLAINTEXT"):
        return ",".join(f"{self.host}:{self.ports[node][listener]}" for node in self.nodes)

    def url(self, topic, listener="PLAINTEXT"):
        return f"kafka://{self.bootstrap(listener)}/{topic}"

    # --- topics

    def admin(self):
        if self.admin_client is None:
            self.admin_client = kafka.admin.KafkaAdminClient(bootstrap_servers=self.bootstrap().split(","))
        return self.admin_client

    def disconnect(self):
        if self.admin_client is not None:
            self.admin_client.close()
            self.admin_client = None

    def create_topic(self, name, partitions=4, config=None):
        """A topic that can be used at once. Returns its URL."""
        self.admin().create_topics({name: {"num_partitions": partitions, "configs": config or {}}}, timeout_ms=30_000,
                                   wait_for_metadata=True)  # fmt: skip
        return self.url(name)

    def add_partitions(self, name, partitions):
        self.admin().create_partitions({name: partitions})

    def configure_topic(self, name, config):
        resource = kafka.admin.ConfigResource(kafka.admin.ConfigResourceType.TOPIC, name, configs=config)
        self.admin().alter_configs([resource])

    def configuration(self, name, key):
        """{"value", "is_default"} of one setting of a topic."""
        resource = kafka.admin.ConfigResource(kafka.admin.ConfigResourceType.TOPIC, name)
        found = self.admin().describe_configs([resource], config_filter="all")["topic"][name][key]
        return {"value": found["value"], "is_default": "TOPIC" not in str(found["config_source"])}

    def partitions(self, topic):
        found = self.admin().describe_topics([topic])
        return sorted(kafka.TopicPartition(topic, p["partition_index"]) for p in found[0]["partitions"])

    def offsets(self, topic, spec):
        """Waits for leaders: partitions of a broker that got no CPU for ten seconds have none until it is heard again."""
        partitions, deadline = self.partitions(topic), time.monotonic() + LEADER_TIMEOUT_S
        while True:
            try:
                found = self.admin().list_partition_offsets({tp: spec for tp in partitions})
                return {tp.partition: found[tp].offset for tp in partitions}
            except (kafka.errors.UnknownBrokerIdError, kafka.errors.RetriableError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def end_offsets(self, topic):
        """{partition: the offset that the next message gets}"""
        return self.offsets(topic, kafka.admin.OffsetSpec.LATEST)

    def start_offsets(self, topic):
        return self.offsets(topic, kafka.admin.OffsetSpec.EARLIEST)

    def delete_records(self, topic, before):
        """{partition: offset}: what is below is gone, as after the topic's retention."""
        self.admin().delete_records({kafka.TopicPartition(topic, p): offset for p, offset in before.items()})

    # --- messages

    def produce(self, topic, messages):
        """(key, value) or (key, value, partition), each bytes or None, as a producer written in Python sends
        them; acknowledged by all in-sync replicas when this returns. Returns [(partition, offset)]."""
        producer = kafka.KafkaProducer(bootstrap_servers=self.bootstrap().split(","), acks="all", linger_ms=5)
        try:
            sent = [producer.send(topic, key=key, value=value, partition=partition[0] if partition else None)
                    for key, value, *partition in messages]  # fmt: skip
            producer.flush(timeout=60)
            return [(one.partition, one.offset) for one in (future.get(timeout=60) for future in sent)]
        finally:
            producer.close(timeout=10)

    def produce_lines(self, topic, keyed_lines):
        """(key, value) of bytes without line ends, keys without a tab: through kcat, for large amounts."""
        text = b"".join(b"%s\t%s\n" % (key, value) for key, value in keyed_lines)
        done = subprocess.run(["kcat", "-P", "-b", self.bootstrap(), "-t", topic, "-K", "\t", "-X", "acks=all",
                               "-X", "topic.partitioner=murmur2_random"], input=text, capture_output=True,
                              timeout=300, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")

    def consume(self, topic, timeout_s=60):
        """All messages that are there now but those of aborted transactions, as kafka-python's records, by partition and
        offset."""
        ends = self.end_offsets(topic)
        consumer = kafka.KafkaConsumer(bootstrap_servers=self.bootstrap().split(","), enable_auto_commit=False,
                                       auto_offset_reset="earliest", consumer_timeout_ms=timeout_s * 1000,
                                       isolation_level="read_committed")  # fmt: skip
        try:
            left = {kafka.TopicPartition(topic, p) for p, end in ends.items() if end > self.start_offsets(topic)[p]}
            consumer.assign(list(left))
            records = []
            while left:
                batch = consumer.poll(timeout_ms=timeout_s * 1000, max_records=5000)
                assert batch, f"no message of {topic} came within {timeout_s} s"
                for tp, found in batch.items():
                    records.extend(r for r in found if r.offset < ends[tp.partition])
                left = {tp for tp in left if consumer.position(tp) < ends[tp.partition]}
            return sorted(records, key=lambda r: (r.partition, r.offset))
        finally:
            consumer.close()
