"""Policies as people read them: who adopts them since when, every rule with its clause, and whom it reaches."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from aidcases.models import Region
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.terms import Term
from aidcases.web import chosen_term, page
from subsidies import board, clauses
from subsidies.figures import own_region
from subsidies.forms import AdoptionForm, ClauseForm
from subsidies.funnel import Step, funnel
from subsidies.models import (
    AdoptionRequest,
    AdoptionState,
    ClauseText,
    DraftState,
    Entitlement,
    PackAdoption,
    PackDraft,
    Rule,
    RulePack,
)
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
    asked = AdoptionRequest.objects.filter(state=AdoptionState.ASKED).values_list("pack_code", flat=True)
    waiting = Counter(asked.order_by())
    rows = [{"pack": pack, "adoptions": adoptions[pack.code], "waiting": waiting[pack.code]} for pack in packs]
    drafts = PackDraft.objects.filter(state=DraftState.DRAFT).count()
    return render(request, "subsidies/pack_list.html", {"rows": rows, "drafts": drafts})


@page(can=P.RULES_VIEW)
def pack_detail(request: HttpRequest, code: str) -> HttpResponse:
    """The newest version, or the one named by ?version=."""
    return pack_page(request, code)


@dataclass(frozen=True)
class Editing:
    """A clause's text that was sent and not saved: the form again, and why (or what the form itself says)."""

    clause: str
    form: ClauseForm
    told: str = ""


def pack_page(request: HttpRequest, code: str, *, editing: Editing | None = None, status: int = 200) -> HttpResponse:
    versions = list(RulePack.objects.filter(code=code).order_by("-version"))
    wanted = request.GET.get("version", "")
    pack = next((each for each in versions if str(each.version) == wanted or not wanted), None)
    if pack is None:
        raise Http404
    term = chosen_term(request)
    rules = list(pack.rules.select_related("benefit").order_by("order"))
    editable = pack == versions[0] and request.actor.may(P.CLAUSE_WRITE)
    context = {
        "pack": pack,
        "versions": [{"pack": each, "before": before} for each, before in zip_longest(versions, versions[1:])],
        "newest": versions[0],
        "rules": _with_clauses(rules, term, editable, editing),
        "term": term,
        **_adopting(request, code),
    }
    return render(request, "subsidies/pack_detail.html", context, status=status)


def _adopting(request: HttpRequest, code: str) -> dict[str, Any]:
    """Which regions above and below adopt the pack, how many others, what waits, and the form to ask for it."""
    here, adoptions = current_scope().path, _adoptions()[code]
    near = [each for each in adoptions if each.path.startswith(here) or here.startswith(each.path)]
    elsewhere = {each.path for each in adoptions} - {each.path for each in near}
    region = own_region() if request.actor.may(P.PACK_DRAFT) else None
    return {
        "adoptions": near,
        "elsewhere": len(elsewhere),
        "asked": AdoptionRequest.objects.filter(pack_code=code).select_related("region").order_by("-pk")[:5],
        "region": region,
        "adoption_form": _adoption_form(region, near) if region else None,
    }


def _adoption_form(region: Region, near: list[PackAdoption]) -> AdoptionForm:
    """What the region does not do yet: ends the pack where its newest row adopts it."""
    own = next((each for each in near if each.path == region.path), None)
    return AdoptionForm(initial={"what": "end" if own and own.active else "adopt"})


def _with_clauses(rules: list[Rule], term: Term, editable: bool, editing: Editing | None) -> list[dict]:
    """Every rule with its clause's text, which is edited at the first rule of the clause."""
    known, first = clauses.newest({rules[0].pack.code} if rules else ()), {}
    found = []
    for rule in rules:
        texts, beside = known[rule.pack.code, rule.clause], first.setdefault(rule.clause, rule)
        told = _told(rule, term, texts) | {"first": beside, "editing": None, "form": None}
        if editable and beside == rule:
            told["editing"] = editing if editing and editing.clause == rule.clause else None
            told["form"] = told["editing"].form if told["editing"] else _clause_form(rule, texts)
            told["form"].auto_id = f"{rule.code}_%s"
        found.append(told)
    return found


def _clause_form(rule: Rule, texts: list[ClauseText]) -> ClauseForm:
    own = clauses.own_version(texts)
    return ClauseForm(
        initial={"clause": rule.clause, "seen": own.version if own else 0, "text": own.text if own else ""}
    )


def _told(rule: Rule, term: Term, texts: list[ClauseText]) -> dict:
    """A rule as a page tells it: its text, who pays, who bears which part, its clause in full."""
    words = {"text": rule_text(rule, term), "payers": payer_words(rule), "shares": share_words(rule.shares)}
    return words | {"originals": clauses.shown(texts), "first": rule}


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
    texts = clauses.newest([rule.pack.code])[rule.pack.code, rule.clause]
    context = {"rule": rule, "told": _told(rule, term, texts), "term": term, "adoptions": adoptions}
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
