"""预警: the list with what was seen of each child, one line with what was done, thresholds, results of a class."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.seen import mark
from aidcases.terms import Term
from aidcases.web import chosen_term, command, page, paginate
from dropout import exams, teams, warnings
from dropout.enums import FoundBy, WarningCode
from dropout.models import ExamResult, WarningLine
from dropout.models.cases import own_children_only
from dropout.views import sight
from students.enums import grade_label
from students.filters import EXPIRED, narrowed, searched

ANSWERED = [("no", "还没有关注"), ("yes", "已关注"), ("changed", "关注后情况有变化")]


class WarningFilter(sight.ChildFilter):
    """Lines of a term."""

    code = sight.choices("预警条件", WarningCode.choices, method="with_code")
    least = sight.choices("条件数", [(str(n), f"{n} 个以上") for n in (2, 3, 4)], method="at_least")
    answered = sight.choices("关注", ANSWERED, method="by_answer")

    class Meta:
        model = WarningLine
        fields = ()

    def with_code(self, rows: QuerySet, _name: str, code: str) -> QuerySet:
        return rows.filter(values__has_key=code)

    def at_least(self, rows: QuerySet, _name: str, number: str) -> QuerySet:
        return rows.filter(number__gte=int(number))

    def by_answer(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        meant = {"no": Q(answered_on=None), "yes": ~Q(answered_on=None), "changed": Q(changed_on__gt=F("answered_on"))}
        return rows.filter(meant[value])


def _lines(term: Term) -> QuerySet[WarningLine]:
    light = ("student__roll_number", "student__person__id_number")
    rows = WarningLine.objects.in_term(term).standing().select_related("student__person")
    return rows.defer(*light).order_by("-number", "pk")


@page(can=P.DROPOUT_VIEW)
def warning_list(request: HttpRequest) -> HttpResponse:
    term = chosen_term(request)
    found = WarningFilter(request.GET, _lines(term), request=request, term=term)
    shown = paginate(found.qs, request)
    students = [line.student_id for line in shown]
    classes, held = sight.enrolments_of(students, term), sight.cases_of(students)
    context = {
        "found": found,
        "page": shown,
        "rows": [
            {
                "line": line,
                "words": warnings.words(line),
                "enrolment": classes.get(line.student_id),
                "case": held.get(line.student_id),
                "changed": line.answered_on and line.changed_on > line.answered_on,
            }
            for line in shown
        ],
        "term": term,
        "narrowed": narrowed(found),
        "expired": EXPIRED,
        "in_school": sight.in_a_school(),
        "own_only": own_children_only(request.actor),
        "may": {
            "run": request.actor.may(P.DROPOUT_COMPARE),
            "exams": request.actor.may(P.DROPOUT_WRITE) and sight.school_side(),
        },
    }
    return render(request, "dropout/warning_list.html", context)


@command(can=P.DROPOUT_VIEW)
def warning_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "warning_list", WarningFilter)


@command(can=P.DROPOUT_COMPARE)
def warning_run(request: HttpRequest) -> HttpResponse:
    term, path = chosen_term(request), current_scope().path
    job = jobs.enqueue(
        warnings.KIND, once=True, term=term.code, path=path, today=timezone.localdate().isoformat(), week=""
    )
    return redirect("job_detail", job.pk)


def _line(pk: int) -> WarningLine:
    rows = WarningLine.objects.select_related("student__person")
    return get_object_or_404(rows.defer("student__roll_number", "student__person__id_number"), pk=pk)


@page(can=P.DROPOUT_VIEW)
def warning_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One child: the conditions with their reasons, what was done, a case."""
    return _detail(request, _line(pk))


def _detail(request: HttpRequest, line: WarningLine, typed: str = "", problems: Sequence[str] = ()) -> HttpResponse:
    term = Term.parse(line.term)
    case = sight.cases_of([line.student_id]).get(line.student_id)
    met = [{"words": told, "reason": warnings.DEFAULTS[code].reason} for code, told in _met(line)]
    context = {
        "line": line,
        "met": met,
        "enrolment": sight.enrolments_of([line.student_id], term).get(line.student_id),
        "home": sight.homes_of([line]).get(line.student_id, ""),
        "term": term,
        "case": case,
        "may_write": request.actor.may(P.DROPOUT_WRITE) and line.gone_on is None,
        "may_open": request.actor.may(P.DROPOUT_WRITE) and (case is None or case.state in ("false_alarm", "closed")),
        "seen": mark(line.answer),
        "typed": typed,
        "problems": problems,
    }
    return render(request, "dropout/warning_detail.html", context, status=422 if problems else 200)


def _met(line: WarningLine) -> list[tuple[WarningCode, str]]:
    codes = [code for code in warnings.DEFAULTS if code in line.values]
    return list(zip(codes, warnings.words(line), strict=True))


@command(can=P.DROPOUT_WRITE)
def warning_answer(request: HttpRequest, pk: int) -> HttpResponse:
    text, seen = request.POST.get("answer", ""), request.POST.get("seen")
    try:
        warnings.answer(_line(pk), text=text, by=request.actor, today=timezone.localdate(), seen=seen)
    except Refused as refused:
        return _detail(request, _line(pk), text, refused.reasons)
    messages.success(request, "已登记关注情况。")
    return redirect("warning_list")


@command(can=P.DROPOUT_WRITE)
def warning_open(request: HttpRequest, pk: int) -> HttpResponse:
    """A case from a line: the conditions are its first words."""
    line, today = _line(pk), timezone.localdate()
    note = f"预警：{'；'.join(warnings.words(line))}。{request.POST.get('note', '').strip()[:100]}"
    teams.report(
        line.student, found_by=FoundBy.WARNING, term=Term.parse(line.term), by=request.actor, today=today, note=note
    )
    warnings.answer(line, text="已登记为疑似辍学，转入核查。", by=request.actor, today=today)
    messages.success(request, "已登记为疑似辍学，请尽快核查。")
    return redirect("warning_detail", pk)


# --- thresholds ----------------------------------------------------------------------------------------------------


READ = forms.DecimalField(max_digits=4, decimal_places=1, min_value=Decimal("0.1"), max_value=366)


@page(can=P.DROPOUT_VIEW)
def threshold_list(request: HttpRequest) -> HttpResponse:
    today = timezone.localdate()
    own = current_scope().path
    context = {
        "lines": warnings.in_force(own, today),
        "own": own,
        "may_set": request.actor.may(P.DROPOUT_SET),
        "today": today,
    }
    return render(request, "dropout/threshold_list.html", context)


@command(can=P.DROPOUT_SET)
def threshold_set(request: HttpRequest) -> HttpResponse:
    """All that differ from what holds now, from today on."""
    today = timezone.localdate()
    changed = 0
    for line in warnings.in_force(current_scope().path, today):
        typed = request.POST.get(f"value-{line.code}", str(line.value)).strip()
        try:
            value = READ.clean(typed)
        except forms.ValidationError:
            raise Refused(f"“{line.code.label}”请填 0.1 至 366 的数，最多一位小数。") from None
        watched = request.POST.get(f"watched-{line.code}") == "1"
        if (value, watched) != (line.value, line.watched):
            warnings.set_threshold(code=line.code, value=value, watched=watched, by=request.actor, today=today)
            changed += 1
    messages.success(request, f"已设定 {changed} 个条件，下次核对预警时生效。" if changed else "没有改动。")
    return redirect("threshold_list")


# --- results of a class --------------------------------------------------------------------------------------------


@page(can=P.DROPOUT_WRITE)
def exam_class(request: HttpRequest) -> HttpResponse:
    """?of=: which class (school, stage, grade, class), else the list of classes with how many are entered."""
    term = chosen_term(request)
    rows = exams.pupils(term)
    context: dict[str, Any] = {"term": term, "most": exams.MOST, "classes": [], "pupils": [], "chosen": ""}
    context["teacher"] = own_children_only(request.actor)
    if chosen := _chosen(rows, request.GET.get("of", "")):
        found = list(chosen.select_related("student__person", "school").defer("phone").order_by("student__person__name", "pk"))
        known = dict(
            ExamResult.objects.filter(term=term.code, student__in=[row.student_id for row in found])
            .values_list("student_id", "failed")
        )  # fmt: skip
        context |= {
            "chosen": request.GET["of"],
            "title": f"{found[0].school.name} {found[0].grade_label} {found[0].class_name}" if found else "这个班没有学生",
            "pupils": [{"row": row, "failed": known.get(row.student_id)} for row in found],
        }
        return render(request, "dropout/exam_class.html", context)
    context["classes"] = _classes(rows, term)
    return render(request, "dropout/exam_class.html", context)


_CLASS = ("school_id", "school__name", "stage", "grade", "class_name")


def _classes(rows: QuerySet, term: Term) -> list[dict[str, Any]]:
    """Classes of the own schools: .key .label .pupils; a county's are listed by school."""
    counted = sight.counted(rows, _CLASS, having=ExamResult.objects.filter(term=term.code))
    return [
        {
            **row,
            "key": f"{row['school_id']}.{row['stage']}.{row['grade'] or ''}.{row['class_name']}",
            "label": f"{row['school__name']} {grade_label(row['stage'], row['grade'])} {row['class_name']}",
        }
        for row in counted
    ]


def _chosen(rows: QuerySet, key: str) -> QuerySet | None:
    parts = key.split(".", 3)
    if len(parts) < 4 or not parts[0].isdecimal() or not (parts[2].isdecimal() or not parts[2]):
        return None
    school, stage, grade, class_name = parts
    return rows.filter(school=int(school), stage=stage, grade=int(grade) if grade else None, class_name=class_name)


@command(can=P.DROPOUT_WRITE)
def exam_save(request: HttpRequest) -> HttpResponse:
    """The whole class; an empty box is not known."""
    failed: dict[int, int | None] = {}
    for name, typed in request.POST.items():
        pk = name.removeprefix("failed-")
        if pk == name or not pk.isdecimal() or len(pk) > 18:
            continue
        if len(typed) > 6 or (typed.strip() and not typed.strip().isdecimal()):
            raise Refused(f"不及格科目请填 0 到 {exams.MOST} 的整数。")
        failed[int(pk)] = int(typed) if typed.strip() else None
    number = exams.enter(chosen_term(request), failed, by=request.actor)
    messages.success(request, f"已保存，{number} 名学生有改动。" if number else "没有改动。")
    return redirect(f"{reverse('exam_class')}?{request.GET.urlencode()}")
