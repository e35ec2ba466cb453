# SPDX-License-Identifier: Apache-2.0
"""mount and umount: every snapshot as a folder of the system, compared with what was saved."""

import concurrent.futures
import contextlib
import errno
import json
import multiprocessing
import os
import random
import shutil
import signal
import stat
import subprocess
import time
import unittest

import compare_trees
import random_trees
from helpers import IS_ROOT, LAGAN, NOBODY, Fresh, OrdinaryUser, read, settle, write

MIB = 1 << 20
SOURCES = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))


def reason_not_to_mount(user=None):
    """Why nothing can be mounted here; None if it can."""
    if not os.path.exists("/dev/fuse"):
        return "there is no /dev/fuse"
    look = ["sh", "-c", ": <> /dev/fuse"]
    options = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    if subprocess.run(look, check=False, capture_output=True, **options).returncode != 0:
        return "/dev/fuse cannot be opened by this user"
    if (user is not None or not IS_ROOT) and shutil.which("fusermount3") is None:
        return "there is no fusermount3"
    return None


def mounted_at(path):
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        return any(line.split()[4] == path for line in table)


def wait_until(condition, what):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within 30 s: {what}")


class Mounting:
    """Mixed into the classes of helpers."""

    def prepare_mountpoint(self):
        self.mountpoint = os.path.join(os.path.realpath(self.folder), "mnt")
        if mounted_at(self.mountpoint):
            return
        os.makedirs(self.mountpoint, exist_ok=True)
        if self.user is not None:
            os.chown(self.mountpoint, self.user, self.user)

    @contextlib.contextmanager
    def mounted(self, *words, is_quiet=True, **options):
        """A mount in the foreground; its path."""
        reason = reason_not_to_mount(self.user)
        if reason is not None:
            self.skipTest(reason)
        self.prepare_mountpoint()
        process = self.start("mount", self.mountpoint, *words, **options)
        try:
            self.summary = process.stdout.readline().decode()
            if not self.summary:
                raise AssertionError(process.stderr.read().decode())
            yield self.mountpoint
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                _, said = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                subprocess.run(["umount", "-l", self.mountpoint], check=False)
                raise
        self.assertEqual(process.returncode, 0, said)
        if is_quiet:
            self.assertEqual(said, b"")
        self.assertFalse(mounted_at(self.mountpoint))


def become(user):
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        random_trees.IS_ROOT = False


def grow(folder, seed):
    random_trees.Grower(random.Random(seed)).grow(os.fsencode(folder))


class OddTrees(Mounting):
    """Trees with everything in them that a user can make, looked at and copied by that user."""

    def as_user(self, function, *words):
        """What it returns to whom the mount belongs: not even root looks into it."""
        with concurrent.futures.ProcessPoolExecutor(
                1, multiprocessing.get_context("fork"), become, (self.user,)) as pool:
            return pool.submit(function, *words).result()

    def grow(self, seed):
        self.addCleanup(self.unprotect)
        self.unprotect()
        shutil.rmtree(self.source)
        self.as_user(os.mkdir, self.source)
        self.as_user(grow, self.source, seed)

    def unprotect(self):
        subprocess.run(["chattr", "-R", "-f", "-i", "-a", self.source], check=False,
                       capture_output=True)

    def test_odd_trees_are_what_was_saved(self):
        entries = 0
        for seed in (1, 2, 3):
            with self.subTest(seed=seed):
                self.grow(seed)
                self.backup(code=None)
                expected = self.as_user(compare_trees.tree, self.source)
                entries += len(expected)
                with self.mounted() as mnt:
                    # The second time from the kernel's caches.
                    for _ in range(2):
                        shown = self.as_user(compare_trees.tree, f"{mnt}/latest{self.source}")
                        self.assertEqual(compare_trees.differences(expected, shown), [])
        self.assertGreater(entries, 50)

    def test_rsync_restores_from_it_exactly(self):
        if shutil.which("rsync") is None:
            self.skipTest("there is no rsync")
        self.grow(4)
        # rsync does not take over what protects a file, and reads every byte of a hole.
        self.unprotect()
        for here, _, names in os.walk(os.fsencode(self.source)):
            for path in (os.path.join(here, name) for name in names):
                if os.lstat(path).st_size > 16 * MIB:
                    os.truncate(path, 16 * MIB)
        self.backup(code=None)
        target = os.path.join(self.folder, "target")
        self.as_user(os.mkdir, target)
        user = {} if self.user is None else {"user": self.user, "group": self.user,
                                             "extra_groups": []}
        with self.mounted() as mnt:
            words = ["rsync", "-aHAX", "--checksum", "--devices", "--specials"]
            subprocess.run([*words, f"{mnt}/latest{self.source}/", target], check=True, **user)
            # Now it has nothing more to do, from there or from where all of it came from.
            for source in (f"{mnt}/latest{self.source}/", f"{self.source}/"):
                again = subprocess.run([*words, "-ni", source, target], check=True,
                                       capture_output=True, **user)
                self.assertEqual(again.stdout, b"")
        expected = self.as_user(compare_trees.tree, self.source)
        found = self.as_user(compare_trees.tree, target)
        for entry in (*expected.values(), *found.values()):
            if stat.S_ISSOCK(entry["kind"]):  # rsync gives them no times
                del entry["mtime"]
        # It does not keep holes, and so the hashes of what is not a hole.
        different = compare_trees.differences(expected, found,
                                              ignore=("flags", "project", "data", "content"))
        self.assertEqual(different, [])


class OddTreesOfRoot(OddTrees, Fresh):
    pass


class OddTreesOfUser(OddTrees, OrdinaryUser):
    pass


class Exact(Mounting, Fresh):
    def test_hard_links_share_a_number_and_know_how_many_they_are(self):
        os.mkdir(self.path("inner"))
        write(self.path("a"), "linked")
        os.link(self.path("a"), self.path("inner/b"))
        os.link(self.path("a"), self.path("c"))
        write(self.path("alone"), "alone")
        self.backup()
        with self.mounted() as mnt:
            here = f"{mnt}/latest{self.source}"
            found = [os.stat(f"{here}/{name}") for name in ("a", "inner/b", "c")]
            self.assertEqual({status.st_nlink for status in found}, {3})
            self.assertEqual(len({status.st_ino for status in found}), 1)
            self.assertEqual(os.stat(f"{here}/alone").st_nlink, 1)
            number = found[0].st_ino
            folder = os.stat(f"{here}/inner").st_ino
        with self.mounted() as mnt:
            here = f"{mnt}/latest{self.source}"
            self.assertEqual(os.stat(f"{here}/c").st_ino, number)
            self.assertEqual(os.stat(f"{here}/inner").st_ino, folder)

    def test_random_reads_agree_with_the_original(self):
        dice = random.Random(5)
        size = 40 * MIB + 12345
        with open(self.path("large"), "wb") as file:
            file.truncate(size)
            for _ in range(30):
                file.seek(dice.randrange(size))
                file.write(dice.randbytes(dice.randrange(1, 2 * MIB))[:size - file.tell()])
        self.backup()
        with self.mounted("--cache-memory", "8M") as mnt:
            # What the kernel keeps would hide what lagan answers.
            ours = os.open(f"{mnt}/latest{self.source}/large", os.O_RDONLY)
            theirs = os.open(self.path("large"), os.O_RDONLY)
            for i in range(1500):
                at, length = dice.randrange(size + 100), dice.choice((1, 511, 4096, 70_000, 3 * MIB))
                self.assertEqual(os.pread(ours, length, at), os.pread(theirs, length, at), (i, at))
                if i % 10 == 0:
                    os.posix_fadvise(ours, 0, 0, os.POSIX_FADV_DONTNEED)
                if i % 50 == 0:
                    for whence in (os.SEEK_DATA, os.SEEK_HOLE):
                        answers = []
                        for descriptor in (ours, theirs):
                            try:
                                answers.append(os.lseek(descriptor, at, whence))
                            except OSError as error:
                                answers.append(error.errno)
                        self.assertEqual(answers[0], answers[1], (i, at, whence))
            os.close(ours)
            os.close(theirs)

    def test_a_large_folder_shows_every_name_once(self):
        os.mkdir(self.path("many"))
        for i in range(5000):
            write(self.path(f"many/{i:05}"), str(i))
        self.backup()
        with self.mounted() as mnt:
            for _ in range(2):
                names = os.listdir(f"{mnt}/latest{self.source}/many")
                self.assertEqual(sorted(names), [f"{i:05}" for i in range(5000)])
            self.assertEqual(read(f"{mnt}/latest{self.source}/many/04999"), b"4999")


class Tree(Mounting, Fresh):
    def test_snapshots_show_in_all_their_places(self):
        write(self.path("file"), "first")
        write(self.path("gone"), "gone")
        first = self.backup(self.source, "--tag", "x", "--host", "attic")
        write(self.path("file"), "second")
        os.remove(self.path("gone"))
        write(self.path("new"), "new")
        second = self.backup(self.source, "--host", "cellar")
        with self.mounted("--gmt-names") as mnt:
            self.assertRegex(self.summary, r"^2 snapshots are mounted at .*; unmount with Ctrl-C\n$")
            top = os.listdir(mnt)
            for name in ("latest", "ids", "snapshots", "hosts", "tags", "by-time", "versions",
                         "time-machine", ".lagan"):
                self.assertIn(name, top)
            self.assertEqual(sum(name.startswith("@GMT-") for name in top), 2)
            self.assertEqual(sorted(os.listdir(f"{mnt}/ids")), sorted([first[:8], second[:8]]))
            self.assertEqual(read(f"{mnt}/latest{self.source}/file"), b"second")
            self.assertEqual(read(f"{mnt}/hosts/attic/latest{self.source}/file"), b"first")
            self.assertEqual(read(f"{mnt}/tags/x/latest{self.source}/file"), b"first")
            self.assertEqual(os.listdir(f"{mnt}/hosts"), ["attic", "cellar"])
            daily = f"{mnt}/time-machine/daily"
            self.assertEqual(len(os.listdir(daily)), 2)
            for name in os.listdir(daily):
                self.assertIn(read(f"{daily}/{name}{self.source}/file"), (b"first", b"second"))
            versions = f"{mnt}/versions{self.source}/file"
            contents = [read(f"{versions}/{name}") for name in sorted(os.listdir(versions))]
            self.assertEqual(sorted(contents), [b"first", b"second"])
            self.assertEqual(os.listdir(f"{mnt}/versions{self.source}"), ["file", "gone", "new"])
            deleted = os.listdir(f"{mnt}/versions{self.source}/gone")
            self.assertEqual([read(f"{mnt}/versions{self.source}/gone/{name}") for name in deleted],
                             [b"gone"])
            status = os.statvfs(mnt)
            self.assertEqual(status.f_bfree, 0)
            self.assertGreater(status.f_files, 0)
        with self.mounted("--host", "attic") as mnt:
            self.assertEqual(os.listdir(f"{mnt}/ids"), [first[:8]])
        with self.mounted("--path-template", "%h/%T", "--time-template", "2006") as mnt:
            self.assertEqual(len(os.listdir(f"{mnt}/cellar")), 2)
        with self.mounted(f"{first}:{self.source}", "--own-xattrs", "--owner-root") as mnt:
            self.assertEqual(os.listdir(mnt), ["file", "gone"])
            self.assertEqual(os.getxattr(f"{mnt}/file", "user.lagan.snapshot"), first.encode())
            self.assertEqual(os.stat(f"{mnt}/file").st_uid, 0)

    def test_nothing_can_be_written(self):
        write(self.path("file"), "content")
        self.backup()
        with self.mounted() as mnt:
            here = f"{mnt}/latest{self.source}"
            for change in (lambda: open(f"{here}/file", "ab"), lambda: os.mkdir(f"{here}/new"),
                           lambda: os.remove(f"{here}/file"), lambda: os.chmod(f"{here}/file", 0),
                           lambda: os.setxattr(f"{here}/file", "user.a", b"b"),
                           lambda: os.rename(f"{here}/file", f"{here}/other"),
                           lambda: os.mkdir(f"{mnt}/new")):
                with self.assertRaises(OSError) as caught:
                    change()
                self.assertEqual(caught.exception.errno, errno.EROFS)

    def test_new_snapshots_show_by_themselves(self):
        write(self.path("file"), "first")
        self.backup()
        with self.mounted("--refresh", "1s") as mnt:
            self.assertEqual(read(f"{mnt}/latest{self.source}/file"), b"first")
            settle()
            write(self.path("file"), "second")
            second = self.backup()
            wait_until(lambda: os.path.exists(f"{mnt}/ids/{second[:8]}"), "the new snapshot")
            wait_until(lambda: read(f"{mnt}/latest{self.source}/file") == b"second", "its file")
            self.run_lagan("forget", second)
            wait_until(lambda: not os.path.exists(f"{mnt}/ids/{second[:8]}"), "it is forgotten")

    def test_a_damaged_chunk_costs_its_own_range_and_is_told(self):
        content = random.Random(6).randbytes(24 * MIB)
        write(self.path("large"), content)
        write(self.path("other"), os.urandom(3 * MIB))
        self.backup()
        packs = [path for path in self.stored() if "/data/" in path]
        largest = max(packs, key=os.path.getsize)
        with open(largest, "r+b") as pack:
            pack.seek(os.path.getsize(largest) // 2)
            byte = pack.read(1)
            pack.seek(-1, os.SEEK_CUR)
            pack.write(bytes([byte[0] ^ 1]))
        with self.mounted() as mnt:
            good = bad = 0
            for name, expected in (("large", content), ("other", read(self.path("other")))):
                file = os.open(f"{mnt}/latest{self.source}/{name}", os.O_RDONLY)
                for at in range(0, len(expected), 4096):
                    try:
                        self.assertEqual(os.pread(file, 4096, at), expected[at:at + 4096])
                        good += 1
                    except OSError as error:
                        self.assertEqual(error.errno, errno.EIO)
                        bad += 1
                os.close(file)
            self.assertGreater(bad, 0)
            self.assertLess(bad * 4096, 9 * MIB)
            self.assertGreater(good, bad)
            status = json.loads(read(f"{mnt}/.lagan/status.json"))
            self.assertEqual(status["snapshots"], 1)
            self.assertGreater(status["errors"], 0)
            self.assertGreater(status["cache"]["contents"]["bytes"], 0)
            self.assertEqual(status["cache"]["contents"]["max_bytes"], 192 * MIB)
            errors = read(f"{mnt}/.lagan/errors").decode()
            self.assertIn(": at byte ", errors)
            self.assertIn("pack ", errors)


class Life(Mounting, Fresh):
    def prepare_one(self):
        write(self.path("file"), "content")
        self.backup()
        self.prepare_mountpoint()
        reason = reason_not_to_mount(self.user)
        if reason is not None:
            self.skipTest(reason)

    def test_a_daemon_is_there_when_the_command_ends_and_goes_with_umount(self):
        self.prepare_one()
        output = self.run_lagan("mount", "--daemon", self.mountpoint)
        self.assertIn("lagan umount", output)
        self.assertTrue(mounted_at(self.mountpoint))
        with open(f"{self.mountpoint}/latest{self.source}/file", "rb") as file:
            self.assertEqual(file.read(), b"content")
            if IS_ROOT:
                self.refuse("umount", self.mountpoint, saying="in use")
        self.run_lagan("umount", self.mountpoint)
        self.assertFalse(mounted_at(self.mountpoint))
        self.refuse("umount", self.mountpoint, saying="nothing of lagan is mounted")

    def test_a_daemon_that_cannot_mount_says_why(self):
        self.prepare_one()
        self.refuse("mount", "--daemon", self.mountpoint, "ffff", saying="there is no snapshot ffff")
        self.refuse("mount", "--daemon", self.mountpoint, code=12, env={"LAGAN_PASSWORD": "wrong"},
                    saying="password")
        self.assertFalse(mounted_at(self.mountpoint))

    def test_signals_unmount_and_a_lost_terminal_does_not(self):
        self.prepare_one()
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start("mount", self.mountpoint)
            self.assertTrue(process.stdout.readline())
            process.send_signal(signal.SIGHUP)
            self.assertEqual(read(f"{self.mountpoint}/latest{self.source}/file"), b"content")
            process.send_signal(number)
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0)
            self.assertFalse(mounted_at(self.mountpoint))

    def test_a_mount_whose_program_was_killed_is_replaced(self):
        self.prepare_one()
        process = self.start("mount", self.mountpoint)
        self.assertTrue(process.stdout.readline())
        process.kill()
        process.communicate()
        with self.assertRaises(OSError) as caught:
            os.listdir(self.mountpoint)
        self.assertEqual(caught.exception.errno, errno.ENOTCONN)
        with self.mounted() as mnt:
            self.assertEqual(read(f"{mnt}/latest{self.source}/file"), b"content")
        self.assertFalse(mounted_at(self.mountpoint))

    def test_umount_from_elsewhere_ends_the_program(self):
        self.prepare_one()
        process = self.start("mount", self.mountpoint)
        self.assertTrue(process.stdout.readline())
        self.run_lagan("umount", self.mountpoint)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)


class Fstab(Mounting, Fresh):
    def test_what_mount_8_runs_for_it_takes_flags_as_options(self):
        reason = reason_not_to_mount(self.user)
        if reason is not None:
            self.skipTest(reason)
        write(self.path("file"), "content")
        self.backup(self.source, "--host", "attic")
        self.backup(self.source, "--host", "cellar")
        self.prepare_mountpoint()
        programs = os.path.join(self.folder, "programs")
        os.mkdir(programs)
        os.symlink(LAGAN, os.path.join(programs, "lagan"))
        write(f"{self.folder}/password", "first\n")
        environment = {**self.environment, "PATH": f"{programs}:{os.environ['PATH']}"}
        del environment["LAGAN_REPOSITORY"], environment["LAGAN_PASSWORD"]
        helper = os.path.join(SOURCES, "scripts/mount.lagan")
        subprocess.run([helper, self.repository, self.mountpoint, "-s", "-o",
                        f"rw,noauto,x-systemd.automount,password-file={self.folder}/password,"
                        "host=cellar"], env=environment, check=True, stdout=subprocess.DEVNULL)
        try:
            self.assertEqual(os.listdir(f"{self.mountpoint}/hosts"), ["cellar"])
            self.assertEqual(read(f"{self.mountpoint}/latest{self.source}/file"), b"content")
        finally:
            self.run_lagan("umount", self.mountpoint)


    def test_mount_8_mounts_what_fstab_says(self):
        reason = reason_not_to_mount(self.user)
        if reason is not None or not IS_ROOT:
            self.skipTest(reason or "only root may put a helper where mount(8) looks")
        write(self.path("file"), "content")
        self.backup()
        self.prepare_mountpoint()
        programs, helpers = (os.path.join(self.folder, name) for name in ("programs", "helpers"))
        os.mkdir(programs)
        os.mkdir(helpers)
        os.symlink(LAGAN, os.path.join(programs, "lagan"))
        shutil.copy(os.path.join(SOURCES, "scripts/mount.lagan"), helpers)
        write(f"{self.folder}/password", "first\n")
        # The example of the manual, with the paths of here.
        example = [line for line in self.manual().splitlines() if "  lagan  " in line]
        self.assertEqual(len(example), 1)
        line = example[0].strip().replace("/srv/backup", self.repository)
        line = line.replace("/mnt/backup", self.mountpoint)
        line = line.replace("/etc/lagan/password", f"{self.folder}/password")
        write(f"{self.folder}/fstab", line + "\n")
        environment = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": self.folder,
                       "LAGAN_CACHE_DIR": self.environment["LAGAN_CACHE_DIR"]}
        # In a namespace of its own, where nobody else sees the helper.
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-ec",
             'mount --bind "$1" /sbin; mount --bind "$5" /usr/local/bin; mount -T "$2" "$3"; '
             'cat "$3/latest$4/file"; grep -c " $3 .* - fuse.lagan " /proc/self/mountinfo; '
             '"$5/lagan" umount "$3"; ! grep " $3 .* - fuse.lagan " /proc/self/mountinfo',
             "sh", helpers, f"{self.folder}/fstab", self.mountpoint, self.source, programs],
            env=environment, capture_output=True, text=True, timeout=60)
        if "unshare failed" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("content1\n", done.stdout)

    def manual(self):
        return read(os.path.join(SOURCES, "docs/mount.md")).decode()

    def test_systemd_understands_the_unit_of_the_manual(self):
        _, _, begun = self.manual().partition("    [Unit]")
        lines = ("    [Unit]" + begun).splitlines()
        unit = []
        for line in lines:
            if line and not line.startswith("    "):
                break
            unit.append(line.strip())
        path = os.path.join(self.folder, "mnt-backup.mount")
        write(path, "\n".join(unit) + "\n")

        def verify():
            return subprocess.run(["systemd-analyze", "verify", "--man=no", path],
                                  capture_output=True, text=True,
                                  env={"PATH": os.environ["PATH"], "HOME": self.folder})
        try:
            verified = verify()
        except FileNotFoundError:
            self.skipTest("there is no systemd-analyze")
        self.assertEqual((verified.returncode, verified.stderr), (0, ""))
        self.assertIn("Type=lagan", unit)
        # It would say so.
        write(path, "\n".join(unit).replace("Where=", "Elsewhere=") + "\n")
        self.assertNotEqual(verify().stderr, "")


class DiskCache(Mounting, Fresh):
    def test_what_was_read_once_is_read_from_the_disk(self):
        content = os.urandom(3 * MIB)
        write(self.path("file"), content)
        self.backup()
        for _ in range(2):
            with self.mounted("--cache-disk", "10M") as mnt:
                self.assertEqual(read(f"{mnt}/latest{self.source}/file"), content)
        blocks = os.path.join(self.folder, "cache/blocks")
        kept = [f"{blocks}/{name}" for name in os.listdir(blocks)]
        self.assertGreater(sum(os.path.getsize(path) for path in kept), 3 * MIB)
        # What is damaged there is fetched again, and nobody notices.
        for path in kept:
            with open(path, "r+b") as file:
                file.seek(os.path.getsize(path) // 2)
                file.write(b"damaged")
        with self.mounted("--cache-disk", "10M") as mnt:
            self.assertEqual(read(f"{mnt}/latest{self.source}/file"), content)
            self.assertEqual(read(f"{mnt}/.lagan/errors"), b"")
        self.refuse("mount", self.mountpoint, "--cache-disk", "much", saying="cache.size")


class BadMountpoints(Mounting, Fresh):
    def test_each_gets_a_sentence_that_says_what_to_do(self):
        self.backup()
        self.prepare_mountpoint()
        self.refuse("mount", f"{self.folder}/missing", saying="mkdir")
        write(f"{self.folder}/file", "")
        self.refuse("mount", f"{self.folder}/file", saying="is not a folder")
        write(f"{self.mountpoint}/something", "")
        self.refuse("mount", self.mountpoint, saying="is not empty")
        inner = os.path.join(self.repository, "mnt")
        os.mkdir(inner)
        self.refuse("mount", inner, saying="repository")
        self.refuse("mount", self.folder, saying="repository")
        os.remove(f"{self.mountpoint}/something")
        self.refuse("mount", self.mountpoint, ":/folder", saying="write latest:/folder")
        self.refuse("mount", self.mountpoint, "--oldest", "yesterday", saying="--oldest")
        self.refuse("mount", self.mountpoint, "--cache-memory", "much", saying="--cache-memory")
        self.refuse("umount", f"{self.folder}/missing", saying="nothing of lagan")


class User(Mounting, OrdinaryUser):
    def test_who_is_not_root_mounts_and_unmounts_too(self):
        write(self.path("file"), "content")
        os.chmod(self.path("file"), 0o000 if IS_ROOT else 0o644)
        if self.user is not None:
            os.chown(self.path("file"), self.user, self.user)
            os.chmod(self.path("file"), 0o400)
        self.backup()
        with self.mounted() as mnt:
            show = subprocess.run(
                ["cat", f"{mnt}/latest{self.source}/file"], check=True, capture_output=True,
                **({"user": self.user, "group": self.user, "extra_groups": []}
                   if self.user is not None else {}))
            self.assertEqual(show.stdout, b"content")
            if IS_ROOT:
                # Not even root looks into another user's mount.
                with self.assertRaises(PermissionError):
                    os.listdir(mnt)
        self.run_lagan("mount", "--daemon", self.mountpoint)
        self.run_lagan("umount", self.mountpoint)

    def test_allow_other_needs_a_line_of_root_s(self):
        reason = reason_not_to_mount(self.user)
        if reason is not None:
            self.skipTest(reason)
        with contextlib.suppress(OSError), open("/etc/fuse.conf", encoding="utf-8") as config:
            if any(line.strip() == "user_allow_other" for line in config):
                self.skipTest("everybody may, here")
        self.prepare_mountpoint()
        self.refuse("mount", "--allow-other", self.mountpoint, saying="user_allow_other")


class Others(Mounting, Fresh):
    def test_with_allow_other_modes_decide_who_reads_what(self):
        if not IS_ROOT:
            self.skipTest("only root may try as somebody else")
        os.chmod(self.folder, 0o755)
        os.chmod(self.source, 0o755)
        write(self.path("open"), "open")
        write(self.path("closed"), "closed")
        os.chmod(self.path("open"), 0o644)
        os.chmod(self.path("closed"), 0o600)
        self.backup()

        def cat(mnt, name):
            return subprocess.run(["cat", f"{mnt}{self.source}/{name}"], user=NOBODY, group=NOBODY,
                                  extra_groups=[], check=False, capture_output=True).stdout

        with self.mounted("latest", "--allow-other") as mnt:
            self.assertEqual(cat(mnt, "open"), b"open")
            self.assertEqual(cat(mnt, "closed"), b"")
        with self.mounted("latest", "--allow-other", "--no-default-permissions") as mnt:
            self.assertEqual(cat(mnt, "closed"), b"closed")
        with self.mounted("latest") as mnt:
            self.assertEqual(cat(mnt, "open"), b"")


class Overlay(Mounting, Fresh):
    def test_the_kernel_s_overlay_makes_it_writable(self):
        if not IS_ROOT:
            self.skipTest("only root mounts an overlay")
        write(self.path("file"), "saved")
        write(self.path("gone"), "gone")
        self.backup()
        names = ("upper", "work", "view")
        for name in names:
            os.mkdir(os.path.join(self.folder, name))
        upper, work, view = (os.path.join(self.folder, name) for name in names)
        with self.mounted(f"latest:{self.source}") as mnt:
            made = subprocess.run(
                ["mount", "-t", "overlay", "overlay", "-o",
                 f"lowerdir={mnt},upperdir={upper},workdir={work}", view], check=False,
                capture_output=True, text=True)
            if made.returncode != 0:
                self.skipTest(f"no overlay here: {made.stderr.strip()}")
            try:
                with open(f"{view}/file", "a", encoding="utf-8") as file:
                    file.write(" and changed")
                os.remove(f"{view}/gone")
                write(f"{view}/new", "new")
                self.assertEqual(read(f"{view}/file"), b"saved and changed")
                self.assertEqual(sorted(os.listdir(view)), ["file", "new"])
                self.assertEqual(sorted(os.listdir(mnt)), ["file", "gone"])
                self.assertTrue(stat.S_ISREG(os.stat(f"{view}/new").st_mode))
            finally:
                subprocess.run(["umount", view], check=True)


if __name__ == "__main__":
    unittest.main()
