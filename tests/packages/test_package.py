# SPDX-License-Identifier: MIT
"""The Debian package: what is in it, and its life on a clean Debian from install to purge."""

import gzip
import os
import re
import shutil
import subprocess

import pytest

import harness
from debian_root import sh

UNIT = "/lib/systemd/system/salestide.service"
CONF = "/etc/salestide/salestide.conf"
DATA = "/var/lib/salestide"
PRIVATE = "/var/lib/private"


class Installed(harness.Server):
    """The service as its unit starts it, without systemd: as its user, by its command, from /."""

    def __init__(self, root, directory):
        self.root = root
        (command,) = re.findall(r"^ExecStart=(.*)$", root.read(UNIT), re.M)
        (user,) = re.findall(r"^User=(.*)$", root.read(UNIT), re.M)
        self.directory = directory
        self.data = root.path(DATA)
        self.log_path = directory / "serve.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(["chroot", f"--userspec={user}:{user}", str(root.folder), *command.split()],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": "/usr/sbin:/usr/bin"})  # fmt: skip
        self.host, self.port = "127.0.0.1", None
        try:
            self.wait_ready()
        except BaseException:
            self.kill()
            raise


def newer(unpacked, folder):
    """The same package with a later version."""
    control = unpacked / "DEBIAN" / "control"
    control.write_text(re.sub(r"(?m)^Version: .*", "Version: 0.1.1-1", control.read_text(encoding="utf-8")), encoding="utf-8")
    file = folder / "salestide_0.1.1-1.deb"
    sh("dpkg-deb", "--root-owner-group", "--build", unpacked, file)
    return file


def make_states(root):
    """What the services on Kafka leave: systemd keeps the state of a DynamicUser below private, with a link to it; keys may
    have been made before the first start, in a directory."""
    linked = ["salestide-ingest", "salestide-dashboard", "salestide-process-8081", "salestide-process-8082"]
    for name in [*linked, "somebody-elses"]:
        root("install", "-d", "-m", "700", f"{PRIVATE}/{name}")
        root("ln", "-s", f"private/{name}", f"/var/lib/{name}")
        root.path(f"{PRIVATE}/{name}/keys").write_text("ingest 1\n", encoding="ascii")
    root("install", "-d", "-m", "700", "/var/lib/salestide-process-8083")
    return [*(f"{PRIVATE}/{name}/keys" for name in linked), *(f"/var/lib/{name}" for name in linked), "/var/lib/salestide-process-8083"]


def install(root, file):
    shutil.copy(file, root.path("/tmp"))
    return root("apt-get", "-y", "-q", "install", "--no-install-recommends", f"/tmp/{file.name}")


@pytest.mark.timeout(1800)
def test_it_installs_takes_orders_upgrades_and_leaves_data_until_it_is_purged(package, unpacked, root, tmp_path):
    root("apt-get", "-q", "update")
    said = install(root, package)
    assert "say currency and timezone" in said
    assert root("salestide", "--version").split()[0] == "salestide"
    assert root("stat", "-c", "%U %G %a", DATA).split() == ["salestide", "salestide", "700"]
    conf = root.path(CONF)
    mine = conf.read_text(encoding="utf-8").replace("#currency = USD", "currency = EUR").replace("127.0.0.1:8080", "127.0.0.1:0")
    conf.write_text(mine, encoding="utf-8")

    one = Installed(root, tmp_path)
    placed = harness.order(1)
    assert one.post(placed).json()["accepted"] == 1
    assert "EUR: 1 groups, 1 orders" in root("salestide", "verify", "--config", CONF)
    one.stop()

    said = install(root, newer(unpacked, tmp_path))
    assert "say currency" not in said
    assert conf.read_text(encoding="utf-8") == mine
    one = Installed(root, tmp_path)
    assert one.post(placed).json()["duplicate"] == 1
    one.stop()

    states = make_states(root)
    root("apt-get", "-y", "-q", "remove", "salestide")
    assert not root.path("/usr/bin/salestide").exists()
    assert not root.path(UNIT).exists()
    assert conf.exists()
    assert root.path(f"{DATA}/sales.db").exists()
    assert [path for path in states if not os.path.lexists(root.path(path))] == []
    install(root, package)
    assert "EUR: 1 groups, 1 orders" in root("salestide", "verify", "--config", CONF)

    root("apt-get", "-y", "-q", "purge", "salestide")
    assert not root.path(DATA).exists()
    assert [path for path in states if os.path.lexists(root.path(path))] == []
    assert root.path(f"{PRIVATE}/somebody-elses/keys").exists()
    assert not conf.parent.exists()
    assert "salestide:" not in root.read("/etc/passwd")
    left = root("find", "/", "-xdev", "-name", "*salestide*", "-not", "-path", "/proc/*", "-not", "-path", "/tmp/*").split()
    assert [path for path in left if not path.startswith(("/var/log", "/var/lib/dpkg", "/var/cache"))] == []


def test_each_service_is_hardened(unpacked):
    units = sorted((unpacked / UNIT.lstrip("/")).parent.glob("*.service"))
    assert len(units) == 4
    for unit in units:
        said = sh("systemd-analyze", "security", "--offline=yes", unit)
        score = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)[1])
        print(unit.name, score)
        assert score <= 2.0, said


def test_the_program_is_stripped_and_small_and_all_that_belongs_to_it_is_there(unpacked):
    program = unpacked / "usr/bin/salestide"
    assert ".debug_info" not in sh("readelf", "--sections", "--wide", program)
    print("program", program.stat().st_size, "bytes")
    assert program.stat().st_size < 6_000_000
    for path in ("usr/share/man/man1/salestide.1.gz", "usr/share/bash-completion/completions/salestide", "usr/share/zsh/vendor-completions/_salestide",
                 "usr/share/fish/vendor_completions.d/salestide.fish", "usr/share/salestide/spark/submit.sh", "usr/include/salestide/arrow.h",
                 "usr/lib/libsalestide.so", "usr/lib/libsalestide_reader.so", "usr/include/salestide/reader.h",
                 "usr/share/doc/salestide/copyright"):  # fmt: skip
        assert (unpacked / path).is_file(), path
    notices = gzip.decompress((unpacked / "usr/share/doc/salestide/NOTICES.gz").read_bytes()).decode("utf-8")
    for licensed in ("Magnus Edenhill", "YaoYuan", "Jason Evans", "Yann Collet"):  # librdkafka, yyjson, jemalloc, xxHash
        assert licensed in notices, licensed
    assert (unpacked / "DEBIAN/conffiles").read_text(encoding="ascii").split() == [CONF]
    for line in (unpacked / CONF.lstrip("/")).read_text(encoding="utf-8").splitlines():
        assert len(line) <= 190


def test_every_option_of_its_config_file_is_one(unpacked, tmp_path):
    text = (unpacked / CONF.lstrip("/")).read_text(encoding="utf-8")
    text = re.sub(r"(?m)^#(\w[\w-]* = )", r"\1", text)
    names = re.findall(r"(?m)^(\w[\w-]*) = ", text)
    assert "currency" in names
    said = harness.must_run("serve", "--help")
    for name in names:
        assert f"  --{name} " in said
