"""Forms of the subsidies pages."""

from __future__ import annotations

from django import forms

from aidcases.terms import Term, UnknownTerm


class RecomputeForm(forms.Form):
    """Which term to compute; the region is always the own one."""

    term = forms.CharField(widget=forms.HiddenInput)
    marked_only = forms.BooleanField(required=False, label="只算资料有变化的学生")

    def clean_term(self) -> Term:
        try:
            return Term.parse(self.cleaned_data["term"])
        except UnknownTerm as problem:
            raise forms.ValidationError(str(problem)) from None
