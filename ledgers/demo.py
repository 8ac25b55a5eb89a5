"""The demo's reporting upwards: the county has handed up last month's summary, its neighbour has not; the city's pack."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from aidcases import jobs
from aidcases.models import Job, Organisation
from aidcases.roles import OfficeKind, Role
from aidcases.spans import of_terms
from dropout.demo import at_work
from ledgers import packing, schedules, submitting
from ledgers.actions import request_issue
from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from ledgers.enums import Rhythm
from ledgers.models import Due

SUMMARY = "aid-summary"


def seed(demo: Any) -> None:
    """Dues of the last month and of this one; one issue handed up, to which the city's pack says who is missing."""
    today = date.today()
    before = today.replace(day=1) - timedelta(days=1)
    offices = list(Organisation.objects.filter(kind=OfficeKind.COUNTY, region_id__in=(demo.county, demo.neighbour)))
    schedules.ensure(offices, before)
    schedules.ensure(offices, today)
    county = next(office for office in offices if office.region_id == demo.county)
    due = Due.objects.get(office=county, ledger=SUMMARY, period=schedules.running(Rhythm.MONTH, before).code)
    with at_work(county, Role.COUNTY_MAKER, today):
        issue = request_issue(LEDGERS[SUMMARY], of_terms(due.term), area_at(county.path), purpose="报送市教育局")
    jobs.work_off(Job.objects.get(pk=issue.job_id))
    issue.refresh_from_db()
    with at_work(county, Role.COUNTY_HEAD, today) as by:
        submitting.submit(due, issue, by=by, today=today)
    city = Organisation.objects.get(kind=OfficeKind.CITY, region_id=demo.city)
    with at_work(city, Role.CITY_OFFICER, today):
        bundle = packing.request_bundle(due.rhythm, due.period, purpose="月调度会")
    jobs.work_off(Job.objects.get(pk=bundle.job_id))
    demo.say("台账：上月汇总已上报，市里已汇总")
