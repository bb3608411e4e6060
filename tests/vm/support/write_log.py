"""What a machine wrote to its disk, write by write, and the disk as a power cut would have left it at any of them.

QEMU's blklogwrites driver keeps the log, in the format of the kernel's dm-log-writes (Documentation/admin-guide/
device-mapper/log-writes.rst): a superblock, then entries of one sector each with the data behind them, numbers
little-endian.

The modelled disk has a volatile cache: what was written before the last flush is on the medium; what was written since
may be there or not, in any order and each block by itself. That is more than killing QEMU with a write-back cache in
front of the image could do, which loses all of it or nothing, and one recorded run is cut at as many places as wanted.
"""

import os
import random
import struct
from dataclasses import dataclass

SECTOR = 512
BLOCK = 4096  # what a disk writes as one: a longer write may be torn at its multiples
MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD = 1, 2, 4
SUPERBLOCK, ENTRY = struct.Struct("<QQQI"), struct.Struct("<QQQQ")


@dataclass(frozen=True)
class Entry:
    offset: int  # of the disk, bytes
    size: int
    flags: int
    data: int  # where in the log it stands

    @property
    def flushes(self):
        return bool(self.flags & FLUSH)

    @property
    def writes(self):
        return self.size > 0 and not self.flags & DISCARD


class WriteLog:
    """Entries of a log, which may grow while it is read: position N is the place behind the first N entries."""

    def __init__(self, path):
        self.path = path
        self.entries = []
        self._file = open(path, "rb")
        self._end = SECTOR

    def close(self):
        self._file.close()

    def position(self):
        """Reads what has come since; returns the position behind it."""
        magic, version, _, sector = SUPERBLOCK.unpack(os.pread(self._file.fileno(), SUPERBLOCK.size, 0))
        if (magic, version, sector) != (MAGIC, 1, SECTOR):
            raise ValueError(f"{self.path} is no write log")
        while True:
            header = os.pread(self._file.fileno(), ENTRY.size, self._end)
            if len(header) < ENTRY.size or not any(header):  # nothing yet
                return len(self.entries)
            sector, sectors, flags, _ = ENTRY.unpack(header)
            entry = Entry(sector * SECTOR, sectors * SECTOR, flags, self._end + SECTOR)
            self.entries.append(entry)
            self._end = entry.data + (entry.size if entry.writes else 0)

    def flushed_at(self, position):
        """Position up to which everything is on the medium for certain when power is cut at `position`."""
        return next((n for n in range(position, 0, -1) if self.entries[n - 1].flushes), 0)

    def data(self, entry):
        return os.pread(self._file.fileno(), entry.size, entry.data)


class Medium:
    """A disk image that follows the log from its beginning: on() moves it to later positions only."""

    def __init__(self, log, image):
        self.log, self.image, self.at = log, image, 0

    def advance(self, position):
        """Everything before `position` is on the medium."""
        if position < self.at:
            raise ValueError(f"the medium is at {self.at}, past {position}")
        with open(self.image, "r+b") as disk:
            for entry in self.log.entries[self.at:position]:
                self._write(disk, entry)
        self.at = position

    def cut(self, position, copy, seed=None):
        """`copy`, an image with the contents of `image`, becomes the disk after a cut at `position`: of what wasn't
        flushed nothing is left, or with a seed some of it. Returns (blocks lost, blocks kept)."""
        chance = random.Random(seed) if seed is not None else None
        lost = kept = 0
        with open(copy, "r+b") as disk:
            for entry in self.log.entries[self.at:position]:
                if not entry.writes:
                    continue
                blocks = range(0, entry.size, BLOCK)
                if entry.flags & FUA:
                    survivors = list(blocks)
                else:
                    survivors = [b for b in blocks if chance.random() < 0.5] if chance else []
                data = self.log.data(entry) if survivors else b""
                for block in survivors:
                    disk.seek(entry.offset + block)
                    disk.write(data[block:block + BLOCK])
                kept += len(survivors)
                lost += len(blocks) - len(survivors)
        return lost, kept

    def _write(self, disk, entry):
        if entry.writes:
            disk.seek(entry.offset)
            disk.write(self.log.data(entry))
