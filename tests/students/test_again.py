"""The same bytes a second time: what was read is taken over, what depends on the system is looked at anew."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from students.imports import again, pipeline
from students.models import ImportFile
from tests import make
from tests.personas import TERM, World
from tests.students.spreadsheets import xlsx

HEAD = ["学校标识码", "姓名", "身份证号", "年级", "就读方式"]


def bring(county: World, path: Path, kind: str = "roll") -> ImportFile:
    return pipeline.run_now(kind=kind, path=path, term=TERM, office=county.here.office, commit_too=True)


def ciphers(file: ImportFile) -> list[bytes | None]:
    """Sealed anew, no number has the same ciphertext twice."""
    return [cipher and bytes(cipher) for cipher in file.rows.order_by("number").values_list("id_cipher", flat=True)]


def states(file: ImportFile) -> list[tuple]:
    return list(file.rows.order_by("number").values_list("state", "reasons", "cells", "warnings"))


def test_what_was_read_is_taken_over_only_as_long_as_it_holds(county: World, tmp_path: Path):
    code, number = county.here.primary.code, make.id_number()
    lines = [
        [code, "新来甲", number, "三年级", "住校"],
        [code, "新来乙", make.id_number(), "四年级", "走读"],
        [code, "新来丙", "620123", "四年级", "走读"],
        ["2162999999", "新来丁", make.id_number(), "四年级", "走读"],
    ]
    path = tmp_path / "学籍.xlsx"
    path.write_bytes(xlsx([HEAD, *lines]))
    first, second = bring(county, path), bring(county, path)
    assert ciphers(second) == ciphers(first)
    assert [state for state, *_ in states(first)] == ["new", "new", "rejected", "rejected"]
    assert [state for state, *_ in states(second)] == ["unchanged", "unchanged", "rejected", "rejected"]
    assert [told[1:] for told in states(second)] == [told[1:] for told in states(first)]
    assert second.summary == first.summary
    # A school that is known by now: the row that was sent back counts, without being read again.
    school = make.school(place="620123100", name="新建小学")
    type(school)._base_manager.filter(pk=school.pk).update(code="2162999999")
    third = bring(county, path)
    assert (ciphers(third), third.counts["new"], third.counts["rejected"]) == (ciphers(first), 1, 1)
    # Read on another day, by another program, of other bytes, or since a number was merged: read anew.
    ImportFile.objects.filter(kind="roll").update(summary=first.summary | {again.READ_BY: "2020-01-01 x"})
    assert ciphers(bring(county, path)) != ciphers(first)
    other = tmp_path / "又一份.xlsx"
    other.write_bytes(xlsx([HEAD, *lines, [code, "新来戊", make.id_number(), "四年级", "走读"]]))
    last = bring(county, other)
    assert last.counts["unchanged"] == 3
    assert again.read_before(last, date.today()) == last
    last.rows.filter(number=2).update(warnings=["merged number"])
    assert again.read_before(last, date.today()) is None
