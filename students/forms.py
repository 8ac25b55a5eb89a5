"""What a clerk fills in to import a roster."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from aidcases.registry import registry
from aidcases.terms import AUTUMN, SPRING, Term
from students.enums import RosterKind

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

    def __init__(self, *args: Any, term: Term, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["term"].choices = offered_terms(term)

    def clean_file(self) -> UploadedFile:
        file = self.cleaned_data["file"]
        if file.size > settings.UPLOAD_LIMIT_MB << 20:
            megabytes = f"{file.size / (1 << 20):.1f}"
            raise forms.ValidationError(
                f"文件有 {megabytes} MB，最多 {settings.UPLOAD_LIMIT_MB} MB。"
                "请删除图片和无关的工作表，或分成几个文件后重新上传。"
            )
        return file
