"""Filters of the lists, shared by page, ledger and API. Names and numbers never come from the address.

A search is posted and kept under an opaque key (aidcases.searching).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import django_filters
from django import forms
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, When
from django.db.models.functions import Left
from django.db.models.lookups import Exact
from django.http import HttpRequest, QueryDict
from django.shortcuts import redirect, resolve_url
from django.urls import reverse_lazy
from django_filters.constants import EMPTY_VALUES

from aidcases import searching
from aidcases.models import Region, School
from aidcases.models.places import LEVELS, region_path
from aidcases.scoping import HOME, current_scope
from aidcases.terms import Term
from aidcases.web import chosen_term
from students import finding
from students.enums import GRADE_LABELS, Category, RosterKind, Stage
from students.facts import hardships_in, roll_orphans
from students.imports.matching import RUNGS
from students.models import Decision, Enrolment, Household, ImportFile, ImportRow, Member, Suspect
from students.models.imports import FileState, RowState
from students.models.reviews import DecisionState, Outcome, SuspectState
from students.places import county_of

ALL = "全部"
COUNTY_PATH = len("/62/6201/620123/")
YES_NO = [("1", "是"), ("0", "否")]
# 户类型 as the old (2014–2020) and the new export of the poverty system write it; 低保户: known to no register.
HOUSEHOLD_KINDS = (
    "一般贫困户", "低保贫困户", "五保贫困户", "特困供养贫困户",
    "脱贫户", "边缘易致贫户", "突发严重困难户", "一般农户", "低保户",
)  # fmt: skip
EXPIRED = "这次搜索已过期，请重新输入姓名或号码。"


def _grades() -> list[tuple[str, list[tuple[str, str]]]]:
    """Options by stage; a label that two stages share says which is meant."""
    times = Counter(label for labels in GRADE_LABELS.values() for label in labels)
    return [
        (
            Stage(stage).label,
            [
                (f"{stage}-{n}", label if times[label] == 1 else f"{Stage(stage).label} {label}")
                for n, label in enumerate(labels, 1)
            ],
        )
        for stage, labels in GRADE_LABELS.items()
    ]


def _picker(url: str, options: list[tuple[str, str]], hint: str) -> forms.Select:
    """A select that asks the server while one types; `options` are there from the start."""
    attrs = {"data-pick": "", "data-pick-url": reverse_lazy(url), "placeholder": hint}
    return forms.Select(attrs, choices=[("", ALL), *options])


class SearchableFilter(django_filters.FilterSet):
    """A list with a posted search beside its filters. `term`: the term worked in, else the one chosen."""

    q = django_filters.CharFilter(method="by_search", widget=forms.HiddenInput)
    search = django_filters.CharFilter(method="as_it_is", label="查找")

    def __init__(self, data: Any, queryset: QuerySet, *, request: HttpRequest, term: Term | None = None, **kwargs: Any):
        key = (data or {}).get("q")
        self.query = searching.recalled(request, key)
        self.expired = bool(key) and self.query is None
        data = QueryDict(mutable=True) if data is None else data.copy()
        data["search"] = self.query.shown if self.query else ""
        super().__init__(data, queryset, request=request, **kwargs)
        self._term = term

    @property
    def term(self) -> Term:
        self._term = self._term or chosen_term(self.request)
        return self._term

    def as_it_is(self, rows: QuerySet, _name: str, _value: Any) -> QuerySet:
        """The words in the box are only shown; `q` says what is meant."""
        return rows

    def by_search(self, rows: QuerySet, _name: str, _key: str) -> QuerySet:
        return rows.filter(self.meaning(self.query)) if self.query else rows.none()

    def meaning(self, query: searching.Query) -> Q:
        raise NotImplementedError

    def pick(self, name: str, url: str, options: list[tuple[str, str]], hint: str) -> None:
        self.filters[name].extra["widget"] = _picker(url, options, hint)

    def pick_school(self) -> None:
        """`school`: the one its filter's code names, else None; others are offered when one types."""
        code = self.data.get("school", "")
        self.school = School.objects.filter(code=code).first() if code.isalnum() else None
        known = [(code, self.school.name)] if self.school else []
        self.pick("school", "school_pick", known, "校名、代码或首字母")

    def pick_place(self, name: str) -> None:
        """Townships of the own area are offered at once, other places when one types."""
        code = self.data.get(name, "")
        wanted = (
            Q(level="township", path__startswith=current_scope().path) if current_scope().path != "/" else Q(pk=None)
        )
        found = Region.objects.filter(wanted | Q(code=code)).order_by("path").values_list("code", "name")[:200]
        self.pick(name, "place_pick", list(found), "乡镇或村")


def searched(request: HttpRequest, url: str, kind: type[SearchableFilter]) -> Any:
    """After a posted filter form: to the list, the search under a key, everything else in the address."""
    params = QueryDict(mutable=True)
    for name in kind.base_filters:
        if (value := request.POST.get(name, "")) and name not in ("q", "search"):
            params[name] = value
    typed = request.POST.get("search", "").strip()
    kept = searching.recalled(request, request.POST.get("q"))
    if kept and typed == kept.shown:
        params["q"] = request.POST["q"]
    elif typed and (query := searching.understood(typed)).shown:
        params["q"] = searching.remember(request, query)
    address = resolve_url(url)
    return redirect(f"{address}?{params.urlencode()}" if params else address)


def under(field: str, code: str) -> Q:
    """Rows whose path lies in a division, by its code; nothing for what is no code."""
    if code.isdecimal() and len(code) in LEVELS:
        return Q(**{f"{field}__startswith": region_path(code)})
    return Q(pk=None)


def narrowed(found: django_filters.FilterSet) -> bool:
    """Whether any filter is set: an empty list then says something else."""
    found.form.is_valid()  # fills cleaned_data; a value that can't be read filters nothing
    return any(value not in EMPTY_VALUES for value in found.form.cleaned_data.values())


class EnrolmentFilter(SearchableFilter):
    """Who studies where in a term."""

    search = django_filters.CharFilter(method="as_it_is", label="姓名、首字母、证件号或学籍号")
    stage = django_filters.ChoiceFilter(label="学段", choices=Stage.choices, empty_label=ALL)
    school = django_filters.CharFilter(label="学校", method="of_school")
    category = django_filters.ChoiceFilter(
        label="困难类别（本学期）",
        choices=[("any", "任一困难类别"), *Category.choices],
        empty_label=ALL,
        method="with_category",
    )
    grade = django_filters.ChoiceFilter(label="年级", choices=_grades(), empty_label=ALL, method="in_grade")
    class_name = django_filters.CharFilter(label="班级")
    boarding = django_filters.ChoiceFilter(label="寄宿", choices=[("1", "寄宿"), ("0", "走读")], empty_label=ALL)
    place = django_filters.CharFilter(label="家庭所在乡镇、村", method="at_home_in")
    away = django_filters.ChoiceFilter(
        label="在外就读",
        choices=[("1", "学校与家庭不在同一县"), ("0", "在家庭所在县就读")],
        empty_label=ALL,
        method="studying_away",
    )

    class Meta:
        model = Enrolment
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.pick_school()
        self.pick_place("place")
        if HOME not in current_scope().sides:  # a school has only its own pupils
            self.filters["school"].extra["widget"] = forms.HiddenInput()

    def meaning(self, query: searching.Query) -> Q:
        return finding.of_student(query, "student__")

    def of_school(self, rows: QuerySet, _name: str, _code: str) -> QuerySet:
        return rows.filter(school_path=self.school.path) if self.school else rows.none()

    def in_grade(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        stage, _, grade = value.partition("-")
        return rows.filter(stage=stage, grade=grade)

    def with_category(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        held = hardships_in(self.term).filter(person=OuterRef("student"))
        if value == "any":
            return rows.filter(Exists(held) | roll_orphans(self.term))
        marked = roll_orphans(self.term) if value == Category.ORPHAN else Q()
        return rows.filter(Exists(held.filter(category=value)) | marked)

    def at_home_in(self, rows: QuerySet, _name: str, code: str) -> QuerySet:
        """The register's village in the own area. Of a child at home elsewhere only the roll's word is shown
        (students.places.home_shown), so nothing else may select it."""
        inside = current_scope().covers(region_path(code), HOME)
        return rows.filter(under("home_path" if inside else "hukou_region__path", code))

    def studying_away(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Home known, and the school in another county than home."""
        county = county_of(current_scope().path)
        if len(county) == COUNTY_PATH:
            # Every row in sight has one foot in the county; said this way the planner can estimate it.
            near = Q(home_path__startswith=county, school_path__startswith=county)
        else:
            near = Q(Exact(Left("home_path", COUNTY_PATH), Left("school_path", COUNTY_PATH)))
        return rows.filter(near) if value == "0" else rows.exclude(home_path="").exclude(near)


class HouseholdFilter(SearchableFilter):
    """Households of the registers."""

    search = django_filters.CharFilter(method="as_it_is", label="户编号、户主或成员姓名、证件号")
    place = django_filters.CharFilter(label="乡镇、村", method="in_place")
    kind = django_filters.ChoiceFilter(
        label="户类型",
        choices=[(kind, kind) for kind in HOUSEHOLD_KINDS],
        empty_label=ALL,
        lookup_expr="contains",
    )
    studying = django_filters.ChoiceFilter(label="有在读学生", choices=YES_NO, empty_label=ALL, method="with_students")

    class Meta:
        model = Household
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.pick_place("place")

    def meaning(self, query: searching.Query) -> Q:
        return finding.of_household(query)

    def in_place(self, rows: QuerySet, _name: str, code: str) -> QuerySet:
        return rows.filter(under("path", code))

    def with_students(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        enrolled = Exists(Enrolment.objects.in_term(self.term).filter(student=OuterRef("person")))
        studying = Exists(Member.objects.filter(enrolled, household=OuterRef("pk")))
        return rows.filter(studying if value == "1" else ~studying)


class SchoolFilter(django_filters.FilterSet):
    """Schools are no secret: their names may stand in the address."""

    name = django_filters.CharFilter(label="校名、代码或首字母", method="named")
    stage = django_filters.ChoiceFilter(label="学段", choices=Stage.choices, empty_label=ALL, method="of_stage")
    place = django_filters.CharFilter(label="所在乡镇、县", method="in_place")
    public = django_filters.ChoiceFilter(label="办学性质", choices=[("1", "公办"), ("0", "民办")], empty_label=ALL)
    where = django_filters.ChoiceFilter(
        label="范围", choices=[("away", "外地学校")], empty_label="本辖区学校", method="lying"
    )

    class Meta:
        model = School
        fields = ()

    def __init__(self, data: Any, queryset: QuerySet, *, request: HttpRequest, term: Term, **kwargs: Any):
        super().__init__(data, queryset, request=request, **kwargs)
        self.term = term
        code = self.data.get("place", "")
        known = list(Region.objects.filter(code=code).values_list("code", "name")) if code else []
        self.filters["place"].extra["widget"] = _picker("place_pick", known, "乡镇或县")

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """Without a choice: schools of the own area."""
        rows = super().filter_queryset(queryset)
        return rows if self.form.cleaned_data.get("where") else rows.filter(path__startswith=current_scope().path)

    def named(self, rows: QuerySet, _name: str, text: str) -> QuerySet:
        return rows.filter(finding.of_school(text.strip()))

    def of_stage(self, rows: QuerySet, _name: str, stage: str) -> QuerySet:
        return rows.filter(stages__contains=[stage])

    def in_place(self, rows: QuerySet, _name: str, code: str) -> QuerySet:
        return rows.filter(under("path", code))

    def lying(self, rows: QuerySet, _name: str, _value: str) -> QuerySet:
        """Elsewhere, with children in sight: one pass over the enrolments gives the few schools."""
        seen = Enrolment.objects.in_term(self.term).exclude(school_path__startswith=current_scope().path)
        return rows.filter(path__in=seen.order_by().values("school_path").distinct())


class ImportFilter(django_filters.FilterSet):
    """The history of imports."""

    kind = django_filters.ChoiceFilter(label="名单", choices=RosterKind.choices, empty_label=ALL)
    term = django_filters.ChoiceFilter(label="学期", empty_label=ALL)
    state = django_filters.ChoiceFilter(label="状态", choices=FileState.choices, empty_label=ALL)

    class Meta:
        model = ImportFile
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        codes = ImportFile.objects.order_by("-term").values_list("term", flat=True).distinct()
        self.filters["term"].extra["choices"] = [(code, Term.parse(code).label) for code in codes]


class RowFilter(django_filters.FilterSet):
    """Rows of one imported file."""

    state = django_filters.ChoiceFilter(choices=[pair for pair in RowState.choices if pair[0] != RowState.READ])
    reason = django_filters.CharFilter(method="for_reason")
    warned = django_filters.CharFilter(method="with_warnings")

    class Meta:
        model = ImportRow
        fields = ()

    def for_reason(self, rows: QuerySet, _name: str, code: str) -> QuerySet:
        return rows.filter(reasons__contains=[code])

    def with_warnings(self, rows: QuerySet, _name: str, _value: str) -> QuerySet:
        return rows.exclude(warnings=[])


class EditFilter(RowFilter):
    """Rows of a 数据版 that came back, what waits for somebody first; `key`: those whose cell of that column differs."""

    key = django_filters.CharFilter(method="with_cell")

    def with_cell(self, rows: QuerySet, _name: str, key: str) -> QuerySet:
        return rows.filter(changes__has_key=key)

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        waiting_first = [RowState.REVIEW, RowState.REJECTED, RowState.CHANGED]
        place = Case(*(When(state=state, then=at) for at, state in enumerate(waiting_first)), default=len(waiting_first))
        return super().filter_queryset(queryset).order_by(place, "number")


class ReviewFilter(django_filters.FilterSet):
    """Rows of committed files that a clerk has to decide on."""

    reason = django_filters.ChoiceFilter(label="原因", empty_label=ALL, method="for_reason")
    kind = django_filters.ChoiceFilter(label="名单", choices=RosterKind.choices, empty_label=ALL, field_name="file__kind")
    asked = django_filters.ChoiceFilter(
        label="进展", choices=[("0", "还没有办"), ("1", "已请别的单位确认")], empty_label=ALL, method="so_far"
    )
    file = django_filters.ModelChoiceFilter(label="文件", queryset=ImportFile.objects.none, empty_label=ALL)

    class Meta:
        model = ImportRow
        fields = ()

    def __init__(self, data: Any, queryset: QuerySet, *, reasons: dict[str, str], **kwargs: Any):
        super().__init__(data, queryset, **kwargs)
        self.filters["reason"].extra["choices"] = list(reasons.items())
        self.filters["file"].queryset = ImportFile.objects.committed().filter(counts__review__gt=0)

    def for_reason(self, rows: QuerySet, _name: str, code: str) -> QuerySet:
        return rows.filter(reasons__contains=[code])

    def so_far(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        asked = Exists(Decision.objects.filter(row=OuterRef("pk"), state=DecisionState.ASKED))
        return rows.filter(asked if value == "1" else ~asked)


class DecisionFilter(django_filters.FilterSet):
    """What was decided, asked and answered."""

    whose = django_filters.ChoiceFilter(
        label="谁办", choices=[("answer", "别的单位请本单位确认"), ("ours", "本单位的决定")], empty_label=ALL, method="by_side"
    )
    state = django_filters.ChoiceFilter(label="状态", choices=DecisionState.choices, empty_label=ALL)
    outcome = django_filters.ChoiceFilter(label="决定", choices=Outcome.choices, empty_label=ALL)

    class Meta:
        model = Decision
        fields = ()

    def by_side(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        here = current_scope().path
        return rows.filter(path__startswith=here) if value == "ours" else rows.filter(other_path__startswith=here)


class SuspectFilter(django_filters.FilterSet):
    """People who may be one."""

    state = django_filters.ChoiceFilter(label="状态", choices=SuspectState.choices, empty_label=ALL)
    rung = django_filters.ChoiceFilter(label="依据", choices=list(RUNGS.items()), empty_label=ALL)

    class Meta:
        model = Suspect
        fields = ()
