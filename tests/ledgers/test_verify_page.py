"""Proof in the browser: a file held against its issue, the certificate, and a chain that somebody broke."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from aidcases import jobs
from aidcases.models import AuditEvent, Job
from aidcases.scoping import EVERYWHERE, SYSTEM, acting_in
from ledgers import chains, verifications
from ledgers.actions import open_file, request_issue
from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from ledgers.models import LedgerIssue
from tests.ledgers.conftest import ActAs
from tests.personas import TERM, World

HERE = "/62/6201/620123/"


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> Path:
    settings.FILES = tmp_path / "files"
    return settings.FILES


def issued(flat: bool = False) -> tuple[LedgerIssue, bytes]:
    issue = request_issue(LEDGERS["poverty-register"], TERM, area_at(HERE), purpose="报送", flat=flat)
    assert jobs.work_off(Job.objects.get(pk=issue.job_id)).state == "done"
    issue.refresh_from_db()
    with open_file(issue) as content:
        return issue, content.read()


def client_of(world: World, persona: str) -> Client:
    client = Client()
    client.force_login(world[persona])
    return client


def sent(client: Client, content: bytes, **more: Any) -> tuple[int, str]:
    answer = client.post(reverse("ledger_verify_file"), {"file": SimpleUploadedFile("a.xlsx", content), **more})
    return answer.status_code, answer.content.decode()


def test_a_file_is_held_against_its_issue_in_words(world: World, act_as: ActAs) -> None:
    with act_as("maker"):
        issue, content = issued()
        _flat, flat = issued(flat=True)
    auditor = client_of(world, "auditor")
    status, html = sent(auditor, content)
    assert status == 200
    assert "没有改动" in html
    book = load_workbook(io.BytesIO(content))
    page = book.worksheets[0]
    # Whose copy it is stands on every printed page, and survives saving.
    assert all(part in page.oddHeader.right.text for part in ("甲经办", "用途：报送", f"第 {issue.pk} 号"))
    row = next(at for at in range(1, page.max_row) if page.cell(at, 1).value == 1)
    page.cell(row, 8).value = "某某"
    page.cell(row, 11).value = "620123201005170011"
    out = io.BytesIO()
    book.save(out)
    status, html = sent(auditor, out.getvalue())
    assert f"与第 {issue.pk} 号不一致，共 2 处" in html
    assert "某某" in html
    assert "620123201005170011" not in html
    event = AuditEvent.objects.filter(action="ledger.verified").latest("pk")
    assert (event.subject_id, event.data["differences"]) == (issue.pk, 2)
    page.delete_rows(row)
    out = io.BytesIO()
    book.save(out)
    _, html = sent(auditor, out.getvalue())
    assert f"第 {row} 行（" in html
    assert "缺少" in html
    status, html = sent(client_of(world, "other_maker"), content)
    assert (status, "不在您的范围内" in html) == (422, True)
    status, html = sent(auditor, content[:-400])
    assert status == 422
    assert "已损坏" in html
    status, html = sent(auditor, flat, issue=str(issue.pk))
    assert "不一致" in html
    manifest = load_workbook(io.BytesIO(flat)).worksheets[-1]
    assert manifest.sheet_state == "visible"
    assert (manifest["A2"].value, "甲经办" in manifest["B2"].value) == ("注意", True)


def test_the_certificate_names_what_is_broken(world: World, act_as: ActAs, files: Path) -> None:
    with act_as("maker"):
        first, second, third = (issued()[0] for _ in range(3))
    client = client_of(world, "maker")

    def told() -> str:
        return client.get(reverse("issue_certificate", args=[third.pk])).content.decode()

    with CaptureQueriesContext(connection) as seen:
        html = told()
    assert len(seen) <= 16, len(seen)
    assert "完好" in html
    assert "往前 2 期逐期相接" in html
    assert all(issue.sha256 in html for issue in (first, second, third))
    assert third.certificate in html
    with acting_in(EVERYWHERE, SYSTEM):
        LedgerIssue.objects.filter(pk=first.pk).update(sha256="f" * 64)
        html = told()
        assert f"第 {second.pk} 号：{chains.OTHER_LINK}" in html
        assert f"第 {first.pk} 号：{chains.OTHER_EVENT}" in html
        LedgerIssue.objects.filter(pk=first.pk).update(sha256=first.sha256)
        LedgerIssue.objects.filter(pk=second.pk).update(previous=None)
        assert f"第 {second.pk} 号：{chains.NO_LINK}" in told()
        LedgerIssue.objects.filter(pk=second.pk).update(previous=first)
        sealed = files / "ledgers" / third.stored
        sealed.write_bytes(sealed.read_bytes()[:-1] + bytes([sealed.read_bytes()[-1] ^ 1]))
        assert f"第 {third.pk} 号：{chains.NO_FILE}" in told()
        LedgerIssue.objects.filter(pk=third.pk).update(previous=None, finished_at=third.finished_at)
        assert chains.NO_LINK in told()


def test_a_large_file_is_held_by_a_job_and_answered_to_who_asked(
    world: World, act_as: ActAs, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with act_as("maker"):
        issue, content = issued()
    book = load_workbook(io.BytesIO(content))
    page = book.worksheets[0]
    row = next(at for at in range(1, page.max_row) if page.cell(at, 1).value == 1)
    page.cell(row, 8).value = "某某"
    out = io.BytesIO()
    book.save(out)
    monkeypatch.setattr(verifications, "LARGE_ROWS", 0)
    maker = client_of(world, "maker")
    sent_to = maker.post(reverse("ledger_verify_file"), {"file": SimpleUploadedFile("a.xlsx", out.getvalue())})
    job = Job.objects.get(kind="ledgers.verify")
    assert sent_to.url == reverse("ledger_verified", args=[job.pk])
    assert "排队中" in maker.get(sent_to.url).content.decode()
    [copy] = (files / "verifications").iterdir()
    assert b"PK" not in copy.read_bytes()[:4]  # sealed
    job = jobs.work_off(job)
    assert (job.state, job.error, job.result) == ("done", "", {"verified": job.pk})
    assert [file.suffix for file in (files / "verifications").iterdir()] == [".answer"]
    assert jobs.KINDS["ledgers.verify"].run(jobs.Running(job)) == job.result  # asked for twice: the same answer
    html = maker.get(sent_to.url).content.decode()
    assert f"与第 {issue.pk} 号不一致，共 1 处" in html
    assert "某某" in html
    assert "某某" not in str((job.params, job.result))
    assert sent_to.url in maker.get(reverse("job_detail", args=[job.pk])).content.decode()
    for persona in ("head", "other_maker", "city"):
        assert client_of(world, persona).get(sent_to.url).status_code == 404
    assert AuditEvent.objects.filter(action="ledger.verified", subject_id=issue.pk).count() == 1
    now = timezone.now()
    assert verifications.forget(now) == {"verifications_forgotten": 0}
    [answer] = (files / "verifications").iterdir()
    os.utime(answer, (0, 0))
    assert verifications.forget(now) == {"verifications_forgotten": 1}
    assert verifications.GONE in maker.get(sent_to.url).content.decode()
