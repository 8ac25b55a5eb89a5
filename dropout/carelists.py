"""Lists and tables of the children in care: the filter they share, 残疾儿童 by school and kind, 随迁子女 by school and origin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import django_filters
from django import forms
from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Left
from django.db.models.lookups import Exact

from aidcases.models.places import region_names
from aidcases.scoping import HOME, current_scope
from aidcases.searching import Query
from aidcases.terms import Term
from dropout import caring
from dropout.enums import CareKind
from students import finding
from students.enums import Stage
from students.filters import ALL, COUNTY_PATH, SearchableFilter, under
from students.models import Student

TOWNSHIP_PATH = len("/62/6201/620123/620123100/")
PROVINCE_PATH = len("/62/")
# 三类残疾 and the rest; who has several is counted with the rest.
KINDS = {"vision": "视力", "hearing": "听力", "mind": "智力", "other": "其他"}
# Like the rate of enrolment: a place in a kindergarten is none in a school.
ENROLLED = Q(here__stage__in=[stage for stage in Stage if stage != Stage.PRESCHOOL])
NOT_ENROLLED = Q(here__id__isnull=True) | Q(here__stage=Stage.PRESCHOOL)
ORIGINS = [("in", "省内其他县"), ("out", "外省")]


def disability() -> Case:
    """The kind of a child of `caring.children`, by what is said of it."""
    said = "said__contains"
    return Case(
        When(Q(**{said: "多重"}) | Q(**{said: "综合"}), then=Value("other")),
        When(**{said: "视力"}, then=Value("vision")),
        When(Q(**{said: "听力"}) | Q(**{said: "言语"}), then=Value("hearing")),
        When(**{said: "智力"}, then=Value("mind")),
        default=Value("other"),
        output_field=CharField(),
    )


def _choice(label: str, choices: list[tuple[str, str]], method: str) -> django_filters.ChoiceFilter:
    return django_filters.ChoiceFilter(label=label, choices=choices, empty_label=ALL, method=method)


class CareFilter(SearchableFilter):
    """Children of one kind (`kind` is the view's: it is no condition of its own)."""

    search = django_filters.CharFilter(method="as_it_is", label="姓名、首字母或证件号")
    kind = django_filters.CharFilter(method="as_it_is", widget=forms.HiddenInput)
    file = _choice("档案", [("1", "有档案"), ("0", "没有档案")], "with_file")
    visit = _choice("本学期走访", [("0", "没有走访"), ("1", "走访过")], "with_visit")
    marked = _choice("名单", [("1", "本学期名单上有"), ("0", "只有档案")], "on_list")
    school = django_filters.CharFilter(label="学校", method="of_school")
    place = django_filters.CharFilter(label="家庭所在乡镇、村", method="at_home_in")
    what = _choice("残疾类别", list(KINDS.items()), "of_disability")
    enrolled = _choice("就学", [("1", "已入学"), ("0", "没有入学")], "on_roll")
    age = _choice("年龄", [("1", "适龄（6 至 14 周岁）"), ("0", "不在适龄范围")], "of_age")
    stage = _choice("学段", list(Stage.choices), "in_stage")
    origin = django_filters.CharFilter(label="户口来自", method="from_place", widget=forms.Select)

    class Meta:
        model = Student
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.pick_school()
        self.pick_place("place")
        origin = self.data.get("origin", "")
        named = [(origin, region_names([origin]).get(origin, origin))] if origin.isdecimal() else []
        self.filters["origin"].extra["widget"] = forms.Select(choices=[("", ALL), *ORIGINS, *named])
        kind = self.data.get("kind", "")
        only = {
            "what": CareKind.DISABLED,
            "enrolled": CareKind.DISABLED,
            "age": CareKind.DISABLED,
            "origin": CareKind.MIGRANT,
        }
        hidden = [name for name, where in only.items() if kind != where]
        if HOME not in current_scope().sides:  # a school has only its own pupils
            hidden += ["school", "place"]
        for name in hidden:
            self.filters[name].extra["widget"] = forms.HiddenInput()

    def meaning(self, query: Query) -> Q:
        return finding.of_student(query)

    def with_file(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(file__id__isnull=value == "0")

    def on_list(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Whom the roll or a register marks in the term, file or not."""
        listed = Q(pk__in=caring.flagged(self.data["kind"], self.term))
        return rows.filter(listed if value == "1" else ~listed)

    def with_visit(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        there = Exists(caring.visited(self.term).filter(student=OuterRef("pk")))
        return rows.filter(there if value == "1" else ~there)

    def of_school(self, rows: QuerySet, _name: str, _code: str) -> QuerySet:
        return rows.filter(here__school=self.school) if self.school else rows.none()

    def at_home_in(self, rows: QuerySet, _name: str, code: str) -> QuerySet:
        """In the own area only: of others the register's village is not shown."""
        if HOME not in current_scope().sides:
            return rows.none()
        return rows.filter(under("person__home_path", code), person__home_path__startswith=current_scope().path)

    def of_disability(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.annotate(what=disability()).filter(what=value)

    def on_roll(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(ENROLLED if value == "1" else NOT_ENROLLED)

    def of_age(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        aged = caring.school_age(self.term)
        return rows.filter(aged if value == "1" else ~aged)

    def in_stage(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(here__stage=value)

    def from_place(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        if value in ("in", "out"):
            return rows.filter(_same_province() if value == "in" else ~_same_province())
        return rows.filter(under("here__hukou_region__path", value))


def _same_province() -> Q:
    return Q(Exact(Left("here__hukou_region__path", PROVINCE_PATH), Left("here__school_path", PROVINCE_PATH)))


# --- tables --------------------------------------------------------------------------------------------------------


def disabled_by_school(term: Term, area: str = "/") -> list[dict[str, Any]]:
    """School-age disabled children by where they learn, and the townships of those on no roll: rows of .label .school
    .place (codes), .enrolled and .out ({kind: n, "all": n}), .total, .rate (per cent), the sum of all first. `area`: at
    home or at school under a path. One query for the counts, one for the names of townships."""
    marked = Q(pk__in=caring.flagged(CareKind.DISABLED, term))
    rows = caring.children(CareKind.DISABLED, term).filter(marked, caring.school_age(term), within(area)).order_by()
    known = {"default": Value(""), "output_field": CharField()}
    counted = (
        rows.annotate(
            what=disability(),
            code=Case(When(ENROLLED, then=F("here__school__code")), **known),
            name=Case(When(ENROLLED, then=F("here__school__name")), **known),
            where=Case(When(NOT_ENROLLED, then=Left("person__home_path", TOWNSHIP_PATH)), **known),
        )
        .values("code", "name", "where", "what")
        .annotate(n=Count("pk"))
    )
    lines: dict[tuple[str, str, str], dict[str, Any]] = {("", "", "合计"): _empty()}
    found = list(counted)
    names = region_names(_code(row["where"]) for row in found)
    for row in sorted(found, key=lambda row: (row["where"], row["code"])):
        code = _code(row["where"])
        label = row["name"] or f"{names.get(code, '家庭所在地不明')}（没有入学）"
        for key in (("", "", "合计"), (row["code"], code, label)):
            side = lines.setdefault(key, _empty())["enrolled" if row["code"] else "out"]
            side[row["what"]] += row["n"]
            side["all"] += row["n"]
    return [_line(key, line) for key, line in lines.items()]


def _empty() -> dict[str, dict[str, int]]:
    return {side: dict.fromkeys((*KINDS, "all"), 0) for side in ("enrolled", "out")}


def _line(key: tuple[str, str, str], line: dict[str, dict[str, int]]) -> dict[str, Any]:
    enrolled, total = line["enrolled"]["all"], line["enrolled"]["all"] + line["out"]["all"]
    rate = round(100 * enrolled / total, 1) if total else None
    return {"school": key[0], "place": key[1], "label": key[2], **line, "total": total, "rate": rate}


def _code(path: str | None) -> str:
    return (path or "").strip("/").rpartition("/")[2]


def within(area: str) -> Q:
    """Students at home or at school under a path."""
    if area == "/":
        return Q()
    return Q(person__home_path__startswith=area) | Q(person__school_path__startswith=area)


def migrants_by_school(term: Term) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Children whose hukou lies in another county than their school: (by school and stage: .name .code .stage .label
    .near .far .all; by origin: .province .county .code .n), each sorted. Two queries."""
    rows = caring.children(CareKind.MIGRANT, term).filter(pk__in=caring.flagged(CareKind.MIGRANT, term))
    counted = list(
        rows.order_by()
        .annotate(
            origin=Left("here__hukou_region__path", COUNTY_PATH),
            near=Case(When(_same_province(), then=Value(True)), default=Value(False)),
        )
        .values("here__school__code", "here__school__name", "here__stage", "origin", "near")
        .annotate(n=Count("pk"))
    )
    return _by_school(counted), _by_origin(counted)


def _by_school(counted: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    lines: dict[tuple[str, str, str], dict[str, int]] = defaultdict(lambda: {"near": 0, "far": 0, "all": 0})
    for row in counted:
        line = lines[row["here__school__name"], row["here__school__code"], row["here__stage"]]
        line["near" if row["near"] else "far"] += row["n"]
        line["all"] += row["n"]
    stages = list(Stage.values)
    ordered = sorted(lines.items(), key=lambda item: (item[0][1], stages.index(item[0][2])))
    return [
        {"name": name, "code": code, "stage": stage, "label": Stage(stage).label, **line}
        for (name, code, stage), line in ordered
    ]


def _by_origin(counted: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    origins: dict[str, int] = defaultdict(int)
    for row in counted:
        origins[row["origin"]] += row["n"]
    names = region_names(step for path in origins for step in path.strip("/").split("/"))
    lines = []
    for path, n in origins.items():
        codes = path.strip("/").split("/")
        county = "".join(names.get(code, "") for code in codes[1:] if names.get(code, "") not in ("市辖区", "县"))
        lines.append({"province": names.get(codes[0], codes[0]), "county": county or "不明", "code": codes[-1], "n": n})
    return sorted(lines, key=lambda line: (-line["n"], line["code"]))
