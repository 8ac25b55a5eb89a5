"""The roll of the term before, cut out of the term's: so that a school of the demo has a past to look back at."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from aidcases.terms import Term
from students.demo.families import GRADES
from students.demo.workbook import OneSheet

CODE, GRADE = "学校标识码", "年级"


def roll_before(roll: Path, folder: Path, *, school: str, term: Term, before: Term) -> Path:
    """A roll of the term `before` with those of the term's pupils of a school who were there already: in another school
    year a grade lower, without the first grade."""
    import openpyxl  # a fifth of a second, and every command imports this module

    path = folder / "上学期学籍.xlsx"
    lower = before.school_year < term.school_year
    made = OneSheet(path)
    with closing(openpyxl.load_workbook(roll, read_only=True)) as book:
        head, *rows = book.worksheets[0].iter_rows(values_only=True)
    made.append(head)
    code, grade = head.index(CODE), head.index(GRADE)
    for row in rows:
        was = _lower(row[grade]) if lower else row[grade]
        if row[code] == school and was:
            made.append((*row[:grade], was, *row[grade + 1 :]))
    made.close()
    return path


def _lower(grade: str) -> str:
    """The grade of a year before at the same stage, or ""."""
    labels = next((labels for _, labels in GRADES.values() if grade in labels), (grade,))
    place = labels.index(grade)
    return labels[place - 1] if place else ""
