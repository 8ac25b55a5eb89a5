"""What the pages of batches show: lines with classes and cards, schools' parts, and the forms and filters they use."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from aidcases.models import School
from aidcases.terms import Term
from students.filters import ALL
from students.models import Enrolment
from subsidies.filters import OfBenefit
from subsidies.models import Adjustment, BatchPart, Benefit, Payment, PaymentBatch
from subsidies.models.payments import Channel, PaymentState
from subsidies.payments import banks, batches, funnel

TONES = {
    "listed": "", "approved": "info", "sent": "info", "paid": "good", "bounced": "bad", "reissued": "warn", "cancelled": "",
}  # fmt: skip
BATCH_TONES = {
    "prepared": "warn", "confirmed": "info", "approved": "info", "checked": "info", "sent": "info", "returned": "warn",
    "balanced": "good", "cancelled": "",
}  # fmt: skip


class LineFilter(OfBenefit):
    """Lines of a batch."""

    state = django_filters.ChoiceFilter(label="状态", choices=PaymentState.choices, empty_label=ALL)
    odd = django_filters.ChoiceFilter(
        label="变化", choices=[("less", "编制以后应享减少"), ("later", "补发")], empty_label=ALL, method="by_oddity"
    )

    class Meta:
        model = Payment
        fields = ()

    def by_oddity(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        if value == "later":
            return rows.filter(instalment__gt=1)
        same = Adjustment.objects.filter(
            term=OuterRef("term"), student=OuterRef("student"), benefit=OuterRef("benefit"), difference__lt=0
        )
        return rows.filter(Exists(same))


class NewBatchForm(forms.Form):
    """What a batch is to hold. `benefits` offers what the term has for the channel."""

    channel = forms.ChoiceField(label="方式", choices=Channel.choices, widget=forms.RadioSelect, initial=Channel.BANK)
    benefits = forms.ModelMultipleChoiceField(
        Benefit.objects.none(), label="资助项目", required=False, to_field_name="code", help_text="不选就是全部。",
        widget=forms.SelectMultiple(attrs={"data-pick": ""}),
    )  # fmt: skip
    school = forms.ModelChoiceField(
        School.objects.none(), label="学校", required=False, to_field_name="code", empty_label="全部学校",
        widget=forms.Select(attrs={"data-pick": ""}),
    )  # fmt: skip
    bank = forms.ChoiceField(label="银行格式", required=False, widget=forms.HiddenInput)  # chosen beside the button
    title = forms.CharField(label="名称", required=False, max_length=120, help_text="不填就按学期和项目起名。")

    def __init__(self, data: Any, *, path: str, term: Term):
        filled = data if data and "channel" in data else {"channel": Channel.BANK}
        super().__init__(filled)
        channel = filled["channel"] if filled["channel"] in Channel.values else Channel.BANK
        rows = funnel.offered(path, term, channel).order_by()
        self.fields["benefits"].queryset = Benefit.objects.filter(pk__in=rows.values("benefit").distinct())
        self.fields["school"].queryset = School.objects.filter(path__startswith=path).order_by("path")
        self.fields["bank"].choices = banks.choices()

    @property
    def asked(self) -> dict[str, Any]:
        """For the funnel: channel, benefits, school."""
        told = self.cleaned_data
        benefits = list(told["benefits"]) or list(self.fields["benefits"].queryset)
        return {"channel": told["channel"], "benefits": benefits, "school": told["school"]}


def lines(keys: list[int], term: str) -> list[dict[str, Any]]:
    """Payments in the order given with the child's class, in two queries; card numbers stay sealed."""
    rows = Payment.objects.filter(pk__in=keys).select_related("student__person", "school", "benefit", "account")
    rows = rows.defer("student__roll_number", "student__person__id_number", "account__number")
    found = {row.pk: row for row in rows.order_by()}
    enrolled = Enrolment.objects.filter(term=term, student__in=[row.student_id for row in found.values()]).defer("phone")
    classes = {each.student_id: each for each in enrolled}
    return [
        {"line": found[pk], "enrolment": classes.get(found[pk].student_id), "tone": TONES[found[pk].state]}
        for pk in keys if pk in found
    ]  # fmt: skip


def parts(batch: PaymentBatch, *, instead: bool) -> list[dict[str, Any]]:
    """Per school in sight with lines that stand: .part .lines .total .paid, .instead (nobody there may confirm; looked up
    when asked for), in two queries or three."""
    rows = list(BatchPart.objects.filter(batch=batch).select_related("school").order_by("school_path"))
    told = of_schools(Payment.objects.filter(batch=batch))
    manned = batches.with_checker([part.school_path for part in rows]) if instead else set()
    return [
        {"part": part, "instead": instead and part.school_path not in manned, **told[part.batch_id, part.school_id]}
        for part in rows if (batch.pk, part.school_id) in told
    ]  # fmt: skip


def of_schools(payments: QuerySet[Payment]) -> dict[tuple[int, int], dict[str, Any]]:
    """(batch, school) → .lines .total (yuan) .open of what stands."""
    grouped = payments.standing().order_by().values("batch", "school")  # type: ignore[attr-defined]
    pending = Q(state=PaymentState.PAID)
    counted = grouped.annotate(lines=Count("pk"), total=Sum("amount", default=0), paid=Count("pk", filter=pending))
    return {(row.pop("batch"), row.pop("school")): row for row in counted}
