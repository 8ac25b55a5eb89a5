"""What the students app gives the kernel: job kinds, follow-ups, navigation, search, parts of pages."""

from aidcases import sql
from aidcases.jobs import KINDS, Kind
from aidcases.registry import Card, NavItem, Panel, SearchSource, registry
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.terms import Term
from students import carry, exports, finding, panels
from students.imports import homes, undo, work

KINDS["students.import_preview"] = Kind("读取名单", run=work.preview)
KINDS["students.import_commit"] = Kind("名单入库", run=work.commit)
KINDS["students.import_return"] = Kind("生成退回文件", run=work.give_back)
KINDS["students.import_undo"] = Kind("撤销入库", run=work.undo_import)
KINDS["students.export"] = Kind("导出数据版", run=exports.make)
KINDS["students.carry"] = Kind("开新学期", run=carry.work)
KINDS["students.carry_undo"] = Kind("撤销开新学期", run=carry.take_back)
undo.PAGES |= {
    "carry": "carry_detail", "ending": "missing_batch", "decision": "review_batch", "merge": "review_batch",
    "row": "decision_list",
}  # fmt: skip
registry.office_opened.append(homes.rehome)
registry.demo.append((10, "students.demo.seeding.seed"))
registry.add(
    NavItem(
        10, "名单导入", "import_list", "file-earmark-arrow-up", P.IMPORT_VIEW,
        (
            "import_new", "import_upload", "import_detail", "import_undo", "carry_new", "carry_names", "carry_detail",
            "missing_people", "missing_batch", "import_columns", "import_map", "mapping_list",
        ),
    ),
    NavItem(15, "数据版", "export_list", "file-earmark-arrow-down", P.IMPORT_VIEW, ("export_make",)),
    NavItem(
        12, "核对", "review_list", "ui-checks", P.IMPORT_VIEW,
        ("review_detail", "review_batch", "decision_list", "decision_detail", "suspect_list", "suspect_detail"),
    ),
    NavItem(20, "学生", "student_list", "people", P.STUDENT_VIEW, ("student_detail",)),
    NavItem(30, "家庭", "household_list", "house-door", P.HOUSEHOLD_VIEW, ("household_detail",)),
    NavItem(35, "学校", "school_list", "building", P.SCHOOL_VIEW, ("school_detail",)),
    SearchSource(10, "学生", P.STUDENT_VIEW, finding.students),
    SearchSource(20, "家庭", P.HOUSEHOLD_VIEW, finding.households),
    SearchSource(30, "学校", P.SCHOOL_VIEW, finding.schools),
    Card(55, P.REVIEW_DECIDE, "students/review_card.html", panels.reviews),
    Card(60, P.IMPORT_VIEW, "students/import_card.html", panels.imports),
    Panel(10, P.STUDENT_VIEW, "students/student_detail.html#household", panels.household),
    Panel(20, P.STUDENT_VIEW, "students/student_detail.html#hardship", panels.hardship),
    Panel(30, P.STUDENT_VIEW, "students/student_detail.html#enrolments", panels.enrolments),
    Panel(35, P.STUDENT_VIEW, "students/student_detail.html#merged", panels.merges),
)  # fmt: skip


# The index gives its first term, then the next above it, …: a step per term, however many students there are; and of each
# term one look into the index of a side. Written out, because every page asks: the same through the ORM takes longer to put
# together than to run.
_TERMS = """
    WITH RECURSIVE known (term) AS (
        SELECT min(term) FROM students_enrolment
        UNION ALL SELECT (SELECT min(e.term) FROM students_enrolment e WHERE e.term > known.term)
        FROM known WHERE known.term IS NOT NULL
    ) SELECT term FROM known WHERE term IS NOT NULL AND ({in_sight})
"""
_IN_SIGHT = "EXISTS (SELECT FROM students_enrolment e WHERE e.term = known.term AND e.{column} LIKE %(under)s)"


def known_terms() -> list[str]:
    """Terms with enrolments in sight, newest first: one query."""
    from students.models import Enrolment

    scope = current_scope()
    columns = [column for side, column in Enrolment.OWNER_PATHS.items() if side in scope.sides]
    looks = [_IN_SIGHT.format(column=column) for column in columns]
    in_sight = "true" if scope.path == "/" else " OR ".join(looks) or "false"
    found = sql.rows(_TERMS.format(in_sight=in_sight), {"under": scope.path + "%"})
    return sorted((row["term"] for row in found), key=lambda code: Term.parse(code).first_day, reverse=True)


registry.terms = known_terms
