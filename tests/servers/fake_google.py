# SPDX-License-Identifier: Apache-2.0
"""As much of Google's object storage as a repository needs, in memory: tokens for a service account that
signs with its key, and the XML interface for who has one. What AWS knows besides: objects of a cold
class cannot be read before they are thawed.

    with FakeGoogle(folder) as google:
        google.endpoint, google.key_file
        google.withdraw_tokens(), google.thaw(), google.cold_reads
"""

import base64
import email.utils
import hashlib
import http.server
import json
import os
import re
import subprocess
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape

PAGE = 100
COLD = ("GLACIER", "DEEP_ARCHIVE")


def from_base64_url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128  # All of a test's threads may come at once.


class FakeGoogle:
    account, project = "lagan@project.iam.gserviceaccount.com", "project-of-lagan"

    def __init__(self, folder):
        self.folder, self.key_file = folder, os.path.join(folder, "account.json")
        self.private_key, self.public_key = (os.path.join(folder, name) for name in ("key.pem", "public.pem"))
        self.lock, self.tokens, self.buckets = threading.Lock(), set(), {}
        self.tokens_given = self.cold_reads = 0

    def __enter__(self):
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with fake.lock:
                    status, headers, content = fake.handle(self.command, self.path, self.headers, body)
                self.send_response(status)
                headers.setdefault("Content-Length", len(content))
                for name, value in headers.items():
                    self.send_header(name, str(value))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.make_key()
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def make_key(self):
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out",
                        self.private_key], check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", self.private_key, "-pubout", "-out", self.public_key],
                       check=True, capture_output=True)
        with open(self.private_key) as key, open(self.key_file, "w") as file:
            json.dump({"type": "service_account", "project_id": self.project, "private_key_id": "1",
                       "private_key": key.read(), "client_email": self.account,
                       "token_uri": f"{self.endpoint}/token"}, file)

    def withdraw_tokens(self):
        with self.lock:
            self.tokens.clear()

    def thaw(self):
        with self.lock:
            for bucket in self.buckets.values():
                for stored in bucket.values():
                    stored["class"] = ""

    def handle(self, method, target, headers, body):
        url = urllib.parse.urlsplit(target)
        if method == "POST" and url.path == "/token":
            return self.give_token(dict(urllib.parse.parse_qsl(body.decode())))
        word, _, token = headers.get("Authorization", "").partition(" ")
        if word != "Bearer" or token not in self.tokens:
            return self.refuse(401, "AuthenticationRequired")
        if any(name.lower().startswith("x-amz-") for name in headers):
            return self.refuse(400, "InvalidArgument")
        name, _, key = urllib.parse.unquote(url.path[1:]).partition("/")
        if not key and method == "PUT":
            return self.make_bucket(name, headers)
        if name not in self.buckets:
            return self.refuse(404, "NoSuchBucket")
        if not key:
            return self.list(self.buckets[name], dict(urllib.parse.parse_qsl(url.query)))
        return self.object(method, self.buckets[name], key, headers, body)

    def refuse(self, status, code):
        return status, {}, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()

    def give_token(self, form):
        def no(why):
            return 400, {}, json.dumps({"error": "invalid_grant", "error_description": why}).encode()
        signed, _, signature = form.get("assertion", "").rpartition(".")
        paths = [os.path.join(self.folder, part) for part in ("signed", "signature")]
        for path, content in zip(paths, (signed.encode(), from_base64_url(signature))):
            with open(path, "wb") as file:
                file.write(content)
        checked = subprocess.run(["openssl", "dgst", "-sha256", "-verify", self.public_key, "-signature",
                                  paths[1], paths[0]], capture_output=True)
        if checked.returncode != 0:
            return no("Invalid JWT Signature.")
        header, claims = (json.loads(from_base64_url(part)) for part in signed.split("."))
        now = time.time()
        if header["alg"] != "RS256" or not claims["iat"] - 300 < now < claims["exp"] < claims["iat"] + 3601:
            return no("Invalid JWT: Token must be a short-lived token.")
        if (claims["iss"], claims["aud"]) != (self.account, f"{self.endpoint}/token") or \
                "devstorage" not in claims["scope"] or not form["grant_type"].endswith(":jwt-bearer"):
            return no("Invalid grant.")
        self.tokens_given += 1
        token = f"ya29.{self.tokens_given}-{os.urandom(8).hex()}"
        self.tokens.add(token)
        return 200, {}, json.dumps({"access_token": token, "expires_in": 3599,
                                    "token_type": "Bearer"}).encode()

    def make_bucket(self, name, headers):
        if headers.get("x-goog-project-id") != self.project:
            return self.refuse(400, "MissingProject")
        if name in self.buckets:
            return self.refuse(409, "BucketAlreadyOwnedByYou")
        self.buckets[name] = {}
        return 200, {}, b""

    def list(self, bucket, query):
        found = sorted(key for key in bucket if key.startswith(query.get("prefix", "")))
        begin = int(query.get("continuation-token", "0"))
        page = found[begin:begin + min(PAGE, int(query.get("max-keys", PAGE)))]
        more = begin + len(page) < len(found)
        text = "<ListBucketResult>" + "".join(
            f"<Contents><Key>{escape(urllib.parse.quote(key))}</Key><Size>{len(bucket[key]['bytes'])}</Size>"
            f"<LastModified>{bucket[key]['time']}</LastModified></Contents>" for key in page)
        text += f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>"
        if more:
            text += f"<NextContinuationToken>{begin + len(page)}</NextContinuationToken>"
        return 200, {}, (text + "</ListBucketResult>").encode()

    def object(self, method, bucket, key, headers, body):
        if method == "PUT":
            if base64.b64encode(hashlib.md5(body).digest()).decode() != headers.get("Content-MD5"):
                return self.refuse(400, "BadDigest")
            now = time.time()
            moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
            bucket[key] = {"bytes": body, "class": headers.get("x-goog-storage-class", ""),
                           "time": f"{moment}.000Z", "date": email.utils.formatdate(int(now), usegmt=True)}
            return 200, {}, b""
        if key not in bucket:
            return self.refuse(404, "NoSuchKey")
        if method == "DELETE":
            del bucket[key]
            return 204, {}, b""
        stored = bucket[key]
        shown = {"Last-Modified": stored["date"]}
        if method == "HEAD":
            return 200, {**shown, "Content-Length": len(stored["bytes"])}, b""
        if stored["class"] in COLD:
            self.cold_reads += 1
            return self.refuse(403, "InvalidObjectState")
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("Range", ""))
        if not wanted:
            return 200, shown, stored["bytes"]
        size, first, last = len(stored["bytes"]), int(wanted[1]), int(wanted[2])
        if first >= size:
            return self.refuse(416, "InvalidRange")
        last = min(last, size - 1)
        return 206, {**shown, "Content-Range": f"bytes {first}-{last}/{size}"}, stored["bytes"][first:last + 1]
