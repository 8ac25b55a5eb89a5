"""The zip and XML of an .xlsx: nothing is unpacked before its sizes are checked, and no DTD is read."""

from __future__ import annotations

import io
import os
import posixpath
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import Any
from xml.parsers import expat

from students.imports.source import DAMAGED, TOO_LARGE, UNSAFE, Limits, Refused

CHUNK = 1 << 16
SMALL_PART = 8 << 20  # workbook.xml, relations, styles
MOST_PARTS = 2000
MOST_RATIO = 300  # a sheet of repeated rows reaches about 100
BOMB = 16 << 20  # below this a ratio says nothing

MACROS = "这个文件带有宏，不能上传。请另存为“Excel 工作簿（.xlsx）”后重新上传。"
ENCRYPTED = "文件设有打开密码。请取消密码，另存为 .xlsx 后重新上传。"
OTHER_FORMAT = "这不是 Excel 表格（.xlsx）。请用 Excel 或 WPS 打开，另存为 .xlsx 后重新上传。"


class Positioned(io.RawIOBase):
    """A file with a position of its own, so that two processes can read one descriptor."""

    def __init__(self, path: str):
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._size = os.fstat(self._descriptor).st_size
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + (0, self._place, self._size)[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        count = os.preadv(self._descriptor, [buffer], self._place)
        self._place += count
        return count

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


class Archive:
    """The parts of an .xlsx, checked before anything is unpacked."""

    def __init__(self, path: str, limits: Limits):
        try:
            self.zip = zipfile.ZipFile(io.BufferedReader(Positioned(path), CHUNK))
            self.parts = {info.filename.lstrip("/"): info for info in self.zip.infolist()}
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
            raise Refused(DAMAGED) from None
        self._check(limits)

    def _check(self, limits: Limits) -> None:
        infos = self.zip.infolist()
        if any(info.flag_bits & 1 for info in infos):
            raise Refused(ENCRYPTED)
        swollen = any(i.file_size > BOMB and i.file_size > MOST_RATIO * max(i.compress_size, 1) for i in infos)
        if swollen or len(infos) > MOST_PARTS or sum(info.file_size for info in infos) > limits.unpacked:
            raise Refused(TOO_LARGE)
        names = {name.lower() for name in self.parts}
        if "[content_types].xml" not in names or "xl/workbook.bin" in names:
            raise Refused(OTHER_FORMAT)
        if any(name.endswith("vbaproject.bin") for name in names) or b"macroEnabled" in self.small(
            "[Content_Types].xml"
        ):
            raise Refused(MACROS)

    def chunks(self, name: str) -> Iterator[bytes]:
        """A part piece by piece. zipfile unpacks no more than the declared size and then checks the sum."""
        info = self.parts.get(name)
        if info is None:
            raise Refused(DAMAGED)
        try:
            with self.zip.open(info) as part:
                while chunk := part.read(CHUNK):
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
            raise Refused(DAMAGED) from None

    def small(self, name: str) -> bytes:
        info = self.parts.get(name)
        if info is not None and info.file_size > SMALL_PART:
            raise Refused(TOO_LARGE)
        return b"".join(self.chunks(name))


def _refuse_doctype(*_: Any) -> None:
    raise Refused(UNSAFE)


def parser() -> Any:
    """An expat parser that refuses any DTD, and with it every entity of the file's own."""
    made = expat.ParserCreate()
    made.buffer_text = True
    made.StartDoctypeDeclHandler = _refuse_doctype
    return made


def elements(data: bytes) -> list[tuple[str, dict[str, str]]]:
    """All elements of a small part as (local name, attributes by local name)."""
    found: list[tuple[str, dict[str, str]]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        local = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        found.append((name.rpartition(":")[2], local))

    parsing = parser()
    parsing.StartElementHandler = start
    try:
        parsing.Parse(data, True)
    except expat.ExpatError:
        raise Refused(DAMAGED) from None
    return found


def relations(archive: Archive, part: str) -> list[tuple[str, str, str]]:
    """(id, type's last word, target part) of a part's relations."""
    folder, _, name = part.rpartition("/")
    path = posixpath.join(folder, "_rels", f"{name}.rels")
    if path not in archive.parts:
        return []
    found = []
    for element, attributes in elements(archive.small(path)):
        if element == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "").replace("\\", "/")
            target = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
            kind = attributes.get("Type", "").rpartition("/")[2]
            found.append((attributes.get("Id", ""), kind, posixpath.normpath(target)))
    return found


def feed(parsing: Any, chunks: Iterable[bytes], *, final: bool = True) -> None:
    try:
        for chunk in chunks:
            parsing.Parse(chunk)
        if final:
            parsing.Parse(b"", True)
    except expat.ExpatError:
        raise Refused(DAMAGED) from None
