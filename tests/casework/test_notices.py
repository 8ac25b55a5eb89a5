"""A notice from the reviewed list to the archive: who may, what it freezes, when it ends, what moves with it."""

from __future__ import annotations

import io
import threading
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone
from PIL import Image

from aidcases.flow import Refused
from aidcases.models import AuditEvent, CalendarYear
from aidcases.scoping import EVERYWHERE, SYSTEM, acting_in
from aidcases.terms import Term
from subsidies.casework import applying, noticelists, notices, objections
from subsidies.models import (
    Application,
    Benefit,
    Entitlement,
    NoticeLine,
    Panel,
    PanelMember,
    Payment,
    PublicNotice,
    Rule,
    RulePack,
)
from subsidies.models.notices import Finding, NoticeKind
from tests import make
from tests.casework import build
from tests.casework.conftest import Crew, build_crew
from tests.subsidies.pdfs import Pdf

FRIDAY = date(2026, 10, 9)
TERM = Term.parse(build.TERM)


def after(day: int) -> datetime:
    """A moment in October 2026, just after midnight."""
    return datetime(2026, 10, day, 0, 0, 1, tzinfo=timezone.get_default_timezone())


def states(*found: Application) -> list[str]:
    return [Application.objects.get(pk=one.pk).state for one in found]


# --- lists ---------------------------------------------------------------------------------------------------------


def test_the_list_is_the_reviewed_and_recognised_of_the_school_and_term(crew: Crew):
    build.application("乙", at=crew.school, state="panel_reviewed", grade=4, class_name="2班", level="special")
    build.application("甲", at=crew.school, state="panel_reviewed", grade=4)
    build.application("不困难", at=crew.school, state="panel_reviewed", level="none")
    build.application("未评", at=crew.school, state="submitted")
    build.application("别校", at=crew.second, state="panel_reviewed")
    build.application("上学期", at=crew.school, state="panel_reviewed", term="2026-spring")
    with crew.acting("school_maker") as maker:
        made = notices.draft(NoticeKind.DETERMINATION, office=crew.office("school_maker"), term=TERM, by=maker)
        assert noticelists.table(made) == [
            ["1", "甲", "榆树小学", "四年级", "1班", "困难"],
            ["2", "乙", "榆树小学", "四年级", "2班", "特别困难"],
        ]
        assert made.title == "榆树小学2026—2027学年秋季学期困难学生认定名单公示"
        with pytest.raises(Refused, match="没有可以公示的申请"):  # they stand on a pending list already
            notices.draft(NoticeKind.DETERMINATION, office=crew.office("school_maker"), term=TERM, by=maker)


def test_a_county_makes_one_list_of_several_schools(crew: Crew):
    build.application("甲", at=crew.school, state="panel_reviewed")
    build.application("乙", at=crew.second, state="panel_reviewed")
    build.application("外", at=crew.foreign, state="panel_reviewed", home="620121100001")
    with crew.acting("county_maker") as maker:
        office = crew.office("county_maker")
        made = notices.draft(NoticeKind.DETERMINATION, office=office, term=TERM, by=maker)
        assert [row[1:3] for row in noticelists.table(made)] == [["甲", "榆树小学"], ["乙", "槐树小学"]]
        notices.drop(made, by=maker)
        made = notices.draft(NoticeKind.DETERMINATION, office=office, term=TERM, by=maker, schools=[crew.second])
        assert [row[1] for row in noticelists.table(made)] == ["乙"]
        with pytest.raises(Refused, match="不在本单位范围内"):
            notices.draft(NoticeKind.DETERMINATION, office=office, term=TERM, by=maker, schools=[crew.foreign])


def rule(name: str, **also: object) -> Rule:
    pack = RulePack.objects.get_or_create(
        code="x", version=1, defaults={"title": "政策", "document": "文件", "text": "", "sha256": "0" * 64}
    )[0]
    benefit = Benefit.objects.create(code=f"b{Benefit.objects.count()}", name=name)
    return Rule.objects.create(
        pack=pack, benefit=benefit, code=benefit.code, title=name, clause="一", jurisdiction="school", amount_kind="fixed",
        period="term", **also,
    )  # fmt: skip


def entitle(crew: Crew, who: object, given: Rule, amount: str) -> None:
    from subsidies.models import ComputeRun

    run = ComputeRun.objects.get_or_create(job_id=1, defaults={"term": build.TERM, "path": "/", "requested_by": "甲"})[
        0
    ]
    Entitlement(
        term=build.TERM, student=who, benefit=given.benefit, rule=given, school=crew.school, amount=Decimal(amount),
        home_path=who.person.home_path, school_path=crew.school.path, run=run,
    ).save(force_insert=True)  # fmt: skip


def test_a_benefit_list_has_automatic_benefits_too_with_the_yuan_and_neutral_names(crew: Crew):
    given, everybody = rule("义务教育建档立卡增补"), rule("义务教育免学杂费", universal=True)
    loan = rule("助学贷款", delivery="loan")
    who = build.student("甲", at=crew.school)
    for one, amount in ((given, "1250"), (everybody, "300"), (loan, "8000")):
        entitle(crew, who, one, amount)
    with crew.acting("school_maker") as maker:
        made = notices.draft(NoticeKind.BENEFIT, office=crew.office("school_maker"), term=TERM, by=maker)
        assert noticelists.table(made) == [["1", "甲", "榆树小学", "三年级", "1班", "义务教育增补", "1,250.00"]]
        made = notices.edit(made, by=maker, hotline="0931-5221234")
        notices.preview(made, by=maker, today=FRIDAY)
        assert notices.rename_benefit(made, "义务教育增补", "建档立卡学生补助", by=maker) == 1
        with pytest.raises(Refused, match="暴露学生的困难类别"):
            notices.preview(made, by=maker, today=FRIDAY)


def test_a_funds_list_sums_a_child_s_lines_of_the_batch(crew: Crew):
    given, who = rule("寄宿生生活补助"), build.student("甲", at=crew.school)
    common = {
        "student": who, "benefit": given.benefit, "rule": given, "school": crew.school, "term": build.TERM,
        "home_path": who.person.home_path, "school_path": crew.school.path,
    }  # fmt: skip
    one, other = make.batch(term=build.TERM), make.batch(term=build.TERM)
    for instalment, (batch, yuan) in enumerate(((one, 500), (one, 125), (other, 1)), 1):
        Payment(batch=batch, amount=Decimal(yuan), other=yuan, instalment=instalment, **common).save()
    gone = {"state": "cancelled", "cancelled_at": "2026-10-01T00:00Z", "instalment": 4}
    Payment(batch=one, amount=Decimal(2), other=2, **gone, **common).save()
    with crew.acting("school_maker") as maker:
        made = notices.draft(NoticeKind.FUNDS, office=crew.office("school_maker"), term=TERM, by=maker, batch=one.number)
        assert [row[-2:] for row in noticelists.table(made)] == [["寄宿生生活补助", "625.00"]]


def test_a_panel_s_list_names_its_members_and_nothing_of_theirs(crew: Crew):
    panel = Panel(school=crew.school, path=crew.school.path, term=build.TERM, made_by="甲")
    panel.save()
    for name, kind in (("王村长", "village_cadre"), ("李校长", "leader")):
        PanelMember(panel=panel, name=name, kind=kind, unit="袁家营村3社").save()
    with crew.acting("school_maker") as maker:
        made = notices.draft(NoticeKind.PANEL, office=crew.office("school_maker"), term=TERM, by=maker)
        assert noticelists.table(made) == [["1", "李校长", "学校领导"], ["2", "王村长", "村（社区）干部"]]
        made = notices.edit(made, by=maker, hotline="0931-5221234")
        notices.preview(made, by=maker, today=FRIDAY)
    with crew.acting("school_checker") as checker:
        notices.publish(made, by=checker, today=FRIDAY)
    panel.refresh_from_db()
    assert panel.posted_on == FRIDAY


# --- the gate in place ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "text"),
    [("title", "公示 13912345678"), ("intro", "证号 620123201605011234"), ("document", "620123201605011234")],
)
def test_a_leak_in_what_the_office_writes_stops_the_preview(crew: Crew, field: str, text: str):
    made = build.notice(crew)
    with crew.acting("school_maker") as maker:
        notices.edit(made, by=maker, **{field: text})
        with pytest.raises(Refused, match="不能公示的内容"):
            notices.preview(made, by=maker, today=FRIDAY)
    made.refresh_from_db()
    assert (made.state, made.sha256) == ("draft", "")


def test_the_hotline_is_let_through_and_must_be_a_telephone(crew: Crew):
    made = build.notice(crew)
    with crew.acting("school_maker") as maker:
        notices.edit(made, by=maker, hotline="0931-5221234、13912345678")
        notices.preview(made, by=maker, today=FRIDAY)
        notices.edit(made, by=maker, hotline="620123201605011234")
        with pytest.raises(Refused, match="不是电话号码"):
            notices.preview(made, by=maker, today=FRIDAY)


def test_a_leak_in_a_child_s_or_a_school_s_name_stops_the_preview(crew: Crew):
    crew.school.name = "榆树小学13912345678"
    crew.school.save()
    made = build.notice(crew)
    with crew.acting("school_maker") as maker, pytest.raises(Refused, match="像手机号"):
        notices.preview(made, by=maker, today=FRIDAY)


def test_what_changed_after_the_preview_is_not_published(crew: Crew):
    made = build.notice(crew, state="previewed")
    NoticeLine.objects.filter(notice=made, order=1).update(name="换了人")
    with crew.acting("school_checker") as checker, pytest.raises(Refused, match="重新预览"):
        notices.publish(made, by=checker, today=FRIDAY, small_groups="x")


# --- publishing ----------------------------------------------------------------------------------------------------


def test_publishing_freezes_the_list_and_moves_its_applications(crew: Crew):
    made = build.notice(crew, state="published")
    assert (made.state, made.published_on, made.published_by) == ("published", FRIDAY, "校审核")
    assert set(states(*Application.objects.all())) == {"in_notice"}
    assert len(made.sha256) == 64
    assert made.page.count("<tr>") == 7
    assert notices.intact(made)
    NoticeLine.objects.filter(notice=made, order=1).update(name="换了人")
    assert not notices.intact(made)
    assert AuditEvent.objects.filter(action="application.announce").count() == 6
    with crew.acting("school_maker") as maker, pytest.raises(Refused, match="不能再改"):
        notices.edit(made, by=maker, title="另一个")


@pytest.mark.parametrize(
    ("today", "ends", "why"),
    [
        (
            date(2026, 10, 9),
            date(2026, 10, 16),
            "Friday before a worked Saturday: seven days are later than five working ones",
        ),
        (date(2026, 9, 28), date(2026, 10, 10), "the holiday stretches it; Saturday the 10th is worked"),
        (date(2026, 3, 2), date(2026, 3, 9), "a plain week"),
        (date(2026, 10, 1), date(2026, 10, 13), "published on a holiday: allowed, that day does not count anyway"),
    ],
)
def test_it_ends_at_midnight_of_the_later_day(crew: Crew, today: date, ends: date, why: str):
    made = build.notice(crew, 1, state="published", today=today)
    assert timezone.localtime(made.ends_at).replace(tzinfo=None) == datetime(ends.year, ends.month, ends.day + 1), why


def test_whoever_made_it_cannot_publish_it(crew: Crew):
    made = build.notice(crew, state="previewed")
    PublicNotice.objects.filter(pk=made.pk).update(made_by_id=crew["school_checker"].pk)
    with crew.acting("school_checker") as checker, pytest.raises(Refused, match="请另一人发布"):
        notices.publish(made, by=checker, today=FRIDAY, small_groups="x")
    with crew.acting("school_maker") as maker, pytest.raises(Refused, match="您的角色不能"):
        notices.publish(made, by=maker, today=FRIDAY, small_groups="x")


def test_a_year_nobody_announced_blocks_with_its_sentence(crew: Crew):
    made = build.notice(crew, state="previewed")
    CalendarYear.objects.filter(year=2027).delete()
    with crew.acting("school_checker") as checker, pytest.raises(Refused, match="2027 年的放假安排还没有录入"):
        notices.publish(made, by=checker, today=date(2026, 12, 30), small_groups="x")


def test_one_child_of_a_group_needs_a_reason(crew: Crew):
    made = build.notice(crew, state="previewed")
    build.application("独一", at=crew.school, state="panel_reviewed", grade=6, class_name="9班", home="620123100201")
    assert noticelists.small_groups(made) == {}
    with crew.acting("school_maker") as maker:
        notices.drop(made, by=maker)
        made = notices.draft(NoticeKind.DETERMINATION, office=crew.office("school_maker"), term=TERM, by=maker)
        assert noticelists.small_groups(made) == {"个班": 1, "个村": 1}
        made = notices.edit(made, by=maker, hotline="0931-5221234")
        notices.preview(made, by=maker, today=FRIDAY)
    with crew.acting("school_checker") as checker:
        with pytest.raises(Refused, match="写明已核对"):
            notices.publish(made, by=checker, today=FRIDAY)
        assert notices.publish(made, by=checker, today=FRIDAY, small_groups="家长同意").small_groups == "家长同意"


def test_an_application_that_went_elsewhere_stops_the_whole_publication(crew: Crew):
    made = build.notice(crew, state="previewed")
    Application.objects.filter(pk=Application.objects.first().pk).update(state="withdrawn")
    with crew.acting("school_checker") as checker, pytest.raises(Refused, match="1 人的申请在编制以后有变化"):
        notices.publish(made, by=checker, today=FRIDAY, small_groups="x")
    assert Application.objects.filter(state="panel_reviewed").count() == 5


def test_a_line_can_be_taken_off_before_the_publication(crew: Crew):
    made = build.notice(crew, 2, state="previewed")
    with crew.acting("school_maker") as maker:
        notices.strike(made.lines.get(order=2), by=maker)
        made.refresh_from_db()
        assert (made.state, made.lines.count()) == ("draft", 1)
        with pytest.raises(Refused, match="只剩这一条"):
            notices.strike(made.lines.get(), by=maker)


def test_a_recalled_notice_gives_its_applications_back(crew: Crew):
    made = build.notice(crew, state="published")
    with crew.acting("school_checker") as checker:
        with pytest.raises(Refused, match="要写明原因"):
            notices.recall(made, by=checker, note="")
        notices.recall(made, by=checker, note="漏了一个班")
    assert set(states(*Application.objects.all())) == {"panel_reviewed"}
    with crew.acting("school_maker") as maker:  # and another can be made
        again = notices.draft(NoticeKind.DETERMINATION, office=crew.office("school_maker"), term=TERM, by=maker)
    assert (again.lines.count(), again.hotline) == (6, "0931-5221234")


# --- the end -------------------------------------------------------------------------------------------------------


def test_a_withdrawn_application_s_line_says_so_at_once_and_names_nobody(crew: Crew):
    made = build.notice(crew, 3, state="published")
    gone = NoticeLine.objects.get(notice=made, order=2)
    rows = Application.objects.filter(pk=gone.application_id)
    with time_machine.travel(after(12), tick=False):
        assert gone.name in Client().get(f"/notice/{made.key}/").content.decode()
        with crew.acting("teacher") as by:
            assert applying.move(rows, "withdraw", by=by, note="家长撤回").moved == 1
        page = Client().get(f"/notice/{made.key}/").content.decode()
    assert gone.name not in page
    assert "（已撤回申请）" in page
    assert page.count("<tr>") == 4  # the numbers of the others stay theirs
    made.refresh_from_db()
    assert notices.intact(made)
    with pytest.raises(Refused, match="没有这个序号"):
        objections.line_named(made, 2, "")
    # The family applies again: the running notice does not hold it back from the next one.
    with crew.acting("school_maker") as by:
        applying.move(rows, "reopen", by=by)
        rows.update(state="panel_reviewed", level="hard", complete=True)
        again = notices.draft(NoticeKind.DETERMINATION, office=crew.office("school_maker"), term=TERM, by=by)
    assert list(again.lines.values_list("application", flat=True)) == [gone.application_id]
    notices.end_due(now=made.ends_at, by=SYSTEM)
    assert states(*rows) == ["panel_reviewed"]
    with crew.acting("school_maker") as by:
        made.refresh_from_db()
        assert notices.hand_up(made, by=by).stayed["已撤回申请"] == 1
        cover = zipfile.ZipFile(io.BytesIO(notices.pack(made, today=FRIDAY))).read("1-公示情况.pdf")
    assert "已撤回申请" in "".join(Pdf(cover).pages)
    assert "第2号" in "".join(Pdf(cover).pages)


def test_the_end_moves_what_no_objection_holds(crew: Crew):
    made = build.notice(crew, state="published")
    held = made.lines.get(order=2)
    objections.file(made, text="情况不属实", line=held, now=after(12))
    assert notices.end_due(now=after(16), by=SYSTEM) == {"notices": 0, "closed": 0, "held": 0}
    assert notices.end_due(now=after(17), by=SYSTEM) == {"notices": 1, "closed": 5, "held": 1}
    assert notices.end_due(now=after(17), by=SYSTEM) == {"notices": 0, "closed": 0, "held": 0}
    assert states(held.application) == ["in_notice"]
    with crew.acting("school_maker") as maker:
        done = notices.hand_up(made, by=maker)
        assert (done.moved, dict(done.stayed)) == (5, {"当前状态不能上报": 1})
        [objection] = made.objections.all()
        objections.answer(objection, finding=Finding.DISMISSED, outcome="经核实无误", by=maker, now=after(19))
        assert states(held.application) == ["notice_closed"]
        assert notices.hand_up(made, by=maker).moved == 1


def png() -> SimpleUploadedFile:
    held = io.BytesIO()
    Image.new("RGB", (4, 4)).save(held, "PNG")
    return SimpleUploadedFile("公示栏.png", held.getvalue())


def test_it_is_archived_when_paper_photos_and_objections_are_done(crew: Crew):
    made = build.notice(crew, state="published")
    objections.file(made, text="电话 13912345678 可查", now=after(12), contact="13898765432")
    notices.end_due(now=after(17), by=SYSTEM)
    made.refresh_from_db()
    with crew.acting("school_maker") as maker:
        assert made.blockers("archive") == ["还有没办结的异议", "还没有登记纸质公示已撤下", "还没有上传公示栏照片"]
        with pytest.raises(Refused, match="公示期满以后"):
            notices.paper_removed(made, by=maker, on=date(2026, 10, 16), today=date(2026, 10, 20))
        notices.paper_removed(made, by=maker, on=date(2026, 10, 17), today=date(2026, 10, 20))
        first, _ = notices.add_photo(made, png()), notices.add_photo(made, png())
        notices.remove_photo(made, first)
        objections.answer(
            made.objections.get(), finding=Finding.DISMISSED, outcome="经核实无误", by=maker, now=after(19)
        )
        made = notices.archive(made, by=maker)
        assert (made.state, made.photos) == ("archived", 1)
        pack = zipfile.ZipFile(io.BytesIO(notices.pack(made, today=date(2026, 10, 20))))
        assert pack.namelist() == [
            "1-公示情况.pdf", "2-公示名单.pdf", "3-公示名单.xlsx", "4-公示网页.html", "5-公示栏照片/1.png",
        ]  # fmt: skip
        cover = _text(pack.read("1-公示情况.pdf"))
        assert "经核实无误" in cover
        assert "异议不成立" in cover
        assert "13912345678" not in cover.replace(" ", "")
        assert "13898765432" not in cover.replace(" ", "")


def _text(pdf: bytes) -> str:
    import pypdfium2

    with pypdfium2.PdfDocument(pdf) as document:
        return "".join(page.get_textpage().get_text_bounded() for page in document)


# --- two at once ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_who_publish_at_once_one_does():
    with acting_in(EVERYWHERE):
        crew = build_crew()
        made = build.notice(crew, 2, state="previewed")
        second = crew.users["second_publisher"] = _colleague(crew)
    outcomes, gate = [], threading.Barrier(2)

    def go(user: object) -> None:
        membership = user.memberships.get()
        with acting_in(membership.organisation.scope, membership.actor):
            gate.wait()
            try:
                notices.publish(made, by=membership.actor, today=FRIDAY, small_groups="核对")
                outcomes.append("published")
            except Refused as refused:
                outcomes.append(str(refused))
            finally:
                connection.close()

    threads = [threading.Thread(target=go, args=(user,)) for user in (crew["school_checker"], second)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    with acting_in(EVERYWHERE):
        assert sorted(outcomes) == ["published", "当前状态不能发布"]
        assert AuditEvent.objects.filter(action="application.announce").count() == 2


def _colleague(crew: Crew) -> object:
    from aidcases.roles import Role
    from tests import make

    return make.user("checker2", "副校长", crew.office("school_checker"), Role.SCHOOL_CHECKER)


# --- pages ---------------------------------------------------------------------------------------------------------


def test_from_the_list_to_the_archive_in_the_browser(crew: Crew, browser):
    build.applications(6, at=crew.school, state="panel_reviewed")
    maker, checker = browser("school_maker"), browser("school_checker")
    with time_machine.travel("2026-10-09 10:00+08:00", tick=False):
        maker.post(
            "/casework/notices/create/", {"kind": "determination", "batch": ""}, query_params={"term": build.TERM}
        )
        made = PublicNotice.objects.get()
        here = f"/casework/notices/{made.pk}/"
        words = {
            "title": made.title,
            "intro": "",
            "hotline": "0931-5221234",
            "document": "",
            "working_days": 5,
            "days": 7,
        }
        maker.post(here + "edit/", words)
        maker.post(here + "check/")
        assert "请另一人发布" in maker.get(here).content.decode() or "发布权限" in maker.get(here).content.decode()
        checker.post(here + "publish/", {"note": "核对"})
        made.refresh_from_db()
        assert made.state == "published"
        assert "还剩 6 个工作日" in checker.get("/").content.decode()
        answer = maker.post(here + "file/a4/")
        assert (answer["Content-Type"], answer.content[:5]) == ("application/pdf", b"%PDF-")
        assert browser("foreign_maker").get(here).status_code == 404
        assert browser("foreign_maker").post(here + "recall/", {"note": "x"}).status_code == 403
        assert browser("teacher").get(here).status_code == 403
    notices.end_due(now=datetime(2026, 10, 16, 16, tzinfo=UTC), by=SYSTEM)
    with time_machine.travel("2026-10-19 10:00+08:00", tick=False):
        maker = browser("school_maker")
        maker.post(here + "photo/", {"file": png()})
        maker.post(here + "paper/", {"on": "2026-10-19"})
        maker.post(here + "archive/")
        assert "已办 6 条" in maker.post(here + "hand-up/").content.decode()
        assert maker.get(here).status_code == 200
    made.refresh_from_db()
    assert made.state == "archived"
    assert set(states(*Application.objects.all())) == {"county_review"}


@pytest.mark.parametrize(("page", "most"), [("/casework/notices/", 15), ("/casework/objections/", 12)])
def test_lists_cost_the_same_however_long(crew: Crew, browser, django_assert_max_num_queries, page: str, most: int):
    """Four of the statements open and end the page's read-only transaction."""
    for number in range(3):
        made = build.notice(crew, 1, state="published", prefix=f"丁{number}")
        objections.file(made, text="情况不属实", now=after(10))
    client = browser("county_checker")
    client.get(page)
    with time_machine.travel("2026-10-12 10:00+08:00", tick=False), django_assert_max_num_queries(most):
        assert client.get(page).status_code == 200


def test_a_preview_is_exactly_what_is_published(crew: Crew, browser):
    made = build.notice(crew, state="previewed")
    with time_machine.travel("2026-10-09 10:00+08:00", tick=False):
        shown = browser("school_maker").get(f"/casework/notices/{made.pk}/page/").content.decode()
    with crew.acting("school_checker") as checker:
        assert notices.publish(made, by=checker, today=FRIDAY, small_groups="x").page == shown
