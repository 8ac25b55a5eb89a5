"""Codes in words for people: what was done, what came of a job. Other apps' codes are plain strings here."""

from __future__ import annotations

from typing import Any

from django.urls import NoReverseMatch, reverse

from aidcases.models import AuditEvent, Job
from aidcases.terms import Term, UnknownTerm

ACTIONS = {
    "personal.read": "查看个人信息",
    "secret.reveal": "查看完整号码",
    "import.received": "上传名单",
    "import.committed": "名单入库",
    "importfile.preview": "名单读完，等核对",
    "importfile.refuse": "名单读不懂，退回",
    "importfile.confirm": "确认入库",
    "importfile.commit": "名单入库完成",
    "importfile.reopen": "退回核对",
    "importfile.discard": "放弃名单",
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
    "entitlement.listed": "列入发放批次",
    "entitlement.unlisted": "撤出发放批次",
    "command.rehearse": "命令行：试算政策",
    "command.publish_pack": "命令行：发布政策",
    "command.verify_run": "命令行：核对测算",
    "pack.adopted": "采用政策",
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
}

# What of an event's data a reader wants to know; ids, hashes and paths are left to the database.
_DATA = {
    "term": "学期",
    "purpose": "用途",
    "code": "代码",
    "version": "版本",
    "from_on": "起",
    "kind": "名单",
    "region": "地区",
    "rows": "行数",
    "new": "新增",
    "changed": "改动",
    "rejected": "退回",
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
    "rejected": ("退回", "行"),
}
# Where a job's outcome is shown: a key of its result or parameters → the page of that record.
_OPENS = {"run": "run_detail", "issue": "issue_detail", "file": "import_detail"}


def action_label(action: str) -> str:
    return ACTIONS.get(action, action)


def told(event: AuditEvent) -> str:
    """An event's particulars in one line: 2 名学生 · 用途 核对."""
    parts = [event.note] if event.note else []
    if ids := event.data.get("subject_ids"):
        parts.append(f"{len(ids)} 人")
    parts += [f"{label} {_shown(name, event.data[name])}" for name, label in _DATA.items() if event.data.get(name)]
    return " · ".join(parts)


def _shown(name: str, value: Any) -> str:
    if name == "term":
        try:
            return Term.parse(value).label
        except UnknownTerm:
            return str(value)
    return _WHAT.get(value, str(value)) if name == "what" else str(value)


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
