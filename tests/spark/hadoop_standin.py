# SPDX-License-Identifier: MIT
"""Stand-ins of what the job has from Spark's JVM, for tests without one: Hadoop's file system, over a folder of this
machine, and frames that can be written as Parquet. hdfs://NAME/PATH is FOLDER/PATH."""

import pathlib
import types

from py4j.protocol import Py4JJavaError

asked = []  # in order: what the file system was asked for that changes something


def thrown(kind, message=""):
    """What py4j raises when Java throws."""
    java = types.SimpleNamespace(_target_id="o1", getCause=lambda: None, getMessage=lambda: message,
                                 getClass=lambda: types.SimpleNamespace(getSimpleName=lambda: kind))  # fmt: skip
    return Py4JJavaError(message, java)


class Stream:
    def __init__(self, file):
        self.file = file
        self.write, self.close = file.write, file.close


class Spark:
    """Has `_jvm` and `_jsc`."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        spark = self

        class Path:
            def __init__(self, parent, name=None):
                self.text = parent if name is None else f"{parent.text.rstrip('/')}/{name}"

            def toString(self):
                return self.text

            def getName(self):
                return self.text.rpartition("/")[2]

            def getFileSystem(self, conf):
                if not self.text.startswith("hdfs://"):
                    raise thrown("UnsupportedFileSystemException", f"No FileSystem for scheme of {self.text}")
                return FileSystem(spark)

        streams = types.SimpleNamespace(toByteArray=lambda stream: bytearray(stream.file.read()))
        fs, io = types.SimpleNamespace(Path=Path), types.SimpleNamespace(IOUtils=streams)
        apache = types.SimpleNamespace(hadoop=types.SimpleNamespace(fs=fs), commons=types.SimpleNamespace(io=io))
        self._jvm = types.SimpleNamespace(org=types.SimpleNamespace(apache=apache))
        self._jsc = types.SimpleNamespace(hadoopConfiguration=lambda: None)

    def at(self, url):
        return self.folder / url.removeprefix("hdfs://").partition("/")[2]

    def names(self, folder="."):
        """Of all files below."""
        at = self.folder / folder
        return sorted(str(path.relative_to(at)) for path in at.rglob("*") if path.is_file())


class FileSystem:
    """As HDFS answers: a rename onto or from nothing is false."""

    def __init__(self, spark):
        self.local = lambda path: spark.at(path.text)

    def open(self, path):
        if not self.local(path).is_file():
            raise thrown("FileNotFoundException", path.text)
        return Stream(open(self.local(path), "rb"))

    def create(self, path, overwrite):
        self.local(path).parent.mkdir(parents=True, exist_ok=True)
        return Stream(open(self.local(path), "wb"))

    def delete(self, path, recursive):
        at = self.local(path)
        if recursive and at.is_dir():
            asked.append(f"remove {path.getName()}")
            for child in sorted(at.rglob("*"), reverse=True):
                child.rmdir() if child.is_dir() else child.unlink()
            at.rmdir()
        elif at.exists():
            at.unlink()

    def rename(self, old, new):
        if not self.local(old).exists() or self.local(new).exists():
            return False
        self.local(old).rename(self.local(new))
        return True

    def exists(self, path):
        return self.local(path).exists()

    def mkdirs(self, path):
        self.local(path).mkdir(parents=True, exist_ok=True)

    def listStatus(self, path):
        if not self.local(path).is_dir():
            raise thrown("FileNotFoundException", path.text)
        return [types.SimpleNamespace(getPath=lambda one=one: types.SimpleNamespace(getName=lambda: one.name), isDirectory=one.is_dir)
                for one in sorted(self.local(path).iterdir())]  # fmt: skip


class Frame:
    """Rows that are written as the files `names`, DAY/FILE."""

    def __init__(self, spark, *names):
        self.spark, self.names = spark, names

    @property
    def write(self):
        return self

    def select(self, *_):
        return self

    withColumn = mode = partitionBy = select

    def parquet(self, url):
        for name in (*self.names, "_SUCCESS"):
            file = self.spark.at(url) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(name, "utf-8")
