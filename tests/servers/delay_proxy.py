#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A long way to a server on this machine: every byte arrives later, nothing else changes.

    with DelayProxy(server.port, round_trip_ms=50) as proxy:
        proxy.port

Half of the round trip each way, and a whole one before a connection stands. The way is as wide as the
machine is fast; of windows and losses it knows nothing. It runs in a process of its own, so that who
measures does not share an interpreter with it.
"""

import asyncio
import subprocess
import sys

PIECE = 1 << 18
PIECES_UNDER_WAY = 4096  # for each connection and direction


async def carry(reader, writer, delay_s):
    loop = asyncio.get_running_loop()
    under_way = asyncio.Queue(PIECES_UNDER_WAY)

    async def deliver():
        while True:
            when, piece = await under_way.get()
            if when > loop.time():
                await asyncio.sleep(when - loop.time())
            if not piece:
                writer.write_eof()
                return
            writer.write(piece)
            await writer.drain()

    delivery = asyncio.create_task(deliver())
    try:
        while True:
            piece = await reader.read(PIECE)
            await under_way.put((loop.time() + delay_s, piece))
            if not piece:
                break
        await delivery
    except OSError:
        delivery.cancel()
        writer.close()


async def serve(server_port, round_trip_s):
    async def connect(reader, writer):
        await asyncio.sleep(round_trip_s)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", server_port, limit=PIECE)
        except OSError:
            writer.close()
            return
        await asyncio.gather(carry(reader, far_writer, round_trip_s / 2),
                             carry(far_reader, writer, round_trip_s / 2), return_exceptions=True)
        writer.close()
        far_writer.close()

    server = await asyncio.start_server(connect, "127.0.0.1", 0, limit=PIECE, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the parent is gone
    server.close()


class DelayProxy:
    def __init__(self, server_port, round_trip_ms):
        self.words = (sys.executable, __file__, str(server_port), str(round_trip_ms))

    def __enter__(self):
        self.process = subprocess.Popen(self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
