"""Imports as jobs: reading, committing and giving the file back, with the requester's office and true progress."""

from __future__ import annotations

from typing import Any

from aidcases.flow import Refused
from aidcases.jobs import Cancelled, Running
from aidcases.scoping import EVERYWHERE, acting_in, current_actor
from students.imports import pipeline, undo
from students.models import ImportFile


def _file(job: Running) -> ImportFile:
    return ImportFile._base_manager.select_related("office__region").get(pk=job.params["file"])


def preview(job: Running) -> dict[str, Any]:
    # Matching looks through the whole system by keyed hash; what is shown stays the file's own values.
    with acting_in(EVERYWHERE, current_actor()):
        file = pipeline.preview(_file(job), job.progress)
    return {"file": file.pk, "state": file.state}


def commit(job: Running) -> dict[str, Any]:
    with acting_in(EVERYWHERE, current_actor()):
        file = pipeline.commit(_file(job), job.progress)
    return {"file": file.pk, **file.counts}


def give_back(job: Running) -> dict[str, Any]:
    with acting_in(EVERYWHERE, current_actor()):
        pipeline.give_back(_file(job))
    return {"file": job.params["file"]}


def undo_import(job: Running) -> dict[str, Any]:
    """All or nothing. What can't be taken back stays committed, with the sentence; a cancelled job leaves it to the
    page whether to go on, and a killed worker's job is picked up again."""
    with acting_in(EVERYWHERE, current_actor()):
        file = _file(job)
        try:
            undo.undo_file(file, job.progress)
        except Cancelled:
            raise
        except Exception as problem:
            sentence = str(problem) if isinstance(problem, Refused) else "撤销没有完成，系统里的数据没有变化。"
            ImportFile.objects.filter(pk=file.pk).move("keep", by=current_actor(), problem=sentence)
            raise
    return {"file": file.pk}
