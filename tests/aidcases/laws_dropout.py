"""Laws of dropout prevention: each CHECK constraint and the ways to break it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial

from dropout.models import (
    ActivityRoom,
    CareFile,
    Deadline,
    Deferral,
    Difference,
    ExamResult,
    InspectionLine,
    IntakeFigure,
    LegalStep,
    Placement,
    Supervisor,
    SurveyAnswer,
    Threshold,
    WarningLine,
)
from tests.aidcases.flows.rows import (
    HERE,
)
from tests.aidcases.laws import change, line
from tests.dropout import build as dropout_rows

ON, BEFORE = date(2018, 9, 3), date(2018, 9, 2)
STEP: dict = {"case_id": 1, "path": HERE, "step": 1, "issuer": "镇", "issued_on": ON, "made_by": "甲"}
DRAWN: dict = {"inspection_id": 1, "order": 1, "stratum": "x", "student_id": 1, "home_path": HERE, "school_path": HERE}
WARNED: dict = {
    "term": "2018-autumn", "student_id": 1, "values": {"late": [4, 3]}, "number": 1, "since_on": ON, "changed_on": ON,
    "home_path": HERE, "school_path": HERE,
}  # fmt: skip
INTAKE: dict = {"school_id": 1, "school_path": HERE, "cohort": "primary", "year": 2013, "from_on": ON, "made_by": "甲"}

BROKEN: dict[str, list[Callable[[], object]]] = {
    "penalty_has_a_basis": [lambda: line(LegalStep, **{**STEP, "step": 3})],
    "paper_has_a_number": [lambda: line(LegalStep, **STEP, paper="order")],
    "served_says_how": [
        lambda: line(LegalStep, **STEP, served_on=ON, served_how="direct", served_by="甲"),
        lambda: line(LegalStep, **STEP, served_on=ON, served_how="direct", received_by="甲"),
        lambda: line(LegalStep, **STEP, served_on=ON, served_by="甲", received_by="乙"),
    ],
    "vocational_has_a_certificate": [
        lambda: line(Placement, case_id=1, kind="vocational", school_id=1, from_on=ON, plan="补课", mentor="甲", made_by="甲")
    ],
    "threshold_is_positive": [lambda: line(Threshold, path=HERE, code="absence", value=0, from_on=ON, set_by="甲")],
    "warning_has_a_value": [lambda: line(WarningLine, **{**WARNED, "number": 0})],
    "answered_warning_says_what": [
        lambda: line(WarningLine, **WARNED, answered_on=ON, answered_by="甲"),
        lambda: line(WarningLine, **WARNED, answered_on=ON, answer="已家访"),
    ],
    "failed_subjects_are_some": [
        partial(line, ExamResult, student_id=1, term="2018-autumn", failed=failed, school_path=HERE, made_by="甲")
        for failed in (-1, 21)
    ],
    "intake_adds_up": [
        lambda: line(IntakeFigure, **INTAKE, intake=-1),
        lambda: line(IntakeFigure, **INTAKE, intake=3, moved_in=1, moved_out=5),
        lambda: line(IntakeFigure, **INTAKE, intake=3, moved_in=-1),
        lambda: line(IntakeFigure, **INTAKE, intake=3, moved_out=-1),
    ],
    "difference_ends_after_it_began": [
        lambda: line(Difference, term="2018-autumn", student_id=1, kind="absent", area=HERE, home_path=HERE, school_path=HERE,
                     found_on=ON, gone_on=date(2018, 9, 2))
    ],
    "deadline_is_positive": [
        lambda: line(Deadline, path=HERE, state="verifying", days=0, from_on=ON, set_by="甲"),
        lambda: line(Deadline, path=HERE, state="verifying", days=121, from_on=ON, set_by="甲"),
    ],
    "handed_up_has_its_day": [
        lambda: change(dropout_rows.report("submitted"), submitted_on=None),
        lambda: change(dropout_rows.report("accepted"), submitted_by=""),
        lambda: change(dropout_rows.report("submitted"), figures={}),
    ],
    "answered_request_has_an_answer": [
        lambda: change(dropout_rows.request("done"), answer=""),
        lambda: change(dropout_rows.request("closed"), answered_on=None),
    ],
    "answered_tip_has_an_answer": [
        lambda: change(dropout_rows.tip("done"), answer=""),
        lambda: change(dropout_rows.tip("closed"), answered_on=None),
    ],
    "care_ends_after_it_began": [
        lambda: line(CareFile, student_id=1, kind="migrant", home_path=HERE, school_path=HERE, from_on=ON, ended_on=BEFORE)
    ],
    "room_closes_after_it_opened": [
        lambda: line(ActivityRoom, path=HERE, school_id=1, name="甲", keeper="乙", from_on=ON, ended_on=BEFORE)
    ],
    "supervisor_ends_after_start": [
        lambda: line(Supervisor, path=HERE, name="甲", duty="乙", hotline="1", from_on=ON, ended_on=BEFORE)
    ],
    "score_from_one_to_five": [
        partial(line, SurveyAnswer, path=HERE, year=2018, who="parent", wish="aid", answered_on=ON, score=score)
        for score in (0, 6)
    ],
    "rectified_says_how": [
        lambda: change(dropout_rows.rectification("done"), answer=""),
        lambda: change(dropout_rows.rectification("closed"), answered_on=None),
    ],
    "checked_says_what": [
        lambda: line(InspectionLine, **DRAWN, checked_on=ON, checked_by="甲"),
        lambda: line(InspectionLine, **DRAWN, checked_on=ON, in_school=True),
    ],
    "acquitted_has_a_code": [lambda: change(dropout_rows.case("false_alarm"), alarm="")],
    "confirmed_has_its_day": [
        lambda: change(dropout_rows.case("confirmed"), cause=""),
        lambda: change(dropout_rows.case("legal"), confirmed_on=None),
        lambda: change(dropout_rows.case("verifying"), state="confirmed"),
    ],
    "returned_has_its_day": [lambda: change(dropout_rows.case("placed"), returned_on=None)],
    "watched_has_an_end": [lambda: change(dropout_rows.case("watched"), watch_until=None)],
    "closed_says_on_what": [
        lambda: change(dropout_rows.case("closed"), proof=""),
        lambda: change(dropout_rows.case("closed"), closed_by=""),
        lambda: change(dropout_rows.case("closed"), closed_on=None),
    ],
    "unproven_has_a_reason": [lambda: change(dropout_rows.case("closed"), proof="none")],
    "deferral_ends_after_it_began": [
        lambda: line(Deferral, student_id=1, kind="leave", from_on=ON, until_on=date(2018, 9, 2), approved_on=ON,
                     home_path=HERE, school_path=HERE)
    ],
}  # fmt: skip
