# SPDX-License-Identifier: MIT
"""nginx, Caddy and HAProxy, each with its file of deploy/ as users take it: only ports, paths of certificates
and the address of Salestide are put in. They are processes of the tests, on loopback, with folders of their own."""

import http.client
import os
import shutil
import socket
import ssl

from . import process

DEPLOY = process.ROOT / "deploy"
UNPACKED = process.ROOT / "build/deps/proxies"  # scripts/install-deps.sh test
NAMES = ("sales.example.com", "shop.example.com")  # whose sites are in the files


def program(name):
    folders = [*os.environ.get("PATH", "").split(":"), "/usr/sbin", UNPACKED / "usr/sbin", UNPACKED / "usr/bin"]
    found = shutil.which(name, path=":".join(map(str, folders)))
    assert found, f"{name} is missing: run scripts/install-deps.sh test"
    return found


def deployed(name, changes):
    """A file of deploy/ with texts of it changed, each of which has to be there."""
    text = (DEPLOY / name).read_text("ascii")
    for old, new in changes.items():
        assert old in text, f"deploy/{name} has no {old!r}"
        text = text.replace(old, str(new))
    return text


class WebProxy(process.Server):
    """In front of the server at `upstream` (HOST:PORT). `strip`: it takes the base path off. `more` changes its file
    of deploy/ further."""

    def __init__(self, directory, upstream, certificates, port, strip=False, more=None):
        super().__init__(directory)
        self.upstream, self.certificates, self.port = upstream, certificates, port
        self.strip, self.more = strip, more or {}
        name = type(self).__name__.lower()
        self.process = process.Process(name, self.command(), self.directory / f"{name}.log", self.environment())

    def command(self):
        raise NotImplementedError

    def environment(self):
        return None

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text, "ascii")
        return path

    def is_ready(self):
        socket.create_connection((self.host, self.port), timeout=5).close()
        return True


class Nginx(WebProxy):
    def command(self):
        changes = {"127.0.0.1:8080": self.upstream, "listen 443 ": f"listen 127.0.0.1:{self.port} "}
        for name in NAMES:
            changes[f"/etc/ssl/private/{name}.pem"] = self.certificates.certificate
            changes[f"/etc/ssl/private/{name}.key"] = self.certificates.key
        if self.strip:
            changes["16m;\n        proxy_pass http://salestide;"] = "16m;\n        proxy_pass http://salestide/;"
        self.write("salestide.conf", deployed("nginx.conf", {**changes, **self.more}))
        places = "".join(f"    {kind}_temp_path {self.directory}/{kind};\n"
                         for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))  # fmt: skip
        # One process, so that none is left over when it is killed.
        main = self.write("nginx.conf", f"daemon off;\nmaster_process off;\npid {self.directory}/nginx.pid;\n"
                          f"error_log stderr;\nevents {{ }}\nhttp {{\n    access_log off;\n{places}"
                          f"    include {self.directory}/salestide.conf;\n}}\n")  # fmt: skip
        return [program("nginx"), "-p", self.directory, "-c", main]


class Caddy(WebProxy):
    def command(self):
        changes = {"127.0.0.1:8080": self.upstream}
        for name in NAMES:
            changes[f"\n{name} {{"] = (f"\nhttps://{name}:{self.port} {{\n"
                                      f"\ttls {self.certificates.certificate} {self.certificates.key}")  # fmt: skip
        if self.strip:
            changes["\thandle /sales/* {"] = "\thandle_path /sales/* {"
        # No administration port, no port 80, no address but loopback.
        file = self.write("Caddyfile", "{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n"
                          + deployed("Caddyfile", {**changes, **self.more}))  # fmt: skip
        return [program("caddy"), "run", "--config", file, "--adapter", "caddyfile"]

    def environment(self):
        places = {name: str(self.directory) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
        return {**os.environ, **places}


class HAProxy(WebProxy):
    def command(self):
        changes = {"127.0.0.1:8080": self.upstream, "bind :443 ": f"bind 127.0.0.1:{self.port} ",
                   "/etc/haproxy/certs/": self.certificates.chain_and_key}  # fmt: skip
        if self.strip:
            changes["backend salestide\n"] = "backend salestide\n    http-request replace-path /sales/(.*) /\\1\n"
        file = self.write("haproxy.cfg", deployed("haproxy.cfg", {**changes, **self.more}))
        return [program("haproxy"), "-db", "-f", file]


ALL = (Nginx, Caddy, HAProxy)


class Site:
    """What people reach through a proxy: https://NAME:PORT, below `base`."""

    def __init__(self, proxy, name, base=""):
        self.proxy, self.name, self.base = proxy, name, base
        self.url = f"https://{name}:{proxy.port}{base}"
        self.tls = ssl.create_default_context(cafile=proxy.certificates.ca)

    def connection(self, timeout=15):
        """An http.client connection, which finds the name on this machine."""
        connection = http.client.HTTPSConnection(self.name, self.proxy.port, timeout=timeout, context=self.tls)
        connection._create_connection = lambda address, *more: socket.create_connection(
            (self.proxy.host, address[1]), *more)  # fmt: skip
        return connection


def sites_of(proxy):
    """Those of the files: at a name of its own, and below a path."""
    return [Site(proxy, "sales.example.com"), Site(proxy, "shop.example.com", "/sales")]


def public_urls(ports):
    """The value of --public-url for proxies that will be at these ports."""
    return ",".join(f"https://{name}:{port}{base}" for port in ports
                    for name, base in (("sales.example.com", ""), ("shop.example.com", "/sales")))  # fmt: skip
