"""Forms of plans, of the steps of trainees (for one line or for all that a filter finds), of visits and calls."""

from __future__ import annotations

from typing import Any

from django import forms
from django.urls import reverse_lazy

from aidcases.flow import Refused
from aidcases.models import School
from subsidies.giving.forms import on_day, words
from subsidies.models.vocational import ContactWay, Outcome, Schooling, Unwilling, Wage
from subsidies.vocational.planning import institution

NONE_YET = [("", "不清楚")]


def people(label: str, **also: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=0, max_value=1_000_000, initial=0, **also)


class InstitutionField(forms.CharField):
    """An institution by its code or whole name, as a School; offered as one types."""

    def __init__(self, **also: Any):
        attrs = {"data-pick": "", "data-pick-url": reverse_lazy("school_pick"), "placeholder": "校名、代码或首字母"}
        super().__init__(label="院校", max_length=80, widget=forms.Select(attrs), **also)

    def get_bound_field(self, form: Any, field_name: str) -> Any:
        """What was chosen stays chosen when the form comes back."""
        bound = super().get_bound_field(form, field_name)
        typed = str(bound.value() or "")
        name = School.objects.filter(code=typed).values_list("name", flat=True).first() if typed else None
        assert isinstance(self.widget, forms.Select)
        self.widget.choices = [("", "请选择"), *([(typed, name or typed)] if typed else [])]
        return bound

    def clean(self, value: Any) -> Any:
        typed = super().clean(value)
        try:
            return institution(typed) if typed else None
        except Refused as refused:
            raise forms.ValidationError(refused.reasons) from None


class PlanForm(forms.Form):
    """The year's task in people."""

    degree = people("学历教育计划（人）")
    training = people("职业培训计划（人）")
    document = words("依据文件", 120, required=False, help_text="文件名称和文号。")


class PlaceForm(forms.Form):
    """What one institution takes."""

    school = InstitutionField()
    degree = people("学历教育（人）")
    training = people("职业培训（人）", help_text="两项都写 0，去掉这所院校。")


class DeclineForm(forms.Form):
    """Why somebody does not want to."""

    why = forms.ChoiceField(label="原因", choices=Unwilling.choices)
    note = words("说明", 200, required=False)


class EnrolForm(forms.Form):
    """Where somebody is taken in."""

    school = InstitutionField()
    kind = forms.ChoiceField(label="类别", choices=Schooling.choices)
    major = words("专业（工种）", 60, required=False)
    from_on = on_day("入学（开班）日期")
    to_on = on_day("计划结业日期", required=False)


class FinishForm(forms.Form):
    """The end of a course."""

    finished_on = on_day("结业日期")
    certificate = words("证书", 80, help_text="例如：中职毕业证、焊工初级证；没有的写“无证书”。")


class EmployForm(forms.Form):
    """A job."""

    employer = words("就业单位", 80, help_text="自己干的写“自主创业”。")
    post = words("岗位", 40, required=False)
    wage = forms.ChoiceField(label="月收入", choices=[*NONE_YET, *Wage.choices], required=False)
    place = words("就业地点", 60, required=False)
    outcome_on = on_day("就业日期")


class StudyForm(forms.Form):
    """Another school."""

    onward = words("升入院校", 80)
    outcome_on = on_day("升学日期")


class NeitherForm(forms.Form):
    """Neither at work nor at school."""

    outcome_on = on_day("了解日期")
    note = words("说明", 200, required=False)


class NoteForm(forms.Form):
    """A reason."""

    note = words("原因", 200)


class NothingForm(forms.Form):
    """A step that needs no words."""


# By step, in the order in which they are shown.
OF_STEP: dict[str, type[forms.Form]] = {
    "agree": NothingForm, "decline": DeclineForm, "enrol": EnrolForm, "finish": FinishForm, "employ": EmployForm,
    "study_on": StudyForm, "neither": NeitherForm, "quit": NoteForm, "strike": NoteForm, "restore": NothingForm,
}  # fmt: skip
FOR_MANY = ("agree", "decline", "enrol", "finish", "strike")


class ContactForm(forms.Form):
    """A visit or call."""

    contacted_on = on_day("日期")
    way = forms.ChoiceField(label="方式", choices=ContactWay.choices)
    who = words("谁去联系的", 60)
    note = words("了解到的情况", 300, rows=3, help_text="证件号码和电话会自动遮盖。")


class PhoneForm(forms.Form):
    """The person's own number."""

    phone = words("本人电话", 20, help_text="加密保存；要删除，写“无”。")


class CallForm(forms.Form):
    """What a yearly call found."""

    called_on = on_day("回访日期")
    result = forms.ChoiceField(label="去向", choices=[("", "请选择"), *Outcome.choices])
    employer = words("单位（院校）", 80, required=False, help_text="就业、升学的要填。")
    post = words("岗位（专业）", 40, required=False)
    wage = forms.ChoiceField(label="月收入", choices=[*NONE_YET, *Wage.choices], required=False)
    place = words("所在地", 60, required=False)
    remark = words("情况和需求", 200, required=False, rows=2)
