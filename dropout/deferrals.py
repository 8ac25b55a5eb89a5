"""延缓入学 and 休学: applied for by the guardian, approved by the township or the bureau; no dropout while they last."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet

from aidcases import audit, crypto, files, sql
from aidcases.flow import Refused
from aidcases.models import StoredFile
from aidcases.roles import P
from aidcases.scoping import HOME, Actor, current_scope
from dropout import cases
from dropout.enums import Alarm, CaseState, DeferralKind
from dropout.models import Deferral, DropoutCase
from dropout.models.cases import OUT_OF_SCHOOL
from students.models import Student

APPLICATION = "deferral"
LONGEST_LEAVE = 366  # days; practice: a leave is for a year at most and may be approved again
ALARMS = {DeferralKind.LATER: Alarm.DEFERRED, DeferralKind.LEAVE: Alarm.ILL}
SUSPECTS = (CaseState.SUSPECTED, CaseState.VERIFYING)


def last_day(born: date) -> date:
    """Until when school may be put off: the child that is seven on a 31 August enters school then (义务教育法 第十一条; age
    is counted on that day, as everywhere in this part)."""
    seven = date(born.year + 7, born.month, min(born.day, 28) if born.month == 2 else born.day)
    end = date(seven.year, 8, 31)
    return end if seven <= end else date(seven.year + 1, 8, 31)


@transaction.atomic
def approve(
    student: Student, *, kind: str, from_on: date, until_on: date, reason: str, approved_by: str, document: str,
    approved_on: date, by: Actor, today: date, papers: UploadedFile | None = None,
) -> tuple[Deferral, DropoutCase | None]:  # fmt: skip
    """Registers an approval; a suspicion about the child is acquitted with it. → (the deferral, the case acquitted or
    None). Raises Refused."""
    if not by.may(P.DROPOUT_SET):
        raise Refused("延缓入学和休学由县中心负责人登记。")
    born = student.person.birth_on
    if reasons := _wrong(kind, born, from_on, until_on, reason, approved_by, document, papers, approved_on, today):
        raise Refused(*reasons)
    if DropoutCase._base_manager.filter(student=student, state__in=OUT_OF_SCHOOL).exists():
        raise Refused("这名学生已确认辍学，案件还在办理。请先在案件里退回核查，再登记批准。")
    sql.lock("dropout.deferral", student.pk)
    before = Deferral.objects.filter(student=student, from_on__lte=until_on, until_on__gte=from_on).first()
    if before:
        raise Refused(f"已有{before.get_kind_display()}的批准（{before.from_on}—{before.until_on}），日期不能重叠。")
    made = Deferral(
        student=student, kind=kind, from_on=from_on, until_on=until_on, reason=crypto.mask_numbers(reason.strip())[:200],
        approved_by=approved_by.strip()[:80], document=document.strip()[:60], approved_on=approved_on,
        home_path=student.person.home_path, school_path=student.person.school_path, made_by=by.name,
    )  # fmt: skip
    made.save()
    side = made.home_path if current_scope().covers(made.home_path, HOME) else made.school_path
    if papers:
        files.attach(made, papers, what=APPLICATION, path=side)
    audit.record("deferral.approved", subject=made, path=side, note=made.get_kind_display(), student=student.pk)
    return made, _acquitted(made, by=by, today=today)


def _wrong(
    kind: str, born: date | None, from_on: date, until_on: date, reason: str, approved_by: str, document: str,
    papers: UploadedFile | None, approved_on: date, today: date,
) -> list[str]:  # fmt: skip
    later = kind == DeferralKind.LATER
    wrong = {
        "请选择延缓入学还是休学。": kind not in DeferralKind.values,
        "止日早于起日，请核对。": until_on < from_on,
        "请填写原因。": not reason.strip(),
        "请填写批准单位（乡镇人民政府或县教育局）。": not approved_by.strip(),
        "请填写批准文号，或上传批准文件。": not document.strip() and papers is None,
        "批准日期不能晚于今天。": approved_on > today,
        "没有出生日期，不能登记延缓入学。请先核对这名孩子的户籍。": later and born is None,
        "休学一次最长一年，期满可以再批。": kind == DeferralKind.LEAVE and (until_on - from_on).days > LONGEST_LEAVE,
    }
    if later and born and until_on > (latest := last_day(born)):
        wrong[f"延缓入学最晚到年满七周岁的那个新学年开学前，这名孩子是 {latest}。"] = True
    return [sentence for sentence, holds in wrong.items() if holds]


def _acquitted(deferral: Deferral, *, by: Actor, today: date) -> DropoutCase | None:
    """The suspicion about the child, where there is one and the approval covers today."""
    if not deferral.from_on <= today <= deferral.until_on:
        return None
    case = DropoutCase.objects.filter(student=deferral.student_id, state__in=SUSPECTS).first()
    if case is None or not by.may(P.DROPOUT_CONFIRM):
        return None
    note = f"{deferral.get_kind_display()}已批准：{deferral.approved_by} {deferral.document}".strip()
    alarm = ALARMS[DeferralKind(deferral.kind)]
    cases.acquit(DropoutCase.objects.filter(pk=case.pk), alarm=alarm, note=note, by=by, today=today)
    case.refresh_from_db()
    return case


def listed() -> QuerySet[Deferral]:
    """All in sight, with whose they are."""
    return Deferral.objects.select_related("student__person").defer(
        "student__roll_number", "student__person__id_number"
    )


def with_papers(rows: Iterable[Deferral]) -> set[int]:
    """Keys of those whose application and approval were uploaded and lie in the own area."""
    found = StoredFile.objects.filter(subject_type=Deferral._meta.label_lower, subject_id__in=[row.pk for row in rows])
    return set(found.filter(what=APPLICATION, removed_at=None).order_by().values_list("subject_id", flat=True))


def soon_over(rows: QuerySet[Deferral], today: date) -> QuerySet[Deferral]:
    """In force, and over within a month: the child has to come then."""
    return rows.filter(from_on__lte=today, until_on__gte=today, until_on__lt=today + timedelta(days=31))
