"""OpenFisca-Core with the same rules on the same students: load from the database, compute, COPY the results back.

Its best way, as far as we know: whole columns as numpy arrays, one entity, one month, enums as numbers, no traces, and a
binary-free COPY of a text made in one go. The lanzhou pack alone, which is what both compute here.
"""

from __future__ import annotations

import io
import time
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import connection
from openfisca_core.entities import build_entity
from openfisca_core.periods import DateUnit
from openfisca_core.simulations import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

from aidcases import sql
from benchmarks.population import TERM
from students.enums import Stage
from subsidies.facts import facts_params, facts_sql
from subsidies.models import Rule

MONTH = "2018-09"
STAGES = list(Stage.values)
NUMBERS = ("stage", "grade", "fee")
IN_KIND = ("lz-compulsory-fee", "lz-compulsory-textbook", "lz-compulsory-workbook")
FLAGS = (
    "boarding", "gansu", "registered_poor", "disabled", "dibao_rural", "tekun_rural", "poor_family", "new_entrant",
    "same_province", "school_in_gansu",
)  # fmt: skip
_LOAD = f"""
    SELECT student_id, school_id, array_position(ARRAY{STAGES}::text[], stage) - 1 AS stage, grade,
        COALESCE((annual_fee * 100)::bigint, -1) AS fee, boarding, hukou_province = '62' AS gansu, registered_poor, disabled,
        dibao_rural, tekun_rural,
        registered_poor OR dibao_rural OR dibao_urban OR tekun_rural OR tekun_urban OR orphan OR determined_poor,
        new_entrant, COALESCE(same_province, false), school_province = '62', home_path, school_path
    FROM ({{facts}}) f
"""

Person = build_entity("person", "persons", "", roles=None, is_person=True)


def _input(name: str, kind: type) -> type[Variable]:
    body = {"value_type": kind, "entity": Person, "definition_period": DateUnit.MONTH}
    return type(name, (Variable,), body)


def _rule(name: str, formula: Any) -> type[Variable]:
    """Fen in the term; -1: not granted."""
    body = {
        "value_type": int, "entity": Person, "definition_period": DateUnit.MONTH,
        "formula": lambda person, period, parameters: formula(lambda fact: person(fact, period)),
    }  # fmt: skip
    return type(name, (Variable,), body)


def _in(*stages: str) -> Any:
    numbers = [STAGES.index(stage) for stage in stages]
    return lambda x: np.isin(x("stage"), numbers)


def _four(x: Any) -> Any:
    return x("registered_poor") | x("disabled") | x("dibao_rural") | x("tekun_rural")


def _paid(who: Any, fen: Any) -> Any:
    return np.where(who, fen, -1)


_COMPULSORY, _SENIOR, _VOCATIONAL = _in("primary", "junior"), _in("senior"), _in("secondary_vocational")
RULES = {
    "lz-preschool-fee": lambda x: _paid(_in("preschool")(x) & x("gansu"), 50000),
    "lz-preschool-poor": lambda x: _paid(_in("preschool")(x) & x("registered_poor"), 50000),
    "lz-compulsory-fee": lambda x: _paid(_COMPULSORY(x), 0),
    "lz-compulsory-textbook": lambda x: _paid(_COMPULSORY(x), 0),
    "lz-compulsory-workbook": lambda x: _paid(_COMPULSORY(x), 0),
    "lz-compulsory-boarding": lambda x: _paid(
        _COMPULSORY(x) & x("boarding") & x("poor_family"), np.where(_in("primary")(x), 50000, 62500)
    ),
    "lz-senior-fee": lambda x: _paid(_SENIOR(x) & _four(x) & (x("fee") >= 0), x("fee") // 2),
    "lz-senior-grant": lambda x: _paid(_SENIOR(x) & _four(x), 100000),
    "lz-vocational-fee": lambda x: _paid(_VOCATIONAL(x) & (x("fee") >= 0), x("fee") // 2),
    "lz-vocational-grant": lambda x: _paid(_VOCATIONAL(x) & x("poor_family"), 100000),
    "lz-college-fee": lambda x: _paid(
        _in("higher_vocational")(x) & x("school_in_gansu") & x("registered_poor"), 250000
    ),
    "lz-loan": lambda x: _paid(_in("higher_vocational", "undergraduate", "postgraduate")(x) & x("poor_family"), 800000),
    "lz-zihui": lambda x: _paid(
        _in("higher_vocational", "undergraduate")(x) & x("new_entrant") & x("poor_family"),
        np.where(x("same_province"), 50000, 100000),
    ),
}


def system() -> TaxBenefitSystem:
    found = TaxBenefitSystem([Person])
    for name in NUMBERS:
        found.add_variable(_input(name, int))
    for name in FLAGS:
        found.add_variable(_input(name, bool))
    for name, formula in RULES.items():
        found.add_variable(_rule(name.replace("-", "_"), formula))
    return found


def main() -> dict[str, Any]:
    """Seconds of loading, computing and writing (into a heap, and into a table with the keys and indexes ours has);
    {rule: [students, yuan]} to be held against ours."""
    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SET jit = off")
        cursor.execute(_LOAD.format(facts=facts_sql()), facts_params(TERM))
        columns = list(zip(*cursor.fetchall(), strict=True))
    loaded = time.perf_counter()
    simulation = SimulationBuilder().build_default_simulation(system(), count=len(columns[0]))
    for number, name in enumerate((*NUMBERS, *FLAGS), start=2):
        simulation.set_input(name, MONTH, np.array(columns[number]))
    results = {name: simulation.calculate(name.replace("-", "_"), MONTH) for name in RULES}
    computed = time.perf_counter()
    heap = _write_back(columns, results, "")
    keyed = _write_back(columns, results, "INCLUDING ALL")
    totals = {
        name: [int((fen >= 0).sum()), str(Decimal(int(fen[fen > 0].sum())) / 100)] for name, fen in results.items()
    }
    return {
        "load_s": round(loaded - started, 2), "compute_s": round(computed - loaded, 2), "write_heap_s": round(heap, 2),
        "write_keyed_s": round(keyed, 2), "to_heap_s": round(computed - started + heap, 2),
        "to_keyed_s": round(computed - started + keyed, 2), "totals": totals,
    }  # fmt: skip


def _write_back(columns: list[tuple], results: dict[str, Any], like: str) -> float:
    """Seconds of the COPY of the rows ours has into a new table, its text included."""
    started = time.perf_counter()
    students, schools, homes, places = columns[0], columns[1], columns[-2], columns[-1]
    sql.run(f"CREATE TABLE bench_openfisca (LIKE subsidies_entitlement {like})")
    keys = {rule.code: (rule.pk, rule.benefit_id) for rule in Rule.objects.filter(code__in=RULES)}
    text = io.StringIO()
    for code, fen in results.items():
        rule, benefit = keys[code]
        for row in np.flatnonzero(fen >= 0).tolist():
            amount = "\\N" if code in IN_KIND else f"{fen[row] / 100:.2f}"
            text.write(
                f"{TERM.code}\t{students[row]}\t{benefit}\t{rule}\t{schools[row]}\t{amount}\tdue\tf\t{homes[row]}\t"
                f"{places[row]}\t0\n"
            )
    text.seek(0)
    names = "term, student_id, benefit_id, rule_id, school_id, amount, state, frozen, home_path, school_path, run_id"
    with connection.cursor() as cursor:
        cursor.cursor.copy_expert(f"COPY bench_openfisca ({names}) FROM STDIN", text)
    took = time.perf_counter() - started
    sql.run("DROP TABLE bench_openfisca")
    return took
