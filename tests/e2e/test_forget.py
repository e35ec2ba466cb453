# SPDX-License-Identifier: Apache-2.0
"""forget, undelete, prune and tag: what goes, what comes back, and what is refused."""

import collections
import json
import os
import unittest

from helpers import Fresh, write

Done = collections.namedtuple("Done", "stdout stderr")


class ForgetCase(Fresh):
    """Runs commands; a done one has stdout and stderr."""

    def lagan(self, *words, code=0):
        output = self.run_lagan(*words, code=code)
        return Done(output, self.errors)

    def write(self, name, content):
        os.makedirs(self.source, exist_ok=True)
        write(os.path.join(self.source, name), content)

    def back_up(self, name, *flags):
        self.write(name, name.encode() * 50_000)
        return self.backup(*flags, self.source)

    def ids(self):
        return [each["id"] for each in self.json("snapshots")]

    def repository_bytes(self):
        total = 0
        for kind in ("data", "tree"):
            for folder, _, files in os.walk(os.path.join(self.repository, kind)):
                total += sum(os.path.getsize(os.path.join(folder, file)) for file in files)
        return total


class Policies(ForgetCase):
    def setUp(self):
        super().setUp()
        self.made = [self.back_up(f"f{day}", "--time", f"2024-05-{day:02} 12:00:00")
                     for day in range(1, 7)]

    def test_keeps_what_the_policy_says_with_reasons(self):
        done = self.lagan("forget", "--json", "--keep-last", "1", "--keep-daily", "3")
        group = json.loads(done.stdout)[0]
        self.assertEqual([each["id"] for each in group["keep"]], self.made[3:])
        self.assertEqual([each["id"] for each in group["remove"]], self.made[:3])
        newest = [each for each in group["reasons"] if each["snapshot"]["id"] == self.made[5]]
        self.assertEqual(newest[0]["matches"], ["last snapshot", "daily snapshot"])
        self.assertEqual(self.ids(), self.made[3:])

    def test_says_when_more_than_half_goes_and_how_to_get_it_back(self):
        done = self.lagan("forget", "--keep-last", "1")
        self.assertIn("undelete", done.stderr)
        self.assertIn("5 of 6", done.stderr)

    def test_a_dry_run_forgets_nothing(self):
        done = self.lagan("forget", "-n", "-l", "2")
        self.assertIn("would forget 4 snapshots", done.stdout)
        self.assertIn("4 of 6", done.stderr)
        self.assertIn("would be forgotten", done.stderr)
        self.assertEqual(self.ids(), self.made)

    def test_a_dry_run_with_prune_tells_what_that_would_free(self):
        words = ["--json", "-l", "1", "--prune", "--undelete-window", "0"]
        would = json.loads(self.lagan("forget", "-n", *words).stdout.splitlines()[-1])
        self.assertTrue(would["dry_run"])
        self.assertEqual(would["snapshots_deleted"], 5)
        self.assertEqual(self.ids(), self.made)
        did = json.loads(self.lagan("forget", *words).stdout.splitlines()[-1])
        for each in ("snapshots_deleted", "packs_unused", "bytes_to_free"):
            self.assertEqual(would[each], did[each], each)
        self.assertGreater(would["packs_unused"], 0)

    def test_all_means_all(self):
        for text in ("unlimited", "-1"):
            self.lagan("forget", "--keep-daily", text)
            self.assertEqual(self.ids(), self.made)

    def test_a_count_may_be_a_duration(self):
        done = self.lagan("forget", "--json", "--keep-daily", "2d")
        group = json.loads(done.stdout)[0]
        self.assertEqual([each["id"] for each in group["keep"]], self.made[4:])
        self.assertEqual(group["reasons"][0]["matches"], ["daily within 2d"])

    def test_snapshots_without_tags_are_kept_by_the_empty_tag(self):
        self.lagan("tag", "--add", "old", *self.made[:2])
        self.lagan("forget", "--keep-tag", "")
        self.assertEqual(self.ids(), self.made[2:])

    def test_the_time_machine_keeps_each_day_of_a_month(self):
        self.lagan("forget", "--keep-time-machine")
        self.assertEqual(self.ids(), self.made)

    def test_a_size_drops_the_oldest_first(self):
        self.lagan("forget", "--keep-time-machine", "--max-size", "1K")
        self.assertEqual(self.ids(), self.made[5:])

    def test_a_size_leaves_snapshots_of_the_future_alone(self):
        future = self.back_up("f7", "--time", "2124-05-07 12:00:00")
        self.lagan("forget", "--keep-time-machine", "--max-size", "1K")
        self.assertEqual(self.ids(), [self.made[5], future])

    def test_a_snapshot_that_cannot_be_read_is_told_and_the_others_judged(self):
        path = os.path.join(self.repository, "snapshots", self.made[2])
        os.chmod(path, 0o600)
        write(path, b"no snapshot")
        done = self.lagan("forget", "--keep-last", "2", code=1)
        self.assertIn(self.made[2], done.stderr)
        self.assertIn("forgot 3 snapshots", done.stdout)

    def test_named_snapshots(self):
        self.lagan("forget", self.made[0][:8], self.made[2])
        self.assertEqual(self.ids(), [self.made[i] for i in (1, 3, 4, 5)])

    def test_undelete_brings_back_one_or_all(self):
        self.lagan("forget", "--keep-last", "3")
        self.assertIn("3 snapshots can be brought back", self.lagan("undelete").stdout)
        self.lagan("undelete", self.made[0][:10])
        self.assertEqual(len(self.ids()), 4)
        self.assertIn("2 snapshots can be brought back", self.lagan("undelete").stdout)
        self.lagan("undelete", "--all")
        self.assertEqual(len(self.ids()), 6)
        originals = {each.get("original") for each in
                     self.json("snapshots")}
        self.assertEqual(originals, {None, *self.made[:3]})
        self.lagan("check", "--read-data")

    def test_what_was_brought_back_or_changed_comes_back_once(self):
        newest = self.made[-1]
        self.lagan("forget", newest)
        done = self.lagan("undelete", "--json", newest, newest[:8]).stdout.splitlines()
        self.assertEqual(json.loads(done[0])["old_snapshot_id"], newest)
        self.assertEqual(json.loads(done[1])["changed_snapshots"], 1)
        self.lagan("tag", "--add", "a", "latest")
        self.lagan("tag", "--add", "b", "latest")
        self.assertEqual(self.json("undelete"), [])
        self.lagan("forget", "latest")
        self.assertEqual([each["tags"] for each in self.json("undelete")], [["a", "b"]])
        self.lagan("undelete", "--all")
        self.assertEqual(len(self.ids()), 6)
        self.assertIn("nothing to bring back", self.lagan("undelete", "--all").stdout)

    def test_refused_in_one_sentence(self):
        for words, hint in [
            (["forget"], "say what to keep"),
            (["forget", "--keep-daily", "x"], "--keep-daily wants a number"),
            (["forget", "--keep-daily", "-2"], "--keep-daily wants a number"),
            (["forget", "--keep-daily", "3q"], "--keep-daily wants a number"),
            (["forget", "--keep-daily", "2w", "--keep-within-daily", "1m"], "both"),
            (["forget", "--keep-last", "0"], "say what to keep"),
            (["forget", "--keep-within", "0h"], "say what to keep"),
            (["forget", "-l", "1", "--max-size", "x"], "--max-size"),
            (["forget", "--keep-within", "5x"], "2y5m7d3h"),
            (["forget", "--keep-last", "0", "--keep-tag", "none"], "keeps none"),
            (["forget", "--unsafe-allow-remove-all"], "--host"),
            (["forget", "-l", "1", "--keep-tag=", "--dry-run"], "--keep-tag= has no value"),
            (["backup", self.folder, "--host=", "--dry-run"], "--host= has no value"),
            (["forget", "-l", "1", self.made[0]], "not both"),
            (["forget", "ffffffff"], "no snapshot"),
            (["forget", self.made[0], "ffffffff"], "no snapshot"),
            (["forget", "-l", "1", "--group-by", "colour"], "colour"),
            (["prune", "--max-unused", "x"], "--max-unused"),
            (["prune", "--max-unused", "101%"], "--max-unused"),
            (["prune", "--max-repack-size", "x"], "--max-repack-size"),
            (["prune", "--fence-after", "x"], "--fence-after"),
            (["prune", "--undelete-window", "2m"], "days and hours"),
            (["undelete", "ffffffff"], "no snapshot"),
            (["tag", "--add", "a", self.made[0], "ffffffff"], "no snapshot"),
            (["tag", "--add", "a", "--set", "b"], "--set"),
            (["tag"], "--add"),
        ]:
            with self.subTest(words=words):
                done = self.lagan(*words, code=1)
                self.assertIn(hint, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1)
        self.assertEqual(self.ids(), self.made)

    def test_everything_of_a_host_can_be_forgotten_when_that_is_meant(self):
        host = self.json("snapshots")[0]["hostname"]
        done = self.lagan("forget", "--unsafe-allow-remove-all", "--host", host)
        self.assertIn("6 of 6", done.stderr)
        self.assertEqual(self.ids(), [])


class Pruning(ForgetCase):
    def test_two_prunes_free_what_a_snapshot_alone_needed(self):
        self.write("big", os.urandom(3_000_000))
        first = self.summary(self.source)
        os.unlink(os.path.join(self.source, "big"))
        second = self.back_up("small")
        before = self.repository_bytes()
        done = self.lagan("forget", first["snapshot_id"], "--prune", "--undelete-window", "0")
        self.assertIn("the next prune deletes", done.stdout)
        done = self.lagan("prune", "--undelete-window", "0")
        self.assertIn("deleted", done.stdout)
        self.assertLess(self.repository_bytes(), before - 2_900_000)
        self.lagan("check", "--read-data")
        target = os.path.join(self.folder, "back")
        self.lagan("restore", second + ":" + self.source, "--target", target)
        self.assertEqual(os.listdir(target), ["small"])

    def test_the_window_is_seven_days(self):
        first = self.back_up("one")
        self.back_up("two")
        self.lagan("forget", first)
        done = self.lagan("prune", "--json")
        self.assertEqual(json.loads(done.stdout)["snapshots_in_window"], 1)
        self.lagan("undelete", first[:8])
        self.assertEqual(len(self.ids()), 2)

    def test_a_dry_run_says_what_would_go(self):
        first = self.back_up("one")
        os.unlink(os.path.join(self.source, "one"))
        self.back_up("two")
        self.lagan("forget", first)
        words = ["prune", "--undelete-window", "0"]
        would = self.lagan(*words, "-n").stdout
        self.assertIn("would delete 0 packs, 0 B, and 1 forgotten snapshots", would)
        self.assertIn("would condemn", would)
        self.lagan(*words)
        before = self.repository_bytes()
        would = json.loads(self.lagan(*words, "-n", "--json").stdout)
        self.assertGreater(would["packs_deleted"], 0)
        self.assertEqual(self.repository_bytes(), before)
        did = json.loads(self.lagan(*words, "--json").stdout)
        self.assertEqual(did["packs_deleted"], would["packs_deleted"])
        self.assertEqual(did["bytes_deleted"], would["bytes_deleted"])
        self.assertEqual(self.repository_bytes(), before - did["bytes_deleted"])

    def test_what_may_stay_unused_is_a_part_a_size_or_anything(self):
        for i in range(4):
            self.write(f"f{i}", os.urandom(120_000))  # few enough chunks for no list
        first = self.backup(self.source)
        os.unlink(os.path.join(self.source, "f0"))
        self.back_up("more")
        self.lagan("forget", first)
        for limit, repacked in [("0", 1), ("5%", 1), ("100K", 1), ("50%", 0), ("1M", 0),
                                ("100%", 0), ("unlimited", 0)]:
            done = json.loads(self.lagan("prune", "-n", "--json", "--undelete-window", "0",
                                         "--max-unused", limit).stdout)
            with self.subTest(limit=limit):
                self.assertEqual(done["packs_repacked"], repacked)
                self.assertEqual(done["bytes_to_repack"] > 300_000, repacked == 1)
        done = json.loads(self.lagan("prune", "-n", "--json", "--undelete-window", "0",
                                     "--max-unused", "0", "--max-repack-size", "100K").stdout)
        self.assertEqual(done["packs_repacked"], 0)


class Repairs(ForgetCase):
    def test_an_index_is_made_again_as_check_suggests(self):
        self.back_up("one")
        index = os.path.join(self.repository, "index")
        for name in os.listdir(index):
            os.unlink(os.path.join(index, name))
        done = self.lagan("check", code=1)
        self.assertIn("repair index", done.stderr)
        self.assertIn("would be listed", self.lagan("repair", "index", "-n").stdout)
        self.lagan("check", code=1)
        self.lagan("repair", "index")
        self.lagan("check", "--read-data")


class Tags(ForgetCase):
    def test_add_remove_and_set(self):
        first = self.back_up("one", "--tag", "a,b")
        self.lagan("tag", "--add", "c", "--remove", "a", "latest")
        shown = self.json("snapshots")
        self.assertEqual(shown[0]["tags"], ["b", "c"])
        self.assertEqual(shown[0]["original"], first)
        self.assertEqual(len(shown), 1)
        self.lagan("tag", "--set", "x")
        self.assertEqual(self.json("snapshots")[0]["tags"], ["x"])
        self.lagan("check")

    def test_a_snapshot_that_is_named_twice_is_changed_once(self):
        first = self.back_up("one")
        done = self.lagan("tag", "--json", "--add", "a", first, first[:8])
        self.assertEqual(json.loads(done.stdout.splitlines()[-1])["changed_snapshots"], 1)
        self.assertEqual(len(self.ids()), 1)


if __name__ == "__main__":
    unittest.main()
