# SPDX-License-Identifier: MIT
"""A TCP connection that breaks on command: it stands between the program and a server.

    cut()                all connections end now (RST)
    refuse(), accept()   nobody is let in; let in again
    freeze(), thaw()     bytes stay where they are: the other side seems to be silent
    cut_at(pattern, ...) the connection that sends this text next ends before or after it is carried out

One thread moves all bytes, and waits for no side that does not take them: a command works at once.
"""

import contextlib
import selectors
import socket
import struct
import threading
import time

from . import process

CHUNK_BYTES = 256 * 1024


class Pair:
    """One client and its connection to the server."""

    def __init__(self, client, server):
        self.client = client
        self.server = server
        self.seen = b""  # the newest bytes of the client, in which a pattern may have begun
        self.doomed = False  # ends when the server answers
        self.unsent = {client: b"", server: b""}  # what that side has yet to take; so long the other is not read

    def other(self, sock):
        return self.server if sock is self.client else self.client

    def close(self):
        for sock in (self.client, self.server):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST, not FIN
            sock.close()


class Proxy:
    def __init__(self, target_port, host="127.0.0.1"):
        self.host = host
        self.target = (host, target_port)
        (self.port,) = process.free_ports(1)
        self.selector = selectors.DefaultSelector()
        self.lock = threading.RLock()
        self.pairs = {}  # socket -> Pair
        self.frozen = False
        self.rule = None  # (pattern in lower case, "before" or "after")
        self.n_cut = 0  # connections that a rule has cut
        self.n_accepted = 0
        self.listener = None
        self.stopped = False
        self.accept()
        self.thread = threading.Thread(target=self.run, daemon=True, name=f"proxy to {target_port}")
        self.thread.start()

    # --- commands

    def accept(self):
        with self.lock:
            if self.listener is None:
                self.listener = socket.create_server((self.host, self.port), reuse_port=False)
                self.listener.setblocking(False)
                self.selector.register(self.listener, selectors.EVENT_READ)

    def refuse(self):
        with self.lock:
            if self.listener is not None:
                self.selector.unregister(self.listener)
                self.listener.close()
                self.listener = None

    def cut(self):
        with self.lock:
            for pair in set(self.pairs.values()):
                self.end(pair)

    def freeze(self):
        with self.lock:
            self.frozen = True

    def thaw(self):
        with self.lock:
            self.frozen = False

    def cut_at(self, pattern, when):
        """`when` is "before": the server never sees it; or "after": the server has carried it out and
        answered, and the client does not get the answer. Holds for the next time only."""
        assert when in ("before", "after")
        with self.lock:
            self.rule = (pattern.lower(), when)

    def close(self):
        self.stopped = True
        self.thread.join(10)
        self.refuse()
        self.cut()
        self.selector.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- the thread

    def run(self):
        while not self.stopped:
            if self.frozen:
                time.sleep(0.01)
                continue
            ready = self.selector.select(timeout=0.02)
            with self.lock:
                for key, events in ready:
                    if self.frozen or self.stopped:
                        break
                    if key.fileobj is self.listener:
                        self.let_in()
                        continue
                    if events & selectors.EVENT_WRITE and key.fileobj in self.pairs:
                        self.send(self.pairs[key.fileobj], key.fileobj, b"")
                    if events & selectors.EVENT_READ and key.fileobj in self.pairs:
                        self.move(key.fileobj)

    def let_in(self):
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        try:
            server = socket.create_connection(self.target, timeout=5)
        except OSError:
            client.close()
            return
        self.n_accepted += 1
        pair = Pair(client, server)
        for sock in (client, server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.pairs[sock] = pair
        self.watch(pair)

    def watch(self, pair):
        for sock in (pair.client, pair.server):
            events = 0 if pair.unsent[pair.other(sock)] else selectors.EVENT_READ
            events |= selectors.EVENT_WRITE if pair.unsent[sock] else 0
            known = self.selector.get_map().get(sock)
            if known is not None and known.events != events:
                self.selector.unregister(sock)
                known = None
            if known is None and events:
                self.selector.register(sock, events)

    def end(self, pair):
        for sock in (pair.client, pair.server):
            if self.pairs.pop(sock, None) is not None and sock in self.selector.get_map():
                self.selector.unregister(sock)
        pair.close()

    def move(self, sock):
        pair = self.pairs[sock]
        try:
            data = sock.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self.end(pair)
            return
        if sock is pair.client and data:
            self.look_for_rule(pair, data)
        if not data or (pair.doomed and sock is pair.server) or pair.doomed == "before":
            self.end(pair)
            return
        self.send(pair, pair.other(sock), data)

    def send(self, pair, sock, data):
        """To `sock` what it takes now of what waits for it and of `data`."""
        data = pair.unsent[sock] + data
        try:
            sent = sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.end(pair)
            return
        pair.unsent[sock] = data[sent:]
        self.watch(pair)

    def look_for_rule(self, pair, data):
        if self.rule is None:
            return
        pattern, when = self.rule
        text = pair.seen + data.lower()
        if pattern in text:
            pair.doomed = when
            self.rule = None
            self.n_cut += 1
        pair.seen = text[-len(pattern) + 1 :] if len(pattern) > 1 else b""
