"""Schools: everybody may read them, the figures count the students in sight."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render

from aidcases.models import Region, School
from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import chosen_term, command, page, paginate
from students import finding
from students.enums import Stage, grade_label
from students.facts import hardships_in, roll_orphans
from students.filters import SchoolFilter, narrowed
from students.models import Enrolment
from students.places import Places, full_label

PICKED = 20
STAGES = dict(Stage.choices)


@page(can=P.SCHOOL_VIEW)
def school_list(request: HttpRequest) -> HttpResponse:
    term = chosen_term(request)
    schools = School.objects.select_related("region")
    found = SchoolFilter(request.GET, schools, request=request, term=term)
    shown = paginate(found.qs.order_by("path"), request)
    context = {"found": found, "page": shown, "rows": _lines(list(shown), term), "term": term}
    context["narrowed"] = narrowed(found)
    return render(request, "students/school_list.html", context)


def _lines(schools: list[School], term: Term) -> list[dict[str, Any]]:
    """What the list shows of each school; the students are counted in one query."""
    places = Places(school.region.path for school in schools)
    students = Enrolment.objects.in_term(term).filter(school_path__in=[school.path for school in schools])
    counts = {row["school_path"]: row for row in _counted(students, term, "school_path")}
    none = {"students": 0, "boarders": 0, "poor": 0}
    return [
        {
            "school": school,
            "place": places.label(school.region.path),
            "stages": [STAGES.get(code, code) for code in school.stages],
            "counts": counts.get(school.path, none),
        }
        for school in schools
    ]


def _counted(students: QuerySet, term: Term, *by: str) -> QuerySet:
    """Students, boarders and children of any hardship category, by some columns."""
    poor = Q(Exists(hardships_in(term).filter(person=OuterRef("student")))) | roll_orphans(term)
    return (
        students.order_by(*by)
        .values(*by)
        .annotate(students=Count("pk"), boarders=Count("pk", filter=Q(boarding=True)), poor=Count("pk", filter=poor))
    )


@page(can=P.SCHOOL_VIEW)
def school_detail(request: HttpRequest, code: str) -> HttpResponse:
    school = get_object_or_404(School.objects.select_related("region"), code=code)
    term = chosen_term(request)
    students = Enrolment.objects.in_term(term).filter(school_path=school.path)
    classes = list(_counted(students, term, "stage", "grade", "class_name"))
    for row in classes:
        row["label"] = f"{STAGES.get(row['stage'], '')} {grade_label(row['stage'], row['grade'])}"
    context = {
        "school": school,
        "term": term,
        "facts": [
            {"label": "学校标识码", "value": school.code},
            {"label": "学段", "value": "、".join(STAGES.get(stage, stage) for stage in school.stages)},
            {"label": "办学性质", "value": "公办" if school.public else "民办"},
            {"label": "所在地", "value": full_label(school.region.path)},
        ],
        "classes": classes,
        "total": {name: sum(row[name] for row in classes) for name in ("students", "boarders", "poor")},
        "fees": school.fees.order_by("-from_on"),
    }
    return render(request, "students/school_detail.html", context)


@command(can=P.SCHOOL_VIEW)
def school_pick(request: HttpRequest) -> HttpResponse:
    """Schools for a filter's box, as one types; those of one name say their code."""
    hits = finding.schools_named(request.POST.get("q", "").strip(), PICKED)
    times = Counter(school.name for school in hits)
    hints = {s.code: f"{s.region.name} {s.code}" if times[s.name] > 1 else s.region.name for s in hits}
    found = [{"value": s.code, "text": s.name, "hint": hints[s.code]} for s in hits]
    return JsonResponse({"results": found})


@command(can=P.SCHOOL_VIEW)
def place_pick(request: HttpRequest) -> HttpResponse:
    """Counties, townships and villages for a filter's box, the own area first."""
    typed = request.POST.get("q", "").strip()
    wanted = Q(code__startswith=typed) if typed.isdigit() else Q(name__contains=typed)
    rows = Region.objects.filter(wanted, level__in=("county", "township", "village"))
    found = list(rows.order_by(finding.ours_first(), "path")[:PICKED]) if typed else []
    places = Places(region.path for region in found)
    hints = {region.pk: places.label(region.path.removesuffix(f"{region.code}/")) for region in found}
    return JsonResponse({"results": [{"value": r.code, "text": r.name, "hint": hints[r.pk]} for r in found]})
