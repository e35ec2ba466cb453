# SPDX-License-Identifier: Apache-2.0
"""Servers that are of no use to anybody: one behind a wall, one that says the same to everybody, one that
is another now and then."""

import http.server
import os
import socket
import ssl
import subprocess
import threading


class Wall:
    """A port where nothing is refused and nothing answers, as behind a firewall: its queue is full."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.port = self.listener.getsockname()[1]
        self.waiting = []
        for _ in range(4):
            queued = socket.socket()
            queued.setblocking(False)
            queued.connect_ex(("127.0.0.1", self.port))
            self.waiting.append(queued)
        return self

    def __exit__(self, *_):
        for each in (*self.waiting, self.listener):
            each.close()


class Greeter:
    """A port where something speaks first, and in a protocol of its own."""

    def __init__(self, greeting):
        self.greeting = greeting

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.greet, daemon=True).start()
        return self

    def greet(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(self.greeting)
                connection.settimeout(30)
                try:
                    while connection.recv(65536):
                        pass
                except OSError:
                    pass

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Impostor:
    """Between the program and its server for a while: behind so many bytes all connections are cut, and
    the next one is answered by somebody with another certificate."""

    def __init__(self, port, folder, after_bytes):
        self.server_port, self.folder, self.left = port, folder, after_bytes
        self.strangers = 0
        self.counting = threading.Lock()

    def __enter__(self):
        key, certificate = (os.path.join(self.folder, name) for name in ("other.key", "other.crt"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-days", "2", "-subj", "/CN=other", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.open = []
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        for each in (self.listener, *self.open):
            each.close()

    @staticmethod
    def end(*connections):
        """The peer may have gone before, which is an error of this one and must not spare the others."""
        for each in connections:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            with self.counting:
                is_stranger = self.left <= 0 and self.strangers == 0
                self.strangers += is_stranger
                if not is_stranger:
                    far = socket.create_connection(("127.0.0.1", self.server_port))
                    self.open += [near, far]
            if is_stranger:
                threading.Thread(target=self.pretend, args=(near,), daemon=True).start()
                continue
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=pair, daemon=True).start()

    def pretend(self, near):
        try:
            self.tls.wrap_socket(near, server_side=True).close()
        except OSError:
            near.close()

    def carry(self, here, there):
        try:
            while piece := here.recv(65536):
                there.sendall(piece)
                with self.counting:
                    self.left -= len(piece)
                    if self.left <= 0 < self.left + len(piece):
                        self.end(*self.open)
        except OSError:
            pass
        self.end(here, there)


class Refuser:
    """A server of HTTP that gives everybody the same answer."""

    def __init__(self, status, body, **headers):
        self.answer = status, body.encode(), headers
        self.requests = 0

    def __enter__(self):
        refuser = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def refuse(self):
                refuser.requests += 1
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, body, headers = refuser.answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = refuse

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
