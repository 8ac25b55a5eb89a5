"""Pages of the law, of placements, close-outs, looking again and deadlines: what a person does with them, what each may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dropout.models import Deadline, DropoutCase, LegalStep, Placement
from tests import make
from tests.casework.conftest import Crew, browser, crew  # noqa: F401
from tests.dropout.build import case
from tests.dropout.test_after import visited
from tests.dropout.test_legal import VILLAGE, photo, with_township

TODAY = timezone.localdate()
Browser = Callable[[str], Client]


@pytest.fixture
def town(crew: Crew) -> Crew:  # noqa: F811
    return with_township(crew)


def of_child(made: Crew, state: str, **values: Any) -> DropoutCase:
    child = make.student("王小花", at=made.school, home=VILLAGE)
    return case(state, student=child, school=made.school, stage="primary", grade=3, **values)


def text(client: Client, name: str, *args: Any, **query: str) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def sent(client: Client, name: str, *args: Any, status: int = 200, **data: Any) -> str:
    answer = client.post(reverse(name, args=args), data, follow=True)
    assert answer.status_code == status
    return answer.content.decode()


def test_the_township_takes_a_step_serves_it_and_prints_it(town: Crew, browser: Browser) -> None:  # noqa: F811
    row = of_child(town, "legal", legal_step=1)
    cadre, school, maker = browser("cadre"), browser("school_maker"), browser("county_maker")
    assert "由当地乡镇人民政府或县教育局作出" in text(school, "legal_new", row.pk)
    page = text(cadre, "legal_new", row.pk)
    for part in ("宣传教育", 'value="城政控复"', 'value="榆中县城关镇人民政府"'):
        assert part in page
    assert 'value="榆教控复"' in text(maker, "legal_new", row.pk)
    typed = {"step": "1", "addressee": "王大山", "deadline_on": str(TODAY + timedelta(days=9)), "issuer": "城关镇政府",
             "prefix": "城政控复", "with_paper": "on", "text": ""}  # fmt: skip
    assert "还不能保存" in sent(cadre, "legal_take", row.pk, **{**typed, "deadline_on": ""}, status=422)
    assert "期限要晚于今天" in sent(cadre, "legal_take", row.pk, **{**typed, "deadline_on": str(TODAY)}, status=422)
    assert "由当地乡镇人民政府" in sent(school, "legal_take", row.pk, **typed, status=422)
    number = f"城政控复〔{TODAY.year}〕1号"
    assert f"《限期复学通知书》{number}已开具" in sent(cadre, "legal_take", row.pk, **typed)
    step = LegalStep.objects.get()
    paper = cadre.get(reverse("legal_paper", args=[step.pk]))
    assert (paper.status_code, paper["Content-Type"]) == (200, "application/pdf")
    assert b"".join(paper.streaming_content)[:5] == b"%PDF-"  # type: ignore[attr-defined]
    assert school.get(reverse("legal_paper", args=[step.pk])).status_code == 404
    assert "还没有登记送达" in text(cadre, "legal_new", row.pk, step="2")
    served = {
        "served_on": str(TODAY),
        "how": "direct",
        "served_by": "李文书",
        "received_by": "王大山",
        "photo": photo(),
    }
    assert "已登记送达" in sent(cadre, "legal_serve", step.pk, **served)
    shown = text(school, "case_detail", row.pk)
    assert number in shown
    assert "直接送达，送达人 李文书，签收 王大山" in shown
    assert "回证 1" not in shown  # the photo lies with the home's offices
    assert "回证 1" in text(maker, "case_detail", row.pk)
    assert "已登记结果" in sent(cadre, "legal_outcome", step.pk, outcome="家长拒绝")
    assert "逾期" not in text(cadre, "legal_new", row.pk, step="2")
    assert browser("foreign_county_maker").get(reverse("legal_paper", args=[step.pk])).status_code == 404


def test_a_penalty_form_asks_for_the_local_law_and_the_court_knows_its_plaintiff(town: Crew, browser: Browser) -> None:  # noqa: F811
    row = of_child(town, "legal", legal_step=2)
    long_ago = date(2018, 10, 8)
    for step in (1, 2):
        LegalStep(
            case=row, path="/62/6201/620123/620123100/", step=step, issuer="城关镇政府", addressee="王大山", issued_on=long_ago,
            deadline_on=long_ago, outcome="拒绝", made_by="镇干部",
        ).save()  # fmt: skip
    cadre = browser("cadre")
    assert "义务教育法没有规定对家长的处罚" in text(cadre, "legal_new", row.pk, step="3")
    page = text(cadre, "legal_new", row.pk)  # unasked: the suit, the penalty may be left out
    assert "原告：榆中县城关镇人民政府" in page
    typed = {
        "step": "4",
        "addressee": "王大山",
        "deadline_on": str(TODAY + timedelta(days=30)),
        "prefix": "城政控诉",
        "text": "",
    }
    assert "《起诉材料清单》" in sent(cadre, "legal_take", row.pk, **typed)
    assert LegalStep.objects.get(step=4).issuer == "榆中县城关镇人民政府"
    DropoutCase.objects.filter(pk=row.pk).update(home_path="")
    assert "户籍还没有落实到乡镇" in text(browser("county_maker"), "legal_new", row.pk)


def test_a_child_is_placed_proven_closed_and_looked_at_again(town: Crew, browser: Browser) -> None:  # noqa: F811
    back = TODAY - timedelta(days=100)
    row = of_child(town, "returned", returned_on=back, returned_to=town.school)
    maker, checker = browser("school_maker"), browser("county_checker")
    page = text(maker, "placement_new", row.pk)
    assert f'value="{town.school.code}"' in page
    typed = {"kind": "vocational", "school": town.school.code, "from_on": str(back), "plan": "每周三下午补数学和语文",
             "mentor": "李老师"}  # fmt: skip
    assert "普职融合要填写职业学校的在读证明" in sent(maker, "placement_make", row.pk, **typed, status=422)
    assert "没有这所学校" in sent(maker, "placement_make", row.pk, **{**typed, "school": "0"}, status=422)
    assert "已登记安置" in sent(maker, "placement_make", row.pk, **{**typed, "kind": "class"})
    plan = maker.get(reverse("placement_plan", args=[Placement.objects.get().pk]))
    assert plan.content[:5] == b"%PDF-"
    assert "已办理" in sent(maker, "case_step", row.pk, "watch")
    assert "现在没有找到佐证" in text(checker, "case_detail", row.pk)
    assert "没有找到佐证" in sent(checker, "proof_close", row.pk)
    assert "已提出无佐证销号" in sent(maker, "proof_ask", row.pk, note="学校和村都确认在校")
    assert "批准无佐证销号" in text(checker, "case_detail", row.pk)
    visited(row, TODAY - timedelta(days=3))
    assert "来源：李主任；村干部 登记" in text(checker, "case_detail", row.pk)
    assert "已销号，依据：有时间地点照片的走访" in sent(checker, "proof_close", row.pk)
    assert "王小花" not in text(maker, "recheck_list")
    DropoutCase.objects.update(recheck_on=TODAY)
    assert "王小花" in text(maker, "recheck_list")
    assert "王小花" not in text(browser("second_maker"), "recheck_list")
    assert "请选择孩子在不在校" in sent(maker, "recheck", row.pk, note="看了")
    assert "已登记复查：在校" in sent(maker, "recheck", row.pk, seen="yes", note="到班里看到本人")
    assert "王小花" not in text(maker, "recheck_list")


def test_the_head_sets_deadlines_and_everybody_sees_them(town: Crew, browser: Browser) -> None:  # noqa: F811
    head, maker = browser("county_head"), browser("county_maker")
    assert "设定期限" not in text(maker, "deadline_list")
    later = TODAY + timedelta(days=30)
    for days, on in ((8, TODAY), (4, later)):
        sent(head, "deadline_set", state="verifying", days=str(days), from_on=str(on))
    assert "不能早于今天" in sent(
        head, "deadline_set", state="verifying", days="8", from_on=str(TODAY - timedelta(days=1))
    )
    assert sent(head, "deadline_set", state="verifying", days="0", from_on=str(TODAY), status=422)
    page = text(maker, "deadline_list")
    assert f"{TODAY} 起 8 个工作日" in page
    assert f"{later} 起 4 个工作日" in page
    assert maker.post(reverse("deadline_set"), {}).status_code == 403
    assert "没有设定" in text(browser("foreign_county_maker"), "deadline_list")
    assert "已删除" in sent(head, "deadline_drop", Deadline.objects.get(days=4).pk)
    assert "已经开始执行" in sent(head, "deadline_drop", Deadline.objects.get().pk)


def test_lists_ask_the_database_a_few_times(town: Crew, browser: Browser) -> None:  # noqa: F811
    for _ in range(4):
        of_child(town, "closed", recheck_on=TODAY, returned_to=town.school)
    client = browser("county_maker")
    for name, most in (("recheck_list", 12), ("deadline_list", 12)):
        client.get(reverse(name))
        with CaptureQueriesContext(connection) as seen:
            client.get(reverse(name))
        assert len(seen) <= most, name
