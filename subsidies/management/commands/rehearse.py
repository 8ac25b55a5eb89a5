"""manage.py rehearse FILE --region R --term T"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from aidcases.cli import AidCommand
from aidcases.models import Region
from aidcases.terms import Term
from subsidies.actions import request_rehearsal, text_of_file
from subsidies.conditions import PackError


class Command(AidCommand):
    help = "试算一份政策：谁会增加、谁会减少、各多少元；不改动任何人的应享。"
    wants_region = wants_term = True
    plain_errors = (*AidCommand.plain_errors, PackError)

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="政策包文件（TOML）")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        assert region
        assert term
        rehearsal = request_rehearsal(text=text_of_file(options["file"]), term=term, path=region.path)
        self.record("rehearse", term=term.code, region=region.code, code=rehearsal.pack_code)
        return self.worked_off(rehearsal.job_id, "试算").result
