# SPDX-License-Identifier: Apache-2.0
"""lagan serve: every snapshot over HTTP and WebDAV, read only."""

import base64
import html.parser
import http.client
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
import unittest
import urllib.parse
import xml.etree.ElementTree as ElementTree
import zipfile

from helpers import Fresh, read, settle, write

D = "{DAV:}"
# What somebody may call a file; the file system takes all of them.
ODD_NAMES = (b"plain.txt", b"a b", b" lead", b"trail ", b"100%", b"%41", b"a&b;c", b"#1", b"q?x=1", b"<b>\"'",
             b"back\\slash", b"new\nline", "\u00e9\u65e5\U0001f600".encode(), b"not\xffutf8", b"n" * 255, b"-rf",
             b"a:b*|", b"tab\there", b"~", b"...", b"a+b", b"\x01\x7f")


class Page(html.parser.HTMLParser):
    """The links of a page, with the text of each."""

    def __init__(self, text):
        super().__init__()
        self.links, self.tags, self.attributes, self.inside = [], set(), set(), None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attributes)
        if tag == "a":
            self.inside = [dict(attributes)["href"], ""]

    def handle_endtag(self, tag):
        if tag == "a":
            self.links.append(tuple(self.inside))
            self.inside = None

    def handle_data(self, data):
        if self.inside is not None:
            self.inside[1] += data


class Served(Fresh):
    def serve(self, *words, protocol="webdav", listen="127.0.0.1:0", **options):
        """Starts a server; what it says when it is ready."""
        self.server = self.start("serve", protocol, "--listen", listen, "--json", *words, **options)
        self.addCleanup(self.stop, None)
        line = self.server.stdout.readline()
        if not line:
            raise AssertionError(self.server.stderr.read().decode())
        ready = json.loads(line)
        self.address = urllib.parse.urlsplit(ready["url"]).netloc
        return ready

    def stop(self, code=0):
        if self.server.returncode is not None:
            return
        self.server.send_signal(signal.SIGINT)
        self.server.communicate(timeout=60)
        if code is not None:
            self.assertEqual(self.server.returncode, code)

    def connect(self):
        return http.client.HTTPConnection(self.address, timeout=60)

    def ask(self, method, path, body=None, **fields):
        """Status, fields and body."""
        connection = self.connect()
        try:
            connection.request(method, path, body,
                               {name.replace("_", "-"): value for name, value in fields.items()})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get(self, path, status=200, **fields):
        found, headers, body = self.ask("GET", path, **fields)
        self.assertEqual(found, status, (path, body[:200]))
        return headers, body

    def saved(self, name=b""):
        """The path of something in the source, in the newest snapshot."""
        path = os.fsencode(self.source) + (b"/" + name if name else b"")
        return "/latest" + urllib.parse.quote_from_bytes(path)

    def properties(self, path):
        """What a folder has: the bytes of each name to its properties."""
        status, _, body = self.ask("PROPFIND", path, Depth="1")
        self.assertEqual(status, 207, body)
        found = {}
        for response in ElementTree.fromstring(body):
            href = urllib.parse.unquote_to_bytes(response.findtext(D + "href"))
            if href.rstrip(b"/") == urllib.parse.unquote_to_bytes(path).rstrip(b"/"):
                continue
            found[href.rstrip(b"/").rpartition(b"/")[2]] = response.find(f"{D}propstat/{D}prop")
        return found

    def send_raw(self, request):
        """All that comes back."""
        host, _, port = self.address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            try:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it may have been refused before all was sent
            received = b""
            try:
                while piece := connection.recv(65536):
                    received += piece
            except OSError:
                pass
            return received

    def make_odd_tree(self):
        dice = random.Random(6)
        folders = [os.fsencode(self.source)]
        for name in ODD_NAMES:
            os.mkdir(folders[0] + b"/in " + name[:200])
            folders.append(folders[0] + b"/in " + name[:200])
        for folder in folders[:6]:
            for name in ODD_NAMES:
                with open(folder + b"/" + name, "wb") as file:
                    file.write(dice.randbytes(dice.choice((0, 1, 300, 70_000))))
        with open(folders[1] + b"/large", "wb") as file:
            file.write(dice.randbytes(5_000_000))
        with open(folders[1] + b"/hole", "wb") as file:
            file.truncate(3_000_000)
        os.link(folders[1] + b"/large", folders[2] + b"/same")

    def files_below(self, folder):
        """Relative path to content, None for folders."""
        found = {}
        for here, folders, files in os.walk(os.fsencode(folder)):
            for name in folders:
                found[os.path.relpath(os.path.join(here, name), os.fsencode(folder))] = None
            for name in files:
                path = os.path.join(here, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    found[os.path.relpath(path, os.fsencode(folder))] = read(path)
        return found


class Files(Served):
    def test_every_file_and_folder_comes_byte_for_byte(self):
        self.make_odd_tree()
        os.symlink("plain.txt", self.path("link"))
        os.mkfifo(self.path("pipe"))
        self.backup()
        self.serve()
        found = {}

        def walk(name):
            for below, properties in self.properties(self.saved(name)).items():
                path = name + b"/" + below if name else below
                if properties.find(f"{D}resourcetype/{D}collection") is not None:
                    found[path] = None
                    walk(path)
                else:
                    headers, found[path] = self.get(self.saved(path))
                    self.assertEqual(properties.findtext(D + "getcontentlength"),
                                     str(len(found[path])))
                    self.assertEqual(properties.findtext(D + "getetag"), headers["ETag"])

        walk(b"")
        self.assertEqual(found, self.files_below(self.source))
        self.stop()

    @unittest.skipUnless(shutil.which("rclone"), "rclone is not installed")
    def test_rclone_copies_the_whole_tree(self):
        self.make_odd_tree()
        self.backup()
        self.serve()
        target = os.path.join(self.folder, "copied")
        result = subprocess.run(
            ["rclone", "copy", ":webdav:", target, "--config", "/dev/null", "--retries", "1",
             "--create-empty-src-dirs", "--webdav-url", f"http://{self.address}{self.saved()}"],
            capture_output=True, text=True, timeout=120, env=self.environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        copied, wanted = self.files_below(target), self.files_below(self.source)
        self.assertEqual(copied.keys(), wanted.keys())
        self.assertEqual(copied, wanted)

    @unittest.skipUnless(shutil.which("cadaver"), "cadaver is not installed")
    def test_cadaver_looks_around_and_takes_a_file(self):
        os.mkdir(self.path("my folder"))
        content = random.Random(7).randbytes(300_000)
        write(self.path("my folder/\u00e9 <b>"), content)
        write(self.path("other"), "other")
        self.backup()
        self.serve()
        target = os.path.join(self.folder, "target")
        result = subprocess.run(
            ["cadaver", f"http://{self.address}{self.saved()}/"], capture_output=True, text=True,
            input=f'ls\ncd "my folder"\nls\nget "\u00e9 <b>" {target}\ndelete "\u00e9 <b>"\nquit\n',
            timeout=120, env={**self.environment, "LC_ALL": "C.UTF-8"})
        self.assertRegex(result.stdout, r"Coll: +my folder ")
        self.assertRegex(result.stdout, r"\u00e9 <b> +300000 ")
        self.assertIn("405 Method Not Allowed", result.stdout)
        self.assertEqual(read(target), content)

    def test_a_part_is_a_part_and_a_version_is_known_again(self):
        content = random.Random(1).randbytes(3_000_000)
        write(self.path("file"), content)
        self.backup()
        self.serve()
        path = self.saved(b"file")
        for begin, end in ((0, 0), (1_000_000, 2_999_999), (2_999_999, 2_999_999)):
            headers, body = self.get(path, 206, Range=f"bytes={begin}-{end}")
            self.assertEqual(headers["Content-Range"], f"bytes {begin}-{end}/3000000")
            self.assertEqual(body, content[begin:end + 1])
        self.assertEqual(self.get(path, 206, Range="bytes=-5")[1], content[-5:])
        self.get(path, 416, Range="bytes=3000000-")
        headers, _ = self.get(path)
        self.assertEqual(self.get(path, 304, If_None_Match=headers["ETag"])[1], b"")
        self.get(path, 304, If_Modified_Since=headers["Last-Modified"])
        status, headers, body = self.ask("HEAD", path)
        self.assertEqual((status, headers["Content-Length"], body), (200, "3000000", b""))
        self.stop()
        # The same server tomorrow says the same.
        self.serve()
        self.get(path, 304, If_None_Match=headers["ETag"])

    def test_one_connection_serves_many_requests(self):
        write(self.path("file"), "text")
        self.backup()
        self.serve()
        connection = self.connect()
        connection.connect()
        kept = connection.sock
        for _ in range(3):
            for path, status in ((self.saved(b"file"), 200), (self.saved(), 200), ("/none", 404)):
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                self.assertEqual(answer.status, status)
                self.assertIs(connection.sock, kept)
        connection.close()

    def test_a_new_snapshot_shows_by_itself(self):
        write(self.path("file"), "one")
        self.backup()
        self.serve("--refresh", "1s")
        self.assertEqual(self.get(self.saved(b"file"))[1], b"one")
        write(self.path("file"), "two and more")
        self.backup()
        until = time.monotonic() + 60
        while self.get(self.saved(b"file"))[1] != b"two and more":
            self.assertLess(time.monotonic(), until)
        versions = Page(self.get(f"/versions{self.source}/file/")[1].decode())
        contents = {self.get(href)[1] for href, text in versions.links if text == "save"}
        self.assertEqual(contents, {b"one", b"two and more"})

    def test_what_is_damaged_never_looks_whole(self):
        write(self.path("file"), random.Random(2).randbytes(20_000_000))
        self.backup()
        packs = [path for path, size in self.stored().items() if size > 5_000_000]
        self.assertTrue(packs)
        for pack in packs:
            with open(pack, "r+b") as file:
                file.seek(os.path.getsize(pack) * 3 // 4)
                file.write(b"damaged")
        self.serve()
        with self.assertRaises(http.client.IncompleteRead):
            self.get(self.saved(b"file"))
        with self.assertRaises(http.client.IncompleteRead):
            self.get(self.saved() + "/?zip")
        self.assertIn(b"file", self.get("/.lagan/errors")[1])
        self.assertEqual(self.get(self.saved(b"file"), 206, Range="bytes=0-99")[1],
                         read(self.path("file"))[:100])


class Pages(Served):
    def test_every_link_leads_somewhere_and_nothing_is_more_than_a_link(self):
        self.make_odd_tree()
        os.symlink("<script>", self.path("link"))
        self.backup("--tag", "<i>tag", self.source)
        self.backup("--force", self.source)
        self.serve(protocol="http")
        seen, waiting, names = set(), ["/", self.saved()], set()
        while waiting and len(seen) < 250:
            path = waiting.pop(0)
            if path in seen:
                continue
            seen.add(path)
            headers, body = self.get(path)
            if not headers["Content-Type"].startswith("text/html; charset=utf-8"):
                continue
            page = Page(body.decode())
            self.assertFalse(page.tags & {"script", "img", "link", "iframe", "form", "i", "b"})
            self.assertFalse({name for name in page.attributes if name.startswith("on")})
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
            for href, text in page.links:
                href = urllib.parse.urljoin(path, href)
                self.assertTrue(href.startswith("/"), href)
                if path == self.saved() and not href.endswith(("?zip", "?save")):
                    names.add(text)
                waiting.append(href)
        for name in ODD_NAMES:
            self.assertIn(name.decode(errors="replace").replace("\x01", "\ufffd").replace(
                "\x7f", "\ufffd"), names)

    def test_the_root_is_a_timeline(self):
        write(self.path("file"), "text")
        first = self.backup("--time", "2025-01-31 12:00:00", self.source)
        second = self.backup("--time", "2026-02-01 12:00:00", "--host", "<other>", self.source)
        self.serve(protocol="http")
        links = Page(self.get("/")[1].decode()).links
        times = [(href, text) for href, text in links if href.startswith("/ids/") and href != "/ids/"]
        self.assertEqual(times, [(f"/ids/{second[:8]}/", "2026-02-01 12:00:00"),
                                 (f"/ids/{first[:8]}/", "2025-01-31 12:00:00")])

    def test_one_snapshot_or_a_folder_of_it_is_all_there_is(self):
        os.mkdir(self.path("inner"))
        write(self.path("inner/file"), "old")
        first = self.backup()
        settle()
        write(self.path("inner/file"), "new and longer")
        self.backup()
        for words, text in (((f"{first}:{self.source}",), b"old"),
                            ((f"latest:{self.source}/",), b"new and longer")):
            ready = self.serve(*words)
            self.assertEqual(ready["snapshots"], 1)
            waiting, seen = ["/"], {}
            while waiting:
                path = waiting.pop()
                headers, body = self.get(path)
                seen[path] = body
                if headers["Content-Type"].startswith("text/html"):
                    links = [urllib.parse.urljoin(path, href)
                             for href, _ in Page(body.decode()).links]
                    waiting += [href for href in links if href not in seen and href not in waiting]
            self.assertEqual(seen["/inner/file"], text)
            for path in ("/?zip", "/inner/?zip"):
                with zipfile.ZipFile(io.BytesIO(seen[path])) as archive:
                    self.assertIn(text, [archive.read(name) for name in archive.namelist()])
            self.assertEqual(set(seen), {"/", "/?zip", "/inner/", "/inner/?zip", "/inner/file",
                                         "/inner/file?save"})
            self.assertEqual(list(self.properties("/")), [b"inner"])
            self.stop()
        self.refuse("serve", "http", f"latest:{self.source}/inner/file", saying="is not a folder")
        self.refuse("serve", "http", "latest:/none", saying="none")

    def test_a_folder_comes_as_zip(self):
        os.makedirs(self.path("my folder/below/empty"))
        wanted = {}
        for name in ("my folder/a b", "my folder/\u00e9", "my folder/below/<b>", "my folder/none"):
            content = b"" if name.endswith("none") else random.Random(3).randbytes(1_000_000)
            write(self.path(name), content)
            wanted[name] = content
        self.backup()
        self.serve(protocol="http")
        headers, body = self.get(self.saved(b"my folder") + "/?zip")
        self.assertEqual(headers["Content-Type"], "application/zip")
        self.assertIn('filename="my folder.zip"', headers["Content-Disposition"])
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            self.assertIsNone(archive.testzip())
            found = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
            self.assertIn("my folder/below/empty/", archive.namelist())
        self.assertEqual(found, wanted)
        # Nobody takes the rest: the server goes on.
        with socket.create_connection(self.address.split(":")) as connection:
            connection.sendall(f"GET {self.saved()}/?zip HTTP/1.1\r\nHost: {self.address}\r\n\r\n".encode())
            connection.recv(100)
        self.get("/")
        self.stop()


BROWSER = shutil.which("chromium") or shutil.which("chromium-headless-shell")


@unittest.skipUnless(BROWSER, "chromium is not installed")
class Browser(Served):
    def dom(self, path):
        """What a browser makes of a page, and what it complains of."""
        profile = os.path.join(self.folder, "profile")
        words = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 "--disable-dev-shm-usage", "--enable-logging=stderr", f"--user-data-dir={profile}",
                 "--dump-dom", f"http://{self.address}{path}"]
        shown = subprocess.run([BROWSER, *words], capture_output=True, timeout=120,
                               env={**os.environ, "HOME": self.folder})
        complaints = [line for line in shown.stderr.decode(errors="replace").splitlines()
                      if "CONSOLE" in line]
        return shown.stdout.decode(), complaints

    def test_a_browser_shows_the_pages_and_runs_nothing_that_was_saved(self):
        os.mkdir(self.path("<b>bold"))
        write(self.path("<b>bold/file"), "text")
        write(self.path("evil.html"), "<style>p {color: red}</style><p>quiet</p>"
              "<script>document.querySelector('p').textContent = 'it ran'</script>"
              "<img src=x onerror=\"document.querySelector('p').textContent = 'it ran'\">")
        self.backup()
        self.serve(protocol="http")
        # As a person would go: the timeline, the snapshot, down to the folder.
        path = "/"
        for wanted in (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
                       *(re.escape(part + "/") for part in self.source.split("/")[1:]),
                       re.escape("<b>bold/")):
            text, complaints = self.dom(path)
            self.assertEqual(complaints, [])
            self.assertIn("</table>", text)
            found = [href for href, text in Page(text).links if re.fullmatch(wanted, text)]
            self.assertEqual(len(found), 1, (path, wanted, text))
            path = urllib.parse.urljoin(path, found[0])
        text, complaints = self.dom(path)
        self.assertEqual(complaints, [])
        self.assertIn("file", [text for _, text in Page(text).links])
        text, complaints = self.dom(self.saved(b"evil.html"))
        self.assertIn("<p>quiet</p>", text)
        self.assertNotIn("<p>it ran</p>", text)
        self.assertTrue(any("script" in line for line in complaints), complaints)


class Rules(Served):
    def test_nothing_can_be_written(self):
        write(self.path("file"), "text")
        self.backup()
        self.serve()
        before = self.stored()
        for method in ("PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPPATCH", "LOCK", "UNLOCK", "POST"):
            status, headers, _ = self.ask(method, self.saved(b"file"), body=b"x" * 100,
                                          Destination="/latest/other")
            self.assertEqual((method, status), (method, 405))
            self.assertEqual(headers["Allow"], "OPTIONS, GET, HEAD, PROPFIND")
        status, headers, _ = self.ask("OPTIONS", "/")
        self.assertEqual((status, headers["DAV"]), (200, "1"))
        self.assertEqual(self.ask("PROPFIND", "/", Depth="infinity")[0], 403)
        self.assertEqual(self.ask("PROPFIND", "/", body=b" " * 100_000, Depth="1")[0], 413)
        self.assertEqual(self.stored(), before)

    def test_hostile_requests_do_no_harm(self):
        write(self.path("file"), "text")
        self.backup()
        self.serve()
        host = f"Host: {self.address}\r\n".encode()
        for path in (b"/../../../../etc/passwd", b"/latest/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd",
                     b"/..%2f..%2fetc%2fpasswd", b"/latest/%00", b"/\xff\xfe", b"//etc/passwd", b"*",
                     b"http://elsewhere/etc/passwd", b"/%", b"/" + b"a/" * 10_000, b"/" + b"x" * 20_000):
            answer = self.send_raw(b"GET " + path + b" HTTP/1.1\r\nConnection: close\r\n" + host + b"\r\n")
            self.assertRegex(answer[:13], rb"^HTTP/1\.1 4..", path[:50])
            self.assertNotIn(b"root:", answer)
        for request in (b"", b"\r\n", b"\0" * 1000, b"GET", b"GET /\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                        b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n",
                        b"GET / HTTP/1.1\r\n" + host + b"Range: bytes=" + b"0-1," * 5000 + b"\r\n\r\n",
                        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(50_000)),
                        b"GET / HTTP/1.1\r\nX: " + b"y" * 1_000_000,
                        b"PROPFIND / HTTP/1.1\r\n" + host + b"Depth: 1\r\nContent-Length: 10000000\r\n\r\n" + b"<" * 9_000_000,
                        b"PUT /x HTTP/1.1\r\n" + host + b"Content-Length: 10000000\r\n\r\n" + b"<" * 9_000_000):
            self.send_raw(request)
            self.assertEqual(self.get(self.saved(b"file"))[1], b"text", request[:50])
        self.assertEqual(self.ask("GET", "/", Host="evil.example")[0], 421)
        self.assertEqual(self.ask("GET", "/", Host="localhost")[0], 200)

    def test_whoever_opens_too_many_connections_gets_no_more(self):
        self.backup("--tag", "x", self.source)
        self.serve()
        where = self.address.split(":")
        idle = [socket.create_connection(where, timeout=60) for _ in range(100)]
        request = f"GET /none HTTP/1.1\r\nHost: {self.address}\r\n\r\n".encode()
        answered = 0
        for connection in idle:
            try:
                connection.sendall(request)
                answered += connection.recv(100).startswith(b"HTTP/1.1 404")
            except OSError:
                pass
        for connection in idle:
            connection.close()
        self.assertGreater(answered, 0)
        self.assertLessEqual(answered, 64)
        until = time.monotonic() + 60
        while True:  # It notices soon that they are gone.
            try:
                self.get("/")
                break
            except OSError:
                self.assertLess(time.monotonic(), until)
        self.stop()

    def test_a_password_is_asked_for(self):
        write(self.path("file"), "text")
        self.backup()
        write(os.path.join(self.folder, "visitor"), "open sesame\n")
        self.serve("--user", "anna", "--user-password-file", os.path.join(self.folder, "visitor"))

        def login(text):
            return "Basic " + base64.b64encode(text.encode()).decode()

        path = self.saved(b"file")
        self.assertEqual(self.get(path, Authorization=login("anna:open sesame"))[1], b"text")
        for wrong in ("anna:open sesam", "anna:open sesamE", "anna:", "anna", "", "bertha:open sesame", ":open sesame",
                      "anna:open sesame\n", "x" * 10_000):
            headers, _ = self.get(path, 401, Authorization=login(wrong))
            self.assertIn("Basic", headers["WWW-Authenticate"])
        self.get(path, 401)
        self.get(path, 401, Authorization="Basic !!!")
        self.get(path, 401, Authorization="Bearer x")
        for method in ("OPTIONS", "PROPFIND", "PUT"):
            self.assertEqual(self.ask(method, "/", Depth="1")[0], 401)
        # With a password any name will do.
        self.get("/", Host="nas.example", Authorization=login("anna:open sesame"))

    def test_whoever_guesses_passwords_is_slowed_and_nobody_else_is(self):
        write(self.path("file"), "text")
        self.backup()
        self.serve("--user", "anna", env={"LAGAN_SERVE_PASSWORD": "open sesame"})

        def ask(password, source):
            connection = http.client.HTTPConnection(self.address, timeout=60,
                                                    source_address=(source, 0))
            login = base64.b64encode(f"anna:{password}".encode()).decode()
            connection.request("GET", "/", headers={"Authorization": f"Basic {login}"})
            answer = connection.getresponse()
            answer.read()
            connection.close()
            return answer.status, answer.headers["Retry-After"]

        answers = [ask(f"guess {i}", "127.0.0.1") for i in range(30)]
        self.assertEqual(answers[:10], [(401, None)] * 10)
        self.assertGreaterEqual([status for status, _ in answers].count(429), 15)
        status, wait = ask("open sesame", "127.0.0.1")
        self.assertEqual(status, 429)
        self.assertIn(int(wait), range(1, 11))
        self.assertEqual(ask("open sesame", "127.0.0.2"), (200, None))

    def test_other_machines_come_in_over_tls(self):
        write(self.path("file"), "text")
        self.backup()
        certificate, key = (os.path.join(self.folder, name) for name in ("cert.pem", "key.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=nas",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        ready = self.serve("--user", "anna", "--tls-cert", certificate, "--tls-key", key,
                           listen="0.0.0.0:0", env={"LAGAN_SERVE_PASSWORD": "open sesame"})
        self.assertTrue(ready["url"].startswith("https://0.0.0.0:"), ready)
        trusted = ssl.create_default_context(cafile=certificate)
        connection = http.client.HTTPSConnection("127.0.0.1", int(self.address.split(":")[1]),
                                                 context=trusted, timeout=60)
        connection.connect()
        self.assertIn(connection.sock.version(), ("TLSv1.2", "TLSv1.3"))
        for password, status in (("open sesame", 200), ("wrong", 401)):
            token = base64.b64encode(f"anna:{password}".encode()).decode()
            connection.request("GET", self.saved(b"file"), headers={"Authorization": "Basic " + token})
            answer = connection.getresponse()
            self.assertEqual(answer.status, status)
            self.assertEqual(answer.read() == b"text", status == 200)
        connection.close()
        self.assertNotIn(b"HTTP/1.1 200", self.send_raw(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"))
        self.stop()

    def test_bad_flags_get_one_sentence(self):
        self.backup("--tag", "x", self.source)
        write(os.path.join(self.folder, "junk"), "junk")
        write(os.path.join(self.folder, "empty"), "")
        junk, empty = (os.path.join(self.folder, name) for name in ("junk", "empty"))
        self.refuse("serve", "gopher", saying="'http' or 'webdav'")
        self.refuse("serve", "http", "--listen", "8080", saying="--listen")
        self.refuse("serve", "http", "--listen", "example.org:80", saying="--listen")
        self.refuse("serve", "http", "--listen", "0.0.0.0:0", saying="--user with a password")
        self.refuse("serve", "http", "--listen", "0.0.0.0:0", "--user", "a", "--user-password-file", junk,
                    saying="--tls-cert")
        self.refuse("serve", "http", "--listen", "0.0.0.0:0", "--tls-cert", junk, "--tls-key", junk,
                    saying="--user")
        self.refuse("serve", "http", "--user", "a", saying="LAGAN_SERVE_PASSWORD")
        self.refuse("serve", "http", "--user", "a:b", "--user-password-file", junk, saying="':'")
        self.refuse("serve", "http", "--user", "a", "--user-password-file", empty, saying="empty")
        self.refuse("serve", "http", "--user-password-file", junk, saying="--user NAME")
        self.refuse("serve", "http", "--tls-cert", junk, saying="belong together")
        self.refuse("serve", "http", "--tls-cert", junk, "--tls-key", "/none", saying="--tls-key")
        self.refuse("serve", "http", "--listen", "127.0.0.1:0", "--tls-cert", junk, "--tls-key", junk,
                    saying="the server cannot be started")
        self.refuse("serve", "http", "--refresh", "soon", saying="--refresh")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            where = "127.0.0.1:%d" % taken.getsockname()[1]
            self.refuse("serve", "http", "--listen", where, saying=f"listen at {where}: Address already in use")
        self.serve("--insecure-listen", listen="0.0.0.0:0")
        self.stop()


if __name__ == "__main__":
    unittest.main()
