FROM python:3.11-slim-bookworm

# Chinese fonts for the notices.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --system --uid 10001 --no-create-home aidcases && install -d -o aidcases -m 0700 /data

WORKDIR /app
ENV PYTHONUNBUFFERED=1 AIDCASES_PRODUCTION=1 AIDCASES_HOME=/data

COPY requirements/runtime.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/runtime.txt

COPY . .

# Throw-away values, for this one command: it reads no database and seals nothing.
RUN DATABASE_URL=postgres://none/none CELERY_BROKER_URL=none:// ALLOWED_HOSTS=none DJANGO_SECRET_KEY=none \
    AIDCASES_KEYS="1:$(head -c 32 /dev/urandom | base64)" AIDCASES_INDEX_KEY="$(head -c 32 /dev/urandom | base64)" \
    AIDCASES_HOME=/tmp/build python manage.py collectstatic --noinput \
    && rm -rf /tmp/build

USER aidcases
VOLUME /data
EXPOSE 8000

HEALTHCHECK --interval=30s --timeout=10s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://localhost:8000/healthz', timeout=5)"]

# /dev/shm: a worker's heartbeat file must not wait for a disk.
CMD ["gunicorn", "aidcases.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "3", \
     "--threads", "4", "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
