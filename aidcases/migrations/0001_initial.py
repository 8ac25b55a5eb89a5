import aidcases.scoping
import django.contrib.auth.models
import django.contrib.auth.validators
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models
from aidcases.migrating import CreateModels


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        CreateModels([
            migrations.CreateModel(
                name='CalendarDay',
                fields=[
                    ('day', models.DateField(primary_key=True, serialize=False, verbose_name='日期')),
                    ('working', models.BooleanField(verbose_name='上班')),
                    ('note', models.CharField(blank=True, default='', max_length=40, verbose_name='说明')),
                ],
                options={
                    'verbose_name': '调整的日子',
                    'ordering': ['day'],
                },
            ),
            migrations.CreateModel(
                name='CalendarYear',
                fields=[
                    ('year', models.IntegerField(primary_key=True, serialize=False, verbose_name='年份')),
                    ('document', models.CharField(blank=True, default='', max_length=120, verbose_name='依据文件')),
                    ('entered_by', models.CharField(max_length=120, verbose_name='录入人')),
                    ('entered_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='录入时间')),
                ],
                options={
                    'verbose_name': '放假安排',
                    'ordering': ['-year'],
                },
            ),
            migrations.CreateModel(
                name='User',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('password', models.CharField(max_length=128, verbose_name='password')),
                    ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                    ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                    ('username', models.CharField(error_messages={'unique': 'A user with that username already exists.'}, help_text='Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.', max_length=150, unique=True, validators=[django.contrib.auth.validators.UnicodeUsernameValidator()], verbose_name='username')),
                    ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                    ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                    ('email', models.EmailField(blank=True, max_length=254, verbose_name='email address')),
                    ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                    ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                    ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                    ('full_name', models.CharField(blank=True, default='', max_length=40, verbose_name='姓名')),
                    ('large_text', models.BooleanField(default=False, verbose_name='大字')),
                    ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                    ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
                ],
                options={
                    'verbose_name': '用户',
                },
                managers=[
                    ('objects', django.contrib.auth.models.UserManager()),
                ],
            ),
            migrations.CreateModel(
                name='AuditEvent',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('batch', models.UUIDField(default=uuid.uuid4)),
                    ('actor', models.CharField(max_length=120)),
                    ('user_id', models.BigIntegerField(null=True)),
                    ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('action', models.CharField(max_length=60)),
                    ('subject_type', models.CharField(blank=True, default='', max_length=40)),
                    ('subject_id', models.BigIntegerField(null=True)),
                    ('before', models.CharField(blank=True, default='', max_length=40)),
                    ('after', models.CharField(blank=True, default='', max_length=40)),
                    ('note', models.TextField(blank=True, default='')),
                    ('data', models.JSONField(blank=True, default=dict)),
                ],
                options={
                    'verbose_name': '操作记录',
                    'ordering': ['-pk'],
                    'indexes': [models.Index(fields=['subject_type', 'subject_id'], name='audit_subject'), models.Index(fields=['path', '-id'], name='audit_path')],
                },
            ),
            migrations.CreateModel(
                name='Region',
                fields=[
                    ('code', models.CharField(db_collation='C', max_length=12, primary_key=True, serialize=False)),
                    ('name', models.CharField(max_length=60)),
                    ('level', models.CharField(max_length=10)),
                    ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                ],
                options={
                    'verbose_name': '行政区划',
                    'indexes': [models.Index(fields=['path'], name='region_path')],
                    'constraints': [models.UniqueConstraint(fields=('path',), name='region_path_unique')],
                },
            ),
            migrations.CreateModel(
                name='School',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('code', models.CharField(db_collation='C', max_length=12, unique=True, verbose_name='学校标识码')),
                    ('name', models.CharField(max_length=80, verbose_name='学校名称')),
                    ('initials', models.CharField(blank=True, db_collation='C', default='', max_length=40)),
                    ('stages', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=24), blank=True, default=list, size=None)),
                    ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('public', models.BooleanField(default=True, verbose_name='公办')),
                    ('rural', models.BooleanField(db_default=True, default=True, verbose_name='农村学校')),
                    ('region', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='schools', to='aidcases.region', verbose_name='所在地')),
                ],
                options={
                    'verbose_name': '学校',
                },
            ),
            migrations.CreateModel(
                name='Organisation',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('city', 'city'), ('county', 'county'), ('township', 'township'), ('village', 'village'), ('school', 'school'), ('auditor', 'auditor'), ('system', 'system')], max_length=10, verbose_name='类型')),
                    ('name', models.CharField(max_length=80, verbose_name='名称')),
                    ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('region', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='offices', to='aidcases.region')),
                    ('school', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='offices', to='aidcases.school')),
                ],
                options={
                    'verbose_name': '机构',
                },
            ),
            migrations.CreateModel(
                name='SchoolFee',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('from_on', models.DateField(verbose_name='起')),
                    ('annual_fee', models.DecimalField(decimal_places=2, max_digits=10, verbose_name='学费标准（元/年）')),
                    ('school', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='fees', to='aidcases.school')),
                ],
                options={
                    'verbose_name': '学费标准',
                },
            ),
            migrations.CreateModel(
                name='StoredFile',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('subject_type', models.CharField(max_length=40)),
                    ('subject_id', models.BigIntegerField()),
                    ('what', models.CharField(max_length=40, verbose_name='内容')),
                    ('filename', models.CharField(max_length=200, verbose_name='文件名')),
                    ('content_type', models.CharField(max_length=40)),
                    ('size', models.IntegerField(verbose_name='字节数')),
                    ('sha256', models.CharField(max_length=64)),
                    ('stored', models.CharField(max_length=80)),
                    ('added_by', models.CharField(max_length=120, verbose_name='上传人')),
                    ('added_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='上传时间')),
                    ('removed_at', models.DateTimeField(null=True, verbose_name='删除时间')),
                ],
                options={
                    'verbose_name': '附件',
                    'ordering': ['pk'],
                    'indexes': [models.Index(fields=['subject_type', 'subject_id'], name='stored_file_subject')],
                },
            ),
            migrations.CreateModel(
                name='Job',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(max_length=40)),
                    ('label', models.CharField(max_length=120)),
                    ('params', models.JSONField(default=dict)),
                    ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('sides', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=8), default=list, size=None)),
                    ('requested_by', models.CharField(max_length=120)),
                    ('user_id', models.BigIntegerField(null=True)),
                    ('office_id', models.BigIntegerField(null=True)),
                    ('state', models.CharField(choices=[('queued', '排队中'), ('running', '进行中'), ('waiting', '分片进行中'), ('done', '完成'), ('failed', '未完成'), ('cancelled', '已取消')], default='queued', max_length=12)),
                    ('done', models.BigIntegerField(default=0)),
                    ('total', models.BigIntegerField(default=0)),
                    ('stage', models.CharField(blank=True, default='', max_length=60)),
                    ('result', models.JSONField(default=dict)),
                    ('error', models.TextField(blank=True, default='')),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('started_at', models.DateTimeField(null=True)),
                    ('finished_at', models.DateTimeField(null=True)),
                    ('claim', models.UUIDField(null=True)),
                    ('lease_until', models.DateTimeField(null=True)),
                    ('attempts', models.IntegerField(default=0)),
                    ('parent', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='aidcases.job')),
                ],
                options={
                    'verbose_name': '任务',
                    'ordering': ['-pk'],
                    'indexes': [models.Index(fields=['path', '-id'], name='job_path'), models.Index(condition=models.Q(('state__in', ('queued', 'running', 'waiting'))), fields=['id'], name='job_open')],
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('state', 'running'), _negated=True), ('claim__isnull', False), _connector='OR'), name='job_running_is_claimed')],
                },
            ),
            migrations.CreateModel(
                name='Membership',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('role', models.CharField(choices=[('county_maker', '县级经办'), ('county_checker', '县级审核'), ('county_head', '县中心负责人'), ('school_maker', '学校经办'), ('school_checker', '学校审核（校长）'), ('class_teacher', '班主任'), ('cadre', '乡村干部'), ('city_officer', '市局资助专员'), ('city_inspector', '市局督查员'), ('auditor', '审计'), ('system_admin', '系统管理员'), ('security_admin', '安全管理员'), ('audit_admin', '审计管理员')], max_length=20, verbose_name='角色')),
                    ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                    ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='aidcases.organisation')),
                ],
                options={
                    'verbose_name': '任职',
                    'ordering': ['pk'],
                    'constraints': [models.UniqueConstraint(fields=('user', 'organisation', 'role'), name='membership_once')],
                },
            ),
            migrations.CreateModel(
                name='Reminder',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('path', aidcases.scoping.PathField(db_collation='C', max_length=80)),
                    ('permission', models.CharField(max_length=40)),
                    ('key', models.CharField(max_length=60)),
                    ('subject_type', models.CharField(blank=True, default='', max_length=40)),
                    ('subject_id', models.BigIntegerField(null=True)),
                    ('title', models.CharField(max_length=200, verbose_name='事项')),
                    ('url', models.CharField(max_length=200)),
                    ('due_on', models.DateField(verbose_name='期限')),
                    ('urgent', models.BooleanField(default=False, verbose_name='已逾期或升级')),
                    ('made_on', models.DateField(verbose_name='提醒日期')),
                    ('done_at', models.DateTimeField(null=True, verbose_name='办结时间')),
                    ('done_by', models.CharField(blank=True, default='', max_length=120, verbose_name='办结人')),
                    ('office', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='aidcases.organisation', verbose_name='单位')),
                ],
                options={
                    'verbose_name': '待办提醒',
                    'ordering': ['due_on', 'pk'],
                    'indexes': [models.Index(fields=['path', 'done_at', 'due_on'], name='reminder_path')],
                    'constraints': [models.UniqueConstraint(fields=('office', 'key', 'subject_type', 'subject_id'), name='reminded_once')],
                },
            ),
            migrations.AddIndex(
                model_name='school',
                index=models.Index(fields=['path'], name='school_path'),
            ),
            migrations.AddIndex(
                model_name='school',
                index=models.Index(fields=['initials'], name='school_initials'),
            ),
            migrations.AddIndex(
                model_name='organisation',
                index=models.Index(fields=['path'], name='organisation_path'),
            ),
            migrations.AddConstraint(
                model_name='organisation',
                constraint=models.UniqueConstraint(fields=('kind', 'path'), name='one_office_of_a_kind_per_place'),
            ),
            migrations.AddConstraint(
                model_name='schoolfee',
                constraint=models.UniqueConstraint(fields=('school', 'from_on'), name='fee_starts_once'),
            ),
            migrations.AddConstraint(
                model_name='schoolfee',
                constraint=models.CheckConstraint(condition=models.Q(('annual_fee__gte', 0)), name='fee_not_negative'),
            ),
        ]),
    ]
