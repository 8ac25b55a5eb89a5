"""Papers of 依法控辍: their wording after 《中华人民共和国义务教育法》, and how they are set (dropout/paper.typ)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from aidcases.paper import Printed, print_pdf
from aidcases.terms import Term
from dropout.enums import LegalKind, Paper
from dropout.models import DropoutCase, LegalStep, Measure, Placement, TeamMember, Visit
from students.enums import grade_label
from students.models import Enrolment
from students.places import full_label

TEMPLATE = Path(__file__).parent / "paper.typ"
PLAN = Path(__file__).parent / "plan.typ"
LAW = "《中华人民共和国义务教育法》"
# As in force since 2018-12-29; unchanged in these places since 2006.
FIFTH = "适龄儿童、少年的父母或者其他法定监护人应当依法保证其按时入学接受并完成义务教育。"
ELEVENTH = "凡年满六周岁的儿童，其父母或者其他法定监护人应当送其入学接受并完成义务教育"
FIFTY_EIGHTH = (
    "适龄儿童、少年的父母或者其他法定监护人无正当理由未依照本法规定送适龄儿童、少年入学接受义务教育的，"
    "由当地乡镇人民政府或者县级人民政府教育行政部门给予批评教育，责令限期改正。"
)
HEALTH = (
    f"孩子因身体状况需要延缓入学或者休学的，请按{LAW}第十一条第二款，向当地乡镇人民政府或者县级人民政府教育行政部门提出申请，"
    "批准后可以不返校。"
)
APPEAL = "不服本{0}的，可以自收到之日起六十日内依法申请行政复议，也可以自收到之日起六个月内依法向人民法院提起行政诉讼。"
TO_PREPARE, ON_RECORD = "另行准备", "系统记录"


def day(value: date | None) -> str:
    """2018年10月8日; blank to be filled in by hand."""
    return f"{value.year}年{value.month}月{value.day}日" if value else "　　　　年　　月　　日"


def about(case: DropoutCase) -> str:
    """Who the child is and where it should sit, as the papers say it."""
    person = case.student.person
    born = f"，{day(person.birth_on)}出生" if person.birth_on else ""
    place = full_label(case.home_path) if case.home_path else ""
    sits = "".join((case.school.name if case.school else "", grade_label(case.stage, case.grade) if case.grade else ""))
    return f"{person.name}（{person.sex or '性别不详'}{born}{f'，户籍地{place}' if place else ''}）" + (
        f"，应在{sits}就读" if sits else "，属于应当接受义务教育的适龄儿童、少年"
    )


def _facts(case: DropoutCase) -> str:
    return f"经查，你（你们）监护的{about(case)}，自{day(case.left_on)}起未到校接受义务教育，经学校和村（社区）劝返，仍未复学。"


def _return_notice(step: LegalStep, case: DropoutCase) -> list[str]:
    return [
        _facts(case),
        f"{LAW}第五条第二款规定：“{FIFTH}”第十一条第一款规定：“{ELEVENTH}；条件不具备的地区的儿童，可以推迟到七周岁。”",
        f"请你（你们）于{day(step.deadline_on)}前送孩子返校就读。逾期不送的，将依照{LAW}第五十八条责令限期改正。",
        HEALTH,
        "家庭经济确有困难、上学路远或者孩子学习跟不上的，请告诉我们，符合条件的给予资助和帮扶。",
    ]


def _order(step: LegalStep, case: DropoutCase) -> list[str]:
    return [
        _facts(case),
        f"上述行为违反了{LAW}第五条第二款“{FIFTH}”和第十一条第一款“{ELEVENTH}”的规定。",
        f"{LAW}第五十八条规定：“{FIFTY_EIGHTH}”现依照上述规定，对你（你们）给予批评教育，并责令于{day(step.deadline_on)}前改正，"
        "送孩子入学接受义务教育。",
        HEALTH,
        "逾期不改正的，将依法采取进一步措施，直至由乡镇人民政府向人民法院提起诉讼。",
        APPEAL.format("通知"),
    ]


def _penalty(step: LegalStep, case: DropoutCase) -> list[str]:
    return [
        _facts(case).replace("，仍未复学。", f"，并依照{LAW}第五十八条责令限期改正后，逾期仍未改正。"),
        f"上述行为违反了{LAW}第五条第二款、第十一条第一款的规定。依照{step.basis}，决定如下：",
        step.text,
        f"请于{day(step.deadline_on)}前履行本决定，并送孩子入学接受义务教育。",
        APPEAL.format("决定"),
    ]


WORDING = {Paper.RETURN_NOTICE: _return_notice, Paper.ORDER: _order, Paper.PENALTY: _penalty}


def print_paper(step: LegalStep, case: DropoutCase) -> Printed:
    """The paper with its receipt (送达回证) behind it; the list for the court has none. Raises Refused without a font."""
    listed = court_list(case, step) if step.paper == Paper.COURT_LIST else []
    said = [step.text] if step.text and step.paper in (Paper.RETURN_NOTICE, Paper.ORDER) else []
    wording = WORDING[Paper(step.paper)](step, case) if step.paper in WORDING else []
    return print_pdf(
        TEMPLATE,
        {
            "title": step.get_paper_display(),
            "number": step.number,
            "addressee": step.addressee,
            "text": [*wording[:1], *said, *wording[1:]],
            "issuer": step.issuer,
            "day": day(step.issued_on),
            "about": about(case),
            "listed": listed,
        },
    )


def court_list(case: DropoutCase, step: LegalStep) -> list[list[str]]:
    """What the file holds for the suit, and what the plaintiff has to add: [material, what it is, where it comes from]."""
    rows = [
        ["民事起诉状", f"原告：{step.issuer}；被告：{step.addressee}", TO_PREPARE],
        ["原告身份材料", "统一社会信用代码证书、法定代表人身份证明、授权委托书", TO_PREPARE],
        ["被告身份和监护关系", "居民户口簿复印件、身份证复印件", TO_PREPARE],
    ]
    last = (
        Enrolment.objects.filter(student=case.student_id)
        .order_by("-term")
        .defer("phone")
        .select_related("school")
        .first()
    )
    if last:
        sits = f"{Term.parse(last.term).label} {last.school.name} {last.grade_label} {last.class_name}"
        rows.append(["学籍信息", sits.strip(), ON_RECORD])
    for visit in Visit.objects.filter(case=case).order_by("visited_at", "pk"):
        told = f"{visit.visited_at:%Y-%m-%d} {visit.place} {visit.people}：{visit.get_result_display()}"
        photos = f"；照片 {visit.photos} 张" if visit.photos else ""
        rows.append([f"第 {visit.number} 次{'劝返' if visit.persuading else '走访'}记录", told + photos, ON_RECORD])
    for earlier in LegalStep.objects.filter(case=case).exclude(pk=step.pk).order_by("round", "step", "pk"):
        rows += _of_step(earlier)
    for measure in Measure.objects.filter(case=case).order_by("done_on", "pk"):
        rows.append([measure.get_kind_display(), f"{measure.done_on} {measure.done_by}：{measure.text}", ON_RECORD])
    seats = TeamMember.objects.filter(case=case).defer("phone").order_by("pk")
    team = [f"{seat.get_seat_display()}{seat.name}" for seat in seats]
    return [*rows, ["责任人名单", "、".join(team), ON_RECORD]] if team else rows


def _of_step(step: LegalStep) -> list[list[str]]:
    """A step that was taken, and the receipt of its paper."""
    until = f"，限期至 {step.deadline_on}" if step.deadline_on else ""
    if not step.paper:
        return [[f"{LegalKind(step.step).label}记录", f"{step.issued_on} {step.issuer}{until}", ON_RECORD]]
    rows = [[step.get_paper_display(), f"{step.number}，{step.issued_on}{until}", ON_RECORD]]
    if step.served_on:
        told = f"{step.served_on} {step.get_served_how_display()}，送达人 {step.served_by}，签收 {step.received_by}"
        rows.append([f"送达回证（{step.number}）", told, ON_RECORD])
    return rows


def print_plan(placement: Placement, case: DropoutCase) -> Printed:
    """个人学习计划 to hang up, to sign and to keep."""
    facts = [
        ["姓名", case.student.person.name], ["安置学校", placement.school.name], ["班级", placement.class_name or "—"],
        ["安置方式", placement.get_kind_display()], ["从哪天起", day(placement.from_on)], ["帮扶教师", placement.mentor],
    ]  # fmt: skip
    if placement.certificate:
        facts.append(["职校在读证明", placement.certificate])
    return print_pdf(PLAN, {"facts": facts, "plan": [line for line in placement.plan.splitlines() if line.strip()]})
