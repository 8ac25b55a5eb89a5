"""Who may do what, on one page."""

from __future__ import annotations

from enum import StrEnum


class P(StrEnum):
    """Permissions. A view or a move names exactly one."""

    HOME = "home"  # to be signed in with an active membership
    STUDENT_VIEW = "student.view"
    HOUSEHOLD_VIEW = "household.view"
    SCHOOL_VIEW = "school.view"
    SECRET_REVEAL = "secret.reveal"  # one ID or phone in clear, with a reason, logged
    PHONE_REVEAL = "phone.reveal"  # the same, of the telephones of a case's team and of a care file alone
    IMPORT_VIEW = "import.view"
    IMPORT_WRITE = "import.write"
    REVIEW_DECIDE = "review.decide"  # rows that wait, people who may be one, people missing from a register
    RULES_VIEW = "rules.view"
    FIGURE_SET = "figure.set"  # standards and lists of areas that documents leave to regions
    CLAUSE_WRITE = "clause.write"  # a document's own words beside its rules
    PACK_DRAFT = "pack.draft"  # write and rehearse
    PACK_PUBLISH = "pack.publish"  # somebody else's draft
    ENTITLEMENT_VIEW = "entitlement.view"
    RECOMPUTE = "recompute"
    LEDGER_VIEW = "ledger.view"
    LEDGER_ISSUE = "ledger.issue"
    LEDGER_UNMASK = "ledger.unmask"
    LEDGER_SUBMIT = "ledger.submit"  # hand a finished ledger up: not who made it, who answers for it
    LEDGER_RECEIVE = "ledger.receive"  # take what those below hand up, say what they hand up and when
    APPLICATION_VIEW = "application.view"
    APPLICATION_WRITE = "application.write"
    PANEL_RUN = "panel.run"  # members, meetings, scores
    PANEL_CONFIRM = "panel.confirm"  # the school's second person passes what the panel found
    APPLICATION_HAND_UP = "application.hand_up"
    APPLICATION_CHECK = "application.check"  # the county's first look
    APPLICATION_RETURN = "application.return"
    APPLICATION_APPROVE = "application.approve"
    APPLICATION_CANCEL = "application.cancel"
    QUOTA_SET = "quota.set"
    NOTICE_VIEW = "notice.view"
    NOTICE_WRITE = "notice.write"
    NOTICE_PUBLISH = "notice.publish"
    OBJECTION_HANDLE = "objection.handle"
    LETTER_WRITE = "letter.write"  # letters, visits, calls, appeals
    ACCOUNT_VIEW = "account.view"
    ACCOUNT_WRITE = "account.write"  # propose a card for a child
    ACCOUNT_CONFIRM = "account.confirm"  # somebody else's proposal
    PAYMENT_VIEW = "payment.view"
    PAYMENT_PREPARE = "payment.prepare"  # batches, bank files, returns, collection lists
    PAYMENT_CONFIRM = "payment.confirm"  # the school's own lines
    PAYMENT_APPROVE = "payment.approve"  # the second person
    GIVING_VIEW = "giving.view"
    GIVING_WRITE = "giving.write"  # loans, donations, gifts, helpers, points, cases for a top-up
    GIVING_APPROVE = "giving.approve"  # loan contracts and top-ups that somebody else wrote down
    PLAN_WRITE = "plan.write"  # 一户一策; what is known of children who study elsewhere
    PLAN_REVIEW = "plan.review"  # what a household's plan has brought, and its end
    UNPAID_WRITE = "unpaid.write"  # why somebody has not got what is due (未助原因)
    INDICATOR_SET = "indicator.set"  # 指标, and whether the poverty office checks
    DROPOUT_VIEW = "dropout.view"
    DROPOUT_COMPARE = "dropout.compare"  # the rosters of the own area
    DROPOUT_WRITE = "dropout.write"  # visits, teams, return, placement
    DROPOUT_CONFIRM = "dropout.confirm"  # acquit, confirm, go to law, close: the second person
    DROPOUT_SET = "dropout.set"  # thresholds, deadlines, deferrals approved
    DROPOUT_INSPECT = "dropout.inspect"  # draws, findings, rectification
    DROPOUT_REPORT = "dropout.report"  # hand up the own office's report
    DROPOUT_RECEIVE = "dropout.receive"  # take what those below hand up
    CARE_VIEW = "care.view"
    CARE_WRITE = "care.write"  # files of left-behind, disabled, migrant children; visits; requests of families
    TIP_HANDLE = "tip.handle"
    VOCATIONAL_VIEW = "vocational.view"
    VOCATIONAL_WRITE = "vocational.write"  # 两后生: found, asked, enrolled, followed up
    VOCATIONAL_SET = "vocational.set"  # a year's plan and what each institution takes
    PROGRESS_VIEW = "progress.view"  # tasks of the year, indicators, talks
    PROGRESS_WRITE = "progress.write"  # the own office's months, figures of age groups
    PROGRESS_GIVE = "progress.give"  # lines of work, tasks, targets, talks, closing
    PROGRESS_CHECK = "progress.check"  # self-check and re-check, sending back
    CALENDAR_SET = "calendar.set"
    JOB_VIEW = "job.view"
    JOB_STEER = "job.steer"  # cancel and resume
    AUDIT_VIEW = "audit.view"


class Role(StrEnum):
    COUNTY_MAKER = "county_maker"
    COUNTY_CHECKER = "county_checker"
    COUNTY_HEAD = "county_head"
    SCHOOL_MAKER = "school_maker"
    SCHOOL_CHECKER = "school_checker"
    CLASS_TEACHER = "class_teacher"
    CADRE = "cadre"
    CITY_OFFICER = "city_officer"
    CITY_INSPECTOR = "city_inspector"
    AUDITOR = "auditor"
    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"
    AUDIT_ADMIN = "audit_admin"


ROLE_LABELS = {
    Role.COUNTY_MAKER: "县级经办",
    Role.COUNTY_CHECKER: "县级审核",
    Role.COUNTY_HEAD: "县中心负责人",
    Role.SCHOOL_MAKER: "学校经办",
    Role.SCHOOL_CHECKER: "学校审核（校长）",
    Role.CLASS_TEACHER: "班主任",
    Role.CADRE: "乡村干部",
    Role.CITY_OFFICER: "市局资助专员",
    Role.CITY_INSPECTOR: "市局督查员",
    Role.AUDITOR: "审计",
    Role.SYSTEM_ADMIN: "系统管理员",
    Role.SECURITY_ADMIN: "安全管理员",
    Role.AUDIT_ADMIN: "审计管理员",
}

_READ = {
    P.HOME, P.STUDENT_VIEW, P.HOUSEHOLD_VIEW, P.SCHOOL_VIEW, P.IMPORT_VIEW, P.RULES_VIEW, P.ENTITLEMENT_VIEW,
    P.LEDGER_VIEW, P.JOB_VIEW, P.APPLICATION_VIEW, P.NOTICE_VIEW, P.ACCOUNT_VIEW, P.PAYMENT_VIEW,
    P.GIVING_VIEW, P.DROPOUT_VIEW, P.CARE_VIEW, P.PROGRESS_VIEW,
    P.VOCATIONAL_VIEW,
}  # fmt: skip
_COUNTY = _READ | {
    P.SECRET_REVEAL, P.PHONE_REVEAL, P.LEDGER_ISSUE, P.JOB_STEER, P.APPLICATION_RETURN, P.OBJECTION_HANDLE, P.LETTER_WRITE,
}  # fmt: skip
_SCHOOL = {
    P.HOME, P.STUDENT_VIEW, P.SCHOOL_VIEW, P.RULES_VIEW, P.ENTITLEMENT_VIEW, P.JOB_VIEW, P.APPLICATION_VIEW, P.NOTICE_VIEW,
    P.SECRET_REVEAL, P.PHONE_REVEAL, P.IMPORT_VIEW, P.LEDGER_VIEW, P.LEDGER_ISSUE, P.OBJECTION_HANDLE, P.ACCOUNT_VIEW,
    P.PAYMENT_VIEW, P.GIVING_VIEW, P.DROPOUT_VIEW, P.CARE_VIEW, P.PROGRESS_VIEW, P.VOCATIONAL_VIEW,
}  # fmt: skip

PERMISSIONS: dict[Role, frozenset[P]] = {
    Role.COUNTY_MAKER: frozenset(
        _COUNTY
        | {P.VOCATIONAL_WRITE}
        | {P.APPLICATION_CHECK, P.NOTICE_WRITE, P.IMPORT_WRITE, P.REVIEW_DECIDE, P.RECOMPUTE, P.CLAUSE_WRITE, P.PACK_DRAFT}
        | {P.ACCOUNT_WRITE, P.PAYMENT_PREPARE, P.GIVING_WRITE, P.UNPAID_WRITE, P.PLAN_WRITE}
        | {P.DROPOUT_COMPARE, P.DROPOUT_WRITE, P.DROPOUT_REPORT, P.DROPOUT_RECEIVE, P.CARE_WRITE, P.TIP_HANDLE}
        | {P.PROGRESS_WRITE, P.LEDGER_RECEIVE}
    ),
    Role.COUNTY_CHECKER: frozenset(
        _COUNTY
        | {P.APPLICATION_CHECK, P.APPLICATION_APPROVE, P.APPLICATION_CANCEL, P.NOTICE_PUBLISH, P.REVIEW_DECIDE, P.RECOMPUTE}
        | {P.LEDGER_UNMASK, P.CLAUSE_WRITE, P.PACK_DRAFT, P.PACK_PUBLISH, P.FIGURE_SET}
        | {P.ACCOUNT_CONFIRM, P.PAYMENT_APPROVE, P.GIVING_APPROVE, P.PLAN_REVIEW}
        | {P.DROPOUT_COMPARE, P.DROPOUT_CONFIRM, P.DROPOUT_INSPECT, P.DROPOUT_RECEIVE}
        | {P.LEDGER_SUBMIT, P.LEDGER_RECEIVE}
        | {P.PROGRESS_CHECK}
    ),
    Role.COUNTY_HEAD: frozenset(
        _COUNTY
        | {P.VOCATIONAL_SET}
        | {P.NOTICE_PUBLISH, P.LEDGER_UNMASK, P.AUDIT_VIEW, P.CLAUSE_WRITE, P.PACK_PUBLISH, P.FIGURE_SET}
        | {P.QUOTA_SET, P.APPLICATION_CHECK, P.APPLICATION_APPROVE, P.APPLICATION_CANCEL}
        | {P.ACCOUNT_CONFIRM, P.PAYMENT_APPROVE, P.INDICATOR_SET, P.GIVING_APPROVE, P.PLAN_REVIEW}
        | {P.DROPOUT_CONFIRM, P.DROPOUT_SET, P.DROPOUT_INSPECT, P.DROPOUT_REPORT, P.LEDGER_SUBMIT}
        | {P.PROGRESS_GIVE, P.PROGRESS_CHECK}
    ),
    Role.SCHOOL_MAKER: frozenset(
        _SCHOOL
        | {P.VOCATIONAL_WRITE}
        | {P.JOB_STEER, P.APPLICATION_WRITE, P.PANEL_RUN, P.APPLICATION_HAND_UP, P.NOTICE_WRITE, P.LETTER_WRITE}
        | {P.ACCOUNT_WRITE, P.GIVING_WRITE, P.UNPAID_WRITE, P.DROPOUT_WRITE, P.DROPOUT_REPORT, P.CARE_WRITE}
        | {P.PROGRESS_WRITE}
    ),
    Role.SCHOOL_CHECKER: frozenset(
        _SCHOOL | {P.PANEL_CONFIRM, P.APPLICATION_RETURN, P.NOTICE_PUBLISH, P.ACCOUNT_CONFIRM, P.PAYMENT_CONFIRM}
        | {P.LEDGER_SUBMIT}
    ),
    Role.CLASS_TEACHER: frozenset({P.HOME, P.STUDENT_VIEW, P.SCHOOL_VIEW, P.APPLICATION_VIEW, P.APPLICATION_WRITE}
        | {P.DROPOUT_VIEW, P.DROPOUT_WRITE, P.PHONE_REVEAL}),
    Role.CADRE: frozenset({P.HOME, P.STUDENT_VIEW, P.HOUSEHOLD_VIEW, P.SCHOOL_VIEW}
        | {P.VOCATIONAL_VIEW, P.VOCATIONAL_WRITE}
        | {P.DROPOUT_VIEW, P.DROPOUT_WRITE, P.PHONE_REVEAL, P.CARE_VIEW, P.CARE_WRITE, P.PLAN_WRITE}
        | {P.PROGRESS_VIEW, P.PROGRESS_WRITE}),
    Role.CITY_OFFICER: frozenset(
        _READ
        | {P.VOCATIONAL_SET}
        | {P.NOTICE_WRITE, P.NOTICE_PUBLISH, P.OBJECTION_HANDLE, P.LETTER_WRITE}
        | {P.REVIEW_DECIDE, P.RECOMPUTE, P.LEDGER_ISSUE, P.JOB_STEER, P.CLAUSE_WRITE, P.PACK_DRAFT, P.PACK_PUBLISH, P.FIGURE_SET}
        | {P.DROPOUT_INSPECT, P.DROPOUT_REPORT, P.DROPOUT_RECEIVE}
        | {P.PROGRESS_GIVE, P.PROGRESS_CHECK, P.LEDGER_RECEIVE}
    ),
    Role.CITY_INSPECTOR: frozenset(_READ | {P.AUDIT_VIEW, P.DROPOUT_INSPECT, P.PROGRESS_CHECK}),
    Role.AUDITOR: frozenset(_READ | {P.AUDIT_VIEW}),
    Role.SYSTEM_ADMIN: frozenset({P.HOME, P.JOB_VIEW, P.JOB_STEER, P.CALENDAR_SET}),
    Role.SECURITY_ADMIN: frozenset({P.HOME}),
    Role.AUDIT_ADMIN: frozenset({P.HOME, P.AUDIT_VIEW}),
}

# 三员 exclude each other: one person never holds two of them (checked when a membership is saved).
EXCLUSIVE = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})


class OfficeKind(StrEnum):
    """What an organisation is decides from which side it looks (aidcases.models.people.Organisation.scope)."""

    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE = "village"
    SCHOOL = "school"
    AUDITOR = "auditor"
    SYSTEM = "system"


# In which offices a role is held. The three administrators sit in a county's or a city's office, or over all.
_ADMINISTRATORS = dict.fromkeys(
    (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN),
    (OfficeKind.COUNTY, OfficeKind.CITY, OfficeKind.SYSTEM),
)
OFFICES_OF: dict[Role, tuple[OfficeKind, ...]] = {
    **dict.fromkeys((Role.COUNTY_MAKER, Role.COUNTY_CHECKER, Role.COUNTY_HEAD), (OfficeKind.COUNTY,)),
    **dict.fromkeys((Role.SCHOOL_MAKER, Role.SCHOOL_CHECKER, Role.CLASS_TEACHER), (OfficeKind.SCHOOL,)),
    Role.CADRE: (OfficeKind.TOWNSHIP, OfficeKind.VILLAGE),
    **dict.fromkeys((Role.CITY_OFFICER, Role.CITY_INSPECTOR), (OfficeKind.CITY,)),
    Role.AUDITOR: (OfficeKind.AUDITOR,),
    **_ADMINISTRATORS,
}

OFFICE_LABELS = {
    OfficeKind.CITY: "市教育局",
    OfficeKind.COUNTY: "县学生资助管理中心",
    OfficeKind.TOWNSHIP: "乡镇",
    OfficeKind.VILLAGE: "村（社区）",
    OfficeKind.SCHOOL: "学校",
    OfficeKind.AUDITOR: "审计",
    OfficeKind.SYSTEM: "系统",
}
