"""People who stand on an older register and not on the newer whole one: ended from its date, or kept with a reason."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import django_filters
from django.contrib import messages
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import School
from aidcases.roles import P
from aidcases.scoping import HOME, current_scope
from aidcases.searching import Query
from aidcases.web import back, command, page, paginate
from students import finding
from students.enums import Category
from students.filters import ALL, EXPIRED, SearchableFilter, searched, under
from students.imports import missing
from students.models import Hardship, ImportFile, Missing, Student
from students.models.imports import FileState
from students.models.reviews import MissingState
from students.places import Places, county_of

DONE = {"end": "已终止 {0:,} 人，从各自名单的数据日期起。", "keep": "已保留 {0:,} 人。", "reopen": "已退回待核对 {0:,} 人。"}
MOST_ROWS = 1000


def _recorded(**more: Any) -> Exists:
    """Hardship of the register's kind that the office recorded."""
    rows = Hardship.objects.filter(person=OuterRef("person"), source=OuterRef("file__kind"), active=True, **more)
    return Exists(rows.filter(office_path__startswith=OuterRef("path")))


class MissingFilter(SearchableFilter):
    """Questions by register, what became of them, category, place, and whether a bad number may be behind one."""

    search = django_filters.CharFilter(method="as_it_is", label="姓名、首字母或证件号码")
    state = django_filters.ChoiceFilter(
        label="状态", choices=[*MissingState.choices, ("all", ALL)], empty_label=None, null_label=None, method="in_state"
    )
    file = django_filters.ChoiceFilter(label="整册名单", empty_label=ALL)
    category = django_filters.ChoiceFilter(
        label="困难类别", choices=Category.choices, empty_label=ALL, method="of_category"
    )
    hint = django_filters.ChoiceFilter(
        label="名单上有相近的行", choices=[("1", "有（可能号码有误）"), ("0", "没有")], empty_label=ALL, method="with_hint"
    )
    place = django_filters.CharFilter(label="乡镇、村", method="at_home_in")
    batch = django_filters.NumberFilter(widget=django_filters.widgets.forms.HiddenInput)

    class Meta:
        model = Missing
        fields = ()

    def __init__(self, data: Any, *args: Any, **kwargs: Any):
        data = data.copy() if data is not None else None
        if data is not None and not data.get("state"):
            data["state"] = "all" if data.get("batch") else MissingState.OPEN
        super().__init__(data, *args, **kwargs)
        files = ImportFile.objects.committed().filter(Exists(Missing.objects.filter(file=OuterRef("pk"))))
        self.filters["file"].extra["choices"] = [
            (file.pk, f"{file.get_kind_display()} {file.data_on}") for file in files.order_by("-data_on", "-pk")
        ]
        self.pick_place("place")

    def meaning(self, query: Query) -> Q:
        if query.roll_hash:
            return Q(pk=None)
        if query.id_hash:
            return Q(person__id_hash=query.id_hash)
        return Q(person__id_last4=query.last4) if query.last4 else finding.by_name(query.text, "person__")

    def in_state(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows if value == "all" else rows.filter(state=value)

    def of_category(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(_recorded(category=value))

    def with_hint(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.exclude(hint_row=None) if value == "1" else rows.filter(hint_row=None)

    def at_home_in(self, rows: QuerySet, _name: str, code: str) -> QuerySet:
        return rows.filter(under("person__home_path", code))


def _found(request: HttpRequest) -> MissingFilter:
    rows = missing.decidable(Missing.objects.all())
    return MissingFilter(request.GET.copy(), rows, request=request)


@page(can=P.IMPORT_VIEW)
def missing_people(request: HttpRequest) -> HttpResponse:
    found = _found(request)
    rows = found.qs.select_related("person", "file").defer("person__id_number")
    shown = paginate(rows.order_by("file", "person__home_path", "person__name", "pk"), request)
    state = found.data.get("state")
    context = {
        "found": found,
        "page": shown,
        "rows": _lines(list(shown)),
        "state": state,
        "asking": state == MissingState.OPEN,
        "decide_url": f"{reverse('missing_decide')}?{request.GET.urlencode()}",
        "any": ImportFile.objects.committed().filter(whole=True).exists(),
        "undone": ImportFile.objects.filter(whole=True, state=FileState.UNDONE).exists(),
        "narrowed": any(found.data.get(name) for name in ("q", "file", "category", "hint", "place", "batch")),
        "expired": EXPIRED,
    }
    return render(request, "students/missing.html", context)


@command(can=P.IMPORT_VIEW)
def missing_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "missing_people", MissingFilter)


@page(can=P.IMPORT_VIEW)
def missing_batch(request: HttpRequest, pk: int) -> HttpResponse:
    """The people one ending has ended, to take it back."""
    return redirect(f"{reverse('missing_people')}?batch={pk}")


def _lines(rows: list[Missing]) -> list[dict[str, Any]]:
    """What the list shows of each, in four queries, however many lines."""
    people = [row.person for row in rows]
    paths = {person.pk: _home(person.home_path) for person in people}
    places = Places(paths.values())
    schools = dict(School.objects.filter(path__in={p.school_path for p in people}).values_list("path", "name"))
    held: dict[tuple[int, str], list[Hardship]] = defaultdict(list)
    for hardship in Hardship.objects.filter(person__in=people, active=True).defer("proof").order_by("from_on", "pk"):
        held[hardship.person_id, hardship.source].append(hardship)
    files = set(Student.objects.filter(person__in=people).values_list("pk", flat=True))
    return [
        {
            "row": row,
            "person": row.person,
            "place": places.label(paths[row.person_id]),
            "school": schools.get(row.person.school_path, ""),
            "has_file": row.person_id in files,
            "categories": list(dict.fromkeys(each.get_category_display() for each in held[row.person_id, row.file.kind])),
            "since": min((each.from_on for each in held[row.person_id, row.file.kind]), default=None),
        }
        for row in rows
    ]


def _home(path: str) -> str:
    """A home that has moved to another county is told by its county alone."""
    return path if current_scope().covers(path, HOME) else county_of(path)


@command(can=P.REVIEW_DECIDE)
def missing_decide(request: HttpRequest) -> HttpResponse:
    """Ends, keeps or reopens the ticked people, or everybody the filter in the address finds."""
    rows, move, why = _chosen(request), request.POST.get("move", ""), request.POST.get("why", "").strip()[:200]
    now = {"by": request.actor, "at": timezone.now()}
    if move == "end":
        moved = missing.end(rows, why=why, **now)
    elif move == "keep":
        moved = missing.keep(rows, why=why, **now)
    elif move == "reopen":
        moved = missing.reopen(rows.exclude(state=MissingState.OPEN), **now)
    else:
        raise Refused("请选择终止、仍保留或重新核对。")
    if not moved:
        raise Refused("没有可以办理的人员，可能已由他人办理，请刷新后再看。")
    messages.success(request, DONE[move].format(moved))
    return back(request, "missing_people")


def _chosen(request: HttpRequest) -> QuerySet:
    found = _found(request)
    if request.POST.get("which") == "all":
        if found.expired or str(found.qs.count()) != request.POST.get("seen"):
            raise Refused("筛选出的人员有了变化，没有办理。请刷新后再看。")
        return Missing.objects.filter(pk__in=found.qs.order_by().values("pk"))
    ticked = [int(pk) for pk in request.POST.getlist("row")[:MOST_ROWS] if pk.isdecimal()]
    if not ticked:
        raise Refused("请先勾选人员。")
    return Missing.objects.filter(pk__in=ticked)
