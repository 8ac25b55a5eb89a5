"""The people of an invented county as values: families, adults, children and what the lists say of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from .names import Line
from .places import School, Village


@dataclass(slots=True)
class Adult:
    name: str
    number: str
    male: bool
    relation: str  # to the children, as the school roll writes it


@dataclass(slots=True)
class Study:
    """Where and how a child studies this school year. `entered`: "201809"."""

    school: School
    grade: str
    form: str
    entered: str
    boarding: bool


@dataclass(slots=True)
class Disability:
    kind: str  # 肢体
    level: str  # 三级
    until: date


@dataclass(slots=True)
class Child:
    name: str
    number: str
    male: bool
    age: int  # on the school year's reference day
    born: date
    hukou: str  # region code of the registered residence, as the school writes it
    rural: bool
    study: Study | None = None
    orphan: bool = False
    left_behind: str = "非留守"
    disability: Disability | None = None
    hint: str = "无残疾"  # what the school noted of a disability
    present: str = "是"  # "否": marked absent; "": no row at all
    on_population: bool = True  # on the home register of school-age children
    on_poverty: bool = True  # named on the family's poverty card, if it has one
    other_names: dict[str, str] = field(default_factory=dict)  # roster kind → the wrong name it carries


@dataclass(slots=True)
class PovertyCard:
    """A family's entry in the poverty register."""

    number: str  # the village's twelve digits and five of the county's own
    year: int
    attribute: str
    lifted: str
    cause: str
    damaged: tuple[str, ...] = ()  # names of the two rows whose numbers are destroyed and wrong


@dataclass(slots=True)
class Relief:
    """A family on the dibao or tekun list. `since`: "201701"."""

    urban: bool
    since: str


@dataclass(slots=True)
class Family:
    village: Village
    line: Line
    rural: bool
    head: Adult
    spouse: Adult | None
    phone: str
    hukou: str = ""  # where the family is registered when that is another county
    poverty: PovertyCard | None = None
    dibao: Relief | None = None
    tekun: Relief | None = None
    head_disability: Disability | None = None
    children: list[Child] = field(default_factory=list)

    @property
    def students(self) -> int:
        return sum(child.study is not None for child in self.children)
