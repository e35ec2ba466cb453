# SPDX-License-Identifier: Apache-2.0
"""What a restore brings back, from which snapshot, and what it leaves alone in the target."""

import os
import random
import shutil
import unittest

from helpers import Fresh, attributes, read, tree, write

SUMMARY_KEYS = ("message_type", "total_files", "files_restored", "files_skipped", "files_deleted",
                "total_bytes", "bytes_restored", "bytes_skipped")


class Choice(Fresh):
    def setUp(self):
        super().setUp()
        for name in ("a.txt", "b.LOG", "sub/a.txt", "sub/deep/c.txt", "other/d.log"):
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            write(self.path(name), name)
        self.backup()

    def restored(self, *flags, snapshot=None):
        target = os.path.join(self.folder, "target")
        shutil.rmtree(target, ignore_errors=True)
        self.run_lagan("restore", snapshot or "latest:" + self.source, target, *flags)
        return {os.path.relpath(os.path.join(here, name), target)
                for here, _, names in os.walk(target) for name in names}

    def test_included_is_what_matches(self):
        self.assertEqual(self.restored("-i", "a.txt"), {"a.txt", "sub/a.txt"})
        self.assertEqual(self.restored("-i", "/a.txt"), {"a.txt"})
        self.assertEqual(self.restored("-i", "/sub", "--include", "*.log"),
                         {"sub/a.txt", "sub/deep/c.txt", "other/d.log"})
        self.assertEqual(self.restored("-i", "/sub", "-i", "!c.txt"), {"sub/a.txt"})
        self.assertEqual(self.restored("--iinclude", "*.log"), {"b.LOG", "other/d.log"})
        self.assertEqual(self.restored("-i", "nothing"), set())

    def test_excluded_is_what_matches(self):
        self.assertEqual(self.restored("-e", "*.txt"), {"b.LOG", "other/d.log"})
        self.assertEqual(self.restored("--exclude", "/sub", "--iexclude", "*.log"), {"a.txt"})

    def test_not_both(self):
        self.refuse("restore", "latest", f"{self.folder}/one", "-t", f"{self.folder}/two", saying="Name one")
        self.refuse("restore", "latest", "-t", self.folder + "/out", "-i", "a", "-e", "b",
                    saying="cannot be used together")
        self.assertFalse(os.path.exists(self.folder + "/out"))

    def test_a_path_in_the_snapshot_is_restored_into_the_target(self):
        base = "latest:" + self.source
        self.assertEqual(self.restored(snapshot=base + "/sub"), {"a.txt", "deep/c.txt"})
        self.assertEqual(self.restored(snapshot=base + "/sub/"), {"a.txt", "deep/c.txt"})
        self.assertEqual(self.restored(snapshot="latest:" + self.source[1:] + "/sub/deep"),
                         {"c.txt"})
        self.assertEqual(self.restored(snapshot=base + "/sub/deep/c.txt"), {"c.txt"})
        whole = {self.source[1:] + "/" + name for name in self.restored()}
        self.assertEqual(self.restored(snapshot="latest"), whole)
        self.refuse("restore", base + "/none", self.folder + "/out", saying="/none")

    def test_the_target_must_be_named(self):
        self.refuse("restore", "latest", saying="--target")

    def test_a_dry_run_writes_nothing(self):
        target = os.path.join(self.folder, "dry")
        output = self.run_lagan("restore", "latest:" + self.source, "-t", target, "--dry-run")
        self.assertRegex(output, r"\Awould restore 5 files, 3 folders, 0 links")
        self.assertFalse(os.path.exists(target))

    def test_it_says_what_it_did(self):
        output = self.run_lagan("restore", "latest:" + self.source, "-t", self.folder + "/text")
        self.assertRegex(output, r"\Arestored 5 files, 3 folders, 0 links and others: "
                                 r"[\d.]+ \w+ in [\d.]+ s\n\Z")
        self.assertEqual(self.errors, "")
        self.assertEqual(self.run_lagan("restore", "latest", "-q", "-t", self.folder + "/q"), "")
        summary = self.json_lines("restore", "latest:" + self.source, "-t", self.folder + "/j")[-1]
        for key in SUMMARY_KEYS:
            self.assertIn(key, summary)
        self.assertEqual(summary["files_restored"], 8)
        self.assertEqual(summary["total_bytes"], sum(
            os.path.getsize(os.path.join(here, name))
            for here, _, names in os.walk(self.source) for name in names))


class Snapshots(Fresh):
    """Which snapshot is meant."""

    def setUp(self):
        super().setUp()
        self.ids = []
        for i, (tag, host) in enumerate((("a", "one"), ("b", "one"), ("a", "two"))):
            write(self.path("file"), str(i))
            self.ids.append(self.backup(self.source, "--tag", tag, "-H", host))

    def number(self, snapshot, *flags):
        return int(read(self.restore(snapshot, *flags) + "/file"))

    def test_latest_and_those_before_it(self):
        self.assertEqual([self.number(word) for word in ("latest", "latest~1", "latest~2")],
                         [2, 1, 0])
        self.refuse("restore", "latest~3", self.folder, saying="only 3")

    def test_latest_is_by_its_time_not_by_when_it_was_made(self):
        write(self.path("file"), "3")
        self.backup(self.source, "--time", "2001-01-01 00:00:00")
        self.assertEqual([self.number(word) for word in ("latest", "latest~3")], [2, 3])

    def test_latest_of_those_that_fit(self):
        self.assertEqual(self.number("latest", "-H", "one"), 1)
        self.assertEqual(self.number("latest", "--tag", "a", "-H", "one"), 0)
        self.assertEqual(self.number("latest~1", "--tag", "a"), 0)
        self.assertEqual(self.number("latest", "--path", self.source), 2)
        self.refuse("restore", "latest", self.folder, "--tag", "c", saying="no snapshot")

    def test_ids_and_their_beginnings(self):
        for i, snapshot in enumerate(self.ids):
            self.assertEqual(self.number(snapshot), i)
            self.assertEqual(self.number(snapshot[:8]), i)

    def test_what_is_unknown_is_told_in_one_sentence(self):
        target = os.path.join(self.folder, "out")
        unknown = "0" * 32
        self.refuse("restore", unknown, target, saying=f"there is no snapshot {unknown}")
        self.refuse("restore", "nonsense", target, saying="there is no snapshot nonsense")
        self.refuse("restore", "", target, saying="there is no snapshot")
        self.assertFalse(os.path.exists(target))

    def test_a_beginning_of_several_is_refused(self):
        while len({snapshot[0] for snapshot in self.ids}) == len(self.ids):
            self.ids.append(self.backup())
        digits = [snapshot[0] for snapshot in self.ids]
        several = next(digit for digit in digits if digits.count(digit) > 1)
        self.refuse("restore", several, self.folder + "/out", saying="write more of the id")


class Target(Fresh):
    """What is in the target already."""

    def setUp(self):
        super().setUp()
        os.makedirs(self.path("folder/sub"))
        write(self.path("folder/file"), "new")
        write(self.path("folder/sub/file"), "new")
        write(self.path("file"), "new")
        os.symlink("file", self.path("link"))
        self.backup()
        self.target = os.path.join(self.folder, "target")
        self.elsewhere = os.path.join(self.folder, "elsewhere")
        for folder in (self.target, self.elsewhere):
            os.mkdir(folder)
        write(self.elsewhere + "/file", "precious")
        os.mkdir(self.elsewhere + "/sub")
        os.chmod(self.elsewhere, 0o711)
        self.outside = (attributes(self.elsewhere), tree(self.elsewhere))

    def inside(self, name):
        return os.path.join(self.target, name)

    def restore_over(self, code=0):
        self.run_lagan("restore", "latest:" + self.source, "-t", self.target, code=code)
        self.assertEqual((attributes(self.elsewhere), tree(self.elsewhere)), self.outside)

    def test_links_that_lead_out_are_replaced_not_followed(self):
        os.symlink("../elsewhere", self.inside("folder"))
        os.symlink(self.elsewhere + "/file", self.inside("file"))
        os.symlink(self.elsewhere, self.inside("link"))
        self.restore_over()
        self.assertEqual(tree(self.target), tree(self.source))

    def test_a_link_deeper_down_is_not_followed_either(self):
        os.mkdir(self.inside("folder"))
        os.symlink(self.elsewhere, self.inside("folder/sub"))
        self.restore_over()
        self.assertEqual(tree(self.target), tree(self.source))

    def test_other_names_of_a_file_keep_their_content(self):
        os.link(self.elsewhere + "/file", self.inside("file"))
        self.run_lagan("restore", "latest:" + self.source, "-t", self.target)
        self.assertEqual(read(self.elsewhere + "/file"), b"precious")
        self.assertEqual(tree(self.target), tree(self.source))

    def test_entries_of_other_kinds_give_way(self):
        write(self.inside("folder"), "a file")
        os.mkdir(self.inside("file"))
        os.mkfifo(self.inside("link"))
        self.restore_over()
        self.assertEqual(tree(self.target), tree(self.source))

    def test_nothing_else_is_touched(self):
        os.makedirs(self.inside("folder/mine"))
        write(self.inside("mine"), "mine")
        write(self.inside("folder/mine/file"), "mine")
        before = tree(self.target)
        self.restore_over()
        after = tree(self.target)
        for name in (b"mine", b"folder/mine", b"folder/mine/file"):
            self.assertEqual(after[name], before[name])

    def test_a_folder_with_content_stays_and_is_told(self):
        os.mkdir(self.inside("file"))
        write(self.inside("file/mine"), "mine")
        self.restore_over(code=1)
        self.assertIn("/file: ", self.errors)
        self.assertEqual(read(self.inside("file/mine")), b"mine")
        self.assertEqual(read(self.inside("folder/file")), b"new")

    def test_folders_on_the_way_to_what_is_included_stay_as_they_were(self):
        os.mkdir(self.inside("folder"))
        os.chmod(self.inside("folder"), 0o750)
        self.run_lagan("restore", "latest:" + self.source, "-t", self.target, "-i", "/folder/file")
        self.assertEqual(attributes(self.inside("folder"))[0], "drwxr-x---")

    def test_snapshots_restored_over_each_other_come_out_right(self):
        dice = random.Random(20)
        snapshots = []
        for _ in range(8):
            shutil.rmtree(self.source)
            os.mkdir(self.source)
            for name in "abcdefgh":
                kind = dice.choice(("file", "empty", "link", "pipe", "hard", "absent"))
                if kind == "file":
                    write(self.path(name), dice.randbytes(dice.randrange(20_000)))
                elif kind == "empty":
                    write(self.path(name))
                elif kind == "link":
                    os.symlink(dice.choice("abcdefgh"), self.path(name))
                elif kind == "pipe":
                    os.mkfifo(self.path(name))
                elif kind == "hard":
                    write(self.path(name), "two names")
                    os.link(self.path(name), self.path(name + "2"))
            snapshots.append((self.backup(), tree(self.source)))
        for snapshot, content in snapshots:
            self.run_lagan("restore", f"{snapshot}:{self.source}", "-t", self.target)
            found = tree(self.target)
            self.assertEqual({name: found.get(name) for name in content}, content)


class Damage(Fresh):
    """One of two packs is damaged: the files in it are named, the others come back."""

    def setUp(self):
        super().setUp()
        write(self.path("good"), os.urandom(500_000))
        self.backup()
        good = set(self.stored())
        write(self.path("bad"), os.urandom(500_000))
        os.link(self.path("bad"), self.path("bad link"))
        write(self.path("small"), "small")
        self.backup()
        (self.pack,) = [name for name in set(self.stored()) - good if "/data/" in name]

    def flip(self):
        os.chmod(self.pack, 0o600)
        content = bytearray(read(self.pack))
        for at in range(100_000, 101_000):
            content[at] ^= 0xff
        write(self.pack, bytes(content))

    def check_restore(self):
        target = os.path.join(self.folder, "target")
        self.run_lagan("restore", "latest:" + self.source, "-t", target, code=1)
        for name in ("good", "small"):
            self.assertEqual(read(f"{target}/{name}"), read(self.path(name)))
            self.assertNotIn(f"/{name}:", self.errors)
        for name in ("/bad: ", "/bad link: "):
            self.assertIn("lagan: " + name, self.errors)
        self.assertIn("not everything was restored", self.errors)

    def test_of_a_changed_pack(self):
        self.flip()
        self.check_restore()
        self.run_lagan("check")
        self.run_lagan("check", "--read-data", code=1)
        self.assertIn(os.path.basename(self.pack), self.errors)

    def test_of_a_lost_pack(self):
        os.remove(self.pack)
        self.check_restore()
        self.run_lagan("check", code=1)
        self.assertIn(os.path.basename(self.pack), self.errors)

    def test_of_a_cut_pack(self):
        os.chmod(self.pack, 0o600)
        write(self.pack, read(self.pack)[:100_000])
        self.check_restore()
        self.run_lagan("check", code=1)

    def test_the_good_files_alone_are_no_error(self):
        os.remove(self.pack)
        self.assertEqual(read(self.restore("latest", "-i", "/good") + "/good"),
                         read(self.path("good")))

    def test_json_does_not_count_what_could_not_be_restored(self):
        self.flip()
        summary = self.json_lines("restore", "latest:" + self.source, "-t", self.folder + "/target",
                                  code=1)[-1]
        self.assertEqual((summary["files_restored"], summary["total_files"],
                          summary["total_bytes"]), (2, 4, 1_000_005))

    def test_json_tells_which(self):
        self.flip()
        self.run_lagan("--json", "restore", "latest:" + self.source, "-t", self.folder + "/target",
                       code=1)
        self.assertIn('"during":"restore"', self.errors)
        self.assertIn('"item":"/bad"', self.errors)


if __name__ == "__main__":
    unittest.main()
