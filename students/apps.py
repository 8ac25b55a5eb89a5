"""People, households, students, enrolments, hardship, and the imports they come from."""

from django.apps import AppConfig


class StudentsConfig(AppConfig):
    name = "students"
    verbose_name = "学生"
    shared_models: tuple[str, ...] = ()

    def ready(self) -> None:
        from students import registration  # noqa: F401  (fills the kernel's registry)
