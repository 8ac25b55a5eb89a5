"""A list of cards as a school or bank hands it over (.xlsx .xls .csv): read in the limited process, proposed in one set."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from aidcases import audit, crypto
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import current_actor
from students.imports import source
from students.imports.cells import alike
from students.imports.texts import read_texts
from students.models import Account, Student
from students.models.accounts import AccountState, Holder
from subsidies.payments import accounts

MOST = 50_000
MOST_TOLD = 500
LARGEST = 20 << 20
HEADINGS = {
    "name": ("姓名", "学生姓名"),
    "id": ("证件号", "证件号码", "身份证号", "身份证号码", "身份证件号", "学生身份证号"),
    "bank": ("开户行", "开户银行", "银行"),
    "holder": ("户名", "账户名", "持卡人姓名", "开户名"),
    "number": ("账号", "卡号", "银行卡号", "一卡通号", "一卡通账号", "银行账号"),
    "relation": ("持卡人关系", "与学生关系", "关系", "持卡人"),
}
NAMES = {"name": "姓名", "id": "证件号", "bank": "开户行", "holder": "户名", "number": "账号"}
RELATIONS = {
    "本人": Holder.SELF, "自己": Holder.SELF, "学生": Holder.SELF, "户主": Holder.HEAD, "父": Holder.FATHER,
    "父亲": Holder.FATHER, "爸爸": Holder.FATHER, "母": Holder.MOTHER, "母亲": Holder.MOTHER, "妈妈": Holder.MOTHER,
}  # fmt: skip


@dataclass
class Listed:
    """What became of a list: `first` accounts and `changed` ones wait for a second person, `unchanged` rows say what is
    known, `alarms` have to be looked into; `problems`: (row of the sheet, name, why not)."""

    first: int = 0
    changed: int = 0
    unchanged: int = 0
    alarms: int = 0
    problems: list[tuple[int, str, str]] = field(default_factory=list)


def rows_of(upload: UploadedFile) -> list[dict[str, Any]]:
    """The rows under the heading as {field: text, "row": number}. Raises Refused with one sentence."""
    if not upload.size or upload.size > LARGEST:
        raise Refused("文件是空的，或超过 20 MB。请检查后重新上传。")
    folder = settings.FILES / "accounts"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / uuid.uuid4().hex
    try:
        crypto.write_sealed(path, upload.chunks())
        lines = read_texts(path, filename=str(upload.name), keyring=crypto.default_keyring())
    except source.Refused as refused:
        raise Refused(*refused.reasons) from refused
    finally:
        path.unlink(missing_ok=True)  # the accounts themselves are kept, sealed; the list is not
    return _under_heading(lines)


def _under_heading(lines: list[tuple[int, list[str]]]) -> list[dict[str, Any]]:
    heads = ((place, _columns(texts)) for place, (_, texts) in enumerate(lines[:10]))
    place, columns = next((head for head in heads if {"name", "number"} <= head[1].keys()), (0, {}))
    if not columns:
        raise Refused("没有找到表头。第一行请写：姓名、证件号、开户行、户名、账号、持卡人关系。")
    if lacking := [label for name, label in NAMES.items() if name not in columns]:
        raise Refused(f"表里没有“{'”“'.join(lacking)}”这一列，请补上后重新上传。")
    below = lines[place + 1 :]
    if len(below) > MOST:
        raise Refused(f"名单有 {len(below):,} 行，一次最多 {MOST:,} 行，请分成几个文件。")
    return [
        {"row": number, **{name: texts[n].strip() if n < len(texts) else "" for name, n in columns.items()}}
        for number, texts in below
    ]  # fmt: skip


def _columns(texts: list[str]) -> dict[str, int]:
    return {name: n for name, titles in HEADINGS.items() for n, text in enumerate(texts) if text.strip() in titles}


@transaction.atomic
def propose_all(rows: list[dict[str, Any]], day: date | None = None) -> Listed:
    """Proposals for everybody of the list in sight; the second person confirms them by a filter."""
    if not current_actor().may(P.ACCOUNT_WRITE):
        raise Refused("您的角色不能登记账户")
    told, day = Listed(), day or timezone.localdate()
    blind = crypto.default_keyring().blinder("id")
    hashes = {row["row"]: blind(row["id"].upper()) for row in rows}
    found = Student.objects.filter(person__id_hash__in=list(hashes.values())).select_related("person")
    students = {bytes(each.person.id_hash): each for each in found.defer("roll_number", "person__id_number")}
    keys = [each.pk for each in students.values()]
    accounts.one_by_one()
    force = {a.student_id: a for a in Account.objects.in_force_on(day).filter(student__in=keys).defer("number")}
    waiting = Account.objects.filter(student__in=keys, state=AccountState.PROPOSED)
    busy = set(waiting.values_list("student", flat=True))
    made = []
    for row in rows:
        student = students.get(hashes[row["row"]])
        account = _account(row, student, force, busy, day, told)
        if account is not None:
            busy.add(account.student_id)
            made.append(account)
            told.changed += account.student_id in force
            told.first += account.student_id not in force
    Account.objects.bulk_create(made, batch_size=2000)
    told.alarms = accounts.alarmed([each.pk for each in made]) if made else 0
    audit.record("account.listed", first=told.first, changed=told.changed, refused=len(told.problems))
    return told


def _account(
    row: dict[str, Any], student: Student | None, force: dict[int, Account], busy: set[int], day: date, told: Listed
) -> Account | None:
    """None when nothing is to be proposed, which `told` then says."""
    columns = {
        "number": accounts.tidy(row["number"]), "holder": row["holder"][:60], "bank": row["bank"][:60],
        "relation": _relation(row),
    }  # fmt: skip
    if student is None:
        reasons = ["本单位没有这个证件号的学生"]
    elif not alike(student.person.name, row["name"]):
        reasons = ["姓名和证件号对不上"]
    elif (now := force.get(student.pk)) and accounts.same(now, *(columns[k] for k in ("number", "holder", "relation", "bank"))):
        told.unchanged += 1
        return None
    elif student.pk in busy:
        reasons = [accounts.WAITS]
    else:
        reasons = accounts.problems(student, **columns)
    if reasons or student is None:
        told.problems.append((row["row"], row["name"], "；".join(reasons)))
        return None
    why = "名单登记" if student.pk in force else ""
    return accounts.made_for(student, day, why=why, **columns)


def _relation(row: dict[str, Any]) -> str:
    said = row.get("relation", "")
    if not said:
        return Holder.SELF if alike(row["holder"], row["name"]) else ""
    return RELATIONS.get(said, Holder.GUARDIAN)
