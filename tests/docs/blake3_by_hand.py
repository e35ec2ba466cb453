# SPDX-License-Identifier: Apache-2.0
"""BLAKE3 from its specification, slowly: hash, keyed hash and key derivation. For restore_by_hand.py."""

from struct import pack, unpack

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
CHUNK_START, CHUNK_END, PARENT, ROOT, KEYED, CONTEXT, MATERIAL = 1, 2, 4, 8, 16, 32, 64
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
QUARTERS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
            (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def _source():
    """The compression function with all seven rounds written out: twenty times as fast as loops."""
    lines = ["def compress(cv, block, counter, length, flags):",
             " " + ", ".join(f"m{i}" for i in range(16)) + " = unpack('<16I', block)",
             " " + ", ".join(f"v{i}" for i in range(8)) + " = cv",
             f" v8, v9, v10, v11 = {IV[0]}, {IV[1]}, {IV[2]}, {IV[3]}",
             " v12, v13, v14, v15 = counter & 0xffffffff, counter >> 32, length, flags"]
    order = list(range(16))
    for _ in range(7):
        for step, (a, b, c, d) in enumerate(QUARTERS):
            for word, (r1, r2) in ((order[2 * step], (16, 12)), (order[2 * step + 1], (8, 7))):
                lines += [f" v{a} = (v{a} + v{b} + m{word}) & 0xffffffff",
                          f" v{d} ^= v{a}; v{d} = (v{d} >> {r1} | v{d} << {32 - r1}) & 0xffffffff",
                          f" v{c} = (v{c} + v{d}) & 0xffffffff",
                          f" v{b} ^= v{c}; v{b} = (v{b} >> {r2} | v{b} << {32 - r2}) & 0xffffffff"]
        order = [order[i] for i in PERMUTATION]
    words = [f"v{i} ^ v{i + 8}" for i in range(8)] + [f"v{i + 8} ^ cv[{i}]" for i in range(8)]
    return "\n".join(lines + [" return (" + ", ".join(words) + ")"])


exec(_source())


def _chunk(data, key, number, flags):
    """The last compression of one chunk of up to 1,024 bytes, not yet done."""
    blocks = [bytes(data[i:i + 64]) for i in range(0, len(data), 64)] or [b""]
    cv = key
    for i, block in enumerate(blocks):
        mark = flags | (CHUNK_START if i == 0 else 0)
        if i + 1 == len(blocks):
            return cv, block.ljust(64, b"\0"), number, len(block), mark | CHUNK_END
        cv = compress(cv, block, number, 64, mark)[:8]


def _node(data, key, number, flags):
    if len(data) <= 1024:
        return _chunk(data, key, number, flags)
    left = 1024
    while left * 2 < len(data):
        left *= 2
    pair = compress(*_node(data[:left], key, number, flags))[:8]
    pair += compress(*_node(data[left:], key, number + left // 1024, flags))[:8]
    return key, pack("<16I", *pair), 0, 64, flags | PARENT


def _digest(data, key, flags, size):
    cv, block, _, length, mark = _node(memoryview(bytes(data)), key, 0, flags)
    block = bytes(block)
    out = b"".join(pack("<16I", *compress(cv, block, i, length, mark | ROOT)) for i in range((size + 63) // 64))
    return out[:size]


def blake3(data, size=32):
    return _digest(data, IV, 0, size)


def keyed(key, data):
    return _digest(data, unpack("<8I", key), KEYED, 32)


def derive(context, material, size=32):
    key = unpack("<8I", _digest(context.encode(), IV, CONTEXT, 32))
    return _digest(material, key, MATERIAL, size)
