"""What the work's progress gives the kernel: navigation, what time makes due, something for the demo."""

from aidcases.registry import Card, NavItem, registry
from aidcases.roles import P
from ledgers.progress import card, daily

registry.daily.extend(daily.HOOKS)
registry.demo.append((50, "ledgers.progress.demo.seed"))
registry.add(
    NavItem(
        61, "工作推进", "worktask_list", "list-task", P.PROGRESS_VIEW,
        (
            "worktask_detail", "worktask_new", "worktask_give", "work_rows", "workline_list", "work_report", "county_year",
            "goal_board", "goal_names", "goal_figures", "talk_list", "talk_new", "talk_hold", "talk_detail",
        ),
    ),
    Card(41, P.PROGRESS_VIEW, "ledgers/progress/card.html", card.content),
)  # fmt: skip
