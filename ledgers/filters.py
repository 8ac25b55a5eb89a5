"""Filter of the list of issues."""

from __future__ import annotations

from typing import Any

import django_filters

from aidcases.web import known_terms
from ledgers.definitions import LEDGERS
from ledgers.forms import spans_offered
from ledgers.models import LedgerIssue

ALL = "全部"


class IssueFilter(django_filters.FilterSet):
    """Issues in sight, by ledger, term, layout and state."""

    ledger = django_filters.ChoiceFilter(
        label="台账", choices=[(ledger.code, ledger.title) for ledger in LEDGERS.values()], empty_label=ALL
    )
    term = django_filters.ChoiceFilter(label="学期或年度", choices=[], empty_label=ALL)
    flat = django_filters.ChoiceFilter(label="版式", choices=[("0", "上报版"), ("1", "数据版")], empty_label=ALL)
    area_name = django_filters.CharFilter(label="范围", lookup_expr="contains")
    unmasked = django_filters.ChoiceFilter(
        label="号码", choices=[("0", "只显示后四位"), ("1", "完整号码")], empty_label=ALL
    )

    class Meta:
        model = LedgerIssue
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.filters["term"].extra["choices"] = spans_offered(known_terms(self.request))
