"""Screenshots small enough to keep beside the text: a palette instead of true colour, packed as tightly as zlib can."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import chain

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = 256


def small(png: bytes) -> bytes:
    """A picture of 8-bit RGB or RGBA, as browsers make them, in its 256 most frequent colours."""
    chunks = list(_chunks(png))
    width, height, _depth, kind = struct.unpack(">IIBB", chunks[0][1][:10])
    step = {2: 3, 6: 4}[kind]
    packed = zlib.decompress(b"".join(data for name, data in chunks if name == b"IDAT"))
    rows = list(_unfiltered(packed, width * step, step))
    pixels = [[row[at : at + 3] for at in range(0, len(row), step)] for row in rows]
    counted = Counter(chain.from_iterable(pixels))
    palette = [colour for colour, _ in counted.most_common(COLOURS)]
    place = {colour: number for number, colour in enumerate(palette)}
    for colour in counted.keys() - place.keys():
        place[colour] = min(range(COLOURS), key=lambda number: _distance(palette[number], colour))
    body = b"".join(b"\0" + bytes(place[pixel] for pixel in row) for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = [(b"IHDR", head), (b"PLTE", b"".join(palette)), (b"IDAT", zlib.compress(body, 9)), (b"IEND", b"")]
    return SIGNATURE + b"".join(_chunk(name, data) for name, data in parts)


def _distance(one: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(png):
        size, name = struct.unpack(">I4s", png[at : at + 8])
        yield name, png[at + 8 : at + 8 + size]
        at += size + 12


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _unfiltered(packed: bytes, length: int, step: int) -> Iterator[bytes]:
    """The rows as they were before each was written as differences (PNG specification, section 9)."""
    above = bytearray(length)
    for at in range(0, len(packed), length + 1):
        how, row = packed[at], bytearray(packed[at + 1 : at + 1 + length])
        for i in range(length) if how else ():
            left = row[i - step] if i >= step else 0
            corner = above[i - step] if i >= step else 0
            row[i] = (row[i] + _guess(how, left, above[i], corner)) & 255
        yield bytes(row)
        above = row


def _guess(how: int, left: int, above: int, corner: int) -> int:
    if how == 1:
        return left
    if how == 2:
        return above
    if how == 3:
        return (left + above) // 2
    distances = [(abs(left + above - corner - value), rank, value) for rank, value in enumerate((left, above, corner))]
    return min(distances)[2]
