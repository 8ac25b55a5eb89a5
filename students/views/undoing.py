"""Taking an import back: what would be restored, what would stay, what has to be taken back first; then doing it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.models import Job
from aidcases.roles import P
from aidcases.web import command, page
from students.imports import undo
from students.models import ImportFile
from students.models.imports import FileState


@page(can=P.IMPORT_WRITE)
def import_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Before anything is done: the counts, by kind of record, and the first of what stays, by name."""
    file = get_object_or_404(ImportFile.objects.select_related("batch", "office"), pk=pk)
    if file.state != FileState.COMMITTED or file.batch is None:
        return redirect("import_detail", pk=file.pk)
    return render(request, "students/import_undo.html", {"file": file, "found": undo.expected(file.batch)})


@command(can=P.IMPORT_WRITE)
def import_undo_start(request: HttpRequest, pk: int) -> HttpResponse:
    """Of two clicks the second finds the file already on its way."""
    file = get_object_or_404(ImportFile.objects.select_related("batch"), pk=pk)
    if file.batch and file.state == FileState.COMMITTED:
        undo.refuse_resting(file.batch)
    undo.begin(file)
    job = jobs.enqueue("students.import_undo", label=f"撤销入库：{file.get_kind_display()}", once=True, file=file.pk)
    ImportFile.objects.filter(pk=file.pk).update(job_id=job.pk)
    return redirect("import_detail", pk=file.pk)


@command(can=P.IMPORT_WRITE)
def import_keep(request: HttpRequest, pk: int) -> HttpResponse:
    """The import stays after all, when its undo was cancelled or broke off."""
    file = get_object_or_404(ImportFile, pk=pk)
    if Job.objects.open().filter(pk=file.job_id).exists():
        raise Refused("正在撤销，请等它结束或先取消。")
    file.move("keep", by=request.actor)
    messages.success(request, "没有撤销，这次入库的内容都还在。")
    return redirect("import_detail", pk=file.pk)
