"""OSTree's objects (https://ostreedev.github.io/ostree/formats/, src/libostree/ostree-core.h): bytes and checksums."""
import hashlib
import os
import stat
import struct

import gvariant

COMMIT = "(a{sv}aya(say)sstayay)"


def swapped(number):
    """OSTree keeps these in big endian inside of a little-endian variant."""
    return struct.unpack("<I", struct.pack(">I", number))[0]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def folder_metadata(mode, xattrs):
    return gvariant.pack("(uuua(ayay))", (0, 0, swapped(stat.S_IFDIR | mode), xattrs))


def file_checksum(mode, content, link, xattrs, uid=0, gid=0):
    header = gvariant.pack("(uuuusa(ayay))", (swapped(uid), swapped(gid), swapped(mode), 0, link, xattrs))
    return sha256(struct.pack(">II", len(header), 0) + header + content)


def commit(metadata, parent, time, tree, tree_metadata):
    """`metadata`: [(key, (type, value))…]."""
    big_endian_time = struct.unpack("<Q", struct.pack(">Q", time))[0]
    return gvariant.pack(COMMIT, (metadata, bytes.fromhex(parent), [], "", "", big_endian_time, bytes.fromhex(tree),
                                  bytes.fromhex(tree_metadata)))


class Repository:
    """A repository of mode bare, read without libostree."""

    def __init__(self, path):
        self.path = path

    def object_path(self, checksum, kind):
        return os.path.join(self.path, "objects", checksum[:2], f"{checksum[2:]}.{kind}")

    def object(self, checksum, kind):
        with open(self.object_path(checksum, kind), "rb") as file:
            return file.read()

    def ref(self, name):
        with open(os.path.join(self.path, "refs/heads", name), encoding="ascii") as file:
            return file.read()

    def refs(self, prefix):
        top = os.path.join(self.path, "refs/heads", prefix)
        return sorted(os.path.relpath(os.path.join(folder, name), os.path.join(self.path, "refs/heads"))
                      for folder, _, names in os.walk(top) for name in names)

    def checksum_on_disk(self, checksum):
        """Of the file object as it lies there: owner, mode, extended attributes and content."""
        path = self.object_path(checksum, "file")
        about = os.lstat(path)
        xattrs = [(name.encode() + b"\0", os.getxattr(path, name, follow_symlinks=False))
                  for name in sorted(os.listxattr(path, follow_symlinks=False))]
        link, content = "", b""
        if stat.S_ISLNK(about.st_mode):
            link = os.readlink(path)
        else:
            with open(path, "rb") as file:
                content = file.read()
        return file_checksum(about.st_mode, content, link, xattrs, about.st_uid, about.st_gid)
