"""Settings; everything a machine decides comes from the environment (see .env.example)."""

import os
import sys
from pathlib import Path

import environ

from aidcases import crypto, postgres

PROJECT = Path(__file__).resolve().parent.parent
env = environ.Env()

# What a production machine must be told; tests hold docker-compose.yml against this list.
PRODUCTION_VARIABLES = (
    "DATABASE_URL",
    "DJANGO_SECRET_KEY",
    "ALLOWED_HOSTS",
    "AIDCASES_KEYS",
    "AIDCASES_INDEX_KEY",
    "AIDCASES_HOME",
    "CELERY_BROKER_URL",
)

PRODUCTION = env.bool("AIDCASES_PRODUCTION", default=False)
TESTING = "pytest" in sys.modules
HOME = Path(env.str("AIDCASES_HOME", default=str(PROJECT / "var"))).resolve()
if PRODUCTION and (missing := [name for name in PRODUCTION_VARIABLES if not os.environ.get(name)]):
    raise SystemExit(f"错误：缺少环境变量 {'、'.join(missing)}，请在 .env 中填写后再启动。")
HOME.mkdir(parents=True, exist_ok=True, mode=0o755)

KEYRING = crypto.load_keyring(os.environ, HOME)
SECRET_KEY = env.str("DJANGO_SECRET_KEY", default="") or KEYRING.derive("django-secret-key")
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "ledgers",
    "dropout",
    "subsidies",
    "students",
    "aidcases",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "rest_framework",
    "template_partials",
]
AUTH_USER_MODEL = "aidcases.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "aidcases.urls"
WSGI_APPLICATION = "aidcases.wsgi.application"
SILENCED_SYSTEM_CHECKS = ["axes.W003"]  # axes' backend stands below under its own dotted path

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "subsidies.casework.public.PublicNotices",  # before sessions: reading a notice costs none
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "aidcases.middleware.NoNul",
    "aidcases.middleware.IdleTimeout",
    "aidcases.middleware.Acting",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PROJECT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["aidcases.templatetags.aid"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "aidcases.web.chrome",
            ],
        },
    }
]

DATABASES = {"default": postgres.database_settings(os.environ, HOME)}

REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# The broker is only a bell: the Job table is the queue of record. Without one, `manage.py runner` claims rows.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="")
JOB_LEASE_SECONDS = env.int("JOB_LEASE_SECONDS", default=15)

LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [PROJECT / "static"]
STATIC_ROOT = PROJECT / "staticfiles"
# Only production collects its assets; elsewhere they are looked up where they lie.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not PRODUCTION
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
FILES = Path(env.str("AIDCASES_FILES", default=str(HOME / "files")))  # uploads, error files and ledgers, sealed
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
UPLOAD_LIMIT_MB = 50
# Whatever a form sends at once, held in memory: nine photos of 10 MB; of somebody who isn't signed in, one.
REQUEST_LIMIT_MB, STRANGER_LIMIT_MB = 100, 12
FILE_UPLOAD_HANDLERS = ["aidcases.uploads.Unwritten"]

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "aidcases.passwords.LongEnough", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "aidcases.passwords.ThreeKinds"},
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # never the address alone: an office shares one
AXES_CLIENT_IP_CALLABLE = "aidcases.strangers.address"
AXES_LOCKOUT_CALLABLE = "aidcases.views.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the page promises the hour of unlocking
AXES_VERBOSE = False
IDLE_MINUTES = 30

SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = PRODUCTION and env.bool("HTTPS", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION else None
SECURE_HSTS_SECONDS = 31536000 if SECURE_SSL_REDIRECT else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],  # Bootstrap's own icons are data: images inside its style sheet
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["aidcases.access.MayAccess"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "aidcases.access.explained",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "学生资助办案系统接口",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["aidcases.access.MayAccess"],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"masked": {"()": "aidcases.logs.Masked"}},
    "formatters": {"plain": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["masked"], "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"aidcases": {"level": "INFO"}},
}
