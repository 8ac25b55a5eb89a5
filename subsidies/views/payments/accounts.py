"""一卡通: cards in force and proposals to confirm, a child's card changed, lists of cards, a number shown once."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.contrib import messages
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.web import command, key_of, page, paginate
from students import finding
from students.filters import ALL, EXPIRED, SearchableFilter, narrowed, searched
from students.models import Account, Student
from students.models.accounts import AccountState, Holder
from students.views.secrets import reveal
from subsidies.payments import accountlists, accounts, reminding

TABS = (("proposed", "待复核"), ("confirmed", "现在用的"), ("refused", "不采用"))
TONES = {"proposed": "warn", "confirmed": "good", "refused": ""}
KINDS = [("first", "第一次登记"), ("change", "更换账户"), ("alarm", "有疑点")]


class AccountFilter(SearchableFilter):
    """Cards. `state` stands as tabs above the list."""

    search = django_filters.CharFilter(method="as_it_is", label="姓名、首字母、证件号或学籍号")
    kind = django_filters.ChoiceFilter(label="情况", choices=KINDS, empty_label=ALL, method="of_kind")
    state = django_filters.CharFilter(method="as_it_is", widget=forms.HiddenInput)
    student = django_filters.NumberFilter(
        min_value=1, max_value=2**63 - 1, decimal_places=0, widget=forms.HiddenInput
    )  # from a page that speaks of one child

    class Meta:
        model = Account
        fields = ()

    def meaning(self, query: Any) -> Q:
        return finding.of_student(query, "student__")

    def of_kind(self, rows: QuerySet, _name: str, kind: str) -> QuerySet:
        if kind == "alarm":
            return rows.exclude(alarm="")
        other = Exists(Account.objects.filter(student=OuterRef("student"), state="confirmed").exclude(pk=OuterRef("pk")))
        return rows.filter(other if kind == "change" else ~other)


class AccountForm(forms.Form):
    """A card for a child."""

    holder = forms.CharField(label="户名", max_length=60)
    relation = forms.ChoiceField(label="持卡人是学生的", choices=Holder.choices)
    number = forms.CharField(
        label="账号", max_length=30, widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text="16 到 19 位数字，可以带空格。",
    )  # fmt: skip
    bank = forms.CharField(label="开户行", max_length=60)
    why = forms.CharField(label="变更原因", max_length=200, required=False, help_text="更换账户时必填。")


def _found(request: HttpRequest) -> tuple[AccountFilter, str]:
    state = request.GET.get("state", "")
    state = state if state in dict(TABS) else "proposed"
    rows = Account.objects.filter(state=state)
    if state == AccountState.CONFIRMED:
        rows = rows.filter(pk__in=Account.objects.in_force_on(timezone.localdate()).order_by().values("pk"))
    return AccountFilter(request.GET, rows, request=request), state


@page(can=P.ACCOUNT_VIEW)
def account_list(request: HttpRequest) -> HttpResponse:
    found, state = _found(request)
    rows = found.qs.select_related("student__person").order_by("school_path", "-pk")
    shown = paginate(rows.defer("number", "student__roll_number", "student__person__id_number"), request)
    context = {
        "found": found,
        "page": shown,
        "rows": [{**row, "tone": TONES[state]} for row in accounts.changes(shown, timezone.localdate())],
        "tabs": [{"label": label, "url": f"?state={code}", "active": code == state} for code, label in TABS],
        "state": state,
        "narrowed": any(request.GET.get(name) for name in ("kind", "q", "student")) and narrowed(found),
        "expired": EXPIRED,
        "one": bool(request.GET.get("student")),
        "may_write": request.actor.may(P.ACCOUNT_WRITE),
        "may_confirm": request.actor.may(P.ACCOUNT_CONFIRM) and state == AccountState.PROPOSED,
    }
    return render(request, "subsidies/payments/account_list.html", context)


@command(can=P.ACCOUNT_VIEW)
def account_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "account_list", AccountFilter)


def _student(pk: int) -> Student:
    return get_object_or_404(Student.objects.select_related("person").defer("roll_number", "person__id_number"), pk=pk)


@page(can=P.ACCOUNT_WRITE)
def account_new(request: HttpRequest, pk: int) -> HttpResponse:
    student = _student(pk)
    form = AccountForm(initial={"holder": student.person.name, "relation": Holder.SELF})
    return render(request, "subsidies/payments/account_new.html", {"student": student, "form": form, **_history(student)})


@command(can=P.ACCOUNT_WRITE)
def account_propose(request: HttpRequest, pk: int) -> HttpResponse:
    student, form = _student(pk), AccountForm(request.POST)
    if form.is_valid():
        try:
            made = accounts.propose(student, **form.cleaned_data)
        except Refused as refused:
            for reason in refused.reasons:
                form.add_error(None, reason)
        else:
            text = "已登记，等另一人复核后生效。" + (f"有疑点：{made.alarm}，请写明核实情况。" if made.alarm else "")
            (messages.warning if made.alarm else messages.success)(request, text)
            return redirect("student_detail", student.pk)
    return render(request, "subsidies/payments/account_new.html", {"student": student, "form": form, **_history(student)})


def _history(student: Student) -> dict[str, Any]:
    """Every card the child had, the newest first; which is in force."""
    force = Account.objects.in_force_on(timezone.localdate()).filter(student=student).values_list("pk", flat=True).first()
    rows = list(Account.objects.filter(student=student).defer("number"))
    return {"accounts": [{"account": each, "tone": TONES[each.state], "now": each.pk == force} for each in rows]}


def account_panel(request: HttpRequest, student: Student) -> dict[str, Any]:
    """On the student's page."""
    return {"student": student, "may_write": request.actor.may(P.ACCOUNT_WRITE), **_history(student)}


def _chosen(request: HttpRequest) -> QuerySet[Account]:
    """The one named by `only`, else what the filter finds."""
    if only := request.POST.get("only", ""):
        return Account.objects.filter(pk=key_of(only))
    found, _ = _found(request)
    if not found.is_valid() or found.expired:
        raise Refused(EXPIRED)
    return Account.objects.filter(pk__in=found.qs.order_by().values("pk"), state=AccountState.PROPOSED)


@command(can=P.ACCOUNT_CONFIRM)
def account_confirm(request: HttpRequest) -> HttpResponse:
    outcome = accounts.confirm(_chosen(request))
    reminding.cards_done(request.actor)
    (messages.success if outcome.moved else messages.info)(request, f"复核通过 {outcome.moved:,} 个账户。")
    for reason, count in outcome.refusals.most_common():
        messages.warning(request, f"{count:,} 个没有通过：{reason}。")
    return redirect(f"{reverse('account_list')}?{request.GET.urlencode()}")


@command(can=P.ACCOUNT_CONFIRM)
def account_refuse(request: HttpRequest, pk: int) -> HttpResponse:
    rows = Account.objects.filter(pk=get_object_or_404(Account, pk=pk).pk)
    if not accounts.refuse(rows, request.POST.get("note", "")):
        raise Refused("已被他人处理，请刷新后再看。")
    reminding.cards_done(request.actor)
    messages.success(request, "已退回，不采用这个账户。")
    return redirect("account_list")


@command(can=P.ACCOUNT_CONFIRM)
def account_clear(request: HttpRequest, pk: int) -> HttpResponse:
    accounts.clear(get_object_or_404(Account, pk=pk), request.POST.get("note", ""))
    messages.success(request, "已登记核实情况，可以复核通过。")
    return redirect(f"{reverse('account_list')}?kind=alarm")


@command(can=P.SECRET_REVEAL)
def account_reveal(request: HttpRequest, pk: int) -> HttpResponse:
    """The whole number, with a purpose, on record; never one that the child's other side wrote down."""
    account = get_object_or_404(Account, pk=pk)
    if not account.written_here:
        raise Refused("这个账号不是本单位或下级单位登记的，只能看到后四位。")
    return reveal(request, account, what="number", label="账号", value=account.number)


class ListForm(forms.Form):
    file = forms.FileField(
        label="一卡通名单", max_length=200, widget=forms.FileInput(attrs={"accept": ".xlsx,.xls,.csv"})
    )


@page(can=P.ACCOUNT_WRITE)
def account_import(request: HttpRequest) -> HttpResponse:
    return render(request, "subsidies/payments/account_import.html", {"form": ListForm(), "told": None})


@command(can=P.ACCOUNT_WRITE)
def account_upload(request: HttpRequest) -> HttpResponse:
    form = ListForm(request.POST, request.FILES)
    if not form.is_valid():
        raise Refused("请选择一个 .xlsx、.xls 或 .csv 文件。")
    told = accountlists.propose_all(accountlists.rows_of(form.cleaned_data["file"]))
    shown = told.problems[: accountlists.MOST_TOLD]
    context = {"form": ListForm(), "told": told, "shown": shown, "more": len(told.problems) - len(shown)}
    return render(request, "subsidies/payments/account_import.html", context)
