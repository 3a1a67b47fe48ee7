# SPDX-License-Identifier: MIT
"""HDFS of Apache Hadoop: one NameNode and one DataNode, asked through WebHDFS by nothing but Python's HTTP."""

import http.client
import json
import pathlib
import urllib.parse

from . import hadoop, process

NAMENODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
DATANODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"


class Hdfs(process.ServerGroup):
    """`conf` is what clients need as HADOOP_CONF_DIR. `ports`: of the NameNode RPC and HTTP, of the DataNode data,
    HTTP and IPC; free ones without. Nobody has to log in, and permissions are not looked at."""

    def __init__(self, directory, heap_mb=256, ports=None):
        super().__init__(directory)
        self.port, self.http_port, *self.datanode_ports = ports or process.free_ports(5)
        self.home = process.server_home("hdfs")
        self.conf = self.directory / "conf"
        self.configure()
        for name, main in (("NameNode", NAMENODE), ("DataNode", DATANODE)):
            self.processes[name] = process.Process(f"HDFS {name}", self.command(heap_mb, main),
                                                   self.directory / f"{name.lower()}.log")  # fmt: skip

    def command(self, heap_mb, main, *arguments):
        return hadoop.command(self.home, self.directory, heap_mb, main, *arguments)

    def configure(self):
        self.conf.mkdir(exist_ok=True)
        (self.directory / "tmp").mkdir(exist_ok=True)
        hadoop.server_folder(self.directory, ["hdfs", "datanode", "static"])
        data, address = self.directory / "data", f"{self.host}:%d"
        hadoop.write_site(self.conf / "core-site.xml", {"fs.defaultFS": self.url(), "hadoop.tmp.dir": self.directory / "tmp"})
        hadoop.write_site(self.conf / "hdfs-site.xml", {
            "dfs.replication": 1,
            "dfs.namenode.name.dir": f"file://{data}/name",
            "dfs.datanode.data.dir": f"file://{data}/blocks",
            "dfs.namenode.rpc-address": address % self.port,
            "dfs.namenode.http-address": address % self.http_port,
            "dfs.datanode.address": address % self.datanode_ports[0],
            "dfs.datanode.http.address": address % self.datanode_ports[1],
            "dfs.datanode.ipc.address": address % self.datanode_ports[2],
            "dfs.datanode.hostname": self.host,
            "dfs.client.use.datanode.hostname": "true",
            "dfs.namenode.datanode.registration.ip-hostname-check": "false",
            "dfs.permissions.enabled": "false",
            # After a restart it answers as soon as the blocks are known again, not 30 s later.
            "dfs.namenode.safemode.extension": 0,
            "dfs.namenode.safemode.min.datanodes": 1,
        })  # fmt: skip

    def launch(self):
        if not (self.directory / "data").exists():
            process.run_to_end(self.command(128, NAMENODE, "-format", "-nonInteractive"), self.directory / "format.log")
        return super().launch()

    def is_ready(self):
        """One DataNode is there and, after a restart, its blocks are. (Bean FSNamesystem has the number too, but up
        to 10 s old.)"""
        live = self.bean("FSNamesystemState")["NumLiveDataNodes"]
        return live == 1 and self.bean("NameNodeInfo")["Safemode"] == ""

    def url(self, path=""):
        return f"hdfs://{self.host}:{self.port}{path}"

    # --- questions

    def bean(self, name):
        """What a NameNode tells of itself."""
        status, body = self.http(self.http_port, "GET", f"/jmx?qry=Hadoop:service=NameNode,name={name}")
        beans = json.loads(body)["beans"] if status == 200 else []
        if not beans:
            raise OSError(f"the NameNode does not tell about {name} yet")
        return beans[0]

    def http(self, port, method, path, body=None):
        connection = http.client.HTTPConnection(self.host, port, timeout=30)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def webhdfs(self, method, path, op, **more):
        """The answer as JSON. With noredirect it has the place at a DataNode instead of the file."""
        query = urllib.parse.urlencode({"op": op, "user.name": user_name(), **more})
        status, body = self.http(self.http_port, method, f"/webhdfs/v1{urllib.parse.quote(path)}?{query}")
        if status == 404:
            raise FileNotFoundError(self.url(path))
        assert status == 200, f"WebHDFS {op} {path}: {status} {body[:500]!r}"
        return json.loads(body)

    def at_datanode(self, method, answer, body=None):
        place = urllib.parse.urlsplit(answer["Location"])
        return self.http(place.port, method, f"{place.path}?{place.query}", body)

    def write(self, path, content):
        """A new file, or an old one's new content."""
        where = self.webhdfs("PUT", path, "CREATE", overwrite="true", noredirect="true")
        status, body = self.at_datanode("PUT", where, content)
        assert status == 201, f"WebHDFS CREATE {path}: {status} {body[:500]!r}"

    def read(self, path):
        status, body = self.at_datanode("GET", self.webhdfs("GET", path, "OPEN", noredirect="true"))
        assert status == 200, f"WebHDFS OPEN {path}: {status} {body[:500]!r}"
        return body

    def rename(self, old, new):
        """Whether it was done: not when there is no `old`, or `new` is there already."""
        return self.webhdfs("PUT", old, "RENAME", destination=new)["boolean"]

    def delete(self, path):
        """With all that is in it. Whether there was anything."""
        return self.webhdfs("DELETE", path, "DELETE", recursive="true")["boolean"]

    def fetch(self, path, folder):
        """A folder of it, onto this machine's disk."""
        folder.mkdir()
        for status in self.webhdfs("GET", path, "LISTSTATUS")["FileStatuses"]["FileStatus"]:
            name, at = status["pathSuffix"], f"{path}/{status['pathSuffix']}"
            if status["type"] == "DIRECTORY":
                self.fetch(at, folder / name)
            else:
                (folder / name).write_bytes(self.read(at))
        return folder

    def names(self, path):
        """What is in a folder, sorted."""
        found = self.webhdfs("GET", path, "LISTSTATUS")["FileStatuses"]["FileStatus"]
        return sorted(one["pathSuffix"] for one in found)


def user_name():
    return pathlib.Path("/proc/self").owner()
