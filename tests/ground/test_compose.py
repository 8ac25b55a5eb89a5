"""docker-compose.yml and Dockerfile describe a production that the settings accept."""

import re
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from aidcases.settings import PRODUCTION_VARIABLES

PROJECT = Path(settings.PROJECT)
COMPOSE = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = ("web", "worker", "beat", "migrate")
DOCKERFILE = (PROJECT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
SECRETS = {"POSTGRES_PASSWORD", "DJANGO_SECRET_KEY", "AIDCASES_KEYS", "AIDCASES_INDEX_KEY"}


def instruction(name: str) -> list[str]:
    return [line for line in DOCKERFILE if line.split(maxsplit=1)[:1] == [name]]


def test_the_services_are_those_of_the_production_shape():
    assert set(SERVICES) == {*OURS, "db", "redis"}
    assert SERVICES["db"]["image"] == "postgres:18"
    assert SERVICES["redis"]["image"].startswith("redis:7")
    for name in OURS:
        assert SERVICES[name]["build"] == "."


@pytest.mark.parametrize(
    ("service", "asks"),
    [
        ("web", "/healthz"),
        ("worker", "inspect ping"),
        ("beat", "celerybeat-schedule"),
        ("db", "pg_isready"),
        ("redis", "redis-cli ping"),
    ],
)
def test_each_service_has_a_health_check(service, asks):
    check = SERVICES[service]["healthcheck"]
    assert asks in " ".join(check["test"])
    assert {"interval", "timeout"} <= set(check)


def test_beat_writes_the_file_that_its_health_check_looks_for():
    assert "/tmp/celerybeat-schedule" in SERVICES["beat"]["command"]


def test_our_services_wait_for_the_migrated_database():
    for name in ("web", "worker", "beat"):
        waits = SERVICES[name]["depends_on"]
        assert waits["migrate"]["condition"] == "service_completed_successfully"
        assert waits["redis"]["condition"] == "service_healthy"
    assert SERVICES["migrate"]["depends_on"]["db"]["condition"] == "service_healthy"
    assert "migrate" in SERVICES["migrate"]["command"]


def test_files_and_database_live_in_volumes():
    for name in OURS:
        assert SERVICES[name]["volumes"] == [f"files:{SERVICES[name]['environment']['AIDCASES_HOME']}"]
    assert SERVICES["db"]["volumes"] == ["database:/var/lib/postgresql"]
    assert set(COMPOSE["volumes"]) == {"files", "database"}


def test_collected_assets_are_not_hidden_by_the_volume():
    assert not Path(settings.STATIC_ROOT).is_relative_to(settings.HOME)


@pytest.mark.parametrize("name", OURS)
def test_what_production_requires_is_set(name):
    environment = SERVICES[name]["environment"]
    assert set(PRODUCTION_VARIABLES) <= set(environment)
    assert environment["AIDCASES_PRODUCTION"] == "1"


def test_every_variable_is_one_that_the_code_reads():
    sources = [PROJECT / "aidcases" / name for name in ("settings.py", "postgres.py", "crypto.py")]
    read = set(re.findall(r'"([A-Z][A-Z_]+)"', "".join(path.read_text() for path in sources)))
    for name in OURS:
        assert set(SERVICES[name]["environment"]) <= read
    in_image = set(re.findall(r"\b([A-Z][A-Z_]+)=", " ".join(instruction("ENV") + instruction("RUN"))))
    assert in_image - {"PYTHONUNBUFFERED"} <= read


def test_secrets_come_from_the_environment_and_are_required():
    asked = set(re.findall(r"\$\{([A-Z_]+)", (PROJECT / "docker-compose.yml").read_text()))
    required = set(re.findall(r"\$\{([A-Z_]+):\?\}", (PROJECT / "docker-compose.yml").read_text()))
    assert asked == required
    assert required >= SECRETS
    example = dict(re.findall(r"^([A-Z_]+)=(.*)$", (PROJECT / ".env.example").read_text(), re.MULTILINE))
    assert set(example) == required
    assert not any(example.values())


def test_only_the_web_is_published_and_only_to_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8000:8000"]}


def test_the_database_logs_no_value_of_a_statement():
    from aidcases.postgres import SERVER_SETTINGS

    given = dict(re.findall(r"-c (\w+)=(\S+)", SERVICES["db"]["command"]))
    ours = {name: value for name, value in SERVER_SETTINGS.items() if name.startswith("log_")}
    shared = {name for name in ours if name != "log_checkpoints"}
    assert {name: given.get(name) for name in shared} == {name: ours[name] for name in shared}


def test_the_image_is_built_from_the_lock_and_runs_without_root():
    assert instruction("FROM") == ["FROM python:3.11-slim-bookworm"]
    steps = " ".join(instruction("RUN"))
    assert "--require-hashes -r requirements/runtime.txt" in steps
    assert "fonts-noto-cjk" in steps
    assert "collectstatic --noinput" in steps
    assert instruction("USER") == ["USER aidcases"]
    assert [line.split()[0] for line in DOCKERFILE if re.match(r"(USER|CMD)\b", line)] == ["USER", "CMD"]
    assert "/healthz" in instruction("HEALTHCHECK")[0]
    assert instruction("VOLUME") == [f"VOLUME {SERVICES['web']['environment']['AIDCASES_HOME']}"]


def test_the_image_gets_the_program_and_nothing_else():
    listed = (PROJECT / ".dockerignore").read_text().splitlines()
    assert listed[0] == "*"
    allowed = {line[1:] for line in listed if line.startswith("!")}
    assert allowed == {
        "aidcases", "students", "subsidies", "dropout", "ledgers", "static", "templates",
        "manage.py", "requirements/runtime.txt",
    }  # fmt: skip
    for name in allowed:
        assert (PROJECT / name).exists()
