"""A student's facts in a term as one flat row. Never a table: the name of the common table expression that
subsidies.facts builds, so that rules are ordinary conditions over an ordinary model."""

from __future__ import annotations

from django.db import models


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

    registered_poor = models.BooleanField()
    monitored_unstable = models.BooleanField()
    monitored_marginal = models.BooleanField()
    monitored_sudden = models.BooleanField()
    dibao_rural = models.BooleanField()
    dibao_urban = models.BooleanField()
    tekun_rural = models.BooleanField()
    tekun_urban = models.BooleanField()
    orphan = models.BooleanField()
    unsupported_child = models.BooleanField()
    disabled = models.BooleanField()

    class Meta:
        managed = False
        db_table = "facts"

    def __str__(self) -> str:
        return f"facts of {self.student_id}"
