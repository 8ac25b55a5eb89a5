"""The Celery app. One task does all work (aidcases.jobs.run_job); its message carries only a job's id. Beat rings again
for jobs that wait and asks for the hour's daily round."""

import os

from celery import Celery

RING_EVERY = 5.0  # seconds between two rounds of ring_again
DAILY_EVERY = 60.0  # seconds between two looks whether the hour's daily round was asked for

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
    # max_retries is for publishing; a worker goes on looking for its broker (broker_connection_max_retries).
    broker_transport_options={"socket_timeout": 5, "socket_connect_timeout": 2, "max_retries": 0},
    beat_schedule={
        "ring-again": {
            "task": "aidcases.jobs.ring_again",
            "schedule": RING_EVERY,
            # While all workers are busy, rounds nobody has listened to must not pile up.
            "options": {"expires": RING_EVERY},
        },
        "daily": {"task": "aidcases.daily.tick", "schedule": DAILY_EVERY, "options": {"expires": DAILY_EVERY}},
    },
)
app.autodiscover_tasks(["aidcases"], related_name="jobs")
