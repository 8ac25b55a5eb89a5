"""Every flow written out by hand, so that a table of moves cannot change unseen: states, moves, who may."""

from __future__ import annotations

from django.db import models

from aidcases.models import Job
from aidcases.models.records import JobState
from aidcases.roles import Role
from dropout.enums import CaseState, ReportState, TaskState
from dropout.models import DropoutCase, FamilyRequest, Rectification, Report, Tip
from ledgers.enums import SubmissionState
from ledgers.models import Submission, WorkTask
from ledgers.models.progress import WorkState
from students.models import Account, Batch, Decision, ImportFile, Missing, Suspect
from students.models.accounts import AccountState
from students.models.batches import BatchState
from students.models.imports import FileState
from students.models.reviews import DecisionState, MissingState, SuspectState
from subsidies.models import (
    AdoptionRequest,
    AdoptionState,
    Application,
    DraftState,
    FollowUp,
    HouseholdPlan,
    Letter,
    Loan,
    Objection,
    PackDraft,
    Payment,
    PaymentBatch,
    PublicNotice,
    Recovery,
    TopUpCase,
    Trainee,
    TrainingPlan,
)
from subsidies.models.applications import ApplicationState
from subsidies.models.letters import LetterState
from subsidies.models.loans import LoanState, TopUpState
from subsidies.models.notices import NoticeState, ObjectionState
from subsidies.models.payments import BatchState as PaymentBatchState
from subsidies.models.payments import PaymentState
from subsidies.models.plans import PlanState
from subsidies.models.recoveries import RecoveryState
from subsidies.models.vocational import CallState, TraineeState
from subsidies.models.vocational import PlanState as TrainingState

MAY_GO = {
    HouseholdPlan: {
        "start": ({"draft"}, "active"),
        "review": ({"active"}, "reviewed"),
        "close": ({"reviewed"}, "closed"),
        "resume": ({"reviewed", "closed"}, "active"),
    },
    DropoutCase: {
        "verify": ({"suspected"}, "verifying"),
        "acquit": ({"suspected", "verifying"}, "false_alarm"),
        "confirm": ({"verifying"}, "confirmed"),
        "unconfirm": ({"confirmed"}, "verifying"),
        "persuade": ({"confirmed"}, "persuading"),
        "go_to_law": ({"persuading"}, "legal"),
        "back_from_law": ({"legal"}, "persuading"),
        "bring_back": ({"persuading", "legal"}, "returned"),
        "place": ({"returned"}, "placed"),
        "watch": ({"placed"}, "watched"),
        "close": ({"watched"}, "closed"),
        "close_unproven": ({"watched"}, "closed"),
        "relapse": ({"returned", "placed", "watched"}, "persuading"),
        "reopen": ({"false_alarm", "closed"}, "suspected"),
    },
    Job: {
        "cancel": ({"queued", "running", "waiting"}, "cancelled"),
        "resume": ({"failed", "cancelled"}, "queued"),
    },
    ImportFile: {
        "preview": ({"uploaded", "previewed"}, "previewed"),
        "refuse": ({"uploaded"}, "refused"),
        "confirm": ({"previewed"}, "committing"),
        "commit": ({"committing"}, "committed"),
        "reopen": ({"committing"}, "previewed"),
        "ask": ({"uploaded"}, "mapping"),
        "map": ({"mapping", "previewed"}, "uploaded"),
        "discard": ({"uploaded", "mapping", "previewed"}, "discarded"),
        "undo": ({"committed"}, "undoing"),
        "keep": ({"undoing"}, "committed"),
        "undone": ({"undoing"}, "undone"),
    },
    PackDraft: {
        "publish": ({"draft"}, "published"),
        "discard": ({"draft"}, "discarded"),
    },
    AdoptionRequest: {
        "confirm": ({"asked"}, "confirmed"),
        "decline": ({"asked"}, "declined"),
        "withdraw": ({"asked"}, "withdrawn"),
    },
    Batch: {"undo": ({"standing"}, "undone")},
    Decision: {
        "apply": ({"asked"}, "applied"),
        "decline": ({"asked"}, "declined"),
        "withdraw": ({"asked"}, "withdrawn"),
        "undo": ({"applied"}, "undone"),
    },
    Suspect: {
        "merge": ({"open"}, "same"),
        "part": ({"open"}, "different"),
        "reopen": ({"same", "different"}, "open"),
    },
    Missing: {
        "end": ({"open"}, "ended"),
        "keep": ({"open"}, "kept"),
        "reopen": ({"ended", "kept"}, "open"),
    },
    PublicNotice: {
        "preview": ({"draft", "previewed"}, "previewed"),
        "revise": ({"previewed"}, "draft"),
        "publish": ({"previewed"}, "published"),
        "recall": ({"published"}, "recalled"),
        "end": ({"published"}, "over"),
        "archive": ({"over"}, "archived"),
        "drop": ({"draft", "previewed"}, "recalled"),
    },
    Objection: {
        "assign": ({"open", "assigned"}, "assigned"),
        "answer": ({"open", "assigned", "appealed"}, "answered"),
        "appeal": ({"answered"}, "appealed"),
        "close": ({"answered"}, "closed"),
    },
    Application: {
        "submit": ({"draft"}, "submitted"),
        "take_back": ({"submitted"}, "draft"),
        "review": ({"submitted"}, "panel_reviewed"),
        "take_back_review": ({"panel_reviewed"}, "submitted"),
        "conclude": ({"panel_reviewed"}, "not_hard"),
        "announce": ({"panel_reviewed"}, "in_notice"),
        "unannounce": ({"in_notice", "notice_closed"}, "panel_reviewed"),
        "close_notice": ({"in_notice"}, "notice_closed"),
        "hand_up": ({"notice_closed"}, "county_review"),
        "take_back_up": ({"county_review"}, "notice_closed"),
        "check": ({"county_review"}, "county_review"),
        "approve": ({"county_review"}, "approved"),
        "reject": ({"county_review"}, "rejected"),
        "return_form": ({"submitted", "panel_reviewed", "notice_closed", "county_review"}, "draft"),
        "return_panel": ({"panel_reviewed", "notice_closed", "county_review", "not_hard"}, "submitted"),
        "return_notice": ({"county_review"}, "panel_reviewed"),
        "withdraw": (
            {"draft", "submitted", "panel_reviewed", "in_notice", "notice_closed", "county_review"},
            "withdrawn",
        ),
        "decline": ({"draft", "submitted", "panel_reviewed", "approved"}, "declined"),
        "reopen": ({"withdrawn", "declined", "rejected", "not_hard"}, "draft"),
        "cancel": ({"approved"}, "cancelled"),
        "reassess": ({"approved", "cancelled"}, "draft"),
    },
    Letter: {
        "answer": ({"open"}, "answered"),
        "close": ({"answered"}, "closed"),
        "reopen": ({"answered", "closed"}, "open"),
    },
    TrainingPlan: {"fix": ({"draft"}, "fixed"), "reopen": ({"fixed"}, "draft")},
    Trainee: {
        "agree": ({"to_contact", "unwilling"}, "willing"),
        "decline": ({"to_contact", "willing"}, "unwilling"),
        "enrol": ({"to_contact", "willing", "unwilling"}, "enrolled"),
        "quit": ({"enrolled"}, "to_contact"),
        "finish": ({"enrolled"}, "finished"),
        "employ": ({"finished", "employed", "studying_on", "neither"}, "employed"),
        "study_on": ({"finished", "employed", "studying_on", "neither"}, "studying_on"),
        "neither": ({"finished", "employed", "studying_on"}, "neither"),
        "strike": ({"to_contact", "willing", "unwilling"}, "struck"),
        "restore": ({"struck"}, "to_contact"),
    },
    FollowUp: {
        "record": ({"due"}, "done"), "again": ({"done"}, "due"), "drop": ({"due"}, "void"), "restore": ({"void"}, "due"),
    },
    Loan: {
        "contract": ({"applied"}, "contracted"),
        "release": ({"contracted"}, "released"),
        "repay": ({"released"}, "repaid"),
        "withdraw": ({"applied", "contracted"}, "withdrawn"),
        "refuse": ({"applied"}, "refused"),
    },
    TopUpCase: {
        "approve": ({"asked"}, "approved"),
        "refuse": ({"asked"}, "refused"),
        "withdraw": ({"asked"}, "withdrawn"),
        "revoke": ({"approved"}, "revoked"),
    },
    Recovery: {
        "close": ({"open"}, "collected"),
        "cancel": ({"open"}, "cancelled"),
    },
    Account: {
        "confirm": ({"proposed"}, "confirmed"),
        "refuse": ({"proposed"}, "refused"),
    },
    PaymentBatch: {
        "confirm": ({"prepared"}, "confirmed"),
        "reopen": ({"confirmed"}, "prepared"),
        "approve": ({"confirmed"}, "approved"),
        "check": ({"approved"}, "checked"),
        "send": ({"approved", "checked", "returned"}, "sent"),
        "hear": ({"sent", "returned"}, "returned"),
        "balance": ({"sent", "returned"}, "balanced"),
        "unbalance": ({"balanced"}, "returned"),
        "cancel": ({"prepared", "confirmed", "approved", "checked"}, "cancelled"),
    },
    Payment: {
        "leave_out": ({"listed"}, "cancelled"),
        "approve": ({"listed"}, "approved"),
        "send": ({"approved", "reissued"}, "sent"),
        "pay": ({"sent"}, "paid"),
        "settle": ({"approved"}, "paid"),
        "bounce": ({"sent"}, "bounced"),
        "come_back": ({"paid"}, "bounced"),
        "arrive": ({"bounced", "reissued"}, "paid"),
        "reissue": ({"bounced"}, "reissued"),
        "cancel": ({"listed", "approved", "bounced", "reissued"}, "cancelled"),
    },
    WorkTask: {
        "start": ({"given"}, "under_way"),
        "report": ({"under_way", "rectifying"}, "reported"),
        "self_check": ({"reported"}, "self_checked"),
        "recheck": ({"self_checked"}, "rechecked"),
        "close": ({"self_checked", "rechecked"}, "closed"),
        "cancel": ({"given", "under_way"}, "cancelled"),
        "send_back": ({"reported", "self_checked", "rechecked"}, "rectifying"),
    },
    Submission: {
        "accept": ({"submitted"}, "accepted"),
        "send_back": ({"submitted"}, "returned"),
        "replace": ({"submitted", "accepted"}, "replaced"),
    },
    Report: {
        "submit": ({"due", "returned"}, "submitted"),
        "accept": ({"submitted"}, "accepted"),
        "send_back": ({"submitted"}, "returned"),
    },
    **{
        model: {"answer": ({"open"}, "done"), "close": ({"done"}, "closed"), "reopen": ({"done", "closed"}, "open")}
        for model in (FamilyRequest, Tip)
    },
    Rectification: {
        "answer": ({"open"}, "done"),
        "accept": ({"done"}, "closed"),
        "send_back": ({"done"}, "open"),
    },
}
COUNTY = {Role.COUNTY_MAKER, Role.COUNTY_CHECKER, Role.COUNTY_HEAD}
WRITES = {Role.SCHOOL_MAKER, Role.CLASS_TEACHER}
RETURNS = COUNTY | {Role.SCHOOL_CHECKER}
PRINCIPAL, SCHOOL_MAKER = {Role.SCHOOL_CHECKER}, {Role.SCHOOL_MAKER}
PREPARES = {Role.COUNTY_MAKER}
SEES_PAYMENTS = COUNTY | {
    Role.SCHOOL_MAKER, Role.SCHOOL_CHECKER, Role.CITY_OFFICER, Role.CITY_INSPECTOR, Role.AUDITOR,
}  # fmt: skip
GIVES = {Role.COUNTY_MAKER, Role.SCHOOL_MAKER}
APPROVES = {Role.COUNTY_CHECKER, Role.COUNTY_HEAD}
DECIDE = {Role.COUNTY_MAKER, Role.COUNTY_CHECKER, Role.CITY_OFFICER}
MAKES_NOTICES = {Role.SCHOOL_MAKER, Role.COUNTY_MAKER, Role.CITY_OFFICER}
PUBLISHES = {Role.SCHOOL_CHECKER, Role.COUNTY_CHECKER, Role.COUNTY_HEAD, Role.CITY_OFFICER}
RECEIVES = {Role.COUNTY_MAKER, Role.COUNTY_CHECKER, Role.CITY_OFFICER}
INSPECTS = APPROVES | {Role.CITY_OFFICER, Role.CITY_INSPECTOR}
PERSUADES = {Role.COUNTY_MAKER, Role.SCHOOL_MAKER, Role.CLASS_TEACHER, Role.CADRE}
WORKS, GIVES_WORK = {Role.COUNTY_MAKER, Role.SCHOOL_MAKER, Role.CADRE}, {Role.COUNTY_HEAD, Role.CITY_OFFICER}
WHO_MAY = {
    HouseholdPlan: {
        "start": {Role.COUNTY_MAKER, Role.CADRE},
        **dict.fromkeys(("review", "close", "resume"), APPROVES),
    },
    DropoutCase: {
        **dict.fromkeys(("verify", "persuade", "bring_back", "place", "watch", "relapse", "reopen"), PERSUADES),
        **dict.fromkeys(
            ("acquit", "confirm", "unconfirm", "go_to_law", "back_from_law", "close", "close_unproven"), APPROVES
        ),
    },
    PublicNotice: {
        **dict.fromkeys(("preview", "revise", "archive", "drop"), MAKES_NOTICES),
        **dict.fromkeys(("publish", "recall", "end"), PUBLISHES),
    },
    Objection: MAKES_NOTICES | PUBLISHES,
    Job: {
        Role.COUNTY_MAKER, Role.COUNTY_CHECKER, Role.COUNTY_HEAD, Role.SCHOOL_MAKER, Role.CITY_OFFICER,
        Role.SYSTEM_ADMIN,
    },
    ImportFile: {Role.COUNTY_MAKER},
    Batch: {Role.COUNTY_MAKER},
    Decision: DECIDE,
    Suspect: DECIDE,
    Missing: DECIDE,
    PackDraft: {
        "publish": {Role.COUNTY_CHECKER, Role.COUNTY_HEAD, Role.CITY_OFFICER},
        "discard": {Role.COUNTY_MAKER, Role.COUNTY_CHECKER, Role.CITY_OFFICER},
    },
    AdoptionRequest: {
        "confirm": {Role.COUNTY_CHECKER, Role.COUNTY_HEAD, Role.CITY_OFFICER},
        "decline": {Role.COUNTY_CHECKER, Role.COUNTY_HEAD, Role.CITY_OFFICER},
        "withdraw": {Role.COUNTY_MAKER, Role.COUNTY_CHECKER, Role.CITY_OFFICER},
    },
    Application: {
        **dict.fromkeys(("submit", "take_back", "withdraw", "decline", "reopen"), WRITES),
        **dict.fromkeys(("review", "take_back_review", "conclude"), PRINCIPAL),
        **dict.fromkeys(("announce", "unannounce", "close_notice"), PUBLISHES),
        **dict.fromkeys(("hand_up", "take_back_up"), SCHOOL_MAKER),
        "check": COUNTY,
        **dict.fromkeys(("approve", "reject"), APPROVES),
        **dict.fromkeys(("return_form", "return_panel", "return_notice"), RETURNS),
        **dict.fromkeys(("cancel", "reassess"), APPROVES),
    },
    Letter: COUNTY | {Role.SCHOOL_MAKER, Role.CITY_OFFICER},
    TrainingPlan: {Role.COUNTY_HEAD, Role.CITY_OFFICER},
    Trainee: {Role.COUNTY_MAKER, Role.SCHOOL_MAKER, Role.CADRE},
    FollowUp: {Role.COUNTY_MAKER, Role.SCHOOL_MAKER, Role.CADRE},
    Loan: {
        **dict.fromkeys(("contract", "refuse"), APPROVES),
        **dict.fromkeys(("release", "repay", "withdraw"), GIVES),
    },
    TopUpCase: {**dict.fromkeys(("approve", "refuse", "revoke"), APPROVES), "withdraw": GIVES},
    Recovery: {"close": {Role.COUNTY_MAKER}, "cancel": APPROVES},
    Account: APPROVES | PRINCIPAL,
    PaymentBatch: {
        "confirm": SEES_PAYMENTS,
        **dict.fromkeys(("reopen", "approve", "unbalance", "cancel"), APPROVES),
        **dict.fromkeys(("check", "send", "hear", "balance"), PREPARES),
    },
    Payment: {
        **dict.fromkeys(("leave_out", "send", "pay", "settle", "bounce"), PREPARES),
        **dict.fromkeys(("approve", "come_back", "arrive", "reissue", "cancel"), APPROVES),
    },
    WorkTask: {
        **dict.fromkeys(("start", "report"), WORKS),
        **dict.fromkeys(("self_check", "recheck", "send_back"), INSPECTS),
        **dict.fromkeys(("close", "cancel"), GIVES_WORK),
    },
    Submission: {
        "replace": {Role.COUNTY_CHECKER, Role.COUNTY_HEAD, Role.SCHOOL_CHECKER},
        **dict.fromkeys(("accept", "send_back"), RECEIVES),
    },
    Report: {
        "submit": {Role.COUNTY_MAKER, Role.COUNTY_HEAD, Role.SCHOOL_MAKER, Role.CITY_OFFICER},
        **dict.fromkeys(("accept", "send_back"), RECEIVES),
    },
    FamilyRequest: {Role.COUNTY_MAKER, Role.SCHOOL_MAKER, Role.CADRE},
    Tip: {Role.COUNTY_MAKER},
    Rectification: {
        "answer": {Role.COUNTY_MAKER, Role.SCHOOL_MAKER, Role.CLASS_TEACHER, Role.CADRE},
        **dict.fromkeys(("accept", "send_back"), INSPECTS),
    },
}  # fmt: skip
STATES = {
    HouseholdPlan: list(PlanState),
    FamilyRequest: list(TaskState), Tip: list(TaskState),
    DropoutCase: list(CaseState),
    PublicNotice: list(NoticeState), Objection: list(ObjectionState),
    Job: list(JobState), ImportFile: list(FileState), PackDraft: list(DraftState), Batch: list(BatchState),
    AdoptionRequest: list(AdoptionState),
    Decision: list(DecisionState), Suspect: list(SuspectState), Missing: list(MissingState),
    Application: list(ApplicationState), Letter: list(LetterState),
    TrainingPlan: list(TrainingState), Trainee: list(TraineeState), FollowUp: list(CallState),
    Loan: list(LoanState), TopUpCase: list(TopUpState), Recovery: list(RecoveryState),
    Account: list(AccountState), PaymentBatch: list(PaymentBatchState), Payment: list(PaymentState),
    Report: list(ReportState), Rectification: list(TaskState),
    WorkTask: list(WorkState), Submission: list(SubmissionState),
}  # fmt: skip
MATRIX = [(model, move, state) for model in MAY_GO for move in MAY_GO[model] for state in STATES[model]]


def who_may(model: type[models.Model], move: str) -> set[Role]:
    roles = WHO_MAY[model]
    return roles[move] if isinstance(roles, dict) else roles
