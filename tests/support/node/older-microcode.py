#!/usr/bin/env python3
"""Cuts the last patch off each AMD microcode container named, so that it is a valid container of an older release.

Container format (Linux: arch/x86/kernel/cpu/microcode/amd.c): u32 magic 0x00414d44, an equivalence table (u32 type 0,
u32 size, data), then one section a patch (u32 type 1, u32 size, data). A file may hold several containers.
"""
import struct
import sys

MAGIC, PATCH = 0x00414D44, 1


def sections(data):
    """Offsets of all patch sections."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind == MAGIC:
            at += 4
            continue
        if kind == PATCH:
            yield at
        at += 8 + size


cut = 0
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        content = file.read()
    patches = list(sections(content))
    if len(patches) > 1:
        with open(path, "wb") as file:
            file.write(content[: patches[-1]])
        cut += 1
if not cut:
    sys.exit("older-microcode: no container with more than one patch")
