"""因学致贫台账: a row per child of the households that are poor for schooling, its sums those of the plans."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from random import Random

from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from ledgers.definitions.schooling_poverty import rows
from ledgers.preview import preview
from students.models import Household
from subsidies.models import Entitlement, HouseholdPlan, PlanChild, PlanMeasure
from subsidies.plans import families, making
from tests import make
from tests.ledgers.conftest import ActAs
from tests.ledgers.test_care import rows as shown
from tests.personas import TERM, As, World

HERE, THERE = "/62/6201/620123/", "/62/6201/620121/"
LEDGER = LEDGERS["schooling-poverty"]


def test_the_rows_are_the_children_of_the_plans(world: World, act_as: ActAs, as_: As) -> None:
    child, random = world.here.students[0], Random(7)
    home = Household.objects.get(members__person=child.person)
    sister = make.student("因学妹", at=world.here.senior, home="620123100201", stage="senior", grade=1)
    home.members.create(person=sister.person, relation="之女", from_on=date(2015, 1, 1))
    Household.objects.update(cause="因病")
    with act_as("maker") as _:
        assert LEDGER.tables(TERM, area_at(HERE))[0].size() == 0
        Household.objects.filter(pk=home.pk).update(cause="缺技术、因学", income_per_head=Decimal("3900.00"))
        [before] = [row for row in shown(LEDGER.tables(TERM, area_at(HERE))[0]) if row["学生"] == "因学妹"]
    assert (before["致贫原因"], before["年教育支出"], before["帮扶责任人"], before["成效"]) == (
        "缺技术、因学",
        None,
        None,
        "",
    )
    with act_as("maker"):
        from aidcases.scoping import current_actor

        making.make(families.poor(TERM).filter(first=0), TERM, by=current_actor())
        HouseholdPlan.objects.update(owner="李书记", effect="自付减少", result="eased", state="active")
        plan = HouseholdPlan.objects.get()
        for what, whose in (("务工", None), ("辅导", sister.pk), ("送教", child.pk)):
            PlanMeasure(
                plan=plan, kind="other", what=what, student_id=whose, owner="甲", due_on=date(2018, 12, 1), made_by="乙"
            ).save()
        for line in PlanChild.objects.all():
            line.fees, line.board, line.travel = (Decimal(random.randrange(0, 300_000)) / 100 for _ in range(3))
            line.save()
        [table] = LEDGER.tables(TERM, area_at(HERE))
        with CaptureQueriesContext(connection) as one:
            told = {row["学生"]: row for row in shown(table)}
        assert len(one) == 1
        first = told[child.person.name]
        assert (first["在校子女数"], first["致贫原因"], first["人均纯收入"]) == (2, "缺技术、因学", Decimal("3900.00"))
        assert (first["帮扶责任人"], first["帮扶措施"], first["成效"]) == (
            "李书记",
            "务工；送教",
            "有好转，还没有消除；自付减少",
        )
        assert told["因学妹"]["帮扶措施"] == "务工；辅导"
        assert first["证件号码"].startswith("*")
        assert first["资助后自付"] == max(first["年教育支出"] - (first["金额"] or 0), Decimal(0))
        totals = table.totals()
        spent = PlanChild.objects.aggregate(yuan=Sum("fees") + Sum("board") + Sum("travel"))["yuan"]
        due = Entitlement.objects.filter(student__in=[child, sister]).granted().aggregate(yuan=Sum("amount"))["yuan"]
        assert (totals["rows"], totals["年教育支出"], totals["金额"]) == (2, spent, due)
        sums = families.sums(TERM, [home.pk])[home.pk]
        assert totals["资助后自付"] == sums["own"] == sum(row["资助后自付"] for row in told.values())
        assert len(preview(table, TERM, area_at(HERE)).rows) == 2
        clear = [cell for row in table.sheet(None, unmasked=True).rows for cell in row]
        hidden = [cell for row in table.sheet(None, unmasked=False).rows for cell in row]
        assert child.person.id_number in clear
        assert child.person.id_number not in hidden
        assert rows(TERM, area_at(world.here.senior.path)).count() == 1
    with act_as("other_maker"):
        assert LEDGER.tables(TERM, area_at(HERE))[0].size() == 0
    url = reverse("ledger_detail", args=[LEDGER.code])
    assert as_("school").get(url).status_code == 404  # nothing of households is the school's
    assert "因学妹" in as_("maker").get(url, {"term": TERM.code}).content.decode()
