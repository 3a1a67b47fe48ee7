# SPDX-License-Identifier: MIT
"""What HDFS and YARN have in common: their XML, and how a process of theirs is started."""

import pathlib
from xml.sax.saxutils import escape

from .java import java_17, tiers

LOGGING = """\
log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{HH:mm:ss.SSS} %p %c{2}: %m%n
"""


def write_site(path, properties):
    """One of the files called *-site.xml."""
    lines = [f"<property><name>{name}</name><value>{escape(str(value))}</value></property>"
             for name, value in properties.items()]  # fmt: skip
    path.write_text("\n".join(["<configuration>", *lines, "</configuration>", ""]), "utf-8")


def server_folder(directory, webapps):
    """On the class path of the processes alone: their logging, and the folders of web pages, which no artifact
    has: empty ones are enough for what is not a page (WebHDFS, REST)."""
    folder = directory / "server"
    for name in webapps:
        (folder / "webapps" / name).mkdir(parents=True, exist_ok=True)
    (folder / "log4j.properties").write_text(LOGGING, "ascii")
    return folder


def command(home, directory, heap_mb, main, *arguments):
    """java.lang is opened to what they find there by reflection: without it WebHDFS answers 500 and the
    ResourceManager does not start."""
    class_path = f"{directory}/server:{directory}/conf:{home}/lib/*"
    return [java_17(), f"-Xmx{heap_mb}m", "-XX:+UseSerialGC", tiers(1), "-Xss512k",
            "-XX:+PerfDisableSharedMem", "-Djava.net.preferIPv4Stack=true", f"-Djava.io.tmpdir={directory}/tmp",
            f"-Dhadoop.log.dir={directory}", "--add-opens=java.base/java.lang=ALL-UNNAMED", "-cp", class_path, main,
            *arguments]  # fmt: skip


def java_home():
    return pathlib.Path(java_17()).resolve().parent.parent
