"""The full text of a clause: pasted on the policy's page, kept in every version."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.web import command, page
from subsidies import clauses
from subsidies.forms import ClauseForm
from subsidies.models import Rule, RulePack
from subsidies.packdiff import text_changes
from subsidies.views.packs import Editing, pack_page

OVERTAKEN = (
    "您打开以后，本单位另有人改过这一条，所以您的文字没有保存。下面仍是您输入的文字，上面是现在的原文；"
    "再按一次“保存”，就用您的文字代替。"
)


@command(can=P.CLAUSE_WRITE)
def clause_save(request: HttpRequest, code: str) -> HttpResponse:
    """What was typed is saved or shown again, never lost."""
    get_object_or_404(RulePack.objects.filter(code=code)[:1])
    form = ClauseForm(request.POST)
    if not form.is_valid():
        if set(form.errors) != {"text"}:
            raise Refused("没有认出是哪一条，请在政策页重新粘贴。")
        return pack_page(request, code, editing=Editing(request.POST.get("clause", ""), form), status=422)
    typed = form.cleaned_data
    clause, text = typed["clause"], typed["text"]
    written = clauses.write(pack_code=code, clause=clause, text=text, seen=typed["seen"])
    if written is None:
        now = clauses.own_version(clauses.newest([code])[code, clause])
        again = ClauseForm(initial={"clause": clause, "text": text, "seen": now.version})
        return pack_page(request, code, editing=Editing(clause, again, OVERTAKEN), status=409)
    messages.success(request, "条款原文已保存。" if text else "条款原文已清空。")
    beside = Rule.objects.filter(pack__code=code, clause=clause).order_by("-pack__version", "order").first()
    return redirect(f"{resolve_url('pack_detail', code)}#{beside.code}")


@page(can=P.RULES_VIEW)
def clause_history(request: HttpRequest, pk: int) -> HttpResponse:
    """Every version of an office's text of a clause, newest first, with what changed."""
    text = get_object_or_404(clauses.in_sight(), pk=pk)
    versions = clauses.history(text)
    before = [each.text for each in versions[1:]] + [""]
    context = {
        "text": versions[0],
        "pack": RulePack.objects.filter(code=text.pack_code).order_by("-version").first(),
        "versions": [
            {"text": each, "lines": text_changes(old, each.text)} for each, old in zip(versions, before, strict=True)
        ],
    }
    return render(request, "subsidies/clause_history.html", context)
