"""manage.py undo_import FILE_ID --region R"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from aidcases.cli import AidCommand
from aidcases.models import Region
from aidcases.scoping import EVERYWHERE, acting_in, current_actor
from aidcases.terms import Term
from students.imports import undo
from students.models import ImportFile


class Command(AidCommand):
    help = "撤销一次名单入库：把它写入的内容恢复成入库前的样子，后来又改过的保留并列出。"
    wants_region = True

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=int, help="名单编号（名单页面地址里的数字）")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        assert region
        file = ImportFile.objects.select_related("batch").filter(pk=options["file"]).first()
        if file is None:
            raise CommandError(f"{region.name}没有编号为 {options['file']} 的名单。")
        with acting_in(EVERYWHERE, current_actor()):
            outcome = undo.undo_now(file)
        self.record("undo_import", file=file.pk)
        return {"file": file.pk, "state": file.state, **outcome}

    def show(self, result: dict[str, Any]) -> None:
        """A line per kind of record, then what stays."""
        restored = {
            line["what"]: f"删去 {line['removed']:,} 条，改回 {line['changed']:,} 条，找回 {line['returned']:,} 条"
            for line in result["restored"]
        }
        kept = {
            f"{line['what']}{'的' + line['cell'] if line['cell'] else ''}（{line['why']}）": line["count"]
            for line in result["kept"]
        }
        super().show({"restored": restored, "kept": kept})
