"""Children in care: the list of a kind, files made for many, one child's file with its contact card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib import messages
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases import audit, crypto
from aidcases.flow import Refused
from aidcases.paper import print_pdf
from aidcases.roles import P
from aidcases.scoping import HOME, SCHOOL, current_actor, current_scope
from aidcases.seen import Changed
from aidcases.terms import Term, chronological
from aidcases.web import PERSONAL, chosen_term, command, page, paginate, saw
from dropout import caring
from dropout.careforms import FORMS, EndForm
from dropout.carelists import CareFilter
from dropout.enums import CareKind
from dropout.models import CareFile, CareVisit
from students.filters import EXPIRED, narrowed, searched
from students.models import Enrolment, Guardian, Student
from students.places import Places, home_shown
from students.views.secrets import masked_fact, reveal

CARD = Path(__file__).parent.parent / "contact.typ"
BLANK = "＿" * 12  # filled in by hand
WHERE = {HOME: "家庭情况", SCHOOL: "学校情况"}


def _kind(request: HttpRequest) -> CareKind:
    wanted = request.GET.get("kind") or request.POST.get("kind", "")
    return CareKind(wanted) if wanted in CareKind.values else CareKind.LEFT_BEHIND


def _found(request: HttpRequest, kind: CareKind, term: Term) -> CareFilter:
    told = request.GET.copy()
    told["kind"] = kind
    return CareFilter(told, caring.children(kind, term), request=request, term=term)


@page(can=P.CARE_VIEW)
def care_list(request: HttpRequest) -> HttpResponse:
    term, kind = chosen_term(request), _kind(request)
    found = _found(request, kind, term)
    rows = found.qs.order_by("here__school_path", "here__stage", "here__grade", "here__class_name", "pk")
    shown = paginate(rows.values_list("pk", flat=True), request)
    missing = found.qs.filter(file__id=None).count() if request.actor.may(P.CARE_WRITE) else 0
    context = {
        "found": found,
        "page": shown,
        "rows": _lines(list(shown), kind, term),
        "kind": kind,
        "tabs": [{"label": k.label, "url": f"?kind={k.value}", "active": k == kind} for k in CareKind],
        "term": term,
        "missing": missing,
        "narrowed": narrowed(found) and set(request.GET) - {"kind", "page"},
        "expired": EXPIRED,
    }
    return render(request, "dropout/care_list.html", context)


def _lines(pks: list[int], kind: str, term: Term) -> list[dict[str, Any]]:
    """What the list shows of each child, in the order given: three queries, however many."""
    last = CareVisit.objects.filter(student=OuterRef("pk")).order_by("-visited_on").values("visited_on")[:1]
    light = Student.objects.filter(pk__in=pks).select_related("person").defer("roll_number", "person__id_number")
    rows = caring.annotated(kind, term, light).annotate(
        file_pk=F("file__id"), since=F("file__from_on"), last=Subquery(last)
    )
    found = {row.pk: row for row in rows}
    enrolled = (
        Enrolment.objects.in_term(term).filter(student__in=pks).select_related("school", "hukou_region").defer("phone")
    )
    here = {row.student_id: row for row in enrolled}
    homes = {pk: _home(found[pk], here.get(pk)) for pk in pks if pk in found}
    places = Places(homes.values())
    return [
        {
            "student": found[pk], "person": found[pk].person, "enrolment": here.get(pk), "home": places.label(home),
            "visited": bool(found[pk].last and term.first_day <= found[pk].last <= term.last_day),
        }
        for pk, home in homes.items()
    ]  # fmt: skip


def _home(student: Student, enrolment: Enrolment | None) -> str:
    return home_shown(student.person.home_path, enrolment.hukou_region if enrolment else None)


@command(can=P.CARE_VIEW)
def care_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "care_list", CareFilter)


@command(can=P.CARE_WRITE)
def care_make(request: HttpRequest) -> HttpResponse:
    """Of everybody the list's filters find, those without a file get one; ?student= one child alone."""
    term, kind = chosen_term(request), _kind(request)
    if (one := request.POST.get("student", "")[:18]).isdecimal():
        rows: QuerySet[Student] = caring.annotated(kind, term, Student.objects.filter(pk=one))
    else:
        found = _found(request, kind, term)
        if found.expired:
            raise Refused(EXPIRED)
        rows = found.qs
    made = caring.make_files(kind, rows, by=request.actor, today=timezone.localdate())
    if not made:
        raise Refused("没有需要建档的孩子。")
    messages.success(request, f"已为 {made} 名{kind.label}建立档案。")
    if one:
        return redirect("carefile_detail", CareFile.objects.get(student=one, kind=kind, ended_on=None).pk)
    return redirect(f"{reverse('care_list')}?{request.GET.urlencode()}")


# --- one file ------------------------------------------------------------------------------------------------------


def file_of(pk: int) -> CareFile:
    light = CareFile.objects.select_related("student__person__hukou_region")
    return get_object_or_404(light.defer("student__roll_number", "student__person__id_number"), pk=pk)


@page(can=P.CARE_VIEW, reads=PERSONAL)
def carefile_detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = file_of(pk)
    return _detail(request, row, {}, 200)


def _detail(request: HttpRequest, row: CareFile, typed: dict[str, Any], status: int) -> HttpResponse:
    saw(request, "students.student", [row.student_id])
    sides, writes = caring.sides(row), request.actor.may(P.CARE_WRITE) and not row.ended_on
    visits = CareVisit.objects.filter(student=row.student_id).prefetch_related("requests")
    context = {
        "file": row,
        "person": row.student.person,
        "about": _about(row),
        "parts": [{"side": side, "label": WHERE[side], "facts": _facts(request, row, side)} for side in sides],
        "absent": [label for side, label in WHERE.items() if side not in sides],
        "forms": [
            {
                "side": side, "label": WHERE[side], "seen": caring.shown(row, side),
                "form": typed.get(side) or FORMS[side](instance=row),
            }
            for side in sides if writes
        ],
        "open": bool(typed),
        "end_form": EndForm(initial={"ended_on": timezone.localdate()}) if writes else None,
        "visits": visits[:20],
        "today": timezone.localdate(),
        "may_visit": request.actor.may(P.CARE_WRITE),
        "may_card": request.actor.may(P.PHONE_REVEAL) and bool(sides),
    }  # fmt: skip
    return render(request, "dropout/care_detail.html", context, status=status)


def _about(row: CareFile) -> list[dict[str, str]]:
    """Who the child is, as the roll and the register say: read by both sides."""
    last = Enrolment.objects.filter(student=row.student_id).select_related("school", "hukou_region").defer("phone")
    now = last.order_by(*chronological()).first()
    home = _home(row.student, now)
    people = Guardian.objects.filter(student=row.student_id).order_by("pk").values_list("name", "relation")
    return [
        {"label": "性别", "value": row.student.person.sex},
        {
            "label": "出生日期",
            "value": f"{row.student.person.birth_on:%Y-%m-%d}" if row.student.person.birth_on else "",
        },
        {"label": "学校", "value": now.school.name if now else "没有学籍"},
        {"label": "班级", "value": f"{now.grade_label} {now.class_name}" if now else ""},
        {"label": "家庭所在地", "value": Places([home]).label(home)},
        {"label": "学籍监护人", "value": "、".join(f"{name}（{rel}）" if rel else name for name, rel in people)},
    ]


def _facts(request: HttpRequest, row: CareFile, side: str) -> list[dict[str, Any]]:
    facts = []
    for name in caring.FACTS[side]:
        label, value = CareFile._meta.get_field(name).verbose_name, getattr(row, name)
        if name in caring.PHONES:
            facts.append(masked_fact(request, row, name, label, crypto.mask_phone(value or ""), P.PHONE_REVEAL))
        else:
            facts.append({"label": label, "value": f"{value:%Y-%m-%d}" if name == "away_since" and value else value})
    return facts


@command(can=P.CARE_WRITE)
def carefile_save(request: HttpRequest, pk: int) -> HttpResponse:
    row, side = file_of(pk), request.POST.get("side", "")
    if side not in FORMS:
        raise Refused("请从页面上提交。")
    form = FORMS[side](request.POST, instance=row)
    if not form.is_valid():
        return _detail(request, file_of(pk), {side: form}, 422)
    try:
        changed = caring.save(
            row, side, form.cleaned_data, by=request.actor, today=timezone.localdate(), seen=request.POST.get("seen")
        )
    except Changed as changed_since:
        form.add_error(None, str(changed_since))
        return _detail(request, file_of(pk), {side: form}, 422)
    messages.success(request, "已保存。" if changed else "没有改动。")
    return redirect("carefile_detail", pk)


@command(can=P.CARE_WRITE)
def carefile_end(request: HttpRequest, pk: int) -> HttpResponse:
    form = EndForm(request.POST)
    if not form.is_valid():
        raise Refused("请填写结束日期和原因。")
    caring.end(file_of(pk), **form.cleaned_data, by=request.actor, today=timezone.localdate())
    messages.success(request, "档案已结束，走访和诉求保留。")
    return redirect("carefile_detail", pk)


@command(can=P.PHONE_REVEAL)
def carefile_reveal(request: HttpRequest, pk: int) -> HttpResponse:
    """?what=phone or parents_phone, for the side that wrote it down."""
    row, what = file_of(pk), request.GET.get("what", "")
    owner = next((side for side, names in caring.FACTS.items() if what in names and what in caring.PHONES), "")
    if owner not in caring.sides(row):
        raise Refused("这个号码由另一方登记，请向他们了解。")
    return reveal(request, row, what=what, label=caring.PHONES[what], value=getattr(row, what))


@command(can=P.PHONE_REVEAL)
def carefile_card(request: HttpRequest, pk: int) -> HttpResponse:
    """联系卡 as PDF, numbers in clear: printed for a purpose, on record, with what the own side wrote down."""
    row, purpose = file_of(pk), request.POST.get("purpose", "").strip()
    sides = caring.sides(row)
    if not purpose or not sides:
        raise Refused("请写明打印联系卡的用途。")
    audit.record("secret.reveal", subject=row, note=crypto.mask_numbers(purpose[:200]), what="card")
    label = {name: CareFile._meta.get_field(name).verbose_name for names in caring.FACTS.values() for name in names}
    told = [(label[name], getattr(row, name)) for side in sides for name in caring.FACTS[side] if name != "note"]
    lines = [{"label": fact["label"], "value": fact["value"]} for fact in _about(row)]
    lines += [{"label": name, "value": str(value or BLANK)} for name, value in told]
    printed = print_pdf(
        CARD,
        {
            "office": current_actor().name, "kind": row.get_kind_display(), "name": row.student.person.name,
            "lines": lines, "printed": f"{timezone.localdate():%Y-%m-%d}",
        },
    )  # fmt: skip
    name = f'attachment; filename="contact-card-{row.pk}.pdf"'
    headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
    return HttpResponse(printed.pdf, content_type="application/pdf", headers=headers)


# --- on the student's page -----------------------------------------------------------------------------------------


def care_panel(request: HttpRequest, student: Student) -> dict[str, Any] | None:
    """Files and the last visits of a child, with the way to a new one; nothing where nobody may write any."""
    files = list(CareFile.objects.filter(student=student).defer("phone", "parents_phone").order_by("ended_on", "kind"))
    visits = list(CareVisit.objects.filter(student=student).prefetch_related("requests")[:3])
    seen = current_scope()
    ours = seen.covers(student.person.home_path, HOME) or seen.covers(student.person.school_path, SCHOOL)
    writes = ours and request.actor.may(P.CARE_WRITE)
    if not (files or visits or writes):
        return None
    opened = {row.kind for row in files if not row.ended_on}
    missing = [kind for kind in CareKind if kind not in opened] if writes else []
    return {"files": files, "visits": visits, "missing": missing, "may_visit": writes, "child": student}
