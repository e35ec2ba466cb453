# SPDX-License-Identifier: Apache-2.0
"""Stands between the program and a server of HTTP, and has bad days.

    with FaultProxy(server.port, every=5) as proxy:   # every fifth request meets with one
        proxy.port, proxy.faults, proxy.requests
        proxy.silent_for = "PUT"        # the next such request is never answered
        proxy.lie = "another range"     # what is said of parts of objects is not so
        proxy.bytes_per_s = 100_000     # answers come slowly, but they come
        proxy.away = "reset"            # nothing gets through, until it is None; or "silent"
        proxy.wants_md5 = True          # uploads must have Content-MD5, as into a bucket with object lock
        proxy.puts                      # path and headers of each that came
"""

import http.client
import http.server
import itertools
import threading

# In turn: the server is busy; it has done what was asked but its answer is lost; its answer is cut;
# the connection is reset before anything was done.
FAULTS = ("busy", "lost", "cut", "reset")
# How services say that they are busy.
BUSY = ((503, "0"), (429, "1"), (500, None), (503, "Thu, 01 Jan 2026 00:00:00 GMT"))


class FaultProxy:
    def __init__(self, port, every=0, delay_s=0):
        """`every` 0: no faults. `delay_s` is waited before each answer."""
        self.server_port, self.every, self.delay_s = port, every, delay_s
        self.requests = self.faults = 0
        self.after = None  # behind so many requests every answer is that the server is busy
        self.by_method = {}
        self.silent_for = self.lie = self.bytes_per_s = self.away = None
        self.wants_md5 = False
        self.puts = []
        self.lock = threading.Lock()
        self.next_fault, self.next_busy = itertools.cycle(FAULTS), itertools.cycle(BUSY)

    def __enter__(self):
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            upstream = None

            def log_message(self, *_):
                pass

            def __getattr__(self, name):
                if name.startswith("do_"):
                    return self.forward
                raise AttributeError(name)

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fault = proxy.fault_for(self.command, self.path)
                if self.command == "PUT":
                    proxy.puts.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                if self.command == "PUT" and proxy.wants_md5 and "Content-MD5" not in self.headers:
                    error = b"<Error><Code>InvalidRequest</Code><Message>Content-MD5 is required</Message></Error>"
                    self.send_response(400)
                    self.send_header("Content-Length", str(len(error)))
                    self.end_headers()
                    self.wfile.write(error)
                    return
                if fault == "silent":
                    self.close_connection = True
                    self.rfile.read(1)  # until it is given up
                    return
                if fault == "busy":
                    status, retry_after = next(proxy.next_busy)
                    self.send_response(status)
                    if retry_after is not None:
                        self.send_header("Retry-After", retry_after)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if fault == "reset":
                    self.close_connection = True
                    return
                answer, content = self.ask(body)
                if fault == "lost":
                    self.close_connection = True
                    return
                threading.Event().wait(proxy.delay_s)
                headers = answer.getheaders()
                if answer.status == 206 and proxy.lie is not None:
                    answer.status, headers, content = proxy.lie_about(headers, content)
                self.send_response_only(answer.status, answer.reason)
                for name, value in headers:
                    if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
                if answer.status != 204 and length is not None:
                    self.send_header("Content-Length", str(length))
                self.end_headers()
                if fault == "cut":
                    self.close_connection = True
                    content = content[:len(content) // 2]
                step = max(1, proxy.bytes_per_s // 10) if proxy.bytes_per_s else len(content) or 1
                for begin in range(0, len(content), step):
                    self.wfile.write(content[begin:begin + step])
                    if proxy.bytes_per_s:
                        threading.Event().wait(0.1)

            def finish(self):
                super().finish()
                if self.upstream is not None:
                    self.upstream.close()

            def ask(self, body):
                for _ in range(2):  # the idle connection may be gone
                    if self.upstream is None:
                        self.upstream = http.client.HTTPConnection("127.0.0.1", proxy.server_port)
                    try:
                        self.upstream.putrequest(self.command, self.path, skip_host=True,
                                                 skip_accept_encoding=True)
                        for name, value in self.headers.items():
                            if name.lower() not in ("expect", "connection"):
                                self.upstream.putheader(name, value)
                        self.upstream.endheaders(body)
                        answer = self.upstream.getresponse()
                        return answer, answer.read()
                    except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                        self.upstream.close()
                        self.upstream = None
                raise ConnectionError("the server is gone")

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def lie_about(self, headers, content):
        """A part of an object as a server sends it that does not do as it was asked."""
        self.faults += 1
        if self.lie == "whole":
            return 200, [each for each in headers if each[0].lower() != "content-range"], content
        if self.lie == "cut":
            return 206, headers, content[:len(content) // 2]
        return 206, [(name, value if name.lower() != "content-range" else "bytes 7-8/9")
                     for name, value in headers], content

    def fault_for(self, method, path):
        """A command's first request is spared: before anything was answered nothing is tried again."""
        with self.lock:
            self.requests += 1
            if self.away is not None:
                self.faults += 1
                return self.away
            if path.endswith("lagan.repo") and self.after is None:
                return None
            self.by_method[method] = self.by_method.get(method, 0) + 1
            if method == self.silent_for:
                self.silent_for = None
                self.faults += 1
                return "silent"
            if self.after is not None and self.requests > self.after:
                self.faults += 1
                return "busy"
            if self.every == 0 or self.requests % self.every != 0:
                return None
            self.faults += 1
            return next(self.next_fault)
