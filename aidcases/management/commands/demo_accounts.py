"""manage.py demo_accounts: the demo's accounts, if there are any."""

from __future__ import annotations

from typing import Any

from aidcases import demo
from aidcases.cli import PlainCommand


class Command(PlainCommand):
    help = "列出演示账号。"

    def handle(self, *_args: Any, **_options: Any) -> None:
        if lines := demo.accounts():
            self.stdout.write("演示账号（用户名 密码 角色）：")
            for line in lines:
                self.stdout.write("  " + line)
