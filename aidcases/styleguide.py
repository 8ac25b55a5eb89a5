"""Believable content for /styleguide/: what templates/styleguide.html needs as context."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from types import SimpleNamespace as Row
from typing import Any

from django import forms
from django.core.paginator import Page, Paginator

PICK = {"data-pick": ""}
STAGES = [("", "全部"), ("primary", "小学"), ("junior", "初中"), ("senior", "普通高中")]
SCHOOLS = ["城关第三中学", "马坡乡中心小学", "职业教育中心", "第一中学", "城关幼儿园"]
STATES = [("公示中", "info"), ("已发放", "good"), ("待补材料", "warn"), ("退票", "bad"), ("草稿", "")]


class SampleFilter(forms.Form):
    name = forms.CharField(label="姓名", required=False)
    stage = forms.ChoiceField(label="学段", choices=STAGES, required=False)
    school = forms.ChoiceField(
        label="学校",
        choices=[("", "全部"), *enumerate(SCHOOLS)],
        required=False,
        widget=forms.Select(attrs=PICK),
    )
    state = forms.ChoiceField(label="状态", choices=[("", "全部"), ("in_notice", "公示中")], required=False)
    since = forms.DateField(label="提交日期起", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    hardship = forms.ChoiceField(label="困难类型", choices=[("", "全部"), ("dibao", "低保")], required=False)
    boarding = forms.BooleanField(label="只看寄宿生", required=False)


class SampleForm(forms.Form):
    fee = forms.DecimalField(label="学校核定收费", min_value=0, help_text="按物价部门批文填写，单位：元/学年。")
    boarding = forms.ChoiceField(label="寄宿情况", choices=[("yes", "寄宿"), ("no", "走读")], widget=forms.RadioSelect)
    kinds = forms.MultipleChoiceField(
        label="困难类型",
        choices=[("1", "脱贫家庭"), ("2", "低保家庭"), ("3", "残疾学生")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    benefits = forms.MultipleChoiceField(
        label="享受项目",
        choices=[("1", "寄宿生生活补助"), ("2", "营养改善计划"), ("3", "国家助学金")],
        widget=forms.SelectMultiple(attrs=PICK),
        required=False,
    )
    confirmed = forms.BooleanField(label="家长已确认银行账号")
    note = forms.CharField(label="备注", required=False, widget=forms.Textarea(attrs={"rows": 3}))


class ClauseForm(forms.Form):
    days = forms.IntegerField(label="本学期在校天数")
    file = forms.FileField(label="学籍名册", widget=forms.FileInput(attrs={"accept": ".xlsx,.xls,.csv"}))


class SamplePaginator(Paginator):
    more = False


def applications() -> Page:
    """A page in the middle of a list of applications."""
    names = ["马小燕", "张建国", "李秀兰", "王强", "赵雅琴", "陈志明", "杨海霞", "刘玉梅"]
    rows = [
        Row(
            pk=n,
            name=names[n % 8],
            id_masked=f"620123********{1204 + n * 317}",
            school=SCHOOLS[n % 5],
            group=f"七年级（{n % 4 + 1}）班",
            hardship="脱贫不稳定家庭" if n % 3 else "低保家庭",
            state=STATES[n % 5][0],
            tone=STATES[n % 5][1],
            amount=None if n % 8 == 4 else Decimal(1250) / (1 + n % 2),
            on=date(2026, 9, 5 + n % 8),
        )
        for n in range(24)
    ]
    return SamplePaginator(rows, 8).page(2)


def job(**values: Any) -> Row:
    running = {
        "pk": 1,
        "label": "导入学籍名册 2026秋.xlsx",
        "state": "running",
        "get_state_display": "进行中",
        "is_open": False,  # or the page would ask for its progress
        "percent": 62,
        "done": 31000,
        "total": 50000,
        "stage": "核对身份证号",
        "seconds_left": 40,
        "error": "",
    }
    return Row(**(running | values))


def failed_job() -> Row:
    return job(
        pk=2,
        label="生成 9 月台账",
        state="failed",
        get_state_display="未完成",
        is_open=False,
        percent=31,
        done=6,
        total=19,
        stage="",
        seconds_left=None,
        error="磁盘空间不足，台账没有生成；清理后点“继续”。",
    )


def _chart(kind: str, title: str, unit: str, head: str, columns: list[str], rows: list, **more: Any) -> dict:
    lines = [{"label": label, "url": f"#{label}", "values": values} for label, *values in rows]
    return {
        "kind": kind,
        "title": title,
        "unit": unit,
        "head": head,
        "columns": columns,
        "rows": lines,
    } | more


def charts() -> Iterator[dict]:
    levels = ["中央", "省级", "市级", "县级"]
    money = [
        ("学前", 82, 41, 20, 31),
        ("小学", 310, 62, 31, None),
        ("初中", 402, 80, 40, 12),
        ("中职", 98, 30, 12, 8),
    ]
    yield _chart("stacked", "各学段资助资金来源", "万元", "学段", levels, money)
    rates = [
        ("2023", Decimal("1.62"), Decimal("1.71")),
        ("2024", Decimal("0.95"), Decimal("1.30")),
        ("2025", Decimal("0.41"), Decimal("0.88")),
        ("2026", Decimal("0.12"), Decimal("0.60")),
    ]
    limit = {"target": Decimal("1.8"), "target_label": "上限 1.8%"}
    yield _chart("line", "初中辍学率", "%", "学年", ["本县", "全市"], rates, **limit)
    funnel = [
        ("义务教育阶段在读", 31204),
        ("寄宿", 9120),
        ("建档立卡或低保、特困、残疾", 3405),
        ("有银行账号", 3398),
    ]
    yield _chart("rows", "寄宿生生活补助：条件逐条筛选", "人", "条件", ["符合"], funnel)


def facts() -> list[Row]:
    return [
        Row(label="姓名", value="马小燕"),
        Row(label="身份证号", value="620123********1204", reveal_url="#"),
        Row(label="户编号", value="6201230004512"),
        Row(label="就读学校", value="城关第三中学 七年级（2）班"),
        Row(label="困难类型", value="脱贫不稳定家庭（2021-06-01 起）"),
        Row(label="本学期应享", value="￥1,875.00", why_url="#"),
        Row(label="联系电话", value=""),
    ]


def events() -> list[Row]:
    bounced = "学校已通知家长到银行更正。"
    return [
        Row(on=date(2026, 10, 12), title="退票：户名不符", text=bounced, by="农商行回盘", tone="bad"),
        Row(on=date(2026, 9, 28), title="审批通过", by="县级审核 李娜", tone="good", url="#"),
        Row(on=date(2026, 9, 20), title="公示 5 个工作日", tone="info"),
        Row(on=date(2026, 9, 8), title="学校提交申请", by="学校经办 王老师"),
    ]


def context() -> dict[str, Any]:
    """Everything templates/styleguide.html shows."""
    tabs = [("全部", 0), ("公示中", 2931), ("待审核", 318), ("已发放", 9210)]
    matrix = [("寄宿生生活补助", 12), ("营养改善计划", 0), ("国家助学金", 3), ("免学费", 0)]
    return {
        "filter_form": SampleFilter({"stage": "junior", "state": "in_notice", "boarding": "on"}),
        "form": SampleForm({"boarding": "yes", "fee": "-500", "benefits": ["1", "2"]}),
        "clause_form": ClauseForm(),
        "page": applications(),
        "job": job(),
        "failed_job": failed_job(),
        "facts": facts(),
        "events": events(),
        "tabs": [Row(label=t, url="#", active=t == "公示中", count=n) for t, n in tabs],
        "moves": [Row(label="审批通过", url="#"), Row(label="退回学校", url="#")],
        "refusals": [
            Row(reason="没有银行账号", count=52, url="#"),
            Row(reason="与另一份申请是同一人", count=17),
        ],
        "charts": list(charts()),
        "wide_columns": ["学前", "小学", "初中", "普通高中", "中职", "大专", "本科"],
        "wide_rows": [
            Row(label=benefit, cells=[120, 2301, 1840, 920, 410, 96, 301], left=left) for benefit, left in matrix
        ],
    }
