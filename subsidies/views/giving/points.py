"""爱心积分: accounts of households and children, what one earned and spent."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases.roles import P
from aidcases.web import command, page, paginate
from students.filters import searched
from students.models import Household
from subsidies.giving import points
from subsidies.giving.filters import PointsFilter
from subsidies.giving.forms import PointsForm, attempt
from subsidies.models import PointsAccount
from subsidies.views.giving.common import child, listed


@page(can=P.GIVING_VIEW)
def points_list(request: HttpRequest) -> HttpResponse:
    found = PointsFilter(request.GET, points.named(PointsAccount.objects.all()), request=request)
    shown = paginate(found.qs.order_by("-balance", "pk"), request)
    return render(request, "subsidies/giving/points_list.html", listed(found, request, page=shown))


@command(can=P.GIVING_VIEW)
def points_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "points_list", PointsFilter)


@command(can=P.GIVING_WRITE)
def points_of_child(request: HttpRequest, pk: int) -> HttpResponse:
    return redirect("points_detail", points.account_of(student=child(pk)).pk)


@command(can=P.GIVING_WRITE)
def points_of_household(request: HttpRequest, pk: int) -> HttpResponse:
    household = get_object_or_404(Household.objects.defer("phone"), pk=pk)
    return redirect("points_detail", points.account_of(household=household).pk)


@page(can=P.GIVING_VIEW)
def points_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _shown(request, pk, PointsForm(initial={"on": timezone.localdate()}))


def _shown(request: HttpRequest, pk: int, form: PointsForm, status: int = 200) -> HttpResponse:
    account = get_object_or_404(points.named(PointsAccount.objects.all()), pk=pk)
    context = {
        "account": account,
        "page": paginate(account.entries.all(), request),
        "form": form,
        "may_write": request.actor.may(P.GIVING_WRITE),
    }
    return render(request, "subsidies/giving/points_detail.html", context, status=status)


@command(can=P.GIVING_WRITE)
def points_enter(request: HttpRequest, pk: int) -> HttpResponse:
    account, form, today = get_object_or_404(PointsAccount, pk=pk), PointsForm(request.POST), timezone.localdate()

    def entered(*, way: str, **said: Any) -> Any:
        said["points"] *= 1 if way == "earn" else -1
        return points.enter(account, by=request.actor, today=today, **said)

    if attempt(form, entered) is None:
        return _shown(request, pk, form, status=422)
    messages.success(request, "已登记。")
    return redirect("points_detail", pk)
