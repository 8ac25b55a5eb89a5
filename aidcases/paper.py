"""Pages to print: typst sets a template with data into a PDF/A whose Chinese font is embedded, never with empty boxes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typst

from aidcases.flow import Refused

# The same typeface under the names it is distributed by.
FAMILIES = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN")
NO_FONT = "服务器上没有中文字体，不能打印。请管理员安装思源黑体（apt-get install fonts-noto-cjk），再重新启动系统。"
UNPRINTABLE = "＿"  # to be filled in by hand
_NO_SHAPE = "could not be displayed"


@dataclass(frozen=True)
class Printed:
    """`blanks`: characters that no font here has; their places stay empty, to be filled in by hand."""

    pdf: bytes
    pages: int
    blanks: str


def print_pdf(template: Path, data: dict[str, Any]) -> Printed:
    """Sets the template; it reads `data` (JSON) from sys.inputs.data, the font's name from data.font.

    Raises Refused where there is no Chinese font. Nothing touches the disk.
    """
    text = json.dumps({**data, "font": _family()}, ensure_ascii=False)
    blanks = "".join(unprintable("".join(sorted(set(_characters(data))))))
    text = text.translate({ord(each): UNPRINTABLE for each in blanks})
    pdf = _set(str(template), text)
    return Printed(pdf, len(re.findall(rb"/Type\s*/Page\b", pdf)), blanks)


def _set(source: str | bytes, text: str) -> bytes:
    """PDF/A: there typst refuses to print a box for a character without a shape. Untagged: it is for paper, and a
    thousand pages are a sixth of the size."""
    return typst.compile(
        source, sys_inputs={"data": text}, font_paths=fonts(), ignore_system_fonts=True, pdf_standards="a-2b",
        pdf_tags=False,
    )  # fmt: skip


@cache
def fonts() -> typst.Fonts:
    """The fonts of this machine, looked up once per process."""
    return typst.Fonts(include_embedded_fonts=False)


def _family() -> str:
    present = fonts().families()
    for family in FAMILIES:
        if family in present:
            return family
    raise Refused(NO_FONT)


def _characters(data: Any) -> Iterable[str]:
    """Every character that stands somewhere in the data."""
    if isinstance(data, str):
        yield from data
    elif isinstance(data, dict | list):
        for part in data.values() if isinstance(data, dict) else data:
            yield from _characters(part)


def unprintable(characters: str) -> list[str]:
    """Those of the characters that no font here has a shape for."""
    try:
        _set(f'#set text(font: "{_family()}")\n#sys.inputs.data'.encode(), characters)
    except typst.TypstError as problem:
        if _NO_SHAPE not in str(problem):
            raise
        if len(characters) == 1:
            return [characters]
        half = len(characters) // 2
        return unprintable(characters[:half]) + unprintable(characters[half:])
    return []
