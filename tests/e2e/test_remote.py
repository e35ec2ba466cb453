# SPDX-License-Identifier: Apache-2.0
"""Repositories on real servers: their whole life, and what a user is told who got something wrong."""

import os
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "servers"))
from helpers import QUICK_KEY, Repository, read, tree, write  # noqa: E402
from fault_proxy import FaultProxy  # noqa: E402
from servers import (ApacheDav, Azurite, CephRgw, Google, NginxDav, ProFtpd, Rclone,  # noqa: E402
                     RcloneOfToday, Sshd, Swift, Vsftpd, free_port)
from unreachable import Greeter, Impostor, Refuser, Wall  # noqa: E402


class LivesThere:
    """Mixed into Repository: every command of the class goes to one server."""

    server_class = None
    secrets = ()

    @classmethod
    def setUpClass(cls):
        if not cls.server_class.is_installed():
            raise unittest.SkipTest(f"{cls.server_class.name} is not installed")
        cls.server = cls.enterClassContext(cls.server_class())
        cls.prepare_folder()
        os.mkdir(cls.source)
        cls.environment.update(cls.server.environment)
        # What is on this machine is reached without a proxy, whatever the user has set for elsewhere.
        cls.environment.update(http_proxy="http://127.0.0.1:9", ftp_proxy="http://127.0.0.1:9")
        cls.environment["LAGAN_REPOSITORY"] = cls.server.location("first")

    @classmethod
    def start(cls, *words, **options):
        return super().start(*words, *cls.server.flags, **options)

    def refuse_location(self, location, *words, code=1, saying="", **options):
        """One sentence and no secret, whatever is wrong with where the repository is said to be."""
        self.refuse(*(words or ("snapshots",)), "-r", location, code=code, saying=saying, **options)
        for secret in (*self.secrets, "first-password"):
            self.assertNotIn(secret, self.errors)

    def test_a_repository_lives_there(self):
        for number in range(40):
            folder = self.path(f"folder-{number % 7}")
            os.makedirs(folder, exist_ok=True)
            write(os.path.join(folder, f"file-{number}"), os.urandom(1000 + 997 * number))
        write(self.path("large"), os.urandom(9 << 20))
        self.assertIn("created repository", self.run_lagan("init", *QUICK_KEY))
        first = self.backup()
        self.assertEqual(tree(self.restore(first)), tree(self.source))

        os.remove(self.path("large"))
        write(self.path("new"), "new\n")
        second = self.backup()
        self.assertEqual(tree(self.restore()), tree(self.source))
        self.assertEqual([each["id"] for each in self.snapshots()], [first, second])
        self.run_lagan("check", "--read-data")
        self.run_lagan("check", "--read-data", "--no-cache")

        # The second prune deletes what the first condemned.
        self.run_lagan("forget", "--keep-last", "1")
        for _ in range(2):
            self.run_lagan("prune", "--undelete-window", "0", "--max-unused", "0")
        self.run_lagan("check", "--read-data")
        self.assertEqual(read(os.path.join(self.restore(), "new")), b"new\n")
        listing = self.run_lagan("list", "packs")
        self.assertGreater(len(listing.splitlines()), 0)


class OnServer(LivesThere):
    """And what else can be asked of it."""

    def test_a_repository_in_two_places_is_two(self):
        for name in ("one", "two"):
            self.run_lagan("init", *QUICK_KEY, "-r", self.server.location(name))
        self.backup(self.source, "-r", self.server.location("one"))
        self.assertEqual(len(self.json("snapshots", "-r", self.server.location("one"))), 1)
        self.assertEqual(len(self.json("snapshots", "-r", self.server.location("two"))), 0)
        self.refuse_location(self.server.location("one"), "init", *QUICK_KEY, saying="already")

    def test_the_place_is_found_fit(self):
        report = self.json_lines("storage", "test", self.server.location("tried"))[-1]
        self.assertEqual([step for step in report["steps"] if not step["holds"]], [])
        self.assertTrue(report["sound"] and report["can_remove"])
        self.assertFalse(report["left_objects"])
        self.assertIn("A repository can live there",
                      self.run_lagan("storage", "test", self.server.location("tried")))

    def test_where_nothing_is_there_is_no_repository(self):
        self.refuse_location(self.server.location("nothing"), code=10)
        self.refuse_location(self.server.location("nothing"), "backup", self.source, code=10)

    def test_a_wrong_password_of_the_repository(self):
        self.run_lagan("init", *QUICK_KEY, "-r", self.server.location("locked"))
        self.refuse_location(self.server.location("locked"), code=12, saying="wrong password",
                             env={"LAGAN_PASSWORD": "other"})


class ThroughProxy:
    """Days on which a server of HTTP is not well."""

    def through(self, proxy, name):
        return self.server.location(name).replace(f":{self.server.port}/", f":{proxy.port}/")

    def test_a_server_with_bad_days(self):
        """Busy, answers lost or cut, connections reset: all is tried again, and nothing is lost."""
        os.makedirs(self.path("bad-days"), exist_ok=True)
        for number in range(30):
            write(self.path(f"bad-days/{number}"), os.urandom(1000 * number))
        with FaultProxy(self.server.port, every=4) as proxy:
            here = ("-r", self.through(proxy, "bad-days"))
            self.run_lagan("init", *QUICK_KEY, *here)
            self.backup(self.source, *here)
            target = self.restore("latest", *here)
            self.run_lagan("check", "--read-data", *here)
            self.assertIn("trying again", self.errors)
            self.assertGreater(proxy.faults, 8)
        self.assertEqual(tree(target), tree(self.source))
        listed = self.run_lagan("check", "--read-data", "-r", self.server.location("bad-days"))
        self.assertIn("no errors", listed)

    def test_a_server_that_goes_away_for_good(self):
        self.run_lagan("init", *QUICK_KEY, "-r", self.server.location("away"))
        with FaultProxy(self.server.port) as proxy:
            here = self.through(proxy, "away")
            self.run_lagan("snapshots", "-r", here)
            # The first answer comes, so that what follows is worth another try; then none does.
            proxy.after = proxy.requests + 1
            self.run_lagan("snapshots", "-r", here, "--retry-time", "1s", code=1)
            self.assertIn("gave up after", self.errors)

    def test_a_server_that_falls_silent(self):
        """What stands still is given up and made again; what is slow is not."""
        self.run_lagan("init", *QUICK_KEY, "-r", self.server.location("silent"))
        write(self.path("silent"), os.urandom(300_000))
        with FaultProxy(self.server.port) as proxy:
            here = ("-r", self.through(proxy, "silent"), "--stuck-request-timeout", "4s")
            proxy.silent_for = "PUT"
            self.backup(self.source, *here)
            self.assertIn("no answer in time", self.errors)
            self.assertEqual(proxy.faults, 1)
            proxy.bytes_per_s = 100_000
            target = self.restore("latest", "--include", "silent", *here)
            self.assertNotIn("trying again", self.errors)
        self.assertEqual(read(os.path.join(target, "silent")), read(self.path("silent")))
        os.remove(self.path("silent"))

    def test_a_server_that_lies_about_parts(self):
        """It is never believed, and said to be what it is."""
        self.run_lagan("init", *QUICK_KEY, "-r", self.server.location("lies"))
        self.backup(self.source, "-r", self.server.location("lies"))
        for lie, saying in (("whole", "ignores ranges"), ("another range", "sends the range '7-8/9'"),
                            ("cut", "bytes arrived")):
            with self.subTest(lie), FaultProxy(self.server.port) as proxy:
                proxy.lie = lie
                self.run_lagan("check", "--read-data", "--no-cache", "--retry-time", "0s",
                               "-r", self.through(proxy, "lies"), code=1)
                self.assertGreater(proxy.faults, 0)
                self.assertIn(saying, self.errors)


class OverHttp(ThroughProxy, OnServer):
    """What only servers of HTTP can get wrong."""

    requests_of_an_unchanged_backup = 8

    def test_a_server_that_is_not_there(self):
        here = self.server.location("x")
        self.refuse_location(here.replace(f":{self.server.port}/", f":{free_port()}/"),
                             saying="is the server running")
        self.refuse_location(self.server.tls_location("x").replace("//localhost", "//no-such-host.invalid"),
                             saying="does not resolve")

    def test_a_certificate_that_nobody_vouches_for(self):
        here = self.server.tls_location("certified")
        self.refuse_location(here, saying="--cacert")
        self.refuse_location(here, "snapshots", "--cacert", "/nonexistent", saying="--cacert")
        trusted = ("-r", here, "--cacert", self.server.certificate)
        self.run_lagan("init", *QUICK_KEY, *trusted)
        self.assertEqual(self.json("snapshots", *trusted), [])
        self.assertEqual(self.json("snapshots", "-r", here, "--insecure-tls"), [])
        # Not the name that is certified.
        self.refuse_location(here.replace("//localhost", "//other.localhost"), "snapshots",
                             "--cacert", self.server.certificate, saying="certificate")

    def test_requests_of_an_unchanged_backup(self):
        """Over a long way each costs time: no more than there are now. (The folders above must not change either.)"""
        with FaultProxy(self.server.port) as proxy:
            here = ("-r", self.through(proxy, "counted"))
            self.run_lagan("init", *QUICK_KEY, *here)
            for _ in range(3):
                proxy.requests, proxy.by_method = 0, {}
                self.backup(self.source, "--as-path", "/counted", *here)
            self.assertLessEqual(proxy.requests, self.requests_of_an_unchanged_backup,
                                 proxy.by_method)

    def test_https_where_http_is_spoken(self):
        here = self.server.location("x").replace("+http://", "+https://")
        self.refuse_location(here, saying="speak TLS")


class TestS3(OverHttp, Repository):
    server_class = CephRgw
    secrets = (CephRgw.secret_key,)

    def test_wrong_keys(self):
        here = self.server.location("first")
        self.refuse_location(here, env={"AWS_SECRET_ACCESS_KEY": "wrong-secret"},
                             saying="the secret key is wrong")
        self.refuse_location(here, env={"AWS_ACCESS_KEY_ID": "WRONGKEY"},
                             saying="access key is not known")
        self.refuse_location(here, env={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
                                        "AWS_EC2_METADATA_DISABLED": "true"},
                             saying="AWS_ACCESS_KEY_ID")

    def test_keys_in_the_location(self):
        secret = self.server.secret_key.replace("/", "%2F").replace("+", "%2B")
        here = self.server.location("with-keys").replace(
            "//", f"//{self.server.access_key}:{secret}@")
        none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
        said = self.run_lagan("init", *QUICK_KEY, "-r", here, env=none)
        self.assertIn(self.server.location("with-keys"), said)
        self.assertNotIn(secret, said)
        self.assertNotIn("@", said)

    def test_the_spelling_of_restic(self):
        self.run_lagan("init", *QUICK_KEY, "-r", self.server.location("spelled/below"))
        spelled = f"s3:http://127.0.0.1:{self.server.port}/spelled/below"
        self.assertEqual(self.json("snapshots", "-r", spelled, "-o", "s3.bucket-lookup=path"), [])

    def test_what_each_object_is_to_be(self):
        """Class and encryption go with every upload, the class of data with that of data alone."""
        with FaultProxy(self.server.port) as proxy:
            here = ("-r", self.through(proxy, "classes"), "-o", "s3.data-storage-class=STANDARD",
                    "-o", "s3.sse=AES256")
            self.run_lagan("init", *QUICK_KEY, *here)
            write(self.path("data"), os.urandom(10_000))
            self.backup(self.source, *here)
            os.remove(self.path("data"))
        puts = [put for put in proxy.puts if put[0].count("/") > 1]
        self.assertEqual({(headers.get("x-amz-storage-class"), "/data/" in path) for path, headers in puts},
                         {("STANDARD", True), (None, False)})
        self.assertEqual({headers.get("x-amz-server-side-encryption") for _, headers in puts}, {"AES256"})
        self.refuse_location(self.server.location("x") + "?sse=foo", "init", *QUICK_KEY, saying="aws:kms")

    def test_a_bucket_with_object_lock_gets_another_sum(self):
        with FaultProxy(self.server.port) as proxy:
            here = ("-r", self.through(proxy, "object-lock"))
            self.run_lagan("init", *QUICK_KEY, *here)
            proxy.wants_md5 = True
            self.backup(self.source, *here)
            self.run_lagan("check", "--read-data", *here)
            self.assertTrue(any("content-md5" in headers for _, headers in proxy.puts))

    def test_limits_hold_on_a_connection(self):
        """No faster than was asked for; how much slower is the machine's affair."""
        here = ("-r", self.server.location("limited"))
        self.run_lagan("init", *QUICK_KEY, *here)
        write(self.path("limited"), os.urandom(3 << 20))

        def seconds(*words):
            begin = time.monotonic()
            self.run_lagan(*words, *here)
            return time.monotonic() - begin

        self.assertGreater(seconds("backup", self.source, "--limit-upload", "2M"), 1.2)
        self.assertGreater(seconds("check", "--read-data", "--limit-download", "2M"), 1.2)
        self.assertGreater(seconds("check", "--no-cache", "--limit-requests", "3"), 1.2)
        os.remove(self.path("limited"))

    def test_a_stranger_between_for_a_while(self):
        """As the page of a hotel's network: once the server was trusted, another certificate is waited out."""
        trusted = ("--cacert", self.server.certificate)
        here = self.server.tls_location("stranger")
        self.run_lagan("init", *QUICK_KEY, "-r", here, *trusted)
        write(self.path("stranger"), os.urandom(3 << 20))
        with Impostor(self.server.tls_port, self.folder, after_bytes=1 << 20) as between:
            there = here.replace(f":{self.server.tls_port}/", f":{between.port}/")
            self.backup(self.source, "-r", there, *trusted)
            self.assertEqual(between.strangers, 1)
            self.assertIn("certificate", self.errors)
        os.remove(self.path("stranger"))
        self.run_lagan("check", "--read-data", "-r", here, *trusted)

    def test_a_name_that_no_bucket_has(self):
        self.refuse_location(self.server.location("UPPER_bad"), "init", *QUICK_KEY, saying="lower-case letters")

    def test_an_option_that_is_none(self):
        self.refuse_location(self.server.location("x") + "?reigon=here", saying="reigon")
        self.refuse("snapshots", "-o", "s4.region=x", saying="s4.region")


class TestSwift(OnServer, Repository):
    """Another one that speaks as S3 does."""

    server_class = Swift
    secrets = (Swift.secret_key,)

    def test_wrong_keys(self):
        self.refuse_location(self.server.location("first"), env={"AWS_SECRET_ACCESS_KEY": "wrong"},
                             saying="key")


class TestS3Refusals(Repository):
    """What a service says that is no use trying again, in one sentence with the remedy, at once."""

    @classmethod
    def setUpClass(cls):
        cls.prepare_folder()
        cls.environment.update(AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY="secret")

    def refuse_because(self, status, code, saying, exit_code=1, **headers):
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
        with Refuser(status, body, **headers) as server:
            self.refuse("snapshots", "-r", f"s3+http://127.0.0.1:{server.port}/bucket/x",
                        code=exit_code, saying=saying)
            self.assertLess(server.requests, 8)

    def test_the_bucket(self):
        self.refuse_because(404, "NoSuchBucket", "there is no repository at s3+http://", exit_code=10)

    def test_the_region(self):
        self.refuse_because(301, "PermanentRedirect", "?region=")
        self.refuse_because(400, "AuthorizationHeaderMalformed", "?region=")

    def test_the_clock(self):
        # It is set by the server's; who says the same again is believed.
        self.refuse_because(403, "RequestTimeTooSkewed", "clock", Date="Thu, 01 Jan 2026 00:00:00 GMT")

    def test_the_keys(self):
        self.refuse_because(403, "InvalidAccessKeyId", "access key is not known")
        self.refuse_because(403, "SignatureDoesNotMatch", "secret key is wrong")
        self.refuse_because(403, "AccessDenied", "may not do that")


class TestBehindAWall(Repository):
    """Where nothing answers it is told after seconds, not after minutes of trying again."""

    @classmethod
    def setUpClass(cls):
        cls.prepare_folder()
        cls.environment.update(AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY="secret")

    def test_nothing_answers(self):
        with Wall() as wall:
            for location in ("s3+http://{}/bucket/x", "webdav+http://{}/x", "ftp://{}/x"):
                with self.subTest(location):
                    self.refuse("snapshots", "-r", location.format(f"127.0.0.1:{wall.port}"), code=1,
                                saying="no answer in time" if "http" in location else "let us through")
                    self.assertNotIn("trying again", self.errors)

    def test_something_else_answers(self):
        with Greeter(b"SSH-2.0-OpenSSH_9.2\r\n") as other:
            for location in ("s3+http://{}/bucket/x", "webdav+http://{}/x", "ftp://{}/x"):
                with self.subTest(location):
                    self.refuse("snapshots", "-r", location.format(f"127.0.0.1:{other.port}"), code=1,
                                saying="is the port right?")
                    self.assertNotIn("trying again", self.errors)

    def test_something_listens_and_never_answers(self):
        with Greeter(b"") as mute:
            for location in ("s3+http://{}/bucket/x", "webdav+http://{}/x"):
                with self.subTest(location):
                    self.refuse("snapshots", "-r", location.format(f"127.0.0.1:{mute.port}"),
                                "--stuck-request-timeout", "1s", code=1, saying="no answer in time")
                    self.assertNotIn("trying again", self.errors)

    def test_nothing_answers_ssh(self):
        with Wall() as wall:
            self.refuse("snapshots", "-r", f"sftp://127.0.0.1:{wall.port}/x", code=1, saying="timed out")
            self.assertNotIn("trying again", self.errors)


class TestWebdav(OverHttp, Repository):
    server_class = ApacheDav
    secrets = (ApacheDav.password,)
    # Objects are put and moved, read back, and listed folder by folder.
    requests_of_an_unchanged_backup = 13

    def test_wrong_password_of_the_server(self):
        here = self.server.location("first")
        self.refuse_location(here, env={"LAGAN_WEBDAV_PASSWORD": "wrong"},
                             saying="user or password is wrong")
        self.refuse_location(here, env={"LAGAN_WEBDAV_USER": "", "LAGAN_WEBDAV_PASSWORD": ""},
                             saying="LAGAN_WEBDAV_USER")


class TestWebdavOfNginx(LivesThere, Repository):
    server_class = NginxDav


class TestSftp(OnServer, Repository):
    server_class = Sshd

    def test_a_server_that_is_not_there(self):
        nowhere = f"sftp://127.0.0.1:{free_port()}/x"
        self.refuse_location(nowhere, saying="Connection refused")
        self.refuse_location("sftp://no-such-host.invalid/x", saying="resolve")

    def test_a_host_that_is_not_known(self):
        # ssh's own settings for that host are not used.
        self.refuse_location(f"sftp://127.0.0.1:{self.server.port}/x",
                             saying="accept its key")

    def test_a_key_that_does_not_fit(self):
        self.refuse_location(self.server.location("first").replace("//", "//nobody-of-that-name@"),
                             saying="Permission denied")

    def test_the_spelling_of_restic(self):
        self.run_lagan("init", *QUICK_KEY, "-r", self.server.location("spelled"))
        spelled = self.server.location("spelled").replace("sftp://lagan-test", "sftp:lagan-test:")
        self.assertEqual(self.json("snapshots", "-r", spelled), [])

    def test_a_command_instead_of_ssh(self):
        command = f"sftp.command=ssh -F {self.server.path('ssh_config')} -s lagan-test sftp"
        here = self.server.location("by-command")
        self.run_lagan("init", *QUICK_KEY, "-r", here, "-o", command)
        self.assertEqual(self.json("snapshots", "-r", here, "-o", command), [])


class TestFtp(OnServer, Repository):
    server_class = ProFtpd
    secrets = (ProFtpd.password,)

    def test_wrong_password_of_the_server(self):
        self.refuse_location(self.server.location("first"),
                             env={"LAGAN_FTP_PASSWORD": "wrong"},
                             saying="user or password is wrong")

    def test_a_certificate_that_nobody_vouches_for(self):
        here = self.server.tls_location("certified")
        self.refuse_location(here, saying="--cacert")
        trusted = ("-r", here, "--cacert", self.server.certificate)
        self.run_lagan("init", *QUICK_KEY, *trusted)
        self.backup(self.source, *trusted)
        self.assertEqual(len(self.json("snapshots", *trusted)), 1)


class TestFtps(LivesThere, Repository):
    """TLS, on the server that cuts uploads with TLS 1.3."""

    server_class = Vsftpd

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.flags = ("--cacert", cls.server.certificate)
        cls.environment["LAGAN_REPOSITORY"] = cls.server.tls_location("first")


class TestRclone(OnServer, Repository):
    server_class = Rclone

    def test_a_remote_that_is_none(self):
        self.refuse_location("rclone:no-such-remote:x", saying="rclone config makes remotes")

    def test_rclone_that_is_not_there(self):
        self.refuse("snapshots", "-o", "rclone.program=/nonexistent", saying="rclone does not start")


class TestRcloneAtASocket(LivesThere, Repository):
    server_class = RcloneOfToday

    def test_nothing_stays_of_the_socket(self):
        runtime = os.path.join(self.folder, "runtime")
        os.mkdir(runtime)
        place = self.server.location("sockets")
        self.run_lagan("init", *QUICK_KEY, "-r", place, env={"XDG_RUNTIME_DIR": runtime})
        self.assertEqual(os.listdir(runtime), [])
        killed = self.start("backup", "--stdin", "-r", place, env={"XDG_RUNTIME_DIR": runtime},
                            stdin=subprocess.PIPE)
        self.wait_until(lambda: os.listdir(runtime))
        killed.kill()
        killed.communicate()
        self.wait_until(lambda: not os.listdir(runtime))

    def wait_until(self, is_so):
        end = time.monotonic() + 30
        while not is_so():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def test_no_place_for_a_socket(self):
        """Then it is a port, which this rclone refuses."""
        far = os.path.join(self.folder, "x" * 100)
        os.mkdir(far)
        self.refuse("snapshots", env={"TMPDIR": far, "XDG_RUNTIME_DIR": far}, saying="not a socket")


class TestAzure(ThroughProxy, OnServer, Repository):
    server_class = Azurite
    secrets = (Azurite.account_key,)

    def through(self, proxy, name):
        endpoint = f"http://127.0.0.1:{proxy.port}/{self.server.account}"
        return f"{self.server.location(name)}?endpoint={endpoint}"

    def test_wrong_key(self):
        self.refuse_location(self.server.location("first"),
                             env={"AZURE_ACCOUNT_KEY": "d3Jvbmc="}, saying="key or signature")
        self.refuse_location(self.server.location("first"), env={"AZURE_ACCOUNT_KEY": ""},
                             saying="AZURE_ACCOUNT_KEY")


class TestGoogle(ThroughProxy, LivesThere, Repository):
    """With the key of a service account, for which there are tokens."""

    server_class = Google

    def through(self, proxy, name):
        return f"{self.server.location(name)}?endpoint=http://127.0.0.1:{proxy.port}"

    def test_a_token_that_has_expired_is_replaced(self):
        here = ("-r", self.server.location("expired"))
        self.run_lagan("init", *QUICK_KEY, *here)
        given = self.server.fake.tokens_given
        self.server.fake.withdraw_tokens()
        self.backup(self.source, *here)
        self.assertEqual(self.server.fake.tokens_given, given + 1)

    def test_a_key_that_is_none(self):
        for text, saying in (("{}", "service account"), ("nonsense", "service account"),
                             ('{"client_email": "x", "private_key": "y"}', "RSA key")):
            write(self.path("no-key"), text)
            self.refuse("snapshots", env={"GOOGLE_APPLICATION_CREDENTIALS": self.path("no-key")}, code=1,
                        saying=saying)
        os.remove(self.path("no-key"))

    def test_a_key_of_somebody_else(self):
        with Google() as other:
            key = read(other.fake.key_file).decode().replace(other.fake.endpoint, self.server.fake.endpoint)
            write(self.path("other-key"), key)
        self.refuse("snapshots", env={"GOOGLE_APPLICATION_CREDENTIALS": self.path("other-key")}, code=1,
                    saying="withdrawn")
        self.assertNotIn("PRIVATE", self.errors)
        os.remove(self.path("other-key"))


class TestHotAndCold(Repository):
    """Data packs where they must be thawed before they are read, everything else also in a folder."""

    @classmethod
    def setUpClass(cls):
        if not Google.is_installed():
            raise unittest.SkipTest("openssl is not installed")
        cls.server = cls.enterClassContext(Google())
        cls.prepare_folder()
        os.mkdir(cls.source)
        cls.environment.update(cls.server.environment)
        cls.cold = cls.server.location("cold/x")
        cls.hot = os.path.join(cls.folder, "hot")
        cls.environment["LAGAN_REPOSITORY"] = f"hotcold:?hot={cls.hot}&cold={cls.cold}"

    @classmethod
    def start(cls, *words, **options):
        return super().start(*words, *cls.server.flags, "-o", "s3.data-storage-class=GLACIER", **options)

    def test_only_content_is_read_from_the_cold_place(self):
        write(self.path("large"), os.urandom(6 << 20))
        self.run_lagan("init", *QUICK_KEY)
        self.backup()
        write(self.path("small"), "small\n")
        first = self.backup()
        self.run_lagan("check", "--no-cache")
        self.assertIn("large", self.run_lagan("ls", "latest"))
        self.run_lagan("forget", "--keep-last", "1")
        self.run_lagan("prune", "--undelete-window", "0")
        self.assertEqual(self.server.fake.cold_reads, 0)
        self.assertFalse(os.path.exists(os.path.join(self.hot, "data")))

        self.run_lagan("restore", first, "--target", os.path.join(self.folder, "restored"), code=1)
        self.assertIn("cold tier", self.errors)
        self.assertGreater(self.server.fake.cold_reads, 0)
        self.server.fake.thaw()
        self.assertEqual(tree(self.restore(first)), tree(self.source))
        # By itself the cold place is a whole repository.
        self.run_lagan("check", "--read-data", "-r", self.cold)

    def test_locations_that_are_none(self):
        for location in ("hotcold:?hot=/x", "hotcold:?hot=&cold=/x", "hotcold:?hot=/x&cold=/y&z=1",
                         "hotcold:?hot=/x&cold=/x", "hotcold:?hot=/x&cold=/x/y"):
            self.refuse("snapshots", "-r", location, code=1, saying="hotcold location")


if __name__ == "__main__":
    unittest.main()
