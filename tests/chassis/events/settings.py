"""A tiny host: it runs the domains that DOMAINS names."""

import json
import os

from strangler.chassis.django import database

SECRET_KEY = "tiny"
USE_TZ = True
LOGGING_CONFIG = None
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "strangler.chassis.events",
    *(f"tests.chassis.events.{name}" for name in os.environ.get("DOMAINS", "making").split()),
]
DATABASES = {"default": database(os.environ["DATABASE_URL"])}
DATABASES["default"]["OPTIONS"] |= json.loads(os.environ.get("OPTIONS", "{}"))
