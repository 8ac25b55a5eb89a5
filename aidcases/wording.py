"""Codes in words for people: what was done, what came of a job. Other apps' codes are plain strings here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.urls import NoReverseMatch, reverse

from aidcases.models import AuditEvent, Job
from aidcases.models.places import region_names
from aidcases.roles import ROLE_LABELS, P
from aidcases.scoping import Actor
from aidcases.terms import Term, UnknownTerm

ACTIONS = {
    "personal.read": "查看个人信息",
    "secret.reveal": "查看完整号码",
    "import.received": "上传名单",
    "import.committed": "名单入库",
    "import.chosen": "核对数据版的改动",
    "export.requested": "开始导出数据版",
    "export.made": "导出数据版",
    "importfile.preview": "名单读完，等核对",
    "importfile.ask": "名单列名认不出，等对应",
    "importfile.map": "对应列名或改选名单，重新读取",
    "mapping.saved": "保存列名对应",
    "mapping.deleted": "删除列名对应",
    "importfile.refuse": "名单读不懂，退回",
    "importfile.confirm": "确认入库",
    "importfile.commit": "名单入库完成",
    "importfile.reopen": "退回核对",
    "importfile.discard": "放弃名单",
    "importfile.undo": "开始撤销入库",
    "importfile.keep": "没有撤销，仍保留",
    "importfile.undone": "撤销入库完成",
    "import.undone": "撤销入库",
    "batch.undo": "撤销一批改动",
    "review.decided": "核对名单里的行",
    "decision.apply": "核对决定生效",
    "decision.decline": "不同意别的单位的请求",
    "decision.withdraw": "收回请求",
    "decision.undo": "撤销核对决定",
    "suspect.merge": "合并重复人员",
    "suspect.part": "认定不是同一个人",
    "suspect.reopen": "撤销合并，重新核对",
    "person.merged": "两条记录合并为一条",
    "decision.undone": "撤销核对决定",
    "merge.undone": "撤销合并",
    "carry.undone": "撤销开新学期",
    "ending.undone": "撤销终止",
    "command.undo_import": "命令行：撤销入库",
    "carry.opened": "开新学期",
    "missing.end": "终止不在新名单的人员",
    "missing.keep": "保留不在新名单的人员",
    "missing.reopen": "重新核对不在新名单的人员",
    "command.carry_over": "命令行：开新学期",
    "recompute.requested": "开始测算",
    "ledger.requested": "开始生成台账",
    "ledger.issued": "生成台账",
    "ledger.downloaded": "下载台账",
    "slip.printed": "打印一户的明白卡",
    "slips.requested": "开始打印明白卡",
    "slips.downloaded": "下载明白卡",
    "pack.published": "发布政策",
    "pack.rehearsed": "试算政策",
    "packdraft.publish": "审核发布政策",
    "packdraft.discard": "放弃政策草稿",
    "figure.set": "设定县定标准",
    "area.listed": "登记地区名单",
    "determination.set": "困难认定",
    "payment.listed": "列入发放批次",
    "payment.leave_out": "移出发放名单",
    "payment.approve": "审批发放",
    "payment.send": "报送银行",
    "payment.pay": "发放成功",
    "payment.settle": "登记结算",
    "payment.bounce": "登记退票",
    "payment.come_back": "确认退回",
    "payment.arrive": "确认已到账",
    "payment.reissue": "重新发放",
    "payment.cancel": "撤销发放",
    "paymentbatch.prepared": "编制发放批次",
    "paymentbatch.confirm": "学校全部确认发放名单",
    "paymentbatch.reopen": "发放批次退回学校",
    "paymentbatch.approve": "审批发放批次",
    "paymentbatch.check": "登记乡村振兴部门核对",
    "paymentbatch.poverty_check": "设定是否由乡村振兴部门核对",
    "paymentbatch.send": "报送发放批次",
    "paymentbatch.hear": "发放批次回盘",
    "paymentbatch.balance": "发放批次结清",
    "paymentbatch.unbalance": "重新打开发放批次",
    "paymentbatch.cancel": "作废发放批次",
    "batchpart.agreed": "学校确认发放名单",
    "batchpart.objected": "学校对发放名单提意见",
    "account.proposed": "登记一卡通",
    "account.listed": "导入一卡通名单",
    "account.confirm": "复核一卡通",
    "account.refuse": "不采用一卡通",
    "account.cleared": "登记一卡通疑点核实情况",
    "indicator.entered": "登记指标",
    "indicator.dropped": "删除指标",
    "command.rehearse": "命令行：试算政策",
    "command.publish_pack": "命令行：发布政策",
    "command.verify_run": "命令行：核对测算",
    "pack.adopted": "采用政策",
    "adoption.asked": "申请采用或停用政策",
    "adoptionrequest.confirm": "确认采用或停用政策",
    "adoptionrequest.decline": "不同意采用或停用政策",
    "adoptionrequest.withdraw": "撤回采用申请",
    "clause.written": "录入条款原文",
    "office.opened": "开设机构",
    "job.cancel": "取消任务",
    "job.resume": "继续任务",
    "command.import_roster": "命令行：导入名单",
    "command.recompute": "命令行：测算",
    "command.entitlements": "命令行：导出应享名单",
    "command.explain": "命令行：逐条说明",
    "command.ledger": "命令行：生成台账",
    "command.slips": "命令行：打印明白卡",
    "command.load_pack": "命令行：载入政策",
    "command.seed_demo": "命令行：装演示数据",
    "application.created": "新建认定申请",
    "application.submit": "提交认定申请",
    "application.take_back": "收回认定申请",
    "application.withdraw": "撤回认定申请",
    "application.decline": "登记放弃资助",
    "application.reopen": "重新填写认定申请",
    "application.reassess": "退回重新认定",
    "application.printed": "打印认定申请表",
    "responsible.set": "设定资助责任人",
    "application.review": "评审通过",
    "application.take_back_review": "收回评审",
    "panel.made": "建立评审小组",
    "panel.posted": "评审小组名单上墙",
    "meeting.opened": "召开评审会议",
    "meeting.accepted": "按建议等级评定",
    "meeting.closed": "评审会议定稿",
    "meeting.reopened": "取消评审会议定稿",
    "meeting.confirmed": "确认评审结果",
    "meeting.taken_back": "收回评审结果",
    "meeting.printed": "打印评审会议记录",
    "quota.set": "设定名额",
    "calendar.entered": "录入放假安排",
    "objection.escalated": "异议逾期，升级",
    "letter.escalated": "来信来访逾期，升级",
    "command.daily": "命令行：办理到期事项",
    "file.added": "上传附件",
    "file.removed": "删除附件",
    "application.announce": "列入公示",
    "application.unannounce": "撤出公示",
    "application.close_notice": "公示结束",
    "application.hand_up": "上报县级",
    "application.take_back_up": "收回上报",
    "application.check": "县级初核通过",
    "application.approve": "县级批准",
    "application.reject": "县级不予通过",
    "application.return_form": "退回修改申请表",
    "application.return_panel": "退回评审",
    "application.conclude": "认定为不困难，告知家庭",
    "refusal.said": "登记放弃资助项目",
    "refusal.taken_back": "收回放弃资助",
    "application.return_notice": "退回重新公示",
    "application.cancel": "取消资格",
    "application.told": "打印告知书",
    "approval.decided": "县级审批",
    "approval.printed": "打印批复",
    "letter.answer": "答复来信来访",
    "letter.close": "办结来信来访",
    "letter.reopen": "重新办理来信来访",
    "archive.requested": "开始装订档案",
    "archive.downloaded": "下载档案",
    "unpaid.said": "写未助原因",
    "unpaid.taken_back": "撤掉未助原因",
    "board.downloaded": "下载应助未助表",
    "recovery.opened": "开列追缴",
    "recovery.received": "登记追缴收款",
    "recovery.unreceived": "删除追缴收据",
    "recovery.close": "追缴收清",
    "recovery.cancel": "不再追缴",
    "recovery.sheet": "下载追缴清单",
    "recovery.printed": "打印退款通知书",
    "loan.applied": "登记助学贷款",
    "loan.amended": "修改助学贷款",
    "loan.contract": "确认贷款合同",
    "loan.release": "登记贷款放款",
    "loan.repay": "登记贷款还清",
    "loan.withdraw": "撤回助学贷款",
    "loan.refuse": "助学贷款不予通过",
    "topup.asked": "登记附加资助申请",
    "topupcase.approve": "同意附加资助",
    "topupcase.refuse": "不同意附加资助",
    "topupcase.withdraw": "撤回附加资助申请",
    "topupcase.revoke": "取消附加资助",
    "donor.added": "登记捐助人",
    "project.added": "登记捐助项目",
    "donation.received": "登记收到的捐赠",
    "donation.thanked": "登记感谢信",
    "gift.given": "登记捐助发放",
    "gift.signed": "登记捐助签收",
    "pairing.made": "登记一对一结对",
    "pairing.visited": "登记结对走访",
    "pairing.ended": "结束结对",
    "schoolpair.made": "登记校际结对",
    "schoolpair.activity": "登记校际活动",
    "points.opened": "开积分户",
    "points.entered": "登记积分",
    "account.opened": "开设账号",
    "account.appointed": "给账号加任职",
}

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
    "kept": ("保留", ""),
}
# Where a job's outcome is shown: a key of its result or parameters → the page of that record.
_OPENS = {"run": "run_detail", "issue": "issue_detail", "file": "import_detail", "carry": "carry_detail"}


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
            return Term.parse(value).label
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
