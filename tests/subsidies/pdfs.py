"""The text of a PDF as typst writes it, page by page, and the fonts it embeds; any other PDF is beyond this."""

from __future__ import annotations

import re
import zlib

ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
PLAIN = rb"\\.|[^\\()]"
NESTED = rb"\((?:" + PLAIN + rb"|\((?:" + PLAIN + rb")*\))*\)"  # balanced brackets stand in a string as they are
SHOWN = re.compile(rb"/(f\d+) [\d.]+ Tf|\(((?:" + PLAIN + rb"|" + NESTED + rb")*)\)|<([0-9A-F]+)>", re.S)


class Pdf:
    """`pages`: the text of each, without blanks. `fonts`: name → whether its outlines lie in the file."""

    def __init__(self, content: bytes):
        assert content.startswith(b"%PDF-")
        table = content[int(re.search(rb"startxref\s+(\d+)", content)[1]) :]
        starts = sorted(int(at) for at in re.findall(rb"(\d{10}) \d{5} n", table))
        bodies = [content[at:end] for at, end in zip(starts, [*starts[1:], len(content)], strict=True)]
        self.objects = {int(body.split(b" ", 1)[0]): body for body in bodies}
        self.pages = [self._text(page) for page in self.objects.values() if re.search(rb"/Type\s*/Page\b", page)]
        embedded = {name for o in self.objects.values() if b"/FontFile" in o for name in _names(o, b"FontName")}
        composite = [o for o in self.objects.values() if b"/Subtype/CIDFont" in o]
        self.fonts = {name: name in embedded for o in composite for name in _names(o, b"BaseFont")}

    def _at(self, inside: bytes, key: bytes) -> bytes:
        return self.objects[int(re.search(rb"/%s (\d+) 0 R" % key, inside)[1])]

    def _stream(self, inside: bytes) -> bytes:
        head, _, body = inside.partition(b"stream\n")
        return zlib.decompressobj().decompress(body) if b"/FlateDecode" in head else body

    def _text(self, page: bytes) -> str:
        resources = self._at(page, b"Resources")
        known = {name: self._shapes(self.objects[int(n)]) for name, n in re.findall(rb"/(f\d+) (\d+) 0 R", resources)}
        words, font = [], {}
        for name, string, digits in SHOWN.findall(self._stream(self._at(page, b"Contents"))):
            font = known[name] if name else font
            codes = bytes.fromhex(digits.decode()) or re.sub(rb"\\([0-7]{1,3}|.)", _unescaped, string, flags=re.S)
            words += [font[codes[at : at + 2]] for at in range(0, len(codes), 2)]
        return re.sub(r"\s", "", "".join(words))

    def _shapes(self, font: bytes) -> dict[bytes, str]:
        """Code of a shape → what it reads as."""
        pairs = re.findall(rb"<([0-9A-F]{4})> <([0-9A-F]+)>", self._stream(self._at(font, b"ToUnicode")))
        return {bytes.fromhex(code.decode()): bytes.fromhex(text.decode()).decode("utf-16-be") for code, text in pairs}


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8)]) if code.isdigit() else ESCAPES.get(code, code)


def _names(inside: bytes, key: bytes) -> list[bytes]:
    return re.findall(rb"/%s/([^/\s>]+)" % key, inside)
