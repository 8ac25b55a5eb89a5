"""Applications: the list of a term's children, one application, what a school does with one or with a whole filter."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases import audit, files
from aidcases.flow import Refused
from aidcases.models import AuditEvent, StoredFile
from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import PERSONAL, chosen_term, command, page, paginate, saw
from aidcases.wording import action_label
from students.filters import EXPIRED, narrowed, searched
from students.models import Enrolment
from students.views.secrets import reveal
from subsidies.casework import applying, classlist, form, prefill, printing, responsible
from subsidies.casework.classlist import ApplicationFilter
from subsidies.casework.parts import facts, moves
from subsidies.casework.windows import Windows
from subsidies.models import Application
from subsidies.models.applications import ApplicationKind, ApplicationState, Box, own_pupils_only

PDF = "application/pdf"
WHAT = (("promise", "承诺书照片"), ("paper", "证明材料"), ("form", "签字的申请表"), ("waiver", "放弃说明"))
EVENTS = 30
# What makes applications → in what state most of them then are.
MADE = {"match": classlist.READY, "renew": classlist.READY, "apply": classlist.INCOMPLETE}
APPEALED = (ApplicationState.NOT_HARD, ApplicationState.REJECTED, ApplicationState.CANCELLED)  # what a family may appeal


def _found(request: HttpRequest, term: Term) -> ApplicationFilter:
    rows = classlist.enrolled(term, away=request.GET.get("away") == "1")
    return ApplicationFilter(request.GET, rows, request=request, term=term)


def application(pk: int) -> Application:
    rows = Application.objects.select_related("student__person", "school")
    return get_object_or_404(rows.defer("student__person__id_number", "student__roll_number"), pk=pk)


def ours(pk: int) -> Application:
    """One whose form the own side keeps. Raises Refused."""
    found = application(pk)
    if not form.kept_here(found):
        raise Refused("申请表由孩子就读的学校填写和保管，家庭所在地只能查看进度和结果。")
    return found


@page(can=P.APPLICATION_VIEW)
def application_list(request: HttpRequest) -> HttpResponse:
    term = chosen_term(request)
    found = _found(request, term)
    shown = paginate(found.qs.order_by(*classlist.ORDER).values_list("pk", flat=True), request)
    may_write, teacher = request.actor.may(P.APPLICATION_WRITE), own_pupils_only(request.actor)
    context = {
        "found": found,
        "page": shown,
        "rows": classlist.lines(list(shown), term),
        "term": term,
        "narrowed": narrowed(found),
        "expired": EXPIRED,
        "window": Windows.read(term).of(request.membership.organisation.path),
        "today": timezone.localdate(),
        "may_write": may_write,
        "teacher": teacher,
        "colleagues": {} if teacher or not may_write else responsible.colleagues(request.membership.organisation_id),
        "one_school": classlist.in_a_school(),
    }
    return render(request, "subsidies/casework/application_list.html", context)


@command(can=P.APPLICATION_VIEW)
def application_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "application_list", ApplicationFilter)


@command(can=P.APPLICATION_WRITE)
def application_new(request: HttpRequest, pk: int) -> HttpResponse:
    """A child's application of the term, filled in beforehand; the one there is, when there is one."""
    term = chosen_term(request)
    enrolments = classlist.enrolled(term).filter(student=pk)
    get_object_or_404(enrolments)
    prefill.create(enrolments, term, kind=ApplicationKind.MATCHED, by=request.actor)
    prefill.create(enrolments, term, kind=ApplicationKind.APPLIED, by=request.actor)
    made = get_object_or_404(Application.objects.in_term(term), student=pk)
    return redirect("application_edit" if made.state == ApplicationState.DRAFT else "application_detail", made.pk)


@page(can=P.APPLICATION_VIEW, reads=PERSONAL)
def application_detail(request: HttpRequest, pk: int) -> HttpResponse:
    found = application(pk)
    saw(request, "subsidies.application", [pk])
    kept = form.kept_here(found)
    enrolment = Enrolment.objects.filter(term=found.term, student=found.student_id).defer("phone").first()
    draft = found.state == ApplicationState.DRAFT
    context = {
        "application": found,
        "person": found.student.person,
        "enrolment": enrolment,
        "kept": kept,
        "facts": facts(request, found) if kept else [],
        "family": form.lines_of(found) if kept else [],
        "problems": form.problems(found) if kept and draft else [],
        "files": list(files.files_of(found)) if kept else [],
        "what": WHAT,
        "whats": dict(WHAT),
        "boxes": dict(Box.choices),
        "responsible": responsible.of(found.student_id),
        "moves": moves(request.actor, found) if kept else [],
        "may_write": kept and request.actor.may(P.APPLICATION_WRITE),
        "may_appeal": kept and found.state in APPEALED and request.actor.may(P.LETTER_WRITE),
        "window": Windows.read(Term.parse(found.term)).of(found.school_path),
        "today": timezone.localdate(),
        "events": _events(found),
    }
    return render(request, "subsidies/casework/application_detail.html", context)


def _events(found: Application) -> list[dict[str, Any]]:
    """What was done with it, as far as whoever acts may see, the newest first."""
    rows = AuditEvent.objects.filter(subject_type="subsidies.application", subject_id=found.pk)
    rows = rows.filter(action__startswith="application.")[:EVENTS]
    return [
        {"on": audit.day_of(row), "title": action_label(row.action), "by": row.actor, "text": row.note}
        for row in rows
    ]


@command(can=P.APPLICATION_VIEW)
def application_move(request: HttpRequest, pk: int) -> HttpResponse:
    """`do`: submit or one of applying.ALSO; who may, the move itself says."""
    found, name = ours(pk), request.POST.get("do", "")
    rows, note = Application.objects.filter(pk=pk), request.POST.get("note", "").strip()[:200]
    if name == "submit":
        outcome = applying.submit(
            rows, Term.parse(found.term), by=request.actor, today=timezone.localdate(), late_reason=note
        )
    elif name in applying.ALSO:
        outcome = applying.move(rows, name, by=request.actor, note=note)
    else:
        raise Refused("没有这一步，请刷新页面再试。")
    outcome.or_refuse()
    found.refresh_from_db()
    messages.success(request, f"已办理，现在是“{found.get_state_display()}”。")
    again = name in ("reopen", "take_back") and found.state == ApplicationState.DRAFT
    return redirect("application_edit" if again else "application_detail", pk)


# ---------- a whole filter ----------


@command(can=P.APPLICATION_WRITE)
def application_bulk(request: HttpRequest) -> HttpResponse:
    """`do` for every child of the filter in the address; what was done, what not and why is told."""
    term, do = chosen_term(request), request.POST.get("do", "")
    found = _found(request, term)
    if not found.is_valid() or found.expired:
        raise Refused(EXPIRED)
    enrolments = Enrolment.objects.filter(pk__in=found.qs.order_by().values("pk"))
    if do in MADE:
        _create(request, enrolments, term, do)
    elif do == "responsible":
        names = {name: request.POST.get(name, "") for name in ("contact", "deputy", "principal")}
        account = responsible.account_of(request.POST.get("account", ""))
        done = responsible.set_for(enrolments, **names, account=account, by=request.actor)
        messages.success(request, f"已为 {done:,} 名学生设定责任人。")
    elif do in ("submit", "take_back"):
        _moved(request, classlist.applications_of(enrolments, term), term, do)
    else:
        raise Refused("请选择要办理的步骤。")
    query = request.GET.copy()
    if do in MADE and query.get("state") in (classlist.LISTED, classlist.NONE):  # nobody is left there
        query["state"] = MADE[do]
    return redirect(f"{reverse('application_list')}?{query.urlencode()}")


def _create(request: HttpRequest, enrolments: QuerySet[Enrolment], term: Term, do: str) -> None:
    kind, words, left_why = {
        "match": (ApplicationKind.MATCHED, "免申即享", "不在名单上或已有申请"),
        "renew": (ApplicationKind.RENEWED, "与上次相同", "已有申请，或上次在本校没有填完的申请表，请单独填写"),
        "apply": (ApplicationKind.APPLIED, "新建申请表", "已有申请"),
    }[do]
    wanted = enrolments.count()
    made = prefill.create(enrolments, term, kind=kind, by=request.actor, promised_on=_promised(request))
    messages.success(request, f"{words}：生成 {made:,} 份申请，请核对后提交。")
    if left := wanted - made:
        messages.warning(request, f"{left:,} 人没有生成：{left_why}。")


def _promised(request: HttpRequest) -> date | None:
    text = request.POST.get("promised_on", "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Refused("签字日期请写成 2026-09-01。") from None


def _moved(request: HttpRequest, rows: QuerySet[Application], term: Term, do: str) -> None:
    late, today = request.POST.get("late_reason", ""), timezone.localdate()
    if do == "submit":
        outcome = applying.submit(rows, term, by=request.actor, today=today, late_reason=late)
    else:
        outcome = applying.move(rows, do, by=request.actor)
    label = Application.FLOW[do].label
    (messages.success if outcome.moved else messages.info)(request, f"{label}：已办 {outcome.moved:,} 份。")
    for reason, count in outcome.refusals.most_common():
        messages.warning(request, f"{count:,} 份没有办：{reason.rstrip('。')}。")


# ---------- papers ----------


@command(can=P.APPLICATION_WRITE)
def application_attach(request: HttpRequest, pk: int) -> HttpResponse:
    found, what = ours(pk), request.POST.get("what", "")
    upload = request.FILES.get("file")
    if upload is None or what not in dict(WHAT):
        raise Refused("请先选择一张照片或一个 PDF 文件，再点“上传”。")
    files.attach(found, upload, what=what, path=found.school_path)
    form.mark(Application.objects.filter(pk=pk), Term.parse(found.term))
    messages.success(request, f"已上传{dict(WHAT)[what]}。")
    return _to_papers(request, pk)


def _to_papers(request: HttpRequest, pk: int) -> HttpResponse:
    """Back to the page the upload stood on."""
    name = "application_edit" if request.POST.get("back") == "edit" else "application_detail"
    return redirect(f"{reverse(name, args=[pk])}#papers")


def _file(pk: int, key: int) -> StoredFile:
    return get_object_or_404(files.files_of(ours(pk)), pk=key)


@page(can=P.APPLICATION_VIEW, reads=PERSONAL)
def application_file(request: HttpRequest, pk: int, key: int) -> HttpResponse:
    file = get_object_or_404(files.files_of(application(pk)), pk=key)
    saw(request, "subsidies.application", [pk])
    return files.response(file)


@command(can=P.APPLICATION_WRITE)
def application_file_remove(request: HttpRequest, pk: int, key: int) -> HttpResponse:
    file, found = _file(pk, key), ours(pk)
    if found.state != ApplicationState.DRAFT:
        raise Refused("申请已经提交，附件不能再删。要改请先收回。")
    files.remove(file)
    form.mark(Application.objects.filter(pk=pk), Term.parse(found.term))
    messages.success(request, f"已删除“{file.filename}”。")
    return _to_papers(request, pk)


@command(can=P.SECRET_REVEAL)
def application_reveal(request: HttpRequest, pk: int) -> HttpResponse:
    """?what=phone or parent_phone: one number in clear, with a purpose, on record."""
    found, what = ours(pk), request.GET.get("what", "")
    if what not in ("phone", "parent_phone"):
        raise Refused("没有这一项可以查看。")
    label = str(Application._meta.get_field(what).verbose_name)
    return reveal(request, found, what=what, label=label, value=getattr(found, what))


@command(can=P.APPLICATION_VIEW)
def application_print(request: HttpRequest, pk: int) -> HttpResponse:
    """The official form; numbers in full for those who may see them, else masked."""
    found = ours(pk)
    made = printing.print_forms([found], clear=request.actor.may(P.SECRET_REVEAL))
    audit.record("application.printed", subject=found, path=found.school_path, rows=1)
    return _pdf(made.pdf, f"application-{found.pk}.pdf")


@command(can=P.APPLICATION_VIEW)
def application_print_all(request: HttpRequest) -> HttpResponse:
    """The forms of the filter in one file."""
    term = chosen_term(request)
    rows = applying.of_school_side(classlist.applications_of(_found(request, term).qs, term))
    found = list(rows.select_related("student__person", "school").order_by("school_path", "student")[: printing.MOST_FORMS + 1])
    if not found:
        raise Refused("筛选出的学生都还没有申请表，没有可以打印的。")
    if len(found) > printing.MOST_FORMS:
        raise Refused(f"一次最多打印 {printing.MOST_FORMS} 份，请按班级筛选后再打印。")
    made = printing.print_forms(found, clear=request.actor.may(P.SECRET_REVEAL))
    audit.record("application.printed", rows=len(found))
    return _pdf(made.pdf, f"applications-{term.code}.pdf")


@command(can=P.APPLICATION_VIEW)
def application_waiver(request: HttpRequest, pk: int) -> HttpResponse:
    found = ours(pk)
    audit.record("application.printed", subject=found, path=found.school_path, rows=1)
    return _pdf(printing.print_waiver(found).pdf, f"waiver-{found.pk}.pdf")


@page(can=P.APPLICATION_VIEW)
def application_blank(request: HttpRequest) -> HttpResponse:
    """The empty form."""
    made = printing.print_blank(request.membership.organisation.school, chosen_term(request))
    return _pdf(made.pdf, "application-form.pdf")


def _pdf(content: bytes, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=PDF, headers={"Content-Disposition": f'attachment; filename="{name}"'})
