"""依法控辍: steps in their order, numbers without a gap, papers fixed at issue, receipts with a photo, the file for the court."""

from __future__ import annotations

import re
import threading
from datetime import date, datetime, timedelta
from typing import Any

import pypdfium2 as pdfium
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from aidcases import files
from aidcases.flow import Refused
from aidcases.models import Organisation
from aidcases.roles import OfficeKind, Role
from aidcases.scoping import EVERYWHERE, acting_in
from dropout import legal
from dropout.legal import Said
from dropout.models import DropoutCase, LegalStep, PaperNumber, Visit
from tests import make
from tests.casework.conftest import Crew, build_crew, crew  # noqa: F401
from tests.dropout.build import case

TODAY = date(2018, 10, 15)
VILLAGE = "620123100201"
LOCAL = "《甘肃省实施〈中华人民共和国义务教育法〉办法》第五十条"


def with_township(made: Crew) -> Crew:
    office = make.office("620123100", OfficeKind.TOWNSHIP)
    made.users["cadre"] = make.user("cadre", "镇干部", office, Role.CADRE)
    return made


@pytest.fixture
def town(crew: Crew) -> Crew:  # noqa: F811
    return with_township(crew)


def at_law(made: Crew, **values: Any) -> DropoutCase:
    child = make.student("王小花", at=made.school, home=VILLAGE)
    return case("legal", student=child, school=made.school, stage="primary", grade=3, legal_step=1, **values)


def said(step: int, **also: Any) -> Said:
    given = {
        "deadline_on": date(2018, 10, 26),
        "addressee": "王大山",
        "issuer": "榆中县城关镇人民政府",
        "prefix": "城政控责",
    }
    return Said(step=step, **{**given, **also})


def photo(name: str = "huizheng.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, b"\xff\xd8\xff" + b"0" * 40)


def take(made: Crew, row: DropoutCase, words: Said, *, by: str = "cadre", today: date = TODAY) -> LegalStep:
    with made.acting(by) as actor:
        return legal.take(row, words, by=actor, today=today)


def serve(made: Crew, step: LegalStep, *, by: str = "cadre", today: date = TODAY, **also: Any) -> LegalStep:
    given = {
        "served_on": today, "how": "direct", "served_by": "李文书", "received_by": "王大山", "photos": [photo()], **also,
    }  # fmt: skip
    with made.acting(by) as actor:
        return legal.serve(step, **given, by=actor, today=today)


def text_of(pdf: bytes) -> str:
    document = pdfium.PdfDocument(pdf)
    return re.sub(r"\s", "", "".join(page.get_textpage().get_text_range() for page in document))


def test_four_steps_to_the_court_and_what_each_demands(town: Crew) -> None:
    row = at_law(town)
    with pytest.raises(Refused, match="按顺序"):
        take(town, row, said(2))
    first = take(town, row, said(1, prefix="城政控复"))
    assert (first.number, first.paper, first.path) == (
        "城政控复〔2018〕1号",
        "return_notice",
        "/62/6201/620123/620123100/",
    )
    with pytest.raises(Refused, match="还没有登记送达"):
        take(town, row, said(2))
    serve(town, first)
    with pytest.raises(Refused, match="期限没过"):
        take(town, row, said(2))
    with town.acting("cadre") as cadre:
        legal.conclude(first, outcome="家长当面拒绝", by=cadre)
    order = take(town, row, said(2))
    row.refresh_from_db()
    assert (row.legal_step, row.due_on, order.number) == (2, date(2018, 10, 26), "城政控责〔2018〕1号")
    serve(town, order)
    later = date(2018, 10, 29)
    with pytest.raises(Refused) as refused:
        take(
            town,
            row,
            said(3, deadline_on=date(2018, 11, 9), prefix="城政控罚", basis="《义务教育法》第五十八条"),
            today=later,
        )
    assert refused.value.reasons == ["请写明处罚内容。", legal.NO_BASIS]
    words = said(4, deadline_on=date(2018, 11, 30), prefix="城政控诉", issuer="随便写的单位")
    suit = take(town, row, words, today=later)  # the penalty may be left out
    assert suit.issuer == "榆中县城关镇人民政府"
    with pytest.raises(Refused, match="没有要送达的文书"):
        serve(town, suit, today=later)
    with pytest.raises(Refused, match="按顺序"):
        take(town, row, said(2), today=later)
    with town.acting("cadre"):
        listed = text_of(files.content(legal.paper_of(suit)))
    for words in (
        "限期复学通知书",
        "城政控复〔2018〕1号",
        "责令改正通知书",
        "送达回证",
        "户口簿",
        "榆树小学",
        "王大山",
    ):
        assert words in listed


def test_a_penalty_rests_on_a_local_law(town: Crew) -> None:
    row = at_law(town)
    for step, prefix in ((1, "城政控复"), (2, "城政控责")):
        made = serve(town, take(town, row, said(step, prefix=prefix)))
        with town.acting("cadre") as cadre:
            legal.conclude(made, outcome="仍未返校", by=cadre)
    made = take(town, row, said(3, prefix="城政控罚", basis=LOCAL, text="罚款二百元。"))
    with town.acting("cadre"):
        words = text_of(files.content(legal.paper_of(made)))
    for part in ("行政处罚决定书", "第五十条", "罚款二百元。", "行政复议", "逾期仍未改正"):
        assert part in words


def test_the_papers_cite_the_law_as_it_stands_and_never_change(town: Crew) -> None:
    row = at_law(town)
    made = take(town, row, said(1, prefix="城政控复", text="父亲在兰州务工，孩子随行。"))
    with town.acting("cadre"):
        first = files.content(legal.paper_of(made))
    row.student.person.name = "王小华"
    row.student.person.save()
    LegalStep.objects.filter(pk=made.pk).update(issuer="别的单位")
    with town.acting("county_maker"):
        again = files.content(legal.paper_of(made))
    assert first == again
    words = text_of(first)
    for part in (
        "王大山：", "王小花", "限期复学通知书", "城政控复〔2018〕1号", "2018年10月26日前", "榆树小学", "父亲在兰州务工",
        "送达回证",
        "适龄儿童、少年的父母或者其他法定监护人应当依法保证其按时入学接受并完成义务教育。",
        "凡年满六周岁的儿童，其父母或者其他法定监护人应当送其入学接受并完成义务教育；条件不具备的地区的儿童，可以推迟到七周岁。",
    ):  # fmt: skip
        assert part in words
    with town.acting("school_maker"):
        assert legal.paper_of(made) is None  # the home's own village and what it says stays on its side
    serve(town, made)
    with town.acting("cadre") as cadre:
        legal.conclude(made, outcome="拒绝", by=cadre)
    order = take(town, row, said(2))
    with town.acting("cadre"):
        words = text_of(files.content(legal.paper_of(order)))
    assert (
        "适龄儿童、少年的父母或者其他法定监护人无正当理由未依照本法规定送适龄儿童、少年入学接受义务教育的，"
        "由当地乡镇人民政府或者县级人民政府教育行政部门给予批评教育，责令限期改正。"
    ) in words


def test_a_receipt_has_a_day_a_way_names_and_a_photo(town: Crew) -> None:
    step = take(town, at_law(town), said(1, prefix="城政控复"))
    with pytest.raises(Refused) as refused:
        serve(town, step, served_on=TODAY + timedelta(days=1), how="?", served_by=" ", received_by="", photos=[])
    assert refused.value.reasons == [
        "送达日期要在 2018-10-15 到今天之间。", "请选择送达方式。", "请填写送达人。", "请填写签收人（拒收的写见证人）。",
        "请上传送达回证的照片。",
    ]  # fmt: skip
    held = serve(town, step, by="school_maker", how="left", received_by="村主任（见证）")  # a school may bring it
    assert (held.served_on, held.get_served_how_display()) == (TODAY, "留置送达（有见证人）")
    assert [file.path for file in files.files_of(held, "receipt")] == [town.school.path]
    with pytest.raises(Refused, match="已经登记过送达"):
        serve(town, step)


def test_who_issues_and_what_stands_before_the_number(town: Crew) -> None:
    row = at_law(town)
    county = Organisation.objects.get(path="/62/6201/620123/", kind="county")
    township = Organisation.objects.get(kind="township")
    assert (legal.usual_prefix(county, "order"), legal.usual_issuer(county)) == ("榆教控责", "榆中县教育局")
    assert (legal.usual_prefix(township, "order"), legal.usual_issuer(township)) == ("城政控责", "榆中县城关镇人民政府")
    for persona, reason in (("school_maker", "乡镇人民政府或县教育局"), ("county_checker", "乡镇人民政府或县教育局")):
        with pytest.raises(Refused, match=reason):
            take(town, row, said(1), by=persona)
    with town.acting("foreign_county_maker") as other, pytest.raises(DropoutCase.DoesNotExist):
        legal.take(row, said(1), by=other, today=TODAY)
    away = at_law(town)
    DropoutCase.objects.filter(pk=away.pk).update(home_path="/62/6201/620121/620121100/620121100001/")
    with pytest.raises(Refused, match="户籍地"):  # the school's county sees it, the home's acts
        take(town, away, said(1), by="county_maker")
    take(town, row, said(1, prefix="榆教督复", issuer="榆中县教育体育局"), by="county_maker")
    assert legal.usual_prefix(county, "return_notice") == "榆教督复"
    assert legal.usual_issuer(county) == "榆中县教育体育局"
    county_s = {"prefix": "榆教督复", "issuer": "榆中县教育体育局"}
    again = take(town, row, said(1, **county_s), by="county_maker")
    assert again.number == "榆教督复〔2018〕2号"
    with pytest.raises(Refused, match="文号字头"):
        take(town, row, said(1, **{**county_s, "prefix": "榆教〔2018〕"}), by="county_maker")
    for issuer in ("榆中县城关镇人民政府", "永登县教育局", "教育局"):
        with pytest.raises(Refused, match="本单位的名称，例如：榆中县教育体育局"):
            take(town, row, said(1, **{**county_s, "issuer": issuer}), by="county_maker")


def test_a_number_is_given_back_when_nothing_is_issued(town: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    row = at_law(town)
    take(town, row, said(1, prefix="城政控复"))
    with monkeypatch.context() as broken:
        broken.setattr("aidcases.paper.FAMILIES", ())
        with pytest.raises(Refused, match="没有中文字体"):
            take(town, row, said(1, prefix="城政控复"))
    assert take(town, row, said(1, prefix="城政控复")).number == "城政控复〔2018〕2号"
    next_year = take(town, row, said(1, prefix="城政控复", deadline_on=date(2019, 1, 30)), today=date(2019, 1, 10))
    assert next_year.number == "城政控复〔2019〕1号"
    talk = take(town, row, said(1, with_paper=False, prefix="", addressee=""))
    assert (talk.paper, talk.number) == ("", "")
    assert PaperNumber.objects.get(year=2018).last == 2


def test_a_new_round_begins_with_the_first_step_and_the_visits_are_in_the_list(town: Crew) -> None:
    row = at_law(town)
    take(town, row, said(1, prefix="城政控复"))
    DropoutCase.objects.filter(pk=row.pk).update(rounds=2)
    row.refresh_from_db()
    assert legal.open_steps(legal.of_round(row)) == [legal.K.EDUCATION]
    step = take(town, row, said(1, prefix="城政控复"))
    at = timezone.make_aware(datetime(2018, 10, 9, 18, 30))
    Visit(
        case=row, key="0" * 32, number=1, visited_at=at, place="窑坡村3社", kind="home", persuading=True, people="班主任李老师",
        said="家长说等等看", result="wavering", made_by="校经办", photos=2,
    ).save()  # fmt: skip
    from dropout.papers import court_list

    rows = court_list(row, step)
    assert ["第 1 次劝返记录", "2018-10-09 窑坡村3社 班主任李老师：还在犹豫；照片 2 张", "系统记录"] in rows
    assert [line[0] for line in rows][-1] == "限期复学通知书"


def test_what_is_overdue_is_the_last_step_that_nobody_has_concluded(town: Crew) -> None:
    row = at_law(town)
    step = take(town, row, said(1, prefix="城政控复"))
    with acting_in(EVERYWHERE):
        assert not legal.overdue(date(2018, 10, 26)).exists()
        assert list(legal.overdue(date(2018, 10, 27))) == [step]
    serve(town, step)
    take(town, row, said(2, deadline_on=date(2018, 11, 9)), today=date(2018, 10, 29))
    with acting_in(EVERYWHERE):
        assert not legal.overdue(date(2018, 10, 30)).exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_issue_at_once_each_has_a_number_of_its_own() -> None:
    with acting_in(EVERYWHERE):
        made = with_township(build_crew())
        rows = [at_law(made) for _ in range(2)]
    got: list[str] = []

    def go(row: DropoutCase) -> None:
        try:
            got.append(take(made, row, said(1, prefix="城政控复")).number)
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=(row,)) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(got) == ["城政控复〔2018〕1号", "城政控复〔2018〕2号"]
