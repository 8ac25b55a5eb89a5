"""What the students app gives the kernel: job kinds, follow-ups, navigation, search, parts of pages."""

from aidcases.jobs import KINDS, Kind
from aidcases.registry import Card, NavItem, Panel, SearchSource, registry
from aidcases.roles import P
from students import finding, panels
from students.demo import seeding
from students.imports import homes, work

KINDS["students.import_preview"] = Kind("读取名单", run=work.preview)
KINDS["students.import_commit"] = Kind("名单入库", run=work.commit)
KINDS["students.import_return"] = Kind("生成退回文件", run=work.give_back)
registry.office_opened.append(homes.rehome)
registry.demo.append((10, seeding.seed))
registry.add(
    NavItem(
        10, "名单导入", "import_list", "file-earmark-arrow-up", P.IMPORT_VIEW,
        ("import_new", "import_upload", "import_detail"),
    ),
    NavItem(20, "学生", "student_list", "people", P.STUDENT_VIEW, ("student_detail",)),
    NavItem(30, "家庭", "household_list", "house-door", P.HOUSEHOLD_VIEW, ("household_detail",)),
    NavItem(40, "学校", "school_list", "building", P.SCHOOL_VIEW, ("school_detail",)),
    SearchSource(10, "学生", P.STUDENT_VIEW, finding.students),
    SearchSource(20, "家庭", P.HOUSEHOLD_VIEW, finding.households),
    SearchSource(30, "学校", P.SCHOOL_VIEW, finding.schools),
    Card(60, P.IMPORT_VIEW, "students/import_card.html", panels.imports),
    Panel(10, P.STUDENT_VIEW, "students/student_detail.html#household", panels.household),
    Panel(20, P.STUDENT_VIEW, "students/student_detail.html#hardship", panels.hardship),
    Panel(30, P.STUDENT_VIEW, "students/student_detail.html#enrolments", panels.enrolments),
)  # fmt: skip


def known_terms() -> list[str]:
    """Terms with enrolments in sight, newest first: one index probe per term, however many students there are."""
    from aidcases.terms import chronological
    from students.models import Enrolment

    found: list[str] = []
    codes = Enrolment.objects.order_by(*chronological()).values_list("term", flat=True)
    while (code := codes.exclude(term__in=found).first()) is not None:
        found.append(code)
    return found


registry.terms = known_terms
