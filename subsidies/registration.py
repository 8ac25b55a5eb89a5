"""What the subsidies app gives the kernel: job kinds."""

from typing import Any

from aidcases import jobs
from aidcases.actions import region_named
from aidcases.jobs import KINDS, Kind
from aidcases.registry import registry
from subsidies import runs
from subsidies.actions import adopt_pack, load_pack, request_recompute

KINDS["subsidies.recompute"] = Kind("测算应享资助", run=runs.run_block, split=runs.split, finish=runs.finish)


def seed_demo(demo: Any) -> None:
    """The city adopts its own pack; the term is computed for both counties."""
    load_pack("lanzhou")
    adopt_pack("lanzhou", region=region_named(demo.city))
    job = jobs.work_off(request_recompute(term=demo.term, path=region_named(demo.city).path))
    demo.say(f"测算 {demo.term.label}：{job.result.get('students', 0)} 名学生")


registry.demo.append((20, seed_demo))
