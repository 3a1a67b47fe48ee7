# SPDX-License-Identifier: MIT
"""One process of a server: its start, its signals, its end.

    launch    the process exists                        wait_ready  it answers in its own protocol
    stop      SIGTERM, then its end is waited for       kill9       no chance to clean up
    sigstop, sigcont                                    restart     stop, launch, wait_ready; same ports, same data

A process dies with the one that started it, whatever happens to that one: nothing is left running after
a test run that was killed. It follows that the thread that launches must live as long as the server.
"""

import contextlib
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
START_TIMEOUT_S = 300  # on a busy machine
STOP_TIMEOUT_S = 30
_handed_out = set()


def free_ports(n):
    """Ports of loopback that nobody listens on, below those that the system gives to outgoing connections:
    a client that tries again and again to reach a stopped server could otherwise get its port, or even
    connect to itself, and the server could not start again there."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first_outgoing = int(file.read().split()[0])
    candidates = list(range(10_000, max(first_outgoing, 20_000)))
    random.SystemRandom().shuffle(candidates)
    found = []
    for port in candidates:
        if len(found) == n:
            break
        if port in _handed_out:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
    assert len(found) == n, "no free port of 127.0.0.1 is left"
    _handed_out.update(found)
    return found


def server_home(name):
    """Where scripts/get-servers.sh put a server; gets it when it is not there."""
    base = pathlib.Path(os.environ.get("SALESTIDE_SERVERS", "build/servers"))
    base = base if base.is_absolute() else ROOT / base
    found = [stamp.parent for stamp in base.glob(f"{name}-*/.complete")]
    if len(found) != 1:
        done = subprocess.run([ROOT / "scripts/get-servers.sh", name], capture_output=True, stdin=subprocess.DEVNULL,
                              timeout=1900, check=False)  # fmt: skip
        assert done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "replace")
        found = [stamp.parent for stamp in base.glob(f"{name}-*/.complete")]
    assert len(found) == 1, f"{base} holds {len(found)} versions of {name}; remove the old ones"
    return found[0]


def processes_in(directory):
    """{pid: command} of those that work below a directory, as what a server starts for its jobs does."""
    directory = pathlib.Path(directory).resolve()
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").resolve(strict=True).is_relative_to(directory):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
                if command:  # else it has ended and nobody has asked for its code yet
                    found[int(entry.name)] = command
        except OSError:
            continue  # it has ended, or is another user's
    return found


def state_of(pid):
    """Of proc_pid_stat(5): R, S, T... X of one that is not there."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def is_there(pid):
    """Whether it still runs. One that has ended, and that nobody has asked for its code yet, does not: an orphan's new
    parent may take its time."""
    return state_of(pid) not in "ZX"


def wait_stopped(pid, timeout_s=30):
    """After SIGSTOP: until it has. A busy machine lets its threads run on until one of them takes the signal."""

    def states():
        for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                yield stat.read_text().rpartition(")")[2].split()[0]

    deadline = time.monotonic() + timeout_s
    while not all(state in "TtZX" for state in states()):
        assert time.monotonic() < deadline, f"process {pid} has not stopped within {timeout_s} s"
        time.sleep(0.005)


def run_to_end(command, log_path, timeout=START_TIMEOUT_S, env=None):
    """A preparing step of a server; its output goes to the log."""
    with open(log_path, "ab") as log:
        done = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env,
                              timeout=timeout, check=False)  # fmt: skip
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}\n{tail(log_path)}"


def tail(log_path, n_bytes=4000):
    text = pathlib.Path(log_path).read_bytes()[-n_bytes:].decode("utf-8", "replace")
    return f"---- the end of {log_path}\n{text}"


class Process:
    def __init__(self, name, command, log_path, env=None):
        self.name = name
        self.command = [*map(str, command)]
        self.log_path = pathlib.Path(log_path)
        self.env = env
        self.popen = None

    @property
    def pid(self):
        return self.popen.pid

    @property
    def is_running(self):
        return self.popen is not None and self.popen.poll() is None

    def launch(self):
        assert not self.is_running, f"{self.name} runs already"
        with open(self.log_path, "ab") as log:  # setpriv becomes the server: it keeps the process id
            self.popen = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.command], stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log, env=self.env)  # fmt: skip

    def must_run(self):
        code = self.popen.poll()
        assert code is None, f"{self.name} ended with {code} at its start\n{tail(self.log_path)}"

    def wait_ready(self, is_ready, timeout_s=START_TIMEOUT_S):
        """Until is_ready() is true. It is asked again after an answer of false and after an OSError."""
        deadline = time.monotonic() + timeout_s
        problem = "no answer"
        while time.monotonic() < deadline:
            self.must_run()
            try:
                if is_ready():
                    return
            except OSError as error:
                problem = error
            time.sleep(0.05)
        raise AssertionError(f"{self.name} was not ready within {timeout_s} s ({problem})\n{tail(self.log_path)}")

    def send(self, number):
        assert self.is_running, f"{self.name} does not run\n{tail(self.log_path)}"
        self.popen.send_signal(number)
        if number == signal.SIGSTOP:
            wait_stopped(self.popen.pid)

    def stop(self):
        if not self.is_running:
            return
        self.popen.send_signal(signal.SIGCONT)
        self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"{self.name} did not stop within {STOP_TIMEOUT_S} s\n{tail(self.log_path)}") from None

    def kill9(self):
        if self.is_running:
            self.popen.kill()
            self.popen.wait(STOP_TIMEOUT_S)

    def rss_bytes(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))


class Server:
    """A server of one process. A subclass makes self.process and says when it is ready."""

    host = "127.0.0.1"
    process = None

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)

    def is_ready(self):
        raise NotImplementedError

    def disconnect(self):
        """Closes what connections the tests' side keeps open."""

    def launch(self):
        self.process.launch()
        return self

    def wait_ready(self):
        try:
            self.process.wait_ready(self.is_ready)
        except BaseException:
            self.process.kill9()
            raise
        return self

    def start(self):
        return self.launch().wait_ready()

    def stop(self):
        self.disconnect()
        self.process.stop()

    def kill9(self):
        self.disconnect()
        self.process.kill9()

    def sigstop(self):
        self.process.send(signal.SIGSTOP)

    def sigcont(self):
        self.process.send(signal.SIGCONT)

    def restart(self):
        self.stop()
        return self.start()

    def close(self):
        """The end: its data goes, its logs stay."""
        self.kill9()
        shutil.rmtree(self.directory / "data", ignore_errors=True)

    def __enter__(self):
        return self if self.process.is_running else self.start()

    def __exit__(self, *_):
        self.close()


class ServerGroup(Server):
    """A server of several processes, in the order of their start. A subclass fills self.processes by name and
    says when all of them are ready. What they start for jobs works in their `work` folder and ends with them."""

    def __init__(self, directory):
        super().__init__(directory)
        self.processes = {}
        self.work = self.directory / "work"
        self.work.mkdir(exist_ok=True)

    def all_ready(self):
        for one in self.processes.values():
            if one.popen is not None:
                one.must_run()
        return self.is_ready()

    def launch(self):
        for one in self.processes.values():
            one.launch()
        return self

    def wait_ready(self):
        try:
            next(iter(self.processes.values())).wait_ready(self.all_ready)
        except BaseException:
            self.kill9()
            raise
        return self

    def in_order_of_stop(self):
        """Those first that were started last."""
        return reversed(self.processes.values())

    def stop(self):
        """What they started has to end by itself."""
        self.disconnect()
        for one in self.in_order_of_stop():
            one.stop()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while left := processes_in(self.work):
            if time.monotonic() > deadline:
                self.kill_work()
                raise AssertionError(f"these outlived {', '.join(self.processes)}: {left}")
            time.sleep(0.1)

    def kill9(self):
        self.disconnect()
        for one in reversed(self.processes.values()):
            one.kill9()
        self.kill_work()

    def kill_work(self):
        """Ends what the processes started, and what that starts meanwhile."""
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while left := processes_in(self.work):
            assert time.monotonic() < deadline, f"these do not end: {left}"
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def close(self):
        """The end: data and the folders of jobs go, logs stay."""
        super().close()
        shutil.rmtree(self.work, ignore_errors=True)

    def __enter__(self):
        return self if any(one.is_running for one in self.processes.values()) else self.start()
