# SPDX-License-Identifier: MIT
"""Apache Spark from build/spark-venv: a standalone cluster (a master and workers), and spark-submit."""

import http.client
import json
import os
import subprocess

from . import hadoop, process

VENV = process.ROOT / "build/spark-venv"


def python():
    """The Python of drivers and executors."""
    path = VENV / "bin/python"
    assert path.exists(), f"there is no {path}; run: make spark-deps"
    return path


def home():
    python()
    found = list(VENV.glob("lib/python3*/site-packages/pyspark"))
    assert len(found) == 1, f"{VENV} has no PySpark; run: make spark-deps"
    return found[0]


def environment(**more):
    """Of everything of Spark's: one Java, one Python, on loopback only, and no setting of the user's shell."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SPARK_", "PYSPARK_", "HADOOP_", "YARN_"))}
    return {**kept, "JAVA_HOME": str(hadoop.java_home()), "SPARK_HOME": str(home()), "PYSPARK_PYTHON": str(python()),
            "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_NO_DAEMONIZE": "1", **more}  # fmt: skip


class Standalone(process.ServerGroup):
    """Workers are counted from 1; worker N works below work/worker-N, so that its disk can be lost alone, and is
    another host, 127.0.0.N: Spark copies a slow task to another host only. An executor can have all of a worker's
    memory and cores. `ports`: two of the master, then two of each worker."""

    def __init__(self, directory, workers=2, cores=1, memory_mb=1024, heap_mb=192, ports=None):
        super().__init__(directory)
        ports = iter(ports or process.free_ports(2 * (workers + 1)))
        self.workers = range(1, workers + 1)
        self.port, self.http_port = next(ports), next(ports)
        self.add("master", self.host, heap_mb, "--port", self.port, "--webui-port", self.http_port)
        for number in self.workers:
            self.add(f"worker-{number}", f"127.0.0.{number}", heap_mb, "--port", next(ports), "--webui-port", next(ports), "--cores", cores,
                     "--memory", f"{memory_mb}m", "--work-dir", self.folder(number) / "apps", self.url())  # fmt: skip

    def add(self, name, host, heap_mb, *arguments):
        local = self.work / name
        local.mkdir(exist_ok=True)
        kind = "master.Master" if name == "master" else "worker.Worker"
        # By spark-class: a worker without the environment that it makes cannot start executors.
        command = [home() / "bin/spark-class", f"org.apache.spark.deploy.{kind}", "--host", host, *arguments]
        env = environment(SPARK_DAEMON_MEMORY=f"{heap_mb}m", SPARK_LOCAL_DIRS=str(local), SPARK_LOCAL_IP=host,
                          SPARK_DAEMON_JAVA_OPTS="-XX:+UseSerialGC -XX:TieredStopAtLevel=1")  # fmt: skip
        self.processes[name] = process.Process(f"Spark {name}", command, self.directory / f"{name}.log", env)

    def in_order_of_stop(self):
        """The master first: else it puts the executors of a worker that goes on the one that goes next, and one that has
        just begun then outlives it."""
        return self.processes.values()

    def folder(self, worker):
        return self.work / f"worker-{worker}"

    def url(self):
        return f"spark://{self.host}:{self.port}"

    def state(self):
        """What the master tells: workers, applications..."""
        connection = http.client.HTTPConnection(self.host, self.http_port, timeout=30)
        try:
            connection.request("GET", "/json/")
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def is_ready(self):
        return self.state()["aliveworkers"] == len(self.workers)

    def executors(self, worker):
        """Process ids of the executors that a worker has started."""
        return sorted(pid for pid, command in process.processes_in(self.folder(worker)).items()
                      if "CoarseGrainedExecutorBackend" in command)  # fmt: skip


def submit_command(script, *arguments, master, directory, conf=None, hadoop_conf=None):
    """spark-submit with a driver here, as (command, environment). Its Java becomes the process that is started."""
    settings = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false",
                "spark.local.dir": directory / "spark-local", "spark.sql.shuffle.partitions": 2, **(conf or {})}  # fmt: skip
    command = ["setpriv", "--pdeathsig", "KILL", home() / "bin/spark-submit", "--master", master, "--driver-memory", "512m",
               "--executor-memory", "512m"]  # fmt: skip
    for name, value in settings.items():
        command += ["--conf", f"{name}={value}"]
    env = environment(**({"HADOOP_CONF_DIR": str(hadoop_conf)} if hadoop_conf else {}))
    return [*map(str, [*command, script, *arguments])], env


def submit(script, *arguments, directory, timeout=300, **more):
    """Runs a script by spark-submit to its end. Returns what it wrote to standard output; all else is in submit.log of
    the directory."""
    command, env = submit_command(script, *arguments, directory=directory, **more)
    log_path = directory / "submit.log"
    with open(log_path, "ab") as log:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd=directory, env=env,
                              timeout=timeout, check=False)  # fmt: skip
    assert done.returncode == 0, f"spark-submit ended with {done.returncode}\n{process.tail(log_path)}"
    return done.stdout.decode("utf-8")
