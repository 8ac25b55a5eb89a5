"""依法控辍四步法 on a case: each step in its order, with its numbered paper, its deadline, its receipt and what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from aidcases import audit, files, inbox
from aidcases.flow import Refused
from aidcases.models import Organisation, StoredFile
from aidcases.models.places import region_names
from aidcases.roles import OfficeKind, P
from aidcases.scoping import Actor, current_scope
from dropout.deadlines import Calendar
from dropout.enums import CaseState, LegalKind, Paper, Serving
from dropout.models import DropoutCase, LegalStep, PaperNumber
from dropout.papers import print_paper
from students.places import codes_of

K = LegalKind
# Working days offered for a step; whoever takes it may write another day.
STEP_DAYS = {K.EDUCATION: 5, K.ORDER: 10, K.PENALTY: 15, K.COURT: 30}
PAPER_OF = {K.EDUCATION: Paper.RETURN_NOTICE, K.ORDER: Paper.ORDER, K.PENALTY: Paper.PENALTY, K.COURT: Paper.COURT_LIST}
_SIGNS = {Paper.RETURN_NOTICE: "控复", Paper.ORDER: "控责", Paper.PENALTY: "控罚", Paper.COURT_LIST: "控诉"}
ISSUERS = (OfficeKind.TOWNSHIP, OfficeKind.COUNTY)
NOT_AN_ISSUER = "文书由当地乡镇人民政府或县教育局作出（义务教育法第五十八条），学校和村只登记劝返和送达。"
NO_BASIS = (
    "义务教育法没有规定对家长的处罚：行政处罚要写明地方性法规或规章的名称和条款，例如《××省义务教育条例》第××条。"
)
NATIONAL = ("义务教育法", "中华人民共和国义务教育法")
_TOWNSHIP = re.compile(r"(镇|乡|街道).*(政府|办事处)$")
_PREFIX = re.compile(r"[^\s\d〔〕\[\]号]{2,20}")


@dataclass(frozen=True)
class Said:
    """What is written down of a step. `with_paper`: 宣传教育 alone may go without one."""

    step: int
    deadline_on: date
    addressee: str
    issuer: str
    prefix: str = ""
    basis: str = ""
    text: str = ""
    with_paper: bool = True

    @property
    def paper(self) -> str:
        return PAPER_OF[LegalKind(self.step)] if self.with_paper or self.step != LegalKind.EDUCATION else ""


# ---------- whose paper it is ----------


def issuing_office(by: Actor) -> Organisation:
    """The office of whoever acts, which may issue papers. Raises Refused."""
    office = Organisation.objects.filter(pk=by.office_id, kind__in=ISSUERS).select_related("region").first()
    if office is None or not by.may(P.DROPOUT_WRITE):
        raise Refused(NOT_AN_ISSUER)
    return office


def place_of(case: DropoutCase) -> str:
    """Where the law looks for the child: its home, or where none is known its school."""
    return case.home_path or case.school_path


def township_government(case: DropoutCase) -> str:
    """The plaintiff: the government of the township the child is at home in. Raises Refused."""
    codes = codes_of(case.home_path)
    names = region_names(codes)
    if len(codes) < 4 or codes[3] not in names:
        raise Refused("孩子的户籍还没有落实到乡镇，没有原告。请先核对户籍。")
    return _government(names[codes[2]], names[codes[3]])


def _government(county: str, township: str) -> str:
    return f"{county}{township}" + (
        "" if township.endswith("办事处") else "办事处" if township.endswith("街道") else "人民政府"
    )


def usual_issuer(office: Organisation) -> str:
    """The name the office has put on its last paper; a county's education bureau, a township's government."""
    last = LegalStep.objects.filter(path=office.path).exclude(step=K.COURT).order_by("-pk").first()
    if last:
        return last.issuer
    codes = codes_of(office.path)
    names = region_names(codes)
    county = names.get(codes[2], "") if len(codes) > 2 else ""
    return f"{county}教育局" if office.kind == OfficeKind.COUNTY else _government(county, office.region.name)  # type: ignore[union-attr]


def names_another(office: Organisation, issuer: str) -> bool:
    """A paper speaks for the office that issues it: a county's begins with the county's name and is no township's
    government, a township's names the township."""
    here = office.region.name if office.region else ""
    if office.kind != OfficeKind.COUNTY:
        return here not in issuer
    return not issuer.startswith(here) or bool(_TOWNSHIP.search(issuer.removeprefix(here)))


def usual_prefix(office: Organisation, paper: str) -> str:
    """What stands before the year: as on the office's last paper of the kind, else made from its name: 榆教控责."""
    held = PaperNumber.objects.filter(path=office.path, paper=paper).exclude(prefix="").order_by("-year").first()
    if held:
        return held.prefix
    short = office.region.name[:1] + ("教" if office.kind == OfficeKind.COUNTY else "政")  # type: ignore[union-attr]
    return short + _SIGNS[Paper(paper)]


# ---------- taking a step ----------


def of_round(case: DropoutCase) -> list[LegalStep]:
    """The steps taken since the child left this time, in their order."""
    return list(LegalStep.objects.filter(case=case, round=case.rounds).order_by("step", "pk"))


def open_steps(taken: list[LegalStep]) -> list[LegalKind]:
    """Which step may come now: the last one again, the next one; after the order the suit too."""
    last = taken[-1].step if taken else 0
    allowed = {last, last + 1} | ({K.COURT} if last == K.ORDER else set())
    return [kind for kind in K if kind in allowed]


def waits_for(taken: list[LegalStep], today: date) -> str:
    """Why the next step can't come yet; "" when it can."""
    if not taken:
        return ""
    last = taken[-1]
    if last.paper in (Paper.RETURN_NOTICE, Paper.ORDER, Paper.PENALTY) and not last.served_on:
        return f"《{last.get_paper_display()}》{last.number}还没有登记送达，不能进入下一步。"
    if not last.outcome and last.deadline_on and last.deadline_on >= today:
        return f"“{last.get_step_display()}”限期到 {last.deadline_on}，期限没过。已经有结果的，请先登记结果。"
    return ""


def _wrong(
    case: DropoutCase, said: Said, taken: list[LegalStep], today: date, office: Organisation
) -> list[str]:
    going_on = not taken or said.step > taken[-1].step
    wrong = {
        "进入法律程序以后才能登记步骤。": case.state != CaseState.LEGAL,
        "请由孩子户籍地的乡镇或县办理。": not current_scope().covers(place_of(case)),
        "步骤要按顺序办理：宣传教育、责令限期改正、行政处罚（可以没有）、起诉。": said.step not in open_steps(taken),
        waits_for(taken, today): going_on and bool(waits_for(taken, today)),
        "期限要晚于今天。": said.deadline_on <= today,
        "请填写作出单位。": not said.issuer.strip(),
        f"作出单位要写本单位的名称，例如：{usual_issuer(office)}。别的单位的文书由他们的账号办理。": said.step != K.COURT
        and bool(said.issuer.strip())
        and names_another(office, said.issuer.strip()),
        "请填写送达对象（父母或其他法定监护人）。": bool(said.paper) and not said.addressee.strip(),
        "文号字头写 2—20 个字，不含数字和括号，例如：榆教控责。": bool(said.paper)
        and not _PREFIX.fullmatch(said.prefix.strip()),
        "请写明处罚内容。": said.step == K.PENALTY and not said.text.strip(),
        **_no_basis(said),
    }
    return [reason for reason, holds in wrong.items() if holds]


def _no_basis(said: Said) -> dict[str, bool]:
    """义务教育法 第五十八条 knows 批评教育 and 责令限期改正 only: a penalty rests on a local law with its article."""
    named = [name for name in re.findall(r"《([^》]+)》", said.basis) if name not in NATIONAL]
    missing = said.step == K.PENALTY and not (named and re.search(r"第.+条", said.basis))
    return {NO_BASIS: missing}


@transaction.atomic
def take(case: DropoutCase, said: Said, *, by: Actor, today: date) -> LegalStep:
    """One step, dated today; its paper gets its number and is fixed: printed again it is the same to the last byte.
    Raises Refused with all that is wrong."""
    office = issuing_office(by)
    held = DropoutCase.objects.select_for_update(of=("self",)).get(pk=case.pk)
    if reasons := _wrong(held, said, of_round(held), today, office):
        raise Refused(*reasons)
    paper = said.paper
    made = LegalStep(
        case=held, path=office.path, step=said.step, round=held.rounds, paper=paper, addressee=said.addressee.strip(),
        number=_number(office.path, paper, said.prefix.strip(), today.year) if paper else "",
        basis=said.basis.strip(), text=said.text.strip(), issued_on=today, deadline_on=said.deadline_on, made_by=by.name,
        issuer=township_government(held) if said.step == K.COURT else said.issuer.strip(),
    )  # fmt: skip
    made.save()
    if paper:
        printed = print_paper(made, held).pdf
        upload = SimpleUploadedFile(f"{made.get_paper_display()}{made.number}.pdf", printed)
        files.attach(made, upload, what="paper", path=place_of(held))
    DropoutCase.objects.filter(pk=held.pk).update(legal_step=said.step, due_on=said.deadline_on, level=0)
    audit.record("legalstep.taken", subject=made, step=said.step, case=held.pk, number=made.number)
    return made


def _number(path: str, paper: str, prefix: str, year: int) -> str:
    """The next one of the office, the paper and the year, without a gap: a paper that is not issued after all gives its
    number back with the transaction; whoever comes meanwhile waits for the row. Raises Refused."""
    PaperNumber.objects.get_or_create(path=path, paper=paper, year=year, defaults={"prefix": prefix})
    held = PaperNumber.objects.select_for_update().get(path=path, paper=paper, year=year)
    held.last, held.prefix = held.last + 1, prefix
    held.save(update_fields=["last", "prefix"])
    number = f"{prefix}〔{year}〕{held.last}号"
    if LegalStep.objects.filter(path=path, number=number).exists():
        raise Refused(f"文号{number}已经用在另一种文书上，请换一个字头。")
    return number


# ---------- what came of it ----------


@transaction.atomic
def serve(
    step: LegalStep, *, served_on: date, how: str, served_by: str, received_by: str, photos: Iterable[UploadedFile],
    by: Actor, today: date,
) -> LegalStep:  # fmt: skip
    """The receipt came back: when, how, by whom, who signed, with its photo. Raises Refused."""
    held, given = LegalStep.objects.select_for_update(of=("self",)).get(pk=step.pk), list(photos)
    wrong = {
        "您的角色不能登记送达。": not by.may(P.DROPOUT_WRITE),
        "这一步没有要送达的文书。": held.paper in ("", Paper.COURT_LIST),
        "已经登记过送达，请刷新后再看。": held.served_on is not None,
        f"送达日期要在 {held.issued_on} 到今天之间。": not held.issued_on <= served_on <= today,
        "请选择送达方式。": how not in Serving.values,
        "请填写送达人。": not served_by.strip(),
        "请填写签收人（拒收的写见证人）。": not received_by.strip(),
        "请上传送达回证的照片。": not given,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    held.served_on, held.served_how, held.served_by, held.received_by = (
        served_on, how, served_by.strip()[:60], received_by.strip()[:60],
    )  # fmt: skip
    held.save(update_fields=["served_on", "served_how", "served_by", "received_by"])
    case = DropoutCase.objects.get(pk=held.case_id)
    place = place_of(case)
    for photo in given:
        files.attach(held, photo, what="receipt", path=place if current_scope().covers(place) else case.school_path)
    audit.record("legalstep.served", subject=held, case=case.pk, number=held.number)
    return held


@transaction.atomic
def conclude(step: LegalStep, *, outcome: str, by: Actor) -> LegalStep:
    """What came of a step; written once more it is replaced, the log keeps when. Raises Refused."""
    if not by.may(P.DROPOUT_WRITE):
        raise Refused("您的角色不能登记结果。")
    if not outcome.strip():
        raise Refused("请写明结果，例如：10月15日家长送孩子返校。")
    held = LegalStep.objects.select_for_update(of=("self",)).select_related("case").get(pk=step.pk)
    if not may_conclude(held):
        raise Refused("结果由办理这一步的单位登记；以前各次的不再改。")
    held.outcome = outcome.strip()[:200]
    held.save(update_fields=["outcome"])
    inbox.done(held)
    audit.record("legalstep.concluded", subject=held, case=held.case_id)
    return held


def may_conclude(step: LegalStep) -> bool:
    """By the office that took the step, while its round runs: what is said here lets the next step come."""
    return step.path == current_scope().path and step.round == step.case.rounds


def overdue(today: date) -> QuerySet[LegalStep]:
    """The last steps of cases before the law whose day is over, and of which nobody has said what came."""
    later = LegalStep.objects.filter(case=OuterRef("case"), round=OuterRef("round"), pk__gt=OuterRef("pk"))
    last = LegalStep.objects.filter(~Exists(later), round=F("case__rounds"), case__state=CaseState.LEGAL)
    return last.filter(deadline_on__lt=today, outcome="").order_by("pk")


def due_day(step: int, today: date) -> date:
    """The day offered for a step."""
    return Calendar.read().after(today, STEP_DAYS[LegalKind(step)])


def paper_of(step: LegalStep) -> StoredFile | None:
    """The paper as it was issued, for whoever sees where it is kept."""
    return files.files_of(step, "paper").first()
