"""What is refused keeps what was typed; a class teacher sees own children; the same sent twice is one; names and cases that
others have."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aidcases import searching
from aidcases.flow import Refused
from aidcases.models import Reminder
from aidcases.roles import P
from aidcases.scoping import EVERYWHERE, SYSTEM, acting_in
from aidcases.terms import Term
from dropout import cases, deferrals, drawing, measures, reminding, suspicions, tips
from dropout.enums import VisitResult
from dropout.models import (
    Deferral,
    Difference,
    DropoutCase,
    ExamResult,
    Inspection,
    InspectionLine,
    LegalStep,
    Measure,
    Rectification,
    TeamMember,
    Tip,
    WarningLine,
)
from students import finding
from subsidies.models import Responsible
from tests import make
from tests.casework.conftest import Crew, browser, crew  # noqa: F401  (fixtures)
from tests.dropout.build import case, ready_case, rectification, tip

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()
Browser = Callable[[str], Client]
TERM = Term.parse("2026-autumn")
TOMORROW = str(TODAY + timedelta(days=1))
LONG = "上午到家里，爷爷在，说孩子跟着舅舅出去了，约好周五再去"


def kept(client: Client, name: str, *args: Any, shows: tuple[str, ...], **data: Any) -> str:
    """The page that answers a refusal: not somewhere else, with what was typed and why."""
    answer = client.post(reverse(name, args=args), data)
    page = answer.content.decode()
    assert (name, answer.status_code, [each for each in shows if each not in page]) == (name, 422, [])
    return page


def test_what_is_refused_keeps_what_was_typed(crew: Crew, browser: Browser) -> None:  # noqa: F811
    child = make.student("王小明明", at=crew.school, term=TERM.code)
    row, told = ready_case("verifying", student=child), tip(answer="")
    maker, checker = browser("county_maker"), browser("county_checker")
    said = {"answer": LONG, "reply": "王小明明已经返校了，谢谢您的反映"}
    kept(maker, "tip_answer", told.pk, **said, shows=(f">{LONG}</textarea>", f">{said['reply']}</textarea>", "姓名（王小明明）"))
    kept(maker, "tip_case", told.pk, child="李不在", shows=('value="李不在"', "名单里没有这名学生"))
    measure = {"kind": "learning", "done_on": TOMORROW, "done_by": "乙", "text": LONG}
    kept(maker, "measure_take", row.pk, **measure, shows=(LONG, "日期不能晚于今天"))
    visit = {
        "key": str(uuid.uuid4()), "visited_at": f"{TOMORROW}T10:00", "kind": "home", "place": "三社", "people": "甲",
        "said": LONG, "result": VisitResult.values[0],
    }  # fmt: skip
    kept(maker, "visit_send", row.pk, **visit, shows=(LONG, "走访时间不能晚于现在", visit["key"]))
    kept(maker, "visit_send", row.pk, **visit | {"key": "?"}, shows=(LONG, 'name="key"'))
    gone = {"left_on": TOMORROW, "cause": "learning", "whereabouts": LONG}
    wanted = (f'value="{TOMORROW}"', '<option value="learning" selected>', f'value="{LONG}"', 'id="step-confirm" open')
    page = kept(checker, "case_step", row.pk, "confirm", **gone, shows=(*wanted, "辍学日期不能晚于今天"))
    assert len(re.findall("<dialog[^>]* open", page)) == 1  # the other dialogs stay closed
    assert checker.post(reverse("case_step", args=[row.pk, "confirm"]), gone | {"left_on": str(TODAY)}).status_code == 302
    kept(checker, "case_step", row.pk, "confirm", **gone, shows=("您填写的没有保存", LONG))  # another was faster
    watched = ready_case("watched", student=make.student("陈观察", at=crew.school, term=TERM.code), proof="")
    kept(maker, "proof_ask", watched.pk, note="<说在", shows=('id="confirm-ask" open', ">&lt;说在</textarea>", "至少 5 个字"))
    DropoutCase.objects.filter(pk=watched.pk).update(state="closed", proof="roll", closed_on=TODAY, closed_by="乙",
                                                     recheck_on=TODAY + timedelta(days=9))  # fmt: skip
    kept(maker, "recheck", watched.pk, seen="yes", note=LONG, shows=('value="yes" required checked', LONG, "起才到复查时间"))
    task = rectification(answer="")
    kept(maker, "rectification_answer", task.pk, answer="已改", shows=(">已改</textarea>", "至少 5 个字"))
    kept(browser("second_maker"), "case_open", child_of(crew.second, row).pk, found_by="household", note=LONG,
         shows=(LONG, "已经有控辍案件"))  # fmt: skip
    told.refresh_from_db()
    assert (told.state, Measure.objects.count(), row.visits.count()) == ("open", 0, 0)


def test_a_dialog_that_is_refused_stands_open_with_what_was_typed(crew: Crew, browser: Browser) -> None:  # noqa: F811
    maker, checker = browser("county_maker"), browser("county_checker")
    told, done = tip(answer=""), tip(state="done", answer="已办", reply="已答复您", answered_on=TODAY, answered_by="乙")
    kept(maker, "tip_assign", done.pk, owner="李局长", shows=("已经办理，不能再改派", "您填写的没有保存", "<p>李局长</p>"))
    kept(maker, "tip_reopen", told.pk, note=LONG, shows=("您填写的没有保存", LONG))
    suspected = ready_case("suspected", student=make.student("钱勾选", at=crew.school, term=TERM.code))
    bulk = {"do": "acquit", "take": suspected.pk, "alarm": "", "note": LONG}
    wanted = ('id="bulk-acquit" open', f">{LONG}</textarea>", f'value="{suspected.pk}" form="bulk" checked', "请选择核查结果")
    kept(checker, "case_bulk", **bulk, shows=wanted)
    bulk |= {"which": "all", "alarm": "dead", "note": " "}
    kept(checker, "case_bulk", **bulk, shows=('"all" selected', '"dead" selected', "请写明怎么核实的"))
    row = ready_case("legal", student=make.student("孙起诉", at=crew.school, term=TERM.code), legal_step=1)
    kept(checker, "case_bulk", **bulk | {"which": "ticked", "take": row.pk, "note": LONG}, shows=(LONG, "1 件没有办"))
    step = LegalStep(case=row, path=crew.county.path, step=1, paper="return_notice", number="榆教控复〔2026〕1号",
                     issued_on=TODAY, issuer="榆中县教育局", addressee="孙大山", deadline_on=TODAY, made_by="乙")  # fmt: skip
    step.save()
    served = {"served_on": TOMORROW, "how": "post", "served_by": "李文书", "received_by": "孙大山"}
    page = kept(maker, "legal_serve", step.pk, **served, shows=("送达日期要在", "请上传送达回证的照片", "照片请重新选择"))
    assert all(f'value="{each}"' in page for each in (TOMORROW, "李文书", "孙大山"))
    assert '"post" selected' in page
    assert re.search(r'<details[^>]* open><summary[^>]*>登记送达', page)
    kept(maker, "legal_serve", step.pk, **served | {"served_on": "昨天"}, shows=('value="昨天"', 'value="李文书"'))
    kept(maker, "legal_outcome", step.pk, outcome=" ", shows=("请写明结果",))
    DropoutCase.objects.filter(pk=row.pk).update(rounds=2)
    kept(maker, "legal_outcome", step.pk, outcome=LONG, shows=("以前各次的不再改", "您填写的没有保存", LONG))
    LegalStep.objects.filter(pk=step.pk).update(served_on=TODAY, served_how="post", served_by="丙", received_by="丁")
    kept(maker, "legal_serve", step.pk, **served, shows=("已经登记过送达", "您填写的没有保存", "李文书"))


def child_of(school: Any, row: DropoutCase) -> Any:
    """A child there whose case has been left on the school before."""
    moved = make.student("赵转走", at=school, term=TERM.code)
    case(student=moved, school_path=row.school_path, home_path=row.home_path)
    return moved


def test_a_measure_sent_three_times_is_one(crew: Crew, browser: Browser) -> None:  # noqa: F811
    row, maker = case("persuading", student=make.student(at=crew.school, term=TERM.code)), browser("county_maker")
    said = {"kind": "learning", "done_on": str(TODAY), "done_by": "乙", "text": "补数学，电话 13812345678"}
    for _ in range(3):
        assert maker.post(reverse("measure_take", args=[row.pk]), said).status_code == 302
    assert Measure.objects.count() == 1
    maker.post(reverse("measure_take", args=[row.pk]), said | {"text": "补语文"})
    other = case("persuading", student=make.student(at=crew.school, term=TERM.code))
    with crew.acting("county_maker") as by:
        measures.take(other, **said | {"done_on": TODAY}, by=by, today=TODAY)
    assert Measure.objects.count() == 3


def seen_by(client: Client) -> dict[str, set[str]]:
    words = ("张病病", "赵预警", "周帮扶", "白血病", "某童名在人不在", "抽到的不在校", "班主任只看到")
    pages = {name: client.get(reverse(name)).content.decode() for name in ("deferral_list", "warning_list", "rectification_list")}
    return {name: {word for word in words if word in page} for name, page in pages.items()}


def test_a_class_teacher_sees_deferrals_warnings_and_tasks_of_own_children(crew: Crew, browser: Browser) -> None:  # noqa: F811
    ill, warned, helped = (make.student(name, at=crew.school, term=TERM.code) for name in ("张病病", "赵预警", "周帮扶"))
    with crew.acting("county_head") as by:
        days = {"from_on": TODAY, "until_on": TODAY + timedelta(days=100), "approved_on": TODAY}
        given = {"kind": "leave", "reason": "白血病住院", "approved_by": "县教育局", "document": "1号", **days}
        deferrals.approve(ill, **given, by=by, today=TODAY)
    sides = {who: {"home_path": who.person.home_path, "school_path": who.person.school_path} for who in (ill, warned, helped)}
    day = {"term": TERM.code, "number": 1, "since_on": TODAY, "changed_on": TODAY, "values": {"absence": [12, 10]}}
    lines = [WarningLine.objects.create(student=who, **day, **sides[who]) for who in (warned, helped)]
    draw = Inspection(path=crew.county.path, term=TERM.code, seed="7", size=1, sha256="0" * 64, drawn_on=TODAY, drawn_by="乙")
    draw.save()
    drawn = InspectionLine(inspection=draw, order=1, stratum="其他", student=warned, **sides[warned])
    drawn.save()
    sick = case("confirmed", student=ill)
    tasks = [
        rectification(problem="某童名在人不在", case=sick),
        rectification(problem="抽到的不在校", line=drawn),
    ]
    Rectification.objects.update(path=crew.office("teacher").path)
    reminding.rectifications_due(timezone.now())  # their titles tell the problem: to who reports for the school
    assert set(Reminder.objects.filter(key="rectification.due").values_list("permission", flat=True)) == {P.DROPOUT_REPORT}
    assert "某童名在人不在" not in browser("teacher").get(reverse("inbox")).content.decode()
    teacher, all_seen = browser("teacher"), seen_by(browser("school_maker"))
    assert all_seen == {
        "deferral_list": {"张病病", "白血病"}, "warning_list": {"赵预警", "周帮扶"},
        "rectification_list": {"某童名在人不在", "抽到的不在校"},
    }  # fmt: skip
    assert seen_by(teacher) == {name: {"班主任只看到"} for name in all_seen}
    urls = [("warning_detail", lines[0].pk), ("warning_detail", lines[1].pk)]
    urls += [("rectification_detail", task.pk) for task in tasks]
    assert {teacher.get(reverse(name, args=[pk])).status_code for name, pk in urls} == {404}
    assert "县教育局" not in teacher.get(reverse("student_detail", args=[ill.pk])).content.decode()
    # Named for the children they see everything of them; who answers to the account for aid is warned of, too.
    user = crew["teacher"].pk
    for row in (sick, case(student=warned)):
        TeamMember(case=row, seat="class_teacher", name="班主任甲", user_id=user, from_on=TODAY, set_by="乙").save()
    Responsible(student=helped, contact="班主任甲", contact_user_id=user, set_by="乙").save()
    assert seen_by(teacher) == all_seen
    assert {teacher.get(reverse(name, args=[pk])).status_code for name, pk in urls} == {200}
    answered = teacher.post(reverse("warning_answer", args=[lines[1].pk]), {"answer": "已电话联系家长"})
    assert (answered.status_code, WarningLine.objects.get(pk=lines[1].pk).answer) == (302, "已电话联系家长")
    assert (Deferral.objects.count(), Rectification.objects.count()) == (1, 2)


def test_a_class_teacher_sees_and_fills_in_the_own_class(crew: Crew, browser: Browser) -> None:  # noqa: F811
    names = ("我班生", "别班生", "没人管", "办案生")
    own, other, nobodys, watched = (make.student(name, at=crew.school, term=TERM.code, stage="primary") for name in names)
    for who, user in ((own, "teacher"), (other, "school_maker"), (watched, "school_maker")):
        Responsible(student=who, contact="甲", contact_user_id=crew[user].pk, set_by="乙").save()
    team = {"seat": "class_teacher", "name": "甲", "user_id": crew["teacher"].pk, "from_on": TODAY, "set_by": "乙"}
    TeamMember(case=case("confirmed", student=watched), **team).save()
    teacher, term = browser("teacher"), f"?term={TERM.code}"

    def of(client: Client, url: str) -> list[bool]:
        return [name in client.get(url).content.decode() for name in names]

    assert of(browser("school_maker"), reverse("student_list") + term) == [True] * 4
    assert of(teacher, reverse("student_list") + term) == [True, False, True, True]
    hits = {name: titles(crew, name) for name in names}
    assert hits == {"我班生": ["我班生"], "别班生": [], "没人管": ["没人管"], "办案生": ["办案生"]}
    pages = [teacher.get(reverse("student_detail", args=[who.pk]) + term).status_code for who in (own, other, nobodys, watched)]
    assert pages == [200, 404, 200, 200]
    assert teacher.get(reverse("case_new", args=[other.pk])).status_code == 404
    room = re.search(r'of=([^"&]+)', teacher.get(reverse("exam_class") + term).content.decode())
    assert room
    address = f"{reverse('exam_class')}{term}&of={room[1]}"
    assert of(teacher, address) == [True, False, False, False]
    assert of(browser("school_maker"), address) == [True] * 4
    save = f"{reverse('exam_save')}{term}"
    assert "没有登记给您" in teacher.post(save, {f"failed-{other.pk}": "3"}, follow=True).content.decode()
    teacher.post(save, {f"failed-{own.pk}": "3"})
    assert list(ExamResult.objects.values_list("student", "failed")) == [(own.pk, 3)]


def titles(of: Crew, name: str) -> list[str]:
    with of.acting("teacher"):
        return [hit.label for hit in finding.students(searching.understood(name), 9)]


def test_a_case_that_lies_with_others_is_said_and_counted(crew: Crew, browser: Browser) -> None:  # noqa: F811
    child = make.student("李小小", at=crew.school, term=TERM.code)
    hidden = case(student=child, home_path="/62/6201/620121/620121100/", school_path=crew.foreign.path)
    told = tip()
    kept(browser("county_maker"), "tip_case", told.pk, child="李小小", shows=('value="李小小"', cases.ELSEWHERE))
    assert Tip.objects.get(pk=told.pk).case_id is None
    with crew.acting("county_maker") as by, pytest.raises(Refused, match="已经有控辍案件"):
        cases.open_case(child, found_by="household", term=TERM, by=by, today=TODAY, note="入户发现")
    for who in (child, make.student("孙新来", at=crew.school, term=TERM.code)):
        sides = {"home_path": who.person.home_path, "school_path": who.person.school_path}
        Difference.objects.create(student=who, term=TERM.code, kind="absent", area=crew.county.path, found_on=TODAY, **sides)
    with acting_in(EVERYWHERE, SYSTEM):
        assert suspicions.follow(TERM, crew.county.path, TODAY) == {"opened": 1, "reopened": 0, "elsewhere": 1}
    assert DropoutCase.objects.get(pk=hidden.pk).state == "suspected"


def test_a_name_is_a_name_with_and_without_dots_and_blanks(crew: Crew) -> None:  # noqa: F811
    for name in ("阿依·古丽", "欧阳小明", "李 雷"):
        make.student(name, at=crew.school, term=TERM.code)
    told = tip(text="村里李雷没有上学")
    named = {
        "阿依·古丽已返校": ["阿依·古丽"], "阿依古丽已返校": ["阿依·古丽"], "阿依 • 古丽已返校": ["阿依·古丽"],
        "欧阳 小明已返校": ["欧阳小明"], "欧阳\u3000小明返校": ["欧阳小明"], "李雷返校": ["李 雷"], "孩子已返校": [],
    }  # fmt: skip
    with crew.acting("county_maker"):
        assert {reply: tips.named_in(reply, told) for reply in named} == named


def test_the_checksum_of_a_draw_is_keyed_by_the_list_it_was_drawn_from() -> None:
    """Who has the list gets the same in any order; one number alone, however guessed, does not give it."""
    roster, drawn = [("a", "2"), ("a", "1"), ("b", "3")], [("a", "2")]
    assert drawing.checksum(roster, drawn) == drawing.checksum(reversed(roster), drawn)
    others = [(drawn, drawn), (roster, [("a", "1")]), (roster[:2], drawn), ([*roster, ("b", "4")], drawn), ([], drawn)]
    assert drawing.checksum(roster, drawn) not in {drawing.checksum(*other) for other in others}
