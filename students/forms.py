"""What a clerk fills in to import a roster."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict

from aidcases.models import Organisation
from aidcases.registry import registry
from aidcases.terms import AUTUMN, SPRING, Term
from students.carry import Choices, Group
from students.enums import RosterKind, Stage
from students.imports import missing
from students.imports.columns import Field, Kind

ENDINGS = ".xlsx,.xls,.csv"
YEARS_BACK = 10  # an office that begins brings its past along


def offered_terms(chosen: Term) -> list[tuple[str, str]]:
    """The term worked in, those with data, and the ones of ten years up to the next, newest first."""
    today = Term.containing(date.today())
    near = [Term(today.year - ago, season) for ago in range(YEARS_BACK + 1) for season in (AUTUMN, SPRING)]
    known = [today.next, chosen, chosen.next, *(Term.parse(code) for code in registry.terms())]
    found = sorted({*near, *known}, key=lambda term: term.first_day, reverse=True)
    return [(term.code, term.label) for term in found]


class ImportForm(forms.Form):
    """Kind, term and file of an upload."""

    kind = forms.ChoiceField(
        label="是哪一种名单",
        choices=[("", "请选择"), *RosterKind.choices],
        error_messages={"required": "请选择名单种类。", "invalid_choice": "没有这种名单，请从列表里选。"},
    )
    term = forms.ChoiceField(
        label="哪个学期",
        error_messages={"required": "请选择学期。", "invalid_choice": "没有这个学期，请从列表里选。"},
    )
    file = forms.FileField(
        label="名单文件",
        widget=forms.FileInput(attrs={"accept": ENDINGS}),
        max_length=200,
        error_messages={
            "required": "请选择名单文件。",
            "empty": "文件是空的。请检查后重新上传。",
            "max_length": "文件名超过 200 个字。请改短后重新上传。",
        },
    )

    whole = forms.BooleanField(
        label="整册名单：名单上是现在的全部人员",
        required=False,
        help_text="建档立卡、低保、特困、残疾、孤儿名单可以勾选。以前在册、这份名单上没有的人，入库后逐一列出，由您核对是否终止。",
    )
    data_on = forms.DateField(
        label="数据日期",
        required=False,
        input_formats=["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日"],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="名单是哪一天的。整册名单要写，终止从这一天起。",
        error_messages={"invalid": "数据日期要写成 2024-05-01 这样的日期。"},
    )

    def __init__(self, *args: Any, term: Term, office: Organisation | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["term"].choices = offered_terms(term)
        self.office = office

    def clean_data_on(self) -> date | None:
        day = self.cleaned_data["data_on"]
        if day and not date(2000, 1, 1) <= day <= date.today():
            raise forms.ValidationError(f"数据日期 {day} 不对，要在 2000-01-01 和今天之间。")
        return day

    def clean(self) -> None:
        kind, day = self.cleaned_data.get("kind"), self.cleaned_data.get("data_on")
        if not self.cleaned_data.get("whole") or not kind or "data_on" in self.errors:
            return
        if kind not in missing.REGISTERS:
            self.add_error("whole", f"“{RosterKind(kind).label}”不能按整册导入，请去掉“整册名单”。")
        elif day is None:
            self.add_error("data_on", "整册名单要写数据日期。")
        elif self.office and (late := missing.outdated(kind=kind, path=self.office.path, data_on=day)):
            self.add_error("data_on", late)

    def clean_file(self) -> UploadedFile:
        file = self.cleaned_data["file"]
        if file.size > settings.UPLOAD_LIMIT_MB << 20:
            megabytes = f"{file.size / (1 << 20):.1f}"
            raise forms.ValidationError(
                f"文件有 {megabytes} MB，最多 {settings.UPLOAD_LIMIT_MB} MB。"
                "请删除图片和无关的工作表，或分成几个文件后重新上传。"
            )
        return file


class MappingForm(forms.Form):
    """Which column is which: a choice per field of the kind, those a file must have first."""

    def __init__(self, data: Any = None, *, kind: Kind, columns: list[tuple[str, str]], guess: dict[str, str]):
        super().__init__(data)
        self.kind = kind
        for field in sorted(kind.fields, key=lambda field: not self._is_needed(field)):
            self.fields[f"column-{field.name}"] = forms.ChoiceField(
                label=field.titles[0],
                choices=[("", "没有这一列"), *columns],
                required=field.required,
                initial=guess.get(field.name, ""),
                help_text="这几列有其中一列就可以。" if field.name in kind.either else "",
                error_messages={
                    "required": "必须有这一列，请选择。",
                    "invalid_choice": "文件里没有这一列，请重新选择。",
                },
            )

    def _is_needed(self, field: Field) -> bool:
        return field.required or field.name in self.kind.either

    @property
    def needed(self) -> list[forms.BoundField]:
        return [self[f"column-{field.name}"] for field in self.kind.fields if self._is_needed(field)]

    @property
    def optional(self) -> list[forms.BoundField]:
        return [self[f"column-{field.name}"] for field in self.kind.fields if not self._is_needed(field)]

    @property
    def places(self) -> dict[str, int]:
        """Field → zero-based column."""
        return {name.removeprefix("column-"): int(place) for name, place in self.cleaned_data.items() if place}

    def clean(self) -> None:
        taken: dict[str, str] = {}
        for name, place in self.cleaned_data.copy().items():
            if place and place in taken:
                self.add_error(name, f"这一列已经对应“{taken[place]}”。一列只能对应一项，请改选。")
            elif place:
                taken[place] = self.fields[name].label
        if self.kind.either and not any(self.cleaned_data.get(f"column-{name}") for name in self.kind.either):
            for name in self.kind.either:
                self.add_error(f"column-{name}", "这几列至少要有一列，请选择。")


class CarryForm(forms.Form):
    """From which term the next one is opened, and what the office chooses; always filled, at first with the usual."""

    to_junior = forms.BooleanField(label="九年一贯制学校的六年级升入本校七年级", required=False)
    to_senior = forms.BooleanField(label="完全中学的九年级升入本校高一", required=False)
    four_years = forms.BooleanField(label="本科读满四年即毕业（不勾选按五年）", required=False)
    school = forms.CharField(label="只看一所学校", required=False, widget=forms.Select(attrs={"data-pick": ""}))
    stage = forms.ChoiceField(choices=Stage.choices, required=False, widget=forms.HiddenInput)
    grade = forms.IntegerField(min_value=0, required=False, widget=forms.HiddenInput)
    seen = forms.IntegerField(min_value=0, required=False, widget=forms.HiddenInput)
    CHOICES = ("to_junior", "to_senior", "four_years")

    def __init__(self, data: Any, *, terms: list[str]):
        """`terms`: codes with data, newest first; the usual one is the newest that has begun."""
        offered = [Term.parse(code) for code in terms]
        usual = next((term for term in offered if term.first_day <= date.today()), offered[0] if offered else None)
        super().__init__(data if "from" in data else {"from": usual.code if usual else "", "to_junior": "on"})
        self.fields["from"] = forms.ChoiceField(
            label="从哪个学期", choices=[(term.code, f"{term.label} → {term.next.label}") for term in offered]
        )
        self.order_fields(["from"])
        self.is_valid()

    @property
    def from_term(self) -> Term | None:
        return Term.parse(code) if (code := self.cleaned_data.get("from")) else None

    @property
    def choices(self) -> Choices:
        return Choices(**{name: self.cleaned_data[name] for name in self.CHOICES})

    def offer_schools(self, found: list[Group]) -> None:
        schools = dict.fromkeys((group.code, group.school) for group in found)
        self.fields["school"].widget.choices = [("", "全部学校"), *schools]

    def address(self, **also: Any) -> str:
        """The same choices as the query of an address."""
        params = QueryDict(mutable=True)
        params["from"] = self.cleaned_data.get("from", "")
        params.update({name: "on" for name in self.CHOICES if self.cleaned_data[name]})
        params.update({name: str(value) for name, value in also.items() if value != ""})
        return params.urlencode()
