"""The official application form and the waiver on paper (subsidies/application.typ, subsidies/waiver.typ)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aidcases import crypto
from aidcases.models import School
from aidcases.paper import Printed, print_pdf
from aidcases.scoping import current_actor
from aidcases.terms import Term
from students.models import Enrolment
from subsidies.casework.windows import Windows
from subsidies.models import FamilyMember, Responsible
from subsidies.models.applications import Application, Box

FORM = Path(__file__).parent.parent / "application.typ"
WAIVER = Path(__file__).parent.parent / "waiver.typ"
MOST_FORMS = 200  # in one file
LEAST_ROWS = 5  # of the family, so that the pen finds room
_CIRCUMSTANCES = (
    ("disaster", "家庭遭受自然灾害情况"), ("accident", "家庭遭受突发意外事件"),
    ("weakness", "家庭成员因残疾、年迈而劳动能力弱情况"), ("unemployment", "家庭成员失业情况"),
    ("debt", "家庭欠债情况"), ("other", "其他情况"),
)  # fmt: skip
_TEXTS = (
    "name", "sex", "born", "native_place", "id_number", "household_size", "phone", "hukou", "term", "address", "postcode",
    "parent_phone", "income_per_head", "promised_on", "school", "department", "major", "grade", "class_name", "responsible",
)  # fmt: skip
_ROW = ("name", "age", "relation", "work", "occupation", "annual_income", "health")
UNSIGNED = "　　　年　　月　　日"


def print_forms(applications: Sequence[Application], *, clear: bool) -> Printed:
    """A page for each (with student__person and school loaded), all of one term. `clear`: identity and phone numbers
    in full, as the archive wants them; else masked. Five queries however many. Raises Refused."""
    term = Term.parse(applications[0].term)
    pks, students = [a.pk for a in applications], [a.student_id for a in applications]
    family = defaultdict(list)
    for row in FamilyMember.objects.filter(application__in=pks):
        family[row.application_id].append(row)
    enrolled = {e.student_id: e for e in Enrolment.objects.in_term(term).filter(student__in=students).defer("phone")}
    named = {r.pk: r for r in Responsible.objects.filter(pk__in=students)}
    windows = Windows.read(term)
    forms = [
        _filled(
            each, family[each.pk], enrolled.get(each.student_id), named.get(each.student_id), clear,
            windows.of(each.school_path).stamp_required,
        )
        for each in applications
    ]  # fmt: skip
    return print_pdf(FORM, {"office": current_actor().name, "forms": forms})


def print_blank(school: School | None, term: Term) -> Printed:
    """The empty form, for a family to fill in by hand."""
    stamp = Windows.read(term).of(school.path).stamp_required if school else False
    form = {**_empty(stamp), "school": school.name if school else "", "term": term.label}
    return print_pdf(FORM, {"office": current_actor().name, "forms": [form]})


def print_waiver(application: Application) -> Printed:
    """放弃资助说明 for the family to sign."""
    enrolment = Enrolment.objects.filter(term=application.term, student=application.student_id).defer("phone").first()
    data = {
        "office": current_actor().name,
        "school": application.school.name,
        "name": application.student.person.name,
        "grade": enrolment.grade_label if enrolment else "",
        "class_name": enrolment.class_name if enrolment else "",
        "term": Term.parse(application.term).label,
        "listed": bool(application.listed_boxes),
        "reason": "",
    }
    return print_pdf(WAIVER, data)


def _empty(stamp: bool) -> dict[str, Any]:
    return {
        **dict.fromkeys(_TEXTS, ""),
        "promised_on": UNSIGNED,
        "family": [dict.fromkeys(_ROW, "") for _ in range(LEAST_ROWS)],
        "boxes": [{"label": box.label, "on": False, "listed": False} for box in Box],
        "circumstances": [{"label": label, "value": ""} for _, label in _CIRCUMSTANCES],
        "listed": False,
        "stamp": stamp,
    }


def _filled(
    application: Application, family: list[FamilyMember], enrolment: Enrolment | None, named: Responsible | None,
    clear: bool, stamp: bool,
) -> dict[str, Any]:  # fmt: skip
    person, empty = application.student.person, _empty(stamp)
    number, signed = person.id_number or "", application.promised_on
    return {
        **empty,
        "name": person.name,
        "sex": person.sex,
        "born": f"{person.birth_on:%Y-%m}" if person.birth_on else "",
        "native_place": application.native_place,
        "id_number": number if clear else crypto.mask_id(number),
        "household_size": _said(application.household_size),
        "phone": _phone(application.phone, clear),
        "parent_phone": _phone(application.parent_phone, clear),
        "hukou": {True: "rural", False: "town", None: ""}[application.rural_hukou],
        "term": Term.parse(application.term).label,
        "address": application.address,
        "postcode": application.postcode,
        "income_per_head": _said(application.income_per_head),
        "promised_on": f"{signed.year} 年 {signed.month} 月 {signed.day} 日" if signed else UNSIGNED,
        "school": application.school.name,
        "department": application.department,
        "major": application.major,
        "grade": enrolment.grade_label if enrolment and enrolment.grade else "",
        "class_name": enrolment.class_name if enrolment else "",
        "family": [{name: _said(getattr(row, name)) for name in _ROW} for row in family]
        + empty["family"][len(family) :],
        "boxes": [
            {"label": box.label, "on": box in application.boxes, "listed": box in application.listed_boxes}
            for box in Box
        ],
        "circumstances": [
            {"label": label, "value": getattr(application, name) or "无"} for name, label in _CIRCUMSTANCES
        ],
        "listed": bool(application.listed_boxes),
        "responsible": _responsible(named),
    }


def _responsible(named: Responsible | None) -> str:
    if named is None:
        return ""
    told = (("帮扶联系人", named.contact), ("直接责任人", named.deputy), ("第一责任人", named.principal))
    return "　".join(f"{label}：{name}" for label, name in told if name)


def _phone(number: str | None, clear: bool) -> str:
    return "" if not number else (number if clear else crypto.mask_phone(number))


def _said(value: Any) -> str:
    return "" if value is None else str(value)
