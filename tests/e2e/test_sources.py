# SPDX-License-Identifier: Apache-2.0
"""Where a backup takes its files from, and which of them it reads."""

import os
import shutil
import subprocess
import unittest

from helpers import IS_ROOT, Fresh, settle, tree, write


class Sources(Fresh):
    def setUp(self):
        super().setUp()
        for name in ("one", "two", "three"):
            os.mkdir(self.path(name))
            write(self.path(name + "/file"), name)

    def saved(self, *words, **options):
        self.backup(*words, **options)
        return self.snapshots()[-1]["paths"]

    def list_file(self, content, name="list"):
        path = os.path.join(self.folder, name)
        write(path, content)
        return path


@unittest.skipUnless(IS_ROOT and shutil.which("mkfs.ext4"), "only root mounts")
class Twins(Sources):
    """Two file systems with one id, as a clone of a disk has it."""

    def mount(self, image, name):
        os.mkdir(self.path(name))
        done = subprocess.run(["mount", "-o", "loop", image, self.path(name)], check=False,
                              capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest(f"cannot mount here: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", self.path(name)], check=False)

    def test_their_files_are_no_hard_links_of_one_another(self):
        images = [os.path.join(self.folder, name) for name in ("one", "two")]
        with open(images[0], "wb") as file:
            file.truncate(32 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", images[0]], check=True)
        shutil.copy(images[0], images[1])
        for image, name in zip(images, "ab"):
            self.mount(image, name)
            write(self.path(name + "/file"), "same")
            os.link(self.path(name + "/file"), self.path(name + "/other"))
        os.chmod(self.path("b/file"), 0o600)
        self.assertEqual(os.stat(self.path("a/file")).st_ino, os.stat(self.path("b/file")).st_ino)
        settle()
        for _ in range(2):  # the second run takes over
            self.backup(self.source)
            target = self.restore()
            for name, mode in (("a", 0o644), ("b", 0o600)):
                found = os.stat(f"{target}/{name}/file")
                self.assertEqual((found.st_nlink, found.st_mode & 0o777), (2, mode))


class Lists(Sources):
    def test_a_list_has_patterns_and_comments(self):
        lines = f"# what\n\n{self.source}/t*\n"
        both = [self.path("three"), self.path("two")]
        self.assertEqual(self.saved("--files-from", self.list_file(lines)), both)
        self.assertEqual(self.saved("--files-from", "-", stdin=lines.encode()), both)
        self.assertEqual(self.saved("--files-from", self.list_file(lines), self.path("one")),
                         [self.path("one"), *both])

    def test_a_verbatim_list_is_taken_as_it_stands(self):
        write(self.path("#*"), "x")
        os.chdir(self.source)
        self.assertEqual(self.saved("--files-from-verbatim", self.list_file("#*\none\n")),
                         [self.path("#*"), self.path("one")])

    def test_a_raw_list_may_have_any_name(self):
        write(self.path("a\nb"), "x")
        content = f"{self.source}/a\nb\0{self.source}/two\0"
        self.assertEqual(self.saved("--files-from-raw", self.list_file(content)),
                         [self.path("a\nb"), self.path("two")])

    def test_what_is_listed_and_missing_is_told(self):
        listed = self.list_file(f"{self.source}/none\n{self.source}/two\n{self.source}/x*\n")
        self.backup("--files-from", listed, code=3)
        self.assertIn(f"--files-from {listed}:3: nothing fits", self.errors)
        self.assertIn(self.path("none"), self.errors)


class AsPath(Sources):
    def test_a_source_elsewhere_is_saved_where_it_belongs_and_not_read_again(self):
        settle()
        self.backup()
        before = tree(self.source)
        moved = os.path.join(self.folder, "mounted")
        os.rename(self.source, moved)
        summary = self.summary(moved, "--as-path", self.source)
        self.assertEqual((summary["files_unmodified"], summary["files_new"]), (3, 0))
        self.assertEqual(self.snapshots()[-1]["paths"], [self.source])
        os.rename(moved, self.source)
        self.assertEqual(tree(self.restore()), before)


class FsSnapshots(Sources):
    def test_where_there_are_none_an_error_says_so(self):
        before = self.stored()
        self.refuse("backup", "/proc/self/status", "--use-fs-snapshot",
                    saying="leave --use-fs-snapshot out")
        self.assertEqual(self.stored(), before)


class Reading(Sources):
    def counts(self, *flags):
        summary = self.summary(self.source, *flags)
        return summary["files_unmodified"], summary["files_changed"]

    def test_a_new_ctime_or_inode_alone_can_be_ignored(self):
        settle()
        self.backup()
        os.chmod(self.path("one/file"), 0o600)
        settle()
        self.assertEqual(self.counts("--ignore-ctime"), (3, 0))
        self.assertEqual(tree(self.restore()), tree(self.source))
        old = os.stat(self.path("two/file"))
        write(self.path("new"), "two")
        os.rename(self.path("new"), self.path("two/file"))
        os.utime(self.path("two/file"), ns=(old.st_mtime_ns, old.st_mtime_ns))
        settle()
        self.assertEqual(self.counts("-n", "--ignore-ctime"), (2, 1))
        self.assertEqual(self.counts("--ignore-ctime", "--ignore-inode"), (3, 0))

    def test_reading_again_by_and_by_finds_nothing_wrong_with_what_is_sound(self):
        settle()
        self.backup()
        self.assertEqual(self.counts("--reread", "90d"), (3, 0))
        self.assertEqual(self.errors, "")


class DryRun(Sources):
    def test_names_what_would_change(self):
        settle()
        self.backup()
        write(self.path("one/file"), "changed")
        write(self.path("new"), "new")
        shutil.rmtree(self.path("three"))
        output = self.run_lagan("backup", "-n", "-v", self.source)
        lines = {line for line in output.splitlines() if self.source + "/" in line}
        self.assertEqual(lines, {f"modified  {self.path('one')}",
                                 f"modified  {self.path('one/file')}",
                                 f"new       {self.path('new')}",
                                 f"removed   {self.path('three')}"})
        self.assertIn(f"unchanged {self.path('two/file')}\n",
                      self.run_lagan("backup", "-n", "-vv", self.source))
        self.assertNotIn(self.source, self.run_lagan("backup", "-n", self.source))


class Explain(Sources):
    def test_one_line_says_which_rule_decides(self):
        flags = ("backup", "-e", "two", self.source, "--explain")
        write(self.path("one/.laganignore"), "file")
        before = self.stored()
        output = self.run_lagan(*flags, self.path("two/file"), env={"LAGAN_PASSWORD": "wrong"})
        self.assertEqual(output, f"left out: {self.path('two/file')}: --exclude 'two' "
                                 f"({self.path('two')})\n")
        output = self.run_lagan(*flags, self.path("one/file"))
        self.assertEqual(output, f"left out: {self.path('one/file')}: "
                                 f"{self.path('one/.laganignore')}:1 'file'\n")
        self.assertTrue(self.run_lagan(*flags, self.path("three")).startswith("kept: "))
        self.assertEqual(self.json(*flags, self.path("three")),
                         {"message_type": "explanation", "kept": True, "path": self.path("three"),
                          "rule": "no rule leaves it out"})
        self.assertEqual(self.stored(), before)
        self.refuse(*flags, self.path("none"), saying="--explain")


class Nonsense(Sources):
    def test_is_refused_in_one_sentence_that_names_the_flag(self):
        one, two = self.path("one"), self.path("two")
        before = self.stored()
        for words, saying in (
                ((one, "--files-from", self.folder + "/none"), "--files-from"),
                (("--files-from", self.list_file("# nothing\n", "empty")), "--files-from"),
                ((one, "--files-from-raw", self.folder + "/none"), "--files-from-raw"),
                ((one, two, "--as-path", "/x"), "--as-path"),
                (("--files-from", self.list_file(one), "--as-path", "/x"), "--as-path"),
                ((one, "--reread", "soon"), "--reread"),
                ((one, "--reread", "0d"), "--reread"),
                ((one, "--reread", "90d", "--force"), "--reread"),
                ((one, "--time", "yesterday"), "--time"),
                ((one, "--exclude", "[a"), "--exclude"),
                ((one, "--iexclude", "[a"), "--iexclude"),
                ((one, "--exclude-file", self.folder + "/none"), "--exclude-file"),
                ((one, "--exclude-if-present", "a/b"), "--exclude-if-present"),
                ((one, "--exclude-larger-than", "big"), "--exclude-larger-than"),
                ((one, "--stdin"), "--stdin"),
                (("--stdin", "--stdin-from-command", "true"), "--stdin"),
                (("--stdin", "--files-from", "-"), "--files-from"),
                (("--stdin", "--as-path", "/x"), "--as-path"),
                (("--stdin", "--use-fs-snapshot"), "--use-fs-snapshot"),
                ((one, "--as-path", "/x", "--use-fs-snapshot"), "--use-fs-snapshot"),
                ((one, "--stdin-filename", "x"), "--stdin-filename"),
                (("--stdin", "--stdin-filename", "a/b"), "--stdin-filename"),
                (("--stdin-from-command",), "--stdin-from-command"),
                ((one, "--no-such-flag"), "--no-such-flag")):
            with self.subTest(words=words):
                self.refuse("backup", *words, saying=saying)
        self.assertEqual(self.stored(), before)


if __name__ == "__main__":
    unittest.main()
