"""Filters of entitlements, changes and children of the priority categories."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet

from aidcases import searching
from aidcases.models import Region
from aidcases.models.places import region_path
from aidcases.scoping import HOME, current_scope
from students import finding
from students.enums import Category, Stage
from students.facts import hardships_in, roll_orphans
from students.filters import ALL, EnrolmentFilter, SearchableFilter
from subsidies import board
from subsidies.board import COVERED, standing_as
from subsidies.enums import Delivery
from subsidies.gains import GAIN, LOSE
from subsidies.models import Benefit, Entitlement, EntitlementChange, RehearsalRow, Rule, RulePack

CHANGED = {"changed": "金额或依据变了", "withdrawn": "不再享受"}


def _rules() -> list[tuple[str, str]]:
    """Rules of the newest versions; a code means the rule in every version."""
    newest = Rule.objects.filter(pack__in=RulePack.objects.newest().values("pk"))
    return list(newest.order_by("pack__code", "order").values_list("code", "title"))


class WholeNumber(django_filters.Filter):
    """A row's number out of an address."""

    field_class = forms.IntegerField


class OfBenefit(SearchableFilter):
    """What lists of entitlements and of their changes share: whose, of what, where."""

    search = django_filters.CharFilter(method="as_it_is", label="姓名、首字母、证件号或学籍号")
    term = django_filters.CharFilter(method="as_it_is", widget=forms.HiddenInput)  # a search stays in its term
    benefit = django_filters.ModelChoiceFilter(
        label="资助项目", queryset=Benefit.objects.all(), to_field_name="code", empty_label=ALL
    )
    school = django_filters.CharFilter(label="学校", method="of_school")

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.data["term"] = self.term.code
        if HOME not in current_scope().sides:  # whoever acts for a school need not choose one
            del self.filters["school"]
            return
        self.pick_school()

    def meaning(self, query: searching.Query) -> Q:
        return finding.of_student(query, "student__")

    def of_school(self, rows: QuerySet, _name: str, _code: str) -> QuerySet:
        return rows.filter(school_path=self.school.path) if self.school else rows.none()


class EntitlementFilter(OfBenefit):
    """student × benefit of a term. `delivery` stands as tabs above the list; `run` comes from a link."""

    stage = django_filters.ChoiceFilter(
        label="学段", field_name="enrolment__stage", choices=Stage.choices, empty_label=ALL
    )
    category = django_filters.ChoiceFilter(
        label="困难类别（本学期）",
        choices=[("any", "任一困难类别"), *Category.choices],
        empty_label=ALL,
        method="with_category",
    )
    delivery = django_filters.ChoiceFilter(
        field_name="rule__delivery", choices=Delivery.choices, widget=forms.HiddenInput
    )
    rule = django_filters.ChoiceFilter(label="依据的规则", field_name="rule__code", choices=_rules, empty_label=ALL)
    county = django_filters.ChoiceFilter(label="县区", empty_label=ALL, method="of_county")
    run = WholeNumber(field_name="run_id", widget=forms.HiddenInput, min_value=1)

    class Meta:
        model = Entitlement
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if board.above_counties():
            counties = Region.objects.under(current_scope().path).filter(level="county").order_by("code")
            self.filters["county"].extra["choices"] = counties.values_list("code", "name")
        else:
            del self.filters["county"]

    def with_category(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        held = hardships_in(self.term).filter(person=OuterRef("student"))
        if value == "any":
            return rows.filter(Exists(held) | roll_orphans(self.term, "enrolment__"))
        marked = roll_orphans(self.term, "enrolment__") if value == Category.ORPHAN else Q()
        return rows.filter(Exists(held.filter(category=value)) | marked)

    def of_county(self, rows: QuerySet, _name: str, code: str) -> QuerySet:
        return rows.of(region_path(code))


class ChangeFilter(OfBenefit):
    """Rows that runs changed or withdrew."""

    kind = django_filters.ChoiceFilter(label="变动", choices=list(CHANGED.items()), empty_label=ALL, method="of_kind")
    run = WholeNumber(field_name="run_id", widget=forms.HiddenInput, min_value=1)

    class Meta:
        model = EntitlementChange
        fields = ()

    def of_kind(self, rows: QuerySet, _name: str, kind: str) -> QuerySet:
        return rows.filter(new_rule__isnull=kind == "withdrawn")


class CoverageFilter(EnrolmentFilter):
    """Children of the priority categories by what they get."""

    term = django_filters.CharFilter(method="as_it_is", widget=forms.HiddenInput)
    covered = django_filters.ChoiceFilter(choices=list(COVERED.items()), method="standing_so", widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.data["term"] = self.term.code

    def standing_so(self, rows: QuerySet, _name: str, covered: str) -> QuerySet:
        return rows.filter(standing_as(covered, self.term))


class RehearsalRowFilter(django_filters.FilterSet):
    """Rows of a rehearsal: who gains, who loses, by which rule. `view` keeps the list open."""

    view = django_filters.CharFilter(method="as_it_is", widget=forms.HiddenInput)
    side = django_filters.ChoiceFilter(
        label="增减", choices=[("gain", "增加"), ("lose", "减少")], empty_label=ALL, method="on_side"
    )
    rule = django_filters.ChoiceFilter(label="规则", empty_label=ALL, method="by_rule")

    class Meta:
        model = RehearsalRow
        fields = ()

    def __init__(self, *args: Any, titles: dict[str, str], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.filters["rule"].extra["choices"] = list(titles.items())

    def as_it_is(self, rows: QuerySet, _name: str, _value: str) -> QuerySet:
        return rows

    def on_side(self, rows: QuerySet, _name: str, side: str) -> QuerySet:
        return rows.filter(GAIN if side == "gain" else LOSE)

    def by_rule(self, rows: QuerySet, _name: str, code: str) -> QuerySet:
        """As the rehearsal's figures count: by the new rule, by the old one where nothing follows."""
        return rows.filter(Q(new_rule=code) | Q(new_rule__isnull=True, old_rule=code))
