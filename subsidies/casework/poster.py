"""公示海报: the same list for the wall, as a PDF of A4 or A3 pages."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from aidcases.paper import Printed, print_pdf
from subsidies.casework import noticelists, public
from subsidies.models import PublicNotice

TEMPLATE = Path(__file__).parent.parent / "poster.typ"
PAPERS = ("a4", "a3")
NARROW = frozenset({"序号", "年级", "班级", "等级", "金额（元）"})
NUMBERS = frozenset({"序号", "金额（元）"})


def poster(notice: PublicNotice, *, published: date, last: date, paper: str = "a4") -> Printed:
    """The poster as it would be printed for these days; only what the page shows. Raises Refused without a font."""
    heads = noticelists.heads(notice.kind)
    data = {
        "paper": paper,
        "title": notice.title,
        "office": notice.office.name,
        "intro": public.paragraphs(notice.intro),
        "facts": public.facts(notice, published, last),
        "heads": [{"label": head, "narrow": head in NARROW, "number": head in NUMBERS} for head in heads],
        "rows": noticelists.table(notice),
        "signed": f"{published.year}年{published.month}月{published.day}日",
    }
    return print_pdf(TEMPLATE, data)
