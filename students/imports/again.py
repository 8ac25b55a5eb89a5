"""The same bytes a second time: what was read of them before is taken over instead of being read anew.

Only where reading could not come to anything else: the same office, kind, choice of columns and spelling of the name, on
the same day, by the same program, and without numbers or places that later changes of the system would read otherwise.
Everything that depends on the system's data is checked anew, as for any file.
"""

from __future__ import annotations

import hashlib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from aidcases import sql
from students.enums import RosterKind
from students.imports import upper
from students.imports.reader import Summary
from students.models import ImportFile, SavedMapping

READ_BY = "read_by"  # in a file's summary: the day and the program that read it

_COPIED = (
    "number, reasons, cells, warnings, name, id_hash, id_last4, id_cipher, sex, birth_on, second_hash, second_last4, "
    "second_cipher, phone_hash, phone_cipher, number_hash, number_last4, number_cipher, data, initials"
)
# Rows come as they were after the last look at them, and the checks look at such rows in any case. Most will be unchanged.
_TAKE_OVER = f"""
    INSERT INTO students_importrow (file_id, state, changes, {_COPIED})
    SELECT %(file)s, CASE WHEN state IN ('new', 'changed') THEN 'unchanged' ELSE state END, '{{}}', {_COPIED}
    FROM students_importrow WHERE file_id = %(before)s ORDER BY number
"""

# A number that was merged since, or a place that was not known then, would be read otherwise now.
_IS_STALE = """
    WITH merged AS MATERIALIZED (SELECT p.id_hash FROM students_personalias a JOIN students_person p ON p.id = a.person_id)
    SELECT EXISTS (SELECT FROM students_importrow r WHERE r.file_id = %(before)s AND NOT r.warnings = '{}'
        AND r.warnings && ARRAY['unknown region', 'merged number']::varchar[])
    OR EXISTS (SELECT FROM merged m JOIN students_importrow r ON m.id_hash IN (r.id_hash, r.second_hash)
        WHERE r.file_id = %(before)s) AS stale
"""


@cache
def _program() -> str:
    """A digest of the program's reading part."""
    here = Path(__file__).parent
    parts = sorted([*here.glob("*.py"), *here.glob("*.txt")])
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:32]


def read_by(today: date) -> str:
    """Day and program, as a summary keeps them."""
    return f"{today.isoformat()} {_program()}"


def read_before(file: ImportFile, today: date) -> ImportFile | None:
    """A committed file whose rows are what reading `file` would give."""
    if file.kind in (RosterKind.EDITS, *upper.KINDS):  # their rows keep more than was read
        return None
    alike = ImportFile.objects.committed().filter(
        sha256=file.sha256, kind=file.kind, path=file.path, choice=file.choice, **{f"summary__{READ_BY}": read_by(today)}
    )
    before = alike.order_by("-pk").first()
    if before is None or Path(before.filename).suffix.lower() != Path(file.filename).suffix.lower():
        return None
    mappings = SavedMapping.objects.filter(office=file.office_id, kind=file.kind, saved_at__gt=before.uploaded_at)
    if mappings.exists() or sql.one(_IS_STALE, {"before": before.pk})["stale"]:
        return None
    return before


def take_over(file: ImportFile, before: ImportFile) -> dict[str, Any]:
    """Its rows as those of `file`; returns its summary."""
    sql.run(_TAKE_OVER, {"file": file.pk, "before": before.pk})
    told = Summary.__dataclass_fields__.keys() | {READ_BY}
    return {name: value for name, value in before.summary.items() if name in told}
