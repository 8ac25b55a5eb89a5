"""捐赠: donors, projects with what came in and went out, what children were given."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases import crypto
from aidcases.roles import P
from aidcases.web import back, command, page, paginate
from students.filters import searched
from students.views.secrets import reveal
from subsidies.giving import donations
from subsidies.giving.filters import GiftFilter
from subsidies.giving.forms import DonationForm, DonorForm, GiftForm, ProjectForm, ThanksForm, attempt
from subsidies.models import Donation, DonationProject, Donor, Gift
from subsidies.views.giving.common import asked, child, listed, tabs, valid

LIGHT = ("student__roll_number", "student__person__id_number", "project__donor__phone")


def _projects():  # type: ignore[no-untyped-def]
    return DonationProject.objects.select_related("donor").defer("donor__phone")


@page(can=P.GIVING_VIEW)
def project_list(request: HttpRequest) -> HttpResponse:
    return _list(request, ProjectForm(initial={"from_on": timezone.localdate(), "pledge": 0}))


def _list(request: HttpRequest, form: ProjectForm, status: int = 200) -> HttpResponse:
    shown = paginate(_projects(), request)
    context = {
        "page": shown,
        "rows": donations.with_goods(shown.object_list),
        "form": form,
        "donors": Donor.objects.exists(),
        "may_write": request.actor.may(P.GIVING_WRITE),
        "tabs": tabs(request),
    }
    return render(request, "subsidies/giving/project_list.html", context, status=status)


@command(can=P.GIVING_WRITE)
def project_create(request: HttpRequest) -> HttpResponse:
    form = ProjectForm(request.POST)
    made = attempt(form, lambda **said: donations.add_project(by=request.actor, **said))
    if made is None:
        return _list(request, form, status=422)
    return redirect("project_detail", made.pk)


@page(can=P.GIVING_VIEW)
def donor_list(request: HttpRequest) -> HttpResponse:
    return _donors(request, DonorForm())


def _donors(request: HttpRequest, form: DonorForm, status: int = 200) -> HttpResponse:
    shown = paginate(Donor.objects.all(), request)
    context = {
        "page": shown,
        "rows": [{"donor": each, "phone": crypto.mask_phone(each.phone) if each.phone else ""} for each in shown],
        "form": form,
        "may_write": request.actor.may(P.GIVING_WRITE),
        "may_reveal": request.actor.may(P.SECRET_REVEAL),
    }
    return render(request, "subsidies/giving/donor_list.html", context, status=status)


@command(can=P.GIVING_WRITE)
def donor_create(request: HttpRequest) -> HttpResponse:
    form = DonorForm(request.POST)
    if attempt(form, lambda **said: donations.add_donor(by=request.actor, **said)) is None:
        return _donors(request, form, status=422)
    messages.success(request, "已登记捐助人。")
    return redirect("donor_list")


@command(can=P.SECRET_REVEAL)
def donor_reveal(request: HttpRequest, pk: int) -> HttpResponse:
    donor = get_object_or_404(Donor, pk=pk)
    return reveal(request, donor, what="phone", label="联系电话", value=donor.phone)


@page(can=P.GIVING_VIEW)
def project_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _project(request, pk, DonationForm(initial={"received_on": timezone.localdate()}))


def _project(request: HttpRequest, pk: int, form: DonationForm, status: int = 200) -> HttpResponse:
    project = get_object_or_404(_projects(), pk=pk)
    gifts = Gift.objects.filter(project=project).select_related("student__person").defer(*LIGHT[:2])
    [summed] = donations.with_goods(_projects().filter(pk=pk))
    context = {
        **summed,
        "donations": project.donations.all()[:200],
        "page": paginate(gifts, request),
        "form": form,
        "today": timezone.localdate(),
        "may_write": request.actor.may(P.GIVING_WRITE),
    }
    return render(request, "subsidies/giving/project_detail.html", context, status=status)


@command(can=P.GIVING_WRITE)
def donation_add(request: HttpRequest, pk: int) -> HttpResponse:
    project, form, today = get_object_or_404(_projects(), pk=pk), DonationForm(request.POST), timezone.localdate()
    made = attempt(form, lambda **said: donations.receive(project, by=request.actor, today=today, **said))
    if made is None:
        return _project(request, pk, form, status=422)
    messages.success(request, "已登记收到的捐赠。感谢信送出后请登记。")
    return redirect("project_detail", pk)


@command(can=P.GIVING_WRITE)
def donation_thank(request: HttpRequest, pk: int) -> HttpResponse:
    donation = get_object_or_404(Donation.objects.select_related("project"), pk=pk)
    donations.thank(donation, today=timezone.localdate(), **valid(ThanksForm(request.POST)))
    messages.success(request, "已登记感谢信。")
    return redirect("project_detail", donation.project_id)


@page(can=P.GIVING_VIEW)
def gift_list(request: HttpRequest) -> HttpResponse:
    rows = Gift.objects.select_related("student__person", "project__donor").defer(*LIGHT)
    found = GiftFilter(request.GET, rows, request=request)
    shown = paginate(found.qs.order_by("-given_on", "-pk"), request)
    context = listed(found, request, page=shown, today=timezone.localdate())
    return render(request, "subsidies/giving/gift_list.html", context)


@command(can=P.GIVING_VIEW)
def gift_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "gift_list", GiftFilter)


@page(can=P.GIVING_WRITE)
def gift_new(request: HttpRequest, pk: int) -> HttpResponse:
    return _gift(request, pk, GiftForm(initial={"given_on": timezone.localdate()}))


def _gift(request: HttpRequest, pk: int, form: GiftForm, status: int = 200) -> HttpResponse:
    note = "捐助不计入应享资助，也不经过发放批次。发现金不能超过项目收到的捐款。"
    if not DonationProject.objects.exists():
        note = "本单位还没有捐助项目，请先在“捐助项目”里登记捐助人、项目和收到的捐赠。"
    return asked(request, child(pk), form, title="登记捐助发放", action="gift_create", note=note, status=status)


@command(can=P.GIVING_WRITE)
def gift_create(request: HttpRequest, pk: int) -> HttpResponse:
    student, form, today = child(pk), GiftForm(request.POST), timezone.localdate()
    made = attempt(form, lambda project, **said: donations.give(student, project, by=request.actor, today=today, **said))
    if made is None:
        return _gift(request, pk, form, status=422)
    messages.success(request, "已登记。")
    return redirect("student_detail", pk)


@command(can=P.GIVING_WRITE)
def gift_sign(request: HttpRequest, pk: int) -> HttpResponse:
    """A receipt that was signed later; the day is today unless told."""
    gift, today = get_object_or_404(Gift, pk=pk), timezone.localdate()
    donations.sign(gift, signed_by=request.POST.get("signed_by", ""), signed_on=today, today=today)
    messages.success(request, "已登记签收。")
    return back(request, "gift_list")
