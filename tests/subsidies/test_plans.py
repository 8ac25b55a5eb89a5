"""一户一策: made for many at once, costs against aid, measures, review; each side sees its own; what is late is reminded of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from aidcases.demo import Demo
from aidcases.flow import Refused
from aidcases.models import AuditEvent, Reminder
from aidcases.scoping import EVERYWHERE, SYSTEM, Actor, acting_in
from aidcases.seen import Changed
from students.models import Household, Member
from subsidies.demo import plans as demo_plans
from subsidies.models import Entitlement, HouseholdPlan, PlanChild, PlanMeasure
from subsidies.plans import daily, families, making, merged
from tests import make
from tests.personas import TERM, As, World
from tests.students.test_pages import queries_of
from tests.subsidies.pdfs import Pdf

TODAY = date(2018, 10, 8)
DUE = date(2018, 12, 1)
Acting = Callable[[str], AbstractContextManager[Actor]]


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.localdate", lambda at=None, *_: at.date() if at else TODAY)


@pytest.fixture
def acting(county: World) -> Acting:
    @contextmanager
    def at_work(persona: str) -> Iterator[Actor]:
        membership = county[persona].memberships.select_related("organisation", "user").get()
        with acting_in(membership.organisation.scope, membership.actor):
            yield membership.actor

    return at_work


@pytest.fixture
def home(world: World) -> Household:
    """The poor child's household, poor for schooling and for illness; another of the county that is poor for something else."""
    found = Household.objects.get(members__person=world.here.students[0].person)
    Household.objects.filter(pk=found.pk).update(cause="因学，因病", income_per_head=Decimal("4100.50"))
    other = make.student("缺技生", at=world.here.primary, home="620123100201")
    made = make.household(
        village="620123100201", head=make.person("缺技户主", home="620123100201"), members=(other.person,)
    )
    Household.objects.filter(pk=made.pk).update(cause="缺技术")
    found.refresh_from_db()
    return found


def written(plan: HouseholdPlan, by: Actor, **also: Any) -> HouseholdPlan:
    """With a helper and all costs of its child."""
    line = plan.children.get()
    costs = {line.pk: {"fees": Decimal(0), "board": Decimal("1200.50"), "travel": Decimal(60)}}
    told = {
        "cause": plan.cause,
        "second_cause": "",
        "income_per_head": Decimal(5000),
        "owner": "李书记",
        "owner_unit": "镇政府",
    }
    return making.save(plan, costs=costs, mark=None, by=by, **{**told, **also})


def test_plans_are_made_for_a_set_in_a_fixed_number_of_statements(
    home: Household, world: World, acting: Acting
) -> None:
    with acting("maker") as by:
        with CaptureQueriesContext(connection) as few:
            assert making.make(families.poor(TERM).filter(first=0), TERM, by=by) == 1
        with CaptureQueriesContext(connection) as more:
            assert making.make(families.poor(TERM), TERM, by=by) == 1  # the other; the first has its plan
        assert making.make(families.poor(TERM), TERM, by=by) == 0
        assert len(few) == len(more)
        plan, other = HouseholdPlan.objects.order_by("household")
        assert (plan.cause, plan.second_cause, plan.income_per_head) == ("因学", "因病", Decimal("4100.50"))
        assert (plan.year, plan.state, plan.path, other.cause) == (2018, "draft", home.path, "缺技术")
        boards, stays = PlanChild.objects.order_by("plan")
        assert (boards.fees, boards.board, stays.board) == (Decimal(0), None, Decimal(0))  # what the school's list says
        assert [h.pk for h in families.poor(TERM)] == [home.pk, other.household_id]
        assert list(families.poor(TERM).filter(first=0)) == [home]
        assert AuditEvent.objects.filter(action="plan.made").count() == 2
    with acting("other_maker"):
        assert not HouseholdPlan.objects.exists()
        assert families.poor(TERM).filter(plan__id__isnull=True).count() == families.poor(TERM).count() == 2


def test_what_is_left_to_pay_is_the_same_wherever_it_is_asked(home: Household, world: World, acting: Acting) -> None:
    child = world.here.students[0]
    due = Entitlement.objects.filter(student=child).granted().aggregate(yuan=Sum("amount"))["yuan"]
    with acting("maker") as by:
        making.make(families.poor(TERM), TERM, by=by)
        plan = HouseholdPlan.objects.get(household=home)
        [line] = families.lines(PlanChild.objects.filter(plan=plan), 2018)
        assert (line.spent, line.own) == (Decimal(0), Decimal(0))  # nothing is known but the fee; never below nought
        written(plan, by)
        [line] = families.lines(PlanChild.objects.filter(plan=plan), 2018)
        [member] = families.children(TERM).filter(household=home)
        assert (line.spent, line.aid, line.own) == (Decimal("1260.50"), due, Decimal("1260.50") - due)
        assert due > 0
        assert families.sums(TERM, [home.pk])[home.pk] == {
            "pupils": 1,
            "spent": line.spent,
            "aid": due,
            "own": line.own,
        }
        assert (member.spent, member.aid, member.own) == (line.spent, line.aid, line.own)
        assert list(families.paying_above(TERM, line.own)) == []
        assert list(families.paying_above(TERM, line.own - 1)) == [{"household": home.pk}]
        PlanChild.objects.filter(pk=line.pk).update(fees=None, board=None, travel=None)
        [line] = families.lines(PlanChild.objects.filter(plan=plan), 2018)
        assert (line.spent, line.own) == (None, None)  # unknown is not nought


def test_a_plan_goes_its_way(home: Household, world: World, acting: Acting) -> None:
    child = world.here.students[0].pk
    with acting("maker") as by:
        making.make(families.poor(TERM).filter(first=0), TERM, by=by)
        plan = HouseholdPlan.objects.get()
        assert plan.blockers("start") == ["还没有填写帮扶责任人", "还没有帮扶措施"]
        mark = making.shown(plan, list(plan.children.order_by("pk")))
        written(plan, by)
        with pytest.raises(Changed):
            making.save(
                plan,
                costs={},
                mark=mark,
                by=by,
                cause="",
                second_cause="",
                income_per_head=None,
                owner="",
                owner_unit="",
            )
        told = {"kind": "aid", "owner": "李书记", "by": by, "today": TODAY}
        for wrong, reason in (
            ({"what": " ", "due_on": DUE, "student": None}, "具体做什么"),
            ({"what": "助", "due_on": date(2018, 10, 7), "student": None}, "已经过了"),
            ({"what": "助", "due_on": date(2030, 1, 1), "student": None}, "核对年份"),
            ({"what": "助", "due_on": DUE, "student": world.crossing.pk}, "不在计划里"),
        ):
            with pytest.raises(Refused, match=reason):
                making.add_measure(plan, **told, **wrong)
        one = making.add_measure(plan, what="按时发放", due_on=DUE, student=child, **told)
        making.drop(making.add_measure(plan, what="写错了", due_on=DUE, student=None, **told))
        plan.refresh_from_db()
        assert (plan.planned, plan.undone) == (1, 1)
        plan.move("start", by=by)
        with pytest.raises(Refused, match="不能删除"):
            making.drop(one)
        with pytest.raises(Refused, match="要有帮扶责任人"):
            written(plan, by, owner="")
    with acting("checker") as checker:
        came = {"result": "eased", "effect": "自付减少", "reviewed_on": TODAY, "by": checker, "today": TODAY}
        with pytest.raises(Refused, match="没登记办结"):
            making.review(plan, **came)
        with pytest.raises(Refused, match="办理结果"):
            making.finish(one, done_on=TODAY, effect="", by=checker, today=TODAY)
        making.finish(one, done_on=TODAY, effect="已到账", by=checker, today=TODAY)
        with pytest.raises(Refused, match="已经登记办结"):
            making.finish(one, done_on=TODAY, effect="已到账", by=checker, today=TODAY)
        making.review(plan, **came)
        plan.move("close", by=checker)
        with pytest.raises(Refused, match="不能再改"):
            written(plan, checker)
        with pytest.raises(Refused, match="写明原因"):
            plan.move("resume", by=checker)
        plan.move("resume", by=checker, note="又有一个孩子上高中")
    plan.refresh_from_db()
    assert (plan.state, plan.result, plan.reviewed_by, plan.undone) == ("active", "eased", "甲审核", 0)


def test_a_school_sees_its_child_s_own_line_and_nothing_of_the_household(
    home: Household, world: World, acting: Acting, as_: As
) -> None:
    child = world.here.students[0].pk
    with acting("maker") as by:
        making.make(families.poor(TERM).filter(first=0), TERM, by=by)
        plan = written(HouseholdPlan.objects.get(), by)
        told = {"kind": "work", "owner": "李书记", "due_on": DUE, "by": by, "today": TODAY}
        making.add_measure(plan, what="父亲外出务工还账", student=None, **told)
        making.add_measure(plan, what="每周辅导一次", student=child, **told)
    with acting("school"):
        assert [line.student_id for line in PlanChild.objects.all()] == [child]
        assert [measure.what for measure in PlanMeasure.objects.all()] == ["每周辅导一次"]
        assert not HouseholdPlan.objects.exists()
        assert not families.children(TERM).exists()
    shown = as_("school").get(reverse("student_detail", args=[child])).content.decode()
    assert "1,260.50" in shown
    assert "每周辅导一次" in shown
    assert "还账" not in shown
    assert reverse("plan_detail", args=[plan.pk]) not in shown
    for name, args in (("plan_list", []), ("plan_detail", [plan.pk]), ("plan_print", [plan.pk])):
        assert as_("school").get(reverse(name, args=args)).status_code == 403
        assert as_("other_maker").get(reverse(name, args=args)).status_code == (404 if args else 200)
    own = as_("maker").get(reverse("student_detail", args=[child])).content.decode()
    assert reverse("plan_detail", args=[plan.pk]) in own


def test_the_pages(home: Household, world: World, as_: As) -> None:
    maker, checker = as_("maker"), as_("checker")
    lists = reverse("plan_list") + f"?term={TERM.code}"
    assert "制定本学年帮扶计划" in maker.get(reverse("household_detail", args=[home.pk])).content.decode()
    few = queries_of(maker, lists)
    told = maker.post(f"{reverse('plan_make')}?term={TERM.code}&cause=1", follow=True).content.decode()
    assert "已给 1 户制定计划草稿" in told
    plan, child = HouseholdPlan.objects.get(), world.here.students[0]
    line = plan.children.get()
    told = maker.post(f"{reverse('plan_start')}?term={TERM.code}", follow=True).content.decode()
    assert "1 户没有办：还没有填写帮扶责任人" in told
    edit = maker.get(reverse("plan_edit", args=[plan.pk]))
    seen = edit.context["form"].initial["seen"]
    typed = {
        "cause": "因学",
        "second_cause": "",
        "income_per_head": "5000",
        "owner": "",
        "owner_unit": "",
        "seen": seen,
    }
    costs = {f"c{line.pk}-fees": "0", f"c{line.pk}-board": "2400", f"c{line.pk}-travel": ""}
    wrong = maker.post(reverse("plan_save", args=[plan.pk]), typed | costs | {f"c{line.pk}-travel": "-1"})
    assert (wrong.status_code, "交通费" in wrong.content.decode()) == (422, True)
    assert maker.post(reverse("plan_save", args=[plan.pk]), typed | costs).status_code == 302
    stale = maker.post(reverse("plan_save", args=[plan.pk]), typed | costs)
    assert (stale.status_code, "有人改过" in stale.content.decode()) == (422, True)
    told = maker.post(f"{reverse('plan_assign')}?term={TERM.code}", {"owner": "李书记", "unit": "镇政府"}, follow=True)
    assert "已给 1 户定了帮扶责任人" in told.content.decode()
    measure = {"kind": "tutoring", "what": "每周辅导", "student": child.pk, "owner": "王老师", "due_on": "2018-10-20"}
    assert maker.post(reverse("planmeasure_add", args=[plan.pk]), measure | {"what": ""}).status_code == 422
    assert maker.post(reverse("planmeasure_add", args=[plan.pk]), measure).status_code == 302
    assert maker.post(reverse("plan_review", args=[plan.pk]), {}).status_code == 403
    maker.post(f"{reverse('plan_start')}?term={TERM.code}")
    for query, found in (
        ("state=none", False), ("state=active", True), ("cause=0", False), ("owner=0", False), ("owner=1", True),
        ("above=100", True), ("above=99999", False), ("overdue=1", False), ("place=620123100", True),
    ):  # fmt: skip
        assert (home.number in maker.get(f"{lists}&{query}").content.decode()) is found, query
    done = {"done_on": "2018-10-08", "effect": "辅导了四次"}
    maker.post(reverse("planmeasure_finish", args=[PlanMeasure.objects.get().pk]), done)
    assert checker.post(reverse("plan_review", args=[plan.pk]), {"result": "eased"}).status_code == 422
    came = {"result": "eased", "effect": "成绩上来了", "reviewed_on": "2018-10-08"}
    assert checker.post(reverse("plan_review", args=[plan.pk]), came).status_code == 302
    shown = checker.get(reverse("plan_detail", args=[plan.pk])).content.decode()
    assert "辅导了四次" in shown
    assert "继续帮扶" in shown
    [page] = Pdf(maker.get(reverse("plan_print", args=[plan.pk])).content).pages
    assert "每周辅导" in page
    assert "李书记" in page
    assert child.person.id_number not in page
    for n in range(8):
        pupil = make.student(f"添{n}", at=world.here.primary, home="620123100201")
        make.household(village="620123100201", members=(pupil.person,), head=make.person(f"户{n}", home="620123100201"))
    assert max(few, queries_of(maker, lists)) <= 12
    assert queries_of(maker, reverse("plan_detail", args=[plan.pk])) <= 18


def test_a_child_who_moved_to_another_household_is_of_the_new_one_alone(home: Household, world: World, as_: As) -> None:
    """The register still has it in the old one, too: that has nobody at school any more and needs no plan."""
    child = world.here.students[0].person
    new = make.household(village="620123100201", head=make.person("新家户主", home="620123100201"))
    Member(household=new, person=child, relation="之子", from_on=date(2018, 9, 1)).save()
    page = as_("maker").get(f"{reverse('plan_list')}?term={TERM.code}")
    assert page.status_code == 200
    assert [row["household"].pk for row in page.context["rows"] if row["household"].pk in (home.pk, new.pk)] == [new.pk]


def test_what_is_late_is_reminded_of_at_the_nearest_office(home: Household, world: World, acting: Acting) -> None:
    with acting("maker") as by:
        making.make(families.poor(TERM).filter(first=0), TERM, by=by)
        plan = written(HouseholdPlan.objects.get(), by)
        told = {"kind": "aid", "owner": "李", "student": None, "by": by, "today": TODAY}
        one = making.add_measure(plan, what="助", due_on=TODAY, **told)
        plan.refresh_from_db()
        plan.move("start", by=by)
    later = timezone.make_aware(datetime.combine(TODAY + timedelta(days=1), datetime.min.time()))
    with acting_in(EVERYWHERE, SYSTEM):
        assert (
            daily.measures_overdue(timezone.make_aware(datetime.combine(TODAY, datetime.min.time())))["reminded"] == 0
        )
        assert daily.measures_overdue(later)["reminded"] == 1
        [reminder] = Reminder.objects.filter(key="plan.overdue.2018", done_at=None)
        assert (reminder.office, reminder.urgent, "1 条帮扶措施" in reminder.title) == (world.here.office, True, True)
        village = make.office("620123100201")
        daily.measures_overdue(later)
        [reminder] = Reminder.objects.filter(key="plan.overdue.2018", done_at=None)
        assert reminder.office == village
    with acting("maker") as by:
        making.finish(one, done_on=TODAY, effect="到账", by=by, today=TODAY)
    with acting_in(EVERYWHERE, SYSTEM):
        assert daily.measures_overdue(later)["ended"] == 1


def test_children_who_come_later_are_added_and_merged_children_take_their_lines_along(
    home: Household, world: World, acting: Acting
) -> None:
    with acting("maker") as by:
        making.make(families.poor(TERM).filter(first=0), TERM, by=by)
        plan = HouseholdPlan.objects.get()
        sister = make.student("新来生", at=world.here.primary, home="620123100201")
        home.members.create(person=sister.person, relation="之女", from_on=date(2018, 9, 1))
        assert making.add_missing(plan, TERM) == 1
        assert making.add_missing(plan, TERM) == 0
        written_, keep, going = plan.children.count(), world.here.students[0].pk, sister.pk
        extra = making.add_measure(
            plan, kind="aid", what="助", owner="李", due_on=DUE, student=going, by=by, today=TODAY
        )
    told = merged.merge(keep, going)
    extra.refresh_from_db()
    assert ([line.student_id for line in plan.children.all()], extra.student_id) == ([keep], keep)
    merged.part(keep, going, told)
    extra.refresh_from_db()
    assert (plan.children.count(), extra.student_id) == (written_, going)


def test_the_demo_has_plans_on_their_way(home: Household, world: World) -> None:
    told: list[str] = []
    with acting_in(EVERYWHERE, SYSTEM):
        demo_plans.seed(Demo(3, 1, TERM, told.append))
        plan = HouseholdPlan.objects.get()
    assert told == ["一户一策：1 户，核实在外就读 0 人"]
    assert (plan.state, plan.result, plan.owner, plan.undone) == ("reviewed", "eased", "杨建军", 0)
    assert PlanMeasure.objects.get().done_on <= TODAY
