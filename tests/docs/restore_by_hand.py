#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A second reader of lagan repositories, written from docs/format.md and sharing no code with lagan: the proof
that the document is enough. Reads a repository in a folder and restores one snapshot of it.

    restore_by_hand.py REPOSITORY PASSWORD TARGET [SNAPSHOT-ID] [--without-index]

Needs Debian's python3-cryptography, python3-argon2 and python3-zstandard. Slow (a megabyte a second) and short
of everything that makes a tool: for emergencies use lagan.
"""

import os
import stat
import sys
from struct import unpack

import argon2.low_level
import zstandard
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from blake3_by_hand import blake3, derive, keyed

SLOT, CONFIG, SNAPSHOT, SESSION, SEGMENT, CONDEMNED, DATA_PACK, TREE_PACK = 2, 3, 4, 5, 6, 7, 8, 9
FENCE, VERIFIED, FORGOTTEN = 12, 13, 14
DATA, DIRECTORY, LIST = 1, 2, 3


class Corrupt(Exception):
    pass


def need(condition, why):
    if not condition:
        raise Corrupt(why)


def D(label, material, size=32):
    return derive("lagan v1 " + label, material, size)


# ---- Messages: protobuf wire format ------------------------------------------------------------------------------

def varint(data, at):
    value = shift = 0
    while True:
        need(at < len(data) and shift < 70, "number cut short")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value & (1 << 64) - 1, at


def fields(data):
    """Yields (number, value, offset of the field)."""
    at = 0
    while at < len(data):
        start = at
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 1:
            value, at = data[at:at + 8], at + 8
        elif tag & 7 == 2:
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
            need(len(value) == length, "field cut short")
        elif tag & 7 == 5:
            value, at = data[at:at + 4], at + 4
        else:
            raise Corrupt("unknown wire type")
        need(at <= len(data), "field cut short")
        yield tag >> 3, value, start


def message(data, repeated=()):
    found = {number: [] for number in repeated}
    for number, value, _ in fields(data):
        if number in found and number in repeated:
            found[number].append(value)
        else:
            found[number] = value
    return found


def signed(number):  # sint64
    return number >> 1 ^ -(number & 1)


def ids(joined, size):
    need(len(joined) % size == 0, "joined ids of a wrong size")
    return [joined[i:i + size] for i in range(0, len(joined), size)]


# ---- Sealing -----------------------------------------------------------------------------------------------------

def cipher(suite, key):
    need(suite in (1, 2), "unknown suite")
    return ChaCha20Poly1305(key) if suite == 1 else AESGCM(key)


def unseal(suite, key, ordinal, tail, associated, sealed):
    need(len(sealed) > 16, "sealed bytes too short")
    try:
        return cipher(suite, key).decrypt(ordinal.to_bytes(4, "little") + tail, bytes(sealed), associated)
    except InvalidTag:
        raise Corrupt("tag does not match") from None


def check_header(header, kind, repository):
    need(len(header) == 96 and header[:4] == b"LGN1", "no header")
    need(header[4] == kind, "another kind than the name says")
    need(header[5] in (1, 2), "unknown suite")
    need(header[6:8] == bytes(2) and header[12:16] == bytes(4), "unknown flags or reserved bytes")
    need(unpack("<I", header[8:12])[0] == (0 if kind == SLOT else 1), "unknown epoch")
    need(header[16:32] == repository, "another repository")


def open_frames(suite, key, associated, sealed):
    frames = [sealed[i:i + 2**20 + 16] for i in range(0, len(sealed), 2**20 + 16)]
    need(frames, "no frame")
    plain = b"".join(unseal(suite, key, i, (i + 1 == len(frames)).to_bytes(8, "little"), associated, frame)
                     for i, frame in enumerate(frames))
    length = unpack("<I", plain[:4])[0]
    need(4 + length <= len(plain) and not any(plain[4 + length:]), "padding is not zero")
    return plain[4:4 + length]


def open_slot(path, name, repository, password):
    body = read(path, name)
    need(blake3(body[:-32]) == body[-32:], name + ": damaged")
    header, params = body[:96], body[96:112]
    check_header(header, SLOT, repository)
    method, label_size = params[0], params[1]
    if method not in (1, 2):
        return None
    need(params[2:4] == bytes(2) and params[12:] == bytes(4) and label_size <= 64, "bad parameters")
    memory, passes = unpack("<II", params[4:12])
    if method == 1:
        kek = argon2.low_level.hash_secret_raw(password, header[32:48], passes, memory, 1, 32,
                                               argon2.low_level.Type.ID, 19)
    elif len(password) == 32:
        kek = password
    else:
        return None
    okey = D("slot", kek + header[:64] + params)
    if D("commit", okey) != header[64:]:
        return None
    visible = body[96:112 + label_size]
    return open_frames(header[5], D("aead", okey), header + visible + name.encode(), body[96 + len(visible):-32])


def read(path, name):
    with open(os.path.join(path, name), "rb") as file:
        return file.read()


def names(path, folder):
    below = os.path.join(path, folder)
    if not os.path.isdir(below):
        return []
    return sorted(os.path.relpath(os.path.join(root, file), path)
                  for root, _, files in os.walk(below) for file in files if not file.startswith("."))


class Repository:
    def __init__(self, path, password):
        self.path = path
        boot = read(path, "lagan.repo")
        first_line = b"lagan repository, format 1\n"
        need(boot.startswith(first_line) and blake3(boot[:-32]) == boot[-32:], "lagan.repo is damaged")
        boot = message(boot[len(first_line):-32])
        self.id = boot[2]
        bundles = (open_slot(path, name, self.id, password) for name in names(path, "keys"))
        bundle = next((found for found in bundles if found), None)
        need(bundle, "no key slot opens with this password")
        bundle = message(bundle, repeated=(10,))
        need(bundle[1] == 1 and bundle[2] == self.id and bundle[3] == boot[3], "bundle of another repository")
        epoch = message(bundle[10][0])
        self.id_key, self.owner = bundle[5], bundle[8]
        self.secrets = {DATA_PACK: (epoch[3], epoch[2]), TREE_PACK: (epoch[5], epoch[4])}
        self.secrets[SNAPSHOT] = self.secrets[TREE_PACK]
        for secret, public in self.secrets.values():
            own = X25519PrivateKey.from_private_bytes(secret).public_key()
            need(own.public_bytes(Encoding.Raw, PublicFormat.Raw) == public, "public key does not fit")
        self.psk, self.index_key = epoch[6], epoch[7]
        self.pack_keys = {}
        self.blocks = {}

    def key(self, header, kind):
        check_header(header, kind, self.id)
        if kind in self.secrets:
            secret, public = self.secrets[kind]
            shared = X25519PrivateKey.from_private_bytes(secret).exchange(
                X25519PublicKey.from_public_bytes(header[32:64]))
            okey = D("sealed", shared + self.psk + public + header[:64])
        else:
            okey = D("symmetric", self.index_key + header[:64])
        need(D("commit", okey) == header[64:], "commitment does not match")
        return D("aead", okey)

    def body(self, name, kind):
        data = read(self.path, name)
        bound = name.encode()
        if kind == SEGMENT:
            need(blake3(data).hex() == os.path.basename(name), name + ": does not match its name")
            bound = b""
        else:
            need(blake3(data[:-32]) == data[-32:], name + ": damaged")
            data = data[:-32]
        header = data[:96]
        return open_frames(header[5], self.key(header, kind), header + bound, data[96:])

    def is_signed(self, kind, name, text):
        """The bytes before field 100 if the owner's signature holds, else nothing."""
        if len(text) < 67 or text[-67:-64] != b"\xa2\x06\x40":
            return None
        covered, signature = text[:-67], text[-64:]
        bound = b"" if kind == SEGMENT else name.encode()
        digest = blake3(bytes([kind]) + self.id + bytes([len(bound)]) + bound + covered)
        try:
            Ed25519PublicKey.from_public_bytes(self.owner).verify(signature, b"lagan v1 signature" + digest)
        except InvalidSignature:
            return None
        return covered

    # ---- Index

    def load_index(self):
        segments, superseded = {}, set()
        for name in names(self.path, "index"):
            text = self.body(name, SEGMENT)
            covered = self.is_signed(SEGMENT, name, text)
            segment = message(covered if covered is not None else text, repeated=(1, 2, 3))
            segments[os.path.basename(name)] = segment
            if covered is not None:
                superseded.update(old.hex() for old in segment[2])
        self.chunks = {}
        for name, segment in segments.items():
            if name in superseded:
                continue
            for entry in map(message, segment[1]):
                self.add_pack(entry[1].hex(), entry[3], entry[4], entry[5])

    def load_packs(self):
        """The same from the packs themselves."""
        self.chunks = {}
        for kind, folder in ((DATA_PACK, "data"), (TREE_PACK, "tree")):
            for name in names(self.path, folder):
                pack = read(self.path, name)
                need(blake3(pack).hex() == os.path.basename(name), name + ": does not match its name")
                header, trailer = pack[:96], pack[-144:]
                need(trailer[48:] == header, name + ": the two headers differ")
                key = self.key(header, kind)
                plain = unseal(header[5], key, 0xFFFFFFFE, trailer[:8], header, trailer[8:48])
                offset, size, zero = unpack("<QII", plain[:16])
                need(zero == 0 and offset >= 96 and offset + size + 144 == len(pack), "trailer points nowhere")
                directory = unseal(header[5], key, 0xFFFFFFFF, plain[16:], header, pack[offset:offset + size])
                self.add_pack(os.path.basename(name), kind, header, directory)

    def add_pack(self, name, kind, header, directory):
        offset = 96
        for ordinal, text in enumerate(message(directory, repeated=(1,))[1]):
            block = message(text)
            chunk_kind = block[4]
            need((chunk_kind == DATA) == (kind == DATA_PACK), "a chunk in the wrong kind of pack")
            lengths, at = [], 0
            while at < len(block[7]):
                length, at = varint(block[7], at)
                lengths.append(length)
            named = ids(block[6], 32)
            need(len(named) == len(lengths) and sum(lengths) == block[2], "block does not add up")
            where = (name, kind, header, ordinal, offset, block[1], block[2], block.get(3, 0), block[5])
            start = 0
            for chunk, length in zip(named, lengths):
                self.chunks.setdefault((chunk, chunk_kind), (where, start, length))
                start += length
            offset += block[1]

    def chunk(self, chunk_id, kind):
        need((chunk_id, kind) in self.chunks, "chunk " + chunk_id.hex() + " is in no index")
        where, start, length = self.chunks[chunk_id, kind]
        plain = self.block(where)[start:start + length]
        need(keyed(self.id_key, plain + bytes([kind])) == chunk_id, "chunk does not match its id")
        return plain

    def block(self, where):
        name, kind, header, ordinal, offset, stored, raw, codec, tail = where
        if (name, ordinal) not in self.blocks:
            if name not in self.pack_keys:
                self.pack_keys[name] = self.key(header, kind)
            folder = "data" if kind == DATA_PACK else "tree"
            with open(os.path.join(self.path, folder, name[:2], name), "rb") as file:
                file.seek(offset)
                sealed = file.read(stored)
            plain = unseal(header[5], self.pack_keys[name], ordinal, tail, header, sealed)
            need(codec in (0, 1), "unknown codec")
            if codec == 1:
                plain = zstandard.ZstdDecompressor(max_window_size=2**23).decompress(plain, max_output_size=raw)
            need(len(plain) == raw, "block of another size than listed")
            self.blocks[name, ordinal] = plain
        return self.blocks[name, ordinal]

    # ---- Snapshots

    def snapshots(self):
        """All that are not forgotten, by time."""
        forgotten = set()
        for name in names(self.path, "forgotten"):
            covered = self.is_signed(FORGOTTEN, name, self.body(name, FORGOTTEN))
            need(covered is not None, name + ": signature does not hold")
            forgotten.update(one.hex() for one in ids(message(covered)[1], 16))
        found = []
        for name in names(self.path, "snapshots"):
            session = os.path.basename(name)
            if session.endswith(".ok") or session in forgotten:
                continue
            snapshot = message(self.body(name, SNAPSHOT), repeated=(10, 11, 12, 14))
            need(snapshot[21].hex() == session, name + ": names another session")
            found.append((signed(snapshot.get(2, 0)), session, snapshot))
        return sorted(found, key=lambda one: one[:2])


# ---- Restore -----------------------------------------------------------------------------------------------------

class Restore:
    def __init__(self, repository):
        self.repository = repository
        self.first_links = {}

    def entries(self, node_id):
        node = message(self.repository.chunk(node_id, DIRECTORY), repeated=(1, 2))
        for entry in node[1]:
            yield message(entry, repeated=(12, 18))
        for child in node[2]:
            yield from self.entries(message(child)[2])

    def slices(self, list_id):
        node = message(self.repository.chunk(list_id, LIST), repeated=(1, 2))
        yield from node[1]
        for child in node[2]:
            yield from self.slices(message(child)[1])

    def write(self, file, slices):
        at = 0
        for one in map(message, slices):
            length = one[3]
            if 1 in one:
                start = one.get(2, 0)
                file.seek(at)
                file.write(self.repository.chunk(one[1], DATA)[start:start + length])
            at += length
        return at

    def folder(self, subtree, target):
        node_id = message(subtree).get(1)
        for entry in self.entries(node_id) if node_id else ():
            name = entry[1]
            need(0 < len(name) <= 4096 and name not in (b".", b"..") and b"/" not in name and b"\0" not in name,
                 "forbidden name")
            self.entry(entry, os.path.join(target, name))

    def entry(self, entry, path):
        kind, mode = entry.get(2, 0), entry.get(3, 0)
        if 17 in entry and kind != 2:
            # The names of one file, if their content is the same as well.
            group = entry[17], kind, str([entry.get(number) for number in (11, 12, 13, 15, 24)])
            if group in self.first_links:
                os.link(self.first_links[group], path, follow_symlinks=False)
                return
            self.first_links[group] = path
        if kind == 1:
            self.file(entry, path)
        elif kind == 2:
            os.mkdir(path, 0o700)
            self.folder(entry.get(14, b""), path)
        elif kind == 3:
            os.symlink(entry[15], path)
        elif kind in (6, 7):
            os.mknod(path, 0o600 | (stat.S_IFIFO if kind == 6 else stat.S_IFSOCK))
        else:
            print(f"left out, kind {kind}:", path, file=sys.stderr)
            return
        for attribute in (message(one, repeated=(3,)) for one in entry[18]):
            value = attribute.get(2, b"")
            for one in map(message, attribute[3]):
                start = one.get(2, 0)
                value += self.repository.chunk(one[1], DATA)[start:start + one[3]]
            try:
                os.setxattr(path, attribute[1], value, follow_symlinks=False)
            except OSError as error:
                print(f"{path}: {attribute[1]}: {error}", file=sys.stderr)
        if os.geteuid() == 0:
            os.chown(path, entry.get(4, 0), entry.get(5, 0), follow_symlinks=False)
        if kind != 3:
            os.chmod(path, mode)
        mtime = signed(entry.get(8, 0)) * 10**9 + entry.get(9, 0)
        os.utime(path, ns=(mtime, mtime), follow_symlinks=False)

    def file(self, entry, path):
        size = entry.get(11, 0)
        with open(path, "xb") as file:
            if 24 in entry:
                file.write(entry[24])
                written = len(entry[24])
            else:
                written = self.write(file, self.slices(entry[13]) if 13 in entry else entry[12])
            need(written == size or entry.get(30) == 3, "content of another size than the entry says")
            file.truncate(size)


def restore(path, password, target, wanted=None, without_index=False, below=b""):
    """`below`: a path in the snapshot; only what lies in that folder."""
    repository = Repository(path, password)
    repository.load_packs() if without_index else repository.load_index()
    found = [one for one in repository.snapshots() if wanted is None or one[1].startswith(wanted)]
    need(found, "no such snapshot")
    snapshot = found[-1][2]
    work = Restore(repository)
    subtree = snapshot.get(1, b"")
    for name in filter(None, below.split(b"/")):
        subtree = next(entry for entry in work.entries(message(subtree)[1]) if entry[1] == name)[14]
    os.makedirs(target)
    work.folder(subtree, os.fsencode(target))


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--without-index"]
    if len(words) not in (3, 4):
        sys.exit(__doc__)
    try:
        restore(words[0], os.fsencode(words[1]), words[2], *words[3:],
                without_index="--without-index" in sys.argv)
    except Corrupt as error:
        sys.exit(f"restore_by_hand: {error}")
