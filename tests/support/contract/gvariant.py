"""GVariant's normal form (https://developer.gnome.org/documentation/specifications/gvariant-specification-1.0.html),
little endian, as far as OSTree and rpm-ostree use it: y b u t s v, arrays, tuples, dictionary entries."""
import struct

FIXED = {"y": (1, "B"), "b": (1, "B"), "u": (4, "I"), "t": (8, "Q")}


def cut(text):
    """The complete types that a type string consists of."""
    types = []
    while text:
        end = 0
        while text[end] == "a":
            end += 1
        if text[end] in "({":
            depth = 0
            while True:
                depth += text[end] in "({"
                depth -= text[end] in ")}"
                if depth == 0:
                    break
                end += 1
        types.append(text[:end + 1])
        text = text[end + 1:]
    return types


def alignment(kind):
    if kind[0] in "({":
        return max(alignment(member) for member in cut(kind[1:-1]))
    if kind[0] == "a":
        return alignment(kind[1:])
    return {"s": 1, "v": 8}.get(kind) or FIXED[kind][0]


def fixed_size(kind):
    """In bytes, None when it depends on the value."""
    if kind in FIXED:
        return FIXED[kind][0]
    if kind[0] not in "({":
        return None
    size = 0
    for member in cut(kind[1:-1]):
        if fixed_size(member) is None:
            return None
        size += -size % alignment(member) + fixed_size(member)
    return size + -size % alignment(kind)


def framed(body, ends):
    """The body and its framing offsets, of the smallest size that can express the whole."""
    for size, code in ((1, "B"), (2, "H"), (4, "I"), (8, "Q")):
        whole = len(body) + size * len(ends)
        if whole < 1 << (8 * size):
            return bytes(body) + b"".join(struct.pack("<" + code, end) for end in ends)
    raise ValueError("too long")


class Packed(bytes):
    """A value that is serialised already."""


def pack(kind, value):
    if isinstance(value, Packed):
        return value
    if kind in FIXED:
        return struct.pack("<" + FIXED[kind][1], value)
    if kind == "s":
        return value.encode() + b"\0"
    if kind == "v":
        inner, content = value
        return pack(inner, content) + b"\0" + inner.encode()
    body, ends = bytearray(), []
    if kind[0] == "a":
        member = kind[1:]
        if member == "y":
            return bytes(value)
        for element in value:
            body += bytes(-len(body) % alignment(member)) + pack(member, element)
            ends.append(len(body))
        return bytes(body) if fixed_size(member) is not None else framed(body, ends)
    members = cut(kind[1:-1])
    for index, (member, element) in enumerate(zip(members, value)):
        body += bytes(-len(body) % alignment(member)) + pack(member, element)
        if fixed_size(member) is None and index < len(members) - 1:
            ends.append(len(body))
    if fixed_size(kind) is not None:
        return bytes(body + bytes(-len(body) % alignment(kind)))
    return framed(body, ends[::-1])


def offset_size(length):
    return next(size for size in (1, 2, 4, 8) if length < 1 << (8 * size))


def parts(kind, data):
    """The serialised members of an array or a tuple with members of variable size."""
    size = offset_size(len(data))

    def offset(index):  # counted from the end
        at = len(data) - size * (index + 1)
        return int.from_bytes(data[at:at + size], "little")

    if kind[0] == "a":
        member = kind[1:]
        if not data:
            return []
        if fixed_size(member) is not None:
            step = fixed_size(member)
            return [data[at:at + step] for at in range(0, len(data), step)]
        count = (len(data) - offset(0)) // size
        found, begin = [], 0
        for index in range(count):
            begin += -begin % alignment(member)
            end = offset(count - 1 - index)
            found.append(data[begin:end])
            begin = end
        return found
    members, found, begin, used = cut(kind[1:-1]), [], 0, 0
    variable = [index for index, member in enumerate(members) if fixed_size(member) is None]
    trailer = size * sum(index < len(members) - 1 for index in variable)
    for index, member in enumerate(members):
        begin += -begin % alignment(member)
        if fixed_size(member) is not None:
            end = begin + fixed_size(member)
        elif index == len(members) - 1:
            end = len(data) - trailer
        else:
            end, used = offset(used), used + 1
        found.append(data[begin:end])
        begin = end
    return found


def dictionary(data):
    """a{sv} → {key: (type, serialised value)} in its order."""
    result = {}
    for entry in parts("a{sv}", data):
        key, variant = parts("{sv}", entry)
        at = variant.rindex(b"\0")
        result[key[:-1].decode()] = (variant[at + 1:].decode(), bytes(variant[:at]))
    return result
