#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py SERVER COMMAND... - starts a server, runs a command that finds it in its environment, ends it.

The locations are in LAGAN_TEST_LOCATIONS, as tests/storage/contract_test.cc wants them. Without a
command it prints the environment and waits for the end of its input. 77 says that the server is
not installed.
"""

import os
import subprocess
import sys

from servers import SERVERS


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in SERVERS:
        print(f"usage: run.py {'|'.join(SERVERS)} [COMMAND...]", file=sys.stderr)
        return 2
    server_class = SERVERS[sys.argv[1]]
    if not server_class.is_installed():
        print(f"not installed: {', '.join(server_class.programs)}")
        return 77
    with server_class() as server:
        own = {"LAGAN_TEST_LOCATIONS": server.lines(), **server.environment}
        if len(sys.argv) > 2:
            return subprocess.run(sys.argv[2:], env={**os.environ, **own}).returncode
        for name, value in own.items():
            print(f"export {name}='{value.strip()}'", flush=True)
        print(f"# {' '.join(server.flags)} in {server.folder}", flush=True)
        sys.stdin.read()
        return 0


if __name__ == "__main__":
    sys.exit(main())
