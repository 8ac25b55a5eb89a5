"""A student's facts in a term as one flat row. Never a table: the name of the common table expression that
subsidies.facts builds, so that rules are ordinary conditions over an ordinary model."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from students.enums import Category


class FactRow(models.Model):
    """Every field is a fact (subsidies.facts.FACTS) or a key the rules need; a row is an enrolment."""

    student_id = models.BigIntegerField(primary_key=True)
    enrolment_id = models.BigIntegerField()
    id_hash = models.BinaryField()
    school_id = models.BigIntegerField()
    home_path = models.TextField()
    school_path = models.TextField()
    household_path = models.TextField()

    stage = models.TextField()
    grade = models.IntegerField(null=True)
    boarding = models.BooleanField()
    rural_hukou = models.BooleanField()
    hukou_province = models.TextField()
    hukou_county = models.TextField()
    school_province = models.TextField()
    school_county = models.TextField()
    same_province = models.BooleanField()
    public_school = models.BooleanField()
    new_entrant = models.BooleanField()
    age = models.IntegerField(null=True)
    annual_fee = models.DecimalField(max_digits=10, decimal_places=2, null=True)

    rural_school = models.BooleanField()
    pilot_area = models.BooleanField()
    origin_area = models.BooleanField()
    determination = models.TextField()
    determined_poor = models.BooleanField()
    had_before = ArrayField(models.TextField())
    awarded = models.JSONField()  # benefit code → yuan decided for the student and term

    class Meta:
        managed = False
        db_table = "facts"

    def __str__(self) -> str:
        return f"facts of {self.student_id}"


# A category, and whether it held on the term's first day already: the list of categories changes by law.
for _category in Category.values:
    FactRow.add_to_class(_category, models.BooleanField())
    FactRow.add_to_class(f"{_category}_first", models.BooleanField())
