# SPDX-License-Identifier: MIT
"""podman with a storage, networks and settings of its own below build/containers, and compose.yaml by podman-compose.

The images that compose.yaml names are built here: ours by deploy/Dockerfile on a base by debootstrap, those of Kafka,
Cassandra and MySQL as stand-ins of the same name (standins/), so that the file itself is what runs.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import deploy_files
import harness
from servers import process

HERE = pathlib.Path(__file__).resolve().parent
WORK = harness.ROOT / "build/containers"
BASE = "localhost/debian:bookworm"
BUILD_TIMEOUT_S = 2400

SETTINGS = """\
[engine]
runtime = "runc"
events_logger = "file"
cgroup_manager = "cgroupfs"
[network]
network_backend = "netavark"
network_config_dir = "{work}/networks"
[containers]
log_driver = "k8s-file"
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
"""
STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{work}/storage"
runroot = "{work}/run"
"""


def environment(**more):
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / "containers.conf").write_text(SETTINGS.format(work=WORK), "ascii")
    (WORK / "storage.conf").write_text(STORAGE.format(work=WORK), "ascii")
    return harness.clean_env({"CONTAINERS_CONF": str(WORK / "containers.conf"),
                              "CONTAINERS_STORAGE_CONF": str(WORK / "storage.conf"),
                              "BUILDAH_FORMAT": "docker", **more})  # fmt: skip


def run(*command, timeout=120, log=None, env=None, check=True, cwd=None):
    """A command to its end. Returns its standard output; with `log` all goes there."""
    where = open(log, "ab") if log else subprocess.PIPE
    try:
        done = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, stdout=where, stderr=where, env=env or environment(),
                              timeout=timeout, check=False, cwd=cwd)  # fmt: skip
    finally:
        if log:
            where.close()
    said = process.tail(log) if log else (done.stdout + done.stderr).decode("utf-8", "replace")
    assert not check or done.returncode == 0, f"{' '.join(map(str, command[:6]))}... ended with {done.returncode}\n{said[-4000:]}"
    return done if not check else None if log else done.stdout.decode("utf-8", "replace")


def podman(*arguments, **more):
    return run("podman", *arguments, **more)


# --- Images


def build(tag, dockerfile, context, target, ignore=None):
    """What has not changed since the last time is taken from there."""
    log = WORK / f"build-{target}.log"
    more = ["--ignorefile", ignore] if ignore else []
    podman("build", "--format", "docker", "--isolation", "chroot", "--network", "host", "--layers", "--build-arg", f"DEBIAN={BASE}",
           "--target", target, "--tag", tag, "--file", dockerfile, *more, context, timeout=BUILD_TIMEOUT_S, log=log)  # fmt: skip


def exists(image):
    return podman("image", "exists", image, check=False).returncode == 0


def make_base():
    made = WORK / "root.complete"  # by base.sh as it is now, or by an earlier form of it
    if not exists(BASE) or not made.exists() or made.stat().st_mtime < (HERE / "base.sh").stat().st_mtime:
        run(HERE / "base.sh", WORK, timeout=900, log=WORK / "base.log")


def build_ours(target, name):
    image = deploy_files.services()[name]["image"]
    build(f"localhost/{image}", deploy_files.DEPLOY / "Dockerfile", harness.ROOT, target)
    return f"localhost/{image}"


def build_standins():
    """The context is a folder of copies, since the servers lie where others use them too."""
    context = WORK / "context"
    shutil.rmtree(context, ignore_errors=True)
    for name in ("kafka", "cassandra", "mysql8"):
        shutil.copytree(process.server_home(name), context / name)
    shutil.copytree(HERE / "standins", context / "standins")
    for name in ("kafka", "cassandra", "mysql"):
        build(deploy_files.services()[name]["image"], HERE / "standins/Dockerfile", context, name)
    shutil.rmtree(context)


# --- compose.yaml


class Compose:
    """One project: its containers, networks and volumes are gone after close()."""

    def __init__(self, directory, profiles, settings=None):
        self.directory = pathlib.Path(directory)
        self.profiles = profiles
        self.project = f"salestide-{os.getpid()}-{'-'.join(profiles)}"
        # The file names its secrets beside itself.
        self.file = self.directory / "compose.yaml"
        shutil.copy(deploy_files.DEPLOY / "compose.yaml", self.file)
        run(deploy_files.DEPLOY / "make-secrets.sh", self.directory / "secrets")
        names = ("SALESTIDE_PORT", "SALESTIDE_DASHBOARD_PORT", "SUPERSET_PORT")
        self.ports = dict(zip(names, process.free_ports(len(names)), strict=True))
        self.env = environment(**{k: str(v) for k, v in self.ports.items()}, **(settings or {}))
        self.env["PATH"] = f"{pathlib.Path(sys.executable).parent}:{self.env['PATH']}"

    def secret(self, name):
        return (self.directory / "secrets" / name).read_text("ascii").strip()

    def compose(self, *arguments, **more):
        chosen = [word for profile in self.profiles for word in ("--profile", profile)]
        log = self.directory / "compose.log"
        return run(pathlib.Path(sys.executable).parent / "podman-compose", "--file", self.file, "--project-name", self.project, *chosen,
                   *arguments, env=self.env, log=log, cwd=self.directory, **{"timeout": 600, **more})  # fmt: skip

    def up(self, *services):
        """What these wait for is up already: podman 4.3 cannot wait for health (wait_healthy() does), and does not start a
        container that requires one which requires another."""
        self.compose("up", "--detach", "--no-build", "--no-recreate", "--no-deps", *services)

    def container(self, service, number=1):
        return f"{self.project}_{service}_{number}"

    def inspect(self, service):
        return json.loads(podman("inspect", self.container(service)))[0]

    def logs(self, service):
        done = podman("logs", "--tail", "60", self.container(service), check=False)
        return (done.stdout + done.stderr).decode("utf-8", "replace")

    def is_healthy(self, service):
        """Its own health check, run now."""
        return podman("healthcheck", "run", self.container(service), check=False).returncode == 0

    def wait_healthy(self, service, timeout_s=180):
        self.wait(lambda: self.is_healthy(service), timeout_s, f"health of {service}", service)

    def wait(self, condition, timeout_s, what, service):
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come within {timeout_s} s\n{self.logs(service)}"
            time.sleep(0.5)

    def exec(self, service, *command, **more):
        return podman("exec", self.container(service), *command, **more)

    def kill9(self, service):
        """What an out-of-memory kill does: the process is gone, and nobody said that the container should stop."""
        before = self.inspect(service)
        os.kill(before["State"]["Pid"], signal.SIGKILL)
        return before["State"]["Pid"]

    def pid(self, service):
        return self.inspect(service)["State"]["Pid"]

    def wait_back(self, service, old_pid):
        self.wait(lambda: self.pid(service) not in (0, old_pid), 60, f"{service} again", service)

    def close(self):
        self.compose("down", "--volumes", "--timeout", "30", check=False)
        left = podman("ps", "--all", "--quiet", "--filter", f"name={self.project}_").split()
        if left:
            podman("rm", "--force", "--volumes", *left)
