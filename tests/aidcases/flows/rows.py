"""A row of every flow in any state, and the columns that a state demands."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from decimal import Decimal

from django.db import models
from django.utils import timezone

from aidcases.models import Job, School
from dropout.models import DropoutCase, FamilyRequest, Rectification, Report, Tip
from ledgers.models import Submission, WorkTask
from students.models import Account, Batch, Decision, ImportFile, ImportRow, Missing, Suspect
from subsidies.models import (
    AdoptionRequest,
    Application,
    Assessment,
    Benefit,
    FollowUp,
    HouseholdPlan,
    Letter,
    Loan,
    Meeting,
    Objection,
    PackAdoption,
    PackDraft,
    Panel,
    Payment,
    PaymentBatch,
    PublicNotice,
    Recovery,
    Rehearsal,
    Rule,
    RulePack,
    ScoreIndex,
    TopUpCase,
    Trainee,
    TrainingPlan,
)
from tests import make
from tests.casework import build
from tests.dropout import build as dropout_rows
from tests.ledgers import progress_build, reporting_build
from tests.vocational import traces as vocational

HERE = "/62/6201/620123/"


def job(state: str = "queued", path: str = HERE, **values: object) -> Job:
    if state == "running":
        values |= {"claim": uuid.uuid4(), "lease_until": timezone.now()}
    made = Job(kind="x", label="测算", path=path, requested_by="甲", state=state, **values)
    made.save()
    return made


def file(state: str = "uploaded", path: str = HERE, **values: object) -> ImportFile:
    office = make.office(path.strip("/").split("/")[-1])
    moment = timezone.now() if state in ("committed", "undoing", "undone") else None
    given: dict = {"uploaded_by": "甲", "committed_at": moment} | values
    made = ImportFile(
        kind="roll", term="2018-autumn", office=office, path=path, filename="在校生.xlsx", sha256="0" * 64,
        stored="imports/x", state=state, **given,
    )  # fmt: skip
    made.save()
    return made


def pack() -> RulePack:
    fields = {"title": "政策", "document": "文件", "text": "", "sha256": "0" * 64}
    return RulePack.objects.get_or_create(code="x", version=1, defaults=fields)[0]


def draft(state: str = "draft", **values: object) -> PackDraft:
    """Rehearsed as it stands, by somebody else than number 7."""
    seen = Rehearsal(
        pack_code="x", title="政策", text="", sha256="0" * 64, term="2018-autumn", path=HERE, requested_by="甲",
        finished_at=timezone.now(),
    )  # fmt: skip
    seen.save()
    given: dict = belonging(PackDraft, state) | values
    made = PackDraft(
        title="政策", text="", sha256="0" * 64, path=HERE, state=state, author="甲", author_id=5, rehearsal=seen, **given
    )
    made.save()
    return made


def batch(state: str = "standing", **values: object) -> Batch:
    given: dict = belonging(Batch, state) | values
    made = Batch(kind="import", path=HERE, label="学籍信息", made_by="甲", state=state, **given)
    made.save()
    return made


def decision(state: str = "asked") -> Decision:
    row = ImportRow(file=file("committed"), number=3, state="review", reasons=["name"])
    row.save()
    made = Decision(row=row, path=HERE, reason="name", outcome="row", why="查过户口本", state=state, decided_by="甲")
    made.save()
    return made


def suspect(state: str = "open") -> Suspect:
    first = Suspect.objects.count() * 2
    made = Suspect(path=HERE, first_id=first, second_id=first + 1, first_name="甲", second_name="乙", rung="same", state=state)
    made.save()
    return made


def missing(state: str = "open") -> Missing:
    made = Missing(file=file("committed"), path=HERE, person=make.person(), from_on=date(2024, 9, 1), state=state)
    made.save()
    return made


def adoption_request(state: str = "asked", **values: object) -> AdoptionRequest:
    """Asked for by number 5, each of another pack."""
    given: dict = belonging(AdoptionRequest, state) | values
    made = AdoptionRequest(
        pack_code=uuid.uuid4().hex[:30], region=make.region("620123"), path=HERE, from_on=date(2026, 9, 1), state=state,
        asked_by="甲", asked_by_id=5, **given,
    )  # fmt: skip
    made.save()
    return made


def notice(state: str = "draft", **values: object) -> PublicNotice:
    """Nothing stands against any move; its time was up yesterday."""
    frozen: dict = belonging(PublicNotice, "published") | values
    made = PublicNotice(
        kind="benefit", office=make.office("620123"), path=HERE, term="2018-autumn", title="公示", hotline="0931-5221234",
        state=state, made_by="甲", photos=1, paper_removed_on=date(2026, 10, 19), **frozen,
    )  # fmt: skip
    made.save()
    return made


def objection(state: str = "open", **values: object) -> Objection:
    given: dict = {"finding": "dismissed", "outcome": "经核实无误"} | values
    made = Objection(notice=notice(), path=HERE, text="不属实", state=state, due_on=date(2026, 10, 15), **given)
    made.save()
    return made


def application(state: str = "draft", *, checked_by_id: int | None = 5, level: str = "hard") -> Application:
    """Nothing stands against any move: complete, assessed and levelled, its notice over, checked unless told."""
    level = "none" if state == "not_hard" else level
    made = build.application(
        at=school(), state=state, complete=True, level=level, notice_over=True, checked_by_id=checked_by_id
    )
    assessment(made)
    return made


def school() -> School:
    return School.objects.filter(code="2162009999").first() or make.school("2162009999")


def assessment(of: Application, **values: object) -> Assessment:
    """Of a meeting of its school's panel: 困难 by its score."""
    at = of.school
    panel, _ = Panel.objects.get_or_create(school=at, path=at.path, term=of.term, made_by="甲")
    index, _ = ScoreIndex.objects.get_or_create(code="x", version=1, title="指标", groups=[], thresholds={})
    meeting = Meeting.objects.create(
        panel=panel, index=index, held_at=timezone.now(), place="会议室", chair="甲", recorder="乙", made_by="甲"
    )
    given: dict = {"suggested": "hard", "level": "hard", **values}
    made = Assessment(application=of, meeting=meeting, score=Decimal(40), **given)
    made.save()
    return made


def letter(state: str = "open", **values: object) -> Letter:
    given: dict = {"answer": "已经说明。", **(belonging(Letter, state) if state != "open" else {}), **values}
    made = Letter(
        path=HERE, kind="call", state=state, received_on=date(2026, 10, 9), subject="问补助", due_on=date(2026, 10, 30),
        made_by="甲", **given,
    )  # fmt: skip
    made.save()
    return made


def _child() -> dict:
    who = make.student(at=school())
    return {"student": who, "home_path": who.person.home_path, "school_path": school().path}


def loan(state: str = "applied") -> Loan:
    """With its contract, written down by number 5."""
    made = Loan(
        year=2018, state=state, lender="银行", contract=uuid.uuid4().hex[:20], ceiling=8000, yuan=5000,
        applied_on=date(2018, 9, 3), applied_by="甲", applied_by_id=5, **_child(), **belonging(Loan, state),
    )  # fmt: skip
    made.save()
    return made


def top_up(state: str = "asked") -> TopUpCase:
    """Written down by number 5, with the amount of the decision."""
    made = TopUpCase(
        term="2018-autumn", benefit=Benefit.objects.order_by("pk")[0], state=state, hardship="重病", asked=500, aid=0,
        decided=500, asked_on=date(2018, 9, 3), asked_by="甲", asked_by_id=5, **_child(), **belonging(TopUpCase, state),
    )  # fmt: skip
    made.save()
    return made


def recovery(state: str = "open", *, collected: int = 0) -> Recovery:
    made = Recovery(
        term="2018-autumn", benefit=Benefit.objects.order_by("pk")[0], state=state, yuan=100, why="更正", opened_by="甲",
        collected=100 if state == "collected" else collected, **_child(),
    )  # fmt: skip
    made.save()
    return made


def card(state: str = "proposed") -> Account:
    """Written down by number 5."""
    made = Account(
        from_on=date(2018, 9, 3), holder="甲", relation="self", number="6217", number_last4="6217", bank="农信社", state=state,
        proposed_by="甲", proposed_by_id=5, path=school().path, **_child(), **belonging(Account, state),
    )  # fmt: skip
    made.save()
    return made


def payment_batch(state: str = "prepared", *, poverty_check: bool = False) -> PaymentBatch:
    """By number 5, with a line that has its result; every school has agreed."""
    return make.batch("settlement", state=state, prepared_by_id=5, lines=1, poverty_check=poverty_check,
                      **belonging(PaymentBatch, state))  # fmt: skip


def payment(state: str = "listed") -> Payment:
    """Of a batch that is still being prepared."""
    rule = Rule.objects.get_or_create(
        code="x", pack=pack(),
        defaults={"benefit": Benefit.objects.order_by("pk")[0], "title": "补助", "clause": "一", "jurisdiction": "school",
                  "amount_kind": "fixed", "period": "term"},
    )[0]  # fmt: skip
    made = Payment(
        batch=make.batch("settlement"), term="2018-autumn", benefit=rule.benefit, rule=rule, school=school(), amount=1, other=1,
        state=state, **_child(), **belonging(Payment, state),
    )  # fmt: skip
    made.save()
    return made


def household_plan(state: str = "draft") -> HouseholdPlan:
    """With somebody who helps and a measure that is done."""
    home = make.household()
    made = HouseholdPlan(
        household=home, path=home.path, year=2018, state=state, owner="乙", planned=1, made_by="甲",
        **belonging(HouseholdPlan, state),
    )  # fmt: skip
    made.save()
    return made


MAKERS = {
    HouseholdPlan: household_plan,
    DropoutCase: dropout_rows.ready_case,
    TrainingPlan: vocational.plan_in, Trainee: vocational.trainee_in, FollowUp: vocational.call_in,
    Report: dropout_rows.report, Rectification: dropout_rows.rectification,
    FamilyRequest: dropout_rows.request, Tip: dropout_rows.tip,
    WorkTask: progress_build.task, Submission: reporting_build.submission,
    Account: card, PaymentBatch: payment_batch, Payment: payment,
    Loan: loan, TopUpCase: top_up, Recovery: recovery,
    Application: application, Letter: letter,
    PublicNotice: notice, Objection: objection,
    AdoptionRequest: adoption_request,
    Job: job, ImportFile: file, PackDraft: draft, Batch: batch, Decision: decision, Suspect: suspect, Missing: missing,
}  # fmt: skip


def a_row(model: type[models.Model], state: str, move: str) -> models.Model:
    """In the state, with nothing but the state against the move."""
    if (model, move) == (Application, "take_back_up"):
        return application(state, checked_by_id=None)  # once the county has begun it is no longer taken back
    if (model, move) == (Application, "conclude"):
        return application(state, level="none")
    if (model, move, state) == (Recovery, "close", "open"):
        return recovery(state, collected=100)
    if (model, move) == (PaymentBatch, "check"):
        return payment_batch(state, poverty_check=True)
    if (model, move) == (DropoutCase, "close_unproven"):
        return dropout_rows.ready_case(state, proof="none")
    return MAKERS[model](state)


def path_of(row: models.Model) -> str:
    """Whose event a move of the row is: its first owner path."""
    return getattr(row, next(iter(type(row).OWNER_PATHS.values())))


def belonging(model: type[models.Model], target: str) -> dict:
    """Columns that the new state demands."""
    if (model, target) == (PackDraft, "published"):
        return {"pack": pack(), "published_by": "乙", "published_by_id": 7}
    if (model, target) == (AdoptionRequest, "confirmed"):
        there = PackAdoption.objects.settle("x", make.region("620123"), date(2026, 9, 1), active=True)
        return {"adoption": there, "decided_by": "乙", "decided_by_id": 7}
    if (model, target) in {(PublicNotice, "published"), (PublicNotice, "over"), (PublicNotice, "archived")}:
        ended = timezone.now() - timedelta(days=1)
        return {"published_on": date(2026, 10, 9), "ends_at": ended, "sha256": "0" * 64, "published_by": "乙"}
    if model is Application and target in ("approved", "rejected", "cancelled"):
        return {"approval": build.approval(HERE)}
    if model is Letter and target in ("answered", "closed"):
        return {"answered_on": date(2026, 10, 12), "answered_by": "乙"}
    if (model, target) == (Account, "confirmed"):
        return {"confirmed_by": "乙", "confirmed_by_id": 7, "confirmed_at": timezone.now()}
    if model is PaymentBatch and target in ("approved", "checked", "sent", "returned", "balanced"):
        return {"approved_by": "乙", "approved_by_id": 7, "approved_at": timezone.now()}
    if model is Payment:
        bounced = {"bounce": "name", "bounced_at": timezone.now()}
        wanted = {"cancelled": {"cancelled_at": timezone.now()}, "paid": {"paid_on": date(2018, 10, 8)}, "bounced": bounced}
        return wanted.get(target, {})
    if model is Loan and target in ("contracted", "released", "repaid"):
        days = {f"{name}_on": date(2018, 9, 10) for name in ("contracted", "released", "repaid")}
        return {"contracted_by": "乙", "contracted_by_id": 7, **days}
    if model is TopUpCase and target in ("approved", "refused", "revoked"):
        return {"decided_on": date(2018, 9, 10), "decided_by": "乙", "decided_by_id": 7}
    if model is HouseholdPlan and target in ("reviewed", "closed"):
        return {"result": "eased", "effect": "好转", "reviewed_on": date(2019, 6, 3), "reviewed_by": "丙"}
    if model is Trainee:
        return vocational.trainee_columns(target)
    if model is FollowUp:
        return vocational.call_columns(target)
    if model is DropoutCase:
        return dropout_rows.case_columns(target)
    if model is Report:
        return dropout_rows.report_columns(target)
    if model is Submission:
        return reporting_build.columns(target)
    if model is WorkTask:
        return progress_build.task_columns(target)
    if model in (Rectification, FamilyRequest, Tip):
        return dropout_rows.rectification_columns(target)
    if (model, target) == (Batch, "undone"):
        return {"undone_by": "甲", "undone_at": timezone.now()}
    return {"committed_at": timezone.now()} if (model, target) == (ImportFile, "committed") else {}
