# SPDX-License-Identifier: Apache-2.0
"""What a backup leaves out, and what it must not leave out."""

import os
import shutil
import subprocess
import unittest

from helpers import QUICK_KEY, Fresh, write

CACHE_TAG = "Signature: 8a477f597d28d172789f06886806bc55"
CAN_MOUNT = shutil.which("unshare") is not None and subprocess.run(
    ["unshare", "--user", "--map-root-user", "--mount", "true"], check=False,
    stderr=subprocess.DEVNULL).returncode == 0


class Exclude(Fresh):
    def make(self, *names, content="x"):
        for name in names:
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            if not name.endswith("/"):
                write(self.path(name), content)

    def kept(self, *flags, targets=None, **options):
        """Paths below the source that are in a new snapshot."""
        snapshot = self.backup(*(targets or [self.source]), *flags, **options)
        lines = self.run_lagan("ls", "-q", snapshot).splitlines()
        return {line[len(self.source) + 1:] for line in lines if line.startswith(self.source + "/")}

    def list_file(self, *lines):
        path = os.path.join(self.folder, "list")
        write(path, "\n".join(lines) + "\n")
        return path


class Patterns(Exclude):
    def test_a_name_matches_at_any_depth_and_covers_what_is_below(self):
        self.make("a.o", "sub/b.o", "sub/c", "build/x/y", "sub/build/z")
        self.assertEqual(self.kept("-e", "*.o", "--exclude", "build"), {"sub", "sub/c"})

    def test_a_path_from_the_root_matches_only_there(self):
        self.make("build/x", "sub/build/x")
        self.assertEqual(self.kept("-e", self.source + "/build"),
                         {"sub", "sub/build", "sub/build/x"})

    def test_wildcards_stay_within_a_component_but_two_stars_do_not(self):
        self.make("a/b/c", "a/c", "a1", "a2", "ab")
        self.assertEqual(self.kept("-e", "a/*/c"), {"a", "a/b", "a/c", "a1", "a2", "ab"})
        self.assertEqual(self.kept("-e", "a/**/c"), {"a", "a/b", "a1", "a2", "ab"})
        self.assertEqual(self.kept("-e", "a[0-9]"), {"a", "a/b", "a/b/c", "a/c", "ab"})
        self.assertEqual(self.kept("-e", "a?"), {"a", "a/b", "a/b/c", "a/c"})
        self.assertEqual(self.kept("-e", "a[!0-9]"), {"a", "a/b", "a/b/c", "a/c", "a1", "a2"})

    def test_a_backslash_takes_the_meaning_away(self):
        self.make("*", "star")
        self.assertEqual(self.kept("-e", r"\*"), {"star"})

    def test_later_patterns_take_back(self):
        self.make("a.o", "keep.o", "sub/keep.o")
        self.assertEqual(self.kept("-e", "*.o", "-e", "!keep.o"), {"keep.o", "sub", "sub/keep.o"})
        self.assertEqual(self.kept("-e", "!keep.o", "-e", "*.o"), {"sub"})

    def test_later_patterns_take_back_below_an_excluded_folder(self):
        self.make("cache/keep", "cache/drop")
        self.assertEqual(self.kept("-e", "cache", "-e", "!cache/keep"), {"cache", "cache/keep"})

    def test_the_order_of_all_pattern_flags_counts(self):
        self.make("a.o", "keep.o")
        everything = self.list_file("*.o")
        self.assertEqual(self.kept("--exclude-file", everything, "--iexclude", "!KEEP.o"),
                         {"keep.o"})
        self.assertEqual(self.kept("-e", "!keep.o", "--exclude-file", everything), set())

    def test_a_slash_at_the_end_means_folders(self):
        self.make("build/x", "sub/build")
        self.assertEqual(self.kept("-e", "build/"), {"sub", "sub/build"})

    def test_case_counts_unless_said_otherwise(self):
        self.make("A.TMP", "b.tmp", "c")
        self.assertEqual(self.kept("-e", "*.tmp"), {"A.TMP", "c"})
        self.assertEqual(self.kept("--iexclude", "*.tmp"), {"c"})
        patterns = self.list_file("*.Tmp")
        self.assertEqual(self.kept("--exclude-file", patterns), {"A.TMP", "b.tmp", "c"})
        self.assertEqual(self.kept("--iexclude-file", patterns), {"c"})

    def test_a_file_holds_patterns_comments_and_empty_lines(self):
        self.make("a.o", "b c", "#d", "e")
        patterns = self.list_file("# a comment", "", "*.o", "b c  ", r"\#d")
        self.assertEqual(self.kept("--exclude-file", patterns), {"e"})

    def test_names_that_are_not_utf8_can_be_matched(self):
        write(os.fsencode(self.source) + b"/\xff.tmp")
        self.make("a")
        self.assertEqual(self.kept("-e", "*.tmp"), {"a"})

    def test_what_is_named_is_never_left_out(self):
        self.make("a.tmp", "sub.tmp/b.tmp", "sub.tmp/c")
        self.assertIn("a.tmp", self.kept("-e", "*.tmp", targets=[self.path("a.tmp")]))
        self.assertIn("sub.tmp", self.kept("-e", "*.tmp", targets=[self.path("sub.tmp")]))

    def test_a_named_folder_is_saved_though_its_own_path_matches(self):
        self.make("build/project/file", "build/project/build/object")
        kept = self.kept("-e", "build", targets=[self.path("build/project")])
        self.assertEqual(kept, {"build", "build/project", "build/project/file"})

    def test_nonsense_is_refused(self):
        self.refuse("backup", self.source, "-e", "[", saying="'['")
        self.refuse("backup", self.source, "-e", "", saying="pattern ''")
        self.refuse("backup", self.source, "--exclude-file", self.folder + "/none", saying="none")
        self.refuse("backup", self.source, "--exclude-file", self.list_file("a[b"), saying="a[b")
        self.assertEqual(self.snapshots(), [])


class IgnoreFiles(Exclude):
    def test_laganignore_files_hold_below_their_folder(self):
        self.make("a.tmp", "sub/a.tmp", "sub/deep/keep.tmp", "sub/deep/b")
        self.make("sub/.laganignore", content="*.tmp\n!keep.tmp\n")
        self.assertEqual(self.kept(), {"a.tmp", "sub", "sub/.laganignore", "sub/deep",
                                       "sub/deep/b", "sub/deep/keep.tmp"})
        # Also those in folders above what is named.
        self.assertNotIn("sub/deep/a.tmp", self.kept(targets=[self.path("sub/deep")]))

    def test_gitignore_files_hold_if_wished_for(self):
        self.make("object.o", "made/x", "source", ".git/config", "info")
        self.make(".gitignore", content="*.o\nmade/\n")
        self.make(".git/info/exclude", content="info\n!.git/info\n")
        own = {".git", ".git/config", ".git/info", ".git/info/exclude", ".gitignore", "source"}
        self.assertEqual(self.kept("--git-ignore"), own)
        self.assertEqual(self.kept(), own | {"object.o", "made", "made/x", "info"})

    def test_nonsense_in_one_is_told_and_leaves_nothing_out(self):
        self.make("a")
        self.make(".laganignore", content="[\na\n")
        self.backup()
        self.assertIn("/.laganignore:1: ", self.errors)
        self.assertEqual(self.kept(), {".laganignore"})


class Folders(Exclude):
    def test_what_has_the_nodump_flag_is_left_out_if_wished_for(self):
        self.make("a", "b/c", "d")
        try:
            subprocess.run(["chattr", "+d", self.path("a"), self.path("b")], check=True,
                           stderr=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError):
            self.skipTest("needs a file system with flags")
        self.assertEqual(self.kept("--exclude-nodump"), {"d"})
        self.assertEqual(self.kept(), {"a", "b", "b/c", "d"})

    def test_the_repository_and_caches_of_lagan_are_never_saved(self):
        write(self.path("file"), "x")
        for _ in range(2):
            self.backup(self.folder)
        listed = self.run_lagan("ls", "-q", "-R", "latest", self.folder)
        self.assertIn(self.path("file"), listed)
        self.assertIn(self.repository + "\n", listed)
        self.assertNotIn(self.repository + "/", listed)
        cache = self.environment["LAGAN_CACHE_DIR"]
        self.assertNotIn(cache + "/", listed.replace(cache + "/CACHEDIR.TAG\n", ""))
        for path in (self.repository, self.repository + "/lagan.repo"):
            self.refuse("backup", path, saying="never backed up")

    def test_hot_and_cold_places_are_never_saved(self):
        write(self.path("file"), "x")
        hot, cold = os.path.join(self.folder, "hot"), os.path.join(self.folder, "cold")
        here = ("-r", f"hotcold:?hot={hot}&cold=local:{cold}")
        self.run_lagan("init", *QUICK_KEY, *here)
        self.backup(self.folder, *here)
        listed = self.run_lagan("ls", "-q", "-R", "latest", self.folder, *here)
        self.assertIn(self.path("file"), listed)
        for place in (hot, cold):
            self.assertIn(place + "\n", listed)
            self.assertNotIn(place + "/", listed)
            self.refuse("backup", place, *here, saying="never backed up")

    @unittest.skipUnless(CAN_MOUNT, "needs user namespaces, to mount a file system")
    def test_file_systems_of_the_kernel_are_left_empty_unless_named(self):
        self.make("a", "proc/")
        mount = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "sh", "-c",
                 f'mount -t proc none "{self.path("proc")}" && exec "$@"', "-"]
        self.assertEqual(self.kept(before=mount), {"a", "proc"})
        named = self.path("proc/sys/kernel/ostype")
        self.assertIn("proc/sys/kernel/ostype", self.kept(before=mount, targets=[named]))

    def test_caches_are_left_empty(self):
        self.make("cache/sub/data", "fake/data", "c")
        self.make("cache/CACHEDIR.TAG", content=CACHE_TAG + "\n# why")
        self.make("fake/CACHEDIR.TAG", content="Signature: " + "0" * 50)
        kept = self.kept("--exclude-caches") - {"cache/CACHEDIR.TAG"}
        self.assertEqual(kept, {"cache", "fake", "fake/CACHEDIR.TAG", "fake/data", "c"})
        self.assertIn("cache/sub/data", self.kept())

    def test_so_are_folders_with_a_mark_of_ones_own(self):
        self.make("a/.nobackup", "a/data", "b/mark", "b/data", "c")
        self.make("d/mark", content="no backup, please")
        marks = {"a/.nobackup", "d/mark"}
        self.assertEqual(self.kept("--exclude-if-present", ".nobackup",
                                   "--exclude-if-present", "mark:no backup") - marks,
                         {"a", "b", "b/mark", "b/data", "c", "d"})

    def test_a_named_folder_is_saved_though_it_is_marked(self):
        self.make("CACHEDIR.TAG", content=CACHE_TAG)
        self.make("data")
        self.assertIn("data", self.kept("--exclude-caches"))

    @unittest.skipUnless(CAN_MOUNT, "needs user namespaces, to mount a file system")
    def test_other_file_systems_are_left_empty(self):
        self.make("a", "mounted/")
        mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                 f'mount -t tmpfs none "{self.path("mounted")}" && echo x > '
                 f'"{self.path("mounted")}/file" && exec "$@"', "-"]
        self.assertEqual(self.kept(before=mount), {"a", "mounted", "mounted/file"})
        self.assertEqual(self.kept("-x", before=mount), {"a", "mounted"})
        self.assertEqual(self.kept("--one-file-system", before=mount,
                                   targets=[self.path("mounted")]), {"mounted", "mounted/file"})


class Size(Exclude):
    def test_larger_files_are_left_out_and_those_of_that_size_kept(self):
        self.make("exact", content="x" * 2048)
        self.make("more", content="x" * 2049)
        self.assertEqual(self.kept("--exclude-larger-than", "2K"), {"exact"})
        self.assertEqual(self.kept("--exclude-larger-than", "0.001953125M"), {"exact"})
        self.assertEqual(self.kept("--exclude-larger-than", "2K", targets=[self.path("more")]),
                         {"more"})
        for size in ("huge", "-1", "1X"):
            self.refuse("backup", self.source, "--exclude-larger-than", size, saying=size)


if __name__ == "__main__":
    unittest.main()
