# SPDX-License-Identifier: Apache-2.0
"""The commands that look: ls, find, dump, diff, versions, stats, cat, list, key, cache, completions.

Runs the built program (environment variable LAGAN) on a repository of its own and checks output,
JSON keys and exit codes.
"""

import base64
import io
import json
import os
import shutil
import subprocess
import tarfile
import unittest
import zipfile

from helpers import LAGAN, Repository, write

BAD_NAME = b"not\xffutf8"
LONG_NAME = "long-" + "x" * 200
LONG_FOLDER = "deep-" + "y" * 150
MTIME_NS = 1_600_000_000_123_456_789


class TwoSnapshots(Repository):
    """A repository with two snapshots that differ."""

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.make_source()
        cls.first = cls.backup()
        cls.change_source()
        cls.second = cls.backup()

    @classmethod
    def make_source(cls):
        os.makedirs(os.path.join(cls.source, "sub", "inner"))
        os.makedirs(os.path.join(cls.source, LONG_FOLDER))
        cls.big = os.urandom(3_000_000)
        write(cls.path("big"), cls.big)
        write(cls.path("empty"), "")
        write(cls.path("a.txt"), "old")
        write(cls.path("sub/b.log"), "in sub\n")
        write(cls.path("sub/inner/c.txt"), "inner\n")
        write(cls.path(LONG_FOLDER + "/" + LONG_NAME), "long")
        write(os.fsencode(cls.source) + b"/" + BAD_NAME, "bytes")
        os.link(cls.path("big"), cls.path("sub/hard"))
        os.symlink("a.txt", cls.path("link"))
        os.mkfifo(cls.path("pipe"))
        os.utime(cls.path("sub/b.log"), ns=(MTIME_NS, MTIME_NS))

    @classmethod
    def change_source(cls):
        write(cls.path("a.txt"), "new content")
        os.chmod(cls.path("empty"), 0o600)
        os.mkdir(cls.path("added"))
        write(cls.path("added/file"), "x")
        os.remove(cls.path("sub/inner/c.txt"))
        os.remove(cls.path("link"))
        os.mkdir(cls.path("link"))

    def data_chunks(self):
        """All of them are of `big`: the other files are so small that they stay in the trees."""
        return [blob["id"] for blob in self.json("list", "blobs") if blob["type"] == "data"]


class Shared(TwoSnapshots):
    """One repository for all tests of a class, which leave it as it is."""

    @classmethod
    def setUpClass(cls):
        cls.prepare()


class Ls(Shared):
    def test_lists_everything_by_path(self):
        lines = self.run_lagan("ls", "latest").splitlines()
        self.assertTrue(lines[0].startswith("snapshot " + self.second[:8]))
        self.assertIn(self.path("sub/b.log"), lines)
        self.assertIn(self.path("added"), lines)
        self.assertIn(os.fsdecode(os.fsencode(self.source) + b"/" + BAD_NAME), lines)
        self.assertEqual(lines[1:], sorted(lines[1:], key=lambda path: os.fsencode(path).split(b"/")))

    def test_folders_limit_it_to_what_lies_in_them(self):
        lines = self.run_lagan("ls", "-q", self.first, self.path("sub")).splitlines()
        self.assertEqual(lines, [self.path(name) for name in
                                 ("sub", "sub/b.log", "sub/hard", "sub/inner")])
        deeper = self.run_lagan("ls", "-q", "-R", self.first, self.path("sub")).splitlines()
        self.assertIn(self.path("sub/inner/c.txt"), deeper)

    def test_a_path_after_the_snapshot_is_the_root(self):
        lines = self.run_lagan("ls", "-q", f"{self.first}:{self.source}/sub").splitlines()
        self.assertEqual(lines, ["/b.log", "/hard", "/inner", "/inner/c.txt"])

    def test_long_lines_have_mode_owner_size_and_time(self):
        line = [line for line in self.run_lagan("ls", "-l", "latest").splitlines()
                if line.endswith("/b.log")][0]
        words = line.split()
        self.assertEqual(words[0][0], "-")
        self.assertEqual(words[1:4], [str(os.getuid()), str(os.getgid()), "7"])
        self.assertEqual(words[4:6], ["2020-09-13", "12:26:40"])
        big = [line for line in
               self.run_lagan("ls", "-l", "--human-readable", "latest").splitlines()
               if line.endswith("/big")][0]
        self.assertIn("2.861 MiB", big)
        link = [line for line in self.run_lagan("ls", "-l", self.first).splitlines()
                if "/link" in line][0]
        self.assertTrue(link.endswith("/link -> a.txt"))

    def test_birth_times_stand_behind_those_of_the_last_change(self):
        node = next(each for each in self.json_lines("ls", "latest")
                    if each.get("name") == "b.log")
        born = node["btime"][:19].replace("T", " ") if "btime" in node else "-"
        output = self.run_lagan("ls", "--birth", "latest")
        self.assertRegex(output, rf"(?m)^-.* 7 2020-09-13 12:26:40 {born} +/.*/b\.log$")

    def test_sorts(self):
        sizes = [node["size"] for node in self.json_lines("ls", "latest", "--sort", "size")
                 if node.get("type") == "file"]
        self.assertEqual(sizes, sorted(sizes))
        down = [node["size"] for node in
                self.json_lines("ls", "latest", "--sort", "size", "--reverse")
                if node.get("type") == "file"]
        self.assertEqual(down, sorted(sizes, reverse=True))
        self.refuse("ls", "latest", "--sort", "colour", saying="--sort")

    def test_json_has_the_words_of_restic(self):
        head, *nodes = self.json_lines("ls", "latest")
        self.assertEqual(head["message_type"], "snapshot")
        self.assertEqual(head["struct_type"], "snapshot")
        self.assertEqual(head["id"], self.second)
        file = next(node for node in nodes if node["name"] == "b.log")
        for key in ("name", "type", "path", "uid", "gid", "user", "group", "size", "mode",
                    "permissions", "mtime", "struct_type", "message_type"):
            self.assertIn(key, file)
        self.assertEqual(file["type"], "file")
        self.assertEqual(file["mtime"], "2020-09-13T12:26:40.123456789Z")
        folder = next(node for node in nodes if node["path"] == self.path("sub"))
        self.assertEqual(folder["type"], "dir")
        self.assertTrue(folder["mode"] & (1 << 31))
        odd = next(node for node in nodes if "name_b64" in node)
        self.assertEqual(base64.b64decode(odd["name_b64"]), BAD_NAME)
        self.assertEqual(base64.b64decode(odd["path_b64"]),
                         os.fsencode(self.source) + b"/" + BAD_NAME)

    def test_ncdu_gets_nested_arrays(self):
        major, minor, head, tree = json.loads(self.run_lagan("ls", "latest", "--ncdu"))
        self.assertEqual((major, minor, head["id"]), (1, 2, self.second))
        self.assertEqual(tree[0], {"name": "/"})
        self.assertIsInstance(tree[1], list)
        self.refuse("ls", "latest", "--ncdu", "--sort", "size", saying="--ncdu")

    def test_refuses_what_is_not_there(self):
        self.refuse("ls", "0000", saying="no snapshot")
        self.refuse("ls", "latest", "/nowhere", saying="/nowhere")
        self.refuse("ls", "latest", "relative", saying="/relative")
        self.run_lagan("ls", "latest", code=12, env={"LAGAN_PASSWORD": "wrong"})
        self.run_lagan("ls", "latest", code=10, env={"LAGAN_REPOSITORY": self.folder + "/none"})


class Find(Shared):
    def test_finds_by_name_in_every_snapshot(self):
        output = self.run_lagan("find", "c.txt")
        self.assertIn("Found matching entries in snapshot " + self.first[:8], output)
        self.assertNotIn(self.second[:8], output)
        self.assertIn(self.path("sub/inner/c.txt"), output)

    def test_json_is_an_array_with_hits(self):
        found = self.json("find", "*.LOG", "-i")
        self.assertEqual([item["snapshot"] for item in found], [self.second, self.first])
        self.assertEqual(found[0]["hits"], 1)
        match = found[0]["matches"][0]
        for key in ("path", "permissions", "type", "mode", "mtime", "uid", "gid", "user", "group",
                    "size"):
            self.assertIn(key, match)
        self.assertEqual(match["path"], self.path("sub/b.log"))
        self.assertEqual(self.json("find", "*.LOG"), [])

    def test_narrows_by_age_snapshot_and_host(self):
        old = self.json("find", "--newest", "2021-01-01", "*.log", "-s", self.first)
        self.assertEqual(len(old), 1)
        self.assertEqual(self.json("find", "--oldest", "2021-01-01", "*.log"), [])
        self.assertEqual(self.json("find", "*.log", "--host", "nobody"), [])
        self.refuse("find", "x", "--oldest", "yesterday", saying="yesterday")

    def test_narrows_by_size(self):
        def paths(*words):
            return {match["path"] for found in self.json("find", "*", "-s", self.first, *words)
                    for match in found["matches"]}
        self.assertEqual(paths("--larger-than", "1M"), {self.path("big"), self.path("sub/hard")})
        self.assertEqual(paths("--smaller-than", "4", "--larger-than", "2"),
                         {self.path("a.txt")})
        self.assertNotIn(self.path("sub"), paths("--smaller-than", "1G"))

    def test_finds_files_by_chunk_and_by_pack(self):
        chunk = self.data_chunks()[0]
        found = self.json("find", "--blob", chunk[:16])
        places = {(item["snapshot"], item["path"]) for item in found}
        self.assertEqual(places, {(snapshot, self.path(name)) for snapshot in
                                  (self.first, self.second) for name in ("big", "sub/hard")})
        self.assertEqual({item["object_type"] for item in found}, {"blob"})
        self.assertIn("parent_tree", found[0])
        text = self.run_lagan("find", "--blob", "--show-pack-id", chunk)
        self.assertIn("... in file " + self.path("big"), text)
        pack = text.split("Object belongs to pack ")[1].split()[0]
        self.assertIn(self.path("big"), [item["path"] for item in self.json("find", "--pack", pack)])
        self.refuse("find", "--blob", "nonsense", saying="nonsense")

    def test_finds_folders_by_tree(self):
        tree = json.loads(self.run_lagan("cat", "tree", f"latest:{self.source}/sub"))["id"]
        found = self.json("find", "--tree", tree)
        self.assertEqual([(item["object_type"], item["path"]) for item in found],
                         [("tree", self.path("sub"))])


class Dump(Shared):
    def test_writes_a_file_to_stdout_or_target(self):
        self.assertEqual(self.run_lagan("dump", "latest", self.path("big"), binary=True), self.big)
        self.assertEqual(self.run_lagan("dump", "latest", self.path("empty"), binary=True), b"")
        target = os.path.join(self.folder, "dumped")
        self.run_lagan("dump", self.first, self.path("a.txt"), "--target", target)
        with open(target, "rb") as file:
            self.assertEqual(file.read(), b"old")

    def test_tar_of_everything_keeps_names_links_and_times(self):
        data = self.run_lagan("dump", self.first, "/", binary=True)
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            members = {member.name: member for member in archive}
            below = self.source[1:] + "/"
            self.assertIn(below + LONG_FOLDER + "/" + LONG_NAME, members)
            self.assertIn(below + os.fsdecode(BAD_NAME), members)
            self.assertEqual(archive.extractfile(below + "big").read(), self.big)
            hard = members[below + "sub/hard"]
            self.assertTrue(hard.islnk())
            self.assertEqual(hard.linkname, below + "big")
            self.assertEqual(members[below + "link"].linkname, "a.txt")
            self.assertTrue(members[below + "pipe"].isfifo())
            self.assertEqual(members[below + "sub/b.log"].pax_headers["mtime"],
                             "1600000000.123456789")

    def test_gnu_tar_extracts_it(self):
        target = os.path.join(self.folder, "extracted")
        os.makedirs(target)
        data = self.run_lagan("dump", self.first, "/", binary=True)
        done = subprocess.run(["tar", "-x", "-C", target], input=data, capture_output=True,
                              check=True)
        # It does not know the word that says that a name is not UTF-8.
        self.assertEqual([line for line in done.stderr.splitlines() if b"hdrcharset" not in line], [])
        self.assertLessEqual(len(done.stderr.splitlines()), 1)
        there = os.path.join(target, self.source[1:])
        self.assertEqual(os.stat(there + "/big").st_ino, os.stat(there + "/sub/hard").st_ino)
        self.assertEqual(os.stat(there + "/sub/b.log").st_mtime_ns, MTIME_NS)
        self.assertIn(BAD_NAME, os.listdir(os.fsencode(there)))

    def test_zip_of_a_folder(self):
        data = self.run_lagan("dump", "-a", "zip", self.first, self.path("sub"), binary=True)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            self.assertIsNone(archive.testzip())
            self.assertEqual(archive.read(self.source[1:] + "/sub/inner/c.txt"), b"inner\n")

    def test_refuses_what_it_cannot_dump(self):
        self.refuse("dump", "latest", "/nowhere", saying="/nowhere")
        self.refuse("dump", self.first, self.path("link"), saying="neither a file nor a folder")
        self.refuse("dump", "latest", "/", "-a", "rar", saying="tar.zst or zip")


class Diff(Shared):
    def changes(self, *words):
        lines = self.json_lines("diff", *words)
        return ({line["path"]: line["modifier"] for line in lines[:-1]}, lines[-1])

    def test_tells_what_changed(self):
        changes, statistics = self.changes(self.first, self.second)
        self.assertEqual(changes, {
            self.path("a.txt"): "M",
            self.path("added/"): "+",
            self.path("added/file"): "+",
            self.path("link/"): "T",
            self.path("sub/inner/c.txt"): "-",
        })
        self.assertEqual(statistics["message_type"], "statistics")
        self.assertEqual(statistics["source_snapshot"], self.first)
        self.assertEqual(statistics["changed_files"], 1)
        for side in ("added", "removed"):
            for key in ("files", "dirs", "others", "data_blobs", "tree_blobs", "bytes"):
                self.assertIn(key, statistics[side])
        self.assertEqual(statistics["added"]["files"], 1)
        self.assertEqual(statistics["removed"]["files"], 1)

    def test_metadata_is_told_when_asked_for(self):
        changes, _ = self.changes("--metadata", self.first, self.second)
        self.assertEqual(changes[self.path("empty")], "U")
        self.assertEqual(changes[self.path("sub/inner/")], "U")
        self.assertEqual(changes[self.path("a.txt")], "M")

    def test_folders_of_snapshots_compare(self):
        changes, _ = self.changes(f"{self.first}:{self.source}/sub", f"{self.second}:{self.source}/sub")
        self.assertEqual(changes, {"/inner/c.txt": "-"})
        changes, _ = self.changes(self.second, self.second)
        self.assertEqual(changes, {})

    def test_text(self):
        output = self.run_lagan("diff", self.first, self.second)
        self.assertIn("+    " + self.path("added/") + "\n", output)
        self.assertIn("Files:           1 new,     1 removed,     1 changed", output)
        self.refuse("diff", self.first, "0000", saying="0000")


class DiffWithTheDisk(TwoSnapshots):
    """These change the disk, so each test has a source to itself."""

    def setUp(self):
        self.prepare()

    def changes(self, *words, **options):
        *lines, statistics = self.json_lines("diff", *words, **options)
        return {line["path"]: line["modifier"] for line in lines}, statistics

    def test_the_newest_snapshot_is_what_is_there(self):
        for flags in ((), ("--content",), ("--metadata",), ("--content", "--metadata")):
            self.assertEqual(self.changes("latest", self.source, *flags)[0], {}, flags)

    def test_an_older_one_differs_as_from_the_snapshot_between(self):
        changes, statistics = self.changes(self.first, self.source)
        self.assertEqual(changes, {
            self.path("a.txt"): "M",
            self.path("added/"): "+",
            self.path("added/file"): "+",
            self.path("link/"): "T",
            self.path("sub/inner/c.txt"): "-",
        })
        self.assertEqual(statistics["source_snapshot"], self.first)
        self.assertEqual(statistics["target_path"], self.source)
        self.assertEqual((statistics["added"]["files"], statistics["removed"]["files"],
                          statistics["changed_files"]), (1, 1, 1))

    def test_what_size_and_time_hide_is_found_by_reading(self):
        before = os.stat(self.path("big"))
        with open(self.path("big"), "r+b") as file:
            file.seek(2_000_000)
            file.write(b"x" if self.big[2_000_000:2_000_001] != b"x" else b"y")
        os.utime(self.path("big"), ns=(before.st_atime_ns, before.st_mtime_ns))
        self.assertEqual(self.changes("latest", self.source)[0], {})
        self.assertEqual(self.changes("latest", self.source, "--content")[0],
                         {self.path("big"): "M?", self.path("sub/hard"): "M?"})

    def test_what_was_touched_is_the_same_but_for_its_time(self):
        os.utime(self.path("big"))
        self.assertEqual(self.changes("latest", self.source)[0], {})
        self.assertEqual(self.changes("latest", self.source, "--metadata")[0],
                         {self.path("big"): "U", self.path("sub/hard"): "U"})

    def test_another_folder_or_a_file_can_be_named(self):
        restored = os.path.join(self.folder, "restored")
        self.run_lagan("restore", f"latest:{self.source}/sub", "-t", restored)
        self.assertEqual(self.changes(f"latest:{self.source}/sub", restored, "--content")[0], {})
        write(restored + "/b.log", "other\n")
        self.assertEqual(self.changes(f"latest:{self.source}/sub", restored)[0],
                         {restored + "/b.log": "M"})
        self.assertEqual(self.changes("latest", "./b.log", cwd=self.path("sub"))[0], {})
        self.assertEqual(self.changes(f"latest:{self.source}/sub/b.log", restored + "/b.log")[0],
                         {restored + "/b.log": "M"})

    def test_text_and_bad_input(self):
        output = self.run_lagan("diff", self.first, self.source)
        self.assertIn(f"comparing snapshot {self.first[:8]} to {self.source}:", output)
        self.assertIn("+    " + self.path("added/") + "\n", output)
        self.assertIn("Files:           1 new,     1 removed,     1 changed", output)
        self.run_lagan("diff", "latest", "source", code=1, cwd=self.folder)
        self.assertIn("write ./source", self.errors)
        os.mkdir(self.folder + "/unsaved")
        for words, saying in (((self.folder + "/unsaved",), ":FOLDER"), (("/nowhere",), "/nowhere")):
            self.run_lagan("diff", "latest", *words, code=1)
            self.assertIn(saying, self.errors)


class Versions(Shared):
    def spans(self, path, *words):
        return [("deleted" if span["deleted"] else span["version"], span["first"]["snapshot"],
                 span["last"]["snapshot"], span["snapshots"])
                for span in self.json("versions", path, *words)]

    def test_lists_when_which_content_was_there(self):
        self.assertEqual(self.spans(self.path("a.txt")), [(1, self.first, self.first, 1),
                                                          (2, self.second, self.second, 1)])
        self.assertEqual(self.spans(self.path("big")), [(1, self.first, self.second, 2)])
        self.assertEqual(self.spans(self.path("sub/inner/c.txt")),
                         [(1, self.first, self.first, 1), ("deleted", self.second, self.second, 1)])
        self.assertEqual(self.spans(self.path("added")), [(1, self.second, self.second, 1)])
        self.assertEqual(self.spans(self.path("empty")), [(1, self.first, self.second, 2)])
        self.assertEqual(len(self.spans(self.path("empty"), "--metadata")), 2)

    def test_json_says_what_a_version_is(self):
        old, new = self.json("versions", self.path("a.txt"))
        self.assertEqual((old["size"], new["size"], old["type"]), (3, 11, "file"))
        self.assertNotEqual(old["content_id"], new["content_id"])
        for key in ("hostname", "path", "mtime", "permissions", "user"):
            self.assertIn(key, old)
        self.assertLess(old["first"]["time"], new["first"]["time"])

    def test_text_has_a_line_for_each(self):
        head, titles, old, deleted = self.run_lagan(
            "versions", self.path("sub/inner/c.txt")).splitlines()
        self.assertTrue(head.startswith(self.path("sub/inner/c.txt") + " on "))
        self.assertIn("restore from", titles)
        self.assertEqual(old.split()[0], "1")
        self.assertEqual(old.split()[-1], self.first[:8])
        self.assertIn("6 B", old)
        self.assertEqual((deleted.split()[0], deleted.split()[-1]), ("-", "deleted"))

    def test_the_path_may_be_relative(self):
        with self.start("versions", "./b.log", "--json", cwd=self.path("sub")) as process:
            self.assertEqual(json.loads(process.stdout.read())[0]["path"], self.path("sub/b.log"))
            process.stderr.read()

    def test_a_path_that_never_was_is_refused(self):
        self.refuse("versions", "/nowhere", saying="lagan find")
        self.refuse("versions", self.path("big"), "-H", "nobody", saying=self.path("big"))
        self.assertEqual(self.json("versions", "/nowhere"), [])


class Stats(Shared):
    def test_restore_size_counts_a_hard_link_once(self):
        stats = self.json("stats", self.first)
        self.assertEqual(stats["snapshots_count"], 1)
        self.assertEqual(stats["total_size"], 3_000_000 + 3 + 7 + 6 + 4 + 5)
        both = self.json("stats")
        self.assertEqual(both["snapshots_count"], 2)
        self.assertEqual(both["total_size"], 2 * stats["total_size"] - 6 + 8 + 1)

    def test_other_modes_count_what_is_shared_once(self):
        contents = self.json("stats", "--mode", "files-by-contents")
        self.assertEqual(contents["total_size"], 3_000_000 + 3 + 7 + 6 + 4 + 5 + 11 + 1)
        self.assertEqual(contents["total_file_count"], 9)
        blobs = self.json("stats", "--mode", "blobs-per-file")
        self.assertEqual(blobs["total_size"], 2 * 3_000_000)
        raw = self.json("stats", "--mode", "raw-data")
        self.assertGreater(raw["total_uncompressed_size"], 3_000_000)
        self.assertGreater(raw["total_size"], 3_000_000)
        for key in ("total_blob_count", "compression_ratio", "compression_progress",
                    "compression_space_saving", "snapshots_count"):
            self.assertIn(key, raw)
        self.assertIn("Total Size:", self.run_lagan("stats", "--mode", "raw-data"))
        self.refuse("stats", "--mode", "guess", saying="--mode")


class CatAndList(Shared):
    def test_lists_ids(self):
        self.assertEqual(set(self.run_lagan("list", "snapshots").split()), {self.first, self.second})
        self.assertEqual(set(self.json("list", "snapshots")), {self.first, self.second})
        for kind in ("packs", "index", "keys", "config"):
            ids = self.run_lagan("list", kind).split()
            self.assertTrue(ids, kind)
            self.assertEqual(sorted(self.json("list", kind)), sorted(ids))
        for kind in ("locks", "sessions", "fences", "condemned", "forgotten"):
            self.assertIsInstance(self.json("list", kind), list)
        blobs = self.json("list", "blobs")
        self.assertEqual({blob["type"] for blob in blobs}, {"data", "tree"})
        self.refuse("list", "everything", saying="packs")

    def test_shows_messages_as_json(self):
        config = json.loads(self.run_lagan("cat", "config"))
        self.assertEqual(config["version"], 1)
        self.assertEqual(len(config["id"]), 32)
        snapshot = json.loads(self.run_lagan("cat", "snapshot", self.first[:10]))
        self.assertEqual(snapshot["id"], self.first)
        self.assertEqual(snapshot["paths"], [self.source])
        index = json.loads(self.run_lagan("cat", "index", self.run_lagan("list", "index").split()[0]))
        self.assertIn("id", index["packs"][0]["blobs"][0])
        key = json.loads(self.run_lagan("cat", "key", self.run_lagan("list", "keys").split()[0]))
        self.assertEqual((key["label"], key["kdf"], key["memory_kib"]), ("attic", "argon2id", 8192))
        tree = json.loads(self.run_lagan("cat", "tree", f"latest:{self.source}"))
        self.assertIn("big", [node["name"] for node in tree["nodes"]])

    def test_shows_packs_and_chunks_as_bytes(self):
        pack = self.run_lagan("list", "packs").split()[0]
        stored = self.run_lagan("cat", "pack", pack, binary=True)
        for kind in ("data", "tree"):
            path = os.path.join(self.environment["LAGAN_REPOSITORY"], kind, pack[:2], pack)
            if os.path.exists(path):
                with open(path, "rb") as file:
                    self.assertEqual(stored, file.read())
        self.assertIn(self.run_lagan("cat", "blob", self.data_chunks()[0], binary=True), self.big)

    def test_refuses_secrets_and_nonsense(self):
        self.refuse("cat", "masterkey", saying="never shown")
        self.refuse("cat", "snapshot", saying="which snapshot")
        self.refuse("cat", "blob", "1234", saying="64 digits")
        self.refuse("cat", "pack", "ffffffffffffffffffffffff", saying="no pack")
        self.refuse("cat", "dog", saying="cat one of")


class Key(TwoSnapshots):
    """These change the keys, so each test has a repository to itself."""

    def setUp(self):
        self.prepare()
        self.second_password = os.path.join(self.folder, "second")
        write(self.second_password, "second\n")
        self.as_second = {"LAGAN_PASSWORD": "second"}

    def ids(self, **options):
        return [key["id"] for key in self.json("key", "list", **options)]

    def add_second(self):
        return self.json("key", "add", "--new-password-file", self.second_password, "--label",
                         "office", "--kdf-memory", "8", "--kdf-passes", "1")["id"]

    def test_list_has_restics_keys(self):
        (key,) = self.json("key", "list")
        self.assertEqual((key["current"], key["label"], len(key["id"])), (True, "attic", 32))
        for name in ("userName", "hostName", "created"):
            self.assertIn(name, key)
        self.assertIn("*" + key["id"][:8], self.run_lagan("key", "list"))

    def test_an_added_key_opens_and_can_be_removed(self):
        added = self.add_second()
        self.assertEqual(len(self.json("snapshots", env=self.as_second)), 2)
        self.refuse("key", "remove", added[:2] + "zz", saying="no key")
        self.run_lagan("key", "remove", added[:12])
        self.run_lagan("snapshots", code=12, env=self.as_second)
        self.assertEqual(len(self.ids()), 1)

    def test_the_key_in_use_and_the_last_one_stay(self):
        (only,) = self.ids()
        self.refuse("key", "remove", only, saying="last key")
        self.add_second()
        self.refuse("key", "remove", only, saying="another one")
        self.run_lagan("key", "remove", only, env=self.as_second)
        self.run_lagan("snapshots", code=12)

    def test_passwd_replaces_the_key_given(self):
        (old,) = self.ids()
        output = self.run_lagan("key", "passwd", "--new-password-file", self.second_password,
                                "--kdf-memory", "8", "--kdf-passes", "1")
        self.assertIn("old password", output)
        self.run_lagan("snapshots", code=12)
        (new,) = self.json("key", "list", env=self.as_second)
        self.assertNotEqual(new["id"], old)
        self.assertEqual(new["label"], "attic")

    def test_a_recovery_code_opens_and_passwd_keeps_it(self):
        code = self.json("key", "add", "--recovery")["recovery_code"]
        with_code = {"LAGAN_PASSWORD": code}
        self.assertEqual(len(self.json("snapshots", env=with_code)), 2)
        self.run_lagan("key", "passwd", "--new-password-file", self.second_password, env=with_code)
        self.assertEqual(len(self.ids(env=with_code)), 3)

    def test_an_exported_key_can_be_put_back(self):
        exported = os.path.join(self.folder, "exported")
        write(exported, self.run_lagan("key", "export"))
        (only,) = self.ids()
        slot = os.path.join(self.environment["LAGAN_REPOSITORY"], "keys", only)
        self.assertIn("already", self.run_lagan("key", "import", exported))
        os.remove(slot)
        self.run_lagan("snapshots", code=12)
        self.run_lagan("key", "import", exported)
        self.assertEqual(len(self.json("snapshots")), 2)
        with open(slot, "rb") as file:
            damaged = bytearray(file.read())
        damaged[100] ^= 1
        os.chmod(slot, 0o600)
        write(slot, bytes(damaged))
        self.run_lagan("key", "import", exported)
        self.assertEqual(len(self.json("snapshots")), 2)

    def test_import_refuses_other_repositories_and_nonsense(self):
        exported = os.path.join(self.folder, "exported")
        text = self.run_lagan("key", "export", self.ids()[0][:6])
        write(exported, text)
        other = {"LAGAN_REPOSITORY": os.path.join(self.folder, "other")}
        self.run_lagan("init", "--kdf-memory", "8", "--kdf-passes", "1", env=other)
        self.run_lagan("key", "import", exported, code=1, env=other)
        self.assertIn("is of repository", self.errors)
        lines = text.splitlines()
        lines[5] = lines[5][::-1]
        write(exported, "\n".join(lines))
        self.refuse("key", "import", exported, saying="not a key")
        write(exported, "hello")
        self.refuse("key", "import", exported, saying="BEGIN LAGAN KEY")


class Cache(TwoSnapshots):
    def setUp(self):
        self.prepare()

    def test_lists_and_cleans_up(self):
        (folder,) = self.json("cache")
        self.assertEqual(folder["repository"], json.loads(self.run_lagan("cat", "config"))["id"])
        self.assertGreater(folder["size"], 0)
        self.assertIn(folder["repository"], self.run_lagan("cache"))
        self.run_lagan("cache", "--cleanup")
        self.assertTrue(os.path.isdir(folder["path"]))
        os.utime(folder["path"], (1_000_000_000, 1_000_000_000))
        self.run_lagan("cache", "--cleanup")
        self.assertFalse(os.path.isdir(folder["path"]))
        self.assertEqual(len(self.json("snapshots")), 2)

    def test_a_check_reads_what_is_stored_and_no_copy_of_it(self):
        flags = ("-o", "cache.size=1M", "--cache-dir", self.path("with-blocks"))
        self.run_lagan("check", "--read-data", *flags)
        self.assertFalse(os.path.exists(self.path("with-blocks/blocks")))
        self.run_lagan("dump", "-a", "tar", "latest", "/", *flags)
        self.assertTrue(os.listdir(self.path("with-blocks/blocks")))

    def test_another_repository_at_a_location_is_told(self):
        where = os.path.join(self.folder, "place")
        here = {"LAGAN_REPOSITORY": where}
        fast = ("--kdf-memory", "8", "--kdf-passes", "1")
        self.run_lagan("init", *fast, env=here)
        shutil.rmtree(where)
        self.run_lagan("init", *fast, env=here, code=1)
        self.assertIn("--forget-location", self.errors)
        self.run_lagan("cache", "--forget-location", env=here)
        self.run_lagan("snapshots", env=here)

    def test_one_name_in_two_folders_is_two_places(self):
        here = {"LAGAN_REPOSITORY": "./place"}
        for folder in ("one", "two"):
            os.mkdir(self.path(folder))
            self.run_lagan("init", "--kdf-memory", "8", "--kdf-passes", "1", env=here, cwd=self.path(folder))
        for folder in ("one", "two"):
            self.run_lagan("snapshots", env=here, cwd=self.path(folder))

    def test_opening_prunes_what_was_unused_long(self):
        old = os.path.join(self.environment["LAGAN_CACHE_DIR"], "0" * 32)
        os.makedirs(old)
        write(old + "/file", "x" * 100_000)
        os.utime(old, (1_000_000_000, 1_000_000_000))
        stamp = os.path.join(self.environment["LAGAN_CACHE_DIR"], "last-prune")
        os.utime(stamp, (1_000_000_000, 1_000_000_000))
        self.run_lagan("snapshots", "--cleanup-cache")
        self.assertTrue(os.path.isdir(old))
        os.utime(stamp, (1_000_000_000, 1_000_000_000))
        self.run_lagan("snapshots", "--cache-size", "1K")
        self.assertFalse(os.path.isdir(old))
        self.assertEqual(len(self.json("cache")), 1)
        self.refuse("snapshots", "--cache-size", "huge", saying="huge")


class Completions(Shared):
    def complete(self, *words):
        script = self.run_lagan("completions", "bash") + (
            'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lagan; printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-eu", "-c", script, "-", "lagan", *words],
                              capture_output=True, check=True, text=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash_completes_commands_and_flags(self):
        self.assertEqual(self.complete("sna"), ["snapshots"])
        self.assertIn("passwd", self.complete("key", ""))
        self.assertEqual(self.complete("key", "add", "--reco"), ["--recovery"])
        self.assertEqual(self.complete("-q", "ls", "--ncd"), ["--ncdu"])
        self.assertIn("--json", self.complete("find", "--"))

    def test_other_shells(self):
        self.assertIn("#compdef lagan", self.run_lagan("completions", "zsh"))
        self.assertIn("complete -c lagan", self.run_lagan("completions", "fish"))
        for shell in ("zsh", "fish"):
            if shutil.which(shell):
                subprocess.run([shell, "-n"], input=self.run_lagan("completions", shell), text=True,
                               check=True)
        self.refuse("completions", "tcsh", saying="bash, zsh, fish")


class Output(Shared):
    def test_a_full_disk_is_an_error_and_a_closed_pipe_is_none_of_our_business(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([LAGAN, "ls", "latest"], env=self.environment, stdout=full,
                                  stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)

    def test_errors_are_json_with_json(self):
        self.run_lagan("cat", "dog", "--json", code=1)
        message = json.loads(self.errors)
        self.assertEqual((message["message_type"], message["code"]), ("exit_error", 1))


if __name__ == "__main__":
    unittest.main()
