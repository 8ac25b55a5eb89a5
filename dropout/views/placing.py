"""After the return: placement and study plan; the proof and the close-out; looking again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import School
from aidcases.roles import P
from aidcases.web import PERSONAL, back, command, page, paginate, saw
from dropout import cases, papers, placing, proving
from dropout.enums import PlacementKind
from dropout.forms import day, words
from dropout.models import DropoutCase, Placement
from dropout.views.cases import case_in_sight, not_taken
from dropout.views.sight import mine

PDF = "application/pdf"
LIGHT = ("student__roll_number", "student__person__id_number")


class PlacementForm(forms.Form):
    """安置."""

    kind = forms.ChoiceField(label="安置方式", choices=PlacementKind.choices)
    school = forms.CharField(label="安置学校")
    class_name = words("班级", 40, required=False, hint="例如：七年级2班")
    from_on = day("从哪天起")
    plan = words("学习计划", 4000, rows=6, help_text="补什么课、怎么补、谁来补、每周几次。一行写一条。")
    mentor = words("帮扶教师", 60)
    certificate = words("职校在读证明", 100, required=False, help_text="普职融合必填：开证明的学校、日期和编号。")

    def __init__(self, *args: Any, school: School | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        attrs = {"data-pick": "", "data-pick-url": reverse_lazy("school_pick"), "placeholder": "校名、代码或首字母"}
        options = [(school.code, school.name)] if school else []
        self.fields["school"].widget = forms.Select(attrs, choices=options)

    def clean_school(self) -> School:
        if not (found := School.objects.filter(code=self.cleaned_data["school"]).first()):
            raise forms.ValidationError("没有这所学校，请重新选择。")
        return found


@page(can=P.DROPOUT_WRITE)
def placement_new(request: HttpRequest, pk: int) -> HttpResponse:
    case = case_in_sight(pk)
    last = placing.in_force(case, timezone.localdate())
    initial = {"school": case.returned_to.code} if case.returned_to else {}
    start = timezone.localdate() if last else case.returned_on
    initial |= {"from_on": start, "class_name": last.class_name if last else "", "mentor": last.mentor if last else ""}
    form = PlacementForm(initial=initial, school=case.returned_to)
    return render(request, "dropout/placement_new.html", {"case": case, "person": case.student.person, "form": form})


@command(can=P.DROPOUT_WRITE)
def placement_make(request: HttpRequest, pk: int) -> HttpResponse:
    case = case_in_sight(pk)
    chosen = School.objects.filter(code=request.POST.get("school", "")).first()
    form = PlacementForm(request.POST, school=chosen)
    if form.is_valid():
        try:
            placing.put(case, placing.Said(**form.cleaned_data), by=request.actor, today=timezone.localdate())
        except Refused as refused:
            for reason in refused.reasons:
                form.add_error(None, reason)
        else:
            messages.success(request, "已登记安置。")
            return redirect("case_detail", pk)
    context = {"case": case, "person": case.student.person, "form": form}
    return render(request, "dropout/placement_new.html", context, status=422)


@page(can=P.DROPOUT_VIEW, reads=PERSONAL)
def placement_plan(request: HttpRequest, pk: int) -> HttpResponse:
    """The study plan to print."""
    rows = mine(Placement.objects.select_related("case__student__person", "school"))
    held = get_object_or_404(rows.defer(*(f"case__{name}" for name in LIGHT)), pk=pk)
    saw(request, "dropout.dropoutcase", [held.case_id])
    made = papers.print_plan(held, held.case)
    headers = {"Content-Disposition": f'inline; filename="plan-{held.pk}.pdf"', "Cache-Control": "no-store"}
    return HttpResponse(made.pdf, content_type=PDF, headers=headers)


# ---------- closing ----------


@command(can=P.DROPOUT_WRITE)
def proof_ask(request: HttpRequest, pk: int) -> HttpResponse:
    """销号 without a proof: the reason, for another person to decide."""
    note = request.POST.get("note", "")
    try:
        cases.ask_to_close(case_in_sight(pk), reason=note, by=request.actor)
    except Refused as refused:
        return not_taken(request, pk, "proof_ask", {"note": note}, refused)
    messages.success(request, "已提出无佐证销号，请县级审核人员批准。")
    return redirect("case_detail", pk)


@command(can=P.DROPOUT_CONFIRM)
def proof_close(request: HttpRequest, pk: int) -> HttpResponse:
    case = proving.close(case_in_sight(pk), by=request.actor, today=timezone.localdate())
    messages.success(request, f"已销号，依据：{case.get_proof_display()}。{case.recheck_on:%Y-%m-%d} 起复查。")
    return redirect("case_detail", pk)


# ---------- looking again ----------


@page(can=P.DROPOUT_VIEW, reads=PERSONAL)
def recheck_list(request: HttpRequest) -> HttpResponse:
    """Closed cases to look at again, the longest due first."""
    today = timezone.localdate()
    rows = proving.due(today).select_related("student__person", "returned_to").defer(*LIGHT)
    shown = paginate(rows.order_by("recheck_on", "pk"), request)
    saw(request, "dropout.dropoutcase", [case.pk for case in shown])
    lines = [{"case": case, "days": (today - case.recheck_on).days if case.recheck_on else 0} for case in shown]
    may = request.actor.may(P.DROPOUT_WRITE)
    return render(request, "dropout/recheck_list.html", {"page": shown, "lines": lines, "may_write": may})


@command(can=P.DROPOUT_WRITE)
def recheck(request: HttpRequest, pk: int) -> HttpResponse:
    """`seen`: yes (in school) or no (gone again: the case is opened anew); `note`: how it was found out."""
    case, seen = get_object_or_404(DropoutCase.objects.all(), pk=pk), request.POST.get("seen", "")
    if seen not in ("yes", "no"):
        raise Refused("请选择孩子在不在校。")
    note = request.POST.get("note", "")
    try:
        proving.recheck(case, in_school=seen == "yes", note=note, by=request.actor, today=timezone.localdate())
    except Refused as refused:
        return not_taken(request, pk, "recheck", {"seen": seen, "note": note}, refused)
    messages.success(request, "已登记复查：在校。" if seen == "yes" else "已登记：不在校，案件重新核查。")
    return back(request, "recheck_list")
