"""A roster file and its rows: staging while it is previewed, provenance of every fact afterwards."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.models import Organisation
from aidcases.roles import P
from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.enums import RosterKind


class FileState(models.TextChoices):
    UPLOADED = "uploaded", "读取中"
    MAPPING = "mapping", "待对应列名"
    PREVIEWED = "previewed", "待确认入库"
    COMMITTING = "committing", "入库中"
    COMMITTED = "committed", "已入库"
    REFUSED = "refused", "读不了"
    DISCARDED = "discarded", "已放弃"
    UNDOING = "undoing", "撤销中"
    UNDONE = "undone", "已撤销"


# Facts rest on such a file's rows, or did.
WRITTEN = (FileState.COMMITTED, FileState.UNDOING, FileState.UNDONE)


IMPORT_FILE = Flow(
    Move("preview", "核对", {FileState.UPLOADED, FileState.PREVIEWED}, FileState.PREVIEWED, P.IMPORT_WRITE),
    Move("ask", "请对应列名", {FileState.UPLOADED}, FileState.MAPPING, P.IMPORT_WRITE),
    Move("map", "对应列名", {FileState.MAPPING, FileState.PREVIEWED}, FileState.UPLOADED, P.IMPORT_WRITE),
    Move("refuse", "退回", {FileState.UPLOADED}, FileState.REFUSED, P.IMPORT_WRITE),
    Move("confirm", "确认入库", {FileState.PREVIEWED}, FileState.COMMITTING, P.IMPORT_WRITE),
    Move("commit", "入库", {FileState.COMMITTING}, FileState.COMMITTED, P.IMPORT_WRITE),
    Move("reopen", "退回核对", {FileState.COMMITTING}, FileState.PREVIEWED, P.IMPORT_WRITE),
    Move(
        "discard", "放弃", {FileState.UPLOADED, FileState.MAPPING, FileState.PREVIEWED}, FileState.DISCARDED,
        P.IMPORT_WRITE,
    ),
    Move("undo", "撤销", {FileState.COMMITTED}, FileState.UNDOING, P.IMPORT_WRITE),
    Move("keep", "仍保留", {FileState.UNDOING}, FileState.COMMITTED, P.IMPORT_WRITE),
    Move("undone", "撤销完成", {FileState.UNDOING}, FileState.UNDONE, P.IMPORT_WRITE),
)  # fmt: skip


class ImportFileQuerySet(FlowQuerySet, ScopedQuerySet):
    def committed(self) -> ImportFileQuerySet:
        return self.filter(state=FileState.COMMITTED)


class ImportFile(Moving, Scoped):
    """One uploaded roster. The upload and the returned file lie sealed under settings.FILES."""

    OWNER_PATHS = {OFFICE: "path"}
    FLOW = IMPORT_FILE

    kind = models.CharField("名单", max_length=12, choices=RosterKind.choices)
    term = models.CharField("学期", max_length=11, db_collation="C")
    office = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="单位")
    path = PathField()
    filename = models.CharField("文件名", max_length=200)
    sha256 = models.CharField(max_length=64)
    stored = models.CharField(max_length=80)
    returned = models.CharField(max_length=80, default="", blank=True)
    state = models.CharField("状态", max_length=12, choices=FileState.choices, default=FileState.UPLOADED)
    summary = models.JSONField(default=dict)  # what the reader saw: sheet, headings, mapping, unused columns
    # What the clerk chose: {"sheet", "heading_row", "mapping": {field: heading}}; empty: as guessed.
    choice = models.JSONField(default=dict, db_default={})
    # The whole register of its kind: who is on an older one and not on this waits to be ended (Missing).
    whole = models.BooleanField("整册", default=False, db_default=False)
    data_on = models.DateField("数据日期", null=True)
    batch = models.ForeignKey("students.Batch", models.PROTECT, null=True, related_name="+")
    counts = models.JSONField(default=dict)  # rows, new, changed, unchanged, review, rejected, reasons
    problem = models.TextField("原因", default="", blank=True)
    job_id = models.BigIntegerField(null=True)
    uploaded_by = models.CharField("上传人", max_length=120)
    uploaded_at = models.DateTimeField("上传时间", db_default=models.functions.Now())
    committed_at = models.DateTimeField("入库时间", null=True)

    objects = scoped_manager(ImportFileQuerySet)

    class Meta:
        verbose_name = "导入文件"
        ordering = ["-pk"]
        indexes = [models.Index(fields=["path", "-id"], name="import_file_path")]
        constraints = [
            models.CheckConstraint(
                name="committed_has_a_moment",
                condition=models.Q(state__in=WRITTEN, committed_at__isnull=False)
                | (~models.Q(state__in=WRITTEN) & models.Q(committed_at=None)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.filename}"


class RowState(models.TextChoices):
    READ = "read", "已读"
    NEW = "new", "新增"
    CHANGED = "changed", "变更"
    UNCHANGED = "unchanged", "无变化"
    REVIEW = "review", "待核对"
    REJECTED = "rejected", "退回"


class ImportRow(Scoped):
    """One row of a file, with keyed hashes, last fours and ciphertext instead of numbers.

    The columns down to `data` are written by the reading child through COPY, in this order.
    """

    OWNER_PATHS = {OFFICE: "file__path"}

    # Written only by the COPY and the statements of its file's own transaction, and files are never deleted: a check for
    # each row would take as long as reading it. The index by file and number serves for the file alone, too.
    file = models.ForeignKey(ImportFile, models.CASCADE, related_name="rows", db_constraint=False, db_index=False)
    number = models.IntegerField("行号")
    state = models.CharField("结果", max_length=10, choices=RowState.choices)
    reasons = ArrayField(models.CharField(max_length=40), default=list)
    cells = ArrayField(models.IntegerField(), default=list)
    warnings = ArrayField(models.CharField(max_length=40), default=list)
    name = models.CharField("姓名", max_length=60, default="")
    id_hash = models.BinaryField(null=True)
    id_last4 = models.CharField(max_length=4, default="")
    id_cipher = models.BinaryField(null=True)
    sex = models.CharField(max_length=2, default="")
    birth_on = models.DateField(null=True)
    second_hash = models.BinaryField(null=True)
    second_last4 = models.CharField(max_length=4, default="")
    second_cipher = models.BinaryField(null=True)
    phone_hash = models.BinaryField(null=True)
    phone_cipher = models.BinaryField(null=True)
    number_hash = models.BinaryField(null=True)
    number_last4 = models.CharField(max_length=4, default="")
    number_cipher = models.BinaryField(null=True)
    data = models.JSONField(default=dict)
    initials = models.CharField(max_length=30, default="", db_default="")
    # What the row would change: key → [as it is, as it would be]; written by the preview.
    changes = models.JSONField(default=dict, db_default={})

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "导入行"
        ordering = ["number"]
        indexes = [
            models.Index(fields=["file", "number"], name="import_row_number"),
            models.Index(fields=["id_hash"], name="import_row_hash"),
            # Rows that wait or were sent back. Not by state: an index on what every check writes would slow it down.
            models.Index(fields=["file", "number"], name="import_row_reasons", condition=~models.Q(reasons=[])),
        ]

    def __str__(self) -> str:
        return f"第 {self.number} 行"


class SavedMapping(Scoped):
    """Headings an office has once mapped by hand: the next file with the same headings needs no asking."""

    OWNER_PATHS = {OFFICE: "path"}

    office = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="单位")
    path = PathField()
    kind = models.CharField("名单", max_length=12, choices=RosterKind.choices)
    headings_hash = models.CharField(max_length=64)  # sha256 of the normalised headings, in order
    mapping = models.JSONField()  # field → heading as it stands in the file
    saved_by = models.CharField("保存人", max_length=120)
    saved_at = models.DateTimeField("保存时间", db_default=models.functions.Now())

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "列名对应"
        constraints = [
            models.UniqueConstraint(fields=["office", "kind", "headings_hash"], name="headings_mapped_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} 列名对应"
