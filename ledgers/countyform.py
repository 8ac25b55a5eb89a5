"""An office's own form of a ledger: taken in, its columns matched, kept as a version, withdrawn."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Max

from aidcases import audit, crypto, sql
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import current_actor, current_scope
from aidcases.spans import of_terms
from aidcases.terms import Term
from ledgers.areas import Area
from ledgers.definition import Ledger
from ledgers.formfile import LIMITS, Described
from ledgers.models import CountyForm, LedgerIssue
from ledgers.placeholders import Part, Path, understood
from students.imports.sandbox import started
from students.imports.source import Refused as NotReadable

FOLDER = "forms"
NOT_ALLOWED = "您的角色不能设置表样。"
NOT_XLSX = "请上传 .xlsx 格式的表样。旧格式（.xls、.et）请用 Excel 或 WPS 打开，另存为 .xlsx。"
GONE = "表样文件丢失或被改动，请重新上传并告诉管理员。"
SAVED_TWICE = "这份表样已经保存过了。"
SHOWN_WRONG = 12


@dataclass(frozen=True)
class Shape:
    """The sheets of a ledger as a form sees them: name → heading paths."""

    tables: Mapping[str, Sequence[Path]]

    def names(self, table: str) -> list[str]:
        return [path[-1] for path in self.tables[table]]


def shape(ledger: Ledger, term: Term, area: Area) -> Shape:
    return Shape({table.name: [column.path for column in table.columns] for table in ledger.tables(term, area)})


def mine(ledger: str) -> list[CountyForm]:
    """The own office's forms of a ledger in use, the newest first: what an issue may be written into."""
    return list(CountyForm.objects.in_use().filter(path=current_scope().path, ledger=ledger).order_by("-version"))


def in_memory(upload: UploadedFile) -> BinaryIO:
    """The upload as a file without a name, which the limited process may open."""
    file = os.fdopen(os.memfd_create("form", os.MFD_CLOEXEC), "w+b")
    for chunk in upload.chunks(1 << 20):
        file.write(chunk)
    file.flush()
    return file


def looked_at(file: BinaryIO) -> Described:
    """What the limited process sees in a form. Raises Refused with what to do about it."""
    try:
        with started({"task": "ledgers.formfile"}, file, LIMITS) as child:
            child.input.close()
            return child.result()["form"]
    except NotReadable as wrong:
        raise Refused(*wrong.reasons) from None


def receive(ledger: Ledger, form: Shape, upload: UploadedFile) -> CountyForm:
    """Takes a form in for the own office, not yet saved, its columns as its placeholders and headings say. Raises Refused:
    a file that is none or not harmless; every placeholder that is not known, by its cell."""
    if not current_actor().may(P.LEDGER_ISSUE):
        raise Refused(NOT_ALLOWED)
    name = crypto.mask_numbers((upload.name or "表样.xlsx").strip())[-200:]
    if not name.lower().endswith(".xlsx"):
        raise Refused(NOT_XLSX)
    with in_memory(upload) as file:
        seen = looked_at(file)
        found = understood(seen, form.tables)
        if found.wrong:
            more = len(found.wrong) - SHOWN_WRONG
            raise Refused(*found.wrong[:SHOWN_WRONG], *([f"另有 {more} 处。"] if more > 0 else []))
        file.seek(0)
        stored, sha256 = seal(file.read())
    made = CountyForm(
        path=current_scope().path, ledger=ledger.code, filename=name, stored=stored, sha256=sha256, seen=seen,
        plan=[part.as_json() for part in found.parts], made_by=current_actor().name,
    )  # fmt: skip
    try:
        made.save()
    except BaseException:
        (settings.FILES / stored).unlink(missing_ok=True)
        raise
    audit.record("form.received", subject=made, code=ledger.code, sha256=sha256)
    return made


def seal(content: bytes) -> tuple[str, str]:
    """(name among the stored files, SHA-256 of the content)."""
    stored = f"{FOLDER}/{secrets.token_hex(16)}"
    target = settings.FILES / stored
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return stored, crypto.write_sealed(target, [content])


def parts(form: CountyForm) -> list[Part]:
    return [Part.of(told) for told in form.plan]


def open_form(form: CountyForm) -> BinaryIO:
    """The uploaded file, in memory only. Raises Refused when it is gone or was changed."""
    try:
        return crypto.open_sealed(settings.FILES / form.stored)
    except (OSError, crypto.SealBroken):
        raise Refused(GONE) from None


@transaction.atomic
def save(form: CountyForm, form_of: Shape, chosen: Mapping[tuple[str, int], str], *, now: datetime) -> CountyForm:
    """Keeps the columns chosen ((sheet, column) → heading, "" for none) as the next version; of a version that is kept
    already a new one of the same file. Raises Refused."""
    if not current_actor().may(P.LEDGER_ISSUE) or form.path != current_scope().path:
        raise Refused(NOT_ALLOWED)
    plan = [_chosen(part, form_of, chosen) for part in parts(form)]
    if not any(part.columns for part in plan):
        raise Refused("至少要有一列对应台账的内容。")
    sql.lock("county_form", form.path, form.ledger)
    if form.saved_at is not None:
        if plan == parts(form):
            raise Refused("没有改动，不用再存一版。")
        form.pk, form._state.adding = None, True
        form.withdrawn_at, form.withdrawn_by = None, ""
    elif not CountyForm.objects.select_for_update().filter(pk=form.pk, saved_at=None).exists():
        raise Refused(SAVED_TWICE)
    kept = CountyForm.objects.filter(path=form.path, ledger=form.ledger)
    form.version = (kept.aggregate(last=Max("version"))["last"] or 0) + 1
    form.plan = [part.as_json() for part in plan]
    form.saved_at, form.saved_by = now, current_actor().name
    form.save()
    audit.record("form.saved", subject=form, code=form.ledger, version=form.version)
    return form


def _chosen(part: Part, form_of: Shape, chosen: Mapping[tuple[str, int], str]) -> Part:
    """The part with the columns a clerk has chosen; a column not asked about stays as it is."""
    known = set(form_of.names(part.table)) if part.table in form_of.tables else set()
    columns = dict(part.columns)
    for (sheet, at), name in chosen.items():
        if sheet != part.sheet:
            continue
        if name and name not in known:
            raise Refused(f"“{part.table}”没有“{name}”这一列，请从列表里选。")
        columns.pop(at, None)
        if name:
            columns[at] = name
    return Part(part.sheet, part.table, part.row, dict(sorted(columns.items())), part.constant)


@transaction.atomic
def withdraw(form: CountyForm, *, now: datetime) -> None:
    """No issue is written into it any more; those that were stay. One that was never saved goes with its file."""
    if not current_actor().may(P.LEDGER_ISSUE) or form.path != current_scope().path:
        raise Refused(NOT_ALLOWED)
    if form.saved_at is None:
        audit.record("form.dropped", subject=form, code=form.ledger)
        stored = form.stored
        form.delete()
        transaction.on_commit(lambda: (settings.FILES / stored).unlink(missing_ok=True))
        return
    changed = CountyForm.objects.in_use().filter(pk=form.pk).update(withdrawn_at=now, withdrawn_by=current_actor().name)
    if not changed:
        raise Refused("这份表样已经停用。")
    audit.record("form.withdrawn", subject=form, code=form.ledger, version=form.version)


def used_by(form: CountyForm) -> int:
    """Issues in sight that were written into it."""
    return LedgerIssue.objects.finished().filter(form=form).count()


def unused(form: CountyForm, form_of: Shape) -> list[str]:
    """Sheets of the ledger that the form leaves out."""
    return [name for name in form_of.tables if name not in {part.table for part in parts(form)}]


def told_of(
    issue: LedgerIssue, *, notes: Sequence[str], unit: str, rows: int, certificate: str, day: datetime
) -> dict[str, str]:
    """What the fields of a form stand for in an issue."""
    span = of_terms(issue.term)
    year = span.terms[-1].school_year
    return {
        "标题": issue.title,
        "填报单位": issue.reported_by,
        "填报时间": f"{day.year}年{day.month}月{day.day}日",
        "学期": span.label,
        "学年": f"{year}—{year + 1}学年",
        "范围": issue.area_name,
        "单位": unit,
        "用途": issue.purpose,
        "生成人": issue.requested_by,
        "行数": f"{rows:,}",
        "说明": "\n".join(notes),
        "校验码": certificate,
    }
