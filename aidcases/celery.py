"""The Celery app. One task in the whole project (aidcases.jobs.run_job); its message carries only a job's id."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aidcases.settings")
app = Celery("aidcases")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    # A broker that is away must not hold up a page: the row in the Job table is the truth, beat rings again.
    task_publish_retry=False,
    broker_transport_options={"socket_timeout": 5, "socket_connect_timeout": 2},
    beat_schedule={"ring-again": {"task": "aidcases.jobs.ring_again", "schedule": 5.0}},
)
app.autodiscover_tasks(["aidcases"], related_name="jobs")
