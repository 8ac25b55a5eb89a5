"""两后生: who they are, one line a year; asked, enrolled, finished, at work, in sets; whose they are and who sees what."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.models import AuditEvent
from subsidies.models import Trainee, TraineeContact
from subsidies.vocational import leavers, merged, trainees
from tests import make
from tests.vocational.conftest import TODAY, As, Vocational, asked

STARTED: dict[str, Any] = {"kind": "degree", "major": "护理", "from_on": date(2018, 10, 8), "to_on": date(2021, 7, 1)}


def found(voc: Vocational, persona: str = "maker") -> dict[str, Trainee]:
    """Name → line, after finding."""
    with voc.acting(persona) as by:
        leavers.find(2018, by=by)
    return {row.student.person.name: row for row in Trainee.objects.filter(year=2018).select_related("student__person")}


def do(voc: Vocational, persona: str, rows: Any, name: str, **told: Any) -> trainees.Done:
    with voc.acting(persona) as by:
        return trainees.step(rows, name, by=by, today=TODAY, **told)


def test_poor_leavers_on_no_roll_are_found_once_by_their_home(voc: Vocational):
    with voc.acting("maker"):
        looked = leavers.look(2018)
    assert {name: looked[name] for name in ("left", "found", "found_again", "known", "begun")} == {
        "left": 6, "found": 3, "found_again": 0, "known": 0, "begun": 2,
    }  # fmt: skip
    assert [n for _, n in looked["why"]] == [1, 1, 1]  # of 不困难生, 升学生, 年长生
    rows = found(voc)
    assert set(rows) == {"待业生", "高三生", "秋季生"}
    assert {(r.state, r.left_year, r.school_path) for r in rows.values()} == {("to_contact", 2018, "")}
    assert rows["高三生"].left_stage == "senior"
    assert rows["待业生"].left_school == voc.junior
    with voc.acting("maker") as by:
        assert leavers.find(2018, by=by) == 0
    with voc.acting("cadre") as by, pytest.raises(Refused, match="由家庭所在地的县"):
        leavers.find(2018, by=by)
    with voc.acting("cadre"):
        assert Trainee.objects.count() == 3  # of the village
    assert set(found(voc, "other_maker")) == {"待业生", "高三生", "秋季生", "跨县生二"}
    with voc.acting("other_maker"):
        assert [row.student.person.name for row in Trainee.objects.all()] == ["跨县生二"]
    with voc.acting("centre") as by, pytest.raises(Refused, match="由家庭所在地的县"):
        leavers.find(2018, by=by)
    with voc.acting("maker") as by, pytest.raises(Refused, match="还没有高一、中职一年级的学籍"):
        leavers.find(2015, by=by)


def test_whom_nobody_took_in_is_asked_again_next_year(voc: Vocational):
    rows = found(voc)
    do(voc, "maker", Trainee.objects.filter(pk=rows["高三生"].pk), "enrol", school=voc.centre, **STARTED)
    do(voc, "maker", Trainee.objects.filter(pk=rows["秋季生"].pk), "strike", note="户口已迁出")
    make.enrolment(voc.people["gone_on"], at=voc.centre, term="2019-autumn", stage="secondary_vocational", grade=1)
    with voc.acting("maker") as by:
        assert leavers.find(2019, by=by) == 1
    again = Trainee.objects.get(year=2019)
    assert (again.student, again.left_year, again.state) == (voc.people["waiting"], 2018, "to_contact")
    with pytest.raises(IntegrityError, match="one_trainee_line_a_year"), transaction.atomic():
        Trainee.objects.filter(pk=again.pk).update(year=2018)


def test_from_the_first_call_to_work_in_sets(voc: Vocational):
    rows = found(voc)
    everybody = Trainee.objects.filter(year=2018)
    one, two = (Trainee.objects.filter(pk=rows[name].pk) for name in ("待业生", "高三生"))
    with pytest.raises(Refused, match="请选择不愿意的原因"):
        do(voc, "maker", one, "decline")
    with pytest.raises(Refused, match="请写明原因"):
        do(voc, "maker", one, "decline", why="other")
    assert do(voc, "maker", one, "decline", why="working", note="在广州 13812345678").moved == 1
    one_row = one.get()
    assert (one_row.why, "13812345678" in one_row.remark) == ("working", False)
    assert do(voc, "maker", everybody, "agree").moved == 3
    assert one.get().why == ""
    with pytest.raises(Refused, match="离入学超过七年"):
        do(voc, "maker", one, "enrol", school=voc.far, **{**STARTED, "to_on": date(2036, 1, 1)})
    away = do(voc, "other_maker", everybody, "enrol", school=voc.far, **STARTED)
    assert (away.moved, dict(away.reasons)) == (0, {})  # not theirs: they see none
    done = do(voc, "maker", everybody, "enrol", school=voc.centre, **STARTED)
    assert (done.moved, one.get().school_path) == (3, voc.centre.path)
    assert AuditEvent.objects.filter(action="trainee.enrol").count() == 3
    # The institution sees its own and may go on with them; what is the home's is not its.
    home_only = do(voc, "centre", everybody, "strike", note="错了")
    assert (home_only.moved, home_only.reasons["当前状态不能不在范围"]) == (0, 3)
    early = do(voc, "centre", one, "finish", finished_on=date(2018, 10, 1), certificate="焊工证")
    assert (early.moved, list(early.reasons)) == (0, ["入学（开班）日期晚于结业日期 2018-10-01"])
    assert do(voc, "centre", everybody, "finish", finished_on=date(2018, 11, 1), certificate="焊工证").moved == 3
    with pytest.raises(Refused, match="请填写就业单位"):
        do(voc, "centre", one, "employ", outcome_on=date(2018, 11, 5))
    told = {"employer": "某电子厂", "post": "质检", "wage": "from3000", "place": "兰州", "outcome_on": date(2018, 11, 5)}
    assert do(voc, "centre", one, "employ", **told).moved == 1
    assert do(voc, "maker", two, "study_on", onward="某高职", outcome_on=date(2018, 11, 6)).moved == 1
    assert do(voc, "maker", one, "study_on", onward="某高职", outcome_on=date(2018, 11, 6)).moved == 1
    assert (one.get().employer, one.get().onward) == ("", "某高职")
    with pytest.raises(IntegrityError, match="studying_trainee_has_a_school"), transaction.atomic():
        one.update(onward="")
    quits = Trainee.objects.filter(pk=rows["秋季生"].pk)
    quits.update(state="enrolled", finished_on=None, certificate="")
    assert do(voc, "centre", quits, "quit", note="家里有事").moved == 1
    assert (quits.get().school, quits.get().kind, quits.get().state) == (None, "", "to_contact")


def test_the_file_and_its_phone(voc: Vocational, as_: As, today: Any):
    rows = found(voc)
    row = rows["待业生"]
    here = reverse("trainee_detail", args=[row.pk])
    assert as_("centre").get(here).status_code == 404
    said = {"contacted_on": "2018-11-19", "way": "visit", "who": "李干事", "note": "愿意学汽修，电话 13912345678"}
    as_("cadre").post(reverse("trainee_contact", args=[row.pk]), said)
    as_("cadre").post(reverse("trainee_phone", args=[row.pk]), {"phone": "13712340001"})
    assert TraineeContact.objects.get().note == "愿意学汽修，电话 139******78"
    row.refresh_from_db()
    assert (row.contacted_on, row.phone) == (date(2018, 11, 19), "13712340001")
    step = {"school": "榆槐职教中心", **STARTED}
    as_("maker").post(reverse("trainee_step", args=[row.pk, "enrol"]), step)
    pages = {persona: as_(persona).get(here).content.decode() for persona in ("maker", "centre", "city", "cadre")}
    assert all("13712340001" not in text and "榆槐职教中心" in text for text in pages.values())
    assert "由另一方登记" in pages["centre"]
    assert "兴隆山村" in pages["maker"]
    assert "兴隆山村" not in pages["centre"]
    assert "登记结业" in pages["centre"]
    assert reverse("student_detail", args=[row.student_id]) not in pages["centre"]
    purpose = {"purpose": "联系家庭"}
    assert "13712340001" in as_("maker").post(reverse("trainee_reveal", args=[row.pk]), purpose).content.decode()
    hidden = as_("centre").post(reverse("trainee_reveal", args=[row.pk]), purpose, headers={"HX-Request": "true"})
    assert (hidden.status_code, "由另一方登记" in hidden.content.decode()) == (409, True)
    assert AuditEvent.objects.filter(action="secret.reveal").count() == 1
    as_("maker").post(reverse("trainee_phone", args=[row.pk]), {"phone": "无"})
    row.refresh_from_db()
    assert (row.phone, row.phone_path) == (None, "")


def test_the_list_finds_and_moves_what_it_finds(voc: Vocational, as_: As, today: Any):
    as_("maker").post(reverse("trainee_run") + "?year=2018")
    url = reverse("trainee_list") + "?year=2018"
    maker = as_("maker")
    maker.get(reverse("home"))  # the session is touched once a minute
    text = asked(maker, url)
    assert all(name in text for name in ("待业生", "高三生", "秋季生"))
    assert "对筛选出的 3 人一起办理" in text
    as_("maker").post(reverse("trainee_bulk", args=["agree"]) + "?year=2018&left_stage=senior")
    assert list(Trainee.objects.filter(state="willing").values_list("left_stage", flat=True)) == ["senior"]
    reached = as_("maker").get(url + "&state=willing&fresh=1&on_roll=0&contacted=0").content.decode()
    assert "高三生" in reached
    assert "待业生" not in reached
    assert "没有符合条件的人" in as_("maker").get(url + "&on_roll=1").content.decode()
    answer = as_("maker").post(reverse("trainee_bulk", args=["enrol"]) + "?year=2018", {"school": "没有的学校"}, follow=True)
    assert "没有找到这所院校" in answer.content.decode()
    odd = as_("maker").post(reverse("trainee_bulk", args=["agree"]) + "?year=2018&state=odd", follow=True)
    assert "筛选条件有误" in odd.content.decode()
    assert Trainee.objects.filter(state="willing").count() == 1
    assert as_("maker").get(reverse("trainee_find") + "?year=0001").status_code == 200
    find = as_("maker").get(reverse("trainee_find") + "?year=2018").content.decode()
    assert "没有要新登记的" in find
    assert "由家庭所在地" in as_("centre").get(reverse("trainee_find") + "?year=2018").content.decode()
    assert as_("checker").get(reverse("trainee_find")).status_code == 403


def test_of_one_person_twice_one_line_stands_and_both_come_back(voc: Vocational):
    rows = found(voc)
    keep, going = rows["待业生"], rows["高三生"]
    told = merged.merge(keep.student_id, going.student_id)
    going.refresh_from_db()
    assert (going.student_id, going.state) == (keep.student_id, "struck")
    again = do(voc, "maker", Trainee.objects.filter(pk=going.pk), "restore")
    assert (again.moved, list(again.reasons)) == (0, ["这个人本年度已有另一条记录"])
    merged.part(keep.student_id, voc.people["senior"].pk, told)
    going.refresh_from_db()
    assert (going.student_id, going.state) == (voc.people["senior"].pk, "to_contact")
