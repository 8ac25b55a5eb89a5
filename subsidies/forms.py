"""Forms of the subsidies pages."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms

from aidcases.models import Region
from aidcases.models.places import LEVELS
from aidcases.scoping import current_scope
from aidcases.terms import EARLIEST, Term, UnknownTerm
from students.places import Places, codes_of
from subsidies.clauses import LONGEST as LONGEST_CLAUSE
from subsidies.models import PackDraft, RulePack
from subsidies.packwords import LATEST

LONGEST = 200_000  # characters of a pack's text; the longest shipped one has under 20,000


class RecomputeForm(forms.Form):
    """Which term to compute; the region is always the own one."""

    term = forms.CharField(widget=forms.HiddenInput)
    marked_only = forms.BooleanField(required=False, label="只算资料有变化的学生")

    def clean_term(self) -> Term:
        try:
            return Term.parse(self.cleaned_data["term"])
        except UnknownTerm as problem:
            raise forms.ValidationError(str(problem)) from None


class NewDraftForm(forms.Form):
    """What a draft begins with: a published pack's text, or the template."""

    pack = forms.ChoiceField(label="从哪份政策开始", required=False)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        newest = RulePack.objects.newest()
        self.fields["pack"].choices = [("", "空白（带说明的样例）"), *((pack.code, str(pack)) for pack in newest)]


class DraftForm(forms.Form):
    """A draft's text; `seen`: digest of the text the editor began with."""

    text = forms.CharField(
        label="条文",
        strip=False,
        max_length=LONGEST,
        widget=forms.Textarea(
            attrs={"rows": 30, "class": "font-monospace small", "wrap": "off", "spellcheck": "false", "autocomplete": "off"}
        ),
        help_text="Ctrl+S 保存。每停一下就检查一遍；有错也可以先保存，改好了才能发布。",
    )
    seen = forms.CharField(widget=forms.HiddenInput)

    def clean_text(self) -> str:
        """Browsers send line ends as CR LF; a pack's digest is of its lines."""
        return self.cleaned_data["text"].replace("\r\n", "\n")


class ClauseForm(forms.Form):
    """The full text of one clause; `seen`: number of the version the editor began with, 0 for none."""

    clause = forms.CharField(max_length=80, widget=forms.HiddenInput)
    seen = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    text = forms.CharField(
        label="条款原文",
        required=False,
        max_length=LONGEST_CLAUSE,
        error_messages={"max_length": "原文有 %(show_value)d 个字，最多 %(limit_value)d 个字；请只粘贴这一条。"},
        widget=forms.Textarea(attrs={"rows": 8, "autocomplete": "off"}),
        help_text="从文件里复制这一条，粘贴成纯文字，分行会保留。本单位和下级单位都能看到；清空后保存就不再显示，以前的仍留有记录。",
    )

    def clean_text(self) -> str:
        return self.cleaned_data["text"].replace("\r\n", "\n").replace("\r", "\n")


class AdoptionForm(forms.Form):
    """From which day the own region is to adopt the policy, or to end it."""

    what = forms.ChoiceField(label="采用还是停用", choices=[("adopt", "采用"), ("end", "停用")])
    from_on = forms.DateField(
        label="从哪天起",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "请写成 2026-09-01 这样的日期。"},
        help_text="学期第一天（9 月 1 日、3 月 1 日）已经采用的，这个学期就按它算；学期中间的日期从下一个学期起算。",
    )

    def clean_from_on(self) -> date:
        day = self.cleaned_data["from_on"]
        if not EARLIEST <= day < LATEST:
            raise forms.ValidationError("年份不对。")
        return day


class RehearsalForm(forms.Form):
    """Which term and which part of the own area to rehearse."""

    term = forms.ChoiceField(label="学期")
    place = forms.ChoiceField(label="地区")

    def __init__(self, *args: Any, terms: list[str], draft: PackDraft, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["term"].choices = [(code, Term.parse(code).label) for code in terms]
        self.paths = dict.fromkeys([draft.path, current_scope().path, *_one_level_below(draft.path)])
        named = Places(self.paths)
        self.fields["place"].choices = [(path, named.label(path) or "全部地区") for path in self.paths]

    def clean_term(self) -> Term:
        return Term.parse(self.cleaned_data["term"])


def _one_level_below(path: str) -> list[str]:
    """Paths of the divisions a city's counties, a county's townships are."""
    longest = len((codes_of(path) or [""])[-1])
    below = next((level for length, level in LEVELS.items() if length > longest), None)
    if below in (None, "village"):  # a change of policy is not weighed by the village
        return []
    return list(Region.objects.under(path).filter(level=below).order_by("path").values_list("path", flat=True))
