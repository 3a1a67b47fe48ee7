# SPDX-License-Identifier: MIT
"""Files of any file system that Spark knows, through Hadoop's client in the driver's JVM: small ones as texts or
bytes, and renames.

How it fails: a Failure that names the file. A file that is not there is told by the class of what is thrown, not of its
innermost cause: over the network that is the server's answer, whatever it is about.
"""

import contextlib

from py4j.protocol import Py4JJavaError

from salestide_failure import Failure
from salestide_topic import cause_of

MISSING = "FileNotFoundException"


@contextlib.contextmanager
def told(path, what, code=1):
    """What Java throws inside as a Failure."""
    try:
        yield
    except Py4JJavaError as problem:
        raise Failure(f"{path} cannot be {what}: {': '.join(cause_of(problem))}", code) from None


def unless_missing(ask, otherwise):
    """What ask() gives; `otherwise` when there is no such file."""
    try:
        return ask()
    except Py4JJavaError as problem:
        if problem.java_exception.getClass().getSimpleName() != MISSING:
            raise
        return otherwise


class Folder:
    """A directory by its path or URL."""

    def __init__(self, spark, path):
        self.jvm = spark._jvm
        with told(path, "used", 2):
            self.path = self.jvm.org.apache.hadoop.fs.Path(path)
            self.fs = self.path.getFileSystem(spark._jsc.hadoopConfiguration())

    def at(self, name):
        return self.jvm.org.apache.hadoop.fs.Path(self.path, name)

    def url(self, name):
        return str(self.at(name).toString())

    def read_bytes(self, name=None):
        """None when there is no such file."""
        path = self.at(name) if name else self.path
        with told(path.toString(), "read"):
            stream = unless_missing(lambda: self.fs.open(path), None)
            if stream is None:
                return None
            try:
                return bytes(self.jvm.org.apache.commons.io.IOUtils.toByteArray(stream))
            finally:
                stream.close()

    def read(self, name):
        found = self.read_bytes(name)
        return None if found is None else found.decode("utf-8")

    def write(self, name, text):
        """Whole or not at all: under another name first."""
        new, path = self.at(name + ".new"), self.at(name)
        with told(path.toString(), "written"):
            stream = self.fs.create(new, True)
            stream.write(bytearray(text.encode("utf-8")))
            stream.close()
            self.fs.delete(path, False)
        self.rename(new, path)

    def rename(self, old, new):
        with told(old.toString(), f"renamed to {new.toString()}"):
            if self.fs.rename(old, new):
                return
        raise Failure(f"{old.toString()} cannot be renamed to {new.toString()}")

    def has(self, path):
        with told(path.toString(), "looked for"):
            return bool(self.fs.exists(path))

    def make(self, path):
        with told(path.toString(), "made"):
            self.fs.mkdirs(path)

    def list(self, path):
        """[(name, is it a directory)]; [] when there is no such directory."""
        with told(path.toString(), "listed"):
            found = unless_missing(lambda: self.fs.listStatus(path), ())
            return [(str(s.getPath().getName()), s.isDirectory()) for s in found]

    def remove(self, path):
        with told(path.toString(), "removed"):
            self.fs.delete(path, True)
