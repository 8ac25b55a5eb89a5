"""Policies as people read them: who adopts them since when, every rule with its clause, and whom it reaches."""

from __future__ import annotations

from collections import defaultdict
from itertools import zip_longest

from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import chosen_term, page
from subsidies import board
from subsidies.funnel import Step, funnel
from subsidies.models import DraftState, Entitlement, PackAdoption, PackDraft, Rule, RulePack
from subsidies.packdiff import payer_words, rule_changes, share_words, text_changes
from subsidies.rules import applied_rules
from subsidies.words import rule_text


def _adoptions() -> dict[str, list[PackAdoption]]:
    """Pack code → its adoptions, the newest day first."""
    found: dict[str, list[PackAdoption]] = defaultdict(list)
    for adoption in PackAdoption.objects.select_related("region").order_by("-from_on", "path"):
        found[adoption.pack_code].append(adoption)
    return found


@page(can=P.RULES_VIEW)
def pack_list(request: HttpRequest) -> HttpResponse:
    adoptions = _adoptions()
    newest = RulePack.objects.filter(pk__in=RulePack.objects.newest().values("pk")).order_by("code")
    packs = newest.annotate(rules_in_it=Count("rules"))
    rows = [{"pack": pack, "adoptions": adoptions[pack.code]} for pack in packs]
    drafts = PackDraft.objects.filter(state=DraftState.DRAFT).count()
    return render(request, "subsidies/pack_list.html", {"rows": rows, "drafts": drafts})


@page(can=P.RULES_VIEW)
def pack_detail(request: HttpRequest, code: str) -> HttpResponse:
    """The newest version, or the one named by ?version=."""
    versions = list(RulePack.objects.filter(code=code).order_by("-version"))
    wanted = request.GET.get("version", "")
    pack = next((each for each in versions if str(each.version) == wanted or not wanted), None)
    if pack is None:
        raise Http404
    term = chosen_term(request)
    rules = [_told(rule, term) for rule in pack.rules.select_related("benefit").order_by("order")]
    context = {
        "pack": pack,
        "versions": [{"pack": each, "before": before} for each, before in zip_longest(versions, versions[1:])],
        "newest": versions[0],
        "rules": rules,
        "adoptions": _adoptions()[code],
        "term": term,
    }
    return render(request, "subsidies/pack_detail.html", context)


def _told(rule: Rule, term: Term) -> dict:
    """A rule as a page tells it: its text, who pays, who bears which part."""
    return {"text": rule_text(rule, term), "payers": payer_words(rule), "shares": share_words(rule.shares)}


@page(can=P.RULES_VIEW)
def pack_changes(request: HttpRequest, code: str) -> HttpResponse:
    """What changed between two versions: ?old= and ?new=, by default the newest and the one before it."""
    versions = list(RulePack.objects.filter(code=code).order_by("-version"))
    if not versions:
        raise Http404
    known = {str(each.version): each for each in versions}
    new = known.get(request.GET.get("new", ""), versions[0])
    old = known.get(request.GET.get("old", ""), next((each for each in versions if each.version < new.version), new))
    before, after = (list(each.rules.select_related("benefit").order_by("order")) for each in (old, new))
    changes = rule_changes(before, after)
    context = {"old": old, "new": new, "versions": versions, "changes": changes, "lines": text_changes(old.text, new.text)}
    return render(request, "subsidies/pack_changes.html", context)


@page(can=P.RULES_VIEW)
def rule_detail(request: HttpRequest, code: str) -> HttpResponse:
    term = chosen_term(request)
    newest = Rule.objects.filter(code=code).select_related("pack", "benefit").order_by("-pack__version", "-pk")
    rule = get_object_or_404(newest[:1])
    adoptions = _adoptions()[rule.pack.code]
    context = {"rule": rule, "told": _told(rule, term), "term": term, "adoptions": adoptions}
    return render(request, "subsidies/rule_detail.html", context | _reach(rule, term))


def _reach(rule: Rule, term: Term) -> dict:
    """Whom the rule reaches in the term as far as whoever acts can see; `steps` is empty when it does not apply."""
    applied = next((each for each in applied_rules(term) if each.rule.pk == rule.pk), None)
    granted = board.totals(Entitlement.objects.in_term(term).filter(rule__code=rule.code))
    steps = funnel(applied, term) if applied else []
    eligible = steps[-1].left if steps else 0
    return {
        "steps": steps,
        "chart": _chart(steps) if steps and steps[0].left else None,
        "granted": granted,
        "eligible": eligible,
        "differs": eligible != granted["people"] + granted["loans"],
    }


def _chart(steps: list[Step]) -> dict:
    return {
        "kind": "rows",
        "title": "符合条件的学生逐项筛出",
        "unit": "人",
        "head": "条件（逐条累加）",
        "columns": ["剩下"],
        "rows": [{"label": step.label, "url": None, "values": [step.left]} for step in steps],
    }
