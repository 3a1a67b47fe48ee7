# SPDX-License-Identifier: MIT
"""One node of Apache Cassandra 5, configured by hand.

`cql()` asks it with the DataStax driver, which shares nothing with the program's own client.
"""

import contextlib
import socket
import ssl

import cassandra
import cassandra.auth
import cassandra.cluster
import cassandra.policies
import cassandra.query

from . import process
from .java import java_17, tiers

OPTIONS_REQUEST = b"\x04\x00\x00\x00\x05\x00\x00\x00\x00"  # version 4, stream 0, opcode OPTIONS, no body
OPCODE_SUPPORTED = 0x06
ROOT_USER = "cassandra"  # what PasswordAuthenticator makes; its password is the same word

# conf/jvm17-server.options of the release, shortened to what a server needs.
EXPORTED = """java.base/jdk.internal.misc java.base/jdk.internal.ref java.base/sun.nio.ch
    java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry java.rmi/sun.rmi.server
    java.sql/java.sql java.base/java.lang.ref java.base/java.lang.reflect jdk.unsupported/sun.misc""".split()
OPENED = """java.base/java.lang.module java.base/jdk.internal.loader java.base/jdk.internal.ref
    java.base/jdk.internal.reflect java.base/jdk.internal.math java.base/jdk.internal.module
    java.base/jdk.internal.util.jar jdk.management/com.sun.management.internal java.base/sun.nio.ch
    java.base/java.io java.base/java.lang java.base/java.lang.reflect java.base/java.util
    java.base/java.util.concurrent java.base/java.util.concurrent.atomic java.base/java.nio java.base/java.net
    java.rmi/sun.rmi.transport.tcp""".split()
MODULES = [f"--add-exports={m}=ALL-UNNAMED" for m in EXPORTED] + [f"--add-opens={m}=ALL-UNNAMED" for m in OPENED]

CONFIGURATION = """\
cluster_name: tests
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
data_file_directories: [{data}/data]
commitlog_directory: {data}/commitlog
saved_caches_directory: {data}/saved_caches
hints_directory: {data}/hints
cdc_raw_directory: {data}/cdc_raw
commitlog_sync: {commitlog_sync}
commitlog_segment_size: 16MiB
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{{seeds: "127.0.0.1:{storage_port}"}}]
listen_address: 127.0.0.1
rpc_address: 127.0.0.1
storage_port: {storage_port}
native_transport_port: {port}
start_native_transport: true
endpoint_snitch: SimpleSnitch
authenticator: {authenticator}
concurrent_reads: 8
concurrent_writes: 16
memtable_heap_space: 128MiB
memtable_offheap_space: 128MiB
file_cache_size: 64MiB
auto_snapshot: false
disk_failure_policy: stop
"""
COMMITLOG_SYNC = {"batch": "batch", "periodic": "periodic\ncommitlog_sync_period: 10000ms"}
LOGGING = """\
<configuration><appender name="O" class="ch.qos.logback.core.ConsoleAppender">
<encoder><pattern>%-5level %d{HH:mm:ss.SSS} %logger{20} %msg%n</pattern></encoder></appender>
<root level="INFO"><appender-ref ref="O"/></root></configuration>
"""


class Cassandra(process.Server):
    """With passwords=True a client has to log in: ROOT_USER, or whom create_user() made.
    With certs (certs.Certificates) the port speaks TLS only.

    commitlog_sync is "batch" or "periodic". With "periodic", Cassandra's default, kill -9 loses what was
    acknowledged in the last 100 ms, and a power cut what was in the last 10 s."""

    def __init__(self, directory, heap_mb=768, passwords=False, certs=None, commitlog_sync="batch", ports=None,
                 jit_tiers=1):  # fmt: skip
        super().__init__(directory)
        self.commitlog_sync = COMMITLOG_SYNC[commitlog_sync]
        self.port, self.storage_port, self.jmx_port = ports or process.free_ports(3)
        self.passwords = passwords
        self.certs = certs
        self.cluster = None
        home = process.server_home("cassandra")
        self.lib = home / "lib"
        self.configure()
        self.process = process.Process("Cassandra", self.command(heap_mb, jit_tiers), self.directory / "cassandra.log")

    def configure(self):
        conf = self.directory / "conf"
        conf.mkdir(exist_ok=True)
        (self.directory / "tmp").mkdir(exist_ok=True)
        kind = "PasswordAuthenticator" if self.passwords else "AllowAllAuthenticator"
        text = CONFIGURATION.format(data=self.directory / "data", storage_port=self.storage_port, port=self.port,
                                    authenticator=kind, commitlog_sync=self.commitlog_sync)  # fmt: skip
        if self.passwords:
            text += "role_manager: CassandraRoleManager\nroles_validity: 1000ms\ncredentials_validity: 1000ms\n"
        if self.certs:
            text += ("client_encryption_options: {enabled: true, optional: false, require_client_auth: false, "
                     f"store_type: PKCS12, keystore: {self.certs.keystore}, "
                     f"keystore_password: {self.certs.keystore_password}}}\n")  # fmt: skip
        (conf / "cassandra.yaml").write_text(text, "utf-8")
        (conf / "logback.xml").write_text(LOGGING, "ascii")

    def command(self, heap_mb, jit_tiers):
        conf, data = self.directory / "conf", self.directory / "data"
        agent = next(self.lib.glob("jamm-*.jar"))
        return [java_17(), tiers(jit_tiers), "-da", f"-Xms{heap_mb}m", f"-Xmx{heap_mb}m", "-XX:MaxDirectMemorySize=384M",
                "-XX:+UseSerialGC", "-Xss512k", "-XX:+PerfDisableSharedMem", "-Djava.net.preferIPv4Stack=true", *MODULES,
                f"-javaagent:{agent}", "-Djdk.attach.allowAttachSelf=true",
                f"-Dcassandra.config=file://{conf}/cassandra.yaml", f"-Dcassandra.storagedir={data}",
                f"-Dcassandra.logdir={self.directory}", "-Dcassandra-foreground=yes",
                f"-Dcassandra.jmx.local.port={self.jmx_port}", f"-Djava.io.tmpdir={self.directory}/tmp",
                "-Dio.netty.tryReflectionSetAccessible=true", "-Dcassandra.skip_wait_for_gossip_to_settle=0",
                "-Dcassandra.ring_delay_ms=0", "-Dcassandra.superuser_setup_delay_ms=0", "-Dcassandra.shutdown_announce_in_ms=0",
                f"-Dlogback.configurationFile=file://{conf}/logback.xml", "-cp", f"{conf}:{self.lib}/*",
                "org.apache.cassandra.service.CassandraDaemon"]  # fmt: skip

    # --- readiness

    def tls_context(self):
        return ssl.create_default_context(cafile=str(self.certs.ca)) if self.certs else None

    def is_ready(self):
        if not self.answers_options():
            return False
        if not self.passwords:
            return True
        try:  # its first user is made after the port is open
            self.session()
        except cassandra.cluster.NoHostAvailable:
            self.disconnect()
            return False
        return True

    def answers_options(self):
        with contextlib.ExitStack() as stack:
            sock = stack.enter_context(socket.create_connection((self.host, self.port), timeout=5))
            if self.certs:
                sock = stack.enter_context(self.tls_context().wrap_socket(sock, server_hostname="127.0.0.1"))
            sock.sendall(OPTIONS_REQUEST)
            header = sock.recv(9)
            return len(header) == 9 and header[0] == 0x84 and header[4] == OPCODE_SUPPORTED

    # --- questions

    def connect(self, user=ROOT_USER, password=ROOT_USER):
        """A driver's Cluster; the caller shuts it down."""
        return cassandra.cluster.Cluster(
            [self.host], port=self.port, protocol_version=4, connect_timeout=10, ssl_context=self.tls_context(),
            auth_provider=cassandra.auth.PlainTextAuthProvider(user, password) if self.passwords else None,
            reconnection_policy=cassandra.policies.ConstantReconnectionPolicy(0.2, None),
            execution_profiles={cassandra.cluster.EXEC_PROFILE_DEFAULT: cassandra.cluster.ExecutionProfile(
                load_balancing_policy=cassandra.policies.RoundRobinPolicy(), request_timeout=30)},
        )  # fmt: skip

    def session(self):
        if self.cluster is None:
            self.cluster = self.connect()
            self.cluster_session = self.cluster.connect()
        return self.cluster_session

    def cql(self, statement, parameters=None):
        """The rows of one statement as a list of named tuples; large answers are paged through."""
        query = cassandra.query.SimpleStatement(statement, fetch_size=2000)
        return list(self.session().execute(query, parameters))

    def create_keyspace(self, name):
        self.cql(f"CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")
        return f"cassandra://{self.host}:{self.port}/{name}"

    def create_user(self, user, password):
        self.cql(f"CREATE ROLE {user} WITH PASSWORD = '{password}' AND LOGIN = true AND SUPERUSER = true")

    def disconnect(self):
        if self.cluster is not None:
            self.cluster.shutdown()
            self.cluster = None

    def nodetool(self, *arguments):
        command = [java_17(), tiers(1), *MODULES, "-cp", f"{self.lib}/*", "org.apache.cassandra.tools.NodeTool", "-h", "127.0.0.1",
                   "-p", self.jmx_port, *arguments]  # fmt: skip
        process.run_to_end(command, self.directory / "nodetool.log")
