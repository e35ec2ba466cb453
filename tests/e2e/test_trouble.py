# SPDX-License-Identifier: Apache-2.0
"""Backups that meet trouble: what cannot be read, what changes, signals, others at once."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import unittest

from helpers import Fresh, OrdinaryUser, read, strace, tree, write

NO_THREADS = ("lagan: the system starts no more threads: raise the limit of processes (ulimit -u, "
              "TasksMax, pids.max)")


class Unreadable(OrdinaryUser):
    def setUp(self):
        super().setUp()
        write(self.path("good"), "good")
        write(self.path("secret"), "secret")
        os.mkdir(self.path("closed"))
        write(self.path("closed/file"), "x")

    def tearDown(self):
        os.chmod(self.path("closed"), 0o755)

    def in_snapshot(self):
        return {line[len(self.source) + 1:] for line in
                self.run_lagan("ls", "-q", "latest", self.source, "-R").splitlines()}

    def test_a_file_is_told_and_the_others_are_saved(self):
        os.chmod(self.path("secret"), 0)
        output = self.run_lagan("backup", self.source, code=3)
        self.assertIn("saved", output)
        self.assertEqual(self.errors.splitlines()[0],
                         f"lagan: {self.path('secret')}: open: Permission denied")
        self.assertEqual(len(self.errors.splitlines()), 2)
        self.assertEqual(self.in_snapshot() - {""}, {"good", "secret", "closed", "closed/file"})
        self.assertEqual(read(self.restore(code=1) + "/good"), b"good")

    def test_so_is_a_folder(self):
        os.chmod(self.path("closed"), 0)
        self.run_lagan("backup", self.source, code=3)
        self.assertIn(f"{self.path('closed')}: open folder: Permission denied", self.errors)
        self.assertEqual(self.in_snapshot() - {""}, {"good", "secret", "closed"})

    def test_so_is_a_folder_that_opens_but_cannot_be_listed(self):
        os.chmod(self.path("closed"), 0o444)
        self.run_lagan("backup", self.source, code=3)
        self.assertIn(self.path("closed"), self.errors)

    def test_a_restore_tells_and_makes_nothing_in_its_place(self):
        os.chmod(self.path("secret"), 0)
        self.run_lagan("backup", self.source, code=3)
        target = self.restore(code=1)
        self.assertIn("/secret: could not be read when it was backed up: it is left out",
                      self.errors)
        self.assertEqual(set(os.listdir(target)), {"good", "closed"})
        os.chmod(target + "/closed/file", 0o600)
        write(target + "/secret", "there before")
        self.run_lagan("restore", f"latest:{self.source}", "-t", target, code=1)
        self.assertIn("/secret: could not be read when it was backed up: what is there stays",
                      self.errors)
        self.assertEqual(read(target + "/secret"), b"there before")

    def test_nothing_that_could_not_be_read_is_deleted(self):
        os.chmod(self.path("secret"), 0)
        os.chmod(self.path("closed"), 0)
        self.run_lagan("backup", self.source, code=3)
        os.chmod(self.path("closed"), 0o755)
        write(self.path("extra"), "extra")
        self.run_lagan("restore", f"latest:{self.source}", "-t", self.source, "--delete", code=1)
        self.assertIn("/closed: could not be read when it was backed up: nothing is deleted there",
                      self.errors)
        os.chmod(self.path("closed"), 0o755)
        self.assertEqual(set(os.listdir(self.source)), {"good", "secret", "closed"})
        self.assertEqual(read(self.path("closed/file")), b"x")
        write(self.path("closed/other"), "other")
        self.run_lagan("restore", f"latest:{self.path('closed')}", "-t", self.path("closed"),
                       "--delete", code=1)
        os.chmod(self.path("closed"), 0o755)
        self.assertEqual(read(self.path("closed/other")), b"other")

    def test_a_file_is_not_replaced_by_a_folder_that_could_not_be_read(self):
        os.chmod(self.path("closed"), 0)
        self.run_lagan("backup", self.source, code=3)
        target = self.restore(code=1)
        os.rmdir(target + "/closed")
        write(target + "/closed", "a file")
        self.run_lagan("restore", f"latest:{self.source}", "-t", target, code=1)
        self.assertIn("/closed: could not be read when it was backed up", self.errors)
        self.assertEqual(read(target + "/closed"), b"a file")

    def test_other_commands_live_with_such_entries(self):
        os.chmod(self.path("secret"), 0)
        self.run_lagan("backup", self.source, code=3)
        self.run_lagan("check", "--read-data")
        found = {entry["name"]: entry for entry in self.json_lines("ls", "latest", self.source)
                 if "name" in entry}
        self.assertEqual((found["secret"]["size"], found["secret"]["permissions"]),
                         (6, "----------"))
        self.assertIn("secret", self.run_lagan("find", "secret"))
        self.run_lagan("dump", "latest", self.path("secret"), code=1)
        self.assertIn("could not be read when it was saved", self.errors)
        os.chmod(self.path("secret"), 0o600)
        changes = self.run_lagan("diff", f"latest:{self.source}", self.source)
        self.assertRegex(changes, r"(?m)^M +/secret$")

    def test_json_tells_of_it_on_stderr(self):
        os.chmod(self.path("secret"), 0)
        summary = self.summary(self.source, code=3)
        self.assertIn("snapshot_id", summary)
        message = json.loads(self.errors.splitlines()[0])
        self.assertEqual(message, {"message_type": "error", "during": "archival",
                                   "item": self.path("secret"),
                                   "error": {"message": "open: Permission denied"}})
        last = json.loads(self.errors.splitlines()[-1])
        self.assertEqual((last["message_type"], last["code"]), ("exit_error", 3))
        self.assertEqual(self.errors.count("exit_error"), 1)

    def test_the_next_run_tells_again_and_saves_it_when_it_can(self):
        os.chmod(self.path("secret"), 0)
        for _ in range(2):
            self.run_lagan("backup", self.source, code=3)
        os.chmod(self.path("secret"), 0o644)
        self.run_lagan("backup", self.source)
        self.assertEqual(read(self.restore() + "/secret"), b"secret")


class Missing(Fresh):
    def test_a_path_that_is_missing_is_told_and_the_others_are_saved(self):
        write(self.path("file"), "x")
        gone = self.path("gone")
        self.summary(self.source, gone, code=3)
        self.assertIn(gone, self.errors)
        self.assertIn("No such file", self.errors)
        self.assertEqual(self.snapshots()[0]["paths"], [self.source])
        self.assertEqual(tree(self.restore()), tree(self.source))

    def test_all_missing_is_an_error(self):
        self.assertEqual(self.run_lagan("backup", self.path("a"), self.path("b"), code=1), "")
        self.assertIn("none of the paths to back up exists", self.errors)
        self.assertEqual(self.snapshots(), [])


class ReadErrors(Fresh):
    """A disk that cannot be read, as strace plays it."""

    def setUp(self):
        if shutil.which("strace") is None:
            self.skipTest("needs strace")
        super().setUp()
        write(self.path("good"), os.urandom(100_000))
        write(self.path("bad"), os.urandom(100_000))

    def broken(self):
        return strace("-o", "/dev/null", "-P", self.path("bad"), "-e", "trace=pread64",
                      "-e", "inject=pread64:error=EIO")

    def test_the_file_is_told_and_the_others_are_saved(self):
        self.run_lagan("backup", self.source, code=3, **self.broken())
        self.assertIn(f"{self.path('bad')}: read: Input/output error", self.errors)
        restored = self.restore(code=None)
        self.assertEqual(read(restored + "/good"), read(self.path("good")))
        self.run_lagan("backup", self.source)
        self.assertEqual(tree(self.restore()), tree(self.source))

    def test_a_folder_of_which_only_some_names_could_be_read_is_told_and_loses_nothing(self):
        for number in range(2000):
            write(self.path(f"a file with a long name {number:040}"))
        self.run_lagan("backup", self.source, code=3, **strace(
            "-o", "/dev/null", "-P", self.source, "-e", "trace=getdents64",
            "-e", "inject=getdents64:error=EIO:when=3+"))
        self.assertIn(f"{self.source}: list: Input/output error", self.errors)
        before = tree(self.source)
        self.run_lagan("restore", f"latest:{self.source}", "-t", self.source, "--delete", code=1)
        self.assertIn("could not be read whole when it was backed up: nothing is deleted there",
                      self.errors)
        self.assertEqual(tree(self.source), before)
        self.assertGreater(self.json("stats", "latest")["total_file_count"], 100)

    def test_a_restore_says_that_the_file_is_not_whole(self):
        self.run_lagan("backup", self.source, code=3, **self.broken())
        self.restore(code=None)
        self.assertIn("/bad", self.errors)


class Special(Fresh):
    def test_pipes_and_sockets_are_saved_without_reading_them(self):
        os.mkfifo(self.path("pipe"))
        with socket.socket(socket.AF_UNIX) as listener:
            here = os.getcwd()
            os.chdir(self.source)  # The path of a socket is short.
            listener.bind("socket")
            os.chdir(here)
        self.backup()
        self.assertEqual(tree(self.restore()), tree(self.source))


class Changing(Fresh):
    def test_a_file_that_changes_while_it_is_read_is_told(self):
        if shutil.which("strace") is None:
            self.skipTest("needs strace, to read slowly")
        write(self.path("log"), os.urandom(1_000_000))
        write(self.path("good"), "good")
        slowly = strace("-o", "/dev/null", "-P", self.path("log"), "-e", "trace=pread64",
                        "-e", "inject=pread64:delay_enter=300000")
        with self.start("backup", self.source, **slowly) as process:
            with open(self.path("log"), "ab", buffering=0) as file:
                while process.poll() is None:
                    file.write(b"x")
                    time.sleep(0.001)
            _, errors = process.communicate()
        self.assertEqual(process.returncode, 3)
        self.assertIn(f"{self.path('log')}: changed while it was read", errors.decode())
        restored = self.restore()
        self.assertEqual(read(restored + "/good"), b"good")
        content = read(restored + "/log")
        self.assertEqual(read(self.path("log"))[:len(content)], content)


class Signals(Fresh):
    def setUp(self):
        super().setUp()
        write(self.path("file"), "x" * 10_000)
        self.old = self.backup()
        self.before = tree(self.source)
        self.more = os.path.join(self.folder, "more")
        os.mkdir(self.more)
        for i in range(20):
            write(f"{self.more}/{i}", os.urandom(5_000_000))

    def packs(self):
        return [name for name in self.stored() if "/data/" in name]

    def interrupt(self, number):
        """Sends a signal when the first pack is stored and much is left to do."""
        packs = len(self.packs())
        with self.start("--pack-size", "4", "--json", "backup", self.more) as process:
            while process.poll() is None and len(self.packs()) == packs:
                time.sleep(0.001)
            process.send_signal(number)
            output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertNotIn(b"summary", output)
        self.assertEqual(json.loads(errors)["code"], 130)

    def test_nothing_is_lost_and_the_next_run_goes_on(self):
        self.interrupt(signal.SIGINT)
        self.interrupt(signal.SIGTERM)
        self.assertEqual([snapshot["id"] for snapshot in self.snapshots()], [self.old])
        self.assertEqual(tree(self.restore()), self.before)
        self.run_lagan("check", "--read-data")
        self.assertLess(self.summary(self.more)["data_added"], 99_000_000)
        self.run_lagan("check", "--read-data")


class FewThreads(OrdinaryUser):
    def test_a_system_that_starts_no_more_threads_is_told_of_and_nothing_hangs(self):
        for number in range(100):
            write(self.path(str(number)), os.urandom(3000))
        self.backup()
        codes = set()
        for limit in range(1, 10):
            for words in (("backup", "--force", self.source), ("check", "--read-data"), ("prune",),
                          ("restore", "latest", "--dry-run", "-t", f"{self.folder}/restored")):
                with self.subTest(limit=limit, words=words):
                    self.run_lagan("-q", *words, before=("prlimit", f"--nproc={limit}"), code=None)
                    lines = [line for line in self.errors.splitlines() if "owners" not in line]
                    self.assertIn(lines, ([], [NO_THREADS]))
                    codes.add(bool(lines))
        self.assertIn(True, codes)
        self.run_lagan("check", "--read-data")


class Together(Fresh):
    def run_together(self, *jobs):
        processes = [self.start("--json", "backup", folder, env=env) for folder, env in jobs]
        ids = []
        for process in processes:
            output, errors = process.communicate(timeout=120)
            self.assertEqual((process.returncode, errors), (0, b""))
            ids.append(json.loads(output.splitlines()[-1])["snapshot_id"])
        return ids

    def test_two_machines_at_once_disturb_nobody(self):
        shared = os.urandom(3_000_000)
        jobs = []
        for name in ("one", "two"):
            folder = self.path(name)
            os.mkdir(folder)
            write(folder + "/shared", shared)
            write(folder + "/own", os.urandom(3_000_000))
            for i in range(200):
                write(f"{folder}/{i}", f"{name} {i}" * 100)
            jobs.append((folder, {"LAGAN_HOST": name,
                                  "LAGAN_CACHE_DIR": os.path.join(self.folder, "cache-" + name)}))
        # The third and fourth share a cache with each other.
        jobs += [(folder, {"LAGAN_HOST": "three"}) for folder, _ in jobs]
        for _ in range(2):
            ids = self.run_together(*jobs)
            self.assertEqual(len(set(ids)), 4)
            for snapshot, (folder, _) in zip(ids, jobs):
                target = os.path.join(self.folder, snapshot)
                self.run_lagan("restore", f"{snapshot}:{folder}", "-t", target)
                self.assertEqual(tree(target), tree(folder))
            self.assertIn("no errors", self.run_lagan("check", "--read-data"))
        self.assertEqual(len(self.snapshots()), 8)


class Listeners(Fresh):
    """Who listens to the output may go away, or have no room."""

    def setUp(self):
        super().setUp()
        for i in range(100):
            write(self.path(str(i)), str(i))

    def check_fails_without_crash(self, *words, **streams):
        with self.start("backup", *words, self.source, **streams) as process:
            if process.stdout is not None:
                process.stdout.close()
            process.wait(timeout=60)
        self.assertEqual(process.returncode, 1)

    def test_a_full_disk_under_the_output_is_an_error(self):
        with open("/dev/full", "wb") as full:
            self.check_fails_without_crash(stdout=full, stderr=subprocess.DEVNULL)

    def test_so_it_is_when_files_are_named(self):
        with open("/dev/full", "wb") as full:
            self.check_fails_without_crash("-vv", stdout=full, stderr=subprocess.DEVNULL)

    def test_a_reader_that_has_enough_ends_it_without_a_crash(self):
        self.check_fails_without_crash("-vv", stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    unittest.main()
