"""Plans of poor households, and what is known of children who study away from home."""

import aidcases.scoping
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("students", "0006_suspensions"), ("subsidies", "0012_suspensions")]

    operations = [
        migrations.CreateModel(
            name="HouseholdPlan",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                ("year", models.SmallIntegerField(verbose_name="学年")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "草稿"),
                            ("active", "执行中"),
                            ("reviewed", "已评估"),
                            ("closed", "已结束"),
                        ],
                        default="draft",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                (
                    "cause",
                    models.CharField(blank=True, default="", max_length=60, verbose_name="主要致贫原因"),
                ),
                (
                    "second_cause",
                    models.CharField(blank=True, default="", max_length=60, verbose_name="次要致贫原因"),
                ),
                (
                    "income_per_head",
                    models.DecimalField(
                        decimal_places=2, max_digits=10, null=True, verbose_name="家庭人均纯收入（元/年）"
                    ),
                ),
                ("owner", models.CharField(blank=True, default="", max_length=60, verbose_name="帮扶责任人")),
                (
                    "owner_unit",
                    models.CharField(blank=True, default="", max_length=80, verbose_name="单位和职务"),
                ),
                ("planned", models.SmallIntegerField(default=0, verbose_name="帮扶措施（条）")),
                ("undone", models.SmallIntegerField(default=0, verbose_name="没有办结的措施（条）")),
                ("effect", models.CharField(blank=True, default="", max_length=300, verbose_name="帮扶成效")),
                (
                    "result",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("solved", "因学负担已消除"),
                            ("eased", "有好转，还没有消除"),
                            ("unsolved", "没有好转"),
                        ],
                        default="",
                        max_length=10,
                        verbose_name="评估结果",
                    ),
                ),
                ("reviewed_on", models.DateField(null=True, verbose_name="评估日期")),
                (
                    "reviewed_by",
                    models.CharField(blank=True, default="", max_length=120, verbose_name="评估人"),
                ),
                ("made_by", models.CharField(max_length=120, verbose_name="制定人")),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "household",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="plans",
                        to="students.household",
                    ),
                ),
            ],
            options={
                "verbose_name": "帮扶计划",
                "ordering": ["-year", "pk"],
            },
        ),
        migrations.CreateModel(
            name="PlanChild",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("year", models.SmallIntegerField(verbose_name="学年")),
                (
                    "fees",
                    models.DecimalField(
                        decimal_places=2, max_digits=10, null=True, verbose_name="学费、书本费"
                    ),
                ),
                (
                    "board",
                    models.DecimalField(
                        decimal_places=2, max_digits=10, null=True, verbose_name="住宿、伙食费"
                    ),
                ),
                (
                    "travel",
                    models.DecimalField(decimal_places=2, max_digits=10, null=True, verbose_name="交通费"),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="children",
                        to="subsidies.householdplan",
                    ),
                ),
                (
                    "student",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="plan_lines",
                        to="students.student",
                    ),
                ),
            ],
            options={
                "verbose_name": "帮扶计划里的学生",
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="PlanMeasure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("made_by", models.CharField(max_length=120, verbose_name="登记人")),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("aid", "落实国家资助"),
                            ("loan", "办理助学贷款"),
                            ("gift", "争取社会捐助"),
                            ("pairing", "结对帮扶"),
                            ("tutoring", "学业辅导、送教上门"),
                            ("work", "家长务工就业"),
                            ("industry", "产业扶持"),
                            ("support", "低保、救助等兜底"),
                            ("other", "其他"),
                        ],
                        max_length=10,
                        verbose_name="措施类型",
                    ),
                ),
                ("what", models.CharField(max_length=200, verbose_name="具体做什么")),
                ("owner", models.CharField(max_length=60, verbose_name="责任人")),
                ("due_on", models.DateField(verbose_name="完成期限")),
                ("done_on", models.DateField(null=True, verbose_name="办结日期")),
                ("effect", models.CharField(blank=True, default="", max_length=200, verbose_name="办理结果")),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="measures",
                        to="subsidies.householdplan",
                    ),
                ),
                (
                    "student",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="plan_measures",
                        to="students.student",
                        verbose_name="给哪个孩子",
                    ),
                ),
            ],
            options={
                "verbose_name": "帮扶措施",
                "ordering": ["due_on", "pk"],
            },
        ),
        migrations.CreateModel(
            name="StudyAway",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("term", models.CharField(db_collation="C", max_length=11, verbose_name="学期")),
                ("home_path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("parents", "随父母务工（随迁）"),
                            ("further", "升学"),
                            ("kin", "投亲靠友"),
                            ("other", "其他"),
                        ],
                        default="",
                        max_length=10,
                        verbose_name="外出就读原因",
                    ),
                ),
                (
                    "aided",
                    models.CharField(
                        blank=True,
                        choices=[("yes", "已享受"), ("no", "没有享受")],
                        default="",
                        max_length=4,
                        verbose_name="就读地是否享受资助",
                    ),
                ),
                (
                    "item",
                    models.CharField(blank=True, default="", max_length=60, verbose_name="就读地资助项目"),
                ),
                (
                    "yuan",
                    models.DecimalField(
                        decimal_places=2, max_digits=10, null=True, verbose_name="就读地资助金额（元）"
                    ),
                ),
                ("proof_on", models.DateField(null=True, verbose_name="在读证明日期")),
                (
                    "how",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("phone", "电话"),
                            ("letter", "函"),
                            ("system", "系统"),
                            ("paper", "看在读证明"),
                        ],
                        default="",
                        max_length=8,
                        verbose_name="核实方式",
                    ),
                ),
                (
                    "checked_by",
                    models.CharField(blank=True, default="", max_length=60, verbose_name="核实人"),
                ),
                ("checked_on", models.DateField(null=True, verbose_name="核实日期")),
                ("note", models.CharField(blank=True, default="", max_length=200, verbose_name="备注")),
                ("made_by", models.CharField(max_length=120, verbose_name="登记人")),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "student",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="students.student"
                    ),
                ),
            ],
            options={
                "verbose_name": "在外就读登记",
                "ordering": ["-pk"],
            },
        ),
        migrations.AddIndex(
            model_name="householdplan",
            index=models.Index(fields=["year", "path"], name="plan_path"),
        ),
        migrations.AddConstraint(
            model_name="householdplan",
            constraint=models.UniqueConstraint(fields=("household", "year"), name="plan_once_a_year"),
        ),
        migrations.AddConstraint(
            model_name="householdplan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "draft"), models.Q(("owner", ""), _negated=True), _connector="OR"
                ),
                name="active_plan_has_an_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="householdplan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ("draft", "active")),
                    models.Q(
                        models.Q(("effect", ""), _negated=True),
                        models.Q(("result", ""), _negated=True),
                        models.Q(("reviewed_by", ""), _negated=True),
                        ("reviewed_on__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="reviewed_plan_says_what_came",
            ),
        ),
        migrations.AddConstraint(
            model_name="householdplan",
            constraint=models.CheckConstraint(
                condition=models.Q(("income_per_head", None), ("income_per_head__gte", 0), _connector="OR"),
                name="plan_income_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="householdplan",
            constraint=models.CheckConstraint(
                condition=models.Q(("undone__gte", 0), ("undone__lte", models.F("planned"))),
                name="undone_of_the_planned",
            ),
        ),
        migrations.AddConstraint(
            model_name="planchild",
            constraint=models.UniqueConstraint(fields=("student", "year"), name="plan_child_once_a_year"),
        ),
        migrations.AddConstraint(
            model_name="planchild",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("fees", None), ("fees__gte", 0), _connector="OR"),
                    models.Q(("board", None), ("board__gte", 0), _connector="OR"),
                    models.Q(("travel", None), ("travel__gte", 0), _connector="OR"),
                ),
                name="plan_costs_not_negative",
            ),
        ),
        migrations.AddIndex(
            model_name="planmeasure",
            index=models.Index(condition=models.Q(("done_on", None)), fields=["due_on"], name="measure_open"),
        ),
        migrations.AddConstraint(
            model_name="planmeasure",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("done_on", None), ("effect", "")),
                    models.Q(("done_on__isnull", False), models.Q(("effect", ""), _negated=True)),
                    _connector="OR",
                ),
                name="done_measure_says_what_came",
            ),
        ),
        migrations.AddIndex(
            model_name="studyaway",
            index=models.Index(fields=["term", "home_path"], name="study_away_home"),
        ),
        migrations.AddConstraint(
            model_name="studyaway",
            constraint=models.UniqueConstraint(fields=("student", "term"), name="study_away_once_a_term"),
        ),
        migrations.AddConstraint(
            model_name="studyaway",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("aided", "yes"), models.Q(("item", ""), _negated=True)),
                    models.Q(models.Q(("aided", "yes"), _negated=True), ("item", ""), ("yuan", None)),
                    _connector="OR",
                ),
                name="aid_elsewhere_is_named",
            ),
        ),
        migrations.AddConstraint(
            model_name="studyaway",
            constraint=models.CheckConstraint(
                condition=models.Q(("yuan", None), ("yuan__gte", 0), _connector="OR"),
                name="aid_elsewhere_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="studyaway",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("checked_by", ""), ("checked_on", None), ("how", "")),
                    models.Q(
                        models.Q(("how", ""), _negated=True),
                        models.Q(("checked_by", ""), _negated=True),
                        ("checked_on__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="checked_elsewhere_is_whole",
            ),
        ),
    ]
