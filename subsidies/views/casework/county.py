"""县级审核: the queue with its checks, steps for a whole filter or one line, documents and certificates, cancelling."""

from __future__ import annotations

from datetime import date
from typing import Any

import django_filters
from django import forms
from django.contrib import messages
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import School
from aidcases.roles import P
from aidcases.scoping import SCHOOL, current_scope
from aidcases.terms import Term
from aidcases.web import chosen_term, command, key_of, page, paginate
from students import finding
from students.filters import ALL, EXPIRED, SearchableFilter, narrowed, searched
from students.models import Enrolment
from subsidies.casework import approvals, classlist, county, telling
from subsidies.casework.applying import Outcome, of_school_side
from subsidies.enums import Level
from subsidies.models import Application, Approval
from subsidies.models.applications import ApplicationKind, ApplicationState

PDF = "application/pdf"
MOST_HELD = 1000  # lines that one person holds back from bulk steps
CHECKS = [
    ("clear", "全部检查通过"), ("any", "有检查不通过"), ("no_notice", "没有公示记录"), ("objection", "有没办结的异议"),
    ("not_enrolled", "学籍不在这所学校"), ("elsewhere", "可能在别处重复认定"), ("unlisted", "勾选的类型名单上没有"),
    ("quota", "没有下达本等级名额"), ("household", "同户孩子等级不同"),
]  # fmt: skip
SEEN = [
    ("no", "还没有初核"), ("yes", "已经初核，待批准"), ("mine", "我初核的"), ("others", "别人初核、我可以批准的"),
    ("held", "我暂缓的"),
]  # fmt: skip


class CountyFilter(SearchableFilter):
    """Lines of the queue."""

    search = django_filters.CharFilter(method="as_it_is", label="姓名、首字母、证件号或学籍号")
    check = django_filters.ChoiceFilter(label="自动检查", choices=CHECKS, empty_label=ALL, method="by_check")
    seen = django_filters.ChoiceFilter(label="初核", choices=SEEN, empty_label=ALL, method="by_seen")
    level = django_filters.ChoiceFilter(label="等级", choices=Level.choices, empty_label=ALL)
    school = django_filters.CharFilter(label="学校", method="of_school")
    kind = django_filters.ChoiceFilter(label="方式", choices=ApplicationKind.choices, empty_label=ALL)

    class Meta:
        model = Application
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.pick_school()
        if classlist.in_a_school():
            for name in ("school", "check", "seen"):
                self.filters[name].extra["widget"] = forms.HiddenInput()

    def meaning(self, query: Any) -> Q:
        return finding.of_student(query, "student__")

    def of_school(self, rows: QuerySet, _name: str, _code: str) -> QuerySet:
        return rows.filter(school=self.school) if self.school else rows.none()

    def by_check(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Looked for once: whatever else is asked of the list (how many, which fifty) is asked of the keys."""
        found = [each for each in county.checks(self.term) if value in ("clear", "any", each.code)]
        failing = rows.keyed(county.failing(rows, found))  # type: ignore[attr-defined]
        return rows.exclude(pk__in=failing.order_by().values("pk")) if value == "clear" else failing

    def by_seen(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        me = self.request.user.pk
        if value == "held":
            return rows.filter(pk__in=held_back(self.request))
        if value == "no":
            return rows.filter(checked_by_id=None)
        rows = rows.exclude(checked_by_id=None)
        return {"mine": rows.filter(checked_by_id=me), "others": rows.exclude(checked_by_id=me)}.get(value, rows)


def held_back(request: HttpRequest) -> list[int]:
    """Lines that whoever acts keeps out of bulk steps; remembered until they sign out."""
    return list(request.session.get("county_held", []))


def _found(request: HttpRequest, term: Term) -> CountyFilter:
    return CountyFilter(request.GET, county.queue(term), request=request, term=term)


@page(can=P.APPLICATION_VIEW)
def county_list(request: HttpRequest) -> HttpResponse:
    """The county's queue; a school sees what it has handed up and may still take back."""
    term = chosen_term(request)
    found = _found(request, term)
    shown = paginate(found.qs.order_by("school_path", "moved_at", "pk").values_list("pk", flat=True), request)
    in_school = classlist.in_a_school()
    checks = [] if in_school else county.checks(term)
    held = set(held_back(request))
    rows = [{**row, "held": row["application"].pk in held} for row in county.lines(list(shown), term, checks)]
    context = {
        "found": found,
        "page": shown,
        "rows": rows,
        "term": term,
        "narrowed": narrowed(found),
        "expired": EXPIRED,
        "held": len(held),
        "in_school": in_school,
        "today": timezone.localdate(),
        "may": {name: request.actor.may(can) and not in_school for name, can in MAY.items()},
        "may_take_back": in_school and request.actor.may(P.APPLICATION_HAND_UP),
    }
    return render(request, "subsidies/casework/county_list.html", context)


MAY = {"check": P.APPLICATION_CHECK, "approve": P.APPLICATION_APPROVE, "back": P.APPLICATION_RETURN}


@command(can=P.APPLICATION_VIEW)
def county_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "county_list", CountyFilter)


@command(can=P.APPLICATION_RETURN)
def county_hold(request: HttpRequest) -> HttpResponse:
    """One line (`pk`) kept out of bulk steps or taken in again; `do=none` takes all in again."""
    held, pk = set(held_back(request)), key_of(typed := request.POST.get("pk", ""))
    if request.POST.get("do") == "none":
        held = set()
    elif pk:
        held = held - {pk} if typed in request.POST.getlist("take") else held | {pk}
    if len(held) > MOST_HELD:
        raise Refused(f"最多暂缓 {MOST_HELD:,} 条。")
    request.session["county_held"] = sorted(held)
    if request.htmx:
        return HttpResponse(status=204)
    return redirect(f"{reverse('county_list')}?{request.GET.urlencode()}")


def _chosen(request: HttpRequest, term: Term) -> tuple[QuerySet[Application], int]:
    """The filter's lines without those held back on any page or unticked on this one, and how many these are; or the
    one line of `only`."""
    if (only := request.POST.get("only")) is not None:  # never the whole filter where one line was meant
        return county.queue(term).filter(pk=key_of(only)), 0
    found = _found(request, term)
    if not found.is_valid() or found.expired:
        raise Refused(EXPIRED)
    shown, taken = (set(map(key_of, request.POST.getlist(name))) for name in ("shown", "take"))
    vetoed = set(held_back(request)) | (shown - taken)
    rows = county.queue(term).filter(pk__in=found.qs.order_by().values("pk"))
    return rows.exclude(pk__in=vetoed), rows.filter(pk__in=vetoed).count()


@command(can=P.APPLICATION_VIEW)
def county_bulk(request: HttpRequest) -> HttpResponse:
    """`do` for the filter in the address, or for the line `only`; what was done, what not and why is told. Who may, the
    move itself says."""
    term, do, note = chosen_term(request), request.POST.get("do", ""), request.POST.get("note", "").strip()[:200]
    rows, vetoed = _chosen(request, term)
    outcome = _done(request, rows, term, do, note)
    label = Application.FLOW[do].label
    (messages.success if outcome.moved else messages.info)(request, f"{label}：已办 {outcome.moved:,} 份。")
    if vetoed:
        messages.info(request, f"{vetoed:,} 份由您暂缓，没有办。")
    for reason, count in outcome.refusals.most_common():
        messages.warning(request, f"{count:,} 份没有办：{reason.rstrip('。')}。")
    return redirect(f"{reverse('county_list')}?{request.GET.urlencode()}")


def _done(request: HttpRequest, rows: QuerySet[Application], term: Term, do: str, note: str) -> Outcome:
    by, today = request.actor, timezone.localdate()
    if do == "check":
        return county.check(rows, term, by=by, note=note if request.POST.get("only") else "")
    if do == "take_back_up":
        return county.take_back(rows, by=by)
    if do in county.RETURNS:
        return county.send_back(rows, do, by=by, note=note)
    number = request.POST.get("number", "")
    if do == "reject":
        return approvals.reject(rows, term, by=by, today=today, note=note, number=number).outcome
    if do != "approve":
        raise Refused("请选择要办理的步骤。")
    decided = approvals.approve(
        rows, term, number=number, decided_on=_day(request.POST.get("decided_on", "")), by=by, today=today, note=note
    )
    messages.success(request, f"已生成批准文件“{decided.approval.number}”，正在重新测算这些学生。")
    return decided.outcome


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Refused("批准日期请写成 2026-10-20。") from None


@page(can=P.APPLICATION_VIEW)
def county_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One line with every check in words and the steps that can be made."""
    found = get_object_or_404(of_school_side(Application.objects.filter(pk=pk)).defer("phone", "parent_phone"))
    term, in_school = Term.parse(found.term), classlist.in_a_school()
    waits = found.state == ApplicationState.COUNTY_REVIEW and not in_school
    checks = county.checks(term) if waits else []
    [row] = county.lines([pk], term, checks)
    failed = {check.code for check in row["fails"]}
    context = {
        **row,
        "term": term,
        "checks": [{"check": check, "failed": check.code in failed} for check in checks],
        "asks": any(check.weight == county.ASKS for check in row["fails"]),
        "stops": any(check.weight == county.STOPS for check in row["fails"]),
        "own": found.checked_by_id is not None and found.checked_by_id == request.user.pk,
        "today": timezone.localdate(),
        "may": {name: waits and request.actor.may(can) for name, can in MAY.items()},
        "may_cancel": not in_school and found.state == ApplicationState.APPROVED and request.actor.may(P.APPLICATION_CANCEL),
        "returns": [
            ("return_notice", "退回公示", "重新公示后再上报，等级不变。"),
            ("return_panel", "退回评审", "评审小组重新评议等级，再公示、上报。"),
            ("return_form", "退回修改", "学校修改申请表，重新提交、评审、公示、上报。"),
        ],
    }
    return render(request, "subsidies/casework/county_detail.html", context)


@command(can=P.APPLICATION_CANCEL)
def county_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(of_school_side(Application.objects.filter(pk=pk)))
    letter = approvals.cancel(found, by=request.actor, note=request.POST.get("note", ""), today=timezone.localdate())
    messages.success(request, "已取消资格，正在重新测算这名学生。请打印告知书送达家庭，并登记送达情况。")
    return redirect("letter_detail", letter.pk)


@command(can=P.APPLICATION_VIEW)
def county_told(request: HttpRequest, pk: int) -> HttpResponse:
    """告知书 of an application that was cancelled or found not hard."""
    rows = Application.objects.select_related("student__person", "school", "approval")
    found = get_object_or_404(of_school_side(rows.filter(pk=pk)))
    made = telling.print_told([found])
    audit.record("application.told", subject=found, path=found.school_path)
    return _pdf(made.pdf, f"notice-{found.pk}.pdf")


def _pdf(content: bytes, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=PDF, headers={"Content-Disposition": f'attachment; filename="{name}"'})


# --- who was aided last term ---------------------------------------------------------------------------------------


@page(can=P.APPLICATION_VIEW)
def county_again(request: HttpRequest) -> HttpResponse:
    """动态调整: aided the term before, enrolled now, and no application yet this term."""
    term = chosen_term(request)
    before = classlist.earlier(term).exclude(level=Level.NONE).filter(student=OuterRef("student"))
    newest = classlist.earlier(term).filter(student=OuterRef("student")).values("term")[:1]
    mine = Application.objects.in_term(term).filter(student=OuterRef("student"))
    rows = classlist.enrolled(term).filter(Exists(before.filter(term=newest)), ~Exists(mine))
    shown = paginate(rows.order_by(*classlist.ORDER).values_list("pk", flat=True), request)
    context = {
        "page": shown,
        "rows": classlist.lines(list(shown), term),
        "term": term,
        "in_school": classlist.in_a_school(),
        "may_write": request.actor.may(P.APPLICATION_WRITE),
        "levels": [level for level in Level.choices if level[0] != Level.NONE],
    }
    return render(request, "subsidies/casework/county_again.html", context)


# --- documents -----------------------------------------------------------------------------------------------------


@page(can=P.APPLICATION_VIEW)
def approval_list(request: HttpRequest) -> HttpResponse:
    term = chosen_term(request)
    shown = paginate(approvals.visible().filter(term=term.code).order_by("-decided_on", "-pk"), request)
    sizes = dict(
        Application.objects.filter(approval__in=[each.pk for each in shown]).order_by()
        .values_list("approval").annotate(n=Count("pk"))
    )  # fmt: skip
    rows = [{"approval": each, "size": sizes.get(each.pk, 0)} for each in shown]
    return render(request, "subsidies/casework/approval_list.html", {"page": shown, "rows": rows, "term": term})


def _approval(pk: int) -> Approval:
    return get_object_or_404(approvals.visible(), pk=pk)


@page(can=P.APPLICATION_VIEW)
def approval_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """A document: per school and level, and every line in sight."""
    found = _approval(pk)
    schools = approvals.counts(found)
    rows = Application.objects.filter(approval=found).select_related("student__person", "school").defer(
        "phone", "parent_phone", "student__roll_number", "student__person__id_number"
    )  # fmt: skip
    shown = paginate(rows.order_by("school_path", "student__person__name", "pk"), request)
    students = [row.student_id for row in shown]
    enrolled = Enrolment.objects.filter(term=found.term, student__in=students).defer("phone")
    classes = {each.student_id: each for each in enrolled}
    context = {
        "approval": found,
        "schools": schools,
        "levels": Level.choices,
        "page": shown,
        "rows": [_decided(row, classes.get(row.student_id)) for row in shown],
        "term": Term.parse(found.term),
    }
    return render(request, "subsidies/casework/approval_detail.html", context)


def _decided(row: Application, enrolment: Enrolment | None) -> dict[str, Any]:
    """A line of a document; the home side opens the application, the school's side its way through the county."""
    name = "county_detail" if current_scope().covers(row.school_path, SCHOOL) else "application_detail"
    return {"application": row, "enrolment": enrolment, "url": reverse(name, args=[row.pk])}


@command(can=P.APPLICATION_VIEW)
def approval_print(request: HttpRequest, pk: int) -> HttpResponse:
    """The certificate of the school named by its code."""
    found, school = _approval(pk), get_object_or_404(School, code=request.POST.get("school", ""))
    made = approvals.certificate(found, school)
    audit.record("approval.printed", subject=found, path=school.path)
    return _pdf(made.pdf, f"approval-{found.pk}-{school.code}.pdf")


def county_card(request: HttpRequest) -> dict[str, Any] | None:
    """Home card: for the county what waits and how long, for a school what it has handed up; nothing where nothing is."""
    term, today = chosen_term(request), timezone.localdate()
    told = county.queue(term).aggregate(
        all=Count("pk"),
        unchecked=Count("pk", filter=Q(checked_by_id=None)),
        mine=Count("pk", filter=Q(checked_by_id=request.user.pk)),
        oldest=Min("moved_at"),
    )
    if not told["all"]:
        return None
    waits = (today - timezone.localtime(told["oldest"]).date()).days
    ready = told["all"] - told["unchecked"] - told["mine"]
    return {**told, "ready": ready, "waits": waits, "in_school": classlist.in_a_school()}
