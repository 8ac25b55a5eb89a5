"""manage.py create_account USERNAME --name 姓名 --role ROLE (--region CODE | --school CODE) [--password-stdin]"""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from aidcases import accounts
from aidcases.actions import region_named
from aidcases.cli import AidCommand
from aidcases.models import School
from aidcases.roles import ROLE_LABELS, Role


class Command(AidCommand):
    help = "开设一个账号并定任职；单位还没有就一并开设。初始密码只显示这一次。账号已有的，只加任职，密码不变。"

    def arguments(self, parser: CommandParser) -> None:
        roles = "、".join(f"{role.value}（{label}）" for role, label in ROLE_LABELS.items())
        parser.add_argument("username", help="用户名，例如 wang.jingban")
        parser.add_argument("--name", required=True, help="姓名")
        parser.add_argument("--role", required=True, help=f"角色：{roles}")
        place = parser.add_mutually_exclusive_group()
        place.add_argument("--region", help="单位所在地的行政区划代码：县区 6 位、市 4 位、乡镇 9 位、村 12 位")
        place.add_argument("--school", help="学校标识码；学校名录要先导入")
        parser.add_argument("--password-stdin", action="store_true", help="从标准输入读初始密码，不自动生成")

    def work(self, options: dict[str, Any], *_: Any) -> dict[str, Any]:
        if options["role"] not in list(Role):
            known = "、".join(f"{role.value}（{label}）" for role, label in ROLE_LABELS.items())
            raise CommandError(f"没有“{options['role']}”这种角色，可用：{known}。")
        role, typed = Role(options["role"]), options["password_stdin"]
        password = sys.stdin.readline().rstrip("\n") if typed else accounts.initial_password()
        region = region_named(options["region"]) if options["region"] else None
        school = self.school(options["school"]) if options["school"] else None
        with transaction.atomic():
            office = accounts.office_for(role, region, school)
            post, new = accounts.appoint(options["username"], options["name"], office, role, password)
        made = {"username": post.user.username, "name": post.user.full_name, "role": role.value, "office": office.name}
        return made | {"new": new} | ({"password": password} if new and not typed else {})

    def school(self, code: str) -> School:
        if (found := School.objects.filter(code=code).first()) is None:
            raise CommandError(f"没有标识码为“{code}”的学校，请核对；学校名录要先导入。")
        return found

    def show(self, result: dict[str, Any]) -> None:
        post = f"{result['office']}，{ROLE_LABELS[Role(result['role'])]}，{result['name']}"
        if not result["new"]:
            self.stdout.write(f"账号 {result['username']} 已有，加了任职（{post}），密码不变。")
            return
        self.stdout.write(f"已开设账号 {result['username']}（{post}）。")
        if "password" in result:
            self.stdout.write(f"初始密码：{result['password']}")
            self.stdout.write("密码只显示这一次。请交给本人，登录后点右上角姓名，改成自己的密码。")
