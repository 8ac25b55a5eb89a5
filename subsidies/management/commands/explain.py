"""manage.py explain --id-number N|- --term T"""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from aidcases import searching
from aidcases.cli import AidCommand
from aidcases.models import Region
from aidcases.terms import Term
from students.models import Student
from subsidies.explain import explain


class Command(AidCommand):
    help = "逐条说明一名学生为什么享受、为什么不享受；--id-number - 从标准输入读证件号码。"
    wants_term = True

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--id-number", required=True)

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        assert term
        typed = sys.stdin.readline() if options["id_number"] == "-" else options["id_number"]
        query = searching.understood(typed)
        student = Student.objects.select_related("person").filter(person__id_hash=query.id_hash).first()
        if query.id_hash is None or student is None:
            raise CommandError("没有这个证件号码的学生，请核对 18 位号码。")
        explained = explain(student, term)
        self.record("explain", student=student.pk, term=term.code)
        if not explained:
            raise CommandError(f"该生在{term.label}没有学籍或高校就读记录。")
        return {"term": term.code, "rules": {one.rule.code: one.as_dict() for one in explained}}

    def show(self, result: dict[str, Any]) -> None:
        for code, one in result["rules"].items():
            verdict = "享受" if one["granted"] == "yes" else ("被其他政策取代" if one["outbid_by"] else "不享受")
            self.stdout.write(f"{code} {verdict} {one['arithmetic']}  {one['document']} {one['clause']}")
            for seen in one["conditions"]:
                self.stdout.write(f"    {'是' if seen['holds'] else '否'}  {seen['label']}（{seen['value']}）")
            for missing in one["missing_facts"][:3]:
                self.stdout.write(f"    还需：{'；'.join(missing)}")
