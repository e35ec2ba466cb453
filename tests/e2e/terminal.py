# SPDX-License-Identifier: Apache-2.0
"""A terminal for the program under test: what somebody in front of it would see."""

import fcntl
import os
import select
import struct
import subprocess
import termios


class Terminal:
    """Runs a command whose stdout and stderr are a terminal of this many columns."""

    def __init__(self, words, environment, columns=80, **options):
        self.end, inner = os.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen(words, env=environment, stdout=inner, stderr=inner,
                                        **{"stdin": subprocess.DEVNULL, **options})
        os.close(inner)
        self.seen = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        os.close(self.end)

    def _read_more(self):
        ready, _, _ = select.select([self.end], [], [], 60)
        if not ready:
            raise AssertionError(f"nothing came any more after {self.seen!r}")
        try:
            piece = os.read(self.end, 65536)
        except OSError:  # EIO: nobody has the other end open
            piece = b""
        self.seen += piece.decode(errors="replace")
        return bool(piece)

    def read_until(self, wanted):
        while wanted not in self.seen:
            if not self._read_more():
                raise AssertionError(f"{wanted!r} is not in {self.seen!r}")
        return self.seen

    def read_all(self):
        while self._read_more():
            pass
        return self.seen
