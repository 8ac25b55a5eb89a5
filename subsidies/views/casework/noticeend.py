"""After a notice's period: paper off the wall, photos, archive, the pack, handing its applications up."""

from __future__ import annotations

from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases import files
from aidcases.flow import Refused
from aidcases.models import StoredFile
from aidcases.roles import P
from aidcases.web import command, page
from subsidies.casework import notices
from subsidies.models import PublicNotice
from subsidies.views.casework.notices import download, notice_of


def _photo(pk: int) -> tuple[PublicNotice, StoredFile]:
    photo = get_object_or_404(StoredFile, pk=pk, what="board_photo", removed_at=None)
    return notice_of(photo.subject_id), photo


@command(can=P.NOTICE_WRITE)
def notice_paper(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        on = date.fromisoformat(request.POST.get("on", ""))
    except ValueError:
        raise Refused("请填写撤下的日期，例如 2026-10-19。") from None
    notices.paper_removed(notice_of(pk), by=request.actor, on=on, today=timezone.localdate())
    messages.success(request, "已登记纸质公示撤下。")
    return redirect("notice_detail", pk)


@command(can=P.NOTICE_WRITE)
def notice_photo(request: HttpRequest, pk: int) -> HttpResponse:
    notice = notice_of(pk)
    if not (uploads := request.FILES.getlist("file")):
        raise Refused("请选择公示栏的照片。")
    for upload in uploads:
        notices.add_photo(notice, upload)
    messages.success(request, f"已上传 {len(uploads)} 张照片。")
    return redirect("notice_detail", pk)


@page(can=P.NOTICE_VIEW)
def notice_photo_view(request: HttpRequest, pk: int) -> HttpResponse:
    return files.response(_photo(pk)[1])


@command(can=P.NOTICE_WRITE)
def notice_photo_remove(request: HttpRequest, pk: int) -> HttpResponse:
    notice, photo = _photo(pk)
    notices.remove_photo(notice, photo)
    return redirect("notice_detail", notice.pk)


@command(can=P.NOTICE_WRITE)
def notice_archive(request: HttpRequest, pk: int) -> HttpResponse:
    notices.archive(notice_of(pk), by=request.actor)
    messages.success(request, "已归档。")
    return redirect("notice_detail", pk)


@command(can=P.NOTICE_VIEW)
def notice_pack(request: HttpRequest, pk: int) -> HttpResponse:
    notice = get_object_or_404(PublicNotice.objects.select_related("office"), pk=pk)
    return download(notices.pack(notice, today=timezone.localdate()), f"公示归档_{pk}.zip", "application/zip")


@command(can=P.APPLICATION_HAND_UP)
def notice_hand_up(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything that may go; the answer says what stayed and why."""
    notice = notice_of(pk)
    done = notices.hand_up(notice, by=request.actor)
    refusals = [{"reason": reason, "count": count} for reason, count in done.stayed.items()]
    context = {"notice": notice, "moved": done.moved, "refusals": refusals}
    return render(request, "subsidies/casework/notice_handed.html", context)
