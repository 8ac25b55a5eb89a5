"""一校一档 and 学生档案: asking for the zip, taking it."""

from __future__ import annotations

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import Job, School
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.web import chosen_term, command, key_of, page
from students.models import Student
from subsidies.casework import archive
from subsidies.casework.classlist import in_a_school
from subsidies.models import Application

RECENT = 30


@page(can=P.APPLICATION_VIEW)
def archive_list(request: HttpRequest) -> HttpResponse:
    """Which schools have something to bind this term, and what has been bound."""
    term, path = chosen_term(request), current_scope().path
    mine = Application.objects.in_term(term).filter(school_path__startswith=path).order_by().values("school")
    context = {
        "term": term,
        "schools": list(School.objects.filter(pk__in=mine).order_by("path")),
        "in_school": in_a_school(),
        "may_make": request.actor.may(P.SECRET_REVEAL),
        "recent": Job.objects.roots().filter(kind=archive.KIND)[:RECENT],
    }
    return render(request, "subsidies/casework/archive_list.html", context)


@command(can=P.SECRET_REVEAL)
def archive_request(request: HttpRequest) -> HttpResponse:
    """`school`: its code; or `student`: a child's key."""
    purpose = request.POST.get("purpose", "")
    if pk := request.POST.get("student", ""):
        student = get_object_or_404(Student, pk=key_of(pk))
        archive.request_student(student, purpose=purpose)
    else:
        school = get_object_or_404(School, code=request.POST.get("school", ""))
        archive.request_school(school, chosen_term(request), purpose=purpose)
    messages.success(request, "已开始装订，完成后在这里下载。")
    return redirect("archive_list")


@command(can=P.SECRET_REVEAL)
def archive_download(request: HttpRequest, pk: int) -> HttpResponse:
    """The zip in clear, decrypted piece by piece as it is sent; who took it and what for is recorded first."""
    job = get_object_or_404(Job.objects.roots().filter(kind=archive.KIND), pk=pk)
    purpose = request.POST.get("purpose", "").strip()[:120]
    if not purpose:
        raise Refused("请写明下载用途，例如：学期归档。")
    content = archive.open_archive(job)
    audit.record("archive.downloaded", subject=job, purpose=purpose)
    name = archive.filename(job, timezone.localdate())
    response = FileResponse(content, as_attachment=True, filename=name, content_type="application/zip")
    response["Cache-Control"] = "private, no-store"
    return response
