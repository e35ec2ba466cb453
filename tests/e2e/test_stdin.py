# SPDX-License-Identifier: Apache-2.0
"""Backups of what a pipe or a command brings: all of it, or no snapshot."""

import os
import signal
import subprocess
import unittest

from helpers import Fresh


class Stdin(Fresh):
    def dump(self, name="/stdin"):
        return self.run_lagan("dump", "latest", name, binary=True)

    def test_every_size_comes_back(self):
        for size in (0, 1, 256, 257, 3_000_000):
            content = os.urandom(size)
            summary = self.summary("--stdin", stdin=content)
            self.assertEqual(summary["total_bytes_processed"], size)
            self.assertEqual(self.dump(), content)

    def test_it_gets_a_name_and_a_time(self):
        self.backup("--stdin", "--stdin-filename", "db.sql", "--time", "2020-01-02 03:04:05",
                    stdin=b"dump")
        (snapshot,) = self.snapshots()
        self.assertEqual(snapshot["paths"], ["/db.sql"])
        self.assertEqual(self.dump("/db.sql"), b"dump")
        target = os.path.join(self.folder, "target")
        self.run_lagan("restore", "latest", target)
        self.assertEqual(os.stat(target + "/db.sql").st_mtime, 1577934245)

    def test_other_input_is_not_mixed_in(self):
        self.refuse("backup", "--stdin", self.source, stdin=b"", saying="--stdin and paths")
        for name in ("", "..", ".", "a/b"):
            self.refuse("backup", "--stdin", "--stdin-filename", name, stdin=b"",
                        saying="--stdin-filename")
        self.assertEqual(self.snapshots(), [])

    def test_a_dry_run_stores_nothing(self):
        before = self.stored()
        self.run_lagan("backup", "--stdin", "-n", stdin=b"x" * 100_000)
        self.assertEqual(self.stored(), before)

    def test_what_was_interrupted_is_no_snapshot(self):
        process = self.start("backup", "--stdin", stdin=subprocess.PIPE)
        process.stdin.write(b"the first half" * 10_000)
        process.stdin.flush()  # More than a pipe holds: it reads, so it handles signals.
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual((self.snapshots(), process.returncode), ([], 130))


class Command(Fresh):
    def check_failure(self, *command, saying):
        self.refuse("backup", "--stdin-from-command", "--", *command, saying=saying)
        self.assertEqual(self.snapshots(), [])

    def test_its_output_is_saved(self):
        self.backup("--stdin-from-command", "--stdin-filename", "out", "--", "sh", "-c",
                    "echo one; echo -n two; echo three >&2")
        self.assertEqual(self.run_lagan("dump", "latest", "/out"), "one\ntwo")
        self.assertEqual(self.errors, "")

    def test_its_failure_is_ours_and_makes_no_snapshot(self):
        self.check_failure("sh", "-c", "echo half of it; exit 3", saying="status 3")
        self.check_failure("false", saying="status 1")
        self.check_failure("sh", "-c", "echo half of it; kill -9 $$", saying="signal 9")

    def test_a_command_that_is_missing_is_told(self):
        self.check_failure("no-such-command", saying="")
        self.refuse("backup", "--stdin-from-command", saying="needs a command")

    def test_no_output_at_all_makes_no_snapshot(self):
        self.check_failure("true", saying="printed nothing")


if __name__ == "__main__":
    unittest.main()
