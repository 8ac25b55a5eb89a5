"""What the ledgers app gives the kernel: its job kind, navigation, the city's home card."""

from aidcases.jobs import KINDS, Kind
from aidcases.registry import Card, NavItem, registry
from aidcases.roles import P
from ledgers import actions, panels

KINDS["ledgers.issue"] = Kind("生成台账", run=actions.generate)
registry.add(
    NavItem(
        60, "台账", "ledger_list", "file-earmark-spreadsheet", P.LEDGER_VIEW,
        ("ledger_detail", "issue_list", "issue_detail"),
    ),
    Card(40, P.LEDGER_VIEW, "ledgers/county_card.html", panels.counties),
)  # fmt: skip
