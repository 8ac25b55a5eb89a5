"""manage.py seed_demo [--students N] [--seed S]"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from aidcases import demo
from aidcases.cli import AidCommand


class Command(AidCommand):
    help = "装入演示县和邻县（只能装进空的系统）：生成名单，走正常的导入、测算和困难认定，建好演示账号。"
    plain_errors = (*AidCommand.plain_errors, ValueError)

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--students", type=int, default=2000, help="演示县学生数，默认 2000")
        parser.add_argument("--seed", type=int, default=2026, help="随机种子，同一种子生成同样的名单")

    def work(self, options: dict[str, Any], *_: Any) -> dict[str, Any]:
        if options["students"] < 100:
            raise CommandError("演示县至少要 100 名学生。")
        demo.seed(students=options["students"], seed=options["seed"], say=self.progress)
        self.record("seed_demo", students=options["students"], seed=options["seed"])
        return {"students": options["students"], "accounts": len(demo.accounts())}
