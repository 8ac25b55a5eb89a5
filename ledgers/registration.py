"""What the ledgers app gives the kernel: its job kind, navigation, the city's home card."""

from aidcases.jobs import KINDS, Kind
from aidcases.registry import Card, NavItem, registry
from aidcases.roles import P
from ledgers import actions, comparisons, packing, panels, schedules, verifications
from ledgers.progress import registration as _progress  # noqa: F401  (its own entries)

KINDS["ledgers.issue"] = Kind("生成台账", run=actions.generate)
KINDS["ledgers.compare"] = Kind("比较两期台账", run=comparisons.generate)
KINDS[verifications.KIND] = Kind("核验台账", run=verifications.run)
KINDS["ledgers.bundle"] = Kind("汇总上报", run=packing.generate)
registry.daily.extend((schedules.ledgers_due, verifications.forget))
registry.demo.append((60, "ledgers.demo.seed"))
registry.add(
    NavItem(
        60, "台账", "ledger_list", "file-earmark-spreadsheet", P.LEDGER_VIEW,
        ("ledger_detail", "issue_list", "issue_detail", "issue_certificate", "ledger_verify", "ledger_verified",
         "ledger_rows", "form_list", "form_new",
         "form_detail", "due_list", "due_board", "due_detail", "schedule_list", "issue_compare", "bundle_list", "bundle_detail"),
    ),
    Card(5, P.LEDGER_VIEW, "ledgers/due_card.html", panels.dues),
    Card(40, P.LEDGER_VIEW, "ledgers/county_card.html", panels.counties),
)  # fmt: skip
