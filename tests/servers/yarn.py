# SPDX-License-Identifier: MIT
"""YARN of Apache Hadoop: one ResourceManager and one NodeManager."""

import http.client
import json
import os
import shutil

from . import hadoop, process

RESOURCE_MANAGER = "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager"
NODE_MANAGER = "org.apache.hadoop.yarn.server.nodemanager.NodeManager"
ADDRESSES = ("resourcemanager.address", "resourcemanager.scheduler.address", "resourcemanager.resource-tracker.address",
             "resourcemanager.admin.address", "resourcemanager.webapp.address", "nodemanager.address",
             "nodemanager.localizer.address", "nodemanager.webapp.address")  # fmt: skip
ONE_QUEUE = {
    "yarn.scheduler.capacity.root.queues": "default",
    "yarn.scheduler.capacity.root.default.capacity": 100,
    "yarn.scheduler.capacity.maximum-am-resource-percent": 1,
}


class Yarn(process.ServerGroup):
    """`conf` is what clients need as HADOOP_CONF_DIR: with the files of an Hdfs, when one is given, else of this
    machine's disk. Jobs get memory_mb together. `ports`: eight, as ADDRESSES; free ones without."""

    def __init__(self, directory, hdfs=None, memory_mb=3072, cores=4, heap_mb=256, ports=None):
        super().__init__(directory)
        self.ports = dict(zip(ADDRESSES, ports or process.free_ports(len(ADDRESSES)), strict=True))
        self.home = process.server_home("yarn")
        self.conf = self.directory / "conf"
        self.configure(hdfs, memory_mb, cores)
        env = {**os.environ, "JAVA_HOME": str(hadoop.java_home())}  # what jobs run on too
        for name, main in (("ResourceManager", RESOURCE_MANAGER), ("NodeManager", NODE_MANAGER)):
            command = hadoop.command(self.home, self.directory, heap_mb, main)
            self.processes[name] = process.Process(f"YARN {name}", command, self.directory / f"{name.lower()}.log", env)

    def configure(self, hdfs, memory_mb, cores):
        self.conf.mkdir(exist_ok=True)
        (self.directory / "tmp").mkdir(exist_ok=True)
        hadoop.server_folder(self.directory, ["cluster", "node", "static"])
        if hdfs is None:
            hadoop.write_site(self.conf / "core-site.xml", {"fs.defaultFS": "file:///"})
        else:
            for name in ("core-site.xml", "hdfs-site.xml"):
                shutil.copy(hdfs.conf / name, self.conf / name)
        hadoop.write_site(self.conf / "capacity-scheduler.xml", ONE_QUEUE)
        hadoop.write_site(self.conf / "yarn-site.xml", {
            "yarn.resourcemanager.hostname": self.host,
            **{f"yarn.{name}": self.address(name) for name in ADDRESSES},
            "yarn.resourcemanager.nodemanagers.heartbeat-interval-ms": 200,
            # The processes of a job whose ResourceManager is gone end soon, instead of in a quarter of an hour.
            "yarn.resourcemanager.connect.max-wait.ms": 10_000,
            "yarn.resourcemanager.connect.retry-interval.ms": 1000,
            "yarn.nodemanager.local-dirs": self.work,
            "yarn.nodemanager.log-dirs": self.directory / "containers",
            "yarn.nodemanager.resource.memory-mb": memory_mb,
            "yarn.nodemanager.resource.cpu-vcores": cores,
            "yarn.scheduler.minimum-allocation-mb": 128,
            "yarn.scheduler.maximum-allocation-mb": memory_mb,
            "yarn.nodemanager.process-kill-wait.ms": 1000,
            "yarn.nodemanager.vmem-check-enabled": "false",  # Java takes addresses by the GiB
            # A disk that is nearly full does for a trial; YARN would give it no work at 90 %.
            "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": 100,
        })  # fmt: skip

    def address(self, name):
        """Of one of ADDRESSES."""
        return f"{self.host}:{self.ports[name]}"

    def is_ready(self):
        return self.rest("metrics")["clusterMetrics"]["activeNodes"] == 1

    def rest(self, path):
        """What the ResourceManager tells: "metrics", "apps"..."""
        connection = http.client.HTTPConnection(self.host, self.ports["resourcemanager.webapp.address"], timeout=30)
        try:
            connection.request("GET", f"/ws/v1/cluster/{path}", headers={"Accept": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise OSError(f"the ResourceManager answers {answer.status} for {path}: {body[:300]!r}")
            return json.loads(body)
        finally:
            connection.close()

    def applications(self):
        """All that there were since its start."""
        return (self.rest("apps")["apps"] or {"app": []})["app"]
