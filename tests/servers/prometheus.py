# SPDX-License-Identifier: MIT
"""Prometheus with the files of grafana/prometheus, of which only addresses and intervals are changed."""

import json
import os
import shutil
import subprocess
import urllib.parse
import urllib.request

from . import process

SHIPPED = process.ROOT / "grafana/prometheus"
UNPACKED = process.ROOT / "build/deps/prometheus/usr/bin"  # scripts/install-deps.sh test


def program(name):
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{UNPACKED}")
    assert found, f"{name} is missing: run scripts/install-deps.sh test"
    return found


def promtool(*arguments, cwd=SHIPPED):
    """What it says; it has to be content."""
    done = subprocess.run([program("promtool"), *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Prometheus(process.Server):
    """Scrapes these targets (HOST:PORT) each second."""

    def __init__(self, directory, targets):
        super().__init__(directory)
        (self.port,) = process.free_ports(1)
        config = (SHIPPED / "prometheus.yml").read_text("ascii")
        head, _, _ = config.partition("    static_configs:")
        assert "scrape_interval: 15s" in head
        head = head.replace("interval: 15s", "interval: 1s")
        shutil.copy(SHIPPED / "alerts.yml", self.directory)
        self.config = self.directory / "prometheus.yml"
        self.config.write_text(head + "    static_configs:\n" + "".join(f'      - targets: ["{target}"]\n' for target in targets))
        self.process = process.Process(
            "Prometheus",
            [program("prometheus"), f"--config.file={self.config}", f"--storage.tsdb.path={self.directory}/data",
             f"--web.listen-address={self.host}:{self.port}"], self.directory / "prometheus.log")  # fmt: skip

    def get(self, path, **parameters):
        url = f"http://{self.host}:{self.port}{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def ask(self, expression):
        """[(labels, value)] of now."""
        return [(one["metric"], float(one["value"][1])) for one in self.get("/api/v1/query", query=expression)["result"]]

    def is_ready(self):
        with urllib.request.urlopen(f"http://{self.host}:{self.port}/-/ready", timeout=2) as answer:
            return answer.status == 200
