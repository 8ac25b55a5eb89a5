"""一户一策: the households with and without a plan, what is done for all of a filter, one plan to read and to print."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone

from aidcases.roles import P
from aidcases.scoping import current_actor
from aidcases.terms import AUTUMN, Term
from aidcases.web import PERSONAL, chosen_term, command, page, paginate, saw
from students.filters import EXPIRED, narrowed, searched
from students.models import Enrolment, Household
from students.places import Places
from subsidies.models import HouseholdPlan, PlanChild, PlanMeasure
from subsidies.models.plans import OPEN, PlanState
from subsidies.plans import daily, families, making, papers
from subsidies.plans.filters import PlanFilter
from subsidies.plans.forms import FinishForm, MeasureForm, OwnerForm, ReviewForm
from subsidies.views.giving.common import valid

TONES = {"draft": "warn", "active": "info", "reviewed": "good", "closed": ""}


def _found(request: HttpRequest) -> PlanFilter:
    term = chosen_term(request)
    return PlanFilter(request.GET, families.poor(term), request=request, term=term)


@page(can=P.HOUSEHOLD_VIEW)
def plan_list(request: HttpRequest) -> HttpResponse:
    found = _found(request)
    shown = paginate(found.qs.values_list("pk", "plan__id"), request)
    may_write = request.actor.may(P.PLAN_WRITE)
    context = {
        "found": found, "page": shown, "rows": _rows(list(shown), found.term), "term": found.term, "expired": EXPIRED,
        "narrowed": _narrowed(found), "tabs": tabs("plan_list"), "may_write": may_write, "stats": _stats(found.term),
        "owner_form": OwnerForm() if may_write else None, "moves": _moves() if may_write else [],
        "note": f"{found.term.school_year}—{found.term.school_year + 1}学年，建档立卡、有孩子在校的家庭",
    }  # fmt: skip
    return render(request, "subsidies/plans/plan_list.html", context)


def _moves() -> list[dict[str, str]]:
    return [
        {"label": "给还没有计划的制定计划", "url": reverse("plan_make")},
        {"label": "草稿开始执行", "url": reverse("plan_start")},
    ]


def _narrowed(found: PlanFilter) -> bool:
    """The school year is always chosen."""
    kept = found.form.data.copy()
    return narrowed(found) and any(kept.get(name) for name in found.filters if name not in ("term", "search"))


def tabs(name: str) -> list[dict[str, Any]]:
    pages = (("household_list", "家庭"), ("plan_list", "一户一策"), ("away_list", "在外就读"))
    return [{"label": label, "url": reverse(url), "active": url == name} for url, label in pages]


def _rows(keys: list[tuple[int, int | None]], term: Term) -> list[dict[str, Any]]:
    """What the list shows of each household, in the order given: five queries, however many lines."""
    pks, plan_pks = [pk for pk, _ in keys], [plan for _, plan in keys if plan]
    homes = Household.objects.select_related("head").defer("phone", "head__id_number").in_bulk(pks)
    plans = HouseholdPlan.objects.in_bulk(plan_pks)
    places, sums = Places(home.path for home in homes.values()), families.sums(term, pks)
    late = daily.overdue(timezone.localdate()).filter(plan__in=plan_pks).order_by()
    overdue = dict(late.values_list("plan").annotate(Count("pk")))
    return [
        {
            "household": homes[pk], "place": places.label(homes[pk].path), "plan": plans.get(plan) if plan else None,
            "cause": _cause(homes[pk], plans.get(plan) if plan else None), "overdue": overdue.get(plan, 0), **sums[pk],
            "tone": TONES.get(plans[plan].state, "") if plan in plans else "",
        }
        for pk, plan in keys if pk in homes
    ]  # fmt: skip


def _cause(household: Household, plan: HouseholdPlan | None) -> str:
    return "、".join(filter(None, (plan.cause, plan.second_cause))) if plan else household.cause


def _stats(term: Term) -> list[dict[str, Any]]:
    """What is still to be done, over all households in sight: one query."""
    late = Exists(daily.overdue(timezone.localdate()).filter(plan=OuterRef("plan__id")))
    planned = Q(plan__id__isnull=False)
    told = families.poor(term).order_by().aggregate(
        whole=Count("pk"), none=Count("pk", filter=~planned), schooling=Count("pk", filter=~planned & Q(first=0)),
        nobody=Count("pk", filter=planned & Q(plan__owner="")), late=Count("pk", filter=Q(late)),
    )  # fmt: skip
    lines = (
        ("有孩子在校的家庭", "whole", ""), ("因学致贫、还没有计划", "schooling", "state=none&cause=1"),
        ("全部还没有计划", "none", "state=none"), ("有计划、没有责任人", "nobody", "owner=0"),
        ("有措施过期", "late", "overdue=1"),
    )  # fmt: skip
    tones = {"schooling": "zero", "late": "zero"}
    return [
        {"label": label, "number": told[name], "url": f"?term={term.code}&{query}", "tone": tones.get(name, "")}
        for label, name, query in lines
    ]


@command(can=P.HOUSEHOLD_VIEW)
def plan_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "plan_list", PlanFilter)


# --- for all of the filter -------------------------------------------------------------------------------------------


def _again(request: HttpRequest) -> HttpResponse:
    return redirect(f"{resolve_url('plan_list')}?{request.GET.urlencode()}")


@command(can=P.PLAN_WRITE)
def plan_make(request: HttpRequest) -> HttpResponse:
    found = _found(request)
    made = making.make(found.qs, found.term, by=request.actor)
    told = f"已给 {made:,} 户制定计划草稿，请补上费用、责任人和措施。" if made else "筛选出的都已经有计划。"
    (messages.success if made else messages.info)(request, told)
    return _again(request)


def _plans(found: PlanFilter) -> QuerySet[HouseholdPlan]:
    """Those of the filter's households."""
    chosen = found.qs.order_by().filter(plan__id__isnull=False).values("plan__id")
    return HouseholdPlan.objects.filter(pk__in=chosen)


@command(can=P.PLAN_WRITE)
def plan_start(request: HttpRequest) -> HttpResponse:
    rows = _plans(_found(request)).filter(state=PlanState.DRAFT)
    blocked = rows.unmoved("start")
    moved = rows.move("start", by=request.actor)
    (messages.success if moved else messages.info)(request, f"开始执行：已办 {moved:,} 户。")
    for reason, count in blocked.most_common():
        messages.warning(request, f"{count:,} 户没有办：{reason}。")
    return _again(request)


@command(can=P.PLAN_WRITE)
def plan_assign(request: HttpRequest) -> HttpResponse:
    named = making.assign(_plans(_found(request)), **valid(OwnerForm(request.POST)))
    told = f"已给 {named:,} 户定了帮扶责任人。" if named else "筛选出的计划都已经有责任人。"
    (messages.success if named else messages.info)(request, told)
    return _again(request)


@command(can=P.PLAN_WRITE)
def plan_of_household(request: HttpRequest, pk: int) -> HttpResponse:
    """The household's plan of the school year, made when absent."""
    term = chosen_term(request)
    rows = families.poor(term).filter(pk=pk)
    making.make(rows, term, by=request.actor)
    plan = get_object_or_404(HouseholdPlan, household=pk, year=term.school_year)
    return redirect("plan_detail", plan.pk)


# --- one plan --------------------------------------------------------------------------------------------------------


def plan_of(pk: int) -> HouseholdPlan:
    rows = HouseholdPlan.objects.select_related("household__head").defer(
        "household__phone", "household__head__id_number"
    )
    return get_object_or_404(rows, pk=pk)


def term_of(request: HttpRequest, plan: HouseholdPlan) -> Term:
    """The term worked in where it is of the plan's school year, else its autumn."""
    chosen = chosen_term(request)
    return chosen if chosen.school_year == plan.year else Term(plan.year, AUTUMN)


@page(can=P.HOUSEHOLD_VIEW, reads=PERSONAL)
def plan_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return shown(request, plan_of(pk))


def shown(request: HttpRequest, plan: HouseholdPlan, status: int = 200, **forms: Any) -> HttpResponse:
    """The plan's page; `forms`: those that somebody has filled in."""
    term, today = term_of(request, plan), timezone.localdate()
    lines = list(families.lines(PlanChild.objects.filter(plan=plan), plan.year))
    writes = request.actor.may(P.PLAN_WRITE) and plan.state in OPEN
    saw(request, "students.student", [line.student_id for line in lines])
    context = {
        "plan": plan, "tone": TONES[plan.state], "facts": _facts(plan), "lines": _lines(lines, term), "term": term,
        "whole": papers.whole(lines), "measures": measures(plan, lines, today), "writes": writes,
        "newcomers": _newcomers(plan, term) if writes else 0,
        "measure_form": MeasureForm(lines=lines) if writes else None, "finish_form": FinishForm(initial={"done_on": today}),
        "blockers": plan.blockers("start") if writes and plan.state == PlanState.DRAFT else [],
        "reviews": request.actor.may(P.PLAN_REVIEW), "review_blockers": plan.blockers("review") if plan.state == "active" else [],
        "review_form": ReviewForm(initial={"reviewed_on": today}, auto_id="review_%s"), **forms,
    }  # fmt: skip
    return render(request, "subsidies/plans/plan_detail.html", context, status=status)


def _facts(plan: HouseholdPlan) -> list[dict[str, str]]:
    income, size = plan.income_per_head, plan.household.size
    helper = f"{plan.owner}（{plan.owner_unit}）" if plan.owner and plan.owner_unit else plan.owner
    told = [
        ("户编号", plan.household.number or ""), ("所在地", Places([plan.path]).label(plan.path)),
        ("家庭人口", f"{size} 人" if size else ""), ("主要致贫原因", plan.cause), ("次要致贫原因", plan.second_cause),
        ("家庭人均纯收入", f"￥{income:,.2f} / 年" if income is not None else ""), ("帮扶责任人", helper),
        ("制定人", plan.made_by), ("评估结果", plan.get_result_display()), ("帮扶成效", plan.effect),
        ("评估日期", f"{plan.reviewed_on:%Y-%m-%d} {plan.reviewed_by}" if plan.reviewed_on else ""),
    ]  # fmt: skip
    reviewed = ("评估结果", "帮扶成效", "评估日期")
    return [{"label": label, "value": value} for label, value in told if value or label not in reviewed]


def _lines(lines: list[PlanChild], term: Term) -> list[dict[str, Any]]:
    """With where each child studies in the term."""
    found = Enrolment.objects.in_term(term).filter(student__in=[line.student_id for line in lines])
    studies = {each.student_id: each for each in found.select_related("school").defer("phone")}
    return [{"line": line, "enrolment": studies.get(line.student_id)} for line in lines]


def measures(plan: HouseholdPlan, lines: list[PlanChild], today: Any) -> list[dict[str, Any]]:
    names = {line.student_id: line.student.person.name for line in lines}
    return [
        {
            "measure": each, "whose": names.get(each.student_id, "") if each.student_id else "全家",
            "late": each.done_on is None and each.due_on < today,
        }
        for each in PlanMeasure.objects.filter(plan=plan)
    ]  # fmt: skip


def _newcomers(plan: HouseholdPlan, term: Term) -> int:
    """Children of the household at school in the term who are not in the plan."""
    return families.children(term).filter(household=plan.household_id, line__id__isnull=True).count()


@page(can=P.HOUSEHOLD_VIEW, reads=PERSONAL)
def plan_print(request: HttpRequest, pk: int) -> HttpResponse:
    """The plan on paper, to sign and to hang up at the office."""
    plan = plan_of(pk)
    lines = list(families.lines(PlanChild.objects.filter(plan=plan), plan.year))
    saw(request, "students.student", [line.student_id for line in lines])
    told = measures(plan, lines, timezone.localdate())
    made = papers.print_plan(
        plan, _lines(lines, term_of(request, plan)), told, facts=_facts(plan), by=current_actor().name,
        today=timezone.localdate(),
    )  # fmt: skip
    headers = {"Content-Disposition": f'inline; filename="plan-{plan.pk}.pdf"', "Cache-Control": "no-store"}
    return HttpResponse(made.pdf, content_type="application/pdf", headers=headers)
