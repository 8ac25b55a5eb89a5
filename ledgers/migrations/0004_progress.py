"""Lines of work, tasks, what was told of them month by month, talks; age groups, targets, named lists of townships."""

import aidcases.scoping
import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("aidcases", "0004_calendar_inbox_files"),
        ("dropout", "0001_initial"),
        ("ledgers", "0003_forms"),
    ]

    operations = [
        migrations.CreateModel(
            name="IndicatorGoal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                ("year", models.SmallIntegerField(verbose_name="学年")),
                ("indicator", models.CharField(max_length=20, verbose_name="指标")),
                ("target", models.DecimalField(decimal_places=2, max_digits=6, verbose_name="目标")),
                ("document", models.CharField(blank=True, default="", max_length=120, verbose_name="依据（文号）")),
                ("given_name", models.CharField(max_length=80, verbose_name="下达单位")),
                ("made_by", models.CharField(max_length=120, verbose_name="登记人")),
                ("made_on", models.DateField(verbose_name="下达日期")),
            ],
            options={
                "verbose_name": "指标目标",
                "ordering": ["pk"],
                "indexes": [models.Index(fields=["path", "year"], name="indicator_goal_path")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("target__gte", 0)), name="goal_not_negative")
                ],
            },
        ),
        migrations.CreateModel(
            name="NamedArea",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                ("name", models.CharField(max_length=40, verbose_name="名称")),
                (
                    "codes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=12), size=None, verbose_name="乡镇"
                    ),
                ),
                ("document", models.CharField(blank=True, default="", max_length=120, verbose_name="依据（文号）")),
                ("made_by", models.CharField(max_length=120, verbose_name="登记人")),
            ],
            options={
                "verbose_name": "乡镇名单",
                "ordering": ["path", "name"],
                "constraints": [models.UniqueConstraint(fields=("path", "name"), name="area_named_once")],
            },
        ),
        migrations.CreateModel(
            name="WorkLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                ("year", models.SmallIntegerField(verbose_name="年度")),
                ("name", models.CharField(max_length=40, verbose_name="工作线")),
                ("document", models.CharField(max_length=120, verbose_name="政策依据（文号）")),
                ("made_by", models.CharField(max_length=120, verbose_name="登记人")),
            ],
            options={
                "verbose_name": "工作线",
                "ordering": ["-year", "pk"],
                "constraints": [models.UniqueConstraint(fields=("path", "year", "name"), name="line_of_work_once")],
            },
        ),
        migrations.CreateModel(
            name="WorkTask",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                ("given_path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                ("given_name", models.CharField(max_length=80, verbose_name="下达单位")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("given", "已下达"),
                            ("under_way", "推进中"),
                            ("reported", "已报完成，待县级自查"),
                            ("self_checked", "县级自查通过"),
                            ("rechecked", "市级复查通过"),
                            ("rectifying", "限期整改"),
                            ("closed", "已办结"),
                            ("cancelled", "已撤销"),
                        ],
                        default="given",
                        max_length=12,
                        verbose_name="状态",
                    ),
                ),
                ("title", models.CharField(max_length=120, verbose_name="工作任务")),
                ("document", models.CharField(blank=True, default="", max_length=120, verbose_name="政策依据（文号）")),
                ("person", models.CharField(blank=True, default="", max_length=40, verbose_name="责任人")),
                ("target", models.DecimalField(decimal_places=2, max_digits=14, verbose_name="目标")),
                (
                    "unit",
                    models.CharField(
                        choices=[
                            ("people", "人"),
                            ("times", "人次"),
                            ("wan", "万元"),
                            ("items", "项"),
                            ("schools", "所"),
                        ],
                        max_length=8,
                        verbose_name="单位",
                    ),
                ),
                ("source", models.CharField(blank=True, default="", max_length=20, verbose_name="数字来源")),
                ("benefit", models.CharField(blank=True, default="", max_length=40, verbose_name="资助项目")),
                ("money", models.CharField(blank=True, default="", max_length=120, verbose_name="资金来源")),
                ("allotted_on", models.DateField(blank=True, null=True, verbose_name="下达时间")),
                ("transferred_on", models.DateField(blank=True, null=True, verbose_name="拨付时间")),
                ("paid_on", models.DateField(blank=True, null=True, verbose_name="发放时间")),
                ("due_on", models.DateField(verbose_name="完成时限")),
                ("escalated_on", models.DateField(null=True, verbose_name="升级日期")),
                ("first_month", models.CharField(db_collation="C", max_length=7)),
                ("last_month", models.CharField(blank=True, db_collation="C", default="", max_length=7)),
                ("note", models.CharField(blank=True, default="", max_length=200, verbose_name="备注")),
                ("made_by", models.CharField(max_length=120, verbose_name="下达人")),
                ("made_on", models.DateField(verbose_name="下达日期")),
                ("reported_on", models.DateField(null=True, verbose_name="报告完成日期")),
                ("reported_by", models.CharField(blank=True, default="", max_length=120, verbose_name="报告人")),
                ("reported_by_id", models.BigIntegerField(null=True)),
                ("found", models.CharField(blank=True, default="", max_length=400, verbose_name="自查情况")),
                ("checked_on", models.DateField(null=True, verbose_name="自查日期")),
                ("checked_by", models.CharField(blank=True, default="", max_length=120, verbose_name="自查人")),
                ("checked_by_id", models.BigIntegerField(null=True)),
                ("spot", models.BooleanField(default=False, verbose_name="抽中市级复查")),
                ("refound", models.CharField(blank=True, default="", max_length=400, verbose_name="复查情况")),
                ("rechecked_on", models.DateField(null=True, verbose_name="复查日期")),
                ("rechecked_by", models.CharField(blank=True, default="", max_length=120, verbose_name="复查人")),
                ("closed_on", models.DateField(null=True, verbose_name="办结日期")),
                (
                    "line",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="ledgers.workline",
                        verbose_name="工作线",
                    ),
                ),
                (
                    "office",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="aidcases.organisation",
                        verbose_name="责任单位",
                    ),
                ),
                (
                    "rectification",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="dropout.rectification",
                        verbose_name="限期整改",
                    ),
                ),
            ],
            options={
                "verbose_name": "工作任务",
                "ordering": ["due_on", "pk"],
            },
        ),
        migrations.CreateModel(
            name="WorkMonth",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                ("month", models.CharField(db_collation="C", max_length=7, verbose_name="月份")),
                ("done", models.DecimalField(decimal_places=2, max_digits=14, null=True, verbose_name="本月完成")),
                ("problem", models.CharField(blank=True, default="", max_length=400, verbose_name="存在问题")),
                ("remedy", models.CharField(blank=True, default="", max_length=400, verbose_name="整改措施")),
                ("told_on", models.DateField(verbose_name="填报日期")),
                ("told_by", models.CharField(max_length=120, verbose_name="填报人")),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="months", to="ledgers.worktask"
                    ),
                ),
            ],
            options={
                "verbose_name": "月度进展",
                "ordering": ["task", "month"],
            },
        ),
        migrations.CreateModel(
            name="Talk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                ("given_path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                ("given_name", models.CharField(max_length=80, verbose_name="约谈单位")),
                ("indicator", models.CharField(blank=True, default="", max_length=20, verbose_name="指标")),
                ("year", models.SmallIntegerField(verbose_name="年度")),
                ("held_on", models.DateField(verbose_name="约谈日期")),
                ("held_by", models.CharField(max_length=60, verbose_name="约谈人")),
                ("people", models.CharField(max_length=120, verbose_name="被约谈人")),
                ("about", models.CharField(max_length=200, verbose_name="约谈事由")),
                ("minutes", models.TextField(verbose_name="谈话记录")),
                ("result", models.CharField(max_length=400, verbose_name="要求和结果")),
                ("made_by", models.CharField(max_length=120, verbose_name="登记人")),
                (
                    "office",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="aidcases.organisation",
                        verbose_name="被约谈单位",
                    ),
                ),
                (
                    "rectification",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="dropout.rectification",
                        verbose_name="限期整改",
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="ledgers.worktask",
                        verbose_name="工作任务",
                    ),
                ),
            ],
            options={
                "verbose_name": "约谈",
                "ordering": ["-held_on", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="AgeFigure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                ("year", models.SmallIntegerField(verbose_name="学年")),
                (
                    "ages",
                    models.CharField(
                        choices=[
                            ("3-5", "3—5 周岁（学前三年）"),
                            ("6-11", "6—11 周岁（小学）"),
                            ("12-14", "12—14 周岁（初中）"),
                            ("15-17", "15—17 周岁（高中阶段）"),
                        ],
                        max_length=6,
                        verbose_name="年龄段",
                    ),
                ),
                ("number", models.IntegerField(verbose_name="适龄人口（人）")),
                ("enrolled", models.IntegerField(null=True, verbose_name="在校（园）人数")),
                ("as_of", models.DateField(verbose_name="数据截止日期")),
                ("source", models.CharField(max_length=120, verbose_name="数据来源")),
                ("made_by", models.CharField(max_length=120, verbose_name="填报人")),
                ("made_on", models.DateField(verbose_name="填报日期")),
                (
                    "area",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="ledgers.namedarea",
                        verbose_name="乡镇名单",
                    ),
                ),
            ],
            options={
                "verbose_name": "适龄人口",
                "ordering": ["pk"],
                "indexes": [models.Index(fields=["path", "year"], name="age_figure_path")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("number__gt", 0), models.Q(("enrolled", None), ("enrolled__gte", 0), _connector="OR")
                        ),
                        name="age_figure_counts",
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="worktask",
            index=models.Index(fields=["path", "state", "due_on"], name="work_task_path"),
        ),
        migrations.AddConstraint(
            model_name="worktask",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "cancelled"), _negated=True),
                fields=("line", "office", "title"),
                name="task_given_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="worktask",
            constraint=models.CheckConstraint(condition=models.Q(("target__gt", 0)), name="task_aims_at_something"),
        ),
        migrations.AddConstraint(
            model_name="worktask",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ("given", "under_way", "rectifying", "cancelled")),
                    models.Q(("reported_on__isnull", False), models.Q(("reported_by", ""), _negated=True)),
                    _connector="OR",
                ),
                name="reported_task_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="worktask",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ("given", "under_way", "reported", "rectifying", "cancelled")),
                    models.Q(
                        ("checked_on__isnull", False),
                        models.Q(("checked_by", ""), _negated=True),
                        models.Q(("found", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="checked_task_says_what",
            ),
        ),
        migrations.AddConstraint(
            model_name="worktask",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("checked_by_id", None),
                    ("reported_by_id", None),
                    models.Q(("checked_by_id", models.F("reported_by_id")), _negated=True),
                    _connector="OR",
                ),
                name="task_second_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="worktask",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "rechecked"), _negated=True),
                    models.Q(
                        ("rechecked_on__isnull", False),
                        models.Q(("rechecked_by", ""), _negated=True),
                        models.Q(("refound", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="rechecked_task_says_what",
            ),
        ),
        migrations.AddConstraint(
            model_name="worktask",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "rectifying"), _negated=True), ("rectification__isnull", False), _connector="OR"
                ),
                name="rectifying_task_has_an_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="worktask",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "closed"), _negated=True), ("closed_on__isnull", False), _connector="OR"
                ),
                name="closed_task_has_a_day",
            ),
        ),
        migrations.AddIndex(
            model_name="workmonth",
            index=models.Index(fields=["path", "month"], name="work_month_path"),
        ),
        migrations.AddConstraint(
            model_name="workmonth",
            constraint=models.UniqueConstraint(fields=("task", "month"), name="a_month_is_told_once"),
        ),
        migrations.AddConstraint(
            model_name="workmonth",
            constraint=models.CheckConstraint(
                condition=models.Q(("done", None), ("done__gte", 0), _connector="OR"), name="month_not_negative"
            ),
        ),
        migrations.AddIndex(
            model_name="talk",
            index=models.Index(fields=["path", "year"], name="talk_path"),
        ),
        migrations.AddConstraint(
            model_name="talk",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("minutes", ""), _negated=True), models.Q(("result", ""), _negated=True)),
                name="talk_says_what",
            ),
        ),
    ]
