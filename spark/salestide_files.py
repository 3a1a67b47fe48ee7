# SPDX-License-Identifier: MIT
"""Files of any file system that Spark knows, through Hadoop's client in the driver's JVM: small ones as texts or
bytes, and renames."""

from py4j.protocol import Py4JJavaError

from salestide_failure import Failure
from salestide_topic import cause_of


class Folder:
    """A directory by its path or URL."""

    def __init__(self, spark, path):
        self.jvm = spark._jvm
        self.path = self.jvm.org.apache.hadoop.fs.Path(path)
        try:
            self.fs = self.path.getFileSystem(spark._jsc.hadoopConfiguration())
        except Py4JJavaError as problem:
            raise Failure(f"{path}: {': '.join(cause_of(problem))}", 2) from None

    def at(self, name):
        return self.jvm.org.apache.hadoop.fs.Path(self.path, name)

    def url(self, name):
        return str(self.at(name).toString())

    def read_bytes(self, name=None):
        """None when there is no such file."""
        path = self.at(name) if name else self.path
        try:
            stream = self.fs.open(path)
        except Py4JJavaError as problem:
            if cause_of(problem)[0] == "FileNotFoundException":
                return None
            raise Failure(f"{path.toString()} cannot be read: {': '.join(cause_of(problem))}") from None
        try:
            return bytes(self.jvm.org.apache.commons.io.IOUtils.toByteArray(stream))
        except Py4JJavaError as problem:
            raise Failure(f"{path.toString()} cannot be read: {': '.join(cause_of(problem))}") from None
        finally:
            stream.close()

    def read(self, name):
        found = self.read_bytes(name)
        return None if found is None else found.decode("utf-8")

    def write(self, name, text):
        """Whole or not at all: under another name first."""
        new, path = self.at(name + ".new"), self.at(name)
        try:
            stream = self.fs.create(new, True)
            stream.write(bytearray(text.encode("utf-8")))
            stream.close()
        except Py4JJavaError as problem:
            raise Failure(f"{path.toString()} cannot be written: {': '.join(cause_of(problem))}") from None
        self.fs.delete(path, False)
        self.rename(new, path)

    def rename(self, old, new):
        if not self.fs.rename(old, new):
            raise Failure(f"{old.toString()} cannot be renamed to {new.toString()}")

    def make(self, path):
        self.fs.mkdirs(path)

    def list(self, path):
        """[(name, is it a directory)]; [] when there is no such directory."""
        try:
            return [(str(s.getPath().getName()), s.isDirectory()) for s in self.fs.listStatus(path)]
        except Py4JJavaError as problem:
            if cause_of(problem)[0] == "FileNotFoundException":
                return []
            raise Failure(f"{path.toString()} cannot be listed: {': '.join(cause_of(problem))}") from None

    def remove(self, path):
        self.fs.delete(path, True)
