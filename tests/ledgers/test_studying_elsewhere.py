"""在外就读台账: a row per child at home here who studies elsewhere, with what the home found out; nobody else's business."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from ledgers.definitions.studying_elsewhere import level_of
from subsidies.models import Entitlement, Rule, StudyAway
from tests.ledgers.conftest import ActAs
from tests.ledgers.test_care import rows as shown
from tests.personas import TERM, As, World

HERE, THERE = "/62/6201/620123/", "/62/6201/620121/"
LEDGER = LEDGERS["studying-elsewhere"]


def test_the_row_is_the_home_s(world: World, act_as: ActAs, as_: As) -> None:
    child = world.crossing
    with act_as("other_maker"):
        [bare] = shown(LEDGER.tables(TERM, area_at(THERE))[0])
        empty = ("", None, "无", "", None)
        assert tuple(bare[name] for name in ("是否享受资助", "就读地金额", "在读证明", "核实人", "核实日期")) == empty
    StudyAway(
        student=child, term=TERM.code, home_path=child.person.home_path, reason="parents", aided="yes", item="寄宿补助",
        yuan=Decimal("500.50"), proof_on=date(2018, 9, 20), how="letter", checked_by="乙经办", checked_on=date(2018, 10, 8),
        note="已函询", made_by="乙经办",
    ).save()  # fmt: skip
    given = Entitlement.objects.filter(student=child).granted().first()
    Rule.objects.filter(pk=given.rule_id).update(jurisdiction="household")
    Entitlement.objects.filter(student=child, benefit=given.benefit_id).update(amount=Decimal(300))
    with act_as("other_maker"):
        [table] = LEDGER.tables(TERM, area_at(THERE))
        with CaptureQueriesContext(connection) as one:
            [row] = shown(table)
        assert len(one) == 1
        assert (row["学生"], row["户主"], row["就读县"], row["就读学校"]) == (
            "跨县生",
            "跨县户主",
            "榆中县",
            world.here.primary.name,
        )
        assert (row["外出就读原因"], row["是否享受资助"], row["就读地项目"]) == (
            "随父母务工（随迁）",
            "已享受",
            "寄宿补助",
        )
        assert (row["户籍地项目"], row["户籍地金额"]) == (given.benefit.name, Decimal(300))
        assert (row["在读证明"], row["核实方式"], row["核实日期"]) == ("有，2018-09-20", "函", date(2018, 10, 8))
        assert (row["核实人"], row["备注"], row["就读地金额"]) == ("乙经办", "已函询", Decimal("500.50"))
        assert table.totals() == {"rows": 1, "就读地金额": Decimal("500.50"), "户籍地金额": Decimal("300.00")}
        assert row["证件号码"].startswith("*")
        assert child.person.id_number in [cell for line in table.sheet(None, unmasked=True).rows for cell in line]
    with act_as("maker"):  # where the child studies
        assert LEDGER.tables(TERM, area_at(HERE))[0].size() == 0
    with act_as("city"):
        assert LEDGER.tables(TERM, area_at("/62/6201/"))[0].totals()["rows"] == 1
        areas = (area_at(path) for path in ("/62/6201/", HERE, f"{HERE}620123100/", world.here.primary.path))
        assert [level_of(area) for area in areas] == ["county", "county", "township", "township"]
    assert as_("school").get(reverse("ledger_detail", args=[LEDGER.code])).status_code == 404
