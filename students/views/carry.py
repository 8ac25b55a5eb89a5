"""A new term opened from the last one: what would become of every class, the opening, what came of it, its undo."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.models import Job, School
from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import command, known_terms, page
from students import carry
from students.carry import Choices, Fate, Group
from students.enums import Stage, grade_label
from students.forms import CarryForm
from students.imports import undo
from students.models import Batch
from students.models.batches import BatchKind, BatchState

LINES, PAST = 40, 10
TONES = {Fate.ON: "good", Fate.KEPT: "good", Fate.UNSAID: "warn"}
STAGES = dict(Stage.choices)


@page(can=P.IMPORT_WRITE)
def carry_new(request: HttpRequest) -> HttpResponse:
    form = CarryForm(request.GET, terms=known_terms(request))
    found = carry.groups(form.from_term, form.choices) if form.from_term else []
    form.offer_schools(found)
    chosen = form.cleaned_data.get("school", "")
    shown = [group for group in found if chosen in ("", group.code)]
    to = form.from_term.next if form.from_term else None
    context = {
        "form": form,
        "to": to,
        "cards": _cards(shown, form.from_term),
        "page": _paged(_lines(shown, form), request),
        "expected": (expected := carry.to_enrol(found)),
        "promise": f"{expected:,} 名学生会登记到{to.label if to else ''}，已有的学生不动。以后可以整批撤销。",
        "start_url": f"{reverse('carry_start')}?{form.address(seen=expected)}",
        "conditions": conditions(form.from_term, form.choices),
        "job": Job.objects.roots().open().filter(kind="students.carry").first(),
        "past": Batch.objects.filter(kind=BatchKind.CARRY)[:PAST],
    }
    return render(request, "students/carry.html", context)


def conditions(from_term: Term | None, choices: Choices) -> list[str]:
    """The rules that hold, in words."""
    if from_term is None:
        return []
    if not from_term.next.autumn:
        told = ["同一学年的下学期：所有学生留在原年级、原班级。"]
    else:
        last = "四" if choices.four_years else "五"
        told = [
            "新学年：年级加一，班名以年级开头的一起改（三年级2班 → 四年级2班，301班 → 401班），其他班名不变。",
            f"毕业年级（大班、六年级、九年级、高三、中职三年级、大三（高职）、大{last}（本科）、研三）按六三学制离开本学段，"
            "不带到新学期：升入的学校用自己的学籍名单登记。实行五四学制的学校请用学籍名单导入。",
            "九年一贯制等学校的六年级毕业生升入本校七年级。" if choices.to_junior else "六年级毕业生都不留在本校。",
            "完全中学的九年级毕业生升入本校高一。" if choices.to_senior else "九年级毕业生都不留在本校。",
            "没有写年级的学生不知道升到哪里，不带到新学期。",
        ]
    return [
        *told,
        "带过去的内容：学校、班级、寄宿、户口、留守、孤儿和残疾标注、联系电话；入学年月在同一学段不变。",
        "新学期里已经有的学生不动。以后导入新学期的学籍名单，会按名单更新。",
    ]


def _named(fate: Fate, from_term: Term) -> str:
    if fate == Fate.ON:
        return "升级" if from_term.next.autumn else "续读"
    return fate.label


def _cards(found: list[Group], from_term: Term | None) -> list[dict[str, Any]]:
    if from_term is None or not found:
        return []
    counts = carry.totals(found)
    fates = Fate if from_term.next.autumn else (Fate.ON, Fate.THERE)
    return [
        {"label": _named(fate, from_term), "number": counts[fate], "tone": TONES.get(fate, "") if counts[fate] else ""}
        for fate in fates
    ]


def _lines(found: list[Group], form: CarryForm) -> list[dict[str, Any]]:
    """A line per school and grade, its classes together."""
    grades: dict[tuple, list[Group]] = defaultdict(list)
    for group in found:
        grades[group.code, group.stage, group.grade].append(group)
    return [
        {
            "code": code,
            "school": classes[0].school,
            "grade": f"{STAGES[stage]} {grade_label(stage, grade)}",
            "students": sum(group.students for group in classes),
            "moving": sum(group.moving for group in classes),
            "there": sum(group.there for group in classes),
            "fate": (way := classes[0].onward).fate,
            "becomes": becomes(way, form.from_term),
            "url": f"{reverse('carry_names')}?{form.address(school=code, stage=stage, grade=grade or 0)}",
        }
        for (code, stage, grade), classes in grades.items()
    ]


def becomes(way: carry.Onward, from_term: Term) -> str:
    """升到 小学 四年级, 待升学 …"""
    if way.fate not in carry.ENROLLED:
        return way.fate.label
    place = f"{STAGES[way.stage]} {grade_label(way.stage, way.grade)}"
    if way.fate == Fate.KEPT:
        return f"升入本校{place}"
    return f"升到{place}" if from_term.next.autumn else "留在本年级"


def _paged(lines: list[dict[str, Any]], request: HttpRequest) -> Page:
    return Paginator(lines, LINES).get_page(request.GET.get("page"))


@page(can=P.IMPORT_WRITE)
def carry_names(request: HttpRequest) -> HttpResponse:
    """The children of one school's grade and what becomes of each."""
    form = CarryForm(request.GET, terms=known_terms(request))
    asked = form.cleaned_data
    if form.from_term is None or not asked.get("stage") or asked.get("grade") is None:
        raise Http404("请从“开新学期”的表里点人数进来。")
    school = get_object_or_404(School, code=asked["school"])
    rows = carry.children(
        form.from_term, form.choices, school=school.code, stage=asked["stage"], grade=asked["grade"]
    )
    for row in rows:
        row["becomes"] = becomes(carry.Onward(row["fate"], row["to_stage"], row["to_grade"]), form.from_term)
    context = {
        "page": _paged(rows, request),
        "school": school,
        "grade": f"{STAGES[asked['stage']]} {grade_label(asked['stage'], asked['grade'])}",
        "from_term": form.from_term,
        "to": form.from_term.next,
        "back": f"{reverse('carry_new')}?{form.address(school=school.code)}",
    }
    return render(request, "students/carry_names.html", context)


@command(can=P.IMPORT_WRITE)
def carry_start(request: HttpRequest) -> HttpResponse:
    form = CarryForm(request.GET, terms=known_terms(request))
    seen = form.cleaned_data.get("seen")
    if form.from_term is None or seen is None:
        raise Refused("请先在“开新学期”选好学期，核对人数后再开。")
    if not seen:
        raise Refused(carry.NOTHING)
    told = {"from": form.from_term.code, "seen": seen, **asdict(form.choices)}
    jobs.enqueue("students.carry", label=f"开新学期：{form.from_term.next.label}", once=True, **told)
    return redirect("carry_new")


def _batch(pk: int) -> Batch:
    return get_object_or_404(Batch, pk=pk, kind=BatchKind.CARRY)


@page(can=P.IMPORT_VIEW)
def carry_detail(request: HttpRequest, pk: int) -> HttpResponse:
    batch = _batch(pk)
    rows = [row | {"grade": f"{STAGES[row['stage']]} {grade_label(row['stage'], row['grade'])}"} for row in carry.opened(batch)]
    context = {
        "batch": batch,
        "total": sum(row["students"] for row in rows),
        "cards": [{"label": Fate(fate).label, "number": number} for fate, number in carry.counted(batch).items() if number],
        "kept": batch.outcome.get("kept", []),
        "page": _paged(rows, request),
        "job": Job.objects.roots().open().filter(kind="students.carry_undo", params={"batch": batch.pk}).first(),
        "blocked": against(batch),
    }
    return render(request, "students/carry_detail.html", context)


def against(batch: Batch) -> str:
    """Why the batch can't be undone now, in a sentence; "" when it can or has been."""
    resting = undo.resting(batch) if batch.state == BatchState.STANDING else []
    named = "、".join(f"{each.label} {each.count:,} {each.unit}" for each in resting)
    return f"请先撤销以它为依据的内容：{named}。" if named else ""


@command(can=P.IMPORT_WRITE)
def carry_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Takes the enrolments away again, unless something rests on them."""
    batch = _batch(pk)
    if reason := against(batch):
        raise Refused(reason)
    jobs.enqueue("students.carry_undo", label=f"撤销：{batch.label}", once=True, batch=batch.pk)
    messages.info(request, "正在撤销，完成后这一页会更新。")
    return redirect("carry_detail", pk=batch.pk)
