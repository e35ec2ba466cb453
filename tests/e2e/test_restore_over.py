# SPDX-License-Identifier: Apache-2.0
"""Restoring where something is already: what is overwritten, written, deleted and left alone."""

import os
import random
import shutil
import subprocess
import unittest

import compare_trees
import random_trees
from helpers import IS_ROOT, Fresh, OrdinaryUser, attributes, read, strace, tree, write


class Over(Fresh):
    def setUp(self):
        super().setUp()
        self.target = os.path.join(self.folder, "target")
        self.addCleanup(self.unlock)

    def unlock(self):
        subprocess.run(["chattr", "-R", "-f", "-i", "-a", self.folder], check=False,
                       stderr=subprocess.DEVNULL)

    def inside(self, name):
        return os.path.join(self.target, name)

    def restore_over(self, *flags, snapshot="latest", **options):
        return self.run_lagan("restore", f"{snapshot}:{self.source}", "-t", self.target, *flags,
                              **options)

    def summary_over(self, *flags, **options):
        return self.json_lines("restore", "latest:" + self.source, "-t", self.target, *flags,
                               **options)[-1]


class Modes(Over):
    """--overwrite, for every kind of entry."""

    KINDS = ("file", "link", "pipe", "hard", "folder")

    def make(self, root, content, when):
        os.mkdir(root + "/folder")
        write(root + "/folder/below", content)
        write(root + "/file", content)
        os.symlink(content, root + "/link")
        os.mkfifo(root + "/pipe", 0o600 if content == "old" else 0o640)
        os.link(root + "/file", root + "/hard")
        for name in ("file", "link", "pipe", "folder/below"):
            os.utime(f"{root}/{name}", ns=(when, when), follow_symlinks=False)
        os.utime(root + "/folder", ns=(when, when))

    def restored(self, mode, there, snapshot):
        """What a restore makes of a target as old as said: the whole of it, before and after."""
        shutil.rmtree(self.target, ignore_errors=True)
        shutil.rmtree(self.source)
        for root, content, when in ((self.source, "new", snapshot), (self.target, "old", there)):
            os.mkdir(root)
            self.make(root, content, when * 10**9)
        self.backup()
        before = tree(self.target)
        self.restore_over("--overwrite", mode)
        return before, tree(self.target), tree(self.source)

    def test_always(self):
        for there in (1, 3):
            _, after, source = self.restored("always", there, 2)
            self.assertEqual(after, source)

    def test_never(self):
        for there in (1, 3):
            before, after, _ = self.restored("never", there, 2)
            self.assertEqual(after, before)

    def test_if_newer(self):
        _, after, source = self.restored("if-newer", 1, 2)
        self.assertEqual(after, source)
        for there in (2, 3):
            before, after, _ = self.restored("if-newer", there, 2)
            self.assertEqual(after, before)

    def test_if_changed_believes_size_and_time(self):
        before, after, source = self.restored("if-changed", 2, 2)
        self.assertEqual(after[b"file"][1], before[b"file"][1])  # same size, same time
        self.assertEqual(after[b"link"], source[b"link"])
        self.assertEqual(after[b"pipe"], source[b"pipe"])
        _, after, source = self.restored("if-changed", 1, 2)
        self.assertEqual(after, source)

    def test_never_makes_what_is_not_there(self):
        os.mkdir(self.target)
        write(self.path("file"), "new")
        os.mkdir(self.path("folder"))
        write(self.path("folder/file"), "new")
        self.backup()
        self.restore_over("--overwrite", "never")
        self.assertEqual(tree(self.target), tree(self.source))

    def test_what_is_in_the_way_of_a_folder_stays_with_never(self):
        os.mkdir(self.path("folder"))
        write(self.path("folder/file"), "new")
        self.backup()
        os.mkdir(self.target)
        write(self.inside("folder"), "mine")
        self.restore_over("--overwrite", "never")
        self.restore_over("--overwrite", "never", "-i", "/folder/file")
        self.assertEqual(read(self.inside("folder")), b"mine")

    def test_a_skipped_file_is_not_what_its_other_names_become(self):
        write(self.path("a"), "new")
        os.link(self.path("a"), self.path("b"))
        self.backup()
        os.mkdir(self.target)
        write(self.inside("a"), "mine")
        self.restore_over("--overwrite", "never")
        self.assertEqual((read(self.inside("a")), read(self.inside("b"))), (b"mine", b"new"))

    def test_other_words_are_refused(self):
        self.refuse("restore", "latest", "-t", self.target, "--overwrite", "sometimes",
                    saying="if-newer")


class InPlace(Over):
    """Of a file that is there, only blocks that differ are written."""

    def setUp(self):
        super().setUp()
        self.content = os.urandom(30_000_000)
        write(self.path("large"), self.content)
        write(self.path("same"), self.content[:5_000_000])
        write(self.path("small"), "small")
        self.backup()
        self.restore_over()

    def written(self, *flags):
        """How many bytes of content each inode of the target got."""
        if shutil.which("strace") is None:
            self.skipTest("no strace here")
        log = os.path.join(self.folder, "log")
        self.restore_over(*flags, **strace("-e", "trace=pwrite64", "-y", "-o", log))
        total = 0
        with open(log, encoding="utf-8") as lines:
            for line in lines:
                if "/target/" in line and " = " in line:
                    total += int(line.rsplit(" = ", 1)[1].split()[0])
        return total

    def test_nothing_is_written_or_fetched_that_is_there(self):
        before = {name: os.stat(self.inside(name)).st_ino for name in os.listdir(self.target)}
        summary = self.summary_over()
        self.assertEqual((summary["bytes_restored"], summary["bytes_skipped"]), (0, 35_000_005))
        self.assertEqual(summary["files_skipped"], 3)
        self.assertEqual({name: os.stat(self.inside(name)).st_ino for name in before}, before)
        self.assertEqual(self.written(), 0)

    def test_a_changed_block_is_written_and_no_other(self):
        inode = os.stat(self.inside("large")).st_ino
        with open(self.inside("large"), "r+b") as file:
            file.seek(15_000_000)
            file.write(b"changed")
        summary = self.summary_over()
        self.assertLess(summary["bytes_restored"], 9_000_000)
        self.assertGreater(summary["bytes_restored"], 0)
        self.assertEqual(read(self.inside("large")), self.content)
        self.assertEqual(os.stat(self.inside("large")).st_ino, inode)
        with open(self.inside("large"), "r+b") as file:
            file.seek(15_000_000)
            file.write(b"changed")
        self.assertLess(self.written(), 9_000_000)

    def test_files_that_grew_or_shrank(self):
        for size in (10, 12_000_000, 29_999_999, 30_000_001, 80_000_000):
            os.truncate(self.inside("large"), size)
            self.restore_over()
            self.assertEqual(read(self.inside("large")), self.content)

    def test_a_hole_where_data_was_and_data_where_a_hole_was(self):
        with open(self.path("sparse"), "wb") as file:
            file.write(self.content[:3_000_000])
            file.seek(9_000_000)
            file.write(bytes(3_000_000))  # zeros, not a hole
            file.write(self.content[:1_000_000])
        self.backup()
        with open(self.inside("sparse"), "wb") as file:
            file.write(self.content[:9_000_000])
            file.seek(12_000_000)
            file.write(self.content[:1_000_000])
        self.restore_over()
        self.assertEqual(compare_trees.differences(compare_trees.tree(self.source),
                                                   compare_trees.tree(self.target)), [])

    def test_other_names_outside_keep_the_old_content(self):
        outside = os.path.join(self.folder, "outside")
        os.truncate(self.inside("large"), 20_000_000)
        os.link(self.inside("large"), outside)
        before = attributes(outside)
        self.restore_over()
        self.assertEqual(os.path.getsize(outside), 20_000_000)
        self.assertEqual(attributes(outside), before)
        self.assertEqual(read(self.inside("large")), self.content)

    def test_a_small_file_is_replaced_in_one_step(self):
        write(self.inside("small"), "other")
        with open(self.inside("small"), "rb") as old:
            self.restore_over()
            self.assertEqual(old.read(), b"other")
        self.assertEqual(read(self.inside("small")), b"small")
        self.assertEqual(sorted(os.listdir(self.target)), ["large", "same", "small"])

    def test_what_cannot_be_fetched_leaves_what_is_there(self):
        write(self.inside("large"), "mine")
        for here, _, names in os.walk(os.path.join(self.repository, "data")):
            for name in names:
                os.remove(os.path.join(here, name))
        self.restore_over(code=1)
        self.assertEqual(read(self.inside("large")), b"mine")
        # It holds this one already.
        self.assertEqual(read(self.inside("same")), self.content[:5_000_000])
        self.assertNotIn("/same", self.errors)


class PowerLoss(Over):
    """When power fails, each file is the old one or the new one; what was said to be restored is."""

    def calls(self, *names):
        """Those that restore_over makes, in their order, with what they were made on."""
        if shutil.which("strace") is None:
            self.skipTest("no strace here")
        log = os.path.join(self.folder, "log")
        self.restore_over(**strace("-e", "trace=" + ",".join(names), "-y", "-o", log))
        with open(log, encoding="utf-8") as lines:
            return [line.split(maxsplit=1)[1] for line in lines if " = " in line]

    def test_what_takes_the_place_of_content_is_on_the_disk_before(self):
        for name in ("over content", "over nothing", "new", "over a link", "same"):
            write(self.path(name), name)
        self.backup()
        self.restore_over()
        write(self.inside("over content"), "other")
        write(self.inside("over nothing"), "")
        os.remove(self.inside("new"))
        os.remove(self.inside("over a link"))
        os.symlink("same", self.inside("over a link"))
        calls = self.calls("fdatasync", "fsync", "renameat", "renameat2")
        synced = [at for at, call in enumerate(calls) if call.startswith("fdatasync(")]
        renamed = [at for at, call in enumerate(calls)
                   if call.startswith("rename") and '"over content")' in call]
        self.assertEqual((len(synced), len(renamed)), (1, 1), calls)
        self.assertLess(synced[0], renamed[0])

    def test_all_is_on_the_disk_at_the_end(self):
        for name in ("a", "b"):
            write(self.path(name), os.urandom(2_000_000))
        self.backup()
        calls = self.calls("pwrite64", "syncfs", "fchmod", "utimensat")
        on_target = [call for call in calls if "/target" in call]
        self.assertTrue(on_target[-1].startswith("syncfs("), on_target)
        self.assertTrue(any(call.startswith("pwrite64(") for call in on_target))

    @unittest.skipUnless(IS_ROOT, "only root mounts")
    def test_so_is_what_lies_in_another_file_system(self):
        os.mkdir(self.path("mount"))
        write(self.path("mount/file"), "x")
        self.backup()
        os.makedirs(self.inside("mount"))
        done = subprocess.run(["mount", "-t", "tmpfs", "lagan-test", self.inside("mount")],
                              check=False, stderr=subprocess.DEVNULL)
        if done.returncode != 0:
            self.skipTest("cannot mount here")
        self.addCleanup(subprocess.run, ["umount", self.inside("mount")], check=False)
        calls = self.calls("syncfs")
        self.assertEqual(len(calls), 2, calls)
        self.assertTrue(any("/target/mount>" in call for call in calls), calls)

    def test_a_dry_run_waits_for_nothing(self):
        write(self.path("a"), "a")
        self.backup()
        os.mkdir(self.target)
        log = os.path.join(self.folder, "log")
        if shutil.which("strace") is None:
            self.skipTest("no strace here")
        self.restore_over("-n", **strace("-e", "trace=syncfs", "-o", log))
        self.assertEqual(read(log), b"")


class Xattrs(Over):
    """--include-xattr and --exclude-xattr."""

    NAMES = ("user.a", "user.b/c", "user.keep")

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("folder"))
        write(self.path("folder/file"), "x")
        try:
            for name in self.NAMES:
                for path in ("folder", "folder/file"):
                    os.setxattr(self.path(path), name, b"saved")
        except OSError:
            self.skipTest("this file system has no extended attributes")
        self.backup()

    def found(self, *flags):
        """Attributes of the folder and of the file in it, which are equal."""
        self.restore_over(*flags)
        found = [{name: os.getxattr(self.inside(path), name)
                  for name in os.listxattr(self.inside(path)) if name.startswith("user.")}
                 for path in ("folder", "folder/file")]
        self.assertEqual(found[0], found[1])
        return found[0]

    def test_only_those_that_match_are_given(self):
        for flags, names in (((), self.NAMES), (("--include-xattr", "user.*"), self.NAMES),
                             (("--include-xattr", "user.a", "--include-xattr", "user.b*"),
                              ("user.a", "user.b/c")),
                             (("--exclude-xattr", "user.keep"), ("user.a", "user.b/c")),
                             (("--exclude-xattr", "*"), ())):
            shutil.rmtree(self.target, ignore_errors=True)
            self.assertEqual(self.found(*flags), dict.fromkeys(names, b"saved"), flags)

    def test_the_others_stay_as_they_are_where_something_is_there(self):
        self.restore_over()
        for path in ("folder", "folder/file"):
            for name in ("user.a", "user.keep", "user.mine"):
                os.setxattr(self.inside(path), name, b"mine")
        self.assertEqual(self.found("--exclude-xattr", "user.[km]*"),
                         {"user.a": b"saved", "user.b/c": b"saved", "user.keep": b"mine",
                          "user.mine": b"mine"})
        self.assertEqual(self.found(), dict.fromkeys(self.NAMES, b"saved"))

    def test_they_cannot_be_used_together(self):
        self.refuse("restore", "latest", "-t", self.target, "--include-xattr", "a",
                    "--exclude-xattr", "b", saying="cannot be used together")
        self.refuse("restore", "latest", "-t", self.target, "--include-xattr", "[a",
                    saying="[a")


class Delete(Over):
    def setUp(self):
        super().setUp()
        for name in ("keep/a.txt", "keep/b.log", "file"):
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            write(self.path(name), name)
        self.backup()
        self.restore_over()
        for name in ("extra/deep/x.txt", "extra/y.log", "keep/z.log", "keep/z.txt", "z.txt"):
            os.makedirs(os.path.dirname(self.inside(name)), exist_ok=True)
            write(self.inside(name), name)
        self.outside = os.path.join(self.folder, "outside")
        os.mkdir(self.outside)
        write(self.outside + "/precious", "precious")
        os.symlink(self.outside, self.inside("way out"))

    def files(self):
        return {os.path.relpath(os.path.join(here, name), self.target)
                for here, _, names in os.walk(self.target) for name in names}

    def test_without_it_everything_stays(self):
        self.restore_over()
        self.assertIn("extra/deep/x.txt", self.files())

    def test_what_the_snapshot_does_not_have_goes(self):
        summary = self.summary_over("--delete")
        self.assertEqual(tree(self.target), tree(self.source))
        self.assertEqual(read(self.outside + "/precious"), b"precious")
        self.assertEqual(summary["files_deleted"], 8)  # among them two folders and a link

    def test_what_is_excluded_stays_with_the_folders_above(self):
        self.restore_over("--delete", "-e", "*.log", "-e", "way out")
        self.assertEqual(self.files(), {"extra/y.log", "keep/a.txt", "keep/b.log", "keep/z.log",
                                        "file"})
        self.assertFalse(os.path.exists(self.inside("extra/deep")))

    def test_only_what_is_included_goes(self):
        self.restore_over("--delete", "-i", "*.log")
        self.assertEqual(self.files(), {"extra/deep/x.txt", "keep/a.txt", "keep/b.log",
                                        "keep/z.txt", "z.txt", "file"})
        self.restore_over("--delete", "-i", "/keep")
        self.assertEqual(self.files(), {"extra/deep/x.txt", "keep/a.txt", "keep/b.log", "z.txt",
                                        "file"})

    def test_a_folder_with_content_gives_way(self):
        os.remove(self.inside("file"))
        os.makedirs(self.inside("file/deep"))
        write(self.inside("file/deep/mine"), "mine")
        self.restore_over("--delete")
        self.assertEqual(tree(self.target), tree(self.source))

    def test_but_not_if_it_holds_what_is_excluded(self):
        os.remove(self.inside("file"))
        os.makedirs(self.inside("file/deep"))
        write(self.inside("file/deep/mine"), "mine")
        self.restore_over("--delete", "-e", "mine", code=1)
        self.assertEqual(read(self.inside("file/deep/mine")), b"mine")

    def test_a_dry_run_says_what_would_go(self):
        before = tree(self.target)
        output = self.restore_over("--delete", "--dry-run", "-v")
        self.assertEqual(tree(self.target), before)
        self.assertRegex(output, r"(?m)^deleted +/extra/deep/x\.txt$")
        self.assertRegex(output, r"(?m)^deleted +/way out$")
        self.assertIn("would delete 8", output)
        self.assertNotIn("/keep/a.txt", output.replace("unchanged /keep/a.txt", ""))

    def test_a_single_file_deletes_nothing(self):
        self.run_lagan("restore", f"latest:{self.source}/file", "-t", self.target, "--delete")
        self.assertIn("z.txt", self.files())

    def test_a_folder_whose_names_cannot_be_read_loses_nothing(self):
        for here, _, names in os.walk(os.path.join(self.repository, "tree")):
            for name in names:
                os.remove(os.path.join(here, name))
        before = tree(self.target)
        self.restore_over("--delete", code=1)
        self.assertEqual(tree(self.target), before)

    @unittest.skipUnless(IS_ROOT, "only root mounts")
    def test_nothing_is_deleted_in_another_file_system(self):
        os.mkdir(self.inside("extra/mount"))
        done = subprocess.run(["mount", "-t", "tmpfs", "lagan-test", self.inside("extra/mount")],
                              check=False, stderr=subprocess.DEVNULL)
        if done.returncode != 0:
            self.skipTest("cannot mount here")
        self.addCleanup(subprocess.run, ["umount", self.inside("extra/mount")], check=False)
        write(self.inside("extra/mount/precious"), "precious")
        self.restore_over("--delete", code=1)
        self.assertIn("another file system", self.errors)
        self.assertEqual(self.files(), {"extra/mount/precious", "keep/a.txt", "keep/b.log", "file"})

    @unittest.skipUnless(IS_ROOT, "only root mounts")
    def test_nor_in_one_that_is_mounted_where_the_snapshot_has_a_folder(self):
        os.mkdir(self.path("disk"))
        self.backup()
        self.restore_over()
        done = subprocess.run(["mount", "-t", "tmpfs", "lagan-test", self.inside("disk")],
                              check=False, stderr=subprocess.DEVNULL)
        if done.returncode != 0:
            self.skipTest("cannot mount here")
        self.addCleanup(subprocess.run, ["umount", self.inside("disk")], check=False)
        write(self.inside("disk/precious"), "precious")
        self.restore_over("--delete")
        self.assertIn("/disk is another file system", self.errors)
        self.assertEqual(self.files(), {"disk/precious", "keep/a.txt", "keep/b.log", "file"})

    def test_the_repository_is_never_deleted(self):
        # It lies in the source, which is restored over itself.
        repository = self.path("extra/repository")
        shutil.copytree(self.repository, repository)
        over_itself = ("-r", repository, "restore", f"latest:{self.source}", "-t", self.source,
                       "--delete")
        before = tree(repository)
        self.run_lagan(*over_itself, code=1)
        self.assertIn("is the repository: nothing is deleted there", self.errors)
        self.assertEqual(tree(repository), before)
        # Now the snapshot has it, as an empty folder.
        self.run_lagan("-r", repository, "backup", self.source)
        before = tree(repository)
        self.run_lagan(*over_itself)
        self.assertIn("is the repository: nothing is deleted there", self.errors)
        self.assertEqual(tree(repository), before)
        self.refuse("-r", repository, "restore", "latest", "-t", repository + "/data", "--delete",
                    saying="the repository")
        self.assertEqual(tree(repository), before)

    def test_the_root_of_the_system_needs_a_filter(self):
        self.refuse("restore", "latest", "-t", "/", "--delete", "--dry-run", saying="--delete in /")


class DryRun(Over):
    def test_it_says_what_would_happen_and_does_nothing(self):
        for name in ("same", "differs", "missing"):
            write(self.path(name), name)
        os.symlink("same", self.path("link"))
        self.backup()
        self.restore_over()
        os.remove(self.inside("missing"))
        write(self.inside("differs"), "other")
        os.remove(self.inside("link"))
        os.symlink("other", self.inside("link"))
        before = tree(self.target)
        output = self.restore_over("-n", "-v")
        self.assertEqual(tree(self.target), before)
        for line in ("updated   /differs", "updated   /link", "restored  /missing",
                     "unchanged /same"):
            self.assertIn(line + "\n", output)


class Interrupted(Over):
    def test_a_killed_restore_goes_on_where_it_was(self):
        if shutil.which("strace") is None:
            self.skipTest("no strace here")
        for i in range(4):
            write(self.path(f"large{i}"), os.urandom(12_000_000))
        for i in range(50):
            write(self.path(f"small{i}"), str(i))
        self.backup()
        kept = 0
        for when in (1, 3, 8, 20):
            self.restore_over(code=None, **strace("-o", "/dev/null", "-e",
                                                  f"inject=pwrite64:signal=KILL:when={when}+"))
            summary = self.summary_over("--dry-run")
            self.assertGreaterEqual(summary["bytes_skipped"], kept)
            kept = summary["bytes_skipped"]
        self.assertGreater(kept, 0)
        self.restore_over()
        self.assertEqual(tree(self.target), tree(self.source))


    def test_what_is_left_alone_is_never_a_half(self):
        if shutil.which("strace") is None:
            self.skipTest("no strace here")
        write(self.path("large"), os.urandom(12_000_000))
        self.backup()
        for mode in ("never", "if-newer"):
            shutil.rmtree(self.target, ignore_errors=True)
            self.restore_over("--overwrite", mode, code=None,
                              **strace("-o", "/dev/null", "-e", "inject=pwrite64:signal=KILL:when=3+"))
            self.assertNotEqual(tree(self.target), tree(self.source))
            self.restore_over("--overwrite", mode)
            self.assertEqual(read(self.inside("large")), read(self.path("large")))

    def make_half_old(self):
        """A target whose file is older than the snapshot's, and half of it the same."""
        whole = os.urandom(12_000_000)
        write(self.path("large"), whole)
        self.backup()
        os.makedirs(self.target, exist_ok=True)
        write(self.inside("large"), whole[:6_000_000] + os.urandom(6_000_000))
        os.utime(self.inside("large"), (1_500_000_000, 1_500_000_000))
        return whole

    def test_nor_is_what_was_older_a_mixture_that_counts_as_newer(self):
        if shutil.which("strace") is None:
            self.skipTest("no strace here")
        whole = self.make_half_old()
        before = read(self.inside("large"))
        self.restore_over("--overwrite", "if-newer", code=None,
                          **strace("-o", "/dev/null", "-e", "inject=pwrite64:signal=KILL:when=3+"))
        self.assertEqual(read(self.inside("large")), before)
        self.restore_over("--overwrite", "if-newer")
        self.assertEqual(read(self.inside("large")), whole)

    def test_nor_is_what_lacks_something(self):
        whole = self.make_half_old()
        (pack,) = [os.path.join(here, name) for here, _, names in
                   os.walk(os.path.join(self.repository, "data")) for name in names]
        stored = read(pack)
        write(pack, stored[:1_000_000] + bytes(100) + stored[1_000_100:])
        self.restore_over("--overwrite", "if-newer", code=1)
        write(pack, stored)
        self.restore_over("--overwrite", "if-newer")
        self.assertEqual(read(self.inside("large")), whole)

    def test_what_lacks_something_does_not_look_whole(self):
        write(self.path("a"), os.urandom(12_000_000))
        self.backup()
        packs = [os.path.join(here, name) for here, _, names in
                 os.walk(os.path.join(self.repository, "data")) for name in names]
        whole = read(packs[0])
        write(packs[0], whole[:1_000_000] + bytes(100) + whole[1_000_100:])
        self.restore_over(code=1)
        self.assertIn("missing: bytes", self.errors)
        write(packs[0], whole)
        self.restore_over("--overwrite", "if-changed")
        self.assertEqual(read(self.inside("a")), read(self.path("a")))


class Torture(Over):
    """Trees of any kind restored over each other come out as the last."""

    rounds = 3

    def grow(self, dice):
        self.unlock()
        shutil.rmtree(self.source)
        os.mkdir(self.source)
        random_trees.Grower(dice).grow(self.source)
        return self.backup(), compare_trees.tree(self.source)

    def check_equal(self, expected, seed):
        self.assertEqual(compare_trees.differences(expected, compare_trees.tree(self.target)), [],
                         f"seed {seed}")

    def test_of_random_trees(self):
        for seed in range(self.rounds):
            dice = random.Random(seed)
            snapshots = [self.grow(dice) for _ in range(3)]
            for snapshot, expected in (*snapshots, snapshots[0], snapshots[0]):
                self.restore_over("--delete", snapshot=snapshot)
                self.check_equal(expected, seed)
            self.restore_over("--delete", "--overwrite", "if-changed", snapshot=snapshots[0][0])
            self.check_equal(snapshots[0][1], seed)

    def test_every_kind_becomes_every_other(self):
        def file(path):
            write(path, "content")

        def large(path):
            write(path, os.urandom(2_000_000))

        def folder(path):
            os.mkdir(path)
            write(path + "/below", "x")

        def link(path):
            os.symlink("content", path)

        def hard(path):
            write(path, "two names")
            os.link(path, path + "2")

        kinds = [file, large, folder, link, hard, os.mkfifo]
        pairs = [(one, other) for one in kinds for other in kinds]
        snapshots = []
        for column in (0, 1):
            shutil.rmtree(self.source)
            os.mkdir(self.source)
            for number, pair in enumerate(pairs):
                pair[column](self.path(f"entry{number}-"))
            snapshots.append((self.backup(), compare_trees.tree(self.source)))
        for snapshot, expected in (*snapshots, snapshots[0]):
            self.restore_over("--delete", snapshot=snapshot)
            self.check_equal(expected, "none")


class TortureOfOrdinaryUsers(OrdinaryUser):
    def test_read_only_folders_and_files_are_restored_over(self):
        target = os.path.join(self.folder, "target")
        snapshots = []
        self.addCleanup(subprocess.run, ["chmod", "-R", "u+rwx", self.folder], check=False)
        for content in ("one", "two"):
            os.makedirs(self.path("folder/sub"))
            write(self.path("folder/file"), content)
            write(self.path("folder/sub/" + content), content)
            os.chmod(self.path("folder/file"), 0o444)
            for name, mode in (("folder/sub", 0o500), ("folder", 0o555)):
                os.chmod(self.path(name), mode)
            if IS_ROOT:
                subprocess.run(["chown", "-R", f"{self.user}:{self.user}", self.source], check=True)
            snapshots.append((self.backup(), compare_trees.tree(self.source)))
            subprocess.run(["chmod", "-R", "u+rwx", self.source], check=True)
            shutil.rmtree(self.source)
            os.mkdir(self.source)
        for snapshot, expected in (*snapshots, snapshots[0]):
            self.run_lagan("restore", f"{snapshot}:{self.source}", "-t", target, "--delete")
            self.assertEqual(compare_trees.differences(expected, compare_trees.tree(target)), [])


if __name__ == "__main__":
    unittest.main()
