"""群众反映 inside: assigned, looked into, made a case of, answered, closed; the supervisors of a county."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import CharField, F, Func, Q, QuerySet, Value
from django.db.models.functions import Length, StrIndex

from aidcases import audit, crypto, inbox, searching
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import OFFICE, Actor, current_scope
from aidcases.terms import Term
from dropout import asking, cases
from dropout.enums import FoundBy, TaskState
from dropout.models import DropoutCase, Supervisor, Tip
from dropout.public import SHORTEST, TIP_DAYS
from students import finding
from students.models import Guardian, Student

NOT_YOURS = "由收到反映的单位办理。"
# What people leave out of a name or put into it: blanks of every kind, the middle dot however it was typed.
LOOSE = " \t\r\n\u00a0\u2002\u2003\u2009\u200b\u3000·•․‧∙⋅・･ㆍ᛫●．."


def held(tip: Tip, by: Actor) -> Tip:
    """The tip as it stands, locked. Raises Refused for somebody who does not handle it."""
    found = Tip.objects.select_for_update(of=("self",)).get(pk=tip.pk)
    if not by.may(P.TIP_HANDLE) or not current_scope().covers(found.path, OFFICE):
        raise Refused(NOT_YOURS)
    return found


def rows() -> QuerySet[Tip]:
    """What a list shows: nothing that somebody has told us."""
    return Tip.objects.defer("text", "contact", "answer", "told")


@transaction.atomic
def assign(tip: Tip, *, owner: str, by: Actor) -> Tip:
    """Raises Refused."""
    found = held(tip, by)
    if found.state != TaskState.OPEN:
        raise Refused("已经办理，不能再改派。")
    if not owner.strip():
        raise Refused("请写明由谁办理。")
    found.owner = owner.strip()[:60]
    found.save(update_fields=["owner"])
    audit.record("tip.assigned", subject=found, path=found.path)
    return found


def meant(typed: str) -> Student:
    """The one child in sight with this identity number, roll number or whole name. Raises Refused."""
    query = searching.understood(typed)
    if not query.shown:
        raise Refused("请填写孩子的姓名或证件号码。")
    which = Q(person__name=query.text) if query.text else finding.of_student(query)
    found = list(Student.objects.filter(which).select_related("person")[:2])
    if len(found) == 1:
        return found[0]
    if found:
        raise Refused("本县不止一名这样的学生，请填写完整的证件号码。")
    raise Refused("本县的名单里没有这名学生，请核对姓名或证件号码。")


@transaction.atomic
def open_case(tip: Tip, student: Student, *, term: Term, by: Actor, today: date) -> DropoutCase:
    """A case of the child the tip is about; one that is open already goes on. Raises Refused."""
    found = held(tip, by)
    made = cases.open_case(
        student, found_by=FoundBy.TIP, term=term, by=by, today=today, note=f"{found.received_on} 收到的群众反映"
    )
    found.case = made
    found.save(update_fields=["case"])
    return made


def _close(text: str) -> str:
    return text.translate(dict.fromkeys(map(ord, LOOSE)))


def named_in(reply: str, tip: Tip) -> list[str]:
    """Names that must not stand in a reply anybody with the ticket reads: of the child and its family where the tip has a
    case, of any pupil of the county where the name has three characters, or two and the tip says it, too. Blanks and dots do not
    matter: 阿依古丽 is 阿依·古丽."""
    said, told = _close(reply), _close(tip.text or "")
    name = Func(F("person__name"), Value(LOOSE), Value(""), function="translate", output_field=CharField())
    found = Student.objects.annotate(at=StrIndex(Value(said), name), size=Length(name)).filter(at__gt=0)
    names = set(found.filter(size__gte=2).order_by().values_list("person__name", flat=True)[:50])
    names = {name for name in names if len(_close(name)) > 2 or _close(name) in told}
    if tip.case_id:
        child = tip.case.student
        family = Guardian.objects.filter(student=child).values_list("name", flat=True)
        names |= {name for name in [child.person.name, *family] if name and _close(name) and _close(name) in said}
    return sorted(names)


@transaction.atomic
def answer(tip: Tip, *, text: str, reply: str, by: Actor, today: date) -> Tip:
    """What was done, for the file; and what is said to whoever has the ticket, without names and numbers. Raises Refused."""
    found = held(tip, by)
    if found.state != TaskState.OPEN:
        raise Refused("已被他人处理，请刷新后再看。")
    if len(text.strip()) < SHORTEST or len(reply.strip()) < SHORTEST:
        raise Refused(f"办理结果和给反映人的答复都要写明（各至少 {SHORTEST} 个字）。")
    if names := named_in(reply, found):
        raise Refused(f"给反映人的答复里有姓名（{'、'.join(names)}），凭查询码谁都看得到，请改写。")
    said = {"answer": crypto.mask_numbers(text.strip())[:400], "reply": crypto.mask_numbers(reply.strip())[:200]}
    Tip.objects.filter(pk=found.pk).update(**said, owner=found.owner or by.name)
    found.move("answer", by=by, answered_on=today, answered_by=by.name)
    inbox.done(found)
    return found


@transaction.atomic
def close(tip: Tip, *, by: Actor) -> Tip:
    found = held(tip, by)
    found.move("close", by=by)
    return found


@transaction.atomic
def reopen(tip: Tip, *, note: str, by: Actor, today: date) -> Tip:
    """Not settled after all: the answer given is kept, the days run anew. Raises Refused."""
    found = held(tip, by)
    told, said = asking.again(found, note=note, today=today), crypto.mask_numbers(note.strip()[:200])
    found.move(
        "reopen", by=by, note=said, told=told, answer="", reply="", answered_on=None, answered_by="",
        due_on=asking.due(today, TIP_DAYS), escalated_on=None,
    )  # fmt: skip
    return found


# --- supervisors ---------------------------------------------------------------------------------------------------


@transaction.atomic
def appoint(facts: dict[str, Any], *, by: Actor, today: date) -> Supervisor:
    """A supervisor of the own area. Name, duty and the office's telephone become public. Raises Refused."""
    if not by.may(P.TIP_HANDLE):
        raise Refused("您的角色不能聘任社会监督员。")
    if facts["from_on"].year < today.year - 5:
        raise Refused("聘任日期早于五年前，请核对年份。")
    phone = facts.pop("phone", "").strip() or None
    made = Supervisor(path=current_scope().path, phone=phone, made_by=by.name, **facts)
    made.save()
    audit.record("supervisor.appointed", subject=made, path=made.path)
    return made


@transaction.atomic
def dismiss(row: Supervisor, *, ended_on: date, by: Actor) -> Supervisor:
    """From that day on no supervisor. Raises Refused."""
    found = Supervisor.objects.select_for_update(of=("self",)).get(pk=row.pk)
    wrong = {
        "您的角色不能结束聘任。": not by.may(P.TIP_HANDLE),
        "聘任已经结束。": found.ended_on is not None,
        f"结束日期早于聘任日期（{found.from_on}）。": ended_on < found.from_on,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    found.ended_on = ended_on
    found.save(update_fields=["ended_on"])
    audit.record("supervisor.ended", subject=found, path=found.path)
    return found
