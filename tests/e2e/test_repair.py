# SPDX-License-Identifier: Apache-2.0
"""What is damaged or lost: check finds it, repair mends what can be mended, a backup heals the rest."""

import os
import shutil
import unittest

from helpers import IS_ROOT, Fresh, OrdinaryUser, read, settle, tree, write

MIB = 1 << 20


class Damaged(Fresh):
    def setUp(self):
        super().setUp()
        write(self.path("large"), os.urandom(6 * MIB))
        write(self.path("small"), os.urandom(3000))
        os.mkdir(self.path("folder"))
        write(self.path("folder/file"), "text")
        settle()
        self.snapshot = self.backup("--pack-size", "4", self.source)

    def objects(self, kind):
        """Paths of all objects of this kind."""
        return sorted(os.path.join(here, name)
                      for here, _, names in os.walk(os.path.join(self.repository, kind))
                      for name in names)

    def flip(self, path, at=None):
        """One bit is another from now on."""
        content = bytearray(read(path))
        content[len(content) // 2 if at is None else at] ^= 4
        os.chmod(path, 0o600)
        write(path, bytes(content))

    def check(self, *words, code=0):
        return self.json("check", *words, code=code)

    def assert_restores(self, snapshot="latest"):
        self.assertEqual(tree(self.restore(snapshot)), tree(self.source))


class Healing(Damaged):
    # A snapshot has the attributes of the folders above, and the temporary one is another whenever
    # a test elsewhere begins.
    saved_as = "/healing"

    def heal_after_loss_of(self, kind):
        shutil.rmtree(os.path.join(self.repository, kind))
        self.run_lagan("repair", "index")
        self.assertGreater(self.check(code=1)["num_errors"], 0)
        self.backup(self.source)
        self.assertEqual(self.check("--read-data")["num_errors"], 0)
        self.assert_restores()
        self.assert_restores(self.snapshot)

    def test_all_data_packs_lost(self):
        self.heal_after_loss_of("data")

    def test_all_tree_packs_lost(self):
        self.heal_after_loss_of("tree")

    def test_the_backup_says_which_files_it_reads_again(self):
        shutil.rmtree(os.path.join(self.repository, "data"))
        self.run_lagan("repair", "index")
        self.run_lagan("backup", "-v", "--as-path", self.saved_as, self.source)
        self.assertIn(self.saved_as + "/large", self.errors)

    def test_a_flipped_bit_that_check_found(self):
        pack = self.objects("data")[0]
        self.flip(pack, 300)
        summary = self.check("--read-data", code=1)
        name = os.path.relpath(pack, self.repository)
        self.assertEqual(summary["broken_packs"], [name])
        # The source looks as it did, and is read again all the same.
        self.assertGreater(self.summary(self.source)["data_added"], 0)
        self.assertEqual(self.summary(self.source)["data_added"], 0)
        self.assert_restores(self.snapshot)
        # What stays is the pack itself.
        self.assertEqual(self.check("--read-data", code=1)["num_errors"], 1)
        done = self.json("repair", "packs")
        self.assertEqual([each["pack"] for each in done["damaged_packs"]], [name])
        self.assertEqual(done["lost_chunks"], 0)
        self.assertEqual(self.check("--read-data")["num_errors"], 0)
        self.assertTrue(os.path.exists(pack))
        self.assert_restores(self.snapshot)


class Packs(Damaged):
    def test_a_plan_comes_first_and_a_dry_run_is_no_more(self):
        pack = self.objects("data")[0]
        self.flip(pack, 300)
        before = self.stored()
        output = self.run_lagan("repair", "packs", "--read-data", "-n", code=1)
        self.assertIn(os.path.relpath(pack, self.repository), output)
        self.assertIn(self.path("large"), output)
        self.assertEqual(self.stored(), before)

    def test_prune_refuses_until_then(self):
        pack = self.objects("data")[0]
        self.flip(pack, 300)
        self.check("--read-data", code=1)
        self.refuse("prune", saying="repair packs")
        self.run_lagan("repair", "packs", code=1)  # chunks are lost, until the next backup
        self.backup(self.source)
        for _ in range(3):
            self.run_lagan("prune", "--max-unused", "0", "--undelete-window", "0")
        self.assertFalse(os.path.exists(pack))
        self.assert_restores()
        self.assertEqual(self.check("--read-data")["num_errors"], 0)

    def test_nothing_known_is_nothing_done(self):
        self.assertIn("no pack is known to be damaged", self.run_lagan("repair", "packs"))
        self.refuse("repair", "packs", "data/12", saying="no pack")
        self.refuse("repair", "packs", "--read-data", "data/12", saying="not both")


class Snapshots(Damaged):
    def test_what_is_lost_cannot_come_back_and_keeps_no_others_from_it(self):
        os.mkdir(self.path("other"))
        other = self.backup(self.path("other"))
        os.remove(self.objects("data")[0])
        self.run_lagan("repair", "index")
        self.run_lagan("repair", "snapshots", "--forget")
        self.run_lagan("forget", other)
        self.run_lagan("undelete", "--all", code=1)
        self.assertIn(f"{self.snapshot[:8]} cannot be brought back: ", self.errors)
        self.assertEqual({each.get("original") for each in self.snapshots()},
                         {self.snapshot, other})

    def test_what_is_lost_is_left_out_and_told(self):
        os.remove(self.objects("data")[0])
        self.run_lagan("repair", "index")
        output = self.run_lagan("repair", "snapshots", "-n")
        self.assertIn(self.path("large"), output)
        self.assertEqual(len(self.snapshots()), 1)
        self.run_lagan("repair", "snapshots", "--forget")
        [repaired] = self.snapshots()
        self.assertEqual(repaired["original"], self.snapshot)
        self.assertEqual(repaired["tags"], ["repaired"])
        self.assertEqual(self.check()["num_errors"], 0)
        target = self.restore("latest", code=1)
        self.assertIn("large", self.errors)
        self.assertEqual(read(target + "/folder/file"), b"text")
        self.assertEqual(os.path.getsize(target + "/large"), 6 * MIB)

    def test_what_is_missing_is_told_once_also_when_it_is_read_back(self):
        os.remove(self.objects("data")[0])
        self.run_lagan("repair", "index")
        told = []
        for words in ([], ["--verify"]):
            self.restore("latest", *words, code=1)
            told.append(sorted(line for line in self.errors.splitlines() if "large" in line))
        self.assertEqual(len(told[0]), 1)
        self.assertEqual(told[0], told[1])

    def test_a_recovery_that_could_not_look_everywhere_says_so(self):
        os.remove(os.path.join(self.repository, "snapshots", self.snapshot))
        self.flip(self.objects("tree")[0], 200)
        self.run_lagan("recover", code=1)
        self.assertIn("folder ", self.errors)

    def test_a_lost_one_is_recovered(self):
        os.remove(os.path.join(self.repository, "snapshots", self.snapshot))
        self.assertIn("recover", self.run_lagan("recover", "-n"))
        self.assertEqual(self.snapshots(), [])
        self.run_lagan("recover")
        self.assertEqual(self.snapshots()[0]["original"], self.snapshot)
        self.assert_restores()
        self.assertIn("nothing was lost", self.run_lagan("recover"))
        self.assertEqual(self.check("--read-data")["num_errors"], 0)


class Rebuilt(Damaged):
    def test_the_index_from_packs_alone(self):
        write(self.path("new"), os.urandom(100_000))
        first = tree(self.source)
        second = self.backup(self.source)
        shutil.rmtree(os.path.join(self.repository, "index"))
        shutil.rmtree(os.path.join(self.folder, "cache"))
        self.run_lagan("repair", "index")
        self.assertEqual(self.check("--read-data")["num_errors"], 0)
        self.assertEqual(tree(self.restore(second)), first)
        self.assertEqual(read(self.restore(self.snapshot) + "/large"), read(self.path("large")))
        self.run_lagan("prune")

    def test_the_boot_record_and_the_config(self):
        boot = os.path.join(self.repository, "lagan.repo")
        before = read(boot)
        os.remove(boot)
        [config] = self.objects("config")
        os.remove(config)
        self.run_lagan("backup", self.source, code=1)
        self.run_lagan("repair", "boot")
        self.assertEqual(read(boot), before)
        self.backup(self.source)
        self.assertEqual(self.check()["num_errors"], 0)
        self.assertIn("nothing is missing", self.run_lagan("repair", "boot"))


class NoRights(OrdinaryUser):
    """A storage that takes nothing, or gives nothing up."""

    def setUp(self):
        super().setUp()
        self.put("file", os.urandom(100_000))
        self.snapshot = self.backup(self.source)

    def tearDown(self):
        self.allow(0o700, self.user)

    def put(self, name, content):
        write(self.path(name), content)
        if self.user is not None:
            os.chown(self.path(name), self.user, self.user)

    def allow(self, mode, owner):
        for here, folders, names in os.walk(self.repository):
            for name in [""] + names:
                path = os.path.join(here, name)
                if owner is not None:
                    os.chown(path, owner, -1)
                os.chmod(path, mode if name == "" else 0o644)

    def test_read_only(self):
        self.allow(0o555, self.user)
        before = self.stored()
        self.refuse("forget", self.snapshot, saying="takes no new objects")
        self.refuse("prune", saying="takes no new objects")
        self.assertEqual(self.stored(), before)
        self.assertEqual(tree(self.restore()), tree(self.source))
        self.assertEqual(self.json("check")["num_errors"], 0)

    @unittest.skipUnless(IS_ROOT, "only root can give objects away")
    def test_what_others_put_cannot_be_deleted_and_backups_go_on(self):
        # Sticky folders: who did not put an object may not delete it.
        self.run_lagan("forget", self.snapshot)
        self.put("file", os.urandom(200_000))
        self.backup(self.source)
        self.run_lagan("prune", "--undelete-window", "0", "--max-unused", "0")
        self.allow(0o1777, 0)
        before = self.stored()
        self.refuse("prune", "--undelete-window", "0", saying="Operation not permitted")
        self.assertEqual(self.stored(), before)
        self.put("more", "more")
        self.backup(self.source)
        self.assertEqual(tree(self.restore()), tree(self.source))


if __name__ == "__main__":
    unittest.main()
