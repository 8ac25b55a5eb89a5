"""What the tests of the pages share: a browser per persona, a file as the pipeline leaves it."""

from __future__ import annotations

from typing import Any

from students.models import ImportFile
from tests.personas import TERM, World

COUNTS = {"rows": 6, "new": 1, "changed": 1, "unchanged": 1, "review": 1, "rejected": 2, "reasons": {"name": 1, "checksum": 2}}
SUMMARY = {
    "rows": 6, "rejected": 2, "sheet": "名单", "heading_row": 3, "headings": ["姓名", "身份证件号", "备注"],
    "mapping": {"name": "姓名", "id": "身份证件号"}, "unused": ["备注"],
}  # fmt: skip


def imported(county: World, *, kind: str = "roll", state: str = "previewed", **values: Any) -> ImportFile:
    """A file of the county's office as the pipeline leaves it in that state."""
    office = county.here.office
    usual = {
        "term": TERM.code, "office": office, "path": office.path, "filename": "名单.xlsx", "sha256": "0" * 64,
        "stored": "imports/none", "uploaded_by": "甲经办", "counts": COUNTS, "summary": SUMMARY,
    }  # fmt: skip
    file = ImportFile(kind=kind, state=state, **usual | values)
    file.save()
    return file
