"""在外就读: the home side records and checks what it finds out; both homes' aid side by side; nobody else sees it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.models import AuditEvent, StoredFile
from aidcases.seen import Changed
from students.models import Enrolment
from subsidies.models import Entitlement, Rule, StudyAway
from subsidies.payments import listing
from subsidies.plans import away, merged
from tests import make
from tests.personas import TERM, As, World
from tests.students.test_pages import queries_of
from tests.subsidies.test_plans import TODAY, Acting, acting, today  # noqa: F401

EMPTY = {
    "reason": "", "aided": "", "item": "", "yuan": None, "proof_on": None, "how": "", "checked_by": "", "checked_on": None,
    "note": "",
}  # fmt: skip
CHECK = {"how": "phone", "checked_by": "乙经办", "checked_on": TODAY}


def test_who_is_away_depends_on_how_far(world: World, acting: Acting) -> None:  # noqa: F811
    near = make.student("邻镇生", at=world.there.primary, home="620121102001")
    with acting("other_maker"):
        assert set(away.away(TERM, away.TOWNSHIP).values_list("student", flat=True)) == {world.crossing.pk, near.pk}
        assert list(away.away(TERM).values_list("student", flat=True)) == [world.crossing.pk]
        assert not away.away(TERM, away.PROVINCE).exists()
    for persona in ("maker", "school", "other_school"):  # where it studies, it is no child from here
        with acting(persona):
            assert not away.away(TERM, away.TOWNSHIP).exists()


def test_what_is_recorded_is_whole_and_the_home_s_alone(world: World, acting: Acting) -> None:  # noqa: F811
    with acting("other_maker") as by:
        row = away.away(TERM).select_related("student").get()
        told = {"by": by, "today": TODAY}
        for wrong, reason in (
            ({"aided": "yes"}, "请写资助项目"),
            ({"aided": "no", "yuan": Decimal(5)}, "才填项目和金额"),
            ({"aided": "yes", "item": "助", "yuan": Decimal(-1)}, "元之间"),
            ({"how": "phone"}, "一起填"),
            ({**CHECK, "checked_on": date(2018, 10, 9)}, "不能晚于今天"),
            ({"proof_on": date(2001, 1, 1)}, "十年前"),
        ):
            with pytest.raises(Refused, match=reason):
                away.save(row, **told, **EMPTY | wrong)
        first = away.save(row, **told, **EMPTY | {"note": "母亲 13912345678 说随迁"}, mark=away.shown(None))
        assert "13912345678" not in first.note
        with pytest.raises(Changed):
            away.save(row, **told, **EMPTY, mark=away.shown(None))
        assert away.check_all(away.away(TERM), TERM, reason="parents", **CHECK, **told) == (0, 1)
        assert away.check_all(away.away(TERM), TERM, reason="kin", **CHECK, **told) == (0, 0)
        first.refresh_from_db()
        assert (first.reason, first.how, first.checked_by) == ("parents", "phone", "乙经办")
        first.delete()
        assert away.check_all(away.away(TERM), TERM, reason="further", **CHECK, **told) == (1, 0)
        assert AuditEvent.objects.filter(action="away.checked").count() == 3
    for persona in ("maker", "school"):
        with acting(persona):
            assert not StudyAway.objects.exists()


def test_aid_of_both_homes_is_pointed_out(world: World, acting: Acting) -> None:  # noqa: F811
    def hint() -> str:
        return away.away(TERM).annotate(twice=away.double(TERM)).get().twice

    child = world.crossing
    first, *others = Entitlement.objects.filter(student=child).granted().order_by("benefit")
    with acting("other_maker") as by:
        row, told = away.away(TERM).select_related("student").get(), {"by": by, "today": TODAY}
        assert hint() == ""
        away.save(row, **told, **EMPTY | {"aided": "yes", "item": "寄宿补助", "yuan": Decimal(500)})
        assert hint() == ""  # nothing is due at home
    Rule.objects.filter(pk=first.rule_id).update(jurisdiction="household")
    Entitlement.objects.filter(student=child, benefit=first.benefit_id).update(amount=Decimal(300))
    with acting("other_maker"):
        assert hint() == away.DUE
    due = Entitlement.objects.filter(student=child)
    assert listing.freeze(due.filter(benefit=first.benefit_id), make.batch("settlement", under="620121")) == 1
    with acting("other_maker"):
        assert hint() == away.PAID
        StudyAway.objects.update(aided="", item="", yuan=None)
        assert hint() == ""  # nobody says the school's place gives anything
    assert listing.freeze(due.filter(benefit__in=[each.benefit_id for each in others]), make.batch("settlement"))
    with acting("other_maker"):
        assert hint() == away.PAID  # the school's county has it on a batch


def test_the_pages(world: World, as_: As) -> None:
    maker, row = as_("other_maker"), Enrolment.objects.get(student=world.crossing)
    lists, edit = reverse("away_list") + f"?term={TERM.code}", reverse("away_edit", args=[row.pk])
    assert "跨县生" in maker.get(lists).content.decode()
    seen = maker.get(edit).context["form"].initial["seen"]
    typed = {
        **dict.fromkeys(EMPTY, ""),
        "reason": "parents",
        "aided": "yes",
        "item": "寄宿补助",
        "yuan": "500",
        "seen": seen,
    }
    homes = Enrolment._base_manager.filter(pk=row.pk)  # of a home only the county is known: on the list, so to be opened
    assert homes.update(home_path="/62/6201/620121/") == 1
    assert f'href="{edit}"' in maker.get(lists).content.decode()
    assert maker.get(edit).status_code == 200
    homes.update(home_path=row.home_path)
    wrong = maker.post(reverse("away_save", args=[row.pk]), typed | {"how": "phone"})
    assert (wrong.status_code, "一起填" in wrong.content.decode()) == (422, True)
    paper = SimpleUploadedFile("证明.jpg", b"\xff\xd8\xff" + b"0" * 40)
    assert (
        maker.post(reverse("away_save", args=[row.pk]), typed | {"proof_on": "2018-09-20", "proof": paper}).status_code
        == 302
    )
    [record], [file] = StudyAway.objects.all(), StoredFile.objects.filter(what=away.PROOF)
    assert (record.home_path, record.proof_on, file.path) == (row.home_path, date(2018, 9, 20), row.home_path)
    shown = maker.get(reverse("away_proof", args=[record.pk]))
    assert b"".join(shown.streaming_content).startswith(b"\xff\xd8\xff")
    check = {**CHECK, "checked_on": "2018-10-08", "reason": "kin"}
    told = maker.post(f"{reverse('away_check')}?term={TERM.code}", check, follow=True).content.decode()
    assert "已登记核实 1 名学生" in told
    for query, found in (
        ("checked=0", False),
        ("checked=1", True),
        ("aided=yes", True),
        ("aided=none", False),
        ("level=province", False),
    ):
        assert ("跨县生" in maker.get(f"{lists}&{query}").content.decode()) is found, query
    assert "寄宿补助" in maker.get(reverse("student_detail", args=[world.crossing.pk])).content.decode()
    assert queries_of(maker, lists) <= 12
    for persona, status in (("maker", 404), ("school", 403), ("city", 403)):
        assert as_(persona).get(edit).status_code == status
        paper = as_(persona).get(reverse("away_proof", args=[record.pk]))
        assert paper.status_code == {"city": 200}.get(persona, status)
        assert not paper.streaming or b"".join(paper.streaming_content)  # read to its end, it is closed
    for persona in ("maker", "school"):  # where it studies
        assert "寄宿补助" not in as_(persona).get(reverse("student_detail", args=[world.crossing.pk])).content.decode()


def test_of_two_records_the_survivor_s_counts_and_both_come_back(world: World) -> None:
    keep, going = world.crossing, world.there.students[0]
    for child, item in ((keep, "甲"), (going, "乙")):
        StudyAway(student=child, term=TERM.code, home_path=child.person.home_path, note=item, made_by="丙").save()
    told = merged.merge(keep.pk, going.pk)
    assert list(StudyAway.objects.values_list("student", "note")) == [(keep.pk, "甲")]
    merged.part(keep.pk, going.pk, told)
    assert set(StudyAway.objects.values_list("student", "note")) == {(keep.pk, "甲"), (going.pk, "乙")}
