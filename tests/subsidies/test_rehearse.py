"""A rehearsal grants nothing and says exactly what publishing and recomputing then does, fen for fen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.models import Job
from aidcases.models.records import JobState
from aidcases.scoping import Actor, Scope, acting_in
from aidcases.terms import Term
from students.enums import Category, Stage
from students.models import Enrolment, Student
from subsidies.actions import PACKS, publish, publish_draft, request_rehearsal
from subsidies.conditions import PackError
from subsidies.models import Entitlement, EntitlementChange, PackDraft, Rehearsal, RehearsalRow, RulePack
from tests import make

pytestmark = pytest.mark.usefixtures("everywhere")
TERM = Term(2018, "autumn")
COUNTY = "/62/6201/620123/"
LANZHOU = (PACKS / "lanzhou.toml").read_text(encoding="utf-8")
# Boarders get more, the poor kindergarten child less, textbooks are gone, the ceiling of the loan rises.
POOR_CHILD = """when = { stage = ["preschool"], registered_poor = true }
amount = { kind = "fixed", period = "school_year", values = [{ yuan = "1000.00" }] }"""
TEXTBOOK = 'code = "lz-compulsory-textbook"\nbenefit = "compulsory-textbook"'
CHANGES = {
    'from = 2018-09-01, stage = "primary", yuan = "1000.00"': 'from = 2018-09-01, stage = "primary", yuan = "1100.01"',
    POOR_CHILD: POOR_CHILD.replace("1000.00", "600.00"),
    TEXTBOOK: f"{TEXTBOOK}\nfrom = 2030-09-01",
    'values = [{ yuan = "8000.00" }]': 'values = [{ yuan = "12000.00" }]',
}


def changed(text: str) -> str:
    for old, new in CHANGES.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


CHANGED = changed(LANZHOU)


@pytest.fixture
def children(db: None) -> dict[str, Student]:
    make.adopt_lanzhou()
    poor = (Category.REGISTERED_POOR,)
    college = make.school(place="620102", stages=(Stage.UNDERGRADUATE,))
    found = {
        "boarder": make.student(at=make.school(), boarding=True, categories=poor),
        "day": make.student(at=make.school()),
        "small": make.student(at=make.school(stages=(Stage.PRESCHOOL,)), stage=Stage.PRESCHOOL, grade=1, categories=poor),
        "student": make.student(at=college, stage=Stage.UNDERGRADUATE, grade=2, categories=poor),
    }
    make.recompute()
    return found


def rehearsed(text: str, path: str = COUNTY) -> Rehearsal:
    rehearsal = request_rehearsal(text=text, term=TERM, path=path)
    job = jobs.work_off(Job.objects.get(pk=rehearsal.job_id))
    assert job.state == JobState.DONE, job.error
    return Rehearsal.objects.get(pk=rehearsal.pk)


def lines() -> set[tuple[int, str, str]]:
    return {(e.student_id, e.rule.code, str(e.amount)) for e in Entitlement.objects.select_related("rule")}


def test_nothing_is_granted_and_everything_is_told(children: dict[str, Student]):
    before = lines()
    told = rehearsed(CHANGED).summary
    assert lines() == before
    assert EntitlementChange.objects.count() == 0
    assert not RulePack.objects.filter(version=2).exists()
    assert told["gain"] == {"students": 1, "amount": "50.00"}
    assert told["lose"] == {"students": 3, "amount": "200.00"}
    assert told["by_rule"]["lz-compulsory-textbook"]["lose"] == {"students": 2, "amount": "0.00"}
    assert told["by_rule"]["lz-preschool-poor"]["lose"] == {"students": 1, "amount": "200.00"}
    assert told["loan"]["gain"] == {"students": 1, "amount": "4000.00"}


def test_the_same_text_and_the_same_amounts_change_nothing(children: dict[str, Student]):
    told = rehearsed(LANZHOU + "\n# 只多一句说明\n").summary
    assert (told["gain"]["students"], told["lose"]["students"], told["by_rule"]) == (0, 0, {})


def test_publishing_applies_exactly_that_difference(children: dict[str, Student]):
    rehearsal = rehearsed(CHANGED, "/62/6201/")
    wanted = {
        (row.student_id, row.benefit_code): (row.old_amount, row.new_amount, row.new_rule) for row in rehearsal.rows.all()
    }
    before = {(e.student_id, e.benefit.code): e.amount for e in Entitlement.objects.select_related("benefit")}
    publish(CHANGED)
    make.recompute()
    after = {
        (e.student_id, e.benefit.code): (e.amount, e.rule.code)
        for e in Entitlement.objects.select_related("benefit", "rule")
    }
    differing = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key, (None, None))[0]}
    differing |= set(before.keys() ^ after.keys())
    assert differing == set(wanted)
    for key, (old, new, rule) in wanted.items():
        assert before.get(key) == old
        assert after.get(key, (None, None)) == (new, rule)


NEW = """
[pack]
code = "local"
title = "本县补助"
document = "本县补助办法"

[[rule]]
code = "lc-hot-meal"
title = "热餐补助"
clause = "一"
when = { stage = ["primary"] }
amount = { kind = "fixed", period = "term", values = [{ yuan = "12.50" }] }
"""


def test_a_new_pack_counts_as_adopted_by_the_region_asked_for_and_only_there(children: dict[str, Student]):
    elsewhere = make.student(at=make.school(place="620121100"), home="620121100001")
    told = rehearsed(NEW).summary
    assert told["by_rule"] == {
        "lc-hot-meal": {
            "gain": {"students": 2, "amount": "25.00"}, "lose": {"students": 0, "amount": "0.00"}, "loan": False,
        }
    }  # fmt: skip
    assert elsewhere.pk not in RehearsalRow.objects.values_list("student_id", flat=True)
    assert Counter(RehearsalRow.objects.values_list("benefit_code", flat=True)) == {"hot-meal": 2}


def test_a_second_person_publishes_while_the_facts_are_those_of_the_rehearsal(
    children: dict[str, Student], act: Callable
):
    with act("起草人", 1):
        draft = PackDraft(title="草稿", text=CHANGED, sha256="", path="/62/6201/", author="起草人", author_id=1)
        draft.sha256 = request_rehearsal(text=CHANGED, term=TERM, path="/62/6201/", draft=draft).sha256 if draft.pk else ""
        draft.save()
        with pytest.raises(Refused, match="还没有试算"):
            publish_draft(draft)
        rehearsal = request_rehearsal(text=CHANGED, term=TERM, path="/62/6201/", draft=draft)
        draft.sha256 = rehearsal.sha256
        draft.save()
        jobs.work_off(Job.objects.get(pk=rehearsal.job_id))
        draft.refresh_from_db()
        with pytest.raises(Refused, match="请由另一人审核发布"):
            publish_draft(draft)
    Enrolment.objects.filter(student=children["day"]).update(boarding=True)
    with act("审核人", 2):
        draft.refresh_from_db()
        with pytest.raises(Refused, match="请重新试算"):
            publish_draft(draft)
        rehearsal = request_rehearsal(text=CHANGED, term=TERM, path="/62/6201/", draft=draft)
        jobs.work_off(Job.objects.get(pk=rehearsal.job_id))
        draft.refresh_from_db()
        pack = publish_draft(draft)
        assert (pack.code, pack.version, draft.state, draft.published_by) == ("lanzhou", 2, "published", "审核人")
        with pytest.raises(Refused, match="当前状态不能审核发布"):
            publish_draft(draft)


def test_a_county_does_not_publish_what_its_city_has_adopted(children: dict[str, Student], act: Callable):
    with act("起草人", 1, COUNTY):
        draft = PackDraft(title="草稿", text=CHANGED, sha256="", path=COUNTY, author="起草人", author_id=1)
        draft.save()
        rehearsal = request_rehearsal(text=CHANGED, term=TERM, path=COUNTY, draft=draft)
        draft.sha256 = rehearsal.sha256
        draft.save()
        jobs.work_off(Job.objects.get(pk=rehearsal.job_id))
    with act("审核人", 2, COUNTY):
        draft.refresh_from_db()
        with pytest.raises(Refused, match="请由上级单位发布"):
            publish_draft(draft)


def test_a_rehearsal_outside_the_own_scope_or_of_nonsense_is_refused(children: dict[str, Student], act: Callable):
    with act("起草人", 1, COUNTY), pytest.raises(Refused, match="本单位范围"):
        request_rehearsal(text=CHANGED, term=TERM, path="/62/6201/")
    with pytest.raises(PackError):
        request_rehearsal(text="不是政策", term=TERM, path=COUNTY)


def test_the_odd_fen_is_kept(children: dict[str, Student]):
    row = rehearsed(CHANGED).rows.get(benefit_code="compulsory-boarding")
    assert (row.old_amount, row.new_amount, row.difference) == (Decimal("500.00"), Decimal("550.00"), Decimal("50.00"))


@pytest.fixture
def act() -> Callable:
    def acting(name: str, user: int, path: str = "/62/6201/"):
        return acting_in(Scope(path), Actor(name, user_id=user, path=path, all_powers=True))

    return acting


def test_the_commands(children: dict[str, Student], tmp_path: Path, capsys: pytest.CaptureFixture):
    import json

    from django.core.management import CommandError, call_command

    file = tmp_path / "lanzhou.toml"
    file.write_text(CHANGED, encoding="utf-8")
    call_command("rehearse", str(file), "--region", "620123", "--term", TERM.code, "--json")
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["gain"] == {"students": 1, "amount": "50.00"}
    call_command("publish_pack", str(file), "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["version"] == 2
    file.write_bytes("[pack]\ntitle = '兰州'".encode("gbk"))
    with pytest.raises(CommandError, match="UTF-8"):
        call_command("publish_pack", str(file))
    with pytest.raises(CommandError, match="找不到文件"):
        call_command("rehearse", str(tmp_path / "x.toml"), "--region", "620123", "--term", TERM.code)
