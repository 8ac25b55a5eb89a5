"""manage.py compare_rosters --term T --region R --purpose TEXT"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from aidcases.cli import AidCommand
from aidcases.models import Region
from aidcases.terms import Term
from dropout import comparing


class Command(AidCommand):
    help = "比对户籍、学籍、在校和贫困名单，列出疑点；证件号码为明文，必须写明用途并记入操作记录。"
    wants_region = wants_term = True

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--purpose", required=True, help="用途")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        assert region
        assert term
        if not options["purpose"].strip():
            raise CommandError("请写明用途，例如 --purpose 核对疑似辍学名单。")
        comparing.compare(term=term, path=region.path, today=timezone.localdate())
        found = comparing.sets(term, region.path)
        told = {name: len(numbers) for name, numbers in found.items()}
        self.record("compare_rosters", term=term.code, region=region.code, purpose=options["purpose"], **told)
        return found if options["json"] else told
