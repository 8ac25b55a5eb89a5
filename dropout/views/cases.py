"""The ledgers of cases, one case with everything about it, 登记疑似辍学, steps for many at once."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import School
from aidcases.roles import P
from aidcases.web import PERSONAL, chosen_term, command, page, paginate, saw
from dropout import cases, parts, story, teams, visits
from dropout.cases import Outcome
from dropout.enums import Alarm, CaseState
from dropout.filters import ALL_OPEN, ENDED, TABS, CaseFilter, tab_counts
from dropout.forms import OpenForm
from dropout.models import DropoutCase
from dropout.views.steps import STEPS, Unsaved, for_others, steps_of, typed_in
from students.enums import GRADE_LABELS
from students.filters import EXPIRED, searched
from students.models import Enrolment, Student
from students.places import Places, home_shown

S = CaseState
MOST_TICKED = 1000
# Of five steps shown on top of a case, the one it stands at; six: all done.
STEP = {
    S.SUSPECTED: 1, S.VERIFYING: 1, S.CONFIRMED: 2, S.PERSUADING: 2, S.LEGAL: 2, S.RETURNED: 3, S.PLACED: 3, S.WATCHED: 4,
    S.CLOSED: 6,
}  # fmt: skip
TONES = {
    S.SUSPECTED: "warn", S.VERIFYING: "warn", S.CONFIRMED: "bad", S.PERSUADING: "bad", S.LEGAL: "bad", S.RETURNED: "info",
    S.PLACED: "info", S.WATCHED: "info", S.CLOSED: "good",
}  # fmt: skip
LEVELS = {0: "学校和村", 1: "乡镇督办", 2: "县级督办", 3: "市级督办"}
LIGHT = ("student__roll_number", "student__person__id_number")


def tab_of(request: HttpRequest) -> str:
    wanted = request.GET.get("tab", "")
    return wanted if wanted in TABS else "suspected"


def found_of(request: HttpRequest) -> CaseFilter:
    data, tab = request.GET.copy(), tab_of(request)
    data["tab"] = tab
    return CaseFilter(data, DropoutCase.objects.filter(state__in=TABS[tab][1]), request=request)


@page(can=P.DROPOUT_VIEW)
def case_list(request: HttpRequest) -> HttpResponse:
    """Three ledgers, what is closed and what was none; what is overdue first, the most overdue on top."""
    return _list(request, Unsaved())


def _list(request: HttpRequest, unsaved: Unsaved) -> HttpResponse:
    found, tab, today = found_of(request), tab_of(request), timezone.localdate()
    order = ("-moved_on", "-pk") if tab in ENDED else (F("due_on").asc(nulls_last=True), "-poor", "pk")
    shown = paginate(found.qs.order_by(*order).values_list("pk", flat=True), request)
    counts = tab_counts(DropoutCase.objects.all())
    context = {
        "found": found,
        "page": shown,
        "rows": lines(list(shown), today),
        "tab": tab,
        "tabs": [
            {"label": label, "url": f"?tab={code}", "active": code == tab, "count": counts[code]}
            for code, (label, _) in TABS.items()
            if code != ALL_OPEN or tab == ALL_OPEN
        ],
        "counts": counts,
        # The ledger itself is no narrowing.
        "narrowed": any(request.GET.get(name) for name in CaseFilter.base_filters if name != "tab"),
        "expired": EXPIRED,
        "alarms": Alarm.choices,
        "may_write": request.actor.may(P.DROPOUT_WRITE),
        "may_confirm": request.actor.may(P.DROPOUT_CONFIRM),
        "unsaved": unsaved,
        "ticked": set(_ticked(request)),
    }
    return render(request, "dropout/case_list.html", context, status=422 if unsaved.problems else 200)


def lines(pks: list[int], today: date) -> list[dict[str, Any]]:
    """What a list shows of each case, in the order given: two queries."""
    rows = DropoutCase.objects.filter(pk__in=pks).select_related("student__person", "school").defer(*LIGHT)
    held = {row.pk: row for row in rows.order_by()}
    made = [held[pk] for pk in pks if pk in held]
    homes = {row.pk: home_shown(row.home_path, None) for row in made}
    places = Places(homes.values())
    return [
        {
            "case": row,
            "person": row.student.person,
            "home": places.label(homes[row.pk]),
            "tone": TONES.get(CaseState(row.state), ""),
            "late": (today - row.due_on).days if row.due_on and row.due_on < today else 0,
            "level": LEVELS[row.level] if row.level else "",
        }
        for row in made
    ]


@command(can=P.DROPOUT_VIEW)
def case_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "case_list", CaseFilter)


@command(can=P.DROPOUT_VIEW)
def case_bulk(request: HttpRequest) -> HttpResponse:
    """`do` (verify, acquit) for the ticked cases or, with which=all, for all that the filter in the address finds. Who may,
    the move itself says; what was done, what not and why is told."""
    do, today = request.POST.get("do", ""), timezone.localdate()
    try:
        rows = _chosen(request)
        asked = rows.count()
        outcome = _done(request, rows, do, today)
    except Refused as refused:
        typed = {name: request.POST.get(name, "") for name in ("which", "alarm", "note")}
        return _list(request, Unsaved(do, typed, tuple(refused.reasons)))
    label = DropoutCase.FLOW[do].label
    (messages.success if outcome.moved else messages.info)(
        request, f"{label}：{asked:,} 件中办了 {outcome.moved:,} 件。"
    )
    for reason, count in outcome.stayed.most_common():
        messages.warning(request, f"{count:,} 件没有办：{reason}。")
    return redirect(f"{reverse('case_list')}?{request.GET.urlencode()}")


def _ticked(request: HttpRequest) -> list[int]:
    return [int(pk) for pk in request.POST.getlist("take")[:MOST_TICKED] if pk.isdecimal() and len(pk) < 19]


def _chosen(request: HttpRequest) -> QuerySet[DropoutCase]:
    if request.POST.get("which") != "all":
        if not (ticked := _ticked(request)):
            raise Refused("请先勾选案件，或选择“筛选出的全部”。")
        return DropoutCase.objects.filter(pk__in=ticked)
    found = found_of(request)
    if not found.is_valid() or found.expired:
        raise Refused(EXPIRED)
    return DropoutCase.objects.filter(pk__in=found.qs.order_by().values("pk"))


def _done(request: HttpRequest, rows: QuerySet[DropoutCase], do: str, today: date) -> Outcome:
    if do == "verify":
        return cases.verify(rows, by=request.actor, today=today)
    if do != "acquit":
        raise Refused("请选择要办理的步骤。")
    alarm, note = request.POST.get("alarm", ""), request.POST.get("note", "")
    outcome = cases.acquit(rows, alarm=alarm, note=note, by=request.actor, today=today)
    if not outcome.moved:
        raise Refused(*(f"{count:,} 件没有办：{reason}。" for reason, count in outcome.stayed.most_common()))
    return outcome


# --- one case ------------------------------------------------------------------------------------------------------


def case_in_sight(pk: int) -> DropoutCase:
    """Raises Http404."""
    rows = DropoutCase.objects.select_related("student__person__hukou_region", "school__region", "returned_to")
    return get_object_or_404(rows.defer(*LIGHT), pk=pk)


@page(can=P.DROPOUT_VIEW, reads=PERSONAL)
def case_detail(request: HttpRequest, pk: int) -> HttpResponse:
    saw(request, "dropout.dropoutcase", [pk])
    return _detail(request, pk, Unsaved())


def not_taken(request: HttpRequest, pk: int, form: str, typed: dict[str, str], refused: Refused) -> HttpResponse:
    """The case's page again, with what was typed in one of its forms and why it was not taken."""
    audit.record("personal.read", subject_ids=[pk], subject_type_seen="dropout.dropoutcase", page=request.path)
    return _detail(request, pk, Unsaved(form, typed, tuple(refused.reasons)))


def _detail(request: HttpRequest, pk: int, unsaved: Unsaved) -> HttpResponse:
    case, today = case_in_sight(pk), timezone.localdate()
    seen, steps = visits.of(case), steps_of(case, request.actor, unsaved)
    contents = _contents(request, case)
    base = {"case": case, "today": today, "visits": seen, "typed": {unsaved.form: unsaved.typed}}
    base["problems"] = unsaved.problems
    # Of a form that is not there any more, as somebody else was faster, what was typed is shown to be copied.
    there = {each["name"] for each in steps if not each["blocked"]}
    there = there.union(*(content.get("forms", ()) for _, content in contents))
    context = {
        "case": case,
        "person": case.student.person,
        "tone": TONES.get(CaseState(case.state), ""),
        "step": STEP.get(CaseState(case.state), 0),
        "late": (today - case.due_on).days if case.due_on and case.due_on < today else 0,
        "facts": _facts(case),
        "steps": steps,
        "others": for_others(case, request.actor),
        "picked": School.objects.filter(code=unsaved.typed.get("school") or "").first() or case.school,
        "problems": unsaved.problems,
        "lost": "" if unsaved.form in there else "\n".join(filter(None, unsaved.typed.values())),
        "events": story.events(case, seen),
        "parts": [render_to_string(part.template, {**base, **content}, request) for part, content in contents],
        "may_write": request.actor.may(P.DROPOUT_WRITE),
        "today": today,
    }
    return render(request, "dropout/case_detail.html", context, status=422 if unsaved.problems else 200)


@command(can=P.DROPOUT_VIEW)
def case_step(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """One step of one case. Who may, the move itself says."""
    if (wanted := STEPS.get(code)) is None:
        raise Http404
    case = get_object_or_404(DropoutCase.objects.filter(pk=pk))
    said, move = typed_in(wanted, request), DropoutCase.FLOW[code]
    try:
        wanted.run(case, said, request, timezone.localdate())
    except Refused as refused:
        if not said or not request.actor.may(move.permission):
            raise
        return not_taken(request, pk, code, said, refused)
    messages.success(request, f"{move.label}：已办理。")
    return redirect("case_detail", pk)


def _contents(request: HttpRequest, case: DropoutCase) -> list[tuple[parts.Part, dict[str, Any]]]:
    return [
        (part, content)
        for part in parts.PARTS
        if request.actor.may(part.can) and (content := part.content(case, request.actor)) is not None
    ]


def _facts(case: DropoutCase) -> list[dict[str, Any]]:
    last = (
        Enrolment.objects.filter(student=case.student_id).select_related("hukou_region").defer("phone")
        .order_by("-term").first()
    )  # fmt: skip
    home = home_shown(case.home_path, last.hukou_region if last else None)
    places = Places([home, *([case.school.region.path] if case.school else [])])
    school = (
        f"{places.label(case.school.region.path)} {case.school.name} {_class(case)}" if case.school else "没有就读记录"
    )
    told = [
        ("家庭所在地", places.label(home)),
        ("原就读学校", school.strip()),
        (
            "发现",
            f"{case.found_on} {case.get_found_by_display()}" + (f"：{case.get_kind_display()}" if case.kind else ""),
        ),
        ("第几次", f"第 {case.rounds} 次" if case.rounds > 1 else ""),
        ("督办层级", LEVELS.get(case.level, "") if case.level else ""),
        ("核查结果", case.get_alarm_display() if case.alarm else ""),
        ("辍学日期", case.left_on),
        ("辍学原因", case.get_cause_display() if case.cause else ""),
        ("去向", case.whereabouts),
        ("走访", f"{case.visits_made} 次，其中劝返 {case.persuasions} 次" if case.visits_made else "还没有"),
        ("最近走访", case.last_visit_on),
        ("复学", f"{case.returned_on} {case.returned_to.name if case.returned_to else ''}" if case.returned_on else ""),
        ("观察期至", case.watch_until),
        ("销号", f"{case.closed_on} {case.closed_by}，依据：{case.get_proof_display()}" if case.closed_on else ""),
        ("无佐证的理由", case.close_reason),
        ("建档人", case.made_by),
    ]
    return [{"label": label, "value": str(value)} for label, value in told if value]


def _class(case: DropoutCase) -> str:
    labels = GRADE_LABELS.get(case.stage, ())
    grade = labels[case.grade - 1] if case.grade and case.grade <= len(labels) else ""
    return f"{grade} {case.class_name}".strip()


# --- opening -------------------------------------------------------------------------------------------------------


def _student(pk: int) -> Student:
    return get_object_or_404(Student.objects.select_related("person").defer("roll_number", "person__id_number"), pk=pk)


@page(can=P.DROPOUT_WRITE, reads=PERSONAL)
def case_new(request: HttpRequest, pk: int) -> HttpResponse:
    """登记疑似辍学 of a child."""
    student = _student(pk)
    saw(request, "students.student", [pk])
    return render(request, "dropout/case_new.html", {"student": student, "person": student.person, "form": OpenForm()})


@command(can=P.DROPOUT_WRITE)
def case_open(request: HttpRequest, pk: int) -> HttpResponse:
    student, form = _student(pk), OpenForm(request.POST)
    if form.is_valid():
        found_by, note = form.cleaned_data["found_by"], form.cleaned_data["note"]
        also = {"term": chosen_term(request), "by": request.actor, "today": timezone.localdate()}
        try:
            made, new = teams.report(student, found_by=found_by, note=note, **also)
        except Refused as refused:
            form.add_error(None, refused.reasons)
    if not form.is_valid():
        context = {"student": student, "person": student.person, "form": form}
        return render(request, "dropout/case_new.html", context, status=422)
    if new:
        messages.success(request, "已登记疑似辍学。")
    else:
        messages.info(request, "这名学生已经有办理中的案件，没有另外登记。")
    return redirect("case_detail", made.pk)


def student_panel(request: HttpRequest, student: Student) -> dict[str, Any] | None:
    """On the child's page: its case, or the way to register one; approved absences."""
    case = DropoutCase.objects.filter(student=student).select_related("school").first()
    approved = list(student.deferrals.all()[:3])
    may = {"write": request.actor.may(P.DROPOUT_WRITE), "set": request.actor.may(P.DROPOUT_SET)}
    if not case and not approved and not any(may.values()):
        return None
    over = case is None or case.state in (S.FALSE_ALARM, S.CLOSED)
    tone = TONES.get(CaseState(case.state), "") if case else ""
    return {"case": case, "deferrals": approved, "may": may, "over": over, "tone": tone, "student": student}
