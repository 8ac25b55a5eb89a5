"""manage.py verify_ledger FILE [--issue N]"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from aidcases.cli import AidCommand
from aidcases.models import Region
from aidcases.terms import Term
from ledgers import verify
from ledgers.actions import open_file


class Command(AidCommand):
    help = "核验一份台账文件：与系统里保存的那一期逐格比对，说出改动、缺少、多出的单元格。"

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="要核验的 .xlsx 文件")
        parser.add_argument("--issue", type=int, help="与哪一期比（生成记录的编号）；不写按文件里的记录")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        file: Path = options["file"]
        if not file.is_file():
            raise CommandError(f"找不到文件 {file}。")
        with file.open("rb") as copy:
            issue = verify.issue_of(copy, options["issue"])
            with open_file(issue) as stored:
                found = verify.held(stored, copy, verify.PATIENT)
        self.record("verify_ledger", issue=issue.pk, differences=found.count)
        if not found.count:
            return {"result": "unchanged"}
        return {"result": "changed", "cells": [each.told for each in found.differences]}

    def show(self, result: dict[str, Any]) -> None:
        if result["result"] == "unchanged":
            self.stdout.write("与保存的一期完全一致。")
            return
        words = {verify.CHANGED: "改动", verify.MISSING: "缺少", verify.ADDED: "多出"}
        for cell in result["cells"]:
            self.stdout.write(f"{cell['sheet']} {cell['cell']} {words[cell['kind']]}：{cell['was']} → {cell['is']}")
        self.stdout.write(f"共有 {len(result['cells'])} 处不同。")
