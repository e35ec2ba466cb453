# SPDX-License-Identifier: Apache-2.0
"""Real servers for the tests of storage: each in a folder of its own, on ports of the loopback that
were free, for as long as a test runs. Nothing of the machine is used but the installed programs.

    with Sshd() as server:
        server.location("x")    # where a repository may be
        server.flags            # what the program needs beside it
"""

import base64
import ctypes
import email.utils
import hmac
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid

from fake_google import FakeGoogle

IS_ROOT = os.geteuid() == 0
# Where scripts/setup puts what apt cannot have installed.
BESIDE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),
                      "lagan-test-servers")
PATH = ":".join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin", f"{BESIDE}/usr/sbin",
                 f"{BESIDE}/node_modules/.bin"))


def find(program):
    return shutil.which(program, path=PATH)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def write(path, text, mode=0o644):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Server:
    """What all have in common: a folder, processes, a certificate."""

    programs = ()  # that must be installed
    flags = ()  # of the program that is tested
    environment = {}
    ready_within_s = 60

    @classmethod
    def is_installed(cls):
        return all(find(program) for program in cls.programs)

    def __enter__(self):
        # Servers that give up root must get through to it, which $TMPDIR may not allow.
        self.folder = tempfile.mkdtemp(prefix="lagan-server-", dir="/tmp" if IS_ROOT else None)
        os.chmod(self.folder, 0o755)
        self.processes = []
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def make_folders(self, *names, owner=None):
        for name in names:
            os.makedirs(self.path(name), exist_ok=True)
            if owner and IS_ROOT:
                shutil.chown(self.path(name), owner, owner)

    def spawn(self, *words, **options):
        with open(self.path("log"), "ab") as log:
            process = subprocess.Popen(
                [find(words[0]) or words[0], *words[1:]], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, preexec_fn=die_with_parent, env={**os.environ, "PATH": PATH}, **options)
        self.processes.append(process)
        return process

    def kill(self, process):
        self.processes.remove(process)
        process.kill()
        process.wait()

    def run(self, *words):
        done = subprocess.run([find(words[0]), *words[1:]], capture_output=True, text=True,
                              env={**os.environ, "PATH": PATH})
        if done.returncode != 0:
            raise RuntimeError(f"{words}: {done.stderr}")
        return done.stdout

    def wait_until(self, is_ready):
        end = time.monotonic() + self.ready_within_s
        while not is_ready():
            ended = [each.args[0] for each in self.processes if each.poll() is not None]
            if ended or time.monotonic() > end:
                with open(self.path("log"), errors="replace") as log:
                    raise RuntimeError(f"{ended or 'a server'} did not start:\n{log.read()[-4000:]}")
            time.sleep(0.02)

    def wait_for_port(self, port):
        def answers():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        self.wait_until(answers)

    def wait_for_status(self, url, *statuses):
        def answers():
            try:
                return urllib.request.urlopen(url, timeout=2).status in statuses
            except urllib.error.HTTPError as error:
                return error.code in statuses
            except (OSError, ssl.SSLError):
                return False
        self.wait_until(answers)

    def make_certificate(self):
        """For localhost and 127.0.0.1; nobody trusts it but who is told to."""
        self.certificate, self.key = self.path("tls.crt"), self.path("tls.key")
        self.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                 "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.key, "-out",
                 self.certificate)

    def location(self, name):
        raise NotImplementedError

    tls_location = None

    def lines(self):
        """As tests/storage/contract_test.cc reads them: in the clear, and with TLS where there is both."""
        option = f" {self.flags[1]}" if self.flags and self.flags[0] == "-o" else ""
        found = f"{self.name} {self.location('contract')}{option}\n"
        if self.tls_location is not None:
            found += f"{self.name}-tls {self.tls_location('contract-tls')} cacert={self.certificate}\n"
        return found


class Sshd(Server):
    """OpenSSH, for the user who runs the tests, by a key of its own."""

    name = "sshd"
    programs = ("sshd", "ssh", "ssh-keygen")

    def start(self):
        self.port = free_port()
        self.make_folders("data")
        for key in ("host_key", "client_key"):
            self.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path(key))
        if IS_ROOT:
            os.makedirs("/run/sshd", exist_ok=True)  # it insists
        shutil.copy(self.path("client_key.pub"), self.path("authorized_keys"))
        with open(self.path("host_key.pub")) as file:
            host_key = " ".join(file.read().split()[:2])
        write(self.path("known_hosts"), f"[127.0.0.1]:{self.port} {host_key}\n")
        write(self.path("sshd_config"), f"""
Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.path("host_key")}
PidFile none
AuthorizedKeysFile {self.path("authorized_keys")}
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
MaxStartups 100
Subsystem sftp internal-sftp
""")
        write(self.path("ssh_config"), f"""
Host lagan-test
  HostName 127.0.0.1
  Port {self.port}
  IdentityFile {self.path("client_key")}
  IdentitiesOnly yes
  UserKnownHostsFile {self.path("known_hosts")}
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
""")
        self.flags = ("-o", f"sftp.args=-F {self.path('ssh_config')}")
        self.spawn("sshd", "-D", "-e", "-f", self.path("sshd_config"))
        self.wait_for_port(self.port)

    def location(self, name):
        return f"sftp://lagan-test{self.path('data', name)}"


class ApacheDav(Server):
    """Apache with mod_dav_fs, by user and password, on http and https."""

    name = "apache"
    programs = ("apache2", "openssl")
    user, password = "lagan", "secret-of-apache"

    def start(self):
        self.port, self.tls_port = free_port(), free_port()
        self.make_folders("data", "run", owner="www-data")
        self.make_certificate()
        digest = self.run("openssl", "passwd", "-apr1", self.password).strip()
        write(self.path("passwords"), f"{self.user}:{digest}\n")
        modules = "/usr/lib/apache2/modules"
        load = "".join(
            f"LoadModule {name}_module {modules}/mod_{name}.so\n"
            for name in ("mpm_event", "authn_core", "authn_file", "authz_core", "authz_user",
                         "auth_basic", "dav", "dav_fs", "ssl", "socache_shmcb")
            if os.path.exists(f"{modules}/mod_{name}.so"))
        write(self.path("httpd.conf"), f"""{load}
ServerName localhost
ServerRoot {self.folder}
DefaultRuntimeDir {self.path("run")}
PidFile {self.path("run", "pid")}
ErrorLog {self.path("log")}
LogLevel warn
{"User www-data" if IS_ROOT else ""}
{"Group www-data" if IS_ROOT else ""}
Listen 127.0.0.1:{self.port}
Listen 127.0.0.1:{self.tls_port}
DavLockDB {self.path("run", "locks")}
DocumentRoot {self.path("data")}
KeepAlive On
MaxKeepAliveRequests 0
StartServers 1
ThreadsPerChild 32
<Directory {self.path("data")}>
  Dav On
  AuthType Basic
  AuthName lagan
  AuthUserFile {self.path("passwords")}
  Require valid-user
</Directory>
<VirtualHost 127.0.0.1:{self.tls_port}>
  DocumentRoot {self.path("data")}
  SSLEngine on
  SSLCertificateFile {self.certificate}
  SSLCertificateKeyFile {self.key}
</VirtualHost>
""")
        self.environment = {"LAGAN_WEBDAV_USER": self.user, "LAGAN_WEBDAV_PASSWORD": self.password}
        self.spawn("apache2", "-f", self.path("httpd.conf"), "-D", "FOREGROUND")
        self.wait_for_status(f"http://127.0.0.1:{self.port}/", 401)

    def location(self, name):
        return f"webdav+http://127.0.0.1:{self.port}/{name}"

    def tls_location(self, name):
        return f"webdav+https://localhost:{self.tls_port}/{name}"


class NginxDav(Server):
    """nginx with its two modules for WebDAV, by user and password, on http and https."""

    name = "nginx"
    programs = ("nginx", "openssl")
    module = "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so"
    user, password = "lagan", "secret-of-nginx"

    @classmethod
    def is_installed(cls):
        return super().is_installed() and os.path.exists(cls.module)

    def start(self):
        self.port, self.tls_port = free_port(), free_port()
        self.make_folders("data", "temporary", owner="www-data")
        self.make_certificate()
        digest = self.run("openssl", "passwd", "-apr1", self.password).strip()
        write(self.path("passwords"), f"{self.user}:{digest}\n")
        temporary = "".join(f"{kind}_temp_path {self.path('temporary', kind)};\n" for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        write(self.path("nginx.conf"), f"""
load_module {self.module};
{"user www-data;" if IS_ROOT else ""}
daemon off;
worker_processes 1;
pid {self.path("pid")};
error_log {self.path("log")} warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  {temporary}
  server {{
    listen 127.0.0.1:{self.port};
    listen 127.0.0.1:{self.tls_port} ssl;
    ssl_certificate {self.certificate};
    ssl_certificate_key {self.key};
    root {self.path("data")};
    client_max_body_size 0;
    auth_basic lagan;
    auth_basic_user_file {self.path("passwords")};
    location / {{
      dav_methods PUT DELETE MKCOL MOVE;
      dav_ext_methods PROPFIND OPTIONS;
    }}
  }}
}}
""")
        self.environment = {"LAGAN_WEBDAV_USER": self.user, "LAGAN_WEBDAV_PASSWORD": self.password}
        self.spawn("nginx", "-c", self.path("nginx.conf"), "-p", self.folder, "-e", self.path("log"))
        self.wait_for_status(f"http://127.0.0.1:{self.port}/", 401)

    def location(self, name):
        return f"webdav+http://127.0.0.1:{self.port}/{name}"

    def tls_location(self, name):
        return f"webdav+https://localhost:{self.tls_port}/{name}"


class CephRgw(Server):
    """Ceph with a gateway that speaks S3: one monitor, one OSD (in memory, unless it is to be killed), no manager."""

    name = "rgw"
    programs = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "ceph", "openssl")
    ready_within_s = 120
    access_key, secret_key = "LAGANTESTKEY00000001", "secret/of+Ceph0123456789abcdefghijklmnop"

    def __init__(self, survives_kill=False):
        super().__init__()
        self.store = "bluestore" if survives_kill else "memstore"

    def start(self):
        self.port, self.tls_port, monitor, old_monitor = (free_port() for _ in range(4))
        self.make_folders("mon", "osd", "run")
        self.make_certificate()
        identity = str(uuid.uuid4())
        config = self.path("ceph.conf")
        # Nothing is authenticated inside, so that no keys are needed; the short interval is what
        # makes it start in seconds.
        write(config, f"""
[global]
fsid = {identity}
mon host = [v2:127.0.0.1:{monitor},v1:127.0.0.1:{old_monitor}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
paxos propose interval = 0.05
paxos min wait = 0.01
auth cluster required = none
auth service required = none
auth client required = none
auth allow insecure global id reclaim = true
ms mon client mode = crc
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
osd crush chooseleaf type = 0
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
mon max pg per osd = 1000
osd objectstore = {self.store}
memstore device bytes = 4294967296
bluestore block size = 8589934592
osd memory target = 1073741824
osd class load list = *
osd class default list = *
run dir = {self.path("run")}
admin socket = {self.path("run", "$name.asok")}
pid file = {self.path("run", "$name.pid")}
log file = /dev/null
mon cluster log file = /dev/null
crash dir = {self.path("run")}
keyring = /dev/null
[mon.a]
mon data = {self.path("mon")}
[osd.0]
osd data = {self.path("osd")}
[client.rgw]
ms mon client mode = crc
rgw frontends = beast tcp_nodelay=1 endpoint=127.0.0.1:{self.port} ssl_endpoint=127.0.0.1:{self.tls_port} ssl_certificate={self.certificate} ssl_private_key={self.key}
rgw enable usage log = false
rgw enable ops log = false
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = lagan-test=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=
rgw dns name = localhost
""")
        monitors = f"[v2:127.0.0.1:{monitor},v1:127.0.0.1:{old_monitor}]"
        self.run("monmaptool", "--create", "--clobber", "--fsid", identity, "--addv", "a", monitors,
                 self.path("monmap"))
        self.run("ceph-mon", "-c", config, "--mkfs", "-i", "a", "--monmap", self.path("monmap"))
        self.spawn("ceph-mon", "-c", config, "-f", "-i", "a")
        self.wait_for_port(monitor)
        osd = str(uuid.uuid4())
        self.run("ceph", "-c", config, "osd", "new", osd, "0")
        self.run("ceph-osd", "-c", config, "-i", "0", "--mkfs", "--osd-uuid", osd)
        self.start_store()
        self.start_gateway()
        self.run("radosgw-admin", "-c", config, "-n", "client.rgw", "user", "create", "--uid=lagan",
                 "--display-name=lagan", f"--access-key={self.access_key}",
                 f"--secret-key={self.secret_key}")
        self.environment = {"AWS_ACCESS_KEY_ID": self.access_key,
                            "AWS_SECRET_ACCESS_KEY": self.secret_key}

    def put(self, resource, body=b""):
        """What lagan never asks for, signed the old and simple way."""
        date = email.utils.formatdate(usegmt=True)
        signature = hmac.digest(self.secret_key.encode(), f"PUT\n\n\n{date}\n{resource}".encode(), "sha1")
        authorization = f"AWS {self.access_key}:{base64.b64encode(signature).decode()}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("PUT", resource, body, {"Date": date, "Authorization": authorization})
        answer = connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"PUT {resource}: {answer.status} {answer.read()}")
        connection.close()

    def lines(self):
        """Also a bucket that keeps what is deleted and replaced."""
        self.put("/versioned")
        self.put("/versioned?versioning", b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
        return super().lines() + f"{self.name}-versioned {self.location('versioned/contract')} there\n"

    def start_store(self):
        self.osd = self.spawn("ceph-osd", "-c", self.path("ceph.conf"), "-f", "-i", "0")

    def kill_store(self):
        self.kill(self.osd)

    def start_gateway(self):
        self.gateway = self.spawn("radosgw", "-c", self.path("ceph.conf"), "-f", "-n", "client.rgw")
        self.wait_for_status(f"http://127.0.0.1:{self.port}/swift/healthcheck", 200, 204)

    def kill_gateway(self):
        self.kill(self.gateway)

    def location(self, name):
        return f"s3+http://127.0.0.1:{self.port}/{name}"

    def tls_location(self, name):
        return f"s3+https://localhost:{self.tls_port}/{name}"


class Swift(Server):
    """OpenStack Swift with one copy of everything, spoken to in the language of S3."""

    name = "swift"
    programs = ("swift-proxy-server", "swift-account-server", "swift-container-server",
                "swift-object-server", "swift-ring-builder", "memcached")
    access_key, secret_key = "lagan:tester", "secret-of-swift"
    # What a request passes on its way in.
    filters = ("catch_errors", "gatekeeper", "cache", "listing_formats", "s3api", "tempauth", "copy", "slo", "dlo")

    def start(self):
        self.make_folders("node/disk")
        memory = free_port()
        self.spawn("memcached", "-l", "127.0.0.1", "-p", str(memory), "-m", "16",
                   *(("-u", "nobody") if IS_ROOT else ()))
        write(self.path("swift.conf"), "[swift-hash]\nswift_hash_path_suffix = a\nswift_hash_path_prefix = b\n"
              "[storage-policy:0]\nname = only\ndefault = yes\n")
        user = "root" if IS_ROOT else os.environ.get("USER", "root")
        common = f"user = {user}\nswift_dir = {self.folder}\nworkers = 0\nbind_ip = 127.0.0.1\n"
        for kind in ("account", "container", "object"):
            port = free_port()
            builder = self.path(f"{kind}.builder")
            self.run("swift-ring-builder", builder, "create", "2", "1", "0")
            self.run("swift-ring-builder", builder, "add", f"r1z1-127.0.0.1:{port}/disk", "1")
            self.run("swift-ring-builder", builder, "rebalance")
            write(self.path(f"{kind}.conf"), f"""
[DEFAULT]
{common}bind_port = {port}
devices = {self.path('node')}
mount_check = false
log_address = /dev/null
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
""")
            self.spawn(f"swift-{kind}-server", self.path(f"{kind}.conf"), "-v")
            self.wait_for_port(port)
        self.port = free_port()
        sections = "".join(f"[filter:{name}]\nuse = egg:swift#{name.replace('cache', 'memcache')}\n"
                           + {"cache": f"memcache_servers = 127.0.0.1:{memory}\n",
                              "s3api": "location = us-east-1\n",
                              "tempauth": f"user_lagan_tester = {self.secret_key} .admin\n"}.get(name, "")
                           for name in self.filters)
        write(self.path("proxy.conf"), f"""
[DEFAULT]
{common}bind_port = {self.port}
log_address = /dev/null
[pipeline:main]
pipeline = {' '.join(self.filters)} proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
{sections}""")
        self.spawn("swift-proxy-server", self.path("proxy.conf"), "-v")
        self.wait_for_status(f"http://127.0.0.1:{self.port}/", 200, 403, 404)
        self.environment = {"AWS_ACCESS_KEY_ID": self.access_key,
                            "AWS_SECRET_ACCESS_KEY": self.secret_key}

    def location(self, name):
        return f"s3+http://127.0.0.1:{self.port}/{name}"


class ProFtpd(Server):
    """ProFTPD for one user that only it knows, in the clear and with TLS on the same port."""

    name = "proftpd"
    programs = ("proftpd", "openssl")
    user, password = "lagan", "secret-of-proftpd"

    def start(self):
        self.port = free_port()
        self.make_folders("data", "run", owner="www-data")
        self.make_certificate()
        digest = self.run("openssl", "passwd", "-6", self.password).strip()
        owner = os.stat(self.path("data"))
        write(self.path("passwords"), f"{self.user}:{digest}:{owner.st_uid}:{owner.st_gid}::"
              f"{self.path('data')}:/bin/false\n", 0o640)
        write(self.path("proftpd.conf"), f"""
LoadModule mod_tls.c
ServerName lagan
ServerType standalone
DefaultAddress 127.0.0.1
SocketBindTight on
Port {self.port}
UseIPv6 off
PidFile {self.path("run", "pid")}
ScoreboardFile {self.path("run", "score")}
DelayTable none
{"User www-data" if IS_ROOT else ""}
{"Group www-data" if IS_ROOT else ""}
AuthOrder mod_auth_file.c
AuthUserFile {self.path("passwords")}
RequireValidShell off
{"DefaultRoot ~" if IS_ROOT else ""}
AllowOverwrite on
SystemLog {self.path("log")}
TransferLog none
WtmpLog off
UseReverseDNS off
MaxInstances 100
TLSEngine on
TLSECCertificateFile {self.certificate}
TLSECCertificateKeyFile {self.key}
TLSRequired off
TLSOptions NoSessionReuseRequired
TLSVerifyClient off
""")
        self.environment = {"LAGAN_FTP_USER": self.user, "LAGAN_FTP_PASSWORD": self.password}
        self.spawn("proftpd", "-n", "-q", "-c", self.path("proftpd.conf"))
        self.wait_for_port(self.port)

    def location(self, name):
        return f"ftp://127.0.0.1:{self.port}/{name}"

    def tls_location(self, name):
        return f"ftps+explicit://localhost:{self.port}/{name}"


class Vsftpd(Server):
    """vsftpd for anybody, in the clear and with TLS on the same port. Debian has either this or ProFTPD
    installed, so scripts/setup unpacks it beside."""

    name = "vsftpd"
    programs = ("vsftpd", "openssl")

    def start(self):
        self.port = free_port()
        self.make_folders("data", "data/up", "empty")
        if IS_ROOT:
            shutil.chown(self.path("data/up"), "www-data", "www-data")
        self.make_certificate()
        write(self.path("vsftpd.conf"), f"""
listen=YES
listen_address=127.0.0.1
listen_port={self.port}
background=NO
{"ftp_username=www-data" if IS_ROOT else "run_as_launching_user=YES"}
secure_chroot_dir={self.path("empty")}
seccomp_sandbox=NO
local_enable=NO
anonymous_enable=YES
no_anon_password=YES
anon_root={self.path("data")}
write_enable=YES
anon_upload_enable=YES
anon_mkdir_write_enable=YES
anon_other_write_enable=YES
anon_world_readable_only=NO
anon_umask=022
max_per_ip=0
ssl_enable=YES
allow_anon_ssl=YES
force_anon_data_ssl=NO
force_anon_logins_ssl=NO
rsa_cert_file={self.certificate}
rsa_private_key_file={self.key}
require_ssl_reuse=NO
ssl_ciphers=HIGH
vsftpd_log_file={self.path("log")}
use_localtime=NO
""")
        self.spawn("vsftpd", self.path("vsftpd.conf"))
        self.wait_for_port(self.port)

    def lines(self):
        """Not with TLS too: each read of a part is a login, which takes its time."""
        return super().lines().splitlines(keepends=True)[0]

    def location(self, name):
        return f"ftp://127.0.0.1:{self.port}/up/{name}"

    def tls_location(self, name):
        return f"ftps+explicit://localhost:{self.port}/up/{name}"


class Rclone(Server):
    """No server, but rclone with a remote of its own that is a folder."""

    name = "rclone"
    programs = ("rclone",)

    def start(self):
        self.make_folders("data")
        write(self.path("rclone.conf"), "[disk]\ntype = local\n")
        self.flags = ("-o", f"rclone.args=--config {self.path('rclone.conf')}")

    def location(self, name):
        return f"rclone:disk:{self.path('data', name)}"


class RcloneOfToday(Rclone):
    """Debian's rclone in the part of a newer one, which is told to listen at a socket and lets in whoever
    reaches it. At a port it refuses to be started."""

    def start(self):
        super().start()
        write(self.path("rclone"), NEWER_RCLONE.format(program=find("rclone")), 0o755)
        self.flags += ("-o", f"rclone.program={self.path('rclone')}")


NEWER_RCLONE = """#!/usr/bin/env python3
import os, re, shutil, signal, socket, subprocess, sys, threading
at = sys.argv.index("--rc-addr") + 1
path = sys.argv[at].removeprefix("unix://")
if not path.startswith("/") or os.stat(os.path.dirname(path)).st_mode & 0o77:
    sys.exit("not a socket that is for one user alone: " + path)
sys.argv[at] = "127.0.0.1:0"
old = subprocess.Popen(["{program}"] + sys.argv[1:], stderr=subprocess.PIPE, text=True)
for line in old.stderr:
    if served := re.search(r"http://127.0.0.1:(\\d+)", line):
        break
else:
    sys.exit("rclone has not started")
threading.Thread(target=lambda: shutil.copyfileobj(old.stderr, sys.stderr), daemon=True).start()
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(64)
print("NOTICE: Serving remote control on unix://" + path, file=sys.stderr, flush=True)

def carry(here, there):
    try:
        while piece := here.recv(65536):
            there.sendall(piece)
    except OSError:
        pass
    for each in here, there:
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

while True:
    near, _ = listener.accept()
    far = socket.create_connection(("127.0.0.1", int(served[1])))
    for pair in (near, far), (far, near):
        threading.Thread(target=carry, args=pair, daemon=True).start()
"""


class Azurite(Server):
    """What Microsoft offers to test with; from npm: `npm install -g azurite@3.35.0`."""

    name = "azurite"
    programs = ("azurite-blob",)
    # Everybody's, as its documentation has them.
    account = "devstoreaccount1"
    account_key = ("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr"
                   "/KBHBeksoGMGw==")

    def start(self):
        self.port = free_port()
        self.environment = {"AZURE_ACCOUNT_KEY": self.account_key}
        endpoint = f"http://127.0.0.1:{self.port}/{self.account}"
        self.flags = ("-o", f"azure.endpoint={endpoint}")
        self.spawn("azurite-blob", "--blobHost", "127.0.0.1", "--blobPort", str(self.port),
                   "--location", self.folder, "--disableTelemetry", "--silent",
                   "--skipApiVersionCheck")
        self.wait_for_status(f"{endpoint}?comp=list", 400, 403)

    def location(self, name):
        return f"azure://{self.account}/{name}"


class Google(Server):
    """None that is real: tests/servers/fake_google.py."""

    name = "google"
    programs = ("openssl",)

    def start(self):
        self.fake = FakeGoogle(self.folder).__enter__()
        self.environment = {"GOOGLE_APPLICATION_CREDENTIALS": self.fake.key_file}
        self.port = self.fake.port
        self.flags = ("-o", f"s3.endpoint={self.fake.endpoint}")

    def __exit__(self, *_):
        if hasattr(self, "fake"):
            self.fake.__exit__()
        super().__exit__()

    def location(self, name):
        return f"gs://{name}"


SERVERS = {server.name: server
           for server in (Sshd, ApacheDav, NginxDav, CephRgw, Swift, ProFtpd, Vsftpd, Rclone, Azurite, Google)}
