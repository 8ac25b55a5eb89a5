"""The texts of an .xlsx: entities, and the workbook's table of shared strings kept small."""

from __future__ import annotations

import re
from collections.abc import Iterable

from students.imports.package import Archive, feed, parser

LONGEST_ITEM = 8 << 20


class Unusual(Exception):
    """The fast reader does not know this way of writing XML; expat has to read it."""


_ENTITY = re.compile(r"&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|(amp|lt|gt|quot|apos));")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def _character(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name:
        return _NAMED[name]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code) if code < 0xD800 or 0xDFFF < code < 0x110000 else ""


def plain(text: str) -> str:
    """XML text as it reads: entities, and OOXML's own _x000D_."""
    return _ENTITY.sub(_character, _ESCAPED.sub(r"&#x\1;", text))


def decoded(escaped: bytes) -> str:
    text = escaped.decode()
    return plain(text) if "&" in text or "_x" in text else text


class Strings:
    """The workbook's shared strings as runs of 64, still bytes; the runs used last are kept as text.

    100,000 rows need some 20 MB. Rows mostly use strings in the order in which they are stored.
    """

    RUN = 64
    KEPT = 2048

    _PLAIN = re.compile(rb"<si><t(?: [^>]*)?>([^<]*)</t></si>")
    _PHONETIC = re.compile(rb"<rPh[ >].*?</rPh>|<phoneticPr[^>]*>", re.DOTALL)
    _TEXT = re.compile(rb"<t(?: [^>]*)?>([^<]*)</t>")

    def __init__(self, archive: Archive, part: str):
        self._runs: list[bytes] = []
        self._texts: list[bytes] = []  # of the run that is being filled
        self._kept: dict[int, list[str]] = {}
        if not part:
            return
        try:
            self._read(archive.chunks(part))
        except Unusual:
            self._runs.clear()
            self._texts.clear()
            self._parse(archive.chunks(part))
        self._pack(len(self._texts))

    def run(self, number: int) -> list[str]:
        """String n is run(n // 64)[n % 64]."""
        texts = self._kept.get(number)
        if texts is None:
            if len(self._kept) >= self.KEPT:
                self._kept.clear()
            run = self._runs[number].decode()
            texts = run.split("\n")
            if "&" in run or "_x" in run:
                texts = list(map(plain, texts))
            self._kept[number] = texts
        return texts

    def _add(self, texts: list[bytes]) -> None:
        self._texts += texts
        self._pack(len(self._texts) // self.RUN * self.RUN)

    def _pack(self, count: int) -> None:
        """The first `count` of the collected texts into runs. Line breaks inside a text become blanks."""
        for start in range(0, count, self.RUN):
            texts = self._texts[start : min(start + self.RUN, count)]
            run = b"\n".join(texts)
            if run.count(b"\n") >= len(texts):
                run = b"\n".join(text.replace(b"\n", b" ") for text in texts)
            self._runs.append(run)
        del self._texts[:count]

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
