"""What the subsidies app gives the kernel: job kinds, navigation, home cards, the student's panel, rules in the search."""

from aidcases.jobs import KINDS, Kind
from aidcases.registry import Card, HouseholdPanel, Merged, NavItem, Panel, SearchSource, registry
from aidcases.roles import P
from students.enums import RosterKind
from students.imports import upper
from subsidies import homes, merged, panels, resting, runs, slips
from subsidies.casework import anew, archive, daily, noticecards, panelcard, parts, rosters, timeline
from subsidies.giving import merged as giving_merged
from subsidies.models.applications import OwnOrNobodys, OwnPupil
from subsidies.payments import batchjobs, bounces, files, reminding, returns
from subsidies.plans import daily as plan_daily
from subsidies.plans import merged as plans_merged
from subsidies.views.casework import county as county_views
from subsidies.views.casework import letters as letter_views
from subsidies.views.giving import totals as giving_views
from subsidies.views.payments import accounts as account_views
from subsidies.views.payments import board as board_views
from subsidies.views.plans import panels as plan_views
from subsidies.views.vocational import calls as vocational_views
from subsidies.vocational import following
from subsidies.vocational import merged as vocational_merged

registry.daily.append(homes.homes_follow)  # before anybody is reminded
registry.daily.extend((*daily.HOOKS, bounces.remind, bounces.remind_county, *reminding.HOOKS, plan_daily.measures_overdue))
registry.merged["subsidies"] = Merged(merged.merge, merged.part)
registry.daily.extend(following.HOOKS)
registry.merged["vocational"] = Merged(vocational_merged.merge, vocational_merged.part)
registry.merged["giving"] = Merged(giving_merged.merge, giving_merged.part)
registry.merged["plans"] = Merged(plans_merged.merge, plans_merged.part)
KINDS["subsidies.recompute"] = Kind("测算应享资助", run=runs.run_block, split=runs.split, finish=runs.finish)
KINDS["subsidies.rehearse"] = Kind("试算政策", run=runs.run_rehearsal)
KINDS["subsidies.slips"] = Kind("打印明白卡", run=slips.generate)
KINDS[files.KIND] = Kind("生成代发文件", run=files.make_files)
KINDS[returns.KIND] = Kind("登记回盘", run=returns.receive)
KINDS[batchjobs.PREPARE] = Kind("编制发放批次", run=batchjobs.prepare)
KINDS[batchjobs.APPROVE] = Kind("审批发放批次", run=batchjobs.approve)
KINDS[archive.KIND] = Kind("装订档案", run=archive.generate)
registry.add(
    NavItem(
        31, "一户一策", "plan_list", "house-heart", P.HOUSEHOLD_VIEW,
        ("plan_detail", "plan_edit", "away_list", "away_edit"),
    ),
    NavItem(
        40, "认定申请", "application_list", "file-earmark-text", P.APPLICATION_VIEW,
        ("application_detail", "application_edit", "application_save", "class_list", "window_list"),
    ),
    NavItem(45, "应助未助", "aid_matrix", "grid-3x3", P.PAYMENT_VIEW, ("board_names", "double_list")),
    NavItem(
        47, "发放", "batch_list", "send", P.PAYMENT_VIEW,
        (
            "batch_new", "batch_stopped", "batch_detail", "part_detail", "indicator_list", "account_list", "account_new",
            "account_propose", "account_import", "account_upload", "batch_files", "bounce_list", "bounce_detail",
            "recovery_list", "recovery_new", "recovery_detail",
        ),
    ),
    Panel(32, P.ACCOUNT_VIEW, "subsidies/payments/account_panel.html", account_views.account_panel),
    NavItem(
        46,
        "应享资助",
        "entitlement_list",
        "cash-coin",
        P.ENTITLEMENT_VIEW,
        ("coverage_list", "missing_list", "student_why"),
    ),
    NavItem(
        48,
        "政策",
        "pack_list",
        "journal-text",
        P.RULES_VIEW,
        (
            "figure_list", "pack_detail", "pack_changes", "rule_detail", "draft_list", "draft_new", "draft_detail", "draft_save",
            "rehearsal_detail", "adoption_detail", "clause_history", "clause_save",
        ),
    ),
    NavItem(48, "测算", "run_list", "calculator", P.ENTITLEMENT_VIEW, ("run_detail", "change_list", "adjustment_list")),
    NavItem(
        42, "公示", "notice_list", "megaphone", P.NOTICE_VIEW,
        ("notice_detail", "notice_new", "notice_hand_up", "objection_list", "objection_detail"),
    ),
    NavItem(
        41, "评审", "panel_list", "people", P.APPLICATION_VIEW,
        ("panel_detail", "meeting_new", "meeting_create", "meeting_detail", "score_detail", "score_save", "quota_list"),
    ),
    Card(20, P.NOTICE_VIEW, "subsidies/casework/notice_card.html", noticecards.notice_card),
    Panel(37, P.VOCATIONAL_VIEW, "subsidies/vocational/panel.html", vocational_views.panel),
    NavItem(
        49, "两后生", "vocational_board", "tools", P.VOCATIONAL_VIEW,
        (
            "trainingplan_edit", "trainee_list", "trainee_find", "trainee_detail", "followup_list", "followup_totals",
            "followup_detail",
        ),
    ),
    NavItem(50, "明白卡", "slip_list", "printer", P.HOUSEHOLD_VIEW),
    NavItem(
        49, "捐助和贷款", "giving_totals", "gift", P.GIVING_VIEW,
        (
            "loan_list", "loan_unclaimed", "loan_totals", "loan_detail", "loan_new", "topup_list", "topup_detail", "topup_new",
            "project_list", "project_detail", "donor_list", "gift_list", "gift_new", "pairing_list", "pairing_detail",
            "pairing_new", "schoolpair_list", "schoolpair_detail", "points_list", "points_detail",
        ),
    ),
    Panel(35, P.GIVING_VIEW, "subsidies/giving/panel.html", giving_views.panel),
    Panel(36, P.STUDENT_VIEW, "subsidies/plans/student_panel.html", plan_views.of_student),
    HouseholdPanel(10, P.HOUSEHOLD_VIEW, "subsidies/plans/household_panel.html", plan_views.of_household),
    NavItem(
        43, "县级审核", "county_list", "clipboard-check", P.APPLICATION_VIEW,
        ("county_detail", "county_again", "approval_list", "approval_detail", "archive_list"),
    ),
    NavItem(44, "来信来访", "letter_list", "envelope-open", P.LETTER_WRITE, ("letter_new", "letter_detail")),
    Card(15, P.APPLICATION_VIEW, "subsidies/casework/county_card.html", county_views.county_card),
    Card(22, P.LETTER_WRITE, "subsidies/casework/letter_card.html", letter_views.letter_card),
    Panel(27, P.APPLICATION_VIEW, "subsidies/casework/timeline_panel.html", timeline.panel),
    Card(1, P.PAYMENT_VIEW, "subsidies/payments/board_card.html", board_views.board_card),
    Card(10, P.ENTITLEMENT_VIEW, "subsidies/aid_board.html", panels.aid_board),
    Card(10, P.ENTITLEMENT_VIEW, "subsidies/county_board.html", panels.county_board),
    Card(3, P.PAYMENT_VIEW, "subsidies/payments/waiting_card.html", reminding.card),
    Card(4, P.ACCOUNT_WRITE, "subsidies/payments/bounce_card.html", bounces.card),
    Card(5, P.APPLICATION_WRITE, "subsidies/casework/application_card.html", parts.school_card),
    Card(6, P.APPLICATION_VIEW, "subsidies/casework/panel_card.html", panelcard.panel_card),
    Panel(25, P.APPLICATION_VIEW, "subsidies/casework/application_panel.html", parts.student_panel),
    Panel(30, P.ENTITLEMENT_VIEW, "subsidies/student_panel.html", panels.student_panel),
    SearchSource(40, "政策", P.RULES_VIEW, panels.rules_found),
)


registry.facts_changed.append(anew.recompute)
registry.own_pupil.append(OwnPupil)
registry.pupil_in_sight.append(OwnOrNobodys)
registry.resting.append(resting.on_batch)
upper.KINDS[RosterKind.APPLICATIONS] = rosters.KIND
registry.demo += [
    (20, "subsidies.demo.ruling.seed"),
    (30, "subsidies.demo.year.seed"),
    (32, "subsidies.demo.plans.seed"),
    (45, "subsidies.vocational.demo.seed"),
]
