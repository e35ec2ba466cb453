# SPDX-License-Identifier: Apache-2.0
"""A mount whose repository is behind a network that is lost, and comes back."""

import concurrent.futures
import errno
import os
import random
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "servers"))
from fault_proxy import FaultProxy  # noqa: E402
from helpers import QUICK_KEY, Repository, read, write  # noqa: E402
from servers import ApacheDav  # noqa: E402
from test_mount import MIB, Mounting, reason_not_to_mount  # noqa: E402

# How long each request is tried: then readers get an error.
IMPATIENT = ("--retry-time", "1s", "--stuck-request-timeout", "1s")


def drop_pages(path):
    """What the kernel knows of it is asked for anew."""
    file = os.open(path, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


class LostNetwork(Mounting, Repository):
    @classmethod
    def setUpClass(cls):
        if not ApacheDav.is_installed():
            raise unittest.SkipTest("apache is not installed")
        reason = reason_not_to_mount()
        if reason is not None:
            raise unittest.SkipTest(reason)
        server = cls.enterClassContext(ApacheDav())
        cls.proxy = cls.enterClassContext(FaultProxy(server.port))
        cls.prepare_folder()
        cls.environment.update(server.environment)
        there = server.location("lost").replace(f":{server.port}/", f":{cls.proxy.port}/")
        cls.environment["LAGAN_REPOSITORY"] = there
        cls.run_lagan("init", *QUICK_KEY)
        dice = random.Random(5)
        # Apart, or one that is read has the other fetched ahead.
        names = ("seen/file", "unseen/file", *(f"unseen/{number}/file" for number in range(9)))
        cls.contents = {name: dice.randbytes(5 * MIB // 2) for name in names}
        for name, content in cls.contents.items():
            os.makedirs(os.path.dirname(cls.path(name)), exist_ok=True)
            write(cls.path(name), content)
        # More than one part of a list.
        os.mkdir(cls.path("large"))
        for number in range(3000):
            write(cls.path(f"large/{number:0250}"))
        cls.backup()

    def assert_refused(self, function, *words):
        with self.assertRaises(OSError) as refused:
            function(*words)
        self.assertEqual(refused.exception.errno, errno.EIO)

    def test_what_is_not_here_is_an_error_until_the_network_is_back(self):
        for away in ("reset", "silent"):
            with (self.subTest(away),
                  self.mounted(*IMPATIENT, is_quiet=False, stderr=subprocess.DEVNULL) as mnt):
                here = f"{mnt}/latest{self.source}"
                self.assertEqual(read(f"{here}/seen/file"), self.contents["seen/file"])
                unseen = [name for name in self.contents if name.startswith("unseen/")]
                for name in unseen:
                    os.stat(f"{here}/{name}")
                with os.scandir(f"{here}/large") as large:
                    names = [next(large).name]
                    self.proxy.away = away
                    try:
                        self.look_around(mnt, here, unseen)
                        # Neither is a list that breaks off taken for a whole one later.
                        self.assert_refused(names.extend, (each.name for each in large))
                    finally:
                        self.proxy.away = None
                for name in unseen:
                    self.assertEqual(read(f"{here}/{name}"), self.contents[name])
                self.assertEqual(sorted(os.listdir(f"{here}/large")),
                                 sorted(os.listdir(self.path("large"))))

    def look_around(self, mnt, here, unseen):
        with concurrent.futures.ThreadPoolExecutor(len(unseen)) as readers:
            reading = [readers.submit(read, f"{here}/{name}") for name in unseen]
            drop_pages(f"{here}/seen/file")
            self.assertEqual(read(f"{here}/seen/file"), self.contents["seen/file"])
            self.assertEqual(sorted(os.listdir(here)), ["large", "seen", "unseen"])
        for each in reading:
            self.assert_refused(each.result)
        errors = read(f"{mnt}/.lagan/errors").decode()
        for name in unseen:
            self.assertIn(f"/{name}: at byte ", errors)


if __name__ == "__main__":
    unittest.main()
