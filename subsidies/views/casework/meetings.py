"""Pages of a panel's meeting: attendance and minutes, the table of applications, one child's score, closing, confirming."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases import audit, files
from aidcases.flow import Refused
from aidcases.models import StoredFile
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.terms import Term
from aidcases.web import PERSONAL, command, page, paginate, saw
from subsidies.casework import applying, assessing, concluding, form, meetinglist, minutes, panel, quota, telling
from subsidies.casework.applying import Outcome
from subsidies.casework.meetinglist import DONE, TODO, MeetingFilter
from subsidies.casework.panelforms import MeetingForm, told
from subsidies.casework.scoring import Index
from subsidies.enums import Level
from subsidies.models import Application, Assessment, Meeting
from subsidies.models.applications import Box, own_pupils_only
from subsidies.views.casework.panels import ours

RECORD = "record"
SCORE = "subsidies/casework/score_detail.html"
TABLE_PAGE = "subsidies/casework/meeting_table.html"
RECORD_PAGE = "subsidies/casework/meeting_record.html"


def meeting_of(pk: int) -> Meeting:
    return get_object_or_404(Meeting.objects.select_related("panel__school", "index"), pk=pk)


def own(pk: int) -> Meeting:
    """One of the own school. Raises Refused."""
    found = meeting_of(pk)
    if current_scope().path != found.panel.path:
        raise Refused("评审由学校自己进行。")
    return found


# --- the meeting ---------------------------------------------------------------------------------------------------


@page(can=P.PANEL_RUN)
def meeting_new(request: HttpRequest, pk: int) -> HttpResponse:
    found = ours(pk)
    lacks = panel.problems(found.members.all())
    initial = {"held_at": timezone.localtime().replace(minute=0, second=0), "present": found.members.all()}
    context = {"panel": found, "form": MeetingForm(panel=found, initial=initial), "problems": lacks}
    return render(request, "subsidies/casework/meeting_new.html", context)


@command(can=P.PANEL_RUN)
def meeting_create(request: HttpRequest, pk: int) -> HttpResponse:
    found = ours(pk)
    typed = MeetingForm(request.POST, panel=found)
    if not typed.is_valid():
        context = {"panel": found, "form": typed, "problems": panel.problems(found.members.all())}
        return render(request, "subsidies/casework/meeting_new.html", context, status=422)
    made = panel.open_meeting(found, by=request.actor, **typed.cleaned_data)
    return redirect("meeting_detail", made.pk)


@page(can=P.APPLICATION_VIEW)
def meeting_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Three tabs: applications to look at, those looked at, the record itself."""
    meeting = meeting_of(pk)
    counts = meetinglist.counts(meeting)
    wanted = request.GET.get("tab", "")
    tab = wanted if wanted in (TODO, DONE, RECORD) else (TODO if counts["todo"] and not meeting.closed_at else DONE)
    mine = current_scope().path == meeting.panel.path
    context = {
        "meeting": meeting,
        "term": Term.parse(meeting.panel.term),
        "tab": tab,
        "tabs": _tabs(tab, counts),
        "seats": quota.headroom(meeting.panel.school, meeting.panel.term, assessing.planned(meeting)),
        "may_run": mine and request.actor.may(P.PANEL_RUN) and not meeting.closed_at,
        "may_reopen": mine and request.actor.may(P.PANEL_RUN) and bool(meeting.closed_at),
        "may_confirm": mine and request.actor.may(P.PANEL_CONFIRM),
        "may_told": mine,
        "may_print": not own_pupils_only(request.actor),
    }
    more = _record(request, meeting, context["may_run"]) if tab == RECORD else _table(request, meeting, tab)
    return render(request, RECORD_PAGE if tab == RECORD else TABLE_PAGE, {**context, **more})


def _tabs(tab: str, counts: dict[str, int]) -> list[dict[str, Any]]:
    named = ((TODO, "待评", counts["todo"]), (DONE, "已评", counts["done"]), (RECORD, "会议记录和定稿", 0))
    return [{"label": label, "url": f"?tab={code}", "active": code == tab, "count": n} for code, label, n in named]


def _table(request: HttpRequest, meeting: Meeting, tab: str) -> dict[str, Any]:
    found = MeetingFilter(request.GET, meeting=meeting, tab=tab)
    shown = paginate(found.ordered(), request)
    narrowed = any(request.GET.get(name) for name in ("place", "box", "level"))
    return {"found": found, "page": shown, "rows": meetinglist.lines(list(shown), found), "narrowed": narrowed}


def _record(request: HttpRequest, meeting: Meeting, may_run: bool) -> dict[str, Any]:
    prefetch_related_objects([meeting], "present", "panel__members")
    names = ("held_at", "place", "chair", "recorder", "minutes")
    there = list(meeting.present.all())
    initial = {**{name: getattr(meeting, name) for name in names}, "present": there}
    initial["held_at"] = timezone.localtime(meeting.held_at)
    return {
        "form": MeetingForm(panel=meeting.panel, initial=initial) if may_run else None,
        "there": there,
        "quorum": panel.Quorum(len(there), meeting.panel.members.count()),
        "photos": files.files_of(meeting, panel.PHOTO),
        "against": [] if meeting.closed_at else assessing.against_closing(meeting, now=timezone.now()),
        "confirm_blocked": "；".join(assessing.against_confirming(meeting, by=request.actor)),
        "confirmed": meeting.assessments.exclude(confirmed_at=None).count(),
        "unconfirmed": meeting.assessments.filter(confirmed_at=None).count(),
        "not_hard": concluding.waiting(meeting).count() if meeting.closed_at else 0,
        "concluded": concluding.concluded(meeting).count() if meeting.closed_at else 0,
        "reason": concluding.REASON,
    }


def _back(meeting: int, tab: str = RECORD) -> HttpResponse:
    return redirect(f"{reverse('meeting_detail', args=[meeting])}?tab={tab}")


@command(can=P.PANEL_RUN)
def meeting_edit(request: HttpRequest, pk: int) -> HttpResponse:
    meeting = own(pk)
    panel.edit_meeting(meeting, **told(MeetingForm(request.POST, panel=meeting.panel)))
    messages.success(request, "会议记录已保存。")
    return _back(pk)


@command(can=P.PANEL_RUN)
def meeting_photo(request: HttpRequest, pk: int) -> HttpResponse:
    meeting = own(pk)
    if not (uploads := request.FILES.getlist("file")):
        raise Refused("请选择会议照片。")
    for upload in uploads:
        panel.add_photo(meeting, upload)
    messages.success(request, f"已上传 {len(uploads)} 张照片。")
    return _back(pk)


def _photo(pk: int) -> StoredFile:
    photo = get_object_or_404(StoredFile, pk=pk, what=panel.PHOTO, removed_at=None)
    meeting_of(photo.subject_id)
    return photo


@page(can=P.APPLICATION_VIEW)
def meeting_photo_view(request: HttpRequest, pk: int) -> HttpResponse:
    return files.response(_photo(pk))


@command(can=P.PANEL_RUN)
def meeting_photo_remove(request: HttpRequest, pk: int) -> HttpResponse:
    photo = _photo(pk)
    if own(photo.subject_id).closed_at:
        raise Refused("会议已定稿，照片不能删除。")
    files.remove(photo)
    return _back(photo.subject_id)


@command(can=P.APPLICATION_VIEW)
def meeting_minutes(request: HttpRequest, pk: int) -> HttpResponse:
    """The minutes to print and sign: every child with its level, which is not a class teacher's to have."""
    if own_pupils_only(request.actor):
        raise Refused("会议记录里有全校学生的评议结果，由学校经办打印。")
    meeting = meeting_of(pk)
    return _pdf(minutes.print_minutes(meeting).pdf, "minutes.pdf")


# --- children ------------------------------------------------------------------------------------------------------


@command(can=P.PANEL_RUN)
def meeting_accept(request: HttpRequest, pk: int) -> HttpResponse:
    """Suggested levels for every waiting application of the filter in the address."""
    meeting = own(pk)
    found = MeetingFilter(request.GET, meeting=meeting, tab=TODO)
    if not found.is_valid():
        raise Refused("筛选条件不对，请刷新页面再试。")
    done = assessing.accept(meeting, found.qs, by=request.actor)
    messages.success(request, f"已按建议等级评定 {done:,} 名学生，可以在“已评”里逐个调整。")
    return _back(pk, TODO if assessing.waiting(meeting).exists() else DONE)


def _child(meeting: Meeting, pk: int) -> Application:
    rows = meetinglist.placed(assessing.of_school(meeting), meeting).select_related("student__person")
    return get_object_or_404(rows.defer("phone", "parent_phone", "student__person__id_number", "student__roll_number"), pk=pk)


@page(can=P.APPLICATION_VIEW, reads=PERSONAL)
def score_detail(request: HttpRequest, pk: int, key: int) -> HttpResponse:
    meeting = meeting_of(pk)
    child = _child(meeting, key)
    given = Assessment.objects.filter(meeting=meeting, application=child).first()
    index = Index.read(meeting.index)
    saw(request, "subsidies.application", [child.pk])
    typed = {
        "answers": set(given.answers if given else index.answers_of(child.boxes)),
        "level": given.level if given and given.level != given.suggested else "",
        "why": given.why if given else "",
        "away": set(given.away if given else ()),
    }
    return _score_page(request, meeting, child, given, typed)


def _score_page(
    request: HttpRequest, meeting: Meeting, child: Application, given: Assessment | None, typed: dict[str, Any],
    problems: Collection[str] = (), status: int = 200,
) -> HttpResponse:  # fmt: skip
    index, labels = Index.read(meeting.index), dict(Box.choices)
    score = index.score(typed["answers"])
    told_facts = [(Application._meta.get_field(n).verbose_name, getattr(child, n)) for n in form.CIRCUMSTANCES]
    context = {
        "meeting": meeting, "application": child, "person": child.student.person, "given": given, "typed": typed,
        "place": meetinglist.place_label(child), "problems": problems, "levels": Level.choices, "score": score,
        "index": index, "suggested": index.suggest(score, child.boxes), "from_boxes": set(index.answers_of(child.boxes)),
        "boxes": [{"label": labels.get(b, b), "listed": b in child.listed_boxes} for b in child.boxes],
        "facts": [(str(label), value) for label, value in told_facts if value],
        "members": list(meeting.panel.members.all()),
        "parents": set(meeting.panel.members.filter(children=child.student_id).values_list("name", flat=True)),
        "may_run": request.actor.may(P.PANEL_RUN) and current_scope().path == meeting.panel.path
        and not meeting.closed_at and child.state == "submitted",
    }  # fmt: skip
    return render(request, SCORE, context, status=status)


def _answered(request: HttpRequest, index: Index) -> set[str]:
    found = set(request.POST.getlist("answers"))
    return found | {code for group in index.groups if group.one and (code := request.POST.get(f"one-{group.code}"))}


@command(can=P.PANEL_RUN)
def score_save(request: HttpRequest, pk: int, key: int) -> HttpResponse:
    """Saved, or the page again with what was typed and what to mend. `next`: on to the next one waiting."""
    meeting = own(pk)
    child = _child(meeting, key)
    typed = {
        "answers": _answered(request, Index.read(meeting.index)),
        "level": request.POST.get("level", ""),
        "why": request.POST.get("why", ""),
        "away": set(request.POST.getlist("away")),
    }
    version = request.POST.get("version", "")
    try:
        made = assessing.assess(
            meeting, child, **typed, by=request.actor,
            seen_version=int(version) if version.isdecimal() and len(version) < 19 else -1,
        )
    except Refused as refused:
        given = Assessment.objects.filter(meeting=meeting, application=child).first()
        return _score_page(request, meeting, child, given, typed, refused.reasons, status=422)
    messages.success(request, f"{child.student.person.name}：{made.score:.0f} 分，{made.get_level_display()}。")
    rows = meetinglist.placed(assessing.waiting(meeting), meeting).order_by(*meetinglist.ORDER)
    following = rows.values_list("pk", flat=True).first() if "next" in request.POST else None
    return redirect("score_detail", pk, following) if following else _back(pk, DONE)


@command(can=P.PANEL_RUN)
def score_drop(request: HttpRequest, pk: int, key: int) -> HttpResponse:
    meeting = own(pk)
    assessing.drop(get_object_or_404(Assessment.objects.select_related("meeting"), meeting=meeting, application=key))
    messages.info(request, "已撤下，回到“待评”。")
    return _back(pk, DONE)


@command(can=P.PANEL_RUN)
def score_before(request: HttpRequest, pk: int, key: int) -> HttpResponse:
    """One place up among equals."""
    meeting = own(pk)
    row = get_object_or_404(Assessment.objects.select_related("meeting"), meeting=meeting, application=key)
    assessing.put_before(row, why=request.POST.get("note", ""))
    return _back(pk, DONE)


# --- closing and confirming ----------------------------------------------------------------------------------------


@command(can=P.PANEL_RUN)
def meeting_close(request: HttpRequest, pk: int) -> HttpResponse:
    assessing.close(own(pk), now=timezone.now())
    messages.success(request, "已定稿。请打印会议记录签字，并请学校审核（校长）打开本页确认。")
    return _back(pk)


@command(can=P.PANEL_RUN)
def meeting_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    assessing.reopen(own(pk))
    messages.info(request, "已取消定稿，可以继续修改。")
    return _back(pk)


@command(can=P.PANEL_CONFIRM)
def meeting_confirm(request: HttpRequest, pk: int) -> HttpResponse:
    return _reported(request, pk, "评审通过", assessing.confirm(own(pk), by=request.actor))


@command(can=P.PANEL_CONFIRM)
def meeting_take_back(request: HttpRequest, pk: int) -> HttpResponse:
    return _reported(request, pk, "收回评审", assessing.take_back(own(pk), by=request.actor))


@command(can=P.PANEL_CONFIRM)
def meeting_conclude(request: HttpRequest, pk: int) -> HttpResponse:
    """Whoever the meeting found not hard: told why, and closed."""
    rows, note = concluding.waiting(own(pk)), request.POST.get("note", "")
    return _reported(request, pk, "认定为不困难", applying.move(rows, "conclude", by=request.actor, note=note))


@command(can=P.APPLICATION_VIEW)
def meeting_told(request: HttpRequest, pk: int) -> HttpResponse:
    """告知书 for all whom the meeting found not hard."""
    found = own(pk)
    rows = concluding.concluded(found).select_related("student__person", "school", "approval")
    made = telling.print_told(rows.order_by("school_path", "rank", "pk"))
    audit.record("application.told", subject=found, path=found.panel.path, rows=made.pages)
    return _pdf(made.pdf, "told.pdf")


def _pdf(content: bytes, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type="application/pdf", headers=headers)


def _reported(request: HttpRequest, pk: int, label: str, done: Outcome) -> HttpResponse:
    """What moved, what not and why."""
    refusals = [{"reason": reason, "count": count} for reason, count in done.refusals.items()]
    context = {"meeting": meeting_of(pk), "label": label, "moved": done.moved, "refusals": refusals}
    return render(request, "subsidies/casework/meeting_moved.html", context)
