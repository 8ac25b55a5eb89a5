"""What the pages of batches show: lines with classes and cards, schools' parts, and the forms and filters they use."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import django_filters
from django import forms
from django.core.paginator import Page, Paginator
from django.core.validators import EMPTY_VALUES
from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Cast, JSONObject

from aidcases.models import School
from aidcases.terms import Term
from students.filters import ALL
from students.models import Enrolment
from subsidies.filters import OfBenefit
from subsidies.models import Adjustment, BatchPart, Benefit, Payment, PaymentBatch
from subsidies.models.payments import Channel, PaymentState
from subsidies.payments import banks, batches, funnel, stopped

TONES = {
    "listed": "", "approved": "info", "sent": "info", "paid": "good", "bounced": "bad", "reissued": "warn", "cancelled": "",
}  # fmt: skip
BATCH_TONES = {
    "prepared": "warn", "confirmed": "info", "approved": "info", "checked": "info", "sent": "info", "returned": "warn",
    "balanced": "good", "cancelled": "",
}  # fmt: skip


# Lines whose money has not gone out.
STOPPABLE = (PaymentState.LISTED, PaymentState.APPROVED, PaymentState.BOUNCED, PaymentState.REISSUED)


class LineFilter(OfBenefit):
    """Lines of a batch."""

    state = django_filters.ChoiceFilter(label="状态", choices=PaymentState.choices, empty_label=ALL)
    odd = django_filters.ChoiceFilter(
        label="变化", choices=[("less", "编制以后应享减少"), ("stopped", "资助暂停或已放弃"), ("later", "补发")],
        empty_label=ALL, method="by_oddity",
    )  # fmt: skip

    class Meta:
        model = Payment
        fields = ()

    @property
    def narrows(self) -> bool:
        """Whether anything is asked of the lines; the term is always there."""
        self.form.is_valid()  # fills cleaned_data; a value that can't be read filters nothing
        return any(value not in EMPTY_VALUES for name, value in self.form.cleaned_data.items() if name != "term")

    def by_oddity(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        if value == "later":
            return rows.filter(instalment__gt=1)
        if value == "stopped":
            return rows.filter(stopped.stopped((self.term.code,)), state__in=STOPPABLE)
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


class Counted(Paginator):
    """Pages of a list whose length is known."""

    more = False

    def __init__(self, rows: QuerySet, length: int, size: int = 50):
        super().__init__(rows, size)
        self.count = length


def by_school(path: str) -> tuple[Any, ...]:
    """The order of an office's lines and parts: its own schools first, then those elsewhere."""
    return (Case(When(school_path__startswith=path, then=0), default=1), "school_path")


def lines(shown: Page, term: str, order: tuple[Any, ...]) -> list[dict[str, Any]]:
    """A page of keys of payments, which holds the payments themselves from now on, as rows in this order, each with the
    child's class and why it must not go out (.halted, or ""), in one query; card numbers stay sealed."""
    study = Enrolment.objects.filter(term=term, student=OuterRef("student"))
    told = study.values(told=JSONObject(stage="stage", grade="grade", class_name="class_name"))
    rows = Payment.objects.filter(pk__in=shown.object_list).annotate(study=Subquery(told[:1]))
    rows = rows.annotate(halted=Case(When(state__in=STOPPABLE, then=stopped.word((term,))), default=Value("")))
    rows = rows.select_related("student__person", "school", "benefit", "account").order_by(*order)
    shown.object_list = list(rows.defer("student__roll_number", "student__person__id_number", "account__number"))
    return [
        {"line": row, "enrolment": Enrolment(**row.study) if row.study else None, "tone": TONES[row.state]}
        for row in shown.object_list
    ]


def parts(batch: PaymentBatch, *, instead: bool) -> list[dict[str, Any]]:
    """Per school in sight with lines that stand: .part .lines .total .paid, .instead (nobody there may confirm; looked up
    when asked for), in one query; those that have not agreed first."""
    standing = Payment.objects.standing().filter(batch=batch.pk, school_path=OuterRef("school_path")).order_by()
    paid = Count("pk", filter=Q(state=PaymentState.PAID))
    yuan = Cast(Sum("amount", default=0), CharField())  # as text: a number of JSON is no exact sum
    told = standing.values("batch").annotate(told=JSONObject(lines=Count("pk"), total=yuan, paid=paid)).values("told")
    manned = Exists(batches.checkers().filter(organisation__path=OuterRef("school_path"))) if instead else Value(True)
    rows = BatchPart.objects.filter(batch=batch).select_related("school").annotate(told=Subquery(told), manned=manned)
    return [
        {"part": part, "instead": not part.manned, **part.told, "total": Decimal(part.told["total"])}
        for part in rows.order_by(Case(When(agreed_at=None, then=0), default=1), *by_school(batch.path)) if part.told
    ]  # fmt: skip


def of_schools(payments: QuerySet[Payment]) -> dict[tuple[int, int], dict[str, Any]]:
    """(batch, school) → .lines .total (yuan) .open of what stands."""
    grouped = payments.standing().order_by().values("batch", "school")  # type: ignore[attr-defined]
    pending = Q(state=PaymentState.PAID)
    counted = grouped.annotate(lines=Count("pk"), total=Sum("amount", default=0), paid=Count("pk", filter=pending))
    return {(row.pop("batch"), row.pop("school")): row for row in counted}
