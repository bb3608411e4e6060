"""An RPM file decoded by its published format (https://rpm-software-management.github.io/rpm/manual/format_v4.html)."""
import bz2
import gzip
import lzma
import stat
import struct
import subprocess

GHOST = 1 << 6  # RPMFILE_GHOST
TAGS = {"name": 1000, "version": 1001, "release": 1002, "epoch": 1003, "build_time": 1006, "arch": 1022,
        "modes": 1030, "links": 1036, "flags": 1037, "users": 1039, "groups": 1040, "folder_of": 1116,
        "names": 1117, "folders": 1118, "capabilities": 5010}


def strings(data, count):
    return [text.decode() for text in data.split(b"\0", count)[:count]]


def read_header(data, at):
    """{tag: value} of the header at an offset, and where it ends."""
    if data[at:at + 4] != b"\x8e\xad\xe8\x01":
        raise ValueError(f"no header at {at}")
    count, size = struct.unpack_from(">II", data, at + 8)
    store = at + 16 + 16 * count
    tags = {}
    for index in range(count):
        tag, kind, offset, number = struct.unpack_from(">IIII", data, at + 16 + 16 * index)
        where = store + offset
        if kind in (3, 4, 5):
            tags[tag] = list(struct.unpack_from(">%d%s" % (number, {3: "H", 4: "I", 5: "Q"}[kind]), data, where))
        elif kind in (6, 8, 9):
            tags[tag] = strings(data[where:store + size], number)
        else:
            tags[tag] = data[where:where + number]
    return tags, store + size


def decompressed(payload):
    if payload.startswith(b"\x28\xb5\x2f\xfd"):
        return subprocess.run(["zstd", "-dcq"], input=payload, stdout=subprocess.PIPE, check=True).stdout
    if payload.startswith(b"\xfd7zXZ") or payload.startswith(b"\x5d\0"):
        return lzma.decompress(payload)
    if payload.startswith(b"\x1f\x8b"):
        return gzip.decompress(payload)
    return bz2.decompress(payload) if payload.startswith(b"BZh") else payload


def cpio(data):
    """(path, mode, inode, content) of each member of a newc archive, in its order."""
    at = 0
    while True:
        if data[at:at + 6] not in (b"070701", b"070702"):
            raise ValueError(f"no cpio member at {at}")
        field = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        begin = at + 110
        path = data[begin:begin + field[11] - 1].decode()
        begin += field[11]
        begin += -begin % 4
        if path == "TRAILER!!!":
            return
        yield path.removeprefix(".").lstrip("/"), field[1], field[0], data[begin:begin + field[6]]
        at = begin + field[6]
        at += -at % 4


class Package:
    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        if data[:4] != b"\xed\xab\xee\xdb":
            raise ValueError(f"{path} is no RPM")
        _, end = read_header(data, 96)
        tags, self.payload_offset = read_header(data, end + -end % 8)
        self.front = data[:self.payload_offset]
        value = {name: tags.get(tag) for name, tag in TAGS.items()}
        self.name, self.version, self.release, self.arch = (value[key][0] for key in ("name", "version", "release", "arch"))
        self.epoch = value["epoch"][0] if value["epoch"] else 0
        self.build_time = value["build_time"][0]
        self.files = {}  # path → (mode, flags, user, group, capabilities, link)
        for i, name in enumerate(value["names"] or []):
            path = (value["folders"][value["folder_of"][i]] + name).lstrip("/")
            self.files[path] = (value["modes"][i], value["flags"][i], value["users"][i], value["groups"][i],
                                value["capabilities"][i] if value["capabilities"] else "", value["links"][i])
        self.payload = data[self.payload_offset:]

    def nevra(self):
        epoch = f"{self.epoch}:" if self.epoch else ""
        return f"{self.name}-{epoch}{self.version}-{self.release}.{self.arch}"

    def members(self):
        """(path, mode, content) in the payload's order; the names of a hard link share their content."""
        members = list(cpio(decompressed(self.payload)))
        shared = {inode: content for _, mode, inode, content in members if stat.S_ISREG(mode) and content}
        for path, mode, inode, content in members:
            yield path, mode, shared.get(inode, content) if stat.S_ISREG(mode) else content
