"""Arguments for every address that has some: with what, and whose it is."""

from __future__ import annotations

from collections.abc import Callable

from aidcases.files import files_of
from dropout import visits
from dropout.models import LegalStep
from ledgers.definitions import LEDGERS
from subsidies.models import (
    ListedArea,
    Rule,
)
from tests.conventions.counties import Counties
from tests.conventions.traces import (
    Samples,
    _indicator,
    _part,
    _reminded,
    adoptions,
    announced,
    applications,
    banked,
    care_files,
    clause_texts,
    decided,
    dropped,
    each,
    given,
    households,
    judged,
    papers,
    running,
    students,
    unpaid_reasons,
)
from tests.dropout import care_traces as care
from tests.dropout import traces as dropout
from tests.ledgers import progress_build as progress
from tests.ledgers import reporting_build as reporting
from tests.subsidies import plan_traces as plans
from tests.vocational import traces as vocational

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
    **dict.fromkeys(("bundle_detail", "bundle_download", "bundle_paper"), dropped(reporting.bundle)),
    "ledger_verified": each(lambda _, side: reporting.verification(side).pk),
    "search_results": lambda made: [("both", ["nosuchkey"])],
    **dict.fromkeys(
        ("job_detail", "job_progress", "job_cancel", "job_resume", "slip_download"),
        each(lambda m, s: m.traces[s.code].job.pk),
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
