# SPDX-License-Identifier: Apache-2.0
"""copy: snapshots from another repository, with a password of its own."""

import os
import shutil
import unittest

from helpers import Fresh, QUICK_KEY, settle, strace, tree, write


class CopyCase(Fresh):
    """`repository` is the destination; the source has another password."""

    def setUp(self):
        super().setUp()
        self.origin = os.path.join(self.folder, "origin")
        self.at_origin = {"LAGAN_REPOSITORY": self.origin, "LAGAN_PASSWORD": "other"}
        self.run_lagan("init", *QUICK_KEY, "--label", "cellar", env=self.at_origin)
        self.environment.update({"LAGAN_FROM_REPOSITORY": self.origin,
                                 "LAGAN_FROM_PASSWORD": "other"})

    def make_sibling(self):
        """The destination from now on."""
        type(self).repository = os.path.join(self.folder, "sibling")
        self.environment["LAGAN_REPOSITORY"] = self.repository
        self.run_lagan("init", *QUICK_KEY, "--copy-chunker-params")

    def save(self, *words):
        return self.backup(*words, self.source, env=self.at_origin)

    def fill(self):
        os.mkdir(self.path("folder"))
        write(self.path("folder/text"), b"text " * 100_000)
        write(self.path("noise"), os.urandom(3_000_000))
        write(self.path("small"), "small")
        os.symlink("small", self.path("link"))
        os.link(self.path("small"), self.path("folder/hard"))
        os.setxattr(self.path("small"), "user.large", os.urandom(2000))
        os.utime(self.path("small"), ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789))
        settle()

    def pack_bytes(self):
        return sum(size for path, size in self.stored().items()
                   if "/data/" in path or "/tree/" in path)

    def ids(self):
        return [each["id"] for each in self.snapshots()]


class Copy(CopyCase):
    def check_copies(self):
        self.fill()
        first = self.save("--tag", "a,b")
        write(self.path("new"), "new")
        settle()
        second = self.save()
        second_tree = tree(self.source)
        lines = self.json_lines("copy")
        copied = [each for each in lines if each["message_type"] == "copied"]
        self.assertEqual([each["source_snapshot_id"] for each in copied], [first, second])
        self.assertEqual(lines[-1]["snapshots_copied"], 2)
        self.assertEqual(lines[-1]["snapshots_skipped"], 0)
        self.assertEqual([each["snapshot_id"] for each in copied], self.ids())
        shown = self.snapshots()
        originals = self.json("snapshots", env=self.at_origin)
        for copy, original in zip(shown, originals):
            self.assertEqual(copy["original"], original["id"])
            for field in ("time", "paths", "hostname", "username", "program_version"):
                self.assertEqual(copy[field], original[field])
        self.assertEqual(shown[0]["tags"], ["a", "b"])
        self.assertEqual(tree(self.restore("latest")), second_tree)
        restored = self.restore("latest~1")
        self.assertNotIn(b"new", tree(restored))
        self.assertEqual(os.stat(restored + "/small").st_ino,
                         os.stat(restored + "/folder/hard").st_ino)
        self.run_lagan("check", "--read-data")

        before = self.stored()
        self.assertIn("copied 0 snapshots, 2 were there already", self.run_lagan("copy"))
        self.assertEqual(self.stored(), before)
        # What is forgotten there is copied anew when it is named.
        self.run_lagan("forget", self.ids()[0])
        self.run_lagan("copy", first)
        self.assertEqual(len(self.ids()), 2)
        return [each["tree"] for each in shown], [each["tree"] for each in originals]

    def test_between_strangers_trees_get_new_ids(self):
        copies, originals = self.check_copies()
        self.assertTrue(set(copies).isdisjoint(originals))

    def test_between_siblings_trees_keep_their_ids(self):
        self.make_sibling()
        copies, originals = self.check_copies()
        self.assertEqual(copies, originals)

    def test_siblings_share_what_was_saved_in_both(self):
        self.make_sibling()
        self.fill()
        self.save()
        self.backup()
        before = self.pack_bytes()
        self.run_lagan("copy")
        self.assertLess(self.pack_bytes(), before + 10_000)

    def test_and_back_again(self):
        self.fill()
        self.save()
        self.run_lagan("copy")
        back = {"LAGAN_REPOSITORY": self.origin, "LAGAN_PASSWORD": "other",
                "LAGAN_FROM_REPOSITORY": self.repository, "LAGAN_FROM_PASSWORD": "first"}
        self.assertIn("1 were there already", self.run_lagan("copy", env=back))

    def test_flags_name_the_source_and_filters_choose(self):
        self.fill()
        self.save("--tag", "a")
        self.save("--tag", "b", "--host", "elsewhere")
        password = os.path.join(self.folder, "password")
        location = os.path.join(self.folder, "location")
        write(password, "other\n")
        write(location, self.origin + "\n")
        nowhere = {"LAGAN_FROM_REPOSITORY": "", "LAGAN_FROM_PASSWORD": "wrong"}
        self.run_lagan("copy", "--from-repo", self.origin, "--from-password-file", password,
                       "--from-key-hint", "cellar", "--tag", "a", env=nowhere)
        self.assertEqual([each["tags"] for each in self.snapshots()], [["a"]])
        self.run_lagan("copy", "--from-repository-file", location, "--from-password-command",
                       "echo other", "--host", "elsewhere", env=nowhere)
        self.assertEqual(len(self.ids()), 2)

    def test_a_dry_run_copies_nothing(self):
        self.fill()
        self.save()
        before = self.stored()
        self.assertIn("would copy 1 snapshots", self.run_lagan("copy", "-n"))
        self.assertEqual(self.stored(), before)


class Refusals(CopyCase):
    def test_in_one_sentence(self):
        self.save()
        wrong = {"LAGAN_FROM_PASSWORD": "wrong"}
        self.refuse("copy", code=12, env=wrong,
                    saying=f"source: wrong password for repository {self.origin}")
        self.refuse("copy", code=12, env={"LAGAN_PASSWORD": "wrong"},
                    saying=f"wrong password for repository {self.repository}")
        self.refuse("copy", code=10, env={"LAGAN_FROM_REPOSITORY": self.folder + "/none"},
                    saying="source: ")
        self.refuse("copy", env={"LAGAN_FROM_REPOSITORY": ""}, saying="--from-repo")
        self.refuse("copy", "ffffffff", saying="source: there is no snapshot ffffffff")
        self.refuse("copy", env={"LAGAN_FROM_REPOSITORY": self.repository,
                                 "LAGAN_FROM_PASSWORD": "first"}, saying="same repository")
        self.refuse("init", "--from-repo", self.origin, saying="--copy-chunker-params")
        self.refuse("init", "--copy-chunker-params", env={"LAGAN_FROM_REPOSITORY": ""},
                    saying="--from-repo")
        self.refuse("copy", "--from-password-file", self.folder + "/none",
                    saying="source: password file")
        self.assertEqual(self.ids(), [])


class Trouble(CopyCase):
    def test_a_snapshot_that_cannot_be_read_is_named_and_the_others_are_copied(self):
        self.fill()
        sound = self.save()
        packs = set(self.origin_packs())
        write(self.path("more"), os.urandom(500_000))
        settle()
        damaged = self.save()
        (pack,) = set(self.origin_packs()) - packs
        os.chmod(pack, 0o600)
        with open(pack, "r+b") as file:
            file.seek(1000)
            file.write(b"damaged!")
        self.run_lagan("copy", code=3)
        self.assertIn(f"snapshot {damaged[:8]}: pack ", self.errors)
        (copy,) = self.snapshots()
        self.assertEqual(copy["original"], sound)
        self.run_lagan("check", "--read-data")

    def origin_packs(self):
        return [os.path.join(here, name)
                for here, _, names in os.walk(os.path.join(self.origin, "data"))
                for name in names]

    def test_after_a_kill_the_next_run_uploads_only_the_rest(self):
        if shutil.which("strace") is None:
            self.skipTest("needs strace")
        for sibling in (False, True):
            with self.subTest(sibling=sibling):
                if sibling:
                    self.make_sibling()
                write(self.path("large"), os.urandom(40_000_000))
                settle()
                self.save()
                # The session, and then packs of 4 MiB with a segment after each second or third.
                killed = strace("-o", "/dev/null", "-e", "trace=renameat2",
                                "-e", "inject=renameat2:signal=SIGKILL:when=9")
                self.run_lagan("copy", "latest", "--pack-size", "4", code=None, **killed)
                self.assertEqual(self.ids(), [])
                stored = self.pack_bytes()
                self.assertGreater(stored, 10_000_000)
                self.run_lagan("copy", "latest", "--pack-size", "4")
                self.assertLess(self.pack_bytes(), 54_000_000)
                self.assertEqual(tree(self.restore("latest")), tree(self.source))
                self.run_lagan("check")


if __name__ == "__main__":
    unittest.main()
