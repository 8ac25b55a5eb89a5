"""Pictures and drawn shapes of an office's form, carried through as they stand: openpyxl leaves them out. Those below the
sample row move down with what they lie on; so do comments. Needs no Django."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO
from xml.etree import ElementTree

from ledgers.xmlsheet import Growth

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
DRAWING_TYPE = "application/vnd.openxmlformats-officedocument.drawing+xml"
MIMES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "bmp": "image/bmp", "emf": "image/x-emf",
    "wmf": "image/x-wmf", "tif": "image/tiff", "tiff": "image/tiff", "svg": "image/svg+xml",
}  # fmt: skip
PREFIX = r"(?:\w+:)?"
ANCHOR = re.compile(rf"<({PREFIX}(?:oneCell|twoCell)Anchor)\b.*?</\1>", re.DOTALL)
ANCHOR_ROW = re.compile(rf"(<{PREFIX}row>)(\d+)(</{PREFIX}row>)")
COMMENT_ROW = re.compile(rf'(<{PREFIX}comment\b[^>]*? ref="[A-Z]+)(\d+)()')
NOTE_ROW = re.compile(r"(<\w+:Row>)(\d+)(</\w+:Row>)")
AFTER = re.compile(r"(?=<(?:legacyDrawing|legacyDrawingHF|picture|tableParts|extLst)\b|</worksheet>)")


@dataclass(frozen=True)
class Drawing:
    """What is drawn on a sheet: its XML, and the pictures it names by relation."""

    xml: str
    pictures: Mapping[str, tuple[str, bytes]]  # relation → (ending, content)


class NotCarried(Exception):
    """The drawing holds what reaches further than a picture: a chart, a link."""


def drawings(archive: zipfile.ZipFile) -> dict[str, Drawing | None]:
    """Sheet → what is drawn on it, None for what can't be carried; sheets without drawings are left out."""
    found: dict[str, Drawing | None] = {}
    for title, part in sheet_parts(archive).items():
        for kind, target, _ in _relations(archive, part).values():
            if kind == "drawing":
                try:
                    found[title] = _drawing(archive, target)
                except (NotCarried, KeyError, UnicodeDecodeError):
                    found[title] = None
    return found


def sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Sheet → its part of the package."""
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    named = _relations(archive, "xl/workbook.xml")
    sheets = [each for each in book.iter() if each.tag.endswith("}sheet")]
    told = {each.get("name", ""): next((v for k, v in each.attrib.items() if k.endswith("}id")), "") for each in sheets}
    return {title: named[key][1] for title, key in told.items() if key in named and named[key][0] == "worksheet"}


def _relations(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str, bool]]:
    """Relation → (kind, part, whether it leads out of the file)."""
    folder, name = posixpath.split(part)
    try:
        tree = ElementTree.fromstring(archive.read(f"{folder}/_rels/{name}.rels"))
    except KeyError:
        return {}
    return {
        each.get("Id", ""): (
            each.get("Type", "").rpartition("/")[2],
            posixpath.normpath(posixpath.join("/", folder, each.get("Target", ""))).lstrip("/"),
            each.get("TargetMode") == "External",
        )
        for each in tree
    }


def _drawing(archive: zipfile.ZipFile, part: str) -> Drawing:
    pictures = {}
    for key, (kind, target, outside) in _relations(archive, part).items():
        ending = target.rpartition(".")[2].lower()
        if kind != "image" or outside or ending not in MIMES:
            raise NotCarried
        pictures[key] = (ending, archive.read(target))
    return Drawing(archive.read(part).decode("utf-8-sig"), pictures)


def of_file(file: IO[bytes]) -> dict[str, Drawing]:
    """What can be carried of a file."""
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        found = drawings(archive)
    file.seek(0)
    return {title: drawing for title, drawing in found.items() if drawing}


def marked(xml: bytes, drawing: Drawing | None) -> bytes:
    """A sheet's XML that names its drawing."""
    if drawing is None:
        return xml
    return AFTER.sub(f'<drawing xmlns:r="{OFFICE}" r:id="kept"/>', xml.decode(), count=1).encode()


def carry(parts: dict[str, bytes], sheets: Sequence[Drawing | None], growths: Sequence[Growth]) -> None:
    """Adds the drawings to the parts of a workbook, in the order of its sheets, and moves what lies below the rows."""
    for at, (drawing, growth) in enumerate(zip(sheets, growths, strict=True), 1):
        _move_comments(parts, at, growth)
        if drawing is not None:
            _add(parts, at, drawing, growth)


def _add(parts: dict[str, bytes], at: int, drawing: Drawing, growth: Growth) -> None:
    rels = f"xl/worksheets/_rels/sheet{at}.xml.rels"
    _relate(parts, rels, "kept", "drawing", f"/xl/drawings/kept{at}.xml")
    parts[f"xl/drawings/kept{at}.xml"] = ANCHOR.sub(lambda found: _moved(found[0], growth), drawing.xml).encode()
    for number, (key, (ending, content)) in enumerate(drawing.pictures.items(), 1):
        picture = f"xl/media/kept{at}-{number}.{ending}"
        parts[picture] = content
        _relate(parts, f"xl/drawings/_rels/kept{at}.xml.rels", key, "image", f"/{picture}")
    types = parts["[Content_Types].xml"].decode()
    new = f'<Override PartName="/xl/drawings/kept{at}.xml" ContentType="{DRAWING_TYPE}"/>'
    for ending in dict.fromkeys(ending for ending, _ in drawing.pictures.values()):
        if f'Extension="{ending}"' not in types:
            types = re.sub(r"(<Types\b[^>]*>)", rf'\1<Default Extension="{ending}" ContentType="{MIMES[ending]}"/>', types)
    parts["[Content_Types].xml"] = types.replace("</Types>", f"{new}</Types>").encode()


def _relate(parts: dict[str, bytes], name: str, key: str, kind: str, target: str) -> None:
    before = parts.get(name, f'<Relationships xmlns="{PACKAGE}"></Relationships>'.encode()).decode()
    new = f'<Relationship Id="{key}" Type="{OFFICE}/{kind}" Target="{target}"/>'
    parts[name] = before.replace("</Relationships>", f"{new}</Relationships>").encode()


def _moved(anchor: str, growth: Growth) -> str:
    """A picture keeps its size: both its corners move as the upper one does."""
    top = ANCHOR_ROW.search(anchor)
    by = growth.row(int(top[2]) + 1) - int(top[2]) - 1 if top else 0
    return ANCHOR_ROW.sub(lambda found: f"{found[1]}{int(found[2]) + by}{found[3]}", anchor)


def _move_comments(parts: dict[str, bytes], at: int, growth: Growth) -> None:
    rels = parts.get(f"xl/worksheets/_rels/sheet{at}.xml.rels", b"").decode()
    for target in re.findall(r'Target="/?((?:xl/)[^"]+)"', rels):
        name = target.lstrip("/")
        if name.startswith("xl/comments/"):
            _rewrite(parts, name, COMMENT_ROW, growth.row)
        elif name.endswith(".vml"):
            _rewrite(parts, name, NOTE_ROW, lambda row: growth.row(row + 1) - 1)


def _rewrite(parts: dict[str, bytes], name: str, place: re.Pattern[str], moved: Callable[[int], int]) -> None:
    text = place.sub(lambda found: f"{found[1]}{moved(int(found[2]))}{found[3]}", parts[name].decode())
    parts[name] = text.encode()
