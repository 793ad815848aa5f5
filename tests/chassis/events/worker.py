"""A tiny host's Celery app."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.chassis.events.settings")

from strangler.chassis.worker import worker_app

app = worker_app(os.environ["SERVICE"], periodic={})
