"""The demo's rules: those of the real city, and what they give."""

from aidcases import jobs
from aidcases.actions import region_named
from aidcases.demo import Demo
from subsidies.actions import adopt_pack, load_pack, request_recompute


def seed(demo: Demo) -> None:
    """The city adopts its own pack; the term is computed for both counties."""
    load_pack("lanzhou")
    adopt_pack("lanzhou", region=region_named(demo.city))
    job = jobs.work_off(request_recompute(term=demo.term, path=region_named(demo.city).path))
    demo.say(f"测算 {demo.term.label}：{job.result.get('students', 0)} 名学生")
