"""Which sheet of a file is the roster, and where its heading stands; else what to ask the clerk. In the limited process."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from aidcases.crypto import Keyring
from students.imports import headings
from students.imports.cells import LONGEST, Value, clean
from students.imports.columns import Kind
from students.imports.edited import EDITS, ISSUE, ROW_KEY
from students.imports.headings import Heading
from students.imports.kinds import KINDS
from students.imports.source import Asked, Refused, Sheet

HEAD_ROWS = 20
MOST_SHEETS = 20  # that a clerk can choose from

NO_SHEET = "文件里没有可见的工作表。请另存为 .xlsx 后重新上传。"
NO_ROWS = "表头下面没有数据。请填好名单后重新上传。"
NO_TEXT = "表里没有文字，所以没有找到表头。名单如果是图片，请打成表格后重新上传。"


@dataclass(frozen=True)
class Choice:
    """What a clerk said of a file: the sheet's name, the last row of its heading, how many rows that has, and field →
    label of its column."""

    sheet: str
    heading_row: int
    heading_rows: int
    mapping: dict[str, str]


@dataclass(frozen=True)
class Looked:
    """The first rows of a sheet, its heading if one was found, and whether a row with content follows that."""

    sheet: Sheet
    head: list[headings.TextRow]
    heading: Heading | None
    has_rows: bool


@dataclass(frozen=True)
class Chosen:
    """`looked`: sealed, what the page of columns shows. `looks_like`: the code of the kind the file seems to be instead.
    `issue`: the number of the ledger's issue that the file says it is."""

    sheet: Sheet
    heading: Heading
    looked: str
    looks_like: str
    issue: int | None


def shown(value: Value) -> str:
    return clean((value.decode(errors="replace") if isinstance(value, bytes) else value or "")[:LONGEST])


def _look(kind: Kind, sheet: Sheet, saved: dict[str, dict[str, str]], choice: Choice | None) -> Looked:
    head: list[headings.TextRow] = []
    later = False
    for number, raws in sheet.rows():
        texts = [shown(sheet.value(raw)) for raw in raws]
        if any(texts):
            later = len(head) >= HEAD_ROWS
            if later:
                break
            head.append((number, texts))
    if choice is None:
        heading = headings.find(kind, head, saved)
    elif choice.sheet == sheet.name:
        heading = headings.told(kind, head, choice.heading_row, choice.heading_rows, choice.mapping)
    else:
        heading = None
    return Looked(sheet, head, heading, later or bool(heading and head[-1][0] > heading.row))


def choose(
    kind: Kind, sheets: list[Sheet], ring: Keyring, *, saved: dict[str, dict[str, str]], choice: Choice | None
) -> Chosen:
    """The sheet whose headings name most fields, or the one a clerk chose.

    Raises Asked when a clerk has to say which sheet or columns are meant, Refused when nobody could.
    """
    if not sheets:
        raise Refused(NO_SHEET)
    looks = [_look(kind, sheet, saved, choice) for sheet in sheets]
    if not any(look.head for look in looks):
        raise Refused(NO_TEXT)
    found = [look for look in looks if look.heading and not look.heading.missing]
    filled = [look for look in found if look.has_rows]
    if found and not filled:
        raise Refused(NO_ROWS)
    best = max(filled, key=_score, default=None)
    other = "" if choice else looks_like(kind, looks, best)
    if best is None or best.heading is None:
        raise _asked(kind, looks, ring, _what_is_missing(kind, looks), other)
    alike = [look.sheet.name for look in filled if _score(look) == _score(best)]
    if len(alike) > 1:
        names = "”“".join(alike)
        raise _asked(kind, looks, ring, f"工作表“{names}”都像是{kind.title}。请选一张，或只保留一张后重新上传。", other)
    return Chosen(best.sheet, best.heading, _sealed(looks, ring), other, _issue(looks))


def _issue(looks: list[Looked]) -> int | None:
    """What stands beside 生成记录 on a ledger's sheet 核验."""
    lines = (texts for look in looks for _, texts in look.head if texts[0] == ISSUE and len(texts) > 1)
    return next((int(texts[1]) for texts in lines if re.fullmatch("[0-9]{1,15}", texts[1])), None)


def _score(look: Looked) -> tuple[bool, bool, int]:
    return look.heading.score if look.heading else (False, False, 0)


def _asked(kind: Kind, looks: list[Looked], ring: Keyring, sentence: str, other: str) -> Refused:
    """Asked, unless the file has too few columns or rows for this kind and is no other either. The columns of a sheet
    that this system exported are its own: nobody has to say which is which."""
    wide = max(sum(map(bool, texts)) for look in looks for _, texts in look.head)
    is_list = any(len(look.head) > 1 for look in looks)
    if other:
        sentence = f"看起来是{KINDS[other].title}，不是{kind.title}。请改选名单种类。"
    elif not is_list or wide < len(kind.needed) or kind.own:
        return Refused(sentence)
    return Asked(sentence, _sealed(looks, ring), other)


def _fullest(head: list[headings.TextRow]) -> int:
    """The first row with most cells filled: where a heading nobody knows most likely stands."""
    return max(head, key=lambda row: sum(map(bool, row[1])))[0]


def _sealed(looks: list[Looked], ring: Keyring) -> str:
    """The first rows of the sheets with their numbers masked, sealed: they lie in the database until the file goes."""
    told: list[dict[str, Any]] = [
        {
            "name": look.sheet.name,
            "row": look.heading.row if look.heading else _fullest(look.head),
            "height": look.heading.height if look.heading else 1,
            "rows": [(number, [headings.hidden(text) for text in texts[: headings.MOST_SHOWN]]) for number, texts in look.head],
        }
        for look in sorted(looks, key=_score, reverse=True)[:MOST_SHEETS]
        if look.head
    ]
    return base64.b64encode(ring.seal(json.dumps(told, ensure_ascii=False))).decode()


MORE = 3  # fields more than the kind at hand has, and twice as many


def looks_like(kind: Kind, looks: list[Looked], best: Looked | None) -> str:
    """The code of the kind a file seems to be instead of this one; "" when it may well be what it is said to be.

    A list of few demands (disabled people: name and ID) fits almost every file, so a file that fits is still held against
    the others: one that knows far more of its columns, or all that this one knows and some besides.
    """
    if best and best.heading and best.heading.is_told:
        return ""
    if not kind.own and any(ROW_KEY in texts for look in looks for _, texts in look.head):
        return EDITS.code  # a ledger's 数据版: it is compared with what was exported
    own = set(best.heading.columns.values()) if best and best.heading else set()
    least = max((len(look.heading.columns) for look in looks if look.heading), default=0)  # when nothing fits
    found: dict[str, int] = {}
    for other in KINDS.values():
        heads = (headings.find(other, look.head) for look in ([best] if best else looks))
        known = max((set(head.columns.values()) for head in heads if head and not head.missing), key=len, default=set())
        many = len(known) >= max(len(own) + MORE, 2 * len(own))
        more = many or (known > own and not kind.either) if own else len(known) > least
        if other.code != kind.code and known and more:
            found[other.code] = len(known)
    return max(found, key=lambda code: found[code], default="")


def _what_is_missing(kind: Kind, looks: list[Looked]) -> str:
    best = max((look.heading for look in looks if look.heading), key=lambda heading: heading.score, default=None)
    if best is None:
        return f"没有找到表头。{kind.title}的表头要有：{'、'.join(kind.needed)}。请补上后重新上传。"
    missing = "”“".join(best.missing)
    seen = [title for title in best.titles if title]
    listed = "、".join(seen[:30]) + ("等" if len(seen) > 30 else "")
    return f"{kind.title}缺少“{missing}”这一列。文件里的列有：{listed}。请补上这一列或改好列名后重新上传。"
