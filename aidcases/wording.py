"""Codes in words for people: what was done, what came of a job. Other apps' codes are plain strings here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.urls import NoReverseMatch, reverse

from aidcases import spans
from aidcases.actionwords import ACTIONS
from aidcases.models import AuditEvent, Job
from aidcases.models.places import region_names
from aidcases.roles import ROLE_LABELS, P
from aidcases.scoping import Actor
from aidcases.terms import UnknownTerm

# What of an event's data a reader wants to know; ids, hashes and paths are left to the database.
_DATA = {
    "term": "学期",
    "purpose": "用途",
    "code": "代码",
    "clause": "条款",
    "version": "版本",
    "from_on": "起",
    "kind": "名单",
    "region": "地区",
    "rows": "行数",
    "new": "新增",
    "changed": "改动",
    "rejected": "退回",
    "role": "角色",
    "what": "内容",
}
_WHAT = {"id": "证件号码", "roll": "学籍号", "phone": "联系电话", "number": "证件号码"}

_RESULT = {
    "households": ("家庭", "户"),
    "students": ("学生", "人"),
    "pages": ("页数", "页"),
    "rows": ("行数", "行"),
    "files": ("文件", "个"),
    "lines": ("名单", "人次"),
    "applied": ("已登记", "行"),
    "new": ("新增", "行"),
    "added": ("新增应享", "条"),
    "changed": ("改动", "条"),
    "withdrawn": ("取消", "条"),
    "unchanged": ("不变", "条"),
    "review": ("待核对", "行"),
    "enrolled": ("登记到新学期", "人"),
    "rejected": ("退回", "行"),
}
# The same and what else commands report, each with its unit.
FIGURES = _RESULT | {
    "accounts": ("账号", "个"),
    "amount": ("金额", "元"),
    "rules": ("各条规则", ""),
    "reasons": ("待核对和退回的原因", ""),
    "totals": ("合计", ""),
    "certificate": ("校验证书", ""),
    "sha256": ("文件校验码（SHA-256）", ""),
    "issue": ("生成记录编号", ""),
    "pack": ("政策", ""),
    "version": ("版本", ""),
    "region": ("地区", ""),
    "from": ("起始日期", ""),
    "active": ("采用", ""),
    "run": ("测算编号", ""),
    "restored": ("恢复", ""),
    "day": ("日期", ""),
    "notices_ended": ("期满的公示", "份"),
    "applications_closed": ("公示结束的申请", "份"),
    "applications_held": ("因异议暂缓的申请", "份"),
    "reminded": ("新的提醒", "条"),
    "ended": ("结束的提醒", "条"),
    "escalated": ("升级的事项", "件"),
    "watches_over": ("观察期满", "人"),
    "kept": ("保留", ""),
    "forms": ("表样", "种"),
}
# Where a job's outcome is shown: a key of its result or parameters → the page of that record.
_OPENS = {
    "run": "run_detail", "issue": "issue_detail", "file": "import_detail", "carry": "carry_detail",
    "return": "bank_return_detail", "batch": "batch_detail",
    "verified": "ledger_verified",
}  # fmt: skip


def action_label(action: str) -> str:
    return ACTIONS.get(action, action)


def told(event: AuditEvent) -> str:
    """An event's particulars in one line: 2 名学生 · 用途 核对."""
    parts = [event.note] if event.note else []
    if len(ids := event.data.get("subject_ids", [])) > 1:
        parts.append(f"{len(ids)} 人")
    parts += [f"{label} {_shown(name, event.data[name])}" for name, label in _DATA.items() if event.data.get(name)]
    return " · ".join(parts)


def _shown(name: str, value: Any) -> str:
    if name == "term":
        try:
            return spans.of_terms(str(value)).label
        except UnknownTerm:
            return str(value)
    if name == "region":
        return region_names([str(value)]).get(str(value), str(value))
    words = {"what": _WHAT, "kind": _rosters(), "role": ROLE_LABELS}.get(name, {})
    return str(words.get(value, value))


def _rosters() -> dict[str, str]:
    return dict(apps.get_model("students", "ImportFile")._meta.get_field("kind").flatchoices)


@dataclass(frozen=True)
class Subject:
    """Whose record an event is about. `url` is "" where there is nothing to open."""

    label: str
    url: str = ""


@dataclass(frozen=True)
class Kind:
    """Records of one model as the log shows them: a noun, the field that names one, its page, who may see it."""

    noun: str
    name: str
    page: str
    can: P


_KINDS = {
    "students.student": Kind("学生", "person__name", "student_detail", P.STUDENT_VIEW),
    "students.household": Kind("家庭", "head__name", "household_detail", P.HOUSEHOLD_VIEW),
    "students.importfile": Kind("名单文件", "filename", "import_detail", P.IMPORT_VIEW),
    "ledgers.ledgerissue": Kind("台账", "title", "issue_detail", P.LEDGER_VIEW),
    "subsidies.application": Kind("认定申请", "student__person__name", "application_detail", P.APPLICATION_VIEW),
    "subsidies.adoptionrequest": Kind("采用申请", "region__name", "adoption_detail", P.RULES_VIEW),
    "subsidies.clausetext": Kind("条款原文", "clause", "clause_history", P.RULES_VIEW),
    "subsidies.packdraft": Kind("政策草稿", "", "", P.RULES_VIEW),
    "subsidies.letter": Kind("来信来访", "subject", "letter_detail", P.LETTER_WRITE),
    "subsidies.approval": Kind("批准文件", "number", "approval_detail", P.APPLICATION_VIEW),
    "subsidies.paymentbatch": Kind("发放批次", "number", "batch_detail", P.PAYMENT_VIEW),
    "subsidies.batchpart": Kind("学校发放名单", "batch__number", "part_detail", P.PAYMENT_VIEW),
    "subsidies.payment": Kind("发放明细", "student__person__name", "", P.PAYMENT_VIEW),
    "subsidies.indicator": Kind("指标", "document", "", P.PAYMENT_VIEW),
    "students.account": Kind("一卡通", "student__person__name", "", P.ACCOUNT_VIEW),
    "subsidies.recovery": Kind("追缴", "student__person__name", "recovery_detail", P.PAYMENT_VIEW),
    "subsidies.loan": Kind("助学贷款", "student__person__name", "loan_detail", P.GIVING_VIEW),
    "subsidies.topupcase": Kind("附加资助", "student__person__name", "topup_detail", P.GIVING_VIEW),
    "subsidies.donationproject": Kind("捐助项目", "title", "project_detail", P.GIVING_VIEW),
    "subsidies.pairing": Kind("结对", "student__person__name", "pairing_detail", P.GIVING_VIEW),
    "dropout.carefile": Kind("关爱档案", "student__person__name", "carefile_detail", P.CARE_VIEW),
    "dropout.familyrequest": Kind("家庭诉求", "text", "familyrequest_detail", P.CARE_VIEW),
    "dropout.activityroom": Kind("活动室", "name", "", P.CARE_VIEW),
    "dropout.tip": Kind("群众反映", "received_on", "tip_detail", P.CARE_VIEW),
    "dropout.supervisor": Kind("社会监督员", "name", "", P.CARE_VIEW),
    "aidcases.job": Kind("任务", "label", "job_detail", P.JOB_VIEW),
    "aidcases.user": Kind("账号", "full_name", "", P.AUDIT_VIEW),
    "aidcases.organisation": Kind("单位", "name", "", P.AUDIT_VIEW),
}


def _about(event: AuditEvent) -> tuple[str, int] | None:
    """(model, key) of the one record an event is about: its subject, the one row that was read, its file."""
    if event.subject_id is not None and event.subject_type in _KINDS:
        return event.subject_type, event.subject_id
    seen, ids = event.data.get("subject_type_seen"), event.data.get("subject_ids", [])
    if seen in _KINDS and len(ids) == 1:
        return seen, ids[0]
    file = event.data.get("file")
    return ("students.importfile", file) if isinstance(file, int) else None


def subjects(events: Iterable[AuditEvent], actor: Actor) -> dict[int, Subject]:
    """Event → whose record it is: a query per model, through its scoped manager. What whoever looks may not see, or
    sees no more, is told by its noun alone."""
    about = {event.pk: found for event in events if (found := _about(event))}
    wanted: dict[str, set[int]] = defaultdict(set)
    for model, pk in about.values():
        wanted[model].add(pk)
    known: dict[tuple[str, int], str] = {}
    for model, pks in wanted.items():
        if _KINDS[model].name and actor.may(_KINDS[model].can):
            rows = apps.get_model(model).objects.filter(pk__in=pks).order_by()
            known |= {(model, pk): name for pk, name in rows.values_list("pk", _KINDS[model].name)}
    return {event: _subject(_KINDS[model], pk, known.get((model, pk))) for event, (model, pk) in about.items()}


def _subject(kind: Kind, pk: int, name: str | None) -> Subject:
    if name is None:
        return Subject(kind.noun)
    return Subject(f"{kind.noun} {name}".strip(), reverse(kind.page, args=[pk]) if kind.page else "")


def outcome(job: Job) -> list[dict[str, str]]:
    """A finished job's figures as lines of a description list."""
    found = [(label, job.result.get(name), unit) for name, (label, unit) in _RESULT.items()]
    return [{"label": label, "value": f"{value:,} {unit}"} for label, value, unit in found if isinstance(value, int)]


def page_of(job: Job) -> str:
    """The address of what the job made, or "" when it made nothing that has a page."""
    for key, name in _OPENS.items():
        pk = job.result.get(key) or job.params.get(key)
        if isinstance(pk, int):
            try:
                return reverse(name, args=[pk])
            except NoReverseMatch:
                continue
    return ""
