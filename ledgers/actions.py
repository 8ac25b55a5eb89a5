"""Asking for an issue of a ledger, and making it: written in private, sealed, then recorded, so never half a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.db.models import F, Value
from django.utils import timezone

from aidcases import audit, crypto, jobs, sql
from aidcases.flow import Refused
from aidcases.jobs import Cancelled, Running
from aidcases.models import Job, Organisation
from aidcases.models.records import JobState
from aidcases.roles import P
from aidcases.scoping import EVERYWHERE, acting_in, current_actor, current_scope
from aidcases.spans import Span, of_terms, terms_of
from aidcases.terms import Term
from ledgers import returning
from ledgers.areas import Area, area_at
from ledgers.definition import Ledger, Listing, Table
from ledgers.definitions import LEDGERS
from ledgers.models import CountyForm, LedgerIssue, Submission
from ledgers.returning import Kept
from ledgers.storing import attempt
from ledgers.workbook import Head, Kind, Look, Sheet, Written, write_workbook
from subsidies.giving.common import said as without_numbers
from subsidies.models import ComputeRun

DIGESTS = ("facts_digest", "rules_digest", "result_digest", "certificate")
UNMASK_REFUSED = "您的角色不能导出完整证件号码，请去掉该选项，或请审核人、负责人生成。"
NOT_HANDED_UP = "这份台账还没有上报，由生成单位保管，上级不能下载；请让其上报。"
UNMASKED_REFUSED = "这份台账含完整证件号码，您的角色不能下载，请审核人或负责人办理。"
NOT_COMPUTED = "本学期还没有测算，表中没有资助项目和金额。"
PARTLY_COMPUTED = "没有按全范围测算过，表中只有下级单位各自测算的资助项目和金额。"
MASKED_NOTE = "证件号码、学籍号、残疾证号只显示后四位，联系电话不显示。"
NOT_OURS_NOTE = "“***”为家庭所在地单位登记的内容，本单位不可见。"
MANIFEST = "核验"
PLACE = "ledgers"  # folder of the sealed files


class UnknownLedger(ValueError):
    """Its text lists the codes there are."""


def ledger_named(code: str) -> Ledger:
    if code not in LEDGERS:
        known = "、".join(f"{ledger.code}（{ledger.title}）" for ledger in LEDGERS.values())
        raise UnknownLedger(f"没有代码为“{code}”的台账，可用：{known}。")
    return LEDGERS[code]


@transaction.atomic
def request_issue(
    ledger: Ledger, when: Term | Span, area: Area, *, purpose: str, flat: bool = False, unmasked: bool = False,
    form: CountyForm | None = None,
) -> LedgerIssue:  # fmt: skip
    """Queues an issue for whoever acts, in the system's look or into a form of the own office. The same request again,
    while it is under way, is the same issue.

    Raises Refused without a purpose, outside the own area, without the right to issue or to clear numbers.
    """
    actor, scope, purpose = current_actor(), current_scope(), without_numbers(purpose, 120)
    unmasked = unmasked and ledger.personal
    wrong = {
        "您的角色不能生成台账。": not actor.may(P.LEDGER_ISSUE),
        UNMASK_REFUSED: unmasked and not actor.may(P.LEDGER_UNMASK),
        "请写明用途，例如：报送市教育局。": not purpose,
        "只能生成本单位范围内的台账。": not area.path.startswith(scope.path),
        "这份表样不是本单位正在使用的，请重新选择版式。": form is not None
        and (flat or not form.in_use or form.path != scope.path or form.ledger != ledger.code),
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    sql.lock("ledger.requested", scope.path, ledger.code, when.code, area.path)
    job = jobs.enqueue(
        "ledgers.issue", label=f"生成《{ledger.title}》{area.name}", once=True, ledger=ledger.code, term=when.code,
        area=area.path, flat=flat, unmasked=unmasked, purpose=purpose, **({"form": form.pk} if form else {}),
    )  # fmt: skip
    if issue := LedgerIssue.objects.filter(job_id=job.pk).first():
        return issue
    issue = LedgerIssue(
        ledger=ledger.code, title=ledger.heading(when, area), term=when.code, path=scope.path, area_path=area.path,
        area_name=area.name, flat=flat, unmasked=unmasked, purpose=purpose, reported_by=_office(area),
        requested_by=actor.name, job_id=job.pk, form=form,
    )  # fmt: skip
    issue.save()
    told = {"term": when.code, "area": area.path, "unmasked": unmasked, "flat": flat, "purpose": purpose}
    told |= {"form": form.pk} if form else {}
    audit.record("ledger.requested", subject=issue, code=ledger.code, **told)
    return issue


def _office(area: Area) -> str:
    """填报单位: the office whose member asks; for the system the office of the area."""
    mine = Organisation.objects.filter(pk=current_actor().office_id).first()
    return mine.name if mine else area.reported_by


def generate(job: Running) -> dict[str, Any]:
    """The job: the issue's file, then its record. Once recorded it is done, however often the job comes again."""
    issue = LedgerIssue.objects.get(job_id=job.job.pk)
    if issue.finished_at is None:
        with (
            attempt(PLACE, issue.pk, job.job, ".xlsx") as at,
            returning.kept(issue, ledger_named(issue.ledger), at.folder) as kept,
        ):
            made = _write(issue, file := at.folder / "ledger.xlsx", job, kept)
            job.progress(made.rows, made.rows, "加密保存")
            with at.sealed(file) as sha256:
                _record(issue, job.job, made, at.stored.name, sha256, kept)
        issue.refresh_from_db()
    return result_of(issue)


def result_of(issue: LedgerIssue) -> dict[str, Any]:
    """What job and command report: {"rows", "totals": {heading: total}, "issue", "sha256"}."""
    totals = {name: dict(total) if isinstance(total, list) else total for name, total in issue.totals}
    return {"rows": issue.rows, "totals": totals, "issue": issue.pk, "sha256": issue.sha256}


@contextmanager
def _one_moment() -> Iterator[None]:
    """A transaction that sees one state of the database throughout: the figures and the computation they stand on."""
    alone = not transaction.get_connection().in_atomic_block
    with transaction.atomic():
        if alone:
            sql.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # All rows are read, so the plan must be good for all, not for the first tenth as cursors are planned.
        sql.run("SET LOCAL cursor_tuple_fraction = 1")
        sql.run("SET LOCAL work_mem = '128MB'")
        yield


@dataclass(frozen=True)
class Made:
    """What the writing found out, to be recorded with the file."""

    run: ComputeRun | None
    rows: int
    totals: list[list[Any]]


def _write(issue: LedgerIssue, path: Path, job: Running, kept: Kept | None) -> Made:
    """Writes the workbook to `path`, all its sheets from one state of the database."""
    ledger, span, area = ledger_named(issue.ledger), of_terms(issue.term), area_at(issue.area_path)
    when = ledger.of(span)
    with _one_moment():
        run = newest_run(terms_of(when)[-1], area)
        tables = ledger.tables(when, area)
        job.progress(0, sum(table.size() for table in tables), "写入表格")
        if issue.form:
            return _write_form(issue, path, job, run, tables)
        heads = [issue.title, *(f"{issue.title}{table.name}" for table in tables[1:])]
        sheets = [
            table.sheet(None if issue.flat else _look(issue, ledger, table, head), unmasked=issue.unmasked)
            for table, head in zip(tables, heads, strict=True)
        ]
        if kept:  # what stands on a second sheet is told of the rows of the first
            sheets[0] = kept.sheet(tables[0], unmasked=issue.unmasked)
        sheets.append(_manifest(issue, run, tables))
        written = write_workbook(path, sheets, properties=_properties(issue, run), progress=job.progress)
    return Made(run, sum(written.rows[:-1]), _totals(tables, written))


def _write_form(issue: LedgerIssue, path: Path, job: Running, run: ComputeRun | None, tables: list[Table]) -> Made:
    """The office's own form filled; what it leaves out is counted all the same, so that issues compare."""
    # openpyxl: a sixth of the time a command takes to start
    from ledgers import countyform
    from ledgers.filling import Filling, totals_of

    ledger, day = ledger_named(issue.ledger), timezone.localtime()
    look = _look(issue, ledger, tables[0], issue.title)
    certificate = run.certificate if run else ""
    told = countyform.told_of(
        issue, notes=look.notes, unit=ledger.unit, rows=tables[0].size(), certificate=certificate, day=day
    )
    filling = Filling({table.name: table for table in tables}, told, look.mark, issue.unmasked)
    with countyform.open_form(issue.form) as file:
        filled = filling.into(
            path, file, countyform.parts(issue.form), _manifest(issue, run, tables), _properties(issue, run),
            job.progress, office=issue.reported_by, day=day.date(),
        )  # fmt: skip
    rows = {table.name: filled.rows[table.name] if table.name in filled.rows else table.size() for table in tables}
    sums = []
    for table in tables:
        own: dict[str, Any] = dict(filled.totals.get(table.name, {}))
        wanted = [column.name for column in table.columns if column.total]
        known = own if isinstance(table, Listing) and set(wanted) <= set(own) else totals_of(table)
        sums.append({name: known[name] for name in wanted})
    return Made(run, sum(rows.values()), _totals(tables, Written([*rows.values(), 0], "", [*sums, {}])))


def newest_run(term: Term, area: Area) -> ComputeRun | None:
    """The newest finished computation that covers the area, also one by an office above: only digests leave it."""
    with acting_in(EVERYWHERE, current_actor()):
        runs = ComputeRun.objects.filter(term=term.code, finished_at__isnull=False)
        covering = runs.annotate(area=Value(area.path)).filter(area__startswith=F("path"))
        return covering.order_by("-pk").first()


def uncomputed(when: Term | Span, area: Area) -> str:
    """What to say of an area where no computation covers a term; "" where every term is covered."""
    told = {term.label: _uncomputed(term, area) for term in terms_of(when) if not newest_run(term, area)}
    return "".join(told.values()) if isinstance(when, Term) else "".join(f"{name}：{said}" for name, said in told.items())


def _uncomputed(term: Term, area: Area) -> str:
    """Whether a part of it was computed."""
    parts = ComputeRun.objects.filter(term=term.code, finished_at__isnull=False, path__startswith=area.path)
    return PARTLY_COMPUTED if parts.exists() else NOT_COMPUTED


def _look(issue: LedgerIssue, ledger: Ledger, table: Table, title: str) -> Look:
    span, area = of_terms(issue.term), area_at(issue.area_path)
    when = ledger.of(span)
    notes = [*ledger.period(span), *ledger.notes(when, area, table.name)]
    masks = any(column.masked is not None for column in table.columns)
    notes += [MASKED_NOTE] if masks and not issue.unmasked else []
    notes += [NOT_OURS_NOTE] if ledger.personal and area.is_school else []
    terms = terms_of(when)
    notes += [f"{f'{term.label}：' if len(terms) > 1 else ''}{_based_on(term, area)}" for term in terms]
    mark = _mark(issue) if ledger.personal else ""
    return Look(title, issue.reported_by, timezone.localdate(), ledger.unit, tuple(notes), mark=mark)


def _based_on(term: Term, area: Area) -> str:
    if run := newest_run(term, area):
        return f"依据 {timezone.localtime(run.finished_at):%Y-%m-%d %H:%M} 的测算，校验码 {run.certificate[:16]}。"
    return _uncomputed(term, area)


def _mark(issue: LedgerIssue) -> str:
    """Who, when, what for: printed at the head of every page, and the first line of the manifest."""
    now = timezone.localtime()
    return f"{issue.requested_by} {now:%Y-%m-%d %H:%M} 生成，用途：{issue.purpose[:40]}，第 {issue.pk} 号，含个人信息不得外传"


def _manifest(issue: LedgerIssue, run: ComputeRun | None, tables: list[Table]) -> Sheet:
    """The sheet that says what the file is, for whoever finds it; what proves it is the stored issue. Hidden, but where a
    数据版 holds people, which has no head of a page to say whose it is.
    """
    personal = ledger_named(issue.ledger).personal
    told = [
        *([("注意", _mark(issue))] if personal else []),
        *_properties(issue, run).items(),
        ("名称", issue.title),
        ("版式", issue.layout),
        ("号码", "完整" if issue.unmasked else "后四位"),
        ("填报单位", issue.reported_by),
        ("生成人", issue.requested_by),
        ("用途", issue.purpose),
        *((f"行数（{table.name}）", str(table.size())) for table in tables),
        *((name, getattr(run, name)) for name in DIGESTS[:3] if run),
    ]
    heads = (Head(("项目",), 24, Kind.TEXT), Head(("内容",), 70, Kind.TEXT))
    return Sheet(MANIFEST, heads, [list(each) for each in told], None, hidden=not (issue.flat and personal))


def _properties(issue: LedgerIssue, run: ComputeRun | None) -> dict[str, str]:
    found = {"台账": issue.ledger, "学期": issue.term, "范围": issue.area_path, "生成记录": str(issue.pk)}
    return {**found, "测算校验码": run.certificate} if run else found


def _totals(tables: list[Table], written: Written) -> list[list[Any]]:
    """[heading, total] in the order of the columns; a further sheet's totals stand as one entry under its name."""
    found: list[list[Any]] = []
    for number, (table, sums) in enumerate(zip(tables, written.totals[:-1], strict=True)):
        columns = [column for column in table.columns if column.total]
        totals = [[c.name, _total(c.kind, total)] for c, total in zip(columns, sums.values(), strict=True)]
        found += totals if number == 0 else [[table.name, totals]]
    return found


def _total(kind: Kind, total: Decimal | int | None) -> int | str:
    """People as a number, yuan as text with two decimals."""
    return f"{total or 0:.2f}" if kind is Kind.MONEY else int(total or 0)


def _record(issue: LedgerIssue, job: Job, made: Made, stored: str, sha256: str, kept: Kept | None) -> None:
    """Makes the issue downloadable, if the job is still ours, as the next link of its chain; what a 数据版 said beside it."""
    with transaction.atomic():
        sql.lock("ledger.issued", issue.path, issue.ledger, issue.term, issue.area_path)
        ours = Job.objects.select_for_update().filter(pk=job.pk, claim=job.claim, state=JobState.RUNNING)
        before = LedgerIssue.objects.chain_of(issue).first()
        run = made.run
        certified = {name: getattr(run, name) for name in DIGESTS} | {
            "run_id": run.pk, "computed_at": run.finished_at,
        } if run else {}  # fmt: skip
        recorded = bool(ours) and LedgerIssue.objects.filter(pk=issue.pk, finished_at=None).update(
            finished_at=timezone.now(), rows=made.rows, totals=made.totals, sha256=sha256, stored=stored,
            filename=_filename(issue), previous=before, previous_sha256=before.sha256 if before else "", **certified,
        )  # fmt: skip
        if not recorded:
            raise Cancelled
        if kept:
            kept.keep()
        audit.record("ledger.issued", subject=issue, code=issue.ledger, term=issue.term, rows=made.rows, sha256=sha256)


def _filename(issue: LedgerIssue) -> str:
    """榆中县建档立卡…台账（2018—2019学年秋季学期）上报版 12.xlsx, without what file systems refuse."""
    return re.sub(r'[\\/:*?"<>|\s]+', "_", f"{issue.title}{issue.layout}_{issue.pk}.xlsx")


def in_hand(issue: LedgerIssue) -> bool:
    """Whether the file is for the office of whoever acts: its own, or handed up to an office above."""
    own = issue.path == current_scope().path or current_actor().all_powers
    return own or Submission.objects.filter(issue=issue).exists()


def open_file(issue: LedgerIssue) -> BinaryIO:
    """The issue's file in clear, in memory only. Raises Refused when there is none, or it may not be seen."""
    if issue.finished_at is None:
        raise Refused("这份台账还没有生成好，不能下载。")
    if not in_hand(issue):
        raise Refused(NOT_HANDED_UP)
    if issue.unmasked and not current_actor().may(P.LEDGER_UNMASK):
        raise Refused(UNMASKED_REFUSED)
    try:
        return crypto.open_sealed(settings.FILES / PLACE / issue.stored)
    except (OSError, crypto.SealBroken):
        raise Refused("台账文件丢失或被改动，不能下载，请重新生成并告诉管理员。") from None
