# SPDX-License-Identifier: MIT
"""Runs programs and reads what the kernel counted for them. Everything is stopped by its own process id, every wait
has a time-out, and every server listens on 127.0.0.1 alone."""

import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "salestide"
TICKS = os.sysconf("SC_CLK_TCK")


def environment():
    return {k: v for k, v in os.environ.items() if not k.startswith("SALESTIDE_")}


@dataclasses.dataclass
class Done:
    """A process that ended well: as /usr/bin/time would tell it."""

    wall_s: float
    cpu_s: float
    rss_mb: float
    written_mb: float  # handed to the disk
    out: str


def run(command, timeout_s=600, stdout=None, cwd=None):
    """Runs a command to its end; a failure ends the benchmark. `stdout`: a file to write to, else the text is kept."""
    started = time.monotonic()
    with subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=stdout or subprocess.PIPE,
                          stderr=subprocess.PIPE, env=environment(), cwd=cwd) as process:  # fmt: skip
        try:
            out, err = communicate(process, started + timeout_s)
            _, status, usage = os.wait4(process.pid, 0)
            wall_s = time.monotonic() - started
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise SystemExit(f"bench: {' '.join(map(str, command))} ended with {process.returncode}:\n{out}{err}")
    return Done(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, usage.ru_oublock / 2048, out + err)


def start(command, log):
    """A program of its own, whose output goes to the log."""
    return subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                            env=environment(), cwd=ROOT)  # fmt: skip


def communicate(process, deadline):
    """Both outputs until their end, without reaping the process: wait4 is to tell what it used."""
    import selectors

    texts = {process.stdout: b"", process.stderr: b""}
    with selectors.DefaultSelector() as selector:
        for stream in texts:
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            if time.monotonic() > deadline:
                raise SystemExit(f"bench: process {process.args[0]} took too long")
            for key, _ in selector.select(1):
                piece = os.read(key.fd, 65536)
                texts[key.fileobj] += piece
                if not piece:
                    selector.unregister(key.fileobj)
    return texts.get(process.stdout, b"").decode(), texts[process.stderr].decode()


# --- What a running process has used


def stat_fields(path):
    """Fields of /proc/.../stat from the third on: the second may hold anything, in parentheses."""
    return pathlib.Path(path).read_text().rpartition(")")[2].split()


def family(pid):
    """The process and its children, as of a server with workers. Any thread may have started one: a JVM's main thread
    starts none."""
    pids = [pid]
    for one in pids:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{one}/task"):
                with contextlib.suppress(OSError):
                    pids += map(int, pathlib.Path(f"/proc/{one}/task/{thread}/children").read_text().split())
    return pids


def cpu_s(pid, known=None):
    """Of the process, of its children, and of those children that have ended. `known`: a family that was asked for
    before, which spares looking through all threads of a JVM."""
    total = 0
    for one in known or family(pid):
        with contextlib.suppress(OSError) if one != pid else contextlib.nullcontext():
            total += sum(map(int, stat_fields(f"/proc/{one}/stat")[11:15]))
    return total / TICKS


def threads_cpu_s(pid):
    """{(thread id, name): seconds}."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            fields = stat_fields(task / "stat")
            name = (task / "comm").read_text().strip()
            found[int(task.name), name] = (int(fields[11]) + int(fields[12])) / TICKS
    return found


def memory_mb(pid, field="VmRSS"):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.M)[1]) / 1024


def machine_busy_s():
    """(busy, stolen) seconds of all cores since the machine started."""
    fields = list(map(int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq) / TICKS, steal / TICKS


# --- Servers


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(port, path, timeout_s=10):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


class Server:
    """A server process on a free port, ready when `ready_path` answers 200."""

    def __init__(self, command, log, ready_path):
        self.port = free_port()
        with open(log, "wb") as out:
            self.process = subprocess.Popen([str(c).replace("PORT", str(self.port)) for c in command],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=ROOT,
                                            env=environment())  # fmt: skip
        self.pid = self.process.pid
        deadline = time.monotonic() + 30
        while not self.answers(ready_path):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise SystemExit(f"bench: {command[0]} does not answer:\n{pathlib.Path(log).read_text()}")
            time.sleep(0.05)

    def answers(self, path):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return get(self.port, path, 1)[0] == 200
        return False

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Salestide(Server):
    def __init__(self, directory, *options):
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__([PROGRAM, "serve", "--listen", "127.0.0.1:PORT", "--data", directory / "data", *options],
                         directory / "serve.log", "/healthz")  # fmt: skip

    def metric(self, name):
        """One sample, as `name` or `name{labels}` of /metrics."""
        for line in get(self.port, "/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        raise SystemExit(f"bench: /metrics has no {name}")

    def accepted(self):
        return int(self.metric('salestide_events_total{verdict="accepted"}'))

    def not_accepted(self):
        return int(sum(self.metric(f'salestide_events_total{{verdict="{v}"}}') for v in ("duplicate", "rejected")))


class Ingest(Salestide):
    """`salestide ingest` in front of a topic."""

    def __init__(self, directory, kafka, topic):
        directory.mkdir(parents=True, exist_ok=True)
        Server.__init__(self, [PROGRAM, "ingest", "--listen", "127.0.0.1:PORT", "--data", directory / "data", "--broker",
                               kafka.url(topic)], directory / "ingest.log", "/readyz")  # fmt: skip

    def accepted(self):
        return int(self.metric("salestide_kafka_produced_total"))

    def not_accepted(self):
        return int(self.metric("salestide_kafka_delivery_failures_total"))


class FastifyKafkajs(Server):
    def __init__(self, directory, kafka, topic):
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(["node", "build/bench-peers/fastify_kafkajs/app.mjs", "PORT", kafka.bootstrap(), topic],
                         directory / "fastify.log", "/healthz")  # fmt: skip

    def accepted(self):
        return json.loads(get(self.port, "/accepted")[1])["accepted"]

    def not_accepted(self):
        return 0


class FastApi(Server):
    def __init__(self, directory):
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__([sys.executable, "-m", "uvicorn", "--app-dir", "bench/peers", "fastapi_app:app", "--host",
                          "127.0.0.1", "--port", "PORT", "--workers", 1, "--loop", "uvloop", "--http", "httptools",
                          "--no-access-log", "--log-level", "warning"],
                         directory / "uvicorn.log", "/accepted")  # fmt: skip

    def accepted(self):
        return int(get(self.port, "/accepted")[1])

    def not_accepted(self):
        return 0
