"""依法控辍: a new step, its paper, its receipt, what came of it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases import files
from aidcases.flow import Refused
from aidcases.models import Organisation
from aidcases.roles import P
from aidcases.scoping import Actor
from aidcases.web import PERSONAL, command, page, saw
from dropout import legal
from dropout.enums import LegalKind
from dropout.forms import day, read_day, words
from dropout.models import DropoutCase, LegalStep
from dropout.views.cases import case_in_sight, not_taken
from dropout.views.sight import mine

K = LegalKind
BASIS = "义务教育法第五十八条：批评教育，责令限期改正"


class StepForm(forms.Form):
    """A step; which fields it has goes by the step."""

    addressee = words("送达对象", 60, hint="父亲或母亲姓名，或其他法定监护人")
    deadline_on = day("限期到")
    issuer = words("作出单位", 80)
    prefix = words("文号字头", 20, help_text="后面自动加〔年份〕和顺序号，例如：榆教控责〔2018〕3号。")
    with_paper = forms.BooleanField(label="开具《限期复学通知书》", required=False, initial=True)
    basis = words("处罚依据", 200, rows=2, help_text=legal.NO_BASIS)
    text = words("处罚内容", 400, rows=3)

    def __init__(self, step: LegalKind, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if step != K.EDUCATION:
            del self.fields["with_paper"]
        if step != K.PENALTY:
            del self.fields["basis"]
            self.fields["text"].label, self.fields["text"].required = "说明", False
            self.fields["text"].help_text = "写进文书的补充事实；没有就不填。不要写证件号码。"
        if step == K.EDUCATION:
            self.fields["addressee"].help_text = "当面谈的、文书写给的人。"
        if step == K.COURT:
            self.fields["addressee"].label = "被告（父母或其他法定监护人）"
            del self.fields["issuer"]


def _step(case: DropoutCase, wanted: str) -> tuple[list[LegalStep], list[LegalKind], LegalKind]:
    """The steps taken, those that may come now, the one asked for: unasked the furthest but a penalty."""
    taken = legal.of_round(case)
    options = legal.open_steps(taken)
    usual = [kind for kind in options if kind != K.PENALTY] or options
    chosen = next((kind for kind in options if str(kind.value) == wanted), usual[-1])
    return taken, options, chosen


def _initial(case: DropoutCase, step: LegalKind, office: Organisation) -> dict[str, Any]:
    last = LegalStep.objects.filter(case=case).exclude(addressee="").order_by("-pk").first()
    return {
        "addressee": last.addressee if last else "",
        "deadline_on": legal.due_day(step, timezone.localdate()),
        "issuer": legal.usual_issuer(office),
        "prefix": legal.usual_prefix(office, legal.PAPER_OF[step]),
        "with_paper": True,
    }


@page(can=P.DROPOUT_WRITE)
def legal_new(request: HttpRequest, pk: int) -> HttpResponse:
    """?step=: which; a page that says why not where none can be taken."""
    case = case_in_sight(pk)
    return render(request, "dropout/legal_new.html", _context(request, case, request.GET.get("step", ""), None))


def _context(request: HttpRequest, case: DropoutCase, wanted: str, form: StepForm | None) -> dict[str, Any]:
    taken, options, step = _step(case, wanted)
    try:
        office, closed = legal.issuing_office(request.actor), legal.waits_for(taken, timezone.localdate())
        if case.state != "legal":
            closed = "进入法律程序以后才能登记步骤。"
        again = bool(taken) and step == taken[-1].step
        if closed and again and case.state == "legal":
            closed = ""
        form = form or StepForm(step, initial=_initial(case, step, office))
        plaintiff = legal.township_government(case) if step == K.COURT else ""
    except Refused as refused:
        form, closed, plaintiff = None, "；".join(refused.reasons), ""
    tabs = [{"label": k.label, "url": f"?step={k.value}", "active": k == step} for k in options]
    paper = legal.PAPER_OF[step].label
    return {
        "case": case, "person": case.student.person, "step": step, "tabs": tabs, "form": None if closed else form,
        "closed": closed, "paper": paper, "plaintiff": plaintiff,
    }  # fmt: skip


@command(can=P.DROPOUT_WRITE)
def legal_take(request: HttpRequest, pk: int) -> HttpResponse:
    case, wanted = case_in_sight(pk), request.POST.get("step", "")
    if wanted not in {str(kind.value) for kind in K}:
        raise Refused("请选择步骤。")
    step = K(int(wanted))
    form = StepForm(step, request.POST)
    made = _taken(case, form, step, request.actor) if form.is_valid() else None
    if made is None:
        return render(request, "dropout/legal_new.html", _context(request, case, wanted, form), status=422)
    told = f"《{made.get_paper_display()}》{made.number}已开具，请打印送达。" if made.paper else "已登记。"
    messages.success(request, told)
    return redirect("case_detail", pk)


def _taken(case: DropoutCase, form: StepForm, step: LegalKind, by: Actor) -> LegalStep | None:
    """None where it is refused: the reasons stand on the form, and what was typed stays."""
    try:
        typed = {"issuer": legal.township_government(case) if step == K.COURT else ""} | form.cleaned_data
        return legal.take(case, legal.Said(step=step, **typed), by=by, today=timezone.localdate())
    except Refused as refused:
        for reason in refused.reasons:
            form.add_error(None, reason)
        return None


def step_in_sight(pk: int) -> LegalStep:
    """Raises Http404."""
    return get_object_or_404(mine(LegalStep.objects.all()), pk=pk)


@page(can=P.DROPOUT_VIEW, reads=PERSONAL)
def legal_paper(request: HttpRequest, pk: int) -> FileResponse:
    """The paper as it was issued, the same whenever it is printed; for the offices of the child's home."""
    step = step_in_sight(pk)
    file = get_object_or_404(files.files_of(step, "paper"))
    saw(request, "dropout.dropoutcase", [step.case_id])
    return files.response(file)


@page(can=P.DROPOUT_VIEW, reads=PERSONAL)
def legal_receipt(request: HttpRequest, pk: int, key: int) -> FileResponse:
    step = step_in_sight(pk)
    photo = get_object_or_404(files.files_of(step, "receipt"), pk=key)
    saw(request, "dropout.dropoutcase", [step.case_id])
    return files.response(photo)


@command(can=P.DROPOUT_WRITE)
def legal_serve(request: HttpRequest, pk: int) -> HttpResponse:
    step = step_in_sight(pk)
    typed = {name: request.POST.get(name, "") for name in ("how", "served_by", "received_by")}
    served_on, photos = request.POST.get("served_on", ""), request.FILES.getlist("photo")
    try:
        on = read_day(served_on, "送达日期")
        legal.serve(step, served_on=on, **typed, photos=photos, by=request.actor, today=timezone.localdate())
    except Refused as refused:
        return not_taken(request, step.case_id, f"serve-{pk}", typed | {"served_on": served_on}, refused)
    messages.success(request, "已登记送达。")
    return redirect("case_detail", step.case_id)


@command(can=P.DROPOUT_WRITE)
def legal_outcome(request: HttpRequest, pk: int) -> HttpResponse:
    step = step_in_sight(pk)
    outcome = request.POST.get("outcome", "")
    try:
        legal.conclude(step, outcome=outcome, by=request.actor)
    except Refused as refused:
        return not_taken(request, step.case_id, f"conclude-{pk}", {"outcome": outcome}, refused)
    messages.success(request, "已登记结果。")
    return redirect("case_detail", step.case_id)
