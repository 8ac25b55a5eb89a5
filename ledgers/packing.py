"""上报汇总包: what the offices below handed up for a period, with index, roll-up, ranking and the report of the situation.
Written in private, sealed, then recorded: never half an archive."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from aidcases import audit, crypto, jobs, sql
from aidcases.flow import Refused
from aidcases.jobs import Cancelled, Running
from aidcases.models import Job, Region
from aidcases.models.records import JobState
from aidcases.roles import P
from aidcases.scoping import current_actor, current_scope
from ledgers import submitting
from ledgers.actions import UNMASKED_REFUSED, open_file
from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from ledgers.models import Bundle, Submission
from ledgers.schedules import Period, parse
from ledgers.sheets import Head, Kind, Look, Sheet
from ledgers.situation import Printed, paragraphs, printed, said
from ledgers.storing import attempt
from ledgers.submitting import Board
from ledgers.workbook import write_workbook
from subsidies.giving.common import said as without_numbers

PLACE = "bundles"  # folder of the sealed files
SUMMARY = "aid-summary"
INDEX_FILE, TEXT_FILE, PAPER_FILE, FOLDER = "目录和汇总.xlsx", "情况汇报.txt", "情况汇报.pdf", "台账"


@transaction.atomic
def request_bundle(rhythm: str, code: str, *, purpose: str) -> Bundle:
    """Queues the pack of a period for whoever acts; the same request again, while it is under way, is the same pack.
    Raises Refused without a purpose, without the right to receive, for a period nobody had to report for."""
    actor, scope, purpose = current_actor(), current_scope(), without_numbers(purpose, 120)
    period = _period(rhythm, code)
    wrong = {
        "您的角色不能汇总下级上报的台账。": not actor.may(P.LEDGER_RECEIVE),
        "请写明用途，例如：月调度会。": not purpose,
        "这个期间没有要下级上报的台账。": not submitting.below().filter(rhythm=rhythm, period=code).exists(),
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    sql.lock("bundle.requested", scope.path, rhythm, code)
    job = jobs.enqueue("ledgers.bundle", label=f"汇总{period.said}", once=True, rhythm=rhythm, period=code, purpose=purpose)
    if bundle := Bundle.objects.filter(job_id=job.pk).first():
        return bundle
    bundle = Bundle(
        path=scope.path, rhythm=rhythm, period=code, title=f"{_place(scope.path)}{period.said}汇总", purpose=purpose,
        unmasked=actor.may(P.LEDGER_UNMASK), requested_by=actor.name, job_id=job.pk,
    )  # fmt: skip
    bundle.save()
    audit.record("bundle.requested", subject=bundle, rhythm=rhythm, period=code, purpose=purpose)
    return bundle


def _period(rhythm: str, code: str) -> Period:
    try:
        return parse(rhythm, code)
    except ValueError:
        raise Refused("请选择期间。") from None


def _place(path: str) -> str:
    region = Region.objects.filter(path=path).first()
    return region.name if region else ""


@dataclass(frozen=True)
class Came:
    """A due item of the period and what was handed up for it, None when nothing stands. of: the key of the office; names
    of schools occur twice."""

    of: int
    office: str
    ledger: str
    title: str
    status: submitting.Status
    due: int
    submission: Submission | None

    @property
    def withheld(self) -> bool:
        return self.submission is not None and self.submission.issue.unmasked


def came_in(board: Board) -> list[Came]:
    """Office by office, in the order of the board's columns."""
    keys = [cell.due.pk for cell in board.cells]
    standing = Submission.objects.standing().filter(due__in=keys).select_related("issue")
    found = {submission.due_id: submission for submission in standing}
    return [
        Came(
            line.office.pk, line.name, cell.due.ledger,
            LEDGERS[cell.due.ledger].title if cell.due.ledger in LEDGERS else cell.due.ledger,
            cell.status, cell.due.pk, found.get(cell.due.pk),
        )
        for line in board.lines
        for cell in line.cells
        if cell
    ]  # fmt: skip


def generate(job: Running) -> dict[str, Any]:
    """The job: the archive, then its record. Once recorded it is done, however often the job comes again."""
    bundle = Bundle.objects.get(job_id=job.job.pk)
    if bundle.finished_at is None:
        with attempt(PLACE, bundle.pk, job.job, ".zip") as at:
            came, report = _write(bundle, at.folder, job)
            with at.sealed(at.folder / "bundle.zip") as sha256:
                _record(bundle, job.job, came, report, at.stored.name, sha256)
        bundle.refresh_from_db()
    return {"bundle": bundle.pk, "files": bundle.files, "sha256": bundle.sha256}


def _write(bundle: Bundle, folder: Path, job: Running) -> tuple[list[Came], dict[str, Any]]:
    board = submitting.board(timezone.localdate(), period=f"{bundle.rhythm}:{bundle.period}", path=bundle.path)
    came = came_in(board)
    taken = [each for each in came if each.submission and (bundle.unmasked or not each.withheld)]
    report = report_of(bundle, board, came)
    job.progress(0, len(taken) + 1, "收集台账")
    with zipfile.ZipFile(folder / "bundle.zip", "x", zipfile.ZIP_STORED) as archive:
        for number, each in enumerate(taken, 1):
            _add(archive, each)
            job.progress(number)
        _write_index(folder / "index.xlsx", bundle, came, report)
        archive.write(folder / "index.xlsx", INDEX_FILE)
        archive.writestr(TEXT_FILE, text_of(report))
        with suppress(Refused):  # a server without a Chinese font still packs what was handed up
            archive.writestr(PAPER_FILE, _paper(bundle, report, timezone.localtime()).pdf)
    job.progress(len(taken) + 1, stage="加密保存")
    return taken, report


def name_in(each: Came) -> str:
    """The file's place in the archive."""
    assert each.submission is not None
    name = f"{each.office}_{each.submission.issue.filename}"
    return f"{FOLDER}/" + re.sub(r'[\\/:*?"<>|\s]+', "_", name)


def _add(archive: zipfile.ZipFile, each: Came) -> None:
    """The issue's file as it was handed up. Raises Refused where it is not any more."""
    assert each.submission is not None
    issue, digest = each.submission.issue, hashlib.sha256()
    with open_file(issue) as content, archive.open(name_in(each), "w") as out:
        while piece := content.read(1 << 16):
            digest.update(piece)
            out.write(piece)
    if digest.hexdigest() != issue.sha256:
        raise Refused(f"{each.office}的《{each.title}》与上报时的校验码不符，不能汇总，请告诉管理员。")


def _record(bundle: Bundle, job: Job, came: list[Came], report: dict[str, Any], stored: str, sha256: str) -> None:
    with transaction.atomic():
        ours = Job.objects.select_for_update().filter(pk=job.pk, claim=job.claim, state=JobState.RUNNING)
        filename = re.sub(r'[\\/:*?"<>|]+', "_", f"{bundle.title}_{bundle.pk}.zip".replace(" ", ""))
        recorded = bool(ours) and Bundle.objects.filter(pk=bundle.pk, finished_at=None).update(
            finished_at=timezone.now(), files=len(came), sha256=sha256, stored=stored, filename=filename, report=report,
            unmasked=any(each.withheld for each in came),
        )  # fmt: skip
        if not recorded:
            raise Cancelled
        audit.record("bundle.made", subject=bundle, files=len(came), sha256=sha256)


def open_bundle(bundle: Bundle) -> BinaryIO:
    """The archive in clear, in memory only. Raises Refused when there is none, or it may not be seen."""
    if bundle.finished_at is None:
        raise Refused("这个汇总包还没有生成好，不能下载。")
    if bundle.path != current_scope().path and not current_actor().all_powers:
        raise Refused("汇总包由生成单位保管。")
    if bundle.unmasked and not current_actor().may(P.LEDGER_UNMASK):
        raise Refused(UNMASKED_REFUSED)
    try:
        return crypto.open_sealed(settings.FILES / PLACE / bundle.stored)
    except (OSError, crypto.SealBroken):
        raise Refused("汇总包丢失或被改动，不能下载，请重新生成并告诉管理员。") from None


def paper_of(bundle: Bundle) -> Printed:
    """The report of a finished pack. Raises Refused without a font."""
    assert bundle.finished_at is not None
    return _paper(bundle, bundle.report, timezone.localtime(bundle.finished_at))


def _paper(bundle: Bundle, report: dict[str, Any], at: datetime) -> Printed:
    return printed(bundle.title, report, by=area_at(bundle.path).reported_by, at=at)


# --- figures -------------------------------------------------------------------------------------------------------


def report_of(bundle: Bundle, board: Board, came: list[Came]) -> dict[str, Any]:
    """{"counts", "roll_ups", "ranking", "paragraphs"}, as JSON: figures of offices only."""
    roll_ups = [_roll_up(code, [each for each in came if each.ledger == code]) for code in LEDGERS]
    roll_ups = [each for each in roll_ups if each["headings"] and each["lines"]]
    ranking = _ranking(came, next((each for each in roll_ups if each["code"] == SUMMARY), None))
    report = {"counts": board.counts, "offices": len(board.lines), "roll_ups": roll_ups, "ranking": ranking}
    missing = [[each.office, each.title, each.status.label, reverse("due_detail", args=[each.due])]
               for each in came if each.status.missing or each.status.rank == 2]  # fmt: skip
    listed = reverse("due_board") + f"?period={bundle.rhythm}:{bundle.period}"
    about = f"{_place(bundle.path)}{parse(bundle.rhythm, bundle.period).label}"
    return {**report, "missing": missing, "paragraphs": paragraphs(about, report, missing, listed)}


def _roll_up(code: str, came: list[Came]) -> dict[str, Any]:
    """Offices × the totals of their issue's first sheet; money as text with two decimals."""
    lines = [
        {
            "of": each.of,
            "office": each.office,
            "issue": each.submission.issue_id,
            "url": reverse("issue_detail", args=[each.submission.issue_id]),
            "figures": {name: total for name, total in each.submission.issue.totals if not isinstance(total, list)},
        }
        for each in came
        if each.submission
    ]
    headings = list(dict.fromkeys(name for line in lines for name in line["figures"]))
    total = {name: _sum([line["figures"].get(name) for line in lines]) for name in headings}
    title = LEDGERS[code].title if code in LEDGERS else code
    return {"code": code, "title": title, "headings": headings, "lines": lines, "total": total}


def _sum(figures: list[Any]) -> Any:
    there = [each for each in figures if each is not None]
    if any(isinstance(each, str) for each in there):
        return f"{sum(map(Decimal, there), Decimal('0.00')):.2f}"
    return sum(there)


def share(part: Any, whole: Any) -> Decimal:
    """Per cent with one decimal; of nothing 0."""
    whole = Decimal(whole or 0)
    return (Decimal(part or 0) * 100 / whole).quantize(Decimal("0.1")) if whole else Decimal("0.0")


def _ranking(came: list[Came], summary: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Offices by money paid of money due, people aided of people due, ledgers in time; equals share a place."""
    figures = {line["of"]: line for line in summary["lines"]} if summary else {}
    rows = []
    for key, office in dict.fromkeys((each.of, each.office) for each in came):
        mine = [each for each in came if each.of == key]
        found = figures.get(key, {"figures": {}, "url": ""})
        told = found["figures"]
        in_time = sum(each.status.rank == 5 for each in mine)
        paid, aided = share(told.get("实发金额"), told.get("金额")), share(told.get("实资助人数"), told.get("应资助人数"))
        rows.append(
            {
                "office": office, "url": found["url"], "due": told.get("应资助人数"), "aided": told.get("实资助人数"),
                "aided_share": str(aided) if told else "", "yuan": told.get("金额"), "paid": told.get("实发金额"),
                "paid_share": str(paid) if told else "", "asked": len(mine), "in_time": in_time,
                "handed": sum(each.submission is not None for each in mine),
                "by": [str(paid if told else Decimal(-1)), str(aided), str(share(in_time, len(mine)))],
            }
        )  # fmt: skip
    rows.sort(key=lambda row: [-Decimal(each) for each in row["by"]])
    for at, row in enumerate(rows):
        row["place"] = rows[at - 1]["place"] if at and rows[at - 1]["by"] == row["by"] else at + 1
    return rows


def text_of(report: dict[str, Any]) -> str:
    return "\r\n".join(said(report)) + "\r\n"


# --- the workbook beside the files ---------------------------------------------------------------------------------


def _write_index(path: Path, bundle: Bundle, came: list[Came], report: dict[str, Any]) -> None:
    by, unit = _place(bundle.path), "份"
    look = Look(f"{bundle.title}目录", by, timezone.localdate(), unit)
    sheets = [Sheet("目录", _INDEX, _index(bundle, came), look)]
    for each in report["roll_ups"]:
        sheets.append(_roll_up_sheet(each, by))
    sheets.append(Sheet("排名", _RANKING, _ranks(report["ranking"]), Look(f"{bundle.title}排名", by, timezone.localdate(),
                  "人、元、份", ("按发放率、资助率、按时上报依次排名。",))))  # fmt: skip
    told = ([number, text] for number, text in enumerate(said(report), 1))
    heads = (Head(("序号",), 6, Kind.INTEGER), Head(("情况汇报",), 120, Kind.TEXT))
    sheets.append(Sheet("情况汇报", heads, told, Look(f"{bundle.title}情况汇报", by, timezone.localdate(), "—")))
    write_workbook(path, sheets)


_INDEX = (
    Head(("序号",), 6, Kind.INTEGER), Head(("填报单位",), 24, Kind.TEXT), Head(("台账",), 34, Kind.TEXT),
    Head(("状态",), 18, Kind.TEXT), Head(("上报日期",), 11, Kind.DATE), Head(("行数",), 8, Kind.INTEGER, True),
    Head(("文件",), 60, Kind.TEXT), Head(("文件校验码",), 66, Kind.TEXT),
)  # fmt: skip


def _index(bundle: Bundle, came: list[Came]) -> Iterator[list[Any]]:
    for number, each in enumerate(came, 1):
        handed = each.submission
        if handed is None:
            yield [number, each.office, each.title, each.status.label, None, None, "", ""]
            continue
        there = bundle.unmasked or not each.withheld
        file = name_in(each) if there else "含完整号码，不在包内"
        yield [number, each.office, each.title, each.status.label, handed.submitted_on, handed.issue.rows, file,
               handed.issue.sha256]  # fmt: skip


def _roll_up_sheet(roll_up: dict[str, Any], by: str) -> Sheet:
    """Offices × totals; 合计 is added up by the workbook from the offices' lines."""
    money = {name: isinstance(total, str) for name, total in roll_up["total"].items()}
    kinds = {name: Kind.MONEY if money[name] else Kind.INTEGER for name in roll_up["headings"]}
    heads = (
        Head(("填报单位",), 24, Kind.TEXT),
        *(Head((name,), 14 if money[name] else 10, kinds[name], True) for name in roll_up["headings"]),
    )
    rows = [
        [line["office"], *(_cell(line["figures"].get(name), money[name]) for name in roll_up["headings"])]
        for line in roll_up["lines"]
    ]
    notes = ("各单位上报数相加；户籍和学校分属两地的学生，两地各计一次。",)
    look = Look(f"{roll_up['title']}汇总", by, timezone.localdate(), "人、人次、元", notes)
    return Sheet(roll_up["title"][:31], heads, rows, look)


def _cell(figure: Any, money: bool) -> Any:
    if figure is None:
        return None
    return Decimal(figure) if money else figure


_RANKING = (
    Head(("名次",), 6, Kind.INTEGER), Head(("单位",), 24, Kind.TEXT), Head(("应资助人数",), 10, Kind.INTEGER),
    Head(("实资助人数",), 10, Kind.INTEGER), Head(("资助率（%）",), 9, Kind.TEXT), Head(("金额",), 15, Kind.MONEY),
    Head(("实发金额",), 15, Kind.MONEY), Head(("发放率（%）",), 9, Kind.TEXT), Head(("应报（份）",), 8, Kind.INTEGER),
    Head(("已报（份）",), 8, Kind.INTEGER), Head(("按时（份）",), 8, Kind.INTEGER),
)  # fmt: skip


def _ranks(ranking: list[dict[str, Any]]) -> Iterator[list[Any]]:
    for row in ranking:
        yield [
            row["place"], row["office"], row["due"], row["aided"], row["aided_share"], _cell(row["yuan"], True),
            _cell(row["paid"], True), row["paid_share"], row["asked"], row["handed"], row["in_time"],
        ]  # fmt: skip
