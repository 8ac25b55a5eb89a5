"""明白卡: the PDF itself, read back: every child, exact sums, nobody else's families, no number, no empty box."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
import typst
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aidcases import jobs, paper
from aidcases.flow import Refused
from aidcases.jobs import Cancelled, Running
from aidcases.models import AuditEvent, Job
from aidcases.models.records import JobState
from aidcases.scoping import EVERYWHERE, Actor, Scope, acting_in
from students.enums import Stage
from students.models import Enrolment, Household, Person
from subsidies import slips
from subsidies.models import Entitlement, Rule
from tests import make
from tests.personas import CANARY, TERM, As, World, compute
from tests.subsidies.pdfs import Pdf

HERE, THERE = CANARY["620123"], CANARY["620121"]
VILLAGE = "620123100201"


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> Path:
    settings.FILES = tmp_path / "files"
    return settings.FILES


def family(*people: Person, head: str = "户主甲") -> Household:
    who = make.person(head, home=VILLAGE, born=date(1980, 3, 3))
    return make.household(village=VILLAGE, head=who, members=people)


def slip(household: Household) -> Pdf:
    """The page as the county's own clerk gets it."""
    with acting_in(Scope("/62/6201/620123/"), Actor("甲经办", user_id=1, path="/62/6201/620123/", all_powers=True)):
        return Pdf(slips.household_slip(household, TERM).pdf)


def text(household: Household) -> str:
    [page] = slip(household).pages
    return page


def own(world: World) -> Household:
    return Household.objects.get(members__person=world.here.students[0].person)


# --- one household --------------------------------------------------------------------------------------------------


def test_a_slip_says_who_where_what_how_and_under_which_clause(world: World):
    Rule.objects.filter(code="lz-compulsory-boarding").update(disburser="榆中县教育局")
    shown = text(own(world))
    assert f"户主：{HERE}户主" in shown
    assert "2018—2019学年秋季学期" in shown
    assert f"{HERE}贫生{HERE}中心小学小学三年级本学期￥500.00" in shown
    assert "义务教育免学杂费1免费实物或免费" in shown
    assert "义务教育寄宿生生活补助1￥500.00发放到卡由榆中县教育局发放" in shown
    assert "政策依据：1.《兰州市教育脱贫攻坚实施方案》四（三）2义务教育（三免一补）。" in shown
    assert f"或打电话问{world.here.office.name}，电话：" in shown
    assert re.search(r"\d{4}-\d\d-\d\d甲经办打印$", shown)


def test_siblings_at_schools_elsewhere_stand_on_the_page_and_the_sums_are_exact(county: World):
    city_school = make.school(place="620102", name="兰州市第五十中学", stages=(Stage.SENIOR,), fee="1250.50")
    college = make.school(place="620102", name="兰州职业学院", stages=(Stage.HIGHER_VOCATIONAL,), fee="5000")
    poor = {"home": VILLAGE, "categories": ("registered_poor",)}
    small = make.student("小的", at=county.here.primary, boarding=True, born=date(2010, 5, 1), **poor)
    middle = make.student("中的", at=city_school, stage=Stage.SENIOR, grade=1, born=date(2002, 5, 1), **poor)
    big = make.student("大的", at=college, stage=Stage.HIGHER_VOCATIONAL, grade=2, born=date(1999, 5, 1), **poor)
    home = family(big.person, middle.person, small.person)
    compute(county)
    shown = text(home)
    # boarding 500; senior fee 1250.50 ÷ 2 waived, grant 1000; college fee 2500 waived; the loan apart
    assert make.entitled(middle) == {"lz-senior-fee": "625.25", "lz-senior-grant": "1000.00"}
    assert "您家3个孩子本学期应享受的资助" in shown
    assert "大的兰州职业学院高等职业大二本学期￥2,500.00" in shown
    assert "中的兰州市第五十中学高一本学期￥1,625.25" in shown
    assert "普通高中免学杂费3￥625.25减免，与学校结算" in shown
    assert "还可以申请：生源地信用助学贷款2，最多￥8,000.00。这是借款，以后要还，不算在合计里。" in shown
    assert "全家本学期合计￥4,625.25发放到卡￥1,500.00，减免￥3,125.25" in shown
    assert shown.index("大的") < shown.index("中的") < shown.index("小的")


def test_a_child_without_benefit_and_one_without_school_are_told_so(world: World):
    none = make.student("无项生", at=world.here.senior, stage=Stage.SENIOR, home=VILLAGE, born=date(2003, 1, 1))
    gone = make.student("未见生", at=world.here.primary, term="2017-autumn", home=VILLAGE, born=date(2008, 1, 1))
    baby = make.student("幼儿生", at=world.here.primary, term="2017-autumn", home=VILLAGE, born=date(2013, 1, 1))
    shown = text(family(none.person, gone.person, baby.person))
    assert "您家2个孩子本学期的情况" in shown
    assert f"无项生{HERE}第一中学高三按现有登记，本学期没有应享的资助项目" in shown
    assert "未见生本学期没有查到学籍" in shown
    assert "幼儿生" not in shown
    assert "合计" not in shown


def test_an_amount_nobody_knows_yet_is_to_come(county: World):
    unpriced = make.school(place="620123100", name="新办高中", stages=(Stage.SENIOR,), fee=None)
    teen = make.student("待定生", at=unpriced, stage=Stage.SENIOR, grade=1, home=VILLAGE, categories=("disabled",))
    home = family(teen.person)
    compute(county)
    shown = text(home)
    assert "普通高中免学杂费1金额待定减免，与学校结算" in shown
    assert "全家本学期合计￥1,000.00发放到卡￥1,000.00" in shown


def test_what_is_given_in_kind_is_told_and_not_summed(world: World):
    """Only cash and waivers are money a family can add up, whatever a meal is worth."""
    Rule.objects.filter(code="lz-compulsory-boarding").update(delivery="in_kind")
    shown = text(own(world))
    assert "义务教育寄宿生生活补助1￥500.00实物或免费" in shown
    assert "合计" not in shown


def test_an_amount_for_a_panel_to_decide_and_an_application_are_told(world: World):
    discretionary = {"amount_kind": "discretionary", "claim": "application"}
    Rule.objects.filter(code="lz-compulsory-boarding").update(**discretionary)
    Entitlement.objects.filter(rule__code="lz-compulsory-boarding").update(amount=None)
    assert "义务教育寄宿生生活补助1评定后定发放到卡，要申请" in text(own(world))


def test_a_child_stands_with_the_household_it_was_entered_in_last(world: World):
    child = world.here.students[0].person
    old, new = own(world), family(child)
    new.members.filter(person=child).update(from_on=date(2018, 1, 1))
    assert f"{HERE}贫生" in text(new)
    with pytest.raises(Refused, match="没有上学的孩子"):
        slip(old)


def test_names_with_a_dot_and_long_names_stay_whole(world: World):
    long = "阿卜杜热西提·麦麦提明·艾合麦提江·吐尔逊买买提"
    child = make.student(long, at=world.here.primary, home=VILLAGE)
    Enrolment.objects.filter(student=child).update(school=make.school(name="榆中县" + "民族团结" * 8 + "小学"))
    shown = text(family(child.person, head="古丽·艾山"))
    assert "户主：古丽·艾山" in shown
    assert f"{long}榆中县{'民族团结' * 8}小学" in shown


def test_no_number_stands_anywhere_in_the_file(world: World):
    home = own(world)
    for content in (slip(home), made_file(ask())):
        shown = "".join(content.pages)
        people = Person.objects.exclude(id_hash=None)
        assert people.count() > 5
        assert [p.id_number for p in people if p.id_number in shown or p.id_number[-6:] in shown] == []
        assert home.number not in shown
        assert "1390000" not in shown
        assert "建档立卡" not in shown


def test_a_large_family_has_smaller_letters_and_at_most_two_pages(world: World):
    def child(n: int) -> Person:
        return make.student(f"孩{n}", at=world.here.primary, home=VILLAGE, boarding=True,
                            categories=("registered_poor",)).person  # fmt: skip

    five, ten = family(*(child(n) for n in range(5))), family(*(child(n) for n in range(10)))
    make.recompute()
    assert len(slip(five).pages) == 1
    pages = slip(ten).pages
    assert len(pages) == 2
    assert all(f"孩{n}" in "".join(pages) for n in range(5))
    assert "全家本学期合计￥5,000.00" in pages[1]


# --- fonts ----------------------------------------------------------------------------------------------------------


def test_the_fonts_lie_in_the_file(world: World):
    fonts = slip(own(world)).fonts
    assert len(fonts) == 2
    assert all(fonts.values())
    assert all(b"CJKsc" in name or b"SC" in name for name in fonts)


def test_without_a_chinese_font_one_sentence_says_what_to_install(world: World, as_: As, monkeypatch):
    bare = typst.Fonts(include_system_fonts=False)
    monkeypatch.setattr(paper, "fonts", lambda: bare)
    with pytest.raises(Refused, match="apt-get install fonts-noto-cjk"):
        slip(own(world))
    answer = as_("maker").post(reverse("household_slip", args=[own(world).pk]), follow=True)
    assert "没有中文字体" in answer.content.decode()


def test_a_character_without_a_shape_leaves_room_to_write(world: World):
    child = make.student("李\U0002ebf0明", at=world.here.primary, home=VILLAGE)
    assert "李＿明" in text(family(child.person))
    assert paper.unprintable("甲\U0002ebf0乙\ue000") == ["\U0002ebf0", "\ue000"]


# --- who may --------------------------------------------------------------------------------------------------------


def test_a_household_is_for_its_own_county_alone(world: World, as_: As):
    url = reverse("household_slip", args=[own(world).pk])
    for persona in ("maker", "checker", "city", "auditor"):
        answer = as_(persona).post(url, {"term": TERM.code})
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
        assert f"{HERE}贫生" in Pdf(answer.content).pages[0]
    assert as_("other_maker").post(url).status_code == 404
    assert as_("school").post(url).status_code == 403
    crossing = Household.objects.get(members__person=world.crossing.person)
    assert as_("maker").post(reverse("household_slip", args=[crossing.pk])).status_code == 404
    shown = Pdf(as_("other_maker").post(reverse("household_slip", args=[crossing.pk])).content).pages[0]
    assert f"跨县生{HERE}中心小学" in shown


def test_who_printed_whose_slip_is_on_record(world: World, as_: As):
    as_("maker").post(reverse("household_slip", args=[own(world).pk]))
    event = AuditEvent.objects.get(action="slip.printed")
    assert (event.actor, event.subject_id) == ("甲经办", own(world).pk)
    assert event.data == {"term": TERM.code, "subject_ids": [world.here.students[0].pk]}


def test_a_cadre_sees_the_household_but_prints_no_amounts(world: World):
    cadre = make.user("cadre", "村干部", make.office(VILLAGE), "cadre")
    client = Client()
    client.force_login(cadre, backend="django.contrib.auth.backends.ModelBackend")
    page = reverse("household_detail", args=[own(world).pk])
    assert "明白卡（PDF）" not in client.get(page).content.decode()
    answer = client.post(reverse("household_slip", args=[own(world).pk]), headers={"referer": page}, follow=True)
    assert slips.NOT_ALLOWED in answer.content.decode()
    assert slips.NOT_ALLOWED[:-1] in client.get(reverse("slip_list")).content.decode()


def test_the_household_s_page_has_the_button(world: World, as_: As):
    html = as_("maker").get(reverse("household_detail", args=[own(world).pk])).content.decode()
    assert f'action="{reverse("household_slip", args=[own(world).pk])}"' in html
    assert f'name="term" value="{TERM.code}"' in html


def test_before_anything_is_computed_nobody_is_told_they_get_nothing(county: World, as_: As):
    page = reverse("household_detail", args=[own(county).pk])
    answer = as_("maker").post(reverse("household_slip", args=[own(county).pk]), headers={"referer": page}, follow=True)
    assert slips.NOT_COMPUTED in answer.content.decode()
    make.recompute(under="620121")  # the neighbour's run reaches a child who goes to school here
    with pytest.raises(Refused, match="还没有测算"):
        ask()


# --- a place --------------------------------------------------------------------------------------------------------


def ask(code: str = VILLAGE, *, purpose: str = "入户发放", path: str = "/62/6201/620123/") -> Job:
    with acting_in(Scope(path), Actor("甲经办", user_id=1, path=path, all_powers=True)):
        return slips.request_slips(term=TERM, region=make.region(code), purpose=purpose)


def done(job: Job) -> Job:
    job = jobs.work_off(job)
    assert job.state == JobState.DONE, job.error
    return job


def made_file(job: Job) -> Pdf:
    with slips.open_slips(done(job)) as content:
        return Pdf(content.read())


def test_a_village_is_a_page_per_household_and_nobody_else(world: World, files: Path):
    second = make.student("二户生", at=world.here.primary, home=VILLAGE)
    family(second.person, head="二户主")
    family(head="无娃户")
    job = done(ask())
    with slips.open_slips(job) as content:
        raw = content.read()
    pages = Pdf(raw).pages
    assert {name: job.result[name] for name in ("households", "students", "pages", "blanks")} == {
        "households": 2, "students": 2, "pages": 2, "blanks": 0,
    }  # fmt: skip
    assert [page.count("学生资助明白卡") for page in pages] == [1, 1]
    assert f"户主：{HERE}户主" in pages[0]
    assert "户主：二户主" in pages[1]
    assert THERE not in "".join(pages)
    assert job.result["sha256"] == hashlib.sha256(raw).hexdigest()
    [stored] = (files / "slips").iterdir()
    assert b"%PDF" not in stored.read_bytes()
    assert oct(stored.stat().st_mode)[-3:] == "600"


def test_the_statements_do_not_grow_with_the_village(world: World):
    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            slips.slips(TERM, slips.households(TERM, "/62/6201/620123/"))
        return len(queries)

    few = statements()
    for n in range(6):
        family(make.student(f"加{n}", at=world.here.primary, home=VILLAGE).person)
    assert statements() == few <= 8


def test_children_whose_facts_changed_are_counted(world: World):
    assert done(ask()).result["waiting"] == 0
    Enrolment.objects.filter(student=world.here.students[0]).update(boarding=False)
    assert done(ask()).result["waiting"] == 1


def test_suspended_is_not_promised(world: World):
    Entitlement.objects.filter(rule__code="lz-compulsory-boarding").update(state="suspended")
    shown = text(own(world))
    assert "寄宿" not in shown
    assert "￥" not in shown


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"purpose": " "}, "请写明用途"),
        ({"code": "620121100001"}, "只能打印本单位范围内的明白卡"),
        ({"code": "6201"}, "只能打印本单位范围内的明白卡"),
        ({"code": "620123101"}, "没有上学的孩子"),
    ],
)
def test_what_is_refused(world: World, wanted: dict, why: str):
    with pytest.raises(Refused, match=why):
        ask(**wanted)
    assert not Job.objects.filter(kind="subsidies.slips").exists()


def test_too_many_households_are_asked_for_in_parts(world: World, monkeypatch):
    monkeypatch.setattr(slips, "MOST", 0)
    with pytest.raises(Refused, match="请按乡镇或村分开打印"):
        ask()


def test_a_double_click_is_one_job_and_a_second_delivery_leaves_one_file(world: World, files: Path):
    first = ask()
    assert ask() == first
    done(first)
    Job.objects.filter(pk=first.pk).update(state=JobState.QUEUED)
    again = done(first)
    assert [path.name for path in (files / "slips").iterdir()] == [again.result["stored"]]


def test_a_cancelled_job_leaves_no_file(world: World, files: Path, monkeypatch):
    running = Running(jobs.claim(ask().pk))
    write = slips.crypto.write_sealed

    def cancelled_meanwhile(*given: object) -> str:
        running._lost.set()
        return write(*given)

    monkeypatch.setattr(slips.crypto, "write_sealed", cancelled_meanwhile)
    with acting_in(running.job.scope), pytest.raises(Cancelled):
        slips.generate(running)
    assert list((files / "slips").iterdir()) == []


def test_a_damaged_file_is_not_handed_out(world: World, files: Path):
    job = done(ask())
    [stored] = (files / "slips").iterdir()
    sealed = stored.read_bytes()
    stored.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with pytest.raises(Refused, match="丢失或被改动"):
        slips.open_slips(job)


# --- its page -------------------------------------------------------------------------------------------------------


def test_asking_waiting_and_downloading_in_the_browser(world: World, as_: As):
    client = as_("maker")
    assert "还没有打印过" in client.get(reverse("slip_list")).content.decode()
    asked = client.post(reverse("slip_request"), {"term": TERM.code, "place": VILLAGE, "purpose": "入户发放"})
    assert asked["Location"] == reverse("slip_list")
    job = Job.objects.get(kind="subsidies.slips")
    assert reverse("job_progress", args=[job.pk]) in client.get(reverse("slip_list")).content.decode()
    early = client.post(reverse("slip_download", args=[job.pk]), {"purpose": "入户发放"}, follow=True)
    assert "还没有生成好" in early.content.decode()
    done(job)
    assert "1 户，1 个孩子，1 页" in client.get(reverse("slip_list")).content.decode()
    bare = client.post(reverse("slip_download", args=[job.pk]), follow=True)
    assert "请写明下载用途" in bare.content.decode()
    answer = client.post(reverse("slip_download", args=[job.pk]), {"purpose": "家长会发放"})
    assert answer["Content-Type"] == "application/pdf"
    assert f"{HERE}贫生" in Pdf(b"".join(answer.streaming_content)).pages[0]
    event = AuditEvent.objects.get(action="slips.downloaded")
    assert (event.actor, event.data["purpose"], event.subject_id) == ("甲经办", "家长会发放", job.pk)
    for persona, status in (("other_maker", 404), ("school", 404), ("auditor", 403)):
        denied = as_(persona).post(reverse("slip_download", args=[job.pk]), {"purpose": "核对"})
        assert denied.status_code == status
    assert "1 户" not in as_("other_maker").get(reverse("slip_list")).content.decode()


def test_only_places_of_the_own_area_can_be_chosen(world: World, as_: As):
    html = as_("maker").get(reverse("slip_list")).content.decode()
    assert f'value="{VILLAGE}"' in html
    assert 'value="620121100001"' not in html
    answer = as_("maker").post(
        reverse("slip_request"), {"term": TERM.code, "place": "620121100001", "purpose": "核对"}, follow=True
    )
    assert "乡镇或村：" in answer.content.decode()
    assert not Job.objects.filter(kind="subsidies.slips").exists()
    city = as_("city").get(reverse("slip_list")).content.decode()
    assert 'value="620121100"' in city
    assert f'value="{VILLAGE}"' not in city


def test_the_page_costs_few_statements(world: World, as_: As):
    client = as_("maker")
    for purpose in ("一", "二", "三"):
        done(ask(purpose=purpose))
    client.get(reverse("slip_list"))
    with CaptureQueriesContext(connection) as queries:
        client.get(reverse("slip_list"))
    assert len(queries) <= 12, [q["sql"][:80] for q in queries]


# --- on the command line --------------------------------------------------------------------------------------------


def command(out: Path, **given: str) -> dict:
    told = {"term": TERM.code, "region": "620123", "purpose": "验收", **given}
    said = StringIO()
    options = [part for name, value in told.items() for part in (f"--{name}", value)]
    call_command("slips", *options, "--out", str(out), "--json", stdout=said)
    return json.loads(said.getvalue().splitlines()[-1])


def test_the_command_writes_the_file_for_its_owner_alone(world: World, tmp_path: Path):
    out = tmp_path / "明白卡.pdf"
    assert command(out) == {"households": 1, "students": 1, "pages": 1}
    assert f"{HERE}贫生" in Pdf(out.read_bytes()).pages[0]
    assert Pdf(out.read_bytes()).pages[0].endswith("系统打印")
    assert oct(out.stat().st_mode)[-3:] == "600"
    with acting_in(EVERYWHERE):
        assert AuditEvent.objects.get(action="command.slips").data["purpose"] == "验收"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [({"purpose": " "}, "请写明用途"), ({"region": "999999"}, "不在区划表里"), ({"term": "2030-autumn"}, "还没有测算")],
)
def test_bad_input_is_one_sentence(world: World, tmp_path: Path, given: dict, sentence: str):
    with pytest.raises(CommandError, match=sentence) as told:
        command(tmp_path / "a.pdf", **given)
    assert "\n" not in str(told.value)
    assert list(tmp_path.glob("*.pdf")) == []


def test_a_folder_that_is_not_there_is_named(world: World, tmp_path: Path):
    with pytest.raises(CommandError, match="不存在，请先建立"):
        command(tmp_path / "none" / "a.pdf")
