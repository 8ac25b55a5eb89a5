"""What the dropout app gives the kernel: job kinds, navigation, home cards, the student's panel."""

from functools import partial

from aidcases.jobs import KINDS, Kind
from aidcases.registry import Card, Merged, NavItem, Panel, registry
from aidcases.roles import P
from dropout import answering, caseparts, comparing, daily, drawing, merged, parts, reminding, resting, warnings
from dropout.models.cases import OnMyTeam
from dropout.parts import Part
from dropout.views import cards, care, cases, deferrals, measures, teams, visits

registry.pupil_in_sight.append(partial(OnMyTeam, of="student"))
registry.daily.extend((*daily.HOOKS, *reminding.HOOKS, *answering.HOOKS, warnings.weekly))
registry.merged["dropout"] = Merged(merged.merge, merged.part)
registry.resting.append(resting.on_batch)
registry.demo.append((40, "dropout.demo.seed"))
KINDS[drawing.KIND] = Kind("随机抽查", run=drawing.work)
KINDS[comparing.KIND] = Kind("比对名单", run=comparing.work)
KINDS[warnings.KIND] = Kind("核对辍学预警", run=warnings.work)
parts.add(
    Part(10, P.DROPOUT_VIEW, "dropout/case_parts.html#team", teams.team_part),
    Part(20, P.DROPOUT_VIEW, "dropout/case_parts.html#visits", visits.visits_part),
    Part(30, P.DROPOUT_VIEW, "dropout/part_law.html", caseparts.law),
    Part(40, P.DROPOUT_VIEW, "dropout/part_placement.html", caseparts.placement),
    Part(45, P.DROPOUT_VIEW, "dropout/part_proof.html", caseparts.proof),
    Part(50, P.DROPOUT_VIEW, "dropout/part_recheck.html", caseparts.recheck),
    Part(60, P.DROPOUT_VIEW, "dropout/case_parts.html#measures", measures.measures_part),
    Part(70, P.DROPOUT_VIEW, "dropout/case_parts.html#deferrals", deferrals.deferrals_part),
)
registry.add(
    Panel(45, P.DROPOUT_VIEW, "dropout/student_panel.html", cases.student_panel),
    NavItem(
        52, "控辍台账", "case_list", "person-exclamation", P.DROPOUT_VIEW,
        (
            "case_detail", "case_new", "case_open", "case_team", "visit_new", "visit_send", "measure_list", "measure_new",
            "measure_take", "deferral_list", "deferral_new", "deferral_approve", "legal_new", "legal_take", "placement_new",
            "placement_make", "recheck_list", "deadline_list", "deadline_set",
        ),
    ),
    Card(2, P.DROPOUT_VIEW, "dropout/mine_card.html", cards.phone_card),
    Card(30, P.DROPOUT_VIEW, "dropout/board_card.html", cards.card),
    NavItem(51, "控辍看板", "dropout_board", "speedometer2", P.DROPOUT_VIEW, ("indicator_names", "retention_table")),
    NavItem(53, "名单比对", "comparison", "arrow-left-right", P.DROPOUT_VIEW, ("difference_list", "difference_detail")),
    NavItem(
        54, "辍学预警", "warning_list", "exclamation-triangle", P.DROPOUT_VIEW,
        ("warning_detail", "threshold_list", "exam_class"),
    ),
    NavItem(
        56, "控辍报告", "report_list", "journal-check", P.DROPOUT_VIEW,
        ("report_detail", "rectification_list", "rectification_detail"),
    ),
    NavItem(
        58, "关爱儿童", "care_list", "heart", P.CARE_VIEW,
        (
            "carefile_detail", "carevisit_list", "carevisit_detail", "carevisit_new", "familyrequest_list",
            "familyrequest_detail", "room_list", "care_tables",
        ),
    ),
    NavItem(
        59, "群众反映", "tip_list", "megaphone", P.CARE_VIEW,
        ("tip_detail", "supervisor_list", "survey_results"),
    ),
    Panel(46, P.CARE_VIEW, "dropout/care_panel.html", care.care_panel),
    Card(31, P.DROPOUT_VIEW, "dropout/waiting_card.html", cards.waiting_card),
    NavItem(57, "随机抽查", "inspection_list", "shuffle", P.DROPOUT_INSPECT, ("inspection_detail", "inspection_line")),
)  # fmt: skip
