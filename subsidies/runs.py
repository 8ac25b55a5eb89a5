"""The recompute job: a run is opened, its blocks are parts any worker may claim, the last step certifies."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from aidcases import sql
from aidcases.flow import Refused
from aidcases.jobs import Running
from aidcases.models import Job
from aidcases.terms import Term
from subsidies import blocks, certificate, compute
from subsidies.models import ComputeRun, Rehearsal
from subsidies.rehearse import rehearse


def split(job: Running) -> list[dict[str, Any]]:
    """Opens the run (once per job) and names its blocks."""
    term, path = Term.parse(job.params["term"]), job.params["path"]
    marked = job.params.get("marked_only", False) and compute.still_stands(term, path)
    run, _ = ComputeRun._base_manager.get_or_create(
        job_id=job.job.pk,
        defaults={
            "term": term.code,
            "path": path,
            "marked_only": marked,
            "requested_by": job.job.requested_by,
            "rules_digest": compute.rules_digest(term),
        },
    )
    parts = blocks.marked_blocks_of(term) if run.marked_only else [[n] for n in blocks.blocks_of(term, path)]
    return [{"run": run.pk, "blocks": part} for part in parts]


def run_rehearsal(job: Running) -> dict[str, Any]:
    rehearsal = Rehearsal.objects.get(pk=job.params["rehearsal"])
    return rehearse(rehearsal, lambda done, total: job.progress(done, total, "试算"))


def run_block(job: Running) -> dict[str, int]:
    """One part: a block of students, or all blocks with few marks."""
    run = ComputeRun._base_manager.get(pk=job.params["run"])
    counts = compute.compute_block(run, *job.params["blocks"])
    job.progress(counts["students"], counts["students"], "测算")
    return counts


def finish(job: Running) -> dict[str, Any]:
    """Sums up the parts, certifies, closes the run."""
    run = ComputeRun._base_manager.get(job_id=job.job.pk)
    term = Term.parse(run.term)
    parts = Job._base_manager.filter(parent=job.job.pk).values_list("result", flat=True)
    counts = {
        name: sum(part.get(name, 0) for part in parts)
        for name in ("students", "added", "changed", "withdrawn", "moved", "adjusted")
    }
    job.progress(job.job.done, None, "校验")
    with transaction.atomic():
        sql.lock("certify", run.term)
        if counts["added"] + counts["withdrawn"]:
            # New rows the planner has not heard of turn the pages' joins into walks, row by row.
            sql.run("ANALYZE subsidies_entitlement")
        proof = certificate.certify(term, run.path)
        if proof["rules"] != run.rules_digest:
            raise Refused(compute.RULES_CHANGED)
        rules = compute.totals(term, run.path)
        counts["rules"] = rules
        counts["unchanged"] = sum(rule["students"] for rule in rules.values()) - counts["added"] - counts["changed"]
        run.counts = counts
        run.facts_digest, run.result_digest = proof["facts"], proof["result"]
        run.certificate = proof["certificate"]
        run.finished_at = timezone.now()
        ComputeRun._base_manager.filter(pk=run.pk).update(
            counts=run.counts, facts_digest=run.facts_digest, result_digest=run.result_digest,
            certificate=run.certificate, finished_at=run.finished_at,
        )  # fmt: skip
        certificate.keep_parts(run)
    return {**counts, "certificate": run.certificate, "run": run.pk}
