"""Issues: made as a job, sealed, chained, once; nothing downloadable of what did not end."""

from __future__ import annotations

import hashlib
import io
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as live
from django.db import connection, transaction
from openpyxl import load_workbook

from aidcases import jobs, sql
from aidcases.flow import Refused
from aidcases.jobs import Cancelled, Running
from aidcases.models import AuditEvent, Job
from aidcases.models.records import JobState
from aidcases.scoping import EVERYWHERE, SYSTEM, acting_in
from ledgers import actions
from ledgers.actions import open_file, request_issue, result_of
from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from ledgers.models import LedgerIssue
from students.models import Person
from subsidies.models import ComputeRun
from tests import make
from tests.aidcases.processes import running, until, waits_for_a_lock
from tests.ledgers.conftest import ActAs
from tests.personas import CANARY, TERM, World, build, compute

HERE = "/62/6201/620123/"
POOR = f"{CANARY['620123']}贫生"
Ask = Callable[..., LedgerIssue]


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> Path:
    settings.FILES = tmp_path / "files"
    return settings.FILES


@pytest.fixture
def ask(act_as: ActAs) -> Ask:
    """A persona asks for an issue of its own place."""

    def asked(persona: str, code: str = "poverty-register", path: str = HERE, **wanted: object) -> LedgerIssue:
        with act_as(persona):
            return request_issue(LEDGERS[code], TERM, area_at(path), **{"purpose": "报送市教育局", **wanted})

    return asked


def made(issue: LedgerIssue) -> LedgerIssue:
    job = jobs.work_off(Job.objects.get(pk=issue.job_id))
    assert (job.state, job.error) == (JobState.DONE, "")
    return LedgerIssue.objects.get(pk=issue.pk)


def content(issue: LedgerIssue) -> bytes:
    with acting_in(EVERYWHERE, SYSTEM), open_file(issue) as file:
        return file.read()


def sheet(issue: LedgerIssue, number: int = 0) -> list[list]:
    book = load_workbook(io.BytesIO(content(issue)))
    return [[cell.value for cell in row] for row in book.worksheets[number]]


def stored(files: Path) -> list[str]:
    return sorted(path.name for path in files.rglob("*") if path.is_file())


# --- what is made -----------------------------------------------------------------------------------------------


def test_an_issue_is_recorded_with_what_proves_it(world: World, ask: Ask, files: Path):
    issue = made(ask("maker"))
    run = ComputeRun.objects.get()
    assert (issue.rows, issue.totals) == (1, [["本学期资助金额", "500.00"]])
    assert issue.sha256 == hashlib.sha256(content(issue)).hexdigest()
    assert (issue.run_id, issue.certificate, issue.result_digest) == (run.pk, run.certificate, run.result_digest)
    assert (issue.facts_digest, issue.rules_digest) == (run.facts_digest, run.rules_digest)
    assert (issue.path, issue.area_path, issue.requested_by) == (HERE, HERE, "甲经办")
    assert issue.reported_by == world.here.office.name
    assert result_of(issue) == {
        "rows": 1, "totals": {"本学期资助金额": "500.00"}, "issue": issue.pk, "sha256": issue.sha256,
    }  # fmt: skip
    assert stored(files) == [issue.stored]
    assert POOR.encode() not in (files / "ledgers" / issue.stored).read_bytes()
    assert oct((files / "ledgers").stat().st_mode)[-3:] == "700"
    job = Job.objects.get(pk=issue.job_id)
    assert (job.done, job.total, job.result["issue"]) == (1, 1, issue.pk)
    told = AuditEvent.objects.filter(subject_type="ledgers.ledgerissue", subject_id=issue.pk).order_by("pk")
    assert [event.action for event in told] == ["ledger.requested", "ledger.issued"]
    assert told[0].data["purpose"] == "报送市教育局"


def test_the_report_looks_like_one(world: World, ask: Ask):
    rows = sheet(made(ask("maker")))
    assert rows[0][0] == "榆中县建档立卡贫困受教育人口基本信息台账（2018—2019学年秋季学期）"
    assert rows[1][0] == f"填报单位（盖章）：{world.here.office.name}"
    assert "单位：元" in rows[1]
    assert rows[2][:3] == ["序号", "家庭情况", None]
    assert rows[3][1:4] == ["县区", "乡镇", "村"]
    assert POOR in rows[4]
    text = "".join(str(cell) for row in rows[5:] for cell in row if cell)
    certificate = ComputeRun.objects.get().certificate[:16]
    for part in (
        "合计",
        "=SUM(",
        "助学贷款为可申请项目，不在其内",
        "只显示后四位",
        f"校验码 {certificate}",
        "填表人：",
    ):
        assert part in text


def test_the_summary_puts_its_total_first_and_loans_on_a_sheet_of_their_own(county: World, ask: Ask):
    college = make.school(place="620123100", stages=("higher_vocational",), fee="5000")
    make.student(
        "贷款生", at=college, stage="higher_vocational", grade=2, home="620123100201", categories=("dibao_rural",)
    )
    compute(county)
    issue = made(ask("maker", "aid-summary"))
    grants, loans = sheet(issue), sheet(issue, 1)
    assert grants[4][:6] == ["合计", None, 4, 0, 12, 1900]
    assert [row[1] for row in grants[5:] if row[1]].count("小计") == 2
    assert "".join(str(cell) for row in grants for cell in row if cell).count("贷款") == 1  # the note
    assert loans[0][0].endswith("可申请（贷款）")
    assert loans[4][:4] == ["合计", None, 1, 8000]
    totals = result_of(issue)["totals"]
    assert (totals["人次"], totals["金额"]) == (12, "1900.00")
    assert totals["可申请（贷款）"]["可申请最高额"] == "8000.00"


def test_the_flat_layout_has_one_heading_row_and_a_key_in_each_row(world: World, ask: Ask):
    rows = sheet(made(ask("maker", flat=True)))
    assert rows[0][0] == "序号"
    assert rows[0][-1] == "行键"
    assert rows[0][7] == "学生姓名"
    assert [row[7] for row in rows[1:]] == [POOR]
    assert re.fullmatch(r"[0-9a-f]{24}", rows[1][-1])
    summed = sheet(made(ask("maker", "aid-summary", flat=True)))
    assert summed[0][:4] == ["学段", "资助项目", "应资助人数", "实资助人数"]
    assert summed[1][:3] == ["合计", None, 4]
    assert "行键" not in summed[0]


def test_a_school_s_ledger_names_what_it_may_not_see(world: World, ask: Ask):
    issue = made(ask("school", path=world.here.primary.path))
    text = "".join(str(cell) for row in sheet(issue) for cell in row if cell)
    assert "***" in text
    assert "本单位不可见" in text
    assert f"{CANARY['620123']}户主" not in text
    assert issue.reported_by == world.here.primary.name
    assert issue.certificate == ComputeRun.objects.get().certificate  # the city's run covers the school


def test_without_a_computation_the_ledger_says_so(county: World, ask: Ask):
    issue = made(ask("maker"))
    assert (issue.certificate, issue.run_id, issue.totals) == ("", None, [["本学期资助金额", "0.00"]])
    assert "本学期还没有测算" in "".join(str(row[0]) for row in sheet(issue))


def test_a_city_s_ledger_over_what_one_county_computed_says_so(county: World, ask: Ask):
    make.recompute(under="620123")
    issue = made(ask("city", path="/62/6201/"))
    assert issue.run_id is None
    told = "".join(str(row[0]) for row in sheet(issue))
    assert "只有下级单位各自测算的资助项目和金额" in told


def test_two_issues_chain(world: World, ask: Ask):
    first = made(ask("maker"))
    second = made(ask("maker", flat=True))
    other = made(ask("maker", "aid-summary"))
    assert (first.previous, first.previous_sha256) == (None, "")
    assert (second.previous, second.previous_sha256) == (first, first.sha256)
    assert other.previous is None
    assert made(ask("city", path="/62/6201/")).previous is None
    third = made(ask("checker"))
    assert third.previous == second


def test_two_issues_of_one_state_differ_in_their_number_only(world: World, ask: Ask):
    first, second = made(ask("maker", flat=True)), made(ask("maker", flat=True))
    books = [load_workbook(io.BytesIO(content(issue))) for issue in (first, second)]
    assert [[c.value for c in row] for row in books[0].active] == [[c.value for c in row] for row in books[1].active]
    assert {book.custom_doc_props["生成记录"].value for book in books} == {str(first.pk), str(second.pk)}
    assert first.sha256 != second.sha256


@pytest.mark.django_db(transaction=True)
def test_a_ledger_shows_one_moment(everywhere: None, monkeypatch: pytest.MonkeyPatch):
    """What others commit after the certificate was read is in the next issue, not in half of this one."""
    world = build()
    child = world.here.students[0].person

    def rename() -> None:
        with acting_in(EVERYWHERE, SYSTEM):
            Person.objects.filter(pk=child.pk).update(name="改名生")
        connection.close()

    looked_up = actions.newest_run

    def newest_run(*given: object) -> ComputeRun | None:
        run = looked_up(*given)
        other = threading.Thread(target=rename)
        other.start()
        other.join()
        return run

    monkeypatch.setattr(actions, "newest_run", newest_run)
    asked = {"purpose": "报送", "flat": True}
    issue = made(request_issue(LEDGERS["poverty-register"], TERM, area_at(HERE), **asked))
    assert [row[7] for row in sheet(issue)[1:]] == [POOR]
    assert Person.objects.get(pk=child.pk).name == "改名生"
    again = made(request_issue(LEDGERS["poverty-register"], TERM, area_at(HERE), **asked))
    assert [row[7] for row in sheet(again)[1:]] == ["改名生"]


# --- who may ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("persona", "wanted", "why"),
    [
        ("maker", {"purpose": "  "}, "请写明用途"),
        ("maker", {"unmasked": True}, "您的角色不能导出完整证件号码"),
        ("school", {"unmasked": True}, "您的角色不能导出完整证件号码"),
        ("auditor", {}, "您的角色不能生成台账"),
        ("maker", {"path": "/62/6201/620121/"}, "只能生成本单位范围内的台账"),
        ("maker", {"path": "/62/6201/"}, "只能生成本单位范围内的台账"),
    ],
)
def test_what_is_refused(county: World, ask: Ask, persona: str, wanted: dict, why: str):
    path = {"path": county.here.primary.path} if persona == "school" else {}
    with pytest.raises(Refused, match=why):
        ask(persona, **{**path, **wanted})
    assert not LedgerIssue.objects.exists()
    assert not Job.objects.filter(kind="ledgers.issue").exists()


def test_clear_numbers_go_to_who_may_have_them(world: World, ask: Ask, act_as: ActAs):
    issue = made(ask("checker", unmasked=True))
    person = world.here.students[0].person
    assert any(person.id_number in row for row in sheet(issue))
    masked = made(ask("checker"))
    assert person.id_number.encode() not in content(masked)
    assert not any(person.id_number in row for row in sheet(masked))
    with act_as("maker"), pytest.raises(Refused, match="您的角色不能下载"):
        open_file(issue)
    with act_as("head"):
        open_file(issue).close()


def test_a_summary_holds_no_numbers_to_unmask(world: World, ask: Ask):
    assert ask("maker", "aid-summary", unmasked=True).unmasked is False


def test_an_issue_belongs_to_the_office_that_asked(world: World, ask: Ask, act_as: ActAs):
    """A county's ledger of a school shows households: the school does not get it. The school's own is the county's too."""
    county_s = made(ask("maker", path=world.here.primary.path))
    school_s = made(ask("school", path=world.here.primary.path))
    seen = {"school": {school_s}, "maker": {county_s, school_s}, "city": {county_s, school_s}, "other_maker": set()}
    for persona, issues in seen.items():
        with act_as(persona):
            assert set(LedgerIssue.objects.all()) == issues


# --- once, and whole --------------------------------------------------------------------------------------------


def test_a_double_click_is_one_issue(county: World, ask: Ask):
    first, second = ask("maker"), ask("maker")
    assert first == second
    assert ask("maker", flat=True) != first
    assert ask("checker", purpose="迎接检查") != first
    made(first)
    assert ask("maker") != first
    assert Job.objects.filter(kind="ledgers.issue").count() == 4


def test_a_job_delivered_twice_leaves_the_issue_as_it_is(world: World, ask: Ask):
    issue = made(ask("maker"))
    Job.objects.filter(pk=issue.job_id).update(state=JobState.QUEUED)
    again = made(issue)
    assert (again.finished_at, again.sha256, again.stored) == (issue.finished_at, issue.sha256, issue.stored)
    assert AuditEvent.objects.filter(action="ledger.issued").count() == 1


def claimed(issue: LedgerIssue) -> Running:
    return Running(jobs.claim(issue.job_id))


@pytest.mark.parametrize("problem", [Cancelled, OSError("disk full"), KeyboardInterrupt])
def test_what_stops_half_way_leaves_nothing(
    world: World, ask: Ask, act_as: ActAs, files: Path, monkeypatch: pytest.MonkeyPatch, problem: BaseException
):
    issue = ask("maker")
    job = claimed(issue)

    def stop(*_: object) -> None:
        raise problem

    monkeypatch.setattr(actions, "_record", stop)
    with act_as("maker"), pytest.raises(type(problem) if not isinstance(problem, type) else problem):
        actions.generate(job)
    assert stored(files) == []
    assert list((files / "ledgers" / "making").iterdir()) == []
    issue.refresh_from_db()
    with act_as("maker"), pytest.raises(Refused, match="还没有生成好"):
        open_file(issue)


def test_a_cancelled_job_stops_while_it_writes(world: World, ask: Ask, act_as: ActAs, files: Path):
    issue = ask("maker")
    job = claimed(issue)
    job._lost.set()
    with act_as("maker"), pytest.raises(Cancelled):
        actions.generate(job)
    assert stored(files) == []


def test_what_was_cancelled_goes_on_and_is_whole(world: World, ask: Ask, act_as: ActAs, files: Path):
    """Cancelled while it writes: no file, no download; resumed: the issue, complete."""
    issue = ask("maker")
    job = claimed(issue)
    with act_as("maker"):
        Job.objects.get(pk=issue.job_id).move("cancel", by=SYSTEM)
        job._write()  # the next beat notices
        with pytest.raises(Cancelled):
            actions.generate(job)
        with pytest.raises(Refused, match="还没有生成好"):
            open_file(issue)
        assert stored(files) == []
        Job.objects.get(pk=issue.job_id).move("resume", by=SYSTEM)
        jobs.resume(issue.job_id)
    whole = made(issue)
    assert whole.sha256 == hashlib.sha256(content(whole)).hexdigest()
    assert whole.totals == [["本学期资助金额", "500.00"]]


def test_whoever_lost_the_job_cannot_record(world: World, ask: Ask, act_as: ActAs, files: Path):
    """The lease ran out and somebody else has claimed it, or it was cancelled after the last look."""
    issue = ask("maker")
    job = claimed(issue)
    Job.objects.filter(pk=issue.job_id).update(state=JobState.CANCELLED)
    with act_as("maker"), pytest.raises(Cancelled):
        actions.generate(job)
    issue.refresh_from_db()
    assert (issue.finished_at, issue.stored, stored(files)) == (None, "", [])


def test_leftovers_of_a_dead_worker_are_swept(world: World, ask: Ask, files: Path):
    issue = ask("maker")
    making = files / "ledgers" / "making"
    for name in (f"{issue.pk}-dead", "999999-old", "999998-alive"):
        (making / name).mkdir(parents=True)
        (making / name / "ledger.xlsx").write_text("half")
    os.utime(making / "999999-old", (0, 0))
    (files / "ledgers" / f"{issue.pk}-dead.xlsx").write_bytes(b"sealed, never recorded")
    done = made(issue)
    assert [path.name for path in making.iterdir()] == ["999998-alive"]
    assert stored(files) == sorted([done.stored, "ledger.xlsx"])


def test_a_damaged_file_is_not_handed_out(world: World, ask: Ask, files: Path, act_as: ActAs):
    issue = made(ask("maker"))
    path = files / "ledgers" / issue.stored
    sealed = path.read_bytes()
    path.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with act_as("maker"), pytest.raises(Refused, match="丢失或被改动"):
        open_file(issue)
    path.unlink()
    with act_as("maker"), pytest.raises(Refused, match="丢失或被改动"):
        open_file(issue)


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_before_the_record_is_replaced(tmp_path: Path, settings, everywhere: None):
    """kill −9 between the sealed file and its record: nothing to download, then the next worker makes it whole."""
    world = build()
    compute(world)
    settings.FILES = tmp_path / "files"
    home = {"AIDCASES_HOME": str(tmp_path), **live.KEYRING.dump()}
    issue = request_issue(LEDGERS["poverty-register"], TERM, area_at(HERE), purpose="报送")
    with transaction.atomic():
        sql.lock("ledger.issued", issue.path, issue.ledger, issue.term, issue.area_path)
        with running("manage.py", "runner", **home) as worker:
            until(waits_for_a_lock)
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
    issue.refresh_from_db()
    orphan = [name for name in stored(settings.FILES) if name.startswith(f"{issue.pk}-")]
    assert (issue.finished_at, len(orphan)) == (None, 1)
    with running("manage.py", "runner", **home):
        until(lambda: not Job.objects.get(pk=issue.job_id).is_open)
    issue.refresh_from_db()
    assert Job.objects.get(pk=issue.job_id).state == JobState.DONE
    assert issue.rows == 1
    assert POOR in {row[7] for row in sheet(issue)}
    assert stored(settings.FILES) == [issue.stored]
    assert issue.stored not in orphan


@pytest.mark.libreoffice
def test_libreoffice_prints_it(world: World, ask: Ask, tmp_path: Path):
    """Opened by another program: no repair, one page, the total its own sum."""
    issue = made(ask("maker", "aid-summary"))
    (tmp_path / "a.xlsx").write_bytes(content(issue))
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    for kind in ("pdf", "csv:Text - txt - csv (StarCalc):44,34,76"):
        subprocess.run(
            ["soffice", profile, "--headless", "--convert-to", kind, "--outdir", str(tmp_path), str(tmp_path / "a.xlsx")],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    text = (tmp_path / "a.csv").read_text(encoding="utf-8")
    assert "榆中县教育扶贫基本情况汇总台账" in text
    assert '合计,,4,0,12,"1,900.00"' in text
