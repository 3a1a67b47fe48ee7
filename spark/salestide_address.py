# SPDX-License-Identifier: MIT
"""Addresses of the parts of a pipeline, scheme://[user@]host[:port][,host[:port]...]/path, and secrets: the forms that
the program takes (src/base/url.h, src/base/secret.h), and its rules. A password in an address is refused."""

import dataclasses
import os
import re

from salestide_failure import Failure

HOSTS_MAX = 16
PATH_MAX_BYTES = 249
SECRET_MAX_BYTES = 255
PORTS = {"kafka": 9092, "mysql": 3306, "cassandra": 9042}
HOST = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


@dataclasses.dataclass(frozen=True)
class Address:
    user: str
    hosts: tuple  # of (name, port); an IPv6 address without its brackets
    path: str

    def servers(self):
        return ",".join(f"[{name}]:{port}" if ":" in name else f"{name}:{port}" for name, port in self.hosts)


def read_address(text, scheme, path_is):
    def refuse(why):
        raise Failure(f'"{text[:200]}" {why}; want {scheme}://HOST[:PORT][,HOST...]/{path_is}', 2)

    if not text.startswith(f"{scheme}://"):
        refuse("is not such an address")
    where, slash, path = text[len(scheme) + 3 :].partition("/")
    if not slash or not path or len(path.encode()) > PATH_MAX_BYTES or any(c in path for c in "/?#"):
        refuse(f"does not end in /{path_is}")
    user, at, hosts = where.rpartition("@")
    if ":" in user:  # without showing it again
        raise Failure(f"a {scheme}:// address with a password in it: others can see it; put the password into the "
                      "environment or a file", 2)  # fmt: skip
    if at and not user:
        refuse("has an empty or overlong user")
    found = tuple(_read_host(host, PORTS[scheme], refuse) for host in hosts.split(","))
    if len(found) > HOSTS_MAX:
        refuse(f"has more than {HOSTS_MAX} hosts")
    return Address(user, found, path)


def database(text):
    """The name of the database in a mysql:// address: the same by whichever host, port or user it is reached."""
    return read_address(text, "mysql", "database").path


def _read_host(text, default_port, refuse):
    match = HOST.fullmatch(text)
    if not match:
        refuse("has a host or a port that cannot be read")
    port = int(match["port"] or default_port)
    if not 1 <= port <= 65535:
        refuse("has a port that is no number from 1 to 65535")
    return match["v6"] or match["name"], port


def read_secret(variable, path):
    """The first line of a file, else the variable; "" when there is neither."""
    if path is None:
        return os.environ.get(variable, "")
    try:
        with open(path, encoding="utf-8") as file:
            secret = file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as problem:
        raise Failure(f"cannot read the password in {path}: {getattr(problem, 'strerror', None) or problem}", 2) from None
    if not secret:
        raise Failure(f"{path} has no password on its first line", 2)
    if len(secret.encode()) > SECRET_MAX_BYTES:
        raise Failure(f"the password in {path} is longer than {SECRET_MAX_BYTES} bytes", 2)
    return secret
