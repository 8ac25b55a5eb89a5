"""Notices for those who make, publish and archive them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header

from aidcases import files
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import chosen_term, command, page, paginate
from aidcases.workdays import NotAnnounced, Workdays
from subsidies.casework import noticelists, notices, public
from subsidies.casework.noticecards import clock
from subsidies.casework.noticeforms import NewNoticeForm, WordsForm
from subsidies.models import NoticeLine, PublicNotice
from subsidies.models.notices import NoticeKind, NoticeState

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF = "application/pdf"
FILES = {"a4": ("公示海报_A4.pdf", PDF), "a3": ("公示海报_A3.pdf", PDF), "xlsx": ("公示名单.xlsx", XLSX)}
TABS = (
    ("open", "办理中", (NoticeState.DRAFT, NoticeState.PREVIEWED, NoticeState.PUBLISHED, NoticeState.OVER)),
    ("archived", "已归档", (NoticeState.ARCHIVED,)),
    ("recalled", "已撤回、作废", (NoticeState.RECALLED,)),
)
STEPS = {
    NoticeState.DRAFT: 1,
    NoticeState.PREVIEWED: 2,
    NoticeState.PUBLISHED: 3,
    NoticeState.OVER: 4,
    NoticeState.ARCHIVED: 6,
}
BY_STATE = {"draft": "", "previewed": "info", "published": "info", "over": "warn", "archived": "good", "recalled": ""}


def notice_of(pk: int) -> PublicNotice:
    return get_object_or_404(PublicNotice.objects.select_related("office").defer("page"), pk=pk)


@page(can=P.NOTICE_VIEW)
def notice_list(request: HttpRequest) -> HttpResponse:
    """Notices of the own office and of those below it."""
    wanted = next((tab for tab in TABS if tab[0] == request.GET.get("state")), TABS[0])
    rows = PublicNotice.objects.filter(state__in=wanted[2]).select_related("office").defer("page")
    shown = paginate(rows, request)
    counted = NoticeLine.objects.filter(notice__in=[n.pk for n in shown]).order_by().values("notice")
    sizes = dict(counted.annotate(size=Count("pk")).values_list("notice", "size"))
    today, calendar = timezone.localdate(), Workdays.read()
    context = {
        "page": shown,
        "rows": [
            {"notice": n, "size": sizes.get(n.pk, 0), "clock": clock(n, today, calendar), "tone": BY_STATE[n.state]}
            for n in shown
        ],
        "tabs": [{"label": label, "url": f"?state={code}", "active": code == wanted[0]} for code, label, _ in TABS],
    }
    return render(request, "subsidies/casework/notice_list.html", context)


@page(can=P.NOTICE_WRITE)
def notice_new(request: HttpRequest) -> HttpResponse:
    term, office = chosen_term(request), request.membership.organisation
    form = NewNoticeForm(office=office, term=term, initial={"kind": request.GET.get("kind", NoticeKind.DETERMINATION)})
    return render(request, "subsidies/casework/notice_new.html", {"form": form, "chosen": term})


def _told(form: forms.BaseForm) -> list[str]:
    return [f"{form[name].label}：{'；'.join(errors)}" for name, errors in form.errors.items() if name in form.fields]


@command(can=P.NOTICE_WRITE)
def notice_create(request: HttpRequest) -> HttpResponse:
    term, office = chosen_term(request), request.membership.organisation
    form = NewNoticeForm(request.POST, office=office, term=term)
    if not form.is_valid():
        raise Refused(*_told(form))
    wanted = form.cleaned_data
    made = notices.draft(
        NoticeKind(wanted["kind"]), office=office, term=term, by=request.actor, schools=wanted.get("schools", ()),
        benefits=wanted["benefits"], batch=wanted["batch"],
    )  # fmt: skip
    return redirect("notice_detail", made.pk)


@page(can=P.NOTICE_VIEW)
def notice_detail(request: HttpRequest, pk: int) -> HttpResponse:
    notice, today = notice_of(pk), timezone.localdate()
    editable = notice.state in (NoticeState.DRAFT, NoticeState.PREVIEWED)
    lines = paginate(notice.lines.order_by("order"), request, size=100)
    benefits = notice.lines.exclude(benefit="").order_by("benefit").values_list("benefit", flat=True).distinct()
    context = {
        "notice": notice,
        "term": Term.parse(notice.term),
        "tone": BY_STATE[notice.state],
        "step": STEPS.get(NoticeState(notice.state), 0),
        "clock": clock(notice, today, Workdays.read()),
        "last": public.last_day(notice.ends_at) if notice.ends_at else None,
        "form": WordsForm(instance=notice) if editable and request.actor.may(P.NOTICE_WRITE) else None,
        "columns": [label for _, label in noticelists.WHITELIST[notice.kind]],
        "names": [name for name, _ in noticelists.WHITELIST[notice.kind]],
        "page": lines,
        "benefits": list(benefits) if editable else [],
        "small": noticelists.small_groups(notice) if editable else {},
        "photos": files.files_of(notice, "board_photo"),
        "objections": notice.objections.select_related("line"),
        "address": request.build_absolute_uri(reverse("public_notice", args=[notice.key])),
        "today": today,
        **_blockers(request, notice, today),
    }
    return render(request, "subsidies/casework/notice_detail.html", context)


def _blockers(request: HttpRequest, notice: PublicNotice, today: date) -> dict[str, Any]:
    """Why a button is off: its tooltip."""
    against = notices.against_publishing(notice, by=request.actor, today=today) if notice.state == "previewed" else []
    last = None
    if notice.state == NoticeState.PREVIEWED and not against:
        last = notices.days_of(notice, today)
    over = notice.state == NoticeState.OVER
    return {
        "publish_blocked": "；".join(against),
        "would_end": last,
        "on_holiday": notice.state == NoticeState.PREVIEWED and notices.holiday(today),
        "archive_blocked": "；".join(notice.blockers("archive")) if over else "",
        "ready_up": notices.applications(notice).filter(state="notice_closed").count()
        if notice.state in (NoticeState.OVER, NoticeState.ARCHIVED) and notice.kind == NoticeKind.DETERMINATION
        else 0,
        "intact": notices.intact(notice) if notice.sha256 and notice.published_on else True,
    }


@command(can=P.NOTICE_WRITE)
def notice_edit(request: HttpRequest, pk: int) -> HttpResponse:
    notice = notice_of(pk)
    form = WordsForm(request.POST)
    if not form.is_valid():
        raise Refused(*_told(form))
    notices.edit(notice, by=request.actor, **form.cleaned_data)
    messages.success(request, "已保存。预览通过后请另一人发布。")
    return redirect("notice_detail", pk)


@command(can=P.NOTICE_WRITE)
def notice_strike(request: HttpRequest, pk: int) -> HttpResponse:
    line = get_object_or_404(NoticeLine.objects.select_related("notice"), pk=pk)
    notices.strike(line, by=request.actor)
    messages.info(request, f"已从名单里取下第 {line.order} 号。")
    return redirect("notice_detail", line.notice_id)


@command(can=P.NOTICE_WRITE)
def notice_rename(request: HttpRequest, pk: int) -> HttpResponse:
    old, new = request.POST.get("old", ""), request.POST.get("new", "")
    count = notices.rename_benefit(notice_of(pk), old, new, by=request.actor)
    messages.success(request, f"{count} 条的资助项目改写为“{new.strip()}”。")
    return redirect("notice_detail", pk)


@command(can=P.NOTICE_WRITE)
def notice_check(request: HttpRequest, pk: int) -> HttpResponse:
    """网页、海报、表格 pass the gate; then it is previewed."""
    notices.preview(notice_of(pk), by=request.actor, today=timezone.localdate())
    messages.success(request, "网页、海报和表格都检查过，没有不能公示的内容。请点“看公示页”核对，然后请另一人发布。")
    return redirect("notice_detail", pk)


@page(can=P.NOTICE_VIEW)
def notice_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Exactly what the public will see, or saw."""
    notice, today = get_object_or_404(PublicNotice.objects.select_related("office"), pk=pk), timezone.localdate()
    if notice.page:
        return HttpResponse(notice.page)
    try:
        last = notices.days_of(notice, today)
    except NotAnnounced:  # the publication will be refused for it; the page can be looked at
        last = today + timedelta(days=notice.days)
    return HttpResponse(public.render(notice, published=today, last=last))


@command(can=P.NOTICE_VIEW)
def notice_file(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """Poster (a4, a3) or sheet (xlsx), through the gate."""
    if code not in FILES:
        raise Refused("没有这种文件。")
    name, kind = FILES[code]
    content = notices.file_of(notice_of(pk), code, today=timezone.localdate())
    return download(content, name, kind)


def download(content: bytes, name: str, kind: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["Cache-Control"] = "private, no-store"
    return response


@command(can=P.NOTICE_PUBLISH)
def notice_publish(request: HttpRequest, pk: int) -> HttpResponse:
    today = timezone.localdate()
    made = notices.publish(notice_of(pk), by=request.actor, today=today, small_groups=request.POST.get("note", ""))
    messages.success(
        request, f"已发布，公示到 {public.last_day(made.ends_at):%Y-%m-%d} 24 时。请打印海报上墙，并拍照上传。"
    )
    if notices.holiday(today):
        messages.warning(request, "今天是休息日：发布当天不计入公示时间，请安排人接听监督电话。")
    return redirect("notice_detail", pk)


@command(can=P.NOTICE_PUBLISH)
def notice_recall(request: HttpRequest, pk: int) -> HttpResponse:
    notices.recall(notice_of(pk), by=request.actor, note=request.POST.get("note", ""))
    messages.info(request, "已撤回，公示页已撤下；名单里的申请回到“已评审，待公示”。墙上的海报请同时撤下。")
    return redirect("notice_detail", pk)


@command(can=P.NOTICE_WRITE)
def notice_drop(request: HttpRequest, pk: int) -> HttpResponse:
    notices.drop(notice_of(pk), by=request.actor)
    messages.info(request, "已作废。名单里的申请可以列入新的公示。")
    return redirect("notice_list")
