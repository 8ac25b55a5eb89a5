"""Plans with places per institution, trainees with their contacts, three calls after graduation."""

import aidcases.encrypted_field
import aidcases.scoping
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("subsidies", "0013_plans"),
    ]

    operations = [
        migrations.CreateModel(
            name="Trainee",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("year", models.SmallIntegerField(verbose_name="年度")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("to_contact", "待联系"),
                            ("willing", "愿意参加"),
                            ("unwilling", "不愿意"),
                            ("enrolled", "在学（在训）"),
                            ("finished", "已结业"),
                            ("employed", "已就业"),
                            ("studying_on", "继续升学"),
                            ("neither", "未就业未升学"),
                            ("struck", "不在范围"),
                        ],
                        default="to_contact",
                        max_length=12,
                        verbose_name="状态",
                    ),
                ),
                ("left_year", models.SmallIntegerField(verbose_name="毕业年份")),
                (
                    "left_stage",
                    models.CharField(
                        choices=[
                            ("preschool", "学前教育"),
                            ("primary", "小学"),
                            ("junior", "初中"),
                            ("senior", "普通高中"),
                            ("secondary_vocational", "中等职业"),
                            ("higher_vocational", "高等职业"),
                            ("undergraduate", "本科"),
                            ("postgraduate", "研究生"),
                            ("special_education", "特殊教育"),
                        ],
                        max_length=24,
                        verbose_name="毕业学段",
                    ),
                ),
                (
                    "why",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("working", "已外出务工"),
                            ("army", "已参军"),
                            ("no_interest", "不想再学"),
                            ("family", "家里需要劳力或照料"),
                            ("health", "身体原因"),
                            ("major", "没有合适的专业"),
                            ("other", "其他（写在备注）"),
                        ],
                        default="",
                        max_length=12,
                        verbose_name="不愿意的原因",
                    ),
                ),
                ("remark", models.CharField(blank=True, default="", max_length=200, verbose_name="备注")),
                (
                    "kind",
                    models.CharField(
                        blank=True,
                        choices=[("degree", "学历教育"), ("training", "职业培训")],
                        default="",
                        max_length=10,
                        verbose_name="类别",
                    ),
                ),
                ("major", models.CharField(blank=True, default="", max_length=60, verbose_name="专业（工种）")),
                ("from_on", models.DateField(null=True, verbose_name="入学（开班）日期")),
                ("to_on", models.DateField(null=True, verbose_name="计划结业日期")),
                ("finished_on", models.DateField(null=True, verbose_name="结业日期")),
                ("certificate", models.CharField(blank=True, default="", max_length=80, verbose_name="证书")),
                ("outcome_on", models.DateField(null=True, verbose_name="就业（升学）日期")),
                ("employer", models.CharField(blank=True, default="", max_length=80, verbose_name="就业单位")),
                ("post", models.CharField(blank=True, default="", max_length=40, verbose_name="岗位")),
                (
                    "wage",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("below2000", "2000 元以下/月"),
                            ("from2000", "2000—2999 元/月"),
                            ("from3000", "3000—4999 元/月"),
                            ("from5000", "5000—7999 元/月"),
                            ("from8000", "8000 元及以上/月"),
                        ],
                        default="",
                        max_length=10,
                        verbose_name="月收入",
                    ),
                ),
                ("place", models.CharField(blank=True, default="", max_length=60, verbose_name="就业地点")),
                ("onward", models.CharField(blank=True, default="", max_length=80, verbose_name="升入院校")),
                ("contacted_on", models.DateField(null=True, verbose_name="最近联系")),
                (
                    "phone",
                    aidcases.encrypted_field.EncryptedField(
                        blind_index="phone_hash", editable=True, null=True, purpose="phone", verbose_name="本人电话"
                    ),
                ),
                ("phone_hash", models.BinaryField(null=True)),
                ("phone_path", aidcases.scoping.PathField(blank=True, db_collation="C", default="", max_length=80)),
                ("home_path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                ("school_path", aidcases.scoping.PathField(blank=True, db_collation="C", default="", max_length=80)),
                ("made_by", models.CharField(max_length=120, verbose_name="登记人")),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "left_school",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="aidcases.school",
                        verbose_name="毕业学校",
                    ),
                ),
                (
                    "school",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="aidcases.school",
                        verbose_name="院校",
                    ),
                ),
                (
                    "student",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="trainings", to="students.student"
                    ),
                ),
            ],
            options={
                "verbose_name": "两后生",
                "ordering": ["-year", "home_path", "pk"],
            },
        ),
        migrations.CreateModel(
            name="TraineeContact",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("made_by", models.CharField(max_length=120, verbose_name="登记人")),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("contacted_on", models.DateField(verbose_name="日期")),
                (
                    "way",
                    models.CharField(
                        choices=[
                            ("visit", "上门"),
                            ("call", "电话"),
                            ("meeting", "到校、开会"),
                            ("message", "微信、短信"),
                        ],
                        max_length=8,
                        verbose_name="方式",
                    ),
                ),
                ("who", models.CharField(max_length=60, verbose_name="联系人")),
                ("note", models.CharField(max_length=300, verbose_name="了解到的情况")),
                (
                    "trainee",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="contacts", to="subsidies.trainee"
                    ),
                ),
            ],
            options={
                "verbose_name": "两后生联系",
                "ordering": ["-contacted_on", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="TrainingPlan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                ("year", models.SmallIntegerField(verbose_name="年度")),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "编制中"), ("fixed", "已下达")],
                        default="draft",
                        max_length=6,
                        verbose_name="状态",
                    ),
                ),
                ("degree", models.IntegerField(default=0, verbose_name="学历教育计划（人）")),
                ("training", models.IntegerField(default=0, verbose_name="职业培训计划（人）")),
                ("placed_degree", models.IntegerField(default=0)),
                ("placed_training", models.IntegerField(default=0)),
                ("document", models.CharField(blank=True, default="", max_length=120, verbose_name="依据文件")),
                (
                    "office",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="aidcases.organisation",
                        verbose_name="下达单位",
                    ),
                ),
            ],
            options={
                "verbose_name": "两后生培养计划",
                "ordering": ["-year", "path"],
            },
        ),
        migrations.CreateModel(
            name="TrainingPlace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                ("year", models.SmallIntegerField(verbose_name="年度")),
                ("school_path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                ("degree", models.IntegerField(default=0, verbose_name="学历教育（人）")),
                ("training", models.IntegerField(default=0, verbose_name="职业培训（人）")),
                (
                    "school",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="aidcases.school",
                        verbose_name="院校",
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="places", to="subsidies.trainingplan"
                    ),
                ),
            ],
            options={
                "verbose_name": "院校培养任务",
                "ordering": ["-year", "-degree", "school_path"],
            },
        ),
        migrations.CreateModel(
            name="FollowUp",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("year", models.SmallIntegerField(verbose_name="毕业年份")),
                ("number", models.SmallIntegerField(verbose_name="第几年")),
                ("stage", models.CharField(blank=True, default="", max_length=24, verbose_name="毕业学段")),
                ("home_path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                ("school_path", aidcases.scoping.PathField(db_collation="C", max_length=80)),
                ("due_on", models.DateField(verbose_name="回访期限")),
                (
                    "state",
                    models.CharField(
                        choices=[("due", "待回访"), ("done", "已回访"), ("void", "不用回访")],
                        default="due",
                        max_length=6,
                        verbose_name="状态",
                    ),
                ),
                (
                    "result",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("employed", "就业"),
                            ("own", "自主创业、灵活就业"),
                            ("studying", "升学"),
                            ("army", "参军"),
                            ("none", "未就业"),
                            ("lost", "联系不上"),
                        ],
                        default="",
                        max_length=10,
                        verbose_name="去向",
                    ),
                ),
                ("employer", models.CharField(blank=True, default="", max_length=80, verbose_name="单位（院校）")),
                ("post", models.CharField(blank=True, default="", max_length=40, verbose_name="岗位（专业）")),
                (
                    "wage",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("below2000", "2000 元以下/月"),
                            ("from2000", "2000—2999 元/月"),
                            ("from3000", "3000—4999 元/月"),
                            ("from5000", "5000—7999 元/月"),
                            ("from8000", "8000 元及以上/月"),
                        ],
                        default="",
                        max_length=10,
                        verbose_name="月收入",
                    ),
                ),
                ("place", models.CharField(blank=True, default="", max_length=60, verbose_name="所在地")),
                ("remark", models.CharField(blank=True, default="", max_length=200, verbose_name="情况和需求")),
                ("called_on", models.DateField(null=True, verbose_name="回访日期")),
                ("called_by", models.CharField(blank=True, default="", max_length=120, verbose_name="回访人")),
                (
                    "school",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="aidcases.school",
                        verbose_name="毕业院校",
                    ),
                ),
                (
                    "student",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="follow_ups", to="students.student"
                    ),
                ),
            ],
            options={
                "verbose_name": "毕业生跟踪",
                "ordering": ["due_on", "home_path", "pk"],
                "indexes": [
                    models.Index(fields=["year", "home_path"], name="follow_up_home"),
                    models.Index(fields=["year", "school_path"], name="follow_up_school"),
                    models.Index(condition=models.Q(("state", "due")), fields=["due_on"], name="follow_up_due"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "void"), _negated=True),
                        fields=("student", "year", "number"),
                        name="one_call_a_year",
                    ),
                    models.CheckConstraint(condition=models.Q(("number__in", (1, 2, 3))), name="call_of_three_years"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "done"), _negated=True),
                            models.Q(
                                ("called_on__isnull", False),
                                models.Q(("called_by", ""), _negated=True),
                                models.Q(("result", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="made_call_is_whole",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="trainee",
            index=models.Index(fields=["year", "home_path"], name="trainee_home"),
        ),
        migrations.AddIndex(
            model_name="trainee",
            index=models.Index(fields=["year", "school_path"], name="trainee_school"),
        ),
        migrations.AddConstraint(
            model_name="trainee",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "struck"), _negated=True),
                fields=("student", "year"),
                name="one_trainee_line_a_year",
            ),
        ),
        migrations.AddConstraint(
            model_name="trainee",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "unwilling"), _negated=True),
                    models.Q(("why", ""), _negated=True),
                    _connector="OR",
                ),
                name="unwilling_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="trainee",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("state__in", ("enrolled", "finished", "employed", "studying_on", "neither")), _negated=True
                    ),
                    models.Q(
                        ("from_on__isnull", False),
                        ("school__isnull", False),
                        models.Q(("school_path", ""), _negated=True),
                        models.Q(("kind", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="enrolled_trainee_is_placed",
            ),
        ),
        migrations.AddConstraint(
            model_name="trainee",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ("finished", "employed", "studying_on", "neither")), _negated=True),
                    models.Q(("finished_on__isnull", False), models.Q(("certificate", ""), _negated=True)),
                    _connector="OR",
                ),
                name="finished_trainee_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="trainee",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("to_on", None), ("to_on__gte", models.F("from_on")), _connector="OR"),
                    models.Q(("finished_on", None), ("finished_on__gte", models.F("from_on")), _connector="OR"),
                    models.Q(("outcome_on", None), ("outcome_on__gte", models.F("finished_on")), _connector="OR"),
                ),
                name="training_days_in_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="trainee",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "employed"), _negated=True),
                    models.Q(models.Q(("employer", ""), _negated=True), ("outcome_on__isnull", False)),
                    _connector="OR",
                ),
                name="employed_trainee_has_an_employer",
            ),
        ),
        migrations.AddConstraint(
            model_name="trainee",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "studying_on"), _negated=True),
                    models.Q(models.Q(("onward", ""), _negated=True), ("outcome_on__isnull", False)),
                    _connector="OR",
                ),
                name="studying_trainee_has_a_school",
            ),
        ),
        migrations.AddConstraint(
            model_name="trainee",
            constraint=models.CheckConstraint(
                condition=models.Q(("phone_hash", None), models.Q(("phone_path", ""), _negated=True), _connector="OR"),
                name="trainee_phone_has_an_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="trainingplan",
            constraint=models.UniqueConstraint(fields=("path", "year"), name="one_training_plan_a_year"),
        ),
        migrations.AddConstraint(
            model_name="trainingplan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("degree__gte", 0), ("training__gte", 0), ("placed_degree__gte", 0), ("placed_training__gte", 0)
                ),
                name="training_plan_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="trainingplan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "fixed"), _negated=True),
                    models.Q(("placed_degree", models.F("degree")), ("placed_training", models.F("training"))),
                    _connector="OR",
                ),
                name="fixed_plan_is_placed",
            ),
        ),
        migrations.AddIndex(
            model_name="trainingplace",
            index=models.Index(fields=["school_path", "year"], name="training_place_school"),
        ),
        migrations.AddConstraint(
            model_name="trainingplace",
            constraint=models.UniqueConstraint(fields=("school", "year"), name="one_training_place_a_year"),
        ),
        migrations.AddConstraint(
            model_name="trainingplace",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("degree__gte", 0),
                    ("training__gte", 0),
                    (
                        "degree__gt",
                        django.db.models.expressions.CombinedExpression(models.F("training"), "*", models.Value(-1)),
                    ),
                ),
                name="training_place_of_somebody",
            ),
        ),
    ]
