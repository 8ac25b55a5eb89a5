"""The board: every child of a priority category × every benefit has one status, and it is the right one."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from html import unescape
from io import BytesIO

import pytest
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from aidcases.flow import Refused
from aidcases.models import AuditEvent, SchoolFee
from aidcases.scoping import EVERYWHERE, SYSTEM, Scope, acting_in
from students.models import Enrolment, Student
from subsidies.explain import explain
from subsidies.models import Adjustment, Entitlement, NoticeLine, Payment, PublicNotice, UnpaidReason
from subsidies.payments import board, boardrows, citywide, listing, reasons
from subsidies.payments.board import Question
from subsidies.payments.cells import COLUMNS, OWED, Status
from subsidies.payments.offered import Offered
from subsidies.payments.unaided import Words, unaided
from tests import make
from tests.payments.county import asks
from tests.personas import CANARY, TERM, As, World

DAY = date(2018, 11, 1)
HERE = Scope("/62/6201/620123/")


def cells(path: str = "/", **asked: object) -> dict[tuple[int, str], tuple[str, str]]:
    """(child, benefit code) → (status, why in words)."""
    offered, question = Offered.of(TERM), Question(TERM, DAY, path, **asked)
    words, codes = boardrows.Words(question, offered), {each.pk: each.code for each in offered.benefits}
    found = board.names(question, offered)
    assert len({(name.student_id, name.benefit_id) for name in found}) == len(found)
    return {(n.student_id, codes[n.benefit_id]): (str(n.status), words.of(n.detail)) for n in found}


def status(who: Student, benefit: str) -> str:
    return cells()[who.pk, benefit][0]


def line(benefit: str, path: str = "/") -> board.Line:
    return next(each for each in board.matrix(TERM, DAY, path).lines if each.benefit.code == benefit)


def lines_of(who: Student, benefit: str) -> Payment:
    return Payment.objects.filter(student=who, benefit__code=benefit)


@pytest.fixture
def poor(world: World) -> Student:
    """A boarder of the primary school, registered poor."""
    return world.here.students[0]


def due(who: Student, benefit: str) -> Q:
    return Entitlement.objects.filter(student=who, benefit__code=benefit)


def test_every_child_and_benefit_has_one_status_and_explain_says_the_same(world: World):
    found = cells()
    children = {each.student_id: each.student for each in board.children_of(TERM).select_related("student")}
    assert {pk for pk, _ in found} == set(children)
    assert len(children) == 5
    assert len(found) == 5 * len(Offered.of(TERM).benefits)
    for pk, child in children.items():
        explained = explain(child, TERM)
        for benefit in Offered.of(TERM).benefits:
            state, why = found[pk, benefit.code]
            rules = [one for one in explained if one.rule.benefit_id == benefit.pk]
            granted = any(one.granted for one in rules)
            assert granted == (state in OWED or state == "claim"), (benefit, state)
            if state == "not_due":
                assert why.removeprefix("不符合：") in {c.label for one in rules for c in one.conditions if not c.holds}
            if state == "na":
                stage = {c.code for one in rules for c in one.conditions if not c.holds}
                assert stage & {"stage", "jurisdiction"}


def test_no_cell_is_blank_and_each_adds_up_to_its_category(world: World):
    found = board.matrix(TERM, DAY)
    named = {"all": cells(), **{category: cells(category=category) for category in COLUMNS}}
    assert found.children["registered_poor"] == 3
    assert found.children["dibao"] == 2
    assert found.children["all"] == 5
    for each in found.lines:
        assert [cell.category for cell in each.cells] == ["all", *COLUMNS]
        assert [sum(cell.counts.values()) for cell in each.cells] == [
            found.children[cell.category] for cell in each.cells
        ]
        for cell in each.cells:  # counted in groups, and one by one
            shown = [state for (_, code), (state, _) in named[cell.category].items() if code == each.benefit.code]
            assert cell.counts == Counter(shown)
    assert [each.benefit.code for each in found.claims] == ["loan"]
    assert Counter(state for state, _ in cells().values())["na"] == sum(
        each.whole.counts.get("na", 0) for each in found.lines
    )
    # People are not person-times: a poor boarder has four things due, one by day three, a senior two.
    assert (found.people["owed"], found.times["owed"]) == (5, 4 + 4 + 3 + 2 + 2)
    with acting_in(HERE):
        assert board.matrix(TERM, DAY).children["all"] == 3


def test_a_row_that_does_not_follow_from_the_rules_is_red(world: World, poor: Student):
    def wrong() -> int:
        return line("compulsory-boarding").whole.counts.get("error", 0)

    assert wrong() == 0
    due(poor, "compulsory-boarding").delete()
    assert wrong() == 1
    assert status(poor, "compulsory-boarding") == "error"
    assert line("compulsory-boarding").cells[1].tone == "bad"
    make.recompute()
    assert wrong() == 0
    due(poor, "compulsory-boarding").update(amount="9999.00")
    assert cells()[poor.pk, "compulsory-boarding"] == ("error", "应享记录和现在按政策算出的不同，请重新测算")
    make.recompute()
    Enrolment.objects.filter(student=poor).update(boarding=False)
    assert cells()[poor.pk, "compulsory-boarding"] == ("error", "资料有变化，还没有重新测算")
    make.recompute(marked_only=True)
    assert cells()[poor.pk, "compulsory-boarding"] == ("not_due", "不符合：寄宿")


def test_figures_are_their_names_whole_and_by_benefit(world: World, poor: Student):
    """Who lacks a figure or stands there against the rules has no row of their own, and is one of the people all the same."""
    teen = world.here.students[2]
    SchoolFee.objects.filter(school=world.here.senior).delete()
    make.recompute()
    due(teen, "senior-grant").delete()
    due(poor, "compulsory-boarding").delete()
    found, named = board.matrix(TERM, DAY), cells()
    claims = {each.benefit.code for each in found.claims}
    for group, (_, statuses) in board.GROUPS.items():
        behind = {pk for (pk, code), (state, _) in named.items() if state in statuses and code not in claims}
        assert found.people[group] == len(behind), group
        assert found.times[group] == sum(state in statuses for state, _ in named.values()), group
    assert (found.people["wrong"], named[teen.pk, "senior-fee"][0]) == (2, "unpaid")
    for benefit in Offered.of(TERM).benefits:  # the same words, whether asked of all benefits or of one
        assert cells(benefit=benefit.pk) == {key: told for key, told in named.items() if key[1] == benefit.code}


def test_a_line_on_its_way_to_the_card(world: World, poor: Student):
    code = "compulsory-boarding"
    assert cells()[poor.pk, code] == ("unpaid", "没有公示，或公示的金额不同")
    make.account(poor)
    made = make.batch()
    assert listing.freeze(due(poor, code), made) == 1
    assert cells()[poor.pk, code] == ("process", "已列入")
    rows = lines_of(poor, code)
    rows.move("approve", by=SYSTEM)
    rows.move("send", by=SYSTEM)
    assert cells()[poor.pk, code] == ("process", "已报送")
    rows.move("bounce", by=SYSTEM, bounce="name")
    assert cells()[poor.pk, code] == ("bounced", "退票")
    assert line(code).whole.tone == "warn"
    rows.move("reissue", by=SYSTEM)
    rows.move("send", by=SYSTEM)
    rows.move("pay", by=SYSTEM, paid_on=DAY)
    assert status(poor, code) == "paid"
    assert line(code).whole.paid == 1
    due(poor, code).delete()
    assert status(poor, code) == "error"


def test_back_pay_is_due_again_and_a_lost_adjustment_is_an_error(world: World, poor: Student):
    code = "compulsory-boarding"
    listing.freeze(due(poor, code), make.batch())
    rows = lines_of(poor, code)
    rows.move("approve", by=SYSTEM)
    rows.move("send", by=SYSTEM)
    rows.move("pay", by=SYSTEM, paid_on=DAY)
    Enrolment.objects.filter(student=poor).update(stage="junior")
    make.recompute()
    assert Adjustment.objects.get(student=poor).difference == 125
    assert cells()[poor.pk, code] == ("due", "要补发，还没有列入")
    Adjustment.objects.filter(student=poor).delete()
    assert status(poor, code) == "error"


def test_suspended_withheld_and_without_a_figure(world: World, poor: Student):
    due(poor, "compulsory-boarding").update(state="suspended")
    due(poor, "compulsory-textbook").update(state="not_paid")
    assert status(poor, "compulsory-boarding") == "suspended"
    assert cells()[poor.pk, "compulsory-textbook"] == ("unpaid", "定为不发放")
    teen = world.here.students[2]
    SchoolFee.objects.filter(school=world.here.senior).delete()
    make.recompute()
    assert cells()[teen.pk, "senior-fee"] == ("unpaid", "缺学校收费标准（元/年），算不出金额")


def test_a_reason_explains_and_never_makes_green(world: World, poor: Student):
    asked = Question(TERM, DAY, statuses=(Status.DUE,))
    before = board.matrix(TERM, DAY)
    assert before.times["silent"] == len(cells(statuses=("due",))) == 9
    with acting_in(HERE):
        benefit = next(each.pk for each in Offered.of(TERM).benefits if each.code == "compulsory-textbook")
        one = Question(TERM, DAY, benefit=benefit, student=poor.pk)
        with pytest.raises(Refused, match="写明"):
            reasons.say(one, reason="other", note=" ", by=SYSTEM)
        assert reasons.say(one, reason="other", note="书还没有到", by=SYSTEM) == 1
        assert reasons.say(one, reason="no_money", note="", by=SYSTEM) == 1  # corrected
        assert reasons.say(asked, reason="no_papers", note="", by=SYSTEM) == 5
        with pytest.raises(Refused, match="没有要写原因的人"):
            reasons.say(asked, reason="no_papers", note="", by=SYSTEM)
    after = board.matrix(TERM, DAY)
    assert (after.times["silent"], after.times["unaided"]) == (3, before.times["unaided"])
    assert after.people["aided"] == 0
    assert cells()[poor.pk, "compulsory-textbook"] == ("unpaid", "资金没有到位")
    assert UnpaidReason.objects.filter(student__in=[s.pk for s in world.there.students]).count() == 0
    assert AuditEvent.objects.filter(action="unpaid.said").count() == 3
    # What the work itself explains needs no word.
    assert UnpaidReason.objects.filter(benefit__code="compulsory-boarding").count() == 0
    assert reasons.take_back(UnpaidReason.objects.filter(student=poor, benefit=benefit), by=SYSTEM) == 1
    assert status(poor, "compulsory-textbook") == "due"


def text(answer: object) -> str:
    return re.sub(r"<[^>]+>|\s+", " ", answer.content.decode())


def test_the_county_sees_it_first_and_opens_names(as_: As, world: World, poor: Student, django_assert_max_num_queries):
    client = as_("maker")
    with django_assert_max_num_queries(40):
        home = client.get(reverse("home"))
    page = home.content.decode()
    assert page.index("没有写原因") < page.index("在读学生")
    assert asks(client, reverse("aid_matrix") + f"?term={TERM.code}") <= 12
    whole = client.get(reverse("aid_matrix"), {"term": TERM.code})
    assert "义务教育免费教科书" in text(whole)
    assert "不适用" in text(whole)
    asked = {"term": TERM.code, "benefit": "compulsory-textbook", "status": "due"}
    assert asks(client, reverse("board_names") + f"?term={TERM.code}&benefit=compulsory-textbook&status=due") <= 12
    names = client.get(reverse("board_names"), asked)
    assert poor.person.name in text(names)
    assert "************" in text(names)
    assert poor.person.id_number not in names.content.decode()
    assert CANARY["620121"] not in text(names)
    url = reverse("reason_say") + f"?term={TERM.code}&benefit=compulsory-textbook&status=due"
    answer = client.post(url, {"reason": "no_money", "note": ""}, follow=True)
    assert "已写明 2 人次" in text(answer)
    later = client.get(reverse("board_names"), {**asked, "status": "unpaid"})
    assert "资金没有到位" in text(later)
    [reason] = UnpaidReason.objects.filter(student=poor)
    client.post(reverse("reason_take_back", args=[reason.pk]))
    assert UnpaidReason.objects.filter(student=poor).count() == 0
    assert as_("other_maker").post(reverse("reason_take_back", args=[UnpaidReason.objects.get().pk])).status_code in (
        302,
        404,
    )


def test_a_reason_that_an_address_makes_up_is_nobody_s(as_: As, world: World):
    client, url = as_("maker"), reverse("board_names")
    made_up = ("outcome:99999999", "outcome:x", "outcome:²", "outcome:-1", "outcome:", "state:zz", "said:zz", "zz", "outcome:0")
    for detail in made_up:
        for asked in ({}, {"benefit": "compulsory-boarding"}):
            answer = client.get(url, {"term": TERM.code, "detail": detail, **asked})
            assert (answer.status_code, "没有这样的学生" in text(answer)) == (200, True), detail
    sheet = client.post(f"{url}sheet/?term={TERM.code}&detail=outcome:99999999", {"purpose": "报局"})
    assert sheet.status_code == 200


def test_sheets_are_masked_and_recorded(as_: As, world: World, poor: Student):
    client = as_("maker")
    url = reverse("board_names_sheet") + f"?term={TERM.code}&category=registered_poor"
    assert client.post(url, {"purpose": ""}).status_code == 302
    sheet = load_workbook(BytesIO(b"".join(client.post(url, {"purpose": "报局"}).streaming_content))).active
    rows = list(sheet.values)
    assert rows[1][:2] == ("姓名", "证件号码")
    assert any(row[0] == poor.person.name and row[1].startswith("****") for row in rows)
    whole = client.post(reverse("board_sheet") + f"?term={TERM.code}", {"purpose": "报局"})
    rows = list(load_workbook(BytesIO(b"".join(whole.streaming_content))).active.values)
    counted = Counter()
    for row in rows[3:]:
        if row[1]:
            counted[row[0]] += row[2]
    assert set(counted.values()) == {3}
    assert AuditEvent.objects.filter(action="board.downloaded").count() == 2


def test_each_sees_their_own(as_: As, world: World):
    assert "登枫" not in text(as_("maker").get(reverse("board_names"), {"term": TERM.code}))
    assert "榆槐高生" not in text(as_("school").get(reverse("board_names"), {"term": TERM.code}))
    city = as_("city")
    assert "请选择县区" in text(city.get(reverse("aid_matrix")))
    assert "登枫" in text(city.get(reverse("board_names"), {"term": TERM.code, "county": "620121"}))
    assert city.get(reverse("aid_matrix"), {"county": "610113"}).status_code == 404
    assert as_("nobody").get(reverse("aid_matrix")).status_code in (302, 403)
    refused = as_("auditor").post(reverse("reason_say") + f"?term={TERM.code}", {"reason": "left"})
    assert refused.status_code == 403
    with acting_in(EVERYWHERE):
        assert UnpaidReason.objects.count() == 0


def test_until_the_day_of_settlement_what_is_free_is_not_forgotten(
    as_: As, poor: Student, monkeypatch: pytest.MonkeyPatch
):
    last = date(2018, 9, 30)
    before, after = board.matrix(TERM, last), board.matrix(TERM, last + timedelta(days=1))
    cell, red = (next(each for each in of.lines if each.benefit.code == "compulsory-textbook") for of in (before, after))
    assert (cell.whole.tone, red.whole.tone) == ("warn", "bad")
    assert cell.whole.counts[Status.SETTLE] == red.whole.counts[Status.DUE] > 0
    assert (before.times["settle"] + before.times["silent"], 0) == (after.times["silent"], after.times["settle"])
    apart = sum(before.times[part] for part in ("aided", "unaided", "underway", "settle"))
    assert before.times["owed"] == after.times["owed"] == apart
    one, offered = Question(TERM, last, benefit=cell.benefit.pk, student=poor.pk), Offered.of(TERM)
    [row] = boardrows.rows(board.names(one, offered), one, boardrows.Words(one, offered))
    said = "待结算：9 月 30 日前与学校结算"
    assert (row.label, row.words, row.ready) == ("待结算", said, True)
    with pytest.raises(Refused, match="没有要写原因的人"):
        reasons.say(one, reason="other", note="x", by=SYSTEM)
    # The ledger of who has not been aided has the board's words.
    for day, words in ((last, said), (last + timedelta(days=1), "可以编入批次")):
        monkeypatch.setattr("django.utils.timezone.localdate", lambda *_, day=day: day)
        found = unaided(TERM).get(student=poor, benefit=cell.benefit)
        assert Words(TERM)(found.why) == words
        page = as_("maker").get(reverse("aid_matrix"), {"term": TERM.code}).content.decode()
        assert ("待结算（减免、教科书）" in page) == (day == last)


def test_whom_only_a_batch_is_missing_and_whose_card_waits(as_: As, world: World, poor: Student):
    """Nobody is said to lack a word, or a card, where the next step is known; the figures stay as they were."""
    found, matrix = board.names(Question(TERM, DAY, statuses=(Status.DUE,)), Offered.of(TERM)), board.matrix(TERM, DAY)
    assert {name.detail for name in found} == {"ready"}
    for each in matrix.lines:
        assert each.whole.ready == sum(name.benefit_id == each.benefit.pk for name in found)
        assert sum(count for *_, count in each.whole.links) == each.whole.whole
    assert matrix.times["silent"] == len(found)
    maker = as_("maker")
    asked = {"term": TERM.code, "benefit": "compulsory-textbook", "status": "due"}
    page = maker.get(reverse("board_names"), asked).content.decode()
    make_one = f"{reverse('batch_new')}?term={TERM.code}&amp;channel=settlement&amp;benefits=compulsory-textbook"
    assert all(part in page for part in ("未助，可以编入批次", "写原因", make_one))
    assert maker.get(make_one.replace("&amp;", "&")).status_code == 200
    assert make_one not in as_("school").get(reverse("board_names"), asked).content.decode()
    whole = maker.get(reverse("aid_matrix"), {"term": TERM.code}).content.decode()
    here = line("compulsory-textbook", HERE.path).whole.ready
    assert f'benefit=compulsory-textbook&amp;status=due&amp;detail=ready">可以编入批次 {here} 人' in whole

    code = "compulsory-boarding"
    people = board.matrix(TERM, DAY).people
    with acting_in(EVERYWHERE):
        announce(poor, code)
    assert cells()[poor.pk, code] == ("unpaid", "没有一卡通")
    card = make.account(poor, state="proposed")
    assert cells()[poor.pk, code] == ("unpaid", "卡待复核")
    link = f"{reverse('account_list')}?state=proposed&amp;student={poor.pk}"
    assert link in maker.get(reverse("board_names"), {"term": TERM.code, "benefit": code}).content.decode()
    type(card).objects.filter(pk=card.pk).update(alarm="这张卡也登记在别的户的孩子名下")
    assert cells()[poor.pk, code] == ("unpaid", "卡待复核，有疑点没有核实")
    assert board.matrix(TERM, DAY).people == people
    # Refused, there is none again.
    type(card).objects.filter(pk=card.pk).update(state="refused", why="不是他的")
    assert cells()[poor.pk, code] == ("unpaid", "没有一卡通")


def announce(who: Student, code: str) -> PublicNotice:
    """A list of those aided that holds the child, and is over."""
    office = make.office("620123")
    row = due(who, code).select_related("benefit").get()
    made = PublicNotice(
        kind="benefit", office=office, path=office.path, term=TERM.code, title="受助名单", state="over", hotline="0931-5221234",
        made_by="甲", published_by="乙", published_on=DAY, ends_at=timezone.now(), sha256="0" * 64,
    )  # fmt: skip
    made.save()
    NoticeLine(notice=made, order=1, name="某某", student=who, about=row.benefit, benefit="补助", amount=row.amount).save()
    return made


def test_the_filter_has_each_state_once(as_: As, world: World):
    page = as_("maker").get(reverse("board_names"), {"term": TERM.code, "status": "silent"}).content.decode()
    options = re.findall(r'<option value="(\w+)"( selected)?>([^<]+)<', page[page.index('name="status"') :])
    shown = [(value, label) for value, _, label in options if value in {*Status.values, *board.GROUPS}]
    assert len(shown) == len(dict(shown)) == len({label for _, label in shown})
    assert {value for value, _ in shown} == {*Status.values, "owed", "unaided", "underway"}
    assert [value for value, selected, _ in options if selected] == ["due"]  # 没有写原因 of the board is that state


def test_a_city_sees_its_counties_side_by_side_and_all_once(as_: As, world: World):
    """The child at home there and at school here is in both counties' figures, and once in the sum."""
    city = as_("city")
    assert reverse("board_totals") in city.get(reverse("aid_matrix"), {"term": TERM.code}).content.decode()
    assert as_("maker").get(reverse("board_totals")).status_code == 404
    page = city.get(reverse("board_totals"), {"term": TERM.code})
    today = timezone.localdate()
    with acting_in(world.users["city"].memberships.get().organisation.scope):
        whole, rows = citywide.by_county(TERM, today)
        counties = {row.region.code: row for row in rows}
        own = {code: board.matrix(TERM, today, f"/62/6201/{code}/") for code in ("620121", "620123")}
        both = board.matrix(TERM, today)
    for row, told in ((whole, both), *((counties[code], own[code]) for code in own)):
        assert (row.children, row.people, row.times) == (told.children["all"], told.people, told.times)
    assert whole.children == sum(row.children for row in rows) - 1
    links = re.findall(r'href="([^"]*/board/names/[^"]*)">([0-9,]+)<', page.content.decode())
    assert len(links) >= 6
    for address, figure in links:
        assert city.get(unescape(address)).context["people"] == int(figure), address
