# SPDX-License-Identifier: Apache-2.0
"""What a backup stores, says and leaves alone when all goes well."""

import base64
import os
import re
import shutil
import unittest

from helpers import Fresh, read, settle, strace, tree, write

SUMMARY = {
    "message_type": str, "files_new": int, "files_changed": int, "files_unmodified": int,
    "dirs_new": int, "dirs_changed": int, "dirs_unmodified": int, "data_blobs": int,
    "tree_blobs": int, "data_added": int, "data_added_packed": int, "total_files_processed": int,
    "total_bytes_processed": int, "backup_start": str, "backup_end": str,
    "total_duration": float, "snapshot_id": str,
}
STATUS = {
    "message_type": str, "seconds_elapsed": int, "percent_done": float, "total_files": int,
    "files_done": int, "total_bytes": int, "bytes_done": int,
}
TEXT = r"""files: \d+ new, \d+ changed, \d+ unmodified
folders: \d+ new, \d+ changed, \d+ unmodified
added: [\d.]+ \w+ \([\d.]+ \w+ stored\)
processed \d+ files, [\d.]+ \w+ in [\d.]+ s
snapshot [0-9a-f]{8} saved
"""


class Content(Fresh):
    def make_source(self):
        os.makedirs(self.path("sub/empty"))
        for size in (0, 1, 255, 256, 257, 4096, 100_000, 5_000_000):
            write(self.path(f"file-{size}"), os.urandom(size))
        write(self.path("sub/text"), "the same line again\n" * 50_000)
        shutil.copy(self.path("file-100000"), self.path("sub/copy"))

    def test_every_snapshot_restores_what_was_there(self):
        self.make_source()
        expected = {}
        for change in ("first", "second", "third"):
            write(self.path("changing"), change * 20_000)
            write(self.path("sub/" + change), change)
            expected[self.backup()] = tree(self.source)
        for snapshot, content in expected.items():
            self.assertEqual(tree(self.restore(snapshot)), content)
        self.assertIn("no errors", self.run_lagan("check", "--read-data"))

    def test_every_compression_restores(self):
        self.make_source()
        packed = {}
        for level in ("auto", "off", "fastest", "better", "max"):
            write(self.path("sub/text"), f"another {level} line\n" * 50_000)
            packed[level] = self.summary(self.source, "--compression", level)["data_added_packed"]
            self.assertEqual(tree(self.restore()), tree(self.source))
        self.assertGreater(packed["off"], 10 * packed["max"])
        self.run_lagan("check", "--read-data")

    def test_the_same_content_is_stored_once(self):
        self.make_source()
        first = self.summary(self.source)
        self.assertGreater(first["data_added"], 5_000_000)
        shutil.copytree(self.source, self.path("again"))
        self.assertLess(self.summary(self.source)["data_added"], 10_000)

    def test_a_long_file_costs_what_changed_in_it(self):
        content = os.urandom(8_000_000)
        write(self.path("long"), content)
        self.backup()
        changed = b"x" + content[:4_000_000] + b"middle" + content[4_000_000:] + b"end"
        write(self.path("long"), changed)
        self.assertLess(self.summary(self.source)["data_added"], 4_000_000)
        self.assertEqual(read(self.restore() + "/long"), changed)


class Targets(Fresh):
    def test_relative_paths_mean_what_they_do_here(self):
        write(self.path("file"), "x")
        self.backup("./source/../source//", cwd=self.folder)
        self.assertEqual(self.snapshots()[0]["paths"], [self.source])
        self.assertEqual(tree(self.restore()), tree(self.source))

    def test_a_single_file_or_link_is_saved_as_such(self):
        write(self.path("file"), "x")
        os.symlink("file", self.path("link"))
        self.backup(self.path("file"), self.path("link"))
        self.assertEqual(tree(self.restore()), tree(self.source))

    def test_a_target_within_another_is_saved_once(self):
        os.mkdir(self.path("sub"))
        write(self.path("sub/file"), "x" * 1000)
        summary = self.summary(self.path("sub"), self.source, self.source)
        self.assertEqual(summary["total_files_processed"], 1)
        self.assertEqual(self.snapshots()[0]["paths"], [self.source, self.path("sub")])

    def test_a_path_may_lead_through_a_link(self):
        os.makedirs(self.path("real/sub"))
        write(self.path("real/sub/file"), "x")
        os.symlink("real", self.path("link"))
        snapshot = self.backup(self.path("link/sub"))
        self.assertIn("/file", self.run_lagan("ls", "-q", snapshot))

    def test_nothing_to_back_up_is_an_error(self):
        self.refuse("backup", saying="name a path")
        self.assertEqual(self.snapshots(), [])


class Unchanged(Fresh):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("sub"))
        for name in ("file-a", "file-b", "sub/file-c"):
            write(self.path(name), name[-1] * 50_000)
        settle()
        self.backup()

    def test_files_are_not_opened(self):
        if shutil.which("strace") is None:
            self.skipTest("needs strace")
        trace = os.path.join(self.folder, "trace")
        watched = strace("-o", trace, "-e", "trace=openat,openat2,open")
        summary = self.summary(self.source, **watched)
        opened = set(re.findall(rb'open[^"\n]*"([^"]*)"', read(trace)))
        self.assertIn(b"sub", opened)
        self.assertEqual(opened & {b"file-a", b"file-b", b"file-c"}, set())
        self.summary(self.source, "--force", **watched)
        opened = set(re.findall(rb'open[^"\n]*"([^"]*)"', read(trace)))
        self.assertEqual(opened & {b"file-a", b"file-b", b"file-c"}, {b"file-a", b"file-b", b"file-c"})
        self.assertEqual((summary["files_new"], summary["files_changed"]), (0, 0))

    def test_counts_say_so(self):
        summary = self.summary(self.source)
        self.assertEqual((summary["files_new"], summary["files_changed"],
                          summary["files_unmodified"], summary["data_blobs"]), (0, 0, 3, 0))
        self.assertEqual(tree(self.restore()), tree(self.source))

    def test_a_change_is_found_though_size_and_time_are_the_same(self):
        times = os.stat(self.path("file-a"))
        write(self.path("file-a"), "x" * 50_000)
        os.utime(self.path("file-a"), ns=(times.st_atime_ns, times.st_mtime_ns))
        summary = self.summary(self.source)
        self.assertEqual((summary["files_changed"], summary["files_unmodified"]), (1, 2))
        self.assertEqual(tree(self.restore()), tree(self.source))

    def test_a_lost_cache_changes_nothing(self):
        shutil.rmtree(self.environment["LAGAN_CACHE_DIR"])
        self.assertEqual(self.summary(self.source)["data_blobs"], 0)
        self.backup(self.source, "--no-cache")
        self.assertEqual(tree(self.restore()), tree(self.source))

    def test_the_snapshot_before_is_the_parent(self):
        first = self.snapshots()[0]["id"]
        self.backup()
        self.assertEqual([snapshot.get("parent") for snapshot in self.snapshots()], [None, first])

    def test_no_snapshot_is_made_if_none_is_needed(self):
        def skipped():
            settle()
            summary = self.summary(self.source, "--skip-if-unchanged")
            return "snapshot_id" not in summary
        # Others may change the folders above the source meanwhile.
        self.assertTrue(any(skipped() for _ in range(10)))
        number = len(self.snapshots())
        write(self.path("file-a"), "news")
        self.assertIn("snapshot_id", self.summary(self.source, "--skip-if-unchanged"))
        self.assertEqual(len(self.snapshots()), number + 1)


class DryRun(Fresh):
    def test_stores_nothing(self):
        write(self.path("file-a"), os.urandom(300_000))
        for _ in range(2):
            before = self.stored()
            dry = self.summary(self.source, "--dry-run")
            self.assertEqual(self.stored(), before)
            self.assertIs(dry["dry_run"], True)
            self.assertNotIn("snapshot_id", dry)
            self.assertIn("would add: ", self.run_lagan("backup", "-n", self.source))
            real = self.summary(self.source)
            self.assertEqual((dry["files_new"], dry["data_blobs"]),
                             (real["files_new"], real["data_blobs"]))
            write(self.path("b"), os.urandom(300_000))


class Description(Fresh):
    def test_tags_host_label_and_time_are_kept(self):
        self.backup(self.source, "--tag", "a,b", "--tag", "c", "--host", "elsewhere", "--label",
                    "before the move", "--time", "2020-01-02 03:04:05", env={"TZ": "CET-1"})
        (snapshot,) = self.snapshots()
        self.assertEqual(snapshot["tags"], ["a", "b", "c"])
        self.assertEqual(snapshot["hostname"], "elsewhere")
        self.assertEqual(snapshot["description"], "before the move")
        self.assertEqual(snapshot["time"], "2020-01-02T03:04:05.000000000+01:00")
        self.assertEqual((snapshot["uid"], snapshot["gid"]), (os.getuid(), os.getgid()))
        self.assertTrue(snapshot["program_version"].startswith("lagan "))

    def test_snapshots_are_found_by_them(self):
        ids = [self.backup(self.source, "--tag", tags, "-H", host)
               for tags, host in (("a,b", "one"), ("a", "two"), ("", "two"))]

        def found(*flags):
            return [ids.index(snapshot["id"]) for snapshot in self.snapshots(*flags)]
        self.assertEqual(found("--tag", "a"), [0, 1])
        self.assertEqual(found("--tag", "a,b"), [0])
        self.assertEqual(found("--tag", "b", "--tag", ""), [0, 2])
        self.assertEqual(found("-H", "two"), [1, 2])
        self.assertEqual(found("-H", "two", "--tag", "a"), [1])
        self.assertEqual(found("--path", self.source), [0, 1, 2])
        self.assertEqual(found("--path", self.folder), [])
        self.assertEqual(found("--latest", "1"), [0, 2])
        self.assertEqual(found(ids[1][:12]), [1])

    def test_the_host_is_of_the_flag_or_the_environment_or_the_machine(self):
        self.backup(self.source, "-H", "flag", env={"LAGAN_HOST": "variable"})
        self.backup(env={"LAGAN_HOST": "variable"})
        self.backup()
        self.assertEqual([snapshot["hostname"] for snapshot in self.snapshots()],
                         ["flag", "variable", os.uname().nodename])

    def test_nonsense_is_refused(self):
        self.refuse("backup", self.source, "--time", "yesterday", saying="'yesterday' is no time")
        self.refuse("backup", self.source, "--time", "2020-13-01", saying="is no time")
        self.refuse("backup", self.source, "--time", "2999-01-01", saying="only times from 1678 to 2261")
        self.refuse("backup", self.source, "--time", "1500-01-01", saying="only times from 1678 to 2261")
        self.refuse("backup", self.source, "--read-concurrency", "100000", saying="--read-concurrency")
        self.refuse("backup", self.source, "--compression", "much", saying="--compression")
        self.refuse("backup", self.source, "--pack-size", "1", saying="--pack-size")
        self.assertEqual(self.snapshots(), [])

    def test_a_day_that_never_was_is_refused(self):
        self.refuse("backup", self.source, "--time", "2021-02-30 12:00:00", saying="is no time")


class Output(Fresh):
    def test_text_is_the_summary_alone(self):
        write(self.path("file"), "x" * 1000)
        self.assertRegex(self.run_lagan("backup", self.source), rf"\A{TEXT}\Z")
        self.assertEqual(self.errors, "")

    def test_quiet_is_silent(self):
        self.assertEqual(self.run_lagan("backup", self.source, "-q"), "")
        self.assertEqual(self.errors, "")
        self.assertEqual(len(self.snapshots()), 1)

    def test_very_verbose_names_each_file(self):
        for name in ("a", "b"):
            write(self.path(name), name)
        settle()
        output = self.run_lagan("backup", "-vv", self.source)
        self.assertEqual({line for line in output.splitlines() if self.source + "/" in line},
                         {f"new       {self.path(name)}" for name in ("a", "b")})
        write(self.path("b"), "changed")
        items = {message["item"]: message["action"] for message
                 in self.json_lines("backup", "-vv", self.source)
                 if message["message_type"] == "verbose_status"}
        self.assertEqual(items[self.path("a")], "unchanged")
        self.assertEqual(items[self.path("b")], "modified")

    def check_types(self, message, expected):
        for key, kind in expected.items():
            self.assertIn(key, message)
            self.assertIsInstance(message[key], kind, key)

    def test_json_ends_with_a_summary(self):
        write(self.path("file"), "x" * 1000)
        (summary,) = self.json_lines("backup", self.source, env={"LAGAN_PROGRESS_FPS": "0.001"})
        self.check_types(summary, SUMMARY)
        self.assertEqual(summary["message_type"], "summary")
        self.assertEqual((summary["files_new"], summary["total_bytes_processed"]), (1, 1000))
        for key in ("backup_start", "backup_end"):
            self.assertRegex(summary[key], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z\Z")
        self.assertEqual(summary["snapshot_id"], self.snapshots()[0]["id"])

    def test_json_has_a_status_now_and_then(self):
        # The wait for the command gives time for some.
        messages = self.json_lines("backup", "--stdin-from-command", "--", "sh", "-c",
                                   "sleep 0.3; echo", env={"LAGAN_PROGRESS_FPS": "30"})
        kinds = [message["message_type"] for message in messages]
        self.assertEqual(set(kinds[:-1]), {"status"})
        self.assertEqual(kinds[-1], "summary")
        for status in messages[:-1]:
            self.check_types(status, STATUS)
            self.assertTrue(0 <= status["percent_done"] <= 1)

    def test_paths_that_are_not_utf8_are_in_json_as_bytes_too(self):
        folder = os.fsencode(self.source) + b"/\xff"
        os.mkdir(folder)
        self.backup(folder)
        (snapshot,) = self.snapshots()
        self.assertEqual([base64.b64decode(path) for path in snapshot["paths_b64"]], [folder])


if __name__ == "__main__":
    unittest.main()
