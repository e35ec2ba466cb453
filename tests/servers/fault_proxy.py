# SPDX-License-Identifier: Apache-2.0
"""Stands between the program and a server of HTTP, and has bad days.

    with FaultProxy(server.port, every=5) as proxy:   # every fifth request meets with one
        proxy.port, proxy.faults, proxy.requests
"""

import http.client
import http.server
import itertools
import threading

# In turn: the server is busy; it has done what was asked but its answer is lost; its answer is cut;
# the connection is reset before anything was done.
FAULTS = ("busy", "lost", "cut", "reset")


class FaultProxy:
    def __init__(self, port, every=0, delay_s=0):
        """`every` 0: no faults. `delay_s` is waited before each answer."""
        self.server_port, self.every, self.delay_s = port, every, delay_s
        self.requests = self.faults = 0
        self.after = None  # behind so many requests every answer is that the server is busy
        self.by_method = {}
        self.lock = threading.Lock()
        self.next_fault = itertools.cycle(FAULTS)

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
                if fault == "busy":
                    self.send_response(503)
                    self.send_header("Retry-After", "0")
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
                self.send_response_only(answer.status, answer.reason)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
                if answer.status != 204 and length is not None:
                    self.send_header("Content-Length", str(length))
                self.end_headers()
                if fault == "cut":
                    self.close_connection = True
                    content = content[:len(content) // 2]
                self.wfile.write(content)

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

    def fault_for(self, method, path):
        """A command's first request is spared: before anything was answered nothing is tried again."""
        with self.lock:
            self.requests += 1
            if path.endswith("lagan.repo") and self.after is None:
                return None
            self.by_method[method] = self.by_method.get(method, 0) + 1
            if self.after is not None and self.requests > self.after:
                self.faults += 1
                return "busy"
            if self.every == 0 or self.requests % self.every != 0:
                return None
            self.faults += 1
            return next(self.next_fault)
