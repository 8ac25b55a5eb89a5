"""What the board is asked, out of the address, and the form of a 未助原因."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms

from aidcases.models import School
from aidcases.terms import Term
from subsidies.models.reasons import Unaided
from subsidies.payments.board import GROUPS, Question
from subsidies.payments.cells import COLUMNS, Status
from subsidies.payments.offered import Offered

ANY = [("", "全部")]
# Each state once, with what several are together before its parts.
STATES = [
    ("owed", "应助"), (Status.PAID, "已助"), ("unaided", "未助（全部）"), (Status.DUE, "未助：没有写原因"),
    (Status.UNPAID, "未助：有原因"), (Status.SUSPENDED, "未助：暂停"), ("underway", "办理中和退票"), (Status.PROCESS, "办理中"),
    (Status.BOUNCED, "退票"), (Status.SETTLE, "待结算"), (Status.CLAIM, "可申请"), (Status.NOT_DUE, "不应助"),
    (Status.NA, "不适用"), (Status.ERROR, "与政策不符"),
]  # fmt: skip


class NamesForm(forms.Form):
    """Which cells. What stands behind a figure of the board is in its address."""

    benefit = forms.ChoiceField(label="资助项目", required=False)
    category = forms.ChoiceField(
        label="困难类别", required=False, choices=[*ANY, *((code, label) for code, (label, _) in COLUMNS.items())]
    )
    status = forms.ChoiceField(label="情况", required=False, choices=[*ANY, *STATES])
    term = forms.CharField(required=False, widget=forms.HiddenInput)
    county = forms.CharField(required=False, max_length=6, widget=forms.HiddenInput)
    school = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)
    detail = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    student = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def __init__(self, data: dict[str, Any], *, offered: Offered):
        """A figure of the board that is one state alone (silent) is asked for by that state."""
        _, alone = GROUPS.get(data["status"], ("", ()))
        super().__init__({**data, "status": alone[0]} if len(alone) == 1 else data)
        self.codes = {benefit.code: benefit.pk for benefit in offered.benefits}
        self.fields["benefit"].choices = [*ANY, *((benefit.code, benefit.name) for benefit in offered.benefits)]

    def question(self, term: Term, day: date, path: str) -> Question:
        """What the filled-in form asks; a value that can't be read asks for nothing in particular."""
        self.is_valid()
        asked = {name: self.cleaned_data.get(name) or "" for name in self.fields}
        school = School.objects.filter(code=asked["school"], path__startswith=path).first() if asked["school"] else None
        status = asked["status"]
        return Question(
            term, day, school.path if school else path, asked["category"], self.codes.get(asked["benefit"], 0),
            GROUPS[status][1] if status in GROUPS else (status,) if status else (), asked["detail"], asked["student"] or 0,
        )  # fmt: skip


class ReasonForm(forms.Form):
    reason = forms.ChoiceField(label="未助原因", choices=Unaided.choices)
    note = forms.CharField(label="说明", max_length=200, required=False, help_text="选“其他”时要写明。")
