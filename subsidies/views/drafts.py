"""Policies being written: text with its checks and counts beside it, rehearsed, published by a second person."""

from __future__ import annotations

from pathlib import Path

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from aidcases.flow import Refused
from aidcases.models import Job
from aidcases.roles import P
from aidcases.scoping import current_actor, current_scope
from aidcases.web import chosen_term, command, known_terms, page, paginate
from students.models import Enrolment
from students.places import Places
from subsidies import drafting, packdiff
from subsidies.actions import against_publishing, publish_draft, request_rehearsal
from subsidies.board import above_counties
from subsidies.conditions import PackError
from subsidies.forms import LONGEST, DraftForm, NewDraftForm, RehearsalForm
from subsidies.lint import lint
from subsidies.models import DraftState, PackAdoption, PackDraft, RulePack
from subsidies.packchecks import ERROR

EMPTY = Path(__file__).parents[1] / "new_pack.toml"
TOO_LONG = f"条文超过 {LONGEST:,} 个字，请分成几份政策。"


@page(can=P.RULES_VIEW)
def draft_list(request: HttpRequest) -> HttpResponse:
    """Drafts of the own office and of those below it, in one state."""
    wanted = request.GET.get("state", "")
    state = wanted if wanted in DraftState.values else DraftState.DRAFT
    drafts = PackDraft.objects.filter(state=state).select_related("rehearsal", "pack")
    shown = paginate(drafts.defer("text", "rehearsal__text", "pack__text").order_by("-changed_at"), request)
    named = Places(draft.path for draft in shown)
    context = {
        "page": shown,
        "rows": [{"draft": draft, "place": named.label(draft.path), "rehearsed": _rehearsed(draft)} for draft in shown],
        "tabs": [{"label": label, "url": f"?state={code}", "active": code == state} for code, label in DraftState.choices],
        "state": str(state),
    }
    return render(request, "subsidies/draft_list.html", context)


def _rehearsed(draft: PackDraft) -> str:
    """How far the rehearsal of a draft is: "" none, old (of another text), running, done."""
    if draft.rehearsal is None:
        return ""
    if draft.rehearsal.sha256 != draft.sha256:
        return "old"
    return "done" if draft.rehearsal.finished_at else "running"


@page(can=P.PACK_DRAFT)
def draft_new(request: HttpRequest) -> HttpResponse:
    form = NewDraftForm(initial={"pack": request.GET.get("pack", "")})
    return render(request, "subsidies/draft_new.html", {"form": form})


@command(can=P.PACK_DRAFT)
def draft_create(request: HttpRequest) -> HttpResponse:
    """A second click gives the draft of the first: an untouched one of the same text is not made twice."""
    form = NewDraftForm(request.POST)
    if not form.is_valid():
        raise Refused("没有这份政策，请重新选择。")
    code = form.cleaned_data["pack"]
    text = RulePack.objects.filter(code=code).order_by("-version")[0].text if code else EMPTY.read_text(encoding="utf-8")
    draft = drafting.begin(text)
    return redirect("draft_detail", draft.pk)


@page(can=P.RULES_VIEW)
def draft_detail(request: HttpRequest, pk: int) -> HttpResponse:
    draft = get_object_or_404(PackDraft.objects.select_related("rehearsal", "pack"), pk=pk)
    form = DraftForm(initial={"text": draft.text, "seen": draft.sha256})
    return _draft_page(request, draft, form)


def _draft_page(request: HttpRequest, draft: PackDraft, form: DraftForm, *, told: str = "", status: int = 200) -> HttpResponse:
    """`told`: why what was typed is not saved; the form then holds what was typed."""
    typed = form["text"].value() or ""
    rehearsal = draft.rehearsal
    context = {
        "draft": draft,
        "form": form,
        "told": told,
        "theirs": packdiff.text_changes(typed.replace("\r\n", "\n"), draft.text) if told else [],
        "editable": draft.state == DraftState.DRAFT and request.actor.may(P.PACK_DRAFT),
        "place": Places([draft.path]).label(draft.path),
        "chosen": chosen_term(request),
        "rehearsed": _rehearsed(draft),
        "job": Job.objects.filter(pk=rehearsal.job_id).first() if rehearsal else None,
        "rehearsal_seen": bool(rehearsal) and current_scope().covers(rehearsal.path),
        "rehearse": RehearsalForm(terms=_terms(request), draft=draft, initial={"term": chosen_term(request).code}),
        "facts": drafting.vocabulary(),
        "live": not above_counties(),
        "unadopted": bool(draft.pack) and not PackAdoption.objects.filter(pack_code=draft.pack.code).exists(),
        **drafting.against_published(draft),
    }
    return render(request, "subsidies/draft_detail.html", context, status=status)


def _terms(request: HttpRequest) -> list[str]:
    return list(dict.fromkeys([*known_terms(request), chosen_term(request).code]))


def _held(pk: int) -> PackDraft:
    """The draft, kept from everybody else until this command has ended."""
    return get_object_or_404(PackDraft.objects.select_for_update(of=("self",)), pk=pk)


@command(can=P.PACK_DRAFT)
def draft_save(request: HttpRequest, pk: int) -> HttpResponse:
    """What was typed is saved or shown again, never lost."""
    draft, form = _held(pk), DraftForm(request.POST)
    if not form.is_valid():
        return _draft_page(request, draft, form, status=422)
    text = form.cleaned_data["text"]
    if told := drafting.against_saving(draft, form.cleaned_data["seen"], text):
        shown = DraftForm(initial={"text": text, "seen": draft.sha256})
        return _draft_page(request, draft, shown, told=told, status=409)
    if drafting.save(draft, text):
        messages.success(request, "已保存。")
    else:
        messages.info(request, "文字没有改动。")
    return redirect("draft_detail", pk)


@command(can=P.PACK_DRAFT)
def draft_check(request: HttpRequest, pk: int) -> HttpResponse:
    """What is wrong with the text as it is being typed, by line. Needs no student and saves nothing."""
    get_object_or_404(PackDraft.objects.only("pk"), pk=pk)
    found = lint(_typed(request), term=None)
    errors = sum(finding.severity == ERROR for finding in found)
    context = {"findings": found, "errors": errors, "warnings": len(found) - errors}
    return render(request, "subsidies/draft_check.html#findings", context)


@command(can=P.PACK_DRAFT)
def draft_count(request: HttpRequest, pk: int) -> HttpResponse:
    """Whom each rule of the text as typed reaches among the own students of the chosen term."""
    draft, term = get_object_or_404(PackDraft.objects.only("path"), pk=pk), chosen_term(request)
    text = _typed(request)
    context = {
        "term": term,
        "rows": drafting.reach(text, term, draft.path),
        "findings": drafting.of_students(text, term, draft.path),
    }
    return render(request, "subsidies/draft_check.html#counts", context)


def _typed(request: HttpRequest) -> str:
    text = request.POST.get("text", "").replace("\r\n", "\n")
    if len(text) > LONGEST:
        raise Refused(TOO_LONG)
    return text


@command(can=P.PACK_DRAFT)
def draft_rehearse(request: HttpRequest, pk: int) -> HttpResponse:
    """A second click while it runs leads to the same rehearsal."""
    draft = _held(pk)
    form = RehearsalForm(request.POST, terms=_terms(request), draft=draft)
    if not form.is_valid():
        raise Refused("请选择学期和地区。")
    term, path = form.cleaned_data["term"], form.cleaned_data["place"]
    if draft.state != DraftState.DRAFT:
        raise Refused("这份草稿已经发布或放弃，不能再试算。")
    if not Enrolment.objects.in_term(term).of(path).exists():
        raise Refused(f"{term.label}这个地区还没有学籍数据，没有可试算的学生。")
    try:
        rehearsal = drafting.running(draft, term, path) or request_rehearsal(text=draft.text, term=term, path=path, draft=draft)
    except PackError as problem:
        raise Refused(f"条文有错，还不能试算：{problem}") from None
    return redirect("rehearsal_detail", rehearsal.pk)


@page(can=P.RULES_VIEW)
def draft_ready(request: HttpRequest, pk: int) -> HttpResponse:
    """What stands against publishing: fetched after the page, because it counts students."""
    draft = get_object_or_404(PackDraft.objects.select_related("rehearsal"), pk=pk)
    reasons = against_publishing(draft) if draft.state == DraftState.DRAFT else []
    return render(request, "subsidies/draft_detail.html#ready", {"draft": draft, "reasons": reasons})


@command(can=P.PACK_PUBLISH)
def draft_publish(request: HttpRequest, pk: int) -> HttpResponse:
    draft = _held(pk)
    pack = publish_draft(draft)
    messages.success(request, f"已发布《{pack.title}》第 {pack.version} 版。")
    return redirect("draft_detail", pk)


@command(can=P.PACK_DRAFT)
def draft_discard(request: HttpRequest, pk: int) -> HttpResponse:
    draft = _held(pk)
    draft.move("discard", by=current_actor(), note=request.POST.get("note", "").strip()[:200])
    messages.info(request, f"已放弃草稿《{draft.title}》，文字仍留在“草稿”里可以查看。")
    return redirect("draft_list")
