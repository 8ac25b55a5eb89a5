"""manage.py import_roster KIND FILE --term T --region R [--commit] [--errors OUT.xlsx]"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from aidcases.actions import open_office
from aidcases.cli import AidCommand
from aidcases.models import Region
from aidcases.scoping import EVERYWHERE, acting_in, current_actor
from aidcases.terms import Term
from students.enums import RosterKind
from students.imports import pipeline
from students.imports.identity import REASONS
from students.models.imports import FileState


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--data-on 要写成 2024-05-01 这样的日期，不能是“{text}”。") from None


class Command(AidCommand):
    help = "导入一份名单：核对，加 --commit 入库，加 --errors 输出带原因列的原文件。"
    wants_region = wants_term = True

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", help="名单类型：" + "、".join(f"{k.value}（{k.label}）" for k in RosterKind))
        parser.add_argument("file", type=Path, help="Excel（.xlsx、.xls）或 CSV 文件")
        parser.add_argument("--commit", action="store_true", help="核对后入库")
        parser.add_argument("--whole", action="store_true", help="整册名单：名单外的人员等待核对是否终止")
        parser.add_argument("--data-on", help="数据日期，例如 2024-05-01；整册名单必写")
        parser.add_argument("--errors", type=Path, help="带原因列的原文件写到这里")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        assert region
        assert term
        if options["kind"] not in RosterKind.values:
            raise CommandError(f"没有“{options['kind']}”这种名单，可用：{'、'.join(RosterKind.values)}。")
        if region.level != "county":
            raise CommandError(f"名单由县区导入，--region 请写县区的 6 位代码，例如 620123，不能是{region.name}。")
        data_on = _day(options["data_on"]) if options["data_on"] else None
        with acting_in(EVERYWHERE, current_actor()):
            office = open_office(region=region)
            file = pipeline.run_now(
                kind=options["kind"], path=options["file"], term=term, office=office, commit_too=options["commit"],
                whole=options["whole"], data_on=data_on,
            )
            if file.state == FileState.REFUSED:
                raise CommandError(file.problem)
            if options["errors"]:
                pipeline.give_back_to(file, options["errors"])
        self.record("import_roster", kind=file.kind, file=file.pk, committed=file.state == FileState.COMMITTED)
        return file.counts

    def show(self, result: dict[str, Any]) -> None:
        """Reasons as sentences."""
        reasons = {REASONS.get(code, code): f"{count:,} 行" for code, count in result.get("reasons", {}).items()}
        super().show({**result, "reasons": reasons})
