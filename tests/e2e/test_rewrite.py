# SPDX-License-Identifier: Apache-2.0
"""rewrite: what goes, what stays, and what is refused."""

import os
import shutil
import unittest

from helpers import Fresh, settle, strace, tree, write


class Rewrite(Fresh):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("mixed"))
        os.mkdir(self.path("private"))
        write(self.path("mixed/plain"), "plain")
        write(self.path("mixed/secret.key"), os.urandom(100_000))
        write(self.path("private/letter"), "letter")
        settle()
        self.old = self.backup("--tag", "daily", self.source)
        self.whole = tree(self.source)

    def left(self, *gone):
        return {path: what for path, what in self.whole.items()
                if os.fsdecode(path) not in gone}

    def ids(self):
        return [each["id"] for each in self.snapshots()]

    def test_a_new_snapshot_lacks_what_matches_and_the_old_one_stays(self):
        lines = self.json_lines("rewrite", "--exclude", "*.key", "--iexclude", "PRIVATE")
        self.assertEqual(lines[-1]["message_type"], "summary")
        self.assertEqual(lines[-1]["changed_snapshots"], 1)
        self.assertEqual((lines[-1]["files_removed"], lines[-1]["dirs_removed"],
                          lines[-1]["bytes_removed"]), (2, 1, 100_006))
        new = lines[-2]["new_snapshot_id"]
        self.assertEqual(lines[-2]["old_snapshot_id"], self.old)
        self.assertEqual(sorted(self.ids()), sorted([self.old, new]))
        shown = {each["id"]: each for each in self.snapshots()}[new]
        self.assertEqual(shown["original"], self.old)
        self.assertEqual(shown["tags"], ["daily", "rewrite"])
        self.assertEqual(shown["summary"]["total_files_processed"], 1)
        self.assertEqual(tree(self.restore(new)),
                         self.left("mixed/secret.key", "private", "private/letter"))
        self.assertEqual(tree(self.restore(self.old)), self.whole)
        self.run_lagan("check", "--read-data")

    def test_says_what_goes_with_v_and_when_it_is_gone(self):
        output = self.run_lagan("rewrite", "-v", "--exclude", "private", "latest")
        self.assertIn(f"removed   {self.path('private')}/\n", output)
        self.assertIn("1 files and 1 folders", output)
        self.assertIn("prune has run twice", output)
        self.assertIn("are forgotten", output)

    def test_a_forgotten_old_one_can_be_undeleted(self):
        output = self.run_lagan("rewrite", "--forget", "--exclude", "private")
        self.assertIn("when the undelete window", output)
        (new,) = self.ids()
        self.assertEqual(self.snapshots()[0]["tags"], ["daily"])
        self.assertIn(self.old[:8], self.run_lagan("undelete"))
        self.run_lagan("undelete", self.old)
        self.assertEqual(len(self.ids()), 2)
        (back,) = set(self.ids()) - {new}
        self.assertEqual(tree(self.restore(back)), self.whole)
        self.assertIn("0 snapshots can be brought back", self.run_lagan("undelete"))

    def test_after_the_window_and_two_prunes_the_data_is_gone(self):
        def stored():
            return sum(size for path, size in self.stored().items()
                       if "/data/" in path or "/tree/" in path)
        before = stored()
        self.run_lagan("rewrite", "--forget", "--exclude", "*.key")
        for _ in range(2):
            self.run_lagan("prune", "--undelete-window", "0", "--max-unused", "0%")
        self.assertLess(stored(), before - 90_000)
        self.assertEqual(tree(self.restore()), self.left("mixed/secret.key"))
        self.run_lagan("check", "--read-data")

    def test_nothing_matched_is_said_and_nothing_written(self):
        before = self.stored()
        self.assertIn("no snapshot was changed", self.run_lagan("rewrite", "--exclude", "elsewhere"))
        self.assertIn("no snapshot was changed", self.run_lagan("rewrite", "--exclude", "*", "--forget"))
        self.assertIn(f"snapshot {self.old[:8]}: nothing would be left", self.errors)
        self.assertIn("would rewrite 1",
                      self.run_lagan("rewrite", "-n", "--exclude", "private"))
        self.assertEqual(self.stored(), before)

    def test_an_include_and_files_of_patterns(self):
        patterns = os.path.join(self.folder, "patterns")
        write(patterns, "# what nobody needs\n*.key\n")
        self.run_lagan("rewrite", "--exclude-file", patterns, "--forget")
        self.assertEqual(tree(self.restore()), self.left("mixed/secret.key"))
        self.run_lagan("rewrite", "--include", "plain", "--forget")
        self.assertEqual(tree(self.restore()),
                         self.left("mixed/secret.key", "private", "private/letter"))

    def test_host_and_time(self):
        self.run_lagan("rewrite", "--new-host", "cellar", "--new-time", "2024-05-06 07:08:09",
                       "--forget")
        (shown,) = self.snapshots()
        self.assertEqual(shown["hostname"], "cellar")
        self.assertTrue(shown["time"].startswith("2024-05-06T07:08:09"))
        self.assertEqual(tree(self.restore()), self.whole)

    def test_take_back_and_the_order_of_flags_count_as_in_a_backup(self):
        self.run_lagan("rewrite", "-e", "mixed", "-e", "!plain", "--forget")
        self.assertEqual(tree(self.restore()), self.left("mixed/secret.key"))
        self.run_lagan("rewrite", "-e", "!plain", "-e", "mixed", "--forget")
        self.assertEqual(tree(self.restore()),
                         self.left("mixed", "mixed/plain", "mixed/secret.key"))

    def test_a_second_run_finds_what_the_first_has_put(self):
        self.run_lagan("rewrite", "--exclude", "private")
        (new,) = set(self.ids()) - {self.old}
        before = self.stored()
        lines = self.json_lines("rewrite", "--exclude", "private", self.old)
        self.assertEqual(lines[-2]["new_snapshot_id"], new)
        self.assertEqual(self.stored(), before)

    def test_killed_anywhere_the_old_snapshot_is_whole_and_the_next_run_does_the_rest(self):
        if shutil.which("strace") is None:
            self.skipTest("needs strace")
        words = ("rewrite", "--exclude", "private", "--forget")
        survived = 0
        while self.old in self.ids():
            survived += 1
            self.assertLess(survived, 10)
            killed = strace("-o", "/dev/null", "-e", "trace=renameat2",
                            "-e", f"inject=renameat2:signal=SIGKILL:when={survived}")
            self.run_lagan(*words, code=None, **killed)
            if self.old in self.ids():
                self.assertEqual(tree(self.restore(self.old)), self.whole)
            self.run_lagan("check")
        # The session, a pack, a segment, the snapshot; then there is only to forget.
        self.assertGreater(survived, 3)
        (new,) = self.ids()
        self.assertNotEqual(new, self.old)
        self.assertEqual(tree(self.restore()), self.left("private", "private/letter"))
        self.run_lagan("check", "--read-data")

    def test_filters_choose(self):
        self.backup("--tag", "weekly", self.source)
        lines = self.json_lines("rewrite", "--exclude", "private", "--tag", "weekly")
        self.assertEqual(lines[-1]["changed_snapshots"], 1)
        self.assertEqual(len(self.ids()), 3)

    def test_refused_in_one_sentence(self):
        for words, saying in [
            (["rewrite"], "--exclude"),
            (["rewrite", "--exclude", "a", "--include", "b"], "together"),
            (["rewrite", "--exclude", "[", self.old], "']'"),
            (["rewrite", "--exclude", "a", "ffffffff"], "there is no snapshot ffffffff"),
            (["rewrite", "--exclude", "a", self.old, "ffffffff"], "there is no snapshot ffffffff"),
            (["rewrite", "--exclude-file", self.folder + "/none"], self.folder + "/none"),
            (["rewrite", "--new-time", "yesterday"], "is no time"),
        ]:
            with self.subTest(words=words):
                self.refuse(*words, saying=saying)
        self.assertEqual(self.ids(), [self.old])


if __name__ == "__main__":
    unittest.main()
