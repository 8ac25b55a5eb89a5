"""The texts of an .xlsx: entities, and the workbook's table of shared strings kept small."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from itertools import accumulate

from students.imports.package import Archive, feed, parser
from students.imports.source import DAMAGED, Refused

LONGEST_ITEM = 8 << 20


class Unusual(Exception):
    """The fast reader does not know this way of writing XML; expat has to read it."""


_ENTITY = re.compile(r"&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|(amp|lt|gt|quot|apos));")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def _character(match: re.Match[str]) -> str:
    code = int(match[1]) if match[1] else int(match[2], 16) if match[2] else 0
    if match[3]:
        return _NAMED[match[3]]
    return chr(code) if code < 0xD800 or 0xDFFF < code < 0x110000 else ""


def decoded(escaped: bytes) -> str:
    """XML text as it reads: entities, and OOXML's own _x000D_."""
    text = escaped.decode()
    if "&" in text:
        text = _ENTITY.sub(_character, text)
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


class Strings:
    """The workbook's shared strings as one run of bytes and their ends: 100,000 rows need some 20 MB."""

    _PLAIN = re.compile(rb"<si><t(?: [^>]*)?>([^<]*)</t></si>")
    _PHONETIC = re.compile(rb"<rPh[ >].*?</rPh>|<phoneticPr[^>]*>", re.DOTALL)
    _TEXT = re.compile(rb"<t(?: [^>]*)?>([^<]*)</t>")

    def __init__(self, archive: Archive, part: str):
        self._bytes = bytearray()
        self._ends = array("L", [0])
        if not part:
            return
        try:
            self._read(archive.chunks(part))
        except Unusual:
            self._bytes.clear()
            del self._ends[1:]
            self._parse(archive.chunks(part))

    def __getitem__(self, index: int) -> str:
        if index + 1 >= len(self._ends):
            raise Refused(DAMAGED)
        return decoded(bytes(self._bytes[self._ends[index] : self._ends[index + 1]]))

    def _add(self, texts: list[bytes]) -> None:
        self._ends.extend(accumulate(map(len, texts), initial=self._ends.pop()))
        self._bytes += b"".join(texts)

    def _read(self, chunks: Iterable[bytes]) -> None:
        rest = b""
        for chunk in chunks:
            block, separator, rest = (rest + chunk).rpartition(b"</si>")
            block += separator
            if b"<!" in block or len(rest) > LONGEST_ITEM or block.count(b"<si") != block.count(b"</si>"):
                raise Unusual
            texts = self._PLAIN.findall(block)
            if len(texts) != block.count(b"</si>"):
                items = self._PHONETIC.sub(b"", block).split(b"</si>")[:-1]
                texts = [b"".join(self._TEXT.findall(item)) for item in items]
            self._add(texts)
        if b"<si" in rest or b":sst" in rest or b"<!" in rest:
            raise Unusual

    def _parse(self, chunks: Iterable[bytes]) -> None:
        parts: list[str] = []
        state = {"text": False, "phonetic": False}

        def start(name: str, _: dict[str, str]) -> None:
            local = name.rpartition(":")[2]
            state["text"] = local == "t" and not state["phonetic"]
            state["phonetic"] = state["phonetic"] or local == "rPh"

        def end(name: str) -> None:
            local = name.rpartition(":")[2]
            state["text"] = False
            state["phonetic"] = state["phonetic"] and local != "rPh"
            if local == "si":
                self._add(["".join(parts).replace("&", "&amp;").encode()])
                parts.clear()

        parsing = parser()
        parsing.StartElementHandler, parsing.EndElementHandler = start, end
        parsing.CharacterDataHandler = lambda text: parts.append(text) if state["text"] else None
        feed(parsing, chunks)
