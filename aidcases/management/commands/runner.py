"""manage.py runner: without a broker, claims Job rows and applies the same Celery task; asks for the daily round."""

from __future__ import annotations

import signal
import time
from typing import Any

from django.core.management.base import CommandParser
from django.db import OperationalError, close_old_connections, connection

from aidcases import daily, jobs
from aidcases.celery import DAILY_EVERY
from aidcases.cli import PlainCommand


class Command(PlainCommand):
    help = "没有消息队列时执行任务：逐个认领任务表里的任务。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="没有任务就退出")
        parser.add_argument("--idle", type=float, default=0.5, help="空闲时每隔几秒看一次")

    def handle(self, *_args: Any, **options: Any) -> None:
        stopping = []
        signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
        looked = time.monotonic()  # as beat does, the first look comes after the first interval
        while not stopping:
            try:
                close_old_connections()
                if time.monotonic() - looked > DAILY_EVERY:
                    looked = time.monotonic()
                    daily.tick()
                pk = jobs.next_waiting()
                if pk is not None:
                    jobs.run_job.apply(kwargs={"job_id": pk})
                elif options["once"]:
                    return
                else:
                    time.sleep(options["idle"])
            except OperationalError:  # the database went away: nothing is lost, try again
                connection.close()
                time.sleep(1)
            except KeyboardInterrupt:
                return
