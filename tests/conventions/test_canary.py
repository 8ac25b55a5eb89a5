"""Every page × every persona on two populated counties: nobody meets a word of those they have no business with."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse

from aidcases import files
from aidcases.files import files_of
from aidcases.models import Job, Organisation, Reminder, StoredFile
from aidcases.roles import P
from aidcases.scoping import EVERYWHERE, Scope, acting_in
from dropout import visits
from dropout.models import LegalStep
from ledgers.definitions import LEDGERS
from students.models import Household, ImportFile, Student
from subsidies.models import (
    AdoptionRequest,
    Application,
    Assessment,
    BatchPart,
    Benefit,
    ClauseText,
    FamilyMember,
    Indicator,
    ListedArea,
    Meeting,
    PackDraft,
    Panel,
    Payment,
    PublicNotice,
    Rule,
    UnpaidReason,
)
from tests.casework import build
from tests.conventions import counties
from tests.conventions.counties import Counties
from tests.conventions.resolver import Address, addresses
from tests.dropout import care_traces as care
from tests.dropout import traces as dropout
from tests.giving import traces as giving
from tests.giving.traces import Given
from tests.kept import Kept
from tests.ledgers import progress_build as progress
from tests.ledgers import reporting_build as reporting
from tests.payments import bank
from tests.personas import CANARY
from tests.subsidies import plan_traces as plans
from tests.vocational import traces as vocational

ANONYMOUS = "anonymous"
# 286: a poll that need not come again.
FINE = {200, 286, 302, 403, 404}
FOREIGN = {302, 403, 404}

Samples = Callable[[Counties], list[tuple[str, list[Any]]]]


def each(what: Callable[[Counties, Any], Any]) -> Samples:
    """(county code, arguments) of an object of either county."""
    return lambda made: [(side.code, [what(made, side)]) for side in made.sides]


def students(made: Counties) -> list[tuple[str, list[Any]]]:
    own = [(side.code, [side.students[0].pk]) for side in made.sides]
    return [*own, ("both", [made.world.crossing.pk])]


def households(made: Counties) -> list[tuple[str, list[Any]]]:
    rows = Household.objects.order_by("pk")
    found = [(side.code, [rows.filter(path__startswith=side.office.path).first().pk]) for side in made.sides]
    return [*found, ("620121", [rows.last().pk])]  # of the child who goes to school here


def adoptions(made: Counties) -> list[tuple[str, list[Any]]]:
    """A request of either county, asked for by a clerk with a name of its own."""
    return [(side.code, [_asked(side.code, side.office.path).pk]) for side in made.sides]


def _asked(code: str, path: str) -> AdoptionRequest:
    fields = {"region_id": code, "from_on": "2030-09-01", "asked_by": f"{CANARY[code]}办事员"}
    return AdoptionRequest.objects.get_or_create(pack_code="lanzhou", path=path, defaults=fields)[0]


def clause_texts(made: Counties) -> list[tuple[str, list[Any]]]:
    return [(side.code, [_pasted(side.code, side.office.path).pk]) for side in made.sides]


def _pasted(code: str, path: str) -> ClauseText:
    clause = Rule.objects.filter(pack__code="lanzhou").order_by("order").first().clause
    fields = {"text": "原文", "office": "中心", "written_by": "某人"}  # schools below may read it
    return ClauseText.objects.get_or_create(pack_code="lanzhou", clause=clause, path=path, version=1, defaults=fields)[0]


def applications(made: Counties) -> list[tuple[str, list[Any]]]:
    """One of a child of either county, and of the child whose home and school lie apart."""
    found = [(side.code, [_applied(made, side.students[0]).pk]) for side in made.sides]
    return [*found, ("both", [_applied(made, made.world.crossing).pk])]


def _applied(made: Counties, who: Student) -> Application:
    enrolled = who.enrolments.filter(term=made.world.term.code).get()
    fields = {
        "school": enrolled.school, "school_path": enrolled.school_path, "home_path": enrolled.home_path, "kind": "applied",
        "address": f"{enrolled.school.name[:2]}路1号",
    }  # fmt: skip
    found, new = Application.objects.get_or_create(student=who, term=made.world.term.code, defaults=fields)
    if new:
        FamilyMember(application=found, order=0, name=f"{enrolled.school.name[:2]}家人").save()
    return found


def papers(made: Counties) -> list[tuple[str, list[Any]]]:
    """A photo of each of them."""
    return [(owner, [pk, _photo(pk).pk]) for owner, [pk] in applications(made)]


def _photo(pk: int) -> StoredFile:
    found = Application.objects.get(pk=pk)
    upload = SimpleUploadedFile("1.jpg", b"\xff\xd8\xff" + b"0" * 40)
    return files.files_of(found).first() or files.attach(found, upload, what="paper", path=found.school_path)


def announced(which: Callable[[PublicNotice, PublicNotice], Any]) -> Samples:
    """Of a county's notices, in draft and running (tests.casework.build.traces)."""
    return each(lambda made, side: which(*build.traces(side.code, side.office.path, side.students[0])))


def unpaid_reasons(made: Counties) -> list[tuple[str, list[Any]]]:
    """Why a child of either county has not got its books, in words of that county."""
    return [(side.code, [_reason(made, side).pk]) for side in made.sides]


def _reason(made: Counties, side: Any) -> UnpaidReason:
    child = side.students[0]
    fields = {
        "reason": "other", "note": f"{CANARY[side.code]}说明", "said_by": "甲", "home_path": child.person.home_path,
        "school_path": side.primary.path,
    }  # fmt: skip
    about = {"student": child, "term": made.world.term.code, "benefit": Benefit.objects.get(code="compulsory-textbook")}
    return UnpaidReason.objects.get_or_create(**about, defaults=fields)[0]


def judged(which: Callable[[Assessment], list[Any]]) -> Samples:
    """Of the panel's meeting that scored a child of either county (tests.casework.build.panel_traces)."""
    return lambda made: [
        (side.code, which(build.panel_traces(_applied(made, side.students[0]), CANARY[side.code]))) for side in made.sides
    ]


def decided(which: Callable[[Any, Any], Any]) -> Samples:
    """Of a county's document and letter about a child of its own (tests.casework.build.county_traces)."""
    return each(
        lambda made, side: which(
            *build.county_traces(_applied(made, side.students[0]), side.office.path, CANARY[side.code])
        )
    )


def banked(which: Callable[[Any], Any]) -> Samples:
    """Of what a county sent to its bank and got back (tests.payments.bank.traces)."""
    return each(lambda made, side: which(bank.traces(side, CANARY[side.code])))


def running(made: Counties) -> list[tuple[str, list[Any]]]:
    """What is public is everybody's."""
    return [("both", arguments) for _, arguments in announced(lambda draft, notice: notice.key)(made)]


def _reminded(office: Organisation) -> Reminder:
    """What a county has to do, with a word of its own in it."""
    title = f"{CANARY[office.region_id]}待办"
    days = {"due_on": "2026-10-12", "made_on": "2026-10-09"}
    fields = {"path": office.path, "title": title, "url": "/", "permission": P.HOME, **days}
    return Reminder.objects.get_or_create(office=office, key="x.due", subject_id=0, defaults=fields)[0]


def _part(line: Payment) -> BatchPart:
    """The school's part of the batch, objected to in words of its own."""
    mark = CANARY[line.batch.path.split("/")[3]]
    fields = {"school_path": line.school_path, "objection": f"{mark}意见"}
    return BatchPart.objects.get_or_create(batch=line.batch, school=line.school, defaults=fields)[0]


def _indicator(side: Any) -> Indicator:
    given = {"benefit": Benefit.objects.order_by("pk")[0], "term": "2018-autumn", "issued_on": "2018-09-01", "yuan": 5}
    fields = {**given, "made_by": "甲", "path": side.office.path, "office": side.office}
    return Indicator.objects.get_or_create(document=f"{CANARY[side.code]}指标文", defaults=fields)[0]


def given(which: Callable[[Given], Any]) -> Samples:
    """Of what a county gave a child of its own (tests.giving.traces)."""
    return each(lambda made, side: which(giving.traces(side, CANARY[side.code], made.world.term.code)))


def dropped(which: Callable[[Any], Any]) -> Samples:
    """Of a county's dropout work (tests.dropout.traces)."""
    return each(lambda _, side: which(side).pk)


def care_files(made: Counties) -> list[tuple[str, list[Any]]]:
    """Of a child of either county, and of the one whose home and school lie apart."""
    return [*dropped(care.file)(made), ("both", [care.crossing(made.world).pk])]


SAMPLES: dict[str, Samples] = {
    **dict.fromkeys(
        (
            "plan_detail", "plan_edit", "plan_print", "plan_save", "plan_children", "planmeasure_add", "plan_begin",
            "plan_review", "plan_close", "plan_resume",
        ),
        dropped(plans.plan),
    ),
    **dict.fromkeys(("planmeasure_finish", "planmeasure_drop"), dropped(plans.measure)),
    **dict.fromkeys(("away_edit", "away_save"), lambda made: [("620121", [plans.enrolment(made.world).pk])]),
    "away_proof": lambda made: [("620121", [plans.record(made.world).pk])],
    "plan_of_household": households,
    **dict.fromkeys(("carefile_detail", "carefile_save", "carefile_end", "carefile_reveal", "carefile_card"), care_files),
    **dict.fromkeys(("carevisit_new", "carevisit_save"), students),
    **dict.fromkeys(("carevisit_detail", "carevisit_ask"), dropped(care.visit)),
    **dict.fromkeys(
        ("familyrequest_detail", "familyrequest_answer", "familyrequest_accept", "familyrequest_reopen"),
        dropped(care.request),
    ),
    "room_close": dropped(care.room),
    **dict.fromkeys(
        ("tip_detail", "tip_reveal", "tip_assign", "tip_case", "tip_answer", "tip_close", "tip_reopen"), dropped(care.tip),
    ),
    **dict.fromkeys(("supervisor_end", "supervisor_reveal"), dropped(care.supervisor)),
    **dict.fromkeys(
        (
            "tip_new", "tip_send", "tip_ask", "tip_reply", "supervisors_public", "survey_new", "survey_send",
        ),
        lambda made: [("both", [side.code]) for side in made.sides],
    ),
    **dict.fromkeys(
        (
            "case_detail", "case_team", "case_team_save", "visit_new", "visit_send", "visit_draft", "measure_new",
            "measure_take",
        ),
        dropped(dropout.followed_case),
    ),
    "case_step": lambda made: [(owner, [pk, "relapse"]) for owner, [pk] in dropped(dropout.followed_case)(made)],
    "team_reveal": dropped(dropout.team_member),
    "visit_photo": lambda made: [
        (owner, [pk, visits.photos_of([pk]).get().pk]) for owner, [pk] in dropped(dropout.visit)(made)
    ],
    "deferral_paper": dropped(dropout.deferral),
    **dict.fromkeys(("case_new", "case_open", "deferral_new", "deferral_approve"), students),
    **dict.fromkeys(
        ("report_detail", "report_fill", "report_write", "report_submit", "report_accept", "report_send_back"),
        dropped(dropout.report),
    ),
    "inspection_detail": dropped(dropout.inspection),
    "difference_detail": dropped(dropout.difference),
    **dict.fromkeys(("warning_detail", "warning_answer", "warning_open"), dropped(dropout.warning)),
    **dict.fromkeys(
        ("legal_new", "legal_take", "placement_new", "placement_make", "proof_ask", "proof_close", "recheck"),
        dropped(dropout.child_case),
    ),
    **dict.fromkeys(("legal_paper", "legal_serve", "legal_outcome"), dropped(dropout.legal_step)),
    "legal_receipt": lambda made: [
        (owner, [pk, files_of(LegalStep(pk=pk), "receipt").get().pk]) for owner, [pk] in dropped(dropout.legal_step)(made)
    ],
    "placement_plan": dropped(dropout.placement),
    "deadline_drop": dropped(dropout.deadline),
    **dict.fromkeys(("inspection_line", "inspection_record", "rectification_give"), dropped(dropout.inspection_line)),
    **dict.fromkeys(
        ("worktask_detail", "worktask_change", "workmonth_tell", "worktask_send_back"), dropped(progress.county_task),
    ),
    "worktask_check": lambda made: [(owner, [pk, "self_check"]) for owner, [pk] in dropped(progress.county_task)(made)],
    "worktask_step": lambda made: [(owner, [pk, "report"]) for owner, [pk] in dropped(progress.county_task)(made)],
    "talk_detail": dropped(progress.talk),
    "work_report": lambda made: [("both", [code]) for code in ("2018-09", "2018-Q3", "2018-H2", "2018")],
    "county_year": lambda made: [(side.code, [side.code]) for side in made.sides],
    **dict.fromkeys(
        ("rectification_detail", "rectification_answer", "rectification_accept", "rectification_send_back"),
        dropped(dropout.rectification),
    ),
    **dict.fromkeys(
        (
            "application_detail", "application_edit", "application_save", "application_move", "application_reveal",
            "application_print", "application_waiver", "application_attach",
        ),
        applications,
    ),
    **dict.fromkeys(("application_file", "application_file_remove"), papers),
    **dict.fromkeys(("application_new", "refusal_detail", "refusal_set"), students),
    "reason_take_back": unpaid_reasons,
    "student_detail": students,
    "student_why": students,
    "student_reveal": students,
    "api_student_detail": students,
    "household_detail": households,
    "household_slip": households,
    "household_reveal": households,
    "school_detail": lambda made: [("both", [side.primary.code]) for side in made.sides],
    "mapping_delete": each(lambda m, s: m.traces[s.code].mapping.pk),
    "area_end": lambda made: [("both", [ListedArea.objects.order_by("pk").first().pk])],
    "pack_detail": lambda made: [("both", ["lanzhou"])],
    "rule_detail": lambda made: [("both", [rule.code]) for rule in Rule.objects.order_by("pk")[:2]],
    "ledger_detail": lambda made: [("both", [code]) for code in LEDGERS],
    "ledger_issue": lambda made: [("both", [code]) for code in LEDGERS],
    **dict.fromkeys(("form_shipped", "ledger_rows"), lambda made: [("both", ["aid-summary"])]),
    **dict.fromkeys(("form_detail", "form_save", "form_withdraw", "form_file"), each(lambda m, s: m.traces[s.code].form.pk)),
    **dict.fromkeys(("due_detail", "due_submit"), each(lambda _, side: reporting.handed(side).due_id)),
    **dict.fromkeys(("submission_accept", "submission_send_back"), dropped(reporting.handed)),
    "issue_submit": each(lambda _, side: reporting.handed(side).issue_id),
    **dict.fromkeys(
        ("issue_compare", "issue_compare_start", "issue_compare_sheet"), each(lambda _, s: reporting.comparison(s).new_id)
    ),
    **dict.fromkeys(("bundle_detail", "bundle_download"), dropped(reporting.bundle)),
    "search_results": lambda made: [("both", ["nosuchkey"])],
    **dict.fromkeys(
        ("job_detail", "job_progress", "job_cancel", "job_resume", "slip_download"), each(lambda m, s: m.traces[s.code].job.pk)
    ),
    **dict.fromkeys(
        (
            "import_detail", "import_confirm", "import_reopen", "import_discard", "import_return", "import_returned",
            "import_undo", "import_undo_start", "import_keep",
            "import_columns", "import_map", "import_rekind",
            "import_choose",
        ),
        each(lambda m, s: m.traces[s.code].file.pk),
    ),
    **dict.fromkeys(("carry_detail", "carry_undo", "missing_batch"), each(lambda m, s: m.traces[s.code].carried.pk)),
    **dict.fromkeys(("pack_changes", "clause_save", "adoption_ask"), lambda made: [("both", ["lanzhou"])]),
    **dict.fromkeys(
        ("adoption_detail", "adoption_rehearse", "adoption_confirm", "adoption_decline", "adoption_withdraw"), adoptions,
    ),
    "clause_history": clause_texts,
    **dict.fromkeys(("public_notice", "objection_new", "objection_send"), running),
    **dict.fromkeys(
        (
            "notice_detail", "notice_page", "notice_edit", "notice_rename", "notice_check", "notice_publish", "notice_recall",
            "notice_drop", "notice_paper", "notice_photo", "notice_archive", "notice_pack", "notice_hand_up",
            "objection_register",
        ),
        announced(lambda draft, _: draft.pk),
    ),
    **dict.fromkeys(
        ("panel_detail", "panel_member", "panel_posted", "meeting_new", "meeting_create"), judged(lambda a: [a.meeting.panel_id]),
    ),
    **dict.fromkeys(
        ("panel_member_remove", "panel_child", "panel_child_remove"),
        judged(lambda a: [a.meeting.panel.members.order_by("-pk")[0].pk]),
    ),
    **dict.fromkeys(
        (
            "meeting_detail", "meeting_edit", "meeting_photo", "meeting_minutes", "meeting_accept", "meeting_close",
            "meeting_reopen", "meeting_confirm", "meeting_take_back", "meeting_conclude", "meeting_told",
        ),
        judged(lambda a: [a.meeting_id]),
    ),
    **dict.fromkeys(
        ("score_detail", "score_save", "score_before", "score_drop"), judged(lambda a: [a.meeting_id, a.application_id]),
    ),
    **dict.fromkeys(
        ("meeting_photo_view", "meeting_photo_remove"), judged(lambda a: [files_of(a.meeting).order_by("pk")[0].pk]),
    ),
    **dict.fromkeys(("county_detail", "county_cancel", "county_told"), applications),
    **dict.fromkeys(("approval_detail", "approval_print"), decided(lambda document, _: document.pk)),
    **dict.fromkeys(
        ("letter_detail", "letter_answer", "letter_close", "letter_reopen", "letter_contact"),
        decided(lambda _, letter: letter.pk),
    ),
    **dict.fromkeys(
        ("batch_files", "batch_files_make", "return_upload"), banked(lambda line: line.bank_return.batch_id),
    ),
    **dict.fromkeys(
        (
            "batch_detail", "batch_search", "batch_leave_out", "batch_withdraw", "batch_reopen", "batch_approve", "batch_check",
            "batch_set_check", "batch_settle", "batch_close", "batch_cancel",
        ),
        banked(lambda line: line.bank_return.batch_id),
    ),
    **dict.fromkeys(
        ("part_detail", "part_search", "part_agree", "part_object", "part_agree_instead"),
        banked(lambda line: _part(line.sending.payment).pk),
    ),
    **dict.fromkeys(("account_refuse", "account_clear", "account_reveal"), banked(lambda line: line.sending.account_id)),
    **dict.fromkeys(("account_new", "account_propose"), students),
    "indicator_drop": each(lambda m, s: _indicator(s).pk),
    "bank_file_download": banked(lambda line: line.sending.file_id),
    "bank_return_detail": banked(lambda line: line.bank_return_id),
    **dict.fromkeys(("odd_detail", "odd_settle"), banked(lambda line: line.pk)),
    **dict.fromkeys(
        ("bounce_detail", "bounce_fix", "bounce_give_up"), banked(lambda line: line.sending.payment_id),
    ),
    **dict.fromkeys(
        (
            "loan_new", "loan_create", "topup_new", "topup_create", "gift_new", "gift_create", "pairing_new", "pairing_create",
            "points_of_child",
        ),
        students,
    ),
    "points_of_household": households,
    **dict.fromkeys(("loan_detail", "loan_save"), given(lambda g: g.loan.pk)),
    "loan_move": lambda made: [
        (owner, [pk, "refuse"]) for owner, [pk] in given(lambda g: g.loan.pk)(made)
    ],
    **dict.fromkeys(
        ("topup_detail", "topup_approve", "topup_refuse", "topup_revoke", "topup_withdraw"), given(lambda g: g.case.pk)
    ),
    "donor_reveal": given(lambda g: g.donor.pk),
    **dict.fromkeys(("project_detail", "donation_add"), given(lambda g: g.project.pk)),
    "donation_thank": given(lambda g: g.donation.pk),
    "gift_sign": given(lambda g: g.gift.pk),
    **dict.fromkeys(("pairing_detail", "pairing_visit", "pairing_end"), given(lambda g: g.pairing.pk)),
    **dict.fromkeys(("schoolpair_detail", "schoolpair_activity", "schoolpair_end"), given(lambda g: g.schools.pk)),
    **dict.fromkeys(("points_detail", "points_enter"), given(lambda g: g.points.pk)),
    **dict.fromkeys(
        ("recovery_detail", "recovery_receive", "recovery_close", "recovery_cancel", "recovery_notice"),
        given(lambda g: g.recovery.pk),
    ),
    "receipt_remove": given(lambda g: g.receipt.pk),
    **dict.fromkeys(
        ("trainee_detail", "trainee_contact", "trainee_phone", "trainee_reveal"),
        lambda made: [*dropped(vocational.trainee)(made), ("both", [vocational.crossing(made.world).pk])],
    ),
    "trainee_step": lambda made: [(owner, [pk, "agree"]) for owner, [pk] in dropped(vocational.trainee)(made)],
    "trainee_bulk": lambda made: [("both", ["agree"])],
    "trainingplan_move": lambda made: [(owner, [pk, "fix"]) for owner, [pk] in dropped(vocational.plan)(made)],
    **dict.fromkeys(("followup_detail", "followup_record"), dropped(vocational.call)),
    "followup_move": lambda made: [(owner, [pk, "drop"]) for owner, [pk] in dropped(vocational.call)(made)],
    "archive_download": each(lambda m, s: m.traces[s.code].job.pk),
    "notice_file": lambda made: [
        (code, [*arguments, "xlsx"]) for code, arguments in announced(lambda draft, _: draft.pk)(made)
    ],
    "notice_strike": announced(lambda draft, _: draft.lines.get().pk),
    **dict.fromkeys(("notice_photo_view", "notice_photo_remove"), announced(lambda draft, _: files_of(draft).get().pk)),
    **dict.fromkeys(
        (
            "objection_detail", "objection_assign", "objection_answer", "objection_appeal", "objection_close",
            "objection_contact",
        ),
        announced(lambda draft, _: draft.objections.get().pk),
    ),
    **dict.fromkeys(
        (
            "draft_detail", "draft_save", "draft_check", "draft_count", "draft_rehearse", "draft_ready", "draft_publish",
            "draft_discard",
        ),
        each(lambda m, s: m.traces[s.code].draft.pk),
    ),
    **dict.fromkeys(("rehearsal_detail", "rehearsal_sheet"), each(lambda m, s: m.traces[s.code].draft.rehearsal_id)),
    "run_detail": each(lambda m, s: m.traces[s.code].run.pk),
    **dict.fromkeys(("review_detail", "review_decide"), each(lambda m, s: m.traces[s.code].decision.row_id)),
    **dict.fromkeys(("decision_detail", "decision_answer"), each(lambda m, s: m.traces[s.code].decision.pk)),
    **dict.fromkeys(("review_batch", "review_undo"), each(lambda m, s: m.traces[s.code].decision.batch_id)),
    **dict.fromkeys(("suspect_detail", "suspect_decide"), each(lambda m, s: m.traces[s.code].suspect.pk)),
    **dict.fromkeys(("inbox_done", "inbox_reopen"), each(lambda m, s: _reminded(s.office).pk)),
    "export_download": each(lambda m, s: m.traces[s.code].export.pk),
    **dict.fromkeys(("issue_detail", "issue_download", "issue_certificate"), each(lambda m, s: m.traces[s.code].issue.pk)),
}  # fmt: skip

# Addresses that are nothing without a question.
ASKED: dict[str, Callable[[Counties], list[tuple[str, str]]]] = {
    **dict.fromkeys(
        ("vocational_board", "trainee_list", "trainee_find", "trainingplan_edit", "followup_list"),
        lambda made: [("both", "?year=2018")],
    ),
    "indicator_names": lambda made: [
        ("both", f"?term={made.world.term}&indicator=out-now"),
        ("both", f"?term={made.world.term}&indicator=dropout-primary&side=of"),
        ("both", f"?term={made.world.term}&cohort=primary&set=graduates"),
        *((side.code, f"?term={made.world.term}&indicator=out-now&place={side.code}") for side in made.sides),
    ],
    **dict.fromkeys(
        ("worktask_list", "talk_list", "goal_board", "goal_figures", "workline_list"), lambda made: [("both", "?year=2018")]
    ),
    "work_rows": lambda made: [
        (side.code, f"?task={progress.county_task(side).pk}&span=2018&from=year") for side in made.sides
    ],
    "goal_names": lambda made: [
        (side.code, f"?indicator=preschool&place={side.code}&year=2018&area={progress.area(side).pk}") for side in made.sides
    ] + [(side.code, f"?indicator=primary&place={side.code}&year=2018") for side in made.sides],
    "exam_class": lambda made: [("both", f"?term={made.world.term}&of={side.primary.pk}.primary.3.1班") for side in made.sides],
    "batch_stopped": lambda made: [("both", f"?term={made.world.term}&channel=bank&reason=account")],
    "api_explain": lambda made: [(owner, f"?student={pk}") for owner, [pk] in students(made)],
    "carry_names": lambda made: [
        ("both", f"?from=2018-autumn&school={side.primary.code}&stage=primary&grade=3") for side in made.sides
    ],
}

# What a person could type to find the other side (and then the numbers of a child of either county).
SEARCHES = ("登枫", "榆槐", "Z")
SEEKERS = ("maker", "other_maker", "school")


@pytest.fixture(scope="module")
def kept_counties(django_db_setup: None, django_db_blocker: Any) -> Kept:
    with django_db_blocker.unblock(), acting_in(EVERYWHERE):
        return Kept(counties.build)


@pytest.fixture
def made(kept_counties: Kept, db: None) -> Counties:
    return kept_counties.put_back()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """A walk ends at many closed doors."""
    caplog.set_level(logging.CRITICAL, "django.request")


@pytest.fixture
def visitors(made: Counties) -> dict[str, tuple[Client, Scope | None]]:
    """Everyone with an account, and whoever has none; with the scope they may see."""
    found: dict[str, tuple[Client, Scope | None]] = {ANONYMOUS: (Client(raise_request_exception=False), None)}
    for name, user in made.world.users.items():
        client = Client(raise_request_exception=False)
        client.force_login(user)
        membership = user.memberships.select_related("organisation").first()
        found[name] = (client, membership.organisation.scope if membership else None)
    return found


def requests_of(address: Address, made: Counties) -> Iterator[tuple[str, str]]:
    """(whose object, URL) for each sample of an address."""
    if not address.arguments:
        yield "both", reverse(address.name)
        for owner, question in ASKED.get(address.name, lambda _: [])(made):
            yield owner, reverse(address.name) + question
        return
    assert address.name in SAMPLES, f"{address.name} has no sample: add one to SAMPLES"
    for owner, arguments in SAMPLES[address.name](made):
        yield owner, reverse(address.name, args=arguments)


def foreign_to(owner: str, scope: Scope | None) -> bool:
    return owner != "both" and (scope is None or not _touches(scope, f"/62/6201/{owner}/"))


def _touches(scope: Scope, county: str) -> bool:
    return scope.path.startswith(county) or county.startswith(scope.path)


def text_of(answer: Any) -> str:
    if answer.streaming:
        return b"".join(answer.streaming_content).decode(errors="replace")
    return answer.content.decode(errors="replace")


def test_no_page_shows_anybody_what_is_not_theirs(made: Counties, visitors: dict[str, tuple[Client, Scope | None]]):
    with acting_in(EVERYWHERE):
        pages = [(a, list(requests_of(a, made))) for a in addresses() if "GET" in a.methods]
        secrets = counties.secrets_of_all()
        hidden = {name: counties.hidden_from(scope) for name, (_, scope) in visitors.items()}
    problems, shown = [], defaultdict(int)
    for name, (client, scope) in visitors.items():
        for address, urls in pages:
            for owner, url in urls:
                answer = client.get(url)
                text = text_of(answer)
                fine = FOREIGN if foreign_to(owner, scope) else FINE
                if answer.status_code not in fine:
                    problems.append(f"{name} {url}: {answer.status_code}")
                problems += [f"{name} {url}: {word}" for word in sorted(hidden[name] | secrets) if word in text]
                shown[address.name] += answer.status_code in (200, 286)
    assert problems == []
    # A walk that is only ever sent away proves nothing.
    assert {address.name for address, _ in pages if not shown[address.name]} <= {
        "search_results",
        "issue_download",
        "import_returned",
        "missing_batch",  # the list of missing people, asked for one batch
        "import_undo",  # of a committed import; tests/students/test_undo_pages.py walks it
    }


def test_no_search_finds_what_is_not_theirs(made: Counties, visitors: dict[str, tuple[Client, Scope | None]]):
    with acting_in(EVERYWHERE):
        secrets = counties.secrets_of_all()
        hidden = {name: counties.hidden_from(scope) for name, (_, scope) in visitors.items()}
        children = [side.students[0].person for side in made.sides]
        numbers = [number for child in children for number in (child.id_last4, child.id_number)]
        searches = [
            (a.name, url)
            for a in addresses()
            if a.name == "search" or a.name.endswith(("_search", "_pick"))
            for _, url in (requests_of(a, made) if a.arguments else [(None, reverse(a.name))])
        ]
    assert len(searches) > 3
    problems = []
    for name in SEEKERS:
        client, _ = visitors[name]
        for search, url in searches:
            for typed in (*SEARCHES, *numbers):
                answer = client.post(url, {"q": typed}, follow=True)
                text = text_of(answer)
                if answer.status_code not in FINE:
                    problems.append(f"{name} {search} {typed}: {answer.status_code}")
                problems += [f"{name} {search} {typed}: {word}" for word in hidden[name] | secrets if word in text]
    assert problems == []


def test_no_command_reaches_what_is_not_theirs(made: Counties, visitors: dict[str, tuple[Client, Scope | None]]):
    with acting_in(EVERYWHERE):
        commands = [a for a in addresses() if "POST" in a.methods and a.arguments]
        urls = [(a.name, owner, url) for a in commands for owner, url in requests_of(a, made)]
        before = _states()
        secrets = counties.secrets_of_all()
    assert len(commands) > 3
    problems = []
    for name, (client, scope) in visitors.items():
        for command, owner, url in urls:
            if not foreign_to(owner, scope):
                continue
            with transaction.atomic():
                answer = client.post(url, {"purpose": "核对", "note": "核对"})
            if answer.status_code not in FOREIGN or any(secret in text_of(answer) for secret in secrets):
                problems.append(f"{name} {command} {url}: {answer.status_code}")
    assert problems == []
    with acting_in(EVERYWHERE):
        assert _states() == before


def _states() -> list[tuple]:
    return [
        *Job.objects.order_by("pk").values_list("pk", "state"),
        *ImportFile.objects.values_list("pk", "state"),
        *PackDraft.objects.values_list("pk", "state", "sha256", "rehearsal"),
        *AdoptionRequest.objects.values_list("pk", "state"),
        *PublicNotice.objects.values_list("pk", "state", "title", "photos", "objections_open"),
        *Panel.objects.values_list("pk", "posted_on", "members__name", "members__children").order_by("pk", "members"),
        *Meeting.objects.values_list("pk", "closed_at", "minutes", "assessments__level").order_by("pk"),
    ]


def test_the_canaries_sing(made: Counties, visitors: dict[str, tuple[Client, Scope | None]]):
    """The words hidden from one side are shown to the other, else their absence would prove nothing."""
    with acting_in(EVERYWHERE):
        here = counties.hidden_from(visitors["other_maker"][1]) - counties.hidden_from(visitors["city"][1])
        assert {"榆槐贫生", "榆槐户主", "榆槐监贫人", "榆槐任务", "榆槐在校生.xlsx"} <= here
        assert "跨县生" not in here
        assert "跨县户主" in counties.hidden_from(visitors["maker"][1])
        assert {"榆槐普生", "榆槐户主", "跨县生"} <= counties.hidden_from(visitors["other_school"][1])
        assert "榆槐户主" in counties.hidden_from(visitors["school"][1])
        side = made.world.here
        pages = {
            reverse("student_list"): "榆槐贫生",
            reverse("student_detail", args=[side.students[0].pk]): "榆槐监贫人",
            reverse("job_list"): "榆槐任务",
            reverse("import_list"): "榆槐在校生.xlsx",
            reverse("draft_list"): "榆槐草案",
        }
    for url, word in pages.items():
        assert word in text_of(visitors["maker"][0].get(url))
