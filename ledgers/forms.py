"""Which part of a ledger to look at, and what to generate of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.http import HttpRequest

from aidcases import spans
from aidcases.spans import Span
from aidcases.terms import Term, UnknownTerm
from aidcases.web import chosen_term, known_terms
from ledgers.areas import Area, areas
from ledgers.models import CountyForm

# Said the same way by page, command and documents.
FLAT = "一行表头、没有合并单元格，便于筛选和再导入"
LAYOUTS = [
    ("report", "上报版：带标题、填报单位、合计和签字栏，A4 横向打印"),
    ("flat", f"数据版：{FLAT}"),
]
PURPOSES = ("报送市教育局", "报送县乡村振兴部门", "核对学籍和资助名单", "迎接检查", "存档")


class ChoiceOfArea(forms.Form):
    """Term, or with `years` a school or calendar year as well, and area; anything unknown falls back to the term one works
    in and the own area. term: the last one of the span."""

    term = forms.ChoiceField(label="学期")
    area = forms.ChoiceField(label="范围", widget=forms.Select(attrs={"data-pick": ""}))

    def __init__(self, request: HttpRequest, *, years: bool = False, **kwargs: Any):
        groups = areas()
        self.areas = {area.path: area for group in groups.values() for area in group}
        asked, area = asked_span(request), request.GET.get("area", "")
        self.span = asked if years or asked.kind == "term" else spans.of_term(asked.terms[-1])
        chosen = {"term": self.span.code, "area": area if area in self.areas else next(iter(self.areas))}
        super().__init__(chosen, **kwargs)
        codes = list(dict.fromkeys([*known_terms(request), *(term.code for term in self.span.terms)]))
        terms = [(code, Term.parse(code).label) for code in codes]
        self.fields["term"].choices = spans_offered(codes) if years else terms
        if years:
            self.fields["term"].label = "学期或年度"
        self.fields["area"].choices = [
            (name, told_apart(group)) for name, group in groups.items() if group
        ]
        self.term, self.area = self.span.terms[-1], self.areas[chosen["area"]]
        if len(self.areas) == 1:
            self.fields["area"].widget = forms.HiddenInput()


def asked_span(request: HttpRequest) -> Span:
    """?term=: a term, a calendar or a school year; else the term the person works in."""
    try:
        return spans.of_terms(request.GET.get("term", ""))
    except UnknownTerm:
        return spans.of_term(chosen_term(request))


def spans_offered(terms: Iterable[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Terms, and the school and calendar years they lie in, the newest first, as groups of options."""
    known = [Term.parse(code) for code in terms]
    school = sorted({term.school_year for term in known}, reverse=True)
    calendar = sorted({term.year for term in known}, reverse=True)
    return [
        ("学期", [(term.code, term.label) for term in known]),
        ("学年", [(span.code, span.label) for span in map(spans.of_school_year, school)]),
        ("年度", [(str(year), f"{year} 年") for year in calendar]),
    ]


def told_apart(group: list[Area]) -> list[tuple[str, str]]:
    """(path, name) as options; a name that repeats says its code as well: the end of the path."""
    times = Counter(area.name for area in group)
    return [
        (area.path, area.name if times[area.name] == 1 else f"{area.name}（{area.path.strip('/').rpartition('/')[2]}）")
        for area in group
    ]


class IssueForm(forms.Form):
    """What to generate and for what. Numbers in clear are offered only to who may have them."""

    term = forms.CharField(widget=forms.HiddenInput)
    area = forms.CharField(widget=forms.HiddenInput)
    layout = forms.ChoiceField(label="版式", choices=LAYOUTS, initial="report", widget=forms.RadioSelect)
    purpose = forms.CharField(
        label="用途",
        max_length=120,
        help_text="记入操作记录。",
        widget=forms.TextInput(attrs={"list": "purposes", "autocomplete": "off"}),
    )
    unmasked = forms.BooleanField(
        label="证件号码、学籍号、电话显示全部数字",
        required=False,
        help_text="只在上级要求时使用；不选则只显示后四位。",
    )

    def __init__(self, *args: Any, may_unmask: bool, own: Sequence[CountyForm] = (), **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._own = {f"form-{form.pk}": form for form in own}
        offered = [(code, f"本单位表样：{form}") for code, form in self._own.items()]
        self.fields["layout"].choices = [*LAYOUTS, *offered]
        if not may_unmask:
            del self.fields["unmasked"]

    @property
    def own_form(self) -> CountyForm | None:
        """Of a valid form: the office's own form it is to be written into."""
        return self._own.get(self.cleaned_data["layout"])

    def clean_term(self) -> Span:
        try:
            return spans.of_terms(self.cleaned_data["term"])
        except UnknownTerm as problem:
            raise forms.ValidationError(str(problem)) from None


def chosen_area(path: str) -> Area | None:
    """The area of a posted path, if it is among those whoever acts may choose."""
    found = (area for group in areas().values() for area in group)
    return next((area for area in found if area.path == path), None)
