"""manage.py daily: what is due on a day, done now; the same round that runs every hour."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from aidcases import daily
from aidcases.cli import AidCommand
from aidcases.models import Region
from aidcases.scoping import current_actor
from aidcases.terms import Term


class Command(AidCommand):
    help = "办理到期的事：结束期满的公示，提醒各单位的期限，升级逾期的事项。平时每小时自动执行。"

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--day", help="按哪一天办理，例如 2026-10-09；不写就是现在")

    def work(self, options: dict[str, Any], region: Region | None, term: Term | None) -> dict[str, Any]:
        now = timezone.now()
        if options["day"]:
            try:
                now = timezone.make_aware(datetime.combine(date.fromisoformat(options["day"]), time.min))
            except ValueError:
                raise CommandError(f"日期“{options['day']}”看不懂，请写成 2026-10-09。") from None
        done = daily.round(now=now, by=current_actor())
        self.record("daily", day=timezone.localdate(now).isoformat())
        return {"day": timezone.localdate(now).isoformat(), **done}
