"""manage.py publish_pack FILE"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from aidcases.cli import AidCommand
from aidcases.models import Region
from aidcases.terms import Term, chronological
from students.models import Enrolment
from subsidies.actions import publish, text_of_file
from subsidies.conditions import PackError
from subsidies.lint import stop_at_errors


def newest_term() -> Term | None:
    code = Enrolment.objects.order_by(*chronological()).values_list("term", flat=True).first()
    return Term.parse(code) if code else None


class Command(AidCommand):
    help = "发布一份政策：已有的代码是它的下一版，在采用它的地区生效；新的代码要另行采用。"
    plain_errors = (*AidCommand.plain_errors, PackError)

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="政策包文件（TOML）")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        text = text_of_file(options["file"])
        stop_at_errors(text, term=newest_term())  # also rules that match nobody or everybody today
        pack, new = publish(text)
        self.record("publish_pack", code=pack.code, version=pack.version)
        return {"pack": pack.code, "version": pack.version, "new": new, "rules": pack.rules.count()}
