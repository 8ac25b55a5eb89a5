"""manage.py ledger: the same job as the page, its file on the disk, one sentence on bad input."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum

from aidcases.models import AuditEvent, Job
from aidcases.scoping import EVERYWHERE, acting_in
from ledgers.models import LedgerIssue
from subsidies.models import Entitlement
from tests.ledgers.workbooks import values
from tests.personas import CANARY, World

POOR = f"{CANARY['620123']}贫生"


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES = tmp_path / "files"


def ledger(
    out: Path, *more: str, code: str = "poverty-register", region: str = "620123", term: str = "2018-autumn"
) -> dict:
    said = StringIO()
    given = ("--term", term, "--region", region, "--out", str(out), *more)
    if "--purpose" not in more:
        given = (*given, "--purpose", "验收")
    call_command("ledger", code, *given, "--json", stdout=said)
    return json.loads(said.getvalue().splitlines()[-1])


def test_the_file_is_written_for_its_owner_alone_and_matches_the_issue(world: World, tmp_path: Path):
    out = tmp_path / "台账.xlsx"
    told = ledger(out)
    issue = LedgerIssue.objects.get(pk=told["issue"])
    assert told == {
        "rows": 1, "totals": {"本学期资助金额": "500.00"}, "issue": issue.pk,
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
    }  # fmt: skip
    assert issue.sha256 == told["sha256"]
    assert oct(out.stat().st_mode)[-3:] == "600"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [out.name]
    assert values(out)[4][7] == POOR
    assert (issue.path, issue.reported_by) == ("/62/6201/620123/", world.here.office.name)
    event = AuditEvent.objects.get(action="command.ledger")
    assert event.actor.startswith("系统（")
    assert (event.data["code"], event.data["purpose"]) == ("poverty-register", "验收")


def test_the_summary_s_totals_are_the_computation_s(world: World, tmp_path: Path):
    told = ledger(tmp_path / "a.xlsx", code="aid-summary", region="6201")
    with acting_in(EVERYWHERE):
        yuan = Entitlement.objects.granted().aggregate(yuan=Sum("amount"))["yuan"]
    assert Decimal(told["totals"]["金额"]) == yuan
    assert told["totals"]["应资助人数"] == 7
    assert list(told["totals"])[:4] == ["应资助人数", "实资助人数", "人次", "金额"]


def test_flat_and_unmasked_are_options(world: World, tmp_path: Path):
    ledger(tmp_path / "a.xlsx", "--flat", "--unmask")
    head, row = values(tmp_path / "a.xlsx")
    told = dict(zip(head, row, strict=True))
    assert told["证件号码"] == world.here.students[0].person.id_number
    assert told["行键"]
    assert LedgerIssue.objects.get().unmasked


def test_again_is_a_new_issue_in_the_same_place(world: World, tmp_path: Path):
    out = tmp_path / "a.xlsx"
    first, second = ledger(out), ledger(out)
    assert LedgerIssue.objects.get(pk=second["issue"]).previous_id == first["issue"]
    assert second["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"code": "nix"},
            "没有代码为“nix”的台账，可用：poverty-register（建档立卡贫困受教育人口基本信息台账）、aid-summary（",
        ),
        ({"region": "999999"}, "行政区划代码“999999”不在区划表里"),
        ({"term": "2018"}, "学期“2018”认不出"),
    ],
)
def test_bad_input_is_one_sentence(county: World, tmp_path: Path, given: dict, sentence: str):
    with pytest.raises(CommandError, match=sentence) as told:
        ledger(tmp_path / "a.xlsx", **given)
    assert "\n" not in str(told.value)
    assert not LedgerIssue.objects.exists()


def test_without_a_purpose_or_a_folder_nothing_is_made(county: World, tmp_path: Path):
    with pytest.raises(CommandError, match="请写明用途"):
        ledger(tmp_path / "a.xlsx", "--purpose", " ")
    with pytest.raises(CommandError, match="不存在，请先建立"):
        ledger(tmp_path / "none" / "a.xlsx")
    assert not Job.objects.filter(kind="ledgers.issue").exists()


def test_a_file_that_cannot_be_written_leaves_the_old_one(world: World, tmp_path: Path):
    out = tmp_path / "a.xlsx"
    out.mkdir()
    with pytest.raises(CommandError, match="读写失败"):
        ledger(out)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []
