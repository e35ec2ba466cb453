# SPDX-License-Identifier: Apache-2.0
"""--read-special: what devices and pipes hold is saved as if they were files, and dumped back."""

import os
import shutil
import signal
import stat
import subprocess
import threading
import unittest

from helpers import IS_ROOT, Fresh, read, write

MIB = 1 << 20


class Special(Fresh):
    def feed(self, name, *pieces):
        """A pipe that somebody writes to, once a reader comes."""
        os.mkfifo(self.path(name))

        def write_all():
            with open(self.path(name), "wb") as pipe:
                for piece in pieces:
                    pipe.write(piece)
                    pipe.flush()

        writer = threading.Thread(target=write_all)
        writer.start()
        self.addCleanup(writer.join)

    def loop_device(self, content):
        """A block device that holds this."""
        if not IS_ROOT or shutil.which("losetup") is None:
            self.skipTest("only root makes loop devices")
        image = os.path.join(self.folder, f"image{len(os.listdir(self.folder))}")
        write(image, content)
        made = subprocess.run(["losetup", "--find", "--show", image], check=False,
                              capture_output=True, text=True)
        if made.returncode != 0:
            print(f"skipped: {made.stderr.strip()}")
            self.skipTest("no loop devices here")
        device = made.stdout.strip()
        self.addCleanup(subprocess.run, ["losetup", "-d", device], check=False)
        return device


class Pipes(Special):
    def test_what_is_written_to_one_becomes_a_file(self):
        content = os.urandom(3 * MIB)
        self.feed("large", content[:5], content[5:])
        self.feed("small", b"a few bytes")
        os.mkfifo(self.path("empty"))
        threading.Thread(target=lambda: open(self.path("empty"), "wb").close()).start()
        write(self.path("plain"), "plain")
        os.chmod(self.path("small"), 0o640)
        summary = self.summary(self.source, "--read-special")
        self.assertEqual(summary["total_bytes_processed"], 3 * MIB + 11 + 5)
        restored = self.restore()
        found = {name: read(os.path.join(restored, name)) for name in os.listdir(restored)}
        self.assertEqual(found, {"large": content, "small": b"a few bytes", "empty": b"",
                                 "plain": b"plain"})
        self.assertEqual(os.stat(restored + "/small").st_mode, stat.S_IFREG | 0o640)

    def test_they_are_read_anew_each_time_and_stay_pipes_without_the_flag(self):
        for content in (b"one", b"two"):
            if os.path.exists(self.path("pipe")):
                os.remove(self.path("pipe"))
            self.feed("pipe", content)
            self.backup(self.source, "--read-special")
            self.assertEqual(self.run_lagan("dump", "latest", self.path("pipe"), binary=True),
                             content)
        self.backup()
        self.assertTrue(stat.S_ISFIFO(os.stat(self.restore() + "/pipe").st_mode))

    def test_one_that_nobody_writes_to_can_be_interrupted(self):
        os.mkfifo(self.path("pipe"))
        with self.start("backup", self.source, "--read-special") as process:
            # The reader is there as soon as somebody may write without waiting.
            end = None
            while end is None:
                try:
                    end = os.open(self.path("pipe"), os.O_WRONLY | os.O_NONBLOCK)
                except OSError:
                    self.assertIsNone(process.poll())
            process.send_signal(signal.SIGINT)
            process.communicate()
            os.close(end)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.snapshots(), [])

    def test_the_flag_is_for_files_and_not_for_standard_input(self):
        self.refuse("backup", "--stdin", "--read-special", stdin=b"", saying="--read-special")


class Devices(Special):
    def test_of_characters_are_read_to_their_end(self):
        self.backup("/dev/null", "--read-special")
        self.assertEqual(self.run_lagan("dump", "latest", "/dev/null", binary=True), b"")
        self.assertRegex(self.run_lagan("ls", "-l", "latest:/dev/null"), r"(?m)^-.* 0 .*/null$")

    def test_of_blocks_come_back_byte_for_byte(self):
        content = os.urandom(9 * MIB) + bytes(2 * MIB) + os.urandom(MIB)
        device = self.loop_device(content)
        first = self.summary(device, "--read-special")
        self.assertEqual(first["total_bytes_processed"], 12 * MIB)
        with open(device, "r+b") as file:
            file.seek(5 * MIB)
            file.write(b"changed")
        again = self.summary(device, "--read-special")
        self.assertGreater(again["data_added"], 0)
        self.assertLess(again["data_added"], 8 * MIB)

        other = self.loop_device(os.urandom(12 * MIB))
        self.run_lagan("dump", first["snapshot_id"], device, "-t", other)
        self.assertEqual(read(other), content)
        small = self.loop_device(bytes(MIB))
        self.run_lagan("dump", "latest", device, "-t", small, code=1)
        self.assertIn("No space left", self.errors)

    def test_a_restore_to_a_device_writes_what_one_held(self):
        content = os.urandom(3 * MIB) + bytes(MIB)
        device = self.loop_device(content)
        self.backup(device, "--read-special")
        other = self.loop_device(os.urandom(6 * MIB))
        before = read(other)
        self.assertIn("would restore", self.run_lagan("restore", f"latest:{device}", "-t", other, "-n"))
        self.assertEqual(read(other), before)
        summary = self.json_lines("restore", f"latest:{device}", "-t", other, "--verify")[-1]
        self.assertEqual((summary["message_type"], summary["bytes_restored"]), ("summary", 4 * MIB))
        self.assertEqual(read(other), content + before[4 * MIB:])

        for words, saying in ((("-t", self.loop_device(bytes(MIB))), "takes 4194304 bytes"),
                              (("-t", other, "--overwrite", "never"), "are for one"),
                              (("-t", other, "--delete"), "are for one"),
                              (("-t", other, "--include", "x"), "are for one")):
            with self.subTest(words):
                self.refuse("restore", f"latest:{device}", *words, saying=saying)
        self.refuse("restore", "latest", "-t", other, saying="SNAPSHOT:PATH")
        self.assertEqual(read(other), content + before[4 * MIB:])

    def test_a_device_in_use_is_left_alone(self):
        if shutil.which("mke2fs") is None:
            self.skipTest("needs mke2fs")
        device = self.loop_device(os.urandom(MIB))
        self.backup(device, "--read-special")
        used = self.loop_device(bytes(4 * MIB))
        subprocess.run(["mke2fs", "-q", used], check=True, capture_output=True)
        folder = os.path.join(self.folder, "mounted")
        os.mkdir(folder)
        if subprocess.run(["mount", used, folder], check=False, capture_output=True).returncode != 0:
            self.skipTest("cannot mount ext2 here")
        self.addCleanup(subprocess.run, ["umount", folder], check=False)
        self.refuse("restore", f"latest:{device}", "-t", used, saying="is in use")

    def test_a_link_that_is_named_leads_to_one_and_no_other_link_does(self):
        device = self.loop_device(b"volume".ljust(MIB, b"."))
        os.symlink(device, self.path("named"))
        os.symlink(device, self.path("met"))
        os.symlink("plain", self.path("plain link"))
        self.backup(self.path("named"), self.path("plain link"), self.source, "--read-special")
        restored = self.restore()
        self.assertEqual(read(restored + "/named")[:7], b"volume.")
        self.assertFalse(os.path.islink(restored + "/named"))
        self.assertEqual(os.readlink(restored + "/met"), device)
        self.assertEqual(os.readlink(restored + "/plain link"), "plain")


if __name__ == "__main__":
    unittest.main()
