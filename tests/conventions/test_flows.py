"""docs/flows.md is the flow tables in words and pictures. WRITE_DOCS=1 writes it anew."""

from __future__ import annotations

import os
from pathlib import Path

from django.apps import apps
from django.conf import settings

from aidcases import checks
from aidcases.flow import Moving

DOCUMENT = Path(settings.PROJECT) / "docs" / "flows.md"
HEAD = """# Flows

Made from the tables of moves in the code (`FLOW` of each model); a test holds this page against them.
`WRITE_DOCS=1 python -m pytest tests/conventions/test_flows.py` writes it anew.
"""


def moving() -> list[type[Moving]]:
    found = [m for app in checks.OURS for m in apps.get_app_config(app).get_models() if issubclass(m, Moving)]
    return sorted(found, key=lambda model: model._meta.label)


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def section(model: type[Moving]) -> str:
    """A flow as a picture, its states and its moves."""
    states = dict(model._meta.get_field("state").choices)
    moves = [
        [
            f"`{move.name}` {move.label}",
            "、".join(states[source] for source in states if source in move.sources),
            states[move.target],
            f"`{move.permission}`",
            "；".join(guard.label for guard in move.guards) or "—",
            "yes" if move.note_required else "no",
        ]
        for move in model.FLOW.moves.values()
    ]
    return "\n\n".join(
        [
            f"## {model._meta.verbose_name} (`{model._meta.label}`)",
            f"```mermaid\n{model.FLOW.mermaid()}\n```",
            table(["State", "Shown as"], [[f"`{code}`", label] for code, label in states.items()]),
            table(["Move", "From", "To", "Permission", "Refused unless", "Needs a reason"], moves),
        ]
    )


def document() -> str:
    return "\n\n".join([HEAD.rstrip(), *map(section, moving())]) + "\n"


def test_the_document_says_what_the_tables_say():
    if os.environ.get("WRITE_DOCS"):
        DOCUMENT.parent.mkdir(exist_ok=True)
        DOCUMENT.write_text(document(), encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == document()


def test_every_flow_is_in_it():
    assert [line for line in document().splitlines() if line.startswith("## ")] == [
        "## 任务 (`aidcases.Job`)",
        "## 控辍案件 (`dropout.DropoutCase`)",
        "## 家庭诉求 (`dropout.FamilyRequest`)",
        "## 整改任务 (`dropout.Rectification`)",
        "## 控辍保学报告 (`dropout.Report`)",
        "## 群众反映 (`dropout.Tip`)",
        "## 台账上报 (`ledgers.Submission`)",
        "## 工作任务 (`ledgers.WorkTask`)",
        "## 一卡通账户 (`students.Account`)",
        "## 批次 (`students.Batch`)",
        "## 核对决定 (`students.Decision`)",
        "## 导入文件 (`students.ImportFile`)",
        "## 不在新名单的人员 (`students.Missing`)",
        "## 疑似重复人员 (`students.Suspect`)",
        "## 采用申请 (`subsidies.AdoptionRequest`)",
        "## 认定申请 (`subsidies.Application`)",
        "## 毕业生跟踪 (`subsidies.FollowUp`)",
        "## 帮扶计划 (`subsidies.HouseholdPlan`)",
        "## 来信来访 (`subsidies.Letter`)",
        "## 助学贷款 (`subsidies.Loan`)",
        "## 异议 (`subsidies.Objection`)",
        "## 政策草稿 (`subsidies.PackDraft`)",
        "## 发放明细 (`subsidies.Payment`)",
        "## 发放批次 (`subsidies.PaymentBatch`)",
        "## 公示 (`subsidies.PublicNotice`)",
        "## 追缴 (`subsidies.Recovery`)",
        "## 附加资助 (`subsidies.TopUpCase`)",
        "## 两后生 (`subsidies.Trainee`)",
        "## 两后生培养计划 (`subsidies.TrainingPlan`)",
    ]
    assert "    queued --> cancelled: 取消" in document()
    assert "| `commit` 入库 | 入库中 | 已入库 | `import.write` | — | no |" in document()
