# SPDX-License-Identifier: MIT
"""A certificate authority of one's own, and a server's certificate by it: for localhost and 127.0.0.1 unless told."""

import pathlib
import subprocess


class Certificates:
    """ca (PEM), certificate and key (PEM), chain_and_key (both in one file, as Kafka wants them),
    keystore (PKCS 12 with keystore_password, as Cassandra wants it)."""

    keystore_password = "only-for-tests"

    def __init__(self, directory, name="tests", names=("localhost",)):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ca = self.directory / "ca.pem"
        self.ca_key = self.directory / "ca-key.pem"
        self.certificate = self.directory / "server.pem"
        self.key = self.directory / "server-key.pem"
        self.chain_and_key = self.directory / "server-chain-and-key.pem"
        self.keystore = self.directory / "server.p12"
        self.make_ca(name)
        self.make_server(names)

    def make_ca(self, name):
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN=CA of {name}",
                     "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self.ca_key, "-out", self.ca)  # fmt: skip

    def make_server(self, names):
        request = self.directory / "server.csr"
        extensions = self.directory / "server.ext"
        dns = ",".join(f"DNS:{name}" for name in names)
        extensions.write_text(f"subjectAltName={dns},IP:127.0.0.1\nextendedKeyUsage=serverAuth\n", "ascii")
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={names[0]}", "-keyout", self.key,
                     "-out", request)  # fmt: skip
        self.openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial",
                     "-days", "30", "-extfile", extensions, "-out", self.certificate)  # fmt: skip
        self.chain_and_key.write_bytes(b"".join(p.read_bytes() for p in (self.key, self.certificate, self.ca)))
        self.openssl("pkcs12", "-export", "-in", self.certificate, "-inkey", self.key, "-certfile", self.ca,
                     "-name", "server", "-passout", f"pass:{self.keystore_password}", "-out", self.keystore)  # fmt: skip

    @staticmethod
    def openssl(*arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=60, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
